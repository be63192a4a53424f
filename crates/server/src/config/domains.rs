//! What the settings of domains may be.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use super::rules::{Checked, Value, each, quoted, text};

/// Where domains must lead to be their owners'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointing {
    /// Here.
    Required,
    /// Anywhere: something in front of this server answers for them, and hides where it is.
    Advised,
}

/// What domains lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A name.
    Name(String),
    /// A machine.
    Address(IpAddr),
}

impl Target {
    /// A host of a URL.
    pub fn of(host: &Host<&str>) -> Self {
        match host {
            Host::Domain(name) => Self::Name(name.trim_end_matches('.').to_owned()),
            Host::Ipv4(address) => Self::Address((*address).into()),
            Host::Ipv6(address) => Self::Address((*address).into()),
        }
    }
}

/// A host that domains lead to, or nothing.
pub(super) fn target(value: &Value) -> Checked<Option<Target>> {
    let written = text(value)?;
    if written.is_empty() {
        return Ok(None);
    }
    let is_bare = !written.contains(['/', ':', '@', '?', '#', '%']);
    let address = written.parse::<IpAddr>().ok().map(Target::Address);
    let name = || {
        Host::parse(written).ok().filter(|_| is_bare).map(|host| match host {
            Host::Domain(name) => Target::of(&Host::Domain(&name)),
            Host::Ipv4(address) => Target::Address(address.into()),
            Host::Ipv6(address) => Target::Address(address.into()),
        })
    };
    address
        .or_else(name)
        .map(Some)
        .ok_or_else(|| format!("must be a host name or an address, such as links.example.com, not {}", quoted(written)))
}

/// Addresses of machines.
pub(super) fn machines(value: &Value) -> Checked<Vec<IpAddr>> {
    each(value, |written| {
        written.parse().map_err(|_| format!("must be IP addresses, such as 192.0.2.1, not {}", quoted(written)))
    })
}

/// Addresses of name servers, each with a port if it is not the usual one.
pub(super) fn name_servers(value: &Value) -> Checked<Vec<SocketAddr>> {
    const PORT: u16 = 53;
    each(value, |written| {
        let bare = written.parse::<IpAddr>().map(|address| SocketAddr::new(address, PORT));
        bare.or_else(|_| written.parse()).map_err(|_| {
            format!("must be addresses of name servers, such as 192.0.2.53 or [::1]:5353, not {}", quoted(written))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Value {
        Value::Word(text.to_owned())
    }

    #[test]
    fn targets() {
        let name = |name: &str| Some(Target::Name(name.to_owned()));
        for (text, expected) in [
            ("", None),
            ("Links.Example.com.", name("links.example.com")),
            ("bücher.example", name("xn--bcher-kva.example")),
            ("localhost", name("localhost")),
            ("192.0.2.1", "192.0.2.1".parse().ok().map(Target::Address)),
            ("2001:db8::1", "2001:db8::1".parse().ok().map(Target::Address)),
        ] {
            assert_eq!(target(&word(text)), Ok(expected), "{text}");
        }
        for text in ["https://links.example.com", "links.example.com:443", "a b", "a/b"] {
            assert!(target(&word(text)).is_err_and(|why| why.contains("links.example.com")), "{text}");
        }
    }

    #[test]
    fn name_servers_and_machines() {
        let servers = name_servers(&word("192.0.2.53, [::1]:5353, 2001:db8::53")).expect("servers");
        let shown: Vec<_> = servers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.53:53", "[::1]:5353", "[2001:db8::53]:53"]);
        assert!(name_servers(&word("dns.example")).is_err() && machines(&word("192.0.2.1:53")).is_err());
        assert_eq!(machines(&word("192.0.2.1")), Ok(vec!["192.0.2.1".parse().expect("an address")]));
        assert_eq!(name_servers(&word("")), Ok(Vec::new()));
    }
}
