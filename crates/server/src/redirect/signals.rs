//! What speaks for a program beside what a request says of itself: that its browser would have said more, and that its
//! network opens one link after the other.
//!
//! Both are told here and go into the click's record, as the drain knows neither the scheme nor what came before.

use std::sync::atomic::{AtomicU64, Ordering};

use mask_core::agent::{FetchMetadata, Verdict};

use super::{
    answer::{Asking, Kind, Worker},
    bursts::Who,
    entry::Entry,
    seen::Seen,
};
use crate::{
    clicks::visitor::octets,
    places::is_in_the_world,
    proxy::{Client, Peer},
};

/// The proxies in front that are known to pass `Sec-Fetch-*` on, as they have done it: a bit for each.
///
/// Some pass on only those headers that they were told to. Behind such a one nobody's request has any, and to miss them
/// would make programs of all people. So nothing is missed until the same proxy has brought a request that had some. (One
/// in sixty-one shares its bit with another.)
#[derive(Default)]
pub(super) struct Passing(AtomicU64);

impl Passing {
    /// What came with a request, and with which word of the proxy on its scheme.
    pub(super) fn of(&self, seen: &Seen<'_>, client: &Client, peer: Peer) -> FetchMetadata {
        if !client.is_https || client.address == peer.address.to_canonical() {
            return Self::without_proxy(seen, peer);
        }
        let proxy = 1 << (u128::from_le_bytes(octets(peer.address)) % 61);
        let is_known = self.0.load(Ordering::Relaxed) & proxy != 0;
        if !seen.has_fetch_metadata {
            return if is_known { FetchMetadata::Missing } else { FetchMetadata::Absent };
        }
        if !is_known {
            self.0.fetch_or(proxy, Ordering::Relaxed);
        }
        FetchMetadata::Sent
    }

    /// A browser sends them to HTTPS alone (and to this machine), so in the clear there is none that could be missing. The
    /// same holds where the scheme is not known, and where somebody whom we do not know has passed the request on.
    pub(super) fn without_proxy(seen: &Seen<'_>, peer: Peer) -> FetchMetadata {
        match seen.has_fetch_metadata {
            true => FetchMetadata::Sent,
            false if peer.is_tls && !seen.is_forwarded => FetchMetadata::Missing,
            false => FetchMetadata::Absent,
        }
    }
}

impl Worker {
    /// Notes that a link is opened; whether it is one of many that are, all at once. To be asked once for each request.
    pub(super) fn opens_many_links(&self, entry: &Entry, asking: &Asking<'_>) -> bool {
        let seen = &asking.seen;
        let is_of_its_own = asking.kind != Kind::Head && seen.purpose.is_empty() && seen.referrer.is_empty();
        if !is_of_its_own || !asking.is_own_address || !is_in_the_world(asking.address) {
            return false;
        }
        let who = Who { address: asking.address, user_agent: seen.user_agent, owner: entry.owner() };
        self.shared.bursts.opens_many(who, entry.id(), asking.now)
    }
}

impl Asking<'_> {
    /// Who asks, from exactly what the journal will hold.
    pub(super) fn verdict(&self) -> Verdict {
        self.seen.classify(self.kind == Kind::Head, self.opens_many_links, self.fetch_metadata)
    }
}
