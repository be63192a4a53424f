//! What is a scan: a visit with the token of a code of that very link, as long as somebody may have it printed.

use mask_core::{id::QrId, token::Token, workspace::Owner};
use mask_store::PlacedCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bio_pages::{page, path},
    harness::{Answer, App},
    receiver::Receiver,
};

/// Makes a code of a link with this id; the code, and the word that its address brings along.
pub(crate) async fn printed(app: &App, link: &str) -> (Value, String) {
    let code = app.post("/qr-codes", json!({"link_id": link})).await.is(201);
    let token = token_of(app, &code, Owner { workspace: 1, is_test: false }).await;
    (code, token)
}

async fn kept(app: &App, code: &Value, owner: Owner) -> PlacedCode {
    let id = QrId::parse(code["id"].as_str().expect("an id")).expect("an id");
    app.server().store.qr_code_by_id(owner, id).await.expect("the store").expect("it is there")
}

async fn token_of(app: &App, code: &Value, owner: Owner) -> String {
    kept(app, code, owner).await.code.token.to_string()
}

async fn link(app: &App, slug: &str) -> String {
    let link = app.link(json!({"url": "https://example.com/here", "slug": slug})).await;
    link["id"].as_str().expect("an id").to_owned()
}

/// A visit with this token; the token never goes on to the destination, whoever's it is.
async fn visit(app: &App, slug: &str, token: &str) {
    let answer = Answer::of(app.visit(&format!("/{slug}?qr={token}&a=1"))).await;
    assert_eq!((answer.status, answer.header("location")), (302, "https://example.com/here?a=1"));
}

async fn scans(app: &App, code: &Value) -> Value {
    app.settle().await;
    app.get(&format!("/qr-codes/{}", code["id"].as_str().expect("an id"))).await.is(200)["scans"].clone()
}

/// Clicks by how they came, and scans in all.
async fn counted(app: &App) -> (Value, Value) {
    app.settle().await;
    let scans = app.get("/analytics/scans").await.is(200)["total"].clone();
    (app.get("/analytics/clicks?groupBy=source").await.is(200)["data"].clone(), scans)
}

async fn of_its_own(app: App) {
    let mut receiver = Receiver::start().await;
    app.post("/webhooks", json!({"url": receiver.url, "events": ["qr.scanned", "link.clicked"]})).await.is(201);
    let (spring, summer) = (link(&app, "spring").await, link(&app, "summer").await);
    let ((own, token), (other, others)) = (printed(&app, &spring).await, printed(&app, &summer).await);
    let theirs = {
        let key = app.key_of_workspace(2, "all", false).await;
        let post = |path: &str, body: Value| app.api_as(&key, Method::POST, path).json(&body);
        let link = Answer::of(post("/links", json!({"url": "https://example.com/theirs"}))).await.is(201);
        Answer::of(post("/qr-codes", json!({"link_id": link["id"]}))).await.is(201)
    };
    let stranger = Owner { workspace: 2, is_test: false };
    let theirs_token = token_of(&app, &theirs, stranger).await;
    let nobodys = Token::of(1).to_string();

    visit(&app, "spring", &token).await;
    for foreign in [&others, &theirs_token, &nobodys] {
        visit(&app, "spring", foreign).await;
    }
    assert_eq!((scans(&app, &own).await, scans(&app, &other).await), (json!(1), json!(0)));
    assert_eq!(kept(&app, &theirs, stranger).await.code.scans, 0);
    let by_source = json!([{"source": "link", "clicks": 3}, {"source": "qr", "clicks": 1}]);
    assert_eq!(counted(&app).await, (by_source, json!(1)), "all are clicks, one is a scan");
    let by_code = app.get("/analytics/scans?groupBy=code").await.is(200);
    assert_eq!(by_code["data"], json!([{"code": own["id"], "scans": 1}]));
    let mut told = Vec::new();
    for _ in 0..4 {
        let event = receiver.next().await.json();
        told.push((event["type"].as_str().expect("a type").to_owned(), event["data"]["qr_code_id"].clone()));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let clicked = ("link.clicked".to_owned(), Value::Null);
    assert_eq!(told, [clicked.clone(), clicked.clone(), clicked, ("qr.scanned".to_owned(), own["id"].clone())]);
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn only_a_token_of_this_link_makes_a_scan() {
    of_its_own(App::with(&[("outbound.allow_networks", "127.0.0.0/8")]).await).await;
}

#[tokio::test]
async fn only_a_token_of_this_link_makes_a_scan_on_postgres() {
    of_its_own(App::on_postgres(&[("outbound.allow_networks", "127.0.0.0/8")]).await).await;
}

async fn of_pages(app: App) {
    let made = page(&app, json!({"title": "Ada", "slug": "ada-page", "published": true})).await;
    let spring = link(&app, "spring").await;
    let id = made["id"].as_str().expect("an id");
    for (wanted, field) in [
        (json!({"bio_page_id": id, "link_id": spring}), "link_id"),
        (json!({"bio_page_id": spring}), "bio_page_id"),
        (json!({"bio_page_id": "bp_01kcd3vyk5f8r9v3k2m4n6p8qa"}), "bio_page_id"),
        (json!({"link_id": id}), "link_id"),
    ] {
        assert_eq!(app.post("/qr-codes", wanted).await.fields(), [field]);
    }
    assert_eq!(app.post("/qr-codes", json!({"bio_page_id": null})).await.error(400), "bad_request");
    let code = app.post("/qr-codes", json!({"bio_page_id": id, "link_id": null, "shape": "dots"})).await.is(201);
    assert_eq!((&code["bio_page_id"], &code["link_id"]), (&made["id"], &Value::Null));
    assert_eq!(code["short_url"], made["url"]);
    let (of_link, link_token) = printed(&app, &spring).await;
    for (query, listed) in [
        (format!("bio_page_id={id}"), vec![&code]),
        (format!("link_id={spring}"), vec![&of_link]),
        ("limit=9".to_owned(), vec![&of_link, &code]),
    ] {
        assert_eq!(app.get(&format!("/qr-codes?{query}")).await.is(200)["data"], json!(listed), "{query}");
    }
    assert_eq!(app.get(&format!("/qr-codes?link_id={spring}&bio_page_id={id}")).await.fields(), ["bio_page_id"]);

    let token = token_of(&app, &code, Owner { workspace: 1, is_test: false }).await;
    for token in [&token, &token, &link_token] {
        let shown = Answer::of(app.visit(&format!("/ada-page?qr={token}"))).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
    }
    assert_eq!((scans(&app, &code).await, scans(&app, &of_link).await), (json!(2), json!(0)));
    assert_eq!(app.get(&path(&made)).await.is(200)["views"], 3, "a scan is a view");
    let sources = app.get("/analytics/views?groupBy=source").await.is(200);
    assert_eq!(sources["data"], json!([{"source": "qr", "views": 2}, {"source": "link", "views": 1}]));
    let of_code = format!("/analytics/scans?qrCodeId={}", code["id"].as_str().expect("an id"));
    assert_eq!(app.get(&of_code).await.is(200)["total"], 2);
    let by_code = app.get("/analytics/scans?groupBy=code").await.is(200);
    assert_eq!(by_code["data"], json!([{"code": code["id"], "scans": 2}]));
    assert_eq!(app.get("/analytics/summary").await.is(200)["scans"]["total"], 2);
    app.delete(&path(&made)).await.is(204);
    let gone = app.get(&format!("/qr-codes/{}", code["id"].as_str().expect("an id"))).await;
    assert_eq!(gone.error(404), "not_found", "it goes with its page");
}

#[tokio::test]
async fn a_bio_page_has_codes_too() {
    of_pages(App::start().await).await;
}

#[tokio::test]
async fn a_bio_page_has_codes_too_on_postgres() {
    of_pages(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn what_is_printed_is_scanned_after_its_code_was_deleted() {
    let app = App::with(&[("outbound.allow_networks", "127.0.0.0/8")]).await;
    let mut receiver = Receiver::start().await;
    app.post("/webhooks", json!({"url": receiver.url, "events": ["qr.scanned"]})).await.is(201);
    let (spring, summer) = (link(&app, "spring").await, link(&app, "summer").await);
    let (code, token) = printed(&app, &spring).await;
    app.delete(&format!("/qr-codes/{}", code["id"].as_str().expect("an id"))).await.is(204);
    visit(&app, "spring", &token).await;
    visit(&app, "summer", &token).await;
    let by_source = json!([{"source": "link", "clicks": 1}, {"source": "qr", "clicks": 1}]);
    assert_eq!(counted(&app).await, (by_source, json!(1)), "a scan of its own link, and of no other");
    let event = receiver.next().await.json();
    assert_eq!((&event["data"]["link_id"], event["data"].get("qr_code_id")), (&json!(spring), Some(&Value::Null)));
    assert!(!receiver.has_more());
    app.delete(&format!("/links/{summer}")).await.is(204);
}
