//! SQLite: one thread that writes, some that read.

use std::{
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    Error, Row, Tx, Value,
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
                thread::sleep(PAUSE);
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

pub(super) fn start_reader(connection: Connection, steps: Arc<Queue>) -> JoinHandle<()> {
    spawn("mask-read", move || {
        while let Some(step) = steps.next() {
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
    SELECT command, seq, search_text FROM temp.search_notes ORDER BY place; DELETE FROM temp.search_notes";

/// What a writing connection does beside its steps.
#[derive(Clone, Copy)]
pub(super) struct Duties {
    has_search: bool,
}

/// Finds out what the schema of this connection asks of a writer, and gets it ready.
pub(super) fn prepare_writer(connection: &Connection) -> Result<Duties, Error> {
    // Without this SQLite prepares a statement anew whenever a value is bound that could change its plan, as that of a
    // LIMIT or of a column that is sorted by could: a sixth of all the work of writing. A writer's plans are the same for
    // all values. https://sqlite.org/queryplanner-ng.html#qpstab
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(explain)?;
    let has_search =
        !query(connection, "SELECT 1 FROM main.sqlite_schema WHERE name = 'links_search'", &[])?.is_empty();
    if has_search {
        batch(connection, NOTE_CHANGES)?;
    }
    Ok(Duties { has_search })
}

pub(super) fn start_writer(connection: Connection, duties: Duties, steps: Arc<Queue>) -> JoinHandle<()> {
    spawn("mask-write", move || {
        while let Some(first) = steps.next() {
            let mut next = Some(first);
            let mut ran = Vec::new();
            let result = (|| {
                // IMMEDIATE takes the write lock at once: a transaction that reads first and writes later can fail.
                batch(&connection, "BEGIN IMMEDIATE")?;
                while let Some(step) = next.take() {
                    ran.extend(run_in_savepoint(&connection, step)?);
                    next = if ran.len() < MOST_PER_COMMIT { steps.try_next() } else { None };
                }
                if duties.has_search {
                    batch(&connection, INDEX_CHANGES)?;
                }
                batch(&connection, "COMMIT")
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
        }
    })
}

/// Runs one step so that its failure takes nothing else with it. An error here ends the whole transaction.
fn run_in_savepoint(connection: &Connection, step: super::queue::Step) -> Result<Option<Ran>, Error> {
    if let Err(error) = batch(connection, "SAVEPOINT step") {
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
    batch(connection, if is_good { "RELEASE step" } else { "ROLLBACK TO step; RELEASE step" })?;
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

pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(&numbered(sql)).map_err(explain)?;
    statement.execute(rusqlite::params_from_iter(values)).map(|rows| rows as u64).map_err(explain)
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
    fn a_writer_prepares_a_statement_once() {
        let connection = Connection::open_in_memory().expect("a database");
        prepare_writer(&connection).expect("prepared");
        batch(&connection, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)").expect("a table");
        let mut statement =
            connection.prepare("SELECT a FROM t WHERE b = ?1 ORDER BY a LIMIT ?2").expect("a statement");
        for number in 0..10 {
            assert!(!statement.exists([number, number + 1]).expect("an answer"));
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
