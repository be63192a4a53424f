//! What was counted of runs, kept in memory. A run never changes, so what it has to say to a question of some shape is counted
//! once for as long as it is asked for: a dashboard that shows the last thirty days again and again waits for the newest
//! clicks alone, while the rest is added up from what is kept.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};

use super::{
    count::Shape,
    held::{Held, cache},
    reading::Run,
    tally::Tally,
};

/// What a tally takes as a rule: only to set the size of tables.
const USUAL_BYTES: u64 = 8 << 10;

/// What is told apart.
type Key = (Run, Arc<Shape>);

/// See the module. Cheap to clone; all clones share what is kept.
#[derive(Clone)]
pub(crate) struct Kept {
    tallies: Arc<Cache<Key, Arc<Tally>, Size>>,
    /// What is counted from.
    pub(super) held: Held,
}

#[derive(Clone)]
struct Size;

impl Weighter<Key, Arc<Tally>> for Size {
    fn weight(&self, _: &Key, tally: &Arc<Tally>) -> u64 {
        u64::try_from(tally.size()).unwrap_or(u64::MAX)
    }
}

impl Kept {
    /// Holds about so many bytes at most: half of them columns, a quarter lexicons, a quarter tallies.
    pub(crate) fn within(bytes: u64) -> Self {
        let quarter = bytes / 4;
        Self { tallies: Arc::new(cache(quarter, USUAL_BYTES, Size)), held: Held::within(2 * quarter, quarter) }
    }

    /// What is kept of a run, or else what this says, which is kept from then on.
    pub(super) fn get_or_count<E>(
        &self,
        run: Run,
        shape: &Arc<Shape>,
        count: impl FnOnce() -> Result<Tally, E>,
    ) -> Result<Arc<Tally>, E> {
        let key = (run, Arc::clone(shape));
        if let Some(tally) = self.tallies.get(&key) {
            return Ok(tally);
        }
        let tally = Arc::new(count()?);
        self.tallies.insert(key, Arc::clone(&tally));
        Ok(tally)
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.tallies.clear();
        self.held.clear();
    }
}
