//! What an installation begins with: its folder, its databases, a workspace, and a first key.
//!
//! Who takes part: `mask serve` and `mask keys`, at any moment and from several processes at once, on an installation
//! that may be new. Both come through here, so that it makes no difference which of them runs first.
//!
//! The workspace is what marks an installation as begun: its slug is unique, so of all processes that try at once
//! exactly one makes it, and that one alone makes the first key. A process that is killed between the two leaves an
//! installation without a key, and `mask keys create` makes one. Rejected: a first key whenever there is none, since
//! an owner who revoked the last key would be surprised by a new one at the next start.
//!
//! What must stay true: a secret is in what is returned once, and nowhere in the store or a log.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use mask_core::{
    id::{KeyId, WorkspaceId},
    key::{Content, Key, Secret},
    scope::Scopes,
    workspace::{Owner, Workspace},
};
use mask_store::{Location, NewKey, NewWorkspace, Options, Store};
use url::Url;

use crate::{
    clock::{self, Clock, Ids},
    config::Config,
};

/// The slug of the workspace that every installation has.
pub const DEFAULT_WORKSPACE: &str = mask_core::workspace::DEFAULT_SLUG;

/// Why an installation could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of its data could not be made.
    #[error("cannot make the folder {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something that is no folder is in its place.
    #[error("{} is no folder, and data needs one: name another with --data-dir, or storage.data_dir", folder.display())]
    NoFolder {
        /// What is there.
        folder: PathBuf,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] mask_store::Error),
}

/// How the settings say that the store is to be opened.
///
/// `sqlite://PATH` names a folder, as there are two files: links and clicks never wait for each other.
pub fn store_options(config: &Config) -> Options<'_> {
    let url = &config.database.url;
    let location = match url.reveal() {
        postgres if url.is_postgres() => Location::Postgres(postgres),
        sqlite => Location::Sqlite(sqlite.strip_prefix("sqlite://").map_or(&config.storage.data_dir, Path::new)),
    };
    Options { location, pool_size: config.pool_size(), timeout: config.database.timeout }
}

/// The folder of this node's click journal.
pub fn journal_folder(config: &Config) -> PathBuf {
    config.storage.data_dir.join("journal")
}

/// The folder of the clicks that the store refused on this node.
pub fn aside_folder(config: &Config) -> PathBuf {
    config.storage.data_dir.join("set-aside")
}

/// Opens the store, and makes what is missing: the folders, the databases, their tables. Blocks.
pub fn open_store(config: &Config) -> Result<Store, Error> {
    make_folder(&config.storage.data_dir)?;
    let options = store_options(config);
    if let Location::Sqlite(folder) = options.location {
        make_folder(folder)?;
    }
    let store = Store::open(&options)?.answering_within(config.analytics.question_timeout);
    Ok(store.holding(config.analytics.memory_mb << 20))
}

/// Makes a folder, and those above it, where it is missing. Only its owner may look into a new one: people's links and the
/// hashes of keys are in it.
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::NoFolder { folder: folder.to_owned() });
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| Error::Folder { folder: folder.to_owned(), source })
}

/// The default workspace, and whether it was made just now: then the installation is a new one.
pub async fn ensure_workspace(store: &Store, clock: &Clock, ids: &Ids) -> Result<(Workspace, bool), mask_store::Error> {
    if let Some(workspace) = store.workspace_by_slug(DEFAULT_WORKSPACE.to_owned()).await? {
        return Ok((workspace, false));
    }
    let now = clock.now();
    let new = NewWorkspace {
        id: WorkspaceId::from_bits(ids.next(now)),
        name: "Default".to_owned(),
        slug: DEFAULT_WORKSPACE.to_owned(),
        now,
    };
    if let Some(workspace) = store.create_workspace(new).await? {
        return Ok((workspace, true));
    }
    // Another process was faster.
    let made = store.workspace_by_slug(DEFAULT_WORKSPACE.to_owned()).await?;
    made.map(|workspace| (workspace, false))
        .ok_or_else(|| mask_store::Error::Defect("a workspace is both there and not there".to_owned()))
}

/// What is asked of a new key.
#[derive(Clone, Debug)]
pub struct KeyWish {
    /// The workspace and environment that it will reach.
    pub owner: Owner,
    /// What its owner calls it; see [`mask_core::key::parse_name`].
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
}

/// Makes a key. The secret is known only now.
pub async fn create_key(
    store: &Store,
    clock: &Clock,
    ids: &Ids,
    wish: KeyWish,
) -> Result<(Key, Secret), mask_store::Error> {
    let now = clock.now();
    let secret = Secret::new(wish.owner.is_test, clock::below);
    let new = NewKey {
        id: KeyId::from_bits(ids.next(now)),
        owner: wish.owner,
        content: Content::of(wish.name, wish.scopes),
        hint: secret.hint(),
        hash: secret.hash(),
        now,
    };
    Ok((store.create_key(new).await?, secret))
}

/// Sees to it that the default workspace is there. On a new installation it makes a live key that may do everything.
pub async fn first_key(store: &Store, clock: &Clock, ids: &Ids) -> Result<Option<Secret>, mask_store::Error> {
    let (workspace, is_new) = ensure_workspace(store, clock, ids).await?;
    if !is_new {
        return Ok(None);
    }
    let owner = Owner { workspace: workspace.number, is_test: false };
    let wish = KeyWish { owner, name: "First key".to_owned(), scopes: Scopes::all() };
    let (_, secret) = create_key(store, clock, ids, wish).await?;
    Ok(Some(secret))
}

/// What a person reads on the first start, and never again.
pub fn greeting(public_url: &Url, secret: &Secret) -> String {
    let base = public_url.as_str().trim_end_matches('/');
    let secret = secret.reveal();
    format!(
        "
Mask is ready at {base}

Your API key, which may do everything, is shown this once:

  {secret}

Make a short link (paste this into another terminal):

  curl {base}/api/v1/links -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' -d '{{\"url\":\"https://example.com/\"}}'

All the rest is at {base}/docs. A lost key is replaced by `mask keys create`.

"
    )
}

/// What a person reads at each start for as long as there is no account.
pub fn invitation(link: &str) -> String {
    format!(
        "
Nobody has an account yet. Whoever opens this link makes the first one, which owns the installation (it works once, and a
new one is printed at each start):

  {link}

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[(&str, &str)]) -> Config {
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Config::load(None, [], &flags).expect("these settings are right")
    }

    fn store(folder: &Path) -> Store {
        let folder = folder.join("deep/inside");
        open_store(&config(&[("storage.data_dir", folder.to_str().expect("Unicode"))])).expect("a store")
    }

    #[test]
    fn the_settings_say_where_the_databases_are() {
        let kind = |flags: &[(&str, &str)]| format!("{:?}", store_options(&config(flags)).location);
        assert_eq!(kind(&[("storage.data_dir", "d")]), "Sqlite(\"d\")");
        assert_eq!(kind(&[("storage.data_dir", "d"), ("database.url", "sqlite:///var/x")]), "Sqlite(\"/var/x\")");
        assert_eq!(kind(&[("database.url", "postgres://h/d")]), "Postgres(\"postgres://h/d\")");
    }

    #[tokio::test]
    async fn only_a_new_installation_gets_a_first_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, clock, ids) = (store(folder.path()), Clock::system(), Ids::default());
        let secret = first_key(&store, &clock, &ids).await.expect("a store").expect("it is new");
        assert_eq!(first_key(&store, &clock, &ids).await.expect("a store"), None);

        let key = store.key_by_hash(secret.hash(), clock.now()).await.expect("a store").expect("the key is kept");
        assert_eq!(
            (key.content.name.as_str(), key.content.scopes, key.owner.is_test),
            ("First key", Scopes::all(), false)
        );
        let (workspace, is_new) = ensure_workspace(&store, &clock, &ids).await.expect("a store");
        assert_eq!((workspace.number, is_new), (key.owner.workspace, false));
    }

    #[tokio::test]
    async fn of_many_that_begin_at_once_one_makes_the_workspace() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, clock, ids) = (store(folder.path()), Clock::system(), Ids::default());
        let tries = (0..8).map(|_| ensure_workspace(&store, &clock, &ids));
        let made = futures_util::future::try_join_all(tries).await.expect("a store");
        assert_eq!(made.iter().filter(|(_, is_new)| *is_new).count(), 1);
        assert!(made.iter().all(|(workspace, _)| *workspace == made[0].0));
    }

    #[test]
    fn the_greeting_can_be_pasted() {
        let secret = Secret::new(false, |_| 0);
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let text = greeting(&url, &secret);
        let pasted = format!(
            "curl http://localhost:8080/api/v1/links -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' \
             -d '{{\"url\":\"https://example.com/\"}}'",
            secret.reveal()
        );
        assert!(text.contains(&pasted), "{text}");
        assert!(text.contains("http://localhost:8080/docs"), "{text}");
    }
}
