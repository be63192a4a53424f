//! Signing in, by password and, where it is set up, by a code as well; and signing out.

use mask_core::{
    mail::Address,
    person::{User, WordHash},
};
use mask_store::{Account, Shown};
use serde_json::Value;

use super::{SignedIn, Visitor, begin, read, totp};
use crate::api::{
    Api,
    error::{ApiError, Code},
};

struct Credentials {
    email: String,
    password: String,
    code: Option<String>,
}

fn credentials(body: Value) -> Result<Credentials, ApiError> {
    read::members(body, |fields| {
        let email = fields.required("email", read::typed);
        let password = fields.required("password", read::typed);
        let code = fields.nullable("code", read::typed).flatten();
        Some(Credentials { email: email?, password: password?, code })
    })
}

/// The one answer to an address or a password that is wrong, to one that is not there, and to one that may not.
pub(super) fn wrong() -> ApiError {
    ApiError::unauthorized("The address or the password is wrong.")
}

/// Whoever has this address and this password. A try is counted before anything is looked at; then as much is done for an
/// account that is not there as for one that is.
async fn by_password(api: &Api, visitor: &Visitor, email: &str, password: String) -> Result<Account, ApiError> {
    api.accounts.tries.count(visitor, email, api.clock.now())?;
    let account = match Address::parse(email) {
        Ok(address) => api.store.account_by_email(address).await?,
        Err(_) => None,
    };
    let account = account.filter(|account| account.user.disabled_at.is_none());
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let is_right = api.passwords.verify_if_any(password, hash).await?;
    account.filter(|_| is_right).ok_or_else(wrong)
}

/// Whether a code is asked for as well.
pub fn needs_code(account: &Account) -> bool {
    account.factor.as_ref().is_some_and(|factor| factor.is_confirmed)
}

/// The first step alone: whose the password is. A `code` that came with it is left for [`second_step`].
pub async fn first_step(api: &Api, visitor: &Visitor, body: Value) -> Result<Account, ApiError> {
    let Credentials { email, password, .. } = credentials(body)?;
    by_password(api, visitor, &email, password).await
}

/// Begins the session of whoever came this far, with the code where one is needed.
pub async fn second_step(
    api: &Api,
    visitor: &Visitor,
    account: Account,
    code: Option<&str>,
) -> Result<SignedIn, ApiError> {
    if needs_code(&account) {
        let asked = "The account asks for a code too: six digits of the app, or a recovery code.";
        let code = code.ok_or_else(|| ApiError::new(Code::SecondFactorRequired, asked))?;
        totp::take(api, visitor, &account, code).await?;
    }
    let app = account.factor.filter(|factor| factor.is_confirmed).map(|factor| factor.sealed);
    let shown = Shown::Password { hash: account.password_hash, app };
    begin(api, visitor, account.user, shown).await?.ok_or_else(wrong)
}

/// Both steps: `email`, `password`, and `code` where one is needed.
pub async fn sign_in(api: &Api, visitor: &Visitor, body: Value) -> Result<SignedIn, ApiError> {
    let Credentials { email, password, code } = credentials(body)?;
    let account = by_password(api, visitor, &email, password).await?;
    second_step(api, visitor, account, code.as_deref()).await
}

/// Ends the sessions that a browser shows.
pub async fn sign_out(api: &Api, visitor: &Visitor) -> Result<(), ApiError> {
    for hash in &visitor.had {
        if let Some((user, session)) = session(api, *hash).await? {
            api.store.end_session(visitor.oneself(api, user.id), session, api.clock.now()).await?;
        }
    }
    Ok(())
}

async fn session(api: &Api, hash: WordHash) -> Result<Option<(User, mask_core::id::SessionId)>, ApiError> {
    let found = api.store.session_by_hash(hash, api.clock.now()).await?;
    Ok(found.map(|(user, session)| (user, session.id)))
}

/// Whether somebody who is signed in knows the account's password, which whoever sits down at an open browser does not. An
/// account without one (that signs in elsewhere) has none to know.
pub(super) async fn confirm(
    api: &Api,
    visitor: &Visitor,
    account: &Account,
    field: &str,
    typed: Option<String>,
) -> Result<(), ApiError> {
    let Some(hash) = account.password_hash.clone() else { return Ok(()) };
    let Some(typed) = typed else { return Err(missing(field)) };
    api.accounts.tries.count_in_person(visitor, account.user.id, api.clock.now())?;
    if api.passwords.verify_if_any(typed, Some(hash)).await? {
        return Ok(());
    }
    Err(ApiError::invalid(field, "Must be the password of your account"))
}

fn missing(field: &str) -> ApiError {
    let mut problems = crate::api::fields::Problems::default();
    problems.miss(field);
    problems.check().err().unwrap_or_else(ApiError::internal)
}

/// The account of whoever is signed in, as it is now.
pub async fn account(api: &Api, user: &User) -> Result<Account, ApiError> {
    api.store.account(user.id).await?.ok_or_else(|| ApiError::unauthorized("The session has ended. Sign in again."))
}
