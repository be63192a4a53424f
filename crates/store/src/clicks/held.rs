//! What was read of runs, held in memory as it lies in the database. A run never changes, so nothing here ever has to be
//! brought up to date: a second question about the same clicks, whatever else it asks of them, reads no more than the columns
//! that nobody has asked about yet. It is bounded; what has not been asked for in a while goes first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync::Cache, sync::DefaultLifecycle};

use super::{
    columns::Column,
    lexicon::{AllWords, Lexicon},
    reading::Run,
};
use crate::db::State;

/// What a lexicon takes as a rule: as below.
const USUAL_BYTES_OF_A_LEXICON: u64 = 1 << 20;
/// Most bytes of batches that are held for each connection: there are some three megabytes of them before they are put in order.
const MOST_BYTES_OF_BATCHES: usize = 8 << 20;
/// What the table itself takes for each, which counts for links of few clicks.
const OF_AN_ENTRY: usize = 96;
/// What a column takes as a rule: only to set the size of tables.
const USUAL_BYTES: u64 = 8 << 10;
/// Runs whose chunks are known by heart, some two kilobytes each.
const MOST_RUNS: usize = 2048;
/// Parts that are locked by themselves. What takes more than a part's share is not kept at all, so there are few.
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

/// The words that a run's clicks have in a column, or those that its clicks of one link or page have.
type Words = (Run, Column, Option<u128>);

/// A column of a chunk. The run is named too: numbers of chunks may come up again once theirs is no more.
type Key = (Run, i64, Column);

/// See the module. Cheap to clone; all clones share what is held.
#[derive(Clone)]
pub(super) struct Held {
    chunks: Arc<Cache<Run, Arc<[Head]>>>,
    columns: Arc<Cache<Key, Piece, Size>>,
    lexicons: Arc<Cache<Words, Arc<Lexicon>, Size>>,
    /// What batches there are, by the connection that has read them, with the state in which it did: their numbers come up
    /// again, and then they are others.
    batches: Arc<Mutex<HashMap<usize, (State, Batches)>>>,
    /// What lexicons have in common.
    pub(super) words: AllWords,
}

#[derive(Clone)]
struct Size;

impl Weighter<Key, Piece> for Size {
    fn weight(&self, _: &Key, piece: &Piece) -> u64 {
        let bytes = size_of::<Key>() + size_of::<Piece>() + piece.as_ref().map_or(0, |data| data.capacity());
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Weighter<Words, Arc<Lexicon>> for Size {
    fn weight(&self, _: &Words, lexicon: &Arc<Lexicon>) -> u64 {
        u64::try_from(size_of::<Words>() + size_of::<Lexicon>() + OF_AN_ENTRY + lexicon.size()).unwrap_or(u64::MAX)
    }
}

impl Held {
    /// Holds about so many bytes at most, of columns and of lexicons.
    pub(super) fn within(columns: u64, lexicons: u64) -> Self {
        Self {
            chunks: Arc::new(Cache::new(MOST_RUNS)),
            columns: Arc::new(cache(columns, USUAL_BYTES, Size)),
            lexicons: Arc::new(cache(lexicons, USUAL_BYTES_OF_A_LEXICON, Size)),
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
        self.lexicons.get(&(run, column, of))
    }

    pub(super) fn hold_lexicon(&self, run: Run, column: Column, of: Option<u128>, lexicon: Lexicon) {
        self.lexicons.insert((run, column, of), Arc::new(lexicon));
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

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.lexicons.clear();
        self.words.clear();
        self.chunks.clear();
        self.columns.clear();
    }
}

/// A cache of so many bytes of things that usually take so many.
pub(super) fn cache<K, V, W>(most: u64, usual: u64, weighter: W) -> Cache<K, V, W>
where
    K: Eq + std::hash::Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let items = usize::try_from(most / usual).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .estimated_items_capacity(items)
        .weight_capacity(most)
        .shards(PARTS)
        .build()
        .expect("how many and how much are said");
    Cache::with_options(options, weighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}
