//! A lane: one subscription while something is on its way to it.
//!
//! Each has slots of its own, so whatever its endpoint does, it does to itself. Slots grow by one with each success and
//! are halved by a failure: a fast endpoint soon has as many as it can use, one that does not answer keeps a few
//! connections waiting and no more.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mask_core::{time::Time, webhook::Webhook};
use mask_store::Claimed;
use tokio::time::Instant;

use super::seal::Secrets;
use crate::outbound::Target;

/// The fewest slots of a lane, with which it begins, and the most.
const SLOTS: (usize, usize) = (2, 64);

/// How late a timer may be.
const LATE_AT_MOST: Duration = Duration::from_millis(5);

/// What of a subscription an attempt needs.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) webhook: Webhook,
    /// Where it goes, or why nothing can go there, as a code.
    pub(super) reach: Result<(Target, Secrets), &'static str>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) address: Arc<Address>,
    /// Claimed, and waiting for a slot.
    pub(super) waiting: VecDeque<Claimed>,
    pub(super) in_flight: usize,
    /// When something of it is due in the store, as far as is known.
    pub(super) due_at: Option<Time>,
    slots: usize,
    /// Whether the last attempt failed.
    pub(super) is_struggling: bool,
    /// Before this moment nothing may start, so that no second has more than its owner allows.
    not_before: Instant,
}

impl Lane {
    pub(super) fn new(address: Arc<Address>, now: Instant) -> Self {
        let is_struggling = address.webhook.failing_since.is_some();
        Self {
            address,
            waiting: VecDeque::new(),
            in_flight: 0,
            due_at: None,
            slots: SLOTS.0,
            is_struggling,
            not_before: now,
        }
    }

    /// How many more deliveries to claim: what the slots can hold, and as many again to be ready for them.
    pub(super) fn wanted(&self, now: Time) -> usize {
        if self.due_at.is_none_or(|due| due > now) {
            return 0;
        }
        let ahead = if self.is_struggling { self.slots } else { self.slots * 4 };
        let a_second = self.address.webhook.content.max_per_second.map_or(usize::MAX, |most| most as usize);
        // Few at a time would cost a write each; below half there is room for many.
        let room = ahead.min(a_second).saturating_sub(self.in_flight + self.waiting.len());
        if room * 2 >= ahead.min(a_second) { room } else { 0 }
    }

    /// Whether one that waits may start now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.waiting.is_empty() && self.in_flight < self.slots && self.not_before <= now
    }

    /// Whether its owner's limit still counts what was sent: until then the lane must be remembered.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.not_before > now
    }

    /// When it is worth looking again, where its owner's limit holds it up.
    pub(super) fn held_until(&self) -> Option<Instant> {
        (!self.waiting.is_empty() && self.in_flight < self.slots).then_some(self.not_before)
    }

    /// Takes the next one.
    pub(super) fn start(&mut self, now: Instant) -> Option<Claimed> {
        let claimed = self.waiting.pop_front()?;
        self.in_flight += 1;
        if let Some(most) = self.address.webhook.content.max_per_second {
            let share = Duration::from_secs(1) / most.max(1);
            // What a timer was late by is made up for, and no more: a lane that rested has saved nothing.
            let late = share.min(LATE_AT_MOST);
            self.not_before = self.not_before.max(now.checked_sub(late).unwrap_or(now)) + share;
        }
        Some(claimed)
    }

    /// Learns how an attempt went.
    pub(super) fn end(&mut self, is_success: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.is_struggling = !is_success;
        self.slots = if is_success { (self.slots + 1).min(SLOTS.1) } else { (self.slots / 2).max(SLOTS.0) };
    }
}
