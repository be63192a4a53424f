//! How often passwords are tried: so many a minute for each address and link, counted before any is checked.
//!
//! A table of fixed size, each place a minute and a number; who comes to which place is decided by a keyed hash. Two that
//! share a place share their tries, which nobody can arrange without the key, and which at worst asks somebody to wait a
//! minute. In return there is nothing to grow, to lock or to clean up, and nothing that a flood of addresses could push
//! out to get its tries back. Rejected: a map with a bound, which has to forget somebody.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use mask_core::{id::LinkId, time::Time};
use siphasher::sip::SipHasher13;

use crate::clicks::visitor::octets;

const PLACES: usize = 1 << 15;
const MINUTE_S: i64 = 60;

/// See the module.
pub(super) struct Attempts {
    key: [u8; 16],
    most_a_minute: u32,
    /// The minute in the upper half, the tries in the lower.
    places: Box<[AtomicU64]>,
}

/// There were too many; this many seconds until there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    pub(super) retry_after_s: u64,
}

impl Attempts {
    pub(super) fn new(key: [u8; 16], most_a_minute: u32) -> Self {
        Self { key, most_a_minute, places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts one try.
    pub(super) fn count(&self, address: IpAddr, link: LinkId, now: Time) -> Result<(), TooMany> {
        let seconds = now.unix_seconds();
        let minute = seconds.div_euclid(MINUTE_S).cast_unsigned() & u64::from(u32::MAX);
        let counted = |place: u64| {
            let tries = if place >> 32 == minute { place & u64::from(u32::MAX) } else { 0 };
            (tries < u64::from(self.most_a_minute)).then_some(minute << 32 | (tries + 1))
        };
        match self.place(address, link).try_update(Ordering::Relaxed, Ordering::Relaxed, counted) {
            Ok(_) => Ok(()),
            Err(_) => Err(TooMany { retry_after_s: (MINUTE_S - seconds.rem_euclid(MINUTE_S)).cast_unsigned() }),
        }
    }

    fn place(&self, address: IpAddr, link: LinkId) -> &AtomicU64 {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&octets(address));
        if address.is_ipv6() {
            // A home has a network of 2^64 addresses: the network is who tries.
            bytes[8..16].fill(0);
        }
        bytes[16..].copy_from_slice(&link.bits().to_le_bytes());
        let place = SipHasher13::new_with_key(&self.key).hash(&bytes) & (PLACES as u64 - 1);
        &self.places[usize::try_from(place).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_for_each_address_and_link() {
        let attempts = Attempts::new([7; 16], 3);
        let (a, b) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let (one, two) = (LinkId::from_bits(1), LinkId::from_bits(2));
        let now = Time::from_unix_millis(1_774_360_817_000);
        for _ in 0..3 {
            assert_eq!(attempts.count(a, one, now), Ok(()));
        }
        assert_eq!(attempts.count(a, one, now), Err(TooMany { retry_after_s: 43 }));
        assert_eq!(attempts.count(b, one, now), Ok(()));
        assert_eq!(attempts.count(a, two, now), Ok(()));
        assert_eq!(attempts.count(a, one, Time::from_unix_millis(1_774_360_860_000)), Ok(()));
    }

    #[test]
    fn a_network_of_version_6_is_one_who_tries() {
        let attempts = Attempts::new([7; 16], 1);
        let (link, now) = (LinkId::from_bits(1), Time::from_unix_millis(0));
        assert!(attempts.count("2001:db8::1".parse().expect("an address"), link, now).is_ok());
        assert!(attempts.count("2001:db8::2".parse().expect("an address"), link, now).is_err());
        assert!(attempts.count("2001:db8:0:1::1".parse().expect("an address"), link, now).is_ok());
    }
}
