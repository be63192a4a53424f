//! Removing what a workspace had that was deleted and cannot be taken back any more: some of it at a time.
//!
//! Each step is one transaction of a bounded number of rows, and says whether there may be more; whoever asks again goes on where
//! the last one stopped, on whichever node, as what is left is what is still there. The last step writes down that nothing is left.
//! The workspace's own row stays, nameless: its number is never given again, so nothing that somebody forgot here could ever be
//! another's, nor is its slug.
//!
//! Addresses on hosts that are everybody's stay reserved, as those of links that were deleted: a printed code leads to nobody
//! else. Its own domains go, and whoever has one next begins with all of it free. Pictures are never deleted (decision 0009), and
//! kept replies forget themselves.

use mask_core::{slug::Slug, time::Time, workspace::Owner};

use crate::{
    Error, Store,
    db::{Row, Tx, values},
    domains, slugs,
};

/// A workspace that is to be removed.
#[derive(Clone, Copy)]
struct Doomed {
    number: i64,
    deleted_at: Time,
}

impl Doomed {
    /// Both of its sides.
    const fn sides(self) -> [Owner; 2] {
        [Owner { workspace: self.number, is_test: false }, Owner { workspace: self.number, is_test: true }]
    }
}

/// What has neither an address nor anything below it: tables with the column that tells their rows apart.
const PLAIN: [(&str, &str); 6] = [
    ("tags", "seq"),
    ("deleted_links", "id"),
    ("qr_codes", "number"),
    ("deleted_qr_codes", "token"),
    ("api_keys", "id"),
    ("audit_log", "seq"),
];

fn next(tx: &mut Tx<'_>, before: Time) -> Result<Option<Doomed>, Error> {
    let sql = "SELECT number, deleted_at FROM workspaces WHERE deleted_at <= $1 AND removed_at IS NULL \
               ORDER BY deleted_at LIMIT 1";
    let read = |row: Row| {
        let mut row = row.columns("workspaces");
        Ok(Doomed { number: row.integer("number")?, deleted_at: row.time("deleted_at")? })
    };
    tx.first(sql, &values![before])?.map(read).transpose()
}

/// Removes some of what is left; the kinds one after the other, links before the tags that they name.
fn remove(tx: &mut Tx<'_>, doomed: Doomed, now: Time, most: u32) -> Result<(), Error> {
    for table in ["bio_pages", "links"] {
        if remove_placed(tx, table, doomed, now, most)? {
            return Ok(());
        }
    }
    let [live, test] = doomed.sides();
    let bound = values![live, test, i64::from(most)];
    for (table, key) in PLAIN {
        let some = format!("SELECT {key} FROM {table} WHERE owner IN ($1, $2) LIMIT $3");
        if tx.execute(&format!("DELETE FROM {table} WHERE {key} IN ({some})"), &bound)? > 0 {
            return Ok(());
        }
    }
    // Their deliveries are thrown away as those of any that is deleted.
    let sql = "INSERT INTO deleted_webhooks (number) SELECT number FROM webhooks WHERE owner IN ($1, $2)";
    tx.execute(sql, &values![live, test])?;
    tx.execute("DELETE FROM webhooks WHERE owner IN ($1, $2)", &values![live, test])?;
    if free_domains(tx, doomed, most)? {
        return Ok(());
    }
    for table in ["invitations", "members", "recipients"] {
        tx.execute(&format!("DELETE FROM {table} WHERE workspace = $1"), &values![doomed.number])?;
    }
    let sql = "UPDATE workspaces SET name = '', made_by = NULL, removed_at = $2, version = version + 1, updated_at = $2 WHERE number = $1";
    tx.execute(sql, &values![doomed.number, now]).map(drop)
}

/// Removes links or pages, and keeps their addresses; `false` when there are none.
fn remove_placed(tx: &mut Tx<'_>, table: &str, doomed: Doomed, now: Time, most: u32) -> Result<bool, Error> {
    let [live, test] = doomed.sides();
    let sql = format!("SELECT id, owner, domain, slug FROM {table} WHERE owner IN ($1, $2) LIMIT $3");
    let rows = tx.query(&sql, &values![live, test, i64::from(most)])?;
    let is_some = !rows.is_empty();
    for row in rows {
        let mut row = row.columns("links");
        let (id, owner) = (row.text("id")?, Owner::from_number(row.integer("owner")?));
        let (domain, slug) = (row.text("domain")?, row.parsed("slug", Slug::parse)?);
        slugs::keep(tx, owner, &domain, &slug, &id, now)?;
        tx.execute(&format!("DELETE FROM {table} WHERE id = $1"), &values![id])?;
    }
    Ok(is_some)
}

/// Gives its domains up, and the addresses there before; `false` when nothing is left of either.
fn free_domains(tx: &mut Tx<'_>, doomed: Doomed, most: u32) -> Result<bool, Error> {
    let [live, test] = doomed.sides();
    let sql = "DELETE FROM reserved_slugs WHERE (domain, slug_key) IN \
               (SELECT r.domain, r.slug_key FROM domains d JOIN reserved_slugs r ON r.domain = d.name AND r.owner = d.owner \
                WHERE d.owner IN ($1, $2) AND d.status = 1 LIMIT $3)";
    if tx.execute(sql, &values![live, test, i64::from(most)])? > 0 {
        return Ok(true);
    }
    let is_some = tx.execute("DELETE FROM domains WHERE owner IN ($1, $2)", &values![live, test])? > 0;
    if is_some {
        domains::note_change(tx)?;
    }
    Ok(is_some)
}

impl Store {
    /// Removes some of what a workspace had that was deleted at this moment or before, at most `limit` rows of a kind; `false` when
    /// there is none any more.
    pub async fn remove_deleted(&self, before: Time, now: Time, limit: u32) -> Result<bool, Error> {
        let Some(doomed) = self.main.read(move |tx| next(tx, before)).await? else { return Ok(false) };
        // Clicks lie in a database of their own, and go first: what tells whose they were is still there should this end here.
        if self.remove_clicks(doomed.sides(), doomed.deleted_at).await? {
            return Ok(true);
        }
        self.main.write(move |tx| remove(tx, doomed, now, limit)).await?;
        self.told.send_replace(());
        Ok(true)
    }
}
