//! The workspace as the API shows it, and as the command line makes it.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, App};

async fn renamed(app: App) {
    let answer = app.get("/workspace").await;
    let etag = answer.header("etag").to_owned();
    let before = answer.is(200);
    assert_eq!((&before["slug"], etag.as_str()), (&json!("default"), "\"1.0\""));
    let known = app.api(Method::GET, "/workspace").header("if-none-match", &etag);
    assert_eq!(Answer::of(known).await.status, 304);
    let answer = app.patch("/workspace", json!({"name": " Größe & Söhne "})).await;
    assert_eq!(answer.header("etag"), "\"2.0\"");
    let after = answer.is(200);
    assert_eq!(
        (&after["name"], &after["slug"], &after["id"]),
        (&json!("Größe & Söhne"), &before["slug"], &before["id"])
    );
    assert_eq!(app.get("/workspace").await.is(200), after);
    let stale = app.api(Method::PATCH, "/workspace").header("if-match", etag).json(&json!({"name": "x"}));
    assert_eq!(Answer::of(stale).await.error(412), "precondition_failed");
    assert_eq!(app.patch("/workspace", json!({})).await.is(200), after, "nothing asked is nothing done");
    let refused = app.patch("/workspace", json!({"name": " ", "slug": "other"})).await;
    assert_eq!(refused.fields(), ["name", "slug"]);
}

#[tokio::test]
async fn a_workspace_has_a_name_that_changes_and_a_slug_that_does_not() {
    renamed(App::start().await).await;
}

#[tokio::test]
async fn a_workspace_has_a_name_that_changes_on_postgres() {
    renamed(App::on_postgres(&[]).await).await;
}
