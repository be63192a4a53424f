//! Telling visitors apart without knowing them.
//!
//! A redirect may see an address; nothing behind it may. So the address is turned into a number on the spot, with a salt
//! that lives in memory and is replaced at each UTC midnight: once the salt is gone, the number stands for nobody, and
//! not even we can try addresses against it. The journal holds that number only. What is stored is another one, made
//! from it, the owner and the user agent, so that one person's visits to two owners cannot be joined.
//!
//! SipHash and not a faster hash: the first step is what stands between a stored number and an address, so it must be a
//! keyed one that nobody can run backwards. Rejected: hashing everything on the hot path, where the long user agent would
//! cost more than all the rest of the hash; the drain does that part.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use mask_core::{time::Time, workspace::Owner};
use siphasher::sip::SipHasher13;

use crate::clock;

const DAY_MS: i64 = 86_400_000;

/// A day's salt. Copied into each worker, which asks for the next one when the day ends.
#[derive(Clone, Copy)]
pub(crate) struct Salt {
    day: i64,
    key: [u8; 16],
}

impl Salt {
    fn new(day: i64) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&clock::secret()[..16]);
        Self { day, key }
    }

    /// Whether this is the salt for that moment. A clock that was set back stays with the newer one.
    pub(crate) fn is_for(&self, now: Time) -> bool {
        day(now) <= self.day
    }

    /// Stands for an address until the day ends.
    pub(crate) fn network(&self, address: IpAddr) -> u64 {
        SipHasher13::new_with_key(&self.key).hash(&octets(address))
    }
}

/// The salt of the day, one for all workers.
pub(crate) struct Salts(Mutex<Salt>);

impl Salts {
    pub(crate) fn new(now: Time) -> Self {
        Self(Mutex::new(Salt::new(day(now))))
    }

    /// The salt for this moment; the first to ask on a new day replaces the old one for good.
    pub(crate) fn at(&self, now: Time) -> Salt {
        let mut salt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !salt.is_for(now) {
            *salt = Salt::new(day(now));
        }
        *salt
    }
}

/// The number that is stored for a visitor: the same for a day, for one owner, address and user agent.
pub(super) fn visitor(network: u64, owner: Owner, user_agent: &[u8]) -> i64 {
    SipHasher13::new_with_keys(network, owner.number().cast_unsigned()).hash(user_agent).cast_signed()
}

/// An address as sixteen bytes; one of IPv4 in its mapped form.
pub(crate) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn day(now: Time) -> i64 {
    now.unix_millis().div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_salt_lasts_until_midnight_in_utc_and_does_not_come_back() {
        let salts = Salts::new(Time::from_unix_millis(DAY_MS * 5));
        let first = salts.at(Time::from_unix_millis(DAY_MS * 6 - 1));
        assert_eq!(first.network(A), salts.at(Time::from_unix_millis(DAY_MS * 5)).network(A));
        assert_ne!(first.network(A), first.network(B));
        let second = salts.at(Time::from_unix_millis(DAY_MS * 6));
        assert!(!first.is_for(Time::from_unix_millis(DAY_MS * 6)) && second.is_for(Time::from_unix_millis(DAY_MS * 6)));
        assert_ne!(first.network(A), second.network(A));
        let set_back = salts.at(Time::from_unix_millis(DAY_MS * 5));
        assert_eq!(set_back.network(A), second.network(A));
    }

    #[test]
    fn a_visitor_is_another_one_to_another_owner_or_with_another_browser() {
        let (one, two) = (Owner { workspace: 1, is_test: false }, Owner { workspace: 2, is_test: false });
        let numbers = [visitor(7, one, b"x"), visitor(7, two, b"x"), visitor(7, one, b"y"), visitor(8, one, b"x")];
        assert_eq!(numbers[0], visitor(7, one, b"x"));
        assert_eq!(std::collections::HashSet::from(numbers).len(), numbers.len());
    }
}
