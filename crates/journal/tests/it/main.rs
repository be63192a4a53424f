//! The journal through its public interface, on real files: one binary, and here what all its parts use.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod appending;
mod killed;
mod model;
mod recovery;
mod space;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mask_journal::record::Seal;
use mask_journal::{Batch, Cursor, Journal, Options, Writer};
use tempfile::TempDir;

pub(crate) const SHARD: u32 = 2;

pub(crate) const SMALL: Options = Options { segment_bytes: 4096, max_bytes: 1 << 30 };

pub(crate) fn open(dir: &Path) -> Arc<Journal> {
    Journal::open(dir, SMALL).unwrap()
}

pub(crate) fn new() -> (TempDir, Arc<Journal>) {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    (dir, journal)
}

pub(crate) fn read_from(journal: &Journal, from: Option<Cursor>) -> (Vec<Vec<u8>>, Batch) {
    let mut records = Vec::new();
    let batch = journal
        .read(SHARD, from, usize::MAX, |payload| {
            records.push(payload.to_vec());
        })
        .unwrap();
    (records, batch)
}

pub(crate) fn read(journal: &Journal) -> Vec<Vec<u8>> {
    read_from(journal, None).0
}

/// Dies as a killed process does: nothing is tidied, truncated or synced.
pub(crate) fn die(writer: Writer, journal: Arc<Journal>, dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_folder(dir, copy.path());
    drop((writer, journal));
    copy
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let folder = dir.join(format!("shard-{SHARD}"));
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A journal directory with one recovered segment that holds `bytes`.
pub(crate) fn with_segment(bytes: &[u8]) -> (TempDir, Arc<Journal>) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join(format!("shard-{SHARD}"));
    fs::create_dir(&folder).unwrap();
    fs::write(dir.path().join("node"), "0123456789abcdef").unwrap();
    fs::write(folder.join("00000000000000000001.v1"), bytes).unwrap();
    let journal = open(dir.path());
    (dir, journal)
}

pub(crate) fn seal() -> Seal {
    Seal::new("0123456789abcdef", SHARD, 1)
}

pub(crate) fn encoded(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads {
        seal().encode(&mut bytes, payload);
    }
    bytes
}

pub(crate) fn three() -> Vec<Vec<u8>> {
    vec![b"first".to_vec(), b"the second one".to_vec(), b"3".to_vec()]
}
