//! The feed: every recorded click once, in order, for each owner alone; and the truth about what is not there any more.

use std::{collections::HashSet, sync::Arc};

use mask_core::{
    event::{EventKind, EventKinds},
    id::LinkId,
    question::Bots,
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::{
    Batch, Expected, Fact, FeedFilter, FeedGap, FeedPage, FeedPlace, FeedVisit, Position, Store, Subject,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{Chance, DOMAIN, LIVE, OTHER, TEST, at, batch, fact, link_id, make, new_link_with, tags, url},
};

on_every_backend!(
    in_the_order_of_the_journal,
    each_owner_alone_and_what_is_meant,
    history_is_no_news,
    after_a_restart,
    in_pages,
    old_rows_go_and_are_missed,
    many_bytes_go_too,
    places_of_another_database,
    minutes_are_forgotten,
    forgotten_before_they_came,
    two_nodes_and_a_reader,
    links_that_are_no_more,
);

/// A click so many seconds after the world began.
fn click(link: LinkId, seconds: i64) -> Fact {
    Fact { at: at(seconds), ..fact(LIVE, link, true) }
}

async fn record(store: &Store, from: Option<u64>, to: u64, facts: Vec<Fact>) {
    assert!(store.record_clicks(batch("a", from, to, facts)).await.expect("the store works").is_some());
}

fn everything(owner: Owner) -> FeedFilter {
    FeedFilter { owner, of: None, kinds: EventKinds::of(EventKind::ALL), bots: Bots::With }
}

async fn beginning(store: &Store) -> FeedPlace {
    let place = store.feed_end(at(0)).await.expect("the store works");
    assert_eq!(place, FeedPlace { row: 0, click: 0, at: at(0) });
    place
}

async fn page(store: &Store, from: FeedPlace, filter: FeedFilter) -> FeedPage {
    store.follow_feed(from, filter).await.expect("the store works")
}

/// All that follows a place, of which nothing is missing.
async fn all(store: &Store, mut from: FeedPlace, filter: FeedFilter) -> Vec<FeedVisit> {
    let mut visits = Vec::new();
    loop {
        let page = page(store, from, filter).await;
        assert_eq!((page.gap, page.begin), (None, from));
        from = page.next;
        visits.extend(page.visits);
        if !page.has_more {
            return visits;
        }
    }
}

fn times(visits: &[FeedVisit]) -> Vec<i64> {
    visits.iter().map(|found| (found.visit.at.unix_millis() - at(0).unix_millis()) / 1000).collect()
}

async fn in_the_order_of_the_journal(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    let (one, two) = (link_id(1), link_id(2));
    let mut recordings = store.recordings();
    recordings.mark_unchanged();
    let scan = Fact {
        source: "qr",
        country: Some("PK".to_owned()),
        city: Some("Karachi".to_owned()),
        referrer: Some("example.org".to_owned()),
        referrer_url: Some("https://example.org/secret".to_owned()),
        ..click(one, 9)
    };
    record(store, None, 10, vec![click(two, 5), click(one, 3), click(two, 4), scan]).await;
    assert!(recordings.has_changed().expect("the store is there"));
    record(store, Some(10), 20, vec![click(one, 1)]).await;
    let visits = all(store, begin, everything(LIVE)).await;
    assert_eq!(times(&visits), [5, 3, 4, 9, 1]);
    assert_eq!(
        visits.iter().map(|found| found.visit.target).collect::<Vec<_>>(),
        [two, one, two, one, one].map(Target::Link)
    );
    assert_eq!(visits.iter().map(|found| found.id).collect::<HashSet<_>>().len(), 5);
    let scan = &visits[3].visit;
    assert_eq!(
        (scan.source.as_str(), scan.country.as_deref(), scan.city.as_deref()),
        ("qr", Some("PK"), Some("Karachi"))
    );
    assert_eq!((scan.referrer.as_deref(), &scan.referrer_url), (Some("example.org"), &None));
    assert_eq!((scan.class.as_str(), scan.is_bot, scan.device.as_deref()), ("person", false, Some("mobile")));
    // One visitor: whoever came first that day, and not who stands first.
    assert_eq!(
        visits.iter().map(|found| found.visit.is_unique).collect::<Vec<_>>(),
        [false, true, false, false, false]
    );
    for (place, found) in visits.iter().enumerate() {
        assert_eq!(all(store, found.after, everything(LIVE)).await, visits[place + 1..], "after {place}");
    }
    let end = store.feed_end(at(0)).await.expect("the store works");
    assert_eq!((end, end.at), (visits[4].after, at(1)));
    assert!(all(store, end, everything(LIVE)).await.is_empty());
    while store.tidy_clicks().await.expect("the store works") {}
    assert_eq!(all(store, begin, everything(LIVE)).await, visits, "putting clicks in order changes nothing");
}

async fn each_owner_alone_and_what_is_meant(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    let (one, two) = (link_id(1), link_id(2));
    let crawler = Fact { is_counted: false, class: "crawler", ..click(one, 2) };
    let ended = Fact { is_counted: false, choice: "ended".to_owned(), class: "person", ..click(one, 3) };
    let theirs = Fact { owner: OTHER, ..click(link_id(3), 4) };
    let test = Fact { owner: TEST, ..click(one, 5) };
    record(store, None, 10, vec![click(one, 1), crawler, ended, theirs, test, click(two, 6)]).await;
    for (owner, link, bots, seconds) in [
        (LIVE, None, Bots::With, &[1, 2, 6][..]),
        (LIVE, None, Bots::Without, &[1, 6]),
        (LIVE, None, Bots::Only, &[2]),
        (LIVE, Some(two), Bots::With, &[6]),
        (LIVE, Some(link_id(3)), Bots::With, &[]),
        (OTHER, None, Bots::With, &[4]),
        (OTHER, Some(one), Bots::With, &[]),
        (TEST, Some(one), Bots::Without, &[5]),
    ] {
        let found = page(store, begin, FeedFilter { of: link.map(Target::Link), bots, ..everything(owner) }).await;
        assert_eq!(times(&found.visits), seconds, "{owner:?} {link:?} {bots:?}");
        assert_eq!(
            found.next,
            store.feed_end(at(0)).await.expect("the store works"),
            "what is not meant is passed over"
        );
    }
}

async fn history_is_no_news(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    let mut history = (*batch("file", None, 10, vec![click(link_id(1), 1)])).clone();
    history.is_history = true;
    assert!(store.record_clicks(Arc::new(history)).await.expect("the store works").is_some());
    record(store, None, 10, Vec::new()).await;
    assert_eq!(beginning(store).await, begin);
    assert_eq!(page(store, begin, everything(LIVE)).await.visits, []);
    assert_eq!(store.recorded_classes(LIVE, link_id(1)).await.expect("the store works")["person"], 1);
}

async fn after_a_restart(backend: &Backend) {
    let begin = beginning(&backend.store).await;
    record(&backend.store, None, 10, vec![click(link_id(1), 1), click(link_id(1), 2)]).await;
    let before = all(&backend.store, begin, everything(LIVE)).await;
    let store = backend.place.open().expect("it opens again");
    record(&store, Some(10), 20, vec![click(link_id(1), 3)]).await;
    let after = all(&store, begin, everything(LIVE)).await;
    assert_eq!(after[..2], before, "the same visits, under the same ids");
    assert_eq!(times(&all(&store, before[0].after, everything(LIVE)).await), [2, 3]);
    assert_eq!(store.feed_end(at(0)).await.expect("the store works"), after[2].after);
}

async fn in_pages(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    let mut chance = Chance(1);
    let mut expected = Vec::new();
    for batch in 0..5 {
        let facts = (0..700).map(|n| {
            let owner = if chance.once_in(4) { OTHER } else { LIVE };
            Fact {
                owner,
                visitor: n,
                ..click(link_id(1 + u32::try_from(chance.below(50)).expect("few")), batch * 700 + n)
            }
        });
        let facts: Vec<_> = facts.collect();
        expected.extend(facts.iter().filter(|fact| fact.owner == LIVE).map(|fact| (fact.at, fact.target)));
        let from = u64::try_from(batch).expect("small");
        record(store, (from > 0).then_some(from), from + 1, facts).await;
    }
    let visits = all(store, begin, everything(LIVE)).await;
    assert_eq!(visits.iter().map(|found| (found.visit.at, found.visit.target)).collect::<Vec<_>>(), expected);
    assert!(page(store, begin, everything(LIVE)).await.visits.len() < expected.len(), "not all at once");
    for place in [0, 1, 255, 256, 257, 1000, expected.len() - 1] {
        let rest = all(store, visits[place].after, everything(LIVE)).await;
        assert!(rest == visits[place + 1..], "after {place}: {} visits", rest.len());
    }
}

async fn old_rows_go_and_are_missed(backend: &Backend) {
    const HOUR: i64 = 3600;
    let store = &backend.store;
    let begin = beginning(store).await;
    record(store, None, 1, vec![click(link_id(1), 10), click(link_id(1), 11)]).await;
    record(store, Some(1), 2, vec![click(link_id(1), 600)]).await;
    let held = all(store, begin, everything(LIVE)).await;
    // A batch that another shard brings late does not go before those that came before it.
    record(store, Some(2), 3, vec![click(link_id(1), 5)]).await;
    record(store, Some(3), 4, vec![click(link_id(1), 600 + HOUR - 1)]).await;
    while store.tidy_clicks().await.expect("the store works") {}
    for lost in [begin, held[0].after, held[1].after] {
        let page = page(store, lost, everything(LIVE)).await;
        assert_eq!(page.gap, Some(FeedGap { since: lost.at, until: at(600) }), "{lost:?}");
        assert_eq!((page.begin.row, page.begin.click), (2, 0));
        assert_eq!(times(&page.visits), [600, 5, 600 + HOUR - 1]);
    }
    assert_eq!(times(&all(store, held[2].after, everything(LIVE)).await), [5, 600 + HOUR - 1]);
    record(store, Some(4), 5, vec![click(link_id(1), 600 + 3 * HOUR)]).await;
    while store.tidy_clicks().await.expect("the store works") {}
    let missed = page(store, held[2].after, everything(LIVE)).await;
    assert_eq!(missed.gap, Some(FeedGap { since: at(600), until: at(600 + 3 * HOUR) }));
    assert_eq!(times(&missed.visits), [600 + 3 * HOUR], "the newest row always stays");
    let end = store.feed_end(at(0)).await.expect("the store works");
    assert_eq!((end.row, page(store, end, everything(LIVE)).await.gap), (5, None));
}

async fn many_bytes_go_too(backend: &Backend) {
    let store = &backend.store;
    for n in 0..200 {
        record(store, (n > 0).then_some(n), n + 1, vec![click(link_id(1), 10)]).await;
    }
    backend.place.clicks_sql("UPDATE click_feed SET total_bytes = total_bytes + 67108864 WHERE seq > 150");
    let first = FeedPlace { row: 1, click: 1, at: at(10) };
    assert_eq!(page(store, first, everything(LIVE)).await.gap, None);
    while store.tidy_clicks().await.expect("the store works") {}
    let page = page(store, first, everything(LIVE)).await;
    assert!(page.gap.is_some() && page.begin.row == 151, "{:?}", page.begin);
}

async fn places_of_another_database(backend: &Backend) {
    let store = &backend.store;
    let foreign = FeedPlace { row: 7, click: 3, at: at(100) };
    let empty = page(store, foreign, everything(LIVE)).await;
    assert_eq!((empty.gap, empty.next.row), (Some(FeedGap { since: at(100), until: at(100) }), 0));
    record(store, None, 1, vec![click(link_id(1), 50)]).await;
    record(store, Some(1), 2, vec![click(link_id(1), 150), click(link_id(1), 160)]).await;
    for (foreign, seconds) in [
        // Later than all that is here.
        (FeedPlace { row: 900, click: 0, at: at(400) }, &[][..]),
        // A restored database: what was recorded since is new.
        (FeedPlace { row: 900, click: 0, at: at(100) }, &[150, 160]),
        (FeedPlace { row: 2, click: 1, at: at(100) }, &[150, 160]),
        (FeedPlace { row: 2, click: 3, at: at(150) }, &[150, 160]),
        (FeedPlace { row: 2, click: -1, at: at(150) }, &[150, 160]),
        (FeedPlace { row: -5, click: 0, at: at(100) }, &[50, 150, 160]),
        (FeedPlace { row: i64::MAX, click: i64::MAX, at: Time::from_unix_millis(i64::MAX) }, &[]),
    ] {
        let found = page(store, foreign, everything(LIVE)).await;
        assert_eq!(found.gap.map(|gap| gap.since), Some(foreign.at), "{foreign:?}");
        assert_eq!(times(&found.visits), seconds, "{foreign:?}");
        assert_eq!(page(store, found.next, everything(LIVE)).await.gap, None, "{foreign:?}");
    }
}

/// The beginning of the quarter of an hour that a test's second is in.
fn quarter(seconds: i64) -> i64 {
    seconds / 900 * 900
}

async fn minutes_are_forgotten(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    let theirs = Fact { owner: OTHER, ..click(link_id(3), 1003) };
    record(store, None, 1, vec![click(link_id(1), 1001), theirs, click(link_id(1), 1005), click(link_id(1), 2000)])
        .await;
    let before = all(store, begin, everything(LIVE)).await;
    store.forget_visitors(Some(LIVE), at(1500)).await.expect("the store works");
    let seconds = [quarter(1001), quarter(1005), 2000];
    let noted = all(store, begin, everything(LIVE)).await;
    assert_eq!(times(&noted), seconds, "it is not told from then on");
    assert_eq!(times(&all(store, begin, everything(OTHER)).await), [1003]);
    while store.tidy_clicks().await.expect("the store works") {}
    let done = all(store, begin, everything(LIVE)).await;
    assert_eq!(
        done.iter().map(|found| (found.id, &found.visit)).collect::<Vec<_>>(),
        noted.iter().map(|found| (found.id, &found.visit)).collect::<Vec<_>>()
    );
    assert_eq!(times(&all(store, begin, everything(OTHER)).await), [1003]);
    // It is not stored either: without the note the minute does not come back.
    backend.place.clicks_sql("DELETE FROM forgotten_visitors");
    assert_eq!(times(&all(store, begin, everything(LIVE)).await), seconds);
    // Places from before still hold.
    assert_eq!(times(&all(store, before[0].after, everything(LIVE)).await), [quarter(1005), 2000]);
}

async fn forgotten_before_they_came(backend: &Backend) {
    let store = &backend.store;
    let begin = beginning(store).await;
    store.forget_visitors(None, at(1500)).await.expect("the store works");
    record(store, None, 1, vec![click(link_id(1), 1001), click(link_id(1), 2000)]).await;
    assert_eq!(times(&all(store, begin, everything(LIVE)).await), [quarter(1001), 2000]);
    while store.tidy_clicks().await.expect("the store works") {}
    backend.place.clicks_sql("DELETE FROM forgotten_visitors");
    assert_eq!(times(&all(store, begin, everything(LIVE)).await), [quarter(1001), 2000]);
}

/// Two nodes record as fast as they can, and a reader that follows sees each click once.
async fn two_nodes_and_a_reader(backend: &Backend) {
    const BATCHES: u64 = 60;
    let begin = beginning(&backend.store).await;
    let other = backend.place.open().expect("a second node");
    let mut nodes = tokio::task::JoinSet::new();
    for (node, store) in [("a", backend.store.clone()), ("b", other.clone())] {
        nodes.spawn(async move {
            for n in 0..BATCHES {
                let second = i64::try_from(n).expect("small");
                let to = Position { segment: 1, byte: n + 1 };
                let from = (n > 0).then_some(Position { segment: 1, byte: n });
                let link = link_id(if node == "a" { 1 } else { 2 });
                let facts = vec![click(link, second), click(link, second)];
                let batch = Batch { node: node.to_owned(), shard: 0, from, to, facts, is_history: false };
                assert!(store.record_clicks(Arc::new(batch)).await.expect("the store works").is_some());
            }
        });
    }
    let (mut place, mut seen) = (begin, Vec::new());
    let most = usize::try_from(BATCHES * 4).expect("small");
    while seen.len() < most {
        let page = page(&other, place, everything(LIVE)).await;
        assert_eq!(page.gap, None);
        place = page.next;
        seen.extend(page.visits);
    }
    nodes.join_all().await;
    assert_eq!(seen.iter().map(|found| found.id).collect::<HashSet<_>>().len(), most);
    for link in [link_id(1), link_id(2)] {
        let of_node: Vec<_> = seen.iter().filter(|found| found.visit.target == Target::Link(link)).cloned().collect();
        assert_eq!(of_node.len() * 2, most);
        assert!(times(&of_node).is_sorted(), "each journal is in order");
    }
}

async fn links_that_are_no_more(backend: &Backend) {
    let store = &backend.store;
    let tagged = |n, text: &str| {
        new_link_with(n, text, |content| {
            content.tags = tags(&["spring"]);
            content.external_id = Some(format!("x{n}"));
        })
    };
    let one = make(store, LIVE, tagged(1, "first")).await.id;
    let gone = make(store, LIVE, tagged(2, "gone")).await.id;
    let theirs = make(store, OTHER, tagged(3, "theirs")).await.id;
    store
        .delete_link(LIVE, gone, Expected::AnyVersion, true, at(100))
        .await
        .expect("the store works")
        .expect("it goes");
    let found = store.links_ever(LIVE, vec![one, gone, theirs, link_id(9)]).await.expect("the store works");
    assert_eq!(found.len(), 2);
    for (link, slug, external_id) in [(one, "first", "x1"), (gone, "gone", "x2")] {
        let expected = Subject {
            domain: DOMAIN.to_owned(),
            slug: slug.to_owned(),
            url: url(&format!("https://example.com/{slug}")).as_str().to_owned(),
            tags: tags(&["spring"]),
            external_id: Some(external_id.to_owned()),
        };
        assert_eq!(found.get(&link), Some(&expected));
    }
}
