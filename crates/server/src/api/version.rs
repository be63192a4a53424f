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

/// Which version the caller means to change, by `If-Match`; or which one not, by `If-None-Match`.
pub fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    match (tags(headers, header::IF_MATCH)?, tags(headers, header::IF_NONE_MATCH)?) {
        (None, None) => Ok(Expected::AnyVersion),
        (Some(Tags::Any), None) => Ok(Expected::Present),
        // A tag that was never ours matches nothing; and a weak one names none that could be changed (RFC 9110 §8.8.3.2).
        (Some(Tags::These(tags)), None) => match versions(tags) {
            none if none.is_empty() => Err(changed()),
            versions => Ok(Expected::OneOf(versions)),
        },
        (None, Some(Tags::Any)) => Ok(Expected::Absent),
        (None, Some(Tags::These(tags))) => {
            let strong = tags.into_iter().map(|tag| tag.trim_start_matches("W/"));
            Ok(Expected::NoneOf(versions(strong)))
        }
        (Some(_), Some(_)) => Err(ApiError::invalid("If-None-Match", "Must be left out where there is an If-Match")),
    }
}

/// What a precondition names.
enum Tags<'h> {
    Any,
    These(Vec<&'h str>),
}

/// What the precondition of this name names, if there is one.
fn tags(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<Tags<'_>>, ApiError> {
    if !headers.contains_key(&name) {
        return Ok(None);
    }
    let field = if name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    let tags: Vec<_> = listed(headers, name).collect();
    match tags[..] {
        ["*"] => Ok(Some(Tags::Any)),
        [] => Err(ApiError::invalid(field, "Must be *, or name at least one version")),
        _ if tags.contains(&"*") => Err(ApiError::invalid(field, "Must be * alone, or name versions")),
        _ => Ok(Some(Tags::These(tags))),
    }
}

fn versions<'t>(tags: impl IntoIterator<Item = &'t str>) -> Vec<i64> {
    tags.into_iter().filter_map(version).collect()
}

/// The version that a strong tag of ours names.
fn version(tag: &str) -> Option<i64> {
    let (version, clicks) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('.')?;
    clicks.parse::<i64>().ok()?;
    version.parse().ok()
}

/// The object is not there, or not at the version that the caller means.
pub fn changed() -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "The object is not there, or no longer at the version that If-Match names; or it is there, though If-None-Match says not. \
         Read it again.",
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
        assert_eq!(expected(&headers(header::IF_MATCH, "*")), Ok(Expected::Present));
        assert!(expected(&headers(header::IF_MATCH, "\"x\"")).is_err());
        assert!(expected(&headers(header::IF_MATCH, "")).is_err(), "an empty precondition is not none");
        assert!(expected(&headers(header::IF_MATCH, "W/\"3.7\"")).is_err());
        let mut new = headers(header::IF_NONE_MATCH, "*");
        assert_eq!(expected(&new), Ok(Expected::Absent));
        new.insert(header::IF_MATCH, "*".parse().expect("a header"));
        assert!(expected(&new).is_err(), "one of the two says it all");
        let other = headers(header::IF_NONE_MATCH, "\"3.7\", W/\"4.0\", \"theirs\"");
        assert_eq!(expected(&other), Ok(Expected::NoneOf(vec![3, 4])), "compared weakly");
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            assert!(expected(&headers(name, "\"3.7\", *")).is_err(), "* stands alone");
        }
    }
}
