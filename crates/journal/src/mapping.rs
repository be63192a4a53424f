//! A segment file as memory. All the `unsafe` of the product is here.
//!
//! What the two blocks rest on: a `Mapping` is private to the one `Writer` that appends to it, and every access
//! takes `&mut self`, so no two references to its bytes exist; readers go through `pread`, which is
//! the kernel's copy and no reference; other processes are kept out by the journal's lock file. The file's
//! blocks are allocated before it is mapped and it is not shortened while it may be written, so a store cannot
//! fault for want of space.

#![expect(unsafe_code, reason = "a memory map cannot be written without it")]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use crate::record::LENGTH_BYTES;

/// A writable shared mapping of a whole segment file.
#[derive(Debug)]
pub(crate) struct Mapping(MmapRaw);

impl Mapping {
    /// Maps the first `bytes` of a file that is at least so long and fully allocated.
    ///
    /// Not populated: the background `fdatasync` write-protects the pages again ten times a second, so a page
    /// costs its fault anyway, and an idle server would hold its spare segments in memory.
    pub(crate) fn new(file: &File, bytes: usize) -> io::Result<Self> {
        MmapOptions::new().len(bytes).map_raw(file).map(Self)
    }

    /// The length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes `start..start + bytes`, to be written.
    pub(crate) fn bytes_mut(&mut self, start: usize, bytes: usize) -> &mut [u8] {
        self.check(start, bytes);
        // SAFETY: `check` has shown that the range lies in the mapping, which is readable, writable and
        // initialised (allocated file space reads as zeros) and lives as long as `self`. The exclusive
        // borrow of `self` makes this the only reference, as the module's text explains.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().add(start), bytes) }
    }

    /// Stores a length word after everything that was stored before: the moment a record begins to exist.
    pub(crate) fn publish(&mut self, start: usize, length: u32) {
        self.check(start, LENGTH_BYTES);
        assert!(start.is_multiple_of(align_of::<AtomicU32>()), "records are aligned");
        #[expect(clippy::cast_ptr_alignment, reason = "the assertion above is the alignment")]
        let word = self.0.as_mut_ptr().wrapping_add(start).cast::<u32>();
        // SAFETY: the four bytes lie in the mapping (`check`), which begins at a page, so `start` being
        // aligned makes the pointer aligned. The exclusive borrow of `self` means nobody else
        // accesses them meanwhile, atomically or not.
        let word = unsafe { AtomicU32::from_ptr(word) };
        word.store(length.to_le(), Ordering::Release);
    }

    fn check(&self, start: usize, bytes: usize) {
        let inside = start.checked_add(bytes).is_some_and(|end| end <= self.len());
        assert!(inside, "the range lies outside the mapping");
    }
}
