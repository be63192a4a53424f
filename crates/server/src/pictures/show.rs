//! Showing a picture, on each of our hosts: `/-/img/NAME`.
//!
//! A name is made from the content, so a picture is kept by browsers for good, and its name is its tag. What a picture may
//! do is nothing: it is never taken for anything else, and opened by itself it runs no script and loads nothing.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use mask_core::picture::PictureName;

use crate::api::{Api, version};

/// What every picture is sent with.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
];

/// The route.
pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/-/img/{name}", get(show))
}

async fn show(State(api): State<Arc<Api>>, name: Option<Path<String>>, headers: HeaderMap) -> Response {
    let Some(name) = name.and_then(|Path(name)| PictureName::parse(&name).ok()) else { return absent() };
    let tag = format!("\"{name}\"");
    if version::is_known(&headers, &tag) {
        return with_headers(StatusCode::NOT_MODIFIED.into_response(), &tag);
    }
    match api.pictures.read(&name).await {
        Ok(Some(bytes)) => {
            let kind = HeaderValue::from_static(name.format().media_type());
            with_headers(([(header::CONTENT_TYPE, kind)], bytes).into_response(), &tag)
        }
        Ok(None) => absent(),
        Err(_) => away(),
    }
}

fn with_headers(mut response: Response, tag: &str) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn absent() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "There is no such picture.\n").into_response()
}

fn away() -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, "The picture cannot be read at the moment.\n").into_response()
}
