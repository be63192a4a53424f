//! Versions of objects: whoever changes one can say which version they mean, and then changes no other.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    coverage::{PATIENT, Target},
    document::{OF_KEYS, OPERATIONS, Operation},
    harness::{Answer, App},
};

/// A version that nothing is at.
const NEVER_WAS: &str = "\"99.0\"";

/// Whether this operation changes what another shows with its version.
fn changes_a_version(operation: &Operation) -> bool {
    let shows_it = |other: &Operation| {
        other.method == Method::GET && other.path == operation.path && other.parameter("If-None-Match").is_some()
    };
    [Method::PUT, Method::PATCH, Method::DELETE].contains(&operation.method) && OPERATIONS.iter().any(shows_it)
}

#[tokio::test]
async fn what_has_a_version_is_only_changed_at_the_one_that_is_meant() {
    let app = App::with(&PATIENT).await;
    let target = Target::of(&app, &app.key).await;
    for operation in OF_KEYS.iter().filter(|operation| operation.method == Method::GET) {
        let answer = Answer::of(target.ask(&app, operation, &app.key)).await;
        let has_version = !answer.header("etag").is_empty();
        assert_eq!(operation.parameter("If-None-Match").is_some(), has_version, "{}", operation.id);
    }
    let changes: Vec<_> = OPERATIONS.iter().filter(|operation| changes_a_version(operation)).collect();
    assert!(changes.len() >= 14, "{}", changes.len());
    for operation in changes {
        assert!(operation.parameter("If-Match").is_some(), "{} takes no If-Match", operation.id);
        assert!(operation.documents(412), "{}", operation.id);
    }
    for operation in OF_KEYS.iter().filter(|operation| operation.parameter("If-Match").is_some()) {
        let answer = Answer::of(target.ask(&app, operation, &app.key).header("if-match", NEVER_WAS)).await;
        assert_eq!(answer.error(412), "precondition_failed", "{}", operation.id);
    }
}

async fn put_of_a_version(app: App) {
    let put = async |tag: &str, title: &str| {
        let request = app.api(Method::PUT, "/links/by-external-id/sku-1").header("if-match", tag);
        Answer::of(request.json(&json!({"url": "https://example.com", "title": title}))).await
    };
    for tag in ["*", "\"1.0\"", "\"theirs\""] {
        assert_eq!(put(tag, "x").await.error(412), "precondition_failed", "{tag}: there is none");
    }
    assert_eq!(app.get("/links").await.is(200)["data"], json!([]));
    let body = json!({"url": "https://example.com", "title": "first", "external_id": "sku-1"});
    let made = app.post("/links", body).await;
    let first = made.header("etag").to_owned();
    let made = made.is(201);
    let path = format!("/links/{}", made["id"].as_str().expect("an id"));
    app.patch(&path, json!({"title": "by somebody else"})).await.is(200);
    let title = async || app.get(&path).await.is(200)["title"].clone();
    assert_eq!(put(&first, "lost").await.error(412), "precondition_failed");
    assert_eq!(title().await, "by somebody else");
    let second = app.get("/links/by-external-id/sku-1").await.header("etag").to_owned();
    let changed = put(&second, "third").await;
    assert_eq!(changed.header("etag").split('.').next(), Some("\"3"));
    let changed: Value = changed.is(200);
    assert_eq!((&changed["id"], &changed["title"]), (&made["id"], &json!("third")));
    assert_eq!(put("*", "fourth").await.is(200)["title"], "fourth");
    assert_eq!(put("", "x").await.fields(), ["If-Match"], "an empty precondition is not none");

    let make = async |external_id: &str, title: &str| {
        let path = format!("/links/by-external-id/{external_id}");
        let request = app.api(Method::PUT, &path).header("if-none-match", "*");
        Answer::of(request.json(&json!({"url": "https://example.com", "title": title}))).await
    };
    assert_eq!(make("sku-1", "lost").await.error(412), "precondition_failed", "there is one");
    assert_eq!(title().await, "fourth");
    let made = make("sku-2", "new").await;
    let tag = made.header("etag").to_owned();
    assert_eq!(made.is(201)["title"], "new");
    for (tag, status) in [(tag.as_str(), 412), ("\"7.0\"", 200)] {
        let request = app.api(Method::PUT, "/links/by-external-id/sku-2").header("if-none-match", tag);
        assert_eq!(Answer::of(request.json(&json!({"url": "https://example.com"}))).await.status, status, "{tag}");
    }
    let request = app.api(Method::PATCH, &path).header("if-none-match", "*");
    assert_eq!(Answer::of(request.json(&json!({"title": "lost"}))).await.error(412), "precondition_failed");
}

#[tokio::test]
async fn a_put_changes_the_version_that_is_meant_or_nothing() {
    put_of_a_version(App::start().await).await;
}

#[tokio::test]
async fn a_put_changes_the_version_that_is_meant_or_nothing_on_postgres() {
    put_of_a_version(App::on_postgres(&[]).await).await;
}
