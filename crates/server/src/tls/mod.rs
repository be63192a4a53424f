//! TLS, spoken by this server itself.
//!
//! **Who takes part.** [`Certificates`] is what a handshake looks into: a table in memory, replaced as a whole, and nothing
//! else. Where certificates are files, [`Files`] reads them and watches for newer ones. Where an authority signs them, one
//! [`Orderer`] a node sees to it that each name has one: it takes up what is due in the store, asks the authority ([`authority`],
//! [`order`]), and keeps what came of it, sealed, for all nodes; and each node follows what the others have done.
//!
//! **What must stay true.** A handshake waits for nothing: not for the store, the disk or the authority. A name that is not
//! ours costs one look into memory. Certificates are ordered for names that are verified, and our own, and for no others. An
//! authority that is away, slow, refuses or talks rubbish takes nothing from anybody: the certificate that there is goes on
//! until its end, and what went wrong is told to the domain's owner.
//!
//! **Which certificate.** Of files, the one that is for the name that is asked for, or else the first, as nginx does it. Of an
//! authority's, the one for exactly that name, or else none, and the handshake ends with an alert, as Caddy does it: another
//! name's certificate would be refused by every client, and say whose server this is. Who names nobody gets that of the host
//! of `server.public_url`.
//!
//! TLS 1.2 and 1.3; older versions are not in the program. Sessions are resumed by tickets, whose keys change by themselves and
//! are each node's own.
//!
//! **Rejected**: rustls-acme, which fixes its names at the start; stapling OCSP, as authorities end it; certificates ordered
//! in the handshake, as any name that leads here would make work.

pub mod authority;
mod challenge;
mod files;
mod leaf;
mod order;
mod orderer;
mod table;
mod wanted;

use std::{io, sync::Arc};

use hyper::header::HeaderValue;
use metrics::Counter;
use rustls::{ServerConfig, crypto::ring, server::ResolvesServerCert};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, TlsMode};

pub use files::{Files, FilesError};
pub use leaf::{Leaf, Unreadable};
pub use orderer::{Means, Orderer};
pub use table::Certificates;

/// HTTP/2, by its name in a handshake.
pub const HTTP_2: &[u8] = b"h2";
/// HTTP/1.1.
const HTTP_1: &[u8] = b"http/1.1";
/// What an authority asks for that looks for a challenge (RFC 8737).
pub const ACME: &[u8] = b"acme-tls/1";

/// How TLS is spoken: what all threads share.
pub struct Tls {
    /// Shakes hands.
    pub acceptor: TlsAcceptor,
    /// What is shown then.
    pub certificates: Arc<Certificates>,
    /// What browsers are told to keep.
    pub promise: Option<HeaderValue>,
    failures: Counter,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// As the settings say; nothing where it is off.
    pub fn of(config: &Config, certificates: &Arc<Certificates>) -> Result<Option<Arc<Self>>, rustls::Error> {
        if !config.has_tls() {
            return Ok(None);
        }
        let is_acme = config.tls.mode == TlsMode::Acme;
        let server = server_config(Arc::clone(certificates) as Arc<dyn ResolvesServerCert>, is_acme)?;
        let seconds = Some(config.tls.hsts_seconds).filter(|seconds| *seconds > 0);
        Ok(Some(Arc::new(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            certificates: Arc::clone(certificates),
            promise: seconds.and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok()),
            failures: metrics::counter!("mask_tls_handshakes_failed_total"),
        })))
    }

    /// Counts a handshake that came to nothing. It is its client's affair, so it is told to those who look for it alone.
    pub fn note_failure(&self, error: &io::Error) {
        self.failures.increment(1);
        tracing::debug!(%error, "a handshake failed");
    }
}

fn server_config(certificates: Arc<dyn ResolvesServerCert>, is_acme: bool) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.ticketer = ring::Ticketer::new()?;
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
    if is_acme {
        config.alpn_protocols.push(ACME.to_vec());
    }
    Ok(config)
}
