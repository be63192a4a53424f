//! Any text as a cursor: what is read is written back as the same text, so each cursor has one spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mask_core::cursor::Cursor;

fuzz_target!(|text: &str| {
    if let Ok(cursor) = Cursor::decode(text) {
        assert_eq!(cursor.encode(), text);
    }
    // A text that is no cursor, as the JSON in one: nothing but what we write ourselves may come through.
    let wrapped = Cursor { id: text.to_owned(), sort: None }.encode();
    if let Ok(cursor) = Cursor::decode(&wrapped) {
        assert!(cursor.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    }
});
