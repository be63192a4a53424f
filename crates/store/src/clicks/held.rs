//! What was read of runs and what was counted of them, held in memory. A run never changes, so nothing here ever has to be brought
//! up to date: a dashboard that shows the last thirty days again and again waits for the newest clicks alone, while the rest is
//! added up from what is held; and a question that nobody has asked before reads no more than the columns that nobody has asked
//! about yet.
//!
//! It is bounded, all kinds of things together. What was counted has the first right to the room, but for a quarter; columns have
//! what it leaves, and of each what has not been asked for in a while goes first. A count of some hundred bytes saves a
//! millisecond, a column of as many kilobytes a few microseconds.
//!
//! Rejected: no order of rank, as a thousand columns that come in with new clicks drive out the counts of all that was there; and a
//! fixed share for each kind, as with a quarter for counts there was no room for them while there was room elsewhere.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync::Cache, sync::DefaultLifecycle};

use super::{
    columns::Column,
    count::Shape,
    lexicon::{AllWords, Lexicon},
    reading::{Cut, Run},
    tally::{Sum, Tally},
};
use crate::db::State;

/// Most bytes of batches that are held for each connection: there are some three megabytes of them before they are put in order.
const MOST_BYTES_OF_BATCHES: usize = 8 << 20;
/// What a thing takes as a rule: only to set the size of tables.
const USUAL_BYTES: u64 = 8 << 10;
/// What the table itself takes for each, beside its key and its place.
const OF_AN_ENTRY: usize = 64;
/// Runs whose chunks are known by heart, some two kilobytes each.
const MOST_RUNS: usize = 2048;
/// Room goes from columns to counts and back in so many steps, of which columns keep so many whatever was counted.
const STEPS: u64 = 16;
const OF_COLUMNS: u64 = 4;
/// Parts that are locked by themselves. What takes more than a part's share is not held at all, so there are few.
const PARTS: usize = 4;

/// A chunk of a run: where its columns lie, and which links or pages it has clicks of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) len: usize,
    pub(super) first: u128,
    pub(super) last: u128,
}

/// The data of a column; `None` where the chunk has no such column.
pub(super) type Piece = Option<Arc<Vec<u8>>>;

/// Batches by their numbers.
type Batches = HashMap<i64, Arc<Vec<u8>>>;

/// A column of a chunk of a run. The run is named as a whole: its number, and those of its chunks, may come up again once it is
/// no more.
type Place = (Run, i64, Column);

/// What was counted of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// The words that a run's clicks have in a column, or those that its clicks of one link or page have.
    Words(Run, Column, Option<u128>),
    /// What a part of it has to say to questions of a shape.
    Sum(Run, Cut, Arc<Shape>),
}

impl Key {
    const fn run(&self) -> &Run {
        match self {
            Self::Words(run, ..) | Self::Sum(run, ..) => run,
        }
    }
}

#[derive(Clone)]
enum Counted {
    Words(Arc<Lexicon>),
    Sum(Arc<Sum>),
}

/// See the module. Cheap to clone; all clones share what is held.
#[derive(Clone)]
pub(crate) struct Held {
    chunks: Arc<Cache<Run, Arc<[Head]>>>,
    counted: Arc<Cache<Key, Counted, Size>>,
    columns: Arc<Cache<Place, Piece, Size>>,
    /// How many bytes both may have together.
    bytes: u64,
    /// What batches there are, by the connection that has read them, with the state in which it did: their numbers come up
    /// again, and then they are others.
    batches: Arc<Mutex<HashMap<usize, (State, Batches)>>>,
    /// What lexicons and counts have in common.
    pub(super) words: AllWords,
}

#[derive(Clone)]
struct Size;

impl Size {
    fn of<Key, Item>(bytes: usize) -> u64 {
        u64::try_from(size_of::<(Key, Item)>() + OF_AN_ENTRY + bytes).unwrap_or(u64::MAX)
    }
}

impl Weighter<Key, Counted> for Size {
    fn weight(&self, _: &Key, counted: &Counted) -> u64 {
        Self::of::<Key, Counted>(match counted {
            Counted::Words(lexicon) => size_of::<Lexicon>() + lexicon.size(),
            Counted::Sum(sum) => sum.size(),
        })
    }
}

impl Weighter<Place, Piece> for Size {
    fn weight(&self, _: &Place, piece: &Piece) -> u64 {
        Self::of::<Place, Piece>(piece.as_ref().map_or(0, |data| data.capacity()))
    }
}

/// Room for so many bytes of a kind.
fn room<Key: Eq + Hash, Item: Clone>(bytes: u64) -> Arc<Cache<Key, Item, Size>>
where
    Size: Weighter<Key, Item>,
{
    let options = OptionsBuilder::new()
        .estimated_items_capacity(usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX))
        .weight_capacity(bytes)
        .shards(PARTS)
        .build()
        .expect("how many and how much are said");
    Arc::new(Cache::with_options(options, Size, DefaultHashBuilder::default(), DefaultLifecycle::default()))
}

impl Held {
    /// Holds about so many bytes at most.
    pub(crate) fn within(bytes: u64) -> Self {
        Self {
            chunks: Arc::new(Cache::new(MOST_RUNS)),
            counted: room(bytes - bytes / STEPS * OF_COLUMNS),
            columns: room(bytes),
            bytes,
            batches: Arc::default(),
            words: AllWords::default(),
        }
    }

    /// The chunks of a run, which are read if they are not known.
    pub(super) fn chunks<E>(&self, run: Run, read: impl FnOnce() -> Result<Vec<Head>, E>) -> Result<Arc<[Head]>, E> {
        if let Some(chunks) = self.chunks.get(&run) {
            return Ok(chunks);
        }
        let chunks: Arc<[Head]> = read()?.into();
        self.chunks.insert(run, Arc::clone(&chunks));
        Ok(chunks)
    }

    /// A column of a chunk; `None` when it is not held.
    pub(super) fn column(&self, run: Run, chunk: i64, column: Column) -> Option<Piece> {
        self.columns.get(&(run, chunk, column))
    }

    pub(super) fn hold(&self, run: Run, chunk: i64, column: Column, piece: Piece) {
        self.columns.insert((run, chunk, column), piece);
    }

    /// The words of a run's column, if they were listed; of one link or page alone where it is told.
    pub(super) fn lexicon(&self, run: Run, column: Column, of: Option<u128>) -> Option<Arc<Lexicon>> {
        match self.counted.get(&Key::Words(run, column, of))? {
            Counted::Words(lexicon) => Some(lexicon),
            Counted::Sum(_) => None,
        }
    }

    pub(super) fn hold_lexicon(&self, run: Run, column: Column, of: Option<u128>, lexicon: Lexicon) {
        self.hold_counted(Key::Words(run, column, of), Counted::Words(Arc::new(lexicon)));
    }

    /// What was counted of a part of a run for questions of a shape, or else what is counted now, which is held from then on.
    pub(super) fn sum<E>(
        &self,
        run: Run,
        cut: Cut,
        shape: &Arc<Shape>,
        count: impl FnOnce() -> Result<Tally, E>,
    ) -> Result<Arc<Sum>, E> {
        let key = Key::Sum(run, cut, Arc::clone(shape));
        if let Some(Counted::Sum(sum)) = self.counted.get(&key) {
            return Ok(sum);
        }
        let sum = Arc::new(count()?.sum(&self.words));
        self.hold_counted(key, Counted::Sum(Arc::clone(&sum)));
        Ok(sum)
    }

    fn hold_counted(&self, key: Key, counted: Counted) {
        self.counted.insert(key, counted);
        self.leave_the_rest_to_columns();
    }

    /// Columns have what is left by what was counted, in whole steps: to move the bound takes all their locks.
    fn leave_the_rest_to_columns(&self) {
        let step = self.bytes / STEPS;
        let left = self.bytes - self.counted.weight().next_multiple_of(step.max(1)).min(self.bytes - step);
        if left.abs_diff(self.columns.capacity()) >= step {
            self.columns.set_capacity(left);
        }
    }

    /// The batches that were read in a state of the database, which are taken away.
    pub(super) fn batches(&self, state: State) -> Batches {
        let held = self.batches.lock().unwrap_or_else(PoisonError::into_inner).remove(&state.connection);
        held.filter(|(of, _)| *of == state).map(|(_, batches)| batches).unwrap_or_default()
    }

    /// Holds them, if they are not too much.
    pub(super) fn hold_batches(&self, state: State, batches: Batches) {
        if batches.values().map(|data| data.len()).sum::<usize>() <= MOST_BYTES_OF_BATCHES {
            let mut held = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            held.insert(state.connection, (state, batches));
        }
    }

    /// Lets go of what is known of runs that are no more. What a question brings that has begun before goes by itself, sometime.
    pub(super) fn let_go(&self, runs: &[i64]) {
        if !runs.is_empty() {
            self.chunks.retain(|run, _| !runs.contains(&run.seq));
            self.columns.retain(|(run, ..), _| !runs.contains(&run.seq));
            self.counted.retain(|key, _| !runs.contains(&key.run().seq));
            self.leave_the_rest_to_columns();
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.words.clear();
        self.chunks.clear();
        self.columns.clear();
        self.counted.clear();
        self.leave_the_rest_to_columns();
    }
}

#[cfg(test)]
mod tests {
    use mask_core::question::Subject;

    use super::*;

    const BYTES: u64 = 1 << 20;

    fn bring_columns(held: &Held, of: Run) {
        for chunk in 0..4096 {
            held.hold(of, chunk, Column::FLAGS, Some(Arc::new(vec![0; 1024])));
        }
    }

    /// Whether something has to be counted, as it is not held.
    fn counts(held: &Held, of: Run, shape: &Arc<Shape>) -> bool {
        let mut counts = false;
        let count = || {
            counts = true;
            Ok::<_, ()>(Tally::new(shape.by))
        };
        held.sum(of, Cut::default(), shape, count).expect("it is counted");
        counts
    }

    fn bytes(held: &Held) -> u64 {
        held.counted.weight() + held.columns.weight()
    }

    #[test]
    fn columns_have_the_room_that_counts_leave() {
        let (held, shape) = (Held::within(BYTES), Arc::new(Shape::of_all(Subject::Clicks)));
        bring_columns(&held, Run::numbered(0));
        assert!((BYTES / 2..=BYTES).contains(&held.columns.weight()), "there is nothing else yet");
        let runs = || (0..1000).map(Run::numbered);
        assert!(runs().all(|run| counts(&held, run, &shape)));
        bring_columns(&held, Run::numbered(1));
        assert!(runs().all(|run| !counts(&held, run, &shape)), "a count is driven out");
        assert!(bytes(&held) <= BYTES, "{}", bytes(&held));
        for run in (1000..20_000).map(Run::numbered) {
            counts(&held, run, &shape);
        }
        bring_columns(&held, Run::numbered(2));
        assert!(held.columns.weight() > BYTES / STEPS, "columns have no room");
        assert!(bytes(&held) <= BYTES, "{}", bytes(&held));
        held.let_go(&(0..20_000).collect::<Vec<_>>());
        assert_eq!(bytes(&held), 0);
        bring_columns(&held, Run::numbered(3));
        assert!((BYTES / 2..=BYTES).contains(&held.columns.weight()), "room does not come back");
    }
}
