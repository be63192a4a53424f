//! The guard against real receivers, real names and real certificates, all of the test's own and on this machine.

mod certificates;
mod exchange;
mod hostile;
mod names;
mod receiver;
mod spellings;

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{HeaderMap, Method};

use super::*;
use crate::config;

/// Settings that open these networks, and times that a test need not wait for long.
fn settings(networks: &[&str]) -> config::Outbound {
    config::Outbound {
        allow_networks: networks.iter().map(|network| network.parse().expect("a network")).collect(),
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(10),
        ca_file: None,
    }
}

/// A client that may call this machine.
fn local() -> Outbound {
    Outbound::new(&settings(&["127.0.0.0/8"]), Arc::new(System::default())).expect("a client")
}

/// The same, with little time for an answer.
fn hurried() -> Outbound {
    let settings = config::Outbound { timeout: Duration::from_millis(500), ..settings(&["127.0.0.0/8"]) };
    Outbound::new(&settings, Arc::new(System::default())).expect("a client")
}

/// Sends a small request.
async fn post(outbound: &Outbound, url: &str) -> Result<Answered, Failure> {
    let target = outbound.target(url).expect(url);
    let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"{\"id\":\"evt_1\"}"));
    let request = Outgoing { method: &Method::POST, target: &target, headers: &headers, body: &body, keep_bytes: 4096 };
    outbound.send(request).await
}

/// Tells the same addresses of every name.
#[derive(Debug)]
struct Always(Vec<IpAddr>);

impl Always {
    fn new(addresses: &[&str]) -> Arc<Self> {
        Arc::new(Self(addresses.iter().map(|address| address.parse().expect("an address")).collect()))
    }
}

impl Resolve for Always {
    fn resolve<'a>(&'a self, _name: &'a str) -> Addresses<'a> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// A resolver that must not be asked.
#[derive(Debug)]
struct Unasked;

impl Resolve for Unasked {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move { Err(io::Error::other(format!("{name} was asked for"))) })
    }
}
