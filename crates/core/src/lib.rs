//! What things are.
//!
//! Everything here is a value or a rule: no async, no IO, no clock, no SQL, no HTTP, no JSON shapes. Time and chance
//! come in as arguments, so that each rule can be tested in a table and replayed exactly. Whatever comes from outside
//! becomes one of these types by its `parse`, the only door; past that door nobody checks again.

pub mod action;
pub mod activity;
pub mod actor;
pub mod address;
pub mod agent;
pub mod bio_page;
pub mod calendar;
pub mod certificate;
pub mod change;
pub mod colour;
pub mod country;
pub mod cursor;
pub mod destination;
pub mod domain;
pub mod event;
pub mod federation;
pub mod id;
pub mod invitation;
pub mod key;
pub mod link;
pub mod mail;
pub mod member;
pub mod password;
pub mod person;
pub mod picture;
pub mod proxy_protocol;
pub mod qr;
pub mod question;
pub mod recipient;
pub mod request;
pub mod role;
pub mod route;
pub mod rule;
pub mod scope;
pub mod slug;
pub mod subscriber;
pub mod time;
pub mod token;
pub mod totp;
pub mod visit;
pub mod webhook;
pub mod workspace;

/// Why a value from outside was refused: a sentence for the caller that says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub std::borrow::Cow<'static, str>);

impl Refused {
    /// A refusal with a sentence that never changes.
    pub const fn because(sentence: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(sentence))
    }

    /// A refusal with a sentence made for the occasion.
    pub fn saying(sentence: String) -> Self {
        Self(std::borrow::Cow::Owned(sentence))
    }
}
