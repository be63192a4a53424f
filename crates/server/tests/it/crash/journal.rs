//! The database away for long, and a journal without room: redirects go on, and what can be kept is kept.

use std::{io, net::SocketAddr, thread};

use mask_core::id::LinkId;
use mask_store::Location;
use serde_json::json;

use super::{OWNER, QUICK, open};
use crate::{
    binary::Server,
    harness::BROWSER,
    wire::{Wire, api_request},
};

/// So many visits with long headers, in rows; all must be sent on.
fn visit_many(address: SocketAddr, visits: usize) -> io::Result<()> {
    let long = "a".repeat(600);
    let request = format!(
        "GET /in-memory HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER} {long}\r\nReferer: https://e.com/{long}\r\n\r\n"
    );
    thread::scope(|scope| {
        let threads = (0..4).map(|_| {
            scope.spawn(|| {
                let mut wire = Wire::open(address)?;
                for _ in 0..visits / 4 / 50 {
                    wire.send(request.repeat(50).as_bytes())?;
                    for _ in 0..50 {
                        assert_eq!(wire.reply()?.status, 302);
                    }
                }
                Ok(())
            })
        });
        threads.collect::<Vec<_>>().into_iter().try_for_each(|thread| thread.join().expect("a visitor"))
    })
}

/// Nobody can write to the database while so many visits come; what was counted in the end.
fn visits_while_locked(flags: &[(&str, &str)], visits: usize) -> (i64, String) {
    let mut server = Server::start(&[&QUICK[..], &[("database.timeout_ms", "1000")], flags].concat());
    let key = server.first_key().expect("a key");
    let body = json!({"url": "https://example.com/", "slug": "in-memory"}).to_string();
    let mut wire = Wire::open(server.address()).expect("a connection");
    let made = wire.ask(&api_request("POST", "/links", &key, "", &body)).expect("an answer").json();
    let connection = rusqlite::Connection::open(server.data().join("mask.db")).expect("a database");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    visit_many(server.address(), visits).expect("everybody is sent on");
    let refused = wire.ask(&api_request("POST", "/links", &key, "", &body)).expect("an answer");
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{refused:?}");
    connection.execute_batch("ROLLBACK").expect("no lock");
    visit_many(server.address(), 200).expect("everybody is sent on");
    server.terminate();
    let store = open(Location::Sqlite(&server.data()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let id = LinkId::parse(made["id"].as_str().expect("an id")).expect("an id");
    let link = runtime.block_on(store.link_by_id(OWNER, id)).expect("the store").expect("the link");
    (link.clicks, server.said())
}

#[test]
fn what_waits_for_the_database_is_counted_later() {
    let (clicks, said) = visits_while_locked(&[], 8000);
    assert_eq!(clicks, 8200, "{said}");
}

#[test]
fn a_full_journal_stops_no_redirect() {
    let (clicks, said) = visits_while_locked(&[("clicks.journal_max_mb", "16"), ("server.threads", "2")], 24_000);
    assert!(said.contains("mask_clicks_lost_total"), "the loss is told: {said}");
    assert!((8_000..24_000).contains(&clicks), "{clicks}");
}

#[test]
fn a_small_journal_has_room_for_each_thread() {
    let mut server = Server::start(&[&QUICK[..], &[("clicks.journal_max_mb", "16"), ("server.threads", "8")]].concat());
    let key = server.first_key().expect("a key");
    let body = json!({"url": "https://example.com/", "slug": "in-memory"}).to_string();
    let made = Wire::open(server.address())
        .expect("a connection")
        .ask(&api_request("POST", "/links", &key, "", &body))
        .expect("an answer")
        .json();
    for _ in 0..200 {
        let reply = Wire::open(server.address()).expect("a connection").visit("/in-memory", "").expect("an answer");
        assert_eq!(reply.status, 302);
    }
    // What segments of one size hold is read by a server that makes larger ones.
    server.kill();
    let mut server = server.again_with(&[]);
    visit_many(server.address(), 200).expect("everybody is sent on");
    server.terminate();
    let store = open(Location::Sqlite(&server.data()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let id = LinkId::parse(made["id"].as_str().expect("an id")).expect("an id");
    let link = runtime.block_on(store.link_by_id(OWNER, id)).expect("the store").expect("the link");
    assert_eq!(link.clicks, 400, "{}", server.said());
}
