//! The PROXY protocol, by which a proxy that passes on bytes says whose they are.
//!
//! Its header is the first thing on a connection, before TLS. Both versions are read: the line of text and the binary one.
//! What is wanted of it is the address of the client; what else a header may hold (ports, TLVs) is skipped. A header that says
//! `LOCAL`, `UNKNOWN` or an address that is none of the internet's is about no client: the proxy speaks for itself.
//!
//! The reader never asks for more bytes than the header has, so what follows it is left where it is.
//!
//! The protocol: <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest binary header that is read, what is skipped included. A proxy's own TLVs are some hundred bytes.
pub const MOST_BYTES: usize = 4096;
/// How the binary version begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// As many as every header has, of either version.
const LEAST_BYTES: usize = 13;
/// What stands before the addresses in the binary version.
const FIXED_BYTES: usize = 16;
/// The longest line, its end included.
const LONGEST_LINE: usize = 107;

/// What the beginning of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many more bytes are needed to tell, and all of them belong to the header.
    Needs(usize),
    /// The whole of a header that says who the client is, if it does.
    Said(Option<IpAddr>),
}

/// The bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection does not begin with a header of the PROXY protocol")]
pub struct Malformed;

/// Looks at the beginning of a connection. Begin with no bytes, and add what is asked for.
pub fn read(bytes: &[u8]) -> Result<Step, Malformed> {
    if let Some(more) = LEAST_BYTES.checked_sub(bytes.len()).filter(|more| *more > 0) {
        return Ok(Step::Needs(more));
    }
    if bytes.starts_with(&SIGNATURE) { binary(bytes) } else { line(bytes) }
}

fn binary(bytes: &[u8]) -> Result<Step, Malformed> {
    let &[version_and_command, ref rest @ ..] = &bytes[SIGNATURE.len()..] else { return Err(Malformed) };
    let is_local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed),
    };
    let &[family, high, low, ref rest @ ..] = rest else { return Ok(Step::Needs(FIXED_BYTES - bytes.len())) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED_BYTES + length > MOST_BYTES {
        return Err(Malformed);
    }
    if rest.len() < length {
        return Ok(Step::Needs(length - rest.len()));
    }
    if is_local {
        return Ok(Step::Said(None));
    }
    // The transport, in the low half, does not matter: it is the stream that we are reading.
    let client = match family >> 4 {
        0 | 3 => None,
        1 if length >= 12 => Some(IpAddr::from(<[u8; 4]>::try_from(&rest[..4]).map_err(|_| Malformed)?)),
        2 if length >= 36 => Some(IpAddr::from(<[u8; 16]>::try_from(&rest[..16]).map_err(|_| Malformed)?)),
        _ => return Err(Malformed),
    };
    Ok(Step::Said(client.as_ref().map(IpAddr::to_canonical)))
}

fn line(bytes: &[u8]) -> Result<Step, Malformed> {
    if !bytes.starts_with(b"PROXY ") {
        return Err(Malformed);
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < LONGEST_LINE { Ok(Step::Needs(1)) } else { Err(Malformed) };
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok()).ok_or(Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(Step::Said(None)),
        ["PROXY", family, source, destination, source_port, destination_port] => {
            let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
            if !is_port(source_port) || !is_port(destination_port) {
                return Err(Malformed);
            }
            let address = |text: &str| match family {
                "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| Malformed),
                "TCP6" => text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Malformed),
                _ => Err(Malformed),
            };
            address(destination)?;
            Ok(Step::Said(Some(address(source)?.to_canonical())))
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads as a server does; says what came, and how many bytes were taken.
    fn taken(stream: &[u8]) -> Result<(Option<IpAddr>, usize), Option<Malformed>> {
        let mut length = 0;
        loop {
            match read(&stream[..length]) {
                Ok(Step::Needs(more)) => {
                    assert!(more > 0, "a reader would never end");
                    length += more;
                    if length > stream.len() {
                        return Err(None);
                    }
                }
                Ok(Step::Said(client)) => return Ok((client, length)),
                Err(malformed) => return Err(Some(malformed)),
            }
        }
    }

    fn header(version_and_command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[version_and_command, family], &length, addresses].concat()
    }

    fn of_v4(client: [u8; 4], more: &[u8]) -> Vec<u8> {
        header(0x21, 0x11, &[&client[..], &[192, 0, 2, 1], &[0x11, 0x22, 1, 187], more].concat())
    }

    #[test]
    fn a_client_is_named() {
        let v6 = |client: &str| {
            let client: Ipv6Addr = client.parse().expect("an address");
            header(0x21, 0x21, &[&client.octets()[..], &[0; 16], &[0; 4]].concat())
        };
        for (header, expected) in [
            (of_v4([203, 0, 113, 9], b""), Some("203.0.113.9")),
            (of_v4([203, 0, 113, 9], b"\x04\0\x03abc\xee\xff\xff"), Some("203.0.113.9")),
            (v6("2001:db8::1"), Some("2001:db8::1")),
            (v6("::ffff:203.0.113.9"), Some("203.0.113.9")),
            (header(0x20, 0x11, &[1; 12]), None),
            (header(0x20, 0, b""), None),
            (header(0x21, 0, b""), None),
            (header(0x21, 0x31, &[0; 216]), None),
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n".to_vec(), Some("203.0.113.9")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n".to_vec(), Some("2001:db8::1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 anything 1 2\r\n".to_vec(), None),
        ] {
            let expected = expected.map(|text| text.parse().expect("an address"));
            let stream = [&header[..], b"GET / HTTP/1.1\r\n\r\n and so on, for a while"].concat();
            assert_eq!(taken(&stream), Ok((expected, header.len())), "{header:?}");
            for end in 0..header.len() {
                assert_eq!(taken(&header[..end]), Err(None), "{end} of {header:?}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = header(0x21, 0x11, &vec![0; MOST_BYTES]);
        let endless = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        for stream in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 65536\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 +1 1\r\n",
            b"PROXY TCP4 2001:db8::1 192.0.2.1 4711 443\r\n",
            b"PROXY TCP5 203.0.113.9 192.0.2.1 4711 443\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\n",
            b"PROXY TCP4  203.0.113.9 192.0.2.1 4711 443\r\n",
            b"proxy unknown\r\n",
            &header(0x11, 0x11, &[0; 12]),
            &header(0x22, 0x11, &[0; 12]),
            &header(0x21, 0x11, &[0; 11]),
            &header(0x21, 0x21, &[0; 12]),
            &header(0x21, 0x41, &[0; 36]),
            &long,
            &endless,
        ] {
            assert_eq!(taken(stream), Err(Some(Malformed)), "{}", String::from_utf8_lossy(stream));
        }
    }

    proptest::proptest! {
        #[test]
        fn whoever_is_named_is_read(client: [u8; 4], more: Vec<u8>, rest: Vec<u8>) {
            let header = of_v4(client, &more);
            let read = taken(&[&header[..], &rest].concat());
            proptest::prop_assert_eq!(read, Ok((Some(IpAddr::from(client)), header.len())));
        }

        #[test]
        fn lines_too(client: [u8; 16], port: u16, rest: Vec<u8>) {
            let client = Ipv6Addr::from(client);
            let line = format!("PROXY TCP6 {client} ::1 {port} 443\r\n");
            let read = taken(&[line.as_bytes(), &rest].concat());
            proptest::prop_assert_eq!(read, Ok((Some(IpAddr::V6(client).to_canonical()), line.len())));
        }

        #[test]
        fn nothing_panics_and_nothing_goes_on_for_ever(bytes: Vec<u8>, is_binary: bool) {
            let start: &[u8] = if is_binary { &SIGNATURE } else { b"PROXY " };
            for stream in [&bytes[..], &[start, &bytes].concat()] {
                if let Ok((_, length)) = taken(stream) {
                    proptest::prop_assert!(length <= MOST_BYTES);
                }
            }
        }
    }
}
