//! The one thread that puts the journal on the disk and keeps a spare segment ready.
//!
//! It comes round at each interval, and at once when somebody waits: with `clicks.durability = "power"` a redirect waits
//! here, and while one `fdatasync` runs those that come meanwhile gather for the next (group commit), so the wait is one
//! or two of them and not an interval.
//!
//! A wait ends with an error rather than never: a disk that fails twice in a row keeps no promise, and a visitor is worth
//! more than the record of the visit. The redirect goes on, and the caller counts it.
//!
//! Rejected: syncing on the runtimes. `fdatasync` blocks for milliseconds, in which no redirect would be answered.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use mask_journal::{Journal, Ticket};
use tokio::sync::watch;

/// Nobody can say whether the record is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be put on the disk")]
pub struct Unsynced;

/// The syncing thread, as others see it. When the last clone goes, the thread ends after one more sync.
#[derive(Clone)]
pub struct SyncHandle(Arc<Owned>);

struct Owned {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    journal: Arc<Journal>,
    interval: Duration,
    asked: Mutex<Asked>,
    wake: Condvar,
    rounds: watch::Sender<Rounds>,
}

#[derive(Default)]
struct Asked {
    to_sync: bool,
    to_stop: bool,
}

/// What the thread has done so far.
#[derive(Clone, Copy, Default)]
struct Rounds {
    failed: u64,
    is_over: bool,
}

/// Starts the thread, named `mask-journal`.
pub fn start_syncer(journal: Arc<Journal>, interval: Duration) -> io::Result<SyncHandle> {
    let shared = Arc::new(Shared {
        journal,
        interval,
        asked: Mutex::default(),
        wake: Condvar::new(),
        rounds: watch::Sender::new(Rounds::default()),
    });
    let thread = thread::Builder::new().name("mask-journal".into()).spawn({
        let shared = Arc::clone(&shared);
        move || shared.run()
    })?;
    Ok(SyncHandle(Arc::new(Owned { shared, thread: Mutex::new(Some(thread)) })))
}

impl SyncHandle {
    /// Waits until this record survives a loss of power.
    pub async fn wait_synced(&self, ticket: Ticket) -> Result<(), Unsynced> {
        let shared = &self.0.shared;
        let mut rounds = shared.rounds.subscribe();
        let failed_before = rounds.borrow_and_update().failed;
        loop {
            if shared.journal.is_synced(ticket) {
                return Ok(());
            }
            // The first failure may be of a round that had begun before the record was there.
            let now = *rounds.borrow_and_update();
            if now.is_over || now.failed >= failed_before + 2 {
                return Err(Unsynced);
            }
            shared.ask(|asked| asked.to_sync = true);
            if rounds.changed().await.is_err() {
                return Err(Unsynced);
            }
        }
    }

    /// Ends the thread after one more sync. Blocks for as long as that takes.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Owned {
    fn stop(&self) {
        self.shared.ask(|asked| asked.to_stop = true);
        if let Some(thread) = locked(&self.thread).take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        let mut was_failing = false;
        loop {
            let is_last = self.pause();
            let is_failing = self.round(was_failing);
            was_failing = is_failing;
            self.rounds.send_modify(|rounds| {
                rounds.failed += u64::from(is_failing);
                rounds.is_over = is_last;
            });
            if is_last {
                return;
            }
        }
    }

    /// One sync; whether it failed. The first failure of a series is logged, and its end.
    fn round(&self, was_failing: bool) -> bool {
        let synced = self.journal.sync();
        let maintained = self.journal.maintain();
        match (&synced, was_failing) {
            (Err(error), false) => tracing::error!(%error, "the click journal cannot be put on the disk"),
            (Ok(()), true) => tracing::info!("the click journal is on the disk again"),
            _ => {}
        }
        if let Err(error) = maintained {
            tracing::debug!(error = &error as &dyn std::error::Error, "no spare segment could be prepared");
        }
        synced.is_err()
    }

    /// Waits for the interval or for somebody to ask; whether the end was asked for.
    fn pause(&self) -> bool {
        let asked = locked(&self.asked);
        let idle = |asked: &mut Asked| !asked.to_sync && !asked.to_stop;
        let waited = self.wake.wait_timeout_while(asked, self.interval, idle);
        let (mut asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        asked.to_sync = false;
        asked.to_stop
    }

    fn ask(&self, change: impl FnOnce(&mut Asked)) {
        change(&mut locked(&self.asked));
        self.wake.notify_one();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(folder: &std::path::Path) -> Arc<Journal> {
        Journal::open(folder, mask_journal::Options { segment_bytes: 1 << 16, max_bytes: 1 << 20 }).expect("a journal")
    }

    #[tokio::test]
    async fn a_waiter_does_not_wait_for_the_interval() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(folder.path());
        let mut writer = journal.writer(0, 0).expect("a writer");
        let syncer = start_syncer(Arc::clone(&journal), Duration::from_hours(1)).expect("a thread");
        for _ in 0..20 {
            let ticket = writer.append(b"click").expect("an append");
            assert_eq!(syncer.wait_synced(ticket).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_thread_that_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal(folder.path());
        let mut writer = journal.writer(0, 0).expect("a writer");
        let syncer = start_syncer(Arc::clone(&journal), Duration::from_hours(1)).expect("a thread");
        let before = writer.append(b"click").expect("an append");
        syncer.stop();
        assert_eq!(syncer.wait_synced(before).await, Ok(()), "the last round");
        let after = writer.append(b"click").expect("an append");
        assert_eq!(syncer.wait_synced(after).await, Err(Unsynced));
    }
}
