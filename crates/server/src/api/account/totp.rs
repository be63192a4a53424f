//! `/account/totp`: the authenticator app whose code is asked for at each sign-in, and the codes for when it is lost.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::{self, Begun, Visitor},
    api::{
        Api,
        error::ApiError,
        request::{Answer, Json},
        session::Me,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(begin, end)).routes(routes!(confirm)).routes(routes!(recovery_codes))
}

/// Your password once more.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct PasswordAgain {
    /// Your password, if you have one.
    password: Option<String>,
}

/// A code of the app.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct AppCode {
    /// The six digits that it shows.
    code: String,
}

/// An app that is being set up.
#[derive(Debug, Serialize, ToSchema)]
struct TotpSetup {
    /// What an app takes by hand: base32.
    secret: String,
    /// What an app reads.
    uri: String,
    /// The same as a QR code: an SVG document.
    qr_svg: String,
}

/// Codes for when the app is lost.
#[derive(Debug, Serialize, ToSchema)]
struct RecoveryCodes {
    /// Ten of them, each good once. They are shown this once.
    recovery_codes: Vec<String>,
}

/// Set up an authenticator app
///
/// Answers the secret that the app takes. Nothing is asked for until a code of it is confirmed; asking again makes another secret.
/// 409 when an app is in use.
#[utoipa::path(
    post, path = "/account/totp", operation_id = "begin_totp", tag = "Accounts",
    request_body(content = PasswordAgain, example = json!({"password": "correct horse battery staple"})),
    responses((status = 200, description = "What the app takes", body = TotpSetup)),
    security(("session" = []))
)]
async fn begin(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    body: Json,
) -> Result<Answer<TotpSetup>, ApiError> {
    let Begun { secret, uri, picture } = accounts::begin_totp(&api, &visitor, &me, body.value).await?;
    Ok(Answer(TotpSetup { secret, uri, qr_svg: picture }))
}

/// Confirm an authenticator app
///
/// With a code that it shows. From then on each sign-in asks for one. Answers ten recovery codes, shown this once.
#[utoipa::path(
    post, path = "/account/totp/confirm", operation_id = "confirm_totp", tag = "Accounts",
    request_body(content = AppCode, example = json!({"code": "123456"})),
    responses((status = 200, description = "It is in use; these are for when it is lost", body = RecoveryCodes)),
    security(("session" = []))
)]
async fn confirm(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    body: Json,
) -> Result<Answer<RecoveryCodes>, ApiError> {
    let recovery_codes = accounts::confirm_totp(&api, &visitor, &me, body.value).await?;
    Ok(Answer(RecoveryCodes { recovery_codes }))
}

/// Turn the authenticator app off
///
/// Its recovery codes end as well.
#[utoipa::path(
    delete, path = "/account/totp", operation_id = "end_totp", tag = "Accounts",
    request_body(content = PasswordAgain, example = json!({"password": "correct horse battery staple"})),
    responses((status = 204, description = "No code is asked for")),
    security(("session" = []))
)]
async fn end(State(api): State<Arc<Api>>, Me(me): Me, visitor: Visitor, body: Json) -> Result<StatusCode, ApiError> {
    accounts::end_totp(&api, &visitor, &me, body.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make new recovery codes
///
/// Ten others; those before are good no more.
#[utoipa::path(
    post, path = "/account/recovery-codes", operation_id = "replace_recovery_codes", tag = "Accounts",
    request_body(content = PasswordAgain, example = json!({"password": "correct horse battery staple"})),
    responses((status = 200, description = "The new ones", body = RecoveryCodes)),
    security(("session" = []))
)]
async fn recovery_codes(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    visitor: Visitor,
    body: Json,
) -> Result<Answer<RecoveryCodes>, ApiError> {
    let recovery_codes = accounts::new_recovery_codes(&api, &visitor, &me, body.value).await?;
    Ok(Answer(RecoveryCodes { recovery_codes }))
}
