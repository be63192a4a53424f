//! One connection: first in the fast lane, and from the first request that is none for it on with hyper.
//!
//! The lane needs no timer for each request. A connection has one alarm; when it goes off, it is set anew if something
//! came meanwhile, so that a client that is silent is closed after the time for a head and at most as much again. A head
//! that did not come as a whole sets the alarm anew, so a slow one is refused when its own time is over.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    proxy::Peer,
    redirect::{Glance, Worker},
    refusal::{self, FirstLine},
};

/// What is read at once; a browser's head has about a thousand bytes.
const READ_BYTES: usize = 16 * 1024;
/// A head that is longer than this is hyper's to refuse.
const HEAD_BYTES: usize = 16 * 1024;
/// How much more is read, and for how long, of what a client goes on sending that was refused.
const LINGERING_BYTES: u64 = 1 << 20;
const LINGERING: Duration = Duration::from_secs(2);
/// How long a client may take to take in that its connection ends.
const PARTING: Duration = Duration::from_secs(1);

/// What the bytes of a connection go through. The lane and all that follows it are compiled for each kind apart, so that the
/// one in the clear pays nothing for the other.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Takes as many bytes as it can at once, and says how many.
    fn write_now(&mut self, bytes: &[u8], context: &mut Context<'_>) -> usize;

    /// Whether all that was taken is the system's to send.
    fn has_sent(&self) -> bool;

    /// Says that the connection ends here, where there is a way to say it.
    async fn part(self);
}

impl Stream for TcpStream {
    fn write_now(&mut self, bytes: &[u8], _: &mut Context<'_>) -> usize {
        self.try_write(bytes).unwrap_or(0)
    }

    fn has_sent(&self) -> bool {
        true
    }

    async fn part(self) {}
}

impl Stream for TlsStream<TcpStream> {
    fn write_now(&mut self, bytes: &[u8], context: &mut Context<'_>) -> usize {
        // What is encrypted and not sent yet stays with the session.
        match Pin::new(self).poll_write(context, bytes) {
            Poll::Ready(Ok(taken)) => taken,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }

    fn has_sent(&self) -> bool {
        !self.get_ref().1.wants_write()
    }

    async fn part(mut self) {
        let _ = timeout(PARTING, self.shutdown()).await;
    }
}

/// Where a thread reads and writes. One for all its connections, as it serves one at a time: a connection that waits
/// holds no buffer.
pub(crate) struct Scratch {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { input: vec![0; READ_BYTES], output: Vec::with_capacity(READ_BYTES) }
    }
}

/// How a connection left the lane.
pub(crate) enum Left {
    /// It is over.
    Closed,
    /// With these bytes, which are read and not answered, and with the time that is left for the head that they begin.
    With(Vec<u8>, Duration),
}

/// What came of a read.
enum Turn {
    /// The client has gone.
    Closed,
    /// So many bytes of requests were answered; what the socket did not take of the answers is here.
    Answered(usize, Vec<u8>),
    /// The answers were sent, and what comes next is not for the lane.
    Leave(Vec<u8>),
}

/// A connection while it is in the lane.
pub(crate) struct Lane<'l, S> {
    pub(crate) stream: &'l mut S,
    pub(crate) worker: &'l Worker,
    pub(crate) scratch: &'l RefCell<Scratch>,
    pub(crate) peer: Peer,
    pub(crate) head_timeout: Duration,
}

impl<S: Stream> Lane<'_, S> {
    /// Answers what is for the lane until something else comes, the client goes, or the server is stopped.
    pub(crate) async fn drive(mut self, stop: &CancellationToken) -> Left {
        // The beginning of a head whose end has not come yet.
        let mut begun = Vec::new();
        let mut alarm = pin!(sleep_until(Instant::now() + self.head_timeout));
        let mut stopped = pin!(stop.cancelled());
        // Whether whole requests came since the alarm was set.
        let mut is_busy = false;
        loop {
            let had_begun = !begun.is_empty();
            let turn = tokio::select! {
                biased;
                turn = poll_fn(|context| self.turn(&mut begun, context)) => turn,
                () = &mut alarm => {
                    if had_begun {
                        refuse_slow_head(self.stream, self.head_timeout, self.worker.clock());
                        return Left::Closed;
                    }
                    if !is_busy {
                        return Left::Closed;
                    }
                    is_busy = false;
                    alarm.as_mut().reset(Instant::now() + self.head_timeout);
                    continue;
                }
                // Between two requests nothing is cut off.
                () = &mut stopped => return if begun.is_empty() { Left::Closed } else { Left::With(begun, self.head_timeout) },
            };
            match turn {
                Turn::Closed => return Left::Closed,
                Turn::Answered(bytes, unsent) => {
                    is_busy |= bytes > 0;
                    let has_begun = !begun.is_empty() && (bytes > 0 || !had_begun);
                    if has_begun {
                        alarm.as_mut().reset(Instant::now() + self.head_timeout);
                    }
                    if !self.send(&unsent).await {
                        return Left::Closed;
                    }
                }
                Turn::Leave(unsent) => {
                    return if self.send(&unsent).await { Left::With(begun, self.head_timeout) } else { Left::Closed };
                }
            }
            if begun.len() >= HEAD_BYTES {
                let left = alarm.deadline().saturating_duration_since(Instant::now());
                return Left::With(begun, left);
            }
        }
    }

    /// Reads what there is, answers it, and writes the answers.
    fn turn(&mut self, begun: &mut Vec<u8>, context: &mut Context<'_>) -> Poll<Turn> {
        let Scratch { input, output } = &mut *self.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(input);
        if ready!(Pin::new(&mut *self.stream).poll_read(context, &mut buffer)).is_err() {
            return Poll::Ready(Turn::Closed);
        }
        let read = buffer.filled();
        if read.is_empty() {
            // A client that has sent half a head and no more gets its answer from hyper.
            return Poll::Ready(if begun.is_empty() { Turn::Closed } else { Turn::Leave(Vec::new()) });
        }
        output.clear();
        let (answered, next) = if begun.is_empty() {
            let (answered, next) = answer_all(self.worker, read, self.peer, output);
            begun.extend_from_slice(&read[answered..]);
            (answered, next)
        } else {
            begun.extend_from_slice(read);
            let (answered, next) = answer_all(self.worker, begun, self.peer, output);
            begun.drain(..answered);
            (answered, next)
        };
        let sent = if output.is_empty() { 0 } else { self.stream.write_now(output, context) };
        let unsent = output[sent..].to_vec();
        Poll::Ready(if next == Glance::Leave { Turn::Leave(unsent) } else { Turn::Answered(answered, unsent) })
    }

    /// Sends what the socket did not take at once: its client does not read, and gets the time that a head gets.
    async fn send(&mut self, unsent: &[u8]) -> bool {
        if unsent.is_empty() && self.stream.has_sent() {
            return true;
        }
        let sending = async {
            self.stream.write_all(unsent).await?;
            self.stream.flush().await
        };
        matches!(timeout(self.head_timeout, sending).await, Ok(Ok(())))
    }
}

/// Answers all whole requests for the lane; says how many bytes they were, and what comes after them.
fn answer_all(worker: &Worker, bytes: &[u8], peer: Peer, out: &mut Vec<u8>) -> (usize, Glance) {
    let mut answered = 0;
    while answered < bytes.len() {
        match worker.glance(&bytes[answered..], peer, out) {
            Glance::Answered(length) => answered += length,
            other => return (answered, other),
        }
    }
    (answered, Glance::Incomplete)
}

/// Says that a head took too long, if the socket takes it at once: nobody waits for a client that is late.
fn refuse_slow_head(stream: &mut impl Stream, head_timeout: Duration, clock: &Clock) {
    let refusal = refusal::of_slow_head(head_timeout, clock.now());
    stream.write_now(&refusal, &mut Context::from_waker(Waker::noop()));
}

/// A stream that hyper reads and writes, and that is still there when hyper has ended.
pub(crate) struct Line<S> {
    stream: RefCell<S>,
    clock: Clock,
    /// Whether something came since the last answer.
    has_begun: Cell<bool>,
}

impl<S: Stream> Line<S> {
    pub(crate) fn new(stream: S, clock: &Clock) -> Rc<Self> {
        Rc::new(Self { stream: RefCell::new(stream), clock: clock.clone(), has_begun: Cell::new(false) })
    }

    /// Ends a connection as clients can understand: a slow head is refused, and one that was refused while it was still
    /// being sent is read on for a while. Otherwise the end would reach the client before the refusal does.
    pub(crate) async fn end(self: Rc<Self>, why: &hyper::Error, head_timeout: Duration) {
        let Ok(line) = Rc::try_unwrap(self) else { return };
        let mut stream = line.stream.into_inner();
        if why.is_timeout() && line.has_begun.get() {
            refuse_slow_head(&mut stream, head_timeout, &line.clock);
        }
        if why.is_parse() {
            let mut rest = (&mut stream).take(LINGERING_BYTES);
            let _ = timeout(LINGERING, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        }
    }
}

/// A line of which some bytes are read already, and on which hyper's own refusals are written in our words.
pub(crate) struct Resumed<S> {
    read: Vec<u8>,
    given: usize,
    line: Rc<Line<S>>,
    /// The beginning of the head that comes in.
    first_line: FirstLine,
    /// A refusal of ours that takes the place of one that hyper has written.
    refusal: Vec<u8>,
    refused: usize,
}

impl<S: Stream> Resumed<S> {
    /// The stream, beginning with these bytes.
    pub(crate) fn new(read: Vec<u8>, line: Rc<Line<S>>) -> Self {
        Self { read, given: 0, line, first_line: FirstLine::default(), refusal: Vec::new(), refused: 0 }
    }

    /// Writes what is left of our refusal.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.refused < self.refusal.len() {
            let left = &self.refusal[self.refused..];
            let written = ready!(Pin::new(&mut *self.line.stream.borrow_mut()).poll_write(context, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refused += written;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in a refusal of hyper's, to write another in its place.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        self.line.has_begun.set(false);
        let refusal = refusal::in_place_of(bytes, &self.first_line, || self.line.clock.now());
        let is_one = refusal.is_some();
        self.refusal.extend(refusal.unwrap_or_default());
        is_one
    }
}

impl<S: Stream> AsyncRead for Resumed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let left = &self.read[self.given..];
        if left.is_empty() {
            ready!(Pin::new(&mut *self.line.stream.borrow_mut()).poll_read(context, buffer))?;
        } else {
            let length = left.len().min(buffer.remaining());
            buffer.put_slice(&left[..length]);
            self.given += length;
            if self.given == self.read.len() {
                self.read = Vec::new();
                self.given = 0;
            }
        }
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            if !self.line.has_begun.replace(true) {
                self.first_line = FirstLine::default();
            }
            self.first_line.take(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Resumed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(context))?;
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut *self.line.stream.borrow_mut()).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(context))?;
        Pin::new(&mut *self.line.stream.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(context))?;
        Pin::new(&mut *self.line.stream.borrow_mut()).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bytes {
            return self.poll_write(context, only);
        }
        ready!(self.poll_refusal(context))?;
        self.line.has_begun.set(false);
        Pin::new(&mut *self.line.stream.borrow_mut()).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.stream.borrow().is_write_vectored()
    }
}
