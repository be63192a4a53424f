//! A connection to a receiver, and one exchange on it.
//!
//! hyper's connection is a future of its own that is usually given to a task. Here whoever waits for an answer drives it along
//! ([`drive`]), and nobody does while it is idle: no task for each connection, no wake-up from one to another, and no
//! connection outlives who holds it. What an idle connection misses, being closed by the other side, is seen when it is
//! looked at again ([`Line::is_idle`]).

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

use super::{client::Body, failure::Failure};

/// Largest head of an answer. A receiver needs a few hundred bytes; the rest is cookies of whatever stands before it.
const HEAD_BYTES: usize = 32 * 1024;

type Connection = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// A connection that speaks HTTP/1.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<Connection>,
    opened: Instant,
}

impl Line {
    /// Begins HTTP on a fresh connection.
    pub(super) async fn open(stream: Stream) -> Result<Self, Failure> {
        let mut http = http1::Builder::new();
        http.max_buf_size(HEAD_BYTES).max_header_size(HEAD_BYTES);
        let (sender, connection) =
            http.handshake(TokioIo::new(stream)).await.map_err(|error| Failure::of_exchange(&error))?;
        Ok(Self { sender, connection: Some(connection), opened: Instant::now() })
    }

    /// When it was opened.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let answer = self.sender.send_request(request);
        drive(&mut self.connection, answer).await.map_err(|error| Failure::of_exchange(&error))
    }

    /// Reads a body into `kept` for as long as there is room for it.
    pub(super) async fn read(&mut self, mut body: Incoming, kept: &mut Vec<u8>, most: usize) -> Body {
        loop {
            let frame = match drive(&mut self.connection, body.frame()).await {
                None => return Body::Whole,
                Some(Ok(frame)) => frame,
                Some(Err(_)) => return Body::Broken,
            };
            let Ok(data) = frame.into_data() else { continue };
            let room = most.saturating_sub(kept.len());
            kept.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return Body::Cut;
            }
        }
    }

    /// Whether another request may be sent: nothing is left of the one before, and the other side has not closed it.
    pub(super) fn is_idle(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        // Nobody is woken by an idle connection: whoever takes it next drives it with a waker of his own.
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(connection).poll(&mut context).is_pending() && self.sender.is_ready()
    }
}

/// Drives the connection until `work` on it is done.
async fn drive<T>(connection: &mut Option<Connection>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        if let Some(running) = connection.as_mut()
            && Pin::new(running).poll(context).is_ready()
        {
            // Its errors reach whoever waits through `work`.
            *connection = None;
        }
        work.as_mut().poll(context)
    })
    .await
}

/// What a connection runs on.
pub(super) enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
