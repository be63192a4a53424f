//! Sifting: what to do about a batch that a sink refuses each time.
//!
//! A store that is away takes the same batch later, so for that the drain waits. One that answers and refuses would refuse
//! for ever, and the journal would fill up behind a single click. So a place that the same sink has refused
//! [`REFUSALS`] times is sifted: pieces of it are tried, smaller and smaller, until those that are refused hold a single
//! click; these are set aside ([`aside`](super::super::aside)) and the sink is moved over them.
//!
//! When clicks are refused one after the other, it is the store that is ill, and single clicks would be years of work. Then
//! the pieces that are set aside grow with the number of those before them; so what is set aside without need is never
//! much more than what was refused in a row, and the first piece that is taken ends it.

use std::{collections::HashMap, fmt::Debug, sync::Arc};

use mask_store::{Batch, Position};

use super::{BATCH_BYTES, Drain, Error, Sink};
use crate::clicks::aside::{self, Piece};

/// How often a sink is asked to take the same place.
const REFUSALS: u32 = 5;
/// So many clicks set aside one by one, and none taken between them: from here on pieces are set aside whole.
const SINGLES: u32 = 16;

/// What each sink refused last.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<(u32, Sink), (Option<Position>, u32)>);

impl Refusals {
    /// Notes what a sink answered to a batch, and passes it on.
    pub(super) fn note<T>(
        &mut self,
        sink: Sink,
        batch: &Batch,
        answer: Result<T, mask_store::Error>,
    ) -> Result<T, Error> {
        match &answer {
            Ok(_) => {
                self.0.remove(&(batch.shard, sink));
            }
            Err(error) if is_refusal(error) => {
                let (place, times) = self.0.entry((batch.shard, sink)).or_default();
                *times = if *place == batch.from { *times + 1 } else { 1 };
                *place = batch.from;
            }
            Err(_) => {}
        }
        Ok(answer?)
    }

    fn is_for_good(&self, shard: u32, sink: Sink, place: Option<Position>) -> bool {
        self.0.get(&(shard, sink)).is_some_and(|(at, times)| *at == place && *times >= REFUSALS)
    }
}

/// Whether the store answered, and will answer the same next time.
fn is_refusal(error: &mask_store::Error) -> bool {
    matches!(error, mask_store::Error::Defect(_) | mask_store::Error::Corrupt(_))
}

impl Drain {
    /// Gets the sinks over what they refuse for good.
    pub(super) async fn sift(&mut self, shard: u32) -> Result<(), (Sink, Error)> {
        for sink in Sink::ALL {
            let place = *self.progress(shard).of(sink);
            if self.refusals.is_for_good(shard, sink, place) {
                self.sift_one(shard, sink).await.map_err(|error| (sink, error))?;
            }
        }
        Ok(())
    }

    /// Ends when a whole batch is taken, or nothing is left.
    async fn sift_one(&mut self, shard: u32, sink: Sink) -> Result<(), Error> {
        let (mut most_bytes, mut in_a_row) = (BATCH_BYTES, 0);
        loop {
            let from = *self.progress(shard).of(sink);
            let piece = self.read(shard, from, most_bytes).await?;
            if piece.is_empty() {
                return Ok(());
            }
            let batch = self.batch(shard, from, piece.next, piece.facts);
            match self.put(sink, &batch).await {
                Ok(()) if most_bytes == BATCH_BYTES => return Ok(()),
                Ok(()) => in_a_row = 0,
                Err(Error::Store(why)) if is_refusal(&why) && !batch.facts.is_empty() => {
                    if batch.facts.len() > 1 && in_a_row < SINGLES {
                        most_bytes = (most_bytes / 4).max(1);
                        continue;
                    }
                    self.set_aside(sink, &batch, &why).await?;
                    in_a_row += 1;
                    if in_a_row < SINGLES {
                        continue;
                    }
                }
                Err(error) => return Err(error),
            }
            most_bytes = (most_bytes * 4).min(BATCH_BYTES);
        }
    }

    /// The clicks are on the disk before the sink is moved over them.
    async fn set_aside(&mut self, sink: Sink, batch: &Arc<Batch>, why: &mask_store::Error) -> Result<(), Error> {
        let workspaces = self.store.list_workspaces().await?;
        let (folder, piece, refused) = (self.aside.clone(), Piece::of(sink, batch), Arc::clone(batch));
        let write = move || aside::write(&folder, &piece, &aside::files(&piece, &refused.facts, &workspaces));
        let written = tokio::task::spawn_blocking(write).await.map_err(|_| Error::Ending)?.map_err(Error::Aside)?;
        tracing::error!(
            error = why as &dyn std::error::Error,
            sink = sink.as_str(),
            clicks = batch.facts.len(),
            files = %written.display(),
            "clicks that the store refuses were set aside; `mask doctor` says how to bring them back"
        );
        metrics::counter!("mask_clicks_set_aside_total", "sink" => sink.as_str()).increment(batch.facts.len() as u64);
        self.move_over(Piece::of(sink, batch)).await
    }

    /// Moves the sinks over what was set aside and not moved over: the process died, or the store did not answer.
    pub(super) async fn finish_setting_aside(&mut self) -> Result<(), Error> {
        let folder = self.aside.clone();
        let pieces = move || aside::pieces(&folder);
        let pieces = tokio::task::spawn_blocking(pieces).await.map_err(|_| Error::Ending)?.map_err(Error::Aside)?;
        for piece in pieces {
            let is_ours = piece.node == self.journal.node();
            if is_ours && *self.progress(piece.shard).of(piece.sink) == piece.from {
                self.move_over(piece).await?;
            }
        }
        Ok(())
    }

    async fn move_over(&mut self, piece: Piece) -> Result<(), Error> {
        let batch = self.batch(piece.shard, piece.from, piece.to, Vec::new());
        self.put(piece.sink, &batch).await
    }
}
