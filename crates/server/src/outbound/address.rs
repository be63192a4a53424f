//! The address of a request, as far as it can be judged from its text.
//!
//! A URL can say one host and mean another: `2130706433`, `0177.1`, `ⓛocalhost` and `user@` are all ways to pass a check and
//! reach what it forbids. We parse as browsers do (WHATWG), so that we mean what everybody means, and refuse every URL in
//! which that parser would have repaired something: then the text that a person reads *is* the host that is called.
//!
//! Any port but 0 is allowed. Services that listen on odd ports are common among receivers, the address is public anyway, and
//! through TLS nothing can be said to a service that does not speak it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use hyper::{Uri, header::HeaderValue};
use mask_core::Refused;
use rustls::pki_types::ServerName;
use url::{Position, Url};

use super::network::{Networks, Reach};

/// Most bytes of a URL.
pub const LONGEST_URL: usize = 2048;

const WANTED: Refused = Refused::because("Must be a valid URL starting with https://");

/// Names of the services that tell a cloud's machines their credentials. Most would be refused by how they look or where they
/// lead; these are refused even where the operator opened networks.
const METADATA: &[&str] = &[
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.tencentyun.com",
    "rancher-metadata",
];

/// Ends of names that lead inward wherever they are asked for: by standard (RFC 6762, RFC 8375, ICANN's `.internal`), or by
/// wide custom.
const INWARD: &[&str] =
    &["corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "private", "svc"];

/// Where a request goes. Only [`parse`](Self::parse) makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    origin: Origin,
    host: HeaderValue,
    path: Uri,
    server_name: ServerName<'static>,
}

/// What two requests must share to share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) is_tls: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// A host that is not an address in disguise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// Written as an address.
    Address(IpAddr),
    /// A name, in lower case and in ASCII.
    Name(Arc<str>),
}

impl Target {
    /// Reads a URL; otherwise says what is wrong with it, in words for whoever wrote it.
    pub fn parse(text: &str, networks: &Networks) -> Result<Self, Refused> {
        let (is_tls, authority) = split(text)?;
        let written = written_host(authority)?;
        let url = Url::parse(text).map_err(|_| WANTED)?;
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let port = port.ok_or(Refused::because("Must not name port 0"))?;
        let host = read_host(&url, written)?;
        match &host {
            Host::Address(address) => check_address(*address, is_tls, networks)?,
            Host::Name(name) => check_name(name, is_tls, networks)?,
        }
        let server_name = server_name(&host)?;
        let host_and_port = &url[Position::BeforeHost..Position::AfterPort];
        Ok(Self {
            origin: Origin { is_tls, host, port },
            host: HeaderValue::from_str(host_and_port).map_err(|_| WANTED)?,
            path: url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| WANTED)?,
            server_name,
        })
    }

    /// The host and, where it is not the scheme's own, the port: what a person may be shown of it.
    pub fn host(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn host_header(&self) -> &HeaderValue {
        &self.host
    }

    pub(super) fn path(&self) -> &Uri {
        &self.path
    }

    pub(super) fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }
}

/// Path and query may hold a secret, so they are left out.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.origin.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.host())
    }
}

/// Whether it is `https`, and what stands between the scheme and the path. Refuses what a parser would drop or repair.
fn split(text: &str) -> Result<(bool, &str), Refused> {
    if text.len() > LONGEST_URL {
        return Err(Refused::because("Must be at most 2048 bytes"));
    }
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(Refused::because("Must not contain white space or control characters"));
    }
    if text.contains('\\') {
        return Err(Refused::because("Must not contain a backslash"));
    }
    if text.contains('#') {
        return Err(Refused::because("Must not contain a fragment (#…), as it is never sent"));
    }
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let is_tls = begins("https://");
    if !is_tls && !begins("http://") {
        return Err(WANTED);
    }
    let rest = &text[if is_tls { "https://".len() } else { "http://".len() }..];
    Ok((is_tls, &rest[..rest.find(['/', '?']).unwrap_or(rest.len())]))
}

/// The host as it was written. What stands beside it must be a port and nothing else.
fn written_host(authority: &str) -> Result<&str, Refused> {
    if authority.contains('@') {
        return Err(Refused::because("Must not contain a user name or password"));
    }
    if authority.contains('%') {
        return Err(Refused::because("Must write its host without percent signs"));
    }
    let end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None if authority.starts_with('[') => return Err(WANTED),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    if host.is_empty() {
        return Err(WANTED);
    }
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_plain_number) {
        return Err(Refused::because("Must write its port as a plain number"));
    }
    Ok(host)
}

fn is_plain_number(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|number| number.to_string() == text)
}

/// The host as everybody understands it, if it was written that way.
fn read_host(url: &Url, written: &str) -> Result<Host, Refused> {
    match url.host().ok_or(WANTED)? {
        url::Host::Ipv4(address) if is_plain(written, &address) => Ok(Host::Address(address.into())),
        url::Host::Ipv4(address) => {
            Err(Refused::saying(format!("Must write its address as it is usually written, {address}")))
        }
        url::Host::Ipv6(address) if is_plain(written.trim_matches(['[', ']']), &address) => {
            Ok(Host::Address(address.into()))
        }
        url::Host::Ipv6(address) => {
            Err(Refused::saying(format!("Must write its address as it is usually written, [{address}]")))
        }
        url::Host::Domain(name) if is_spelled(written, name) => Ok(Host::Name(name.into())),
        url::Host::Domain(name) => {
            Err(Refused::saying(format!("Must write its host name as it is usually written, {name}")))
        }
    }
}

/// Whether the name says what is written, label by label: the same letters, or letters that ASCII has no other way to write
/// than `xn--…`. What only looks like ASCII (full-width or circled letters, other dots) became ASCII, and is not the same.
fn is_spelled(written: &str, name: &str) -> bool {
    let same = |(written, name): (&str, &str)| {
        if written.is_ascii() { written.eq_ignore_ascii_case(name) } else { name.starts_with("xn--") }
    };
    written.split('.').count() == name.split('.').count() && written.split('.').zip(name.split('.')).all(same)
}

/// Whether the text is the address by the strict rules, which know four decimal numbers and no zone.
fn is_plain<A: std::str::FromStr + PartialEq>(written: &str, address: &A) -> bool {
    written.parse().is_ok_and(|read: A| read == *address)
}

fn check_address(address: IpAddr, is_tls: bool, networks: &Networks) -> Result<(), Refused> {
    match networks.reach(address) {
        Ok(Reach::Public) if !is_tls => Err(WANTED),
        Ok(_) => Ok(()),
        Err(special) => Err(Refused::saying(format!("Must not lead to {special}"))),
    }
}

fn check_name(name: &str, is_tls: bool, networks: &Networks) -> Result<(), Refused> {
    if name.ends_with('.') {
        return Err(Refused::because("Must not end its host name with a dot"));
    }
    if METADATA.contains(&name) {
        return Err(Refused::because("Must not lead to a cloud's metadata"));
    }
    if is_localhost(name) {
        return check_localhost(is_tls, networks);
    }
    // With networks of the operator's, the addresses to which a name leads decide, and they are looked at later.
    if networks.names_any() {
        return Ok(());
    }
    if !is_tls {
        return Err(WANTED);
    }
    if !name.contains('.') || INWARD.iter().any(|end| has_end(name, end)) {
        return Err(Refused::because("Must have a host name that is known on the public internet"));
    }
    Ok(())
}

/// Whether a name is this machine's own (RFC 6761 §6.3). No resolver is asked about those.
pub(super) fn is_localhost(name: &str) -> bool {
    has_end(name, "localhost")
}

/// The addresses of `localhost`.
pub(super) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

fn check_localhost(is_tls: bool, networks: &Networks) -> Result<(), Refused> {
    let [first, second] = LOOPBACK.map(|address| check_address(address, is_tls, networks));
    first.or(second)
}

fn has_end(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name that TLS asks for, which also must be a name that DNS can hold.
fn server_name(host: &Host) -> Result<ServerName<'static>, Refused> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.to_string())
            .map_err(|_| Refused::because("Must have a host name of letters, digits, hyphens and dots")),
    }
}
