//! What was counted: of a chunk, of a run, of a window. Tallies add up, so a question is answered by those of its parts.

use std::{collections::HashMap, sync::Arc};

use mask_core::{
    id::{LinkId, PageId},
    question::{Answer, Count, Dimension, Group, Question, Rows, Window},
    time::Time,
};

use super::{
    catalog::Catalog,
    chunk::Numbers,
    columns::QUARTER_MS,
    count::{By, Marks},
    lexicon::{AllWords, Counted},
};

const HOUR_MS: i64 = 3_600_000;

/// A table by values of which there may be very many, that come up again in each chunk: the usual hasher would take most of
/// the time then. This one is keyed too, as values come from outside.
pub(super) type Table<K> = HashMap<K, Count, foldhash::fast::RandomState>;

/// Counts in groups.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Of all groups together.
    pub(super) total: Count,
    pub(super) groups: Groups,
}

/// What was counted of a run, as it is held: in the room that it takes, as there is one for each run and each question.
#[derive(Debug)]
pub(super) struct Sum {
    total: Count,
    groups: Sums,
}

/// Counts are [packed](unpacked): a run has fewer clicks than four bytes can count.
#[derive(Debug)]
enum Sums {
    /// Of units, by their beginnings.
    Times(Box<[(i64, u64)]>),
    Texts(Box<[(Arc<str>, u64)]>),
    /// Numbers, and apart from them their counts.
    Visited(Box<[u128]>, Box<[u64]>),
}

/// The counts of the groups.
#[derive(Clone, Debug)]
pub(super) enum Groups {
    Times(Times),
    Texts(Table<Arc<str>>),
    Visited(Table<u128>),
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(by: By) -> Self {
        let groups = match by {
            By::Time(unit) => Groups::Times(Times::new(unit)),
            By::Text(_) => Groups::Texts(Table::default()),
            By::Visited => Groups::Visited(Table::default()),
        };
        Self { total: Count::default(), groups }
    }

    /// Adds what was counted of a run in the same groups: of times those whose units lie in the window, of links and pages those
    /// that are allowed. Either the window's edges divide units, or they lie outside of the run.
    pub(super) fn add(&mut self, more: &Sum, window: Window, is_allowed: impl Fn(u128) -> bool) {
        match (&mut self.groups, &more.groups) {
            (Groups::Times(times), Sums::Times(more)) => {
                // All that a unit has lies in the window, though it may begin before.
                let first = window.from.unix_millis().div_euclid(times.unit) * times.unit;
                let from_to = first..window.to.unix_millis();
                for (at, count) in more.iter().filter(|(at, _)| from_to.contains(at)) {
                    times.add(*at, unpacked(*count));
                    self.total += unpacked(*count);
                }
            }
            (Groups::Texts(texts), Sums::Texts(all)) => {
                for (text, count) in all {
                    *texts.entry(Arc::clone(text)).or_default() += unpacked(*count);
                }
                self.total += more.total;
            }
            (Groups::Visited(visited), Sums::Visited(numbers, counts)) => {
                visited.reserve(if visited.is_empty() { numbers.len() } else { 0 });
                for (number, count) in numbers.iter().zip(counts).filter(|(number, _)| is_allowed(**number)) {
                    *visited.entry(*number).or_default() += unpacked(*count);
                    self.total += unpacked(*count);
                }
            }
            _ => {}
        }
    }

    /// It as it is held. Words are those that others hold too.
    pub(super) fn sum(self, words: &AllWords) -> Sum {
        let groups = match self.groups {
            Groups::Times(times) => Sums::Times(times.each().map(|(at, count)| (at, pack(count))).collect()),
            Groups::Texts(texts) => {
                Sums::Texts(texts.into_iter().map(|(text, count)| (words.word(&text), pack(count))).collect())
            }
            Groups::Visited(visited) => {
                let (numbers, counts): (Vec<_>, Vec<_>) =
                    visited.into_iter().map(|(number, count)| (number, pack(count))).unzip();
                Sums::Visited(numbers.into(), counts.into())
            }
        };
        Sum { total: self.total, groups }
    }

    /// Adds the counts of words; they are in the total already.
    pub(super) fn add_words(&mut self, counted: Counted, dimension: Dimension) {
        if let Groups::Texts(texts) = &mut self.groups {
            texts.reserve(counted.words.len());
            for (word, count) in counted.words.into_values() {
                *texts.entry(word).or_default() += count;
            }
            if counted.none.clicks > 0 {
                add_text(texts, dimension.absent(), counted.none);
            }
        }
    }

    /// The links or the pages that were counted, where it is divided by them.
    pub(super) fn visited(&self) -> impl Iterator<Item = u128> {
        match &self.groups {
            Groups::Visited(visited) => Some(visited.keys().copied()),
            Groups::Times(_) | Groups::Texts(_) => None,
        }
        .into_iter()
        .flatten()
    }

    /// The answer to a question, with what links and pages are where it divides by that. Codes are told by their tokens yet,
    /// all of them.
    pub(super) fn answer(self, question: &Question, catalog: &Catalog) -> Answer {
        let rows = match (&question.group, self.groups) {
            (Group::Buckets(begins), Groups::Times(times)) => Rows::Counts(in_buckets(begins, question.window, &times)),
            (Group::HourOfDay(offsets), Groups::Times(times)) => Rows::Counts(by_hour(offsets, &times)),
            (Group::Values(dimension, most), groups) => {
                let most = if *dimension == Dimension::Code { usize::MAX } else { *most };
                Rows::Values(match groups {
                    Groups::Texts(texts) => ranked(texts, most, |text| text.to_string()),
                    Groups::Visited(visited) => match dimension {
                        Dimension::Link => ranked(visited, most, |number| LinkId::from_bits(number).to_string()),
                        Dimension::Page => ranked(visited, most, |number| PageId::from_bits(number).to_string()),
                        _ => ranked(by_value(&visited, *dimension, catalog), most, |value| value.to_string()),
                    },
                    Groups::Times(_) => Vec::new(),
                })
            }
            (Group::Buckets(_) | Group::HourOfDay(_), _) => Rows::Counts(Vec::new()),
        };
        Answer { rows, total: self.total }
    }
}

impl Sum {
    /// About how many bytes it takes, with its words, though others may have them too.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>()
            + match &self.groups {
                Sums::Times(times) => size_of_val(&**times),
                Sums::Texts(texts) => {
                    size_of_val(&**texts) + texts.iter().map(|(text, _)| text.len() + 16).sum::<usize>()
                }
                Sums::Visited(numbers, counts) => size_of_val(&**numbers) + size_of_val(&**counts),
            }
    }
}

/// Clicks in the lower half of a number, visitors in the upper one: half as many additions in memory.
pub(super) const fn packed(click: u8, visitor: u8) -> u64 {
    click as u64 | (visitor as u64) << 32
}

/// What was [`packed`], and added up.
pub(super) fn unpacked(count: u64) -> Count {
    Count { clicks: count & u64::from(u32::MAX), visitors: count >> 32 }
}

const fn pack(count: Count) -> u64 {
    count.clicks | count.visitors << 32
}

/// Adds to the count of a text.
pub(super) fn add_text(texts: &mut Table<Arc<str>>, text: &str, count: Count) {
    match texts.get_mut(text) {
        Some(there) => *there += count,
        None => {
            texts.insert(text.into(), count);
        }
    }
}

/// Counts by time, in units that all begin at a multiple of their length.
#[derive(Clone, Debug)]
pub(super) struct Times {
    unit: i64,
    /// Units that lie together, under the number of the first divided by how many they are.
    pages: HashMap<i64, Page, foldhash::fast::RandomState>,
}

type Page = Box<[Count; PAGE]>;

/// Units on a page: a run of clicks, which spans some days, has its quarters of an hour on two or three.
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 8;

impl Times {
    fn new(unit: i64) -> Self {
        Self { unit, pages: HashMap::default() }
    }

    fn add(&mut self, at: i64, count: Count) {
        let number = at.div_euclid(self.unit);
        self.page(number >> PAGE_BITS)[place(number)] += count;
    }

    fn page(&mut self, number: i64) -> &mut [Count; PAGE] {
        self.pages.entry(number).or_insert_with(|| Box::new([Count::default(); PAGE]))
    }

    /// Adds the marked clicks of a chunk, whose moments these are.
    pub(super) fn add_marked(&mut self, at: Numbers<'_>, marks: &Marks) {
        // Divided by a constant it takes a third of the time, and nearly always it is this one.
        if self.unit == QUARTER_MS
            && let Some((least, above)) = at.narrow()
        {
            self.add_quarters(least, marks.of(above));
        } else {
            self.add_all(marks.each().map(|(place, count)| (at.at(place), count)));
        }
    }

    /// Adds clicks that are so far above a moment; all of them, as those that are not marked add nothing, and to ask takes longer.
    fn add_quarters<'m>(&mut self, least: i64, marked: impl Iterator<Item = (&'m [u8; 4], u64)>) {
        const QUARTER: u64 = QUARTER_MS.cast_unsigned();
        let (first, ahead) = (least.div_euclid(QUARTER_MS), least.rem_euclid(QUARTER_MS).cast_unsigned());
        let mut counts = Vec::new();
        for (above, count) in marked {
            let unit = (u64::from(u32::from_le_bytes(*above)) + ahead) / QUARTER;
            // Some five thousand at most, as a number of four bytes is less than fifty days.
            let unit = usize::try_from(unit).unwrap_or(0);
            if unit >= counts.len() {
                counts.resize(unit + 1, 0);
            }
            counts[unit] += count;
        }
        for (unit, count) in (first..).zip(counts).filter(|(_, count)| *count > 0) {
            self.page(unit >> PAGE_BITS)[place(unit)] += unpacked(count);
        }
    }

    /// Adds moments that mostly ascend.
    fn add_all(&mut self, counts: impl Iterator<Item = (i64, Count)>) {
        let unit = self.unit;
        let mut counts = counts.map(|(at, count)| (at.div_euclid(unit), count)).peekable();
        while let Some((first, _)) = counts.peek() {
            let number = first >> PAGE_BITS;
            let page = self.page(number);
            while let Some((unit, count)) = counts.next_if(|(unit, _)| unit >> PAGE_BITS == number) {
                page[place(unit)] += count;
            }
        }
    }

    /// The beginnings of units and their counts, in any order, without those that have none.
    fn each(&self) -> impl Iterator<Item = (i64, Count)> {
        self.pages.iter().flat_map(|(number, counts)| {
            let units = (*number << PAGE_BITS..).zip(counts.iter());
            units.filter(|(_, count)| count.clicks > 0).map(|(unit, count)| (unit * self.unit, *count))
        })
    }
}

/// The place of a unit on its page.
#[expect(clippy::cast_possible_truncation, reason = "less than the length of a page is left")]
const fn place(unit: i64) -> usize {
    unit.rem_euclid(1 << PAGE_BITS) as usize
}

/// The counts of buckets, each of which begins with a unit, or else with the window.
fn in_buckets(begins: &[Time], window: Window, times: &Times) -> Vec<Count> {
    let mut counts = vec![Count::default(); begins.len()];
    for (at, count) in times.each() {
        let at = at.max(window.from.unix_millis());
        let bucket = begins.partition_point(|begin| begin.unix_millis() <= at);
        if let Some(bucket) = bucket.checked_sub(1) {
            counts[bucket] += count;
        }
    }
    counts
}

fn by_hour(offsets: &[(Time, i32)], times: &Times) -> Vec<Count> {
    let mut counts = vec![Count::default(); 24];
    for (at, count) in times.each() {
        counts[hour(offsets, at)] += count;
    }
    counts
}

/// The hour of the day where local time is ahead of UTC by so much.
fn hour(offsets: &[(Time, i32)], at: i64) -> usize {
    let begun = offsets.partition_point(|(from, _)| from.unix_millis() <= at);
    let now = offsets.get(begun.saturating_sub(1));
    let local = at.saturating_add(now.map_or(0, |(_, seconds)| i64::from(*seconds) * 1000));
    usize::try_from(local.div_euclid(HOUR_MS).rem_euclid(24)).unwrap_or(0)
}

/// The counts of links and pages by what they are in a dimension.
fn by_value(visited: &Table<u128>, dimension: Dimension, catalog: &Catalog) -> Table<Arc<str>> {
    let mut values = Table::default();
    let absent = [Arc::from(dimension.absent())];
    for (number, count) in visited {
        let of_one = catalog.get(*number).map_or(&[][..], |properties| properties.values(dimension));
        for value in if of_one.is_empty() { &absent } else { of_one } {
            *values.entry(Arc::clone(value)).or_default() += *count;
        }
    }
    values
}

/// The values with most clicks, most first, as texts. Those of the same count are in the order of their values, which for ids
/// is that of their texts.
pub(super) fn ranked<K: Ord>(
    values: impl IntoIterator<Item = (K, Count)>,
    most: usize,
    text: impl Fn(K) -> String,
) -> Vec<(String, Count)> {
    let mut values: Vec<_> = values.into_iter().filter(|(_, count)| count.clicks > 0).collect();
    let before = |(a, one): &(K, Count), (b, other): &(K, Count)| other.clicks.cmp(&one.clicks).then_with(|| a.cmp(b));
    // As a rule a hundred are wanted of ten thousand: the rest is not sorted.
    if most < values.len() {
        values.select_nth_unstable_by(most, before);
        values.truncate(most);
    }
    values.sort_unstable_by(before);
    values.into_iter().map(|(value, count)| (text(value), count)).collect()
}
