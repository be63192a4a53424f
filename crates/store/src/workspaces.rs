//! Workspaces, and what belongs to the installation as a whole.

use mask_core::{
    action::Action,
    id::WorkspaceId,
    time::Time,
    workspace::{Owner, Workspace},
};

use crate::{
    By, Deed, Error, Expected, Object, Store,
    db::{Columns, Dialect, Row, Tx, values},
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

const COLUMNS: &str = "id, number, name, slug, version, created_at, updated_at";

/// The same of a table that a query calls `w`.
pub(crate) const OF_W: &str = "w.id, w.number, w.name, w.slug, w.version, w.created_at, w.updated_at";

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
    })
}

fn of(tx: &mut Tx<'_>, owner: Owner) -> Result<Option<Workspace>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE number = $1");
    tx.first(&sql, &values![owner.workspace])?.map(workspace).transpose()
}

impl Store {
    /// Makes a workspace, for the installation itself; `None` when its slug is taken.
    pub async fn create_workspace(&self, new: NewWorkspace) -> Result<Option<Workspace>, Error> {
        self.change(move |tx, telling| {
            let sql = format!("INSERT INTO workspaces (id, name, slug, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (slug) DO NOTHING RETURNING {COLUMNS}");
            let row = tx.first(&sql, &values![new.id.to_string(), new.name, new.slug, new.now])?;
            let made = row.map(workspace).transpose()?;
            if let Some(workspace) = &made {
                let owner = Owner { workspace: workspace.number, is_test: false };
                let deed = Deed::made(Object::Workspace(workspace));
                telling.note(&owner.into(), new.now, Action::WorkspaceCreated, deed);
            }
            Ok(made)
        })
        .await
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
            let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
            let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE number = $1{lock}");
            let found = tx.first(&sql, &values![by.owner.workspace])?.map(workspace).transpose()?;
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

    /// Every workspace, oldest first.
    pub async fn list_workspaces(&self) -> Result<Vec<Workspace>, Error> {
        self.main
            .read(|tx| {
                tx.query(&format!("SELECT {COLUMNS} FROM workspaces ORDER BY number"), &[])?
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
