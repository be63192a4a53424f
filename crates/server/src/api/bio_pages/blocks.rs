//! `/bio-pages/{id}/blocks`: one block at a time, and their order.
//!
//! A block is a part of its page, and has its page's version: `ETag` and `If-Match` are the page's.

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    bio_page::{BioPage, MOST_BLOCKS, block::Block},
    id::BlockId,
};
use mask_store::{ChangedPage, Kept, PageChange};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    absent,
    album::Album,
    block::{self, Placed},
    edit::{Edit, Unmade},
    input::{World, check_weight},
    shape::{self, BlockBody, BlockList},
    shown, tagged_as_json, unchanged, unpaged_as,
};
use crate::api::{
    Api,
    answer::{located, made},
    caller::{BioPagesRead, BioPagesWrite, Caller},
    error::ApiError,
    fields::{Fields, Problems},
    gate::Seen,
    once::{self, Attempt},
    request::{BlockPath, IdempotencyKey, Json, PagePath, json_bytes},
    version,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(order)).routes(routes!(get, update, delete))
}

/// List a page's blocks
///
/// All of them, from top to bottom, also those that are not shown now.
#[utoipa::path(
    get, path = "/bio-pages/{id}/blocks", operation_id = "list_blocks", tag = "Bio pages",
    params(("id" = String, Path, description = "The page's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The blocks", body = BlockList),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["bio-pages:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesRead>,
    PagePath(id): PagePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = api.store.bio_page_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&page, &BlockList { data: shape::blocks(&page) }, &headers))
}

/// Add a block
///
/// At the end, or at `position`. A page has at most 100.
#[utoipa::path(
    post, path = "/bio-pages/{id}/blocks", operation_id = "create_block", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version of the page that you mean to change"),
    ),
    request_body(content = block::NewBlock, example = json!({"type": "link", "data": {"title": "My shop", "url": "https://example.com/shop"}})),
    responses((status = 201, description = "The new block", body = BlockBody)),
    security(("key" = ["bio-pages:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    PagePath(id): PagePath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let attempt = Attempt { actor: caller.actor, path: "/bio-pages/{id}/blocks", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    if let Err(kept) = once::done(attempt.before(&api).await?)? {
        return Ok(recreated(kept, id));
    }
    let expected = version::expected(&headers)?;
    let block_id = BlockId::from_bits(api.ids.next(api.clock.now()));
    let keep = attempt.keep(&api, move |changed: &ChangedPage<Unmade>| match changed {
        Ok((page, _)) => Kept { status: 201, body: json_bytes(&block::shown(&page.content.blocks, block_id)) },
        Err(why) => once::kept_error(&unpaged_as(why, refused), seen.request_id),
    });
    let edit = Edit { api, by: caller.by(&seen), id, expected };
    let value = body.value;
    let change = move |page: &BioPage, world: World<'_>, album: &mut Album, problems: &mut Problems| {
        let read = block::read_new(value.clone(), "", &[], block_id, album, problems);
        if page.content.blocks.len() >= MOST_BLOCKS {
            problems.refuse("body", format!("The page has {MOST_BLOCKS} blocks, which is the most that it may have"));
        }
        Ok(read.map(|placed| put(page, placed, page.content.blocks.len(), world, problems)))
    };
    match edit.make_once(keep, change).await? {
        Ok((page, _)) => created(&page, block_id),
        Err(kept) => Ok(recreated(kept, id)),
    }
}

fn refused(why: &Unmade) -> ApiError {
    match why {
        Unmade::Refused(error) => error.clone(),
        Unmade::Stale => ApiError::unavailable(),
    }
}

/// The page with a block where it is to go, or else at this place; in place of itself if the page has it.
fn put(page: &BioPage, placed: Placed, place: usize, world: World<'_>, problems: &mut Problems) -> PageChange {
    let Placed { block, position } = placed;
    let mut change = unchanged(page);
    let blocks = &mut change.content.blocks;
    blocks.retain(|other| other.id != block.id);
    let (last, position) = (blocks.len(), position.unwrap_or(place));
    if position > last {
        problems.refuse("position", format!("Must be a whole number from 0 to {last}"));
    }
    blocks.insert(position.min(last), block);
    check_weight(world, &change.content, &page.domain, &page.slug, "data", problems);
    change
}

/// Read a block
///
/// As it is in the list of the page's blocks.
#[utoipa::path(
    get, path = "/bio-pages/{id}/blocks/{block_id}", operation_id = "get_block", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("block_id" = String, Path, description = "The block's id"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have"),
    ),
    responses(
        (status = 200, description = "The block", body = BlockBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["bio-pages:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesRead>,
    BlockPath(id, block_id): BlockPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = api.store.bio_page_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    let block = block::shown(&page.content.blocks, block_id).ok_or_else(no_block)?;
    Ok(shown(&page, &block, &headers))
}

/// Change a block
///
/// JSON Merge Patch (RFC 7396), of its `data` too: what is absent stays, null clears. A block keeps its `type`. With `position`
/// it goes there.
#[utoipa::path(
    patch, path = "/bio-pages/{id}/blocks/{block_id}", operation_id = "update_block", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("block_id" = String, Path, description = "The block's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version of the page that you mean to change"),
    ),
    request_body(content = block::BlockChange, example = json!({"data": {"title": "My new shop"}, "visible": true})),
    responses((status = 200, description = "The changed block", body = BlockBody)),
    security(("key" = ["bio-pages:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    BlockPath(id, block_id): BlockPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let value = body.value;
    let change = move |page: &BioPage, world: World<'_>, album: &mut Album, problems: &mut Problems| {
        let place = place(&page.content.blocks, block_id)?;
        let read = block::read_change(value.clone(), &page.content.blocks[place], album, problems);
        Ok(read.map(|placed| put(page, placed, place, world, problems)))
    };
    let page = Edit { api, by: caller.by(&seen), id, expected }.make(change).await?;
    let block = block::shown(&page.content.blocks, block_id).ok_or_else(ApiError::internal)?;
    Ok(shown(&page, &block, &HeaderMap::new()))
}

/// Take a block away
///
/// What is below it moves up.
#[utoipa::path(
    delete, path = "/bio-pages/{id}/blocks/{block_id}", operation_id = "delete_block", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("block_id" = String, Path, description = "The block's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version of the page that you mean to change"),
    ),
    responses((status = 204, description = "The block is gone")),
    security(("key" = ["bio-pages:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    BlockPath(id, block_id): BlockPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    let change = move |page: &BioPage, _: World<'_>, _: &mut Album, _: &mut Problems| {
        let mut change = unchanged(page);
        change.content.blocks.remove(place(&change.content.blocks, block_id)?);
        Ok(Some(change))
    };
    Edit { api, by: caller.by(&seen), id, expected }.make(change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An order of blocks.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct BlockOrder {
    /// The ids of all blocks of the page, each once, from top to bottom.
    #[schema(max_items = 100)]
    ids: Vec<String>,
}

/// Order a page's blocks
///
/// All of them, each once: what somebody else added or took away meanwhile makes the order a 422.
#[utoipa::path(
    put, path = "/bio-pages/{id}/blocks/order", operation_id = "order_blocks", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version of the page that you mean to change"),
    ),
    request_body(content = BlockOrder, example = json!({"ids": ["blk_01kcd3vyk5f8r9v3k2m4n6p8qa"]})),
    responses((status = 200, description = "The blocks in their order", body = BlockList)),
    security(("key" = ["bio-pages:write"]))
)]
async fn order(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    PagePath(id): PagePath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let mut ids = None;
    if let Some(mut fields) = Fields::of(body.value, "", &mut problems) {
        if fields.has("ids") {
            ids = fields.texts("ids", MOST_BLOCKS, BlockId::parse);
        } else {
            let _ = fields.take("ids");
            fields.problems.miss("ids");
        }
        fields.end();
    }
    problems.check()?;
    let ids = ids.unwrap_or_default();
    let change = move |page: &BioPage, _: World<'_>, _: &mut Album, problems: &mut Problems| {
        let mut change = unchanged(page);
        if let Err(why) = change.content.order(&ids) {
            problems.refuse("ids", why.to_string());
        }
        Ok(Some(change))
    };
    let page = Edit { api, by: caller.by(&seen), id, expected }.make(change).await?;
    Ok(shown(&page, &BlockList { data: shape::blocks(&page) }, &HeaderMap::new()))
}

fn place(blocks: &[Block], id: BlockId) -> Result<usize, ApiError> {
    blocks.iter().position(|block| block.id == id).ok_or_else(no_block)
}

fn no_block() -> ApiError {
    ApiError::not_found("Block")
}

fn created(page: &BioPage, block_id: BlockId) -> Result<Response, ApiError> {
    let block = block::shown(&page.content.blocks, block_id).ok_or_else(ApiError::internal)?;
    let response = tagged_as_json((StatusCode::CREATED, json_bytes(&block)).into_response());
    Ok(located(response, &format!("bio-pages/{}/blocks/{block_id}", page.id)))
}

/// The answer of before to the making of a block. At which version its page was then is not known any more, so the first
/// answer has no tag either.
fn recreated(kept: Kept, page: mask_core::id::PageId) -> Response {
    let id = made(&kept);
    let response = once::replay(kept);
    match id {
        Some(id) => located(response, &format!("bio-pages/{page}/blocks/{id}")),
        None => response,
    }
}
