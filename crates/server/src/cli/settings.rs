//! How a command comes by its settings: a file, then the environment, then its flags.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use mask::config::{Config, Faults};

/// The file that is read when no other is named, if it is there.
const FILE: &str = "mask.toml";

/// The flags of every command that reads settings.
#[derive(Args, Debug)]
pub(super) struct Common {
    /// The file of settings, which must be there.
    ///
    /// Default: mask.toml in the working directory, if there is one. Example: --config /etc/mask/mask.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of this node's data; made when it is missing.
    ///
    /// Sets storage.data_dir. Default: ./data. Example: --data-dir /var/lib/mask
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// How the world reaches this server: short links, and the links that a command prints, begin with it.
    ///
    /// Sets server.public_url; where `mask serve` gets it by this flag, other commands need it as well.
    /// Default: http://localhost:8080. Example: --public-url https://go.example.com
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// Why there are no settings. Displayed as lines for a person, with what would be right.
#[derive(Debug)]
pub(super) enum Unset {
    /// The file cannot be read.
    Unread { file: PathBuf, source: io::Error },
    /// The settings are wrong.
    Faults(Faults),
}

impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread { file, source } if source.kind() == io::ErrorKind::NotFound => {
                write!(f, "mask: there is no file {}; --config must name a file of settings", file.display())
            }
            Self::Unread { file, source } => {
                write!(f, "mask: cannot read the settings of {}: {source}", file.display())
            }
            Self::Faults(faults) => {
                writeln!(f, "mask: the settings are wrong")?;
                let lines = faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl Common {
    /// The settings in force, `flags` going over all others: each a key and its text, if it was given.
    pub(super) fn read(&self, flags: &[(&'static str, Option<String>)]) -> Result<Config, Unset> {
        let file = self.file()?;
        let file = file.as_ref().map(|(name, text)| (name.as_path(), text.as_str()));
        let own = [("storage.data_dir", self.data_dir.clone()), ("server.public_url", self.public_url.clone())];
        let given = flags.iter().cloned().chain(own);
        let given: Vec<_> = given.filter_map(|(key, text)| Some((key, text?))).collect();
        Config::load(file, environment(), &given).map_err(Unset::Faults)
    }

    /// The name and text of the file. One that was named must be there.
    fn file(&self) -> Result<Option<(PathBuf, String)>, Unset> {
        let file = self.config.as_deref().unwrap_or_else(|| Path::new(FILE));
        match fs::read_to_string(file) {
            Ok(text) => Ok(Some((file.to_owned(), text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.config.is_none() => Ok(None),
            Err(source) => Err(Unset::Unread { file: file.to_owned(), source }),
        }
    }
}

/// The environment as far as it is text. What is not cannot be a setting: their names are ASCII. A setting whose value is
/// not text is kept with what cannot be read replaced, so that its rule refuses it rather than nobody noticing.
fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(config: Option<PathBuf>) -> Common {
        Common { config, data_dir: None, public_url: None }
    }

    #[test]
    fn a_named_file_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = common(Some(folder.path().join("no.toml"))).read(&[]).expect_err("no such file").to_string();
        assert!(missing.contains("there is no file") && missing.contains("no.toml"), "{missing}");
        let unread = common(Some(folder.path().to_owned())).read(&[]).expect_err("a folder").to_string();
        assert!(unread.contains("cannot read"), "{unread}");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mask.toml");
        fs::write(&file, "[server]\nthreads = 'many'\nlisten = 'here'\n[lnks]\n").expect("a file");
        let told = common(Some(file))
            .read(&[("server.public_url", Some("ftp://x".to_owned()))])
            .expect_err("wrong")
            .to_string();
        for part in ["server.threads", "server.listen", "lnks", "--public-url"] {
            assert!(told.contains(part), "{part} is not in:\n{told}");
        }
    }
}
