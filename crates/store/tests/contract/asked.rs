//! Questions: a link is one however it is named, what is counted can be read one by one, and what takes too long is told.

use std::time::Duration;

use mask_core::{
    link::Content,
    question::{Bots, Condition, Count, Dimension, Group, Question, Subject, Window},
    visit::Target,
};
use mask_store::{Error, Fact, Store};

use crate::{
    answers::{DAY, ask, click, condition, counts, own_visitor, question, random_fact, record, total_of, values},
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, OTHER, at, batch, link_id, make, new_link_with, tags},
    subscribers::page_id,
};

on_every_backend!(
    a_link_is_one_however_it_is_named,
    what_is_counted_can_be_read,
    a_question_that_takes_too_long_is_told,
    a_clock_that_jumped_back
);

async fn a_link_is_one_however_it_is_named(backend: &Backend) {
    let store = &backend.store;
    let (one, two) = (link_id(1), link_id(2));
    let in_two = |seconds, country| click(two, seconds, country, 1);
    let facts = vec![click(one, 10, "DE", 1), in_two(20, "DE"), in_two(30, "US"), click(two, 40, "US", 2)];
    assert!(store.record_clicks(batch("a", None, 10, facts)).await.expect("the store works").is_some());
    let by_id = |link| Question { of: Some(Target::Link(link)), ..total_of(0, DAY) };
    assert_eq!(ask(store, LIVE, &by_id(two)).await.total, Count { clicks: 3, visitors: 2 });
    for link in [one, two] {
        let named = condition(Dimension::Link, &link.to_string());
        for group in [
            Group::Buckets(vec![at(0), at(25)]),
            Group::HourOfDay(vec![(at(0), 0)]),
            Group::Values(Dimension::Country, 9),
            Group::Values(Dimension::Link, 9),
            Group::Values(Dimension::Tag, 9),
        ] {
            for more in [vec![], vec![condition(Dimension::Country, "US")], vec![condition(Dimension::Tag, "none")]] {
                let by_id = Question { conditions: more.clone(), group: group.clone(), ..by_id(link) };
                let conditions = [vec![named.clone()], more].concat();
                let by_value = Question { conditions, group: group.clone(), ..total_of(0, DAY) };
                assert_eq!(ask(store, LIVE, &by_value).await, ask(store, LIVE, &by_id).await, "{by_value:?}");
            }
        }
    }
    let named = condition(Dimension::Link, &one.to_string());
    let of_two_at_once = Question { conditions: vec![named], ..by_id(two) };
    assert_eq!(ask(store, LIVE, &of_two_at_once).await.total, Count::default());
    // Over links visitors add up: whoever came to both is counted at the first.
    let by_link = ask(store, LIVE, &question(0, DAY, Group::Values(Dimension::Link, 9))).await;
    assert_eq!(values(&by_link), [(two.to_string().as_str(), 3, 1), (one.to_string().as_str(), 1, 1)]);
    assert_eq!(by_link.total, Count { clicks: 4, visitors: 2 });
}

/// Links of which some have tags and parameters, and visits to them.
async fn tagged(store: &Store) -> Vec<Fact> {
    for n in (0..60).filter(|n| n % 3 == 0) {
        let change = |content: &mut Content| {
            content.tags = tags(if n % 2 == 0 { &["spring", "sale"] } else { &["sale"] });
            content.utm.source = (n % 4 == 0).then(|| "mail".to_owned());
        };
        make(store, LIVE, new_link_with(n, &format!("link-{n}"), change)).await;
    }
    let links: Vec<_> = (0..60).map(link_id).collect();
    let mut chance = Chance(8);
    (0..4000).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect()
}

/// One by one they are what the counts say, with every kind of filter, and with several.
async fn what_is_counted_can_be_read(backend: &Backend) {
    let store = &backend.store;
    let facts = tagged(store).await;
    record(store, &facts, 200, 15).await;
    let mut ours = facts.iter().filter(|fact| fact.owner == LIVE);
    let link = ours.find_map(|fact| fact.target.link()).expect("a click").to_string();
    let is = |dimension, value: &str| condition(dimension, value);
    let mut found = 0;
    for conditions in [
        vec![],
        vec![is(Dimension::Tag, "spring")],
        vec![is(Dimension::Tag, "none")],
        vec![is(Dimension::Domain, "go.example"), is(Dimension::UtmSource, "mail")],
        vec![is(Dimension::Domain, "unknown")],
        vec![is(Dimension::Campaign, "none"), is(Dimension::Tag, "sale"), is(Dimension::Browser, "Chrome")],
        vec![is(Dimension::Link, &link)],
        vec![is(Dimension::Link, &link), is(Dimension::Country, "DE")],
        vec![is(Dimension::Page, &page_id(4).to_string())],
    ] {
        for subject in [Subject::Clicks, Subject::Scans, Subject::Views, Subject::BlockClicks] {
            let is_of = |condition: &Condition| condition.dimension.is_of(subject);
            if !conditions.iter().all(is_of) {
                continue;
            }
            for bots in [Bots::Without, Bots::With, Bots::Only] {
                let window = Window { from: at(DAY), to: at(DAY * 15) };
                let group = Group::Buckets(vec![window.from]);
                let question = Question { subject, window, of: None, conditions: conditions.clone(), bots, group };
                let total = ask(store, LIVE, &question).await.total;
                let visits = store.visits(LIVE, question.clone()).await.expect("the store works");
                let firsts = visits.iter().filter(|visit| visit.is_unique).count();
                let read = Count { clicks: visits.len() as u64, visitors: firsts as u64 };
                assert_eq!(read, total, "{question:?}");
                assert!(
                    visits.is_sorted() && visits.iter().all(|visit| window.from <= visit.at && visit.at < window.to)
                );
                found += u32::from(total.clicks > 0);
            }
        }
    }
    assert!(found > 40, "there was something to read: {found}");
    let foreign = Question { conditions: vec![is(Dimension::Tag, "spring")], ..total_of(0, DAY * 20) };
    assert!(store.visits(OTHER, foreign).await.expect("the store works").is_empty());
}

/// Whatever of it takes the time: counting, the links' properties, reading one by one.
async fn a_question_that_takes_too_long_is_told(backend: &Backend) {
    let store = &backend.store;
    assert!(
        store
            .record_clicks(batch("a", None, 10, vec![click(link_id(1), 10, "DE", 1)]))
            .await
            .expect("it works")
            .is_some()
    );
    let hurried = store.clone().answering_within(Duration::ZERO);
    for question in [
        total_of(0, DAY),
        question(0, DAY, Group::Values(Dimension::Tag, 9)),
        Question { conditions: vec![condition(Dimension::Tag, "none")], ..total_of(0, DAY) },
        Question { of: Some(Target::Link(link_id(1))), ..total_of(0, DAY) },
    ] {
        let (answer, visits) =
            (hurried.answer(LIVE, question.clone()).await, hurried.visits(LIVE, question.clone()).await);
        assert!(matches!(answer, Err(Error::TooLong(_))), "{question:?}");
        assert!(matches!(visits, Err(Error::TooLong(_))), "{question:?}");
        assert_eq!(ask(store, LIVE, &question).await.total.clicks, 1, "who has more time is answered");
    }
    // Nothing else is in a hurry for that.
    assert_eq!(hurried.recorded_classes(LIVE, link_id(1)).await.expect("the store works")["person"], 1);
}

/// What comes with an earlier time is counted where it belongs, also after what is later was put in order.
async fn a_clock_that_jumped_back(backend: &Backend) {
    let store = &backend.store;
    let link = link_id(1);
    let jumps = [5 * DAY, DAY, 5 * DAY + 60, -300 * DAY, DAY - 1, 4 * DAY];
    let mut from = None;
    for (number, begin) in (1_u64..).zip(jumps) {
        // Within a batch it goes back as well.
        let facts =
            vec![click(link, begin + 30, "DE", 1), click(link, begin, "US", 1), click(link, begin + 9, "US", 2)];
        assert!(store.record_clicks(batch("a", from, number, facts.clone())).await.expect("it works").is_some());
        assert!(store.count_clicks(batch("a", from, number, facts), None).await.expect("it works"));
        from = Some(number);
        while number % 2 == 0 && store.tidy_clicks().await.expect("the store works") {}
    }
    let begins: Vec<_> = (0..6).map(|day| at(day * DAY)).collect();
    let since = |from: i64| question(from, 6 * DAY, Group::Buckets(begins.clone()));
    // The batch of a second before the first day ends lies in two of these, and in one day of UTC.
    let found = ask(store, LIVE, &since(0)).await;
    assert_eq!(counts(&found), [1, 5, 0, 0, 3, 6]);
    assert_eq!(found.total, Count { clicks: 15, visitors: 6 });
    let found = ask(store, LIVE, &since(-301 * DAY)).await;
    assert_eq!(found.total, Count { clicks: 18, visitors: 8 });
    let all = Question { of: Some(Target::Link(link)), ..since(-301 * DAY) };
    assert_eq!(ask(store, LIVE, &all).await.total, Count { clicks: 18, visitors: 8 });
    assert_eq!(store.visits(LIVE, all).await.expect("the store works").len(), 18);
}
