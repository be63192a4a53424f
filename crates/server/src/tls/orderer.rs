//! Who orders certificates: one a node.
//!
//! **What it does.** It takes up names that are due in the store, a few at a time, and for each does what comes next: asks the
//! authority whether it wants the certificate renewed, orders one, or puts the name off. What came of it goes back into the
//! store, and from there to every node. Beside that it follows what other nodes have done.
//!
//! **What bounds it.** A name is due again a while after a failure, ever later ([`mask_core::certificate`]); a claim keeps other
//! nodes away from it meanwhile; and no more than `acme.orders_per_hour` orders begin within an hour, on all nodes together, which
//! workspaces share by turns ([`Store::claim_certificates`]). What comes in from outside makes no work: a hello for a name of ours
//! that has no certificate brings it to the front of those of its workspace, and that is all.
//!
//! **What survives.** All that matters is in the store. A process that dies in the middle of an order leaves a claim that ends,
//! and an order that the authority forgets. One that is told to stop gives its claims back.

mod account;

use std::{sync::Arc, time::Duration};

use instant_acme::{Account, CertificateIdentifier};
use mask_core::{
    certificate::{self, ADVICE_REST, Cause},
    time::Time,
};
use mask_store::{Budget, CertificateFate, Challenge, ClaimedCertificate, Store};
use sha2::{Digest, Sha256};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use url::Host;
use zeroize::Zeroizing;

use super::{
    Certificates, Leaf,
    authority::{Line, Trouble},
    order::{self, Issued, Show, Wish},
};
use crate::{
    clock::{self, Clock},
    config::Config,
    outbound,
    redirect::Hosts,
    webhooks::seal::Vault,
};

/// How often a node looks what others have done.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often it is seen what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is seen which rows nobody needs any more.
const TIDY: Duration = Duration::from_hours(1);
/// Most names that one node sees to at once.
const AT_ONCE: usize = 16;
/// How long one order may take.
const ORDER: Duration = Duration::from_mins(4);
/// How long a name that was taken up is left to whoever did: two orders, and what is between.
const CLAIM: Duration = Duration::from_mins(10);
/// How long a challenge is shown: as long as an order may take.
const SHOWN: Duration = Duration::from_mins(5);
/// How long nodes may take to learn of a challenge.
const SPREAD: Duration = Duration::from_secs(3);
/// Orders are counted over this time.
const HOUR: Duration = Duration::from_hours(1);

/// What an orderer works with.
pub struct Means {
    /// Where certificates are.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What seals them.
    pub vault: Arc<Vault>,
    /// Where handshakes look.
    pub certificates: Arc<Certificates>,
    /// The hosts that are served.
    pub hosts: Hosts,
}

/// See the module.
pub struct Orderer {
    store: Store,
    clock: Clock,
    vault: Arc<Vault>,
    certificates: Arc<Certificates>,
    hosts: Hosts,
    /// The names that are the installation's own.
    own: Vec<String>,
    line: Line,
    directory: String,
    contact: Option<String>,
    binding: Option<(String, Zeroizing<Vec<u8>>)>,
    orders_per_hour: u32,
    prefers_file: bool,
    /// How long other nodes may take to learn of a challenge; nothing where there can be none.
    spread: Duration,
    account: Mutex<Option<(Account, Vec<u8>)>>,
}

impl std::fmt::Debug for Orderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Orderer")
    }
}

impl Orderer {
    /// One that orders as the settings say.
    pub fn new(config: &Config, means: Means) -> Result<Self, outbound::AuthoritiesError> {
        let Means { store, clock, vault, certificates, hosts } = means;
        let tls = outbound::authorities_of(config.acme.ca_file.as_deref(), "acme.ca_file")?;
        Ok(Self {
            own: own_names(config),
            line: Line::new(tls),
            directory: config.acme.directory.to_string(),
            contact: config.acme.email.as_ref().map(|mailbox| format!("mailto:{}", mailbox.address.as_str())),
            binding: config.account_binding().map(|(id, key)| (id.to_owned(), Zeroizing::new(key))),
            orders_per_hour: config.acme.orders_per_hour,
            prefers_file: config.prefers_file(),
            spread: if config.database.url.is_postgres() { SPREAD } else { Duration::ZERO },
            account: Mutex::default(),
            store,
            clock,
            vault,
            certificates,
            hosts,
        })
    }

    /// Shows what there is in the store.
    pub async fn refresh(&self) -> Result<(), mask_store::Error> {
        if let Some(news) = self.store.certificate_changes(self.certificates.known(), self.clock.now()).await? {
            self.certificates.take_in(news, &self.vault);
        }
        Ok(())
    }

    /// Does all that there is to do, until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.follow(&stop), self.work(&stop));
    }

    async fn follow(&self, stop: &CancellationToken) {
        let mut was_away = false;
        while !rests(FOLLOW, stop).await {
            note(&mut was_away, self.refresh().await);
        }
    }

    async fn work(self: &Arc<Self>, stop: &CancellationToken) {
        let mut orders = JoinSet::new();
        let (mut hosts, mut tidied, mut was_away) = (None, None, false);
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let is_late = tidied.is_none_or(|at: Time| now >= at.after(TIDY));
            if hosts != Some(self.hosts.generation()) || is_late {
                let generation = self.hosts.generation();
                let ensured = self.store.ensure_certificates(self.own.clone(), now).await;
                if ensured.is_ok() {
                    (hosts, tidied) = (Some(generation), Some(now));
                }
                note(&mut was_away, ensured);
            }
            let taken = self.take_up(AT_ONCE - orders.len()).await;
            for claim in note(&mut was_away, taken).into_iter().flatten() {
                orders.spawn(Arc::clone(self).see_to(claim, stop.clone()));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(LOOK) => {}
                _ = orders.join_next(), if orders.len() == AT_ONCE => {}
            }
            while orders.try_join_next().is_some() {}
        }
        while orders.join_next().await.is_some() {}
    }

    /// Takes up at most so many names that are due.
    async fn take_up(&self, most: usize) -> Result<Vec<ClaimedCertificate>, mask_store::Error> {
        let wanted = self.certificates.wanted.take();
        let now = self.clock.now();
        if !wanted.is_empty() {
            self.store.want_certificates(wanted, now).await?;
        }
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        self.store.claim_certificates(most, now, now.after(CLAIM), self.budget(now)).await
    }

    /// The orders of an hour that ends now.
    fn budget(&self, now: Time) -> Budget {
        Budget { since: now.before(HOUR), most: self.orders_per_hour }
    }

    /// Does for a name what comes next.
    async fn see_to(self: Arc<Self>, claim: ClaimedCertificate, stop: CancellationToken) {
        let fate = tokio::select! {
            fate = self.next_for(&claim) => fate,
            () = stop.cancelled() => Ok(CertificateFate::Due { at: self.clock.now() }),
        };
        let settled = match fate {
            Ok(fate) => self.store.settle_certificate(claim.name.clone(), claim.until, fate).await,
            Err(error) => Err(error),
        };
        if let Err(error) = settled {
            // The claim ends by itself.
            tracing::warn!(name = claim.name, %error, "what became of a certificate could not be written down");
        }
        note(&mut false, self.refresh().await);
    }

    async fn next_for(&self, claim: &ClaimedCertificate) -> Result<CertificateFate, mask_store::Error> {
        let held = claim.sealed.as_ref().and_then(|sealed| Issued::open(&self.vault, &claim.name, sealed).ok());
        let now = self.clock.now();
        let mut replaces = None;
        if let Some(leaf) = &held {
            let at = self.renewal(&claim.name, leaf, &mut replaces).await;
            if now < at && leaf.is_for(&claim.name) {
                return Ok(CertificateFate::Due { at: at.min(now.after(ADVICE_REST)) });
            }
        }
        if claim.failures > 0 {
            // Perhaps it was this that the authority did not like.
            replaces = None;
        }
        let mut trouble = Trouble::refused("There is no way to show the authority that this name leads here.");
        for way in certificate::ways(self.prefers_file, claim.failures) {
            if !self.store.begin_order(claim.name.clone(), now, self.budget(now)).await? {
                return Ok(CertificateFate::Due { at: now.after(certificate::rest_of_surplus(clock::number())) });
            }
            let wish = Wish { name: &claim.name, way, replaces: replaces.clone(), now };
            match timeout(ORDER, self.order(wish)).await {
                Ok(Ok(issued)) => return Ok(self.issued(&claim.name, &issued)),
                Ok(Err(why)) => trouble = why,
                Err(_) => trouble = Trouble::away("The authority did not come to an end in time."),
            }
            if trouble.cause != Cause::Refused || trouble.is_stranger {
                break;
            }
        }
        metrics::counter!("mask_certificate_orders_total", "outcome" => "failed").increment(1);
        tracing::warn!(name = claim.name, error = %trouble, has_one = held.is_some(), "no certificate was issued");
        let wait = certificate::wait_after(claim.failures.saturating_add(1), trouble.cause, clock::number());
        Ok(CertificateFate::Failed { error: trouble.message, due_at: self.clock.now().after(wait) })
    }

    fn issued(&self, name: &str, issued: &Issued) -> CertificateFate {
        let Leaf { not_before, not_after, .. } = issued.leaf;
        metrics::counter!("mask_certificate_orders_total", "outcome" => "issued").increment(1);
        tracing::info!(name, %not_after, "a certificate was issued");
        let renewal = certificate::renewal(not_before, not_after, steady_chance(name, &issued.leaf));
        let due_at = renewal.min(self.clock.now().after(ADVICE_REST));
        CertificateFate::Issued { sealed: issued.sealed(&self.vault, name), not_before, not_after, due_at }
    }

    /// When a certificate is to be renewed; by what the authority knows it, if it has a say in that.
    async fn renewal(&self, name: &str, leaf: &Leaf, replaces: &mut Option<CertificateIdentifier<'static>>) -> Time {
        let chance = steady_chance(name, leaf);
        let by_itself = certificate::renewal(leaf.not_before, leaf.not_after, chance);
        let Some(identifier) = &leaf.identifier else { return by_itself };
        let asked = async { self.account().await.ok()?.0.renewal_info(identifier).await.ok() };
        // An authority that is away, or has nothing to say, changes nothing.
        let Ok(Some((advice, _))) = timeout(ORDER, asked).await else { return by_itself };
        *replaces = Some(identifier.clone());
        let moment = |seconds: i64| Time::from_unix_millis(seconds.saturating_mul(1000));
        let window = advice.suggested_window;
        let window = (moment(window.start.unix_timestamp()), moment(window.end.unix_timestamp()));
        certificate::renewal_advised(by_itself, window, chance)
    }

    async fn order(&self, wish: Wish<'_>) -> Result<Issued, Trouble> {
        let (account, sealed) = self.account().await?;
        let shown = Shown { orderer: self, tokens: Mutex::default() };
        let result = order::order(&account, wish, &shown).await;
        shown.hide().await;
        if result.as_ref().is_err_and(|trouble| trouble.is_stranger) {
            self.forget_account(sealed).await;
        }
        result
    }
}

/// The challenges of one order.
struct Shown<'o> {
    orderer: &'o Orderer,
    tokens: Mutex<Vec<String>>,
}

impl Show for Shown<'_> {
    async fn show(&self, challenge: Challenge) -> Result<(), Trouble> {
        let now = self.orderer.clock.now();
        self.tokens.lock().await.push(challenge.token.clone());
        self.orderer.store.show_challenge(challenge, now, now.after(SHOWN)).await.map_err(|error| unkept(&error))?;
        self.orderer.refresh().await.map_err(|error| unkept(&error))?;
        sleep(self.orderer.spread).await;
        Ok(())
    }
}

impl Shown<'_> {
    async fn hide(&self) {
        for token in self.tokens.lock().await.drain(..) {
            // Otherwise it ends by itself.
            note(&mut false, self.orderer.store.hide_challenge(token).await);
        }
    }
}

fn unkept(error: &mask_store::Error) -> Trouble {
    tracing::warn!(%error, "a certificate could not be ordered");
    Trouble::away("The server's database was not available.")
}

/// Chance that is the same whenever it is asked for, so that a moment which was taken by it stays.
fn steady_chance(name: &str, leaf: &Leaf) -> u64 {
    let digest = Sha256::digest(format!("{name} {}", leaf.not_after.unix_millis()));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}

/// The names of the installation itself that a certificate can be for.
fn own_names(config: &Config) -> Vec<String> {
    let public = config.server.public_url.host().map(|host| host.to_owned());
    let others = config.links.domains.iter().filter_map(|name| Host::parse(name).ok());
    let names = public.into_iter().chain(others).filter_map(|host| match host {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    });
    let mut names: Vec<String> = names.filter(|name| name.contains('.') && !name.ends_with(".localhost")).collect();
    names.sort();
    names.dedup();
    names
}

/// Waits; says whether it is time to stop.
async fn rests(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = sleep(time) => false,
    }
}

/// Tells of the first of many failures of the store.
fn note<T>(was_away: &mut bool, result: Result<T, mask_store::Error>) -> Option<T> {
    match result {
        Ok(value) => {
            *was_away = false;
            Some(value)
        }
        Err(error) => {
            if !*was_away {
                tracing::warn!(%error, "certificates could not be looked after; it is tried again");
            }
            *was_away = true;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_names_are_the_installations_own() {
        for (public_url, domains, expected) in [
            ("https://Mask.example", "go.example,b.example", &["b.example", "go.example", "mask.example"][..]),
            ("https://mask.example:8443", "mask.example", &["mask.example"]),
            ("https://192.0.2.1", "go.example", &["go.example"]),
            ("https://localhost", "", &[]),
            ("https://[::1]", "app.localhost", &[]),
        ] {
            let flags = [("server.public_url", public_url.to_owned()), ("links.domains", domains.to_owned())];
            let config = Config::load(None, [], &flags).expect("settings");
            assert_eq!(own_names(&config), expected, "{public_url}");
        }
    }
}
