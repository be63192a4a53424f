//! Days and hours as people live them: where the buckets of a chart begin, in any time zone.
//!
//! Statistics are kept in moments and asked in days. This is the one place that knows how the two meet, so that no store
//! has to know a zone: a question carries the moments at which its buckets begin ([`crate::question::Group`]). Dividing
//! seconds by 86,400 was rejected for all but UTC: a day may last 23 or 25 hours, its midnight may not exist (clocks go
//! from 23:59 to 01:00), and in a few places a whole day never was.
//!
//! What must stay true: buckets ascend, each begins where the one before ends, and without a limit they cover the window
//! exactly; so their counts add up to the window's. They are made from the newest on, and no more than are wanted, so a
//! window of a thousand years costs no more than one of a month.

use jiff::{
    Timestamp, ToSpan,
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::{
    Refused,
    question::Window,
    time::{OUT_OF_RANGE, Time},
};

const SECOND_MS: i64 = 1000;
const HOUR_S: i64 = 3600;
/// The first moment that RFC 3339's four-digit years can write.
const EARLIEST: Time = Time::from_unix_millis(-62_167_219_200_000);

const NOT_A_MOMENT: Refused =
    Refused::because("Must be a date such as 2026-03-24, or an RFC 3339 timestamp such as 2026-03-24T14:00:00Z");

/// How long a bucket of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// An hour of the clock.
    Hour,
    /// So many days of the calendar.
    Days(i32),
}

impl Interval {
    /// The names in the API.
    pub const NAMES: [&str; 5] = ["1h", "1d", "7d", "30d", "90d"];

    /// Reads one of the names.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "1h" => Ok(Self::Hour),
            "1d" => Ok(Self::Days(1)),
            "7d" => Ok(Self::Days(7)),
            "30d" => Ok(Self::Days(30)),
            "90d" => Ok(Self::Days(90)),
            _ => Err(Refused::because("Must be one of 1h, 1d, 7d, 30d, 90d")),
        }
    }
}

impl Default for Interval {
    fn default() -> Self {
        Self::Days(1)
    }
}

/// From one whole second through another, as people name a span: the last one belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first second.
    pub start: Time,
    /// The last second.
    pub end: Time,
}

impl Period {
    /// The same, up to but without the second that follows.
    pub fn window(self) -> Window {
        Window { from: self.start, to: moved(self.end, SECOND_MS) }
    }

    /// The period of the same length that ends where this one begins; shorter where time as we write it begins.
    #[must_use]
    pub fn before(self) -> Self {
        let length = self.end.unix_millis() - self.start.unix_millis() + SECOND_MS;
        let end = moved(self.start, -SECOND_MS);
        Self { start: moved(self.start, -length).max(EARLIEST), end }
    }
}

/// So many days before a moment, or where time as we write it begins.
pub fn days_before(at: Time, days: i64) -> Time {
    moved(at, -days * 24 * HOUR_S * SECOND_MS).max(EARLIEST)
}

/// A bucket of a series. It ends where the next one begins, the last one with the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first moment within the window.
    pub begins: Time,
    /// What it is called: `2026-03-01`, or for an hour `2026-03-01T14:00:00Z`. It names the whole day or hour, also where
    /// the window holds only a part of it.
    pub label: String,
}

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// Reads an IANA name such as `Asia/Karachi`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let zone = TimeZone::get(text).ok().filter(|zone| !zone.is_unknown());
        zone.map(Self).ok_or(Refused::because("Must be the IANA name of a time zone, such as Asia/Karachi"))
    }

    /// Reads the first second of a span: a timestamp, or a date, which means the beginning of that day here.
    pub fn start(&self, text: &str) -> Result<Time, Refused> {
        match date(text) {
            Some(date) => self.day(date).and_then(writable).ok_or(OUT_OF_RANGE),
            None => timestamp(text),
        }
    }

    /// Reads the last second of a span: a timestamp, or a date, which means the end of that day here.
    pub fn end(&self, text: &str) -> Result<Time, Refused> {
        match date(text) {
            Some(date) => {
                let next = date.tomorrow().ok().and_then(|next| self.day(next));
                next.and_then(|next| writable(moved(next, -SECOND_MS))).ok_or(OUT_OF_RANGE)
            }
            None => timestamp(text),
        }
    }

    /// Reads the moment before which a span ends: a timestamp, or a date, which is a part of it to its end.
    pub fn until(&self, text: &str) -> Result<Time, Refused> {
        match date(text) {
            Some(date) => {
                let next = date.tomorrow().ok().and_then(|next| self.day(next));
                next.and_then(writable).ok_or(OUT_OF_RANGE)
            }
            None => timestamp(text),
        }
    }

    /// The newest buckets of a window, no more than `limit`, in order of time. A bucket of several days begins with the
    /// window's first day, or a multiple of its length later.
    pub fn buckets(&self, window: Window, interval: Interval, limit: usize) -> Vec<Bucket> {
        let mut buckets = match interval {
            Interval::Hour => self.hours(window, limit),
            Interval::Days(days) => self.days(window, days, limit),
        };
        buckets.reverse();
        buckets
    }

    /// By how many seconds the clocks here are ahead of UTC: from each moment on, beginning with the window.
    pub fn offsets(&self, window: Window) -> Vec<(Time, i32)> {
        let mut last = self.offset(window.from);
        let mut offsets = vec![(window.from, last)];
        for shift in self.0.following(second(window.from)) {
            let (at, offset) = (moment(shift.timestamp()), shift.offset().seconds());
            if at >= window.to {
                break;
            }
            if offset != last {
                offsets.push((at, offset));
                last = offset;
            }
        }
        offsets
    }

    /// Newest first.
    fn hours(&self, window: Window, limit: usize) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        let mut end = window.to;
        while end > window.from && buckets.len() < limit {
            end = self.hour(moved(end, -1));
            buckets.push(Bucket { begins: end.max(window.from), label: self.hour_label(end) });
        }
        buckets
    }

    /// Newest first.
    fn days(&self, window: Window, days: i32, limit: usize) -> Vec<Bucket> {
        let (first, last) = (self.date(window.from), self.date(moved(window.to, -1)));
        // Where clocks go back over midnight, a later moment may lie on an earlier day.
        let newest = ((last - first).get_days() / days).max(0);
        let mut buckets = Vec::new();
        let mut end = window.to;
        for number in (0..=newest).rev() {
            if buckets.len() == limit {
                break;
            }
            let Ok(date) = first.checked_add((number * days).days()) else { continue };
            let Some(day) = self.day(date) else { continue };
            let begins = day.max(window.from);
            // Not so for a day that never was: the day after it begins at the same moment.
            if begins < end {
                buckets.push(Bucket { begins, label: date.to_string() });
                end = begins;
            }
        }
        buckets
    }

    /// When the hour of the clock began in which a moment lies. Where clocks are shifted by a part of an hour, the shift
    /// begins a new one: what follows has a name of its own.
    fn hour(&self, at: Time) -> Time {
        let offset = self.offset(at);
        let into = (at.unix_seconds() + i64::from(offset)).rem_euclid(HOUR_S);
        let full = Time::from_unix_millis((at.unix_seconds() - into) * SECOND_MS);
        if self.offset(full) == offset { full } else { self.shift(at).map_or(full, |shift| shift.max(full)) }
    }

    fn hour_label(&self, begins: Time) -> String {
        if self.0 == TimeZone::UTC {
            return begins.to_string();
        }
        let at = second(begins);
        at.display_with_offset(self.0.to_offset(at)).to_string()
    }

    /// The first moment of a day: midnight, the earlier one where it comes twice, and where clocks jump over it the moment
    /// of the jump, which need not be at midnight.
    fn day(&self, date: Date) -> Option<Time> {
        let midnight = self.0.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
        let is_skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
        let begins = moment(midnight.compatible().ok()?);
        if is_skipped { self.shift(begins) } else { Some(begins) }
    }

    /// When clocks were last shifted, at this moment or before it.
    fn shift(&self, at: Time) -> Option<Time> {
        let shifts = self.0.preceding(second(moved(at, SECOND_MS)));
        let shifts = shifts.map(|shift| moment(shift.timestamp())).filter(|shift| *shift <= at);
        let mut shifts = shifts;
        shifts.find(|shift| self.offset(*shift) != self.offset(moved(*shift, -1)))
    }

    fn offset(&self, at: Time) -> i32 {
        self.0.to_offset(second(at)).seconds()
    }

    fn date(&self, at: Time) -> Date {
        self.0.to_datetime(second(at)).date()
    }
}

/// A date of four, two and two digits; jiff alone would take other shapes too.
fn date(text: &str) -> Option<Date> {
    let has_shape = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    has_shape.then(|| text.parse().ok()).flatten()
}

fn timestamp(text: &str) -> Result<Time, Refused> {
    Time::parse(text).map_err(|why| if why == OUT_OF_RANGE { why } else { NOT_A_MOMENT })
}

/// The whole second of a moment. Clocks are shifted at whole seconds, and the last one that jiff knows has no more to it.
fn second(at: Time) -> Timestamp {
    Time::from_unix_millis(at.unix_seconds() * SECOND_MS).timestamp()
}

fn moment(at: Timestamp) -> Time {
    Time::from_unix_millis(at.as_millisecond())
}

fn moved(at: Time, millis: i64) -> Time {
    Time::from_unix_millis(at.unix_millis().saturating_add(millis))
}

fn writable(at: Time) -> Option<Time> {
    (at >= EARLIEST).then_some(at)
}

#[cfg(test)]
mod tests;
