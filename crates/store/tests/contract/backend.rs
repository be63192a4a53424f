//! A store on one of the databases, with nothing in it yet.

use std::time::Duration;

use mask_store::{Error, Location, Options, Store};
use tempfile::TempDir;

use crate::postgres::{Database, apart};

/// An open store, and the database below it. The store is the first field, so that it is closed first.
pub(crate) struct Backend {
    pub(crate) store: Store,
    pub(crate) place: Place,
}

/// What a store stands on.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

/// Long enough for any step on a busy machine: a test that waits for the end of it says so.
const PATIENCE: Duration = Duration::from_mins(1);

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("a folder can be made"))
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(Database::new())
    }

    /// Opens a store here.
    pub(crate) fn open(&self) -> Result<Store, Error> {
        self.open_within(PATIENCE)
    }

    /// Opens a store here that waits so long for its database.
    pub(crate) fn open_within(&self, timeout: Duration) -> Result<Store, Error> {
        apart(|| match self {
            Self::Sqlite(folder) => {
                Store::open(&Options { location: Location::Sqlite(folder.path()), pool_size: 2, timeout })
            }
            Self::Postgres(database) => {
                Store::open(&Options { location: Location::Postgres(&database.url()), pool_size: 2, timeout })
            }
        })
    }

    /// Runs statements on the main database behind the store's back.
    pub(crate) fn sql(&self, statements: &str) {
        match self {
            Self::Sqlite(folder) => sqlite(folder, "mask.db")
                .execute_batch(statements)
                .unwrap_or_else(|error| panic!("{statements}: {error}")),
            Self::Postgres(database) => database.sql(statements),
        }
    }

    /// Runs statements on the database of clicks behind the store's back.
    pub(crate) fn clicks_sql(&self, statements: &str) {
        match self {
            Self::Sqlite(folder) => sqlite(folder, "clicks.db")
                .execute_batch(statements)
                .unwrap_or_else(|error| panic!("{statements}: {error}")),
            Self::Postgres(database) => database.sql(statements),
        }
    }
}

/// A connection to one of the files, beside those of the store.
pub(crate) fn sqlite(folder: &TempDir, file: &str) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join(file)).expect("the file can be opened")
}

impl Backend {
    pub(crate) fn at(place: Place) -> Self {
        Self { store: place.open().expect("an empty database opens"), place }
    }

    /// Runs a test on it.
    pub(crate) fn run(self, test: impl AsyncFnOnce(&Self)) {
        runtime().block_on(test(&self));
    }
}

/// Threads that run futures.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made")
}

/// Makes each of these functions a test on every database: `links::sqlite::create`, `links::postgres::create`.
macro_rules! on_every_backend {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::backend::Backend::at($crate::backend::Place::sqlite()).run(super::$name);
            })+
        }
        mod postgres {
            $(#[test]
            fn $name() {
                $crate::backend::Backend::at($crate::backend::Place::postgres()).run(super::$name);
            })+
        }
    };
}
pub(crate) use on_every_backend;
