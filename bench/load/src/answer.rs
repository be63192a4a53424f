//! As much of HTTP/1.1 as it takes to see where an answer ends. A body of unknown length is refused: no server that is
//! measured sends one.

/// An answer whose head is complete.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Its whole length, head and body.
    pub bytes: usize,
}

/// What cannot be an answer that this program understands.
#[derive(Debug, PartialEq, Eq)]
pub struct Misunderstood;

/// Reads the answer at the beginning of `bytes`; `None` while its head is not complete.
pub fn read(bytes: &[u8]) -> Result<Option<Answer>, Misunderstood> {
    let Some(head_bytes) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let mut lines = bytes[..head_bytes].split(|byte| *byte == b'\n');
    let status = lines.next().and_then(status).ok_or(Misunderstood)?;
    let body_bytes = match (lines.find_map(content_length), status) {
        (Some(digits), _) => number(digits).ok_or(Misunderstood)?,
        (None, 204 | 304) => 0,
        (None, _) => return Err(Misunderstood),
    };
    Ok(Some(Answer { status, bytes: head_bytes + body_bytes }))
}

fn status(line: &[u8]) -> Option<u16> {
    line.strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| number(rest.get(..3)?))
        .and_then(|status| u16::try_from(status).ok())
}

/// The digits behind the name, if this is the line that tells the length of the body.
pub fn content_length(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"content-length:";
    let is_it = line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME);
    is_it.then(|| line[NAME.len()..].trim_ascii())
}

pub fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_where_they_say() {
        let redirect = b"HTTP/1.1 302 Found\r\nLocation: /\r\ncontent-Length: 3\r\n\r\nabcHTTP";
        assert_eq!(read(redirect), Ok(Some(Answer { status: 302, bytes: redirect.len() - 4 })));
        assert_eq!(read(b"HTTP/1.1 302 Found\r\n"), Ok(None));
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some(Answer { status: 204, bytes: 27 })));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Misunderstood));
        assert_eq!(read(b"SSH-2.0\r\n\r\n"), Err(Misunderstood));
    }
}
