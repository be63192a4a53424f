//! The outbox: what happened, written beside what happened.
//!
//! Whoever changes something opens an [`Outbox`] in the same transaction and says what it did. If a subscription of the
//! owner wants to know, the event and a delivery for each such subscription are rows when the change is; if the change is
//! taken back, so are they. How an event is told is the API's business: the store is given a [`Tell`] when it is opened.
//!
//! An event's id is made of what makes the event unique, so that whatever is tried again tells of the same event.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mask_core::{
    event::EventKind,
    id::{self, DeliveryId, EventId, LinkId, WebhookId},
    link::{Link, Tag},
    time::Time,
    webhook::Webhook,
    workspace::Owner,
};

use super::{COLUMNS, delivery::delivery_id, numbered, to_change};
use crate::{
    Error, Fact, Store,
    db::{Tx, values},
    links::{each_ever, read_tags},
};

/// Who asks for a change: the owner of what is changed, and the request in which it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Whose objects are changed.
    pub owner: Owner,
    /// The request's id, as its answer has it.
    pub request: Option<String>,
}

impl From<Owner> for By {
    fn from(owner: Owner) -> Self {
        Self { owner, request: None }
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
    /// To what.
    pub happening: Happening<'a>,
}

/// What an event tells of.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// A link, as it is after the event (or was before it was deleted).
    Link(&'a Link),
    /// A visit of a link.
    Visit {
        /// What is recorded of it.
        fact: &'a Fact,
        /// The link, or what is left of it; nothing of one that was never known.
        link: Option<&'a Subject>,
        /// Whether it was its visitor's first of the day; `None` where that is not known.
        is_unique: Option<bool>,
    },
}

/// What a visit's link is known by, also when it is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: String,
    /// Where it leads.
    pub url: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The owner's own id for it.
    pub external_id: Option<String>,
}

/// How events are told.
pub trait Tell: std::fmt::Debug + Send + Sync {
    /// The body of a delivery of this event.
    fn body(&self, event: &Event<'_>) -> String;
}

/// What a step needs to tell of what it does.
#[derive(Clone, Default)]
pub(crate) struct Telling {
    tell: Option<Arc<dyn Tell>>,
    has_told: Arc<AtomicBool>,
}

impl Telling {
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
    /// The subscriptions of the owner that are active, with their numbers.
    subscriptions: Vec<(i64, Webhook)>,
}

impl Outbox {
    /// The outbox of a change that is made now.
    pub(crate) fn open(tx: &mut Tx<'_>, by: By, telling: &Telling, now: Time) -> Result<Self, Error> {
        let subscriptions = if telling.tell.is_some() { active(tx, by.owner)? } else { Vec::new() };
        Ok(Self { by, now, telling: telling.clone(), subscriptions })
    }

    pub(crate) const fn owner(&self) -> Owner {
        self.by.owner
    }

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    /// Tells of what was done with a link; the link is as it is after that, or as it was when it was deleted.
    pub(crate) fn link(&self, tx: &mut Tx<'_>, kind: EventKind, link: &Link) -> Result<(), Error> {
        let told = self.told(kind, false, link.id, &link.content.tags, &link.domain);
        if told.is_empty() {
            return Ok(());
        }
        let id = event_id(self.now, (self.by.owner.number(), kind.number(), link.id.bits(), link.version));
        self.write(tx, &Event { id, kind, at: self.now, happening: Happening::Link(link) }, &told)
    }

    /// Tells of a visit.
    pub(crate) fn visit(
        &self,
        tx: &mut Tx<'_>,
        id: EventId,
        fact: &Fact,
        link: Option<&Subject>,
        is_unique: Option<bool>,
    ) -> Result<(), Error> {
        let kind = kind_of(fact);
        let (tags, domain) = link.map_or((&[][..], ""), |link| (&link.tags[..], link.domain.as_str()));
        let told = self.told(kind, !fact.is_counted, fact.link, tags, domain);
        if told.is_empty() {
            return Ok(());
        }
        self.write(tx, &Event { id, kind, at: fact.at, happening: Happening::Visit { fact, link, is_unique } }, &told)
    }

    /// Whether anybody may want to know of a visit; the link's properties are not known yet.
    pub(crate) fn may_want(&self, fact: &Fact) -> bool {
        self.subscriptions.iter().any(|(_, webhook)| webhook.content.wants(kind_of(fact), !fact.is_counted))
    }

    /// The numbers of those who are told.
    fn told(&self, kind: EventKind, is_bot: bool, link: LinkId, tags: &[Tag], domain: &str) -> Vec<i64> {
        let wants = |webhook: &Webhook| {
            webhook.content.wants(kind, is_bot) && webhook.content.filter.admits(link, tags, domain)
        };
        self.subscriptions.iter().filter(|(_, webhook)| wants(webhook)).map(|(number, _)| *number).collect()
    }

    fn write(&self, tx: &mut Tx<'_>, event: &Event<'_>, told: &[i64]) -> Result<(), Error> {
        let Some(tell) = &self.telling.tell else { return Ok(()) };
        let body = tell.body(event);
        self.telling.has_told.store(true, Ordering::Relaxed);
        enqueue(tx, event.id, event.kind, &body, self.by.request.as_ref(), told, self.now).map(drop)
    }
}

fn active(tx: &mut Tx<'_>, owner: Owner) -> Result<Vec<(i64, Webhook)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE owner = $1 AND is_active ORDER BY number");
    tx.query(&sql, &values![owner])?.into_iter().map(numbered).collect()
}

/// A scan is a visit by way of a QR code.
fn kind_of(fact: &Fact) -> EventKind {
    if fact.source == "qr" { EventKind::QrScanned } else { EventKind::LinkClicked }
}

/// Writes an event and its deliveries; answers the event's number.
fn enqueue(
    tx: &mut Tx<'_>,
    id: EventId,
    kind: EventKind,
    body: &str,
    request: Option<&String>,
    told: &[i64],
    now: Time,
) -> Result<i64, Error> {
    let sql = "INSERT INTO events (id, kind, request, body, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING seq";
    let row = tx.first(sql, &values![id, kind, request, body, now])?;
    let event = row.ok_or_else(vanished)?.columns("events").integer("seq")?;
    for webhook in told {
        let sql = "INSERT INTO deliveries (webhook, event, kind, state, due_at, tries, attempts, created_at) \
                   VALUES ($1, $2, $3, 0, $4, 0, 0, $4)";
        tx.execute(sql, &values![*webhook, event, kind, now])?;
    }
    Ok(event)
}

fn vanished() -> Error {
    Error::Defect("a row vanished in its own transaction".to_owned())
}

/// What these links are known by, also those that are no more.
pub(crate) fn subjects(
    tx: &mut Tx<'_>,
    owner: Owner,
    links: impl IntoIterator<Item = LinkId>,
) -> Result<HashMap<LinkId, Subject>, Error> {
    let mut found = HashMap::new();
    each_ever(tx, owner, links, "domain, slug, url, tags, external_id", |link, row| {
        let subject = Subject {
            domain: row.text("domain")?,
            slug: row.text("slug")?,
            url: row.text("url")?,
            tags: row.parsed("tags", read_tags)?,
            external_id: row.optional_text("external_id")?,
        };
        found.insert(link, subject);
        Ok(())
    })?;
    Ok(found)
}

/// The id of an event that is the only one with this identity.
pub(crate) fn event_id(at: Time, identity: impl Hash) -> EventId {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        identity.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    EventId::from_bits(id::at(at, half(0) << 64 | half(1)))
}

impl Store {
    /// Runs a step that may tell of what it does; whoever delivers is woken when that is committed.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Tx<'_>, &Telling) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let telling = Telling { tell: self.tell.clone(), has_told: Arc::default() };
        let has_told = Arc::clone(&telling.has_told);
        let answer = self.main.write(move |tx| step(tx, &telling)).await;
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
        event: (EventId, EventKind, String),
        now: Time,
    ) -> Result<Option<DeliveryId>, Error> {
        let delivery = self
            .main
            .write(move |tx| {
                let Some((number, _)) = to_change(tx, by.owner, webhook)? else { return Ok(None) };
                let (id, kind, body) = event;
                let event = enqueue(tx, id, kind, &body, by.request.as_ref(), &[number], now)?;
                let sql = "SELECT seq FROM deliveries WHERE webhook = $1 AND event = $2 ORDER BY seq DESC LIMIT 1";
                let row = tx.first(sql, &values![number, event])?.ok_or_else(vanished)?;
                Ok(Some(delivery_id(row.columns("deliveries").integer("seq")?, now)))
            })
            .await?;
        self.told.send_replace(());
        Ok(delivery)
    }
}
