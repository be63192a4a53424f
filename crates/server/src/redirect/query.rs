//! The visitor's query: what of it is for us, and what goes on to the destination.
//!
//! A printed code leads to `?qr=<token>`, so that a scan can be told from a click. That one parameter stays here; one of
//! the same name that is no token of ours is the visitor's own and goes on like the rest, byte for byte.

use std::borrow::Cow;

use crate::clicks::record::Source;

/// How the id of a QR code begins; see `ids!` in the core for what follows.
const TOKEN_PREFIX: &str = "qr_";
const TOKEN_DIGITS: usize = 26;

/// A query in its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query<'r> {
    /// What goes on to the destination; empty when there is nothing.
    pub(super) passed_on: Cow<'r, str>,
    /// How the visitor came. Which code it was belongs here too, once there are codes.
    pub(super) source: Source,
}

impl<'r> Query<'r> {
    pub(super) fn read(query: Option<&'r str>) -> Self {
        let query = query.unwrap_or_default();
        // Nearly every query has no such thing, and is not taken apart.
        if !query.contains(TOKEN_PREFIX) || !query.split('&').any(is_token) {
            return Self { passed_on: Cow::Borrowed(query), source: Source::Link };
        }
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
        Self { passed_on: Cow::Owned(kept.join("&")), source: Source::Qr }
    }
}

fn is_token(pair: &str) -> bool {
    let digits = pair.strip_prefix("qr=").and_then(|value| value.strip_prefix(TOKEN_PREFIX));
    digits.is_some_and(|digits| digits.len() == TOKEN_DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_of_ours_is_taken_out() {
        const TOKEN: &str = "qr=qr_01hzy3v7q8k6m5n4p3q2r1s0t9";
        for (query, passed_on, source) in [
            (None, "", Source::Link),
            (Some(""), "", Source::Link),
            (Some("a=1&qr=2"), "a=1&qr=2", Source::Link),
            (Some("qr=qr_short&b"), "qr=qr_short&b", Source::Link),
            (Some(TOKEN), "", Source::Qr),
            (Some(&format!("a=1&{TOKEN}&b=%20")), "a=1&b=%20", Source::Qr),
            (Some(&format!("x{TOKEN}")), &format!("x{TOKEN}"), Source::Link),
        ] {
            assert_eq!(Query::read(query), Query { passed_on: passed_on.into(), source }, "{query:?}");
        }
    }
}
