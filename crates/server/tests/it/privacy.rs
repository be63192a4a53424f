//! That nobody's address is kept: not in any file of the data folder, not in a log that tells everything. And that visitors
//! are told apart all the same, for a day.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use mask_core::question::Dimension;
use serde_json::json;

use crate::{
    binary::Server,
    harness::{Answer, App, BROWSER},
    places,
    wire::{Wire, api_request},
};

// Addresses that occur nowhere by chance.
const V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 187);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x7a5e, 0x91c3, 0x4f26, 0xb8d1, 0x63e7, 0x2c95);

/// Every way in which a program may come to write an address down.
fn ways() -> Vec<(String, Vec<u8>)> {
    let bits = V4.to_bits();
    let mapped = V4.to_ipv6_mapped();
    let mut reversed = V6.octets();
    reversed.reverse();
    let texts = [
        V4.to_string(),
        bits.to_string(),
        format!("{bits:08x}"),
        format!("{bits:08X}"),
        mapped.to_string(),
        format!("{:x?}", V4.octets()),
        format!("{:?}", V4.octets()),
        V6.to_string(),
        V6.to_string().to_uppercase(),
        format!("{:032x}", V6.to_bits()),
        V6.to_bits().to_string(),
        format!("{:?}", V6.octets()),
    ];
    let bytes = [("the bytes of IPv6", V6.octets()), ("backwards", reversed), ("IPv4 mapped", mapped.octets())];
    let texts = texts.into_iter().map(|text| (text.clone(), text.into_bytes()));
    texts.chain(bytes.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))).collect()
}

/// Looks through all files of a folder, and hands back what is in them.
fn assert_kept_nowhere(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_kept_nowhere(&path, files);
        } else {
            let mut file = fs::read(&path).expect("a file");
            // The journal's files are made at their full length.
            file.truncate(file.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            assert_not_in(&file, &path.display().to_string());
            files.push(file);
        }
    }
}

fn assert_not_in(bytes: &[u8], place: &str) {
    for (name, way) in ways() {
        assert!(!bytes.windows(way.len()).any(|part| part == way), "{place} holds an address: {name}");
    }
}

/// A visit that comes through the proxy for somebody at this address.
fn visit(method: &str, path: &str, address: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\nX-Forwarded-For: {address}\r\n\
         Forwarded: for={address}\r\nX-Real-IP: {address}\r\nReferer: https://news.example/\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn no_address_is_in_a_file_or_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("places.mmdb");
    fs::write(&database, places::database("DE")).expect("a file");
    let mut server = Server::start(&[
        ("log.level", "trace"),
        ("proxy.trusted", "127.0.0.0/8"),
        ("places.database", database.to_str().expect("Unicode")),
        // The journal is looked at as well as what is drained from it.
        ("clicks.drain_interval_ms", "60000"),
        ("limits.requests_per_minute", "9"),
    ]);
    let key = server.first_key().expect("a key");
    let mut wire = Wire::open(server.address()).expect("a connection");
    let rules = json!([{"when": {"country": ["PK"]}, "url": "https://example.com/pk"}]);
    for link in [
        json!({"url": "https://example.com/", "slug": "plain"}),
        json!({"url": "https://example.com/", "slug": "ruled", "rules": rules}),
        json!({"url": "https://example.com/", "slug": "locked", "password": "open sesame"}),
        json!({"url": "https://example.com/", "slug": "limited", "click_limit": 100}),
        json!({"url": "https://example.com/", "slug": "varied",
            "variants": [{"url": "https://example.com/a", "weight": 1}, {"url": "https://example.com/b", "weight": 1}]}),
    ] {
        let made = wire.ask(&api_request("POST", "/links", &key, "", &link.to_string())).expect("an answer");
        assert_eq!(made.status, 201, "{made:?}");
    }
    for address in [V4.to_string(), V6.to_string(), format!("[{V6}]:4711"), format!("::ffff:{V4}")] {
        let mut ask = |bytes: &[u8]| wire.ask(bytes).expect("an answer").status;
        assert_eq!(ask(&visit("GET", "/plain", &address, "")), 302);
        assert_eq!(ask(&visit("GET", "/ruled", &address, "")), 302);
        assert_eq!(ask(&visit("GET", "/limited", &address, "")), 302);
        assert_eq!(ask(&visit("GET", "/varied", &address, "")), 302);
        assert_eq!(ask(&visit("GET", "/plain+", &address, "")), 200);
        assert_eq!(ask(&visit("GET", "/nothing-here", &address, "")), 404);
        assert_eq!(ask(&visit("DELETE", "/plain", &address, "")), 405);
        let wrong = visit("POST", "/locked", &address, "password=guess");
        assert!([403, 429].contains(&ask(&wrong)));
        assert!([303, 429].contains(&ask(&visit("POST", "/locked", &address, "password=open+sesame"))));
        // The API too: without a key, with a wrong one, too often.
        let more = format!("X-Forwarded-For: {address}\r\n");
        for _ in 0..12 {
            let answer = ask(&api_request("GET", "/links", "mk_live_wrong", &more, ""));
            assert!([401, 429].contains(&answer), "{answer}");
        }
    }
    let mut files = Vec::new();
    assert_kept_nowhere(&server.data(), &mut files);
    let referrer = b"https://news.example/";
    let visits = files.iter().filter(|file| file.windows(referrer.len()).any(|part| part == referrer));
    assert!(visits.count() > 0, "the visits were among what was looked at");
    server.terminate();
    assert_kept_nowhere(&server.data(), &mut files);
    assert_not_in(server.said().as_bytes(), "the log");
    assert_not_in(server.printed().as_bytes(), "stdout");
}

async fn told_apart_for_a_day(mut app: App) {
    app.link(json!({"url": "https://example.com", "slug": "spring"})).await;
    let visit = async |app: &App, address: &str| {
        let answer = Answer::of(app.visit("/spring").header("x-forwarded-for", address)).await;
        assert_eq!(answer.status, 302);
    };
    let total = async |app: &App| {
        let total = places::answer(app, Dimension::Country).await.total;
        (total.clicks, total.visitors)
    };
    visit(&app, "203.0.113.1").await;
    visit(&app, "203.0.113.1").await;
    visit(&app, "203.0.113.2").await;
    assert_eq!(total(&app).await, (3, 2));
    app.restart().await;
    visit(&app, "203.0.113.1").await;
    visit(&app, "203.0.113.2").await;
    assert_eq!(total(&app).await, (5, 2), "a restart on the same day knows them");
    app.wait(24 * 3600);
    visit(&app, "203.0.113.1").await;
    visit(&app, "203.0.113.1").await;
    assert_eq!(total(&app).await, (7, 3), "on another day nobody can tell that they were here before");
    app.restart().await;
    visit(&app, "203.0.113.1").await;
    assert_eq!(total(&app).await, (8, 3), "nor is the new salt lost");
}

#[tokio::test]
async fn visitors_are_told_apart_for_a_day() {
    told_apart_for_a_day(App::with(&[("proxy.trusted", "127.0.0.0/8")]).await).await;
}

#[tokio::test]
async fn visitors_are_told_apart_for_a_day_on_postgres() {
    told_apart_for_a_day(App::on_postgres(&[("proxy.trusted", "127.0.0.0/8")]).await).await;
}
