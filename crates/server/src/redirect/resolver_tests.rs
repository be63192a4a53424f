use super::{
    super::entry::tests::{OWNER, link},
    *,
};
use mask_store::{Location, Options};
use std::{cell::Cell, time::Duration};
use tokio::sync::oneshot;

const SECONDS_5: Duration = Duration::from_secs(5);

/// A resolver over an empty store, and the folder that the store is in.
fn resolver(memory_bytes: u64) -> (Resolver, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: SECONDS_5 };
    let store = Store::open(&options).expect("a store");
    let journal = mask_journal::Journal::open(&folder.path().join("journal"), mask_journal::Options::default());
    let hosts = crate::redirect::Hosts::new(&"http://localhost".parse().expect("a url"), &[]);
    let (journal, aside) = (journal.expect("a journal"), folder.path().join("set-aside"));
    let (_, drain) = crate::clicks::Drain::new(journal, store.clone(), Arc::new(hosts.clone()), aside);
    (Resolver::new(store, drain, Clock::system(), hosts, memory_bytes), folder)
}

fn key(slug: &str) -> Key {
    Key { slug: slug.into(), host: 0 }
}

fn plain() -> Arc<Known> {
    Arc::new(Known::Link(Entry::new(link(|_| ()), OWNER, None).expect("an entry")))
}

#[tokio::test]
async fn one_read_serves_all_who_ask_at_once() {
    let (resolver, _folder) = resolver(1 << 20);
    let (key, reads) = (key("abcd"), Cell::new(0));
    let (go, gate) = oneshot::channel::<()>();
    let read = async {
        reads.set(reads.get() + 1);
        gate.await.expect("a go");
        plain()
    };
    let other = || async {
        reads.set(reads.get() + 1);
        plain()
    };
    let (first, second, third, ()) = tokio::join!(
        resolver.get_or(&key, read),
        resolver.get_or(&key, other()),
        resolver.get_or(&key, other()),
        async { go.send(()).expect("somebody who waits") },
    );
    assert_eq!(reads.get(), 1);
    assert!(Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &third));
    assert!(resolver.get(&key).is_some_and(|known| Arc::ptr_eq(&known, &first)));
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let (resolver, _folder) = resolver(1 << 20);
    let key = key("abcd");
    let (go, gate) = oneshot::channel::<()>();
    let stale = plain();
    let reading = resolver.get_or(&key, async {
        gate.await.expect("a go");
        Arc::clone(&stale)
    });
    let changing = async {
        // The read is under way: the change commits, and is made known.
        resolver.forget(0, "abcd");
        // Whoever asks now reads again, and does not wait for the old read.
        let fresh = resolver.get_or(&key, async { plain() }).await;
        go.send(()).expect("somebody who waits");
        fresh
    };
    let (answered, fresh) = tokio::join!(reading, changing);
    assert!(Arc::ptr_eq(&answered, &stale), "who asked before the change");
    assert!(!Arc::ptr_eq(&fresh, &stale));
    assert!(resolver.get(&key).is_some_and(|known| Arc::ptr_eq(&known, &fresh)), "who asks after it");
}

#[tokio::test]
async fn a_change_during_the_only_read_leaves_nothing() {
    let (resolver, _folder) = resolver(1 << 20);
    let key = key("abcd");
    let read = async {
        resolver.forget(0, "abcd");
        plain()
    };
    resolver.get_or(&key, read).await;
    assert!(resolver.get(&key).is_none());
}

#[tokio::test]
async fn who_gives_up_hands_the_read_on() {
    let (resolver, _folder) = resolver(1 << 20);
    let key = key("abcd");
    let never = resolver.get_or(&key, std::future::pending());
    let waits = resolver.get_or(&key, async { plain() });
    tokio::pin!(waits);
    {
        tokio::pin!(never);
        assert!(futures_util::poll!(&mut never).is_pending());
        assert!(futures_util::poll!(&mut waits).is_pending());
    }
    assert!(matches!(*waits.await, Known::Link(_)));
}

#[tokio::test]
async fn absence_is_kept_and_trouble_is_not() {
    let (resolver, _folder) = resolver(1 << 20);
    let host = resolver.hosts.view().load().numbered(0).cloned().expect("the application's host");
    assert!(matches!(*resolver.look(&host, &key("none")).await, Known::Absent));
    assert!(resolver.get(&key("none")).is_some());
    let (go, gate) = oneshot::channel::<()>();
    let trouble = async {
        gate.await.expect("a go");
        Arc::clone(&resolver.unavailable)
    };
    let abcd = key("abcd");
    let (first, second, ()) =
        tokio::join!(resolver.get_or(&abcd, trouble), resolver.get_or(&abcd, async { plain() }), async {
            go.send(()).expect("somebody who waits");
        },);
    assert!(matches!((&*first, &*second), (Known::Unavailable, Known::Unavailable)), "all who waited are told");
    assert!(resolver.get(&abcd).is_none());
    assert!(matches!(*resolver.get_or(&abcd, async { plain() }).await, Known::Link(_)));
}

#[tokio::test]
async fn memory_is_bounded_by_bytes() {
    const MOST: u64 = 1 << 20;
    let (resolver, _folder) = resolver(MOST);
    for number in 0..20_000 {
        resolver.get_or(&key(&format!("slug-{number}")), async { plain() }).await;
        resolver.get_or(&key(&format!("none-{number}")), async { Arc::clone(&resolver.absent) }).await;
    }
    let (entries, bytes) = resolver.memory();
    assert!(bytes <= MOST && bytes > MOST / 2, "{entries} entries, {bytes} bytes");
}

#[tokio::test]
async fn a_plain_link_takes_at_most_300_bytes() {
    let (resolver, _folder) = resolver(1 << 20);
    resolver.get_or(&key("abcdefg"), async { plain() }).await;
    let (_, bytes) = resolver.memory();
    assert!(bytes <= 300, "{bytes}");
    // What the estimate of a slot is made of: should the cache's own parts grow, it has to as well.
    assert_eq!((size_of::<Key>(), size_of::<Arc<Known>>()), (32, 8));
    assert!(size_of::<Known>() <= 96, "{}", size_of::<Known>());
}
