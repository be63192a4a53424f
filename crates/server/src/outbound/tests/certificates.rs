//! Receivers whose certificates are good, and those whose are not.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::{
    receiver::{Receiver, read_request},
    *,
};

const NAME: &str = "hooks.example.com";

#[tokio::test]
async fn a_certificate_of_a_named_authority_is_believed_and_the_name_is_asked_for() {
    let authority = Authority::named("ours");
    let receiver = SafeReceiver::start(authority.sign(&params(NAME))).await;
    let outbound = client(Some(&authority));
    for _ in 0..2 {
        let answer = post(&outbound, &receiver.url(NAME)).await.expect("an answer");
        assert_eq!(&answer.body[..], b"ok");
    }
    // One handshake: the second request went over the same connection.
    assert_eq!(receiver.names(), [Some(NAME.to_owned())]);
}

#[tokio::test]
async fn an_address_may_have_a_certificate_too() {
    let authority = Authority::named("ours");
    let receiver = SafeReceiver::start(authority.sign(&params("127.0.0.1"))).await;
    let answer = post(&client(Some(&authority)), &receiver.url("127.0.0.1")).await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(receiver.names(), [None]);
}

#[tokio::test]
async fn bad_certificates_are_refused_with_the_reason() {
    let authority = Authority::named("ours");
    let mut expired = params(NAME);
    expired.not_after = date_time_ymd(2001, 1, 1);
    let mut early = params(NAME);
    early.not_before = date_time_ymd(2990, 1, 1);
    for (identity, detail, words) in [
        (authority.sign(&expired), "expired", "the certificate has expired"),
        (authority.sign(&early), "not_yet_valid", "the certificate is not valid yet"),
        (authority.sign(&params("other.example.com")), "other_name", "the certificate is for another name"),
        (
            Authority::named("another").sign(&params(NAME)),
            "unknown_authority",
            "the certificate is from an unknown authority",
        ),
    ] {
        let receiver = SafeReceiver::start(identity).await;
        let failure = post(&client(Some(&authority)), &receiver.url(NAME)).await.expect_err(words);
        assert_eq!((failure.code(), failure.written()), ("tls_failed", format!("tls_failed/{detail}").as_str()));
        assert!(failure.to_string().ends_with(&format!("({words})")), "{failure}");
    }
    let receiver = SafeReceiver::start(authority.sign(&params(NAME))).await;
    let failure = post(&client(None), &receiver.url(NAME)).await.expect_err("nobody named the authority");
    assert_eq!(failure.code(), "tls_failed");
}

#[tokio::test]
async fn a_receiver_without_tls_is_no_safe_receiver() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let speaks_first = Receiver::start(|mut wire| async move {
        wire.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        wire.linger().await;
    })
    .await;
    let failure = post(&client(None), &format!("https://{NAME}:{}/", speaks_first.address.port())).await;
    assert_eq!(failure.map(|_| ()).map_err(|failure| failure.written()), Err("tls_failed/not_tls"));
    // One that waits for a line of HTTP waits in vain; the client does not.
    let hurried = config::Outbound { connect_timeout: Duration::from_millis(150), ..settings(&["127.0.0.0/8"]) };
    let outbound = Outbound::new(&hurried, Always::new(&["127.0.0.1"])).expect("a client");
    let failure = post(&outbound, &format!("https://{NAME}:{}/", receiver.address.port())).await;
    assert_eq!(failure.map(|_| ()).map_err(|failure| failure.written()), Err("timed_out/connecting"));
}

#[test]
fn a_file_without_authorities_is_a_mistake() {
    let open = |ca_file: &std::path::Path| {
        let settings = config::Outbound { ca_file: Some(ca_file.to_owned()), ..settings(&[]) };
        Outbound::new(&settings, Arc::new(Unasked)).expect_err("no authorities").to_string()
    };
    assert!(open("/nonexistent/ca.pem".as_ref()).starts_with("cannot read outbound.ca_file /nonexistent/ca.pem: "));
    for content in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(content.as_bytes()).expect("written");
        assert!(open(file.path()).ends_with("must hold certificates of authorities in PEM"), "{content:?}");
    }
}

/// A client that may call this machine by any name, and believes this authority.
fn client(authority: Option<&Authority>) -> Outbound {
    let file = authority.map(|authority| {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(authority.0.pem().as_bytes()).expect("written");
        file
    });
    let ca_file = file.as_ref().map(|file| file.path().to_owned());
    let settings = config::Outbound { ca_file, ..settings(&["127.0.0.0/8"]) };
    Outbound::new(&settings, Always::new(&["127.0.0.1"])).expect("a client")
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name")
}

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A private authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
    }
}

/// A receiver behind TLS that answers `ok`, and remembers by which names it was asked for.
struct SafeReceiver {
    receiver: Receiver,
    identity: Arc<Remembering>,
}

impl SafeReceiver {
    async fn start((certificate, key): Identity) -> Self {
        let key = ring::sign::any_supported_type(&key).expect("a key");
        let key = Arc::new(CertifiedKey::new(vec![certificate], key));
        let identity = Arc::new(Remembering { key, names: Mutex::default() });
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&identity) as Arc<dyn ResolvesServerCert>);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let receiver = Receiver::start(move |wire| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(wire.stream).await else { return };
                while read_request(&mut stream).await.is_some() {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap_or_default();
                    stream.flush().await.unwrap_or_default();
                }
            }
        })
        .await;
        Self { receiver, identity }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/hook", self.receiver.address.port())
    }

    fn names(&self) -> Vec<Option<String>> {
        self.identity.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Remembering {
    key: Arc<CertifiedKey>,
    names: Mutex<Vec<Option<String>>>,
}

impl ResolvesServerCert for Remembering {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_owned);
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        Some(Arc::clone(&self.key))
    }
}
