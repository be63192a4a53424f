//! Who looks at his own page: not counted where he is signed in, and noted without a word that could sign anybody in.

use mask_core::role::Role;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    bio_pages::{page, path},
    harness::{Answer, App, BROWSER},
    person::{self, Person},
    receiver::Receiver,
};

const DOMAIN: &str = "go.test";

/// What a browser with this cookie asks a host for.
fn look(app: &App, host: &str, path: &str, cookie: &str) -> RequestBuilder {
    let request = app.client.get(format!("{}{path}", app.base)).header("host", host).header("user-agent", BROWSER);
    if cookie.is_empty() { request } else { request.header("cookie", cookie) }
}

async fn seen(app: &App, host: &str, path: &str, cookie: &str) {
    assert_eq!(Answer::of(look(app, host, path, cookie)).await.status, 200, "{host}{path}");
}

async fn views(app: &App, page: &Value) -> Value {
    app.settle().await;
    app.get(&path(page)).await.is(200)["views"].clone()
}

async fn of_members(app: App) {
    let mut receiver = Receiver::start().await;
    app.post("/webhooks", json!({"url": receiver.url, "events": ["page.viewed"], "include_bots": true})).await.is(201);
    let block = json!({"type": "link", "data": {"title": "A", "url": "https://example.com/a"}});
    let here = json!({"title": "Ada", "slug": "ada-page", "domain": "localhost", "published": true, "blocks": [block]});
    let here = page(&app, here).await;
    let there = page(&app, json!({"title": "Ada", "slug": "ada-page", "domain": DOMAIN, "published": true})).await;
    let (viewer, _) = Person::who_is(&app, Role::Viewer, "default").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, "default").await;
    let stranger = Person::with(&app, "stranger@example.com").await;
    let elsewhere = person::workspace(&app, "Elsewhere").await;
    stranger.join(&app, &elsewhere, Role::Owner).await;

    // From the store, then from memory, in the fast lane and behind it.
    for cookie in [owner.cookie.clone(), viewer.cookie.clone(), format!("a=1; {}; b=2", owner.cookie)] {
        seen(&app, "localhost", "/ada-page", &cookie).await;
        seen(&app, "localhost", "/ada-page?utm_source=x", &cookie).await;
    }
    let head = app.client.head(format!("{}/ada-page", app.base)).header("cookie", &owner.cookie);
    assert_eq!(Answer::of(head.header("user-agent", BROWSER)).await.status, 200);
    assert_eq!(views(&app, &here).await, 0, "of whoever has a part in the workspace");
    for cookie in ["", &stranger.cookie, "mask_session=", &format!("mask_session={}", "0".repeat(64)), "mask_session=x"]
    {
        seen(&app, "localhost", "/ada-page", cookie).await;
    }
    assert_eq!(views(&app, &here).await, 5, "everybody else is counted");
    let clicked = look(
        &app,
        "localhost",
        &format!("/ada-page?to={}", here["blocks"][0]["id"].as_str().expect("an id")),
        &owner.cookie,
    );
    assert_eq!(Answer::of(clicked).await.status, 302);
    // A browser would not send the cookie there.
    seen(&app, DOMAIN, "/ada-page", &owner.cookie).await;
    assert_eq!(views(&app, &there).await, 1, "on other hosts nobody is signed in");

    for bots in ["exclude", "include"] {
        let total =
            async |what: &str| app.get(&format!("/analytics/{what}&bots={bots}")).await.is(200)["total"].clone();
        // HEAD is a program's.
        let of_programs = u64::from(bots == "include");
        assert_eq!(total("views?groupBy=page").await, json!(6 + of_programs));
        assert_eq!(total("views?groupBy=block").await, 1, "who tries a block means to");
    }
    let only = app.get("/analytics/views?bots=only").await.is(200);
    assert_eq!(only["total"], 1, "an own view is no program's either");
    for _ in 0..7 {
        assert_eq!(receiver.next().await.json()["type"], "page.viewed");
    }
    assert!(!receiver.has_more(), "nobody is told of an own view");
}

const HERE: [(&str, &str); 3] =
    [("links.domains", DOMAIN), ("outbound.allow_networks", "127.0.0.0/8"), ("limits.requests_per_minute", "0")];

#[tokio::test]
async fn an_own_view_is_not_counted() {
    of_members(App::with(&HERE).await).await;
}

#[tokio::test]
async fn an_own_view_is_not_counted_on_postgres() {
    of_members(App::on_postgres(&HERE).await).await;
}

#[tokio::test]
async fn who_has_left_or_signed_out_is_counted() {
    let app = App::start().await;
    let made = page(&app, json!({"title": "Ada", "slug": "ada-page", "published": true})).await;
    let (member, place) = Person::who_is(&app, Role::Member, "default").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, "default").await;
    seen(&app, "localhost", "/ada-page", &member.cookie).await;
    assert_eq!(views(&app, &made).await, 0);
    let out = owner.api(&app, "default", reqwest::Method::DELETE, &format!("/workspace/members/{place}"));
    assert_eq!(Answer::of(out).await.status, 204);
    seen(&app, "localhost", "/ada-page", &member.cookie).await;
    assert_eq!(views(&app, &made).await, 1, "who has no part in the workspace any more");
    let out = owner.send(&app, reqwest::Method::POST, "/api/v1/auth/sign-out");
    assert_eq!(Answer::of(out).await.status, 204);
    seen(&app, "localhost", "/ada-page", &owner.cookie).await;
    assert_eq!(views(&app, &made).await, 2, "whose session has ended");
}

#[tokio::test]
async fn the_word_of_a_session_is_never_written_down() {
    let app = App::start().await;
    page(&app, json!({"title": "Ada", "slug": "ada-page", "published": true})).await;
    let (owner, _) = Person::who_is(&app, Role::Owner, "default").await;
    seen(&app, "localhost", "/ada-page", &owner.cookie).await;
    let word = owner.cookie.strip_prefix("mask_session=").expect("a word").as_bytes().to_vec();
    let holds = |folder: std::path::PathBuf| {
        let (mut folders, mut bytes, mut found) = (vec![folder], 0, false);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(content) = std::fs::read(&path) {
                    bytes += content.len();
                    found |= content.windows(word.len()).any(|part| part == word);
                }
            }
        }
        (bytes, found)
    };
    let (bytes, found) = holds(app.data());
    assert!(bytes > 4096 && !found, "of {bytes} bytes, while the view is in the journal");
    app.settle().await;
    assert!(!holds(app.data()).1);
}
