//! The list of tags.

use mask_core::{change::Change, workspace::Owner};
use mask_store::{Expected, Once, Store};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, TEST, at, link_id, make, new_link, new_link_with, tags},
};

on_every_backend!(
    counted_and_oldest_first,
    pages,
    shown_while_a_link_has_it,
    compared_as_written,
    many_who_first_use_the_same,
    many_bulks_that_first_use_the_same
);

async fn listed(store: &Store, owner: Owner) -> Vec<(String, i64)> {
    store
        .list_tags(owner, None, 1000)
        .await
        .expect("the store works")
        .rows
        .into_iter()
        .map(|tag| (tag.name, tag.links))
        .collect()
}

async fn counted_and_oldest_first(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link_with(1, "first", |content| content.tags = tags(&["zeta"]))).await;
    make(store, LIVE, new_link_with(2, "second", |content| content.tags = tags(&["alpha", "zeta"]))).await;
    make(store, OTHER, new_link_with(3, "third", |content| content.tags = tags(&["zeta", "foreign"]))).await;
    make(store, TEST, new_link(4, "fourth")).await;
    let found = store.list_tags(LIVE, None, 10).await.expect("the store works");
    assert_eq!(found.next, None);
    let shown: Vec<_> = found.rows.iter().map(|tag| (tag.name.as_str(), tag.links, tag.created_at)).collect();
    assert_eq!(shown, [("zeta", 2, at(1)), ("alpha", 1, at(2))]);
    assert_eq!(listed(store, TEST).await, []);
}

async fn pages(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=10 {
        make(store, LIVE, new_link_with(n, &format!("slug{n}"), |content| content.tags = tags(&[&format!("tag {n}")])))
            .await;
    }
    for limit in [1, 3, 5, 10, 11] {
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = store.list_tags(LIVE, after, limit).await.expect("the store works");
            assert!(page.rows.len() <= limit);
            names.extend(page.rows.into_iter().map(|tag| tag.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, (1..=10).map(|n| format!("tag {n}")).collect::<Vec<_>>(), "{limit} a page");
    }
}

async fn shown_while_a_link_has_it(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link_with(1, "first", |content| content.tags = tags(&["a", "b"]))).await;
    let retag = async |names: &[&str], now| {
        let change = Change { tags: Some(tags(names)), ..Change::default() };
        store
            .update_link(LIVE, link.id, Expected::AnyVersion, change, at(now))
            .await
            .expect("the store works")
            .expect("it is there");
    };
    let first = store
        .list_tags(LIVE, None, 10)
        .await
        .expect("the store works")
        .rows
        .into_iter()
        .find(|tag| tag.name == "b")
        .expect("it is shown");
    retag(&["c"], 5).await;
    assert_eq!(listed(store, LIVE).await, [("c".to_owned(), 1)]);
    retag(&["b"], 6).await;
    let again = store.list_tags(LIVE, None, 10).await.expect("the store works").rows;
    assert_eq!(again, [first], "it is the same tag as before");
}

async fn compared_as_written(backend: &Backend) {
    let store = &backend.store;
    make(
        store,
        LIVE,
        new_link_with(1, "first", |content| content.tags = tags(&["News", "news", "NEWS", "é", "e\u{301}"])),
    )
    .await;
    assert_eq!(listed(store, LIVE).await.len(), 5);
}

// Each link has one of the tags, so the order of the links is that in which the tags are first used.
async fn many_bulks_that_first_use_the_same(backend: &Backend) {
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..40_u32 {
        let store = backend.store.clone();
        let tag = |place: u32| mask_core::link::Tag::parse(&format!("tag {} {place}", turn / 4)).expect("a tag");
        let link = |place: u32| {
            let n = turn * 20 + place;
            new_link_with(n, &format!("slug{n}"), |content| content.tags = vec![tag(place)])
        };
        let mut links: Vec<_> = (0..20).map(link).collect();
        if turn % 2 == 0 {
            links.reverse();
        }
        tasks.spawn(async move { store.create_links(LIVE, links, None).await.expect("nobody waits for ever") });
    }
    for made in tasks.join_all().await {
        assert!(matches!(&made, Once::Done(placed) if placed.iter().all(Result::is_ok)), "{made:?}");
    }
    let found = listed(&backend.store, LIVE).await;
    assert_eq!((found.len(), found.iter().map(|(_, links)| links).sum::<i64>()), (200, 800));
}

// In both orders at once: whoever waits for the other's tag must not be waited for.
async fn many_who_first_use_the_same(backend: &Backend) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = backend.store.clone();
        let mut names: Vec<_> = (0..10).map(|tag| format!("tag {} {tag}", n / 4)).collect();
        if n % 2 == 0 {
            names.reverse();
        }
        let names: Vec<_> = names.iter().map(|name| mask_core::link::Tag::parse(name).expect("a tag")).collect();
        tasks.spawn(async move {
            make(&store, LIVE, new_link_with(n, &format!("slug{n}"), |content| content.tags = names)).await
        });
    }
    assert_eq!(tasks.join_all().await.len(), 40);
    let found = listed(&backend.store, LIVE).await;
    assert_eq!((found.len(), found.iter().map(|(_, links)| links).sum::<i64>()), (100, 400));
    assert!(backend.store.link_by_id(LIVE, link_id(7)).await.expect("the store works").is_some());
}
