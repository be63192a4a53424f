//! How SQLite is led to a page of links. It counts nothing, so it could not tell a filter that finds three links from one
//! that finds all of them; whoever has to choose beforehand is wrong by a thousand times for some.
//!
//! So several ways are begun side by side ([`Tx::side_by_side`]). One goes along the index of the sort and tests each link,
//! which ends soon where many links meet the filter. Each other lists the numbers that an index knows for a part of the
//! filter, which ends soon where few do. How far each has come tells how long it will take: a list's numbers come in their
//! order, so what is read of it is to what is left as the numbers passed are to those ahead. The way that seems shortest
//! goes on, and the others get a small share of the time, should it only have seemed so.
//!
//! A number is read from an index thirty to fifty times as fast as a row from the table. So what one index has listed may
//! be set against another's list, which goes on from where it is, and against the order of the sort, which is an index too
//! ([`Field::walk`]); rows are read where there is no other way, and whole rows of a page's worth alone. Which of these is
//! the cheapest is a guess from what was seen until then ([`Race::plan`]). A guess that was wrong is given up at twice its
//! cost, or at the cost of reading the rows.
//!
//! When a link was made is never set against a list: the index of each sort says it beside the number.
//!
//! All of it reads the state of one moment, and every link that is shown was tested against the whole filter.

use std::{collections::HashSet, ops::ControlFlow, time::Duration};

use mask_core::workspace::Owner;

use super::{
    super::Filter, Listing, Page, Part, Query, Sort, Way, candidates, made_within, order, question, tests, times,
    trigrams,
};
use crate::{
    Error,
    db::{Asker, Paced, Row, Run, Tx, Value},
};

/// How long a way is gone before it is thought about again.
const TURN: Duration = Duration::from_micros(50);

/// A way that does not seem to be the shortest has one part in so many of the time.
const SHARE_OF_OTHERS: u32 = 10;

/// Reading a row takes as long as so many steps along an index; this long.
const STEPS_FOR_A_ROW: f64 = 40.0;
const STEP: Duration = Duration::from_nanos(100);

type Numbers = HashSet<i64, foldhash::fast::RandomState>;

/// The way to a page: known numbers, or those among which it is; where there is no filter, a walk.
pub(super) fn way(tx: &mut Tx<'_>, owner: Owner, filter: &Filter, page: &Page) -> Result<Way, Error> {
    let newest = newest(tx)?;
    let listings = candidates(owner, filter, &mut |text| rarest(tx, text, newest))?;
    if listings.is_empty() {
        return Ok(Way::Walk);
    }
    let field = Field { owner, filter, page };
    let mut race = Race::new(&field, &listings, newest, reach(tx, owner, filter)?);
    let paced = listings.into_iter().map(|Listing { sql, values, .. }| Paced { sql, values, turn: TURN });
    let runners: Vec<_> = std::iter::once(field.test_all()).chain(paced).collect();
    tx.side_by_side(&runners, &mut race)?;
    match race.end() {
        End::Met(numbers) => Ok(Way::Take(numbers)),
        End::Among(numbers, expected) => field.among(tx, numbers, expected),
    }
}

/// What is asked for.
pub(super) struct Field<'f> {
    pub(super) owner: Owner,
    pub(super) filter: &'f Filter,
    pub(super) page: &'f Page,
}

impl Field<'_> {
    /// The way to a page that is among these numbers, of which so many are expected to meet the filter.
    pub(super) fn among(&self, tx: &mut Tx<'_>, numbers: Numbers, expected: f64) -> Result<Way, Error> {
        let rows = amount(numbers.len()) * STEPS_FOR_A_ROW;
        let all = amount(newest(tx)?);
        let (steps, tested) = self.steps(all, amount(numbers.len()), expected);
        if steps + tested <= rows
            && let Some(found) = self.walk(tx, &numbers, rows.max(2.0 * steps), all)?
        {
            return Ok(Way::Take(found));
        }
        Ok(Way::Look(numbers.into_iter().collect()))
    }

    /// How many steps it takes to fill a page along the index of the sort, and how many more to test, by their rows, those
    /// of so many numbers that it passes: of all links, when so many are expected on it.
    fn steps(&self, all: f64, numbers: f64, expected: f64) -> (f64, f64) {
        let part = (amount(self.page.limit + 1) / expected.max(0.5)).min(1.0);
        (all * part, numbers * part * STEPS_FOR_A_ROW)
    }

    /// Along the index of the sort, which alone is read, for those of these numbers that meet the filter. Nothing when so
    /// many steps, those that tests took among them, did not fill the page.
    fn walk(&self, tx: &mut Tx<'_>, numbers: &Numbers, most: f64, all: f64) -> Result<Option<Vec<i64>>, Error> {
        let mut walk = Walk { field: self, numbers, most, steps: 0.0, found: Vec::new(), has_ended: false };
        tx.side_by_side(&[self.go_along(most)], &mut walk)?;
        let has_seen_all = walk.has_ended && (most > all || !self.passes_over());
        Ok((has_seen_all || self.is_full(&walk.found)).then_some(walk.found))
    }

    fn meets(&self, tx: &mut Tx<'_>, number: i64) -> Result<bool, Error> {
        let (sql, values) = self.test_one(number);
        Ok(tx.first(&sql, &values)?.is_some())
    }

    fn is_full(&self, found: &[i64]) -> bool {
        found.len() > self.page.limit
    }

    /// Every link in the order of the page, and whether it meets the filter.
    pub(super) fn test_all(&self) -> Paced {
        let mut query = Query::default();
        let word = tests(self.owner, self.filter).into_iter().rev().fold("1".to_owned(), |word, (test, _)| {
            // Not AND, which may begin with what is behind it.
            format!("iif({test}, {word}, 0)")
        });
        let bound = tests(self.owner, self.filter).into_iter().flat_map(|(_, values)| values).collect();
        let word = query.bind_into((word, bound));
        self.along(query, &format!("seq, {word}"))
    }

    /// Whether the index of the sort says of links that they were made at other times than are asked for, but does not keep
    /// them apart.
    fn passes_over(&self) -> bool {
        self.page.sort != Sort::CreatedAt && !times(self.filter).is_empty()
    }

    /// Every link in the order of the page. Those of other times are passed over, which is not seen from here; so there an
    /// end comes after so many of all.
    #[expect(clippy::cast_possible_truncation, reason = "a number of steps")]
    pub(super) fn go_along(&self, most: f64) -> Paced {
        if !self.passes_over() {
            return self.along(Query::default(), "seq");
        }
        let Paced { sql, values, turn } = self.along(Query::default(), "seq, id");
        let mut query = Query { conditions: Vec::new(), values };
        for (time, values) in times(self.filter) {
            query.add(&time, values);
        }
        let sql =
            format!("SELECT seq FROM ({sql} LIMIT {}) WHERE {}", most.ceil() as i64, query.conditions.join(" AND "));
        Paced { sql, values: query.values, turn }
    }

    fn along(&self, mut query: Query, columns: &str) -> Paced {
        query.belong(self.owner, self.filter);
        if self.page.sort == Sort::CreatedAt {
            // Elsewhere the index would pass over links of other times without a word.
            for (time, values) in times(self.filter) {
                query.add(&time, values);
            }
        }
        query.go_on(self.page);
        let (index, conditions) = (self.page.sort.index(), query.conditions.join(" AND "));
        let sql =
            format!("SELECT {columns} FROM links INDEXED BY {index} WHERE {conditions} ORDER BY {}", order(self.page));
        Paced { sql, values: query.values, turn: TURN }
    }

    pub(super) fn test_one(&self, number: i64) -> (String, Vec<Value>) {
        let mut query = Query::default();
        query.add("seq = ?", vec![number.into()]);
        for (test, values) in tests(self.owner, self.filter) {
            query.add(&test, values);
        }
        (format!("SELECT 1 FROM links NOT INDEXED WHERE {}", query.conditions.join(" AND ")), query.values)
    }
}

/// See [`Field::walk`].
struct Walk<'w> {
    field: &'w Field<'w>,
    numbers: &'w Numbers,
    most: f64,
    steps: f64,
    found: Vec<i64>,
    has_ended: bool,
}

impl Asker for Walk<'_> {
    fn take(&mut self, tx: &mut Tx<'_>, _: usize, number: i64, _: bool) -> Result<ControlFlow<()>, Error> {
        self.steps += 1.0;
        if self.numbers.contains(&number) {
            self.steps += STEPS_FOR_A_ROW;
            if self.field.meets(tx, number)? {
                self.found.push(number);
            }
        }
        let is_enough = self.steps > self.most || self.field.is_full(&self.found);
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn next(&mut self, runs: &[Run]) -> Option<usize> {
        self.has_ended = runs[0].has_ended;
        (!self.has_ended).then_some(0)
    }
}

/// The ways side by side: the first tests all links, each other is a list.
struct Race<'r> {
    field: &'r Field<'r>,
    lists: Vec<List>,
    tested: usize,
    met: Vec<i64>,
    is_met_all: bool,
    all: usize,
    /// What part of all links was made within the times that are asked for.
    within: f64,
    plan: Option<Plan>,
}

/// A list as far as it is read.
struct List {
    part: Part,
    numbers: Vec<i64>,
    /// The first and the last number that it may have.
    reach: (i64, i64),
    /// Whether its numbers come in their order, as far as is known.
    is_ordered: bool,
    has_ended: bool,
}

/// What to do when the first list is at its end.
struct Plan {
    first: usize,
    /// The list that is set against it, and how long that may take.
    other: Option<(usize, Duration)>,
    /// How many of the first one's numbers meet the filter.
    expected: f64,
}

/// How a race ended.
enum End {
    /// With the numbers of the page.
    Met(Vec<i64>),
    /// With numbers among which it is, and how many of them meet the filter, as far as one can guess.
    Among(Numbers, f64),
}

impl List {
    /// How much of it is read.
    fn progress(&self) -> Option<f64> {
        let (from, to) = self.reach;
        let last = *self.numbers.last().filter(|_| self.is_ordered)?;
        Some(share(span(from, last), span(from, to)))
    }

    fn add(&mut self, number: i64) {
        self.is_ordered &= self.numbers.last().is_none_or(|last| *last < number);
        self.numbers.push(number);
    }

    /// How long it takes to its end.
    fn ahead(&self, run: &Run) -> Duration {
        // Where nothing is known, as long again.
        let progress = self.progress().unwrap_or(0.5).clamp(0.001, 1.0);
        run.spent.saturating_sub(run.opening).mul_f64((1.0 - progress) / progress)
    }

    /// How many numbers it will have had at its end.
    fn total(&self) -> f64 {
        let read = amount(self.numbers.len());
        if self.has_ended { read } else { read / self.progress().unwrap_or(0.5).clamp(0.001, 1.0) }
    }
}

impl<'r> Race<'r> {
    fn new(field: &'r Field<'r>, listings: &[Listing], all: usize, reach: Option<(i64, i64)>) -> Self {
        let every = (0, i64::try_from(all).unwrap_or(i64::MAX));
        let list = |listing: &Listing| {
            let reach = reach.filter(|_| listing.part == Part::Time).unwrap_or(every);
            List { part: listing.part, numbers: Vec::new(), reach, is_ordered: true, has_ended: false }
        };
        let within = reach.map_or(1.0, |(from, to)| share(span(from, to), all).min(1.0));
        let lists = listings.iter().map(list).collect();
        Self { field, lists, tested: 0, met: Vec::new(), is_met_all: false, all, within, plan: None }
    }

    /// How long it takes to the page along the index of the sort.
    fn ahead(&self, spent: Duration) -> Duration {
        let missing = amount(self.field.page.limit + 1 - self.met.len());
        spent.mul_f64(missing / (amount(self.met.len()) + 0.5))
    }

    /// Whose turn it is, as long as no list is at its end.
    fn turn(&self, runs: &[Run]) -> Option<usize> {
        if let Some(place) = runs.iter().position(|run| run.spent.is_zero()) {
            return Some(place);
        }
        let all: Duration = runs.iter().map(|run| run.spent).sum();
        if let Some(place) = runs.iter().position(|run| run.spent * SHARE_OF_OTHERS < all) {
            return Some(place);
        }
        let lists = self.lists.iter().zip(&runs[1..]).map(|(list, run)| list.ahead(run) + self.after(list));
        std::iter::once(self.ahead(runs[0].spent))
            .chain(lists)
            .enumerate()
            .min_by_key(|(_, ahead)| *ahead)
            .map(|way| way.0)
    }

    /// How long it takes from the end of a list to the page, if no other list is of use.
    fn after(&self, list: &List) -> Duration {
        let numbers = list.total();
        let met = share(self.met.len(), self.tested) * amount(self.all);
        took(self.finish(numbers, met.clamp(0.5, numbers.max(0.5))))
    }

    /// How many steps it takes to a page among so many numbers, of which so many are expected to meet the filter.
    fn finish(&self, numbers: f64, expected: f64) -> f64 {
        let (steps, tests) = self.field.steps(amount(self.all), numbers, expected);
        (steps + tests).min(numbers * STEPS_FOR_A_ROW)
    }

    /// What to do with a list that is at its end.
    fn plan(&self, first: usize, runs: &[Run]) -> Plan {
        let numbers = &self.lists[first].numbers;
        let count = amount(numbers.len());
        let within = if self.lists[first].part == Part::Time { 1.0 } else { self.within };
        let others =
            || self.lists.iter().enumerate().filter(|(place, list)| *place != first && list.part != Part::Time);
        let expected = others().fold(count * within, |met, (_, other)| met * self.in_both(numbers, other));
        let alone = took(self.finish(count, expected));
        let other = others()
            .map(|(place, other)| {
                let ahead = other.ahead(&runs[place + 1]);
                let left = took(self.finish(count * self.in_both(numbers, other), expected));
                (place, ahead, ahead + left)
            })
            .filter(|(_, _, whole)| *whole < alone)
            .min_by_key(|(_, _, whole)| *whole)
            .map(|(place, ahead, _)| (place, runs[place + 1].spent + 2 * ahead + TURN));
        Plan { first, other, expected }
    }

    /// What part of a list's numbers another has too, as far as that is read.
    fn in_both(&self, numbers: &[i64], other: &List) -> f64 {
        // So few would be chance.
        const FEW: usize = 16;
        let (first, last) = (other.numbers.iter().min(), other.numbers.iter().max());
        let known: Numbers = other.numbers.iter().copied().collect();
        let passed = |number: &&i64| other.has_ended || Some(*number) >= first && Some(*number) <= last;
        let (passed, both) = numbers
            .iter()
            .filter(passed)
            .fold((0, 0), |(passed, both), number| (passed + 1, both + usize::from(known.contains(number))));
        if passed >= FEW && (other.is_ordered || other.has_ended) {
            return share(both, passed).min(1.0);
        }
        (other.total() / amount(self.all)).clamp(0.0, 1.0)
    }

    fn end(self) -> End {
        let Some(plan) = self.plan.filter(|_| !self.is_met_all) else { return End::Met(self.met) };
        let mut lists = self.lists;
        let other = plan.other.map(|(place, _)| place).filter(|place| lists[*place].has_ended);
        let other = other.map(|place| std::mem::take(&mut lists[place].numbers).into_iter().collect::<Numbers>());
        let first = std::mem::take(&mut lists[plan.first].numbers).into_iter();
        let numbers: Numbers =
            first.filter(|number| other.as_ref().is_none_or(|other| other.contains(number))).collect();
        End::Among(numbers, plan.expected)
    }
}

impl Asker for Race<'_> {
    fn take(&mut self, _: &mut Tx<'_>, place: usize, number: i64, is_met: bool) -> Result<ControlFlow<()>, Error> {
        if let Some(list) = place.checked_sub(1) {
            self.lists[list].add(number);
        } else {
            self.tested += 1;
            self.met.extend(is_met.then_some(number));
            self.is_met_all = self.field.is_full(&self.met);
        }
        Ok(if self.is_met_all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn next(&mut self, runs: &[Run]) -> Option<usize> {
        for (list, run) in self.lists.iter_mut().zip(&runs[1..]) {
            list.has_ended = run.has_ended;
        }
        self.is_met_all = runs[0].has_ended;
        if self.is_met_all {
            return None;
        }
        if self.plan.is_none() {
            let Some(first) = self.lists.iter().position(|list| list.has_ended) else { return self.turn(runs) };
            self.plan = Some(self.plan(first, runs));
        }
        let (other, most) = self.plan.as_ref()?.other?;
        (!runs[other + 1].has_ended && runs[other + 1].spent < most).then_some(other + 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a guess")]
fn amount(count: usize) -> f64 {
    count as f64
}

fn took(steps: f64) -> Duration {
    STEP.mul_f64(steps)
}

/// What part of all so many are; never nothing, as the next may be one.
fn share(some: usize, all: usize) -> f64 {
    (amount(some) + 0.5) / (amount(all) + 1.0)
}

/// How many numbers are from one to another.
fn span(from: i64, to: i64) -> usize {
    usize::try_from(to - from + 1).unwrap_or_default()
}

/// The newest link's number: there are as many links, or fewer.
fn newest(tx: &mut Tx<'_>) -> Result<usize, Error> {
    let newest = number(tx.first("SELECT max(seq) FROM links", &[])?)?;
    Ok(usize::try_from(newest.unwrap_or_default()).unwrap_or_default())
}

fn number(row: Option<Row>) -> Result<Option<i64>, Error> {
    Ok(row.map(|row| row.columns("links").optional_integer("seq")).transpose()?.flatten())
}

/// The first and the last of the links that were made within the times that are asked for. Numbers follow time, nearly.
fn reach(tx: &mut Tx<'_>, owner: Owner, filter: &Filter) -> Result<Option<(i64, i64)>, Error> {
    if filter.created_after.is_none() && filter.created_before.is_none() {
        return Ok(None);
    }
    let (range, values) = made_within(owner, filter);
    let mut end = |order: &str| number(tx.first(&format!("SELECT seq {range} ORDER BY id {order} LIMIT 1"), &values)?);
    Ok(Some((end("ASC")?.unwrap_or_default(), end("DESC")?.unwrap_or_default())))
}

/// A question for the trigrams of a text that the fewest links have. Of a long text several are looked at: how far apart the
/// numbers are, of some links that have one, tells how many have it. The index goes through the whole list of each that is
/// asked for, so there are few, and none that most links have.
pub(super) fn rarest(tx: &mut Tx<'_>, text: &str, newest: usize) -> Result<String, Error> {
    const ASKED: usize = 3;
    const LOOKED_AT: usize = 8;
    const LINKS: i64 = 16;
    const SQL: &str =
        "SELECT rowid FROM links_search WHERE links_search MATCH $1 AND rowid >= $2 ORDER BY rowid LIMIT $3";
    let few = trigrams(text, ASKED);
    if few.len() < ASKED {
        return Ok(question(&few));
    }
    let middle = i64::try_from(newest / 2).unwrap_or_default();
    let mut all = Vec::new();
    for trigram in trigrams(text, LOOKED_AT) {
        let values = [question(std::slice::from_ref(&trigram)).into(), middle.into(), LINKS.into()];
        let found = tx.query(SQL, &values)?;
        let count = found.len();
        let last = number(found.into_iter().last().filter(|_| i64::try_from(count) == Ok(LINKS)))?;
        let apart = last.map_or(newest, |last| span(middle, last)) / count.max(1);
        all.push((std::cmp::Reverse(apart), trigram));
    }
    all.sort();
    let is_of_use = |(place, (apart, _)): &(usize, &(std::cmp::Reverse<usize>, String))| *place == 0 || apart.0 > 2;
    let asked: Vec<_> =
        all.iter().enumerate().filter(is_of_use).take(ASKED).map(|(_, (_, trigram))| trigram.clone()).collect();
    Ok(question(&asked))
}
