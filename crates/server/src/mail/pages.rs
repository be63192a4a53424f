//! The pages behind the links of letters: `/-/confirm/{word}`, `/-/unsubscribe/{word}`, `/-/receive/{word}` and
//! `/-/refuse/{word}`, on every host that is served.
//!
//! Opening a link changes nothing. Programs open every link of a letter before its reader does, to see where it leads, and
//! would confirm what nobody confirmed; so there is a page with a button, and what the button posts changes something. The
//! word in the address is the right to it, so these pages tell no other site of their address, and no cache keeps them.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use mask_core::{
    id::{RecipientId, SubscriberId},
    recipient::{Recipient, Standing},
};
use mask_store::Subscription;

use super::{Purpose, Unfit};
use crate::{
    api::Api,
    redirect::pages::{self, Ask},
};

/// The routes.
pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/-/confirm/{word}", get(ask_to_confirm).post(confirm))
        .route("/-/unsubscribe/{word}", get(ask_to_unsubscribe).post(unsubscribe))
        .route("/-/receive/{word}", get(ask_to_receive).post(receive))
        .route("/-/refuse/{word}", get(ask_to_refuse).post(refuse))
}

/// What is shown, and as what.
struct Shown(StatusCode, pages::Page);

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        let Self(status, page) = self;
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, page.content_security_policy),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::HeaderName::from_static("x-robots-tag"), "noindex"),
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
        response
    }
}

fn shown(status: StatusCode, ask: &Ask<'_>) -> Shown {
    Shown(status, pages::ask(ask))
}

/// There is nothing behind the link.
fn nothing(why: Unfit) -> Shown {
    let (status, heading, sentence) = match why {
        Unfit::Foreign => (
            StatusCode::NOT_FOUND,
            "Nothing to do here",
            "Either this was done already, or the address is not complete. Check that you opened all of the link.",
        ),
        Unfit::Expired => (
            StatusCode::GONE,
            "This link has expired",
            "Its week is over. What is done again on the page brings a new one.",
        ),
    };
    shown(status, &Ask { heading, sentence: sentence.into(), ..Ask::default() })
}

fn unavailable(error: &mask_store::Error) -> Shown {
    tracing::warn!(%error, "a link of a letter could not be looked up");
    let sentence = "We could not look this up just now. Try it again in a few seconds.".into();
    shown(StatusCode::SERVICE_UNAVAILABLE, &Ask { heading: "Back in a moment", sentence, ..Ask::default() })
}

/// Whom the word of an address is about.
fn read(api: &Api, purpose: Purpose, uri: &Uri) -> Result<u128, Shown> {
    let word = uri.path().rsplit('/').next().unwrap_or_default();
    api.letters.read(purpose, word, api.clock.now()).map_err(nothing)
}

/// Who that is.
async fn found(api: &Api, purpose: Purpose, uri: &Uri) -> Result<Subscription, Shown> {
    let id = SubscriberId::from_bits(read(api, purpose, uri)?);
    let found = api.store.subscription(id).await.map_err(|error| unavailable(&error))?;
    found.ok_or_else(|| nothing(Unfit::Foreign))
}

async fn ask_to_confirm(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let found = found(&api, Purpose::Confirm, &uri).await?;
    if found.subscriber.confirmed_at.is_some() {
        return Ok(confirmed(&api, &found));
    }
    let sentence = format!("Is {} your address, and do you want to hear from {}?", found.subscriber.email, found.title);
    Ok(shown(
        StatusCode::OK,
        &Ask {
            about: Some(&address(&api, &found)),
            heading: "Confirm your address",
            sentence: sentence.into(),
            button: Some("Yes, confirm"),
            link: None,
        },
    ))
}

async fn confirm(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let id = SubscriberId::from_bits(read(&api, Purpose::Confirm, &uri)?);
    let done = api.store.confirm_subscriber(id, api.clock.now()).await.map_err(|error| unavailable(&error))?;
    Ok(done.map_or_else(|| nothing(Unfit::Foreign), |found| confirmed(&api, &found)))
}

fn confirmed(api: &Api, found: &Subscription) -> Shown {
    let sentence = format!("{} is confirmed: you will hear from {}.", found.subscriber.email, found.title);
    let path = api.letters.unsubscribe_path(found.subscriber.id);
    shown(
        StatusCode::OK,
        &Ask {
            about: Some(&address(api, found)),
            heading: "Thank you",
            sentence: sentence.into(),
            button: None,
            link: Some(("Changed your mind? Unsubscribe here, now or later", &path)),
        },
    )
}

async fn ask_to_unsubscribe(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let found = found(&api, Purpose::Unsubscribe, &uri).await?;
    let sentence = format!("{} will be taken off the list of {}, and forgotten.", found.subscriber.email, found.title);
    Ok(shown(
        StatusCode::OK,
        &Ask {
            about: Some(&address(&api, &found)),
            heading: "Unsubscribe",
            sentence: sentence.into(),
            button: Some("Unsubscribe"),
            link: None,
        },
    ))
}

async fn unsubscribe(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let id = SubscriberId::from_bits(read(&api, Purpose::Unsubscribe, &uri)?);
    let was_there = api.store.unsubscribe(id).await.map_err(|error| unavailable(&error))?;
    if !was_there {
        return Ok(nothing(Unfit::Foreign));
    }
    let sentence = "Your address is off the list, and forgotten.".into();
    Ok(shown(StatusCode::OK, &Ask { heading: "You are unsubscribed", sentence, ..Ask::default() }))
}

/// Whose address a link is about.
async fn recipient(api: &Api, purpose: Purpose, uri: &Uri) -> Result<Recipient, Shown> {
    let id = RecipientId::from_bits(read(api, purpose, uri)?);
    let found = api.store.recipient(id).await.map_err(|error| unavailable(&error))?;
    found.ok_or_else(|| nothing(Unfit::Foreign))
}

/// Writes down what they want.
async fn settle(api: &Api, purpose: Purpose, uri: &Uri, standing: Standing) -> Result<Recipient, Shown> {
    let id = RecipientId::from_bits(read(api, purpose, uri)?);
    let settled = api.store.settle_recipient(id, standing).await.map_err(|error| unavailable(&error))?;
    settled.ok_or_else(|| nothing(Unfit::Foreign))
}

async fn ask_to_receive(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let found = recipient(&api, Purpose::Receive, &uri).await?;
    let sentence = format!("Shall messages that visitors leave on the page be mailed to {}?", found.email);
    let button = Some("Yes, mail them to me");
    Ok(shown(StatusCode::OK, &Ask { heading: "Messages by mail", sentence: sentence.into(), button, ..Ask::default() }))
}

async fn receive(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let found = settle(&api, Purpose::Receive, &uri, Standing::Welcoming).await?;
    let sentence = format!("From now on messages are mailed to {}. Each of them has a link that ends it.", found.email);
    Ok(shown(StatusCode::OK, &Ask { heading: "Thank you", sentence: sentence.into(), ..Ask::default() }))
}

async fn ask_to_refuse(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    let found = recipient(&api, Purpose::Refuse, &uri).await?;
    let sentence = format!("Shall no more messages of visitors be mailed to {}?", found.email);
    let button = Some("No more of them");
    Ok(shown(StatusCode::OK, &Ask { heading: "No more messages", sentence: sentence.into(), button, ..Ask::default() }))
}

async fn refuse(State(api): State<Arc<Api>>, uri: Uri) -> Result<Shown, Shown> {
    settle(&api, Purpose::Refuse, &uri, Standing::Refusing).await?;
    let sentence = "No more of these letters are sent to you, and you are not asked again.".into();
    Ok(shown(StatusCode::OK, &Ask { heading: "It is done", sentence, ..Ask::default() }))
}

/// The page's address, as people say it.
fn address(api: &Api, found: &Subscription) -> String {
    let url = api.redirects.short_url(&found.domain, &found.slug);
    url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned()
}
