//! The outbox: what happened, written beside what happened.
//!
//! Whoever changes something opens an [`Outbox`] in the same transaction and says what it did. If a subscription of the
//! owner wants to know, the event and a delivery for each such subscription are rows when the change is; if the change is
//! taken back, so are they. How an event is told is the API's business: the store is given a [`Tell`] when it is opened.
//!
//! An event's id is made of what makes the event unique, so that whatever is tried again tells of the same event.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mask_core::{
    action::Action,
    actor::Actor,
    bio_page::BioPage,
    domain::Domain,
    event::{EventKind, EventKinds},
    id::{self, DeliveryId, EventId, QrId, WebhookId},
    link::Link,
    time::Time,
    webhook::{Filter, PayloadVersion},
    workspace::Owner,
};

use super::{PageSubject, Subject, delivery::delivery_id, read_filter, to_change};
use crate::{
    Deed, Error, Fact, Keep, Once, ShownChange, Store,
    audit::Lines,
    db::{Row, Tx, Value, values},
    links::Address,
    row_id,
};

/// Who asks for a change: the owner of what is changed, who it is, and the request in which it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Whose objects are changed.
    pub owner: Owner,
    /// Who changes them.
    pub actor: Actor,
    /// The request's id, as its answer has it.
    pub request: Option<String>,
    /// The country that they ask from, where that is known. Their address is not kept.
    pub country: Option<String>,
}

impl From<Owner> for By {
    fn from(owner: Owner) -> Self {
        Self { owner, actor: Actor::System, request: None, country: None }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its id.
    pub id: EventId,
    /// What kind of thing it is.
    pub kind: EventKind,
    /// When.
    pub at: Time,
    /// In which shape it is told.
    pub version: PayloadVersion,
    /// To what.
    pub happening: Happening<'a>,
}

/// What an event tells of.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// A link, as it is after the event (or was before it was deleted).
    Link(&'a Link),
    /// A bio page, as it is after the event.
    Page(&'a BioPage),
    /// A domain, as it is after the event.
    Domain(&'a Domain),
    /// A visit of a link.
    Visit {
        /// What is recorded of it.
        fact: &'a Fact,
        /// The link, or what is left of it; nothing of one that was never known.
        link: Option<&'a Subject>,
        /// The code that was scanned, while there is such a code.
        code: Option<QrId>,
        /// Whether it was its visitor's first of the day; `None` where that is not known.
        is_unique: Option<bool>,
    },
    /// A view of a bio page.
    View {
        /// What is recorded of it.
        fact: &'a Fact,
        /// The page; nothing of one that is no more.
        page: Option<&'a PageSubject>,
        /// Whether it was its visitor's first of the day; `None` where that is not known.
        is_unique: Option<bool>,
    },
}

/// An event that did not happen, as it is told to try a subscription out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestEvent {
    /// Its id.
    pub id: EventId,
    /// What kind of thing it would be.
    pub kind: EventKind,
    /// In which shape it is told.
    pub version: PayloadVersion,
    /// What is told.
    pub body: String,
}

/// How events are told.
pub trait Tell: std::fmt::Debug + Send + Sync {
    /// This moment, at which visits are told of that may have happened long ago.
    fn now(&self) -> Time;

    /// The body of a delivery of this event, in its version.
    fn body(&self, event: &Event<'_>) -> String;

    /// What the log of changes shows of a change that is made now. Nothing secret is in it.
    fn change(&self, deed: &Deed<'_>, now: Time) -> ShownChange;
}

/// What a step needs to tell of what it does.
#[derive(Clone, Default)]
pub(crate) struct Telling {
    tell: Option<Arc<dyn Tell>>,
    has_told: Arc<AtomicBool>,
    lines: Lines,
}

impl Telling {
    pub(crate) fn tell(&self) -> Option<&dyn Tell> {
        self.tell.as_deref()
    }

    /// What is to be written into the log of changes when the step ends.
    pub(crate) const fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Whether anybody could be told of anything.
    pub(crate) const fn is_possible(&self) -> bool {
        self.tell.is_some()
    }
}

/// See the module.
pub(crate) struct Outbox {
    by: By,
    now: Time,
    telling: Telling,
    subscriptions: Vec<Subscription>,
}

/// A subscription that is active, as far as it decides who is told.
struct Subscription {
    number: i64,
    events: EventKinds,
    filter: Filter,
    includes_bots: bool,
    version: PayloadVersion,
}

impl Subscription {
    fn wants(&self, kind: EventKind, is_bot: bool) -> bool {
        self.events.has(kind) && (self.includes_bots || !is_bot)
    }
}

/// An event that is to be written in one of the versions in which it is told, and the numbers of those who are told so.
struct Written {
    id: EventId,
    kind: EventKind,
    version: PayloadVersion,
    /// The request that caused it.
    request: Option<String>,
    body: String,
    told: Vec<i64>,
}

/// When an event came about, and by which request.
struct Caused {
    at: Time,
    request: Option<String>,
}

/// A visit that may be told of.
pub(crate) struct Visited<'a> {
    /// The event's id.
    pub(crate) id: EventId,
    pub(crate) fact: &'a Fact,
    /// The link, or what is left of it.
    pub(crate) link: Option<&'a Subject>,
    /// The page.
    pub(crate) page: Option<&'a PageSubject>,
    /// The code that was scanned.
    pub(crate) code: Option<QrId>,
    pub(crate) is_unique: Option<bool>,
}

impl Outbox {
    /// The outbox of a change of links that is made now.
    pub(crate) fn of_links(tx: &mut Tx<'_>, by: By, telling: &Telling, now: Time) -> Result<Self, Error> {
        use EventKind::{LinkCreated, LinkDeleted, LinkUpdated};
        Self::open(tx, by, telling, now, EventKinds::of(&[LinkCreated, LinkUpdated, LinkDeleted]))
    }

    /// The outbox of a change of bio pages that is made now.
    pub(crate) fn of_pages(tx: &mut Tx<'_>, by: By, telling: &Telling, now: Time) -> Result<Self, Error> {
        Self::open(tx, by, telling, now, EventKinds::of(&[EventKind::PagePublished]))
    }

    /// The outbox of a domain that becomes somebody's now.
    pub(crate) fn of_domains(tx: &mut Tx<'_>, by: By, telling: &Telling, now: Time) -> Result<Self, Error> {
        Self::open(tx, by, telling, now, EventKinds::of(&[EventKind::DomainVerified]))
    }

    /// The outbox of visits that are counted.
    pub(crate) fn of_visits(tx: &mut Tx<'_>, owner: Owner, telling: &Telling, now: Time) -> Result<Self, Error> {
        Self::open(tx, By::from(owner), telling, now, EventKinds::of_visits())
    }

    fn open(tx: &mut Tx<'_>, by: By, telling: &Telling, now: Time, kinds: EventKinds) -> Result<Self, Error> {
        let subscriptions = if telling.tell.is_some() { active(tx, by.owner, kinds)? } else { Vec::new() };
        Ok(Self { by, now, telling: telling.clone(), subscriptions })
    }

    pub(crate) const fn owner(&self) -> Owner {
        self.by.owner
    }

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    /// Says in the log of changes what was done.
    pub(crate) fn note(&self, action: Action, deed: Deed<'_>) {
        self.telling.note(&self.by, self.now, action, deed);
    }

    /// Says that at these addresses something is another, though no object is.
    pub(crate) fn touch(&self, addresses: &[Address]) {
        self.telling.touch(addresses);
    }

    /// Tells of what was done with a link; the link is as it is after that, or as it was when it was deleted.
    pub(crate) fn link(&self, tx: &mut Tx<'_>, kind: EventKind, link: &Link) -> Result<(), Error> {
        let told = self.told(kind, false, |filter| filter.admits(link.id, &link.content.tags, &link.domain));
        if told.is_empty() {
            return Ok(());
        }
        let id = event_id(self.now, (self.by.owner.number(), kind.number(), link.id.bits(), link.version));
        self.write(tx, &self.changed(id, kind, &Happening::Link(link), &told))
    }

    /// Tells that a page was published. Whoever only wants to know of some links, or tags of links, is not told of pages.
    pub(crate) fn page_published(&self, tx: &mut Tx<'_>, page: &BioPage) -> Result<(), Error> {
        let kind = EventKind::PagePublished;
        let told = self.told(kind, false, |filter| filter.admits_page(&page.domain));
        if told.is_empty() {
            return Ok(());
        }
        let id = event_id(self.now, (self.by.owner.number(), kind.number(), page.id.bits(), page.version));
        self.write(tx, &self.changed(id, kind, &Happening::Page(page), &told))
    }

    /// Tells that a domain is its owner's. Whoever only wants to know of some links, or tags of links, is not told of it.
    pub(crate) fn domain_verified(&self, tx: &mut Tx<'_>, domain: &Domain) -> Result<(), Error> {
        let kind = EventKind::DomainVerified;
        let told = self.told(kind, false, |filter| filter.admits_page(domain.name.as_str()));
        if told.is_empty() {
            return Ok(());
        }
        let id = event_id(self.now, (self.by.owner.number(), kind.number(), domain.id.bits(), domain.version));
        self.write(tx, &self.changed(id, kind, &Happening::Domain(domain), &told))
    }

    /// Tells of visits.
    pub(crate) fn visits<'a>(
        &self,
        tx: &mut Tx<'_>,
        visits: impl IntoIterator<Item = Visited<'a>>,
    ) -> Result<(), Error> {
        let written = visits.into_iter().filter_map(|Visited { id, fact, link, page, code, is_unique }| {
            let (kind, is_bot) = (EventKind::of_visit(fact.target, fact.source)?, !fact.is_counted);
            let (told, happening) = if let Some(id) = fact.target.link() {
                let (tags, domain) = link.map_or((&[][..], ""), |link| (&link.tags[..], link.domain.as_str()));
                let told = self.told(kind, is_bot, |filter| filter.admits(id, tags, domain));
                (told, Happening::Visit { fact, link, code, is_unique })
            } else {
                let domain = page.map_or("", |page| page.domain.as_str());
                let told = self.told(kind, is_bot, |filter| filter.admits_page(domain));
                (told, Happening::View { fact, page, is_unique })
            };
            let caused = Caused { at: fact.at, request: fact.request.map(|request| request.to_string()) };
            Some(self.written(id, kind, &caused, &happening, &told))
        });
        self.write(tx, &written.flatten().collect::<Vec<_>>())
    }

    /// Whether anybody may want to know of a visit; the link's or page's properties are not known yet. A person who found nothing more
    /// to visit made no click that anybody is told of.
    pub(crate) fn may_want(&self, fact: &Fact) -> bool {
        let is_visit = fact.is_counted || fact.class != PERSON;
        let kind = EventKind::of_visit(fact.target, fact.source).filter(|_| is_visit);
        kind.is_some_and(|kind| {
            self.subscriptions.iter().any(|subscription| subscription.wants(kind, !fact.is_counted))
        })
    }

    /// Those who are told.
    fn told(&self, kind: EventKind, is_bot: bool, admits: impl Fn(&Filter) -> bool) -> Vec<&Subscription> {
        let wants = |subscription: &&Subscription| subscription.wants(kind, is_bot) && admits(&subscription.filter);
        self.subscriptions.iter().filter(wants).collect()
    }

    /// A change that is made now, as it is told.
    fn changed(&self, id: EventId, kind: EventKind, happening: &Happening<'_>, told: &[&Subscription]) -> Vec<Written> {
        let caused = Caused { at: self.now, request: self.by.request.clone() };
        self.written(id, kind, &caused, happening, told)
    }

    /// The event as it is told: once for each version that somebody is told in.
    fn written(
        &self,
        id: EventId,
        kind: EventKind,
        Caused { at, request }: &Caused,
        happening: &Happening<'_>,
        told: &[&Subscription],
    ) -> Vec<Written> {
        let Some(tell) = &self.telling.tell else { return Vec::new() };
        let versions: BTreeSet<_> = told.iter().map(|subscription| subscription.version).collect();
        let written = versions.into_iter().map(|version| {
            let body = tell.body(&Event { id, kind, at: *at, version, happening: happening.clone() });
            let told = told.iter().filter(|subscription| subscription.version == version);
            let told = told.map(|subscription| subscription.number).collect();
            Written { id, kind, version, request: request.clone(), body, told }
        });
        written.collect()
    }

    fn write(&self, tx: &mut Tx<'_>, events: &[Written]) -> Result<(), Error> {
        if !events.is_empty() {
            self.telling.has_told.store(true, Ordering::Relaxed);
        }
        enqueue(tx, events, self.now).map(drop)
    }
}

/// The class of visits that people make.
const PERSON: &str = "person";

fn active(tx: &mut Tx<'_>, owner: Owner, kinds: EventKinds) -> Result<Vec<Subscription>, Error> {
    let sql = "SELECT number, events, filter, includes_bots, payload_version FROM webhooks \
               WHERE owner = $1 AND is_active AND events & $2 <> 0 ORDER BY number";
    let read = |row: Row| {
        let mut row = row.columns("webhooks");
        Ok(Subscription {
            number: row.integer("number")?,
            events: EventKinds::from_bits(row.integer("events")?),
            filter: row.parsed("filter", read_filter)?,
            includes_bots: row.boolean("includes_bots")?,
            version: PayloadVersion::stored(row.required("payload_version", Value::into_small)?),
        })
    };
    tx.query(sql, &values![owner, kinds.bits()])?.into_iter().map(read).collect()
}

/// How many rows one statement writes: many of them share a way to the database, and there are few texts to prepare.
const AT_ONCE: [usize; 3] = [64, 8, 1];

/// Parts of these sizes, the largest first.
pub(crate) fn parts<T>(mut all: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = AT_ONCE.into_iter().find(|size| *size <= all.len())?;
        let (part, rest) = all.split_at(size);
        all = rest;
        Some(part)
    })
}

/// `($1, $2), ($3, $4)`, with so many places in each of so many rows, after so many that are taken.
pub(crate) fn places(rows: usize, each: usize, taken: usize, row: impl Fn(&[String]) -> String) -> String {
    let place = |number: usize| format!("${}", taken + number + 1);
    let rows: Vec<_> =
        (0..rows).map(|row_| row(&(0..each).map(|column| place(row_ * each + column)).collect::<Vec<_>>())).collect();
    rows.join(", ")
}

/// Writes events and their deliveries; answers the numbers of the deliveries.
fn enqueue(tx: &mut Tx<'_>, events: &[Written], now: Time) -> Result<Vec<i64>, Error> {
    let mut deliveries = Vec::new();
    for part in parts(events) {
        let mut bound: Vec<Value> = values![now].into();
        bound.extend(part.iter().flat_map(|event| {
            values![event.id, event.kind, event.version.number(), event.request.as_ref(), &event.body]
        }));
        let rows = places(part.len(), 5, 1, |place| format!("({}, $1)", place.join(", ")));
        let sql = format!(
            "INSERT INTO events (id, kind, payload_version, request, body, created_at) VALUES {rows} \
             RETURNING id, payload_version, seq"
        );
        let mut numbers = HashMap::new();
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("events");
            let id = row.parsed("id", EventId::parse)?;
            let version = PayloadVersion::stored(row.required("payload_version", Value::into_small)?);
            numbers.insert((id, version), row.integer("seq")?);
        }
        for event in part {
            let number = *numbers.get(&(event.id, event.version)).ok_or_else(vanished)?;
            deliveries.extend(event.told.iter().map(|webhook| (*webhook, number, event.kind)));
        }
    }
    let mut numbers = Vec::with_capacity(deliveries.len());
    for part in parts(&deliveries) {
        let mut bound: Vec<Value> = values![now].into();
        bound.extend(part.iter().flat_map(|(webhook, event, kind)| values![*webhook, *event, *kind]));
        let rows =
            places(part.len(), 3, 1, |place| format!("({}, {}, {}, 0, $1, 0, 0, $1)", place[0], place[1], place[2]));
        let sql = format!(
            "INSERT INTO deliveries (webhook, event, kind, state, due_at, tries, attempts, created_at) VALUES {rows} RETURNING seq"
        );
        for row in tx.query(&sql, &bound)? {
            numbers.push(row.columns("deliveries").integer("seq")?);
        }
    }
    Ok(numbers)
}

fn vanished() -> Error {
    Error::Defect("a row vanished in its own transaction".to_owned())
}

/// The id of an event that is the only one with this identity.
pub(crate) fn event_id(at: Time, identity: impl Hash) -> EventId {
    let half = |salt: u8| u128::from(row_id::chance((salt, &identity)));
    EventId::from_bits(id::at(at, half(0) << 64 | half(1)))
}

impl Store {
    /// Runs a step that may tell of what it does, and says in the log what it changed; whoever delivers is woken when that is
    /// committed.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Tx<'_>, &Telling) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let telling = Telling { tell: self.tell.clone(), ..Telling::default() };
        let has_told = Arc::clone(&telling.has_told);
        let step = move |tx: &mut Tx<'_>| {
            let answer = step(tx, &telling)?;
            telling.lines.write(tx)?;
            Ok(answer)
        };
        let answer = self.main.write(step).await;
        if answer.is_ok() && has_told.load(Ordering::Relaxed) {
            self.told.send_replace(());
        }
        answer
    }

    /// Changes whenever something was written in this process that is to be delivered. Other processes write too, so it is
    /// worth looking now and then all the same.
    pub fn tellings(&self) -> tokio::sync::watch::Receiver<()> {
        self.told.subscribe()
    }

    /// Writes an event to one subscription, whatever it subscribes to: for trying it out. Answers the delivery, or `None`
    /// when there is no such subscription.
    pub async fn tell_one(
        &self,
        by: By,
        webhook: WebhookId,
        event: TestEvent,
        now: Time,
        keep: Option<Keep<Option<DeliveryId>>>,
    ) -> Result<Once<Option<DeliveryId>>, Error> {
        let work = move |tx: &mut Tx<'_>| {
            let Some((number, _)) = to_change(tx, by.owner, webhook)? else { return Ok(None) };
            let TestEvent { id, kind, version, body } = event;
            let event = Written { id, kind, version, request: by.request, body, told: vec![number] };
            let written = enqueue(tx, &[event], now)?;
            Ok(written.first().map(|delivery| delivery_id(*delivery, now, id)))
        };
        let delivery = self.main.write(move |tx| Once::run(tx, keep, work)).await?;
        self.told.send_replace(());
        Ok(delivery)
    }
}
