//! Lists: their bounds, cursors, sorts, searches and filters; and pages that stay right while links come and go.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{Answer, App};

const URL: &str = "https://example.com";

/// Makes links with these slugs, one a minute.
async fn links(app: &App, slugs: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for slug in slugs {
        all.push(app.link(json!({"url": URL, "slug": slug})).await);
        app.wait(60);
    }
    all
}

fn slugs(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|link| link["slug"].as_str().expect("a slug").to_owned())
        .collect()
}

/// The slugs of all pages of a list.
async fn walk(app: &App, query: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut page = app.get(&format!("/links?{query}")).await.is(200);
    loop {
        all.extend(slugs(&page));
        let Some(cursor) = page["pagination"]["cursor"].as_str() else {
            assert_eq!(page["pagination"], json!({"has_more": false, "cursor": null}));
            return all;
        };
        assert_eq!(page["pagination"]["has_more"], true);
        page = app.get(&format!("/links?{query}&cursor={cursor}")).await.is(200);
    }
}

#[tokio::test]
async fn a_page_has_bounds() {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    for batch in 0..2 {
        let many: Vec<_> = (0..60).map(|turn| json!({"url": URL, "slug": format!("slug-{batch}-{turn}")})).collect();
        app.post("/links/bulk", json!({"links": many})).await.is(200);
    }
    for (query, length) in [("", 25), ("limit=1", 1), ("limit=100", 100)] {
        let page = app.get(&format!("/links?{query}")).await.is(200);
        assert_eq!((slugs(&page).len(), &page["pagination"]["has_more"]), (length, &json!(true)), "{query}");
    }
    for limit in ["0", "101", "-1", "1.5", "", "ten", "99999999999999999999", "%31%30%30%30"] {
        let answer = app.get(&format!("/links?limit={limit}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec!["limit".to_owned()]),
            "{limit}"
        );
        assert_eq!(app.get(&format!("/tags?limit={limit}")).await.fields(), ["limit"], "{limit}");
    }
    let all = walk(&app, "limit=100").await;
    assert_eq!(all.len(), 120);
    // A last page that is just full is the last.
    assert_eq!(
        app.get("/links?limit=60&search=slug-0").await.is(200)["pagination"],
        json!({"has_more": false, "cursor": null})
    );
    assert_eq!(
        app.get("/links?search=nothing-like-it").await.is(200),
        json!({"data": [], "pagination": {"has_more": false, "cursor": null}})
    );
}

fn decoded(page: &Value) -> Value {
    let cursor = page["pagination"]["cursor"].as_str().expect("a cursor");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("unpadded base64url")).expect("JSON")
}

#[tokio::test]
async fn cursors_are_as_documented_and_no_others_are_taken() {
    let app = App::start().await;
    let made = links(&app, &["first", "second"]).await;
    let page = app.get("/links?limit=1").await.is(200);
    assert_eq!(decoded(&page), json!({"id": made[1]["id"]}));
    let by_clicks = app.get("/links?limit=1&sort=clicks").await.is(200);
    assert_eq!(decoded(&by_clicks), json!({"id": made[1]["id"], "clicks": 0}));
    let by_update = app.get("/links?limit=1&sort=updated_at").await.is(200);
    assert_eq!(decoded(&by_update)["id"], made[1]["id"]);
    assert!(decoded(&by_update)["updated_at"].is_i64());
    let text = |page: &Value| page["pagination"]["cursor"].as_str().expect("a cursor").to_owned();
    let encode = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
    let id = made[0]["id"].as_str().expect("an id");
    for (path, cursor) in [
        ("/links?", "nonsense".to_owned()),
        ("/links?", String::new()),
        ("/links?", "x".repeat(5000)),
        ("/links?", text(&page) + "="),
        ("/links?", encode("{}")),
        ("/links?", encode("{\"id\":\"tag_01kcd3vyk5f8r9v3k2m4n6p8qa\"}")),
        ("/links?", encode("{\"id\":\"lnk_x\"}")),
        ("/links?", encode(&format!("{{ \"id\": \"{id}\" }}"))),
        ("/links?", text(&by_clicks)),
        ("/links?", encode(&format!("{{\"id\":\"{id}\",\"url\":1}}"))),
        ("/links?sort=clicks&", text(&page)),
        ("/links?sort=clicks&", text(&by_update)),
        ("/links?sort=updated_at&", text(&by_clicks)),
        ("/tags?", text(&page)),
    ] {
        let answer = app.get(&format!("{path}cursor={cursor}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec!["cursor".to_owned()]),
            "{path} {cursor}"
        );
    }
    // A cursor names a place, not a row: one that nobody was given leads somewhere all the same.
    let extreme = encode(&format!("{{\"id\":\"{id}\",\"clicks\":{}}}", i64::MAX));
    assert_eq!(
        app.get(&format!("/links?sort=clicks&cursor={extreme}")).await.is(200)["data"].as_array().map(Vec::len),
        Some(2)
    );
}

async fn sorts(app: App) {
    let made = links(&app, &["aaaa", "bbbb", "cccc", "dddd", "eeee"]).await;
    for (slug, clicks) in [("aaaa", 2), ("cccc", 3), ("dddd", 2)] {
        for _ in 0..clicks {
            Answer::of(app.visit(&format!("/{slug}"))).await;
        }
    }
    app.settle().await;
    for turn in [2, 0] {
        app.wait(60);
        app.patch(&format!("/links/{}", made[turn]["id"].as_str().expect("an id")), json!({"title": "new"}))
            .await
            .is(200);
    }
    for (sort, ascending) in [
        ("created_at", ["aaaa", "bbbb", "cccc", "dddd", "eeee"]),
        ("clicks", ["bbbb", "eeee", "aaaa", "dddd", "cccc"]),
        ("updated_at", ["bbbb", "dddd", "eeee", "cccc", "aaaa"]),
    ] {
        let mut descending = ascending;
        descending.reverse();
        for limit in [1, 2, 5, 100] {
            assert_eq!(
                walk(&app, &format!("sort={sort}&order=asc&limit={limit}")).await,
                ascending,
                "{sort} by {limit}"
            );
            assert_eq!(
                walk(&app, &format!("sort={sort}&order=desc&limit={limit}")).await,
                descending,
                "{sort} by {limit}"
            );
            assert_eq!(walk(&app, &format!("sort={sort}&limit={limit}")).await, descending, "{sort} by {limit}");
        }
    }
    assert_eq!(walk(&app, "order=asc").await, ["aaaa", "bbbb", "cccc", "dddd", "eeee"]);
    for (query, field) in
        [("sort=title", "sort"), ("sort=", "sort"), ("order=down", "order"), ("sort=clicks&sort=clicks", "sort")]
    {
        assert_eq!(app.get(&format!("/links?{query}")).await.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn three_sorts_both_ways() {
    sorts(App::with(&[("limits.requests_per_minute", "0")]).await).await;
}

#[tokio::test]
async fn three_sorts_both_ways_on_postgres() {
    sorts(App::on_postgres(&[("limits.requests_per_minute", "0")]).await).await;
}

async fn searches_and_filters(app: App) {
    for body in [
        json!({"url": "https://shop.example/Shoes?x=100%25", "slug": "Spring-Sale", "title": "Frühling", "tags": ["news", "Sale"], "external_id": "SKU-1"}),
        json!({"url": "https://example.com/a_b", "slug": "summer", "title": "Straße \"quoted\" 50%", "tags": ["news"]}),
        json!({"url": "https://example.com/ab", "slug": "springtime", "external_id": "sku-2"}),
        json!({"url": "https://example.com/old", "slug": "old-one", "tags": ["news"], "archived": true}),
    ] {
        app.link(body).await;
        app.wait(60);
    }
    for (query, expected) in [
        ("", &["springtime", "summer", "Spring-Sale"][..]),
        ("search=spring", &["springtime", "Spring-Sale"]),
        ("search=SPRING-", &["Spring-Sale"]),
        ("search=prin", &["springtime", "Spring-Sale"]),
        ("search=sp", &["springtime", "Spring-Sale"]),
        ("search=s", &["springtime", "summer", "Spring-Sale"]),
        ("search=pr", &[]),
        ("search=shop.example/shoes", &["Spring-Sale"]),
        ("search=fr%C3%BChling", &["Spring-Sale"]),
        ("search=sale", &["Spring-Sale"]),
        ("search=sku-", &["springtime", "Spring-Sale"]),
        ("search=a_b", &["summer"]),
        ("search=50%25", &["summer"]),
        ("search=%25%25%25", &[]),
        ("search=%22quoted%22", &["summer"]),
        ("search=stra%C3%9Fe", &["summer"]),
        ("search=%20%20", &["springtime", "summer", "Spring-Sale"]),
        ("search=", &["springtime", "summer", "Spring-Sale"]),
        ("search=%27%20OR%201%3D1%20--", &[]),
        ("search=AND%20NOT%20(", &[]),
        ("search=%F0%9F%8C%B7%F0%9F%8C%B7%F0%9F%8C%B7", &[]),
        ("tag=news", &["summer", "Spring-Sale"]),
        ("tag=News", &[]),
        ("tag=", &[]),
        ("tag=news&search=spring", &["Spring-Sale"]),
        ("domain=localhost&search=springtime", &["springtime"]),
        ("domain=LOCALHOST", &["springtime", "summer", "Spring-Sale"]),
        ("domain=example.com", &[]),
        ("external_id=SKU-1", &["Spring-Sale"]),
        ("external_id=sku-1", &[]),
        ("archived=true", &["old-one"]),
        ("archived=true&tag=news", &["old-one"]),
        ("archived=false", &["springtime", "summer", "Spring-Sale"]),
        ("created_after=2026-03-24T14:01:14Z", &["springtime", "summer"]),
        ("created_before=2026-03-24T14:01:14Z", &["Spring-Sale"]),
        ("created_after=2026-03-24T14:01:14Z&created_before=2026-03-24T19:02:14%2B05:00", &["summer"]),
        ("created_after=9999-12-30T00:00:00Z", &[]),
        ("created_before=0001-01-01T00:00:00Z", &[]),
    ] {
        for sort in ["created_at", "clicks", "updated_at"] {
            let mut found = walk(&app, &format!("{query}&sort={sort}&limit=2")).await;
            let mut expected = expected.to_vec();
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{query} by {sort}");
        }
        assert_eq!(walk(&app, query).await, expected, "{query}");
    }
    for (query, fields) in [
        ("search=%00", vec!["search"]),
        ("search=%ff", vec!["search"]),
        ("tag=a%00", vec!["tag"]),
        ("domain=%00", vec!["domain"]),
        ("external_id=%00", vec!["external_id"]),
        ("archived=yes&created_after=monday", vec!["created_after", "archived"]),
        ("serach=x&Limit=1", vec!["serach", "Limit"]),
        ("tag=a&tag=b", vec!["tag"]),
    ] {
        let answer = app.get(&format!("/links?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", fields.iter().map(ToString::to_string).collect()),
            "{query}"
        );
        assert_eq!(answer.json()["error"]["message"], "Query parameters failed validation.");
    }
    let long = "x".repeat(256);
    assert_eq!(app.get(&format!("/links?search={long}")).await.fields(), ["search"]);
}

#[tokio::test]
async fn links_are_searched_and_filtered() {
    searches_and_filters(App::with(&[("limits.requests_per_minute", "0")]).await).await;
}

#[tokio::test]
async fn links_are_searched_and_filtered_on_postgres() {
    searches_and_filters(App::on_postgres(&[("limits.requests_per_minute", "0")]).await).await;
}

#[tokio::test]
async fn pages_stay_right_while_links_come_and_go() {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    let names: Vec<String> = (0..12).map(|turn| format!("slug-{turn:02}")).collect();
    links(&app, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let drop = async |link: &Value| {
        let path = format!("/links/{}?release_slug=true", link["id"].as_str().expect("an id"));
        assert_eq!(app.delete(&path).await.status, 204);
    };
    for (sort, order) in [
        ("created_at", "asc"),
        ("created_at", "desc"),
        ("clicks", "asc"),
        ("clicks", "desc"),
        ("updated_at", "asc"),
        ("updated_at", "desc"),
    ] {
        let query = format!("/links?limit=3&search=slug-&sort={sort}&order={order}");
        let (mut seen, mut dropped) = (Vec::new(), Vec::new());
        let mut page = app.get(&query).await.is(200);
        loop {
            seen.extend(slugs(&page).into_iter().filter(|slug| names.contains(slug)));
            let Some(cursor) = page["pagination"]["cursor"].as_str() else { break };
            // A new link stands at one of the ends, and the one that the cursor names is gone, before the next page is asked for.
            let new = app.link(json!({"url": URL, "slug": format!("slug-new-{}", seen.len())})).await;
            let last = page["data"][2].clone();
            drop(&last).await;
            let next = app.get(&format!("{query}&cursor={cursor}")).await.is(200);
            dropped.push(last);
            if !slugs(&next).contains(&new["slug"].as_str().expect("a slug").to_owned()) {
                drop(&new).await;
            }
            page = next;
        }
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!(sorted, names, "each once, by {sort} {order}: {seen:?}");
        for link in dropped {
            let slug = link["slug"].as_str().expect("a slug");
            if names.iter().any(|name| name == slug) {
                app.wait(60);
                app.link(json!({"url": URL, "slug": slug})).await;
            }
        }
        for new in app.get("/links?search=slug-new").await.is(200)["data"].as_array().expect("rows") {
            drop(new).await;
        }
    }
}

async fn tags(app: App) {
    for (slug, tags) in [("aaaa", vec!["one", "two"]), ("bbbb", vec!["two"]), ("cccc", vec!["three"])] {
        app.link(json!({"url": URL, "slug": slug, "tags": tags})).await;
        app.wait(60);
    }
    let shown = async |query: &str| -> Vec<(String, i64)> {
        let page = app.get(&format!("/tags?{query}")).await.is(200);
        let rows = page["data"].as_array().expect("rows").clone();
        rows.iter()
            .map(|tag| (tag["name"].as_str().expect("a name").to_owned(), tag["links"].as_i64().expect("a number")))
            .collect()
    };
    let pairs = |all: &[(&str, i64)]| all.iter().map(|(name, links)| ((*name).to_owned(), *links)).collect::<Vec<_>>();
    assert_eq!(shown("").await, pairs(&[("one", 1), ("two", 2), ("three", 1)]));
    let first = app.get("/tags?limit=2").await.is(200);
    assert_eq!(decoded(&first), json!({"id": first["data"][1]["id"]}));
    assert!(first["data"][0]["id"].as_str().is_some_and(|id| id.starts_with("tag_")));
    assert_eq!(first["data"][0]["created_at"], "2026-03-24T14:00:14Z");
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    assert_eq!(shown(&format!("cursor={cursor}")).await, pairs(&[("three", 1)]));
    assert_eq!(app.get("/tags?search=x").await.fields(), ["search"]);
    let link = app.get("/links/lookup?slug=aaaa").await.is(200);
    app.patch(&format!("/links/{}", link["id"].as_str().expect("an id")), json!({"tags": ["two"]})).await.is(200);
    assert_eq!(shown("").await, pairs(&[("two", 2), ("three", 1)]), "a tag that no link has is not shown");
}

#[tokio::test]
async fn tags_are_listed() {
    tags(App::start().await).await;
}

#[tokio::test]
async fn tags_are_listed_on_postgres() {
    tags(App::on_postgres(&[]).await).await;
}
