//! `/bio-pages/{id}/subscribers`: who left an address at a page.
//!
//! A list is JSON by pages, or all of it as CSV. The CSV is read from the store a piece at a time, by the same keys as the
//! pages, so no transaction is open while its reader reads, and a list of a million takes no more memory than one of a
//! thousand. What strangers wrote ends up in somebody's spreadsheet: a cell that a spreadsheet would take for a formula
//! begins with an apostrophe there.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use mask_core::{
    Refused,
    cursor::Cursor,
    id::{PageId, SubscriberId},
    mail::LONGEST_ADDRESS,
    subscriber::{Kind, Status, Subscriber},
    workspace::Owner,
};
use mask_store::{Listed, SubscriberFilter};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    Api,
    analytics::cell,
    caller::{BioPagesRead, BioPagesWrite, Caller},
    error::ApiError,
    gate::Seen,
    links::Pagination,
    query::{self, Parameters},
    request::{Answer, TextPath},
    turns::Turn,
};

/// Rows that a CSV reads at once.
const PIECE: usize = 1000;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(delete))
}

/// Why somebody left an address.
#[derive(Debug, ToSchema)]
#[schema(as = SubscriberKind)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(super) enum KindName {
    /// To hear from the page's owner.
    signup,
    /// To be answered.
    contact,
}

/// How far it is.
#[derive(Debug, ToSchema)]
#[schema(as = SubscriberStatus)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(super) enum StatusName {
    /// The address has not been shown to be theirs: do not write to it.
    pending,
    /// There is nothing more to wait for.
    confirmed,
}

/// How a list is written.
#[derive(Debug, ToSchema)]
#[schema(as = SubscriberFormat)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(in crate::api) enum FormatName {
    json,
    csv,
}

/// Somebody who left an address at a bio page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(super) struct SubscriberBody {
    /// Their id.
    #[schema(example = "sub_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// The address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Why they left it: `signup`, to hear from you, or `contact`, to be answered.
    #[schema(value_type = KindName)]
    kind: &'static str,
    /// `pending` until whoever signed up has opened the link that was mailed to the address; then, or where nothing is mailed
    /// at all, `confirmed`. A message is confirmed from the start, and its address is what its writer says.
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// What they call themselves.
    #[schema(example = "Ada")]
    name: Option<String>,
    /// What they wrote, where they did.
    message: Option<String>,
    /// The block whose form they sent; it may be gone.
    #[schema(example = "blk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    block_id: String,
    /// When the form was sent.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When there was nothing more to wait for.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    confirmed_at: Option<String>,
    /// Where they can take themselves off the list, for your letters to them: as a link, and as the address of
    /// `List-Unsubscribe` with one click (RFC 8058). Null for messages.
    #[schema(example = "https://go.example.com/-/unsubscribe/AgGbQ")]
    unsubscribe_url: Option<String>,
}

/// A page of subscribers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriberList {
    /// The subscribers, newest first.
    data: Vec<SubscriberBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// What shows subscribers of one bio page.
struct Showing {
    api: Arc<Api>,
    /// The page's address.
    url: String,
}

impl Showing {
    fn body(&self, subscriber: &Subscriber) -> SubscriberBody {
        let is_signup = subscriber.kind == Kind::Signup;
        SubscriberBody {
            id: subscriber.id.to_string(),
            email: subscriber.email.to_string(),
            kind: subscriber.kind.as_str(),
            status: subscriber.status.as_str(),
            name: subscriber.name.clone(),
            message: subscriber.message.clone(),
            block_id: subscriber.block.to_string(),
            created_at: subscriber.created_at.to_string(),
            confirmed_at: subscriber.confirmed_at.map(|at| at.to_string()),
            unsubscribe_url: is_signup.then(|| self.api.letters.unsubscribe_url(&self.url, subscriber.id)),
        }
    }
}

fn absent() -> ApiError {
    ApiError::not_found("Bio page")
}

/// List a bio page's subscribers
///
/// Newest first. Whoever signed up may be written to once `status` is `confirmed`. With `format=csv` all that meet the filters
/// come in one answer, which takes neither `limit` nor `cursor`; a cell there that begins with `=`, `+`, `-`, `@` or a
/// tab is written with an apostrophe before it, so that no spreadsheet takes it for a formula.
#[utoipa::path(
    get, path = "/bio-pages/{id}/subscribers", operation_id = "list_subscribers", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Subscribers per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
        ("kind" = Option<KindName>, Query, description = "Those who left their address for this"),
        ("status" = Option<StatusName>, Query, description = "Those who are so far"),
        ("search" = Option<String>, Query, max_length = 254, description = "Those whose address has this text in it, in any case"),
        ("format" = Option<FormatName>, Query, description = "`json` unless told otherwise"),
    ),
    responses((
        status = 200, description = "Subscribers",
        content((SubscriberList = "application/json"), (String = "text/csv"))
    )),
    security(("key" = ["bio-pages:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesRead>,
    TextPath(page): TextPath,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let is_csv = parameters.optional("format", |text| match text {
        "json" => Ok(false),
        "csv" => Ok(true),
        _ => Err(Refused::because("Must be json or csv")),
    });
    let filter = SubscriberFilter {
        kind: parameters.optional("kind", Kind::parse),
        status: parameters.optional("status", Status::parse),
        search: parameters.optional("search", parse_search),
    };
    let is_csv = is_csv == Some(true);
    let (after, limit) = if is_csv {
        (None, PIECE)
    } else {
        let fits = |cursor: &Cursor| SubscriberId::parse(&cursor.id).is_ok() && cursor.sort.is_none();
        (parameters.cursor(fits), parameters.limit())
    };
    parameters.end()?;
    let page = PageId::parse(&page).map_err(|_| absent())?;
    let found = api.store.bio_page_by_id(caller.owner, page).await?.ok_or_else(absent)?;
    let url = api.redirects.short_url(&found.domain, found.slug.as_str());
    let turn = if is_csv { Some(api.exports.begin(caller.owner)?) } else { None };
    let listed = api.store.list_subscribers(caller.owner, page, filter.clone(), after, limit).await?;
    let listed = listed.ok_or_else(absent)?;
    let showing = Showing { api, url };
    if let Some(turn) = turn {
        let rest = Rest { showing, owner: caller.owner, page, filter, next: None, _turn: turn };
        return Ok(csv(rest, listed));
    }
    let data = listed.rows.iter().map(|subscriber| showing.body(subscriber)).collect();
    Ok(Answer(SubscriberList { data, pagination: Pagination::of(listed.next.as_ref()) }).into_response())
}

fn parse_search(text: &str) -> Result<String, Refused> {
    if text.len() > LONGEST_ADDRESS {
        return Err(Refused::because("Must be at most 254 characters"));
    }
    query::plain(text)
}

/// Delete a subscriber
///
/// The address and all that was left with it are erased, and a letter about it that was not sent yet is not sent.
#[utoipa::path(
    delete, path = "/bio-pages/{id}/subscribers/{subscriber_id}", operation_id = "delete_subscriber", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("subscriber_id" = String, Path, description = "The subscriber's id"),
    ),
    responses((status = 204, description = "They are erased")),
    security(("key" = ["bio-pages:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let nobody = || ApiError::not_found("Subscriber");
    let Path((page, subscriber)) = path.map_err(|_| nobody())?;
    let (page, subscriber) = (PageId::parse(&page), SubscriberId::parse(&subscriber));
    let (page, subscriber) = (page.map_err(|_| nobody())?, subscriber.map_err(|_| nobody())?);
    let was_there = api.store.delete_subscriber(caller.by(&seen), page, subscriber, api.clock.now()).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(nobody()) }
}

/// What is left of a list that is written as CSV.
struct Rest {
    showing: Showing,
    owner: Owner,
    page: PageId,
    filter: SubscriberFilter,
    next: Option<Cursor>,
    _turn: Turn,
}

impl Rest {
    /// The next piece; nothing when all is said, or when the page went away meanwhile: then so did its subscribers.
    async fn piece(&mut self) -> Result<Option<Bytes>, mask_store::Error> {
        let Some(after) = self.next.take() else { return Ok(None) };
        let store = &self.showing.api.store;
        let listed = store.list_subscribers(self.owner, self.page, self.filter.clone(), Some(after), PIECE).await?;
        let Some(listed) = listed else { return Ok(None) };
        Ok(Some(self.write(listed, String::new())))
    }

    fn write(&mut self, listed: Listed<Subscriber>, before: String) -> Bytes {
        let mut text = before;
        for subscriber in &listed.rows {
            let cells = cells(self.showing.body(subscriber));
            let line = cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n";
            text.push_str(&line);
        }
        self.next = listed.next;
        text.into()
    }
}

fn csv(mut rest: Rest, first: Listed<Subscriber>) -> Response {
    let name = format!("attachment; filename=\"subscribers-{}.csv\"", rest.page);
    let head = rest.write(first, COLUMNS.join(",") + "\r\n");
    let others = stream::unfold(rest, |mut rest| async move {
        let piece = rest.piece().await.transpose()?;
        if let Err(error) = &piece {
            tracing::warn!(%error, "a list of subscribers was broken off");
        }
        Some((piece, rest))
    });
    let body = Body::from_stream(stream::iter([Ok(head)]).chain(others));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.extend(HeaderValue::from_str(&name).map(|name| (header::CONTENT_DISPOSITION, name)));
    response
}

const COLUMNS: [&str; 10] =
    ["id", "email", "kind", "status", "name", "message", "block_id", "created_at", "confirmed_at", "unsubscribe_url"];

fn cells(body: SubscriberBody) -> [String; 10] {
    [
        body.id,
        body.email,
        body.kind.to_owned(),
        body.status.to_owned(),
        body.name.unwrap_or_default(),
        body.message.unwrap_or_default(),
        body.block_id,
        body.created_at,
        body.confirmed_at.unwrap_or_default(),
        body.unsubscribe_url.unwrap_or_default(),
    ]
}
