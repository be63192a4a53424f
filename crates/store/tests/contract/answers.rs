//! Statistics: what is recorded can be asked about, in any order of things, and adds up.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use mask_core::{
    id::{BlockId, LinkId},
    question::{Answer, Bots, Condition, Count, Dimension, Group, Question, Rows, Subject, Window},
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::{Fact, Store, Visit};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, OTHER, TEST, all_visits, at, batch, fact, link_id, make, new_link, new_link_with, tags},
    subscribers::page_id,
    visits::{code, qr_id, token},
};

on_every_backend!(
    a_few_by_hand,
    properties_of_links,
    visitors_are_marked_once,
    a_batch_that_is_refused_marks_nobody,
    a_restart_remembers_the_day,
    any_question_of_many,
    order_changes_nothing,
    visitors_are_forgotten
);

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn question(from: i64, to: i64, group: Group) -> Question {
    Question {
        subject: Subject::Clicks,
        window: Window { from: at(from), to: at(to) },
        of: None,
        conditions: Vec::new(),
        bots: Bots::Without,
        group,
    }
}

pub(crate) fn total_of(from: i64, to: i64) -> Question {
    question(from, to, Group::Values(Dimension::Country, 1000))
}

pub(crate) fn values(answer: &Answer) -> Vec<(&str, u64, u64)> {
    let Rows::Values(values) = &answer.rows else { panic!("values were asked for") };
    values.iter().map(|(value, count)| (value.as_str(), count.clicks, count.visitors)).collect()
}

pub(crate) fn counts(answer: &Answer) -> Vec<u64> {
    let Rows::Counts(counts) = &answer.rows else { panic!("counts were asked for") };
    counts.iter().map(|count| count.clicks).collect()
}

pub(crate) async fn ask(store: &Store, owner: Owner, question: &Question) -> Answer {
    store.answer(owner, question.clone()).await.expect("the store works")
}

/// A click at a moment, from a country, by a visitor.
pub(crate) fn click(link: LinkId, seconds: i64, country: &str, visitor: i64) -> Fact {
    Fact {
        at: at(seconds),
        country: (!country.is_empty()).then(|| country.to_owned()),
        visitor,
        ..fact(LIVE, link, true)
    }
}

async fn a_few_by_hand(backend: &Backend) {
    let store = &backend.store;
    let (one, two) = (link_id(1), link_id(2));
    let crawler = Fact { is_counted: false, class: "crawler", ..click(one, 50, "US", 9) };
    let ended = Fact { is_counted: false, choice: "ended".to_owned(), class: "person", ..click(one, 60, "US", 8) };
    let scan = Fact { source: "qr", ..click(two, 3600, "DE", 1) };
    let of_another = Fact { owner: OTHER, ..click(link_id(3), 10, "FR", 1) };
    let of_a_test = Fact { owner: TEST, ..click(link_id(4), 10, "FR", 1) };
    let facts = vec![
        click(one, 10, "DE", 1),
        click(one, 20, "DE", 1),
        click(two, 30, "", 2),
        click(one, 40, "US", 2),
        crawler,
        ended,
        scan,
        of_another,
        of_a_test,
    ];
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
    let found = ask(store, LIVE, &total_of(0, DAY)).await;
    // The first of visitor 1 was in Germany, the first of visitor 2 nowhere.
    assert_eq!(values(&found), [("DE", 3, 1), ("US", 1, 0), ("unknown", 1, 1)]);
    assert_eq!(found.total, Count { clicks: 5, visitors: 2 });
    let of_one = Question { of: Some(Target::Link(one)), ..total_of(0, DAY) };
    let found = ask(store, LIVE, &of_one).await;
    assert_eq!(values(&found), [("DE", 2, 1), ("US", 1, 1)], "on this link visitor 2 was first in the US");
    let of_links = question(0, DAY, Group::Values(Dimension::Link, 1));
    let found = ask(store, LIVE, &of_links).await;
    assert_eq!(values(&found), [(one.to_string().as_str(), 3, 1)], "the one with most");
    assert_eq!(found.total.clicks, 5, "the total is of all");
    let hours = question(0, DAY, Group::Buckets(vec![at(0), at(3600), at(7200)]));
    assert_eq!(counts(&ask(store, LIVE, &hours).await), [4, 1, 0]);
    let late = question(0, DAY, Group::Buckets(vec![at(3600)]));
    let found = ask(store, LIVE, &late).await;
    assert_eq!((counts(&found), found.total.clicks), (vec![1], 5));
    // The tests' world began at 14:00 UTC, where it was 19:45 in Kathmandu.
    let in_kathmandu = question(0, DAY, Group::HourOfDay(vec![(at(0), 20_700)]));
    let found = counts(&ask(store, LIVE, &in_kathmandu).await);
    assert_eq!((found[19], found[20], found.iter().sum::<u64>()), (4, 1, 5));
    let scans = Question { subject: Subject::Scans, ..total_of(0, DAY) };
    assert_eq!(values(&ask(store, LIVE, &scans).await), [("DE", 1, 0)]);
    for (bots, expected) in [(Bots::With, 6), (Bots::Only, 1), (Bots::Without, 5)] {
        assert_eq!(ask(store, LIVE, &Question { bots, ..total_of(0, DAY) }).await.total.clicks, expected);
    }
    assert_eq!(ask(store, LIVE, &total_of(11, 31)).await.total.clicks, 2, "from a moment up to, but without, another");
    assert_eq!(values(&ask(store, OTHER, &total_of(0, DAY)).await), [("FR", 1, 1)]);
    assert_eq!(values(&ask(store, TEST, &total_of(0, DAY)).await), [("FR", 1, 1)]);
    let foreign = Question { of: Some(Target::Link(one)), ..total_of(0, DAY) };
    assert_eq!(ask(store, OTHER, &foreign).await.total, Count::default());
    let nowhere = condition(Dimension::Country, "unknown");
    assert_eq!(ask(store, LIVE, &Question { conditions: vec![nowhere], ..total_of(0, DAY) }).await.total.clicks, 1);
    let visits = all_visits(store, LIVE, Subject::Clicks, Window { from: at(0), to: at(DAY) }, Bots::With).await;
    assert_eq!(visits.len(), 6);
    assert!(visits.is_sorted_by_key(|visit| visit.at));
    assert_eq!(visits.iter().filter(|visit| visit.is_bot).count(), 1);
}

pub(crate) fn condition(dimension: Dimension, value: &str) -> Condition {
    Condition { dimension, value: value.to_owned() }
}

async fn properties_of_links(backend: &Backend) {
    let store = &backend.store;
    let tagged = make(store, LIVE, new_link_with(1, "first", |content| content.tags = tags(&["a", "b"]))).await.id;
    let campaign = |content: &mut mask_core::link::Content| content.utm.campaign = Some("spring".to_owned());
    let sent = make(store, LIVE, new_link_with(2, "second", campaign)).await.id;
    let foreign = make(store, OTHER, new_link(3, "third")).await.id;
    let gone = link_id(9);
    let mut facts = vec![click(tagged, 1, "DE", 1), click(tagged, 2, "DE", 2), click(sent, 3, "US", 3)];
    facts.push(click(gone, 4, "US", 4));
    facts.push(Fact { owner: OTHER, ..click(foreign, 5, "US", 4) });
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
    let by = |dimension| question(0, DAY, Group::Values(dimension, 10));
    assert_eq!(values(&ask(store, LIVE, &by(Dimension::Tag)).await), [("a", 2, 2), ("b", 2, 2), ("none", 2, 2)]);
    assert_eq!(values(&ask(store, LIVE, &by(Dimension::Campaign)).await), [("none", 3, 3), ("spring", 1, 1)]);
    assert_eq!(
        values(&ask(store, LIVE, &by(Dimension::Domain)).await),
        [("go.example", 3, 3), ("unknown", 1, 1)],
        "a link that is gone keeps its numbers"
    );
    for (dimension, value, expected) in [
        (Dimension::Tag, "a", 2),
        (Dimension::Tag, "A", 0),
        (Dimension::Tag, "none", 2),
        (Dimension::UtmCampaign, "spring", 1),
        (Dimension::Domain, "go.example", 3),
        (Dimension::Domain, "s.example", 0),
        (Dimension::Link, &sent.to_string(), 1),
        (Dimension::Link, "nonsense", 0),
    ] {
        let asked = Question { conditions: vec![condition(dimension, value)], ..total_of(0, DAY) };
        assert_eq!(ask(store, LIVE, &asked).await.total.clicks, expected, "{dimension:?} {value}");
    }
}

async fn visitors_are_marked_once(backend: &Backend) {
    let store = &backend.store;
    let (one, two) = (link_id(1), link_id(2));
    // Ten hours after the world began it is midnight in UTC.
    let midnight = 10 * 3600;
    let first = vec![click(one, 10, "DE", 1), click(two, 20, "DE", 1)];
    let second = vec![click(one, 30, "DE", 1), click(one, midnight + 10, "DE", 1), click(two, midnight - 10, "DE", 2)];
    assert!(store.record_clicks(batch("a", None, 10, first)).await.expect("the store works").is_some());
    assert!(store.record_clicks(batch("a", Some(10), 20, second)).await.expect("the store works").is_some());
    let visitors = async |link: Option<LinkId>, from, to| {
        let of = link.map(Target::Link);
        ask(store, LIVE, &Question { of, ..total_of(from, to) }).await.total.visitors
    };
    assert_eq!(visitors(None, 0, DAY).await, 3);
    assert_eq!(visitors(None, 0, midnight).await, 2);
    assert_eq!(visitors(None, midnight, DAY).await, 1, "the next day everybody is new");
    assert_eq!(visitors(Some(one), 0, DAY).await, 2);
    assert_eq!(visitors(Some(two), 0, DAY).await, 2);
}

async fn a_batch_that_is_refused_marks_nobody(backend: &Backend) {
    let store = &backend.store;
    let facts = || vec![click(link_id(1), 10, "DE", 1)];
    assert!(store.record_clicks(batch("a", Some(5), 10, facts())).await.expect("the store works").is_none());
    assert!(store.record_clicks(batch("a", None, 10, facts())).await.expect("the store works").is_some());
    assert_eq!(ask(store, LIVE, &total_of(0, DAY)).await.total, Count { clicks: 1, visitors: 1 });
    backend.place.clicks_sql("ALTER TABLE click_batches RENAME TO hidden");
    assert!(store.record_clicks(batch("a", Some(10), 20, vec![click(link_id(1), 20, "DE", 2)])).await.is_err());
    backend.place.clicks_sql("ALTER TABLE hidden RENAME TO click_batches");
    assert!(
        store
            .record_clicks(batch("a", Some(10), 20, vec![click(link_id(1), 20, "DE", 2)]))
            .await
            .expect("it works")
            .is_some()
    );
    assert_eq!(ask(store, LIVE, &total_of(0, DAY)).await.total, Count { clicks: 2, visitors: 2 });
}

async fn a_restart_remembers_the_day(backend: &Backend) {
    let record = async |store: &Store, from, to, visitor| {
        let facts = vec![click(link_id(1), 10, "DE", visitor)];
        assert!(store.record_clicks(batch("a", from, to, facts)).await.expect("the store works").is_some());
    };
    record(&backend.store, None, 10, 1).await;
    while backend.store.tidy_clicks().await.expect("the store works") {}
    let again = backend.place.open().expect("it opens again");
    record(&again, Some(10), 20, 1).await;
    record(&again, Some(20), 30, 2).await;
    assert_eq!(ask(&again, LIVE, &total_of(0, DAY)).await.total, Count { clicks: 3, visitors: 2 });
}

const COUNTRIES: [&str; 5] = ["DE", "US", "PK", "JP", ""];

pub(crate) fn random_fact(chance: &mut Chance, links: &[LinkId]) -> Fact {
    let is_counted = !chance.once_in(4);
    let class = if is_counted { "person" } else { *chance.of(&["crawler", "tool", "preview", "person"]) };
    let maybe = |chance: &mut Chance, all: &[&str]| Some((*chance.of(all)).to_owned()).filter(|text| !text.is_empty());
    // A few links have most of the clicks.
    let link = links[chance.below(links.len()).min(chance.below(links.len())).min(chance.below(links.len()))];
    let page = page_id(u32::try_from(chance.below(12)).expect("small"));
    let target = match chance.below(10) {
        0 | 1 => Target::Page(page),
        2 => Target::Block(page, BlockId::from_bits(page.bits() + 1 + u128::from(chance.number() % 3))),
        _ => Target::Link(link),
    };
    let source = *chance.of(&["link", "link", "qr", "bio"]);
    // Of four codes three are there.
    let code =
        (source == "qr" && !chance.once_in(4)).then(|| token(1 + u32::try_from(chance.below(4)).expect("small")));
    Fact {
        at: Time::from_unix_millis(at(0).unix_millis() + i64::try_from(chance.below(20 * 86_400_000)).expect("small")),
        request: None,
        owner: owner_of(target),
        target,
        code: code.filter(|_| target.block().is_none()),
        is_counted,
        class,
        reason: "",
        choice: (*chance.of(&["url", "ios", "variant:0", "variant:1"])).to_owned(),
        device: chance.of::<&str>(&["mobile", "desktop", "tablet"]),
        os: chance.of::<&str>(&["iOS", "Windows"]),
        browser: chance.of::<&str>(&["Safari", "Chrome", "Firefox"]),
        language: maybe(chance, &["de-AT", "en", ""]),
        referrer: maybe(chance, &["x.com", "example.com", "", ""]),
        referrer_url: Some(format!("https://example.com/{}", chance.below(3000))),
        source,
        country: maybe(chance, &COUNTRIES),
        region: None,
        city: maybe(chance, &["Berlin", "Lahore", ""]),
        visitor: i64::try_from(chance.below(400)).expect("small"),
    }
}

/// Whose a link or a page of those facts is.
pub(crate) const fn owner_of(target: Target) -> Owner {
    if target.bits().is_multiple_of(7) { OTHER } else { LIVE }
}

pub(crate) fn value(fact: &Fact, dimension: Dimension) -> Option<String> {
    match dimension {
        // What only links have, a page that was scanned has not.
        Dimension::Variant if fact.target.link().is_none() => None,
        Dimension::Country => fact.country.clone(),
        Dimension::City => fact.city.clone(),
        Dimension::Device => Some(fact.device.to_owned()),
        Dimension::Browser => Some(fact.browser.to_owned()),
        Dimension::Os => Some(fact.os.to_owned()),
        Dimension::Language => fact.language.clone(),
        Dimension::Referrer => fact.referrer.clone(),
        Dimension::ReferrerUrl => fact.referrer_url.clone(),
        Dimension::Source => Some(fact.source.to_owned()),
        Dimension::Variant => Some(fact.choice.clone()),
        Dimension::Bot => Some(fact.class.to_owned()),
        Dimension::Link => fact.target.link().map(|link| link.to_string()),
        Dimension::Page => fact.target.page().map(|page| page.to_string()),
        Dimension::Block => fact.target.block().map(|block| block.to_string()),
        Dimension::Code => {
            let known = (1..4).find(|n| fact.owner == LIVE && fact.code == Some(token(*n)));
            known.map(|n| qr_id(n).to_string())
        }
        _ => None,
    }
}

const ASKED: [Dimension; 16] = [
    Dimension::Country,
    Dimension::Region,
    Dimension::City,
    Dimension::Device,
    Dimension::Browser,
    Dimension::Os,
    Dimension::Language,
    Dimension::Referrer,
    Dimension::ReferrerUrl,
    Dimension::Source,
    Dimension::Variant,
    Dimension::Bot,
    Dimension::Link,
    Dimension::Code,
    Dimension::Page,
    Dimension::Block,
];

pub(crate) fn random_question(chance: &mut Chance, facts: &[Fact]) -> Question {
    let (from, to) = (chance.below(20), 1 + chance.below(20));
    // Mostly days as time zones have them, sometimes such as no zone has.
    let after_midnight = *chance.of(&[0, 20_700, 20_700, 1234]);
    let seconds = |days: usize| i64::try_from(days).expect("small") * DAY + after_midnight;
    let (from, to) = (seconds(from.min(to)), seconds(from.max(to)));
    let subject = match chance.below(8) {
        0 => Subject::Scans,
        1 | 2 => Subject::Views,
        3 => Subject::BlockClicks,
        _ => Subject::Clicks,
    };
    let asked: Vec<_> = ASKED.into_iter().filter(|dimension| dimension.is_of(subject)).collect();
    let group = match chance.below(8) {
        0 => Group::Buckets((0..30).map(|day| at(from + day * DAY)).take_while(|begin| *begin < at(to)).collect()),
        1 => Group::HourOfDay(vec![(at(0), 3600), (at(DAY * 9), 7200)]),
        _ => Group::Values(*chance.of(&asked), 10_000),
    };
    let mut conditions: Vec<Condition> = Vec::new();
    while chance.once_in(2) && conditions.len() < 4 {
        let dimension = *chance.of(&asked);
        let value = value(chance.of(facts), dimension);
        // A code is asked for by its id alone.
        if dimension != Dimension::Code || value.is_some() {
            conditions.push(condition(dimension, &value.unwrap_or_else(|| dimension.absent().to_owned())));
        }
    }
    Question {
        subject,
        window: Window { from: at(from), to: at(to) },
        of: chance.once_in(4).then(|| chance.of(facts).target),
        conditions,
        bots: *chance.of(&[Bots::Without, Bots::With, Bots::Only]),
        group,
    }
}

/// The same count the plain way: every fact against every condition.
pub(crate) fn counted_plainly(
    facts: &[Fact],
    firsts: &[HashSet<usize>; 2],
    owner: Owner,
    question: &Question,
) -> Answer {
    let is_meant = |fact: &&Fact| {
        let is_bot = fact.class != "person" && !fact.is_counted;
        fact.owner == owner
            && fact.at >= question.window.from
            && fact.at < question.window.to
            && question.of.is_none_or(|of| {
                let is_the_block = of.block().is_none_or(|block| fact.target.block() == Some(block));
                of.bits() == fact.target.bits() && is_the_block
            })
            && match question.subject {
                Subject::Clicks => fact.target.link().is_some(),
                Subject::Scans => fact.target.block().is_none() && fact.source == "qr",
                Subject::Views => matches!(fact.target, Target::Page(_)),
                Subject::BlockClicks => fact.target.block().is_some(),
            }
            && match question.bots {
                Bots::Without => fact.is_counted,
                Bots::With => fact.is_counted || is_bot,
                Bots::Only => is_bot,
            }
            && question.conditions.iter().all(|condition| {
                let absent = condition.dimension.absent().to_owned();
                value(fact, condition.dimension).unwrap_or(absent) == condition.value
            })
    };
    let mut total = Count::default();
    let mut values: BTreeMap<String, Count> = BTreeMap::new();
    let mut counts = match &question.group {
        Group::Buckets(begins) => vec![Count::default(); begins.len()],
        _ => vec![Count::default(); 24],
    };
    // A link or a page has visitors of its own, however it is named.
    let names_one = |condition: &Condition| {
        matches!(condition.dimension, Dimension::Link | Dimension::Page) && condition.value != "unknown"
    };
    let is_about_one = question.of.is_some() || question.conditions.iter().any(names_one);
    let firsts = &firsts[usize::from(is_about_one)];
    for (place, fact) in facts.iter().enumerate().filter(|(_, fact)| is_meant(fact)) {
        let one = Count { clicks: 1, visitors: u64::from(firsts.contains(&place)) };
        total += one;
        match &question.group {
            Group::Buckets(begins) => {
                let bucket = begins.iter().rposition(|begin| *begin <= fact.at);
                if let Some(bucket) = bucket {
                    counts[bucket] += one;
                }
            }
            Group::HourOfDay(offsets) => {
                let offset = offsets.iter().rev().find(|(from, _)| *from <= fact.at).expect("one is before").1;
                let hour = (fact.at.unix_millis() / 1000 + i64::from(offset)) / 3600 % 24;
                counts[usize::try_from(hour).expect("an hour")] += one;
            }
            Group::Values(dimension, _) => {
                *values.entry(value(fact, *dimension).unwrap_or(dimension.absent().to_owned())).or_default() += one;
            }
        }
    }
    let rows = if let Group::Values(..) = question.group {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by_key(|(_, count)| std::cmp::Reverse(count.clicks));
        Rows::Values(values)
    } else {
        Rows::Counts(counts)
    };
    Answer { rows, total }
}

/// The places of the facts that are their visitor's first of a day, among the owner's or on the link.
pub(crate) fn firsts(facts: &[Fact], on_the_link: bool) -> HashSet<usize> {
    let mut seen = HashSet::new();
    let mut first = HashSet::new();
    // Batches of a thousand come one after the other, and each is looked at in order of time.
    for begin in (0..facts.len()).step_by(1000) {
        let mut places: Vec<_> = (begin..facts.len().min(begin + 1000)).collect();
        places.sort_by_key(|place| facts[*place].at);
        for place in places {
            let fact = &facts[place];
            let day = fact.at.unix_millis() / 86_400_000;
            let kind = (fact.target.page().is_some(), fact.target.block().is_some(), fact.is_counted);
            let place_of = on_the_link.then_some(fact.target.bits());
            if seen.insert((day, fact.owner, place_of, fact.visitor, kind)) {
                first.insert(place);
            }
        }
    }
    first
}

/// Records facts in batches of so many, and puts them in order now and then.
pub(crate) async fn record(store: &Store, facts: &[Fact], in_a_batch: usize, tidy_each: usize) {
    let mut from = None;
    for (number, facts) in facts.chunks(in_a_batch).enumerate() {
        let to = u64::try_from(number).expect("small") + 1;
        assert!(store.record_clicks(batch("a", from, to, facts.to_vec())).await.expect("the store works").is_some());
        from = Some(to);
        if number % tidy_each == tidy_each - 1 {
            while store.tidy_clicks().await.expect("the store works") {}
        }
    }
}

async fn any_question_of_many(backend: &Backend) {
    let mut chance = Chance(3);
    let links: Vec<_> = (0..300).map(link_id).collect();
    let first = make(&backend.store, LIVE, new_link(1, "first")).await.id;
    for n in 1..4 {
        code(&backend.store, LIVE, first, n).await;
    }
    // Visitors' numbers tell owners apart, so here each owner has its own.
    let facts: Vec<_> = (0..100_000).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect();
    // Some of it is in order then, in runs of which is kept what was counted, and some still lies in batches.
    record(&backend.store, &facts, 1000, 65).await;
    let firsts = [firsts(&facts, false), firsts(&facts, true)];
    let mut asked = BTreeSet::new();
    for number in 0..100 {
        let question = random_question(&mut chance, &facts);
        let owner = *chance.of(&[LIVE, LIVE, OTHER]);
        let expected = counted_plainly(&facts, &firsts, owner, &question);
        let found = ask(&backend.store, owner, &question).await;
        assert!(found.total.visitors <= found.total.clicks);
        asked.extend((found.total.clicks > 0).then(|| format!("{:?}", question.subject)));
        assert_eq!(found, expected, "{number}: {question:?}");
        let again = ask(&backend.store, owner, &question).await;
        assert_eq!(again, expected, "{number}, asked again: {question:?}");
    }
    assert_eq!(asked.len(), 4, "there was something to count of every kind: {asked:?}");
}

pub(crate) fn own_visitor(fact: Fact) -> Fact {
    Fact { visitor: fact.visitor * 4 + fact.owner.number(), ..fact }
}

async fn order_changes_nothing(backend: &Backend) {
    let mut chance = Chance(4);
    let links: Vec<_> = (0..50).map(link_id).collect();
    let facts: Vec<_> = (0..14_000).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect();
    record(&backend.store, &facts, 200, 1000).await;
    let always = Window { from: at(-DAY), to: at(DAY * 30) };
    let visits = async || all_visits(&backend.store, LIVE, Subject::Clicks, always, Bots::With).await;
    let questions: Vec<_> = (0..20).map(|_| random_question(&mut chance, &facts)).collect();
    let answers = async || {
        let mut all = Vec::new();
        for question in &questions {
            all.push(ask(&backend.store, LIVE, question).await);
        }
        all
    };
    let (visits_before, answers_before): (Vec<Visit>, _) = (visits().await, answers().await);
    let mut steps = 0;
    while backend.store.tidy_clicks().await.expect("the store works") {
        steps += 1;
    }
    assert!(steps > 0, "there was something to do");
    assert_eq!(visits().await, visits_before);
    assert_eq!(answers().await, answers_before);
    let links: BTreeSet<_> = visits_before.iter().map(|visit| visit.target).collect();
    assert!(links.len() > 10);
}

async fn visitors_are_forgotten(backend: &Backend) {
    let store = &backend.store;
    let page = |fact: Fact| Fact { referrer_url: Some("https://example.com/page".to_owned()), ..fact };
    let facts = vec![
        page(click(link_id(1), 61, "DE", 77)),
        page(click(link_id(1), DAY, "DE", 78)),
        page(Fact { owner: OTHER, ..click(link_id(2), 61, "DE", 79) }),
    ];
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
    let always = Window { from: at(-DAY), to: at(DAY * 9) };
    let visits = async |owner| all_visits(store, owner, Subject::Clicks, always, Bots::With).await;
    let tidy = async || while store.tidy_clicks().await.expect("the store works") {};
    store.forget_visitors(Some(LIVE), at(DAY)).await.expect("the store works");
    store.forget_visitors(Some(LIVE), at(5)).await.expect("what was to be forgotten stays so");
    tidy().await;
    let left = visits(LIVE).await;
    assert_eq!((left[0].at, left[0].referrer_url.as_deref()), (at(0), None), "the quarter of an hour stays");
    assert_eq!((left[1].at, left[1].referrer_url.is_some()), (at(DAY), true), "what is later stays as it was");
    assert!(visits(OTHER).await[0].referrer_url.is_some(), "nobody else is touched");
    assert_eq!(ask(store, LIVE, &total_of(0, DAY * 2)).await.total, Count { clicks: 2, visitors: 2 });
    let late = vec![page(click(link_id(1), 3700, "DE", 80))];
    assert!(store.record_clicks(batch("a", Some(10), 20, late)).await.expect("the store works").is_some());
    tidy().await;
    assert_eq!(visits(LIVE).await[1].referrer_url, None, "what comes late is forgotten as well");
    store.forget_visitors(None, at(DAY * 3)).await.expect("the store works");
    tidy().await;
    for owner in [LIVE, OTHER] {
        assert!(visits(owner).await.iter().all(|visit| visit.referrer_url.is_none()), "everybody's");
    }
    assert!(!store.tidy_clicks().await.expect("the store works"), "it is done once");
}
