//! From an address to what lives there: from memory, or with one read of the store for all who ask at once.
//!
//! Memory is bounded by bytes and holds links, and also the knowledge that there is none (a scan of random slugs must not
//! reach the store twice for one of them). Nothing expires: whoever changes a link calls [`Resolver::forget`] after the
//! commit, and what another node changed is forgotten a moment later ([`super::follow`]). A read that is under way at that moment may have seen the state before; its place in the cache is gone then,
//! so what it brings is answered to those who asked before the change, and kept for nobody.
//!
//! A store that is away is not knowledge. All who wait for the read are told at once (one after the other, each would
//! wait for a time-out of its own), and the next who asks tries again.

use std::sync::Arc;

use compact_str::CompactString;
use mask_core::{bio_page::BioPage, id::LinkId, link::Link, time::Time, workspace::Owner};
use mask_store::{Found, Store};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use super::{
    bio::Page,
    entry::{Draft, Entry, Known},
    hosts::{Host, HostNumber, Hosts},
    limits::Limits,
};
use crate::{clicks::DrainHandle, clock::Clock};

/// What the cache itself needs for one address: its slot with key, pointer and links to the neighbours (56 bytes), its
/// place in the hash table (5), and what both and the allocator have in reserve. Together with an entry's own bytes this is
/// what the memory of the process grows by (`bench/`, scenario `memory`).
const SLOT_BYTES: u64 = 130;
/// To how many links the memory is laid out; it may hold fewer large or more small ones.
const USUAL_BYTES: u64 = 300;
/// The share of addresses that were pushed out and are remembered, to see who comes back. They cost a slot each.
const REMEMBERED: f64 = 0.1;

/// Where a link lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) slug: CompactString,
    pub(super) host: HostNumber,
}

/// See the module.
pub(super) struct Resolver {
    cache: Cache<Key, Arc<Known>, Bytes>,
    store: Store,
    drain: DrainHandle,
    limits: Limits,
    clock: Clock,
    hosts: Hosts,
    /// One of each for all addresses.
    gone: Arc<Known>,
    absent: Arc<Known>,
    unavailable: Arc<Known>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Known>> for Bytes {
    fn weight(&self, key: &Key, known: &Arc<Known>) -> u64 {
        let long = if key.slug.is_heap_allocated() { key.slug.len() as u64 } else { 0 };
        SLOT_BYTES + long + known.heap_bytes()
    }
}

impl Resolver {
    pub(super) fn new(store: Store, drain: DrainHandle, clock: Clock, hosts: Hosts, memory_bytes: u64) -> Self {
        let links = usize::try_from(memory_bytes / USUAL_BYTES).unwrap_or(usize::MAX).max(1);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(links)
            .weight_capacity(memory_bytes)
            .ghost_allocation(REMEMBERED)
            .build()
            .expect("both capacities are given");
        Self {
            cache: Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default()),
            store,
            drain,
            limits: Limits::new(),
            clock,
            hosts,
            gone: Arc::new(Known::Gone),
            absent: Arc::new(Known::Absent),
            unavailable: Arc::new(Known::Unavailable),
        }
    }

    /// What is in memory and holds at this moment. A page whose time is over is forgotten, and rendered anew.
    pub(super) fn current(&self, key: &Key, now: impl FnOnce() -> Time) -> Option<Arc<Known>> {
        let known = self.cache.get(key)?;
        if matches!(*known, Known::Page(_)) && known.has_ended(now()) {
            self.cache.remove_if(key, |other| Arc::ptr_eq(other, &known));
            return None;
        }
        Some(known)
    }

    /// What is in memory.
    #[cfg(test)]
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Known>> {
        self.cache.get(key)
    }

    /// What lives there.
    pub(super) async fn look(&self, host: &Host, key: &Key) -> Arc<Known> {
        self.get_or(key, self.read(host, &key.slug)).await
    }

    /// The link as it is in the store this moment; for pages, not for redirects.
    pub(super) async fn read_link(&self, host: &Host, key: &Key) -> Result<Found, mask_store::Error> {
        self.find(host, &key.slug).await
    }

    /// What lives there and is the host's. A workspace whose domain is somebody else's now may have links left there.
    async fn find(&self, host: &Host, slug_key: &str) -> Result<Found, mask_store::Error> {
        let found = self.store.find_link(host.name.clone(), slug_key.to_owned()).await?;
        let is_foreign = found.owner().is_some_and(|owner| !host.may_hold(owner));
        Ok(if is_foreign { Found::Nothing } else { found })
    }

    pub(super) fn forget(&self, host: HostNumber, slug_key: &str) {
        self.cache.remove(&Key { slug: slug_key.into(), host });
    }

    /// A link with a limit has so many clicks by now.
    pub(super) fn learn_clicks(&self, link: LinkId, clicks: i64) {
        self.limits.learn(link, clicks);
    }

    /// Reads that are under way lose their places too, so what they bring is kept for nobody.
    pub(super) fn forget_all(&self) {
        self.cache.clear();
    }

    pub(super) fn memory(&self) -> (usize, u64) {
        (self.cache.len(), self.cache.weight())
    }

    async fn get_or(&self, key: &Key, read: impl Future<Output = Arc<Known>>) -> Arc<Known> {
        let guard = match self.cache.get_value_or_guard_async(key).await {
            Ok(known) => return known,
            Err(guard) => guard,
        };
        let known = read.await;
        // Refused when the address was forgotten meanwhile: then this is for those who have waited, and for nobody else.
        let _ = guard.insert(Arc::clone(&known));
        if matches!(*known, Known::Unavailable) {
            self.cache.remove_if(key, |known| matches!(**known, Known::Unavailable));
        }
        known
    }

    async fn read(&self, host: &Host, slug_key: &str) -> Arc<Known> {
        match self.find(host, slug_key).await {
            Ok(Found::Link(link, owner)) => self.ready(*link, owner).await,
            Ok(Found::Gone) => Arc::clone(&self.gone),
            Ok(Found::Page(page, owner)) => Arc::new(self.page(&page, owner)),
            Ok(Found::Nothing) => Arc::clone(&self.absent),
            Err(error) => {
                let domain = host.name.as_str();
                tracing::warn!(error = &error as &dyn std::error::Error, domain, slug_key, "a link could not be read");
                Arc::clone(&self.unavailable)
            }
        }
    }

    async fn ready(&self, link: Link, owner: Owner) -> Arc<Known> {
        let mut used = None;
        if link.content.click_limit.is_some() {
            match self.limits.counter(link.id, self.clicks(link.id, owner)).await {
                Ok(counter) => used = Some(counter),
                Err(Uncounted) => return Arc::clone(&self.unavailable),
            }
        }
        let id = link.id;
        let Some(entry) = Entry::new(link, owner, used) else {
            tracing::error!(%id, "the destination of a link cannot be sent");
            return Arc::clone(&self.unavailable);
        };
        Arc::new(Known::Link(entry))
    }

    fn page(&self, page: &BioPage, owner: Owner) -> Known {
        if page.is_published() {
            Known::Page(Box::new(Page::new(page, owner, &self.hosts, self.clock.now())))
        } else {
            Known::Draft(Draft::of(page.id))
        }
    }

    /// How often the link was clicked, those in the journal included.
    async fn clicks(&self, link: LinkId, owner: Owner) -> Result<i64, Uncounted> {
        self.drain.flush().await.map_err(|_| Uncounted)?;
        match self.store.link_by_id(owner, link).await {
            Ok(Some(link)) => Ok(link.clicks),
            // Deleted since it was found: nobody will be redirected by it once that is made known.
            Ok(None) => Ok(i64::MAX),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %link, "the clicks of a link could not be read");
                Err(Uncounted)
            }
        }
    }
}

/// The clicks of a limited link cannot be told, so it cannot be followed now.
struct Uncounted;

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
