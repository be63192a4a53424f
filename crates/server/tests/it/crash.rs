//! Killed at any moment: no acknowledged write is lost, and each click whose redirect was sent is counted exactly once.
//!
//! Every visit carries a number in its `Referer`, which ends up in its record, so the records can be held against what
//! the visitors saw, visit by visit: those that were answered are there once; those that were sent and not answered are
//! there once or not at all; nothing else is there.

mod deliveries;
mod disk;
mod journal;
mod letters;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    path::Path,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use mask_core::{
    id::LinkId,
    question::{Bots, Count, Dimension, Group, Question, Rows, Subject, Window},
    time::Time,
    workspace::Owner,
};
use mask_store::{Location, Options, Store};
use serde_json::{Value, json};

use crate::{
    binary::Server,
    harness::Database,
    wire::{PATIENCE, Wire, api_request},
};

const OWNER: Owner = Owner { workspace: 1, is_test: false };
const LIMIT: u64 = 700;
const QUICK: [(&str, &str); 2] = [("limits.requests_per_minute", "0"), ("clicks.drain_interval_ms", "30")];

/// A link whose making was acknowledged.
#[derive(Clone)]
struct Made {
    id: String,
    slug: String,
    number: u64,
}

/// A visit, and whether its redirect came back.
struct Visit {
    number: u64,
    link: usize,
    is_answered: bool,
}

/// What all clients of a test share.
struct Field {
    /// The running server, counted up with each start.
    server: Mutex<(u64, SocketAddr)>,
    changed: Condvar,
    is_over: AtomicBool,
    links: Mutex<Vec<Made>>,
    visits: AtomicU64,
    keys: AtomicU64,
    answers: AtomicUsize,
    key: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Field {
    fn new(server: &Server, key: String) -> Self {
        Self {
            server: Mutex::new((1, server.address())),
            changed: Condvar::new(),
            is_over: AtomicBool::new(false),
            links: Mutex::default(),
            visits: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
            key,
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.changed.notify_all();
    }

    fn moved_to(&self, address: SocketAddr) {
        let mut server = locked(&self.server);
        *server = (server.0 + 1, address);
        drop(server);
        self.changed.notify_all();
    }

    /// Waits for a server that is newer than the last one; `None` when there will be none.
    fn next_server(&self, last: &mut u64) -> Option<SocketAddr> {
        let server = locked(&self.server);
        let known = *last;
        let is_old = |server: &mut (u64, SocketAddr)| server.0 == known && !self.is_over();
        let server = self.changed.wait_while(server, is_old).unwrap_or_else(PoisonError::into_inner);
        if server.0 == known {
            return None;
        }
        *last = server.0;
        Some(server.1)
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_all();
    }

    /// Waits until so many more answers were given.
    fn wait_for_answers(&self, more: usize) {
        let goal = self.answers.load(Ordering::SeqCst) + more;
        let server = locked(&self.server);
        let is_early = |_: &mut _| self.answers.load(Ordering::SeqCst) < goal;
        let (_server, waited) =
            self.changed.wait_timeout_while(server, PATIENCE, is_early).unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "the clients are not answered any more");
    }

    /// Makes links, each with a key of its own, and asks again with the same key when no answer came.
    fn create_links(&self) {
        let mut last = 0;
        let mut wire = None;
        while !self.is_over() {
            let number = self.keys.fetch_add(1, Ordering::SeqCst);
            let body = json!({"url": format!("https://example.com/{number}"), "title": format!("Link {number}"), "tags": [format!("t{}", number % 7)]});
            let request = api_request(
                "POST",
                "/links",
                &self.key,
                &format!("Idempotency-Key: number-{number}\r\n"),
                &body.to_string(),
            );
            let reply = loop {
                if wire.is_none() {
                    let Some(address) = self.next_server(&mut last) else { return };
                    wire = Wire::open(address).ok();
                }
                match wire.as_mut().map(|wire| wire.ask(&request)) {
                    Some(Ok(reply)) => break reply,
                    _ => wire = None,
                }
            };
            assert_eq!(reply.status, 201, "{reply:?}");
            let link = reply.json();
            let text = |name: &str| link[name].as_str().expect("a text").to_owned();
            locked(&self.links).push(Made { id: text("id"), slug: text("slug"), number });
            self.answered();
        }
    }

    /// Follows links as a person does: the first, whose limit has to be settled after each start, or all the others.
    fn follow_links(&self, only_first: bool) -> Vec<Visit> {
        let mut visits = Vec::new();
        let mut last = 0;
        while let Some(address) = self.next_server(&mut last) {
            let Ok(mut wire) = Wire::open(address) else { continue };
            while !self.is_over() {
                let (link, path) = {
                    let links = locked(&self.links);
                    let link = if only_first || links.len() == 1 { 0 } else { fastrand::usize(1..links.len()) };
                    (link, format!("/{}", links[link].slug))
                };
                let number = self.visits.fetch_add(1, Ordering::SeqCst);
                let Ok(reply) = wire.visit(&path, &referrer(number)) else {
                    visits.push(Visit { number, link, is_answered: false });
                    break;
                };
                match reply.status {
                    302 => visits.push(Visit { number, link, is_answered: true }),
                    410 => assert_eq!(link, 0, "only one link has a limit"),
                    other => panic!("{other} for {path}: {reply:?}"),
                }
                self.answered();
            }
        }
        visits
    }
}

fn referrer(number: u64) -> String {
    format!("https://v{number}.example/")
}

/// What was recorded and counted at the end, by the store's own account.
struct Account(Store);

impl Account {
    fn at(location: Location<'_>) -> Self {
        Self(open(location))
    }

    fn on_sqlite(server: &Server) -> Self {
        Self::at(Location::Sqlite(&server.data()))
    }

    async fn check(&self, links: &[Made], visits: &[Visit]) {
        let always = Window { from: Time::from_unix_millis(0), to: Time::from_unix_millis(i64::MAX) };
        let group = Group::Values(Dimension::Link, 100_000);
        let (of, conditions, bots) = (None, Vec::new(), Bots::With);
        let question = Question { subject: Subject::Clicks, window: always, of, conditions, bots, group };
        let all = self.0.visits(OWNER, question.clone()).await.expect("the store");
        let recorded: HashSet<&str> = all.iter().filter_map(|visit| visit.referrer.as_deref()).collect();
        assert_eq!(recorded.len(), all.len(), "a visit is on record twice, or without its referrer");
        let days: HashSet<i64> = all.iter().map(|visit| visit.at.unix_seconds() / 86_400).collect();
        let firsts = all.iter().filter(|visit| visit.is_unique).count();
        assert_eq!(firsts, days.len(), "one visitor came, and is told once a day, however often the server was killed");
        let host = |visit: &Visit| format!("v{}.example", visit.number);
        let sent: HashSet<String> = visits.iter().map(host).collect();
        for visit in visits.iter().filter(|visit| visit.is_answered) {
            assert!(recorded.contains(host(visit).as_str()), "the click of visit {} is lost", visit.number);
        }
        assert!(recorded.iter().all(|host| sent.contains(*host)), "a click that nobody sent");
        let mut bounds: HashMap<usize, (i64, i64)> = HashMap::new();
        for visit in visits {
            let (answered, sent) = bounds.entry(visit.link).or_default();
            *answered += i64::from(visit.is_answered);
            *sent += 1;
        }
        let firsts = u64::try_from(firsts).expect("a number");
        let by_link = self.statistics(&question, Count { clicks: all.len() as u64, visitors: firsts }).await;
        let mut sum = 0;
        for (place, made) in links.iter().enumerate() {
            let id = LinkId::parse(&made.id).expect("an id");
            let link = self.0.link_by_id(OWNER, id).await.expect("the store").expect("the link");
            let classes = self.0.recorded_classes(OWNER, id).await.expect("the store");
            assert_eq!(classes.values().sum::<i64>(), link.clicks, "records and counter of {} differ", made.slug);
            let told = by_link.get(&made.id).map_or(0, |count| count.clicks);
            assert_eq!(told, link.clicks.cast_unsigned(), "statistics and counter of {} differ", made.slug);
            let (answered, sent) = bounds.get(&place).copied().unwrap_or_default();
            assert!(
                answered <= link.clicks && link.clicks <= sent,
                "{}: {answered} <= {} <= {sent}",
                made.slug,
                link.clicks
            );
            sum += link.clicks;
        }
        assert_eq!(sum, i64::try_from(all.len()).expect("a number"));
    }

    /// What statistics say of each link, when in total they say this; by day and by hour they say the same.
    async fn statistics(&self, question: &Question, total: Count) -> HashMap<String, Count> {
        let ask = async |group| self.0.answer(OWNER, Question { group, ..question.clone() }).await.expect("the store");
        for group in [
            question.group.clone(),
            Group::Values(Dimension::Country, 1000),
            Group::HourOfDay(vec![(question.window.from, 0)]),
            Group::Buckets(vec![question.window.from]),
        ] {
            let answer = ask(group).await;
            assert_eq!(answer.total, total, "statistics and records differ");
            let mut sum = Count::default();
            match answer.rows {
                Rows::Counts(counts) => counts.into_iter().for_each(|count| sum += count),
                Rows::Values(values) => values.into_iter().for_each(|(_, count)| sum += count),
            }
            assert_eq!(sum, total, "they do not add up");
        }
        match ask(question.group.clone()).await.rows {
            Rows::Values(values) => values.into_iter().collect(),
            Rows::Counts(_) => HashMap::new(),
        }
    }

    /// Nothing is left in the journal that is not in both sinks.
    async fn check_journal(&self, folder: &Path) {
        let journal =
            mask_journal::Journal::open(&folder.join("journal"), mask_journal::Options::default()).expect("a journal");
        let node = journal.node().to_owned();
        let counted = self.0.counted_positions(node.clone()).await.expect("the store");
        assert_eq!(counted, self.0.recorded_positions(node).await.expect("the store"));
        for shard in journal.shards() {
            let from = counted.get(&shard).map(|at| mask_journal::Cursor { segment: at.segment, offset: at.byte });
            let mut left = 0;
            journal.read(shard, from, 1 << 20, |_| left += 1).expect("it can be read");
            assert_eq!(left, 0, "shard {shard} was not drained");
        }
    }
}

fn open(location: Location<'_>) -> Store {
    Store::open(&Options { location, pool_size: 1, timeout: PATIENCE }).expect("a store")
}

/// Kills the server so many times under load, and accounts for everything.
fn killed(mut server: Server, times: u32, account: impl FnOnce(&Server) -> Account) {
    let key = server.first_key().expect("a key");
    let field = Field::new(&server, key.clone());
    let limited = api_request("POST", "/links", &key, "", &json!({"url": "https://example.com/limited", "slug": "limited-link", "title": "Limited", "click_limit": LIMIT}).to_string());
    let made = Wire::open(server.address()).expect("a connection").ask(&limited).expect("an answer").json();
    locked(&field.links).push(Made {
        id: made["id"].as_str().expect("an id").to_owned(),
        slug: "limited-link".to_owned(),
        number: u64::MAX,
    });
    let visits: Vec<Visit> = thread::scope(|scope| {
        let field = &field;
        let visitors: Vec<_> = (0..4).map(|place| scope.spawn(move || field.follow_links(place == 0))).collect();
        let creators: Vec<_> = (0..2).map(|_| scope.spawn(move || field.create_links())).collect();
        let guard = EndsAtDrop(field);
        for _ in 0..times {
            field.wait_for_answers(fastrand::usize(1..800));
            server.kill();
            server = server.again();
            assert!(!server.printed().contains("mk_live_"), "only a first start prints a key");
            field.moved_to(server.address());
        }
        field.wait_for_answers(50);
        drop(guard);
        for creator in creators {
            creator.join().expect("a creator");
        }
        visitors.into_iter().flat_map(|visitor| visitor.join().expect("a visitor")).collect()
    });
    let links = std::mem::take(&mut *locked(&field.links));
    check_links(server.address(), &key, &links);
    server.terminate();
    let answered_limited = visits.iter().filter(|visit| visit.link == 0 && visit.is_answered).count();
    assert!(answered_limited as u64 <= LIMIT, "{answered_limited} were sent on by a link for {LIMIT}");
    let account = account(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        account.check(&links, &visits).await;
        account.check_journal(&server.data()).await;
    });
    let unanswered = visits.iter().filter(|visit| !visit.is_answered).count();
    println!("{} links, {} visits, {unanswered} without an answer", links.len(), visits.len());
}

/// A check that fails must not leave the clients waiting for a server that never comes.
struct EndsAtDrop<'f>(&'f Field);

impl Drop for EndsAtDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Each acknowledged link is there, as it was asked for; and nothing was made twice. Answers the links by their ids.
fn check_links(address: SocketAddr, key: &str, links: &[Made]) -> HashMap<String, Value> {
    let mut wire = Wire::open(address).expect("a connection");
    let mut found: HashMap<String, Value> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page =
            wire.ask(&api_request("GET", &format!("/links?limit=100{cursor}"), key, "", "")).expect("an answer").json();
        for link in page["data"].as_array().expect("links") {
            found.insert(link["id"].as_str().expect("an id").to_owned(), link.clone());
        }
        match page["pagination"]["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), links.len(), "one for each key");
    for made in links.iter().skip(1) {
        let link = found.get(&made.id).unwrap_or_else(|| panic!("link {} is lost", made.number));
        assert_eq!(link["slug"], made.slug);
        assert_eq!(link["url"], format!("https://example.com/{}", made.number));
        assert_eq!(link["title"], format!("Link {}", made.number));
        assert_eq!(link["tags"], json!([format!("t{}", made.number % 7)]));
    }
    found
}

#[test]
fn killed_twenty_times_under_load() {
    killed(Server::start(&QUICK), 20, Account::on_sqlite);
}

#[test]
fn killed_under_load_on_postgres() {
    let database = Database::create();
    let server = Server::start(&[&QUICK[..], &[("database.url", &database.url)]].concat());
    killed(server, 5, |_| Account::at(Location::Postgres(&database.url)));
}

#[test]
fn asked_to_end_under_load() {
    let mut server = Server::start(&QUICK);
    let key = server.first_key().expect("a key");
    let field = Field::new(&server, key.clone());
    let body = json!({"url": "https://example.com/0", "slug": "first-link"}).to_string();
    let made = Wire::open(server.address())
        .expect("a connection")
        .ask(&api_request("POST", "/links", &key, "", &body))
        .expect("an answer")
        .json();
    locked(&field.links).push(Made {
        id: made["id"].as_str().expect("an id").to_owned(),
        slug: "first-link".to_owned(),
        number: 0,
    });
    let body = json!({"url": "https://example.com/late", "slug": "late-link"}).to_string();
    let request = api_request("POST", "/links", &key, "Expect: 100-continue\r\n", &body);
    let (head, body) = request.split_at(request.len() - body.len());
    let visits: Vec<Visit> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..4).map(|_| scope.spawn(|| field.follow_links(false))).collect();
        let guard = EndsAtDrop(&field);
        // A request that the server has begun to read: it must be answered.
        let mut begun = Wire::open(server.address()).expect("a connection");
        assert_eq!(begun.ask(head).expect("an answer").status, 100);
        field.wait_for_answers(500);
        server.ask_to_end();
        while Wire::open(server.address()).is_ok() {
            thread::yield_now();
        }
        let reply = begun.ask(body).expect("an answer to what was begun");
        assert_eq!((reply.status, reply.header("connection")), (201, "close"));
        let status = server.wait();
        assert!(status.success(), "{status}: {}", server.said());
        drop(guard);
        visitors.into_iter().flat_map(|visitor| visitor.join().expect("a visitor")).collect()
    });
    assert!(!server.said().contains("did not end in time"), "{}", server.said());
    let links = std::mem::take(&mut *locked(&field.links));
    let account = Account::on_sqlite(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        account.check(&links, &visits).await;
        account.check_journal(&server.data()).await;
    });
}
