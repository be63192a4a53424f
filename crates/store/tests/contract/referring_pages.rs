//! Questions by what has very many values, of which each link's are listed by themselves: of one link, of one page, of a link
//! that is another, and of all.

use mask_core::{
    question::{Bots, Dimension, Group, Question, Subject, Window},
    visit::Target,
};

use crate::{
    answers::{DAY, ask, condition, counted_plainly, firsts, own_visitor, owner_of, random_fact, record},
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, at, link_id},
    subscribers::page_id,
};

on_every_backend!(the_same_from_lists_and_without);

async fn the_same_from_lists_and_without(backend: &Backend) {
    let mut chance = Chance(5);
    let links: Vec<_> = (0..20).map(link_id).collect();
    let facts: Vec<_> = (0..70_000).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect();
    // In runs that are large enough for lists, and in batches.
    record(&backend.store, &facts, 1000, 33).await;
    let firsts = [firsts(&facts, false), firsts(&facts, true)];

    let of_live = |target: &Target| owner_of(*target) == LIVE;
    let mut live = links.iter().map(|link| Target::Link(*link)).filter(of_live);
    let (link, other) = (live.next().expect("a link"), live.next().expect("another"));
    let page = (0..12).map(|n| Target::Page(page_id(n))).find(of_live).expect("a page");
    let is = |link: Target| vec![condition(Dimension::Link, &link.link().expect("a link").to_string())];
    // The second time the lists are there.
    for turn in 0..2 {
        for (subject, of, conditions, has_some) in [
            (Subject::Clicks, None, is(other), true),
            (Subject::Clicks, Some(link), Vec::new(), true),
            (Subject::Clicks, Some(link), vec![condition(Dimension::Country, "DE")], true),
            (Subject::Clicks, Some(link), is(other), false),
            (Subject::Clicks, Some(link), is(link), true),
            (Subject::Views, Some(page), Vec::new(), true),
            (Subject::Clicks, None, Vec::new(), true),
            (Subject::Clicks, None, is(Target::Link(link_id(9999))), false),
        ] {
            for days in [0..21, 3..17] {
                let window = Window { from: at(days.start * DAY), to: at(days.end * DAY) };
                let group = Group::Values(Dimension::ReferrerUrl, 10_000);
                let conditions = conditions.clone();
                let question = Question { subject, window, of, conditions, bots: Bots::With, group };
                let expected = counted_plainly(&facts, &firsts, LIVE, &question);
                assert_eq!(expected.total.clicks > 0, has_some, "{question:?}");
                assert_eq!(ask(&backend.store, LIVE, &question).await, expected, "{turn}: {question:?}");
            }
        }
    }
}
