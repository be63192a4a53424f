//! The header by which a proxy says whose bytes it passes on: whatever comes, the reader asks for a bounded number of bytes,
//! and comes to an end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mask_core::proxy_protocol::{MOST_BYTES, Step, read};

fuzz_target!(|bytes: &[u8]| {
    let mut length = 0;
    while let Ok(Step::Needs(more)) = read(&bytes[..length]) {
        assert!(more > 0);
        length += more;
        assert!(length <= MOST_BYTES);
        if length > bytes.len() {
            return;
        }
    }
});
