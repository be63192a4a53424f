//! What answers say beside their body: where an object is, and which version of it they show.

use axum::response::Response;
use hyper::header::{self, HeaderValue};

use super::ROOT;

/// Says where something is, by its path below that of the API.
pub(super) fn located(mut response: Response, path: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(&format!("{ROOT}/{path}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// An answer of JSON, or that the caller has it, with the tag of what it shows.
pub(super) fn tagged(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
