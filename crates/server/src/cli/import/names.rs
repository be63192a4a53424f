//! Words that a file brings along and that facts want to live as long as the program.
//!
//! Facts of live clicks have their classes, systems and browsers from tables in the program; those of a file are any words.
//! Each different one is kept once until the program ends, which is when the file does; so that a file of nonsense cannot
//! fill the memory, there is a most.

use std::collections::HashSet;

/// The most different words.
const MOST: usize = 10_000;
/// The longest word.
const MOST_CHARACTERS: usize = 64;

/// See the module.
#[derive(Default)]
pub(super) struct Names(HashSet<&'static str>);

impl Names {
    /// The word to be kept; or why not, in words for a person.
    pub(super) fn keep(&mut self, word: &str) -> Result<&'static str, String> {
        if let Some(known) = self.0.get(word) {
            return Ok(known);
        }
        if word.chars().count() > MOST_CHARACTERS || word.chars().any(char::is_control) {
            return Err(format!("{:?} is no name: at most {MOST_CHARACTERS} characters in one line", shown(word)));
        }
        if self.0.len() >= MOST {
            return Err(format!("{word:?} is one name too many: a file may have {MOST} different ones"));
        }
        let kept: &'static str = Box::leak(word.to_owned().into_boxed_str());
        self.0.insert(kept);
        Ok(kept)
    }
}

/// The beginning of a text, to be shown.
pub(super) fn shown(text: &str) -> String {
    let mut begin: String = text.chars().take(MOST_CHARACTERS).collect();
    if begin.len() < text.len() {
        begin.push('…');
    }
    begin
}
