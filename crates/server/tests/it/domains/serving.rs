//! What is answered on a domain, and how servers learn of it while they run.

use super::*;
use crate::wire::Wire;

#[tokio::test]
async fn what_a_domain_says_beside_its_links() {
    let bench = Bench::start().await;
    let domain = bench.verified(NAME).await;
    assert_eq!((bench.leads(NAME, "/").await, bench.leads(NAME, "/nothing").await), ("200".into(), "404".into()));
    let robots = bench.visit(NAME, "/robots.txt").await.text;
    assert!(robots.starts_with("User-agent: *\nAllow: /\n"), "{robots}");
    assert_eq!(bench.leads(NAME, "/.well-known/assetlinks.json").await, "404");

    let apple = json!({"applinks": {"details": [{"appIDs": ["A.b"], "components": [{"/": "/x/*"}]}]}});
    let google = json!([{"relation": ["delegate_permission/common.handle_all_urls"], "target": {"namespace": "web"}}]);
    let settings = json!({
        "root_url": "https://www.example.com/ü", "not_found_url": "https://www.example.com/404",
        "expired_url": "https://www.example.com/over", "robots": "disallow",
        "well_known": {"apple_app_site_association": apple, "assetlinks": google},
    });
    let changed = bench.app.patch(&path(&domain, ""), settings.clone()).await.is(200);
    for (name, value) in settings.as_object().expect("an object") {
        assert_eq!(changed[name], *value, "{name}");
    }
    assert_eq!(bench.leads(NAME, "/").await, "302 https://www.example.com/%C3%BC");
    let nothing = "302 https://www.example.com/404";
    for path in ["/nothing", "/nothing/", "/nothing+", "/a/b/c", "/x.html", "/nothing?x=1"] {
        assert_eq!(bench.leads(NAME, path).await, nothing, "{path}");
    }
    assert_eq!(bench.visit(NAME, "/robots.txt").await.text, "User-agent: *\nDisallow: /\n");
    for (path, file) in [("/.well-known/apple-app-site-association", &apple), ("/.well-known/assetlinks.json", &google)]
    {
        let answer = bench.visit(NAME, path).await;
        assert_eq!(
            (answer.header("content-type"), answer.header("x-content-type-options")),
            ("application/json", "nosniff")
        );
        assert_eq!(answer.is(200), *file, "{path}");
    }
    // Other hosts say none of this.
    assert_eq!(bench.leads("localhost", "/nothing").await, "404");
    assert_eq!(bench.leads("else.example.com", "/").await, "404");
    let post = Answer::of(bench.app.client.post(format!("{}/", bench.app.base)).header("host", NAME)).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));

    let ends =
        json!({"url": "https://example.com", "slug": "brief", "domain": NAME, "expires_at": "2026-03-24T15:00:00Z"});
    bench.app.link(ends.clone()).await;
    let mut own = ends;
    (own["slug"], own["expired_url"]) = (json!("own1"), json!("https://example.com/own"));
    bench.app.link(own).await;
    let limited = json!({"url": "https://example.com", "slug": "once", "domain": NAME, "click_limit": 1});
    bench.app.link(limited).await;
    assert_eq!(bench.leads(NAME, "/brief").await, "302 https://example.com");
    assert_eq!(bench.leads(NAME, "/once").await, "302 https://example.com");
    bench.app.wait(7200);
    let over = "302 https://www.example.com/over";
    assert_eq!((bench.leads(NAME, "/brief").await, bench.leads(NAME, "/once").await), (over.into(), over.into()));
    assert_eq!(bench.leads(NAME, "/own1").await, "302 https://example.com/own");

    let cleared = json!({"root_url": null, "not_found_url": null, "robots": null, "well_known": {"assetlinks": null}});
    let changed = bench.app.patch(&path(&domain, ""), cleared).await.is(200);
    assert_eq!(changed["well_known"], json!({"apple_app_site_association": apple, "assetlinks": null}));
    assert_eq!((bench.leads(NAME, "/").await, bench.leads(NAME, "/nothing").await), ("200".into(), "404".into()));
    assert_eq!(bench.leads(NAME, "/.well-known/assetlinks.json").await, "404");
}

fn request(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_connection_that_is_open_sees_domains_come_and_go() {
    let bench = Bench::start().await;
    let theirs = bench.app.key_of_workspace(2, "all", false).await;
    let address = bench.app.server().addresses[0];
    let link = |leads: &str| json!({"url": leads, "slug": "spring", "domain": NAME});
    let domain = bench.verified(NAME).await;
    bench.app.link(link("https://example.com/one")).await;
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/one", "memory knows it");
    // In the fast lane, where the last host is remembered.
    let mut wire = Wire::open(address).expect("a connection");
    let ask = |wire: &mut Wire| {
        let reply = Answer::from(wire.ask(&request(NAME, "/spring")).expect("an answer"));
        (reply.status, reply.header("location").to_owned())
    };
    for _ in 0..3 {
        assert_eq!(ask(&mut wire), (302, "https://example.com/one".to_owned()));
    }
    // Another workspace has it now: what memory knew was the other's.
    let next =
        bench.ask_as(&theirs, Method::POST, "/domains", json!({"domain": NAME, "take_over": true})).await.is(201);
    bench.dns.texts("_mask.go.example.com", &[token(&next)]);
    assert_eq!(bench.verify_as(&theirs, &next).await["status"], "verified");
    assert_eq!(ask(&mut wire).0, 404);
    drop(wire);
    assert_eq!(bench.app.get(&path(&domain, "")).await.is(200)["status"], "failed");
}

#[tokio::test]
async fn domains_are_there_after_a_restart() {
    let mut bench = Bench::start().await;
    let domain = bench.verified(NAME).await;
    bench.app.patch(&path(&domain, ""), json!({"root_url": "https://www.example.com/"})).await.is(200);
    bench.app.restart().await;
    assert_eq!(bench.leads(NAME, "/").await, "302 https://www.example.com/");
}

#[tokio::test]
async fn every_node_learns_of_it() {
    let dns = Dns::start().await;
    let resolver = dns.address.to_string();
    let flags = [("domains.resolver", resolver.as_str()), ("domains.target", TARGET), ("secrets.key", KEY)];
    let app = App::on_postgres(&flags).await;
    let url = app.database().url.clone();
    let mut other_flags = flags.to_vec();
    other_flags.push(("database.url", &url));
    let other = app.beside(&other_flags).await;
    let bench = Bench { app, dns };
    let visit = async |path: &str| Answer::of(other.visit(path).header("host", NAME)).await;
    assert_eq!(visit("/").await.status, 404);
    let domain = bench.verified(NAME).await;
    // A link can be made on the other node at once, whether it has learned of the domain or not.
    let link = json!({"url": "https://example.com/there", "slug": "spring", "domain": NAME});
    Answer::of(other.api_as(&bench.app.key, Method::POST, "/links").json(&link)).await.is(201);
    assert_eq!(visit("/spring").await.header("location"), "https://example.com/there");
    bench.app.patch(&path(&domain, ""), json!({"root_url": "https://www.example.com/"})).await.is(200);
    until("the other node led there", async || visit("/").await.header("location") == "https://www.example.com/").await;
    let id = bench.app.get("/links").await.is(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    bench.app.delete(&format!("/links/{id}")).await.is(204);
    bench.app.delete(&path(&domain, "")).await.is(204);
    until("the other node knew it no more", async || visit("/").await.status == 404).await;
    drop(other);
}

/// Both nodes seal with the same.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
