//! Bulk requests: up to 100 links in one transaction, each standing or falling on its own.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::header::{self, HeaderValue};
use mask_core::{change::Change, id::LinkId};
use mask_store::{Kept, Placed, Removed, Unplaced};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    LinkBody, forget, input, new_link,
    shape::{BulkAnswer, BulkItem},
    unplaced, with_password,
};
use crate::api::{
    Api,
    caller::{Caller, LinksWrite},
    error::ApiError,
    fields::{Fields, Problems, boolean, text},
    gate::Seen,
    once::{self, Attempt},
    request::{IdempotencyKey, Json, json_bytes},
};

/// Most items of one request.
const MOST: usize = 100;

/// Links to be made.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct BulkCreate {
    /// The links.
    #[schema(min_items = 1, max_items = 100)]
    links: Vec<input::NewLink>,
}

/// A change to be made to several links.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct BulkUpdate {
    /// The links' ids.
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<String>,
    /// The change, the same for all of them.
    set: input::LinkChange,
}

/// Links to be deleted.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct BulkDelete {
    /// The links' ids.
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<String>,
    /// Let anybody use the slugs again.
    #[schema(required = false)]
    release_slug: bool,
}

/// Create several links
///
/// Up to 100. Each is answered on its own, in order: a faulty one does not stop the others.
#[utoipa::path(
    post, path = "/links/bulk", operation_id = "create_links", tag = "Links",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = BulkCreate, example = json!({"links": [{"url": "https://example.com/1"}, {"url": "https://example.com/2"}]})),
    responses((status = 200, description = "What became of each", body = BulkAnswer)),
    security(("key" = ["links:write"]))
)]
pub(super) async fn create_bulk(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/links/bulk", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    api.learn_domains(&body.value, caller.owner).await;
    let (mut faults, mut new) = (Vec::new(), Vec::new());
    for item in read_items(body.value)? {
        let mut problems = Problems::default();
        let asked = input::read_new(item, api.world(caller.owner), &mut problems);
        match problems.check() {
            Ok(()) => {
                new.push(new_link(&api, caller.owner, asked).await?);
                faults.push(None);
            }
            Err(error) => faults.push(Some(error)),
        }
    }
    let (redirects, by) = (Arc::clone(&api.redirects), caller.by(&seen));
    let answer = move |placed: &Vec<Placed>| {
        let mut placed = placed.iter();
        let items = faults.iter().map(|fault| match (fault, if fault.is_none() { placed.next() } else { None }) {
            (None, Some(Ok(link))) => done(201, None, Some(LinkBody::of(link, redirects.hosts()))),
            (None, Some(Err(why))) => failed(&unplaced(why.clone()), None, &seen),
            (Some(error), _) => failed(error, None, &seen),
            (None, None) => failed(&ApiError::internal(), None, &seen),
        });
        json_bytes(&BulkAnswer { data: items.collect() })
    };
    // The same bytes are kept and sent, so the answer is made once, wherever that is.
    let answer = Arc::new(answer);
    let kept = Arc::clone(&answer);
    let keep = attempt.keep(&api, move |placed: &Vec<Placed>| Kept { status: 200, body: kept(placed) });
    match once::done(api.store.create_links(by, new, keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(placed) => {
            for link in placed.iter().flatten() {
                api.redirects.forget(&link.domain, &link.slug.key());
            }
            Ok(json_response(answer(&placed)))
        }
    }
}

/// Change several links
///
/// The same change to up to 100 links. Each is answered on its own, in order.
#[utoipa::path(
    patch, path = "/links/bulk", operation_id = "update_links", tag = "Links",
    request_body(content = BulkUpdate, example = json!({"ids": ["lnk_01kcd3vyk5f8r9v3k2m4n6p8qa"], "set": {"archived": true}})),
    responses((status = 200, description = "What became of each", body = BulkAnswer)),
    security(("key" = ["links:write"]))
)]
pub(super) async fn update_bulk(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    body: Json,
) -> Result<Response, ApiError> {
    api.learn_domains(&body.value, caller.owner).await;
    let mut problems = Problems::default();
    let (ids, set) = read_update(body.value, &mut problems);
    problems.check()?;
    let mut problems = Problems::default();
    let asked = input::read_change(set, api.world(caller.owner), &mut problems);
    for name in ["slug", "external_id"].into_iter().filter(|_| ids.len() > 1) {
        let is_set = if name == "slug" {
            asked.change.slug.is_some()
        } else {
            matches!(asked.change.external_id, Some(Some(_)))
        };
        if is_set {
            problems.refuse(name, "Cannot be the same for several links");
        }
    }
    problems.check().map_err(within_set)?;
    let change: Change = with_password(&api, asked).await?;
    let known: Vec<LinkId> = ids.iter().filter_map(|id| LinkId::parse(id).ok()).collect();
    let by = caller.by(&seen);
    let mut updated = api.store.update_links(by, known, change, api.clock.now()).await?.into_iter();
    let data = ids.into_iter().map(|id| match answer_for(&id, &mut updated) {
        Ok((link, was)) => {
            forget(&api, &link, &was);
            done(200, Some(id), Some(LinkBody::of(&link, api.redirects.hosts())))
        }
        Err(why) => failed(&unplaced(why), Some(id), &seen),
    });
    let data: Vec<_> = data.collect();
    Ok(json_response(json_bytes(&BulkAnswer { data })))
}

/// Delete several links
///
/// Up to 100. Each is answered on its own, in order. Their slugs stay reserved unless `release_slug` is true.
#[utoipa::path(
    delete, path = "/links/bulk", operation_id = "delete_links", tag = "Links",
    request_body(content = BulkDelete, example = json!({"ids": ["lnk_01kcd3vyk5f8r9v3k2m4n6p8qa"]})),
    responses((status = 200, description = "What became of each", body = BulkAnswer)),
    security(("key" = ["links:write"]))
)]
pub(super) async fn delete_bulk(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    body: Json,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    let (ids, release_slug) = read_delete(body.value, &mut problems);
    problems.check()?;
    let known: Vec<LinkId> = ids.iter().filter_map(|id| LinkId::parse(id).ok()).collect();
    let by = caller.by(&seen);
    let mut removed = api.store.delete_links(by, known, release_slug, api.clock.now()).await?.into_iter();
    let data = ids.into_iter().map(|id| match answer_for::<Removed>(&id, &mut removed) {
        Ok(removed) => {
            for (domain, slug) in &removed.addresses {
                api.redirects.forget(domain, slug);
            }
            done(204, Some(id), None)
        }
        Err(why) => failed(&unplaced(why), Some(id), &seen),
    });
    let data: Vec<_> = data.collect();
    Ok(json_response(json_bytes(&BulkAnswer { data })))
}

/// The store's answer for this id; what is no id was not asked for, and is not there.
fn answer_for<T>(id: &str, answers: &mut impl Iterator<Item = Result<T, Unplaced>>) -> Result<T, Unplaced> {
    if LinkId::parse(id).is_err() {
        return Err(Unplaced::Absent);
    }
    answers.next().unwrap_or(Err(Unplaced::Absent))
}

fn read_items(body: Value) -> Result<Vec<Value>, ApiError> {
    let mut problems = Problems::default();
    let mut items = None;
    if let Some(mut fields) = Fields::of(body, "", &mut problems) {
        items = read_list(&mut fields, "links", |item, _, _| Some(item));
        fields.end();
    }
    problems.check()?;
    Ok(items.unwrap_or_default())
}

fn read_update(body: Value, problems: &mut Problems) -> (Vec<String>, Value) {
    let Some(mut fields) = Fields::of(body, "", problems) else { return (Vec::new(), Value::Null) };
    let ids = read_ids(&mut fields);
    let set = fields.required("set", |value| {
        if value.is_object() { Ok(value) } else { Err(mask_core::Refused::because("Must be an object")) }
    });
    fields.end();
    (ids, set.unwrap_or_default())
}

fn read_delete(body: Value, problems: &mut Problems) -> (Vec<String>, bool) {
    let Some(mut fields) = Fields::of(body, "", problems) else { return (Vec::new(), false) };
    let ids = read_ids(&mut fields);
    let release_slug = fields.optional("release_slug", boolean).unwrap_or(false);
    fields.end();
    (ids, release_slug)
}

fn read_ids(fields: &mut Fields<'_>) -> Vec<String> {
    let id = text(|id| Ok(id.to_owned()));
    read_list(fields, "ids", |item, path, problems| id(item).map_err(|why| problems.refuse(path, why.to_string())).ok())
        .unwrap_or_default()
}

/// A list of 1 to [`MOST`] items that must be there.
fn read_list<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    read: impl FnMut(Value, &str, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    if !fields.has(name) {
        fields.problems.miss(name);
        let _ = fields.take(name);
        return None;
    }
    let items = fields.list(name, MOST, read);
    if items.as_ref().is_some_and(Vec::is_empty) {
        fields.problems.refuse(name, "Must have at least one item");
    }
    items
}

/// The faults of `set`, with their paths from the body's root.
fn within_set(mut error: ApiError) -> ApiError {
    for detail in &mut error.details {
        detail.field = format!("set.{}", detail.field);
    }
    error
}

fn done(status: u16, id: Option<String>, link: Option<LinkBody>) -> BulkItem {
    BulkItem { status, id, link, error: None }
}

fn failed(error: &ApiError, id: Option<String>, seen: &Seen) -> BulkItem {
    BulkItem { status: error.code.status(), id, link: None, error: Some(error.json(seen.request_id.as_str())) }
}

fn json_response(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}
