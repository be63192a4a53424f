//! Workspaces, and what belongs to the installation as a whole.
//!
//! A workspace that was deleted keeps all that it has for as long as that can be taken back, and nothing of it is there for
//! anybody meanwhile. Each query by which somebody comes to something of a workspace without naming it first asks
//! [`is_there`]: that of a key, of a membership, of what lives at an address, of what workers have to do. Rejected: to move
//! what it has elsewhere, which would take as long as it is large, twice.

use mask_core::{
    action::Action,
    actor::Actor,
    cursor::Cursor,
    id::{MemberId, UserId, WorkspaceId},
    role::{Right, Role},
    time::Time,
    workspace::{DEFAULT_SLUG, Owner, UNDO, Workspace},
};

use crate::{
    By, Deed, Error, Expected, Keep, Listed, NewMember, Object, Once, Oneself, Store,
    db::{Columns, Dialect, Row, Tx, Value, values},
    domains, members, people,
    turns::Turn,
    webhooks::Telling,
};

/// A workspace to be made.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// The time of its making.
    pub now: Time,
}

/// Why a workspace was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfounded {
    /// Its slug is another's.
    Taken,
    /// Whoever asks has as many as they may.
    TooMany,
}

/// Why a workspace was not deleted, or not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeleted {
    /// There is no such workspace, or none that could be taken back any more.
    Absent,
    /// Whoever asks is not its owner.
    NoOwner,
    /// It has another name.
    OtherName,
    /// It is the default one, which stays.
    Default,
    /// It was changed since whoever asks last saw it.
    Changed,
}

const COLUMNS: &str = "id, number, name, slug, version, created_at, updated_at, deleted_at";

/// The same of a table that a query calls `w`.
pub(crate) const OF_W: &str = "w.id, w.number, w.name, w.slug, w.version, w.created_at, w.updated_at, w.deleted_at";

fn workspace(row: Row) -> Result<Workspace, Error> {
    read(&mut row.columns("workspaces"))
}

pub(crate) fn read(row: &mut Columns) -> Result<Workspace, Error> {
    Ok(Workspace {
        id: row.parsed("id", WorkspaceId::parse)?,
        number: row.integer("number")?,
        name: row.text("name")?,
        slug: row.text("slug")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        deleted_at: row.optional_time("deleted_at")?,
    })
}

fn of(tx: &mut Tx<'_>, owner: Owner) -> Result<Option<Workspace>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE number = $1");
    tx.first(&sql, &values![owner.workspace])?.map(workspace).transpose()
}

/// What tells in a query that the workspace of an owner, which stands in this column, was not deleted.
pub(crate) fn is_there(owner: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM workspaces gone WHERE gone.number = {owner} / 2 AND gone.deleted_at IS NOT NULL)"
    )
}

/// The numbers of those that were deleted.
pub(crate) fn deleted(tx: &mut Tx<'_>) -> Result<Vec<i64>, Error> {
    let rows = tx.query("SELECT number FROM workspaces WHERE deleted_at IS NOT NULL ORDER BY number", &[])?;
    rows.into_iter().map(|row| row.columns("workspaces").integer("number")).collect()
}

/// A workspace that was not deleted.
pub(crate) fn find(tx: &mut Tx<'_>, number: i64) -> Result<Option<Workspace>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE number = $1 AND deleted_at IS NULL");
    tx.first(&sql, &values![number])?.map(workspace).transpose()
}

/// The same, and nobody else changes it, or who is in it, until this transaction ends.
pub(crate) fn lock(tx: &mut Tx<'_>, number: i64) -> Result<Option<Workspace>, Error> {
    lock_where(tx, "number = $1 AND deleted_at IS NULL", &values![number])
}

fn lock_where(tx: &mut Tx<'_>, condition: &str, values: &[Value]) -> Result<Option<Workspace>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE {condition}{lock}");
    tx.first(&sql, values)?.map(workspace).transpose()
}

/// Says since when a workspace is deleted, or that it is not, and lets every node know: its domains serve nothing of it from
/// then on, or again.
fn mark(tx: &mut Tx<'_>, old: Workspace, deleted_at: Option<Time>, now: Time) -> Result<Workspace, Error> {
    let version = old.version + 1;
    let sql = "UPDATE workspaces SET deleted_at = $2, version = $3, updated_at = $4 WHERE number = $1";
    tx.execute(sql, &values![old.number, deleted_at, version, now])?;
    let owner = |is_test| Owner { workspace: old.number, is_test };
    domains::note_change_of(tx, owner(false), owner(true))?;
    Ok(Workspace { deleted_at, version, updated_at: now, ..old })
}

fn delete(
    tx: &mut Tx<'_>,
    by: &By,
    telling: &Telling,
    expected: &Expected,
    name: &str,
    now: Time,
) -> Result<Result<Workspace, Undeleted>, Error> {
    let Some(old) = lock(tx, by.owner.workspace)? else { return Ok(Err(Undeleted::Absent)) };
    Ok(match members::standing(tx, by.actor, old.number)? {
        None => Err(Undeleted::Absent),
        Some(role) if role < Right::Delete.least() => Err(Undeleted::NoOwner),
        Some(_) if old.slug == DEFAULT_SLUG => Err(Undeleted::Default),
        Some(_) if !expected.takes(old.version) => Err(Undeleted::Changed),
        Some(_) if old.name != name => Err(Undeleted::OtherName),
        Some(_) => {
            telling.note(by, now, Action::WorkspaceDeleted, Deed::deleted(Object::Workspace(&old)));
            Ok(mark(tx, old, Some(now), now)?)
        }
    })
}

fn restore(
    tx: &mut Tx<'_>,
    who: Oneself,
    telling: &Telling,
    slug: &str,
    now: Time,
) -> Result<Result<Workspace, Undeleted>, Error> {
    let Some(old) = lock_where(tx, "slug = $1", &values![slug])? else { return Ok(Err(Undeleted::Absent)) };
    let is_over = old.deleted_at.is_some_and(|at| at.after(UNDO) <= now);
    Ok(match members::standing(tx, Actor::Person(who.user), old.number)? {
        None => Err(Undeleted::Absent),
        Some(_) if is_over => Err(Undeleted::Absent),
        Some(role) if role < Right::Delete.least() => Err(Undeleted::NoOwner),
        // Whoever asks twice has what they want.
        Some(_) if old.deleted_at.is_none() => Ok(old),
        Some(_) => {
            let by = who.by(old.number);
            let new = mark(tx, old.clone(), None, now)?;
            let deed = Deed::of(Object::Workspace(&old), Object::Workspace(&new));
            telling.note(&by, now, Action::WorkspaceRestored, deed);
            Ok(new)
        }
    })
}

/// Makes a workspace; who did is said once it has a number.
fn create(
    tx: &mut Tx<'_>,
    maker: Option<UserId>,
    by: impl FnOnce(i64) -> By,
    telling: &Telling,
    new: &NewWorkspace,
) -> Result<Option<Workspace>, Error> {
    let sql = format!(
        "INSERT INTO workspaces (id, name, slug, created_at, updated_at, made_by) VALUES ($1, $2, $3, $4, $4, $5) \
         ON CONFLICT (slug) DO NOTHING RETURNING {COLUMNS}"
    );
    let row = tx.first(&sql, &values![new.id.to_string(), &new.name, &new.slug, new.now, maker])?;
    let made = row.map(workspace).transpose()?;
    if let Some(workspace) = &made {
        let deed = Deed::made(Object::Workspace(workspace));
        telling.note(&by(workspace.number), new.now, Action::WorkspaceCreated, deed);
    }
    Ok(made)
}

/// How many workspaces are somebody's: those that they own, and those that they have made, whoever owns them by now. One that was
/// deleted counts until nothing of it is left. So neither handing one over nor deleting it makes room for the next at once.
fn count_of(tx: &mut Tx<'_>, user: UserId) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM \
               (SELECT number FROM workspaces WHERE made_by = $1 AND removed_at IS NULL \
                UNION SELECT m.workspace FROM members m JOIN users u ON u.number = m.user_number \
                WHERE u.id = $1 AND m.role = 'owner') AS theirs";
    tx.first(sql, &values![user])?.map_or(Ok(0), |row| row.columns("workspaces").integer("count"))
}

fn create_own(
    tx: &mut Tx<'_>,
    telling: &Telling,
    new: &NewWorkspace,
    (who, id): (Oneself, MemberId),
    most: Option<u32>,
) -> Result<Result<Workspace, Unfounded>, Error> {
    let user = who.user;
    if let Some(most) = most {
        Turn::Workspaces(&user.to_string()).take(tx)?;
        if count_of(tx, user)? >= i64::from(most) {
            return Ok(Err(Unfounded::TooMany));
        }
    }
    let made = create(tx, Some(user), |number| who.by(number), telling, new)?;
    let Some(made) = made else { return Ok(Err(Unfounded::Taken)) };
    let place = NewMember { id, workspace: made.number, user, role: Role::Owner, now: new.now };
    if !people::insert_member(tx, place)? {
        return Err(Error::Defect("an account vanished while it was signed in".to_owned()));
    }
    Ok(Ok(made))
}

impl Store {
    /// Makes a workspace, for the installation itself; `None` when its slug is taken.
    pub async fn create_workspace(&self, new: NewWorkspace) -> Result<Option<Workspace>, Error> {
        let by = |workspace| By::from(Owner { workspace, is_test: false });
        self.change(move |tx, telling| create(tx, None, by, telling, &new)).await
    }

    /// Makes a workspace whose owner is this person, unless `most` are theirs already.
    pub async fn create_own_workspace(
        &self,
        new: NewWorkspace,
        (who, id): (impl Into<Oneself>, MemberId),
        most: Option<u32>,
        keep: Option<Keep<Result<Workspace, Unfounded>>>,
    ) -> Result<Once<Result<Workspace, Unfounded>>, Error> {
        let place = (who.into(), id);
        self.change(move |tx, telling| Once::run(tx, keep, |tx| create_own(tx, telling, &new, place, most))).await
    }

    /// A page of the workspaces that a person has a place in, and what they are there, oldest first; also of those that were
    /// deleted and can still be taken back.
    pub async fn list_own_workspaces(
        &self,
        user: UserId,
        now: Time,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Listed<(Workspace, Role)>, Error> {
        self.main
            .read(move |tx| {
                let undo_ms = i64::try_from(UNDO.as_millis()).unwrap_or(i64::MAX);
                let since = Time::from_unix_millis(now.unix_millis().saturating_sub(undo_ms));
                let after = after.map_or_else(String::new, |cursor| cursor.id);
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let sql = format!(
                    "SELECT m.role, {OF_W} FROM members m JOIN users u ON u.number = m.user_number \
                     JOIN workspaces w ON w.number = m.workspace \
                     WHERE u.id = $1 AND w.id > $2 AND (w.deleted_at IS NULL OR w.deleted_at > $3) ORDER BY w.id LIMIT $4"
                );
                let own = |row: Row| {
                    let mut row = row.columns("workspaces");
                    let role = row.parsed("role", Role::parse)?;
                    Ok((read(&mut row)?, role))
                };
                let rows = tx.query(&sql, &values![user, after, since, most])?;
                let rows = rows.into_iter().map(own).collect::<Result<Vec<_>, Error>>()?;
                Ok(Listed::of(rows, limit, |(workspace, _)| workspace.id.to_string()))
            })
            .await
    }

    /// Deletes a workspace whose name was typed back by an owner of it: nothing of it is there any more, until it is taken back
    /// within [`UNDO`].
    pub async fn delete_workspace(
        &self,
        by: impl Into<By>,
        expected: Expected,
        name: String,
        now: Time,
    ) -> Result<Result<Workspace, Undeleted>, Error> {
        let by = by.into();
        self.change(move |tx, telling| delete(tx, &by, telling, &expected, &name, now)).await
    }

    /// Takes back that a workspace was deleted: all of it is there again, as it was.
    pub async fn restore_workspace(
        &self,
        who: impl Into<Oneself>,
        slug: String,
        now: Time,
        keep: Option<Keep<Result<Workspace, Undeleted>>>,
    ) -> Result<Once<Result<Workspace, Undeleted>>, Error> {
        let who = who.into();
        self.change(move |tx, telling| Once::run(tx, keep, |tx| restore(tx, who, telling, &slug, now))).await
    }

    /// A workspace by its slug.
    pub async fn workspace_by_slug(&self, slug: String) -> Result<Option<Workspace>, Error> {
        self.main
            .read(move |tx| {
                tx.first(&format!("SELECT {COLUMNS} FROM workspaces WHERE slug = $1"), &values![slug])?
                    .map(workspace)
                    .transpose()
            })
            .await
    }

    /// The workspace that an owner belongs to.
    pub async fn workspace_of(&self, owner: Owner) -> Result<Option<Workspace>, Error> {
        self.main.read(move |tx| of(tx, owner)).await
    }

    /// Forgets visitors, as [`Store::forget_visitors`] does, because somebody asks for it. What is recorded of visits may be
    /// in another file than the log of changes, and no transaction spans both: the log says first what was asked for.
    pub async fn forget_own_visitors(&self, by: impl Into<By>, before: Time, now: Time) -> Result<(), Error> {
        let by = by.into();
        let owner = by.owner;
        self.change(move |tx, telling| {
            if let Some(workspace) = of(tx, by.owner)? {
                let deed = Deed::deleted(Object::Visitors(&workspace, before));
                telling.note(&by, now, Action::VisitorDataDeleted, deed);
            }
            Ok(())
        })
        .await?;
        self.forget_visitors(Some(owner), before).await
    }

    /// Gives a workspace another name; its slug never changes. `Ok(None)` when there is none at an expected version.
    pub async fn rename_workspace(
        &self,
        by: impl Into<By>,
        expected: Expected,
        name: String,
        now: Time,
    ) -> Result<Option<Workspace>, Error> {
        let by = by.into();
        self.change(move |tx, telling| {
            let found = lock(tx, by.owner.workspace)?;
            let Some(old) = found.filter(|old| expected.takes(old.version)) else { return Ok(None) };
            if old.name == name {
                return Ok(Some(old));
            }
            let version = old.version + 1;
            let sql = "UPDATE workspaces SET name = $2, version = $3, updated_at = $4 WHERE number = $1";
            tx.execute(sql, &values![by.owner.workspace, &name, version, now])?;
            let new = Workspace { name, version, updated_at: now, ..old.clone() };
            let deed = Deed::of(Object::Workspace(&old), Object::Workspace(&new));
            telling.note(&by, now, Action::WorkspaceRenamed, deed);
            Ok(Some(new))
        })
        .await
    }

    /// Every workspace, oldest first; also those that were deleted, until nothing of them is left.
    pub async fn list_workspaces(&self) -> Result<Vec<Workspace>, Error> {
        self.main
            .read(|tx| {
                tx.query(&format!("SELECT {COLUMNS} FROM workspaces WHERE removed_at IS NULL ORDER BY number"), &[])?
                    .into_iter()
                    .map(workspace)
                    .collect()
            })
            .await
    }

    /// A secret of the installation: the one that is there, or else this new one. Every node gets the same.
    pub async fn installation_secret(&self, name: &'static str, new: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.main
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                    &values![name, new],
                )?;
                let row = tx.first("SELECT value FROM installation WHERE name = $1", &values![name])?;
                row.map_or_else(
                    || Err(Error::Defect("a secret vanished in its own transaction".to_owned())),
                    |row| row.columns("installation").bytes("value"),
                )
            })
            .await
    }
}
