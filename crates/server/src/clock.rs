//! Time and chance: the only place that reads either. Everything else is handed them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use mask_core::{id, request::RequestId, time::Time};
use rand::Rng;

/// Tells the time: the system's, or in tests one that is set by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    by_hand: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { by_hand: None }
    }

    /// A clock that stands still at this moment until it is moved.
    pub fn by_hand(start: Time) -> Self {
        Self { by_hand: Some(Arc::new(AtomicI64::new(start.unix_millis()))) }
    }

    /// Moves a clock that was made [`by_hand`](Self::by_hand); the system's goes on by itself.
    pub fn advance(&self, span: Duration) {
        if let Some(millis) = &self.by_hand {
            millis.fetch_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    /// This moment.
    pub fn now(&self) -> Time {
        match &self.by_hand {
            Some(millis) => Time::from_unix_millis(millis.load(Ordering::Relaxed)),
            None => Time::from_unix_millis(system_millis()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn system_millis() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Makes ids: each larger than the one before it, even within a millisecond, and none to be guessed from another.
#[derive(Debug, Default)]
pub struct Ids {
    last: Mutex<u128>,
}

impl Ids {
    /// The bits of the next id.
    pub fn next(&self, now: Time) -> u128 {
        let mut chance = rand::rng();
        let new = id::at(now, chance.next_u128());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A step of up to 2^40 keeps what follows as hard to guess as a long password, and never reaches the next
        // millisecond's ids within any number of them that a machine could make.
        *last = if new > *last { new } else { *last + 1 + u128::from(chance.next_u64() >> 24) };
        *last
    }
}

trait NextU128 {
    fn next_u128(&mut self) -> u128;
}

impl<T: Rng> NextU128 for T {
    fn next_u128(&mut self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }
}

/// A number below `bound`, evenly spread, that nobody can guess.
pub fn below(bound: usize) -> usize {
    rand::RngExt::random_range(&mut rand::rng(), 0..bound)
}

/// A number, evenly spread, that nobody can guess.
pub fn number() -> u64 {
    rand::rng().next_u64()
}

/// Secret bytes.
pub fn secret() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// The id of a new request. It names the request in logs and is no secret, so a fast source will do.
pub fn request_id() -> RequestId {
    RequestId::of(fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_moment_grow() {
        let (ids, now) = (Ids::default(), Time::from_unix_millis(1_700_000_000_000));
        let made: Vec<_> = (0..10_000).map(|_| ids.next(now)).collect();
        assert!(made.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn ids_do_not_go_back_with_the_clock() {
        let ids = Ids::default();
        let first = ids.next(Time::from_unix_millis(2000));
        assert!(ids.next(Time::from_unix_millis(1000)) > first);
    }
}
