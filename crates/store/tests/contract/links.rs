//! Making links and finding them again.

use mask_core::link::Link;
use mask_store::{Found, NewLink, Once, Slugs, Unplaced};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{DOMAIN, LIVE, OTHER, TEST, at, full_content, link_id, make, new_link, new_link_with, place, slug, tags},
};

on_every_backend!(
    create,
    every_field_reads_back,
    the_first_free_of_several_slugs,
    a_slug_is_unique_without_case,
    a_reserved_slug_is_kept,
    an_external_id_is_unique_for_its_owner,
    what_is_refused_leaves_nothing,
    several_at_once_stand_or_fall_alone,
    links_of_one_moment_with_new_tags,
    many_who_want_the_same_slug,
    an_owner_sees_only_their_own,
);

async fn create(backend: &Backend) {
    let store = &backend.store;
    let new = new_link(1, "SpringSale");
    let link = make(store, LIVE, new.clone()).await;
    assert_eq!(
        link,
        Link {
            id: new.id,
            domain: new.domain,
            slug: slug("SpringSale"),
            content: new.content,
            clicks: 0,
            version: 1,
            created_at: new.now,
            updated_at: new.now
        }
    );
    assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works"), Some(link.clone()));
    let address = || (DOMAIN.to_owned(), "springsale".to_owned());
    assert_eq!(
        store.link_by_address(LIVE, address().0, address().1).await.expect("the store works"),
        Some(link.clone())
    );
    assert_eq!(
        store.find_link(address().0, address().1).await.expect("the store works"),
        Found::Link(Box::new(link), LIVE)
    );
    assert_eq!(store.find_link(DOMAIN.to_owned(), "other".to_owned()).await.expect("the store works"), Found::Nothing);
    assert_eq!(store.find_link("else.example".to_owned(), address().1).await.expect("the store works"), Found::Nothing);
}

async fn every_field_reads_back(backend: &Backend) {
    let store = &backend.store;
    let new = NewLink { content: full_content(), ..new_link(1, "everything") };
    let link = make(store, TEST, new.clone()).await;
    assert_eq!(link.content, new.content);
    assert_eq!(store.link_by_id(TEST, link.id).await.expect("the store works"), Some(link.clone()));
    let external_id = new.content.external_id.expect("it has one");
    assert_eq!(store.link_by_external_id(TEST, external_id).await.expect("the store works"), Some(link.clone()));
    let found = store.find_link(DOMAIN.to_owned(), "everything".to_owned()).await.expect("the store works");
    assert_eq!(found, Found::Link(Box::new(link), TEST));
}

async fn the_first_free_of_several_slugs(backend: &Backend) {
    let store = &backend.store;
    make(store, OTHER, new_link(1, "taken1")).await;
    let gone = make(store, LIVE, new_link(2, "taken2")).await;
    store
        .delete_link(LIVE, gone.id, mask_store::Expected::AnyVersion, false, at(9))
        .await
        .expect("the store works")
        .expect("it was there");
    let random = |n, texts: &[&str]| NewLink {
        slugs: Slugs::AnyOf(texts.iter().map(|text| slug(text)).collect()),
        ..new_link(n, "unused")
    };
    let link = make(store, LIVE, random(3, &["taken1", "TAKEN2", "free3", "free4"])).await;
    assert_eq!(link.slug, slug("free3"));
    assert_eq!(place(store, LIVE, random(4, &["taken1", "free3"])).await, Err(Unplaced::SlugTaken));
    assert_eq!(place(store, LIVE, random(5, &[])).await, Err(Unplaced::SlugTaken));
}

async fn a_slug_is_unique_without_case(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "Spring")).await;
    for owner in [LIVE, TEST, OTHER] {
        assert_eq!(place(store, owner, new_link(2, "sPRING")).await, Err(Unplaced::SlugTaken));
    }
    make(store, LIVE, NewLink { domain: "else.example".to_owned(), ..new_link(2, "sPRING") }).await;
}

async fn a_reserved_slug_is_kept(backend: &Backend) {
    let store = &backend.store;
    let gone = make(store, LIVE, new_link(1, "Spring")).await;
    store
        .delete_link(LIVE, gone.id, mask_store::Expected::AnyVersion, false, at(9))
        .await
        .expect("the store works")
        .expect("it was there");
    assert_eq!(store.find_link(DOMAIN.to_owned(), "spring".to_owned()).await.expect("the store works"), Found::Gone);
    assert_eq!(place(store, LIVE, new_link(2, "sPRING")).await, Err(Unplaced::SlugReserved(gone.id.to_string())));
    for owner in [TEST, OTHER] {
        assert_eq!(
            place(store, owner, new_link(2, "spring")).await,
            Err(Unplaced::SlugTaken),
            "nobody learns of another's link"
        );
    }
    assert_eq!(store.count_links().await.expect("the store works"), 0);
}

async fn an_external_id_is_unique_for_its_owner(backend: &Backend) {
    let store = &backend.store;
    let with_id = |n, text: &str| new_link_with(n, text, |content| content.external_id = Some("crm-1".to_owned()));
    let link = make(store, LIVE, with_id(1, "first")).await;
    assert_eq!(place(store, LIVE, with_id(2, "second")).await, Err(Unplaced::ExternalIdTaken));
    let random =
        NewLink { slugs: Slugs::AnyOf(vec![slug("first"), slug("other1"), slug("other2")]), ..with_id(2, "unused") };
    assert_eq!(place(store, LIVE, random).await, Err(Unplaced::ExternalIdTaken), "another slug is no help");
    let of_others = [make(store, TEST, with_id(3, "third")).await, make(store, OTHER, with_id(4, "fourth")).await];
    for (owner, wanted) in [(LIVE, &link), (TEST, &of_others[0]), (OTHER, &of_others[1])] {
        assert_eq!(
            store.link_by_external_id(owner, "crm-1".to_owned()).await.expect("the store works").as_ref(),
            Some(wanted)
        );
    }
    assert_eq!(
        store.link_by_external_id(LIVE, "CRM-1".to_owned()).await.expect("the store works"),
        None,
        "its case counts"
    );
}

async fn what_is_refused_leaves_nothing(backend: &Backend) {
    let store = &backend.store;
    let gone = make(store, LIVE, new_link(1, "spring")).await;
    store
        .delete_link(LIVE, gone.id, mask_store::Expected::AnyVersion, false, at(9))
        .await
        .expect("the store works")
        .expect("it was there");
    make(store, LIVE, new_link(2, "summer")).await;
    for text in ["spring", "summer"] {
        place(store, LIVE, new_link_with(3, text, |content| content.tags = tags(&["unseen"])))
            .await
            .expect_err("it is taken");
    }
    assert_eq!(store.link_by_id(LIVE, link_id(3)).await.expect("the store works"), None);
    assert_eq!(store.list_tags(LIVE, None, 10).await.expect("the store works").rows, []);
}

async fn several_at_once_stand_or_fall_alone(backend: &Backend) {
    let store = &backend.store;
    make(store, OTHER, new_link(1, "taken")).await;
    let mut with_id = new_link_with(4, "third", |content| content.external_id = Some("x".to_owned()));
    with_id.content.tags = tags(&["a", "b"]);
    let new = vec![
        new_link(2, "first"),
        new_link(3, "Taken"),
        with_id,
        new_link_with(5, "fourth", |content| content.external_id = Some("x".to_owned())),
        new_link(6, "FIRST"),
        new_link(7, "last"),
    ];
    let Once::Done(placed) = store.create_links(LIVE, new, None).await.expect("the store works") else {
        panic!("nothing was kept")
    };
    let slugs: Vec<_> =
        placed.iter().map(|placed| placed.as_ref().map(|link| link.slug.as_str()).map_err(Clone::clone)).collect();
    assert_eq!(
        slugs,
        [
            Ok("first"),
            Err(Unplaced::SlugTaken),
            Ok("third"),
            Err(Unplaced::ExternalIdTaken),
            Err(Unplaced::SlugTaken),
            Ok("last")
        ]
    );
    for link in placed.into_iter().flatten() {
        assert_eq!(store.link_by_id(LIVE, link.id).await.expect("the store works"), Some(link));
    }
    assert_eq!(store.count_links().await.expect("the store works"), 4);
}

async fn links_of_one_moment_with_new_tags(backend: &Backend) {
    let store = &backend.store;
    // Ids of one millisecond may follow each other closely; the tags' ids, made from them, must still differ.
    let new: Vec<_> = (0..50_u128)
        .map(|n| NewLink {
            id: mask_core::id::LinkId::from_bits(link_id(1).bits() + n),
            now: at(1),
            ..new_link_with(1, &format!("slug{n}"), |content| {
                content.tags = (0..20)
                    .map(|place| mask_core::link::Tag::parse(&format!("tag {n} {place}")).expect("a tag"))
                    .collect();
            })
        })
        .collect();
    let Once::Done(placed) = store.create_links(LIVE, new, None).await.expect("the store works") else {
        panic!("nothing was kept")
    };
    assert!(placed.iter().all(Result::is_ok));
    assert_eq!(store.list_tags(LIVE, None, 2000).await.expect("the store works").rows.len(), 1000);
    // The same link gets other tags within the moment of its making.
    let change = mask_core::change::Change { tags: Some(tags(&["new"])), ..Default::default() };
    store
        .update_link(LIVE, link_id(1), mask_store::Expected::AnyVersion, change, at(1))
        .await
        .expect("the store works")
        .expect("nothing stands in its way");
}

async fn many_who_want_the_same_slug(backend: &Backend) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = backend.store.clone();
        tasks.spawn(async move {
            place(
                &store,
                [LIVE, TEST, OTHER][n as usize % 3],
                new_link(n, if n % 2 == 0 { "Wanted" } else { "wanted" }),
            )
            .await
        });
    }
    let placed = tasks.join_all().await;
    assert_eq!(placed.iter().filter(|placed| placed.is_ok()).count(), 1);
    assert!(placed.iter().all(|placed| matches!(placed, Ok(_) | Err(Unplaced::SlugTaken))));
    assert_eq!(backend.store.count_links().await.expect("the store works"), 1);
}

async fn an_owner_sees_only_their_own(backend: &Backend) {
    let store = &backend.store;
    let link =
        make(store, LIVE, new_link_with(1, "spring", |content| content.external_id = Some("x".to_owned()))).await;
    for owner in [TEST, OTHER] {
        assert_eq!(store.link_by_id(owner, link.id).await.expect("the store works"), None);
        assert_eq!(
            store.link_by_address(owner, DOMAIN.to_owned(), "spring".to_owned()).await.expect("the store works"),
            None
        );
        assert_eq!(store.link_by_external_id(owner, "x".to_owned()).await.expect("the store works"), None);
    }
    let found = store.find_link(DOMAIN.to_owned(), "spring".to_owned()).await.expect("the store works");
    assert!(matches!(found, Found::Link(_, LIVE)), "the redirect finds every owner's");
}
