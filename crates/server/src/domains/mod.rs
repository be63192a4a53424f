//! Domains of workspaces: what is asked of DNS, and how every node learns what is served.
//!
//! **Who takes part.** Somebody asks for a domain or to look again (`api/domains/`); on each node one task looks at what is
//! due ([`Domains::watch`]), and one sees whether the store serves other domains than this node does
//! ([`Domains::follow`]). Looks are claimed in the store, so two nodes do not ask DNS the same, and one that dies leaves
//! nothing undone. What a look means is decided in the store, in one transaction with whoever has the domain then.
//!
//! **How the hosts change.** A change is committed first; then this node reads what is served and puts a new table of hosts
//! in the place of the old one ([`Hosts::serve`](crate::redirect::Hosts::serve)), before it answers. Other nodes see within
//! [`FOLLOW`] that a number in the store has counted up, and do the same. While the store is away the hosts stay what they
//! are.
//!
//! **Workspaces that are deleted, or come back,** are such a change too: their domains lead nowhere of their own then, and as
//! their links may be in memory on hosts that are everybody's, all of that is forgotten. It is read anew, from a store that finds
//! nothing of what was deleted.
//!
//! **What was rejected.** To listen for notices of PostgreSQL: one more connection that can be lost unseen, to win a second.
//! To keep the answers of DNS: a person who has just set a record would be told for minutes that it is not there.

mod dns;
mod records;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::join_all;
use mask_core::{domain::Domain, time::Time, workspace::Owner};
use mask_store::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    redirect::{Hosts, Redirects},
};
pub use dns::Dns;
pub use records::{Record, Records};

/// How often a node looks whether other domains are served.
pub const FOLLOW: Duration = Duration::from_secs(1);
/// How often it is seen what is due for a look.
const LOOK: Duration = Duration::from_secs(1);
/// How long a look that was begun is left to whoever began it.
pub const CLAIM: Duration = Duration::from_mins(1);
/// Most domains that one node looks at at once.
const AT_ONCE: u32 = 32;

/// See the module.
pub struct Domains {
    store: Store,
    clock: Clock,
    hosts: Hosts,
    records: Records,
    dns: Dns,
    /// Which state of the store is served; held while a newer one is read, so that none takes the place of a newer one.
    served: Mutex<Known>,
    /// What remembers links, and must forget them all when a workspace is deleted or comes back.
    memory: OnceLock<Arc<Redirects>>,
}

/// What is known of what the store says is served.
#[derive(Default)]
struct Known {
    changes: Option<i64>,
    workspaces: i64,
}

impl std::fmt::Debug for Domains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Domains")
    }
}

impl Domains {
    /// Domains as the settings say; none is served yet.
    pub fn new(config: &Config, store: Store, clock: Clock, hosts: Hosts) -> Self {
        let dns = Dns::new(config.domains.resolver.clone(), config.domains.pointing);
        Self {
            store,
            clock,
            hosts,
            records: Records::of(config),
            dns,
            served: Mutex::default(),
            memory: OnceLock::new(),
        }
    }

    /// What the owners of domains are to put into DNS.
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// Serves what the store says is served.
    pub async fn refresh(&self) -> Result<(), mask_store::Error> {
        let mut known = self.served.lock().await;
        if let Some(served) = self.store.served_domains(known.changes).await? {
            self.hosts.serve(&served.domains);
            if let Some(redirects) = self.memory.get().filter(|_| served.workspaces != known.workspaces) {
                redirects.forget_all();
            }
            *known = Known { changes: Some(served.changes), workspaces: served.workspaces };
        }
        Ok(())
    }

    /// Says what remembers links. Until then nothing does. The first one stays.
    pub fn hand_memory_of(&self, redirects: Arc<Redirects>) {
        let _ = self.memory.set(redirects);
    }

    /// The same, after a change that is committed: it is no failure of the change that this node learns of it later.
    pub async fn refresh_soon(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "the domains that are served could not be read; it is tried again");
        }
    }

    /// Learns of a domain that was verified on another node a moment ago, if this is one.
    pub async fn learn(&self, host: &str, owner: Owner) {
        if self.hosts.usable(host, owner).is_none() {
            self.refresh_soon().await;
        }
    }

    /// Asks DNS about a domain. Takes some seconds at most.
    pub async fn look(&self, domain: &Domain) -> mask_core::domain::Look {
        self.dns.look(domain, &self.records, self.clock.now()).await
    }

    /// Serves what other nodes have changed, until told to stop.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut was_away = false;
        while !rests(FOLLOW, &stop).await {
            match self.refresh().await {
                Ok(()) => was_away = false,
                Err(error) if !was_away => {
                    was_away = true;
                    tracing::warn!(%error, "the domains that are served could not be read; it is tried again");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks at what is due, until told to stop.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut was_away = false;
        while !rests(LOOK, &stop).await {
            let step = tokio::select! {
                () = stop.cancelled() => return,
                step = self.step() => step,
            };
            match step {
                Ok(_) => was_away = false,
                Err(error) if !was_away => {
                    was_away = true;
                    tracing::warn!(%error, "domains could not be looked at; it is tried again");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks at some of what is due; says how many it were.
    pub async fn step(&self) -> Result<usize, mask_store::Error> {
        let now = self.clock.now();
        let due = self.store.claim_domains(now, now.after(CLAIM), AT_ONCE).await?;
        let looks = due.iter().map(|domain| async {
            let look = self.look(domain).await;
            let settled = self.store.settle_domain(domain.owner, domain.id, look, self.clock.now(), None).await;
            settled.map(drop)
        });
        // One that cannot be written down is due again when its claim ends.
        let failed = join_all(looks).await.into_iter().find_map(Result::err);
        if !due.is_empty() {
            self.refresh().await?;
        }
        failed.map_or(Ok(due.len()), Err)
    }
}

/// Waits; says whether it is time to stop.
async fn rests(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(time) => false,
    }
}

/// A token that nobody can guess, as it stands in DNS.
pub fn new_token() -> String {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    const LENGTH: usize = 32;
    let letters = (0..LENGTH).map(|_| char::from(LETTERS[crate::clock::below(LETTERS.len())]));
    format!("mask-domain={}", letters.collect::<String>())
}

/// Since when a look that somebody asked for is recent enough to be told again.
pub fn rest_since(now: Time) -> Time {
    let rest_ms = i64::try_from(mask_core::domain::LOOKS_REST.as_millis()).unwrap_or(i64::MAX);
    Time::from_unix_millis(now.unix_millis().saturating_sub(rest_ms))
}
