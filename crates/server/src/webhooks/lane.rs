//! A lane: one subscription while something is on its way to it.
//!
//! Each has slots of its own, so whatever its endpoint does, it does to itself. A lane begins with one. Its first success
//! proves that somebody is there, and makes it several; from then on they grow by one with each success, which doubles them with
//! every turn of a busy endpoint, and are halved by a failure. One that fails a few times in a row has one slot again, like one
//! that was never tried. So an endpoint that does not answer keeps one connection waiting and no more, and one that hiccups is
//! not taken for it.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use mask_core::{time::Time, webhook::Webhook};
use mask_store::Claimed;
use tokio::time::Instant;

use super::{seal::Secrets, slots::Place};
use crate::outbound::Target;

/// The most slots of a lane.
const MOST: usize = 64;
/// As many as its first success makes them.
const PROVEN: usize = 4;
/// So many failures in a row, and it has to prove itself again.
const FAILURES: u32 = 3;
/// Claims of a lane that is not proven: the one that is tried, and the next.
const AHEAD: usize = 2;

/// How late a timer may be.
const LATE_AT_MOST: Duration = Duration::from_millis(5);
/// How long an attempt counts against its owner's limit: a second, and what connections may take longer for one attempt than
/// for another, or a receiver would see more in a second than was sent in one.
const COUNTED: Duration = Duration::from_millis(1050);

/// What is known of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Untried,
    /// It takes what it is sent.
    Proven,
    /// It does not.
    Failing,
}

/// What of a subscription an attempt needs.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) webhook: Webhook,
    /// Where it goes, or why nothing can go there, as a code.
    pub(super) reach: Result<(Target, Secrets), &'static str>,
}

/// What is remembered of a lane that has nothing to do: its endpoint was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    url: u64,
    failures: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) address: Arc<Address>,
    /// Claimed, and waiting for a slot.
    pub(super) waiting: VecDeque<Claimed>,
    pub(super) in_flight: usize,
    /// Whether one of those under way has the lane's own slot.
    pub(super) has_first: bool,
    /// When something of it is due in the store, as far as is known.
    pub(super) due_at: Option<Time>,
    /// Whether the last look found nothing that it could be told, or nobody to tell.
    pub(super) is_gone: bool,
    pub(super) standing: Standing,
    slots: usize,
    /// In a row, up to now.
    failures: u32,
    /// Before this moment nothing may start, so that no second has more than its owner allows.
    not_before: Instant,
    /// When the last ones started, as many as may in a second; of a lane that its owner limits.
    started: VecDeque<Instant>,
}

impl Lane {
    /// A lane of which nothing is known but what its subscription and the proof say.
    pub(super) fn new(address: Arc<Address>, proof: Option<Proof>, now: Instant) -> Self {
        let proof = proof.filter(|proof| proof.url == url_of(&address));
        let standing = match proof {
            Some(_) => Standing::Proven,
            None => unproven(&address),
        };
        Self {
            address,
            waiting: VecDeque::new(),
            in_flight: 0,
            has_first: false,
            due_at: None,
            is_gone: false,
            standing,
            slots: if proof.is_some() { PROVEN } else { 1 },
            failures: proof.map_or(0, |proof| proof.failures),
            not_before: now,
            started: VecDeque::new(),
        }
    }

    /// Its subscription was changed. Another endpoint has to prove itself.
    pub(super) fn lead_to(&mut self, address: Arc<Address>) {
        if url_of(&address) != url_of(&self.address) {
            (self.standing, self.slots, self.failures) = (unproven(&address), 1, 0);
        }
        self.address = address;
    }

    /// What to remember of it while it has nothing to do.
    pub(super) fn proof(&self) -> Option<Proof> {
        let is_proven = self.standing == Standing::Proven;
        is_proven.then(|| Proof { url: url_of(&self.address), failures: self.failures })
    }

    /// How many more deliveries to claim: what the slots can hold, and as many again to be ready for them.
    pub(super) fn wanted(&self, now: Time) -> usize {
        if self.due_at.is_none_or(|due| due > now) {
            return 0;
        }
        let ahead = if self.standing == Standing::Proven { self.slots * 4 } else { AHEAD };
        let a_second = self.most_per_second().unwrap_or(usize::MAX);
        // Few at a time would cost a write each; below half there is room for many.
        let room = ahead.min(a_second).saturating_sub(self.in_flight + self.waiting.len());
        if room * 2 >= ahead.min(a_second) { room } else { 0 }
    }

    fn most_per_second(&self) -> Option<usize> {
        self.address.webhook.content.max_per_second.map(|most| most.max(1) as usize)
    }

    /// Whether one that waits may start now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.waiting.is_empty() && self.in_flight < self.slots && self.not_before <= now
    }

    /// Whether the claim of the one that would start next ends before this moment.
    pub(super) fn next_ends_before(&self, moment: Time) -> bool {
        self.waiting.front().is_some_and(|claimed| claimed.until < moment)
    }

    /// Whether its owner's limit still counts what was sent: until then the lane must be remembered.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.started.back().is_some_and(|last| *last + COUNTED > now)
    }

    /// When it is worth looking again, where its owner's limit holds it up.
    pub(super) fn held_until(&self) -> Option<Instant> {
        (!self.waiting.is_empty() && self.in_flight < self.slots).then_some(self.not_before)
    }

    /// Takes the next one, in this slot.
    pub(super) fn start(&mut self, place: Place, now: Instant) -> Option<Claimed> {
        let claimed = self.waiting.pop_front()?;
        self.in_flight += 1;
        self.has_first |= place == Place::First;
        if let Some(most) = self.most_per_second() {
            self.count(most, now);
        }
        Some(claimed)
    }

    /// Spreads what starts over the second, and lets no second have more than these.
    fn count(&mut self, most: usize, now: Instant) {
        let share = Duration::from_secs(1) / u32::try_from(most).unwrap_or(u32::MAX);
        // What a timer was late by is made up for, and no more: a lane that rested has saved nothing.
        let late = share.min(LATE_AT_MOST);
        self.not_before = self.not_before.max(now.checked_sub(late).unwrap_or(now)) + share;
        self.started.push_back(now);
        while self.started.len() > most {
            self.started.pop_front();
        }
        if self.started.len() == most
            && let Some(first) = self.started.front()
        {
            self.not_before = self.not_before.max(*first + COUNTED);
        }
    }

    /// Learns how the attempt in this slot went.
    pub(super) fn end(&mut self, place: Place, is_success: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.has_first &= place != Place::First;
        if is_success {
            let fewest = if self.standing == Standing::Proven { 1 } else { PROVEN };
            self.slots = (self.slots + 1).clamp(fewest, MOST);
            (self.standing, self.failures) = (Standing::Proven, 0);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.slots = (self.slots / 2).max(1);
        if self.standing != Standing::Proven || self.failures >= FAILURES {
            (self.standing, self.slots) = (Standing::Failing, 1);
        }
    }
}

/// How an endpoint stands that nobody here has seen succeed.
const fn unproven(address: &Address) -> Standing {
    if address.webhook.failing_since.is_some() { Standing::Failing } else { Standing::Untried }
}

/// Tells one address from another: it is not to be kept for every subscription.
fn url_of(address: &Address) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.webhook.content.url.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use mask_core::{
        event::{EventKind, EventKinds},
        id::{DeliveryId, EventId, WebhookId},
        webhook::{Content, Filter, PayloadVersion},
        workspace::Owner,
    };

    use super::*;

    const NOW: Time = Time::from_unix_millis(1_700_000_000_000);

    fn address(url: &str, max_per_second: Option<u32>, failing_since: Option<Time>) -> Arc<Address> {
        let content = Content {
            url: url.to_owned(),
            events: EventKinds::of(&[EventKind::LinkCreated]),
            filter: Filter::default(),
            includes_bots: false,
            max_per_second,
            payload_version: PayloadVersion::FIRST,
            is_active: true,
            description: None,
            sealed: Vec::new(),
        };
        let webhook = Webhook {
            id: WebhookId::from_bits(1),
            owner: Owner { workspace: 1, is_test: false },
            content,
            inactive_reason: None,
            failing_since,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        };
        Arc::new(Address { webhook, reach: Err("refused_address") })
    }

    fn claimed() -> Claimed {
        Claimed {
            number: 1,
            id: DeliveryId::from_bits(1),
            webhook: 1,
            until: NOW,
            tries: 0,
            event: EventId::from_bits(1),
            kind: EventKind::LinkCreated,
            version: PayloadVersion::FIRST,
            request: None,
            body: String::new(),
        }
    }

    fn lane() -> Lane {
        Lane::new(address("https://example.com/", None, None), None, Instant::now())
    }

    /// Starts as many as it may, up to so many; how many that were.
    fn start(lane: &mut Lane, most: usize) -> usize {
        let now = Instant::now();
        lane.waiting = (0..most).map(|_| claimed()).collect();
        let mut started = 0;
        while lane.is_ready(now) {
            let place = if lane.has_first { Place::Further } else { Place::First };
            lane.start(place, now).expect("it is ready");
            started += 1;
        }
        started
    }

    fn end(lane: &mut Lane, count: usize, is_success: bool) {
        for _ in 0..count {
            let place = if lane.has_first { Place::First } else { Place::Further };
            lane.end(place, is_success);
        }
    }

    #[test]
    fn a_lane_begins_with_one_slot_and_its_first_success_makes_it_wide() {
        let mut lane = lane();
        assert_eq!((lane.standing, start(&mut lane, 100)), (Standing::Untried, 1));
        let widths = (0..6).map(|_| {
            let under_way = lane.in_flight;
            end(&mut lane, under_way, true);
            start(&mut lane, 100)
        });
        assert_eq!(widths.collect::<Vec<_>>(), [4, 8, 16, 32, 64, 64]);
        assert_eq!(lane.standing, Standing::Proven);
    }

    #[test]
    fn one_that_never_answers_has_one_slot_for_ever() {
        let mut lane = lane();
        for _ in 0..5 {
            assert_eq!(start(&mut lane, 100), 1);
            end(&mut lane, 1, false);
            assert_eq!(lane.standing, Standing::Failing);
        }
        lane.due_at = Some(NOW);
        lane.waiting.clear();
        assert_eq!(lane.wanted(NOW), 2, "and little is claimed for it");
    }

    #[test]
    fn a_hiccup_is_no_death() {
        let mut lane = lane();
        for _ in 0..3 {
            assert!(start(&mut lane, 1) == 1);
            end(&mut lane, 1, true);
        }
        for failures in 1..=3 {
            start(&mut lane, 1);
            end(&mut lane, 1, false);
            let expected = if failures < 3 { Standing::Proven } else { Standing::Failing };
            assert_eq!(lane.standing, expected, "after {failures}");
        }
        assert_eq!(start(&mut lane, 100), 1);
        end(&mut lane, 1, true);
        assert_eq!(start(&mut lane, 100), 4, "a success makes good for all of them");
    }

    #[test]
    fn what_was_shown_is_remembered_of_the_same_address_alone() {
        let mut lane = lane();
        assert_eq!(lane.proof(), None);
        start(&mut lane, 1);
        end(&mut lane, 1, true);
        let proof = lane.proof();
        let since = Some(NOW);
        for (url, failing_since, proof, expected) in [
            ("https://example.com/", None, proof, Standing::Proven),
            ("https://example.com/", since, proof, Standing::Proven),
            ("https://example.com/", None, None, Standing::Untried),
            ("https://example.com/", since, None, Standing::Failing),
            ("https://other.example/", None, proof, Standing::Untried),
            ("https://other.example/", since, proof, Standing::Failing),
        ] {
            let lane = Lane::new(address(url, None, failing_since), proof, Instant::now());
            assert_eq!(lane.standing, expected, "{url} {failing_since:?} {proof:?}");
        }
        lane.lead_to(address("https://example.com/", Some(5), None));
        assert_eq!(lane.standing, Standing::Proven, "the same endpoint");
        lane.lead_to(address("https://other.example/", Some(5), None));
        assert_eq!((lane.standing, lane.slots), (Standing::Untried, 1));
    }

    #[test]
    fn no_second_has_more_than_the_owner_allows() {
        let began = Instant::now();
        for most in [1_u32, 2, 5, 100, 1000] {
            let mut lane = Lane::new(address("https://example.com/", Some(most), None), None, began);
            (lane.slots, lane.waiting) = (usize::MAX, (0..5000).map(|_| claimed()).collect());
            let (mut starts, mut now) = (Vec::new(), began);
            // Timers come late, by more or less.
            for step in 0..4000 {
                now += Duration::from_micros(1000 + step * 37 % 900);
                while lane.is_ready(now) {
                    lane.start(Place::Further, now).expect("it is ready");
                    starts.push(now);
                }
            }
            let most = most as usize;
            let spans = starts.windows(most + 1).map(|window| window[most] - window[0]);
            let least = spans.min().expect("it goes on");
            assert!(least > Duration::from_secs(1), "{most}: {} within {least:?}", most + 1);
            let seconds = (now - began).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "they are few")]
            let (made, allowed) = (starts.len() as f64, most as f64 * seconds);
            assert!(made > allowed * 0.7, "{most}: it is no brake beyond that: {made} of {allowed}");
            assert!(lane.rests(now) && !lane.rests(now + Duration::from_secs(2)));
        }
    }
}
