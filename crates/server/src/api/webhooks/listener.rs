//! `/webhooks/listeners`: deliveries for a machine without a public address, which comes for them.
//!
//! A listener is made, pulled from, told what came of each delivery, and deleted; one that nobody pulls from is forgotten.
//! `mask webhooks listen` is such a client.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use mask_core::{
    Refused,
    id::{DeliveryId, WebhookId},
    webhook::{Content, Webhook},
};
use mask_store::{Attempt, Claimed, NewWebhook, Unsubscribed};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{input, new_secret, refused, secrets_of, shape::EventName};
use crate::{
    api::{
        Api,
        answer::{sealed, unsealed},
        caller::{Caller, WebhooksWrite},
        error::ApiError,
        fields::{Fields, Problems, integer, text},
        gate::Seen,
        once,
        request::{Answer, IdempotencyKey, Json, OptionalJson, TextPath, json_bytes},
    },
    webhooks::{seal::Secrets, sign},
};

/// How long a listener lives after it was last pulled from.
pub const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// How long what was pulled is the puller's: what it does not report by then, it is given again.
const CLAIM: Duration = Duration::from_mins(1);
/// The longest that a pull waits: less than the longest that a request may take.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often a waiting pull looks for what another node wrote.
const LOOK: Duration = Duration::from_secs(2);

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(delete)).routes(routes!(pull)).routes(routes!(report))
}

/// Listen for events
///
/// For a machine without a public address: deliveries wait until somebody pulls them. A listener that is not pulled from for
/// ten minutes is gone. `mask webhooks listen` does all of this.
#[utoipa::path(
    post, path = "/webhooks/listeners", operation_id = "create_listener", tag = "Webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewListener, example = json!({"events": ["link.clicked"]})),
    responses((status = 201, description = "The new listener", body = ListenerBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = once::Attempt { actor: caller.actor, path: "/webhooks/listeners", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let asked = input::read_listener(body.value, api.webhook_world(caller.owner), &mut problems);
    if let Err(error) = problems.check() {
        let kept = attempt.kept_or(&api, error).await?;
        return unsealed(&api.vault, &kept).map(once::replay);
    }
    let (now, mut content) = (api.clock.now(), asked.content().ok_or_else(ApiError::internal)?);
    let id = WebhookId::from_bits(api.ids.next(now));
    let secret = asked.secret.unwrap_or_else(new_secret);
    let secrets = Secrets::new(secret.clone(), Vec::new());
    content.sealed = api.vault.seal(id, &secrets);
    let answer = Arc::new(move |webhook: &Webhook| json_bytes(&ListenerBody::of(webhook, secret.clone())));
    let keep = attempt.keep(&api, sealed(&api.vault, seen.request_id, 201, Arc::clone(&answer), refused));
    match once::done(api.store.create_webhook(caller.by(&seen), NewWebhook { id, content, now }, keep).await?)? {
        Err(kept) => unsealed(&api.vault, &kept).map(once::replay),
        Ok(made) => {
            let body = answer(&made.map_err(refused)?);
            let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok((StatusCode::CREATED, [content_type], body).into_response())
        }
    }
}

/// Delete a listener
///
/// What waits for it is not delivered.
#[utoipa::path(
    delete, path = "/webhooks/listeners/{id}", operation_id = "delete_listener", tag = "Webhooks",
    params(("id" = String, Path, description = "The listener's id")),
    responses((status = 204, description = "The listener is gone")),
    security(("key" = ["webhooks:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    TextPath(id): TextPath,
    axum::Extension(seen): axum::Extension<Seen>,
) -> Result<StatusCode, ApiError> {
    let is_deleted = api.store.delete_listener(caller.by(&seen), listener(&id)?, api.clock.now()).await?;
    if is_deleted { Ok(StatusCode::NO_CONTENT) } else { Err(absent()) }
}

/// Pull deliveries
///
/// What is due, signed as a webhook would be sent it. With the header `Prefer: wait=20` (RFC 7240) the answer waits for up to
/// so many seconds, 20 at most, while there is nothing. Report each delivery within a minute, or it is given out again. That
/// also mends an answer that was lost: a pull is never repeated, so an `Idempotency-Key` is not looked at.
#[utoipa::path(
    post, path = "/webhooks/listeners/{id}/pull", operation_id = "pull_deliveries", tag = "Webhooks",
    params(("id" = String, Path, description = "The listener's id")),
    request_body(content = PullWish, example = json!({"limit": 20})),
    responses((status = 200, description = "What is due; nothing after the wait", body = Pulled)),
    security(("key" = ["webhooks:write"]))
)]
async fn pull(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    TextPath(id): TextPath,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson,
) -> Result<Answer<Pulled>, ApiError> {
    let mut problems = Problems::default();
    let limit = read_pull(body.value, &mut problems);
    problems.check()?;
    let id = listener(&id)?;
    let deadline = Instant::now() + wait(&headers);
    let mut tellings = api.store.tellings();
    loop {
        let now = api.clock.now();
        let pulled = api.store.pull_deliveries(caller.owner, id, limit, now, now.after(CLAIM)).await?;
        let (webhook, claimed) = pulled.map_err(|_: Unsubscribed| absent())?;
        let is_over = !claimed.is_empty() || Instant::now() >= deadline || api.stop.is_cancelled();
        if is_over {
            let secrets = secrets_of(&api, &webhook)?;
            let data = claimed.iter().map(|claimed| PulledDelivery::of(claimed, &secrets, now)).collect();
            return Ok(Answer(Pulled { data }));
        }
        // Others' events wake it too; a read tells whether there is something for this one.
        while Instant::now() < deadline
            && !api.stop.is_cancelled()
            && !api.store.is_listener_due(caller.owner, id, api.clock.now()).await?
        {
            tokio::select! {
                _ = tellings.changed() => {}
                () = sleep_until(deadline.min(Instant::now() + LOOK)) => {}
                () = api.stop.cancelled() => {}
            }
        }
    }
}

/// Report what came of a delivery
///
/// It is over then, whatever came of it. A second report of it finds nothing that waits, so an `Idempotency-Key` is not
/// looked at.
#[utoipa::path(
    post, path = "/webhooks/listeners/{id}/report", operation_id = "report_delivery", tag = "Webhooks",
    params(("id" = String, Path, description = "The listener's id")),
    request_body(content = Report, example = json!({"delivery_id": "dlv_01kcd3vyk5f8r9v3k2m4n6p8qa", "status": 200})),
    responses((status = 204, description = "It is noted")),
    security(("key" = ["webhooks:write"]))
)]
async fn report(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    TextPath(id): TextPath,
    body: Json,
) -> Result<StatusCode, ApiError> {
    let mut problems = Problems::default();
    let read = read_report(body.value, &mut problems);
    problems.check()?;
    let (delivery, status) = read.ok_or_else(ApiError::internal)?;
    let attempt = Attempt {
        at: api.clock.now(),
        duration_ms: 0,
        status,
        failure: if status.is_none() { Some("connect_failed") } else { None },
        head: None,
        body: None,
    };
    let is_success = status.is_some_and(|status| (200..300).contains(&status));
    let noted = api.store.report_delivery(caller.owner, listener(&id)?, delivery, is_success, attempt).await?;
    let is_noted = noted.map_err(|_: Unsubscribed| absent())?;
    let unknown = || ApiError::invalid("delivery_id", "Must be a delivery that was pulled, and not reported yet");
    if is_noted { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

/// What is no webhook's id names nothing.
fn listener(text: &str) -> Result<WebhookId, ApiError> {
    WebhookId::parse(text).map_err(|_| absent())
}

fn absent() -> ApiError {
    ApiError::not_found("Listener")
}

/// A listener.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Listener)]
struct ListenerBody {
    /// Its id.
    #[schema(example = "wh_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What it is told.
    #[schema(value_type = Vec<EventName>)]
    events: Vec<&'static str>,
    /// The version of what is told.
    #[schema(example = 1)]
    version: u16,
    /// The secret that signs.
    secret: String,
    /// Seconds that it lives after each pull.
    #[schema(example = 600)]
    expires_in: u64,
}

impl ListenerBody {
    fn of(webhook: &Webhook, secret: String) -> Self {
        let Content { events, payload_version, .. } = webhook.content;
        Self {
            id: webhook.id.to_string(),
            events: events.iter().map(mask_core::event::EventKind::as_str).collect(),
            version: payload_version.number(),
            secret,
            expires_in: FORGOTTEN_AFTER.as_secs(),
        }
    }
}

/// What is wanted of a pull.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct PullWish {
    /// Most deliveries. Absent: 20.
    #[schema(required = false, minimum = 1, maximum = 100)]
    limit: u32,
}

/// Most deliveries.
fn read_pull(value: Value, problems: &mut Problems) -> usize {
    const USUAL: usize = 20;
    let Some(mut fields) = Fields::of(value, "", problems) else { return USUAL };
    let within = |number: i64| {
        let number = usize::try_from(number).ok().filter(|number| (1..=100).contains(number));
        number.ok_or(Refused::because("Must be 1 to 100"))
    };
    let limit = fields.optional("limit", integer(within));
    fields.end();
    limit.unwrap_or(USUAL)
}

/// How long the client prefers to wait (`Prefer: wait=`, RFC 7240 §4.3): a preference that cannot be read is none.
fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let mut waits = preferences.flat_map(|value| value.split(',')).filter_map(|preference| {
        let (name, seconds) = preference.split(';').next()?.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        is_wait.then(|| seconds.trim().trim_matches('"').parse().ok()).flatten()
    });
    Duration::from_secs(waits.next().unwrap_or(0)).min(LONGEST_WAIT)
}

/// Deliveries that are the puller's for a minute.
#[derive(Debug, Serialize, ToSchema)]
struct Pulled {
    /// The deliveries.
    data: Vec<PulledDelivery>,
}

/// A delivery as a webhook would be sent it.
#[derive(Debug, Serialize, ToSchema)]
struct PulledDelivery {
    /// Its id, to report what came of it.
    delivery_id: String,
    /// What it tells of.
    #[schema(value_type = EventName)]
    event: &'static str,
    /// The headers of the request, signatures among them.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    headers: std::collections::BTreeMap<String, String>,
    /// The body of the request, as it is signed.
    body: String,
}

impl PulledDelivery {
    fn of(claimed: &Claimed, secrets: &Secrets, now: mask_core::time::Time) -> Self {
        let headers = sign::headers(secrets, claimed, now);
        let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            delivery_id: claimed.id.to_string(),
            event: claimed.kind.as_str(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: claimed.body.clone(),
        }
    }
}

/// What came of a delivery.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct Report {
    /// The delivery.
    delivery_id: String,
    /// The status that it was answered with; null where there was no answer.
    #[schema(minimum = 100, maximum = 599)]
    status: Option<u16>,
}

fn read_report(value: Value, problems: &mut Problems) -> Option<(DeliveryId, Option<u16>)> {
    let mut fields = Fields::of(value, "", problems)?;
    let status = |number: i64| {
        let status = u16::try_from(number).ok().filter(|status| (100..600).contains(status));
        status.ok_or(Refused::because("Must be a status of HTTP: 100 to 599"))
    };
    let delivery = fields.required("delivery_id", text(DeliveryId::parse));
    let status = fields.nullable("status", integer(status)).flatten();
    fields.end();
    Some((delivery?, status))
}
