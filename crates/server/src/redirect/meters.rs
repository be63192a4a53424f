//! What the redirects count, in handles that were registered once: counting is one atomic addition.

use metrics::{Counter, counter};

/// What became of a request for a short link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was sent to a destination.
    Redirect,
    /// It was sent where ended links lead.
    Ended,
    /// It was asked for a password.
    Password,
    /// It was shown the page for link-preview crawlers.
    Preview,
    /// It was shown where the link leads.
    Inspection,
    /// It was shown a bio page.
    Page,
    /// It was sent to where a block of a bio page leads.
    Block,
    /// There is nothing more to see.
    Gone,
    /// There is nothing.
    NotFound,
    /// The request made no sense.
    Refused,
    /// Too many passwords were tried.
    Limited,
    /// The link could not be looked up.
    Unavailable,
}

impl Outcome {
    const ALL: [(Self, &str); 12] = [
        (Self::Redirect, "redirect"),
        (Self::Ended, "ended"),
        (Self::Password, "password"),
        (Self::Preview, "preview"),
        (Self::Inspection, "inspection"),
        (Self::Page, "page"),
        (Self::Block, "block"),
        (Self::Gone, "gone"),
        (Self::NotFound, "not_found"),
        (Self::Refused, "refused"),
        (Self::Limited, "limited"),
        (Self::Unavailable, "unavailable"),
    ];
}

/// The counters.
pub(super) struct Meters {
    outcomes: [Counter; Outcome::ALL.len()],
    /// Clicks that are in the journal.
    pub(super) appended: Counter,
    /// Clicks that are nowhere, as the journal had no room.
    pub(super) lost: Counter,
    /// Clicks that are in the journal and could not be put on the disk before the redirect was sent.
    pub(super) unsynced: Counter,
}

impl Meters {
    pub(super) fn register() -> Self {
        Self {
            outcomes: Outcome::ALL.map(|(_, name)| counter!("mask_redirects_total", "outcome" => name)),
            appended: counter!("mask_clicks_appended_total"),
            lost: counter!("mask_clicks_lost_total"),
            unsynced: counter!("mask_clicks_unsynced_total"),
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_own_place() {
        for (place, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }
}
