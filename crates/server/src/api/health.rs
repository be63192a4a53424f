//! Health: whether the process runs, and whether it can do its work.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::StatusCode;
use serde_json::json;

use super::{Api, request::json_body};

/// The routes.
pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/healthz", get(process)).route("/readyz", get(engines))
}

/// The process answers.
async fn process() -> Response {
    answer(StatusCode::OK, "ok")
}

/// The process and every engine that it needs answer.
async fn engines(State(api): State<Arc<Api>>) -> Response {
    match api.store.ping().await {
        Ok(()) => answer(StatusCode::OK, "ok"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

fn answer(status: StatusCode, word: &str) -> Response {
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    (status, headers, json_body(&json!({ "status": word }))).into_response()
}
