//! Slugs: one address for all, kept for its owner when the link has gone or moved.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App};

const URL: &str = "https://example.com/spring";

fn path(link: &Value) -> String {
    format!("/links/{}", link["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_slug_is_unique_without_regard_to_case() {
    let app = App::start().await;
    let link = app.link(json!({"url": URL, "slug": "Spring"})).await;
    for slug in ["Spring", "spring", "SPRING"] {
        assert_eq!(app.post("/links", json!({"url": URL, "slug": slug})).await.error(409), "conflict");
    }
    let other = app.link(json!({"url": URL})).await;
    assert_eq!(app.patch(&path(&other), json!({"slug": "sPRING"})).await.error(409), "conflict");
    assert_eq!(
        app.patch(&path(&link), json!({"slug": "SPRING"})).await.is(200)["slug"],
        "SPRING",
        "its own is free for it"
    );
}

async fn a_slug_stays_reserved(app: App) {
    let link = app.link(json!({"url": URL, "slug": "printed"})).await;
    let id = link["id"].as_str().expect("an id");
    assert_eq!(app.delete(&path(&link)).await.status, 204);
    for again in [app.get(&path(&link)).await, app.delete(&path(&link)).await, app.patch(&path(&link), json!({})).await]
    {
        assert_eq!(again.error(404), "not_found");
    }
    let taken = app.post("/links", json!({"url": URL, "slug": "Printed"})).await;
    assert_eq!(taken.error(409), "conflict");
    let message = taken.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(&format!("DELETE /api/v1/links/{id}?release_slug=true")), "{message}");
    let release = format!("{}?release_slug=true", path(&link));
    let (theirs, test) = (app.key_of_workspace(2, "all", false).await, app.key_for("all", true).await);
    for key in [&theirs, &test] {
        let taken =
            Answer::of(app.api_as(key, Method::POST, "/links").json(&json!({"url": URL, "slug": "printed"}))).await;
        assert_eq!(taken.error(409), "conflict");
        assert!(!taken.text.contains("lnk_"), "others learn nothing of it: {}", taken.text);
        assert_eq!(Answer::of(app.api_as(key, Method::DELETE, &release)).await.error(404), "not_found");
    }
    assert_eq!(app.delete(&release).await.status, 204);
    app.link(json!({"url": "https://example.com/new", "slug": "printed"})).await;
    assert_eq!(Answer::of(app.visit("/printed")).await.header("location"), "https://example.com/new");
    let at_once = app.link(json!({"url": URL, "slug": "at-once"})).await;
    assert_eq!(app.delete(&format!("{}?release_slug=true", path(&at_once))).await.status, 204);
    assert_eq!(Answer::of(app.visit("/at-once")).await.status, 404);
    let bad = app.delete(&format!("{}?release_slug=maybe&x=1", path(&at_once))).await;
    assert_eq!(
        (bad.error(422).as_str(), bad.fields()),
        ("validation_error", vec!["release_slug".to_owned(), "x".to_owned()])
    );
}

#[tokio::test]
async fn a_deleted_links_slug_stays_reserved() {
    a_slug_stays_reserved(App::start().await).await;
}

#[tokio::test]
async fn a_deleted_links_slug_stays_reserved_on_postgres() {
    a_slug_stays_reserved(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn a_renamed_links_old_slug_stays_reserved() {
    let app = App::start().await;
    let link = app.link(json!({"url": URL, "slug": "before"})).await;
    assert_eq!(
        app.patch(&path(&link), json!({"slug": "after"})).await.is(200)["short_url"],
        "http://localhost:8080/after"
    );
    assert_eq!(Answer::of(app.visit("/after")).await.status, 302);
    assert_eq!(Answer::of(app.visit("/before")).await.status, 410);
    assert_eq!(app.post("/links", json!({"url": URL, "slug": "before"})).await.error(409), "conflict");
    assert_eq!(
        app.patch(&path(&link), json!({"slug": "before"})).await.is(200)["slug"],
        "before",
        "its owner may go back"
    );
    assert_eq!(Answer::of(app.visit("/before")).await.status, 302);
}
