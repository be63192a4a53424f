//! Bio pages as visitors meet them: over sockets, on every host, with what they are made of.

use std::collections::BTreeSet;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::{
    bio_pages::{page, path},
    gallery::picture,
    harness::{Answer, App, BROWSER},
    wire::{Reply, Wire},
};

const DOMAIN: &str = "go.test";

async fn start() -> App {
    App::with(&[("links.domains", DOMAIN)]).await
}

async fn at(app: &App, host: &str, path: &str) -> Answer {
    Answer::of(app.visit(path).header("host", host)).await
}

fn raw(app: &App, host: &str, path: &str) -> Reply {
    let address = app.base.strip_prefix("http://").expect("an address").parse().expect("an address");
    let mut wire = Wire::open(address).expect("a connection");
    let key = &app.key;
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER}\r\nAuthorization: Bearer {key}\r\n\r\n");
    wire.ask(head.as_bytes()).expect("an answer")
}

async fn bytes(app: &App, host: &str, path: &str) -> (u16, HeaderMap, Vec<u8>) {
    let response = app.visit(path).header("host", host).send().await.expect("an answer");
    (response.status().as_u16(), response.headers().clone(), response.bytes().await.expect("a body").to_vec())
}

fn link(url: &str) -> Value {
    json!({"type": "link", "data": {"title": "Somewhere", "url": url}})
}

/// Addresses below `/-/` that a document names.
fn named(html: &str) -> Vec<&str> {
    let starts = html.match_indices("/-/").map(|(at, _)| &html[at..]);
    starts.map(|rest| rest.split(['"', ')']).next().expect("an address")).collect()
}

#[tokio::test]
async fn a_page_is_seen_counted_and_followed() {
    let app = start().await;
    let made = page(
        &app,
        json!({"title": "Ada", "slug": "ada-page", "published": true, "blocks": [link("https://example.com/a")]}),
    )
    .await;
    let shown = at(&app, DOMAIN, "/ada-page").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "text/html; charset=utf-8"), "{}", shown.text);
    assert!(shown.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(at(&app, DOMAIN, "/ada-page").await.text, shown.text, "from memory, in the fast lane");
    assert_eq!(at(&app, "localhost", "/ada-page").await.status, 404, "it lives on one host");
    let href = shown.text.split("href=\"?to=").nth(1).expect("a link").split('"').next().expect("its end");
    let followed = at(&app, DOMAIN, &format!("/ada-page?to={href}")).await;
    assert_eq!((followed.status, followed.header("location")), (302, "https://example.com/a"));
    let bot =
        app.client.get(format!("{}/ada-page", app.base)).header("host", DOMAIN).header("user-agent", "Googlebot/2.1");
    assert_eq!(Answer::of(bot).await.status, 200);
    app.settle().await;
    assert_eq!(app.get(&path(&made)).await.is(200)["views"], 2, "people are counted");
}

#[tokio::test]
async fn with_its_letters_and_its_script_a_page_is_light() {
    let app = start().await;
    let link = |n: usize| json!({"type": "link", "data": {"title": format!("Notes, part {n}"), "url": "https://example.com/notes"}});
    let mut blocks: Vec<Value> = (1..=10).map(link).collect();
    blocks.push(json!({"type": "header", "data": {"text": "Engines"}}));
    blocks
        .push(json!({"type": "text", "data": {"content": "She saw what it could do — “weave algebraical patterns”."}}));
    blocks.push(json!({"type": "video", "data": {"url": "https://vimeo.com/76979871"}}));
    page(&app, json!({"title": "Ada Lovelace", "slug": "ada-page", "published": true, "blocks": blocks})).await;
    let html = at(&app, DOMAIN, "/ada-page").await.text;
    let mut before_pictures = html.len();
    let is_no_picture = |address: &&str| matches!(address.rsplit('.').next(), Some("woff2" | "js"));
    let others = named(&html).into_iter().filter(is_no_picture);
    for address in others.collect::<BTreeSet<_>>() {
        before_pictures += bytes(&app, DOMAIN, address).await.2.len();
    }
    assert!((html.len() + 1..=30 * 1024).contains(&before_pictures), "{before_pictures} bytes");
}

#[tokio::test]
async fn what_a_page_names_is_there_on_its_host() {
    let app = start().await;
    let upload = app.api(Method::POST, "/uploads").header("content-type", "image/png").body(picture("#c2410c"));
    let uploaded = Answer::of(upload).await.is(201);
    let made = page(
        &app,
        json!({
            "title": "Ada Łódź", "slug": "ada-page", "published": true, "avatar_url": uploaded["url"],
            "blocks": [{"type": "video", "data": {"url": "https://vimeo.com/76979871"}}],
        }),
    )
    .await;
    let html = at(&app, DOMAIN, "/ada-page").await.text;
    let addresses = named(&html);
    assert!(addresses.len() >= 5, "{addresses:?}");
    for address in addresses {
        let (status, headers, file) = bytes(&app, DOMAIN, address).await;
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().expect("text"));
        assert_eq!((status, file.is_empty()), (200, false), "{address}");
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable", "{address}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{address}");
        let kind = match address.rsplit('.').next() {
            Some("woff2") => "font/woff2",
            Some("js") => "text/javascript; charset=utf-8",
            Some("jpg") => "image/jpeg",
            _ => "image/png",
        };
        assert_eq!(header("content-type"), kind, "{address}");
        let again = app.visit(address).header("host", DOMAIN).header("if-none-match", header("etag"));
        assert_eq!(Answer::of(again).await.status, 304, "{address}");
        assert_eq!(at(&app, "localhost", address).await.status, 200, "{address}");
    }
    assert!(at(&app, DOMAIN, "/-/fonts/OFL.txt").await.text.contains("SIL OPEN FONT LICENSE"));

    let card = format!("/-/card/{}", made["id"].as_str().expect("an id"));
    let (status, _, picture) = bytes(&app, DOMAIN, &format!("{card}-1.png")).await;
    assert_eq!(status, 200);
    assert_eq!(picture.get(16..24), Some(&[0, 0, 4, 176, 0, 0, 2, 118][..]), "1200 by 630 pixels");
    app.patch(&path(&made), json!({"title": "Ada Lovelace"})).await.is(200);
    let older = at(&app, DOMAIN, &format!("{card}-1.png")).await;
    assert_eq!((older.status, older.header("location")), (302, format!("{card}-2.png").as_str()));
    app.patch(&path(&made), json!({"published": false})).await.is(200);
    for name in [format!("{card}-2.png"), format!("{card}-3.png"), format!("{card}-x.png"), "/-/card/x.png".to_owned()]
    {
        assert_eq!(at(&app, DOMAIN, &name).await.status, 404, "{name}: of a draft there is none");
    }
}

#[tokio::test]
async fn below_the_dash_there_is_nothing_else() {
    let app = start().await;
    let link = app.link(json!({"url": "https://example.com/", "slug": "some-link"})).await;
    let id = link["id"].as_str().expect("an id");
    for path in [
        "/-/",
        "/-/api/v1/links",
        "/-/../api/v1/links",
        "/-/../../api/v1/links",
        "/-/%2e%2e/api/v1/links",
        "/-/..%2fapi/v1/links",
        "/-//api/v1/links",
        "/-/./../docs",
        "/-/docs",
        "/-/fonts/../../api/v1/links",
        "/-/fonts/inter-latin.woff2",
        "/-/fonts/",
        "/-/img/",
        "/-/img/../../healthz",
        "/-/page.js",
        "/-/healthz",
        "/-",
        "//api/v1/links",
        &format!("/-/links/{id}"),
        "/api/v1/links",
        "/docs",
    ] {
        let reply = raw(&app, DOMAIN, path);
        assert_eq!(reply.status, 404, "{path}");
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!body.contains(id) && !body.contains("swagger"), "{path}: {body}");
    }
    assert_eq!(raw(&app, "stranger.test", "/-/fonts/OFL.txt").status, 404, "only on hosts that are served");
    assert_eq!(raw(&app, "localhost", "/api/v1/links").status, 200);
}

#[tokio::test]
async fn a_host_names_its_published_pages() {
    let app = start().await;
    for (slug, domain, is_published) in
        [("page-b", DOMAIN, true), ("Page-A", DOMAIN, true), ("page-c", DOMAIN, false), ("page-d", "localhost", true)]
    {
        page(&app, json!({"title": slug, "slug": slug, "domain": domain, "published": is_published})).await;
    }
    let test_key = app.key_for("bio-pages:write", true).await;
    let body = json!({"title": "T", "slug": "page-t", "domain": DOMAIN, "published": true});
    Answer::of(app.api_as(&test_key, Method::POST, "/bio-pages").json(&body)).await.is(201);
    let list = at(&app, DOMAIN, "/sitemap.xml").await;
    assert_eq!((list.status, list.header("content-type")), (200, "application/xml"));
    let found: Vec<_> = list.text.split("<loc>").skip(1).map(|rest| rest.split('<').next().expect("an end")).collect();
    assert_eq!(found, ["http://go.test:8080/Page-A", "http://go.test:8080/page-b"]);
    assert!(list.text.contains("<lastmod>2026-03-24T14:00:14Z</lastmod>"), "{}", list.text);
    assert!(at(&app, "localhost", "/sitemap.xml").await.text.contains("http://localhost:8080/page-d"));
    let robots = at(&app, DOMAIN, "/robots.txt").await.text;
    assert!(
        robots.contains("Sitemap: http://go.test:8080/sitemap.xml\n") && robots.contains("Disallow: /*?to="),
        "{robots}"
    );
    assert_eq!(at(&app, "stranger.test", "/sitemap.xml").await.status, 404);
}

#[tokio::test]
async fn a_language_is_said_or_left_to_the_letters() {
    let app = App::start().await;
    let made = page(&app, json!({"title": "שלום", "slug": "shalom", "published": true})).await;
    assert_eq!(made["language"], Value::Null);
    let tag = async || {
        let html = Answer::of(app.visit("/shalom")).await.text;
        html.split_once("<html ").and_then(|(_, rest)| rest.split_once('>')).map(|(tag, _)| tag.to_owned())
    };
    assert_eq!(tag().await.as_deref(), Some("lang=\"he\" dir=\"rtl\""));
    for (language, said, shown) in [
        ("yi", json!("yi"), "lang=\"yi\" dir=\"rtl\""),
        ("PT-br", json!("pt-BR"), "lang=\"pt-BR\" dir=\"ltr\""),
        ("az-Arab", json!("az-Arab"), "lang=\"az-Arab\" dir=\"rtl\""),
    ] {
        assert_eq!(app.patch(&path(&made), json!({"language": language})).await.is(200)["language"], said);
        assert_eq!(tag().await.as_deref(), Some(shown));
    }
    for wrong in [json!("english"), json!("xx"), json!(""), json!(7), json!("en\"><script>")] {
        assert_eq!(app.patch(&path(&made), json!({"language": wrong})).await.fields(), ["language"], "{wrong}");
    }
    assert_eq!(app.patch(&path(&made), json!({"title": "Ada"})).await.is(200)["language"], "az-Arab", "it stays");
    assert_eq!(app.patch(&path(&made), json!({"language": null})).await.is(200)["language"], Value::Null);
    assert_eq!(tag().await.as_deref(), Some("lang=\"en\" dir=\"ltr\""));
}

#[tokio::test]
async fn a_page_that_is_deleted_while_somebody_looks_at_it() {
    let app = start().await;
    let form = json!({"type": "email", "data": {
        "mode": "contact", "title": "Write", "button_text": "Send", "success_message": "Thanks"
    }});
    let body = json!({
        "title": "Ada", "slug": "ada-page", "published": true, "blocks": [link("https://example.com/a"), form]
    });
    let made = page(&app, body).await;
    assert_eq!(at(&app, DOMAIN, "/ada-page").await.status, 200);
    assert_eq!(app.delete(&path(&made)).await.status, 204);
    let block = |place: usize| made["blocks"][place]["id"].as_str().expect("an id").to_owned();
    let followed = at(&app, DOMAIN, &format!("/ada-page?to={}", block(0))).await;
    assert_eq!(followed.status, 410, "what was on the page leads nowhere");
    let sent = format!("block={}&email=a%40e.com&message=Hello", block(1));
    let sent = app.client.post(format!("{}/ada-page", app.base)).header("host", DOMAIN).body(sent);
    let sent = sent.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(Answer::of(sent).await.status, 410, "nor can anything be sent there any more");
    let card = format!("/-/card/{}-1.png", made["id"].as_str().expect("an id"));
    assert_eq!(at(&app, DOMAIN, &card).await.status, 404);
    assert!(!at(&app, DOMAIN, "/sitemap.xml").await.text.contains("ada-page"));
}

#[tokio::test]
async fn pages_go_on_while_their_pictures_are_away() {
    let app = start().await;
    let upload = async |app: &App, colour: &str| {
        Answer::of(app.api(Method::POST, "/uploads").header("content-type", "image/png").body(picture(colour))).await
    };
    let face = upload(&app, "#c2410c").await.is(201)["url"].clone();
    let made = page(&app, json!({"title": "Ada", "slug": "ada-page", "published": true, "avatar_url": face})).await;
    let shown = at(&app, DOMAIN, "/ada-page").await.text;
    let avatar =
        named(&shown).into_iter().find(|address| address.starts_with("/-/img/")).expect("a picture").to_owned();
    assert_eq!(bytes(&app, DOMAIN, &avatar).await.0, 200);
    let (folder, aside) = (app.data().join("pictures"), app.data().join("aside"));
    std::fs::rename(&folder, &aside).expect("moved");
    std::fs::write(&folder, "").expect("a file");
    assert_eq!(at(&app, DOMAIN, "/ada-page").await.text, shown);
    assert_eq!(bytes(&app, DOMAIN, &avatar).await.0, 200, "what was shown lately is in memory");
    assert_eq!(upload(&app, "#222222").await.error(503), "unavailable");
    app.patch(&path(&made), json!({"title": "Ada Lovelace", "avatar_url": face})).await.is(200);
    let changed = at(&app, DOMAIN, "/ada-page").await;
    assert!(changed.status == 200 && changed.text.contains("Ada Lovelace") && changed.text.contains(&avatar));
    std::fs::remove_file(&folder).expect("removed");
    std::fs::rename(&aside, &folder).expect("moved");
    assert_eq!(bytes(&app, DOMAIN, &avatar).await.0, 200);
}

#[tokio::test]
async fn drafts_previews_and_ends() {
    let app = start().await;
    let made = page(&app, json!({"title": "Ada", "slug": "ada-page", "blocks": [link("https://example.com/a")]})).await;
    assert_eq!(at(&app, DOMAIN, "/ada-page").await.status, 404);
    let preview = app.post(&format!("{}/preview", path(&made)), json!({})).await.is(200);
    let preview =
        preview["url"].as_str().expect("an address").strip_prefix("http://go.test:8080").expect("its host").to_owned();
    for _ in 0..2 {
        let shown = at(&app, DOMAIN, &preview).await;
        assert_eq!((shown.status, shown.header("cache-control")), (200, "private, no-store"));
        assert_eq!(shown.header("x-robots-tag"), "noindex, nofollow");
        assert!(shown.text.contains("href=\"https://example.com/a\""));
    }
    for (wish, expires_at) in [
        (json!({}), "2026-03-25T14:00:14Z"),
        (json!({"expires_in": 60}), "2026-03-24T14:01:14Z"),
        (json!({"expires_in": 604_800}), "2026-03-31T14:00:14Z"),
    ] {
        let shown = app.post(&format!("{}/preview", path(&made)), wish.clone()).await.is(200);
        assert_eq!(shown["expires_at"], expires_at, "{wish}");
    }
    for wish in [json!(59), json!(604_801), json!(-1), json!("60"), json!(null), json!(60.5)] {
        let refused = app.post(&format!("{}/preview", path(&made)), json!({"expires_in": wish})).await;
        assert_eq!(
            (refused.error(422).as_str(), refused.fields()),
            ("validation_error", vec!["expires_in".to_owned()])
        );
    }
    let bare = Answer::of(app.api(Method::POST, &format!("{}/preview", path(&made)))).await;
    assert_eq!(bare.is(200)["expires_at"], "2026-03-25T14:00:14Z");
    app.patch(&path(&made), json!({"published": true})).await.is(200);
    let shown = at(&app, DOMAIN, "/ada-page").await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, "private, no-cache"));
    app.patch(&path(&made), json!({"title": "Ada Lovelace"})).await.is(200);
    let changed = at(&app, DOMAIN, "/ada-page").await;
    assert!(changed.text.contains("Ada Lovelace") && changed.header("etag") != shown.header("etag"), "seen at once");
    assert_eq!(app.delete(&path(&made)).await.status, 204);
    assert_eq!(at(&app, DOMAIN, "/ada-page").await.status, 410);
    assert_eq!(at(&app, DOMAIN, &preview).await.status, 410);
}
