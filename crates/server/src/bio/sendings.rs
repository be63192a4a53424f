//! How often forms are sent: so many a minute and so many an hour for each address and page.
//!
//! Two tables of fixed size, as for passwords ([`crate::redirect`]): each place is a window's number and how many it has
//! counted, and a keyed hash says who comes to which place. Two that share a place share its forms, which nobody can arrange
//! without the key. There is nothing to grow, to lock or to clean up, and no flood of addresses pushes anybody out.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use mask_core::{id::PageId, time::Time};
use siphasher::sip::SipHasher13;

use crate::clicks::visitor::octets;

/// An hour has as many forms as so many minutes.
const MINUTES_AN_HOUR: u64 = 6;
const PLACES: usize = 1 << 14;

/// See the module.
pub(super) struct Sendings {
    key: [u8; 16],
    minutes: Table,
    hours: Table,
}

/// There were too many; this many seconds until there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) retry_after_s: u64,
}

/// So many in each window, for each place that a hash names.
pub(crate) struct Table {
    seconds: i64,
    most: u64,
    /// The window in the upper half, what it counted in the lower.
    places: Box<[AtomicU64]>,
}

impl Table {
    pub(crate) fn new(seconds: i64, most: u64) -> Self {
        Self { seconds, most, places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn count(&self, hash: u64, now: Time) -> Result<(), TooMany> {
        let now_s = now.unix_seconds();
        let window = now_s.div_euclid(self.seconds).cast_unsigned() & u64::from(u32::MAX);
        let counted = |place: u64| {
            let forms = if place >> 32 == window { place & u64::from(u32::MAX) } else { 0 };
            (forms < self.most).then_some(window << 32 | (forms + 1))
        };
        let place = usize::try_from(hash & (PLACES as u64 - 1)).unwrap_or_default();
        match self.places[place].try_update(Ordering::Relaxed, Ordering::Relaxed, counted) {
            Ok(_) => Ok(()),
            Err(_) => Err(TooMany { retry_after_s: (self.seconds - now_s.rem_euclid(self.seconds)).cast_unsigned() }),
        }
    }
}

impl Sendings {
    pub(super) fn new(key: [u8; 16], a_minute: u32) -> Self {
        let a_minute = u64::from(a_minute);
        Self { key, minutes: Table::new(60, a_minute), hours: Table::new(3600, a_minute * MINUTES_AN_HOUR) }
    }

    /// Counts a form.
    pub(super) fn count(&self, from: IpAddr, page: PageId, now: Time) -> Result<(), TooMany> {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&octets(from));
        if from.is_ipv6() {
            // A home has a network of 2^64 addresses: the network is who sends.
            bytes[8..16].fill(0);
        }
        bytes[16..].copy_from_slice(&page.bits().to_le_bytes());
        let hash = SipHasher13::new_with_key(&self.key).hash(&bytes);
        // What is not taken now does not use up the hour.
        self.minutes.count(hash, now)?;
        self.hours.count(hash >> 32, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_MINUTE: u32 = 3;

    #[test]
    fn so_many_a_minute_and_an_hour() {
        let sendings = Sendings::new([7; 16], A_MINUTE);
        let (from, page) = (IpAddr::from([192, 0, 2, 1]), PageId::from_bits(1));
        let at = |seconds: i64| Time::from_unix_millis((1_774_360_800 + seconds) * 1000);
        for minute in 0..6 {
            for _ in 0..A_MINUTE {
                assert_eq!(sendings.count(from, page, at(minute * 60 + 17)), Ok(()));
            }
            if minute == 0 {
                assert_eq!(sendings.count(from, page, at(17)), Err(TooMany { retry_after_s: 43 }));
                assert_eq!(sendings.count(IpAddr::from([192, 0, 2, 2]), page, at(17)), Ok(()));
                assert_eq!(sendings.count(from, PageId::from_bits(2), at(17)), Ok(()));
            }
        }
        assert_eq!(sendings.count(from, page, at(3000)), Err(TooMany { retry_after_s: 600 }));
        assert_eq!(sendings.count(from, page, at(3600)), Ok(()));
    }

    #[test]
    fn a_network_of_version_6_is_one_sender() {
        let sendings = Sendings::new([7; 16], A_MINUTE);
        let (page, now) = (PageId::from_bits(1), Time::from_unix_millis(0));
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for _ in 0..A_MINUTE {
            assert_eq!(sendings.count(address("2001:db8::1"), page, now), Ok(()));
        }
        assert!(sendings.count(address("2001:db8::2"), page, now).is_err());
        assert!(sendings.count(address("2001:db8:0:1::1"), page, now).is_ok());
    }
}
