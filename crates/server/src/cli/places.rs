//! `mask places`: the database that tells where visitors are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use mask::{
    clock::Clock,
    places::{
        Database,
        build::{self, List},
    },
    setup,
};

use super::{Failure, SETTINGS_HELP, print, say, settings::Common};

/// Where Debian's package puts its lists.
const LISTS: [&str; 2] = ["/usr/share/tor/geoip", "/usr/share/tor/geoip6"];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Build(Build),
}

/// Make a database of countries out of free lists
///
/// The lists are those of Debian's package tor-geoipdb, an export of the IPFire Location Database. They need no account,
/// and are licensed under CC BY-SA 4.0: whoever passes the database on passes on the notice that is written beside it.
///
/// On Debian and Ubuntu, once a month or so:
///
///   apt-get install tor-geoipdb
///   mask places build
///
/// Without being root (this installs nothing):
///
///   apt-get download tor-geoipdb && dpkg-deb -x tor-geoipdb_*.deb lists
///   mask places build --from lists/usr/share/tor/geoip --from lists/usr/share/tor/geoip6
///
/// A running server takes up the new file within a minute. Any other file in the MaxMind DB format, of countries or of
/// cities, will do as well: name it in places.database.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Build {
    #[command(flatten)]
    common: Common,
    /// A list to read; may be given more than once.
    ///
    /// Default: /usr/share/tor/geoip and /usr/share/tor/geoip6
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// The file to write, over the one that is there. The notice goes beside it.
    ///
    /// Default: places.mmdb in the data folder, where a server looks unless places.database names another
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Why no database was made.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read {}: {source}; `mask help places build` tells where lists are to be had", file.display())]
    Unread { file: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", file.display())]
    Unwritten { file: PathBuf, source: io::Error },
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Build(build) => build.run(),
        }
    }
}

impl Build {
    fn run(self) -> Result<(), Failure> {
        let config = self.common.read(&[])?;
        let texts = self.lists()?;
        let lists: Vec<_> = texts.iter().map(|(file, text)| List { name: file.display().to_string(), text }).collect();
        let now = u64::try_from(Clock::system().now().unix_seconds()).unwrap_or_default();
        let built = build::build(&lists, now)?;
        let file = self.out.unwrap_or_else(|| config.storage.data_dir.join("places.mmdb"));
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            setup::make_folder(folder)?;
        }
        // The notice first: the data is never without it.
        replace(&file.with_extension("NOTICE.txt"), built.notice.as_bytes())?;
        replace(&file, &built.file)?;
        let about = Database::of(built.file)?.about();
        print(&format!(
            "{}: {} countries in {} ranges of addresses, of {}, {} bytes\n",
            file.display(),
            built.countries,
            built.ranges,
            about.day,
            about.bytes
        ))?;
        if config.places_file() != file {
            let used = config.places_file();
            say(&format!("mask: with these settings a server reads {} instead", used.display()));
        }
        Ok(())
    }

    fn lists(&self) -> Result<Vec<(PathBuf, String)>, Error> {
        let given = self.from.iter().map(PathBuf::as_path);
        let files: Vec<&Path> = if self.from.is_empty() { LISTS.map(Path::new).to_vec() } else { given.collect() };
        let read = |file: &Path| match fs::read_to_string(file) {
            Ok(text) => Ok((file.to_owned(), text)),
            Err(source) => Err(Error::Unread { file: file.to_owned(), source }),
        };
        files.into_iter().map(read).collect()
    }
}

/// Puts a file in the place of another at once: a server that looks meanwhile sees the one or the other.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    fs::write(&new, bytes)
        .and_then(|()| fs::rename(&new, file))
        .map_err(|source| Error::Unwritten { file: file.to_owned(), source })
}
