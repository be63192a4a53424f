//! `/workspace/invitations` and `/invitations/accept`: how people come into a workspace.
//!
//! The link of an invitation goes to the mailbox that is invited, in a letter that is written in the transaction of the
//! invitation. An installation that sends no mail shows the link to whoever invites, this once, and an answer that holds it is
//! sealed while it is kept for its repetition. Whoever opens the link finds a page (`crate::invitations`); what it does is what is
//! done here.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    actor::Actor,
    id::{InvitationId, MemberId},
    invitation::{Invitation, LASTS, MAILBOX_LETTERS_A_DAY, MOST_INVITATIONS, WORKSPACE_LETTERS_A_DAY},
    mail::Address,
    person::{User, Word},
    role::Role,
    time::Time,
    workspace::Workspace,
};
use mask_store::{Kept, NewInvitation, Uninvited};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    caller::{Caller, Signed, WorkspaceWrite},
    error::{ApiError, Code},
    fields::{Fields, Problems, text},
    gate::Seen,
    links::Pagination,
    members::{self, RoleName},
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, IdempotencyKey, InvitationPath, Json, json_bytes},
};
use crate::{accounts::Visitor, clock, mail::Invited};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(accept))
}

/// An invitation that waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(super) struct InvitationBody {
    /// The invitation's id.
    #[schema(example = "inv_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// For whom.
    #[schema(example = "bob@example.com")]
    email: String,
    /// As what.
    #[schema(value_type = RoleName, example = "member")]
    role: &'static str,
    /// Who invited them: the id of a person or of a key.
    #[schema(example = "usr_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    invited_by: String,
    /// The link, where it could not be mailed: give it to whoever you invite. Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    url: Option<String>,
    /// When.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// Until when it is good.
    #[schema(format = DateTime, example = "2026-03-31T14:00:00Z")]
    expires_at: String,
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationList {
    /// The invitations.
    data: Vec<InvitationBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// Somebody to be invited.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct NewInvitationBody {
    /// Where they are written to.
    #[schema(max_length = 254)]
    email: String,
    /// What they are to be: nothing above what you are.
    role: RoleName,
}

/// An invitation to be used.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct Acceptance {
    /// The last part of the link.
    token: String,
}

/// Where an invitation led.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Joined)]
struct JoinedBody {
    /// The workspace's id.
    #[schema(example = "ws_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What people call it.
    #[schema(example = "Marketing")]
    name: String,
    /// Its name in addresses, and in `X-Mask-Workspace`.
    #[schema(example = "marketing")]
    slug: String,
    /// What you are there.
    #[schema(value_type = RoleName, example = "member")]
    role: &'static str,
}

impl InvitationBody {
    pub(super) fn of(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.to_string(),
            role: invitation.role.as_str(),
            invited_by: invitation.invited_by.to_string(),
            url: None,
            created_at: invitation.created_at.to_string(),
            expires_at: invitation.expires_at.to_string(),
        }
    }
}

impl JoinedBody {
    fn of((workspace, role): &(Workspace, Role)) -> Self {
        let Workspace { id, name, slug, .. } = workspace;
        Self { id: id.to_string(), name: name.clone(), slug: slug.clone(), role: role.as_str() }
    }
}

/// Invite somebody
///
/// By a link in a letter, which is good for 7 days and for this address alone. Where no mail is sent the answer has the link as
/// `url`, this once. Who is invited again gets a new link, and the one before ends. Nobody invites to a role above their own; an API
/// key counts as an admin. At most 100 invitations wait at a time. Within a day a workspace mails 100 of them, and one mailbox gets
/// 10 from all workspaces together; one more is a 429, whose `Retry-After` says when it may go out.
#[utoipa::path(
    post, path = "/workspace/invitations", operation_id = "create_invitation", tag = "Workspace",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = inline(NewInvitationBody), example = json!({"email": "bob@example.com", "role": "member"})),
    responses((status = 201, description = "The new invitation", body = InvitationBody)),
    security(("key" = ["workspace:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    Extension(seen): Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let by = caller.by(&seen);
    let attempt = Attempt { actor: by.actor, path: "/workspace/invitations", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let asked = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let email = fields.required("email", text(Address::parse));
        let role = fields.required("role", text(Role::parse));
        fields.end();
        email.zip(role)
    });
    problems.check()?;
    let (email, role) = asked.ok_or_else(ApiError::internal)?;
    let workspace = api.store.workspace_of(by.owner).await?.ok_or_else(ApiError::internal)?;
    let now = api.clock.now();
    let word = Word::new(clock::secret());
    let url = format!("{}/invitation/{}", api.origin, word.reveal());
    let letter = if api.letters.is_mailing() {
        let by = inviter(&api, by.actor).await?;
        let invited = Invited { by: by.as_ref(), workspace: &workspace.name, role, link: &url };
        Some(api.letters.invitation(invited, email.clone(), now))
    } else {
        None
    };
    let shown_url = if letter.is_none() { Some(url) } else { None };
    let id = InvitationId::from_bits(api.ids.next(now));
    let invitation =
        Invitation { id, email, role, invited_by: by.actor, created_at: now, expires_at: now.after(LASTS) };
    let answer =
        move |made: &Invitation| json_bytes(&InvitationBody { url: shown_url.clone(), ..InvitationBody::of(made) });
    let (answer, vault) = (Arc::new(answer), Arc::clone(&api.vault));
    let kept_answer = Arc::clone(&answer);
    let keep = attempt.keep(&api, move |made: &Result<Invitation, Uninvited>| {
        let Kept { status, body } = match made {
            Ok(made) => Kept { status: 201, body: kept_answer(made) },
            Err(why) => once::kept_error(&refused(*why, now), seen.request_id),
        };
        Kept { status, body: vault.seal_answer(&body) }
    });
    let new = NewInvitation { invitation, hash: word.hash(), letter };
    match once::done(api.store.create_invitation(by, new, keep).await?)? {
        Err(kept) => repeated(&api, &kept),
        Ok(made) => {
            let body = answer(&made.map_err(|why| refused(why, now))?);
            let content_type = (hyper::header::CONTENT_TYPE, "application/json");
            Ok((StatusCode::CREATED, [content_type], body).into_response())
        }
    }
}

/// Whom the letter names as the one who invites: a person; a key has nobody's name.
async fn inviter(api: &Api, actor: Actor) -> Result<Option<User>, ApiError> {
    let Actor::Person(id) = actor else { return Ok(None) };
    Ok(api.store.account(id).await?.map(|account| account.user))
}

/// The answer of before, which was sealed as there may be a link in it.
fn repeated(api: &Api, kept: &Kept) -> Result<Response, ApiError> {
    let body = api.vault.open_answer(&kept.body).map_err(|error| {
        tracing::error!(%error, "an answer that is kept cannot be read");
        ApiError::internal()
    })?;
    Ok(once::replay(Kept { status: kept.status, body }))
}

/// List invitations
///
/// Those that can still be used, oldest first. For those who may invite: whoever is asked is nobody here yet.
#[utoipa::path(
    get, path = "/workspace/invitations", operation_id = "list_invitations", tag = "Workspace",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Invitations per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of invitations", body = InvitationList)),
    security(("key" = ["workspace:write"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    mut parameters: Parameters,
) -> Result<Answer<InvitationList>, ApiError> {
    let after = parameters.cursor(|cursor| InvitationId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_invitations(caller.owner.workspace, api.clock.now(), after, limit).await?;
    let data = listed.rows.iter().map(InvitationBody::of).collect();
    Ok(Answer(InvitationList { data, pagination: Pagination::of(listed.next.as_ref()) }))
}

/// Take an invitation back
///
/// Its link is good for nothing from now on.
#[utoipa::path(
    delete, path = "/workspace/invitations/{id}", operation_id = "delete_invitation", tag = "Workspace",
    params(("id" = String, Path, description = "The invitation's id")),
    responses((status = 204, description = "Its link is good for nothing now")),
    security(("key" = ["workspace:write"]))
)]
async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceWrite>,
    InvitationPath(id): InvitationPath,
    Extension(seen): Extension<Seen>,
) -> Result<StatusCode, ApiError> {
    let revoked = api.store.revoke_invitation(caller.by(&seen), id, api.clock.now()).await?;
    revoked.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| ApiError::not_found("Invitation"))
}

/// Accept an invitation
///
/// By whoever is signed in, if it is for their address. Once: the link is good for nothing then.
#[utoipa::path(
    post, path = "/invitations/accept", operation_id = "accept_invitation", tag = "Workspace",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = inline(Acceptance), example = json!({"token": "0000000000000000000000000000000000000000000000000000000000000000"})),
    responses((status = 200, description = "Where you are now, and what", body = JoinedBody)),
    security(("session" = []))
)]
async fn accept(
    State(api): State<Arc<Api>>,
    Signed(person): Signed,
    Extension(seen): Extension<Seen>,
    visitor: Visitor,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: person.actor(), path: "/invitations/accept", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let token = Fields::of(body.value, "", &mut problems).and_then(|mut fields| {
        let token = fields.required("token", text(|token| Ok(token.to_owned())));
        fields.end();
        token
    });
    problems.check()?;
    // What cannot be a word is that of no invitation.
    let now = api.clock.now();
    let word = Word::parse(&token.unwrap_or_default()).map_err(|_| refused(Uninvited::Absent, now))?;
    let keep = attempt.keep(&api, move |done: &Result<(Workspace, Role), Uninvited>| match done {
        Ok(joined) => Kept { status: 200, body: json_bytes(&JoinedBody::of(joined)) },
        Err(why) => once::kept_error(&refused(*why, now), seen.request_id),
    });
    let place = MemberId::from_bits(api.ids.next(now));
    let who = visitor.oneself(&api, person.user.id);
    match once::done(api.store.accept_invitation(word.hash(), who, place, now, keep).await?)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(done) => Ok(Answer(JoinedBody::of(&done.map_err(|why| refused(why, now))?)).into_response()),
    }
}

fn refused(why: Uninvited, now: Time) -> ApiError {
    let conflict = |message: String| ApiError::new(Code::Conflict, message);
    let too_many_letters = |message: String, free_at: Time| {
        let wait_ms = free_at.unix_millis().saturating_sub(now.unix_millis());
        ApiError::too_many_at_once(message, u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000).max(1))
    };
    match why {
        Uninvited::Absent => ApiError::not_found("Invitation"),
        Uninvited::Foreign => ApiError::new(
            Code::Forbidden,
            "This invitation is for another address than yours. Sign in with the one it was sent to.",
        ),
        Uninvited::Known => conflict("This person is in the workspace already.".to_owned()),
        Uninvited::HasAccount => conflict("There is an account with this address already; sign in.".to_owned()),
        Uninvited::TooMany => {
            conflict(format!("{MOST_INVITATIONS} invitations wait already. Take back one that is not needed."))
        }
        Uninvited::MailboxFull(free_at) => too_many_letters(
            format!(
                "This address has been sent {MAILBOX_LETTERS_A_DAY} invitations within a day, and gets no more. Retry after {free_at}."
            ),
            free_at,
        ),
        Uninvited::WorkspaceFull(free_at) => too_many_letters(
            format!(
                "This workspace has mailed {WORKSPACE_LETTERS_A_DAY} invitations within a day, and mails no more. Retry after {free_at}."
            ),
            free_at,
        ),
        Uninvited::Unallowed(why) => members::unallowed(why),
    }
}
