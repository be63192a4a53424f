//! A server of its own for each test: on a free port, in a folder of its own, with a clock that is moved by hand.
//!
//! Stopping is part of each test: when an `App` is dropped the server is stopped in order, and a server that cannot stop
//! hangs its test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use mask::{
    clock::{Clock, Ids},
    config::Config,
    run::{self, Running},
    setup::{self, KeyWish},
};
use mask_core::{scope::Scopes, time::Time, workspace::Owner};
use reqwest::{Method, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::Value;

use crate::{document, wire::Reply};

/// A visitor's browser.
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
/// When every test begins, 14 seconds into a minute.
pub(crate) const START: &str = "2026-03-24T14:00:14Z";

/// Settings of a server whose address in the world is https, behind a proxy on this machine that is trusted.
pub(crate) const HTTPS: [(&str, &str); 2] =
    [("server.public_url", "https://mask.example"), ("proxy.trusted", "127.0.0.0/8")];

/// Keeps everybody else from writing into an app's SQLite database, until what is returned is dropped.
pub(crate) fn lock(app: &App) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    connection.busy_timeout(Duration::from_secs(5)).expect("a setting");
    connection.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    connection
}

/// A running server and a way to talk to it.
pub(crate) struct App {
    running: Option<Running>,
    /// `http://127.0.0.1:PORT`
    pub(crate) base: String,
    /// A live key with all scopes.
    pub(crate) key: String,
    /// Moves by hand.
    pub(crate) clock: Clock,
    /// Sends requests, follows no redirects.
    pub(crate) client: reqwest::Client,
    flags: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    database: Option<Database>,
}

impl App {
    /// A server on SQLite.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server on SQLite with these settings.
    pub(crate) async fn with(flags: &[(&'static str, &str)]) -> Self {
        Self::begin(flags, None).await
    }

    /// A server on a PostgreSQL database of its own.
    pub(crate) async fn on_postgres(flags: &[(&'static str, &str)]) -> Self {
        let database = tokio::task::spawn_blocking(Database::create).await.expect("a database");
        Self::begin(flags, Some(database)).await
    }

    async fn begin(flags: &[(&'static str, &str)], database: Option<Database>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = vec![
            ("server.listen", "127.0.0.1:0".to_owned()),
            ("server.threads", "2".to_owned()),
            ("storage.data_dir", folder.path().join("data").display().to_string()),
            ("clicks.drain_interval_ms", "20".to_owned()),
            // Nobody outside is asked for anything.
            ("domains.resolver", "127.0.0.1:9".to_owned()),
        ];
        all.extend(database.iter().map(|database| ("database.url", database.url.clone())));
        for (name, value) in flags {
            all.retain(|(known, _)| known != name);
            all.push((name, (*value).to_owned()));
        }
        let mut app = Self {
            running: None,
            base: String::new(),
            key: String::new(),
            clock: Clock::by_hand(Time::parse(START).expect("a time")),
            client: reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client"),
            flags: all,
            folder,
            database,
        };
        let first_key = app.launch().await;
        app.key = first_key.expect("a new installation prints a key");
        app
    }

    /// Another node of the same installation, with its clock and its key; the settings say where the database is.
    pub(crate) async fn beside(&self, flags: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = self.flags.clone();
        let data = folder.path().join("data").display().to_string();
        for (name, value) in flags.iter().copied().chain([("storage.data_dir", data.as_str())]) {
            all.retain(|(known, _)| *known != name);
            all.push((name, value.to_owned()));
        }
        let mut app = Self {
            running: None,
            base: String::new(),
            key: self.key.clone(),
            clock: self.clock.clone(),
            client: self.client.clone(),
            flags: all,
            folder,
            database: None,
        };
        assert_eq!(app.launch().await, None, "the installation is not new");
        app
    }

    async fn launch(&mut self) -> Option<String> {
        let config = Config::load(None, [], &self.flags).expect("settings");
        let clock = self.clock.clone();
        let running =
            tokio::task::spawn_blocking(move || run::start(&config, &clock).expect("a server")).await.expect("started");
        self.base = format!("http://{}", running.addresses[0]);
        let key = running.first_key.as_ref().map(|key| key.reveal().to_owned());
        self.running = Some(running);
        key
    }

    /// Stops the server in order and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        assert_eq!(self.launch().await, None, "the installation is not new any more");
    }

    /// The same with other settings.
    pub(crate) async fn restart_with(&mut self, flags: &[(&'static str, &str)]) {
        for (name, value) in flags {
            self.flags.retain(|(known, _)| known != name);
            self.flags.push((name, (*value).to_owned()));
        }
        self.restart().await;
    }

    /// Stops the server in order.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().expect("a running server");
        tokio::task::spawn_blocking(move || running.stop()).await.expect("stopped");
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &Running {
        self.running.as_ref().expect("a running server")
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database on PostgreSQL.
    pub(crate) fn database(&self) -> &Database {
        self.database.as_ref().expect("an app on PostgreSQL")
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Moves the clock to where a program that is started now has its own: what that tells is due by then.
    pub(crate) fn wait_for_the_programs_clock(&self) {
        let ahead = mask::clock::Clock::system().now().unix_seconds() - self.clock.now().unix_seconds();
        self.wait(u64::try_from(ahead).expect("it is ahead of ours") + 1);
    }

    /// Waits until every click that was answered is counted.
    pub(crate) async fn settle(&self) {
        self.server().drain.flush().await.expect("drained");
    }

    /// A key with these scopes.
    pub(crate) async fn key_for(&self, scopes: &str, is_test: bool) -> String {
        self.key_of_workspace(1, scopes, is_test).await
    }

    /// A key of a workspace, by its number; number 1 is the default one, others are made.
    pub(crate) async fn key_of_workspace(&self, number: i64, scopes: &str, is_test: bool) -> String {
        for n in 2..=number {
            let workspaces = self.server().store.list_workspaces().await.expect("a store");
            if workspaces.len() < usize::try_from(n).expect("few") {
                crate::person::workspace(self, &format!("Workspace {n}")).await;
            }
        }
        let owner = Owner { workspace: number, is_test };
        let wish = KeyWish { owner, name: "test".to_owned(), scopes: Scopes::parse(scopes).expect("scopes") };
        let made = setup::create_key(&self.server().store, &self.clock, &Ids::default(), wish).await;
        made.expect("a key").1.reveal().to_owned()
    }

    /// A request to a path of the API with the app's key.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.api_as(&self.key, method, path)
    }

    /// A request to a path of the API with this key.
    pub(crate) fn api_as(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(key)
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.api(Method::GET, path)).await
    }

    /// Makes something.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.api(Method::POST, path).json(&body)).await
    }

    /// Changes something.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.api(Method::PATCH, path).json(&body)).await
    }

    /// Deletes something.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.api(Method::DELETE, path)).await
    }

    /// Makes a link, and answers it.
    pub(crate) async fn link(&self, body: Value) -> Value {
        self.post("/links", body).await.is(201)
    }

    /// Visits a path as a person with a browser.
    pub(crate) fn visit(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).header("user-agent", BROWSER)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.running.take());
        drop(self.database.take());
    }
}

/// Two nodes of one installation on PostgreSQL.
pub(crate) async fn two_nodes() -> (App, App) {
    two_nodes_with(&[]).await
}

/// The same, with these settings beside those that all have.
pub(crate) async fn two_nodes_with(settings: &[(&'static str, &str)]) -> (App, App) {
    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let app = App::on_postgres(&[settings, &[("secrets.key", KEY)]].concat()).await;
    let url = app.database().url.clone();
    let other = app.beside(&[("database.url", &url)]).await;
    (app, other)
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let headers = reply.headers().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        Self {
            status: reply.status,
            headers: headers.collect(),
            text: String::from_utf8(reply.body.clone()).expect("text"),
        }
    }
}

impl Answer {
    /// Sends a request and reads what comes back.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.expect("an answer");
        document::check(&method, &path, response.status());
        let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
        // A stream of events has no end: its beginning is the answer.
        let is_endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = if is_endless { String::new() } else { response.text().await.expect("a body") };
        Self { status: status.as_u16(), headers, text }
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).expect("JSON") }
    }

    /// The JSON, whatever the status.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or_default())
    }

    /// The error's code, which must come with this status and the id of the request.
    #[track_caller]
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let error = &self.json()["error"];
        assert_eq!(error["request_id"], self.header("x-request-id"), "{}", self.text);
        error["code"].as_str().expect("a code").to_owned()
    }

    /// The fields that an error names.
    #[track_caller]
    pub(crate) fn fields(&self) -> Vec<String> {
        let details = self.json()["error"]["details"].clone();
        let details = details.as_array().cloned().unwrap_or_default();
        details.iter().map(|detail| detail["field"].as_str().expect("a field").to_owned()).collect()
    }
}

/// A database of a test's own on the throw-away PostgreSQL of this process.
pub(crate) struct Database {
    pub(crate) url: String,
    name: String,
}

impl Database {
    pub(crate) fn create() -> Self {
        let name = format!("t_{:016x}", fastrand::u64(..));
        psql(cluster(), &format!("CREATE DATABASE {name}"));
        let (server, _) = cluster().rsplit_once('/').expect("a url with a database");
        Self { url: format!("{server}/{name}"), name }
    }

    /// Takes the database away: nobody is let in, and who is in is thrown out.
    pub(crate) fn cut(&self) {
        psql(cluster(), &format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name));
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        psql(cluster(), &format!("{others} = '{}'", self.name));
    }

    /// Brings it back.
    pub(crate) fn mend(&self) {
        psql(cluster(), &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        psql(cluster(), &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Runs one statement.
pub(crate) fn psql(url: &str, statement: &str) {
    let done = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", statement])
        .output()
        .expect("psql runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The URL of this process' PostgreSQL. It ends when the process does, as the pipe to it closes.
fn cluster() -> &'static str {
    static CLUSTER: OnceLock<(String, Option<Child>)> = OnceLock::new();
    let start = || {
        #[expect(clippy::disallowed_methods, reason = "a test may be given a server that is there already")]
        if let Ok(url) = std::env::var("MASK_TEST_POSTGRES") {
            return (url, None);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-postgres.sh");
        let mut child =
            Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script starts");
        let mut url = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut url).expect("the server's URL");
        assert!(url.starts_with("postgres://"), "PostgreSQL did not start: {url}");
        (url.trim().to_owned(), Some(child))
    };
    &CLUSTER.get_or_init(start).0
}
