//! How an event is told, to webhooks and to streams alike: the body of a delivery.

use mask_core::{
    event::EventKind,
    id::{EventId, LinkId},
    time::Time,
};
use mask_store::{Event, Fact, Happening, Subject, Tell, Visit};
use serde::Serialize;
use utoipa::ToSchema;

use super::links::LinkBody;
use crate::redirect::Hosts;

/// Tells of events as the API shows things.
#[derive(Debug)]
pub struct Teller {
    hosts: Hosts,
}

impl Teller {
    /// One that knows where links live.
    pub const fn new(hosts: Hosts) -> Self {
        Self { hosts }
    }
}

impl Tell for Teller {
    fn body(&self, event: &Event<'_>) -> String {
        let &Event { id, kind, at, ref happening } = event;
        match happening {
            Happening::Link(link) => body(id, kind, at, &LinkBody::of(link, &self.hosts)),
            Happening::Visit { fact, link, is_unique } => {
                body(id, kind, at, &VisitBody::of(fact, *link, *is_unique, &self.hosts))
            }
        }
    }
}

/// An event, and what it is about.
#[derive(Debug, Serialize)]
struct Envelope<'a, T> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: &'a T,
}

/// The body of a delivery.
pub fn body(id: EventId, kind: EventKind, at: Time, data: &impl Serialize) -> String {
    let envelope = Envelope { id: id.to_string(), kind: kind.as_str(), timestamp: at.to_string(), data };
    serde_json::to_string(&envelope).expect("events are strings, numbers and lists of them")
}

/// A click or a scan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Visit)]
pub struct VisitBody<'a> {
    /// The link.
    link_id: String,
    /// Its path; null for a link that was deleted long ago.
    slug: Option<&'a str>,
    /// Where it leads.
    url: Option<&'a str>,
    /// The address that was followed.
    short_url: Option<String>,
    /// The owner's own id for it.
    external_id: Option<&'a str>,
    /// The registrable host that referred here, or `direct`.
    referrer: &'a str,
    /// ISO 3166-1 alpha-2, or `unknown`.
    country: &'a str,
    /// Below the country, or `unknown`.
    region: &'a str,
    /// Below the region, or `unknown`.
    city: &'a str,
    /// The class of device.
    device: &'a str,
    /// The family of the operating system.
    os: &'a str,
    /// The family of the browser.
    browser: &'a str,
    /// The first language that was asked for, or `unknown`.
    language: &'a str,
    /// `link` or `qr`.
    source: &'a str,
    /// Whether it was anything but a person.
    is_bot: bool,
    /// What it was: `person`, or the class of bot.
    bot: &'a str,
    /// Whether it was its visitor's first click of the day; null where that is not known.
    is_unique: Option<bool>,
}

impl<'a> VisitBody<'a> {
    /// The visit as it is told.
    pub fn of(fact: &'a Fact, link: Option<&'a Subject>, is_unique: Option<bool>, hosts: &Hosts) -> Self {
        fn known(value: Option<&String>) -> &str {
            value.map_or("unknown", String::as_str)
        }
        Self {
            link_id: fact.link.to_string(),
            slug: link.map(|link| link.slug.as_str()),
            url: link.map(|link| link.url.as_str()),
            short_url: link.map(|link| hosts.short_url(&link.domain, &link.slug)),
            external_id: link.and_then(|link| link.external_id.as_deref()),
            referrer: fact.referrer.as_deref().unwrap_or("direct"),
            country: known(fact.country.as_ref()),
            region: known(fact.region.as_ref()),
            city: known(fact.city.as_ref()),
            device: fact.device,
            os: fact.os,
            browser: fact.browser,
            language: known(fact.language.as_ref()),
            source: fact.source,
            is_bot: fact.class != "person",
            bot: fact.class,
            is_unique,
        }
    }

    /// A visit that was recorded before.
    pub fn recorded(visit: &'a Visit, link: Option<&'a Subject>, hosts: &Hosts) -> Self {
        fn or<'v>(value: Option<&'v String>, absent: &'static str) -> &'v str {
            value.map_or(absent, String::as_str)
        }
        Self {
            link_id: visit.link.to_string(),
            slug: link.map(|link| link.slug.as_str()),
            url: link.map(|link| link.url.as_str()),
            short_url: link.map(|link| hosts.short_url(&link.domain, &link.slug)),
            external_id: link.and_then(|link| link.external_id.as_deref()),
            referrer: or(visit.referrer.as_ref(), "direct"),
            country: or(visit.country.as_ref(), "unknown"),
            region: or(visit.region.as_ref(), "unknown"),
            city: or(visit.city.as_ref(), "unknown"),
            device: or(visit.device.as_ref(), "unknown"),
            os: or(visit.os.as_ref(), "unknown"),
            browser: or(visit.browser.as_ref(), "unknown"),
            language: or(visit.language.as_ref(), "unknown"),
            source: &visit.source,
            is_bot: visit.class != "person",
            bot: &visit.class,
            is_unique: Some(visit.is_unique),
        }
    }

    /// A visit as it might be, to try a subscription out.
    pub fn sample(link: &'a str) -> Self {
        Self {
            link_id: LinkId::from_bits(0).to_string(),
            slug: Some("spring"),
            url: Some("https://example.com/spring"),
            short_url: Some(link.to_owned()),
            external_id: None,
            referrer: "direct",
            country: "US",
            region: "unknown",
            city: "unknown",
            device: "mobile",
            os: "iOS",
            browser: "Safari",
            language: "en",
            source: "link",
            is_bot: false,
            bot: "person",
            is_unique: Some(true),
        }
    }
}
