//! HTTP/2, which browsers speak over TLS.
//!
//! What one client can ask of this server is bounded: requests at one time, the length of a head, what waits to be sent to a
//! client that does not read. Of resets the library keeps count and ends the connection of whoever floods it. A connection on
//! which nothing was asked for a while is ended, as one of HTTP/1.1 is: no new requests, and those that are open may end. One
//! that does not answer a ping is dropped.
//!
//! There is no fast lane here. A visitor who follows a link over HTTP/2 has mostly made a connection for it, which costs a
//! hundred times what the lane would save.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::{
    Method, Request, Response,
    body::{Body as _, Incoming},
    header::{CONTENT_LENGTH, COOKIE, HOST, HeaderValue},
    server::conn::http2,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::{
    HEAD_BYTES, Rules,
    front::{Answering, Front},
};
use crate::body::Body;

/// Requests of one connection at one time.
const STREAMS: u32 = 100;
/// What waits to be sent of one answer.
const SEND_BYTES: usize = 64 * 1024;
/// How many bytes of bodies a client may send before they are read, for one request and for all of a connection.
const WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Answers requests until the connection is over.
pub(super) async fn answer(
    stream: TlsStream<TcpStream>,
    front: Front,
    rules: &Rules,
    watcher: Watcher,
    stop: CancellationToken,
) {
    let asked = Rc::new(Cell::new(0));
    let service = Counted { front, asked: Rc::clone(&asked) };
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(rules.header_timeout)
        .keep_alive_timeout(rules.header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut alarm = pin!(tokio::time::sleep(rules.header_timeout));
    let mut is_ending = false;
    let mut seen = 0;
    loop {
        tokio::select! {
            // A client that goes away is its own affair.
            _ = connection.as_mut() => break,
            () = stop.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = alarm.as_mut(), if !is_ending => {
                if seen == asked.get() {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                seen = asked.get();
                alarm.as_mut().reset(Instant::now() + rules.header_timeout);
            }
        }
    }
    // Whoever waits for all connections has waited for this one.
    drop(watcher);
}

/// Counts what is asked.
struct Counted {
    front: Front,
    asked: Rc<Cell<u64>>,
}

impl Service<Request<Incoming>> for Counted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Headed;

    fn call(&self, mut request: Request<Incoming>) -> Headed {
        self.asked.set(self.asked.get() + 1);
        make_whole(&mut request);
        let is_head = *request.method() == Method::HEAD;
        Headed { answering: self.front.call(request), is_head }
    }
}

/// Gives a request the two headers that HTTP/2 has elsewhere or in pieces, as all that reads requests knows them from HTTP/1.1: the
/// host (RFC 9113 §8.3.1) and the cookies (§8.2.3).
fn make_whole<B>(request: &mut Request<B>) {
    if let Some(host) = request.uri().authority().filter(|_| !request.headers().contains_key(HOST))
        && let Ok(host) = HeaderValue::try_from(host.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    let pieces: Vec<&[u8]> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if pieces.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..]))
    {
        request.headers_mut().insert(COOKIE, whole);
    }
}

/// An answer that is being made; of one to `HEAD` its head alone, which over HTTP/1.1 is hyper's to see to.
struct Headed {
    answering: Answering,
    is_head: bool,
}

impl Future for Headed {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(Pin::new(&mut self.answering).poll(context));
        Poll::Ready(Ok(if self.is_head { without_body(response) } else { response }))
    }
}

fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(bytes) = body.size_hint().exact() {
        head.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(bytes));
    }
    Response::from_parts(head, Body::Empty)
}

/// Runs what a connection needs where the connection is.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_cookies_are_where_everybody_looks() {
        let of = |request: hyper::http::request::Builder| {
            let mut request = request.body(()).expect("a request");
            make_whole(&mut request);
            let header =
                |name| request.headers().get_all(name).iter().map(|value| value.to_str().expect("text").to_owned());
            (header(HOST).collect::<Vec<_>>(), header(COOKIE).collect::<Vec<_>>())
        };
        let request = || Request::builder().uri("https://go.example:8443/spring");
        assert_eq!(of(request()), (vec!["go.example:8443".to_owned()], Vec::new()));
        assert_eq!(
            of(request().header(HOST, "other.example")).0,
            ["other.example"],
            "two that differ are somebody else's to refuse"
        );
        let pieces = request().header(COOKIE, "a=1").header(COOKIE, "b=2; c=3");
        assert_eq!(of(pieces).1, ["a=1; b=2; c=3"]);
        assert_eq!(of(request().header(COOKIE, "a=1")).1, ["a=1"]);
    }
}
