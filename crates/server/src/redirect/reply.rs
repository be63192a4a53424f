//! Answers: their status, their headers, their bodies.
//!
//! Every one has a request id and is kept by nobody, as the next visitor may be sent elsewhere. Pages go out under their
//! own content security policy. Names and fixed values are static, so that a redirect allocates no more than its map of
//! headers and its id.

use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
        REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::pages::{self, Notice, Page};
use crate::{body::Body, clock};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static KEPT_BY_NOBODY: HeaderValue = HeaderValue::from_static("private, no-store");
/// A store that is away is back in seconds, or not for long.
const RETRY_AFTER_S: u64 = 5;

/// A redirect.
pub(super) fn redirect(status: StatusCode, location: HeaderValue) -> Response<Body> {
    // Room for what hyper's own map would grow to anyway, taken at once.
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(LOCATION, location);
    with_headers(status, headers, Body::Empty)
}

/// A page.
pub(super) fn page(status: StatusCode, page: Page) -> Response<Body> {
    with_page(status, page, &request_id().1)
}

/// A page that says why there is no redirect.
pub(super) fn notice(notice: Notice) -> Response<Body> {
    let (id, value) = request_id();
    let status = StatusCode::from_u16(notice.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with_page(status, pages::notice(notice, id.as_str()), &value);
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

/// Plain text.
pub(super) fn text(text: &'static str) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    with_headers(StatusCode::OK, headers, Body::whole(Bytes::from_static(text.as_bytes())))
}

fn with_page(status: StatusCode, page: Page, id: &HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::whole(page.html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page.content_security_policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, KEPT_BY_NOBODY.clone());
    headers.insert(&X_REQUEST_ID, id.clone());
    response
}

fn with_headers(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(CACHE_CONTROL, KEPT_BY_NOBODY.clone());
    response.headers_mut().insert(&X_REQUEST_ID, request_id().1);
    response
}

fn request_id() -> (clock::RequestId, HeaderValue) {
    let id = clock::request_id();
    let value = HeaderValue::from_str(id.as_str()).unwrap_or(HeaderValue::from_static("req_"));
    (id, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_an_id_and_is_kept_by_nobody() {
        let answers = [
            redirect(StatusCode::FOUND, HeaderValue::from_static("https://e.com")),
            notice(Notice::NotFound),
            notice(Notice::Unavailable),
            method_not_allowed("GET, HEAD"),
            text("x"),
            page(StatusCode::OK, pages::root(false)),
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
