//! Views in the stream, and which kinds of events somebody wants.

use std::sync::Arc;

use mask_core::{
    id::{BlockId, LinkId, PageId},
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::{Batch, Fact, Position};
use serde_json::{Value, json};

use super::{Listener, PATIENT, USUAL};
use crate::harness::App;

fn visit(target: Target) -> Fact {
    Fact {
        at: Time::from_unix_millis(1_774_360_814_000),
        request: None,
        owner: Owner { workspace: 1, is_test: false },
        target,
        code: None,
        is_counted: true,
        class: "person",
        reason: "browser",
        choice: "url".to_owned(),
        device: "mobile",
        os: "iOS",
        browser: "Safari",
        language: Some("pt-BR".to_owned()),
        referrer: Some("x.com".to_owned()),
        referrer_url: None,
        source: "link",
        country: Some("PK".to_owned()),
        region: None,
        city: None,
        visitor: 1,
    }
}

async fn record(app: &App, facts: Vec<Fact>) {
    let to = Position { segment: 1, byte: 1 };
    let batch = Batch { node: "elsewhere".to_owned(), shard: 0, from: None, to, facts, is_history: false };
    assert!(app.server().store.record_clicks(Arc::new(batch)).await.expect("a store").is_some());
}

#[tokio::test]
async fn views_are_told_and_what_a_block_leads_to_is_not() {
    let app = App::with(&[USUAL, PATIENT]).await;
    let made = app
        .post("/bio-pages", json!({"title": "Ada", "slug": "ada-page", "blocks": [], "published": true}))
        .await
        .is(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    let page = PageId::parse(&id).expect("an id");
    let gone = PageId::from_bits(page.bits() + 1);
    let link = app.link(json!({"url": "https://example.com/here", "slug": "spring"})).await;
    let link_id = link["id"].as_str().expect("an id").to_owned();
    let link = Target::Link(LinkId::parse(&link_id).expect("an id"));
    let mut everything = Listener::open(&app, "").await;
    let mut only_views = Listener::open(&app, "types=page.viewed").await;
    let mut of_page = Listener::open(&app, &format!("bioPageId={id}")).await;
    let mut of_link = Listener::open(&app, &format!("linkId={link_id}&types=link.clicked,page.viewed")).await;
    let mut tagged = Listener::open(&app, "tag=none").await;
    let mut here = Listener::open(&app, "domain=localhost").await;
    let block = Target::Block(page, BlockId::from_bits(5));
    record(&app, vec![visit(Target::Page(page)), visit(block), visit(link), visit(Target::Page(gone))]).await;
    let seen = everything.events(3).await;
    let kinds: Vec<_> = seen.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["page.viewed", "link.clicked", "page.viewed"]);
    let data = json!({
        "bio_page_id": id, "slug": "ada-page", "title": "Ada", "url": "http://localhost:8080/ada-page", "referrer": "x.com",
        "country": "PK", "region": "unknown", "city": "unknown", "device": "mobile", "os": "iOS", "browser": "Safari",
        "language": "pt-BR", "source": "link", "is_bot": false, "bot": "person", "is_unique": true,
    });
    assert_eq!(seen[0].data["data"], data);
    let of_gone = &seen[2].data["data"];
    assert_eq!((&of_gone["bio_page_id"], &of_gone["slug"]), (&json!(gone.to_string()), &Value::Null));
    assert_eq!(seen[1].data["data"].get("qr_code_id"), None, "a click is no scan");
    assert_eq!(only_views.events(2).await, [seen[0].clone(), seen[2].clone()]);
    assert_eq!(of_page.event().await, seen[0]);
    assert_eq!(of_link.event().await, seen[1]);
    assert_eq!(tagged.event().await, seen[1], "a page has no tags, and is no link without");
    assert_eq!(here.events(2).await, seen[..2]);
    // What was passed over at first is not told when the stream is taken up again.
    assert_eq!(Listener::open_after(&app, "types=page.viewed", &seen[0].id).await.event().await, seen[2]);
    for (query, field, says) in [
        ("types=link.created", "types", "link.clicked, qr.scanned, page.viewed"),
        ("types=", "types", "link.clicked, qr.scanned, page.viewed"),
        ("bioPageId=lnk_1", "bioPageId", "bp_"),
        (&format!("linkId={link_id}&bioPageId={id}"), "bioPageId", "linkId"),
    ] {
        let answer = app.get(&format!("/events?{query}")).await;
        assert_eq!(answer.fields(), [field], "{query}");
        assert!(answer.text.contains(says), "{query}: {}", answer.text);
    }
}
