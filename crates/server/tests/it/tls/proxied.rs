//! The PROXY protocol: whose a connection is.

use std::net::SocketAddr;

use serde_json::json;

use super::{Bench, HOST};
use crate::wire::{Wire, api_request};

/// The header of a proxy that passes on a connection of this client.
fn of_v4(client: [u8; 4]) -> Vec<u8> {
    let addresses = [&client[..], &[192, 0, 2, 1], &[0x11, 0x22, 1, 187], b"\x04\0\x01x"].concat();
    let length = u16::try_from(addresses.len()).expect("short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &addresses].concat()
}

/// A request to the API at our host.
fn api(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let request = String::from_utf8(api_request(method, path, key, "", body)).expect("text");
    request.replace("Host: localhost", &format!("Host: {HOST}")).into_bytes()
}

/// A key that is good for one address alone.
fn key_for(bench: &Bench, address: &str) -> String {
    let wish = json!({"name": "one", "scopes": ["workspace:read"], "allowed_ips": [address]});
    let request = api("POST", "/api-keys", &bench.app.key, &wish.to_string());
    let made = connect(bench, bench.secure(), &of_v4([198, 51, 100, 1])).ask(&request).expect("an answer");
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["key"].as_str().expect("a secret").to_owned()
}

fn connect(bench: &Bench, address: SocketAddr, header: &[u8]) -> Wire {
    let mut wire = Wire::open(address).expect("a connection");
    wire.send(header).expect("sent");
    if address == bench.secure() {
        let config = bench.believing(&["first.pem"]);
        return wire.encrypt(HOST, &config).expect("a handshake");
    }
    wire
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_says_whose_a_connection_is() {
    let bench = Bench::with(&[("proxy.trusted", "127.0.0.1"), ("proxy.proxy_protocol", "on")]).await;
    let key = key_for(&bench, "203.0.113.9");
    let request = api("GET", "/workspace", &key, "");
    let status = |header: &[u8]| {
        let mut wire = connect(&bench, bench.secure(), header);
        wire.ask(&request).expect("an answer").status
    };
    assert_eq!(status(&of_v4([203, 0, 113, 9])), 200);
    assert_eq!(status(&of_v4([203, 0, 113, 8])), 403);
    assert_eq!(status(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"), 200);
    assert_eq!(status(b"PROXY TCP4 203.0.113.8 192.0.2.1 4711 443\r\n"), 403);
    // The proxy itself, which looks whether the server lives.
    assert_eq!(status(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"), 403);
    // In the clear just as well, and what follows is one request.
    let visit = format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let mut wire = connect(&bench, bench.clear(), &of_v4([203, 0, 113, 9]));
    assert_eq!(wire.ask(visit.as_bytes()).expect("an answer").status, 200);
    // Who says nothing, or something else, is not answered.
    for first in [visit.as_bytes(), b"PROXY TCP4 203.0.113.9\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"] {
        let mut wire = connect(&bench, bench.clear(), first);
        assert!(wire.is_closed(), "{first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_proxies_are_asked_who_they_speak_for() {
    let bench = Bench::with(&[("proxy.proxy_protocol", "on")]).await;
    let visit = format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let mut wire = connect(&bench, bench.clear(), b"");
    assert_eq!(wire.ask(visit.as_bytes()).expect("an answer").status, 200);
    let mut wire = connect(&bench, bench.clear(), &of_v4([203, 0, 113, 9]));
    wire.send(visit.as_bytes()).expect("sent");
    assert_ne!(wire.reply().map_or(400, |reply| reply.status), 200, "a header of a stranger is no request");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_passed_on_without_a_name_is_not_believed() {
    let bench = Bench::with(&[("proxy.trusted", "127.0.0.1"), ("proxy.proxy_protocol", "on")]).await;
    let key = key_for(&bench, "203.0.113.9");
    let request = String::from_utf8(api("GET", "/workspace", &key, "")).expect("text");
    let request = request.replace("\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n");
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    for header in [&b"PROXY UNKNOWN\r\n"[..], local] {
        for (address, code) in [(bench.secure(), "forbidden"), (bench.clear(), "https_required")] {
            let reply = connect(&bench, address, header).ask(request.as_bytes()).expect("an answer");
            assert_eq!((reply.status, &reply.json()["error"]["code"]), (403, &json!(code)), "{header:?}");
        }
    }
    // A client that is itself a proxy of ours is believed as ever.
    let reply = connect(&bench, bench.clear(), &of_v4([127, 0, 0, 1])).ask(request.as_bytes()).expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
}
