//! Deliveries on their way.
//!
//! A delivery that waits is due at a moment. Claiming it moves that moment to the end of the claim, so that nobody else
//! takes it meanwhile, and a process that died gives it back by doing nothing. Whoever settles a delivery shows the end of
//! its claim: if that has passed and somebody else took it, what the late one has to say of the fate counts no more; that
//! it tried is noted all the same. So a delivery is made at least once, and a second time only where a process died or
//! was overdue.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mask_core::{
    action::Action,
    event::EventKind,
    id::{DeliveryId, EventId, WebhookId},
    mail::Address,
    time::Time,
    webhook::{FAILING_DAYS, Fate, Inactive, PayloadVersion, Verdict, Webhook, has_failed_long},
    workspace::{Owner, Workspace},
};

use super::{COLUMNS, Telling, numbered, read};
use crate::{
    Deed, Error, NewLetter, Object, Store,
    db::{Columns, Dialect, Row, Tx, Value, values},
    mail, members, row_id, workspaces,
};

/// A subscription with something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its number, in claims.
    pub number: i64,
    /// The subscription.
    pub webhook: Webhook,
    /// When its next delivery is due.
    pub due_at: Time,
}

/// What is asked of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The subscription's number.
    pub webhook: i64,
    /// Its version, as the caller knows it.
    pub version: i64,
    /// At most so many deliveries.
    pub most: usize,
}

/// A delivery that is ours until its claim ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its number, to settle it.
    pub number: i64,
    /// Its id.
    pub id: DeliveryId,
    /// The subscription's number.
    pub webhook: i64,
    /// When the claim ends.
    pub until: Time,
    /// How often it was tried, since it was last put on its way.
    pub tries: u32,
    /// The event's id.
    pub event: EventId,
    /// The event's kind.
    pub kind: EventKind,
    /// The shape of what is told.
    pub version: PayloadVersion,
    /// The request that the event came of.
    pub request: Option<String>,
    /// What is told.
    pub body: String,
}

/// What an attempt was like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong, as a code.
    pub failure: Option<&'static str>,
    /// The head of the answer.
    pub head: Option<String>,
    /// The beginning of the answer's body.
    pub body: Option<Vec<u8>>,
}

/// An attempt and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The delivery's number.
    pub number: i64,
    /// The subscription's number.
    pub webhook: i64,
    /// When its claim ends.
    pub until: Time,
    /// What it means.
    pub verdict: Verdict,
    /// What it was like.
    pub attempt: Attempt,
}

/// A subscription that is switched off now, by the installation and not by its owner.
#[derive(Clone, Copy, Debug)]
pub struct SwitchedOff<'a> {
    /// The subscription, as it is since.
    pub webhook: &'a Webhook,
    /// The workspace that it belongs to.
    pub workspace: &'a Workspace,
}

/// Writes the letter that tells an owner of the workspace.
pub type WriteSwitchedOff = Arc<dyn Fn(SwitchedOff<'_>, Address) -> NewLetter + Send + Sync>;

/// The id of the delivery with this number, of this event.
pub(super) fn delivery_id(number: i64, created_at: Time, event: EventId) -> DeliveryId {
    DeliveryId::from_bits(row_id::bits(created_at, number, event))
}

/// The number in a delivery's id.
pub(super) fn delivery_number(id: DeliveryId) -> i64 {
    row_id::place(id.bits()).1
}

impl Store {
    /// The active subscriptions to which something is to be told, now or later. What is for those of a workspace that was
    /// deleted waits until that is taken back.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let sql = format!(
            "SELECT {COLUMNS}, (SELECT min(due_at) FROM deliveries WHERE webhook = webhooks.number AND state = 0) AS due_at \
             FROM webhooks WHERE {}",
            is_delivered_to()
        );
        let read_all = move |tx: &mut Tx<'_>| {
            let mut endpoints = Vec::new();
            for row in tx.query(&sql, &[])? {
                let mut row = row.columns("webhooks");
                let (number, webhook) = read(&mut row)?;
                if let Some(due_at) = row.optional_time("due_at")? {
                    endpoints.push(Endpoint { number, webhook, due_at });
                }
            }
            Ok(endpoints)
        };
        self.main.scan(read_all).await
    }

    /// Claims deliveries that are due, until a moment. There are none of a subscription that is not what the caller knows:
    /// from the moment on that one is changed, paused or deleted, nothing more is claimed to go where it was.
    pub async fn claim_deliveries(&self, wanted: Vec<Wanted>, now: Time, until: Time) -> Result<Vec<Claimed>, Error> {
        self.main
            .write(move |tx| {
                let mut rows = Vec::new();
                for Wanted { webhook, version, most } in wanted {
                    claim(tx, webhook, Some(version), most, now, until, &mut rows)?;
                }
                with_events(tx, rows, until)
            })
            .await
    }

    /// Writes down attempts and what they mean, for the deliveries and for the subscriptions. Answers those that are
    /// switched off now; the owners of their workspaces are mailed, where there is somebody who writes letters.
    pub async fn settle_deliveries(
        &self,
        settled: Arc<Vec<Settled>>,
        notice: Option<WriteSwitchedOff>,
    ) -> Result<Vec<(WebhookId, Inactive)>, Error> {
        let step = move |tx: &mut Tx<'_>, telling: &Telling| {
            // In one order for all, so that two nodes never wait for each other's rows.
            let mut in_order: Vec<&Settled> = settled.iter().collect();
            in_order.sort_unstable_by_key(|settled| settled.number);
            in_order.into_iter().try_for_each(|settled| settle(tx, settled))?;
            note_health(tx, telling, &settled, notice.as_ref())
        };
        let switched_off = self.change(step).await?;
        if !switched_off.is_empty() {
            self.posted.send_replace(());
        }
        Ok(switched_off)
    }

    /// How many deliveries wait to be made, now or later, 100,000 at most: a count takes as long as what it
    /// counts, and beyond that the number says nothing new. What is for subscriptions that are off, for listeners, or for workspaces that
    /// were deleted waits for something else.
    pub async fn waiting_deliveries(&self) -> Result<u64, Error> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM webhooks CROSS JOIN deliveries \
             WHERE webhook = webhooks.number AND state = 0 AND due_at >= 0 AND {} LIMIT {MOST_COUNTED}) AS waiting",
            is_delivered_to()
        );
        let count = move |tx: &mut Tx<'_>| {
            let row = tx.first(&sql, &[])?;
            row.map_or(Ok(0), |row| row.columns("deliveries").required("count", Value::into_small))
        };
        self.main.scan(count).await
    }

    /// Gives back deliveries that were claimed and not attempted: number, and when the claim ends.
    pub async fn return_deliveries(&self, claims: Vec<(i64, Time)>, now: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                for (number, until) in claims {
                    let sql = "UPDATE deliveries SET due_at = $3 WHERE seq = $1 AND state = 0 AND due_at = $2";
                    tx.execute(sql, &values![number, until, now])?;
                }
                Ok(())
            })
            .await
    }
}

/// Most deliveries that are counted.
const MOST_COUNTED: u32 = 100_000;

/// What tells in a query that a subscription is one to which deliveries are made.
fn is_delivered_to() -> String {
    format!("is_active AND url <> '' AND {}", workspaces::is_there("owner"))
}

/// A delivery that was claimed, without its event.
pub(super) struct ClaimedRow {
    number: i64,
    created_at: Time,
    webhook: i64,
    event: i64,
    tries: u32,
}

/// Claims what is due of a subscription; where a version is given, only while it is that, and deliveries are made to it.
pub(super) fn claim(
    tx: &mut Tx<'_>,
    webhook: i64,
    version: Option<i64>,
    most: usize,
    now: Time,
    until: Time,
    claimed: &mut Vec<ClaimedRow>,
) -> Result<(), Error> {
    // Two nodes that claim at the same moment take different ones.
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut bound: Vec<Value> = values![webhook, now, until, most].into();
    let mut known = String::new();
    if let Some(version) = version {
        bound.push(version.into());
        let there = is_delivered_to();
        known = format!(" AND EXISTS (SELECT 1 FROM webhooks WHERE number = $1 AND version = $5 AND {there})");
    }
    let sql = format!(
        "UPDATE deliveries SET due_at = $3 WHERE seq IN (SELECT seq FROM deliveries \
         WHERE webhook = $1 AND state = 0 AND due_at <= $2{known} ORDER BY due_at LIMIT $4{lock}) \
         RETURNING seq, event, tries, created_at"
    );
    for row in tx.query(&sql, &bound)? {
        let mut row = row.columns("deliveries");
        let number = row.integer("seq")?;
        let event = row.integer("event")?;
        let tries = row.required("tries", Value::into_small)?;
        let created_at = row.time("created_at")?;
        claimed.push(ClaimedRow { number, created_at, webhook, event, tries });
    }
    Ok(())
}

/// Events that are read by one query.
const AT_ONCE: usize = 100;

/// The deliveries with what is told.
pub(super) fn with_events(tx: &mut Tx<'_>, rows: Vec<ClaimedRow>, until: Time) -> Result<Vec<Claimed>, Error> {
    let mut wanted: Vec<i64> = rows.iter().map(|row| row.event).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let places: Vec<_> = (1..=AT_ONCE).map(|place| format!("${place}")).collect();
    let sql = format!("SELECT seq, {TOLD} FROM events WHERE seq IN ({})", places.join(", "));
    let mut events: HashMap<i64, Told> = HashMap::new();
    for part in wanted.chunks(AT_ONCE) {
        let mut bound: Vec<Value> = part.iter().map(|event| (*event).into()).collect();
        // One text for every number of events, so that it is prepared once.
        bound.resize(AT_ONCE, (-1_i64).into());
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("events");
            let event = row.integer("seq")?;
            match read_told(&mut row) {
                Ok(told) => drop(events.insert(event, told)),
                Err(error) => tracing::error!(%error, event, "an event cannot be read; its deliveries are given up"),
            }
        }
    }
    let mut claimed = Vec::with_capacity(rows.len());
    for ClaimedRow { number, created_at, webhook, event, tries } in rows {
        match events.get(&event).cloned() {
            Some(Told { event, kind, version, request, body }) => {
                let id = delivery_id(number, created_at, event);
                claimed.push(Claimed { number, id, webhook, until, tries, event, kind, version, request, body });
            }
            // One bad row must not stand in the way of all others, now and whenever it falls due.
            None => give_up(tx, number)?,
        }
    }
    Ok(claimed)
}

/// Gives up a delivery of which nobody knows what it tells.
fn give_up(tx: &mut Tx<'_>, number: i64) -> Result<(), Error> {
    let sql = "UPDATE deliveries SET state = 2, failure = 'unreadable' WHERE seq = $1";
    tx.execute(sql, &values![number]).map(drop)
}

/// An event as its row has it.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) event: EventId,
    pub(super) kind: EventKind,
    pub(super) version: PayloadVersion,
    pub(super) request: Option<String>,
    pub(super) body: String,
}

const TOLD: &str = "id, kind, payload_version, request, body";

pub(super) fn told(tx: &mut Tx<'_>, seq: i64) -> Result<Option<Told>, Error> {
    let row = tx.first(&format!("SELECT {TOLD} FROM events WHERE seq = $1"), &values![seq])?;
    row.map(|row| read_told(&mut row.columns("events"))).transpose()
}

fn read_told(row: &mut Columns) -> Result<Told, Error> {
    Ok(Told {
        event: row.parsed("id", EventId::parse)?,
        kind: row.required("kind", Value::into_kind)?,
        version: PayloadVersion::stored(row.required("payload_version", Value::into_small)?),
        request: row.optional_text("request")?,
        body: row.text("body")?,
    })
}

pub(super) fn settle(tx: &mut Tx<'_>, settled: &Settled) -> Result<(), Error> {
    let Settled { number, webhook, until, verdict, attempt } = settled;
    let (state, due_at) = match verdict.fate {
        Fate::Due(at) => (0_i64, at),
        Fate::Succeeded => (1, attempt.at),
        Fate::Failed => (2, attempt.at),
    };
    let (status, failure) = (attempt.status, attempt.failure);
    // PostgreSQL asks that the index of what is due is left when the state is; both know `state = 0` here.
    let sql = "UPDATE deliveries SET state = $3, due_at = $4, tries = tries + 1, attempts = attempts + 1, tried_at = $5, \
               status = $6, failure = $7 WHERE seq = $1 AND state = 0 AND due_at = $2 RETURNING attempts";
    let decided = tx.first(sql, &values![*number, *until, state, due_at, attempt.at, status, failure])?;
    let Some(row) = decided.map_or_else(|| late(tx, *number, *webhook, attempt.at), |row| Ok(Some(row)))? else {
        return Ok(());
    };
    let place = row.columns("deliveries").integer("attempts")?;
    let sql = "INSERT INTO attempts (delivery, number, at, duration_ms, status, failure, head, body) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let (head, body) = (attempt.head.as_ref(), attempt.body.as_deref());
    tx.execute(sql, &values![*number, place, attempt.at, attempt.duration_ms, status, failure, head, body]).map(drop)
}

/// Counts an attempt that decides nothing any more, as its claim had ended. `None` when it is noted already, or when there
/// is nothing left that it could belong to.
fn late(tx: &mut Tx<'_>, number: i64, webhook: i64, at: Time) -> Result<Option<Row>, Error> {
    let noted = "SELECT 1 FROM attempts WHERE delivery = $1 AND at = $2 LIMIT 1";
    if tx.first(noted, &values![number, at])?.is_some() {
        return Ok(None);
    }
    let sql = "UPDATE deliveries SET attempts = attempts + 1 WHERE seq = $1 AND webhook = $2 RETURNING attempts";
    tx.first(sql, &values![number, webhook])
}

/// Since when each subscription fails, and whether it is switched off. It is decided here, where all nodes' attempts meet.
fn note_health(
    tx: &mut Tx<'_>,
    telling: &Telling,
    settled: &[Settled],
    notice: Option<&WriteSwitchedOff>,
) -> Result<Vec<(WebhookId, Inactive)>, Error> {
    let mut of_webhook: BTreeMap<i64, Vec<&Settled>> = BTreeMap::new();
    for settled in settled {
        of_webhook.entry(settled.webhook).or_default().push(settled);
    }
    let mut switched_off = Vec::new();
    for (webhook, settled) in of_webhook {
        if let Some(why) = reason(tx, webhook, &settled)? {
            let Some(last) = settled.iter().map(|settled| settled.attempt.at).max() else { continue };
            let sql = "UPDATE webhooks SET is_active = $2, inactive_reason = $3, version = version + 1, updated_at = $4 \
                       WHERE number = $1 AND is_active";
            if tx.execute(sql, &values![webhook, false, why.as_str(), last])? == 0 {
                continue;
            }
            let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE number = $1");
            let Some((_, new)) = tx.first(&sql, &values![webhook])?.map(numbered).transpose()? else { continue };
            let mut old = new.clone();
            (old.content.is_active, old.inactive_reason) = (true, None);
            let deed = Deed::of(Object::Webhook(&old), Object::Webhook(&new));
            telling.note(&new.owner.into(), last, Action::WebhookSwitchedOff, deed);
            if let Some(write) = notice {
                tell_owners(tx, &new, write)?;
            }
            switched_off.push((new.id, why));
        }
    }
    Ok(switched_off)
}

/// Mails the owners of a subscription's workspace that it is switched off.
fn tell_owners(tx: &mut Tx<'_>, webhook: &Webhook, write: &WriteSwitchedOff) -> Result<(), Error> {
    let Some(workspace) = workspaces::find(tx, webhook.owner.workspace)? else { return Ok(()) };
    for owner in members::owners(tx, workspace.number)? {
        mail::post(tx, &write(SwitchedOff { webhook, workspace: &workspace }, owner), None)?;
    }
    Ok(())
}

/// Why a subscription is to be switched off after these attempts, if it is; since when it fails is noted.
fn reason(tx: &mut Tx<'_>, webhook: i64, settled: &[&Settled]) -> Result<Option<Inactive>, Error> {
    if let Some(why) = settled.iter().find_map(|settled| settled.verdict.switch_off) {
        return Ok(Some(why));
    }
    let times = || settled.iter().map(|settled| settled.attempt.at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(None) };
    if settled.iter().any(|settled| settled.verdict.fate == Fate::Succeeded) {
        let sql = "UPDATE webhooks SET failing_since = NULL WHERE number = $1 AND failing_since IS NOT NULL";
        return tx.execute(sql, &values![webhook]).map(|_| None);
    }
    let row = tx.first("SELECT failing_since FROM webhooks WHERE number = $1", &values![webhook])?;
    let since = row.map(|row| row.columns("webhooks").optional_time("failing_since")).transpose()?.flatten();
    if let Some(since) = since {
        let is_over = has_failed_long(since, last) && is_given_up(tx, settled, since)?;
        return Ok(is_over.then_some(Inactive::Failing));
    }
    let sql = "UPDATE webhooks SET failing_since = $2 WHERE number = $1 AND failing_since IS NULL";
    tx.execute(sql, &values![webhook, first]).map(|_| None)
}

/// Whether one of these deliveries is given up that speaks for all the time since that moment: it was written later than that, or
/// was tried on several days.
fn is_given_up(tx: &mut Tx<'_>, settled: &[&Settled], since: Time) -> Result<bool, Error> {
    for delivery in settled.iter().filter(|settled| settled.verdict.fate == Fate::Failed).map(|settled| settled.number)
    {
        let sql = "SELECT created_at FROM deliveries WHERE seq = $1 AND state = 2";
        let Some(row) = tx.first(sql, &values![delivery])? else { continue };
        if row.columns("deliveries").time("created_at")? > since || days(tx, delivery, since)? >= FAILING_DAYS {
            return Ok(true);
        }
    }
    Ok(false)
}

/// On how many days a delivery was tried since that moment.
fn days(tx: &mut Tx<'_>, delivery: i64, since: Time) -> Result<i64, Error> {
    let sql = "SELECT count(DISTINCT at / 86400000) FROM attempts WHERE delivery = $1 AND at >= $2";
    let row = tx.first(sql, &values![delivery, since])?;
    row.map_or(Ok(0), |row| row.columns("attempts").integer("count"))
}

/// Whose a subscription is, by its number.
pub(super) fn number_of(tx: &mut Tx<'_>, owner: Owner, webhook: WebhookId) -> Result<Option<i64>, Error> {
    let row =
        tx.first("SELECT number FROM webhooks WHERE id = $1 AND owner = $2 AND url <> ''", &values![webhook, owner])?;
    row.map(|row| row.columns("webhooks").integer("number")).transpose()
}
