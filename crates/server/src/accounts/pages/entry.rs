//! Coming in: the first account, signing in, the code of the app, signing up.
//!
//! Between the password and the code nothing is kept here: a sealed cookie says for five minutes whose password was right
//! ([`HALF`]). Whoever steals it still needs a code, and each try of one is counted.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use mask_core::{id::UserId, time::Time};
use mask_store::Account;

use super::{
    super::{self as accounts, SignedIn, SignedUp, Visitor},
    Asked, Plain, Sent, code_field, email_field, failed, link, name_field, new_password_field, on_to, password_field,
    person, refusal, shown,
};
use crate::{
    api::{Api, error::ApiError, session},
    config::SignUps,
    redirect::pages::{Section, Sheet},
};

/// The cookie of whoever has given the right password and no code yet.
const HALF: &str = "mask_half";
const HALF_LASTS: Duration = Duration::from_mins(5);

fn set_up_form() -> Plain {
    Plain {
        heading: "Welcome to Mask",
        sentence: "You make the first account. It owns this installation and its default workspace.".to_owned(),
        fields: vec![email_field(), name_field(), new_password_field()],
        button: "Make the account",
        links: Vec::new(),
    }
}

pub(super) async fn set_up_page(State(api): State<Arc<Api>>, Asked(word): Asked) -> Response {
    let is_good = match word {
        Some(word) => api.store.is_setup_word(word.hash()).await.map_err(ApiError::from),
        None => Ok(false),
    };
    match is_good {
        Ok(true) => set_up_form().answer(&Sent::default(), None),
        Ok(false) => {
            let error = accounts::spent();
            let mut sheet = refusal(&error);
            sheet.fault = Some(
                "This link is over: there is an account, or a newer link. `mask users setup-link` prints one while there is none."
                    .to_owned(),
            );
            failed(&error, &sheet)
        }
        Err(error) => failed(&error, &refusal(&error)),
    }
}

pub(super) async fn set_up(State(api): State<Arc<Api>>, visitor: Visitor, Asked(word): Asked, sent: Sent) -> Response {
    let Some(word) = word else { return failed(&accounts::spent(), &refusal(&accounts::spent())) };
    match accounts::make_first(&api, &visitor, &word, sent.only(&["email", "name", "password"])).await {
        Ok(SignedIn { cookies, .. }) => on_to("/account?done=welcome", cookies),
        Err(error) => set_up_form().answer(&sent, Some(&error)),
    }
}

fn sign_in_form(api: &Api) -> Plain {
    let elsewhere = api.accounts.elsewhere.as_ref();
    let mut links: Vec<_> =
        elsewhere.map(|elsewhere| link(&elsewhere.button, "/auth/oidc/start")).into_iter().collect();
    links.push(link("I have forgotten my password", "/forgot-password"));
    if api.accounts.sign_ups != SignUps::Closed {
        links.push(link("I have no account yet", "/sign-up"));
    }
    Plain {
        heading: "Sign in",
        sentence: "With your address and your password.".to_owned(),
        fields: vec![email_field(), password_field()],
        button: "Sign in",
        links,
    }
}

pub(super) async fn sign_in_page(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    if person(&api, &headers).await.is_some() {
        return on_to("/account", []);
    }
    sign_in_form(&api).answer(&Sent::default(), None)
}

pub(super) async fn sign_in(State(api): State<Arc<Api>>, visitor: Visitor, sent: Sent) -> Response {
    let again = |error| sign_in_form(&api).answer(&sent, Some(&error));
    let account = match accounts::first_step(&api, &visitor, sent.only(&["email", "password"])).await {
        Ok(account) => account,
        Err(error) => return again(error),
    };
    if accounts::needs_code(&account) {
        return on_to("/sign-in/code", [half(&api, &account)]);
    }
    match accounts::second_step(&api, &visitor, account, None).await {
        Ok(SignedIn { cookies, .. }) => on_to("/account", cookies),
        Err(error) => again(error),
    }
}

/// The cookie of whoever has given the right password.
fn half(api: &Api, account: &Account) -> HeaderValue {
    let until = api.clock.now().after(HALF_LASTS).unix_millis();
    let said = format!("{} {until} {}", account.user.id, password_of(account));
    let sealed = api.vault.seal_about(HALF, said.as_bytes());
    half_cookie(api, &URL_SAFE_NO_PAD.encode(sealed), HALF_LASTS.as_secs())
}

fn half_cookie(api: &Api, value: &str, lasts_s: u64) -> HeaderValue {
    let secure = if api.is_local { "" } else { "; Secure" };
    let text = format!("{HALF}={value}; Path=/sign-in; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).expect("base64 can stand in a header")
}

/// What tells a password from the next one: the hash of it that is kept.
fn password_of(account: &Account) -> &str {
    account.password_hash.as_deref().unwrap_or_default()
}

/// Whose password was right in this browser, less than five minutes ago, and still is; and a code is asked for.
async fn halfway(api: &Api, headers: &HeaderMap) -> Result<Option<Account>, ApiError> {
    let opened = || {
        let sealed = URL_SAFE_NO_PAD.decode(session::cookie(headers, HALF)?).ok()?;
        let opened = api.vault.open_about(HALF, &sealed).ok()?;
        let (user, rest) = std::str::from_utf8(&opened).ok()?.split_once(' ')?;
        let (until, password) = rest.split_once(' ')?;
        let until = Time::from_unix_millis(until.parse().ok()?);
        (until > api.clock.now()).then(|| Some((UserId::parse(user).ok()?, password.to_owned()))).flatten()
    };
    let Some((user, password)) = opened() else { return Ok(None) };
    let account = api.store.account(user).await?.filter(|account| account.user.disabled_at.is_none());
    Ok(account.filter(|account| accounts::needs_code(account) && password_of(account) == password))
}

fn code_form() -> Plain {
    Plain {
        heading: "Your code",
        sentence: "Type the six digits that your app shows, or one of your recovery codes.".to_owned(),
        fields: vec![code_field()],
        button: "Continue",
        links: vec![link("Begin again", "/sign-in")],
    }
}

pub(super) async fn code_page(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    match halfway(&api, &headers).await {
        Ok(Some(_)) => code_form().answer(&Sent::default(), None),
        Ok(None) => on_to("/sign-in", []),
        Err(error) => failed(&error, &refusal(&error)),
    }
}

pub(super) async fn code(State(api): State<Arc<Api>>, headers: HeaderMap, visitor: Visitor, sent: Sent) -> Response {
    let account = match halfway(&api, &headers).await {
        Ok(Some(account)) => account,
        Ok(None) => return on_to("/sign-in", []),
        Err(error) => return failed(&error, &refusal(&error)),
    };
    match accounts::second_step(&api, &visitor, account, Some(&sent.text("code"))).await {
        Ok(SignedIn { cookies, .. }) => on_to("/account", cookies.into_iter().chain([half_cookie(&api, "", 0)])),
        Err(error) => code_form().answer(&Sent::default(), Some(&error)),
    }
}

fn sign_up_form(api: &Api) -> Plain {
    let mut fields = vec![email_field(), name_field()];
    if !api.letters.is_mailing() {
        fields.push(new_password_field());
    }
    Plain {
        heading: "Make an account",
        sentence: "With it you sign in, and are asked into workspaces.".to_owned(),
        fields,
        button: "Sign up",
        links: vec![link("I have an account", "/sign-in")],
    }
}

pub(super) async fn sign_up_page(State(api): State<Arc<Api>>) -> Response {
    if api.accounts.sign_ups == SignUps::Open {
        return sign_up_form(&api).answer(&Sent::default(), None);
    }
    let sentence = match api.accounts.sign_ups {
        SignUps::Invite => "Signing up takes an invitation: open the link of the letter that you were sent.",
        SignUps::Closed | SignUps::Open => "Nobody can sign up here. Ask whoever runs it for an account.",
    };
    said("Make an account", sentence, StatusCode::FORBIDDEN)
}

pub(super) async fn sign_up(State(api): State<Arc<Api>>, visitor: Visitor, sent: Sent) -> Response {
    match accounts::sign_up(&api, &visitor, sent.only(&["email", "name", "password"])).await {
        Ok(SignedUp::In(SignedIn { cookies, .. })) => on_to("/account?done=welcome", cookies),
        Ok(SignedUp::Mailed) => {
            let sentence = "A letter is on its way to you. Its link works for an hour, and asks for your password.";
            said("Look into your mail", sentence, StatusCode::OK)
        }
        Err(error) => sign_up_form(&api).answer(&sent, Some(&error)),
    }
}

/// A page that says one thing, and leads to signing in.
pub(super) fn said(heading: &str, sentence: &str, status: StatusCode) -> Response {
    let section = Section {
        sentences: vec![sentence.to_owned()],
        links: vec![link("Sign in", "/sign-in")],
        ..Section::default()
    };
    shown(&Sheet { heading: heading.to_owned(), sections: vec![section], ..Sheet::default() }, status)
}
