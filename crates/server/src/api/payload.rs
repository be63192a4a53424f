//! How an event is told, to webhooks and to streams alike: the body of a delivery.

use mask_core::{
    event::EventKind,
    id::{EventId, LinkId},
    question::Dimension,
    time::Time,
};
use mask_store::{Event, Fact, Happening, Subject, Tell, Visit};
use serde::Serialize;
use utoipa::ToSchema;

use super::{analytics, links::LinkBody};
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
                body(id, kind, at, &VisitBody::of(*fact, *link, *is_unique, &self.hosts))
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

/// A visit that can be told of: one that is being recorded, or one that was.
pub trait Telling {
    /// The link.
    fn link(&self) -> LinkId;
    /// What is known of the visit, or the word for that nothing is.
    fn word(&self, dimension: Dimension) -> &str;
}

impl Telling for Fact {
    fn link(&self) -> LinkId {
        self.link
    }

    fn word(&self, dimension: Dimension) -> &str {
        let word = match dimension {
            Dimension::Country => self.country.as_deref(),
            Dimension::Region => self.region.as_deref(),
            Dimension::City => self.city.as_deref(),
            Dimension::Device => Some(self.device),
            Dimension::Browser => Some(self.browser),
            Dimension::Os => Some(self.os),
            Dimension::Language => self.language.as_deref(),
            Dimension::Referrer => self.referrer.as_deref(),
            Dimension::Source => Some(self.source),
            Dimension::Bot => Some(self.class),
            _ => None,
        };
        word.unwrap_or(dimension.absent())
    }
}

impl Telling for Visit {
    fn link(&self) -> LinkId {
        self.link
    }

    fn word(&self, dimension: Dimension) -> &str {
        analytics::value(self, dimension)
    }
}

impl<'a> VisitBody<'a> {
    /// The visit as it is told.
    pub fn of(visit: &'a impl Telling, link: Option<&'a Subject>, is_unique: Option<bool>, hosts: &Hosts) -> Self {
        let bot = visit.word(Dimension::Bot);
        Self {
            link_id: visit.link().to_string(),
            slug: link.map(|link| link.slug.as_str()),
            url: link.map(|link| link.url.as_str()),
            short_url: link.map(|link| hosts.short_url(&link.domain, &link.slug)),
            external_id: link.and_then(|link| link.external_id.as_deref()),
            referrer: visit.word(Dimension::Referrer),
            country: visit.word(Dimension::Country),
            region: visit.word(Dimension::Region),
            city: visit.word(Dimension::City),
            device: visit.word(Dimension::Device),
            os: visit.word(Dimension::Os),
            browser: visit.word(Dimension::Browser),
            language: visit.word(Dimension::Language),
            source: visit.word(Dimension::Source),
            is_bot: bot != "person",
            bot,
            is_unique,
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
