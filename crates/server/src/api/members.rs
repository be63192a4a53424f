//! `/workspace/members`: who is in the workspace, and as what.
//!
//! What one may do with the place of another is [`mask_core::member`]'s to say, and is asked in the transaction that does it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    id::MemberId,
    member::{Member, Unallowed},
    role::Role,
    scope::Scope,
};
use mask_store::Unmembered;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::tagged,
    caller::{Caller, MembersLeave, WorkspaceRead, WorkspaceWrite},
    error::{ApiError, Code},
    fields::{Fields, Problems, text},
    gate::Seen,
    links::Pagination,
    query::Parameters,
    request::{Answer, Json, MemberPath, json_body},
    version,
};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(update, remove))
}

/// What somebody is in a workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
#[expect(dead_code, reason = "this is what the document says; roles are written by their own word")]
pub(super) enum RoleName {
    /// Reads.
    #[serde(rename = "viewer")]
    Viewer,
    /// Creates and changes links, pages and codes.
    #[serde(rename = "member")]
    Member,
    /// Does everything but what the owner alone may do.
    #[serde(rename = "admin")]
    Admin,
    /// Does everything: also hands the workspace over, and deletes it.
    #[serde(rename = "owner")]
    Owner,
}

/// Somebody's place in the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(super) struct MemberBody {
    /// The id of the place.
    #[schema(example = "mem_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// The id of the person.
    #[schema(example = "usr_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    user_id: String,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// Where they are written to.
    #[schema(example = "ada@example.com")]
    email: String,
    /// What they are here.
    #[schema(value_type = RoleName, example = "member")]
    role: &'static str,
    /// When they joined.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When their place was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
struct MemberList {
    /// The members.
    data: Vec<MemberBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// A change of a member's place.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct MemberChange {
    /// What they are to be: nothing above what you are.
    role: RoleName,
}

impl MemberBody {
    pub(super) fn of(member: &Member) -> Self {
        Self {
            id: member.id.to_string(),
            user_id: member.user.to_string(),
            name: member.name.clone(),
            email: member.email.to_string(),
            role: member.role.as_str(),
            created_at: member.created_at.to_string(),
            updated_at: member.updated_at.to_string(),
        }
    }
}

/// List members
///
/// Who is in the workspace, those who joined first coming first.
#[utoipa::path(
    get, path = "/workspace/members", operation_id = "list_members", tag = "Workspace",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Members per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of members", body = MemberList)),
    security(("key" = ["workspace:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceRead>,
    mut parameters: Parameters,
) -> Result<Answer<MemberList>, ApiError> {
    let after = parameters.cursor(|cursor| MemberId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_members(caller.owner.workspace, after, limit).await?;
    let data = listed.rows.iter().map(MemberBody::of).collect();
    Ok(Answer(MemberList { data, pagination: Pagination::of(listed.next.as_ref()) }))
}

/// Change a member's role
///
/// Nobody gives a role above their own or changes somebody who stands above them; an API key counts as an admin. There is always an
/// owner: the last one cannot become anything else. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/workspace/members/{id}", operation_id = "update_member", tag = "Workspace",
    params(("id" = String, Path, description = "The member's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = MemberChange, example = json!({"role": "member"})),
    responses((status = 200, description = "The changed member", body = MemberBody)),
    security(("key" = ["workspace:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    MemberPath(id): MemberPath,
    Extension(seen): Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let role = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let role = fields.required("role", text(Role::parse));
        fields.end();
        role
    });
    problems.check()?;
    let role = role.ok_or_else(ApiError::internal)?;
    let changed = api.store.change_member(caller.by(&seen), id, expected, role, api.clock.now()).await?;
    let member = changed.map_err(refused)?;
    Ok(tagged(json_body(&MemberBody::of(&member)).into_response(), &format!("\"{}.0\"", member.version)))
}

/// Take a member out of the workspace
///
/// From their next request on nothing of it is there for them. Everybody may go by themselves, but for the last owner; all others
/// are taken out by admins, and owners by owners.
#[utoipa::path(
    delete, path = "/workspace/members/{id}", operation_id = "remove_member", tag = "Workspace",
    params(("id" = String, Path, description = "The member's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to take out")),
    responses((status = 204, description = "They are not in the workspace any more")),
    security(("key" = ["workspace:write"]), ("session" = ["viewer"]))
)]
async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller<MembersLeave>,
    MemberPath(id): MemberPath,
    Extension(seen): Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    api.store.remove_member(caller.by(&seen), id, expected, api.clock.now()).await?.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why nothing was done with a member, as it is told.
pub(super) fn refused(why: Unmembered) -> ApiError {
    match why {
        Unmembered::NoWorkspace => ApiError::not_found("Workspace"),
        Unmembered::Absent => ApiError::not_found("Member"),
        Unmembered::Changed => version::changed(),
        Unmembered::Unallowed(why) => unallowed(why),
    }
}

/// Why something is not the caller's to do, as it is told.
pub(super) fn unallowed(why: Unallowed) -> ApiError {
    let forbidden = |message: &str| ApiError::new(Code::Forbidden, message);
    match why {
        Unallowed::NoAdmin => ApiError::insufficient_role(Scope::WorkspaceWrite),
        Unallowed::Mightier => forbidden("This member is an owner, and only an owner in person may change that."),
        Unallowed::AboveOwn => forbidden("Nobody gives a role above their own; an API key counts as an admin."),
        Unallowed::LastOwner => ApiError::new(
            Code::Conflict,
            "This is the last owner. Make another member an owner first, or hand the workspace over.",
        ),
    }
}

/// The page of who may do what, in Markdown.
pub fn page() -> String {
    let about = "# Who may do what\n\n\
        People have a role in each workspace that they are in, and API keys have scopes. Both pass the same check, as a role is a set \
        of scopes; a test holds every operation of the API to this table.\n\n";
    let rules = "\n\
        Beside it:\n\n\
        - Nobody gives a role above their own, by changing it or by an invitation; an API key with `workspace:write` counts as an admin.\n\
        - Nobody changes or takes out somebody who stands above them. Everybody may go by themselves.\n\
        - A workspace always has an owner who can sign in, also when two of them demote each other at the same moment.\n\
        - Who is signed in may list their workspaces and accept an invitation for their address. Who may make workspaces is \
        `workspaces.create` in the settings.\n\
        - How the API is used by each key and each person (`GET /usage?groupBy=key`, `actor=`) takes `api-keys:read` as well.\n\
        - A workspace that was deleted can be taken back for 14 days. The default one of an installation cannot be deleted.\n";
    format!("{about}{}{rules}", mask_core::role::table())
}
