//! stub
use crate::api::Api;
use std::sync::Arc;
/// The routes.
pub fn routes(_: &Arc<Api>) -> axum::Router<Arc<Api>> {
    axum::Router::new()
}
