//! Statistics: every grouping, filter and zone over a handful of visits that can be counted by hand; exports, and what
//! must not be seen, asked or believed.

mod budget;
mod export;
mod noise;
mod retention;
mod views;
mod visitor_data;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, BROWSER},
    scans::printed,
};

const HERE: &str = "https://example.com/here";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const PATIENT: [(&str, &str); 1] = [("limits.requests_per_minute", "0")];
/// The two days on which [`sample`] happens.
const DAYS: &str = "start=2026-03-24&end=2026-03-25";

/// What can be grouped by, beside time.
const DIMENSIONS: [&str; 21] = [
    "country",
    "region",
    "city",
    "device",
    "browser",
    "os",
    "language",
    "referrer",
    "referrer_url",
    "source",
    "variant",
    "bot",
    "link",
    "domain",
    "tag",
    "campaign",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
];

fn id(link: &Value) -> &str {
    link["id"].as_str().expect("an id")
}

async fn visit(app: &App, path: &str, headers: &[(&str, &str)]) {
    let mut request = app.client.get(format!("{}{path}", app.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    assert_eq!(Answer::of(request).await.status, 302, "{path}");
}

/// Two links. On the 24th at 14:00:14 three people's visits to the first, an hour later one to the second and three by
/// programs to the first; on the 25th at 03:00:14 one to each, that to the second by its printed code. Six clicks, of
/// which four are the first of their visitor that day.
async fn sample(app: &App) -> [Value; 2] {
    let one = json!({"url": HERE, "slug": "one-link", "tags": ["spring"], "utm_campaign": "sale"});
    let links = [app.link(one).await, app.link(json!({"url": HERE, "slug": "two-link"})).await];
    let (desktop, phone) = (("user-agent", BROWSER), ("user-agent", PHONE));
    visit(app, "/one-link", &[desktop, ("referer", "https://www.example.org/story?secret=1")]).await;
    visit(app, "/one-link", &[desktop]).await;
    visit(app, "/one-link", &[phone]).await;
    app.wait(3600);
    visit(app, "/two-link", &[phone, ("accept-language", "de-AT,de;q=0.9")]).await;
    visit(app, "/one-link", &[("user-agent", "curl/8.5.0")]).await;
    visit(app, "/one-link", &[("user-agent", "curl/8.5.0")]).await;
    visit(app, "/one-link", &[]).await;
    app.wait(12 * 3600);
    visit(app, "/one-link", &[desktop]).await;
    let (_, token) = printed(app, links[1]["id"].as_str().expect("an id")).await;
    visit(app, &format!("/two-link?qr={token}"), &[phone]).await;
    app.settle().await;
    links
}

async fn clicks(app: &App, query: &str) -> Value {
    app.get(&format!("/analytics/clicks?{query}")).await.is(200)
}

/// Each row's name and count.
fn rows(answer: &Value, name: &str) -> Vec<(String, u64)> {
    let row = |row: &Value| {
        let text = row[name].as_str().unwrap_or_else(|| panic!("{name} in {row}")).to_owned();
        (text, row["clicks"].as_u64().expect("a count"))
    };
    answer["data"].as_array().expect("rows").iter().map(row).collect()
}

fn pairs(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

async fn over_time(app: App) {
    sample(&app).await;
    assert_eq!(
        clicks(&app, DAYS).await.to_string(),
        r#"{"data":[{"date":"2026-03-24","clicks":4},{"date":"2026-03-25","clicks":2}],"total":6,"start":"2026-03-24T00:00:00Z","end":"2026-03-25T23:59:59Z"}"#
    );
    assert_eq!(
        clicks(&app, &format!("{DAYS}&metrics=clicks,visitors&groupBy=day")).await.to_string(),
        r#"{"data":[{"date":"2026-03-24","clicks":4,"visitors":2},{"date":"2026-03-25","clicks":2,"visitors":2}],"total":6,"total_visitors":4,"start":"2026-03-24T00:00:00Z","end":"2026-03-25T23:59:59Z"}"#
    );
    assert_eq!(
        app.get(&format!("/analytics/scans?{DAYS}&metrics=scans,visitors")).await.is(200).to_string(),
        r#"{"data":[{"date":"2026-03-24","scans":0,"visitors":0},{"date":"2026-03-25","scans":1,"visitors":1}],"total":1,"total_visitors":1,"start":"2026-03-24T00:00:00Z","end":"2026-03-25T23:59:59Z"}"#
    );
    // Thirty days back from now, whose second counts.
    let usual = clicks(&app, "").await;
    assert_eq!((&usual["start"], &usual["end"]), (&json!("2026-02-23T03:00:14Z"), &json!("2026-03-25T03:00:14Z")));
    assert_eq!((usual["data"].as_array().map(Vec::len), &usual["total"]), (Some(31), &json!(6)));
    // The total is that of the window, whatever is shown of it.
    let last = clicks(&app, "limit=1").await;
    assert_eq!((rows(&last, "date"), &last["total"]), (pairs(&[("2026-03-25", 2)]), &json!(6)));
    assert_eq!(rows(&clicks(&app, "interval=7d&limit=1").await, "date"), pairs(&[("2026-03-23", 6)]));
    assert_eq!(rows(&clicks(&app, "interval=30d").await, "date"), pairs(&[("2026-02-23", 4), ("2026-03-25", 2)]));
    assert_eq!(rows(&clicks(&app, "interval=90d").await, "date"), pairs(&[("2026-02-23", 6)]));
    let hours = clicks(&app, "interval=1h&start=2026-03-24T14:00:14Z&end=2026-03-24T15:00:13Z").await;
    assert_eq!(rows(&hours, "date"), pairs(&[("2026-03-24T14:00:00Z", 3), ("2026-03-24T15:00:00Z", 0)]));
    let moment = clicks(&app, "interval=1h&start=2026-03-24T14:00:14Z&end=2026-03-24T14:00:14Z").await;
    assert_eq!((rows(&moment, "date"), &moment["total"]), (pairs(&[("2026-03-24T14:00:00Z", 3)]), &json!(3)));
    // Long ago: thirty days up to there. And all time, of which the newest buckets are shown.
    let long_ago = clicks(&app, "end=2020-01-31").await;
    assert_eq!((&long_ago["start"], &long_ago["total"]), (&json!("2020-01-01T23:59:59Z"), &json!(0)));
    for query in ["", "interval=1h&", "groupBy=hour&timezone=America/New_York&", "groupBy=browser&"] {
        let ever = clicks(&app, &format!("{query}start=1970-01-01&end=2069-12-31&limit=1000")).await;
        assert_eq!(ever["total"], 6, "{query}");
    }
}

#[tokio::test]
async fn clicks_over_time() {
    over_time(App::with(&PATIENT).await).await;
}

#[tokio::test]
async fn clicks_over_time_on_postgres() {
    over_time(App::on_postgres(&PATIENT).await).await;
}

#[tokio::test]
async fn days_and_hours_are_those_of_the_zone() {
    let app = App::with(&PATIENT).await;
    sample(&app).await;
    let day = clicks(&app, "start=2026-03-24&end=2026-03-24&timezone=America/Los_Angeles").await;
    assert_eq!(
        day,
        json!({"data": [{"date": "2026-03-24", "clicks": 6}], "total": 6, "start": "2026-03-24T07:00:00Z", "end": "2026-03-25T06:59:59Z"})
    );
    let hours = "interval=1h&start=2026-03-24T14:00:00Z&end=2026-03-24T15:59:59Z";
    assert_eq!(
        rows(&clicks(&app, &format!("{hours}&timezone=Asia/Kathmandu")).await, "date"),
        pairs(&[("2026-03-24T19:00:00+05:45", 3), ("2026-03-24T20:00:00+05:45", 1), ("2026-03-24T21:00:00+05:45", 0)])
    );
    for (zone, expected) in [
        ("UTC", [("14", 3), ("15", 1), ("03", 2)]),
        ("Asia/Kathmandu", [("19", 3), ("20", 1), ("08", 2)]),
        ("America/Los_Angeles", [("07", 3), ("08", 1), ("20", 2)]),
    ] {
        let of_day = rows(&clicks(&app, &format!("groupBy=hour&limit=24&timezone={zone}")).await, "hour");
        assert_eq!(of_day.len(), 24);
        for (place, (hour, count)) in of_day.iter().enumerate() {
            let wanted = expected.iter().find(|(name, _)| name == hour).map_or(0, |(_, count)| *count);
            assert_eq!((hour.as_str(), *count), (format!("{place:02}").as_str(), wanted), "{zone}");
        }
    }
    // The busiest hours, in the order of the day.
    for (limit, expected) in
        [(1, &[("14", 3)][..]), (2, &[("03", 2), ("14", 3)]), (4, &[("00", 0), ("03", 2), ("14", 3), ("15", 1)])]
    {
        let busiest = clicks(&app, &format!("groupBy=hour&limit={limit}")).await;
        assert_eq!((rows(&busiest, "hour"), &busiest["total"]), (pairs(expected), &json!(6)));
    }
    // The day on which clocks are set forward.
    let short = clicks(&app, "interval=1h&start=2026-03-29&end=2026-03-29&timezone=Europe/Berlin").await;
    assert_eq!(short["data"].as_array().map(Vec::len), Some(23));
    assert_eq!((&short["start"], &short["end"]), (&json!("2026-03-28T23:00:00Z"), &json!("2026-03-29T21:59:59Z")));
}

async fn by_everything(app: App) {
    let links = sample(&app).await;
    let one = id(&links[0]);
    for (name, expected) in [
        ("country", &[("unknown", 6)][..]),
        ("region", &[("unknown", 6)]),
        ("city", &[("unknown", 6)]),
        ("device", &[("desktop", 3), ("mobile", 3)]),
        ("browser", &[("Chrome", 3), ("Safari", 3)]),
        ("os", &[("Windows", 3), ("iOS", 3)]),
        ("language", &[("unknown", 5), ("de-AT", 1)]),
        ("referrer", &[("direct", 5), ("example.org", 1)]),
        ("referrer_url", &[("direct", 5), ("https://www.example.org/story", 1)]),
        ("source", &[("link", 5), ("qr", 1)]),
        ("variant", &[("url", 6)]),
        ("link", &[(one, 4), (id(&links[1]), 2)]),
        ("domain", &[("localhost", 6)]),
        ("tag", &[("spring", 4), ("none", 2)]),
        ("campaign", &[("sale", 4), ("none", 2)]),
        ("utm_campaign", &[("sale", 4), ("none", 2)]),
        ("utm_source", &[("none", 6)]),
        ("bot", &[("person", 6), ("tool", 2), ("unknown", 1)]),
    ] {
        let answer = clicks(&app, &format!("{DAYS}&groupBy={name}")).await;
        assert_eq!(rows(&answer, name), pairs(expected), "{name}");
        assert_eq!(answer["total"], expected.iter().map(|(_, count)| count).sum::<u64>(), "{name}");
        let first = clicks(&app, &format!("{DAYS}&groupBy={name}&limit=1&interval=1h")).await;
        assert_eq!((rows(&first, name), &first["total"]), (pairs(&expected[..1]), &answer["total"]), "{name}");
    }
    for (query, total) in [
        ("bots=exclude", 6),
        ("bots=include", 9),
        ("bots=only", 3),
        ("groupBy=bot&bots=exclude", 6),
        ("bot=tool", 2),
        ("bot=unknown", 1),
        ("bot=tool&bots=exclude", 0),
        ("browser=Chrome&tag=spring", 3),
        ("browser=Chrome&tag=none", 0),
        ("device=mobile&source=qr&tag=none", 1),
        ("campaign=sale&utm_campaign=sale&device=MOBILE", 1),
        ("referrer=Example.ORG&domain=LOCALHOST", 1),
        ("country=de", 0),
        ("browser=chrome", 3),
        ("browser=SAFARI&os=ios", 3),
        ("os=windows", 3),
        ("os=TempleOS", 0),
        ("language=DE_at", 1),
        ("language=de", 0),
        ("language=Unknown", 5),
        ("variant=URL", 6),
        ("variant=rule:3", 0),
        ("country=unknown", 6),
        ("utm_medium=none", 6),
        (&format!("linkId={one}"), 4),
        (&format!("link={one}&os=iOS"), 1),
        (&format!("link={one}&linkId={}", id(&links[1])), 0),
        ("linkId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", 0),
    ] {
        assert_eq!(clicks(&app, &format!("{DAYS}&{query}")).await["total"], total, "{query}");
    }
    // Of one link, visitors are its own.
    let of_two = clicks(&app, &format!("{DAYS}&metrics=visitors&linkId={}", id(&links[1]))).await;
    assert_eq!((&of_two["total"], &of_two["total_visitors"]), (&json!(2), &json!(2)));
    let summary = app.get(&format!("/analytics/summary?{DAYS}&link={}", id(&links[1]))).await.is(200);
    assert_eq!(summary["visitors"]["total"], 2);
    every_filter_agrees_with_every_grouping(&app).await;
}

/// Whatever is filtered by one thing and grouped by another adds up to what the row of the first said.
async fn every_filter_agrees_with_every_grouping(app: &App) {
    let all = format!("{DAYS}&bots=include&metrics=clicks,visitors");
    for filter in DIMENSIONS {
        let whole = clicks(app, &format!("{all}&groupBy={filter}")).await;
        for row in whole["data"].as_array().expect("rows") {
            let value: String =
                url::form_urlencoded::byte_serialize(row[filter].as_str().expect("a value").as_bytes()).collect();
            for group in DIMENSIONS.iter().copied().chain(["day", "hour"]) {
                let query = format!("{all}&{filter}={value}&groupBy={group}");
                let part = clicks(app, &query).await;
                assert_eq!(part["total"], row["clicks"], "{query}");
                if filter == "link" {
                    // Asked about alone, a link has visitors of its own; among others, those that came to it first.
                    let alone = clicks(app, &format!("{all}&linkId={value}&groupBy={group}")).await;
                    assert_eq!(part, alone, "{query}");
                    assert!(part["total_visitors"].as_u64() >= row["visitors"].as_u64(), "{query}");
                } else {
                    assert_eq!(part["total_visitors"], row["visitors"], "{query}");
                }
                for (metric, total) in [("clicks", "total"), ("visitors", "total_visitors")] {
                    let rows = part["data"].as_array().expect("rows").iter();
                    let sum: u64 = rows.map(|row| row[metric].as_u64().expect("a count")).sum();
                    assert_eq!(part[total], sum, "{metric} of {query}");
                }
            }
        }
    }
}

#[tokio::test]
async fn clicks_by_everything() {
    by_everything(App::with(&PATIENT).await).await;
}

#[tokio::test]
async fn clicks_by_everything_on_postgres() {
    by_everything(App::on_postgres(&PATIENT).await).await;
}

#[tokio::test]
async fn a_window_is_summed_up_beside_the_one_before() {
    let app = App::with(&PATIENT).await;
    let links = sample(&app).await;
    let summary = app.get("/analytics/summary?start=2026-03-25&end=2026-03-25").await.is(200);
    assert_eq!(
        summary,
        json!({
            "clicks": {"total": 2, "previous": 4, "change": -0.5},
            "visitors": {"total": 2, "previous": 2, "change": 0.0},
            "scans": {"total": 1, "previous": 0, "change": null},
            "views": {"total": 0, "previous": 0, "change": null},
            "start": "2026-03-25T00:00:00Z", "end": "2026-03-25T23:59:59Z",
            "previous_start": "2026-03-24T00:00:00Z", "previous_end": "2026-03-24T23:59:59Z",
        })
    );
    let of_one = format!("/analytics/summary?{DAYS}&bots=include&linkId={}", id(&links[0]));
    assert_eq!(app.get(&of_one).await.is(200)["clicks"], json!({"total": 7, "previous": 0, "change": null}));
    let ever = app.get("/analytics/summary?start=1970-01-01&end=2069-12-31").await.is(200);
    assert_eq!((&ever["clicks"]["total"], &ever["clicks"]["previous"]), (&json!(6), &json!(0)));
    assert_eq!(app.get("/analytics/summary?groupBy=day").await.fields(), ["groupBy"]);
}

#[tokio::test]
async fn numbers_outlive_their_link() {
    let app = App::with(&PATIENT).await;
    let links = sample(&app).await;
    let path = format!("/links/{}?release_slug=true", id(&links[0]));
    assert_eq!(app.delete(&path).await.status, 204);
    // Somebody else may have its slug then, and none of its numbers.
    let next = app.link(json!({"url": HERE, "slug": "one-link", "tags": ["autumn"]})).await;
    assert_eq!(clicks(&app, &format!("{DAYS}&linkId={}", id(&next))).await["total"], 0);
    assert_eq!(clicks(&app, &format!("{DAYS}&linkId={}", id(&links[0]))).await["total"], 4);
    for (name, expected) in [
        ("link", [(id(&links[0]), 4), (id(&links[1]), 2)]),
        ("tag", [("spring", 4), ("none", 2)]),
        ("campaign", [("sale", 4), ("none", 2)]),
    ] {
        assert_eq!(rows(&clicks(&app, &format!("{DAYS}&groupBy={name}")).await, name), pairs(&expected), "{name}");
    }
    assert_eq!(rows(&clicks(&app, &format!("{DAYS}&groupBy=domain")).await, "domain"), pairs(&[("localhost", 6)]));
    assert_eq!(clicks(&app, &format!("{DAYS}&tag=spring&browser=Chrome")).await["total"], 3);
    every_filter_agrees_with_every_grouping(&app).await;
}

#[tokio::test]
async fn nobody_sees_what_others_count() {
    let app = App::with(&PATIENT).await;
    let links = sample(&app).await;
    let keys = [app.key_for("all", true).await, app.key_of_workspace(2, "all", false).await];
    for key in &keys {
        for query in [
            String::new(),
            format!("linkId={}", id(&links[0])),
            "tag=spring".into(),
            "tag=none".into(),
            "groupBy=link".into(),
        ] {
            let path = format!("/analytics/clicks?{query}&bots=include");
            let answer = Answer::of(app.api_as(key, Method::GET, &path)).await.is(200);
            assert_eq!(answer["total"], 0, "{query}");
        }
        let export = Answer::of(app.api_as(key, Method::GET, "/analytics/export?format=ndjson&bots=include")).await;
        assert_eq!((export.status, export.text.as_str()), (200, ""));
        let summary = Answer::of(app.api_as(key, Method::GET, "/analytics/summary")).await.is(200);
        assert_eq!(summary["clicks"]["total"], 0);
    }
    // And theirs are not ours.
    let body = json!({"url": HERE, "slug": "test-link"});
    Answer::of(app.api_as(&keys[0], Method::POST, "/links").json(&body)).await.is(201);
    visit(&app, "/test-link", &[("user-agent", BROWSER)]).await;
    app.settle().await;
    assert_eq!(Answer::of(app.api_as(&keys[0], Method::GET, "/analytics/clicks")).await.is(200)["total"], 1);
    assert_eq!(clicks(&app, "").await["total"], 6);
    let key = app.key_for("links:read,links:write", false).await;
    for path in ["clicks", "scans", "views", "summary", "export"] {
        let answer = Answer::of(app.api_as(&key, Method::GET, &format!("/analytics/{path}"))).await;
        assert_eq!(answer.error(403), "insufficient_scope");
        assert_eq!(answer.json()["error"]["required_scope"], "analytics:read");
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let app = App::with(&PATIENT).await;
    for (query, fields, says) in [
        ("interval=2d", &["interval"][..], "1h, 1d, 7d, 30d, 90d"),
        ("groupBy=colour", &["groupBy"], "day, hour, country"),
        ("groupBy=", &["groupBy"], "utm_content"),
        ("limit=-1", &["limit"], "between 1 and 1000"),
        ("limit=0", &["limit"], "between 1 and 1000"),
        ("limit=1001", &["limit"], "between 1 and 1000"),
        ("limit=ten", &["limit"], "between 1 and 1000"),
        ("timezone=Mars/Base", &["timezone"], "Asia/Karachi"),
        ("timezone=%2B05:00", &["timezone"], "Asia/Karachi"),
        ("start=yesterday", &["start"], "2026-03-24"),
        ("end=2026-02-30", &["end"], "2026-03-24"),
        ("start=2026-03-25&end=2026-03-24", &["start"], "after"),
        ("start=2027-01-01", &["start"], "after"),
        ("start=1026-03-24&end=2026-03-24", &["start"], "100 years"),
        ("start=2027-01-01&end=never", &["end"], "2026-03-24"),
        ("metrics=clicks,views", &["metrics"], "clicks,visitors"),
        ("metrics=", &["metrics"], "clicks,visitors"),
        ("bots=yes", &["bots"], "include, only, exclude"),
        ("device=fridge", &["device"], "desktop, mobile, tablet"),
        ("bot=robot", &["bot"], "person, preview"),
        ("source=mail", &["source"], "link, qr, bio"),
        ("country=Germany", &["country"], "two-letter"),
        ("country=EU", &["country"], "two-letter"),
        ("country=usa", &["country"], "two-letter"),
        ("country=%ff", &["country"], "percent-encoded UTF-8"),
        ("device=phone", &["device"], "desktop, mobile, tablet"),
        ("device=unknown", &["device"], "desktop, mobile, tablet"),
        ("source=unknown", &["source"], "link, qr, bio"),
        ("language=english%20please", &["language"], "pt-BR"),
        ("variant=b", &["variant"], "url, ios, android, ended, rule:0"),
        ("variant=rule:01", &["variant"], "variant:0"),
        ("end=9999-12-31T23:59:59Z", &["end"], "9999-12-30T22:00:00Z"),
        ("end=9999-12-31", &["end"], "9999-12-30T22:00:00Z"),
        ("linkId=one-link", &["linkId"], "lnk_"),
        ("linkId=key_01kcd3vyk5f8r9v3k2m4n6p8qa", &["linkId"], "lnk_"),
        ("link=one", &["link"], "lnk_"),
        ("tag=", &["tag"], "empty"),
        ("city=%00", &["city"], "NUL"),
        ("tag=a&tag=b", &["tag"], "once"),
        ("group_by=day&linkid=x", &["group_by", "linkid"], "Unknown"),
        ("qrCodeId=qr_1", &["qrCodeId"], "Unknown"),
        ("bioPageId=bp_1", &["bioPageId"], "Unknown"),
        ("groupBy=page", &["groupBy"], "day, hour, country"),
        ("groupBy=code", &["groupBy"], "day, hour, country"),
        ("limit=0&interval=x&bots=x&serach=y", &["bots", "interval", "limit", "serach"], "Must"),
    ] {
        let answer = app.get(&format!("/analytics/clicks?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields().as_slice()),
            ("validation_error", &fields.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{query}"
        );
        assert!(answer.text.contains(says), "{query}: {}", answer.text);
    }
    assert_eq!(app.get("/analytics/scans?metrics=clicks").await.fields(), ["metrics"]);
}
