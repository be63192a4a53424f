//! The rate limit, by key and by address, and who is believed about an address.

use mask_core::time::Time;
use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{Answer, App, HTTPS},
    wire::{Wire, api_request},
};

const THREE: (&str, &str) = ("limits.requests_per_minute", "3");

fn seconds(time: &str) -> String {
    Time::parse(time).expect("a time").unix_seconds().to_string()
}

/// Limit, remaining and reset.
fn standing(answer: &Answer) -> [&str; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| answer.header(name))
}

#[tokio::test]
async fn a_key_has_so_many_requests_in_each_whole_minute() {
    let app = App::with(&[THREE]).await;
    let (reset, next) = (seconds("2026-03-24T14:01:00Z"), seconds("2026-03-24T14:02:00Z"));
    for remaining in ["2", "1", "0"] {
        let answer = app.get("/tags").await;
        assert_eq!((answer.status, standing(&answer)), (200, ["3", remaining, &reset]));
        assert_eq!(answer.header("retry-after"), "");
        assert_eq!(answer.header("ratelimit-policy"), "\"minute\";q=3;w=60");
        assert_eq!(answer.header("ratelimit"), format!("\"minute\";r={remaining};t=46"));
        app.wait(0);
    }
    app.wait(34);
    let answer = app.get("/tags").await;
    assert_eq!(
        (answer.status, standing(&answer), answer.header("retry-after")),
        (429, ["3", "0", reset.as_str()], "12")
    );
    let id = answer.header("x-request-id");
    let body = format!(
        r#"{{"error":{{"code":"rate_limit_exceeded","message":"Rate limit exceeded. Retry after 12 seconds.","retry_after":12,"request_id":"{id}"}}}}"#
    );
    assert_eq!(answer.text, body);
    // Whatever is asked for: also what does not exist, and what would have been refused.
    for request in [app.api(Method::GET, "/nowhere"), app.api(Method::POST, "/links").json(&json!({}))] {
        assert_eq!(Answer::of(request).await.error(429), "rate_limit_exceeded");
    }
    let other = app.key_for("all", false).await;
    assert_eq!(standing(&Answer::of(app.api_as(&other, Method::GET, "/tags")).await)[1], "2", "each key has its own");
    app.wait(12);
    let answer = app.get("/tags").await;
    assert_eq!((answer.status, standing(&answer)), (200, ["3", "2", next.as_str()]));
}

#[tokio::test]
async fn every_answer_of_the_api_tells_the_limit() {
    let app = App::start().await;
    let mut remaining = 1000;
    for (method, path, status) in [
        (Method::GET, "/links", 200),
        (Method::GET, "/nowhere", 404),
        (Method::PUT, "/links", 405),
        (Method::POST, "/links", 415),
        (Method::GET, "/links/lnk_x", 404),
        (Method::GET, "/openapi.json", 200),
        (Method::HEAD, "/links", 200),
    ] {
        let answer = Answer::of(app.api(method.clone(), path)).await;
        remaining -= 1;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(standing(&answer)[..2], ["1000", &remaining.to_string()], "{method} {path}");
    }
    // Browsers ask first, without the key: it is told how their address stands, and nothing is taken for it.
    let preflight = || {
        let request = app.client.request(Method::OPTIONS, format!("{}/api/v1/links", app.base));
        Answer::of(request.header("origin", "https://shop.example").header("access-control-request-method", "POST"))
    };
    let nobody = || Answer::of(app.client.get(format!("{}/api/v1/links", app.base)));
    for remaining in ["1000", "999", "998"] {
        for _ in 0..2 {
            let answer = preflight().await;
            assert_eq!(
                (answer.status, standing(&answer)),
                (204, ["1000", remaining, &seconds("2026-03-24T14:01:00Z")])
            );
            assert!(answer.header("access-control-expose-headers").contains("x-ratelimit-remaining"));
        }
        assert_eq!(nobody().await.error(401), "unauthorized");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_nobodys_request() {
    let app = App::with(&[THREE]).await;
    let address = app.server().addresses[0];
    let long = format!("/links?search={}", "a".repeat(100_000));
    for (request, status) in [
        (b"GET /api/v1/links HTTP/1.1\r\n\r\n".to_vec(), 400),
        (api_request("GET", &long, &app.key, "", ""), 414),
        (api_request("GET", "/links", &app.key, &format!("X: {}\r\n", "a".repeat(100_000)), ""), 431),
    ] {
        let answer = Answer::from(Wire::open(address).expect("a connection").ask(&request).expect("an answer"));
        assert_eq!((answer.status, standing(&answer)), (status, ["", "", ""]));
        assert!(answer.header("x-request-id").starts_with("req_"), "{status}");
    }
    assert_eq!(standing(&app.get("/tags").await)[1], "2");
}

#[tokio::test]
async fn without_a_valid_key_the_address_is_counted() {
    let app = App::with(&[THREE]).await;
    let ask =
        |key: &str| app.api_as(key, Method::GET, "/tags").header("x-forwarded-for", format!("203.0.113.{}", key.len()));
    for (key, remaining) in [("", "2"), ("mk_live_x", "1"), ("mk_test_xyz", "0")] {
        let answer = Answer::of(ask(key)).await;
        assert_eq!((answer.status, standing(&answer)[1]), (401, remaining), "nobody is believed about an address");
    }
    let answer = Answer::of(ask("")).await;
    assert_eq!(answer.error(429), "rate_limit_exceeded");
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(app.get("/tags").await.status, 200, "a key is not to suffer for its neighbours");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let app = App::with(&[THREE, ("proxy.trusted", "127.0.0.1/32,10.0.0.0/8")]).await;
    let ask =
        |forwarded: &str| app.client.get(format!("{}/api/v1/tags", app.base)).header("x-forwarded-for", forwarded);
    for (forwarded, remaining) in [
        ("203.0.113.1", "2"),
        ("203.0.113.2", "2"),
        ("203.0.113.1, 10.0.0.1", "1"),
        ("198.51.100.7, 203.0.113.1", "0"),
        ("2001:db8::1", "2"),
        ("2001:db8::2", "1"),
    ] {
        assert_eq!(standing(&Answer::of(ask(forwarded)).await)[1], remaining, "{forwarded}");
    }
    assert_eq!(Answer::of(ask("203.0.113.1")).await.status, 429);
}

#[tokio::test]
async fn no_limit_tells_none() {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    assert_eq!(standing(&app.get("/tags").await), ["", "", ""]);
}

#[tokio::test]
async fn plain_http_is_refused_and_never_redirected() {
    let app = App::with(&[HTTPS[0], ("limits.requests_per_minute", "9")]).await;
    let at =
        |path: &str| app.client.get(format!("{}{path}", app.base)).header("host", "mask.example").bearer_auth(&app.key);
    for path in ["/api/v1/links", "/api/v1/nowhere", "/api/v1/openapi.json"] {
        for request in [at(path), at(path).header("x-forwarded-proto", "https")] {
            let answer = Answer::of(request).await;
            assert_eq!((answer.error(403).as_str(), answer.header("location")), ("https_required", ""), "{path}");
            assert_eq!(standing(&answer)[0], "9", "{path}");
        }
    }
    assert_eq!(Answer::of(at("/healthz")).await.is(200), json!({"status": "ok"}));
}

#[tokio::test]
async fn tls_at_a_trusted_proxy_will_do() {
    let app = App::with(&HTTPS).await;
    let at = |scheme: &str| {
        app.api(Method::GET, "/links").header("host", "mask.example").header("x-forwarded-proto", scheme)
    };
    assert_eq!(Answer::of(at("http")).await.error(403), "https_required");
    Answer::of(at("https")).await.is(200);
    let request = app.api(Method::POST, "/links").header("host", "mask.example").header("x-forwarded-proto", "https");
    let link = Answer::of(request.json(&json!({"url": "https://example.com", "slug": "spring"}))).await.is(201);
    assert_eq!(link["short_url"], "https://mask.example/spring");
}
