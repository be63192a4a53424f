//! `/api-keys`: who may use this API, and for what.
//!
//! A key's secret goes out once, when it is made or changed; answers that hold one are sealed while they are kept for their
//! repetition. Nobody comes to rights here that he does not have: a key makes keys of its own environment alone, gives them
//! no scope that it lacks, no longer time than its own, and no address that it may not come from itself; and a mightier key it
//! can neither change nor revoke, nor have its secret shown: otherwise whoever steals a narrow one could switch everything off.
//! Each key may revoke itself, so a stolen one can be ended by whoever has it, whatever else they have.

mod input;
mod shape;

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    id::KeyId,
    key::{Content, Key, MOST_KEYS, Secret},
};
use mask_store::{Kept, NewKey, NewSecret, Unkeyed};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, recreated, sealed, tagged, unsealed},
    caller::{ApiKeysRead, ApiKeysWrite, Caller, Proof},
    error::{ApiError, Code},
    fields::Problems,
    gate::Seen,
    links::Pagination,
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, IdempotencyKey, Json, KeyPath, OptionalJson, json_bytes},
    version,
};
use crate::clock;
pub(super) use shape::ApiKeyBody;
use shape::{ApiKeyList, tag};

/// The operations whose body may be left out.
pub(super) const MAY_BE_BARE: [&str; 1] = ["rotate_api_key"];

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete)).routes(routes!(rotate))
}

/// Create an API key
///
/// The key itself is shown in this answer alone: only its hash is kept. It reaches the same workspace and environment (live or
/// test) as the key you ask with, and may do no more than this one: it has no other scopes, ends no later, and comes from no other
/// addresses.
#[utoipa::path(
    post, path = "/api-keys", operation_id = "create_api_key", tag = "API keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewApiKey, example = json!({"name": "Zapier", "scopes": ["api-keys:write"]})),
    responses((status = 201, description = "The new key", body = ApiKeyBody)),
    security(("key" = ["api-keys:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/api-keys", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let now = api.clock.now();
    let mut problems = Problems::default();
    let own = own(&api, &caller).await?;
    let asked = input::read_new(body.value, input::World { own: &own, now }, &mut problems);
    if let Err(error) = problems.check() {
        return attempt.kept_or(&api, error).await.and_then(|kept| repeated(&api, &kept));
    }
    let content = asked.content().ok_or_else(ApiError::internal)?;
    let secret = Secret::new(caller.owner.is_test, clock::below);
    let (id, hint, hash) = (KeyId::from_bits(api.ids.next(now)), secret.hint(), secret.hash());
    let answer = Arc::new(move |key: &Key| json_bytes(&ApiKeyBody::of(key, now).revealing(secret.reveal().to_owned())));
    let keep = attempt.keep(&api, sealed(&api.vault, seen.request_id, 201, Arc::clone(&answer), refused));
    let new = NewKey { id, owner: caller.owner, content, hint, hash, now };
    match once::done(api.store.create_own_key(caller.by(&seen), new, keep).await?)? {
        Err(kept) => repeated(&api, &kept),
        Ok(Err(why)) => Err(refused(why)),
        Ok(Ok(key)) => {
            let response = (StatusCode::CREATED, answer(&key)).into_response();
            Ok(tagged(located(response, &format!("api-keys/{}", key.id)), version::FIRST))
        }
    }
}

/// List API keys
///
/// Those of this workspace and environment that are not revoked, oldest first.
#[utoipa::path(
    get, path = "/api-keys", operation_id = "list_api_keys", tag = "API keys",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Keys per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of keys", body = ApiKeyList)),
    security(("key" = ["api-keys:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysRead>,
    mut parameters: Parameters,
) -> Result<Answer<ApiKeyList>, ApiError> {
    let after = parameters.cursor(|cursor| KeyId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_own_keys(caller.owner, after, limit).await?;
    let now = api.clock.now();
    let data = listed.rows.iter().map(|key| ApiKeyBody::of(key, now)).collect();
    Ok(Answer(ApiKeyList { data, pagination: Pagination::of(listed.next.as_ref()) }))
}

/// Read an API key
///
/// Its secret is not shown.
#[utoipa::path(
    get, path = "/api-keys/{id}", operation_id = "get_api_key", tag = "API keys",
    params(("id" = String, Path, description = "The key's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The key", body = ApiKeyBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["api-keys:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysRead>,
    KeyPath(id): KeyPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let key = api.store.own_key_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&api, &key, &headers))
}

/// Change an API key
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null clears. Its secret stays. Only a key that has all scopes of this one
/// may change it. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/api-keys/{id}", operation_id = "update_api_key", tag = "API keys",
    params(("id" = String, Path, description = "The key's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::ApiKeyChange, example = json!({"name": "Zapier, marketing", "expires_at": null})),
    responses((status = 200, description = "The changed key", body = ApiKeyBody)),
    security(("key" = ["api-keys:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysWrite>,
    KeyPath(id): KeyPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let (expected, now) = (version::expected(&headers)?, api.clock.now());
    let mut problems = Problems::default();
    let own = own(&api, &caller).await?;
    let asked = input::read_change(body.value, input::World { own: &own, now }, &mut problems);
    problems.check()?;
    let change = move |content: &mut _| asked.change(content);
    let by = (caller.by(&seen), caller.rights);
    let key = api.store.update_key(by, id, expected, change, now).await?.map_err(refused)?;
    Ok(shown(&api, &key, &HeaderMap::new()))
}

/// Revoke an API key
///
/// For ever, and from the next request on, on every node. Only a key that has all scopes of this one may revoke it, as each has its
/// own.
#[utoipa::path(
    delete, path = "/api-keys/{id}", operation_id = "delete_api_key", tag = "API keys",
    params(("id" = String, Path, description = "The key's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to revoke")),
    responses((status = 204, description = "The key is good for nothing now")),
    security(("key" = ["api-keys:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysWrite>,
    KeyPath(id): KeyPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    let by = (caller.by(&seen), caller.rights);
    api.store.revoke_own_key(by, id, expected, api.clock.now()).await?.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change an API key's secret
///
/// The new key is shown in this answer alone, and is good at once. The one before is good for `grace_seconds` more: a day unless
/// you say otherwise, at most 30 days; one that was still valid from a change before ends now. So of two changes at the same moment
/// the secrets of both are good, and the one before them is not. Only a key that has all scopes of this one may do so.
#[utoipa::path(
    post, path = "/api-keys/{id}/rotate", operation_id = "rotate_api_key", tag = "API keys",
    params(
        ("id" = String, Path, description = "The key's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    request_body(content = input::Rotation, example = json!({"grace_seconds": 86_400})),
    responses((status = 200, description = "The key, with its new secret", body = ApiKeyBody)),
    security(("key" = ["api-keys:write"]))
)]
async fn rotate(
    State(api): State<Arc<Api>>,
    caller: Caller<ApiKeysWrite>,
    KeyPath(id): KeyPath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OptionalJson(body): OptionalJson,
) -> Result<Response, ApiError> {
    // The same word for two keys is two words.
    let idempotency_key = idempotency_key.map(|word| format!("{id} {word}"));
    let attempt = Attempt { actor: caller.actor, path: "/api-keys/{id}/rotate", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let grace = input::read_rotation(body.value, &mut problems);
    problems.check()?;
    let now = api.clock.now();
    let secret = Secret::new(caller.owner.is_test, clock::below);
    let new = NewSecret { hint: secret.hint(), hash: secret.hash(), previous_until: now.after(grace) };
    let answer = Arc::new(move |key: &Key| json_bytes(&ApiKeyBody::of(key, now).revealing(secret.reveal().to_owned())));
    let keep = attempt.keep(&api, sealed(&api.vault, seen.request_id, 200, Arc::clone(&answer), refused));
    match once::done(api.store.rotate_key((caller.by(&seen), caller.rights), id, new, now, keep).await?)? {
        Err(kept) => repeated(&api, &kept),
        Ok(Err(why)) => Err(refused(why)),
        Ok(Ok(key)) => Ok(tagged(answer(&key).into_response(), &tag(&key, now))),
    }
}

/// What the caller is limited to: by their own key, or by what they are in the workspace.
async fn own(api: &Api, caller: &Caller<ApiKeysWrite>) -> Result<Content, ApiError> {
    let Proof::Key(own) = caller.proof else { return Ok(Content::of(String::new(), caller.rights)) };
    let key = api.store.own_key_by_id(caller.owner, own).await?;
    // Revoked since this request began.
    key.map(|key| key.content).ok_or_else(|| ApiError::unauthorized("The API key is unknown or revoked."))
}

fn absent() -> ApiError {
    ApiError::not_found("API key")
}

fn refused(why: Unkeyed) -> ApiError {
    match why {
        Unkeyed::Absent => absent(),
        Unkeyed::Changed => version::changed(),
        Unkeyed::TooMany => {
            ApiError::new(Code::Conflict, format!("There are {MOST_KEYS} API keys already; revoke one first."))
        }
        Unkeyed::Mightier => ApiError::new(
            Code::Forbidden,
            "This key has scopes that the key you ask with lacks, so it is not for you to change or revoke.",
        ),
    }
}

fn shown(api: &Api, key: &Key, headers: &HeaderMap) -> Response {
    let now = api.clock.now();
    answer::shown(headers, &tag(key, now), || ApiKeyBody::of(key, now))
}

/// The answer of before.
fn repeated(api: &Api, kept: &Kept) -> Result<Response, ApiError> {
    unsealed(&api.vault, kept).map(|kept| recreated(kept, "api-keys"))
}
