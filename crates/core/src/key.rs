//! API keys: secrets that a scanner can recognise and that the store never holds.
//!
//! `mk_live_` or `mk_test_`, then 32 base-62 characters: 26 of chance (154 bits) and 6 that are a checksum of all
//! before them. A key with a typing error, or a lookalike, is told apart without asking the store, and a secret
//! scanner has no false alarms. Only the SHA-256 of the whole is kept: the chance in it is far too large to search, so
//! a slow hash would only slow us down.

use sha2::{Digest, Sha256};

use crate::{Refused, id::KeyId, scope::Scopes, time::Time, workspace::Owner};

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
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// See [`Secret::hint`].
    pub hint: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Time>,
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
