//! Workspaces, and what belongs to the installation as a whole.

use mask_core::{id::WorkspaceId, time::Time, workspace::Workspace};

use crate::{
    Error, Store,
    db::{Row, values},
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

const COLUMNS: &str = "id, number, name, slug, created_at";

fn workspace(row: Row) -> Result<Workspace, Error> {
    let mut row = row.columns("workspaces");
    Ok(Workspace {
        id: row.parsed("id", WorkspaceId::parse)?,
        number: row.integer("number")?,
        name: row.text("name")?,
        slug: row.text("slug")?,
        created_at: row.time("created_at")?,
    })
}

impl Store {
    /// Makes a workspace; `None` when its slug is taken.
    pub async fn create_workspace(&self, new: NewWorkspace) -> Result<Option<Workspace>, Error> {
        self.main
            .write(move |tx| {
                let sql = format!("INSERT INTO workspaces (id, name, slug, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING RETURNING {COLUMNS}");
                tx.first(&sql, &values![new.id.to_string(), new.name, new.slug, new.now])?.map(workspace).transpose()
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
