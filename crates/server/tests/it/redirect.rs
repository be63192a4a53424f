//! What a visitor of a short link gets: each sentence of the contract's "The redirect", over sockets.

mod away;
mod choice;
mod clicks;
mod signals;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, BROWSER},
    wire::{Reply, Wire},
};

const HERE: &str = "https://example.com/here";

/// A request of a client that writes its own head.
async fn raw(app: &App, bytes: &str) -> Reply {
    let (address, bytes) = (app.server().addresses[0], bytes.to_owned());
    let ask = move || Wire::open(address).expect("a connection").ask(bytes.as_bytes()).expect("an answer");
    tokio::task::spawn_blocking(ask).await.expect("an answer")
}

/// A visit of another host.
async fn at(app: &App, host: &str, path: &str) -> Answer {
    Answer::of(app.visit(path).header("host", host)).await
}

async fn location(app: &App, path: &str) -> String {
    let answer = Answer::of(app.visit(path)).await;
    assert_eq!(answer.status, 302, "{path}: {}", answer.text);
    answer.header("location").to_owned()
}

fn id(link: &Value) -> String {
    link["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_redirect_byte_for_byte() {
    let app = App::start().await;
    for (slug, status) in
        [("default", None), ("s301", Some(301)), ("s302", Some(302)), ("s307", Some(307)), ("s308", Some(308))]
    {
        let mut link = json!({"url": HERE, "slug": format!("{slug}-x")});
        if let Some(status) = status {
            link["redirect_status"] = status.into();
        }
        app.link(link).await;
        for method in ["GET", "HEAD"] {
            let reply =
                raw(&app, &format!("{method} /{slug}-x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\n\r\n"))
                    .await;
            assert_eq!(reply.status, status.unwrap_or(302));
            assert_eq!(reply.header("location"), HERE);
            assert_eq!(reply.header("cache-control"), "private, no-store");
            let request_id = reply.header("x-request-id").strip_prefix("req_").expect("its id");
            assert!(
                request_id.len() == 12 && request_id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
                "{reply:?}"
            );
            assert_eq!(
                (reply.header("content-length"), reply.header("content-type")),
                (if method == "GET" { "0" } else { "" }, "")
            );
            assert!(
                reply.body.is_empty()
                    && reply.header("set-cookie").is_empty()
                    && reply.header("transfer-encoding").is_empty()
            );
        }
    }
    let (first, second) = (Answer::of(app.visit("/default-x")).await, Answer::of(app.visit("/default-x")).await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn an_address_as_people_write_it() {
    let app = App::start().await;
    app.link(json!({"url": HERE, "slug": "My-Link_1"})).await;
    for _ in 0..2 {
        for path in [
            "/My-Link_1",
            "/my-link_1",
            "/MY-LINK_1",
            "/My-Link_1/",
            "/my%2Dlink%5F1",
            "/%6Dy-link_1/",
            "/My-Link_1?",
            "/My-Link_1/?",
        ] {
            assert_eq!(location(&app, path).await, HERE, "{path}");
        }
    }
    for path in [
        "/My-Link_1//",
        "//My-Link_1",
        "/My-Link_1/x",
        "/My-Link_1%00",
        "/My-Link_1%2F",
        "/My%252DLink_1",
        "/My-Link",
        "/My-Link_12",
        "/./My-Link_1x",
    ] {
        let reply = raw(&app, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n")).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let taken = app.post("/links", json!({"url": HERE, "slug": "MY-LINK_1"})).await;
    assert_eq!(taken.error(409), "conflict");
}

#[tokio::test]
async fn the_query_joins_the_destination() {
    let app = App::start().await;
    let long = format!("https://example.com/{}", "a".repeat(4000));
    for (number, (url, utm, query, wanted)) in [
        (HERE, json!({}), "?a=1&b=%20x", "https://example.com/here?a=1&b=%20x"),
        ("https://e.com", json!({}), "?a", "https://e.com?a"),
        ("https://e.com/?a=1", json!({}), "?a=2&b=3", "https://e.com/?a=1&b=3"),
        ("https://e.com/?a=1#part", json!({}), "?b=3", "https://e.com/?a=1&b=3#part"),
        ("https://e.com/#part", json!({"utm_source": "x y"}), "", "https://e.com/?utm_source=x%20y#part"),
        (
            "https://e.com/?utm_source=url&z=1",
            json!({"utm_source": "link"}),
            "?utm_source=visitor&utm_medium=m",
            "https://e.com/?utm_source=link&z=1&utm_medium=m",
        ),
        ("https://e.com/?utm_source=url", json!({}), "?utm_source=visitor", "https://e.com/?utm_source=url"),
        (
            "https://e.com/",
            json!({"utm_source": "a", "utm_medium": "b", "utm_campaign": "c", "utm_term": "d", "utm_content": "e"}),
            "",
            "https://e.com/?utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e",
        ),
        (&long, json!({}), "?x=1", &format!("{long}?x=1")),
        ("https://e.com/?a+b=1", json!({}), "?a%20b=2&c=3", "https://e.com/?a+b=1&c=3"),
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("query-{number}");
        let mut link = json!({"url": url, "slug": slug});
        link.as_object_mut().expect("an object").extend(utm.as_object().expect("an object").clone());
        app.link(link).await;
        for _ in 0..2 {
            assert_eq!(location(&app, &format!("/{slug}{query}")).await, wanted, "{url} {query}");
            assert_eq!(location(&app, &format!("/{slug}/{query}")).await, wanted, "{url} {query}");
        }
    }
    app.link(json!({"url": "https://example.com/ü?x=ü", "slug": "not-ascii"})).await;
    assert_eq!(location(&app, "/not-ascii").await, "https://example.com/%C3%BC?x=%C3%BC");
    let plain = "https://example.com/%7e//../x;y?b=%20+%zz&a[]=1&a[]=2&&q=%E4#/f?x=1";
    let made = app.link(json!({"url": plain, "slug": "plain-one"})).await;
    assert_eq!(made["url"], plain);
    assert_eq!(location(&app, "/plain-one").await, plain, "all other bytes are untouched");
    assert_eq!(
        location(&app, "/plain-one?n=%F0%9F").await,
        "https://example.com/%7e//../x;y?b=%20+%zz&a[]=1&a[]=2&&q=%E4&n=%F0%9F#/f?x=1"
    );
}

#[tokio::test]
async fn where_there_is_no_link() {
    let app = App::start().await;
    for path in ["/never-made", "/never-made+", "/never-made/"] {
        for _ in 0..2 {
            let answer = Answer::of(app.visit(path)).await;
            assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
            assert!(
                answer.text.contains("Link not found") && answer.text.contains(answer.header("x-request-id")),
                "{}",
                answer.text
            );
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
    }
    app.link(json!({"url": HERE, "slug": "never-made"})).await;
    assert_eq!(location(&app, "/never-made").await, HERE, "what was known to be absent is there now");

    let link = app.link(json!({"url": HERE, "slug": "soon-gone"})).await;
    assert_eq!(location(&app, "/soon-gone").await, HERE);
    app.delete(&format!("/links/{}", id(&link))).await.is(204);
    for path in ["/soon-gone", "/Soon-Gone/?x=1", "/soon-gone+"] {
        let answer = Answer::of(app.visit(path)).await;
        assert_eq!(answer.status, 410, "{path}");
        assert!(answer.text.contains("This link was removed") && answer.header("location").is_empty());
    }
    let freed = app.link(json!({"url": HERE, "slug": "freed-now"})).await;
    app.delete(&format!("/links/{}?release_slug=true", id(&freed))).await.is(204);
    assert_eq!(Answer::of(app.visit("/freed-now")).await.status, 404);
    app.link(json!({"url": "https://example.com/next", "slug": "freed-now"})).await;
    assert_eq!(location(&app, "/freed-now").await, "https://example.com/next");
}

#[tokio::test]
async fn a_mistyped_link_is_a_page_on_every_host() {
    let app = App::with(&[("links.domains", "go.test"), ("limits.requests_per_minute", "3")]).await;
    for path in [
        "/utmm%20",
        "/utmm.",
        "/utmm,",
        "/utmm%2C",
        "/utmm/x",
        "//utmm",
        "/utmm%",
        "/%ff",
        "/foo/bar.html",
        "/abc",
        "/dashboard",
        "/links/x",
        "/apis/v1",
    ] {
        for host in ["localhost", "go.test"] {
            let reply = raw(&app, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n")).await;
            let text = String::from_utf8_lossy(&reply.body);
            let seen = format!("{host}{path}: {text}");
            assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=utf-8"), "{seen}");
            assert!(text.contains("Link not found") && text.contains(reply.header("x-request-id")), "{seen}");
            assert!(reply.header("content-security-policy").starts_with("default-src 'none'"), "{seen}");
            for (name, value) in [
                ("cache-control", "private, no-store"),
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
                ("x-ratelimit-limit", ""),
            ] {
                assert_eq!(reply.header(name), value, "{seen}");
            }
        }
    }
    let head = Answer::of(app.client.head(format!("{}/utmm.", app.base))).await;
    assert_eq!((head.status, head.header("content-type"), head.text.as_str()), (404, "text/html; charset=utf-8", ""));
    // A program that means the API is told that it is elsewhere, in its own language and at its own cost.
    let remaining = |answer: &Answer| answer.header("x-ratelimit-remaining").to_owned();
    let by_key = Answer::of(app.client.get(format!("{}/v1/links", app.base)).bearer_auth(&app.key)).await;
    assert_eq!((by_key.error(404).as_str(), remaining(&by_key).as_str()), ("not_found", "2"));
    let posted = Answer::of(app.client.post(format!("{}/v1/links", app.base))).await;
    assert_eq!((posted.error(404).as_str(), remaining(&posted).as_str()), ("not_found", "2"), "nobody paid before");
}

#[tokio::test]
async fn the_host_decides() {
    let app = App::with(&[("links.domains", "go.test")]).await;
    app.link(json!({"url": HERE, "slug": "on-local", "domain": "localhost"})).await;
    for host in ["localhost", "LOCALHOST:1234", "localhost.", "127.0.0.1", "[::1]:80"] {
        assert_eq!(at(&app, host, "/on-local").await.header("location"), HERE, "{host}");
    }
    for host in ["example.com", "go.test", "localhost.example.com", "127.0.0.2", "xn--a"] {
        let answer = at(&app, host, "/on-local").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"), "{host}");
    }
    for head in [
        "GET /on-local HTTP/1.1\r\n",
        "GET /on-local HTTP/1.0\r\n",
        "GET /on-local HTTP/1.1\r\nHost:\r\n",
        "GET /on-local HTTP/1.1\r\nHost: a b\r\n",
        "GET /on-local HTTP/1.1\r\nHost: localhost, localhost\r\n",
        "GET /on-local HTTP/1.1\r\nHost: user@localhost\r\n",
        "GET /on-local HTTP/1.1\r\nHost: localhost/x\r\n",
        "GET /on-local HTTP/1.1\r\nHost: localhost:http\r\n",
        "GET /on-local HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n",
        "GET /on-local HTTP/1.1\r\nHost: localhost\r\nhost: go.test\r\n",
        "GET http://go.test/on-local HTTP/1.1\r\nHost: localhost\r\n",
        "GET /api/v1/links HTTP/1.1\r\n",
        "GET /api/v1/links HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n",
    ] {
        let reply = raw(&app, &format!("{head}\r\n")).await;
        assert_eq!(reply.status, 400, "{head}");
        assert!(reply.header("x-request-id").starts_with("req_"), "{head}");
    }
    let reply = raw(&app, "GET http://localhost/on-local HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((reply.status, reply.header("location")), (302, HERE));
}

#[tokio::test]
async fn domains_of_short_links() {
    let app = App::with(&[("links.domains", "go.test, s.test")]).await;
    let link = app.link(json!({"url": HERE, "slug": "same-slug"})).await;
    assert_eq!(
        (link["domain"].as_str(), link["short_url"].as_str()),
        (Some("go.test"), Some("http://go.test:8080/same-slug"))
    );
    app.link(json!({"url": "https://example.com/there", "slug": "same-slug", "domain": "s.test"})).await;
    assert_eq!(at(&app, "go.test", "/same-slug").await.header("location"), HERE);
    assert_eq!(at(&app, "S.TEST:99", "/Same-Slug/").await.header("location"), "https://example.com/there");
    assert_eq!(at(&app, "localhost", "/same-slug").await.status, 404);

    let root = at(&app, "go.test", "/").await;
    assert_eq!((root.status, root.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(!root.text.contains("/docs"), "there are no documents on this host");
    assert!(at(&app, "localhost", "/").await.text.contains("/docs"));
    let robots = at(&app, "go.test", "/robots.txt").await;
    assert_eq!((robots.status, robots.header("content-type")), (200, "text/plain; charset=utf-8"));
    for path in
        ["/api/v1/links", "/api/v1/openapi.json", "/docs", "/docs/", "/metrics", "/healthz/x", "/favicon.ico", "/api"]
    {
        let reply =
            raw(&app, &format!("GET {path} HTTP/1.1\r\nHost: go.test\r\nAuthorization: Bearer {}\r\n\r\n", app.key))
                .await;
        assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
    }
    let request = app.client.post(format!("{}/robots.txt", app.base)).header("host", "go.test");
    assert_eq!(Answer::of(request).await.status, 405);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let app = App::start().await;
    app.link(json!({"url": HERE, "slug": "for-reading"})).await;
    for _ in 0..2 {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            for path in ["/for-reading", "/for-reading+"] {
                let request =
                    app.client.request(method.clone(), format!("{}{path}", app.base)).header("user-agent", BROWSER);
                let answer = Answer::of(request).await;
                assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method} {path}");
                assert!(answer.header("x-request-id").starts_with("req_"));
            }
        }
        assert_eq!(location(&app, "/for-reading").await, HERE);
    }
    let unknown = Answer::of(app.client.put(format!("{}/nothing-here", app.base))).await;
    assert!(matches!(unknown.status, 404 | 405), "{}", unknown.status);
}

#[tokio::test]
async fn a_page_says_where_a_link_leads() {
    let app = App::start().await;
    let link = json!({
        "url": "https://example.com/?q=<script>&x=\"1\"", "slug": "look-first", "title": "<b>Spring</b> & \"more\"", "utm_source": "mail",
    });
    let link = app.link(link).await;
    for path in ["/look-first+", "/Look-First+", "/look-first%2B", "/look-first+?x=1"] {
        let answer = Answer::of(app.visit(path)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(
            answer.text.contains("utm_source=mail") && answer.text.contains("&#60;b&#62;Spring"),
            "{}",
            answer.text
        );
        assert!(!answer.text.contains("<script") && !answer.text.contains("<b>Spring"), "{}", answer.text);
        assert!(answer.header("content-security-policy").contains("form-action 'none'"));
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
    let head = Answer::of(app.client.head(format!("{}/look-first+", app.base))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    app.link(json!({"url": "https://example.com/secret", "slug": "kept-secret", "password": "sesame"})).await;
    let locked = Answer::of(app.visit("/kept-secret+")).await;
    assert!(locked.status == 200 && !locked.text.contains("example.com/secret"), "{}", locked.text);
    app.settle().await;
    assert_eq!(app.get(&format!("/links/{}", id(&link))).await.is(200)["clicks"], 0);
    assert_eq!(clicks::classes(&app, &link, false).await, [], "looking is not even recorded");
}

#[tokio::test]
async fn what_has_expired() {
    let app = App::start().await;
    app.link(json!({"url": HERE, "slug": "short-lived", "expires_at": "2026-03-24T15:00:00Z"})).await;
    let other = json!({"url": HERE, "slug": "leads-on", "expires_at": "2026-03-24T15:00:00Z", "expired_url": "https://example.com/over", "utm_source": "mail"});
    let other = app.link(other).await;
    app.wait(59 * 60 + 45);
    assert_eq!(location(&app, "/short-lived").await, HERE, "one second before");
    assert_eq!(location(&app, "/leads-on").await, format!("{HERE}?utm_source=mail"));
    app.wait(1);
    let gone = Answer::of(app.visit("/short-lived")).await;
    assert_eq!((gone.status, gone.header("location")), (410, ""));
    assert!(gone.text.contains("This link has expired"));
    assert_eq!(Answer::of(app.visit("/short-lived+")).await.status, 410);
    assert!(location(&app, "/leads-on").await.starts_with("https://example.com/over"));
    app.settle().await;
    assert_eq!(app.get(&format!("/links/{}", id(&other))).await.is(200)["clicks"], 1, "what leads on is no click");
    app.patch(&format!("/links/{}", id(&other)), json!({"expires_at": null})).await.is(200);
    assert_eq!(location(&app, "/leads-on").await, format!("{HERE}?utm_source=mail"));
}

#[tokio::test]
async fn changes_are_seen_at_once() {
    let app = App::start().await;
    let link = app.link(json!({"url": HERE, "slug": "first-name"})).await;
    let path = format!("/links/{}", id(&link));
    for number in 0..50 {
        let url = format!("https://example.com/{number}");
        app.patch(&path, json!({"url": url})).await.is(200);
        assert_eq!(location(&app, "/first-name").await, url);
    }
    app.patch(&path, json!({"slug": "second-name"})).await.is(200);
    assert_eq!(Answer::of(app.visit("/first-name")).await.status, 410, "a printed address is kept for its owner");
    assert_eq!(location(&app, "/second-name").await, "https://example.com/49");
    app.patch("/links/bulk", json!({"ids": [id(&link)], "set": {"redirect_status": 301}})).await.is(200);
    assert_eq!(Answer::of(app.visit("/second-name")).await.status, 301);
    app.patch(&path, json!({"archived": true})).await.is(200);
    assert_eq!(Answer::of(app.visit("/second-name")).await.status, 301, "an archived link is out of sight and goes on");
    app.delete(&path).await.is(204);
    assert_eq!(Answer::of(app.visit("/second-name")).await.status, 410);
}

#[tokio::test]
async fn a_change_is_seen_while_others_look() {
    let app = App::start().await;
    let link = app.link(json!({"url": "https://example.com/0", "slug": "contended"})).await;
    let path = format!("/links/{}", id(&link));
    for number in 1..30 {
        let url = format!("https://example.com/{number}");
        let looking = futures_util::future::join_all((0..8).map(|_| Answer::of(app.visit("/contended"))));
        let (_, changed) = futures_util::future::join(looking, app.patch(&path, json!({"url": url}))).await;
        changed.is(200);
        assert_eq!(location(&app, "/contended").await, url);
    }
}
