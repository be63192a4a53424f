//! Tokens: the short words that we put into the queries of our own addresses, to know them again.
//!
//! A printed code leads to `?qr=<token>`. Each character makes a code denser and harder to scan, so a token has ten: seven
//! of chance, and three that follow from them. Without the three, a parameter of the same name that a visitor brought
//! along would be taken for ours: one in 238,328 still is, if it looks like a token at all.

use sha2::{Digest, Sha256};

use crate::Refused;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const OF_CHANCE: usize = 7;
const LENGTH: usize = 10;

/// A token, as the number behind its first seven characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    /// Tokens that there are: 62⁷.
    pub const COUNT: u64 = 62_u64.pow(7);

    /// The token of this number, of which what does not fit is dropped: of evenly spread numbers come evenly spread tokens.
    pub const fn of(number: u64) -> Self {
        Self(number % Self::COUNT)
    }

    /// Its number, below [`COUNT`](Self::COUNT).
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Reads a token; anything that is none of ours is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let read = || {
            let number = text.as_bytes().get(..OF_CHANCE)?.iter().try_fold(0, |number, byte| {
                let digit = LETTERS.binary_search(byte).ok()?;
                Some(number * 62 + digit as u64)
            })?;
            let token = Self(number);
            (text.len() == LENGTH && token.letters() == *text.as_bytes()).then_some(token)
        };
        read().ok_or(Refused::because("Must be a token of a QR code"))
    }

    fn letters(self) -> [u8; LENGTH] {
        let mut letters = [0; LENGTH];
        let mut write = |places: std::ops::Range<usize>, mut number: u64| {
            for place in places.rev() {
                letters[place] = LETTERS[(number % 62) as usize];
                number /= 62;
            }
        };
        let digest = Sha256::digest(self.0.to_le_bytes());
        write(0..OF_CHANCE, self.0);
        write(OF_CHANCE..LENGTH, digest.iter().take(4).fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
        letters
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.letters().iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_of_ours_is_refused() {
        let token = Token::of(123_456_789_012).to_string();
        assert!(Token::parse(&token).is_ok());
        for text in
            ["", "1", "0000000", "0000000000", &token[1..], &format!("{token}0"), "ééééé", &token.to_uppercase()]
        {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_token_reads_back(number: u64) {
            let token = Token::of(number);
            proptest::prop_assert_eq!(Token::parse(&token.to_string()), Ok(token));
            proptest::prop_assert_eq!(token.to_string().len(), LENGTH);
        }
    }
}
