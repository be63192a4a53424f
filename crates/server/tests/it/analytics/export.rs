//! Exports: what they hold, and that they can be taken up wherever they broke off.

use std::sync::Arc;

use mask_core::{id::LinkId, time::Time, visit::Target, workspace::Owner};
use mask_store::{Batch, Fact, Position};
use reqwest::Method;
use serde_json::Value;

use super::{DAYS, PATIENT, clicks, id, sample};
use crate::{
    harness::{Answer, App},
    wire::{Wire, api_request},
};

pub(super) async fn export(app: &App, query: &str) -> Answer {
    let answer = app.get(&format!("/analytics/export?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

pub(super) async fn lines(app: &App, query: &str) -> Vec<Value> {
    let answer = export(app, &format!("format=ndjson&{query}")).await;
    answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn exports(app: App) {
    let links = sample(&app).await;
    let all = lines(&app, &format!("{DAYS}&bots=include")).await;
    assert_eq!(all.len(), 9);
    assert_eq!(all.iter().filter(|row| row["is_bot"] == false).count(), 6);
    assert_eq!(all.iter().filter(|row| row["is_bot"] == false && row["is_unique"] == true).count(), 4);
    assert!(all.is_sorted_by_key(|row| row["at"].as_str().expect("a time").to_owned()));
    assert_eq!(all[0]["at"], "2026-03-24T14:00:14Z");
    let referred: Vec<_> = all.iter().filter(|row| row["referrer"] == "example.org").collect();
    assert_eq!((referred.len(), &referred[0]["referrer_url"]), (1, &"https://www.example.org/story".into()));
    // Whoever counts the rows finds what the API answers.
    for name in ["device", "browser", "os", "language", "referrer", "source", "bot", "link", "variant", "country"] {
        let answer = clicks(&app, &format!("{DAYS}&bots=include&groupBy={name}")).await;
        for row in answer["data"].as_array().expect("rows") {
            let count = all.iter().filter(|visit| visit[name] == row[name]).count();
            assert_eq!(row["clicks"], count, "{name} {}", row[name]);
        }
    }
    let csv = export(&app, DAYS).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"clicks.csv\"");
    assert!(csv.text.starts_with("at,link,is_unique,is_bot,bot,") && csv.text.ends_with("\r\n"), "{}", csv.text);
    assert_eq!(csv.text.matches("\r\n").count(), 7);
    assert_eq!(lines(&app, &format!("type=scans&{DAYS}")).await.len(), 1);
    for (filter, count) in [
        (format!("linkId={}", id(&links[0])), 4),
        (format!("link={}", id(&links[1])), 2),
        ("browser=Chrome".to_owned(), 3),
        ("browser=Chrome&referrer=direct".to_owned(), 2),
        ("bot=tool".to_owned(), 2),
        ("tag=spring".to_owned(), 4),
        ("tag=none&browser=Safari".to_owned(), 2),
        ("utm_campaign=sale&device=mobile".to_owned(), 1),
        ("campaign=sale&domain=localhost&bots=only".to_owned(), 3),
        ("domain=go.example".to_owned(), 0),
        ("utm_source=none".to_owned(), 6),
        (format!("type=scans&tag=none&linkId={}", id(&links[1])), 1),
        ("linkId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa".to_owned(), 0),
    ] {
        assert_eq!(lines(&app, &format!("{DAYS}&{filter}")).await.len(), count, "{filter}");
    }
    // Of one link those are unique that are among its visitors.
    for named in ["link", "linkId"] {
        let filter = format!("{DAYS}&{named}={}", id(&links[1]));
        let visitors = clicks(&app, &format!("{filter}&metrics=visitors")).await["total_visitors"].clone();
        let rows = lines(&app, &filter).await;
        assert_eq!(rows.iter().filter(|row| row["is_unique"] == true).count(), 2, "{named}");
        assert_eq!(visitors, 2, "{named}");
    }
    taken_up(&app, &format!("{DAYS}&bots=include"), &all).await;
    let tagged = format!("{DAYS}&bots=include&tag=spring&domain=localhost");
    let of_tag = lines(&app, &tagged).await;
    assert_eq!(of_tag.len(), 7);
    taken_up(&app, &tagged, &of_tag).await;
    cursors_of_others(&app, &all[3]).await;
}

/// Whatever the last row was that arrived, the rest comes, and nothing twice; in both formats.
async fn taken_up(app: &App, query: &str, all: &[Value]) {
    let csv = export(app, query).await.text;
    for (place, row) in all.iter().enumerate() {
        let cursor = row["cursor"].as_str().expect("a cursor");
        assert_eq!(lines(app, &format!("{query}&cursor={cursor}")).await, all[place + 1..], "after {place}");
        let rest = export(app, &format!("{query}&cursor={cursor}")).await.text;
        let read: Vec<_> = csv.split_inclusive("\r\n").skip(place + 2).collect();
        assert_eq!(rest, read.concat(), "after {place}");
    }
}

async fn cursors_of_others(app: &App, row: &Value) {
    let cursor = row["cursor"].as_str().expect("a cursor");
    for query in [
        format!("{DAYS}&cursor={cursor}"),
        format!("{DAYS}&bots=include&type=scans&cursor={cursor}"),
        format!("{DAYS}&bots=include&browser=Chrome&cursor={cursor}"),
        format!("{DAYS}&bots=include&tag=spring&cursor={cursor}"),
        format!("start=2026-03-26&end=2026-03-27&bots=include&cursor={cursor}"),
        format!("{DAYS}&bots=include&cursor=x"),
        format!("{DAYS}&bots=include&cursor=eyJpZCI6Imxua19kZWY0NTYifQ"),
    ] {
        let answer = app.get(&format!("/analytics/export?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec!["cursor".to_owned()]),
            "{query}"
        );
    }
    for (query, field) in [
        ("type=visits", "type"),
        ("format=xml", "format"),
        ("limit=1", "limit"),
        ("tag=", "tag"),
        ("type=views&tag=a", "tag"),
        ("bots=2", "bots"),
    ] {
        assert_eq!(app.get(&format!("/analytics/export?{query}")).await.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn visits_are_exported() {
    exports(App::with(&PATIENT).await).await;
}

#[tokio::test]
async fn visits_are_exported_on_postgres() {
    exports(App::on_postgres(&PATIENT).await).await;
}

pub(super) fn fact(at: i64, visitor: i64) -> Fact {
    Fact {
        at: Time::from_unix_millis(at),
        request: None,
        owner: Owner { workspace: 1, is_test: false },
        target: Target::Link(LinkId::from_bits(7)),
        code: None,
        is_counted: true,
        class: "person",
        reason: "browser",
        choice: "url".to_owned(),
        device: "desktop",
        os: "Windows",
        browser: "Chrome",
        language: None,
        referrer: None,
        referrer_url: None,
        source: "link",
        country: None,
        region: None,
        city: None,
        visitor,
    }
}

/// Many more than one slice, most of them crowded into three seconds, and hundreds of them into one moment.
#[tokio::test]
async fn a_long_export_is_whole_and_in_order() {
    let app = App::with(&PATIENT).await;
    let begin = Time::parse("2026-03-01T00:00:00Z").expect("a time").unix_millis();
    let crowded = (0..45_000).map(|number| fact(begin + number % 3000, number));
    let spread = (0..5_000).map(|number| fact(begin + number * 400_000, number));
    let to = Position { segment: 1, byte: 1 };
    let facts = crowded.chain(spread).collect();
    let batch = Batch { node: "elsewhere".to_owned(), shard: 0, from: None, to, facts, is_history: false };
    assert!(app.server().store.record_clicks(Arc::new(batch)).await.expect("a store").is_some());
    let all = lines(&app, "start=2026-03-01").await;
    assert_eq!(all.len(), 50_000);
    assert!(all.is_sorted_by_key(|row| row["at"].as_str().expect("a time").to_owned()));
    let cursors: std::collections::HashSet<_> = all.iter().map(|row| row["cursor"].as_str()).collect();
    assert_eq!(cursors.len(), all.len());
    for place in [0, 19_999, 20_000, 44_321, 49_998, 49_999] {
        let cursor = all[place]["cursor"].as_str().expect("a cursor");
        let rest = lines(&app, &format!("start=2026-03-01&cursor={cursor}")).await;
        assert!(rest == all[place + 1..], "after {place}: {} rows", rest.len());
    }
    a_few_at_once(&app).await;
}

/// Each export under way holds memory, so a workspace has a few, and others have their own.
async fn a_few_at_once(app: &App) {
    const PATH: &str = "/analytics/export?start=2026-03-01&format=ndjson";
    let (address, key) = (app.server().addresses[0], app.key.clone());
    // More than fits into sockets, so it goes on for as long as nobody reads it.
    let begin = move || {
        let mut wire = Wire::narrow(address).expect("a connection");
        let request = api_request("GET", PATH, &key, "Connection: close\r\n", "");
        assert_eq!(wire.ask(&request).expect("an answer").status, 200);
        wire
    };
    let held =
        tokio::task::spawn_blocking(move || (0..5).map(|_| begin()).collect::<Vec<_>>()).await.expect("it ended");
    let refused = app.get(PATH).await;
    assert_eq!((refused.error(429).as_str(), refused.header("retry-after")), ("rate_limit_exceeded", "30"));
    assert!(refused.text.contains("5 exports at once"), "{}", refused.text);
    assert_eq!(app.get("/analytics/clicks").await.status, 200);
    let other = app.key_of_workspace(2, "all", false).await;
    assert_eq!(Answer::of(app.api_as(&other, Method::GET, PATH)).await.status, 200);
    let read = move || held.into_iter().map(|mut wire| wire.drain()).min();
    let bytes = tokio::task::spawn_blocking(read).await.expect("it ended");
    assert!(bytes.is_some_and(|bytes| bytes > 10 << 20), "each goes on to its end: {bytes:?}");
    assert_eq!(app.get(PATH).await.status, 200);
}
