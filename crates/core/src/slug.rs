//! Slugs: the part of a short link after the host.
//!
//! A slug keeps the case it was given in, and is found and unique without regard to case: people read codes aloud and
//! type them from paper. Its `key` is what is compared.

use crate::Refused;

/// A slug that obeys the rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

/// Fewest characters of a slug.
pub const SHORTEST: usize = 4;
/// Most characters of a slug.
pub const LONGEST: usize = 64;

/// What random slugs are made of. No look-alikes (0 o 1 i l) and no vowels, so that chance never spells a word; no
/// upper case, because slugs are compared without it.
const LETTERS: &[u8; 28] = b"23456789bcdfghjkmnpqrstvwxyz";

/// Paths that belong to the program itself, on the application's host. Words shorter than a slug need no place here.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "admin",
    "analytics",
    "assets",
    "auth",
    "billing",
    "bio-pages",
    "blog",
    "contact",
    "dashboard",
    "docs",
    "domains",
    "favicon",
    "health",
    "healthz",
    "help",
    "home",
    "invitation",
    "invite",
    "legal",
    "links",
    "login",
    "logout",
    "mask",
    "metrics",
    "oauth",
    "openapi",
    "pages",
    "password",
    "preview",
    "pricing",
    "privacy",
    "qr-codes",
    "readyz",
    "register",
    "reset",
    "robots",
    "root",
    "security",
    "session",
    "settings",
    "setup",
    "sign-in",
    "sign-up",
    "signin",
    "signout",
    "signup",
    "sitemap",
    "static",
    "status",
    "support",
    "tags",
    "team",
    "teams",
    "terms",
    "uploads",
    "user",
    "users",
    "verify",
    "webhooks",
    "well-known",
    "workspace",
    "workspaces",
];

/// Whether this byte may stand in a slug.
pub const fn allows(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

impl Slug {
    /// Reads a slug as given by its owner.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let characters = text.chars().count();
        if !(SHORTEST..=LONGEST).contains(&characters) {
            return Err(Refused::because("Slug must be between 4 and 64 characters"));
        }
        if !text.bytes().all(allows) {
            return Err(Refused::because("Slug may only contain letters, digits, hyphens and underscores"));
        }
        Ok(Self(text.to_owned()))
    }

    /// A random slug; every number of `chance` is used for one letter.
    pub fn random(length: usize, mut chance: impl FnMut(usize) -> usize) -> Self {
        let length = length.clamp(SHORTEST, LONGEST);
        Self((0..length).map(|_| char::from(LETTERS[chance(LETTERS.len()) % LETTERS.len()])).collect())
    }

    /// Whether the program keeps this word for itself on the application's host.
    pub fn is_reserved(&self) -> bool {
        RESERVED.binary_search(&self.key().as_str()).is_ok()
    }

    /// The slug as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared: the slug in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for (text, fits) in [
            ("abcd", true),
            ("Spring-Sale_26", true),
            ("abc", false),
            ("", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
            ("with space", false),
            ("with/slash", false),
            ("naïve", false),
            ("a+bc", false),
            ("日本語日本", false),
            ("abc\0", false),
        ] {
            assert_eq!(Slug::parse(text).is_ok(), fits, "{text}");
        }
        assert_eq!(
            Slug::parse("abc").map_err(|why| why.to_string()),
            Err("Slug must be between 4 and 64 characters".into())
        );
    }

    #[test]
    fn case_is_kept_and_not_compared() {
        let slug = Slug::parse("SpringSale").expect("a slug");
        assert_eq!((slug.as_str(), slug.key().as_str()), ("SpringSale", "springsale"));
    }

    #[test]
    fn reserved_words_are_sorted_lower_case_and_long_enough_to_matter() {
        assert!(RESERVED.is_sorted());
        assert!(RESERVED.iter().all(|word| Slug::parse(word).is_ok_and(|slug| slug.key() == *word)));
        assert!(Slug::parse("Docs").expect("a slug").is_reserved());
        assert!(!Slug::parse("docs-2").expect("a slug").is_reserved());
    }

    #[test]
    fn random_slugs_are_slugs_of_the_wanted_length() {
        let mut turn = 0;
        let slug = Slug::random(7, |_| {
            turn += 5;
            turn
        });
        assert_eq!(slug.as_str().len(), 7);
        assert_eq!(Slug::parse(slug.as_str()), Ok(slug));
    }
}
