//! Listeners: webhooks for a machine without a public address, by the API and by `mask webhooks listen`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    binary::mask,
    harness::{Answer, App},
    receiver::Receiver,
};

async fn listener(app: &App) -> String {
    let made = app.post("/webhooks/listeners", json!({"events": ["link.created"]})).await.is(201);
    format!("/webhooks/listeners/{}", made["id"].as_str().expect("an id"))
}

async fn pull(app: &App, listener: &str) -> Vec<Value> {
    let pulled = app.post(&format!("{listener}/pull"), json!({})).await.is(200);
    pulled["data"].as_array().expect("a list").clone()
}

async fn new_link(app: &App, slug: &str) {
    app.link(json!({"url": "https://example.com/", "slug": slug})).await;
}

#[tokio::test]
async fn what_is_pulled_and_reported_is_over() {
    let app = App::start().await;
    let listener = listener(&app).await;
    assert_eq!(pull(&app, &listener).await, Vec::<Value>::new());
    new_link(&app, "spring").await;
    let pulled = pull(&app, &listener).await;
    assert_eq!((pulled.len(), &pulled[0]["event"]), (1, &json!("link.created")));
    let body: Value = serde_json::from_str(pulled[0]["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&body["data"]["slug"], &body["id"]), (&json!("spring"), &pulled[0]["headers"]["webhook-id"]));
    assert_eq!(pull(&app, &listener).await, Vec::<Value>::new(), "it is the first puller's for a minute");
    app.wait(61);
    let again = pull(&app, &listener).await;
    assert_eq!(again[0]["delivery_id"], pulled[0]["delivery_id"], "what was not reported comes again");
    let report = json!({"delivery_id": again[0]["delivery_id"], "status": 200});
    app.post(&format!("{listener}/report"), report.clone()).await.is(204);
    app.post(&format!("{listener}/report"), report).await.error(422);
    app.wait(61);
    assert_eq!(pull(&app, &listener).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_pull_waits_for_what_happens() {
    let app = App::start().await;
    let listener = listener(&app).await;
    let pull = app.api(Method::POST, &format!("{listener}/pull")).header("prefer", "respond-async, wait=20");
    let (pulled, ()) = tokio::join!(Answer::of(pull), new_link(&app, "spring"));
    assert_eq!(pulled.is(200)["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_listener_is_nobody_elses_and_no_webhook() {
    let app = App::start().await;
    let listener = listener(&app).await;
    let id = listener.rsplit('/').next().expect("an id");
    let test_key = app.key_for("all", true).await;
    let pull_as = |key: &str| app.api_as(key, Method::POST, &format!("{listener}/pull")).json(&json!({}));
    Answer::of(pull_as(&test_key)).await.error(404);
    assert_eq!(app.get("/webhooks").await.is(200)["data"], json!([]));
    app.get(&format!("/webhooks/{id}")).await.error(404);
    app.delete(&format!("/webhooks/{id}")).await.error(404);
    app.delete(&listener).await.is(204);
    Answer::of(pull_as(&app.key)).await.error(404);
}

/// `mask webhooks listen`, once it listens.
struct Listening {
    child: Child,
    said: UnboundedReceiver<String>,
    secret: String,
}

impl Listening {
    async fn start(app: &App, forward_to: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mask"))
            .args(["webhooks", "listen", "--events", "link.created", "--forward-to", forward_to, "--server", &app.base])
            .env("MASK_API_KEY", &app.key)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (lines, mut said) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let secret = loop {
            let line = said.recv().await.expect("a greeting");
            if let Some(secret) = line.strip_prefix("signed with ") {
                break secret.trim().to_owned();
            }
        };
        Self { child, said, secret }
    }

    /// Tells it to end, which it must do well.
    fn end(mut self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("a signal");
        assert!(self.child.wait().expect("an end").success(), "{signal:?}");
    }
}

#[tokio::test]
async fn the_command_forwards_what_happens() {
    let app = App::start().await;
    let mut receiver = Receiver::start().await;
    let mut listening = Listening::start(&app, &receiver.url).await;
    new_link(&app, "spring").await;
    let told = receiver.next().await;
    assert_eq!(told.json()["data"]["slug"], "spring");
    let mac = Hmac::<Sha256>::new_from_slice(listening.secret.as_bytes())
        .expect("any key")
        .chain_update(&told.body)
        .finalize();
    let hex = mac.into_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(told.header("x-mask-signature"), hex);
    assert!(listening.said.recv().await.expect("a line").starts_with("link.created  dlv_"));
    listening.end(Signal::INT);
}

#[tokio::test]
async fn the_command_takes_its_listener_along() {
    let app = App::start().await;
    for (count, signal) in [(1, Signal::INT), (2, Signal::TERM)] {
        Listening::start(&app, "http://127.0.0.1:9/hook").await.end(signal);
        let log = app.get("/audit-log?action=webhook_listener.deleted").await.is(200);
        assert_eq!(log["data"].as_array().map(Vec::len), Some(count), "{signal:?}");
    }
}

#[test]
fn a_command_line_that_is_wrong() {
    for (arguments, why) in [
        (["--forward-to", "localhost:3000"], "http://localhost:3000"),
        (["--forward-to", "ftp://localhost/x"], "begins with http:// or https://"),
        (["--forward-to", "http://"], "begins with http:// or https://"),
        (["--forward-to", "http://localhost:0"], "port 0"),
        (["--server", "go.example.com"], "begins with http:// or https://"),
        (["--events", "link.created,link.opened"], "link.opened"),
    ] {
        let mut command = mask(&["webhooks", "listen", "--key", "mk_test_x"]);
        if arguments[0] != "--forward-to" {
            command.args(["--forward-to", "http://localhost:3000"]);
        }
        let output = command.args(arguments).output().expect("the program runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(arguments[0]) && said.contains(why), "{said}");
    }
}
