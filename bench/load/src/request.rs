//! As much of HTTP/1.1 as it takes to see where a request ends. Its body has a known length, or there is none.

use crate::answer::{Misunderstood, content_length, number};

/// A request that is complete.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub is_get: bool,
    pub body_bytes: usize,
    /// Its whole length, head and body.
    pub bytes: usize,
}

/// Reads the request at the beginning of `bytes`; `None` while it is not complete.
pub fn read(bytes: &[u8]) -> Result<Option<Request>, Misunderstood> {
    let Some(head_bytes) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let mut lines = bytes[..head_bytes].split(|byte| *byte == b'\n');
    let is_get = lines.next().is_some_and(|line| line.starts_with(b"GET "));
    let body_bytes = lines.find_map(content_length).map_or(Some(0), number).ok_or(Misunderstood)?;
    let request = Request { is_get, body_bytes, bytes: head_bytes + body_bytes };
    Ok((bytes.len() >= request.bytes).then_some(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_end_where_they_say() {
        let post = b"POST /hook HTTP/1.1\r\nhost: a\r\nContent-Length: 3\r\n\r\nabcPOST";
        let whole = Some(Request { is_get: false, body_bytes: 3, bytes: post.len() - 4 });
        assert_eq!(read(post), Ok(whole));
        assert_eq!(read(&post[..post.len() - 5]), Ok(None));
        assert_eq!(read(b"POST /hook HTTP/1.1\r\n"), Ok(None));
        let get = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(read(get), Ok(Some(Request { is_get: true, body_bytes: 0, bytes: get.len() })));
        assert_eq!(read(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"), Err(Misunderstood));
    }
}
