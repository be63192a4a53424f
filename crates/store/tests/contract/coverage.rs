//! That every public method of the store has a test.

use std::{fs, path::Path};

/// The text of every Rust file below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("source is text"));
        }
    }
    text
}

#[test]
fn every_method_is_called() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, tests) = (sources(&crate_folder.join("src")), sources(&crate_folder.join("tests/contract")));
    let methods: Vec<&str> =
        source.split("pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).collect();
    assert!(methods.len() > 20 && methods.contains(&"create_link"), "the source was not understood: {methods:?}");
    let missing: Vec<_> = methods.iter().filter(|method| !tests.contains(&format!(".{method}("))).collect();
    assert!(missing.is_empty(), "no test in tests/contract calls {missing:?}");
}
