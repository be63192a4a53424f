//! What was changed of what nodes hold in memory: each holds links and pages, and forgets what another one changes.
//!
//! On PostgreSQL whoever changes a link or a page writes where it was and where it is, in the same transaction: so no change is
//! without its line, and it costs nobody a connection that has to be held. Whoever counts clicks of a link that has a limit
//! writes how many there are. Whoever follows remembers which transactions had ended when it looked ([`Seen`]), and reads what
//! others have written; after half an hour it knows nothing any more. On SQLite there is one program, and nobody to be told.
//!
//! Rejected: notices (`LISTEN`), which whoever was away for a moment never gets, and does not know it; numbers that count up, as
//! a transaction that began early and ended late would be passed over; and to read everything since the oldest transaction that
//! goes on, which may be anybody's, of another database too, and hours old.

use mask_core::id::LinkId;

use crate::{
    Error, Object, Store,
    db::{Dialect, Row, Tx, Value, values},
    links::Address,
    webhooks::{parts, places},
};

/// Most changes that are told at once. Of more it is said that everything may be another.
const MOST: usize = 10_000;
/// So many are forgotten at once.
const FORGOTTEN_AT_ONCE: i64 = 20_000;
/// For so many seconds what somebody has seen is good: half as long as changes are told of.
const GOOD: i64 = 1800;

/// What was changed since somebody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// `None` where it cannot be told, and everything may be another.
    pub what: Option<Vec<ChangedOne>>,
    /// To be said the next time.
    pub seen: Seen,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedOne {
    /// Something lives at an address that did not, or is another, or lives there no more: its host, and its slug in lower case.
    Address(String, String),
    /// A link that has a limit has so many clicks now.
    Clicks(LinkId, i64),
}

/// Which transactions had ended when somebody looked, and of which run of the server: all below a number but some that had not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    server: String,
    /// When, in seconds by the server's clock.
    at: i64,
    end: i64,
    open: String,
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
        (UPDATE links SET clicks = clicks + $2 WHERE id = $1 RETURNING id, clicks, click_limit) \
        INSERT INTO changed_addresses (link, clicks) SELECT id, clicks FROM counted WHERE click_limit IS NOT NULL";
    let sql = match tx.dialect() {
        Dialect::Sqlite => ADD,
        Dialect::Postgres => ADD_AND_TELL,
    };
    tx.execute(sql, &values![link, clicks]).map(drop)
}

/// Wants a snapshot.
fn changed(tx: &mut Tx<'_>, since: Option<&Seen>) -> Result<Changed, Error> {
    // A plan that was made while the table was empty goes through all of it.
    tx.batch("SET LOCAL enable_seqscan = off")?;
    let sql = "SELECT CAST(pg_postmaster_start_time() AS TEXT) AS server, CAST(extract(epoch FROM now()) AS BIGINT) AS at, \
               CAST(CAST(pg_snapshot_xmax(now_) AS TEXT) AS BIGINT) AS end_, \
               (SELECT coalesce(string_agg(CAST(open AS TEXT), ','), '') FROM pg_snapshot_xip(now_) AS open) AS open, tx \
               FROM pg_current_snapshot() AS now_, forgotten_addresses WHERE id = 1";
    let row = tx.first(sql, &[])?.ok_or_else(|| Error::Defect("a server has no state".to_owned()))?;
    let mut row = row.columns("forgotten_addresses");
    let (server, at) = (row.text("server")?, row.integer("at")?);
    let seen = Seen { server, at, end: row.integer("end_")?, open: row.text("open")? };
    let forgotten = row.integer("tx")?;
    let is_good = |since: &&Seen| {
        // Another run of the server may be another server, which counts its transactions by itself; so may have done the one that
        // these tables were brought from.
        let has_all = forgotten < since.end || forgotten >= seen.end;
        since.server == seen.server && has_all && (0..GOOD).contains(&(seen.at - since.at))
    };
    let Some(since) = since.filter(is_good) else { return Ok(Changed { what: None, seen }) };
    let sql = "SELECT domain, slug_key, link, clicks FROM changed_addresses \
               WHERE (tx >= $1 AND tx < $2) OR tx = ANY(CAST(CAST($3 AS TEXT) AS BIGINT[])) LIMIT $4";
    let most = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &values![since.end, seen.end, format!("{{{}}}", since.open), most])?;
    let what = if rows.len() > MOST { None } else { Some(rows.into_iter().map(one).collect::<Result<_, _>>()?) };
    Ok(Changed { what, seen })
}

fn one(row: Row) -> Result<ChangedOne, Error> {
    let mut row = row.columns("changed_addresses");
    let (domain, slug) = (row.optional_text("domain")?, row.optional_text("slug_key")?);
    match domain.zip(slug) {
        Some((domain, slug)) => Ok(ChangedOne::Address(domain, slug)),
        None => Ok(ChangedOne::Clicks(row.parsed("link", LinkId::parse)?, row.integer("clicks")?)),
    }
}

fn forget(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let sql = "WITH forgotten AS (DELETE FROM changed_addresses WHERE seq IN \
               (SELECT seq FROM changed_addresses WHERE at < now() - INTERVAL '1 hour' LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING tx) \
               SELECT count(*) AS count, max(tx) FILTER (WHERE tx < end_) AS tx, min(end_) AS end_ FROM forgotten, \
               (SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS end_) AS now_";
    let Some(row) = tx.first(sql, &values![FORGOTTEN_AT_ONCE])? else { return Ok(0) };
    let mut row = row.columns("changed_addresses");
    let (count, last, end) = (row.integer("count")?, row.optional_integer("tx")?, row.optional_integer("end_")?);
    if let (Some(last), Some(end)) = (last, end) {
        let sql = "UPDATE forgotten_addresses SET tx = $1 WHERE id = 1 AND (tx < $1 OR tx >= $2)";
        tx.execute(sql, &values![last, end])?;
    }
    Ok(u64::try_from(count).unwrap_or(0))
}

impl Store {
    /// What was changed since somebody looked, who had seen so much; nothing for whoever looks for the first time, and knows
    /// nothing. `None` where nobody else changes anything.
    pub async fn changed_addresses(&self, since: Option<Seen>) -> Result<Option<Changed>, Error> {
        let step = move |tx: &mut Tx<'_>| match tx.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => tx.snapshot(|tx| changed(tx, since.as_ref())).map(Some),
        };
        self.main.read(step).await
    }

    /// Forgets what was changed more than an hour ago, some of it at a time; says how many.
    pub async fn forget_changed_addresses(&self) -> Result<u64, Error> {
        let step = move |tx: &mut Tx<'_>| match tx.dialect() {
            Dialect::Sqlite => Ok(0),
            Dialect::Postgres => forget(tx),
        };
        self.main.write(step).await
    }
}
