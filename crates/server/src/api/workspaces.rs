//! `/workspaces`, and what is done with a workspace as a whole: it is made, handed over, deleted, and taken back.
//!
//! All of this is for people: a key belongs to one workspace and neither makes others nor decides over its own. Whoever deletes
//! a workspace types its name; from then on nothing of it is there for anybody, on any node, and for
//! [`UNDO`](mask_core::workspace::UNDO) its owner can take that back. It is asked for by its slug then, as always.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    id::{MemberId, WorkspaceId},
    member::Member,
    role::Role,
    time::Time,
    workspace::{self, UNDO, Workspace},
};
use mask_store::{Kept, NewWorkspace, Undeleted, Unfounded, Unmembered};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    caller::{Deletes, InPerson, Signed, Transfers},
    error::{ApiError, Code},
    fields::{Fields, Problems, text},
    gate::Seen,
    links::Pagination,
    members::{self, MemberBody},
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, IdempotencyKey, Json, NoBody, OptionalJson, json_bytes},
    version,
};
use crate::{accounts::Visitor, config::Creators};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
        .routes(routes!(restore))
        .routes(routes!(transfer))
}

/// A workspace that you have a place in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnWorkspace)]
struct OwnWorkspaceBody {
    /// The workspace's id.
    #[schema(example = "ws_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What people call it.
    #[schema(example = "Marketing")]
    name: String,
    /// Its name in addresses, and in `X-Mask-Workspace`. It never changes.
    #[schema(example = "marketing")]
    slug: String,
    /// What you are there.
    #[schema(value_type = members::RoleName, example = "owner")]
    role: &'static str,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// When it was deleted, if it was.
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
    /// Until when its owner can take that back.
    #[schema(format = DateTime)]
    restorable_until: Option<String>,
}

/// A page of the workspaces that you have a place in.
#[derive(Debug, Serialize, ToSchema)]
struct OwnWorkspaceList {
    /// The workspaces.
    data: Vec<OwnWorkspaceBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// A workspace to be made.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct NewWorkspaceBody {
    /// What people call it: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Its name in addresses, which never changes: 2 to 48 of a-z, 0-9 and hyphens.
    #[schema(min_length = 2, max_length = 48)]
    slug: String,
}

/// What shows that a workspace is really to be deleted.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct Deletion {
    /// The workspace's name, exactly as it is.
    name: String,
}

/// Who a workspace is handed over to.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct Transfer {
    /// The id of a member.
    member_id: String,
}

impl OwnWorkspaceBody {
    fn of(workspace: &Workspace, role: Role) -> Self {
        Self {
            id: workspace.id.to_string(),
            name: workspace.name.clone(),
            slug: workspace.slug.clone(),
            role: role.as_str(),
            created_at: workspace.created_at.to_string(),
            updated_at: workspace.updated_at.to_string(),
            deleted_at: workspace.deleted_at.as_ref().map(Time::to_string),
            restorable_until: workspace.deleted_at.map(|at| at.after(UNDO).to_string()),
        }
    }
}

/// List your workspaces
///
/// Those that you have a place in, oldest first; also one that was deleted, until that cannot be taken back any more. For people
/// who are signed in; a key has one workspace.
#[utoipa::path(
    get, path = "/workspaces", operation_id = "list_workspaces", tag = "Workspace",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Workspaces per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of workspaces", body = OwnWorkspaceList)),
    security(("session" = []))
)]
async fn list(
    State(api): State<Arc<Api>>,
    Signed(person): Signed,
    mut parameters: Parameters,
) -> Result<Answer<OwnWorkspaceList>, ApiError> {
    let after = parameters.cursor(|cursor| WorkspaceId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_own_workspaces(person.user.id, api.clock.now(), after, limit).await?;
    let data = listed.rows.iter().map(|(workspace, role)| OwnWorkspaceBody::of(workspace, *role)).collect();
    Ok(Answer(OwnWorkspaceList { data, pagination: Pagination::of(listed.next.as_ref()) }))
}

/// Make a workspace
///
/// You are its owner. Whether everybody may, or only those who run the installation, is `workspaces.create` in the settings. How many
/// may be one person's is `workspaces.most_per_person`: one more than that is a 409. Those count that you own, and those that you
/// made, whoever owns them by now; one that was deleted counts until it cannot be taken back any more.
#[utoipa::path(
    post, path = "/workspaces", operation_id = "create_workspace", tag = "Workspace",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = inline(NewWorkspaceBody), example = json!({"name": "Marketing", "slug": "marketing"})),
    responses((status = 201, description = "The new workspace", body = OwnWorkspaceBody)),
    security(("session" = []))
)]
async fn create(
    State(api): State<Arc<Api>>,
    Signed(person): Signed,
    Extension(seen): Extension<Seen>,
    visitor: Visitor,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    if api.workspace_creators == Creators::Admins && !person.user.is_admin {
        let message = "Only those who run this installation may make workspaces; ask one of them.";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let attempt = Attempt { actor: person.actor(), path: "/workspaces", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let asked = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let name = fields.required("name", text(workspace::parse_name));
        let slug = fields.required("slug", text(workspace::parse_new_slug));
        fields.end();
        name.zip(slug)
    });
    problems.check()?;
    let (name, slug) = asked.ok_or_else(ApiError::internal)?;
    let now = api.clock.now();
    let new = NewWorkspace { id: WorkspaceId::from_bits(api.ids.next(now)), name, slug, now };
    let place = (visitor.oneself(&api, person.user.id), MemberId::from_bits(api.ids.next(now)));
    let limit = api.most_workspaces;
    let most = (!person.user.is_admin).then_some(limit);
    let keep = attempt.keep(&api, move |made: &Result<Workspace, Unfounded>| match made {
        Ok(made) => Kept { status: 201, body: json_bytes(&OwnWorkspaceBody::of(made, Role::Owner)) },
        Err(why) => once::kept_error(&unfounded(*why, limit), seen.request_id),
    });
    match once::done(api.store.create_own_workspace(new, place, most, keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(made) => {
            let made = made.map_err(|why| unfounded(why, limit))?;
            Ok((StatusCode::CREATED, Answer(OwnWorkspaceBody::of(&made, Role::Owner))).into_response())
        }
    }
}

/// Delete the workspace
///
/// With all that it has. For its owner in person, who types its name. From now on its links and pages answer 410, its keys are good
/// for nothing, and nothing is delivered. It can be taken back for 14 days. The default workspace of an installation stays.
#[utoipa::path(
    delete, path = "/workspace", operation_id = "delete_workspace", tag = "Workspace",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete")),
    request_body(content = inline(Deletion), example = json!({"name": "Marketing"})),
    responses((status = 204, description = "Nothing of it is there any more")),
    security(("session" = ["owner"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: InPerson<Deletes>,
    Extension(seen): Extension<Seen>,
    headers: HeaderMap,
    // Some clients, and some proxies, send no body with this method: then the name is missing, and that is said.
    OptionalJson(body): OptionalJson,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let name = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let name = fields.required("name", text(|name| Ok(name.to_owned())));
        fields.end();
        name
    });
    problems.check()?;
    let name = name.ok_or_else(ApiError::internal)?;
    api.store.delete_workspace(caller.by(&seen), expected, name, api.clock.now()).await?.map_err(refused)?;
    api.domains.refresh_soon().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Take back that the workspace was deleted
///
/// All of it is there again, as it was, and what could not be delivered meanwhile is. For its owner in person, until 14 days after
/// it was deleted; `X-Mask-Workspace` names it.
#[utoipa::path(
    post, path = "/workspace/restore", operation_id = "restore_workspace", tag = "Workspace",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    responses((status = 200, description = "The workspace", body = OwnWorkspaceBody)),
    security(("session" = ["owner"]))
)]
async fn restore(
    State(api): State<Arc<Api>>,
    Signed(person): Signed,
    Extension(seen): Extension<Seen>,
    visitor: Visitor,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    _: NoBody,
) -> Result<Response, ApiError> {
    let slug = person.slug()?.to_owned();
    // The same word for two workspaces is two words; this one is told apart by its slug, as nobody is in it now.
    let idempotency_key = idempotency_key.map(|word| format!("{slug} {word}"));
    let attempt = Attempt { actor: person.actor(), path: "/workspace/restore", idempotency_key, hash: [0; 32] };
    let _place = attempt.begin(&api)?;
    let keep = attempt.keep(&api, move |done: &Result<Workspace, Undeleted>| match done {
        Ok(workspace) => Kept { status: 200, body: json_bytes(&OwnWorkspaceBody::of(workspace, Role::Owner)) },
        Err(why) => once::kept_error(&refused(*why), seen.request_id),
    });
    let who = visitor.oneself(&api, person.user.id);
    let done = api.store.restore_workspace(who, slug, api.clock.now(), keep).await?;
    api.domains.refresh_soon().await;
    match once::done(done)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(done) => Ok(Answer(OwnWorkspaceBody::of(&done.map_err(refused)?, Role::Owner)).into_response()),
    }
}

/// Hand the workspace over
///
/// To another member, who is its owner then; you are an admin of it. For its owner in person.
#[utoipa::path(
    post, path = "/workspace/transfer", operation_id = "transfer_workspace", tag = "Workspace",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = inline(Transfer), example = json!({"member_id": "mem_01kcd3vyk5f8r9v3k2m4n6p8qa"})),
    responses((status = 200, description = "The new owner", body = MemberBody)),
    security(("session" = ["owner"]))
)]
async fn transfer(
    State(api): State<Arc<Api>>,
    caller: InPerson<Transfers>,
    Extension(seen): Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let by = caller.by(&seen);
    let attempt = Attempt { actor: by.actor, path: "/workspace/transfer", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let to = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let to = fields.required("member_id", text(MemberId::parse));
        fields.end();
        to
    });
    problems.check()?;
    let to = to.ok_or_else(ApiError::internal)?;
    let keep = attempt.keep(&api, move |done: &Result<Member, Unmembered>| match done {
        Ok(member) => Kept { status: 200, body: json_bytes(&MemberBody::of(member)) },
        Err(why) => once::kept_error(&unhanded(*why), seen.request_id),
    });
    match once::done(api.store.transfer_workspace(by, to, api.clock.now(), keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(done) => Ok(Answer(MemberBody::of(&done.map_err(unhanded)?)).into_response()),
    }
}

/// Why a workspace was not handed over: the body names the member, so it is that which is wrong where there is none.
fn unhanded(why: Unmembered) -> ApiError {
    match why {
        Unmembered::Absent => ApiError::invalid("member_id", "Must be the id of a member of this workspace"),
        why => members::refused(why),
    }
}

fn unfounded(why: Unfounded, limit: u32) -> ApiError {
    let message = match why {
        Unfounded::Taken => "There is a workspace with this slug already; choose another.".to_owned(),
        Unfounded::TooMany => format!(
            "You own or have made {limit} workspaces, and may have no more; one that was deleted counts until it cannot be taken \
             back. Those who run this installation may allow more (workspaces.most_per_person)."
        ),
    };
    ApiError::new(Code::Conflict, message)
}

fn refused(why: Undeleted) -> ApiError {
    match why {
        Undeleted::Absent => ApiError::not_found("Workspace"),
        Undeleted::NoOwner => ApiError::new(Code::Forbidden, "Only an owner of the workspace may do this, in person."),
        Undeleted::Changed => version::changed(),
        Undeleted::OtherName => ApiError::invalid("name", "Must be the workspace's name, exactly as it is"),
        Undeleted::Default => ApiError::new(
            Code::Conflict,
            "The default workspace of an installation stays; delete what is in it, or give it another name.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over HTTP that is a race: whoever asks was in the workspace when they were let in.
    #[test]
    fn a_workspace_that_went_meanwhile_is_not_there() {
        let statuses = [Unmembered::NoWorkspace, Unmembered::Absent].map(|why| unhanded(why).code.status());
        assert_eq!(statuses, [404, 422]);
    }
}
