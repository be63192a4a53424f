//! Click limits: exactly as many redirects as a link's owner allows, on one node.
//!
//! A limited link has one counter in this process ([`Used`]), shared by everything that holds the link: entries in
//! memory, and answers on their way. A click that counts takes its turn by one atomic step below the limit, and is then
//! appended to the journal, all without a pause between. The counter lives for as long as anybody holds it.
//!
//! **Why the number is right when a counter begins.** It begins with the store's number of clicks after the drain has
//! counted everything that was in the journal. Only a holder of a counter of the link can append a limited click, and it
//! holds the counter until it has. So when there is no living counter, every click ever taken is in the journal; the
//! flush that follows brings them into the store; and none can come in between, because whoever could take one would
//! need the very counter that is being built, and counters of one link are built one at a time.
//!
//! **What it does not say.** A redirect that is being answered at the moment when a link *gets* its first limit is one of
//! the time before. A click that the journal had no room for is unknown to the next counter. Other nodes have counters of
//! their own, which is why the contract promises exactness on one; each learns how many the store
//! has counted, which is all but what happened within a second ([`super::follow`]).
//!
//! Rejected: taking turns in the database (a write for each redirect), and counters that are kept for ever (a map that
//! only grows).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use mask_core::id::LinkId;

/// Links that begin at the same time share a lock with a sixty-fourth of all others, not with all.
const STRIPES: usize = 64;
/// The map is cleaned when it has grown to twice what lived in it, and not below this.
const CLEANED_AT_LEAST: usize = 1024;

/// How many clicks of a link count so far.
#[derive(Debug)]
pub(super) struct Used(AtomicI64);

impl Used {
    /// Takes a click, if there is one left.
    pub(super) fn take(&self, limit: i64) -> bool {
        let next = |used: i64| (used < limit).then(|| used + 1);
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// So many were taken at least: other nodes have counted theirs.
    fn learn(&self, clicks: i64) {
        self.0.fetch_max(clicks, Ordering::Relaxed);
    }

    /// Whether none is left.
    pub(super) fn has_reached(&self, limit: i64) -> bool {
        self.0.load(Ordering::Relaxed) >= limit
    }
}

/// The counters of this process.
pub(super) struct Limits {
    living: Mutex<Living>,
    building: [tokio::sync::Mutex<()>; STRIPES],
}

struct Living {
    counters: HashMap<LinkId, Weak<Used>>,
    cleaned_at: usize,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            living: Mutex::new(Living { counters: HashMap::new(), cleaned_at: CLEANED_AT_LEAST }),
            building: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    /// The link's counter. Where none lives, it begins at `clicks`, which must count all that was appended to the journal
    /// before it is called.
    pub(super) async fn counter<E>(
        &self,
        link: LinkId,
        clicks: impl Future<Output = Result<i64, E>>,
    ) -> Result<Arc<Used>, E> {
        let _alone = self.building[stripe(link)].lock().await;
        if let Some(used) = self.living(link) {
            return Ok(used);
        }
        // It is there before the clicks are read, so that what others count meanwhile is not lost to it.
        let used = Arc::new(Used(AtomicI64::new(0)));
        self.keep(link, &used);
        used.learn(clicks.await?);
        Ok(used)
    }

    /// A link has so many clicks by now, those of other nodes with them. Where nobody holds its counter, the next one begins there.
    pub(super) fn learn(&self, link: LinkId, clicks: i64) {
        if let Some(used) = self.living(link) {
            used.learn(clicks);
        }
    }

    fn living(&self, link: LinkId) -> Option<Arc<Used>> {
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        living.counters.get(&link)?.upgrade()
    }

    fn keep(&self, link: LinkId, used: &Arc<Used>) {
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        living.counters.insert(link, Arc::downgrade(used));
        if living.counters.len() >= living.cleaned_at {
            living.counters.retain(|_, used| used.strong_count() > 0);
            living.cleaned_at = (2 * living.counters.len()).max(CLEANED_AT_LEAST);
        }
    }
}

fn stripe(link: LinkId) -> usize {
    // The low bits of an id are chance.
    usize::try_from(link.bits() % STRIPES as u128).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId::from_bits(5);

    async fn counter(limits: &Limits, clicks: i64) -> Arc<Used> {
        let Ok(used) = limits.counter(LINK, async { Ok::<_, std::convert::Infallible>(clicks) }).await;
        used
    }

    #[tokio::test]
    async fn as_many_as_allowed_from_many_threads() {
        let used = counter(&Limits::new(), 300).await;
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (0..500).filter(|_| used.take(1000)).count())).collect();
            threads.into_iter().map(|thread| thread.join().expect("a count")).sum()
        });
        assert_eq!(taken, 700);
        assert!(used.has_reached(1000) && !used.has_reached(1001));
        assert!(used.take(1001), "a limit that is raised");
    }

    #[tokio::test]
    async fn a_counter_is_one_while_anybody_holds_it() {
        let limits = Limits::new();
        let first = counter(&limits, 0).await;
        assert!(first.take(1));
        assert!(!counter(&limits, 0).await.take(1), "the same one");
        drop(first);
        assert!(counter(&limits, 0).await.take(1), "a new one");
    }

    #[tokio::test]
    async fn what_others_have_counted_is_taken() {
        let limits = Limits::new();
        limits.learn(LINK, 9);
        let used = counter(&limits, 2).await;
        limits.learn(LINK, 5);
        limits.learn(LINK, 3);
        assert!(!used.take(5) && used.take(6), "five at least");
        limits.learn(LINK, 6);
        assert!(used.take(7), "what is counted late is no click more");
        drop(used);
        let reading = async {
            limits.learn(LINK, 9);
            Ok::<_, std::convert::Infallible>(7)
        };
        let Ok(used) = limits.counter(LINK, reading).await;
        assert!(!used.take(9), "also while it begins");
    }

    #[tokio::test]
    async fn counters_of_one_link_begin_one_at_a_time() {
        let limits = Limits::new();
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let slow = limits.counter(LINK, async { gate.await.map(|()| 3) });
        let quick = async {
            go.send(()).expect("somebody who waits");
            limits.counter(LINK, async { Ok::<i64, tokio::sync::oneshot::error::RecvError>(9) }).await
        };
        let (slow, quick) = tokio::join!(slow, quick);
        assert!(Arc::ptr_eq(&slow.expect("a counter"), &quick.expect("a counter")));
    }

    #[tokio::test]
    async fn an_error_leaves_nothing_behind() {
        let limits = Limits::new();
        assert!(limits.counter(LINK, async { Err::<i64, _>("away") }).await.is_err());
        assert!(counter(&limits, 1).await.has_reached(1));
    }

    #[tokio::test]
    async fn dead_counters_are_cleaned_away() {
        let limits = Limits::new();
        for number in 0..10 * CLEANED_AT_LEAST as u128 {
            let link = LinkId::from_bits(number);
            let Ok(_) = limits.counter(link, async { Ok::<_, std::convert::Infallible>(0) }).await;
        }
        assert!(limits.living.lock().expect("the map").counters.len() <= CLEANED_AT_LEAST);
    }
}
