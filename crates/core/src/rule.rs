//! Rules: conditions under which a link leads somewhere else. An ordered list; the first that matches wins.

use jiff::{
    civil::{Time as ClockTime, Weekday},
    tz::TimeZone,
};

use crate::{
    Refused,
    agent::{self, Device},
    country::Country,
    destination::WebUrl,
    time::Time,
    visit::Visit,
};

/// Most rules of one link.
pub const MOST: usize = 50;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// When it applies.
    pub when: Condition,
    /// Where it leads.
    pub url: WebUrl,
}

/// What must hold: every part that is given (an empty list counts as not given).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Countries, ISO 3166-1 alpha-2 in upper case; one of them. Never matches while the visitor's place is unknown.
    pub country: Vec<String>,
    /// Device classes; one of them.
    pub device: Vec<Device>,
    /// Families of operating systems, compared without case; one of them.
    pub os: Vec<String>,
    /// Families of browsers, compared without case; one of them.
    pub browser: Vec<String>,
    /// Language ranges (RFC 4647 §2.1); one of them matches the visitor's first choice.
    pub language: Vec<String>,
    /// Days and hours.
    pub schedule: Option<Schedule>,
}

impl Condition {
    /// Whether nothing was asked for at all.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Whether this visit meets every part.
    pub fn matches(&self, visit: &Visit<'_>) -> bool {
        fn met<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
            wanted.is_empty() || wanted.iter().any(is)
        }
        met(&self.country, |country| visit.country == Some(country.as_str()))
            && met(&self.device, |device| *device == agent::device(visit.user_agent))
            && met(&self.os, |os| os.eq_ignore_ascii_case(agent::os(visit.user_agent)))
            && met(&self.browser, |browser| browser.eq_ignore_ascii_case(agent::browser(visit.user_agent)))
            && met(&self.language, |wanted| {
                agent::languages(visit.accept_language)
                    .next()
                    .is_some_and(|first| agent::language_matches(wanted, first))
            })
            && self.schedule.as_ref().is_none_or(|schedule| schedule.holds(visit.now))
    }
}

/// Days and hours in a time zone, within an optional span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// IANA name of the zone that days and hours are read in.
    pub timezone: String,
    /// Days of the week; empty means each day.
    pub days: Vec<Weekday>,
    /// From this time of day on, inclusive.
    pub from: Option<ClockTime>,
    /// Until this time of day, exclusive; earlier than `from` means over midnight, and then the part after midnight
    /// belongs to the day on which it began.
    pub to: Option<ClockTime>,
    /// Not before this moment.
    pub starts_at: Option<Time>,
    /// Not from this moment on.
    pub ends_at: Option<Time>,
}

impl Schedule {
    fn holds(&self, now: Time) -> bool {
        if self.starts_at.is_some_and(|start| now < start) || self.ends_at.is_some_and(|end| now >= end) {
            return false;
        }
        let Ok(zone) = TimeZone::get(&self.timezone) else { return false };
        let local = now.timestamp().to_zoned(zone);
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        let (today, clock) = (local.weekday(), local.time());
        match (self.from.unwrap_or(ClockTime::midnight()), self.to) {
            (from, None) => on(today) && clock >= from,
            (from, Some(to)) if from < to => on(today) && clock >= from && clock < to,
            (from, Some(to)) => (on(today) && clock >= from) || (on(today.previous()) && clock < to),
        }
    }
}

/// Reads the IANA name of a time zone.
pub fn parse_timezone(text: &str) -> Result<String, Refused> {
    TimeZone::get(text)
        .map(|_| text.to_owned())
        .map_err(|_| Refused::because("Must be the IANA name of a time zone, such as Asia/Karachi"))
}

/// Reads a day of the week: `mon`, `tue`, … or its whole English name.
pub fn parse_day(text: &str) -> Result<Weekday, Refused> {
    let day = text.to_ascii_lowercase();
    DAYS.iter()
        .find(|(short, long, _)| day == *short || day == *long)
        .map(|(_, _, day)| *day)
        .ok_or(Refused::because("Must be one of mon, tue, wed, thu, fri, sat, sun"))
}

/// A day's short name, as shown.
pub fn day_name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, _, known)| *known == day).map_or("mon", |(short, _, _)| short)
}

const DAYS: [(&str, &str, Weekday); 7] = [
    ("mon", "monday", Weekday::Monday),
    ("tue", "tuesday", Weekday::Tuesday),
    ("wed", "wednesday", Weekday::Wednesday),
    ("thu", "thursday", Weekday::Thursday),
    ("fri", "friday", Weekday::Friday),
    ("sat", "saturday", Weekday::Saturday),
    ("sun", "sunday", Weekday::Sunday),
];

/// Reads a time of day, `HH:MM` on the 24-hour clock.
pub fn parse_clock(text: &str) -> Result<ClockTime, Refused> {
    const WANTED: Refused = Refused::because("Must be a time of day such as 09:30");
    let (hour, minute) =
        text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2).ok_or(WANTED)?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i8>().ok()).flatten();
    ClockTime::new(number(hour).ok_or(WANTED)?, number(minute).ok_or(WANTED)?, 0, 0).map_err(|_| WANTED)
}

/// A time of day as [`parse_clock`] reads it.
pub fn clock_text(time: ClockTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// Reads a country: two letters of ISO 3166-1 alpha-2, in either case.
pub fn parse_country(text: &str) -> Result<String, Refused> {
    let country = Country::parse(text.as_bytes()).map(|country| country.as_str().to_owned());
    country.ok_or(Refused::because("Must be a two-letter country code (ISO 3166-1 alpha-2)"))
}

/// Reads a language range such as `pt` or `pt-BR`.
pub fn parse_language(text: &str) -> Result<String, Refused> {
    let fits = text.len() <= 35
        && text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if fits { Ok(text.to_owned()) } else { Err(Refused::because("Must be a language such as pt or pt-BR (RFC 4647)")) }
}

/// Reads the name of a browser's or an operating system's family.
pub fn parse_family(text: &str) -> Result<String, Refused> {
    if (1..=50).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(Refused::because("Must be 1 to 50 characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    #[test]
    fn schedules() {
        let office = Schedule {
            timezone: "Asia/Kathmandu".into(), // UTC+5:45
            days: vec![Weekday::Monday, Weekday::Friday],
            from: parse_clock("09:00").ok(),
            to: parse_clock("17:00").ok(),
            starts_at: None,
            ends_at: None,
        };
        let night = Schedule { from: parse_clock("22:00").ok(), to: parse_clock("02:00").ok(), ..office.clone() };
        let span = Schedule {
            timezone: "UTC".into(),
            days: vec![],
            from: None,
            to: None,
            starts_at: Some(at("2026-03-01T00:00:00Z")),
            ends_at: Some(at("2026-04-01T00:00:00Z")),
        };
        for (schedule, moment, holds) in [
            (&office, "2026-03-23T03:15:00Z", true), // Monday 09:00 there
            (&office, "2026-03-23T03:14:59Z", false),
            (&office, "2026-03-23T11:15:00Z", false), // 17:00
            (&office, "2026-03-24T05:00:00Z", false), // Tuesday
            (&night, "2026-03-23T16:15:00Z", true),   // Monday 22:00
            (&night, "2026-03-23T20:14:00Z", true),   // Tuesday 01:59, Monday's night
            (&night, "2026-03-23T20:15:00Z", false),
            (&night, "2026-03-22T19:00:00Z", false), // Monday 00:45, Sunday's night
            (&span, "2026-03-01T00:00:00Z", true),
            (&span, "2026-04-01T00:00:00Z", false),
        ] {
            assert_eq!(schedule.holds(at(moment)), holds, "{moment}");
        }
    }

    #[test]
    fn parts() {
        assert!(parse_clock("23:59").is_ok() && parse_clock("00:00").is_ok());
        for text in ["24:00", "9:00", "09:60", "+9:00", "", "09:00:00"] {
            assert!(parse_clock(text).is_err(), "{text}");
        }
        assert_eq!(parse_country("pk"), Ok("PK".into()));
        for text in ["PAK", "P1", "EU", "UK", "ZZ", ""] {
            assert!(parse_country(text).is_err(), "{text}");
        }
        assert!(parse_language("pt-BR").is_ok() && parse_language("pt_BR").is_err() && parse_language("").is_err());
        assert!(parse_timezone("Asia/Karachi").is_ok() && parse_timezone("Mars/Base").is_err());
        assert_eq!(parse_day("Friday").map(day_name), Ok("fri"));
    }
}
