//! Bio pages: one row each.
//!
//! A page is small (its blocks are bounded in number, and what is shown of them in bytes) and is shown whole, so its blocks are
//! no rows of their own: whatever is done to one of them is a change of the page, under the page's version and its lock, and
//! positions cannot have gaps. Whoever changes a page gives a function of the page as it is; it runs between the look and the
//! writing, so that two who each add a block at the same moment both do.
//!
//! A slug belongs to one owner for good, as links' do: see [`crate::slugs`].

mod list;
mod public;
mod row;
mod write;

use std::convert::Infallible;

use mask_core::{
    bio_page::{BioPage, Content},
    id::PageId,
    slug::Slug,
    time::Time,
    workspace::Owner,
};

use crate::{
    Address, Error, Expected, Listed, Order, Removed, Slugs, Store,
    replies::{Keep, Once},
    webhooks::{By, Outbox},
};
pub use public::PublishedPage;
pub(crate) use row::at_address;

/// A page to be made.
#[derive(Clone, Debug)]
pub struct NewBioPage {
    /// Its id.
    pub id: PageId,
    /// The host that it will live on.
    pub domain: String,
    /// The path that its owner wants, or paths to try one after the other.
    pub slugs: Slugs,
    /// What its owner sets.
    pub content: Content,
    /// Whether everybody may see it.
    pub is_published: bool,
    /// The time of its making.
    pub now: Time,
}

/// What a page is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PageChange {
    /// Another host.
    pub domain: Option<String>,
    /// Another path.
    pub slug: Option<Slug>,
    /// What its owner sets.
    pub content: Content,
    /// Whether everybody may see it.
    pub is_published: bool,
}

/// Why a page cannot be made, changed or deleted; `E` is why whoever changes it gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpaged<E = Infallible> {
    /// A link or another page lives there.
    SlugTaken,
    /// Something of the same owner, of this id, lived there, and the slug is kept for it.
    SlugReserved(String),
    /// There is no such page.
    Absent,
    /// The page was changed since the caller last saw it.
    Changed,
    /// The change cannot be made to the page as it is.
    Refused(E),
}

/// A page that was made, or why not.
pub type PlacedPage = Result<BioPage, Unpaged>;

/// A page that was changed, with where it lived before, or why not.
pub type ChangedPage<E> = Result<(BioPage, Address), Unpaged<E>>;

/// A page as lists show it, without what it looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct PageSummary {
    /// See [`BioPage::id`].
    pub id: PageId,
    /// See [`BioPage::domain`].
    pub domain: String,
    /// See [`BioPage::slug`].
    pub slug: Slug,
    /// See [`Content::title`].
    pub title: String,
    /// See [`Content::description`].
    pub description: Option<String>,
    /// See [`BioPage::published_at`].
    pub published_at: Option<Time>,
    /// See [`BioPage::views`].
    pub views: i64,
    /// See [`BioPage::version`].
    pub version: i64,
    /// See [`BioPage::created_at`].
    pub created_at: Time,
    /// See [`BioPage::updated_at`].
    pub updated_at: Time,
}

/// Which pages a list has: those that meet every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFilter {
    /// Text that stands in the slug, the title or the description, in any case.
    pub search: Option<String>,
    /// A host.
    pub domain: Option<String>,
    /// Published ones, or drafts.
    pub is_published: Option<bool>,
}

/// Which part of a list of pages is wanted; they are sorted by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOfPages {
    /// Which way it runs.
    pub order: Order,
    /// The last of the part before.
    pub after: Option<PageId>,
    /// Most rows.
    pub limit: usize,
}

impl Store {
    /// Makes a page.
    pub async fn create_bio_page(
        &self,
        by: impl Into<By>,
        new: NewBioPage,
        keep: Option<Keep<PlacedPage>>,
    ) -> Result<Once<PlacedPage>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let outbox = Outbox::of_pages(tx, by, telling, new.now)?;
                write::create(tx, &outbox, &new)
            })
        })
        .await
    }

    /// A page by its id.
    pub async fn bio_page_by_id(&self, owner: Owner, id: PageId) -> Result<Option<BioPage>, Error> {
        self.main.read(move |tx| row::by_id(tx, owner, id)).await
    }

    /// A page of the owner's pages.
    pub async fn list_bio_pages(
        &self,
        owner: Owner,
        filter: PageFilter,
        page: PageOfPages,
    ) -> Result<Listed<PageSummary>, Error> {
        self.main.scan(move |tx| list::pages(tx, owner, &filter, page)).await
    }

    /// Changes a page to what a function says of it as it is; answers it with where it lived before.
    pub async fn update_bio_page<E: Send + 'static>(
        &self,
        by: impl Into<By>,
        id: PageId,
        expected: Expected,
        now: Time,
        keep: Option<Keep<ChangedPage<E>>>,
        edit: impl FnOnce(&BioPage) -> Result<PageChange, E> + Send + 'static,
    ) -> Result<Once<ChangedPage<E>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let outbox = Outbox::of_pages(tx, by, telling, now)?;
                write::update(tx, &outbox, id, &expected, edit)
            })
        })
        .await
    }

    /// Deletes a page. Its slug stays reserved unless it is released; a page that is already gone can still release its slugs.
    /// `Unpaged::Absent` when there is neither a page nor a slug.
    pub async fn delete_bio_page(
        &self,
        by: impl Into<By>,
        id: PageId,
        expected: Expected,
        release_slug: bool,
        now: Time,
    ) -> Result<Result<Removed, Unpaged>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let outbox = Outbox::of_pages(tx, by, telling, now)?;
            write::delete(tx, &outbox, id, &expected, release_slug)
        })
        .await
    }
}
