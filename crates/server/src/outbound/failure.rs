//! Why there is no answer.
//!
//! Each failure has a code, which never changes and which people filter by, where more is known a word of detail, and a sentence.
//! Logs keep the code and the detail. None of them holds an address that a name led
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
    TlsFailed(Tls),
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

/// Why there is no safe connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// The certificate has expired.
    Expired,
    /// It is not valid yet.
    NotValidYet,
    /// It is for another name.
    OtherName,
    /// Nobody whom we believe has signed it.
    UnknownAuthority,
    /// It was revoked.
    Revoked,
    /// Something else is wrong with it.
    BadCertificate,
    /// The other side ended the handshake.
    Refused,
    /// It said something that is no TLS.
    NotTls,
    /// It knows no version or cipher that we know.
    NothingInCommon,
    /// The handshake failed in another way.
    Handshake,
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

/// Every code, alone and with each detail, and what it means: the one table of them.
const SENTENCES: [(&str, &str); 27] = [
    ("refused_address", "The URL leads to an address that is never called."),
    (
        "refused_address/not_https",
        "The URL begins with http://, which leads into networks that the operator opened and nowhere else: it needs https://.",
    ),
    ("no_such_host", "The host's name has no address."),
    ("connect_failed", "The endpoint took no connection."),
    ("connect_failed/refused", "The endpoint refused the connection: nothing listens at that port."),
    ("connect_failed/unreachable", "There is no way to the endpoint's network."),
    ("connect_failed/closed", "The endpoint closed the connection at once."),
    ("connect_failed/unanswered", "Nobody answered at the endpoint's address: see to its firewall."),
    ("tls_failed", "There was no safe connection: see to the certificate."),
    ("tls_failed/expired", "The endpoint's certificate has expired."),
    ("tls_failed/not_yet_valid", "The endpoint's certificate is not valid yet."),
    ("tls_failed/other_name", "The endpoint's certificate is for another name than the URL's."),
    (
        "tls_failed/unknown_authority",
        "The endpoint's certificate is from an authority that is not known here: is it self-signed, or are the certificates between 
         it and its authority not sent with it?",
    ),
    ("tls_failed/revoked", "The endpoint's certificate was revoked."),
    ("tls_failed/bad_certificate", "The endpoint's certificate is not valid."),
    ("tls_failed/refused", "The endpoint ended the handshake of TLS."),
    ("tls_failed/not_tls", "What answers at that port does not speak TLS: is it the port of http://?"),
    ("tls_failed/nothing_in_common", "The endpoint knows neither TLS 1.2 nor 1.3, or none of their usual ciphers."),
    ("tls_failed/handshake", "The handshake of TLS failed."),
    ("timed_out", "There was no connection, or no answer, in time."),
    ("timed_out/connecting", "There was no connection in time."),
    ("timed_out/answering", "There was a connection, and no answer in time."),
    ("reset", "The connection was closed before an answer came."),
    ("head_too_large", "The head of the answer is too long."),
    ("not_http", "What came is no answer of HTTP/1."),
    ("unreadable", "What was to be told cannot be read any more: tell the server's operator."),
    (UNREADABLE_SECRET, "The server cannot read the webhook's secret: tell its operator."),
];

/// The code of a URL that wants nothing but the `s` of `https://`.
pub const NOT_HTTPS: &str = "refused_address/not_https";
/// The code of any other URL that may not be called.
pub const REFUSED_ADDRESS: &str = "refused_address";

/// What was written down, as its code and, where there is one, its detail. Older programs wrote codes alone.
pub fn taken_apart(written: &str) -> (&str, Option<&str>) {
    written.split_once('/').map_or((written, None), |(code, detail)| (code, Some(detail)))
}

/// The sentence for what was written down.
pub fn sentence(code: &str) -> Option<&'static str> {
    SENTENCES.iter().find(|(known, _)| *known == code).map(|(_, sentence)| *sentence)
}

impl Failure {
    /// What is written down of it: the code and, behind a slash, the detail.
    pub const fn written(&self) -> &'static str {
        match self {
            Self::RefusedPlain => NOT_HTTPS,
            Self::ConnectFailed(kind) => connect_code(*kind),
            Self::TlsFailed(why) => why.code(),
            Self::TimedOut { stage: Stage::Connecting, .. } => "timed_out/connecting",
            Self::TimedOut { stage: Stage::Answering, .. } => "timed_out/answering",
            Self::RefusedAddress(_) | Self::NoSuchHost | Self::Reset | Self::HeadTooLarge | Self::NotHttp => {
                self.code()
            }
        }
    }

    /// The code: it never changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RefusedAddress(_) | Self::RefusedPlain => REFUSED_ADDRESS,
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
            Some(error) => Self::TlsFailed(Tls::of(error)),
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
            Self::TlsFailed(why) => write!(f, " ({why})"),
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

const fn connect_code(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionRefused => "connect_failed/refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "connect_failed/unreachable",
        io::ErrorKind::ConnectionReset => "connect_failed/closed",
        io::ErrorKind::TimedOut => "connect_failed/unanswered",
        _ => "connect_failed",
    }
}

impl Tls {
    fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(fault) => Self::of_certificate(fault),
            rustls::Error::AlertReceived(_) => Self::Refused,
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => Self::NotTls,
            rustls::Error::PeerIncompatible(_) => Self::NothingInCommon,
            _ => Self::Handshake,
        }
    }

    const fn of_certificate(fault: &CertificateError) -> Self {
        match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::Revoked => Self::Revoked,
            _ => Self::BadCertificate,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Expired => "tls_failed/expired",
            Self::NotValidYet => "tls_failed/not_yet_valid",
            Self::OtherName => "tls_failed/other_name",
            Self::UnknownAuthority => "tls_failed/unknown_authority",
            Self::Revoked => "tls_failed/revoked",
            Self::BadCertificate => "tls_failed/bad_certificate",
            Self::Refused => "tls_failed/refused",
            Self::NotTls => "tls_failed/not_tls",
            Self::NothingInCommon => "tls_failed/nothing_in_common",
            Self::Handshake => "tls_failed/handshake",
        }
    }
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotValidYet => "the certificate is not valid yet",
            Self::OtherName => "the certificate is for another name",
            Self::UnknownAuthority => "the certificate is from an unknown authority",
            Self::Revoked => "the certificate was revoked",
            Self::BadCertificate => "the certificate is not valid",
            Self::Refused => "the other side refused the handshake",
            Self::NotTls => "the other side does not speak TLS",
            Self::NothingInCommon => "the other side knows no common version or cipher",
            Self::Handshake => "the handshake failed",
        })
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
            Failure::TlsFailed(Tls::Handshake),
            Failure::TimedOut { stage: Stage::Connecting, after },
            Failure::TimedOut { stage: Stage::Answering, after },
            Failure::Reset,
            Failure::HeadTooLarge,
            Failure::NotHttp,
        ] {
            let said = sentence(failure.code()).expect("a sentence").trim_end_matches('.');
            assert!(failure.to_string().starts_with(said), "{failure}");
            let written = failure.written();
            assert!(sentence(written).is_some(), "{written}");
            assert_eq!(taken_apart(written).0, failure.code());
        }
        assert_eq!(taken_apart("tls_failed"), ("tls_failed", None), "as earlier programs wrote it");
        assert_eq!(taken_apart(Failure::TlsFailed(Tls::Expired).written()), ("tls_failed", Some("expired")));
        assert!(sentence(UNREADABLE_SECRET).is_some() && sentence("no_such_code").is_none());
    }
}
