//! Slugs: one namespace for whatever has an address.
//!
//! Links and bio pages live in tables of their own, each unique by host and slug, and no two of both may live at one address.
//! A third table keeps the slugs of what is gone, for its owner. Within one table the database sees to it. Between two of
//! them somebody has to look, and on PostgreSQL looking is not enough: of two transactions that each put something at one
//! address neither sees the other's row. So both take a lock that stands for the address and is given back when they end:
//! links share it among themselves (they meet in their own index), a page has it alone. Links take it in the statement that
//! inserts them, which costs them nothing; whoever holds it then looks, and sees whatever was there before.
//!
//! The locks are [`BUCKETS`] in number, however many addresses there are: the server has room for some thousands in all,
//! and one transaction may make a hundred links. A page waits for no other lock while it holds one, unless a random slug is
//! taken and it tries the next; should two wait in a circle then, PostgreSQL ends one of them, whose caller is told to come
//! back. SQLite has one writer, and needs none of this.
//!
//! Rejected: a table of all addresses beside the others, which would make every link two rows.

use std::hash::{Hash, Hasher};

use mask_core::{slug::Slug, time::Time, workspace::Owner};
use siphasher::sip::SipHasher24;

use crate::{
    Error,
    db::{Dialect, Tx, Value, values},
};

/// See the module.
const BUCKETS: u64 = 256;

/// Tells these locks from all others that a program may take of the same database ("slug" in the upper half).
const SPACE: i64 = 0x736c_7567 << 32;

/// What is at an address, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A link.
    Link,
    /// A page.
    Page,
    /// Something of this id, which is gone, kept for this owner.
    Gone {
        /// Its id.
        id: String,
        /// Its owner.
        owner: i64,
    },
}

/// The number of an address's lock.
fn number(domain: &str, slug_key: &str) -> i64 {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    (domain, slug_key).hash(&mut hasher);
    SPACE | i64::try_from(hasher.finish() % BUCKETS).unwrap_or_default()
}

/// What an insert of a link returns beside its number, and what it binds at the next place: the lock of its address, shared.
pub(crate) fn shared_lock(tx: &Tx<'_>, domain: &str, slug: &Slug, place: usize) -> (String, Option<Value>) {
    match tx.dialect() {
        Dialect::Sqlite => (String::new(), None),
        Dialect::Postgres => {
            let lock = format!(", pg_advisory_xact_lock_shared(${place}) IS NULL");
            (lock, Some(number(domain, &slug.key()).into()))
        }
    }
}

/// Takes the lock of an address where a link is about to move.
pub(crate) fn share(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<(), Error> {
    lock(tx, "pg_advisory_xact_lock_shared", domain, slug)
}

/// Takes the lock of an address where a page is about to live.
pub(crate) fn take(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<(), Error> {
    lock(tx, "pg_advisory_xact_lock", domain, slug)
}

fn lock(tx: &mut Tx<'_>, function: &str, domain: &str, slug: &Slug) -> Result<(), Error> {
    match tx.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => {
            let sql = format!("SELECT {function}($1) IS NULL");
            tx.query(&sql, &values![number(domain, &slug.key())]).map(drop)
        }
    }
}

/// Who holds an address beside a link; where several do, whoever lives there. One look, so that what goes from one table to
/// another meanwhile is seen in one of them.
pub(crate) fn held_beside_links(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<Option<Holder>, Error> {
    let sql = "SELECT 'page', '', 0 FROM bio_pages WHERE domain = $1 AND slug_key = $2 \
               UNION ALL SELECT 'gone', link_id, owner FROM reserved_slugs WHERE domain = $1 AND slug_key = $2";
    holder(tx, sql, domain, slug)
}

/// Who holds an address.
pub(crate) fn held(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<Option<Holder>, Error> {
    let sql = "SELECT 'link', '', 0 FROM links WHERE domain = $1 AND slug_key = $2 \
               UNION ALL SELECT 'page', '', 0 FROM bio_pages WHERE domain = $1 AND slug_key = $2 \
               UNION ALL SELECT 'gone', link_id, owner FROM reserved_slugs WHERE domain = $1 AND slug_key = $2";
    holder(tx, sql, domain, slug)
}

fn holder(tx: &mut Tx<'_>, sql: &str, domain: &str, slug: &Slug) -> Result<Option<Holder>, Error> {
    let mut found = None;
    for row in tx.query(sql, &values![domain, slug.key()])? {
        let mut row = row.columns("reserved_slugs");
        let kind = row.text("kind")?;
        let (id, owner) = (row.text("link_id")?, row.integer("owner")?);
        match kind.as_str() {
            "link" => return Ok(Some(Holder::Link)),
            "page" => return Ok(Some(Holder::Page)),
            _ => found = Some(Holder::Gone { id, owner }),
        }
    }
    Ok(found)
}

/// Keeps a slug for the owner of what lived there; not on a domain that is somebody else's by now, who may have it then.
pub(crate) fn keep(tx: &mut Tx<'_>, owner: Owner, domain: &str, slug: &Slug, id: &str, now: Time) -> Result<(), Error> {
    let lost = "SELECT 1 FROM domains WHERE name = $1 AND status = 1 AND owner <> $2";
    if tx.first(lost, &values![domain, owner])?.is_some() {
        return Ok(());
    }
    let sql = "INSERT INTO reserved_slugs (domain, slug_key, owner, link_id, created_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT DO NOTHING";
    tx.execute(sql, &values![domain, slug.key(), owner, id, now]).map(drop)
}

/// Lets go of a slug that was kept for what is about to live there again.
pub(crate) fn let_back(tx: &mut Tx<'_>, domain: &str, slug: &Slug, id: &str) -> Result<(), Error> {
    let sql = "DELETE FROM reserved_slugs WHERE domain = $1 AND slug_key = $2 AND link_id = $3";
    tx.execute(sql, &values![domain, slug.key(), id]).map(drop)
}

/// Lets go of all slugs that were kept for something of the owner's; answers where they were.
pub(crate) fn release(tx: &mut Tx<'_>, owner: Owner, id: &str) -> Result<Vec<crate::Address>, Error> {
    let sql = "DELETE FROM reserved_slugs WHERE link_id = $1 AND owner = $2 RETURNING domain, slug_key";
    let read = |row: crate::db::Row| {
        let mut row = row.columns("reserved_slugs");
        Ok((row.text("domain")?, row.text("slug_key")?))
    };
    tx.query(sql, &values![id, owner])?.into_iter().map(read).collect()
}
