//! `mask workspaces`: the walls between teams; and workspaces as people name them on a command line: by slug, or by the id
//! that the API shows.

use clap::{Args, Subcommand};
use mask::{
    clock::{Clock, Ids},
    setup,
};
use mask_core::{
    Refused,
    id::WorkspaceId,
    workspace::{self, Workspace},
};
use mask_store::{NewWorkspace, Store};

use super::{Failure, SETTINGS_HELP, keys::with_store, print, say, settings::Common, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Create(Create),
    List(List),
}

/// Make a workspace
///
/// Nothing of one workspace is visible in another. `mask keys create --workspace SLUG` makes a key that reaches it. Its id
/// stands alone on the last line of stdout.
///
/// Example: mask workspaces create --slug marketing --name Marketing
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Create {
    /// Its name in addresses, which never changes: 2 to 48 of a-z, 0-9 and hyphens.
    ///
    /// Example: --slug marketing
    #[arg(long, value_parser = workspace::parse_new_slug)]
    slug: String,
    /// What people call it, 1 to 100 characters.
    ///
    /// Example: --name "Marketing Europe"
    #[arg(long, value_parser = workspace::parse_name)]
    name: String,
    #[command(flatten)]
    common: Common,
}

/// Show all workspaces, oldest first
///
/// Example: mask workspaces list
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct List {
    #[command(flatten)]
    common: Common,
}

/// Somebody has it already.
#[derive(Debug, thiserror::Error)]
#[error("there is a workspace {0:?} already; `mask workspaces list` shows all there are")]
struct Taken(String);

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => with_store(&create.common, async |store, clock| create.run(store, clock).await),
            Self::List(list) => with_store(&list.common, async |store, _| show(store).await),
        }
    }
}

impl Create {
    async fn run(&self, store: &Store, clock: &Clock) -> Result<(), Failure> {
        let ids = Ids::default();
        // The default one is the first of every installation.
        setup::ensure_workspace(store, clock, &ids).await?;
        let now = clock.now();
        let id = WorkspaceId::from_bits(ids.next(now));
        let new = NewWorkspace { id, name: self.name.clone(), slug: self.slug.clone(), now };
        let made = store.create_workspace(new).await?.ok_or_else(|| Taken(self.slug.clone()))?;
        say(&format!(
            "Made the workspace {:?}; `mask keys create --workspace {}` makes a key for it.",
            made.name, made.slug
        ));
        print(&format!("{}\n", made.id))
    }
}

async fn show(store: &Store) -> Result<(), Failure> {
    let rows = store.list_workspaces().await?.into_iter().map(|workspace| {
        let deleted = workspace.deleted_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        vec![workspace.id.to_string(), workspace.slug, workspace.name, workspace.created_at.to_string(), deleted]
    });
    let head = ["ID", "SLUG", "NAME", "CREATED", "DELETED"].map(str::to_owned).to_vec();
    print(&table::render(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

/// Nobody has made it.
#[derive(Debug, thiserror::Error)]
#[error("there is no workspace {name:?}; there {}: {known}", if *.is_one { "is" } else { "are" })]
struct Unknown {
    name: String,
    known: String,
    is_one: bool,
}

/// Checks that this could name a workspace.
pub(super) fn parse(text: &str) -> Result<String, Refused> {
    if WorkspaceId::parse(text).is_ok() { Ok(text.to_owned()) } else { workspace::parse_slug(text) }
}

/// The workspace of this name, unless it was deleted; otherwise says which there are.
pub(super) async fn find(store: &Store, name: &str) -> Result<Workspace, Failure> {
    let mut all = store.list_workspaces().await?;
    all.retain(|workspace| workspace.deleted_at.is_none());
    let place = all.iter().position(|workspace| workspace.slug == name || workspace.id.to_string() == name);
    if let Some(place) = place {
        return Ok(all.swap_remove(place));
    }
    let known: Vec<_> = all.iter().map(|workspace| format!("{} ({})", workspace.slug, workspace.id)).collect();
    let known = if known.is_empty() { "none, as no server has run here".to_owned() } else { known.join(", ") };
    Err(Unknown { name: name.to_owned(), known, is_one: all.len() == 1 }.into())
}
