//! What handlers take from a request: axum's own extractors answer in words of their own, so these stand in for them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::Body as _,
    header::{self, HeaderValue},
    http::request::Parts,
};
use mask_core::id::{
    BlockId, DeliveryId, DomainId, InvitationId, KeyId, LinkId, MemberId, PageId, QrId, SessionId, WebhookId,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Api,
    error::{ApiError, Code},
    fields::{Fields, Problems},
    gate::Identity,
    query::Parameters,
};

/// A JSON body, and what it is recognised by when it comes again.
#[derive(Debug)]
pub struct Json {
    /// The body.
    pub value: Value,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
}

impl FromRequest<Arc<Api>> for Json {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let message = "The body must be JSON: send Content-Type: application/json.";
            return Err(ApiError::new(Code::UnsupportedMediaType, message));
        }
        let bytes = read(api, request.into_body(), api.max_body_bytes).await?;
        // An object's last member of a name would win, silently; serde_json cannot be told to refuse that, and JSON
        // itself leaves it open (RFC 8259 §4).
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::new(Code::BadRequest, format!("The body is not valid JSON: {error}.")))?;
        if !Value::is_object(&value) {
            return Err(ApiError::new(Code::BadRequest, "The body must be a JSON object."));
        }
        Ok(Self { value, hash: Sha256::digest(&bytes).into() })
    }
}

/// A JSON body, or none at all, which says as much as an empty object.
#[derive(Debug)]
pub struct OptionalJson(pub Json);

impl FromRequest<Arc<Api>> for OptionalJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        // Many clients name a type whether there is a body or not.
        if !request.body().is_end_stream() {
            return Json::from_request(request, api).await.map(Self);
        }
        Ok(Self(Json { value: Value::Object(serde_json::Map::new()), hash: Sha256::digest(b"").into() }))
    }
}

/// No body, where there is nothing to say. One that says something all the same is refused: whoever sent it expects something of it.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

impl FromRequest<Arc<Api>> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        let OptionalJson(body) = OptionalJson::from_request(request, api).await?;
        let mut problems = Problems::default();
        if let Some(fields) = Fields::of(body.value, "", &mut problems) {
            fields.end();
        }
        problems.check()?;
        Ok(Self)
    }
}

/// Reads a body that is at most so long, in the time that bodies have.
pub(crate) async fn read(api: &Api, body: Body, most: usize) -> Result<Vec<u8>, ApiError> {
    let reading = tokio::time::timeout(api.body_timeout, collect(body, most));
    reading.await.unwrap_or_else(|_| {
        let message = format!("The body must arrive within {} seconds.", api.body_timeout.as_secs());
        Err(ApiError::new(Code::RequestTimeout, message))
    })
}

/// How much is read of a body beyond the most that is taken.
const DISCARDED_BYTES: usize = 8 << 20;

/// Reads a body. One that is too large is read on for a while and thrown away: a client that is refused while it writes
/// would find its connection broken, and never read why.
async fn collect(mut body: Body, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::new(Code::BadRequest, "The body could not be read to its end."))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= most {
            bytes.extend_from_slice(&data);
        } else if seen - most > DISCARDED_BYTES {
            break;
        }
    }
    if seen > most {
        return Err(ApiError::new(Code::PayloadTooLarge, format!("The body must be at most {most} bytes.")));
    }
    Ok(bytes)
}

/// `application/json`, or any `+json`; in UTF-8, as JSON is (RFC 8259 §8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

impl<T: Sync> FromRequestParts<T> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        Ok(Self::of(parts.uri.query()))
    }
}

macro_rules! id_paths {
    ($($(#[$doc:meta])+ $name:ident($id:ty), $what:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name(pub $id);

        impl<T: Send + Sync> FromRequestParts<T> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, ApiError> {
                let path = Path::<String>::from_request_parts(parts, state).await;
                let id = path.ok().and_then(|Path(text)| <$id>::parse(&text).ok());
                id.map(Self).ok_or_else(|| ApiError::not_found($what))
            }
        }
    )+};
}

// What is no id of the kind names nothing: 404, as for one that is not there.
id_paths! {
    /// The link that a path names.
    LinkPath(LinkId), "Link";
    /// The webhook that a path names.
    WebhookPath(WebhookId), "Webhook";
    /// The QR code that a path names.
    QrCodePath(QrId), "QR code";
    /// The domain that a path names.
    DomainPath(DomainId), "Domain";
    /// The bio page that a path names.
    PagePath(PageId), "Bio page";
    /// The delivery that a path names.
    DeliveryPath(DeliveryId), "Delivery";
    /// The API key that a path names.
    KeyPath(KeyId), "API key";
    /// The session that a path names.
    SessionPath(SessionId), "Session";
    /// The member that a path names.
    MemberPath(MemberId), "Member";
    /// The invitation that a path names.
    InvitationPath(InvitationId), "Invitation";
}

/// The bio page and the block of it that a path names.
#[derive(Clone, Copy, Debug)]
pub struct BlockPath(pub PageId, pub BlockId);

impl<T: Send + Sync> FromRequestParts<T> for BlockPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let ids = path
            .ok()
            .and_then(|Path((page, block))| Some(Self(PageId::parse(&page).ok()?, BlockId::parse(&block).ok()?)));
        ids.ok_or_else(|| ApiError::not_found("Block"))
    }
}

/// A part of the path, decoded.
#[derive(Clone, Debug)]
pub struct TextPath(pub String);

impl<T: Send + Sync> FromRequestParts<T> for TextPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| ApiError::new(Code::BadRequest, "The path is not valid UTF-8."))
    }
}

/// The caller's `Idempotency-Key`, if there is one. Of somebody who is signed in it is told apart by workspace and side: the same
/// word in two of them is two words. A key has but one.
#[derive(Clone, Debug, Default)]
pub struct IdempotencyKey(pub Option<String>);

impl<T: Sync> FromRequestParts<T> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let wrong = || ApiError::invalid("Idempotency-Key", "Must be 1 to 255 visible ASCII characters");
        let key = key.ok_or_else(wrong)?;
        let place = match parts.extensions.get::<Identity>() {
            Some(Identity::Person(person)) => person.place().ok(),
            _ => None,
        };
        let word = place.map_or_else(|| key.to_owned(), |(_, member)| format!("{} {key}", member.owner.number()));
        Ok(Self(Some(word)))
    }
}

/// An answer of 200 with a JSON body.
#[derive(Debug)]
pub struct Answer<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json_bytes(&self.0)).into_response()
    }
}

/// A JSON body.
pub fn json_body(value: &impl serde::Serialize) -> Body {
    Body::from(json_bytes(value))
}

/// The JSON of an answer.
pub fn json_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers are strings, numbers and lists of them")
}
