//! One request to an address that a user chose, from the look-up to the last byte that is kept.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, body::Incoming};
use mask_core::Refused;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::{
    address::{Host, LOOPBACK, Target, is_localhost},
    failure::{Failure, Stage},
    header,
    line::{Line, Stream},
    network::{Networks, Reach},
    pool::{IDLE_AT_MOST, Pool},
    resolve::Resolve,
    tls::{self, AuthoritiesError},
};
use crate::config;

/// Addresses of a name that are tried before it counts as out of reach. All are checked.
const TRIED_AT_MOST: usize = 4;
/// Targets that are looked up at once for those who name them.
const LOOKS_AT_ONCE: usize = 16;
/// How long somebody who names a target waits for what its name leads to.
const LOOK: Duration = Duration::from_secs(2);

/// The client. It is one for the whole server and is shared by reference.
pub struct Outbound {
    networks: Networks,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    pub(super) pool: Pool,
    looks: Semaphore,
    timeout: Duration,
    connect_timeout: Duration,
}

/// A request to send.
///
/// It may arrive twice: a kept connection can break in the moment in which it is used, and then nobody knows whether the
/// request arrived, so it is sent again on a new one. Receivers of webhooks know copies by their id.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a Method,
    /// Where it goes.
    pub target: &'a Target,
    /// Its headers. `Host`, `Content-Length` and whatever else frames the message are the client's, and are left out here.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a Bytes,
    /// The most of the answer's body that is kept; what is longer is not read.
    pub keep_bytes: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its status, whatever it is: a redirect too.
    pub status: StatusCode,
    /// Its headers, 32 KiB of them at most.
    pub headers: HeaderMap,
    /// The first bytes of its body.
    pub body: Bytes,
    /// Whether that is all of it.
    pub body_is: Body,
}

/// How much of a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole,
    /// It is longer than what was to be kept.
    Cut,
    /// It did not come to its end, or not in time.
    Broken,
}

impl Outbound {
    /// The client, by the settings.
    pub fn new(settings: &config::Outbound, resolver: Arc<dyn Resolve>) -> Result<Self, AuthoritiesError> {
        Ok(Self {
            networks: Networks::with(settings.allow_networks.clone()),
            resolver,
            tls: TlsConnector::from(Arc::new(tls::config(settings.ca_file.as_deref())?)),
            pool: Pool::default(),
            looks: Semaphore::new(LOOKS_AT_ONCE),
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout.min(settings.timeout),
        })
    }

    /// Reads a URL that a user chose.
    pub fn target(&self, url: &str) -> Result<Target, Refused> {
        Target::parse(url, &self.networks)
    }

    /// What stands against dialling a target at this moment, where its name says so: it leads to addresses that are not allowed.
    /// `None` when nothing does, and when nobody can be asked in time, or knows the name: that may be another a moment later. Few
    /// are asked about at once, so that names for which nobody answers take a tenth of the resolver's places, and no delivery's.
    pub async fn objection(&self, target: &Target) -> Option<Failure> {
        let _place = self.looks.try_acquire().ok()?;
        let looked = tokio::time::timeout(LOOK.min(self.connect_timeout), self.addresses(target)).await.ok()?;
        looked.err().filter(|failure| matches!(failure, Failure::RefusedAddress(_) | Failure::RefusedPlain))
    }

    /// The longest that a request takes.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request and waits for its answer, within the time that the settings give.
    ///
    /// An answer whose head came in time is an answer: if its body then stalls, what came of it is kept and said to be
    /// [`Body::Broken`].
    pub async fn send(&self, request: Outgoing<'_>) -> Result<Answered, Failure> {
        let deadline = Instant::now() + self.timeout;
        let timed_out = Failure::TimedOut { stage: Stage::Answering, after: self.timeout };
        let (mut line, answer) = timeout_at(deadline, self.exchange(&request)).await.unwrap_or(Err(timed_out))?;
        let (head, incoming) = answer.into_parts();
        let mut kept = Vec::new();
        let reading = line.read(incoming, &mut kept, request.keep_bytes);
        let body_is = timeout_at(deadline, reading).await.unwrap_or(Body::Broken);
        if body_is == Body::Whole {
            self.pool.put(request.target.origin(), line, Instant::now());
        }
        Ok(Answered { status: head.status, headers: head.headers, body: kept.into(), body_is })
    }

    /// Closes connections that wait for too long, until told to stop.
    pub async fn tidy(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(IDLE_AT_MOST / 4) => self.pool.sweep(Instant::now()),
            }
        }
    }

    async fn exchange(&self, request: &Outgoing<'_>) -> Result<(Line, Response<Incoming>), Failure> {
        if let Some(mut line) = self.pool.take(request.target.origin(), Instant::now()) {
            match line.ask(request.to_send()).await {
                Ok(answer) => return Ok((line, answer)),
                Err(failure) if failure.is_stale() => {}
                Err(failure) => return Err(failure),
            }
        }
        let mut line = self.connect(request.target).await?;
        let answer = line.ask(request.to_send()).await?;
        Ok((line, answer))
    }

    async fn connect(&self, target: &Target) -> Result<Line, Failure> {
        let deadline = Instant::now() + self.connect_timeout;
        let timed_out = Failure::TimedOut { stage: Stage::Connecting, after: self.connect_timeout };
        let connecting = async {
            let addresses = self.addresses(target).await?;
            let stream = dial(&addresses, target.origin().port, deadline).await?;
            Line::open(self.secure(stream, target).await?).await
        };
        timeout_at(deadline, connecting).await.unwrap_or(Err(timed_out))
    }

    /// The addresses of the host, each of which may be dialled. This is the only place that asks, and what it returns is
    /// what is dialled.
    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, Failure> {
        let addresses = match &target.origin().host {
            Host::Address(address) => vec![*address],
            // Nobody is asked about this machine's own name, so only what the operator opened of it is meant.
            Host::Name(name) if is_localhost(name) => {
                let opened: Vec<_> =
                    LOOPBACK.into_iter().filter(|address| self.networks.reach(*address).is_ok()).collect();
                if opened.is_empty() { LOOPBACK.to_vec() } else { opened }
            }
            Host::Name(name) => self.resolver.resolve(name).await.map_err(|error| {
                tracing::debug!(host = target.host(), %error, "a name could not be resolved");
                Failure::NoSuchHost
            })?,
        };
        for address in &addresses {
            self.check(*address, target)?;
        }
        if addresses.is_empty() { Err(Failure::NoSuchHost) } else { Ok(addresses) }
    }

    fn check(&self, address: IpAddr, target: &Target) -> Result<(), Failure> {
        match self.networks.reach(address) {
            Ok(Reach::Public) if !target.origin().is_tls => Err(Failure::RefusedPlain),
            Ok(_) => Ok(()),
            Err(special) => {
                tracing::debug!(host = target.host(), %address, %special, "a request inward was refused");
                Err(Failure::RefusedAddress(special))
            }
        }
    }

    async fn secure(&self, stream: TcpStream, target: &Target) -> Result<Stream, Failure> {
        if !target.origin().is_tls {
            return Ok(Stream::Plain(stream));
        }
        let stream = self.tls.connect(target.server_name().clone(), stream).await;
        stream.map(|stream| Stream::Tls(Box::new(stream))).map_err(|error| Failure::of_socket(&error))
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("networks", &self.networks).finish_non_exhaustive()
    }
}

impl Outgoing<'_> {
    fn to_send(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.path().clone();
        *request.headers_mut() = header::to_send(self.target.host_header(), self.headers);
        request
    }
}

/// Tries one address after the other, each with its share of the time that is left: one that swallows what is sent to it
/// leaves time for the next.
async fn dial(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<TcpStream, Failure> {
    let tried = &addresses[..addresses.len().min(TRIED_AT_MOST)];
    let mut failed = Failure::NoSuchHost;
    for (left, address) in (1..=tried.len()).rev().zip(tried) {
        let address = SocketAddr::new(*address, port);
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout_at(now + share, open(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = Failure::ConnectFailed(error.kind()),
            Err(_) => failed = Failure::ConnectFailed(io::ErrorKind::TimedOut),
        }
    }
    Err(failed)
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A request is written at once; nothing is won by waiting for more of it.
    stream.set_nodelay(true)?;
    Ok(stream)
}
