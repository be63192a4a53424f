//! `/account`: whoever is signed in, what they are called, how they sign in, and where.
//!
//! These are for people alone: no key has an account. They name no workspace, so `X-Mask-Workspace` is not asked for.

mod activity;
mod sessions;
mod totp;

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::id::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, auth,
    error::ApiError,
    request::{Answer, Json},
    session::{FromUs, Me},
};
use crate::accounts::{self, Visitor};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(get, update))
        .routes(routes!(change_password))
        .routes(routes!(ask_email))
        .routes(routes!(confirm_email))
        .merge(activity::routes())
        .merge(sessions::routes())
        .merge(totp::routes())
}

/// Somebody's account, for themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody {
    /// Its id.
    #[schema(example = "usr_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Where you are written to, and what you sign in with.
    #[schema(example = "ada@example.com")]
    email: String,
    /// What you are called.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// Whether the installation is yours to run.
    is_admin: bool,
    /// Whether you can sign in by a password.
    has_password: bool,
    /// Whether an authenticator app is asked for its code.
    has_totp: bool,
    /// Recovery codes that were not used yet.
    #[schema(minimum = 0)]
    recovery_codes: i64,
    /// The workspaces that you belong to, by name.
    workspaces: Vec<PlaceBody>,
    /// When the account was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
}

/// A workspace that somebody belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountPlace)]
struct PlaceBody {
    /// The workspace's id.
    #[schema(example = "ws_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What people call it.
    #[schema(example = "Marketing")]
    name: String,
    /// What `X-Mask-Workspace` names it by.
    #[schema(example = "marketing")]
    slug: String,
    /// What you are there: `owner`, `admin`, `member` or `viewer`.
    #[schema(example = "admin")]
    role: &'static str,
}

/// Changes to an account: what is absent stays.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct AccountChange {
    /// What you are called: 1 to 100 characters.
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: String,
}

/// Another password.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct PasswordChange {
    /// The one that you have, if you have one.
    current_password: Option<String>,
    /// 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128)]
    password: String,
}

/// Another address.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct EmailChange {
    /// The new address.
    email: String,
    /// Your password, if you have one.
    password: Option<String>,
}

/// The word of a link.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct EmailConfirmation {
    /// The word of the link.
    token: String,
}

/// An account as its owner is shown it.
pub(super) async fn account_body(api: &Arc<Api>, id: UserId) -> Result<AccountBody, ApiError> {
    let gone = || ApiError::unauthorized("The session has ended. Sign in again.");
    let account = api.store.account(id).await?.ok_or_else(gone)?;
    let places = accounts::places(api, &account.user).await?;
    let workspaces = places.into_iter().map(|(workspace, role)| PlaceBody {
        id: workspace.id.to_string(),
        name: workspace.name,
        slug: workspace.slug,
        role: role.as_str(),
    });
    Ok(AccountBody {
        has_password: account.password_hash.is_some(),
        has_totp: accounts::needs_code(&account),
        recovery_codes: account.recovery_codes,
        workspaces: workspaces.collect(),
        id: account.user.id.to_string(),
        email: account.user.email.to_string(),
        name: account.user.name,
        is_admin: account.user.is_admin,
        created_at: account.user.created_at.to_string(),
        updated_at: account.user.updated_at.to_string(),
    })
}

/// Read your account
///
/// Who is signed in, with the workspaces that they belong to.
#[utoipa::path(
    get, path = "/account", operation_id = "get_account", tag = "Accounts",
    responses((status = 200, description = "Your account", body = AccountBody)),
    security(("session" = []))
)]
async fn get(State(api): State<Arc<Api>>, Me(me): Me) -> Result<Answer<AccountBody>, ApiError> {
    account_body(&api, me.user.id).await.map(Answer)
}

/// Change your account
///
/// JSON Merge Patch (RFC 7396): what is absent stays.
#[utoipa::path(
    patch, path = "/account", operation_id = "update_account", tag = "Accounts",
    request_body(content = AccountChange, example = json!({"name": "Ada King"})),
    responses((status = 200, description = "Your account", body = AccountBody)),
    security(("session" = []))
)]
async fn update(State(api): State<Arc<Api>>, Me(me): Me, body: Json) -> Result<Answer<AccountBody>, ApiError> {
    accounts::rename(&api, &me.user, body.value).await?;
    account_body(&api, me.user.id).await.map(Answer)
}

/// Change your password
///
/// All your other sessions end, and every link with which a password could be chosen.
#[utoipa::path(
    post, path = "/account/password", operation_id = "change_password", tag = "Accounts",
    request_body(content = PasswordChange, example = json!({"current_password": "correct horse battery staple", "password": "staple battery horse correct"})),
    responses((status = 204, description = "It is changed")),
    security(("session" = []))
)]
async fn change_password(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    body: Json,
) -> Result<StatusCode, ApiError> {
    accounts::change_password(&api, &visitor, &me, body.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for another address
///
/// A letter to the new address has a link that works once, for an hour; until it is opened nothing changes, and then the address
/// before is told. Where the installation sends no mail nobody can confirm it: whoever runs the installation may change their own at
/// once, and everybody else asks them.
#[utoipa::path(
    post, path = "/account/email", operation_id = "ask_email_change", tag = "Accounts",
    request_body(content = EmailChange, example = json!({"email": "countess@example.com", "password": "correct horse battery staple"})),
    responses(
        (status = 200, description = "It is changed", body = AccountBody),
        (status = 202, description = "A letter is on its way")
    ),
    security(("session" = []))
)]
async fn ask_email(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    body: Json,
) -> Result<Response, ApiError> {
    match accounts::ask_email(&api, &visitor, &me, body.value).await? {
        Some(user) => Ok(Answer(account_body(&api, user.id).await?).into_response()),
        None => Ok(StatusCode::ACCEPTED.into_response()),
    }
}

/// Confirm another address
///
/// With the word of the link that was mailed to it. Whoever has that reads what is sent there, and need not be signed in.
#[utoipa::path(
    post, path = "/account/email/confirm", operation_id = "confirm_email_change", tag = "Accounts",
    request_body(content = EmailConfirmation, example = json!({"token": "0000000000000000000000000000000000000000000000000000000000000000"})),
    responses((status = 204, description = "The account has this address now")),
    security(())
)]
async fn confirm_email(
    State(api): State<Arc<Api>>,
    _: FromUs,
    visitor: Visitor,
    body: Json,
) -> Result<StatusCode, ApiError> {
    let (word, rest) = auth::split(body.value)?;
    accounts::nothing_else(rest)?;
    accounts::confirm_email(&api, &visitor, &word).await?;
    Ok(StatusCode::NO_CONTENT)
}
