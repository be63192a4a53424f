//! Certificates from files.
//!
//! They are read at the start, when a fault ends it, and again whenever one of them looks different from before: programs that
//! renew certificates replace files, and mostly the certificate a moment before its key. So what cannot be used is told of in
//! the log, once, the certificates in use stay, and the next change is waited for.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Certificates, Leaf, Unreadable};
use crate::config::Config;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The longest file that is read.
const MOST_BYTES: u64 = 1024 * 1024;

/// Why certificates cannot be read from files.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file.
    #[error("cannot read {}: {source}", file.display())]
    Unread {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in two of them.
    #[error("{} with {}: {why}", certificate.display(), key.display())]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// That of the key.
        key: PathBuf,
        /// What is wrong.
        why: Unreadable,
    },
}

/// Which files.
#[derive(Clone, Debug)]
pub struct Files {
    pairs: Vec<(PathBuf, PathBuf)>,
}

/// What a file looks like from outside; `None` for one that is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

impl Files {
    /// Those of the settings.
    pub fn of(config: &Config) -> Self {
        let (certificates, keys) = (config.tls.cert_files.iter().cloned(), config.tls.key_files.iter().cloned());
        Self { pairs: certificates.zip(keys).collect() }
    }

    /// Reads all of them. Blocks.
    pub fn read(&self) -> Result<Vec<Leaf>, FilesError> {
        let leaf = |(certificate, key): &(PathBuf, PathBuf)| {
            let unusable = |why| FilesError::Unusable { certificate: certificate.clone(), key: key.clone(), why };
            Leaf::read(&read(certificate)?, &zeroize::Zeroizing::new(read(key)?)).map_err(unusable)
        };
        self.pairs.iter().map(leaf).collect()
    }

    /// Shows what the files say whenever they change, until told to stop.
    pub async fn watch(self, certificates: Arc<Certificates>, stop: CancellationToken) {
        let (mut shown, mut told) = (self.stamps(), None);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // Looked at before they are read: what changes meanwhile looks different the next time.
            let stamps = self.stamps();
            if stamps == shown && told.is_none() {
                continue;
            }
            match self.read() {
                Ok(leaves) => {
                    certificates.show_files(leaves);
                    tracing::info!("the files of tls.cert_files have changed and are in use");
                    told = None;
                }
                Err(error) => {
                    let why = error.to_string();
                    if told.as_ref() != Some(&why) {
                        tracing::error!(%error, "the new files of tls.cert_files cannot be used; those before stay in use");
                    }
                    told = Some(why);
                }
            }
            shown = stamps;
        }
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |file: &Path| {
            let about = fs::metadata(file).ok()?;
            Some((about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
        };
        self.pairs.iter().flat_map(|(certificate, key)| [stamp(certificate), stamp(key)]).collect()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, FilesError> {
    use io::Read;
    let unread = |source| FilesError::Unread { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(unread)?;
    opened.take(MOST_BYTES).read_to_end(&mut bytes).map_err(unread)?;
    Ok(bytes)
}
