//! Addresses at which something changed. Each node holds links and pages in memory, and forgets what another one changes.
//!
//! On PostgreSQL whoever changes a link or a page writes where it was and where it is, in the same transaction: so no change is
//! without its line, and it costs nobody a connection that has to be held. A click of a link that has a limit is such a change
//! too, as it leaves others one less. Whoever follows reads what was written by transactions that had not ended when it read
//! before. On SQLite there is one program, and nobody to be told.
//!
//! Rejected: notices (`LISTEN`), which whoever was away for a moment never gets, and does not know it; and numbers that count up,
//! as a transaction that began early and ended late would be passed over.

use mask_core::id::LinkId;

use crate::{
    Error, Object, Store,
    db::{Dialect, Row, Tx, Value, values},
    links::Address,
    webhooks::{parts, places},
};

/// What was changed since somebody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedAddresses {
    /// Hosts and slugs, in lower case. Some may have been told of before. `None` where it cannot be told any more, and everything
    /// may be another.
    pub addresses: Option<Vec<Address>>,
    /// Where to look from the next time.
    pub next: i64,
}

/// Where an object is, if people come to it by an address.
pub(crate) fn address(object: &Object<'_>) -> Option<Address> {
    match object {
        Object::Link(link) => Some((link.domain.clone(), link.slug.key())),
        Object::Page(page) => Some((page.domain.clone(), page.slug.key())),
        _ => None,
    }
}

/// Tells of these. On SQLite there is nobody to tell.
pub(crate) fn tell(tx: &mut Tx<'_>, addresses: &[Address]) -> Result<(), Error> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for part in parts(addresses) {
        let all: Vec<Value> = part.iter().flat_map(|(domain, slug)| values![domain, slug]).collect();
        let rows = places(part.len(), 2, 0, |place| format!("({})", place.join(", ")));
        tx.execute(&format!("INSERT INTO changed_addresses (domain, slug_key) VALUES {rows}"), &all)?;
    }
    Ok(())
}

/// Adds to the clicks of a link, and tells of it where it has a limit.
pub(crate) fn add_clicks(tx: &mut Tx<'_>, link: LinkId, clicks: i64) -> Result<(), Error> {
    const ADD: &str = "UPDATE links SET clicks = clicks + $2 WHERE id = $1";
    const ADD_AND_TELL: &str = "WITH counted AS \
        (UPDATE links SET clicks = clicks + $2 WHERE id = $1 RETURNING domain, slug_key, click_limit) \
        INSERT INTO changed_addresses (domain, slug_key) SELECT domain, slug_key FROM counted WHERE click_limit IS NOT NULL";
    let sql = match tx.dialect() {
        Dialect::Sqlite => ADD,
        Dialect::Postgres => ADD_AND_TELL,
    };
    tx.execute(sql, &values![link, clicks]).map(drop)
}

fn changed(tx: &mut Tx<'_>, since: Option<i64>) -> Result<ChangedAddresses, Error> {
    let sql = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS next";
    let row = tx.first(sql, &[])?.ok_or_else(|| Error::Defect("a server has no state".to_owned()))?;
    let next = row.columns("changed_addresses").integer("next")?;
    // A database that was restored elsewhere counts its transactions anew.
    let Some(since) = since.filter(|since| *since <= next) else {
        return Ok(ChangedAddresses { addresses: None, next });
    };
    let read = |row: Row| {
        let mut row = row.columns("changed_addresses");
        Ok((row.text("domain")?, row.text("slug_key")?))
    };
    let sql = "SELECT domain, slug_key FROM changed_addresses WHERE tx >= $1 ORDER BY seq";
    let addresses = tx.query(sql, &values![since])?.into_iter().map(read).collect::<Result<_, Error>>()?;
    Ok(ChangedAddresses { addresses: Some(addresses), next })
}

impl Store {
    /// The addresses at which something was changed since somebody looked, which was then told `since`; whoever did not look for half
    /// an hour begins anew, without it. `None` where nobody else changes anything.
    pub async fn changed_addresses(&self, since: Option<i64>) -> Result<Option<ChangedAddresses>, Error> {
        let step = move |tx: &mut Tx<'_>| match tx.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => tx.snapshot(|tx| changed(tx, since)).map(Some),
        };
        self.main.read(step).await
    }

    /// Forgets that addresses were changed more than an hour ago; says how many, at most so many.
    pub async fn forget_changed_addresses(&self, most: u32) -> Result<u64, Error> {
        let step = move |tx: &mut Tx<'_>| {
            let sql = "DELETE FROM changed_addresses WHERE seq IN \
                       (SELECT seq FROM changed_addresses WHERE at < now() - INTERVAL '1 hour' ORDER BY at LIMIT $1)";
            match tx.dialect() {
                Dialect::Sqlite => Ok(0),
                Dialect::Postgres => tx.execute(sql, &values![i64::from(most)]),
            }
        };
        self.main.write(step).await
    }
}
