//! What was delivered, what came of it, and delivering it again.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use mask_core::{Refused, event::EventKind, id::DeliveryId, time::Time, workspace::Owner};
use mask_store::{Delivery, DeliveryFilter, Kept};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    absent, check_active, input,
    shape::{AttemptBody, DeliveryBody, DeliveryDetail, DeliveryList, EventName, ReplayAnswer, StatusName},
};
use crate::api::{
    Api,
    caller::{Caller, WebhooksRead, WebhooksWrite},
    error::ApiError,
    fields::Problems,
    gate::Seen,
    links::Pagination,
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, DeliveryPath, IdempotencyKey, Json, NoBody, WebhookPath, json_bytes},
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
/// The same event with the same id, whatever became of it before, at once and with all its attempts before it. A webhook that is
/// switched off is told nothing: switch it on first.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay", operation_id = "replay_delivery", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The delivery's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    responses((status = 202, description = "It is on its way", body = DeliveryBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn replay(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    DeliveryPath(id): DeliveryPath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    _: NoBody,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    // There is no body that could differ.
    let attempt = Attempt { actor: caller.actor, path: "/deliveries/{id}/replay", idempotency_key, hash: [0; 32] };
    let _place = attempt.begin(&api)?;
    if let Err(error) = check_replay(&api, caller.owner, id).await {
        return attempt.kept_or(&api, error).await.map(once::replay);
    }
    let answer = |delivery: &Delivery| json_bytes(&DeliveryBody::of(delivery));
    let keep = attempt.keep(&api, move |replayed: &Option<Delivery>| match replayed {
        Some(delivery) => Kept { status: 202, body: answer(delivery) },
        None => once::kept_error(&no_delivery(), seen.request_id),
    });
    match once::done(api.store.replay_delivery(caller.owner, id, api.clock.now(), keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(replayed) => Ok(once::accepted(answer(&replayed.ok_or_else(no_delivery)?))),
    }
}

/// Whether a delivery can be made again. A listener has nothing to be switched off.
async fn check_replay(api: &Api, owner: Owner, id: DeliveryId) -> Result<(), ApiError> {
    let (delivery, ..) = api.store.delivery_by_id(owner, id).await?.ok_or_else(no_delivery)?;
    let webhook = api.store.webhook_by_id(owner, delivery.webhook).await?;
    webhook.map_or(Ok(()), |webhook| check_active(&webhook))
}

/// Deliver again what failed
///
/// Every delivery that was given up, of events since a moment. What is on its way is not failed any more, so a request that
/// was broken off can be repeated, and its answer counts what was left. With an `Idempotency-Key` what fails again later is
/// left alone too, once there was an answer. A webhook that is switched off is told nothing: switch it on first.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", operation_id = "replay_failed_deliveries", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    request_body(content = input::ReplayWish, example = json!({"since": "2026-03-24T14:00:00Z"})),
    responses((status = 202, description = "They are on their way", body = ReplayAnswer)),
    security(("key" = ["webhooks:write"]))
)]
async fn replay_failed(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let attempt = Attempt { actor: caller.actor, path: "/webhooks/{id}/replay", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let since = input::read_since(body.value, &mut problems);
    problems.check()?;
    let since = since.ok_or_else(ApiError::internal)?;
    if let Err(kept) = once::done(attempt.before(&api).await?)? {
        return Ok(once::replay(kept));
    }
    check_active(&api.store.webhook_by_id(caller.owner, id).await?.ok_or_else(absent)?)?;
    let step = async |keep| {
        let done = api.store.replay_failed(caller.owner, id, since, REPLAY_STEP, api.clock.now(), keep).await?;
        once::done(done)
    };
    let mut replayed = 0;
    for _ in 0..REPLAY_STEPS {
        let count = step(None).await?.map_err(|_| ApiError::internal())?.ok_or_else(absent)?;
        replayed += count;
        if count < u64::from(REPLAY_STEP) {
            break;
        }
    }
    // Each step is a transaction, and which one is the last is known after it: so the answer is kept with one more. A
    // process that dies before it has only put on their way what was to be.
    let answer = move |more: u64| json_bytes(&ReplayAnswer { replayed: replayed + more });
    let keep = attempt.keep(&api, move |more: &Option<u64>| Kept { status: 202, body: answer(more.unwrap_or(0)) });
    if keep.is_none() {
        return Ok(once::accepted(answer(0)));
    }
    match step(keep).await? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(more) => Ok(once::accepted(answer(more.unwrap_or(0)))),
    }
}

fn no_delivery() -> ApiError {
    ApiError::not_found("Delivery")
}
