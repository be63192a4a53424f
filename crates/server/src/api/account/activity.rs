//! `/account/activity`: what somebody did with their own account, and from where: what tells them that somebody else did.

use std::sync::Arc;

use axum::extract::State;
use mask_core::id::ActivityId;
use mask_store::LoggedActivity;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{Api, error::ApiError, links::Pagination, query::Parameters, request::Answer, session::Me};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What can be done with an account, and is told here.
#[derive(Debug, ToSchema)]
#[schema(as = ActivityType)]
#[expect(dead_code, reason = "the names as the document shows them")]
enum ActivityName {
    /// You signed in; `session_id` says which session began.
    #[serde(rename = "session.created")]
    SignedIn,
    /// You signed out, or ended a session; `session_id` says which.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// You ended all your other sessions.
    #[serde(rename = "session.others_ended")]
    OthersEnded,
    /// You changed your password.
    #[serde(rename = "password.changed")]
    PasswordChanged,
    /// A password was chosen by the link of a letter, or one that the operator gave you.
    #[serde(rename = "password.reset")]
    PasswordReset,
    /// The account got another address.
    #[serde(rename = "email.changed")]
    EmailChanged,
    /// You put an authenticator app to use.
    #[serde(rename = "totp.enabled")]
    AppConfirmed,
    /// No code is asked for any more.
    #[serde(rename = "totp.disabled")]
    AppEnded,
    /// A recovery code was used in place of the app's.
    #[serde(rename = "recovery_code.used")]
    RecoveryCodeUsed,
    /// Other recovery codes were made.
    #[serde(rename = "recovery_codes.replaced")]
    RecoveryCodesReplaced,
    /// You came by way of the provider of identities for the first time.
    #[serde(rename = "identity.linked")]
    IdentityLinked,
    /// The operator let you in no more.
    #[serde(rename = "account.disabled")]
    Disabled,
    /// The operator let you in again.
    #[serde(rename = "account.enabled")]
    Enabled,
}

/// Something that was done with your account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
struct ActivityBody {
    /// The line's id.
    #[schema(example = "act_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// When.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    at: String,
    /// What.
    #[schema(value_type = ActivityName, example = "session.created")]
    action: String,
    /// The session that it is about, if it is about one.
    #[schema(example = "ses_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    session_id: Option<String>,
    /// What the browser calls itself; null for what the operator did.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
    /// The country (ISO 3166-1), if that is known. The address is not kept.
    #[schema(example = "DE")]
    country: Option<String>,
    /// The request that did it.
    #[schema(example = "req_936800703407")]
    request_id: Option<String>,
}

impl ActivityBody {
    fn of(logged: LoggedActivity) -> Self {
        let LoggedActivity { id, at, action, whence, object } = logged;
        Self {
            id: id.to_string(),
            at: at.to_string(),
            action,
            session_id: object,
            device: whence.device,
            country: whence.country,
            request_id: whence.request,
        }
    }
}

/// A page of what was done with your account.
#[derive(Debug, Serialize, ToSchema)]
struct ActivityList {
    /// The lines.
    data: Vec<ActivityBody>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// List what was done with your account
///
/// Newest first: each sign-in, and each change of how you sign in, from where and with what. Nobody else is shown it, and it is
/// kept as long as the audit log: a year, unless the operator says otherwise.
#[utoipa::path(
    get, path = "/account/activity", operation_id = "list_account_activity", tag = "Accounts",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Lines per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of lines", body = ActivityList)),
    security(("session" = []))
)]
async fn list(
    State(api): State<Arc<Api>>,
    Me(me): Me,
    mut parameters: Parameters,
) -> Result<Answer<ActivityList>, ApiError> {
    let after = parameters.cursor(|cursor| ActivityId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let after = after.and_then(|cursor| ActivityId::parse(&cursor.id).ok());
    let listed = api.store.list_activity(me.user.id, after, limit).await?;
    let pagination = Pagination::of(listed.next.as_ref());
    Ok(Answer(ActivityList { data: listed.rows.into_iter().map(ActivityBody::of).collect(), pagination }))
}

#[cfg(test)]
mod tests {
    use mask_core::activity::Activity;

    #[test]
    fn the_document_names_every_activity() {
        let document: serde_json::Value = serde_json::from_str(&crate::api::document()).expect("JSON");
        let named = document.pointer("/components/schemas/ActivityType/enum").expect("the activities");
        let known: Vec<_> = Activity::ALL.iter().map(|activity| activity.as_str()).collect();
        assert_eq!(*named, serde_json::json!(known));
    }
}
