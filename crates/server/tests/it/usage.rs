//! How the API is used: that every request is counted once, whoever answered it.

use mask_core::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App},
    person::Person,
};

/// The key that two nodes seal with.
const SEAL: (&str, &str) = ("secrets.key", "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=");

/// The rows of a group, as the member that names them and the number of requests.
async fn rows(app: &App, query: &str, name: &str) -> Vec<(Value, i64)> {
    let usage = app.get(&format!("/usage?{query}")).await.is(200);
    let rows = usage["data"].as_array().expect("a list").iter();
    rows.map(|row| (row[name].clone(), row["requests"].as_i64().expect("a number"))).collect()
}

fn count(usage: &Value, name: &str) -> i64 {
    usage["total"][name].as_i64().expect("a number")
}

async fn adds_up(app: &mut App, mut beside: App) {
    let reader = app.key_for("links:read,workspace:read", false).await;
    let hour = "2026-03-24T14:00:00Z";
    for node in [&*app, &beside] {
        for _ in 0..3 {
            node.get("/links").await.is(200);
        }
        assert_eq!(node.get("/links/lnk_x").await.status, 404);
        assert_eq!(node.get("/nothing/here").await.status, 404);
        assert_eq!(node.delete("/links").await.status, 405);
        Answer::of(node.api_as(&reader, Method::GET, "/links")).await.is(200);
    }
    app.post("/links", json!({"url": 1})).await.is(422);
    beside.stop().await;
    app.restart().await;
    assert_eq!(
        rows(app, "groupBy=endpoint", "endpoint").await,
        [(json!("GET /links"), 8), (json!("unknown"), 4), (json!("GET /links/{id}"), 2), (json!("POST /links"), 1)]
    );
    assert_eq!(rows(app, "groupBy=hour", "hour").await, [(json!(hour), 15)]);
    assert_eq!(rows(app, "", "day").await, [(json!("2026-03-24"), 15)]);
    let by_key = rows(app, "groupBy=key", "actor").await;
    assert_eq!(by_key.iter().map(|(_, requests)| *requests).collect::<Vec<_>>(), [13, 2]);
    let id = by_key[1].0["id"].as_str().expect("an id").to_owned();
    assert_eq!(by_key[1].0["type"], "api_key");
    assert_eq!(rows(app, &format!("groupBy=endpoint&actor={id}"), "endpoint").await, [(json!("GET /links"), 2)]);
    assert_eq!(rows(app, "groupBy=hour&endpoint=POST%20/links", "hour").await, [(json!(hour), 1)]);
    // What was asked since the restart is added when the server stops, and in another hour.
    app.wait(3600);
    app.get("/links").await.is(200);
    app.restart().await;
    let usage = app.get("/usage?groupBy=hour").await.is(200);
    let hours: Vec<_> = usage["data"].as_array().expect("rows").iter().map(|row| &row["hour"]).collect();
    assert_eq!(hours, [&json!(hour), &json!("2026-03-24T15:00:00Z")]);
    assert_eq!(
        (count(&usage, "requests"), count(&usage, "client_errors")),
        (22, 7),
        "six of them were for usage itself"
    );
    assert_eq!((count(&usage, "server_errors"), count(&usage, "limit_hits")), (0, 0));
    assert_eq!(rows(app, &format!("groupBy=hour&to={hour}"), "hour").await, []);
    let first = rows(app, "groupBy=endpoint&from=2026-03-24T14:30:00Z&to=2026-03-24T14:59:00Z", "endpoint").await;
    assert_eq!(first.iter().map(|(_, requests)| requests).sum::<i64>(), 21, "hours are whole");
    let test = app.key_for("all", true).await;
    let usage = Answer::of(app.api_as(&test, Method::GET, "/usage")).await.is(200);
    assert_eq!((usage["data"].as_array().expect("rows").len(), count(&usage, "requests")), (0, 0));
    let faults = app.get("/usage?from=x&to=y&groupBy=week&actor=me&endpoint=%00&key=k").await.fields();
    assert_eq!(faults, ["to", "from", "groupBy", "actor", "endpoint", "key"]);
    let turned = app.get("/usage?from=2026-03-25T00:00:00Z&to=2026-03-24T00:00:00Z").await.fields();
    assert_eq!(turned, ["from"]);
    let day = app.get("/usage?from=2026-03-23&to=2026-03-24&endpoint=GET%20/api/v1/links").await.is(200);
    assert_eq!((&day["from"], &day["to"]), (&json!("2026-03-23T00:00:00Z"), &json!("2026-03-25T00:00:00Z")));
    assert_eq!(count(&day, "requests"), 9);
    let unknown = app.get("/usage?endpoint=DELETE%20/api/v1/links").await;
    assert_eq!(unknown.fields(), ["endpoint"]);
    assert!(unknown.text.contains("GET /links, POST /links"), "{}", unknown.text);
    assert_eq!(app.get("/usage?endpoint=GET%20/lynx").await.fields(), ["endpoint"]);
}

#[tokio::test]
async fn what_nodes_count_adds_up_on_postgres() {
    let mut app = App::on_postgres(&[SEAL]).await;
    let beside = app.beside(&[]).await;
    adds_up(&mut app, beside).await;
}

#[tokio::test]
async fn what_nodes_count_adds_up() {
    let mut app = App::with(&[SEAL]).await;
    // Two processes on one SQLite file.
    let url = format!("sqlite://{}", app.data().display());
    let beside = app.beside(&[("database.url", &url)]).await;
    adds_up(&mut app, beside).await;
}

#[tokio::test]
async fn limit_hits_are_no_errors() {
    let mut app = App::with(&[("limits.requests_per_minute", "2")]).await;
    for status in [200, 404, 429, 429] {
        let path = if status == 404 { "/links/lnk_x" } else { "/links" };
        assert_eq!(app.get(path).await.status, status);
    }
    app.restart().await;
    let usage = app.get("/usage?groupBy=endpoint").await.is(200);
    let total = json!({"requests": 4, "client_errors": 1, "server_errors": 0, "limit_hits": 2});
    assert_eq!(usage["total"], total);
    let expected =
        json!({"endpoint": "GET /links", "requests": 3, "client_errors": 0, "server_errors": 0, "limit_hits": 2});
    assert_eq!(usage["data"][0], expected);
}

#[tokio::test]
async fn what_each_does_is_for_those_who_see_the_keys() {
    let app = App::start().await;
    let (viewer, _) = Person::who_is(&app, Role::Viewer, "default").await;
    let (admin, _) = Person::who_is(&app, Role::Admin, "default").await;
    let reader = app.key_for("workspace:read", false).await;
    let own = format!("/usage?actor={}", viewer.id);
    let other = format!("/usage?actor={}", admin.id);
    for (path, is_open) in [
        ("/usage", true),
        ("/usage?groupBy=endpoint", true),
        (own.as_str(), true),
        (&other, false),
        ("/usage?groupBy=key", false),
    ] {
        let seen = Answer::of(viewer.api(&app, "default", Method::GET, path)).await;
        Answer::of(admin.api(&app, "default", Method::GET, path)).await.is(200);
        if is_open {
            assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        } else {
            assert_eq!(seen.error(403), "insufficient_scope", "{path}");
            assert_eq!(seen.json()["error"]["required_scope"], "api-keys:read", "{path}");
            assert_eq!(
                Answer::of(app.api_as(&reader, Method::GET, path)).await.error(403),
                "insufficient_scope",
                "{path}"
            );
        }
    }
}
