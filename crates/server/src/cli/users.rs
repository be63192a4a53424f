//! `mask users`: people's accounts, straight from the database. It works while a server runs.

use std::io::Read;

use clap::{Args, Subcommand};
use mask::{
    accounts,
    clock::{Clock, Ids},
    config::Config,
    password::Passwords,
    setup,
};
use mask_core::{
    Refused,
    id::{MemberId, UserId},
    mail::Address,
    password,
    person::{self, User},
    role::Role,
};
use mask_store::{Asker, NewMember, NewUser, Readdressed, Store, Unmembered};

use super::{Failure, SETTINGS_HELP, keys::block_on, print, say, settings::Common, table, workspaces};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Create(Create),
    List(List),
    SetupLink(SetupLink),
    ResetPassword(ResetPassword),
    ChangeEmail(ChangeEmail),
    Assign(Assign),
    Disable(Disable),
    Enable(Enable),
}

/// Whose account is meant: an address that stands alone, or with its name.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The account's address.
    #[arg(value_name = "EMAIL", value_parser = Address::parse)]
    alone: Option<Address>,
    /// The account's address, for those who like to name it.
    ///
    /// Default: it stands alone. Example: --email ada@example.com
    #[arg(long, value_parser = Address::parse)]
    email: Option<Address>,
}

impl Whose {
    fn email(&self) -> &Address {
        self.alone.as_ref().or(self.email.as_ref()).expect("clap asks for one of them")
    }
}

/// Make an account
///
/// Prints a link with which its owner chooses a password; it works once, for 24 hours. With --password-stdin the password is
/// read instead, and nothing is printed. An account has no workspace unless one is named.
///
/// Examples:
///
///   mask users create --email ada@example.com --name "Ada Lovelace" --workspace default --role admin
///   printf %s "$PASSWORD" | mask users create --email ada@example.com --name Ada --admin --password-stdin
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Create {
    #[command(flatten)]
    whose: Whose,
    /// What they are called, 1 to 100 characters.
    ///
    /// Example: --name "Ada Lovelace"
    #[arg(long, value_parser = person::parse_name)]
    name: String,
    /// Make the installation theirs to run.
    ///
    /// Default: it is not. Example: --admin
    #[arg(long)]
    admin: bool,
    /// The workspace that they belong to, by its slug or its id.
    ///
    /// Default: none. Example: --workspace marketing
    #[arg(long, value_name = "WORKSPACE", value_parser = workspaces::parse)]
    workspace: Option<String>,
    /// What they are there: owner, admin, member or viewer.
    ///
    /// Default: member. Example: --role admin
    #[arg(long, value_parser = Role::parse, default_value = "member", requires = "workspace")]
    role: Role,
    /// Read the password from stdin; a line's end after it is not part of it.
    ///
    /// Default: a link is printed. Example: --password-stdin
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    common: Common,
}

/// Show all accounts, oldest first
///
/// Example: mask users list
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct List {
    #[command(flatten)]
    common: Common,
}

/// Print a link that makes the first account
///
/// `mask serve` prints one at each start for as long as there is no account. Example: mask users setup-link
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct SetupLink {
    #[command(flatten)]
    common: Common,
}

/// Print a link with which somebody chooses a new password
///
/// It works once, for 24 hours; until it is used their password stays as it is. Then they are signed out everywhere. Whoever has
/// lost the authenticator app and the recovery codes as well needs --forget-app.
///
/// Example: mask users reset-password ada@example.com
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct ResetPassword {
    #[command(flatten)]
    whose: Whose,
    /// Ask for no code of an authenticator app any more.
    ///
    /// Default: one is asked for where an app is set up. Example: --forget-app
    #[arg(long)]
    forget_app: bool,
    #[command(flatten)]
    common: Common,
}

/// Give an account another address
///
/// Nobody is asked to confirm it, and the links that were sent to the one before are good for nothing. They stay signed in.
///
/// Example: mask users change-email ada@example.com --to ada@example.org
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct ChangeEmail {
    #[command(flatten)]
    whose: Whose,
    /// The address that it gets.
    ///
    /// Example: --to ada@example.org
    #[arg(long, value_name = "EMAIL", value_parser = Address::parse)]
    to: Address,
    #[command(flatten)]
    common: Common,
}

/// Give somebody a place in a workspace, or another role there
///
/// Also that of an owner: so a workspace whose last owner was disabled gets another.
///
/// Example: mask users assign grace@example.com --workspace marketing --role owner
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Assign {
    #[command(flatten)]
    whose: Whose,
    /// The workspace, by its slug or its id.
    ///
    /// Example: --workspace marketing
    #[arg(long, value_name = "WORKSPACE", value_parser = workspaces::parse)]
    workspace: String,
    /// What they are there: owner, admin, member or viewer.
    ///
    /// Example: --role owner
    #[arg(long, value_parser = Role::parse)]
    role: Role,
    #[command(flatten)]
    common: Common,
}

/// Let somebody sign in no more; they are signed out at once
///
/// Their objects stay, and so do the API keys of their workspaces. A workspace whose only owner they are is named: give it
/// another with `mask users assign`. Example: mask users disable ada@example.com
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Disable {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

/// Let somebody sign in again
///
/// Example: mask users enable ada@example.com
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Enable {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
enum Unable {
    #[error("there is no account {0}; `mask users list` shows all there are")]
    Unknown(Address),
    #[error("there is an account {0} already")]
    Taken(Address),
    #[error("the account {0} is disabled; `mask users enable` lets them in again")]
    Disabled(Address),
    #[error("there is an account already; `mask users create` makes another")]
    SetUp,
    #[error("the password: {0}")]
    Password(Refused),
    #[error("the workspace {0} was deleted; an owner can take that back")]
    Gone(String),
    #[error("this is the only owner that {0} has; make another member an owner first")]
    LastOwner(String),
}

/// What a step works with.
struct With {
    store: Store,
    clock: Clock,
    public_url: String,
}

fn with(common: &Common, step: impl AsyncFnOnce(&With) -> Result<(), Failure>) -> Result<(), Failure> {
    let config: Config = common.read(&[])?;
    let store = setup::open_store(&config)?;
    let with = With { store, clock: Clock::system(), public_url: config.server.public_url.to_string() };
    let done = block_on(step(&with));
    with.store.close();
    done?
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => with(&create.common, async |with| create.run(with).await),
            Self::List(list) => with(&list.common, show),
            Self::SetupLink(link) => with(&link.common, setup_link),
            Self::ResetPassword(reset) => with(&reset.common, async |with| reset.run(with).await),
            Self::ChangeEmail(change) => with(&change.common, async |with| change.run(with).await),
            Self::Assign(assign) => with(&assign.common, async |with| assign.run(with).await),
            Self::Disable(who) => with(&who.common, async |with| disable(with, who.whose.email()).await),
            Self::Enable(who) => with(&who.common, async |with| enable(with, who.whose.email()).await),
        }
    }
}

impl Create {
    async fn run(&self, with: &With) -> Result<(), Failure> {
        let (store, ids) = (&with.store, Ids::default());
        setup::ensure_workspace(store, &with.clock, &ids).await?;
        let workspace = match &self.workspace {
            Some(name) => Some(workspaces::find(store, name).await?),
            None => None,
        };
        let password_hash =
            if self.password_stdin { Some(Passwords::at_once(1).hash(self.read_password()?).await?) } else { None };
        let now = with.clock.now();
        let id = UserId::from_bits(ids.next(now));
        let new = NewUser {
            id,
            email: self.whose.email().clone(),
            name: self.name.clone(),
            password_hash,
            is_admin: self.admin,
            now,
        };
        let made = store.create_user(new).await?.ok_or_else(|| Unable::Taken(self.whose.email().clone()))?;
        if let Some(workspace) = &workspace {
            let id = MemberId::from_bits(ids.next(now));
            let member = NewMember { id, workspace: workspace.number, user: made.id, role: self.role, now };
            store.add_member(member).await?;
        }
        say(&format!("Made the account {} of {}.", made.id, made.email));
        if self.password_stdin { Ok(()) } else { print_link(with, &made).await }
    }

    fn read_password(&self) -> Result<String, Failure> {
        let mut typed = String::new();
        // More than any password has is not read.
        std::io::stdin().lock().take(4096).read_to_string(&mut typed)?;
        let typed = typed.strip_suffix('\n').map_or(typed.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        Ok(password::parse(typed, &[self.whose.email().as_str(), &self.name]).map_err(Unable::Password)?)
    }
}

async fn found(with: &With, email: &Address) -> Result<User, Failure> {
    let account = with.store.account_by_email(email.clone()).await?;
    Ok(account.ok_or_else(|| Unable::Unknown(email.clone()))?.user)
}

async fn print_link(with: &With, user: &User) -> Result<(), Failure> {
    let link = accounts::password_link(&with.store, &with.clock, &with.public_url, user.id).await?;
    let link = link.ok_or_else(|| Unable::Disabled(user.email.clone()))?;
    say("Whoever opens this link chooses the password. It works once, for 24 hours:");
    print(&format!("{link}\n"))
}

impl ResetPassword {
    async fn run(&self, with: &With) -> Result<(), Failure> {
        let user = found(with, self.whose.email()).await?;
        if self.forget_app && with.store.end_totp(Asker::Operator(user.id), with.clock.now()).await? == Ok(true) {
            say(&format!("{} is asked for no code any more.", user.email));
        }
        print_link(with, &user).await
    }
}

async fn setup_link(with: &With) -> Result<(), Failure> {
    setup::ensure_workspace(&with.store, &with.clock, &Ids::default()).await?;
    let link = accounts::setup_link(&with.store, &with.clock, &with.public_url).await?;
    print(&format!("{}\n", link.ok_or(Unable::SetUp)?))
}

impl ChangeEmail {
    async fn run(&self, with: &With) -> Result<(), Failure> {
        let user = found(with, self.whose.email()).await?;
        let changed = accounts::give_email(&with.store, &with.clock, user.id, self.to.clone()).await?;
        match changed {
            Readdressed::Done(user) => say(&format!("The account {} has the address {} now.", user.id, user.email)),
            Readdressed::Taken => return Err(Unable::Taken(self.to.clone()).into()),
            Readdressed::Unknown => return Err(Unable::Disabled(user.email).into()),
        }
        Ok(())
    }
}

impl Assign {
    async fn run(&self, with: &With) -> Result<(), Failure> {
        let (store, now) = (&with.store, with.clock.now());
        let user = found(with, self.whose.email()).await?;
        let workspace = workspaces::find(store, &self.workspace).await?;
        let id = MemberId::from_bits(Ids::default().next(now));
        let place = NewMember { id, workspace: workspace.number, user: user.id, role: self.role, now };
        match store.assign_member(place).await? {
            Ok(()) => {}
            Err(Unmembered::Unallowed(_)) => return Err(Unable::LastOwner(workspace.slug).into()),
            Err(Unmembered::NoWorkspace | Unmembered::Absent | Unmembered::Changed) => {
                return Err(Unable::Gone(workspace.slug).into());
            }
        }
        say(&format!("{} is {} of {} now.", user.email, self.role, workspace.slug));
        Ok(())
    }
}

async fn disable(with: &With, email: &Address) -> Result<(), Failure> {
    let user = found(with, email).await?;
    with.store.set_user_disabled(user.id, true, with.clock.now()).await?;
    say(&format!("{} cannot sign in any more, and is signed out everywhere.", user.email));
    for workspace in with.store.workspaces_only_of(user.id).await? {
        say(&format!(
            "The workspace {} has no owner who can sign in now. Give it another: mask users assign EMAIL --workspace {0} --role owner",
            workspace.slug
        ));
    }
    let users = with.store.list_users().await?;
    if user.is_admin && !users.iter().any(|other| other.is_admin && other.disabled_at.is_none()) {
        say(
            "Nobody who can sign in runs this installation now. Make somebody who does: mask users create EMAIL --name NAME --admin",
        );
    }
    Ok(())
}

async fn enable(with: &With, email: &Address) -> Result<(), Failure> {
    let user = found(with, email).await?;
    with.store.set_user_disabled(user.id, false, with.clock.now()).await?;
    say(&format!("{} can sign in.", user.email));
    Ok(())
}

async fn show(with: &With) -> Result<(), Failure> {
    let users = with.store.list_users().await?;
    if users.is_empty() {
        say("There are no accounts; `mask users setup-link` prints a link that makes the first.");
    }
    let head = ["ID", "EMAIL", "NAME", "ADMIN", "CREATED", "STATE"].map(str::to_owned).to_vec();
    let rows = users.into_iter().map(|user| {
        let state = user.disabled_at.map_or_else(|| "active".to_owned(), |at| format!("disabled since {at}"));
        let admin = if user.is_admin { "yes" } else { "no" };
        vec![
            user.id.to_string(),
            user.email.to_string(),
            user.name,
            admin.to_owned(),
            user.created_at.to_string(),
            state,
        ]
    });
    print(&table::render(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}
