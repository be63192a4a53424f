//! API keys.

use mask_core::{
    key::{Key, Secret, SecretHash},
    scope::{Scope, Scopes},
};
use mask_store::NewKey;

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, TEST, at, key_id},
};

on_every_backend!(create_and_find_by_hash, a_touch_is_seen, revoke, list_in_order_of_age);

fn hash(n: u8) -> SecretHash {
    Secret::new(false, |bound| usize::from(n) % bound).hash()
}

fn new(n: u8, owner: mask_core::workspace::Owner, scopes: Scopes) -> NewKey {
    NewKey {
        id: key_id(n.into()),
        owner,
        name: format!("key \"{n}\" – ü"),
        scopes,
        hint: "mk_live_…abcd".to_owned(),
        hash: hash(n),
        now: at(100 - i64::from(n)),
    }
}

fn as_made(new: &NewKey) -> Key {
    Key {
        id: new.id,
        owner: new.owner,
        name: new.name.clone(),
        scopes: new.scopes,
        hint: new.hint.clone(),
        created_at: new.now,
        last_used_at: None,
        revoked_at: None,
    }
}

async fn create_and_find_by_hash(backend: &Backend) {
    let store = &backend.store;
    let (some, all) = (new(1, TEST, Scopes::of(&[Scope::LinksRead, Scope::ApiKeysWrite])), new(2, LIVE, Scopes::all()));
    for new in [&some, &all] {
        assert_eq!(store.create_key(new.clone()).await.expect("the store works"), as_made(new));
    }
    assert_eq!(store.key_by_hash(some.hash).await.expect("the store works"), Some(as_made(&some)));
    assert_eq!(store.key_by_hash(all.hash).await.expect("the store works"), Some(as_made(&all)));
    assert_eq!(store.key_by_hash(hash(3)).await.expect("the store works"), None);
    assert_eq!(store.key_by_id(some.id).await.expect("the store works"), Some(as_made(&some)));
    assert_eq!(store.key_by_id(key_id(9)).await.expect("the store works"), None);
}

async fn a_touch_is_seen(backend: &Backend) {
    let store = &backend.store;
    let (touched, other) = (new(1, LIVE, Scopes::all()), new(2, LIVE, Scopes::all()));
    for new in [&touched, &other] {
        store.create_key(new.clone()).await.expect("the store works");
    }
    store.touch_key(touched.id, at(500)).await.expect("the store works");
    store.touch_key(key_id(9), at(500)).await.expect("a key that is not there is no trouble");
    let found = store.key_by_hash(touched.hash).await.expect("the store works").expect("it is there");
    assert_eq!(found, Key { last_used_at: Some(at(500)), ..as_made(&touched) });
    assert_eq!(store.key_by_hash(other.hash).await.expect("the store works"), Some(as_made(&other)));
}

async fn revoke(backend: &Backend) {
    let store = &backend.store;
    let new = new(1, LIVE, Scopes::all());
    store.create_key(new.clone()).await.expect("the store works");
    assert!(store.revoke_key(new.id, at(600)).await.expect("the store works"));
    assert!(!store.revoke_key(new.id, at(700)).await.expect("the store works"), "it was revoked before");
    assert!(!store.revoke_key(key_id(9), at(700)).await.expect("the store works"), "there is no such key");
    let found = store.key_by_hash(new.hash).await.expect("the store works").expect("a revoked key is found");
    assert_eq!(found.revoked_at, Some(at(600)));
    assert_eq!(store.key_by_id(new.id).await.expect("the store works"), Some(found));
}

async fn list_in_order_of_age(backend: &Backend) {
    let store = &backend.store;
    assert_eq!(store.list_keys().await.expect("the store works"), []);
    for n in 1..=3 {
        store.create_key(new(n, if n == 2 { TEST } else { LIVE }, Scopes::all())).await.expect("the store works");
    }
    store.revoke_key(key_id(2), at(600)).await.expect("the store works");
    let listed: Vec<_> = store.list_keys().await.expect("the store works").into_iter().map(|key| key.id).collect();
    assert_eq!(listed, [key_id(3), key_id(2), key_id(1)]);
}
