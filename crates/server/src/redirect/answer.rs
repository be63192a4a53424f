//! From a request to its answer.
//!
//! What memory knows is answered at once, without a future; only a miss, a posted password and the page behind
//! `/{slug}+` take one. The order is: the host, then the path, then memory, and only then whether the word belongs to the
//! program itself, so that a hit pays for nothing that it does not need. (A reserved word is never in memory.)

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header::SET_COOKIE};
use mask_core::{
    address,
    agent::{BotClass, FetchMetadata, Verdict as AgentVerdict},
    country::Country,
    destination::compose,
    request::RequestId,
    route::{Choice, Route, decide},
    slug::Slug,
    time::Time,
    visit::Visit,
};
use mask_journal::{Ticket, Writer};
use siphasher::sip::SipHasher13;

use super::{
    Redirects,
    attempts::TooMany,
    entry::{Detail, Entry, Known, header_value},
    hosts::{self, APPLICATION, HostNumber, View},
    lane::DateText,
    meters::Outcome,
    pages::{self, Notice, PasswordForm},
    password::{self, NoForm, Verdict},
    query::Query,
    reply,
    resolver::Key,
    seen::{Seen, text},
    unlock::Lock,
};
use crate::{
    body::Body,
    clicks::{record::Limit, visitor::octets},
    clock,
    places::Place,
    proxy::{self, Peer},
};

const ALLOWED: &str = "GET, HEAD";
/// What a balancer asks of this process by address alone, not knowing any of its names.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What a request gets.
pub enum Answer<B> {
    /// This.
    Ready(Response<Body>),
    /// What this will bring.
    Later(Pin<Box<dyn Future<Output = Response<Body>>>>),
    /// Nothing here: it is the router's.
    NotMine(Request<B>),
}

/// The redirects of one thread, with its own end of the journal.
pub struct Worker {
    pub(super) shared: Arc<Redirects>,
    pub(super) writer: RefCell<Writer>,
    /// The hosts that are served.
    pub(super) hosts: RefCell<View>,
    /// The `Host` that was last asked for in the fast lane, its number, and of which table of hosts that is.
    pub(super) last_host: RefCell<(Vec<u8>, HostNumber, u64)>,
    /// The minute in which a lost click was last logged.
    pub(super) lost_logged: Cell<i64>,
    /// What a request in the fast lane has beside what is read of it.
    pub(super) no_headers: HeaderMap,
    /// The `Date` of this second, for the fast lane.
    pub(super) date: Cell<DateText>,
}

/// What can be said at once.
pub(super) enum Step {
    Done(Reply),
    NotMine,
    /// Memory does not know, or a password may have been posted.
    Look(Key),
    Inspect(Key),
}

/// Where a request goes that names no host of ours.
enum Elsewhere {
    Router,
    Nowhere(Notice),
}

/// An answer, and what must be on the disk before it leaves, if anything.
pub(super) struct Reply {
    response: Response<Body>,
    ticket: Option<Ticket>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    Head,
    Post,
    Other,
}

/// What of a request bears on its answer.
pub(super) struct Asking<'r> {
    /// What the record of a visit, its answer, and whoever is told of it call the request by. An answer that says why there is
    /// no visit draws an id of its own.
    pub(super) request: RequestId,
    pub(super) now: Time,
    pub(super) host: HostNumber,
    pub(super) kind: Kind,
    pub(super) path: &'r str,
    pub(super) query: Query<'r>,
    pub(super) seen: Seen<'r>,
    pub(super) headers: &'r HeaderMap,
    pub(super) address: IpAddr,
    /// Whether the address is the visitor's, as far as can be told, and not that of a proxy between.
    pub(super) is_own_address: bool,
    pub(super) place: Place,
    pub(super) fetch_metadata: FetchMetadata,
    /// Of the link that was asked for, once it is known.
    pub(super) opens_many_links: bool,
}

impl Kind {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            _ => Self::Other,
        }
    }
}

impl Worker {
    /// The redirects of the thread that owns this writer.
    pub fn new(shared: Arc<Redirects>, writer: Writer) -> Self {
        Self {
            hosts: RefCell::new(shared.hosts.view()),
            shared,
            writer: RefCell::new(writer),
            last_host: RefCell::default(),
            lost_logged: Cell::new(i64::MIN),
            no_headers: HeaderMap::new(),
            date: Cell::new(DateText::UNKNOWN),
        }
    }

    /// Answers a request, or hands it back.
    pub fn answer<B>(self: &Rc<Self>, request: Request<B>, peer: impl Into<Peer>) -> Answer<B>
    where
        B: hyper::body::Body<Data = Bytes> + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (worker, peer) = (Rc::clone(self), peer.into());
        match self.at_once(&request, peer) {
            Step::NotMine => Answer::NotMine(request),
            Step::Done(Reply { response, ticket: None }) => Answer::Ready(response),
            Step::Done(reply) => Answer::Later(Box::pin(async move { worker.settle(reply).await })),
            Step::Look(key) => Answer::Later(Box::pin(async move {
                let reply = worker.look(request, peer, &key).await;
                worker.settle(reply).await
            })),
            Step::Inspect(key) => Answer::Later(Box::pin(async move { worker.inspect(&key).await })),
        }
    }

    fn at_once<B>(&self, request: &Request<B>, peer: Peer) -> Step {
        let seen = Seen::read(request.headers());
        let (uri, kind) = (request.uri(), Kind::of(request.method()));
        let host = match self.host(uri, request.version(), &seen) {
            Ok(host) => host,
            Err(Elsewhere::Router) => return Step::NotMine,
            Err(Elsewhere::Nowhere(notice)) => return self.notice(notice),
        };
        let Some(asked) = address::path(uri.path()) else { return self.beside_links(host, uri.path(), kind) };
        let key = Key { slug: asked.key, host };
        let known = self.shared.resolver.current(&key, || self.shared.clock.now());
        if known.is_none() && host == APPLICATION && is_reserved(&key.slug) {
            return Step::NotMine;
        }
        if kind == Kind::Other || asked.is_inspection && kind == Kind::Post {
            return self.refused();
        }
        match known {
            Some(known) if asked.is_inspection && !matches!(*known, Known::Link(_)) => {
                Step::Done(self.nothing(&known, host))
            }
            _ if asked.is_inspection => Step::Inspect(key),
            Some(known) if kind != Kind::Post || !known.takes_posts() => {
                let asking = self.asking(host, request.method(), uri, request.headers(), seen, peer);
                if self.is_preview(&known, &asking) {
                    Step::Look(key)
                } else {
                    Step::Done(self.respond(&known, asking))
                }
            }
            _ => Step::Look(key),
        }
    }

    fn host(&self, uri: &Uri, version: Version, seen: &Seen<'_>) -> Result<HostNumber, Elsewhere> {
        let otherwise = |may_be_probe: bool, notice| {
            let is_probe = may_be_probe && PROBES.contains(&uri.path());
            if is_probe { Elsewhere::Router } else { Elsewhere::Nowhere(notice) }
        };
        let Ok(host) = hosts::asked(uri, version, seen) else {
            let may_have_none = version == Version::HTTP_10 && seen.host.is_none();
            return Err(otherwise(may_have_none, Notice::BadRequest));
        };
        let number = self.hosts.borrow_mut().load().parsed(&host).map(|host| host.number);
        number.ok_or_else(|| otherwise(true, Notice::NotFound))
    }

    fn asking<'r>(
        &self,
        host: HostNumber,
        method: &Method,
        uri: &'r Uri,
        headers: &'r HeaderMap,
        seen: Seen<'r>,
        peer: Peer,
    ) -> Asking<'r> {
        let client = proxy::client(peer, headers, &self.shared.trusted);
        let address = client.address;
        Asking {
            request: clock::request_id(),
            now: self.shared.clock.now(),
            host,
            kind: Kind::of(method),
            path: uri.path(),
            query: Query::read(uri.query()),
            seen,
            headers,
            address,
            // Who is not trusted is not believed to be a proxy, but it may be one all the same.
            is_own_address: client.is_own && !(seen.is_forwarded && address == peer.address.to_canonical()),
            place: self.shared.place(address, headers, peer),
            fetch_metadata: self.shared.passing.of(&seen, &client, peer),
            opens_many_links: false,
        }
    }

    async fn look<B>(&self, request: Request<B>, peer: Peer, key: &Key) -> Reply
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // A host that is no more serves nothing.
        let host = self.host_of(key.host);
        let Some(host) = host else { return self.page_notice(Notice::NotFound) };
        let known = self.shared.resolver.look(&host, key).await;
        let (head, body) = request.into_parts();
        let seen = Seen::read(&head.headers);
        let asking = self.asking(key.host, &head.method, &head.uri, &head.headers, seen, peer);
        match &*known {
            Known::Link(entry) if asking.kind == Kind::Post && known.has_password() => {
                self.unlock(entry, asking, body, &key.slug).await
            }
            Known::Page(_) if asking.kind == Kind::Post => self.post_to_page(&host, key, asking, body).await,
            _ if self.is_preview(&known, &asking) => self.preview_page(&host, key).await,
            _ => self.respond(&known, asking),
        }
    }

    /// A posted password: tries are counted before anything is hashed, and a right one is a click.
    async fn unlock<B>(&self, entry: &Entry, asking: Asking<'_>, body: B, slug_key: &str) -> Reply
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some((detail, hash)) = entry.detail.as_ref().and_then(|detail| Some((detail, detail.password_hash()?)))
        else {
            return self.page_notice(Notice::Unavailable);
        };
        // An ended link opens for nobody; it says so whatever is posted.
        if decide(&detail.link, &visit_of(&asking, "", "", detail.is_used_up())) != Route::AskPassword {
            return self.visit(entry, detail, &asking, false);
        }
        let password = match password::posted(asking.headers, body, self.shared.body_timeout).await {
            Ok(password) => password,
            Err(why) => return self.without_form(why),
        };
        let asking = Asking { now: self.shared.clock.now(), ..asking };
        if let Err(TooMany { retry_after_s }) = self.shared.attempts.count(asking.address, entry.id(), asking.now) {
            return self.page_notice(Notice::TooManyAttempts { retry_after_s });
        }
        match password::check(&self.shared.passwords, password, hash.to_owned()).await {
            Verdict::Unchecked => self.page_notice(Notice::Unavailable),
            Verdict::Wrong => self.password_form(detail, StatusCode::FORBIDDEN, &asking),
            Verdict::Right => {
                let opens_many_links = self.opens_many_links(entry, &asking);
                let asking = Asking { now: self.shared.clock.now(), opens_many_links, ..asking };
                let lock = Lock { link: entry.id(), slug_key, password_hash: hash };
                let cookie = self.shared.unlocker.cookie(lock, asking.path, asking.now);
                let mut reply = self.visit(entry, detail, &asking, true);
                reply.response.headers_mut().append(SET_COOKIE, cookie);
                reply
            }
        }
    }

    pub(super) fn without_form(&self, why: NoForm) -> Reply {
        self.page_notice(match why {
            NoForm::Malformed => Notice::BadRequest,
            NoForm::Late => Notice::TimedOut,
        })
    }

    fn respond(&self, known: &Known, mut asking: Asking<'_>) -> Reply {
        match known {
            Known::Link(_) if asking.kind == Kind::Post && !known.has_password() => {
                self.shared.meters.count(Outcome::Refused);
                reply::method_not_allowed(ALLOWED).into()
            }
            Known::Link(entry) => match &entry.detail {
                None => {
                    asking.opens_many_links = self.opens_many_links(entry, &asking);
                    let ticket = self.record(entry, &asking, Choice::Url, Limit::None);
                    self.shared.meters.count(Outcome::Redirect);
                    let location = header_value(&entry.location_for(&asking.query.passed_on));
                    Reply { response: reply::redirect(entry.status, location, asking.request), ticket }
                }
                Some(detail) => {
                    asking.opens_many_links = self.opens_many_links(entry, &asking);
                    self.visit(entry, detail, &asking, false)
                }
            },
            Known::Page(page) => self.page(page, &asking),
            Known::Draft(_) | Known::Gone | Known::Absent | Known::Unavailable => self.nothing(known, asking.host),
        }
    }

    /// A visit to a link that is more than plain. From the click that is taken to the record that is written there is no
    /// pause: a click limit relies on it.
    fn visit(&self, entry: &Entry, detail: &Detail, asking: &Asking<'_>, has_password: bool) -> Reply {
        let (agent, languages) = (text(asking.seen.user_agent), text(asking.seen.accept_language));
        let verdict = asking.verdict();
        let mut visit = visit_of(asking, &agent, &languages, detail.is_used_up());
        visit.visitor = self.variant_number(entry, asking);
        visit.is_unlocked = has_password || self.is_unlocked(entry, detail, asking);
        let mut route = decide(&detail.link, &visit);
        let mut limit = if detail.used.is_some() { Limit::Left } else { Limit::None };
        if let (Route::Redirect(choice, _), Some((used, most))) = (route, detail.limit())
            && choice != Choice::Ended
            && verdict.class.is_person()
        {
            if used.take(most) {
                limit = Limit::Taken;
            } else {
                visit.is_used_up = true;
                route = decide(&detail.link, &visit);
            }
        }
        self.routed(entry, detail, asking, route, verdict, limit)
    }

    fn routed(
        &self,
        entry: &Entry,
        detail: &Detail,
        asking: &Asking<'_>,
        route: Route<'_>,
        verdict: AgentVerdict,
        limit: Limit,
    ) -> Reply {
        match route {
            Route::Gone(ended) => self.ended(ended, asking),
            Route::Redirect(choice, _) if choice != Choice::Ended && shows_preview(detail, verdict) => {
                self.preview(entry, detail, asking, limit)
            }
            Route::AskPassword if shows_preview(detail, verdict) => self.preview(entry, detail, asking, limit),
            Route::AskPassword => self.password_form(detail, StatusCode::OK, asking),
            Route::Redirect(choice, url) => {
                let ticket = self.record(entry, asking, choice, limit);
                self.shared.meters.count(if choice == Choice::Ended { Outcome::Ended } else { Outcome::Redirect });
                let location = match choice {
                    Choice::Url => header_value(&entry.location_for(&asking.query.passed_on)),
                    _ => header_value(&compose(url, &detail.link.content.utm, &asking.query.passed_on)),
                };
                // After a form, 303 alone: 307 and 308 would send the password on.
                let status = if asking.kind == Kind::Post { StatusCode::SEE_OTHER } else { entry.status };
                Reply { response: reply::redirect(status, location, asking.request), ticket }
            }
        }
    }

    fn preview(&self, entry: &Entry, detail: &Detail, asking: &Asking<'_>, limit: Limit) -> Reply {
        let ticket = self.record(entry, asking, Choice::Url, limit);
        self.shared.meters.count(Outcome::Preview);
        let short_url = self.short_url_of(&detail.link);
        Reply { response: super::show::preview(&detail.link, &short_url, entry, asking.request), ticket }
    }

    fn password_form(&self, detail: &Detail, status: StatusCode, asking: &Asking<'_>) -> Reply {
        self.shared.meters.count(Outcome::Password);
        let form = PasswordForm { short_url: &self.short_url_of(&detail.link), rejected: status != StatusCode::OK };
        reply::page(status, pages::password_form(&form), asking.request).into()
    }

    /// The same number for one visitor and one link for as long as the installation's secret stays.
    fn variant_number(&self, entry: &Entry, asking: &Asking<'_>) -> u64 {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&entry.id().bits().to_le_bytes());
        bytes[16..].copy_from_slice(&octets(asking.address));
        let hasher = SipHasher13::new_with_key(&self.shared.variant_key);
        let address = hasher.hash(&bytes);
        SipHasher13::new_with_keys(address, 0).hash(asking.seen.user_agent)
    }

    fn is_unlocked(&self, entry: &Entry, detail: &Detail, asking: &Asking<'_>) -> bool {
        detail.password_hash().is_some_and(|password_hash| {
            let slug_key = detail.link.slug.key();
            let lock = Lock { link: entry.id(), slug_key: &slug_key, password_hash };
            self.shared.unlocker.is_open(asking.headers, lock, asking.now)
        })
    }

    async fn settle(&self, reply: Reply) -> Response<Body> {
        if let Some(ticket) = reply.ticket
            && self.shared.sync.wait_synced(ticket).await.is_err()
        {
            // The disk has failed, which the syncing thread has logged. The visitor goes on.
            self.shared.meters.unsynced.increment(1);
        }
        reply.response
    }

    /// Where there is no link.
    pub(super) fn nothing(&self, known: &Known, host: HostNumber) -> Reply {
        self.page_notice(match known {
            Known::Gone => Notice::Removed,
            // Where a page leads is on the page; there is nothing to look into.
            Known::Absent | Known::Draft(_) | Known::Page(_) => return self.not_found(host),
            Known::Link(_) | Known::Unavailable => Notice::Unavailable,
        })
    }

    pub(super) fn refused(&self) -> Step {
        self.shared.meters.count(Outcome::Refused);
        Step::Done(reply::method_not_allowed(ALLOWED).into())
    }

    fn notice(&self, notice: Notice) -> Step {
        Step::Done(self.page_notice(notice))
    }

    pub(super) fn page_notice(&self, notice: Notice) -> Reply {
        self.shared.meters.count(match notice {
            Notice::NotFound => Outcome::NotFound,
            Notice::Expired | Notice::Removed | Notice::LimitReached => Outcome::Gone,
            Notice::TooManyAttempts { .. } => Outcome::Limited,
            Notice::Unavailable => Outcome::Unavailable,
            Notice::BadRequest | Notice::TimedOut | Notice::MethodNotAllowed => Outcome::Refused,
        });
        reply::notice(notice).into()
    }
}

impl From<Response<Body>> for Reply {
    fn from(response: Response<Body>) -> Self {
        Self { response, ticket: None }
    }
}

impl Reply {
    pub(super) const fn new(response: Response<Body>, ticket: Option<Ticket>) -> Self {
        Self { response, ticket }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        self.response
    }
}

/// A visit by somebody of whom nothing is known but what is said here.
fn visit_of<'v>(asking: &'v Asking<'_>, user_agent: &'v str, accept_language: &'v str, is_used_up: bool) -> Visit<'v> {
    let country = asking.place.country.as_ref().map(Country::as_str);
    Visit { now: asking.now, user_agent, accept_language, country, visitor: 0, is_unlocked: false, is_used_up }
}

fn shows_preview(detail: &Detail, verdict: AgentVerdict) -> bool {
    detail.link.content.preview.is_some() && verdict.class == BotClass::Preview
}

fn is_reserved(slug_key: &str) -> bool {
    Slug::parse(slug_key).is_ok_and(|slug| slug.is_reserved())
}
