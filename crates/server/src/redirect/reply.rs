//! Answers: their status, their headers, their bodies.
//!
//! Every one has a request id and is kept by nobody, as the next visitor may be sent elsewhere. Pages go out under their
//! own content security policy. Names and fixed values are static, so that a redirect allocates no more than its map of
//! headers and its id.

use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
        LOCATION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};

use mask_core::request::RequestId;

use super::pages::{self, Notice, Page};
use crate::{bio::Rendered, body::Body, clock};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static KEPT_BY_NOBODY: HeaderValue = HeaderValue::from_static("private, no-store");
/// A store that is away is back in seconds, or not for long.
pub(super) const RETRY_AFTER_S: u64 = 5;

/// A redirect, in answer to the request of this id.
pub(super) fn redirect(status: StatusCode, location: HeaderValue, request: RequestId) -> Response<Body> {
    // Room for what hyper's own map would grow to anyway, taken at once.
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(LOCATION, location);
    with_headers(status, headers, Body::Empty, request)
}

/// A page that says why there is no redirect.
pub(super) fn notice(notice: Notice) -> Response<Body> {
    notice_of(notice, clock::request_id())
}

/// The same, in answer to the request of this id.
pub(super) fn notice_of(notice: Notice, request: RequestId) -> Response<Body> {
    let status = StatusCode::from_u16(notice.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = page(status, pages::notice(notice, request.as_str()), request);
    let retry_after_s = match notice {
        Notice::TooManyAttempts { retry_after_s } => Some(retry_after_s),
        Notice::Unavailable => Some(RETRY_AFTER_S),
        _ => None,
    };
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page for a method that is not answered here, and those that are.
pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = notice(Notice::MethodNotAllowed);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The headers of a bio page as the fast lane sends them, up to those that are new in each answer.
pub(super) fn bio_head(page: &Rendered) -> Bytes {
    let mut head = Vec::with_capacity(640);
    for (name, value) in bio_headers(page) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.into()
}

/// What every answer with a bio page says of it. It may be kept, and is asked for again each time: it can change at any
/// moment.
fn bio_headers(page: &Rendered) -> [(HeaderName, HeaderValue); 6] {
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, page.policy.clone()),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (ETAG, page.etag.clone()),
    ]
}

/// A bio page, or that the visitor's copy of it is still right.
pub(super) fn bio_page(page: &Rendered, is_known: bool, request: RequestId) -> Response<Body> {
    let body = if is_known { Body::Empty } else { Body::whole(page.html.clone()) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(8);
    for (name, value) in bio_headers(page) {
        headers.insert(name, value);
    }
    headers.insert(&X_REQUEST_ID, header(request));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// A bio page that was made for this answer alone.
pub(super) fn bio_once(page: &Rendered, status: StatusCode) -> Response<Body> {
    let mut response = bio_page(page, false, clock::request_id());
    *response.status_mut() = status;
    response.headers_mut().remove(ETAG);
    response.headers_mut().insert(CACHE_CONTROL, KEPT_BY_NOBODY.clone());
    response
}

/// A preview, which is for no search engine either, and whose address goes nowhere.
pub(super) fn bio_preview(page: &Rendered) -> Response<Body> {
    let mut response = bio_once(page, StatusCode::OK);
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Whether the visitor has a copy with this tag (RFC 9110 §13.1.2: compared weakly).
pub(super) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|known| has_tag(known.as_bytes(), tag.as_bytes()))
}

/// Whether a list of entity tags has this one, or is `*`.
pub(super) fn has_tag(known: &[u8], tag: &[u8]) -> bool {
    let mut known = known.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known.any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag)
}

/// A file, as it is kept in memory.
pub(super) fn file(kind: HeaderValue, bytes: Bytes) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    with_headers(StatusCode::OK, headers, Body::whole(bytes), clock::request_id())
}

/// A page, in answer to the request of this id.
pub(super) fn page(status: StatusCode, page: Page, request: RequestId) -> Response<Body> {
    let mut response = Response::new(Body::whole(page.html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page.content_security_policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, KEPT_BY_NOBODY.clone());
    headers.insert(&X_REQUEST_ID, header(request));
    response
}

fn with_headers(status: StatusCode, headers: HeaderMap, body: Body, request: RequestId) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(CACHE_CONTROL, KEPT_BY_NOBODY.clone());
    response.headers_mut().insert(&X_REQUEST_ID, header(request));
    response
}

fn header(request: RequestId) -> HeaderValue {
    HeaderValue::from_str(request.as_str()).unwrap_or(HeaderValue::from_static("req_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_an_id_and_is_kept_by_nobody() {
        let answers = [
            redirect(StatusCode::FOUND, HeaderValue::from_static("https://e.com"), clock::request_id()),
            notice(Notice::NotFound),
            notice(Notice::Unavailable),
            method_not_allowed("GET, HEAD"),
            file(HeaderValue::from_static("text/plain"), Bytes::from_static(b"x")),
            page(StatusCode::OK, pages::root(false), clock::request_id()),
        ];
        for answer in answers {
            assert_eq!(answer.headers()[CACHE_CONTROL], "private, no-store");
            assert_eq!(answer.headers()[&X_REQUEST_ID].len(), 16);
        }
    }

    #[test]
    fn a_notice_says_when_to_try_again() {
        assert_eq!(notice(Notice::Unavailable).headers()[RETRY_AFTER], "5");
        assert_eq!(notice(Notice::TooManyAttempts { retry_after_s: 42 }).headers()[RETRY_AFTER], "42");
        let refused = method_not_allowed("GET, HEAD");
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()[ALLOW]),
            (405, &HeaderValue::from_static("GET, HEAD"))
        );
    }
}
