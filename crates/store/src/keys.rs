//! API keys: found by the hash of their secret, never by the secret.

use mask_core::{
    id::KeyId,
    key::{Key, SecretHash},
    scope::Scopes,
    time::Time,
    workspace::Owner,
};

use crate::{
    Error, Store,
    db::{Row, values},
};

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What it will reach.
    pub owner: Owner,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Enough of the secret to tell it from others.
    pub hint: String,
    /// What is kept of the secret.
    pub hash: SecretHash,
    /// The time of its making.
    pub now: Time,
}

const COLUMNS: &str = "id, owner, name, scopes, hint, created_at, last_used_at, revoked_at";

fn key(row: Row) -> Result<Key, Error> {
    let mut row = row.columns("api_keys");
    Ok(Key {
        id: row.parsed("id", KeyId::parse)?,
        owner: Owner::from_number(row.integer("owner")?),
        name: row.text("name")?,
        scopes: row.parsed("scopes", Scopes::parse)?,
        hint: row.text("hint")?,
        created_at: row.time("created_at")?,
        last_used_at: row.optional_time("last_used_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}

impl Store {
    /// Makes a key.
    pub async fn create_key(&self, new: NewKey) -> Result<Key, Error> {
        self.main
            .write(move |tx| {
                let sql = "INSERT INTO api_keys (id, owner, name, scopes, hint, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
                tx.execute(sql, &values![new.id, new.owner, &new.name, new.scopes.to_string(), &new.hint, &new.hash.0[..], new.now])?;
                Ok(Key {
                    id: new.id,
                    owner: new.owner,
                    name: new.name,
                    scopes: new.scopes,
                    hint: new.hint,
                    created_at: new.now,
                    last_used_at: None,
                    revoked_at: None,
                })
            })
            .await
    }

    /// The key with this secret, revoked or not.
    pub async fn key_by_hash(&self, hash: SecretHash) -> Result<Option<Key>, Error> {
        self.main
            .read(move |tx| {
                tx.first(&format!("SELECT {COLUMNS} FROM api_keys WHERE hash = $1"), &values![&hash.0[..]])?
                    .map(key)
                    .transpose()
            })
            .await
    }

    /// A key, revoked or not.
    pub async fn key_by_id(&self, id: KeyId) -> Result<Option<Key>, Error> {
        self.main
            .read(move |tx| {
                tx.first(&format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1"), &values![id])?.map(key).transpose()
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

    /// Notes that a key was used. Callers do so at most once a minute for each key.
    pub async fn touch_key(&self, id: KeyId, now: Time) -> Result<(), Error> {
        self.main
            .write(move |tx| {
                tx.execute("UPDATE api_keys SET last_used_at = $2 WHERE id = $1", &values![id, now]).map(drop)
            })
            .await
    }

    /// Revokes a key, from the next request on. `false` when there is no such key that was not revoked before.
    pub async fn revoke_key(&self, id: KeyId, now: Time) -> Result<bool, Error> {
        self.main
            .write(move |tx| {
                Ok(tx.execute(
                    "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
                    &values![id, now],
                )? > 0)
            })
            .await
    }
}
