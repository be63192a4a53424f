//! Pages as the public finds them, whoever owns them: for the card of a page, and for the list of a host's pages that search
//! engines read.

use mask_core::{bio_page::BioPage, id::PageId, slug::Slug, time::Time, workspace::Owner};

use super::row;
use crate::{Error, Store, db::values, workspaces};

/// A published page, as a list of addresses shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPage {
    /// Whose it is.
    pub owner: Owner,
    /// The path that it lives at.
    pub slug: Slug,
    /// When its owner last changed it.
    pub updated_at: Time,
}

impl Store {
    /// A published page by its id, and whose it is.
    pub async fn published_page(&self, id: PageId) -> Result<Option<(BioPage, Owner)>, Error> {
        self.main.read(move |tx| row::published(tx, id)).await
    }

    /// The published pages of a host in the order of their slugs, from after this one on; at most so many.
    pub async fn published_pages(
        &self,
        domain: String,
        after: Option<Slug>,
        limit: usize,
    ) -> Result<Vec<PublishedPage>, Error> {
        let sql = format!(
            "SELECT slug, owner, updated_at FROM bio_pages WHERE domain = $1 AND slug_key > $2 AND published_at IS NOT NULL \
             AND {} ORDER BY slug_key LIMIT $3",
            workspaces::is_there("owner")
        );
        let after = after.map(|slug| slug.key()).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.main
            .scan(move |tx| {
                let rows = tx.query(&sql, &values![domain, after, limit])?;
                let page = |row: crate::db::Row| {
                    let mut row = row.columns("bio_pages");
                    Ok(PublishedPage {
                        slug: row.parsed("slug", Slug::parse)?,
                        owner: Owner::from_number(row.integer("owner")?),
                        updated_at: row.time("updated_at")?,
                    })
                };
                rows.into_iter().map(page).collect()
            })
            .await
    }
}
