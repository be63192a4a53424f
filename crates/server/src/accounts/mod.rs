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
//! **While a password is compared** its account may change: each step that rests on one tells the store what was seen
//! ([`Shown`], [`Asker`]), and is not done where that is so no more.
//!
//! **What must stay true.** Whatever changes something comes from a page of ours, by its `Origin`; a body that a form of
//! somebody else could send (text/plain, no origin) is refused. No answer tells a stranger whether there is an account. No
//! password, code or word is in a log, an error or an address of somebody else: pages whose address has a word send no
//! `Referer` but our own name. The address that somebody comes from is kept nowhere; the country is.

mod browser;
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
    country::Country,
    id::{SessionId, UserId},
    mail::Address,
    person::{Session, User, Word, WordHash},
    request::RequestId,
    time::Time,
};
use mask_store::{Account, Asker, NewSession, NewWord, Oneself, Outdated, Shown, Whence};

use browser::Browser;
use elsewhere::Elsewhere;
pub use email::{ask as ask_email, confirm as confirm_email, give as give_email};
pub use first::{SetUp, link as setup_link, make as make_first};
pub use pages::routes;
pub use passwords::{ask as ask_reset, change as change_password, link as password_link, reset};
pub use profile::{places, rename};
pub use sign_in::{account as own, first_step, needs_code, second_step, sign_in, sign_out};
pub use sign_up::{SignedUp, sign_up};
use tokio::sync::Semaphore;
pub use totp::{
    Begun, begin as begin_totp, confirm as confirm_totp, end as end_totp, recovery_codes as new_recovery_codes,
};
use tries::Tries;

use crate::{
    api::{
        Api,
        error::{ApiError, Code},
        gate::Seen,
        session::{COOKIE, words},
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
/// Most letters about lost passwords that are written at once: whoever asks for more waits, for whomever it is.
const MOST_ASKING: usize = 32;
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
    /// Letters about lost passwords that are being written.
    asking: Arc<Semaphore>,
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
            asking: Arc::new(Semaphore::new(MOST_ASKING)),
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
    /// The words of the sessions that it has had: they end when another begins.
    had: Vec<WordHash>,
    /// What it was let in as before.
    browser: Option<Browser>,
    /// The request that they send.
    request: RequestId,
    /// The country that they send it from, where the gate has looked.
    country: Option<Country>,
}

impl Visitor {
    /// Whoever sent these headers.
    pub fn of(api: &Api, seen: &Seen, headers: &HeaderMap) -> Self {
        let said = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self {
            address: seen.client.address,
            device: device(said),
            had: words(headers).iter().map(Word::hash).collect(),
            browser: Browser::of(headers, &api.vault, api.clock.now()),
            request: seen.request_id,
            country: seen.country,
        }
    }

    /// In which request something is asked for, and from where.
    pub fn whence(&self, api: &Api) -> Whence {
        let country = self.country.or_else(|| api.accounts.places.at(self.address).country);
        Whence {
            request: Some(self.request.to_string()),
            country: country.map(|country| country.as_str().to_owned()),
            device: Some(self.device.clone()),
        }
    }

    /// Somebody who changes something about themselves in this request.
    pub fn oneself(&self, api: &Api, user: UserId) -> Oneself {
        Oneself { user, whence: self.whence(api) }
    }

    /// Somebody who changes how they sign in, in the session in which they were seen to be who has this account.
    fn asker(&self, api: &Api, account: &Account, session: SessionId) -> Asker {
        let (who, password_hash) = (self.oneself(api, account.user.id), account.password_hash.clone());
        Asker::InPerson { who, session, password_hash }
    }
}

impl FromRequestParts<Arc<Api>> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let seen = parts.extensions.get::<Seen>().ok_or_else(ApiError::internal)?;
        Ok(Self::of(api, seen, &parts.headers))
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
    pub cookies: [HeaderValue; 2],
}

/// A session that is to begin, and the cookies that show it, and that they were let in here.
pub fn new_session(api: &Api, visitor: &Visitor, (user, email): (UserId, &Address)) -> (NewSession, [HeaderValue; 2]) {
    let now = api.clock.now();
    let word = Word::new(clock::secret());
    let Whence { request, country, .. } = visitor.whence(api);
    let session = Session {
        id: SessionId::from_bits(api.ids.next(now)),
        user,
        device: visitor.device.clone(),
        country,
        created_at: now,
        seen_at: now,
        expires_at: now.after(SESSION_LASTS),
    };
    let cookies = [cookie(api, word.reveal(), COOKIE_LASTS_S), browser::cookie(api, email)];
    (NewSession { session, hash: word.hash(), request }, cookies)
}

/// Begins a session with a new word, in place of those that the browser had; `None` when what they have shown lets nobody in
/// any more.
async fn begin(api: &Api, visitor: &Visitor, user: User, shown: Shown) -> Result<Option<SignedIn>, ApiError> {
    let (session, cookies) = new_session(api, visitor, (user.id, &user.email));
    let is_begun = api.store.begin_session(session, shown, visitor.had.clone()).await?;
    Ok(is_begun.then_some(SignedIn { user, cookies }))
}

/// The account was changed elsewhere while this was asked for: what was seen of it counts no more.
fn outdated(_: Outdated) -> ApiError {
    let message = "Your account was changed elsewhere at this moment, so nothing was done. Sign in and try again.";
    ApiError::new(Code::Conflict, message)
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
    ApiError::new(Code::NotFound, "This link was used already, or its time is over. Ask for a new one.")
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
