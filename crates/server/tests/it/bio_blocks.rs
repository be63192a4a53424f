//! Blocks of bio pages over the API, one at a time; and the pictures in them.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bio_pages::{faults, page, path},
    gallery::{Gallery, Shown, drawing, picture},
    harness::{Answer, App},
};

/// Pictures are on this machine, and who dawdles is not waited for.
const HERE: [(&str, &str); 3] =
    [("outbound.allow_networks", "127.0.0.0/8"), ("outbound.timeout_ms", "1000"), ("limits.requests_per_minute", "0")];

fn header(text: &str) -> Value {
    json!({"type": "header", "data": {"text": text}})
}

async fn page_of(app: &App, texts: &[&str]) -> Value {
    let blocks: Vec<_> = texts.iter().map(|text| header(text)).collect();
    page(app, json!({"title": "Ada", "blocks": blocks})).await
}

/// The texts of a page's headlines, from top to bottom; their positions must have no gaps.
async fn texts(app: &App, page: &Value) -> Vec<String> {
    let listed = app.get(&format!("{}/blocks", path(page))).await.is(200);
    let blocks = listed["data"].as_array().expect("blocks").clone();
    assert!(blocks.iter().enumerate().all(|(place, block)| block["position"] == place), "{blocks:?}");
    blocks.iter().map(|block| block["data"]["text"].as_str().expect("a text").to_owned()).collect()
}

fn block_path(page: &Value, block: &Value) -> String {
    format!("{}/blocks/{}", path(page), block["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_block_from_its_making_to_its_end() {
    let app = App::start().await;
    let page = page_of(&app, &["A", "B"]).await;
    let blocks = format!("{}/blocks", path(&page));
    let made =
        app.post(&blocks, json!({"type": "link", "data": {"title": "Shop", "url": "https://example.com/shop"}})).await;
    let location = made.header("location").to_owned();
    let made = made.is(201);
    assert_eq!(location, format!("/api/v1{}", block_path(&page, &made)));
    assert_eq!((&made["position"], &made["visible"], &made["starts_at"]), (&json!(2), &json!(true), &Value::Null));
    let read = app.get(&block_path(&page, &made)).await;
    assert_eq!((read.header("etag"), read.json()), ("\"2.0\"", made.clone()), "its version is its page's");
    let known = app.api(Method::GET, &block_path(&page, &made)).header("if-none-match", "\"2.0\"");
    assert_eq!(Answer::of(known).await.status, 304);

    let change = json!({"data": {"title": "My shop"}, "starts_at": "2026-05-01T00:00:00+02:00", "type": "link"});
    let changed = app.patch(&block_path(&page, &made), change).await.is(200);
    assert_eq!(changed["data"], json!({"title": "My shop", "url": "https://example.com/shop", "thumbnail_url": null}));
    assert_eq!(changed["starts_at"], "2026-04-30T22:00:00Z");
    for (body, fields) in [
        (json!({"type": "header"}), &["type"][..]),
        (json!({"data": {"url": "javascript:alert(1)"}}), &["data.url"]),
        (json!({"data": {"text": "x"}}), &["data.text"]),
        (json!({"data": {"text": null}}), &["data.text"]),
        (json!({"data": null}), &["data"]),
        (json!({"data": []}), &["data"]),
        (json!({"ends_at": "2026-04-30T22:00:00Z"}), &["ends_at"]),
        (json!({"position": 3}), &["position"]),
        (json!({"visible": null}), &["visible"]),
        (json!({"id": "blk_1"}), &["id"]),
        (
            json!({"data": {"title": "\u{2066}x", "url": 1}, "position": -1, "nope": 1}),
            &["position", "data.title", "data.url", "nope"],
        ),
    ] {
        let answer = app.patch(&block_path(&page, &made), body.clone()).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", fields.iter().map(|field| (*field).to_owned()).collect()),
            "{body}"
        );
    }
    let gone = app.patch(&block_path(&page, &made), json!({"data": {"url": null}})).await;
    assert_eq!((gone.error(400).as_str(), gone.fields()), ("bad_request", vec!["data.url".to_owned()]));
    assert_eq!(app.get(&block_path(&page, &made)).await.json(), changed, "what is refused changes nothing");

    let first = &page["blocks"][0];
    let stale = app.api(Method::DELETE, &block_path(&page, first)).header("if-match", "\"1.0\"");
    assert_eq!(Answer::of(stale).await.error(412), "precondition_failed");
    app.delete(&block_path(&page, first)).await.is(204);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(Answer::of(app.api(method, &block_path(&page, first))).await.error(404), "not_found");
    }
    assert_eq!(app.patch(&block_path(&page, first), json!({})).await.error(404), "not_found");
    assert_eq!(app.get(&block_path(&page, &made)).await.is(200)["position"], 1, "what is below moves up");
    assert_eq!(app.get(&format!("{blocks}/blk_x")).await.error(404), "not_found");
}

#[tokio::test]
async fn a_fault_hides_no_other() {
    let app = App::start().await;
    let page = page_of(&app, &[]).await;
    for (kind, data, fields) in [
        (
            "product",
            json!({"title": "", "image_url": "x", "price": -1, "currency": "XXXX", "url": "x", "button_text": ""}),
            &["title", "image_url", "currency", "price", "url", "button_text"][..],
        ),
        ("product", json!({"price": "1,5", "currency": 7}), &["price", "currency"]),
        (
            "social",
            json!({"profiles": [{"platform": "nope", "url": "javascript:1"}, {"platform": 7, "url": "mailto:a@e.com"}]}),
            &["profiles[0].platform", "profiles[0].url", "profiles[1].platform"],
        ),
    ] {
        let answer = app.post(&format!("{}/blocks", path(&page)), json!({"type": kind, "data": data})).await;
        let mut named = answer.fields();
        for field in fields {
            let field = format!("data.{field}");
            assert!(named.contains(&field), "{kind}: {field} in {named:?}");
            named.retain(|name| *name != field);
        }
        // A product that lacks the rest says that too.
        let rest = ["data.title", "data.image_url", "data.url", "data.button_text"];
        assert!(named.iter().all(|name| rest.contains(&name.as_str())), "{named:?}");
    }
}

#[tokio::test]
async fn places_have_no_gaps() {
    let app = App::start().await;
    let page = page_of(&app, &["A", "B", "C"]).await;
    let blocks = format!("{}/blocks", path(&page));
    let mut first = header("first");
    first["position"] = json!(0);
    app.post(&blocks, first.clone()).await.is(201);
    assert_eq!(texts(&app, &page).await, ["first", "A", "B", "C"]);
    first["position"] = json!(5);
    assert_eq!(app.post(&blocks, first).await.fields(), ["position"]);
    app.patch(&block_path(&page, &page["blocks"][0]), json!({"position": 3})).await.is(200);
    assert_eq!(texts(&app, &page).await, ["first", "B", "C", "A"]);
    app.patch(&block_path(&page, &page["blocks"][2]), json!({"position": 0})).await.is(200);
    assert_eq!(texts(&app, &page).await, ["C", "first", "B", "A"]);

    let listed = app.get(&blocks).await.is(200);
    let ids: Vec<_> = listed["data"].as_array().expect("blocks").iter().map(|block| block["id"].clone()).collect();
    let order = async |ids: Value| {
        Answer::of(app.api(Method::PUT, &format!("{blocks}/order")).json(&json!({"ids": ids}))).await
    };
    let other = page_of(&app, &["X"]).await["blocks"][0]["id"].clone();
    let mut reversed = ids.clone();
    reversed.reverse();
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut ids = ids.clone();
        change(&mut ids);
        json!(ids)
    };
    for (wrong, field) in [
        (with(&|ids| drop(ids.pop())), "ids"),
        (with(&|ids| ids.push(ids[0].clone())), "ids"),
        (with(&|ids| ids[1] = ids[0].clone()), "ids"),
        (with(&|ids| ids[1] = other.clone()), "ids"),
        (with(&|ids| ids.push(other.clone())), "ids"),
        (json!([]), "ids"),
        (json!("x"), "ids"),
        (with(&|ids| ids[2] = json!(7)), "ids[2]"),
        (with(&|ids| ids[2] = json!("blk_x")), "ids[2]"),
    ] {
        let answer = order(wrong.clone()).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", vec![field.to_owned()]),
            "{wrong}"
        );
    }
    assert_eq!(order(json!(null)).await.error(400), "bad_request");
    let ordered = order(json!(reversed)).await.is(200);
    assert_eq!(
        ordered["data"].as_array().expect("blocks").iter().map(|block| block["id"].clone()).collect::<Vec<_>>(),
        reversed
    );
    assert_eq!(texts(&app, &page).await, ["A", "B", "first", "C"]);
}

#[tokio::test]
async fn blocks_as_a_whole_stay_who_they_are() {
    let app = App::start().await;
    let made = page_of(&app, &["A", "B", "C"]).await;
    let ids: Vec<_> = (0..3).map(|place| made["blocks"][place]["id"].clone()).collect();
    let mut blocks = made["blocks"].clone();
    blocks[0]["data"]["text"] = json!("Z");
    let list = json!([blocks[2], header("new"), blocks[0]]);
    let changed = app.patch(&path(&made), json!({"blocks": list})).await.is(200);
    let shown = changed["blocks"].as_array().expect("blocks");
    assert_eq!((&shown[0]["id"], &shown[2]["id"], &shown[2]["data"]["text"]), (&ids[2], &ids[0], &json!("Z")));
    assert!(!ids.contains(&shown[1]["id"]));
    assert!(shown.iter().enumerate().all(|(place, block)| block["position"] == place));
    let back = app.patch(&path(&made), json!({"blocks": made["blocks"]})).await.is(200);
    assert_eq!((&back["blocks"][0]["id"], &back["blocks"][2]["id"]), (&ids[0], &ids[2]));
    assert_ne!(back["blocks"][1]["id"], ids[1], "what was taken away comes back as another");
    let mut twice = back["blocks"].clone();
    twice[1]["id"] = ids[0].clone();
    assert_eq!(app.patch(&path(&made), json!({"blocks": twice})).await.fields(), ["blocks[1].id"]);
    let mut other = back["blocks"].clone();
    other[0] = json!({"id": ids[0], "type": "text", "data": {"content": "x"}});
    assert_eq!(app.patch(&path(&made), json!({"blocks": other})).await.fields(), ["blocks[0].type"]);
    for id in [json!("blk_x"), json!(7), ids[0].as_str().map(|id| json!(id.replace("blk_", "lnk_"))).expect("an id")] {
        let block = json!({"id": id, "type": "header", "data": {"text": "x"}});
        assert_eq!(app.patch(&path(&made), json!({"blocks": [block]})).await.fields(), ["blocks[0].id"]);
    }
    assert_eq!(app.patch(&path(&made), json!({"blocks": null})).await.is(200)["blocks"], json!([]));
}

#[tokio::test]
async fn every_kind_is_read_and_shown_alike() {
    let app = App::with(&HERE).await;
    let gallery = Gallery::open().await;
    let dog = gallery.show("/dog.png", Shown::Bytes(picture("#c2410c")));
    let page = page(&app, json!({"title": "Ada"})).await;
    for (kind, data) in [
        ("link", json!({"title": "Shop", "url": "https://example.com/Ü?a=1#b", "thumbnail_url": dog})),
        ("link", json!({"title": "Shop", "url": "https://example.com", "thumbnail_url": null})),
        ("header", json!({"text": "שלום"})),
        ("text", json!({"content": "**A**\n\n- b <script>"})),
        ("image", json!({"url": dog, "alt": "", "link": null, "caption": null})),
        ("image", json!({"url": dog, "alt": "A dog", "link": "https://example.com", "caption": "Mine"})),
        ("link", json!({"title": "Write", "url": "mailto:ada@example.com", "thumbnail_url": null})),
        ("link", json!({"title": "Call", "url": "tel:+44-20-7946-0000", "thumbnail_url": null})),
        ("video", json!({"url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "title": null})),
        ("video", json!({"url": "https://vimeo.com/76979871", "title": "Notes on the engine"})),
        (
            "social",
            json!({"profiles": [
                {"platform": "github", "url": "https://github.com/ada"}, {"platform": "email", "url": "mailto:ada@example.com"}
            ]}),
        ),
        (
            "email",
            json!({"mode": "signup", "title": "News", "button_text": "Join", "success_message": "Thanks", "notify_email": null}),
        ),
        ("spotify", json!({"url": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC", "title": null})),
        ("spotify", json!({"url": "https://open.spotify.com/show/4uLU6hMCjMI75M1A2tKUQC", "title": "The engine room"})),
        (
            "product",
            json!({
                "title": "Mug", "image_url": dog, "price": 19.9, "currency": "EUR", "url": "https://example.com/mug", "button_text": "Buy"
            }),
        ),
        (
            "product",
            json!({
                "title": "Mug", "image_url": dog, "price": 1900.0, "currency": "JPY", "url": "https://example.com/mug", "button_text": "Buy"
            }),
        ),
    ] {
        let made = app.post(&format!("{}/blocks", path(&page)), json!({"type": kind, "data": data})).await.is(201);
        assert_eq!((&made["type"], &made["data"]), (&json!(kind), &data));
        let same = app.patch(&block_path(&page, &made), json!({ "data": made["data"] })).await.is(200);
        assert_eq!(same, made, "what was answered can be sent back");
    }
    let shown = app.get(&path(&page)).await.is(200);
    assert_eq!(
        app.patch(&path(&page), json!({"blocks": shown["blocks"], "theme": shown["theme"]})).await.is(200),
        shown
    );
    let mug = shown["blocks"].as_array().and_then(|blocks| blocks.last()).expect("a block");
    for (price, currency, status) in [
        (json!("19.99"), "USD", 200),
        (json!(0), "USD", 200),
        (json!(19.999), "USD", 422),
        (json!(1.5), "JPY", 422),
        (json!(-1), "USD", 422),
        (json!(1e20), "USD", 422),
        (json!("free"), "USD", 422),
        (json!(1), "usd", 422),
    ] {
        let answer = app.patch(&block_path(&page, mug), json!({"data": {"price": price, "currency": currency}})).await;
        assert_eq!(answer.status, status, "{price} {currency}: {}", answer.text);
    }
    for url in ["mailto:ada@example.com?cc=eve@example.com", "mailto:ada", "tel:*21#", "sms:+442079460000"] {
        let link = json!({"type": "link", "data": {"title": "A", "url": url}});
        assert_eq!(app.post(&format!("{}/blocks", path(&page)), link).await.fields(), ["data.url"], "{url}");
    }
    let product = json!({"data": {"url": "mailto:ada@example.com"}});
    assert_eq!(app.patch(&block_path(&page, mug), product).await.fields(), ["data.url"], "a shop is on the web");
    let copy = json!({"id": mug["id"], "type": "header", "data": {"text": "A"}});
    let copied = app.post(&format!("{}/blocks", path(&page)), copy).await.is(201);
    assert_ne!(copied["id"], mug["id"], "what comes alone is new");
    let nobody =
        app.post(&format!("{}/blocks", path(&page)), json!({"type": "social", "data": {"profiles": []}})).await;
    assert_eq!(nobody.fields(), ["data.profiles"]);
    let image = json!({"type": "image", "data": {"url": dog, "alt": " ", "link": "https://example.com"}});
    assert_eq!(app.post(&format!("{}/blocks", path(&page)), image).await.fields(), ["data.alt"], "a link needs a name");
}

#[tokio::test]
async fn pictures_are_fetched_once_and_all_faults_are_told_at_once() {
    let mut app = App::with(&HERE).await;
    let gallery = Gallery::open().await;
    let (good, drawn) = (
        gallery.show("/good.png", Shown::Bytes(picture("#c2410c"))),
        gallery.show("/drawn.svg", Shown::Bytes(drawing("#00ff00").into_bytes())),
    );
    let page_text = gallery.show("/page.html", Shown::Bytes(b"<!doctype html>".to_vec()));
    let image = |url: &str| json!({"type": "image", "data": {"url": url, "alt": "A"}});
    let wrong = json!({
        "title": "", "avatar_url": page_text,
        "blocks": [image(&good), image(&format!("{}/nothing.png", gallery.url)), image("https://10.0.0.1/a.png"), image(&page_text)],
    });
    let answer = app.post("/bio-pages", wrong).await;
    let mut fields = answer.fields();
    fields.sort();
    assert_eq!(
        fields,
        ["avatar_url", "blocks[1].data.url", "blocks[2].data.url", "blocks[3].data.url", "title"],
        "{}",
        answer.text
    );
    assert!(faults(&answer).iter().all(|(_, why)| !why.is_empty()));
    let before = gallery.visits();
    let made =
        page(&app, json!({"title": "Ada", "avatar_url": good, "blocks": [image(&good), image(&drawn), image(&good)]}))
            .await;
    assert_eq!(made["avatar_url"], json!(good), "what its owner gave is what is shown");
    assert_eq!(gallery.visits(), before + 3, "once for each address and purpose");
    let id = path(&made);
    drop(gallery);
    app.restart().await;
    // The original is gone; nobody asks for it.
    let mut blocks = made["blocks"].clone();
    blocks[0]["data"]["caption"] = json!("A caption");
    let changed = app.patch(&id, json!({"avatar_url": good, "blocks": blocks})).await.is(200);
    assert_eq!(changed["blocks"][0]["data"]["caption"], "A caption");
    app.patch(&block_path(&made, &made["blocks"][1]), json!({"data": {"url": drawn, "alt": "B"}})).await.is(200);
    app.post(&format!("{id}/blocks"), image(&drawn)).await.is(201);
    let other = app.post("/bio-pages", json!({"title": "Eve", "avatar_url": good})).await;
    assert_eq!(other.fields(), ["avatar_url"], "another page has no copy of it yet");
    assert_eq!(app.patch(&id, json!({"avatar_url": null})).await.is(200)["avatar_url"], Value::Null);
}

#[tokio::test]
async fn of_blocks_that_are_added_at_once_none_is_lost() {
    let app = App::with(&[("limits.requests_per_minute", "0")]).await;
    let page = page_of(&app, &["A"]).await;
    let added = join_all((0..20).map(|n| {
        let (app, blocks) = (&app, format!("{}/blocks", path(&page)));
        async move { app.post(&blocks, header(&format!("{n}"))).await.status }
    }));
    assert!(added.await.iter().all(|status| *status == 201));
    let mut all = texts(&app, &page).await;
    all.sort_by_key(|text| text.parse::<i32>().unwrap_or(-1));
    let expected: Vec<_> = std::iter::once("A".to_owned()).chain((0..20).map(|n| n.to_string())).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_draft_can_be_looked_at() {
    let app = App::start().await;
    let draft = page(&app, json!({"title": "Secret plans", "slug": "draft-page"})).await;
    let answer = app.post(&format!("{}/preview", path(&draft)), json!({})).await.is(200);
    assert_eq!(answer["expires_at"], "2026-03-25T14:00:14Z");
    assert_eq!(Answer::of(app.visit("/draft-page")).await.status, 404);
    let url = answer["url"].as_str().expect("an address");
    let (_, rest) = url.split_once("/draft-page").expect("its own address");
    let seen = Answer::of(app.visit(&format!("/draft-page{rest}"))).await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("Secret plans"));
    app.wait(24 * 3600 + 1);
    assert_eq!(Answer::of(app.visit(&format!("/draft-page{rest}"))).await.status, 404);
    assert_eq!(app.get(&path(&draft)).await.is(200)["views"], 0);
}
