//! Clicks: counted and recorded exactly once.

use std::{collections::HashMap, sync::Arc};

use mask_store::{Batch, Position};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, TEST, batch, fact, link_id, make, new_link},
};

on_every_backend!(
    counted_once,
    recorded_once,
    only_people_are_counted,
    each_shard_has_its_place,
    many_who_bring_the_same_batch,
    nothing_is_half_done
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
            .count_clicks(batch("node-a", from, to, vec![fact(LIVE, link.id, true); clicks]))
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
    assert!(record(None, 100).await);
    assert!(!record(None, 100).await);
    assert!(!record(Some(7), 100).await);
    let classes = store.recorded_classes(LIVE, link).await.expect("the store works");
    assert_eq!(classes, HashMap::from([("person".to_owned(), 2), ("bot".to_owned(), 1)]));
    assert!(record(Some(100), 200).await);
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
        store.count_clicks(batch("a", None, 10, facts)).await.expect("the store works"),
        "a click on a link that is gone is no trouble"
    );
    assert_eq!(store.link_by_id(LIVE, first.id).await.expect("the store works").expect("it is there").clicks, 2);
    assert_eq!(store.link_by_id(OTHER, second.id).await.expect("the store works").expect("it is there").clicks, 0);
    assert!(
        store.count_clicks(batch("a", Some(10), 20, Vec::new())).await.expect("the store works"),
        "an empty batch moves the place"
    );
}

async fn each_shard_has_its_place(backend: &Backend) {
    let store = &backend.store;
    let huge = Position { segment: i64::MAX as u64, byte: i64::MAX as u64 };
    for (node, shard, to) in
        [("a", 0, Position { segment: 1, byte: 2 }), ("a", u32::MAX, huge), ("b", 0, Position { segment: 5, byte: 6 })]
    {
        let batch = Arc::new(Batch { node: node.to_owned(), shard, from: None, to, facts: Vec::new() });
        assert!(store.count_clicks(Arc::clone(&batch)).await.expect("the store works"));
        assert!(store.record_clicks(batch).await.expect("the store works"));
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
            let counted = store.count_clicks(Arc::clone(&batch)).await.expect("the store works");
            (counted, store.record_clicks(batch).await.expect("the store works"))
        });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|(counted, _)| *counted).count(), 4);
    assert_eq!(done.iter().filter(|(_, recorded)| *recorded).count(), 4);
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
    store.count_clicks(Arc::clone(&batch)).await.expect_err("it cannot be counted");
    backend.place.sql("ALTER TABLE links RENAME COLUMN hidden TO clicks");
    backend.place.clicks_sql("ALTER TABLE click_batches RENAME TO hidden");
    store.record_clicks(Arc::clone(&batch)).await.expect_err("it cannot be recorded");
    backend.place.clicks_sql("ALTER TABLE hidden RENAME TO click_batches");
    assert!(store.counted_positions("a".to_owned()).await.expect("the store works").is_empty());
    assert!(store.recorded_positions("a".to_owned()).await.expect("the store works").is_empty());
    assert!(store.count_clicks(Arc::clone(&batch)).await.expect("the store works"));
    assert!(store.record_clicks(batch).await.expect("the store works"));
    assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works").expect("it is there").clicks, 1);
}
