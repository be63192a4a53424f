//! Clicks: counted and recorded exactly once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use mask_core::time::Time;
use mask_store::{Batch, Error, Fact, Marks, Position, Store};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, OTHER, TEST, at, batch, fact, link_id, make, new_link},
};

on_every_backend!(
    counted_once,
    recorded_once,
    only_people_are_counted,
    each_shard_has_its_place,
    many_who_bring_the_same_batch,
    nothing_is_half_done,
    firsts_are_told_and_found_again
);

fn positions(found: &HashMap<u32, Position>) -> Vec<(u32, u64, u64)> {
    let mut all: Vec<_> = found.iter().map(|(shard, position)| (*shard, position.segment, position.byte)).collect();
    all.sort_unstable();
    all
}

async fn counted_once(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let count = async |from, to, clicks| {
        store
            .count_clicks(batch("node-a", from, to, vec![fact(LIVE, link.id, true); clicks]), None)
            .await
            .expect("the store works")
    };
    let clicks = async || store.link_by_id(LIVE, link.id).await.expect("the store works").expect("it is there").clicks;
    assert!(store.counted_positions("node-a".to_owned()).await.expect("the store works").is_empty());
    assert!(!count(Some(0), 5, 100).await, "nothing was counted yet, so it cannot go on from anywhere");
    assert!(count(None, 100, 3).await);
    assert!(!count(None, 100, 3).await, "the beginning comes once");
    assert!(!count(None, 200, 3).await);
    assert!(!count(Some(99), 200, 3).await, "it stands elsewhere");
    assert!(count(Some(100), 200, 2).await);
    assert!(!count(Some(100), 200, 2).await);
    assert!(!count(Some(100), 300, 2).await);
    assert_eq!(clicks().await, 5);
    assert_eq!(positions(&store.counted_positions("node-a".to_owned()).await.expect("the store works")), [(0, 3, 200)]);
    let link = store.link_by_id(LIVE, link.id).await.expect("the store works").expect("it is there");
    assert_eq!((link.version, link.updated_at), (1, link.created_at), "a click is no change");
}

async fn recorded_once(backend: &Backend) {
    let store = &backend.store;
    let (link, other) = (link_id(1), link_id(2));
    let facts = vec![
        fact(LIVE, link, true),
        fact(LIVE, link, true),
        fact(LIVE, link, false),
        fact(LIVE, other, true),
        fact(TEST, link, true),
    ];
    let record =
        async |from, to| store.record_clicks(batch("node-a", from, to, facts.clone())).await.expect("the store works");
    assert!(record(None, 100).await.is_some());
    assert!(record(None, 100).await.is_none());
    assert!(record(Some(7), 100).await.is_none());
    let classes = store.recorded_classes(LIVE, link).await.expect("the store works");
    assert_eq!(classes, HashMap::from([("person".to_owned(), 2), ("bot".to_owned(), 1)]));
    assert!(record(Some(100), 200).await.is_some());
    assert_eq!(store.recorded_classes(LIVE, link).await.expect("the store works")["person"], 4);
    assert_eq!(
        store.recorded_classes(TEST, link).await.expect("the store works"),
        HashMap::from([("person".to_owned(), 2)])
    );
    assert!(store.recorded_classes(OTHER, link).await.expect("the store works").is_empty());
    assert_eq!(
        positions(&store.recorded_positions("node-a".to_owned()).await.expect("the store works")),
        [(0, 3, 200)]
    );
    assert!(
        store.counted_positions("node-a".to_owned()).await.expect("the store works").is_empty(),
        "the counters have a place of their own"
    );
}

async fn only_people_are_counted(backend: &Backend) {
    let store = &backend.store;
    let (first, second) =
        (make(store, LIVE, new_link(1, "first")).await, make(store, OTHER, new_link(2, "second")).await);
    let gone = link_id(9);
    let facts = vec![
        fact(LIVE, first.id, true),
        fact(LIVE, first.id, false),
        fact(OTHER, second.id, false),
        fact(LIVE, gone, true),
        fact(LIVE, first.id, true),
    ];
    assert!(
        store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"),
        "a click on a link that is gone is no trouble"
    );
    assert_eq!(store.link_by_id(LIVE, first.id).await.expect("the store works").expect("it is there").clicks, 2);
    assert_eq!(store.link_by_id(OTHER, second.id).await.expect("the store works").expect("it is there").clicks, 0);
    assert!(
        store.count_clicks(batch("a", Some(10), 20, Vec::new()), None).await.expect("the store works"),
        "an empty batch moves the place"
    );
}

async fn each_shard_has_its_place(backend: &Backend) {
    let store = &backend.store;
    let huge = Position { segment: i64::MAX as u64, byte: i64::MAX as u64 };
    for (node, shard, to) in
        [("a", 0, Position { segment: 1, byte: 2 }), ("a", u32::MAX, huge), ("b", 0, Position { segment: 5, byte: 6 })]
    {
        let batch =
            Arc::new(Batch { node: node.to_owned(), shard, from: None, to, facts: Vec::new(), is_history: false });
        assert!(store.count_clicks(Arc::clone(&batch), None).await.expect("the store works"));
        assert!(store.record_clicks(batch).await.expect("the store works").is_some());
    }
    for found in [store.counted_positions("a".to_owned()).await, store.recorded_positions("a".to_owned()).await] {
        assert_eq!(positions(&found.expect("the store works")), [(0, 1, 2), (u32::MAX, huge.segment, huge.byte)]);
    }
    assert!(store.counted_positions("c".to_owned()).await.expect("the store works").is_empty());
}

async fn many_who_bring_the_same_batch(backend: &Backend) {
    let store = &backend.store;
    let links = [make(store, LIVE, new_link(1, "first")).await.id, make(store, LIVE, new_link(2, "second")).await.id];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40_u64 {
        let store = store.clone();
        // Four nodes, ten times the same batch each; links in different orders.
        let mut facts = vec![fact(LIVE, links[0], true), fact(LIVE, links[1], true)];
        facts.rotate_left(usize::try_from(n % 2).expect("small"));
        let batch = batch(&format!("node-{}", n % 4), None, 10, facts);
        tasks.spawn(async move {
            let counted = store.count_clicks(Arc::clone(&batch), None).await.expect("the store works");
            (counted, store.record_clicks(batch).await.expect("the store works"))
        });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|(counted, _)| *counted).count(), 4);
    assert_eq!(done.iter().filter(|(_, recorded)| recorded.is_some()).count(), 4);
    for link in links {
        assert_eq!(store.link_by_id(LIVE, link).await.expect("the store works").expect("it is there").clicks, 4);
        assert_eq!(store.recorded_classes(LIVE, link).await.expect("the store works")["person"], 4);
    }
}

async fn nothing_is_half_done(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let batch = batch("a", None, 10, vec![fact(LIVE, link.id, true)]);
    backend.place.sql("ALTER TABLE links RENAME COLUMN clicks TO hidden");
    store.count_clicks(Arc::clone(&batch), None).await.expect_err("it cannot be counted");
    backend.place.sql("ALTER TABLE links RENAME COLUMN hidden TO clicks");
    backend.place.clicks_sql("ALTER TABLE click_batches RENAME TO hidden");
    store.record_clicks(Arc::clone(&batch)).await.expect_err("it cannot be recorded");
    backend.place.clicks_sql("ALTER TABLE hidden RENAME TO click_batches");
    assert!(store.counted_positions("a".to_owned()).await.expect("the store works").is_empty());
    assert!(store.recorded_positions("a".to_owned()).await.expect("the store works").is_empty());
    assert!(store.count_clicks(Arc::clone(&batch), None).await.expect("the store works"));
    assert!(store.record_clicks(batch).await.expect("the store works").is_some());
    assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works").expect("it is there").clicks, 1);
}

/// Five clicks of a few visitors, in an order of their own; the last two are alike in everything.
fn random_facts(chance: &mut Chance, number: u64) -> Vec<Fact> {
    // Around midnight in UTC, ten hours after the tests' world began, and never twice at the same time.
    let begin = at(36_000).unix_millis() - 350;
    let place = i64::try_from(number).expect("small") * 10;
    let mut random = |place: i64| {
        let is_counted = !chance.once_in(4);
        let link = link_id(u32::try_from(chance.below(3)).expect("small"));
        Fact {
            at: Time::from_unix_millis(begin + place),
            visitor: i64::try_from(chance.below(8)).expect("small"),
            ..fact(*chance.of(&[LIVE, LIVE, TEST, OTHER]), link, is_counted)
        }
    };
    let mut facts: Vec<_> = [2, 0, 3, 1].map(|of_batch| random(place + of_batch)).into();
    facts.extend_from_within(3..);
    facts
}

/// What recording must say of these batches, one after the other.
fn firsts(batches: &[Arc<Batch>]) -> Vec<Vec<bool>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for batch in batches {
        let mut in_order: Vec<_> = batch.facts.iter().enumerate().collect();
        in_order.sort_by_key(|(_, fact)| fact.at);
        let mut firsts = vec![false; batch.facts.len()];
        for (place, fact) in in_order {
            let day = fact.at.unix_seconds() / 86_400;
            firsts[place] = seen.insert((day, fact.owner.number(), fact.visitor, fact.is_counted));
        }
        all.push(firsts);
    }
    all
}

fn told(marks: &Marks, count: usize) -> Vec<bool> {
    (0..count).map(|place| marks.is_first(place)).collect()
}

async fn firsts_are_told_and_found_again(backend: &Backend) {
    let store = &backend.store;
    let mut chance = Chance(7);
    // More than are left lying as they came.
    let place = |number: u64| number.checked_sub(1).map(|before| before * 10 + 10);
    let batches: Vec<_> =
        (0..70).map(|number| batch("a", place(number), number * 10 + 10, random_facts(&mut chance, number))).collect();
    let expected = firsts(&batches);
    let sum = expected.iter().flatten().filter(|is_first| **is_first).count();
    assert!((40..150).contains(&sum), "{sum} firsts are a fair number to find");
    let never = store.marks(Arc::clone(&batches[0])).await.expect("the store works");
    assert_eq!(told(&never, 5), [false; 5], "nothing is on record yet");
    for (batch, expected) in batches.iter().zip(&expected) {
        let marks = store.record_clicks(Arc::clone(batch)).await.expect("the store works").expect("it is taken");
        assert_eq!(&told(&marks, 5), expected);
        assert!(store.count_clicks(Arc::clone(batch), Some(marks)).await.expect("the store works"));
    }
    all_are_found(store, &batches, &expected).await;
    while store.tidy_clicks().await.expect("the store works") {}
    all_are_found(&backend.place.open().expect("it opens again"), &batches, &expected).await;
    let of_another = store.marks(Arc::clone(&batches[0])).await.expect("the store works");
    let next = batch("a", Some(700), 710, Vec::new());
    let refused = store.count_clicks(next, Some(of_another)).await;
    assert!(matches!(refused, Err(Error::Defect(_))), "{refused:?}");
}

/// Also when a batch is cut elsewhere than it was when it was recorded.
async fn all_are_found(store: &Store, batches: &[Arc<Batch>], expected: &[Vec<bool>]) {
    for (whole, expected) in batches.iter().zip(expected) {
        let found = store.marks(Arc::clone(whole)).await.expect("the store works");
        assert_eq!(&told(&found, 5), expected);
        for part in [0..2, 2..5] {
            let facts = whole.facts[part.clone()].to_vec();
            let found = store.marks(batch("a", whole.from.map(|from| from.byte), whole.to.byte, facts)).await;
            assert_eq!(told(&found.expect("the store works"), part.len()), expected[part]);
        }
    }
}
