//! Domains: hosts that workspaces bring along.
//!
//! Any number of owners may ask for one name, each with a token of its own. One has it, and an index that is unique sees
//! to that: of two who show their tokens at the same moment one is first, and the other learns of it ([`look`]). What is
//! served is the rows that are verified; each change of it counts up a number, by which other nodes see that there was one.
//!
//! What an owner leaves behind on a domain that is somebody else's now stays in its lists and is not served any more:
//! whoever serves compares the owner of a link with that of its host. So a domain that comes back finds everything where it
//! was, and nothing has to be moved when it goes.

mod look;
mod row;

use mask_core::{
    action::Action,
    cursor::Cursor,
    domain::{Content, Domain, DomainName, MOST_DOMAINS, Status},
    id::DomainId,
    time::Time,
    workspace::Owner,
};

pub use look::{Begun, Served};
pub(crate) use row::{note_change, note_change_of};

use crate::{
    By, Deed, Error, Expected, Listed, Object, Store,
    db::{Tx, Value, values},
    replies::{Keep, Once},
    turns::Turn,
    webhooks::Telling,
};
use row::{COLUMNS, find, is_lookalike, read, to_change, write};

/// A domain that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Its id.
    pub id: DomainId,
    /// Its name.
    pub name: DomainName,
    /// What the record under `_mask.` must say.
    pub token: String,
    /// What its owner sets.
    pub content: Content,
    /// Whether it is asked for although somebody else has it.
    pub takes_over: bool,
    /// When it is asked for.
    pub now: Time,
}

/// Why a domain could not be asked for, changed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheld {
    /// Somebody else has it.
    Taken,
    /// The owner has asked for it before.
    Known(DomainId),
    /// Somebody else has one that looks like it.
    Lookalike,
    /// The owner has [`MOST_DOMAINS`] of them.
    TooMany,
    /// There is no such domain.
    Absent,
    /// It was changed since the caller last saw it.
    Changed,
    /// It is not verified, and so nothing can live there.
    Unverified,
    /// So many things live there.
    InUse {
        /// Links.
        links: i64,
        /// Bio pages.
        pages: i64,
    },
}

fn create(tx: &mut Tx<'_>, owner: Owner, new: &NewDomain) -> Result<Result<Domain, Unheld>, Error> {
    Turn::Domains(owner.number()).take(tx)?;
    if let Some(why) = obstacle(tx, owner, new)? {
        return Ok(Err(why));
    }
    let domain = Domain {
        id: new.id,
        owner,
        name: new.name.clone(),
        token: new.token.clone(),
        content: new.content.clone(),
        status: Status::Pending,
        has_proof: false,
        points_here: false,
        look: None,
        sought_since: new.now,
        verified_at: None,
        version: 1,
        looks: 0,
        created_at: new.now,
        updated_at: new.now,
    };
    let mut all: Vec<Value> =
        values![new.id, owner, new.name.as_str(), new.name.skeleton(), &new.token, new.now].into();
    all.extend(row::state(&domain, Some(new.now)));
    let places: Vec<_> = (1..=all.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO domains (id, owner, name, skeleton, token, created_at, {}) VALUES ({}) ON CONFLICT DO NOTHING",
        row::STATE.join(", "),
        places.join(", ")
    );
    if tx.execute(&sql, &all)? == 0 {
        // Another request of the same owner came first.
        return Ok(Err(obstacle(tx, owner, new)?.unwrap_or(Unheld::Changed)));
    }
    Ok(Ok(domain))
}

/// Why a domain cannot be asked for.
fn obstacle(tx: &mut Tx<'_>, owner: Owner, new: &NewDomain) -> Result<Option<Unheld>, Error> {
    let name = new.name.as_str();
    let known = "SELECT id FROM domains WHERE owner = $1 AND name = $2";
    if let Some(row) = tx.first(known, &values![owner, name])? {
        return row.columns("domains").parsed("id", DomainId::parse).map(|id| Some(Unheld::Known(id)));
    }
    let count = tx.first("SELECT count(*) FROM domains WHERE owner = $1", &values![owner])?;
    let count = count.map_or(Ok(0), |row| row.columns("domains").integer("count"))?;
    if usize::try_from(count).is_ok_and(|count| count >= MOST_DOMAINS) {
        return Ok(Some(Unheld::TooMany));
    }
    let held = "SELECT 1 FROM domains WHERE name = $1 AND status = 1";
    if !new.takes_over && tx.first(held, &values![name])?.is_some() {
        return Ok(Some(Unheld::Taken));
    }
    Ok(is_lookalike(tx, owner, &new.name)?.then_some(Unheld::Lookalike))
}

fn update(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    id: DomainId,
    expected: &Expected,
    change: impl FnOnce(&mut Content),
    now: Time,
) -> Result<Result<Domain, Unheld>, Error> {
    let all = to_change(tx, "owner", by.owner.into())?;
    let note = |old: &Domain, new: &Domain| {
        telling.note(by, now, Action::DomainUpdated, Deed::of(Object::Domain(old), Object::Domain(new)));
    };
    let Some(old) = all.iter().find(|domain| domain.id == id) else { return Ok(Err(Unheld::Absent)) };
    if !expected.takes(old.version) {
        return Ok(Err(Unheld::Changed));
    }
    let mut new = old.clone();
    change(&mut new.content);
    if new.content == old.content {
        return Ok(Ok(new));
    }
    if new.content.is_default && new.status != Status::Verified {
        return Ok(Err(Unheld::Unverified));
    }
    if new.content.is_default {
        // One owner has one default, and the index that sees to it looks after each statement.
        for other in all.iter().filter(|other| other.content.is_default && other.id != id) {
            let mut lesser = other.clone();
            (lesser.content.is_default, lesser.version, lesser.updated_at) = (false, other.version + 1, now);
            write(tx, &lesser)?;
            note(other, &lesser);
        }
    }
    (new.version, new.updated_at) = (new.version + 1, now);
    write(tx, &new)?;
    if new.status == Status::Verified {
        note_change(tx)?;
    }
    note(old, &new);
    Ok(Ok(new))
}

fn delete(tx: &mut Tx<'_>, owner: Owner, id: DomainId, expected: &Expected) -> Result<Result<Domain, Unheld>, Error> {
    let all = to_change(tx, "owner", owner.into())?;
    let Some(domain) = all.into_iter().find(|domain| domain.id == id) else { return Ok(Err(Unheld::Absent)) };
    if !expected.takes(domain.version) {
        return Ok(Err(Unheld::Changed));
    }
    // One that was lost to another may have some left, too.
    let (links, pages) = (count(tx, LINKS, &domain)?, count(tx, PAGES, &domain)?);
    if links + pages > 0 {
        return Ok(Err(Unheld::InUse { links, pages }));
    }
    if domain.status == Status::Verified {
        // Whoever has the name next begins with all of it free.
        let sql = "DELETE FROM reserved_slugs WHERE domain = $1 AND owner = $2";
        tx.execute(sql, &values![domain.name.as_str(), owner])?;
        note_change(tx)?;
    }
    tx.execute("DELETE FROM domains WHERE id = $1", &values![id])?;
    Ok(Ok(domain))
}

/// Both states are named so that an index has all that is counted.
const LINKS: &str = "SELECT count(*) FROM links WHERE owner = $1 AND is_archived IN (false, true) AND domain = $2";
const PAGES: &str = "SELECT count(*) FROM bio_pages WHERE owner = $1 AND domain = $2";

/// How much of its owner's lives on a domain.
fn count(tx: &mut Tx<'_>, sql: &str, domain: &Domain) -> Result<i64, Error> {
    let row = tx.first(sql, &values![domain.owner, domain.name.as_str()])?;
    row.map_or(Ok(0), |row| row.columns("domains").integer("count"))
}

impl Store {
    /// Asks for a domain.
    pub async fn create_domain(
        &self,
        by: impl Into<By>,
        new: NewDomain,
        keep: Option<Keep<Result<Domain, Unheld>>>,
    ) -> Result<Once<Result<Domain, Unheld>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let made = create(tx, by.owner, &new)?;
                if let Ok(domain) = &made {
                    telling.note(&by, new.now, Action::DomainCreated, Deed::made(Object::Domain(domain)));
                }
                Ok(made)
            })
        })
        .await
    }

    /// A domain.
    pub async fn domain_by_id(&self, owner: Owner, id: DomainId) -> Result<Option<Domain>, Error> {
        self.main.read(move |tx| find(tx, owner, id)).await
    }

    /// A page of the owner's domains, oldest first.
    pub async fn list_domains(
        &self,
        owner: Owner,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<Domain>, Error> {
        self.main
            .read(move |tx| {
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!("SELECT {COLUMNS} FROM domains WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3");
                let rows = tx.query(&sql, &values![owner, after, most])?;
                let rows = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(rows, limit, |domain| domain.id.to_string()))
            })
            .await
    }

    /// Changes what the owner sets of a domain. The default of an owner is one: a domain that becomes it takes the place
    /// of the one before.
    pub async fn update_domain(
        &self,
        by: impl Into<By>,
        id: DomainId,
        expected: Expected,
        change: impl FnOnce(&mut Content) + Send + 'static,
        now: Time,
    ) -> Result<Result<Domain, Unheld>, Error> {
        let by = by.into();
        self.change(move |tx, telling| update(tx, &by, telling, id, &expected, change, now)).await
    }

    /// Gives a domain up, unless something lives there.
    pub async fn delete_domain(
        &self,
        by: impl Into<By>,
        id: DomainId,
        expected: Expected,
        now: Time,
    ) -> Result<Result<(), Unheld>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let deleted = delete(tx, by.owner, id, &expected)?;
            Ok(deleted.map(|domain| {
                telling.note(&by, now, Action::DomainDeleted, Deed::deleted(Object::Domain(&domain)));
            }))
        })
        .await
    }
}
