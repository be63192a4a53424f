//! Who is really asking: the client behind the proxies that we trust.
//!
//! `X-Forwarded-*` from anybody else is what a liar would write, and is not read at all.

use std::net::IpAddr;

use hyper::{HeaderMap, header::HeaderName};
use ipnet::IpNet;
use mask_core::country::Country;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS with us.
    pub is_tls: bool,
    /// Whether it passes on the bytes of somebody whom it does not name: what they say is not its word.
    pub is_nameless: bool,
}

/// One that speaks in the clear.
impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self { address, is_tls: false, is_nameless: false }
    }
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address. For rate limits and for telling visitors apart; never stored.
    pub address: IpAddr,
    /// Whether it spoke TLS: with us, or with a trusted proxy, which says so.
    pub is_https: bool,
    /// Whether the address is its own, and not that of a trusted proxy that does not say whose request it passed on.
    pub is_own: bool,
}

/// Reads who is asking from the connection's peer and, where that is a trusted proxy, from what it forwarded: the
/// right-most address in `X-Forwarded-For` that is not a trusted proxy's own.
pub fn client(peer: impl Into<Peer>, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    let Peer { address: peer, is_tls, is_nameless } = peer.into();
    let peer = peer.to_canonical();
    if is_nameless {
        return Client { address: peer, is_https: is_tls, is_own: false };
    }
    if trusted.is_empty() || !is_trusted(peer, trusted) {
        return Client { address: peer, is_https: is_tls, is_own: true };
    }
    // Each proxy appends, so the last value of the header is the nearest proxy's word on the scheme too. One that speaks TLS
    // with us and says nothing passes on what came to it that way.
    let is_https = headers
        .get_all("x-forwarded-proto")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.rsplit(',').next())
        .map_or(is_tls, |scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let mut address = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for hop in value.to_str().unwrap_or_default().rsplit(',') {
            // What cannot be read was not written by a proxy that we trust: whoever sent it is the client.
            let Some(hop) = parse(hop.trim()) else { return Client { address, is_https, is_own: false } };
            address = hop;
            if !is_trusted(hop, trusted) {
                return Client { address, is_https, is_own: true };
            }
        }
    }
    Client { address, is_https, is_own: false }
}

/// The country that the peer says its client is in, where it is a trusted proxy. Each proxy appends, so the last value is
/// the nearest one's word. What is no country (`XX`, `T1`) is nothing said.
pub fn country(peer: impl Into<Peer>, headers: &HeaderMap, trusted: &[IpNet], header: &HeaderName) -> Option<Country> {
    let said = headers.get_all(header).iter().next_back()?;
    let peer = peer.into();
    if peer.is_nameless || !is_trusted(peer.address.to_canonical(), trusted) {
        return None;
    }
    Country::parse(said.as_bytes().trim_ascii())
}

/// Whether this is the address of a proxy that is believed.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// An address, with or without a port or brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proto: Option<&str>) -> (String, bool) {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "::1/128"].iter().map(|net| net.parse().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        if let Some(proto) = proto {
            headers.insert("x-forwarded-proto", proto.parse().expect("a header"));
        }
        let client = client(peer.parse::<IpAddr>().expect("an address"), &headers, &trusted);
        assert_eq!(client.is_own, !is_trusted(client.address, &trusted), "{peer} {forwarded:?}");
        (client.address.to_string(), client.is_https)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, proto, address, is_https) in [
            ("192.0.2.1", &["203.0.113.9"][..], Some("https"), "192.0.2.1", false),
            ("10.0.0.1", &["203.0.113.9"], Some("https"), "203.0.113.9", true),
            ("10.0.0.1", &["203.0.113.9"], Some("http"), "203.0.113.9", false),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"], None, "203.0.113.9", false),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], None, "203.0.113.9", false),
            ("10.0.0.1", &["203.0.113.9:4711"], None, "203.0.113.9", false),
            ("10.0.0.1", &["[2001:db8::1]:80"], None, "2001:db8::1", false),
            ("10.0.0.1", &["6.6.6.6, unknown"], None, "10.0.0.1", false),
            ("10.0.0.1", &["6.6.6.6, nonsense, 10.0.0.3"], None, "10.0.0.3", false),
            ("10.0.0.1", &[], None, "10.0.0.1", false),
            ("::ffff:10.0.0.1", &["203.0.113.9"], None, "203.0.113.9", false),
            ("10.0.0.1", &["10.0.0.7"], Some("https, http"), "10.0.0.7", false),
        ] {
            assert_eq!(seen(peer, forwarded, proto), (address.to_owned(), is_https), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_comes_over_tls_is_https_unless_a_trusted_proxy_says_otherwise() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        for (peer, proto, is_https) in [
            ("192.0.2.1", None, true),
            ("192.0.2.1", Some("http"), true),
            ("10.0.0.1", None, true),
            ("10.0.0.1", Some("https"), true),
            ("10.0.0.1", Some("http"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(
                proto.map(|proto| (HeaderName::from_static("x-forwarded-proto"), proto.parse().expect("a value"))),
            );
            let peer = Peer { address: peer.parse().expect("an address"), is_tls: true, is_nameless: false };
            assert_eq!(client(peer, &headers, &trusted).is_https, is_https, "{peer:?} {proto:?}");
        }
    }

    #[test]
    fn who_is_passed_on_without_a_name_is_not_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        let mut headers = HeaderMap::new();
        let country_header = HeaderName::from_static("cf-ipcountry");
        for (name, value) in
            [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https"), ("cf-ipcountry", "PK")]
        {
            headers.insert(name, value.parse().expect("a value"));
        }
        for is_nameless in [false, true] {
            let peer = Peer { is_nameless, ..Peer::from(IpAddr::from([10, 0, 0, 1])) };
            let client = client(peer, &headers, &trusted);
            let address = if is_nameless { [10, 0, 0, 1] } else { [203, 0, 113, 9] };
            let expected = Client { address: address.into(), is_https: !is_nameless, is_own: !is_nameless };
            assert_eq!(client, expected);
            assert_eq!(country(peer, &headers, &trusted, &country_header).is_none(), is_nameless);
        }
    }

    #[test]
    fn only_a_trusted_proxys_country_is_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        let header = HeaderName::from_static("cf-ipcountry");
        for (peer, said, expected) in [
            ("10.0.0.1", &["PK"][..], Some("PK")),
            ("::ffff:10.0.0.1", &["pk "], Some("PK")),
            ("10.0.0.1", &["DE", "PK"], Some("PK")),
            ("192.0.2.1", &["PK"], None),
            ("10.0.0.1", &["XX"], None),
            ("10.0.0.1", &["T1"], None),
            ("10.0.0.1", &["PK, DE"], None),
            ("10.0.0.1", &[""], None),
            ("10.0.0.1", &[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(&header, value.parse().expect("a value"));
            }
            let found = country(peer.parse::<IpAddr>().expect("an address"), &headers, &trusted, &header);
            assert_eq!(found.as_ref().map(Country::as_str), expected, "{peer} {said:?}");
        }
    }
}
