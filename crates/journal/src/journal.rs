//! The journal as a whole: opening, the bound on space, and the work of the background thread.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::reader::{self, Batch, Cursor};
use crate::segment::{Live, OpenSegment};
use crate::shard::{Shard, locked};
use crate::{AppendError, Error, Options, Ticket, Writer, files};

/// An open journal. There is one of a directory at any time, on the whole machine.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    node: String,
    options: Options,
    /// The sizes of all segment files, spares included.
    used_bytes: AtomicU64,
    shards: Mutex<BTreeMap<u32, Member>>,
    _lock: File,
}

#[derive(Debug, Clone)]
struct Member {
    shard: Arc<Shard>,
    released: Cursor,
}

impl From<Shard> for Member {
    fn from(shard: Shard) -> Self {
        Self { shard: Arc::new(shard), released: Cursor::default() }
    }
}

impl Journal {
    /// Opens the journal in `dir`, which is made if need be. What an earlier process left is found and can be read;
    /// none of it is changed.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, Error> {
        let options = options.check()?;
        files::make_folder(dir).map_err(Error::io("create", dir))?;
        let lock = files::lock(dir)?;
        let found = files::shards(dir)?;
        let node = files::node(dir, found.is_empty())?;
        let mut shards = BTreeMap::new();
        for number in found {
            shards.insert(number, Member::from(Shard::open(dir, &node, number)?));
        }
        let used_bytes = shards.values().map(|member| member.shard.file_bytes()).sum();
        Ok(Arc::new(Self {
            dir: dir.to_path_buf(),
            node,
            options,
            used_bytes: AtomicU64::new(used_bytes),
            shards: Mutex::new(shards),
            _lock: lock,
        }))
    }

    /// The id of this journal: 16 hex digits, made at random when the directory was first used.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The shards that have segments or a writer.
    pub fn shards(&self) -> Vec<u32> {
        locked(&self.shards).keys().copied().collect()
    }

    /// The bytes that all segment files take, at most [`Options::max_bytes`] unless the bound was lowered since.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// The bytes appended and not yet released. Of a recovered segment that nobody has read the end is not known; it
    /// counts in full.
    pub fn pending_bytes(&self) -> u64 {
        let members = self.members();
        let pending = |member: &Member| member.shard.pending_bytes(member.released);
        members.iter().map(pending).sum()
    }

    /// The one writer of a shard, with a segment of its own. `first_segment_at_least` must be above every segment that a
    /// stored [`Cursor`] of this shard names: a number that was released could be taken again otherwise, and the old
    /// cursor would hide the new records.
    ///
    /// A full journal or disk is not an error here; it is one of each append until there is space.
    pub fn writer(self: &Arc<Self>, shard: u32, first_segment_at_least: u64) -> Result<Writer, Error> {
        let shard = self.shard_or_new(shard)?;
        Writer::begin(Arc::clone(self), shard, first_segment_at_least)
    }

    /// How many records of a shard, of those appended since the journal was opened, are on the disk.
    pub fn synced(&self, shard: u32) -> u64 {
        self.shard(shard).map_or(0, |shard| shard.synced())
    }

    /// Whether the record of a ticket is on the disk.
    pub fn is_synced(&self, ticket: Ticket) -> bool {
        self.synced(ticket.shard) >= ticket.sequence
    }

    /// Puts on the disk what was appended before the call. Blocks; one background thread calls it in a loop.
    ///
    /// After an error nothing more of that shard is called synced until the segment concerned is drained and
    /// released, for a kernel that failed to write a page forgets that it was ever dirty. The other shards are synced
    /// regardless.
    pub fn sync(&self) -> io::Result<()> {
        let mut outcome = Ok(());
        for member in self.members() {
            outcome = outcome.and(member.shard.sync());
        }
        outcome
    }

    /// Prepares a spare segment for each writer that has none, so that it need not do it itself. Called by the
    /// background thread, some times a second. Reaching `max_bytes` is no error here: there is just no spare.
    pub fn maintain(&self) -> Result<(), Error> {
        let mut outcome = Ok(());
        for member in self.members() {
            if member.shard.wants_spare() {
                let prepared = self.prepare_spare(&member.shard);
                outcome = outcome.and(prepared.map_err(Error::io("prepare a segment in", &member.shard.folder)));
            }
        }
        outcome
    }

    /// Reads records from `from` on (from the oldest, if `None`), over the ends of segments, and hands each payload to
    /// `each`, until `max_bytes` of payload are reached or there is no more. At least one record is read if there is one.
    ///
    /// After an error whatever `each` was given is to be thrown away: there is no cursor behind it.
    pub fn read(
        &self,
        shard: u32,
        from: Option<Cursor>,
        max_bytes: usize,
        each: impl FnMut(&[u8]),
    ) -> Result<Batch, Error> {
        let from = from.unwrap_or_default();
        match self.shard(shard) {
            Some(shard) => reader::read(&shard, from, max_bytes, each),
            None => Ok(Batch::empty(from)),
        }
    }

    /// Deletes the segments that lie wholly before `upto`: lower ones, and the one of `upto` itself if it is written no
    /// more and was read to its end. Call it with a cursor whose records are safe elsewhere.
    pub fn release(&self, shard: u32, upto: Cursor) -> Result<(), Error> {
        let Some(shard) = self.advance_released(shard, upto) else {
            return Ok(());
        };
        for segment in shard.read_before(upto) {
            match fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &segment.path)(error));
                }
                _ => {}
            }
            shard.forget(segment.number);
            self.give_back(segment.file_bytes());
        }
        Ok(())
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        self.options.segment_bytes as usize
    }

    /// Makes a segment within the bound; `None` if the bound is reached.
    pub(crate) fn create_segment(&self, shard: &Shard) -> io::Result<Option<Live>> {
        let bytes = u64::from(self.options.segment_bytes);
        if !self.take(bytes) {
            return Ok(None);
        }
        let number = shard.take_number();
        let seal = shard.seal(number);
        let made = Live::create(&shard.folder, number, seal, self.options.segment_bytes);
        match made {
            Ok(live) => Ok(Some(live)),
            Err(error) => {
                self.give_back(bytes);
                shard.set_refusal(Some(AppendError::from(&error)));
                Err(error)
            }
        }
    }

    /// Deletes a segment that was prepared for nothing.
    pub(crate) fn discard(&self, spare: Live) {
        // If it cannot be removed it stays in the sum, as it stays on the disk; the next opening finds it, empty.
        if spare.discard().is_ok() {
            self.give_back(u64::from(self.options.segment_bytes));
        }
    }

    /// Shortens the last segment of a writer that has gone.
    pub(crate) fn truncate(&self, open: &OpenSegment) {
        let before = open.segment.file_bytes();
        // If it cannot be shortened it only takes more space than it needs, until it is released.
        if open.truncate().is_ok() {
            self.give_back(before - open.segment.file_bytes());
        }
    }

    fn prepare_spare(&self, shard: &Shard) -> io::Result<()> {
        let Some(spare) = self.create_segment(shard)? else {
            return Ok(());
        };
        // Here and not in the first `sync` after the roll, which a redirect may be waiting for.
        if let Err(error) = spare.open.sync() {
            self.discard(spare);
            return Err(error);
        }
        if let Some(late) = shard.offer_spare(spare) {
            self.discard(late);
        }
        Ok(())
    }

    fn take(&self, bytes: u64) -> bool {
        let within = |used: u64| {
            let sum = used.checked_add(bytes)?;
            (sum <= self.options.max_bytes).then_some(sum)
        };
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn members(&self) -> Vec<Member> {
        locked(&self.shards).values().cloned().collect()
    }

    fn shard(&self, number: u32) -> Option<Arc<Shard>> {
        let shards = locked(&self.shards);
        shards.get(&number).map(|member| Arc::clone(&member.shard))
    }

    fn shard_or_new(&self, number: u32) -> Result<Arc<Shard>, Error> {
        if let Some(shard) = self.shard(number) {
            return Ok(shard);
        }
        let folder = files::shard_folder(&self.dir, number);
        files::make_folder(&folder).map_err(Error::io("create", &folder))?;
        let new = Member::from(Shard::open(&self.dir, &self.node, number)?);
        let mut shards = locked(&self.shards);
        Ok(Arc::clone(&shards.entry(number).or_insert(new).shard))
    }

    fn advance_released(&self, number: u32, upto: Cursor) -> Option<Arc<Shard>> {
        let mut shards = locked(&self.shards);
        let member = shards.get_mut(&number)?;
        member.released = member.released.max(upto);
        Some(Arc::clone(&member.shard))
    }
}
