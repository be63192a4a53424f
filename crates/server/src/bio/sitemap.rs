//! `sitemap.xml`: what a host has for search engines to find, which is its published pages (sitemaps.org, version 0.9).
//!
//! Pages of test keys are nobody's to find, nor are pages that were left on a domain by a workspace that lost it. The list
//! is read in parts, so that a host with many pages keeps nobody waiting for its database; and anybody may ask for it, as
//! often as he likes, so it is read once in a while for all who ask.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use mask_core::{slug::Slug, time::Time};
use mask_store::{Error, PublishedPage, Store};
use quick_cache::sync::Cache;

use crate::redirect::Hosts;

/// For how long a list is handed out.
const FRESH: Duration = Duration::from_mins(1);
/// Lists that are kept.
const KEPT: usize = 64;

/// The lists that were read last.
pub struct Sitemaps {
    read: Cache<String, (Time, Bytes)>,
}

impl Default for Sitemaps {
    fn default() -> Self {
        Self { read: Cache::new(KEPT) }
    }
}

impl Sitemaps {
    /// The list of a host, which is named as its pages are stored.
    pub(super) async fn of(&self, store: &Store, hosts: &Hosts, domain: &str, now: Time) -> Result<Bytes, Error> {
        let is_old = |read: &(Time, Bytes)| read.0.after(FRESH) <= now;
        self.read.remove_if(domain, is_old);
        match self.read.get_value_or_guard_async(domain).await {
            Ok((_, xml)) => Ok(xml),
            Err(guard) => {
                let xml = Bytes::from(read(store, hosts, domain).await?);
                let _ = guard.insert((now, xml.clone()));
                Ok(xml)
            }
        }
    }
}

/// Most addresses of one list, and how many are read at once. The format would take 50,000.
const MOST: usize = 50_000;
const AT_ONCE: usize = 1_000;

async fn read(store: &Store, hosts: &Hosts, domain: &str) -> Result<String, Error> {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    let (mut after, mut written): (Option<Slug>, usize) = (None, 0);
    // Those that nobody is to find count too: they are work.
    for _ in 0..MOST / AT_ONCE {
        let pages = store.published_pages(domain.to_owned(), after, AT_ONCE).await?;
        let is_last = pages.len() < AT_ONCE;
        after = pages.last().map(|page| page.slug.clone());
        for page in pages.into_iter().filter(|page| is_found(page, hosts, domain)).take(MOST - written) {
            let PublishedPage { slug, updated_at, .. } = page;
            // A slug has no character that means something in XML, and neither has a host.
            let _ = writeln!(
                xml,
                "<url><loc>{}</loc><lastmod>{updated_at}</lastmod></url>",
                hosts.short_url(domain, slug.as_str())
            );
            written += 1;
        }
        if is_last {
            break;
        }
    }
    xml += "</urlset>\n";
    Ok(xml)
}

fn is_found(page: &PublishedPage, hosts: &Hosts, domain: &str) -> bool {
    !page.owner.is_test && hosts.usable(domain, page.owner).is_some()
}
