//! One thin layer over two drivers.
//!
//! A step of the store is a synchronous closure over a [`Tx`], run by a thread that owns a database connection; callers
//! wait for its answer without blocking. On SQLite one thread writes: it takes every step that is waiting, runs each
//! inside a savepoint, and commits once for all of them, so that a durable write costs a share of one `fsync`. On
//! PostgreSQL each thread of the pool owns a connection. Both speak the same query text with `$1` parameters and the
//! same four kinds of [`Value`].
//!
//! Rejected: an async driver for both. It crosses threads for every row on SQLite, and commits every write alone; see
//! `docs/decisions/0001-database-layer.md`.

mod migrate;
mod postgres;
mod queue;
mod sqlite;
mod value;

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub(crate) use migrate::{CLICKS_SQLITE, MAIN_SQLITE, POSTGRES, schema_version};
pub(crate) use value::{Columns, Row, Value, values};

use crate::Options;
pub(crate) use migrate::{Migrations, versions};
use queue::Queue;

/// Why the store could not do something. Absence is never an error, and an error is never absence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is locked, is full, or did not answer in time. Trying later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A database's file is not what this program has written: the disk or somebody else has changed it.
    #[error("the database is damaged: {0}; restore it from a backup, or move it away to begin with an empty one")]
    Damaged(String),
    /// A question takes longer than it may. A part of the answer would pass for the whole, so there is none.
    #[error("the question takes longer than {0:?}")]
    TooLong(Duration),
    /// A row holds what the program could never have written there.
    #[error("{0} holds a value that cannot be read")]
    Corrupt(Place),
    /// The database was written by a newer program than this.
    #[error(
        "the database has schema version {found}, and this program knows versions up to {known}; start a newer program on it"
    )]
    NewerSchema {
        /// The newest migration that the database has seen.
        found: i64,
        /// The newest migration that this program has.
        known: i64,
    },
    /// The database refused a statement: a defect of this program.
    #[error("the database refused a statement: {0}")]
    Defect(String),
}

/// Where a bad value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, as far as it could be read.
    pub row: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} of row {}", self.table, self.column, self.row)
    }
}

/// Which database this is, for the few queries that must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The beginning of an insert that is taken back, where it fails, by its step alone. SQLite keeps a copy of whatever a
    /// statement overwrites if the statement could fail halfway, to take back that half; and it goes through the copies of
    /// the whole step at the end of each statement, which is much of the work where a step makes a hundred links.
    /// https://sqlite.org/lang_conflict.html
    pub(crate) const fn insert(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR FAIL",
            Self::Postgres => "INSERT",
        }
    }
}

/// A query that runs beside others.
#[derive(Clone, Debug)]
pub(crate) struct Paced {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    /// How long its turn is.
    pub(crate) turn: Duration,
}

/// How far a query that runs beside others has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    /// The time that it took until now.
    pub(crate) spent: Duration,
    /// How much of that was over when the first number came.
    pub(crate) opening: Duration,
    /// Whether it has no more numbers.
    pub(crate) has_ended: bool,
}

/// Who asks queries that run side by side.
pub(crate) trait Asker {
    /// Takes a number from the query at this place, and what the row says of it: its second column, where it has one. Says
    /// whether that was enough of all.
    fn take(&mut self, tx: &mut Tx<'_>, place: usize, number: i64, is_so: bool) -> Result<ControlFlow<()>, Error>;

    /// Whose turn it is; nobody's when there is nothing more to ask. A query that has ended gets no turn.
    fn next(&mut self, runs: &[Run]) -> Option<usize>;
}

/// A connection that a step may use: a transaction in a write, a connection in a read.
pub(crate) enum Tx<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut postgres::Connection),
}

impl Tx<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// All rows.
    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(connection) => sqlite::query(connection, sql, values),
            Self::Postgres(connection) => connection.query(sql, values),
        }
    }

    /// The first row, if there is one.
    pub(crate) fn first(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Runs queries for numbers side by side, a turn at a time, as whoever asks for them says. For SQLite alone: a server
    /// chooses among ways by itself.
    pub(crate) fn side_by_side(&mut self, queries: &[Paced], asker: &mut impl Asker) -> Result<(), Error> {
        match self {
            Self::Sqlite(connection) => sqlite::side_by_side(connection, queries, asker),
            Self::Postgres(_) => Err(Error::Defect("a server runs one query at a time".to_owned())),
        }
    }

    /// Changes rows and says how many.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Self::Postgres(connection) => connection.execute(sql, values),
        }
    }

    /// Statements without parameters or answers.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, sql),
            Self::Postgres(connection) => connection.batch(sql),
        }
    }

    /// Runs a part of a step that must not meet a row of somebody else's: `None` when it did, and then nothing of it is
    /// left. On SQLite nobody else writes meanwhile, so there it is a defect like any other.
    pub(crate) fn attempt<T>(
        &mut self,
        part: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self {
            Self::Sqlite(_) => part(self).map(Some),
            Self::Postgres(connection) => connection.attempt(part),
        }
    }

    /// Runs a step that only reads, all of it from the state of one moment.
    pub(crate) fn snapshot<T>(&mut self, step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match self {
            // What a step that panicked has left open is ended first.
            Self::Sqlite(connection) if !connection.is_autocommit() => self.batch("ROLLBACK; BEGIN")?,
            Self::Sqlite(_) => self.batch("BEGIN")?,
            Self::Postgres(_) => self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?,
        }
        let result = step(self);
        self.batch("ROLLBACK")?;
        result
    }

    /// Which state of the database this connection sees, where that can be told: equal ones are the same. It is another one
    /// after each commit of anybody else, whatever that changed.
    pub(crate) fn state(&mut self) -> Result<Option<State>, Error> {
        let Self::Sqlite(connection) = self else { return Ok(None) };
        // Numbers of two connections tell nothing of each other: https://sqlite.org/pragma.html#pragma_data_version
        let connection = std::ptr::from_ref(*connection).addr();
        let Some(row) = self.first("PRAGMA data_version", &[])? else { return Ok(None) };
        Ok(Some(State { connection, version: row.columns("data_version").integer("data_version")? }))
    }

    /// The engine's name and version.
    pub(crate) fn engine(&mut self) -> Result<String, Error> {
        let (name, sql) = match self.dialect() {
            Dialect::Sqlite => ("SQLite", "SELECT sqlite_version()"),
            Dialect::Postgres => ("PostgreSQL", "SELECT current_setting('server_version')"),
        };
        let version = self.first(sql, &[])?.map(|row| row.columns("engine").text("version")).transpose()?;
        Ok(format!("{name} {}", version.unwrap_or_default()))
    }
}

/// A state of a database, as one connection knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) connection: usize,
    version: i64,
}

/// How long a step may go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    until: Instant,
    most: Duration,
}

impl Patience {
    /// One that begins now.
    pub(crate) fn of(most: Duration) -> Self {
        Self { until: Instant::now() + most, most }
    }

    /// One that is over.
    #[cfg(test)]
    pub(crate) fn ended() -> Self {
        Self { until: Instant::now(), most: Duration::ZERO }
    }

    /// An error once it is over.
    pub(crate) fn check(self) -> Result<(), Error> {
        if Instant::now() >= self.until { Err(Error::TooLong(self.most)) } else { Ok(()) }
    }
}

/// One database: its queue of steps, and the threads that run them.
pub(crate) struct Db {
    reads: Arc<Queue>,
    scans: Arc<Queue>,
    writes: Arc<Queue>,
    timeout: Duration,
    threads: Arc<Mutex<Threads>>,
}

/// The threads of a SQLite file.
#[derive(Default)]
struct Threads {
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Db {
    /// Opens (or creates) a file and brings it up to date.
    pub(crate) fn sqlite(path: &Path, migrations: Migrations, options: &Options<'_>) -> Result<Self, Error> {
        // Whoever is to mend a file wants to know which one.
        Self::open_sqlite(path, migrations, options).map_err(|error| match error {
            Error::Damaged(why) => Error::Damaged(format!("{}: {why}", path.display())),
            other => other,
        })
    }

    fn open_sqlite(path: &Path, migrations: Migrations, options: &Options<'_>) -> Result<Self, Error> {
        let connection = sqlite::open(path, options.timeout)?;
        migrate::run(&mut Tx::Sqlite(&connection), migrations)?;
        let duties = sqlite::prepare_writer(&connection)?;
        let (reads, scans, writes) = (Queue::new(), Queue::new(), Queue::new());
        let writer =
            sqlite::start_writer(connection, sqlite::open(path, options.timeout)?, duties, Arc::clone(&writes));
        let mut readers = Vec::new();
        for _ in 0..options.pool_size.max(1) {
            readers.push(sqlite::start_reader(sqlite::open(path, options.timeout)?, Arc::clone(&reads), false));
            readers.push(sqlite::start_reader(sqlite::open(path, options.timeout)?, Arc::clone(&scans), true));
        }
        let threads = Arc::new(Mutex::new(Threads { readers, writer: Some(writer) }));
        Ok(Self { reads, scans, writes, timeout: options.timeout, threads })
    }

    /// Connects to a server and brings its schema up to date.
    pub(crate) fn postgres(url: &str, migrations: Migrations, options: &Options<'_>) -> Result<Self, Error> {
        let server = postgres::Server::at(url, options.timeout)?;
        let mut connection = server.connect()?;
        connection.transaction(|tx| migrate::run(tx, migrations))?;
        // Reads and writes share the connections: a server has no single writer to protect.
        let steps = Queue::new();
        postgres::start(&server, connection, options.pool_size.max(1), &steps);
        steps.join();
        steps.join();
        let (reads, scans) = (Arc::clone(&steps), Arc::clone(&steps));
        // A server minds its own files, and one that is away would hold up whoever waits for these threads.
        Ok(Self { reads, scans, writes: steps, timeout: options.timeout, threads: Arc::default() })
    }

    /// Takes no more steps, whoever may still hold this, and waits until those before are done. The last connection to a
    /// SQLite file that is closed takes the log into it and removes the log, so the writer's is closed when no other is
    /// there: of two that end at the same moment neither would be the last.
    pub(crate) fn close(&self) {
        self.reads.close();
        self.scans.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        threads.readers.into_iter().for_each(wait_for);
        self.writes.close();
        threads.writer.into_iter().for_each(wait_for);
    }

    /// Runs a step that reads a long list. On SQLite such steps have threads of their own, so that nobody who asks for one
    /// row, least of all a redirect, waits behind them.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.wait(&self.scans, false, step).await
    }

    /// How long a step may go on, so that it can still say that it took too long.
    pub(crate) fn patience(&self) -> Patience {
        Patience::of(self.timeout.mul_f32(0.9))
    }

    /// Runs a step of a question, among those that read long lists. Its patience is what it may take, however long the database may
    /// for anything else, and also ends the wait: for its turn, or for something that does not look at the time.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        patience: Patience,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        patience.check()?;
        let answer = self.scans.push(false, step);
        match tokio::time::timeout_at(patience.until.into(), answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(panicked())),
            Err(_) => Err(Error::TooLong(patience.most)),
        }
    }

    /// Runs a step that only reads, and finds what it reads by an index.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.wait(&self.reads, false, step).await
    }

    /// Runs a step in a transaction: all of it when it answers `Ok`, none of it otherwise.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.wait(&self.writes, true, step).await
    }

    async fn wait<T: Send + 'static>(
        &self,
        queue: &Queue,
        is_write: bool,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let answer = queue.push(is_write, step);
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(panicked())),
            Err(_) => Err(Error::Unavailable(format!("no answer within {:?}", self.timeout))),
        }
    }
}

impl Clone for Db {
    fn clone(&self) -> Self {
        self.reads.join();
        self.scans.join();
        self.writes.join();
        let (reads, scans, writes) = (Arc::clone(&self.reads), Arc::clone(&self.scans), Arc::clone(&self.writes));
        Self { reads, scans, writes, timeout: self.timeout, threads: Arc::clone(&self.threads) }
    }
}

impl Drop for Db {
    // The threads hold the queues as well, so it is the users that are counted; the last one lets the threads end.
    fn drop(&mut self) {
        self.reads.leave();
        self.scans.leave();
        self.writes.leave();
    }
}

/// A step panicked, and its thread went on without it.
fn panicked() -> Error {
    Error::Defect("a step of the store panicked".to_owned())
}

fn wait_for(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

/// Runs a step on a SQLite file that is only read, or on an empty database in memory where there is no file.
pub(crate) fn look_sqlite<T>(
    path: Option<&Path>,
    timeout: Duration,
    step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    step(&mut Tx::Sqlite(&sqlite::open_to_look(path, timeout)?))
}

/// Runs a step on a PostgreSQL database in a transaction that may not write.
pub(crate) fn look_postgres<T>(
    url: &str,
    timeout: Duration,
    step: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    postgres::Server::at(url, timeout)?.connect()?.transaction(|tx| {
        tx.batch("SET TRANSACTION READ ONLY")?;
        step(tx)
    })
}
