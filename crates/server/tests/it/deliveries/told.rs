//! What is told: every event there is, one by one, in one environment and not in the other.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{HERE, new_link, path, subscribe, tried, until};
use crate::{
    bio_pages::page,
    harness::{Answer, App},
    qr_codes::{code, decoded, image},
    receiver::Receiver,
};

/// All that there are; that a domain is verified is told with the tests of domains.
const ALL: [&str; 8] = [
    "link.created",
    "link.clicked",
    "link.updated",
    "link.deleted",
    "page.viewed",
    "page.published",
    "qr.scanned",
    "domain.verified",
];

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// The names of what `data` has.
fn members(told: &Value) -> Vec<&str> {
    told["data"].as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The members that the contract names for a click; a scan has them too.
const OF_A_CLICK: [&str; 7] = ["link_id", "slug", "url", "short_url", "referrer", "country", "device"];
const OF_A_VIEW: [&str; 6] = ["bio_page_id", "slug", "referrer", "country", "device", "browser"];

/// What an answer calls the request that it answers.
fn named(answer: reqwest::Result<reqwest::Response>) -> String {
    answer.expect("an answer").headers()["x-request-id"].to_str().expect("text").to_owned()
}

async fn everything_is_told(app: App) {
    let mut receiver = Receiver::start().await;
    subscribe(&app, &receiver, json!({"events": ALL})).await;
    let mut next = async |kind: &str| {
        let told = receiver.next().await;
        assert_eq!(told.header("x-mask-event"), kind);
        let body = told.json();
        assert_eq!((&body["type"], body["id"].as_str()), (&json!(kind), Some(told.header("webhook-id"))));
        (body, told.header("x-mask-request-id").to_owned())
    };
    let link = new_link(&app, "spring").await;
    assert_eq!(next("link.created").await.0["data"], link);
    let renamed = app.patch(&format!("/links/{}", id(&link)), json!({"title": "Spring"})).await.is(200);
    assert_eq!(next("link.updated").await.0["data"], renamed);

    let asked = named(app.visit("/spring").send().await);
    let (click, request) = next("link.clicked").await;
    assert_eq!((&click["data"]["link_id"], request), (&link["id"], asked), "the visit itself is the request");
    assert!(OF_A_CLICK.iter().chain(&["browser"]).all(|name| members(&click).contains(name)), "{click}");

    let made = code(&app, id(&link), json!({})).await;
    let (_, _, png) = image(&app, &made, "").await;
    let printed = decoded(&png).1.strip_prefix("http://localhost:8080").expect("our address").to_owned();
    let asked = named(app.visit(&printed).send().await);
    let (scan, request) = next("qr.scanned").await;
    assert_eq!(request, asked);
    assert_eq!((&scan["data"]["qr_code_id"], &scan["data"]["link_id"]), (&made["id"], &link["id"]));
    assert!(OF_A_CLICK.iter().all(|name| members(&scan).contains(name)), "{scan}");

    let draft = page(&app, json!({"title": "Ada", "slug": "ada-page"})).await;
    let published = app.patch(&format!("/bio-pages/{}", id(&draft)), json!({"published": true})).await;
    let asked = published.header("x-request-id").to_owned();
    let (told, request) = next("page.published").await;
    assert_eq!((&told["data"], request), (&published.is(200), asked));
    let asked = named(app.visit("/ada-page").send().await);
    let (view, request) = next("page.viewed").await;
    assert_eq!((&view["data"]["bio_page_id"], request), (&draft["id"], asked));
    assert!(OF_A_VIEW.iter().all(|name| members(&view).contains(name)), "{view}");

    app.delete(&format!("/links/{}", id(&link))).await.is(204);
    assert_eq!(next("link.deleted").await.0["data"]["id"], link["id"]);
    app.settle().await;
    assert!(!receiver.has_more(), "each was told once");
}

#[tokio::test]
async fn every_event_is_told_once() {
    everything_is_told(App::with(&HERE).await).await;
}

#[tokio::test]
async fn every_event_is_told_once_on_postgres() {
    everything_is_told(App::on_postgres(&HERE).await).await;
}

#[tokio::test]
async fn the_two_environments_do_not_hear_of_each_other() {
    let app = App::with(&HERE).await;
    let test_key = app.key_for("all", true).await;
    let (mut live, mut test) = (Receiver::start().await, Receiver::start().await);
    let subscription = |receiver: &Receiver| json!({"url": receiver.url, "events": ALL});
    let as_test = |method, path: &str| app.api_as(&test_key, method, path);
    app.post("/webhooks", subscription(&live)).await.is(201);
    let hook = Answer::of(as_test(Method::POST, "/webhooks").json(&subscription(&test))).await.is(201);
    for (key, slug) in [(&app.key, "live"), (&test_key, "in-test")] {
        let body = json!({"url": "https://example.com/", "slug": slug});
        Answer::of(app.api_as(key, Method::POST, "/links").json(&body)).await.is(201);
        app.visit(&format!("/{slug}")).send().await.expect("a redirect");
    }
    app.settle().await;
    for (receiver, slug) in [(&mut live, "live"), (&mut test, "in-test")] {
        let told: BTreeSet<_> = [receiver.next().await, receiver.next().await]
            .map(|told| (told.header("x-mask-event").to_owned(), told.json()["data"]["slug"].to_string()))
            .into();
        let expected = ["link.clicked", "link.created"].map(|kind| (kind.to_owned(), format!("\"{slug}\"")));
        assert_eq!(told, expected.into());
    }
    assert!(!live.has_more() && !test.has_more());
    // Nor does one reach the other's subscription, its log, or a delivery of it.
    let log = Answer::of(as_test(Method::GET, &path(&hook, "/deliveries"))).await.is(200);
    let delivery = format!("/deliveries/{}", id(&log["data"][0]));
    for path in [path(&hook, ""), path(&hook, "/deliveries"), delivery] {
        assert_eq!(app.get(&path).await.error(404), "not_found", "{path}");
        assert_eq!(Answer::of(as_test(Method::GET, &path)).await.status, 200, "{path}");
    }
    assert_eq!(app.post(&path(&hook, "/test"), json!({})).await.error(404), "not_found");
}

#[tokio::test]
async fn bulk_requests_tell_of_each_link() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let events = json!(["link.created", "link.updated", "link.deleted"]);
    let webhook = subscribe(&app, &receiver, json!({"events": events})).await;
    let links: Vec<_> = (0..100).map(|n| json!({"url": "https://example.com/", "slug": format!("bulk-{n}")})).collect();
    let made = app.post("/links/bulk", json!({"links": links})).await;
    let request = made.header("x-request-id").to_owned();
    let ids: BTreeSet<_> =
        made.is(200)["data"].as_array().expect("a list").iter().map(|made| id(&made["link"]).to_owned()).collect();
    let mut all = async |kind: &str, request: &str| {
        let mut told = BTreeSet::new();
        for _ in 0..100 {
            let one = receiver.next().await;
            assert_eq!((one.header("x-mask-event"), one.header("x-mask-request-id")), (kind, request));
            told.insert(id(&one.json()["data"]).to_owned());
        }
        told
    };
    assert_eq!(all("link.created", &request).await, ids);
    for (method, kind, body) in [
        (Method::PATCH, "link.updated", json!({"ids": ids, "set": {"title": "New"}})),
        (Method::DELETE, "link.deleted", json!({"ids": ids})),
    ] {
        let done = Answer::of(app.api(method, "/links/bulk").json(&body)).await;
        let request = done.header("x-request-id").to_owned();
        done.is(200);
        assert_eq!(all(kind, &request).await, ids, "{kind}");
    }
    assert!(!receiver.has_more());
    // Each delivery in the log names the request too.
    let log = app.get(&path(&webhook, "/deliveries?event=link.created&limit=100")).await.is(200);
    let log = log["data"].as_array().expect("a list");
    assert!(log.len() == 100 && log.iter().all(|told| told["request_id"] == json!(request)), "{log:?}");
}

#[tokio::test]
async fn a_link_that_is_put_in_its_place_is_told_as_what_it_is() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    subscribe(&app, &receiver, json!({"events": ["link.created", "link.updated"]})).await;
    for (title, kind) in [("one", "link.created"), ("two", "link.updated")] {
        let body = json!({"url": "https://example.com/", "title": title});
        Answer::of(app.api(Method::PUT, "/links/by-external-id/crm-7").json(&body)).await;
        let told = receiver.next().await;
        assert_eq!((told.header("x-mask-event"), &told.json()["data"]["title"]), (kind, &json!(title)));
    }
}

#[tokio::test]
async fn history_that_is_brought_along_is_told_like_what_happens_now() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({"events": ["link.clicked"]})).await;
    subscribe(&app, &receiver, json!({"events": ["domain.verified"]})).await;
    let link = new_link(&app, "spring").await;
    let file = app.data().join("history.csv");
    let import = |rows: &str, more: &[&str]| {
        std::fs::write(&file, format!("at,slug,count,visitor\n{rows}\n")).expect("a file");
        let mut import = crate::binary::mask(&["import", "clicks", "--from"]);
        import.arg(&file).arg("--data-dir").arg(app.data()).args(more);
        let done = import.output().expect("the program runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    let silent = import("2026-01-01,spring,3,a", &["--no-webhooks"]);
    assert!(silent.contains("3 clicks of 1 rows imported\n"), "{silent}");
    let counted = format!("/links/{}", id(&link));
    until("they are counted", async || app.get(&counted).await.is(200)["clicks"] == 3).await;
    app.visit("/spring").send().await.expect("a redirect");
    assert_eq!(receiver.next().await.json()["data"]["slug"], "spring");
    assert!(!receiver.has_more(), "of the four only the one that happened now");
    tried(&app, &webhook, 1).await;

    let rows = "2026-01-02,spring,2,b";
    for (more, said) in [
        (&["--dry-run"][..], "2 clicks of 1 rows would be imported; 1 webhook subscribes to visits\n"),
        (&["--only", "statistics"], "2 clicks of 1 rows imported\n"),
        (&[], "2 clicks of 1 rows imported; 1 webhook subscribes to visits\n"),
        (&[], "imported before, nothing to do\n"),
    ] {
        let says = import(rows, more);
        assert!(says.contains(said), "{more:?}: {says}");
    }
    app.wait_for_the_programs_clock();
    let mut unique = Vec::new();
    for _ in 0..2 {
        let told = receiver.next().await;
        assert_eq!(told.header("x-mask-request-id"), "", "no request made it");
        let told = told.json();
        assert_eq!((&told["type"], &told["timestamp"]), (&json!("link.clicked"), &json!("2026-01-02T00:00:00Z")));
        unique.push(told["data"]["is_unique"] == true);
    }
    unique.sort_unstable();
    assert_eq!(unique, [false, true], "the visitor's first of the day is marked");
    app.settle().await;
    assert!(!receiver.has_more(), "once, though it was imported twice");
}

#[tokio::test]
async fn a_test_event_says_that_it_is_one() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let webhook = subscribe(&app, &receiver, json!({"events": ALL})).await;
    for event in ALL {
        let sent = app.post(&path(&webhook, "/test"), json!({"event": event})).await;
        let request = sent.header("x-request-id").to_owned();
        let sent = sent.is(202);
        let told = receiver.next().await;
        assert_eq!((told.header("x-mask-event"), told.header("x-mask-request-id")), (event, request.as_str()));
        assert_eq!((told.header("x-mask-delivery"), told.header("x-mask-payload-version")), (id_of(&sent), "1"));
        assert_eq!(told.json()["data"]["test"], true, "{event}");
    }
    tried(&app, &webhook, 1).await;
}

fn id_of(sent: &Value) -> &str {
    sent["delivery_id"].as_str().expect("an id")
}
