//! Deliveries that are thrown away: the old ones, and those of subscriptions that are gone.

use mask_core::time::Time;

use crate::{
    Error, Store,
    db::{Tx, values},
};

impl Store {
    /// Forgets what was delivered, or given up, or never could be delivered, of events before this moment, and what was
    /// for subscriptions that are gone; at most `limit` of each. Says how many deliveries.
    pub async fn forget_deliveries(&self, before: Time, limit: u32) -> Result<u64, Error> {
        self.main.write(move |tx| Ok(forget_gone(tx, limit)? + forget_old(tx, before, limit)?)).await
    }
}

fn forget_old(tx: &mut Tx<'_>, before: Time, limit: u32) -> Result<u64, Error> {
    // Numbers follow time, so the old ones come first and no index of times is needed.
    let oldest = |table: &str| {
        format!(
            "SELECT seq FROM (SELECT seq, created_at FROM {table} ORDER BY seq LIMIT $2) AS oldest WHERE created_at < $1"
        )
    };
    let bound = values![before, i64::from(limit)];
    let sql = format!("DELETE FROM attempts WHERE delivery IN ({})", oldest("deliveries"));
    tx.execute(&sql, &bound)?;
    let deleted = tx.execute(&format!("DELETE FROM deliveries WHERE seq IN ({})", oldest("deliveries")), &bound)?;
    let events = tx.execute(&format!("DELETE FROM events WHERE seq IN ({})", oldest("events")), &bound)?;
    Ok(deleted.max(events))
}

fn forget_gone(tx: &mut Tx<'_>, limit: u32) -> Result<u64, Error> {
    let rows = tx.query("SELECT number FROM deleted_webhooks ORDER BY number LIMIT $1", &values![i64::from(limit)])?;
    let mut left = u64::from(limit);
    for row in rows {
        let webhook = row.columns("deleted_webhooks").integer("number")?;
        left -= forget_all_of(tx, webhook, left)?;
        if left == 0 {
            break;
        }
    }
    Ok(u64::from(limit) - left)
}

/// Throws away what was for a subscription, at most so much; says how much.
fn forget_all_of(tx: &mut Tx<'_>, webhook: i64, limit: u64) -> Result<u64, Error> {
    let some = "SELECT seq FROM deliveries WHERE webhook = $1 ORDER BY seq LIMIT $2";
    let bound = values![webhook, i64::try_from(limit).unwrap_or(i64::MAX)];
    tx.execute(&format!("DELETE FROM attempts WHERE delivery IN ({some})"), &bound)?;
    let deleted = tx.execute(&format!("DELETE FROM deliveries WHERE seq IN ({some})"), &bound)?;
    if deleted < limit {
        tx.execute("DELETE FROM deleted_webhooks WHERE number = $1", &values![webhook])?;
    }
    Ok(deleted)
}
