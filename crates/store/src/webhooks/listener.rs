//! Listeners: subscriptions without an address, whose deliveries somebody comes for.
//!
//! A developer's own machine has no public address, so `mask webhooks listen` pulls what a webhook would be sent. To the
//! outbox a listener is a subscription like any other; its URL is empty, and the dispatcher leaves it alone. It lives as
//! long as somebody pulls: each pull is noted as its last change, and what was not pulled for a while is forgotten.

use mask_core::{
    action::Action,
    id::{DeliveryId, WebhookId},
    time::Time,
    webhook::{Fate, Verdict, Webhook},
    workspace::Owner,
};

use super::{
    COLUMNS, Unsubscribed,
    delivery::{Attempt, Claimed, Settled, claim, delivery_number, settle, with_events},
    log, numbered,
};
use crate::{
    By, Deed, Error, Object, Store,
    db::{Tx, values},
};

fn find(tx: &mut Tx<'_>, owner: Owner, id: WebhookId) -> Result<Option<(i64, Webhook)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND owner = $2 AND url = ''");
    tx.first(&sql, &values![id, owner])?.map(numbered).transpose()
}

impl Store {
    /// Claims what is due of a listener, at most so many, until a moment; with the listener itself, whose secret signs.
    pub async fn pull_deliveries(
        &self,
        owner: Owner,
        listener: WebhookId,
        most: usize,
        now: Time,
        until: Time,
    ) -> Result<Result<(Webhook, Vec<Claimed>), Unsubscribed>, Error> {
        self.main
            .write(move |tx| {
                let Some((number, webhook)) = find(tx, owner, listener)? else {
                    return Ok(Err(Unsubscribed::Absent));
                };
                tx.execute("UPDATE webhooks SET updated_at = $2 WHERE number = $1", &values![number, now])?;
                let mut rows = Vec::new();
                claim(tx, number, None, most, now, until, &mut rows)?;
                Ok(Ok((webhook, with_events(tx, rows, until)?)))
            })
            .await
    }

    /// Whether something is due of a listener; also `false` where there is none.
    pub async fn is_listener_due(&self, owner: Owner, listener: WebhookId, now: Time) -> Result<bool, Error> {
        self.main
            .read(move |tx| {
                let sql = "SELECT 1 FROM deliveries WHERE webhook = (SELECT number FROM webhooks WHERE id = $1 AND owner = $2) \
                           AND state = 0 AND due_at <= $3 LIMIT 1";
                Ok(tx.first(sql, &values![listener, owner, now])?.is_some())
            })
            .await
    }

    /// Writes down what came of a delivery that was pulled. It is over, whatever that was: who listens has seen it. `false`
    /// when the listener has no such delivery that is not over yet.
    pub async fn report_delivery(
        &self,
        owner: Owner,
        listener: WebhookId,
        delivery: DeliveryId,
        is_success: bool,
        attempt: Attempt,
    ) -> Result<Result<bool, Unsubscribed>, Error> {
        self.main
            .write(move |tx| {
                let Some((webhook, _)) = find(tx, owner, listener)? else { return Ok(Err(Unsubscribed::Absent)) };
                let is_its = log::find(tx, owner, delivery)?.is_some_and(|(found, _)| found.webhook == listener);
                if !is_its {
                    return Ok(Ok(false));
                }
                let number = delivery_number(delivery);
                let sql = "SELECT due_at FROM deliveries WHERE seq = $1 AND webhook = $2 AND state = 0";
                let Some(row) = tx.first(sql, &values![number, webhook])? else { return Ok(Ok(false)) };
                let until = row.columns("deliveries").time("due_at")?;
                let fate = if is_success { Fate::Succeeded } else { Fate::Failed };
                let verdict = Verdict { fate, switch_off: None };
                settle(tx, &Settled { number, webhook, until, verdict, attempt })?;
                Ok(Ok(true))
            })
            .await
    }

    /// Deletes a listener; `false` when there is none.
    pub async fn delete_listener(&self, by: impl Into<By>, listener: WebhookId, now: Time) -> Result<bool, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let Some((number, webhook)) = find(tx, by.owner, listener)? else { return Ok(false) };
            if forget(tx, number)? {
                telling.note(&by, now, Action::ListenerDeleted, Deed::deleted(Object::Webhook(&webhook)));
            }
            Ok(true)
        })
        .await
    }

    /// Deletes listeners that nobody has pulled from since a moment; says how many.
    pub async fn forget_listeners(&self, before: Time, now: Time) -> Result<u64, Error> {
        self.change(move |tx, telling| {
            let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE url = '' AND updated_at < $1");
            let mut forgotten = 0;
            for row in tx.query(&sql, &values![before])? {
                let (number, webhook) = numbered(row)?;
                if forget(tx, number)? {
                    let deed = Deed::deleted(Object::Webhook(&webhook));
                    telling.note(&webhook.owner.into(), now, Action::ListenerDeleted, deed);
                }
                forgotten += 1;
            }
            Ok(forgotten)
        })
        .await
    }
}

/// Whether it was there: another node may have been faster.
fn forget(tx: &mut Tx<'_>, number: i64) -> Result<bool, Error> {
    if tx.execute("DELETE FROM webhooks WHERE number = $1", &values![number])? == 0 {
        return Ok(false);
    }
    tx.execute("INSERT INTO deleted_webhooks (number) VALUES ($1)", &values![number]).map(|_| true)
}
