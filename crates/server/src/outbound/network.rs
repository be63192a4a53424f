//! Which addresses may be dialled.
//!
//! An address is dialled if it is public, or if the operator named its network. What is public is taken from IANA's
//! registries (IPv4 and IPv6 Special-Purpose Address Registry, RFC 6890, as of 2026), which list every block that is not
//! "globally reachable", and some that are but where no receiver can be (AS112, 6to4 and AMT relays). For IPv6 the rule is
//! turned round, because most of it was never handed out: only `2000::/3` is global unicast (IPv6 Address Space registry),
//! and whatever lies outside is refused without being listed. The lists below are then left with what IANA took out again,
//! and with the words in which the other blocks are best refused.
//!
//! IPv6 addresses that carry an IPv4 address: the mapped and compatible forms are only ways to write IPv4 and are refused
//! whatever they carry; 6to4 and Teredo are tunnels through strangers and are refused too. A NAT64 gateway's
//! `64:ff9b::/96` is what a resolver answers in a network without IPv4, so there the IPv4 address within decides.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::IpNet;

/// Decides which addresses may be dialled. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    named: Arc<[IpNet]>,
}

/// Why an address may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is public: through TLS alone.
    Public,
    /// The operator named its network: without TLS too.
    Named,
}

/// What an address that is not public belongs to, as words: `a private network (10.0.0.0/8)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special(&'static str);

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Networks {
    /// The public addresses, and these networks.
    pub fn with(named: impl Into<Arc<[IpNet]>>) -> Self {
        Self { named: named.into() }
    }

    /// Whether the operator named any network.
    pub fn names_any(&self) -> bool {
        !self.named.is_empty()
    }

    /// Whether, and why, this address may be dialled.
    pub fn reach(&self, address: IpAddr) -> Result<Reach, Special> {
        if let IpAddr::V6(address) = address
            && let Some(special) = disguised(address)
        {
            return Err(special);
        }
        if self.named.iter().any(|network| network.contains(&address)) {
            return Ok(Reach::Named);
        }
        match address {
            IpAddr::V4(address) => special_v4(address).map_or(Ok(Reach::Public), Err),
            IpAddr::V6(address) => match translated(address) {
                Some(within) => self.reach(within.into()),
                None => special_v6(address).map_or(Ok(Reach::Public), Err),
            },
        }
    }
}

/// IPv4 written as IPv6. No name has any business to lead there, and no operator can have meant it by naming a network.
fn disguised(address: Ipv6Addr) -> Option<Special> {
    const LOWEST: u128 = 0x1_0000;
    let bits = u128::from(address);
    if address.to_ipv4_mapped().is_some() {
        return Some(Special("an IPv4 address written as IPv6 (::ffff:0:0/96)"));
    }
    // Below lie `::` and `::1`, and what would be IPv4's `0.0.0.0/16`: listed with the others.
    (LOWEST..1 << 32).contains(&bits).then_some(Special("an IPv4 address written as IPv6 (::/96)"))
}

/// The IPv4 address that a NAT64 gateway would dial (RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, _, _] = address.segments() else { return None };
    let [.., a, b, c, d] = address.octets();
    Some(Ipv4Addr::new(a, b, c, d))
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let bits = u32::from(address);
    let holds = |base: &[u8; 4], prefix: u32| bits >> (32 - prefix) == u32::from_be_bytes(*base) >> (32 - prefix);
    SPECIAL_V4.iter().find(|(base, prefix, _)| holds(base, *prefix)).map(|(_, _, words)| Special(words))
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let bits = u128::from(address);
    let holds = |base: u128, prefix: u32| bits >> (128 - prefix) == base >> (128 - prefix);
    let listed = SPECIAL_V6.iter().find(|(base, prefix, _)| holds(*base, *prefix)).map(|(_, _, words)| Special(words));
    listed.or_else(|| (!holds(0x2 << 124, 3)).then_some(Special("addresses that nobody was given")))
}

type V4 = ([u8; 4], u32, &'static str);
type V6 = (u128, u32, &'static str);

const SPECIAL_V4: &[V4] = &[
    ([0, 0, 0, 0], 8, "no network at all (0.0.0.0/8)"),
    ([10, 0, 0, 0], 8, "a private network (10.0.0.0/8)"),
    ([100, 64, 0, 0], 10, "a provider's inner network (100.64.0.0/10)"),
    ([127, 0, 0, 0], 8, "the server itself (127.0.0.0/8)"),
    // Azure's host agent: a public address by its number, and answered by the host that a machine runs on.
    ([168, 63, 129, 16], 32, "a cloud's own services (168.63.129.16)"),
    ([169, 254, 0, 0], 16, "link-local addresses and cloud metadata (169.254.0.0/16)"),
    ([172, 16, 0, 0], 12, "a private network (172.16.0.0/12)"),
    ([192, 0, 0, 0], 24, "addresses of protocols (192.0.0.0/24)"),
    ([192, 0, 2, 0], 24, "addresses for documents (192.0.2.0/24)"),
    ([192, 31, 196, 0], 24, "addresses of protocols (192.31.196.0/24)"),
    ([192, 52, 193, 0], 24, "addresses of protocols (192.52.193.0/24)"),
    ([192, 88, 99, 0], 24, "relays between protocols (192.88.99.0/24)"),
    ([192, 168, 0, 0], 16, "a private network (192.168.0.0/16)"),
    ([192, 175, 48, 0], 24, "addresses of protocols (192.175.48.0/24)"),
    ([198, 18, 0, 0], 15, "a network for measurements (198.18.0.0/15)"),
    ([198, 51, 100, 0], 24, "addresses for documents (198.51.100.0/24)"),
    ([203, 0, 113, 0], 24, "addresses for documents (203.0.113.0/24)"),
    ([224, 0, 0, 0], 4, "a group of receivers (224.0.0.0/4)"),
    ([240, 0, 0, 0], 4, "addresses that nobody was given (240.0.0.0/4)"),
];

const SPECIAL_V6: &[V6] = &[
    (0, 128, "no network at all (::)"),
    (1, 128, "the server itself (::1)"),
    (0, 96, "an IPv4 address written as IPv6 (::/96)"),
    (0x64_ff9b_0001 << 80, 48, "a gateway's inner network (64:ff9b:1::/48)"),
    (0x100 << 112, 64, "addresses that lead nowhere (100::/64)"),
    (0x2001 << 112, 23, "addresses of protocols (2001::/23)"),
    (0x2001_0db8 << 96, 32, "addresses for documents (2001:db8::/32)"),
    (0x2002 << 112, 16, "a tunnel for IPv4 addresses (2002::/16)"),
    (0x2620_004f_8000 << 80, 48, "addresses of protocols (2620:4f:8000::/48)"),
    (0x3fff << 112, 20, "addresses for documents (3fff::/20)"),
    (0x5f00 << 112, 16, "addresses of routers (5f00::/16)"),
    (0xfc00 << 112, 7, "a private network (fc00::/7)"),
    (0xfe80 << 112, 10, "link-local addresses (fe80::/10)"),
    (0xfec0 << 112, 10, "a private network (fec0::/10)"),
    (0xff00 << 112, 8, "a group of receivers (ff00::/8)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(address: &str, named: &[&str]) -> Result<Reach, String> {
        let named: Vec<IpNet> = named.iter().map(|network| network.parse().expect("a network")).collect();
        let address = address.parse().expect("an address");
        Networks::with(named).reach(address).map_err(|special| special.to_string())
    }

    #[test]
    fn public_addresses_are_dialled() {
        let public = "
            1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
            168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
            191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
            198.51.99.255 203.0.114.0 223.255.255.255 2000:: 2001:200:: 2001:4860::1 2003::1 2606:4700::1111
            2a00:1450::1 3ffe::1 3fff:1000:: 64:ff9b::8.8.8.8";
        for address in public.split_whitespace() {
            assert_eq!(reach(address, &[]), Ok(Reach::Public), "{address}");
        }
    }

    #[test]
    fn whatever_is_not_public_is_refused() {
        let special = "
            0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255
            127.0.0.1 127.255.255.255 168.63.129.16 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0
            192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.0
            198.19.255.255 198.51.100.1 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255 ::
            ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8
            64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8
            64:ff9b:0:0:0:1::1 100::1 100:0:0:1::1 1fff::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
            2001:1::1 2001:20::1 2001:1ff::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1
            3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1
            fec0::1 feff::1 ff00::1 ff02::1";
        for address in special.split_whitespace() {
            assert!(reach(address, &[]).is_err(), "{address}");
        }
    }

    #[test]
    fn the_operator_opens_networks_by_name() {
        let named = ["127.0.0.0/8", "10.1.0.0/16", "::1/128", "8.8.8.0/24"];
        let cases = [
            ("127.0.0.1", Some(Reach::Named)),
            ("10.1.2.3", Some(Reach::Named)),
            ("10.2.0.1", None),
            ("::1", Some(Reach::Named)),
            ("::2", None),
            ("8.8.8.8", Some(Reach::Named)),
            ("8.8.9.1", Some(Reach::Public)),
            ("192.168.0.1", None),
            ("64:ff9b::10.1.2.3", Some(Reach::Named)),
            ("64:ff9b::10.2.2.3", None),
            ("::ffff:127.0.0.1", None),
            ("::127.0.0.1", None),
        ];
        for (address, expected) in cases {
            assert_eq!(reach(address, &named).ok(), expected, "{address}");
        }
        assert_eq!(reach("::ffff:127.0.0.1", &["::/0"]).ok(), None);
        assert_eq!(reach("::1", &["::/0"]).ok(), Some(Reach::Named));
        assert!(!Networks::default().names_any());
    }

    #[test]
    fn a_refusal_says_what_lies_there() {
        assert_eq!(reach("192.168.1.1", &[]), Err("a private network (192.168.0.0/16)".to_owned()));
        assert_eq!(reach("::1", &[]), Err("the server itself (::1)".to_owned()));
        assert_eq!(reach("4000::", &[]), Err("addresses that nobody was given".to_owned()));
    }
}
