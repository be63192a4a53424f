//! Listening: one single-threaded runtime a core, each with listeners of its own.
//!
//! The kernel spreads connections over the listeners of one address (`SO_REUSEPORT`); from then on a connection stays on
//! its thread, and a redirect crosses none. What it is to say before the first request comes here: whose it is, where a proxy
//! passes on bytes ([`introduced`]), and the handshake of TLS ([`crate::tls`]). All that is bounded by the time for a head, and
//! whoever is in it has one of the places for connections. Then [`front`] is asked, over HTTP/1.1 or [HTTP/2](http2).

mod front;
mod http2;

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use ipnet::IpNet;
use mask_core::proxy_protocol::{self, Step};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{io::AsyncReadExt, net::TcpStream, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::{Lane, Left, Line, Resumed, Scratch, Stream},
    proxy::{self, Peer},
    redirect::Worker,
    tls::{self, Tls},
};
use front::Front;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4096;
/// Largest head of a request, give or take one read: a destination of 8 KiB may come as a query, beside cookies. Of headers hyper takes a hundred;
/// to name that number would make it allocate their places anew for each request.
const HEAD_BYTES: usize = 64 * 1024;

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Within which a request's head must arrive, and after which an idle connection is closed.
    pub header_timeout: Duration,
    /// Most connections of one thread.
    pub most_connections: usize,
    /// How long running requests may take once the server is asked to stop.
    pub shutdown: Duration,
    /// Proxies that are believed.
    pub trusted: Arc<[IpNet]>,
    /// Whether connections from these begin by saying whose they are.
    pub takes_proxy_headers: bool,
    /// How TLS is spoken, if it is.
    pub tls: Option<Arc<Tls>>,
}

/// A listener.
#[derive(Debug)]
pub struct Door {
    /// It.
    pub listener: TcpListener,
    /// Whether TLS is spoken there.
    pub is_tls: bool,
}

/// Opens an address once for each thread; port 0 becomes the same free port for all of them.
pub fn bind(address: SocketAddr, threads: usize) -> io::Result<Vec<TcpListener>> {
    let first = open(address)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..threads {
        listeners.push(open(address)?);
    }
    Ok(listeners)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether somebody else listens there already: sharing a port with a stranger would split its visitors in silence.
pub fn is_taken(address: SocketAddr) -> bool {
    address.port() != 0 && TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Serves this thread's listeners until told to stop, then lets running requests end. Runs on a `LocalSet`.
pub async fn serve(
    doors: Vec<Door>,
    worker: Rc<Worker>,
    router: Router,
    rules: Rules,
    stop: CancellationToken,
) -> io::Result<()> {
    let graceful = Rc::new(GracefulShutdown::new());
    let scratch = Rc::new(RefCell::new(Scratch::default()));
    let places = Arc::new(Semaphore::new(rules.most_connections));
    let accepting = doors.into_iter().map(|Door { listener, is_tls }| {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let desk = Desk {
            is_tls,
            worker: Rc::clone(&worker),
            scratch: Rc::clone(&scratch),
            router: router.clone(),
            rules: rules.clone(),
            graceful: Rc::clone(&graceful),
            places: Arc::clone(&places),
            stop: stop.clone(),
        };
        let stop = stop.clone();
        Ok(tokio::task::spawn_local(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = desk.accept_all(&listener) => {}
            }
        }))
    });
    for task in accepting.collect::<io::Result<Vec<_>>>()? {
        task.await.map_err(io::Error::other)?;
    }
    let Ok(graceful) = Rc::try_unwrap(graceful).map_err(drop) else {
        return Err(io::Error::other("a listener did not end"));
    };
    if timeout(rules.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    Ok(())
}

/// What accepts the connections of a listener.
struct Desk {
    is_tls: bool,
    worker: Rc<Worker>,
    scratch: Rc<RefCell<Scratch>>,
    router: Router,
    rules: Rules,
    graceful: Rc<GracefulShutdown>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Desk {
    async fn accept_all(&self, listener: &tokio::net::TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are one write each; waiting to fill a packet would only delay them.
                    let _ = stream.set_nodelay(true);
                    let front = Front {
                        worker: Rc::clone(&self.worker),
                        scratch: Rc::clone(&self.scratch),
                        router: self.router.clone(),
                        peer: Peer { address: peer.ip(), is_tls: self.is_tls, is_nameless: false },
                        trusted: Arc::clone(&self.rules.trusted),
                        tls: self.rules.tls.clone(),
                    };
                    let (watcher, rules, stop) = (self.graceful.watcher(), self.rules.clone(), self.stop.clone());
                    tokio::task::spawn_local(async move {
                        converse(stream, front, rules, watcher, stop).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, mostly: those who are here must go first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// Learns who is there, and answers what they say until the connection is over.
async fn converse(mut stream: TcpStream, mut front: Front, rules: Rules, watcher: Watcher, stop: CancellationToken) {
    let peer = front.peer.address;
    if rules.takes_proxy_headers && proxy::is_trusted(peer.to_canonical(), &rules.trusted) {
        let said = tokio::select! {
            said = timeout(rules.header_timeout, introduced(&mut stream)) => said,
            // Nothing was asked yet.
            () = stop.cancelled() => return,
        };
        match said {
            Ok(Ok(Some(client))) => front.peer.address = client,
            // The proxy for itself, or for somebody whom it cannot name: what is said there is no word of the proxy.
            Ok(Ok(None)) => front.peer.is_nameless = true,
            Ok(Err(error)) => {
                return tracing::debug!(%error, %peer, "a proxy did not say whose connection it passes on");
            }
            Err(_) => return,
        }
    }
    match front.tls.clone().filter(|_| front.peer.is_tls) {
        // Apart, so that a connection in the clear does not hold the place for what TLS needs.
        Some(tls) => Box::pin(encrypted(stream, tls, front, rules, watcher, stop)).await,
        None => answer(stream, front, rules, watcher, stop).await,
    }
}

/// The same over TLS.
async fn encrypted(
    stream: TcpStream,
    tls: Arc<Tls>,
    front: Front,
    rules: Rules,
    watcher: Watcher,
    stop: CancellationToken,
) {
    let shaken = tokio::select! {
        shaken = timeout(rules.header_timeout, tls.acceptor.accept(stream)) => shaken,
        // Nothing was asked yet.
        () = stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => match stream.get_ref().1.alpn_protocol() {
            Some(tls::HTTP_2) => Box::pin(http2::answer(stream, front, &rules, watcher, stop)).await,
            // Whoever looks for the certificate of a challenge has seen it in the handshake.
            Some(tls::ACME) => stream.part().await,
            _ => answer(stream, front, rules, watcher, stop).await,
        },
        Ok(Err(error)) => tls.note_failure(&error),
        Err(_) => tls.note_failure(&io::ErrorKind::TimedOut.into()),
    }
}

/// Reads the header by which a proxy says whose connection this is.
async fn introduced(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut header = Vec::new();
    loop {
        match proxy_protocol::read(&header).map_err(io::Error::other)? {
            Step::Said(client) => return Ok(client),
            Step::Needs(more) => {
                let begun = header.len();
                header.resize(begun + more, 0);
                stream.read_exact(&mut header[begun..]).await?;
            }
        }
    }
}

/// Answers requests of HTTP/1.1 until the connection is over.
async fn answer<S: Stream + 'static>(
    mut stream: S,
    front: Front,
    rules: Rules,
    watcher: Watcher,
    stop: CancellationToken,
) {
    let (mut read, mut head_timeout) = (Vec::new(), rules.header_timeout);
    // Beside TLS nobody is sent to where links lead by what came in the clear.
    if front.sends_on() && front.worker.has_lane_for(front.peer.address) {
        let lane = Lane {
            stream: &mut stream,
            worker: &front.worker,
            scratch: &front.scratch,
            peer: front.peer,
            head_timeout: rules.header_timeout,
        };
        match lane.drive(&stop).await {
            Left::Closed => return stream.part().await,
            Left::With(bytes, left) => (read, head_timeout) = (bytes, left),
        }
    }
    let line = Line::new(stream, front.worker.clock());
    // hyper knows one time for all heads, so a connection whose first has less left is closed when that is answered.
    let is_kept = head_timeout == rules.header_timeout;
    // Not `pipeline_flush`: with bytes left unread it flushes nothing, and when those bytes are the end of the connection
    // (a head that is refused, half a request), answers that were counted never leave.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .keep_alive(is_kept)
        .max_buf_size(HEAD_BYTES)
        // Who has said all and only listens (`nc -N`, some monitors) is answered.
        .half_close(true)
        .serve_connection(TokioIo::new(Resumed::new(read, Rc::clone(&line))), front);
    // A client that goes away is its own affair.
    let ended = watcher.watch(connection).await;
    if let Err(why) = ended {
        line.end(&why, rules.header_timeout).await;
    }
}
