//! The command line. `mask help COMMAND` is its manual, so what a person needs to know of a command stands on it.
//!
//! Every command reads its settings in the same way, by [`settings`], the one place that looks at the environment.
//! What a command was asked for goes to stdout, everything else to stderr, so that stdout can be piped. It ends with 0
//! when it did what was asked, 1 when it could not, 2 when it was asked wrongly or the settings are wrong.

mod doctor;
mod import;
mod keys;
mod open;
mod places;
mod settings;
mod table;
mod users;
mod webhooks;
mod workspaces;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use mask::config::Config;

use settings::{Common, Unset};

/// Short links behind one API, with honest counts of who followed them
///
/// `mask serve` starts the server; it needs nothing but a folder to keep its data in. On the first start it prints an
/// API key and a line to try it with, and a link that makes the first account.
#[derive(Debug, Parser)]
#[command(name = "mask", version, verbatim_doc_comment, subcommand_required = true, arg_required_else_help = true)]
#[command(after_long_help = SETTINGS_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Shown below the help of all commands that read settings.
const SETTINGS_HELP: &str = "\
Settings:
  A command reads `mask.toml` in the working directory if there is one, or the file of --config;
  a variable MASK_SECTION__KEY goes over the file, and a flag over both. For example, these are one setting:

    [server]                                             in mask.toml
    public_url = \"https://go.example.com\"

    MASK_SERVER__PUBLIC_URL=https://go.example.com       a variable
    --public-url https://go.example.com                  a flag

  `mask doctor` shows the settings in force and where each came from. `mask.reference.toml` explains them all.

Exit status:
  0 done, 1 it could not be done, 2 a wrong command line or wrong settings";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    /// Make, list and revoke API keys
    ///
    /// Works on the database itself, while a server runs on it as well as when none does.
    #[command(subcommand, verbatim_doc_comment)]
    Keys(keys::Command),
    /// Make, list and disable people's accounts
    ///
    /// Works on the database itself, while a server runs on it as well as when none does.
    #[command(subcommand, verbatim_doc_comment)]
    Users(users::Command),
    /// Make and list workspaces
    ///
    /// Works on the database itself, while a server runs on it as well as when none does.
    #[command(subcommand, verbatim_doc_comment)]
    Workspaces(workspaces::Command),
    /// Bring along what another tool has counted
    #[command(subcommand)]
    Import(import::Command),
    /// Make the database that tells where visitors are
    #[command(subcommand)]
    Places(places::Command),
    /// Try webhooks out
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// Check the settings, the database and the disk
    ///
    /// Shows every setting in force with where it came from (passwords hidden), whether the database answers and which
    /// schema it has, whether the data folder can be written and how much room is left. Changes nothing: it neither
    /// creates a database nor migrates one. Ends with 1 when something is wrong, and says what would be right.
    #[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
    Doctor(Common),
    /// Print the OpenAPI document of the API.
    ///
    /// The same document that a server answers at /api/v1/openapi.json. Example: mask openapi > openapi.json
    Openapi,
    /// Print files of the repository that are made from the program.
    #[command(subcommand, hide = true)]
    Gen(Gen),
}

/// Start the server
///
/// Links and statistics are kept in the data folder, in SQLite, unless database.url names a PostgreSQL. SIGTERM or Ctrl-C
/// stops it: open requests may finish within server.shutdown_seconds, 10 by default.
///
/// Examples:
///
///   mask serve
///   mask serve --data-dir /var/lib/mask --listen 0.0.0.0:8080 --public-url https://go.example.com
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
struct Serve {
    #[command(flatten)]
    common: Common,
    /// An address and port to listen on; may be given more than once. Port 0 lets the system choose.
    ///
    /// Sets server.listen. Default: 127.0.0.1:8080, so only this machine. Example: --listen 0.0.0.0:80 --listen '[::]:80'
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Gen {
    /// Print the page of all error codes, docs/errors.md.
    Errors,
    /// Print the page of who may do what, docs/roles.md.
    Roles,
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
enum Failure {
    /// The settings are wrong.
    Settings(Unset),
    /// It could not be done.
    Other(Box<dyn Error>),
    /// It has said why already.
    Told,
}

impl From<Unset> for Failure {
    fn from(unset: Unset) -> Self {
        Self::Settings(unset)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Keys(command) => command.run(),
        Command::Users(command) => command.run(),
        Command::Workspaces(command) => command.run(),
        Command::Places(command) => command.run(),
        Command::Webhooks(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Doctor(common) => doctor::run(&common),
        Command::Openapi => print(&ending_with_newline(mask::api::document())),
        Command::Gen(Gen::Roles) => print(&ending_with_newline(mask::api::roles_page())),
        Command::Gen(Gen::Errors) => print(&ending_with_newline(mask::api::errors_page())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Settings(unset)) => {
            say(&unset.to_string());
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => {
            say(&format!("mask: {}", chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

impl Serve {
    fn run(self) -> Result<(), Failure> {
        let config = self.settings()?;
        mask::telemetry::init(&config.log);
        Ok(mask::run::serve(&config)?)
    }

    fn settings(&self) -> Result<Config, Unset> {
        let listen = (!self.listen.is_empty()).then(|| self.listen.join(","));
        self.common.read(&[("server.listen", listen)])
    }
}

/// An error and its causes in one line; a cause that its effect has told already is not told twice.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text.push_str(": ");
            text.push_str(&why);
        }
        cause = error.source();
    }
    text
}

fn ending_with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes to stdout. A reader that has seen enough (`mask openapi | head`) is no fault.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Tells a person something on stderr, if anybody listens.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} says nothing of itself", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {}", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn flags_become_settings() {
        let line = [
            "mask",
            "serve",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "[::1]:2",
            "--public-url",
            "https://go.example.com",
            "--data-dir",
            "/d",
        ];
        let Command::Serve(serve) = Cli::try_parse_from(line).expect("a command line").command else {
            panic!("it says serve");
        };
        let config = serve.settings().expect("right settings");
        assert_eq!(config.server.listen.len(), 2);
        assert_eq!(config.server.public_url.as_str(), "https://go.example.com/");
        assert_eq!(config.storage.data_dir, std::path::Path::new("/d"));
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot start{said}")]
        struct Outer {
            said: &'static str,
            source: io::Error,
        }
        for (said, expected) in [("", "cannot start: no room"), (": no room", "cannot start: no room")] {
            assert_eq!(chain(&Outer { said, source: io::Error::other("no room") }), expected);
        }
    }
}
