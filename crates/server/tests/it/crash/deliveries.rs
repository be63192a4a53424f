//! Killed at any moment with webhooks: whatever happened is told at least once, as one event, and nothing is told that did
//! not happen.
//!
//! The receiver sometimes fails and sometimes dawdles, so the server dies in every place between the change and the note
//! that its event has arrived. A claim that a dead process held ends after a minute; here the database is told so.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{EndsAtDrop, Field, Made, QUICK, Visit, check_links, locked, referrer};
use crate::{
    binary::Server,
    harness::{Database, psql},
    receiver::{Manner, Received, Receiver},
    wire::{PATIENCE, Wire, api_request},
};

/// Receivers are on this machine.
const HERE: (&str, &str) = ("outbound.allow_networks", "127.0.0.0/8");
/// Whatever waits is due, as it will be when all claims and all pauses are over. Tries begin anew: among this many deliveries
/// one would otherwise meet with six failures by chance, and be given up.
const TIME_PASSES: &str = "UPDATE deliveries SET due_at = 0, tries = 0 WHERE state = 0";

/// What a receiver does that is unwell: every tenth time it fails, every twentieth it keeps its caller waiting.
fn unwell(before: usize) -> Manner {
    match before % 20 {
        3 | 13 => Manner::Status(500),
        7 => Manner::Late(204, Duration::from_millis(fastrand::u64(1..100))),
        _ => Manner::Status(204),
    }
}

fn make(server: &Server, key: &str, path: &str, body: &Value) -> Value {
    let request = api_request("POST", path, key, "", &body.to_string());
    let reply = Wire::open(server.address()).expect("a connection").ask(&request).expect("an answer");
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Kills the server so many times under load, while it tells of what happens, and accounts for everything.
fn killed(mut server: Server, times: u32, time_passes: impl Fn(&Server)) {
    let key = server.first_key().expect("a key");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let field = Arc::new(Field::new(&server, key.clone()));
    let is_well = Arc::new(AtomicBool::new(false));
    let manner = {
        let (field, is_well) = (Arc::clone(&field), Arc::clone(&is_well));
        move |before| {
            // What comes here is as good a moment to die in as any other.
            field.answered();
            if is_well.load(Ordering::SeqCst) { Manner::Status(204) } else { unwell(before) }
        }
    };
    let mut receiver = runtime.block_on(Receiver::that(manner));
    let wanted = json!({"url": receiver.url, "events": ["link.created", "link.clicked"]});
    let webhook = make(&server, &key, "/webhooks", &wanted);
    let first = make(&server, &key, "/links", &json!({"url": "https://example.com/", "slug": "first-link"}));
    locked(&field.links).push(Made { id: text(&first["id"]), slug: text(&first["slug"]), number: u64::MAX });
    let visits: Vec<Visit> = thread::scope(|scope| {
        let visitor = scope.spawn(|| field.follow_links(false));
        let creators: Vec<_> = (0..2).map(|_| scope.spawn(|| field.create_links())).collect();
        let guard = EndsAtDrop(&field);
        for _ in 0..times {
            field.wait_for_answers(fastrand::usize(1..1000));
            server.kill();
            if fastrand::bool() {
                time_passes(&server);
            }
            server = server.again();
            field.moved_to(server.address());
        }
        field.wait_for_answers(50);
        drop(guard);
        for creator in creators {
            creator.join().expect("a creator");
        }
        visitor.join().expect("a visitor")
    });
    is_well.store(true, Ordering::SeqCst);
    server.terminate();
    time_passes(&server);
    server = server.again();
    let deliveries = format!("/webhooks/{}/deliveries", text(&webhook["id"]));
    wait_until_delivered(server.address(), &key, &deliveries);
    let links = check_links(server.address(), &key, &locked(&field.links));
    server.terminate();
    let told = runtime.block_on(async {
        let mut told = Told::default();
        while receiver.has_more() {
            told.take(&receiver.next().await);
        }
        told
    });
    told.check(&links, &visits);
    let (events, requests) = (told.events.len(), told.requests);
    println!("{} links, {} visits, {events} events in {requests} requests", links.len(), visits.len());
}

/// Waits until nothing is on its way; nothing may have been given up.
fn wait_until_delivered(address: SocketAddr, key: &str, deliveries: &str) {
    let began = Instant::now();
    let mut wire = Wire::open(address).expect("a connection");
    let mut first_with = |status: &str| {
        let request = api_request("GET", &format!("{deliveries}?limit=1&status={status}"), key, "", "");
        let page = wire.ask(&request).expect("an answer").json();
        page["data"].as_array().unwrap_or_else(|| panic!("no page: {page}")).first().cloned()
    };
    while let Some(pending) = first_with("pending") {
        assert!(began.elapsed() < PATIENCE, "it is never delivered: {pending}");
    }
    assert_eq!(first_with("failed"), None);
}

/// An event as the receiver knows it.
struct Event {
    body: Vec<u8>,
    /// Whether a request with it was answered well.
    has_arrived: bool,
}

/// What the receiver was told, by the id of the event.
#[derive(Default)]
struct Told {
    events: HashMap<String, Event>,
    requests: usize,
}

impl Told {
    fn take(&mut self, received: &Received) {
        self.requests += 1;
        let id = received.header("webhook-id").to_owned();
        let event =
            self.events.entry(id.clone()).or_insert_with(|| Event { body: received.body.clone(), has_arrived: false });
        assert_eq!(received.body, event.body, "{id} was told in two ways");
        event.has_arrived |= !matches!(received.manner, Manner::Status(500));
    }

    /// Each link was told of once, each click once, and nothing else.
    fn check(&self, links: &HashMap<String, Value>, visits: &[Visit]) {
        let mut created = HashSet::new();
        let mut clicks: HashMap<String, i64> = HashMap::new();
        let mut visitors = HashSet::new();
        for (id, event) in &self.events {
            assert!(event.has_arrived, "{id} never arrived");
            let body: Value = serde_json::from_slice(&event.body).expect("JSON");
            assert_eq!(&text(&body["id"]), id);
            let data = &body["data"];
            match body["type"].as_str() {
                Some("link.created") => assert!(created.insert(text(&data["id"])), "made twice: {body}"),
                Some("link.clicked") => {
                    *clicks.entry(text(&data["link_id"])).or_default() += 1;
                    assert!(visitors.insert(text(&data["referrer"])), "clicked twice: {body}");
                }
                _ => panic!("nobody asked for {body}"),
            }
        }
        let known: HashSet<String> = links.keys().cloned().collect();
        assert_eq!(created, known, "what is told of is what is there");
        for (id, link) in links {
            let told = clicks.remove(id).unwrap_or_default();
            assert_eq!(link["clicks"], told, "events and counter of {} differ", link["slug"]);
        }
        assert!(clicks.is_empty(), "clicks of links that are not there: {clicks:?}");
        self.check_visits(visits, &visitors);
    }

    fn check_visits(&self, visits: &[Visit], told: &HashSet<String>) {
        let host = |visit: &Visit| referrer(visit.number).replace("https://", "").replace('/', "");
        for visit in visits.iter().filter(|visit| visit.is_answered) {
            assert!(
                told.contains(&host(visit)),
                "visit {} was not told of; {} events",
                visit.number,
                self.events.len()
            );
        }
        let sent: HashSet<String> = visits.iter().map(host).collect();
        assert!(told.is_subset(&sent), "a click that nobody sent");
    }
}

#[test]
fn events_survive_fifty_deaths() {
    let time_passes = |server: &Server| {
        let connection = rusqlite::Connection::open(server.data().join("mask.db")).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a setting");
        connection.execute(TIME_PASSES, []).expect("time passes");
    };
    killed(Server::start(&[&QUICK[..], &[HERE]].concat()), 50, time_passes);
}

#[test]
fn events_survive_deaths_on_postgres() {
    let database = Database::create();
    let server = Server::start(&[&QUICK[..], &[HERE, ("database.url", &database.url)]].concat());
    killed(server, 5, |_| psql(&database.url, TIME_PASSES));
}
