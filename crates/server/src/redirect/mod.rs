//! The redirect: what is answered before any router.
//!
//! **The path of a request.** `(host, slug)` → [`resolver`] (memory: hit, known absence, or one read of the store for all
//! who ask) → [`mask_core::route::decide`] → the click into the journal → the answer. What is no short link goes on to
//! the router.
//!
//! **What must stay true.** A hit does no IO but its own socket and the journal's memory, waits for no lock that a writer
//! holds for longer than a pointer's change, and allocates nothing but the head of its answer: the `Location` of a plain
//! link was made when the link was read. A store that is away is a 503 for what is not in memory, and never a 404. The
//! click is in the journal before the answer is handed out.
//!
//! **What was rejected.** A router in front (twice the cost of the redirect itself); a channel to a thread that writes
//! clicks (a wake-up for each); a cache with expiry (it would be wrong for that long, and a change is made known at once).

mod answer;
mod attempts;
mod bio;
mod bursts;
mod domain;
mod entry;
mod follow;
mod hosts;
mod lane;
mod limits;
mod meters;
pub(crate) mod pages;
mod password;
mod query;
mod record;
mod reply;
mod resolver;
mod seen;
mod show;
mod signals;
mod unlock;

pub use answer::{Answer, Worker};
pub use hosts::Hosts;
pub use lane::Glance;

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper::{HeaderMap, header::HeaderName};
use ipnet::IpNet;
use mask_core::{bio_page::BioPage, country::Country, time::Time};
use mask_store::Store;

use crate::{
    bio::{form::Forms, preview::Previews},
    clicks::{DrainHandle, Salts, SyncHandle},
    clock::Clock,
    config::Durability,
    password::Passwords,
    places::{Place, Places},
    proxy::{self, Peer},
};
use attempts::Attempts;
use bursts::Bursts;
use meters::Meters;
use resolver::Resolver;
use signals::Passing;
use unlock::Unlocker;

/// What the redirects are made of.
pub struct Setup {
    /// Where the links are.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The hosts that are served.
    pub hosts: Hosts,
    /// The installation's secret: the cookies of unlocked links and the division of visitors come from it.
    pub secret: [u8; 32],
    /// The most memory for links held ready.
    pub memory_bytes: u64,
    /// Networks whose `X-Forwarded-*` headers are believed.
    pub trusted: Vec<IpNet>,
    /// The header in which they say the client's country, if they do.
    pub country_header: Option<HeaderName>,
    /// Where addresses are.
    pub places: Arc<Places>,
    /// What tells visitors apart.
    pub salts: Arc<Salts>,
    /// Whether cookies may only travel over HTTPS.
    pub is_cookie_secure: bool,
    /// Within which a form must arrive.
    pub body_timeout: Duration,
    /// Tries a minute of a link's password, for each address and link.
    pub password_attempts_per_minute: u32,
    /// Asks the drain to count what is in the journal.
    pub drain: DrainHandle,
    /// Waits for the journal to be on the disk.
    pub sync: SyncHandle,
    /// What a click survives once its redirect was sent.
    pub durability: Durability,
    /// Seconds that browsers are told to come over TLS alone; 0 tells them nothing.
    pub hsts_seconds: u32,
}

/// The redirects of this process: what all its workers share.
pub struct Redirects {
    clock: Clock,
    hosts: Hosts,
    trusted: Vec<IpNet>,
    country_header: Option<HeaderName>,
    places: Arc<Places>,
    resolver: Resolver,
    salts: Arc<Salts>,
    variant_key: [u8; 16],
    unlocker: Unlocker,
    previews: Previews,
    forms: OnceLock<Arc<dyn Forms>>,
    body_timeout: Duration,
    attempts: Attempts,
    bursts: Bursts,
    passing: Passing,
    passwords: Passwords,
    sync: SyncHandle,
    durability: Durability,
    /// The header of answers over TLS as its line, with its end; empty for none.
    hsts: Box<[u8]>,
    meters: Meters,
}

impl Redirects {
    /// Builds the redirects. Counters are registered here, so the recorder of metrics must be there before.
    pub fn new(setup: Setup) -> Arc<Self> {
        let secrets = unlock::Secrets::derive(&setup.secret);
        let (clock, hosts) = (setup.clock, setup.hosts);
        Arc::new(Self {
            resolver: Resolver::new(setup.store, setup.drain, clock.clone(), hosts.clone(), setup.memory_bytes),
            salts: setup.salts,
            country_header: setup.country_header,
            places: setup.places,
            clock,
            hosts,
            trusted: setup.trusted,
            variant_key: secrets.variants,
            unlocker: Unlocker::new(&secrets.cookies, setup.is_cookie_secure),
            previews: Previews::new(&setup.secret),
            forms: OnceLock::new(),
            body_timeout: setup.body_timeout,
            attempts: Attempts::new(secrets.attempts, setup.password_attempts_per_minute),
            bursts: Bursts::new(),
            passing: Passing::default(),
            passwords: Passwords::at_once(password::AT_ONCE),
            sync: setup.sync,
            durability: setup.durability,
            hsts: match setup.hsts_seconds {
                0 => Box::default(),
                seconds => format!("strict-transport-security: max-age={seconds}\r\n").into_bytes().into(),
            },
            meters: Meters::register(),
        })
    }

    /// Forgets what is known of an address. To be called after each commit that changes what lives there; whoever asks
    /// from then on reads the store, also while an older read is still under way.
    pub fn forget(&self, domain: &str, slug_key: &str) {
        if let Some(host) = self.hosts.number(domain) {
            self.resolver.forget(host, slug_key);
        }
    }

    /// Forgets what is known of every address. For what changes many at once, and seldom.
    pub fn forget_all(&self) {
        self.resolver.forget_all();
    }

    /// Says who takes what is sent with the forms of pages; until then they say that they cannot be sent. The first one stays.
    pub fn hand_forms_to(&self, forms: Arc<dyn Forms>) {
        let _ = self.forms.set(forms);
    }

    /// The address at which a page can be seen until this moment, published or not.
    pub fn preview_url(&self, page: &BioPage, until: Time) -> String {
        let address = self.short_url(&page.domain, page.slug.as_str());
        format!("{address}?preview={}", self.previews.word(page.id, until))
    }

    /// How many addresses are held in memory, and how many bytes they are estimated to take.
    pub fn memory(&self) -> (usize, u64) {
        self.resolver.memory()
    }

    /// The address that people follow.
    pub fn short_url(&self, domain: &str, slug: &str) -> String {
        self.hosts.short_url(domain, slug)
    }

    /// The country that an address is in, as far as is known. The proxy in front may know it better than we do.
    pub fn country(&self, address: IpAddr, headers: &HeaderMap, peer: Peer) -> Option<Country> {
        self.place(address, headers, peer).country
    }

    /// Where an address is: by the database, unless the proxy in front knows the country.
    fn place(&self, address: IpAddr, headers: &HeaderMap, peer: Peer) -> Place {
        let place = self.places.at(address);
        let header = self.country_header.as_ref();
        let said = header.and_then(|header| proxy::country(peer, headers, &self.trusted, header));
        said.map_or(place, |country| place.in_country(country))
    }

    /// The hosts that are served.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }
}

#[cfg(test)]
mod tests;
