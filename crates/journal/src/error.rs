//! Two kinds of trouble: what stops the journal ([`Error`], for the log, with its source) and what loses one
//! record ([`AppendError`], small and without allocation, because it happens on the redirect path and is
//! only counted there).

use std::io;
use std::path::{Path, PathBuf};

/// Why the journal cannot be opened, read, synced or tidied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict themselves.
    #[error("journal options: {fault}")]
    Options {
        /// What is wrong with them.
        fault: &'static str,
    },
    /// Another process, or another `Journal` of this one, is using the directory.
    #[error("the journal {} is in use by another process", dir.display())]
    Locked {
        /// The directory of the journal.
        dir: PathBuf,
    },
    /// The node file is not sixteen lower-case hex digits.
    #[error("{} does not hold a node id of 16 lower-case hex digits", path.display())]
    NodeInvalid {
        /// The node file.
        path: PathBuf,
    },
    /// There are segments but no node file, without which none of their records can be recognised.
    #[error("{} is missing although segments exist; restore it, or move the segments away", path.display())]
    NodeMissing {
        /// The node file.
        path: PathBuf,
    },
    /// A file in a shard's folder is not one that this version of the journal writes.
    #[error("{} is not a segment that this version can read", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The shard has a living writer already.
    #[error("shard {shard} has a writer already")]
    WriterExists {
        /// The shard.
        shard: u32,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What it answered.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names the action and the file that an `io::Error` leaves out.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// Why one record was not taken. The caller goes on and counts the loss by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The record would not fit into an empty segment.
    #[error("the record is larger than a segment")]
    TooLarge,
    /// All segments together have reached `max_bytes`; `release` makes room.
    #[error("the journal has reached its bound")]
    Full,
    /// The disk, or the quota on it, has no room for another segment.
    #[error("the disk is full")]
    DiskFull,
    /// A segment could not be made for another reason.
    #[error("a segment cannot be made: {0}")]
    Io(io::ErrorKind),
}

impl From<&io::Error> for AppendError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::DiskFull,
            kind => Self::Io(kind),
        }
    }
}
