//! Programs with a browser's name, told by more than the name, over real connections.

use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};

use super::HERE;
use crate::harness::{Answer, App, BROWSER};

const BEHIND_A_PROXY: [(&str, &str); 1] = [("proxy.trusted", "127.0.0.0/8")];
const WEB_VIEW: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";

async fn links(app: &App, count: usize) -> Vec<String> {
    let mut slugs = Vec::new();
    for number in 0..count {
        let slug = format!("letter-{number}");
        app.link(json!({"url": HERE, "slug": slug})).await;
        slugs.push(slug);
    }
    slugs
}

async fn follow(request: RequestBuilder) {
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.header("location")), (302, HERE), "everybody is sent on");
}

/// The clicks that a question finds, by what made them.
async fn bots(app: &App, query: &str) -> Vec<(String, u64)> {
    app.settle().await;
    let answer = app.get(&format!("/analytics/clicks?groupBy=bot&{query}")).await.is(200);
    let row =
        |row: &Value| (row["bot"].as_str().expect("a class").to_owned(), row["clicks"].as_u64().expect("a count"));
    answer["data"].as_array().expect("rows").iter().map(row).collect()
}

fn counts(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect()
}

/// The reasons on record of what did not count.
async fn reasons(app: &App) -> Vec<String> {
    let export = app.get("/analytics/export?format=ndjson&bots=only").await;
    let lines = export.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.map(|row| row["reason"].as_str().expect("a reason").to_owned()).collect()
}

async fn many_links(app: App) {
    let slugs = links(&app, 12).await;
    let client = || Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
    // Connections of its own for each of them, which any thread may get.
    let get = |slug: &str, address: &str| {
        let request = client().get(format!("{}/{slug}", app.base)).header("user-agent", BROWSER);
        request.header("x-forwarded-for", address)
    };
    for slug in &slugs {
        follow(get(slug, "203.0.113.7")).await;
    }
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 9), ("scanner", 3)]));
    assert_eq!(bots(&app, "bots=only").await, counts(&[("scanner", 3)]));
    assert_eq!(reasons(&app).await, ["many-links"; 3]);
    assert_eq!(app.get("/analytics/clicks").await.is(200)["total"], 9);
    for (slug, clicks) in [(&slugs[8], 1), (&slugs[11], 0)] {
        let found = app.get(&format!("/links?search={slug}")).await.is(200);
        assert_eq!(found["data"][0]["clicks"], clicks, "{slug}");
    }
    // A company opens the one link that it was sent; and everybody opens something.
    for number in 0..30 {
        follow(get(&slugs[0], "198.51.100.1")).await;
        follow(get(&slugs[number % 12], &format!("198.51.100.{}", 100 + number))).await;
    }
    // Whoever it was may be a person a little later.
    app.wait(6);
    follow(get(&slugs[11], "203.0.113.7")).await;
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 70), ("scanner", 3)]));
}

#[tokio::test]
async fn who_opens_many_links_at_once_is_a_scanner() {
    many_links(App::with(&BEHIND_A_PROXY).await).await;
}

#[tokio::test]
async fn who_opens_many_links_at_once_is_a_scanner_on_postgres() {
    many_links(App::on_postgres(&BEHIND_A_PROXY).await).await;
}

#[tokio::test]
async fn behind_a_proxy_that_is_not_trusted_nobody_is_a_scanner() {
    let app = App::start().await;
    let slugs = links(&app, 12).await;
    for slug in &slugs {
        follow(app.visit(&format!("/{slug}"))).await;
        follow(app.visit(&format!("/{slug}")).header("x-forwarded-for", "203.0.113.7")).await;
    }
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 24)]));
}

#[tokio::test]
async fn a_browser_that_forgets_its_headers_is_a_library() {
    let app = App::with(&BEHIND_A_PROXY).await;
    links(&app, 1).await;
    let visit = |scheme: &'static str| {
        let request = app.visit("/letter-0").header("x-forwarded-for", "203.0.113.7");
        request.header("x-forwarded-proto", scheme)
    };
    follow(visit("https")).await;
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 1)]), "perhaps the proxy does not pass them on");
    follow(visit("https").header("sec-fetch-mode", "navigate")).await;
    follow(visit("https")).await;
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 2), ("tool", 1)]));
    assert_eq!(reasons(&app).await, ["no-fetch-metadata"]);
    follow(visit("http")).await;
    let web_view = app.client.get(format!("{}/letter-0", app.base)).header("user-agent", WEB_VIEW);
    follow(web_view.header("x-forwarded-proto", "https").header("x-forwarded-for", "203.0.113.7")).await;
    assert_eq!(bots(&app, "bots=include").await, counts(&[("person", 4), ("tool", 1)]));
}
