//! Making, changing and deleting links.

use mask_core::{
    change::Change,
    id::{self, LinkId, TagId},
    link::{Link, Tag},
    slug::Slug,
    time::Time,
    workspace::Owner,
};

use super::{Address, Expected, NewLink, Placed, Removed, Slugs, Unplaced, Upserted, row};
use crate::{
    Error,
    db::{Tx, Value, values},
};

pub(super) fn create(tx: &mut Tx<'_>, owner: Owner, new: &NewLink) -> Result<Placed, Error> {
    let slugs = match &new.slugs {
        Slugs::Wanted(slug) => std::slice::from_ref(slug),
        Slugs::AnyOf(slugs) => slugs,
    };
    let mut answer = Err(Unplaced::SlugTaken);
    for slug in slugs {
        answer = create_at(tx, owner, new, slug)?;
        if !matches!(answer, Err(Unplaced::SlugTaken | Unplaced::SlugReserved(_))) {
            break;
        }
    }
    Ok(answer)
}

fn create_at(tx: &mut Tx<'_>, owner: Owner, new: &NewLink, slug: &Slug) -> Result<Placed, Error> {
    let mut all: Vec<Value> =
        values![new.id, owner, &new.domain, slug.as_str(), slug.key(), 0_i64, 1_i64, new.now, new.now].into();
    all.extend(row::content(slug, &new.content));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO links (id, owner, domain, slug, slug_key, clicks, version, created_at, updated_at, {}) VALUES ({}) ON CONFLICT DO NOTHING RETURNING seq",
        row::CONTENT.join(", "),
        places.join(", ")
    );
    let Some(inserted) = tx.first(&sql, &all)? else { return clash(tx, &new.domain, slug).map(Err) };
    let seq = inserted.columns("links").integer("seq")?;
    // Looked at after the insert: whoever deletes a link at this address at the same moment has committed by now.
    if let Some(why) = reservation(tx, owner, &new.domain, slug, None)? {
        tx.execute("DELETE FROM links WHERE seq = $1", &values![seq])?;
        return Ok(Err(why));
    }
    write_tags(tx, owner, seq, &new.content.tags, new.id, new.now)?;
    Ok(Ok(Link {
        id: new.id,
        domain: new.domain.clone(),
        slug: slug.clone(),
        content: new.content.clone(),
        clicks: 0,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
    }))
}

/// Why nothing was inserted: the address, or else the external id.
fn clash(tx: &mut Tx<'_>, domain: &str, slug: &Slug) -> Result<Unplaced, Error> {
    let taken = tx.first("SELECT 1 FROM links WHERE domain = $1 AND slug_key = $2", &values![domain, slug.key()])?;
    Ok(if taken.is_some() { Unplaced::SlugTaken } else { Unplaced::ExternalIdTaken })
}

/// Why this address cannot be had although no link lives there; a link may go back to where it lived itself.
fn reservation(
    tx: &mut Tx<'_>,
    owner: Owner,
    domain: &str,
    slug: &Slug,
    own: Option<LinkId>,
) -> Result<Option<Unplaced>, Error> {
    let sql = "SELECT link_id, owner FROM reserved_slugs WHERE domain = $1 AND slug_key = $2";
    let Some(row) = tx.first(sql, &values![domain, slug.key()])? else { return Ok(None) };
    let mut row = row.columns("reserved_slugs");
    let (link, holder) = (row.text("link_id")?, row.integer("owner")?);
    if own.is_some_and(|id| id.to_string() == link) {
        tx.execute("DELETE FROM reserved_slugs WHERE domain = $1 AND slug_key = $2", &values![domain, slug.key()])?;
        return Ok(None);
    }
    // Nobody learns of another owner's link.
    Ok(Some(if holder == owner.number() { Unplaced::SlugReserved(link) } else { Unplaced::SlugTaken }))
}

fn reserve(tx: &mut Tx<'_>, owner: Owner, domain: &str, slug: &Slug, link: LinkId, now: Time) -> Result<(), Error> {
    let sql = "INSERT INTO reserved_slugs (domain, slug_key, owner, link_id, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    tx.execute(sql, &values![domain, slug.key(), owner, link, now]).map(drop)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    owner: Owner,
    id: LinkId,
    expected: Expected,
    change: &Change,
    now: Time,
) -> Result<Result<(Link, Address), Unplaced>, Error> {
    let Some(link) = row::by_id(tx, owner, id)? else { return Ok(Err(Unplaced::Absent)) };
    update_to(tx, owner, link, expected, change, now)
}

fn update_to(
    tx: &mut Tx<'_>,
    owner: Owner,
    old: Link,
    expected: Expected,
    change: &Change,
    now: Time,
) -> Result<Result<(Link, Address), Unplaced>, Error> {
    if matches!(expected, Expected::Version(version) if version != old.version) {
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
    if let Some(why) = obstacle(tx, owner, &old, &new, moves)? {
        return Ok(Err(why));
    }
    // The version in the condition is the lock: on PostgreSQL another change may come between the read and this.
    if !write(tx, &new, old.version)? {
        return Ok(Err(Unplaced::Changed));
    }
    if moves {
        reserve(tx, owner, &old.domain, &old.slug, old.id, now)?;
    }
    if new.content.tags != old.content.tags {
        let seq = tx
            .first("SELECT seq FROM links WHERE id = $1", &values![new.id])?
            .map(|row| row.columns("links").integer("seq"))
            .transpose()?;
        let seq = seq.unwrap_or_default();
        tx.execute("DELETE FROM link_tags WHERE link = $1", &values![seq])?;
        write_tags(tx, owner, seq, &new.content.tags, new.id, now)?;
    }
    Ok(Ok((new, address)))
}

/// What stands in the way of a change.
fn obstacle(tx: &mut Tx<'_>, owner: Owner, old: &Link, new: &Link, moves: bool) -> Result<Option<Unplaced>, Error> {
    if moves {
        if tx
            .first("SELECT 1 FROM links WHERE domain = $1 AND slug_key = $2", &values![&new.domain, new.slug.key()])?
            .is_some()
        {
            return Ok(Some(Unplaced::SlugTaken));
        }
        if let Some(why) = reservation(tx, owner, &new.domain, &new.slug, Some(old.id))? {
            return Ok(Some(why));
        }
    }
    let (was, is) = (&old.content.external_id, &new.content.external_id);
    if let Some(external_id) = is.as_ref().filter(|_| was != is)
        && tx
            .first("SELECT 1 FROM links WHERE owner = $1 AND external_id = $2", &values![owner, external_id])?
            .is_some()
    {
        return Ok(Some(Unplaced::ExternalIdTaken));
    }
    Ok(None)
}

fn write(tx: &mut Tx<'_>, link: &Link, old_version: i64) -> Result<bool, Error> {
    let mut all: Vec<Value> =
        values![link.id, old_version, &link.domain, link.slug.as_str(), link.slug.key(), link.version, link.updated_at]
            .into();
    let sets: Vec<_> =
        (all.len() + 1..).zip(row::CONTENT).map(|(place, column)| format!("{column} = ${place}")).collect();
    all.extend(row::content(&link.slug, &link.content));
    let sql = format!(
        "UPDATE links SET domain = $3, slug = $4, slug_key = $5, version = $6, updated_at = $7, {} WHERE id = $1 AND version = $2",
        sets.join(", ")
    );
    Ok(tx.execute(&sql, &all)? == 1)
}

pub(super) fn upsert(
    tx: &mut Tx<'_>,
    owner: Owner,
    new: &NewLink,
    change: &Change,
) -> Result<Result<Upserted, Unplaced>, Error> {
    let found = match &new.content.external_id {
        Some(external_id) => tx
            .first(&row::select("owner = $1 AND external_id = $2"), &values![owner, external_id])?
            .map(row::link)
            .transpose()?,
        None => None,
    };
    Ok(match found {
        Some(link) => update_to(tx, owner, link, Expected::AnyVersion, change, new.now)?
            .map(|(link, address)| Upserted::Updated(link, address)),
        None => create(tx, owner, new)?.map(Upserted::Created),
    })
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    owner: Owner,
    id: LinkId,
    expected: Expected,
    release_slug: bool,
    now: Time,
) -> Result<Result<Removed, Unplaced>, Error> {
    let link = row::by_id(tx, owner, id)?;
    let mut addresses = Vec::new();
    if let Some(link) = &link {
        if matches!(expected, Expected::Version(version) if version != link.version) {
            return Ok(Err(Unplaced::Changed));
        }
        tx.execute("DELETE FROM link_tags WHERE link = (SELECT seq FROM links WHERE id = $1)", &values![id])?;
        tx.execute("DELETE FROM links WHERE id = $1", &values![id])?;
        addresses.push((link.domain.clone(), link.slug.key()));
        if !release_slug {
            reserve(tx, owner, &link.domain, &link.slug, id, now)?;
        }
    }
    if release_slug {
        let freed = tx.query(
            "DELETE FROM reserved_slugs WHERE link_id = $1 AND owner = $2 RETURNING domain, slug_key",
            &values![id, owner],
        )?;
        for row in freed {
            let mut row = row.columns("reserved_slugs");
            addresses.push((row.text("domain")?, row.text("slug_key")?));
        }
    }
    Ok(if link.is_none() && addresses.is_empty() { Err(Unplaced::Absent) } else { Ok(Removed { addresses }) })
}

/// Ties a link to its tags, which are made when they are first used.
fn write_tags(tx: &mut Tx<'_>, owner: Owner, seq: i64, tags: &[Tag], link: LinkId, now: Time) -> Result<(), Error> {
    for (place, tag) in (1_u128..).zip(tags) {
        // A tag's id takes its chance from the link whose tag it is first; no two tags come from the same place.
        let id = TagId::from_bits(id::at(now, link.bits().wrapping_add(place)));
        let sql = "INSERT INTO tags (id, owner, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, name) DO NOTHING";
        tx.execute(sql, &values![id.to_string(), owner, tag.as_str(), now])?;
        let sql = "INSERT INTO link_tags (tag, link) SELECT seq, $3 FROM tags WHERE owner = $1 AND name = $2 ON CONFLICT DO NOTHING";
        tx.execute(sql, &values![owner, tag.as_str(), seq])?;
    }
    Ok(())
}
