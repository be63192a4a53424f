//! The fast lane: plain links and bio pages that memory knows, asked for over HTTP/1.1.
//!
//! Nearly every request is one of these, and answering it needs four of its headers and nothing of a request object. A
//! connection begins here: heads are read where they lie, looked up, journalled, and answered by copying. The first
//! request that is anything else takes the connection, with every byte that was read and not answered, over to hyper, and
//! it stays there. So the lane never has to be clever: what it does not know at a glance it leaves (a body, another
//! method or version, `Connection: close`, a proxy's headers, a second `Host`, a link that is not plain, an error of any
//! kind), and all that is hard about HTTP is in one place that is not ours.
//!
//! What must stay true: a request that is answered here is answered as [`Worker::answer`] would, but for the order of
//! headers. A test asks both for the same.
//!
//! Rejected: hyper for all of it. Its map of headers, built for each request and thrown away, cost more than the redirect.

use std::{io::Write, net::IpAddr};

use hyper::StatusCode;
use mask_core::{address, route::Choice, time::Time};

use super::{
    answer::{Asking, Kind, Worker},
    bio::{self, Page},
    entry::{Entry, Known},
    hosts::HostNumber,
    meters::Outcome,
    query::Query,
    reply,
    resolver::Key,
    seen::Seen,
    signals::Passing,
};
use crate::{
    clicks::record::{self, Limit, PURPOSE_BYTES, USER_AGENT_BYTES},
    clock::{self, Clock},
    config::Durability,
    proxy::Peer,
};

const MOST_HEADERS: usize = 48;
/// How much may be written before a page: requests are small and pages are not, and who sends many requests at once and
/// reads no answers would fill the memory with them. hyper writes one answer after the other.
const MOST_AHEAD_BYTES: usize = 64 * 1024;

/// What a look at the bytes of a connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// So many bytes were a request, and its answer is written.
    Answered(usize),
    /// The head is not there yet, and so far it may be one for the lane.
    Incomplete,
    /// Not for the lane.
    Leave,
}

/// A head, as far as it matters here.
struct Head<'b> {
    bytes: usize,
    host: &'b [u8],
    path: &'b str,
    query: Option<&'b str>,
    /// The entity tags that its sender has copies of.
    none_match: &'b [u8],
    seen: Seen<'b>,
}

/// The text of the `Date` header for one second.
#[derive(Clone, Copy)]
pub(super) struct DateText {
    second: i64,
    text: [u8; 29],
}

impl DateText {
    pub(super) const UNKNOWN: Self = Self { second: i64::MIN, text: *b"Thu, 01 Jan 1970 00:00:00 GMT" };

    /// RFC 9110 §5.6.7.
    fn at(now: Time) -> Self {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
        let date = httpdate::HttpDate::from(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let mut text = Self::UNKNOWN.text;
        // A date always has the length of the text that it replaces; a year of five digits is far.
        let _ = write!(&mut text[..], "{date}");
        Self { second: now.unix_seconds(), text }
    }
}

impl Worker {
    /// What tells it the time.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Whether connections of this peer may begin in the lane.
    pub fn has_lane_for(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.shared.durability == Durability::Process
            && !self.shared.trusted.iter().any(|network| network.contains(&peer))
    }

    /// Looks at what a connection has sent; writes the answer to the first request in it if that is for the lane.
    pub fn glance(&self, bytes: &[u8], peer: impl Into<Peer>, out: &mut Vec<u8>) -> Glance {
        let peer = peer.into();
        let head = match read(bytes) {
            Ok(head) => head,
            Err(glance) => return glance,
        };
        let Some(host) = self.host_number(head.host) else { return Glance::Leave };
        let Some(asked) = address::path(head.path).filter(|asked| !asked.is_inspection) else { return Glance::Leave };
        let key = Key { slug: asked.key, host };
        let now = || self.shared.clock.now();
        let Some(known) = self.shared.resolver.current(&key, now) else { return Glance::Leave };
        match &*known {
            Known::Link(entry) if entry.detail.is_none() => self.redirect(&head, host, entry, peer, out),
            Known::Page(page) if !bio::speaks_to_page(head.query) && out.len() < MOST_AHEAD_BYTES => {
                self.show(&head, host, page, peer, out);
            }
            _ => return Glance::Leave,
        }
        Glance::Answered(head.bytes)
    }

    /// What is asked for in the lane, and by whom.
    fn lane_asking<'h>(&'h self, head: &Head<'h>, host: HostNumber, peer: Peer) -> Asking<'h> {
        let address = peer.address.to_canonical();
        Asking {
            request: clock::request_id(),
            now: self.shared.clock.now(),
            host,
            kind: Kind::Get,
            path: head.path,
            query: Query::read(head.query),
            seen: head.seen,
            headers: &self.no_headers,
            address,
            is_own_address: !head.seen.is_forwarded,
            // Who comes here is no trusted proxy, whose word on the scheme would be heard.
            fetch_metadata: Passing::without_proxy(&head.seen, peer),
            opens_many_links: false,
            // Who comes here is no trusted proxy, whose word on the country would be heard.
            place: self.shared.places.at(address),
        }
    }

    fn redirect(&self, head: &Head<'_>, host: HostNumber, entry: &Entry, peer: Peer, out: &mut Vec<u8>) {
        let mut asking = self.lane_asking(head, host, peer);
        asking.opens_many_links = self.opens_many_links(entry, &asking);
        self.record(entry, &asking, Choice::Url, Limit::None);
        self.shared.meters.count(Outcome::Redirect);
        let location = entry.location_for(&asking.query.passed_on);
        self.write(out, entry.status, location.as_bytes(), peer, &asking);
    }

    /// A page, or that the copy of it which the visitor has is still right.
    fn show(&self, head: &Head<'_>, host: HostNumber, page: &Page, peer: Peer, out: &mut Vec<u8>) {
        let asking = self.lane_asking(head, host, peer);
        self.see(page, &asking);
        let is_known = !head.none_match.is_empty() && reply::has_tag(head.none_match, page.rendered.etag.as_bytes());
        let body: &[u8] = if is_known { &[] } else { &page.rendered.html };
        let date = self.date_text(asking.now);
        let line: &[u8] = if is_known { b"HTTP/1.1 304 Not Modified\r\n" } else { b"HTTP/1.1 200 OK\r\n" };
        out.reserve(page.head.len() + body.len() + 160);
        for part in
            [line, &page.head, self.promise(peer), b"x-request-id: ", asking.request.as_str().as_bytes(), b"\r\n"]
        {
            out.extend_from_slice(part);
        }
        if !is_known {
            // Writing into a vector does not fail.
            let _ = write!(out, "content-length: {}\r\n", body.len());
        }
        for part in [b"date: ", &date.text[..], b"\r\n\r\n", body] {
            out.extend_from_slice(part);
        }
    }

    /// The number of a host that is served; the last one is remembered, as nearly all requests name the same, for as long
    /// as the hosts stay what they are.
    fn host_number(&self, header: &[u8]) -> Option<HostNumber> {
        let mut hosts = self.hosts.borrow_mut();
        let table = hosts.load();
        let mut last = self.last_host.borrow_mut();
        if header.is_empty() || last.0 != header || last.2 != table.generation {
            let host = address::host(std::str::from_utf8(header).ok()?)?;
            let number = table.parsed(&host)?.number;
            *last = (header.to_vec(), number, table.generation);
        }
        Some(last.1)
    }

    fn date_text(&self, now: Time) -> DateText {
        let mut date = self.date.get();
        if date.second != now.unix_seconds() {
            date = DateText::at(now);
            self.date.set(date);
        }
        date
    }

    /// The header by which a browser learns to come over TLS alone, if it is to.
    fn promise(&self, peer: Peer) -> &[u8] {
        if peer.is_tls { &self.shared.hsts } else { &[] }
    }

    fn write(&self, out: &mut Vec<u8>, status: StatusCode, location: &[u8], peer: Peer, asking: &Asking<'_>) {
        let date = self.date_text(asking.now);
        let line: &[u8] = match status {
            StatusCode::MOVED_PERMANENTLY => b"HTTP/1.1 301 Moved Permanently\r\n",
            StatusCode::TEMPORARY_REDIRECT => b"HTTP/1.1 307 Temporary Redirect\r\n",
            StatusCode::PERMANENT_REDIRECT => b"HTTP/1.1 308 Permanent Redirect\r\n",
            _ => b"HTTP/1.1 302 Found\r\n",
        };
        let parts: [&[u8]; 9] = [
            line,
            self.promise(peer),
            b"location: ",
            location,
            b"\r\ncache-control: private, no-store\r\nx-request-id: ",
            asking.request.as_str().as_bytes(),
            b"\r\ncontent-length: 0\r\ndate: ",
            &date.text,
            b"\r\n\r\n",
        ];
        out.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            out.extend_from_slice(part);
        }
    }
}

fn read(bytes: &[u8]) -> Result<Head<'_>, Glance> {
    const START: &[u8] = b"GET /";
    if !bytes.starts_with(START) {
        return Err(if START.starts_with(bytes) { Glance::Incomplete } else { Glance::Leave });
    }
    let mut headers = [std::mem::MaybeUninit::uninit(); MOST_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err(Glance::Incomplete),
        Err(_) => return Err(Glance::Leave),
    };
    let (Some(target), Some(1)) = (request.path, request.version) else { return Err(Glance::Leave) };
    // Whether these may stand in a target is hyper's to say.
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#<>".contains(&byte)) {
        return Err(Glance::Leave);
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut head = Head { bytes: length, host: &[], path, query, none_match: &[], seen: Seen::default() };
    for header in request.headers.iter() {
        head.take(header.name, header.value).ok_or(Glance::Leave)?;
    }
    Ok(head)
}

impl<'b> Head<'b> {
    /// Takes in a header; `None` where it makes this request one that is not for the lane.
    fn take(&mut self, name: &str, value: &'b [u8]) -> Option<()> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let first = |place: &mut &'b [u8], most_bytes: usize| {
            if place.is_empty() {
                *place = record::cut(value, most_bytes);
            }
        };
        match name.len() {
            4 if is("host") => {
                let is_only = self.host.is_empty() && !value.is_empty();
                self.host = value;
                return is_only.then_some(());
            }
            10 if is("user-agent") => first(&mut self.seen.user_agent, USER_AGENT_BYTES),
            13 if is("if-none-match") => first(&mut self.none_match, usize::MAX),
            7 if is("referer") => first(&mut self.seen.referrer, usize::MAX),
            15 if is("x-forwarded-for") => self.seen.is_forwarded = true,
            9 if is("forwarded") => self.seen.is_forwarded = true,
            3 if is("via") => self.seen.is_forwarded = true,
            15 if is("accept-language") => first(&mut self.seen.accept_language, usize::MAX),
            10 if is("connection") => return value.eq_ignore_ascii_case(b"keep-alive").then_some(()),
            // A body, or another protocol.
            14 if is("content-length") => return None,
            17 if is("transfer-encoding") => return None,
            6 if is("cookie") => self.seen.take_session(value),
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            14 if is("http2-settings") => return None,
            11 if is("sec-purpose") => self.seen.purpose = record::cut(value, PURPOSE_BYTES),
            7 if is("purpose") => first(&mut self.seen.purpose, PURPOSE_BYTES),
            9 if is("x-purpose") => first(&mut self.seen.purpose, PURPOSE_BYTES),
            5 if is("x-moz") => first(&mut self.seen.purpose, PURPOSE_BYTES),
            length if length > 10 => {
                let start = name.as_bytes().get(..10).unwrap_or_default();
                self.seen.has_fetch_metadata |= start.eq_ignore_ascii_case(b"sec-fetch-");
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(usize, String), Glance> {
        read(text.as_bytes()).map(|head| (head.bytes, String::from_utf8_lossy(head.seen.user_agent).into_owned()))
    }

    #[test]
    fn plain_requests_are_for_the_lane() {
        let request = "GET /abcd?x=1 HTTP/1.1\r\nHost: e.io\r\nUser-Agent: a\r\nConnection: Keep-Alive\r\n\r\n";
        assert_eq!(read_text(request), Ok((request.len(), "a".into())));
        assert_eq!(read_text(&format!("{request}GET /next")), Ok((request.len(), "a".into())));
        for end in 0..request.len() {
            assert_eq!(read_text(&request[..end]), Err(Glance::Incomplete), "{end}");
        }
    }

    #[test]
    fn all_else_is_not() {
        for request in [
            "POST /abcd HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "HEAD /abcd HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "GET /abcd HTTP/1.0\r\nHost: e.io\r\n\r\n",
            "GET http://e.io/abcd HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "GET /abcd#x HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "GET /abcd?<x> HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nHost: e.io\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nContent-Length: 0\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nConnection: close\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost: e.io\r\nExpect: 100-continue\r\n\r\n",
            "GET /abcd HTTP/1.1\r\nHost : e.io\r\n\r\n",
            "GET /abcd HTTP/1.1\r\n Host: e.io\r\n\r\n",
            "GET /\u{fc}bcd HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "\r\nGET /abcd HTTP/1.1\r\nHost: e.io\r\n\r\n",
            "\x16\x03\x01",
        ] {
            assert_eq!(read_text(request), Err(Glance::Leave), "{request}");
        }
    }

    #[test]
    fn a_date_is_written_as_the_standard_says() {
        let date = DateText::at(Time::from_unix_millis(784_111_777_000));
        assert_eq!(&date.text, b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&[b"GET /", &bytes[..]].concat());
        }
    }
}
