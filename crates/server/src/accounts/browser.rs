//! Browsers in which somebody was let in before.
//!
//! Strangers can use up the tries of an account whose address they know, for a minute or an hour, and so keep its owner out. A
//! browser that was let in has tries of its own, which nobody else can use up: a sealed cookie says whose it was, and which
//! browser it is (OWASP calls it a device cookie). It opens nothing. Whoever has stolen it has as many tries as a stranger has.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mask_core::{mail::Address, time::Time};

use super::COOKIE_LASTS_S;
use crate::{
    api::{Api, session},
    clock,
    webhooks::seal::Vault,
};

/// The cookie.
const COOKIE: &str = "mask_browser";

/// A browser in which somebody was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Browser {
    /// What tells it from others.
    pub(super) name: String,
    /// Of which account, by the key of its address.
    account: String,
}

impl Browser {
    /// The one that sent these headers, if it has shown itself.
    pub(super) fn of(headers: &HeaderMap, vault: &Vault, now: Time) -> Option<Self> {
        session::cookies(headers, COOKIE).find_map(|sealed| {
            let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
            let opened = vault.open_about(COOKIE, &sealed).ok()?;
            let (until, rest) = std::str::from_utf8(&opened).ok()?.split_once(' ')?;
            let (name, account) = rest.split_once(' ')?;
            let until = Time::from_unix_millis(until.parse().ok()?);
            (until > now).then(|| Self { name: name.to_owned(), account: account.to_owned() })
        })
    }

    /// One in which somebody was let in as this account.
    #[cfg(test)]
    pub(super) fn known(name: &str, account: &str) -> Self {
        Self { name: name.to_owned(), account: account.to_owned() }
    }

    /// Whether somebody was let in as this account.
    pub(super) fn is_of(&self, account: &str) -> bool {
        self.account == account
    }
}

/// The cookie of a browser in which somebody is let in now.
pub(super) fn cookie(api: &Api, email: &Address) -> HeaderValue {
    let until = api.clock.now().after(std::time::Duration::from_secs(COOKIE_LASTS_S.into())).unix_millis();
    let name = URL_SAFE_NO_PAD.encode(&clock::secret()[..8]);
    let sealed = api.vault.seal_about(COOKIE, format!("{until} {name} {}", email.key()).as_bytes());
    let (value, secure) = (URL_SAFE_NO_PAD.encode(sealed), if api.is_local { "" } else { "; Secure" });
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={COOKIE_LASTS_S}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("base64 can stand in a header")
}
