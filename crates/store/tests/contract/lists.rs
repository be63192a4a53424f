//! Lists of links: any filter, sort and page is what a model in memory says it is.

use mask_core::{
    change::Change,
    cursor::Cursor,
    id::{self, LinkId},
    link::{Link, Tag},
    time::Time,
};
use mask_store::{Expected, Filter, NewLink, Once, Order, Page, Slugs, Sort, Store};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, OTHER, TEST, at, batch, fact, link_id, make, new_link, new_link_with, slug, tags, url},
};

on_every_backend!(a_few_hundred_links, some_thousand_links, the_case_of_any_script, pages_hold_still, limits_and_ends);

const SORTS: [Sort; 3] = [Sort::CreatedAt, Sort::Clicks, Sort::UpdatedAt];
const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];
const DOMAINS: [&str; 3] = ["go.example", "a.example", "zz.example"];

/// Texts with everything that some layer below might take for its own.
const WORDS: &[&str] = &[
    "100% off",
    "a_b",
    "C:\\temp\\%",
    "say \"hi\"",
    "it's",
    "ÄRGER",
    "straße",
    "ΟΔΟΣ",
    "ὁδός",
    "日本語の本",
    "İstanbul",
    "naïve",
    "e\u{301}tude",
    "--",
    "%%%",
    "___",
    "\\\\\\",
    "* OR *",
    "NEAR(a b)",
    "🎉🎊🎈",
    "a-b:c",
    "^start",
    "{x}",
    "ﬁnd",
    "Ǆ",
    "$1 ?1 :a",
    "spring sale",
    "Sale",
];

/// Lower case, letter by letter.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// What is searched in a link.
fn texts(link: &Link) -> Vec<String> {
    let content = &link.content;
    let parts = [link.slug.as_str(), content.url.as_str()]
        .into_iter()
        .chain(content.title.as_deref())
        .chain(content.external_id.as_deref());
    parts.chain(content.tags.iter().map(Tag::as_str)).map(ToOwned::to_owned).collect()
}

fn meets(link: &Link, filter: &Filter) -> bool {
    let finds = |search: &String| {
        let search = fold(search);
        if search.chars().count() < 3 {
            link.slug.key().starts_with(&search)
        } else {
            texts(link).iter().any(|text| fold(text).contains(&search))
        }
    };
    link.content.is_archived == filter.is_archived
        && filter.search.as_ref().is_none_or(finds)
        && filter.tag.as_ref().is_none_or(|tag| link.content.tags.iter().any(|has| has.as_str() == tag))
        && filter.domain.as_ref().is_none_or(|domain| link.domain == *domain)
        && filter.created_after.is_none_or(|time| link.created_at >= time)
        && filter.created_before.is_none_or(|time| link.created_at < time)
        && filter.external_id.as_ref().is_none_or(|id| link.content.external_id.as_ref() == Some(id))
}

/// Puts links into the order that the list must have.
fn sorted<'a>(met: &[&'a Link], sort: Sort, order: Order) -> Vec<&'a Link> {
    let mut met = met.to_vec();
    met.sort_by_key(|link| match sort {
        Sort::CreatedAt => (0, link.id),
        Sort::Clicks => (link.clicks, link.id),
        Sort::UpdatedAt => (link.updated_at.unix_millis(), link.id),
    });
    if order == Order::Descending {
        met.reverse();
    }
    met
}

/// The whole list, page by page. Each cursor goes through its text, as it does on its way to a client and back.
async fn all_pages(store: &Store, filter: &Filter, sort: Sort, order: Order, limit: usize) -> Vec<Link> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page =
            store.list_links(LIVE, filter.clone(), Page { sort, order, after, limit }).await.expect("the store works");
        assert!(page.rows.len() == limit || page.next.is_none(), "only the last page is short");
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        after = Some(Cursor::decode(&next.encode()).expect("our own cursor"));
    }
}

fn random_link(chance: &mut Chance, n: u32) -> NewLink {
    // Times are close together, so that many links are made within one millisecond and many are not.
    let now = Time::from_unix_millis(at(0).unix_millis() + i64::from(n / 3));
    let letters = ["a", "B", "c", "_", "-"];
    let text: String = (0..4).map(|_| *chance.of(&letters)).chain(std::iter::once(format!("{n:x}").as_str())).collect();
    let mut new = new_link_with(n, "unused", |content| {
        content.url = url(&format!(
            "https://{}.example.com/{}?q=%41_{}",
            chance.of(&["www", "shop", "日本"]),
            chance.of(&["a", "Path", "straße"]),
            n % 50
        ));
        content.title = (!chance.once_in(3)).then(|| format!("{} {}", chance.of(WORDS), chance.of(WORDS)));
        content.external_id = chance.once_in(4).then(|| format!("crm_{n}%"));
        content.is_archived = chance.once_in(5);
        let mut names: Vec<&str> = Vec::new();
        for _ in 0..chance.below(4) {
            let name = *chance.of(&["news", "News", "50%", "日本", "spring sale", "x_y"]);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        content.tags = tags(&names);
    });
    new.id = LinkId::from_bits(id::at(now, (u128::from(chance.number()) << 8) | u128::from(n)));
    (new.domain, new.slugs, new.now) = ((*chance.of(&DOMAINS)).to_owned(), Slugs::Wanted(slug(&text)), now);
    new
}

/// Fills the store with links, some of them changed and clicked, and answers them as they are.
async fn fill(store: &Store, chance: &mut Chance, count: u32) -> Vec<Link> {
    let mut links = Vec::new();
    for first in (0..count).step_by(100) {
        let new = (first..count.min(first + 100)).map(|n| random_link(chance, n)).collect();
        let Once::Done(placed) = store.create_links(LIVE, new, None).await.expect("the store works") else {
            panic!("nothing was kept")
        };
        links.extend(placed.into_iter().map(|placed| placed.expect("every slug has its number")));
    }
    let mut facts = Vec::new();
    for link in &mut links {
        link.clicks = i64::try_from(chance.below(6).saturating_sub(2)).expect("a few");
        facts.extend((0..link.clicks).map(|_| fact(LIVE, link.id, true)));
    }
    assert!(store.count_clicks(batch("a", None, 1, facts), None).await.expect("the store works"));
    for link in &mut links {
        if !chance.once_in(4) {
            continue;
        }
        let retitled = Change {
            title: Some(Some((*chance.of(WORDS)).to_owned())),
            tags: (!chance.once_in(3)).then(|| tags(&["news", "changed"])),
            domain: chance.once_in(3).then(|| (*chance.of(&DOMAINS)).to_owned()),
            is_archived: chance.once_in(3).then(|| chance.once_in(2)),
            ..Change::default()
        };
        let now = at(100 + i64::try_from(chance.below(20)).expect("a few"));
        *link = store
            .update_link(LIVE, link.id, Expected::AnyVersion, retitled, now)
            .await
            .expect("the store works")
            .expect("it is there")
            .0;
    }
    // What others have is never in the way.
    make(store, TEST, new_link_with(90_000, "of-test", |content| content.tags = tags(&["news"]))).await;
    make(store, OTHER, new_link_with(90_001, "of-other", |content| content.title = Some("spring sale".to_owned())))
        .await;
    links
}

/// A part of a text that is there, or of one that is not.
fn random_search(chance: &mut Chance, links: &[Link]) -> String {
    let text = if chance.once_in(4) {
        (*chance.of(WORDS)).to_owned()
    } else {
        let link = chance.of(links);
        chance.of(&texts(link)).clone()
    };
    let letters: Vec<char> = text.chars().collect();
    let from = chance.below(letters.len());
    let part: String = letters[from..].iter().take(1 + chance.below(7)).collect();
    match chance.below(4) {
        0 => part.to_uppercase(),
        1 => part.to_lowercase(),
        2 => chance
            .of(&[
                "%",
                "_",
                "\\",
                "\"",
                "'",
                "a",
                "AB",
                "",
                "  ",
                "%%%",
                "___",
                "\\%_",
                "\"\"\"",
                "'''",
                "ab*",
                "日本",
                "日本語",
            ])
            .to_string(),
        _ => part,
    }
}

fn random_filter(chance: &mut Chance, links: &[Link]) -> Filter {
    let some_time = |chance: &mut Chance| chance.of(links).created_at;
    Filter {
        search: chance.once_in(2).then(|| random_search(chance, links)),
        tag: chance.once_in(3).then(|| (*chance.of(&["news", "News", "50%", "日本", "changed", "none"])).to_owned()),
        domain: chance.once_in(3).then(|| (*chance.of(&["go.example", "a.example", "none.example"])).to_owned()),
        created_after: chance.once_in(4).then(|| some_time(chance)),
        created_before: chance.once_in(4).then(|| some_time(chance)),
        external_id: chance
            .once_in(10)
            .then(|| chance.of(links).content.external_id.clone().unwrap_or_else(|| "none".to_owned())),
        is_archived: chance.once_in(4),
    }
}

/// Each part alone, so that none is only ever seen in company.
fn single_filters(links: &[Link]) -> Vec<Filter> {
    let middle = links[links.len() / 2].created_at;
    let with_id = links.iter().find(|link| link.content.external_id.is_some()).expect("one has an external id");
    let none = Filter::default;
    let mut all = vec![
        none(),
        Filter { is_archived: true, ..none() },
        Filter { tag: Some("news".to_owned()), ..none() },
        Filter { domain: Some("a.example".to_owned()), ..none() },
        Filter { created_after: Some(middle), ..none() },
        Filter { created_before: Some(middle), ..none() },
        Filter {
            created_after: Some(at(-5)),
            created_before: Some(Time::from_unix_millis(253_402_300_799_000)),
            ..none()
        },
        Filter { external_id: with_id.content.external_id.clone(), is_archived: with_id.content.is_archived, ..none() },
    ];
    for search in [
        "a",
        "ab",
        "_",
        "%",
        "日本",
        "example",
        "EXAMPLE.COM/Stra",
        "100% OFF",
        "C:\\temp\\%",
        "\"hi\"",
        "it's",
        "ärger",
        "STRASSE",
        "ΟΔΟΣ",
        "日本語",
        "* or *",
        "near(",
        "🎉🎊🎈",
    ] {
        all.push(Filter { search: Some(search.to_owned()), ..none() });
    }
    all
}

/// Compares every list with this filter with the model's; pages grow with the lists, so that none takes hundreds.
async fn check(store: &Store, links: &[Link], filter: &Filter, limit: usize) {
    let met: Vec<_> = links.iter().filter(|link| meets(link, filter)).collect();
    let limit = limit.max(met.len() / 6);
    for sort in SORTS {
        for order in ORDERS {
            let found = all_pages(store, filter, sort, order, limit).await;
            let wanted = sorted(&met, sort, order);
            let ids = |links: &[&Link]| links.iter().map(|link| link.id).collect::<Vec<_>>();
            let case = format!("{filter:?} {sort:?} {order:?} {limit} a page");
            assert_eq!(ids(&found.iter().collect::<Vec<_>>()), ids(&wanted), "{case}");
            assert!(found.iter().eq(wanted), "{case}");
        }
    }
}

async fn a_few_hundred_links(backend: &Backend) {
    let mut chance = Chance(1);
    let links = fill(&backend.store, &mut chance, 300).await;
    for filter in single_filters(&links) {
        check(&backend.store, &links, &filter, 40).await;
    }
    for _ in 0..150 {
        let filter = random_filter(&mut chance, &links);
        check(&backend.store, &links, &filter, *chance.of(&[1, 7, 25, 1000])).await;
    }
}

// So many that SQLite walks along the index of the sort rather than sorting what a filter finds.
async fn some_thousand_links(backend: &Backend) {
    let mut chance = Chance(2);
    let links = fill(&backend.store, &mut chance, 3600).await;
    let none = Filter::default;
    let mut filters = vec![
        none(),
        Filter { search: Some("example.com".to_owned()), ..none() },
        Filter { search: Some("EXAMPLE".to_owned()), created_after: Some(at(0)), is_archived: true, ..none() },
        Filter { created_after: Some(at(0)), ..none() },
        Filter { created_before: Some(at(9000)), domain: Some("a.example".to_owned()), ..none() },
        Filter { search: Some("a".to_owned()), ..none() },
    ];
    filters.extend((0..6).map(|_| random_filter(&mut chance, &links)));
    for filter in &filters {
        check(&backend.store, &links, filter, 100).await;
    }
}

async fn the_case_of_any_script(backend: &Backend) {
    let store = &backend.store;
    let titles = ["Ärger", "ΟΔΟΣΑ", "οδος", "İstanbul", "ПРИВЕТ", "ǅungla", "Straße"];
    for (n, title) in (1..).zip(titles) {
        make(store, LIVE, new_link_with(n, &format!("slug{n}"), |content| content.title = Some(title.to_owned())))
            .await;
    }
    for (search, wanted) in [
        ("ÄRGER", vec![1]),
        ("ärger", vec![1]),
        ("ΟΔΟΣ", vec![2, 3]),
        ("οδος", vec![2, 3]),
        ("οδοσ", vec![2, 3]),
        ("İstan", vec![4]),
        ("i\u{307}stan", vec![4]),
        ("привет", vec![5]),
        ("ПРИ", vec![5]),
        ("ǄUNG", vec![6]),
        ("ǆung", vec![6]),
        ("STRAßE", vec![7]),
        ("rge", vec![1]),
    ] {
        let filter = Filter { search: Some(search.to_owned()), ..Filter::default() };
        let found = all_pages(store, &filter, Sort::CreatedAt, Order::Ascending, 10).await;
        assert_eq!(
            found.iter().map(|link| link.id).collect::<Vec<_>>(),
            wanted.into_iter().map(link_id).collect::<Vec<_>>(),
            "{search}"
        );
    }
}

// Rows that are there throughout come exactly once, whatever is made, deleted and clicked between the pages.
async fn pages_hold_still(backend: &Backend) {
    let store = &backend.store;
    let mut chance = Chance(3);
    let (mut n, mut counted) = (0, None);
    for sort in SORTS {
        for order in ORDERS {
            let mut passing = Vec::new();
            let mut staying = Vec::new();
            for _ in 0..60 {
                n += 1;
                let id = make(store, LIVE, new_link(n, &format!("slug{n}"))).await.id;
                if n % 3 == 0 { passing.push(id) } else { staying.push(id) }
            }
            let mut seen: Vec<LinkId> = Vec::new();
            let mut after = None;
            loop {
                let page = store
                    .list_links(LIVE, Filter::default(), Page { sort, order, after, limit: 7 })
                    .await
                    .expect("the store works");
                seen.extend(page.rows.iter().map(|link| link.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
                n += 1;
                passing.push(make(store, LIVE, new_link(n, &format!("slug{n}"))).await.id);
                let next = counted.map_or(1, |byte| byte + 1);
                assert!(
                    store
                        .count_clicks(batch("a", counted, next, vec![fact(LIVE, *chance.of(&passing), true)]), None)
                        .await
                        .expect("the store works")
                );
                counted = Some(next);
                // One that was on the last page, so that the cursor's own row may be the one that goes.
                let gone = passing
                    .iter()
                    .position(|id| seen.last() == Some(id))
                    .unwrap_or_else(|| chance.below(passing.len()));
                let gone = passing.swap_remove(gone);
                store
                    .delete_link(LIVE, gone, Expected::AnyVersion, false, at(9))
                    .await
                    .expect("the store works")
                    .expect("it was there");
            }
            for id in staying {
                assert_eq!(seen.iter().filter(|seen| **seen == id).count(), 1, "{sort:?} {order:?} {id}");
            }
        }
    }
}

async fn limits_and_ends(backend: &Backend) {
    let store = &backend.store;
    let page = |limit, after| Page { sort: Sort::CreatedAt, order: Order::Ascending, after, limit };
    let empty = store.list_links(LIVE, Filter::default(), page(10, None)).await.expect("the store works");
    assert_eq!((empty.rows, empty.next), (Vec::new(), None));
    for n in 1..=10 {
        make(store, LIVE, new_link(n, &format!("slug{n}"))).await;
    }
    let full = store.list_links(LIVE, Filter::default(), page(10, None)).await.expect("the store works");
    assert_eq!((full.rows.len(), full.next), (10, None), "a page that is just full is the last");
    let part = store.list_links(LIVE, Filter::default(), page(9, None)).await.expect("the store works");
    assert_eq!(part.next, Some(Cursor { id: link_id(9).to_string(), sort: None }));
    let beyond = Cursor { id: link_id(99).to_string(), sort: None };
    assert_eq!(
        store.list_links(LIVE, Filter::default(), page(9, Some(beyond))).await.expect("the store works").rows,
        []
    );
}
