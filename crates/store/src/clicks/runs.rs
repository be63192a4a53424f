//! Where recorded clicks lie, and how they are put in order.
//!
//! A batch is stored as it comes, in one piece: that is what a commit twice a second can afford. Now and then the batches
//! are taken together and written again as runs, one for each owner, sorted by link or page, in chunks whose columns can be read one
//! by one; and of eight runs of about the same size one is made, up to a size where reading them whole is a pause that
//! nobody notices. So a click is written a handful of times in its life, a link's clicks lie in a few places, and a
//! question never meets more than some batches and some dozens of runs. Each step is one transaction, and a question reads
//! from one snapshot, so a click is always in exactly one place.
//!
//! Forgetting visitors ([`forget`]) is tidying too: what is to be forgotten is noted at once, and runs that still tell it are
//! written anew without, one after the other.

use mask_core::{id::LinkId, time::Time, workspace::Owner};

use super::{
    chunk::Chunk,
    columns::{self, Click, Column, Words, Writer},
    feed,
};
use crate::{
    Error,
    db::{Columns, Dialect, Tx, Value, values},
};

/// Most clicks of a chunk. Half of a reader's time goes into finding a chunk when they are much smaller, and a question
/// about one link reads more that it does not need when they are larger.
const CHUNK: usize = 8192;
/// Chunks of fewer clicks are stored in one piece.
const SMALL: usize = 512;
/// So many batches are waited for before they are put in order, or so many clicks in them.
const BATCHES: i64 = 64;
const BATCHED_CLICKS: i64 = 65_536;
/// Most clicks that are put in order at a time.
const AT_A_TIME: usize = 262_144;
/// So many runs of one class become one; of the larger ones only as many as are put in order at a time.
const RUNS: i64 = 8;
/// A run of this class has some 260,000 clicks, and is left as it is.
const LAST_CLASS: i64 = 6;
/// Stands for all owners where visitors are forgotten: no owner has this number.
pub(super) const EVERYBODY: i64 = 0;
/// Nothing was forgotten of a run.
const NEVER: i64 = i64::MIN;

/// Stores a piece of a batch as it came. The clicks are sorted, and these are their columns.
pub(super) fn write_piece(tx: &mut Tx<'_>, clicks: &[Click], columns: &[(Column, Vec<u8>)]) -> Result<(), Error> {
    let Some((first, last)) = span(clicks) else { return Ok(()) };
    let sql = "INSERT INTO click_batches (first_at, last_at, clicks, data) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &values![first, last, count(clicks), columns::pack(columns)]).map(drop)
}

/// Nobody else moves what is recorded until this transaction ends. On SQLite nobody can anyhow.
fn lock(tx: &mut Tx<'_>) -> Result<(), Error> {
    match tx.dialect() {
        Dialect::Postgres => tx.batch("SELECT pg_advisory_xact_lock(7307198001)"),
        Dialect::Sqlite => Ok(()),
    }
}

/// Puts recorded clicks in better order; `None` when there is nothing to do, or else the numbers of the runs that are no more.
/// Locked against other nodes.
pub(super) fn tidy(tx: &mut Tx<'_>) -> Result<Option<Vec<i64>>, Error> {
    lock(tx)?;
    if feed::tidy(tx)? {
        return Ok(Some(Vec::new()));
    }
    let sql = "SELECT count(*), CAST(coalesce(sum(clicks), 0) AS BIGINT) FROM click_batches";
    if let Some(row) = tx.first(sql, &[])? {
        let mut row = row.columns("click_batches");
        let is_much = row.integer("count")? >= BATCHES || row.integer("clicks")? >= BATCHED_CLICKS;
        if is_much || has_batch_to_forget(tx)? {
            return order_batches(tx).map(|()| Some(Vec::new()));
        }
    }
    if let Some(run) = forget_in_a_run(tx)? {
        return Ok(Some(vec![run]));
    }
    let sql =
        "SELECT owner, class FROM click_runs WHERE class < $1 GROUP BY owner, class HAVING count(*) >= $2 LIMIT 1";
    match tx.first(sql, &values![LAST_CLASS, RUNS])? {
        Some(row) => {
            let mut row = row.columns("click_runs");
            let (owner, class) = (row.integer("owner")?, row.integer("class")?);
            merge_runs(tx, owner, class).map(Some)
        }
        None => Ok(None),
    }
}

fn order_batches(tx: &mut Tx<'_>) -> Result<(), Error> {
    let (mut words, mut clicks, mut done) = (Words::new(), Vec::new(), Vec::new());
    for row in tx.query("SELECT seq, clicks, data FROM click_batches ORDER BY seq LIMIT 256", &[])? {
        let mut row = row.columns("click_batches");
        done.push(row.integer("seq")?);
        let len = length(&mut row)?;
        let data = row.bytes("data")?;
        let chunk = Chunk::read(len, std::iter::once((Column::ALL, data.as_slice())));
        clicks.extend(chunk.and_then(|chunk| chunk.clicks(&mut words)).ok_or_else(|| row.corrupt("data"))?);
        if clicks.len() >= AT_A_TIME {
            break;
        }
    }
    clicks.sort_unstable();
    let mut writer = Writer::new(&words);
    for of_owner in clicks.chunk_by(|one, other| one.owner == other.owner) {
        write_run(tx, of_owner, &mut writer, NEVER)?;
    }
    // One by one: a batch that another node has brought meanwhile is not among them.
    for seq in done {
        tx.execute("DELETE FROM click_batches WHERE seq = $1", &values![seq])?;
    }
    Ok(())
}

/// Makes one run of several, which are no more then.
fn merge_runs(tx: &mut Tx<'_>, owner: i64, class: i64) -> Result<Vec<i64>, Error> {
    let (mut words, mut clicks, mut bare_to) = (Words::new(), Vec::new(), i64::MAX);
    let sql = "SELECT seq, bare_to FROM click_runs WHERE owner = $1 AND class = $2 ORDER BY clicks, seq LIMIT $3";
    let mut merged = Vec::new();
    for (place, row) in tx.query(sql, &values![owner, class, RUNS])?.into_iter().enumerate() {
        // Two at least, or nothing would ever be gained.
        if place >= 2 && clicks.len() >= AT_A_TIME {
            break;
        }
        let mut row = row.columns("click_runs");
        let run = row.integer("seq")?;
        bare_to = bare_to.min(row.integer("bare_to")?);
        clicks.extend(read_run(tx, run, &mut words)?);
        merged.push(run);
    }
    clicks.sort_unstable();
    replace_runs(tx, &merged, &clicks, &words, bare_to)?;
    Ok(merged)
}

/// Writes a run in place of others. They are deleted last, so that it does not get the number of one of them: what was counted
/// of runs is kept by their numbers.
fn replace_runs(tx: &mut Tx<'_>, old: &[i64], clicks: &[Click], words: &Words, bare_to: i64) -> Result<(), Error> {
    write_run(tx, clicks, &mut Writer::new(words), bare_to)?;
    old.iter().try_for_each(|run| delete_run(tx, *run))
}

/// Notes that clicks before a moment are to tell nothing of visitors any more; of one owner, or of all.
pub(super) fn forget(tx: &mut Tx<'_>, owner: Option<Owner>, before: Time) -> Result<(), Error> {
    let sql = "INSERT INTO forgotten_visitors (owner, before) VALUES ($1, $2) \
               ON CONFLICT (owner) DO UPDATE SET before = excluded.before \
               WHERE forgotten_visitors.before < excluded.before";
    let is_new = tx.execute(sql, &values![owner.map_or(EVERYBODY, Owner::number), before])? > 0;
    if is_new { feed::forget(tx, before) } else { Ok(()) }
}

/// Whether a batch has clicks of which something is to be forgotten.
fn has_batch_to_forget(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM click_batches WHERE first_at < (SELECT max(before) FROM forgotten_visitors) LIMIT 1";
    Ok(tx.first(sql, &[])?.is_some())
}

/// Writes a run anew that still tells what is to be forgotten, and says which one it was; `None` when there is none.
fn forget_in_a_run(tx: &mut Tx<'_>) -> Result<Option<i64>, Error> {
    let sql = "SELECT r.seq, f.before FROM click_runs r JOIN forgotten_visitors f ON f.owner = r.owner OR f.owner = $1 \
               WHERE r.first_at < f.before AND r.bare_to < f.before AND r.bare_to <= r.last_at LIMIT 1";
    let Some(row) = tx.first(sql, &values![EVERYBODY])? else { return Ok(None) };
    let mut row = row.columns("click_runs");
    let (run, before) = (row.integer("seq")?, row.integer("before")?);
    let mut words = Words::new();
    let mut clicks = read_run(tx, run, &mut words)?;
    clicks.iter_mut().filter(|click| click.at < before).for_each(Click::forget_visitor);
    clicks.sort_unstable();
    replace_runs(tx, &[run], &clicks, &words, before).map(|()| Some(run))
}

/// Removes some of what is recorded of these owners; `false` when nothing is left. What lies in batches that began before this
/// moment is put in order first, as a batch is everybody's and a run one owner's.
pub(super) fn remove(tx: &mut Tx<'_>, owners: [Owner; 2], before: Time) -> Result<bool, Error> {
    lock(tx)?;
    let batch = "SELECT 1 FROM click_batches WHERE first_at < $1 LIMIT 1";
    if tx.first(batch, &values![before])?.is_some() {
        return order_batches(tx).map(|()| true);
    }
    let [live, test] = owners;
    if let Some(row) = tx.first("SELECT seq FROM click_runs WHERE owner IN ($1, $2) LIMIT 1", &values![live, test])? {
        let run = row.columns("click_runs").integer("seq")?;
        return delete_run(tx, run).map(|()| true);
    }
    tx.execute("DELETE FROM forgotten_visitors WHERE owner IN ($1, $2)", &values![live, test]).map(|_| false)
}

fn read_run(tx: &mut Tx<'_>, run: i64, words: &mut Words) -> Result<Vec<Click>, Error> {
    let mut clicks = Vec::new();
    for row in tx.query("SELECT seq, clicks FROM click_chunks WHERE run = $1 ORDER BY seq", &values![run])? {
        let mut row = row.columns("click_chunks");
        let seq = row.integer("seq")?;
        let len = length(&mut row)?;
        let mut pieces = Vec::new();
        let sql = "SELECT key, data FROM click_columns WHERE key >= $1 AND key < $2";
        for piece in tx.query(sql, &values![seq * Column::MOST, (seq + 1) * Column::MOST])? {
            let mut piece = piece.columns("click_columns");
            let column = u8::try_from(piece.integer("key")? % Column::MOST).map_err(|_| piece.corrupt("key"))?;
            pieces.push((Column(column), piece.bytes("data")?));
        }
        let chunk = Chunk::read(len, pieces.iter().map(|(column, data)| (*column, data.as_slice())));
        clicks.extend(chunk.and_then(|chunk| chunk.clicks(words)).ok_or_else(|| row.corrupt("clicks"))?);
    }
    Ok(clicks)
}

fn delete_run(tx: &mut Tx<'_>, run: i64) -> Result<(), Error> {
    for row in tx.query("SELECT seq FROM click_chunks WHERE run = $1", &values![run])? {
        let seq = row.columns("click_chunks").integer("seq")?;
        let sql = "DELETE FROM click_columns WHERE key >= $1 AND key < $2";
        tx.execute(sql, &values![seq * Column::MOST, (seq + 1) * Column::MOST])?;
    }
    tx.execute("DELETE FROM click_chunks WHERE run = $1", &values![run])?;
    tx.execute("DELETE FROM click_runs WHERE seq = $1", &values![run]).map(drop)
}

/// Writes a run: clicks of one owner, sorted.
fn write_run(tx: &mut Tx<'_>, clicks: &[Click], writer: &mut Writer<'_>, bare_to: i64) -> Result<(), Error> {
    let (Some(click), Some((first, last))) = (clicks.first(), span(clicks)) else { return Ok(()) };
    let sql = "INSERT INTO click_runs (owner, class, clicks, first_at, last_at, bare_to) \
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq";
    let run = inserted(tx, sql, &values![click.owner, class(clicks.len()), count(clicks), first, last, bare_to])?;
    for chunk in clicks.chunks(CHUNK) {
        let visited = |click: Option<&Click>| click.map(|click| sortable(click.visited));
        let sql = "INSERT INTO click_chunks (run, clicks, first_link, last_link) VALUES ($1, $2, $3, $4) RETURNING seq";
        let seq = inserted(tx, sql, &values![run, count(chunk), visited(chunk.first()), visited(chunk.last())])?;
        let mut columns = writer.write(chunk);
        if chunk.len() < SMALL {
            columns = vec![(Column::ALL, columns::pack(&columns))];
        }
        for (column, data) in columns {
            let sql = "INSERT INTO click_columns (key, data) VALUES ($1, $2)";
            tx.execute(sql, &values![seq * Column::MOST + i64::from(column.0), data])?;
        }
    }
    Ok(())
}

/// The number of a link or a page as the database sorts it: written as if it were a link's, whatever it is.
const fn sortable(visited: u128) -> LinkId {
    LinkId::from_bits(visited)
}

fn inserted(tx: &mut Tx<'_>, sql: &str, values: &[Value]) -> Result<i64, Error> {
    let row = tx.first(sql, values)?.ok_or_else(|| Error::Defect("an insert gave no number".to_owned()))?;
    row.columns("click_runs").integer("seq")
}

/// How often eight goes into the number of clicks, as a power.
fn class(clicks: usize) -> i64 {
    i64::from(clicks.max(1).ilog2() / 3).min(LAST_CLASS)
}

fn span(clicks: &[Click]) -> Option<(i64, i64)> {
    let at = || clicks.iter().map(|click| click.at);
    at().min().zip(at().max())
}

pub(super) fn length(row: &mut Columns) -> Result<usize, Error> {
    let clicks = row.integer("clicks")?;
    usize::try_from(clicks).map_err(|_| row.corrupt("clicks"))
}

fn count(clicks: &[Click]) -> i64 {
    number(clicks.len())
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mask_core::question::Window;

    use super::{
        super::reading::{Part, each_chunk},
        *,
    };
    use crate::{Location, Options, Store};

    fn click(at: i64) -> Click {
        Click { owner: 2, visited: 7, at, visitor: 1, flags: 1, texts: [0; columns::TEXTS] }
    }

    #[test]
    fn a_question_that_takes_too_long_is_given_up_and_not_answered_in_part() {
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_mins(1) };
        let store = Store::open(&options).expect("a store");
        let connection = rusqlite::Connection::open(folder.path().join("clicks.db")).expect("a connection");
        let mut tx = Tx::Sqlite(&connection);
        write_run(&mut tx, &[click(1), click(2)], &mut Writer::new(&Words::new()), NEVER).expect("a run is written");
        let window = Window { from: Time::from_unix_millis(0), to: Time::from_unix_millis(10) };
        let mut read = |patience| {
            let mut clicks = 0;
            let part = Part { owner: None, window, visited: None, columns: &[Column::FLAGS], patience };
            let count = |chunk: &Chunk<'_>, _| {
                clicks += chunk.len;
                Some(())
            };
            each_chunk(&mut tx, &part, count).map(|()| clicks)
        };
        assert!(matches!(read(store.clicks.patience()), Ok(2)));
        assert!(matches!(read(crate::db::Patience::ended()), Err(Error::TooLong(_))));
    }

    #[test]
    fn runs_become_fewer_as_they_become_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { location: Location::Sqlite(folder.path()), pool_size: 1, timeout: Duration::from_mins(1) };
        let _store = Store::open(&options).expect("a store");
        let connection = rusqlite::Connection::open(folder.path().join("clicks.db")).expect("a connection");
        let mut tx = Tx::Sqlite(&connection);
        for at in 0..100 {
            write_run(&mut tx, &[click(at), click(at)], &mut Writer::new(&Words::new()), NEVER)
                .expect("a run is written");
            while tidy(&mut tx).expect("it is tidied").is_some() {}
        }
        let row = tx.first("SELECT count(*), sum(clicks) FROM click_runs", &[]).expect("it counts").expect("a row");
        let mut row = row.columns("click_runs");
        let (runs, clicks) = (row.integer("count").expect("a number"), row.integer("clicks").expect("a number"));
        assert!(runs < 2 * RUNS, "{runs} runs");
        assert_eq!(clicks, 200);
    }
}
