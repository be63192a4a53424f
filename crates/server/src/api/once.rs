//! Idempotent POST: the same request with the same `Idempotency-Key` is worked on once, and answered alike each time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::response::Response;
use hyper::header::{self, HeaderValue};
use mask_core::{actor::Actor, request::RequestId};
use mask_store::{Keep, Kept, Once};

use super::{
    Api,
    error::{ApiError, Code},
    request::json_bytes,
};

/// Requests with a key that are being worked on by this node.
#[derive(Debug, Default)]
pub struct InFlight {
    keys: Mutex<HashSet<Slot>>,
}

type Slot = (Actor, &'static str, String);

/// A request's place among those in flight; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    api: Arc<Api>,
    slot: Slot,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.api.in_flight.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
    }
}

/// A request that is to be worked on once.
#[derive(Debug)]
pub struct Attempt {
    /// Who asks.
    pub actor: Actor,
    /// The path that was asked for.
    pub path: &'static str,
    /// The caller's word for the request, if it gave one.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the body.
    pub hash: [u8; 32],
}

impl Attempt {
    /// Takes a place; a second request with the same key gets a 409 while the first is being worked on.
    pub fn begin(&self, api: &Arc<Api>) -> Result<Option<Place>, ApiError> {
        let Some(idempotency_key) = &self.idempotency_key else { return Ok(None) };
        let slot = (self.actor, self.path, idempotency_key.clone());
        if !api.in_flight.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(slot.clone()) {
            return Err(ApiError::new(Code::Conflict, "A request with this Idempotency-Key is still being worked on."));
        }
        Ok(Some(Place { api: Arc::clone(api), slot }))
    }

    /// The answer that was given when this was asked before, or else this error. What is judged by the time of day was
    /// right then and may be wrong by now; that is no reason to answer a repeated request otherwise.
    pub async fn kept_or(&self, api: &Api, error: ApiError) -> Result<Kept, ApiError> {
        let Some(idempotency_key) = &self.idempotency_key else { return Err(error) };
        match api.store.kept_reply(self.actor, self.path.to_owned(), idempotency_key.clone(), self.hash).await? {
            Once::Replayed(kept) => Ok(kept),
            Once::Done(()) | Once::KeyReused => Err(error),
        }
    }

    /// What was answered before, for work that is more than the one transaction that could find out.
    pub async fn before(&self, api: &Api) -> Result<Once<()>, ApiError> {
        let Some(idempotency_key) = &self.idempotency_key else { return Ok(Once::Done(())) };
        Ok(api.store.kept_reply(self.actor, self.path.to_owned(), idempotency_key.clone(), self.hash).await?)
    }

    /// What the store is to keep of the answer.
    pub fn keep<T>(self, api: &Api, reply: impl FnOnce(&T) -> Kept + Send + 'static) -> Option<Keep<T>> {
        Some(Keep {
            actor: self.actor,
            path: self.path.to_owned(),
            idempotency_key: self.idempotency_key?,
            request_hash: self.hash,
            now: api.clock.now(),
            reply: Box::new(reply),
        })
    }
}

/// An error as it is kept; its request's id is that of the first answer.
pub fn kept_error(error: &ApiError, request: RequestId) -> Kept {
    let body = serde_json::json!({ "error": error.json(request.as_str()) });
    Kept { status: error.code.status(), body: json_bytes(&body) }
}

/// What was done now, or the answer that was given when it was done before.
pub fn done<T>(once: Once<T>) -> Result<Result<T, Kept>, ApiError> {
    match once {
        Once::Done(value) => Ok(Ok(value)),
        Once::Replayed(kept) => Ok(Err(kept)),
        Once::KeyReused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used with another body. Use a new one for a new request.",
        )),
    }
}

/// An answer of 202 with these bytes of JSON, which are also kept.
pub fn accepted(body: Vec<u8>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    *response.status_mut() = hyper::StatusCode::ACCEPTED;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer of before, byte for byte.
pub fn replay(kept: Kept) -> Response {
    let mut response = Response::new(axum::body::Body::from(kept.body));
    *response.status_mut() = hyper::StatusCode::from_u16(kept.status).unwrap_or(hyper::StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}
