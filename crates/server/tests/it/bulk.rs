//! Many links in one request: each stands or falls on its own, and is answered in its place.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App};

const URL: &str = "https://example.com";

async fn change(app: &App, method: Method, body: Value) -> Answer {
    Answer::of(app.api(method, "/links/bulk").json(&body)).await
}

fn items(answer: Answer) -> Vec<Value> {
    answer.is(200)["data"].as_array().expect("items").clone()
}

fn statuses(items: &[Value]) -> Vec<u64> {
    items.iter().map(|item| item["status"].as_u64().expect("a status")).collect()
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().filter_map(|item| item["link"]["id"].as_str()).map(str::to_owned).collect()
}

async fn each_on_its_own(app: App) {
    app.link(json!({"url": URL, "slug": "taken"})).await;
    let body = json!({"links": [
        {"url": URL, "slug": "one1", "tags": ["t"]},
        {"slug": "two2"},
        {"url": URL, "slug": "taken"},
        {"url": "x", "slug": "y", "z": 1},
        {"url": URL, "slug": "ONE1"},
        7,
        {"url": URL, "external_id": "e"},
        {"url": URL, "external_id": "e"},
    ]});
    let answer = app.post("/links/bulk", body).await;
    let request_id = answer.header("x-request-id").to_owned();
    let made = items(answer);
    assert_eq!(statuses(&made), [201, 400, 409, 422, 409, 422, 201, 409]);
    assert_eq!((&made[0]["link"]["slug"], made[0].get("error")), (&json!("one1"), None));
    let codes: Vec<_> = made.iter().filter_map(|item| item["error"]["code"].as_str()).collect();
    assert_eq!(codes, ["bad_request", "conflict", "validation_error", "conflict", "validation_error", "conflict"]);
    assert!(
        made.iter()
            .filter(|item| item.get("error").is_some())
            .all(|item| item["error"]["request_id"] == request_id.as_str() && item.get("link").is_none())
    );
    let fields: Vec<_> =
        made[3]["error"]["details"].as_array().expect("details").iter().map(|detail| detail["field"].clone()).collect();
    assert_eq!(fields, ["url", "slug", "z"], "paths are within the item");
    assert_eq!(app.get("/links").await.is(200)["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(Answer::of(app.visit("/one1")).await.status, 302);

    let mut wanted = ids(&made);
    wanted.insert(1, "lnk_x".to_owned());
    wanted.push("lnk_01kcd3vyk5f8r9v3k2m4n6p8qa".to_owned());
    let set = json!({"url": "https://example.com/new", "tags": null, "password": "p"});
    let changed = items(change(&app, Method::PATCH, json!({"ids": wanted, "set": set})).await);
    assert_eq!(statuses(&changed), [200, 404, 200, 404]);
    for (item, id) in changed.iter().zip(&wanted) {
        assert_eq!(item["id"], id.as_str());
    }
    assert_eq!((&changed[0]["link"]["tags"], &changed[2]["link"]["has_password"]), (&json!([]), &json!(true)));
    assert_eq!(Answer::of(app.visit("/one1")).await.status, 200, "the redirect has heard of the password");

    wanted.push(wanted[0].clone());
    let deleted = items(change(&app, Method::DELETE, json!({"ids": wanted})).await);
    assert_eq!(statuses(&deleted), [204, 404, 204, 404, 404]);
    assert!(deleted[0].get("link").is_none() && deleted[0].get("error").is_none());
    assert_eq!(Answer::of(app.visit("/one1")).await.status, 410);
    let released = items(change(&app, Method::DELETE, json!({"ids": [wanted[0]], "release_slug": true})).await);
    assert_eq!(statuses(&released), [204]);
    assert_eq!(Answer::of(app.visit("/one1")).await.status, 404);
}

#[tokio::test]
async fn each_stands_or_falls_on_its_own() {
    each_on_its_own(App::start().await).await;
}

#[tokio::test]
async fn each_stands_or_falls_on_its_own_on_postgres() {
    each_on_its_own(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_is_told_of_the_whole() {
    let app = App::start().await;
    let link = app.link(json!({"url": URL})).await;
    let id = link["id"].as_str().expect("an id");
    let most = |item: Value, count: usize| Value::Array(vec![item; count]);
    for (method, body, status, fields) in [
        (Method::POST, json!({}), 400, vec!["links"]),
        (Method::POST, json!({"links": null, "x": 1}), 400, vec!["links", "x"]),
        (Method::POST, json!({"links": []}), 422, vec!["links"]),
        (Method::POST, json!({"links": {}}), 422, vec!["links"]),
        (Method::POST, json!({"links": most(json!({"url": URL}), 101)}), 422, vec!["links"]),
        (Method::PATCH, json!({"ids": [id]}), 400, vec!["set"]),
        (Method::PATCH, json!({"set": {}}), 400, vec!["ids"]),
        (Method::PATCH, json!({"ids": [], "set": {}}), 422, vec!["ids"]),
        (Method::PATCH, json!({"ids": [id, 7], "set": []}), 422, vec!["ids[1]", "set"]),
        (Method::PATCH, json!({"ids": [id], "set": {"url": "x", "y": 1}}), 422, vec!["set.url", "set.y"]),
        (
            Method::PATCH,
            json!({"ids": [id, id], "set": {"slug": "same", "external_id": "same"}}),
            422,
            vec!["set.slug", "set.external_id"],
        ),
        (Method::PATCH, json!({"ids": most(json!(id), 101), "set": {}}), 422, vec!["ids"]),
        (Method::DELETE, json!({}), 400, vec!["ids"]),
        (Method::DELETE, json!({"ids": [id], "release_slug": "yes", "x": 1}), 422, vec!["release_slug", "x"]),
        (Method::DELETE, json!({"ids": most(json!(id), 101)}), 422, vec!["ids"]),
    ] {
        let answer = change(&app, method.clone(), body).await;
        let code = if status == 400 { "bad_request" } else { "validation_error" };
        assert_eq!(
            (answer.error(status).as_str(), answer.fields()),
            (code, fields.iter().map(ToString::to_string).collect()),
            "{method}"
        );
    }
    assert_eq!(app.get(&format!("/links/{id}")).await.is(200), link);
}

#[tokio::test]
async fn a_hundred_at_once() {
    let app = App::start().await;
    let made = items(app.post("/links/bulk", json!({"links": vec![json!({"url": URL}); 100]})).await);
    let ids = ids(&made);
    assert_eq!(ids.len(), 100);
    assert!(ids.is_sorted(), "ids tell the order");
    let one = items(change(&app, Method::PATCH, json!({"ids": [ids[0]], "set": {"slug": "just-one"}})).await);
    assert_eq!(one[0]["link"]["slug"], "just-one");
    let archived = items(change(&app, Method::PATCH, json!({"ids": ids, "set": {"archived": true}})).await);
    assert_eq!(statuses(&archived), vec![200; 100]);
    assert_eq!(app.get("/links").await.is(200)["data"], json!([]));
    assert_eq!(statuses(&items(change(&app, Method::DELETE, json!({"ids": ids})).await)), vec![204; 100]);
}

#[tokio::test]
async fn a_slug_freed_by_the_same_workspace_can_be_taken() {
    let app = App::start().await;
    let link = app.link(json!({"url": URL, "slug": "first"})).await;
    let theirs = app.key_of_workspace(2, "all", false).await;
    for (method, body) in [
        (Method::PATCH, json!({"ids": [link["id"]], "set": {"title": "stolen"}})),
        (Method::DELETE, json!({"ids": [link["id"]], "release_slug": true})),
    ] {
        let answer = Answer::of(app.api_as(&theirs, method, "/links/bulk").json(&body)).await;
        assert_eq!(statuses(&items(answer)), [404]);
    }
    assert_eq!(app.get("/links/lookup?slug=first").await.is(200), link);
}
