//! Kept replies: work that is done once, however often it is asked for.

use mask_core::actor::Actor;
use mask_store::{Keep, Kept, Once, Placed, Unplaced};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, at, keep, link_id, make, new_link, new_link_with, tags},
};

on_every_backend!(
    replayed_byte_for_byte,
    several_links_at_once,
    a_refusal_is_kept_too,
    a_key_stands_for_one_request,
    two_at_once_do_the_work_once,
    no_reply_without_its_work,
    forgotten_in_time,
);

fn created(placed: &Placed) -> Kept {
    // Not text on purpose: a body is bytes.
    let mut body = vec![0, 255, 13, 10];
    body.extend(placed.as_ref().map_or_else(|why| format!("{why:?}"), |link| link.id.to_string()).into_bytes());
    Kept { status: if placed.is_ok() { 201 } else { 409 }, body }
}

async fn replayed_byte_for_byte(backend: &Backend) {
    let store = &backend.store;
    let ask = async |n| {
        store
            .create_link(LIVE, new_link(n, &format!("slug{n}")), Some(keep("k1", 7, created)))
            .await
            .expect("the store works")
    };
    let Once::Done(Ok(link)) = ask(1).await else { panic!("it is the first") };
    let wanted = created(&Ok(link));
    for n in 2..4 {
        assert_eq!(ask(n).await, Once::Replayed(wanted.clone()));
    }
    let kept = async |word: &str, path: &str, hash: u8| {
        let Keep { actor, .. } = keep("k1", 7, created);
        store.kept_reply(actor, path.to_owned(), word.to_owned(), [hash; 32]).await.expect("the store works")
    };
    let Keep { path, .. } = keep("k1", 7, created);
    assert_eq!(kept("k1", &path, 7).await, Once::Replayed(wanted));
    for (word, path) in [("k2", path.as_str()), ("k1", "/elsewhere")] {
        assert_eq!(kept(word, path, 7).await, Once::Done(()), "{word} {path}");
    }
    assert_eq!(kept("k1", &path, 8).await, Once::KeyReused);
    assert_eq!(store.count_links().await.expect("the store works"), 1);
}

async fn several_links_at_once(backend: &Backend) {
    let store = &backend.store;
    let ask = async |n| {
        let reply = |placed: &Vec<Placed>| Kept { status: 200, body: vec![u8::try_from(placed.len()).expect("a few")] };
        store
            .create_links(LIVE, vec![new_link(n, "first"), new_link(n + 1, "first")], Some(keep("k1", 7, reply)))
            .await
            .expect("the store works")
    };
    assert!(matches!(ask(1).await, Once::Done(placed) if placed[0].is_ok() && placed[1] == Err(Unplaced::SlugTaken)));
    assert_eq!(ask(3).await, Once::Replayed(Kept { status: 200, body: vec![2] }));
}

async fn a_refusal_is_kept_too(backend: &Backend) {
    let store = &backend.store;
    make(store, OTHER, new_link(1, "taken")).await;
    let ask = async || {
        store.create_link(LIVE, new_link(2, "taken"), Some(keep("k1", 7, created))).await.expect("the store works")
    };
    assert_eq!(ask().await, Once::Done(Err(Unplaced::SlugTaken)));
    assert_eq!(ask().await, Once::Replayed(created(&Err(Unplaced::SlugTaken))));
}

async fn a_key_stands_for_one_request(backend: &Backend) {
    let store = &backend.store;
    let first = keep("k1", 7, created);
    assert!(matches!(
        store.create_link(LIVE, new_link(1, "first"), Some(first)).await.expect("the store works"),
        Once::Done(Ok(_))
    ));
    let another_body = keep("k1", 8, created);
    assert_eq!(
        store.create_link(LIVE, new_link(2, "second"), Some(another_body)).await.expect("the store works"),
        Once::KeyReused
    );
    let mut another_path = keep("k1", 8, created);
    another_path.path.push_str("/bulk");
    assert!(matches!(
        store.create_link(LIVE, new_link(3, "third"), Some(another_path)).await.expect("the store works"),
        Once::Done(Ok(_))
    ));
    let mut another_caller = keep("k1", 8, created);
    another_caller.actor = Actor::Key(crate::sample::key_id(2));
    assert!(matches!(
        store.create_link(LIVE, new_link(4, "fourth"), Some(another_caller)).await.expect("the store works"),
        Once::Done(Ok(_))
    ));
    let another_case = keep("K1", 8, created);
    assert!(matches!(
        store.create_link(LIVE, new_link(5, "fifth"), Some(another_case)).await.expect("the store works"),
        Once::Done(Ok(_))
    ));
}

async fn two_at_once_do_the_work_once(backend: &Backend) {
    for round in 0..20_u32 {
        let ask = async |n| {
            let n = round * 2 + n;
            backend
                .store
                .create_link(LIVE, new_link(n, &format!("slug{n}")), Some(keep(&format!("k{round}"), 7, created)))
                .await
                .expect("the store works")
        };
        let (one, other) = tokio::join!(ask(0), ask(1));
        let (done, replayed) = if matches!(one, Once::Done(_)) { (one, other) } else { (other, one) };
        let Once::Done(placed) = done else { panic!("one of them does it") };
        assert_eq!(replayed, Once::Replayed(created(&placed)));
    }
    assert_eq!(backend.store.count_links().await.expect("the store works"), 20);
}

async fn no_reply_without_its_work(backend: &Backend) {
    let store = &backend.store;
    let ask = async |n| {
        let new = new_link_with(n, "spring", |content| content.tags = tags(&["a"]));
        store.create_link(LIVE, new, Some(keep("k1", 7, created))).await
    };
    backend.place.sql("ALTER TABLE link_tags RENAME TO hidden");
    ask(1).await.expect_err("tags cannot be written");
    backend.place.sql("ALTER TABLE hidden RENAME TO link_tags");
    assert_eq!(store.count_links().await.expect("the store works"), 0);
    assert!(matches!(ask(2).await.expect("the store works"), Once::Done(Ok(link)) if link.id == link_id(2)));

    // The same when the reply cannot be made.
    let broken = keep("k2", 7, |_: &Placed| panic!("a reply that cannot be made, on purpose"));
    store.create_link(LIVE, new_link(3, "summer"), Some(broken)).await.expect_err("the step panicked");
    assert_eq!(store.link_by_id(LIVE, link_id(3)).await.expect("the store works"), None);
    let again =
        store.create_link(LIVE, new_link(4, "summer"), Some(keep("k2", 7, created))).await.expect("the store works");
    assert!(matches!(again, Once::Done(Ok(_))));
}

async fn forgotten_in_time(backend: &Backend) {
    let store = &backend.store;
    for n in 0..5 {
        let mut keep = keep(&format!("k{n}"), 7, created);
        keep.now = at(i64::from(n));
        store.create_link(LIVE, new_link(n, &format!("slug{n}")), Some(keep)).await.expect("the store works");
    }
    let forget = async |before, limit| store.forget_replies(at(before), limit).await.expect("the store works");
    assert_eq!(forget(0, 100).await, 0);
    assert_eq!(forget(3, 2).await, 2, "the oldest first, and no more than wanted");
    assert_eq!(forget(3, 2).await, 1);
    assert_eq!(forget(3, 2).await, 0);
    let again =
        store.create_link(LIVE, new_link(9, "again"), Some(keep("k0", 8, created))).await.expect("the store works");
    assert!(matches!(again, Once::Done(Ok(_))), "what is forgotten may be used anew");
    let kept =
        store.create_link(LIVE, new_link(10, "again2"), Some(keep("k3", 7, created))).await.expect("the store works");
    assert!(matches!(kept, Once::Replayed(_)));
}
