//! One segment file: what everybody may know of it ([`Segment`]), what syncing it needs ([`OpenSegment`]), and what
//! appending to it needs ([`Live`]). The three live for different lengths of time: a mapping until the roll, an open
//! file until it is synced, the knowledge until the file is released.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::files;
use crate::mapping::Mapping;
use crate::record::{self, LENGTH_BYTES, Seal};

/// What is known of a segment file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) seal: Seal,
    /// The length of the file.
    pub(crate) file_bytes: AtomicU64,
    pub(crate) origin: Origin,
}

/// Whether this process knows where the records end, or has to find out.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Found when the journal was opened. The end is known once a reader has come to it.
    Recovered { end: OnceLock<u64> },
    /// Made by this process. `committed` is where the published records end; stored with release order after
    /// each record, so whoever loads it with acquire order may read up to it.
    Written { committed: AtomicU64 },
}

impl Segment {
    pub(crate) fn recovered(path: PathBuf, number: u64, seal: Seal, file_bytes: u64) -> Self {
        Self {
            number,
            path,
            seal,
            file_bytes: AtomicU64::new(file_bytes),
            origin: Origin::Recovered { end: OnceLock::new() },
        }
    }

    /// Where the records end, as far as is known; for a recovered segment not yet read, the file's end.
    pub(crate) fn end_at_most(&self) -> u64 {
        match &self.origin {
            Origin::Recovered { end } => *end.get().unwrap_or(&self.file_bytes()),
            Origin::Written { committed } => committed.load(Ordering::Acquire),
        }
    }

    /// Whether a reader at `offset` has read all there is. Not to be asked of a live segment.
    pub(crate) fn is_read_to(&self, offset: u64) -> bool {
        match &self.origin {
            Origin::Recovered { end } => end.get().is_some_and(|end| offset >= *end),
            Origin::Written { committed } => offset >= committed.load(Ordering::Acquire),
        }
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes.load(Ordering::Relaxed)
    }
}

/// A segment made by this process whose file is still open.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) segment: Arc<Segment>,
    file: File,
    /// Whether the file's size and name would survive the loss of power.
    is_named: AtomicBool,
    /// Set when a sync failed: the kernel forgets such pages, so a later success would say nothing. The writer leaves
    /// the segment at its next append.
    is_abandoned: AtomicBool,
}

impl OpenSegment {
    /// Puts everything written so far on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.sync_file().inspect_err(|_| self.abandon())
    }

    fn sync_file(&self) -> io::Result<()> {
        if self.is_named.load(Ordering::Acquire) {
            return self.file.sync_data();
        }
        self.file.sync_all()?;
        if let Some(folder) = self.segment.path.parent() {
            files::sync_folder(folder)?;
        }
        self.is_named.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Gives back the space behind the last record. Only for a segment that is written no more.
    pub(crate) fn truncate(&self) -> io::Result<()> {
        let end = self.segment.end_at_most();
        self.file.set_len(end)?;
        self.segment.file_bytes.store(end, Ordering::Relaxed);
        Ok(())
    }
}

/// A segment that is, or will be, appended to.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) open: Arc<OpenSegment>,
    pub(crate) mapping: Mapping,
    end: usize,
}

impl Live {
    /// Makes a segment file of `bytes` bytes, all of them allocated, and maps it. It gets its name last, so
    /// a file with a segment's name is always complete.
    pub(crate) fn create(folder: &Path, number: u64, seal: Seal, bytes: u32) -> io::Result<Self> {
        let path = files::segment_file(folder, number);
        let unfinished = files::unfinished_file(&path);
        let made =
            Self::allocate_and_map(&unfinished, bytes).and_then(|made| fs::rename(&unfinished, &path).map(|()| made));
        let (file, mapping) = match made {
            Ok(made) => made,
            Err(error) => {
                // Best effort: opening the journal removes it too, and the first error is the one to tell.
                let _ = fs::remove_file(&unfinished);
                return Err(error);
            }
        };
        let segment = Segment {
            number,
            path,
            seal,
            file_bytes: AtomicU64::new(u64::from(bytes)),
            origin: Origin::Written { committed: AtomicU64::new(0) },
        };
        let open = OpenSegment {
            segment: Arc::new(segment),
            file,
            is_named: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        };
        Ok(Self { open: Arc::new(open), mapping, end: 0 })
    }

    fn allocate_and_map(path: &Path, bytes: u32) -> io::Result<(File, Mapping)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        files::allocate(&file, u64::from(bytes))?;
        let mapping = Mapping::new(&file, bytes as usize)?;
        Ok((file, mapping))
    }

    pub(crate) fn number(&self) -> u64 {
        self.open.segment.number
    }

    pub(crate) fn fits(&self, record_bytes: usize) -> bool {
        record_bytes <= self.mapping.len() - self.end
    }

    /// Appends a record of `payload_bytes`, for which the caller has made sure that it fits.
    ///
    /// The order of stores is the promise of the journal: payload and CRC, then the length word, then the committed
    /// end. A process that dies between any two of them leaves the record whole or absent.
    pub(crate) fn append(&mut self, record_bytes: usize, payload_bytes: usize, encode: impl FnOnce(&mut [u8])) {
        let start = self.end;
        let segment = &self.open.segment;
        let body = self.mapping.bytes_mut(start + LENGTH_BYTES, record_bytes - LENGTH_BYTES);
        let length = segment.seal.fill(start as u64, body, payload_bytes, encode);
        self.mapping.publish(start, length);
        self.end = start + record_bytes;
        if let Origin::Written { committed } = &segment.origin {
            committed.store(self.end as u64, Ordering::Release);
        }
    }

    /// Removes the file of a segment that was never appended to.
    pub(crate) fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.open.segment.path)
    }
}

const _: () = assert!(record::HEADER_BYTES > LENGTH_BYTES);
