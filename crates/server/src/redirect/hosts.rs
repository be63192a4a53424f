//! The hosts that this installation answers for, and which of them a request means.
//!
//! A host has a small number, so that the address of a link in memory holds no second copy of its name. Number 0 is the
//! application host, the only one with an API behind it; the others serve short links alone. On a machine of one's own
//! `localhost`, `127.0.0.1` and `::1` are one host, as people type any of them.

use std::{borrow::Cow, collections::HashMap};

use hyper::{Uri, Version};
use mask_core::address;
use url::Url;

use super::seen::Seen;

/// A host's number.
pub(super) type HostNumber = u32;

pub(super) const APPLICATION: HostNumber = 0;
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The hosts that this installation serves.
#[derive(Clone, Debug)]
pub struct Hosts {
    hosts: Vec<Host>,
    numbers: HashMap<String, HostNumber>,
}

#[derive(Clone, Debug)]
struct Host {
    name: String,
    /// Scheme, host and port of its links, without a slash at the end.
    origin: String,
}

/// The request does not say which host it means, or says two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Hosts {
    /// The host of the public URL, and the domains of short links beside it.
    pub fn new(public_url: &Url, domains: &[String]) -> Self {
        let application = normal(public_url.host_str().unwrap_or_default());
        let is_local = public_url.scheme() == "http" && LOOPBACK.contains(&application.as_str());
        let origin = public_url.origin().ascii_serialization();
        let mut hosts = Self { hosts: Vec::new(), numbers: HashMap::new() };
        if LOOPBACK.contains(&application.as_str()) {
            hosts.numbers.extend(LOOPBACK.map(|alias| (alias.to_owned(), APPLICATION)));
        }
        hosts.add(application, origin);
        for domain in domains.iter().map(|domain| normal(domain)) {
            let bracketed = if domain.contains(':') { format!("[{domain}]") } else { domain.clone() };
            let origin = match public_url.port() {
                Some(port) if is_local => format!("http://{bracketed}:{port}"),
                None if is_local => format!("http://{bracketed}"),
                _ => format!("https://{bracketed}"),
            };
            hosts.add(domain, origin);
        }
        hosts
    }

    fn add(&mut self, name: String, origin: String) {
        let Ok(number) = HostNumber::try_from(self.hosts.len()) else { return };
        let is_new = number == APPLICATION || !self.numbers.contains_key(&name);
        if is_new {
            self.numbers.insert(name.clone(), number);
            self.hosts.push(Host { name, origin });
        }
    }

    /// The name under which links of this host are stored; `None` for a host that is not served.
    pub fn canonical(&self, host: &str) -> Option<&str> {
        self.number(host).map(|number| self.name(number))
    }

    /// Whether this is the host of the application itself.
    pub fn is_application(&self, host: &str) -> bool {
        self.number(host) == Some(APPLICATION)
    }

    /// The names of all hosts, that of the application first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| host.name.as_str())
    }

    /// The address that people follow. A domain that is not served any more keeps the address that it would have.
    pub fn short_url(&self, domain: &str, slug: &str) -> String {
        match self.number(domain).and_then(|number| self.hosts.get(number as usize)) {
            Some(host) => format!("{}/{slug}", host.origin),
            None => format!("https://{domain}/{slug}"),
        }
    }

    /// The number of a host, written in any way that means it.
    pub(super) fn number(&self, host: &str) -> Option<HostNumber> {
        let found = self.numbers.get(host).copied();
        found.or_else(|| self.numbers.get(&normal(host)).copied())
    }

    /// The number of a host as [`address::host`] reads it.
    pub(super) fn number_of_parsed(&self, host: &str) -> Option<HostNumber> {
        self.numbers.get(host).copied()
    }

    pub(super) fn name(&self, number: HostNumber) -> &str {
        self.hosts.get(number as usize).map_or("", |host| &host.name)
    }
}

/// In lower case, without brackets or a final dot.
fn normal(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

/// The host that a request means (RFC 9112 §3.2): exactly one valid `Host`, and where the target names a host too, the
/// same one. HTTP/2 has it in the target, and may leave the header out.
pub(super) fn asked<'r>(uri: &'r Uri, version: Version, seen: &Seen<'r>) -> Result<Cow<'r, str>, Malformed> {
    let parse = |text: &'r str| address::host(text).ok_or(Malformed);
    let target = uri.authority().map(|authority| parse(authority.as_str())).transpose()?;
    let header = match (seen.host, seen.hosts) {
        (None, _) => None,
        (Some(host), 1) => Some(parse(host.to_str().map_err(|_| Malformed)?)?),
        (Some(_), _) => return Err(Malformed),
    };
    match (header, target) {
        (Some(header), None) => Ok(header),
        (Some(header), Some(target)) if header == target => Ok(header),
        (None, Some(target)) if version != Version::HTTP_11 => Ok(target),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn hosts(public_url: &str, domains: &[&str]) -> Hosts {
        let domains: Vec<_> = domains.iter().map(|&domain| domain.to_owned()).collect();
        Hosts::new(&public_url.parse().expect("a url"), &domains)
    }

    #[test]
    fn addresses_of_links() {
        let local = hosts("http://localhost:8080", &["go.test"]);
        let served = hosts("https://App.Example.com", &["s.example", "App.example.com"]);
        for (hosts, domain, short_url) in [
            (&local, "localhost", "http://localhost:8080/abcd"),
            (&local, "127.0.0.1", "http://localhost:8080/abcd"),
            (&local, "go.test", "http://go.test:8080/abcd"),
            (&served, "app.example.com", "https://app.example.com/abcd"),
            (&served, "s.example", "https://s.example/abcd"),
            (&served, "gone.example", "https://gone.example/abcd"),
            (&hosts("http://127.0.0.1", &["go.test"]), "go.test", "http://go.test/abcd"),
            (&hosts("https://app.example:8443", &["go.test"]), "go.test", "https://go.test/abcd"),
            (&hosts("https://app.example:8443", &[]), "app.example", "https://app.example:8443/abcd"),
            (&hosts("http://[::1]:8080", &[]), "::1", "http://[::1]:8080/abcd"),
        ] {
            assert_eq!(hosts.short_url(domain, "abcd"), short_url);
        }
        assert_eq!(served.names().collect::<Vec<_>>(), ["app.example.com", "s.example"]);
    }

    #[test]
    fn names() {
        let local = hosts("http://localhost:8080", &["go.test"]);
        for alias in ["localhost", "127.0.0.1", "::1", "[::1]", "LocalHost."] {
            assert_eq!(local.canonical(alias), Some("localhost"), "{alias}");
        }
        assert!(local.is_application("::1") && !local.is_application("go.test"));
        let served = hosts("https://app.example", &["s.example"]);
        assert_eq!((served.canonical("localhost"), served.canonical("S.Example")), (None, Some("s.example")));
        assert_eq!(served.canonical(""), None);
    }

    #[test]
    fn what_a_request_means() {
        use Version as V;
        for (version, target, headers, host) in [
            (V::HTTP_11, "/abcd", &["Example.com:80"][..], Ok("example.com")),
            (V::HTTP_11, "/abcd", &[], Err(Malformed)),
            (V::HTTP_10, "/abcd", &[], Err(Malformed)),
            (V::HTTP_11, "/abcd", &["a.example", "a.example"], Err(Malformed)),
            (V::HTTP_11, "/abcd", &["a.example, b.example"], Err(Malformed)),
            (V::HTTP_11, "/abcd", &[""], Err(Malformed)),
            (V::HTTP_11, "http://a.example/abcd", &["a.example"], Ok("a.example")),
            (V::HTTP_11, "http://A.example:80/abcd", &["a.example"], Ok("a.example")),
            (V::HTTP_11, "http://a.example/abcd", &["b.example"], Err(Malformed)),
            (V::HTTP_11, "http://a.example/abcd", &[], Err(Malformed)),
            (V::HTTP_11, "http://user@a.example/abcd", &["a.example"], Err(Malformed)),
            (V::HTTP_2, "http://a.example/abcd", &[], Ok("a.example")),
            (V::HTTP_2, "http://a.example/abcd", &["b.example"], Err(Malformed)),
        ] {
            let mut request = Request::builder().uri(target).version(version);
            for header in headers {
                request = request.header("host", *header);
            }
            let request = request.body(()).expect("a request");
            let seen = Seen::read(request.headers());
            assert_eq!(
                asked(request.uri(), version, &seen).as_deref(),
                host.as_ref().map(|host| *host),
                "{target} {headers:?}"
            );
        }
    }
}
