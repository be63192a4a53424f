//! The provider: where people sign in who do not sign in here.
//!
//! The operator names it by its issuer, and all else is read from there (OpenID Connect Discovery 1.0 §4) and kept for an
//! hour; its keys too, and they are read again when a token names one that is not among them, but not more often than once a
//! minute. A provider that is away makes nobody's session end; nobody new can come by way of it meanwhile, and is told so.
//!
//! Who somebody is stands in a signed token. What they are called, where they are written to and what groups they are in may stand
//! there too, or else where a provider answers whoever has the token's companion (UserInfo, OpenID Connect Core 1.0 §5.3):
//! strict providers keep it out of the token. It is asked for what the token leaves out, and believed for the same person alone.
//!
//! What it says of somebody counts if all of this holds (OpenID Connect Core 1.0 §3.1.3.7): one of its keys has signed it, it
//! is from this issuer, for us alone, not over, made lately, and with the word that this browser's ticket asked for. An
//! address counts if the provider says that it was verified.

mod said;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderValue},
};
use mask_core::{mail::Address, time::Time};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use super::{
    jwt::{Claims, Keys, Unsound},
    ticket::Ticket,
};
use crate::{
    clock::Clock,
    config::{self, SecretText},
    outbound::{AuthoritiesError, Body, Outbound, Outgoing, System},
};

/// How long what a provider says of itself holds.
const HOLDS: Duration = Duration::from_hours(1);
/// How often its keys are read again because of a token.
const REST: Duration = Duration::from_mins(1);
/// How far its clock may be from ours.
const SKEW: Duration = Duration::from_mins(2);
/// The most that is read of an answer.
const MOST_BYTES: usize = 512 * 1024;
/// Most groups of one person that are looked at.
const MOST_GROUPS: usize = 1000;

/// Why somebody could not be signed in by the provider.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It did not answer, or nothing that could be understood.
    #[error("the provider of identities cannot be asked: {0}")]
    Away(String),
    /// It does not take what we brought: the code was used, or the client is not known there.
    #[error("the provider of identities refuses: {0}")]
    Refused(String),
    /// What it says is not worth anything.
    #[error("what the provider of identities says cannot be trusted: {0}")]
    Unsound(String),
    /// It knows them, and not that the address is theirs.
    #[error("the provider of identities names no verified address of mail")]
    Unverified,
}

impl From<Unsound> for Failed {
    fn from(why: Unsound) -> Self {
        Self::Unsound(why.to_string())
    }
}

/// Somebody, as the provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who says so.
    pub issuer: String,
    /// Their name there, which never changes.
    pub subject: String,
    /// Their address, which is theirs.
    pub email: Address,
    /// What they are called.
    pub name: Option<String>,
    /// The groups that they are in.
    pub groups: Vec<String>,
}

/// What a provider says of itself, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What a code is exchanged for, as far as it is read.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// A provider as it was when it was asked.
#[derive(Clone)]
struct Asked {
    document: Arc<Document>,
    keys: Arc<Keys>,
    at: Time,
}

/// See the module.
pub struct Provider {
    issuer: Url,
    client_id: String,
    client_secret: SecretText,
    scopes: String,
    groups_claim: String,
    redirect_uri: String,
    clock: Clock,
    outbound: Outbound,
    asked: Mutex<Option<Asked>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.issuer)
    }
}

impl Provider {
    /// The one of the settings, which answers to `redirect_uri`; `None` where there is none.
    pub fn of(
        settings: &config::Oidc,
        outbound: &config::Outbound,
        redirect_uri: String,
        clock: Clock,
    ) -> Result<Option<Self>, AuthoritiesError> {
        let Some(issuer) = settings.issuer.clone() else { return Ok(None) };
        // It is the operator who chose it, and it may well be a machine of their own network.
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
        let outbound = config::Outbound { allow_networks: everywhere, ..outbound.clone() };
        Ok(Some(Self {
            issuer,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            scopes: settings.scopes.clone(),
            groups_claim: settings.groups_claim.clone(),
            redirect_uri,
            clock,
            outbound: Outbound::new(&outbound, Arc::new(System::default()))?,
            asked: Mutex::default(),
        }))
    }

    /// Where a browser with this ticket goes to sign in.
    pub async fn address(&self, ticket: &Ticket) -> Result<Url, Failed> {
        let asked = self.ask().await?;
        let mut url = Url::parse(&asked.document.authorization_endpoint).map_err(|error| away(&error))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.scopes)
            .append_pair("state", ticket.state())
            .append_pair("nonce", ticket.nonce())
            .append_pair("code_challenge", &ticket.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who came back with this code, in the browser with this ticket.
    pub async fn known(&self, code: &str, ticket: &Ticket) -> Result<Known, Failed> {
        let asked = self.ask().await?;
        let tokens = self.exchange(&asked.document, code, ticket).await?;
        let mut claims = match asked.keys.claims(&tokens.id_token) {
            // It may have new keys.
            Err(Unsound::UnknownKey) => self.ask_again(asked.at).await?.keys.claims(&tokens.id_token)?,
            judged => judged?,
        };
        let subject = self.subject(&claims, ticket)?;
        if let (Some(url), Some(token)) = (&asked.document.userinfo_endpoint, &tokens.access_token)
            && ["email", &self.groups_claim].iter().any(|name| !claims.contains_key(*name))
        {
            said::add_missing(&mut claims, self.user_info(url, token, &subject).await?);
        }
        self.described(subject, &claims)
    }

    /// What the provider says of somebody beside the token. One that does not take the question says nothing.
    async fn user_info(&self, url: &str, token: &str, subject: &str) -> Result<Claims, Failed> {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| away(&error))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        match self.send(&Method::GET, url, &headers, Bytes::new()).await? {
            (StatusCode::OK, body) => {
                let said: Claims = serde_json::from_slice(&body).map_err(|error| away(&error))?;
                // Otherwise what is said of one would be believed of another (OpenID Connect Core 1.0 §5.3.2).
                if said.get("sub").and_then(Value::as_str) != Some(subject) {
                    return Err(Failed::Unsound("what it says beside the token is about somebody else".to_owned()));
                }
                Ok(said)
            }
            (status, _) if status.is_client_error() => {
                tracing::warn!(%status, "the provider of identities says nothing beside the token");
                Ok(Claims::new())
            }
            (status, _) => Err(Failed::Away(format!("{url} answers {}", status.as_u16()))),
        }
    }

    /// The provider, asked now or within the last hour.
    async fn ask(&self) -> Result<Asked, Failed> {
        self.asked_since(|now, at| now < at.after(HOLDS)).await
    }

    /// The provider, asked after this moment, unless that was just now.
    async fn ask_again(&self, before: Time) -> Result<Asked, Failed> {
        self.asked_since(|now, at| at > before || now < at.after(REST)).await
    }

    async fn asked_since(&self, is_fresh: impl Fn(Time, Time) -> bool) -> Result<Asked, Failed> {
        let mut known = self.asked.lock().await;
        let now = self.clock.now();
        if let Some(asked) = known.as_ref().filter(|asked| is_fresh(now, asked.at)) {
            return Ok(asked.clone());
        }
        let issuer = self.issuer.as_str().trim_end_matches('/');
        let document = self.get(&format!("{issuer}/.well-known/openid-configuration")).await?;
        let document: Document = serde_json::from_slice(&document).map_err(|error| away(&error))?;
        // Otherwise one provider could speak for another (OpenID Connect Discovery 1.0 §4.3).
        if document.issuer.trim_end_matches('/') != issuer {
            return Err(Failed::Unsound(format!("it calls itself {:?}, and not {issuer:?}", document.issuer)));
        }
        let keys = self.get(&document.jwks_uri).await?;
        let keys = Keys::read(&keys).ok_or_else(|| Failed::Away("its keys cannot be read".to_owned()))?;
        let asked = Asked { document: Arc::new(document), keys: Arc::new(keys), at: now };
        *known = Some(asked.clone());
        Ok(asked)
    }

    async fn get(&self, url: &str) -> Result<Bytes, Failed> {
        match self.send(&Method::GET, url, &HeaderMap::new(), Bytes::new()).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(Failed::Away(format!("{url} answers {}", status.as_u16()))),
        }
    }

    /// The signed token that the code stands for (OpenID Connect Core 1.0 §3.1.3).
    async fn exchange(&self, document: &Document, code: &str, ticket: &Ticket) -> Result<Tokens, Failed> {
        let (headers, body) = self.question(document, code, ticket)?;
        let (status, body) = self.send(&Method::POST, &document.token_endpoint, &headers, body).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| Failed::Away("its answer has no id_token; the scope openid may be missing".to_owned()));
        }
        let why: Option<Value> = serde_json::from_slice(&body).ok();
        let why = why.as_ref().and_then(|why| why["error"].as_str()).unwrap_or("without a reason").to_owned();
        if status.is_client_error() { Err(Failed::Refused(why)) } else { Err(Failed::Away(status.to_string())) }
    }

    /// What the token is asked for with, and how the provider sees that it is us.
    fn question(&self, document: &Document, code: &str, ticket: &Ticket) -> Result<(HeaderMap, Bytes), Failed> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", ticket.verifier());
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, content_type);
        let methods = &document.token_endpoint_auth_methods_supported;
        let secret = self.client_secret.reveal();
        let takes = |method: &str| methods.iter().any(|supported| supported == method);
        if secret.is_empty() {
            form.append_pair("client_id", &self.client_id);
        } else if takes("client_secret_post") && !takes("client_secret_basic") {
            form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
        } else {
            // Both parts are encoded like parts of a form first (RFC 6749 §2.3.1).
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(secret)));
            let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(|error| away(&error))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok((headers, Bytes::from(form.finish())))
    }

    async fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Failed> {
        let target = self.outbound.target(url).map_err(|why| Failed::Away(format!("{url}: {why}")))?;
        let mut headers = headers.clone();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let request = Outgoing { method, target: &target, headers: &headers, body: &body, keep_bytes: MOST_BYTES };
        let answer = self.outbound.send(request).await.map_err(|failure| Failed::Away(format!("{failure:?}")))?;
        match answer.body_is {
            Body::Whole => Ok((answer.status, answer.body)),
            Body::Cut | Body::Broken => Err(Failed::Away(format!("the answer of {url} is not whole"))),
        }
    }
}

fn away(error: &dyn std::fmt::Display) -> Failed {
    Failed::Away(error.to_string())
}
