//! Opening a store: migrations, and databases that others opened before.

use std::{sync::Barrier, thread};

use mask_store::{Error, Filter, Order, Page, Sort};

use crate::{
    backend::{Backend, Place, on_every_backend},
    sample::{LIVE, link_id, make, new_link},
};

on_every_backend!(what_is_closed_is_unavailable, open_again, a_newer_schema_is_refused, newer_clicks_are_refused);

async fn what_is_closed_is_unavailable(backend: &Backend) {
    let store = backend.place.open().expect("it opens");
    let other = store.clone();
    make(&store, LIVE, new_link(1, "first")).await;
    tokio::task::spawn_blocking(move || store.close()).await.expect("it ends");
    for answer in [other.ping().await, other.tidy_clicks().await.map(drop)] {
        assert!(matches!(&answer, Err(Error::Unavailable(why)) if why.contains("closed")), "{answer:?}");
    }
    other.close();
    assert!(backend.store.link_by_id(LIVE, link_id(1)).await.expect("others go on").is_some());
}

#[test]
fn a_store_that_is_closed_leaves_no_log() {
    let place = Place::sqlite();
    let Place::Sqlite(folder) = &place else { unreachable!("it is one") };
    for n in 1..20 {
        let store = place.open().expect("it opens");
        crate::backend::runtime().block_on(async {
            make(&store, LIVE, new_link(n, &format!("slug{n}"))).await;
            assert_eq!(store.count_links().await.expect("the store works"), i64::from(n));
            store.tidy_clicks().await.expect("the store works");
        });
        store.close();
        let entries = std::fs::read_dir(folder.path()).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["clicks.db", "mask.db"]);
    }
}

async fn open_again(backend: &Backend) {
    make(&backend.store, LIVE, new_link(1, "first")).await;
    let second = backend.place.open().expect("it is up to date");
    assert_eq!(
        second.schema_version().await.expect("the store works"),
        backend.store.schema_version().await.expect("the store works")
    );
    // Two stores on one database see each other's work.
    make(&second, LIVE, new_link(2, "second")).await;
    assert!(backend.store.link_by_id(LIVE, link_id(2)).await.expect("the store works").is_some());
    assert_eq!(second.count_links().await.expect("the store works"), 2);
    drop(second);
    make(&backend.store, LIVE, new_link(3, "third")).await;
}

fn expect_newer(opened: Result<mask_store::Store, Error>, known: i64) {
    let error = opened.err().expect("a newer schema is refused");
    assert!(matches!(error, Error::NewerSchema { found: 4711, known: own } if own == known), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "the database has schema version 4711, and this program knows versions up to {known}; start a newer program on it"
        )
    );
}

/// The index of searches as the program of before had it, and nothing of what came after it.
const EARLIER_INDEX: &str = "DROP TABLE links_search;
    CREATE VIRTUAL TABLE links_search USING fts5 (
        search_text, content = 'links', content_rowid = 'seq', tokenize = 'trigram'
    );
    INSERT INTO links_search (links_search) VALUES ('rebuild');
    ALTER TABLE bio_pages DROP COLUMN language;
    DROP TABLE deleted_qr_codes;
    DROP TABLE invitation_letters;
    DROP INDEX workspaces_by_maker;
    ALTER TABLE workspaces DROP COLUMN made_by;
    ALTER TABLE acme_orders DROP COLUMN workspace;
    CREATE INDEX links_by_slug ON links (owner, slug_key);
    ALTER TABLE served_domains DROP COLUMN workspaces;
    DELETE FROM migrations WHERE part = 'main' AND name >= '0019'";

#[test]
fn an_earlier_index_of_searches_is_made_anew() {
    let place = Place::sqlite();
    let store = place.open().expect("it opens");
    crate::backend::runtime().block_on(make(&store, LIVE, new_link(1, "a-first-one")));
    store.close();
    place.sql(EARLIER_INDEX);
    let store = place.open().expect("it is brought up to date");
    crate::backend::runtime().block_on(async {
        make(&store, LIVE, new_link(2, "a-second-one")).await;
        for (text, found) in [("a-first", 1), ("a-second", 1), ("-one", 2)] {
            let filter = Filter { search: Some(text.to_owned()), ..Filter::default() };
            let page = Page { sort: Sort::default(), order: Order::default(), after: None, limit: 10 };
            let listed = store.list_links(LIVE, filter, page).await.expect("the store works");
            assert_eq!(listed.rows.len(), found, "{text}");
        }
    });
    store.close();
    place.sql("INSERT INTO links_search (links_search, rank) VALUES ('integrity-check', 1)");
}

async fn a_newer_schema_is_refused(backend: &Backend) {
    let known = backend.store.schema_version().await.expect("the store works");
    backend.place.sql("INSERT INTO migrations (part, version, name) VALUES ('main', 4711, 'of tomorrow')");
    expect_newer(backend.place.open(), known);
    // Whoever has it open goes on: a migration is written for the program before it.
    make(&backend.store, LIVE, new_link(1, "first")).await;
}

async fn newer_clicks_are_refused(backend: &Backend) {
    backend.place.clicks_sql("INSERT INTO migrations (part, version, name) VALUES ('clicks', 4711, 'of tomorrow')");
    let error = backend.place.open().err().expect("a newer schema is refused");
    assert!(matches!(error, Error::NewerSchema { found: 4711, .. }), "{error:?}");
}

/// Opens the same empty database in several threads at one moment.
fn open_at_once(place: &Place) {
    const OPENERS: usize = 4;
    let together = Barrier::new(OPENERS);
    let stores: Vec<_> = thread::scope(|scope| {
        let openers: Vec<_> = (0..OPENERS)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    place.open()
                })
            })
            .collect();
        openers.into_iter().map(|opener| opener.join().expect("no panic").expect("each of them opens")).collect()
    });
    crate::backend::runtime().block_on(async {
        for (n, store) in (1..).zip(&stores) {
            make(store, LIVE, new_link(n, &format!("slug{n}"))).await;
            assert_eq!(store.count_links().await.expect("the store works"), i64::from(n));
        }
    });
}

#[test]
fn at_once_on_sqlite() {
    for _ in 0..10 {
        open_at_once(&Place::sqlite());
    }
}

#[test]
fn at_once_on_postgres() {
    for _ in 0..3 {
        open_at_once(&Place::postgres());
    }
}

#[test]
fn a_url_that_cannot_be_read_is_not_repeated() {
    let options = mask_store::Options {
        location: mask_store::Location::Postgres("postgres://me:secret@:::/x"),
        pool_size: 1,
        timeout: std::time::Duration::from_secs(5),
    };
    let error = mask_store::Store::open(&options).err().expect("there is no such place");
    assert!(matches!(error, Error::Unavailable(_)) && !error.to_string().contains("secret"), "{error}");
}
