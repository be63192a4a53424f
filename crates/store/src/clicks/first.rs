//! Telling a visitor's first click of a day from the later ones, as clicks are recorded.
//!
//! The mark is set once and kept with the click, so that visitors add up like clicks do, over any grouping and any split of
//! a window. A day is one of UTC, as the visitor's number is another one each day. What was seen of a day is held in memory,
//! sixteen bytes a visitor, and read again from what is recorded after a start or whenever its state is in doubt.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use super::columns::{Click, IS_COUNTED, IS_FIRST_OF_OWNER, IS_FIRST_OF_VISITED, KIND};

const DAY_MS: i64 = 86_400_000;

/// The newest days are held whatever they take: yesterday's last clicks come after midnight.
const NEWEST: usize = 2;
/// Visitors of other days that are held: an import comes with many days at once, in any order, and would else read each of
/// them again for each batch.
const MOST_ELSEWHERE: usize = 1 << 20;
/// After so many batches without a click of another day it is let go, as its import has gone on or ended.
const BATCHES: u64 = 64;

/// Who was seen, by day.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    days: HashMap<i64, Day>,
    batches: u64,
}

#[derive(Debug, Default)]
struct Day {
    keys: Keys,
    /// The batch that last had a click of this day.
    last: u64,
}

/// What stands for visitors. Each click looks two of them up.
type Keys = HashSet<u64, foldhash::fast::RandomState>;

/// What a batch adds to [`Seen`], once it is stored.
#[derive(Debug, Default)]
pub(super) struct Fresh(HashMap<i64, Keys>);

impl Seen {
    /// The days of these clicks that are not held yet, as spans of time: first the caller reads what is stored of them.
    pub(super) fn unknown_days(&self, clicks: &[Click]) -> Vec<std::ops::Range<i64>> {
        let days: HashSet<i64> = clicks.iter().map(day).filter(|day| !self.days.contains_key(day)).collect();
        days.into_iter().map(|day| day * DAY_MS..(day + 1) * DAY_MS).collect()
    }

    /// Takes in what is stored of a day.
    pub(super) fn learn(&mut self, span: &std::ops::Range<i64>, stored: &[Click]) {
        let day = span.start.div_euclid(DAY_MS);
        let batch = self.batches;
        let seen = self.days.entry(day).or_insert_with(|| Day { last: batch, ..Day::default() });
        seen.keys.extend(stored.iter().filter(|click| span.contains(&click.at)).flat_map(keys));
    }

    /// Marks the clicks that are firsts.
    pub(super) fn mark(&self, clicks: &mut [Click]) -> Fresh {
        let mut fresh = Fresh::default();
        let mut in_order: Vec<&mut Click> = clicks.iter_mut().collect();
        in_order.sort_by_key(|click| click.at);
        for click in in_order {
            let day = day(click);
            let seen = self.days.get(&day);
            let new = fresh.0.entry(day).or_default();
            for (key, flag) in keys(click).into_iter().zip([IS_FIRST_OF_OWNER, IS_FIRST_OF_VISITED]) {
                if !seen.is_some_and(|seen| seen.keys.contains(&key)) && new.insert(key) {
                    click.flags |= flag;
                }
            }
        }
        fresh
    }

    /// The batch is stored.
    pub(super) fn keep(&mut self, fresh: Fresh) {
        self.batches += 1;
        for (day, keys) in fresh.0 {
            let seen = self.days.entry(day).or_default();
            seen.keys.extend(keys);
            seen.last = self.batches;
        }
        self.let_go(MOST_ELSEWHERE);
    }

    /// Lets days go that are not among the newest: those that nobody came to for long, and where too many visitors are held,
    /// those that were not come to for longest.
    fn let_go(&mut self, most: usize) {
        let mut others: Vec<_> = self.days.iter().map(|(day, seen)| (*day, seen.last, seen.keys.len())).collect();
        others.sort_unstable_by_key(|(day, ..)| Reverse(*day));
        let mut others = others.split_off(NEWEST.min(others.len()));
        others.sort_unstable_by_key(|(day, last, _)| Reverse((*last, *day)));
        let mut held = 0;
        for (day, last, visitors) in others {
            held += visitors;
            if held > most || self.batches - last >= BATCHES {
                self.days.remove(&day);
            }
        }
    }

    /// Whether the batch is stored is not known: everything is read again.
    pub(super) fn forget(&mut self) {
        self.days.clear();
    }
}

/// What stands for a visitor among an owner's, and on a link or a page. People and programs are told apart, and so are
/// clicks of links, views of pages and clicks on blocks, so that each kind's visitors add up by themselves.
fn keys(click: &Click) -> [u64; 2] {
    let visitor = mix(click.visitor.cast_unsigned() ^ mix(click.owner.cast_unsigned() << 8 | kind(click)));
    [visitor, mix(visitor ^ mix(low(click.visited) ^ mix(low(click.visited >> 64))))]
}

fn kind(click: &Click) -> u64 {
    u64::from(click.flags & (IS_COUNTED | KIND))
}

/// The lower half of an id's bits.
fn low(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0)
}

/// Spreads a number's bits over all others (SplitMix64's last step).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn day(click: &Click) -> i64 {
    click.at.div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::{
        super::columns::{IS_OF_BLOCK, IS_VIEW, TEXTS},
        *,
    };

    /// A batch of one click on each of these days, by visitors from this one on.
    fn batch(days: impl IntoIterator<Item = i64>, visitor: i64) -> Vec<Click> {
        let click = |(place, day): (i64, i64)| Click {
            owner: 2,
            visited: 1,
            at: day * DAY_MS,
            visitor: visitor + place,
            flags: 0,
            texts: [0; TEXTS],
        };
        (0..).zip(days).map(click).collect()
    }

    fn record(seen: &mut Seen, clicks: &mut [Click]) -> usize {
        let unknown = seen.unknown_days(clicks);
        for span in &unknown {
            seen.learn(span, &[]);
        }
        let fresh = seen.mark(clicks);
        seen.keep(fresh);
        unknown.len()
    }

    #[test]
    fn days_in_any_order_are_read_once() {
        let mut seen = Seen::default();
        assert_eq!(record(&mut seen, &mut batch(0..365, 0)), 365);
        for turn in 1..20 {
            let mut clicks = batch((0..365).rev(), 1000 * turn);
            assert_eq!(record(&mut seen, &mut clicks), 0, "they are held");
            assert_eq!(record(&mut seen, &mut clicks), 0);
        }
        let mut again = batch(0..365, 0);
        record(&mut seen, &mut again);
        assert!(again.iter().all(|click| click.flags == 0), "each was there before");
    }

    #[test]
    fn days_that_nobody_comes_to_are_let_go() {
        let mut seen = Seen::default();
        record(&mut seen, &mut batch(0..10, 0));
        for turn in 0..BATCHES.cast_signed() {
            record(&mut seen, &mut batch([9], turn));
        }
        let mut days: Vec<_> = seen.days.keys().copied().collect();
        days.sort_unstable();
        assert_eq!(days, [8, 9]);
    }

    #[test]
    fn each_kind_of_visit_has_its_first() {
        let mut seen = Seen::default();
        let mut clicks: Vec<_> = batch([0; 6], 0).iter().map(|click| Click { visitor: 1, ..*click }).collect();
        for (click, flags) in
            clicks.iter_mut().zip([0, IS_VIEW, IS_OF_BLOCK, IS_COUNTED, IS_COUNTED | IS_VIEW, IS_VIEW])
        {
            click.flags = flags;
        }
        record(&mut seen, &mut clicks);
        let both = IS_FIRST_OF_OWNER | IS_FIRST_OF_VISITED;
        let marks: Vec<_> = clicks.iter().map(|click| click.flags & both).collect();
        assert_eq!(marks, [both, both, both, both, both, 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Seen::default();
        for day in (0..6).rev() {
            record(&mut seen, &mut batch([day; 50], day * 1000));
        }
        // Each visitor is two keys, one for the owner and one for the link. What stays are the newest two days, and the two
        // that were come to last.
        seen.let_go(200);
        let mut days: Vec<_> = seen.days.keys().copied().collect();
        days.sort_unstable();
        assert_eq!(days, [0, 1, 4, 5]);
    }
}
