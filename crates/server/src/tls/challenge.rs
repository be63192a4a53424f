//! The certificate that an authority is shown in a handshake (RFC 8737).
//!
//! It has signed itself, is for the one name, and holds a digest of what the authority wants to see. Any node can make it from
//! that, so none is kept.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::{
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};

/// It; `None` for a name that can stand in no certificate.
pub(super) fn certificate(name: &str, answer: &str) -> Option<Arc<CertifiedKey>> {
    let key = KeyPair::generate().ok()?;
    let mut params = CertificateParams::new([name.to_owned()]).ok()?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&Sha256::digest(answer))];
    let certificate = params.self_signed(&key).ok()?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::sign::any_ecdsa_type(&key).ok()?;
    // Not looked at once more, as certificates from elsewhere are: the extension with the digest is one that nobody else knows.
    Some(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}
