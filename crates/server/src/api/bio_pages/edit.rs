//! Changing a page: what all changes have in common, be it of the page or of one of its blocks.
//!
//! A change is a function of the page as it is, and says either what the page is to be or what is wrong with what was asked.
//! It is called twice: with the page as it was read, to learn what there is to complain of and which pictures to fetch; and
//! again within the step that writes, with the page as it is then, so that nobody's change is lost. Between the two somebody
//! else may have taken away a picture that the change counted on; then it begins anew.

use std::sync::Arc;

use mask_core::{
    bio_page::{
        BioPage,
        block::{Data, EmailMode},
    },
    id::PageId,
    workspace::Owner,
};
use mask_store::{Address, By, ChangedPage, Expected, Keep, PageChange, Unpaged};

use super::{absent, album::Album, input::World, unpaged};
use crate::{
    api::{Api, error::ApiError, fields::Problems, once, version},
    mail::About,
};

/// How often a change begins anew before it is given up.
const TURNS: usize = 5;

/// What a page is to be, or nothing where there are problems; or why nobody can tell.
pub(super) type Made = Result<Option<PageChange>, ApiError>;

/// A change of a page.
pub(super) trait Change:
    Fn(&BioPage, World<'_>, &mut Album, &mut Problems) -> Made + Clone + Send + Sync + 'static
{
}

impl<F> Change for F where F: Fn(&BioPage, World<'_>, &mut Album, &mut Problems) -> Made + Clone + Send + Sync + 'static {}

/// Why a change was not made in the step that writes.
#[derive(Debug)]
pub(super) enum Unmade {
    /// It cannot be made to the page as it is.
    Refused(ApiError),
    /// A picture that it needs was there when the page was read, and is no more.
    Stale,
}

/// The change, once it is done: the page, and where it lived before. Or the answer of when it was done before.
pub(super) type Edited = Result<(BioPage, Address), mask_store::Kept>;

/// What a change is about.
#[derive(Clone)]
pub(super) struct Edit {
    pub api: Arc<Api>,
    pub by: By,
    pub id: PageId,
    pub expected: Expected,
}

impl Edit {
    /// Makes the change, and has the redirect forget what it changed.
    pub(super) async fn make<F>(self, change: F) -> Result<BioPage, ApiError>
    where
        F: Change,
    {
        match self.make_once(None, change).await? {
            Ok((page, _)) => Ok(page),
            Err(_) => Err(ApiError::internal()),
        }
    }

    /// The same for what is to be done once. What is kept is kept of the first turn, so the change must not count on pictures
    /// that the page has.
    pub(super) async fn make_once<F>(
        self,
        keep: Option<Keep<ChangedPage<Unmade>>>,
        change: F,
    ) -> Result<Edited, ApiError>
    where
        F: Change,
    {
        let mut keep = keep;
        let mut album = Album::default();
        for _ in 0..TURNS {
            self.prepare(&mut album, &change).await?;
            match self.write(album.clone(), keep.take(), change.clone()).await? {
                Ok(Err(Unpaged::Refused(Unmade::Stale))) => {}
                Ok(Err(why)) => return Err(unpaged(&why)),
                Ok(Ok((page, was))) => {
                    self.api.redirects.forget(&was.0, &was.1);
                    self.api.redirects.forget(&page.domain, &page.slug.key());
                    ask_recipients(&self.api, self.by.owner, &page).await;
                    return Ok(Ok((page, was)));
                }
                Err(kept) => return Ok(Err(kept)),
            }
        }
        Err(ApiError::unavailable())
    }

    /// Says what is wrong with the change of the page as it is, and fetches the pictures that it needs.
    async fn prepare<F>(&self, album: &mut Album, change: &F) -> Result<(), ApiError>
    where
        F: Change,
    {
        let page = self.api.store.bio_page_by_id(self.by.owner, self.id).await?.ok_or_else(absent)?;
        if !self.expected.takes(page.version) {
            return Err(version::changed());
        }
        album.add(&page);
        let mut problems = Problems::default();
        change(&page, self.world(), album, &mut problems)?;
        album.fetch(&self.api.pictures, &mut problems).await?;
        problems.check()
    }

    async fn write<F>(
        &self,
        album: Album,
        keep: Option<Keep<ChangedPage<Unmade>>>,
        change: F,
    ) -> Result<Result<ChangedPage<Unmade>, mask_store::Kept>, ApiError>
    where
        F: Change,
    {
        let edit = self.clone();
        let step = move |page: &BioPage| {
            let mut album = album;
            album.add(page);
            let mut problems = Problems::default();
            let made = change(page, edit.world(), &mut album, &mut problems).map_err(Unmade::Refused)?;
            if !album.is_complete() {
                return Err(Unmade::Stale);
            }
            problems.check().map_err(Unmade::Refused)?;
            made.ok_or_else(|| Unmade::Refused(ApiError::internal()))
        };
        let (by, now) = (self.by.clone(), self.api.clock.now());
        let expected = self.expected.clone();
        once::done(self.api.store.update_bio_page(by, self.id, expected, now, keep, step).await?)
    }

    fn world(&self) -> World<'_> {
        World { api: &self.api, owner: self.by.owner, now: self.api.clock.now() }
    }
}

/// Asks the addresses that a page names for its messages whether they want them. Where that does not work now, the first
/// message does it.
pub(super) async fn ask_recipients(api: &Api, owner: Owner, page: &BioPage) {
    if !api.letters.is_mailing() {
        return;
    }
    let url = api.redirects.short_url(&page.domain, page.slug.as_str());
    let about = About { title: &page.content.title, url: &url };
    for block in &page.content.blocks {
        let Data::Email { mode: EmailMode::Contact, notify_email: Some(email), .. } = &block.data else { continue };
        let new = api.letters.recipient(about, email, api.clock.now());
        if let Err(error) = api.store.ask_recipient(owner, new).await {
            tracing::warn!(%error, page = %page.id, "an address for messages could not be asked yet");
        }
    }
}
