//! A posted password: read from a form as browsers send it, and checked.
//!
//! A check takes tens of milliseconds and 19 MiB, on purpose. So only two run at once here and a few wait; the rest is
//! told to come back. What can be refused without hashing (too many tries, a form that is none) is refused before.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, body::Body, header::CONTENT_TYPE};
use mask_core::link::parse_password;
use tokio::time::timeout;

use crate::password::Passwords;

const FORM_BYTES: usize = 4096;
const CHECK_WAIT: Duration = Duration::from_secs(5);

/// How many passwords are checked at once.
pub(super) const AT_ONCE: usize = 2;

/// What a check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// It could not be checked: too many wait, or the stored hash is no hash.
    Unchecked,
}

/// Why there is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoForm {
    /// It is none, or is too long.
    Malformed,
    /// It did not come in time.
    Late,
}

/// Checks a password against its PHC string.
pub(super) async fn check(passwords: &Passwords, password: String, hash: String) -> Verdict {
    if parse_password(&password).is_err() {
        return Verdict::Wrong;
    }
    match timeout(CHECK_WAIT, passwords.verify(password, hash)).await {
        Ok(Ok(true)) => Verdict::Right,
        Ok(Ok(false)) => Verdict::Wrong,
        Ok(Err(error)) => {
            tracing::error!(%error, "a link's password could not be checked");
            Verdict::Unchecked
        }
        Err(_) => Verdict::Unchecked,
    }
}

/// The body of a form, of at most so many bytes, that comes within this time.
pub(super) async fn form<B>(headers: &HeaderMap, body: B, most_bytes: usize, wait: Duration) -> Result<Bytes, NoForm>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !is_form(headers) {
        return Err(NoForm::Malformed);
    }
    let read = timeout(wait, Limited::new(body, most_bytes).collect()).await;
    Ok(read.map_err(|_| NoForm::Late)?.map_err(|_| NoForm::Malformed)?.to_bytes())
}

/// The password in a form.
pub(super) async fn posted<B>(headers: &HeaderMap, body: B, wait: Duration) -> Result<String, NoForm>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let form = form(headers, body, FORM_BYTES, wait).await?;
    let mut fields = url::form_urlencoded::parse(&form);
    fields.find(|(name, _)| name == "password").map(|(_, value)| value.into_owned()).ok_or(NoForm::Malformed)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

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
            (FORM, "pass=x", Err(NoForm::Malformed)),
            (FORM, "", Err(NoForm::Malformed)),
            (FORM, &long, Err(NoForm::Malformed)),
            ("application/json", "password=x", Err(NoForm::Malformed)),
            ("multipart/form-data", "password=x", Err(NoForm::Malformed)),
        ] {
            let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!(
                posted(&headers(kind), body, Duration::MAX).await.as_deref(),
                password.as_ref().map(|&text| text)
            );
        }
        let never = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        assert_eq!(posted(&headers(FORM), never, Duration::ZERO).await, Err(NoForm::Late));
    }

    #[tokio::test]
    async fn checks() {
        let passwords = Passwords::at_once(1);
        let hash = passwords.hash("open sesame".to_owned()).await.expect("a hash");
        for (password, hash, verdict) in [
            ("open sesame", hash.as_str(), Verdict::Right),
            ("Open sesame", &hash, Verdict::Wrong),
            ("", &hash, Verdict::Wrong),
            (&"a".repeat(129), &hash, Verdict::Wrong),
            ("open sesame", "no hash", Verdict::Unchecked),
        ] {
            assert_eq!(check(&passwords, password.to_owned(), hash.to_owned()).await, verdict);
        }
    }
}
