//! Lists of bio pages.

use std::sync::Arc;

use axum::extract::State;
use mask_core::{Refused, id::PageId};
use mask_store::{PageFilter, PageOfPages};

use super::shape::{PageList, SummaryBody};
use crate::api::{
    Api,
    caller::{BioPagesRead, Caller},
    error::ApiError,
    links::{OrderName, Pagination, parse_order, parse_search},
    query::{self, Parameters, plain},
    request::Answer,
};

/// List bio pages
///
/// Newest first unless told otherwise. What a page looks like is left out: `avatar_url`, `theme` and `blocks`.
#[utoipa::path(
    get, path = "/bio-pages", operation_id = "list_bio_pages", tag = "Bio pages",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Pages at once; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the answer before"),
        ("search" = Option<String>, Query, max_length = 255, description = "Text in the slug, the title or the description"),
        ("domain" = Option<String>, Query, description = "Pages on this host"),
        ("published" = Option<bool>, Query, description = "Published ones, or drafts"),
        ("sort" = Option<SortName>, Query, description = "What to sort by"),
        ("order" = Option<OrderName>, Query, description = "Which way"),
    ),
    responses((status = 200, description = "A part of the pages", body = PageList)),
    security(("key" = ["bio-pages:read"]))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesRead>,
    mut parameters: Parameters,
) -> Result<Answer<PageList>, ApiError> {
    let order = parameters.optional("order", parse_order).unwrap_or_default();
    let _ = parameters.optional("sort", parse_sort);
    let after = parameters.cursor(|cursor| PageId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let after = after.and_then(|cursor| PageId::parse(&cursor.id).ok());
    let page = PageOfPages { order, after, limit: parameters.limit() };
    let filter = PageFilter {
        search: parameters.optional("search", parse_search).filter(|text| !text.is_empty()),
        domain: parameters.optional("domain", plain).map(|name| name.to_ascii_lowercase()),
        is_published: parameters.optional("published", query::boolean),
    };
    parameters.end()?;
    let listed = api.store.list_bio_pages(caller.owner, filter, page).await?;
    Ok(Answer(PageList {
        data: listed.rows.iter().map(|page| SummaryBody::of(page, api.redirects.hosts())).collect(),
        pagination: Pagination::of(listed.next.as_ref()),
    }))
}

/// What bio pages can be sorted by.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = BioPageSort)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(in crate::api) enum SortName {
    created_at,
}

fn parse_sort(text: &str) -> Result<(), Refused> {
    if text == "created_at" { Ok(()) } else { Err(Refused::because("Must be created_at")) }
}
