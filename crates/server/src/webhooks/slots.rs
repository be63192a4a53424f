//! Slots: how many attempts may be under way, and whose they are.
//!
//! There are two parts. The **firsts** are for the first attempt of each lane: with them every endpoint is tried, one attempt at
//! a time, whatever it does. The **further** ones are for lanes that have shown that they deliver, and have one under way
//! already. So endpoints that never answer, or were never heard of, can take no slot that a lane that delivers goes on with;
//! and lanes that are wide cannot keep another from its first.
//!
//! Neither part is dealt out in fixed shares, of which there would never be enough for everybody who may come. **A workspace
//! may hold as many slots of a part as are free in it**, and those of its lanes that fail half as many. One alone has half of
//! the part, the second a quarter at once, and both a third when attempts have ended; and there is always something left for
//! the one that comes next, which waits for no attempt of others to time out. Only where more workspaces fill a part than it
//! has slots are there none, and then who has the fewest comes first whenever one becomes free: within a time-out.
//!
//! Rejected: a fixed number to each workspace and the rest lent to whoever comes first. What is lent is gone for as long as a
//! dead endpoint takes, and the third who comes finds nothing.

use std::collections::HashMap;

use super::lane::Standing;

/// The most first slots and further ones: as many attempts under way at once.
const MOST: (usize, usize) = (3072, 1024);
/// Of the files that the process may open, one in so many may be a connection of either part.
const PART_OF_FILES: (usize, usize) = (6, 18);

/// What a slot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The lane's own: it has one.
    First,
    /// Another one.
    Further,
}

/// All slots. See the module.
#[derive(Debug)]
pub(super) struct Slots {
    firsts: Part,
    further: Part,
}

/// One part.
#[derive(Debug)]
struct Part {
    free: usize,
    held: HashMap<i64, usize>,
}

impl Part {
    fn of(size: usize) -> Self {
        Self { free: size, held: HashMap::new() }
    }

    /// Whether the workspace may have one more. Each that it holds weighs so much.
    fn has_room(&self, workspace: i64, weight: usize) -> bool {
        self.held.get(&workspace).copied().unwrap_or_default() * weight < self.free
    }

    fn take(&mut self, workspace: i64) {
        self.free -= 1;
        *self.held.entry(workspace).or_default() += 1;
    }

    fn give_back(&mut self, workspace: i64) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(&workspace) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&workspace);
            }
        }
    }
}

impl Slots {
    /// As many as a process may have that can open so many files.
    pub(super) fn within(files: Option<u64>) -> Self {
        let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
        let (firsts, further) = PART_OF_FILES;
        Self {
            firsts: Part::of(MOST.0.min(files / firsts).max(1)),
            further: Part::of(MOST.1.min(files / further).max(1)),
        }
    }

    /// A slot for a lane of this workspace, if it may have one now.
    pub(super) fn find(&self, workspace: i64, standing: Standing, has_first: bool) -> Option<Place> {
        let weight = if standing == Standing::Failing { 2 } else { 1 };
        if !has_first && self.firsts.has_room(workspace, weight) {
            return Some(Place::First);
        }
        (standing == Standing::Proven && self.further.has_room(workspace, 1)).then_some(Place::Further)
    }

    /// Takes what was found.
    pub(super) fn take(&mut self, workspace: i64, place: Place) {
        self.part(place).take(workspace);
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&mut self, workspace: i64, place: Place) {
        self.part(place).give_back(workspace);
    }

    /// Whether nothing can begin.
    pub(super) const fn are_gone(&self) -> bool {
        self.firsts.free == 0 && self.further.free == 0
    }

    const fn part(&mut self, place: Place) -> &mut Part {
        match place {
            Place::First => &mut self.firsts,
            Place::Further => &mut self.further,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::lane::Standing::{Failing, Proven, Untried},
        *,
    };

    /// So many lanes of a workspace begin an attempt each, as far as they may; how many did.
    fn begin(slots: &mut Slots, workspace: i64, standing: Standing, lanes: usize) -> usize {
        let begin = |slots: &mut Slots| {
            let place = slots.find(workspace, standing, false)?;
            slots.take(workspace, place);
            Some(place)
        };
        (0..lanes).filter(|_| begin(slots) == Some(Place::First)).count()
    }

    fn end(slots: &mut Slots, workspace: i64, lanes: usize) {
        (0..lanes).for_each(|_| slots.give_back(workspace, Place::First));
    }

    #[test]
    fn every_lane_of_a_full_workspace_has_one_and_so_has_the_next_workspace() {
        let mut slots = Slots::within(None);
        assert_eq!(begin(&mut slots, 1, Untried, 1000), 1000);
        assert_eq!(begin(&mut slots, 2, Untried, 1000), 1000);
        assert!(begin(&mut slots, 3, Untried, 1000) > 500, "there is room for the third at once");
        for workspace in 4..10 {
            assert!(begin(&mut slots, workspace, Untried, 1000) > 0, "and for whoever comes after it: {workspace}");
        }
    }

    #[test]
    fn what_fails_leaves_half_of_its_workspaces_share_to_what_was_never_tried() {
        let mut slots = Slots::within(Some(600));
        let failing = begin(&mut slots, 1, Failing, 1000);
        assert!((30..40).contains(&failing), "a third of a hundred: {failing}");
        assert!(begin(&mut slots, 1, Untried, 1000) > 10);
        assert_eq!(begin(&mut slots, 1, Untried, 1), 0, "half of it is for others");
    }

    #[test]
    fn a_lane_that_delivers_is_kept_from_nothing_by_those_that_do_not() {
        let mut slots = Slots::within(Some(600));
        for workspace in 1..200 {
            begin(&mut slots, workspace, Untried, 1000);
        }
        assert_eq!(slots.find(1000, Untried, false), None, "there are more workspaces than slots");
        for workspace in [1, 1000] {
            assert_eq!(slots.find(workspace, Proven, false), Some(Place::Further));
            assert_eq!(slots.find(workspace, Proven, true), Some(Place::Further));
        }
        assert!(!slots.are_gone());
    }

    #[test]
    fn one_that_is_free_again_goes_to_who_has_the_fewest() {
        let mut slots = Slots::within(Some(600));
        assert_eq!(begin(&mut slots, 1, Untried, 1000), 50);
        for workspace in 2..100 {
            begin(&mut slots, workspace, Untried, 1000);
        }
        end(&mut slots, 1, 1);
        assert_eq!(begin(&mut slots, 1, Untried, 1), 0);
        assert_eq!(begin(&mut slots, 1000, Untried, 1), 1);
    }

    #[test]
    fn only_what_delivers_has_further_ones() {
        let mut slots = Slots::within(None);
        for standing in [Untried, Failing] {
            assert_eq!(slots.find(1, standing, true), None);
        }
        let mut taken = 0;
        while let Some(place) = slots.find(1, Proven, true) {
            assert_eq!(place, Place::Further);
            slots.take(1, place);
            taken += 1;
        }
        assert_eq!(taken, 512, "half of them");
        assert_eq!(slots.find(2, Proven, true), Some(Place::Further));
        (0..taken).for_each(|_| slots.give_back(1, Place::Further));
        assert!(slots.further.held.is_empty() && slots.further.free == 1024);
    }
}
