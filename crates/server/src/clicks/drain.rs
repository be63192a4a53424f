//! The drain: from the journal into the two sinks of the store, exactly once into each.
//!
//! The counters and the recorded clicks keep a position each, in the same transaction as what they took, so each is exact
//! by itself. As a rule both stand at the same place, and one read serves both. After a crash between the two, or while one
//! of them is away, they differ: then the one behind is brought level, in batches that end exactly where the other stands
//! ([`Drain::level`]), and after that they go on together.
//!
//! A batch is recorded first: only that says which clicks are their visitors' first of the day ([`Marks`]), and whoever is
//! told of a click as it is counted is told that too. Counters that are brought level find the marks again in the records.
//! They never wait for them: where the records are away, clicks are counted without marks, as limits depend on it.
//!
//! What is known of the positions here is a copy. A store that answers an error may still have committed (the answer was
//! late), and a batch that does not begin where its sink stands changes nothing and says so; in both cases the copy is
//! thrown away and read again. Nothing is ever doubled by trying again, which is why trying again is the only recovery.
//!
//! A batch that a sink refuses each time is sifted, and the clicks that it will not take are set aside in files ([`sift`]).
//!
//! Segments are given back up to the position of the sink that is behind. A store that is away makes the journal grow and
//! nothing else; redirects do not notice.
//!
//! Work is found by looking, at each interval; a [`DrainHandle::flush`] only makes it look now. Reading and enriching run
//! on a blocking thread: they take milliseconds a batch, and the runtimes answer redirects.

mod sift;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use mask_journal::{Cursor, Journal};
use mask_store::{Batch, Fact, Marks, Position, Store};
use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{aside::Sink, enrich::Enricher, record::Record, settle::Unsettled};
use crate::redirect::Hosts;
use sift::Refusals;

/// About 15,000 clicks with their headers. The more there are in a batch, the more of them are of the same links, and
/// each link's counter is written once; much more, and the commit would be a pause for the database's other writers.
const BATCH_BYTES: usize = 4 << 20;
/// Most steps of tidying after a round.
const TIDYING: usize = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a round did not get to its end. The next one goes on from what is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not take a batch, or did not say that it did.
    #[error("the store does not take clicks")]
    Store(#[from] mask_store::Error),
    /// The journal cannot be read.
    #[error("the click journal cannot be read")]
    Journal(#[from] mask_journal::Error),
    /// A sink stood elsewhere than was known here.
    #[error("the position of shard {shard} was moved by somebody else")]
    Moved {
        /// The shard.
        shard: u32,
    },
    /// What the store refuses cannot be written to a file either.
    #[error("refused clicks cannot be set aside")]
    Aside(#[source] std::io::Error),
    /// The program is ending.
    #[error("the program is ending")]
    Ending,
}

/// What was appended cannot be said to be counted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clicks in the journal cannot be counted now")]
pub struct Unavailable;

/// Asks the drain to look now.
#[derive(Clone, Debug)]
pub struct DrainHandle(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl DrainHandle {
    /// Waits until everything that was appended before this call is counted in the store.
    pub async fn flush(&self) -> Result<(), Unavailable> {
        let (done, is_done) = oneshot::channel();
        self.0.send(done).map_err(|_| Unavailable)?;
        is_done.await.map_err(|_| Unavailable)
    }
}

/// See the module.
pub struct Drain {
    journal: Arc<Journal>,
    store: Store,
    hosts: Arc<Hosts>,
    requests: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    /// Those who wait for the next round.
    asked: Vec<oneshot::Sender<()>>,
    /// How far each shard is, as far as is known; nothing after a trouble.
    shards: Option<HashMap<u32, Progress>>,
    /// Set while a round runs. A round that was dropped half-way may have moved a sink without knowing.
    is_under_way: bool,
    refusals: Refusals,
    /// The folder of what is set aside.
    aside: PathBuf,
    meters: Meters,
    /// Keeps the requests open while nobody else could send one.
    _handle: DrainHandle,
}

struct Meters {
    drained: Counter,
    unreadable: Counter,
    damaged_bytes: Counter,
    pending_bytes: Gauge,
}

/// How far a shard is in each sink; `None` before its first batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    counted: Option<Position>,
    recorded: Option<Position>,
}

impl Progress {
    fn of(&mut self, sink: Sink) -> &mut Option<Position> {
        match sink {
            Sink::Counters => &mut self.counted,
            Sink::Records => &mut self.recorded,
        }
    }

    /// The sink that is behind, where it stands, and where the other does.
    fn behind(self) -> Option<(Sink, Option<Position>, Position)> {
        match (self.counted, self.recorded) {
            (counted, Some(recorded)) if counted < Some(recorded) => Some((Sink::Counters, counted, recorded)),
            (Some(counted), recorded) if recorded < Some(counted) => Some((Sink::Records, recorded, counted)),
            _ => None,
        }
    }
}

/// What was read of a shard.
struct Piece {
    next: Position,
    facts: Vec<Fact>,
    is_full: bool,
    unreadable: u64,
    damaged_bytes: u64,
}

impl Piece {
    /// Whether there was nothing to be read. Damage is something: the position has to move over it.
    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.unreadable == 0 && self.damaged_bytes == 0
    }
}

/// What a round did, and what stopped each sink.
#[derive(Default)]
struct Round {
    facts: usize,
    uncounted: Option<Error>,
    unrecorded: Option<Error>,
}

impl Drain {
    /// A drain of this journal into this store; the hosts are our own, and the folder is for what the store refuses.
    pub fn new(journal: Arc<Journal>, store: Store, hosts: Arc<Hosts>, aside: PathBuf) -> (Self, DrainHandle) {
        let (sender, requests) = mpsc::unbounded_channel();
        let handle = DrainHandle(sender);
        let meters = Meters {
            drained: counter!("mask_clicks_drained_total"),
            unreadable: counter!("mask_clicks_unreadable_total"),
            damaged_bytes: counter!("mask_journal_damaged_bytes_total"),
            pending_bytes: gauge!("mask_journal_pending_bytes"),
        };
        let drain = Self {
            journal,
            store,
            hosts,
            requests,
            asked: Vec::new(),
            shards: None,
            is_under_way: false,
            refusals: Refusals::default(),
            aside,
            meters,
            _handle: handle.clone(),
        };
        (drain, handle)
    }

    /// Drains until stopped, then once more what is left, as far as the store takes it.
    pub async fn run(mut self, interval: Duration, stop: CancellationToken) {
        let mut pause = interval;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                Some(request) = self.requests.recv() => self.asked.push(request),
            }
            pause = match self.step().await {
                Ok(_) => {
                    if pause > interval {
                        tracing::info!("clicks are being drained again");
                    }
                    self.tidy().await;
                    interval
                }
                Err(error) => {
                    let pause = (pause * 2).min(LONGEST_PAUSE.max(interval));
                    tracing::warn!(error = &error as &dyn std::error::Error, next_try = ?pause, "clicks stay in the journal");
                    pause
                }
            };
        }
        while matches!(self.step().await, Ok(1..)) {}
    }

    /// Puts what is recorded in better order, a few steps at a time: what comes in meanwhile should not wait long.
    async fn tidy(&self) {
        for _ in 0..TIDYING {
            match self.store.tidy_clicks().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "recorded clicks could not be put in better order; they stay as they are");
                    return;
                }
            }
        }
    }

    /// One round over all shards: what lies in the journal as it begins is counted and recorded when it ends well. The
    /// number of facts that were counted.
    pub async fn step(&mut self) -> Result<usize, Error> {
        // Whoever asked has appended before; the reading begins after.
        while let Ok(request) = self.requests.try_recv() {
            self.asked.push(request);
        }
        let asked = std::mem::take(&mut self.asked);
        if std::mem::replace(&mut self.is_under_way, true) {
            self.shards = None;
        }
        let round = self.round().await;
        self.is_under_way = false;
        self.meters.pending_bytes.set(bytes_shown(self.journal.pending_bytes()));
        if round.uncounted.is_none() {
            for request in asked {
                // Nobody waits any more: then nobody needs to be told.
                let _ = request.send(());
            }
        }
        match round.uncounted.or(round.unrecorded) {
            Some(error) => {
                self.shards = None;
                Err(error)
            }
            None => Ok(round.facts),
        }
    }

    async fn round(&mut self) -> Round {
        let mut round = Round::default();
        if let Err(error) = self.learn_positions().await {
            round.uncounted = Some(error);
            return round;
        }
        for shard in self.journal.shards() {
            self.drain_shard(shard, &mut round).await;
            if let Err(error) = self.release(shard).await {
                round.unrecorded.get_or_insert(error);
            }
        }
        round
    }

    async fn learn_positions(&mut self) -> Result<(), Error> {
        if self.shards.is_some() {
            return Ok(());
        }
        let node = self.journal.node();
        let mut shards: HashMap<u32, Progress> = HashMap::new();
        for (shard, position) in self.store.counted_positions(node.to_owned()).await? {
            shards.entry(shard).or_default().counted = Some(position);
        }
        for (shard, position) in self.store.recorded_positions(node.to_owned()).await? {
            shards.entry(shard).or_default().recorded = Some(position);
        }
        self.shards = Some(shards);
        self.finish_setting_aside().await
    }

    async fn drain_shard(&mut self, shard: u32, round: &mut Round) {
        let sifted = self.sift(shard).await;
        let ready = if sifted.is_ok() { self.level(shard).await } else { sifted };
        match ready {
            Ok(()) => {}
            Err((Sink::Counters, error)) => return keep(&mut round.uncounted, error),
            // The counters go on alone: limits wait for them.
            Err((Sink::Records, error)) => keep(&mut round.unrecorded, error),
        }
        loop {
            let _work = mask_beat::long_work();
            let progress = self.progress(shard);
            let together = progress.behind().is_none();
            let from = progress.counted;
            let piece = match self.read(shard, from, BATCH_BYTES).await {
                Ok(piece) => piece,
                Err(error) => return keep(&mut round.uncounted, error),
            };
            self.tell(shard, &piece);
            if piece.is_empty() {
                return;
            }
            let (facts, is_full) = (piece.facts.len(), piece.is_full);
            let batch = self.batch(shard, from, piece.next, piece.facts);
            let marks = if together {
                self.record(&batch).await.map_err(|error| keep(&mut round.unrecorded, error)).ok()
            } else {
                None
            };
            if let Err(error) = self.count(&batch, marks).await {
                return keep(&mut round.uncounted, error);
            }
            round.facts += facts;
            self.meters.drained.increment(facts as u64);
            if !is_full {
                return;
            }
        }
    }

    /// Brings the sink that is behind exactly to where the other stands. A read that goes past that place is tried again
    /// with less, down to single records: the place is the end of one, so it is met.
    async fn level(&mut self, shard: u32) -> Result<(), (Sink, Error)> {
        let mut most_bytes = BATCH_BYTES;
        while let Some((sink, from, goal)) = self.progress(shard).behind() {
            let piece = self.read(shard, from, most_bytes).await.map_err(|error| (sink, error))?;
            let batch = if piece.next > goal && most_bytes > 1 {
                most_bytes /= 4;
                continue;
            } else if piece.next > goal || piece.is_empty() {
                // Between the two there is no record: the end of one segment is the beginning of the next.
                self.batch(shard, from, goal, Vec::new())
            } else {
                self.batch(shard, from, piece.next, piece.facts)
            };
            self.put(sink, &batch).await.map_err(|error| (sink, error))?;
        }
        Ok(())
    }

    /// Gives the sink that is behind what the other has.
    async fn put(&mut self, sink: Sink, batch: &Arc<Batch>) -> Result<(), Error> {
        match sink {
            Sink::Records => self.record(batch).await.map(drop),
            Sink::Counters => {
                let marks = self.store.marks(Arc::clone(batch)).await;
                if let Err(error) = &marks {
                    tracing::warn!(%error, "clicks are counted without a word on whose first of the day they are");
                }
                self.count(batch, marks.ok()).await
            }
        }
    }

    async fn record(&mut self, batch: &Arc<Batch>) -> Result<Marks, Error> {
        let answer = self.store.record_clicks(Arc::clone(batch)).await;
        let marks = self.refusals.note(Sink::Records, batch, answer)?.ok_or(Error::Moved { shard: batch.shard })?;
        self.moved(Sink::Records, batch);
        Ok(marks)
    }

    async fn count(&mut self, batch: &Arc<Batch>, marks: Option<Marks>) -> Result<(), Error> {
        let answer = self.store.count_clicks(Arc::clone(batch), marks).await;
        if !self.refusals.note(Sink::Counters, batch, answer)? {
            return Err(Error::Moved { shard: batch.shard });
        }
        self.moved(Sink::Counters, batch);
        Ok(())
    }

    /// The sink has taken the batch.
    fn moved(&mut self, sink: Sink, batch: &Batch) {
        let shards = self.shards.get_or_insert_default();
        *shards.entry(batch.shard).or_default().of(sink) = Some(batch.to);
    }

    async fn read(&self, shard: u32, from: Option<Position>, most_bytes: usize) -> Result<Piece, Error> {
        let (journal, hosts) = (Arc::clone(&self.journal), Arc::clone(&self.hosts));
        let read = move || {
            let (mut facts, mut unreadable, mut payload_bytes) = (Unsettled::default(), 0, 0);
            let mut enricher = Enricher::new(hosts);
            let batch = journal.read(shard, from.map(cursor), most_bytes, |payload| {
                payload_bytes += payload.len();
                match Record::decode(payload) {
                    Ok(record) => facts.add(&record, enricher.fact(&record)),
                    Err(_) => unreadable += 1,
                }
            })?;
            let next = Position { segment: batch.next.segment, byte: batch.next.offset };
            let is_full = payload_bytes >= most_bytes;
            Ok::<_, Error>((
                facts,
                Piece { next, facts: Vec::new(), is_full, unreadable, damaged_bytes: batch.damaged_bytes },
            ))
        };
        let (unsettled, piece) = tokio::task::spawn_blocking(read).await.map_err(|_| Error::Ending)??;
        Ok(Piece { facts: unsettled.settle(&self.store).await?, ..piece })
    }

    /// Gives back the segments that both sinks have left behind.
    async fn release(&self, shard: u32) -> Result<(), Error> {
        let Progress { counted: Some(counted), recorded: Some(recorded) } = self.progress(shard) else { return Ok(()) };
        let journal = Arc::clone(&self.journal);
        let release = move || journal.release(shard, cursor(counted.min(recorded)));
        Ok(tokio::task::spawn_blocking(release).await.map_err(|_| Error::Ending)??)
    }

    fn batch(&self, shard: u32, from: Option<Position>, to: Position, facts: Vec<Fact>) -> Arc<Batch> {
        Arc::new(Batch { node: self.journal.node().to_owned(), shard, from, to, facts, is_history: false })
    }

    fn progress(&self, shard: u32) -> Progress {
        self.shards.as_ref().and_then(|shards| shards.get(&shard)).copied().unwrap_or_default()
    }

    fn tell(&self, shard: u32, piece: &Piece) {
        if piece.unreadable == 0 && piece.damaged_bytes == 0 {
            return;
        }
        self.meters.unreadable.increment(piece.unreadable);
        self.meters.damaged_bytes.increment(piece.damaged_bytes);
        let (unreadable, damaged_bytes) = (piece.unreadable, piece.damaged_bytes);
        tracing::warn!(
            shard,
            unreadable,
            damaged_bytes,
            "a part of the click journal could not be read and was passed over"
        );
    }
}

/// The first trouble is the one that is told.
fn keep(place: &mut Option<Error>, error: Error) {
    place.get_or_insert(error);
}

fn cursor(position: Position) -> Cursor {
    Cursor { segment: position.segment, offset: position.byte }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and the last bytes of terabytes do not matter")]
fn bytes_shown(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
