//! What comes in for a webhook: read member by member into [`Asked`].

use std::collections::BTreeMap;

use mask_core::{
    Refused,
    change::Set,
    event::{EventKind, EventKinds},
    id::LinkId,
    link::{self, Tag},
    time::Time,
    webhook::{self, Content, Filter, PayloadVersion},
    workspace::Owner,
};
use serde_json::Value;
use utoipa::ToSchema;

use super::shape::{EventName, MASKED};
use crate::{
    api::fields::{Fields, Problems, boolean, integer, text},
    outbound::{self, Outbound},
    redirect::Hosts,
};

/// Most headers of a webhook's own, and most bytes of their names and values together.
const MOST_HEADERS: (usize, usize) = (20, 8 << 10);
/// Most members of one filter.
const MOST_PER_FILTER: usize = 100;
/// Most events of a list, repeats too.
const MOST_EVENTS: usize = 100;
/// Most characters of a note.
const LONGEST_DESCRIPTION: usize = 500;

/// What comes in for a webhook and for a listener: both say what is told, and of which links.
macro_rules! inputs {
    ($(#[$doc:meta])+ $name:ident, $is_new:tt, { $($before:tt)* } { $($after:tt)* }) => {
        $(#[$doc])+
        #[derive(Debug, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read by hand; this is what the document says")]
        pub(super) struct $name {
            $($before)*
            /// What is told; at least one event.
            #[schema(required = $is_new, min_items = 1, max_items = 100)]
            events: Vec<EventName>,
            /// Only of these links. Empty: of all.
            #[schema(required = false, nullable = true, max_items = 100)]
            link_ids: Vec<String>,
            /// Only of links with one of these tags. Empty: of all.
            #[schema(required = false, nullable = true, max_items = 100)]
            tags: Vec<String>,
            /// Only of links on one of these hosts. Empty: of all.
            #[schema(required = false, nullable = true, max_items = 100)]
            domains: Vec<String>,
            /// Whether clicks that no person made are told too; `data.is_bot` tells them apart. Absent: false.
            #[schema(required = false, nullable = true)]
            include_bots: bool,
            /// The version of what is told: 1 is the only one so far. Absent, when it is made: the newest. It stays what it is
            /// until it is changed here; null stands for the newest.
            #[schema(required = false, nullable = true, minimum = 1, maximum = 1)]
            version: u16,
            $($after)*
        }
    };
}

/// The two shapes of a webhook that comes in differ in what must be there, and in the secret, which has a way of its own to
/// be changed.
macro_rules! webhooks {
    ($($(#[$doc:meta])+ $name:ident, $is_new:tt, $header:ty { $($own:tt)* })+) => {$(inputs! {
        $(#[$doc])+
        $name, $is_new, {
            /// Where deliveries are sent: `https://`, at most 2,048 bytes, no credentials, a host on the public internet.
            #[schema(required = $is_new, max_length = 2048, example = "https://example.com/hooks/mask")]
            url: String,
        } {
            /// Headers that deliveries carry, such as `Authorization`: at most 20, and 8 KiB together. Their values are kept
            /// encrypted, and never shown again.
            #[schema(required = false, nullable = true, example = json!({"authorization": "Bearer 7c1f"}))]
            headers: BTreeMap<String, $header>,
            /// Most deliveries a second; more wait. Null: no limit.
            #[schema(minimum = 1, maximum = 1000)]
            max_per_second: Option<u32>,

            /// A note for people, at most 500 characters.
            #[schema(max_length = 500)]
            description: Option<String>,
            /// Whether anything is delivered. Absent: true.
            #[schema(required = false, nullable = true)]
            active: bool,
            $($own)*
        }
    })+};
}

webhooks! {
    /// A webhook to be made.
    NewWebhook, true, String {
        /// The secret that signs: 16 to 256 visible characters of ASCII; behind `whsec_` base64 of 16 bytes at least, where it is base64. Absent: one is made, and shown in this answer alone.
        #[schema(min_length = 16, max_length = 256, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
        secret: Option<String>,
    }
    /// Changes to a webhook: what is absent stays, and null clears. Of `headers`, those that are named are set or, with null,
    /// removed.
    WebhookChange, false, Option<String> {}
}

inputs! {
    /// A listener to be made.
    NewListener, true, {} {
        /// The secret that signs: 16 to 256 visible characters of ASCII; behind `whsec_` base64 of 16 bytes at least, where it is base64. Absent: one is made.
        #[schema(min_length = 16, max_length = 256)]
        secret: Option<String>,
    }
}

/// What a body asks for. What is absent is not asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub url: Option<String>,
    pub events: Option<EventKinds>,
    pub links: Option<Vec<LinkId>>,
    pub tags: Option<Vec<Tag>>,
    pub domains: Option<Vec<String>>,
    pub includes_bots: Option<bool>,
    /// Each with its value, or `None` to remove it; `None` for all of them, to remove them all.
    pub headers: Set<Vec<(String, Option<String>)>>,
    pub max_per_second: Set<u32>,
    pub version: Option<PayloadVersion>,
    pub description: Set<String>,
    pub is_active: Option<bool>,
    pub secret: Option<String>,
}

/// What the reader needs to know of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    /// Which hosts are ours.
    pub hosts: &'a Hosts,
    /// Who asks.
    pub owner: Owner,
    /// Says which addresses may be called.
    pub outbound: &'a Outbound,
}

/// Reads the body of a new webhook: `url` and `events` are required.
pub(super) fn read_new(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let mut asked = Asked {
        url: fields.required("url", text(|address| url(address, world))),
        events: required_events(&mut fields),
        ..members(&mut fields, world)
    };
    asked.secret = fields.nullable("secret", text(webhook::parse_secret)).flatten();
    fields.end();
    asked
}

/// Reads the body of a new listener: `events` are required, and there is no address.
pub(super) fn read_listener(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let asked = Asked {
        url: Some(String::new()),
        events: required_events(&mut fields),
        secret: fields.nullable("secret", text(webhook::parse_secret)).flatten(),
        ..wishes(&mut fields, world)
    };
    fields.end();
    asked
}

/// Reads the body of a change.
pub(super) fn read_change(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let asked = Asked {
        url: fields.optional("url", text(|address| url(address, world))),
        events: read_events(&mut fields),
        ..members(&mut fields, world)
    };
    if fields.take("secret").is_some() {
        fields.problems.refuse("secret", "Is changed by POST /webhooks/{id}/rotate-secret");
    }
    fields.end();
    asked
}

/// What both shapes have in common.
fn members(fields: &mut Fields<'_>, world: World<'_>) -> Asked {
    let note = |text: &str| link::parse_text(text, LONGEST_DESCRIPTION);
    Asked {
        headers: read_headers(fields),
        max_per_second: fields.nullable("max_per_second", integer(rate)),
        description: fields.nullable("description", text(note)),
        is_active: fields.nullable("active", boolean).map(|is_active| is_active.unwrap_or(true)),
        ..wishes(fields, world)
    }
}

/// Of which links, and how, a webhook and a listener are told.
fn wishes(fields: &mut Fields<'_>, world: World<'_>) -> Asked {
    for name in ["link_ids", "tags", "domains"] {
        fields.clear(name);
    }
    let host = |name: &str| {
        world.hosts.usable(name, world.owner).ok_or_else(|| {
            let known = world.hosts.usable_names(world.owner);
            Refused::saying(format!("Must be a domain of this workspace: {}", known.join(", ")))
        })
    };
    let version = fields.nullable("version", integer(PayloadVersion::parse));
    Asked {
        includes_bots: fields.nullable("include_bots", boolean).map(Option::unwrap_or_default),
        version: version.map(|version| version.unwrap_or(PayloadVersion::NEWEST)),
        links: fields.texts("link_ids", MOST_PER_FILTER, LinkId::parse).map(without_repeats),
        tags: fields.texts("tags", MOST_PER_FILTER, Tag::parse).map(without_repeats),
        domains: fields.texts("domains", MOST_PER_FILTER, host).map(without_repeats),
        ..Asked::default()
    }
}

fn url(address: &str, world: World<'_>) -> Result<String, Refused> {
    world.outbound.target(address).map(|_| address.to_owned())
}

fn required_events(fields: &mut Fields<'_>) -> Option<EventKinds> {
    if fields.has("events") {
        return read_events(fields);
    }
    let _ = fields.take("events");
    fields.problems.miss("events");
    None
}

fn read_events(fields: &mut Fields<'_>) -> Option<EventKinds> {
    let kinds = EventKinds::of(&fields.texts("events", MOST_EVENTS, EventKind::parse)?);
    if kinds.is_empty() {
        fields.problems.refuse("events", "Must name at least one event");
    }
    Some(kinds)
}

fn read_headers(fields: &mut Fields<'_>) -> Set<Vec<(String, Option<String>)>> {
    let members = match fields.take("headers")? {
        Value::Null => return Some(None),
        Value::Object(members) => members,
        _ => {
            fields.problems.refuse("headers", "Must be an object of names and values");
            return None;
        }
    };
    let mut headers: Vec<(String, Option<String>)> = Vec::new();
    for (name, value) in members {
        match read_header(&name, value) {
            Ok((name, _)) if headers.iter().any(|(known, _)| *known == name) => {
                fields.problems.refuse(format!("headers.{name}"), "Must be there once, in whatever case");
            }
            Ok(header) => headers.push(header),
            Err(why) => fields.problems.refuse(format!("headers.{name}"), why.to_string()),
        }
    }
    Some(Some(headers))
}

/// Names have no case, and are kept in the one that they are sent in.
fn read_header(name: &str, value: Value) -> Result<(String, Option<String>), Refused> {
    let (value, is_kept) = match value {
        Value::Null => (String::new(), false),
        Value::String(value) => (value, true),
        _ => return Err(Refused::because("Must be a string")),
    };
    if value == MASKED {
        return Err(Refused::because("Must be the value itself; *** only stands for it. Leave it out to keep it"));
    }
    let (name, _) = outbound::custom_header(name, &value)?;
    Ok((name.as_str().to_owned(), is_kept.then_some(value)))
}

fn rate(number: i64) -> Result<u32, Refused> {
    let within = u32::try_from(number).ok().filter(|number| (1..=1000).contains(number));
    within.ok_or(Refused::because("Must be a whole number from 1 to 1000"))
}

fn without_repeats<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

impl Asked {
    /// A new webhook's content, but for what is sealed. `None` where a required part is missing.
    pub(super) fn content(&self) -> Option<Content> {
        let mut content = Content {
            url: self.url.clone()?,
            events: self.events?,
            filter: Filter::default(),
            includes_bots: false,
            max_per_second: None,
            payload_version: PayloadVersion::NEWEST,
            is_active: true,
            description: None,
            sealed: Vec::new(),
        };
        self.change(&mut content);
        Some(content)
    }

    /// Changes what is asked to be changed, but for what is sealed.
    pub(super) fn change(&self, content: &mut Content) {
        fn set<T: Clone>(to: &mut T, asked: Option<&T>) {
            if let Some(asked) = asked {
                to.clone_from(asked);
            }
        }
        set(&mut content.url, self.url.as_ref());
        set(&mut content.events, self.events.as_ref());
        set(&mut content.filter.links, self.links.as_ref());
        set(&mut content.filter.tags, self.tags.as_ref());
        set(&mut content.filter.domains, self.domains.as_ref());
        set(&mut content.includes_bots, self.includes_bots.as_ref());
        set(&mut content.max_per_second, self.max_per_second.as_ref());
        set(&mut content.payload_version, self.version.as_ref());
        set(&mut content.is_active, self.is_active.as_ref());
        set(&mut content.description, self.description.as_ref());
    }

    /// The headers as they are after the change, which must not be too many.
    pub(super) fn headers(&self, old: &[(String, String)], problems: &mut Problems) -> Vec<(String, String)> {
        let mut headers = old.to_vec();
        match &self.headers {
            None => {}
            Some(None) => headers.clear(),
            Some(Some(changes)) => {
                for (name, value) in changes {
                    headers.retain(|(known, _)| known != name);
                    headers.extend(value.iter().map(|value| (name.clone(), value.clone())));
                }
            }
        }
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if headers.len() > MOST_HEADERS.0 {
            problems.refuse("headers", format!("Must be at most {}", MOST_HEADERS.0));
        }
        if bytes > MOST_HEADERS.1 {
            problems.refuse("headers", format!("Must be at most {} bytes together, names and values", MOST_HEADERS.1));
        }
        headers
    }
}

/// Which event is to be sent for a test.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct TestWish {
    /// One of those that the webhook subscribes to. Absent: the first of them.
    #[schema(required = false)]
    event: EventName,
}

/// Reads the event that is asked for, if there is one.
pub(super) fn read_test(value: Value, problems: &mut Problems) -> Option<EventKind> {
    let mut fields = Fields::of(value, "", problems)?;
    let event = fields.optional("event", text(EventKind::parse));
    fields.end();
    event
}

/// A secret in place of another.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct NewSecret {
    /// The new secret: 16 to 256 visible characters of ASCII; behind `whsec_` base64 of 16 bytes at least, where it is base64. Absent: one is made, and shown in this answer alone.
    #[schema(min_length = 16, max_length = 256)]
    secret: Option<String>,
}

/// Reads the secret that is asked for, if there is one.
pub(super) fn read_secret(value: Value, problems: &mut Problems) -> Option<String> {
    let mut fields = Fields::of(value, "", problems)?;
    let secret = fields.nullable("secret", text(webhook::parse_secret)).flatten();
    fields.end();
    secret
}

/// Since when failed deliveries are to be made again.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct ReplayWish {
    /// Those of events at or after this moment.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    since: String,
}

/// Reads the moment; it is required.
pub(super) fn read_since(value: Value, problems: &mut Problems) -> Option<Time> {
    let mut fields = Fields::of(value, "", problems)?;
    let since = fields.required("since", text(Time::parse));
    fields.end();
    since
}
