//! Accounts: what somebody signs in with, and what whoever runs the installation changes about them.
//!
//! The first account is made with the word of the set-up link, in one step with its place in the default workspace and its
//! first session, while there is no other account: of two people with a link each, one gets it.

use mask_core::{
    activity::Activity,
    id::{SessionId, UserId},
    mail::Address,
    person::{User, WordHash},
    time::Time,
};

use crate::{
    Asker, Error, Factor, NewMember, NewSession, NewUser, Oneself, Outdated, Store, Whence, activity,
    db::{Dialect, Tx, Value, values},
    factors, members,
    people::{USER, WRITTEN_USER, insert_member, insert_session, insert_user, user, user_number},
    shown::still,
    words,
};

/// Somebody, and what they sign in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: User,
    /// What is kept of their password, if they have one.
    pub password_hash: Option<String>,
    /// Their authenticator app, if they have one.
    pub factor: Option<Factor>,
    /// Recovery codes that were not used yet.
    pub recovery_codes: i64,
}

/// The first account of an installation, to be made.
#[derive(Clone, Debug)]
pub struct FirstUser {
    /// The word of the set-up link.
    pub word: WordHash,
    /// The account.
    pub user: NewUser,
    /// Its place in the default workspace.
    pub member: NewMember,
    /// The session that it begins with.
    pub session: NewSession,
}

/// The account that a condition on `u` with one value finds.
fn find(tx: &mut Tx<'_>, condition: &str, value: impl Into<Value>) -> Result<Option<Account>, Error> {
    let sql = format!(
        "SELECT {USER}, u.password_hash, f.sealed, f.is_confirmed, f.last_step, \
         (SELECT count(*) FROM recovery_codes r WHERE r.user_number = u.number) AS recovery_codes \
         FROM users u LEFT JOIN second_factors f ON f.user_number = u.number WHERE {condition}"
    );
    let Some(row) = tx.first(&sql, &[value.into()])? else { return Ok(None) };
    let mut row = row.columns("users");
    let user = user(&mut row)?;
    Ok(Some(Account {
        user,
        password_hash: row.optional_text("password_hash")?,
        factor: factors::factor(&mut row)?,
        recovery_codes: row.integer("recovery_codes")?,
    }))
}

pub(crate) fn has_users(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(tx.first("SELECT 1 FROM users LIMIT 1", &[])?.is_some())
}

/// Ends the sessions of somebody, but perhaps one.
pub(crate) fn end_sessions(tx: &mut Tx<'_>, user: i64, except: Option<SessionId>) -> Result<u64, Error> {
    let except = except.map(|id| id.to_string()).unwrap_or_default();
    tx.execute("DELETE FROM sessions WHERE user_number = $1 AND id <> $2", &values![user, except])
}

/// Gives somebody another password, ends their sessions but perhaps one, and all links with which one could be set.
pub(crate) fn write_password(
    tx: &mut Tx<'_>,
    user: i64,
    hash: &str,
    keep: Option<SessionId>,
    now: Time,
) -> Result<(), Error> {
    let sql = "UPDATE users SET password_hash = $2, version = version + 1, updated_at = $3 WHERE number = $1";
    tx.execute(sql, &values![user, hash, now])?;
    end_sessions(tx, user, keep)?;
    words::end(tx, user)
}

impl Store {
    /// Makes the first account; `false` when the word is not that of a set-up link, or there is an account already.
    pub async fn create_first_user(&self, new: FirstUser) -> Result<bool, Error> {
        self.change(move |tx, telling| {
            // Of two at the same moment, one waits here and then finds the other's.
            let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
            let sql = format!("SELECT number FROM workspaces WHERE number = $1{lock}");
            tx.query(&sql, &values![new.member.workspace])?;
            if has_users(tx)? || !words::is_set_up(tx, new.word)? {
                return Ok(false);
            }
            words::end_set_up(tx)?;
            let FirstUser { user, member, session, .. } = new;
            let by = Oneself { user: user.id, whence: session.whence() }.by(member.workspace);
            if insert_user(tx, &user)?.is_none() || !insert_member(tx, member)? {
                return Ok(false);
            }
            members::note_joined(tx, telling, &by, member.id, member.now)?;
            insert_session(tx, session)
        })
        .await
    }

    /// An account by its address of mail.
    pub async fn account_by_email(&self, email: Address) -> Result<Option<Account>, Error> {
        self.main.read(move |tx| find(tx, "u.email_key = $1", email.key())).await
    }

    /// An account by its id.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, Error> {
        self.main.read(move |tx| find(tx, "u.id = $1", id)).await
    }

    /// Everybody with an account, oldest first.
    pub async fn list_users(&self) -> Result<Vec<User>, Error> {
        self.main
            .scan(|tx| {
                let rows = tx.query(&format!("SELECT {USER} FROM users u ORDER BY u.number"), &[])?;
                rows.into_iter().map(|row| user(&mut row.columns("users"))).collect()
            })
            .await
    }

    /// Gives somebody another name; `None` when there is no such person.
    pub async fn rename_user(&self, id: UserId, name: String, now: Time) -> Result<Option<User>, Error> {
        self.main
            .write(move |tx| {
                let sql = format!(
                    "UPDATE users SET name = $2, version = version + 1, updated_at = $3 WHERE id = $1 RETURNING {WRITTEN_USER}"
                );
                tx.first(&sql, &values![id, name, now])?.map(|row| user(&mut row.columns("users"))).transpose()
            })
            .await
    }

    /// Gives somebody another password, and ends their sessions but the one in which they ask for it.
    pub async fn set_password(&self, asker: Asker, hash: String, now: Time) -> Result<Result<(), Outdated>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = still(tx, &asker)? else { return Ok(Err(Outdated)) };
                write_password(tx, number, &hash, asker.session(), now)?;
                activity::note(tx, number, &asker.whence(), now, Activity::PasswordChanged, None).map(Ok)
            })
            .await
    }

    /// Lets somebody sign in no more, or again. Their sessions end, and the links that were sent to them.
    pub async fn set_user_disabled(&self, id: UserId, is_disabled: bool, now: Time) -> Result<Option<User>, Error> {
        self.main
            .write(move |tx| {
                let Some(number) = user_number(tx, id)? else { return Ok(None) };
                let sql = format!(
                    "UPDATE users SET disabled_at = $2, version = version + 1, updated_at = $3 \
                     WHERE number = $1 AND (disabled_at IS NULL) = $4 RETURNING {WRITTEN_USER}"
                );
                let all = values![number, is_disabled.then_some(now), now, is_disabled];
                if let Some(row) = tx.first(&sql, &all)? {
                    end_sessions(tx, number, None)?;
                    words::end(tx, number)?;
                    let action = if is_disabled { Activity::Disabled } else { Activity::Enabled };
                    activity::note(tx, number, &Whence::default(), now, action, None)?;
                    return user(&mut row.columns("users")).map(Some);
                }
                // They were so before.
                Ok(find(tx, "u.id = $1", id)?.map(|account| account.user))
            })
            .await
    }
}
