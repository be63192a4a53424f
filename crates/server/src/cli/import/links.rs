//! Which link a row means.

use std::{collections::HashMap, sync::Arc};

use mask::redirect::Hosts;
use mask_core::{id::LinkId, slug, workspace::Owner};
use mask_store::Store;

use super::{columns::Column, file::Line};

/// Links that are remembered; files that mean more are rare, and then all are asked for again.
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
        Self { store, owner, hosts, domain, is_said, known: HashMap::new() }
    }

    /// The link of a row; or why there is none, in words for a person.
    pub(super) async fn of(&mut self, line: &Line<'_>) -> Result<Result<LinkId, String>, mask_store::Error> {
        let address = match self.address(line) {
            Ok(address) => address,
            Err(why) => return Ok(Err(why)),
        };
        let link = if let Some(link) = self.known.get(&address) {
            *link
        } else {
            let link = self.find(address.clone()).await?;
            if self.known.len() >= MOST {
                self.known.clear();
            }
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
            Some(domain) => Self::slug(domain.to_owned(), slug),
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

/// The name under which links of a host are stored, also of one that is not served any more.
fn canonical(hosts: &Hosts, domain: &str) -> String {
    hosts.canonical(domain).map_or_else(|| domain.to_ascii_lowercase(), ToOwned::to_owned)
}
