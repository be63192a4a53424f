//! Any text as a `Host` header and as a path: nothing panics, and what is read is what may be looked up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mask_core::{address, destination, slug::Slug};

fuzz_target!(|input: (&str, &str)| {
    let (header, path) = input;
    if let Some(host) = address::host(header) {
        assert!(!host.is_empty() && host.len() <= 253);
        assert!(
            host.bytes()
                .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/@?#\\%[]".contains(&byte))
        );
    }
    if let Some(asked) = address::path(path) {
        assert_eq!(Slug::parse(&asked.key).map(|slug| slug.key()).as_deref(), Ok(&*asked.key));
    }
    // A visitor's query on a destination: the result can always stand in a header, and never leads to another host.
    let whole = destination::compose("https://example.com/a?b=c#d", &destination::Utm::default(), path);
    assert!(whole.starts_with("https://example.com/a?") && whole.bytes().all(|byte| byte.is_ascii_graphic()));
});
