//! Identities: who people are with a provider elsewhere.
//!
//! A person is known by the provider's own name for them, which never changes. The first time, it is the address of mail
//! that tells whether there is an account already; the provider has verified it, and the operator has chosen the provider.
//! What their groups make them is written in the same step, so nobody is signed in with what they were before.

use mask_core::{
    action::Action,
    activity::Activity,
    id::{MemberId, UserId},
    mail::Address,
    person::User,
    role::Role,
    time::Time,
};

use crate::{
    Deed, Error, NewUser, Object, Oneself, Store, Whence, accounts, activity,
    db::{Dialect, Row, Tx, values},
    members, people,
    shown::holding,
    webhooks::Telling,
    words,
};

/// Somebody whom a provider knows.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// The provider.
    pub issuer: String,
    /// Its name for them.
    pub subject: String,
    /// Their address, which the provider has verified.
    pub email: Address,
    /// What they are called.
    pub name: String,
    /// What they are in workspaces by their groups: a place's id for the case that they had none, the workspace's slug, and
    /// their role, or nothing.
    pub roles: Vec<(MemberId, String, Option<Role>)>,
    /// The id of their account, if they get one now; `None` where nobody gets one.
    pub new_user: Option<UserId>,
    /// In which request they come, and from where.
    pub whence: Whence,
    /// The time.
    pub now: Time,
}

/// Why somebody whom the provider knows is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unidentified {
    /// They have no account, and get none.
    Stranger,
    /// The installation has no account at all yet: its first is made with the set-up link.
    NotSetUp,
    /// They may not sign in.
    Disabled,
}

/// The person with this identity, if they were here before.
fn known(tx: &mut Tx<'_>, new: &NewIdentity) -> Result<Option<(i64, User)>, Error> {
    let sql = format!(
        "SELECT i.user_number, {} FROM identities i JOIN users u ON u.number = i.user_number \
         WHERE i.issuer = $1 AND i.subject = $2",
        people::USER
    );
    numbered(tx.first(&sql, &values![&new.issuer, &new.subject])?)
}

/// A person's number, and the person.
fn numbered(row: Option<Row>) -> Result<Option<(i64, User)>, Error> {
    let Some(row) = row else { return Ok(None) };
    let mut row = row.columns("users");
    Ok(Some((row.integer("number")?, people::user(&mut row)?)))
}

/// The account with this address, which nobody else changes until the transaction ends.
fn by_email(tx: &mut Tx<'_>, email: &Address) -> Result<Option<(i64, User)>, Error> {
    let sql = format!("SELECT u.number, {} FROM users u WHERE u.email_key = $1{}", people::USER, holding(tx));
    numbered(tx.first(&sql, &values![email.key()])?)
}

/// The account of whoever comes for the first time: the one with their address, or a new one.
fn first_time(tx: &mut Tx<'_>, new: &NewIdentity) -> Result<Result<(i64, User), Unidentified>, Error> {
    let found = match by_email(tx, &new.email)? {
        // Whoever may not sign in keeps what they sign in with: it may be given back to them.
        Some((_, user)) if user.disabled_at.is_some() => return Ok(Err(Unidentified::Disabled)),
        Some(found) => {
            take_over(tx, &found)?;
            found
        }
        None => match make(tx, new)? {
            Ok(made) => made,
            Err(why) => return Ok(Err(why)),
        },
    };
    let sql = "INSERT INTO identities (issuer, subject, user_number, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (issuer, subject) DO NOTHING";
    tx.execute(sql, &values![&new.issuer, &new.subject, found.0, new.now])?;
    activity::note(tx, found.0, &new.whence, new.now, Activity::IdentityLinked, None)?;
    Ok(Ok(found))
}

/// The account is theirs who read its mail. Somebody else may have made it with their address beforehand, and waits: so what it
/// was signed in with until now counts no more. The installation's own, which nobody can make, is left as it is.
fn take_over(tx: &mut Tx<'_>, (number, user): &(i64, User)) -> Result<(), Error> {
    if user.is_admin {
        return Ok(());
    }
    accounts::end_sessions(tx, *number, None)?;
    words::end(tx, *number)?;
    for table in ["second_factors", "recovery_codes"] {
        tx.execute(&format!("DELETE FROM {table} WHERE user_number = $1"), &values![*number])?;
    }
    tx.execute("UPDATE users SET password_hash = NULL WHERE number = $1", &values![*number]).map(drop)
}

fn make(tx: &mut Tx<'_>, new: &NewIdentity) -> Result<Result<(i64, User), Unidentified>, Error> {
    let Some(id) = new.new_user else { return Ok(Err(Unidentified::Stranger)) };
    if !accounts::has_users(tx)? {
        return Ok(Err(Unidentified::NotSetUp));
    }
    let (email, name) = (new.email.clone(), new.name.clone());
    people::insert_user(tx, &NewUser { id, email, name, password_hash: None, is_admin: false, now: new.now })?;
    let made = by_email(tx, &new.email)?;
    made.map(Ok).ok_or_else(|| Error::Defect("an account vanished in its own transaction".to_owned()))
}

/// Gives them the place in a workspace that their groups stand for, or takes it. An owner stays one.
fn place(
    tx: &mut Tx<'_>,
    telling: &Telling,
    (user, who): (i64, &Oneself),
    place: &(MemberId, String, Option<Role>),
    now: Time,
) -> Result<(), Error> {
    let (id, slug, role) = place;
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT number FROM workspaces WHERE slug = $1 AND deleted_at IS NULL{lock}");
    let Some(row) = tx.first(&sql, &values![slug])? else { return Ok(()) };
    let workspace = row.columns("workspaces").integer("number")?;
    let before = members::of_user(tx, workspace, user)?;
    if let Some(role) = role {
        give(tx, (*id, workspace, user), *role, now)?;
    } else {
        let sql = "DELETE FROM members WHERE workspace = $1 AND user_number = $2 AND role <> 'owner'";
        tx.execute(sql, &values![workspace, user])?;
    }
    let after = members::of_user(tx, workspace, user)?;
    let (action, deed) = match (&before, &after) {
        (Some(old), Some(new)) if old.role != new.role => {
            (Action::MemberUpdated, Deed::of(Object::Member(old), Object::Member(new)))
        }
        (None, Some(new)) => (Action::MemberCreated, Deed::made(Object::Member(new))),
        (Some(old), None) => (Action::MemberDeleted, Deed::deleted(Object::Member(old))),
        _ => return Ok(()),
    };
    telling.note(&who.clone().by(workspace), now, action, deed);
    Ok(())
}

fn give(tx: &mut Tx<'_>, (id, workspace, user): (MemberId, i64, i64), role: Role, now: Time) -> Result<(), Error> {
    let sql = "INSERT INTO members (id, workspace, user_number, role, version, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, 1, $5, $5) ON CONFLICT (workspace, user_number) DO UPDATE \
               SET role = excluded.role, version = members.version + 1, updated_at = excluded.updated_at \
               WHERE members.role <> 'owner' AND members.role <> excluded.role";
    tx.execute(sql, &values![id, workspace, user, role.as_str(), now]).map(drop)
}

impl Store {
    /// Who somebody is whom a provider knows, with what their groups make them.
    pub async fn identify(&self, new: NewIdentity) -> Result<Result<User, Unidentified>, Error> {
        self.change(move |tx, telling| {
            let found = match known(tx, &new)? {
                Some(found) => Ok(found),
                None => first_time(tx, &new)?,
            };
            let (number, user) = match found {
                Ok((_, user)) if user.disabled_at.is_some() => return Ok(Err(Unidentified::Disabled)),
                Ok(found) => found,
                Err(why) => return Ok(Err(why)),
            };
            let who = Oneself { user: user.id, whence: new.whence };
            for role in &new.roles {
                place(tx, telling, (number, &who), role, new.now)?;
            }
            Ok(Ok(user))
        })
        .await
    }
}
