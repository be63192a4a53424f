//! The two addresses of signing in elsewhere: the one that leads there, and the one that the provider sends people back to.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, State},
    response::Response,
};
use hyper::HeaderMap;

use super::{failed, link, on_to, refusal};
use crate::{
    accounts::{
        self, Visitor,
        elsewhere::{self, Elsewhere},
    },
    api::{
        Api,
        error::{ApiError, Code},
        session,
    },
    oidc,
    redirect::pages::Section,
};

type Parameters = Query<HashMap<String, String>>;

fn provider(api: &Api) -> Result<&Elsewhere, ApiError> {
    let none = || ApiError::new(Code::NotFound, "This installation has no other place to sign in.");
    api.accounts.elsewhere.as_ref().ok_or_else(none)
}

pub(super) async fn start(State(api): State<Arc<Api>>, Query(asked): Parameters) -> Response {
    let then = asked.get("then").map(String::as_str).unwrap_or_default();
    let left = match provider(&api) {
        Ok(provider) => elsewhere::leave(&api, provider, then).await,
        Err(why) => Err(why),
    };
    match left {
        Ok((url, cookie)) => on_to(url.as_str(), [cookie]),
        Err(error) => failed(&error, &refusal(&error)),
    }
}

pub(super) async fn callback(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(said): Parameters,
) -> Response {
    match come_back(&api, &visitor, &headers, &said).await {
        // A ticket is for one answer.
        Ok((accounts::SignedIn { cookies, .. }, then)) => {
            on_to(&then, cookies.into_iter().chain([elsewhere::ticket_cookie(&api, "", 0)]))
        }
        Err(error) => {
            let mut sheet = refusal(&error);
            let links = vec![link("Back to sign in", "/sign-in")];
            sheet.sections.push(Section { links, ..Section::default() });
            failed(&error, &sheet)
        }
    }
}

async fn come_back(
    api: &Arc<Api>,
    visitor: &Visitor,
    headers: &HeaderMap,
    said: &HashMap<String, String>,
) -> Result<(accounts::SignedIn, String), ApiError> {
    let provider = provider(api)?;
    let word = |name: &str| said.get(name).map(String::as_str).unwrap_or_default();
    if said.contains_key("error") {
        // Somebody who says no there, or may not. The reason is the provider's text, and not for our page.
        tracing::info!(error = word("error"), "the provider of identities let somebody not through");
        return Err(ApiError::new(Code::Forbidden, "The sign-in service did not let you through."));
    }
    let cookie = session::cookie(headers, oidc::COOKIE).unwrap_or_default();
    elsewhere::come_back(api, provider, visitor, (cookie, word("state"), word("code"))).await
}
