//! Addresses: reading the `Host` header and the path of a request, whatever bytes a client sends.

use std::borrow::Cow;

use crate::slug::{self, Slug};

/// A host as it is compared: in lower case, without port, brackets or a final dot.
///
/// `None` for what is not a host (RFC 9110 §7.2, RFC 3986 §3.2.2): the request is then answered 400.
pub fn host(header: &str) -> Option<Cow<'_, str>> {
    let (name, port) = match header.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']')?;
            (name, after.strip_prefix(':').or(after.is_empty().then_some(""))?)
        }
        None => header.split_once(':').unwrap_or((header, "")),
    };
    let is_literal = header.starts_with('[');
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || byte == b'_' || (is_literal && byte == b':')
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty()
        || name.len() > 253
        || !name.bytes().all(fits)
        || port.len() > 5
        || !port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// What a path asks for, where it may be a short link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The slug's key, in lower case: on the stack for all but the longest.
    pub key: compact_str::CompactString,
    /// Whether the page that shows where the link leads is asked for (`/{slug}+`).
    pub is_inspection: bool,
}

/// Reads `/{slug}`, `/{slug}/` or `/{slug}+`; percent-encoded letters are read as themselves. `None`: this cannot be a
/// short link, whatever else it may be.
pub fn path(path: &str) -> Option<Asked> {
    let path = path.strip_prefix('/')?;
    if path.len() > 3 * (slug::LONGEST + 2) {
        return None;
    }
    let path = if path.contains('%') { Cow::Owned(decode(path)?) } else { Cow::Borrowed(path) };
    let path = path.strip_suffix('/').unwrap_or(&path);
    let (text, is_inspection) = match path.strip_suffix('+') {
        Some(text) => (text, true),
        None => (path, false),
    };
    if !(slug::SHORTEST..=slug::LONGEST).contains(&text.len()) || !text.bytes().all(slug::allows) {
        return None;
    }
    let mut key = compact_str::CompactString::new(text);
    key.make_ascii_lowercase();
    Some(Asked { key, is_inspection })
}

/// Whether a destination with this path could be a short link on one of our own hosts.
pub fn may_be_short_link(path_text: &str) -> bool {
    path(path_text).is_some_and(|asked| Slug::parse(&asked.key).is_ok_and(|slug| !slug.is_reserved()))
}

fn decode(path: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    // A decoded slash, percent sign or question mark is data, never structure; no slug has one.
    if text.bytes().all(|byte| slug::allows(byte) || byte == b'+' || byte == b'/')
        && path.matches('/').count() == text.matches('/').count()
    {
        Some(text.into_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (header, name) in [
            ("example.com", Some("example.com")),
            ("Example.COM:8080", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("[::1]:80", Some("::1")),
            ("[::1]", Some("::1")),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("localhost", Some("localhost")),
            ("", None),
            (":80", None),
            ("a b", None),
            ("a/b", None),
            ("a@b", None),
            ("[::1", None),
            ("[::1]x", None),
            ("é.com", None),
            ("example.com:abc", None),
            ("example.com:123456", None),
            ("a,b", None),
            ("::1", None),
            ("a\0b", None),
            (".", None),
        ] {
            assert_eq!(host(header).as_deref(), name, "{header}");
        }
        assert_eq!(host(&"a".repeat(254)), None);
    }

    #[test]
    fn paths() {
        for (text, key, is_inspection) in [
            ("/abcd", "abcd", false),
            ("/AbCd/", "abcd", false),
            ("/abcd+", "abcd", true),
            ("/my%2Dlink", "my-link", false),
            ("/abcd%2B", "abcd", true),
        ] {
            assert_eq!(path(text), Some(Asked { key: key.into(), is_inspection }), "{text}");
        }
        for text in [
            "",
            "/",
            "/abc",
            "abcd",
            "/api/v1/links",
            "/abcd//",
            "/ab%2Fcd",
            "/abcd%00",
            "/%ff%fe%fd%fc",
            "/abcd++",
            "/日本語日本",
            "/abcd%2F",
            "/a%zzbcd",
            "/../abcd",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
        assert_eq!(path(&format!("/{}", "a".repeat(100_000))), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_a_slug(text in "/?[ -~]{0,80}") {
            if let Some(asked) = path(&text) {
                proptest::prop_assert_eq!(Slug::parse(&asked.key).map(|slug| slug.key()), Ok(asked.key.to_string()));
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,300}") {
            let _ = (host(&text), path(&text));
        }
    }
}
