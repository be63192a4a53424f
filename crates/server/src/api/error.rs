//! Errors: one table of codes, one envelope, and two messages that never mix: what the caller reads is built here from
//! the table; what went wrong inside is logged, and never shown.
//!
//! A handler's error becomes a response with the error among its extensions. The gate, which knows the request's id and
//! what the caller accepts, writes the body; so nothing below it has to carry either.

use axum::response::{IntoResponse, Response};
use hyper::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::body::Body;

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal, $status:literal, $sentence:literal;)+) => {
        /// Every code that an error may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])+ $name,)+ }

        impl Code {
            /// All of them, in the order of the page that documents them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As written in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What it means, for the page that documents it.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }
        }
    };
}

codes! {
    /// Not JSON, or something required is missing.
    BadRequest = "bad_request", 400, "The request cannot be read, or a required field is missing; `details` names the missing fields.";
    /// No valid key.
    Unauthorized = "unauthorized", 401, "No API key was sent, or it is malformed, unknown or revoked.";
    /// A code as well.
    SecondFactorRequired = "second_factor_required", 401, "The password is right, and the account asks for a code too: send it as `code`, six digits of the app or a recovery code.";
    /// In clear.
    HttpsRequired = "https_required", 403, "The API was called over plain HTTP. The key in the request has been exposed: revoke it, and use https.";
    /// The key may not do this.
    InsufficientScope = "insufficient_scope", 403, "The API key lacks a scope, or the role of whoever is signed in does not do for it; `required_scope` names it.";
    /// Not allowed for another reason.
    Forbidden = "forbidden", 403, "The request is understood and not allowed.";
    /// Nothing there.
    NotFound = "not_found", 404, "There is no such object in this workspace and environment, or no such path.";
    /// Wrong method.
    MethodNotAllowed = "method_not_allowed", 405, "The path exists, and does not take this method; `Allow` names those it takes.";
    /// The request did not come in time.
    RequestTimeout = "request_timeout", 408, "The request's head or body did not arrive in time.";
    /// There is one already, or it is in the way.
    Conflict = "conflict", 409, "What the request wants to make exists already, or the same request is still being worked on.";
    /// Changed meanwhile.
    PreconditionFailed = "precondition_failed", 412, "The object is not as the request expects it: it is not there, or has changed since the version that `If-Match` names; or `If-None-Match` says that it is not to be there, or not at this version, and it is.";
    /// Too large.
    PayloadTooLarge = "payload_too_large", 413, "The request's body is larger than this server takes.";
    /// A URL that is too long.
    UriTooLong = "uri_too_long", 414, "The request's URL is longer than this server takes.";
    /// Not JSON by its own word.
    UnsupportedMediaType = "unsupported_media_type", 415, "The request's body is of a type that this path does not take: mostly it must be JSON, and its Content-Type `application/json`.";
    /// Against the rules.
    ValidationError = "validation_error", 422, "Fields are against the rules; `details` names each of them and what would be right.";
    /// Same key, other request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The Idempotency-Key was used before with another body.";
    /// Too many.
    RateLimitExceeded = "rate_limit_exceeded", 429, "Too many requests in this minute, too many exports at once, or too many letters in a day; `Retry-After` says when to come back.";
    /// A head that is too large.
    HeadersTooLarge = "headers_too_large", 431, "The request's headers are more, or longer, than this server takes.";
    /// Our fault.
    InternalError = "internal_error", 500, "A defect of the server. Tell its operator the `request_id`.";
    /// Not now.
    Unavailable = "unavailable", 503, "The server cannot reach something that it needs. Nothing was lost; try again after `Retry-After`.";
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Detail {
    /// The field's path, such as `rules[0].url`.
    #[schema(example = "url")]
    pub field: String,
    /// What would be right.
    #[schema(example = "Must be a valid URL starting with https://")]
    pub message: String,
}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Its code, and so its status.
    pub code: Code,
    /// For the caller's eyes.
    pub message: String,
    /// The fields at fault.
    pub details: Vec<Detail>,
    required_scope: Option<&'static str>,
    /// When to come back, where that is known.
    pub retry_after_seconds: Option<u64>,
}

impl ApiError {
    /// An error with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), required_scope: None, retry_after_seconds: None }
    }

    /// Nothing is there; says nothing of what may be there for others.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} not found."))
    }

    /// One field is against the rules.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![Detail { field: field.to_owned(), message: message.into() }])
    }

    /// These fields are against the rules.
    pub fn validation(details: Vec<Detail>) -> Self {
        Self { details, ..Self::new(Code::ValidationError, "Request body failed validation.") }
    }

    /// These fields are missing, or else against the rules.
    pub fn missing(details: Vec<Detail>) -> Self {
        Self { details, ..Self::new(Code::BadRequest, "Required fields are missing.") }
    }

    /// Parameters of the query are against the rules.
    pub fn parameters(details: Vec<Detail>) -> Self {
        Self { details, ..Self::new(Code::ValidationError, "Query parameters failed validation.") }
    }

    /// A header is against the rules.
    pub fn header(name: &str, message: impl Into<String>) -> Self {
        let details = vec![Detail { field: name.to_owned(), message: message.into() }];
        Self { details, ..Self::new(Code::ValidationError, "Request headers failed validation.") }
    }

    /// No key that would do.
    pub fn unauthorized(message: &str) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// The key lacks this scope.
    pub fn insufficient_scope(scope: mask_core::scope::Scope) -> Self {
        Self {
            required_scope: Some(scope.as_str()),
            ..Self::new(Code::InsufficientScope, format!("This API key lacks the scope {scope}."))
        }
    }

    /// Whoever is signed in lacks this scope, by their role in the workspace.
    pub fn insufficient_role(scope: mask_core::scope::Scope) -> Self {
        let least = mask_core::role::Role::least_with(scope);
        let message = format!("Your role in this workspace does not do for {scope}; it takes at least {least}.");
        Self { message, ..Self::insufficient_scope(scope) }
    }

    /// Too many requests.
    pub fn rate_limited(retry_after_seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new(
                Code::RateLimitExceeded,
                format!("Rate limit exceeded. Retry after {retry_after_seconds} seconds."),
            )
        }
    }

    /// Too much of something at the same moment.
    pub fn too_many_at_once(message: impl Into<String>, retry_after_seconds: u64) -> Self {
        Self { retry_after_seconds: Some(retry_after_seconds), ..Self::new(Code::RateLimitExceeded, message) }
    }

    /// Something that we need is away.
    pub fn unavailable() -> Self {
        Self {
            retry_after_seconds: Some(5),
            ..Self::new(
                Code::Unavailable,
                "The service is temporarily unavailable. Nothing was lost; try again shortly.",
            )
        }
    }

    /// The same, and what is away may be told.
    pub fn unavailable_for_now(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::unavailable() }
    }

    /// A defect of ours; the log has the rest.
    pub fn internal() -> Self {
        Self::new(Code::InternalError, "Something went wrong on our side. Please tell us the request id.")
    }

    /// The error's members, without the envelope around them.
    pub fn json(&self, request_id: &str) -> Value {
        let mut error = json!({ "code": self.code.as_str(), "message": self.message });
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        if let Some(scope) = self.required_scope {
            error["required_scope"] = json!(scope);
        }
        if let Some(seconds) = self.retry_after_seconds {
            error["retry_after"] = json!(seconds);
        }
        error["request_id"] = json!(request_id);
        error
    }

    /// The whole answer, as RFC 9457 describes problems when the caller asks for that, else in our own envelope.
    pub fn response(&self, request_id: &str, accepts_problem: bool) -> Response {
        let mut error = self.json(request_id);
        let (content_type, body) = if accepts_problem {
            error["type"] = json!(format!("/docs/errors#{}", self.code.as_str()));
            error["title"] = json!(self.code.sentence());
            error["status"] = json!(self.code.status());
            error["detail"] = error["message"].take();
            error.as_object_mut().map(|members| members.shift_remove("message"));
            ("application/problem+json", error)
        } else {
            ("application/json", json!({ "error": error }))
        };
        let mut response = hyper::Response::new(axum::body::Body::new(Body::whole(body.to_string())));
        *response.status_mut() = self.status();
        self.add_headers(response.headers_mut());
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
        response
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if self.code.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<mask_store::Error> for ApiError {
    fn from(error: mask_store::Error) -> Self {
        match &error {
            mask_store::Error::Unavailable(_) => {
                tracing::warn!(%error, "the store is unavailable");
                Self::unavailable()
            }
            mask_store::Error::Damaged(_) => {
                tracing::error!(%error, "the store is damaged");
                Self::unavailable()
            }
            mask_store::Error::TooLong(_) => {
                tracing::warn!(%error, "a question was given up");
                Self {
                    message:
                        "The question takes longer than it may. Nothing is answered, as a part would pass for the \
                              whole; ask for a shorter window, or for one link."
                            .to_owned(),
                    ..Self::unavailable()
                }
            }
            mask_store::Error::Corrupt(_) | mask_store::Error::NewerSchema { .. } | mask_store::Error::Defect(_) => {
                tracing::error!(%error, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<crate::password::Failed> for ApiError {
    fn from(error: crate::password::Failed) -> Self {
        tracing::error!(%error, "a password could not be hashed");
        Self::unavailable()
    }
}

/// The page that documents the codes, in Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Errors\n\nEvery error is `{\"error\":{\"code\",\"message\",\"request_id\"}}`, with `details`, \
         `required_scope` or `retry_after` where they help. With `Accept: application/problem+json` the same members come as RFC 9457 describes.\n\n\
         | code | status | meaning |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        page += &format!("| `{}` | {} | {} |\n", code.as_str(), code.status(), code.sentence());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_answer_to_too_many_requests() {
        let error = ApiError::rate_limited(12).json("req_1");
        assert_eq!(
            error.to_string(),
            r#"{"code":"rate_limit_exceeded","message":"Rate limit exceeded. Retry after 12 seconds.","retry_after":12,"request_id":"req_1"}"#
        );
    }

    #[test]
    fn statuses_are_statuses() {
        assert!(
            Code::ALL.iter().all(|code| StatusCode::from_u16(code.status()).is_ok_and(|status| status.as_u16() >= 400))
        );
    }
}
