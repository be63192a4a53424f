//! Views of pages, clicks on their blocks, and scans of one code: asked for, summed up and exported. The visits are put into
//! the store as the drain puts them.

use std::sync::Arc;

use mask_core::{
    id::{BlockId, LinkId, PageId},
    token::Token,
    visit::Target,
};
use mask_store::{Batch, Fact, Position};
use serde_json::{Value, json};

use super::{
    DAYS, HERE, PATIENT,
    export::{export, fact, lines},
    id,
};
use crate::harness::App;

/// 2026-03-24T14:00:00Z.
const BEGIN: i64 = 1_774_360_800_000;

fn page(n: u128) -> PageId {
    PageId::from_bits(0x019d_2025_4e28 << 80 | n)
}

fn block(n: u128) -> BlockId {
    BlockId::from_bits(0x019d_2025_4e28 << 80 | n)
}

/// A visit so many hours after the beginning, from a country.
fn visit(target: Target, hours: i64, visitor: i64, country: &str) -> Fact {
    let country = Some(country.to_owned()).filter(|country| !country.is_empty());
    Fact { target, country, ..fact(BEGIN + hours * 3_600_000, visitor) }
}

async fn record(app: &App, facts: Vec<Fact>) {
    let to = Position { segment: 1, byte: 1 };
    let batch = Batch { node: "views".to_owned(), shard: 0, from: None, to, facts, is_history: false };
    app.server().store.record_clicks(Arc::new(batch)).await.expect("the store").expect("it is taken");
}

/// Two pages: on the first day three views of the first by two visitors, one of the second, and a program's; on the second
/// day one. Three clicks on two blocks of the first, one on a block of the second; and a click of a link.
async fn sample(app: &App) {
    let (one, two) = (Target::Page(page(1)), Target::Page(page(2)));
    let clicked = |of: u128, n: u128, hours| visit(Target::Block(page(of), block(n)), hours, 1, "PK");
    let facts = vec![
        visit(one, 0, 1, "PK"),
        visit(one, 1, 1, "PK"),
        visit(one, 2, 2, "DE"),
        visit(two, 3, 1, ""),
        Fact { is_counted: false, class: "crawler", ..visit(one, 3, 9, "US") },
        Fact { source: "bio", ..visit(one, 12, 3, "DE") },
        clicked(1, 1, 0),
        clicked(1, 1, 1),
        clicked(1, 2, 12),
        clicked(2, 3, 2),
        visit(Target::Link(LinkId::from_bits(7)), 1, 1, "PK"),
    ];
    record(app, facts).await;
}

async fn views(app: &App, query: &str) -> Value {
    app.get(&format!("/analytics/views?{query}")).await.is(200)
}

fn data(answer: &Value) -> String {
    answer["data"].to_string()
}

async fn counted(app: App) {
    sample(&app).await;
    assert_eq!(
        views(&app, DAYS).await.to_string(),
        r#"{"data":[{"date":"2026-03-24","views":4},{"date":"2026-03-25","views":1}],"total":5,"start":"2026-03-24T00:00:00Z","end":"2026-03-25T23:59:59Z"}"#
    );
    assert_eq!(
        views(&app, &format!("{DAYS}&metrics=views,visitors")).await.to_string(),
        r#"{"data":[{"date":"2026-03-24","views":4,"visitors":2},{"date":"2026-03-25","views":1,"visitors":1}],"total":5,"total_visitors":3,"start":"2026-03-24T00:00:00Z","end":"2026-03-25T23:59:59Z"}"#
    );
    let (one, two) = (page(1).to_string(), page(2).to_string());
    let by = async |name: &str| views(&app, &format!("{DAYS}&groupBy={name}")).await;
    assert_eq!(by("page").await["data"], json!([{"page": one, "views": 4}, {"page": two, "views": 1}]));
    let countries = r#"[{"country":"DE","views":2},{"country":"PK","views":2},{"country":"unknown","views":1}]"#;
    assert_eq!(data(&by("country").await), countries);
    assert_eq!(by("source").await["data"], json!([{"source": "link", "views": 4}, {"source": "bio", "views": 1}]));
    assert_eq!(by("domain").await["data"], json!([{"domain": "unknown", "views": 5}]));
    let bots = json!([{"bot": "person", "views": 5}, {"bot": "crawler", "views": 1}]);
    assert_eq!(by("bot").await["data"], bots);
    let blocks = by("block").await;
    let row = |n: u128, clicks: u64| json!({"block": block(n).to_string(), "clicks": clicks});
    assert_eq!((&blocks["data"], &blocks["total"]), (&json!([row(1, 2), row(2, 1), row(3, 1)]), &json!(4)));
    for (query, total) in [
        (format!("bioPageId={one}"), 4),
        (format!("bioPageId={one}&country=DE"), 2),
        (format!("page={two}"), 1),
        (format!("bioPageId={one}&bots=include"), 5),
        (format!("bioPageId={one}&groupBy=block"), 3),
        (format!("bioPageId={two}&groupBy=block&metrics=clicks,visitors"), 1),
        ("source=bio".to_owned(), 1),
        ("domain=go.example.com".to_owned(), 0),
        ("bioPageId=bp_01kcd3vyk5f8r9v3k2m4n6p8qa".to_owned(), 0),
    ] {
        assert_eq!(views(&app, &format!("{DAYS}&{query}")).await["total"], total, "{query}");
    }
    let clicks = app.get(&format!("/analytics/clicks?{DAYS}")).await.is(200);
    assert_eq!(clicks["total"], 1, "a view is no click");
    assert_eq!(
        app.get(&format!("/analytics/clicks?{DAYS}&groupBy=link")).await.is(200)["data"].as_array().map(Vec::len),
        Some(1)
    );
    let summary = app.get("/analytics/summary?start=2026-03-25&end=2026-03-25").await.is(200);
    assert_eq!(summary["views"], json!({"total": 1, "previous": 4, "change": -0.75}));
    let of_link = app.get(&format!("/analytics/summary?{DAYS}&linkId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")).await.is(200);
    assert_eq!(of_link["views"]["total"], 0, "no view is of a link");
    assert_eq!(app.get(&format!("/analytics/summary?{DAYS}&tag=none")).await.is(200)["views"]["total"], 0);
}

#[tokio::test]
async fn views_are_counted() {
    counted(App::with(&PATIENT).await).await;
}

#[tokio::test]
async fn views_are_counted_on_postgres() {
    counted(App::on_postgres(&PATIENT).await).await;
}

#[tokio::test]
async fn views_are_exported() {
    let app = App::with(&PATIENT).await;
    sample(&app).await;
    let csv = export(&app, &format!("{DAYS}&type=views")).await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"views.csv\"");
    assert!(csv.text.starts_with("at,page_id,block_id,is_unique,is_bot,bot,reason,source,"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 6);
    let views = lines(&app, &format!("{DAYS}&type=views&bots=include")).await;
    assert_eq!(
        (views.len(), &views[0]["page_id"], &views[0]["block_id"]),
        (6, &json!(page(1).to_string()), &Value::Null)
    );
    assert!(views.iter().all(|row| row.get("link").is_none()));
    let blocks = lines(&app, &format!("{DAYS}&type=block_clicks")).await;
    assert_eq!(blocks.len(), 4);
    assert_eq!(blocks[0]["block_id"], block(1).to_string());
    let (one, two) = (page(1), page(2));
    for (kind, filter, count) in [
        ("views", format!("bioPageId={one}"), 4),
        ("views", format!("page={two}"), 1),
        ("views", "country=DE".to_owned(), 2),
        ("block_clicks", format!("bioPageId={one}"), 3),
        ("block_clicks", format!("block={}", block(1)), 2),
        ("clicks", "country=PK".to_owned(), 1),
    ] {
        assert_eq!(lines(&app, &format!("{DAYS}&type={kind}&{filter}")).await.len(), count, "{kind} {filter}");
    }
    // Broken off after the second row, it goes on with the third.
    let all = lines(&app, &format!("{DAYS}&type=views")).await;
    let cursor = all[1]["cursor"].as_str().expect("a cursor");
    assert_eq!(lines(&app, &format!("{DAYS}&type=views&cursor={cursor}")).await, all[2..]);
    assert_eq!(app.get(&format!("/analytics/export?{DAYS}&type=clicks&cursor={cursor}")).await.fields(), ["cursor"]);
    let refused = app.get("/analytics/export?type=visits").await;
    assert!(refused.text.contains("clicks, scans, views, block_clicks"), "{}", refused.text);
    assert_eq!(
        app.get("/analytics/export?type=views&linkId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa").await.fields(),
        ["linkId"]
    );
}

#[tokio::test]
async fn what_pages_do_not_have_is_refused() {
    let app = App::with(&PATIENT).await;
    for (query, field, says) in [
        ("linkId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", "linkId", "Unknown"),
        ("link=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", "link", "Unknown"),
        ("tag=spring", "tag", "Unknown"),
        ("utm_source=x", "utm_source", "Unknown"),
        ("variant=url", "variant", "Unknown"),
        ("block=blk_01kcd3vyk5f8r9v3k2m4n6p8qa", "block", "Unknown"),
        ("groupBy=tag", "groupBy", "bot, domain, page, block"),
        ("groupBy=code", "groupBy", "bot, domain, page, block"),
        ("bioPageId=lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", "bioPageId", "bp_"),
        ("page=one", "page", "bp_"),
        ("metrics=clicks", "metrics", "views,visitors"),
        ("groupBy=block&metrics=views", "metrics", "clicks,visitors"),
        ("source=mail", "source", "link, qr, bio"),
    ] {
        let answer = app.get(&format!("/analytics/views?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec![field.to_owned()]),
            "{query}"
        );
        assert!(answer.text.contains(says), "{query}: {}", answer.text);
    }
    for (query, field) in [("qrCodeId=x", "qrCodeId"), ("code=x", "code"), ("bioPageId=x", "bioPageId")] {
        assert_eq!(app.get(&format!("/analytics/scans?{query}")).await.fields(), [field], "{query}");
    }
}

async fn by_code(app: App) {
    let link = app.link(json!({"url": HERE, "slug": "spring"})).await;
    let target = Target::Link(LinkId::parse(id(&link)).expect("an id"));
    let mut codes = Vec::new();
    for _ in 0..2 {
        let code = app.post("/qr-codes", json!({"link_id": id(&link)})).await.is(201);
        let code = mask_core::id::QrId::parse(id(&code)).expect("an id");
        let owner = fact(0, 0).owner;
        let made = app.server().store.qr_code_by_id(owner, code).await.expect("the store").expect("it is there");
        codes.push((code.to_string(), made.code.token));
    }
    let scan = |hours, code| Fact { source: "qr", code, ..visit(target, hours, hours, "PK") };
    let (one, two) = (Some(codes[0].1), Some(codes[1].1));
    record(&app, vec![scan(0, one), scan(1, two), scan(2, two), scan(3, None), scan(4, Some(Token::of(5)))]).await;
    let scans = async |query: &str| app.get(&format!("/analytics/scans?{DAYS}&{query}")).await.is(200);
    assert_eq!(scans("").await["total"], 5);
    let rows =
        json!([{"code": codes[1].0, "scans": 2}, {"code": "unknown", "scans": 2}, {"code": codes[0].0, "scans": 1}]);
    assert_eq!(scans("groupBy=code").await["data"], rows);
    for (query, total) in [
        (format!("qrCodeId={}", codes[1].0), 2),
        (format!("code={}", codes[0].0), 1),
        (format!("qrCodeId={}&linkId={}", codes[1].0, id(&link)), 2),
        ("qrCodeId=qr_01kcd3vyk5f8r9v3k2m4n6p8qa".to_owned(), 0),
    ] {
        assert_eq!(scans(&query).await["total"], total, "{query}");
    }
    let exported = lines(&app, &format!("{DAYS}&type=scans")).await;
    let ids: Vec<_> = exported.iter().map(|row| row["qr_code_id"].as_str()).collect();
    let (one, two) = (Some(codes[0].0.as_str()), Some(codes[1].0.as_str()));
    assert_eq!(ids, [one, two, two, None, None]);
    assert_eq!(lines(&app, &format!("{DAYS}&type=scans&qrCodeId={}", codes[1].0)).await.len(), 2);
}

#[tokio::test]
async fn scans_are_told_apart_by_code() {
    by_code(App::with(&PATIENT).await).await;
}

#[tokio::test]
async fn scans_are_told_apart_by_code_on_postgres() {
    by_code(App::on_postgres(&PATIENT).await).await;
}
