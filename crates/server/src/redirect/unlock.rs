//! The cookie of an unlocked link: who has shown the password need not show it again for an hour.
//!
//! Nothing is kept here; the cookie says until when, and a keyed hash over that, the link and the hash of its password
//! says that we said so. A password that changes takes all its cookies with it. The keys of this and of two other uses are
//! derived from the installation's secret, so that none of them can stand in for another.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hyper::{
    HeaderMap,
    header::{COOKIE, HeaderValue},
};
use mask_core::{id::LinkId, time::Time};
use sha2::Sha256;

const OPEN_FOR: Duration = Duration::from_hours(1);
const NAME_PREFIX: &str = "mask_unlock_";

/// The keys that come from the installation's secret.
pub(super) struct Secrets {
    /// For the cookies of unlocked links.
    pub(super) cookies: [u8; 32],
    /// For the division of visitors among variants.
    pub(super) variants: [u8; 16],
    /// For the places of password tries.
    pub(super) attempts: [u8; 16],
}

impl Secrets {
    pub(super) fn derive(secret: &[u8; 32]) -> Self {
        let derived = |label: &[u8]| -> [u8; 32] { keyed(secret).chain_update(label).finalize().into_bytes().into() };
        Self {
            cookies: derived(b"mask redirect: unlocked links"),
            variants: half(derived(b"mask redirect: variants")),
            attempts: half(derived(b"mask redirect: password attempts")),
        }
    }
}

/// What a cookie speaks of.
#[derive(Clone, Copy)]
pub(super) struct Lock<'a> {
    pub(super) link: LinkId,
    pub(super) slug_key: &'a str,
    pub(super) password_hash: &'a str,
}

/// Makes the cookies and knows them again.
pub(super) struct Unlocker {
    key: Hmac<Sha256>,
    is_secure: bool,
}

impl Unlocker {
    pub(super) fn new(key: &[u8; 32], is_secure: bool) -> Self {
        Self { key: keyed(key), is_secure }
    }

    /// The cookie for whoever has shown the password. `path` is the link's as the visitor wrote it: browsers compare
    /// paths with case, and the link does not.
    pub(super) fn cookie(&self, lock: Lock<'_>, path: &str, now: Time) -> HeaderValue {
        let until_s = now.after(OPEN_FOR).unix_seconds();
        let seal = URL_SAFE_NO_PAD.encode(self.sealing(lock, until_s).finalize().into_bytes());
        let path = path.trim_end_matches('/');
        let secure = if self.is_secure { "; Secure" } else { "" };
        let (slug_key, max_age_s) = (lock.slug_key, OPEN_FOR.as_secs());
        let cookie = format!(
            "{NAME_PREFIX}{slug_key}={until_s}.{seal}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
    }

    /// Whether one of the request's cookies opens the link.
    pub(super) fn is_open(&self, headers: &HeaderMap, lock: Lock<'_>, now: Time) -> bool {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let is_ours = |name: &str| name.strip_prefix(NAME_PREFIX) == Some(lock.slug_key);
        pairs.any(|(name, value)| is_ours(name) && self.opens(value, lock, now))
    }

    fn opens(&self, value: &str, lock: Lock<'_>, now: Time) -> bool {
        let Some((until, seal)) = value.split_once('.') else { return false };
        let Ok(until_s) = until.parse::<i64>() else { return false };
        let Ok(seal) = URL_SAFE_NO_PAD.decode(seal) else { return false };
        // `verify_slice` takes the same time for every wrong seal.
        until_s > now.unix_seconds() && self.sealing(lock, until_s).verify_slice(&seal).is_ok()
    }

    fn sealing(&self, lock: Lock<'_>, until_s: i64) -> Hmac<Sha256> {
        let key = self.key.clone();
        // Two parts of fixed length before the one that varies: no two locks read the same.
        key.chain_update(lock.link.bits().to_le_bytes())
            .chain_update(until_s.to_le_bytes())
            .chain_update(lock.password_hash)
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn half(key: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&key[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: Lock<'_> = Lock { link: LinkId::from_bits(7), slug_key: "abcd", password_hash: "$argon2id$one" };

    fn now() -> Time {
        Time::from_unix_millis(1_774_360_800_000)
    }

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().expect("text").split(';').next().expect("a pair").to_owned();
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("other=1; {pair}")).expect("a value"))])
    }

    #[test]
    fn a_cookie_opens_its_link_for_an_hour() {
        let unlocker = Unlocker::new(&[1; 32], false);
        let headers = sent(&unlocker.cookie(LOCK, "/AbCd/", now()));
        let later = |seconds| now().after(Duration::from_secs(seconds));
        assert!(unlocker.is_open(&headers, LOCK, now()) && unlocker.is_open(&headers, LOCK, later(3599)));
        assert!(!unlocker.is_open(&headers, LOCK, later(3600)));
        assert!(!unlocker.is_open(&headers, Lock { link: LinkId::from_bits(8), ..LOCK }, now()));
        assert!(!unlocker.is_open(&headers, Lock { slug_key: "abce", ..LOCK }, now()));
        assert!(
            !unlocker.is_open(&headers, Lock { password_hash: "$argon2id$two", ..LOCK }, now()),
            "the password was changed"
        );
        assert!(!Unlocker::new(&[2; 32], false).is_open(&headers, LOCK, now()), "another installation");
        assert!(!unlocker.is_open(&HeaderMap::new(), LOCK, now()));
    }

    #[test]
    fn nothing_made_up_opens_it() {
        let unlocker = Unlocker::new(&[1; 32], false);
        let cookie = unlocker.cookie(LOCK, "/abcd", now());
        let (until, seal) =
            cookie.to_str().expect("text")["mask_unlock_abcd=".len()..].split_once('.').expect("two parts");
        let seal = seal.split(';').next().expect("a seal");
        for value in [
            format!("9{until}.{seal}"),
            format!("{until}."),
            until.to_owned(),
            String::new(),
            format!(".{seal}"),
            format!("{until}.{}", seal.replace(&seal[..1], if seal.starts_with('A') { "B" } else { "A" })),
            format!("{until}.%%%"),
        ] {
            let headers = HeaderMap::from_iter([(
                COOKIE,
                HeaderValue::try_from(format!("mask_unlock_abcd={value}")).expect("a value"),
            )]);
            assert!(!unlocker.is_open(&headers, LOCK, now()), "{value}");
        }
    }

    #[test]
    fn its_attributes() {
        let cookie = Unlocker::new(&[1; 32], true).cookie(LOCK, "/AbCd/", now());
        let cookie = cookie.to_str().expect("text");
        assert!(cookie.ends_with("; Path=/AbCd; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }

    #[test]
    fn keys_differ_by_use() {
        let secrets = Secrets::derive(&[3; 32]);
        assert_ne!(secrets.variants, secrets.attempts);
        assert_ne!(secrets.cookies[..16], secrets.variants);
    }
}
