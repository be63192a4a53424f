//! `/workspace`: the workspace that the caller's key belongs to.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use mask_core::workspace::{self, Workspace};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, answer,
    caller::{Caller, WorkspaceRead, WorkspaceWrite},
    error::ApiError,
    fields::{Fields, Problems, text},
    gate::Seen,
    request::Json,
    version,
};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(get, update))
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Workspace)]
pub(super) struct WorkspaceBody {
    /// The workspace's id.
    #[schema(example = "ws_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What people call it.
    #[schema(example = "Marketing")]
    name: String,
    /// Its name in addresses. It never changes.
    #[schema(example = "marketing")]
    slug: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
}

impl WorkspaceBody {
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self {
            id: workspace.id.to_string(),
            name: workspace.name.clone(),
            slug: workspace.slug.clone(),
            created_at: workspace.created_at.to_string(),
            updated_at: workspace.updated_at.to_string(),
        }
    }
}

/// Changes to a workspace: what is absent stays.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct WorkspaceChange {
    /// What people call it: 1 to 100 characters.
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: String,
}

/// Read the workspace
///
/// The one that your key belongs to.
#[utoipa::path(
    get, path = "/workspace", operation_id = "get_workspace", tag = "Workspace",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The workspace", body = WorkspaceBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["workspace:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceRead>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // A key whose workspace is gone would be a fault of ours.
    let workspace = api.store.workspace_of(caller.owner).await?.ok_or_else(ApiError::internal)?;
    Ok(shown(&workspace, &headers))
}

/// Change the workspace
///
/// JSON Merge Patch (RFC 7396): what is absent stays. Its slug never changes. Send `If-Match` to change only the version you
/// know.
#[utoipa::path(
    patch, path = "/workspace", operation_id = "update_workspace", tag = "Workspace",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = WorkspaceChange, example = json!({"name": "Marketing"})),
    responses((status = 200, description = "The changed workspace", body = WorkspaceBody)),
    security(("key" = ["workspace:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let name = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let name = fields.optional("name", text(workspace::parse_name));
        fields.end();
        name
    });
    problems.check()?;
    let Some(name) = name else {
        // Nothing is asked for, so a name that somebody else gives it meanwhile stays.
        let workspace = api.store.workspace_of(caller.owner).await?.ok_or_else(ApiError::internal)?;
        let is_meant = expected.takes(workspace.version);
        return if is_meant { Ok(shown(&workspace, &HeaderMap::new())) } else { Err(version::changed()) };
    };
    let renamed = api.store.rename_workspace(caller.by(&seen), expected, name, api.clock.now()).await?;
    Ok(shown(&renamed.ok_or_else(version::changed)?, &HeaderMap::new()))
}

fn shown(workspace: &Workspace, headers: &HeaderMap) -> Response {
    answer::shown(headers, &format!("\"{}.0\"", workspace.version), || WorkspaceBody::of(workspace))
}
