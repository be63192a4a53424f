//! The gate: what every request to the API passes on its way in and out.
//!
//! In: TLS, who is asking, the rate limit. Out: the error's body, the limit's headers, CORS. It stands before the
//! router, so that a path of the API that does not exist is limited and answered like one that does. What is nobody's path at all
//! comes here too, and is a link that was mistyped.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap, Method,
    header::{self, HeaderName, HeaderValue},
};
use mask_core::{
    actor::Actor,
    country::Country,
    key::{Key, Secret, Status},
    request::RequestId,
    workspace::Owner,
};

use super::{
    Api, accept,
    error::{ApiError, Code},
    limit::Caller,
    session::{self, Person},
    usage::Answered,
};
use crate::proxy::{Client, Peer};

/// What is known of a request before any handler sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id.
    pub request_id: RequestId,
    /// Who sent it.
    pub client: Client,
    /// Whose connection it came by.
    pub peer: Peer,
    /// The country that it came from, of one that may change something.
    pub country: Option<Country>,
}

/// Who is asking.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Somebody with this key.
    Key(Arc<Key>),
    /// Somebody who is signed in.
    Person(Arc<Person>),
    /// Nobody that we know; this is why.
    Nobody(ApiError),
}

/// Passes a request through.
pub async fn gate(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let Some(mut seen) = request.extensions().get::<Seen>().cloned() else {
        return ApiError::internal().into_response();
    };
    if is_lost_visitor(&request) {
        return api.redirects.nothing_here(seen.request_id).map(axum::body::Body::new);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        seen.country = api.redirects.country(seen.client.address, request.headers(), seen.peer);
        request.extensions_mut().insert(seen.clone());
    }
    let is_problem = accept::prefers_problem(request.headers());
    let origin = request.headers().contains_key(header::ORIGIN);
    let mut response = if is_preflight(&request) {
        let mut response = hyper::StatusCode::NO_CONTENT.into_response();
        // A browser asks by itself, and without the key of what it asks for: this takes nothing from anybody's minute.
        api.limits.look(Caller::at(seen.client.address), api.clock.now()).write(response.headers_mut());
        response
    } else {
        admit(&api, &seen, request, next).await
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let written = error.response(seen.request_id.as_str(), is_problem);
        let (parts, body) = written.into_parts();
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.append(header::VARY, HeaderValue::from_static("accept, authorization, origin"));
    if origin {
        allow_origin(headers);
    }
    response
}

async fn admit(api: &Arc<Api>, seen: &Seen, mut request: Request, next: Next) -> Response {
    let now = api.clock.now();
    let is_in_clear = !api.is_local && !seen.client.is_https;
    // Who cannot be looked up is nobody for now, and is told why; what needs no key is answered all the same.
    let identity = if is_in_clear {
        Err(in_clear())
    } else {
        identify(api, request.method(), request.headers(), &seen.client).await
    };
    let caller = match &identity {
        Ok(Identity::Key(key)) => Caller::Key(key.id),
        Ok(Identity::Person(person)) => Caller::Person(person.user.id),
        Ok(Identity::Nobody(_)) | Err(_) => Caller::at(seen.client.address),
    };
    let standing = api.limits.count(caller, now);
    let asked = asked(&identity, &request);
    let mut response = if !standing.is_within() {
        metrics::counter!("mask_api_rate_limited_total").increment(1);
        ApiError::rate_limited(standing.retry_after_seconds()).into_response()
    } else if is_in_clear {
        in_clear().into_response()
    } else {
        request.extensions_mut().insert(identity.unwrap_or_else(Identity::Nobody));
        answer_in_time(api.request_timeout, next.run(request)).await
    };
    standing.write(response.headers_mut());
    if let Some(Asked { owner, actor, method, path }) = asked {
        let endpoint = path.as_ref().map(|path| (&method, path.as_str()));
        let (status, is_limit_hit) = (response.status(), !standing.is_within());
        api.requests.count(Answered { owner, actor, endpoint, status, is_limit_hit }, now);
    }
    response
}

/// A request of somebody whose requests are counted for them.
struct Asked {
    owner: Owner,
    actor: Actor,
    method: Method,
    /// What the router found; nothing where there is nothing.
    path: Option<MatchedPath>,
}

fn asked(identity: &Result<Identity, ApiError>, request: &Request) -> Option<Asked> {
    let (owner, actor) = match identity.as_ref().ok()? {
        Identity::Key(key) => (key.owner, Actor::Key(key.id)),
        Identity::Person(person) => (person.place().ok()?.1.owner, Actor::Person(person.user.id)),
        Identity::Nobody(_) => return None,
    };
    let path = request.extensions().get::<MatchedPath>().cloned();
    Some(Asked { owner, actor, method: request.method().clone(), path })
}

/// Never a redirect: the key has travelled in clear already, and must not look as if that had worked.
fn in_clear() -> ApiError {
    let message = "The API answers over HTTPS only. The key in this request has been exposed: revoke it.";
    ApiError::new(Code::HttpsRequired, message)
}

async fn answer_in_time(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, answer).await {
        Ok(response) => response,
        Err(_) => ApiError::unavailable().into_response(),
    }
}

/// A key if there is one, or else the session of whoever is signed in.
async fn identify(api: &Arc<Api>, method: &Method, headers: &HeaderMap, client: &Client) -> Result<Identity, ApiError> {
    if headers.contains_key(header::AUTHORIZATION) {
        return identify_key(api, headers, client).await.map(Identity::Key);
    }
    match session::identify(api, method, headers).await? {
        Some(person) => Ok(Identity::Person(Arc::new(person))),
        None => Err(ApiError::unauthorized("Send an API key: Authorization: Bearer mk_live_… or mk_test_….")),
    }
}

/// Finds the key in the store at each request: a revoked key is revoked at once, on every node.
async fn identify_key(api: &Arc<Api>, headers: &HeaderMap, client: &Client) -> Result<Arc<Key>, ApiError> {
    let nobody = |why: &str| Err(ApiError::unauthorized(why));
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return nobody("Send one Authorization header.") };
    if values.next().is_some() {
        return nobody("Send one Authorization header.");
    }
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let Some(Ok(secret)) = token.map(Secret::parse) else {
        return nobody("The API key is malformed. It looks like mk_live_ or mk_test_ and 32 letters and digits.");
    };
    let now = api.clock.now();
    match api.store.key_by_hash(secret.hash(), now).await? {
        Some(key) if key.status(now) == Status::Expired => nobody("The API key has expired."),
        Some(key) if !key.is_good(now) => nobody("The API key is unknown or revoked."),
        Some(key) if !key.may_come_from(client.address) => Err(ApiError::new(
            Code::Forbidden,
            "This API key may not be used from this address; its allowed_ips name others.",
        )),
        Some(key) => {
            api.usage.note(api, &key);
            Ok(Arc::new(key))
        }
        None => nobody("The API key is unknown or revoked."),
    }
}

/// Whether a path is the API's.
pub fn is_path_of_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether somebody has followed a link that was mistyped, or has more at its end than belongs to it. They are shown a page, as
/// on every other host, and nobody's minute pays for it. A program that shows a key means the API, and is told that it is not here.
fn is_lost_visitor(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !is_path_of_api(request.uri().path())
        && !request.headers().contains_key(header::AUTHORIZATION)
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Any page may call the API with a key of its own; no cookie is ever taken along, so no page can act for its visitor.
fn allow_origin(headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, if-match, if-none-match, accept, last-event-id",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "etag, location, retry-after, x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, ratelimit, ratelimit-policy, idempotent-replayed",
        ),
    ];
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
