//! What was read of runs and what was counted of them, held in memory. A run never changes, so nothing here ever has to be brought
//! up to date: a dashboard that shows the last thirty days again and again waits for the newest clicks alone, while the rest is
//! added up from what is held; and a question that nobody has asked before reads no more than the columns that nobody has asked
//! about yet.
//!
//! It is bounded, all kinds of things together; what has not been asked for in a while goes first. Rejected: a share for each
//! kind. With a quarter for counts there was no room for them while there was room elsewhere, and they were counted anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync::Cache, sync::DefaultLifecycle};

use super::{
    columns::Column,
    count::Shape,
    lexicon::{AllWords, Lexicon},
    reading::Run,
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

/// What is held of a run. The run is named as a whole: its number, and those of its chunks, may come up again once it is no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A column of a chunk.
    Column(Run, i64, Column),
    /// The words that a run's clicks have in a column, or those that its clicks of one link or page have.
    Words(Run, Column, Option<u128>),
    /// What it has to say to questions of a shape.
    Sum(Run, Arc<Shape>),
}

impl Key {
    const fn run(&self) -> &Run {
        match self {
            Self::Column(run, ..) | Self::Words(run, ..) | Self::Sum(run, _) => run,
        }
    }
}

#[derive(Clone)]
enum Item {
    Column(Piece),
    Words(Arc<Lexicon>),
    Sum(Arc<Sum>),
}

/// See the module. Cheap to clone; all clones share what is held.
#[derive(Clone)]
pub(crate) struct Held {
    chunks: Arc<Cache<Run, Arc<[Head]>>>,
    items: Arc<Cache<Key, Item, Size>>,
    /// What batches there are, by the connection that has read them, with the state in which it did: their numbers come up
    /// again, and then they are others.
    batches: Arc<Mutex<HashMap<usize, (State, Batches)>>>,
    /// What lexicons and counts have in common.
    pub(super) words: AllWords,
}

#[derive(Clone)]
struct Size;

impl Weighter<Key, Item> for Size {
    fn weight(&self, _: &Key, item: &Item) -> u64 {
        let bytes = match item {
            Item::Column(piece) => piece.as_ref().map_or(0, |data| data.capacity()),
            Item::Words(lexicon) => size_of::<Lexicon>() + lexicon.size(),
            Item::Sum(sum) => sum.size(),
        };
        u64::try_from(size_of::<(Key, Item)>() + OF_AN_ENTRY + bytes).unwrap_or(u64::MAX)
    }
}

impl Held {
    /// Holds about so many bytes at most.
    pub(crate) fn within(bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX))
            .weight_capacity(bytes)
            .shards(PARTS)
            .build()
            .expect("how many and how much are said");
        let items = Cache::with_options(options, Size, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self {
            chunks: Arc::new(Cache::new(MOST_RUNS)),
            items: Arc::new(items),
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
        match self.items.get(&Key::Column(run, chunk, column))? {
            Item::Column(piece) => Some(piece),
            Item::Words(_) | Item::Sum(_) => None,
        }
    }

    pub(super) fn hold(&self, run: Run, chunk: i64, column: Column, piece: Piece) {
        self.items.insert(Key::Column(run, chunk, column), Item::Column(piece));
    }

    /// The words of a run's column, if they were listed; of one link or page alone where it is told.
    pub(super) fn lexicon(&self, run: Run, column: Column, of: Option<u128>) -> Option<Arc<Lexicon>> {
        match self.items.get(&Key::Words(run, column, of))? {
            Item::Words(lexicon) => Some(lexicon),
            Item::Column(_) | Item::Sum(_) => None,
        }
    }

    pub(super) fn hold_lexicon(&self, run: Run, column: Column, of: Option<u128>, lexicon: Lexicon) {
        self.items.insert(Key::Words(run, column, of), Item::Words(Arc::new(lexicon)));
    }

    /// What was counted of a run for questions of a shape, or else what is counted now, which is held from then on.
    pub(super) fn sum<E>(
        &self,
        run: Run,
        shape: &Arc<Shape>,
        count: impl FnOnce() -> Result<Tally, E>,
    ) -> Result<Arc<Sum>, E> {
        let key = Key::Sum(run, Arc::clone(shape));
        if let Some(Item::Sum(sum)) = self.items.get(&key) {
            return Ok(sum);
        }
        let sum = Arc::new(count()?.sum(&self.words));
        self.items.insert(key, Item::Sum(Arc::clone(&sum)));
        Ok(sum)
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
            self.items.retain(|key, _| !runs.contains(&key.run().seq));
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.words.clear();
        self.chunks.clear();
        self.items.clear();
    }
}
