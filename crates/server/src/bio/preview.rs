//! A draft's address for those who may see it before it is public.
//!
//! `?preview=` holds until when it may be looked at and a keyed hash over that and the page's id; nothing is kept, and the key
//! comes from the installation's secret by a label of its own. Whoever has the address can pass it on, as with everything
//! that a link opens; so it ends, and what it shows is neither counted nor found by search engines.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use mask_core::{id::PageId, time::Time};
use sha2::Sha256;

/// Makes the words of previews, and knows them again.
#[derive(Clone)]
pub struct Previews {
    key: Hmac<Sha256>,
}

impl Previews {
    /// For an installation with this secret.
    pub fn new(secret: &[u8; 32]) -> Self {
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        Self { key: keyed(&keyed(secret).chain_update(b"mask bio: previews").finalize().into_bytes()) }
    }

    /// The word that opens a page until this moment.
    pub fn word(&self, page: PageId, until: Time) -> String {
        let until_s = until.unix_seconds();
        format!("{until_s}.{}", URL_SAFE_NO_PAD.encode(self.sealing(page, until_s).finalize().into_bytes()))
    }

    /// Whether this word opens the page.
    pub fn opens(&self, word: &str, page: PageId, now: Time) -> bool {
        let Some((until, seal)) = word.split_once('.') else { return false };
        let (Ok(until_s), Ok(seal)) = (until.parse::<i64>(), URL_SAFE_NO_PAD.decode(seal)) else { return false };
        // `verify_slice` takes the same time for every wrong seal.
        until_s > now.unix_seconds() && self.sealing(page, until_s).verify_slice(&seal).is_ok()
    }

    fn sealing(&self, page: PageId, until_s: i64) -> Hmac<Sha256> {
        self.key.clone().chain_update(page.bits().to_le_bytes()).chain_update(until_s.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_word_opens_one_page_for_its_time() {
        let (previews, page) = (Previews::new(&[7; 32]), PageId::from_bits(5));
        let now = Time::from_unix_millis(1_774_360_800_000);
        let word = previews.word(page, now.after(Duration::from_mins(1)));
        let later = now.after(Duration::from_mins(1));
        assert!(previews.opens(&word, page, now) && !previews.opens(&word, page, later));
        assert!(!previews.opens(&word, PageId::from_bits(6), now), "another page");
        assert!(!Previews::new(&[8; 32]).opens(&word, page, now), "another installation");
        for made_up in [
            "",
            ".",
            &format!("9{word}"),
            &word[..word.len() - 2],
            "9999999999.",
            "9999999999.AAAA",
            "x.y",
            &format!("{word}="),
        ] {
            assert!(!previews.opens(made_up, page, now), "{made_up}");
        }
    }
}
