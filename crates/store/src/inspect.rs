//! A look at a database that changes nothing: it makes no file and no table, and takes no lock that a server waits for.

use std::{fs, path::Path};

use crate::{CertificateStandings, Error, Location, Options, Outgoing, certificates, db, mail};

/// What a look at the databases found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The engine's name and version, as it calls itself.
    pub engine: String,
    /// The parts of the schema.
    pub parts: Vec<PartVersion>,
    /// How the outbox of letters is, where there is one.
    pub outgoing: Option<Outgoing>,
    /// How certificates from an authority are, where there may be some.
    pub certificates: Option<CertificateStandings>,
}

/// How far one part of the schema is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartVersion {
    /// The part's name.
    pub name: &'static str,
    /// The newest migration that was applied; `None` where there is no schema yet.
    pub found: Option<i64>,
    /// The newest migration that this program has.
    pub known: i64,
}

/// Looks at the databases as they are. Blocks.
pub fn inspect(options: &Options<'_>) -> Result<Inspection, Error> {
    match options.location {
        Location::Sqlite(folder) => {
            let main = sqlite_file(&folder.join("mask.db"), db::MAIN_SQLITE, options)?;
            let clicks = sqlite_file(&folder.join("clicks.db"), db::CLICKS_SQLITE, options)?;
            Ok(Inspection { parts: [main.parts, clicks.parts].concat(), ..main })
        }
        Location::Postgres(url) => db::look_postgres(url, options.timeout, |tx| look(tx, db::POSTGRES)),
    }
}

fn sqlite_file(path: &Path, parts: db::Migrations, options: &Options<'_>) -> Result<Inspection, Error> {
    // Empty is what SQLite takes a file for that was made and never written to; there is nothing to read in it.
    let is_there = fs::metadata(path).is_ok_and(|file| file.len() > 0);
    db::look_sqlite(is_there.then_some(path), options.timeout, |tx| look(tx, parts))
}

fn look(tx: &mut db::Tx<'_>, parts: db::Migrations) -> Result<Inspection, Error> {
    Ok(Inspection {
        engine: tx.engine()?,
        parts: db::versions(tx, parts)?,
        outgoing: mail::look(tx)?,
        certificates: certificates::look(tx)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Store;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("Unicode")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_look_makes_nothing_and_finds_what_is_there() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("a%20b?c#d");
        fs::create_dir(&folder).expect("a folder");
        let options = Options { location: Location::Sqlite(&folder), pool_size: 1, timeout: Duration::from_secs(5) };
        let before = inspect(&options).expect("an empty folder is no fault");
        assert!(before.parts.iter().all(|part| part.found.is_none() && part.known > 0), "{before:?}");
        assert_eq!(names(&folder), Vec::<String>::new());

        let store = Store::open(&options).expect("a store");
        let open = inspect(&options).expect("a store that is in use can be looked at");
        assert!(open.parts.iter().all(|part| part.found == Some(part.known)), "{open:?}");

        // A copy that nobody has open.
        let files = ["clicks.db", "mask.db"];
        let closed = tempfile::tempdir().expect("a folder");
        for file in files {
            let copy = rusqlite::Connection::open(folder.join(file)).expect("a database");
            copy.execute("VACUUM INTO ?1", [closed.path().join(file).to_str()]).expect("a copy");
        }
        let options = Options { location: Location::Sqlite(closed.path()), ..options };
        assert_eq!(inspect(&options).expect("a closed store"), open);
        assert_eq!(names(closed.path()), files);
        drop(store);
    }
}
