//! Destinations: where a short link leads, and how the address is put together.
//!
//! A destination is kept as its owner gave it, and leaves as it was given: apart from the link's own `utm_*` and the
//! visitor's parameters not a byte of it changes. So this works on the text, not on a parsed and re-printed URL.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::Refused;

/// Most bytes of a destination.
pub const LONGEST: usize = 8192;

/// An `https://` address that a link may lead to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebUrl(String);

impl WebUrl {
    /// Reads an address: `https`, with a host, without credentials, at most 8,192 bytes, no control characters.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const WANTED: Refused = Refused::because("Must be a valid URL starting with https://");
        check_characters(text)?;
        if !text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) {
            return Err(WANTED);
        }
        let url = Url::parse(text).map_err(|_| WANTED)?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(WANTED);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::because("Must not contain a user name or password"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host in lower case, and path.
    pub fn host_and_path(&self) -> (String, String) {
        Url::parse(&self.0).map_or_else(
            |_| (String::new(), String::new()),
            |url| {
                (url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase(), url.path().to_owned())
            },
        )
    }
}

/// Where an iOS or Android visitor is sent: an `https://` address or an app's own scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppTarget(String);

/// Schemes that no target may have: those that run something or read something in the visitor's browser, and those
/// that would send a visitor on without protection.
const REFUSED_SCHEMES: &[&str] =
    &["javascript", "data", "file", "vbscript", "blob", "http", "ftp", "ws", "wss", "about", "view-source"];

impl AppTarget {
    /// Reads a target.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const WANTED: Refused =
            Refused::because("Must be a URL starting with https:// or an app scheme such as myapp://");
        if text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:")) {
            return WebUrl::parse(text).map(|url| Self(url.0));
        }
        check_characters(text)?;
        let url = Url::parse(text).map_err(|_| WANTED)?;
        if REFUSED_SCHEMES.contains(&url.scheme()) || !text.is_ascii() || text.starts_with(' ') {
            return Err(WANTED);
        }
        Ok(Self(text.to_owned()))
    }

    /// The target as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_characters(text: &str) -> Result<(), Refused> {
    if text.len() > LONGEST {
        return Err(Refused::because("Must be at most 8192 bytes"));
    }
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(Refused::because("Must not contain white space or control characters"));
    }
    Ok(())
}

/// The campaign parameters that a link sets on its destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm {
    /// `utm_source`
    pub source: Option<String>,
    /// `utm_medium`
    pub medium: Option<String>,
    /// `utm_campaign`
    pub campaign: Option<String>,
    /// `utm_term`
    pub term: Option<String>,
    /// `utm_content`
    pub content: Option<String>,
}

impl Utm {
    /// The parameters that are set, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("utm_source", &self.source),
            ("utm_medium", &self.medium),
            ("utm_campaign", &self.campaign),
            ("utm_term", &self.term),
            ("utm_content", &self.content),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    }
}

/// What may not stand raw in a `Location` header or a query; everything that is not ASCII is encoded as well.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
const VALUE: &AsciiSet = &UNSAFE.add(b'#').add(b'&').add(b'+').add(b'=').add(b'%').add(b'?').add(b'\'');

/// The address to send: `base` with the link's `utm` set (they win over the same names in it), then those of the
/// visitor's parameters whose names are not there yet. The fragment stays at the end. An app's own scheme is left alone.
pub fn compose(base: &str, utm: &Utm, visitor_query: &str) -> String {
    if !base.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:")) {
        return base.to_owned();
    }
    let base = ascii(base);
    let (address, fragment) = split(&base, '#');
    let (path, query) = split(address, '?');
    let mut pairs: Vec<Cow<'_, str>> =
        query.map(|query| query.split('&').map(Cow::Borrowed).collect()).unwrap_or_default();
    for (name, value) in utm.pairs() {
        set(&mut pairs, name, value);
    }
    let taken: Vec<String> = pairs.iter().map(|pair| name_of(pair).into_owned()).collect();
    for pair in visitor_query.split('&').filter(|pair| !pair.is_empty()) {
        if !taken.contains(&name_of(pair).into_owned()) {
            pairs.push(utf8_percent_encode(pair, UNSAFE).into());
        }
    }
    let mut whole = path.to_owned();
    if query.is_some() || !pairs.is_empty() {
        whole.push('?');
        whole.push_str(&pairs.join("&"));
    }
    if let Some(fragment) = fragment {
        whole.push('#');
        whole.push_str(fragment);
    }
    whole
}

/// Sets one parameter where its name first stands, takes its other mentions out, or appends it.
fn set(pairs: &mut Vec<Cow<'_, str>>, name: &str, value: &str) {
    let pair = format!("{name}={}", utf8_percent_encode(value, VALUE));
    match pairs.iter().position(|pair| name_of(pair) == name) {
        None if pairs.len() == 1 && pairs[0].is_empty() => pairs[0] = pair.into(),
        None => pairs.push(pair.into()),
        Some(first) => {
            pairs[first] = pair.into();
            let mut place = 0;
            pairs.retain(|pair| {
                place += 1;
                place - 1 <= first || name_of(pair) != name
            });
        }
    }
}

/// The decoded name of `name=value`.
fn name_of(pair: &str) -> Cow<'_, str> {
    let name = pair.split('=').next().unwrap_or_default();
    if name.bytes().any(|byte| byte == b'%' || byte == b'+') {
        form_urlencoded::parse(name.as_bytes()).next().map_or(Cow::Borrowed(""), |(name, _)| name)
    } else {
        Cow::Borrowed(name)
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// A `Location` is ASCII (RFC 9110 §10.2.2, RFC 3986 §2): an address with other letters is written as browsers write it.
fn ascii(address: &str) -> Cow<'_, str> {
    if address.is_ascii() {
        return Cow::Borrowed(address);
    }
    Url::parse(address).map_or_else(|_| utf8_percent_encode(address, UNSAFE).into(), |url| Cow::Owned(url.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_urls() {
        for (text, fits) in [
            ("https://example.com", true),
            ("https://example.com/a?b=c#d", true),
            ("HTTPS://Example.com/", true),
            ("https://bücher.example/ü", true),
            ("https://[2001:db8::1]/", true),
            ("http://example.com", false),
            ("example.com", false),
            ("", false),
            ("https://", false),
            ("https:///x", true),
            ("https://user@example.com", false),
            ("https://user:pw@example.com", false),
            ("https://exa mple.com", false),
            ("https://example.com/\r\nSet-Cookie: a=b", false),
            ("javascript:alert(1)", false),
            (" https://example.com", false),
            ("https://example.com/\u{85}", false),
            ("https:example.com", false),
            (&format!("https://e.com/{}", "a".repeat(8192)), false),
        ] {
            assert_eq!(WebUrl::parse(text).is_ok(), fits, "{text}");
        }
        assert_eq!(
            WebUrl::parse("ftp://x").map_err(|why| why.to_string()),
            Err("Must be a valid URL starting with https://".into())
        );
    }

    #[test]
    fn app_targets() {
        for (text, fits) in [
            ("https://apps.apple.com/app/id1", true),
            ("myapp://open/1", true),
            ("intent://scan/#Intent;scheme=zxing;end", true),
            ("market://details?id=x", true),
            ("http://example.com", false),
            ("javascript:alert(1)", false),
            ("JavaScript:alert(1)", false),
            ("java\tscript:alert(1)", false),
            ("data:text/html,x", false),
            ("file:///etc/passwd", false),
            ("vbscript:x", false),
            ("blob:https://x", false),
            ("//example.com", false),
            ("myapp", false),
            ("https://u@x.com", false),
        ] {
            assert_eq!(AppTarget::parse(text).is_ok(), fits, "{text}");
        }
    }

    fn utm(source: &str) -> Utm {
        Utm { source: Some(source.into()), ..Utm::default() }
    }

    #[test]
    fn composing() {
        let none = Utm::default();
        for (base, utm, query, whole) in [
            ("https://e.com", &none, "", "https://e.com"),
            ("https://e.com/?", &none, "", "https://e.com/?"),
            ("https://e.com/%7Ea?x=%20+&&y#frag?z", &none, "", "https://e.com/%7Ea?x=%20+&&y#frag?z"),
            ("https://e.com", &none, "a=1&b=2", "https://e.com?a=1&b=2"),
            ("https://e.com?a=0#f", &none, "a=1&b=2", "https://e.com?a=0&b=2#f"),
            ("https://e.com?%61=0", &none, "a=1&b=2&b=3", "https://e.com?%61=0&b=2&b=3"),
            ("https://e.com", &utm("news & more"), "", "https://e.com?utm_source=news%20%26%20more"),
            (
                "https://e.com?a=1&utm_source=old&b=2&utm_source=older",
                &utm("new"),
                "",
                "https://e.com?a=1&utm_source=new&b=2",
            ),
            ("https://e.com?a=1", &utm("new"), "utm_source=theirs&c=3", "https://e.com?a=1&utm_source=new&c=3"),
            ("https://e.com/?", &utm("new"), "", "https://e.com/?utm_source=new"),
            ("https://e.com/#top", &utm("ü"), "", "https://e.com/?utm_source=%C3%BC#top"),
            ("myapp://open?x=1", &utm("new"), "a=1", "myapp://open?x=1"),
            ("https://bücher.example/ü?q=ä", &none, "", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A4"),
            ("https://e.com", &none, "a=\u{fc}\"<", "https://e.com?a=%C3%BC%22%3C"),
        ] {
            assert_eq!(compose(base, utm, query), whole, "{base} {query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_result_is_always_a_header_value_and_never_another_host(path in "[a-z0-9/%?&=#]{0,30}", value in ".{0,20}", query in ".{0,40}") {
            let base = format!("https://example.com/{path}");
            let whole = compose(&base, &utm(&value), &query);
            proptest::prop_assert!(whole.bytes().all(|byte| byte.is_ascii_graphic()), "{whole:?}");
            proptest::prop_assert!(whole.starts_with("https://example.com/"));
        }

        #[test]
        fn without_parameters_nothing_changes(rest in "[!-~]{0,60}") {
            let base = format!("https://example.com/{rest}");
            proptest::prop_assert_eq!(compose(&base, &Utm::default(), ""), base);
        }
    }
}
