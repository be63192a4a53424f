//! The stream of events, read as a client reads it: what comes, in which order, what is said of what cannot come, and that
//! neither a slow client nor an open stream is in anybody's way.

mod views;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mask::{config::Config, run};
use mask_core::{id::LinkId, key::Secret, time::Time, visit::Target, workspace::Owner};
use mask_store::{Batch, Fact, Position};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App},
    scans::printed,
    wire::{PATIENCE, Wire},
};

const PATIENT: (&str, &str) = ("limits.requests_per_minute", "0");
/// A sign of life every second.
const LIVELY: (&str, &str) = ("server.heartbeat_seconds", "1");

/// Somebody who listens, and understands what a stream says as the standard has it.
struct Listener {
    response: reqwest::Response,
    text: String,
    /// The last id that was said.
    last_id: String,
}

/// An event as it came.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    kind: String,
    id: String,
    data: Value,
}

impl Listener {
    async fn open(app: &App, query: &str) -> Self {
        Self::open_as(app, &app.key, query, None).await
    }

    async fn open_after(app: &App, query: &str, last_id: &str) -> Self {
        Self::open_as(app, &app.key, query, Some(last_id)).await
    }

    async fn open_as(app: &App, key: &str, query: &str, last_id: Option<&str>) -> Self {
        let mut request = app.api_as(key, Method::GET, &format!("/events?{query}"));
        if let Some(last_id) = last_id {
            request = request.header("last-event-id", last_id);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let mut listener = Self { response, text: String::new(), last_id: String::new() };
        let greeting = listener.block().await.expect("a greeting");
        assert!(greeting.starts_with("retry: 2000\nid: "), "{greeting}");
        listener
    }

    /// The next lines up to an empty one; nothing at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
                    id.clone_into(&mut self.last_id);
                }
                return Some(block);
            }
            let piece = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            // A server that ends a stream ends it whole.
            let piece = piece.expect("no broken end")?;
            self.text += std::str::from_utf8(&piece).expect("text");
        }
    }

    /// The next event.
    async fn event(&mut self) -> Event {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
            let data = field("data: ");
            if !data.is_empty() {
                let data: Value = serde_json::from_str(&data).expect("JSON");
                assert_eq!(data["type"], field("event: "));
                return Event { kind: field("event: "), id: field("id: "), data };
            }
        }
    }

    async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// The slugs of the links of the next events.
    async fn slugs(&mut self, count: usize) -> Vec<String> {
        self.events(count).await.iter().map(slug).collect()
    }

    /// Waits for the end, before which nothing may come but signs of life.
    async fn ends(&mut self) {
        while let Some(block) = self.block().await {
            assert!(block.starts_with(": heartbeat"), "{block}");
        }
    }
}

fn slug(event: &Event) -> String {
    event.data["data"]["slug"].as_str().unwrap_or_default().to_owned()
}

/// Makes a link, and answers its id.
async fn link(app: &App, slug: &str) -> String {
    let link = app.link(json!({"url": "https://example.com/here", "slug": slug})).await;
    link["id"].as_str().expect("an id").to_owned()
}

async fn click(app: &App, path: &str) {
    assert_eq!(Answer::of(app.visit(&format!("/{path}"))).await.status, 302, "{path}");
}

/// How long running requests may go on when the server ends, by the settings; streams would take all of it.
const GRACE: Duration = Duration::from_secs(10);

/// As users have it: the drain looks twice a second.
const USUAL: (&str, &str) = ("clicks.drain_interval_ms", "500");

async fn a_click_is_told(app: App) {
    let id = link(&app, "spring").await;
    let answer = Answer::of(app.api(Method::GET, "/events")).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("x-ratelimit-limit", ""),
        ("content-length", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let mut listener = Listener::open(&app, "").await;
    let visit =
        app.visit("/spring").header("accept-language", "pt-BR").header("referer", "https://www.example.org/story");
    assert_eq!(Answer::of(visit).await.status, 302);
    let event = listener.event().await;
    let data = json!({
        "link_id": id, "slug": "spring", "url": "https://example.com/here", "short_url": "http://localhost:8080/spring",
        "external_id": null, "referrer": "example.org", "country": "unknown", "region": "unknown", "city": "unknown",
        "device": "desktop", "os": "Windows", "browser": "Chrome", "language": "pt-BR", "source": "link", "is_bot": false,
        "bot": "person", "is_unique": true,
    });
    assert_eq!(event.data["data"], data);
    assert_eq!((event.kind.as_str(), &event.data["timestamp"]), ("link.clicked", &"2026-03-24T14:00:14Z".into()));
    assert!(event.data["id"].as_str().expect("an id").starts_with("evt_"));
    let (code, token) = printed(&app, &id).await;
    for (qr_code_id, which) in [(code["id"].clone(), "while it is there"), (Value::Null, "once it is deleted")] {
        click(&app, &format!("spring?qr={token}")).await;
        let scan = listener.event().await;
        assert_eq!((scan.kind.as_str(), &scan.data["data"]["source"]), ("qr.scanned", &"qr".into()));
        assert_eq!(scan.data["data"].get("qr_code_id"), Some(&qr_code_id), "the code, {which}");
        assert_eq!(scan.data["data"]["is_unique"], false);
        app.delete(&format!("/qr-codes/{}", code["id"].as_str().expect("an id"))).await;
    }
    click(&app, "spring?qr=LjaL3EZtOp").await;
    let click = listener.event().await;
    assert_eq!(
        (click.kind.as_str(), &click.data["data"]["source"]),
        ("link.clicked", &"link".into()),
        "no code's token"
    );
}

#[tokio::test]
async fn a_click_is_told_as_it_happens() {
    a_click_is_told(App::with(&[USUAL, PATIENT]).await).await;
}

#[tokio::test]
async fn a_click_is_told_as_it_happens_on_postgres() {
    a_click_is_told(App::on_postgres(&[USUAL, PATIENT]).await).await;
}

/// Wherever a stream breaks off, the next one goes on: in order, nothing missing, nothing twice.
async fn taken_up(mut app: App) {
    link(&app, "first").await;
    link(&app, "other").await;
    let mut listener = Listener::open(&app, "").await;
    let mut events = Vec::new();
    for slug in ["first", "other", "first", "first", "other"] {
        click(&app, slug).await;
        events.push(listener.event().await);
    }
    drop(listener);
    for slug in ["other", "other", "first"] {
        click(&app, slug).await;
    }
    app.settle().await;
    let last = events[4].id.clone();
    let mut listener = Listener::open_after(&app, "", &last).await;
    events.extend(listener.events(3).await);
    drop(listener);
    app.restart().await;
    click(&app, "first").await;
    click(&app, "other").await;
    let mut listener = Listener::open_after(&app, "", &events[7].id).await;
    events.extend(listener.events(2).await);
    let slugs: Vec<_> = events.iter().map(slug).collect();
    assert_eq!(slugs, ["first", "other", "first", "first", "other", "other", "other", "first", "first", "other"]);
    let ids: std::collections::HashSet<_> = events.iter().map(|event| event.data["id"].as_str()).collect();
    assert_eq!(ids.len(), events.len());
    for place in 0..events.len() - 1 {
        let rest = &events[place + 1..];
        let mut by_header = Listener::open_after(&app, "", &events[place].id).await;
        assert_eq!(by_header.events(rest.len()).await, rest, "after {place}");
        // The header goes over the parameter, which stands in an address that does not change.
        let query = format!("last_event_id={}", events[place].id);
        let mut by_query = Listener::open(&app, &query).await;
        assert_eq!(by_query.events(rest.len()).await, rest, "after {place}");
        let mut by_both = Listener::open_after(&app, &query, &events[8].id).await;
        assert_eq!(by_both.event().await, events[9], "after {place}");
    }
}

#[tokio::test]
async fn a_stream_is_taken_up() {
    taken_up(App::with(&[PATIENT]).await).await;
}

#[tokio::test]
async fn a_stream_is_taken_up_on_postgres() {
    taken_up(App::on_postgres(&[PATIENT]).await).await;
}

/// A stream may have a bound: then it tells what there is, ends whole, and is taken up like any other.
#[tokio::test]
async fn a_stream_ends_after_its_time() {
    let app = App::with(&[("server.stream_seconds", "0")]).await;
    link(&app, "spring").await;
    let mut listener = Listener::open(&app, "").await;
    listener.ends().await;
    click(&app, "spring").await;
    app.settle().await;
    let mut listener = Listener::open_after(&app, "", &listener.last_id).await;
    assert_eq!(listener.slugs(1).await, ["spring"]);
    listener.ends().await;
}

/// Whoever went away before anything came goes on from where he began to listen.
#[tokio::test]
async fn a_stream_that_said_nothing_yet_is_taken_up() {
    let app = App::with(&[PATIENT, LIVELY]).await;
    link(&app, "first").await;
    click(&app, "first").await;
    app.settle().await;
    let mut listener = Listener::open(&app, "bots=only").await;
    let began = listener.last_id.clone();
    click(&app, "first").await;
    app.settle().await;
    // What is not meant is passed over, and a sign of life says so.
    while listener.last_id == began {
        listener.block().await.expect("the stream goes on");
    }
    let passed = listener.last_id.clone();
    click(&app, "first").await;
    click(&app, "first").await;
    app.settle().await;
    assert_eq!(Listener::open_after(&app, "", &began).await.slugs(3).await.len(), 3);
    let mut late = Listener::open_after(&app, "", &passed).await;
    let (second, third) = (late.event().await, late.event().await);
    click(&app, "first").await;
    assert_ne!(late.event().await.id, third.id);
    assert_ne!(second.id, third.id);
}

/// A second node on the same database: its clicks are told on the first.
#[tokio::test]
async fn clicks_of_another_node_are_told() {
    let app = App::on_postgres(&[USUAL, PATIENT]).await;
    link(&app, "spring").await;
    let folder = tempfile::tempdir().expect("a folder");
    // All nodes have the same key for what they seal.
    std::fs::copy(app.data().join("secret.key"), folder.path().join("secret.key")).expect("a key");
    let flags = [
        ("server.listen", "127.0.0.1:0".to_owned()),
        ("server.threads", "1".to_owned()),
        ("storage.data_dir", folder.path().display().to_string()),
        ("database.url", app.database().url.clone()),
    ];
    let config = Config::load(None, [], &flags).expect("settings");
    let clock = app.clock.clone();
    let other =
        tokio::task::spawn_blocking(move || run::start(&config, &clock).expect("a node")).await.expect("started");
    let mut listener = Listener::open(&app, "").await;
    for _ in 0..3 {
        let visit = app
            .client
            .get(format!("http://{}/spring", other.addresses[0]))
            .header("user-agent", crate::harness::BROWSER);
        assert_eq!(Answer::of(visit).await.status, 302);
        assert_eq!(slug(&listener.event().await), "spring");
    }
    tokio::task::spawn_blocking(move || other.stop()).await.expect("stopped");
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let app = App::with(&[PATIENT]).await;
    link(&app, "first").await;
    let mut listener = Listener::open(&app, "").await;
    let mut events = Vec::new();
    for _ in 0..4 {
        click(&app, "first").await;
        events.push(listener.event().await);
        app.wait(60);
    }
    let database = rusqlite::Connection::open(app.data().join("clicks.db")).expect("the database");
    database.execute("DELETE FROM click_feed WHERE seq <= 2", []).expect("they go");
    let mut late = Listener::open_after(&app, "", &events[0].id).await;
    let gap = late.event().await;
    let data = &gap.data["data"];
    assert_eq!(
        (gap.kind.as_str(), &data["since"], &data["until"]),
        ("gap", &"2026-03-24T14:00:14Z".into(), &"2026-03-24T14:02:14Z".into(),)
    );
    assert_eq!(late.events(2).await, events[2..]);
    // What is missing is where it says, and whoever was told once is not told again.
    let path = data["export"].as_str().and_then(|path| path.strip_prefix("/api/v1")).expect("a path");
    let export = app.get(path).await;
    assert_eq!((export.status, export.text.lines().count()), (200, 3), "{}", export.text);
    assert_eq!(data["export_views"], format!("/api/v1{path}&type=views"));
    assert_eq!(Listener::open_after(&app, "", &gap.id).await.events(2).await, events[2..]);
    assert_eq!(Listener::open_after(&app, "", &events[2].id).await.event().await, events[3]);
    // A row that is another one under the same number, as after a restore.
    database.execute("UPDATE click_feed SET at = at + 7000 WHERE seq = 4", []).expect("it changes");
    let mut foreign = Listener::open_after(&app, "", &events[3].id).await;
    let kinds: Vec<_> = foreign.events(2).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["gap", "link.clicked"]);
}

#[tokio::test]
async fn what_is_listened_for() {
    let app = App::with(&[PATIENT, ("links.domains", "two.example")]).await;
    let first = json!({"url": "https://example.com", "slug": "first", "domain": "localhost"});
    let one = app.link(first).await["id"].as_str().expect("an id").to_owned();
    app.link(json!({"url": "https://example.com", "slug": "other", "domain": "localhost", "tags": ["Spring", "x"]}))
        .await;
    app.link(json!({"url": "https://example.com", "slug": "third", "domain": "two.example"})).await;
    let begin = Listener::open(&app, "").await.last_id;
    click(&app, "first").await;
    let tool = app.client.get(format!("{}/first", app.base)).header("user-agent", "curl/8.5.0");
    assert_eq!(Answer::of(tool).await.status, 302);
    click(&app, "other").await;
    assert_eq!(Answer::of(app.visit("/third").header("host", "two.example")).await.status, 302);
    app.settle().await;
    click(&app, "first").await;
    app.settle().await;
    for (query, slugs) in [
        (String::new(), &["first", "other", "third", "first"][..]),
        ("bots=exclude".to_owned(), &["first", "other", "third", "first"]),
        ("bots=include".to_owned(), &["first", "first", "other", "third", "first"]),
        ("bots=only".to_owned(), &["first"]),
        (format!("linkId={one}"), &["first", "first"]),
        (format!("linkId={one}&bots=include"), &["first", "first", "first"]),
        ("tag=Spring".to_owned(), &["other"]),
        ("tag=none".to_owned(), &["first", "third", "first"]),
        ("domain=Two.Example".to_owned(), &["third"]),
        ("domain=localhost&tag=x".to_owned(), &["other"]),
    ] {
        let mut found = Listener::open_after(&app, &query, &begin).await.slugs(slugs.len()).await;
        // Two threads answered, and each has a journal of its own.
        let mut slugs = slugs.to_vec();
        found.sort_unstable();
        slugs.sort_unstable();
        assert_eq!(found, slugs, "{query}");
    }
    let tool = Listener::open_after(&app, "bots=only", &begin).await.event().await;
    assert_eq!((&tool.data["data"]["is_bot"], &tool.data["data"]["bot"]), (&true.into(), &"tool".into()));
    app.delete(&format!("/links/{one}")).await.is(204);
    let gone = Listener::open_after(&app, &format!("linkId={one}"), &begin).await.event().await;
    assert_eq!((slug(&gone).as_str(), &gone.data["data"]["link_id"]), ("first", &one.into()), "it is told as it was");
}

#[tokio::test]
async fn what_cannot_be_listened_for() {
    let app = App::with(&[PATIENT]).await;
    for (query, field) in [
        ("linkId=x", "linkId"),
        ("bots=yes", "bots"),
        ("last_event_id=", "last_event_id"),
        ("last_event_id=1-2", "last_event_id"),
        ("last_event_id=AAAAAAAAAAAAAAAAAAAAAA", "last_event_id"),
        ("last_event_id=%ff", "last_event_id"),
        ("tag=%00", "tag"),
        ("since=now", "since"),
    ] {
        let answer = app.get(&format!("/events?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec![field.to_owned()]),
            "{query}"
        );
    }
    for id in [
        "x",
        "evt_01kcd3vyk5f8r9v3k2m4n6p8qa",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAA=",
        "; drop",
        "1-2-\u{fc}",
    ] {
        let answer = Answer::of(app.api(Method::GET, "/events").header("last-event-id", id)).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec!["Last-Event-ID".to_owned()])
        );
    }
    let answer = Answer::of(app.api(Method::GET, "/events").header("last-event-id", "")).await;
    assert_eq!(answer.status, 200, "a client that has none yet may say so");
    assert_eq!(app.post("/events", json!({})).await.error(405), "method_not_allowed");
    let head = Answer::of(app.api(Method::HEAD, "/events")).await;
    assert_eq!((head.status, head.header("content-type")), (200, "text/event-stream"));
}

#[tokio::test]
async fn nobody_hears_what_is_not_his() {
    let app = App::with(&[PATIENT]).await;
    let (test, other) = (app.key_for("all", true).await, app.key_of_workspace(2, "all", false).await);
    let make = async |key: &str, slug: &str| {
        let body = json!({"url": "https://example.com", "slug": slug});
        Answer::of(app.api_as(key, Method::POST, "/links").json(&body)).await.is(201)
    };
    let live = make(&app.key, "of-live").await;
    make(&test, "of-test").await;
    make(&other, "of-other").await;
    let mut listeners = Vec::new();
    for (key, slug) in [(&app.key, "of-live"), (&test, "of-test"), (&other, "of-other")] {
        listeners.push((Listener::open_as(&app, key, "bots=include", None).await, slug));
    }
    let theirs = format!("linkId={}", live["id"].as_str().expect("an id"));
    let mut curious = Listener::open_as(&app, &other, &theirs, None).await;
    for _ in 0..2 {
        for slug in ["of-live", "of-test", "of-other"] {
            click(&app, slug).await;
            app.settle().await;
        }
    }
    for (listener, slug) in &mut listeners {
        assert_eq!(listener.slugs(2).await, [*slug, *slug]);
    }
    // A place is not a right: with another's place one hears one's own.
    let place = listeners[0].0.last_id.clone();
    click(&app, "of-other").await;
    assert_eq!(Listener::open_as(&app, &other, "", Some(&place)).await.slugs(1).await, ["of-other"]);
    app.stop_and(async || curious.ends().await).await;
}

impl App {
    /// Stops the server while something else goes on.
    async fn stop_and(mut self, other: impl AsyncFnOnce()) {
        tokio::join!(self.stop(), other());
    }
}

async fn revoke(app: &App, key: &str) {
    let store = &app.server().store;
    let hash = Secret::parse(key).expect("a secret").hash();
    let key = store.key_by_hash(hash, app.clock.now()).await.expect("a store").expect("a key");
    assert!(store.revoke_key(key.id, app.clock.now()).await.expect("a store"));
}

#[tokio::test]
async fn a_revoked_key_hears_nothing_more() {
    let app = App::with(&[PATIENT]).await;
    link(&app, "first").await;
    let key = app.key_for("analytics:read", false).await;
    let mut listener = Listener::open_as(&app, &key, "", None).await;
    click(&app, "first").await;
    listener.event().await;
    revoke(&app, &key).await;
    click(&app, "first").await;
    listener.ends().await;
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life_until_its_key_is_revoked() {
    let app = App::with(&[PATIENT, LIVELY]).await;
    let key = app.key_for("analytics:read", false).await;
    let mut listener = Listener::open_as(&app, &key, "", None).await;
    for _ in 0..2 {
        assert_eq!(listener.block().await.as_deref(), Some(": heartbeat"));
    }
    revoke(&app, &key).await;
    listener.ends().await;
}

#[tokio::test]
async fn an_open_stream_keeps_nobody_from_stopping() {
    let mut app = App::with(&[PATIENT]).await;
    link(&app, "first").await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(Listener::open(&app, "").await);
    }
    click(&app, "first").await;
    for listener in &mut listeners {
        listener.event().await;
    }
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
    for listener in &mut listeners {
        listener.ends().await;
    }
}

#[tokio::test]
async fn a_workspace_may_have_fifty_streams() {
    let app = App::with(&[PATIENT, LIVELY]).await;
    let mut listeners = Vec::new();
    for _ in 0..50 {
        listeners.push(Listener::open(&app, "").await);
    }
    let answer = app.get("/events").await;
    assert_eq!((answer.error(429).as_str(), answer.header("retry-after")), ("rate_limit_exceeded", "30"));
    assert!(answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains("50 event streams")));
    let other = app.key_of_workspace(2, "all", false).await;
    Listener::open_as(&app, &other, "", None).await;
    // Who has gone is noticed when the next sign of life cannot be sent.
    drop(listeners);
    let began = Instant::now();
    while app.get("/events").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "places are not given back");
        tokio::task::yield_now().await;
    }
}

/// Many clicks of one link at once, as a drain would bring them.
async fn flood(app: &App, link: LinkId, batches: u64, clicks: i64) {
    let fact = |visitor: i64| Fact {
        at: Time::from_unix_millis(1_774_360_814_000),
        request: None,
        owner: Owner { workspace: 1, is_test: false },
        target: Target::Link(link),
        code: None,
        is_counted: true,
        class: "person",
        reason: "browser",
        choice: "url".to_owned(),
        device: "desktop",
        os: "Windows",
        browser: "Chrome",
        language: Some("pt-BR".to_owned()),
        referrer: None,
        referrer_url: None,
        source: "link",
        country: Some("PK".to_owned()),
        region: None,
        city: None,
        visitor,
    };
    for byte in 0..batches {
        let position = |byte| Position { segment: 1, byte };
        let from = (byte > 0).then(|| position(byte));
        let facts = (0..clicks).map(fact).collect();
        let to = position(byte + 1);
        let batch = Batch { node: "elsewhere".to_owned(), shard: 0, from, to, facts, is_history: false };
        assert!(app.server().store.record_clicks(Arc::new(batch)).await.expect("a store").is_some());
    }
}

/// Who does not read is owed what he does not read, and nobody else waits for him: not other listeners, and not for long
/// whoever stops the server.
#[tokio::test]
async fn a_reader_that_does_not_read() {
    let mut app = App::with(&[PATIENT, ("server.shutdown_seconds", "1")]).await;
    let id = LinkId::parse(&link(&app, "first").await).expect("an id");
    let begin = Listener::open(&app, "").await.last_id;
    let mut deaf = Wire::open(app.server().addresses[0]).expect("a connection");
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nLast-Event-ID: {begin}\r\n\r\n",
        app.key
    );
    deaf.send(request.as_bytes()).expect("sent");
    flood(&app, id, 10, 5_000).await;
    let mut reader = Listener::open_after(&app, "", &begin).await;
    let events = reader.events(50_000).await;
    let ids: std::collections::HashSet<_> = events.iter().map(|event| event.data["id"].as_str()).collect();
    assert_eq!(ids.len(), 50_000);
    click(&app, "first").await;
    assert_eq!(slug(&reader.event().await), "first");
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
    reader.ends().await;
    drop(deaf);
}
