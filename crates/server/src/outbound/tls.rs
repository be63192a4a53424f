//! Which certificates are believed.
//!
//! Mozilla's authorities, as they were compiled in, so that a server in an empty container and one on an old machine believe
//! the same; and beside them those of `outbound.ca_file` (or, for the authority that signs our own certificates, of
//! `acme.ca_file`), where an operator names a private authority or, to follow his system, its whole store. Nothing switches verification off.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Why the authorities of a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The file.
    #[error("cannot read {setting} {}: {source}", .path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in it.
    #[error("{setting} {} must hold certificates of authorities in PEM", .path.display())]
    Content {
        /// The setting that names it.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
    },
}

/// How connections are made safe.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, AuthoritiesError> {
    authorities(ca_file, "outbound.ca_file")
}

/// The same, with the file of another setting.
pub(crate) fn authorities(ca_file: Option<&Path>, setting: &'static str) -> Result<ClientConfig, AuthoritiesError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        add(&mut roots, path, setting)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add(roots: &mut RootCertStore, path: &Path, setting: &'static str) -> Result<(), AuthoritiesError> {
    let wrong = || AuthoritiesError::Content { setting, path: path.to_owned() };
    let text = fs::read(path).map_err(|source| AuthoritiesError::File { setting, path: path.to_owned(), source })?;
    let certificates: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|_| wrong())?;
    // A system's store may hold an authority that cannot be used; a file of which none can is a mistake.
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(wrong()),
        _ => Ok(()),
    }
}
