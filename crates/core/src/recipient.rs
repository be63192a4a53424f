//! Recipients: addresses that messages of bio pages are mailed to, which somebody else may have typed in.
//!
//! Whoever edits a page names an address for its messages, and it may be anybody's. So it is asked once, by a letter with a
//! link, and gets no message before somebody has said there that it is welcome; and whoever says that it is not is never
//! asked again. What is said holds for a workspace: its pages have one owner.

use std::time::Duration;

use crate::{Refused, id::RecipientId, mail::Address};

/// How often an address is asked; who did not answer by then does not want to.
pub const MOST_ASKS: i64 = 3;
/// How long after a letter it is asked again, at the earliest.
pub const ASK_REST: Duration = Duration::from_hours(24);
/// Days in which it can answer.
pub const ANSWERED_WITHIN_DAYS: u32 = 7;

/// What is known of the will of whoever reads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Asked,
    /// Messages are welcome.
    Welcoming,
    /// They are not.
    Refusing,
}

impl Standing {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Asked, Self::Welcoming, Self::Refusing];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Welcoming => "welcoming",
            Self::Refusing => "refusing",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|standing| standing.as_str() == text);
        found.ok_or(Refused::because("Must be asked, welcoming or refusing"))
    }
}

/// An address that messages of a workspace's pages may be mailed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its id.
    pub id: RecipientId,
    /// The address.
    pub email: Address,
    /// What is known of its will.
    pub standing: Standing,
}
