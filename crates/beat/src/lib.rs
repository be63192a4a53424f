//! A beat while long work is done, on a machine with one core.
//!
//! There the thread that answers redirects becomes ready while another counts clicks, and whether it is let on at once is the
//! kernel's choice: one that has had its share of late is not, and is looked at again when the timer ticks, which is every four
//! milliseconds where it ticks 250 times a second. Any thread that wakes up makes the kernel choose anew. So one does, for
//! nothing else, as long as there is long work: who becomes ready waits for half a millisecond at most.
//!
//! **Who takes part.** Whoever has long work says so with [`long_work`], and holds what comes of it until the work is done. Where
//! the program may use more than one core that is nothing at all.
//!
//! **What it takes.** That the beat itself is let on at once, by a short slice: one of a tenth of a millisecond may end another's
//! turn, by the kernel's own rules (Linux 6.12, `sched_setattr(2)`, "EEVDF"). An older kernel knows no such slices, and a
//! beat changes less there.
//!
//! **Rejected.** A lower priority for long work, which nobody without privileges can take back, so that whoever writes would wait
//! behind every other program of the machine. See `docs/decisions/0015-one-core.md`.

#![deny(unsafe_code)]

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

/// How long somebody may wait for the choice.
const BETWEEN: Duration = Duration::from_micros(500);
/// For each beat during the work so many come after it, as where there was some there is more, and not all of it says so.
const EARNED: u32 = 20;
/// Most of them: a tenth of a second.
const AFTERWARDS: u32 = 200;

/// See the crate.
struct Beat {
    /// How many threads have long work.
    at_work: Arc<AtomicUsize>,
    thread: Thread,
}

/// The one of this machine, if it has one core.
static BEAT: LazyLock<Option<Beat>> = LazyLock::new(|| has_one_core().then(|| Beat::start(|| {})).flatten());

/// Whether the program runs on one core. A share of the time of several, as containers are given, is another thing: its threads
/// run side by side until it is used up.
fn has_one_core() -> bool {
    #[cfg(target_os = "linux")]
    let cores = rustix::thread::sched_getaffinity(None).map(|cores| cores.count());
    #[cfg(not(target_os = "linux"))]
    let cores = thread::available_parallelism().map(std::num::NonZero::get);
    cores.is_ok_and(|cores| cores == 1)
}

impl Beat {
    /// Starts the thread, which lasts as long as the program and sleeps while nobody has long work; what is done before the first
    /// beat was none. Where there is no thread to be had there is no beat.
    fn start(each: impl Fn() + Send + 'static) -> Option<Self> {
        let at_work = Arc::new(AtomicUsize::new(0));
        let still = Arc::clone(&at_work);
        let beats = move || {
            come_at_once();
            loop {
                thread::park();
                let mut left = 1;
                while left > 0 {
                    thread::sleep(BETWEEN);
                    each();
                    let is_at_work = still.load(Ordering::Relaxed) > 0;
                    left = if is_at_work { AFTERWARDS.min(left + EARNED) } else { left - 1 };
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
#[must_use = "the work ends when this is dropped"]
pub struct LongWork<'b>(&'b Beat);

impl Drop for LongWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that the calling thread has work to do that takes milliseconds. `None` on a machine with more than one core.
pub fn long_work() -> Option<LongWork<'static>> {
    BEAT.as_ref().map(Beat::begin)
}

/// Lets the calling thread on as soon as it wakes up, and wakes it up at the moment that it asks for. Where the system will not,
/// it is as any other.
fn come_at_once() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        shorten_slice();
    }
}

/// Asks for the shortest turns that there are, as somebody who never needs more. How nice the thread is stays as it is.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has a safe name for this call")]
fn shorten_slice() {
    const SHORTEST_NS: u64 = 100_000;
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0),
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: rustix::process::getpriority_process(None).unwrap_or(0),
        sched_priority: 0,
        sched_runtime: SHORTEST_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads as many bytes as the structure says that it has, which it has, and writes nothing. The thread is
    // the calling one (0), and there are no flags.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_beats_while_somebody_works() {
        let (told, beats) = mpsc::channel();
        let each = move || {
            let _ = told.send(());
        };
        let beat = Beat::start(each).expect("a thread");
        let (one, another) = (beat.begin(), beat.begin());
        drop(one);
        for _ in 0..3 * AFTERWARDS {
            beats.recv().expect("a beat");
        }
        drop(another);
        // Those that come afterwards are so many, and then there are none until work begins anew.
        let more = std::iter::from_fn(|| beats.recv_timeout(BETWEEN * 1000).ok()).take(100_000).count();
        assert!(more < 100_000);
        let _again = beat.begin();
        beats.recv().expect("a beat");
    }
}
