//! `mask keys`: API keys, straight from the database. It works while a server runs: both databases let many processes in.

use std::{future::Future, io};

use clap::{Args, Subcommand};
use mask::{
    clock::{Clock, Ids},
    config::Config,
    redirect::Hosts,
    setup::{self, KeyWish},
};
use mask_core::{
    id::KeyId,
    key::{self, Key},
    scope::Scopes,
    time::Time,
    workspace::Owner,
};
use mask_store::Store;

use super::{Failure, SETTINGS_HELP, open, print, say, settings::Common, table, workspaces};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a key and print it
///
/// The key stands alone on the last line of stdout and is never shown again: only its hash is kept. A new installation is
/// set up first, so the server need not have run before.
///
/// Examples:
///
///   mask keys create --name laptop --scopes all
///   KEY=$(mask keys create --name ci --scopes links:read,links:write --test | tail -1)
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Create {
    /// What you call the key, to tell it from others later; 1 to 100 characters.
    ///
    /// Example: --name ci
    #[arg(long, value_parser = key::parse_name)]
    name: String,
    /// What it may do: `all`, or scopes separated by commas
    ///
    /// There are links:read, links:write, bio-pages:read, bio-pages:write, analytics:read, qr-codes:read,
    /// qr-codes:write, webhooks:read, webhooks:write, domains:read, domains:write, workspace:read,
    /// workspace:write, api-keys:read and api-keys:write. Example: --scopes links:read,analytics:read
    #[arg(long, verbatim_doc_comment, value_name = "all|SCOPE,…", value_parser = Scopes::parse)]
    scopes: Scopes,
    /// The workspace that it reaches, by its slug or its id.
    ///
    /// Example: --workspace marketing
    #[arg(long, value_name = "WORKSPACE", default_value = setup::DEFAULT_WORKSPACE, value_parser = workspaces::parse)]
    workspace: String,
    /// Make a key of the test environment, whose objects no live key sees.
    ///
    /// Default: a live key. Example: --test
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    common: Common,
}

/// Show all keys, oldest first
///
/// For each its id, name, mode (live or test), scopes, the ends of its secret, when it was made and last used, and whether
/// it is active, inactive (not used for 90 days; it still works), expired or revoked. Example: mask keys list
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct List {
    #[command(flatten)]
    common: Common,
}

/// Revoke a key, for ever and from the next request on
///
/// Example: mask keys revoke key_01hv3k8z9q4x7m2n5p6r8s0tvw
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Revoke {
    /// The id of the key, as `mask keys list` shows it; not the key itself.
    #[arg(value_parser = KeyId::parse)]
    id: KeyId,
    #[command(flatten)]
    common: Common,
}

/// What was named is not there.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("there is no key {0}; `mask keys list` shows all there are")]
    Key(KeyId),
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => with_store(&create.common, async |store, clock| create.run(store, clock).await),
            Self::List(list) => with_store(&list.common, async |store, clock| show(store, clock).await),
            Self::Revoke(revoke) => with_store(&revoke.common, async |store, clock| revoke.run(store, clock).await),
        }
    }
}

pub(super) fn with_store(
    common: &Common,
    step: impl AsyncFnOnce(&Store, &Clock) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config: Config = common.read(&[])?;
    let clock = Clock::system();
    let hosts = Hosts::new(&config.server.public_url, &config.links.domains);
    let store = open::telling_store(&config, hosts, &clock)?;
    let done = block_on(step(&store, &clock));
    store.close();
    done?
}

/// Waits for the store's answers; its work is done by threads of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}

impl Create {
    async fn run(&self, store: &Store, clock: &Clock) -> Result<(), Failure> {
        let ids = Ids::default();
        setup::ensure_workspace(store, clock, &ids).await?;
        let workspace = workspaces::find(store, &self.workspace).await?;
        let owner = Owner { workspace: workspace.number, is_test: self.test };
        let wish = KeyWish { owner, name: self.name.clone(), scopes: self.scopes };
        let (key, secret) = setup::create_key(store, clock, &ids, wish).await?;
        say(&format!(
            "Made the {} key {} ({:?}) of the workspace {:?}. It is shown this once:",
            mode(&key),
            key.id,
            key.content.name,
            workspace.slug
        ));
        print(&format!("{}\n", secret.reveal()))
    }
}

impl Revoke {
    async fn run(&self, store: &Store, clock: &Clock) -> Result<(), Failure> {
        if store.revoke_key(self.id, clock.now()).await? {
            say(&format!("Revoked {}.", self.id));
            return Ok(());
        }
        if store.list_keys().await?.iter().any(|key| key.id == self.id) {
            say(&format!("{} was revoked before.", self.id));
            return Ok(());
        }
        Err(Unknown::Key(self.id).into())
    }
}

async fn show(store: &Store, clock: &Clock) -> Result<(), Failure> {
    let keys = store.list_keys().await?;
    if keys.is_empty() {
        say("There are no keys; `mask keys create --name NAME --scopes all` makes one.");
    }
    print(&keys_table(&keys, clock.now()))
}

fn keys_table(keys: &[Key], now: Time) -> String {
    let head = ["ID", "NAME", "MODE", "SCOPES", "HINT", "CREATED", "LAST USED", "STATE"].map(str::to_owned);
    let rows = keys.iter().map(|key| {
        vec![
            key.id.to_string(),
            key.content.name.clone(),
            mode(key).to_owned(),
            scopes(key.content.scopes),
            key.hint.clone(),
            key.created_at.to_string(),
            key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            key.status(now).as_str().to_owned(),
        ]
    });
    table::render(&std::iter::once(head.to_vec()).chain(rows).collect::<Vec<_>>())
}

const fn mode(key: &Key) -> &'static str {
    if key.owner.is_test { "test" } else { "live" }
}

fn scopes(scopes: Scopes) -> String {
    if scopes == Scopes::all() { "all".to_owned() } else { scopes.to_string() }
}

#[cfg(test)]
mod tests {
    use mask_core::scope::Scope;

    use super::*;

    fn key() -> Key {
        Key {
            id: KeyId::from_bits(1),
            owner: Owner { workspace: 1, is_test: true },
            content: key::Content::of("ci".to_owned(), Scopes::of(&[Scope::LinksRead])),
            hint: "mk_test_…1234".to_owned(),
            previous_until: None,
            version: 1,
            created_at: Time::from_unix_millis(0),
            updated_at: Time::from_unix_millis(0),
            last_used_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn the_table_of_keys() {
        let table = keys_table(&[key()], Time::from_unix_millis(0));
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let cells = [
            "key_00000000000000000000000001",
            "ci",
            "test",
            "links:read",
            "mk_test_…1234",
            "1970-01-01T00:00:00Z",
            "never",
            "active",
        ];
        assert_eq!(lines[1], cells);
    }

    #[test]
    fn the_help_names_every_scope() {
        let command = <Create as Args>::augment_args(clap::Command::new("create"));
        let scopes = command.get_arguments().find(|argument| argument.get_id() == "scopes").expect("an argument");
        let help = scopes.get_long_help().expect("a help").to_string();
        for scope in Scope::ALL {
            assert!(help.contains(scope.as_str()), "{scope} is not in the help");
        }
    }
}
