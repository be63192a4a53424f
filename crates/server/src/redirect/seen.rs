//! What of a request's headers bears on a redirect, read in one pass.
//!
//! A browser sends about a dozen headers; looking up each of ours by name would hash them one after the other, most of
//! them for nothing. The first of several headers of one name is taken, but a second `Host` is noticed: it is how
//! requests are smuggled.

use std::borrow::Cow;

use hyper::{HeaderMap, header::HeaderValue};
use mask_core::agent::{self, FetchMetadata, Verdict};

use crate::clicks::record::{self, PURPOSE_BYTES, USER_AGENT_BYTES};

/// How a session's word begins among the cookies; see [`crate::api::session::COOKIE`].
const SESSION: &[u8] = b"mask_session=";

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
    /// What may be the word of a session.
    pub(super) session: &'r [u8],
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
                "cookie" => seen.take_session(value.as_bytes()),
                "x-forwarded-for" | "forwarded" | "via" => seen.is_forwarded = true,
                name => seen.has_fetch_metadata |= name.starts_with("sec-fetch-"),
            }
        }
        seen
    }

    /// Looks for a session in a header of cookies. Over HTTP/2 there may be one header for each. Of two words the first counts,
    /// as everywhere.
    pub(super) fn take_session(&mut self, cookies: &'r [u8]) {
        if self.session.is_empty() {
            let mut pairs = cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            self.session = pairs.find_map(|pair| pair.strip_prefix(SESSION)).unwrap_or_default();
        }
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
    fn a_session_is_found_among_the_cookies() {
        assert_eq!(SESSION, format!("{}=", crate::api::session::COOKIE).as_bytes());
        for (cookies, word) in [
            (&["mask_session=abc"][..], "abc"),
            (&["a=1; mask_session=abc;b=2"], "abc"),
            (&["a=1", "b=2; mask_session=abc", "mask_session=def"], "abc"),
            (&["xmask_session=abc; mask_sessions=abc"], ""),
            (&["a=mask_session=abc"], ""),
            (&[], ""),
        ] {
            let pairs: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
            let mut all = HeaderMap::new();
            for (name, value) in &pairs {
                all.append(*name, value.parse().expect("a value"));
            }
            assert_eq!(Seen::read(&all).session, word.as_bytes(), "{cookies:?}");
        }
    }

    #[test]
    fn proxies_say_that_they_are_there() {
        for name in ["x-forwarded-for", "forwarded", "via"] {
            assert!(Seen::read(&headers(&[(name, "1")])).is_forwarded, "{name}");
        }
    }
}
