//! The visitor's query: what of it is for us, and what goes on to the destination.
//!
//! A printed code leads to `?qr=<token>`, so that a scan can be told from a click, and of which code it was. A bio page that
//! leads to a short link says `?bio=<token>`, as its address alone would not tell that visitor from another. Those two stay
//! here. What has one of the names and is no token of ours is the visitor's own and goes on like the rest, byte for byte.
//! Names and tokens are the same however they are written: `q%72=` is `qr=` to the destination, too.
//!
//! Who comes with both came from the page: the address of a code was put on it, and nobody scanned anything.

use std::borrow::Cow;

use mask_core::token::Token;
use percent_encoding::percent_decode_str;

use crate::clicks::record::Source;

const SCAN: &str = "qr=";
const FROM_PAGE: &str = "bio=";

/// A query in its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query<'r> {
    /// What goes on to the destination; empty when there is nothing.
    pub(super) passed_on: Cow<'r, str>,
    /// How the visitor came.
    pub(super) source: Source,
    /// The code that was scanned.
    pub(super) code: Option<Token>,
}

impl<'r> Query<'r> {
    pub(super) fn read(query: Option<&'r str>) -> Self {
        let query = query.unwrap_or_default();
        let as_it_is = Self { passed_on: Cow::Borrowed(query), source: Source::Link, code: None };
        // Nearly every query has no such thing, and is not taken apart.
        if !query.contains(SCAN) && !query.contains(FROM_PAGE) && !has_written_out_name(query) {
            return as_it_is;
        }
        let (mut kept, mut scanned, mut is_from_page) = (Vec::new(), None, false);
        for pair in query.split('&') {
            let read = percent_decode_str(pair).decode_utf8_lossy();
            if let Some(code) = token(&read, SCAN) {
                scanned = scanned.or(Some(code));
            } else if token(&read, FROM_PAGE).is_some() {
                is_from_page = true;
            } else {
                kept.push(pair);
            }
        }
        let (source, code) = match scanned {
            _ if is_from_page => (Source::Bio, None),
            Some(_) => (Source::Qr, scanned),
            None => return as_it_is,
        };
        Self { passed_on: Cow::Owned(kept.join("&")), source, code }
    }
}

/// Whether a parameter's name has letters written as `%72` and the like.
fn has_written_out_name(query: &str) -> bool {
    query.contains('%') && query.split('&').any(|pair| pair.split('=').next().is_some_and(|name| name.contains('%')))
}

/// The token behind a name.
fn token(pair: &str, name: &str) -> Option<Token> {
    Token::parse(pair.strip_prefix(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_of_ours_is_taken_out() {
        let (one, other) = (Token::of(1_234_567), Token::of(9));
        let wrong = format!("{}x", &one.to_string()[..9]);
        for (query, passed_on, source, code) in [
            ("", "", Source::Link, None),
            ("a=1&qr=2&bio=3", "a=1&qr=2&bio=3", Source::Link, None),
            (&format!("qr={wrong}&b"), &format!("qr={wrong}&b"), Source::Link, None),
            (&format!("qr={one}"), "", Source::Qr, Some(one)),
            (&format!("a=1&qr={one}&b=%20"), "a=1&b=%20", Source::Qr, Some(one)),
            (&format!("qr={one}&qr={other}&qr={wrong}"), &format!("qr={wrong}"), Source::Qr, Some(one)),
            (&format!("bio={one}&a"), "a", Source::Bio, None),
            (&format!("qr={one}&&bio={other}"), "", Source::Bio, None),
            (&format!("a=%20&q%72={one}"), "a=%20", Source::Qr, Some(one)),
            (&format!("%71%72={one}&%62io={other}&c"), "c", Source::Bio, None),
            (&format!("qr=%{:X}{}", one.to_string().as_bytes()[0], &one.to_string()[1..]), "", Source::Qr, Some(one)),
            (&format!("q%72%3d={one}&%zz=1&%=2"), &format!("q%72%3d={one}&%zz=1&%=2"), Source::Link, None),
            (&format!("xqr={one}&xbio={one}"), &format!("xqr={one}&xbio={one}"), Source::Link, None),
            (&format!("qr=%{one}&QR={one}"), &format!("qr=%{one}&QR={one}"), Source::Link, None),
            ("qr=qr_01hzy3v7q8k6m5n4p3q2r1s0t9", "qr=qr_01hzy3v7q8k6m5n4p3q2r1s0t9", Source::Link, None),
        ] {
            let read = Query { passed_on: passed_on.into(), source, code };
            assert_eq!(Query::read(Some(query)), read, "{query:?}");
        }
        assert_eq!(Query::read(None), Query { passed_on: "".into(), source: Source::Link, code: None });
    }
}
