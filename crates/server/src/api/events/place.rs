//! The `id` of an event: where it stands in the feed, shuffled.
//!
//! The feed is everybody's: the number of a row and of a click in it would tell each workspace how much goes on in the
//! others. So a place is shuffled with a key of the installation (a Feistel network of four rounds over SipHash, which is
//! as good as a random permutation to whoever lacks the key), and 32 bits of it that are always nothing show that a text was
//! made here. It is the same on every node and after a restart.

use std::hash::Hasher;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mask_core::{Refused, time::Time};
use mask_store::FeedPlace;
use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher24;

pub(super) const WANTED: Refused = Refused::because("Must be the id of an event of this stream");

/// The last second that can be written as a date everywhere: of the year 9999, but for its last day.
const LAST_SECOND: u64 = 253_402_207_200;
const ROUNDS: u8 = 4;

/// Shuffles places.
#[derive(Clone, Debug)]
pub(super) struct Shuffle(SipHasher24);

impl Shuffle {
    /// That of an installation with this secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let hash: [u8; 32] = Sha256::new_with_prefix(b"places in the feed").chain_update(secret).finalize().into();
        let key = std::array::from_fn(|place| hash[place]);
        Self(SipHasher24::new_with_key(&key))
    }

    /// The text of a place.
    pub(super) fn write(&self, place: FeedPlace) -> String {
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let seconds = number(place.at.unix_seconds()).min(LAST_SECOND);
        let (mut left, mut right) = (number(place.row), number(place.click) << 40 | seconds);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mixed(round, right));
        }
        let bits = u128::from(left) << 64 | u128::from(right);
        BASE64_URL_SAFE_NO_PAD.encode(bits.to_be_bytes())
    }

    /// Reads what [`write`](Self::write) wrote; anything else is refused.
    pub(super) fn read(&self, text: &str) -> Result<FeedPlace, Refused> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| WANTED)?;
        let (left, right) = bytes.split_first_chunk::<8>().ok_or(WANTED)?;
        let right: &[u8; 8] = right.try_into().map_err(|_| WANTED)?;
        let (mut left, mut right) = (u64::from_be_bytes(*left), u64::from_be_bytes(*right));
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mixed(round, left), left);
        }
        let (click, seconds) = (right >> 40, right & ((1 << 40) - 1));
        if left >> 40 != 0 || click >> 16 != 0 || seconds > LAST_SECOND {
            return Err(WANTED);
        }
        let number = |number: u64| i64::try_from(number).map_err(|_| WANTED);
        let at = Time::from_unix_millis(number(seconds)? * 1000);
        Ok(FeedPlace { row: number(left)?, click: number(click)?, at })
    }

    fn mixed(&self, round: u8, half: u64) -> u64 {
        let mut hasher = self.0;
        hasher.write_u8(round);
        hasher.write_u64(half);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: i64, click: i64, seconds: i64) -> FeedPlace {
        FeedPlace { row, click, at: Time::from_unix_millis(seconds * 1000) }
    }

    #[test]
    fn a_place_reads_back_where_it_was_written() {
        let (here, elsewhere) = (Shuffle::of(b"here"), Shuffle::of(b"elsewhere"));
        for place in [place(0, 0, 0), place(1042, 3, 1_774_360_815), place((1 << 40) - 1, 32_768, 253_402_207_200)] {
            let text = here.write(place);
            assert_eq!((text.len(), here.read(&text)), (22, Ok(place)));
            assert_eq!(Shuffle::of(b"here").read(&text), Ok(place));
            assert_eq!(elsewhere.read(&text), Err(WANTED));
        }
        let texts: std::collections::HashSet<_> = (0..1000).map(|click| here.write(place(1, click, 5))).collect();
        assert_eq!(texts.len(), 1000);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let shuffle = Shuffle::of(b"here");
        let text = shuffle.write(place(1042, 3, 1_774_360_815));
        for (number, letter) in text.char_indices() {
            let mut other = text.clone();
            other.replace_range(number..=number, if letter == 'A' { "B" } else { "A" });
            assert_eq!(shuffle.read(&other), Err(WANTED), "{other}");
        }
        for other in
            ["", "A", "1-2-3", "evt_01kcd3vyk5f8r9v3k2m4n6p8qa", &text[1..], &format!("{text}A"), &format!("{text}==")]
        {
            assert_eq!(shuffle.read(other), Err(WANTED), "{other}");
        }
    }
}
