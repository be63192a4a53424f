//! Bad days: receivers that do anything but answer well, a database that is away, and a server that is told to end.

use reqwest::Method;
use serde_json::{Value, json};

use super::{HERE, new_link, path, subscribe, tried, until};
use crate::{
    binary::Server,
    harness::{Answer, App, lock},
    receiver::{Manner, Receiver},
    wire::{Wire, api_request},
};

/// The only attempt that was made, as the log has it.
async fn attempt(app: &App, webhook: &Value) -> Value {
    let logged = tried(app, webhook, 1).await;
    let whole = app.get(&format!("/deliveries/{}", logged["id"].as_str().expect("an id"))).await.is(200);
    assert_eq!(whole["tries"].as_array().map(Vec::len), Some(1), "{whole}");
    whole["tries"][0].clone()
}

#[tokio::test]
async fn whatever_a_receiver_does_is_in_the_log() {
    const PROMPT: [(&str, &str); 4] =
        [HERE[0], HERE[1], ("outbound.timeout_ms", "500"), ("outbound.connect_timeout_ms", "500")];
    const LONG: u64 = 100 << 20;
    let app = App::with(&PROMPT).await;
    for (manner, status, failure, detail) in [
        (Manner::Says(302, "Location: http://127.0.0.1:9/\r\n", "elsewhere"), Some(302), None, None),
        (Manner::Floods(LONG), Some(200), None, None),
        (Manner::Hangs, None, Some("reset"), None),
        (Manner::Resets, None, Some("reset"), None),
        (Manner::Stalls, None, Some("timed_out"), Some("answering")),
        (Manner::Drips, None, Some("timed_out"), Some("answering")),
        (Manner::Raw("SSH-2.0-OpenSSH_9.9\r\n\r\n"), None, Some("not_http"), None),
    ] {
        let said = format!("{manner:?}");
        let is_flood = matches!(manner, Manner::Floods(_));
        let mut receiver = Receiver::that(move |_| manner.clone()).await;
        let webhook = subscribe(&app, &receiver, json!({})).await;
        app.link(json!({"url": "https://example.com/"})).await;
        receiver.next().await;
        let attempt = attempt(&app, &webhook).await;
        assert_eq!(
            (&attempt["response_status"], &attempt["failure"]["code"]),
            (&json!(status), &json!(failure)),
            "{said}"
        );
        assert_eq!(attempt["failure"]["detail"], json!(detail), "{said}");
        if is_flood {
            assert_eq!(attempt["response_body"].as_str().map(str::len), Some(4096), "as much as is kept");
        }
        app.delete(&path(&webhook, "")).await.is(204);
        assert!(!receiver.has_more(), "{said}: a redirect is not followed, and nothing is sent twice");
    }
}

#[tokio::test]
async fn an_address_that_may_not_be_called_any_more_fails_at_delivery() {
    let mut app = App::with(&HERE).await;
    let receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    app.restart_with(&[("outbound.allow_networks", "10.0.0.0/8")]).await;
    new_link(&app, "spring").await;
    let attempt = attempt(&app, &webhook).await;
    assert_eq!((&attempt["failure"]["code"], &attempt["failure"]["detail"]), (&json!("refused_address"), &Value::Null));
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn the_log_says_that_nobody_listens_and_that_only_the_s_is_missing() {
    let mut app = App::with(&[("outbound.allow_networks", "127.0.0.0/8,192.0.2.0/24"), HERE[1]]).await;
    let gone = Receiver::start().await;
    let nobody = subscribe(&app, &gone, json!({})).await;
    drop(gone);
    let receiver = Receiver::start().await;
    let plain =
        subscribe(&app, &receiver, json!({"url": "http://hooks.example.com/hook", "events": ["link.deleted"]})).await;
    new_link(&app, "spring").await;
    let failure = attempt(&app, &nobody).await["failure"].clone();
    assert_eq!((&failure["code"], &failure["detail"]), (&json!("connect_failed"), &json!("refused")));
    assert!(failure["message"].as_str().is_some_and(|message| message.contains("nothing listens")), "{failure}");

    app.restart_with(&[("outbound.allow_networks", "")]).await;
    app.post(&path(&plain, "/test"), json!({})).await.is(202);
    let failure = attempt(&app, &plain).await["failure"].clone();
    assert_eq!((&failure["code"], &failure["detail"]), (&json!("refused_address"), &json!("not_https")));
    assert!(failure["message"].as_str().is_some_and(|message| message.contains("needs https://")), "{failure}");
}

#[tokio::test]
async fn nothing_is_half_written_while_the_outbox_is_away() {
    let app = App::with(&[HERE[0], HERE[1], ("database.timeout_ms", "300")]).await;
    let mut receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    let locked = lock(&app);
    for (method, path, body) in [
        (Method::POST, "/links".to_owned(), json!({"url": "https://example.com/", "slug": "spring"})),
        (Method::POST, "/webhooks".to_owned(), json!({"url": receiver.url, "events": ["link.created"]})),
        (Method::POST, path(&webhook, "/test"), json!({})),
        (Method::POST, path(&webhook, "/rotate-secret"), json!({})),
    ] {
        assert_eq!(Answer::of(app.api(method, &path).json(&body)).await.error(503), "unavailable", "{path}");
    }
    drop(locked);
    assert_eq!(app.get("/links").await.is(200)["data"], json!([]));
    assert_eq!(app.get("/webhooks").await.is(200)["data"], json!([webhook]));
    new_link(&app, "summer").await;
    assert_eq!(receiver.next().await.json()["data"]["slug"], "summer");
    assert!(!receiver.has_more(), "of what was refused nothing is told");
}

#[tokio::test]
async fn the_log_is_kept_as_long_as_the_setting_says() {
    const DAY: u64 = 86_400;
    let mut app = App::with(&[HERE[0], HERE[1], ("webhooks.retention_days", "3")]).await;
    let mut receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    let log = path(&webhook, "/deliveries");
    let told = async |app: &App| {
        let log = app.get(&log).await.is(200);
        log["data"].as_array().expect("a list").iter().map(|told| told["created_at"].to_string()).collect::<Vec<_>>()
    };
    for slug in ["first", "second"] {
        new_link(&app, slug).await;
        receiver.next().await;
        tried(&app, &webhook, 1).await;
        app.wait(2 * DAY);
    }
    assert_eq!(told(&app).await.len(), 2);
    // What is old is looked for when a server starts, and each minute after that.
    app.restart().await;
    until("the older one is forgotten", async || told(&app).await == ["\"2026-03-26T14:00:14Z\""]).await;
}

/// A request to a server that is a process of its own.
fn ask(server: &Server, key: &str, path: &str, body: &Value) -> Value {
    let request = api_request("POST", path, key, "", &body.to_string());
    let reply = Wire::open(server.address()).expect("a connection").ask(&request).expect("an answer");
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

/// The lines of a server's metrics, at the address that it says.
fn metrics(server: &Server) -> String {
    let address = loop {
        let said = server.said();
        let found = said.lines().find_map(|line| line.split_once("metrics at /metrics address=")?.1.split(' ').next());
        if let Some(address) = found {
            break address.trim().parse().expect("an address");
        }
        std::thread::yield_now();
    };
    let mut wire = Wire::open(address).expect("a connection");
    let reply = wire.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("an answer");
    String::from_utf8(reply.body).expect("text")
}

#[test]
fn what_waits_is_a_metric() {
    let mut server = Server::start(&[HERE[0], ("metrics.listen", "127.0.0.1:0")]);
    let key = server.first_key().expect("a key");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let mut receiver = runtime.block_on(Receiver::that(|_| Manner::Says(503, "Retry-After: 3600\r\n", "")));
    ask(&server, &key, "/webhooks", &json!({"url": receiver.url, "events": ["link.created"]}));
    for slug in ["spring", "summer"] {
        ask(&server, &key, "/links", &json!({"url": "https://example.com/", "slug": slug}));
        runtime.block_on(receiver.next());
    }
    // They are counted when a server starts, and now and then after that.
    server.terminate();
    let server = server.again();
    while !metrics(&server).lines().any(|line| line == "mask_webhook_pending 2") {
        std::thread::yield_now();
    }
}

/// What was being attempted when a server was told to end is due again at once: its claim is given back, and would otherwise
/// last for longer than this test has patience.
#[test]
fn a_server_that_is_told_to_end_gives_back_what_it_attempts() {
    let mut server = Server::start(&[HERE[0]]);
    let key = server.first_key().expect("a key");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let manner = |before| if before == 0 { Manner::Stalls } else { Manner::Status(204) };
    let mut receiver = runtime.block_on(Receiver::that(manner));
    let hook = ask(&server, &key, "/webhooks", &json!({"url": receiver.url, "events": ["link.created"]}));
    ask(&server, &key, "/links", &json!({"url": "https://example.com/", "slug": "spring"}));
    let first = runtime.block_on(receiver.next());
    server.terminate();
    let server = server.again();
    let second = runtime.block_on(receiver.next());
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    let log = api_request("GET", &format!("{}?status=succeeded", path(&hook, "/deliveries")), &key, "", "");
    let noted = async || {
        let page = Wire::open(server.address()).expect("a connection").ask(&log).expect("an answer").json();
        page["data"][0]["attempts"] == 1
    };
    runtime.block_on(until("the attempt that was not broken off is noted, and no other", noted));
}
