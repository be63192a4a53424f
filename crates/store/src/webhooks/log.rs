//! The log of deliveries: what was told to whom, when, and what they answered.

use mask_core::{
    cursor::Cursor,
    event::EventKind,
    id::{DeliveryId, EventId, WebhookId},
    time::Time,
    webhook::PayloadVersion,
    workspace::Owner,
};

use super::delivery::{delivery_id, delivery_number, number_of, told};
use crate::{
    Error, Keep, Listed, Once, Store,
    db::{Row, Tx, Value, values},
};

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is tried, or tried again.
    Pending,
    /// It arrived.
    Succeeded,
    /// It was given up.
    Failed,
}

impl State {
    const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Failed];

    const fn number(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Succeeded => 1,
            Self::Failed => 2,
        }
    }

    fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

/// A delivery, without what was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The subscription.
    pub webhook: WebhookId,
    /// The event.
    pub event: EventId,
    /// The event's kind.
    pub kind: EventKind,
    /// The shape of what was told.
    pub version: PayloadVersion,
    /// The request that the event came of.
    pub request: Option<String>,
    /// How far it is.
    pub state: State,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, while it is pending.
    pub next_attempt_at: Option<Time>,
    /// When it was last tried.
    pub tried_at: Option<Time>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last, as a code.
    pub failure: Option<String>,
    /// When it was written.
    pub created_at: Time,
}

/// An attempt as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAttempt {
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong, as a code.
    pub failure: Option<String>,
    /// The head of the answer.
    pub head: Option<String>,
    /// The beginning of the answer's body.
    pub body: Option<Vec<u8>>,
}

/// Which deliveries a list has: those that meet every part that is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// How far they are.
    pub state: Option<State>,
    /// What they tell.
    pub kind: Option<EventKind>,
    /// Written at or after this moment.
    pub since: Option<Time>,
    /// Written before this moment.
    pub until: Option<Time>,
}

const COLUMNS: &str = "d.seq, w.id, e.id, d.kind, e.payload_version, e.request, d.state, d.attempts, d.due_at, d.tried_at, d.status, d.failure, \
    d.created_at FROM deliveries d JOIN webhooks w ON w.number = d.webhook JOIN events e ON e.seq = d.event";

fn delivery(row: Row) -> Result<Delivery, Error> {
    let mut row = row.columns("deliveries");
    let number = row.integer("seq")?;
    let webhook = row.parsed("webhook", WebhookId::parse)?;
    let event = row.parsed("event", EventId::parse)?;
    let kind = row.required("kind", Value::into_kind)?;
    let version = PayloadVersion::stored(row.required("payload_version", Value::into_small)?);
    let request = row.optional_text("request")?;
    let state = row.integer("state")?;
    let state = State::from_number(state).ok_or_else(|| row.corrupt("state"))?;
    let attempts = row.integer("attempts")?;
    let due_at = row.time("due_at")?;
    let tried_at = row.optional_time("tried_at")?;
    let status = row.optional("status", Value::into_small)?;
    let failure = row.optional_text("failure")?;
    let created_at = row.time("created_at")?;
    Ok(Delivery {
        id: delivery_id(number, created_at, event),
        webhook,
        event,
        kind,
        version,
        request,
        state,
        attempts,
        next_attempt_at: (state == State::Pending).then_some(due_at),
        tried_at,
        status,
        failure,
        created_at,
    })
}

impl Store {
    /// A page of what was told to a subscription, newest first; `None` when there is no such subscription.
    pub async fn list_deliveries(
        &self,
        owner: Owner,
        webhook: WebhookId,
        filter: DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Option<Listed<Delivery>>, Error> {
        self.main
            .scan(move |tx| {
                let Some(number) = number_of(tx, owner, webhook)? else { return Ok(None) };
                list(tx, number, filter, after.as_ref(), limit).map(Some)
            })
            .await
    }

    /// A delivery, the body of what is told, and the attempts, oldest first.
    pub async fn delivery_by_id(
        &self,
        owner: Owner,
        id: DeliveryId,
    ) -> Result<Option<(Delivery, String, Vec<LoggedAttempt>)>, Error> {
        self.main
            .read(move |tx| {
                let Some((found, event)) = find(tx, owner, id)? else { return Ok(None) };
                let Some(told) = told(tx, event)? else { return Ok(None) };
                let sql = "SELECT at, duration_ms, status, failure, head, body FROM attempts WHERE delivery = $1 ORDER BY number";
                let rows = tx.query(sql, &values![delivery_number(id)])?;
                Ok(Some((found, told.body, rows.into_iter().map(attempt).collect::<Result<_, _>>()?)))
            })
            .await
    }

    /// Puts a delivery on its way again, whatever became of it, with all its tries before it.
    pub async fn replay_delivery(
        &self,
        owner: Owner,
        id: DeliveryId,
        now: Time,
        keep: Option<Keep<Option<Delivery>>>,
    ) -> Result<Once<Option<Delivery>>, Error> {
        let work = move |tx: &mut Tx<'_>| {
            if find(tx, owner, id)?.is_none() {
                return Ok(None);
            }
            let sql = "UPDATE deliveries SET state = 0, tries = 0, due_at = $2 WHERE seq = $1";
            tx.execute(sql, &values![delivery_number(id), now])?;
            Ok(find(tx, owner, id)?.map(|(delivery, _)| delivery))
        };
        let replayed = self.main.write(move |tx| Once::run(tx, keep, work)).await?;
        self.told.send_replace(());
        Ok(replayed)
    }

    /// Puts what was given up since a moment on its way again, at most `limit` deliveries; says how many, or `None` when
    /// there is no such subscription. Call it until it says fewer than `limit`, and once more if the answer is to be kept.
    pub async fn replay_failed(
        &self,
        owner: Owner,
        webhook: WebhookId,
        since: Time,
        limit: u32,
        now: Time,
        keep: Option<Keep<Option<u64>>>,
    ) -> Result<Once<Option<u64>>, Error> {
        let work = move |tx: &mut Tx<'_>| {
            let Some(number) = number_of(tx, owner, webhook)? else { return Ok(None) };
            let sql = "UPDATE deliveries SET state = 0, tries = 0, due_at = $3 WHERE seq IN \
                       (SELECT seq FROM (SELECT seq, created_at FROM deliveries WHERE webhook = $1 AND state = 2 \
                        ORDER BY seq DESC LIMIT $4) AS newest WHERE created_at >= $2)";
            tx.execute(sql, &values![number, since, now, i64::from(limit)]).map(Some)
        };
        let replayed = self.main.write(move |tx| Once::run(tx, keep, work)).await?;
        self.told.send_replace(());
        Ok(replayed)
    }
}

fn list(
    tx: &mut Tx<'_>,
    webhook: i64,
    filter: DeliveryFilter,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Listed<Delivery>, Error> {
    let mut bound: Vec<Value> = values![webhook, i64::try_from(limit + 1).unwrap_or(i64::MAX)].into();
    let mut conditions = vec!["d.webhook = $1".to_owned()];
    let mut add = |condition: &str, value: Value| {
        bound.push(value);
        conditions.push(format!("{condition} ${}", bound.len()));
    };
    if let Some(id) = after.and_then(|cursor| DeliveryId::parse(&cursor.id).ok()) {
        add("d.seq <", delivery_number(id).into());
    }
    if let Some(kind) = filter.kind {
        add("d.kind =", kind.into());
    }
    if let Some(since) = filter.since {
        add("d.created_at >=", since.into());
    }
    if let Some(until) = filter.until {
        add("d.created_at <", until.into());
    }
    if let Some(state) = filter.state {
        // As a number in the text: only so the indexes of these states are known to fit.
        conditions.push(format!("d.state = {}", state.number()));
    }
    let sql = format!("SELECT {COLUMNS} WHERE {} ORDER BY d.seq DESC LIMIT $2", conditions.join(" AND "));
    let rows = tx.query(&sql, &bound)?.into_iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
    Ok(Listed::of(rows, limit, |delivery| delivery.id.to_string()))
}

/// A delivery and its event's number.
pub(super) fn find(tx: &mut Tx<'_>, owner: Owner, id: DeliveryId) -> Result<Option<(Delivery, i64)>, Error> {
    let number = delivery_number(id);
    let sql = format!("SELECT {COLUMNS} WHERE d.seq = $1 AND w.owner = $2");
    let found = tx.first(&sql, &values![number, owner])?.map(delivery).transpose()?;
    // The number alone may be another delivery's, or a guess.
    let Some(found) = found.filter(|delivery| delivery.id == id) else { return Ok(None) };
    let row = tx.first("SELECT event FROM deliveries WHERE seq = $1", &values![number])?;
    let event = row.map(|row| row.columns("deliveries").integer("event")).transpose()?;
    Ok(event.map(|event| (found, event)))
}

fn attempt(row: Row) -> Result<LoggedAttempt, Error> {
    let mut row = row.columns("attempts");
    Ok(LoggedAttempt {
        at: row.time("at")?,
        duration_ms: row.integer("duration_ms")?,
        status: row.optional("status", Value::into_small)?,
        failure: row.optional_text("failure")?,
        head: row.optional_text("head")?,
        body: row.optional("body", Value::into_bytes)?,
    })
}
