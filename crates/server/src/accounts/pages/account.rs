//! `/account`: who is signed in, where they belong, where else they are signed in, and what they can change.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use mask_core::{id::SessionId, person::Session};
use mask_store::Account;

use super::{
    super::{self as accounts, Begun, Visitor, email},
    Sent, activity, code_field, email_field, failed, field, filled, name_field, new_password_field, on_to,
    password_field, person, refusal, shown,
};
use crate::{
    api::{Api, error::ApiError, session::Person},
    redirect::pages::{Field, Form, Section, Sheet},
};

/// What was just done, by the word that stands in the address.
const DONE: [(&str, &str); 7] = [
    ("welcome", "You have an account, and are signed in."),
    ("name", "Your name is changed."),
    ("password", "Your password is changed. You are signed out everywhere else."),
    ("email", "Your address is changed."),
    ("mailed", "A letter is on its way to the new address. Its link works for an hour; until then nothing changes."),
    ("ended", "That session has ended."),
    ("totp", "No code is asked for any more."),
];

/// What went wrong with one of the forms.
struct Wrong<'a> {
    action: &'a str,
    sent: &'a Sent,
    error: &'a ApiError,
}

/// A form of this page; what went wrong with it stands beside its fields.
fn form(action: &'static str, fields: Vec<Field>, button: &str, wrong: Option<&Wrong<'_>>) -> Form {
    let wrong = wrong.filter(|wrong| wrong.action == action);
    let none = Sent::default();
    let (sent, error) = wrong.map_or((&none, None), |wrong| (wrong.sent, Some(wrong.error)));
    let fields = fields.into_iter().map(|field| {
        let id = format!("{action}-{}", field.name);
        filled(Field { id, ..field }, sent, error)
    });
    Form {
        action: Some(format!("/account/{action}")),
        fields: fields.collect(),
        button: button.to_owned(),
        ..Form::default()
    }
}

fn section(title: &str, forms: Vec<Form>) -> Section {
    Section { title: Some(title.to_owned()), forms, ..Section::default() }
}

pub(super) async fn page(State(api): State<Arc<Api>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(me) = person(&api, &headers).await else { return on_to("/sign-in", []) };
    let query = query.unwrap_or_default();
    let done = query.strip_prefix("done=").and_then(|word| DONE.iter().find(|(known, _)| *known == word));
    match sheet(&api, &me, None).await {
        Ok(sheet) => shown(&Sheet { done: done.map(|(_, sentence)| (*sentence).to_owned()), ..sheet }, StatusCode::OK),
        Err(error) => failed(&error, &refusal(&error)),
    }
}

/// Somebody who opens the address that a form is sent to.
pub(super) async fn back() -> Response {
    on_to("/account", [])
}

/// Does what one of the forms asks for.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    Path(action): Path<String>,
    headers: HeaderMap,
    visitor: Visitor,
    sent: Sent,
) -> Response {
    let Some(me) = person(&api, &headers).await else { return on_to("/sign-in", []) };
    let done = match action.as_str() {
        "sign-out" => accounts::sign_out(&api, &visitor).await.map(|()| on_to("/sign-in", [accounts::no_cookie(&api)])),
        "name" => accounts::rename(&api, &me.user, sent.only(&["name"])).await.map(|_| back_with("name")),
        "password" => {
            let body = sent.only(&["current_password", "password"]);
            let changed = accounts::change_password(&api, &visitor, &me, body).await;
            changed.map(|()| back_with("password"))
        }
        "email" => {
            let asked = accounts::ask_email(&api, &visitor, &me, sent.only(&["email", "password"])).await;
            asked.map(|user| back_with(if user.is_some() { "email" } else { "mailed" }))
        }
        "end" => end(&api, &visitor, &me, &sent).await.map(|()| back_with("ended")),
        "end-others" => {
            let who = visitor.oneself(&api, me.user.id);
            let ended = api.store.end_sessions(who, Some(me.session), api.clock.now()).await;
            ended.map(|_| back_with("ended")).map_err(ApiError::from)
        }
        "begin-totp" => {
            let begun = accounts::begin_totp(&api, &visitor, &me, sent.only(&["password"])).await;
            begun.map(|begun| app_to_scan(&begun))
        }
        "confirm-totp" => {
            accounts::confirm_totp(&api, &visitor, &me, sent.only(&["code"])).await.map(|codes| recovery(&codes))
        }
        "recovery-codes" => {
            let made = accounts::new_recovery_codes(&api, &visitor, &me, sent.only(&["password"])).await;
            made.map(|codes| recovery(&codes))
        }
        "end-totp" => {
            let ended = accounts::end_totp(&api, &visitor, &me, sent.only(&["password"])).await;
            ended.map(|()| back_with("totp"))
        }
        _ => Err(ApiError::not_found("Page")),
    };
    let error = match done {
        Ok(response) => return response,
        Err(error) => error,
    };
    match sheet(&api, &me, Some(&Wrong { action: &action, sent: &sent, error: &error })).await {
        Ok(sheet) => failed(&error, &sheet),
        Err(error) => failed(&error, &refusal(&error)),
    }
}

fn back_with(done: &str) -> Response {
    on_to(&format!("/account?done={done}"), std::iter::empty::<HeaderValue>())
}

async fn end(api: &Api, visitor: &Visitor, me: &Person, sent: &Sent) -> Result<(), ApiError> {
    let id = SessionId::parse(&sent.text("id")).map_err(|_| ApiError::not_found("Session"))?;
    api.store.end_session(visitor.oneself(api, me.user.id), id, api.clock.now()).await?;
    Ok(())
}

/// The secret of an app that is being set up, this once: whoever finds the browser open later does not get it.
fn app_to_scan(begun: &Begun) -> Response {
    let picture = format!("data:image/svg+xml;base64,{}", STANDARD.encode(&begun.picture));
    let section = Section {
        sentences: vec![
            "Scan this with your app, or type the secret into it; then type the six digits that it shows.".to_owned(),
        ],
        picture: Some((picture, "The QR code that your app reads".to_owned())),
        codes: vec![begun.secret.clone()],
        forms: vec![form("confirm-totp", vec![code_field()], "Confirm", None)],
        ..Section::default()
    };
    let sheet = Sheet { heading: "Your authenticator app".to_owned(), sections: vec![section], ..Sheet::default() };
    shown(&sheet, StatusCode::OK)
}

/// The codes for when the app is lost, this once.
fn recovery(codes: &[String]) -> Response {
    let section = Section {
        sentences: vec![
            "Your app is asked for its code from now on. Keep these recovery codes where you find them without it: each \
             opens your account once. They are not shown again."
                .to_owned(),
        ],
        codes: codes.to_vec(),
        links: vec![super::link("I have kept them", "/account")],
        ..Section::default()
    };
    let sheet = Sheet { heading: "Recovery codes".to_owned(), sections: vec![section], ..Sheet::default() };
    shown(&sheet, StatusCode::OK)
}

async fn sheet(api: &Arc<Api>, me: &Person, wrong: Option<&Wrong<'_>>) -> Result<Sheet, ApiError> {
    let account = accounts::own(api, &me.user).await?;
    let sessions = api.store.list_sessions(me.user.id, api.clock.now()).await?;
    let lately = api.store.list_activity(me.user.id, None, activity::LATELY).await?;
    let sections = vec![
        who(api, &account).await?,
        section(
            "Your name",
            vec![form("name", vec![Field { value: account.user.name.clone(), ..name_field() }], "Change it", wrong)],
        ),
        address(api, &account, wrong),
        section("Your password", vec![form("password", password_fields(&account), "Change it", wrong)]),
        second_factor(&account, wrong),
        signed_in(&sessions, me.session),
        activity::section(&lately.rows),
    ];
    Ok(Sheet {
        heading: "Your account".to_owned(),
        fault: wrong.filter(|wrong| wrong.error.details.is_empty()).map(|wrong| wrong.error.message.clone()),
        sections,
        ..Sheet::default()
    })
}

fn address(api: &Api, account: &Account, wrong: Option<&Wrong<'_>>) -> Section {
    const TITLE: &str = "Your address";
    if !email::may_ask(api, &account.user) {
        let sentence =
            "Whoever runs this installation can change it: no mail is sent here, so nobody can confirm another.";
        return Section { sentences: vec![sentence.to_owned()], ..section(TITLE, Vec::new()) };
    }
    section(TITLE, vec![form("email", with_password(account, email_field()), "Change it", wrong)])
}

/// A field, and the password beside it where there is one.
fn with_password(account: &Account, field: Field) -> Vec<Field> {
    let password = account.password_hash.as_ref().map(|_| password_field());
    std::iter::once(field).chain(password).collect()
}

fn password_fields(account: &Account) -> Vec<Field> {
    let current = field("current_password", "Present password", "password", "current-password");
    let current = account.password_hash.as_ref().map(|_| current);
    current.into_iter().chain([new_password_field()]).collect()
}

async fn who(api: &Api, account: &Account) -> Result<Section, ApiError> {
    let places = accounts::places(api, &account.user).await?;
    let places: Vec<_> = places.into_iter().map(|(place, role)| format!("{} ({role})", place.name)).collect();
    let places = if places.is_empty() { "None yet".to_owned() } else { places.join(", ") };
    let mut facts = vec![
        ("Name".to_owned(), account.user.name.clone()),
        ("Email".to_owned(), account.user.email.to_string()),
        ("Workspaces".to_owned(), places),
    ];
    if account.user.is_admin {
        facts.push(("Installation".to_owned(), "Yours to run".to_owned()));
    }
    Ok(Section { facts, forms: vec![form("sign-out", Vec::new(), "Sign out", None)], ..Section::default() })
}

fn second_factor(account: &Account, wrong: Option<&Wrong<'_>>) -> Section {
    const TITLE: &str = "Authenticator app";
    let password = || account.password_hash.iter().map(|_| password_field()).collect();
    if accounts::needs_code(account) {
        let left = format!("A code is asked for at each sign-in. {} recovery codes are left.", account.recovery_codes);
        let forms = vec![
            form("recovery-codes", password(), "Make new recovery codes", wrong),
            form("end-totp", password(), "Turn it off", wrong),
        ];
        return Section { sentences: vec![left], ..section(TITLE, forms) };
    }
    if account.factor.is_none() {
        let sentence = "With an app on your phone, a password that somebody found opens nothing.".to_owned();
        let forms = vec![form("begin-totp", password(), "Set it up", wrong)];
        return Section { sentences: vec![sentence], ..section(TITLE, forms) };
    }
    let sentence =
        "You have begun to set an app up. Type the six digits that it shows, or begin again with another secret.";
    let forms = vec![
        form("confirm-totp", vec![code_field()], "Confirm", wrong),
        form("begin-totp", password(), "Begin again", wrong),
    ];
    Section { sentences: vec![sentence.to_owned()], ..section(TITLE, forms) }
}

fn signed_in(sessions: &[Session], current: SessionId) -> Section {
    let said = |session: &Session| {
        let place = session.country.as_deref().map(|country| format!(", {country}")).unwrap_or_default();
        let this = if session.id == current { " (this one)" } else { "" };
        (format!("{}{place}{this}", session.device), format!("Last used {}", session.seen_at))
    };
    let others = sessions.iter().filter(|session| session.id != current);
    let mut forms: Vec<_> = others
        .map(|session| Form {
            hidden: vec![("id".to_owned(), session.id.to_string())],
            ..form("end", Vec::new(), &format!("End {}", session.device), None)
        })
        .collect();
    if forms.len() > 1 {
        forms.push(form("end-others", Vec::new(), "End all others", None));
    }
    Section { facts: sessions.iter().map(said).collect(), ..section("Where you are signed in", forms) }
}
