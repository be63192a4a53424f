//! Counting requests: in memory, and once a minute into the store.
//!
//! A row for each request would cost more than most requests. So a node adds up what it answers, by hour, caller and endpoint,
//! and brings that every minute and when it stops; a node that is killed loses what it has not brought, which is at most a
//! minute of counts and nothing else. What the store did not take is brought the next time; where it did not answer in time and
//! took it all the same, that minute is counted twice.
//!
//! Memory is bounded: callers are those that were found in the store, endpoints those of the router, and all paths that do not
//! exist are one of them. Above [`MOST`] combinations new ones are left out until the next minute, which a metric says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hyper::{Method, StatusCode};
use mask_core::{actor::Actor, time::Time, workspace::Owner};
use mask_store::{Store, UsageCount, UsageKey, hour_of};
use tokio_util::sync::CancellationToken;

use crate::api::ROOT;

/// How often counts are brought to the store.
const EVERY: Duration = Duration::from_mins(1);
/// Most combinations that are counted apart at a time.
const MOST: usize = 50_000;
/// Counts that one transaction adds.
const AT_ONCE: usize = 1000;
/// What a path that does not exist is counted as, or one that does not take the method.
pub(super) const UNKNOWN: &str = "unknown";

/// The counts that this node has not brought yet.
#[derive(Debug, Default)]
pub struct Counter {
    counts: Mutex<HashMap<UsageKey, UsageCount>>,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Whose objects it asked for.
    pub owner: Owner,
    /// Who asked.
    pub actor: Actor,
    /// What was asked for; `None` where there is nothing.
    pub endpoint: Option<(&'a Method, &'a str)>,
    /// What it was answered with.
    pub status: StatusCode,
    /// Whether it was refused as one too many.
    pub is_limit_hit: bool,
}

impl Counter {
    /// Counts a request.
    pub fn count(&self, answered: Answered<'_>, now: Time) {
        let key = UsageKey {
            hour: hour_of(now),
            owner: answered.owner.number(),
            actor: answered.actor.to_string(),
            endpoint: named(answered),
        };
        let (status, is_hit) = (answered.status, answered.is_limit_hit);
        let count = UsageCount {
            requests: 1,
            client_errors: i64::from(status.is_client_error() && !is_hit),
            server_errors: i64::from(status.is_server_error()),
            limit_hits: i64::from(is_hit),
        };
        self.add([(key, count)]);
    }

    fn add(&self, counts: impl IntoIterator<Item = (UsageKey, UsageCount)>) {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in counts {
            if all.len() < MOST || all.contains_key(&key) {
                *all.entry(key).or_default() += count;
            } else {
                metrics::counter!("mask_api_usage_uncounted_total")
                    .increment(u64::try_from(count.requests).unwrap_or_default());
            }
        }
    }

    /// Brings all that was counted; what the store does not take stays.
    pub async fn bring(&self, store: &Store) {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let counts: Vec<_> = counts.into_iter().collect();
        for part in counts.chunks(AT_ONCE) {
            if let Err(error) = store.add_usage(part.to_vec()).await {
                tracing::warn!(%error, "counts of requests could not be written; it is tried again");
                self.add(part.iter().cloned());
            }
        }
    }

    /// Brings what is counted every minute, and once more at the end, when nobody asks any more.
    pub async fn keep_bringing(&self, store: &Store, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            self.bring(store).await;
        }
    }
}

/// What a request is counted as: a method and a path with the names of its parameters.
fn named(answered: Answered<'_>) -> String {
    let Some((method, path)) = answered.endpoint else { return UNKNOWN.to_owned() };
    // Methods are whatever a client sends, and only those that the path has lead anywhere.
    if answered.status == StatusCode::METHOD_NOT_ALLOWED {
        return UNKNOWN.to_owned();
    }
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if !known.contains(method) {
        return UNKNOWN.to_owned();
    }
    format!("{method} {}", path.strip_prefix(ROOT).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner { workspace: 1, is_test: false };

    fn answered<'a>(endpoint: Option<(&'a Method, &'a str)>, status: u16) -> Answered<'a> {
        let status = StatusCode::from_u16(status).expect("a status");
        Answered { owner: OWNER, actor: Actor::System, endpoint, status, is_limit_hit: status.as_u16() == 429 }
    }

    fn counts(counter: &Counter) -> Vec<(UsageKey, UsageCount)> {
        let mut all: Vec<_> = counter.counts.lock().expect("nobody panics").clone().into_iter().collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    #[test]
    fn requests_are_told_apart_by_what_came_of_them() {
        let counter = Counter::default();
        for status in [200, 304, 404, 422, 500, 503, 429] {
            counter
                .count(answered(Some((&Method::GET, "/api/v1/links/{id}")), status), Time::from_unix_millis(7_200_000));
        }
        let all = counts(&counter);
        let (key, count) = &all[0];
        assert_eq!((all.len(), key.hour, key.endpoint.as_str()), (1, 2, "GET /links/{id}"));
        assert_eq!(*count, UsageCount { requests: 7, client_errors: 2, server_errors: 2, limit_hits: 1 });
    }

    #[test]
    fn what_does_not_exist_is_one_endpoint() {
        let counter = Counter::default();
        let odd = Method::from_bytes(b"BREW").expect("a method");
        for (endpoint, status) in [
            (None, 404),
            (Some((&odd, "/api/v1/links")), 200),
            (Some((&Method::DELETE, "/api/v1/links")), 405),
            (Some((&odd, "/api/v1/links")), 405),
        ] {
            counter.count(answered(endpoint, status), Time::from_unix_millis(0));
        }
        let all = counts(&counter);
        assert_eq!((all.len(), all[0].0.endpoint.as_str(), all[0].1.requests), (1, UNKNOWN, 4));
    }

    #[test]
    fn there_are_only_so_many() {
        let counter = Counter::default();
        let paths: Vec<_> = (0..MOST + 5).map(|n| format!("/{n}")).collect();
        for path in &paths {
            counter.count(answered(Some((&Method::GET, path)), 200), Time::from_unix_millis(0));
        }
        counter.count(answered(Some((&Method::GET, "/0")), 200), Time::from_unix_millis(0));
        let all = counts(&counter);
        let sum: i64 = all.iter().map(|(_, count)| count.requests).sum();
        assert_eq!((all.len(), sum), (MOST, i64::try_from(MOST).expect("small") + 1), "those that are known go on");
    }
}
