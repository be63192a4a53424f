//! Telling visitors apart without knowing them.
//!
//! A redirect may see an address; nothing behind it may. So the address is turned into a number on the spot, with a salt
//! that is replaced at each UTC midnight: once the salt is gone, the number stands for nobody, and not even we can try
//! addresses against it. The journal holds that number only. What is stored is another one, made from it, the owner and the
//! user agent, so that one person's visits to two owners cannot be joined.
//!
//! **Where a salt is.** In memory, and in one row of the database, so that a restart and a second node go on telling the
//! same visitors apart. The row holds the next day's too: a process that has read it once goes over midnight without the
//! database. A redirect never waits for either. When the day ends the salt in memory is dropped by the first visit or by
//! [`Salts::keep_current`], whichever comes first, and the row is overwritten by the latter; while the database is away at
//! midnight, and the next salt was not had before, one from memory serves until it is back.
//!
//! SipHash and not a faster hash: the first step is what stands between a stored number and an address, so it must be a
//! keyed one that nobody can run backwards. Rejected: hashing everything on the hot path, where the long user agent would
//! cost more than all the rest of the hash (the drain does that part); making each day's salt from a secret that stays, as
//! that secret would open all days.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use mask_core::{time::Time, workspace::Owner};
use mask_store::{Store, VisitorSalts};
use siphasher::sip::SipHasher13;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};

const DAY_MS: i64 = 86_400_000;

/// How often it is looked whether a new day has begun.
const LOOKING: Duration = Duration::from_secs(20);

type Key = [u8; 16];

/// A day's salt.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Salt {
    day: i64,
    key: Key,
}

impl Salt {
    fn new(day: i64) -> Self {
        Self { day, key: new_key() }
    }

    /// Stands for an address until the day ends.
    fn network(&self, address: IpAddr) -> u64 {
        SipHasher13::new_with_key(&self.key).hash(&octets(address))
    }
}

fn new_key() -> Key {
    let mut key = [0; 16];
    key.copy_from_slice(&clock::secret()[..16]);
    key
}

/// The salt of the day, one for all workers.
pub struct Salts {
    current: ArcSwap<Salt>,
    /// The salt of the day after, once it is known. Who changes the current one holds this.
    next: Mutex<Option<Salt>>,
}

impl Salts {
    /// Salts that begin with one from memory.
    pub fn new(now: Time) -> Arc<Self> {
        Arc::new(Self { current: ArcSwap::from_pointee(Salt::new(day(now))), next: Mutex::new(None) })
    }

    /// Stands for an address until the day ends. A clock that was set back stays with the newer salt.
    pub(crate) fn network(&self, now: Time, address: IpAddr) -> u64 {
        let salt = self.current.load();
        if day(now) <= salt.day { salt.network(address) } else { self.of_a_new_day(now).network(address) }
    }

    /// The first to come on a new day drops the old salt for good.
    #[cold]
    fn of_a_new_day(&self, now: Time) -> Salt {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let today = day(now);
        let current = **self.current.load();
        if today <= current.day {
            return current;
        }
        let salt = next.take().filter(|salt| salt.day == today).unwrap_or_else(|| Salt::new(today));
        self.current.store(Arc::new(salt));
        salt
    }

    /// Whether nothing is missing for this day and the next midnight.
    fn is_current(&self, now: Time) -> bool {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load().day;
        day(now) <= current && next.is_some_and(|next| next.day == current + 1)
    }

    /// Agrees with the database on the salt of this day and the next; what it says holds, and what it does not have yet it
    /// gets from here. Yesterday's salt is gone from both afterwards.
    pub async fn agree(&self, store: &Store, now: Time) -> Result<(), mask_store::Error> {
        if day(now) > self.current.load().day {
            self.of_a_new_day(now);
        }
        let Salt { day, key } = **self.current.load();
        let ours = VisitorSalts { day, today: key.to_vec(), tomorrow: new_key().to_vec() };
        let VisitorSalts { day, today, tomorrow } = store.visitor_salts(ours).await?;
        self.adopt(day, &today);
        self.adopt(day + 1, &tomorrow);
        Ok(())
    }

    fn adopt(&self, day: i64, key: &[u8]) {
        let Ok(key) = Key::try_from(key) else { return };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (salt, current) = (Salt { day, key }, **self.current.load());
        if day == current.day && salt != current {
            self.current.store(Arc::new(salt));
        } else if day == current.day + 1 {
            *next = Some(salt);
        }
    }

    /// Sees to it that each day has its salt and loses it at its end, until stopped.
    pub async fn keep_current(self: Arc<Self>, store: Store, clock: Clock, stop: CancellationToken) {
        let mut is_away = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOKING) => {}
            }
            let now = clock.now();
            if self.is_current(now) {
                continue;
            }
            let agreed = self.agree(&store, now).await;
            if let Err(error) = &agreed
                && !is_away
            {
                tracing::warn!(%error, "the salts of visitors in the database could not be moved on; this process goes on by those in memory");
            }
            is_away = agreed.is_err();
        }
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

    fn store(folder: &std::path::Path) -> Store {
        let options = mask_store::Options {
            location: mask_store::Location::Sqlite(folder),
            pool_size: 1,
            timeout: Duration::from_secs(5),
        };
        Store::open(&options).expect("a store")
    }

    const fn on_day(day: i64) -> Time {
        Time::from_unix_millis(DAY_MS * day)
    }

    #[test]
    fn a_salt_lasts_until_midnight_in_utc_and_does_not_come_back() {
        let salts = Salts::new(on_day(5));
        let last_moment = Time::from_unix_millis(DAY_MS * 6 - 1);
        let first = salts.network(last_moment, A);
        assert_eq!(first, salts.network(on_day(5), A));
        assert_ne!(first, salts.network(on_day(5), B));
        let second = salts.network(on_day(6), A);
        assert_ne!(first, second);
        assert_eq!(salts.network(last_moment, A), second, "a clock that is set back stays with the newer one");
    }

    #[tokio::test]
    async fn a_restart_and_a_second_node_tell_the_same_visitors_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        let (one, other) = (Salts::new(on_day(5)), Salts::new(on_day(5)));
        assert_ne!(one.network(on_day(5), A), other.network(on_day(5), A));
        for salts in [&one, &other] {
            assert!(!salts.is_current(on_day(5)));
            salts.agree(&store, on_day(5)).await.expect("the store works");
            assert!(salts.is_current(on_day(5)));
        }
        let first = one.network(on_day(5), A);
        assert_eq!(other.network(on_day(5), A), first);
        // Midnight passes, and nobody has asked the database yet.
        let second = one.network(on_day(6), A);
        assert_eq!(other.network(on_day(6), A), second);
        assert_ne!(first, second);
        assert!(!one.is_current(on_day(6)));
        one.agree(&store, on_day(6)).await.expect("the store works");
        let restarted = Salts::new(on_day(6));
        restarted.agree(&store, on_day(6)).await.expect("the store works");
        assert_eq!(restarted.network(on_day(6), A), second);
        assert_eq!(one.network(on_day(6), A), second);
        // A node that was away for days, and one whose clock is behind.
        let late = Salts::new(on_day(9));
        late.agree(&store, on_day(9)).await.expect("the store works");
        one.agree(&store, on_day(9)).await.expect("the store works");
        assert_eq!(one.network(on_day(9), A), late.network(on_day(9), A));
        let behind = Salts::new(on_day(8));
        behind.agree(&store, on_day(8)).await.expect("the store works");
        assert_eq!(behind.network(on_day(9), A), late.network(on_day(9), A), "it has the next day's already");
    }

    #[test]
    fn a_visitor_is_another_one_to_another_owner_or_with_another_browser() {
        let (one, two) = (Owner { workspace: 1, is_test: false }, Owner { workspace: 2, is_test: false });
        let numbers = [visitor(7, one, b"x"), visitor(7, two, b"x"), visitor(7, one, b"y"), visitor(8, one, b"x")];
        assert_eq!(numbers[0], visitor(7, one, b"x"));
        assert_eq!(std::collections::HashSet::from(numbers).len(), numbers.len());
    }
}
