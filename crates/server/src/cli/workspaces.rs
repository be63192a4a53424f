//! Workspaces, as people name them on a command line: by slug, or by the id that the API shows.

use mask_core::{
    Refused,
    id::WorkspaceId,
    workspace::{self, Workspace},
};
use mask_store::Store;

use super::Failure;

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

/// The workspace of this name; otherwise says which there are.
pub(super) async fn find(store: &Store, name: &str) -> Result<Workspace, Failure> {
    let mut all = store.list_workspaces().await?;
    let place = all.iter().position(|workspace| workspace.slug == name || workspace.id.to_string() == name);
    if let Some(place) = place {
        return Ok(all.swap_remove(place));
    }
    let known: Vec<_> = all.iter().map(|workspace| format!("{} ({})", workspace.slug, workspace.id)).collect();
    let known = if known.is_empty() { "none, as no server has run here".to_owned() } else { known.join(", ") };
    Err(Unknown { name: name.to_owned(), known, is_one: all.len() == 1 }.into())
}
