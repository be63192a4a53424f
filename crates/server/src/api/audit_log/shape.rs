//! How a change looks in the log: the object as the API shows it, or, of one that was changed, what is another now.
//!
//! What is written here stays for a year or for ever, so nothing that anybody may want to be forgotten is in it: of a subscriber
//! that is deleted only that there was one.

use mask_core::{actor::Actor, time::Time};
use mask_store::{Deed, LoggedChange, Object, ShownChange};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use utoipa::ToSchema;

use crate::{
    api::{
        api_keys::ApiKeyBody, bio_pages::PageBody, domains::DomainBody, invitations::InvitationBody, links::LinkBody,
        members::MemberBody, payload::Teller, qr_codes::QrCodeBody, webhooks::WebhookBody, workspace::WorkspaceBody,
    },
    webhooks::seal::Secrets,
};

/// What every change changes; the line's own time says it.
const UPDATED_AT: &str = "updated_at";

/// A change as the log shows it.
pub(in crate::api) fn shown(teller: &Teller, deed: &Deed<'_>, now: Time) -> ShownChange {
    let Some(object) = deed.object() else { return ShownChange::default() };
    let label = label(teller, &object);
    let text = |object: Option<Object<'_>>| object.and_then(|object| text(teller, &object, now));
    let (before, after) = match (deed.before, deed.after) {
        (Some(before), Some(after)) => {
            let (mut old, mut new) = differences(text(Some(before)), text(Some(after)));
            if let (Object::Link(before), Object::Link(after)) = (before, after)
                && before.content.password_hash != after.content.password_hash
            {
                // Of a password that took the place of another there is nothing else to be seen.
                old.insert("has_password".to_owned(), before.content.password_hash.is_some().into());
                new.insert("has_password".to_owned(), after.content.password_hash.is_some().into());
            }
            (Some(Value::Object(old).to_string()), Some(Value::Object(new).to_string()))
        }
        (before, after) => (text(before), text(after)),
    };
    ShownChange { label, before, after }
}

/// The members that two objects do not have in common, of each.
fn differences(before: Option<String>, after: Option<String>) -> (Map<String, Value>, Map<String, Value>) {
    let read = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let (mut old, mut new): (Map<_, _>, Map<_, _>) = (read(before), read(after));
    let was = old.clone();
    old.retain(|name, value| name != UPDATED_AT && new.get(name) != Some(value));
    new.retain(|name, value| name != UPDATED_AT && was.get(name) != Some(value));
    (old, new)
}

/// What people know an object by.
fn label(teller: &Teller, object: &Object<'_>) -> String {
    let hosts = &teller.hosts;
    match object {
        Object::Link(link) => hosts.short_url(&link.domain, link.slug.as_str()),
        Object::Page(page) => hosts.short_url(&page.domain, page.slug.as_str()),
        Object::Code(placed) => hosts.short_url(&placed.domain, &placed.slug),
        // A listener has no address.
        Object::Webhook(webhook) if webhook.content.url.is_empty() => object.id(),
        Object::Webhook(webhook) => webhook.content.url.clone(),
        Object::Domain(domain) => domain.name.to_string(),
        Object::Key(key) => key.content.name.clone(),
        Object::Workspace(workspace) | Object::Visitors(workspace, _) => workspace.name.clone(),
        Object::Member(member) => member.email.to_string(),
        Object::Invitation(invitation) => invitation.email.to_string(),
        Object::Subscriber(_) | Object::Gone(_) => object.id(),
    }
}

/// An object as JSON.
fn text(teller: &Teller, object: &Object<'_>, now: Time) -> Option<String> {
    let hosts = &teller.hosts;
    Some(match object {
        Object::Link(link) => written(&LinkBody::of(link, hosts)),
        Object::Page(page) => written(&PageBody::of(page, hosts)),
        Object::Code(placed) => written(&QrCodeBody::of(placed, hosts)),
        Object::Webhook(webhook) => {
            let opened = teller.vault.as_ref().map(|vault| vault.open(webhook.id, &webhook.content.sealed));
            let nothing = || Secrets::new(String::new(), Vec::new());
            // What does not open has headers that nobody can name.
            let secrets = opened.and_then(Result::ok).unwrap_or_else(nothing);
            written(&WebhookBody::of(webhook, &secrets, now))
        }
        Object::Domain(domain) => {
            let standing = teller.certificates.standing_of(domain, teller.clock.now());
            written(&DomainBody::of(domain, &teller.records, standing))
        }
        Object::Key(key) => written(&ApiKeyBody::of(key, now)),
        Object::Workspace(workspace) => written(&WorkspaceBody::of(workspace)),
        Object::Member(member) => written(&MemberBody::of(member)),
        Object::Invitation(invitation) => written(&InvitationBody::of(invitation)),
        Object::Subscriber(subscriber) => written(&json!({
            "id": subscriber.id.to_string(),
            "bio_page_id": subscriber.page.to_string(),
            "kind": subscriber.kind.as_str(),
            "status": subscriber.status.as_str(),
            "created_at": subscriber.created_at.to_string(),
        })),
        Object::Visitors(_, until) => written(&json!({ "before": until.to_string() })),
        Object::Gone(_) => return None,
    })
}

fn written(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("objects are strings, numbers and lists of them")
}

/// What kind of caller made a change.
#[derive(Debug, ToSchema)]
#[schema(as = ActorType)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(super) enum ActorName {
    /// A program, with an API key.
    api_key,
    /// Somebody who was signed in.
    user,
    /// The installation itself: its command line, or what it does by the clock.
    system,
}

/// How the log is written.
#[derive(Debug, ToSchema)]
#[schema(as = AuditFormat)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(in crate::api) enum FormatName {
    json,
    csv,
}

/// Who made a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub(in crate::api) struct ActorBody {
    /// What they are.
    #[serde(rename = "type")]
    #[schema(value_type = ActorName)]
    pub kind: &'static str,
    /// The id of the key or the person; null of the installation itself.
    #[schema(example = "key_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub id: Option<String>,
}

impl ActorBody {
    pub(in crate::api) fn of(actor: Actor) -> Self {
        let (kind, id) = match actor {
            Actor::Key(id) => ("api_key", Some(id.to_string())),
            Actor::Person(id) => ("user", Some(id.to_string())),
            Actor::System => ("system", None),
        };
        Self { kind, id }
    }
}

/// What a change was made to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditObject)]
pub(super) struct ObjectBody {
    /// What it is: `link`, `bio_page`, `qr_code`, `webhook`, `webhook_listener`, `domain`, `api_key`, `workspace` or `subscriber`.
    #[serde(rename = "type")]
    #[schema(example = "link")]
    pub kind: String,
    /// Its id. It may be gone.
    #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub id: String,
    /// What people knew it by then: its address, its name, or its id.
    #[schema(example = "https://go.example.com/spring")]
    pub label: String,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct ChangeBody {
    /// The line's id.
    #[schema(example = "aud_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub id: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    pub at: String,
    /// Who made it.
    pub actor: ActorBody,
    /// What was done.
    #[schema(example = "link.updated")]
    pub action: String,
    /// To what.
    pub object: ObjectBody,
    /// As it was, as this API shows it: all of what was deleted, and of what was changed the members that are different now.
    #[schema(value_type = Option<Object>, example = json!({"url": "https://example.com/winter"}))]
    pub before: Option<Box<RawValue>>,
    /// As it is: all of what was made, and of what was changed the members that were different before.
    #[schema(value_type = Option<Object>, example = json!({"url": "https://example.com/spring"}))]
    pub after: Option<Box<RawValue>>,
    /// The country that it was made from: ISO 3166-1 alpha-2. The address is not kept.
    #[schema(example = "DE")]
    pub country: Option<String>,
    /// The request that asked for it: what its answer had in `X-Request-Id`.
    #[schema(example = "req_01kcd3vyk5f8")]
    pub request_id: Option<String>,
}

impl ChangeBody {
    pub(super) fn of(line: LoggedChange) -> Self {
        // What does not read as JSON was put there by somebody else.
        let raw = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
        Self {
            id: line.id.to_string(),
            at: line.at.to_string(),
            actor: ActorBody::of(line.actor),
            object: ObjectBody { kind: object(&line.action).to_owned(), id: line.object, label: line.label },
            action: line.action,
            before: raw(line.before),
            after: raw(line.after),
            country: line.country,
            request_id: line.request,
        }
    }
}

/// What kind of object an action is done to, also one that only a newer node knows.
fn object(action: &str) -> &str {
    let known = mask_core::action::Action::ALL.iter().find(|known| known.as_str() == action);
    known.map_or_else(|| action.split_once('.').map_or(action, |(object, _)| object), |known| known.object())
}
