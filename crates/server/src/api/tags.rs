//! `/tags`: the tags that are in use.

use std::sync::Arc;

use axum::extract::State;
use mask_core::id::TagId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    caller::{Caller, LinksRead},
    error::ApiError,
    links::Pagination,
    query::Parameters,
    request::Answer,
};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tag)]
struct TagBody {
    /// The tag's id.
    #[schema(example = "tag_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Its text.
    #[schema(example = "spring")]
    name: String,
    /// How many links have it.
    links: i64,
    /// When it was first used.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
}

/// A page of tags.
#[derive(Debug, Serialize, ToSchema)]
struct TagList {
    /// The tags.
    data: Vec<TagBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// List tags
///
/// Those that at least one link has, oldest first.
#[utoipa::path(
    get, path = "/tags", operation_id = "list_tags", tag = "Tags",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Tags per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of tags", body = TagList)),
    security(("key" = ["links:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksRead>,
    mut parameters: Parameters,
) -> Result<Answer<TagList>, ApiError> {
    let after = parameters.cursor(|cursor| TagId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_tags(caller.owner, after, limit).await?;
    let data = listed.rows.into_iter().map(|tag| TagBody {
        id: tag.id.to_string(),
        name: tag.name,
        links: tag.links,
        created_at: tag.created_at.to_string(),
    });
    Ok(Answer(TagList { data: data.collect(), pagination: Pagination::of(listed.next.as_ref()) }))
}
