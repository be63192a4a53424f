//! Bio pages among short links: held in memory as bytes, seen, followed, previewed and written to.
//!
//! A page is looked up like a link, and what memory holds of it is all that a visit needs: the document with its headers,
//! and where each block leads. So seeing a page costs what a redirect costs, and the bytes. It is rendered when it is
//! read, which is once after each change, and once more when the time of one of its blocks begins or ends
//! ([`Page::has_ended`]).
//!
//! Its links lead to itself, `/{slug}?to={block}`: the click is recorded, and a 302 sends the visitor on. Whatever `to` names
//! that is not on the page (a block that was removed while somebody looked at it) leads back to the page.
//!
//! Drafts are no pages to the world. Of one only its id is held, to know the word of its preview ([`Previews`]); what is
//! then shown is rendered for that request alone, is not recorded, and nobody may keep it.
//!
//! [`Previews`]: crate::bio::preview::Previews

use bytes::Bytes;
use hyper::{Response, StatusCode, header::HeaderValue};
use mask_core::{
    address,
    bio_page::{BioPage, block::Block},
    destination::{Utm, WebUrl, compose},
    id::{BlockId, PageId},
    route::Choice,
    time::Time,
    token::Token,
    visit::Target,
    workspace::Owner,
};
use mask_store::Found;

use super::{
    answer::{Asking, Kind, Reply, Worker},
    entry::{Known, header_value},
    hosts::{Host, Hosts},
    meters::Outcome,
    pages::Notice,
    password::{self, NoForm},
    reply,
    resolver::Key,
};
use crate::{
    bio::{
        self, Audience, Rendered, Showing,
        form::{self, Fault, Filled, Posted, Sent, Taken, Why},
        reception::is_foreign,
    },
    body::Body,
    clicks::record::Limit,
};

/// A message may be four thousand characters, each up to twelve bytes of a form.
const FORM_BYTES: usize = 64 * 1024;
/// What of a query speaks to the page itself.
const OWN_PARAMETERS: [&str; 3] = ["to=", "done=", "preview="];

/// Where a block leads, by the numbers of its links.
type Leads = Box<[(u32, HeaderValue)]>;

/// A published page, ready to be seen.
#[derive(Debug)]
pub(super) struct Page {
    id: PageId,
    owner: Owner,
    pub(super) rendered: Rendered,
    /// Its headers as the fast lane sends them, but for those that are new in each answer.
    pub(super) head: Bytes,
    /// Where each block leads.
    targets: Box<[(BlockId, Leads)]>,
}

impl Page {
    /// A page as it is kept, made for this moment.
    pub(super) fn new(page: &BioPage, owner: Owner, hosts: &Hosts, now: Time) -> Self {
        let address = hosts.short_url(&page.domain, page.slug.as_str());
        let showing = Showing { address: &address, audience: Audience::Public, filled: None };
        let rendered = bio::render(page, &showing, now);
        let targets = page.shown(now).map(|block| (block.id, leads(page, block, hosts))).collect();
        Self { id: page.id, owner, head: reply::bio_head(&rendered), rendered, targets }
    }

    /// Whether it looks otherwise by now.
    pub(super) fn has_ended(&self, now: Time) -> bool {
        self.rendered.until.is_some_and(|until| until <= now)
    }

    /// The bytes that it takes, as the allocator hands them out.
    pub(super) fn bytes(&self) -> usize {
        const EACH: usize = 16;
        let leads = self.targets.iter().flat_map(|(_, leads)| leads.iter());
        size_of::<Self>()
            + (self.rendered.html.len() + self.head.len())
            + (self.rendered.policy.len() + self.rendered.etag.len())
            + leads.map(|(_, lead)| size_of::<(u32, HeaderValue)>() + EACH + lead.len()).sum::<usize>()
            + self.targets.len() * (size_of::<(BlockId, Leads)>() + EACH)
    }

    fn lead(&self, block: BlockId, number: u32) -> Option<&HeaderValue> {
        let leads = &self.targets.iter().find(|(id, _)| *id == block)?.1;
        leads.iter().find(|(known, _)| *known == number).map(|(_, lead)| lead)
    }
}

/// Where a block leads. A short link of this installation is told that its visitor comes from a page.
fn leads(page: &BioPage, block: &Block, hosts: &Hosts) -> Leads {
    let leads = bio::leads(block).into_iter();
    leads.map(|(number, url)| (number, header_value(&lead(page, &url, hosts)))).collect()
}

fn lead(page: &BioPage, url: &str, hosts: &Hosts) -> String {
    let is_own = WebUrl::parse(url).is_ok_and(|url| {
        let (host, path) = url.host_and_path();
        hosts.is_served(&host) && address::may_be_short_link(&path)
    });
    let from_page = if is_own { format!("bio={}", Token::of(token_number(page.id))) } else { String::new() };
    compose(url, &Utm::default(), &from_page)
}

/// A number for a page's token: the part of its id that is chance.
fn token_number(page: PageId) -> u64 {
    u64::try_from(page.bits() & u128::from(u64::MAX)).unwrap_or_default()
}

/// Whether a query says something to the page itself, and is not only somebody's campaign.
pub(super) fn speaks_to_page(query: Option<&str>) -> bool {
    query.is_some_and(|query| OWN_PARAMETERS.iter().any(|name| query.contains(name)))
}

/// The value of a parameter, as it stands in the query.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name))
}

impl Worker {
    /// A visit to a page, or by way of one.
    pub(super) fn page(&self, page: &Page, asking: &Asking<'_>) -> Reply {
        let query = &*asking.query.passed_on;
        if let Some(block) = parameter(query, "to=") {
            return self.follow(page, block, asking);
        }
        // Who comes back from a form has seen the page before, and is counted already.
        let is_new = parameter(query, "done=").is_none();
        let ticket = is_new.then(|| self.note(Target::Page(page.id), page, asking)).flatten();
        self.shared.meters.count(Outcome::Page);
        let is_known = reply::is_known(asking.headers, &page.rendered.etag);
        Reply::new(reply::bio_page(&page.rendered, is_known, asking.request), ticket)
    }

    pub(super) fn note(&self, target: Target, page: &Page, asking: &Asking<'_>) -> Option<mask_journal::Ticket> {
        self.record_visit(target, page.owner, asking, Choice::Url, Limit::None)
    }

    /// A click on a block.
    fn follow(&self, page: &Page, block: &str, asking: &Asking<'_>) -> Reply {
        let number = parameter(&asking.query.passed_on, "n=").map_or(Some(0), |number| number.parse().ok());
        let id = BlockId::parse(block).ok();
        let found = id.zip(number).and_then(|(id, number)| Some((id, page.lead(id, number)?)));
        let Some((id, location)) = found else {
            let location = header_value(asking.path);
            return reply::redirect(StatusCode::SEE_OTHER, location, asking.request).into();
        };
        let ticket = self.note(Target::Block(page.id, id), page, asking);
        self.shared.meters.count(Outcome::Block);
        Reply::new(reply::redirect(StatusCode::FOUND, location.clone(), asking.request), ticket)
    }

    /// Notes a visit that the fast lane answers.
    pub(super) fn see(&self, page: &Page, asking: &Asking<'_>) {
        self.note(Target::Page(page.id), page, asking);
        self.shared.meters.count(Outcome::Page);
    }

    /// Whether a request brings the word that opens this page, published or not.
    pub(super) fn is_preview(&self, known: &Known, asking: &Asking<'_>) -> bool {
        let id = match known {
            Known::Page(page) => page.id,
            Known::Draft(draft) => draft.id(),
            Known::Link(_) | Known::Gone | Known::Absent | Known::Unavailable => return false,
        };
        let word = parameter(&asking.query.passed_on, "preview=");
        asking.kind != Kind::Post && word.is_some_and(|word| self.shared.previews.opens(word, id, asking.now))
    }

    /// The page as it is this moment, for who may see it before others do.
    pub(super) async fn preview_page(&self, host: &Host, key: &Key) -> Reply {
        let (page, _) = match self.stored_page(host, key).await {
            Ok(found) => found,
            Err(notice) => return self.page_notice(notice),
        };
        let address = self.shared.short_url(&page.domain, page.slug.as_str());
        let showing = Showing { address: &address, audience: Audience::Preview, filled: None };
        let rendered = bio::render(&page, &showing, self.shared.clock.now());
        reply::bio_preview(&rendered).into()
    }

    /// What was sent with one of the page's forms. The page is read anew: a form may be older than the page, and what it
    /// says is kept, so it has to be right.
    pub(super) async fn post_to_page<B>(&self, host: &Host, key: &Key, asking: Asking<'_>, body: B) -> Reply
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = match password::form(asking.headers, body, FORM_BYTES, self.shared.body_timeout).await {
            Ok(body) if !is_foreign(asking.headers) => body,
            Ok(_) => return self.without_form(NoForm::Malformed),
            Err(why) => return self.without_form(why),
        };
        let see =
            |location: &str| reply::redirect(StatusCode::SEE_OTHER, header_value(location), asking.request).into();
        let posted = Posted::read(&body);
        let (page, owner) = match self.stored_page(host, key).await {
            Ok((page, owner)) if page.is_published() => (page, owner),
            Ok(_) => return self.not_found(key.host),
            Err(notice) => return self.page_notice(notice),
        };
        let slug = page.slug.as_str().to_owned();
        let address = self.shared.short_url(&page.domain, &slug);
        let taker = posted.taker(&page, self.shared.clock.now());
        if posted.is_trapped {
            // A program; it need not know that it was noticed.
            let location = taker.map_or_else(|| asking.path.to_owned(), |(block, _)| form::done(&slug, block));
            return see(&location);
        }
        let Some((block, mode)) = taker else {
            // The form was taken off the page while somebody filled it in.
            self.shared.meters.count(Outcome::Refused);
            let lost = Filled { block: None, posted: &posted, faults: Vec::new() };
            return self.filled(&page, &address, &lost, StatusCode::UNPROCESSABLE_ENTITY).into();
        };
        let Some(forms) = self.shared.forms.get() else { return self.page_notice(Notice::Unavailable) };
        let sent = Sent { page, owner, block, mode, posted, address, client: asking.address };
        match forms.take(sent.clone()).await {
            Taken::Done => see(&form::done(&slug, block)),
            Taken::Confirm => see(&form::confirm(&slug, block)),
            Taken::Faulty(faults) => self.refilled(&sent, faults, StatusCode::UNPROCESSABLE_ENTITY).into(),
            Taken::TooMany { retry_after_s } => {
                self.put_off(&sent, Why::TooMany { retry_after_s }, StatusCode::TOO_MANY_REQUESTS, retry_after_s)
            }
            Taken::Unavailable => {
                self.put_off(&sent, Why::Unavailable, StatusCode::SERVICE_UNAVAILABLE, reply::RETRY_AFTER_S)
            }
        }
    }

    /// The page for a form that may be sent again later.
    fn put_off(&self, sent: &Sent, why: Why, status: StatusCode, retry_after_s: u64) -> Reply {
        let mut response = self.refilled(sent, vec![Fault { field: "", why }], status);
        response.headers_mut().insert("retry-after", HeaderValue::from(retry_after_s));
        response.into()
    }

    fn refilled(&self, sent: &Sent, faults: Vec<Fault>, status: StatusCode) -> Response<Body> {
        let filled = Filled { block: Some(sent.block), posted: &sent.posted, faults };
        self.filled(&sent.page, &sent.address, &filled, status)
    }

    /// The page with a form as it was filled in, and what is wrong with it.
    fn filled(&self, page: &BioPage, address: &str, filled: &Filled<'_>, status: StatusCode) -> Response<Body> {
        let showing = Showing { address, audience: Audience::Public, filled: Some(filled) };
        let rendered = bio::render(page, &showing, self.shared.clock.now());
        reply::bio_once(&rendered, status)
    }

    /// The page as it is in the store, drafts too.
    async fn stored_page(&self, host: &Host, key: &Key) -> Result<(BioPage, Owner), Notice> {
        match self.shared.resolver.read_link(host, key).await {
            Ok(Found::Page(page, owner)) => Ok((*page, owner)),
            Ok(Found::Gone) => Err(Notice::Removed),
            Ok(Found::Link(..) | Found::Nothing) => Err(Notice::NotFound),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a page could not be read");
                Err(Notice::Unavailable)
            }
        }
    }
}
