//! Endpoints as usage names them: a method, and the path below [`ROOT`] with the names of its parameters.
//!
//! A name that there is not would find nothing, and zeros look like an answer. So it is refused, with what there is instead.

use std::sync::LazyLock;

use mask_core::Refused;

use super::counter::UNKNOWN;
use crate::api::{self, ROOT};

/// All of them; what answers GET answers HEAD too.
static ENDPOINTS: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    let below_root = |path: String| path.strip_prefix(ROOT).map(str::to_owned).unwrap_or(path);
    api::operations().into_iter().map(|(method, path)| (method, below_root(path))).collect()
});

const WANTED: Refused = Refused::because(
    "Must be a method and a path of this API, with the names of its parameters, such as GET /links/{id}; or unknown, for all that there is not",
);

/// Reads the name of an endpoint, also with the whole path.
pub(super) fn parse(text: &str) -> Result<String, Refused> {
    if text == UNKNOWN {
        return Ok(text.to_owned());
    }
    let (method, path) = text.split_once(' ').ok_or(WANTED)?;
    let (method, path) = (method.to_ascii_uppercase(), path.strip_prefix(ROOT).unwrap_or(path));
    let methods: Vec<_> = ENDPOINTS.iter().filter(|(_, known)| known == path).map(|(method, _)| *method).collect();
    let answers = if method == "HEAD" { "GET" } else { method.as_str() };
    if methods.contains(&answers) {
        return Ok(format!("{method} {path}"));
    }
    if methods.is_empty() {
        return Err(WANTED);
    }
    let known: Vec<_> = methods.into_iter().map(|method| format!("{method} {path}")).collect();
    Err(Refused::saying(format!("Must be one of {}: this path takes no other method", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("GET /links", Some("GET /links")),
            ("get /api/v1/links/{id}", Some("GET /links/{id}")),
            ("HEAD /links", Some("HEAD /links")),
            ("POST /auth/sign-in", Some("POST /auth/sign-in")),
            ("GET /openapi.json", Some("GET /openapi.json")),
            ("unknown", Some("unknown")),
            ("GET /link", None),
            ("GET links", None),
            ("GET /links/lnk_1", None),
            ("GET", None),
            ("/links", None),
            ("", None),
            ("GET /links\0", None),
        ] {
            assert_eq!(parse(text).ok().as_deref(), name, "{text:?}");
        }
        let why = parse("PUT /tags").expect_err("no such method").to_string();
        assert_eq!(why, "Must be one of GET /tags: this path takes no other method");
        assert!(parse("GET /link").expect_err("no such path").to_string().contains("GET /links/{id}"));
    }
}
