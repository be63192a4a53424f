//! The line to an authority, and what its answers mean.
//!
//! A connection for each request, with a bound of time and of bytes for all of it: there are a dozen requests for a
//! certificate, and nobody waits for them. Its certificate is verified against the same authorities as everywhere else, and
//! those of `acme.ca_file`. It is the operator's choice, so no guard stands before it as before addresses of users.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Uri,
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use mask_core::certificate::Cause;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// How long an answer may take, from the look-up of the name on.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest answer: a chain of certificates is some kilobytes.
const MOST_BYTES: usize = 1024 * 1024;
/// The most that is shown of what an authority says.
const MOST_CHARACTERS: usize = 500;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// See the module.
#[derive(Clone)]
pub struct Line(TlsConnector);

impl Line {
    /// One that believes in these authorities.
    pub fn new(config: ClientConfig) -> Self {
        Self(TlsConnector::from(Arc::new(config)))
    }
}

impl HttpClient for Line {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.0.clone();
        Box::pin(async move {
            match timeout(ANSWER, exchange(tls, request)).await {
                Ok(answer) => answer.map_err(Error::Other),
                Err(_) => Err(Error::Other(format!("it did not answer within {} seconds", ANSWER.as_secs()).into())),
            }
        })
    }
}

async fn exchange(tls: TlsConnector, mut request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Boxed> {
    let uri = std::mem::take(request.uri_mut());
    // The directory names the other addresses, and none of them may lead into the clear.
    if uri.scheme_str() != Some("https") {
        return Err("it names an address that does not begin with https://".into());
    }
    let authority = uri.authority().ok_or("it names an address without a host")?;
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(bare.to_owned())?;
    let stream = TcpStream::connect((bare, authority.port_u16().unwrap_or(443))).await?;
    let stream = tls.connect(name, stream).await?;
    request.headers_mut().insert(HOST, HeaderValue::try_from(authority.as_str())?);
    *request.uri_mut() =
        uri.path_and_query().map_or_else(|| Ok(Uri::from_static("/")), |rest| rest.as_str().parse())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asking = async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
        Ok::<_, Boxed>(BytesResponse { parts, body: Box::new(body) })
    };
    // The connection ends when it has been asked, and an answer that came before it broke is an answer.
    let (answer, _) = tokio::join!(asking, connection);
    answer
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In a word.
    pub cause: Cause,
    /// In a sentence, for people.
    pub message: String,
    /// Whether the authority does not know our account.
    pub is_stranger: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Trouble {
    /// Nothing came that could be understood.
    pub fn away(message: impl Into<String>) -> Self {
        Self { cause: Cause::Away, message: message.into(), is_stranger: false }
    }

    /// The authority has said no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { cause: Cause::Refused, message: message.into(), is_stranger: false }
    }

    /// What an authority's own words mean.
    pub fn said(problem: &Problem) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
        let cause = match kind {
            "rateLimited" => Cause::Limited,
            "serverInternal" | "badNonce" => Cause::Away,
            _ if problem.status.is_some_and(|status| status == 429) => Cause::Limited,
            _ if problem.status.is_some_and(|status| status >= 500) => Cause::Away,
            _ => Cause::Refused,
        };
        Self {
            cause,
            message: format!("The authority says: {}", words(problem)),
            is_stranger: kind == "accountDoesNotExist",
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::said(&problem),
            Error::Json(_) => Self::away("The authority has answered what could not be understood."),
            Error::Timeout(_) => Self::away("The authority did not come to an end in time."),
            Error::Other(why) => Self::away(format!("The authority could not be asked: {}.", cut(&chain(&*why)))),
            other => Self::away(format!("The authority could not be asked: {}.", cut(&other.to_string()))),
        }
    }
}

/// What a problem says, and what those that it is made of say.
fn words(problem: &Problem) -> String {
    let own = problem.detail.clone().or_else(|| problem.r#type.clone()).unwrap_or_else(|| "no".to_owned());
    let parts = problem.subproblems.iter().filter_map(|part| part.detail.clone());
    let all: Vec<String> = std::iter::once(own).chain(parts).collect();
    cut(&all.join("; "))
}

/// An error, and what led to it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// As much as people are shown, on one line.
fn cut(text: &str) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> Problem {
        serde_json::from_str(json).expect("a problem")
    }

    #[test]
    fn what_an_authority_says_is_understood() {
        for (json, cause, is_stranger, words) in [
            (
                r#"{"type":"urn:ietf:params:acme:error:caa","detail":"CAA forbids"}"#,
                Cause::Refused,
                false,
                "CAA forbids",
            ),
            (
                r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#,
                Cause::Limited,
                false,
                "too many",
            ),
            (r#"{"detail":"slow down","status":429}"#, Cause::Limited, false, "slow down"),
            (
                r#"{"type":"urn:ietf:params:acme:error:serverInternal","status":500}"#,
                Cause::Away,
                false,
                "serverInternal",
            ),
            (r#"{"status":503}"#, Cause::Away, false, "no"),
            (
                r#"{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}"#,
                Cause::Refused,
                true,
                "accountDoesNotExist",
            ),
            (
                r#"{"type":"urn:ietf:params:acme:error:compound","detail":"two","subproblems":[{"detail":"one\nline"}]}"#,
                Cause::Refused,
                false,
                "two; one line",
            ),
        ] {
            let trouble = Trouble::said(&problem(json));
            assert_eq!((trouble.cause, trouble.is_stranger), (cause, is_stranger), "{json}");
            assert!(trouble.message.contains(words), "{trouble}");
        }
        let long = Trouble::said(&problem(&format!(r#"{{"detail":"{}"}}"#, "é".repeat(10_000))));
        assert!(long.message.chars().count() < MOST_CHARACTERS + 50, "{}", long.message.len());
    }
}
