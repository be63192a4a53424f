//! Views of pages, clicks on their blocks and scans of a code: set aside and brought back, and never taken for plain clicks.

use serde_json::{Value, json};

use super::{History, aside::set_aside, link, mask, said};
use crate::harness::{Answer, App};

/// A page with a block that leads elsewhere, a link and a code of it.
struct Site {
    page: String,
    block: String,
    link: String,
    code: String,
    token: String,
}

async fn site(app: &App) -> Site {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let block = json!({"type": "link", "data": {"title": "Elsewhere", "url": "https://example.org/"}});
    let body = json!({"title": "Ada", "slug": "ada-page", "blocks": [block], "published": true});
    let page = app.post("/bio-pages", body).await.is(201);
    let link = link(app, "spring").await;
    let code = text(&app.post("/qr-codes", json!({"link_id": link})).await.is(201)["id"]);
    let owner = mask_core::workspace::Owner { workspace: 1, is_test: false };
    let id = mask_core::id::QrId::parse(&code).expect("an id");
    let made = app.server().store.qr_code_by_id(owner, id).await.expect("the store").expect("it is there");
    Site {
        page: text(&page["id"]),
        block: text(&page["blocks"][0]["id"]),
        link,
        code,
        token: made.code.token.to_string(),
    }
}

/// What is counted: of the page, on its blocks, of the code and of links in statistics; and what page, code and link say.
async fn counted(app: &App, site: &Site) -> [Value; 7] {
    let total = async |path: String| app.get(&path).await.is(200)["total"].clone();
    let of = async |path: String, name: &str| app.get(&path).await.is(200)[name].clone();
    [
        total(format!("/analytics/views?bioPageId={}", site.page)).await,
        total(format!("/analytics/views?bioPageId={}&groupBy=block", site.page)).await,
        total(format!("/analytics/scans?qrCodeId={}", site.code)).await,
        total("/analytics/clicks".to_owned()).await,
        of(format!("/bio-pages/{}", site.page), "views").await,
        of(format!("/qr-codes/{}", site.code), "scans").await,
        of(format!("/links/{}", site.link), "clicks").await,
    ]
}

fn counts(counts: [u64; 7]) -> [Value; 7] {
    counts.map(Value::from)
}

#[tokio::test]
async fn views_and_scans_that_were_set_aside_come_back() {
    for (sink, file, refused, before, files) in [
        (
            "counts",
            "mask.db",
            &["UPDATE OF views ON bio_pages", "UPDATE OF scans ON qr_codes"][..],
            [1, 1, 1, 1, 0, 0, 0],
            2,
        ),
        ("statistics", "clicks.db", &["INSERT ON click_batches"], [0, 0, 0, 0, 1, 1, 1], 3),
    ] {
        let app = App::start().await;
        let site = site(&app).await;
        let sql = |statement: &str| {
            let database = rusqlite::Connection::open(app.data().join(file)).expect("the database");
            database.execute_batch(statement).expect("a change");
        };
        for (number, refused) in refused.iter().enumerate() {
            sql(&format!("CREATE TRIGGER refuse_{number} BEFORE {refused} BEGIN SELECT RAISE(ABORT, 'refused'); END"));
        }
        assert_eq!(Answer::of(app.visit("/ada-page")).await.status, 200);
        assert_eq!(Answer::of(app.visit(&format!("/ada-page?to={}", site.block))).await.status, 302);
        assert_eq!(Answer::of(app.visit(&format!("/spring?qr={}", site.token))).await.status, 302);
        let told = set_aside(&app, files).await;
        for number in 0..refused.len() {
            sql(&format!("DROP TRIGGER refuse_{number}"));
        }
        assert_eq!(counted(&app, &site).await, counts(before), "{sink}: {told}");
        let commands: Vec<_> = told.split('`').filter(|part| part.starts_with("mask import clicks")).collect();
        assert_eq!(commands.len(), files, "{told}");
        for command in commands.repeat(2) {
            let mut import = mask(&command.split(' ').skip(1).collect::<Vec<_>>());
            import.arg("--data-dir").arg(app.data());
            let (code, _, said) = said(import);
            assert_eq!(code, Some(0), "{command}: {said}");
        }
        assert_eq!(counted(&app, &site).await, counts([1; 7]), "{sink}: each once, as what it was");
        std::fs::remove_dir_all(app.data().join("set-aside")).expect("it is ours");
    }
}

#[tokio::test]
async fn rows_of_pages_are_read_or_refused() {
    let app = App::start().await;
    let Site { page, block, link, code, token } = site(&app).await;
    let head = "at,link,page_id,block_id,qr_code_id,qr_token,source\n";
    let other = mask_core::id::PageId::from_bits(1);
    for (row, why) in [
        (format!("{link},{page},,,,"), "both a link and a page"),
        (format!(",{link},,,,"), "no id of a page"),
        (format!(",{other},,,,"), "there is no page"),
        (format!(",{page},{link},,,"), "no id of a block"),
        (format!("{link},,{block},,,"), "without its page"),
        (format!("{link},,,{link},,qr"), "no id of a QR code"),
        (format!("{link},,,,0123456789,qr"), "no token"),
        (format!("{link},,,,,mail"), "link, qr, bio"),
        (",,,,,".to_owned(), "no link is named"),
    ] {
        let said = History::of(&format!("{head}2026-01-01,{row}\n")).refused(&app, &[]);
        assert!(said.contains(why), "{row}: {said}");
    }
    let rows = [
        format!(",{page},,,,bio"),
        format!(",{page},,,,"),
        format!(",{page},{block},,,"),
        format!("{link},,,{code},,qr"),
        format!("{link},,,,{token},qr"),
        // Of a code that is no more a scan stays.
        format!("{link},,,qr_01kcd3vyk5f8r9v3k2m4n6p8qa,,qr"),
    ];
    let rows = rows.iter().fold(String::new(), |rows, row| rows + "2026-03-24T12:00:00Z," + row + "\n");
    assert_eq!(History::of(&format!("{head}{rows}")).imported(&app, &[]), "6 clicks of 6 rows imported");
    let wanted = Site { page, block, link, code, token };
    assert_eq!(counted(&app, &wanted).await, counts([2, 1, 2, 3, 2, 2, 3]));
    let sources = app.get("/analytics/views?groupBy=source").await.is(200);
    assert_eq!(sources["data"], json!([{"source": "bio", "views": 1}, {"source": "link", "views": 1}]));
}
