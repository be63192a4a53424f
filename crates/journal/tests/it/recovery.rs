//! What is found after a bad day: damage costs what it hit, is counted, and invents nothing.

use std::fs;
use std::os::unix::fs::FileExt;

use mask_journal::{Cursor, Error, Journal, Options};
use tempfile::TempDir;

use crate::{SHARD, SMALL, die, encoded, new, open, read_from, segments, three, with_segment};

#[test]
fn what_cannot_be_understood_is_refused() {
    let bad_node = TempDir::new().unwrap();
    fs::write(bad_node.path().join("node"), "0123").unwrap();
    let error = Journal::open(bad_node.path(), SMALL).unwrap_err();
    assert!(matches!(error, Error::NodeInvalid { .. }), "{error}");

    let (dir, journal) = with_segment(b"");
    drop(journal);
    fs::remove_file(dir.path().join("node")).unwrap();
    let error = Journal::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(error, Error::NodeMissing { .. }), "{error}");

    let (dir, journal) = with_segment(b"");
    drop(journal);
    fs::write(dir.path().join(format!("shard-{SHARD}/00000000000000000002.v2")), "").unwrap();
    let error = Journal::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");

    for (segment_bytes, max_bytes) in [(0, 1 << 20), (5000, 1 << 20), (8192, 4096)] {
        let options = Options { segment_bytes, max_bytes };
        let error = Journal::open(dir.path(), options).unwrap_err();
        assert!(matches!(error, Error::Options { .. }), "{error}");
    }
}

#[test]
fn a_segment_that_was_being_made_is_cleared_away() {
    let (dir, journal) = with_segment(b"");
    drop(journal);
    let unfinished = dir.path().join(format!("shard-{SHARD}/00000000000000000002.tmp"));
    fs::write(&unfinished, [0; 100]).unwrap();
    open(dir.path());
    assert!(!unfinished.exists());
}

#[test]
fn cursors_outside_what_exists() {
    let (_dir, journal) = with_segment(&encoded(&three()));
    let beyond = Cursor { segment: 9, offset: 8 };
    let (records, batch) = read_from(&journal, Some(beyond));
    assert_eq!((records.len(), batch.next), (0, beyond));
    let below = Cursor { segment: 0, offset: 4096 };
    assert_eq!(read_from(&journal, Some(below)).0, three());
    let far = Cursor { segment: 1, offset: u64::MAX };
    assert!(read_from(&journal, Some(far)).0.is_empty());
    let none = journal.read(77, None, 1, |_| {}).unwrap();
    assert_eq!(none.next, Cursor::default());
    journal.release(77, beyond).unwrap();
}

#[test]
fn every_truncation_keeps_what_is_before_it() {
    let bytes = encoded(&three());
    let ends = [0, 16, 40, 56];
    assert_eq!(bytes.len(), ends[3]);
    for cut in 0..=bytes.len() {
        let mut zeroed = bytes[..cut].to_vec();
        zeroed.resize(4096, 0);
        for image in [&bytes[..cut], &zeroed] {
            let is_there = |end: &&usize| image.get(..**end) == Some(&bytes[..**end]);
            let whole = ends.iter().filter(is_there).count() - 1;
            let (_dir, journal) = with_segment(image);
            let (records, batch) = read_from(&journal, None);
            assert_eq!(records, three()[..whole], "cut at {cut}");
            let used = image.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
            let damaged = used.saturating_sub(ends[whole]) as u64;
            assert_eq!(batch.damaged_bytes, damaged, "cut at {cut}");
            let again = read_from(&journal, Some(batch.next)).1;
            assert_eq!(again.damaged_bytes, 0, "told once");
        }
    }
}

#[test]
fn every_flipped_bit_costs_nothing_before_it_and_invents_nothing() {
    let bytes = encoded(&three());
    let ends = [16, 40, 56];
    for bit in 0..bytes.len() * 8 {
        let mut image = bytes.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        let whole = ends.iter().filter(|end| **end <= bit / 8).count();
        let (_dir, journal) = with_segment(&image);
        let (records, batch) = read_from(&journal, None);
        assert_eq!(records, three()[..whole], "bit {bit}");
        assert!(batch.damaged_bytes > 0, "bit {bit}");
    }
}

#[test]
fn damage_ends_a_recovered_segment_and_not_the_next() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let payloads: Vec<_> = (0..40_u8).map(|n| vec![n; 248]).collect();
    for payload in &payloads {
        writer.append(payload).unwrap();
    }
    let dir = die(writer, journal, dir.path());
    let second = &segments(dir.path())[1];
    let mut bytes = fs::read(second).unwrap();
    bytes[256 * 3 + 20] ^= 0x10;
    fs::write(second, bytes).unwrap();
    let journal = open(dir.path());
    let (records, batch) = read_from(&journal, None);
    assert_eq!(records, [&payloads[..19], &payloads[32..]].concat());
    assert_eq!(batch.damaged_bytes, 256 * 13);
}

#[test]
fn a_live_segment_that_is_damaged_is_passed_and_counted() {
    let (dir, journal) = new();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    writer.append(b"first").unwrap();
    writer.append(b"second").unwrap();
    let live = &segments(dir.path())[0];
    let file = fs::OpenOptions::new().write(true).open(live).unwrap();
    file.write_all_at(b"X", 16 + 9).unwrap();
    let (records, batch) = read_from(&journal, None);
    assert_eq!((records, batch.damaged_bytes), (vec![b"first".to_vec()], 16));
    writer.append(b"third").unwrap();
    assert_eq!(read_from(&journal, Some(batch.next)).0, [b"third"]);
}
