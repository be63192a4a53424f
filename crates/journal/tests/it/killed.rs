//! A real process, really killed: it appends in a loop, rolling and syncing beside it, and says what was acknowledged;
//! then what it said is compared with what the journal holds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mask_journal::{Cursor, Journal, Options};
use tempfile::TempDir;

const DIR: &str = "MASK_JOURNAL_TEST_DIR";
const BURST: &str = "MASK_JOURNAL_TEST_BURST";
const FIRST_SEGMENT: &str = "MASK_JOURNAL_TEST_FIRST_SEGMENT";
const SHARD: u32 = 0;

const OPTIONS: Options = Options { segment_bytes: 16 << 10, max_bytes: 1 << 30 };

fn payload_of(sequence: u64) -> Vec<u8> {
    let length = 8 + usize::try_from(sequence * 31 % 300).unwrap();
    sequence.to_le_bytes().into_iter().cycle().take(length).collect()
}

/// The child's part; does nothing in an ordinary run. It says a sequence after each burst of appends: with bursts of
/// one every record is accounted for, with longer ones the kill hits an append and not the pipe.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let [burst, first_segment] = [BURST, FIRST_SEGMENT].map(number);
    let journal = Journal::open(Path::new(&dir), OPTIONS).unwrap();
    let mut writer = journal.writer(SHARD, first_segment).unwrap();
    let background = Arc::clone(&journal);
    std::thread::spawn(move || {
        loop {
            background.maintain().unwrap();
            background.sync().unwrap();
        }
    });
    // Standard output belongs to the test harness.
    let mut out = std::io::stderr();
    for sequence in 1.. {
        let ticket = writer.append(&payload_of(sequence)).unwrap();
        assert_eq!(ticket.sequence, sequence);
        if sequence % burst == 0 {
            out.write_all(format!("{sequence}\n").as_bytes()).unwrap();
        }
    }
}

fn number(variable: &str) -> u64 {
    let value = std::env::var_os(variable).unwrap();
    value.to_str().unwrap().parse().unwrap()
}

/// Lets a child append until it has acknowledged `lines` times, kills it, and returns the last sequence it said.
fn run_and_kill(dir: &Path, first_segment: u64, burst: u64, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(DIR, dir)
        .env(BURST, burst.to_string())
        .env(FIRST_SEGMENT, first_segment.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last = 0;
    let mut hear = |line: String| {
        let sequence: u64 = line.parse().unwrap_or_else(|_| panic!("the child said {line:?}"));
        assert_eq!(sequence, last + burst);
        last = sequence;
    };
    for line in said.by_ref().take(lines) {
        hear(line.unwrap());
    }
    child.kill().unwrap();
    for line in said {
        hear(line.unwrap());
    }
    child.wait().unwrap();
    last
}

#[test]
fn no_acknowledged_record_is_missing_doubled_or_invented() {
    let dir = TempDir::new().unwrap();
    let mut cursor: Option<Cursor> = None;
    for round in 0..20_usize {
        let burst = [1, 64][round % 2];
        let first_segment = cursor.map_or(0, |cursor| cursor.segment + 1);
        let acknowledged = run_and_kill(dir.path(), first_segment, burst, 1 + round * round * 3);
        let journal = Journal::open(dir.path(), OPTIONS).unwrap();
        let mut read = 0;
        let each = |payload: &[u8]| {
            read += 1;
            assert_eq!(payload, payload_of(read), "round {round}, record {read}");
        };
        let batch = journal.read(SHARD, cursor, usize::MAX, each).unwrap();
        assert!(read >= acknowledged, "round {round}: {read} of {acknowledged} acknowledged");
        assert!(read <= acknowledged + burst, "round {round}: {read} after {acknowledged}");
        assert!(batch.damaged_bytes <= 8 + 308, "at most the record that was being written");
        if round % 3 == 0 {
            journal.release(SHARD, batch.next).unwrap();
        }
        cursor = Some(batch.next);
    }
}
