//! Any text as a slug: what is one keeps its letters, has one key, and can be asked for by a path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mask_core::{address, slug::Slug};

fuzz_target!(|text: &str| {
    let Ok(slug) = Slug::parse(text) else { return };
    assert_eq!(slug.as_str(), text);
    assert_eq!(Slug::parse(&slug.key()).map(|again| again.key()), Ok(slug.key()));
    let asked = address::path(&format!("/{text}")).expect("every slug can be asked for");
    assert_eq!(asked.key, slug.key());
});
