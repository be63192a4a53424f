//! Which link, page or block a row means, and which code.

use std::{collections::HashMap, sync::Arc};

use mask::redirect::Hosts;
use mask_core::{
    id::{BlockId, LinkId, PageId, QrId},
    slug,
    token::Token,
    visit::Target,
    workspace::Owner,
};
use mask_store::Store;

use super::{columns::Column, file::Line, names::shown};

/// Links (and pages, and codes) that are remembered; files that mean more are rare, and then all are asked for again.
const MOST: usize = 100_000;

/// Finds links, asking for each once.
pub(super) struct Links {
    store: Store,
    owner: Owner,
    hosts: Arc<Hosts>,
    /// Where slugs are whose row names no domain.
    domain: String,
    /// Whether that was said, so that it also holds for hosts that are not served here.
    is_said: bool,
    known: HashMap<Address, Option<LinkId>>,
    pages: HashMap<PageId, bool>,
    codes: HashMap<QrId, Option<Token>>,
}

/// What a row means: what was visited, and the code that was scanned.
pub(super) struct Meant {
    pub(super) target: Target,
    pub(super) code: Option<Token>,
}

/// How a row names a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Address {
    /// By its id, or by what it was called elsewhere.
    Id(String),
    /// By domain and slug.
    Slug(String, String),
}

impl Links {
    pub(super) fn new(store: Store, owner: Owner, hosts: Arc<Hosts>, domain: &str, is_said: bool) -> Self {
        let domain = canonical(&hosts, domain);
        let (known, pages, codes) = Default::default();
        Self { store, owner, hosts, domain, is_said, known, pages, codes }
    }

    /// What a row means; or why it means nothing, in words for a person.
    pub(super) async fn of(&mut self, line: &Line<'_>) -> Result<Result<Meant, String>, mask_store::Error> {
        let target = match line.cell(Column::PageId) {
            Some(page) => self.on_page(line, &page).await?,
            None => self.link(line).await?.map(Target::Link),
        };
        let target = match target {
            Ok(target) => target,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.code(line).await?.map(|code| Meant { target, code }))
    }

    /// The page of a row, or the block.
    async fn on_page(&mut self, line: &Line<'_>, page: &str) -> Result<Result<Target, String>, mask_store::Error> {
        if [Column::Link, Column::ShortUrl, Column::Slug].into_iter().any(|column| line.cell(column).is_some()) {
            return Ok(Err("both a link and a page are named".to_owned()));
        }
        let Ok(id) = PageId::parse(page) else { return Ok(Err(format!("{:?} is no id of a page", shown(page)))) };
        let block = line.cell(Column::BlockId).map(|text| BlockId::parse(&text).map_err(|_| text)).transpose();
        let block = match block {
            Ok(block) => block,
            Err(text) => return Ok(Err(format!("{:?} is no id of a block", shown(&text)))),
        };
        let is_known = if let Some(is_known) = self.pages.get(&id) {
            *is_known
        } else {
            let is_known = self.store.bio_page_by_id(self.owner, id).await?.is_some();
            forget_too_many(&mut self.pages);
            self.pages.insert(id, is_known);
            is_known
        };
        let target = block.map_or(Target::Page(id), |block| Target::Block(id, block));
        Ok(if is_known { Ok(target) } else { Err(format!("there is no page {page:?} in this workspace")) })
    }

    /// The code of a row, by the token in its address or by its id. A code that is no more leaves a scan of none that is
    /// known.
    async fn code(&mut self, line: &Line<'_>) -> Result<Result<Option<Token>, String>, mask_store::Error> {
        if let Some(text) = line.cell(Column::QrToken) {
            let token = Token::parse(&text).map(Some);
            return Ok(token.map_err(|_| format!("{:?} is no token of a QR code", shown(&text))));
        }
        let Some(text) = line.cell(Column::QrCodeId) else { return Ok(Ok(None)) };
        let Ok(id) = QrId::parse(&text) else { return Ok(Err(format!("{:?} is no id of a QR code", shown(&text)))) };
        if let Some(token) = self.codes.get(&id) {
            return Ok(Ok(*token));
        }
        let token = self.store.qr_code_by_id(self.owner, id).await?.map(|placed| placed.code.token);
        forget_too_many(&mut self.codes);
        self.codes.insert(id, token);
        Ok(Ok(token))
    }

    /// The link of a row.
    async fn link(&mut self, line: &Line<'_>) -> Result<Result<LinkId, String>, mask_store::Error> {
        if line.cell(Column::BlockId).is_some() {
            return Ok(Err("a block is named without its page".to_owned()));
        }
        let address = match self.address(line) {
            Ok(address) => address,
            Err(why) => return Ok(Err(why)),
        };
        let link = if let Some(link) = self.known.get(&address) {
            *link
        } else {
            let link = self.find(address.clone()).await?;
            forget_too_many(&mut self.known);
            self.known.insert(address.clone(), link);
            link
        };
        Ok(link.ok_or_else(|| match address {
            Address::Id(id) => format!("there is no link {id:?} in this workspace, and none with that external id"),
            Address::Slug(domain, slug) => format!("there is no link {slug:?} on {domain} in this workspace"),
        }))
    }

    async fn find(&self, address: Address) -> Result<Option<LinkId>, mask_store::Error> {
        let link = match address {
            Address::Slug(domain, slug) => self.store.link_by_address(self.owner, domain, slug).await?,
            Address::Id(text) => {
                let by_id = match LinkId::parse(&text) {
                    Ok(id) => self.store.link_by_id(self.owner, id).await?,
                    Err(_) => None,
                };
                match by_id {
                    Some(link) => Some(link),
                    None => self.store.link_by_external_id(self.owner, text).await?,
                }
            }
        };
        Ok(link.map(|link| link.id))
    }

    fn address(&self, line: &Line<'_>) -> Result<Address, String> {
        if let Some(id) = line.cell(Column::Link) {
            return Ok(Address::Id(id));
        }
        if let Some(url) = line.cell(Column::ShortUrl) {
            return self.of_url(&url);
        }
        let Some(slug) = line.cell(Column::Slug) else { return Err("no link is named".to_owned()) };
        let domain = line.cell(Column::Domain).map(|domain| canonical(&self.hosts, &domain));
        Self::slug(domain.unwrap_or_else(|| self.domain.clone()), slug.trim_start_matches('/'))
    }

    /// A short URL, whose scheme many leave out.
    fn of_url(&self, text: &str) -> Result<Address, String> {
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let slug = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let name = mask_core::address::host(host).ok_or_else(|| format!("{text:?} is no short URL"))?;
        match self.hosts.canonical(&name) {
            Some(domain) => Self::slug(domain, slug),
            None if self.is_said => Self::slug(self.domain.clone(), slug),
            None => Err(format!("{name} is not served here; --domain says where its slugs are now")),
        }
    }

    fn slug(domain: String, slug: &str) -> Result<Address, String> {
        if slug.is_empty() || !slug.bytes().all(slug::allows) {
            return Err(format!("{slug:?} is no slug"));
        }
        Ok(Address::Slug(domain, slug.to_ascii_lowercase()))
    }
}

fn forget_too_many<K, V>(known: &mut HashMap<K, V>) {
    if known.len() >= MOST {
        known.clear();
    }
}

/// The name under which links of a host are stored, also of one that is not served any more.
fn canonical(hosts: &Hosts, domain: &str) -> String {
    hosts.canonical(domain).unwrap_or_else(|| domain.to_ascii_lowercase())
}
