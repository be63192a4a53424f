//! A beat while long work is done, on a machine with one core.
//!
//! There the thread that answers redirects becomes ready while one of ours counts clicks, and whether it is let on at once is
//! the system's choice: one that has had its share of late is not, and is looked at again when the timer ticks, which is every
//! four milliseconds where it ticks 250 times a second. Any thread that wakes up makes the system choose anew. So one does,
//! for nothing else, as long as there is long work, and a redirect that misses the memory waits for half a millisecond at most
//! where it waited for four.
//!
//! Rejected: a lower priority for those who count, which nobody without privileges can take back, so that whoever writes would
//! wait behind every other program of the machine (`docs/decisions/0015-one-core.md`).

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

/// How long somebody may wait for the choice.
const BETWEEN_BEATS: Duration = Duration::from_micros(500);

/// See the module.
struct Beat {
    /// How many threads have long work.
    at_work: Arc<AtomicUsize>,
    thread: Thread,
}

/// The one of this machine, if it has one core.
static BEAT: LazyLock<Option<Beat>> = LazyLock::new(|| {
    let has_one_core = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    has_one_core.then(|| Beat::start(|| {})).flatten()
});

impl Beat {
    /// Starts the thread, which lasts as long as the program and costs nothing while nobody has long work. Where there is no
    /// thread to be had there is no beat.
    fn start(each: impl Fn() + Send + 'static) -> Option<Self> {
        let at_work = Arc::new(AtomicUsize::new(0));
        let is_needed = Arc::clone(&at_work);
        let beats = move || {
            loop {
                if is_needed.load(Ordering::Relaxed) == 0 {
                    thread::park();
                } else {
                    thread::park_timeout(BETWEEN_BEATS);
                    each();
                }
            }
        };
        let thread = thread::Builder::new().name("mask-beat".to_owned()).spawn(beats).ok()?;
        Some(Self { at_work, thread: thread.thread().clone() })
    }

    fn begin(&self) -> LongWork<'_> {
        if self.at_work.fetch_add(1, Ordering::Relaxed) == 0 {
            self.thread.unpark();
        }
        LongWork(self)
    }
}

/// Long work, until it is dropped.
pub(super) struct LongWork<'b>(&'b Beat);

impl Drop for LongWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that long work begins, on a machine with one core.
pub(super) fn long_work() -> Option<LongWork<'static>> {
    BEAT.as_ref().map(Beat::begin)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_beats_while_somebody_works() {
        let (told, beats) = mpsc::channel();
        let beat = Beat::start(move || drop(told.send(()))).expect("a thread");
        let (one, another) = (beat.begin(), beat.begin());
        drop(one);
        for _ in 0..3 {
            beats.recv().expect("a beat");
        }
        drop(another);
        assert_eq!(beat.at_work.load(Ordering::Relaxed), 0);
        // Those that were under way may come yet; then there are none until work begins anew.
        let more = std::iter::from_fn(|| beats.recv_timeout(BETWEEN_BEATS * 100).ok()).take(10_000).count();
        assert!(more < 10_000);
        let _again = beat.begin();
        beats.recv().expect("a beat");
    }
}
