//! Migrations: forward only, at start, under a lock.
//!
//! A migration is written for the program before it: it only adds, so that an old node goes on while a new one starts.
//! refinery was rejected: it takes no lock, and its check for a newer schema has no words of its own.

use super::{Dialect, Error, Tx, values};

/// The migrations of one part of the schema, oldest first: a name and its statements. A version is a place in the list.
pub(crate) type Migrations = &'static [Part];

/// A part of the schema with a history of its own.
pub(crate) struct Part {
    name: &'static str,
    steps: &'static [(&'static str, &'static str)],
}

macro_rules! part {
    ($dialect:literal, $part:literal: $($name:literal),+) => {
        Part { name: $part, steps: &[$(($name, include_str!(concat!("../../migrations/", $dialect, "/", $part, "/", $name, ".sql")))),+] }
    };
}

/// The main file on SQLite.
pub(crate) const MAIN_SQLITE: Migrations = &[
    part!("sqlite", "main": "0001_links", "0002_deleted_links", "0003_webhooks", "0004_qr_codes", "0005_bio_pages", "0006_mail", "0007_domains", "0008_api_keys", "0009_workspaces", "0010_people", "0011_certificates", "0012_accounts", "0013_teams", "0014_audit", "0015_recipients", "0016_usage", "0017_payload_versions", "0018_account_activity", "0019_search", "0020_pages", "0021_shares", "0022_slugs", "0023_changed_addresses", "0024_workspaces_served", "0025_requests", "0026_told_clicks"),
];
/// The file of recorded clicks on SQLite.
pub(crate) const CLICKS_SQLITE: Migrations = &[part!("sqlite", "clicks": "0001_clicks", "0002_feed")];
/// Both parts in one database on PostgreSQL.
pub(crate) const POSTGRES: Migrations = &[
    part!("postgres", "main": "0001_links", "0002_deleted_links", "0003_webhooks", "0004_qr_codes", "0005_bio_pages", "0006_mail", "0007_domains", "0008_api_keys", "0009_workspaces", "0010_people", "0011_certificates", "0012_accounts", "0013_teams", "0014_audit", "0015_recipients", "0016_usage", "0017_payload_versions", "0018_account_activity", "0019_search", "0020_pages", "0021_shares", "0022_slugs", "0023_changed_addresses", "0024_workspaces_served", "0025_requests", "0026_told_clicks"),
    part!("postgres", "clicks": "0001_clicks", "0002_feed"),
];

/// An arbitrary number, the same for all programs that migrate this schema.
const LOCK: i64 = 0x6d61_736b;

/// Applies what is missing. On SQLite the lock is the write lock; on PostgreSQL the caller's transaction holds it.
pub(crate) fn run(tx: &mut Tx<'_>, parts: Migrations) -> Result<(), Error> {
    match tx.dialect() {
        Dialect::Postgres => {
            // A migration, and the wait for another program's, take as long as they take.
            tx.batch("SET LOCAL statement_timeout = 0")?;
            tx.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS locked", &values![LOCK])?;
            apply(tx, parts)
        }
        Dialect::Sqlite => {
            tx.batch("BEGIN IMMEDIATE")?;
            let result = apply(tx, parts);
            tx.batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            result
        }
    }
}

fn apply(tx: &mut Tx<'_>, parts: Migrations) -> Result<(), Error> {
    tx.batch("CREATE TABLE IF NOT EXISTS migrations (part TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (part, version))")?;
    for part in parts {
        let found = version(tx, part.name)?;
        let known = i64::try_from(part.steps.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(Error::NewerSchema { found, known });
        }
        for (version, (name, statements)) in (1_i64..).zip(part.steps).filter(|(version, _)| *version > found) {
            tx.batch(statements)?;
            tx.execute(
                "INSERT INTO migrations (part, version, name) VALUES ($1, $2, $3)",
                &values![part.name, version, *name],
            )?;
        }
    }
    Ok(())
}

fn version(tx: &mut Tx<'_>, part: &str) -> Result<i64, Error> {
    let row = tx.first("SELECT coalesce(max(version), 0) FROM migrations WHERE part = $1", &values![part])?;
    row.map_or(Ok(0), |row| row.columns("migrations").integer("version"))
}

/// The newest migration of the main part.
pub(crate) fn schema_version(tx: &mut Tx<'_>) -> Result<i64, Error> {
    version(tx, "main")
}

/// How far each part is. Only reads.
pub(crate) fn versions(tx: &mut Tx<'_>, parts: Migrations) -> Result<Vec<crate::inspect::PartVersion>, Error> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'",
        Dialect::Postgres => "SELECT count(*) FROM pg_class WHERE oid = to_regclass('migrations')",
    };
    let tables = tx.first(sql, &[])?.map_or(Ok(0), |row| row.columns("schema").integer("count"))?;
    let look = |part: &Part| {
        let found = if tables == 0 { 0 } else { version(tx, part.name)? };
        let known = i64::try_from(part.steps.len()).unwrap_or(i64::MAX);
        Ok(crate::inspect::PartVersion { name: part.name, found: (found > 0).then_some(found), known })
    };
    parts.iter().map(look).collect()
}
