//! The rate limit: so many requests for each caller within each whole minute.
//!
//! A fixed window, as the contract says: its end can be told exactly, and so can what remains of it. All counts of a
//! minute are dropped with it, so memory is bounded by the callers of one minute; and those are bounded too, as the
//! addresses of clients without a key share counts when there are very many.
//!
//! Several nodes have one limit: see [`nodes`].

pub mod nodes;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hyper::{HeaderMap, header::HeaderValue};
use mask_core::{
    id::{KeyId, UserId},
    time::Time,
};

const WINDOW_SECONDS: i64 = 60;
const SHARDS: usize = 16;
/// Most callers that one shard tells apart; above it, new ones share counts by their hash.
const MOST_CALLERS: usize = 20_000;

/// Who a request is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A valid key.
    Key(KeyId),
    /// Somebody who is signed in, in all their browsers together.
    Person(UserId),
    /// Whoever has none: by address, or its network where an address means nothing (the first 64 bits of IPv6).
    Address(IpAddr),
    /// One of those beyond [`MOST_CALLERS`].
    Crowd(u16),
}

impl Caller {
    /// The caller with this address.
    pub fn at(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Address(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Address(IpAddr::V6(network.into()))
            }
        }
    }
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    limit: u32,
    used: u32,
    /// Unix second at which the window ends.
    reset: i64,
    now: i64,
}

impl Standing {
    /// Whether the request is within the limit.
    pub const fn is_within(&self) -> bool {
        self.limit == 0 || self.used <= self.limit
    }

    /// Seconds until the window ends; at least one.
    pub fn retry_after_seconds(&self) -> u64 {
        u64::try_from(self.reset - self.now).unwrap_or(0).max(1)
    }

    /// Writes the documented headers, and beside them those of the IETF's draft
    /// (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn write(&self, headers: &mut HeaderMap) {
        if self.limit == 0 {
            return;
        }
        let (remaining, seconds) = (self.limit.saturating_sub(self.used), self.retry_after_seconds());
        headers.insert("x-ratelimit-limit", self.limit.into());
        headers.insert("x-ratelimit-remaining", remaining.into());
        headers.insert("x-ratelimit-reset", self.reset.into());
        for (name, text) in [
            ("ratelimit-policy", format!("\"minute\";q={};w={WINDOW_SECONDS}", self.limit)),
            ("ratelimit", format!("\"minute\";r={remaining};t={seconds}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Counts requests.
#[derive(Debug)]
pub struct Limits {
    /// 0 is no limit.
    per_minute: u32,
    shards: [Mutex<Window>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    counts: HashMap<Caller, Made>,
}

/// The requests of a caller.
#[derive(Clone, Copy, Debug, Default)]
struct Made {
    /// As far as is known here, on all nodes.
    all: u32,
    /// Those of them that no other node can know of yet.
    untold: u32,
}

impl Limits {
    /// So many requests a minute for each caller; 0 is no limit.
    pub fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, shards: Default::default(), hasher: RandomState::new() }
    }

    /// Counts a request.
    pub fn count(&self, caller: Caller, now: Time) -> Standing {
        self.standing(caller, now, |counts, caller| {
            let made = counts.entry(caller).or_default();
            made.all = made.all.saturating_add(1);
            made.untold = made.untold.saturating_add(1);
            made.all
        })
    }

    /// Where a caller stands, without counting anything.
    pub fn look(&self, caller: Caller, now: Time) -> Standing {
        self.standing(caller, now, |counts, caller| counts.get(&caller).map_or(0, |made| made.all))
    }

    fn standing(
        &self,
        caller: Caller,
        now: Time,
        used: impl FnOnce(&mut HashMap<Caller, Made>, Caller) -> u32,
    ) -> Standing {
        let (seconds, minute) = (now.unix_seconds(), minute_of(now));
        let hash = self.hasher.hash_one(caller);
        let mut window = self.window(hash);
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let caller = match caller {
            Caller::Address(_) if window.counts.len() >= MOST_CALLERS && !window.counts.contains_key(&caller) => {
                Caller::Crowd((hash >> 48) as u16)
            }
            known => known,
        };
        let used = used(&mut window.counts, caller);
        Standing { limit: self.per_minute, used, reset: (minute + 1) * WINDOW_SECONDS, now: seconds }
    }

    fn window(&self, hash: u64) -> MutexGuard<'_, Window> {
        let shard = &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The minute of a moment: how many have passed since 1970.
pub fn minute_of(at: Time) -> i64 {
    at.unix_seconds().div_euclid(WINDOW_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn a_window_is_a_whole_minute() {
        let limits = Limits::per_minute(2);
        let (one, other) = (Caller::Key(KeyId::from_bits(1)), Caller::Key(KeyId::from_bits(2)));
        assert!(limits.count(one, at(60)).is_within());
        assert!(limits.count(one, at(61)).is_within());
        let over = limits.count(one, at(108));
        assert_eq!((over.is_within(), over.retry_after_seconds(), over.reset), (false, 12, 120));
        assert!(limits.count(other, at(108)).is_within());
        assert!(limits.count(one, at(120)).is_within());
        assert!((0..10).all(|_| Limits::per_minute(0).count(one, at(0)).is_within()));
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let caller = |text: &str| Caller::at(text.parse().expect("an address"));
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::ffff"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded() {
        let limits = Limits::per_minute(1000);
        for address in 0..2_000_000_u32 {
            limits.count(Caller::Address(IpAddr::V4(address.into())), at(0));
        }
        let callers: usize =
            limits.shards.iter().map(|shard| shard.lock().map_or(0, |window| window.counts.len())).sum();
        assert!(callers <= SHARDS * MOST_CALLERS + 65_536 * SHARDS);
    }
}
