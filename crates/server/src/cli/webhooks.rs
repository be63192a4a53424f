//! `mask webhooks`: what a developer needs beside the API.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use bytes::Bytes;
use clap::{Args, Subcommand};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderValue},
};
use ipnet::IpNet;
use mask::{
    config,
    outbound::{AuthoritiesError, Networks, Outbound, Outgoing, System, Target},
};
use mask_core::event::EventKind;
use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::Url;

use super::{Failure, print, say};

/// How long a pull waits, and how long the server may take for it.
const WAIT: HeaderValue = HeaderValue::from_static("wait=20");
const TIMEOUT: Duration = Duration::from_secs(45);
/// How long the endpoint may take: as long as a webhook of a server would wait. All of one pull are sent before the next one, so
/// with much more than this the server would take the listener for gone.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the server could not be reached.
const PAUSE: Duration = Duration::from_secs(2);
/// More than a page of deliveries can have.
const MOST_BYTES: usize = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Listen(Listen),
}

/// Receive webhooks on a machine without a public address
///
/// Events are forwarded to an address of your own as a webhook would be sent them, signed with the secret that is printed
/// first. It runs until Ctrl-C or SIGTERM. What your endpoint answers is shown and noted; nothing is sent a second time because of it.
///
/// Examples:
///
///   export MASK_API_KEY=mk_test_…
///   mask webhooks listen --forward-to http://localhost:3000/hook
///   mask webhooks listen --forward-to http://localhost:3000/hook --events link.clicked,link.created \
///     --server https://go.example.com
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Listen {
    /// Where events are sent.
    #[arg(long, value_name = "URL", value_parser = address)]
    forward_to: String,
    /// The events, separated by commas; all that there are, unless told otherwise.
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = event)]
    events: Vec<String>,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080", value_parser = address)]
    server: String,
    /// The API key, which needs webhooks:write. A test key hears of test events, a live one of live ones.
    ///
    /// Better given as MASK_API_KEY: others on this machine can read command lines.
    #[arg(long, value_name = "KEY", env = "MASK_API_KEY", hide_env_values = true)]
    key: String,
    /// The secret that signs: 16 characters or more. A new one each time, unless told otherwise.
    #[arg(long, value_name = "SECRET", env = "MASK_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{what} is no address that can be called: {why}")]
    Address { what: String, why: mask_core::Refused },
    #[error("cannot reach the server: {0}")]
    Unreached(mask::outbound::Failure),
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("the server answers what this program does not understand: {0}")]
    Misunderstood(#[from] serde_json::Error),
    #[error("the listener is gone, as nobody pulled from it for too long; start again")]
    Gone,
}

#[derive(Deserialize)]
struct Listener {
    id: String,
    secret: String,
    events: Vec<String>,
}

#[derive(Deserialize)]
struct Pulled {
    data: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    #[serde(rename = "delivery_id")]
    id: String,
    event: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Listen(listen) => listen.run(),
        }
    }
}

impl Listen {
    fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = Client::new(&self)?;
            let mut end = End::of_the_process()?;
            let listener = tokio::select! {
                begun = client.begin(&self) => begun?,
                () = end.comes() => return Ok(()),
            };
            print(&format!(
                "Listening for {}\nforwarding to {}\nsigned with   {}\n",
                listener.events.join(", "),
                self.forward_to,
                listener.secret
            ))?;
            tokio::select! {
                ended = client.listen(&listener) => ended?,
                () = end.comes() => {}
            }
            // Where this does not arrive, the listener goes by itself a while later.
            let _ = client.ask(Method::DELETE, &format!("/{}", listener.id), None).await;
            Ok(())
        })
    }
}

/// The signals by which a person, or what a person started it with, ends it.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn of_the_process() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a person types here they may call: their own machine before all.
fn everywhere() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"].map(|network| network.parse().expect("a network")).to_vec()
}

/// Reads the address of a server or an endpoint.
fn address(text: &str) -> Result<String, String> {
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if !Url::parse(text).is_ok_and(is_web) {
        return Err("must be a URL that begins with http:// or https://, such as http://localhost:3000".to_owned());
    }
    Target::parse(text, &Networks::with(everywhere())).map(|_| text.to_owned()).map_err(|why| why.to_string())
}

/// Reads the name of an event.
fn event(text: &str) -> Result<String, String> {
    EventKind::parse(text.trim()).map(|kind| kind.as_str().to_owned()).map_err(|why| why.to_string())
}

/// Talks with the server, and with the endpoint.
struct Client {
    /// To the server.
    outbound: Outbound,
    server: String,
    key: String,
    /// To the endpoint.
    forwarding: Outbound,
    forward_to: Target,
}

impl Client {
    fn new(listen: &Listen) -> Result<Self, Failure> {
        let (outbound, forwarding) = (outbound(TIMEOUT)?, outbound(FORWARD_TIMEOUT)?);
        let forward_to = target(&forwarding, &listen.forward_to)?;
        let server = listen.server.trim_end_matches('/').to_owned();
        target(&outbound, &server)?;
        Ok(Self { outbound, server, key: listen.key.clone(), forwarding, forward_to })
    }

    async fn begin(&self, listen: &Listen) -> Result<Listener, Error> {
        let mut wish = json!({ "events": listen.events, "secret": listen.secret });
        if listen.events.is_empty() {
            let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            wish["events"] = json!(all);
        }
        let (status, body) = self.ask(Method::POST, "", Some(wish)).await?;
        if status == StatusCode::CREATED { Ok(serde_json::from_slice(&body)?) } else { Err(refused(status, &body)) }
    }

    async fn listen(&self, listener: &Listener) -> Result<(), Error> {
        loop {
            match self.ask(Method::POST, &format!("/{}/pull", listener.id), None).await {
                Ok((StatusCode::OK, body)) => {
                    for delivery in serde_json::from_slice::<Pulled>(&body)?.data {
                        self.forward(listener, &delivery).await;
                    }
                }
                Ok((StatusCode::NOT_FOUND, _)) => return Err(Error::Gone),
                Ok((status, body)) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    say(&format!("{}; trying again", refused(status, &body)));
                    tokio::time::sleep(PAUSE).await;
                }
                Ok((status, body)) => return Err(refused(status, &body)),
                Err(error) => {
                    say(&format!("{error}; trying again"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends a delivery to the endpoint, and tells the person and the server what came of it.
    async fn forward(&self, listener: &Listener, delivery: &Delivery) {
        let headers =
            delivery.headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let headers: HeaderMap = headers.collect();
        let (method, target, body) = (&Method::POST, &self.forward_to, &Bytes::from(delivery.body.clone()));
        let sent = self.forwarding.send(Outgoing { method, target, headers: &headers, body, keep_bytes: 0 }).await;
        let status = sent.as_ref().ok().map(|answer| answer.status.as_u16());
        let shown = match &sent {
            Ok(answer) => answer.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        // Whoever reads this through a pipe may be gone; Ctrl-C is the way to end.
        let _ = print(&format!("{}  {}  {shown}\n", delivery.event, delivery.id));
        let report = json!({ "delivery_id": delivery.id, "status": status });
        let failed = match self.ask(Method::POST, &format!("/{}/report", listener.id), Some(report)).await {
            Ok((status, _)) if status.is_success() => return,
            Ok((status, body)) => refused(status, &body),
            Err(error) => error,
        };
        say(&format!("what came of {} was not noted: {failed}; it may be given out again", delivery.id));
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let url = format!("{}/api/v1/webhooks/listeners{path}", self.server);
        let target = &target(&self.outbound, &url)?;
        let mut headers = HeaderMap::new();
        if let Ok(value) = format!("Bearer {}", self.key).parse() {
            headers.insert(header::AUTHORIZATION, value);
        }
        headers.insert("prefer", WAIT);
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = &Bytes::from(body.map(|body| body.to_string()).unwrap_or_default());
        let outgoing = Outgoing { method: &method, target, headers: &headers, body, keep_bytes: MOST_BYTES };
        let answer = self.outbound.send(outgoing).await.map_err(Error::Unreached)?;
        Ok((answer.status, answer.body))
    }
}

/// A client that waits so long.
fn outbound(timeout: Duration) -> Result<Outbound, AuthoritiesError> {
    let settings = config::Outbound { allow_networks: everywhere(), timeout, connect_timeout: timeout, ca_file: None };
    Outbound::new(&settings, Arc::new(System::default()))
}

fn target(outbound: &Outbound, url: &str) -> Result<Target, Error> {
    outbound.target(url).map_err(|why| Error::Address { what: url.to_owned(), why })
}

/// What the server said, in a line: its message and the fields at fault.
fn refused(status: StatusCode, body: &[u8]) -> Error {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = said["error"]["message"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    let details = said["error"]["details"].as_array().into_iter().flatten();
    let fields: Vec<_> = details
        .filter_map(|detail| Some(format!("{}: {}", detail["field"].as_str()?, detail["message"].as_str()?)))
        .collect();
    Error::Refused(if fields.is_empty() { message } else { format!("{message} {}", fields.join("; ")) })
}
