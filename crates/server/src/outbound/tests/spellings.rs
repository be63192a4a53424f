//! No address of a refused network passes, however it is spelled; and no text makes the reader panic.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{prelude::*, sample::select};

use super::*;

/// What the registries of IANA take out, written a second time and by other means than in the code.
const REFUSED_V4: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 \
    192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 \
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
const REFUSED_V6: &str = "::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 \
    3fff::/20 4000::/3 5f00::/16 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5 f800::/6 fc00::/7 fe00::/9 fe80::/10 \
    fec0::/10 ff00::/8";

fn networks<N: std::str::FromStr>(list: &str) -> Vec<N> {
    list.split_whitespace().map(|network| network.parse().unwrap_or_else(|_| panic!("{network}"))).collect()
}

/// An address of one of the refused networks: the first, the last and any other.
fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
    let pick = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    (select(networks::<Ipv4Net>(REFUSED_V4)), pick)
        .prop_map(|(network, bits)| Ipv4Addr::from(u32::from(network.network()) | bits & u32::from(network.hostmask())))
}

fn refused_v6() -> impl Strategy<Value = Ipv6Addr> {
    let pick = prop_oneof![Just(0), Just(u128::MAX), any::<u128>()];
    (select(networks::<Ipv6Net>(REFUSED_V6)), pick).prop_map(|(network, bits)| {
        Ipv6Addr::from(u128::from(network.network()) | bits & u128::from(network.hostmask()))
    })
}

/// Every way to write an IPv4 address that some reader of URLs is known to take.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let (bits, [a, b, c, d]) = (u32::from(address), address.octets());
    let (high, low, rest) = (bits >> 16, bits & 0xffff, bits & 0xff_ffff);
    vec![
        format!("{address}"),
        format!("{address}."),
        format!("{bits}"),
        format!("{bits}."),
        format!("0x{bits:x}"),
        format!("0X{bits:08X}"),
        format!("0{bits:o}"),
        format!("000{bits:o}"),
        format!("{a}.{rest}"),
        format!("{a}.{b}.{low}"),
        format!("0x{a:x}.{b}.0{c:o}.{d}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0x{a:02x}.0x{b:02x}.0x{c:02x}.0x{d:02x}"),
        format!("{a:03}.{b:03}.{c:03}.{d:03}"),
        format!("0x{a:x}.{rest}"),
        address.to_string().replace('.', "。"),
        address.to_string().replace('.', "%2e"),
        address.to_string().chars().map(full_width).collect(),
        bits.to_string().chars().map(full_width).collect(),
        address.to_string().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}")),
        format!("example.com@{address}"),
        format!("[{address}]"),
        format!("[::ffff:{address}]"),
        format!("[::FFFF:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{address}]"),
        format!("[::{address}]"),
        format!("[::{high:x}:{low:x}]"),
        format!("[::ffff:0:{address}]"),
        format!("[64:ff9b::{address}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[64:ff9b:1::{address}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::]"),
    ]
}

fn full_width(digit: char) -> char {
    match digit {
        '0'..='9' => char::from_u32(u32::from(digit) - u32::from('0') + 0xff10).unwrap_or(digit),
        other => other,
    }
}

fn is_accepted(host: &str) -> bool {
    ["https", "http"].into_iter().any(|scheme| {
        ["/", ":8443/x?y", ""]
            .into_iter()
            .any(|end| Target::parse(&format!("{scheme}://{host}{end}"), &Networks::default()).is_ok())
    })
}

proptest! {
    #[test]
    fn no_spelling_of_a_refused_ipv4_address_passes(address in refused_v4()) {
        prop_assert!(Networks::default().reach(address.into()).is_err());
        for spelling in spellings(address) {
            prop_assert!(!is_accepted(&spelling), "{}", spelling);
        }
    }

    #[test]
    fn no_spelling_of_a_refused_ipv6_address_passes(address in refused_v6()) {
        prop_assert!(Networks::default().reach(address.into()).is_err());
        let [a, b, c, d, e, f, g, h] = address.segments();
        let full = format!("{a:04X}:{b:04x}:{c:x}:{d:x}:{e:x}:{f:x}:{g:x}:{h:x}");
        for spelling in [format!("[{address}]"), format!("[{full}]"), format!("[{address}%25eth0]"), address.to_string(), full] {
            prop_assert!(!is_accepted(&spelling), "{}", spelling);
        }
    }

    #[test]
    fn whatever_lies_outside_the_refused_networks_passes_as_it_is_usually_written(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let is_refused = networks::<Ipv4Net>(REFUSED_V4).iter().any(|network| network.contains(&address));
        prop_assert_eq!(is_accepted(&address.to_string()), !is_refused);
        let usual = address.to_string();
        for spelling in spellings(address).iter().filter(|spelling| **spelling != usual) {
            // A gateway's prefix before a public address is one more address, and not one in disguise.
            prop_assert!(!is_accepted(spelling) || spelling.starts_with("[64:ff9b::") && !is_refused, "{}", spelling);
        }
    }

    #[test]
    fn whatever_lies_outside_the_refused_networks_passes_in_ipv6_too(bits in 0x2_u128 << 124..0x4_u128 << 124) {
        let address = Ipv6Addr::from(bits);
        let is_refused = networks::<Ipv6Net>(REFUSED_V6).iter().any(|network| network.contains(&address));
        prop_assert_eq!(is_accepted(&format!("[{address}]")), !is_refused);
    }

    #[test]
    fn a_target_that_passes_leads_where_it_says(text in "https?://[a-z0-9.:@%\\[\\]/?#\\\\x-]{0,24}", opened: bool) {
        let named: Vec<IpNet> = if opened { networks("127.0.0.0/8 ::1/128") } else { Vec::new() };
        let networks = Networks::with(named);
        if let Ok(target) = Target::parse(&text, &networks) {
            let rest = text.split_once("//").map_or("", |(_, rest)| rest);
            prop_assert!(rest.starts_with(target.host()) || rest.starts_with('['), "{} is {}", text, target.host());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,64}", host in "\\PC{0,32}") {
        let (none, some) = (Networks::default(), Networks::with(networks::<IpNet>("127.0.0.0/8")));
        for text in [text, format!("https://{host}"), format!("http://{host}/"), format!("https://[{host}]/")] {
            let _ = (Target::parse(&text, &none), Target::parse(&text, &some));
        }
    }
}
