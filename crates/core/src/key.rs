//! API keys: secrets that a scanner can recognise and that the store never holds.
//!
//! `mk_live_` or `mk_test_`, then 32 base-62 characters: 26 of chance (154 bits) and 6 that are a checksum of all
//! before them. A key with a typing error, or a lookalike, is told apart without asking the store, and a secret
//! scanner has no false alarms. Only the SHA-256 of the whole is kept: the chance in it is far too large to search, so
//! a slow hash would only slow us down.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::{Refused, bio_page::words, id::KeyId, scope::Scopes, time::Time, workspace::Owner};

const LIVE: &str = "mk_live_";
const TEST: &str = "mk_test_";
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHANCE: usize = 26;
const CHECKSUM: usize = 6;

/// An API key's secret: shown to its owner once, and then only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// SHA-256 of a secret: what the store keeps and compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

fn checksum(before: &str) -> String {
    let digest = Sha256::digest(before.as_bytes());
    digest.iter().take(CHECKSUM).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

impl Secret {
    /// A new secret; `chance(n)` answers a number below `n`.
    pub fn new(is_test: bool, mut chance: impl FnMut(usize) -> usize) -> Self {
        let mut text = String::from(if is_test { TEST } else { LIVE });
        text.extend((0..CHANCE).map(|_| char::from(LETTERS[chance(LETTERS.len()) % LETTERS.len()])));
        let check = checksum(&text);
        text.push_str(&check);
        Self(text)
    }

    /// Reads a secret; a wrong prefix, length, character or checksum is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const WANTED: Refused = Refused::because("Must be an API key");
        let body = text.strip_prefix(LIVE).or_else(|| text.strip_prefix(TEST)).ok_or(WANTED)?;
        let shaped = body.len() == CHANCE + CHECKSUM && body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !shaped || !text.ends_with(&checksum(&text[..text.len() - CHECKSUM])) {
            return Err(WANTED);
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole secret. For its owner's eyes, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Enough of the secret to tell it from others in a list: the prefix and the last four characters.
    pub fn hint(&self) -> String {
        format!("{}…{}", &self.0[..LIVE.len()], &self.0[self.0.len() - 4..])
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.hint())
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// An API key, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// The workspace and environment it reaches, and nothing else.
    pub owner: Owner,
    /// What its owner sets.
    pub content: Content,
    /// See [`Secret::hint`].
    pub hint: String,
    /// Until when the secret before is valid too.
    pub previous_until: Option<Time>,
    /// Counts its changes (uses are none), from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When its owner last changed it.
    pub updated_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Time>,
}

/// What the owner of a key sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// From when on it is good for nothing.
    pub expires_at: Option<Time>,
    /// From where alone it may be used; from anywhere if there is none.
    pub allowed_ips: Vec<IpNet>,
}

/// How it is with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Active,
    /// It works, but nobody has used it for [`INACTIVE_AFTER`].
    Inactive,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl Status {
    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key that was not used for this long is marked; one that never was counts from its making.
pub const INACTIVE_AFTER: Duration = Duration::from_hours(90 * 24);
/// How long the secret before stays valid, unless it is said.
pub const GRACE: Duration = Duration::from_hours(24);
/// The longest that it can.
pub const LONGEST_GRACE: Duration = Duration::from_hours(30 * 24);
/// Most networks that one key names.
pub const MOST_NETWORKS: usize = 50;
/// Most keys of one owner that are not revoked.
pub const MOST_KEYS: usize = 1000;

impl Content {
    /// A key of this name that may do this, whenever and from anywhere.
    pub const fn of(name: String, scopes: Scopes) -> Self {
        Self { name, scopes, expires_at: None, allowed_ips: Vec::new() }
    }
}

impl Key {
    /// How it is with it.
    pub fn status(&self, now: Time) -> Status {
        let used = self.last_used_at.unwrap_or(self.created_at);
        if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.content.expires_at.is_some_and(|end| end <= now) {
            Status::Expired
        } else if used.after(INACTIVE_AFTER) <= now {
            Status::Inactive
        } else {
            Status::Active
        }
    }

    /// Whether it works at all.
    pub fn is_good(&self, now: Time) -> bool {
        matches!(self.status(now), Status::Active | Status::Inactive)
    }

    /// Whether it may be used from this address.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        let allowed = &self.content.allowed_ips;
        allowed.is_empty() || allowed.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// Checks what a key is called: 1–100 characters.
pub fn parse_name(text: &str) -> Result<String, Refused> {
    words::name(text, 100)
}

/// Reads a network, such as `192.0.2.0/24`; a bare address is a network of one.
pub fn parse_network(text: &str) -> Result<IpNet, Refused> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let wanted = Refused::because("Must be an address or a network, such as 192.0.2.7 or 2001:db8::/32");
    network.map(|network| canonical(network.trunc())).ok_or(wanted)
}

/// An IPv4 network that is written as IPv6 does (RFC 4291 §2.5.5.2) is one of IPv4, as which its addresses come.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    let plain = address.and_then(|(address, length)| IpNet::new(address.into(), length).ok());
    plain.unwrap_or(network)
}

/// Checks how long the secret before stays valid: 0 to 2,592,000 seconds (30 days).
pub fn parse_grace(seconds: i64) -> Result<Duration, Refused> {
    let grace = u64::try_from(seconds).ok().map(Duration::from_secs).filter(|grace| *grace <= LONGEST_GRACE);
    grace.ok_or(Refused::because("Must be a whole number from 0 to 2592000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        let mut turn = 0;
        Secret::new(false, |_| {
            turn += 7;
            turn
        })
    }

    #[test]
    fn a_secret_reads_back() {
        let secret = secret();
        assert_eq!(secret.reveal().len(), 40);
        assert_eq!(Secret::parse(secret.reveal()), Ok(secret.clone()));
        assert!(Secret::new(true, |_| 0).reveal().starts_with("mk_test_"));
    }

    #[test]
    fn the_status_of_a_key() {
        let days = |days: i64| Time::from_unix_millis(days * 24 * 60 * 60 * 1000);
        let key = |last_used_at: Option<i64>, expires_at: Option<i64>, revoked_at: Option<i64>| Key {
            id: KeyId::from_bits(1),
            owner: Owner { workspace: 1, is_test: true },
            content: Content { expires_at: expires_at.map(days), ..Content::of("ci".to_owned(), Scopes::all()) },
            hint: "mk_test_…1234".to_owned(),
            previous_until: None,
            version: 1,
            created_at: days(0),
            updated_at: days(0),
            last_used_at: last_used_at.map(days),
            revoked_at: revoked_at.map(days),
        };
        for (key, now, expected) in [
            (key(None, None, None), 89, Status::Active),
            (key(None, None, None), 90, Status::Inactive),
            (key(Some(10), None, None), 99, Status::Active),
            (key(Some(10), None, None), 100, Status::Inactive),
            (key(Some(10), Some(12), None), 11, Status::Active),
            (key(Some(10), Some(12), None), 12, Status::Expired),
            (key(Some(10), Some(12), Some(11)), 12, Status::Revoked),
        ] {
            assert_eq!(key.status(days(now)), expected, "{key:?}");
        }
    }

    #[test]
    fn networks() {
        for (text, written) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(parse_network(text).map(|network| network.to_string()), Ok(written.to_owned()));
        }
        for text in ["", "192.0.2", "192.0.2.7/33", "example.com", "192.0.2.7 "] {
            assert!(parse_network(text).is_err(), "{text}");
        }
        assert!(parse_grace(0).is_ok() && parse_grace(2_592_000).is_ok() && parse_grace(2_592_001).is_err());
        assert!(parse_grace(-1).is_err() && parse_name(" ci ") == Ok("ci".to_owned()) && parse_name("  ").is_err());
    }

    #[test]
    fn lookalikes_are_refused() {
        let good = secret().reveal().to_owned();
        let mut wrong = good.clone().into_bytes();
        wrong[12] = if wrong[12] == b'x' { b'y' } else { b'x' };
        let wrong = String::from_utf8(wrong).expect("ascii");
        for text in [
            "",
            "mk_live_",
            &wrong,
            &good.replace("mk_live_", "mk_test_"),
            &good[..39],
            &format!("{good}a"),
            "mk_live_ééééééééééééééééé",
        ] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = secret();
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains(&secret.reveal()[8..20]));
    }
}
