//! That SQLite goes into the table the way that was meant, whatever the filter: a plan that scans or sorts a million
//! links is as fast as any other in a test of a hundred.

use std::time::Duration;

use mask_core::{cursor::Cursor, time::Time, workspace::Owner};

use super::*;
use crate::{Location, Options, Store};

const OWNER: Owner = Owner { workspace: 1, is_test: false };

/// The steps of SQLite's plan for a query, a line each (https://sqlite.org/eqp.html).
fn plan(tx: &mut Tx<'_>, (sql, values): &(String, Vec<Value>)) -> Vec<String> {
    let rows = tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), values).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let detail = |row: crate::db::Row| {
        let mut row = row.columns("plan");
        for column in ["id", "parent", "unused"] {
            row.integer(column).expect("a number");
        }
        row.text("detail").expect("a text")
    };
    rows.into_iter().map(detail).collect()
}

/// Every combination of filters.
fn filters() -> Vec<Filter> {
    let mut all = vec![Filter::default()];
    let parts: [fn(&mut Filter); 6] = [
        |filter| filter.search = Some("a".to_owned()),
        |filter| filter.search = Some("spring".to_owned()),
        |filter| filter.tag = Some("news".to_owned()),
        |filter| filter.domain = Some("go.example".to_owned()),
        |filter| filter.created_after = Some(Time::from_unix_millis(1)),
        |filter| filter.created_before = Some(Time::from_unix_millis(2)),
    ];
    for part in parts {
        let with_part = |filter: &Filter| {
            let mut filter = filter.clone();
            part(&mut filter);
            filter
        };
        all.extend(all.iter().map(with_part).collect::<Vec<_>>());
    }
    all
}

/// Every sort both ways, at the beginning and after a page.
fn pages() -> Vec<Page> {
    let mut all = Vec::new();
    for sort in [Sort::CreatedAt, Sort::Clicks, Sort::UpdatedAt] {
        for order in [Order::Ascending, Order::Descending] {
            let value = (sort != Sort::CreatedAt).then(|| (sort.column().to_owned(), 5));
            let cursor = Cursor { id: "lnk_1".to_owned(), sort: value };
            all.extend([None, Some(cursor)].map(|after| Page { sort, order, after, limit: 25 }));
        }
    }
    all
}

/// Runs a test on the tables as they are, empty.
fn on_the_schema(test: impl FnOnce(&mut Tx<'_>)) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_mins(1) };
    let store = Store::open(&options).expect("a store");
    let connection = rusqlite::Connection::open(folder.path().join("mask.db")).expect("a connection");
    test(&mut Tx::Sqlite(&connection));
    drop(store);
}

#[test]
fn a_walk_follows_the_index_of_the_sort_and_sorts_nothing() {
    on_the_schema(|tx| {
        for page in pages() {
            for filter in filters() {
                let plan = plan(tx, &statement(OWNER, &filter, &page, Way::Walk));
                let walk = format!("SEARCH links USING INDEX {} (owner=? AND is_archived=?", page.sort.index());
                let line = plan.iter().find(|line| line.starts_with(&walk)).unwrap_or_else(|| panic!("{plan:?}"));
                assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
                // After a page the walk begins where that one ended, not at the front.
                let column = page.sort.column();
                let goes_on = line.contains(&format!("{column}>")) || line.contains(&format!("{column}<"));
                let goes_on = goes_on || line.contains(&format!("({column},id)"));
                let is_bounded = filter.created_after.is_some() || filter.created_before.is_some();
                assert!(goes_on || page.after.is_none(), "{line}");
                assert!(!goes_on || page.after.is_some() || is_bounded, "{line}");
            }
        }
    });
}

#[test]
fn a_walk_to_a_place_nearby_begins_and_ends_there() {
    on_the_schema(|tx| {
        for page in pages() {
            let search = Filter { search: Some("a long enough text".to_owned()), ..Filter::default() };
            let counting = plan(tx, &nearby(OWNER, &search, &page));
            let index = format!("SEARCH links USING COVERING INDEX {} (owner=? AND is_archived=?", page.sort.index());
            assert!(counting.len() == 1 && counting[0].starts_with(&index), "{counting:?}");
            let value = (page.sort != Sort::CreatedAt).then(|| (page.sort.column().to_owned(), 9));
            let end = Cursor { id: "lnk_2".to_owned(), sort: value };
            let plan = plan(tx, &statement(OWNER, &search, &page, Way::WalkTo(end)));
            let walk = format!("SEARCH links USING INDEX {} (owner=? AND is_archived=? AND ", page.sort.index());
            assert!(plan.len() == 1 && plan[0].starts_with(&walk), "{plan:?}");
        }
    });
}

#[test]
fn candidates_are_found_by_an_index_and_fetched_one_by_one() {
    on_the_schema(|tx| {
        for filter in filters() {
            for found in candidates(OWNER, &filter) {
                let counting = plan(tx, &at_most(FEW, found));
                assert!(!counting.iter().any(|line| scans(line)), "{counting:?}");
            }
            for page in pages() {
                let plan = plan(tx, &statement(OWNER, &filter, &page, Way::Look(vec![1, 2])));
                let by_number = plan.iter().filter(|line| *line == "SEARCH links USING INTEGER PRIMARY KEY (rowid=?)");
                assert_eq!(by_number.count(), 2, "{plan:?}");
                assert!(!plan.iter().any(|line| scans(line)), "{plan:?}");
            }
        }
    });
}

#[test]
fn an_external_id_is_found_by_its_own_index() {
    on_the_schema(|tx| {
        let filter =
            Filter { external_id: Some("x".to_owned()), search: Some("spring".to_owned()), ..Filter::default() };
        for page in pages() {
            let plan = plan(tx, &statement(OWNER, &filter, &page, Way::Any));
            assert!(plan[0].starts_with("SEARCH links USING INDEX links_by_external_id"), "{plan:?}");
        }
    });
}

/// Whether a step goes through a whole table. The trigrams' table is only ever entered by its own index, and counting
/// goes through what a query inside has found.
fn scans(line: &str) -> bool {
    line.starts_with("SCAN") && !line.contains("VIRTUAL TABLE INDEX") && !line.starts_with("SCAN (subquery")
}
