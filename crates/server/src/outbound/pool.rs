//! Connections that wait for the next request to the same receiver.
//!
//! The newest is taken first, so that the others grow old and are closed. Three bounds: of one receiver, of all, and of time,
//! idle and since it was opened; the last so that a receiver that moved is found within minutes. Over the bound of all, the
//! one that has waited longest makes place: it is the least likely to be still open at the other end.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{address::Origin, line::Line};

/// How long a connection may wait.
pub(super) const IDLE_AT_MOST: Duration = Duration::from_secs(20);
/// How old a connection may become.
const OLD_AT_MOST: Duration = Duration::from_mins(2);
/// Of one receiver.
pub(super) const KEPT_OF_ONE: usize = 64;
/// Of all. Each is an open file and some 10 KiB, through TLS 40.
const KEPT_OF_ALL: usize = 2048;

/// See the module.
#[derive(Default)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
}

/// The connections of each receiver, those that have waited longest in front.
#[derive(Default)]
struct Kept {
    by_origin: HashMap<Origin, VecDeque<Waiting>>,
    count: usize,
}

/// A connection, and since when it waits.
struct Waiting {
    line: Line,
    since: Instant,
}

impl Waiting {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= IDLE_AT_MOST || now.duration_since(self.line.opened()) >= OLD_AT_MOST
    }
}

impl Pool {
    /// A connection to this receiver that is still open, as far as can be known without asking.
    pub(super) fn take(&self, origin: &Origin, now: Instant) -> Option<Line> {
        loop {
            // Taken out in a statement of its own: looking at a connection is a system call, and not done under the lock.
            let mut waiting = self.kept().pop_newest(origin)?;
            if !waiting.is_over(now) && waiting.line.is_idle() {
                return Some(waiting.line);
            }
        }
    }

    /// Keeps a connection, if it can take another request and there is a place for it.
    pub(super) fn put(&self, origin: &Origin, mut line: Line, now: Instant) {
        if !line.is_idle() || now.duration_since(line.opened()) >= OLD_AT_MOST {
            return;
        }
        // Closed after the lock is free.
        let dropped = self.kept().push(origin, Waiting { line, since: now });
        drop(dropped);
    }

    /// Closes what has waited for too long.
    pub(super) fn sweep(&self, now: Instant) {
        // Closed after the lock is free.
        let dropped = self.kept().take_over(now);
        drop(dropped);
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.kept().count
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn pop_newest(&mut self, origin: &Origin) -> Option<Waiting> {
        let lines = self.by_origin.get_mut(origin)?;
        let waiting = lines.pop_back();
        if lines.is_empty() {
            self.by_origin.remove(origin);
        }
        self.count -= usize::from(waiting.is_some());
        waiting
    }

    /// Returns the one that had to make place.
    fn push(&mut self, origin: &Origin, waiting: Waiting) -> Option<Waiting> {
        if self.by_origin.get(origin).is_some_and(|lines| lines.len() >= KEPT_OF_ONE) {
            return Some(waiting);
        }
        let made_place = if self.count >= KEPT_OF_ALL { self.pop_oldest() } else { None };
        match self.by_origin.get_mut(origin) {
            Some(lines) => lines.push_back(waiting),
            None => drop(self.by_origin.insert(origin.clone(), VecDeque::from([waiting]))),
        }
        self.count += 1;
        made_place
    }

    fn pop_oldest(&mut self) -> Option<Waiting> {
        let since = |lines: &VecDeque<Waiting>| lines.front().map(|waiting| waiting.since);
        let origin = self.by_origin.iter().min_by_key(|(_, lines)| since(lines))?.0.clone();
        let lines = self.by_origin.get_mut(&origin)?;
        let waiting = lines.pop_front();
        if lines.is_empty() {
            self.by_origin.remove(&origin);
        }
        self.count -= usize::from(waiting.is_some());
        waiting
    }

    fn take_over(&mut self, now: Instant) -> Vec<Waiting> {
        let mut over = Vec::new();
        self.by_origin.retain(|_, lines| {
            let (gone, kept) = std::mem::take(lines).into_iter().partition(|waiting| waiting.is_over(now));
            *lines = kept;
            over.extend::<VecDeque<Waiting>>(gone);
            !lines.is_empty()
        });
        self.count -= over.len();
        over
    }
}
