//! `/auth`: coming in. These operations need neither key nor session; they take nothing from pages of others.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::{StatusCode, header};
use mask_core::{Refused, person::Word};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    account::{AccountBody, account_body},
    error::{ApiError, Code},
    request::{Answer, Json, NoBody},
    session::FromUs,
};
use crate::accounts::{self, SignedIn, SignedUp, Visitor};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(sign_up))
        .routes(routes!(ask_reset))
        .routes(routes!(reset))
}

/// Who signs in.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct SignIn {
    /// The account's address.
    email: String,
    /// Its password.
    password: String,
    /// Six digits of the authenticator app, or a recovery code, where the account asks for one.
    code: Option<String>,
}

/// Who signs up.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct NewAccount {
    /// Where they are written to, and what they sign in with.
    email: String,
    /// What they are called: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// 8 to 128 characters. Only where the installation sends no mail: otherwise a mailed link asks for it.
    #[schema(min_length = 8, max_length = 128)]
    password: Option<String>,
}

/// Whose password is to be another.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct LostPassword {
    /// The account's address.
    email: String,
}

/// Another password, with the word of a link.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct ChosenPassword {
    /// The word of the link.
    token: String,
    /// 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128)]
    password: String,
}

/// Sign in
///
/// The answer sets the cookie `mask_session`, which is what other requests show. It is a new one each time, and the session that
/// the browser had before ends. Where the account has an authenticator app, a request without `code` is answered with
/// `second_factor_required`. Tries are limited for each account and each address. Like every request with a cookie, this one
/// has to come from a page of the application: its `Origin` is looked at.
#[utoipa::path(
    post, path = "/auth/sign-in", operation_id = "sign_in", tag = "Accounts",
    request_body(content = SignIn, example = json!({"email": "ada@example.com", "password": "correct horse battery staple"})),
    responses((status = 200, description = "You are signed in", body = AccountBody)),
    security(())
)]
async fn sign_in(State(api): State<Arc<Api>>, _: FromUs, visitor: Visitor, body: Json) -> Result<Response, ApiError> {
    let signed_in = accounts::sign_in(&api, &visitor, body.value).await?;
    entered(&api, StatusCode::OK, signed_in).await
}

/// Shows who has just signed in, and hands them the cookie.
pub(super) async fn entered(api: &Arc<Api>, status: StatusCode, signed_in: SignedIn) -> Result<Response, ApiError> {
    let SignedIn { user, cookies } = signed_in;
    let body = account_body(api, user.id).await?;
    let mut response = (status, Answer(body)).into_response();
    *response.status_mut() = status;
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Sign out
///
/// Ends the session that the cookie shows, if there is one, and has the browser forget the cookie.
#[utoipa::path(
    post, path = "/auth/sign-out", operation_id = "sign_out", tag = "Accounts",
    responses((status = 204, description = "You are signed out")),
    security(())
)]
async fn sign_out(State(api): State<Arc<Api>>, _: FromUs, visitor: Visitor, _: NoBody) -> Result<Response, ApiError> {
    accounts::sign_out(&api, &visitor).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, accounts::no_cookie(&api))]).into_response())
}

/// Sign up
///
/// Where the installation lets everybody (`auth.signup = "open"`). Where it sends mail the answer is always 202, and a letter has a link
/// with which a password is chosen; it does not tell whether there was an account. Otherwise the account is made at once, and
/// you are signed in.
#[utoipa::path(
    post, path = "/auth/sign-up", operation_id = "sign_up", tag = "Accounts",
    request_body(content = NewAccount, example = json!({"email": "grace@example.com", "name": "Grace Hopper", "password": "correct horse battery staple"})),
    responses(
        (status = 201, description = "You have an account, and are signed in", body = AccountBody),
        (status = 202, description = "A letter is on its way")
    ),
    security(())
)]
async fn sign_up(State(api): State<Arc<Api>>, _: FromUs, visitor: Visitor, body: Json) -> Result<Response, ApiError> {
    match accounts::sign_up(&api, &visitor, body.value).await? {
        SignedUp::Mailed => Ok(StatusCode::ACCEPTED.into_response()),
        SignedUp::In(signed_in) => entered(&api, StatusCode::CREATED, signed_in).await,
    }
}

/// Ask for a new password
///
/// If there is an account with this address, a letter has a link that works once, for an hour. The answer is the same if there is
/// none. Where the installation sends no mail it is a 403: its operator prints links by `mask users reset-password`.
#[utoipa::path(
    post, path = "/auth/password-reset", operation_id = "ask_password_reset", tag = "Accounts",
    request_body(content = LostPassword, example = json!({"email": "ada@example.com"})),
    responses((status = 202, description = "If there is such an account, a letter is on its way")),
    security(())
)]
async fn ask_reset(
    State(api): State<Arc<Api>>,
    _: FromUs,
    visitor: Visitor,
    body: Json,
) -> Result<StatusCode, ApiError> {
    accounts::ask_reset(&api, &visitor, body.value).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Choose a new password
///
/// With the word of the link that was mailed, or printed. All sessions of the account end, and every other such link.
#[utoipa::path(
    post, path = "/auth/password-reset/confirm", operation_id = "reset_password", tag = "Accounts",
    request_body(content = ChosenPassword, example = json!({"token": "0000000000000000000000000000000000000000000000000000000000000000", "password": "correct horse battery staple"})),
    responses((status = 204, description = "The password is changed: sign in")),
    security(())
)]
async fn reset(State(api): State<Arc<Api>>, _: FromUs, visitor: Visitor, body: Json) -> Result<StatusCode, ApiError> {
    let (word, body) = split(body.value)?;
    accounts::reset(&api, &visitor, &word, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The word of a link, and the rest of the body. What is no word opens nothing.
pub(super) fn split(mut body: Value) -> Result<(Word, Value), ApiError> {
    let token = body.as_object_mut().and_then(|members| members.shift_remove("token"));
    let missing = || {
        let detail = super::error::Detail { field: "token".to_owned(), message: "This field is required".to_owned() };
        ApiError::missing(vec![detail])
    };
    let token = token.ok_or_else(missing)?;
    let word = match &token {
        Value::String(text) => Word::parse(text),
        _ => Err(Refused::because("Must be a string")),
    };
    match word {
        Ok(word) => Ok((word, body)),
        Err(_) if token.is_string() => {
            Err(ApiError::new(Code::NotFound, "There is no such link. Check that it is complete."))
        }
        Err(why) => Err(ApiError::invalid("token", why.to_string())),
    }
}
