//! Which clicks of a batch are their visitors' first of the day: said when the batch is recorded, found again later.
//!
//! The records decide it ([`super::first`]), and whoever counts the batch afterwards may want to tell it. As the two are no
//! one transaction, a crash between them loses what was said; then it is read from the clicks as they lie. A batch is no
//! unit there any more, so its clicks are found by all that is known of them. Clicks that are alike in everything are alike
//! in what can be told of them too: of those only one is marked, and it is the one that comes first, as when they were
//! recorded. (Where two batches hold such twins, of one millisecond, the mark may be found for either.)

use std::collections::HashSet;

use mask_core::question::Window;

use super::{
    Batch, all_columns,
    columns::{Click, IS_FIRST_OF_OWNER, IS_FIRST_OF_VISITED, Words},
    reading::{Part, each_chunk},
};
use crate::{
    Error,
    db::{Patience, Tx},
};

/// Of each click of a batch, in the batch's order, whether it is its visitor's first of the day (UTC) among the owner's of its
/// kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<bool>);

impl Marks {
    /// The marks of these clicks, which are in the batch's order.
    pub(super) fn of(clicks: &[Click]) -> Self {
        Self(clicks.iter().map(|click| click.flags & IS_FIRST_OF_OWNER != 0).collect())
    }

    /// Whether they may be those of this batch.
    pub(super) fn are_of(&self, batch: &Batch) -> bool {
        self.0.len() == batch.facts.len()
    }

    /// Whether the click at this place of the batch is a first.
    pub fn is_first(&self, place: usize) -> bool {
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// The marks of a batch that was recorded in this window. Wants a snapshot.
pub(super) fn find(tx: &mut Tx<'_>, batch: &Batch, window: Window, patience: Patience) -> Result<Marks, Error> {
    let mut words = Words::new();
    let clicks: Vec<_> = batch.facts.iter().map(|fact| words.click(fact)).collect();
    let wanted: HashSet<Click> = clicks.iter().copied().collect();
    let mut firsts: HashSet<Click> = HashSet::new();
    let all = all_columns();
    let part = Part { owner: None, window, visited: None, columns: &all, patience };
    each_chunk(tx, &part, |chunk, _| {
        let stored = chunk.clicks(&mut words)?;
        let marked = stored.into_iter().filter(|click| click.flags & IS_FIRST_OF_OWNER != 0).map(without_marks);
        firsts.extend(marked.filter(|click| wanted.contains(click)));
        Some(())
    })?;
    // Taken out as it is found: a twin later in the batch is no first.
    Ok(Marks(clicks.iter().map(|click| firsts.remove(click)).collect()))
}

fn without_marks(click: Click) -> Click {
    Click { flags: click.flags & !(IS_FIRST_OF_OWNER | IS_FIRST_OF_VISITED), ..click }
}
