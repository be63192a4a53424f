//! Deliveries: what happens is told to who subscribed, signed, at least once, whatever the receiver does.

mod fairness;
mod switched_off;
mod told;
mod trouble;

use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    harness::App,
    receiver::{Manner, Received, Receiver},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Receivers are on this machine.
const HERE: [(&str, &str); 2] = [("outbound.allow_networks", "127.0.0.0/8"), ("limits.requests_per_minute", "0")];
const DAY: u64 = 86_400;
const PATIENCE: Duration = Duration::from_secs(20);

async fn subscribe(app: &App, receiver: &Receiver, more: Value) -> Value {
    let mut wanted = json!({"url": receiver.url, "events": ["link.created"], "secret": SECRET});
    wanted.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.post("/webhooks", wanted).await.is(201)
}

fn path(webhook: &Value, rest: &str) -> String {
    format!("/webhooks/{}{rest}", webhook["id"].as_str().expect("an id"))
}

async fn new_link(app: &App, slug: &str) -> Value {
    app.link(json!({"url": "https://example.com/", "slug": slug})).await
}

/// Asks until the answer is yes; each question is a request, so there is no need to wait in between.
async fn until<F: AsyncFn() -> bool>(what: &str, is_so: F) {
    let asking = async { while !is_so().await {} };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

/// The newest delivery, once it has been tried so often.
async fn tried(app: &App, webhook: &Value, attempts: u64) -> Value {
    let path = path(webhook, "/deliveries");
    until(&format!("there were {attempts} attempts"), async || {
        app.get(&path).await.is(200)["data"][0]["attempts"] == attempts
    })
    .await;
    app.get(&path).await.is(200)["data"][0].clone()
}

fn hex_hmac(key: &[u8], message: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key").chain_update(message).finalize().into_bytes();
    mac.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn standard_signature(received: &Received) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    let key = engine.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let signed = format!("{}.{}.", received.header("webhook-id"), received.header("webhook-timestamp"));
    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key").chain_update(signed).chain_update(&received.body);
    format!("v1,{}", engine.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_change_is_told_as_the_api_shows_it() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let events = json!(["link.created", "link.updated", "link.deleted"]);
    let webhook = subscribe(&app, &receiver, json!({"events": events, "headers": {"X-Own": "yes"}})).await;
    let made = app.post("/links", json!({"url": "https://example.com/", "slug": "spring"})).await;
    let request = made.header("x-request-id").to_owned();
    let link = made.is(201);

    let told = receiver.next().await;
    assert_eq!(told.line, "POST /hook HTTP/1.1");
    let body = told.json();
    assert_eq!((&body["type"], &body["data"]), (&json!("link.created"), &link));
    assert_eq!(body["timestamp"], link["created_at"]);
    assert_eq!(body["id"], told.header("webhook-id"));
    assert_eq!((told.header("x-mask-event"), told.header("x-own")), ("link.created", "yes"));
    assert_eq!((told.header("x-mask-payload-version"), &webhook["version"]), ("1", &json!(1)));
    assert_eq!(told.header("x-mask-request-id"), request);
    assert_eq!(told.header("x-mask-signature"), hex_hmac(SECRET.as_bytes(), &told.body));
    assert_eq!(told.header("webhook-signature"), standard_signature(&told));

    let id = link["id"].as_str().expect("an id");
    let changed = app.patch(&format!("/links/{id}"), json!({"title": "Spring"})).await.is(200);
    let told = receiver.next().await.json();
    assert_eq!((&told["type"], &told["data"]), (&json!("link.updated"), &changed));
    let deleted = app.delete(&format!("/links/{id}")).await;
    let request = deleted.header("x-request-id").to_owned();
    deleted.is(204);
    let told = receiver.next().await;
    assert_eq!(told.header("x-mask-request-id"), request);
    let told = told.json();
    assert_eq!((&told["type"], &told["data"]), (&json!("link.deleted"), &changed));

    let logged = tried(&app, &webhook, 1).await;
    assert_eq!((&logged["status"], &logged["event"]), (&json!("succeeded"), &json!("link.deleted")));
    assert_eq!((&logged["version"], &logged["request_id"]), (&json!(1), &json!(request)));
    assert!(!receiver.has_more(), "each was told once");
}

#[tokio::test]
async fn a_click_is_told_once_it_is_counted() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    subscribe(&app, &receiver, json!({"events": ["link.clicked"]})).await;
    let link = new_link(&app, "spring").await;
    app.visit("/spring").header("referer", "https://t.co/x").send().await.expect("a redirect");
    let told = receiver.next().await.json();
    let data = &told["data"];
    assert_eq!(told["type"], "link.clicked");
    assert_eq!((&data["link_id"], &data["slug"], &data["url"]), (&link["id"], &link["slug"], &link["url"]));
    assert_eq!((&data["short_url"], &data["referrer"]), (&link["short_url"], &json!("x.com")));
    assert_eq!((&data["country"], &data["device"]), (&json!("unknown"), &json!("desktop")));
    assert_eq!((&data["browser"], &data["os"]), (&json!("Chrome"), &json!("Windows")));
    assert_eq!((&data["is_unique"], &data["is_bot"]), (&json!(true), &json!(false)));

    // The same visitor again, and a program: the one is told and is no first, the other is not.
    app.client.get(format!("{}/spring", app.base)).header("user-agent", "curl/8.0").send().await.expect("a redirect");
    app.visit("/spring").send().await.expect("a redirect");
    let told = receiver.next().await.json();
    assert_eq!((&told["data"]["is_unique"], &told["data"]["bot"]), (&json!(false), &json!("person")));
    app.settle().await;
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn filters_are_kept() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    subscribe(&app, &receiver, json!({"tags": ["spring"]})).await;
    new_link(&app, "without").await;
    app.link(json!({"url": "https://example.com/", "slug": "with", "tags": ["summer", "spring"]})).await;
    assert_eq!(receiver.next().await.json()["data"]["slug"], "with");
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn what_fails_is_tried_again_on_schedule_and_given_up() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::that(|_| Manner::Says(500, "X-Why: broken\r\n", "sorry")).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "spring").await;
    let first = receiver.next().await;
    for (attempts, pause) in (1..).zip([1, 5, 30, 120, 600]) {
        let logged = tried(&app, &webhook, attempts).await;
        assert_eq!((&logged["status"], &logged["response_status"]), (&json!("pending"), &json!(500)));
        // A tenth more is the longest that any pause can be.
        app.wait(pause + pause / 10 + 1);
        let again = receiver.next().await;
        assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
    }
    let logged = tried(&app, &webhook, 6).await;
    assert_eq!(logged["status"], "failed");
    let whole = app.get(&format!("/deliveries/{}", logged["id"].as_str().expect("an id"))).await.is(200);
    let attempts = whole["tries"].as_array().or(whole["attempts"].as_array()).expect("a list").clone();
    assert_eq!(attempts.len(), 6);
    assert!(attempts.iter().all(|attempt| attempt.to_string().contains("x-why: broken")), "{whole}");
}

#[tokio::test]
async fn what_was_given_up_can_be_replayed() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::that(|before| Manner::Status(if before < 6 { 503 } else { 200 })).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "spring").await;
    for attempts in 1..=6 {
        receiver.next().await;
        tried(&app, &webhook, attempts).await;
        app.wait(700);
    }
    let failed = tried(&app, &webhook, 6).await;
    assert_eq!(failed["status"], "failed");
    app.post(&path(&webhook, "/replay"), json!({"since": "2026-03-01T00:00:00Z"})).await;
    receiver.next().await;
    assert_eq!(tried(&app, &webhook, 7).await["status"], "succeeded");
    app.post(&format!("/deliveries/{}/replay", failed["id"].as_str().expect("an id")), json!({})).await;
    receiver.next().await;
    assert_eq!(tried(&app, &webhook, 8).await["status"], "succeeded");
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let app = App::with(&HERE).await;
    let manner = |before| if before == 0 { Manner::Says(429, "Retry-After: 300\r\n", "") } else { Manner::Status(200) };
    let mut receiver = Receiver::that(manner).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "spring").await;
    receiver.next().await;
    let logged = tried(&app, &webhook, 1).await;
    assert_eq!(logged["next_attempt_at"], "2026-03-24T14:05:14Z");
    app.wait(299);
    new_link(&app, "summer").await;
    assert_eq!(receiver.next().await.json()["data"]["slug"], "summer", "the first one is left alone still");
    app.wait(1);
    assert_eq!(receiver.next().await.json()["data"]["slug"], "spring");
}

#[tokio::test]
async fn gone_switches_off_and_what_waits_goes_out_when_it_is_switched_on() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::that(|before| Manner::Status(if before == 0 { 410 } else { 200 })).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "first").await;
    receiver.next().await;
    assert_eq!(tried(&app, &webhook, 1).await["status"], "failed");
    until("the webhook is off", async || app.get(&path(&webhook, "")).await.is(200)["active"] == false).await;
    assert_eq!(app.get(&path(&webhook, "")).await.is(200)["inactive_reason"], "gone");
    new_link(&app, "unheard").await;
    let on = app.patch(&path(&webhook, ""), json!({"active": true})).await.is(200);
    assert_eq!((&on["active"], &on["inactive_reason"]), (&json!(true), &Value::Null));
    new_link(&app, "heard").await;
    assert_eq!(receiver.next().await.json()["data"]["slug"], "heard", "while it was off nothing was written for it");
}

#[tokio::test]
async fn a_receiver_that_never_answers_delays_nobody_else() {
    let app = App::with(&HERE).await;
    let mut stalled = Receiver::that(|_| Manner::Stalls).await;
    let mut hung = Receiver::that(|_| Manner::Hangs).await;
    let mut well = Receiver::start().await;
    for receiver in [&stalled, &hung, &well] {
        subscribe(&app, receiver, json!({})).await;
    }
    for n in 0..50 {
        new_link(&app, &format!("link-{n}")).await;
    }
    stalled.next().await;
    hung.next().await;
    let mut slugs = std::collections::BTreeSet::new();
    for _ in 0..50 {
        slugs.insert(well.next().await.json()["data"]["slug"].as_str().expect("a slug").to_owned());
    }
    assert_eq!(slugs.len(), 50, "all of it while the others were still to answer");
}

#[tokio::test]
async fn what_was_not_delivered_survives_a_restart() {
    let mut app = App::with(&HERE).await;
    let mut receiver = Receiver::that(|before| Manner::Status(if before == 0 { 500 } else { 200 })).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "spring").await;
    let first = receiver.next().await;
    tried(&app, &webhook, 1).await;
    app.restart().await;
    app.wait(2);
    let second = receiver.next().await;
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    assert_eq!(tried(&app, &webhook, 2).await["status"], "succeeded");
}

#[tokio::test]
async fn nothing_is_told_to_who_is_gone() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::that(|_| Manner::Status(500)).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "spring").await;
    receiver.next().await;
    tried(&app, &webhook, 1).await;
    app.delete(&path(&webhook, "")).await.is(204);
    let mut other = Receiver::start().await;
    subscribe(&app, &other, json!({})).await;
    app.wait(700);
    new_link(&app, "summer").await;
    other.next().await;
    assert!(!receiver.has_more(), "its retry was due long before");
}

#[tokio::test]
async fn what_is_tried_again_goes_where_the_webhook_leads_by_then() {
    let app = App::with(&HERE).await;
    let mut before = Receiver::that(|_| Manner::Status(500)).await;
    let mut since = Receiver::start().await;
    let webhook = subscribe(&app, &before, json!({})).await;
    new_link(&app, "spring").await;
    before.next().await;
    tried(&app, &webhook, 1).await;
    app.patch(&path(&webhook, ""), json!({"url": since.url})).await.is(200);
    app.wait(700);
    assert_eq!(since.next().await.json()["data"]["slug"], "spring");
    assert!(!before.has_more(), "nobody is told there any more");
}

#[tokio::test]
async fn no_second_has_more_than_the_owner_allows() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    subscribe(&app, &receiver, json!({"max_per_second": 4})).await;
    let mut times = Vec::new();
    for n in 0..8 {
        new_link(&app, &format!("link-{n}")).await;
    }
    for _ in 0..8 {
        times.push(receiver.next().await.at);
    }
    // A quarter of a second lies between one and the next; the first two may be together.
    assert!(times[7] - times[0] >= Duration::from_millis(1450), "{times:?}");
}

#[tokio::test]
async fn rotated_secrets_sign_beside_the_new_one() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    let (second, third) = ("a-secret-of-our-own-choosing", "another-secret-of-our-own");
    let mut told = async |slug: &str| {
        new_link(&app, slug).await;
        let told = receiver.next().await;
        // A claim that is not settled yet would end with the wait, and the delivery be made again.
        tried(&app, &webhook, 1).await;
        let signatures: Vec<_> = told.header("webhook-signature").split(' ').map(str::to_owned).collect();
        let different: std::collections::BTreeSet<_> = signatures.iter().collect();
        assert_eq!(different.len(), signatures.len(), "none is there twice");
        let is_signed_by_the_first = signatures.contains(&standard_signature(&told));
        (told, signatures.len(), is_signed_by_the_first)
    };
    let rotate =
        async |secret: &str| app.post(&path(&webhook, "/rotate-secret"), json!({"secret": secret})).await.is(200);
    rotate(second).await;
    let (delivery, signatures, is_signed_by_the_first) = told("spring").await;
    assert_eq!(delivery.header("x-mask-signature"), hex_hmac(second.as_bytes(), &delivery.body));
    assert_eq!((signatures, is_signed_by_the_first), (2, true), "the secret before signs still");

    app.wait(DAY / 2);
    let rotated = rotate(third).await;
    assert_eq!(rotate(third).await, rotated, "it is the current one already");
    let (delivery, signatures, is_signed_by_the_first) = told("summer").await;
    assert_eq!(delivery.header("x-mask-signature"), hex_hmac(third.as_bytes(), &delivery.body));
    assert_eq!((signatures, is_signed_by_the_first), (3, true), "and when it is changed again");
    app.wait(DAY / 2);
    let (_, signatures, is_signed_by_the_first) = told("autumn").await;
    assert_eq!((signatures, is_signed_by_the_first), (2, false), "a day after it was changed it does not");
    rotate(SECRET).await;
    rotate(third).await;
    let (_, signatures, is_signed_by_the_first) = told("winter").await;
    assert_eq!((signatures, is_signed_by_the_first), (3, true), "one that comes back is itself");
}

#[tokio::test]
async fn addresses_of_our_own_are_not_called() {
    let app = App::start().await;
    let mut receiver = Receiver::start().await;
    let wanted = json!({"url": receiver.url, "events": ["link.created"], "secret": SECRET});
    let refused = app.post("/webhooks", wanted).await;
    assert_eq!((refused.error(422), refused.fields()), ("validation_error".to_owned(), vec!["url".to_owned()]));
    assert!(!receiver.has_more());
    receiver.url.clear();
}

#[tokio::test]
async fn on_postgres_too() {
    let app = App::on_postgres(&HERE).await;
    let mut receiver = Receiver::that(|before| Manner::Status(if before == 0 { 500 } else { 200 })).await;
    let webhook = subscribe(&app, &receiver, json!({"events": ["link.created", "link.clicked"]})).await;
    new_link(&app, "spring").await;
    receiver.next().await;
    tried(&app, &webhook, 1).await;
    app.wait(2);
    receiver.next().await;
    tried(&app, &webhook, 2).await;
    app.visit("/spring").send().await.expect("a redirect");
    assert_eq!(receiver.next().await.json()["type"], "link.clicked");
}
