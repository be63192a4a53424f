//! That SQLite goes into the log by an index, whatever is asked for, and sorts nothing.

use std::time::Duration;

use super::*;
use crate::{Location, Options};

const OWNER: Owner = Owner { workspace: 1, is_test: false };

/// Every combination of filters, and the index that each is to be read along.
fn filters() -> Vec<(ChangeFilter, &'static str)> {
    let mut all = Vec::new();
    for combination in 0..32_u8 {
        let has = |bit: u8| combination >> bit & 1 == 1;
        let filter = ChangeFilter {
            actor: has(0).then_some(Actor::System),
            actions: has(1).then(|| vec![Action::LinkCreated, Action::LinkDeleted]),
            object: has(2).then(|| "lnk_1".to_owned()),
            from: has(3).then(|| Time::from_unix_millis(1)),
            to: has(4).then(|| Time::from_unix_millis(2)),
        };
        let index = match (has(2), has(0), has(1)) {
            (true, ..) => "audit_log_by_object (owner=? AND object=?",
            (_, true, _) => "audit_log_by_actor (owner=? AND actor=? AND action=?",
            (.., true) => "audit_log_by_action (owner=? AND action=?",
            _ => "audit_log_by_time (owner=?",
        };
        all.push((filter, index));
    }
    all
}

#[test]
fn every_filter_follows_its_index_and_sorts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_mins(1) };
    let store = Store::open(&options).expect("a store");
    let connection = rusqlite::Connection::open(folder.path().join("mask.db")).expect("a connection");
    let tx = &mut Tx::Sqlite(&connection);
    for (filter, index) in filters() {
        for after in [None, Some(ChangeId::from_bits(5))] {
            for (sql, values) in statements(Dialect::Sqlite, OWNER, &filter, after, 25) {
                let rows = tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), &values).expect("a plan");
                let detail = |row: Row| {
                    let mut row = row.columns("plan");
                    for column in ["id", "parent", "unused"] {
                        row.integer(column).expect("a number");
                    }
                    row.text("detail").expect("a text")
                };
                let plan: Vec<_> = rows.into_iter().map(detail).collect();
                assert!(plan.len() == 1 && plan[0].contains(&format!("USING INDEX {index}")), "{plan:?}: {sql}");
                let is_bounded = after.is_some() || filter.from.is_some() || filter.to.is_some();
                let is_narrowed = plan[0].contains("at>") || plan[0].contains("at<") || plan[0].contains("(at,seq)<");
                assert!(!is_bounded || is_narrowed, "{plan:?}: {sql}");
            }
        }
    }
    drop(store);
}
