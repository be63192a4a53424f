//! Mail: addresses that can be written to, and how long a letter is tried.
//!
//! An address becomes one by [`Address::parse`] alone, and what is one has neither a line break, nor a quoted part, nor a
//! letter outside ASCII. So it can stand in a header and in an SMTP command as it is, and nobody who fills in a form can add
//! a header or a recipient. Less is taken than RFC 5321 allows: `"quoted text"@example.com`, addresses of machines by number
//! and names before the `@` outside ASCII (which need an extension that many servers lack) are refused, and the sentence
//! says so. An international domain is kept in its ASCII form, the one that travels.
//!
//! A letter that could not be handed over is tried again for [`TRIED_FOR`]: RFC 5321 §4.5.4.1 asks for four to five days.
//! What the recipient's server refuses for good is not tried again.

use std::time::Duration;

use url::Host;

use crate::{Refused, time::Time};

/// The longest address (RFC 5321 §4.5.3.1.3, less the angle brackets around it).
pub const LONGEST_ADDRESS: usize = 254;
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;

/// How long a letter is tried.
pub const TRIED_FOR: Duration = Duration::from_hours(4 * 24);

/// The pauses after the tries, the last one over and over.
const PAUSES: [Duration; 6] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];

/// An address that a letter can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Reads an address as people type it; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const NONE: Refused = Refused::because("Must be an email address such as ada@example.com");
        let text = text.trim();
        // Long before any look at what it says: nobody's text makes work.
        if text.len() > 4 * LONGEST_ADDRESS {
            return Err(NONE);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NONE)?;
        if !local.is_ascii() {
            return Err(Refused::because("Must have only letters of the Latin alphabet without marks before the @"));
        }
        let domain = parse_domain(domain).ok_or(NONE)?;
        let address = format!("{local}@{domain}");
        if !is_local(local) || address.len() > LONGEST_ADDRESS {
            return Err(NONE);
        }
        Ok(Self(address))
    }

    /// The address, its domain in lower case and in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of one mailbox have in common. A server may tell `Ada@` from `ada@`, and none that people use does.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Most characters of the name before an address.
const LONGEST_NAME: usize = 100;

/// Who a letter is from, or who is to be answered: an address, and perhaps a name before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// What mail programs show.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

impl Mailbox {
    /// Reads `ada@example.com` or `Ada Lovelace <ada@example.com>`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
            return Ok(Self { name: None, address: Address::parse(text)? });
        };
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        let is_plain =
            name.chars().count() <= LONGEST_NAME && !name.chars().any(|letter| letter.is_control() || letter == '"');
        if !is_plain {
            return Err(Refused::because("Must have a name of at most 100 characters in one line before the address"));
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address: Address::parse(address)? })
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// A dot-atom (RFC 5322 §3.2.3) of at most 64 characters.
fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= LONGEST_LOCAL && local.split('.').all(is_atom)
}

/// A host name of at least two labels, in ASCII; the last one is no number, so it is no address of a machine.
fn parse_domain(text: &str) -> Option<String> {
    // A host of a URL may be written with percent signs, a mail's domain not.
    if text.contains('%') {
        return None;
    }
    let Ok(Host::Domain(domain)) = Host::parse(text) else { return None };
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = |last: &str| last.len() >= 2 && !last.bytes().all(|byte| byte.is_ascii_digit());
    let fits = domain.len() <= LONGEST_DOMAIN
        && domain.split('.').all(is_label)
        && domain.rsplit_once('.').is_some_and(|(_, last)| is_name(last));
    fits.then_some(domain)
}

/// When a letter is tried again that could not be handed over; `None` when it has been tried for long enough.
///
/// `tries` have been made. `chance` is a number up to a thousand that shortens the pause by up to a tenth: letters that
/// failed together are not all tried in the same second.
pub fn next_try(created_at: Time, tries: u32, now: Time, chance: u32) -> Option<Time> {
    let place = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let pause = PAUSES[place];
    let next = now.after(pause / 10_000 * (10_000 - chance.min(1000)));
    (next <= created_at.after(TRIED_FOR)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long_local = format!("{}@example.com", "a".repeat(64));
        for (text, address) in [
            ("ada@example.com", "ada@example.com"),
            (" Ada.Lovelace+x@Example.COM\n", "Ada.Lovelace+x@example.com"),
            ("o'brien_{}|~!#$%&*/=?^`-@a-b.co", "o'brien_{}|~!#$%&*/=?^`-@a-b.co"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
            (&long_local, &long_local),
        ] {
            assert_eq!(Address::parse(text).as_ref().map(Address::as_str), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        let labels = |count: usize| vec!["a".repeat(63); count].join(".");
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@example",
            "ada@example.c",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@1.2.3.4.5",
            "ada@example.com.",
            "ada@-a.com",
            "ada@a-.com",
            "ada@ex_ample.com",
            "ada@ex ample.com",
            "ada@ex%61mple.com",
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a b@example.com",
            "a@b@example.com",
            "\"a b\"@example.com",
            "<ada@example.com>",
            "Ada <ada@example.com>",
            "ada@example.com, bob@example.com",
            "ada@example.com\r\nBcc: bob@example.com",
            "a\r\nBcc: bob@example.com",
            "a\0@example.com",
            "ädä@example.com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("a@{}.com", labels(4)),
            &format!("{}@{}.com", "a".repeat(64), labels(3)),
            &"@".repeat(100_000),
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_mailbox() {
        let key = |text| Address::parse(text).map(|address| address.key());
        assert_eq!(key("Ada@Example.com"), key("ada@example.COM"));
        assert_ne!(key("ada@example.com"), key("ad.a@example.com"));
    }

    #[test]
    fn mailboxes() {
        for (text, shown) in [
            ("ada@example.com", "ada@example.com"),
            ("<ada@example.com>", "ada@example.com"),
            (" Ada Lovelace <ada@Example.com> ", "Ada Lovelace <ada@example.com>"),
            ("\"Lovelace, Ada\" <ada@example.com>", "Lovelace, Ada <ada@example.com>"),
            ("Zoë <zoe@bücher.example>", "Zoë <zoe@xn--bcher-kva.example>"),
        ] {
            assert_eq!(Mailbox::parse(text).map(|mailbox| mailbox.to_string()), Ok(shown.to_owned()), "{text}");
        }
        let long = format!("{} <ada@example.com>", "a".repeat(101));
        for text in
            ["", "Ada", "Ada <>", "Ada <ada>", "A\r\nBcc: x@example.com <ada@example.com>", "a\"b <a@b.co>", &long]
        {
            assert!(Mailbox::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn letters_are_tried_for_four_days() {
        let begin = Time::from_unix_millis(1_774_360_800_000);
        let (mut now, mut tries, mut waits) = (begin, 0, Vec::new());
        loop {
            tries += 1;
            let Some(next) = next_try(begin, tries, now, 0) else { break };
            waits.push((next.unix_millis() - now.unix_millis()) / 60_000);
            now = next;
        }
        assert_eq!(waits[..7], [1, 5, 15, 60, 120, 240, 240]);
        let hours = (now.unix_millis() - begin.unix_millis()) / 3_600_000;
        assert!((91..=96).contains(&hours), "{hours}");
        assert_eq!(next_try(begin, 1, begin, 1000), Some(begin.after(Duration::from_secs(54))));
        assert_eq!(next_try(begin, u32::MAX, begin, u32::MAX), Some(begin.after(Duration::from_mins(216))));
        assert_eq!(next_try(begin, 0, begin, 0), next_try(begin, 1, begin, 0));
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_reads_back_the_same(text in "[ -~]{0,80}|[a-zäß.]{1,10}@[a-zäß.-]{1,30}") {
            if let Ok(address) = Address::parse(&text) {
                proptest::prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                proptest::prop_assert_eq!(Address::parse(address.as_str()), Ok(address));
            }
        }
    }
}
