//! What lies between us and an authority: the account, what binds it to another, and when it wants certificates renewed.

use serde_json::json;

use super::{
    super::{HOST, pebble::Pebble, until},
    Ports, TARGET, accounts,
    relay::Relay,
    settings, shown, start,
};
use crate::{dns::Dns, harness::App};

const HOUR_S: u64 = 3600;

async fn names() -> Dns {
    let dns = Dns::start().await;
    dns.addresses(TARGET, &["127.0.0.1"]);
    dns.addresses(HOST, &["127.0.0.1"]);
    dns
}

fn error(app: &App) -> Option<String> {
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let query = "SELECT error FROM certificates WHERE name = ?1";
    database.query_row(query, [HOST], |row| row.get(0)).ok().flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_bound_to_another() {
    let (dns, ports) = (names().await, Ports::free());
    // 32 bytes, as an authority gives them.
    let (key, other) = (
        "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
        "YW5vdGhlciBrZXkgdGhhdCBpcyBub3QgdGhlIG9uZQ",
    );
    let more = json!({"externalAccountBindingRequired": true, "externalAccountMACKeys": {"kid-1": key}});
    let pebble = Pebble::with(&dns, ports.clear, ports.tls, more).await;
    let bound = |id: &str, key: &str| {
        let mut flags = settings(ports, &pebble.directory, &pebble.ca_file, &dns.address.to_string());
        flags.extend([("acme.eab_key_id", id.to_owned()), ("acme.eab_hmac_key", key.to_owned())]);
        flags
    };
    for (id, key) in [("", ""), ("kid-1", other), ("kid-2", key)] {
        let mut app = start(bound(id, key)).await;
        until("it was refused", async || error(&app).is_some()).await;
        let error = error(&app).expect("a reason");
        assert!(error.starts_with("The authority says: "), "{id}: {error}");
        assert!(!error.contains(key) || key.is_empty(), "{error}");
        assert!(accounts(&app).is_empty(), "{id}");
        app.stop().await;
    }
    let app = start(bound("kid-1", key)).await;
    let roots = pebble.believing();
    until("it has a certificate", async || shown(&app, HOST, &roots).is_some()).await;
    assert_eq!(accounts(&app).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_says_when_it_wants_a_certificate_renewed() {
    let (dns, ports) = (names().await, Ports::free());
    let pebble = Pebble::start(&dns, ports.clear, ports.tls).await;
    let relay = Relay::before(&pebble);
    let app = start(settings(ports, &relay.directory, &pebble.ca_file, &dns.address.to_string())).await;
    let roots = pebble.believing();
    until("it has a certificate", async || shown(&app, HOST, &roots).is_some()).await;
    let first = shown(&app, HOST, &roots);
    // It is asked now and then, and while it wants nothing, nothing is done.
    app.wait(6 * HOUR_S);
    until("it is asked", async || !relay.asked().is_empty()).await;
    assert!(relay.posted("replaces").is_empty());
    assert_eq!(shown(&app, HOST, &roots), first);
    relay.wants("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    app.wait(6 * HOUR_S);
    until("it is renewed long before its time", async || {
        shown(&app, HOST, &roots).is_some_and(|now| Some(now) != first)
    })
    .await;
    let named = relay.asked();
    assert_eq!(relay.posted("replaces"), [json!(named[0])], "the order says whose place the new one takes");
    assert_eq!(error(&app), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_told_another_address() {
    let (dns, ports) = (names().await, Ports::free());
    let pebble = Pebble::start(&dns, ports.clear, ports.tls).await;
    let relay = Relay::before(&pebble);
    let mut app = start(settings(ports, &relay.directory, &pebble.ca_file, &dns.address.to_string())).await;
    let roots = pebble.believing();
    until("it has a certificate", async || shown(&app, HOST, &roots).is_some()).await;
    let account = accounts(&app);
    assert_eq!(relay.posted("contact"), [json!(["mailto:ops@mask.example"])]);
    for (email, expected, told) in [
        ("ops@mask.example", json!(["mailto:ops@mask.example"]), 1),
        ("new@mask.example", json!(["mailto:new@mask.example"]), 2),
        ("new@mask.example", json!(["mailto:new@mask.example"]), 2),
        ("", json!([]), 3),
    ] {
        let asked = relay.asked().len();
        app.restart_with(&[("acme.email", email)]).await;
        app.wait(6 * HOUR_S);
        // By then it has looked at its account.
        until("it is asked", async || relay.asked().len() > asked).await;
        assert_eq!(relay.posted("contact").last(), Some(&expected), "{email}");
        assert_eq!(relay.posted("contact").len(), told, "{email}");
    }
    let changed = accounts(&app);
    assert!(changed.len() == 1 && changed != account, "the same account, with what it was told");
    assert_eq!(relay.posted("termsOfServiceAgreed").len(), 1, "no other account was made");
}
