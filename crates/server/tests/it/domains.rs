//! Domains of workspaces: from the wish for one, by way of DNS, to links that live there.

mod deletion;
mod names;
mod ownership;
mod serving;
mod trouble;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    dns::Dns,
    harness::{Answer, App, BROWSER},
    receiver::Receiver,
};

const NAME: &str = "go.example.com";
const TARGET: &str = "links.mask.example";
const PATIENCE: Duration = Duration::from_secs(20);
const WEEK_S: u64 = 7 * 86_400;

/// A server, and the name server that it asks.
struct Bench {
    app: App,
    dns: Dns,
}

impl Bench {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(flags: &[(&'static str, &str)]) -> Self {
        let dns = Dns::start().await;
        let resolver = dns.address.to_string();
        let mut all = vec![("domains.resolver", resolver.as_str()), ("domains.target", TARGET)];
        all.extend([("outbound.allow_networks", "127.0.0.0/8"), ("limits.requests_per_minute", "0")]);
        all.extend(flags);
        let app = App::with(&all).await;
        dns.addresses(TARGET, &["192.0.2.10", "2001:db8::10"]);
        Self { app, dns }
    }

    async fn ask_as(&self, key: &str, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.app.api_as(key, method, path).json(&body)).await
    }

    /// Asks for a domain.
    async fn add_as(&self, key: &str, name: &str) -> Value {
        self.ask_as(key, Method::POST, "/domains", json!({"domain": name})).await.is(201)
    }

    async fn add(&self, name: &str) -> Value {
        self.add_as(&self.app.key, name).await
    }

    /// Sets the records that the domain asks for.
    fn prove(&self, domain: &Value) {
        for record in domain["dns_records"].as_array().expect("records") {
            let text = |member: &str| record[member].as_str().expect("a text");
            match text("type") {
                "TXT" => self.dns.texts(text("name"), &[text("value")]),
                "CNAME" => self.dns.leads(text("name"), text("value")),
                other => panic!("nobody asked for {other}"),
            }
        }
    }

    /// Asks for a look, a while after the last.
    async fn verify_as(&self, key: &str, domain: &Value) -> Value {
        self.app.wait(6);
        Answer::of(self.app.api_as(key, Method::POST, &path(domain, "/verify"))).await.is(200)
    }

    async fn verify(&self, domain: &Value) -> Value {
        self.verify_as(&self.app.key, domain).await
    }

    /// A domain that belongs to whoever has this key.
    async fn verified_as(&self, key: &str, name: &str) -> Value {
        let domain = self.add_as(key, name).await;
        self.prove(&domain);
        let domain = self.verify_as(key, &domain).await;
        assert_eq!(domain["status"], "verified", "{domain}");
        domain
    }

    async fn verified(&self, name: &str) -> Value {
        self.verified_as(&self.app.key, name).await
    }

    async fn visit(&self, host: &str, path: &str) -> Answer {
        Answer::of(self.app.visit(path).header("host", host)).await
    }

    /// Where a path of a host leads, or how it is answered.
    async fn leads(&self, host: &str, path: &str) -> String {
        let answer = self.visit(host, path).await;
        if answer.header("location").is_empty() {
            answer.status.to_string()
        } else {
            format!("{} {}", answer.status, answer.header("location"))
        }
    }
}

fn path(domain: &Value, rest: &str) -> String {
    format!("/domains/{}{rest}", domain["id"].as_str().expect("an id"))
}

fn token(domain: &Value) -> &str {
    domain["dns_records"][0]["value"].as_str().expect("a token")
}

/// Asks until the answer is yes; each question is a request, so there is no need to wait in between.
async fn until<F: AsyncFn() -> bool>(what: &str, is_so: F) {
    let asking = async { while !is_so().await {} };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

#[tokio::test]
async fn from_the_wish_to_a_link() {
    let bench = Bench::start().await;
    let made = Answer::of(bench.app.api(Method::POST, "/domains").json(&json!({"domain": "GO.Example.com."}))).await;
    assert_eq!(made.header("etag"), "\"1.0\"");
    let location = made.header("location").to_owned();
    let domain = made.is(201);
    assert_eq!(location, format!("/api/v1{}", path(&domain, "")));
    assert_eq!((&domain["domain"], &domain["status"]), (&json!(NAME), &json!("pending")));
    assert_eq!(domain["tls"], json!({"status": "off", "expires_at": null, "error": null}));
    assert_eq!(domain["well_known"], json!({"apple_app_site_association": null, "assetlinks": null}));
    let token = token(&domain).to_owned();
    assert!(token.starts_with("mask-domain=") && token.len() == 44, "{token}");
    let records = json!([
        {"type": "TXT", "name": "_mask.go.example.com", "value": token, "found": false},
        {"type": "CNAME", "name": NAME, "value": TARGET, "found": false},
    ]);
    assert_eq!(domain["dns_records"], records);

    let looked = bench.verify(&domain).await;
    assert_eq!((&looked["status"], &looked["last_check"]["outcome"]), (&json!("pending"), &json!("not_found")));
    let message = looked["last_check"]["message"].as_str().expect("a sentence");
    assert!(message.contains("no TXT record at _mask.go.example.com") && message.contains(&token), "{message}");
    let refused = bench.app.post("/links", json!({"url": "https://example.com", "domain": NAME})).await;
    assert_eq!(refused.error(422), "validation_error");
    assert_eq!(refused.fields(), ["domain"]);

    bench.dns.texts("_mask.go.example.com", &["something=else", &token]);
    let looked = bench.verify(&domain).await;
    assert_eq!((&looked["status"], &looked["dns_records"][0]["found"]), (&json!("pending"), &json!(true)));
    let message = looked["last_check"]["message"].as_str().expect("a sentence");
    assert!(message.contains("leads nowhere") && message.contains(TARGET), "{message}");

    bench.dns.leads(NAME, TARGET);
    let looked = bench.verify(&domain).await;
    assert_eq!((&looked["status"], &looked["last_check"]["outcome"]), (&json!("verified"), &json!("found")));
    assert!(looked["verified_at"].is_string() && looked["dns_records"][1]["found"] == true, "{looked}");

    let wish = json!({"url": "https://example.com/where", "slug": "spring", "domain": "GO.example.com"});
    let link = bench.app.link(wish).await;
    assert_eq!(link["domain"], NAME);
    assert!(link["short_url"].as_str().is_some_and(|url| url.contains("//go.example.com")), "{link}");
    assert_eq!(bench.leads(NAME, "/spring").await, "302 https://example.com/where");
    assert_eq!(bench.leads("localhost", "/spring").await, "404");
    bench.app.settle().await;
    let id = link["id"].as_str().expect("an id");
    assert_eq!(bench.app.get(&format!("/links/{id}")).await.is(200)["clicks"], 1);
}

#[tokio::test]
async fn nobody_has_to_ask_for_a_look() {
    let bench = Bench::start().await;
    let mut receiver = Receiver::start().await;
    let subscription = json!({"url": receiver.url, "events": ["domain.verified"], "secret": "a-secret-of-tests"});
    bench.app.post("/webhooks", subscription).await.is(201);
    let domain = bench.add(NAME).await;
    let read = async || bench.app.get(&path(&domain, "")).await.is(200);
    until("it was looked at", async || read().await["last_check"].is_object()).await;
    bench.prove(&domain);
    until("it was verified", async || {
        bench.app.wait(60);
        read().await["status"] == "verified"
    })
    .await;
    let told = receiver.next().await.json();
    let now = read().await;
    assert_eq!(
        (&told["type"], &told["data"]["id"], &told["data"]["status"]),
        (&json!("domain.verified"), &domain["id"], &json!("verified"))
    );
    let same = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().expect("an object").remove("last_check");
        value
    };
    assert_eq!(same(&told["data"]), same(&now), "it is told as the API shows it");
    // Looks go on, and tell nothing new.
    let asked = bench.dns.asked();
    until("it was looked at again", async || {
        bench.app.wait(86_400);
        read().await;
        bench.dns.asked() > asked
    })
    .await;
    assert!(!receiver.has_more());
}

#[tokio::test]
async fn a_week_without_a_record() {
    let bench = Bench::start().await;
    let domain = bench.add(NAME).await;
    let read = async || bench.app.get(&path(&domain, "")).await.is(200);
    until("it was looked at", async || read().await["last_check"].is_object()).await;
    bench.app.wait(WEEK_S + 1);
    until("it was given up", async || read().await["status"] == "failed").await;
    bench.prove(&domain);
    assert_eq!(bench.verify(&domain).await["status"], "verified", "a look that is asked for is made");
}

#[tokio::test]
async fn changes_and_versions() {
    let bench = Bench::start().await;
    let domain = bench.add(NAME).await;
    let get = bench.app.get(&path(&domain, "")).await;
    let tag = get.header("etag").to_owned();
    let same = Answer::of(bench.app.api(Method::GET, &path(&domain, "")).header("if-none-match", &tag)).await;
    assert!(same.status == 304 || get.is(200)["last_check"].is_null(), "a look may have come between");
    let patch = |body: Value, tag: &str| {
        Answer::of(bench.app.api(Method::PATCH, &path(&domain, "")).header("if-match", tag).json(&body))
    };
    let changed = patch(json!({"root_url": "https://example.com/"}), &tag).await;
    assert!(changed.header("etag").starts_with("\"2."), "{}", changed.header("etag"));
    assert_eq!(changed.is(200)["root_url"], "https://example.com/");
    assert_eq!(patch(json!({"root_url": null}), &tag).await.error(412), "precondition_failed");
    let unknown = bench.app.patch(&path(&domain, ""), json!({"root_urll": "x", "domain": "a.example.com"})).await;
    assert_eq!(unknown.error(422), "validation_error");
    assert_eq!(unknown.fields(), ["root_urll", "domain"]);
    let early = bench.app.patch(&path(&domain, ""), json!({"is_default": true})).await;
    assert_eq!((early.error(422).as_str(), early.fields()), ("validation_error", vec!["is_default".to_owned()]));
    let deleted = Answer::of(bench.app.api(Method::DELETE, &path(&domain, "")).header("if-match", &tag)).await;
    assert_eq!(deleted.error(412), "precondition_failed");
    bench.app.delete(&path(&domain, "")).await.is(204);
    assert_eq!(bench.app.get(&path(&domain, "")).await.error(404), "not_found");
    assert_eq!(Answer::of(bench.app.api(Method::POST, &path(&domain, "/verify"))).await.error(404), "not_found");
}

#[tokio::test]
async fn a_request_is_worked_on_once() {
    let bench = Bench::start().await;
    let create =
        |body: Value| Answer::of(bench.app.api(Method::POST, "/domains").header("idempotency-key", "k").json(&body));
    let first = create(json!({"domain": NAME})).await;
    let again = create(json!({"domain": NAME})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.text), ("true", &first.text));
    assert_eq!((again.header("location"), again.header("etag")), (first.header("location"), "\"1.0\""));
    assert_eq!(create(json!({"domain": "a.example.com"})).await.error(422), "idempotency_key_reused");
    let domain = first.is(201);
    let twice = bench.app.post("/domains", json!({"domain": NAME})).await;
    assert!(twice.text.contains(domain["id"].as_str().expect("an id")), "{}", twice.text);
    assert_eq!(twice.error(409), "conflict");

    bench.app.wait(6);
    let look = || Answer::of(bench.app.api(Method::POST, &path(&domain, "/verify")).header("idempotency-key", "v"));
    let first = look().await;
    let asked = bench.dns.asked();
    assert_eq!(look().await.text, first.text);
    // And without a key a look is not made twice in a moment.
    let rested = Answer::of(bench.app.api(Method::POST, &path(&domain, "/verify"))).await.is(200);
    assert_eq!((rested, bench.dns.asked()), (first.is(200), asked));
}

#[tokio::test]
async fn lists_have_pages() {
    let bench = Bench::start().await;
    for n in 0..3 {
        bench.add(&format!("d{n}.example.com")).await;
    }
    let names = |page: &Value| {
        let rows = page["data"].as_array().expect("rows").iter();
        rows.map(|row| row["domain"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let first = bench.app.get("/domains?limit=2").await.is(200);
    assert_eq!(
        (names(&first), &first["pagination"]["has_more"]),
        (vec!["d0.example.com".into(), "d1.example.com".into()], &json!(true))
    );
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let last = bench.app.get(&format!("/domains?limit=2&cursor={cursor}")).await.is(200);
    assert_eq!(names(&last), ["d2.example.com"]);
    assert_eq!(last["pagination"], json!({"has_more": false, "cursor": null}));
    assert_eq!(bench.app.get("/domains?limit=0&cursor=x&name=y").await.fields(), ["cursor", "limit", "name"]);
}
