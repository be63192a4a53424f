//! What is the same for every path of the API: how it reads, how it refuses, what stands in every head.

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, lock},
    wire::{Wire, api_request},
};

fn with_body(app: &App, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    app.api(Method::POST, "/links").header("content-type", content_type).body(body)
}

#[tokio::test]
async fn what_is_no_json_object_is_a_bad_request() {
    let app = App::start().await;
    let deep = "[".repeat(500_000);
    let nested = format!("{{\"url\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{\"url\":}",
        b"nonsense",
        b"{\"url\":\"https://example.com\"}}",
        b"{\"url\":\"\xff\xfe\"}",
        b"\xef\xbb\xbf{}",
        b"{'url':'x'}",
        b"[]",
        b"null",
        b"\"text\"",
        deep.as_bytes(),
        nested.as_bytes(),
    ];
    for body in bodies {
        let answer = Answer::of(with_body(&app, "application/json", body.to_vec())).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.error(400), "bad_request", "{shown}");
        assert_eq!(answer.fields(), Vec::<String>::new(), "{shown}");
        assert!(answer.text.len() < 400, "{shown}: {}", answer.text);
    }
    let missing = app.post("/links", json!({"slug": "ab"})).await;
    assert_eq!(
        (missing.error(400).as_str(), missing.fields()),
        ("bad_request", vec!["url".to_owned(), "slug".to_owned()])
    );
}

#[tokio::test]
async fn a_body_is_json_by_its_own_word() {
    let app = App::start().await;
    let body = r#"{"url":"https://example.com"}"#;
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        assert_eq!(Answer::of(with_body(&app, good, body)).await.status, 201, "{good}");
    }
    for bad in
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "text/json"]
    {
        assert_eq!(Answer::of(with_body(&app, bad, body)).await.error(415), "unsupported_media_type", "{bad}");
    }
    let without = app.api(Method::POST, "/links").body(body);
    assert_eq!(Answer::of(without).await.error(415), "unsupported_media_type");
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let app = App::with(&[("server.max_body_bytes", "2048")]).await;
    let padded = |length: usize| {
        let body = r#"{"url":"https://example.com"}"#;
        body.to_owned() + &" ".repeat(length - body.len())
    };
    assert_eq!(Answer::of(with_body(&app, "application/json", padded(2048))).await.status, 201);
    for length in [2049, 10_000, 300_000] {
        let whole = with_body(&app, "application/json", padded(length));
        assert_eq!(Answer::of(whole).await.error(413), "payload_too_large", "{length}");
        let pieces = futures_util::stream::iter(
            padded(length)
                .into_bytes()
                .chunks(1000)
                .map(<[u8]>::to_vec)
                .map(Ok::<_, std::io::Error>)
                .collect::<Vec<_>>(),
        );
        let streamed = with_body(&app, "application/json", reqwest::Body::wrap_stream(pieces));
        assert_eq!(Answer::of(streamed).await.error(413), "payload_too_large", "{length} in pieces");
    }
    let standard = App::start().await;
    assert_eq!(Answer::of(with_body(&standard, "application/json", padded(1 << 20))).await.status, 201);
    assert_eq!(
        Answer::of(with_body(&standard, "application/json", padded((1 << 20) + 1))).await.error(413),
        "payload_too_large"
    );
}

#[tokio::test]
async fn a_body_must_arrive_in_time() {
    let app = App::with(&[("server.body_timeout_seconds", "1")]).await;
    let whole = api_request("POST", "/links", &app.key, "", r#"{"url":"https://example.com"}"#);
    let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
    wire.send(&whole[..whole.len() - 5]).expect("sent");
    let answer = Answer::from(wire.reply().expect("an answer"));
    assert_eq!(answer.error(408), "request_timeout");
    assert!(wire.is_closed(), "what comes now is no new request");
    assert_eq!(app.get("/links").await.is(200)["data"], json!([]));
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let app = App::start().await;
    for path in ["/nowhere", "", "/", "/links/", "/links/lnk_x/y", "/links//", "/Links", "/links/%ff"] {
        let answer = app.get(path).await;
        assert_eq!(answer.error(404), "not_found", "{path}");
    }
    for path in ["/api", "/api/v2/links", "/api/v1x"] {
        let answer = Answer::of(app.client.get(format!("{}{path}", app.base))).await;
        assert_eq!(
            (answer.error(404).as_str(), answer.header("content-type")),
            ("not_found", "application/json"),
            "{path}"
        );
    }
    for (method, path, allowed) in [
        (Method::PUT, "/links", ["GET", "HEAD", "POST"].as_slice()),
        (Method::POST, "/links/lnk_x", &["GET", "HEAD", "PATCH", "DELETE"]),
        (Method::GET, "/links/bulk", &["POST", "PATCH", "DELETE"]),
        (Method::DELETE, "/tags", &["GET", "HEAD"]),
        (Method::OPTIONS, "/tags", &["GET", "HEAD"]),
        (Method::TRACE, "/tags", &["GET", "HEAD"]),
        (Method::POST, "/openapi.json", &["GET", "HEAD"]),
        ("BREW".parse().expect("a method"), "/links", &["GET", "HEAD", "POST"]),
    ] {
        let answer = Answer::of(app.api(method.clone(), path)).await;
        assert_eq!(answer.error(405), "method_not_allowed", "{method} {path}");
        let mut told: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        let mut allowed = allowed.to_vec();
        told.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(told, allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_problem_for_those_who_ask() {
    let app = App::start().await;
    let ask = |accept: &str| {
        app.api(Method::POST, "/links").header("accept", accept).json(&json!({"url": "ftp://x", "slug": "abc"}))
    };
    for accept in ["application/problem+json", "application/json;q=0.5, Application/Problem+JSON;q=0.5"] {
        let answer = Answer::of(ask(accept)).await;
        assert_eq!((answer.status, answer.header("content-type")), (422, "application/problem+json"));
        let expected = json!({
            "type": "/docs/errors#validation_error",
            "title": "Fields are against the rules; `details` names each of them and what would be right.",
            "status": 422,
            "detail": "Request body failed validation.",
            "code": "validation_error",
            "details": [
                {"field": "url", "message": "Must be a valid URL starting with https://"},
                {"field": "slug", "message": "Slug must be between 4 and 64 characters"},
            ],
            "request_id": answer.header("x-request-id"),
        });
        assert_eq!(answer.json(), expected);
    }
    for accept in
        ["application/json", "*/*", "application/problem+json;q=0", "application/json, application/problem+json;q=0.1"]
    {
        let answer = Answer::of(ask(accept)).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.header("content-type")),
            ("validation_error", "application/json")
        );
        assert!(answer.header("vary").contains("accept"));
    }
    let errors = Answer::of(app.client.get(format!("{}/docs/errors", app.base))).await;
    assert!(errors.status == 200 && errors.text.contains("`validation_error`"), "the type leads somewhere");
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let app = App::start().await;
    app.link(json!({"url": "https://example.com", "slug": "spring"})).await;
    let mut ids = std::collections::HashSet::new();
    let paths = [
        "/",
        "/docs/",
        "/docs/errors",
        "/healthz",
        "/readyz",
        "/api/v1/links",
        "/api/v1/x",
        "/api/v1/openapi.json",
        "/spring",
        "/not-there",
        "/spring+",
        "/%ff",
    ];
    for path in paths.iter().chain(&paths) {
        let answer = Answer::of(app.visit(path).header("x-request-id", "req_000000000000")).await;
        let id = answer.header("x-request-id").to_owned();
        let hex = id.strip_prefix("req_").unwrap_or_else(|| panic!("{path}: {id:?}"));
        assert!(hex.len() == 12 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        assert!(ids.insert(id), "{path}");
    }
}

#[tokio::test]
async fn any_origin_may_call_with_a_key() {
    let app = App::start().await;
    let preflight = app.client.request(Method::OPTIONS, format!("{}/api/v1/links", app.base));
    let preflight = preflight.header("origin", "https://shop.example").header("access-control-request-method", "PATCH");
    let answer = Answer::of(
        preflight.header("access-control-request-headers", "authorization,content-type,idempotency-key,if-match"),
    )
    .await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(answer.header("access-control-allow-methods").contains(method), "{method}");
    }
    for name in ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"] {
        assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
    }
    let from = |request: RequestBuilder| Answer::of(request.header("origin", "https://shop.example"));
    let keyless = app.client.get(format!("{}/api/v1/links", app.base));
    for (answer, status) in [
        (from(app.api(Method::GET, "/links")).await, 200),
        (from(keyless).await, 401),
        (from(app.api(Method::GET, "/nowhere")).await, 404),
        (from(app.api(Method::POST, "/links").json(&json!({"url": 1}))).await, 422),
    ] {
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, "*"));
        for name in ["x-request-id", "x-ratelimit-remaining", "retry-after", "etag", "idempotent-replayed"] {
            assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
        }
    }
    assert_eq!(app.get("/links").await.header("access-control-allow-origin"), "", "who comes from nowhere needs none");
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let app = App::start().await;
    let link = app.link(json!({"url": "https://example.com"})).await;
    let one = format!("/links/{}", link["id"].as_str().expect("an id"));
    for path in ["/links", one.as_str(), "/links/lnk_x", "/tags", "/nowhere"] {
        let (get, head) = (app.get(path).await, Answer::of(app.api(Method::HEAD, path)).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
    for _ in 0..2 {
        wire.send(&api_request("HEAD", "/links/lnk_x", &app.key, "", "")).expect("sent");
    }
}

#[tokio::test]
async fn answers_are_private_and_typed() {
    let app = App::start().await;
    for answer in [
        app.get("/links").await,
        app.get("/nowhere").await,
        app.post("/links", json!({"url": "https://example.com"})).await,
    ] {
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_locked_database_is_told_and_got_over() {
    let app = App::with(&[("database.timeout_ms", "500")]).await;
    let link = app.link(json!({"url": "https://example.com"})).await;
    let one = format!("/links/{}", link["id"].as_str().expect("an id"));
    let locked = lock(&app);
    let requests = [
        app.api(Method::POST, "/links").json(&json!({"url": "https://example.com", "slug": "refused"})),
        app.api(Method::PATCH, &one).json(&json!({"title": "x"})),
        app.api(Method::DELETE, &one),
    ];
    for answer in join_all(requests.map(Answer::of)).await {
        assert_eq!((answer.error(503).as_str(), answer.header("retry-after")), ("unavailable", "5"));
        assert_eq!(answer.json()["error"]["retry_after"], 5);
        assert_eq!(answer.header("x-ratelimit-limit"), "1000");
    }
    assert_eq!(app.get(&one).await.is(200), link, "who only reads does not wait for who writes");
    drop(locked);
    app.link(json!({"url": "https://example.com", "slug": "refused"})).await;
    assert_eq!(app.get(&one).await.is(200), link, "what was refused was not done");
}

#[tokio::test]
async fn a_lost_database_is_told_and_got_over() {
    let app = App::on_postgres(&[("database.timeout_ms", "300")]).await;
    let link = app.link(json!({"url": "https://example.com"})).await;
    app.database().cut();
    let ready = |app: &App| app.client.get(format!("{}/readyz", app.base));
    for answer in [app.get("/links").await, app.post("/links", json!({"url": "https://example.com"})).await] {
        assert_eq!((answer.error(503).as_str(), answer.header("retry-after")), ("unavailable", "5"));
        assert_eq!(answer.header("x-ratelimit-limit"), "1000");
    }
    assert_eq!(Answer::of(ready(&app)).await.is(503), json!({"status": "unavailable"}));
    assert_eq!(Answer::of(app.client.get(format!("{}/healthz", app.base))).await.is(200), json!({"status": "ok"}));
    assert_eq!(app.get("/openapi.json").await.status, 200, "what needs no database needs none");
    app.database().mend();
    let mut list = app.get("/links").await;
    for _ in 0..100 {
        if list.status == 200 {
            break;
        }
        list = app.get("/links").await;
    }
    assert_eq!(list.is(200)["data"], json!([link]));
}

#[tokio::test]
async fn the_use_of_a_key_is_noted() {
    let app = App::start().await;
    let hash = mask_core::key::Secret::parse(&app.key).expect("a secret").hash();
    let noted = async || {
        app.server().store.key_by_hash(hash, app.clock.now()).await.expect("a store").expect("a key").last_used_at
    };
    assert_eq!(noted().await, None);
    for minute in ["2026-03-24T14:00:14Z", "2026-03-24T14:01:14Z"] {
        app.get("/links").await.is(200);
        let expected = mask_core::time::Time::parse(minute).ok();
        // It is written beside the answer, not before it.
        while noted().await != expected {
            tokio::task::yield_now().await;
        }
        app.wait(60);
    }
}

#[tokio::test]
async fn the_reference_page_needs_nobody_else() {
    let app = App::start().await;
    let read = |path: String| Answer::of(app.client.get(format!("{}{path}", app.base)));
    let mut page = read("/docs".to_owned()).await;
    if (300..400).contains(&page.status) {
        page = read(page.header("location").to_owned()).await;
    }
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{}", page.text);
    assert!(page.text.contains("<title>Mask API</title>") && !page.text.contains("<title>Swagger"), "{}", page.text);
    let references = |html: &str| -> Vec<String> {
        let parts = html
            .split(['"', '\'', ' ', '>', '<'])
            .filter(|part| part.contains("//") || part.starts_with("./"))
            .map(str::to_owned);
        parts.collect()
    };
    let assets: Vec<_> = references(&page.text).into_iter().filter(|part| part.starts_with("./")).collect();
    assert!(assets.len() >= 3, "{assets:?}");
    let foreign: Vec<_> =
        references(&page.text).into_iter().filter(|part| part.starts_with("http") || part.starts_with("//")).collect();
    assert_eq!(foreign, Vec::<String>::new());
    for asset in assets {
        let answer = read(format!("/docs/{}", asset.trim_start_matches("./"))).await;
        assert_eq!(answer.status, 200, "{asset}");
    }
    let robots = read("/robots.txt".to_owned()).await;
    assert_eq!(robots.status, 200);
    assert!(
        robots.text.starts_with("User-agent: *\nDisallow: /api/\nDisallow: /*?to=\nSitemap: http"),
        "{}",
        robots.text
    );
    assert!(robots.text.ends_with("/sitemap.xml\n"), "{}", robots.text);
    assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(read("/favicon.ico".to_owned()).await.status, 204);
    let document: Value = app.get("/openapi.json").await.is(200);
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert_eq!(document.get("servers"), None, "it is about whichever server it came from");
}
