//! Lists of links.

use std::sync::Arc;

use axum::extract::State;
use mask_core::{Refused, cursor::Cursor, id::LinkId, time::Time};
use mask_store::{Filter, Order, Page, Sort};

use super::{LinkBody, LinkList, Pagination};
use crate::api::{
    Api,
    caller::{Caller, LinksRead},
    error::ApiError,
    query::{self, Parameters, plain},
    request::Answer,
};

/// List links
///
/// Newest first unless told otherwise. Pages are stable: nothing that was there throughout is repeated or left out.
#[utoipa::path(
    get, path = "/links", operation_id = "list_links", tag = "Links",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Links per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
        ("search" = Option<String>, Query, max_length = 255, description = "Text in the slug, the destination, the title, a tag or the external id; of fewer than three characters, the beginning of the slug"),
        ("tag" = Option<String>, Query, description = "Links with this tag"),
        ("domain" = Option<String>, Query, description = "Links on this host"),
        ("sort" = Option<SortName>, Query, description = "What to sort by"),
        ("order" = Option<OrderName>, Query, description = "Which way"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "Made at this moment or later"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "Made before this moment"),
        ("archived" = Option<bool>, Query, description = "Archived links, in place of those that are not"),
        ("external_id" = Option<String>, Query, description = "The link with your own id"),
    ),
    responses((status = 200, description = "A page of links", body = LinkList)),
    security(("key" = ["links:read"]))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksRead>,
    mut parameters: Parameters,
) -> Result<Answer<LinkList>, ApiError> {
    let sort = parameters.optional("sort", parse_sort).unwrap_or_default();
    let order = parameters.optional("order", parse_order).unwrap_or_default();
    let page = Page { sort, order, after: parameters.cursor(|cursor| fits(cursor, sort)), limit: parameters.limit() };
    let filter = Filter {
        search: parameters.optional("search", parse_search).filter(|text| !text.is_empty()),
        tag: parameters.optional("tag", plain),
        domain: parameters.optional("domain", |name| plain(name).map(|name| name.to_ascii_lowercase())),
        created_after: parameters.optional("created_after", Time::parse),
        created_before: parameters.optional("created_before", Time::parse),
        external_id: parameters.optional("external_id", plain),
        is_archived: parameters.optional("archived", query::boolean).unwrap_or(false),
    };
    parameters.end()?;
    let listed = api.store.list_links(caller.owner, filter, page).await?;
    Ok(Answer(LinkList {
        data: listed.rows.iter().map(|link| LinkBody::of(link, api.redirects.hosts())).collect(),
        pagination: Pagination::of(listed.next.as_ref()),
    }))
}

/// What links can be sorted by.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = LinkSort)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum SortName {
    created_at,
    clicks,
    updated_at,
}

/// Which way a list runs.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Order)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum OrderName {
    asc,
    desc,
}

fn parse_sort(text: &str) -> Result<Sort, Refused> {
    match text {
        "created_at" => Ok(Sort::CreatedAt),
        "clicks" => Ok(Sort::Clicks),
        "updated_at" => Ok(Sort::UpdatedAt),
        _ => Err(Refused::because("Must be created_at, clicks or updated_at")),
    }
}

pub(in crate::api) fn parse_order(text: &str) -> Result<Order, Refused> {
    match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(Refused::because("Must be asc or desc")),
    }
}

pub(in crate::api) fn parse_search(text: &str) -> Result<String, Refused> {
    let text = plain(text)?;
    if text.chars().count() > 255 {
        return Err(Refused::because("Must be at most 255 characters"));
    }
    Ok(text.trim().to_owned())
}

fn fits(cursor: &Cursor, sort: Sort) -> bool {
    let field = match sort {
        Sort::CreatedAt => None,
        Sort::Clicks => Some("clicks"),
        Sort::UpdatedAt => Some("updated_at"),
    };
    LinkId::parse(&cursor.id).is_ok() && cursor.sort.as_ref().map(|(name, _)| name.as_str()) == field
}
