//! `/audit-log`: who changed what, and when.
//!
//! It shows what people and keys do to everything in a workspace, so it is read with `workspace:write`, which among people
//! the owner and the admins have: `workspace:read` every viewer has, and every key that only wants to know the name.
//!
//! As CSV it is read a piece at a time, and no transaction is open while the client reads.

mod shape;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use hyper::header::{self, HeaderValue};
use mask_core::{Refused, action::Action, actor::Actor, cursor::Cursor, id::ChangeId, workspace::Owner};
use mask_store::{ChangeFilter, Listed, LoggedChange, Store};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    analytics::cell,
    caller::{Caller, WorkspaceWrite},
    error::ApiError,
    links::Pagination,
    query::{self, Parameters},
    request::Answer,
    turns::Turn,
};
use shape::ChangeBody;
pub(super) use shape::FormatName;
pub(super) use shape::{ActorBody, shown};

/// Lines that a CSV reads at once.
const PIECE: usize = 500;
/// More than the longest id has.
const LONGEST_ID: usize = 64;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLog)]
struct ChangeList {
    /// The changes, newest first.
    data: Vec<ChangeBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// Read the audit log
///
/// Every change that was made to what the workspace has, in the environment of your key, newest first: by whom, to what, when,
/// and from which country. No secret is in it, neither a key nor a password. With `format=csv` all that meet the filters come
/// in one answer, which takes neither `limit` nor `cursor`; a cell there that begins with `=`, `+`, `-`, `@` or a tab is
/// written with an apostrophe before it, so that no spreadsheet takes it for a formula.
#[utoipa::path(
    get, path = "/audit-log", operation_id = "list_audit_log", tag = "Workspace",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Changes per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
        ("actor" = Option<String>, Query, description = "Those of this key or person, by its id, or of the installation itself: `system`"),
        ("action" = Option<String>, Query, description = "Those of this name, or of all names that begin so where it ends in a dot: `link.`"),
        ("object" = Option<String>, Query, max_length = 64, description = "Those of the object with this id, which may be gone"),
        ("from" = Option<String>, Query, description = "Those at this moment or later: an RFC 3339 timestamp, or a date, which means the beginning of that day in UTC", example = "2026-03-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "Those before this moment: an RFC 3339 timestamp, or a date, which means the end of that day in UTC", example = "2026-04-01T00:00:00Z"),
        ("format" = Option<FormatName>, Query, description = "`json` unless told otherwise"),
    ),
    responses((
        status = 200, description = "Changes",
        content((ChangeList = "application/json"), (String = "text/csv"))
    )),
    security(("key" = ["workspace:write"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let is_csv = parameters.optional("format", |text| match text {
        "json" => Ok(false),
        "csv" => Ok(true),
        _ => Err(Refused::because("Must be json or csv")),
    });
    let is_csv = is_csv == Some(true);
    let filter = ChangeFilter {
        actor: parameters.optional("actor", parse_actor),
        actions: parameters.optional("action", Action::meant_by),
        object: parameters.optional("object", parse_object),
        from: parameters.optional("from", query::from),
        to: parameters.optional("to", query::to),
    };
    let (after, limit) = if is_csv {
        (None, PIECE)
    } else {
        let fits = |cursor: &Cursor| place(cursor).is_some();
        (parameters.cursor(fits), parameters.limit())
    };
    parameters.end()?;
    let turn = if is_csv { Some(api.exports.begin(caller.owner)?) } else { None };
    let after = after.as_ref().and_then(place);
    let listed = api.store.list_changes(caller.owner, filter.clone(), after, limit).await?;
    if let Some(turn) = turn {
        let rest = Rest { store: api.store.clone(), owner: caller.owner, filter, next: None, _turn: turn };
        return Ok(csv(rest, listed));
    }
    let pagination = Pagination::of(listed.next.as_ref());
    let data = listed.rows.into_iter().map(ChangeBody::of).collect();
    Ok(Answer(ChangeList { data, pagination }).into_response())
}

fn parse_actor(text: &str) -> Result<Actor, Refused> {
    Actor::parse(text).map_err(|_| Refused::because("Must be the id of a key or of a person, or system"))
}

/// An id of anything: of what there is no more, or of what a newer node knows.
fn parse_object(text: &str) -> Result<String, Refused> {
    if text.len() > LONGEST_ID { Err(Refused::because("Must be the id of an object")) } else { query::plain(text) }
}

fn place(cursor: &Cursor) -> Option<ChangeId> {
    if cursor.sort.is_some() { None } else { ChangeId::parse(&cursor.id).ok() }
}

/// What is left of a log that is written as CSV.
struct Rest {
    store: Store,
    owner: Owner,
    filter: ChangeFilter,
    next: Option<ChangeId>,
    _turn: Turn,
}

impl Rest {
    /// The next piece; nothing when all is said.
    async fn piece(&mut self) -> Result<Option<Bytes>, mask_store::Error> {
        let Some(after) = self.next.take() else { return Ok(None) };
        let listed = self.store.list_changes(self.owner, self.filter.clone(), Some(after), PIECE).await?;
        Ok(Some(self.write(listed, String::new())))
    }

    fn write(&mut self, listed: Listed<LoggedChange>, before: String) -> Bytes {
        let mut text = before;
        self.next = listed.next.as_ref().and_then(place);
        for line in listed.rows {
            let cells = cells(ChangeBody::of(line));
            let line = cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n";
            text.push_str(&line);
        }
        text.into()
    }
}

fn csv(mut rest: Rest, first: Listed<LoggedChange>) -> Response {
    let head = rest.write(first, COLUMNS.join(",") + "\r\n");
    let others = stream::unfold(rest, |mut rest| async move {
        let piece = rest.piece().await.transpose()?;
        if let Err(error) = &piece {
            tracing::warn!(%error, "an audit log was broken off");
        }
        Some((piece, rest))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(stream::iter([Ok(head)]), others));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit-log.csv\""));
    response
}

const COLUMNS: [&str; 12] = [
    "id",
    "at",
    "actor_type",
    "actor_id",
    "action",
    "object_type",
    "object_id",
    "object_label",
    "before",
    "after",
    "country",
    "request_id",
];

fn cells(body: ChangeBody) -> [String; 12] {
    let json = |value: Option<Box<serde_json::value::RawValue>>| value.map_or(String::new(), |value| value.to_string());
    [
        body.id,
        body.at,
        body.actor.kind.to_owned(),
        body.actor.id.unwrap_or_default(),
        body.action,
        body.object.kind,
        body.object.id,
        body.object.label,
        json(body.before),
        json(body.after),
        body.country.unwrap_or_default(),
        body.request_id.unwrap_or_default(),
    ]
}
