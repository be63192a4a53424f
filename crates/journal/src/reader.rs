//! Reading: whole, published, valid records in order, and an exact account of whatever is not one.
//!
//! In a segment of this process the end is what the writer has published; in a recovered one it is the first place that
//! is not a valid record. There, bytes that are not zero behind the end are what a killed process was writing, or what a
//! loss of power or a bad disk left: they are reported once, when the reader passes them. Nothing after the first damage
//! of a recovered segment is believed: its length word may be the damage, so where the next record
//! begins is not known.
//!
//! `pread` and not the mapping: see the crate's text.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::Error;
use crate::record::{self, Frame, HEADER_BYTES};
use crate::segment::{Origin, Segment};
use crate::shard::{Place, Shard};

const CHUNK_BYTES: u64 = 256 << 10;

/// A place between two records of a shard: plain data, to be stored together with what was read before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cursor {
    /// The number of the segment.
    pub segment: u64,
    /// The bytes from the beginning of the segment.
    pub offset: u64,
}

/// What one call of [`crate::Journal::read`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Where to go on.
    pub next: Cursor,
    /// How many records were handed over.
    pub records: usize,
    /// The bytes of their payloads.
    pub payload_bytes: usize,
    /// Bytes that were passed over because they are not valid records: from the end of the valid ones to the last byte
    /// that is not zero. After `kill -9` this may be one record that was being written and never acknowledged.
    pub damaged_bytes: u64,
}

impl Batch {
    pub(crate) fn empty(next: Cursor) -> Self {
        Self { next, records: 0, payload_bytes: 0, damaged_bytes: 0 }
    }
}

/// Why the reading of one segment stopped.
enum Stop {
    BatchFull,
    CaughtUp,
    SegmentRead,
}

pub(crate) fn read(shard: &Shard, from: Cursor, max_bytes: usize, mut each: impl FnMut(&[u8])) -> Result<Batch, Error> {
    let mut batch = Batch::empty(from);
    while let Some(place) = shard.place(batch.next.segment) {
        if place.segment.number > batch.next.segment {
            batch.next = Cursor { segment: place.segment.number, offset: 0 };
        }
        let stop =
            read_segment(&place, &mut batch, max_bytes, &mut each).map_err(Error::io("read", &place.segment.path))?;
        if !matches!(stop, Stop::SegmentRead) || !shard.has_after(batch.next.segment) {
            break;
        }
        batch.next = Cursor { segment: batch.next.segment.saturating_add(1), offset: 0 };
    }
    Ok(batch)
}

fn read_segment(place: &Place, batch: &mut Batch, max_bytes: usize, each: &mut impl FnMut(&[u8])) -> io::Result<Stop> {
    let segment = &*place.segment;
    // Known to have been read: its damage, if any, was reported then.
    if !place.is_live && segment.is_read_to(batch.next.offset) {
        return Ok(Stop::SegmentRead);
    }
    let limit = match &segment.origin {
        Origin::Recovered { .. } => segment.file_bytes(),
        Origin::Written { .. } => segment.end_at_most(),
    };
    if place.is_live && batch.next.offset >= limit {
        return Ok(Stop::CaughtUp);
    }
    let mut window = Window::open(segment, limit)?;
    while let Some(record) = window.record(segment, batch.next.offset)? {
        each(record.payload);
        batch.records += 1;
        batch.payload_bytes += record.payload.len();
        batch.next.offset += record.record_bytes;
        if batch.payload_bytes >= max_bytes {
            return Ok(Stop::BatchFull);
        }
    }
    let damaged_bytes = match &segment.origin {
        Origin::Written { .. } => limit.saturating_sub(batch.next.offset),
        Origin::Recovered { .. } => window.used_bytes_from(batch.next.offset)?,
    };
    batch.damaged_bytes += damaged_bytes;
    match &segment.origin {
        // The writer goes on behind the damage, and so do we.
        Origin::Written { .. } => batch.next.offset = batch.next.offset.max(limit),
        Origin::Recovered { end } => {
            // Set already if two read at once, and then to the same place.
            let _ = end.set(batch.next.offset.min(segment.file_bytes()));
        }
    }
    Ok(if place.is_live { Stop::CaughtUp } else { Stop::SegmentRead })
}

struct Record<'a> {
    payload: &'a [u8],
    record_bytes: u64,
}

/// A part of a segment file in memory.
struct Window {
    file: File,
    bytes: Vec<u8>,
    start: u64,
    /// Where reading must stop: the committed end, or the end of the file.
    limit: u64,
}

impl Window {
    fn open(segment: &Segment, limit: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(&segment.path)?, bytes: Vec::new(), start: 0, limit })
    }

    /// The valid record at `offset`, if there is one that ends before the limit.
    fn record(&mut self, segment: &Segment, offset: u64) -> io::Result<Option<Record<'_>>> {
        if !offset.is_multiple_of(record::ALIGNMENT_BYTES as u64) {
            return Ok(None);
        }
        let head = self.at(offset, HEADER_BYTES as u64)?;
        let Some(wanted) = record::announced_bytes(head) else {
            return Ok(None);
        };
        let wanted = wanted as u64;
        if wanted > self.limit.saturating_sub(offset) {
            return Ok(None);
        }
        let bytes = self.at(offset, wanted)?;
        let Frame::Whole { payload, record_bytes } = segment.seal.open(offset, bytes) else {
            return Ok(None);
        };
        Ok(Some(Record { payload, record_bytes: record_bytes as u64 }))
    }

    /// How many bytes it is from `offset` to the last one that is not zero.
    fn used_bytes_from(&mut self, offset: u64) -> io::Result<u64> {
        let mut used = 0;
        let mut at = offset;
        loop {
            let bytes = self.at(at, CHUNK_BYTES)?;
            if bytes.is_empty() {
                return Ok(used);
            }
            // What a dead process left is empty for the most part, and each byte being the same as the next is soon seen.
            let is_empty = bytes[0] == 0 && bytes[1..] == bytes[..bytes.len() - 1];
            if !is_empty && let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                used = at - offset + last as u64 + 1;
            }
            at += bytes.len() as u64;
        }
    }

    /// The bytes from `offset` on: at least `wanted`, or all there are below the limit.
    fn at(&mut self, offset: u64, wanted: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        let wanted_end = offset.saturating_add(wanted).min(self.limit);
        let is_here = (self.start..=end).contains(&offset) && wanted_end <= end;
        if !is_here {
            self.load(offset, wanted.max(CHUNK_BYTES))?;
        }
        let skipped = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(skipped..).unwrap_or_default())
    }

    fn load(&mut self, offset: u64, wanted: u64) -> io::Result<()> {
        let bytes = wanted.min(self.limit.saturating_sub(offset));
        self.start = offset;
        self.bytes.clear();
        self.bytes.resize(usize::try_from(bytes).map_err(io::Error::other)?, 0);
        let mut filled = 0;
        while filled < self.bytes.len() {
            match self.file.read_at(&mut self.bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled < self.bytes.len() {
            // Somebody has shortened the file: what is not there holds no records.
            self.bytes.truncate(filled);
            self.limit = offset + filled as u64;
        }
        Ok(())
    }
}
