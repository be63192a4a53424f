//! How the API is used.

use mask_core::{actor::Actor, workspace::Owner};
use mask_store::{Store, UsageCount, UsageFilter, UsageGroup, UsageKey, UsageOf, hour_begins, hour_of};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, TEST, at, key_id},
};

on_every_backend!(what_is_brought_is_added, groups_and_filters, many_at_once, the_oldest_are_forgotten);

const LIST: &str = "GET /links";
const MAKE: &str = "POST /links";

fn key(owner: Owner, hour: i64, actor: Actor, endpoint: &str) -> UsageKey {
    UsageKey { hour, owner: owner.number(), actor: actor.to_string(), endpoint: endpoint.to_owned() }
}

fn count(requests: i64) -> UsageCount {
    UsageCount { requests, client_errors: requests * 2, server_errors: requests * 3, limit_hits: requests * 4 }
}

const fn one() -> Actor {
    Actor::System
}

fn other() -> Actor {
    Actor::Key(key_id(1))
}

fn hours(from_hour: i64, to_hour: i64) -> UsageFilter {
    UsageFilter { from_hour, to_hour, ..UsageFilter::default() }
}

async fn usage(store: &Store, filter: UsageFilter, group: UsageGroup) -> Vec<(UsageOf, UsageCount)> {
    store.usage(LIVE, filter, group).await.expect("the store works")
}

async fn what_is_brought_is_added(backend: &Backend) {
    let store = &backend.store;
    let add = |requests| store.add_usage(vec![(key(LIVE, 5, one(), LIST), count(requests))]);
    add(3).await.expect("the store works");
    add(4).await.expect("the store works");
    store.add_usage(Vec::new()).await.expect("the store works");
    for owner in [TEST, OTHER] {
        store.add_usage(vec![(key(owner, 5, one(), LIST), count(100))]).await.expect("the store works");
    }
    assert_eq!(usage(store, hours(0, 9), UsageGroup::Hour).await, [(UsageOf::Hour(5), count(7))]);
    // The two counts of a node that did not hear that it was done are one transaction: neither is half there.
    backend.place.sql("ALTER TABLE api_usage RENAME TO elsewhere");
    add(1).await.expect_err("there is nowhere to add it");
    backend.place.sql("ALTER TABLE elsewhere RENAME TO api_usage");
    assert_eq!(usage(store, hours(0, 9), UsageGroup::Hour).await, [(UsageOf::Hour(5), count(7))]);
    assert_eq!(hour_begins(hour_of(at(100))), at(0), "the world of tests began at a full hour");
}

async fn groups_and_filters(backend: &Backend) {
    let store = &backend.store;
    let counts = [
        (key(LIVE, 5, one(), LIST), count(1)),
        (key(LIVE, 5, other(), MAKE), count(2)),
        (key(LIVE, 6, other(), LIST), count(4)),
        (key(LIVE, 7, one(), MAKE), count(8)),
    ];
    store.add_usage(counts.to_vec()).await.expect("the store works");
    let of = |requests: &[i64]| requests.iter().map(|requests| count(*requests)).collect::<Vec<_>>();
    for (filter, group, expected) in [
        (hours(5, 8), UsageGroup::Hour, of(&[1 + 2, 4, 8])),
        (hours(5, 7), UsageGroup::Hour, of(&[1 + 2, 4])),
        (hours(6, 6), UsageGroup::Hour, of(&[])),
        (hours(5, 8), UsageGroup::Actor, of(&[2 + 4, 1 + 8])),
        (hours(5, 8), UsageGroup::Endpoint, of(&[1 + 4, 2 + 8])),
        (UsageFilter { actor: Some(one()), ..hours(0, 9) }, UsageGroup::Hour, of(&[1, 8])),
        (UsageFilter { endpoint: Some(LIST.to_owned()), ..hours(0, 9) }, UsageGroup::Hour, of(&[1, 4])),
        (
            UsageFilter { actor: Some(other()), endpoint: Some(LIST.to_owned()), ..hours(0, 9) },
            UsageGroup::Endpoint,
            of(&[4]),
        ),
    ] {
        let found: Vec<_> = usage(store, filter.clone(), group).await.into_iter().map(|(_, count)| count).collect();
        assert_eq!(found, expected, "{filter:?} {group:?}");
    }
    let by_actor = usage(store, hours(0, 9), UsageGroup::Actor).await;
    assert_eq!(
        by_actor.iter().map(|(of, _)| of.clone()).collect::<Vec<_>>(),
        [UsageOf::Actor(other()), UsageOf::Actor(one())]
    );
    let by_endpoint = usage(store, hours(0, 9), UsageGroup::Endpoint).await;
    assert_eq!(by_endpoint[0].0, UsageOf::Endpoint(LIST.to_owned()));
    backend.place.sql("UPDATE api_usage SET actor = 'somebody'");
    let error = store.usage(LIVE, hours(0, 9), UsageGroup::Actor).await.expect_err("a bad row");
    assert!(error.to_string().contains("api_usage.actor"), "{error}");
}

async fn many_at_once(backend: &Backend) {
    let store = &backend.store;
    let counts = |requests| -> Vec<_> {
        (0..150).map(|n| (key(LIVE, 5, one(), &format!("GET /{n}")), count(requests))).collect()
    };
    let (forth, mut back) = (counts(1), counts(2));
    back.reverse();
    let (first, second) = tokio::join!(store.add_usage(forth), store.add_usage(back));
    first.expect("the store works");
    second.expect("the store works");
    let found = usage(store, hours(5, 6), UsageGroup::Endpoint).await;
    assert!(found.len() == 150 && found.iter().all(|(_, found)| *found == count(3)));
}

async fn the_oldest_are_forgotten(backend: &Backend) {
    let store = &backend.store;
    let counts = (1..=4).map(|hour| (key(if hour == 2 { OTHER } else { LIVE }, hour, one(), LIST), count(1)));
    store.add_usage(counts.collect()).await.expect("the store works");
    assert_eq!(store.forget_usage(4, 2).await.expect("the store works"), 2);
    assert_eq!(store.forget_usage(4, 2).await.expect("the store works"), 1);
    assert_eq!(store.forget_usage(4, 2).await.expect("the store works"), 0);
    assert_eq!(usage(store, hours(0, 9), UsageGroup::Hour).await, [(UsageOf::Hour(4), count(1))]);
}
