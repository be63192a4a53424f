//! `/account/sessions`: the browsers in which somebody is signed in.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use mask_core::{id::SessionId, person::Session};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::Visitor,
    api::{
        Api,
        error::ApiError,
        links::Pagination,
        request::{Answer, SessionPath},
        session::Me,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, end_others)).routes(routes!(end))
}

/// A browser in which you are signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    /// The session's id.
    #[schema(example = "ses_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What the browser calls itself.
    #[schema(example = "Firefox on Linux")]
    device: String,
    /// The country in which it was begun (ISO 3166-1), if that is known.
    #[schema(example = "DE")]
    country: Option<String>,
    /// Whether it is the one that you ask with.
    is_current: bool,
    /// When it was begun.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last used, to the minute.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    seen_at: String,
    /// When it ends if it is not used until then.
    #[schema(format = DateTime, example = "2026-04-23T14:00:00Z")]
    expires_at: String,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            device: session.device,
            country: session.country,
            is_current: session.id == current,
            created_at: session.created_at.to_string(),
            seen_at: session.seen_at.to_string(),
            expires_at: session.expires_at.to_string(),
        }
    }
}

/// Your sessions.
#[derive(Debug, Serialize, ToSchema)]
struct SessionList {
    /// All of them, the latest first.
    data: Vec<SessionBody>,
    pagination: Pagination,
}

/// List your sessions
///
/// The browsers in which you are signed in, the latest first; all of them on one page.
#[utoipa::path(
    get, path = "/account/sessions", operation_id = "list_sessions", tag = "Accounts",
    responses((status = 200, description = "Your sessions", body = SessionList)),
    security(("session" = []))
)]
async fn list(State(api): State<Arc<Api>>, Me(me): Me) -> Result<Answer<SessionList>, ApiError> {
    let sessions = api.store.list_sessions(me.user.id, api.clock.now()).await?;
    let data = sessions.into_iter().map(|session| SessionBody::of(session, me.session)).collect();
    Ok(Answer(SessionList { data, pagination: Pagination::of(None) }))
}

/// End your other sessions
///
/// All but the one that you ask with. They end at once, on every node.
#[utoipa::path(
    delete, path = "/account/sessions", operation_id = "end_sessions", tag = "Accounts",
    responses((status = 204, description = "They have ended")),
    security(("session" = []))
)]
async fn end_others(State(api): State<Arc<Api>>, Me(me): Me, visitor: Visitor) -> Result<StatusCode, ApiError> {
    api.store.end_sessions(visitor.oneself(&api, me.user.id), Some(me.session), api.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a session
///
/// It ends at once, on every node. It may be the one that you ask with.
#[utoipa::path(
    delete, path = "/account/sessions/{id}", operation_id = "end_session", tag = "Accounts",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "It has ended")),
    security(("session" = []))
)]
async fn end(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    SessionPath(id): SessionPath,
) -> Result<StatusCode, ApiError> {
    if api.store.end_session(visitor.oneself(&api, me.user.id), id, api.clock.now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::not_found("Session"))
}
