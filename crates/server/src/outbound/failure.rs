//! Why there is no answer.
//!
//! Each failure has a code, which logs keep and people filter by, and a sentence. Neither holds an address that a name led
//! to, a part of the URL or anything that was sent: the sentence is shown to whoever chose the URL.

use std::{error::Error as _, fmt, io, time::Duration};

use rustls::CertificateError;

use super::network::Special;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An address of the host is not one that may be dialled. What it belongs to is for the operator's log alone.
    RefusedAddress(Special),
    /// `http://`, and an address of the host is in no network that the operator named.
    RefusedPlain,
    /// The name has no address, or nobody would say.
    NoSuchHost,
    /// Nobody took the connection.
    ConnectFailed(io::ErrorKind),
    /// There is no safe connection: the certificate, or the handshake.
    TlsFailed(&'static str),
    /// It took too long.
    TimedOut {
        /// What was waited for.
        stage: Stage,
        /// How long.
        after: Duration,
    },
    /// The connection was closed before the answer.
    Reset,
    /// The answer's head is longer than what is read.
    HeadTooLarge,
    /// What came is not HTTP/1.
    NotHttp,
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name's addresses, the connection, or its encryption.
    Connecting,
    /// The head of the answer.
    Answering,
}

impl Failure {
    /// Every code.
    pub const CODES: [&str; 8] = [
        "refused_address",
        "no_such_host",
        "connect_failed",
        "tls_failed",
        "timed_out",
        "reset",
        "head_too_large",
        "not_http",
    ];

    /// The code for logs: it never changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RefusedAddress(_) | Self::RefusedPlain => "refused_address",
            Self::NoSuchHost => "no_such_host",
            Self::ConnectFailed(_) => "connect_failed",
            Self::TlsFailed(_) => "tls_failed",
            Self::TimedOut { .. } => "timed_out",
            Self::Reset => "reset",
            Self::HeadTooLarge => "head_too_large",
            Self::NotHttp => "not_http",
        }
    }

    /// What an error of a socket means once there is a connection.
    pub(super) fn of_socket(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::TlsFailed(tls_words(error)),
            None => Self::Reset,
        }
    }

    /// What an error of the exchange means.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::HeadTooLarge;
        }
        match error.source() {
            Some(source) => {
                if let Some(source) = source.downcast_ref::<hyper::Error>() {
                    return Self::of_exchange(source);
                }
                source.downcast_ref().map_or(Self::NotHttp, Self::of_socket)
            }
            None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => Self::Reset,
            // What cannot be parsed, and what was sent before it was asked for.
            None => Self::NotHttp,
        }
    }

    /// Whether a kept connection fails like this when the other side has closed it meanwhile.
    pub(super) fn is_stale(&self) -> bool {
        *self == Self::Reset
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RefusedAddress(_) => {
                f.write_str("The host leads to an address that is not public, which is never called")
            }
            Self::RefusedPlain => f.write_str("The host may be called through https:// alone"),
            Self::NoSuchHost => f.write_str("The host's name has no address"),
            Self::ConnectFailed(kind) => write!(f, "No connection: {}", connect_words(*kind)),
            Self::TlsFailed(words) => write!(f, "No safe connection: {words}"),
            Self::TimedOut { stage: Stage::Connecting, after } => write!(f, "No connection within {}", spoken(*after)),
            Self::TimedOut { stage: Stage::Answering, after } => write!(f, "No answer within {}", spoken(*after)),
            Self::Reset => f.write_str("The connection was closed before an answer came"),
            Self::HeadTooLarge => f.write_str("The head of the answer is too long"),
            Self::NotHttp => f.write_str("What came is no answer of HTTP/1"),
        }
    }
}

impl std::error::Error for Failure {}

fn spoken(span: Duration) -> String {
    format!("{} ms", span.as_millis())
}

fn connect_words(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionRefused => "it was refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no way to the host",
        io::ErrorKind::ConnectionReset => "it was closed at once",
        io::ErrorKind::TimedOut => "nobody answered",
        _ => "the system could not open it",
    }
}

fn tls_words(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(fault) => certificate_words(fault),
        rustls::Error::AlertReceived(_) => "the other side refused the handshake",
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "the other side does not speak TLS"
        }
        rustls::Error::PeerIncompatible(_) => "the other side knows no common version or cipher",
        _ => "the handshake failed",
    }
}

fn certificate_words(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::UnknownIssuer => "the certificate is from an unknown authority",
        CertificateError::Revoked => "the certificate was revoked",
        _ => "the certificate is not valid",
    }
}
