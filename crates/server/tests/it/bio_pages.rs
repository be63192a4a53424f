//! Bio pages over the API: made, read, changed, published and deleted.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    gallery::{Gallery, Shown, picture},
    harness::{Answer, App},
    receiver::Receiver,
};

/// Pictures and receivers are on this machine.
const HERE: [(&str, &str); 3] =
    [("outbound.allow_networks", "127.0.0.0/8"), ("outbound.timeout_ms", "1000"), ("limits.requests_per_minute", "0")];

pub(crate) fn path(page: &Value) -> String {
    format!("/bio-pages/{}", page["id"].as_str().expect("an id"))
}

pub(crate) async fn page(app: &App, body: Value) -> Value {
    app.post("/bio-pages", body).await.is(201)
}

/// What is said of each field at fault.
#[track_caller]
pub(crate) fn faults(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let json = answer.json();
    let details = json["error"]["details"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    details.iter().map(|fault| (text(&fault["field"]), text(&fault["message"]))).collect()
}

#[tokio::test]
async fn a_page_from_its_making_to_its_end() {
    let app = App::start().await;
    let body = json!({
        "title": "  Ada Lovelace ", "slug": "Ada-Page", "description": "Analyst.\r\nPoetical scientist.",
        "blocks": [
            {"type": "header", "data": {"text": "Work"}, "position": 7},
            {"type": "link", "data": {"title": "Notes", "url": "https://example.com/notes"}, "visible": false},
        ],
    });
    let made = Answer::of(app.api(Method::POST, "/bio-pages").json(&body)).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1.0\""), "{}", made.text);
    let location = made.header("location").to_owned();
    let page = made.json();
    assert_eq!(location, format!("/api/v1{}", path(&page)));
    let members = ["title", "slug", "description", "domain", "views", "published", "published_at", "avatar_url"];
    let values: Vec<_> = members.iter().map(|name| page[name].clone()).collect();
    assert_eq!(
        json!(values),
        json!(["Ada Lovelace", "Ada-Page", "Analyst.\nPoetical scientist.", "localhost", 0, false, null, null])
    );
    assert!(page["url"].as_str().is_some_and(|url| url.ends_with("/Ada-Page")));
    for (place, block) in page["blocks"].as_array().expect("blocks").iter().enumerate() {
        assert_eq!(block["position"], place);
        assert!(block["id"].as_str().is_some_and(|id| id.starts_with("blk_")));
    }
    assert_eq!(
        page["blocks"][1]["data"],
        json!({"title": "Notes", "url": "https://example.com/notes", "thumbnail_url": null})
    );
    assert_eq!(page["blocks"][1]["visible"], false);

    let read = app.get(&path(&page)).await;
    assert_eq!(read.header("etag"), "\"1.0\"");
    assert_eq!(read.json(), page);
    let known = Answer::of(app.api(Method::GET, &path(&page)).header("if-none-match", "\"1.0\"")).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));

    app.wait(60);
    let changed = app.patch(&path(&page), json!({"title": "Ada", "description": null, "published": true})).await;
    assert_eq!(changed.header("etag"), "\"2.0\"");
    let changed = changed.is(200);
    assert_eq!(
        (&changed["title"], &changed["description"], &changed["blocks"]),
        (&json!("Ada"), &Value::Null, &page["blocks"])
    );
    assert_eq!((&changed["published"], &changed["published_at"]), (&json!(true), &changed["updated_at"]));
    assert_ne!(changed["updated_at"], page["updated_at"]);
    let stale =
        Answer::of(app.api(Method::PATCH, &path(&page)).header("if-match", "\"1.0\"").json(&json!({"title": "x"})));
    assert_eq!(stale.await.error(412), "precondition_failed");
    let stale = Answer::of(app.api(Method::DELETE, &path(&page)).header("if-match", "\"1.0\"")).await;
    assert_eq!(stale.error(412), "precondition_failed");

    app.delete(&path(&page)).await.is(204);
    assert_eq!(app.get(&path(&page)).await.error(404), "not_found");
    assert_eq!(Answer::of(app.visit("/ada-page")).await.status, 410);
    let again = app.post("/bio-pages", json!({"title": "Eve", "slug": "ada-page"})).await;
    assert_eq!(again.error(409), "conflict");
    assert!(
        again.text.contains(&format!("/bio-pages/{}?release_slug=true", page["id"].as_str().expect("an id"))),
        "{}",
        again.text
    );
    let link = app.post("/links", json!({"url": "https://example.com", "slug": "ada-page"})).await;
    assert!(link.error(409) == "conflict" && link.text.contains("bio page bp_"), "{}", link.text);
    app.delete(&format!("{}?release_slug=true", path(&page))).await.is(204);
    assert_eq!(app.delete(&format!("{}?release_slug=true", path(&page))).await.error(404), "not_found");
    app.link(json!({"url": "https://example.com/free", "slug": "ada-page"})).await;
    assert_eq!(Answer::of(app.visit("/ada-page")).await.header("location"), "https://example.com/free");
}

#[tokio::test]
async fn addresses_are_shared_with_links() {
    let app = App::with(&[("links.domains", "go.example")]).await;
    app.link(json!({"url": "https://example.com", "slug": "Spring"})).await;
    let mine = page(&app, json!({"title": "Ada", "slug": "Summer"})).await;
    for (kind, body) in [
        ("/bio-pages", json!({"title": "Ada", "slug": "sPRING"})),
        ("/bio-pages", json!({"title": "Ada", "slug": "summer"})),
        ("/links", json!({"url": "https://example.com", "slug": "SUMMER"})),
    ] {
        assert_eq!(app.post(kind, body).await.error(409), "conflict");
    }
    assert_eq!(app.patch(&path(&mine), json!({"slug": "spring"})).await.error(409), "conflict");
    page(&app, json!({"title": "Ada", "slug": "spring", "domain": "localhost"})).await;
    let reserved = app.post("/bio-pages", json!({"title": "Ada", "slug": "Docs", "domain": "localhost"})).await;
    assert_eq!((reserved.error(422).as_str(), reserved.fields()), ("validation_error", vec!["slug".to_owned()]));
    let there = page(&app, json!({"title": "Ada", "slug": "docs", "domain": "go.example"})).await;
    assert_eq!(app.patch(&path(&there), json!({"domain": "localhost"})).await.fields(), ["slug"]);
    assert_eq!(app.post("/bio-pages", json!({"title": "Ada", "domain": "theirs.example"})).await.fields(), ["domain"]);
    for _ in 0..3 {
        let page = page(&app, json!({"title": "Ada", "slug": null, "domain": null})).await;
        assert!(page["slug"].as_str().is_some_and(|slug| slug.len() == 7), "{page}");
    }
    assert_eq!(app.patch(&path(&mine), json!({"slug": null})).await.fields(), ["slug"], "it cannot lose its slug");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_path() {
    let app = App::start().await;
    let answer = app
        .post(
            "/bio-pages",
            json!({
                "title": "\u{200b}", "slug": "a b", "description": "x".repeat(501), "theme": {"bg_color": "red", "colour": 1},
                "blocks": [
                    {"type": "link", "data": {"title": "a\u{202e}b", "url": "http://example.com", "href": "x"}},
                    {"type": "nothing", "data": {}},
                    {"type": "video", "data": {"url": "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ"}},
                    {"type": "social", "data": {"profiles": [
                        {"platform": "x", "url": "https://x.com/a"}, {"platform": "x", "url": "https://evil.example"}, 3
                    ]}},
                    {"type": "header", "data": {"text": "A"}, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
                    "block",
                    {"type": "text", "data": {"content": "a".repeat(5001)}},
                    {"type": "image", "data": {"url": "data:image/png;base64,AA", "alt": 1}},
                ],
                "publish": true,
            }),
        )
        .await;
    assert_eq!(answer.error(422), "validation_error");
    let mut fields = answer.fields();
    fields.sort();
    let mut expected = [
        "title",
        "slug",
        "description",
        "theme.bg_color",
        "theme.colour",
        "blocks[0].data.title",
        "blocks[0].data.url",
        "blocks[0].data.href",
        "blocks[1].type",
        "blocks[2].data.url",
        "blocks[3].data.profiles[1].url",
        "blocks[3].data.profiles[2]",
        "blocks[4].ends_at",
        "blocks[5]",
        "blocks[6].data.content",
        "blocks[7].data.url",
        "blocks[7].data.alt",
        "publish",
    ];
    expected.sort_unstable();
    assert_eq!(fields, expected, "{}", answer.text);
    let missing =
        app.post("/bio-pages", json!({"blocks": [{"type": "link", "data": {}}, {"data": {}}, {"type": "link"}]})).await;
    assert_eq!(missing.error(400), "bad_request");
    let mut fields = missing.fields();
    fields.sort();
    assert_eq!(fields, ["blocks[0].data.title", "blocks[0].data.url", "blocks[1].type", "blocks[2].data", "title"]);
    assert_eq!(app.get("/bio-pages").await.is(200)["data"], json!([]));
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let app = App::start().await;
    let many = |count: usize| {
        let blocks: Vec<_> = (0..count).map(|_| json!({"type": "header", "data": {"text": "A"}})).collect();
        json!({"title": "Ada", "blocks": blocks})
    };
    let refused = app.post("/bio-pages", many(500)).await;
    assert_eq!(faults(&refused), [("blocks".to_owned(), "Must have at most 100 items".to_owned())]);
    let full = page(&app, many(100)).await;
    assert_eq!(full["blocks"].as_array().map(Vec::len), Some(100));
    let more = app.post(&format!("{}/blocks", path(&full)), json!({"type": "header", "data": {"text": "A"}})).await;
    assert_eq!(more.fields(), ["body"]);
    let text = |length| json!({"title": "Ada", "blocks": [{"type": "text", "data": {"content": "a".repeat(length)}}]});
    assert_eq!(app.post("/bio-pages", text(900_000)).await.fields(), ["blocks[0].data.content"]);
    assert_eq!(app.post("/bio-pages", text(1 << 20)).await.error(413), "payload_too_large");
    let block = json!({"type": "text", "data": {"content": "ab ".repeat(1600)}});
    let heavy = app.post("/bio-pages", json!({"title": "Ada", "blocks": vec![block.clone(); 8]})).await;
    assert_eq!(heavy.error(422), "validation_error");
    assert!(faults(&heavy)[0].0 == "blocks" && faults(&heavy)[0].1.contains("30720"), "{}", heavy.text);
    let far_too_heavy = app.post("/bio-pages", json!({"title": "Ada", "blocks": vec![block.clone(); 100]})).await;
    assert_eq!(far_too_heavy.fields(), ["blocks"]);
    let light = page(&app, json!({"title": "Ada", "blocks": vec![block.clone(); 3]})).await;
    let blocks = format!("{}/blocks", path(&light));
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(app.post(&blocks, block.clone()).await);
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 422).collect();
    assert!(!refused.is_empty() && refused.iter().all(|answer| answer.fields() == ["data"]), "{answers:?}");
}

#[tokio::test]
async fn types_are_what_they_are() {
    let app = App::start().await;
    let id = path(&page(&app, json!({"title": "Ada", "blocks": [{"type": "header", "data": {"text": "A"}}]})).await);
    let wrong = [json!(null), json!(true), json!(1e300), json!(-1), json!("x"), json!([[[]]]), json!({"a": {"b": {}}})];
    let members = ["title", "slug", "domain", "description", "avatar_url", "language", "theme", "blocks", "published"];
    for name in members {
        for value in &wrong {
            let may_be = matches!(
                (name, value),
                (_, Value::Null) | ("published", Value::Bool(_)) | ("title" | "description", Value::String(_))
            );
            let answer = app.patch(&id, json!({ name: value })).await;
            assert!(may_be || answer.status == 422, "{name} {value}: {}", answer.text);
            assert!(answer.status < 500, "{name} {value}: {}", answer.text);
        }
    }
    let kinds = ["link", "header", "text", "image", "video", "social", "email", "spotify", "product"];
    let data = [
        "title",
        "url",
        "thumbnail_url",
        "text",
        "content",
        "alt",
        "link",
        "caption",
        "profiles",
        "mode",
        "price",
        "currency",
    ];
    for kind in kinds {
        for name in data {
            for value in &wrong {
                let answer = app.post(&format!("{id}/blocks"), json!({"type": kind, "data": {name: value}})).await;
                let is_header = kind == "header" && name == "text" && value == "x";
                let is_text = kind == "text" && name == "content" && value == "x";
                assert!(
                    is_header || is_text || [400, 422].contains(&answer.status),
                    "{kind} {name} {value}: {}",
                    answer.text
                );
            }
        }
    }
    for value in &wrong {
        for name in ["type", "data", "position", "visible", "starts_at", "ends_at", "id"] {
            let answer =
                app.post(&format!("{id}/blocks"), json!({"type": "header", "data": {"text": "A"}, name: value})).await;
            let may_be = matches!((name, value), ("visible", Value::Bool(_)) | ("starts_at" | "ends_at", Value::Null));
            assert!(may_be || [400, 422].contains(&answer.status), "{name} {value}: {}", answer.text);
        }
        let answer = Answer::of(app.api(Method::PUT, &format!("{id}/blocks/order")).json(&json!({"ids": value}))).await;
        assert!([400, 422].contains(&answer.status), "{value}: {}", answer.text);
    }
    // Of two members of one name the last one counts, as everywhere.
    let twice = app.api(Method::PATCH, &id).header("content-type", "application/json");
    let twice = Answer::of(twice.body(r#"{"title": 1, "title": "Twice", "blocks": 5, "blocks": []}"#)).await.is(200);
    assert_eq!((&twice["title"], &twice["blocks"]), (&json!("Twice"), &json!([])));
    let deep = format!(r#"{{"theme": {}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let deep = Answer::of(app.api(Method::PATCH, &id).header("content-type", "application/json").body(deep)).await;
    assert_eq!(deep.fields(), ["theme"]);
    let deeper = format!(r#"{{"theme": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deeper = Answer::of(app.api(Method::PATCH, &id).header("content-type", "application/json").body(deeper)).await;
    assert_eq!(deeper.error(400), "bad_request");
    let huge = r#"{"type": "header", "data": {"text": "A"}, "position": 99999999999999999999999999}"#;
    let huge = app.api(Method::POST, &format!("{id}/blocks")).header("content-type", "application/json").body(huge);
    assert_eq!(Answer::of(huge).await.fields(), ["position"]);
}

#[tokio::test]
async fn themes() {
    let app = App::start().await;
    let made = page(&app, json!({"title": "Ada"})).await;
    let theme = &made["theme"];
    assert_eq!(theme["preset"], "paper");
    for name in ["bg_color", "text_color", "button_style", "font", "button_color", "button_text_color"] {
        assert!(theme[name].is_string(), "{name}");
    }
    let patch = async |theme: Value| app.patch(&path(&made), json!({ "theme": theme })).await;
    let dark =
        patch(json!({"bg_color": "#000", "text_color": "#FFFFFF", "font": "mono"})).await.is(200)["theme"].clone();
    let shown = ["bg_color", "text_color", "button_color", "button_text_color", "font"].map(|name| dark[name].clone());
    assert_eq!(json!(shown), json!(["#000000", "#ffffff", "#ffffff", "#000000", "mono"]));
    let again = patch(dark.clone()).await.is(200);
    assert_eq!(again["theme"], dark, "what was answered can be sent back");
    let low = patch(json!({"text_color": "#333333"})).await;
    let said = &faults(&low)[0];
    assert_eq!(said.0, "theme.text_color");
    assert!(said.1.contains("1.66:1") && said.1.contains("4.5:1") && said.1.contains("#ffffff"), "{}", said.1);
    let low = patch(json!({"button_color": "#ffffff", "button_text_color": "#eeeeee"})).await;
    assert_eq!(faults(&low)[0].0, "theme.button_text_color");
    let low = patch(json!({"background_gradient": {"from": "#000000", "to": "#cccccc", "angle": 90}})).await;
    assert_eq!(faults(&low)[0].0, "theme.text_color", "both ends of a gradient count");
    let fine = patch(json!({"background_gradient": {"from": "#000000", "to": "#222222"}})).await.is(200);
    assert_eq!(fine["theme"]["background_gradient"], json!({"from": "#000000", "to": "#222222", "angle": 180}));
    let dusk = patch(json!({"preset": "dusk"})).await.is(200);
    assert_ne!(dusk["theme"]["bg_color"], "#000000", "another preset begins anew");
    assert_eq!(app.get(&path(&made)).await.is(200)["theme"], dusk["theme"]);
}

#[tokio::test]
async fn lists_leave_out_what_pages_look_like() {
    let app = App::start().await;
    for n in 0..5 {
        page(&app, json!({"title": format!("Page {n}"), "published": n % 2 == 0, "slug": format!("page-{n}")})).await;
    }
    let first = app.get("/bio-pages?limit=2").await.is(200);
    let titles = |list: &Value| {
        let rows = list["data"].as_array().expect("rows").iter();
        rows.map(|page| page["title"].as_str().expect("a title").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&first), ["Page 4", "Page 3"]);
    for name in ["avatar_url", "theme", "blocks"] {
        assert!(first["data"][0].get(name).is_none(), "{name}");
    }
    let mut seen = titles(&first);
    let mut cursor = first["pagination"]["cursor"].as_str().map(str::to_owned);
    while let Some(after) = cursor {
        let next = app.get(&format!("/bio-pages?limit=2&cursor={after}")).await.is(200);
        seen.extend(titles(&next));
        assert_eq!(next["pagination"]["has_more"], next["pagination"]["cursor"].is_string());
        cursor = next["pagination"]["cursor"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["Page 4", "Page 3", "Page 2", "Page 1", "Page 0"]);
    for (query, found) in [
        ("published=true&order=asc", &["Page 0", "Page 2", "Page 4"][..]),
        ("published=false", &["Page 3", "Page 1"]),
        ("search=PAGE-2", &["Page 2"]),
        ("search=nothing", &[]),
        ("domain=LOCALHOST&limit=1", &["Page 4"]),
        ("domain=else.example", &[]),
        ("sort=created_at&search=page%203", &["Page 3"]),
    ] {
        assert_eq!(titles(&app.get(&format!("/bio-pages?{query}")).await.is(200)), found, "{query}");
    }
    for query in ["limit=0", "limit=101", "cursor=x", "published=yes", "sort=views", "order=up", "serach=a"] {
        assert_eq!(app.get(&format!("/bio-pages?{query}")).await.error(422), "validation_error", "{query}");
    }
    let link = app.link(json!({"url": "https://example.com"})).await;
    let foreign = json!({"id": link["id"]}).to_string();
    let foreign = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, foreign);
    assert_eq!(app.get(&format!("/bio-pages?cursor={foreign}")).await.fields(), ["cursor"]);
}

#[tokio::test]
async fn publishing_is_told_once_each_time() {
    let app = App::with(&HERE).await;
    let mut receiver = Receiver::start().await;
    let hook =
        json!({"url": receiver.url, "events": ["page.published"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    app.post("/webhooks", hook).await.is(201);
    let made = page(&app, json!({"title": "Ada", "slug": "ada-page"})).await;
    app.patch(&path(&made), json!({"published": true, "title": ""})).await.is(422);
    for body in
        [json!({"published": true}), json!({"published": true}), json!({"title": "Eve"}), json!({"published": false})]
    {
        app.patch(&path(&made), body).await.is(200);
    }
    app.patch(&path(&made), json!({"published": null})).await.is(200);
    let last = app.patch(&path(&made), json!({"published": true})).await.is(200);
    let (first, second) = (receiver.next().await, receiver.next().await);
    let [first, second] =
        [first, second].map(|received| serde_json::from_slice::<Value>(&received.body).expect("JSON"));
    assert_eq!(
        (&first["type"], &first["data"]["title"], &first["data"]["id"]),
        (&json!("page.published"), &json!("Ada"), &made["id"])
    );
    assert_eq!(second["data"], last, "it is told as it is shown");
    assert_ne!(first["id"], second["id"]);
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike() {
    let app = App::with(&HERE).await;
    let gallery = Gallery::open().await;
    let face = gallery.show("/face.png", Shown::Bytes(picture("#c2410c")));
    let ask = async |path: &str, body: &Value| {
        Answer::of(app.api(Method::POST, path).header("idempotency-key", "word").json(body)).await
    };
    let alike = |first: &Answer, again: &Answer| {
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
        for name in ["location", "etag", "content-type"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
    };
    let body = json!({"title": "Ada", "avatar_url": face});
    let (first, again) = (ask("/bio-pages", &body).await, ask("/bio-pages", &body).await);
    assert_eq!(first.status, 201, "{}", first.text);
    alike(&first, &again);
    assert_eq!(gallery.visits(), 1, "nothing is fetched for what was answered before");
    assert_eq!(ask("/bio-pages", &json!({"title": "Eve"})).await.error(422), "idempotency_key_reused");
    let (one, other) = (path(&first.json()), path(&page(&app, json!({"title": "Bob"})).await));
    let block = json!({"type": "header", "data": {"text": "A"}});
    let (first, again) = (ask(&format!("{one}/blocks"), &block).await, ask(&format!("{one}/blocks"), &block).await);
    assert_eq!(first.status, 201, "{}", first.text);
    alike(&first, &again);
    assert_eq!(
        ask(&format!("{other}/blocks"), &block).await.header("idempotent-replayed"),
        "",
        "each page has its own words"
    );
    assert_eq!(app.get(&format!("{one}/blocks")).await.is(200)["data"].as_array().map(Vec::len), Some(1));
    let first = ask(&format!("{one}/preview"), &json!({})).await;
    app.wait(10);
    alike(&first, &ask(&format!("{one}/preview"), &json!({})).await);
    let taken = ask("/links", &json!({"url": "https://example.com", "slug": "taken"})).await;
    assert_eq!(taken.status, 201);
    let clash = |word: &'static str| {
        app.api(Method::POST, "/bio-pages")
            .header("idempotency-key", word)
            .json(&json!({"title": "Ada", "slug": "taken"}))
    };
    let first = Answer::of(clash("clash")).await;
    assert_eq!(first.error(409), "conflict");
    assert_eq!(Answer::of(clash("clash")).await.text, first.text);
}

#[tokio::test]
async fn live_and_test_and_others_are_apart() {
    let app = App::start().await;
    let (test, theirs) = (app.key_for("all", true).await, app.key_of_workspace(2, "all", false).await);
    let made = page(&app, json!({"title": "Ada", "blocks": [{"type": "header", "data": {"text": "A"}}]})).await;
    let block = format!("{}/blocks/{}", path(&made), made["blocks"][0]["id"].as_str().expect("an id"));
    for key in [&test, &theirs] {
        for (method, path) in [
            (Method::GET, path(&made)),
            (Method::DELETE, path(&made)),
            (Method::GET, format!("{}/blocks", path(&made))),
            (Method::GET, block.clone()),
            (Method::DELETE, block.clone()),
            (Method::POST, format!("{}/preview", path(&made))),
        ] {
            assert_eq!(Answer::of(app.api_as(key, method, &path)).await.error(404), "not_found", "{path}");
        }
        assert_eq!(Answer::of(app.api_as(key, Method::GET, "/bio-pages")).await.is(200)["data"], json!([]));
    }
    let read = app.key_for("bio-pages:read", false).await;
    Answer::of(app.api_as(&read, Method::GET, &path(&made))).await.is(200);
    let write = Answer::of(app.api_as(&read, Method::PATCH, &path(&made)).json(&json!({"title": "x"}))).await;
    assert_eq!(write.error(403), "insufficient_scope");
}

#[tokio::test]
async fn of_many_who_want_one_address_one_gets_it_on_postgres() {
    let app = App::on_postgres(&[("limits.requests_per_minute", "0")]).await;
    for turn in 0..5 {
        let slug = format!("slug-{turn}");
        let asks = (0..12).map(|n| {
            let app = &app;
            let body = if n % 2 == 0 {
                json!({"title": "Ada", "slug": slug})
            } else {
                json!({"url": "https://example.com", "slug": slug})
            };
            async move { app.post(if n % 2 == 0 { "/bio-pages" } else { "/links" }, body).await.status }
        });
        let mut statuses = join_all(asks).await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    }
}
