//! How an event is told, to webhooks and to streams alike: the body of a delivery.

use std::sync::Arc;

use mask_core::{
    event::EventKind,
    id::{EventId, LinkId, PageId, QrId},
    question::Dimension,
    time::Time,
    visit::Target,
};
use mask_store::{Deed, Event, Fact, Happening, PageSubject, ShownChange, Subject, Tell, Visit};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{analytics, audit_log, bio_pages::PageBody, domains::DomainBody, links::LinkBody};
use crate::{clock::Clock, domains::Records, redirect::Hosts, tls::Certificates, webhooks::seal::Vault};

/// Tells of events as the API shows things.
#[derive(Debug)]
pub struct Teller {
    pub(super) hosts: Hosts,
    pub(super) records: Records,
    pub(super) certificates: Arc<Certificates>,
    pub(super) clock: Clock,
    pub(super) vault: Option<Arc<Vault>>,
}

impl Teller {
    /// One that knows where links live, where domains are to lead, and how their certificates are. Without a vault it does not
    /// know which headers a webhook sends: for tools that change none.
    pub const fn new(
        hosts: Hosts,
        records: Records,
        certificates: Arc<Certificates>,
        clock: Clock,
        vault: Option<Arc<Vault>>,
    ) -> Self {
        Self { hosts, records, certificates, clock, vault }
    }
}

impl Tell for Teller {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn body(&self, event: &Event<'_>) -> String {
        // There is one version so far. Another is told here too, beside this one, for as long as anybody is told in it.
        let &Event { id, kind, at, version: _, ref happening } = event;
        match happening {
            Happening::Link(link) => body(id, kind, at, &LinkBody::of(link, &self.hosts)),
            Happening::Page(page) => body(id, kind, at, &PageBody::of(page, &self.hosts)),
            Happening::Domain(domain) => {
                let standing = self.certificates.standing_of(domain, self.clock.now());
                body(id, kind, at, &DomainBody::of(domain, &self.records, standing))
            }
            Happening::Visit { fact, link, code, is_unique } => {
                body(id, kind, at, &VisitBody::of(*fact, *link, *code, *is_unique, &self.hosts))
            }
            Happening::View { fact, page, is_unique } => {
                body(id, kind, at, &ViewBody::of(*fact, *page, *is_unique, &self.hosts))
            }
        }
    }

    fn change(&self, deed: &Deed<'_>, now: Time) -> ShownChange {
        audit_log::shown(self, deed, now)
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
    #[serde(flatten)]
    visitor: Visitor<'a>,
    /// Of a scan: the code, or null for one that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    qr_code_id: Option<Value>,
}

/// A view of a bio page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = View)]
pub struct ViewBody<'a> {
    /// The page.
    bio_page_id: String,
    /// Its path; null for a page that was deleted.
    slug: Option<&'a str>,
    /// What it is called.
    title: Option<&'a str>,
    /// Where it is.
    url: Option<String>,
    #[serde(flatten)]
    visitor: Visitor<'a>,
}

/// Who came, as far as anybody is told.
#[derive(Debug, Serialize, ToSchema)]
struct Visitor<'a> {
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
    /// `link`, `qr` or `bio`.
    source: &'a str,
    /// Whether it was anything but a person.
    is_bot: bool,
    /// What it was: `person`, or the class of bot.
    bot: &'a str,
    /// Whether it was its visitor's first click (or view) of the day; null where that is not known.
    is_unique: Option<bool>,
}

/// A visit that can be told of: one that is being recorded, or one that was.
pub trait Telling {
    /// What was visited.
    fn target(&self) -> Target;
    /// What is known of the visit, or the word for that nothing is.
    fn word(&self, dimension: Dimension) -> &str;
}

impl Telling for Fact {
    fn target(&self) -> Target {
        self.target
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
    fn target(&self) -> Target {
        self.target
    }

    fn word(&self, dimension: Dimension) -> &str {
        analytics::value(self, dimension)
    }
}

impl<'a> VisitBody<'a> {
    /// The visit of a link as it is told, with the code that was scanned.
    pub fn of(
        visit: &'a impl Telling,
        link: Option<&'a Subject>,
        code: Option<QrId>,
        is_unique: Option<bool>,
        hosts: &Hosts,
    ) -> Self {
        let visitor = Visitor::of(visit, is_unique);
        let is_scan = EventKind::of_visit(visit.target(), visitor.source) == Some(EventKind::QrScanned);
        Self {
            link_id: LinkId::from_bits(visit.target().bits()).to_string(),
            slug: link.map(|link| link.slug.as_str()),
            url: link.map(|link| link.url.as_str()),
            short_url: link.map(|link| hosts.short_url(&link.domain, &link.slug)),
            external_id: link.and_then(|link| link.external_id.as_deref()),
            visitor,
            qr_code_id: is_scan.then(|| code.map(|code| code.to_string()).into()),
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
            visitor: Visitor::SAMPLE,
            qr_code_id: None,
        }
    }
}

impl<'a> ViewBody<'a> {
    /// The view of a page as it is told.
    pub fn of(view: &'a impl Telling, page: Option<&'a PageSubject>, is_unique: Option<bool>, hosts: &Hosts) -> Self {
        Self {
            bio_page_id: PageId::from_bits(view.target().bits()).to_string(),
            slug: page.map(|page| page.slug.as_str()),
            title: page.map(|page| page.title.as_str()),
            url: page.map(|page| hosts.short_url(&page.domain, &page.slug)),
            visitor: Visitor::of(view, is_unique),
        }
    }

    /// A view as it might be, to try a subscription out.
    pub fn sample(url: &str) -> Self {
        Self {
            bio_page_id: PageId::from_bits(0).to_string(),
            slug: Some("spring"),
            title: Some("Spring"),
            url: Some(url.to_owned()),
            visitor: Visitor::SAMPLE,
        }
    }
}

impl<'a> Visitor<'a> {
    const SAMPLE: Self = Self {
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
    };

    fn of(visit: &'a impl Telling, is_unique: Option<bool>) -> Self {
        let bot = visit.word(Dimension::Bot);
        Self {
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
}
