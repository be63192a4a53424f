//! Listening: one single-threaded runtime a core, each with listeners of its own.
//!
//! The kernel spreads connections over the listeners of one address (`SO_REUSEPORT`); from then on a connection stays on
//! its thread, and a redirect crosses none. Each request is first shown to [`redirect`](crate::redirect), and goes to
//! the router only if it is no short link.

use std::{
    cell::RefCell,
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::Router;
use hyper::{Request, Response, body::Incoming, header::HeaderValue, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpStream, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::{
    api::gate::Seen,
    body::Body,
    clock,
    connection::{Lane, Left, Line, Resumed, Scratch},
    proxy,
    redirect::{Answer, Worker},
};

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
    listeners: Vec<TcpListener>,
    worker: Rc<Worker>,
    router: Router,
    rules: Rules,
    stop: CancellationToken,
) -> io::Result<()> {
    let graceful = Rc::new(GracefulShutdown::new());
    let scratch = Rc::new(RefCell::new(Scratch::default()));
    let places = Arc::new(Semaphore::new(rules.most_connections));
    let accepting = listeners.into_iter().map(|listener| {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let desk = Desk {
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
    if tokio::time::timeout(rules.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    Ok(())
}

/// What accepts the connections of a listener.
struct Desk {
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
                        peer: peer.ip(),
                        trusted: Arc::clone(&self.rules.trusted),
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

/// Answers what comes over a connection until it is over.
async fn converse(mut stream: TcpStream, front: Front, rules: Rules, watcher: Watcher, stop: CancellationToken) {
    let (mut read, mut head_timeout) = (Vec::new(), rules.header_timeout);
    if front.worker.has_lane_for(front.peer) {
        let lane = Lane {
            stream: &mut stream,
            worker: &front.worker,
            scratch: &front.scratch,
            peer: front.peer,
            head_timeout: rules.header_timeout,
        };
        match lane.drive(&stop).await {
            Left::Closed => return,
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

/// What answers the requests of one connection.
struct Front {
    worker: Rc<Worker>,
    scratch: Rc<RefCell<Scratch>>,
    router: Router,
    peer: IpAddr,
    trusted: Arc<[IpNet]>,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        match self.worker.answer(request, self.peer) {
            Answer::Ready(response) => Answering::Ready(Some(response)),
            Answer::Later(response) => Answering::Later(response),
            Answer::NotMine(request) => Answering::Later(Box::pin(self.route(request))),
        }
    }
}

impl Front {
    fn route(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + use<> {
        let request_id = clock::request_id();
        let client = proxy::client(self.peer, request.headers(), &self.trusted);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Seen { request_id, client, peer: self.peer, country: None });
        let answer = self.router.clone().call(request);
        let span = tracing::info_span!("request", request_id = request_id.as_str());
        tracing::Instrument::instrument(
            async move {
                let Ok(mut response) = answer.await;
                if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
                    response.headers_mut().insert("x-request-id", id);
                }
                response.map(Body::Routed)
            },
            span,
        )
    }
}

/// An answer that is there, or is being made. A redirect is there at once, and needs no allocation for the wait.
pub enum Answering {
    /// There.
    Ready(Option<Response<Body>>),
    /// Being made.
    Later(Pin<Box<dyn Future<Output = Response<Body>>>>),
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(response) => Poll::Ready(Ok(response.take().expect("a finished future is not polled again"))),
            Self::Later(answer) => answer.as_mut().poll(context).map(Ok),
        }
    }
}
