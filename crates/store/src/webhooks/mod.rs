//! Webhook subscriptions, and what is to be told to them.
//!
//! What a subscription is told was written in the transaction of what it tells of ([`outbox`]); from then on it is a row
//! that is due at a moment ([`delivery`]), and stays readable for a while after it was told ([`log`]). Nothing of it is
//! only in somebody's memory at any time.

mod delivery;
mod forgetting;
mod listener;
mod log;
mod outbox;
mod subject;

use mask_core::{
    action::Action,
    cursor::Cursor,
    event::EventKinds,
    id::{LinkId, WebhookId},
    link::Tag,
    time::Time,
    webhook::{Content, Filter, Inactive, MOST_WEBHOOKS, PayloadVersion, Webhook},
    workspace::Owner,
};
use serde::{Deserialize, Serialize};

pub use delivery::{Attempt, Claimed, Endpoint, Settled, SwitchedOff, Wanted, WriteSwitchedOff};
pub use log::{Delivery, DeliveryFilter, LoggedAttempt, State};
pub use outbox::{By, Event, Happening, Tell, TestEvent};
pub(crate) use outbox::{Outbox, Telling, Visited, event_id, parts, places};
pub use subject::{PageSubject, Subject};
pub(crate) use subject::{page_subjects, subjects};

use crate::{
    Deed, Error, Expected, Listed, Object, Store,
    db::{Columns, Dialect, Row, Tx, Value, values},
    replies::{Keep, Once},
    turns::Turn,
};

/// A subscription to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// What its owner sets.
    pub content: Content,
    /// The time of its making.
    pub now: Time,
}

/// Why a subscription could not be made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsubscribed {
    /// The owner has [`MOST_WEBHOOKS`] of them.
    TooMany,
    /// There is no such subscription.
    Absent,
    /// It was changed since the caller last saw it.
    Changed,
}

const COLUMNS: &str = "number, id, owner, url, events, filter, includes_bots, max_per_second, payload_version, is_active, \
    description, sealed, inactive_reason, failing_since, version, created_at, updated_at";

/// A subscription with its number in the database.
fn numbered(row: Row) -> Result<(i64, Webhook), Error> {
    read(&mut row.columns("webhooks"))
}

fn read(row: &mut Columns) -> Result<(i64, Webhook), Error> {
    let number = row.integer("number")?;
    let id = row.parsed("id", WebhookId::parse)?;
    let owner = Owner::from_number(row.integer("owner")?);
    let content = Content {
        url: row.text("url")?,
        events: EventKinds::from_bits(row.integer("events")?),
        filter: row.parsed("filter", read_filter)?,
        includes_bots: row.boolean("includes_bots")?,
        max_per_second: row.optional("max_per_second", Value::into_small)?,
        payload_version: PayloadVersion::stored(row.required("payload_version", Value::into_small)?),
        is_active: row.boolean("is_active")?,
        description: row.optional_text("description")?,
        sealed: row.bytes("sealed")?,
    };
    let webhook = Webhook {
        id,
        owner,
        content,
        inactive_reason: row.optional_parsed("inactive_reason", Inactive::parse)?,
        failing_since: row.optional_time("failing_since")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok((number, webhook))
}

/// The names of what [`content`] answers.
const CONTENT: [&str; 9] = [
    "url",
    "events",
    "filter",
    "includes_bots",
    "max_per_second",
    "payload_version",
    "is_active",
    "description",
    "sealed",
];

fn content(content: &Content) -> [Value; 9] {
    values![
        &content.url,
        content.events.bits(),
        write_filter(&content.filter),
        content.includes_bots,
        content.max_per_second,
        content.payload_version.number(),
        content.is_active,
        content.description.as_ref(),
        &content.sealed[..],
    ]
}

#[derive(Serialize, Deserialize)]
struct StoredFilter {
    links: Vec<String>,
    tags: Vec<String>,
    domains: Vec<String>,
}

fn write_filter(filter: &Filter) -> String {
    let stored = StoredFilter {
        links: filter.links.iter().map(ToString::to_string).collect(),
        tags: filter.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        domains: filter.domains.clone(),
    };
    serde_json::to_string(&stored).expect("strings always have JSON")
}

fn read_filter(text: &str) -> Result<Filter, ()> {
    let stored: StoredFilter = serde_json::from_str(text).map_err(drop)?;
    Ok(Filter {
        links: stored.links.iter().map(|id| LinkId::parse(id)).collect::<Result<_, _>>().map_err(drop)?,
        tags: stored.tags.iter().map(|tag| Tag::parse(tag)).collect::<Result<_, _>>().map_err(drop)?,
        domains: stored.domains,
    })
}

fn find(tx: &mut Tx<'_>, owner: Owner, id: WebhookId) -> Result<Option<(i64, Webhook)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND owner = $2 AND url <> ''");
    tx.first(&sql, &values![id, owner])?.map(numbered).transpose()
}

/// The same, and nobody else changes it until this transaction ends.
fn to_change(tx: &mut Tx<'_>, owner: Owner, id: WebhookId) -> Result<Option<(i64, Webhook)>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND owner = $2 AND url <> ''{lock}");
    tx.first(&sql, &values![id, owner])?.map(numbered).transpose()
}

fn create(tx: &mut Tx<'_>, owner: Owner, new: &NewWebhook) -> Result<Result<Webhook, Unsubscribed>, Error> {
    Turn::Webhooks(owner.number()).take(tx)?;
    let row = tx.first("SELECT count(*) FROM webhooks WHERE owner = $1", &values![owner])?;
    let count = row.map_or(Ok(0), |row| row.columns("webhooks").integer("count"))?;
    if usize::try_from(count).is_ok_and(|count| count >= MOST_WEBHOOKS) {
        return Ok(Err(Unsubscribed::TooMany));
    }
    let mut all: Vec<Value> = values![new.id, owner, 1_i64, new.now, new.now].into();
    all.extend(content(&new.content));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO webhooks (id, owner, version, created_at, updated_at, {}) VALUES ({})",
        CONTENT.join(", "),
        places.join(", ")
    );
    tx.execute(&sql, &all)?;
    Ok(Ok(Webhook {
        id: new.id,
        owner,
        content: new.content.clone(),
        inactive_reason: None,
        failing_since: None,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
    }))
}

fn update(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    id: WebhookId,
    expected: &Expected,
    change: impl FnOnce(&mut Content),
    now: Time,
) -> Result<Result<Webhook, Unsubscribed>, Error> {
    let Some((number, old)) = to_change(tx, by.owner, id)? else { return Ok(Err(Unsubscribed::Absent)) };
    if !expected.takes(old.version) {
        return Ok(Err(Unsubscribed::Changed));
    }
    let mut new = old.clone();
    change(&mut new.content);
    if new.content == old.content {
        return Ok(Ok(old));
    }
    if new.content.is_active && !old.content.is_active {
        (new.inactive_reason, new.failing_since) = (None, None);
    }
    if new.content.url != old.content.url {
        new.failing_since = None;
    }
    new.version += 1;
    new.updated_at = now;
    write(tx, number, &new)?;
    telling.note(by, now, Action::WebhookUpdated, Deed::of(Object::Webhook(&old), Object::Webhook(&new)));
    Ok(Ok(new))
}

fn write(tx: &mut Tx<'_>, number: i64, webhook: &Webhook) -> Result<(), Error> {
    let mut all: Vec<Value> = values![
        number,
        webhook.version,
        webhook.updated_at,
        webhook.inactive_reason.map(Inactive::as_str),
        webhook.failing_since,
    ]
    .into();
    let sets: Vec<_> = (all.len() + 1..).zip(CONTENT).map(|(place, column)| format!("{column} = ${place}")).collect();
    all.extend(content(&webhook.content));
    let sql = format!(
        "UPDATE webhooks SET version = $2, updated_at = $3, inactive_reason = $4, failing_since = $5, {} WHERE number = $1",
        sets.join(", ")
    );
    tx.execute(&sql, &all).map(drop)
}

impl Store {
    /// Makes a subscription.
    pub async fn create_webhook(
        &self,
        by: impl Into<By>,
        new: NewWebhook,
        keep: Option<Keep<Result<Webhook, Unsubscribed>>>,
    ) -> Result<Once<Result<Webhook, Unsubscribed>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let made = create(tx, by.owner, &new)?;
                if let Ok(webhook) = &made {
                    let is_listener = webhook.content.url.is_empty();
                    let action = if is_listener { Action::ListenerCreated } else { Action::WebhookCreated };
                    telling.note(&by, new.now, action, Deed::made(Object::Webhook(webhook)));
                }
                Ok(made)
            })
        })
        .await
    }

    /// A subscription.
    pub async fn webhook_by_id(&self, owner: Owner, id: WebhookId) -> Result<Option<Webhook>, Error> {
        self.main.read(move |tx| Ok(find(tx, owner, id)?.map(|(_, webhook)| webhook))).await
    }

    /// A page of the owner's subscriptions, oldest first.
    pub async fn list_webhooks(
        &self,
        owner: Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<Webhook>, Error> {
        self.main
            .read(move |tx| {
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!(
                    "SELECT {COLUMNS} FROM webhooks WHERE owner = $1 AND id > $2 AND url <> '' ORDER BY id LIMIT $3"
                );
                let rows = tx.query(&sql, &values![owner, after, most])?;
                let webhook = |row| numbered(row).map(|(_, webhook)| webhook);
                let rows = rows.into_iter().map(webhook).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(rows, limit, |webhook| webhook.id.to_string()))
            })
            .await
    }

    /// Changes a subscription. One that is switched on again begins anew: why it was off is forgotten.
    pub async fn update_webhook(
        &self,
        by: impl Into<By>,
        id: WebhookId,
        expected: Expected,
        change: impl FnOnce(&mut Content) + Send + 'static,
        now: Time,
        keep: Option<Keep<Result<Webhook, Unsubscribed>>>,
    ) -> Result<Once<Result<Webhook, Unsubscribed>>, Error> {
        let by = by.into();
        let step = move |tx: &mut Tx<'_>, telling: &Telling| {
            Once::run(tx, keep, |tx| update(tx, &by, telling, id, &expected, change, now))
        };
        let changed = self.change(step).await?;
        // What waits for a subscription may go out now, or no more.
        self.told.send_replace(());
        Ok(changed)
    }

    /// Deletes a subscription. What was still to be told to it never is.
    pub async fn delete_webhook(
        &self,
        by: impl Into<By>,
        id: WebhookId,
        expected: Expected,
        now: Time,
    ) -> Result<Result<(), Unsubscribed>, Error> {
        let by = by.into();
        let deleted = self
            .change(move |tx, telling| {
                let Some((number, old)) = to_change(tx, by.owner, id)? else { return Ok(Err(Unsubscribed::Absent)) };
                if !expected.takes(old.version) {
                    return Ok(Err(Unsubscribed::Changed));
                }
                tx.execute("DELETE FROM webhooks WHERE number = $1", &values![number])?;
                tx.execute("INSERT INTO deleted_webhooks (number) VALUES ($1)", &values![number])?;
                telling.note(&by, now, Action::WebhookDeleted, Deed::deleted(Object::Webhook(&old)));
                Ok(Ok(()))
            })
            .await?;
        self.told.send_replace(());
        Ok(deleted)
    }
}
