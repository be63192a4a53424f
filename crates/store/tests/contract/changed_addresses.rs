//! What one node changes, others are told of: each change once at least, in whatever order transactions end.

use mask_store::{Changed, ChangedOne, Expected, Seen};

use crate::{
    backend::{Backend, Place, on_every_backend},
    postgres::apart,
    sample::{LIVE, at, batch, fact, make, new_link, new_link_with},
};

on_every_backend!(each_is_told_of, what_is_old_is_not, too_many_are_all, clicks_of_links_with_a_limit);

async fn look(backend: &Backend, since: Option<&Seen>) -> Option<Changed> {
    backend.store.changed_addresses(since.cloned()).await.expect("the store works")
}

/// What is told to whoever had seen so much, and what he has seen then.
async fn told(backend: &Backend, since: &Seen) -> (Vec<ChangedOne>, Seen) {
    let changed = look(backend, Some(since)).await.expect("there are other nodes");
    (changed.what.expect("it can be told"), changed.seen)
}

fn at_slug(slug: &str) -> ChangedOne {
    ChangedOne::Address("go.example".to_owned(), slug.to_owned())
}

async fn each_is_told_of(backend: &Backend) {
    let store = &backend.store;
    let first = look(backend, None).await;
    let Place::Postgres(database) = &backend.place else {
        return assert_eq!(first, None, "there is one program, and nobody to be told");
    };
    let Changed { what, seen } = first.expect("there may be other nodes");
    assert_eq!(what, None, "who comes for the first time knows nothing");
    // A transaction that began before, and ends after others are read; and one that goes on.
    let begin = "BEGIN; INSERT INTO changed_addresses (domain, slug_key) VALUES ('go.example', 'slow')";
    let mut all = [apart(|| database.connect()), apart(|| database.connect())];
    for one in &mut all {
        apart(|| one.batch_execute(begin)).expect("it begins");
    }
    let [slow, endless] = &mut all;
    let link = make(store, LIVE, new_link(1, "Spring")).await;
    let (what, seen) = told(backend, &seen).await;
    assert_eq!(what, [at_slug("spring")]);
    let (what, seen) = told(backend, &seen).await;
    assert_eq!(what, [], "it was told before");
    apart(|| slow.batch_execute("COMMIT")).expect("it ends");
    let (what, seen) = told(backend, &seen).await;
    assert_eq!(what, [at_slug("slow")]);
    let deleted = store.delete_link(LIVE, link.id, Expected::AnyVersion, false, at(3)).await;
    assert!(deleted.expect("the store works").is_ok());
    let (what, seen) = told(backend, &seen).await;
    assert_eq!(what, [at_slug("spring")]);
    let released = store.delete_link(LIVE, link.id, Expected::AnyVersion, true, at(4)).await;
    assert!(released.expect("the store works").is_ok());
    let (what, seen) = told(backend, &seen).await;
    assert_eq!(what, [at_slug("spring")], "there is nothing now where something was once");
    // Tables that were brought from a server that had counted further.
    backend.place.sql("UPDATE forgotten_addresses SET tx = 1000000000000");
    assert_eq!(told(backend, &seen).await.0, []);
    apart(|| endless.batch_execute("ROLLBACK")).expect("it ends");
    assert_eq!(told(backend, &seen).await.0, []);
    apart(move || drop(all));
}

async fn what_is_old_is_not(backend: &Backend) {
    let store = &backend.store;
    let forget = async || store.forget_changed_addresses().await.expect("the store works");
    let Some(Changed { seen: before, .. }) = look(backend, None).await else { return assert_eq!(forget().await, 0) };
    for n in 1..=3 {
        make(store, LIVE, new_link(n, &format!("link-{n}"))).await;
    }
    let (what, seen) = told(backend, &before).await;
    assert_eq!((forget().await, what.len()), (0, 3));
    backend.place.sql("UPDATE changed_addresses SET at = at - INTERVAL '61 minutes'");
    make(store, LIVE, new_link(4, "link-4")).await;
    assert_eq!((forget().await, forget().await), (3, 0));
    assert_eq!(told(backend, &seen).await.0, [at_slug("link-4")]);
    let late = look(backend, Some(&before)).await.expect("there are other nodes");
    assert_eq!(late.what, None, "who has not seen what was forgotten knows nothing");
}

async fn too_many_are_all(backend: &Backend) {
    let Some(Changed { seen, .. }) = look(backend, None).await else { return };
    let many = "INSERT INTO changed_addresses (domain, slug_key) SELECT 'go.example', 'n' || n FROM generate_series(1, 10000) AS n";
    backend.place.sql(many);
    let (what, seen_then) = told(backend, &seen).await;
    assert_eq!(what.len(), 10_000);
    backend.place.sql("INSERT INTO changed_addresses (domain, slug_key) VALUES ('go.example', 'one-more')");
    assert_eq!(look(backend, Some(&seen)).await.and_then(|changed| changed.what), None);
    assert_eq!(told(backend, &seen_then).await.0, [at_slug("one-more")]);
}

async fn clicks_of_links_with_a_limit(backend: &Backend) {
    let store = &backend.store;
    let free = make(store, LIVE, new_link(1, "free")).await.id;
    let limited = make(store, LIVE, new_link_with(2, "limited", |content| content.click_limit = Some(5))).await.id;
    let before = look(backend, None).await;
    let facts = vec![fact(LIVE, free, true), fact(LIVE, limited, true), fact(LIVE, limited, true)];
    assert!(store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"));
    if let Some(Changed { seen, .. }) = before {
        assert_eq!(told(backend, &seen).await.0, [ChangedOne::Clicks(limited, 2)]);
    }
    let clicks = async |id| store.link_by_id(LIVE, id).await.expect("the store works").map(|link| link.clicks);
    assert_eq!((clicks(free).await, clicks(limited).await), (Some(1), Some(2)));
}
