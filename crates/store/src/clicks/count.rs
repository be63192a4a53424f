//! Counting: chunk after chunk, column by column.
//!
//! A [`Counter`] holds what is asked of each click ([`Shape`]) and what was found so far. For each chunk it first marks which
//! clicks meet the question, one condition after the other over the columns that they need, and then adds the marked ones to
//! their groups. A chunk in which a wanted word does not occur is left at once, and the times of clicks are not even read
//! where all of them lie in the window. The loops run over bytes without branches, which is most of what makes them fast.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use mask_core::{
    id::{LinkId, PageId},
    question::{Bots, Condition, Count, Dimension, Group, Question, Subject, Window},
    time::Time,
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::{
    chunk::{Chunk, Coded, Codes},
    columns::{Column, IS_BOT, IS_COUNTED, IS_FIRST_OF_OWNER, IS_FIRST_OF_VISITED, KIND, QUARTER_MS, kind_of},
    lexicon::{Counts, Lexicon},
    tally::{Groups, Table, Tally, add_text, packed, unpacked},
};

/// Links and pages by their numbers, one of which is looked up for each that a chunk has.
pub(super) type Numbers = HashSet<u128, foldhash::fast::RandomState>;

/// What links and pages are, by their numbers, as far as a question asks.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Those that meet the conditions upon links and pages; `None` when there are no such conditions.
    pub(super) allowed: Option<Numbers>,
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

/// What is asked of each click, whenever it was and whatever else is known of its link: questions of one shape have parts in
/// common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// The number of the link or the page that it is about.
    pub(super) of: Option<u128>,
    pub(super) by: By,
    bots: Bots,
    /// Which of the flags in [`KIND`] are set.
    kind: u8,
    /// What a column's word must be, and what stands for a missing one.
    conditions: Vec<(Column, String, &'static str)>,
}

/// What clicks are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// Units of time of so many milliseconds.
    Time(i64),
    /// A property of the click.
    Text(Dimension),
    /// The link or the page. Questions by its properties are answered from that.
    Visited,
}

impl By {
    fn of(question: &Question) -> Self {
        match question.group {
            Group::Buckets(_) | Group::HourOfDay(_) => Self::Time(unit(question)),
            Group::Values(dimension, _) if Column::of(dimension).is_some() => Self::Text(dimension),
            Group::Values(..) => Self::Visited,
        }
    }

    pub(super) fn column(self) -> Column {
        match self {
            Self::Time(_) => Column::AT,
            Self::Text(dimension) => Column::of(dimension).unwrap_or(Column::VISITED),
            Self::Visited => Column::VISITED,
        }
    }
}

/// The longest unit of time with which all buckets but the first begin, or all hours.
///
/// Hours of clocks that were seconds apart from Greenwich's, of which Monrovia's were the last, until 7 January 1972, are taken as
/// they were since: nothing was visited then, and to count by the second takes what memory there is.
fn unit(question: &Question) -> i64 {
    const SHORTER: [i64; 2] = [60_000, 1_000];
    const WHOLE_MINUTES: Time = Time::from_unix_millis(63_676_800_000);
    let from = question.window.from;
    let edges: Vec<i64> = match &question.group {
        Group::Buckets(begins) => {
            begins.iter().filter(|begin| **begin > from).map(|begin| begin.unix_millis()).collect()
        }
        Group::HourOfDay(offsets) => {
            let from = from.max(WHOLE_MINUTES);
            let later = || offsets.iter().filter(|(at, _)| *at > from);
            let in_force = offsets.iter().rfind(|(at, _)| *at <= from).into_iter().chain(later());
            later()
                .map(|(at, _)| at.unix_millis())
                .chain(in_force.map(|(_, seconds)| i64::from(*seconds) * 1000))
                .collect()
        }
        Group::Values(..) => Vec::new(),
    };
    let fits = |unit: &i64| edges.iter().all(|edge| edge % unit == 0);
    std::iter::once(QUARTER_MS).chain(SHORTER).find(fits).unwrap_or(1)
}

impl Shape {
    /// The shape of a question. What its conditions say of links and pages goes into what is known.
    pub(super) fn of(question: &Question, known: &mut Known) -> Self {
        let mut conditions: Vec<(Column, String, &'static str)> = Vec::new();
        for Condition { dimension, value } in &question.conditions {
            match (dimension, Column::of(*dimension)) {
                // What is no id names nothing, nor does the id of a code that is not known.
                (Dimension::Link, _) => known.allow_only(LinkId::parse(value).ok().map(LinkId::bits)),
                (Dimension::Page, _) => known.allow_only(PageId::parse(value).ok().map(PageId::bits)),
                (Dimension::Code, _) => match known.codes.get(value) {
                    Some(token) => conditions.push((Column::PART, token.to_string(), "")),
                    None => known.allow_only(None),
                },
                (_, Some(column)) => conditions.push((column, value.clone(), dimension.absent())),
                // What the link or the page has of it was looked up.
                (_, None) => {}
            }
        }
        if question.subject == Subject::Scans {
            conditions.push((Column::SOURCE, "qr".to_owned(), ""));
        }
        if let Some(Target::Block(_, block)) = question.of {
            conditions.push((Column::PART, block.to_string(), ""));
        }
        let of = question.of.map(Target::bits);
        Self { of, by: By::of(question), bots: question.bots, kind: kind_of(question.subject), conditions }
    }

    /// Whether a condition looks at this column.
    pub(super) fn has_condition_on(&self, column: Column) -> bool {
        self.conditions.iter().any(|(of, ..)| *of == column)
    }

    /// All visits of this kind, whoever made them, by link or page.
    pub(super) fn of_all(subject: Subject) -> Self {
        let kind = kind_of(subject);
        Self { of: None, by: By::Visited, bots: Bots::With, kind, conditions: Vec::new() }
    }
}

/// See the module.
pub(super) struct Counter<'s> {
    owner: Owner,
    shape: &'s Shape,
    /// Links and pages that may be counted; all where it is `None`.
    allowed: Option<&'s Numbers>,
    /// The link or the page that it is about, or that is allowed, where it is one alone: nothing else has to be read.
    pub(super) only: Option<u128>,
    /// What is counted; everything where it is `None`.
    pub(super) window: Option<Window>,
    pub(super) tally: Tally,
}

/// Of each click of a chunk: 1 where it is among those asked about, and so is 0 or 1 for visitors.
pub(super) struct Marks {
    first: usize,
    clicks: Vec<u8>,
    visitors: Vec<u8>,
}

impl<'s> Counter<'s> {
    pub(super) fn new(owner: Owner, shape: &'s Shape, allowed: Option<&'s Numbers>, window: Option<Window>) -> Self {
        let only_allowed = || match allowed {
            Some(allowed) if allowed.len() == 1 => allowed.iter().next().copied(),
            _ => None,
        };
        let only = shape.of.or_else(only_allowed);
        Self { owner, shape, allowed, only, window, tally: Tally::new(shape.by) }
    }

    /// The columns that it looks at, without the owners'.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::FLAGS, self.shape.by.column()];
        columns.extend(self.shape.conditions.iter().map(|(column, ..)| *column));
        columns.extend(self.window.map(|_| Column::AT));
        columns.extend(self.allowed.map(|_| Column::VISITED));
        columns.extend(self.shape.of.map(|_| Column::VISITED));
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Adds a chunk; `is_mixed` when clicks of other owners may be in it. `None` when the chunk cannot be read.
    pub(super) fn add(&mut self, chunk: &Chunk<'_>, is_mixed: bool) -> Option<()> {
        let marks = self.mark(chunk, is_mixed)?;
        if marks.clicks.is_empty() {
            return Some(());
        }
        self.tally.total += marks.sum(0..marks.clicks.len());
        self.group(chunk, &marks)
    }

    /// Adds the chunk at this place of a run, which is one owner's, to the counts of the run's words.
    pub(super) fn add_words(
        &mut self,
        lexicon: &Lexicon,
        counts: &mut Counts,
        place: usize,
        chunk: &Chunk<'_>,
    ) -> Option<()> {
        let marks = self.mark(chunk, false)?;
        if marks.clicks.is_empty() {
            return Some(());
        }
        self.tally.total += marks.sum(0..marks.clicks.len());
        lexicon.add(counts, place, &marks)
    }

    /// Where all clicks lie that can meet the question: everywhere, or where those of the one link or page do, or nowhere.
    fn places(&self, chunk: &Chunk<'_>) -> Option<Range<usize>> {
        match self.only {
            None => Some(0..chunk.len),
            Some(number) if self.allowed.is_some_and(|allowed| !allowed.contains(&number)) => Some(0..0),
            // Two owners never have the same link or page, so its clicks lie together in a mixed chunk too.
            Some(number) => chunk.places_of(number),
        }
    }

    /// Which clicks meet the question; no marks at all when none can. `is_mixed` when clicks of other owners may be in the chunk.
    pub(super) fn mark(&self, chunk: &Chunk<'_>, is_mixed: bool) -> Option<Marks> {
        let places = self.places(chunk)?;
        let flags = &chunk.flags()?[places.clone()];
        let kind = self.shape.kind;
        let is = |mask: u8, flag: u8| flags.iter().map(move |flags| u8::from(flags & (KIND | mask) == kind | flag));
        let mut clicks: Vec<u8> = match self.shape.bots {
            Bots::Without => is(IS_COUNTED, IS_COUNTED).collect(),
            Bots::With => {
                let is_known = flags.iter().map(|flags| u8::from(flags & (IS_COUNTED | IS_BOT) != 0));
                is(0, 0).zip(is_known).map(|(is_kind, is_known)| is_kind & is_known).collect()
            }
            Bots::Only => is(IS_COUNTED | IS_BOT, IS_BOT).collect(),
        };
        for (column, wanted, absent) in &self.shape.conditions {
            let texts = chunk.coded(*column)?;
            let fits = |word: Option<&[u8]>| word.unwrap_or(absent.as_bytes()) == wanted.as_bytes();
            let fits: Vec<_> = texts.words.each().map(|word| u8::from(fits(word))).collect();
            if !fits.contains(&1) {
                return Some(Marks { first: places.start, clicks: Vec::new(), visitors: Vec::new() });
            }
            keep_fitting(&mut clicks, &texts, &fits, places.start);
        }
        if let Some(Window { from, to }) = self.window {
            chunk.numbers(Column::AT)?.keep_between(&mut clicks, places.start, from.unix_millis(), to.unix_millis());
        }
        if is_mixed {
            let owner = self.owner.number();
            chunk.numbers(Column::OWNER)?.keep_between(&mut clicks, places.start, owner, owner + 1);
        }
        if let (Some(allowed), None) = (self.allowed, self.only) {
            let visited = chunk.visited()?;
            let others = visited.into_iter().filter(|(visited, _)| !allowed.contains(visited));
            others.for_each(|(_, places)| clicks[places].fill(0));
        }
        let is_first = if self.shape.of.is_some() { IS_FIRST_OF_VISITED } else { IS_FIRST_OF_OWNER };
        let visitors = clicks.iter().zip(flags).map(|(keep, flags)| keep & u8::from(flags & is_first != 0));
        Some(Marks { first: places.start, visitors: visitors.collect(), clicks })
    }

    fn group(&mut self, chunk: &Chunk<'_>, marks: &Marks) -> Option<()> {
        match (self.shape.by, &mut self.tally.groups) {
            (_, Groups::Times(times)) => {
                times.add_marked(chunk.numbers(Column::AT)?, marks);
            }
            (By::Text(dimension), Groups::Texts(values)) => {
                add_texts(values, chunk.coded(self.shape.by.column())?, dimension, marks)?;
            }
            (_, Groups::Visited(visited)) => add_visited(visited, &chunk.visited()?, marks),
            (_, Groups::Texts(_)) => {}
        }
        Some(())
    }
}

impl Marks {
    /// So many clicks, all of them marked, and none a visitor's first.
    #[cfg(test)]
    pub(super) fn of_all(clicks: usize) -> Self {
        Self { first: 0, clicks: vec![1; clicks], visitors: vec![0; clicks] }
    }

    /// Adds up some of the marks, by their places among them.
    fn sum(&self, places: Range<usize>) -> Count {
        let sum = |marks: &[u8]| marks[places.clone()].iter().map(|mark| u64::from(*mark)).sum();
        Count { clicks: sum(&self.clicks), visitors: sum(&self.visitors) }
    }

    /// How many of the marked clicks have each code, and visitors, as one number each.
    pub(super) fn by_code(&self, codes: Codes<'_>, len: usize) -> Vec<u64> {
        let mut counts = vec![0; len];
        match codes {
            Codes::All(code) => {
                let sum = self.sum(0..self.clicks.len());
                counts[usize::from(code)] = sum.clicks | sum.visitors << 32;
            }
            Codes::Bytes(codes) => self.of(codes).for_each(|(code, count)| counts[usize::from(*code)] += count),
            Codes::Pairs(codes) => {
                self.of(codes).for_each(|(code, count)| counts[usize::from(u16::from_le_bytes(*code))] += count);
            }
        }
        counts
    }

    /// What each click has of a column, and what it counts, as one number; of those that are not marked that is nothing.
    pub(super) fn of<'c, T>(&self, column: &'c [T]) -> impl Iterator<Item = (&'c T, u64)> {
        self.of_part(column.get(self.first..).unwrap_or_default())
    }

    /// The same of a column that has what the clicks have among which these are marked, and no more.
    pub(super) fn of_part<'c, T>(&self, column: &'c [T]) -> impl Iterator<Item = (&'c T, u64)> {
        let counts = self.clicks.iter().zip(&self.visitors).map(|(click, visitor)| packed(*click, *visitor));
        column.iter().zip(counts)
    }

    /// The marked clicks, by their places in the chunk.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, Count)> {
        let marks = self.clicks.iter().zip(&self.visitors).enumerate().filter(|(_, (click, _))| **click != 0);
        marks.map(|(place, (_, visitor))| (self.first + place, Count { clicks: 1, visitors: u64::from(*visitor) }))
    }
}

/// Takes the mark from clicks whose word does not fit; `fits` has a 1 for each word that does.
fn keep_fitting(marks: &mut [u8], texts: &Coded<'_>, fits: &[u8], first: usize) {
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

fn add_texts(values: &mut Table<Arc<str>>, texts: Coded<'_>, dimension: Dimension, marks: &Marks) -> Option<()> {
    let counts = marks.by_code(texts.codes, texts.words.len);
    if values.is_empty() {
        values.reserve(texts.words.len);
    }
    for (word, count) in texts.words.each().zip(counts).filter(|(_, count)| *count > 0) {
        let word = word.map_or(Some(dimension.absent()), |word| std::str::from_utf8(word).ok());
        add_text(values, word?, unpacked(count));
    }
    Some(())
}

fn add_visited(groups: &mut Table<u128>, visited: &[(u128, Range<usize>)], marks: &Marks) {
    for (number, places) in visited {
        let (begin, end) = (places.start.max(marks.first), places.end.min(marks.first + marks.clicks.len()));
        if begin < end {
            let count = marks.sum(begin - marks.first..end - marks.first);
            if count.clicks > 0 {
                *groups.entry(*number).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_counted_by_the_minute_at_least() {
        let amsterdam = 1172;
        let of = |from: i64, offsets: &[(i64, i32)]| {
            let at = |seconds: i64| Time::from_unix_millis(seconds * 1000);
            let group = Group::HourOfDay(offsets.iter().map(|(from, offset)| (at(*from), *offset)).collect());
            let window = Window { from: at(from), to: at(2_000_000_000) };
            let (subject, of, bots) = (Subject::Clicks, None, Bots::Without);
            unit(&Question { window, group, subject, of, conditions: Vec::new(), bots })
        };
        let since_1930 =
            [(-1_262_304_000, amsterdam), (-1_025_741_972, 1200), (-935_107_200, 3600), (1_774_746_000, 2 * 3600)];
        assert_eq!(of(-1_262_304_000, &since_1930), QUARTER_MS, "those are over since long");
        assert_eq!(of(1_700_000_000, &[(1_700_000_000, 20_700)]), QUARTER_MS, "Kathmandu");
        assert_eq!(of(1_700_000_000, &[(1_700_000_000, 1200)]), 60_000);
    }
}
