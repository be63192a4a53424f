//! Clients that mean no good, or are slow.

use std::time::Duration;

use serde_json::json;

use super::{Bench, HOST};
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handshake_is_ended() {
    let bench = Bench::with(&[("server.header_timeout_seconds", "1")]).await;
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut wire = Wire::open(bench.secure()).expect("a connection");
        wire.send(begun).expect("sent");
        assert!(wire.is_closed(), "{begun:?}");
    }
    // One that is shaken and then silent is ended as one in the clear is.
    assert!(bench.wire(HOST).is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_ended() {
    let bench = Bench::start().await;
    for rubbish in
        [&b"GET / HTTP/1.1\r\nHost: mask.example\r\n\r\n"[..], &[0xff; 4096], b"\x16\x03\x01\x00\x02\x01\x00"]
    {
        let mut wire = Wire::open(bench.secure()).expect("a connection");
        // It may be ended before all is sent.
        let _ = wire.send(rubbish);
        wire.drain();
    }
    assert!(bench.wire(HOST).certificate().len() > 100, "others are answered as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_are_counted_among_connections() {
    let bench = Bench::with(&[
        ("server.header_timeout_seconds", "2"),
        ("server.max_connections", "2"),
        ("server.threads", "1"),
    ])
    .await;
    bench.app.link(json!({"url": "https://example.com/where", "slug": "spring", "domain": HOST})).await;
    let silent: Vec<_> = (0..6).map(|_| Wire::open(bench.secure()).expect("a connection")).collect();
    // Its turn comes when those before it were ended.
    let request = format!("GET /spring HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert_eq!(bench.wire(HOST).ask(request.as_bytes()).expect("an answer").status, 302);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_connections_do_not_hold_up_the_end() {
    let mut bench = Bench::with(&[("server.shutdown_seconds", "2")]).await;
    let mut idle = bench.wire(HOST);
    let half = Wire::open(bench.secure()).expect("a connection");
    // A client of HTTP/2 that has said no more than that it is one, and answers nothing: it is cut off.
    let mut silent = bench.wire_of(HOST, b"h2");
    silent.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("sent");
    silent.hear().expect("the server's settings");
    tokio::time::timeout(Duration::from_secs(20), bench.app.stop()).await.expect("it ends");
    silent.drain();
    assert!(idle.is_closed() && silent.is_closed());
    drop(half);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_of_http_2_is_ended() {
    let bench = Bench::with(&[("server.header_timeout_seconds", "1")]).await;
    let mut silent = bench.wire_of(HOST, b"h2");
    silent.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("sent");
    assert!(silent.drain() > 0, "settings, a ping that is not answered, and the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_resets_ends_its_connection_and_no_other() {
    let bench = Bench::start().await;
    let mut flood = bench.wire_of(HOST, b"h2");
    flood.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("sent");
    // `GET /x` of mask.example, in the words of HPACK; then the stream is reset.
    let head = [&b"\x82\x87\x04\x02/x\x41\x0c"[..], HOST.as_bytes()].concat();
    let length = u8::try_from(head.len()).expect("short");
    let mut has_ended = false;
    for stream in (1..40_000_u32).step_by(2) {
        let id = stream.to_be_bytes();
        let opened = [&[0, 0, length, 1, 5][..], &id, &head].concat();
        let reset = [&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, 8]].concat();
        if flood.send(&[opened, reset].concat()).is_err() {
            has_ended = true;
            break;
        }
    }
    assert!(has_ended || flood.drain() > 0, "it is told to go away");
    assert!(bench.wire(HOST).certificate().len() > 100, "others are answered as before");
}
