//! Links in letters: whoever has one may do the one thing that it is for, to the one subscriber or recipient that it names.
//!
//! A link says what it is for, for whom and until when, and a keyed hash over that says that we said so; so nothing has to be
//! kept of it, and a copy of the list of subscribers opens nothing. One that confirms ends after a week, as whoever signed up
//! will have looked by then; one that ends a subscription works for as long as there is a subscriber. The key comes from the
//! installation's secret, and no other use of that can stand in for it.
//!
//! Rejected: a random word for each link, whose hash is kept with the subscriber. It would have to be made anew, and the old
//! one be ended, whenever a link is shown again, as the owner's list does for each subscriber.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use mask_core::time::Time;
use sha2::Sha256;

/// Bytes of the hash: as many as nobody can guess.
const SEAL_BYTES: usize = 16;
const SAID_BYTES: usize = 1 + 16 + 8;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To say that an address is one's own.
    Confirm,
    /// To hear no more.
    Unsubscribe,
    /// To say that messages of a workspace's pages are welcome at an address.
    Receive,
    /// To say that they are not.
    Refuse,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Confirm => 1,
            Self::Unsubscribe => 2,
            Self::Receive => 3,
            Self::Refuse => 4,
        }
    }
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// We never made it, or not for this.
    Foreign,
    /// Its time is over.
    Expired,
}

/// Makes links and knows them again.
#[derive(Clone)]
pub struct Links {
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links(***)")
    }
}

impl Links {
    /// The links of the installation with this secret.
    pub fn new(secret: &[u8]) -> Self {
        let derived = keyed(secret).chain_update(b"mask mail: links").finalize().into_bytes();
        Self { key: keyed(&derived) }
    }

    /// The word of a link, for whoever has an id of these bits; one without an end works for ever.
    pub fn word(&self, purpose: Purpose, id: u128, until: Option<Time>) -> String {
        let mut word = [0; SAID_BYTES + SEAL_BYTES];
        word[0] = purpose.byte();
        word[1..17].copy_from_slice(&id.to_be_bytes());
        word[17..SAID_BYTES].copy_from_slice(&until.map_or(i64::MAX, Time::unix_millis).to_be_bytes());
        let seal = self.sealing(&word[..SAID_BYTES]).finalize().into_bytes();
        word[SAID_BYTES..].copy_from_slice(&seal[..SEAL_BYTES]);
        URL_SAFE_NO_PAD.encode(word)
    }

    /// Whom a link's word is about: the bits of an id of the kind that the purpose is about.
    pub fn read(&self, purpose: Purpose, word: &str, now: Time) -> Result<u128, Unfit> {
        let bytes = URL_SAFE_NO_PAD.decode(word).map_err(|_| Unfit::Foreign)?;
        let bytes: [u8; SAID_BYTES + SEAL_BYTES] = bytes.try_into().map_err(|_| Unfit::Foreign)?;
        let (said, seal) = bytes.split_at(SAID_BYTES);
        // It takes the same time for every wrong seal.
        self.sealing(said).verify_truncated_left(seal).map_err(|_| Unfit::Foreign)?;
        let mut id = [0; 16];
        id.copy_from_slice(&said[1..17]);
        let mut until = [0; 8];
        until.copy_from_slice(&said[17..]);
        if said[0] != purpose.byte() {
            return Err(Unfit::Foreign);
        }
        if Time::from_unix_millis(i64::from_be_bytes(until)) <= now {
            return Err(Unfit::Expired);
        }
        Ok(u128::from_be_bytes(id))
    }

    fn sealing(&self, said: &[u8]) -> Hmac<Sha256> {
        self.key.clone().chain_update(said)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u128 = 0x1234_5678_9abc_def0_1234_5678_9abc_def0;
    const NOW: Time = Time::from_unix_millis(1_774_360_800_000);
    const SOON: Time = Time::from_unix_millis(1_774_360_800_001);

    #[test]
    fn a_link_is_for_one_thing_and_one_subscriber_until_its_end() {
        let links = Links::new(&[1; 32]);
        let word = links.word(Purpose::Confirm, ID, Some(SOON));
        assert_eq!(word.len(), 55);
        assert_eq!(links.read(Purpose::Confirm, &word, NOW), Ok(ID));
        assert_eq!(links.read(Purpose::Confirm, &word, SOON), Err(Unfit::Expired));
        assert_eq!(links.read(Purpose::Unsubscribe, &word, NOW), Err(Unfit::Foreign));
        assert_eq!(Links::new(&[2; 32]).read(Purpose::Confirm, &word, NOW), Err(Unfit::Foreign));
        let forever = links.word(Purpose::Unsubscribe, ID, None);
        assert_eq!(links.read(Purpose::Unsubscribe, &forever, Time::from_unix_millis(1 << 60)), Ok(ID));
    }

    #[test]
    fn nothing_made_up_is_a_link() {
        let links = Links::new(&[1; 32]);
        let word = links.word(Purpose::Confirm, ID, Some(SOON));
        for place in 0..word.len() {
            let other = if word.as_bytes()[place] == b'A' { "B" } else { "A" };
            let mut changed = word.clone();
            changed.replace_range(place..=place, other);
            assert_eq!(links.read(Purpose::Confirm, &changed, NOW), Err(Unfit::Foreign), "{place}");
        }
        for text in ["", "A", "%%%", "é", &word[1..], &format!("{word}A"), &format!("{word}="), &"A".repeat(100_000)] {
            assert_eq!(links.read(Purpose::Confirm, text, NOW), Err(Unfit::Foreign), "{text:.60}");
        }
    }
}
