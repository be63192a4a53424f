//! What answers say beside their body: where an object is, and which version of it they show. And answers that hold a secret:
//! it goes out once, and the answer is sealed while it is kept for its repetition.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderValue},
};
use mask_core::request::RequestId;
use mask_store::Kept;
use serde::Serialize;

use super::{ROOT, error::ApiError, once, request::json_body, version};
use crate::webhooks::seal::Vault;

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

/// What is shown of an object that is at this version, unless the caller has said that they have it.
pub(super) fn shown<T: Serialize>(headers: &HeaderMap, tag: &str, body: impl FnOnce() -> T) -> Response {
    if version::is_known(headers, tag) {
        return tagged(StatusCode::NOT_MODIFIED.into_response(), tag);
    }
    tagged(json_body(&body()).into_response(), tag)
}

/// The answer to a request that made something before, in this place, with the headers that it had.
pub(super) fn recreated(kept: Kept, place: &str) -> Response {
    let id = made(&kept);
    let response = once::replay(kept);
    match id {
        Some(id) => tagged(located(response, &format!("{place}/{id}")), version::FIRST),
        None => response,
    }
}

/// The id of what an answer says was made.
pub(super) fn made(kept: &Kept) -> Option<String> {
    let made: serde_json::Value =
        if kept.status == 201 { serde_json::from_slice(&kept.body).ok()? } else { return None };
    made["id"].as_str().map(str::to_owned)
}

/// What is kept of an answer with a secret in it, or of the error in its place.
pub(super) fn sealed<T: 'static, E: Copy + 'static>(
    vault: &Arc<Vault>,
    request: RequestId,
    status: u16,
    answer: Arc<impl Fn(&T) -> Vec<u8> + Send + Sync + 'static>,
    refused: fn(E) -> ApiError,
) -> impl FnOnce(&Result<T, E>) -> Kept + Send + 'static {
    let vault = Arc::clone(vault);
    move |done| {
        let kept = match done {
            Ok(object) => Kept { status, body: answer(object) },
            Err(why) => once::kept_error(&refused(*why), request),
        };
        Kept { status: kept.status, body: vault.seal_answer(&kept.body) }
    }
}

/// Such an answer, as it was given before.
pub(super) fn unsealed(vault: &Vault, kept: &Kept) -> Result<Kept, ApiError> {
    let body = vault.open_answer(&kept.body).map_err(|error| {
        tracing::error!(%error, "an answer that is kept cannot be read");
        ApiError::internal()
    })?;
    Ok(Kept { status: kept.status, body })
}
