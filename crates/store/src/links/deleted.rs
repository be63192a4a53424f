//! Links that are no more: what stays of them, for as long as their workspace does.
//!
//! Whoever deletes a link deletes what it does, not what it did: its clicks stay, and go on being grouped and filtered by
//! its tags, its domain and its UTM parameters as they were at the end. A click that is drained after its link was deleted
//! can still be told with the link's name.
//!
//! A table of its own, and not a mark upon the link: every query for links would have to think of the mark, and every
//! index would carry what nobody looks for. A link goes from one table to the other in one transaction and never back, so
//! whoever looks into both in that order finds each once, also without a snapshot.

use std::collections::HashSet;

use mask_core::{id::LinkId, time::Time, workspace::Owner};

use crate::{
    Error,
    db::{Columns, Patience, Row, Tx, Value, values},
};

/// Links that are looked up by one query.
const AT_ONCE: usize = 200;

/// What is kept, in both tables under the same names.
const KEPT: &str = "id, owner, domain, slug, tags, utm_source, utm_medium, utm_campaign, utm_term, utm_content, \
    external_id, created_at, title, url";

/// Keeps what stays of a link; to be called in the transaction that deletes it, before it does.
pub(super) fn keep(tx: &mut Tx<'_>, id: LinkId, now: Time) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO deleted_links ({KEPT}, deleted_at) SELECT {KEPT}, CAST($2 AS BIGINT) FROM links WHERE id = $1"
    );
    tx.execute(&sql, &values![id, now]).map(drop)
}

/// Like [`each_ever_within`], for links that are few: those of a batch or of a page.
pub(crate) fn each_ever(
    tx: &mut Tx<'_>,
    owner: Owner,
    links: impl IntoIterator<Item = LinkId>,
    columns: &str,
    call: impl FnMut(LinkId, &mut Columns) -> Result<(), Error>,
) -> Result<HashSet<LinkId>, Error> {
    each_ever_within(tx, owner, links, columns, None, call)
}

/// Calls for each of these links of the owner's, as it is, or was when it was deleted, with these columns of it: any of
/// those that are kept ([`KEPT`]). Of the others nothing is known; they are answered. Where there may be a million links,
/// patience ends it.
pub(crate) fn each_ever_within(
    tx: &mut Tx<'_>,
    owner: Owner,
    links: impl IntoIterator<Item = LinkId>,
    columns: &str,
    patience: Option<Patience>,
    mut call: impl FnMut(LinkId, &mut Columns) -> Result<(), Error>,
) -> Result<HashSet<LinkId>, Error> {
    let mut missing: HashSet<LinkId> = links.into_iter().collect();
    for table in ["links", "deleted_links"] {
        // In order, as they lie: what was made together is read together.
        let mut wanted: Vec<_> = missing.iter().copied().collect();
        wanted.sort_unstable();
        for links in wanted.chunks(AT_ONCE) {
            patience.map_or(Ok(()), Patience::check)?;
            for row in look_up(tx, table, owner, links, columns)? {
                let mut row = row.columns(table);
                let link = row.parsed("id", LinkId::parse)?;
                missing.remove(&link);
                call(link, &mut row)?;
            }
        }
    }
    Ok(missing)
}

fn look_up(tx: &mut Tx<'_>, table: &str, owner: Owner, links: &[LinkId], columns: &str) -> Result<Vec<Row>, Error> {
    let places: Vec<_> = (2..=AT_ONCE + 1).map(|place| format!("${place}")).collect();
    // The plus keeps SQLite from an index of the owner's links, of which there may be a million.
    let sql = format!("SELECT id, {columns} FROM {table} WHERE +owner = $1 AND id IN ({})", places.join(", "));
    let mut bound: Vec<Value> = vec![owner.into()];
    bound.extend(links.iter().map(|link| (*link).into()));
    // One text for every number of links, so that it is prepared once.
    bound.resize(AT_ONCE + 1, "".into());
    tx.query(&sql, &bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::look_sqlite;

    #[test]
    fn a_look_up_ends_with_its_patience() {
        let second = std::time::Duration::from_secs(1);
        let look = |patience| {
            look_sqlite(None, second, |tx| {
                tx.batch("CREATE TABLE links (id TEXT, owner BIGINT, url TEXT)")?;
                tx.batch("CREATE TABLE deleted_links (id TEXT, owner BIGINT, url TEXT)")?;
                let links = [LinkId::from_bits(1)];
                each_ever_within(tx, Owner::from_number(2), links, "url", patience, |_, _| Ok(()))
            })
        };
        assert_eq!(look(None).expect("an answer").len(), 1, "nothing is known of it");
        assert!(matches!(look(Some(Patience::ended())), Err(Error::TooLong(_))));
    }
}
