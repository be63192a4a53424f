//! Counting: chunk after chunk, column by column.
//!
//! A [`Counter`] holds a question and what was found so far. For each chunk it first marks which clicks meet the question,
//! one condition after the other over the columns that they need, and then adds the marked ones to their groups. A chunk
//! in which a wanted word does not occur is left at once. The loops run over bytes without branches, which is most of
//! what makes them fast.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use mask_core::{
    id::{LinkId, PageId},
    question::{Answer, Bots, Condition, Count, Dimension, Group, Question, Rows, Subject},
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::{
    chunk::{Chunk, Codes, Texts},
    columns::{Column, IS_BOT, IS_COUNTED, IS_FIRST_OF_OWNER, IS_FIRST_OF_VISITED, KIND, kind_of},
};

const HOUR_MS: i64 = 3_600_000;

/// What links and pages are, by their numbers, as far as a question asks.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Those that meet the conditions upon links and pages; `None` when there are no such conditions.
    pub(super) allowed: Option<HashSet<u128>>,
    /// The values of each in the dimension of the groups, when it is one of links or pages.
    pub(super) values: HashMap<u128, Vec<String>>,
    /// The tokens of the codes that the conditions name, by their ids; nothing of codes that are not known.
    pub(super) codes: HashMap<String, Token>,
}

impl Known {
    /// Leaves out what is none of these.
    fn allow_only(&mut self, visited: Option<u128>) {
        let is_allowed = |visited: &u128| self.allowed.as_ref().is_none_or(|allowed| allowed.contains(visited));
        self.allowed = Some(visited.into_iter().filter(is_allowed).collect());
    }
}

/// See the module.
pub(super) struct Counter<'q> {
    owner: Owner,
    question: &'q Question,
    known: Known,
    /// What a column's word must be, and what stands for a missing one.
    conditions: Vec<(Column, Cow<'q, str>, &'static str)>,
    /// Which of the flags in [`KIND`] are set.
    kind: u8,
    is_first: u8,
    groups: Groups,
    total: Count,
}

/// The counts of the groups.
enum Groups {
    Counts(Vec<Count>),
    Values(Values),
}

/// Counts by value. Some dimensions have ten thousands of values, which come up again in each chunk: the usual hasher would
/// take most of the time then. This one is keyed too, as values come from outside.
type Values = HashMap<String, Count, foldhash::fast::RandomState>;

/// Of each click of a chunk: 1 where it is among those asked about, and so is 0 or 1 for visitors.
struct Marks {
    first: usize,
    clicks: Vec<u8>,
    visitors: Vec<u8>,
}

impl<'q> Counter<'q> {
    pub(super) fn new(owner: Owner, question: &'q Question, mut known: Known) -> Self {
        let mut conditions: Vec<(Column, Cow<'q, str>, &'static str)> = Vec::new();
        for Condition { dimension, value } in &question.conditions {
            match (dimension, Column::of(*dimension)) {
                // What is no id names nothing, nor does the id of a code that is not known.
                (Dimension::Link, _) => known.allow_only(LinkId::parse(value).ok().map(LinkId::bits)),
                (Dimension::Page, _) => known.allow_only(PageId::parse(value).ok().map(PageId::bits)),
                (Dimension::Code, _) => match known.codes.get(value) {
                    Some(token) => conditions.push((Column::PART, token.to_string().into(), "")),
                    None => known.allow_only(None),
                },
                (_, Some(column)) => conditions.push((column, value.into(), dimension.absent())),
                // What the link or the page has of it was looked up.
                (_, None) => {}
            }
        }
        if question.subject == Subject::Scans {
            conditions.push((Column::SOURCE, "qr".into(), ""));
        }
        if let Some(Target::Block(_, block)) = question.of {
            conditions.push((Column::PART, block.to_string().into(), ""));
        }
        let groups = match &question.group {
            Group::Buckets(begins) => Groups::Counts(vec![Count::default(); begins.len()]),
            Group::HourOfDay(_) => Groups::Counts(vec![Count::default(); 24]),
            Group::Values(..) => Groups::Values(Values::default()),
        };
        let is_first = if question.of.is_some() { IS_FIRST_OF_VISITED } else { IS_FIRST_OF_OWNER };
        let kind = kind_of(question.subject);
        Self { owner, question, known, conditions, kind, is_first, groups, total: Count::default() }
    }

    /// The columns that the question looks at, without the owners'.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::AT, Column::FLAGS];
        columns.extend(self.conditions.iter().map(|(column, ..)| *column));
        let by_visited = matches!(self.question.group, Group::Values(dimension, _) if Column::of(dimension).is_none());
        if self.question.of.is_some() || self.known.allowed.is_some() || by_visited {
            columns.push(Column::VISITED);
        }
        if let Group::Values(dimension, _) = self.question.group {
            columns.extend(Column::of(dimension));
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Adds a chunk; `is_mixed` when clicks of other owners may be in it. `None` when the chunk cannot be read.
    pub(super) fn add(&mut self, chunk: &Chunk<'_>, is_mixed: bool) -> Option<()> {
        let places = match self.question.of {
            None => 0..chunk.len,
            Some(target) => {
                // Two owners never have the same link or page, so its clicks lie together in a mixed chunk too.
                match chunk.visited()?.into_iter().find(|(is, _)| *is == target.bits()) {
                    Some((_, places)) => places,
                    None => return Some(()),
                }
            }
        };
        let marks = self.mark(chunk, places, is_mixed)?;
        self.total += marks.sum(0..marks.clicks.len());
        self.group(chunk, &marks)
    }

    /// Which clicks meet the question; no marks at all when none can.
    fn mark(&self, chunk: &Chunk<'_>, places: std::ops::Range<usize>, is_mixed: bool) -> Option<Marks> {
        let flags = &chunk.flags()?[places.clone()];
        let kind = self.kind;
        let is = |mask: u8, flag: u8| flags.iter().map(move |flags| u8::from(flags & (KIND | mask) == kind | flag));
        let mut clicks: Vec<u8> = match self.question.bots {
            Bots::Without => is(IS_COUNTED, IS_COUNTED).collect(),
            Bots::With => {
                let is_known = flags.iter().map(|flags| u8::from(flags & (IS_COUNTED | IS_BOT) != 0));
                is(0, 0).zip(is_known).map(|(is_kind, is_known)| is_kind & is_known).collect()
            }
            Bots::Only => is(IS_COUNTED | IS_BOT, IS_BOT).collect(),
        };
        for (column, wanted, absent) in &self.conditions {
            let texts = chunk.texts(*column)?;
            let fits: Vec<_> = texts.words.iter().map(|word| u8::from(word.unwrap_or(absent) == wanted)).collect();
            if !fits.contains(&1) {
                return Some(Marks { first: places.start, clicks: Vec::new(), visitors: Vec::new() });
            }
            keep_fitting(&mut clicks, &texts, &fits, places.start);
        }
        let (from, to) = (self.question.window.from.unix_millis(), self.question.window.to.unix_millis());
        chunk.numbers(Column::AT)?.keep_between(&mut clicks, places.start, from, to);
        if is_mixed {
            let owner = self.owner.number();
            chunk.numbers(Column::OWNER)?.keep_between(&mut clicks, places.start, owner, owner + 1);
        }
        if let Some(allowed) = &self.known.allowed {
            for (visited, of_one) in chunk.visited()? {
                let (begin, end) = (of_one.start.max(places.start), of_one.end.min(places.end));
                if begin < end && !allowed.contains(&visited) {
                    clicks[begin - places.start..end - places.start].fill(0);
                }
            }
        }
        let visitors = clicks.iter().zip(flags).map(|(keep, flags)| keep & u8::from(flags & self.is_first != 0));
        Some(Marks { first: places.start, visitors: visitors.collect(), clicks })
    }

    fn group(&mut self, chunk: &Chunk<'_>, marks: &Marks) -> Option<()> {
        match (&self.question.group, &mut self.groups) {
            (Group::Buckets(begins), Groups::Counts(counts)) => {
                let at = chunk.numbers(Column::AT)?;
                let buckets = Buckets::new(begins, self.question.window.to.unix_millis());
                marks.each(|place, count| {
                    if let Some(bucket) = buckets.of(at.at(place)) {
                        counts[bucket] += count;
                    }
                });
            }
            (Group::HourOfDay(offsets), Groups::Counts(counts)) => {
                let at = chunk.numbers(Column::AT)?;
                marks.each(|place, count| counts[hour(offsets, at.at(place))] += count);
            }
            (Group::Values(dimension, _), Groups::Values(values)) => match Column::of(*dimension) {
                Some(column) => add_texts(values, &chunk.texts(column)?, *dimension, marks),
                None => add_visited(values, &chunk.visited()?, *dimension, &self.known.values, marks),
            },
            _ => {}
        }
        Some(())
    }

    /// What was found. Codes are told by their tokens yet, all of them.
    pub(super) fn answer(self) -> Answer {
        let rows = match self.groups {
            Groups::Counts(counts) => Rows::Counts(counts),
            Groups::Values(values) => {
                let values = values.into_iter().filter(|(_, count)| count.clicks > 0).collect();
                Rows::Values(match self.question.group {
                    Group::Values(Dimension::Code, _) => values,
                    Group::Values(_, most) => ranked(values, most),
                    Group::Buckets(_) | Group::HourOfDay(_) => Vec::new(),
                })
            }
        };
        Answer { rows, total: self.total }
    }
}

/// The values with most clicks, most first.
pub(super) fn ranked(mut values: Vec<(String, Count)>, most: usize) -> Vec<(String, Count)> {
    values.sort_unstable_by(|(a, one), (b, other)| other.clicks.cmp(&one.clicks).then_with(|| a.cmp(b)));
    values.truncate(most);
    values
}

impl Marks {
    /// Adds up some of the marks, by their places among them.
    fn sum(&self, places: std::ops::Range<usize>) -> Count {
        let sum = |marks: &[u8]| marks[places.clone()].iter().map(|mark| u64::from(*mark)).sum();
        Count { clicks: sum(&self.clicks), visitors: sum(&self.visitors) }
    }

    /// Calls for each marked click, with its place in the chunk.
    fn each(&self, mut call: impl FnMut(usize, Count)) {
        for (place, (click, visitor)) in self.clicks.iter().zip(&self.visitors).enumerate() {
            if *click != 0 {
                call(self.first + place, Count { clicks: 1, visitors: u64::from(*visitor) });
            }
        }
    }
}

/// Takes the mark from clicks whose word does not fit; `fits` has a 1 for each word that does.
fn keep_fitting(marks: &mut [u8], texts: &Texts<'_>, fits: &[u8], first: usize) {
    match texts.codes {
        Codes::All(code) if fits[usize::from(code)] == 1 => {}
        Codes::All(_) => marks.fill(0),
        Codes::Bytes(codes) => match only(fits) {
            // One word as a rule: then a comparison takes the place of the look into the table.
            Some(code) => marks.iter_mut().zip(&codes[first..]).for_each(|(keep, is)| *keep &= u8::from(*is == code)),
            None => marks.iter_mut().zip(&codes[first..]).for_each(|(keep, is)| *keep &= fits[usize::from(*is)]),
        },
        Codes::Pairs(codes) => {
            for (keep, is) in marks.iter_mut().zip(&codes[first..]) {
                *keep &= fits[usize::from(u16::from_le_bytes(*is))];
            }
        }
    }
}

/// The place of the only 1, if there is one alone.
fn only(fits: &[u8]) -> Option<u8> {
    let mut places = fits.iter().enumerate().filter(|(_, fits)| **fits == 1).map(|(place, _)| place);
    let only = places.next().filter(|_| places.next().is_none())?;
    u8::try_from(only).ok()
}

fn add_texts(values: &mut Values, texts: &Texts<'_>, dimension: Dimension, marks: &Marks) {
    let mut counts = vec![Count::default(); texts.words.len()];
    let each = marks.clicks.iter().zip(&marks.visitors);
    let mut add_one = |code: usize, (click, visitor): (&u8, &u8)| {
        let count = &mut counts[code];
        count.clicks += u64::from(*click);
        count.visitors += u64::from(*visitor);
    };
    match texts.codes {
        Codes::All(code) => counts[usize::from(code)] += marks.sum(0..marks.clicks.len()),
        Codes::Bytes(codes) => {
            codes[marks.first..].iter().zip(each).for_each(|(code, marks)| add_one(usize::from(*code), marks));
        }
        Codes::Pairs(codes) => {
            let codes = codes[marks.first..].iter().map(|code| usize::from(u16::from_le_bytes(*code)));
            codes.zip(each).for_each(|(code, marks)| add_one(code, marks));
        }
    }
    for (word, count) in texts.words.iter().zip(counts) {
        if count.clicks > 0 {
            add(values, word.unwrap_or(dimension.absent()), count);
        }
    }
}

fn add_visited(
    values: &mut Values,
    visited: &[(u128, std::ops::Range<usize>)],
    dimension: Dimension,
    known: &HashMap<u128, Vec<String>>,
    marks: &Marks,
) {
    for (visited, places) in visited {
        let (begin, end) = (places.start.max(marks.first), places.end.min(marks.first + marks.clicks.len()));
        if begin >= end {
            continue;
        }
        let count = marks.sum(begin - marks.first..end - marks.first);
        if count.clicks == 0 {
            continue;
        }
        match known.get(visited).map(Vec::as_slice) {
            _ if dimension == Dimension::Link => add(values, &LinkId::from_bits(*visited).to_string(), count),
            _ if dimension == Dimension::Page => add(values, &PageId::from_bits(*visited).to_string(), count),
            None | Some([]) => add(values, dimension.absent(), count),
            Some(all) => all.iter().for_each(|value| add(values, value, count)),
        }
    }
}

fn add(values: &mut Values, value: &str, count: Count) {
    match values.get_mut(value) {
        Some(there) => *there += count,
        None => {
            values.insert(value.to_owned(), count);
        }
    }
}

/// Finds the bucket of a moment. Buckets are nearly of one length, so a guess is at most a step or two off.
struct Buckets<'q> {
    begins: &'q [mask_core::time::Time],
    first: i64,
    /// About how long a bucket is.
    step: i64,
}

impl<'q> Buckets<'q> {
    fn new(begins: &'q [mask_core::time::Time], end: i64) -> Self {
        let first = begins.first().map_or(end, |begin| begin.unix_millis());
        let count = i64::try_from(begins.len().max(1)).unwrap_or(i64::MAX);
        Self { begins, first, step: (end.saturating_sub(first) / count).max(1) }
    }

    fn of(&self, at: i64) -> Option<usize> {
        let after = at.checked_sub(self.first).filter(|after| *after >= 0)?;
        let last = self.begins.len().checked_sub(1)?;
        let mut bucket = usize::try_from(after / self.step).map_or(last, |guess| guess.min(last));
        while bucket > 0 && self.begins[bucket].unix_millis() > at {
            bucket -= 1;
        }
        while bucket < last && self.begins[bucket + 1].unix_millis() <= at {
            bucket += 1;
        }
        Some(bucket)
    }
}

/// The hour of the day where local time is ahead of UTC by so much.
fn hour(offsets: &[(mask_core::time::Time, i32)], at: i64) -> usize {
    let begun = offsets.partition_point(|(from, _)| from.unix_millis() <= at);
    let now = offsets.get(begun.saturating_sub(1));
    let local = at.saturating_add(now.map_or(0, |(_, seconds)| i64::from(*seconds) * 1000));
    usize::try_from(local.div_euclid(HOUR_MS).rem_euclid(24)).unwrap_or(0)
}
