//! A domain as a row.

use mask_core::{
    destination::WebUrl,
    domain::{Content, Domain, DomainName, Looked, Outcome, Robots, Status},
    id::DomainId,
    time::Time,
    workspace::Owner,
};

use crate::{
    Error,
    db::{Dialect, Row, Tx, Value, values},
};

/// What [`read`] reads, in this order.
pub(super) const COLUMNS: &str = "id, owner, name, token, is_default, root_url, not_found_url, expired_url, \
    apple_app_site_association, assetlinks, robots, status, has_proof, points_here, looked_at, outcome, message, looks, \
    sought_since, verified_at, version, created_at, updated_at";

pub(super) fn read(row: Row) -> Result<Domain, Error> {
    let mut row = row.columns("domains");
    let id = row.parsed("id", DomainId::parse)?;
    let owner = Owner::from_number(row.integer("owner")?);
    let name = row.parsed("name", DomainName::from_stored)?;
    let token = row.text("token")?;
    let content = Content {
        is_default: row.boolean("is_default")?,
        root_url: row.optional_parsed("root_url", WebUrl::parse)?,
        not_found_url: row.optional_parsed("not_found_url", WebUrl::parse)?,
        expired_url: row.optional_parsed("expired_url", WebUrl::parse)?,
        apple_app_site_association: row.optional_text("apple_app_site_association")?,
        assetlinks: row.optional_text("assetlinks")?,
        robots: row.parsed("robots", Robots::parse)?,
    };
    let status = row.required("status", |value| Status::ALL.get(value.into_small::<usize>()?).copied())?;
    let (has_proof, points_here) = (row.boolean("has_proof")?, row.boolean("points_here")?);
    let (at, outcome) = (row.optional_time("looked_at")?, row.optional_parsed("outcome", Outcome::parse)?);
    let message = row.optional_text("message")?;
    let look = match (at, outcome, message) {
        (Some(at), Some(outcome), Some(message)) => Some(Looked { at, outcome, message }),
        _ => None,
    };
    Ok(Domain {
        id,
        owner,
        name,
        token,
        content,
        status,
        has_proof,
        points_here,
        look,
        looks: row.integer("looks")?,
        sought_since: row.time("sought_since")?,
        verified_at: row.optional_time("verified_at")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The number that is stored for a status.
pub(super) const fn number(status: Status) -> i64 {
    match status {
        Status::Pending => 0,
        Status::Verified => 1,
        Status::Failed => 2,
    }
}

/// The names of what [`state`] answers.
pub(super) const STATE: [&str; 19] = [
    "is_default",
    "root_url",
    "not_found_url",
    "expired_url",
    "apple_app_site_association",
    "assetlinks",
    "robots",
    "status",
    "has_proof",
    "points_here",
    "looked_at",
    "outcome",
    "message",
    "looks",
    "sought_since",
    "verified_at",
    "version",
    "updated_at",
    "next_look_at",
];

/// All of a row that ever changes.
pub(super) fn state(domain: &Domain, next_look_at: Option<Time>) -> [Value; 19] {
    let content = &domain.content;
    let url = |url: &Option<WebUrl>| url.as_ref().map(|url| url.as_str().to_owned());
    let look = domain.look.as_ref();
    values![
        content.is_default,
        url(&content.root_url),
        url(&content.not_found_url),
        url(&content.expired_url),
        content.apple_app_site_association.as_ref(),
        content.assetlinks.as_ref(),
        content.robots.as_str(),
        number(domain.status),
        domain.has_proof,
        domain.points_here,
        look.map(|look| look.at),
        look.map(|look| look.outcome.as_str()),
        look.map(|look| look.message.as_str()),
        domain.looks,
        domain.sought_since,
        domain.verified_at,
        domain.version,
        domain.updated_at,
        next_look_at,
    ]
}

/// Writes what has changed of a domain, and not when it is looked at next.
pub(super) fn write(tx: &mut Tx<'_>, domain: &Domain) -> Result<(), Error> {
    write_first(tx, domain, None, STATE.len() - 1)
}

/// Writes what has changed of a domain, and when it is looked at next, if ever.
pub(super) fn write_with_next(tx: &mut Tx<'_>, domain: &Domain, next_look_at: Option<Time>) -> Result<(), Error> {
    write_first(tx, domain, next_look_at, STATE.len())
}

/// Writes so many of the columns.
fn write_first(tx: &mut Tx<'_>, domain: &Domain, next_look_at: Option<Time>, count: usize) -> Result<(), Error> {
    let mut all: Vec<Value> = values![domain.id].into();
    all.extend(state(domain, next_look_at).into_iter().take(count));
    let sets: Vec<_> =
        (2..).zip(STATE).take(count).map(|(place, column): (usize, _)| format!("{column} = ${place}")).collect();
    tx.execute(&format!("UPDATE domains SET {} WHERE id = $1", sets.join(", ")), &all).map(drop)
}

/// A domain of this owner.
pub(super) fn find(tx: &mut Tx<'_>, owner: Owner, id: DomainId) -> Result<Option<Domain>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM domains WHERE id = $1 AND owner = $2");
    tx.first(&sql, &values![id, owner])?.map(read).transpose()
}

/// All domains of this owner, or all that have this name; nobody else changes them until this transaction ends. Rows are
/// locked in the order of their ids, whichever they are, so that two such steps never wait for each other.
pub(super) fn to_change(tx: &mut Tx<'_>, column: &str, value: Value) -> Result<Vec<Domain>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM domains WHERE {column} = $1 ORDER BY id{lock}");
    tx.query(&sql, &[value])?.into_iter().map(read).collect()
}

/// Whether somebody else has a verified domain that looks like this one. Names in ASCII are what people type, and are
/// never taken for a deception.
pub(super) fn is_lookalike(tx: &mut Tx<'_>, owner: Owner, name: &DomainName) -> Result<bool, Error> {
    if !name.is_international() {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM domains WHERE skeleton = $1 AND status = 1 AND owner <> $2 AND name <> $3 LIMIT 1";
    Ok(tx.first(sql, &values![name.skeleton(), owner, name.as_str()])?.is_some())
}

/// Notes that what is served is not what it was.
pub(crate) fn note_change(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.execute("UPDATE served_domains SET changes = changes + 1 WHERE id = 1", &[]).map(drop)
}

/// Lets every node know that what it serves of a workspace has changed, though none of its domains has.
pub(crate) fn note_change_of(tx: &mut Tx<'_>, live: Owner, test: Owner) -> Result<(), Error> {
    let sql = "UPDATE domains SET version = version + 1 WHERE owner IN ($1, $2) AND status = 1";
    tx.execute(sql, &values![live, test])?;
    let sql = "UPDATE served_domains SET changes = changes + 1, workspaces = workspaces + 1 WHERE id = 1";
    tx.execute(sql, &[]).map(drop)
}
