//! Scans: what codes were visited by, be it a click of a link or a view of a page.
//!
//! Every other subject is one kind of visit. Scans are two, and most of what they are divided by only one of them has. So they are
//! two questions, of links and of pages, and their answers are put together: a page has no tags, and what is asked of tags finds it
//! among those that have none.

use std::collections::HashMap;

use mask_core::question::{Answer, Condition, Count, Dimension, Group, Question, Rows, Subject};

use super::tally::ranked;

/// The scans of links that a question is about: all values, as those with most are only known once the others are there.
pub(super) fn of_links(question: &Question) -> Question {
    Question { group: all_values(&question.group), ..question.clone() }
}

/// The scans of pages that a question of scans is about; none where it is about what only links have.
pub(super) fn of_pages(question: &Question) -> Option<Question> {
    if question.of.is_some_and(|target| target.link().is_some()) {
        return None;
    }
    let mut conditions = vec![Condition { dimension: Dimension::Source, value: "qr".to_owned() }];
    for condition in &question.conditions {
        if pages_have(condition.dimension) {
            conditions.push(condition.clone());
        } else if condition.value != condition.dimension.absent() {
            return None;
        }
    }
    let group = match question.group {
        Group::Values(dimension, _) if !pages_have(dimension) => Group::Buckets(Vec::new()),
        _ => all_values(&question.group),
    };
    Some(Question { subject: Subject::Views, conditions, group, ..question.clone() })
}

/// What a question is answered by the two.
pub(super) fn together(question: &Question, links: Answer, pages: Answer) -> Answer {
    let mut total = links.total;
    total += pages.total;
    let rows = match (&question.group, links.rows, pages.rows) {
        (Group::Values(dimension, most), Rows::Values(links), rows) => {
            let pages_rows = match rows {
                Rows::Values(values) => values,
                Rows::Counts(_) => vec![(dimension.absent().to_owned(), pages.total)],
            };
            let mut counts: HashMap<String, Count> = HashMap::new();
            for (value, count) in links.into_iter().chain(pages_rows) {
                *counts.entry(value).or_default() += count;
            }
            Rows::Values(ranked(counts, *most, |value| value))
        }
        (_, Rows::Counts(mut links), Rows::Counts(pages)) => {
            links.iter_mut().zip(pages).for_each(|(sum, more)| *sum += more);
            Rows::Counts(links)
        }
        (_, rows, _) => rows,
    };
    Answer { rows, total }
}

fn pages_have(dimension: Dimension) -> bool {
    dimension == Dimension::Code || dimension.is_of(Subject::Views)
}

fn all_values(group: &Group) -> Group {
    match group {
        Group::Values(dimension, _) => Group::Values(*dimension, usize::MAX),
        other => other.clone(),
    }
}
