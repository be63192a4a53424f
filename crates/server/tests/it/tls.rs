//! TLS as clients see it: openssl, curl, and a client of our own that keeps connections.

mod acme;
mod clear;
mod files;
mod hostile;
mod pebble;
mod proxied;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::Arc,
};

use rcgen::{CertificateParams, DnType, KeyPair};
use reqwest::{header::HeaderMap, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{harness::App, wire::Wire};

const HOST: &str = "mask.example";
/// The address of the proxy in these tests, which is trusted.
const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

/// A server that speaks TLS with certificates of files.
struct Bench {
    app: App,
    folder: tempfile::TempDir,
}

/// Writes a certificate for these names, which has signed itself, and its key.
fn write_pair(folder: &tempfile::TempDir, file: &str, names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let all: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(all).expect("names");
    params.distinguished_name.push(DnType::CommonName, names[0]);
    let certificate = params.self_signed(&key).expect("a certificate");
    let at = |kind: &str| folder.path().join(format!("{file}.{kind}"));
    std::fs::write(at("pem"), certificate.pem()).expect("written");
    std::fs::write(at("key"), key.serialize_pem()).expect("written");
    (at("pem").display().to_string(), at("key").display().to_string())
}

/// A client that comes from an address, through a proxy that says it spoke TLS.
fn proxied(from: IpAddr) -> reqwest::Client {
    let headers = [("x-forwarded-proto", "https"), ("host", HOST)];
    let headers: HeaderMap = (headers.into_iter())
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
        .collect();
    let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().local_address(from);
    client.default_headers(headers).build().expect("a client")
}

impl Bench {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(flags: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (first_cert, first_key) = write_pair(&folder, "first", &[HOST]);
        let (second_cert, second_key) = write_pair(&folder, "second", &["*.links.example", "go.example"]);
        let (certs, keys) = (format!("{first_cert},{second_cert}"), format!("{first_key},{second_key}"));
        let mut all = vec![
            ("server.public_url", "https://mask.example"),
            ("links.domains", "go.example"),
            ("proxy.trusted", "127.0.0.2"),
            ("tls.mode", "files"),
            ("tls.listen", "127.0.0.1:0"),
            ("tls.cert_files", certs.as_str()),
            ("tls.key_files", keys.as_str()),
        ];
        all.retain(|(name, _)| !flags.iter().any(|(other, _)| other == name));
        all.extend(flags);
        let mut app = App::with(&all).await;
        app.client = proxied(PROXY);
        Self { app, folder }
    }

    fn clear(&self) -> SocketAddr {
        self.app.server().addresses[0]
    }

    fn secure(&self) -> SocketAddr {
        self.app.server().tls_addresses[0]
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A client that believes in these files alone.
    fn believing(&self, files: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for file in files {
            let certificate = CertificateDer::from_pem_file(self.path(file)).expect("a certificate");
            roots.add(certificate).expect("an authority");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    fn wire(&self, name: &str) -> Wire {
        let config = self.believing(&["first.pem", "second.pem"]);
        Wire::open(self.secure()).expect("a connection").encrypt(name, &config).expect("a handshake")
    }

    /// A connection on which this protocol is spoken.
    fn wire_of(&self, name: &str, protocol: &[u8]) -> Wire {
        let mut config = ClientConfig::clone(&self.believing(&["first.pem", "second.pem"]));
        config.alpn_protocols = vec![protocol.to_vec()];
        let wire = Wire::open(self.secure()).expect("a connection");
        wire.encrypt(name, &Arc::new(config)).expect("a handshake")
    }

    /// What a program says that is told to come here; an answer is whatever it writes.
    async fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(program);
        command.args(arguments).stdin(std::process::Stdio::null());
        let done = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
        let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (done.status.success(), text)
    }

    /// `openssl s_client` with these arguments.
    async fn openssl(&self, arguments: &[&str]) -> (bool, String) {
        let address = self.secure().to_string();
        self.run("openssl", &[&["s_client", "-connect", &address], arguments].concat()).await
    }

    /// `curl` to a host of this server, over HTTP/2 where it can; writes status, version and where it leads.
    async fn curl(&self, url_path: &str, arguments: &[&str]) -> String {
        let port = self.secure().port();
        let (resolve, url) = (format!("{HOST}:{port}:127.0.0.1"), format!("https://{HOST}:{port}{url_path}"));
        let trusted = self.path("first.pem").display().to_string();
        let first = [
            "-sS",
            "--resolve",
            &resolve,
            "--cacert",
            &trusted,
            "-w",
            "\n%{http_code} %{http_version} %{redirect_url}",
        ];
        let (has_worked, text) = self.run("curl", &[&first, arguments, &[url.as_str()]].concat()).await;
        assert!(has_worked, "{text}");
        text
    }
}

/// Asks until the answer is yes, for as long as anything may take.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    // What is asked may not wait for anything itself.
    let asking = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(90);
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}
