//! Certificates of an authority, which is a real one ([`Pebble`]), for names that a name server of the test's own knows.

mod account;
mod relay;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
};

use mask_core::time::Time;
use reqwest::Method;
use rustls::{ClientConfig, ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::pem::PemObject};
use serde_json::{Value, json};

use super::{
    HOST, PROXY,
    pebble::{Pebble, free_port},
    proxied, until, write_pair,
};
use crate::{
    dns::Dns,
    harness::{Answer, App},
    wire::Wire,
};

const TARGET: &str = "links.mask.example";
const DAY_S: i64 = 86_400;

/// A server, the authority, and the name server that both ask.
struct Bench {
    app: App,
    pebble: Pebble,
    dns: Dns,
}

/// Where a server listens: in the clear, and over TLS.
#[derive(Clone, Copy)]
struct Ports {
    clear: u16,
    tls: u16,
}

impl Ports {
    fn free() -> Self {
        Self { clear: free_port(), tls: free_port() }
    }
}

fn settings(ports: Ports, directory: &str, ca_file: &str, resolver: &str) -> Vec<(&'static str, String)> {
    vec![
        ("server.public_url", format!("https://{HOST}")),
        ("server.listen", format!("127.0.0.1:{}", ports.clear)),
        ("proxy.trusted", PROXY.to_string()),
        ("limits.requests_per_minute", "0".to_owned()),
        ("domains.resolver", resolver.to_owned()),
        ("domains.target", TARGET.to_owned()),
        ("tls.mode", "acme".to_owned()),
        ("tls.listen", format!("127.0.0.1:{}", ports.tls)),
        ("acme.directory", directory.to_owned()),
        ("acme.ca_file", ca_file.to_owned()),
        ("acme.email", "ops@mask.example".to_owned()),
        ("acme.orders_per_hour", "1000".to_owned()),
    ]
}

async fn start(flags: Vec<(&'static str, String)>) -> App {
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut app = App::with(&flags).await;
    app.client = proxied(PROXY);
    app
}

impl Bench {
    async fn start() -> Self {
        Self::with(Ports::free(), |ports| ports, &[]).await
    }

    /// One whose authority looks elsewhere than the server is.
    async fn with(ports: Ports, looks: impl FnOnce(Ports) -> Ports, flags: &[(&'static str, &str)]) -> Self {
        let dns = Dns::start().await;
        dns.addresses(TARGET, &["127.0.0.1"]);
        dns.addresses(HOST, &["127.0.0.1"]);
        let seen = looks(ports);
        let pebble = Pebble::start(&dns, seen.clear, seen.tls).await;
        let mut all = settings(ports, &pebble.directory, &pebble.ca_file, &dns.address.to_string());
        all.retain(|(name, _)| !flags.iter().any(|(other, _)| other == name));
        all.extend(flags.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { app: start(all).await, pebble, dns }
    }

    /// A domain of the app's workspace.
    async fn domain(&self, name: &str) -> Value {
        let domain = self.app.post("/domains", json!({"domain": name})).await.is(201);
        assert_eq!(domain["tls"], json!({"status": "pending", "expires_at": null, "error": null}));
        let records = domain["dns_records"].as_array().expect("records");
        self.dns.texts(records[0]["name"].as_str().expect("a name"), &[records[0]["value"].as_str().expect("a text")]);
        self.dns.leads(name, TARGET);
        self.app.wait(6);
        let path = format!("/domains/{}/verify", domain["id"].as_str().expect("an id"));
        let domain = Answer::of(self.app.api(Method::POST, &path)).await.is(200);
        assert_eq!(domain["status"], "verified", "{domain}");
        domain
    }

    async fn tls_of(&self, domain: &Value) -> Value {
        let path = format!("/domains/{}", domain["id"].as_str().expect("an id"));
        self.app.get(&path).await.is(200)["tls"].clone()
    }

    async fn until_tls(&self, domain: &Value, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, async || is_so(&self.tls_of(domain).await)).await;
        self.tls_of(domain).await
    }

    /// Waits, by the server's clock, until a certificate has so many days left.
    fn wait_until_left(&self, tls: &Value, days: i64) {
        let end = Time::parse(tls["expires_at"].as_str().expect("a time")).expect("a time");
        let wait_s = end.unix_seconds() - self.app.clock.now().unix_seconds() - days * DAY_S;
        self.app.wait(u64::try_from(wait_s).expect("a time to come"));
    }
}

/// The certificate that is shown for a name, by those whom the authority's root convinces; nothing if it does not.
fn shown(app: &App, name: &str, config: &Arc<ClientConfig>) -> Option<Vec<u8>> {
    let wire = Wire::open(app.server().tls_addresses[0]).expect("a connection").encrypt(name, config);
    wire.ok().map(|wire| wire.certificate())
}

fn is_active(tls: &Value) -> bool {
    tls["status"] == "active"
}

fn accounts(app: &App) -> Vec<Vec<u8>> {
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let mut query = database.prepare("SELECT sealed FROM acme_accounts").expect("a query");
    let rows = query.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("accounts")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_verified_domain_to_its_certificate_and_the_next_one() {
    let mut bench = Bench::start().await;
    let roots = bench.pebble.believing();
    until("the server's own name has one", async || shown(&bench.app, HOST, &roots).is_some()).await;
    let domain = bench.domain("go.example.com").await;
    let tls = bench.until_tls(&domain, "the domain has one", is_active).await;
    assert_eq!(tls["error"], Value::Null);
    let first = shown(&bench.app, "go.example.com", &roots).expect("it is shown");
    bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": "go.example.com"})).await;
    let wire = Wire::open(bench.app.server().tls_addresses[0]).expect("a connection");
    let reply = wire
        .encrypt("go.example.com", &roots)
        .expect("a handshake")
        .ask(b"GET /spring HTTP/1.1\r\nHost: go.example.com\r\n\r\n")
        .expect("an answer");
    assert_eq!((reply.status, reply.header("location")), (302, "https://example.com/where"));
    // Who names somebody else gets nobody's, and no order is made of it.
    let stranger = shown(&bench.app, "stranger.example.com", &roots);
    assert_eq!(stranger, None);

    let account = accounts(&bench.app);
    assert_eq!(account.len(), 1);
    bench.app.restart().await;
    assert_eq!(shown(&bench.app, "go.example.com", &roots).as_ref(), Some(&first), "it is shown from the first moment");
    let second = bench.domain("second.example.com").await;
    bench.until_tls(&second, "another domain has one", is_active).await;
    assert_eq!(accounts(&bench.app), account, "with the account of before");
    let data = std::fs::read(bench.app.data().join("mask.db")).expect("the database");
    assert!(!String::from_utf8_lossy(&data).contains("PRIVATE KEY"), "keys are sealed");

    // Two thirds of its life are over.
    bench.wait_until_left(&tls, 25);
    let renewed = bench.until_tls(&domain, "it was renewed", |now| now["expires_at"] != tls["expires_at"]).await;
    assert!(is_active(&renewed) && renewed["error"].is_null(), "{renewed}");
    assert_ne!(shown(&bench.app, "go.example.com", &roots), Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_is_enough() {
    // Nobody is where the authority looks on the one port, then on the other.
    for is_clear in [true, false] {
        let ports = Ports::free();
        let looks = |ports: Ports| {
            if is_clear { Ports { tls: free_port(), ..ports } } else { Ports { clear: free_port(), ..ports } }
        };
        let bench = Bench::with(ports, looks, &[]).await;
        let roots = bench.pebble.believing();
        until("it has a certificate", async || shown(&bench.app, HOST, &roots).is_some()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_and_tried_again() {
    let bench = Bench::start().await;
    let domain = bench.domain("go.example.com").await;
    bench.until_tls(&domain, "it has one", is_active).await;
    // Its name leads nowhere by the time at which the authority looks.
    let other = bench.app.post("/domains", json!({"domain": "bad.example.com"})).await.is(201);
    bench.dns.texts("_mask.bad.example.com", &[other["dns_records"][0]["value"].as_str().expect("a token")]);
    bench.dns.leads("bad.example.com", TARGET);
    bench.dns.addresses("bad.example.com", &["127.0.0.9"]);
    bench.app.wait(6);
    let path = format!("/domains/{}/verify", other["id"].as_str().expect("an id"));
    let looked = Answer::of(bench.app.api(Method::POST, &path)).await.is(200);
    assert_eq!(looked["status"], "verified", "{looked}");
    let tls = bench.until_tls(&other, "it was refused", |tls| tls["status"] == "failed").await;
    let error = tls["error"].as_str().expect("a sentence");
    assert!(error.starts_with("The authority says: ") && tls["expires_at"].is_null(), "{error}");
    assert!(is_active(&bench.tls_of(&domain).await), "the other one does not mind");
    bench.dns.addresses("bad.example.com", &["127.0.0.1"]);
    bench.app.wait(7 * 60);
    let tls = bench.until_tls(&other, "it was tried again", is_active).await;
    assert_eq!(tls["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_dead_takes_nothing_away() {
    let mut bench = Bench::start().await;
    let domain = bench.domain("go.example.com").await;
    let tls = bench.until_tls(&domain, "it has one", is_active).await;
    let roots = bench.pebble.believing();
    let before = shown(&bench.app, "go.example.com", &roots).expect("it is shown");
    bench.pebble.die();
    bench.wait_until_left(&tls, 25);
    let failed = bench.until_tls(&domain, "a renewal failed", |tls| !tls["error"].is_null()).await;
    assert!(is_active(&failed) && failed["expires_at"] == tls["expires_at"], "{failed}");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("could not be asked")), "{failed}");
    assert_eq!(shown(&bench.app, "go.example.com", &roots), Some(before));
    // It comes back, and knows nothing of us any more: another account is made.
    let account = accounts(&bench.app);
    bench.pebble.revive().await;
    bench.app.wait(7 * 60);
    bench
        .until_tls(&domain, "it says that we are strangers", |tls| {
            tls["error"].as_str().is_some_and(|error| error.contains("The authority says"))
        })
        .await;
    bench.app.wait(15 * 60);
    let renewed = bench.until_tls(&domain, "it was renewed", |now| now["expires_at"] != tls["expires_at"]).await;
    assert!(is_active(&renewed) && renewed["error"].is_null(), "{renewed}");
    assert_ne!(accounts(&bench.app), account);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_domains_at_once() {
    let bench = Bench::start().await;
    let mut domains = Vec::new();
    for n in 0..100 {
        domains.push(bench.domain(&format!("d{n}.example.com")).await);
    }
    for domain in &domains {
        bench.until_tls(domain, "each of them has one", is_active).await;
    }
    let roots = bench.pebble.believing();
    for n in [0, 57, 99] {
        assert!(shown(&bench.app, &format!("d{n}.example.com"), &roots).is_some(), "{n}");
    }
    assert_eq!(accounts(&bench.app).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_an_hour_are_counted_and_a_hello_comes_first() {
    let bench = Bench::with(Ports::free(), |ports| ports, &[("acme.orders_per_hour", "1")]).await;
    let roots = bench.pebble.believing();
    until("the server's own name has one", async || shown(&bench.app, HOST, &roots).is_some()).await;
    let (first, asked_for) = (bench.domain("a.example.com").await, bench.domain("z.example.com").await);
    // A hello for a name that has none yet brings it to the front.
    let is_wanted = || {
        let database = rusqlite::Connection::open(bench.app.data().join("mask.db")).expect("the database");
        let query = "SELECT wanted_at FROM certificates WHERE name = 'z.example.com'";
        database.query_row(query, [], |row| row.get::<_, Option<i64>>(0)).is_ok_and(|wanted| wanted.is_some())
    };
    until("somebody asked for it", async || {
        assert_eq!(shown(&bench.app, "z.example.com", &roots), None);
        is_wanted()
    })
    .await;
    for domain in [&first, &asked_for] {
        assert_eq!(bench.tls_of(domain).await, json!({"status": "pending", "expires_at": null, "error": null}));
    }
    bench.app.wait(3601);
    bench.until_tls(&asked_for, "it has one", is_active).await;
    assert!(shown(&bench.app, "z.example.com", &roots).is_some());
    assert!(!is_active(&bench.tls_of(&first).await), "an hour has one order");
    bench.app.wait(3601);
    bench.until_tls(&first, "it has one too", is_active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_from_an_authority_is_rubbish() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = write_pair(&folder, "ca", &["localhost", "127.0.0.1"]);
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_file(&certificate).expect("a certificate")];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let config = Arc::new(config);
    // It ends with the process of the test.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).expect("a session"), stream);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n<html>hello");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let directory = format!("https://{address}/dir");
    let app = start(settings(Ports { clear: 0, tls: 0 }, &directory, &certificate, "127.0.0.1:9")).await;
    let database = || rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let error = || -> Option<String> {
        database().query_row("SELECT error FROM certificates WHERE name = ?1", [HOST], |row| row.get(0)).ok().flatten()
    };
    until("it was understood as such", async || error().is_some_and(|error| error.contains("understood"))).await;
    assert_eq!(app.get("/workspace").await.status, 200, "others are answered as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_never_answers_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, _) = write_pair(&folder, "ca", &["localhost", "127.0.0.1"]);
    // The system takes its connections, and nobody reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let directory = format!("https://{}/dir", listener.local_addr().expect("an address"));
    let mut app = start(settings(Ports { clear: 0, tls: 0 }, &directory, &certificate, "127.0.0.1:9")).await;
    app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    let row = || -> Option<(Option<String>, i64)> {
        let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
        let query = "SELECT error, due_at FROM certificates WHERE name = ?1";
        database.query_row(query, [HOST], |row| Ok((row.get(0)?, row.get(1)?))).ok()
    };
    until("somebody waits for it", async || row().is_some_and(|(_, due_ms)| due_ms > app.clock.now().unix_millis()))
        .await;
    let answer = Answer::of(app.visit("/spring")).await;
    assert_eq!((answer.status, answer.header("location")), (302, "https://example.com/where"));
    until("it was given up", async || row().is_some_and(|(error, _)| error.is_some())).await;
    let (error, due_ms) = row().expect("a row");
    assert!(error.as_deref().is_some_and(|error| error.contains("could not be asked")), "{error:?}");
    assert!(due_ms > app.clock.now().unix_millis(), "it is tried again later");
    // Nor does it hold up the end.
    app.wait(24 * 3600);
    app.stop().await;
    drop(listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_have_what_one_has_ordered() {
    let (first, second) = (Ports::free(), Ports::free());
    let dns = Dns::start().await;
    dns.addresses(TARGET, &["127.0.0.1"]);
    dns.addresses(HOST, &["127.0.0.1"]);
    // The authority looks at the first, whichever of them has ordered.
    let pebble = Pebble::start(&dns, first.clear, first.tls).await;
    let flags = settings(first, &pebble.directory, &pebble.ca_file, &dns.address.to_string());
    let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut one = App::on_postgres(&flags).await;
    one.client = proxied(PROXY);
    let key = std::fs::read_to_string(one.data().join("secret.key")).expect("a key");
    let (clear, tls) = (format!("127.0.0.1:{}", second.clear), format!("127.0.0.1:{}", second.tls));
    let other = one.beside(&[("server.listen", &clear), ("tls.listen", &tls), ("secrets.key", key.trim())]).await;
    let bench = Bench { app: one, pebble, dns };
    let roots = bench.pebble.believing();
    let names: Vec<String> = (0..5).map(|n| format!("d{n}.example.com")).collect();
    for name in &names {
        let domain = bench.domain(name).await;
        bench.until_tls(&domain, "it has one", is_active).await;
    }
    for name in names.iter().map(String::as_str).chain([HOST]) {
        until("both show it", async || {
            let certificate = shown(&bench.app, name, &roots);
            certificate.is_some() && certificate == shown(&other, name, &roots)
        })
        .await;
    }
    drop(other);
}
