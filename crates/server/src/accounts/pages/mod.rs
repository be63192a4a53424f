//! The pages of accounts, on the application's host: complete without a script, in the look of the others.
//!
//! A form is posted to the page's own address and answered by a 303 where all is well, or by the same page with what was
//! typed and what is wrong. Its fields are made into the members of a body ([`Sent`]), and what the operation of the API
//! does with that is done here too. Nothing is taken that no page of ours sent.
//!
//! Addresses may have a word of a link in them, so no page sends more of its address elsewhere than our own name
//! (`strict-origin`). `no-referrer` would be stricter by that name, but then browsers say `Origin: null` with a form, and
//! whose form it is could not be told.

mod account;
mod activity;
mod elsewhere;
mod entry;
mod links;

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use mask_core::person::Word;
use serde_json::{Map, Value};

use crate::{
    api::{
        Api,
        error::{ApiError, Code},
        gate::Seen,
        limit::Caller,
        request::read,
        session::{self, Person},
    },
    redirect::pages::{self, Field, Form, Section, Sheet},
};

/// The pages that people type the addresses of.
const PAGES: [&str; 8] = [
    "/setup",
    "/sign-in",
    "/sign-in/code",
    "/sign-up",
    "/forgot-password",
    "/new-password",
    "/confirm-email",
    "/account",
];

/// The routes.
pub fn routes(api: &Arc<Api>) -> Router<Arc<Api>> {
    let slashed =
        PAGES.iter().fold(Router::new(), |router, page| router.route(&format!("{page}/"), get(without_slash)));
    slashed
        .route("/setup", get(entry::set_up_page).post(entry::set_up))
        .route("/sign-in", get(entry::sign_in_page).post(entry::sign_in))
        .route("/sign-in/code", get(entry::code_page).post(entry::code))
        .route("/sign-up", get(entry::sign_up_page).post(entry::sign_up))
        .route("/forgot-password", get(links::forgot_page).post(links::forgot))
        .route("/new-password", get(links::new_password_page).post(links::new_password))
        .route("/confirm-email", get(links::confirm_page).post(links::confirm))
        .route("/auth/oidc/start", get(elsewhere::start))
        .route("/auth/oidc/callback", get(elsewhere::callback))
        .route("/account", get(account::page))
        .route("/account/{action}", get(account::back).post(account::change))
        .layer(middleware::from_fn_with_state(Arc::clone(api), guard))
}

/// Sends whoever has typed a slash too many to the page that they mean.
async fn without_slash(uri: Uri) -> Response {
    let (path, query) = (uri.path().trim_end_matches('/'), uri.query());
    on_to(&query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")), [])
}

/// What stands before each page: nothing in clear, nothing too often, nothing that another site sent.
async fn guard(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let Some(seen) = request.extensions().get::<Seen>() else { return ApiError::internal().into_response() };
    if !api.is_local && !seen.client.is_https {
        let message =
            "This page is shown over https only. If a proxy in front of Mask encrypts, name it in proxy.trusted.";
        return shown(&refusal(&ApiError::new(Code::Forbidden, message)), StatusCode::FORBIDDEN);
    }
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_harmless {
        let standing = api.limits.count(Caller::at(seen.client.address), api.clock.now());
        if !standing.is_within() {
            let error = ApiError::rate_limited(standing.retry_after_seconds());
            return failed(&error, &refusal(&error));
        }
        if !session::comes_from_us(&api, request.headers()) {
            let message = format!(
                "This was sent by another site, or by this one under another name. Open {} and try again.",
                api.accounts.public_url
            );
            let error = ApiError::new(Code::Forbidden, message);
            return failed(&error, &refusal(&error));
        }
    }
    next.run(request).await
}

/// A page that only says what is wrong.
fn refusal(error: &ApiError) -> Sheet {
    Sheet { heading: "This does not work".to_owned(), fault: Some(error.message.clone()), ..Sheet::default() }
}

/// A page as an answer.
fn shown(sheet: &Sheet, status: StatusCode) -> Response {
    let page = pages::sheet(sheet);
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page.content_security_policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "strict-origin"),
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
    response
}

/// A page that says what is wrong, with the status of that.
fn failed(error: &ApiError, sheet: &Sheet) -> Response {
    let mut response = shown(sheet, error.status());
    if let Some(seconds) = error.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Sends a browser on to a page of ours, perhaps with a cookie.
fn on_to(path: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(path).map(|path| (header::LOCATION, path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// What was sent with a form: its fields as the members of a body. A field that was left empty is not there.
#[derive(Clone, Debug, Default)]
struct Sent(Map<String, Value>);

impl FromRequest<Arc<Api>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let refused = |error: ApiError| failed(&error, &refusal(&error));
        // Of the kinds that a form of somebody else could send, this alone is ours, and the guard has seen whose it is.
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(refused(ApiError::new(Code::UnsupportedMediaType, "Forms are sent as browsers send them.")));
        }
        let body = read(api, request.into_body(), api.max_body_bytes).await.map_err(refused)?;
        let fields = url::form_urlencoded::parse(&body).filter(|(_, value)| !value.is_empty());
        Ok(Self(fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()))
    }
}

impl Sent {
    /// What was typed into a field.
    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The members of these names alone: browsers' extensions send fields of their own.
    fn only(&self, names: &[&str]) -> Value {
        let kept = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// The word of an address (`?word=`), if there is one.
#[derive(Clone, Debug)]
struct Asked(Option<Word>);

impl<T: Sync> FromRequestParts<T> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let word = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "word");
        Ok(Self(word.and_then(|(_, word)| Word::parse(&word).ok())))
    }
}

/// Whoever is signed in, if anybody is.
async fn person(api: &Arc<Api>, headers: &HeaderMap) -> Option<Person> {
    // The guard has seen that it comes from us, whatever it asks for.
    session::identify(api, &Method::GET, headers).await.ok().flatten()
}

/// A page of one form, as it is first shown and as it is shown again.
struct Plain {
    heading: &'static str,
    sentence: String,
    fields: Vec<Field>,
    button: &'static str,
    links: Vec<(String, String)>,
}

impl Plain {
    /// The page, with what was typed and what is wrong.
    fn sheet(self, sent: &Sent, error: Option<&ApiError>) -> Sheet {
        let fields = self.fields.into_iter().map(|field| filled(field, sent, error)).collect();
        let form = Form { fields, button: self.button.to_owned(), ..Form::default() };
        let section =
            Section { sentences: vec![self.sentence], forms: vec![form], links: self.links, ..Section::default() };
        Sheet {
            heading: self.heading.to_owned(),
            fault: error.filter(|error| error.details.is_empty()).map(|error| error.message.clone()),
            sections: vec![section],
            ..Sheet::default()
        }
    }

    /// The page as an answer.
    fn answer(self, sent: &Sent, error: Option<&ApiError>) -> Response {
        let sheet = self.sheet(sent, error);
        match error {
            Some(error) => failed(error, &sheet),
            None => shown(&sheet, StatusCode::OK),
        }
    }
}

/// A field with what was typed into it, unless that is secret, and what is wrong with it.
fn filled(field: Field, sent: &Sent, error: Option<&ApiError>) -> Field {
    let details = error.map(|error| error.details.as_slice()).unwrap_or_default();
    let fault = details.iter().find(|detail| detail.field == field.name).map(|detail| format!("{}.", detail.message));
    let typed = if field.kind == "password" { String::new() } else { sent.text(field.name) };
    Field { value: if typed.is_empty() { field.value } else { typed }, fault, ..field }
}

fn email_field() -> Field {
    field("email", "Email", "email", "username")
}

fn name_field() -> Field {
    field("name", "Your name", "text", "name")
}

fn password_field() -> Field {
    field("password", "Password", "password", "current-password")
}

fn new_password_field() -> Field {
    let hint = "At least 8 characters. A few words are easy to remember and hard to find.";
    Field { hint: Some(hint), ..field("password", "New password", "password", "new-password") }
}

fn code_field() -> Field {
    field("code", "Code", "text", "one-time-code")
}

fn field(name: &'static str, label: &'static str, kind: &'static str, autocomplete: &'static str) -> Field {
    Field { name, id: name.to_owned(), label, kind, autocomplete, ..Field::default() }
}

fn link(text: &str, path: &str) -> (String, String) {
    (text.to_owned(), path.to_owned())
}
