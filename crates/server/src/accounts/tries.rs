//! How often passwords and codes are tried, and letters asked for: bounded before anything is hashed, looked up or mailed.
//!
//! For each account, whoever tries, and for each address, whatever it tries; so many a minute, and ten times as many an hour.
//! An account is named by its address, as it was typed where that is none, so one that is not there is bounded like one that is,
//! and another spelling of an address is no other account. Tables of fixed size count, as
//! for forms and links' passwords. Each node counts for itself: somebody who finds all nodes has as many tries as there are
//! nodes, which changes nothing about what can be guessed.
//!
//! That strangers can use up an account's minute is the price of bounding what many addresses try together. It ends with the
//! minute, or the hour, and signs nobody out.

use std::net::IpAddr;

use mask_core::{mail::Address, time::Time};
use siphasher::sip::SipHasher13;

use crate::{
    api::error::ApiError,
    bio::sendings::{Table, TooMany},
    clicks::visitor::octets,
};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3600;
/// An hour may have this many minutes' worth of tries.
const MINUTES_AN_HOUR: u64 = 10;
/// One address may try for several people: a company has one.
const PEOPLE_AT_AN_ADDRESS: u64 = 3;
/// Most letters that an address may ask for in a minute.
const LETTERS_A_MINUTE: u64 = 5;

/// See the module.
pub(super) struct Tries {
    key: [u8; 16],
    accounts: Windows,
    addresses: Windows,
    letters: Windows,
}

struct Windows {
    minutes: Table,
    hours: Table,
}

impl Windows {
    fn new(a_minute: u64) -> Self {
        Self { minutes: Table::new(MINUTE_S, a_minute), hours: Table::new(HOUR_S, MINUTES_AN_HOUR * a_minute) }
    }

    fn count(&self, hash: u64, now: Time) -> Result<(), TooMany> {
        // What is not taken now does not use up the hour.
        self.minutes.count(hash, now)?;
        self.hours.count(hash >> 32, now)
    }
}

impl Tries {
    /// At most this many a minute for each account; the key decides who shares a place.
    pub(super) fn per_minute(most: u32, key: [u8; 16]) -> Self {
        let most = u64::from(most);
        Self {
            key,
            accounts: Windows::new(most),
            addresses: Windows::new(most * PEOPLE_AT_AN_ADDRESS),
            letters: Windows::new(LETTERS_A_MINUTE),
        }
    }

    /// Counts a try of a password or a code.
    pub(super) fn count(&self, from: IpAddr, account: &str, now: Time) -> Result<(), ApiError> {
        let account = Address::parse(account).map_or_else(|_| account.trim().to_ascii_lowercase(), |known| known.key());
        let account = SipHasher13::new_with_key(&self.key).hash(account.as_bytes());
        let counted = self.addresses.count(self.of(from), now).and_then(|()| self.accounts.count(account, now));
        counted.map_err(|TooMany { retry_after_s }| {
            metrics::counter!("mask_sign_in_limited_total").increment(1);
            let message = format!("Too many tries. Try again in {retry_after_s} seconds.");
            ApiError::too_many_at_once(message, retry_after_s)
        })
    }

    /// Counts a letter that somebody asks for.
    pub(super) fn count_letter(&self, from: IpAddr, now: Time) -> Result<(), ApiError> {
        self.letters.count(self.of(from), now).map_err(|TooMany { retry_after_s }| {
            let message = format!("Too many letters were asked for. Try again in {retry_after_s} seconds.");
            ApiError::too_many_at_once(message, retry_after_s)
        })
    }

    fn of(&self, from: IpAddr) -> u64 {
        let mut bytes = octets(from);
        if from.is_ipv6() {
            // A home has a network of 2^64 addresses: the network is who tries.
            bytes[8..].fill(0);
        }
        SipHasher13::new_with_key(&self.key).hash(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_addresses_are_bounded() {
        let tries = Tries::per_minute(2, [7; 16]);
        let at = |seconds: i64| Time::from_unix_millis((1_774_360_800 + seconds) * 1000);
        let from = |last: u8| IpAddr::from([192, 0, 2, last]);
        let wait =
            |from, account, now| tries.count(from, account, now).err().and_then(|error| error.retry_after_seconds);
        assert_eq!((wait(from(1), "ada@e.com", at(17)), wait(from(2), " ADA@e.com", at(17))), (None, None));
        assert_eq!(wait(from(3), "ada@e.com", at(17)), Some(43), "from a third address too");
        for spelling in ["ada@ｅ.com", "ada@e。com", "ada@e\u{ad}.com", "Ada@E.COM"] {
            assert_eq!(wait(from(3), spelling, at(17)), Some(43), "{spelling} is the same account");
        }
        for account in ["a", "b", "c", "d", "e"] {
            assert_eq!(wait(from(1), account, at(17)), None);
        }
        assert_eq!(wait(from(1), "f", at(17)), Some(43), "whatever it tries");
        assert_eq!(wait(from(4), "f", at(17)), None);
        assert_eq!(wait(from(3), "ada@e.com", at(60)), None);
    }

    #[test]
    fn an_hour_has_fewer_than_its_minutes() {
        let tries = Tries::per_minute(2, [7; 16]);
        let taken = (0..60_u8).filter(|minute| {
            let now = Time::from_unix_millis((1_774_360_800 + i64::from(*minute) * 60) * 1000);
            tries.count(IpAddr::from([192, 0, 2, *minute]), "ada@e.com", now).is_ok()
        });
        assert_eq!(taken.count(), 20);
    }

    #[test]
    fn letters_are_bounded() {
        let tries = Tries::per_minute(100, [7; 16]);
        let now = Time::from_unix_millis(0);
        let asked = (0..20).filter(|_| tries.count_letter(IpAddr::from([192, 0, 2, 1]), now).is_ok());
        assert_eq!(asked.count(), 5);
    }
}
