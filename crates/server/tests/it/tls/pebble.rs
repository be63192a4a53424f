//! An authority of a test's own: Pebble, a real one that is made for tests. It looks where its test tells it to.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};

use super::{until, write_pair};
use crate::dns::Dns;

/// See the module.
pub(super) struct Pebble {
    /// Where its directory is.
    pub(super) directory: String,
    /// The file of the certificate by which it is known.
    pub(super) ca_file: String,
    /// That of its key.
    pub(super) key_file: String,
    management: String,
    folder: tempfile::TempDir,
    dns: String,
    process: Option<Child>,
}

/// A port that nobody has at this moment.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Pebble {
    /// One that asks this name server, and looks on these ports.
    pub(super) async fn start(dns: &Dns, http_port: u16, tls_port: u16) -> Self {
        Self::with(dns, http_port, tls_port, json!({})).await
    }

    /// The same, with more in its settings.
    pub(super) async fn with(dns: &Dns, http_port: u16, tls_port: u16, more: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = write_pair(&folder, "pebble", &["localhost", "127.0.0.1"]);
        let (listen, management) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let mut config = json!({"pebble": {
            "listenAddress": listen, "managementListenAddress": management,
            "certificate": certificate, "privateKey": key,
            "httpPort": http_port, "tlsPort": tls_port,
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "certificateValidityPeriod": 90 * 86_400,
        }});
        for (name, value) in more.as_object().into_iter().flatten() {
            config["pebble"][name] = value.clone();
        }
        std::fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
        let directory = format!("https://{listen}/dir");
        let (ca_file, key_file, dns) = (certificate, key, dns.address.to_string());
        let mut pebble = Self { directory, ca_file, key_file, management, folder, dns, process: None };
        pebble.revive().await;
        pebble
    }

    /// Starts it, with the same addresses and no memory.
    pub(super) async fn revive(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a file");
        let child = Command::new("pebble")
            .arg("-config")
            .arg(self.folder.path().join("config.json"))
            .args(["-dnsserver", &self.dns])
            .env("PEBBLE_VA_NOSLEEP", "1")
            // By chance it would refuse good nonces, now and then so many that an order fails, as a real one does not.
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("pebble starts");
        self.process = Some(child);
        until("the authority answers", async || self.asked(&self.directory).is_some()).await;
    }

    /// It dies.
    pub(super) fn die(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
    }

    fn asked(&self, url: &str) -> Option<String> {
        let done = Command::new("curl").args(["-sSf", "--cacert", &self.ca_file, url]).output().expect("curl runs");
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// A client that believes in what it has signed, and in nothing else.
    pub(super) fn believing(&self) -> Arc<ClientConfig> {
        let root = self.asked(&format!("https://{}/roots/0", self.management)).expect("its root");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).expect("a certificate")).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.die();
    }
}
