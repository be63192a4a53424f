//! What counts, what is only recorded, and limits of clicks.

use mask_core::{id::LinkId, workspace::Owner};
use reqwest::Method;
use serde_json::{Value, json};

use super::{HERE, id, location};
use crate::harness::{Answer, App, BROWSER};

/// What is on record of a link, by class.
pub(super) async fn classes(app: &App, link: &Value, is_test: bool) -> Vec<(String, i64)> {
    let owner = Owner { workspace: 1, is_test };
    let link = LinkId::parse(&id(link)).expect("an id");
    let mut classes: Vec<_> =
        app.server().store.recorded_classes(owner, link).await.expect("the records").into_iter().collect();
    classes.sort();
    classes
}

async fn clicks(app: &App, link: &Value) -> i64 {
    app.settle().await;
    app.get(&format!("/links/{}", id(link))).await.is(200)["clicks"].as_i64().expect("a number")
}

async fn what_counts(app: App) {
    let link = app.link(json!({"url": HERE, "slug": "who-counts"})).await;
    let url = format!("{}/who-counts", app.base);
    let get = || app.client.get(&url);
    let requests = [
        get().header("user-agent", BROWSER),
        get()
            .header("user-agent", BROWSER)
            .header("sec-fetch-mode", "navigate")
            .header("referer", "https://news.example/"),
        app.client.head(&url).header("user-agent", BROWSER),
        get().header("user-agent", BROWSER).header("sec-purpose", "prefetch"),
        get().header("user-agent", BROWSER).header("sec-purpose", "prefetch;prerender"),
        get().header("user-agent", BROWSER).header("purpose", "prefetch"),
        get().header("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        get().header("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        get().header("user-agent", "curl/8.5.0"),
        get().header("user-agent", "python-requests/2.32"),
        get(),
        get().header("user-agent", &b"\xff\xfe\xfd"[..]),
        get()
            .header("user-agent", BROWSER)
            .header("referer", &b"\xc3\x28://\xff"[..])
            .header("accept-language", &b"\xff"[..]),
    ];
    for request in requests {
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("location")), (302, HERE), "everybody is sent on");
    }
    assert_eq!(clicks(&app, &link).await, 3);
    let found = classes(&app, &link, false).await;
    let wanted =
        [("crawler", 1), ("head", 1), ("person", 3), ("prefetch", 3), ("preview", 1), ("tool", 2), ("unknown", 2)];
    assert_eq!(found, wanted.map(|(class, count)| (class.to_owned(), count)));
}

#[tokio::test]
async fn what_counts_on_sqlite() {
    what_counts(App::start().await).await;
}

#[tokio::test]
async fn what_counts_on_postgres() {
    what_counts(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn what_answers_no_redirect_is_no_click() {
    let app = App::start().await;
    let link = app.link(json!({"url": HERE, "slug": "no-click"})).await;
    app.patch(&format!("/links/{}", id(&link)), json!({"password": "sesame"})).await.is(200);
    assert_eq!(Answer::of(app.visit("/no-click")).await.status, 200, "the form");
    Answer::of(app.visit("/no-click+")).await;
    Answer::of(app.client.put(format!("{}/no-click", app.base)).header("user-agent", BROWSER)).await;
    assert_eq!(clicks(&app, &link).await, 0);
    assert_eq!(classes(&app, &link, false).await, []);
}

#[tokio::test]
async fn links_of_the_test_environment() {
    let app = App::start().await;
    let key = app.key_for("all", true).await;
    let link = Answer::of(app.api_as(&key, Method::POST, "/links").json(&json!({"url": HERE, "slug": "only-test"})))
        .await
        .is(201);
    for _ in 0..3 {
        assert_eq!(location(&app, "/only-test").await, HERE);
    }
    app.settle().await;
    let path = format!("/links/{}", id(&link));
    assert_eq!(Answer::of(app.api_as(&key, Method::GET, &path)).await.is(200)["clicks"], 3);
    assert_eq!(app.get(&path).await.error(404), "not_found");
    assert_eq!(classes(&app, &link, true).await, [("person".to_owned(), 3)]);
    assert_eq!(classes(&app, &link, false).await, []);
    let taken = app.post("/links", json!({"url": HERE, "slug": "only-test"})).await;
    assert_eq!(taken.error(409), "conflict", "an address is one, whoever owns it");
}

#[tokio::test]
async fn clicks_of_a_link_that_moves_go_with_it() {
    let app = App::start().await;
    let link = app.link(json!({"url": HERE, "slug": "old-name"})).await;
    location(&app, "/old-name").await;
    app.patch(&format!("/links/{}", id(&link)), json!({"slug": "new-name"})).await.is(200);
    location(&app, "/new-name").await;
    assert_eq!(clicks(&app, &link).await, 2);
}

/// How many of so many visits at once were sent on.
async fn rush(app: &App, path: &str, visits: usize) -> usize {
    let visit = async || {
        let answer = Answer::of(app.visit(path)).await;
        assert!(matches!(answer.status, 302 | 410), "{} {}", answer.status, answer.text);
        answer.status == 302
    };
    let sent = futures_util::future::join_all((0..visits).map(|_| visit())).await;
    sent.into_iter().filter(|&sent| sent).count()
}

async fn exact_limit(mut app: App) {
    let link = app.link(json!({"url": HERE, "slug": "so-many", "click_limit": 30})).await;
    let path = format!("/links/{}", id(&link));
    for request in [
        app.client.head(format!("{}/so-many", app.base)),
        app.client.get(format!("{}/so-many", app.base)).header("user-agent", "curl/8.5.0"),
    ] {
        assert_eq!(Answer::of(request).await.status, 302, "who does not count takes nothing");
    }
    assert_eq!(rush(&app, "/so-many", 20).await, 20);
    app.restart().await;
    assert_eq!(rush(&app, "/so-many", 64).await, 10);
    let gone = Answer::of(app.visit("/so-many")).await;
    assert!(gone.status == 410 && gone.text.contains("This link has reached its limit"), "{}", gone.text);
    assert_eq!(clicks(&app, &link).await, 30);

    app.patch(&path, json!({"click_limit": 35})).await.is(200);
    assert_eq!(rush(&app, "/so-many", 64).await, 5);
    app.patch(&path, json!({"click_limit": 10})).await.is(200);
    assert_eq!(rush(&app, "/so-many", 8).await, 0);
    app.patch(&path, json!({"click_limit": 10, "expired_url": "https://example.com/over"})).await.is(200);
    assert_eq!(location(&app, "/so-many").await, "https://example.com/over");
    app.patch(&path, json!({"click_limit": null})).await.is(200);
    assert_eq!(location(&app, "/so-many").await, HERE);
    assert_eq!(clicks(&app, &link).await, 36);
}

#[tokio::test]
async fn a_limit_is_exact_on_sqlite() {
    exact_limit(App::start().await).await;
}

#[tokio::test]
async fn a_limit_is_exact_on_postgres() {
    exact_limit(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn a_limit_is_exact_while_its_link_changes() {
    let app = App::start().await;
    let link = app.link(json!({"url": HERE, "slug": "all-at-once", "click_limit": 100})).await;
    let path = format!("/links/{}", id(&link));
    let mut sent = 0;
    for number in 0..6 {
        let change = app.patch(&path, json!({"title": format!("Title {number}")}));
        let (now, changed) = futures_util::future::join(rush(&app, "/all-at-once", 32), change).await;
        changed.is(200);
        sent += now;
    }
    assert_eq!((sent, clicks(&app, &link).await), (100, 100));
}
