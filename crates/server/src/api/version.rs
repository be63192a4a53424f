//! Versions of an object: `ETag`, `If-None-Match` and `If-Match` (RFC 9110 §13.1).
//!
//! A tag is `"<changes>.<clicks>"`. Whoever asks again for an object learns of either; whoever changes one only minds
//! changes by others: a click between reading and writing must not fail the write. So `If-Match` compares what stands
//! before the dot.

use hyper::{HeaderMap, header};
use mask_core::link::Link;
use mask_store::Expected;

use super::error::{ApiError, Code};

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
    let mut tags = listed(headers, header::IF_MATCH);
    match (tags.next(), tags.next()) {
        (None, _) if !headers.contains_key(header::IF_MATCH) => Ok(Expected::AnyVersion),
        (Some("*"), None) => Ok(Expected::AnyVersion),
        (Some(tag), None) => {
            let version =
                tag.strip_prefix('"').and_then(|tag| tag.split_once('.')).and_then(|(version, _)| version.parse().ok());
            // A tag that was never ours matches nothing.
            version.map(Expected::Version).ok_or_else(changed)
        }
        _ => Err(ApiError::invalid("If-Match", "Must name one version")),
    }
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
        assert_eq!(expected(&headers(header::IF_MATCH, "\"3.7\"")), Ok(Expected::Version(3)));
        assert_eq!(expected(&headers(header::IF_MATCH, "*")), Ok(Expected::AnyVersion));
        assert!(expected(&headers(header::IF_MATCH, "\"x\"")).is_err());
        assert!(expected(&headers(header::IF_MATCH, "")).is_err(), "an empty precondition is not none");
        assert!(expected(&headers(header::IF_MATCH, "W/\"3.7\"")).is_err());
    }
}
