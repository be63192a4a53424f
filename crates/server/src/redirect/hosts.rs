//! The hosts that this installation answers for, and which of them a request means.
//!
//! A host has a small number, so that the address of a link in memory holds no second copy of its name. Number 0 is the
//! application host, the only one with an API behind it; the others serve short links alone. On a machine of one's own
//! `localhost`, `127.0.0.1` and `::1` are one host, as people type any of them.
//!
//! **Two kinds.** The hosts of the settings are everybody's and stay as they are. Domains of workspaces come and go while
//! requests are answered: all are in one table that is never changed, only replaced as a whole. Who answers requests keeps
//! a pointer to it and sees with one read of memory that there is a newer one; nobody waits for anybody.
//!
//! **A number stands for one domain of one workspace for as long as the process lives**, and is never given again. What
//! memory holds under a number is that workspace's, so a domain that changes hands gets another number, and finds nothing
//! of what was known under the old one.
//!
//! **What was rejected.** A lock around the table (each redirect would touch it); a part of the table for each domain
//! (a request would see half of a change); asking the store for a host that is not known (a stranger's host would cost a
//! query each time).

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Cache};
use bytes::Bytes;
use foldhash::HashMap;
use hyper::{Uri, Version, header::HeaderValue};
use mask_core::{
    address,
    destination::WebUrl,
    domain::{Domain, DomainName, Robots},
    id::DomainId,
    workspace::Owner,
};
use url::Url;

use super::{entry::header_value, seen::Seen};

/// A host's number.
pub(super) type HostNumber = u32;

pub(super) const APPLICATION: HostNumber = 0;
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The hosts that this installation serves. Cheap to clone; all clones are the same hosts.
#[derive(Clone, Debug)]
pub struct Hosts {
    table: Arc<ArcSwap<Table>>,
    maker: Arc<Maker>,
}

/// What tables are made with.
#[derive(Debug)]
struct Maker {
    /// How addresses of links on other hosts than the application's begin and end.
    scheme: &'static str,
    port: Option<u16>,
    /// The number of the next host. Held while a table is made, so that no table takes the place of a newer one.
    next: Mutex<HostNumber>,
}

/// All hosts at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Every spelling, and the host that it means.
    names: HashMap<String, Arc<Host>>,
    numbers: HashMap<HostNumber, Arc<Host>>,
    /// The hosts of the settings, that of the application first.
    common: Vec<Arc<Host>>,
    /// Where links of an owner live that name no domain, by the owner's number.
    defaults: HashMap<i64, Arc<Host>>,
    /// One more than that of the table before.
    pub(super) generation: u64,
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) number: HostNumber,
    pub(super) name: String,
    /// Scheme, host and port of its links, without a slash at the end.
    origin: String,
    /// What it is beside a host, where it is a workspace's.
    pub(super) custom: Option<Custom>,
}

/// A domain of a workspace, ready to be answered for.
#[derive(Debug)]
pub(super) struct Custom {
    id: DomainId,
    pub(super) owner: Owner,
    version: i64,
    is_default: bool,
    /// Where `/` leads.
    pub(super) root: Option<HeaderValue>,
    /// Where paths lead at which nothing is.
    pub(super) not_found: Option<HeaderValue>,
    /// Where links lead that have ended and say nothing of it themselves.
    pub(super) expired: Option<HeaderValue>,
    pub(super) apple_app_site_association: Option<Bytes>,
    pub(super) assetlinks: Option<Bytes>,
    pub(super) robots: Robots,
}

/// The hosts as one thread sees them.
pub(super) type View = Cache<Arc<ArcSwap<Table>>, Arc<Table>>;

/// The request does not say which host it means, or says two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Custom {
    fn of(domain: &Domain) -> Self {
        let content = &domain.content;
        let leads = |url: &Option<WebUrl>| {
            let url = url.as_ref()?;
            Some(header_value(&mask_core::destination::compose(
                url.as_str(),
                &mask_core::destination::Utm::default(),
                "",
            )))
        };
        let file = |text: &Option<String>| text.as_ref().map(|text| Bytes::from(text.clone()));
        Self {
            id: domain.id,
            owner: domain.owner,
            version: domain.version,
            is_default: content.is_default,
            root: leads(&content.root_url),
            not_found: leads(&content.not_found_url),
            expired: leads(&content.expired_url),
            apple_app_site_association: file(&content.apple_app_site_association),
            assetlinks: file(&content.assetlinks),
            robots: content.robots,
        }
    }
}

impl Table {
    /// A host as [`address::host`] reads it.
    pub(super) fn parsed(&self, host: &str) -> Option<&Arc<Host>> {
        self.names.get(host)
    }

    /// A host, written in any way that means it.
    fn spelt(&self, host: &str) -> Option<&Arc<Host>> {
        self.names.get(host).or_else(|| self.names.get(&normal(host)))
    }

    pub(super) fn numbered(&self, number: HostNumber) -> Option<&Arc<Host>> {
        self.numbers.get(&number)
    }

    fn add(&mut self, host: Arc<Host>) {
        self.names.insert(host.name.clone(), Arc::clone(&host));
        self.numbers.insert(host.number, host);
    }

    /// The host of this domain, if there is one.
    fn of_domain(&self, domain: &Domain) -> Option<&Arc<Host>> {
        let is_it = |host: &&Arc<Host>| host.custom.as_ref().is_some_and(|custom| custom.id == domain.id);
        self.names.get(domain.name.as_str()).filter(is_it)
    }
}

impl Hosts {
    /// The host of the public URL, and the domains of short links beside it.
    pub fn new(public_url: &Url, domains: &[String]) -> Self {
        let application = normal(public_url.host_str().unwrap_or_default());
        let is_local = public_url.scheme() == "http" && LOOPBACK.contains(&application.as_str());
        let maker = Maker {
            scheme: if is_local { "http" } else { "https" },
            port: public_url.port().filter(|_| is_local),
            next: Mutex::new(APPLICATION),
        };
        let mut table = Table::default();
        let add = |table: &mut Table, name: String, origin: String| {
            let mut next = maker.next.lock().unwrap_or_else(PoisonError::into_inner);
            let host = Arc::new(Host { number: *next, name, origin, custom: None });
            *next += 1;
            table.common.push(Arc::clone(&host));
            table.add(host);
        };
        add(&mut table, application.clone(), public_url.origin().ascii_serialization());
        if LOOPBACK.contains(&application.as_str())
            && let Some(host) = table.common.first().cloned()
        {
            table.names.extend(LOOPBACK.map(|alias| (alias.to_owned(), Arc::clone(&host))));
        }
        for domain in domains.iter().map(|domain| normal(domain)) {
            if !table.names.contains_key(&domain) {
                let origin = maker.origin(&domain);
                add(&mut table, domain, origin);
            }
        }
        Self { table: Arc::new(ArcSwap::from_pointee(table)), maker: Arc::new(maker) }
    }

    /// Serves these domains of workspaces from now on, and no others, beside the hosts of the settings. A host of the
    /// settings stays everybody's, whoever has shown that it is theirs.
    pub fn serve(&self, domains: &[Domain]) {
        let mut next = self.maker.next.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.table.load_full();
        let is_common = |domain: &&Domain| old.names.get(domain.name.as_str()).is_none_or(|host| host.custom.is_some());
        let mut table = Table { generation: old.generation + 1, common: old.common.clone(), ..Table::default() };
        let common = old.names.iter().filter(|(_, host)| host.custom.is_none());
        table.names.extend(common.map(|(name, host)| (name.clone(), Arc::clone(host))));
        table.numbers.extend(table.common.iter().map(|host| (host.number, Arc::clone(host))));
        let mut are_same = true;
        for domain in domains.iter().filter(is_common) {
            let known = old.of_domain(domain);
            let host = known.filter(|host| host.is_at(domain.version)).cloned().unwrap_or_else(|| {
                are_same = false;
                let number = known.map_or(*next, |host| host.number);
                *next = (*next).max(number.saturating_add(1));
                Arc::new(self.maker.host(number, domain))
            });
            if let Some(custom) = host.custom.as_ref().filter(|custom| custom.is_default) {
                table.defaults.insert(custom.owner.number(), Arc::clone(&host));
            }
            table.add(host);
        }
        if !are_same || table.numbers.len() != old.numbers.len() {
            self.table.store(Arc::new(table));
        }
    }

    /// Another number whenever other hosts are served than before.
    pub fn generation(&self) -> u64 {
        self.table.load().generation
    }

    /// The name under which links of this host are stored; `None` for a host that is not served.
    pub fn canonical(&self, host: &str) -> Option<String> {
        self.table.load().spelt(host).map(|host| host.name.clone())
    }

    /// Whether this is one of our hosts.
    pub fn is_served(&self, host: &str) -> bool {
        self.table.load().spelt(host).is_some()
    }

    /// The name under which links of this host are stored, where this owner may have some there. Other workspaces' domains
    /// are like those that nobody has.
    pub fn usable(&self, host: &str, owner: Owner) -> Option<String> {
        let table = self.table.load();
        let found = table.spelt(host).filter(|host| host.may_hold(owner)).map(|host| host.name.clone());
        // People may write it in letters that are not ASCII.
        found.or_else(|| {
            let name = DomainName::parse(host).ok().filter(DomainName::is_international)?;
            table.parsed(name.as_str()).filter(|host| host.may_hold(owner)).map(|host| host.name.clone())
        })
    }

    /// The names of the hosts on which this owner may have links: that of the application first, its own domains last.
    pub fn usable_names(&self, owner: Owner) -> Vec<String> {
        let table = self.table.load();
        let mut own: Vec<_> = (table.numbers.values())
            .filter(|host| host.custom.as_ref().is_some_and(|custom| custom.owner == owner))
            .map(|host| host.name.clone())
            .collect();
        own.sort();
        table.common.iter().map(|host| host.name.clone()).chain(own).collect()
    }

    /// Where links of this owner live that name no domain: where the owner says, or else where the settings do.
    pub fn default_of(&self, owner: Owner, otherwise: &str) -> String {
        self.table.load().defaults.get(&owner.number()).map_or_else(|| otherwise.to_owned(), |host| host.name.clone())
    }

    /// Whether this is the host of the application itself.
    pub fn is_application(&self, host: &str) -> bool {
        self.number(host) == Some(APPLICATION)
    }

    /// Whether this is a host of the settings, that of the application included.
    pub fn is_common(&self, host: &str) -> bool {
        self.table.load().spelt(host).is_some_and(|host| host.custom.is_none())
    }

    /// The names of the hosts of the settings, that of the application first.
    pub fn common_names(&self) -> Vec<String> {
        self.table.load().common.iter().map(|host| host.name.clone()).collect()
    }

    /// The address that people follow. A domain that is not served any more keeps the address that it would have.
    pub fn short_url(&self, domain: &str, slug: &str) -> String {
        match self.table.load().spelt(domain) {
            Some(host) => format!("{}/{slug}", host.origin),
            None => format!("https://{domain}/{slug}"),
        }
    }

    /// The hosts, for one thread to look at again and again.
    pub(super) fn view(&self) -> View {
        Cache::new(Arc::clone(&self.table))
    }

    /// The number of a host, written in any way that means it.
    pub(super) fn number(&self, host: &str) -> Option<HostNumber> {
        self.table.load().spelt(host).map(|host| host.number)
    }
}

impl Host {
    /// The address of what is at this path, which begins without a slash.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }

    /// Whether it is a domain as it was after so many changes.
    fn is_at(&self, version: i64) -> bool {
        self.custom.as_ref().is_some_and(|custom| custom.version == version)
    }

    /// Whether links of this owner may live here.
    pub(super) fn may_hold(&self, owner: Owner) -> bool {
        self.custom.as_ref().is_none_or(|custom| custom.owner == owner)
    }
}

impl Maker {
    fn host(&self, number: HostNumber, domain: &Domain) -> Host {
        let name = domain.name.as_str().to_owned();
        Host { number, origin: self.origin(&name), name, custom: Some(Custom::of(domain)) }
    }

    /// Scheme, host and port of links on a host beside the application's.
    fn origin(&self, name: &str) -> String {
        let bracketed = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        match self.port {
            Some(port) => format!("{}://{bracketed}:{port}", self.scheme),
            None => format!("{}://{bracketed}", self.scheme),
        }
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
        assert_eq!(served.common_names(), ["app.example.com", "s.example"]);
    }

    #[test]
    fn names() {
        let local = hosts("http://localhost:8080", &["go.test"]);
        for alias in ["localhost", "127.0.0.1", "::1", "[::1]", "LocalHost."] {
            assert_eq!(local.canonical(alias).as_deref(), Some("localhost"), "{alias}");
        }
        assert!(local.is_application("::1") && !local.is_application("go.test"));
        let served = hosts("https://app.example", &["s.example"]);
        assert_eq!(served.canonical("localhost"), None);
        assert_eq!(served.canonical("S.Example").as_deref(), Some("s.example"));
        assert_eq!(served.canonical(""), None);
    }

    fn domain(id: u128, owner: Owner, name: &str, version: i64) -> Domain {
        let now = mask_core::time::Time::from_unix_millis(0);
        Domain {
            id: DomainId::from_bits(id),
            owner,
            name: DomainName::parse(name).expect("a name"),
            token: String::new(),
            content: mask_core::domain::Content::default(),
            status: mask_core::domain::Status::Verified,
            has_proof: true,
            points_here: true,
            look: None,
            sought_since: now,
            verified_at: Some(now),
            version,
            looks: 1,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn domains_come_and_go() {
        let [one, two] = [false, true].map(|is_test| Owner { workspace: 1, is_test });
        let hosts = hosts("https://app.example.org", &["s.example.org"]);
        let mut view = hosts.view();
        let mut look = |name: &str| (view.load().parsed(name).map(|host| host.number), view.load().generation);
        assert_eq!(look("go.example.com"), (None, 0));
        hosts.serve(&[domain(1, one, "go.example.com", 1), domain(2, one, "s.example.org", 1)]);
        let (number, generation) = look("go.example.com");
        assert_eq!((number, generation), (Some(2), 1), "who looks sees it at once");
        assert!(hosts.is_common("s.example.org"), "what the settings name is everybody's, whoever shows it");
        assert_eq!(hosts.short_url("GO.example.com", "x"), "https://go.example.com/x");
        assert_eq!(hosts.usable("Go.Example.com.", one).as_deref(), Some("go.example.com"));
        assert_eq!((hosts.usable("go.example.com", two), hosts.is_served("go.example.com")), (None, true));
        assert_eq!(hosts.usable_names(one), ["app.example.org", "s.example.org", "go.example.com"]);
        assert_eq!(hosts.usable_names(two), ["app.example.org", "s.example.org"]);

        hosts.serve(&[domain(1, one, "go.example.com", 1), domain(2, one, "s.example.org", 1)]);
        assert_eq!(look("go.example.com"), (number, generation), "what is the same is left alone");
        let mut changed = domain(1, one, "go.example.com", 2);
        changed.content.is_default = true;
        hosts.serve(&[changed]);
        assert_eq!(look("go.example.com"), (number, generation + 1), "what memory knows of its links stays right");
        assert_eq!((hosts.default_of(one, "x"), hosts.default_of(two, "x")), ("go.example.com".into(), "x".into()));
        // Another has it now, and nobody, and the first again: each time memory begins anew.
        hosts.serve(&[domain(3, two, "go.example.com", 1)]);
        assert_eq!(look("go.example.com"), (Some(3), generation + 2));
        hosts.serve(&[]);
        assert_eq!(look("go.example.com"), (None, generation + 3));
        hosts.serve(&[domain(1, one, "go.example.com", 3), domain(4, two, "b\u{fc}cher.example.com", 1)]);
        assert_eq!(look("go.example.com"), (Some(4), generation + 4));
        assert_eq!(hosts.usable("B\u{dc}cher.example.com", two).as_deref(), Some("xn--bcher-kva.example.com"));
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
