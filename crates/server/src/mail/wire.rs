//! The first bytes of a connection to a server of mail: up to where it is encrypted, if it is.
//!
//! This part is ours, as two things matter in it. What the server says before the encryption may have been put there by
//! anybody, so after `STARTTLS` nothing may be left of it to be taken for the answer to what is asked later (CVE-2021-38371
//! and its likes): a byte too many ends the connection. And certificates are verified against the same authorities as
//! everywhere else in the server. The rest of the conversation is lettre's; it begins with a greeting, so the encrypted
//! connection is given one ([`Greeted`]).

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The longest answer that is read before the encryption.
const LONGEST_REPLY: usize = 16 * 1024;
/// What an encrypted connection is greeted with.
const GREETING: &[u8] = b"220 encrypted\r\n";

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The system, or the encryption.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server said no, or something else than mail servers say.
    #[error("it answered {0:?}")]
    Said(String),
    /// It does not encrypt, and is to.
    #[error("it does not offer STARTTLS; mail.starttls says what may be done without")]
    Unencrypted,
    /// It sent more than it was asked for.
    #[error("it sent something in the clear that was to be encrypted")]
    Smuggled,
    /// The name cannot stand in a certificate.
    #[error("its name cannot be verified")]
    Name,
}

/// A connection to a server.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection that begins with a greeting which did not come from the other side.
#[derive(Debug)]
pub(super) struct Greeted {
    greeting: &'static [u8],
    stream: Stream,
}

impl Greeted {
    /// One that is as it is.
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { greeting: b"", stream: Stream::Plain(stream) }
    }

    /// One that is encrypted from the first byte.
    pub(super) async fn encrypted(stream: TcpStream, host: &str, tls: Arc<ClientConfig>) -> Result<Self, Error> {
        Ok(Self { greeting: b"", stream: encrypt(stream, host, tls).await? })
    }

    /// One that begins in the clear, and is encrypted if the server can. If it `must` be and the server cannot, there is none.
    pub(super) async fn upgraded(
        mut stream: TcpStream,
        host: &str,
        hello: &str,
        tls: Arc<ClientConfig>,
        must: bool,
    ) -> Result<Self, Error> {
        let mut waiting = Vec::new();
        expect(&mut stream, &mut waiting, "220").await?;
        stream.write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
        let offers = expect(&mut stream, &mut waiting, "250").await?;
        let word = |line: &str| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
        if !offers.lines().any(word) {
            if must {
                return Err(Error::Unencrypted);
            }
            return Ok(Self { greeting: GREETING, stream: Stream::Plain(stream) });
        }
        stream.write_all(b"STARTTLS\r\n").await?;
        expect(&mut stream, &mut waiting, "220").await?;
        if !waiting.is_empty() {
            return Err(Error::Smuggled);
        }
        Ok(Self { greeting: GREETING, stream: encrypt(stream, host, tls).await? })
    }
}

async fn encrypt(stream: TcpStream, host: &str, tls: Arc<ClientConfig>) -> Result<Stream, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name)?;
    let encrypted = TlsConnector::from(tls).connect(name, stream).await?;
    Ok(Stream::Encrypted(Box::new(encrypted)))
}

/// Reads an answer that must have this code. What comes after it is left waiting.
async fn expect(stream: &mut TcpStream, waiting: &mut Vec<u8>, code: &str) -> Result<String, Error> {
    loop {
        if let Some(end) = end_of_reply(waiting) {
            let reply = String::from_utf8_lossy(&waiting[..end]).into_owned();
            waiting.drain(..end);
            let is_wanted = reply.lines().all(|line| line.starts_with(code));
            return if is_wanted { Ok(reply) } else { Err(Error::Said(reply.trim().to_owned())) };
        }
        if waiting.len() > LONGEST_REPLY {
            return Err(Error::Said("more than a server of mail would".to_owned()));
        }
        if stream.read_buf(waiting).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Where the first whole answer ends: after the first line whose code no hyphen follows (RFC 5321 §4.2.1).
fn end_of_reply(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    loop {
        let length = bytes[begin..].iter().position(|byte| *byte == b'\n')? + 1;
        let line = &bytes[begin..begin + length];
        begin += length;
        if line.get(3) != Some(&b'-') {
            return Some(begin);
        }
    }
}

impl AsyncRead for Greeted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(into.remaining()));
            into.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Stream::Encrypted(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl AsyncTokioStream for Greeted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.stream {
            Stream::Plain(stream) => stream.peer_addr(),
            Stream::Encrypted(stream) => stream.get_ref().0.peer_addr(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_answer_ends() {
        for (bytes, end) in [
            ("", None),
            ("220 hello", None),
            ("220 hello\r\n", Some(11)),
            ("220\n", Some(4)),
            ("250-a\r\n250-b\r\n", None),
            ("250-a\r\n250 b\r\n250 c\r\n", Some(14)),
            ("\n", Some(1)),
        ] {
            assert_eq!(end_of_reply(bytes.as_bytes()), end, "{bytes:?}");
        }
    }
}
