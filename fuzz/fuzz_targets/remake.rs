//! Any bytes as a user's picture: nothing panics, and what comes out is a picture in the bounds of its purpose.
//!
//! The first byte chooses the purpose, and whether the rest stands alone, as a part of a drawing, or as the rest of a
//! file of some kind: hardly any input would begin as one by chance.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mask_core::picture::Format;
use mask_picture::photo::{Purpose, remake};

const STARTS: [&[u8]; 5] = [
    b"",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0",
    b"\xff\xd8\xff\xdb\0",
    b"RIFF\xff\0\0\0WEBPVP8",
    b"<svg xmlns=\"http://www.w3.org/2000/svg\" ",
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let purpose = Purpose::ALL[usize::from(choice) % Purpose::ALL.len()];
    let file = [STARTS[usize::from(choice) / Purpose::ALL.len() % STARTS.len()], rest].concat();
    let Ok(photo) = remake(&file, purpose) else { return };
    let (width, height) = purpose.bounds();
    assert!((1..=width).contains(&photo.width) && (1..=height).contains(&photo.height));
    assert!(!purpose.is_square() || photo.width == photo.height);
    let start: &[u8] = if photo.format == Format::Png { b"\x89PNG" } else { b"\xff\xd8\xff" };
    assert!(photo.bytes.starts_with(start));
});
