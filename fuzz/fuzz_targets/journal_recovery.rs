//! Any bytes as a segment file: reading them never panics, what is read encodes to the bytes it was read from, and every
//! other byte that is not zero is counted as damaged.
//!
//! The input is taken twice: as a file as it is, and as a recipe for records that are valid until some bytes of them are
//! changed. Without the recipe no input would ever come past the CRC.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mask_journal::record::{Frame, Seal};
use mask_journal::{Cursor, Journal, Options};
use tempfile::TempDir;

const NODE: &str = "0123456789abcdef";
const SHARD: u32 = 1;
const SEGMENT: u64 = 1;

static DIR: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = TempDir::new().expect("a temporary folder can be made");
    fs::write(dir.path().join("node"), NODE).expect("the node file can be written");
    fs::create_dir(dir.path().join(format!("shard-{SHARD}"))).expect("the shard can be made");
    dir
});

fn segment_file() -> PathBuf {
    DIR.path().join(format!("shard-{SHARD}/{SEGMENT:020}.v1"))
}

fn seal() -> Seal {
    Seal::new(NODE, SHARD, SEGMENT)
}

/// Records whose lengths and bytes the recipe gives, then changes, as triples of a place (two bytes) and a mask.
fn cook(recipe: &[u8]) -> Vec<u8> {
    let Some((&records, mut rest)) = recipe.split_first() else {
        return Vec::new();
    };
    let mut segment = Vec::new();
    for _ in 0..records % 16 {
        let Some((&length, tail)) = rest.split_first() else { break };
        let (payload, tail) = tail.split_at(usize::from(length).min(tail.len()));
        seal().encode(&mut segment, payload);
        rest = tail;
    }
    for change in rest.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        if let Some(byte) = segment.get_mut(place) {
            *byte ^= change[2];
        }
    }
    segment
}

/// The records of an image by the pure functions, and where they end.
fn decode(image: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut records, mut offset) = (Vec::new(), 0);
    while let Frame::Whole { payload, record_bytes } = seal().open(offset as u64, &image[offset..]) {
        records.push(payload.to_vec());
        offset += record_bytes;
    }
    (records, offset)
}

fn check(image: &[u8]) {
    let (expected, end) = decode(image);
    let mut encoded = Vec::new();
    for payload in &expected {
        seal().encode(&mut encoded, payload);
    }
    assert_eq!(encoded, image[..end]);

    fs::write(segment_file(), image).expect("the segment can be written");
    let journal = Journal::open(DIR.path(), Options::default()).expect("any bytes can be opened");
    let mut records = Vec::new();
    let batch =
        journal.read(SHARD, None, usize::MAX, |payload| records.push(payload.to_vec())).expect("any bytes can be read");
    assert_eq!(records, expected);
    assert_eq!(batch.next, Cursor { segment: SEGMENT, offset: end as u64 });
    let damaged = image[end..].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    assert_eq!(batch.damaged_bytes, damaged as u64);
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&cook(bytes));
});
