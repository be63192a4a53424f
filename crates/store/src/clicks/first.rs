//! Telling a visitor's first click of a day from the later ones, as clicks are recorded.
//!
//! The mark is set once and kept with the click, so that visitors add up like clicks do, over any grouping and any split of
//! a window. A day is one of UTC, as the visitor's number is another one each day. What was seen of a day is held in memory,
//! sixteen bytes a visitor, and read again from what is recorded after a start or whenever its state is in doubt.

use std::collections::{HashMap, HashSet};

use super::columns::{Click, IS_COUNTED, IS_FIRST_OF_LINK, IS_FIRST_OF_OWNER};

const DAY_MS: i64 = 86_400_000;

/// Days that are held at once: yesterday's last clicks come after midnight.
const DAYS: usize = 2;

/// Who was seen, by day.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<i64, HashSet<u64>>);

/// What a batch adds to [`Seen`], once it is stored.
#[derive(Debug, Default)]
pub(super) struct Fresh(HashMap<i64, HashSet<u64>>);

impl Seen {
    /// The days of these clicks that are not held yet, as spans of time: first the caller reads what is stored of them.
    pub(super) fn unknown_days(&self, clicks: &[Click]) -> Vec<std::ops::Range<i64>> {
        let days: HashSet<i64> = clicks.iter().map(day).filter(|day| !self.0.contains_key(day)).collect();
        days.into_iter().map(|day| day * DAY_MS..(day + 1) * DAY_MS).collect()
    }

    /// Takes in what is stored of a day.
    pub(super) fn learn(&mut self, span: &std::ops::Range<i64>, stored: &[Click]) {
        let day = span.start.div_euclid(DAY_MS);
        let seen = self.0.entry(day).or_default();
        seen.extend(stored.iter().filter(|click| span.contains(&click.at)).flat_map(keys));
    }

    /// Marks the clicks that are firsts.
    pub(super) fn mark(&self, clicks: &mut [Click]) -> Fresh {
        let mut fresh = Fresh::default();
        let mut in_order: Vec<&mut Click> = clicks.iter_mut().collect();
        in_order.sort_by_key(|click| click.at);
        for click in in_order {
            let day = day(click);
            let seen = self.0.get(&day);
            let new = fresh.0.entry(day).or_default();
            for (key, flag) in keys(click).into_iter().zip([IS_FIRST_OF_OWNER, IS_FIRST_OF_LINK]) {
                if !seen.is_some_and(|seen| seen.contains(&key)) && new.insert(key) {
                    click.flags |= flag;
                }
            }
        }
        fresh
    }

    /// The batch is stored.
    pub(super) fn keep(&mut self, fresh: Fresh) {
        for (day, keys) in fresh.0 {
            self.0.entry(day).or_default().extend(keys);
        }
        while self.0.len() > DAYS {
            let oldest = self.0.keys().min().copied();
            oldest.and_then(|day| self.0.remove(&day));
        }
    }

    /// Whether the batch is stored is not known: everything is read again.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// What stands for a visitor among an owner's, and on a link. People and programs are told apart, so that each kind's
/// visitors add up by themselves.
fn keys(click: &Click) -> [u64; 2] {
    let visitor = mix(click.visitor.cast_unsigned() ^ mix(click.owner.cast_unsigned() << 1 | kind(click)));
    [visitor, mix(visitor ^ mix(low(click.link) ^ mix(low(click.link >> 64))))]
}

fn kind(click: &Click) -> u64 {
    u64::from(click.flags & IS_COUNTED)
}

/// The lower half of a link's bits.
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
