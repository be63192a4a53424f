//! That SQLite goes into the table the way that was meant, whatever the filter: a plan that scans or sorts a million
//! links is as fast as any other in a test of a hundred.

use std::time::Duration;

use mask_core::{cursor::Cursor, time::Time, workspace::Owner};

use super::{race::Field, *};
use crate::{Location, Options, Store, db::Paced};

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

/// What indexes know of a filter.
fn listings(filter: &Filter) -> Vec<(String, Vec<Value>)> {
    let listings = candidates(OWNER, filter, &mut |text| Ok(question(&trigrams(text, 3)))).expect("listings");
    listings.into_iter().map(|listing| (listing.sql, listing.values)).collect()
}

fn plan_of(tx: &mut Tx<'_>, query: Paced) -> Vec<String> {
    plan(tx, &(query.sql, query.values))
}

const BY_NUMBER: &str = "SEARCH links USING INTEGER PRIMARY KEY (rowid=?)";

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
fn what_is_tested_on_the_way_is_read_along_the_index_of_the_sort() {
    on_the_schema(|tx| {
        for page in pages() {
            for filter in filters() {
                let field = Field { owner: OWNER, filter: &filter, page: &page };
                let along = |index: &str| {
                    format!("SEARCH links USING {index} {} (owner=? AND is_archived=?", page.sort.index())
                };
                let testing = plan_of(tx, field.test_all());
                let has_row = ["INDEX", "COVERING INDEX"].map(|index| testing[0].starts_with(&along(index)));
                assert!(has_row.contains(&true), "{testing:?}");
                assert!(!testing.iter().any(|line| line.contains("TEMP B-TREE") || scans(line)), "{testing:?}");
                let going = plan_of(tx, field.go_along(1e6));
                let has_walk = going.iter().any(|line| line.starts_with(&along("COVERING INDEX")));
                assert!(has_walk && !going.iter().any(|line| line.contains("TEMP B-TREE")), "{going:?}");
                let one = plan(tx, &field.test_one(1));
                assert!(one.iter().any(|line| line == BY_NUMBER), "{one:?}");
                assert!(!one.iter().any(|line| scans(line)), "{one:?}");
            }
        }
    });
}

#[test]
fn candidates_are_found_by_an_index_that_has_their_numbers_and_fetched_one_by_one() {
    on_the_schema(|tx| {
        for filter in filters() {
            for listing in listings(&filter) {
                let listing = plan(tx, &listing);
                assert!(!listing.iter().any(|line| scans(line)), "{listing:?}");
                assert!(
                    listing[0].contains("COVERING INDEX") || !listing[0].contains("links USING INDEX"),
                    "{listing:?}"
                );
            }
            for page in pages() {
                let plan = plan(tx, &statement(OWNER, &filter, &page, Way::Look(vec![1, 2])));
                let by_number = plan.iter().filter(|line| *line == BY_NUMBER);
                assert_eq!(by_number.count(), 2, "{plan:?}");
                assert!(!plan.iter().any(|line| scans(line)), "{plan:?}");
            }
        }
        for page in pages() {
            let plan = plan(tx, &statement(OWNER, &Filter::default(), &page, Way::Take(vec![1, 2])));
            assert_eq!(plan[0], BY_NUMBER, "{plan:?}");
        }
    });
}

#[test]
fn every_way_leads_to_the_same_page() {
    const LINKS: &str = "
        INSERT INTO tags (seq, id, owner, name, created_at) VALUES (1, 'tag_1', 2, 'news', 0);
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
        INSERT INTO links (seq, id, owner, domain, slug, slug_key, url, tags, redirect_status, is_archived, search_text,
            clicks, version, created_at, updated_at)
        SELECT n, format('lnk_%026d', n * 7919 % 400), 2 + n % 5 / 4, iif(n % 3, 'go.example', 's.example'),
            format('%slink%d', iif(n % 2, 'a', 'b'), n), format('%slink%d', iif(n % 2, 'a', 'b'), n), 'https://example.com/', '[]',
            302, n % 11 = 0, iif(n % 7, 'a spring', 'a spring of ing and spr') || iif(n % 4, '', ' sale'),
            n % 6, 1, 0, n % 9 FROM n;
        INSERT INTO link_tags (tag, is_archived, domain, link) SELECT 1, is_archived, domain, seq FROM links WHERE seq % 13 < 5;
        INSERT INTO links_search (links_search) VALUES ('rebuild')";
    on_the_schema(|tx| {
        tx.batch(LINKS).expect("links");
        let mut ways = 0;
        for mut filter in filters() {
            filter.search = filter.search.map(|text| if text == "spring" { "spring sale".to_owned() } else { text });
            // The first moment is in every id here, the second in none.
            filter.created_after = filter.created_after.map(|_| Time::from_unix_millis(0));
            filter.created_before = filter.created_before.map(|_| Time::from_unix_millis(1));
            for mut page in pages().into_iter().step_by(5) {
                page.after =
                    page.after.map(|cursor| Cursor { id: "lnk_00000000000000000000000200".to_owned(), ..cursor });
                let field = Field { owner: OWNER, filter: &filter, page: &page };
                let mut take = |way: Way| fetch(tx, OWNER, &filter, &page, way).expect("a page");
                let wanted = take(Way::Any);
                assert_eq!(take(Way::Walk), wanted, "{filter:?} {page:?}");
                let led = race::way(tx, OWNER, &filter, &page).expect("a way");
                assert_eq!(fetch(tx, OWNER, &filter, &page, led).expect("a page"), wanted, "{filter:?} {page:?}");
                for (sql, values) in listings(&filter) {
                    let rows = tx.query(&sql, &values).expect("numbers");
                    let numbers =
                        rows.into_iter().map(|row| row.columns("links").integer("seq").expect("a number")).collect();
                    // As if few were to meet the filter, and as if many were.
                    for expected in [0.0, 1e9] {
                        let way = field.among(tx, std::clone::Clone::clone(&numbers), expected).expect("a way");
                        let page = fetch(tx, OWNER, &filter, &page, way).expect("a page");
                        assert_eq!(page, wanted, "{filter:?} {expected}");
                        ways += 1;
                    }
                }
            }
        }
        assert!(ways > 500, "{ways}");
    });
}

#[test]
fn a_question_for_trigrams_asks_for_a_few_that_are_rare() {
    for (text, question) in [
        ("abc", "\"abc\""),
        ("linen", "\"lin\" AND \"nen\""),
        ("gazebo", "\"gaz\" AND \"zeb\""),
        ("marzipan", "\"arz\" AND \"zip\" AND \"pan\""),
        ("spring linen", "\"pri\" AND \"g l\" AND \" li\""),
        ("日本語の", "\"日本語\" AND \"本語の\""),
        ("a\"b\"", "\"a\"\"b\" AND \"\"\"b\"\"\""),
        ("zzzzzzzzz", "\"zzz\""),
    ] {
        assert_eq!(super::question(&trigrams(text, 3)), question);
    }
}

#[test]
fn trigrams_that_most_links_have_are_not_asked_for() {
    const TEXT: &str = "zzqzzxzzj rain";
    const LINKS: &str = "
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
        INSERT INTO links (seq, id, owner, domain, slug, slug_key, url, tags, redirect_status, is_archived, search_text,
            clicks, version, created_at, updated_at)
        SELECT n, format('lnk_%026d', n), 2, 'go.example', n, n, 'https://example.com/', '[]', 302, 0,
            'zzqzzxzzj' || iif(n % 100, '', ' rain'), 0, 1, 0, 0 FROM n;
        INSERT INTO links_search (links_search) VALUES ('rebuild')";
    on_the_schema(|tx| {
        tx.batch(LINKS).expect("links");
        // By its letters alone, these would be rare.
        assert!(question(&trigrams(TEXT, 3)).contains("zz"));
        let asked = race::rarest(tx, TEXT, 400).expect("a question");
        assert!(!asked.is_empty() && !asked.contains("zz"), "{asked}");
        let sql = "SELECT rowid FROM links_search WHERE links_search MATCH $1";
        assert_eq!(tx.query(sql, &[asked.into()]).expect("numbers").len(), 4);
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
    line.starts_with("SCAN")
        && !line.contains("VIRTUAL TABLE INDEX")
        && !line.starts_with("SCAN (subquery")
        && line != "SCAN hosts"
}
