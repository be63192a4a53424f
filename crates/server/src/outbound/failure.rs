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

/// The code of a delivery whose secret the server cannot read: the one failure that is not of a request.
pub const UNREADABLE_SECRET: &str = "unreadable_secret";

/// Every code, and what it means: the one table of both.
const SENTENCES: [(&str, &str); 9] = [
    ("refused_address", "The URL leads to an address that is never called."),
    ("no_such_host", "The host's name has no address."),
    ("connect_failed", "The endpoint took no connection."),
    ("tls_failed", "There was no safe connection: see to the certificate."),
    ("timed_out", "There was no connection, or no answer, in time."),
    ("reset", "The connection was closed before an answer came."),
    ("head_too_large", "The head of the answer is too long."),
    ("not_http", "What came is no answer of HTTP/1."),
    (UNREADABLE_SECRET, "The server cannot read the webhook's secret: tell its operator."),
];

/// The sentence for a code that was written down.
pub fn sentence(code: &str) -> Option<&'static str> {
    SENTENCES.iter().find(|(known, _)| *known == code).map(|(_, sentence)| *sentence)
}

impl Failure {
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
    /// The code's sentence, and what is known beside it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        f.write_str(sentence(code).unwrap_or(code).trim_end_matches('.'))?;
        match self {
            Self::RefusedPlain => f.write_str(" (without https://)"),
            Self::ConnectFailed(kind) => write!(f, " ({})", connect_words(*kind)),
            Self::TlsFailed(words) => write!(f, " ({words})"),
            Self::TimedOut { stage: Stage::Connecting, after } => {
                write!(f, " (no connection within {})", spoken(*after))
            }
            Self::TimedOut { stage: Stage::Answering, after } => write!(f, " (no answer within {})", spoken(*after)),
            _ => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_sentence() {
        let after = Duration::from_secs(10);
        for failure in [
            Failure::RefusedPlain,
            Failure::NoSuchHost,
            Failure::ConnectFailed(io::ErrorKind::ConnectionRefused),
            Failure::TlsFailed("the handshake failed"),
            Failure::TimedOut { stage: Stage::Connecting, after },
            Failure::TimedOut { stage: Stage::Answering, after },
            Failure::Reset,
            Failure::HeadTooLarge,
            Failure::NotHttp,
        ] {
            let said = sentence(failure.code()).expect("a sentence").trim_end_matches('.');
            assert!(failure.to_string().starts_with(said), "{failure}");
        }
        assert!(sentence(UNREADABLE_SECRET).is_some() && sentence("no_such_code").is_none());
    }
}
