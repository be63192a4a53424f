//! One stream: it looks for what follows its place, says it, and waits.
//!
//! It is asked for its next piece when its connection has taken the one before, so a client that does not read stops its
//! own stream and nothing else; what it is owed stays in the store. Each look at a feed with nothing new is one read by a
//! key. Where there is something new, the row is read and gone through by every stream for itself, which costs tens of
//! microseconds for a row of ten thousand clicks; and the links that are named are looked up, once a piece.
//!
//! A store that is away is waited for: most client libraries would take an end of the stream together with a 503 for final.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mask_core::{
    id::{LinkId, PageId, QrId},
    link::Tag,
    question::Dimension,
    scope::Scope,
    time::Time,
    token::Token,
    visit::Target,
};
use mask_store::{Error, FeedFilter, FeedGap, FeedPage, FeedPlace, FeedVisit, PageSubject, Subject};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::Wanted;
use crate::api::{
    Api, ROOT,
    caller::{AnalyticsRead, Caller, Proof},
    error::ApiError,
    payload::{self, ViewBody, VisitBody},
    turns::Turn,
};

/// How long a client waits before it connects again.
const RETRY_MS: u32 = 2000;
/// How often is looked for what other nodes recorded: together with their drains' interval, well within two seconds.
const LOOKING: Duration = Duration::from_millis(750);

/// An open stream.
pub(super) struct Stream {
    api: Arc<Api>,
    proof: Proof,
    filter: FeedFilter,
    tag: Option<String>,
    domain: Option<String>,
    /// Behind what was said or passed over.
    place: FeedPlace,
    /// The place that the client knows of.
    told: FeedPlace,
    /// What is to be said before anything else.
    begun: String,
    recordings: watch::Receiver<()>,
    heartbeat: Instant,
    /// From then on it ends as soon as it has told what there is.
    ends: Instant,
    /// Whether the store was away at the last look.
    is_away: bool,
    _turn: Turn,
}

/// What a look found.
enum Look {
    /// Text to be sent.
    Said(String),
    /// Only what is not meant, and there may be more.
    PassedOver,
    /// Nothing.
    Nothing,
    /// That the stream has to end.
    Over,
}

impl Stream {
    /// A stream that goes on where it is wanted, or begins now.
    pub(super) async fn begin(
        api: Arc<Api>,
        caller: &Caller<AnalyticsRead>,
        wanted: Wanted,
        turn: Turn,
    ) -> Result<Self, ApiError> {
        let recordings = api.store.recordings();
        let place = match wanted.after {
            Some(place) => place,
            None => api.store.feed_end(api.clock.now()).await?,
        };
        let now = Instant::now();
        let (heartbeat, ends) = (now + api.streams.heartbeat, now + api.streams.life);
        let mut stream = Self {
            proof: caller.proof.clone(),
            filter: FeedFilter { owner: caller.owner, of: wanted.of, kinds: wanted.kinds, bots: wanted.bots },
            tag: wanted.tag,
            domain: wanted.domain,
            place,
            told: place,
            begun: String::new(),
            recordings,
            heartbeat,
            ends,
            is_away: false,
            _turn: turn,
            api,
        };
        stream.begun = format!("retry: {RETRY_MS}\nid: {}\n\n", stream.id(place));
        if let Look::Said(text) = stream.look().await? {
            stream.begun += &text;
        }
        Ok(stream)
    }

    /// The next piece of text; nothing when the stream is over.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let begun = std::mem::take(&mut self.begun);
        if !begun.is_empty() {
            return Some(self.sent(begun));
        }
        while !self.api.streams.stop.is_cancelled() {
            // What is recorded from here on wakes the stream again.
            self.recordings.mark_unchanged();
            match self.look().await {
                Ok(Look::Said(text)) => return Some(self.sent(text)),
                Ok(Look::PassedOver) => continue,
                Ok(Look::Nothing) if Instant::now() >= self.ends => return None,
                Ok(Look::Nothing) => {}
                Ok(Look::Over) => return None,
                Err(error) => self.bear(&error)?,
            }
            let is_heartbeat_due = self.rest().await?;
            if is_heartbeat_due {
                return self.beat().await;
            }
        }
        None
    }

    /// Looks once for what follows. The key is looked at before anything is said: a revoked one hears nothing more.
    async fn look(&mut self) -> Result<Look, Error> {
        let page = self.api.store.follow_feed(self.place, self.filter).await?;
        self.is_away = false;
        let mut text = String::new();
        if page.gap.is_some() || !page.visits.is_empty() {
            if !self.may_go_on().await? {
                return Ok(Look::Over);
            }
            self.told = self.tell(&mut text, &page).await?;
        }
        self.place = page.next;
        Ok(match (text.is_empty(), page.has_more) {
            (false, _) => Look::Said(text),
            (true, true) => Look::PassedOver,
            (true, false) => Look::Nothing,
        })
    }

    /// An outage passes; anything else does not, and ends the stream.
    fn bear(&mut self, error: &Error) -> Option<()> {
        if !matches!(error, Error::Unavailable(_) | Error::TooLong(_)) {
            tracing::error!(%error, "an event stream was broken off");
            return None;
        }
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(%error, "an event stream waits for the store");
        }
        Some(())
    }

    /// Waits for something to be recorded, or for the time to look again. Whether a heartbeat is due then; nothing when the
    /// server stops.
    async fn rest(&mut self) -> Option<bool> {
        tokio::select! {
            biased;
            () = self.api.streams.stop.cancelled() => None,
            () = sleep_until(self.heartbeat) => Some(true),
            () = sleep(LOOKING) => Some(false),
            () = sleep_until(self.ends) => Some(false),
            // While the store is away, whatever wakes the stream wakes it in vain.
            _ = self.recordings.changed(), if !self.is_away => Some(false),
        }
    }

    /// A sign of life. It has the place up to which was looked, so that it is not looked there again.
    async fn beat(&mut self) -> Option<Bytes> {
        if matches!(self.may_go_on().await, Ok(false)) {
            return None;
        }
        let mut text = ": heartbeat\n".to_owned();
        if self.told != self.place {
            text += &format!("id: {}\n", self.id(self.place));
            self.told = self.place;
        }
        text.push('\n');
        Some(self.sent(text))
    }

    fn sent(&mut self, text: String) -> Bytes {
        self.heartbeat = Instant::now() + self.api.streams.heartbeat;
        text.into()
    }

    fn id(&self, place: FeedPlace) -> String {
        self.api.streams.shuffle.write(place)
    }

    async fn may_go_on(&self) -> Result<bool, Error> {
        let rights = self.proof.rights(&self.api.store, self.filter.owner, self.api.clock.now()).await?;
        Ok(rights.has(Scope::AnalyticsRead))
    }

    /// Tells what is on a page, as far as it is meant; the last place that was told.
    async fn tell(&self, text: &mut String, page: &FeedPage) -> Result<FeedPlace, Error> {
        let mut told = self.told;
        if let Some(gap) = page.gap {
            told = page.begin;
            say(text, "gap", &self.id(told), &gap_body(gap));
        }
        let known = self.known(&page.visits).await?;
        for found in &page.visits {
            if let Some(body) = self.body(found, &known) {
                told = found.after;
                say(text, found.kind.as_str(), &self.id(told), &body);
            }
        }
        Ok(told)
    }

    /// What is known of all that was visited.
    async fn known(&self, visits: &[FeedVisit]) -> Result<Known, Error> {
        let (store, owner) = (&self.api.store, self.filter.owner);
        let mut known = Known::default();
        let links: Vec<_> = distinct(visits.iter().filter_map(|found| found.visit.target.link()));
        if !links.is_empty() {
            known.links = store.links_ever(owner, links).await?;
        }
        let pages: Vec<_> = distinct(visits.iter().filter_map(|found| found.visit.target.page()));
        if !pages.is_empty() {
            known.pages = store.pages_known(owner, pages).await?;
        }
        let codes: Vec<_> = distinct(visits.iter().filter_map(|found| found.visit.code));
        if !codes.is_empty() {
            known.codes = store.codes_by_token(owner, codes).await?;
        }
        Ok(known)
    }

    /// A visit as it is told, if it is meant.
    fn body(&self, found: &FeedVisit, known: &Known) -> Option<String> {
        let (visit, hosts) = (&found.visit, self.api.redirects.hosts());
        let (id, kind, at, is_unique) = (found.id, found.kind, visit.at, Some(visit.is_unique));
        match visit.target {
            Target::Link(link) => {
                let link = known.links.get(&link);
                let code = visit.code.and_then(|code| known.codes.get(&code)).copied();
                let body = || payload::body(id, kind, at, &VisitBody::of(visit, link, code, is_unique, hosts));
                self.is_meant(link).then(body)
            }
            Target::Page(page) => {
                let page = known.pages.get(&page);
                let body = || payload::body(id, kind, at, &ViewBody::of(visit, page, is_unique, hosts));
                self.is_page_meant(page).then(body)
            }
            // Of these nobody is told.
            Target::Block(..) => None,
        }
    }

    /// Whether views of this page are meant. Whoever asks for a tag means links, as no page has any.
    fn is_page_meant(&self, page: Option<&PageSubject>) -> bool {
        self.tag.is_none() && self.domain.as_ref().is_none_or(|wanted| page.is_some_and(|page| page.domain == *wanted))
    }

    /// Whether visits of this link are meant, by what it is now. Of what is not known there is no tag and no domain.
    fn is_meant(&self, link: Option<&Subject>) -> bool {
        let tags: &[Tag] = link.map_or(&[], |link| &link.tags);
        let has = |wanted: &str| tags.iter().any(|tag| tag.as_str() == wanted);
        let has_tag = |wanted: &String| has(wanted) || (tags.is_empty() && wanted == Dimension::Tag.absent());
        self.tag.as_ref().is_none_or(has_tag)
            && self.domain.as_ref().is_none_or(|wanted| link.is_some_and(|link| link.domain == *wanted))
    }
}

/// What is known of links, pages and codes.
#[derive(Default)]
struct Known {
    links: HashMap<LinkId, Subject>,
    pages: HashMap<PageId, PageSubject>,
    codes: HashMap<Token, QrId>,
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// One event, whose data is one line.
fn say(text: &mut String, kind: &str, id: &str, data: &str) {
    write!(text, "event: {kind}\nid: {id}\ndata: {data}\n\n").expect("a string takes what is written");
}

/// What a listener is told of a gap.
#[derive(Serialize)]
struct Gap {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: GapBody,
}

#[derive(Serialize)]
struct GapBody {
    since: String,
    until: String,
    export: String,
    export_views: String,
}

fn gap_body(gap: FeedGap) -> String {
    let text = |time: Time| time.to_string();
    let (since, until) = (text(gap.since), text(gap.until));
    let export = format!("{ROOT}/analytics/export?format=ndjson&bots=include&start={since}&end={until}");
    let export_views = format!("{export}&type=views");
    let gap = Gap { kind: "gap", timestamp: until.clone(), data: GapBody { since, until, export, export_views } };
    serde_json::to_string(&gap).expect("strings always have JSON")
}
