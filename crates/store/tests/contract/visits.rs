//! Visits that are no plain clicks: views of pages, clicks on their blocks, scans of one code among several. Each kind has
//! numbers of its own, and none is ever counted as another.

use std::collections::HashMap;

use mask_core::{
    event::{EventKind, EventKinds},
    id::{self, BlockId, LinkId, PageId, QrId},
    qr::{Aim, Look},
    question::{Answer, Bots, Condition, Count, Dimension, Group, Question, Rows, Subject, Window},
    token::Token,
    visit::Target,
    webhook::Filter,
    workspace::Owner,
};
use mask_store::{Expected, Fact, FeedFilter, NewQrCode, Once, Store, Visit};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{DOMAIN, LIVE, OTHER, TEST, all_visits, at, batch, fact, link_id, make, new_link, tags},
    subscribers::{page, page_id},
    webhooks::{content, subscribe, telling, told},
};

on_every_backend!(
    each_kind_by_itself,
    visitors_of_each_kind,
    pages_by_their_hosts,
    scans_by_their_codes,
    counters_of_pages_and_codes,
    a_code_of_another_counts_nothing,
    told_one_by_one,
    followed_as_they_happen,
    told_to_those_who_want_to_know,
    forgotten_like_clicks,
);

const DAY: i64 = 86_400;

fn block_id(n: u32) -> BlockId {
    BlockId::from_bits(id::at(at(i64::from(n)), u128::from(n)))
}

pub(crate) fn qr_id(n: u32) -> QrId {
    QrId::from_bits(id::at(at(i64::from(n)), u128::from(n)))
}

pub(crate) fn token(n: u32) -> Token {
    Token::of(u64::from(n) + 1_000_000)
}

/// The n-th code, of a link that is there.
pub(crate) async fn code(store: &Store, owner: Owner, link: LinkId, n: u32) -> QrId {
    code_to(store, owner, Aim::Link(link), n).await
}

async fn code_to(store: &Store, owner: Owner, aim: Aim, n: u32) -> QrId {
    let tokens = vec![token(n)];
    let new = NewQrCode { id: qr_id(n), aim, tokens, look: Look::default(), now: at(i64::from(n)) };
    match store.create_qr_code(owner, new, None).await.expect("the store works") {
        Once::Done(Ok(made)) => made.code.id,
        other => panic!("no code: {other:?}"),
    }
}

fn click(link: LinkId, seconds: i64) -> Fact {
    Fact { at: at(seconds), ..fact(LIVE, link, true) }
}

fn scan(link: LinkId, seconds: i64, n: u32) -> Fact {
    Fact { source: "qr", code: Some(token(n)), ..click(link, seconds) }
}

fn view(page: PageId, seconds: i64) -> Fact {
    Fact { target: Target::Page(page), ..click(link_id(0), seconds) }
}

fn block_click(page: PageId, block: u32, seconds: i64) -> Fact {
    Fact { target: Target::Block(page, block_id(block)), ..view(page, seconds) }
}

fn by_program(fact: Fact) -> Fact {
    Fact { is_counted: false, class: "crawler", ..fact }
}

async fn record(store: &Store, facts: Vec<Fact>) {
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
}

async fn count(store: &Store, facts: Vec<Fact>) {
    assert!(store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"));
}

const ALWAYS: Window = Window { from: at(-DAY), to: at(DAY * 9) };

fn total_of(subject: Subject) -> Question {
    by(subject, Dimension::Country)
}

fn by(subject: Subject, dimension: Dimension) -> Question {
    Question {
        subject,
        window: ALWAYS,
        of: None,
        conditions: Vec::new(),
        bots: Bots::Without,
        group: Group::Values(dimension, 10),
    }
}

fn only(dimension: Dimension, value: &str, question: Question) -> Question {
    Question { conditions: vec![Condition { dimension, value: value.to_owned() }], ..question }
}

async fn ask(store: &Store, owner: Owner, question: Question) -> Answer {
    store.answer(owner, question).await.expect("the store works")
}

async fn sum(store: &Store, question: Question) -> u64 {
    ask(store, LIVE, question).await.total.clicks
}

async fn values(store: &Store, question: Question) -> Vec<(String, u64)> {
    let Rows::Values(values) = ask(store, LIVE, question).await.rows else { panic!("values were asked for") };
    values.into_iter().map(|(value, count)| (value, count.clicks)).collect()
}

fn pairs<T: ToString>(pairs: impl IntoIterator<Item = (T, u64)>) -> Vec<(String, u64)> {
    pairs.into_iter().map(|(value, count)| (value.to_string(), count)).collect()
}

async fn tidied(store: &Store) {
    while store.tidy_clicks().await.expect("the store works") {}
}

async fn each_kind_by_itself(backend: &Backend) {
    let store = &backend.store;
    let (link, one, two) = (link_id(1), page_id(1), page_id(2));
    let mut facts = vec![click(link, 1), click(link, 2), scan(link, 3, 1), by_program(click(link, 4))];
    facts.extend([view(one, 5), view(one, 6), view(two, 7), by_program(view(one, 8))]);
    facts.extend([block_click(one, 1, 9), block_click(one, 1, 10), block_click(one, 2, 11)]);
    facts.extend([
        block_click(two, 3, 12),
        by_program(block_click(one, 2, 13)),
        Fact { owner: OTHER, ..view(page_id(3), 14) },
    ]);
    // By itself in a chunk of its own, and with its neighbours.
    record(store, facts).await;
    for is_tidied in [false, true] {
        if is_tidied {
            // More than are left lying as they came.
            for number in 1..=70 {
                let others = vec![Fact { owner: TEST, ..click(link_id(4), 1) }];
                let next = batch("a", Some(number * 10), number * 10 + 10, others);
                assert!(store.record_clicks(next).await.expect("the store works").is_some());
            }
            assert!(store.tidy_clicks().await.expect("the store works"), "there is something to do");
            tidied(store).await;
        }
        for (subject, counts) in [
            (Subject::Clicks, [3, 4, 1]),
            (Subject::Scans, [1, 1, 0]),
            (Subject::Views, [3, 4, 1]),
            (Subject::BlockClicks, [4, 5, 1]),
        ] {
            for (bots, count) in [Bots::Without, Bots::With, Bots::Only].into_iter().zip(counts) {
                assert_eq!(sum(store, Question { bots, ..total_of(subject) }).await, count, "{subject:?} {bots:?}");
            }
        }
        let asked = |subject, of| sum(store, Question { of: Some(of), ..total_of(subject) });
        let of_block = Target::Block(one, block_id(1));
        for (subject, counts) in
            [(Subject::Clicks, [3, 0, 0, 0]), (Subject::Views, [0, 2, 1, 0]), (Subject::BlockClicks, [0, 3, 1, 2])]
        {
            let targets = [Target::Link(link), Target::Page(one), Target::Page(two), of_block];
            for (of, count) in targets.into_iter().zip(counts) {
                assert_eq!(asked(subject, of).await, count, "{subject:?} {of:?}");
            }
        }
        assert_eq!(values(store, by(Subject::Views, Dimension::Page)).await, pairs([(one, 2), (two, 1)]));
        let blocks = pairs([(block_id(1), 2), (block_id(2), 1), (block_id(3), 1)]);
        assert_eq!(values(store, by(Subject::BlockClicks, Dimension::Block)).await, blocks);
        assert_eq!(values(store, by(Subject::Clicks, Dimension::Link)).await, pairs([(link, 3)]));
        for (subject, dimension, value, count) in [
            (Subject::Views, Dimension::Page, one.to_string(), 2),
            (Subject::Views, Dimension::Page, "nonsense".to_owned(), 0),
            (Subject::Views, Dimension::Page, page_id(3).to_string(), 0),
            (Subject::Views, Dimension::Link, link.to_string(), 0),
            (Subject::Clicks, Dimension::Page, one.to_string(), 0),
            (Subject::BlockClicks, Dimension::Page, one.to_string(), 3),
            (Subject::BlockClicks, Dimension::Block, block_id(3).to_string(), 1),
            (Subject::Views, Dimension::Country, "unknown".to_owned(), 3),
        ] {
            assert_eq!(sum(store, only(dimension, &value, total_of(subject))).await, count, "{subject:?} {value}");
        }
        let hours = Group::Buckets(vec![at(0), at(6), at(7)]);
        let found = ask(store, LIVE, Question { group: hours, ..total_of(Subject::Views) }).await;
        let Rows::Counts(counts) = found.rows else { panic!("counts were asked for") };
        assert_eq!(counts.iter().map(|count| count.clicks).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(store.recorded_classes(LIVE, link).await.expect("the store works")["person"], 3);
    }
}

async fn visitors_of_each_kind(backend: &Backend) {
    let store = &backend.store;
    let (one, two) = (page_id(1), page_id(2));
    // One visitor, who does everything twice.
    let facts = vec![
        click(link_id(1), 1),
        view(one, 2),
        block_click(one, 1, 3),
        click(link_id(1), 4),
        view(one, 5),
        view(two, 6),
        block_click(one, 2, 7),
    ];
    let marks = store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").expect("it is taken");
    let firsts: Vec<_> = (0..7).map(|place| marks.is_first(place)).collect();
    assert_eq!(firsts, [true, true, true, false, false, false, false]);
    for (subject, of, expected) in [
        (Subject::Clicks, None, (2, 1)),
        (Subject::Views, None, (3, 1)),
        (Subject::BlockClicks, None, (2, 1)),
        (Subject::Views, Some(Target::Page(one)), (2, 1)),
        (Subject::Views, Some(Target::Page(two)), (1, 1)),
        (Subject::BlockClicks, Some(Target::Page(one)), (2, 1)),
    ] {
        let found = ask(store, LIVE, Question { of, ..total_of(subject) }).await.total;
        assert_eq!(found, Count { clicks: expected.0, visitors: expected.1 }, "{subject:?} {of:?}");
    }
    // They add up over pages.
    let pages = ask(store, LIVE, by(Subject::Views, Dimension::Page)).await;
    let Rows::Values(pages) = pages.rows else { panic!("values were asked for") };
    assert_eq!(pages.iter().map(|(_, count)| count.visitors).sum::<u64>(), 1);
}

async fn pages_by_their_hosts(backend: &Backend) {
    let store = &backend.store;
    let (here, gone, foreign) = (page(store, LIVE, 1).await, page(store, LIVE, 2).await, page(store, OTHER, 3).await);
    let facts = vec![
        view(here, 1),
        view(here, 2),
        view(gone, 3),
        block_click(here, 1, 4),
        click(link_id(1), 5),
        Fact { owner: OTHER, ..view(foreign, 6) },
    ];
    record(store, facts).await;
    store
        .delete_bio_page(LIVE, gone, Expected::AnyVersion, false, at(9))
        .await
        .expect("the store works")
        .expect("gone");
    let hosts = pairs([(DOMAIN, 2), ("unknown", 1)]);
    assert_eq!(values(store, by(Subject::Views, Dimension::Domain)).await, hosts, "what is gone keeps its numbers");
    assert_eq!(values(store, by(Subject::BlockClicks, Dimension::Domain)).await, pairs([(DOMAIN, 1)]));
    for (host, count) in [(DOMAIN, 2), ("unknown", 1), ("s.example", 0)] {
        assert_eq!(sum(store, only(Dimension::Domain, host, total_of(Subject::Views))).await, count, "{host}");
    }
    let of_one = Question { of: Some(Target::Page(here)), ..by(Subject::Views, Dimension::Domain) };
    assert_eq!(values(store, of_one).await, pairs([(DOMAIN, 2)]));
    let known = store.pages_known(LIVE, vec![here, gone, foreign]).await.expect("the store works");
    let known: Vec<_> = known.into_iter().map(|(id, page)| (id, page.domain, page.slug, page.title)).collect();
    assert_eq!(known, [(here, DOMAIN.to_owned(), "page-1".to_owned(), "Page 1".to_owned())]);
}

async fn scans_by_their_codes(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "first")).await.id;
    let theirs = make(store, OTHER, new_link(2, "second")).await.id;
    let (one, two, gone) =
        (code(store, LIVE, link, 1).await, code(store, LIVE, link, 2).await, code(store, LIVE, link, 3).await);
    let foreign = code(store, OTHER, theirs, 4).await;
    let mut facts = vec![scan(link, 1, 1), scan(link, 2, 2), scan(link, 3, 2), scan(link, 4, 3), scan(link, 5, 4)];
    facts.extend([Fact { code: None, ..scan(link, 6, 1) }, click(link, 7), by_program(scan(link, 8, 1))]);
    record(store, facts).await;
    let scans = || by(Subject::Scans, Dimension::Code);
    store
        .delete_qr_code(LIVE, gone, Expected::AnyVersion, at(900))
        .await
        .expect("the store works")
        .expect("it was there");
    let told = pairs([("unknown".to_owned(), 3), (two.to_string(), 2), (one.to_string(), 1)]);
    assert_eq!(values(store, scans()).await, told, "what is gone, somebody else's, and what had no token");
    let most = Question { group: Group::Values(Dimension::Code, 2), ..scans() };
    assert_eq!(values(store, most).await, told[..2]);
    for (code, count) in [(one, 1), (two, 2), (gone, 0), (foreign, 0), (qr_id(9), 0)] {
        assert_eq!(sum(store, only(Dimension::Code, &code.to_string(), total_of(Subject::Scans))).await, count);
    }
    let both = [one, two].map(|code| Condition { dimension: Dimension::Code, value: code.to_string() });
    assert_eq!(sum(store, Question { conditions: both.to_vec(), ..total_of(Subject::Scans) }).await, 0);
    // A page's code, scanned twice: views of the page, which has no links and no tags.
    let page = page(store, LIVE, 7).await;
    let of_page = code_to(store, LIVE, Aim::Page(page), 7).await;
    let viewed = |n| Fact { target: Target::Page(page), ..scan(link, n, 7) };
    let facts = vec![viewed(9), viewed(10), Fact { source: "link", code: None, ..viewed(11) }];
    assert!(store.record_clicks(batch("a", Some(10), 20, facts)).await.expect("the store works").is_some());
    assert_eq!(sum(store, only(Dimension::Code, &of_page.to_string(), total_of(Subject::Scans))).await, 2);
    assert_eq!(sum(store, total_of(Subject::Scans)).await, 8, "six of the link, two of the page");
    let by_link = pairs([(link.to_string(), 6), ("unknown".to_owned(), 2)]);
    assert_eq!(values(store, by(Subject::Scans, Dimension::Link)).await, by_link);
    assert_eq!(sum(store, only(Dimension::Link, &link.to_string(), total_of(Subject::Scans))).await, 6);
    assert_eq!(sum(store, only(Dimension::Tag, "none", total_of(Subject::Scans))).await, 8);
    let most = Question { group: Group::Values(Dimension::Code, 2), ..scans() };
    assert_eq!(values(store, most).await[0], ("unknown".to_owned(), 3));
    let of_programs = Question { bots: Bots::Only, ..scans() };
    assert_eq!(values(store, of_programs).await, pairs([(one, 1)]));
    let tokens = (0..300).map(token).collect();
    let known = store.codes_by_token(LIVE, tokens).await.expect("the store works");
    assert_eq!(known, HashMap::from([(token(1), one), (token(2), two), (token(7), of_page)]));
}

async fn views_and_scans(store: &Store, owner: Owner, page: PageId, code: QrId) -> (i64, i64) {
    let page = store.bio_page_by_id(owner, page).await.expect("the store works").expect("it is there");
    let code = store.qr_code_by_id(owner, code).await.expect("the store works").expect("it is there").code;
    assert_eq!((page.version, page.updated_at, code.version), (1, page.created_at, 1), "a visit is no change");
    (page.views, code.scans)
}

async fn counters_of_pages_and_codes(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "first")).await.id;
    let (seen, code) = (page(store, LIVE, 1).await, code(store, LIVE, link, 1).await);
    let of_page = code_to(store, LIVE, Aim::Page(seen), 2).await;
    let mut facts = vec![view(seen, 1), view(seen, 2), by_program(view(seen, 3)), block_click(seen, 1, 4)];
    facts.extend([scan(link, 5, 1), scan(link, 6, 1), scan(link, 7, 1), by_program(scan(link, 8, 1))]);
    facts.extend([view(page_id(9), 9), scan(link, 10, 9), Fact { code: Some(token(2)), ..view(seen, 11) }]);
    count(store, facts.clone()).await;
    assert_eq!(views_and_scans(store, LIVE, seen, code).await, (3, 3));
    assert_eq!(views_and_scans(store, LIVE, seen, of_page).await, (3, 1), "one of the views was a scan");
    let clicks = store.link_by_id(LIVE, link).await.expect("the store works").expect("it is there").clicks;
    assert_eq!(clicks, 4, "a scan is a click too, a view is none");
    assert!(!store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"));
    assert_eq!(views_and_scans(store, LIVE, seen, code).await, (3, 3), "once");
}

async fn a_code_of_another_counts_nothing(backend: &Backend) {
    let store = &backend.store;
    let (mine, theirs) =
        (make(store, LIVE, new_link(1, "mine")).await.id, make(store, OTHER, new_link(2, "theirs")).await.id);
    let (page, code) = (page(store, OTHER, 1).await, code(store, OTHER, theirs, 1).await);
    count(store, vec![scan(mine, 1, 1)]).await;
    assert_eq!(views_and_scans(store, OTHER, page, code).await, (0, 0));
    let clicks = store.link_by_id(LIVE, mine).await.expect("the store works").expect("it is there").clicks;
    assert_eq!(clicks, 1, "it is a visit all the same");
}

async fn told_one_by_one(backend: &Backend) {
    let store = &backend.store;
    let (link, page) = (link_id(1), page_id(1));
    record(
        store,
        vec![view(page, 1), click(link, 2), block_click(page, 7, 3), scan(link, 4, 1), by_program(view(page, 5))],
    )
    .await;
    let visits = async |subject, bots| all_visits(store, LIVE, subject, ALWAYS, bots).await;
    let seen = |visits: Vec<Visit>| visits.into_iter().map(|visit| (visit.target, visit.code)).collect::<Vec<_>>();
    let target = Target::Page(page);
    assert_eq!(seen(visits(Subject::Views, Bots::Without).await), [(target, None)]);
    assert_eq!(seen(visits(Subject::Views, Bots::With).await), [(target, None), (target, None)]);
    let block = Target::Block(page, block_id(7));
    assert_eq!(seen(visits(Subject::BlockClicks, Bots::With).await), [(block, None)]);
    let (click, scan) = ((Target::Link(link), None), (Target::Link(link), Some(token(1))));
    assert_eq!(seen(visits(Subject::Clicks, Bots::With).await), [click, scan]);
    assert_eq!(seen(visits(Subject::Scans, Bots::With).await), [scan]);
}

async fn followed_as_they_happen(backend: &Backend) {
    use EventKind::{LinkClicked, PageViewed, QrScanned};
    let store = &backend.store;
    let begin = store.feed_end(at(0)).await.expect("the store works");
    let (link, one, two) = (link_id(1), page_id(1), page_id(2));
    let mut facts = vec![view(one, 1), click(link, 2), block_click(one, 7, 3), scan(link, 4, 1), view(two, 5)];
    facts.extend([by_program(view(one, 6)), Fact { owner: OTHER, ..view(page_id(3), 7) }]);
    record(store, facts).await;
    let everything = FeedFilter { owner: LIVE, of: None, kinds: EventKinds::of(EventKind::ALL), bots: Bots::Without };
    let follow = async |filter| store.follow_feed(begin, filter).await.expect("the store works");
    let all = follow(everything).await;
    let told: Vec<_> = all.visits.iter().map(|found| (found.kind, found.visit.target, found.visit.code)).collect();
    assert_eq!(
        told,
        [
            (PageViewed, Target::Page(one), None),
            (LinkClicked, Target::Link(link), None),
            (QrScanned, Target::Link(link), Some(token(1))),
            (PageViewed, Target::Page(two), None),
        ],
        "of what a block leads to nobody is told"
    );
    assert_eq!(all.visits.iter().map(|found| found.visit.is_unique).collect::<Vec<_>>(), [true, true, false, false]);
    for (of, kinds, bots, count) in [
        (None, &[PageViewed][..], Bots::With, 3),
        (None, &[QrScanned], Bots::With, 1),
        (None, &[LinkClicked], Bots::With, 1),
        (Some(Target::Page(one)), EventKind::ALL, Bots::Without, 1),
        (Some(Target::Page(one)), &[LinkClicked, QrScanned], Bots::With, 0),
        (Some(Target::Link(link)), EventKind::ALL, Bots::With, 2),
        (Some(Target::Page(page_id(3))), EventKind::ALL, Bots::With, 0),
    ] {
        let found = follow(FeedFilter { of, kinds: EventKinds::of(kinds), bots, ..everything }).await;
        assert_eq!(found.visits.len(), count, "{of:?} {kinds:?} {bots:?}");
        assert_eq!(found.next, all.next, "what is not meant is passed over");
    }
}

async fn told_to_those_who_want_to_know(backend: &Backend) {
    let store = telling(backend);
    let link = make(&store, LIVE, new_link(1, "spring")).await.id;
    let (seen, code) = (page(&store, LIVE, 1).await, code(&store, LIVE, link, 1).await);
    let kinds = [EventKind::PageViewed, EventKind::LinkClicked, EventKind::QrScanned];
    let everything = subscribe(&store, LIVE, 1, content(&kinds)).await.id;
    let views = subscribe(&store, LIVE, 2, content(&[EventKind::PageViewed])).await.id;
    let with_programs = mask_core::webhook::Content { includes_bots: true, ..content(&[EventKind::PageViewed]) };
    let with_programs = subscribe(&store, LIVE, 3, with_programs).await.id;
    let filtered = |filter| mask_core::webhook::Content { filter, ..content(&kinds) };
    let here = Filter { domains: vec![DOMAIN.to_owned()], ..Filter::default() };
    let here = subscribe(&store, LIVE, 4, filtered(here)).await.id;
    let elsewhere = Filter { domains: vec!["s.example".to_owned()], ..Filter::default() };
    let elsewhere = subscribe(&store, LIVE, 5, filtered(elsewhere)).await.id;
    let tagged = Filter { tags: tags(&["spring"]), ..Filter::default() };
    let tagged = subscribe(&store, LIVE, 6, filtered(tagged)).await.id;
    let gone = page_id(9);
    let facts = vec![
        view(seen, 1),
        block_click(seen, 1, 2),
        scan(link, 3, 1),
        scan(link, 4, 2),
        by_program(view(seen, 5)),
        view(gone, 6),
    ];
    let visits = batch("node", None, 100, facts);
    let marks = store.record_clicks(std::sync::Arc::clone(&visits)).await.expect("the store works");
    assert!(store.count_clicks(visits, marks).await.expect("the store works"));
    let viewed = format!("page.viewed {seen} Some((\"page-1\", \"Page 1\")) Some(true)");
    let viewed_gone = format!("page.viewed {gone} None Some(false)");
    // Programs have firsts of their own.
    let viewed_by_program = viewed.clone();
    let scanned = format!("qr.scanned {link} Some(\"spring\") Some(true) {code}");
    let scanned_again = format!("qr.scanned {link} Some(\"spring\") Some(false)");
    let all = [viewed.clone(), scanned.clone(), scanned_again.clone(), viewed_gone.clone()];
    assert_eq!(told(&store, LIVE, everything).await, all, "of what a block leads to nobody is told");
    assert_eq!(told(&store, LIVE, views).await, [viewed.clone(), viewed_gone.clone()]);
    assert_eq!(told(&store, LIVE, with_programs).await, [viewed.clone(), viewed_by_program, viewed_gone]);
    assert_eq!(told(&store, LIVE, here).await, [viewed, scanned, scanned_again]);
    assert_eq!(told(&store, LIVE, elsewhere).await, Vec::<String>::new());
    assert_eq!(told(&store, LIVE, tagged).await, Vec::<String>::new(), "a page has no tags");
}

async fn forgotten_like_clicks(backend: &Backend) {
    let store = &backend.store;
    let page = page_id(1);
    let from = |fact: Fact| Fact { referrer_url: Some("https://example.com/page".to_owned()), ..fact };
    record(store, vec![from(view(page, 61)), from(block_click(page, 1, 62)), from(view(page, DAY))]).await;
    store.forget_visitors(Some(LIVE), at(DAY)).await.expect("the store works");
    tidied(store).await;
    let visits = async |subject| all_visits(store, LIVE, subject, ALWAYS, Bots::With).await;
    let views = visits(Subject::Views).await;
    assert_eq!((views[0].at, views[0].referrer_url.as_deref()), (at(0), None), "the quarter of an hour stays");
    assert!(views[1].referrer_url.is_some());
    let blocks = visits(Subject::BlockClicks).await;
    assert_eq!((blocks[0].at, blocks[0].target), (at(0), Target::Block(page, block_id(1))));
    assert_eq!(blocks[0].referrer_url, None);
    let total = ask(store, LIVE, total_of(Subject::Views)).await.total;
    assert_eq!(total, Count { clicks: 2, visitors: 2 }, "what was counted stays");
}
