//! The redirect without sockets: requests in, answers and clicks out, over a real store and a real journal.

mod bio;
mod limits;
mod passwords;
mod signals;

use std::{
    cell::RefCell,
    future::poll_fn,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use mask_core::{
    change::Change,
    destination::WebUrl,
    id::LinkId,
    link::{Content, Preview, RedirectStatus},
    slug::Slug,
    time::Time,
    workspace::Owner,
};
use mask_journal::Journal;
use mask_store::{Expected, Location, NewLink, Options, Slugs, Store};

use super::{Answer, Hosts, Redirects, Setup, Worker};
use crate::{
    body::Body,
    clicks::{self, Drain},
    clock::Clock,
    config::Durability,
    places::Places,
};

const OWNER: Owner = Owner { workspace: 1, is_test: false };
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const SLACK: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    clock: Clock,
    journal: Arc<Journal>,
    /// `None` while it works.
    drain: RefCell<Option<Drain>>,
    redirects: Arc<Redirects>,
    workers: Vec<Rc<Worker>>,
}

impl Bench {
    async fn new(durability: Durability) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_secs(5) };
        let store = Store::open(&options).expect("a store");
        Self::over(folder, store, Clock::by_hand(Time::from_unix_millis(1_774_360_800_000)), durability).await
    }

    async fn over(folder: tempfile::TempDir, store: Store, clock: Clock, durability: Durability) -> Self {
        let options = mask_journal::Options { segment_bytes: 1 << 20, max_bytes: 16 << 20 };
        let journal = Journal::open(&folder.path().join("journal"), options).expect("a journal");
        let writers = clicks::writers(&journal, &store, 4).await.expect("writers");
        let hosts = Hosts::new(&"http://localhost:8080".parse().expect("a url"), &["s.example".to_owned()]);
        let (own_hosts, aside) = (Arc::new(hosts.clone()), folder.path().join("set-aside"));
        let (drain, handle) = Drain::new(Arc::clone(&journal), store.clone(), own_hosts, aside);
        let redirects = Redirects::new(Setup {
            store: store.clone(),
            clock: clock.clone(),
            hosts,
            secret: [5; 32],
            memory_bytes: 1 << 20,
            trusted: Vec::new(),
            country_header: None,
            places: Places::by(folder.path().join("places.mmdb")),
            salts: clicks::Salts::new(clock.now()),
            is_cookie_secure: false,
            body_timeout: Duration::from_secs(30),
            password_attempts_per_minute: 3,
            drain: handle,
            sync: clicks::start_syncer(Arc::clone(&journal), Duration::from_hours(1)).expect("a thread"),
            durability,
            hsts_seconds: 0,
        });
        let workers = writers.into_iter().map(|writer| Rc::new(Worker::new(Arc::clone(&redirects), writer))).collect();
        Self { folder, store, clock, journal, drain: RefCell::new(Some(drain)), redirects, workers }
    }

    /// The process dies with whatever is in its journal, and another begins.
    async fn restart(self) -> Self {
        let Self { folder, store, clock, journal, drain, redirects, workers } = self;
        drop((drain, workers, redirects, journal));
        Self::over(folder, store, clock, Durability::Process).await
    }

    async fn link(&self, slug: &str, change: impl FnOnce(&mut Content)) -> LinkId {
        let mut content = Content::to(WebUrl::parse("https://example.com/where").expect("a url"));
        change(&mut content);
        let id = LinkId::from_bits(slug.bytes().fold(0, |id, byte| id << 8 | u128::from(byte)));
        let slugs = Slugs::Wanted(Slug::parse(slug).expect("a slug"));
        let new = NewLink { id, domain: "s.example".into(), slugs, content, now: self.clock.now() };
        self.store.create_link(OWNER, new, None).await.expect("a link");
        id
    }

    async fn change(&self, id: LinkId, change: Change) {
        let changed = self.store.update_link(OWNER, id, Expected::AnyVersion, change, self.clock.now()).await;
        let (_, (domain, slug_key)) = changed.expect("an answer").expect("a change");
        self.redirects.forget(&domain, &slug_key);
    }

    async fn clicks(&self, id: LinkId) -> i64 {
        self.step().await;
        self.store.link_by_id(OWNER, id).await.expect("an answer").expect("the link").clicks
    }

    async fn classes(&self, id: LinkId) -> Vec<(String, i64)> {
        self.step().await;
        let classes = self.store.recorded_classes(OWNER, id).await.expect("an answer");
        let mut classes: Vec<_> = classes.into_iter().collect();
        classes.sort();
        classes
    }

    async fn step(&self) {
        let mut drain = self.drain.borrow_mut().take().expect("a drain that does not work yet");
        drain.step().await.expect("a round");
        *self.drain.borrow_mut() = Some(drain);
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.ask(request("GET", path)).await
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Response<Body> {
        self.ask_worker(0, request).await.expect("an answer of ours")
    }

    /// `None`: it is the router's.
    async fn ask_worker(&self, worker: usize, request: Request<Full<Bytes>>) -> Option<Response<Body>> {
        match self.workers[worker].answer(request, PEER) {
            Answer::Ready(response) => Some(response),
            Answer::NotMine(_) => None,
            Answer::Later(mut later) => {
                // The drain works beside it, for whoever waits for a flush.
                let mut drain = self.drain.borrow_mut().take().expect("a drain that does not work yet");
                let mut answered = None;
                while answered.is_none() {
                    // A round that has begun is let finish: one that is dropped half-way may still commit.
                    let stepping = async {
                        yield_once().await;
                        drain.step().await.expect("a round");
                    };
                    tokio::pin!(stepping);
                    tokio::select! {
                        biased;
                        response = &mut later => {
                            answered = Some(response);
                            stepping.await;
                        }
                        () = &mut stepping => {}
                    }
                }
                *self.drain.borrow_mut() = Some(drain);
                answered
            }
        }
    }
}

async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn request(method: &str, target: &str) -> Request<Full<Bytes>> {
    let request =
        Request::builder().method(method).uri(target).header("host", "s.example").header("user-agent", CHROME);
    request.body(Full::default()).expect("a request")
}

fn from_host(host: &'static str, method: &str, target: &str) -> Request<Full<Bytes>> {
    with(request(method, target), "host", host)
}

fn with<B>(mut request: Request<B>, name: &'static str, value: &str) -> Request<B> {
    request.headers_mut().insert(name, value.parse().expect("a value"));
    request
}

fn form(path: &str, body: &str) -> Request<Full<Bytes>> {
    let mut form = with(request("POST", path), "content-type", "application/x-www-form-urlencoded");
    *form.body_mut() = Full::from(body.to_owned());
    form
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn locked(bench: &Bench, slug: &str, change: impl FnOnce(&mut Content)) -> LinkId {
    let hash = crate::password::Passwords::at_once(1).hash("open sesame".into()).await.expect("a hash");
    bench
        .link(slug, |content| {
            content.password_hash = Some(hash);
            change(content);
        })
        .await
}

#[tokio::test]
async fn a_plain_link() {
    let bench = Bench::new(Durability::Process).await;
    let id = bench.link("AbCd", |content| content.utm.source = Some("mail".into())).await;
    for path in ["/AbCd", "/abcd", "/ABCD/", "/%61bcd"] {
        let response = bench.get(path).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "location")),
            (302, "https://example.com/where?utm_source=mail")
        );
        assert_eq!(
            (header(&response, "cache-control"), header(&response, "x-request-id").len()),
            ("private, no-store", 16)
        );
        assert_eq!(text(response).await, "");
    }
    let response = bench.get("/abcd?a=1&utm_source=mine").await;
    assert_eq!(header(&response, "location"), "https://example.com/where?utm_source=mail&a=1");
    let response = bench.ask(request("HEAD", "/abcd")).await;
    assert_eq!(response.status(), 302);
    bench.ask(with(request("GET", "/abcd"), "sec-purpose", "prefetch")).await;
    bench.ask(with(request("GET", "/abcd"), "user-agent", "curl/8.5.0")).await;
    assert_eq!(bench.clicks(id).await, 5);
    let classes = bench.classes(id).await;
    assert_eq!(
        classes,
        [("head", 1), ("person", 5), ("prefetch", 1), ("tool", 1)].map(|(class, count)| (class.to_owned(), count))
    );
}

#[tokio::test]
async fn statuses_and_absence() {
    let bench = Bench::new(Durability::Process).await;
    for (slug, status) in [
        ("s301", RedirectStatus::MovedPermanently),
        ("s307", RedirectStatus::Temporary),
        ("s308", RedirectStatus::Permanent),
    ] {
        bench.link(slug, |content| content.redirect_status = status).await;
        assert_eq!(bench.get(&format!("/{slug}")).await.status().as_u16(), status.number());
    }
    assert_eq!(bench.get("/none").await.status(), 404);
    assert_eq!(bench.get("/none").await.status(), 404);
    let id = bench.link("gone", |_| ()).await;
    assert_eq!(bench.get("/gone").await.status(), 302);
    bench
        .store
        .delete_link(OWNER, id, Expected::AnyVersion, false, bench.clock.now())
        .await
        .expect("an answer")
        .expect("removal");
    assert_eq!(bench.get("/gone").await.status(), 302, "before it is made known");
    bench.redirects.forget("s.example", "gone");
    assert_eq!(bench.get("/gone").await.status(), 410);
    bench.link("none", |_| ()).await;
    bench.redirects.forget("s.example", "none");
    assert_eq!(bench.get("/none").await.status(), 302);
}

#[tokio::test]
async fn methods_hosts_and_paths() {
    let bench = Bench::new(Durability::Process).await;
    bench.link("abcd", |_| ()).await;
    for _memory in ["cold", "warm"] {
        for (request, status) in [
            (request("POST", "/abcd"), Some(405)),
            (request("DELETE", "/abcd"), Some(405)),
            (request("OPTIONS", "/abcd"), Some(405)),
            (request("POST", "/abcd+"), Some(405)),
            (request("GET", "/"), Some(200)),
            (request("POST", "/"), Some(405)),
            (request("GET", "/robots.txt"), Some(200)),
            (request("GET", "/api/v1/links"), Some(404)),
            (request("GET", "/docs"), Some(404)),
            (request("GET", "/favicon.ico"), Some(404)),
            (request("GET", "/abcd%00"), Some(404)),
            (from_host("localhost", "GET", "/docs"), None),
            (from_host("127.0.0.1:8080", "OPTIONS", "/docs"), None),
            (from_host("localhost", "GET", "/"), None),
            (from_host("localhost", "POST", "/api/v1/links"), None),
            (from_host("localhost", "GET", "/abcd"), Some(404)),
            (from_host("other.example", "GET", "/abcd"), Some(404)),
            (from_host("10.0.0.7:8080", "GET", "/healthz"), None),
            (from_host("a b", "GET", "/abcd"), Some(400)),
            (from_host("", "GET", "/healthz"), Some(400)),
        ] {
            let shown = format!("{request:?}");
            let response = bench.ask_worker(0, request).await;
            assert_eq!(response.as_ref().map(|response| response.status().as_u16()), status, "{shown}");
            if status == Some(405) {
                assert_eq!(header(&response.expect("an answer"), "allow"), "GET, HEAD");
            }
        }
        bench.get("/abcd").await;
    }
    let page = bench.get("/none").await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(header(&page, name), value);
    }
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn a_link_with_an_end() {
    let bench = Bench::new(Durability::Process).await;
    let end = bench.clock.now().after(Duration::from_mins(1));
    bench.link("ends", |content| content.expires_at = Some(end)).await;
    let other = bench
        .link("goes", |content| {
            content.expires_at = Some(end);
            content.expired_url = WebUrl::parse("https://example.com/over").ok();
        })
        .await;
    for slug in ["/ends", "/goes"] {
        assert_eq!(header(&bench.get(slug).await, "location"), "https://example.com/where");
    }
    bench.clock.advance(Duration::from_mins(1));
    let ended = bench.get("/ends").await;
    assert_eq!(ended.status(), 410);
    assert!(text(ended).await.contains("expired"));
    assert_eq!(header(&bench.get("/goes").await, "location"), "https://example.com/over");
    assert_eq!(bench.clicks(other).await, 1, "following an ended link is no click");
    assert_eq!(bench.classes(other).await, [("person".to_owned(), 2)]);
}

#[tokio::test]
async fn looking_before_following() {
    let bench = Bench::new(Durability::Process).await;
    let id = bench.link("abcd", |content| content.title = Some("A <title>".into())).await;
    for path in ["/abcd+", "/abcd%2B"] {
        let page = bench.get(path).await;
        assert_eq!(page.status(), 200);
        let page = text(page).await;
        assert!(page.contains("https://example.com/where") && page.contains("A &#60;title&#62;"), "{page}");
    }
    assert!(bench.classes(id).await.is_empty());
    locked(&bench, "lock", |content| content.title = Some("Secret".into())).await;
    let page = text(bench.get("/lock+").await).await;
    assert!(!page.contains("example.com/where") && !page.contains("Secret"));
    assert_eq!(bench.get("/none+").await.status(), 404);
    assert_eq!(bench.get("/none").await.status(), 404);
    assert_eq!(bench.get("/none+").await.status(), 404, "from memory");
}

#[tokio::test]
async fn crawlers_see_the_preview() {
    let bench = Bench::new(Durability::Process).await;
    let preview = Preview { title: Some("Headline".into()), ..Preview::default() };
    let id = bench.link("abcd", |content| content.preview = Some(preview.clone())).await;
    let page = bench.ask(with(request("GET", "/abcd"), "user-agent", SLACK)).await;
    assert_eq!(page.status(), 200);
    assert!(text(page).await.contains("Headline"));
    assert_eq!(bench.get("/abcd").await.status(), 302);
    assert_eq!(bench.clicks(id).await, 1);
    assert_eq!(bench.classes(id).await, [("person".to_owned(), 1), ("preview".to_owned(), 1)]);
    locked(&bench, "lock", |content| content.preview = Some(preview)).await;
    let page = text(bench.ask(with(request("GET", "/lock"), "user-agent", SLACK)).await).await;
    assert!(page.contains("Headline") && !page.contains("example.com/where"));
    locked(&bench, "told", |content| {
        (content.title, content.preview) = (Some("For members".into()), Some(Preview::default()));
    })
    .await;
    let page = text(bench.ask(with(request("GET", "/told"), "user-agent", SLACK)).await).await;
    assert!(!page.contains("For members"), "its own title is for those who have opened it");
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let bench = Bench::new(Durability::Process).await;
    bench.link("abcd", |content| content.click_limit = Some(5)).await;
    for path in ["/abcd", "/abcd?%ff=%00&=&&&", "/abcd?a=b#c"] {
        let mut request = request("GET", path);
        for name in ["user-agent", "referer", "accept-language", "sec-purpose", "cookie", "x-forwarded-for"] {
            request
                .headers_mut()
                .insert(name, hyper::header::HeaderValue::from_bytes(b"\xff\xfe\x80;=").expect("a value"));
        }
        assert_eq!(bench.ask(request).await.status(), 302, "{path}");
    }
}

#[tokio::test]
async fn power_is_waited_for() {
    let bench = Bench::new(Durability::Power).await;
    let id = bench.link("abcd", |_| ()).await;
    for _ in 0..5 {
        assert_eq!(bench.get("/abcd").await.status(), 302);
    }
    assert!(bench.journal.synced(0) >= 5);
    assert_eq!(bench.clicks(id).await, 5);
}

#[tokio::test]
async fn a_store_that_is_away_is_no_absence() {
    let bench = Bench::new(Durability::Process).await;
    let id = bench.link("abcd", |content| content.click_limit = Some(1)).await;
    // Nobody drains: the number of clicks cannot be known.
    drop(bench.drain.borrow_mut().take());
    let Answer::Later(later) = bench.workers[0].answer(request("GET", "/abcd"), PEER) else {
        panic!("a look into the store")
    };
    let response = later.await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, "5"));
    assert_eq!(bench.redirects.memory().0, 0, "{id}");
}

#[tokio::test]
async fn a_visitors_place_is_known_to_rules_and_to_both_lanes() {
    use crate::places::mmdb::{About, Range, Value, write};
    use mask_core::rule::{Condition, Rule};

    let bench = Bench::new(Durability::Process).await;
    let code = Value::Map(vec![("iso_code", Value::Text("PK".to_owned()))]);
    let range = Range { first: 0xc000_0200, last: 0xc000_02ff, record: 0 };
    let about = About { kind: "Test".into(), description: "For a test".into(), built_at: 0 };
    let file = write(&[range], &[Value::Map(vec![("country", code)])], &about).expect("a file");
    std::fs::write(bench.folder.path().join("places.mmdb"), file).expect("a file");
    bench.redirects.places.refresh();

    let only = |country: &str| Rule {
        when: Condition { country: vec![country.into()], ..Condition::default() },
        url: WebUrl::parse(&format!("https://example.com/{country}")).expect("a url"),
    };
    bench.link("ruled", |content| content.rules = vec![only("DE"), only("PK")]).await;
    bench.link("plain", |_| ()).await;
    assert_eq!(header(&bench.get("/ruled").await, "location"), "https://example.com/PK");
    bench.get("/plain").await;
    let mut out = Vec::new();
    let glance = bench.workers[0].glance(b"GET /plain HTTP/1.1\r\nHost: s.example\r\n\r\n", PEER, &mut out);
    assert!(matches!(glance, super::Glance::Answered(_)), "{glance:?}");

    let mut found = Vec::new();
    bench.journal.read(0, None, 1 << 20, |bytes| found.push(country(bytes))).expect("it can be read");
    assert_eq!(found, ["PK", "PK", "PK"]);
}

/// The country in a record of the journal.
fn country(record: &[u8]) -> String {
    let record = clicks::record::Record::decode(record).expect("a record");
    record.country.map(|country| country.as_str().to_owned()).unwrap_or_default()
}
