//! What the system knows of this process, under the names that Prometheus has for it. Read when somebody asks.

use std::fs;

use metrics::{Unit, describe_gauge, gauge};
use rustix::process::{Resource, getrlimit};

const MEMORY: &str = "process_resident_memory_bytes";
const OPEN_FILES: &str = "process_open_fds";
const MOST_FILES: &str = "process_max_fds";

pub(super) fn describe() {
    describe_gauge!(MEMORY, Unit::Bytes, "Memory of this process that is held in RAM, its mapped journal among it.");
    describe_gauge!(OPEN_FILES, "Open file descriptors, of connections too.");
    describe_gauge!(MOST_FILES, "File descriptors that may be open at one time.");
}

/// Reads them anew. What a system does not tell is left out, not made up.
pub(super) fn refresh() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) {
        gauge!(MEMORY).set(as_gauge(bytes));
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // The look itself takes one.
        gauge!(OPEN_FILES).set(as_gauge((entries.count() as u64).saturating_sub(1)));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        gauge!(MOST_FILES).set(as_gauge(most));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and nobody misses bytes beyond 2^53")]
fn as_gauge(number: u64) -> f64 {
    number as f64
}

/// `VmRSS` of a status file, which counts in kB and not in pages as `statm` does, whose size would have to be asked for.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_a_status_file() {
        assert_eq!(resident_bytes("Name:\tmask\nVmRSS:\t   12 kB\nVmData:\t 1 kB\n"), Some(12 * 1024));
        assert_eq!(resident_bytes("Name:\tmask\n"), None);
        assert_eq!(resident_bytes("VmRSS:\tmuch\n"), None);
    }
}
