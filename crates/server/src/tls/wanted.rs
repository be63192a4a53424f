//! Names that somebody asked for in vain, until they are taken up.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// As many as are remembered. Only names of ours come in, and more come again.
const MOST: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<HashSet<String>>);

impl Wanted {
    /// Notes a name.
    pub(super) fn note(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < MOST && !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    /// Those that were noted; none is left.
    pub(super) fn take(&self) -> Vec<String> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.is_empty() { Vec::new() } else { names.drain().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_noted_once_and_not_without_end() {
        let wanted = Wanted::default();
        (0..5).for_each(|_| wanted.note("a.example"));
        assert_eq!(wanted.take(), ["a.example"]);
        assert_eq!(wanted.take(), Vec::<String>::new());
        (0..3 * MOST).for_each(|n| wanted.note(&n.to_string()));
        assert_eq!(wanted.take().len(), MOST);
    }
}
