//! The click journal: where a click is put down before anybody is told that it happened.
//!
//! **Who takes part.** One [`Writer`] a shard (one shard a core), each owned by one thread, which appends
//! without a lock, an allocation or a system call. One background thread that calls [`Journal::sync`] and
//! [`Journal::maintain`]. One reader a shard (the drain), on any thread, which calls [`Journal::read`] and,
//! once what it read is safe elsewhere, [`Journal::release`].
//!
//! **What survives what.** A segment is a shared mapping of a preallocated file, so a store to it belongs
//! to the kernel as soon as the processor has done it: `kill -9` at any instruction loses nothing that
//! [`Writer::append`] has returned for. The loss of power is answered by [`Journal::sync`]; a [`Ticket`] says
//! from which moment a record is on the disk.
//!
//! **How a torn record is known.** The length word is stored last, with release order, so a killed
//! process leaves a whole record or a zero length. Pages of a machine that lost power may reach the disk in any
//! order; against that stands a CRC over the place of the record (node, shard, segment, offset), its
//! length and its payload, so that bytes which belong anywhere else never pass. See [`record`].
//!
//! **Where numbers come from.** Segments are numbered upwards and never reused or reopened for writing: each
//! [`Writer`] begins a new one, so recovery writes nothing and cannot fail half-way. The position of the
//! drain is a [`Cursor`], kept by whoever keeps the drained records, in the same transaction.
//!
//! **Space.** All segments together stay within [`Options::max_bytes`]. Blocks are allocated before the first
//! byte is written, so a full disk is an error of preparation and not a SIGBUS in the middle of a redirect. (On
//! a file system that copies on write the allocation is only as good as the file system's word.) When
//! there is no space an append fails, the caller counts it, and appends succeed again when space is back.
//!
//! **Rejected.** `write(2)` for each record: a system call on the hot path. A buffer in the process: lost with it. A
//! channel to a writer thread: a wake-up for each click, twice the cost of the whole redirect. Reading through
//! the mapping: a bad sector would be a signal instead of an error, and the reader would need `unsafe`; it
//! uses `pread`. A header in each segment: one damaged page would lose the whole segment; the identity comes from
//! the node file and the file's name, and the format's version is the extension of the name.
//!
//! **What must stay true.** The only `unsafe` is in the `mapping` module. Nothing forms a reference to
//! mapped bytes but the one writer, and only to bytes that are not yet published. No record is skipped
//! without being part of [`Batch::damaged_bytes`].

#![deny(unsafe_code)]

mod error;
mod files;
mod journal;
mod mapping;
mod options;
mod reader;
pub mod record;
mod segment;
mod shard;
mod writer;

pub use error::{AppendError, Error};
pub use journal::Journal;
pub use options::Options;
pub use reader::{Batch, Cursor};
pub use writer::{Ticket, Writer};
