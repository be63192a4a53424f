//! Bio pages: what is kept of them, who sees them, and what is told of them.

use mask_core::{
    bio_page::{
        BioPage, Content,
        block::{Block, Data, EmailMode, Kind},
        language::Language,
        lead::Lead,
        media::{Spotify, Video},
        price::{Currency, Price},
        social::{Platform, Profile},
        theme::{ButtonStyle, Font, Gradient, Preset, Theme},
    },
    colour::Colour,
    event::EventKind,
    id::{self, BlockId, PageId},
    picture::{Format, Picture, PictureName},
    webhook::Filter,
    workspace::Owner,
};
use mask_store::{
    Address, DeliveryFilter, Expected, Found, Kept, Listed, NewBioPage, Once, Order, PageChange, PageFilter,
    PageOfPages, PageSummary, PlacedPage, Slugs, Store, Unpaged, Unplaced,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{DOMAIN, LIVE, OTHER, TEST, at, keep, make, new_link, place, slug, url},
    webhooks::{content as subscription, subscribe, telling},
};

on_every_backend!(
    a_page_is_made_and_reads_back,
    every_field_reads_back,
    links_and_pages_share_one_namespace,
    the_first_free_of_several_slugs,
    a_page_that_moves_keeps_where_it_was,
    a_deleted_pages_slug_stays_its_owners,
    changes_count_and_nothing_changes_nothing,
    what_is_refused_leaves_nothing,
    a_change_is_made_to_the_page_as_it_is,
    an_owner_sees_only_their_own,
    lists,
    publishing_is_told_once_each_time,
    what_was_answered_is_kept_with_the_work,
);

pub(crate) fn page_id(n: u32) -> PageId {
    PageId::from_bits(id::at(at(i64::from(n)), u128::from(n) << 40))
}

fn block_id(n: u32) -> BlockId {
    BlockId::from_bits(id::at(at(i64::from(n)), u128::from(n)))
}

fn header(n: u32) -> Block {
    let data = Data::Header { text: format!("Header {n}") };
    Block { id: block_id(n), data, is_visible: true, starts_at: None, ends_at: None }
}

/// A draft with nothing on it: the n-th, at this slug.
pub(crate) fn new_page(n: u32, text: &str) -> NewBioPage {
    let content = Content {
        title: format!("Page {n}"),
        description: None,
        avatar: None,
        language: None,
        theme: Theme::default(),
        blocks: Vec::new(),
    };
    NewBioPage {
        id: page_id(n),
        domain: DOMAIN.to_owned(),
        slugs: Slugs::Wanted(slug(text)),
        content,
        is_published: false,
        now: at(i64::from(n)),
    }
}

pub(crate) async fn place_page(store: &Store, owner: Owner, new: NewBioPage) -> PlacedPage {
    match store.create_bio_page(owner, new, None).await.expect("the store works") {
        Once::Done(placed) => placed,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

pub(crate) async fn make_page(store: &Store, owner: Owner, new: NewBioPage) -> BioPage {
    place_page(store, owner, new).await.expect("nothing stands in its way")
}

fn as_it_is(page: &BioPage) -> PageChange {
    PageChange { domain: None, slug: None, content: page.content.clone(), is_published: page.is_published() }
}

/// Changes a page, or learns why not.
async fn update(
    store: &Store,
    owner: Owner,
    id: PageId,
    seconds: i64,
    change: impl FnOnce(&mut PageChange) + Send + 'static,
) -> Result<(BioPage, Address), Unpaged<()>> {
    let edit = move |page: &BioPage| {
        let mut changed = as_it_is(page);
        change(&mut changed);
        Ok(changed)
    };
    let done = store.update_bio_page(owner, id, Expected::AnyVersion, at(seconds), None, edit).await;
    match done.expect("the store works") {
        Once::Done(changed) => changed,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

async fn find(store: &Store, key: &str) -> Found {
    store.find_link(DOMAIN.to_owned(), key.to_owned()).await.expect("the store works")
}

async fn a_page_is_made_and_reads_back(backend: &Backend) {
    let store = &backend.store;
    let new = new_page(1, "Ada-Page");
    let page = make_page(store, LIVE, new.clone()).await;
    let expected = BioPage {
        id: new.id,
        domain: new.domain,
        slug: slug("Ada-Page"),
        content: new.content,
        published_at: None,
        views: 0,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
    };
    assert_eq!(page, expected);
    assert_eq!(store.bio_page_by_id(LIVE, page.id).await.expect("the store works"), Some(page.clone()));
    assert_eq!(find(store, "ada-page").await, Found::Page(Box::new(page), LIVE), "drafts are found too");
    assert_eq!(find(store, "ada").await, Found::Nothing);
}

fn picture(text: &str) -> Picture {
    let name = PictureName::of(text.as_bytes(), Format::Jpeg);
    Picture { url: format!("https://example.com/{text}.jpg?a=\"ü\""), name, width: 1280, height: 17 }
}

fn full_blocks() -> Vec<Block> {
    let text = |text: &str| text.to_owned();
    let all = [
        Data::Link {
            title: text("Shop \"1\""),
            url: url("https://example.com/Ü").into(),
            thumbnail: Some(picture("a")),
        },
        Data::Link { title: text("Bare"), url: Lead::parse("tel:+442079460000").expect("a number"), thumbnail: None },
        Data::Header { text: text("שלום 🎉") },
        Data::Text { content: text("**A**\n\n- b\n- c\\d") },
        Data::Image { picture: picture("b"), alt: String::new(), link: None, caption: None },
        Data::Image {
            picture: picture("c"),
            alt: text("A dog"),
            link: Some(url("https://example.com/dog")),
            caption: Some(text("It's mine")),
        },
        Data::Video(Video::parse("https://youtu.be/dQw4w9WgXcQ").expect("a video")),
        Data::Video(Video {
            title: Some(text("A \"talk\"")),
            ..Video::parse("https://vimeo.com/76979871/abcdef0123").expect("a video")
        }),
        Data::Social {
            profiles: vec![
                Profile { platform: Platform::GitHub, url: text("https://github.com/ada") },
                Profile { platform: Platform::Email, url: text("mailto:ada@example.com") },
                // As it was let in once, whatever is let in now.
                Profile { platform: Platform::X, url: text("https://elsewhere.example/ada") },
            ],
        },
        Data::Email {
            mode: EmailMode::Contact,
            title: text("Write"),
            button_text: text("Send"),
            success_message: text("Thanks"),
            notify_email: Some(mask_core::mail::Address::parse("ada@example.com").expect("an address")),
        },
        Data::Spotify(Spotify::parse("https://open.spotify.com/album/4uLU6hMCjMI75M1A2tKUQC").expect("an album")),
        Data::Product {
            title: text("Mug"),
            picture: picture("d"),
            price: Price::parse("19.99", Currency::parse("EUR").expect("a currency")).expect("a price"),
            url: url("https://example.com/mug"),
            button_text: text("Buy"),
        },
    ];
    let kinds = |data: &Data| Kind::ALL.iter().position(|kind| *kind == data.kind());
    assert_eq!(all.iter().filter_map(kinds).collect::<std::collections::BTreeSet<_>>().len(), Kind::ALL.len());
    (1..)
        .zip(all)
        .map(|(n, data)| Block {
            id: block_id(n),
            data,
            is_visible: n % 2 == 0,
            starts_at: (n % 3 == 0).then(|| at(i64::from(n))),
            ends_at: (n % 4 == 0).then(|| at(i64::from(n) * 100)),
        })
        .collect()
}

async fn every_field_reads_back(backend: &Backend) {
    let store = &backend.store;
    let colour = |text| Some(Colour::parse(text).expect("a colour"));
    let theme = Theme {
        preset: Preset::Ocean,
        background: colour("#010203"),
        gradient: Some(Gradient { from: Colour::BLACK, to: Colour::of(1, 2, 3), angle: 359 }),
        text: colour("#fefefe"),
        button: colour("#ffcc00"),
        button_text: colour("#000000"),
        button_style: Some(ButtonStyle::Outline),
        font: Some(Font::Mono),
    };
    let content = Content {
        title: "Ada's \"page\" 100% \\".to_owned(),
        description: Some("Zeile 1\nZeile 2 – 日本語".to_owned()),
        avatar: Some(picture("face")),
        language: Some(Language::parse("pt-BR").expect("a language")),
        theme,
        blocks: full_blocks(),
    };
    let new = NewBioPage { content: content.clone(), is_published: true, ..new_page(1, "ada-page") };
    let page = make_page(store, TEST, new).await;
    assert_eq!((&page.content, page.published_at), (&content, Some(at(1))));
    let read = store.bio_page_by_id(TEST, page.id).await.expect("the store works").expect("it is there");
    assert_eq!(read, page);
    let (changed, _) = update(store, TEST, page.id, 9, |change| {
        change.content.theme = Theme::default();
        change.content.avatar = None;
        change.content.blocks.reverse();
    })
    .await
    .expect("it is there");
    let read = store.bio_page_by_id(TEST, page.id).await.expect("the store works").expect("it is there");
    assert_eq!(read, changed);
    assert_eq!(read.content.blocks.len(), content.blocks.len());
}

async fn links_and_pages_share_one_namespace(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "Spring")).await;
    let page = make_page(store, LIVE, new_page(2, "Summer")).await;
    for owner in [LIVE, TEST, OTHER] {
        assert_eq!(place_page(store, owner, new_page(3, "sPRING")).await, Err(Unpaged::SlugTaken));
        assert_eq!(place_page(store, owner, new_page(3, "summer")).await, Err(Unpaged::SlugTaken));
        assert_eq!(place(store, owner, new_link(4, "SUMMER")).await, Err(Unplaced::SlugTaken));
    }
    let elsewhere = NewBioPage { domain: "else.example".to_owned(), ..new_page(5, "spring") };
    make_page(store, OTHER, elsewhere).await;
    let moved = update(store, LIVE, page.id, 9, |change| change.slug = Some(slug("spring"))).await;
    assert_eq!(moved, Err(Unpaged::SlugTaken));
    let link = make(store, LIVE, new_link(6, "autumn")).await;
    let change = mask_core::change::Change { slug: Some(slug("summer")), ..mask_core::change::Change::default() };
    let moved = store.update_link(LIVE, link.id, Expected::AnyVersion, change, at(9)).await.expect("the store works");
    assert_eq!(moved, Err(Unplaced::SlugTaken));
    assert!(matches!(find(store, "summer").await, Found::Page(..)));
    assert!(matches!(find(store, "autumn").await, Found::Link(..)));
}

async fn the_first_free_of_several_slugs(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "first")).await;
    make_page(store, OTHER, new_page(2, "second")).await;
    let any = |texts: &[&str]| Slugs::AnyOf(texts.iter().map(|text| slug(text)).collect());
    let page = NewBioPage { slugs: any(&["first", "second", "third", "fourth"]), ..new_page(3, "unused") };
    assert_eq!(make_page(store, LIVE, page).await.slug, slug("third"));
    let link = mask_store::NewLink { slugs: any(&["second", "third", "fourth"]), ..new_link(4, "unused") };
    assert_eq!(make(store, LIVE, link).await.slug, slug("fourth"), "random slugs of links avoid pages");
    let none = NewBioPage { slugs: any(&["first", "third"]), ..new_page(5, "unused") };
    assert_eq!(place_page(store, LIVE, none).await, Err(Unpaged::SlugTaken));
}

async fn a_page_that_moves_keeps_where_it_was(backend: &Backend) {
    let store = &backend.store;
    let id = make_page(store, LIVE, new_page(1, "before")).await.id;
    let (moved, was) = update(store, LIVE, id, 5, |change| change.slug = Some(slug("After"))).await.expect("it moves");
    assert_eq!(was, (DOMAIN.to_owned(), "before".to_owned()));
    assert_eq!((moved.slug.as_str(), moved.version, moved.updated_at), ("After", 2, at(5)));
    assert_eq!(find(store, "before").await, Found::Gone);
    assert_eq!(place(store, LIVE, new_link(2, "before")).await, Err(Unplaced::SlugReserved(id.to_string())));
    assert_eq!(
        place(store, OTHER, new_link(2, "before")).await,
        Err(Unplaced::SlugTaken),
        "nobody learns whose it was"
    );
    assert_eq!(place_page(store, LIVE, new_page(3, "before")).await, Err(Unpaged::SlugReserved(id.to_string())));
    let (back, _) =
        update(store, LIVE, id, 6, |change| change.slug = Some(slug("before"))).await.expect("it goes back");
    assert_eq!(back.slug, slug("before"));
    assert_eq!(find(store, "after").await, Found::Gone);
    let (there, _) =
        update(store, LIVE, id, 7, |change| change.domain = Some("else.example".to_owned())).await.expect("it moves");
    assert_eq!(there.domain, "else.example");
    assert_eq!(find(store, "before").await, Found::Gone);
}

async fn a_deleted_pages_slug_stays_its_owners(backend: &Backend) {
    let store = &backend.store;
    let delete = async |owner, id, expected, release| {
        store.delete_bio_page(owner, id, expected, release, at(50)).await.expect("the store works")
    };
    let page = make_page(store, LIVE, new_page(1, "Ada-Page")).await;
    for owner in [TEST, OTHER] {
        assert_eq!(delete(owner, page.id, Expected::AnyVersion, true).await, Err(Unpaged::Absent));
    }
    assert_eq!(delete(LIVE, page.id, Expected::OneOf(vec![2]), false).await, Err(Unpaged::Changed));
    let address = (DOMAIN.to_owned(), "ada-page".to_owned());
    let removed = delete(LIVE, page.id, Expected::OneOf(vec![1]), false).await.expect("it was there");
    assert_eq!(removed.addresses, std::slice::from_ref(&address));
    assert_eq!(store.bio_page_by_id(LIVE, page.id).await.expect("the store works"), None);
    assert_eq!(find(store, "ada-page").await, Found::Gone);
    assert_eq!(place_page(store, LIVE, new_page(2, "ada-page")).await, Err(Unpaged::SlugReserved(page.id.to_string())));
    assert_eq!(delete(LIVE, page.id, Expected::AnyVersion, false).await, Err(Unpaged::Absent));
    assert_eq!(delete(OTHER, page.id, Expected::AnyVersion, true).await, Err(Unpaged::Absent));
    let freed = delete(LIVE, page.id, Expected::AnyVersion, true).await.expect("a slug was kept");
    assert_eq!(freed.addresses, [address]);
    make(store, OTHER, new_link(3, "ada-page")).await;
    let page = make_page(store, LIVE, new_page(4, "at-once")).await;
    assert!(delete(LIVE, page.id, Expected::AnyVersion, true).await.is_ok());
    assert_eq!(find(store, "at-once").await, Found::Nothing);
}

async fn changes_count_and_nothing_changes_nothing(backend: &Backend) {
    let store = &backend.store;
    let id = make_page(store, LIVE, new_page(1, "ada-page")).await.id;
    let (same, _) = update(store, LIVE, id, 5, |_| {}).await.expect("it is there");
    assert_eq!((same.version, same.updated_at), (1, at(1)));
    let (changed, _) =
        update(store, LIVE, id, 6, |change| change.content.blocks.push(header(1))).await.expect("it is there");
    assert_eq!((changed.version, changed.updated_at, changed.created_at), (2, at(6), at(1)));
    let expecting = async |version| {
        let edit = |page: &BioPage| {
            let mut change = as_it_is(page);
            change.content.title.push('!');
            Ok::<_, ()>(change)
        };
        let expected = Expected::OneOf(vec![version]);
        store.update_bio_page(LIVE, id, expected, at(7), None, edit).await.expect("the store works")
    };
    assert_eq!(expecting(1).await, Once::Done(Err(Unpaged::Changed)));
    assert!(matches!(expecting(2).await, Once::Done(Ok(_))));
    assert_eq!(update(store, LIVE, page_id(99), 8, |_| {}).await, Err(Unpaged::Absent));
}

async fn what_is_refused_leaves_nothing(backend: &Backend) {
    let store = &telling(backend);
    subscribe(store, LIVE, 1, subscription(&[EventKind::PagePublished])).await;
    make(store, LIVE, new_link(1, "taken")).await;
    let page = make_page(store, LIVE, new_page(2, "ada-page")).await;
    let refuse = |_: &BioPage| Err::<PageChange, _>("no");
    let done = store.update_bio_page(LIVE, page.id, Expected::AnyVersion, at(5), None, refuse).await;
    assert_eq!(done.expect("the store works"), Once::Done(Err(Unpaged::Refused("no"))));
    let moved = update(store, LIVE, page.id, 6, |change| {
        change.slug = Some(slug("taken"));
        change.is_published = true;
        change.content.blocks.push(header(1));
    });
    assert_eq!(moved.await, Err(Unpaged::SlugTaken));
    let new = NewBioPage { is_published: true, ..new_page(3, "taken") };
    assert_eq!(place_page(store, LIVE, new).await, Err(Unpaged::SlugTaken));
    assert_eq!(store.bio_page_by_id(LIVE, page.id).await.expect("the store works"), Some(page));
    assert_eq!(store.bio_page_by_id(LIVE, page_id(3)).await.expect("the store works"), None);
    assert_eq!(published(store).await, Vec::<String>::new());
    assert!(matches!(find(store, "ada-page").await, Found::Page(..)), "no slug was let go of");
}

async fn a_change_is_made_to_the_page_as_it_is(backend: &Backend) {
    let id = make_page(&backend.store, LIVE, new_page(1, "ada-page")).await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = backend.store.clone();
        tasks.spawn(async move {
            update(&store, LIVE, id, 5, move |change| change.content.blocks.insert(0, header(n))).await.expect("there")
        });
    }
    let mut versions: Vec<_> = tasks.join_all().await.iter().map(|(page, _)| page.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..42).collect::<Vec<_>>());
    let page = backend.store.bio_page_by_id(LIVE, id).await.expect("the store works").expect("it is there");
    let mut blocks: Vec<_> = page.content.blocks.iter().map(|block| block.id).collect();
    blocks.sort_unstable();
    assert_eq!(blocks, (0..40).map(block_id).collect::<Vec<_>>(), "nobody's block is lost");
}

async fn an_owner_sees_only_their_own(backend: &Backend) {
    let store = &backend.store;
    let page = make_page(store, LIVE, new_page(1, "ada-page")).await;
    for owner in [TEST, OTHER] {
        assert_eq!(store.bio_page_by_id(owner, page.id).await.expect("the store works"), None);
        assert_eq!(update(store, owner, page.id, 5, |_| {}).await, Err(Unpaged::Absent));
        assert_eq!(list(store, owner, PageFilter::default(), None).await.rows, []);
    }
    assert!(matches!(find(store, "ada-page").await, Found::Page(_, LIVE)), "visitors find every owner's");
}

async fn list(store: &Store, owner: Owner, filter: PageFilter, after: Option<PageId>) -> Listed<PageSummary> {
    let page = PageOfPages { order: Order::Descending, after, limit: 2 };
    store.list_bio_pages(owner, filter, page).await.expect("the store works")
}

async fn lists(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=5 {
        let mut new = new_page(n, &format!("page-{n}"));
        new.is_published = n % 2 == 0;
        new.content.description = (n == 3).then(|| "100% ÄHNLICH_es".to_owned());
        new.content.blocks = vec![header(n)];
        if n == 5 {
            "else.example".clone_into(&mut new.domain);
        }
        make_page(store, LIVE, new).await;
    }
    let ids = |listed: &Listed<PageSummary>| listed.rows.iter().map(|page| page.id).collect::<Vec<_>>();
    let numbers = |numbers: &[u32]| numbers.iter().map(|n| page_id(*n)).collect::<Vec<_>>();
    let first = list(store, LIVE, PageFilter::default(), None).await;
    assert_eq!(ids(&first), numbers(&[5, 4]));
    assert_eq!(first.next.as_ref().map(|next| next.id.clone()), Some(page_id(4).to_string()));
    make_page(store, LIVE, new_page(6, "page-6")).await;
    let second = list(store, LIVE, PageFilter::default(), Some(page_id(4))).await;
    let third = list(store, LIVE, PageFilter::default(), Some(page_id(2))).await;
    assert_eq!((ids(&second), ids(&third)), (numbers(&[3, 2]), numbers(&[1])));
    assert!(second.next.is_some() && third.next.is_none());
    for (filter, found) in [
        (PageFilter { is_published: Some(true), ..PageFilter::default() }, &[4, 2][..]),
        (PageFilter { is_published: Some(false), ..PageFilter::default() }, &[6, 5]),
        (PageFilter { domain: Some("else.example".to_owned()), ..PageFilter::default() }, &[5]),
        (PageFilter { search: Some("PAGE 4".to_owned()), ..PageFilter::default() }, &[4]),
        (PageFilter { search: Some("page-1".to_owned()), ..PageFilter::default() }, &[1]),
        (PageFilter { search: Some("0% ähnlich_ES".to_owned()), ..PageFilter::default() }, &[3]),
        (PageFilter { search: Some("%".to_owned()), ..PageFilter::default() }, &[3]),
        (PageFilter { search: Some("_".to_owned()), is_published: Some(true), ..PageFilter::default() }, &[]),
    ] {
        assert_eq!(ids(&list(store, LIVE, filter.clone(), None).await), numbers(found), "{filter:?}");
    }
    let ascending = PageOfPages { order: Order::Ascending, after: Some(page_id(2)), limit: 100 };
    let rest = store.list_bio_pages(LIVE, PageFilter::default(), ascending).await.expect("the store works");
    assert_eq!(ids(&rest), numbers(&[3, 4, 5, 6]));
    let page = store.bio_page_by_id(LIVE, page_id(3)).await.expect("the store works").expect("it is there");
    let summary = rest.rows.first().expect("a row");
    assert_eq!((&summary.title, &summary.description), (&page.content.title, &page.content.description));
}

/// What was told so far, the oldest first.
async fn published(store: &Store) -> Vec<String> {
    let filter = DeliveryFilter::default();
    let listed = store.list_deliveries(LIVE, crate::webhooks::webhook_id(1), filter, None, 100).await;
    let mut told: Vec<_> = listed
        .expect("the store works")
        .expect("a webhook")
        .rows
        .into_iter()
        .map(|row| row.event.to_string())
        .collect();
    told.reverse();
    told
}

async fn publishing_is_told_once_each_time(backend: &Backend) {
    let store = &telling(backend);
    subscribe(store, LIVE, 1, subscription(&[EventKind::PagePublished])).await;
    let links_only = mask_core::webhook::Content {
        filter: Filter { links: vec![crate::sample::link_id(1)], ..Filter::default() },
        ..subscription(&[EventKind::PagePublished])
    };
    subscribe(store, LIVE, 2, links_only).await;
    let id = make_page(store, LIVE, new_page(1, "ada-page")).await.id;
    assert_eq!(published(store).await.len(), 0, "a draft is no news");
    let publish = |is_published| move |change: &mut PageChange| change.is_published = is_published;
    let (page, _) = update(store, LIVE, id, 5, publish(true)).await.expect("it is there");
    assert_eq!(page.published_at, Some(at(5)));
    update(store, LIVE, id, 6, publish(true)).await.expect("it is there");
    let (page, _) =
        update(store, LIVE, id, 6, |change| "New".clone_into(&mut change.content.title)).await.expect("there");
    assert_eq!(page.published_at, Some(at(5)), "it is still the same publication");
    assert_eq!(published(store).await.len(), 1);
    let (page, _) = update(store, LIVE, id, 7, publish(false)).await.expect("it is there");
    assert_eq!(page.published_at, None);
    update(store, LIVE, id, 8, publish(true)).await.expect("it is there");
    make_page(store, LIVE, NewBioPage { is_published: true, ..new_page(9, "at-once") }).await;
    make_page(store, TEST, NewBioPage { is_published: true, ..new_page(10, "of-tests") }).await;
    let told = published(store).await;
    assert_eq!(told.len(), 3);
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "each of them is an event of its own");
    let other = store.list_deliveries(LIVE, crate::webhooks::webhook_id(2), DeliveryFilter::default(), None, 100).await;
    assert_eq!(other.expect("the store works").expect("a webhook").rows.len(), 0, "a page is no link");
}

async fn what_was_answered_is_kept_with_the_work(backend: &Backend) {
    let store = &backend.store;
    let reply = |placed: &PlacedPage| Kept { status: u16::from(placed.is_ok()) + 200, body: b"made".to_vec() };
    let create = async |n, request| {
        let keep = Some(keep("key", request, reply));
        store.create_bio_page(LIVE, new_page(n, &format!("page-{n}")), keep).await.expect("the store works")
    };
    assert!(matches!(create(1, 1).await, Once::Done(Ok(_))));
    assert_eq!(create(2, 1).await, Once::Replayed(Kept { status: 201, body: b"made".to_vec() }));
    assert_eq!(create(3, 2).await, Once::KeyReused);
    assert_eq!(list(store, LIVE, PageFilter::default(), None).await.rows.len(), 1);
    let add = async |n, request| {
        let reply =
            |changed: &Result<_, Unpaged<()>>| Kept { status: 201 + u16::from(changed.is_err()), body: vec![1] };
        let edit = move |page: &BioPage| {
            let mut change = as_it_is(page);
            change.content.blocks.push(header(n));
            Ok(change)
        };
        let keep = Some(keep("block", request, reply));
        let done = store.update_bio_page(LIVE, page_id(1), Expected::AnyVersion, at(5), keep, edit).await;
        done.expect("the store works")
    };
    assert!(matches!(add(1, 1).await, Once::Done(Ok(_))));
    assert_eq!(add(2, 1).await, Once::Replayed(Kept { status: 201, body: vec![1] }));
    let page = store.bio_page_by_id(LIVE, page_id(1)).await.expect("the store works").expect("it is there");
    assert_eq!(page.content.blocks, [header(1)]);
}
