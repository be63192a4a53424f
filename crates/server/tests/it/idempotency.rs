//! A POST with an `Idempotency-Key` is worked on once, whatever happens in between.

use std::collections::HashMap;

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    document::DOCUMENT,
    harness::{Answer, App, lock},
};

const URL: &str = "https://example.com";
const DAY_SECONDS: u64 = 24 * 60 * 60;

fn post(app: &App, path: &str, word: &str, body: &Value) -> RequestBuilder {
    app.api(Method::POST, path).header("idempotency-key", word).json(body)
}

async fn links(app: &App) -> usize {
    app.get("/links?limit=100").await.is(200)["data"].as_array().expect("rows").len()
}

/// The replay of an answer: the same, byte for byte, under an id of its own.
#[track_caller]
fn repeats(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    for name in ["content-type", "location", "etag"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

async fn replayed(mut app: App) {
    let body = json!({"url": URL, "title": "ü"});
    let first = Answer::of(post(&app, "/links", "word", &body)).await;
    assert_eq!(first.status, 201);
    for _ in 0..2 {
        repeats(&Answer::of(post(&app, "/links", "word", &body)).await, &first);
    }
    let id = first.json()["id"].as_str().expect("an id").to_owned();
    app.patch(&format!("/links/{id}"), json!({"title": "changed"})).await.is(200);
    repeats(&Answer::of(post(&app, "/links", "word", &body)).await, &first);
    app.restart().await;
    repeats(&Answer::of(post(&app, "/links", "word", &body)).await, &first);
    assert_eq!(links(&app).await, 1);

    let reused = Answer::of(post(&app, "/links", "word", &json!({"url": URL, "title": "other"}))).await;
    assert_eq!((reused.error(422).as_str(), reused.header("idempotent-replayed")), ("idempotency_key_reused", ""));
    let other_path = Answer::of(post(&app, "/links/bulk", "word", &json!({"links": [{"url": URL}]}))).await;
    assert_eq!((other_path.status, other_path.header("idempotent-replayed")), (200, ""));
    for key in
        [app.key_for("all", false).await, app.key_for("all", true).await, app.key_of_workspace(2, "all", false).await]
    {
        let request = app.api_as(&key, Method::POST, "/links").header("idempotency-key", "word").json(&body);
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, ""), "each key has its own words");
    }
    assert_eq!(Answer::of(post(&app, "/links", "Word", &body)).await.header("idempotent-replayed"), "");
    assert_eq!(links(&app).await, 4);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    replayed(App::start().await).await;
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_on_postgres() {
    replayed(App::on_postgres(&[]).await).await;
}

async fn concurrent(app: App) {
    let body = json!({"url": URL});
    for round in 0..5 {
        let word = format!("round-{round}");
        let answers = join_all((0..16).map(|_| Answer::of(post(&app, "/links", &word, &body)))).await;
        let mut kinds: HashMap<(u16, &str), usize> = HashMap::new();
        for answer in &answers {
            *kinds.entry((answer.status, answer.header("idempotent-replayed"))).or_default() += 1;
        }
        assert_eq!(kinds.remove(&(201, "")), Some(1), "one does the work: {kinds:?}");
        kinds.remove(&(201, "true"));
        kinds.remove(&(409, ""));
        assert!(kinds.is_empty(), "{kinds:?}");
        assert_eq!(links(&app).await, round + 1);
        let after = Answer::of(post(&app, "/links", &word, &body)).await;
        assert_eq!((after.status, after.header("idempotent-replayed")), (201, "true"));
    }
}

#[tokio::test]
async fn of_many_at_once_one_does_the_work() {
    concurrent(App::start().await).await;
}

#[tokio::test]
async fn of_many_at_once_one_does_the_work_on_postgres() {
    concurrent(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn answers_are_kept_for_a_day() {
    let mut app = App::with(&[("limits.requests_per_minute", "0")]).await;
    let body = json!({"url": URL});
    let first = Answer::of(post(&app, "/links", "word", &body)).await;
    app.wait(DAY_SECONDS - 1);
    app.restart().await;
    repeats(&Answer::of(post(&app, "/links", "word", &body)).await, &first);
    app.wait(2);
    // Old replies are looked for at the start, beside the first requests.
    app.restart().await;
    let mut again = Answer::of(post(&app, "/links", "word", &body)).await;
    for _ in 0..10_000 {
        if again.header("idempotent-replayed").is_empty() {
            break;
        }
        again = Answer::of(post(&app, "/links", "word", &body)).await;
    }
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, ""));
    assert_eq!(links(&app).await, 2);
}

#[tokio::test]
async fn only_what_was_decided_is_kept() {
    let app = App::with(&[("database.timeout_ms", "500")]).await;
    let refused = Answer::of(post(&app, "/links", "word", &json!({"url": "nonsense"}))).await;
    assert_eq!(refused.error(422), "validation_error");
    let body = json!({"url": URL, "slug": "spring"});
    let locked = lock(&app);
    assert_eq!(Answer::of(post(&app, "/links", "word", &body)).await.error(503), "unavailable");
    drop(locked);
    let made = Answer::of(post(&app, "/links", "word", &body)).await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (201, ""), "neither was worked on");

    let conflict = Answer::of(post(&app, "/links", "second", &body)).await;
    assert_eq!(conflict.error(409), "conflict");
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(app.delete(&format!("/links/{id}?release_slug=true")).await.status, 204);
    repeats(&Answer::of(post(&app, "/links", "second", &body)).await, &conflict);
}

/// The first answer holds although the same body would be refused by now.
#[tokio::test]
async fn a_repeated_request_is_not_judged_again() {
    let app = App::start().await;
    let link = json!({"url": URL, "expires_at": "2026-03-24T14:01:00Z"});
    let bulk = json!({"links": [link]});
    let first = Answer::of(post(&app, "/links", "word", &link)).await;
    let first_bulk = Answer::of(post(&app, "/links/bulk", "word", &bulk)).await;
    assert_eq!((first.status, &first_bulk.json()["data"][0]["status"]), (201, &json!(201)));
    app.wait(3600);
    repeats(&Answer::of(post(&app, "/links", "word", &link)).await, &first);
    repeats(&Answer::of(post(&app, "/links/bulk", "word", &bulk)).await, &first_bulk);
    assert_eq!(Answer::of(post(&app, "/links", "other", &link)).await.error(422), "validation_error");
}

#[tokio::test]
async fn bulk_requests_are_repeated_too() {
    let app = App::start().await;
    let body = json!({"links": [{"url": URL, "slug": "spring"}, {"url": "x"}, {"url": URL, "slug": "SPRING"}]});
    let first = Answer::of(post(&app, "/links/bulk", "word", &body)).await;
    let statuses: Vec<_> =
        first.json()["data"].as_array().expect("items").iter().map(|item| item["status"].clone()).collect();
    assert_eq!(statuses, [201, 422, 409]);
    repeats(&Answer::of(post(&app, "/links/bulk", "word", &body)).await, &first);
    let other = Answer::of(post(&app, "/links/bulk", "word", &json!({"links": [{"url": URL}]}))).await;
    assert_eq!(other.error(422), "idempotency_key_reused");
    assert_eq!(links(&app).await, 1);
}

#[tokio::test]
async fn a_word_has_bounds() {
    let app = App::start().await;
    let body = json!({"url": URL});
    for good in ["x".to_owned(), "x".repeat(255), "a b/%\"'".to_owned()] {
        assert_eq!(Answer::of(post(&app, "/links", &good, &body)).await.status, 201);
    }
    for bad in ["", &"x".repeat(256), "\u{fc}"] {
        let answer = Answer::of(post(&app, "/links", bad, &body)).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec!["Idempotency-Key".to_owned()]),
            "{bad}"
        );
    }
}

/// The same `Idempotency-Key` for another webhook or delivery is another one, as the path is.
#[tokio::test]
async fn what_webhooks_are_asked_for_is_done_once() {
    let app = App::with(&[("outbound.allow_networks", "127.0.0.0/8")]).await;
    // Nobody listens there: what is delivered stays on its way.
    let wanted = json!({"url": "http://127.0.0.1:1/hook", "events": ["link.created"]});
    let mut webhooks = Vec::new();
    for _ in 0..2 {
        let id = app.post("/webhooks", wanted.clone()).await.is(201)["id"].as_str().expect("an id").to_owned();
        webhooks.push(format!("/webhooks/{id}"));
    }
    let [webhook, other] = &webhooks[..] else { panic!("{webhooks:?}") };
    let test = format!("{webhook}/test");
    let first = Answer::of(post(&app, &test, "word", &json!({}))).await;
    assert_eq!(first.status, 202);
    // The first answer holds although the webhook is switched off by now.
    app.patch(webhook, json!({"active": false})).await.is(200);
    repeats(&Answer::of(post(&app, &test, "word", &json!({}))).await, &first);
    assert_eq!(Answer::of(post(&app, &test, "new", &json!({}))).await.error(409), "conflict");
    app.patch(webhook, json!({"active": true})).await.is(200);
    let reused = Answer::of(post(&app, &test, "word", &json!({"event": "link.created"}))).await;
    assert_eq!(reused.error(422), "idempotency_key_reused");
    let of_other = Answer::of(post(&app, &format!("{other}/test"), "word", &json!({}))).await;
    assert_eq!((of_other.status, of_other.header("idempotent-replayed")), (202, ""));
    let sent = app.get(&format!("{webhook}/deliveries")).await.is(200);
    assert_eq!(sent["data"].as_array().map(Vec::len), Some(1));

    let delivery = first.json()["delivery_id"].as_str().expect("an id").to_owned();
    let replay = format!("/deliveries/{delivery}/replay");
    let first = Answer::of(post(&app, &replay, "word", &json!({}))).await;
    assert_eq!(first.status, 202);
    repeats(&Answer::of(post(&app, &replay, "word", &json!({}))).await, &first);

    let (replay, since) = (format!("{webhook}/replay"), json!({"since": "2026-03-24T14:00:00Z"}));
    let first = Answer::of(post(&app, &replay, "word", &since)).await;
    assert_eq!(first.status, 202);
    repeats(&Answer::of(post(&app, &replay, "word", &since)).await, &first);
    let reused = Answer::of(post(&app, &replay, "word", &json!({"since": "2026-03-24T14:00:01Z"}))).await;
    assert_eq!(reused.error(422), "idempotency_key_reused");

    let listener = json!({"events": ["link.created"]});
    let first = Answer::of(post(&app, "/webhooks/listeners", "word", &listener)).await;
    assert!(first.status == 201 && first.json()["secret"].is_string(), "{}", first.text);
    repeats(&Answer::of(post(&app, "/webhooks/listeners", "word", &listener)).await, &first);
    let kept = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let secret = first.json()["secret"].as_str().expect("a secret").as_bytes().to_vec();
    let shown = "SELECT count(*) FROM replies WHERE instr(body, ?1) > 0";
    let shown: i64 = kept.query_row(shown, [secret], |row| row.get(0)).expect("a count");
    assert_eq!(shown, 0, "a secret is kept sealed");
}

#[test]
fn which_posts_take_no_word_is_in_the_document() {
    let about = DOCUMENT["info"]["description"].as_str().expect("a description");
    let (_, section) = about.split_once("## Repeating a request").expect("a section");
    let excepted: Vec<_> = section.split('`').filter(|text| text.starts_with('/')).collect();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        let Some(post) = item.get("post") else { continue };
        let path = path.strip_prefix("/api/v1").expect("below the root");
        let mut parameters = post["parameters"].as_array().into_iter().flatten();
        let takes_one = parameters.any(|parameter| parameter["name"] == "Idempotency-Key");
        let is_excepted = excepted.iter().any(|known| match known.strip_suffix('…') {
            Some(below) => path.starts_with(below),
            None => path == *known,
        });
        assert_eq!(takes_one, !is_excepted, "{path}");
    }
}
