//! Forgetting what is old, in steps that may be cut off at any moment: visitors, kept replies, deliveries, letters that were
//! given up, who signed up and never confirmed it, and invitations that nobody used, and what workspaces had that were
//! deleted.

use std::time::Duration;

use mask_core::{time::Time, workspace::UNDO};
use mask_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{api, clock::Clock};

/// How often replies, deliveries and letters are looked through for those that are too old.
const CLEANING: Duration = Duration::from_mins(1);
/// How often visitors are looked through for those whose days are over.
const RETENTION: Duration = Duration::from_mins(10);
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

/// Forgets replies, deliveries and letters whose time is over, and who never confirmed an address, in small batches.
pub(super) async fn what_is_old(store: Store, clock: Clock, deliveries_are_kept: Duration, stop: CancellationToken) {
    const AT_ONCE: u32 = 500;
    let ago = |span: Duration| {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Time::from_unix_millis(clock.now().unix_millis().saturating_sub(millis))
    };
    while !stop.is_cancelled() {
        let replies = store.forget_replies(ago(REPLIES_ARE_KEPT), AT_ONCE).await;
        let listeners = store.forget_listeners(ago(api::webhooks::FORGOTTEN_AFTER)).await;
        let deliveries = store.forget_deliveries(ago(deliveries_are_kept), AT_ONCE).await;
        let letters = store.forget_letters(ago(LETTERS_ARE_KEPT), AT_ONCE).await;
        let unconfirmed = store.forget_unconfirmed(ago(UNCONFIRMED_ARE_KEPT), AT_ONCE).await;
        let invitations = store.forget_invitations(clock.now(), AT_ONCE).await;
        let removed = store.remove_deleted(ago(UNDO), clock.now(), AT_ONCE).await;
        if let Err(error) = &removed {
            tracing::warn!(%error, "what a deleted workspace had could not be removed; it is tried again");
        }
        let all = [&replies, &listeners, &deliveries, &letters, &unconfirmed, &invitations];
        for error in all.into_iter().filter_map(|forgotten| forgotten.as_ref().err()) {
            tracing::warn!(%error, "what is old could not be forgotten; it is tried again");
        }
        let is_more = |forgotten: Result<u64, _>| forgotten.is_ok_and(|forgotten| forgotten >= u64::from(AT_ONCE));
        if removed.is_ok_and(|is_more| is_more) {
            continue;
        }
        if [replies, deliveries, letters, unconfirmed, invitations].into_iter().any(is_more) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLEANING) => {}
        }
    }
}
