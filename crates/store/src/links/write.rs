//! Making, changing and deleting links.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use mask_core::{
    action::Action,
    change::Change,
    event::EventKind,
    id::{self, LinkId, TagId},
    link::{Link, Tag},
    slug::Slug,
    time::Time,
    workspace::Owner,
};

use super::{Address, Expected, NewLink, Placed, Removed, Slugs, Unplaced, Upserted, deleted, row};
use crate::{
    Deed, Error, Object,
    db::{Dialect, Tx, Value, values},
    slugs::{self, Holder},
    webhooks::Outbox,
};

const BY_ID: &str = "id = $1 AND owner = $2";

pub(super) fn create(tx: &mut Tx<'_>, outbox: &Outbox, new: &NewLink) -> Result<Placed, Error> {
    let slugs = match &new.slugs {
        Slugs::Wanted(slug) => std::slice::from_ref(slug),
        Slugs::AnyOf(slugs) => slugs,
    };
    let mut answer = Err(Unplaced::SlugTaken);
    for slug in slugs {
        answer = create_at(tx, outbox.owner(), new, slug)?;
        if !matches!(answer, Err(Unplaced::SlugTaken | Unplaced::SlugReserved(_))) {
            break;
        }
    }
    if let Ok(link) = &answer {
        outbox.link(tx, EventKind::LinkCreated, link)?;
        outbox.note(Action::LinkCreated, Deed::made(Object::Link(link)));
    }
    Ok(answer)
}

fn create_at(tx: &mut Tx<'_>, owner: Owner, new: &NewLink, slug: &Slug) -> Result<Placed, Error> {
    let mut all: Vec<Value> =
        values![new.id, owner, &new.domain, slug.as_str(), slug.key(), 0_i64, 1_i64, new.now, new.now].into();
    all.extend(row::content(slug, &new.content));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let (lock, number) = slugs::shared_lock(tx, &new.domain, slug, all.len() + 1);
    all.extend(number);
    let sql = format!(
        "{} INTO links (id, owner, domain, slug, slug_key, clicks, version, created_at, updated_at, {}) VALUES ({}) ON CONFLICT DO NOTHING RETURNING seq{lock}",
        tx.dialect().insert(),
        row::CONTENT.join(", "),
        places.join(", ")
    );
    let Some(inserted) = tx.first(&sql, &all)? else { return clash(tx, owner, new, slug).map(Err) };
    let seq = inserted.columns("links").integer("seq")?;
    // Looked at after the insert: whoever deletes a link at this address, or makes a page there, has committed by now.
    if let Some(why) = reservation(tx, owner, &new.domain, slug, None)? {
        tx.execute("DELETE FROM links WHERE seq = $1", &values![seq])?;
        return Ok(Err(why));
    }
    let link = Link {
        id: new.id,
        domain: new.domain.clone(),
        slug: slug.clone(),
        content: new.content.clone(),
        clicks: 0,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
    };
    write_tags(tx, owner, seq, &link, new.now)?;
    Ok(Ok(link))
}

/// Why nothing was inserted: the address, or else the external id.
fn clash(tx: &mut Tx<'_>, owner: Owner, new: &NewLink, slug: &Slug) -> Result<Unplaced, Error> {
    let is_taken = is_taken(tx, &new.domain, slug)?;
    // Where neither is taken any more, it was the address: every link has one.
    let is_named = !is_taken && is_named(tx, owner, new.content.external_id.as_ref())?;
    Ok(if is_named { Unplaced::ExternalIdTaken } else { Unplaced::SlugTaken })
}

fn is_taken(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM links WHERE domain = $1 AND slug_key = $2";
    Ok(tx.first(sql, &values![domain, slug.key()])?.is_some())
}

/// Whether the owner has a link with this external id.
fn is_named(tx: &mut Tx<'_>, owner: Owner, external_id: Option<&String>) -> Result<bool, Error> {
    let Some(external_id) = external_id else { return Ok(false) };
    let sql = "SELECT 1 FROM links WHERE owner = $1 AND external_id = $2";
    Ok(tx.first(sql, &values![owner, external_id])?.is_some())
}

/// Why this address cannot be had although no link lives there; a link may go back to where it lived itself.
fn reservation(
    tx: &mut Tx<'_>,
    owner: Owner,
    domain: &str,
    slug: &Slug,
    own: Option<LinkId>,
) -> Result<Option<Unplaced>, Error> {
    Ok(match slugs::held_beside_links(tx, domain, slug)? {
        None => None,
        Some(Holder::Gone { id, .. }) if own.is_some_and(|own| own.to_string() == id) => None,
        Some(Holder::Gone { id, owner: holder }) if holder == owner.number() => Some(Unplaced::SlugReserved(id)),
        // Nobody learns of what another owner had.
        Some(Holder::Gone { .. } | Holder::Link | Holder::Page) => Some(Unplaced::SlugTaken),
    })
}

/// Locks the links of a bulk change in the order of their ids, before any of them is changed: two such changes, and the
/// counting of clicks, which goes in the same order, then never wait for each other. SQLite has one writer and no such
/// trouble.
pub(super) fn lock(tx: &mut Tx<'_>, owner: Owner, ids: &[LinkId]) -> Result<(), Error> {
    if tx.dialect() == Dialect::Sqlite || ids.is_empty() {
        return Ok(());
    }
    let places: Vec<_> = (2..).zip(ids).map(|(place, _)| format!("${place}")).collect();
    let bound: Vec<Value> = std::iter::once(owner.into()).chain(ids.iter().map(|id| (*id).into())).collect();
    let sql = format!("SELECT 1 FROM links WHERE owner = $1 AND id IN ({}) ORDER BY id FOR UPDATE", places.join(", "));
    tx.query(&sql, &bound).map(drop)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    id: LinkId,
    expected: &Expected,
    change: &Change,
) -> Result<Result<(Link, Address), Unplaced>, Error> {
    let Some(link) = row::to_change(tx, BY_ID, &values![id, outbox.owner()])? else { return Ok(Err(Unplaced::Absent)) };
    update_to(tx, outbox, link, expected, change)
}

fn update_to(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    old: Link,
    expected: &Expected,
    change: &Change,
) -> Result<Result<(Link, Address), Unplaced>, Error> {
    let (owner, now) = (outbox.owner(), outbox.now());
    if !expected.takes(old.version) {
        return Ok(Err(Unplaced::Changed));
    }
    let address = (old.domain.clone(), old.slug.key());
    let mut new = old.clone();
    change.apply(&mut new.content);
    new.domain = change.domain.clone().unwrap_or(new.domain);
    new.slug = change.slug.clone().unwrap_or(new.slug);
    if new == old {
        return Ok(Ok((old, address)));
    }
    new.version += 1;
    new.updated_at = now;
    let moves = (&new.domain, new.slug.key()) != (&address.0, address.1.clone());
    if moves {
        slugs::share(tx, &new.domain, &new.slug)?;
    }
    if let Some(why) = obstacle(tx, owner, &old, &new, moves)? {
        return Ok(Err(why));
    }
    // Between the look and the writing somebody else may take the address or the external id; then we look again.
    let is_contested = moves || new.content.external_id != old.content.external_id;
    if !is_contested {
        write(tx, &new)?;
    } else if tx.attempt(|tx| write(tx, &new))?.is_none() {
        let why = obstacle(tx, owner, &old, &new, moves)?;
        return why.map_or_else(|| Err(vanished()), |why| Ok(Err(why)));
    }
    if moves {
        slugs::let_back(tx, &new.domain, &new.slug, &new.id.to_string())?;
        slugs::keep(tx, owner, &old.domain, &old.slug, &old.id.to_string(), now)?;
    }
    let tied = |link: &Link| (link.content.tags.clone(), link.domain.clone(), link.content.is_archived);
    if tied(&new) != tied(&old) {
        let seq = tx
            .first("SELECT seq FROM links WHERE id = $1", &values![new.id])?
            .map(|row| row.columns("links").integer("seq"))
            .transpose()?;
        let seq = seq.unwrap_or_default();
        tx.execute("DELETE FROM link_tags WHERE link = $1", &values![seq])?;
        write_tags(tx, owner, seq, &new, now)?;
    }
    outbox.link(tx, EventKind::LinkUpdated, &new)?;
    outbox.note(Action::LinkUpdated, Deed::of(Object::Link(&old), Object::Link(&new)));
    Ok(Ok((new, address)))
}

/// What stands in the way of a change.
fn obstacle(tx: &mut Tx<'_>, owner: Owner, old: &Link, new: &Link, moves: bool) -> Result<Option<Unplaced>, Error> {
    if moves {
        if is_taken(tx, &new.domain, &new.slug)? {
            return Ok(Some(Unplaced::SlugTaken));
        }
        if let Some(why) = reservation(tx, owner, &new.domain, &new.slug, Some(old.id))? {
            return Ok(Some(why));
        }
    }
    let (was, is) = (&old.content.external_id, &new.content.external_id);
    Ok(if was != is && is_named(tx, owner, is.as_ref())? { Some(Unplaced::ExternalIdTaken) } else { None })
}

fn write(tx: &mut Tx<'_>, link: &Link) -> Result<(), Error> {
    let mut all: Vec<Value> =
        values![link.id, &link.domain, link.slug.as_str(), link.slug.key(), link.version, link.updated_at].into();
    let sets: Vec<_> =
        (all.len() + 1..).zip(row::CONTENT).map(|(place, column)| format!("{column} = ${place}")).collect();
    all.extend(row::content(&link.slug, &link.content));
    let sql = format!(
        "UPDATE links SET domain = $2, slug = $3, slug_key = $4, version = $5, updated_at = $6, {} WHERE id = $1",
        sets.join(", ")
    );
    tx.execute(&sql, &all).map(drop)
}

pub(super) fn upsert(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    expected: &Expected,
    new: &NewLink,
    change: &Change,
) -> Result<Result<Upserted, Unplaced>, Error> {
    let owner = outbox.owner();
    let find = |tx: &mut Tx<'_>| match &new.content.external_id {
        Some(external_id) => row::to_change(tx, "owner = $1 AND external_id = $2", &values![owner, external_id]),
        None => Ok(None),
    };
    let found = match find(tx)? {
        Some(link) => link,
        None if !expected.takes_absence() => return Ok(Err(Unplaced::Changed)),
        None => match create(tx, outbox, new)? {
            // Somebody else made it since we looked.
            Err(Unplaced::ExternalIdTaken) => find(tx)?.ok_or_else(vanished)?,
            placed => return Ok(placed.map(Upserted::Created)),
        },
    };
    let updated = update_to(tx, outbox, found, expected, change)?;
    Ok(updated.map(|(link, address)| Upserted::Updated(link, address)))
}

/// What stood in the way a moment ago does so no more.
fn vanished() -> Error {
    Error::Unavailable("another change came first, and was taken back".to_owned())
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    outbox: &Outbox,
    id: LinkId,
    expected: &Expected,
    release_slug: bool,
) -> Result<Result<Removed, Unplaced>, Error> {
    let (owner, now) = (outbox.owner(), outbox.now());
    let link = row::to_change(tx, BY_ID, &values![id, owner])?;
    let mut addresses = Vec::new();
    if let Some(link) = &link {
        if !expected.takes(link.version) {
            return Ok(Err(Unplaced::Changed));
        }
        deleted::keep(tx, id, now)?;
        tx.execute("DELETE FROM link_tags WHERE link = (SELECT seq FROM links WHERE id = $1)", &values![id])?;
        tx.execute("DELETE FROM links WHERE id = $1", &values![id])?;
        addresses.push((link.domain.clone(), link.slug.key()));
        if !release_slug {
            slugs::keep(tx, owner, &link.domain, &link.slug, &id.to_string(), now)?;
        }
        outbox.link(tx, EventKind::LinkDeleted, link)?;
        outbox.note(Action::LinkDeleted, Deed::deleted(Object::Link(link)));
    }
    if release_slug {
        let freed = slugs::release(tx, owner, &id.to_string())?;
        if link.is_none() && !freed.is_empty() {
            outbox.note(Action::LinkReleased, Deed::deleted(Object::Gone(&id.to_string())));
        }
        outbox.touch(&freed);
        addresses.extend(freed);
    }
    Ok(if link.is_none() && addresses.is_empty() { Err(Unplaced::Absent) } else { Ok(Removed { addresses }) })
}

/// Ties a link to its tags, which are made when they are first used.
fn write_tags(tx: &mut Tx<'_>, owner: Owner, seq: i64, link: &Link, now: Time) -> Result<(), Error> {
    let mut tags: Vec<_> = (0_u8..).zip(&link.content.tags).collect();
    // In one order for all: two links that make the same tags at the same moment then never wait for each other.
    tags.sort_by_key(|(_, tag)| *tag);
    for (place, tag) in tags {
        // Most tags are there.
        let number = if let Some(number) = tag_number(tx, owner, tag)? {
            number
        } else {
            make_tag(tx, owner, tag, tag_id(owner, tag, place, link.id, now), now)?;
            tag_number(tx, owner, tag)?.ok_or_else(vanished)?
        };
        let sql =
            "INSERT INTO link_tags (tag, is_archived, domain, link) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        tx.execute(sql, &values![number, link.content.is_archived, &link.domain, seq])?;
    }
    Ok(())
}

/// Makes the tags of several links before the first of them is made, in one order for all: two such steps that first use
/// the same tags, each on other links, then never wait for each other. SQLite has one writer and no such trouble. A tag is
/// shown while a link has it, so one whose link comes to nothing is nowhere seen.
pub(super) fn make_tags(tx: &mut Tx<'_>, owner: Owner, links: &[NewLink]) -> Result<(), Error> {
    if tx.dialect() == Dialect::Sqlite || links.len() < 2 {
        return Ok(());
    }
    let mut tags = BTreeMap::new();
    for link in links {
        for (place, tag) in (0_u8..).zip(&link.content.tags) {
            tags.entry(tag).or_insert_with(|| (tag_id(owner, tag, place, link.id, link.now), link.now));
        }
    }
    for (tag, (id, now)) in tags {
        make_tag(tx, owner, tag, id, now)?;
    }
    Ok(())
}

fn tag_number(tx: &mut Tx<'_>, owner: Owner, tag: &Tag) -> Result<Option<i64>, Error> {
    let row = tx.first("SELECT seq FROM tags WHERE owner = $1 AND name = $2", &values![owner, tag.as_str()])?;
    row.map(|row| row.columns("tags").integer("seq")).transpose()
}

/// Makes a tag that is not there.
fn make_tag(tx: &mut Tx<'_>, owner: Owner, tag: &Tag, id: TagId, now: Time) -> Result<(), Error> {
    let sql =
        "INSERT INTO tags (id, owner, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, name) DO NOTHING";
    tx.execute(sql, &values![id.to_string(), owner, tag.as_str(), now]).map(drop)
}

/// The id of a tag, should it be new. Its chance is a hash of what makes the tag unique and of a link's id, which
/// nobody can foretell: ids made one after the other are no further apart than a step, so counting on from the link's
/// would meet those of the next. Below the time comes the tag's place, so that tags made together stay in order.
fn tag_id(owner: Owner, tag: &Tag, place: u8, link: LinkId, now: Time) -> TagId {
    let mut hasher = DefaultHasher::new();
    (owner.number(), tag.as_str(), link.bits()).hash(&mut hasher);
    let chance = u128::from(place) << 72 | (link.bits() & 0xff) << 64 | u128::from(hasher.finish());
    TagId::from_bits(id::at(now, chance))
}
