//! A visit becoming a record: into the journal, before anything is sent.

use mask_core::{
    person::{Word, WordHash},
    route::Choice,
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_journal::Ticket;

use super::{
    answer::{Asking, Kind, Worker},
    entry::Entry,
    hosts::APPLICATION,
};
use crate::{
    clicks::record::{Limit, Record},
    config::Durability,
};

impl Worker {
    /// Puts the click of a link into the journal. What is to be waited for before the answer leaves, if anything.
    pub(super) fn record(&self, entry: &Entry, asking: &Asking<'_>, choice: Choice, limit: Limit) -> Option<Ticket> {
        self.record_visit(Target::Link(entry.id()), entry.owner(), asking, choice, limit)
    }

    /// The same for whatever was visited: of a page and of a block the choice is the address itself, and there is no limit.
    pub(super) fn record_visit(
        &self,
        target: Target,
        owner: Owner,
        asking: &Asking<'_>,
        choice: Choice,
        limit: Limit,
    ) -> Option<Ticket> {
        let record = Record {
            at: asking.now,
            request: Some(asking.request),
            target,
            owner,
            network: self.shared.salts.network(asking.now, asking.address),
            choice,
            source: asking.query.source,
            code: asking.query.code,
            session: asking.session_of(target),
            limit,
            is_head: asking.kind == Kind::Head,
            opens_many_links: asking.opens_many_links,
            fetch_metadata: asking.fetch_metadata,
            country: asking.place.country,
            user_agent: asking.seen.user_agent,
            referrer: asking.seen.referrer,
            accept_language: asking.seen.accept_language,
            purpose: asking.seen.purpose,
            region: asking.place.region.as_bytes(),
            city: asking.place.city.as_bytes(),
        };
        let appended = self.writer.borrow_mut().append_with(record.encoded_bytes(), |to| record.encode(to));
        match appended {
            Ok(ticket) => {
                self.shared.meters.appended.increment(1);
                (self.shared.durability == Durability::Power).then_some(ticket)
            }
            Err(error) => {
                self.lost(asking.now, error);
                None
            }
        }
    }

    /// The redirect goes on; the loss is counted, and told once a minute.
    #[cold]
    fn lost(&self, now: Time, error: mask_journal::AppendError) {
        self.shared.meters.lost.increment(1);
        let minute = now.unix_seconds().div_euclid(60);
        if self.lost_logged.replace(minute) != minute {
            tracing::error!(%error, "clicks are lost, as the journal does not take them; mask_clicks_lost_total counts them");
        }
    }
}

impl Asking<'_> {
    /// What the store knows the session by in which a page is seen, so that it can be told later whether somebody looks at what
    /// is his own. Sessions are of the application's host alone, and nobody asks whether a link's click was its owner's.
    fn session_of(&self, target: Target) -> Option<WordHash> {
        let is_possible = matches!(target, Target::Page(_)) && self.host == APPLICATION;
        let word = is_possible.then(|| std::str::from_utf8(self.seen.session).ok()).flatten()?;
        Word::parse(word).ok().map(|word| word.hash())
    }
}
