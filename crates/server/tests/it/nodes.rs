//! Two nodes on one database: what is changed on one is so on the other a moment later, though that one held it in memory.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Answer, App, two_nodes, two_nodes_with};

/// Visits an address of a node until this comes of it.
async fn until(node: &App, path: &str, wanted: (u16, &str)) {
    let asking = async {
        loop {
            let answer = Answer::of(node.visit(path).header("host", "localhost")).await;
            let location = answer.header("location").to_owned();
            if (answer.status, location.as_str()) == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(20), asking).await;
    assert!(shown.is_ok(), "{path} does not come to {wanted:?}");
}

#[tokio::test]
async fn a_link_that_is_changed_elsewhere() {
    let (one, other) = two_nodes().await;
    until(&other, "/spring", (404, "")).await;
    let link = one.link(json!({"url": "https://example.com/a", "slug": "spring"})).await;
    until(&other, "/spring", (302, "https://example.com/a")).await;
    let path = format!("/links/{}", link["id"].as_str().expect("an id"));
    one.patch(&path, json!({"url": "https://example.com/b"})).await.is(200);
    until(&other, "/spring", (302, "https://example.com/b")).await;
    one.patch(&path, json!({"slug": "autumn"})).await.is(200);
    until(&other, "/autumn", (302, "https://example.com/b")).await;
    until(&other, "/spring", (410, "")).await;
    other.patch(&path, json!({"url": "https://example.com/c"})).await.is(200);
    until(&one, "/autumn", (302, "https://example.com/c")).await;
    one.delete(&path).await.is(204);
    until(&other, "/autumn", (410, "")).await;
}

#[tokio::test]
async fn a_limit_is_one_for_all() {
    let (one, other) = two_nodes().await;
    one.link(json!({"url": "https://example.com/a", "slug": "spring", "click_limit": 4})).await;
    let visit = async |node: &App| Answer::of(node.visit("/spring").header("host", "localhost")).await.status;
    assert_eq!(visit(&other).await, 302);
    other.settle().await;
    assert_eq!([visit(&one).await, visit(&one).await, visit(&one).await, visit(&one).await], [302, 302, 302, 410]);
    one.settle().await;
    // What is no person takes no click, and sees that none is left.
    let is_left = async || {
        let url = format!("{}/spring", other.base);
        let request = other.client.get(url).header("host", "localhost").header("user-agent", "curl/8.0");
        Answer::of(request).await.status == 302
    };
    let ending = async {
        while is_left().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), ending).await.is_ok(), "the other never learns of it");
    assert_eq!(visit(&other).await, 410);
}

#[tokio::test]
async fn many_links_at_once() {
    let (one, other) = two_nodes().await;
    let slugs: Vec<String> = (0..80).map(|n| format!("link-{n}")).collect();
    let new: Vec<_> = slugs.iter().map(|slug| json!({"url": "https://example.com/a", "slug": slug})).collect();
    let made = one.post("/links/bulk", json!({"links": new})).await.is(200);
    for slug in &slugs {
        until(&other, &format!("/{slug}"), (302, "https://example.com/a")).await;
    }
    let ids: Vec<_> = made["data"].as_array().expect("items").iter().map(|item| item["link"]["id"].clone()).collect();
    let change = json!({"ids": ids, "set": {"url": "https://example.com/b"}});
    one.patch("/links/bulk", change).await.is(200);
    for slug in &slugs {
        until(&other, &format!("/{slug}"), (302, "https://example.com/b")).await;
    }
}

#[tokio::test]
async fn a_page_that_is_changed_elsewhere() {
    let (one, other) = two_nodes().await;
    let page = one.post("/bio-pages", json!({"title": "Ada", "slug": "ada-page", "published": true})).await.is(201);
    let path = format!("/bio-pages/{}", page["id"].as_str().expect("an id"));
    let shows = async |words: &str| {
        let asking = async {
            while !Answer::of(other.visit("/ada-page").header("host", "localhost")).await.text.contains(words) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let shown = tokio::time::timeout(Duration::from_secs(20), asking).await;
        assert!(shown.is_ok(), "{words} is not shown");
    };
    shows("Ada").await;
    one.patch(&path, json!({"title": "Grace"})).await.is(200);
    shows("Grace").await;
    let block = json!({"type": "header", "data": {"text": "Compilers"}});
    one.post(&format!("{path}/blocks"), block).await.is(201);
    shows("Compilers").await;
    one.delete(&path).await.is(204);
    until(&other, "/ada-page", (410, "")).await;
}

/// How many requests a node answers before it refuses one, when it is asked on and on.
async fn answered(node: &App) -> usize {
    let mut answered = 0;
    while node.get("/links").await.status == 200 {
        answered += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    answered
}

#[tokio::test]
async fn requests_of_a_minute_are_one_number_for_all() {
    let (one, other) = two_nodes_with(&[("limits.requests_per_minute", "200")]).await;
    for _ in 0..100 {
        one.get("/links").await.is(200);
    }
    assert!(answered(&other).await < 200, "it learns of those that were made before");
    assert!(answered(&one).await < 100, "it learns of those that were made meanwhile");
    let refused = one.get("/links").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (429, "0"));
    // Whoever shows no key is counted apart, by address.
    let nobody = async |node: &App| Answer::of(node.client.get(format!("{}/api/v1/links", node.base))).await.status;
    assert_eq!([nobody(&one).await, nobody(&other).await], [401, 401]);
}
