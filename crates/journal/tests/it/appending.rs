//! Appending, reading beside it, syncing, and who may do so.

use std::sync::atomic::{AtomicBool, Ordering};

use mask_journal::{Error, Journal};

use crate::{SHARD, SMALL, new, open, read, read_from, segments};

#[test]
fn what_is_appended_is_read_at_once_and_after_reopening() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    for payload in [&b"one"[..], b"", b"three"] {
        writer.append(payload).unwrap();
    }
    let expected = [b"one".to_vec(), vec![], b"three".to_vec()];
    let (records, batch) = read_from(&journal, None);
    assert_eq!(records, expected);
    assert_eq!((batch.records, batch.payload_bytes, batch.damaged_bytes), (3, 8, 0));
    assert_eq!(journal.pending_bytes(), batch.next.offset);
    assert!(read_from(&journal, Some(batch.next)).0.is_empty());
    writer.append(b"four").unwrap();
    assert_eq!(read_from(&journal, Some(batch.next)).0, [b"four"]);

    drop((writer, journal));
    let journal = open(dir.path());
    assert_eq!(journal.shards(), [SHARD]);
    assert_eq!(read(&journal).len(), 4);
    assert_eq!(journal.used_bytes(), batch.next.offset + 16, "the unused tail was given back");
}

#[test]
fn the_payload_is_encoded_in_place() {
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    writer
        .append_with(3, |to| {
            assert_eq!(to, [0; 3]);
            to[1] = 7;
        })
        .unwrap();
    assert_eq!(read(&journal), [[0, 7, 0]]);
}

#[test]
fn an_encoder_that_panics_appends_nothing() {
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let panics = std::panic::AssertUnwindSafe(|| {
        writer.append_with(100, |to| {
            to.fill(0xff);
            panic!("cannot be encoded");
        })
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(read(&journal).is_empty());
    writer.append(b"short").unwrap();
    let (records, batch) = read_from(&journal, None);
    assert_eq!((records, batch.damaged_bytes), (vec![b"short".to_vec()], 0));
}

#[test]
fn node_is_made_once() {
    let (dir, journal) = new();
    let node = journal.node().to_owned();
    assert_eq!(node.len(), 16);
    assert!(node.bytes().all(|byte| byte.is_ascii_hexdigit()));
    drop(journal);
    assert_eq!(open(dir.path()).node(), node);
    let (_other, journal) = new();
    assert_ne!(journal.node(), node);
}

#[test]
fn a_second_opening_is_refused_until_the_last_part_is_dropped() {
    let (dir, journal) = new();
    let writer = journal.writer(SHARD, 0).unwrap();
    let refused = Journal::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    drop(journal);
    assert!(Journal::open(dir.path(), SMALL).is_err());
    drop(writer);
    open(dir.path());
}

#[test]
fn one_writer_a_shard() {
    let (_dir, journal) = new();
    let first = journal.writer(SHARD, 0).unwrap();
    let refused = journal.writer(SHARD, 0).unwrap_err();
    assert!(matches!(refused, Error::WriterExists { shard: SHARD }), "{refused}");
    journal.writer(SHARD + 1, 0).unwrap();
    drop(first);
    journal.writer(SHARD, 0).unwrap();
}

#[test]
fn segments_are_numbered_above_all_that_were() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 40).unwrap();
    writer.append(b"x").unwrap();
    let (_, batch) = read_from(&journal, None);
    assert_eq!(batch.next.segment, 40);
    drop(writer);
    journal.release(SHARD, batch.next).unwrap();
    assert!(segments(dir.path()).is_empty());
    let mut writer = journal.writer(SHARD, 0).unwrap();
    writer.append(b"y").unwrap();
    let (records, later) = read_from(&journal, Some(batch.next));
    assert_eq!(records, [b"y"]);
    assert!(later.next.segment > 40);
}

#[test]
fn reading_stops_at_the_size_asked_for_and_goes_on() {
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let payloads: Vec<_> = (0..60_u8).map(|n| vec![n; 300]).collect();
    for payload in &payloads {
        writer.append(payload).unwrap();
    }
    for max_bytes in [0, 1, 300, 301, 5000] {
        let (mut cursor, mut records) = (None, Vec::new());
        loop {
            let each = |payload: &[u8]| records.push(payload.to_vec());
            let batch = journal.read(SHARD, cursor, max_bytes, each).unwrap();
            if batch.records == 0 {
                break;
            }
            assert!(batch.payload_bytes < max_bytes.max(1) + 300);
            cursor = Some(batch.next);
        }
        assert_eq!(records, payloads);
    }
}

#[test]
fn tickets_are_synced_in_order_also_over_a_roll() {
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let first = writer.append(&[1; 3000]).unwrap();
    assert!(!journal.is_synced(first));
    journal.sync().unwrap();
    assert!(journal.is_synced(first));
    let second = writer.append(&[2; 3000]).unwrap();
    let third = writer.append(&[3; 3000]).unwrap();
    assert!(!journal.is_synced(second));
    journal.sync().unwrap();
    assert!(journal.is_synced(third));
    assert_eq!((first.sequence, third.sequence, writer.synced()), (1, 3, 3));
    let fourth = writer.append(b"4").unwrap();
    drop(writer);
    journal.sync().unwrap();
    assert!(journal.is_synced(fourth));
    let mut writer = journal.writer(SHARD, 0).unwrap();
    assert_eq!(writer.append(b"5").unwrap().sequence, 5);
}

#[test]
fn a_reader_beside_the_writer_sees_whole_records_in_order() {
    const RECORDS: u64 = 50_000;
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let is_done = AtomicBool::new(false);
    let mut expected = 0;
    std::thread::scope(|scope| {
        let _done = SetOnDrop(&is_done);
        scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                journal.maintain().unwrap();
                journal.sync().unwrap();
            }
        });
        scope.spawn(|| {
            for sequence in 0..RECORDS {
                writer.append(&payload_of(sequence)).unwrap();
            }
        });
        let mut cursor = None;
        while expected < RECORDS {
            let each = |payload: &[u8]| {
                assert_eq!(payload, payload_of(expected));
                expected += 1;
            };
            let batch = journal.read(SHARD, cursor, 100_000, each).unwrap();
            assert_eq!(batch.damaged_bytes, 0);
            journal.release(SHARD, batch.next).unwrap();
            cursor = Some(batch.next);
        }
    });
    assert_eq!(expected, RECORDS);
    assert_eq!(journal.pending_bytes(), 0);
}

/// Lets the background thread end also when an assertion fails.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn payload_of(sequence: u64) -> Vec<u8> {
    let bytes = sequence.to_le_bytes();
    let length = sequence % 97;
    bytes.into_iter().cycle().take(8 + usize::try_from(length).unwrap()).collect()
}
