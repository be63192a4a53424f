//! Links: one row each, their tags beside them, and the slugs that stay reserved when a link is gone.
//!
//! A slug belongs to one owner for good: a link that is deleted or renamed leaves its old slug in `reserved_slugs`, so
//! that a printed code can never be taken over by somebody else. Only its owner frees it. What a deleted link was stays in
//! `deleted_links`, for its statistics.

mod deleted;
mod list;
mod row;
mod write;

use mask_core::{
    bio_page::BioPage,
    change::Change,
    cursor::Cursor,
    id::LinkId,
    link::{Content, Link},
    slug::Slug,
    time::Time,
    workspace::Owner,
};

use crate::{
    Error, Store,
    db::{Tx, values},
    replies::{Keep, Once},
    webhooks::{By, Outbox},
};

pub(crate) use deleted::{each_ever, each_ever_within};
pub(crate) use list::like;
pub(crate) use row::{fold, read_tags};

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Its id.
    pub id: LinkId,
    /// The host that it will live on.
    pub domain: String,
    /// The path that its owner wants, or paths to try one after the other.
    pub slugs: Slugs,
    /// What its owner sets.
    pub content: Content,
    /// The time of its making.
    pub now: Time,
}

/// Where a new link wants to live.
#[derive(Clone, Debug)]
pub enum Slugs {
    /// Exactly here.
    Wanted(Slug),
    /// At the first of these that is free.
    AnyOf(Vec<Slug>),
}

/// A link that was made, or why not.
pub type Placed = Result<Link, Unplaced>;

/// Why a link cannot live where it wants to, or be what it wants to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// Another link lives there, or a bio page.
    SlugTaken,
    /// Something of the same owner, of this id, lived there, and the slug is kept for it.
    SlugReserved(String),
    /// Another link of the owner has this external id.
    ExternalIdTaken,
    /// There is no such link.
    Absent,
    /// The link was changed since the caller last saw it.
    Changed,
}

/// What lives at an address, as the redirect finds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A link lives there.
    Link(Box<Link>, Owner),
    /// A bio page lives there, published or not.
    Page(Box<BioPage>, Owner),
    /// Something lived there.
    Gone,
    /// Nothing ever lived there.
    Nothing,
}

impl Found {
    /// Whose it is that was found.
    pub const fn owner(&self) -> Option<Owner> {
        match self {
            Self::Link(_, owner) | Self::Page(_, owner) => Some(*owner),
            Self::Gone | Self::Nothing => None,
        }
    }
}

/// What was done about a link with an external id.
#[derive(Clone, Debug, PartialEq)]
pub enum Upserted {
    /// It was made.
    Created(Link),
    /// It was there, and was changed; beside it is where it lived before.
    Updated(Link, Address),
}

/// Host and slug key: what the redirect looks up.
pub type Address = (String, String);

/// A link that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Where the link lived, and whatever else was freed with it.
    pub addresses: Vec<Address>,
}

/// What the caller of a change knows of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    AnyVersion,
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It is at none of these versions, if it is there.
    NoneOf(Vec<i64>),
    /// It is at one of these versions.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Whether an object at this version is the one that the caller knows.
    pub fn takes(&self, version: i64) -> bool {
        match self {
            Self::AnyVersion | Self::Present => true,
            Self::Absent => false,
            Self::NoneOf(known) => !known.contains(&version),
            Self::OneOf(known) => known.contains(&version),
        }
    }

    /// Whether the object need not be there at all.
    pub const fn takes_absence(&self) -> bool {
        matches!(self, Self::AnyVersion | Self::Absent | Self::NoneOf(_))
    }
}

/// What a list is sorted by; the id decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When the links were made.
    #[default]
    CreatedAt,
    /// How often they were followed.
    Clicks,
    /// When their owner last changed them.
    UpdatedAt,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    #[default]
    Descending,
}

/// Which links a list has: those that meet every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Text that stands in the slug, the destination, the title, a tag or the external id, in any case. Shorter than
    /// three characters, it must begin the slug.
    pub search: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A host.
    pub domain: Option<String>,
    /// Made at this moment or later.
    pub created_after: Option<Time>,
    /// Made before this moment.
    pub created_before: Option<Time>,
    /// The owner's own id.
    pub external_id: Option<String>,
    /// Archived links, in place of those that are not.
    pub is_archived: bool,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the list is sorted by.
    pub sort: Sort,
    /// Which way it runs.
    pub order: Order,
    /// The end of the page before.
    pub after: Option<Cursor>,
    /// Most rows.
    pub limit: usize,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Listed<T> {
    /// A page of a list in the order of its ids. One row more than the page may have is read, to see whether there is a next.
    pub(crate) fn of(mut rows: Vec<T>, limit: usize, id: impl FnOnce(&T) -> String) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| Cursor { id: id(last), sort: None });
        Self { rows, next }
    }
}

impl Store {
    /// Makes a link.
    pub async fn create_link(
        &self,
        by: impl Into<By>,
        new: NewLink,
        keep: Option<Keep<Placed>>,
    ) -> Result<Once<Placed>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let outbox = Outbox::of_links(tx, by, telling, new.now)?;
                write::create(tx, &outbox, &new)
            })
        })
        .await
    }

    /// Makes several links; each stands or falls on its own.
    pub async fn create_links(
        &self,
        by: impl Into<By>,
        new: Vec<NewLink>,
        keep: Option<Keep<Vec<Placed>>>,
    ) -> Result<Once<Vec<Placed>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let Some(first) = new.first() else { return Ok(Vec::new()) };
                let outbox = Outbox::of_links(tx, by, telling, first.now)?;
                write::make_tags(tx, outbox.owner(), &new)?;
                new.iter().map(|new| write::create(tx, &outbox, new)).collect()
            })
        })
        .await
    }

    /// A link by its id.
    pub async fn link_by_id(&self, owner: Owner, id: LinkId) -> Result<Option<Link>, Error> {
        self.main.read(move |tx| row::by_id(tx, owner, id)).await
    }

    /// A link by where it lives.
    pub async fn link_by_address(&self, owner: Owner, domain: String, slug_key: String) -> Result<Option<Link>, Error> {
        self.main
            .read(move |tx| {
                let sql = row::select("domain = $1 AND slug_key = $2 AND owner = $3");
                tx.first(&sql, &values![domain, slug_key, owner])?.map(row::link).transpose()
            })
            .await
    }

    /// What lives at an address, whoever owns it: for the redirect.
    pub async fn find_link(&self, domain: String, slug_key: String) -> Result<Found, Error> {
        self.main.read(move |tx| row::find(tx, &domain, &slug_key)).await
    }

    /// A page of the owner's links.
    pub async fn list_links(&self, owner: Owner, filter: Filter, page: Page) -> Result<Listed<Link>, Error> {
        self.main.scan(move |tx| list::links(tx, owner, &filter, &page)).await
    }

    /// Changes a link; answers it with where it lived before.
    pub async fn update_link(
        &self,
        by: impl Into<By>,
        id: LinkId,
        expected: Expected,
        change: Change,
        now: Time,
    ) -> Result<Result<(Link, Address), Unplaced>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let outbox = Outbox::of_links(tx, by, telling, now)?;
            write::update(tx, &outbox, id, &expected, &change)
        })
        .await
    }

    /// Makes the same change to several links; each stands or falls on its own.
    pub async fn update_links(
        &self,
        by: impl Into<By>,
        ids: Vec<LinkId>,
        change: Change,
        now: Time,
    ) -> Result<Vec<Result<(Link, Address), Unplaced>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            write::lock(tx, by.owner, &ids)?;
            let outbox = Outbox::of_links(tx, by, telling, now)?;
            ids.iter().map(|id| write::update(tx, &outbox, *id, &Expected::AnyVersion, &change)).collect()
        })
        .await
    }

    /// Makes the link with this external id, or changes it where it is there. Whoever expects a version of it makes none:
    /// `Unplaced::Changed` where it is not there.
    pub async fn upsert_link(
        &self,
        by: impl Into<By>,
        expected: Expected,
        new: NewLink,
        change: Change,
    ) -> Result<Result<Upserted, Unplaced>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let outbox = Outbox::of_links(tx, by, telling, new.now)?;
            write::upsert(tx, &outbox, &expected, &new, &change)
        })
        .await
    }

    /// The link with this external id.
    pub async fn link_by_external_id(&self, owner: Owner, external_id: String) -> Result<Option<Link>, Error> {
        self.main
            .read(move |tx| {
                tx.first(&row::select("owner = $1 AND external_id = $2"), &values![owner, external_id])?
                    .map(row::link)
                    .transpose()
            })
            .await
    }

    /// Deletes a link; what it was is kept for its statistics. Its slug stays reserved unless it is released; a link that
    /// is already gone can still release its slugs. `Unplaced::Absent` when there is neither a link nor a slug.
    pub async fn delete_link(
        &self,
        by: impl Into<By>,
        id: LinkId,
        expected: Expected,
        release_slug: bool,
        now: Time,
    ) -> Result<Result<Removed, Unplaced>, Error> {
        let by = by.into();
        let owner = by.owner;
        let deleted = self.change(move |tx, telling| {
            let outbox = Outbox::of_links(tx, by, telling, now)?;
            write::delete(tx, &outbox, id, &expected, release_slug)
        });
        let deleted = deleted.await;
        self.catalogs.forget(owner);
        deleted
    }

    /// Deletes several links; each stands or falls on its own.
    pub async fn delete_links(
        &self,
        by: impl Into<By>,
        ids: Vec<LinkId>,
        release_slug: bool,
        now: Time,
    ) -> Result<Vec<Result<Removed, Unplaced>>, Error> {
        let by = by.into();
        let owner = by.owner;
        let deleted = self.change(move |tx, telling| {
            write::lock(tx, by.owner, &ids)?;
            let outbox = Outbox::of_links(tx, by, telling, now)?;
            ids.iter().map(|id| write::delete(tx, &outbox, *id, &Expected::AnyVersion, release_slug)).collect()
        });
        let deleted = deleted.await;
        self.catalogs.forget(owner);
        deleted
    }

    /// How many links there are, of all owners: for start-up and diagnosis.
    pub async fn count_links(&self) -> Result<i64, Error> {
        self.main
            .scan(|tx: &mut Tx<'_>| {
                tx.first("SELECT count(*) FROM links", &[])?.map_or(Ok(0), |row| row.columns("links").integer("count"))
            })
            .await
    }
}
