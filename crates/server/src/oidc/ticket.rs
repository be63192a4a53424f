//! The ticket: what the browser keeps while somebody signs in elsewhere.
//!
//! It goes with them in a cookie, sealed, so nothing has to be kept of those who never come back. The answer of the provider
//! counts only in the browser that has the ticket whose word it brings along (`state`); so nobody can be signed in as somebody
//! else by a link (RFC 6749 §10.12). In it are also the word that the provider has to sign (`nonce`), and the secret half of
//! the challenge that the code is exchanged with (RFC 7636).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mask_core::time::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{clock, webhooks::seal::Vault};

/// How long somebody may take to sign in elsewhere.
pub const GOOD_FOR: Duration = Duration::from_mins(10);

/// The cookie that holds it.
pub const COOKIE: &str = "mask_oidc";

/// See the module.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    state: String,
    nonce: String,
    verifier: String,
    /// Where they wanted to go: a path of ours.
    pub then: String,
    until_ms: i64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(***)")
    }
}

fn word() -> String {
    URL_SAFE_NO_PAD.encode(clock::secret())
}

impl Ticket {
    /// A new one, for somebody who wants to go to this path of ours then.
    pub fn new(then: &str, now: Time) -> Self {
        let until_ms = now.after(GOOD_FOR).unix_millis();
        Self { state: word(), nonce: word(), verifier: word(), then: own_path(then), until_ms }
    }

    /// The word that has to come back.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The word that has to be signed.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What shows that whoever exchanges the code is who has asked for it.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// What the provider is told of that beforehand (RFC 7636 §4.2).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// What the cookie holds.
    pub fn seal(&self, vault: &Vault) -> String {
        let json = serde_json::to_vec(self).expect("strings always have JSON");
        URL_SAFE_NO_PAD.encode(vault.seal_about(COOKIE, &json))
    }

    /// The ticket of a cookie, if it is one, its time is not over, and it is for the answer with this word.
    pub fn open(cookie: &str, state: &str, vault: &Vault, now: Time) -> Option<Self> {
        let json = vault.open_about(COOKIE, &URL_SAFE_NO_PAD.decode(cookie).ok()?).ok()?;
        let ticket: Self = serde_json::from_slice(&json).ok()?;
        let is_asked_for = bool::from(ticket.state.as_bytes().ct_eq(state.as_bytes()));
        (is_asked_for && now.unix_millis() < ticket.until_ms).then_some(ticket)
    }
}

/// A path of ours, or else the first page: what is asked for must lead nowhere else.
fn own_path(asked: &str) -> String {
    let is_ours = asked.starts_with('/')
        && !asked.starts_with("//")
        && asked.len() <= 512
        && asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { asked.to_owned() } else { "/account".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_millis(1_774_360_800_000);

    #[test]
    fn a_ticket_is_for_one_answer_in_its_time() {
        let vault = Vault::with(&[3; 32]);
        let ticket = Ticket::new("/account", NOW);
        let cookie = ticket.seal(&vault);
        assert!(cookie.len() < 1024 && !cookie.contains(ticket.verifier()));
        assert_eq!(Ticket::open(&cookie, ticket.state(), &vault, NOW), Some(ticket.clone()));
        assert_eq!(Ticket::open(&cookie, ticket.nonce(), &vault, NOW), None);
        assert_eq!(Ticket::open(&cookie, ticket.state(), &vault, NOW.after(GOOD_FOR)), None);
        assert_eq!(Ticket::open(&cookie, ticket.state(), &Vault::with(&[4; 32]), NOW), None);
        assert_eq!(Ticket::open(&cookie[1..], ticket.state(), &vault, NOW), None);
        assert_ne!(Ticket::new("/", NOW).state(), ticket.state());
    }

    #[test]
    fn it_leads_nowhere_else() {
        for (asked, leads_to) in [
            ("/account", "/account"),
            ("/a?b=c", "/a?b=c"),
            ("https://evil.example", "/account"),
            ("//evil.example", "/account"),
            ("/\\evil.example", "/account"),
            ("/a b", "/account"),
            ("", "/account"),
        ] {
            assert_eq!(Ticket::new(asked, NOW).then, leads_to, "{asked}");
        }
    }
}
