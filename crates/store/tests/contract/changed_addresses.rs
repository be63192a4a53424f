//! What one node changes, others are told of: each change once at least, in whatever order transactions end.

use std::time::Duration;

use mask_store::{ChangedAddresses, Expected};

use crate::{
    backend::{Backend, Place, on_every_backend},
    postgres::apart,
    sample::{LIVE, at, batch, fact, make, new_link, new_link_with},
};

on_every_backend!(each_is_told_of, what_is_old_is_not, clicks_of_links_with_a_limit);

async fn look(backend: &Backend, since: Option<i64>) -> Option<ChangedAddresses> {
    backend.store.changed_addresses(since).await.expect("the store works")
}

async fn each_is_told_of(backend: &Backend) {
    let store = &backend.store;
    let first = look(backend, None).await;
    let Place::Postgres(database) = &backend.place else {
        return assert_eq!(first, None, "there is one program, and nobody to be told");
    };
    let ChangedAddresses { addresses, next } = first.expect("there may be other nodes");
    assert_eq!(addresses, None, "who comes for the first time knows nothing");
    let told = async |since| {
        let changed = look(backend, Some(since)).await.expect("there are other nodes");
        (changed.addresses.expect("it can be told"), changed.next)
    };
    let spring = ("go.example".to_owned(), "spring".to_owned());
    // A transaction that began before, and ends after others are read.
    let mut slow = apart(|| database.connect());
    let begin = "BEGIN; INSERT INTO changed_addresses (domain, slug_key) VALUES ('s.example', 'slow')";
    apart(|| slow.batch_execute(begin)).expect("it begins");
    let link = make(store, LIVE, new_link(1, "Spring")).await;
    let (addresses, next) = told(next).await;
    assert!(addresses.contains(&spring));
    apart(|| slow.batch_execute("COMMIT")).expect("it ends");
    apart(|| drop(slow));
    let (addresses, next) = told(next).await;
    assert!(addresses.contains(&("s.example".to_owned(), "slow".to_owned())), "{addresses:?}");
    // What is known is told again while anybody's transaction is as old, of other databases of the server too; not for ever.
    let quiet = async {
        while !told(next).await.0.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), quiet).await.expect("it is over");
    let next = told(next).await.1;
    let deleted = store.delete_link(LIVE, link.id, Expected::AnyVersion, false, at(3)).await;
    assert!(deleted.expect("the store works").is_ok());
    assert!(told(next).await.0.contains(&spring));
    // A database that was restored elsewhere counts anew.
    assert_eq!(look(backend, Some(i64::MAX)).await.and_then(|changed| changed.addresses), None);
}

async fn what_is_old_is_not(backend: &Backend) {
    let store = &backend.store;
    let forget = async || store.forget_changed_addresses(2).await.expect("the store works");
    let Some(before) = look(backend, None).await else { return assert_eq!(forget().await, 0) };
    for n in 1..=3 {
        make(store, LIVE, new_link(n, &format!("link-{n}"))).await;
    }
    let told =
        async || look(backend, Some(before.next)).await.and_then(|changed| changed.addresses).map(|all| all.len());
    assert_eq!((forget().await, told().await), (0, Some(3)));
    backend.place.sql("UPDATE changed_addresses SET at = at - INTERVAL '61 minutes'");
    make(store, LIVE, new_link(4, "link-4")).await;
    assert_eq!((forget().await, forget().await, told().await), (2, 1, Some(1)));
}

async fn clicks_of_links_with_a_limit(backend: &Backend) {
    let store = &backend.store;
    let free = make(store, LIVE, new_link(1, "free")).await.id;
    let limited = make(store, LIVE, new_link_with(2, "limited", |content| content.click_limit = Some(5))).await.id;
    let facts = vec![fact(LIVE, free, true), fact(LIVE, limited, true), fact(LIVE, limited, true)];
    assert!(store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"));
    if let Place::Postgres(database) = &backend.place {
        let sql = "SELECT slug_key, count(*) FROM changed_addresses GROUP BY slug_key ORDER BY slug_key";
        let rows = apart(|| database.connect().query(sql, &[]).expect("the table is there"));
        let told: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(told, [("free".to_owned(), 1), ("limited".to_owned(), 2)], "one is only made, one is clicked too");
    }
    let clicks = async |id| store.link_by_id(LIVE, id).await.expect("the store works").map(|link| link.clicks);
    assert_eq!((clicks(free).await, clicks(limited).await), (Some(1), Some(2)));
}
