//! A receiver of webhooks on a port of its own: it answers as it was told, and keeps what came.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// The longest that a test waits for something that should be there at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with this status.
    Status(u16),
    /// Answers with this status, these header lines and this body.
    Says(u16, &'static str, &'static str),
    /// Answers with this status, but not at once.
    Late(u16, Duration),
    /// Reads, and never answers.
    Stalls,
    /// Closes the connection.
    Hangs,
    /// Breaks the connection off.
    Resets,
    /// Answers with so many bytes.
    Floods(u64),
    /// Answers a byte at a time, and never comes to an end.
    Drips,
    /// Says just this.
    Raw(&'static str),
}

/// A request that came.
#[derive(Debug)]
pub(crate) struct Received {
    /// The first line.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub(crate) body: Vec<u8>,
    /// When it had been read.
    pub(crate) at: tokio::time::Instant,
    /// What is done with it.
    pub(crate) manner: Manner,
}

impl Received {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body's JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// See the module.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) url: String,
    seen: mpsc::UnboundedReceiver<Received>,
    /// Ends with the receiver.
    _task: JoinSet<()>,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        Self::that(|_| Manner::Status(204)).await
    }

    /// One that decides by how many requests came before.
    pub(crate) async fn that(manner: impl Fn(usize) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (keep, seen) = mpsc::unbounded_channel();
        let (manner, count) = (Arc::new(manner), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (keep, manner, count) = (keep.clone(), Arc::clone(&manner), Arc::clone(&count));
                connections.spawn(serve(stream, keep, move || {
                    manner(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                }));
            }
        });
        Self { url, seen, _task: task }
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.seen.recv()).await.expect("a delivery in time").expect("the receiver runs")
    }

    /// Whether something came that nobody took yet.
    pub(crate) fn has_more(&self) -> bool {
        !self.seen.is_empty()
    }
}

async fn serve(mut stream: TcpStream, keep: mpsc::UnboundedSender<Received>, manner: impl Fn() -> Manner) {
    let mut bytes = Vec::new();
    while let Some(mut request) = read(&mut stream, &mut bytes).await {
        let manner = manner();
        request.manner = manner.clone();
        if keep.send(request).is_err() {
            return;
        }
        if let Manner::Late(_, by) = manner {
            tokio::time::sleep(by).await;
        }
        let answer = match manner {
            Manner::Raw(said) => said.to_owned(),
            Manner::Resets => return drop(stream.set_zero_linger()),
            Manner::Floods(length) => return drop(flood(&mut stream, length).await),
            Manner::Drips => return drop(drip(&mut stream).await),
            Manner::Status(status) | Manner::Late(status, _) => {
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
            }
            Manner::Says(status, headers, body) => {
                format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
            }
            // Until the other side gives up.
            Manner::Stalls => return drop(stream.read(&mut [0; 64]).await),
            Manner::Hangs => return,
        };
        // A 204 must not say how long its body is, which it does not have; nobody here minds.
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// An answer of this many bytes, as long as somebody reads it.
async fn flood(stream: &mut TcpStream, length: u64) -> std::io::Result<()> {
    let chunk = vec![b'x'; 1 << 16];
    stream.write_all(format!("HTTP/1.1 200 X\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await?;
    for _ in 0..length / 65_536 {
        stream.write_all(&chunk).await?;
    }
    Ok(())
}

/// A head that goes on and on, as long as somebody reads it.
async fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 X\r\nX-Long: ").await?;
    loop {
        stream.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some((request, used)) = parse(bytes) {
            bytes.drain(..used);
            return Some(request);
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Received, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head of text");
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let used = end + length.unwrap_or(0);
    let body = bytes.get(end..used)?.to_vec();
    let (at, manner) = (tokio::time::Instant::now(), Manner::Hangs);
    Some((Received { line, headers, body, at, manner }, used))
}
