//! The salts by which visitors are told apart for a day.
//!
//! There is one row. It holds the salt of its day and that of the next, so that whoever has read it once can go over
//! midnight without the database, and all nodes come to the same salt. The first to ask on a new day moves the row on:
//! yesterday's salt is overwritten, and with it goes whatever could lead from a stored number to an address. Both salts
//! keep their length, so that SQLite writes over the same bytes of the file; PostgreSQL keeps the old row until it is
//! vacuumed, as it does with every row.

use crate::{Error, Store, db::values};

/// The salt of a day and that of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorSalts {
    /// The day, counted from 1970 in UTC.
    pub day: i64,
    /// Its salt.
    pub today: Vec<u8>,
    /// The salt of the day after it.
    pub tomorrow: Vec<u8>,
}

impl Store {
    /// The salts of this day. Those that are there hold; what is not there yet is taken from `new`. What comes back is of a
    /// later day than was asked for when another node's clock is ahead.
    pub async fn visitor_salts(&self, new: VisitorSalts) -> Result<VisitorSalts, Error> {
        self.main
            .write(move |tx| {
                let VisitorSalts { day, today, tomorrow } = new;
                let new = values![day, today, tomorrow];
                tx.execute(
                    "INSERT INTO visitor_salts (id, day, today, tomorrow) VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING",
                    &new,
                )?;
                tx.execute(
                    "UPDATE visitor_salts SET today = CASE WHEN day + 1 = $1 THEN tomorrow ELSE $2 END, tomorrow = $3, \
                     day = $1 WHERE id = 1 AND day < $1",
                    &new,
                )?;
                let row = tx.first("SELECT day, today, tomorrow FROM visitor_salts WHERE id = 1", &[])?;
                let row = row.ok_or_else(|| Error::Defect("a row vanished in its own transaction".to_owned()))?;
                let mut row = row.columns("visitor_salts");
                Ok(VisitorSalts {
                    day: row.integer("day")?,
                    today: row.bytes("today")?,
                    tomorrow: row.bytes("tomorrow")?,
                })
            })
            .await
    }
}
