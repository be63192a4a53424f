//! What was delivered, what came of it, and delivering it again.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{Refused, event::EventKind, id::DeliveryId, time::Time};
use mask_store::DeliveryFilter;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    absent, input,
    shape::{AttemptBody, DeliveryBody, DeliveryDetail, DeliveryList, EventName, ReplayAnswer, StatusName},
};
use crate::api::{
    Api,
    caller::{Caller, WebhooksRead, WebhooksWrite},
    error::ApiError,
    fields::Problems,
    links::Pagination,
    query::Parameters,
    request::{Answer, DeliveryPath, Json, WebhookPath},
};

/// Deliveries that one step puts on their way again: few enough to keep no other writer waiting.
const REPLAY_STEP: u32 = 1000;
/// Most steps of one request.
const REPLAY_STEPS: usize = 1000;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(replay))
        .routes(routes!(replay_failed))
}

/// List a webhook's deliveries
///
/// Newest first. They are kept for 30 days, unless the operator says otherwise.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "list_deliveries", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Deliveries per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
        ("event" = Option<EventName>, Query, description = "Deliveries of this event"),
        ("status" = Option<StatusName>, Query, description = "Deliveries that are so far"),
        ("since" = Option<String>, Query, format = DateTime, description = "Written at this moment or later"),
        ("until" = Option<String>, Query, format = DateTime, description = "Written before this moment"),
    ),
    responses((status = 200, description = "A page of deliveries", body = DeliveryList)),
    security(("key" = ["webhooks:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksRead>,
    WebhookPath(id): WebhookPath,
    mut parameters: Parameters,
) -> Result<Answer<DeliveryList>, ApiError> {
    let after = parameters.cursor(|cursor| DeliveryId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    let filter = DeliveryFilter {
        kind: parameters.optional("event", EventKind::parse),
        state: parameters.optional("status", parse_status),
        since: parameters.optional("since", Time::parse),
        until: parameters.optional("until", Time::parse),
    };
    parameters.end()?;
    let listed = api.store.list_deliveries(caller.owner, id, filter, after, limit).await?.ok_or_else(absent)?;
    Ok(Answer(DeliveryList {
        data: listed.rows.iter().map(DeliveryBody::of).collect(),
        pagination: Pagination::of(listed.next.as_ref()),
    }))
}

fn parse_status(text: &str) -> Result<mask_store::State, Refused> {
    match text {
        "pending" => Ok(mask_store::State::Pending),
        "succeeded" => Ok(mask_store::State::Succeeded),
        "failed" => Ok(mask_store::State::Failed),
        _ => Err(Refused::because("Must be pending, succeeded or failed")),
    }
}

/// Read a delivery
///
/// What is sent, and every attempt with what the endpoint answered.
#[utoipa::path(
    get, path = "/deliveries/{id}", operation_id = "get_delivery", tag = "Webhooks",
    params(("id" = String, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery", body = DeliveryDetail)),
    security(("key" = ["webhooks:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksRead>,
    DeliveryPath(id): DeliveryPath,
) -> Result<Answer<DeliveryDetail>, ApiError> {
    let found = api.store.delivery_by_id(caller.owner, id).await?;
    let (delivery, request_body, tries) = found.ok_or_else(no_delivery)?;
    Ok(Answer(DeliveryDetail {
        delivery: DeliveryBody::of(&delivery),
        request_body,
        tries: tries.iter().map(AttemptBody::of).collect(),
    }))
}

/// Deliver again
///
/// The same event with the same id, whatever became of it before, at once and with all its attempts before it.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay", operation_id = "replay_delivery", tag = "Webhooks",
    params(("id" = String, Path, description = "The delivery's id")),
    responses((status = 202, description = "It is on its way", body = DeliveryBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn replay(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    DeliveryPath(id): DeliveryPath,
) -> Result<Response, ApiError> {
    let delivery = api.store.replay_delivery(caller.owner, id, api.clock.now()).await?.ok_or_else(no_delivery)?;
    Ok((StatusCode::ACCEPTED, Answer(DeliveryBody::of(&delivery))).into_response())
}

/// Deliver again what failed
///
/// Every delivery that was given up, of events since a moment. Safe to repeat: what is on its way is not failed any more.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", operation_id = "replay_failed_deliveries", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id")),
    request_body(content = input::ReplayWish, example = json!({"since": "2026-03-24T14:00:00Z"})),
    responses((status = 202, description = "They are on their way", body = ReplayAnswer)),
    security(("key" = ["webhooks:write"]))
)]
async fn replay_failed(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    body: Json,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let since = input::read_since(body.value, &mut problems);
    problems.check()?;
    let since = since.ok_or_else(ApiError::internal)?;
    let mut replayed = 0;
    for _ in 0..REPLAY_STEPS {
        let step = api.store.replay_failed(caller.owner, id, since, REPLAY_STEP, api.clock.now()).await?;
        let step = step.ok_or_else(absent)?;
        replayed += step;
        if step < u64::from(REPLAY_STEP) {
            break;
        }
    }
    Ok((StatusCode::ACCEPTED, Answer(ReplayAnswer { replayed })).into_response())
}

fn no_delivery() -> ApiError {
    ApiError::not_found("Delivery")
}
