//! The hot path: [`Writer::append`] is a bounds check, a copy, a CRC and three stores.
//!
//! Everything else (another segment, its allocation, its mapping) was done beforehand by
//! [`Journal::maintain`]; only if that has not come round in the time one segment lasts does the writer make a
//! segment itself. A writer that finds no space keeps its full segment, answers with the reason, and tries again at
//! the next append, cheaply: a disk that refused is not asked again before `maintain` or `release` has seen it recover.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::segment::Live;
use crate::shard::Shard;
use crate::{AppendError, Error, Journal, record};

/// A receipt for one appended record, to be compared with [`Journal::synced`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The shard the record was appended to.
    pub shard: u32,
    /// How many records were appended to the shard since the journal was opened, this one included.
    pub sequence: u64,
}

/// The one appender of a shard. It may move to another thread, and is used by one at a time.
pub struct Writer {
    journal: Arc<Journal>,
    pub(crate) shard: Arc<Shard>,
    live: Option<Live>,
    sequence: u64,
    not_sync: PhantomData<Cell<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("shard", &self.shard.number())
            .field("segment", &self.live.as_ref().map(Live::number))
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn begin(journal: Arc<Journal>, shard: Arc<Shard>, first_segment_at_least: u64) -> Result<Self, Error> {
        shard.claim(first_segment_at_least)?;
        let mut writer = Self {
            journal,
            sequence: shard.appended.load(Ordering::Acquire),
            shard,
            live: None,
            not_sync: PhantomData,
        };
        // No space is no reason not to start: the redirects go on, and each append says what it lost. Other trouble
        // (permissions, a missing folder) is better told at the start than counted for ever.
        match writer.create() {
            Ok(first) => writer.move_to(first),
            Err(CreateError::Refused(_)) => {}
            Err(CreateError::Failed(error)) if matches!(AppendError::from(&error), AppendError::DiskFull) => {}
            Err(CreateError::Failed(source)) => {
                return Err(Error::io("create a segment in", &writer.shard.folder)(source));
            }
        }
        Ok(writer)
    }

    /// The shard this writer appends to.
    pub fn shard(&self) -> u32 {
        self.shard.number()
    }

    /// How many of this shard's records are on the disk; a record is, when its ticket's sequence is not above.
    pub fn synced(&self) -> u64 {
        self.shard.synced()
    }

    /// Appends one record. Once this returns the record survives the death of the process.
    pub fn append(&mut self, payload: &[u8]) -> Result<Ticket, AppendError> {
        self.append_with(payload.len(), |to| to.copy_from_slice(payload))
    }

    /// Appends a record of exactly `payload_bytes`, which `encode` writes straight into the mapping; it is given zeros.
    /// If `encode` panics, nothing is appended.
    pub fn append_with(&mut self, payload_bytes: usize, encode: impl FnOnce(&mut [u8])) -> Result<Ticket, AppendError> {
        let record_bytes = record::record_bytes(payload_bytes)
            .filter(|bytes| *bytes <= self.journal.segment_bytes())
            .ok_or(AppendError::TooLarge)?;
        let live = self.room_for(record_bytes)?;
        live.append(record_bytes, payload_bytes, encode);
        self.sequence += 1;
        self.shard.appended.store(self.sequence, Ordering::Release);
        Ok(Ticket { shard: self.shard.number(), sequence: self.sequence })
    }

    fn room_for(&mut self, record_bytes: usize) -> Result<&mut Live, AppendError> {
        let fits = |live: &Live| live.fits(record_bytes);
        let is_good = |live: &Live| fits(live) && !live.open.is_abandoned();
        if !self.live.as_ref().is_some_and(is_good) {
            let rolled = self.roll();
            // A segment that could not be synced still survives the process: better than nothing.
            if !self.live.as_ref().is_some_and(fits) {
                rolled?;
            }
        }
        self.live.as_mut().ok_or(AppendError::Full)
    }

    #[cold]
    fn roll(&mut self) -> Result<(), AppendError> {
        let next = match self.shard.take_spare() {
            Some(spare) => spare,
            None => self.create_inline()?,
        };
        self.move_to(next);
        Ok(())
    }

    fn create_inline(&self) -> Result<Live, AppendError> {
        if let Some(refusal) = self.shard.refusal() {
            return Err(refusal);
        }
        self.create().map_err(|error| match error {
            CreateError::Refused(reason) => reason,
            CreateError::Failed(error) => AppendError::from(&error),
        })
    }

    fn create(&self) -> Result<Live, CreateError> {
        match self.journal.create_segment(&self.shard) {
            Ok(Some(live)) => Ok(live),
            Ok(None) => Err(CreateError::Refused(AppendError::Full)),
            Err(error) => Err(CreateError::Failed(error)),
        }
    }

    fn move_to(&mut self, next: Live) {
        let before = self.live.take();
        let late = self.shard.begin(&next, before);
        self.live = Some(next);
        if let Some(late) = late {
            self.journal.discard(late);
        }
    }
}

enum CreateError {
    Refused(AppendError),
    Failed(std::io::Error),
}

impl Drop for Writer {
    /// Leaves everything readable, and gives back the space that was prepared and not used.
    fn drop(&mut self) {
        let last = self.live.take();
        // While it is still live, so that it cannot be released at the same time.
        if let Some(last) = &last {
            self.journal.truncate(&last.open);
        }
        if let Some(spare) = self.shard.end(last) {
            self.journal.discard(spare);
        }
    }
}
