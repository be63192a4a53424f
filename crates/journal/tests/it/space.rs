//! Segments made, filled, refused and released.

use std::fs;

use mask_journal::{AppendError, Journal, Options};
use tempfile::TempDir;

use crate::{SHARD, die, encoded, new, read, read_from, segments, three, with_segment};

#[test]
fn a_full_segment_gives_way_to_the_prepared_spare() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    journal.maintain().unwrap();
    journal.maintain().unwrap();
    assert_eq!(segments(dir.path()).len(), 2, "one live, one spare");
    assert!(read(&journal).is_empty());
    let payloads: Vec<_> = (0..100_u8).map(|n| vec![n; 200]).collect();
    for (n, payload) in payloads.iter().enumerate() {
        writer.append(payload).unwrap();
        if n % 30 == 0 {
            journal.maintain().unwrap();
            journal.sync().unwrap();
        }
    }
    let (records, batch) = read_from(&journal, None);
    assert_eq!(records, payloads);
    assert_eq!(batch.damaged_bytes, 0);
    let before = segments(dir.path()).len();
    journal.release(SHARD, batch.next).unwrap();
    assert!(segments(dir.path()).len() < before);
    assert!(read_from(&journal, Some(batch.next)).0.is_empty());
    assert_eq!(journal.pending_bytes(), 0);
}

#[test]
fn a_record_must_fit_a_segment() {
    let (_dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    assert_eq!(writer.append(&[0; 4089]), Err(AppendError::TooLarge));
    writer.append(&[1; 4088]).unwrap();
    assert_eq!(read(&journal), [[1; 4088]]);
}

#[test]
fn a_full_journal_refuses_and_takes_again_when_released() {
    let dir = TempDir::new().unwrap();
    let options = Options { segment_bytes: 4096, max_bytes: 3 * 4096 };
    let journal = Journal::open(dir.path(), options).unwrap();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let mut taken = 0_u8;
    while writer.append(&[taken; 1000]).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 12);
    assert_eq!(writer.append(&[0; 1000]), Err(AppendError::Full));
    journal.maintain().unwrap();
    assert_eq!(writer.append(&[0; 1000]), Err(AppendError::Full));
    assert_eq!(journal.used_bytes(), options.max_bytes);

    let batch = journal.read(SHARD, None, 5000, |_| {}).unwrap();
    journal.release(SHARD, batch.next).unwrap();
    writer.append(&[taken; 1000]).unwrap();
    let (records, _) = read_from(&journal, Some(batch.next));
    assert_eq!(records.len(), 13 - batch.records);
    assert_eq!(records.last().unwrap()[0], 12);

    // A start with a full journal is a start: the server must come up.
    while writer.append(&[0; 1000]).is_ok() {}
    let copy = die(writer, journal, dir.path());
    let journal = Journal::open(copy.path(), options).unwrap();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    assert_eq!(writer.append(b"x"), Err(AppendError::Full));
    let (_, batch) = read_from(&journal, None);
    journal.release(SHARD, batch.next).unwrap();
    writer.append(b"x").unwrap();
}

#[test]
fn a_disk_that_refuses_is_asked_again_by_maintain() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    writer.append(&[1; 4000]).unwrap();
    let folder = dir.path().join(format!("shard-{SHARD}"));
    let aside = dir.path().join("aside");
    fs::rename(&folder, &aside).unwrap();
    let refused = Err(AppendError::Io(std::io::ErrorKind::NotFound));
    assert_eq!(writer.append(&[2; 4000]), refused);
    assert!(journal.maintain().is_err());
    writer.append(b"still fits").unwrap();
    fs::rename(&aside, &folder).unwrap();
    assert_eq!(writer.append(&[2; 4000]), refused, "the disk is not asked for each append");
    journal.maintain().unwrap();
    writer.append(&[3; 4000]).unwrap();
    assert_eq!(read(&journal).len(), 3);
    assert_eq!(journal.used_bytes(), 2 * 4096);
}

#[test]
fn release_keeps_what_was_not_read_to_its_end() {
    let (dir, journal) = with_segment(&encoded(&three()));
    let first = journal.read(SHARD, None, 1, |_| {}).unwrap();
    journal.release(SHARD, first.next).unwrap();
    assert_eq!(read(&journal).len(), 3);
    assert_eq!(read_from(&journal, Some(first.next)).0, three()[1..]);
    let (_, all) = read_from(&journal, None);
    assert_eq!(journal.pending_bytes(), all.next.offset - first.next.offset);
    journal.release(SHARD, all.next).unwrap();
    assert!(segments(dir.path()).is_empty());
    assert_eq!((journal.used_bytes(), journal.pending_bytes()), (0, 0));
}
