//! A certificate and its key, read from PEM.

use std::sync::Arc;

use instant_acme::CertificateIdentifier;
use mask_core::time::Time;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, Der, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, name::GeneralName},
};

/// A certificate with its key, ready to be shown.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The two.
    pub key: Arc<CertifiedKey>,
    /// The names that it is for, in lower case; the first label of some is `*`.
    pub names: Vec<String>,
    /// When its life begins.
    pub not_before: Time,
    /// When it ends.
    pub not_after: Time,
    /// What its authority knows it by, where that can be told.
    pub identifier: Option<CertificateIdentifier<'static>>,
}

/// Why it cannot be read, as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The certificate.
    #[error("the certificate must be PEM (-----BEGIN CERTIFICATE-----), with that of the server first")]
    Certificate,
    /// The key.
    #[error("the key must be PEM (-----BEGIN PRIVATE KEY-----) of RSA, ECDSA or Ed25519, and without a password")]
    Key,
    /// Both, beside each other.
    #[error("the key is not that of the certificate")]
    Mismatch,
}

impl Leaf {
    /// Reads a chain of certificates and the key of the first.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, Unreadable> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| Unreadable::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Unreadable::Key)?;
        Self::of(chain, key)
    }

    fn of(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, Unreadable> {
        let first = chain.first().ok_or(Unreadable::Certificate)?;
        let certificate = Certificate::from_der(first).map_err(|_| Unreadable::Certificate)?;
        let content = &certificate.tbs_certificate;
        let names = match content.get::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0,
            Ok(None) => Vec::new(),
            Err(_) => return Err(Unreadable::Certificate),
        };
        let names = names.into_iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        let time = |time: x509_cert::time::Time| {
            Time::from_unix_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
        };
        let authority = content.get::<AuthorityKeyIdentifier>().ok().flatten();
        let identifier = authority.and_then(|(_, authority)| authority.key_identifier).map(|authority| {
            let serial = content.serial_number.as_bytes();
            CertificateIdentifier::new(Der::from_slice(authority.as_bytes()), Der::from_slice(serial)).into_owned()
        });
        let (names, not_before, not_after) =
            (names.collect(), time(content.validity.not_before), time(content.validity.not_after));
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Unreadable::Mismatch,
            rustls::Error::InvalidCertificate(_) => Unreadable::Certificate,
            _ => Unreadable::Key,
        })?;
        Ok(Self { key: Arc::new(key), names, not_before, not_after, identifier })
    }

    /// Whether it is for this name.
    pub fn is_for(&self, name: &str) -> bool {
        let wild = wild(name);
        self.names.iter().any(|known| known == name || wild.as_ref() == Some(known))
    }
}

/// The name with `*` in the place of its first label, which stands for any one.
pub(super) fn wild(name: &str) -> Option<String> {
    name.split_once('.').map(|(_, rest)| format!("*.{rest}"))
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate for these names that has signed itself, and its key, in PEM.
    pub(in crate::tls) fn pem(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn what_a_certificate_says_is_read() {
        let (chain, key) = pem(&["Go.Example.com", "*.example.org"]);
        let leaf = Leaf::read(chain.as_bytes(), key.as_bytes()).expect("a certificate");
        assert_eq!(leaf.names, ["go.example.com", "*.example.org"]);
        assert_eq!(leaf.not_before.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(leaf.not_after.to_string(), "2026-04-01T00:00:00Z");
        for (name, is_for) in [
            ("go.example.com", true),
            ("www.example.org", true),
            ("example.org", false),
            ("a.b.example.org", false),
            ("example.com", false),
        ] {
            assert_eq!(leaf.is_for(name), is_for, "{name}");
        }
    }

    #[test]
    fn what_is_none_is_told_from_what_does_not_belong_together() {
        let ((chain, key), (_, other)) = (pem(&["a.example"]), pem(&["a.example"]));
        let read = |chain: &str, key: &str| Leaf::read(chain.as_bytes(), key.as_bytes()).map(drop);
        assert_eq!(read(&chain, &key), Ok(()));
        assert_eq!(read(&chain, &other), Err(Unreadable::Mismatch));
        assert_eq!(read("", &key), Err(Unreadable::Certificate));
        assert_eq!(read(&key, &key), Err(Unreadable::Certificate));
        assert_eq!(read(&chain, &chain), Err(Unreadable::Key));
        assert_eq!(read(&chain, ""), Err(Unreadable::Key));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(read(broken, &key), Err(Unreadable::Certificate));
        for end in 0..chain.len() {
            let _ = read(&chain[..end], &key);
        }
    }
}
