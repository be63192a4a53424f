//! Deleting links, and what becomes of their slugs.

use mask_core::{
    change::Change,
    id::LinkId,
    question::{Bots, Condition, Dimension, Group, Question, Rows, Subject, Window},
    workspace::Owner,
};
use mask_store::{Expected, Filter, Found, Order, Page, Removed, Sort, Store, Unplaced};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{
        DOMAIN, LIVE, OTHER, TEST, at, batch, fact, full_content, link_id, make, new_link, new_link_with, place, slug,
        tags,
    },
};

on_every_backend!(
    a_slug_stays_reserved,
    a_slug_is_released,
    a_second_deletion_releases,
    every_former_slug_is_released,
    a_version_guards,
    only_its_owner_deletes,
    tags_and_search_forget_it,
    several_at_once,
    its_numbers_go_on_by_what_it_was,
);

async fn delete(store: &Store, owner: Owner, id: LinkId, release_slug: bool) -> Result<Vec<String>, Unplaced> {
    let removed =
        store.delete_link(owner, id, Expected::AnyVersion, release_slug, at(90)).await.expect("the store works");
    removed.map(|removed| slugs(&removed))
}

fn slugs(removed: &Removed) -> Vec<String> {
    let mut slugs: Vec<_> = removed
        .addresses
        .iter()
        .map(|(domain, key)| {
            assert_eq!(domain, DOMAIN);
            key.clone()
        })
        .collect();
    slugs.sort_unstable();
    slugs
}

async fn find(store: &Store, key: &str) -> Found {
    store.find_link(DOMAIN.to_owned(), key.to_owned()).await.expect("the store works")
}

async fn a_slug_stays_reserved(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "Spring")).await;
    assert_eq!(delete(store, LIVE, link.id, false).await, Ok(vec!["spring".to_owned()]));
    assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works"), None);
    assert_eq!(find(store, "spring").await, Found::Gone);
    assert_eq!(delete(store, LIVE, link.id, false).await, Err(Unplaced::Absent));
    assert_eq!(find(store, "spring").await, Found::Gone);
}

async fn a_slug_is_released(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "Spring")).await;
    assert_eq!(delete(store, LIVE, link.id, true).await, Ok(vec!["spring".to_owned()]));
    assert_eq!(find(store, "spring").await, Found::Nothing);
    make(store, OTHER, new_link(2, "spring")).await;
}

async fn a_second_deletion_releases(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    delete(store, LIVE, link.id, false).await.expect("it was there");
    for owner in [TEST, OTHER] {
        assert_eq!(delete(store, owner, link.id, true).await, Err(Unplaced::Absent), "only its owner frees it");
    }
    assert_eq!(delete(store, LIVE, link.id, true).await, Ok(vec!["spring".to_owned()]));
    assert_eq!(delete(store, LIVE, link.id, true).await, Err(Unplaced::Absent));
    make(store, OTHER, new_link(2, "spring")).await;
}

async fn every_former_slug_is_released(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    for text in ["summer", "autumn"] {
        let change = Change { slug: Some(slug(text)), ..Change::default() };
        store
            .update_link(LIVE, link.id, Expected::AnyVersion, change, at(5))
            .await
            .expect("the store works")
            .expect("it is free");
    }
    assert_eq!(
        delete(store, LIVE, link.id, true).await,
        Ok(vec!["autumn".to_owned(), "spring".to_owned(), "summer".to_owned()])
    );
    for key in ["spring", "summer", "autumn"] {
        assert_eq!(find(store, key).await, Found::Nothing);
    }
}

async fn a_version_guards(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let guarded = async |version| {
        store.delete_link(LIVE, link.id, Expected::OneOf(vec![version]), false, at(9)).await.expect("the store works")
    };
    assert_eq!(guarded(2).await, Err(Unplaced::Changed));
    assert!(matches!(find(store, "spring").await, Found::Link(..)));
    guarded(1).await.expect("it is at this version");
}

async fn only_its_owner_deletes(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    for owner in [TEST, OTHER] {
        for release_slug in [false, true] {
            assert_eq!(delete(store, owner, link.id, release_slug).await, Err(Unplaced::Absent));
        }
    }
    assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works"), Some(link));
}

async fn tags_and_search_forget_it(backend: &Backend) {
    let store = &backend.store;
    let tagged = |n, text| new_link_with(n, text, |content| content.tags = tags(&["shared", text]));
    let (first, second) = (make(store, LIVE, tagged(1, "first")).await, make(store, LIVE, tagged(2, "second")).await);
    delete(store, LIVE, first.id, false).await.expect("it was there");
    let listed = store.list_tags(LIVE, None, 10).await.expect("the store works");
    let mut names: Vec<_> = listed.rows.iter().map(|tag| (tag.name.as_str(), tag.links)).collect();
    names.sort_unstable();
    assert_eq!(names, [("second", 1), ("shared", 1)]);
    // The next link may get the number that the first had inside the store.
    let third = make(store, LIVE, new_link(3, "third")).await;
    for (search, wanted) in [("first", vec![]), ("example.com", vec![second.id, third.id])] {
        let filter = Filter { search: Some(search.to_owned()), ..Filter::default() };
        let page = Page { sort: Sort::CreatedAt, order: Order::Ascending, after: None, limit: 10 };
        let found = store.list_links(LIVE, filter, page).await.expect("the store works");
        assert_eq!(found.rows.iter().map(|link| link.id).collect::<Vec<_>>(), wanted);
    }
    let filter = Filter { tag: Some("shared".to_owned()), ..Filter::default() };
    let found = store
        .list_links(LIVE, filter, Page { sort: Sort::CreatedAt, order: Order::Ascending, after: None, limit: 10 })
        .await
        .expect("the store works");
    assert_eq!(found.rows, [second]);
}

async fn several_at_once(backend: &Backend) {
    let store = &backend.store;
    let (first, second) =
        (make(store, LIVE, new_link(1, "first")).await, make(store, LIVE, new_link(2, "second")).await);
    let foreign = make(store, OTHER, new_link(3, "third")).await;
    let ids = vec![second.id, link_id(9), first.id, foreign.id, first.id];
    let removed = store.delete_links(LIVE, ids, false, at(9)).await.expect("the store works");
    let removed: Vec<_> = removed.iter().map(|removed| removed.as_ref().map(slugs).map_err(Clone::clone)).collect();
    let absent = || Err(Unplaced::Absent);
    assert_eq!(removed, [Ok(vec!["second".to_owned()]), absent(), Ok(vec!["first".to_owned()]), absent(), absent()]);
    let released = store.delete_links(LIVE, vec![first.id, link_id(9)], true, at(9)).await.expect("the store works");
    assert_eq!(released.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert_eq!(place(store, LIVE, new_link(4, "second")).await, Err(Unplaced::SlugReserved(second.id.to_string())));
    make(store, OTHER, new_link(5, "first")).await;
    assert_eq!(store.count_links().await.expect("the store works"), 2);
}

/// Every property of links that can be grouped or filtered by.
const PROPERTIES: [Dimension; 8] = [
    Dimension::Domain,
    Dimension::Tag,
    Dimension::Campaign,
    Dimension::UtmSource,
    Dimension::UtmMedium,
    Dimension::UtmCampaign,
    Dimension::UtmTerm,
    Dimension::UtmContent,
];

/// The clicks of an owner by a property, and of each value what a filter by it finds.
async fn by(store: &Store, owner: Owner, dimension: Dimension) -> Vec<(String, u64)> {
    let question = Question {
        subject: Subject::Clicks,
        window: Window { from: at(0), to: at(1000) },
        of: None,
        conditions: Vec::new(),
        bots: Bots::Without,
        group: Group::Values(dimension, 100),
    };
    let answer = store.answer(owner, question.clone()).await.expect("the store works");
    let Rows::Values(rows) = answer.rows else { panic!("values were asked for") };
    for (value, count) in &rows {
        let conditions = vec![Condition { dimension, value: value.clone() }];
        let filtered = store.answer(owner, Question { conditions, ..question.clone() }).await.expect("the store works");
        assert_eq!(filtered.total.clicks, count.clicks, "{dimension:?} {value}");
    }
    rows.into_iter().map(|(value, count)| (value, count.clicks)).collect()
}

async fn its_numbers_go_on_by_what_it_was(backend: &Backend) {
    let store = &backend.store;
    let full = make(store, LIVE, new_link_with(1, "full", |content| *content = full_content())).await;
    let plain = make(store, LIVE, new_link(2, "plain")).await;
    let foreign = make(store, OTHER, new_link_with(3, "foreign", |content| content.tags = tags(&["theirs"]))).await;
    let mut facts = vec![fact(LIVE, full.id, true); 3];
    facts.extend([fact(LIVE, plain.id, true), fact(OTHER, foreign.id, true), fact(LIVE, link_id(9), true)]);
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
    let mut before = Vec::new();
    for dimension in PROPERTIES {
        before.push(by(store, LIVE, dimension).await);
    }
    assert_eq!(before[0], [(DOMAIN.to_owned(), 4), ("unknown".to_owned(), 1)]);
    assert_eq!(before[2], [("spring & sale".to_owned(), 3), ("none".to_owned(), 2)]);
    // What a link was at its end counts, and not what it was before.
    let change = Change { tags: Some(tags(&["last"])), ..Change::default() };
    let changed = store.update_link(LIVE, full.id, Expected::AnyVersion, change, at(5)).await.expect("the store works");
    changed.expect("it is there");
    before[1] = vec![("last".to_owned(), 3), ("none".to_owned(), 2)];
    delete(store, LIVE, full.id, false).await.expect("it was there");
    assert_eq!(delete(store, LIVE, full.id, true).await, Ok(vec!["full".to_owned()]), "only its slug goes now");
    let removed = store.delete_links(LIVE, vec![plain.id, foreign.id], true, at(90)).await.expect("the store works");
    assert_eq!(removed.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    delete(store, OTHER, foreign.id, false).await.expect("it was there");
    for (dimension, before) in PROPERTIES.into_iter().zip(before) {
        assert_eq!(by(store, LIVE, dimension).await, before, "{dimension:?}");
    }
    assert_eq!(by(store, OTHER, Dimension::Tag).await, [("theirs".to_owned(), 1)]);
    assert_eq!(store.link_by_id(LIVE, full.id).await.expect("the store works"), None);
    assert_eq!(store.count_links().await.expect("the store works"), 0);
}
