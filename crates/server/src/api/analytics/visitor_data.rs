//! `/analytics/visitor-data`: what is known of visitors, to be forgotten.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mask_core::{Refused, calendar::Zone};

use crate::api::{
    Api,
    caller::{Caller, LinksWrite},
    error::ApiError,
    gate::Seen,
    query::Parameters,
};

/// Forget visitors
///
/// Of all clicks before `before`: the number that stood for the visitor (its salt was destroyed within a day anyhow), the
/// page that the visitor came from, and the minute of the visit, of which the quarter of an hour stays. All counts stay as
/// they were. It is noted at once and cannot be undone; the rows are written anew in the background, as a rule within
/// minutes.
#[utoipa::path(
    delete, path = "/analytics/visitor-data", operation_id = "forget_visitors", tag = "Analytics",
    params(("before" = String, Query, description = "A date, or an RFC 3339 timestamp that is not in the future", example = "2026-03-01")),
    responses((status = 202, description = "Noted")),
    security(("key" = ["links:write"]))
)]
pub(super) async fn forget(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    mut parameters: Parameters,
) -> Result<StatusCode, ApiError> {
    let now = api.clock.now();
    let before = parameters.required("before", |text| {
        let before = Zone::default().start(text)?;
        if before > now { Err(Refused::because("Must not be in the future")) } else { Ok(before) }
    });
    parameters.end()?;
    if let Some(before) = before {
        api.store.forget_own_visitors(caller.by(&seen), before, now).await?;
    }
    Ok(StatusCode::ACCEPTED)
}
