//! The page behind the link of an invitation: `/invitation/{word}`, on the application's host.
//!
//! It works without JavaScript, and opening it changes nothing: mail programs open every link before its reader does. Who is signed
//! in with the address that was invited finds a button. Who has an account is sent to sign in first. Who has none makes one right
//! here, also where signing up is closed to others: whoever invites has vouched for the mailbox, and whoever reads its mail has the
//! link. Account, session and place in the workspace are made in one transaction with the end of the invitation.
//!
//! The word in the address is the right to all this, so no other site is told of the address and no cache keeps the page. Our own
//! may be told (`same-origin`): with `no-referrer` browsers would say `Origin: null` with the form, and then it could not be told
//! from one that another site sends.

use std::{borrow::Cow, sync::Arc};

use askama::Template;
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use mask_core::{
    Refused,
    id::{MemberId, UserId},
    password,
    person::{self, Word},
    role::Role,
    workspace::Workspace,
};
use mask_store::{NewUser, Oneself, Opened, Uninvited};

use crate::{
    accounts::{self, Visitor},
    api::{
        Api,
        error::Code,
        gate::Seen,
        session::{self, Person},
    },
    redirect::pages::{self, Ask, ICON, MARK, style},
};

/// Most bytes of what is posted: a name and a password, each byte of them written as three.
const MOST_BYTES: usize = 8 << 10;

/// The routes.
pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/invitation/{word}", get(show).post(join))
}

/// What the form shows.
#[derive(Debug, Default)]
pub(crate) struct Form<'a> {
    /// Where to.
    pub(crate) workspace: &'a str,
    /// As what, with its article.
    pub(crate) role: &'static str,
    /// For whom.
    pub(crate) email: &'a str,
    /// What was typed as their name.
    pub(crate) name: &'a str,
    /// What is wrong with it.
    pub(crate) name_fault: Option<Refused>,
    /// What is wrong with the password.
    pub(crate) password_fault: Option<Refused>,
}

impl Form<'_> {
    fn has_faults(&self) -> bool {
        self.name_fault.is_some() || self.password_fault.is_some()
    }
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct FormTemplate<'a> {
    form: &'a Form<'a>,
}

/// A page, and what goes with it.
struct Shown {
    status: StatusCode,
    page: pages::Page,
    cookies: Vec<HeaderValue>,
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        let Self { status, page, cookies } = self;
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, page.content_security_policy),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
        ];
        let mut response = (status, page.html).into_response();
        for (name, value) in headers {
            // In the place of what is there, and not beside it: a text says that it is plain.
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        for cookie in cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

fn shown(status: StatusCode, ask: &Ask<'_>) -> Shown {
    Shown { status, page: pages::ask(ask), cookies: Vec::new() }
}

fn said(status: StatusCode, heading: &str, sentence: impl Into<Cow<'static, str>>) -> Shown {
    shown(status, &Ask { heading, sentence: sentence.into(), ..Ask::default() })
}

fn nothing() -> Shown {
    let sentence = "This invitation was used already, was taken back, or is older than a week. Ask whoever invited you for a new one.";
    said(StatusCode::NOT_FOUND, "Nothing to do here", sentence)
}

fn foreign() -> Shown {
    let sentence = "You are signed in with another address than the one that this invitation was sent to. Sign out, then open the link again.";
    said(StatusCode::FORBIDDEN, "This invitation is for somebody else", sentence)
}

fn unavailable(error: &dyn std::fmt::Display) -> Shown {
    tracing::warn!(%error, "an invitation could not be looked up");
    let sentence = "We could not look this up just now. Try it again in a few seconds.";
    said(StatusCode::SERVICE_UNAVAILABLE, "Back in a moment", sentence)
}

/// What an invitation leads to, and who has opened it.
struct Visit {
    word: Word,
    opened: Opened,
    person: Option<Person>,
}

impl Visit {
    async fn of(api: &Arc<Api>, word: &str, headers: &HeaderMap) -> Result<Self, Shown> {
        let word = Word::parse(word).map_err(|_| nothing())?;
        let opened = api.store.open_invitation(word.hash(), api.clock.now()).await;
        let opened = opened.map_err(|error| unavailable(&error))?.ok_or_else(nothing)?;
        // A session that has ended is none; where it came from is looked at when something is to be changed.
        let person = match session::identify(api, &Method::GET, headers).await {
            Ok(person) => person,
            Err(error) if error.code == Code::Unavailable => return Err(unavailable(&error.message)),
            Err(_) => None,
        };
        Ok(Self { word, opened, person })
    }

    fn is_theirs(&self, person: &Person) -> bool {
        person.user.email.key() == self.opened.invitation.email.key()
    }

    /// The page for who has opened it.
    fn page(&self) -> Shown {
        match &self.person {
            Some(person) if self.is_theirs(person) => self.ask_to_join(),
            Some(_) => foreign(),
            None if self.opened.has_account => self.ask_to_sign_in(),
            None => self.form(StatusCode::OK, Form::default()),
        }
    }

    fn ask_to_join(&self) -> Shown {
        let Opened { invitation, workspace, .. } = &self.opened;
        let heading = format!("Join {}", workspace.name);
        let sentence = format!("You are invited as {}.", with_article(invitation.role)).into();
        let about = Some(invitation.email.as_str());
        shown(StatusCode::OK, &Ask { about, heading: &heading, sentence, button: Some("Join"), link: None })
    }

    fn ask_to_sign_in(&self) -> Shown {
        let Opened { invitation, workspace, .. } = &self.opened;
        let heading = format!("Join {}", workspace.name);
        let sentence =
            "You have an account with this address. Sign in, then open the link of the invitation again.".into();
        let (about, link) = (Some(invitation.email.as_str()), Some(("Sign in", "/sign-in")));
        shown(StatusCode::OK, &Ask { about, heading: &heading, sentence, button: None, link })
    }

    fn form(&self, status: StatusCode, form: Form<'_>) -> Shown {
        let Opened { invitation, workspace, .. } = &self.opened;
        let (role, email) = (with_article(invitation.role), invitation.email.as_str());
        let form = Form { workspace: &workspace.name, role, email, ..form };
        Shown { status, page: pages::own_form(&FormTemplate { form: &form }), cookies: Vec::new() }
    }
}

const fn with_article(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer",
        Role::Member => "a member",
        Role::Admin => "an admin",
        Role::Owner => "an owner",
    }
}

/// Nothing is shown in the clear that somebody might type a password into.
fn in_clear(api: &Api, seen: &Seen) -> Option<Shown> {
    let sentence = "This page is shown over https only. Open the link again, with https.";
    let is_exposed = !api.is_local && !seen.client.is_https;
    is_exposed.then(|| said(StatusCode::FORBIDDEN, "Not without encryption", sentence))
}

/// The last part of the path. What is none of our words is none, whatever it is made of.
fn word(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

async fn show(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Extension(seen): Extension<Seen>,
    headers: HeaderMap,
) -> Result<Shown, Shown> {
    if let Some(refused) = in_clear(&api, &seen) {
        return Err(refused);
    }
    Visit::of(&api, word(&uri), &headers).await.map(|visit| visit.page())
}

async fn join(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Extension(seen): Extension<Seen>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Body,
) -> Result<Shown, Shown> {
    if let Some(refused) = in_clear(&api, &seen) {
        return Err(refused);
    }
    if !session::comes_from_us(&api, &headers) {
        let sentence =
            "This was sent by another page than ours. Open the link of the invitation, and press the button there.";
        return Err(said(StatusCode::FORBIDDEN, "This did not come from here", sentence));
    }
    let visit = Visit::of(&api, word(&uri), &headers).await?;
    match &visit.person {
        Some(person) if visit.is_theirs(person) => accept(&api, &visit, visitor.oneself(&api, person.user.id)).await,
        None if !visit.opened.has_account => make_account(&api, &visit, &visitor, body).await,
        _ => Ok(visit.page()),
    }
}

async fn accept(api: &Api, visit: &Visit, who: Oneself) -> Result<Shown, Shown> {
    let now = api.clock.now();
    let place = MemberId::from_bits(api.ids.next(now));
    let accepted = api.store.accept_invitation(visit.word.hash(), who, place, now, None).await;
    match accepted.map_err(|error| unavailable(&error))? {
        mask_store::Once::Done(done) => done.map(|joined| welcome(&joined)).map_err(refused),
        // Nothing is kept of it, so nothing is repeated.
        mask_store::Once::Replayed(_) | mask_store::Once::KeyReused => Err(nothing()),
    }
}

async fn make_account(api: &Api, visit: &Visit, visitor: &Visitor, body: Body) -> Result<Shown, Shown> {
    let (name, password) = read(api, body).await?;
    let about = [visit.opened.invitation.email.as_str(), &name];
    let (parsed_name, parsed_password) = (person::parse_name(&name), password::parse(&password, &about));
    let (parsed_name, password) = match (parsed_name, parsed_password) {
        (Ok(name), Ok(password)) => (name, password),
        (name_read, password_read) => {
            let form = Form {
                name: &name,
                name_fault: name_read.err(),
                password_fault: password_read.err(),
                ..Form::default()
            };
            return Err(visit.form(StatusCode::UNPROCESSABLE_ENTITY, form));
        }
    };
    let hash = api.passwords.hash(password).await.map_err(|error| unavailable(&error))?;
    let now = api.clock.now();
    let user = NewUser {
        id: UserId::from_bits(api.ids.next(now)),
        email: visit.opened.invitation.email.clone(),
        name: parsed_name,
        password_hash: Some(hash),
        is_admin: false,
        now,
    };
    let (session, cookies) = accounts::new_session(api, visitor, (user.id, &user.email));
    let place = MemberId::from_bits(api.ids.next(now));
    let joined = api.store.accept_as_new(visit.word.hash(), user, session, place).await;
    let joined = joined.map_err(|error| unavailable(&error))?.map_err(refused)?;
    Ok(Shown { cookies: cookies.into(), ..welcome(&joined) })
}

fn welcome((workspace, role): &(Workspace, Role)) -> Shown {
    let sentence = format!("You are {} of {} now.", with_article(*role), workspace.name);
    said(StatusCode::OK, "Welcome", sentence)
}

fn refused(why: Uninvited) -> Shown {
    match why {
        Uninvited::Foreign => foreign(),
        Uninvited::Known => said(StatusCode::CONFLICT, "You are there already", "You are in this workspace already."),
        // Somebody made it a moment ago, or used the invitation.
        Uninvited::Absent
        | Uninvited::HasAccount
        | Uninvited::TooMany
        | Uninvited::MailboxFull(_)
        | Uninvited::WorkspaceFull(_)
        | Uninvited::Unallowed(_) => nothing(),
    }
}

/// Name and password, as they were typed.
async fn read(api: &Api, body: Body) -> Result<(String, String), Shown> {
    let unread = || said(StatusCode::BAD_REQUEST, "Not a valid request", "What was sent is not what our form sends.");
    let late = || {
        said(StatusCode::REQUEST_TIMEOUT, "That took too long", "What you sent did not arrive in time. Try it again.")
    };
    let reading = tokio::time::timeout(api.body_timeout, axum::body::to_bytes(body, MOST_BYTES));
    let bytes = reading.await.map_err(|_| late())?.map_err(|_| unread())?;
    let field = |wanted: &str| {
        let mut fields = url::form_urlencoded::parse(&bytes);
        fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    Ok((field("name"), field("password")))
}
