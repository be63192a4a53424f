//! How often passwords and codes are tried, and letters asked for: bounded before anything is hashed, looked up or mailed.
//!
//! For each account, whoever tries, and for each address, whatever it tries; so many a minute, and ten times as many an hour.
//! An account is named by its address, as it was typed where that is none, so one that is not there is bounded like one that is,
//! and another spelling of an address is no other account. Tables of fixed size count, as
//! for forms and links' passwords. Each node counts for itself: somebody who finds all nodes has as many tries as there are
//! nodes, which changes nothing about what can be guessed.
//!
//! Strangers can use up the tries of an account: that is the price of bounding what many addresses try together. It signs nobody
//! out, and keeps nobody out who comes with a browser in which they were let in before ([`Browser`]), or whose password was right
//! already: those have tries of their own.
//!
//! [`Browser`]: super::browser::Browser

use std::net::IpAddr;

use mask_core::{id::UserId, mail::Address, time::Time};
use siphasher::sip::SipHasher13;

use super::Visitor;

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
    /// Of browsers that were let in before, and of people whose password was right.
    acquainted: Windows,
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
            acquainted: Windows::new(most),
            addresses: Windows::new(most * PEOPLE_AT_AN_ADDRESS),
            letters: Windows::new(LETTERS_A_MINUTE),
        }
    }

    /// Counts a try of a password by whoever comes.
    pub(super) fn count(&self, visitor: &Visitor, account: &str, now: Time) -> Result<(), ApiError> {
        let account = Address::parse(account).map_or_else(|_| account.trim().to_ascii_lowercase(), |known| known.key());
        match visitor.browser.as_ref().filter(|browser| browser.is_of(&account)) {
            Some(browser) => self.judge(visitor.address, &self.acquainted, &browser.name, now),
            None => self.judge(visitor.address, &self.accounts, &account, now),
        }
    }

    /// Counts a try of a password by somebody who is signed in as this person.
    pub(super) fn count_in_person(&self, visitor: &Visitor, user: UserId, now: Time) -> Result<(), ApiError> {
        self.judge(visitor.address, &self.acquainted, &format!("password {user}"), now)
    }

    /// Counts a try of a code by somebody who has shown already that they are this person, or half of it.
    pub(super) fn count_code(&self, visitor: &Visitor, user: UserId, now: Time) -> Result<(), ApiError> {
        self.judge(visitor.address, &self.acquainted, &format!("code {user}"), now)
    }

    fn judge(&self, from: IpAddr, windows: &Windows, who: &str, now: Time) -> Result<(), ApiError> {
        let who = SipHasher13::new_with_key(&self.key).hash(who.as_bytes());
        let counted = self.addresses.count(self.of(from), now).and_then(|()| windows.count(who, now));
        counted.map_err(|TooMany { retry_after_s }| {
            metrics::counter!("mask_sign_in_limited_total").increment(1);
            let message = format!("Too many tries. Try again in {retry_after_s} seconds.");
            ApiError::too_many_at_once(message, retry_after_s)
        })
    }

    /// Counts a letter that somebody asks for.
    pub(super) fn count_letter(&self, from: IpAddr, now: Time) -> Result<(), ApiError> {
        self.count_wish(from, now, "Too many letters were asked for.")
    }

    /// Counts an account that somebody asks for, with the letters: where any are sent, one goes out with it.
    pub(super) fn count_sign_up(&self, from: IpAddr, now: Time) -> Result<(), ApiError> {
        self.count_wish(from, now, "Too many accounts were asked for from your address.")
    }

    fn count_wish(&self, from: IpAddr, now: Time, what: &str) -> Result<(), ApiError> {
        self.letters.count(self.of(from), now).map_err(|TooMany { retry_after_s }| {
            ApiError::too_many_at_once(format!("{what} Try again in {retry_after_s} seconds."), retry_after_s)
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
    use super::{super::browser::Browser, *};

    fn from(last: u8) -> Visitor {
        Visitor {
            address: [192, 0, 2, last].into(),
            device: String::new(),
            had: Vec::new(),
            browser: None,
            request: crate::clock::request_id(),
            country: None,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis((1_774_360_800 + seconds) * 1000)
    }

    fn waits(counted: Result<(), ApiError>) -> Option<u64> {
        counted.err().and_then(|error| error.retry_after_seconds)
    }

    #[test]
    fn accounts_and_addresses_are_bounded() {
        let tries = Tries::per_minute(2, [7; 16]);
        let wait = |from: Visitor, account, now| waits(tries.count(&from, account, now));
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
    fn who_was_let_in_before_is_kept_out_by_nobody() {
        let tries = Tries::per_minute(2, [7; 16]);
        let of = |last, name: &str| Visitor { browser: Some(Browser::known(name, "ada@e.com")), ..from(last) };
        for stranger in 1..=3 {
            let _ = tries.count(&from(stranger), "ada@e.com", at(17));
        }
        assert_eq!(waits(tries.count(&from(4), "ada@e.com", at(17))), Some(43));
        for _ in 0..2 {
            assert_eq!(waits(tries.count(&of(5, "a"), "Ada@e.com", at(17))), None);
        }
        assert_eq!(waits(tries.count(&of(6, "a"), "ada@e.com", at(17))), Some(43), "it has no more than others have");
        assert_eq!(waits(tries.count(&of(6, "b"), "ada@e.com", at(17))), None, "each has its own");
        let _ = (tries.count(&from(7), "bob@e.com", at(17)), tries.count(&from(7), "bob@e.com", at(17)));
        assert_eq!(waits(tries.count(&of(8, "c"), "bob@e.com", at(17))), Some(43), "it is known as somebody else");
        let ada = UserId::from_bits(1);
        assert_eq!(waits(tries.count_in_person(&from(9), ada, at(17))), None);
    }

    #[test]
    fn an_hour_has_fewer_than_its_minutes() {
        let tries = Tries::per_minute(2, [7; 16]);
        let taken = (0..60_u8).filter(|minute| {
            let now = Time::from_unix_millis((1_774_360_800 + i64::from(*minute) * 60) * 1000);
            tries.count(&from(*minute), "ada@e.com", now).is_ok()
        });
        assert_eq!(taken.count(), 20);
    }

    #[test]
    fn letters_are_bounded() {
        let tries = Tries::per_minute(100, [7; 16]);
        let (now, address) = (Time::from_unix_millis(0), IpAddr::from([192, 0, 2, 1]));
        let asked = (0..20).filter(|_| tries.count_letter(address, now).is_ok());
        assert_eq!(asked.count(), 5);
        // Whoever asks for an account is told of accounts: there may be no mail at all.
        let refused = tries.count_sign_up(address, now).expect_err("a letter goes with it where there are some");
        assert_eq!(refused.message, "Too many accounts were asked for from your address. Try again in 60 seconds.");
        assert_eq!(refused.retry_after_seconds, Some(60));
    }
}
