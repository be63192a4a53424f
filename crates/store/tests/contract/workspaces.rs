//! Workspaces, the installation's secrets, and what the store says of itself.

use mask_core::{
    id::{self, WorkspaceId},
    workspace::{Owner, Workspace},
};
use mask_store::{Expected, NewWorkspace};

use crate::{
    backend::{Backend, Place, on_every_backend},
    sample::{LIVE, at, make, new_link},
};

on_every_backend!(create_find_and_list, a_slug_is_taken_once, a_name_changes, secrets, what_it_says_of_itself);

fn new(n: u32, slug: &str) -> NewWorkspace {
    NewWorkspace {
        id: WorkspaceId::from_bits(id::at(at(i64::from(n)), n.into())),
        name: format!("Größe & Söhne {n}"),
        slug: slug.to_owned(),
        now: at(i64::from(n)),
    }
}

async fn create_find_and_list(backend: &Backend) {
    let store = &backend.store;
    assert_eq!(store.list_workspaces().await.expect("the store works"), []);
    // The later id is made first: the list goes by the order of making.
    let first = store.create_workspace(new(2, "zeta")).await.expect("the store works").expect("its slug is free");
    let second = store.create_workspace(new(1, "alpha")).await.expect("the store works").expect("its slug is free");
    let wanted = new(2, "zeta");
    let made = Workspace {
        id: wanted.id,
        number: first.number,
        name: wanted.name,
        slug: wanted.slug,
        version: 1,
        created_at: wanted.now,
        updated_at: wanted.now,
        deleted_at: None,
    };
    assert_eq!(first, made);
    assert!(first.number > 0 && second.number > first.number);
    assert_eq!(store.workspace_by_slug("alpha".to_owned()).await.expect("the store works"), Some(second.clone()));
    assert_eq!(store.workspace_by_slug("ALPHA".to_owned()).await.expect("the store works"), None);
    assert_eq!(store.list_workspaces().await.expect("the store works"), [first, second]);
}

async fn a_slug_is_taken_once(backend: &Backend) {
    let store = &backend.store;
    assert!(store.create_workspace(new(1, "default")).await.expect("the store works").is_some());
    assert_eq!(store.create_workspace(new(2, "default")).await.expect("the store works"), None);
    assert_eq!(store.list_workspaces().await.expect("the store works").len(), 1);
}

async fn a_name_changes(backend: &Backend) {
    let store = &backend.store;
    let made = store.create_workspace(new(1, "default")).await.expect("the store works").expect("its slug is free");
    store.create_workspace(new(2, "other")).await.expect("the store works").expect("its slug is free");
    let (live, test) =
        (Owner { workspace: made.number, is_test: false }, Owner { workspace: made.number, is_test: true });
    let rename = async |owner, expected, name: &str| {
        store.rename_workspace(owner, expected, name.to_owned(), at(500)).await.expect("the store works")
    };
    let renamed = Workspace { name: "Söhne".to_owned(), version: 2, updated_at: at(500), ..made.clone() };
    assert_eq!(rename(live, Expected::OneOf(vec![2]), "Söhne").await, None, "it is at its first version");
    assert_eq!(rename(test, Expected::OneOf(vec![1]), "Söhne").await, Some(renamed.clone()));
    assert_eq!(rename(live, Expected::AnyVersion, "Söhne").await, Some(renamed.clone()), "nothing to do is no change");
    for owner in [live, test] {
        assert_eq!(store.workspace_of(owner).await.expect("the store works"), Some(renamed.clone()));
    }
    let nobody = Owner { workspace: 99, is_test: false };
    assert_eq!(
        (rename(nobody, Expected::AnyVersion, "x").await, store.workspace_of(nobody).await.expect("the store works")),
        (None, None)
    );
    let other = store.workspace_by_slug("other".to_owned()).await.expect("the store works").expect("it is there");
    assert_eq!(other.name, new(2, "other").name);
}

async fn secrets(backend: &Backend) {
    let store = &backend.store;
    let every_byte: Vec<u8> = (0..=255).collect();
    assert_eq!(store.installation_secret("visitors", every_byte.clone()).await.expect("the store works"), every_byte);
    assert_eq!(store.installation_secret("visitors", vec![1]).await.expect("the store works"), every_byte);
    assert_eq!(store.installation_secret("other", vec![1]).await.expect("the store works"), [1]);
}

async fn what_it_says_of_itself(backend: &Backend) {
    let store = &backend.store;
    store.ping().await.expect("every database answers");
    assert!(store.schema_version().await.expect("the store works") >= 1);
    let engine = store.engine().await.expect("the store works");
    let name = if matches!(backend.place, Place::Sqlite(_)) { "SQLite 3." } else { "PostgreSQL 1" };
    assert!(engine.starts_with(name), "{engine}");
    assert_eq!(store.count_links().await.expect("the store works"), 0);
    make(store, LIVE, new_link(1, "spring")).await;
    assert_eq!(store.count_links().await.expect("the store works"), 1);
}
