//! API keys: found by the hash of their secret, never by the secret.
//!
//! A key has one secret, and for a while after it was changed also the one before: whoever rotates a key has that long to
//! carry the new one to where the old one is used. A revoked key stays as a row, so that what it did can be told.

use mask_core::{
    action::Action,
    cursor::Cursor,
    id::KeyId,
    key::{Content, Key, MOST_KEYS, SecretHash, parse_network},
    scope::{Scope, Scopes},
    time::Time,
    workspace::Owner,
};

use crate::{
    By, Deed, Error, Expected, Listed, Object, Store,
    db::{Dialect, Row, Tx, values},
    replies::{Keep, Once},
    turns::Turn,
    webhooks::Telling,
    workspaces,
};

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What it will reach.
    pub owner: Owner,
    /// What its owner sets.
    pub content: Content,
    /// Enough of the secret to tell it from others.
    pub hint: String,
    /// What is kept of the secret.
    pub hash: SecretHash,
    /// The time of its making.
    pub now: Time,
}

/// Another secret for a key.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Enough of it to tell it from others.
    pub hint: String,
    /// What is kept of it.
    pub hash: SecretHash,
    /// Until when the secret before is valid too.
    pub previous_until: Time,
}

/// Why nothing was done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkeyed {
    /// There is no such key, or it was revoked.
    Absent,
    /// It was changed since the caller last saw it.
    Changed,
    /// The owner has as many as there may be.
    TooMany,
    /// It may do what the caller may not.
    Mightier,
}

const COLUMNS: &str = "id, owner, name, scopes, hint, created_at, updated_at, version, last_used_at, revoked_at, \
    expires_at, allowed_ips, previous_until";

fn key(row: Row) -> Result<Key, Error> {
    let mut row = row.columns("api_keys");
    let id = row.parsed("id", KeyId::parse)?;
    let owner = Owner::from_number(row.integer("owner")?);
    let (name, scopes) = (row.text("name")?, row.parsed("scopes", read_scopes)?);
    let hint = row.text("hint")?;
    let (created_at, updated_at) = (row.time("created_at")?, row.time("updated_at")?);
    let version = row.integer("version")?;
    let (last_used_at, revoked_at) = (row.optional_time("last_used_at")?, row.optional_time("revoked_at")?);
    let expires_at = row.optional_time("expires_at")?;
    let allowed_ips = row.parsed("allowed_ips", |text| text.split_whitespace().map(parse_network).collect())?;
    let previous_until = row.optional_time("previous_until")?;
    let content = Content { name, scopes, expires_at, allowed_ips };
    Ok(Key { id, owner, content, hint, previous_until, version, created_at, updated_at, last_used_at, revoked_at })
}

/// A key may be left without any right.
fn read_scopes(text: &str) -> Result<Scopes, mask_core::Refused> {
    if text.is_empty() { Ok(Scopes::default()) } else { Scopes::parse(text) }
}

fn networks(content: &Content) -> String {
    content.allowed_ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn create(tx: &mut Tx<'_>, by: &By, telling: &Telling, new: &NewKey) -> Result<Key, Error> {
    let sql = "INSERT INTO api_keys (id, owner, name, scopes, hint, hash, created_at, updated_at, version, expires_at, allowed_ips) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8, $9)";
    let content = new.content.clone();
    let (scopes, networks) = (content.scopes.to_string(), networks(&content));
    let hash = &new.hash.0[..];
    tx.execute(
        sql,
        &values![new.id, new.owner, &content.name, scopes, &new.hint, hash, new.now, content.expires_at, networks],
    )?;
    let key = Key {
        id: new.id,
        owner: new.owner,
        content,
        hint: new.hint.clone(),
        previous_until: None,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
        last_used_at: None,
        revoked_at: None,
    };
    telling.note(by, new.now, Action::KeyCreated, Deed::made(Object::Key(&key)));
    Ok(key)
}

/// A key that is not revoked, and that nobody else changes until this transaction ends.
fn to_change(tx: &mut Tx<'_>, owner: Owner, id: KeyId, expected: &Expected) -> Result<Result<Key, Unkeyed>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1 AND owner = $2 AND revoked_at IS NULL{lock}");
    Ok(match tx.first(&sql, &values![id, owner])?.map(key).transpose()? {
        None => Err(Unkeyed::Absent),
        Some(key) if !expected.takes(key.version) => Err(Unkeyed::Changed),
        Some(key) => Ok(key),
    })
}

/// Whether a key may do this at this moment, wherever it comes from.
pub(crate) fn may(tx: &mut Tx<'_>, id: KeyId, scope: Scope, now: Time) -> Result<bool, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM api_keys WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
    );
    let found = tx.first(&sql, &values![id, now])?.map(key).transpose()?;
    Ok(found.is_some_and(|key| key.content.scopes.has(scope)))
}

impl Store {
    /// Makes a key, for the installation itself.
    pub async fn create_key(&self, new: NewKey) -> Result<Key, Error> {
        self.change(move |tx, telling| create(tx, &new.owner.into(), telling, &new)).await
    }

    /// Makes a key for somebody who may ask again, unless its owner has as many as there may be.
    pub async fn create_own_key(
        &self,
        by: impl Into<By>,
        new: NewKey,
        keep: Option<Keep<Result<Key, Unkeyed>>>,
    ) -> Result<Once<Result<Key, Unkeyed>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                Turn::Keys(new.owner.number()).take(tx)?;
                let sql = "SELECT count(*) FROM api_keys WHERE owner = $1 AND revoked_at IS NULL";
                let row = tx.first(sql, &values![new.owner])?;
                let count = row.map_or(Ok(0), |row| row.columns("api_keys").integer("count"))?;
                if usize::try_from(count).is_ok_and(|count| count >= MOST_KEYS) {
                    return Ok(Err(Unkeyed::TooMany));
                }
                create(tx, &by, telling, &new).map(Ok)
            })
        })
        .await
    }

    /// The key with this secret at this moment, revoked, expired or not; none of a workspace that was deleted.
    pub async fn key_by_hash(&self, hash: SecretHash, now: Time) -> Result<Option<Key>, Error> {
        self.main
            .read(move |tx| {
                let is_there = workspaces::is_there("owner");
                let current = format!("SELECT {COLUMNS} FROM api_keys WHERE hash = $1 AND {is_there}");
                if let Some(row) = tx.first(&current, &values![&hash.0[..]])? {
                    return key(row).map(Some);
                }
                let previous = format!(
                    "SELECT {COLUMNS} FROM api_keys WHERE previous_hash = $1 AND previous_until > $2 AND {is_there}"
                );
                tx.first(&previous, &values![&hash.0[..], now])?.map(key).transpose()
            })
            .await
    }

    /// A key, revoked or not; none of a workspace that was deleted.
    pub async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>, Error> {
        self.main
            .read(move |tx| {
                let is_there = workspaces::is_there("owner");
                let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1 AND {is_there}");
                tx.first(&sql, &values![id])?.map(key).transpose()
            })
            .await
    }

    /// A key of the owner's that is not revoked.
    pub async fn own_key_by_id(&self, owner: Owner, id: KeyId) -> Result<Option<Key>, Error> {
        self.main
            .read(move |tx| {
                let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1 AND owner = $2 AND revoked_at IS NULL");
                tx.first(&sql, &values![id, owner])?.map(key).transpose()
            })
            .await
    }

    /// Every key of the installation, oldest first, revoked ones too.
    pub async fn list_keys(&self) -> Result<Vec<Key>, Error> {
        self.main
            .read(|tx| {
                tx.query(&format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at, id"), &[])?
                    .into_iter()
                    .map(key)
                    .collect()
            })
            .await
    }

    /// A page of the owner's keys that are not revoked, oldest first.
    pub async fn list_own_keys(&self, owner: Owner, after: Option<Cursor>, limit: usize) -> Result<Listed<Key>, Error> {
        self.main
            .read(move |tx| {
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!(
                    "SELECT {COLUMNS} FROM api_keys WHERE owner = $1 AND id > $2 AND revoked_at IS NULL ORDER BY id LIMIT $3"
                );
                let rows = tx.query(&sql, &values![owner, after, most])?;
                let rows = rows.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(rows, limit, |key| key.id.to_string()))
            })
            .await
    }

    /// Changes a key. One that may do more than `rights` is left alone.
    pub async fn update_key(
        &self,
        (by, rights): (impl Into<By>, Scopes),
        id: KeyId,
        expected: Expected,
        change: impl FnOnce(&mut Content) + Send + 'static,
        now: Time,
    ) -> Result<Result<Key, Unkeyed>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let old = match to_change(tx, by.owner, id, &expected)? {
                Ok(old) if !rights.covers(old.content.scopes) => return Ok(Err(Unkeyed::Mightier)),
                Ok(old) => old,
                Err(why) => return Ok(Err(why)),
            };
            let mut new = old.clone();
            change(&mut new.content);
            if new.content == old.content {
                return Ok(Ok(old));
            }
            (new.version, new.updated_at) = (old.version + 1, now);
            let sql = "UPDATE api_keys SET name = $2, scopes = $3, expires_at = $4, allowed_ips = $5, version = $6, \
                       updated_at = $7 WHERE id = $1";
            let content = &new.content;
            let (scopes, networks) = (content.scopes.to_string(), networks(content));
            let bound = values![id, &content.name, scopes, content.expires_at, networks, new.version, now];
            tx.execute(sql, &bound)?;
            telling.note(&by, now, Action::KeyUpdated, Deed::of(Object::Key(&old), Object::Key(&new)));
            Ok(Ok(new))
        })
        .await
    }

    /// Gives a key another secret; the one before is valid for a while. One that may do more than `rights` is left alone:
    /// who asks would come to rights that he does not have.
    pub async fn rotate_key(
        &self,
        (by, rights): (impl Into<By>, Scopes),
        id: KeyId,
        secret: NewSecret,
        now: Time,
        keep: Option<Keep<Result<Key, Unkeyed>>>,
    ) -> Result<Once<Result<Key, Unkeyed>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            Once::run(tx, keep, |tx| {
                let old = match to_change(tx, by.owner, id, &Expected::AnyVersion)? {
                    Ok(old) if !rights.covers(old.content.scopes) => return Ok(Err(Unkeyed::Mightier)),
                    Ok(old) => old,
                    Err(why) => return Ok(Err(why)),
                };
                let sql = "UPDATE api_keys SET previous_hash = hash, previous_until = $2, hash = $3, hint = $4, \
                           version = version + 1, updated_at = $5 WHERE id = $1";
                tx.execute(sql, &values![id, secret.previous_until, &secret.hash.0[..], &secret.hint, now])?;
                let previous_until = Some(secret.previous_until);
                let version = old.version + 1;
                let new = Key { hint: secret.hint, previous_until, version, updated_at: now, ..old.clone() };
                telling.note(&by, now, Action::KeyRotated, Deed::of(Object::Key(&old), Object::Key(&new)));
                Ok(Ok(new))
            })
        })
        .await
    }

    /// Notes that a key was used. Callers do so at most once a minute for each key.
    pub async fn touch_key(&self, id: KeyId, now: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                tx.execute("UPDATE api_keys SET last_used_at = $2 WHERE id = $1", &values![id, now]).map(drop)
            })
            .await
    }

    /// Revokes a key, for the installation itself, from the next request on. `false` when there is no such key that was not
    /// revoked before.
    pub async fn revoke_key(&self, id: KeyId, now: Time) -> Result<bool, Error> {
        self.change(move |tx, telling| {
            let sql = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
            if tx.execute(sql, &values![id, now])? == 0 {
                return Ok(false);
            }
            let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1");
            if let Some(key) = tx.first(&sql, &values![id])?.map(key).transpose()? {
                note_revoked(telling, &key.owner.into(), &Key { revoked_at: None, ..key }, now);
            }
            Ok(true)
        })
        .await
    }

    /// Revokes a key of the owner's. One that may do more than `rights` is left alone.
    pub async fn revoke_own_key(
        &self,
        (by, rights): (impl Into<By>, Scopes),
        id: KeyId,
        expected: Expected,
        now: Time,
    ) -> Result<Result<(), Unkeyed>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let key = match to_change(tx, by.owner, id, &expected)? {
                Ok(key) if !rights.covers(key.content.scopes) => return Ok(Err(Unkeyed::Mightier)),
                Ok(key) => key,
                Err(why) => return Ok(Err(why)),
            };
            tx.execute("UPDATE api_keys SET revoked_at = $2 WHERE id = $1", &values![id, now])?;
            note_revoked(telling, &by, &key, now);
            Ok(Ok(()))
        })
        .await
    }
}

/// To whoever looks, a key that is revoked is gone.
fn note_revoked(telling: &Telling, by: &By, key: &Key, now: Time) {
    telling.note(by, now, Action::KeyRevoked, Deed::deleted(Object::Key(key)));
}
