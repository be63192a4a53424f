//! The shape of one record, as pure functions over bytes: what the writer stores, what recovery accepts.
//!
//! ```text
//! offset % 8 == 0
//! ├─ length   u32 LE   header and payload, without padding; 0 where there is no record; stored last
//! ├─ crc      u32 LE   over node, shard, segment, offset, length and payload
//! ├─ payload
//! └─ zeros to the next multiple of 8
//! ```
//!
//! The length counts its own header so that an empty payload is still not zero: a zero length is the one mark
//! of "nothing here", and it is what preallocated space is made of. The alignment makes the length word one
//! atomic store. Padding must be zero: then each accepted record has exactly one encoding.
//!
//! A CRC and not a hash: the journal is read by the machine that wrote it, so it guards against accidents.
//! Mixing in the place makes an accident out of the one thing a CRC alone would accept: a well-formed record
//! that is left over from somewhere else.

use crc32fast::Hasher;

/// The bytes before the payload: length and CRC.
pub const HEADER_BYTES: usize = 8;

/// Records begin at multiples of this.
pub const ALIGNMENT_BYTES: usize = 8;

/// The bytes of the length word, which is stored apart from all the others.
pub const LENGTH_BYTES: usize = 4;

/// The bytes a record takes in a segment, padding included; `None` if no length word could say it.
#[must_use]
pub const fn record_bytes(payload_bytes: usize) -> Option<usize> {
    const MOST: usize = u32::MAX as usize - HEADER_BYTES - ALIGNMENT_BYTES;
    if payload_bytes > MOST {
        return None;
    }
    Some((HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT_BYTES))
}

/// The bytes that a record takes according to its length word, with which `head` begins; `None` if no record can be here.
pub(crate) fn announced_bytes(head: &[u8]) -> Option<usize> {
    let (word, _) = head.split_first_chunk::<LENGTH_BYTES>()?;
    let length = u32::from_le_bytes(*word) as usize;
    record_bytes(length.checked_sub(HEADER_BYTES)?)
}

/// What stands at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A record that was written here and is whole.
    Whole {
        /// What was appended.
        payload: &'a [u8],
        /// How far it is to the next record.
        record_bytes: usize,
    },
    /// A zero length: nothing was published here.
    Absent,
    /// The length word says more than the bytes given; show this many to know.
    Short {
        /// The bytes needed.
        record_bytes: usize,
    },
    /// Something, but not a record that was written here.
    Damaged,
}

/// The identity of a segment: makes and checks the CRCs of the records in it.
#[derive(Debug, Clone)]
pub struct Seal(Hasher);

impl Seal {
    /// The seal of one segment of one shard of one node.
    #[must_use]
    pub fn new(node: &str, shard: u32, segment: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(node.as_bytes());
        hasher.update(&shard.to_le_bytes());
        hasher.update(&segment.to_le_bytes());
        Self(hasher)
    }

    fn crc(&self, offset: u64, length: u32, payload: &[u8]) -> u32 {
        let mut place = [0; 12];
        place[..8].copy_from_slice(&offset.to_le_bytes());
        place[8..].copy_from_slice(&length.to_le_bytes());
        let mut hasher = self.0.clone();
        hasher.update(&place);
        hasher.update(payload);
        hasher.finalize()
    }

    /// Fills `body`, which is all of a record but its length word, and returns the length word. The record does
    /// not exist before the caller stores that word in front of the body, after everything else.
    ///
    /// `encode` is given the zeroed payload bytes. If it panics the body is zero again: garbage
    /// must not lie where a later, shorter record would leave it as the next length word.
    ///
    /// # Panics
    /// If `body` is not `record_bytes(payload_bytes) - LENGTH_BYTES` long.
    pub fn fill(&self, offset: u64, body: &mut [u8], payload_bytes: usize, encode: impl FnOnce(&mut [u8])) -> u32 {
        let whole = record_bytes(payload_bytes).and_then(|bytes| bytes.checked_sub(LENGTH_BYTES));
        assert_eq!(whole, Some(body.len()), "the body is not the size of the record");
        let length = u32::try_from(HEADER_BYTES + payload_bytes)
            .expect("record_bytes has refused what a length word cannot say");

        let erase = EraseOnUnwind(body);
        let (crc, rest) = erase.0.split_at_mut(HEADER_BYTES - LENGTH_BYTES);
        let payload = &mut rest[..payload_bytes];
        encode(payload);
        crc.copy_from_slice(&self.crc(offset, length, payload).to_le_bytes());
        std::mem::forget(erase);
        length
    }

    /// Appends the whole encoding of a record to `segment`, whose length is the record's offset.
    ///
    /// For tests and tools; the writer encodes in place.
    ///
    /// # Panics
    /// If no length word could say the payload's length, or `segment` does not end where a record may begin.
    pub fn encode(&self, segment: &mut Vec<u8>, payload: &[u8]) {
        let start = segment.len();
        assert!(start.is_multiple_of(ALIGNMENT_BYTES), "records are aligned");
        let bytes = record_bytes(payload.len()).expect("the caller keeps to what fits a segment");
        segment.resize(start + bytes, 0);
        let (word, body) = segment[start..].split_at_mut(LENGTH_BYTES);
        let length = self.fill(start as u64, body, payload.len(), |to| {
            to.copy_from_slice(payload);
        });
        word.copy_from_slice(&length.to_le_bytes());
    }

    /// Looks at the place `offset`, of which `bytes` are the bytes from there on.
    #[must_use]
    pub fn open<'a>(&self, offset: u64, bytes: &'a [u8]) -> Frame<'a> {
        let Some((word, _)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Frame::Short { record_bytes: HEADER_BYTES };
        };
        let length = u32::from_le_bytes(*word);
        if length == 0 {
            return Frame::Absent;
        }
        let Some(record_bytes) = announced_bytes(bytes) else {
            return Frame::Damaged;
        };
        let Some(record) = bytes.get(..record_bytes) else {
            return Frame::Short { record_bytes };
        };
        let (sealed, padding) = record.split_at(length as usize);
        let (header, payload) = sealed.split_at(HEADER_BYTES);
        let crc = self.crc(offset, length, payload).to_le_bytes();
        if header[LENGTH_BYTES..] != crc || padding.iter().any(|byte| *byte != 0) {
            return Frame::Damaged;
        }
        Frame::Whole { payload, record_bytes }
    }
}

/// Zeroes what an encoder that panicked has left.
struct EraseOnUnwind<'a>(&'a mut [u8]);

impl Drop for EraseOnUnwind<'_> {
    fn drop(&mut self) {
        self.0.fill(0);
    }
}

#[cfg(test)]
mod tests {
    //! The model check: a record's stores are enumerated, not sampled.

    use super::*;

    const PAYLOAD: &[u8] = b"ab\x01";

    fn seal() -> Seal {
        Seal::new("0123456789abcdef", 3, 7)
    }

    fn encoded(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        seal().encode(&mut bytes, payload);
        bytes
    }

    /// All states in which memory may be left, if each of `bytes` may or may not have been stored over zeros.
    fn subsets(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let bytes = bytes.to_vec();
        (0..1_u32 << places.len()).map(move |chosen| {
            let mut state = vec![0; bytes.len()];
            for (bit, at) in places.iter().enumerate() {
                if chosen >> bit & 1 == 1 {
                    state[*at] = bytes[*at];
                }
            }
            state
        })
    }

    /// A process that is killed: the body's stores in any order, the length word after all of them.
    #[test]
    fn a_killed_process_leaves_a_record_whole_or_absent() {
        let whole = encoded(PAYLOAD);
        let mut states = 0;
        for body in subsets(&whole[LENGTH_BYTES..]) {
            let killed = [&[0; LENGTH_BYTES], &body[..]].concat();
            assert_eq!(seal().open(0, &killed), Frame::Absent);
            states += 1;
        }
        assert!(states >= 1 << 5, "the body has at least five bytes that are not zero");
        assert!(matches!(seal().open(0, &whole), Frame::Whole { payload: PAYLOAD, .. }));
    }

    /// `fill` is what the writer runs: when it returns, the body is complete and the length word is untouched.
    #[test]
    fn the_body_is_complete_before_the_length_is_known() {
        let whole = encoded(PAYLOAD);
        let mut memory = vec![0; whole.len()];
        let (word, body) = memory.split_at_mut(LENGTH_BYTES);
        let length = seal().fill(0, body, PAYLOAD.len(), |to| to.copy_from_slice(PAYLOAD));
        assert_eq!(body, &whole[LENGTH_BYTES..]);
        assert_eq!(word, [0; LENGTH_BYTES]);
        assert_eq!(length.to_le_bytes(), whole[..LENGTH_BYTES]);
    }

    /// A loss of power: any subset of all bytes, in no order at all. Coarser tearing (sectors, pages) is a part of this.
    #[test]
    fn torn_bytes_in_any_order_are_no_record() {
        for payload in [&b""[..], b"x", PAYLOAD, b"abcdefgh"] {
            let whole = encoded(payload);
            for state in subsets(&whole).filter(|state| *state != whole) {
                let frame = seal().open(0, &state);
                assert!(!matches!(frame, Frame::Whole { .. }), "{state:?} passed as {whole:?}");
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_no_record() {
        let whole = encoded(b"a click");
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(seal().open(0, &bytes), Frame::Whole { .. }), "bit {bit}");
        }
    }

    #[test]
    fn a_record_is_one_only_where_it_was_written() {
        let whole = encoded(PAYLOAD);
        let elsewhere = [
            (Seal::new("0123456789abcdef", 3, 8), 0),
            (Seal::new("0123456789abcdef", 4, 7), 0),
            (Seal::new("0123456789abcdee", 3, 7), 0),
            (seal(), 8),
        ];
        for (seal, offset) in elsewhere {
            assert_eq!(seal.open(offset, &whole), Frame::Damaged);
        }
    }

    #[test]
    fn a_panicking_encoder_leaves_zeros() {
        let mut body = vec![0; 12];
        let fill = std::panic::AssertUnwindSafe(|| {
            seal().fill(0, &mut body, 8, |to| {
                to.fill(0xff);
                panic!("half-way");
            })
        });
        assert!(std::panic::catch_unwind(fill).is_err());
        assert_eq!(body, [0; 12]);
    }

    #[test]
    fn sizes() {
        assert_eq!(record_bytes(0), Some(8));
        assert_eq!(record_bytes(1), Some(16));
        assert_eq!(record_bytes(8), Some(16));
        assert_eq!(record_bytes(usize::MAX), None);
        assert_eq!(record_bytes(u32::MAX as usize), None);
    }
}
