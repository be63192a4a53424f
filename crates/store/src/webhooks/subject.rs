//! What visits are told with: what their links and pages are known by.

use std::collections::{BTreeSet, HashMap};

use mask_core::{
    id::{LinkId, PageId},
    link::Tag,
    workspace::Owner,
};

use crate::{
    Error,
    db::{Tx, Value},
    links::{each_ever, read_tags},
};

/// Pages that are looked up by one query.
const AT_ONCE: usize = 200;

/// What a visit's link is known by, also when it is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: String,
    /// Where it leads.
    pub url: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The owner's own id for it.
    pub external_id: Option<String>,
}

/// What a visit's page is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSubject {
    /// The host that it lives on.
    pub domain: String,
    /// The path that it lives at.
    pub slug: String,
    /// What it is called.
    pub title: String,
}

/// What these links are known by, also those that are no more.
pub(crate) fn subjects(
    tx: &mut Tx<'_>,
    owner: Owner,
    links: impl IntoIterator<Item = LinkId>,
) -> Result<HashMap<LinkId, Subject>, Error> {
    let mut found = HashMap::new();
    each_ever(tx, owner, links, "domain, slug, url, tags, external_id", |link, row| {
        let subject = Subject {
            domain: row.text("domain")?,
            slug: row.text("slug")?,
            url: row.text("url")?,
            tags: row.parsed("tags", read_tags)?,
            external_id: row.optional_text("external_id")?,
        };
        found.insert(link, subject);
        Ok(())
    })?;
    Ok(found)
}

/// What these pages are known by, while they are there.
pub(crate) fn page_subjects(
    tx: &mut Tx<'_>,
    owner: Owner,
    pages: impl IntoIterator<Item = PageId>,
) -> Result<HashMap<PageId, PageSubject>, Error> {
    let pages: Vec<PageId> = pages.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut found = HashMap::new();
    for pages in pages.chunks(AT_ONCE) {
        let places: Vec<_> = (2..=AT_ONCE + 1).map(|place| format!("${place}")).collect();
        let sql =
            format!("SELECT id, domain, slug, title FROM bio_pages WHERE owner = $1 AND id IN ({})", places.join(", "));
        let mut bound: Vec<Value> = vec![owner.into()];
        bound.extend(pages.iter().map(|page| (*page).into()));
        // One text for every number of pages, so that it is prepared once.
        bound.resize(AT_ONCE + 1, "".into());
        for row in tx.query(&sql, &bound)? {
            let mut row = row.columns("bio_pages");
            let page = row.parsed("id", PageId::parse)?;
            let subject =
                PageSubject { domain: row.text("domain")?, slug: row.text("slug")?, title: row.text("title")? };
            found.insert(page, subject);
        }
    }
    Ok(found)
}
