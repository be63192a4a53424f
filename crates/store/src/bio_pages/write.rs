//! Making, changing and deleting pages.

use mask_core::{action::Action, bio_page::BioPage, id::PageId, slug::Slug, workspace::Owner};

use super::{NewBioPage, PageChange, Unpaged, row};
use crate::{
    Address, Deed, Error, Expected, Object, Removed, Slugs,
    db::{Tx, Value, values},
    slugs::{self, Holder},
    webhooks::Outbox,
};

pub(super) fn create<E>(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    new: &NewBioPage,
) -> Result<Result<BioPage, Unpaged<E>>, Error> {
    let slugs = match &new.slugs {
        Slugs::Wanted(slug) => std::slice::from_ref(slug),
        Slugs::AnyOf(slugs) => slugs,
    };
    let mut answer = Err(Unpaged::SlugTaken);
    for slug in slugs {
        slugs::take(tx, &new.domain, slug)?;
        if let Some(why) = obstacle(tx, outbox.owner(), &new.domain, slug, None)? {
            answer = Err(why);
            continue;
        }
        let page = BioPage {
            id: new.id,
            domain: new.domain.clone(),
            slug: slug.clone(),
            content: new.content.clone(),
            published_at: new.is_published.then_some(new.now),
            views: 0,
            version: 1,
            created_at: new.now,
            updated_at: new.now,
        };
        insert(tx, outbox.owner(), &page)?;
        if page.is_published() {
            outbox.page_published(tx, &page)?;
        }
        outbox.note(Action::PageCreated, Deed::made(Object::Page(&page)));
        return Ok(Ok(page));
    }
    Ok(answer)
}

fn insert(tx: &mut Tx<'_>, owner: Owner, page: &BioPage) -> Result<(), Error> {
    let mut all: Vec<Value> = values![
        page.id,
        owner,
        &page.domain,
        page.slug.as_str(),
        page.slug.key(),
        page.published_at,
        page.views,
        page.version,
        page.created_at,
        page.updated_at,
    ]
    .into();
    all.extend(row::content(&page.slug, &page.content));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO bio_pages (id, owner, domain, slug, slug_key, published_at, views, version, created_at, updated_at, {}) VALUES ({})",
        row::CONTENT.join(", "),
        places.join(", ")
    );
    tx.execute(&sql, &all).map(drop)
}

/// Why a page cannot live at an address; one may go back to where it lived itself.
fn obstacle<E>(
    tx: &mut Tx<'_>,
    owner: Owner,
    domain: &str,
    slug: &Slug,
    own: Option<PageId>,
) -> Result<Option<Unpaged<E>>, Error> {
    Ok(match slugs::held(tx, domain, slug)? {
        None => None,
        Some(Holder::Gone { id, .. }) if own.is_some_and(|own| own.to_string() == id) => None,
        Some(Holder::Gone { id, owner: holder }) if holder == owner.number() => Some(Unpaged::SlugReserved(id)),
        // Nobody learns of what another owner had.
        Some(Holder::Gone { .. } | Holder::Link | Holder::Page) => Some(Unpaged::SlugTaken),
    })
}

pub(super) fn update<E>(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    id: PageId,
    expected: &Expected,
    edit: impl FnOnce(&BioPage) -> Result<PageChange, E>,
) -> Result<Result<(BioPage, Address), Unpaged<E>>, Error> {
    let Some(old) = row::to_change(tx, outbox.owner(), id)? else { return Ok(Err(Unpaged::Absent)) };
    if !expected.takes(old.version) {
        return Ok(Err(Unpaged::Changed));
    }
    let PageChange { domain, slug, content, is_published } = match edit(&old) {
        Ok(change) => change,
        Err(why) => return Ok(Err(Unpaged::Refused(why))),
    };
    let address = (old.domain.clone(), old.slug.key());
    let mut new = BioPage {
        domain: domain.unwrap_or_else(|| old.domain.clone()),
        slug: slug.unwrap_or_else(|| old.slug.clone()),
        content,
        published_at: if is_published { old.published_at.or(Some(outbox.now())) } else { None },
        ..old.clone()
    };
    if new == old {
        return Ok(Ok((old, address)));
    }
    new.version += 1;
    new.updated_at = outbox.now();
    let moves = new.domain != address.0 || new.slug.key() != address.1;
    if moves {
        slugs::take(tx, &new.domain, &new.slug)?;
        if let Some(why) = obstacle(tx, outbox.owner(), &new.domain, &new.slug, Some(id))? {
            return Ok(Err(why));
        }
        slugs::let_back(tx, &new.domain, &new.slug, &id.to_string())?;
        write(tx, &new)?;
        slugs::keep(tx, outbox.owner(), &old.domain, &old.slug, &id.to_string(), outbox.now())?;
    } else {
        write(tx, &new)?;
    }
    if new.is_published() && !old.is_published() {
        outbox.page_published(tx, &new)?;
    }
    outbox.note(Action::PageUpdated, Deed::of(Object::Page(&old), Object::Page(&new)));
    Ok(Ok((new, address)))
}

fn write(tx: &mut Tx<'_>, page: &BioPage) -> Result<(), Error> {
    let mut all: Vec<Value> = values![
        page.id,
        &page.domain,
        page.slug.as_str(),
        page.slug.key(),
        page.published_at,
        page.version,
        page.updated_at,
    ]
    .into();
    let sets: Vec<_> =
        (all.len() + 1..).zip(row::CONTENT).map(|(place, column)| format!("{column} = ${place}")).collect();
    all.extend(row::content(&page.slug, &page.content));
    let sql = format!(
        "UPDATE bio_pages SET domain = $2, slug = $3, slug_key = $4, published_at = $5, version = $6, updated_at = $7, {} WHERE id = $1",
        sets.join(", ")
    );
    tx.execute(&sql, &all).map(drop)
}

pub(super) fn delete<E>(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    id: PageId,
    expected: &Expected,
    release_slug: bool,
) -> Result<Result<Removed, Unpaged<E>>, Error> {
    let page = row::to_change(tx, outbox.owner(), id)?;
    let mut addresses = Vec::new();
    if let Some(page) = &page {
        if !expected.takes(page.version) {
            return Ok(Err(Unpaged::Changed));
        }
        tx.execute("DELETE FROM bio_pages WHERE id = $1", &values![id])?;
        addresses.push((page.domain.clone(), page.slug.key()));
        if !release_slug {
            slugs::keep(tx, outbox.owner(), &page.domain, &page.slug, &id.to_string(), outbox.now())?;
        }
        outbox.note(Action::PageDeleted, Deed::deleted(Object::Page(page)));
    }
    if release_slug {
        let freed = slugs::release(tx, outbox.owner(), &id.to_string())?;
        if page.is_none() && !freed.is_empty() {
            outbox.note(Action::PageReleased, Deed::deleted(Object::Gone(&id.to_string())));
        }
        outbox.touch(&freed);
        addresses.extend(freed);
    }
    Ok(if addresses.is_empty() { Err(Unpaged::Absent) } else { Ok(Removed { addresses }) })
}
