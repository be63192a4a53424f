//! Reading one part of a form as browsers send it: `multipart/form-data` (RFC 7578).
//!
//! The whole body is in memory, with a bound, so this is a matter of cutting it into pieces. A form that is not written
//! as browsers and the usual libraries write it is refused, not guessed at.

use bytes::Bytes;
use hyper::{HeaderMap, header};

use crate::api::error::{ApiError, Code};

/// Most parts that are looked at.
const MOST_PARTS: usize = 32;

/// What stands between the parts of a form, by its `Content-Type`.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, ApiError> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = parameter(value, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()));
    boundary.ok_or_else(|| malformed("The Content-Type of a form must name its boundary."))
}

/// The content of the form's part of this name; the form must have exactly one.
pub(super) fn part(body: &Bytes, boundary: &str, name: &str) -> Result<Bytes, ApiError> {
    let mut found = None;
    for (head, content) in parts(body, boundary)? {
        if part_name(head).as_deref() == Some(name) && found.replace(content).is_some() {
            return Err(ApiError::invalid(name, "Must be there once"));
        }
    }
    let content = found.ok_or_else(|| {
        let message = "This field is required".to_owned();
        ApiError::missing(vec![crate::api::error::Detail { field: name.to_owned(), message }])
    })?;
    Ok(body.slice_ref(content))
}

/// The heads and the contents of a form's parts.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Result<Vec<(&'b str, &'b [u8])>, ApiError> {
    let unfinished = || malformed("The form is not finished: its last boundary is missing.");
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter may stand at the very beginning, where no line ends before it.
    let first = &delimiter.as_bytes()[2..];
    let mut rest = match body.strip_prefix(first) {
        Some(rest) => rest,
        None => after(body, delimiter.as_bytes()).ok_or_else(unfinished)?.1,
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MOST_PARTS {
            return Err(malformed("The form has too many parts."));
        }
        // White space may stand behind a boundary (RFC 2046 §5.1.1).
        let (padding, part) = after(rest, b"\r\n").ok_or_else(unfinished)?;
        if padding.iter().any(|byte| !b" \t".contains(byte)) {
            return Err(malformed("A boundary of the form has something behind it."));
        }
        let (part, next) = after(part, delimiter.as_bytes()).ok_or_else(unfinished)?;
        let (head, content) = match part.strip_prefix(b"\r\n") {
            Some(content) => (&b""[..], content),
            None => after(part, b"\r\n\r\n").ok_or_else(|| malformed("A part of the form has no head."))?,
        };
        let head = str::from_utf8(head).map_err(|_| malformed("The head of a part of the form is not UTF-8."))?;
        parts.push((head, content));
        rest = next;
    }
}

/// What stands before, and what behind, the first place where these bytes are.
fn after<'b>(bytes: &'b [u8], wanted: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let place = bytes.windows(wanted.len()).position(|window| window == wanted)?;
    Some((&bytes[..place], &bytes[place + wanted.len()..]))
}

/// The name that a part's `Content-Disposition` gives it.
fn part_name(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    parameter(disposition, "name")
}

/// A parameter of a header's value, with or without quotes. Quoted text may hold a semicolon, so it is read in order.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (text, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (text, next) = quoted.split_once('"')?;
                (text, next.split_once(';').map_or("", |(_, next)| next))
            }
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text.trim_end().to_owned());
        }
        rest = next;
    }
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Bytes, ApiError> {
        part(&Bytes::copy_from_slice(body.as_bytes()), "b0", "file")
    }

    #[test]
    fn forms_of_browsers() {
        let file =
            "Content-Disposition: form-data; name=\"file\"; filename=\"a;b.png\"\r\nContent-Type: image/png\r\n\r\n";
        let title = "content-disposition: form-data; name=title\r\n\r\nname=\"file\"";
        for body in [
            format!("--b0\r\n{file}pi\r\n-x\r\n--b0--\r\n"),
            format!("--b0\r\n{title}\r\n--b0\r\n{file}pi\r\n-x\r\n--b0--"),
            format!("preamble\r\n--b0 \t\r\n{file}pi\r\n-x\r\n--b0\r\n{title}\r\n--b0--\r\nepilogue"),
        ] {
            assert_eq!(read(&body).as_deref(), Ok(&b"pi\r\n-x"[..]), "{body}");
        }
        assert_eq!(read(&format!("--b0\r\n{file}\r\n--b0--")).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let file = "Content-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n";
        for (body, status) in [
            (String::new(), 400),
            ("x".to_owned(), 400),
            ("--b0".to_owned(), 400),
            (format!("--b0\r\n{file}"), 400),
            (format!("--b0 x\r\n{file}--b0--"), 400),
            ("--b0\r\nno head\r\n--b0--".to_owned(), 400),
            ("--b0--".to_owned(), 400),
            (format!("--b0\r\n{}--b0--", file.replace("file", "other")), 400),
            (format!("--b0\r\n{file}--b0\r\n{file}--b0--"), 422),
            (format!("--b0\r\n{}--b0--", format!("{file}--b0\r\n").repeat(40)), 400),
            (format!("{}--b0--", "--b0\r\nX: y\r\n\r\n\r\n".repeat(40)), 400),
        ] {
            assert_eq!(read(&body).map_err(|error| error.code.status()), Err(status), "{body}");
        }
    }

    #[test]
    fn boundaries() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().expect("a header"));
            boundary(&headers).ok()
        };
        for (value, expected) in [
            ("multipart/form-data; boundary=b0", Some("b0")),
            ("multipart/form-data; charset=utf-8; Boundary=\"b 0\"", Some("b 0")),
            ("multipart/form-data; x=\"; boundary=no\"; boundary=b0", Some("b0")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary", None),
        ] {
            assert_eq!(of(value).as_deref(), expected, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_answered(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = part(&Bytes::from(body), "b", "file");
        }

        #[test]
        fn what_was_sent_comes_out(content in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let mut body = b"--b0b1\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
            body.extend_from_slice(&content);
            body.extend_from_slice(b"\r\n--b0b1--\r\n");
            proptest::prop_assert_eq!(part(&Bytes::from(body), "b0b1", "file").map(|read| read.to_vec()), Ok(content));
        }
    }
}
