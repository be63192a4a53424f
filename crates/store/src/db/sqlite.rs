//! SQLite: one thread that writes, some that read.

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{self, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mask_beat::long_work;
use rusqlite::{
    Connection, ErrorCode, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    Asker, Error, Paced, Row, Run, Tx, Value,
    queue::{Queue, Ran},
};

/// Most steps that share one commit: enough to spread the cost of an `fsync`, few enough that nobody waits long.
const MOST_PER_COMMIT: usize = 256;

/// Prepared statements kept by a connection.
const STATEMENTS: usize = 128;

pub(super) fn open(path: &Path, timeout: Duration) -> Result<Connection, Error> {
    let connection = Connection::open(path)
        .map_err(|error| Error::Unavailable(format!("cannot open {}: {error}", path.display())))?;
    connection.busy_timeout(timeout).map_err(explain)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this SQLite prepares a statement anew whenever a value is bound that could change its plan, as that of a
    // LIMIT, of a LIKE or of a column that is sorted by could: a sixth of all the work of writing, and twenty microseconds
    // for each link that a list tests by its number. Plans here are the same for all values.
    // https://sqlite.org/queryplanner-ng.html#qpstab
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(explain)?;
    keep_a_log(&connection, timeout)?;
    // FULL: a commit is on the disk before it is acknowledged, so that power may fail too.
    batch(
        &connection,
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Switches the file to a write-ahead log, which it stays with. Two who open a new file at the same moment stand in each
/// other's way here, and SQLite answers at once instead of waiting, as it does elsewhere; so the wait is ours.
fn keep_a_log(connection: &Connection, timeout: Duration) -> Result<(), Error> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut pauses = timeout.as_millis() / PAUSE.as_millis();
    loop {
        match connection.execute_batch("PRAGMA journal_mode = WAL") {
            Err(error) if pauses > 0 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                pauses -= 1;
                // Whoever ends the writer does not wait for this.
                thread::park_timeout(PAUSE);
            }
            result => return result.map_err(explain),
        }
    }
}

/// Opens a file for reading alone, or an empty database in memory.
///
/// A reader of a database that nobody has open would leave the files of its log behind. Where there is no log nobody
/// writes, so the file is read as one that cannot change, which needs none.
pub(super) fn open_to_look(path: Option<&Path>, timeout: Duration) -> Result<Connection, Error> {
    let Some(path) = path else {
        return Connection::open_in_memory().map_err(explain);
    };
    let name = path.display().to_string();
    let is_open = Path::new(&format!("{name}-wal")).exists();
    // https://sqlite.org/uri.html §3.2
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let address = format!("file:{escaped}?immutable={}", u8::from(!is_open));
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY
        | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX
        | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(address, flags)
        .map_err(|error| Error::Unavailable(format!("cannot open {name}: {error}")))?;
    connection.busy_timeout(timeout).map_err(explain)?;
    Ok(connection)
}

/// Starts a thread for reading; of one or a few rows, or of long lists.
pub(super) fn start_reader(connection: Connection, steps: Arc<Queue>, is_of_lists: bool) -> JoinHandle<()> {
    spawn("mask-read", move || {
        while let Some(step) = steps.next() {
            let _work = is_of_lists.then(long_work);
            // A step that panicked has dropped its caller's channel; reading leaves nothing to mend.
            if let Ok(Some(ran)) = step.run(&mut Tx::Sqlite(&connection)) {
                (ran.answer)(Ok(()));
            }
        }
    })
}

/// Prepares the connection that writes for tables whose index is written at the end of a transaction.
const NOTE_CHANGES: &str = include_str!("search.sql");
const INDEX_CHANGES: &str = "INSERT INTO links_search (links_search, rowid, search_text) \
    SELECT command, seq, search_text FROM temp.search_notes ORDER BY place";
const FORGET_CHANGES: &str = "DELETE FROM temp.search_notes";

/// What a link is found by lies all over indexes of a hundred megabytes at a million links, so the one connection that keeps
/// them has room for a good part of them; it takes what it uses and no more.
const ROOM_FOR_INDEXES: &str = "PRAGMA cache_size = -64000";

/// The log is copied into the database by a thread of its own ([`start_copier`]); the writer does it itself only when that
/// does not keep up, at 64 MB of log. So much is read again within a tenth of a second after a crash.
const LEAVE_COPYING: &str = "PRAGMA wal_autocheckpoint = 16000";

/// What a writing connection does beside its steps.
#[derive(Clone, Copy)]
pub(super) struct Duties {
    has_search: bool,
}

/// Finds out what the schema of this connection asks of a writer, and gets it ready.
pub(super) fn prepare_writer(connection: &Connection) -> Result<Duties, Error> {
    batch(connection, LEAVE_COPYING)?;
    let has_search =
        !query(connection, "SELECT 1 FROM main.sqlite_schema WHERE name = 'links_search'", &[])?.is_empty();
    if has_search {
        batch(connection, NOTE_CHANGES)?;
        batch(connection, ROOM_FOR_INDEXES)?;
    }
    Ok(Duties { has_search })
}

/// Copies the log into the database, so that whoever writes does not stop for it. A page that changes with each commit, as the
/// ends of most indexes do, is copied once for many commits. Nothing waits for this thread, and where it does not keep up
/// the writer takes its work over.
fn start_copier(connection: Connection) -> (SyncSender<()>, JoinHandle<()>) {
    const PAUSE: Duration = Duration::from_millis(20);
    let (committed, commits) = mpsc::sync_channel(1);
    let copier = spawn("mask-copy", move || {
        while commits.recv().is_ok() {
            let work = long_work();
            if let Err(error) = copy_log(&connection) {
                tracing::debug!(%error, "the log could not be copied into the database; the writer will do it");
            }
            drop(work);
            // Whoever ends the writer does not wait for this.
            thread::park_timeout(PAUSE);
        }
    });
    (committed, copier)
}

/// Copies what is in the log if it is much.
fn copy_log(connection: &Connection) -> Result<(), Error> {
    const MUCH: i64 = 2000;
    // Says whether somebody is at it, how many pages the log has, and how many of them are copied; copies nothing.
    let state = query(connection, "PRAGMA wal_checkpoint(NOOP)", &[])?;
    let pages = |row: &Row| match row.0[..] {
        [_, Value::Integer(all), Value::Integer(copied)] => all - copied,
        _ => 0,
    };
    if state.first().is_some_and(|row| pages(row) >= MUCH) {
        query(connection, "PRAGMA wal_checkpoint(PASSIVE)", &[])?;
    }
    Ok(())
}

pub(super) fn start_writer(
    connection: Connection,
    copying: Connection,
    duties: Duties,
    steps: Arc<Queue>,
) -> JoinHandle<()> {
    spawn("mask-write", move || {
        let (committed, copier) = start_copier(copying);
        while let Some(first) = steps.next() {
            let _work = long_work();
            let mut next = Some(first);
            let mut ran = Vec::new();
            let result = (|| {
                // IMMEDIATE takes the write lock at once: a transaction that reads first and writes later can fail.
                run(&connection, "BEGIN IMMEDIATE")?;
                while let Some(step) = next.take() {
                    ran.extend(run_in_savepoint(&connection, step)?);
                    next = if ran.len() < MOST_PER_COMMIT { steps.try_next() } else { None };
                }
                if duties.has_search {
                    run(&connection, INDEX_CHANGES)?;
                    run(&connection, FORGET_CHANGES)?;
                }
                run(&connection, "COMMIT")
            })();
            if let Err(error) = &result {
                // A step that was never run still waits for an answer: its channel closes with it.
                tracing::error!(%error, steps = ran.len(), "a write could not be committed");
                if !connection.is_autocommit() {
                    let _ = batch(&connection, "ROLLBACK");
                }
            }
            let kept = result.map_err(|error| error.to_string());
            for step in ran {
                (step.answer)(kept.clone().map_err(Error::Unavailable));
            }
            if let (Some(unrun), Err(why)) = (next, kept) {
                unrun.refuse(&why);
            }
            // Where it is at work already, or has ended, there is nothing to tell it.
            let _ = committed.try_send(());
        }
        // The last connection that is closed removes the log, so it is this one.
        drop(committed);
        copier.thread().unpark();
        let _ = copier.join();
        drop(connection);
    })
}

/// Runs one step so that its failure takes nothing else with it. An error here ends the whole transaction.
fn run_in_savepoint(connection: &Connection, step: super::queue::Step) -> Result<Option<Ran>, Error> {
    if let Err(error) = run(connection, "SAVEPOINT step") {
        step.refuse(&error.to_string());
        return Err(error);
    }
    let ran = step.run(&mut Tx::Sqlite(connection));
    // A full disk or an IO error ends the transaction behind our back (https://sqlite.org/lang_transaction.html §3).
    if connection.is_autocommit() {
        if let Ok(Some(ran)) = ran {
            (ran.answer)(Err(Error::Unavailable("the transaction was ended by the database".to_owned())));
        }
        return Err(Error::Unavailable("the transaction was ended by the database".to_owned()));
    }
    let is_good = matches!(&ran, Ok(Some(ran)) if ran.is_good);
    if !is_good {
        run(connection, "ROLLBACK TO step")?;
    }
    run(connection, "RELEASE step")?;
    Ok(ran.unwrap_or(None))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).expect("the system can start a thread")
}

pub(super) fn query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
    let mut statement = connection.prepare_cached(&numbered(sql)).map_err(explain)?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(explain)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(explain)? {
        let values =
            (0..columns).map(|column| row.get_ref(column).map(read).map_err(explain)).collect::<Result<_, _>>()?;
        all.push(Row(values));
    }
    Ok(all)
}

pub(super) fn side_by_side(connection: &Connection, queries: &[Paced], asker: &mut impl Asker) -> Result<(), Error> {
    // A look at the clock takes as long as some numbers.
    const ROWS_A_LOOK: usize = 16;
    let prepare = |query: &Paced| connection.prepare_cached(&numbered(&query.sql)).map_err(explain);
    let mut statements = queries.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    let mut cursors = Vec::new();
    for (statement, query) in statements.iter_mut().zip(queries) {
        let has_word = statement.column_count() > 1;
        cursors.push((statement.query(rusqlite::params_from_iter(&query.values)).map_err(explain)?, has_word));
    }
    let mut runs = vec![Run::default(); queries.len()];
    while let Some(place) = asker.next(&runs).filter(|place| !runs[*place].has_ended) {
        let ((rows, has_word), run) = (&mut cursors[place], &mut runs[place]);
        let is_first = run.spent.is_zero();
        let began = Instant::now();
        'turn: loop {
            for _ in 0..ROWS_A_LOOK {
                let Some(row) = rows.next().map_err(explain)? else {
                    run.has_ended = true;
                    break 'turn;
                };
                if is_first && run.opening.is_zero() {
                    run.opening = began.elapsed();
                }
                let number = row.get(0).map_err(explain)?;
                let is_so = !*has_word || row.get(1).map_err(explain)?;
                if asker.take(&mut Tx::Sqlite(connection), place, number, is_so)?.is_break() {
                    return Ok(());
                }
            }
            if began.elapsed() >= queries[place].turn {
                break;
            }
        }
        run.spent += began.elapsed();
    }
    Ok(())
}

pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(&numbered(sql)).map_err(explain)?;
    statement.execute(rusqlite::params_from_iter(values)).map(|rows| rows as u64).map_err(explain)
}

/// A statement without parameters that comes again and again.
fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    execute(connection, sql, &[]).map(drop)
}

pub(super) fn batch(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.execute_batch(sql).map_err(explain)
}

/// `$1` is a name to SQLite, bound in the order of first appearance; `?1` is the number that PostgreSQL means by `$1`.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        // No column is a float; as text it is refused by whoever reads it.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => {
            String::from_utf8(text.to_vec()).map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Text)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Boolean(value) => ValueRef::Integer(i64::from(*value)),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn explain(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied,
        ) => Error::Unavailable(error.to_string()),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Damaged(error.to_string()),
        _ => Error::Defect(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn the_log_is_copied_when_it_is_much() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || open(&folder.path().join("test.db"), Duration::from_mins(1)).expect("a database");
        let (writing, copying) = (open(), open());
        batch(&writing, LEAVE_COPYING).expect("prepared");
        batch(&writing, "CREATE TABLE t (a BLOB)").expect("a table");
        let state = |pages: u32| {
            batch(&writing, &format!("INSERT INTO t VALUES (zeroblob({pages} * 4096))")).expect("a row");
            copy_log(&copying).expect("it is copied");
            let rows = query(&copying, "PRAGMA wal_checkpoint(NOOP)", &[]).expect("an answer");
            rows[0].0.clone()
        };
        assert!(matches!(state(100)[..], [_, Value::Integer(100..1000), Value::Integer(0)]), "it is little");
        let [_, Value::Integer(all), Value::Integer(copied)] = state(4500)[..] else { panic!("numbers") };
        assert!(all > 4500 && copied == all, "{copied} of {all}");
    }

    #[test]
    fn a_statement_is_prepared_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = open(&folder.path().join("test.db"), Duration::from_mins(1)).expect("a database");
        batch(&connection, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)").expect("a table");
        let mut statement =
            connection.prepare("SELECT a FROM t WHERE b = ?1 ORDER BY a LIMIT ?2").expect("a statement");
        for number in 0..10 {
            assert!(!statement.exists([number, number + 1]).expect("an answer"));
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
