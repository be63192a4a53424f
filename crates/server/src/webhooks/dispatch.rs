//! The dispatcher: from the outbox to the endpoints.
//!
//! One task holds everything that is on its way: a [`Lane`] for each subscription with something to be told. It looks
//! which subscriptions have something due (when somebody says that there may be, when something falls due, and once a
//! second for what other nodes wrote), claims deliveries for lanes that have room, starts attempts, and writes down what
//! came of them. The three kinds of work with the store go on side by side, each at most once at a time, so that one write
//! settles whatever came in while the last one ran: the busier it is, the more a commit carries.
//!
//! No endpoint delays another: each lane has a slot of its own, and more once it has delivered; how the slots are dealt out among
//! lanes and workspaces is [`Slots`]. What fails is known from the store too, and what delivered is remembered while there is
//! nothing to do for it. What is claimed is ours for [`CLAIM`], and is started in that time or left alone.
//!
//! All state here can be lost at any moment. Claims end by themselves, and an attempt that was not written down is made
//! again: at least once is the promise.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use mask_core::{
    id::WebhookId,
    time::Time,
    webhook::{Fate, Inactive},
};
use mask_store::{Claimed, Endpoint, Settled, Store, Wanted};
use rustix::process::{Resource, getrlimit};
use tokio::{
    task::{self, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt,
    lane::{Address, Lane, Proof},
    seal::Vault,
    slots::{Place, Slots},
};
use crate::{
    clock::Clock,
    mail::Letters,
    outbound::{self, Outbound},
};

/// How long a claimed delivery is ours, beside the time of an attempt.
const CLAIM: Duration = Duration::from_mins(1);
/// What must be left of a claim when its attempt starts, beside the time of an attempt: to write down how it went.
const NEEDED: Duration = Duration::from_secs(10);
/// How often the store is asked what is due although nobody said that anything is.
const LOOK: Duration = Duration::from_secs(1);
/// How long the store is left alone after it refused something.
const PAUSE: Duration = Duration::from_secs(1);
/// Most endpoints of which it is remembered that they were there.
const REMEMBERED: usize = 100_000;
/// Most deliveries that are claimed, and that are settled, in one transaction.
const CLAIMED_AT_ONCE: usize = 512;
const SETTLED_AT_ONCE: usize = 1000;
/// How long attempts may go on when the program ends.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// What the dispatcher works with.
#[derive(Clone)]
pub struct Means {
    /// Where deliveries come from.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// How the world is reached.
    pub outbound: Arc<Outbound>,
    /// What unseals secrets.
    pub vault: Arc<Vault>,
    /// Writes to owners whose webhook is switched off.
    pub letters: Arc<Letters>,
}

/// See the module.
pub struct Dispatcher {
    means: Means,
    lanes: HashMap<i64, Lane>,
    /// The lanes in the order in which they come next.
    turns: VecDeque<i64>,
    attempts: JoinSet<Settled>,
    /// Whose the slots are that are taken.
    taken: HashMap<task::Id, Slot>,
    slots: Slots,
    /// What is known of endpoints that have nothing to be told now.
    proofs: HashMap<i64, Proof>,
    settled: Vec<Settled>,
    /// Claims that are given back: number, and when they end.
    returned: Vec<(i64, Time)>,
    looking: Work<Vec<Endpoint>>,
    claiming: Work<Vec<Claimed>>,
    settling: Work<Vec<(WebhookId, Inactive)>>,
    /// What is being written down; written again should that fail.
    unsettled: Arc<Vec<Settled>>,
    /// Lanes for which claims are under way, and what was asked for.
    asked: HashMap<i64, Wanted>,
    /// When the store is to be asked next what is due.
    look_at: Instant,
    /// When the last look began, and how long looks rest after it: they take a tenth of the time at most.
    looked_at: Instant,
    rest: Duration,
    /// Before this moment it is not asked at all.
    not_before: Instant,
}

/// A slot that is taken.
#[derive(Clone, Copy, Debug)]
struct Slot {
    lane: i64,
    workspace: i64,
    place: Place,
    /// What is attempted: its number, and when its claim ends.
    claim: (i64, Time),
}

/// Work with the store that is under way. It goes on while somebody waits for it to be [`done`](Self::done).
struct Work<T>(Option<Asking<Result<T, mask_store::Error>>>);

/// A question that is put to the store.
type Asking<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T> Work<T> {
    const fn none() -> Self {
        Self(None)
    }

    const fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    fn begin(&mut self, work: impl Future<Output = Result<T, mask_store::Error>> + Send + 'static) {
        self.0 = Some(Box::pin(work));
    }

    /// What came of it; waits for ever when there is none. May be given up and called again.
    async fn done(&mut self) -> Result<T, mask_store::Error> {
        let Some(work) = &mut self.0 else { return pending().await };
        let result = work.await;
        self.0 = None;
        result
    }
}

impl Dispatcher {
    /// A dispatcher that has done nothing yet.
    pub fn new(means: Means) -> Self {
        let now = Instant::now();
        Self {
            means,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            attempts: JoinSet::new(),
            taken: HashMap::new(),
            slots: Slots::within(getrlimit(Resource::Nofile).current),
            proofs: HashMap::new(),
            settled: Vec::new(),
            returned: Vec::new(),
            looking: Work::none(),
            claiming: Work::none(),
            settling: Work::none(),
            unsettled: Arc::default(),
            asked: HashMap::new(),
            look_at: now,
            looked_at: now,
            rest: Duration::ZERO,
            not_before: now,
        }
    }

    /// Delivers until stopped; then lets attempts end for a while, and gives back what was not started.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tellings = self.means.store.tellings();
        loop {
            self.go_on();
            let next = self.next_look();
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = tellings.changed() => self.look_at = self.look_at.min(self.looked_at + self.rest),
                () = sleep_until(next) => {}
                Some(ended) = self.attempts.join_next_with_id() => self.end(ended),
                result = self.looking.done() => self.learn(result),
                result = self.claiming.done() => self.take(result),
                result = self.settling.done() => self.note(result),
            }
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.end(ended);
            }
        }
        self.finish().await;
    }

    /// Begins whatever can be begun.
    fn go_on(&mut self) {
        self.start_attempts();
        self.settle();
        if Instant::now() < self.not_before {
            return;
        }
        self.claim();
        if self.looking.is_idle() && self.look_at <= Instant::now() {
            let store = self.means.store.clone();
            self.looked_at = Instant::now();
            self.look_at = self.looked_at + LOOK;
            self.looking.begin(async move { store.endpoints().await });
        }
    }

    /// When there is something to do that nothing else tells of.
    fn next_look(&self) -> Instant {
        let now = self.means.clock.now();
        let due = self.lanes.values().filter_map(|lane| lane.due_at).min().map(|due| {
            let wait = due.unix_millis().saturating_sub(now.unix_millis()).max(0);
            Instant::now() + Duration::from_millis(wait.unsigned_abs().min(1000))
        });
        // What is due and was not claimed waits for room, which an attempt's end makes.
        let due = due.filter(|due| *due > Instant::now());
        let held = self.lanes.values().filter_map(Lane::held_until).filter(|until| *until > Instant::now()).min();
        let look = if self.looking.is_idle() { Some(self.look_at) } else { None };
        let next = due.into_iter().chain(held).chain(look).min().unwrap_or_else(|| Instant::now() + LOOK);
        next.max(self.not_before.min(Instant::now() + PAUSE))
    }

    /// What is due, as the store knows it.
    fn learn(&mut self, result: Result<Vec<Endpoint>, mask_store::Error>) {
        self.rest = (self.looked_at.elapsed() * 10).min(LOOK);
        let endpoints = match result {
            Ok(endpoints) => endpoints,
            Err(error) => return self.pause("it could not be seen what is to be delivered", &error),
        };
        let mut known: HashMap<i64, Lane> = std::mem::take(&mut self.lanes);
        for Endpoint { number, webhook, due_at } in endpoints {
            let mut lane = match known.remove(&number) {
                Some(lane) if lane.address.webhook == webhook => lane,
                Some(mut lane) => {
                    lane.lead_to(self.address(webhook));
                    lane
                }
                None => {
                    self.turns.push_back(number);
                    Lane::new(self.address(webhook), self.proofs.remove(&number), Instant::now())
                }
            };
            (lane.due_at, lane.is_gone) = (Some(due_at), false);
            self.lanes.insert(number, lane);
        }
        let now = Instant::now();
        // What is left has nothing more to be told, or is switched off, or is gone: then what waits is not told either.
        for (number, mut lane) in known {
            (lane.due_at, lane.is_gone) = (None, true);
            self.returned.extend(lane.waiting.drain(..).map(|claimed| (claimed.number, claimed.until)));
            if lane.in_flight > 0 || lane.rests(now) || self.asked.contains_key(&number) {
                self.lanes.insert(number, lane);
            } else if let Some(proof) = lane.proof() {
                self.remember(number, proof);
            }
        }
        let lanes = &self.lanes;
        self.turns.retain(|number| lanes.contains_key(number));
    }

    /// A memory that is full is emptied: whoever is forgotten proves itself anew.
    fn remember(&mut self, number: i64, proof: Proof) {
        if self.proofs.len() >= REMEMBERED {
            self.proofs.clear();
        }
        self.proofs.insert(number, proof);
    }

    fn address(&self, webhook: mask_core::webhook::Webhook) -> Arc<Address> {
        let secrets = self.means.vault.open(webhook.id, &webhook.content.sealed);
        let reach = match (self.means.outbound.target(&webhook.content.url), secrets) {
            (Ok(target), Ok(secrets)) => Ok((target, secrets)),
            (Err(_), _) => Err(self.why_refused(&webhook.content.url)),
            (_, Err(error)) => {
                tracing::error!(%error, webhook = %webhook.id, "the secret of a webhook cannot be read");
                Err(outbound::UNREADABLE_SECRET)
            }
        };
        Arc::new(Address { webhook, reach })
    }

    /// Why a URL is refused that was taken when it was set: it begins with `http://`, or leads to what is closed now.
    fn why_refused(&self, url: &str) -> &'static str {
        let safe = url.strip_prefix("http://").map(|rest| self.means.outbound.target(&format!("https://{rest}")));
        if safe.is_some_and(|target| target.is_ok()) { outbound::NOT_HTTPS } else { outbound::REFUSED_ADDRESS }
    }

    fn claim(&mut self) {
        if !self.claiming.is_idle() {
            return;
        }
        let now = self.means.clock.now();
        // In turn, so that whoever had nothing this time is asked first the next.
        let (mut wanted, mut room) = (Vec::new(), CLAIMED_AT_ONCE);
        for _ in 0..self.turns.len() {
            let Some(number) = self.turns.pop_front() else { break };
            self.turns.push_back(number);
            let Some(lane) = self.lanes.get(&number) else { continue };
            let most = lane.wanted(now).min(room);
            if most > 0 {
                wanted.push(Wanted { webhook: number, version: lane.address.webhook.version, most });
                room -= most;
            }
            if room == 0 {
                break;
            }
        }
        if wanted.is_empty() {
            return;
        }
        self.asked = wanted.iter().map(|wanted| (wanted.webhook, *wanted)).collect();
        let (store, until) = (self.means.store.clone(), now.after(CLAIM + self.means.outbound.timeout()));
        self.claiming.begin(async move { store.claim_deliveries(wanted, now, until).await });
    }

    fn take(&mut self, result: Result<Vec<Claimed>, mask_store::Error>) {
        let asked = std::mem::take(&mut self.asked);
        let claimed = match result {
            Ok(claimed) => claimed,
            Err(error) => return self.pause("deliveries could not be claimed", &error),
        };
        let mut taken: HashMap<i64, usize> = HashMap::new();
        for claimed in claimed {
            *taken.entry(claimed.webhook).or_default() += 1;
            match self.lanes.get_mut(&claimed.webhook) {
                Some(lane) if !lane.is_gone => lane.waiting.push_back(claimed),
                _ => self.returned.push((claimed.number, claimed.until)),
            }
        }
        for (number, asked) in asked {
            // Less than was asked for is all that there was, or it was changed meanwhile; a look tells when there is more. One
            // that was learnt since then has told already.
            if taken.get(&number).copied().unwrap_or_default() < asked.most
                && let Some(lane) = self.lanes.get_mut(&number)
                && lane.address.webhook.version == asked.version
            {
                lane.due_at = None;
            }
        }
    }

    /// Starts attempts, lane by lane in turn, as far as there are slots.
    fn start_attempts(&mut self) {
        let (mut skipped, now) = (0, Instant::now());
        while skipped < self.turns.len() && !self.slots.are_gone() {
            let Some(number) = self.turns.pop_front() else { return };
            self.turns.push_back(number);
            skipped = if self.start_one(number, now) { 0 } else { skipped + 1 };
        }
    }

    fn start_one(&mut self, number: i64, now: Instant) -> bool {
        let Some(lane) = self.lanes.get_mut(&number).filter(|lane| lane.is_ready(now)) else { return false };
        let workspace = lane.address.webhook.owner.workspace;
        let Some(place) = self.slots.find(workspace, lane.standing, lane.has_first) else { return false };
        if lane.next_ends_before(self.means.clock.now().after(NEEDED + self.means.outbound.timeout())) {
            // It waited too long: in a moment it is anybody's again.
            lane.waiting.pop_front();
            return true;
        }
        let Some(claimed) = lane.start(place, now) else { return false };
        self.slots.take(workspace, place);
        let (outbound, clock) = (Arc::clone(&self.means.outbound), self.means.clock.clone());
        let claim = (claimed.number, claimed.until);
        let task = self.attempts.spawn(attempt::make(outbound, clock, Arc::clone(&lane.address), claimed));
        self.taken.insert(task.id(), Slot { lane: number, workspace, place, claim });
        true
    }

    fn end(&mut self, ended: Result<(task::Id, Settled), task::JoinError>) {
        let (id, settled) = match ended {
            Ok((id, settled)) => (id, Some(settled)),
            Err(error) => (error.id(), None),
        };
        let Some(slot) = self.taken.remove(&id) else { return };
        self.slots.give_back(slot.workspace, slot.place);
        let Some(lane) = self.lanes.get_mut(&slot.lane) else { return self.settled.extend(settled) };
        lane.end(slot.place, settled.as_ref().is_some_and(|settled| settled.verdict.fate == Fate::Succeeded));
        let Some(settled) = settled else {
            tracing::error!(webhook = %lane.address.webhook.id, "an attempt to deliver panicked; it is made again");
            return;
        };
        if let Fate::Due(at) = settled.verdict.fate {
            lane.due_at = Some(lane.due_at.map_or(at, |due| due.min(at)));
        }
        self.settled.push(settled);
    }

    fn settle(&mut self) {
        if !self.settling.is_idle() || Instant::now() < self.not_before {
            return;
        }
        if self.unsettled.is_empty() {
            let rest = self.settled.split_off(self.settled.len().min(SETTLED_AT_ONCE));
            self.unsettled = Arc::new(std::mem::replace(&mut self.settled, rest));
        }
        if self.unsettled.is_empty() && self.returned.is_empty() {
            return;
        }
        let (store, now) = (self.means.store.clone(), self.means.clock.now());
        let (settled, returned) = (Arc::clone(&self.unsettled), std::mem::take(&mut self.returned));
        let notice = self.means.letters.of_webhooks();
        self.settling.begin(async move {
            if !returned.is_empty() {
                store.return_deliveries(returned, now).await?;
            }
            if settled.is_empty() { Ok(Vec::new()) } else { store.settle_deliveries(settled, notice).await }
        });
    }

    fn note(&mut self, result: Result<Vec<(WebhookId, Inactive)>, mask_store::Error>) {
        match result {
            Ok(switched_off) => {
                self.unsettled = Arc::default();
                for (webhook, why) in switched_off {
                    let why = why.as_str();
                    tracing::warn!(%webhook, why, "a webhook is switched off; its owner can switch it on again");
                    self.look_at = Instant::now();
                }
            }
            // What was to be given back falls due by itself.
            Err(error) => self.pause("what became of deliveries could not be written down; it is tried again", &error),
        }
    }

    fn pause(&mut self, what: &'static str, error: &mask_store::Error) {
        tracing::warn!(%error, "{what}");
        self.not_before = Instant::now() + PAUSE;
    }

    /// The end: what runs may end, what waits is given back.
    async fn finish(mut self) {
        for lane in self.lanes.values_mut() {
            self.returned.extend(lane.waiting.drain(..).map(|claimed| (claimed.number, claimed.until)));
        }
        if !self.claiming.is_idle()
            && let Ok(claimed) = self.claiming.done().await
        {
            self.returned.extend(claimed.into_iter().map(|claimed| (claimed.number, claimed.until)));
        }
        let deadline = Instant::now() + LAST_ATTEMPTS;
        while let Ok(Some(ended)) = timeout_at(deadline, self.attempts.join_next_with_id()).await {
            self.end(ended);
        }
        self.attempts.abort_all();
        self.returned.extend(self.taken.drain().map(|(_, slot)| slot.claim));
        // What is being written down, and then the rest.
        self.settle();
        while !self.settling.is_idle() {
            let result = self.settling.done().await;
            self.note(result);
            self.settle();
        }
    }
}
