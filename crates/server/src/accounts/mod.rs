//! Accounts: how people come in, and what they change about themselves.
//!
//! There are two doors to each function here: an operation of the API with a JSON body ([`crate::api::auth`],
//! [`crate::api::account`]) and a page with a form that needs no script ([`pages`]). A form's fields are made into the members
//! of the same body, so there is one reading, one set of faults and one rule for both.
//!
//! **Coming in.** A password is compared only after its try was counted ([`tries`]); for an account that is not there, or may
//! not sign in, as much is hashed and the answer is the same. A session is a new word each time ([`begin`]): a word that
//! somebody else put into the browser is never taken over, and the one that the browser had ends. Where an app is set up, its
//! code is asked for as well ([`totp`]), and each is taken once.
//!
//! **Links.** Whoever has lost a password, has another address or is new gets a link in a letter. It opens one thing, once,
//! for an hour; opening its page changes nothing, as programs open links before people do. Where no mail is configured, the
//! operator prints a link on the command line.
//!
//! **What must stay true.** Whatever changes something comes from a page of ours, by its `Origin`; a body that a form of
//! somebody else could send (text/plain, no origin) is refused. No answer tells a stranger whether there is an account. No
//! password, code or word is in a log, an error or an address of somebody else: pages whose address has a word send no
//! `Referer` but our own name. The address that somebody comes from is kept nowhere; the country is.

pub mod elsewhere;
mod email;
mod first;
pub mod pages;
mod passwords;
mod profile;
mod read;
mod sign_in;
mod sign_up;
mod totp;
mod tries;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::extract::FromRequestParts;
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
    http::request::Parts,
};
use mask_core::{
    agent,
    id::{SessionId, UserId},
    person::{Session, User, Word, WordHash},
    time::Time,
};
use mask_store::{NewSession, NewWord};

use elsewhere::Elsewhere;
pub use email::{ask as ask_email, confirm as confirm_email};
pub use first::{SetUp, link as setup_link, make as make_first};
pub use pages::routes;
pub use passwords::{ask as ask_reset, change as change_password, link as password_link, reset};
pub use profile::{places, rename};
pub use sign_in::{account as own, first_step, needs_code, second_step, sign_in, sign_out};
pub use sign_up::{SignedUp, sign_up};
pub use totp::{
    Begun, begin as begin_totp, confirm as confirm_totp, end as end_totp, recovery_codes as new_recovery_codes,
};
use tries::Tries;

use crate::{
    api::{
        Api,
        error::ApiError,
        gate::Seen,
        session::{self, COOKIE},
    },
    clock::{self, Clock},
    config::{Config, SignUps},
    outbound::AuthoritiesError,
    places::Places,
};

/// How long a session lasts that nobody uses.
pub const SESSION_LASTS: Duration = Duration::from_hours(30 * 24);
/// How long a link of a letter opens something.
pub const LINK_LASTS: Duration = Duration::from_hours(1);
/// How long a link lasts that the operator prints, and has to pass on.
pub const PRINTED_LINK_LASTS: Duration = Duration::from_hours(24);
/// How long a browser keeps the cookie: for as long as it keeps any. When the session ends is for the store to say, and it
/// goes on while it is used.
const COOKIE_LASTS_S: u32 = 400 * 24 * 3600;
const MINUTE_MS: i64 = 60_000;
/// Most sessions whose last use is remembered here; beyond, it is written more often than it need be.
const MOST_NOTED: usize = 10_000;

/// What accounts need beside what the API has.
pub struct Accounts {
    /// Who may make an account.
    pub sign_ups: SignUps,
    /// How people come to our pages: scheme, host and port.
    pub public_url: String,
    /// Where people may sign in instead.
    pub elsewhere: Option<Elsewhere>,
    tries: Tries,
    places: Arc<Places>,
    noted: Mutex<HashMap<SessionId, i64>>,
}

impl Accounts {
    /// As the settings say.
    pub fn new(config: &Config, places: Arc<Places>, clock: Clock) -> Result<Self, AuthoritiesError> {
        let mut key = [0; 16];
        key.copy_from_slice(&clock::secret()[..16]);
        Ok(Self {
            elsewhere: Elsewhere::of(config, clock)?,
            sign_ups: config.auth.signup,
            public_url: config.server.public_url.as_str().trim_end_matches('/').to_owned(),
            tries: Tries::per_minute(config.limits.sign_in_attempts_per_minute, key),
            places,
            noted: Mutex::default(),
        })
    }

    /// Notes that a session is being used: its end moves, which is written at most once a minute.
    pub fn note(&self, api: &Arc<Api>, session: &Session) {
        let now = api.clock.now();
        let minute = now.unix_millis().div_euclid(MINUTE_MS);
        if session.seen_at.unix_millis().div_euclid(MINUTE_MS) >= minute {
            return;
        }
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.len() > MOST_NOTED {
                noted.retain(|_, last| *last >= minute);
            }
            if noted.insert(session.id, minute) == Some(minute) {
                return;
            }
        }
        let (store, id) = (api.store.clone(), session.id);
        api.tasks.spawn(async move {
            if let Err(error) = store.touch_session(id, now, now.after(SESSION_LASTS)).await {
                tracing::warn!(%error, session = %id, "a session's last use could not be written");
            }
        });
    }

    /// The address of a page of ours whose word is this.
    pub fn link(&self, page: &str, word: &Word) -> String {
        link(&self.public_url, page, word)
    }
}

/// The address of a page of an installation whose word is this.
pub fn link(public_url: &str, page: &str, word: &Word) -> String {
    format!("{}/{page}?word={}", public_url.trim_end_matches('/'), word.reveal())
}

/// Who comes to a door, whoever they may be.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Where from, for limits alone.
    address: IpAddr,
    /// What their browser calls itself, in a few words.
    device: String,
    /// The word of the session that it has had, if any: it ends when another begins.
    had: Option<WordHash>,
}

impl Visitor {
    /// Whoever sent these headers.
    pub fn of(seen: &Seen, headers: &HeaderMap) -> Self {
        let had = session::cookie(headers, COOKIE).and_then(|word| Word::parse(word).ok());
        let said = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self { address: seen.client.address, device: device(said), had: had.map(|word| word.hash()) }
    }
}

impl FromRequestParts<Arc<Api>> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        let seen = parts.extensions.get::<Seen>().ok_or_else(ApiError::internal)?;
        Ok(Self::of(seen, &parts.headers))
    }
}

/// A browser in a few words.
fn device(user_agent: &str) -> String {
    match (agent::browser(user_agent), agent::os(user_agent)) {
        ("Other", "Other") => "An unknown program".to_owned(),
        (browser, "Other") => browser.to_owned(),
        ("Other", os) => format!("A program on {os}"),
        (browser, os) => format!("{browser} on {os}"),
    }
}

/// Somebody who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// What their browser is to keep.
    pub cookie: HeaderValue,
}

/// A session that is to begin, and the cookie that shows it.
pub fn new_session(api: &Api, visitor: &Visitor, user: UserId) -> (NewSession, HeaderValue) {
    let now = api.clock.now();
    let word = Word::new(clock::secret());
    let country = api.accounts.places.at(visitor.address).country.map(|country| country.as_str().to_owned());
    let session = Session {
        id: SessionId::from_bits(api.ids.next(now)),
        user,
        device: visitor.device.clone(),
        country,
        created_at: now,
        seen_at: now,
        expires_at: now.after(SESSION_LASTS),
    };
    let cookie = cookie(api, word.reveal(), COOKIE_LASTS_S);
    (NewSession { session, hash: word.hash() }, cookie)
}

/// Begins a session with a new word, in place of the one that the browser had.
async fn begin(api: &Api, visitor: &Visitor, user: User) -> Result<SignedIn, ApiError> {
    let (session, cookie) = new_session(api, visitor, user.id);
    if !api.store.begin_session(session, visitor.had).await? {
        return Err(sign_in::wrong());
    }
    Ok(SignedIn { user, cookie })
}

/// The cookie of sessions, with this in it.
fn cookie(api: &Api, value: &str, lasts_s: u32) -> HeaderValue {
    let secure = if api.is_local { "" } else { "; Secure" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("a word is hexadecimal digits")
}

/// The cookie that makes a browser forget the one it has.
pub fn no_cookie(api: &Api) -> HeaderValue {
    cookie(api, "", 0)
}

/// A word that opens something for this long.
fn new_word(now: Time, lasts: Duration) -> (Word, NewWord) {
    let word = Word::new(clock::secret());
    let hash = word.hash();
    (word, NewWord { hash, now, until: now.after(lasts) })
}

/// That nothing more was sent.
pub fn nothing_else(body: serde_json::Value) -> Result<(), ApiError> {
    read::members(body, |_| Some(()))
}

/// The word of a link opens nothing.
fn spent() -> ApiError {
    ApiError::new(
        crate::api::error::Code::NotFound,
        "This link was used already, or its time is over. Ask for a new one.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_in_a_few_words() {
        for (agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            ("", "An unknown program"),
            ("<script>alert(1)</script>", "An unknown program"),
        ] {
            assert_eq!(device(agent), expected);
        }
    }

    #[test]
    fn a_link_is_an_address() {
        let word = Word::new([1; 32]);
        let expected = format!("https://go.example/setup?word={}", "01".repeat(32));
        assert_eq!(link("https://go.example/", "setup", &word), expected);
    }
}
