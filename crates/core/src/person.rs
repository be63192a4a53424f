//! People: who signs in, and what shows that it is them.
//!
//! A session is a random word in a cookie, of which only the SHA-256 is kept: there is far too much chance in it to search,
//! so a slow hash would only slow every request down.

use sha2::{Digest, Sha256};

use crate::{
    Refused,
    bio_page::words,
    id::{SessionId, UserId},
    mail::Address,
    role::Role,
    time::Time,
    workspace::Owner,
};

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Where they are written to, and what they sign in with.
    pub email: Address,
    /// What they are called.
    pub name: String,
    /// Whether the installation is theirs to run.
    pub is_admin: bool,
    /// Since when they may not sign in, if they may not.
    pub disabled_at: Option<Time>,
    /// Counts changes, from 1.
    pub version: i64,
    /// When the account was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// Checks what somebody is called: 1–100 characters, and no address among them.
pub fn parse_name(text: &str) -> Result<String, Refused> {
    words::name_without_address(text, 100)
}

/// A session: one browser in which somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, which opens nothing.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the browser calls itself, in a few words.
    pub device: String,
    /// Where it was begun: an ISO 3166-1 country, if that is known.
    pub country: Option<String>,
    /// When it was begun.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub seen_at: Time,
    /// When it ends if it is not used until then.
    pub expires_at: Time,
}

/// What somebody is in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The workspace, in the environment that is asked for.
    pub owner: Owner,
    /// What they are there.
    pub role: Role,
}

/// Bytes of chance in a word.
pub const WORD_BYTES: usize = 32;

/// A word that opens something for whoever has it: a session, an invitation, a new password. Shown to its owner alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Word(String);

/// SHA-256 of a word: what the store keeps and compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WordHash(pub [u8; 32]);

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Word {
    /// The word made of this chance.
    pub fn new(chance: [u8; WORD_BYTES]) -> Self {
        let digit = |byte: u8| char::from(DIGITS[usize::from(byte)]);
        Self(chance.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// Reads a word; what cannot be one is refused before anybody looks for it.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() == 2 * WORD_BYTES && text.bytes().all(|byte| DIGITS.contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refused::because("Must be the word that was given out"))
        }
    }

    /// The word itself, for its owner's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    pub fn hash(&self) -> WordHash {
        WordHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Word(***)")
    }
}

impl std::fmt::Debug for WordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WordHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_and_is_not_shown() {
        let word = Word::new(std::array::from_fn(|place| u8::try_from(place * 7).unwrap_or(9)));
        assert_eq!(Word::parse(word.reveal()), Ok(word.clone()));
        assert!(!format!("{word:?}{:?}", word.hash()).contains(&word.reveal()[..6]));
        for text in ["", "abc", &word.reveal().to_uppercase(), &format!("{}0", word.reveal()), &"é".repeat(32)] {
            assert!(Word::parse(text).is_err(), "{text}");
        }
    }
}
