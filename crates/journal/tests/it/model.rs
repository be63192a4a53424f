//! Random lives of a journal against the simplest model of one: a list.

use std::{path::Path, sync::Arc};

use mask_journal::{AppendError, Cursor, Error, Journal, Options};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{SHARD, die, encoded, new, read_from, with_segment};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u8>),
    Maintain,
    Sync,
    Drain { max_bytes: usize },
    Release,
    Restart,
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => proptest::collection::vec(any::<u8>(), 0..1500).prop_map(Step::Append),
        2 => Just(Step::Maintain),
        1 => Just(Step::Sync),
        3 => (0_usize..6000).prop_map(|max_bytes| Step::Drain { max_bytes }),
        2 => Just(Step::Release),
        1 => Just(Step::Restart),
        1 => Just(Step::Die),
    ]
}

/// The whole journal against the simplest model: a list of payloads and how many of them were drained.
fn run(steps: Vec<Step>) {
    let options = Options { segment_bytes: 4096, max_bytes: 10 * 4096 };
    let mut dir = TempDir::new().unwrap();
    let mut journal = Journal::open(dir.path(), options).unwrap();
    let mut writer = journal.writer(SHARD, 0).unwrap();
    let mut appended: Vec<Vec<u8>> = Vec::new();
    let mut drained: Vec<Vec<u8>> = Vec::new();
    let mut cursor = None;
    for step in steps {
        match step {
            Step::Append(payload) => match writer.append(&payload) {
                Ok(_) => appended.push(payload),
                Err(error) => assert_eq!(error, AppendError::Full),
            },
            Step::Maintain => journal.maintain().unwrap(),
            Step::Sync => journal.sync().unwrap(),
            Step::Drain { max_bytes } => {
                let each = |payload: &[u8]| drained.push(payload.to_vec());
                let batch = journal.read(SHARD, cursor, max_bytes, each).unwrap();
                assert_eq!(batch.damaged_bytes, 0);
                cursor = Some(batch.next);
            }
            Step::Release => {
                journal.release(SHARD, cursor.unwrap_or_default()).unwrap();
            }
            Step::Restart | Step::Die => {
                if matches!(step, Step::Die) {
                    dir = die(writer, journal, dir.path());
                } else {
                    drop((writer, journal));
                }
                journal = reopen(dir.path(), options);
                let above = cursor.map_or(0, |cursor: Cursor| cursor.segment + 1);
                writer = journal.writer(SHARD, above).unwrap();
            }
        }
        assert!(journal.used_bytes() <= options.max_bytes);
        assert_eq!(drained, appended[..drained.len()]);
    }
    let (rest, _) = read_from(&journal, cursor);
    assert_eq!([drained, rest].concat(), appended);
}

/// Opens a journal again. A test beside this one starts a process: between its fork and its exec that one holds a copy of
/// each file that is open here, the locked one too.
fn reopen(dir: &Path, options: Options) -> Arc<Journal> {
    for _ in 0..1_000_000 {
        match Journal::open(dir, options) {
            Err(Error::Locked { .. }) => std::thread::yield_now(),
            opened => return opened.expect("a journal that nobody holds"),
        }
    }
    panic!("the lock is never given back");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_invented(steps in proptest::collection::vec(step(), 1..120)) {
        run(steps);
    }

    #[test]
    fn any_cursor_reads_only_what_was_written(segment in 0_u64..6, offset in 0_u64..5000) {
        let (_dir, journal) = new();
        let mut writer = journal.writer(SHARD, 0).unwrap();
        let payloads: Vec<_> = (0..50_u8).map(|n| vec![n; 200 + usize::from(n)]).collect();
        for payload in &payloads {
            writer.append(payload).unwrap();
        }
        let from = Cursor { segment, offset };
        let (records, batch) = read_from(&journal, Some(from));
        prop_assert!(payloads.ends_with(&records));
        prop_assert!(batch.next >= from);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_dir, journal) = with_segment(&bytes);
        let (records, batch) = read_from(&journal, None);
        prop_assert!(bytes.starts_with(&encoded(&records)));
        prop_assert!(batch.damaged_bytes <= bytes.len() as u64);
    }
}
