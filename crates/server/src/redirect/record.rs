//! A visit becoming a click: into the journal, before anything is sent.

use mask_core::{route::Choice, time::Time};
use mask_journal::Ticket;

use super::{
    answer::{Asking, Kind, Worker},
    entry::Entry,
};
use crate::{
    clicks::record::{Limit, Record},
    config::Durability,
};

impl Worker {
    /// Puts the click into the journal. What is to be waited for before the answer leaves, if anything.
    pub(super) fn record(&self, entry: &Entry, asking: &Asking<'_>, choice: Choice, limit: Limit) -> Option<Ticket> {
        let record = Record {
            at: asking.now,
            link: entry.id(),
            owner: entry.owner(),
            network: self.shared.salts.network(asking.now, asking.address),
            choice,
            source: asking.query.source,
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
