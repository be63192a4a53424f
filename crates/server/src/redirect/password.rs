//! Checking a password: a form as browsers send it, and Argon2id off the runtimes, two at a time.
//!
//! A check takes tens of milliseconds and 19 MiB, on purpose. So only two run at once and a few wait; the rest is told to
//! come back. What can be refused without hashing (too many tries, a form that is none) is refused before.

use std::{sync::Arc, time::Duration};

use argon2::{Argon2, PasswordVerifier, password_hash};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, body::Body, header::CONTENT_TYPE};
use tokio::{sync::Semaphore, time::timeout};

const FORM_BYTES: usize = 4096;
const FORM_WAIT: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 2;
const TURN_WAIT: Duration = Duration::from_secs(5);

/// What a check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// It could not be checked: too many wait, or the stored hash is no hash.
    Unchecked,
}

/// The form is none, is too long, or did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoForm;

/// See the module.
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Checks a password against its PHC string.
    pub(super) async fn check(&self, password: String, hash: String) -> Verdict {
        if mask_core::link::parse_password(&password).is_err() {
            return Verdict::Wrong;
        }
        let Ok(Ok(turn)) = timeout(TURN_WAIT, Arc::clone(&self.turns).acquire_owned()).await else {
            return Verdict::Unchecked;
        };
        let checked = tokio::task::spawn_blocking(move || {
            // Held until the hash is done, even when the visitor has gone.
            let _turn = turn;
            verify(&password, &hash)
        });
        checked.await.unwrap_or(Verdict::Unchecked)
    }
}

fn verify(password: &str, hash: &str) -> Verdict {
    match Argon2::default().verify_password(password.as_bytes(), hash) {
        Ok(()) => Verdict::Right,
        Err(password_hash::Error::PasswordInvalid) => Verdict::Wrong,
        Err(error) => {
            tracing::error!(%error, "the hash of a link's password cannot be used");
            Verdict::Unchecked
        }
    }
}

/// The password in a form.
pub(super) async fn posted<B>(headers: &HeaderMap, body: B) -> Result<String, NoForm>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !is_form(headers) {
        return Err(NoForm);
    }
    let read = timeout(FORM_WAIT, Limited::new(body, FORM_BYTES).collect()).await;
    let form = read.map_err(|_| NoForm)?.map_err(|_| NoForm)?.to_bytes();
    let mut fields = url::form_urlencoded::parse(&form);
    fields.find(|(name, _)| name == "password").map(|(_, value)| value.into_owned()).ok_or(NoForm)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordHasher;
    use http_body_util::Full;

    fn headers(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().expect("a value"))])
    }

    #[tokio::test]
    async fn forms() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let long = format!("password={}", "a".repeat(FORM_BYTES));
        for (kind, body, password) in [
            (FORM, "password=open+sesame%21", Ok("open sesame!")),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", "a=1&password=x", Ok("x")),
            (FORM, "password=%ff", Ok("\u{fffd}")),
            (FORM, "pass=x", Err(NoForm)),
            (FORM, "", Err(NoForm)),
            (FORM, &long, Err(NoForm)),
            ("application/json", "password=x", Err(NoForm)),
            ("multipart/form-data", "password=x", Err(NoForm)),
        ] {
            let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!(posted(&headers(kind), body).await.as_deref(), password.as_ref().map(|&text| text));
        }
    }

    #[tokio::test]
    async fn checks() {
        let cheap = Argon2::from(argon2::Params::new(8, 1, 1, None).expect("parameters"));
        let hash: password_hash::phc::PasswordHash = cheap.hash_password(b"open sesame").expect("a hash");
        let (hash, passwords) = (hash.to_string(), Passwords::new());
        for (password, hash, verdict) in [
            ("open sesame", hash.as_str(), Verdict::Right),
            ("Open sesame", &hash, Verdict::Wrong),
            ("", &hash, Verdict::Wrong),
            (&"a".repeat(129), &hash, Verdict::Wrong),
            ("open sesame", "no hash", Verdict::Unchecked),
        ] {
            assert_eq!(passwords.check(password.to_owned(), hash.to_owned()).await, verdict);
        }
    }
}
