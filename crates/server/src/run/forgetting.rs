//! Forgetting what is old, in steps that may be cut off at any moment: visitors, kept replies, deliveries, the log of changes,
//! letters that were given up, who signed up and never confirmed it, sessions that ended, links and invitations that nobody
//! opened, what other nodes were told of, and what workspaces had that were deleted.

use std::time::Duration;

use mask_core::{time::Time, workspace::UNDO};
use mask_store::{Store, hour_of};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, limit, usage::KEPT_HOURS},
    clock::Clock,
    config::Config,
};

/// How often replies, deliveries and letters are looked through for those that are too old.
const CLEANING: Duration = Duration::from_mins(1);
/// How often visitors are looked through for those whose days are over.
const RETENTION: Duration = Duration::from_mins(10);
/// What nodes tell each other of the present minute: clocks may differ.
const REQUESTS_ARE_KEPT: Duration = Duration::from_mins(5);
const REPLIES_ARE_KEPT: Duration = Duration::from_hours(24);
/// How long it is remembered that a letter was given up, and who signed up without confirming it.
const LETTERS_ARE_KEPT: Duration = Duration::from_hours(30 * 24);
const UNCONFIRMED_ARE_KEPT: Duration = Duration::from_hours(30 * 24);

/// Forgets visitors whose days are over. The day begins anew in UTC, so once a day there is something to do.
pub(super) async fn visitors(store: Store, clock: Clock, days: u32, stop: CancellationToken) {
    const DAY_MS: i64 = 86_400_000;
    while days > 0 && !stop.is_cancelled() {
        let today = clock.now().unix_millis().div_euclid(DAY_MS);
        let before = Time::from_unix_millis((today - i64::from(days)) * DAY_MS);
        if let Err(error) = store.forget_visitors(None, before).await {
            tracing::warn!(%error, "visitors whose days are over could not be forgotten; it is tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETENTION) => {}
        }
    }
}

/// How long what owners may decide about is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptFor {
    /// What was delivered to webhooks.
    pub(super) deliveries: Duration,
    /// The log of changes, and what people did with their accounts; `None` is for ever.
    pub(super) changes: Option<Duration>,
}

impl KeptFor {
    pub(super) fn of(config: &Config) -> Self {
        let days = |days: u32| Duration::from_hours(24) * days;
        let changes = config.audit.retention_days;
        Self { deliveries: days(config.webhooks.retention_days), changes: (changes > 0).then(|| days(changes)) }
    }
}

/// Forgets replies, deliveries, changes and letters whose time is over, and who never confirmed an address, in small batches.
pub(super) async fn what_is_old(store: Store, clock: Clock, kept: KeptFor, stop: CancellationToken) {
    const AT_ONCE: u32 = 500;
    let ago = |span: Duration| {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Time::from_unix_millis(clock.now().unix_millis().saturating_sub(millis))
    };
    while !stop.is_cancelled() {
        let replies = store.forget_replies(ago(REPLIES_ARE_KEPT), AT_ONCE).await;
        let listeners = store.forget_listeners(ago(api::webhooks::FORGOTTEN_AFTER), clock.now()).await;
        let deliveries = store.forget_deliveries(ago(kept.deliveries), AT_ONCE).await;
        let changes = match kept.changes {
            Some(span) => store.forget_changes(ago(span), AT_ONCE).await,
            None => Ok(0),
        };
        let activity = match kept.changes {
            Some(span) => store.forget_activity(ago(span), AT_ONCE).await,
            None => Ok(0),
        };
        let requests = store.forget_requests(limit::minute_of(ago(REQUESTS_ARE_KEPT)), AT_ONCE).await;
        let usage = store.forget_usage(hour_of(clock.now()) - KEPT_HOURS, AT_ONCE).await;
        let letters = store.forget_letters(ago(LETTERS_ARE_KEPT), AT_ONCE).await;
        let unconfirmed = store.forget_unconfirmed(ago(UNCONFIRMED_ARE_KEPT), AT_ONCE).await;
        let addresses = store.forget_changed_addresses().await;
        let sessions = store.forget_sessions(clock.now(), AT_ONCE).await;
        let words = store.forget_words(clock.now(), AT_ONCE).await;
        let invitations = store.forget_invitations(clock.now(), AT_ONCE).await;
        let removed = store
            .remove_deleted(ago(UNDO), clock.now(), AT_ONCE)
            .await
            .map(|is_more| u64::from(is_more) * u64::from(AT_ONCE));
        let all = [
            replies,
            listeners,
            deliveries,
            changes,
            activity,
            requests,
            usage,
            letters,
            unconfirmed,
            addresses,
            sessions,
            words,
            invitations,
            removed,
        ];
        for error in all.iter().filter_map(|forgotten| forgotten.as_ref().err()) {
            tracing::warn!(%error, "what is old could not be forgotten; it is tried again");
        }
        let is_more = |forgotten: Result<u64, _>| forgotten.is_ok_and(|forgotten| forgotten >= u64::from(AT_ONCE));
        if all.into_iter().any(is_more) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLEANING) => {}
        }
    }
}
