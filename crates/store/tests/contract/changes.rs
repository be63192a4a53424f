//! Changing links: patch, bulk, upsert.

use mask_core::{
    change::{Change, PreviewChange},
    id::LinkId,
    link::{Link, Preview, RedirectStatus},
    time::Time,
    workspace::Owner,
};
use mask_store::{Expected, Found, NewLink, Store, Unplaced, Upserted};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{
        DOMAIN, LIVE, OTHER, TEST, at, batch, fact, full_content, link_id, make, new_link, new_link_with, place, slug,
        tags, url,
    },
};

on_every_backend!(
    each_part_is_set_and_cleared,
    a_change_of_nothing_changes_nothing,
    a_version_guards,
    a_link_that_is_not_there,
    a_move_leaves_the_old_slug_reserved,
    a_move_to_what_is_taken,
    a_move_that_is_refused_frees_nothing,
    a_new_case_is_no_move,
    an_external_id_is_unique,
    several_at_once,
    clicks_survive_a_change,
    upsert_makes_then_changes,
    upsert_is_refused_like_the_others,
    upsert_of_a_version,
    many_who_upsert_the_same,
    many_who_change_the_same,
    many_who_move_to_the_same_slug,
    a_move_and_a_deletion_at_once,
    many_bulk_changes_in_any_order,
);

async fn update(store: &Store, owner: Owner, id: LinkId, change: Change, now: Time) -> Result<Link, Unplaced> {
    Ok(store.update_link(owner, id, Expected::AnyVersion, change, now).await.expect("the store works")?.0)
}

async fn by_id(store: &Store, id: LinkId) -> Link {
    store.link_by_id(LIVE, id).await.expect("the store works").expect("it is there")
}

fn to_slug(text: &str) -> Change {
    Change { slug: Some(slug(text)), ..Change::default() }
}

fn titled(text: &str) -> Change {
    Change { title: Some(Some(text.to_owned())), ..Change::default() }
}

/// A change to what this preview is.
fn whole(preview: Preview) -> PreviewChange {
    let Preview { title, description, image_url } = preview;
    PreviewChange { title: Some(title), description: Some(description), image_url: Some(image_url) }
}

/// A change for each part, and one that takes it back.
fn each_part() -> Vec<[Change; 2]> {
    let full = full_content();
    macro_rules! clearable {
        ($($part:ident = $value:expr),+ $(,)?) => {
            [$([Change { $part: Some($value), ..Change::default() }, Change { $part: Some(None), ..Change::default() }]),+]
        };
    }
    let mut all: Vec<[Change; 2]> = clearable!(
        title = full.title,
        utm_source = full.utm.source,
        utm_medium = full.utm.medium,
        utm_campaign = full.utm.campaign,
        utm_term = full.utm.term,
        utm_content = full.utm.content,
        expires_at = full.expires_at,
        ios_target = full.ios_target,
        android_target = full.android_target,
        password_hash = full.password_hash,
        click_limit = full.click_limit,
        expired_url = full.expired_url,
        external_id = full.external_id,
        preview = full.preview.map(whole),
    )
    .into();
    let none = Change::default;
    all.extend([
        [Change { url: Some(full.url), ..none() }, Change { url: Some(url("https://example.com/")), ..none() }],
        [Change { tags: Some(full.tags), ..none() }, Change { tags: Some(Vec::new()), ..none() }],
        [
            Change { redirect_status: Some(RedirectStatus::Temporary), ..none() },
            Change { redirect_status: Some(RedirectStatus::Found), ..none() },
        ],
        [Change { is_archived: Some(true), ..none() }, Change { is_archived: Some(false), ..none() }],
        [Change { rules: Some(full.rules), ..none() }, Change { rules: Some(Vec::new()), ..none() }],
        [Change { variants: Some(full.variants), ..none() }, Change { variants: Some(Vec::new()), ..none() }],
    ]);
    all
}

async fn each_part_is_set_and_cleared(backend: &Backend) {
    let store = &backend.store;
    let mut wanted =
        make(store, LIVE, new_link_with(1, "spring", |content| content.url = url("https://example.com/"))).await;
    let plain = wanted.content.clone();
    let parts = each_part();
    // First all are set, one after the other, then all are cleared: a part that is written into another's place shows.
    for (turn, change) in (2..).zip(parts.iter().map(|[set, _]| set).chain(parts.iter().map(|[_, clear]| clear))) {
        change.apply(&mut wanted.content);
        wanted.version = turn;
        wanted.updated_at = at(turn);
        let (link, was_at) = store
            .update_link(LIVE, wanted.id, Expected::AnyVersion, change.clone(), at(turn))
            .await
            .expect("the store works")
            .expect("it is there");
        assert_eq!((&link, was_at), (&wanted, (DOMAIN.to_owned(), "spring".to_owned())), "{change:?}");
        assert_eq!(by_id(store, wanted.id).await, wanted, "{change:?}");
    }
    assert_eq!(wanted.content, plain);
}

async fn a_change_of_nothing_changes_nothing(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, NewLink { content: full_content(), ..new_link(1, "spring") }).await;
    let same = Change {
        domain: Some(DOMAIN.to_owned()),
        slug: Some(slug("spring")),
        title: Some(link.content.title.clone()),
        tags: Some(link.content.tags.clone()),
        rules: Some(link.content.rules.clone()),
        external_id: Some(link.content.external_id.clone()),
        ..Change::default()
    };
    for change in [Change::default(), same] {
        assert_eq!(update(store, LIVE, link.id, change, at(99)).await, Ok(link.clone()));
        assert_eq!(by_id(store, link.id).await, link);
    }
}

async fn a_version_guards(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let guarded = async |version, text: &str| {
        store
            .update_link(LIVE, link.id, Expected::OneOf(vec![version]), titled(text), at(5))
            .await
            .expect("the store works")
    };
    let (first, _) = guarded(1, "first").await.expect("it is at this version");
    assert_eq!(first.version, 2);
    for version in [1, 3] {
        assert_eq!(guarded(version, "second").await, Err(Unplaced::Changed));
    }
    assert_eq!(by_id(store, link.id).await, first);
    guarded(2, "second").await.expect("it is at this version");
    let among = async |versions: &[i64], text: &str| {
        let expected = Expected::OneOf(versions.to_vec());
        store.update_link(LIVE, link.id, expected, titled(text), at(6)).await.expect("the store works")
    };
    for versions in [&[][..], &[2], &[1, 4]] {
        assert_eq!(among(versions, "third").await, Err(Unplaced::Changed));
    }
    assert_eq!(among(&[7, 3, 1], "third").await.expect("it is at one of these").0.version, 4);
}

async fn a_link_that_is_not_there(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    for (owner, id) in [(LIVE, link_id(9)), (TEST, link.id), (OTHER, link.id)] {
        assert_eq!(update(store, owner, id, titled("mine"), at(5)).await, Err(Unplaced::Absent));
    }
    assert_eq!(by_id(store, link.id).await, link);
}

async fn a_move_leaves_the_old_slug_reserved(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let find = async |domain: &str, key: &str| {
        store.find_link(domain.to_owned(), key.to_owned()).await.expect("the store works")
    };
    let (moved, was_at) = store
        .update_link(LIVE, link.id, Expected::AnyVersion, to_slug("Summer"), at(5))
        .await
        .expect("the store works")
        .expect("it is free");
    assert_eq!((moved.slug.as_str(), was_at), ("Summer", (DOMAIN.to_owned(), "spring".to_owned())));
    assert!(matches!(find(DOMAIN, "summer").await, Found::Link(..)));
    assert_eq!(find(DOMAIN, "spring").await, Found::Gone);
    assert_eq!(place(store, LIVE, new_link(2, "spring")).await, Err(Unplaced::SlugReserved(link.id.to_string())));
    assert_eq!(place(store, OTHER, new_link(2, "spring")).await, Err(Unplaced::SlugTaken));

    let back =
        update(store, LIVE, link.id, to_slug("spring"), at(6)).await.expect("a link may go back to where it lived");
    assert_eq!(back.version, 3);
    assert!(matches!(find(DOMAIN, "spring").await, Found::Link(..)));
    assert_eq!(find(DOMAIN, "summer").await, Found::Gone);

    let elsewhere = Change { domain: Some("else.example".to_owned()), ..Change::default() };
    update(store, LIVE, link.id, elsewhere, at(7)).await.expect("it is free there");
    assert!(matches!(find("else.example", "spring").await, Found::Link(..)));
    assert_eq!(find(DOMAIN, "spring").await, Found::Gone);
}

async fn a_move_to_what_is_taken(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    make(store, OTHER, new_link(2, "summer")).await;
    let own_gone = make(store, LIVE, new_link(3, "autumn")).await;
    let foreign_gone = make(store, OTHER, new_link(4, "winter")).await;
    for (owner, gone) in [(LIVE, &own_gone), (OTHER, &foreign_gone)] {
        store
            .delete_link(owner, gone.id, Expected::AnyVersion, false, at(9))
            .await
            .expect("the store works")
            .expect("it was there");
    }
    for (text, why) in [
        ("SUMMER", Unplaced::SlugTaken),
        ("Autumn", Unplaced::SlugReserved(own_gone.id.to_string())),
        ("winter", Unplaced::SlugTaken),
    ] {
        assert_eq!(update(store, LIVE, link.id, to_slug(text), at(10)).await, Err(why));
    }
    assert_eq!(by_id(store, link.id).await, link);
}

// Going back frees the old slug of its reservation; a refusal for another reason must not.
async fn a_move_that_is_refused_frees_nothing(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link_with(1, "first", |content| content.external_id = Some("x".to_owned()))).await;
    let link = make(store, LIVE, new_link(2, "spring")).await;
    update(store, LIVE, link.id, to_slug("summer"), at(5)).await.expect("it is free");
    let back = Change { external_id: Some(Some("x".to_owned())), ..to_slug("spring") };
    assert_eq!(update(store, LIVE, link.id, back, at(6)).await, Err(Unplaced::ExternalIdTaken));
    assert_eq!(store.find_link(DOMAIN.to_owned(), "spring".to_owned()).await.expect("the store works"), Found::Gone);
    assert_eq!(place(store, OTHER, new_link(3, "spring")).await, Err(Unplaced::SlugTaken));
}

async fn a_new_case_is_no_move(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let changed = update(store, LIVE, link.id, to_slug("SPRING"), at(5)).await.expect("it is its own");
    assert_eq!((changed.slug.as_str(), changed.version), ("SPRING", 2));
    let removed = store
        .delete_link(LIVE, link.id, Expected::AnyVersion, true, at(6))
        .await
        .expect("the store works")
        .expect("it is there");
    assert_eq!(removed.addresses.len(), 1, "nothing was reserved");
}

async fn an_external_id_is_unique(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link_with(1, "first", |content| content.external_id = Some("x".to_owned()))).await;
    make(store, OTHER, new_link_with(2, "second", |content| content.external_id = Some("y".to_owned()))).await;
    let link = make(store, LIVE, new_link(3, "third")).await;
    let named = |text: &str| Change { external_id: Some(Some(text.to_owned())), ..Change::default() };
    assert_eq!(update(store, LIVE, link.id, named("x"), at(5)).await, Err(Unplaced::ExternalIdTaken));
    assert_eq!(by_id(store, link.id).await, link);
    update(store, LIVE, link.id, named("y"), at(5)).await.expect("another owner's is no hindrance");
}

async fn several_at_once(backend: &Backend) {
    let store = &backend.store;
    let (first, second) =
        (make(store, LIVE, new_link(1, "first")).await, make(store, LIVE, new_link(2, "second")).await);
    let foreign = make(store, OTHER, new_link(3, "third")).await;
    let change = Change { tags: Some(tags(&["bulk"])), is_archived: Some(true), ..Change::default() };
    let ids = vec![second.id, link_id(9), first.id, foreign.id];
    let changed = store.update_links(LIVE, ids, change, at(5)).await.expect("the store works");
    let answers: Vec<_> = changed.into_iter().map(|changed| changed.map(|(link, _)| (link.id, link.version))).collect();
    assert_eq!(answers, [Ok((second.id, 2)), Err(Unplaced::Absent), Ok((first.id, 2)), Err(Unplaced::Absent)]);
    assert_eq!(by_id(store, first.id).await.content.tags, tags(&["bulk"]));
    assert_eq!(store.link_by_id(OTHER, foreign.id).await.expect("the store works"), Some(foreign));
}

async fn clicks_survive_a_change(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    assert!(
        store.count_clicks(batch("a", None, 10, vec![fact(LIVE, link.id, true)]), None).await.expect("the store works")
    );
    let changed = update(store, LIVE, link.id, titled("new"), at(5)).await.expect("it is there");
    assert_eq!((changed.clicks, changed.version), (1, 2));
    assert_eq!(by_id(store, link.id).await, changed);
}

fn named(n: u32, text: &str, title: &str) -> (NewLink, Change) {
    let new = new_link_with(n, text, |content| {
        content.external_id = Some("crm-1".to_owned());
        content.title = Some(title.to_owned());
    });
    let change = Change { external_id: Some(Some("crm-1".to_owned())), ..titled(title) };
    (new, change)
}

async fn upsert_makes_then_changes(backend: &Backend) {
    let store = &backend.store;
    let (new, change) = named(1, "spring", "first");
    let Ok(Upserted::Created(made)) =
        store.upsert_link(LIVE, Expected::AnyVersion, new, change).await.expect("the store works")
    else {
        panic!("it was not there")
    };
    assert_eq!((made.version, made.content.title.as_deref()), (1, Some("first")));
    let (new, change) = named(2, "ignored", "second");
    let Ok(Upserted::Updated(changed, was_at)) =
        store.upsert_link(LIVE, Expected::AnyVersion, new, change).await.expect("the store works")
    else {
        panic!("it was there")
    };
    assert_eq!((changed.id, changed.version, changed.content.title.as_deref()), (made.id, 2, Some("second")));
    assert_eq!(was_at, (DOMAIN.to_owned(), "spring".to_owned()));
    let (new, change) = named(3, "other", "of another");
    assert!(matches!(
        store.upsert_link(OTHER, Expected::AnyVersion, new, change).await.expect("the store works"),
        Ok(Upserted::Created(_))
    ));
    assert_eq!(by_id(store, made.id).await, changed);
}

async fn upsert_is_refused_like_the_others(backend: &Backend) {
    let store = &backend.store;
    make(store, OTHER, new_link(1, "taken")).await;
    let (new, change) = named(2, "taken", "x");
    assert_eq!(
        store.upsert_link(LIVE, Expected::AnyVersion, new, change).await.expect("the store works"),
        Err(Unplaced::SlugTaken)
    );
    let (new, change) = named(2, "spring", "x");
    store
        .upsert_link(LIVE, Expected::AnyVersion, new.clone(), change)
        .await
        .expect("the store works")
        .expect("nothing stands in its way");
    assert_eq!(
        store.upsert_link(LIVE, Expected::AnyVersion, new, to_slug("taken")).await.expect("the store works"),
        Err(Unplaced::SlugTaken)
    );
}

/// Whoever expects something of what is there neither makes it nor changes another version of it.
async fn upsert_of_a_version(backend: &Backend) {
    let store = &backend.store;
    let put = async |expected: Expected, title: &str| {
        let (new, change) = named(1, "spring", title);
        store.upsert_link(LIVE, expected, new, change).await.expect("the store works")
    };
    for expected in [Expected::Present, Expected::OneOf(vec![1])] {
        assert_eq!(put(expected, "x").await, Err(Unplaced::Changed), "it is not there");
    }
    assert_eq!(store.count_links().await.expect("the store works"), 0);
    let Ok(Upserted::Created(made)) = put(Expected::AnyVersion, "first").await else { panic!("it was not there") };
    for (expected, version) in [(Expected::OneOf(vec![1, 9]), 2), (Expected::Present, 3)] {
        let Ok(Upserted::Updated(changed, _)) = put(expected, &format!("at {version}")).await else {
            panic!("it is as expected")
        };
        assert_eq!((changed.id, changed.version), (made.id, version));
    }
    assert_eq!(put(Expected::OneOf(vec![1, 2]), "stale").await, Err(Unplaced::Changed));
    assert_eq!(by_id(store, made.id).await.content.title.as_deref(), Some("at 3"));
}

async fn many_who_upsert_the_same(backend: &Backend) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = backend.store.clone();
        let (new, change) = named(n, &format!("slug{n}"), &format!("title {n}"));
        tasks.spawn(async move {
            store
                .upsert_link(LIVE, Expected::AnyVersion, new, change)
                .await
                .expect("the store works")
                .expect("an upsert never clashes with itself")
        });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|done| matches!(done, Upserted::Created(_))).count(), 1);
    assert_eq!(backend.store.count_links().await.expect("the store works"), 1);
}

// A caller who guards with no version is never told that the link was changed.
async fn many_who_change_the_same(backend: &Backend) {
    let id = make(&backend.store, LIVE, new_link(1, "spring")).await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = backend.store.clone();
        tasks.spawn(async move {
            update(&store, LIVE, id, titled(&format!("title {n}")), at(5)).await.expect("it is there")
        });
    }
    let mut versions: Vec<_> = tasks.join_all().await.iter().map(|link| link.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..42).collect::<Vec<_>>());
}

async fn many_who_move_to_the_same_slug(backend: &Backend) {
    for n in 0..20 {
        make(&backend.store, LIVE, new_link(n, &format!("slug{n}"))).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = backend.store.clone();
        tasks.spawn(async move {
            store.update_link(LIVE, link_id(n), Expected::AnyVersion, to_slug("wanted"), at(50)).await
        });
    }
    let moved = tasks.join_all().await;
    assert_eq!(moved.iter().filter(|moved| matches!(moved, Ok(Ok(_)))).count(), 1);
    for moved in moved {
        assert!(matches!(moved, Ok(Ok(_) | Err(Unplaced::SlugTaken))), "{moved:?}");
    }
}

async fn a_move_and_a_deletion_at_once(backend: &Backend) {
    // Whichever comes first, every slug that the link had stays reserved.
    for n in 0..20 {
        let (old, new) = (format!("old{n}"), format!("new{n}"));
        let id = make(&backend.store, LIVE, new_link(n, &old)).await.id;
        let (mover, deleter) = (backend.store.clone(), backend.store.clone());
        let (change, removal) = tokio::join!(
            update(&mover, LIVE, id, to_slug(&new), at(50)),
            deleter.delete_link(LIVE, id, Expected::AnyVersion, false, at(50))
        );
        removal.expect("the store works").expect("it was there");
        for key in if change.is_ok() { vec![old, new] } else { vec![old] } {
            assert_eq!(
                backend.store.find_link(DOMAIN.to_owned(), key.clone()).await.expect("the store works"),
                Found::Gone,
                "{key}"
            );
        }
    }
}

// Each locks links, makes the same new tag, and locks more: in any order of ids nobody waits for who waits for them.
async fn many_bulk_changes_in_any_order(backend: &Backend) {
    for n in 0..30 {
        make(&backend.store, LIVE, new_link(n, &format!("slug{n}"))).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..40_u32 {
        let store = backend.store.clone();
        let mut ids: Vec<_> = (0..30).map(link_id).collect();
        ids.rotate_left(turn as usize % 30);
        if turn % 2 == 0 {
            ids.reverse();
        }
        ids.truncate(20);
        tasks.spawn(async move {
            let change = Change { tags: Some(tags(&[&format!("tag {}", turn / 4)])), ..titled(&format!("{turn}")) };
            let facts = ids.iter().rev().map(|id| fact(LIVE, *id, true)).collect();
            let (changed, counted) = tokio::join!(
                store.update_links(LIVE, ids, change, at(50)),
                store.count_clicks(batch(&format!("node {turn}"), None, 1, facts), None)
            );
            assert!(changed.expect("the store works").iter().all(Result::is_ok));
            assert!(counted.expect("the store works"));
        });
    }
    tasks.join_all().await;
    let ids = (0..30).map(link_id).collect();
    let removed = backend.store.delete_links(LIVE, ids, false, at(60)).await.expect("the store works");
    assert!(removed.iter().all(Result::is_ok));
}
