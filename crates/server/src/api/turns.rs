//! Turns: how many of a long work a workspace may have under way at once.
//!
//! An export and an event stream go on long after the request was counted against its minute, and each holds memory while it
//! does. So they are counted where they are open, by workspace: the two environments of one share its number.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use mask_core::workspace::Owner;

use super::error::ApiError;

/// Event streams that a workspace may have open at once.
const MOST_STREAMS: usize = 50;
/// Exports of one workspace that may run at once: each holds a slice, which is about ten megabytes.
const MOST_EXPORTS: usize = 5;
/// When somebody with too many should come back: as long as it takes to notice that a client has gone.
const RETRY_AFTER_SECONDS: u64 = 30;

/// The turns of one kind of work.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    /// What is too many, and what to do about it.
    refusal: String,
    /// The metric that says how many there are in all.
    gauge: &'static str,
    /// How many each workspace has.
    taken: Mutex<HashMap<i64, usize>>,
}

/// A place among those of a workspace; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    workspace: i64,
}

impl Turns {
    /// Those of event streams.
    pub fn of_streams() -> Arc<Self> {
        let refusal = format!("A workspace may have {MOST_STREAMS} event streams open at once. Close one of them.");
        Self::of(MOST_STREAMS, refusal, "mask_event_streams")
    }

    /// Those of exports.
    pub fn of_exports() -> Arc<Self> {
        let refusal = format!("A workspace may have {MOST_EXPORTS} exports at once. Wait for one of them to end.");
        Self::of(MOST_EXPORTS, refusal, "mask_exports")
    }

    fn of(most: usize, refusal: String, gauge: &'static str) -> Arc<Self> {
        Arc::new(Self { most, refusal, gauge, taken: Mutex::default() })
    }

    /// A turn, if the owner's workspace has one left.
    pub(super) fn begin(self: &Arc<Self>, owner: Owner) -> Result<Turn, ApiError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(owner.workspace).or_default();
        if *count >= self.most {
            return Err(ApiError::too_many_at_once(self.refusal.clone(), RETRY_AFTER_SECONDS));
        }
        *count += 1;
        metrics::gauge!(self.gauge).increment(1.0);
        Ok(Turn { turns: Arc::clone(self), workspace: owner.workspace })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(self.workspace) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        metrics::gauge!(self.turns.gauge).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_so_many_turns_and_gets_them_back() {
        let turns = Turns::of_exports();
        let (one, two) = (Owner::from_number(2), Owner::from_number(4));
        assert_ne!(one.workspace, two.workspace);
        let mut held: Vec<_> = (0..MOST_EXPORTS).map(|_| turns.begin(one).expect("a turn")).collect();
        assert!(turns.begin(one).is_err());
        assert!(turns.begin(two).is_ok(), "another workspace has its own");
        held.pop();
        held.push(turns.begin(one).expect("one was given back"));
        held.clear();
        assert!(turns.taken.lock().expect("no panic").is_empty(), "nothing is kept of who has none");
    }
}
