//! People, where they are signed in, and what they are in which workspace.
//!
//! A session is found by the hash of its word at each request, so that one that was ended is ended at once, on every node.

use mask_core::{
    activity::Activity,
    id::{MemberId, SessionId, UserId},
    mail::Address,
    person::{Membership, Session, User, WordHash},
    role::Role,
    time::Time,
    workspace::Owner,
};

use crate::{
    Error, Store, Whence, activity,
    db::{Columns, Tx, values},
};

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Where they are written to.
    pub email: Address,
    /// What they are called.
    pub name: String,
    /// What is kept of their password, if they have one.
    pub password_hash: Option<String>,
    /// Whether the installation is theirs to run.
    pub is_admin: bool,
    /// The time of its making.
    pub now: Time,
}

/// A session to be begun.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What it is, its times as they are at its beginning.
    pub session: Session,
    /// What is kept of its word.
    pub hash: WordHash,
    /// The request that begins it.
    pub request: Option<String>,
}

impl NewSession {
    /// Where it is begun.
    pub(crate) fn whence(&self) -> Whence {
        let Session { country, device, .. } = &self.session;
        Whence { request: self.request.clone(), country: country.clone(), device: Some(device.clone()) }
    }
}

/// A person's place in a workspace, to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewMember {
    /// Its id.
    pub id: MemberId,
    /// The workspace's number.
    pub workspace: i64,
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// The time of its making.
    pub now: Time,
}

pub(crate) const USER: &str = "u.id, u.email, u.name, u.is_admin, u.disabled_at, u.version, u.created_at, u.updated_at";
/// The same of a row that was just written: SQLite knows no other name of its table there.
pub(crate) const WRITTEN_USER: &str = "id, email, name, is_admin, disabled_at, version, created_at, updated_at";
pub(crate) const SESSION: &str = "s.id, s.device, s.country, s.created_at, s.seen_at, s.expires_at";

pub(crate) fn user(row: &mut Columns) -> Result<User, Error> {
    Ok(User {
        id: row.parsed("id", UserId::parse)?,
        email: row.parsed("email", Address::parse)?,
        name: row.text("name")?,
        is_admin: row.boolean("is_admin")?,
        disabled_at: row.optional_time("disabled_at")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(crate) fn session(row: &mut Columns, user: UserId) -> Result<Session, Error> {
    Ok(Session {
        id: row.parsed("id", SessionId::parse)?,
        user,
        device: row.text("device")?,
        country: row.optional_text("country")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
    })
}

pub(crate) fn user_number(tx: &mut Tx<'_>, id: UserId) -> Result<Option<i64>, Error> {
    let row = tx.first("SELECT number FROM users WHERE id = $1", &values![id])?;
    row.map(|row| row.columns("users").integer("number")).transpose()
}

pub(crate) fn insert_user(tx: &mut Tx<'_>, new: &NewUser) -> Result<Option<User>, Error> {
    let sql = format!(
        "INSERT INTO users (id, email, email_key, name, password_hash, is_admin, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) ON CONFLICT (email_key) DO NOTHING RETURNING {WRITTEN_USER}"
    );
    let all = values![
        new.id,
        new.email.as_str(),
        new.email.key(),
        &new.name,
        new.password_hash.clone(),
        new.is_admin,
        new.now
    ];
    tx.first(&sql, &all)?.map(|row| user(&mut row.columns("users"))).transpose()
}

pub(crate) fn insert_session(tx: &mut Tx<'_>, new: NewSession) -> Result<bool, Error> {
    let whence = new.whence();
    let NewSession { session, hash, .. } = new;
    let Some(number) = user_number(tx, session.user)? else { return Ok(false) };
    let sql = "INSERT INTO sessions (id, hash, user_number, device, country, created_at, seen_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let all = values![
        session.id,
        &hash.0[..],
        number,
        session.device,
        session.country,
        session.created_at,
        session.seen_at,
        session.expires_at
    ];
    tx.execute(sql, &all)?;
    activity::note(tx, number, &whence, session.created_at, Activity::SignedIn, Some(session.id.to_string()))?;
    Ok(true)
}

pub(crate) fn insert_member(tx: &mut Tx<'_>, new: NewMember) -> Result<bool, Error> {
    let Some(number) = user_number(tx, new.user)? else { return Ok(false) };
    let sql = "INSERT INTO members (id, workspace, user_number, role, version, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, 1, $5, $5) ON CONFLICT (workspace, user_number) DO NOTHING";
    let all = values![new.id, new.workspace, number, new.role.as_str(), new.now];
    Ok(tx.execute(sql, &all)? == 1)
}

impl Store {
    /// Makes an account; `None` when there is one with this address of mail.
    pub async fn create_user(&self, new: NewUser) -> Result<Option<User>, Error> {
        self.main.write(move |tx| insert_user(tx, &new)).await
    }

    /// A session that has not ended, and whose it is, by the hash of its word. Whoever may not sign in has none.
    pub async fn session_by_hash(&self, hash: WordHash, now: Time) -> Result<Option<(User, Session)>, Error> {
        self.main
            .read(move |tx| {
                let sql = format!(
                    "SELECT {USER}, {SESSION} FROM sessions s JOIN users u ON u.number = s.user_number \
                     WHERE s.hash = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL"
                );
                let Some(row) = tx.first(&sql, &values![&hash.0[..], now])? else { return Ok(None) };
                let mut row = row.columns("sessions");
                let user = user(&mut row)?;
                let session = session(&mut row, user.id)?;
                Ok(Some((user, session)))
            })
            .await
    }

    /// Gives a person a place in a workspace; `false` when they have one there, or there is no such person.
    pub async fn add_member(&self, new: NewMember) -> Result<bool, Error> {
        self.main.write(move |tx| insert_member(tx, new)).await
    }

    /// What a person is in the workspace with this slug, of its live or its test side; nothing in one that was deleted.
    pub async fn membership(&self, user: UserId, slug: String, is_test: bool) -> Result<Option<Membership>, Error> {
        self.main
            .read(move |tx| {
                let sql = "SELECT m.id, m.workspace, m.role FROM members m JOIN users u ON u.number = m.user_number \
                           JOIN workspaces w ON w.number = m.workspace \
                           WHERE u.id = $1 AND w.slug = $2 AND w.deleted_at IS NULL";
                let Some(row) = tx.first(sql, &values![user, slug])? else { return Ok(None) };
                let mut row = row.columns("members");
                let _ = row.text("id")?;
                let workspace = row.integer("workspace")?;
                let role = row.parsed("role", Role::parse)?;
                Ok(Some(Membership { owner: Owner { workspace, is_test }, role }))
            })
            .await
    }
}
