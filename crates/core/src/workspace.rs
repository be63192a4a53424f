//! Workspaces, and the two worlds in each of them.

use std::time::Duration;

use crate::{Refused, bio_page::words, id::WorkspaceId, slug::Slug, time::Time};

/// Who owns an object: a workspace in one of its two environments. Every query names one; nothing of one owner is
/// ever visible to another, and so never a test object to a live key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The workspace's number within this installation; never shown outside.
    pub workspace: i64,
    /// Whether this is the test environment.
    pub is_test: bool,
}

impl Owner {
    /// One number for both parts, as stored beside every object.
    pub const fn number(self) -> i64 {
        self.workspace * 2 + self.is_test as i64
    }

    /// The owner with this number.
    pub const fn from_number(number: i64) -> Self {
        Self { workspace: number.div_euclid(2), is_test: number.rem_euclid(2) == 1 }
    }
}

/// A workspace: the wall around a team's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its number within this installation.
    pub number: i64,
    /// What people call it.
    pub name: String,
    /// Its name in addresses; unique, never changes.
    pub slug: String,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When it was deleted, if it was: from then on nothing of it is there for anybody, until it is taken back.
    pub deleted_at: Option<Time>,
}

/// The slug of the workspace that every installation has: its first, which the command line means when it names none. It
/// cannot be deleted.
pub const DEFAULT_SLUG: &str = "default";

/// What is the program's own, and too short to be the slug of a link.
const SHORT: [&str; 6] = ["api", "app", "me", "new", "qr", "www"];

/// How long a workspace that was deleted can be taken back.
pub const UNDO: Duration = Duration::from_hours(14 * 24);

/// Checks what people call a workspace: 1–100 characters, and no address among them.
pub fn parse_name(text: &str) -> Result<String, Refused> {
    words::name_without_address(text, 100)
}

/// Checks a workspace's slug: 2–48 of `a-z 0-9 -`, a letter or digit at both ends.
pub fn parse_slug(text: &str) -> Result<String, Refused> {
    let fits = (2..=48).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refused::because("Must be 2 to 48 of a-z, 0-9 and hyphens, with a letter or digit at both ends"))
    }
}

/// Checks the slug of a workspace that is to be made: none of the words that stand for the program's own pages.
pub fn parse_new_slug(text: &str) -> Result<String, Refused> {
    let slug = parse_slug(text)?;
    let is_reserved = SHORT.contains(&text) || Slug::parse(text).is_ok_and(|slug| slug.is_reserved());
    if is_reserved { Err(Refused::because("Must not be a word that is reserved")) } else { Ok(slug) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_one_number() {
        for workspace in [0, 1, 7, 1_000_000] {
            for is_test in [false, true] {
                let owner = Owner { workspace, is_test };
                assert_eq!(Owner::from_number(owner.number()), owner);
            }
        }
    }

    #[test]
    fn slugs() {
        for (text, fits) in [
            ("default", true),
            ("a1", true),
            ("a", false),
            ("-ab", false),
            ("ab-", false),
            ("Ab", false),
            ("a b", false),
        ] {
            assert_eq!(parse_slug(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn a_new_slug_is_no_word_of_ours() {
        for (text, fits) in
            [("sign-in", false), ("account", false), ("api", false), ("-ab", false), ("sign-in-2", true)]
        {
            assert_eq!(parse_new_slug(text).is_ok(), fits, "{text}");
        }
        assert!(parse_slug("account").is_ok(), "one that was made before can be named");
    }
}
