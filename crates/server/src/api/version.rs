//! Versions of an object: `ETag`, `If-None-Match` and `If-Match` (RFC 9110 §13.1).
//!
//! A tag is `"<changes>.<rest>"`, where the rest is what an object also shows and its owner does not change: a link's clicks, a
//! page's views. Whoever asks again for an object learns of either; whoever changes one only minds
//! changes by others: a click between reading and writing must not fail the write. So `If-Match` compares what stands
//! before the dot.

use hyper::{HeaderMap, header};
use mask_core::link::Link;
use mask_store::Expected;

use super::error::{ApiError, Code};

/// The tag of what was made just now.
pub const FIRST: &str = "\"1.0\"";

/// The link's tag.
pub fn tag(link: &Link) -> String {
    format!("\"{}.{}\"", link.version, link.clicks)
}

/// Whether the caller has this version already.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Which version the caller means to change.
pub fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(Expected::AnyVersion);
    }
    let tags: Vec<_> = listed(headers, header::IF_MATCH).collect();
    if tags.is_empty() {
        return Err(ApiError::invalid("If-Match", "Must be *, or name at least one version"));
    }
    if tags == ["*"] {
        return Ok(Expected::AnyVersion);
    }
    // A tag that was never ours matches nothing.
    let versions: Vec<_> = tags.into_iter().filter_map(version).collect();
    if versions.is_empty() { Err(changed()) } else { Ok(Expected::OneOf(versions)) }
}

/// The version that a tag of ours names; weak ones name none that could be changed (RFC 9110 §8.8.3.2).
fn version(tag: &str) -> Option<i64> {
    let (version, clicks) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('.')?;
    clicks.parse::<i64>().ok()?;
    version.parse().ok()
}

/// The object is not at the version that the caller means.
pub fn changed() -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "The object has changed since the version that If-Match names. Read it again.",
    )
}

fn listed(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn preconditions() {
        for (value, is_known_) in
            [("\"3.7\"", true), ("W/\"3.7\"", true), ("\"1.1\", \"3.7\"", true), ("*", true), ("\"3.8\"", false)]
        {
            assert_eq!(is_known(&headers(header::IF_NONE_MATCH, value), "\"3.7\""), is_known_, "{value}");
        }
        assert_eq!(expected(&HeaderMap::new()), Ok(Expected::AnyVersion));
        for (value, versions) in
            [("\"3.7\"", &[3][..]), ("\"3.7\", \"5.0\"", &[3, 5]), ("\"theirs\",W/\"4.0\" ,, \"3.7\"", &[3])]
        {
            assert_eq!(expected(&headers(header::IF_MATCH, value)), Ok(Expected::OneOf(versions.to_vec())), "{value}");
        }
        let mut twice = headers(header::IF_MATCH, "\"3.7\"");
        twice.append(header::IF_MATCH, "\"5.0\"".parse().expect("a header"));
        assert_eq!(expected(&twice), Ok(Expected::OneOf(vec![3, 5])), "lines of a list are one list");
        assert_eq!(expected(&headers(header::IF_MATCH, "*")), Ok(Expected::AnyVersion));
        assert!(expected(&headers(header::IF_MATCH, "\"x\"")).is_err());
        assert!(expected(&headers(header::IF_MATCH, "")).is_err(), "an empty precondition is not none");
        assert!(expected(&headers(header::IF_MATCH, "W/\"3.7\"")).is_err());
    }
}
