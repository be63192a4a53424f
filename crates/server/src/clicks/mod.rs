//! Clicks: from the redirect into the journal, and from the journal into the store, each exactly once.
//!
//! **Who takes part.** Each redirect worker owns one shard's writer and appends a [`record`] before its answer leaves.
//! One thread ([`sync`]) puts the journal on the disk. One task ([`Drain`]) reads all shards, lets [`enrich`] make facts
//! of the records, asks the store what only it can tell of them ([`settle`]), and hands them to the store's two sinks: the
//! links' counters and the recorded clicks.
//!
//! **What survives.** A record survives the process as soon as it is appended. A batch and the position it reaches are
//! one transaction in each sink, so whatever is killed and whenever, each sink goes on exactly where it was.
//!
//! **Rejected.** A queue in memory before the journal (lost with the process); a position kept beside the journal (two
//! truths about one thing, and no transaction over both).

mod aside;
mod drain;
mod enrich;
pub(crate) mod record;
mod referrer;
mod settle;
mod sync;
mod tail;
pub(crate) mod visitor;

pub use aside::{AsideFile, Sink, aside_files};
pub use drain::{Drain, DrainHandle, Error, Unavailable};
pub use referrer::Referrer;
pub use settle::OWN_VIEW;
pub use sync::{SyncHandle, Unsynced, start_syncer};
pub use visitor::Salts;

use std::sync::Arc;

use mask_journal::{Journal, Writer};
use mask_store::Store;

/// The journal's writers, one for each worker: shards `0..count`.
///
/// Each begins above every segment that a stored position names, as a number that was released could otherwise come back
/// and hide its records behind the old position.
pub async fn writers(journal: &Arc<Journal>, store: &Store, count: u32) -> Result<Vec<Writer>, Error> {
    let counted = store.counted_positions(journal.node().to_owned()).await?;
    let recorded = store.recorded_positions(journal.node().to_owned()).await?;
    let mut writers = Vec::new();
    for shard in 0..count {
        let stored = [counted.get(&shard), recorded.get(&shard)].into_iter().flatten();
        let first = stored.map(|position| position.segment.saturating_add(1)).max().unwrap_or_default();
        writers.push(journal.writer(shard, first)?);
    }
    Ok(writers)
}
