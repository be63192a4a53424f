//! Many callers at once: commits are shared, and nobody suffers from a neighbour.

use mask_core::{key::SecretHash, scope::Scopes};
use mask_store::{Error, NewKey, Placed};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, at, keep, key_id, link_id, make, new_link, new_link_with, tags},
};

on_every_backend!(two_hundred_at_once, a_step_that_fails_or_panics_fails_alone);

async fn two_hundred_at_once(backend: &Backend) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = backend.store.clone();
        tasks.spawn(async move {
            make(&store, LIVE, new_link_with(n, &format!("slug{n}"), |content| content.tags = tags(&["a", "b"]))).await
        });
    }
    assert_eq!(tasks.join_all().await.len(), 200);
    assert_eq!(backend.store.count_links().await.expect("the store works"), 200);
    assert!(
        backend.store.list_tags(LIVE, None, 10).await.expect("the store works").rows.iter().all(|tag| tag.links == 200)
    );
}

async fn a_step_that_fails_or_panics_fails_alone(backend: &Backend) {
    let key = |n: u8| NewKey {
        id: key_id(1),
        owner: LIVE,
        content: mask_core::key::Content::of(String::new(), Scopes::all()),
        hint: String::new(),
        hash: SecretHash([n; 32]),
        now: at(1),
    };
    backend.store.create_key(key(0)).await.expect("the store works");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60 {
        let store = backend.store.clone();
        let panics = (n % 3 == 2).then(|| keep(&format!("k{n}"), 7, |_: &Placed| panic!("on purpose")));
        let same_id = key(1 + u8::try_from(n).expect("small"));
        tasks.spawn(async move {
            match n % 3 {
                // A second key with the same id is refused by the database itself.
                1 => (n, store.create_key(same_id).await.map(drop)),
                _ => (n, store.create_link(LIVE, new_link(n, &format!("slug{n}")), panics).await.map(drop)),
            }
        });
    }
    for (n, answer) in tasks.join_all().await {
        match n % 3 {
            0 => answer.expect("it has done nothing wrong"),
            _ => assert!(matches!(answer, Err(Error::Defect(_))), "{answer:?}"),
        }
        let found = backend.store.link_by_id(LIVE, link_id(n)).await.expect("the store works");
        assert_eq!(found.is_some(), n % 3 == 0);
    }
    assert_eq!(backend.store.list_keys().await.expect("the store works").len(), 1);
}
