//! A window may be cut anywhere: what its parts say adds up to what the whole says, value by value, visitors too.

use std::collections::BTreeMap;

use mask_core::{
    question::{Answer, Count, Group, Question, Rows, Window},
    time::Time,
};

use crate::{
    answers::{ask, own_visitor, random_fact, random_question, record},
    backend::{Backend, on_every_backend},
    sample::{Chance, LIVE, link_id},
};

on_every_backend!(parts_add_up);

/// Adds up the rows of several answers.
fn added(answers: &[Answer]) -> (Count, BTreeMap<String, Count>) {
    let (mut total, mut values) = (Count::default(), BTreeMap::new());
    for answer in answers {
        total += answer.total;
        let Rows::Values(rows) = &answer.rows else { panic!("values were asked for") };
        for (value, count) in rows {
            *values.entry(value.clone()).or_default() += *count;
        }
    }
    (total, values)
}

async fn parts_add_up(backend: &Backend) {
    let mut chance = Chance(11);
    let links: Vec<_> = (0..100).map(link_id).collect();
    let facts: Vec<_> = (0..70_000).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect();
    record(&backend.store, &facts, 1000, 33).await;
    let mut counted = 0;
    while counted < 60 {
        let whole = random_question(&mut chance, &facts);
        let Window { from, to } = whole.window;
        if !matches!(whole.group, Group::Values(..)) || to.unix_millis() - from.unix_millis() < 2 {
            continue;
        }
        counted += 1;
        let length = usize::try_from(to.unix_millis() - from.unix_millis()).expect("small");
        let cut = from.unix_millis() + i64::try_from(1 + chance.below(length - 1)).expect("small");
        // What is counted up to a quarter of an hour is held.
        let at_a_quarter = cut - cut % (15 * 60 * 1000);
        let cut = if counted % 2 == 0 && at_a_quarter > from.unix_millis() { at_a_quarter } else { cut };
        let cut = Time::from_unix_millis(cut);
        let part = |from, to| Question { window: Window { from, to }, ..whole.clone() };
        let parts =
            [ask(&backend.store, LIVE, &part(from, cut)).await, ask(&backend.store, LIVE, &part(cut, to)).await];
        let whole_answer = ask(&backend.store, LIVE, &whole).await;
        assert_eq!(added(&parts), added(&[whole_answer]), "cut at {cut}: {whole:?}");
    }
}
