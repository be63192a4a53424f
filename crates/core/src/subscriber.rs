//! Subscribers: people who left an address at a bio page.
//!
//! There are two ways to leave one. Who *signs up* wants to hear from the page's owner, and is one row for each page however
//! often the form is sent: until the address has been shown to be theirs, by a link that was mailed to it, they are
//! [`Pending`](Status::Pending) and nobody may write to them. Who *writes* leaves a message; there is nothing to wait for, so
//! a message is confirmed from the start, and its address is what its writer claims.
//!
//! What the form asks for is read here ([`parse_name`], [`parse_message`] and [`crate::mail::Address`]), and sentences are for
//! the person who fills it in.

use crate::{
    Refused,
    id::{BlockId, PageId, SubscriberId},
    mail::Address,
    time::Time,
};

/// Most characters of a name.
pub const LONGEST_NAME: usize = 100;
/// Most characters of a message.
pub const LONGEST_MESSAGE: usize = 4000;
/// Days in which an address can be confirmed.
pub const CONFIRMED_WITHIN_DAYS: u32 = 7;

/// Why somebody left an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To hear from the page's owner.
    Signup,
    /// To be answered.
    Contact,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Signup, Self::Contact];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Contact => "contact",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(Refused::because("Must be signup or contact"))
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The address has not been shown to be theirs.
    Pending,
    /// There is nothing more to wait for.
    Confirmed,
}

impl Status {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Pending, Self::Confirmed];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or(Refused::because("Must be pending or confirmed"))
    }
}

/// Somebody who left an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Their id.
    pub id: SubscriberId,
    /// The page.
    pub page: PageId,
    /// The block whose form they sent; it may be gone.
    pub block: BlockId,
    /// Why.
    pub kind: Kind,
    /// The address.
    pub email: Address,
    /// What they call themselves.
    pub name: Option<String>,
    /// What they wrote.
    pub message: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When the form was sent first.
    pub created_at: Time,
    /// When there was nothing more to wait for.
    pub confirmed_at: Option<Time>,
}

/// Reads a name: one line of at most [`LONGEST_NAME`] characters. An empty one is none.
pub fn parse_name(text: &str) -> Result<Option<String>, Refused> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.chars().count() > LONGEST_NAME {
        return Err(Refused::because("Must be at most 100 characters"));
    }
    if name.chars().any(is_unfit) {
        return Err(Refused::because("Must be plain text"));
    }
    Ok((!name.is_empty()).then_some(name))
}

/// Reads a message: up to [`LONGEST_MESSAGE`] characters, and not only white space. Lines end in `\n`.
pub fn parse_message(text: &str) -> Result<String, Refused> {
    let message = text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();
    if message.is_empty() {
        return Err(Refused::because("Must say something"));
    }
    if message.chars().count() > LONGEST_MESSAGE {
        return Err(Refused::because("Must be at most 4000 characters"));
    }
    if message.chars().any(|character| !matches!(character, '\n' | '\t') && is_unfit(character)) {
        return Err(Refused::because("Must be plain text"));
    }
    Ok(message)
}

/// What no keyboard types: control characters, and those that turn the direction of what follows and so could make a name
/// read as something else in a list.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("", None),
            (" \t\r\n ", None),
            ("  Ada \r\n Lovelace ", Some("Ada Lovelace")),
            ("علي", Some("علي")),
            ("👩‍🚀 Zoë", Some("👩‍🚀 Zoë")),
        ] {
            assert_eq!(parse_name(text), Ok(name.map(str::to_owned)), "{text:?}");
        }
        for text in [&"é".repeat(101), "a\0b", "a\u{202e}b", "a\u{1b}[31m"] {
            assert!(parse_name(text).is_err(), "{text:?}");
        }
        assert!(parse_name(&"é".repeat(100)).is_ok());
    }

    #[test]
    fn messages() {
        assert_eq!(parse_message("  Hello\r\n\tthere\rAda \n").as_deref(), Ok("Hello\n\tthere\nAda"));
        for text in ["", " \r\n ", "a\0", "a\u{7}", "\u{2066}a", &"a".repeat(4001)] {
            assert!(parse_message(text).is_err(), "{text:?}");
        }
        assert!(parse_message(&"é".repeat(4000)).is_ok());
    }

    #[test]
    fn words() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        }
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Ok(status));
        }
        assert!(Kind::parse("").is_err() && Status::parse("Confirmed").is_err());
    }
}
