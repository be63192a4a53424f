//! HTTP as bytes: what a client that knows no better, or means no good, puts on a connection, and what comes back.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use crate::harness::BROWSER;

/// How long anything may be waited for before it counts as a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connection of a client that writes whatever it likes.
pub(crate) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
}

/// What its bytes go through.
enum Stream {
    Clear(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => stream,
            Self::Encrypted(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(bytes),
            Self::Encrypted(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// All lines of the head but the first.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: Stream::Clear(stream), unread: Vec::new() })
    }

    /// A connection of a client that reads nothing by itself: hardly anything fits between it and the server.
    pub(crate) fn narrow(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.set_recv_buffer_size(16 * 1024)?;
        socket.connect(&address.into())?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: Stream::Clear(stream), unread: Vec::new() })
    }

    /// The same connection, encrypted from here on, for a client that asks for this name.
    pub(crate) fn encrypt(self, name: &str, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let Stream::Clear(mut stream) = self.stream else { return Err(io::Error::other("it is encrypted already")) };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        let stream = Stream::Encrypted(Box::new(StreamOwned::new(session, stream)));
        Ok(Self { stream, unread: Vec::new() })
    }

    /// The first certificate that was shown.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let Stream::Encrypted(stream) = &self.stream else { return Vec::new() };
        let shown = stream.conn.peer_certificates().unwrap_or_default();
        shown.first().map(|certificate| certificate.to_vec()).unwrap_or_default()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will come, and goes on listening.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.stream.socket().shutdown(std::net::Shutdown::Write)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> io::Result<Reply> {
        self.send(bytes)?;
        self.reply()
    }

    /// Visits a path as a person with a browser, from an address that names the visit.
    pub(crate) fn visit(&mut self, path: &str, referrer: &str) -> io::Result<Reply> {
        self.ask(
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\nReferer: {referrer}\r\n\r\n")
                .as_bytes(),
        )
    }

    /// The next answer, whole.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end + 4);
        let (first, head) = head.split_once("\r\n").unwrap_or((&head, ""));
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {first:?}")))?;
        let mut reply = Reply { status, head: head.to_owned(), body: Vec::new() };
        let length = reply.header("content-length").parse().unwrap_or(0);
        while self.unread.len() < length {
            self.more()?;
        }
        reply.body = self.unread.drain(..length).collect();
        Ok(reply)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend_from_slice(&bytes[..read]);
                Ok(())
            }
        }
    }

    /// Reads until the other side ends the connection; says how many bytes came.
    pub(crate) fn drain(&mut self) -> usize {
        let mut bytes = 0;
        while self.more().is_ok() {
            bytes += std::mem::take(&mut self.unread).len();
        }
        bytes
    }

    /// Waits until something comes, and takes it.
    pub(crate) fn hear(&mut self) -> io::Result<()> {
        self.more()?;
        self.unread.clear();
        Ok(())
    }

    /// Whether the other side has ended the connection, having said nothing more. Waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.more() {
            Ok(()) => false,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}

impl Reply {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// All headers, in order.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim()))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// A request to the API with a body of JSON.
pub(crate) fn api_request(method: &str, path: &str, key: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}
