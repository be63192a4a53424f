//! Webhooks as the API shows and takes them. What is delivered is in `deliveries`.

use std::net::ToSocketAddrs as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App};

const URL: &str = "https://example.com/hooks/mask";
/// An endpoint on this machine to which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/hook";
const HERE: [(&str, &str); 2] = [("outbound.allow_networks", "127.0.0.0/8"), ("limits.requests_per_minute", "0")];
const DAY: u64 = 86_400;

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().expect("an id"))
}

async fn subscribe(app: &App, more: Value) -> Value {
    let mut wanted =
        json!({"url": URL, "events": ["link.created"], "secret": "a secret of 16+".replace(' ', "-") + "!"});
    wanted.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.post("/webhooks", wanted).await.is(201)
}

#[tokio::test]
async fn the_least_that_makes_a_webhook() {
    let app = App::start().await;
    let answer = app.post("/webhooks", json!({"url": URL, "events": ["link.clicked"]})).await;
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let mut made = answer.is(201);
    assert_eq!((location, etag.as_str()), (format!("/api/v1{}", path(&made)), "\"1.0\""));
    let secret = made.as_object_mut().expect("an object").shift_remove("secret").expect("it was made by the server");
    let secret = secret.as_str().expect("text");
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    let expected = json!({
        "id": made["id"], "url": URL, "events": ["link.clicked"], "active": true, "created_at": "2026-03-24T14:00:14Z",
        "updated_at": "2026-03-24T14:00:14Z", "description": null, "link_ids": [], "tags": [], "domains": [],
        "include_bots": false, "headers": {}, "max_per_second": null, "version": 1, "inactive_reason": null,
        "failing_since": null, "previous_secret_expires_at": null,
    });
    assert_eq!(made, expected);
    let read = app.get(&path(&made)).await;
    assert_eq!(read.header("etag"), etag);
    assert!(!read.text.contains(secret), "it is shown once");
    assert_eq!(read.is(200), made);
}

async fn full(app: App) {
    let wanted = json!({
        "url": "https://example.com:8443/hook?a=b", "events": ["qr.scanned", "link.created", "qr.scanned"],
        "secret": "a-secret-of-our-own-choosing", "link_ids": ["lnk_01kcd3vyk5f8r9v3k2m4n6p8qa"], "tags": [" spring ", "spring"],
        "domains": ["LOCALHOST"], "include_bots": true, "headers": {"Authorization": "Bearer sesame", "X-Team": "links"},
        "max_per_second": 5, "version": 1, "description": "To the \"CRM\"", "active": false,
    });
    let answer = app.post("/webhooks", wanted).await;
    assert!(!answer.text.contains("choosing") && !answer.text.contains("sesame"), "{}", answer.text);
    let made = answer.is(201);
    assert_eq!(made.get("secret"), None, "a secret that was given is never echoed");
    for (member, expected) in [
        ("url", json!("https://example.com:8443/hook?a=b")),
        ("events", json!(["link.created", "qr.scanned"])),
        ("link_ids", json!(["lnk_01kcd3vyk5f8r9v3k2m4n6p8qa"])),
        ("tags", json!(["spring"])),
        ("domains", json!(["localhost"])),
        ("include_bots", json!(true)),
        ("headers", json!({"authorization": "***", "x-team": "***"})),
        ("max_per_second", json!(5)),
        ("version", json!(1)),
        ("description", json!("To the \"CRM\"")),
        ("active", json!(false)),
    ] {
        assert_eq!(made[member], expected, "{member}");
    }
    assert_eq!(app.get(&path(&made)).await.is(200), made);
    assert_eq!(app.get("/webhooks").await.is(200)["data"], json!([made]));
}

#[tokio::test]
async fn everything_that_a_webhook_can_have() {
    full(App::start().await).await;
}

#[tokio::test]
async fn everything_that_a_webhook_can_have_on_postgres() {
    full(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn nothing_secret_lies_in_the_database() {
    let app = App::start().await;
    let request = app.api(Method::POST, "/webhooks").header("idempotency-key", "once");
    let made = Answer::of(request.json(&json!({
        "url": URL, "events": ["link.created"], "headers": {"authorization": "Bearer sesame"},
    })))
    .await
    .is(201);
    let secret = made["secret"].as_str().expect("it was made").to_owned();
    let key = std::fs::read_to_string(app.data().join("secret.key")).expect("a key");
    for entry in std::fs::read_dir(app.data()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() && !path.ends_with("secret.key") {
            let bytes = std::fs::read(&path).expect("bytes");
            for text in [secret.as_bytes(), b"sesame", key.trim().as_bytes()] {
                assert!(!bytes.windows(text.len()).any(|window| window == text), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_leads_inward_is_refused_when_it_is_given() {
    // This machine's own name, where it has one that leads to it. Names of one label are only taken where a network is opened.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if (name.trim(), 0).to_socket_addrs().map_or(0, Iterator::count) == 0 {
        println!("skipped: this machine does not know itself; `outbound::tests::names` stands in for it");
        return;
    }
    let app = App::with(&[("outbound.allow_networks", "192.0.2.0/24")]).await;
    let inward = json!({"url": format!("https://{}/hook", name.trim())});
    let refused = app.post("/webhooks", json!({"url": inward["url"], "events": ["link.created"]})).await;
    assert_eq!((refused.error(422).as_str(), refused.fields()), ("validation_error", vec!["url".to_owned()]));
    assert!(refused.text.contains("this name leads to another"), "{}", refused.text);
    let webhook = subscribe(&app, json!({"url": "https://192.0.2.1/hook"})).await;
    let refused = app.patch(&path(&webhook), inward).await;
    assert_eq!((refused.error(422).as_str(), refused.fields()), ("validation_error", vec!["url".to_owned()]));
    assert_eq!(app.get(&path(&webhook)).await.is(200)["url"], webhook["url"]);
}

#[tokio::test]
async fn faults_are_told_by_field_and_all_at_once() {
    let app = App::start().await;
    let many_headers = json!((0..21).map(|n| (format!("x-{n}"), json!("v"))).collect::<serde_json::Map<_, _>>());
    let large_headers = json!({"x-a": "v".repeat(4000), "x-b": "v".repeat(4000), "x-c": "v".repeat(500)});
    let https = "Must be a valid URL starting with https://";
    for (member, value, field, message) in [
        ("url", json!("http://example.com"), "url", https),
        ("url", json!("ftp://example.com"), "url", https),
        ("url", json!("nonsense"), "url", https),
        ("url", json!(""), "url", https),
        ("url", json!(5), "url", "Must be a string"),
        ("url", json!("https://user:pass@example.com"), "url", "user name"),
        ("url", json!("https://127.0.0.1/x"), "url", "the server itself"),
        ("url", json!("https://[::1]/x"), "url", "the server itself"),
        ("url", json!("https://10.0.0.1/x"), "url", "a private network"),
        ("url", json!("https://169.254.169.254/latest"), "url", "cloud metadata"),
        ("url", json!("https://0x7f.1/"), "url", "as it is usually written"),
        ("url", json!("https://2130706433/"), "url", "as it is usually written"),
        ("url", json!("https://localhost/x"), "url", ""),
        ("url", json!("https://db.internal/"), "url", "public internet"),
        ("events", json!([]), "events", "at least one"),
        ("events", json!(["link.flown"]), "events[0]", "Unknown event"),
        ("events", json!(["link.created", 5]), "events[1]", "Must be a string"),
        ("events", json!("link.created"), "events", "Must be a list"),
        ("secret", json!("0123456789abcde"), "secret", "16 to 256"),
        ("secret", json!("x".repeat(257)), "secret", "16 to 256"),
        ("secret", json!("with space in the middle"), "secret", "16 to 256"),
        ("secret", json!("whsec_AAAAAAAAAAAA"), "secret", "at least 16 bytes"),
        ("secret", json!("whsec_AAAAAAAAAAAAAAAAAAAAAB=="), "secret", "receivers read differently"),
        ("link_ids", json!(["lnk_x"]), "link_ids[0]", "lnk_"),
        ("link_ids", json!(["qr_01kcd3vyk5f8r9v3k2m4n6p8qa"]), "link_ids[0]", "lnk_"),
        ("link_ids", json!(vec!["lnk_01kcd3vyk5f8r9v3k2m4n6p8qa"; 101]), "link_ids", "at most 100"),
        ("tags", json!(["", "ok"]), "tags[0]", "between 1 and 50"),
        ("domains", json!(["example.com"]), "domains[0]", "Must be a domain of this workspace"),
        ("include_bots", json!("yes"), "include_bots", "Must be true or false"),
        ("headers", json!(["x: y"]), "headers", "Must be an object"),
        ("headers", json!({"X-A": 5}), "headers.X-A", "Must be a string"),
        ("headers", json!({"X-A": "a\r\nHost: b"}), "headers.X-A", ""),
        ("headers", json!({"Host": "b"}), "headers.Host", ""),
        ("headers", json!({"Content-Length": "1"}), "headers.Content-Length", ""),
        ("headers", json!({"Connection": "close"}), "headers.Connection", ""),
        ("headers", json!({"Transfer-Encoding": "chunked"}), "headers.Transfer-Encoding", ""),
        ("headers", json!({"X-Mask-Payload-Version": "9"}), "headers.X-Mask-Payload-Version", ""),
        ("headers", json!({"X-Mask-Signature": "x"}), "headers.X-Mask-Signature", ""),
        ("headers", json!({"webhook-id": "x"}), "headers.webhook-id", ""),
        ("headers", json!({"X A": "x"}), "headers.X A", ""),
        ("headers", json!({"x-a": "***"}), "headers.x-a", "the value itself"),
        ("headers", json!({"x-a": "1", "X-A": "2"}), "headers.x-a", "once"),
        ("headers", many_headers, "headers", "at most 20"),
        ("headers", large_headers, "headers", "at most 8192 bytes"),
        ("max_per_second", json!(0), "max_per_second", "from 1 to 1000"),
        ("max_per_second", json!(1001), "max_per_second", "from 1 to 1000"),
        ("version", json!(0), "version", "Unknown version 0; the versions are 1"),
        ("version", json!(2), "version", "Unknown version 2; the versions are 1"),
        ("version", json!("1"), "version", "Must be a whole number"),
        ("description", json!("x".repeat(501)), "description", "at most 500"),
        ("description", json!("a\u{0}b"), "description", "control characters"),
        ("active", json!(1), "active", "Must be true or false"),
        ("actve", json!(true), "actve", "Unknown field"),
    ] {
        let mut body = json!({"url": URL, "events": ["link.created"]});
        body[member] = value.clone();
        let answer = app.post("/webhooks", body).await;
        assert_eq!(answer.error(422), "validation_error", "{member} {value}");
        assert_eq!(answer.fields(), [field], "{value}: {}", answer.text);
        let told = answer.json()["error"]["details"][0]["message"].as_str().expect("text").to_owned();
        assert!(told.contains(message), "{member} {value}: {told}");
    }
    let all = json!({"url": "x", "events": [], "secret": "x", "max_per_second": 0, "headers": {"Host": "x"}, "no": 1});
    let answer = app.post("/webhooks", all).await;
    assert_eq!(answer.fields(), ["url", "events", "headers.Host", "max_per_second", "secret", "no"]);
    for body in [json!({}), json!({"url": null, "events": null})] {
        let answer = app.post("/webhooks", body).await;
        assert_eq!(
            (answer.error(400), answer.fields()),
            ("bad_request".to_owned(), vec!["url".into(), "events".into()])
        );
    }
    assert_eq!(app.get("/webhooks").await.is(200)["data"], json!([]));
}

#[tokio::test]
async fn changes_merge() {
    let app = App::start().await;
    let made = subscribe(&app, json!({"headers": {"X-A": "1", "X-B": "2"}, "tags": ["a"], "max_per_second": 5})).await;
    let path = path(&made);
    let patch = async |body: Value| app.patch(&path, body).await.is(200);
    let same = patch(json!({})).await;
    assert_eq!(same, made);
    let changed = patch(json!({"headers": {"x-b": null, "X-C": "3"}, "tags": null, "max_per_second": null})).await;
    assert_eq!(changed["headers"], json!({"x-a": "***", "x-c": "***"}));
    assert_eq!((&changed["tags"], &changed["max_per_second"]), (&json!([]), &Value::Null));
    assert_eq!((&changed["url"], &changed["events"]), (&made["url"], &made["events"]));
    assert_eq!(patch(json!({"headers": null})).await["headers"], json!({}));
    let moved = patch(json!({"url": "https://example.com/2", "events": ["link.deleted"], "active": false})).await;
    assert_eq!((&moved["url"], &moved["active"]), (&json!("https://example.com/2"), &json!(false)));
    assert_eq!(patch(json!({"active": null})).await["active"], true, "null is what it was at first");
    for (body, field) in [
        (json!({"url": null}), "url"),
        (json!({"events": null}), "events"),
        (json!({"events": []}), "events"),
        (json!({"url": "https://10.0.0.1"}), "url"),
        (json!({"secret": "a-secret-of-our-own-choosing"}), "secret"),
        (json!({"id": "x"}), "id"),
    ] {
        let answer = app.patch(&path, body).await;
        assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec![field.to_owned()]));
    }
    let many = (0..15).map(|n| (format!("x-{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    app.patch(&path, json!({"headers": many})).await.is(200);
    let more = (15..21).map(|n| (format!("x-{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    let answer = app.patch(&path, json!({"headers": more})).await;
    assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec!["headers".to_owned()]));
    assert_eq!(app.patch("/webhooks/wh_x", json!({})).await.error(404), "not_found");
}

#[tokio::test]
async fn versions_keep_writers_from_each_other() {
    let app = App::start().await;
    let path = path(&subscribe(&app, json!({})).await);
    let with = |method: Method, name: &'static str, tag: &str| app.api(method, &path).header(name, tag.to_owned());
    let first = app.get(&path).await.header("etag").to_owned();
    assert_eq!(Answer::of(with(Method::GET, "if-none-match", &first)).await.status, 304);
    let changed = Answer::of(with(Method::PATCH, "if-match", &first).json(&json!({"description": "x"}))).await;
    let second = changed.header("etag").to_owned();
    assert_eq!((changed.status, second.as_str()), (200, "\"2.0\""));
    let stale = Answer::of(with(Method::PATCH, "if-match", &first).json(&json!({"description": "y"}))).await;
    assert_eq!(stale.error(412), "precondition_failed");
    assert_eq!(Answer::of(with(Method::DELETE, "if-match", &first)).await.error(412), "precondition_failed");
    app.post(&format!("{path}/rotate-secret"), json!({})).await.is(200);
    let third = app.get(&path).await.header("etag").to_owned();
    assert_eq!(third, "\"3.1\"", "that the secret before signs still is to be seen");
    app.wait(DAY);
    assert_eq!(app.get(&path).await.header("etag"), "\"3.0\"");
    assert_eq!(Answer::of(with(Method::DELETE, "if-match", &third)).await.status, 204);
    assert_eq!(app.get(&path).await.error(404), "not_found");
    assert_eq!(app.delete(&path).await.error(404), "not_found");
}

#[tokio::test]
async fn a_secret_is_made_once_however_often_it_is_asked_for() {
    let app = App::start().await;
    let create = || {
        let body = json!({"url": URL, "events": ["link.created"]});
        Answer::of(app.api(Method::POST, "/webhooks").header("idempotency-key", "k").json(&body))
    };
    let (first, again) = (create().await, create().await);
    assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text), "byte for byte");
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    for name in ["etag", "location", "content-type"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    let webhook = first.is(201);
    assert_eq!(app.get("/webhooks").await.is(200)["data"].as_array().map(Vec::len), Some(1));

    let rotate = |path: String, key: &'static str| {
        let request = app.api(Method::POST, &format!("{path}/rotate-secret")).header("idempotency-key", key);
        Answer::of(request.json(&json!({})))
    };
    let (first, again) = (rotate(path(&webhook), "r").await, rotate(path(&webhook), "r").await);
    assert_eq!((first.status, &first.text), (200, &again.text));
    let rotated = first.is(200);
    assert_ne!(rotated["secret"], webhook["secret"]);
    assert_eq!(rotated["previous_secret_expires_at"], "2026-03-25T14:00:14Z");
    assert_eq!(app.get(&path(&webhook)).await.header("etag"), "\"2.1\"", "it was changed once");
    let other = subscribe(&app, json!({})).await;
    let other = rotate(path(&other), "r").await;
    assert_eq!(other.header("idempotent-replayed"), "", "the same word for another webhook is another word");
}

#[tokio::test]
async fn a_secret_is_changed() {
    let app = App::start().await;
    let webhook = subscribe(&app, json!({"headers": {"x-a": "1"}})).await;
    let rotate = format!("{}/rotate-secret", path(&webhook));
    let given = app.post(&rotate, json!({"secret": "another-secret-of-ours"})).await;
    assert!(!given.text.contains("another-secret"), "{}", given.text);
    let given = given.is(200);
    assert_eq!((given.get("secret"), &given["headers"]), (None, &json!({"x-a": "***"})));
    // Without a body too.
    let bare = Answer::of(app.api(Method::POST, &rotate)).await.is(200);
    assert!(bare["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{bare}");
    app.wait(DAY);
    assert_eq!(app.get(&path(&webhook)).await.is(200)["previous_secret_expires_at"], Value::Null);
    for body in [json!({"secret": "short"}), json!({"secrt": "x"})] {
        assert_eq!(app.post(&rotate, body).await.error(422), "validation_error");
    }
    assert_eq!(app.post("/webhooks/wh_x/rotate-secret", json!({})).await.error(404), "not_found");
}

#[tokio::test]
async fn a_test_event_is_one_that_is_subscribed_to() {
    let app = App::with(&HERE).await;
    let webhook = subscribe(&app, json!({"url": NOBODY, "events": ["link.updated", "link.clicked"]})).await;
    let test = format!("{}/test", path(&webhook));
    let sent = Answer::of(app.api(Method::POST, &test)).await;
    let request = sent.header("x-request-id").to_owned();
    let sent = sent.is(202);
    assert_eq!(sent["event"], "link.clicked", "the first, in the order in which they are shown");
    let delivery = app.get(&format!("/deliveries/{}", sent["delivery_id"].as_str().expect("an id"))).await.is(200);
    assert_eq!((&delivery["event_id"], &delivery["webhook_id"]), (&sent["event_id"], &webhook["id"]));
    assert_eq!(delivery["request_id"], request);
    let body: Value = serde_json::from_str(delivery["request_body"].as_str().expect("text")).expect("JSON");
    assert_eq!((&body["id"], &body["type"]), (&sent["event_id"], &json!("link.clicked")));
    assert_eq!((&body["data"]["test"], &body["data"]["country"]), (&json!(true), &json!("US")));
    let chosen = app.post(&test, json!({"event": "link.updated"})).await.is(202);
    assert_eq!(chosen["event"], "link.updated");
    for body in [json!({"event": "link.created"}), json!({"event": "x"}), json!({"event": null}), json!({"event": 5})] {
        let answer = app.post(&test, body).await;
        assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec!["event".to_owned()]));
    }
    app.patch(&path(&webhook), json!({"active": false})).await.is(200);
    assert_eq!(app.post(&test, json!({})).await.error(409), "conflict");
    let wrong = app.api(Method::POST, &test).header("content-type", "text/plain").body("x");
    assert_eq!(Answer::of(wrong).await.error(415), "unsupported_media_type");
}

#[tokio::test]
async fn the_log_is_read_in_pages_and_by_filters() {
    let app = App::with(&HERE).await;
    let webhook =
        subscribe(&app, json!({"url": NOBODY, "events": ["link.created", "link.deleted"], "active": true})).await;
    let log = format!("{}/deliveries", path(&webhook));
    for n in 0..3 {
        app.link(json!({"url": "https://example.com", "slug": format!("slug-{n}")})).await;
        app.wait(1);
    }
    let link = app.get("/links/lookup?slug=slug-0").await.is(200);
    app.delete(&format!("/links/{}", link["id"].as_str().expect("an id"))).await.is(204);
    let count = async |query: &str| app.get(&format!("{log}?{query}")).await.is(200)["data"].as_array().map(Vec::len);
    for (query, expected) in [
        ("", 4),
        ("event=link.deleted", 1),
        ("event=link.clicked", 0),
        ("status=succeeded", 0),
        ("since=2026-03-24T14:00:15Z", 3),
        ("until=2026-03-24T14:00:15Z", 1),
        ("since=2026-03-24T14:00:15Z&event=link.created", 2),
        ("limit=3", 3),
    ] {
        assert_eq!(count(query).await, Some(expected), "{query}");
    }
    let first = app.get(&format!("{log}?limit=3")).await.is(200);
    assert_eq!(first["data"][0]["event"], "link.deleted", "newest first");
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let last = app.get(&format!("{log}?limit=3&cursor={cursor}")).await.is(200);
    assert_eq!((last["data"].as_array().map(Vec::len), &last["pagination"]["has_more"]), (Some(1), &json!(false)));
    for (query, field) in [
        ("status=done", "status"),
        ("event=x", "event"),
        ("since=yesterday", "since"),
        ("cursor=eyJpZCI6ImxuayJ9", "cursor"),
        ("state=failed", "state"),
    ] {
        let answer = app.get(&format!("{log}?{query}")).await;
        assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec![field.to_owned()]));
    }
    assert_eq!(app.get("/webhooks/wh_x/deliveries").await.error(404), "not_found");
    for id in ["dlv_x", "dlv_01kcd3vyk5f8r9v3k2m4n6p8qa"] {
        assert_eq!(app.get(&format!("/deliveries/{id}")).await.error(404), "not_found");
        assert_eq!(app.post(&format!("/deliveries/{id}/replay"), json!({})).await.error(404), "not_found");
    }
}

#[tokio::test]
async fn what_failed_is_asked_for_again() {
    let app = App::with(&HERE).await;
    let webhook = subscribe(&app, json!({})).await;
    let replay = format!("{}/replay", path(&webhook));
    assert_eq!(app.post(&replay, json!({"since": "2026-03-24T14:00:00Z"})).await.is(202), json!({"replayed": 0}));
    assert_eq!(app.post(&replay, json!({})).await.error(400), "bad_request");
    for body in [json!({"since": "x"}), json!({"since": "2026-03-24T14:00:00Z", "until": "x"})] {
        assert_eq!(app.post(&replay, body).await.error(422), "validation_error");
    }
    assert_eq!(
        app.post("/webhooks/wh_x/replay", json!({"since": "2026-03-24T14:00:00Z"})).await.error(404),
        "not_found"
    );
}

#[tokio::test]
async fn nothing_is_replayed_to_a_webhook_that_is_switched_off() {
    let app = App::with(&HERE).await;
    let webhook = subscribe(&app, json!({"url": NOBODY})).await;
    app.link(json!({"url": "https://example.com"})).await;
    let logged = app.get(&format!("{}/deliveries", path(&webhook))).await.is(200);
    let one = format!("/deliveries/{}/replay", logged["data"][0]["id"].as_str().expect("an id"));
    let (all, since) = (format!("{}/replay", path(&webhook)), json!({"since": "2026-03-24T14:00:00Z"}));
    app.patch(&path(&webhook), json!({"active": false})).await.is(200);
    let test = app.post(&format!("{}/test", path(&webhook)), json!({})).await;
    for answer in [app.post(&one, json!({})).await, app.post(&all, since.clone()).await] {
        assert_eq!(answer.json()["error"]["message"], test.json()["error"]["message"], "it is the same trouble");
        assert_eq!(answer.error(409), "conflict");
    }
    app.patch(&path(&webhook), json!({"active": true})).await.is(200);
    app.post(&one, json!({})).await.is(202);
    app.post(&all, since).await.is(202);
}

#[tokio::test]
async fn a_server_with_another_key_does_not_start() {
    let mut app = App::start().await;
    subscribe(&app, json!({})).await;
    app.stop().await;
    std::fs::remove_file(app.data().join("secret.key")).expect("lost");
    let flags = [("server.listen", "127.0.0.1:0".to_owned()), ("storage.data_dir", app.data().display().to_string())];
    let config = mask::config::Config::load(None, [], &flags).expect("settings");
    let clock = app.clock.clone();
    let started =
        tokio::task::spawn_blocking(move || mask::run::start(&config, &clock).map(drop)).await.expect("tried");
    let why = started.expect_err("another key").to_string();
    assert!(why.contains("sealed with another key") && why.contains("secret.key"), "{why}");
}

#[tokio::test]
async fn a_version_stays_until_it_is_changed() {
    let app = App::start().await;
    let newest = subscribe(&app, json!({})).await;
    let asked = subscribe(&app, json!({"version": 1})).await;
    let cleared = subscribe(&app, json!({"version": null})).await;
    for webhook in [&newest, &asked, &cleared] {
        assert_eq!(webhook["version"], 1);
        let renamed = app.patch(&path(webhook), json!({"description": "x"})).await.is(200);
        assert_eq!(renamed["version"], 1);
        assert_eq!(app.patch(&path(webhook), json!({"version": 1})).await.is(200), renamed);
        let refused = app.patch(&path(webhook), json!({"version": 2})).await;
        assert_eq!((refused.error(422).as_str(), refused.fields()), ("validation_error", vec!["version".to_owned()]));
    }
    let listener = app.post("/webhooks/listeners", json!({"events": ["link.created"], "version": 1})).await.is(201);
    assert_eq!(listener["version"], 1);
    let refused = app.post("/webhooks/listeners", json!({"events": ["link.created"], "version": 2})).await;
    assert_eq!((refused.error(422).as_str(), refused.fields()), ("validation_error", vec!["version".to_owned()]));
}
