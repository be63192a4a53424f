//! How many requests callers make, on all nodes together, so that a limit is one for all of them.
//!
//! Each node counts in memory and brings what is new a few times a second. In the same breath it is told what all have counted,
//! of those whom it brings: nobody else matters to it. On SQLite there is one program, which knows by itself.

use crate::{
    Error, Store,
    db::{Dialect, Tx, Value, values},
    webhooks::{parts, places},
};

/// So many requests of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    /// Who: a number that all nodes have for the same one.
    pub caller: i64,
    /// How many.
    pub requests: i64,
}

fn add(tx: &mut Tx<'_>, minute: i64, made: &[Made]) -> Result<Vec<Made>, Error> {
    let mut all = Vec::with_capacity(made.len());
    for part in parts(made) {
        let mut bound: Vec<Value> = values![minute].into();
        bound.extend(part.iter().flat_map(|made| values![made.caller, made.requests]));
        let rows = places(part.len(), 2, 1, |place| format!("($1, {})", place.join(", ")));
        let sql = format!(
            "INSERT INTO requests (minute, caller, requests) VALUES {rows} ON CONFLICT (minute, caller) \
             DO UPDATE SET requests = requests.requests + excluded.requests RETURNING caller, requests"
        );
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("requests");
            all.push(Made { caller: row.integer("caller")?, requests: row.integer("requests")? });
        }
    }
    Ok(all)
}

impl Store {
    /// Adds requests that these callers have made within a minute, each of them named once, and says how many each has made on
    /// all nodes, in any order. `None`, and nothing done, on SQLite, where nobody else counts.
    pub async fn add_requests(&self, minute: i64, mut made: Vec<Made>) -> Result<Option<Vec<Made>>, Error> {
        // In one order on all nodes, so that two can never wait for each other's rows.
        made.sort_unstable();
        let work = move |tx: &mut Tx<'_>| match tx.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => add(tx, minute, &made).map(Some),
        };
        self.main.write(work).await
    }

    /// Forgets what was made before a minute, some of it at a time; says how much.
    pub async fn forget_requests(&self, before: i64, limit: u32) -> Result<u64, Error> {
        let work = move |tx: &mut Tx<'_>| match tx.dialect() {
            Dialect::Sqlite => Ok(0),
            Dialect::Postgres => {
                let sql = "DELETE FROM requests WHERE (minute, caller) IN \
                           (SELECT minute, caller FROM requests WHERE minute < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
                tx.execute(sql, &values![before, i64::from(limit)])
            }
        };
        self.main.write(work).await
    }
}
