//! A moment: Unix milliseconds inside, RFC 3339 in whole seconds of UTC outside.

use crate::Refused;

/// A moment, counted in milliseconds since 1970 began in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// Why a moment is refused that lies beyond what RFC 3339's four-digit years can write, or, at their end, beyond what can
/// be told in every time zone.
pub const OUT_OF_RANGE: Refused = Refused::because("Must be between 0000-01-01T00:00:00Z and 9999-12-30T22:00:00Z");

const EARLIEST_SECOND: i64 = -62_167_219_200;

impl Time {
    /// The moment this many milliseconds after the epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This much later.
    #[must_use]
    pub fn after(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This much earlier.
    #[must_use]
    pub fn before(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Reads an RFC 3339 timestamp with any offset; what it has below a second is dropped, as we never show it.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const WANTED: Refused = Refused::because("Must be an RFC 3339 timestamp such as 2026-03-24T14:00:00Z");
        // jiff also takes shapes that RFC 3339 does not know (weeks, a missing minute); the length and the separators
        // keep them out.
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') || bytes[4] != b'-' || bytes[13] != b':' {
            return Err(WANTED);
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| if is_moment(text) { OUT_OF_RANGE } else { WANTED })?;
        if at.as_second() < EARLIEST_SECOND {
            return Err(OUT_OF_RANGE);
        }
        Ok(Self(at.as_millisecond().div_euclid(1000) * 1000))
    }

    /// As jiff's type, for calendars and zones.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// Whether a timestamp that cannot be read is one all the same, in a year that can.
fn is_moment(text: &str) -> bool {
    let is_date = text.get(..19).is_some_and(|date| date.parse::<jiff::civil::DateTime>().is_ok());
    is_date && text.get(4..).is_some_and(|rest| format!("2024{rest}").parse::<jiff::Timestamp>().is_ok())
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = jiff::Timestamp::from_second(self.unix_seconds()).map_err(|_| std::fmt::Error)?;
        write!(f, "{seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_in_whole_seconds_of_utc() {
        for (text, shown) in [
            ("2026-03-24T14:00:00Z", "2026-03-24T14:00:00Z"),
            ("2026-03-24T14:00:00.999Z", "2026-03-24T14:00:00Z"),
            ("2026-03-24T19:00:00+05:00", "2026-03-24T14:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Time::parse(text).map(|time| time.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn years_have_an_end() {
        for (text, is_within) in [
            ("9999-12-30T22:00:00Z", true),
            ("9999-12-30T22:00:01Z", false),
            ("9999-12-31T23:59:59Z", false),
            ("9999-12-31 03:00:00+05:00", true),
            ("0000-01-01T00:00:00Z", true),
            ("0000-01-01T00:00:00+05:00", false),
        ] {
            assert_eq!(Time::parse(text).err(), (!is_within).then_some(OUT_OF_RANGE), "{text}");
        }
        for text in ["9999-12-32T00:00:00Z", "9999-12-31T23:59:59X", "9999-12-31T23:59:59"] {
            assert_ne!(Time::parse(text).err(), Some(OUT_OF_RANGE), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-03-24",
            "2026-03-24T14:00:00",
            "24 March 2026",
            "2026-13-01T00:00:00Z",
            "1774360800",
            "+012026-03-24T14:00:00Z",
            "2026-W13-2T14:00:00Z",
            "2026-03-24T14Z",
            "ÿ026-03-24T14:00:00Z",
            "20260324T140000.00000Z",
        ] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }
}
