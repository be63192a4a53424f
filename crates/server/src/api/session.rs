//! Whoever is signed in, as the API sees them: a cookie, the workspace that they have chosen, and a look at who sent them.
//!
//! A cookie goes along with whatever a browser sends to us, also from pages of others. So a request that may change something
//! is taken from our own pages alone: its `Origin` has to be ours, and one that names none is refused too (a browser names it
//! with everything but GET and HEAD; see Fetch, "append a request `Origin` header"). A key in the `Authorization` header is
//! never sent by a browser of its own accord, so nothing of this applies to it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use hyper::{HeaderMap, Method, header, http::request::Parts};
use mask_core::{
    actor::Actor,
    id::SessionId,
    person::{Membership, Session, User, Word, WordHash},
};

use super::{
    Api,
    error::{ApiError, Code},
    gate::Identity,
};

/// The cookie that holds the session's word.
pub const COOKIE: &str = "mask_session";
/// Most words that are looked at.
const MOST_WORDS: usize = 8;
/// The header that names the workspace that is meant.
pub const WORKSPACE: &str = "x-mask-workspace";
/// The header that says which of its two sides is meant: `live`, or `test`.
pub const ENVIRONMENT: &str = "x-mask-environment";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: SessionId,
    /// What the store knows it by.
    pub hash: WordHash,
    /// The workspace that they chose, by its slug, and what they are there; `None` where they are nothing.
    chosen: Option<(String, Option<Membership>)>,
}

impl Person {
    /// The slug of the workspace that they chose, and what they are there. One that they have no part in is none.
    pub fn place(&self) -> Result<(String, Membership), ApiError> {
        match &self.chosen {
            Some((slug, Some(member))) => Ok((slug.clone(), *member)),
            Some((_, None)) => Err(ApiError::not_found("Workspace")),
            None => Err(unnamed()),
        }
    }

    /// The slug of the workspace that they chose, whether they have a part in it or not.
    pub fn slug(&self) -> Result<&str, ApiError> {
        self.chosen.as_ref().map(|(slug, _)| slug.as_str()).ok_or_else(unnamed)
    }

    /// Who they are, as the one who does something.
    pub fn actor(&self) -> Actor {
        Actor::Person(self.user.id)
    }
}

fn unnamed() -> ApiError {
    ApiError::new(Code::BadRequest, "Say which workspace you mean, by its slug: X-Mask-Workspace: default.")
}

/// Who is signed in, if anybody is.
pub async fn identify(api: &Arc<Api>, method: &Method, headers: &HeaderMap) -> Result<Option<Person>, ApiError> {
    if cookie(headers, COOKIE).is_none() {
        return Ok(None);
    }
    let is_harmless = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_harmless && !comes_from_us(api, headers) {
        return Err(elsewhere());
    }
    let (user, session, hash) = shown(api, headers).await?;
    api.accounts.note(api, &session);
    let is_test = is_test(headers)?;
    let slug = headers.get(WORKSPACE).map(|slug| String::from_utf8_lossy(slug.as_bytes()).into_owned());
    let chosen = match slug {
        Some(slug) => {
            let member = api.store.membership(user.id, slug.clone(), is_test).await?;
            Some((slug, member))
        }
        None => None,
    };
    Ok(Some(Person { user, session: session.id, hash, chosen }))
}

/// The session that a browser shows. Whoever holds a name beside ours can set a cookie that is sent to us too, and before ours:
/// one that is nobody's word must not sign anybody out, and one that is must not put somebody into another's account unseen. So
/// all are looked at, and what is good of them has to be one person's.
async fn shown(api: &Api, headers: &HeaderMap) -> Result<(User, Session, WordHash), ApiError> {
    let mut found: Option<(User, Session, WordHash)> = None;
    for hash in words(headers).iter().map(Word::hash) {
        let Some((user, session)) = api.store.session_by_hash(hash, api.clock.now()).await? else { continue };
        match &found {
            Some((other, ..)) if other.id != user.id => {
                let message = "This browser shows the sessions of two people. Sign out and in again; if that does not help, delete the cookies of this site.";
                return Err(ApiError::unauthorized(message));
            }
            Some(_) => {}
            None => found = Some((user, session, hash)),
        }
    }
    found.ok_or_else(|| ApiError::unauthorized("The session has ended. Sign in again."))
}

/// The words of sessions that a browser shows, each once.
pub fn words(headers: &HeaderMap) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for word in cookies(headers, COOKIE).filter_map(|word| Word::parse(word).ok()) {
        if words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn is_test(headers: &HeaderMap) -> Result<bool, ApiError> {
    match headers.get(ENVIRONMENT).map(header::HeaderValue::as_bytes) {
        None | Some(b"live") => Ok(false),
        Some(b"test") => Ok(true),
        Some(_) => Err(ApiError::new(Code::BadRequest, "X-Mask-Environment is live or test.")),
    }
}

/// The answer to what was not sent by a page of ours.
pub fn elsewhere() -> ApiError {
    let message = "This request came from another site, or does not say from which. Only our own pages may use a session; programs send an API key.";
    ApiError::new(Code::Forbidden, message)
}

/// Somebody in person: an operation that has it among its parameters is for whoever is signed in, and for no key.
#[derive(Clone, Debug)]
pub struct Me(pub Arc<Person>);

impl<T: Sync> FromRequestParts<T> for Me {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Person(person)) => Ok(Self(Arc::clone(person))),
            Some(Identity::Key(_)) => {
                Err(ApiError::new(Code::Forbidden, "This is for people who are signed in; an API key is nobody."))
            }
            Some(Identity::Nobody(why)) => Err(why.clone()),
            None => Err(ApiError::internal()),
        }
    }
}

/// That a page of ours sent a request which takes no session: it may begin one.
#[derive(Clone, Copy, Debug)]
pub struct FromUs;

impl FromRequestParts<Arc<Api>> for FromUs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        if comes_from_us(api, &parts.headers) { Ok(Self) } else { Err(elsewhere()) }
    }
}

/// Whether a page of ours sent this.
pub fn comes_from_us(api: &Api, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().map(header::HeaderValue::as_bytes);
    origins.next().is_none() && origin == Some(api.origin.as_bytes())
}

/// The value of the cookie with this name. Of two the first counts, as the more specific one comes first (RFC 6265 §5.4).
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    cookies(headers, name).next()
}

/// The values of all cookies with this name, the more specific first.
pub fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
}
