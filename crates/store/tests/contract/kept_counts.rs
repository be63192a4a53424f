//! What was counted for one question is kept for others: each is answered as if it were the first.

use mask_core::question::{Dimension, Group, Question};

use crate::{
    answers::{DAY, ask, click, condition, counts, question, values},
    backend::{Backend, on_every_backend},
    sample::{LIVE, at, batch, make, new_link, new_link_with, tags},
};

on_every_backend!(of_some_links_and_then_of_all, of_parts_of_a_run);

async fn of_some_links_and_then_of_all(backend: &Backend) {
    let store = &backend.store;
    let mut links = Vec::new();
    for n in 0..40 {
        let tagged = |content: &mut mask_core::link::Content| content.tags = tags(&["spring"]);
        let slug = format!("link-{n}");
        let new = if n == 17 { new_link_with(n, &slug, tagged) } else { new_link(n, &slug) };
        links.push(make(store, LIVE, new).await.id);
    }
    // As many as lie in a run of several chunks, in which each link's clicks lie together.
    let clicks = (0..70_000_i64).zip(links.iter().cycle());
    let facts: Vec<_> = clicks.map(|(n, link)| click(*link, 100 + n, "DE", n)).collect();
    assert!(store.record_clicks(batch("a", None, 1, facts)).await.expect("the store works").is_some());
    while store.tidy_clicks().await.expect("the store works") {}

    let by_link = || question(0, DAY, Group::Values(Dimension::Link, 100));
    let of_tagged = Question { conditions: vec![condition(Dimension::Tag, "spring")], ..by_link() };
    let of_domain = Question { conditions: vec![condition(Dimension::Domain, "go.example")], ..by_link() };
    for _ in 0..2 {
        // Nobody came before this moment, which lies within a quarter of an hour, or after that one.
        for edges in [vec![at(50)], vec![at(50), at(70_000 + 101)]] {
            let found = ask(store, LIVE, &question(50, 70_000 + 150, Group::Buckets(edges))).await;
            assert_eq!((found.total.clicks, counts(&found)[0]), (70_000, 70_000));
        }
        let found = ask(store, LIVE, &of_tagged).await;
        assert_eq!(values(&found), [(links[17].to_string().as_str(), 1750, 1750)]);
        for asked in [by_link(), of_domain.clone()] {
            let found = ask(store, LIVE, &asked).await;
            assert_eq!((found.total.clicks, values(&found).len()), (70_000, 40), "{asked:?}");
        }
    }
}

async fn of_parts_of_a_run(backend: &Backend) {
    /// Seconds.
    const QUARTER: i64 = 15 * 60;
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "link")).await.id;
    let when = |n: i64| 1 + n / 10;
    let facts: Vec<_> = (0..70_000).map(|n| click(link, when(n), ["DE", "FR"][usize::from(n % 3 == 0)], n)).collect();
    assert!(store.record_clicks(batch("a", None, 1, facts)).await.expect("the store works").is_some());
    while store.tidy_clicks().await.expect("the store works") {}

    for _ in 0..2 {
        for (from, to) in (0..8).flat_map(|from| (from + 1..9).map(move |to| (from * QUARTER, to * QUARTER))) {
            for (from, to) in [(from, to), (from, to + 1), (from + 1, to)] {
                let is_asked_about = |n: &i64| (from..to).contains(&when(*n));
                let all = (0..70_000).filter(is_asked_about).count();
                let french = (0..70_000).step_by(3).filter(is_asked_about).count();
                let by_country = ask(store, LIVE, &question(from, to, Group::Values(Dimension::Country, 100))).await;
                let clicks = |of: &str| {
                    values(&by_country).into_iter().find(|(value, ..)| *value == of).map_or(0, |(_, clicks, _)| clicks)
                };
                assert_eq!((clicks("DE"), clicks("FR")), ((all - french) as u64, french as u64), "{from} to {to}");
                let by_link = ask(store, LIVE, &question(from, to, Group::Values(Dimension::Link, 100))).await;
                let by_time = ask(store, LIVE, &question(from, to, Group::Buckets(vec![at(from)]))).await;
                assert_eq!([by_country.total.clicks, by_link.total.clicks, by_time.total.clicks], [all as u64; 3]);
            }
        }
    }
}
