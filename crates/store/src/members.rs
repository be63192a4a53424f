//! Members of workspaces. Whoever changes who is in a workspace, or what they are there, holds the workspace's row: of two
//! such changes one sees what the other did, also where two owners demote each other at the same moment.

use mask_core::{
    action::Action,
    actor::Actor,
    cursor::Cursor,
    id::{MemberId, UserId},
    mail::Address,
    member::{Case, Member, Unallowed, Wish},
    role::Role,
    time::Time,
    workspace::{Owner, Workspace},
};

use crate::{
    By, Deed, Error, Expected, Keep, Listed, NewMember, Object, Once, Store,
    db::{Row, Tx, values},
    people,
    webhooks::Telling,
    workspaces,
};

/// Why nothing was done with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmembered {
    /// There is no such workspace for whoever asks: it is gone, or they are in it no more.
    NoWorkspace,
    /// There is no such member.
    Absent,
    /// The member's place was changed since the caller last saw it.
    Changed,
    /// It is not for the caller to do.
    Unallowed(Unallowed),
}

impl From<Unallowed> for Unmembered {
    fn from(why: Unallowed) -> Self {
        Self::Unallowed(why)
    }
}

const SELECT: &str = "SELECT m.id, u.id, u.name, u.email, m.role, m.version, m.created_at, m.updated_at \
    FROM members m JOIN users u ON u.number = m.user_number";

fn member(row: Row) -> Result<Member, Error> {
    let mut row = row.columns("members");
    Ok(Member {
        id: row.parsed("id", MemberId::parse)?,
        user: row.parsed("user_number", UserId::parse)?,
        name: row.text("name")?,
        email: row.parsed("email", Address::parse)?,
        role: row.parsed("role", Role::parse)?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// What somebody is in a workspace at this moment, for what they want to do there. A key that got as far as this may change the
/// workspace, and is an admin; the installation itself may do everything.
pub(crate) fn standing(tx: &mut Tx<'_>, actor: Actor, workspace: i64) -> Result<Option<Role>, Error> {
    match actor {
        Actor::Key(_) => Ok(Some(Role::Admin)),
        Actor::System => Ok(Some(Role::Owner)),
        Actor::Person(user) => {
            let sql = "SELECT m.role FROM members m JOIN users u ON u.number = m.user_number \
                       WHERE m.workspace = $1 AND u.id = $2 AND u.disabled_at IS NULL";
            let row = tx.first(sql, &values![workspace, user])?;
            row.map(|row| row.columns("members").parsed("role", Role::parse)).transpose()
        }
    }
}

fn find(tx: &mut Tx<'_>, workspace: i64, id: MemberId) -> Result<Option<Member>, Error> {
    let sql = format!("{SELECT} WHERE m.workspace = $1 AND m.id = $2");
    tx.first(&sql, &values![workspace, id])?.map(member).transpose()
}

/// What somebody is in a workspace, by their number.
pub(crate) fn of_user(tx: &mut Tx<'_>, workspace: i64, user: i64) -> Result<Option<Member>, Error> {
    let sql = format!("{SELECT} WHERE m.workspace = $1 AND m.user_number = $2");
    tx.first(&sql, &values![workspace, user])?.map(member).transpose()
}

/// Where the owners of a workspace are written to who may sign in, those who joined first coming first.
pub(crate) fn owners(tx: &mut Tx<'_>, workspace: i64) -> Result<Vec<Address>, Error> {
    let sql = "SELECT u.email FROM members m JOIN users u ON u.number = m.user_number \
               WHERE m.workspace = $1 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY m.id";
    let rows = tx.query(sql, &values![workspace])?.into_iter();
    rows.map(|row| row.columns("users").parsed("email", Address::parse)).collect()
}

fn other_owners(tx: &mut Tx<'_>, workspace: i64, id: MemberId) -> Result<bool, Error> {
    // One who may not sign in does nothing for it.
    let sql = "SELECT 1 FROM members m JOIN users u ON u.number = m.user_number \
               WHERE m.workspace = $1 AND m.role = 'owner' AND m.id <> $2 AND u.disabled_at IS NULL LIMIT 1";
    Ok(tx.first(sql, &values![workspace, id])?.is_some())
}

/// A member with whom this may be done, in a workspace that nobody else changes until this transaction ends.
fn to_change(
    tx: &mut Tx<'_>,
    by: &By,
    id: MemberId,
    expected: &Expected,
    wish: Wish,
) -> Result<Result<Member, Unmembered>, Error> {
    let workspace = by.owner.workspace;
    if workspaces::lock(tx, workspace)?.is_none() {
        return Ok(Err(Unmembered::NoWorkspace));
    }
    let Some(asker) = standing(tx, by.actor, workspace)? else { return Ok(Err(Unmembered::NoWorkspace)) };
    let Some(member) = find(tx, workspace, id)? else { return Ok(Err(Unmembered::Absent)) };
    let is_self = by.actor == Actor::Person(member.user);
    let is_other_owner = other_owners(tx, workspace, id)?;
    let case = Case { asker, is_self, member: member.role, is_other_owner };
    Ok(match case.judge(wish) {
        Err(why) => Err(why.into()),
        Ok(()) if !expected.takes(member.version) => Err(Unmembered::Changed),
        Ok(()) => Ok(member),
    })
}

fn give_role(tx: &mut Tx<'_>, by: &By, telling: &Telling, old: Member, role: Role, now: Time) -> Result<Member, Error> {
    if old.role == role {
        return Ok(old);
    }
    let new = Member { role, version: old.version + 1, updated_at: now, ..old.clone() };
    let sql = "UPDATE members SET role = $2, version = $3, updated_at = $4 WHERE id = $1";
    tx.execute(sql, &values![new.id, role.as_str(), new.version, now])?;
    let deed = Deed::of(Object::Member(&old), Object::Member(&new));
    telling.note(by, now, Action::MemberUpdated, deed);
    Ok(new)
}

/// Says that somebody has joined.
pub(crate) fn note_joined(tx: &mut Tx<'_>, telling: &Telling, by: &By, id: MemberId, now: Time) -> Result<(), Error> {
    if let Some(member) = find(tx, by.owner.workspace, id)? {
        telling.note(by, now, Action::MemberCreated, Deed::made(Object::Member(&member)));
    }
    Ok(())
}

/// The new owner comes first, so that there is always one; then whoever hands over is an admin.
fn transfer(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    to: MemberId,
    now: Time,
) -> Result<Result<Member, Unmembered>, Error> {
    let heir = match to_change(tx, by, to, &Expected::AnyVersion, Wish::Become(Role::Owner))? {
        Ok(heir) => heir,
        Err(why) => return Ok(Err(why)),
    };
    // Whoever may not sign in owns nothing.
    let sql = "SELECT 1 FROM users WHERE id = $1 AND disabled_at IS NULL";
    if tx.first(sql, &values![heir.user])?.is_none() {
        return Ok(Err(Unmembered::Absent));
    }
    let heir = give_role(tx, by, telling, heir, Role::Owner, now)?;
    if let Actor::Person(user) = by.actor
        && user != heir.user
    {
        let sql = format!("{SELECT} WHERE m.workspace = $1 AND u.id = $2");
        if let Some(row) = tx.first(&sql, &values![by.owner.workspace, user])? {
            give_role(tx, by, telling, member(row)?, Role::Admin, now)?;
        }
    }
    Ok(Ok(heir))
}

impl Store {
    /// A page of a workspace's members, those who joined first coming first.
    pub async fn list_members(
        &self,
        workspace: i64,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<Member>, Error> {
        self.main
            .read(move |tx| {
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!("{SELECT} WHERE m.workspace = $1 AND m.id > $2 ORDER BY m.id LIMIT $3");
                let rows = tx.query(&sql, &values![workspace, after, most])?;
                let rows = rows.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
                Ok(Listed::of(rows, limit, |member| member.id.to_string()))
            })
            .await
    }

    /// The workspaces that have no other owner than this person, or none who may sign in; those that were deleted left out.
    pub async fn workspaces_only_of(&self, user: UserId) -> Result<Vec<Workspace>, Error> {
        self.main
            .read(move |tx| {
                let sql = format!(
                    "SELECT {} FROM members m JOIN users u ON u.number = m.user_number \
                     JOIN workspaces w ON w.number = m.workspace \
                     WHERE u.id = $1 AND m.role = 'owner' AND w.deleted_at IS NULL AND NOT EXISTS \
                     (SELECT 1 FROM members o JOIN users p ON p.number = o.user_number WHERE o.workspace = m.workspace \
                     AND o.role = 'owner' AND o.id <> m.id AND p.disabled_at IS NULL) ORDER BY w.number",
                    workspaces::OF_W
                );
                let rows = tx.query(&sql, &values![user])?.into_iter();
                rows.map(|row| workspaces::read(&mut row.columns("workspaces"))).collect()
            })
            .await
    }

    /// Gives somebody a place in a workspace, or the role there if they have one, for the installation itself.
    pub async fn assign_member(&self, new: NewMember) -> Result<Result<(), Unmembered>, Error> {
        self.change(move |tx, telling| {
            let NewMember { id, workspace, user, role, now } = new;
            if workspaces::lock(tx, workspace)?.is_none() {
                return Ok(Err(Unmembered::NoWorkspace));
            }
            let by = By::from(Owner { workspace, is_test: false });
            if people::insert_member(tx, new)? {
                if let Some(member) = find(tx, workspace, id)? {
                    telling.note(&by, now, Action::MemberCreated, Deed::made(Object::Member(&member)));
                }
                return Ok(Ok(()));
            }
            let Some(number) = people::user_number(tx, user)? else { return Ok(Err(Unmembered::Absent)) };
            let Some(old) = of_user(tx, workspace, number)? else { return Ok(Err(Unmembered::Absent)) };
            if role != Role::Owner && old.role == Role::Owner && !other_owners(tx, workspace, old.id)? {
                return Ok(Err(Unallowed::LastOwner.into()));
            }
            give_role(tx, &by, telling, old, role, now).map(|_| Ok(()))
        })
        .await
    }

    /// Gives a member another role.
    pub async fn change_member(
        &self,
        by: impl Into<By>,
        id: MemberId,
        expected: Expected,
        role: Role,
        now: Time,
    ) -> Result<Result<Member, Unmembered>, Error> {
        let by = by.into();
        self.change(move |tx, telling| match to_change(tx, &by, id, &expected, Wish::Become(role))? {
            Ok(old) => give_role(tx, &by, telling, old, role, now).map(Ok),
            Err(why) => Ok(Err(why)),
        })
        .await
    }

    /// Takes a member out of the workspace; answers what they were. Whoever it is may do so for themselves.
    pub async fn remove_member(
        &self,
        by: impl Into<By>,
        id: MemberId,
        expected: Expected,
        now: Time,
    ) -> Result<Result<Member, Unmembered>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let removed = to_change(tx, &by, id, &expected, Wish::Leave)?;
            if let Ok(member) = &removed {
                tx.execute("DELETE FROM members WHERE id = $1", &values![id])?;
                telling.note(&by, now, Action::MemberDeleted, Deed::deleted(Object::Member(member)));
            }
            Ok(removed)
        })
        .await
    }

    /// Makes another member an owner, and an admin of the owner who asks for it. Answers the new owner.
    pub async fn transfer_workspace(
        &self,
        by: impl Into<By>,
        to: MemberId,
        now: Time,
        keep: Option<Keep<Result<Member, Unmembered>>>,
    ) -> Result<Once<Result<Member, Unmembered>>, Error> {
        let by = by.into();
        self.change(move |tx, telling| Once::run(tx, keep, |tx| transfer(tx, &by, telling, to, now))).await
    }
}
