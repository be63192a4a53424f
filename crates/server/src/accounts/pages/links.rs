//! What links of letters open, and where one asks for such a letter. Opening a link changes nothing; its button does.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use hyper::StatusCode;
use mask_core::person::Word;
use mask_store::WordPurpose;

use super::{
    super::{self as accounts, Visitor, email},
    Asked, Plain, Sent, email_field,
    entry::said,
    failed, link, new_password_field, refusal,
};
use crate::api::{Api, error::ApiError};

fn forgot_form(api: &Api) -> Plain {
    let sentence = if api.letters.is_mailing() {
        "If there is an account with your address, a letter with a link goes there."
    } else {
        "This installation sends no mail. Ask whoever runs it for a link: `mask users reset-password` prints one."
    };
    Plain {
        heading: "A new password",
        sentence: sentence.to_owned(),
        fields: vec![email_field()],
        button: "Send the link",
        links: vec![link("Sign in", "/sign-in")],
    }
}

pub(super) async fn forgot_page(State(api): State<Arc<Api>>) -> Response {
    if !api.letters.is_mailing() {
        let form = forgot_form(&api);
        return said(form.heading, &form.sentence, StatusCode::OK);
    }
    forgot_form(&api).answer(&Sent::default(), None)
}

pub(super) async fn forgot(State(api): State<Arc<Api>>, visitor: Visitor, sent: Sent) -> Response {
    match accounts::ask_reset(&api, &visitor, sent.only(&["email"])).await {
        Ok(()) => {
            let sentence =
                "If there is an account with this address, a letter is on its way. Its link works for an hour.";
            said("Look into your mail", sentence, StatusCode::OK)
        }
        Err(error) => forgot_form(&api).answer(&sent, Some(&error)),
    }
}

fn new_password_form() -> Plain {
    Plain {
        heading: "Choose a password",
        sentence: "You are signed out everywhere when it is changed.".to_owned(),
        fields: vec![new_password_field()],
        button: "Use this password",
        links: Vec::new(),
    }
}

fn spent() -> Response {
    let error = accounts::spent();
    let mut sheet = refusal(&error);
    sheet.sections.push(crate::redirect::pages::Section {
        links: vec![link("Ask for a new link", "/forgot-password")],
        ..Default::default()
    });
    failed(&error, &sheet)
}

/// Whether a word still opens the choice of a password.
async fn is_good(api: &Api, word: Option<&Word>) -> Result<bool, ApiError> {
    let Some(word) = word else { return Ok(false) };
    Ok(api.store.word(word.hash(), WordPurpose::Password, api.clock.now()).await?.is_some())
}

pub(super) async fn new_password_page(State(api): State<Arc<Api>>, Asked(word): Asked) -> Response {
    match is_good(&api, word.as_ref()).await {
        Ok(true) => new_password_form().answer(&Sent::default(), None),
        Ok(false) => spent(),
        Err(error) => failed(&error, &refusal(&error)),
    }
}

pub(super) async fn new_password(
    State(api): State<Arc<Api>>,
    Asked(word): Asked,
    visitor: Visitor,
    sent: Sent,
) -> Response {
    let Some(word) = word else { return spent() };
    match accounts::reset(&api, &visitor, &word, sent.only(&["password"])).await {
        Ok(_) => said("Your password is changed", "Sign in with it.", StatusCode::OK),
        Err(error) if error.status() == StatusCode::NOT_FOUND => spent(),
        Err(error) => new_password_form().answer(&sent, Some(&error)),
    }
}

pub(super) async fn confirm_page(State(api): State<Arc<Api>>, Asked(word): Asked) -> Response {
    let Some(word) = word else { return failed(&accounts::spent(), &refusal(&accounts::spent())) };
    match email::asked(&api, &word).await {
        Ok(address) => {
            let form = Plain {
                heading: "Your new address",
                sentence: format!("Is {address} your address? From now on you sign in with it."),
                fields: Vec::new(),
                button: "Yes, use it",
                links: Vec::new(),
            };
            form.answer(&Sent::default(), None)
        }
        Err(error) => failed(&error, &refusal(&error)),
    }
}

pub(super) async fn confirm(State(api): State<Arc<Api>>, Asked(word): Asked, visitor: Visitor) -> Response {
    let Some(word) = word else { return failed(&accounts::spent(), &refusal(&accounts::spent())) };
    match accounts::confirm_email(&api, &visitor, &word).await {
        Ok(user) => {
            said("Your address is changed", &format!("From now on you sign in with {}.", user.email), StatusCode::OK)
        }
        Err(error) => failed(&error, &refusal(&error)),
    }
}
