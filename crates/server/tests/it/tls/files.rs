//! Certificates of files: versions, protocols, names, and files that change.

use reqwest::Method;
use serde_json::json;

use super::{Bench, HOST, until, write_pair};
use crate::{harness::Answer, wire::api_request};

#[tokio::test]
async fn old_versions_are_refused_and_new_ones_are_not() {
    let bench = Bench::start().await;
    // Without these openssl would not even offer the old ones.
    let weak = ["-cipher", "ALL:@SECLEVEL=0"];
    for (version, is_spoken) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let more: &[&str] = if is_spoken { &[] } else { &weak };
        let (is_good, text) = bench.openssl(&[&[version, "-servername", HOST], more].concat()).await;
        assert_eq!(is_good && text.contains("CN = mask.example"), is_spoken, "{version}: {text}");
        if !is_spoken {
            assert!(text.contains(":SSL alert number"), "{version}: {text}");
        }
    }
}

#[tokio::test]
async fn protocols_and_names_are_chosen() {
    let bench = Bench::start().await;
    for (offered, chosen) in [("h2,http/1.1", "ALPN protocol: h2"), ("http/1.1", "ALPN protocol: http/1.1")] {
        let (_, text) = bench.openssl(&["-alpn", offered, "-servername", HOST]).await;
        assert!(text.contains(chosen), "{offered}: {text}");
    }
    let (is_good, text) = bench.openssl(&["-alpn", "acme-tls/1", "-servername", HOST]).await;
    assert!(!is_good && text.contains("no application protocol"), "{text}");
    for (name, shown) in [
        (&["-servername", HOST][..], "CN = mask.example"),
        (&["-servername", "go.example"], "CN = *.links.example"),
        (&["-servername", "GO.links.example"], "CN = *.links.example"),
        (&["-servername", "stranger.example"], "CN = mask.example"),
        (&["-noservername"], "CN = mask.example"),
    ] {
        let (_, text) = bench.openssl(name).await;
        assert!(text.contains(&format!("subject={shown}")), "{name:?}: {text}");
    }
}

#[tokio::test]
async fn a_session_is_resumed() {
    let bench = Bench::start().await;
    let session = bench.path("session").display().to_string();
    let (_, text) = bench.openssl(&["-tls1_2", "-servername", HOST, "-sess_out", &session]).await;
    assert!(text.contains("New, TLSv1.2"), "{text}");
    let (_, text) = bench.openssl(&["-tls1_2", "-servername", HOST, "-sess_in", &session]).await;
    assert!(text.contains("Reused, TLSv1.2"), "{text}");
    let (_, text) = bench.openssl(&["-tls1_2", "-servername", "go.example", "-sess_in", &session]).await;
    assert!(text.contains("New, TLSv1.2"), "a session is for one name: {text}");
}

#[tokio::test]
async fn a_real_client_over_both_versions_of_http() {
    let bench = Bench::with(&[("tls.hsts_seconds", "300")]).await;
    bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let text = bench.curl("/spring", &[flag, "-i"]).await;
        assert!(text.ends_with(&format!("\n302 {version} https://example.com/where")), "{text}");
        assert!(text.contains("strict-transport-security: max-age=300\r\n"), "{text}");
        let key = format!("authorization: Bearer {}", bench.app.key);
        let text = bench.curl("/api/v1/links?limit=1", &[flag, "-i", "-H", &key]).await;
        assert!(text.contains("https://example.com/") && text.contains(&format!("\n200 {version}")), "{text}");
        assert!(text.contains("strict-transport-security: max-age=300\r\n"), "{text}");
        let text = bench.curl("/none", &[flag, "-I"]).await;
        assert!(text.ends_with(&format!("\n404 {version} ")), "{text}");
        let made =
            bench.curl("/api/v1/links", &[flag, "-H", &key, "--json", r#"{"url":"https://example.com/new"}"#]).await;
        assert!(made.ends_with(&format!("\n201 {version} ")), "{made}");
    }
    bench.app.settle().await;
    let clicks = bench.app.get("/links?limit=9").await.is(200)["data"].clone();
    let clicks = clicks.as_array().expect("links").iter().map(|link| link["clicks"].as_i64().unwrap_or(0));
    assert_eq!(clicks.sum::<i64>(), 0, "curl is no person");
}

#[tokio::test]
async fn many_requests_on_one_connection() {
    let bench = Bench::with(&[("tls.hsts_seconds", "300")]).await;
    let link = bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    let key = bench.app.key.clone();
    let mut wire = bench.wire(HOST);
    tokio::task::spawn_blocking(move || {
        let browser = crate::harness::BROWSER;
        let visit = format!(
            "GET /spring HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {browser}\r\nSec-Fetch-Mode: navigate\r\n\r\n"
        );
        for _ in 0..50 {
            let reply = wire.ask(visit.as_bytes()).expect("an answer");
            assert_eq!((reply.status, reply.header("location")), (302, "https://example.com/where"));
            assert_eq!(reply.header("strict-transport-security"), "max-age=300");
        }
        // Many at once, whose answers are more than a record of TLS, and one in two parts.
        let many = visit.repeat(200);
        wire.send(many.as_bytes()).expect("sent");
        (0..200).for_each(|_| assert_eq!(wire.reply().expect("an answer").status, 302));
        wire.send(&visit.as_bytes()[..30]).expect("sent");
        wire.send(&visit.as_bytes()[30..]).expect("sent");
        assert_eq!(wire.reply().expect("an answer").status, 302);
        // What is none for the lane goes on with hyper, on the same connection.
        let asked = api_request("GET", "/workspace", &key, "", "");
        let asked = String::from_utf8(asked).expect("text").replace("Host: localhost", &format!("Host: {HOST}"));
        assert_eq!(wire.ask(asked.as_bytes()).expect("an answer").status, 200);
        let reply = wire.ask(visit.as_bytes()).expect("an answer");
        assert_eq!((reply.status, reply.header("strict-transport-security")), (302, "max-age=300"));
    })
    .await
    .expect("no fault");
    bench.app.settle().await;
    let id = link["id"].as_str().expect("an id");
    assert_eq!(bench.app.get(&format!("/links/{id}")).await.is(200)["clicks"], 252);
}

#[tokio::test]
async fn new_files_are_taken_up_and_broken_ones_are_not() {
    let bench = Bench::start().await;
    let shown = || bench.wire(HOST).certificate();
    let before = shown();
    std::fs::write(bench.path("first.key"), "no key").expect("written");
    // The second pair is whole, and stays what it was, as all of them are read together.
    write_pair(&bench.folder, "second", &["*.links.example", "go.example"]);
    let config = bench.believing(&["first.pem", "second.pem"]);
    let refused = async || {
        let (address, config) = (bench.secure(), std::sync::Arc::clone(&config));
        tokio::task::spawn_blocking(move || {
            crate::wire::Wire::open(address).expect("a connection").encrypt("go.example", &config).is_err()
        })
        .await
        .expect("tried")
    };
    assert!(refused().await, "the new one is not shown");
    write_pair(&bench.folder, "first", &[HOST]);
    until("the new files are in use", async || !refused().await).await;
    assert_ne!(shown(), before);
}

#[tokio::test]
async fn a_domain_says_how_its_certificate_is() {
    let bench = Bench::start().await;
    let made = bench.app.post("/domains", json!({"domain": "a.links.example"})).await.is(201);
    assert_eq!(made["tls"], json!({"status": "pending", "expires_at": null, "error": null}));
    let path = format!("/domains/{}", made["id"].as_str().expect("an id"));
    let read = Answer::of(bench.app.api(Method::GET, &path)).await;
    assert!(read.header("etag").starts_with("\"1."), "{}", read.header("etag"));
}
