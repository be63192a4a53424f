//! A webhook's JSON, and that of its deliveries.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mask_core::{
    time::Time,
    webhook::{Inactive, Webhook},
};
use mask_store::{Delivery, LoggedAttempt, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::links::Pagination, outbound, webhooks::seal::Secrets};

/// What stands for a value that is never shown.
pub(super) const MASKED: &str = "***";

/// What happens, and can be told.
#[derive(Debug, ToSchema)]
#[schema(as = EventType)]
#[expect(dead_code, reason = "the names as the document shows them")]
pub(crate) enum EventName {
    /// A link was made.
    #[serde(rename = "link.created")]
    LinkCreated,
    /// Somebody followed a link.
    #[serde(rename = "link.clicked")]
    LinkClicked,
    /// A link was changed.
    #[serde(rename = "link.updated")]
    LinkUpdated,
    /// A link was deleted.
    #[serde(rename = "link.deleted")]
    LinkDeleted,
    /// Somebody saw a bio page.
    #[serde(rename = "page.viewed")]
    PageViewed,
    /// A bio page was published.
    #[serde(rename = "page.published")]
    PagePublished,
    /// Somebody scanned a QR code.
    #[serde(rename = "qr.scanned")]
    QrScanned,
    /// A domain was shown to belong to the workspace.
    #[serde(rename = "domain.verified")]
    DomainVerified,
}

/// How far a delivery is.
#[derive(Debug, ToSchema)]
#[schema(as = DeliveryStatus)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum StatusName {
    pending,
    succeeded,
    failed,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(in crate::api) struct WebhookBody {
    /// The webhook's id.
    #[schema(example = "wh_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Where deliveries are sent.
    #[schema(example = "https://example.com/hooks/mask")]
    url: String,
    /// What is told.
    #[schema(value_type = Vec<EventName>)]
    events: Vec<&'static str>,
    /// Whether anything is delivered.
    active: bool,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// A note for people.
    description: Option<String>,
    /// Only of these links; empty: of all.
    link_ids: Vec<String>,
    /// Only of links with one of these tags; empty: of all.
    tags: Vec<String>,
    /// Only of links on one of these hosts; empty: of all.
    domains: Vec<String>,
    /// Whether clicks that no person made are told too.
    include_bots: bool,
    /// The headers that deliveries carry. Their values are not shown: `***` stands for each.
    #[schema(example = json!({"authorization": "***"}))]
    headers: BTreeMap<String, &'static str>,
    /// Most deliveries a second.
    max_per_second: Option<u32>,
    /// The version of what is told: that which it was made with, until it is changed.
    #[schema(example = 1)]
    version: u16,
    /// Why it was switched off, where that was not its owner's doing: `gone` (its endpoint answered 410) or `failing`
    /// (nothing could be delivered for five days).
    #[schema(example = "failing")]
    inactive_reason: Option<&'static str>,
    /// Since when nothing could be delivered.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Until when the secret before signs too; of several, the one that signs longest.
    #[schema(format = DateTime)]
    previous_secret_expires_at: Option<String>,
    /// The secret, where it was made by the server just now. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

impl WebhookBody {
    pub(in crate::api) fn of(webhook: &Webhook, secrets: &Secrets, now: Time) -> Self {
        let content = &webhook.content;
        Self {
            id: webhook.id.to_string(),
            url: content.url.clone(),
            events: content.events.iter().map(mask_core::event::EventKind::as_str).collect(),
            active: content.is_active,
            created_at: webhook.created_at.to_string(),
            updated_at: webhook.updated_at.to_string(),
            description: content.description.clone(),
            link_ids: content.filter.links.iter().map(ToString::to_string).collect(),
            tags: content.filter.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            domains: content.filter.domains.clone(),
            include_bots: content.includes_bots,
            headers: secrets.headers.iter().map(|(name, _)| (name.clone(), MASKED)).collect(),
            max_per_second: content.max_per_second,
            version: content.payload_version.number(),
            inactive_reason: webhook.inactive_reason.map(Inactive::as_str),
            failing_since: webhook.failing_since.map(|since| since.to_string()),
            previous_secret_expires_at: secrets
                .earlier_at(now)
                .map(|(_, until)| until)
                .max()
                .map(|until| until.to_string()),
            secret: None,
        }
    }

    /// The same, with the secret that the server made.
    pub(super) fn with_secret(self, secret: Option<String>) -> Self {
        Self { secret, ..self }
    }
}

/// A page of webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookList {
    /// The webhooks.
    pub data: Vec<WebhookBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

/// A test event on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestAnswer {
    /// The delivery, to look it up.
    #[schema(example = "dlv_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub delivery_id: String,
    /// The event's id, which the delivery carries.
    #[schema(example = "evt_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub event_id: String,
    /// The event.
    #[schema(value_type = EventName)]
    pub event: &'static str,
}

/// How much is on its way again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayAnswer {
    /// How many deliveries.
    pub replayed: u64,
}

/// A delivery of an event to a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryBody {
    /// The delivery's id; it is sent as `X-Mask-Delivery`.
    #[schema(example = "dlv_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// The webhook.
    #[schema(example = "wh_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    webhook_id: String,
    /// The event's id; it is sent as `webhook-id`.
    #[schema(example = "evt_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    event_id: String,
    /// The event.
    #[schema(value_type = EventName)]
    event: &'static str,
    /// The version of what is told: its webhook's when it happened.
    #[schema(example = 1)]
    version: u16,
    /// How far it is: `pending`, `succeeded` or `failed`.
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// How often it was tried.
    #[schema(example = 1)]
    attempts: i64,
    /// When it is tried next, while it is pending.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    /// When it was last tried.
    #[schema(format = DateTime)]
    last_attempt_at: Option<String>,
    /// The status of the last answer.
    #[schema(example = 204)]
    response_status: Option<u16>,
    /// Why there was no answer at the last attempt.
    failure: Option<FailureBody>,
    /// The request that caused the event.
    #[schema(example = "req_5f0c2a9b1e34")]
    request_id: Option<String>,
    /// When it was written.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
}

impl DeliveryBody {
    pub(super) fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.webhook.to_string(),
            event_id: delivery.event.to_string(),
            event: delivery.kind.as_str(),
            version: delivery.version.number(),
            status: state(delivery.state),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(|at| at.to_string()),
            last_attempt_at: delivery.tried_at.map(|at| at.to_string()),
            response_status: delivery.status,
            failure: delivery.failure.as_deref().map(FailureBody::of),
            request_id: delivery.request.clone(),
            created_at: delivery.created_at.to_string(),
        }
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
    }
}

/// Why there was no answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryFailure)]
pub(super) struct FailureBody {
    /// A code that never changes.
    #[schema(example = "tls_failed")]
    code: String,
    /// What is known beside it, as a word; null where that is nothing.
    #[schema(example = "unknown_authority")]
    detail: Option<String>,
    /// A sentence for people.
    #[schema(example = "The endpoint's certificate is from an authority that is not known here.")]
    message: &'static str,
}

impl FailureBody {
    fn of(written: &str) -> Self {
        let (code, detail) = outbound::taken_apart(written);
        let message = outbound::sentence(written).or_else(|| outbound::sentence(code));
        let message = message.unwrap_or("There was no answer.");
        Self { code: code.to_owned(), detail: detail.map(str::to_owned), message }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryList {
    /// The deliveries.
    pub data: Vec<DeliveryBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

/// A delivery, what was sent and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryDetail {
    #[serde(flatten)]
    pub delivery: DeliveryBody,
    /// The body that is sent, byte for byte: what the signatures sign.
    pub request_body: String,
    /// The attempts, oldest first.
    pub tries: Vec<AttemptBody>,
}

/// An attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub(super) struct AttemptBody {
    /// When it began.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    at: String,
    /// How long it took, in milliseconds.
    #[schema(example = 83)]
    duration_ms: i64,
    /// The status of the answer.
    #[schema(example = 500)]
    response_status: Option<u16>,
    /// The head of the answer.
    response_head: Option<String>,
    /// The first 4 KiB of the answer's body: text, or base64 where it is none.
    response_body: Option<String>,
    /// How `response_body` is written: `text` or `base64`.
    response_body_encoding: Option<&'static str>,
    /// Why there was no answer.
    failure: Option<FailureBody>,
}

impl AttemptBody {
    pub(super) fn of(attempt: &LoggedAttempt) -> Self {
        let (body, encoding) = attempt.body.as_deref().map(readable).unzip();
        Self {
            at: attempt.at.to_string(),
            duration_ms: attempt.duration_ms,
            response_status: attempt.status,
            response_head: attempt.head.clone(),
            response_body: body,
            response_body_encoding: encoding,
            failure: attempt.failure.as_deref().map(FailureBody::of),
        }
    }
}

/// Bytes as text, if they are text; what was cut within a character is.
fn readable(bytes: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "text"),
        Err(error) if error.error_len().is_none() => {
            (String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(), "text")
        }
        Err(_) => (STANDARD.encode(bytes), "base64"),
    }
}

#[cfg(test)]
mod tests {
    use mask_core::event::EventKind;

    use super::*;

    #[test]
    fn the_document_names_every_event() {
        let document: serde_json::Value = serde_json::from_str(&crate::api::document()).expect("JSON");
        let named = document.pointer("/components/schemas/EventType/enum").expect("the events");
        let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(*named, serde_json::json!(known));
    }

    #[test]
    fn what_was_written_of_a_failure_is_shown_in_words() {
        let shown = |written| {
            let FailureBody { code, detail, message } = FailureBody::of(written);
            (code, detail, message)
        };
        let expired = shown("tls_failed/expired");
        assert_eq!((expired.0.as_str(), expired.1.as_deref()), ("tls_failed", Some("expired")));
        assert!(expired.2.contains("expired"), "{}", expired.2);
        let older = shown("tls_failed");
        assert_eq!((older.0.as_str(), older.1), ("tls_failed", None), "as earlier programs wrote it");
        assert!(older.2.contains("certificate"), "{}", older.2);
        let newer = shown("tls_failed/of_tomorrow");
        assert_eq!((newer.0.as_str(), newer.1.as_deref(), newer.2), ("tls_failed", Some("of_tomorrow"), older.2));
    }

    #[test]
    fn bodies_are_shown_as_they_can_be() {
        assert_eq!(readable(b"caf\xc3\xa9"), ("caf\u{e9}".to_owned(), "text"));
        assert_eq!(readable(b"caf\xc3"), ("caf".to_owned(), "text"), "cut within a character");
        assert_eq!(readable(b"\xff\x00"), ("/wA=".to_owned(), "base64"));
        assert_eq!(readable(b""), (String::new(), "text"));
    }
}
