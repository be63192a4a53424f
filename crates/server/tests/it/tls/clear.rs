//! What is answered in the clear beside TLS.

use serde_json::json;

use super::{Bench, HOST};
use crate::{harness::Answer, wire::Wire};

/// Status, and where it leads.
fn asked(bench: &Bench, request: &str) -> (u16, String) {
    let mut wire = Wire::open(bench.clear()).expect("a connection");
    let reply = wire.ask(request.as_bytes()).expect("an answer");
    assert!(reply.header("x-request-id").starts_with("req_"), "{reply:?}");
    (reply.status, reply.header("location").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_is_sent_to_https_and_who_sends_is_refused() {
    let bench = Bench::start().await;
    bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    for (first_line, host, status, location) in [
        ("GET /spring?a=1", HOST, 308, "https://mask.example/spring?a=1"),
        ("HEAD /spring", HOST, 308, "https://mask.example/spring"),
        ("GET /none", "GO.example:80", 308, "https://go.example/none"),
        ("GET /", HOST, 308, "https://mask.example/"),
        ("GET /docs", HOST, 308, "https://mask.example/docs"),
        ("POST /spring", HOST, 403, ""),
        ("GET /api/v1/links", HOST, 403, ""),
        ("POST /api/v1/links", HOST, 403, ""),
        ("GET /healthz", HOST, 200, ""),
        ("GET /readyz", "anything.example", 200, ""),
        ("GET /spring", "stranger.example", 404, ""),
        ("GET /.well-known/acme-challenge/x", HOST, 308, "https://mask.example/.well-known/acme-challenge/x"),
    ] {
        let request = format!("{first_line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(asked(&bench, &request), (status, location.to_owned()), "{first_line} {host}");
    }
    bench.app.settle().await;
    assert_eq!(bench.app.get("/links").await.is(200)["data"][0]["clicks"], 0, "nobody was sent on");
}

#[tokio::test]
async fn a_trusted_proxy_that_spoke_tls_is_answered_as_it_is() {
    let bench = Bench::start().await;
    bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    let answer = Answer::of(bench.app.visit("/spring")).await;
    assert_eq!((answer.status, answer.header("location")), (302, "https://example.com/where"));
    let answer = Answer::of(bench.app.visit("/spring").header("x-forwarded-proto", "http")).await;
    assert_eq!((answer.status, answer.header("location")), (308, "https://mask.example/spring"));
    // Whoever is not trusted says it in vain.
    let request = format!("GET /spring HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n\r\n");
    let mut wire = Wire::open(bench.clear()).expect("a connection");
    assert_eq!(wire.ask(request.as_bytes()).expect("an answer").status, 308);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_a_form_is_told_by_a_page() {
    let bench = Bench::start().await;
    for path in ["/sign-in", "/account/password", &format!("/invitation/{}", "0".repeat(64)), "/spring"] {
        let form = "password=correct+horse";
        let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded");
        let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}", form.len());
        let reply = Wire::open(bench.clear()).expect("a connection").ask(request.as_bytes()).expect("an answer");
        assert_eq!((reply.status, reply.header("content-type")), (403, "text/html; charset=utf-8"), "{path}");
        let page = String::from_utf8_lossy(&reply.body);
        assert!(page.contains("Not without encryption") && !page.contains("correct"), "{path}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_keeps_the_word_of_a_letters_link() {
    let bench = Bench::start().await;
    let word = "0".repeat(64);
    for (path, kept) in [
        (format!("/new-password?word={word}"), "no-store"),
        (format!("/invitation/{word}"), "no-store"),
        (format!("/-/confirm/{word}"), "no-store"),
        ("/spring".to_owned(), ""),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        let reply = Wire::open(bench.clear()).expect("a connection").ask(request.as_bytes()).expect("an answer");
        assert_eq!((reply.status, reply.header("cache-control")), (308, kept), "{path}");
    }
}
