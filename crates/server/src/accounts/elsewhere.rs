//! Signing in by way of a provider of identities that the operator has named: to it, and back from it.
//!
//! Whom the provider knows is let in as the account that they were the last time, or the first time as the one with their
//! address, or as a new one where the settings say so. What their groups stand for is what they are in the workspaces that
//! the settings name. A code of the app is not asked for as well: how sure a provider makes itself of people is its own affair.

use std::sync::Arc;

use hyper::header::HeaderValue;
use mask_core::{
    federation::{self, Grant},
    id::{MemberId, UserId},
};
use mask_store::{NewIdentity, Shown, Unidentified};
use url::Url;

use super::{SignedIn, Visitor, begin};
use crate::{
    api::{
        Api,
        error::{ApiError, Code},
    },
    clock::Clock,
    config::Config,
    oidc::{self, Failed, Known, Provider, Ticket},
    outbound::AuthoritiesError,
};

/// The provider, and what the settings say of whom it knows.
#[derive(Debug)]
pub struct Elsewhere {
    /// What stands on the button that leads there.
    pub button: String,
    provider: Provider,
    grants: Vec<Grant>,
    mail_domains: Vec<String>,
    creates_accounts: bool,
}

impl Elsewhere {
    /// As the settings say; `None` where they name no provider.
    pub fn of(config: &Config, clock: Clock) -> Result<Option<Self>, AuthoritiesError> {
        let redirect_uri = format!("{}/auth/oidc/callback", config.server.public_url.as_str().trim_end_matches('/'));
        let provider = Provider::of(&config.oidc, &config.outbound, redirect_uri, clock)?;
        Ok(provider.map(|provider| Self {
            button: config.oidc.button.clone(),
            provider,
            grants: config.oidc.roles.clone(),
            mail_domains: config.oidc.mail_domains.clone(),
            creates_accounts: config.oidc.creates_accounts,
        }))
    }

    fn admits(&self, known: &Known) -> bool {
        let domain = known.email.as_str().rsplit('@').next().unwrap_or_default();
        self.mail_domains.is_empty() || self.mail_domains.iter().any(|admitted| admitted == domain)
    }
}

/// Where a browser goes to sign in, and the cookie that it takes along; `then` is a path of ours to which it wants to go.
pub async fn leave(api: &Api, elsewhere: &Elsewhere, then: &str) -> Result<(Url, HeaderValue), ApiError> {
    let ticket = Ticket::new(then, api.clock.now());
    let url = elsewhere.provider.address(&ticket).await.map_err(|why| refused(&why))?;
    Ok((url, ticket_cookie(api, &ticket.seal(&api.vault), oidc::GOOD_FOR.as_secs())))
}

/// Signs in whoever came back with this code and this word, in a browser with this cookie; says where they wanted to go.
pub async fn come_back(
    api: &Arc<Api>,
    elsewhere: &Elsewhere,
    visitor: &Visitor,
    (cookie, state, code): (&str, &str, &str),
) -> Result<(SignedIn, String), ApiError> {
    let now = api.clock.now();
    let ticket = Ticket::open(cookie, state, &api.vault, now).ok_or_else(|| {
        ApiError::new(
            Code::Forbidden,
            "This answer is not to a question of this browser, or it came too late. Begin again.",
        )
    })?;
    let known = elsewhere.provider.known(code, &ticket).await.map_err(|why| refused(&why))?;
    if !elsewhere.admits(&known) {
        return Err(ApiError::new(Code::Forbidden, "People with addresses of this domain are not let in here."));
    }
    let member = || MemberId::from_bits(api.ids.next(now));
    let roles = federation::roles(&elsewhere.grants, &known.groups);
    let local = known.email.as_str().split('@').next().unwrap_or_default().to_owned();
    let new = NewIdentity {
        roles: roles.into_iter().map(|(slug, role)| (member(), slug.to_owned(), role)).collect(),
        new_user: elsewhere.creates_accounts.then(|| UserId::from_bits(api.ids.next(now))),
        issuer: known.issuer,
        subject: known.subject,
        email: known.email,
        name: known.name.unwrap_or(local),
        whence: visitor.whence(api),
        now,
    };
    let user = api.store.identify(new).await?.map_err(kept_out)?;
    let signed_in = begin(api, visitor, user, Shown::Elsewhere).await?;
    Ok((signed_in.ok_or_else(|| kept_out(Unidentified::Disabled))?, ticket.then))
}

/// The cookie of tickets, with this in it. The answer comes from another site, so it must go along from there.
pub fn ticket_cookie(api: &Api, value: &str, lasts_s: u64) -> HeaderValue {
    let (name, secure) = (oidc::COOKIE, if api.is_local { "" } else { "; Secure" });
    let text = format!("{name}={value}; Path=/auth/oidc; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("base64 can stand in a header")
}

/// What a visitor is told. What the operator can do something about is in the log.
fn refused(why: &Failed) -> ApiError {
    tracing::warn!(%why, "somebody could not be signed in by the provider of identities");
    match why {
        Failed::Away(_) => {
            ApiError::new(Code::Unavailable, "The sign-in service cannot be reached just now. Try again in a moment.")
        }
        Failed::Refused(_) | Failed::Unsound(_) => ApiError::new(
            Code::Forbidden,
            "The sign-in service did not confirm who you are. Begin again; if that does not help, ask the administrator.",
        ),
        Failed::Unverified => ApiError::new(
            Code::Forbidden,
            "The sign-in service does not say that your address of mail is yours. Confirm it there, and come back.",
        ),
    }
}

fn kept_out(why: Unidentified) -> ApiError {
    let sentence = match why {
        Unidentified::Stranger => "There is no account with your address. Ask for an invitation.",
        Unidentified::NotSetUp => "This installation has no account yet. Its first is made with the set-up link.",
        Unidentified::Disabled => "Your account is disabled. Ask the administrator.",
    };
    ApiError::new(Code::Forbidden, sentence)
}
