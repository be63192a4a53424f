//! Refusals of heads: what is said where no request could be read.
//!
//! hyper answers a head that it cannot read with a status and nothing else, and offers no place to say more; and a head that
//! does not come to its end is no request that anybody could answer. Clients want our envelope there too, and whoever runs
//! the server wants the id that the client quotes. So the bare answer is recognised as it is written, and this is written
//! in its place. Every answer of ours has an `X-Request-Id`, which is how hyper's own are told from them.
//!
//! Whether hyper finds a long address too long, or the head that it fills, depends on how the bytes come in. Clients should
//! not see that, so the length of the first line is counted beside it.
//!
//! Rejected: checking lengths before hyper sees the bytes. It would have to be done for each request of a connection, which
//! means finding where each one ends: the one thing that is hyper's alone.

use std::time::{Duration, UNIX_EPOCH};

use hyper::StatusCode;
use mask_core::time::Time;
use serde_json::json;

use crate::{
    api::error::{ApiError, Code},
    clock,
};

/// The most bytes of a request's address.
const MOST_URI_BYTES: usize = 65_534;

/// The first line of a head, while it comes in.
#[derive(Debug, Default)]
pub(crate) struct FirstLine {
    bytes: usize,
    is_over: bool,
}

impl FirstLine {
    /// Takes in what came next.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if !self.is_over {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            self.bytes += end.unwrap_or(bytes.len());
            self.is_over = end.is_some();
        }
    }

    const fn is_too_long(&self) -> bool {
        self.bytes > MOST_URI_BYTES
    }
}

/// What is to be written in place of this, if it is a refusal of hyper's own, to a head that begins with this line.
pub(crate) fn in_place_of(answer: &[u8], line: &FirstLine, now: impl FnOnce() -> Time) -> Option<Vec<u8>> {
    // Nearly all that is written begins otherwise.
    let status = answer.strip_prefix(b"HTTP/1.")?.get(2..5).filter(|status| status[0] == b'4')?;
    let status = StatusCode::from_bytes(status).ok()?;
    let head = std::str::from_utf8(answer).ok()?.strip_suffix("\r\n\r\n")?;
    let is_ours = head.contains("\r\n\r\n") || head.contains("x-request-id:");
    let is_uri = status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE && line.is_too_long();
    (!is_ours).then(|| written(&error(if is_uri { StatusCode::URI_TOO_LONG } else { status }), now()))
}

/// What a client is told whose head did not arrive in time.
pub(crate) fn of_slow_head(most: Duration, now: Time) -> Vec<u8> {
    let message = format!("The head of a request must arrive within {} seconds.", most.as_secs());
    written(&ApiError::new(Code::RequestTimeout, message), now)
}

fn error(status: StatusCode) -> ApiError {
    match status {
        StatusCode::URI_TOO_LONG => {
            let message = format!("The address of a request, its query included, may have {MOST_URI_BYTES} bytes.");
            ApiError::new(Code::UriTooLong, message)
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ApiError::new(Code::HeadersTooLarge, "The head of a request may have 100 headers, and 64 KiB in all.")
        }
        _ => ApiError::new(Code::BadRequest, "This is no request of HTTP/1.1."),
    }
}

/// A whole answer, after which the connection ends.
fn written(error: &ApiError, now: Time) -> Vec<u8> {
    let id = clock::request_id();
    let body = json!({ "error": error.json(id.as_str()) }).to_string();
    let status = error.status();
    let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
    let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds));
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncache-control: private, no-store\r\n\
         x-content-type-options: nosniff\r\nx-request-id: {}\r\nconnection: close\r\ncontent-length: {}\r\n\
         date: {date}\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        id.as_str(),
        body.len(),
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn now() -> Time {
        Time::from_unix_millis(1_774_360_815_000)
    }

    #[test]
    fn only_a_bare_refusal_is_replaced() {
        let bare = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 00:00:00 GMT\r\n\r\n";
        let line = FirstLine::default();
        let ours = String::from_utf8(in_place_of(bare.as_bytes(), &line, now).expect("a refusal")).expect("text");
        assert!(ours.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{ours}");
        assert!(ours.contains(r#"{"error":{"code":"uri_too_long""#), "{ours}");
        assert!(ours.contains("\r\ndate: Tue, 24 Mar 2026 14:00:15 GMT\r\n"), "{ours}");
        for other in [
            &ours,
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-request-id: req_000000000000\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\n\r\n<p>\r\n\r\n",
            "HTTP/1.1 4",
            "HTTP/1.",
            "",
        ] {
            assert_eq!(in_place_of(other.as_bytes(), &line, now), None, "{other}");
        }
    }

    #[test]
    fn a_long_address_is_told_from_long_headers() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let long = "a".repeat(40_000);
        for (pieces, code) in [
            (&[long.as_str(), &long][..], "uri_too_long"),
            (&[&long, &long, "\r\nX"], "uri_too_long"),
            (&["GET / HTTP/1.1\r\n", &long, &long], "headers_too_large"),
            (&[&long, "\n", &long], "headers_too_large"),
            (&[], "headers_too_large"),
        ] {
            let mut line = FirstLine::default();
            for piece in pieces {
                line.take(piece.as_bytes());
            }
            let answer = String::from_utf8(in_place_of(bare, &line, now).expect("a refusal")).expect("text");
            assert!(answer.contains(&format!(r#""code":"{code}""#)), "{answer}");
        }
    }
}
