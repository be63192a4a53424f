use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).expect("a zone")
}

fn window(zone: &Zone, start: &str, end: &str) -> Window {
    Period { start: zone.start(start).expect("a start"), end: zone.end(end).expect("an end") }.window()
}

/// Each bucket's name and the moment at which it begins.
fn shown(buckets: &[Bucket]) -> Vec<(String, String)> {
    buckets.iter().map(|bucket| (bucket.label.clone(), bucket.begins.to_string())).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(label, begins)| ((*label).to_owned(), (*begins).to_owned())).collect()
}

#[test]
fn starts_and_ends() {
    for (name, text, start, end) in [
        ("UTC", "2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T23:59:59Z"),
        ("Asia/Karachi", "2026-03-01", "2026-02-28T19:00:00Z", "2026-03-01T18:59:59Z"),
        ("Asia/Kathmandu", "2026-03-01", "2026-02-28T18:15:00Z", "2026-03-01T18:14:59Z"),
        // 23 hours, and 25.
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z"),
        // Midnight was skipped: the day began at one, or at half past midnight.
        ("America/Sao_Paulo", "2015-10-18", "2015-10-18T03:00:00Z", "2015-10-19T01:59:59Z"),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z", "1919-04-01T03:59:59Z"),
        // Midnight came twice: the day began with the first.
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T04:59:59Z"),
        // What is no date is a moment, in whichever offset it says.
        ("Asia/Karachi", "2026-03-01T12:30:00Z", "2026-03-01T12:30:00Z", "2026-03-01T12:30:00Z"),
        ("UTC", "2026-03-01T12:30:00+05:45", "2026-03-01T06:45:00Z", "2026-03-01T06:45:00Z"),
        ("UTC", "0000-01-01", "0000-01-01T00:00:00Z", "0000-01-01T23:59:59Z"),
    ] {
        let zone = zone(name);
        assert_eq!(zone.start(text).map(|time| time.to_string()), Ok(start.to_owned()), "{name} {text}");
        assert_eq!(zone.end(text).map(|time| time.to_string()), Ok(end.to_owned()), "{name} {text}");
    }
    // What ends before a moment ends with the day whose date it is.
    for (text, until) in [
        ("2026-03-28", "2026-03-29T00:00:00+01:00"),
        ("2026-03-29", "2026-03-30T00:00:00+02:00"),
        ("2026-03-29T12:30:00Z", "2026-03-29T12:30:00Z"),
    ] {
        assert_eq!(zone("Europe/Berlin").until(text), Ok(at(until)), "{text}");
    }
    for text in [
        "",
        "2026",
        "2026-3-1",
        "2026-02-30",
        "20260301",
        "yesterday",
        "2026-03-01T12:30",
        "9999-12-31",
        "-026-03-01",
        "2026-W10-1",
    ] {
        let zone = zone("UTC");
        assert!(zone.start(text).is_err() && zone.end(text).is_err() && zone.until(text).is_err(), "{text}");
    }
    assert!(zone("Asia/Karachi").start("0000-01-01").is_err(), "it began in a year that cannot be written");
}

#[test]
fn names() {
    for name in ["UTC", "Asia/Karachi", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
        assert!(Zone::parse(name).is_ok(), "{name}");
    }
    for name in ["", "Mars/Base", "Etc/Unknown", "+05:00", "local", "../etc/passwd", "UTC+5", "Asia/Karachi\0"] {
        assert!(Zone::parse(name).is_err(), "{name}");
    }
    for name in Interval::NAMES {
        assert!(Interval::parse(name).is_ok(), "{name}");
    }
    assert_eq!(Interval::parse("1d"), Ok(Interval::default()));
    for name in ["", "1", "2d", "1D", "1h ", "1w"] {
        assert!(Interval::parse(name).is_err(), "{name}");
    }
}

#[test]
fn days_of_a_window() {
    for (name, start, end, days) in [
        (
            "UTC",
            "2026-02-28T23:59:59Z",
            "2026-03-02T00:00:00Z",
            &[
                ("2026-02-28", "2026-02-28T23:59:59Z"),
                ("2026-03-01", "2026-03-01T00:00:00Z"),
                ("2026-03-02", "2026-03-02T00:00:00Z"),
            ][..],
        ),
        (
            "Asia/Kathmandu",
            "2026-03-01T18:00:00Z",
            "2026-03-01T18:30:00Z",
            &[("2026-03-01", "2026-03-01T18:00:00Z"), ("2026-03-02", "2026-03-01T18:15:00Z")],
        ),
        (
            "America/New_York",
            "2026-03-07",
            "2026-03-09",
            &[
                ("2026-03-07", "2026-03-07T05:00:00Z"),
                ("2026-03-08", "2026-03-08T05:00:00Z"),
                ("2026-03-09", "2026-03-09T04:00:00Z"),
            ],
        ),
        (
            "America/New_York",
            "2026-10-31",
            "2026-11-02",
            &[
                ("2026-10-31", "2026-10-31T04:00:00Z"),
                ("2026-11-01", "2026-11-01T04:00:00Z"),
                ("2026-11-02", "2026-11-02T05:00:00Z"),
            ],
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-04",
            "2026-04-06",
            &[
                ("2026-04-04", "2026-04-03T13:00:00Z"),
                ("2026-04-05", "2026-04-04T13:00:00Z"),
                ("2026-04-06", "2026-04-05T13:30:00Z"),
            ],
        ),
        // The thirtieth never was.
        (
            "Pacific/Apia",
            "2011-12-29",
            "2011-12-31",
            &[("2011-12-29", "2011-12-29T10:00:00Z"), ("2011-12-31", "2011-12-30T10:00:00Z")],
        ),
    ] {
        let zone = zone(name);
        assert_eq!(
            shown(&zone.buckets(window(&zone, start, end), Interval::Days(1), 1000)),
            pairs(days),
            "{name} {start}"
        );
    }
}

#[test]
fn several_days_step_from_the_first() {
    let zone = zone("Europe/Berlin");
    let window = window(&zone, "2026-03-20", "2026-04-12");
    let weeks = [
        ("2026-03-20", "2026-03-19T23:00:00Z"),
        ("2026-03-27", "2026-03-26T23:00:00Z"),
        ("2026-04-03", "2026-04-02T22:00:00Z"),
        ("2026-04-10", "2026-04-09T22:00:00Z"),
    ];
    assert_eq!(shown(&zone.buckets(window, Interval::Days(7), 1000)), pairs(&weeks));
    assert_eq!(shown(&zone.buckets(window, Interval::Days(7), 2)), pairs(&weeks[2..]));
    assert_eq!(shown(&zone.buckets(window, Interval::Days(30), 1000)), pairs(&weeks[..1]));
    assert_eq!(shown(&zone.buckets(window, Interval::Days(90), 1)), pairs(&weeks[..1]));
}

#[test]
fn hours_of_a_window() {
    for (name, start, end, hours) in [
        (
            "UTC",
            "2026-03-01T22:30:00Z",
            "2026-03-02T00:00:00Z",
            &[
                ("2026-03-01T22:00:00Z", "2026-03-01T22:30:00Z"),
                ("2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z"),
                ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
            ][..],
        ),
        (
            "Asia/Kathmandu",
            "2026-03-01T18:00:00Z",
            "2026-03-01T19:00:00Z",
            &[
                ("2026-03-01T23:00:00+05:45", "2026-03-01T18:00:00Z"),
                ("2026-03-02T00:00:00+05:45", "2026-03-01T18:15:00Z"),
            ],
        ),
        // An hour is skipped, and one comes twice.
        (
            "America/New_York",
            "2026-03-08T06:00:00Z",
            "2026-03-08T07:59:59Z",
            &[
                ("2026-03-08T01:00:00-05:00", "2026-03-08T06:00:00Z"),
                ("2026-03-08T03:00:00-04:00", "2026-03-08T07:00:00Z"),
            ],
        ),
        (
            "America/New_York",
            "2026-11-01T05:00:00Z",
            "2026-11-01T07:00:00Z",
            &[
                ("2026-11-01T01:00:00-04:00", "2026-11-01T05:00:00Z"),
                ("2026-11-01T01:00:00-05:00", "2026-11-01T06:00:00Z"),
                ("2026-11-01T02:00:00-05:00", "2026-11-01T07:00:00Z"),
            ],
        ),
        // Clocks shift by half an hour.
        (
            "Australia/Lord_Howe",
            "2026-04-04T14:00:00Z",
            "2026-04-04T15:59:59Z",
            &[
                ("2026-04-05T01:00:00+11:00", "2026-04-04T14:00:00Z"),
                ("2026-04-05T01:30:00+10:30", "2026-04-04T15:00:00Z"),
                ("2026-04-05T02:00:00+10:30", "2026-04-04T15:30:00Z"),
            ],
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-03T14:30:00Z",
            "2026-10-03T16:00:00Z",
            &[
                ("2026-10-04T01:00:00+10:30", "2026-10-03T14:30:00Z"),
                ("2026-10-04T02:30:00+11:00", "2026-10-03T15:30:00Z"),
                ("2026-10-04T03:00:00+11:00", "2026-10-03T16:00:00Z"),
            ],
        ),
    ] {
        let zone = zone(name);
        let window = window(&zone, start, end);
        assert_eq!(shown(&zone.buckets(window, Interval::Hour, 1000)), pairs(hours), "{name} {start}");
        assert_eq!(shown(&zone.buckets(window, Interval::Hour, 1)), pairs(&hours[hours.len() - 1..]), "{name} {start}");
    }
}

#[test]
fn offsets_of_a_window() {
    let year = |name: &str| {
        let zone = zone(name);
        let offsets = zone.offsets(window(&Zone::default(), "2026-01-01", "2026-12-31"));
        offsets.into_iter().map(|(at, offset)| (at.to_string(), offset)).collect::<Vec<_>>()
    };
    let all = |all: &[(&str, i32)]| all.iter().map(|(at, offset)| ((*at).to_owned(), *offset)).collect::<Vec<_>>();
    assert_eq!(year("UTC"), all(&[("2026-01-01T00:00:00Z", 0)]));
    assert_eq!(year("Asia/Kathmandu"), all(&[("2026-01-01T00:00:00Z", 20_700)]));
    assert_eq!(
        year("Australia/Lord_Howe"),
        all(&[("2026-01-01T00:00:00Z", 39_600), ("2026-04-04T15:00:00Z", 37_800), ("2026-10-03T15:30:00Z", 39_600)])
    );
}

#[test]
fn a_window_of_all_time_takes_no_time() {
    let window = window(&Zone::default(), "0000-01-01", "9999-12-28");
    for name in ["UTC", "Australia/Lord_Howe", "America/New_York"] {
        let zone = zone(name);
        for interval in Interval::NAMES {
            let buckets = zone.buckets(window, Interval::parse(interval).expect("an interval"), 1000);
            assert_eq!(buckets.len(), 1000, "{name} {interval}");
        }
        assert!(zone.offsets(window).len() < 20_000, "{name}");
    }
    let last = Period { start: at("9999-12-30T21:59:59Z"), end: at("9999-12-30T22:00:00Z") }.window();
    for name in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        assert_eq!(zone(name).buckets(last, Interval::Hour, 5).len(), 2, "{name}");
        assert_eq!(zone(name).buckets(last, Interval::Days(1), 5).len(), 1, "{name}");
    }
}

#[test]
fn the_period_before() {
    let period = Period { start: at("2026-03-08T00:00:00Z"), end: at("2026-03-14T23:59:59Z") };
    assert_eq!(period.before(), Period { start: at("2026-03-01T00:00:00Z"), end: at("2026-03-07T23:59:59Z") });
    assert_eq!(period.before().window().to, period.window().from);
    let first = Period { start: EARLIEST, end: at("2026-03-14T23:59:59Z") };
    assert!(first.before().window().from >= first.before().window().to, "there is nothing before");
    assert_eq!(days_before(at("2026-03-31T01:02:03Z"), 30), at("2026-03-01T01:02:03Z"));
    assert_eq!(days_before(at("0000-01-02T00:00:00Z"), 30), EARLIEST);
}

const ZONES: [&str; 10] = [
    "UTC",
    "Asia/Kathmandu",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
];

/// Anything from 1850 to 2100, most of it around now.
fn any_window() -> impl Strategy<Value = Window> {
    let from = prop_oneof![-3_786_912_000i64..4_102_444_800, 1_700_000_000i64..1_900_000_000];
    let length = prop_oneof![1i64..200_000_000, 1i64..20_000_000_000];
    (from, length).prop_map(|(from, length)| {
        let from = from * 1000;
        Window { from: Time::from_unix_millis(from), to: Time::from_unix_millis(from + length) }
    })
}

fn any_interval() -> impl Strategy<Value = Interval> {
    prop::sample::select(&[Interval::Hour, Interval::Days(1), Interval::Days(7), Interval::Days(30)][..])
}

/// In which bucket a moment counts.
fn place(buckets: &[Bucket], at: Time) -> &str {
    let next = buckets.partition_point(|bucket| bucket.begins <= at);
    &buckets[next - 1].label
}

proptest! {
    #[test]
    fn buckets_ascend_and_cover_the_window(
        name in prop::sample::select(&ZONES[..]), window in any_window(), interval in any_interval(), limit in 1..50usize
    ) {
        let zone = zone(name);
        let all = zone.buckets(window, interval, usize::MAX);
        prop_assert_eq!(all[0].begins, window.from);
        prop_assert!(all.is_sorted_by(|one, next| one.begins < next.begins));
        prop_assert!(all[all.len() - 1].begins < window.to);
        let labels: std::collections::HashSet<_> = all.iter().map(|bucket| &bucket.label).collect();
        prop_assert_eq!(labels.len(), all.len());
        let newest = zone.buckets(window, interval, limit);
        prop_assert_eq!(&newest[..], &all[all.len().saturating_sub(limit)..]);
    }

    /// A moment counts under the same day or hour, whatever else the window holds.
    #[test]
    fn a_window_may_be_split_anywhere(
        name in prop::sample::select(&ZONES[..]), window in any_window(), is_hourly: bool, share in 0.0..1.0f64, moments in prop::collection::vec(0.0..1.0f64, 20)
    ) {
        let zone = zone(name);
        let interval = if is_hourly { Interval::Hour } else { Interval::Days(1) };
        let length = window.to.unix_millis() - window.from.unix_millis();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
        let within = |share: f64| moved(window.from, (length as f64 * share) as i64);
        let split = within(share);
        let whole = zone.buckets(window, interval, usize::MAX);
        let before = zone.buckets(Window { to: split, ..window }, interval, usize::MAX);
        let after = zone.buckets(Window { from: split, ..window }, interval, usize::MAX);
        for at in moments.into_iter().map(within) {
            let part = if at < split { &before } else { &after };
            // Where clocks went back over midnight, the next day has begun already, and a day has no gap in it.
            let next = zone.date(at).tomorrow().ok().and_then(|next| zone.day(next));
            let is_folded = next.is_some_and(|next| next <= at);
            prop_assert!(is_folded || place(part, at) == place(&whole, at), "{at} in {name}");
        }
    }

    #[test]
    fn offsets_are_those_of_the_zone(name in prop::sample::select(&ZONES[..]), window in any_window(), share in 0.0..1.0f64) {
        let zone = zone(name);
        let offsets = zone.offsets(window);
        prop_assert!(offsets[0].0 == window.from && offsets.is_sorted_by(|one, next| one.0 < next.0));
        let length = window.to.unix_millis() - window.from.unix_millis();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
        let at = moved(window.from, (length as f64 * share) as i64);
        let next = offsets.partition_point(|(from, _)| *from <= at);
        prop_assert_eq!(offsets[next - 1].1, zone.offset(at));
    }
}
