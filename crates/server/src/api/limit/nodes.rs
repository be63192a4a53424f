//! One limit for all nodes: a few times a second each tells the store how many requests it has counted, and is told how many all
//! have.
//!
//! So a caller who spreads requests over nodes overshoots by what they make within that time, and nobody waits for the store at
//! each request. While the store is away every node counts for itself. What it has not told by the end of a minute it tells no
//! more. Callers are told of by a hash with a key that all nodes have: no address is stored.

use std::{cmp::Reverse, collections::HashMap, hash::BuildHasher, net::IpAddr, sync::PoisonError, time::Duration};

use mask_store::{Made, Store};
use siphasher::sip::SipHasher13;
use tokio_util::sync::CancellationToken;

use super::{Caller, Limits, minute_of};
use crate::clock::Clock;

/// How often it is told what was counted.
const TELL: Duration = Duration::from_millis(250);
/// Most callers who are told of at a time: those who have made most requests since the last one.
const MOST: usize = 1000;

/// What a caller has made that was not told, and what stands for them.
struct Untold {
    caller: Caller,
    requests: u32,
    number: i64,
}

impl Limits {
    /// Tells the store what is counted, and learns what others have, until told to stop. Ends at once where there are no others.
    pub async fn keep_telling(&self, store: &Store, clock: &Clock, secret: [u8; 32], stop: CancellationToken) {
        let is_alone = async || matches!(store.add_requests(minute_of(clock.now()), Vec::new()).await, Ok(None));
        if self.per_minute == 0 || is_alone().await {
            return;
        }
        let mut was_away = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TELL) => {}
            }
            let minute = minute_of(clock.now());
            let untold = self.untold(minute, &secret);
            if untold.is_empty() {
                continue;
            }
            match store.add_requests(minute, untold.iter().map(made).collect()).await {
                Ok(all) => {
                    self.learn(minute, &untold, &all.unwrap_or_default());
                    was_away = false;
                }
                Err(error) => {
                    if !was_away {
                        tracing::warn!(%error, "other nodes could not be told of requests; it is tried again");
                    }
                    was_away = true;
                }
            }
        }
    }

    /// What was counted within a minute and not told; each caller once.
    fn untold(&self, minute: i64, secret: &[u8; 32]) -> Vec<Untold> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let window = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if window.minute == minute {
                let new = window.counts.iter().filter(|(_, made)| made.untold > 0);
                all.extend(new.filter_map(|(caller, made)| {
                    let number = number(*caller, secret)?;
                    Some(Untold { caller: *caller, requests: made.untold, number })
                }));
            }
        }
        if all.len() > MOST {
            all.select_nth_unstable_by_key(MOST, |untold| Reverse(untold.requests));
            all.truncate(MOST);
        }
        all
    }

    /// Takes over what all nodes have counted, of those who were told of.
    fn learn(&self, minute: i64, told: &[Untold], all: &[Made]) {
        let all: HashMap<_, _> = all.iter().map(|made| (made.caller, made.requests)).collect();
        for Untold { caller, requests, number } in told {
            let Some(of_all) = all.get(number) else { continue };
            let mut window = self.window(self.hasher.hash_one(*caller));
            if window.minute != minute {
                continue;
            }
            if let Some(made) = window.counts.get_mut(caller) {
                made.untold = made.untold.saturating_sub(*requests);
                let known = u32::try_from(*of_all).unwrap_or(u32::MAX).saturating_add(made.untold);
                made.all = made.all.max(known);
            }
        }
    }
}

fn made(untold: &Untold) -> Made {
    Made { caller: untold.number, requests: untold.requests.into() }
}

/// What stands for a caller on all nodes; for those who share a count on one it is nothing.
fn number(caller: Caller, secret: &[u8; 32]) -> Option<i64> {
    let name = match caller {
        Caller::Key(key) => key.to_string(),
        Caller::Person(user) => user.to_string(),
        Caller::Address(IpAddr::V4(address)) => address.to_string(),
        Caller::Address(IpAddr::V6(address)) => address.to_string(),
        Caller::Crowd(_) => return None,
    };
    let (key, _) = secret.split_first_chunk::<16>()?;
    Some(SipHasher13::new_with_key(key).hash(name.as_bytes()).cast_signed())
}
