//! Reading what is recorded: batches as they came, and runs chunk by chunk, with the columns that are wanted.

use std::sync::Arc;

use mask_core::{id::LinkId, question::Window, time::Time, workspace::Owner};

use super::{
    chunk::Chunk,
    columns::Column,
    held::{Head, Held},
    runs::length,
};
use crate::{
    Error, Place,
    db::{Patience, Tx, Value, values},
};

/// What is read.
pub(super) struct Part<'p> {
    /// Of whom; of everybody where it is `None`.
    pub(super) owner: Option<Owner>,
    /// When; a chunk may hold clicks of other times too.
    pub(super) window: Window,
    /// Of which link or page, by its number; a chunk may hold others too.
    pub(super) visited: Option<u128>,
    /// Which columns.
    pub(super) columns: &'p [Column],
    /// How long it may take.
    pub(super) patience: Patience,
}

/// A run: clicks of one owner, sorted, that never change. What is equal to one is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) seq: i64,
    owner: i64,
    pub(super) clicks: i64,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    bare_to: i64,
}

impl Run {
    /// One with this number, and no clicks.
    #[cfg(test)]
    pub(super) const fn numbered(seq: i64) -> Self {
        Self { seq, owner: 2, clicks: 0, first_at: 0, last_at: 0, bare_to: i64::MIN }
    }

    /// Where a window that has clicks of it cuts it.
    pub(super) fn cut_by(self, window: Window) -> Cut {
        let (from, to) = (window.from.unix_millis(), window.to.unix_millis());
        Cut { from: (from > self.first_at).then_some(window.from), to: (to <= self.last_at).then_some(window.to) }
    }
}

/// The edges of a window between the clicks of a run: windows that have the same clicks of it cut it alike, wherever else they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cut {
    from: Option<Time>,
    to: Option<Time>,
}

impl Cut {
    /// Whether each edge is a multiple of so many milliseconds.
    pub(super) fn is_at(self, unit: i64) -> bool {
        [self.from, self.to].into_iter().flatten().all(|edge| edge.unix_millis() % unit == 0)
    }

    /// What is left of the run; `None` where it is not cut.
    pub(super) fn window(self) -> Option<Window> {
        const ALWAYS: [Time; 2] = [Time::from_unix_millis(i64::MIN), Time::from_unix_millis(i64::MAX)];
        let [first, end] = ALWAYS;
        (self != Self::default()).then(|| Window { from: self.from.unwrap_or(first), to: self.to.unwrap_or(end) })
    }
}

/// Calls for each chunk, telling whether clicks of other owners may be in it. Wants a snapshot.
pub(super) fn each_chunk(
    tx: &mut Tx<'_>,
    part: &Part<'_>,
    mut call: impl FnMut(&Chunk<'_>, bool) -> Option<()>,
) -> Result<(), Error> {
    each_of_batches(tx, part.window, None, |chunk| call(chunk, true))?;
    for run in runs(tx, part.owner, part.window)? {
        let reading = Reading {
            visited: part.visited,
            columns: part.columns,
            patience: part.patience,
            held: None,
            passing: None,
        };
        each_of_run(tx, run, &reading, |chunk| call(chunk, false))?;
    }
    Ok(())
}

/// Calls for each batch that may have clicks in a window; clicks of all owners are in it. Wants a snapshot.
pub(super) fn each_of_batches(
    tx: &mut Tx<'_>,
    window: Window,
    held: Option<&Held>,
    mut call: impl FnMut(&Chunk<'_>) -> Option<()>,
) -> Result<(), Error> {
    let state = tx.state()?;
    let of_state = held.zip(state);
    let mut batches = of_state.map(|(held, state)| held.batches(state)).unwrap_or_default();
    let sql = "SELECT seq, clicks FROM click_batches WHERE last_at >= $1 AND first_at < $2 ORDER BY seq";
    for row in tx.query(sql, &values![window.from, window.to])? {
        let mut row = row.columns("click_batches");
        let (seq, len) = (row.integer("seq")?, length(&mut row)?);
        let data = match batches.get(&seq) {
            Some(data) => Arc::clone(data),
            None => batch(tx, seq)?.ok_or_else(|| row.corrupt("data"))?,
        };
        let chunk = Chunk::read(len, std::iter::once((Column::ALL, data.as_slice())));
        chunk.and_then(|chunk| call(&chunk)).ok_or_else(|| row.corrupt("data"))?;
        if of_state.is_some() {
            batches.insert(seq, data);
        }
    }
    if let Some((held, state)) = of_state {
        held.hold_batches(state, batches);
    }
    Ok(())
}

fn batch(tx: &mut Tx<'_>, seq: i64) -> Result<Option<Arc<Vec<u8>>>, Error> {
    let row = tx.first("SELECT data FROM click_batches WHERE seq = $1", &values![seq])?;
    row.map(|row| row.columns("click_batches").bytes("data").map(Arc::new)).transpose()
}

/// The runs that may have clicks in a window, of one owner or of everybody.
pub(super) fn runs(tx: &mut Tx<'_>, owner: Option<Owner>, window: Window) -> Result<Vec<Run>, Error> {
    let mut sql = "SELECT seq, owner, clicks, first_at, last_at, bare_to FROM click_runs \
                   WHERE last_at >= $1 AND first_at < $2"
        .to_owned();
    let mut bound: Vec<Value> = values![window.from, window.to].into();
    if let Some(owner) = owner {
        bound.push(owner.into());
        sql += " AND owner = $3";
    }
    let read = |row: crate::db::Row| {
        let mut row = row.columns("click_runs");
        Ok(Run {
            seq: row.integer("seq")?,
            owner: row.integer("owner")?,
            clicks: row.integer("clicks")?,
            first_at: row.integer("first_at")?,
            last_at: row.integer("last_at")?,
            bare_to: row.integer("bare_to")?,
        })
    };
    tx.query(&(sql + " ORDER BY seq"), &bound)?.into_iter().map(read).collect()
}

/// What is read of a run.
pub(super) struct Reading<'r> {
    /// Of which link or page, by its number; a chunk may hold others too.
    pub(super) visited: Option<u128>,
    pub(super) columns: &'r [Column],
    /// How long it may take.
    pub(super) patience: Patience,
    /// Where what is read is held, and found again; nowhere when it is `None`.
    pub(super) held: Option<&'r Held>,
    /// A column that need not be held.
    pub(super) passing: Option<Column>,
}

/// Calls for each chunk of a run with these columns of it.
pub(super) fn each_of_run(
    tx: &mut Tx<'_>,
    run: Run,
    reading: &Reading<'_>,
    mut call: impl FnMut(&Chunk<'_>) -> Option<()>,
) -> Result<(), Error> {
    let chunks = match reading.held {
        Some(held) => held.chunks(run, || chunks(tx, run))?,
        None => chunks(tx, run)?.into(),
    };
    let is_wanted = |chunk: &&Head| reading.visited.is_none_or(|it| (chunk.first..=chunk.last).contains(&it));
    for chunk in chunks.iter().filter(is_wanted) {
        reading.patience.check()?;
        let pieces = pieces(tx, run, chunk.seq, reading)?;
        let read = Chunk::read(chunk.len, pieces.iter().map(|(column, data)| (*column, data.as_slice())));
        read.and_then(|read| call(&read)).ok_or_else(|| corrupt(chunk.seq))?;
    }
    Ok(())
}

/// The chunks of a run, in the order of what was visited.
fn chunks(tx: &mut Tx<'_>, run: Run) -> Result<Vec<Head>, Error> {
    let sql = "SELECT seq, clicks, first_link, last_link FROM click_chunks WHERE run = $1 ORDER BY seq";
    let read = |row: crate::db::Row| {
        let mut row = row.columns("click_chunks");
        Ok(Head {
            seq: row.integer("seq")?,
            len: length(&mut row)?,
            first: row.parsed("first_link", LinkId::parse)?.bits(),
            last: row.parsed("last_link", LinkId::parse)?.bits(),
        })
    };
    tx.query(sql, &values![run.seq])?.into_iter().map(read).collect()
}

/// Columns of a chunk, by their names.
type Pieces = Vec<(Column, Arc<Vec<u8>>)>;

/// The columns of a chunk that are wanted, as far as it has them, and all in one piece where it has that.
fn pieces(tx: &mut Tx<'_>, run: Run, chunk: i64, reading: &Reading<'_>) -> Result<Pieces, Error> {
    let (mut pieces, mut missing) = (Vec::new(), Vec::new());
    for column in reading.columns.iter().chain([&Column::ALL]) {
        match reading.held.and_then(|held| held.column(run, chunk, *column)) {
            Some(held) => pieces.extend(held.map(|data| (*column, data))),
            None => missing.push(*column),
        }
    }
    if missing.is_empty() {
        return Ok(pieces);
    }
    let keys: Vec<_> = missing.iter().map(|column| format!("$1 + CAST({} AS BIGINT)", column.0)).collect();
    let sql = format!("SELECT key, data FROM click_columns WHERE key IN ({})", keys.join(", "));
    for row in tx.query(&sql, &values![chunk * Column::MOST])? {
        let mut row = row.columns("click_columns");
        let column = u8::try_from(row.integer("key")? % Column::MOST).map_err(|_| row.corrupt("key"))?;
        let (column, data) = (Column(column), Arc::new(row.bytes("data")?));
        missing.retain(|missing| *missing != column);
        if let Some(held) = reading.held.filter(|_| reading.passing != Some(column)) {
            held.hold(run, chunk, column, Some(Arc::clone(&data)));
        }
        pieces.push((column, data));
    }
    if let Some(held) = reading.held {
        for column in missing {
            held.hold(run, chunk, column, None);
        }
    }
    Ok(pieces)
}

fn corrupt(chunk: i64) -> Error {
    Error::Corrupt(Place { table: "click_chunks", column: "clicks", row: chunk.to_string() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::columns::{self, Click, Words},
        *,
    };
    use crate::{Location, Options, Store, clicks::runs};

    #[test]
    fn a_batch_that_has_the_number_of_one_that_is_no_more_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_mins(1) };
        let _store = Store::open(&options).expect("a store");
        let open = || rusqlite::Connection::open(folder.path().join("clicks.db")).expect("a connection");
        let (writing, reading, held) = (open(), open(), Held::within(1 << 20));
        let write = |visited| {
            let click = Click { owner: 2, visited, at: 1, visitor: 1, flags: 1, texts: [0; columns::TEXTS] };
            let columns = columns::Writer::new(&Words::new()).write(&[click]);
            runs::write_piece(&mut Tx::Sqlite(&writing), &[click], &columns).expect("a batch is written");
        };
        let visited = || {
            let mut all = Vec::new();
            let window = Window { from: Time::from_unix_millis(0), to: Time::from_unix_millis(10) };
            let add = |chunk: &Chunk<'_>| chunk.visited().map(|of| all.extend(of.iter().map(|(visited, _)| *visited)));
            let count = |tx: &mut Tx<'_>| each_of_batches(tx, window, Some(&held), add);
            Tx::Sqlite(&reading).snapshot(count).expect("it is read");
            all
        };
        write(7);
        assert_eq!([visited(), visited()], [[7], [7]]);
        writing.execute("DELETE FROM click_batches", []).expect("it is removed");
        write(8);
        let number = reading.query_one("SELECT seq FROM click_batches", [], |row| row.get::<_, i64>(0));
        assert_eq!(number, Ok(1), "it has the number of the first");
        assert_eq!([visited(), visited()], [[8], [8]]);
        write(9);
        assert_eq!([visited(), visited()], [[8, 9], [8, 9]]);
    }
}
