//! API keys.

use std::time::Duration;

use mask_core::{
    actor::Actor,
    cursor::Cursor,
    id::KeyId,
    key::{Content, Key, Secret, SecretHash, parse_network},
    scope::{Scope, Scopes},
};
use mask_store::{Expected, Keep, Kept, NewKey, NewSecret, Once, Unkeyed};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, TEST, at, key_id},
};

on_every_backend!(
    create_and_find_by_hash,
    a_touch_is_seen,
    revoke,
    list_in_order_of_age,
    own_keys_are_nobody_elses,
    a_change_is_seen,
    a_rotated_key_has_two_secrets_for_a_while,
    a_mightier_key_is_left_alone,
    a_key_is_made_once,
);

fn hash(n: u8) -> SecretHash {
    Secret::new(false, |bound| usize::from(n) % bound).hash()
}

fn new(n: u8, owner: mask_core::workspace::Owner, scopes: Scopes) -> NewKey {
    NewKey {
        id: key_id(n.into()),
        owner,
        content: Content::of(format!("key \"{n}\" – ü"), scopes),
        hint: "mk_live_…abcd".to_owned(),
        hash: hash(n),
        now: at(100 - i64::from(n)),
    }
}

fn as_made(new: &NewKey) -> Key {
    Key {
        id: new.id,
        owner: new.owner,
        content: new.content.clone(),
        hint: new.hint.clone(),
        previous_until: None,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
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
    assert_eq!(store.key_by_hash(some.hash, at(1000)).await.expect("the store works"), Some(as_made(&some)));
    assert_eq!(store.key_by_hash(all.hash, at(1000)).await.expect("the store works"), Some(as_made(&all)));
    assert_eq!(store.key_by_hash(hash(3), at(1000)).await.expect("the store works"), None);
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
    let found = store.key_by_hash(touched.hash, at(1000)).await.expect("the store works").expect("it is there");
    assert_eq!(found, Key { last_used_at: Some(at(500)), ..as_made(&touched) });
    assert_eq!(store.key_by_hash(other.hash, at(1000)).await.expect("the store works"), Some(as_made(&other)));
}

async fn revoke(backend: &Backend) {
    let store = &backend.store;
    let new = new(1, LIVE, Scopes::all());
    store.create_key(new.clone()).await.expect("the store works");
    assert!(store.revoke_key(new.id, at(600)).await.expect("the store works"));
    assert!(!store.revoke_key(new.id, at(700)).await.expect("the store works"), "it was revoked before");
    assert!(!store.revoke_key(key_id(9), at(700)).await.expect("the store works"), "there is no such key");
    let found = store.key_by_hash(new.hash, at(1000)).await.expect("the store works").expect("a revoked key is found");
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

async fn own_keys_are_nobody_elses(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=5 {
        let owner = if n == 3 { TEST } else { LIVE };
        store.create_key(new(n, owner, Scopes::all())).await.expect("the store works");
    }
    assert!(store.revoke_key(key_id(4), at(600)).await.expect("the store works"));
    let page = async |after: Option<Cursor>, limit| {
        let listed = store.list_own_keys(LIVE, after, limit).await.expect("the store works");
        (listed.rows.into_iter().map(|key| key.id).collect::<Vec<_>>(), listed.next)
    };
    let (first, next) = page(None, 2).await;
    assert_eq!(first, [key_id(1), key_id(2)]);
    assert_eq!(page(next, 2).await, (vec![key_id(5)], None));
    let found = async |owner, id| store.own_key_by_id(owner, id).await.expect("the store works");
    assert_eq!(found(LIVE, key_id(1)).await, Some(as_made(&new(1, LIVE, Scopes::all()))));
    for (owner, id) in [(TEST, key_id(1)), (LIVE, key_id(3)), (LIVE, key_id(4)), (LIVE, key_id(9))] {
        assert_eq!(found(owner, id).await, None);
        let revoked = store.revoke_own_key((owner, Scopes::all()), id, Expected::AnyVersion, at(700)).await;
        assert_eq!(revoked.expect("the store works"), Err(Unkeyed::Absent));
    }
    let rights = (LIVE, Scopes::all());
    let stale = store.revoke_own_key(rights, key_id(1), Expected::OneOf(vec![2]), at(700)).await;
    assert_eq!(stale.expect("the store works"), Err(Unkeyed::Changed));
    let revoked = store.revoke_own_key(rights, key_id(1), Expected::OneOf(vec![1]), at(700)).await;
    assert_eq!(revoked.expect("the store works"), Ok(()));
    let key = store.key_by_id(key_id(1)).await.expect("the store works").expect("it stays as a row");
    assert_eq!(key.revoked_at, Some(at(700)));
}

async fn a_change_is_seen(backend: &Backend) {
    let store = &backend.store;
    store.create_key(new(1, LIVE, Scopes::all())).await.expect("the store works");
    let wanted = Content {
        name: "ci".to_owned(),
        scopes: Scopes::of(&[Scope::LinksRead]),
        expires_at: Some(at(900)),
        allowed_ips: vec![parse_network("192.0.2.0/24").expect("a network"), parse_network("::1").expect("one")],
    };
    let change = async |owner, expected, content: Content| {
        let change = move |to: &mut Content| *to = content;
        store.update_key((owner, Scopes::all()), key_id(1), expected, change, at(500)).await.expect("the store works")
    };
    let changed = change(LIVE, Expected::OneOf(vec![1]), wanted.clone()).await.expect("it is there");
    assert_eq!((changed.version, changed.updated_at, &changed.content), (2, at(500), &wanted));
    assert_eq!(store.key_by_id(key_id(1)).await.expect("the store works"), Some(changed.clone()));
    assert_eq!(change(LIVE, Expected::AnyVersion, wanted.clone()).await, Ok(changed), "nothing to do is no change");
    assert_eq!(change(LIVE, Expected::OneOf(vec![1]), wanted.clone()).await, Err(Unkeyed::Changed));
    assert_eq!(change(TEST, Expected::AnyVersion, wanted).await, Err(Unkeyed::Absent));
}

fn another(n: u8, grace: i64) -> NewSecret {
    NewSecret { hint: "mk_live_…wxyz".to_owned(), hash: hash(n), previous_until: at(grace) }
}

async fn a_rotated_key_has_two_secrets_for_a_while(backend: &Backend) {
    let store = &backend.store;
    store.create_key(new(1, LIVE, Scopes::all())).await.expect("the store works");
    let rotate = async |secret| {
        let rights = (LIVE, Scopes::all());
        let done = store.rotate_key(rights, key_id(1), secret, at(500), None).await.expect("the store works");
        if let Once::Done(done) = done { done } else { panic!("it was not done before") }
    };
    let rotated = rotate(another(2, 700)).await.expect("it is there");
    assert_eq!((rotated.hint.as_str(), rotated.version, rotated.previous_until), ("mk_live_…wxyz", 2, Some(at(700))));
    let found = async |n, now: i64| store.key_by_hash(hash(n), at(now)).await.expect("the store works");
    assert_eq!(found(2, 600).await, Some(rotated.clone()));
    assert_eq!(found(1, 699).await, Some(rotated));
    assert_eq!((found(1, 700).await, found(2, 700).await.map(|key| key.id)), (None, Some(key_id(1))));
    rotate(another(3, 900)).await.expect("it is there");
    assert_eq!(found(1, 600).await, None, "there are two at most");
    assert_eq!(found(2, 600).await.map(|key| key.version), Some(3));
}

async fn a_mightier_key_is_left_alone(backend: &Backend) {
    let store = &backend.store;
    store.create_key(new(1, LIVE, Scopes::all())).await.expect("the store works");
    let little = Scopes::of(&[Scope::ApiKeysWrite]);
    for (owner, rights, why) in [(LIVE, little, Unkeyed::Mightier), (TEST, Scopes::all(), Unkeyed::Absent)] {
        let done = store.rotate_key((owner, rights), key_id(1), another(2, 700), at(500), None).await;
        assert_eq!(done.expect("the store works"), Once::Done(Err(why)));
    }
    assert_eq!(store.key_by_hash(hash(2), at(600)).await.expect("the store works"), None);
    let change = |content: &mut Content| content.allowed_ips.clear();
    let done = store.update_key((LIVE, little), key_id(1), Expected::AnyVersion, change, at(500)).await;
    assert_eq!(done.expect("the store works"), Err(Unkeyed::Mightier));
    let done = store.revoke_own_key((LIVE, little), key_id(1), Expected::AnyVersion, at(500)).await;
    assert_eq!(done.expect("the store works"), Err(Unkeyed::Mightier));
    let key = store.key_by_id(key_id(1)).await.expect("the store works").expect("it is there");
    assert_eq!(key.revoked_at, None);
}

async fn a_key_is_made_once(backend: &Backend) {
    let store = &backend.store;
    let keep = || {
        Some(Keep {
            actor: Actor::Key(KeyId::from_bits(7)),
            path: "/api-keys".to_owned(),
            idempotency_key: "once".to_owned(),
            request_hash: [1; 32],
            now: at(500).after(Duration::from_secs(1)),
            reply: Box::new(|made: &Result<Key, Unkeyed>| Kept {
                status: 201,
                body: format!("{:?}", made.as_ref().map(|key| key.id)).into_bytes(),
            }),
        })
    };
    let made = store.create_own_key(LIVE, new(1, LIVE, Scopes::all()), keep()).await.expect("the store works");
    assert_eq!(made, Once::Done(Ok(as_made(&new(1, LIVE, Scopes::all())))));
    let again = store.create_own_key(LIVE, new(2, LIVE, Scopes::all()), keep()).await.expect("the store works");
    assert!(matches!(again, Once::Replayed(Kept { status: 201, .. })), "{again:?}");
    assert_eq!(store.list_keys().await.expect("the store works").len(), 1);
}
