//! What an earlier program recorded, that knew of links alone: its bytes are read and answered as it would have.
//!
//! They were written by the program of before pages and codes: a batch as it came and its row in the feed; of the clicks in
//! order, a chunk whose columns are rows of their own, and a small one in one piece.

use mask_core::{
    event::{EventKind, EventKinds},
    question::{Bots, Condition, Count, Dimension, Group, Question, Rows, Subject, Window},
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::{Fact, FeedFilter, FeedPlace, Store};

use crate::{
    backend::{Backend, Place, on_every_backend},
    sample::{LIVE, OTHER, TEST, all_visits, at, batch, fact, link_id},
    subscribers::page_id,
};

on_every_backend!(is_read_and_put_in_order_with_what_comes);

/// Of the first owner: a click of the second link, a scan and a crawler of the first; and a click of another owner.
const BATCH: &str = "\
    001900000004105225209d01000010270000204e00000000000030750000013c00000000000000000100000000e82e25209d0102\
    00000000000000000200000000d03225209d010300000000000000000300000000b83625209d010400000002040000000d0e0d0d\
    0319000000040a000000000000000a00000014000000000000001e00000004190000000402000000000000000000000000000000\
    000000000200000005180000000102000600706572736f6e0700637261776c657201020101060700000000010000000100070a00\
    0000000100030075726c010008110000000102000200717204006c696e6b01020202090d00000000010006006d6f62696c650100\
    0a0a0000000001000300694f5301000b0d000000000100060053616661726901000c0c000000000100050070742d425201000d05\
    00000000000000000e0500000000000000000f0900000000010002004445010010050000000000000000110c0000000001000500\
    4bc3b66c6e0100";

/// The same in the feed.
const FEED: &str = "\
    001900000004105225209d01000010270000204e00000000000030750000013c00000000000000000100000000e82e25209d0102\
    00000000000000000200000000d03225209d010300000000000000000300000000b83625209d010400000002040000000d0e0d0d\
    04190000000402000000000000000000000000000000000000000200000005180000000102000600706572736f6e070063726177\
    6c657201020101070a000000000100030075726c010008110000000102000200717204006c696e6b01020202090d000000000100\
    06006d6f62696c6501000a0a0000000001000300694f5301000b0d000000000100060053616661726901000c0c00000000010005\
    0070742d425201000d0500000000000000000f0900000000010002004445010010050000000000000000110c0000000001000500\
    4bc3b66c6e010012080000000100020000000300";

/// A click of the other owner.
const SMALL: &str = "\
    00090000000040c725209d010000011400000000000000000300000000b83625209d010100000002010000000d03090000000028\
    000000000000000409000000000400000000000000050d0000000001000600706572736f6e010006070000000001000000010007\
    0a000000000100030075726c0100080b00000000010004006c696e6b0100090d00000000010006006d6f62696c6501000a0a0000\
    000001000300694f5301000b0d000000000100060053616661726901000c0c000000000100050070742d425201000d0500000000\
    000000000e0500000000000000000f0900000000010002004445010010050000000000000000110c00000000010005004bc3b66c\
    6e0100";

/// 512 clicks of one moment and one visitor on the fourth link, column by column; the flags are written below.
const COLUMNS: [(i64, &str); 17] = [
    (0, "0020cc2c209d010000"),
    (1, "00000000000400000000a03a25209d0100020000"),
    (3, "000500000000000000"),
    (4, "000200000000000000"),
    (5, "0001000600706572736f6e0100"),
    (6, "00010000000100"),
    (7, "000100030075726c0100"),
    (8, "00010004006c696e6b0100"),
    (9, "00010006006d6f62696c650100"),
    (10, "0001000300694f530100"),
    (11, "00010006005361666172690100"),
    (12, "000100050070742d42520100"),
    (13, "0000000000"),
    (14, "0000000000"),
    (15, "0000000000"),
    (16, "0000000000"),
    (17, "0000000000"),
];

/// Bytes as the database's SQL has them.
fn bytes(place: &Place, hex: &str) -> String {
    match place {
        Place::Sqlite(_) => format!("X'{hex}'"),
        Place::Postgres(_) => format!("'\\x{hex}'::bytea"),
    }
}

/// Writes the rows, numbered as we say.
fn write(place: &Place) {
    let bytes = |hex| bytes(place, hex);
    let is_postgres = matches!(place, Place::Postgres(_));
    let numbered = if is_postgres { "OVERRIDING SYSTEM VALUE" } else { "" };
    let first_to_last = "1774360810000, 1774360840000, 4";
    place.clicks_sql(&format!(
        "INSERT INTO click_batches (seq, first_at, last_at, clicks, data) {numbered} VALUES (1, {first_to_last}, {})",
        bytes(BATCH)
    ));
    place.clicks_sql(&format!(
        "INSERT INTO click_feed (seq, at, clicks, stem, begins, total_bytes, to_forget, data) \
         VALUES (1, 1774360810000, 4, -5169941642562733152, 0, 332, 0, {})",
        bytes(FEED)
    ));
    for (run, owner, clicks, when, link) in
        [(1, 2, 512, 1_774_361_300_000_i64, link_id(4)), (2, 4, 1, 1_774_360_840_000, link_id(3))]
    {
        place.clicks_sql(&format!(
            "INSERT INTO click_runs (seq, owner, class, clicks, first_at, last_at, bare_to) {numbered} \
             VALUES ({run}, {owner}, 0, {clicks}, {when}, {when}, -9223372036854775808)"
        ));
        place.clicks_sql(&format!(
            "INSERT INTO click_chunks (seq, run, clicks, first_link, last_link) {numbered} \
             VALUES ({run}, {run}, {clicks}, '{link}', '{link}')"
        ));
    }
    let flags = format!("0d{}", "01".repeat(511));
    let columns = COLUMNS.into_iter().chain([(2, flags.as_str())]).map(|(column, hex)| (32 + column, hex));
    for (key, hex) in columns.chain([(2 * 32 + 31, SMALL)]) {
        place.clicks_sql(&format!("INSERT INTO click_columns (key, data) VALUES ({key}, {})", bytes(hex)));
    }
    // On PostgreSQL the numbers were given out behind its back.
    if is_postgres {
        for table in ["click_batches", "click_runs", "click_chunks"] {
            place.clicks_sql(&format!("SELECT setval(pg_get_serial_sequence('{table}', 'seq'), 10)"));
        }
    }
}

fn question(subject: Subject, dimension: Dimension) -> Question {
    Question {
        subject,
        window: Window { from: at(0), to: at(1000) },
        of: None,
        conditions: Vec::new(),
        bots: Bots::Without,
        group: Group::Values(dimension, 10),
    }
}

async fn count(store: &Store, owner: Owner, question: Question) -> Count {
    store.answer(owner, question).await.expect("the store works").total
}

/// What the bytes say, however they lie by now.
async fn check(store: &Store) {
    let (clicks, scans) = (question(Subject::Clicks, Dimension::Link), question(Subject::Scans, Dimension::Code));
    assert_eq!(count(store, LIVE, clicks.clone()).await, Count { clicks: 514, visitors: 3 });
    assert_eq!(count(store, OTHER, clicks.clone()).await, Count { clicks: 2, visitors: 2 });
    assert_eq!(count(store, LIVE, Question { bots: Bots::Only, ..clicks.clone() }).await.clicks, 1);
    for (link, number) in [(1, 1), (2, 1), (4, 512), (3, 0)] {
        let of = Some(Target::Link(link_id(link)));
        assert_eq!(count(store, LIVE, Question { of, ..clicks.clone() }).await.clicks, number, "{link}");
    }
    let in_germany = Condition { dimension: Dimension::Country, value: "DE".to_owned() };
    assert_eq!(count(store, LIVE, Question { conditions: vec![in_germany], ..clicks }).await.clicks, 2);
    let found = store.answer(LIVE, scans).await.expect("the store works");
    assert_eq!(found.rows, Rows::Values(vec![("unknown".to_owned(), Count { clicks: 1, visitors: 1 })]));
    let window = Window { from: at(0), to: at(1000) };
    let visits = all_visits(store, LIVE, Subject::Clicks, window, Bots::With).await;
    assert_eq!(visits.len(), 515);
    assert!(visits.iter().all(|visit| visit.target.link().is_some() && visit.code.is_none()));
    assert_eq!((visits[0].target, visits[0].city.as_deref()), (Target::Link(link_id(2)), Some("Köln")));
}

async fn is_read_and_put_in_order_with_what_comes(backend: &Backend) {
    let store = &backend.store;
    write(&backend.place);
    check(store).await;
    assert_eq!(count(store, LIVE, question(Subject::Views, Dimension::Page)).await, Count::default());
    let begin = FeedPlace { row: 0, click: 0, at: Time::from_unix_millis(0) };
    let all = FeedFilter { owner: LIVE, of: None, kinds: EventKinds::of(EventKind::ALL), bots: Bots::With };
    let page = store.follow_feed(begin, all).await.expect("the store works");
    let told: Vec<_> = page.visits.iter().map(|found| (found.kind, found.visit.target)).collect();
    let of_link = |kind, n| (kind, Target::Link(link_id(n)));
    let (clicked, scanned) = (EventKind::LinkClicked, EventKind::QrScanned);
    assert_eq!((page.gap, told), (None, vec![of_link(clicked, 2), of_link(scanned, 1), of_link(clicked, 1)]));
    // A view in the midst of them, by the same visitor; and enough batches for all to be put in order.
    let view = Fact { target: Target::Page(page_id(1)), visitor: 5, ..fact(LIVE, link_id(0), true) };
    let mut from = None;
    for number in 1..=70 {
        let facts = if number == 1 { vec![view.clone()] } else { vec![fact(TEST, link_id(9), true)] };
        assert!(store.record_clicks(batch("b", from, number, facts)).await.expect("the store works").is_some());
        from = Some(number);
    }
    let mut steps = 0;
    while store.tidy_clicks().await.expect("the store works") {
        steps += 1;
    }
    assert!(steps > 0, "there was something to do");
    check(store).await;
    let views = count(store, LIVE, question(Subject::Views, Dimension::Page)).await;
    assert_eq!(views, Count { clicks: 1, visitors: 1 });
}
