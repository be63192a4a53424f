//! The two sizes a journal is opened with.

use crate::Error;

/// How large the journal may become, and in which steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The size of one segment file. A record, with its header of 8 bytes, must fit into one segment.
    pub segment_bytes: u32,
    /// The bound on all segment files of all shards together, prepared spares included.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20, max_bytes: 4 << 30 }
    }
}

impl Options {
    /// The smallest segment: one page.
    pub const SEGMENT_BYTES_LEAST: u32 = 4096;

    pub(crate) fn check(self) -> Result<Self, Error> {
        let fault = if self.segment_bytes < Self::SEGMENT_BYTES_LEAST {
            "segment_bytes must be at least 4096"
        } else if !self.segment_bytes.is_multiple_of(Self::SEGMENT_BYTES_LEAST) {
            "segment_bytes must be a multiple of 4096"
        } else if self.max_bytes < u64::from(self.segment_bytes) {
            "max_bytes must hold at least one segment"
        } else {
            return Ok(self);
        };
        Err(Error::Options { fault })
    }
}
