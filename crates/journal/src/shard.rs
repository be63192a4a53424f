//! One shard: its segments in the order of their numbers, and what writer, reader and background thread share.
//!
//! The lock is taken when a segment is begun, left, read from or released, never for a record. Nothing that may
//! block on the disk happens under it, so the writer, which takes it only to roll, never waits for the disk
//! there. The states of a segment: spare → live → left; or recovered. A spare is not in `segments`: a reader
//! that goes on to the next number must never overtake the writer.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mapping::Mapping;
use crate::reader::Cursor;
use crate::record::Seal;
use crate::segment::{Live, OpenSegment, Segment};
use crate::{AppendError, Error, files};

/// Takes a lock whose holders never leave a half-done change behind, so a panic elsewhere does not matter.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(crate) struct Shard {
    number: u32,
    pub(crate) folder: PathBuf,
    node: String,
    /// How many records were appended since the journal was opened; stored with release order after each.
    pub(crate) appended: AtomicU64,
    /// How many of those are on the disk.
    synced: AtomicU64,
    state: Mutex<State>,
    /// Held through a whole `sync`: a second one must not publish what the first is still writing.
    syncing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// All but the spare.
    segments: BTreeMap<u64, Arc<Segment>>,
    has_writer: bool,
    live: Option<Arc<OpenSegment>>,
    spare: Option<Live>,
    /// Left by the writer and not synced since. Their mappings are undone there too: unmapping is slow.
    left: Vec<(Arc<OpenSegment>, Option<Mapping>)>,
    /// Segments of which a sync failed. Until they are released (their records are safe elsewhere then), nothing
    /// later may be called synced.
    unsyncable: Vec<u64>,
    /// Above all numbers that were ever seen.
    next_number: u64,
    /// Why the last try to make a segment failed: keeps a full disk from costing system calls for each append.
    refusal: Option<AppendError>,
}

/// What a reader finds at its cursor.
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    /// Whether a writer may still append to it. If not, its end is final.
    pub(crate) is_live: bool,
}

impl Shard {
    pub(crate) fn open(dir: &Path, node: &str, number: u32) -> Result<Self, Error> {
        let folder = files::shard_folder(dir, number);
        let mut state = State { next_number: 1, ..State::default() };
        for (segment, file_bytes) in files::segments(&folder)? {
            let path = files::segment_file(&folder, segment);
            let seal = Seal::new(node, number, segment);
            let recovered = Segment::recovered(path, segment, seal, file_bytes);
            state.segments.insert(segment, Arc::new(recovered));
            state.next_number = state.next_number.max(segment.saturating_add(1));
        }
        Ok(Self {
            number,
            folder,
            node: node.to_owned(),
            appended: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            state: Mutex::new(state),
            syncing: Mutex::new(()),
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        let state = locked(&self.state);
        state.segments.values().map(|one| one.file_bytes()).sum()
    }

    pub(crate) fn pending_bytes(&self, released: Cursor) -> u64 {
        let state = locked(&self.state);
        let pending = |segment: &Arc<Segment>| {
            let done = if segment.number == released.segment { released.offset } else { 0 };
            segment.end_at_most().saturating_sub(done)
        };
        state.segments.values().map(pending).sum()
    }

    /// Claims the shard for one writer, whose segments are numbered from `first_segment_at_least` on.
    pub(crate) fn claim(&self, first_segment_at_least: u64) -> Result<(), Error> {
        let mut state = locked(&self.state);
        if state.has_writer {
            return Err(Error::WriterExists { shard: self.number });
        }
        state.has_writer = true;
        state.refusal = None;
        state.next_number = state.next_number.max(first_segment_at_least);
        Ok(())
    }

    /// A number that no segment has had. Saturates: 2⁶⁴ segments cannot be written, they can only be asked for.
    pub(crate) fn take_number(&self) -> u64 {
        let mut state = locked(&self.state);
        let number = state.next_number;
        state.next_number = number.saturating_add(1);
        number
    }

    pub(crate) fn seal(&self, segment: u64) -> Seal {
        Seal::new(&self.node, self.number, segment)
    }

    pub(crate) fn refusal(&self) -> Option<AppendError> {
        locked(&self.state).refusal
    }

    pub(crate) fn set_refusal(&self, refusal: Option<AppendError>) {
        locked(&self.state).refusal = refusal;
    }

    pub(crate) fn wants_spare(&self) -> bool {
        let state = locked(&self.state);
        state.has_writer && state.spare.is_none()
    }

    /// Keeps a spare for the writer, or hands it back if it is of no use any more: the writer has gone, or has
    /// itself begun a segment with a higher number while this one was being made.
    pub(crate) fn offer_spare(&self, spare: Live) -> Option<Live> {
        let mut state = locked(&self.state);
        let is_late = state.segments.last_key_value().is_some_and(|(newest, _)| *newest > spare.number());
        if !state.has_writer || state.spare.is_some() || is_late {
            return Some(spare);
        }
        state.refusal = None;
        state.spare = Some(spare);
        None
    }

    pub(crate) fn take_spare(&self) -> Option<Live> {
        locked(&self.state).spare.take()
    }

    /// Makes `next` the live segment, in the place of the one before. Hands back a spare that came while the writer was
    /// making `next` itself and has a lower number: used later, it would lie behind the reader, and its records be lost.
    pub(crate) fn begin(&self, next: &Live, before: Option<Live>) -> Option<Live> {
        let mut state = locked(&self.state);
        state.leave(before);
        state.live = Some(Arc::clone(&next.open));
        let number = next.number();
        debug_assert!(state.segments.range(number..).next().is_none(), "numbers only rise");
        state.segments.insert(number, Arc::clone(&next.open.segment));
        state.spare.take_if(|spare| spare.number() < number)
    }

    /// The writer goes: nothing is live any more, and the spare is handed back.
    pub(crate) fn end(&self, before: Option<Live>) -> Option<Live> {
        let mut state = locked(&self.state);
        state.leave(before);
        state.has_writer = false;
        state.spare.take()
    }

    /// What is to be read at `segment` or, if that does not exist, at the next that does.
    pub(crate) fn place(&self, segment: u64) -> Option<Place> {
        let state = locked(&self.state);
        let (number, segment) = state.segments.range(segment..).next()?;
        Some(Place { segment: Arc::clone(segment), is_live: state.is_live(*number) })
    }

    pub(crate) fn has_after(&self, segment: u64) -> bool {
        locked(&self.state).segments.last_key_value().is_some_and(|(newest, _)| *newest > segment)
    }

    /// The segments that a drain at `upto` needs no more.
    pub(crate) fn read_before(&self, upto: Cursor) -> Vec<Arc<Segment>> {
        let state = locked(&self.state);
        state
            .segments
            .range(..=upto.segment)
            .filter(|(number, segment)| {
                let is_read = **number < upto.segment || segment.is_read_to(upto.offset);
                is_read && !state.is_live(**number)
            })
            .map(|(_, segment)| Arc::clone(segment))
            .collect()
    }

    /// Forgets a segment whose file is gone.
    pub(crate) fn forget(&self, segment: u64) {
        let mut state = locked(&self.state);
        state.segments.remove(&segment);
        state.unsyncable.retain(|number| *number != segment);
        state.refusal = None;
    }

    /// Puts on the disk whatever was appended before the call.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let _alone = locked(&self.syncing);
        // What this counts was appended to a segment that is, when we look below, live or left.
        let goal = self.appended.load(Ordering::Acquire);
        let (live, left) = {
            let mut state = locked(&self.state);
            (state.live.clone(), std::mem::take(&mut state.left))
        };
        let is_due = goal != self.synced();
        let mut trouble = None;
        for open in left.iter().map(|(open, _)| open).chain(live.iter()) {
            if is_due && let Err(error) = open.sync() {
                locked(&self.state).give_up_syncing(open.segment.number);
                trouble = Some(error);
            }
        }
        match trouble {
            Some(error) => Err(error),
            None if locked(&self.state).unsyncable.is_empty() => {
                self.synced.fetch_max(goal, Ordering::Release);
                Ok(())
            }
            None => Err(io::Error::other("an earlier sync failed and its records are not yet drained")),
        }
    }
}

impl State {
    fn is_live(&self, segment: u64) -> bool {
        self.live.as_ref().is_some_and(|live| live.segment.number == segment)
    }

    /// A segment that was released meanwhile needs no sync: its records are safe elsewhere.
    fn give_up_syncing(&mut self, segment: u64) {
        if self.segments.contains_key(&segment) && !self.unsyncable.contains(&segment) {
            self.unsyncable.push(segment);
        }
    }

    fn leave(&mut self, before: Option<Live>) {
        self.live = None;
        if let Some(before) = before {
            self.left.push((before.open, Some(before.mapping)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Journal, Options};

    const SMALL: Options = Options { segment_bytes: 4096, max_bytes: 1 << 20 };

    /// The background thread took its number first and came second.
    #[test]
    fn a_spare_with_a_lower_number_than_the_live_segment_is_not_kept() {
        let dir = tempfile::TempDir::new().unwrap();
        let journal = Journal::open(dir.path(), SMALL).unwrap();
        files::make_folder(&files::shard_folder(dir.path(), 0)).unwrap();
        let shard = Shard::open(dir.path(), journal.node(), 0).unwrap();
        shard.claim(0).unwrap();
        let [first, second, third] = [(); 3].map(|()| journal.create_segment(&shard).unwrap().unwrap());
        assert!(shard.offer_spare(first).is_none());
        let late = shard.begin(&second, None);
        assert_eq!(late.map(|spare| spare.number()), Some(1));
        assert!(shard.begin(&third, Some(second)).is_none());
        let late = Live::create(&shard.folder, 1, shard.seal(1), SMALL.segment_bytes).unwrap();
        assert!(shard.offer_spare(late).is_some());
    }

    /// The kernel tells a failed write-back once, so nothing after it may be called synced until the records that
    /// it concerned are safe elsewhere.
    #[test]
    fn a_failed_sync_is_remembered_until_the_segment_is_released() {
        let dir = tempfile::TempDir::new().unwrap();
        let journal = Journal::open(dir.path(), SMALL).unwrap();
        let mut writer = journal.writer(0, 0).unwrap();
        let ticket = writer.append(b"not on the disk").unwrap();
        let shard = Arc::clone(&writer.shard);
        let live = locked(&shard.state).live.clone().unwrap();
        live.abandon();
        locked(&shard.state).give_up_syncing(live.segment.number);
        journal.sync().unwrap_err();
        assert!(!journal.is_synced(ticket));

        let later = writer.append(b"in the next segment").unwrap();
        journal.sync().unwrap_err();
        let batch = journal.read(0, None, usize::MAX, |_| {}).unwrap();
        assert_eq!(batch.records, 2);
        assert!(batch.next.segment > live.segment.number);
        journal.release(0, batch.next).unwrap();
        journal.sync().unwrap();
        assert!(journal.is_synced(later));
    }
}
