//! `/webhooks`: who is told of what, and how; `/deliveries`: what came of it.
//!
//! Secrets and the values of headers come in here and go out nowhere, but for a secret that we made, which is shown once.
//! They are sealed before they reach the store; so is an answer that holds a secret, while it is kept for its repetition.

mod input;
mod listener;
mod log;
mod sample;
mod shape;

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::StatusCode;
use mask_core::{
    event::EventKind,
    id::{DeliveryId, EventId, WebhookId},
    time::Time,
    webhook::{MOST_WEBHOOKS, PayloadVersion, Webhook},
    workspace::Owner,
};
use mask_store::{Expected, Kept, NewWebhook, Unsubscribed};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, recreated, sealed, tagged, unsealed},
    caller::{Caller, WebhooksRead, WebhooksWrite},
    error::{ApiError, Code},
    fields::Problems,
    gate::Seen,
    links::Pagination,
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, IdempotencyKey, Json, OptionalJson, WebhookPath, json_bytes},
    version,
};
use crate::{
    clock,
    outbound::Failure,
    webhooks::seal::{Secrets, Vault},
};
pub use listener::FORGOTTEN_AFTER;
pub(super) use shape::WebhookBody;
use shape::{TestAnswer, WebhookList};

/// The operations whose body may be left out.
pub(super) const MAY_BE_BARE: [&str; 3] = ["test_webhook", "rotate_webhook_secret", "pull_deliveries"];

/// How often a change is tried again that others came before.
const CHANGES: usize = 8;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(test))
        .routes(routes!(rotate_secret))
        .merge(log::routes())
        .merge(listener::routes())
}

/// Create a webhook
///
/// Deliveries are signed with `secret`. Without one a secret is made, and shown in this answer alone. How to verify
/// signatures, and what is promised of deliveries: see the guide to webhooks.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "create_webhook", tag = "Webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewWebhook, example = json!({"url": "https://example.com/hooks/mask", "events": ["link.clicked"]})),
    responses((status = 201, description = "The new webhook", body = WebhookBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/webhooks", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let asked = input::read_new(body.value, api.webhook_world(caller.owner), &mut problems);
    let headers = asked.headers(&[], &mut problems);
    let checked = match problems.check() {
        Ok(()) => refuse_inward(&api, asked.url.as_deref()).await,
        refused => refused,
    };
    if let Err(error) = checked {
        return attempt.kept_or(&api, error).await.and_then(|kept| repeated(&api.vault, &kept));
    }
    let (now, mut content) = (api.clock.now(), asked.content().ok_or_else(ApiError::internal)?);
    let id = WebhookId::from_bits(api.ids.next(now));
    let made = asked.secret.is_none().then(new_secret);
    let current = asked.secret.clone().or_else(|| made.clone()).ok_or_else(ApiError::internal)?;
    let secrets = Secrets::new(current, headers);
    content.sealed = api.vault.seal(id, &secrets);
    let answer = Arc::new(move |webhook: &Webhook| {
        json_bytes(&WebhookBody::of(webhook, &secrets, now).with_secret(made.clone()))
    });
    let keep = attempt.keep(&api, sealed(&api.vault, seen.request_id, 201, Arc::clone(&answer), refused));
    match once::done(api.store.create_webhook(caller.by(&seen), NewWebhook { id, content, now }, keep).await?)? {
        Err(kept) => repeated(&api.vault, &kept),
        Ok(Err(why)) => Err(refused(why)),
        Ok(Ok(webhook)) => {
            let response = (StatusCode::CREATED, answer(&webhook)).into_response();
            Ok(tagged(located(response, &format!("webhooks/{}", webhook.id)), version::FIRST))
        }
    }
}

/// List webhooks
///
/// Oldest first.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "list_webhooks", tag = "Webhooks",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Webhooks per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of webhooks", body = WebhookList)),
    security(("key" = ["webhooks:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksRead>,
    mut parameters: Parameters,
) -> Result<Answer<WebhookList>, ApiError> {
    let after = parameters.cursor(|cursor| WebhookId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_webhooks(caller.owner, after, limit).await?;
    let now = api.clock.now();
    let data = listed.rows.iter().map(|webhook| Ok(WebhookBody::of(webhook, &secrets_of(&api, webhook)?, now)));
    Ok(Answer(WebhookList {
        data: data.collect::<Result<_, ApiError>>()?,
        pagination: Pagination::of(listed.next.as_ref()),
    }))
}

/// Read a webhook
///
/// Neither its secret nor the values of its headers are shown.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "get_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The webhook", body = WebhookBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["webhooks:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksRead>,
    WebhookPath(id): WebhookPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let webhook = api.store.webhook_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    shown(&api, &webhook, &headers)
}

/// Change a webhook
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null clears. Setting `active` to true switches it on again, and forgets
/// why it was off; deliveries that waited go on. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/webhooks/{id}", operation_id = "update_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::WebhookChange, example = json!({"events": ["link.created", "link.clicked"], "active": true})),
    responses((status = 200, description = "The changed webhook", body = WebhookBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let asked = input::read_change(body.value, api.webhook_world(caller.owner), &mut problems);
    problems.check()?;
    // The headers are merged with what is sealed, and may turn out too many: that is seen here and not in the store, so
    // whoever comes between has the change begin anew.
    for _ in 0..CHANGES {
        let old = api.store.webhook_by_id(caller.owner, id).await?.ok_or_else(absent)?;
        if !expected.takes(old.version) {
            return Err(version::changed());
        }
        refuse_inward(&api, asked.url.as_deref().filter(|url| *url != old.content.url)).await?;
        let content = changed(&api, &old, &asked)?;
        let (read, now) = (Expected::OneOf(vec![old.version]), api.clock.now());
        let done = api.store.update_webhook(caller.by(&seen), id, read, |old| *old = content, now, None).await?;
        match once::done(done)? {
            Ok(Ok(webhook)) => {
                return shown(&api, &webhook, &HeaderMap::new());
            }
            Ok(Err(Unsubscribed::Changed)) => {}
            Ok(Err(why)) => return Err(refused(why)),
            Err(_) => return Err(ApiError::internal()),
        }
    }
    Err(version::changed())
}

/// Refuses a URL whose name leads to where nothing may be sent, so that nobody has to wait for a delivery to be told.
async fn refuse_inward(api: &Api, url: Option<&str>) -> Result<(), ApiError> {
    let Some(target) = url.and_then(|url| api.outbound.target(url).ok()) else { return Ok(()) };
    let mut problems = Problems::default();
    match api.outbound.objection(&target).await {
        Some(Failure::RefusedPlain) => problems.refuse("url", "Must start with https://"),
        Some(_) => problems.refuse("url", "Must lead to an address on the public internet; this name leads to another"),
        None => {}
    }
    problems.check()
}

/// The webhook's content after the change.
fn changed(api: &Api, old: &Webhook, asked: &input::Asked) -> Result<mask_core::webhook::Content, ApiError> {
    let mut content = old.content.clone();
    asked.change(&mut content);
    if asked.headers.is_some() {
        let mut secrets = secrets_of(api, old)?;
        let mut problems = Problems::default();
        let headers = asked.headers(&secrets.headers, &mut problems);
        problems.check()?;
        if headers != secrets.headers {
            secrets.headers = headers;
            content.sealed = api.vault.seal(old.id, &secrets);
        }
    }
    Ok(content)
}

/// Delete a webhook
///
/// What was still to be delivered to it is not; what is on its way already may arrive for about a second. Its log goes with it.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "delete_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete")),
    responses((status = 204, description = "The webhook is gone")),
    security(("key" = ["webhooks:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    api.store.delete_webhook(caller.by(&seen), id, expected, api.clock.now()).await?.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test event
///
/// An event of a kind that the webhook subscribes to, made up: its data has `"test": true`. It is signed, delivered, tried
/// again and logged like any other.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "test_webhook", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    request_body(content = input::TestWish, example = json!({"event": "link.clicked"})),
    responses((status = 202, description = "It is on its way", body = TestAnswer)),
    security(("key" = ["webhooks:write"]))
)]
async fn test(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OptionalJson(body): OptionalJson,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let attempt = Attempt { actor: caller.actor, path: "/webhooks/{id}/test", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let (kind, version) = match asked_test(&api, caller.owner, id, body.value).await {
        Ok(asked) => asked,
        Err(error) => return attempt.kept_or(&api, error).await.map(once::replay),
    };
    let now = api.clock.now();
    let id_of_event = EventId::from_bits(api.ids.next(now));
    let ours = sample::Ours { hosts: api.redirects.hosts(), domain: &api.default_domain };
    let event = sample::event(id_of_event, kind, version, now, ours);
    let answer = move |delivery: DeliveryId| {
        let (delivery_id, event_id) = (delivery.to_string(), id_of_event.to_string());
        json_bytes(&TestAnswer { delivery_id, event_id, event: kind.as_str() })
    };
    let keep = attempt.keep(&api, move |told: &Option<DeliveryId>| match told {
        Some(delivery) => Kept { status: 202, body: answer(*delivery) },
        None => once::kept_error(&absent(), seen.request_id),
    });
    let by = caller.by(&seen);
    match once::done(api.store.tell_one(by, id, event, now, keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(told) => Ok(once::accepted(answer(told.ok_or_else(absent)?))),
    }
}

/// Which event a test sends, where it can be sent, and in which version.
async fn asked_test(
    api: &Api,
    owner: Owner,
    id: WebhookId,
    body: serde_json::Value,
) -> Result<(EventKind, PayloadVersion), ApiError> {
    let mut problems = Problems::default();
    let asked = input::read_test(body, &mut problems);
    problems.check()?;
    let webhook = api.store.webhook_by_id(owner, id).await?.ok_or_else(absent)?;
    let events = webhook.content.events;
    let kind = asked.or_else(|| events.iter().next()).filter(|kind| events.has(*kind));
    let kind = kind.ok_or_else(|| ApiError::invalid("event", "Must be an event that the webhook subscribes to"))?;
    check_active(&webhook)?;
    Ok((kind, webhook.content.payload_version))
}

/// Nothing is delivered to a webhook that is switched off, so nothing is put on its way to it either.
fn check_active(webhook: &Webhook) -> Result<(), ApiError> {
    if webhook.content.is_active {
        return Ok(());
    }
    let message = "This webhook is switched off, so nothing is delivered to it. Set active to true first.";
    Err(ApiError::new(Code::Conflict, message))
}

/// Change a webhook's secret
///
/// The new secret signs at once, and the one before signs beside it for 24 hours, also when the secret is changed again
/// meanwhile: `webhook-signature` has a value for each that signs, the five latest before the new one at most, and
/// `X-Mask-Signature` that of the new one. Without `secret` one is made, and shown in this answer alone. The secret that signs
/// already changes nothing.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate-secret", operation_id = "rotate_webhook_secret", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    request_body(content = input::NewSecret, example = json!({})),
    responses((status = 200, description = "The webhook, and until when the secret before signs", body = WebhookBody)),
    security(("key" = ["webhooks:write"]))
)]
async fn rotate_secret(
    State(api): State<Arc<Api>>,
    caller: Caller<WebhooksWrite>,
    WebhookPath(id): WebhookPath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OptionalJson(body): OptionalJson,
) -> Result<Response, ApiError> {
    // The same word for two webhooks is two words.
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let path = "/webhooks/{id}/rotate-secret";
    let attempt = Attempt { actor: caller.actor, path, idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let asked = input::read_secret(body.value, &mut problems);
    problems.check()?;
    let now = api.clock.now();
    let made = asked.is_none().then(new_secret);
    let new = asked.or_else(|| made.clone()).ok_or_else(ApiError::internal)?;
    let vault = Arc::clone(&api.vault);
    let answer = Arc::new(move |webhook: &Webhook| {
        // What does not open was not changed either.
        vault.open(webhook.id, &webhook.content.sealed).map_or_else(
            |_| Vec::new(),
            |secrets| json_bytes(&WebhookBody::of(webhook, &secrets, now).with_secret(made.clone())),
        )
    });
    let keep = attempt.keep(&api, sealed(&api.vault, seen.request_id, 200, Arc::clone(&answer), refused));
    let vault = Arc::clone(&api.vault);
    let change = move |content: &mut mask_core::webhook::Content| {
        if let Ok(old) = vault.open(id, &content.sealed)
            && let Some(secrets) = old.rotated(new, now)
        {
            content.sealed = vault.seal(id, &secrets);
        }
    };
    match once::done(api.store.update_webhook(caller.by(&seen), id, Expected::AnyVersion, change, now, keep).await?)? {
        Err(kept) => repeated(&api.vault, &kept),
        Ok(Err(why)) => Err(refused(why)),
        Ok(Ok(webhook)) => {
            let secrets = secrets_of(&api, &webhook)?;
            Ok(tagged(answer(&webhook).into_response(), &tag(&webhook, &secrets, now)))
        }
    }
}

impl Api {
    fn webhook_world(&self, owner: Owner) -> input::World<'_> {
        input::World { hosts: self.redirects.hosts(), owner, outbound: &self.outbound }
    }
}

/// A secret as Standard Webhooks writes them: 32 bytes that nobody can guess.
fn new_secret() -> String {
    format!("whsec_{}", STANDARD.encode(clock::secret()))
}

fn secrets_of(api: &Api, webhook: &Webhook) -> Result<Secrets, ApiError> {
    api.vault.open(webhook.id, &webhook.content.sealed).map_err(|error| {
        tracing::error!(%error, webhook = %webhook.id, "the secret of a webhook cannot be read");
        ApiError::internal()
    })
}

fn absent() -> ApiError {
    ApiError::not_found("Webhook")
}

fn refused(why: Unsubscribed) -> ApiError {
    match why {
        Unsubscribed::TooMany => {
            let message = format!("There are {MOST_WEBHOOKS} webhooks already; delete one first.");
            ApiError::new(Code::Conflict, message)
        }
        Unsubscribed::Absent => absent(),
        Unsubscribed::Changed => version::changed(),
    }
}

/// A webhook's tag. Its owner's changes stand before the dot; what it also shows and they do not count stands behind it.
fn tag(webhook: &Webhook, secrets: &Secrets, now: Time) -> String {
    let failing_since = webhook.failing_since.map_or(0, Time::unix_millis);
    let has_previous = i64::from(secrets.earlier_at(now).next().is_some());
    format!("\"{}.{}\"", webhook.version, failing_since * 2 + has_previous)
}

fn shown(api: &Api, webhook: &Webhook, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (secrets, now) = (secrets_of(api, webhook)?, api.clock.now());
    Ok(answer::shown(headers, &tag(webhook, &secrets, now), || WebhookBody::of(webhook, &secrets, now)))
}

/// The answer of before.
fn repeated(vault: &Vault, kept: &Kept) -> Result<Response, ApiError> {
    unsealed(vault, kept).map(|kept| recreated(kept, "webhooks"))
}
