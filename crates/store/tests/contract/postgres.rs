//! A PostgreSQL server of the tests' own.
//!
//! One server serves a whole test process, started when the first test wants it. The script that starts it watches the
//! pipe that this process holds, so the server ends with the process, however that ends. A name in
//! `MASK_TEST_POSTGRES` stands in for it: then that server is used, and left as it was found.

use std::{
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
    thread,
};

use postgres::{Client, NoTls};

/// Counts the connections that wait for a lock on this database; other tests wait on theirs. Not `pg_stat_activity`, which says the
/// same for as long as a transaction lasts.
pub(crate) const WAITING: &str = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN \
    (SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database())";

/// A running server that is ours to stop and start.
pub(crate) struct Server {
    url: String,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    script: Child,
}

impl Server {
    /// Starts a server.
    pub(crate) fn start() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/test-postgres.sh");
        let mut script = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/test-postgres.sh can be run");
        let answers = BufReader::new(script.stdout.take().expect("its output is a pipe"));
        let mut server = Self { url: String::new(), orders: script.stdin.take(), answers, script };
        server.url = server.answer();
        assert!(server.url.starts_with("postgres://"), "scripts/test-postgres.sh started no server: {:?}", server.url);
        server
    }

    /// Tells the script to `stop` or `start` the server, and waits until it did.
    pub(crate) fn tell(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("the pipe is open until the server is dropped");
        writeln!(orders, "{order}").expect("the script reads");
        assert!(!self.answer().is_empty(), "the script could not {order} the server");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the script's output is text");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.script.wait();
    }
}

/// The server that all tests of this process share.
fn shared() -> &'static str {
    static URL: OnceLock<(String, Option<Server>)> = OnceLock::new();
    let start = || {
        let server = Server::start();
        (server.url.clone(), Some(server))
    };
    let (url, _) = URL.get_or_init(|| given().map_or_else(start, |url| (url, None)));
    url
}

#[expect(clippy::disallowed_methods, reason = "what the tests run on is no setting of the program")]
fn given() -> Option<String> {
    std::env::var("MASK_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// An empty database of a test's own, gone when it is dropped.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes a database on the shared server.
    pub(crate) fn new() -> Self {
        Self::on(shared())
    }

    /// Makes a database on this server.
    pub(crate) fn of(server: &Server) -> Self {
        Self::on(&server.url)
    }

    fn on(server: &str) -> Self {
        let name = format!("t_{:016x}", RandomState::new().hash_one(thread::current().id()));
        run(server, &format!("CREATE DATABASE {name}")).expect("a database can be made");
        Self { server: server.to_owned(), name }
    }

    /// The database's URL.
    pub(crate) fn url(&self) -> String {
        let (address, parameters) = self
            .server
            .split_once('?')
            .map_or((self.server.as_str(), String::new()), |(address, rest)| (address, format!("?{rest}")));
        let (host, _) = address.rsplit_once('/').expect("a URL has slashes");
        format!("{host}/{}{parameters}", self.name)
    }

    /// Runs statements behind the store's back.
    pub(crate) fn sql(&self, statements: &str) {
        run(&self.url(), statements).unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// A connection beside those of the store.
    pub(crate) fn connect(&self) -> Client {
        let url = self.url();
        apart(move || Client::connect(&url, NoTls).expect("the server answers"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that was stopped takes its databases with it.
        let _ = run(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn run(url: &str, statements: &str) -> Result<(), postgres::Error> {
    let (url, statements) = (url.to_owned(), statements.to_owned());
    apart(move || Client::connect(&url, NoTls)?.batch_execute(&statements))
}

/// Runs something on a thread of its own: the blocking client may not be used on a thread that runs futures.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).expect("the work does not panic")
}
