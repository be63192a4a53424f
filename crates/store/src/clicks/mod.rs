//! Clicks: from a journal into the store, exactly once.
//!
//! A batch and the journal position that it reaches are committed in one transaction, so after any crash the next batch
//! begins where the last one that counted ended. The counters (in the main database) and the records (in that of
//! clicks) each have such a position, as no transaction spans both; either may be ahead of the other, and neither loses
//! nor doubles anything.

mod block;

use std::collections::HashMap;

use mask_core::{id::LinkId, time::Time, workspace::Owner};

use crate::{
    Error, Store,
    db::{Db, Tx, values},
};

/// How far a journal has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// The byte within it where reading goes on.
    pub byte: u64,
}

/// A recorded click, view or scan: all that statistics will ever know of it. There is no address in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// Whose link.
    pub owner: Owner,
    /// Which link.
    pub link: LinkId,
    /// Whether it counts: a person's GET.
    pub is_counted: bool,
    /// What kind of client it was.
    pub class: &'static str,
    /// Why it was taken for that.
    pub reason: &'static str,
    /// Which of the link's destinations was chosen: `url`, `ios`, `android`, `rule:0`, `variant:0`.
    pub choice: String,
    /// The class of device.
    pub device: &'static str,
    /// The family of the operating system.
    pub os: &'static str,
    /// The family of the browser.
    pub browser: &'static str,
    /// The first language that was asked for.
    pub language: Option<String>,
    /// The host that referred here.
    pub referrer: Option<String>,
    /// Stands for the visitor for a day, and for nobody afterwards.
    pub visitor: i64,
}

/// Facts from one part of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The journal's node.
    pub node: String,
    /// The journal's shard.
    pub shard: u32,
    /// Where the batch begins; `None` at the beginning of the journal.
    pub from: Option<Position>,
    /// Where it ends.
    pub to: Position,
    /// What is in it.
    pub facts: Vec<Fact>,
}

/// One of the two places that clicks go to.
#[derive(Clone, Copy)]
struct Sink {
    positions: &'static str,
}

const COUNTERS: Sink = Sink { positions: "counted_positions" };
const RECORDS: Sink = Sink { positions: "recorded_positions" };

impl Sink {
    async fn positions(self, db: &Db, node: String) -> Result<HashMap<u32, Position>, Error> {
        db.read(move |tx| {
            let rows = tx.query(
                &format!("SELECT node, shard, segment, byte FROM {} WHERE node = $1", self.positions),
                &values![node],
            )?;
            let mut positions = HashMap::new();
            for row in rows {
                let mut row = row.columns(self.positions);
                let _ = row.text("node")?;
                let mut number = |column| {
                    let number = row.integer(column)?;
                    u64::try_from(number).map_err(|_| row.corrupt(column))
                };
                let (shard, segment, byte) = (number("shard")?, number("segment")?, number("byte")?);
                let shard = u32::try_from(shard).map_err(|_| row.corrupt("shard"))?;
                positions.insert(shard, Position { segment, byte });
            }
            Ok(positions)
        })
        .await
    }

    /// Moves the position over the batch; `false` when it does not stand where the batch begins.
    fn advance(self, tx: &mut Tx<'_>, batch: &Batch) -> Result<bool, Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (segment, byte) = (number(batch.to.segment), number(batch.to.byte));
        let moved = match batch.from {
            None => {
                let sql = format!(
                    "INSERT INTO {} (node, shard, segment, byte) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    self.positions
                );
                tx.execute(&sql, &values![&batch.node, batch.shard, segment, byte])?
            }
            Some(from) => {
                let sql = format!(
                    "UPDATE {} SET segment = $3, byte = $4 WHERE node = $1 AND shard = $2 AND segment = $5 AND byte = $6",
                    self.positions
                );
                tx.execute(
                    &sql,
                    &values![&batch.node, batch.shard, segment, byte, number(from.segment), number(from.byte)],
                )?
            }
        };
        Ok(moved == 1)
    }
}

impl Store {
    /// How far each shard of a node's journal has been counted.
    pub async fn counted_positions(&self, node: String) -> Result<HashMap<u32, Position>, Error> {
        COUNTERS.positions(&self.main, node).await
    }

    /// How far each shard of a node's journal has been recorded.
    pub async fn recorded_positions(&self, node: String) -> Result<HashMap<u32, Position>, Error> {
        RECORDS.positions(&self.clicks, node).await
    }

    /// Adds a batch to the links' counters. `false`, and nothing done, when it was counted before.
    pub async fn count_clicks(&self, batch: std::sync::Arc<Batch>) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                if !COUNTERS.advance(tx, &batch)? {
                    return Ok(false);
                }
                let mut counts: HashMap<LinkId, i64> = HashMap::new();
                for fact in batch.facts.iter().filter(|fact| fact.is_counted) {
                    *counts.entry(fact.link).or_default() += 1;
                }
                // In order of id, so that two nodes can never wait for each other's rows.
                let mut counts: Vec<_> = counts.into_iter().collect();
                counts.sort_unstable();
                for (link, count) in counts {
                    tx.execute("UPDATE links SET clicks = clicks + $2 WHERE id = $1", &values![link, count])?;
                }
                Ok(true)
            })
            .await
    }

    /// Records a batch. `false`, and nothing done, when it was recorded before.
    pub async fn record_clicks(&self, batch: std::sync::Arc<Batch>) -> Result<bool, Error> {
        self.clicks
            .write(move |tx| {
                if !RECORDS.advance(tx, &batch)? {
                    return Ok(false);
                }
                let times = || batch.facts.iter().map(|fact| fact.at);
                if let (Some(first), Some(last)) = (times().min(), times().max()) {
                    let sql = "INSERT INTO click_blocks (first_at, last_at, facts, data) VALUES ($1, $2, $3, $4)";
                    let count = i64::try_from(batch.facts.len()).unwrap_or(i64::MAX);
                    tx.execute(sql, &values![first, last, count, block::write(&batch.facts)])?;
                }
                Ok(true)
            })
            .await
    }

    /// How many clicks of each class a link has on record. Reads every block: for diagnosis and tests.
    pub async fn recorded_classes(&self, owner: Owner, link: LinkId) -> Result<HashMap<String, i64>, Error> {
        self.clicks
            .scan(move |tx| {
                let mut classes: HashMap<String, i64> = HashMap::new();
                for row in tx.query("SELECT seq, data FROM click_blocks ORDER BY seq", &[])? {
                    let mut row = row.columns("click_blocks");
                    let _ = row.integer("seq")?;
                    let data = row.bytes("data")?;
                    let facts = block::read(&data).ok_or_else(|| row.corrupt("data"))?;
                    for fact in facts.iter().filter(|fact| fact.owner == owner && fact.link == link) {
                        *classes.entry(fact.class().to_owned()).or_default() += 1;
                    }
                }
                Ok(classes)
            })
            .await
    }
}
