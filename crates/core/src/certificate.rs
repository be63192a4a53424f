//! Certificates: when one is renewed, when a refused one is asked for again, and what their owners are told.
//!
//! Times and chance come in as arguments. Chance is a number of 64 bits, evenly spread; it keeps many servers, and many
//! names of one server, from asking an authority at the same moment.
//!
//! **Renewal** is due at two thirds of a certificate's life, or when the authority says so (RFC 9773): it names a window, in
//! which a moment is taken by chance. An authority may only bring a renewal forward. Should it name a time near the end, or
//! rubbish, two thirds hold: a certificate must not end because somebody else was wrong.
//!
//! **A failure** puts the next try off, ever further. An authority that is away is asked again sooner than one that has
//! refused: the first says nothing about the name, and the second counts refusals against it.

use std::time::Duration;

use crate::{
    domain::{self, Domain},
    time::Time,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// After the first failure.
const FIRST_WAIT: Duration = Duration::from_mins(5);
/// How often an authority is asked when it wants a certificate renewed.
pub const ADVICE_REST: Duration = Duration::from_hours(6);

/// How an authority is shown that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TLS-ALPN-01: a certificate of our own in a handshake, on port 443 (RFC 8737).
    Handshake,
    /// HTTP-01: a file in the clear, on port 80.
    File,
}

/// The ways to try for a name that has failed so often. The first time both are tried, one after the other; then they take
/// turns, as an authority counts what fails.
pub fn ways(prefers_file: bool, failures: u32) -> Vec<Way> {
    let (first, second) = if prefers_file { (Way::File, Way::Handshake) } else { (Way::Handshake, Way::File) };
    match failures {
        0 => vec![first, second],
        odd if odd % 2 == 1 => vec![first],
        _ => vec![second],
    }
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The authority did not answer, or nothing that could be understood.
    Away,
    /// It has refused.
    Refused,
    /// It has answered that it was asked too often.
    Limited,
}

/// How long to wait after so many failures, this one included.
pub fn wait_after(failures: u32, cause: Cause, chance: u64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let (least, most) = match cause {
        Cause::Away => (FIRST_WAIT, HOUR),
        Cause::Refused => (FIRST_WAIT, 24 * HOUR),
        Cause::Limited => (HOUR, 24 * HOUR),
    };
    let wait = doubled.clamp(least, most);
    wait + part(wait / 5, chance)
}

/// When a certificate of this life is renewed, by itself.
pub fn renewal(not_before: Time, not_after: Time, chance: u64) -> Time {
    let life = between(not_before, not_after);
    // Between 63 and 67 hundredths.
    not_before.after(life * 63 / 100 + part(life * 4 / 100, chance))
}

/// When a certificate is renewed whose authority advises a window for that.
pub fn renewal_advised(by_itself: Time, window: (Time, Time), chance: u64) -> Time {
    let (start, end) = window;
    if end < start {
        return by_itself;
    }
    start.after(part(between(start, end), chance)).min(by_itself)
}

/// Whether what was found of a certificate is worth a warning: less than a quarter of its life is left, though it should be
/// renewed at a third.
pub fn ends_soon(not_before: Time, not_after: Time, now: Time) -> bool {
    between(now, not_after) < between(not_before, not_after) / 4
}

fn between(start: Time, end: Time) -> Duration {
    Duration::from_millis(end.unix_millis().saturating_sub(start.unix_millis()).max(0).unsigned_abs())
}

/// A part of a time, by chance.
fn part(time: Duration, chance: u64) -> Duration {
    let most_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(if most_ms == 0 { 0 } else { chance % most_ms })
}

/// How the certificate of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// This server does not speak TLS.
    Off,
    /// There is none yet.
    Pending,
    /// There is one.
    Active,
    /// There is none, and the last try to get one failed.
    Failed,
}

impl Status {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Off, Self::Pending, Self::Active, Self::Failed];

    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

/// What is known of the certificate of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In a word.
    pub status: Status,
    /// When it ends, if there is one.
    pub not_after: Option<Time>,
    /// What went wrong with the last try to get one, for people.
    pub error: Option<String>,
    /// Grows whenever any of this changes.
    pub version: i64,
}

impl Standing {
    /// Where this server does not speak TLS.
    pub const OFF: Self = Self { status: Status::Off, not_after: None, error: None, version: 0 };

    /// Where there is none yet.
    pub const PENDING: Self = Self { status: Status::Pending, not_after: None, error: None, version: 0 };

    /// The same, as the owner of this domain sees it: one that is not theirs has none.
    #[must_use]
    pub fn of_domain(self, domain: &Domain) -> Self {
        let is_theirs = domain.status == domain::Status::Verified;
        if is_theirs || self.status == Status::Off { self } else { Self::PENDING }
    }

    /// What follows from a certificate, if there is one, and the last failure, if it was not followed by a success.
    pub fn of(not_after: Option<Time>, error: Option<String>, version: i64, now: Time) -> Self {
        let is_good = not_after.is_some_and(|end| now < end);
        let status = match (is_good, &error) {
            (true, _) => Status::Active,
            (false, None) => Status::Pending,
            (false, Some(_)) => Status::Failed,
        };
        Self { status, not_after, error, version }
    }
}

/// How long a name rests whose order was put off because there were too many in this hour.
pub fn rest_of_surplus(chance: u64) -> Duration {
    MINUTE + part(4 * MINUTE, chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn day(days: i64) -> Time {
        Time::from_unix_millis(days * DAY_MS)
    }

    #[test]
    fn a_failure_puts_the_next_try_off() {
        let minutes = |failures, cause| wait_after(failures, cause, 0).as_secs() / 60;
        for (failures, away, refused, limited) in [
            (0, 5, 5, 60),
            (1, 5, 5, 60),
            (2, 10, 10, 60),
            (3, 20, 20, 60),
            (4, 40, 40, 60),
            (5, 60, 80, 80),
            (9, 60, 1280, 1280),
            (10, 60, 1440, 1440),
            (40, 60, 1440, 1440),
            (u32::MAX, 60, 1440, 1440),
        ] {
            assert_eq!(minutes(failures, Cause::Away), away, "{failures}");
            assert_eq!(minutes(failures, Cause::Refused), refused, "{failures}");
            assert_eq!(minutes(failures, Cause::Limited), limited, "{failures}");
        }
        let longest = wait_after(1, Cause::Refused, u64::MAX);
        assert!(longest > FIRST_WAIT && longest <= FIRST_WAIT * 6 / 5, "{longest:?}");
    }

    #[test]
    fn in_an_hour_no_more_than_five_tries_of_a_name_fail() {
        let (mut elapsed, mut tries) = (Duration::ZERO, 0);
        for failures in 0.. {
            if elapsed >= HOUR {
                break;
            }
            tries += ways(false, failures).len();
            elapsed += wait_after(failures + 1, Cause::Refused, 0);
        }
        assert!(tries <= 5, "{tries}: more than Let's Encrypt allows");
    }

    #[test]
    fn ways_take_turns() {
        assert_eq!(ways(false, 0), [Way::Handshake, Way::File]);
        assert_eq!(ways(true, 0), [Way::File, Way::Handshake]);
        assert_eq!((ways(true, 1), ways(true, 2)), (vec![Way::File], vec![Way::Handshake]));
    }

    #[test]
    fn a_renewal_is_due_at_two_thirds() {
        for chance in [0, 1, 7_777_777_777, u64::MAX] {
            let at = renewal(day(10), day(100), chance);
            let parts = (at.unix_millis() - 10 * DAY_MS) * 100 / (90 * DAY_MS);
            assert!((63..=67).contains(&parts), "{parts}");
        }
        assert_eq!(renewal(day(10), day(10), 5), day(10), "no life at all");
        assert_eq!(renewal(day(10), day(9), 5), day(10));
    }

    #[test]
    fn advice_brings_a_renewal_forward_and_never_puts_it_off() {
        for chance in [0, 1, 7_777_777_777, u64::MAX] {
            let at = renewal_advised(day(60), (day(20), day(22)), chance);
            assert!(day(20) <= at && at <= day(22), "{at}");
        }
        assert_eq!(renewal_advised(day(60), (day(20), day(20)), 9), day(20));
        assert_eq!(renewal_advised(day(60), (day(80), day(90)), 9), day(60));
        assert_eq!(renewal_advised(day(60), (day(9), day(5)), 9), day(60), "rubbish");
    }

    #[test]
    fn what_ends_soon() {
        assert!(!ends_soon(day(0), day(90), day(60)));
        assert!(ends_soon(day(0), day(90), day(70)));
        assert!(ends_soon(day(0), day(90), day(100)));
    }

    #[test]
    fn standings() {
        let why = || Some("no".to_owned());
        for (not_after, error, status) in [
            (None, None, Status::Pending),
            (None, why(), Status::Failed),
            (Some(day(2)), None, Status::Active),
            (Some(day(2)), why(), Status::Active),
            (Some(day(1)), why(), Status::Failed),
            (Some(day(1)), None, Status::Pending),
        ] {
            let standing = Standing::of(not_after, error.clone(), 1, day(1));
            assert_eq!((standing.status, standing.error), (status, error), "{not_after:?}");
        }
    }
}
