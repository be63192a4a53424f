//! What only the database can tell of a visit: whether somebody looked at a page of his own, and whether the code that was
//! scanned is one of what was visited.
//!
//! The redirect must not ask for either, so the record brings along what can be asked with later: the hash of a session, the
//! token of a code. Here they are looked up, once for each batch, before the sinks get it. Then they are forgotten: what is
//! stored of a visit names neither.
//!
//! **A view in a session of a member** of the page's workspace is kept, as every visit is, and counts nowhere: it is no
//! program's either. Clicks are not asked about, neither of links nor of blocks: who tries a link out means to.
//!
//! **A token that is none of what was visited** (another's, put behind an address by hand; one that nobody made) says nothing:
//! the visit was no scan. That of a code which was deleted still is one, as what is printed is still there.
//!
//! A batch may be settled twice, once for each sink, and a session may have ended between the two: then one of them counts a
//! view that the other does not. Nothing is lost or doubled by that, and waiting for both would make each wait for the other.

use std::collections::{HashMap, HashSet};

use mask_core::{person::WordHash, token::Token, visit::Target};
use mask_store::{Fact, Store};

use super::record::Record;

/// Why a visit is counted nowhere: it was made by somebody whose page it is.
pub const OWN_VIEW: &str = "owner";
/// How a visitor came who did not scan anything.
const PLAIN: &str = "link";

/// The facts of a batch, with what is still to be asked about them.
#[derive(Default)]
pub(super) struct Unsettled {
    facts: Vec<Fact>,
    /// Views in sessions, by their places.
    sessions: Vec<(usize, WordHash)>,
}

impl Unsettled {
    /// Adds what the record says, which is this as far as can be told from it alone.
    pub(super) fn add(&mut self, record: &Record<'_>, fact: Fact) {
        let place = self.facts.len();
        self.sessions.extend(record.session.map(|session| (place, session)));
        self.facts.push(fact);
    }

    /// Asks. What the database cannot read it cannot tell either, and a batch must not wait for ever: then all stays as the
    /// record has it.
    pub(super) async fn settle(mut self, store: &Store) -> Result<Vec<Fact>, mask_store::Error> {
        told(self.settle_views(store).await)?;
        told(self.settle_scans(store).await)?;
        Ok(self.facts)
    }

    async fn settle_views(&mut self, store: &Store) -> Result<(), mask_store::Error> {
        let Some(since) = self.sessions.iter().map(|(place, _)| self.facts[*place].at).min() else { return Ok(()) };
        let hashes: HashSet<WordHash> = self.sessions.iter().map(|(_, session)| *session).collect();
        let workspaces = store.workspaces_by_session(hashes.into_iter().collect(), since).await?;
        for (place, session) in &self.sessions {
            let fact = &mut self.facts[*place];
            let is_own = workspaces.get(session).is_some_and(|own| own.contains(&fact.owner.workspace));
            if is_own && fact.is_counted && matches!(fact.target, Target::Page(_)) {
                (fact.is_counted, fact.reason) = (false, OWN_VIEW);
            }
        }
        Ok(())
    }

    async fn settle_scans(&mut self, store: &Store) -> Result<(), mask_store::Error> {
        let tokens: HashSet<Token> = self.facts.iter().filter_map(|fact| fact.code).collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let leads: HashMap<Token, Target> = store.what_codes_lead_to(tokens.into_iter().collect()).await?;
        for fact in &mut self.facts {
            if fact.code.is_some_and(|code| leads.get(&code) != Some(&fact.target)) {
                (fact.code, fact.source) = (None, PLAIN);
            }
        }
        Ok(())
    }
}

/// What was asked, unless the database has to be waited for.
fn told(asked: Result<(), mask_store::Error>) -> Result<(), mask_store::Error> {
    match asked {
        Err(error @ (mask_store::Error::Defect(_) | mask_store::Error::Corrupt(_))) => {
            tracing::warn!(%error, "whose sessions and which codes were behind some visits cannot be told");
            Ok(())
        }
        asked => asked,
    }
}
