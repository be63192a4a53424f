//! Headers of a user's own on a request that the server sends.
//!
//! A header could end the request and begin another (CR, LF), change how its end is found, or pretend to be one of ours. So a
//! name must be a token that is nobody else's, and a value must be plain text.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use mask_core::Refused;

const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4096;

/// Names that are about the connection and not about the request (RFC 9110 §7.6.1), or that the server writes itself.
const RESERVED: &[&str] = &[
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What such names begin with: the body's description, proxies, signatures.
const RESERVED_STARTS: &[&str] = &["content-", "proxy-", "sec-", "webhook-", "x-mask-"];

/// Reads a header of a user's own; otherwise says what is wrong with it.
pub fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Refused> {
    Ok((parse_name(name)?, parse_value(value)?))
}

fn parse_name(text: &str) -> Result<HeaderName, Refused> {
    let name = HeaderName::from_bytes(text.as_bytes()).ok().filter(|name| name.as_str().len() <= LONGEST_NAME);
    let name = name
        .ok_or(Refused::because("Header names must be 1 to 128 letters, digits and the characters !#$%&'*+-.^_`|~"))?;
    if is_reserved(name.as_str()) {
        return Err(Refused::saying(format!("The header {name} is set by the server")));
    }
    Ok(name)
}

fn parse_value(text: &str) -> Result<HeaderValue, Refused> {
    if text.len() > LONGEST_VALUE {
        return Err(Refused::because("Header values must be at most 4096 characters"));
    }
    if text.trim() != text {
        return Err(Refused::because("Header values must not begin or end with white space"));
    }
    let value = HeaderValue::from_str(text).ok().filter(|_| text.is_ascii());
    value.ok_or(Refused::because("Header values must be printable ASCII on one line"))
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_STARTS.iter().any(|start| name.starts_with(start))
}

/// Names that would contradict what is really sent, whoever set them: the client leaves them out.
fn frames_the_message(name: &HeaderName) -> bool {
    use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
}

/// The headers as they are sent: the host first, then those of the caller that frame nothing, then our name.
pub(super) fn to_send(host: &HeaderValue, headers: &HeaderMap) -> HeaderMap {
    use hyper::header::{HOST, USER_AGENT};
    let mut sent = HeaderMap::with_capacity(headers.len() + 2);
    sent.insert(HOST, host.clone());
    for (name, value) in headers {
        if !frames_the_message(name) {
            sent.append(name.clone(), value.clone());
        }
    }
    if !sent.contains_key(USER_AGENT) {
        sent.insert(USER_AGENT, HeaderValue::from_static(concat!("Mask/", env!("CARGO_PKG_VERSION"))));
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_headers_are_allowed() {
        for (name, value) in [
            ("Authorization", "Bearer abc.def~1"),
            ("X-Team", "links & clicks; a=\"b\""),
            ("x-empty", ""),
            ("Cookie", "a=b; c=d"),
            ("X-Tab", "a\tb"),
            ("accept", "application/json"),
        ] {
            let (parsed, kept) = parse(name, value).expect(name);
            assert_eq!(parsed.as_str(), name.to_ascii_lowercase());
            assert_eq!(kept, value);
        }
    }

    #[test]
    fn headers_that_would_break_or_forge_a_request_are_refused() {
        let long = "a".repeat(129);
        let no_names =
            ["", " ", "X Team", "X-Team:", "X-Team\r\nHost", "X-Team\0", "Ｘ-Team", "é", "(x)", "x,y", "x/y", &long];
        let reserved = "Host HOST Connection Proxy-Connection Keep-Alive TE Trailer Transfer-Encoding Upgrade Expect \
            Content-Length content-type Content-Encoding Proxy-Authorization Proxy-Authenticate HTTP2-Settings User-Agent \
            webhook-id Webhook-Signature webhook-timestamp X-Mask-Signature x-mask-event X-MASK-anything Sec-Fetch-Site";
        for name in no_names.into_iter().chain(reserved.split_whitespace()) {
            assert!(parse(name, "value").is_err(), "{name:?}");
        }
        let long = "a".repeat(4097);
        for value in [
            "a\r\nHost: b",
            "a\nb",
            "a\rb",
            "a\0b",
            "\u{1b}[31m",
            "caf\u{e9}",
            "雪",
            " a",
            "a ",
            "\ta",
            "a\u{7f}",
            &long,
        ] {
            assert!(parse("X-Team", value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_frames_a_message_is_never_sent_twice() {
        let mut headers = HeaderMap::new();
        for name in ["host", "content-length", "transfer-encoding", "connection", "x-kept"] {
            headers.insert(name, HeaderValue::from_static("evil"));
        }
        let sent = to_send(&HeaderValue::from_static("example.com"), &headers);
        let names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["host", "x-kept", "user-agent"]);
        assert_eq!(sent["host"], "example.com");
    }
}
