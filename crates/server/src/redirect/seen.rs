//! What of a request's headers bears on a redirect, read in one pass.
//!
//! A browser sends about a dozen headers; looking up each of ours by name would hash them one after the other, most of
//! them for nothing. The first of several headers of one name is taken, but a second `Host` is noticed: it is how
//! requests are smuggled.

use std::borrow::Cow;

use hyper::{HeaderMap, header::HeaderValue};
use mask_core::agent::{self, FetchMetadata, Verdict};

use crate::clicks::record::{self, PURPOSE_BYTES, USER_AGENT_BYTES};

/// See the module. Texts are as they came, possibly not UTF-8; absent is empty.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen<'r> {
    pub(super) host: Option<&'r HeaderValue>,
    pub(super) hosts: u8,
    pub(super) user_agent: &'r [u8],
    pub(super) referrer: &'r [u8],
    pub(super) accept_language: &'r [u8],
    pub(super) purpose: &'r [u8],
    pub(super) has_fetch_metadata: bool,
    /// Whether a proxy says that it passed the request on.
    pub(super) is_forwarded: bool,
}

impl<'r> Seen<'r> {
    pub(super) fn read(headers: &'r HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "host" => {
                    seen.host = Some(value);
                    seen.hosts = seen.hosts.saturating_add(1);
                }
                "user-agent" => take(&mut seen.user_agent, value, USER_AGENT_BYTES),
                "referer" => take(&mut seen.referrer, value, usize::MAX),
                "accept-language" => take(&mut seen.accept_language, value, usize::MAX),
                // What browsers send today goes before what they used to send.
                "sec-purpose" => seen.purpose = record::cut(value.as_bytes(), PURPOSE_BYTES),
                "purpose" | "x-purpose" | "x-moz" => take(&mut seen.purpose, value, PURPOSE_BYTES),
                "x-forwarded-for" | "forwarded" | "via" => seen.is_forwarded = true,
                name => seen.has_fetch_metadata |= name.starts_with("sec-fetch-"),
            }
        }
        seen
    }

    /// Who asks, from exactly what the journal will hold.
    pub(super) fn classify(&self, is_head: bool, opens_many_links: bool, fetch_metadata: FetchMetadata) -> Verdict {
        let (user_agent, purpose) = (text(self.user_agent), text(self.purpose));
        agent::classify(&record::signals(is_head, opens_many_links, fetch_metadata, &user_agent, &purpose))
    }
}

/// Whatever is not UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn take<'r>(place: &mut &'r [u8], value: &'r HeaderValue, most_bytes: usize) {
    if place.is_empty() {
        *place = record::cut(value.as_bytes(), most_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mask_core::agent::BotClass;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn the_first_counts_and_the_newest_purpose() {
        let headers = headers(&[
            ("purpose", "preview"),
            ("user-agent", "one"),
            ("user-agent", "two"),
            ("sec-purpose", "prefetch"),
            ("sec-fetch-mode", "navigate"),
            ("host", "a"),
            ("host", "b"),
            ("x-other", "c"),
        ]);
        assert!(!Seen::read(&headers).is_forwarded);
        let seen = Seen::read(&headers);
        assert_eq!((seen.user_agent, seen.purpose, seen.hosts), (&b"one"[..], &b"prefetch"[..], 2));
        assert!(seen.has_fetch_metadata && seen.referrer.is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_told_all_the_same() {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", HeaderValue::from_bytes(b"\xff\xfe").expect("a value"));
        let class = |is_head| Seen::read(&headers).classify(is_head, false, FetchMetadata::Absent).class;
        assert_eq!((class(false), class(true)), (BotClass::Unknown, BotClass::Head));
    }

    #[test]
    fn proxies_say_that_they_are_there() {
        for name in ["x-forwarded-for", "forwarded", "via"] {
            assert!(Seen::read(&headers(&[(name, "1")])).is_forwarded, "{name}");
        }
    }
}
