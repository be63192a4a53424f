//! What the settings of TLS and of the authority may be, and what they must be together.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use super::{
    Config,
    layers::Layers,
    rules::{Checked, Value, each, path, quoted, text},
};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// Whether TLS is spoken, and with which certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// It is not.
    Off,
    /// With those of files.
    Files,
    /// With those of an authority.
    Acme,
}

/// Paths of the file system.
pub(super) fn paths(value: &Value) -> Checked<Vec<PathBuf>> {
    each(value, |written| path(&Value::Text(written.to_owned())))
}

/// The address of an authority's directory.
pub(super) fn directory(value: &Value) -> Checked<Url> {
    let written = text(value)?;
    Url::parse(written)
        .ok()
        .filter(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| {
            let right = "the https:// address of a directory, such as https://acme.zerossl.com/v2/DV90";
            format!("must be {right}, not {}", quoted(written))
        })
}

impl Config {
    /// Whether this server speaks TLS itself.
    pub fn has_tls(&self) -> bool {
        self.tls.mode != TlsMode::Off
    }

    /// What binds the account with the authority to another: the id of the key, and the key.
    pub fn account_binding(&self) -> Option<(&str, Vec<u8>)> {
        let key = decoded(self.acme.eab_hmac_key.reveal())?;
        Some((self.acme.eab_key_id.as_str(), key)).filter(|(id, key)| !id.is_empty() && !key.is_empty())
    }

    pub(super) fn check_tls(&self, layers: &mut Layers) {
        let (tls, acme) = (&self.tls, &self.acme);
        if tls.mode == TlsMode::Off {
            if !tls.listen.is_empty() {
                layers.refuse("tls.listen", "must be empty, as tls.mode is off");
            }
            return;
        }
        if tls.listen.is_empty() {
            layers.refuse("tls.listen", "must name at least one address, such as 0.0.0.0:443, as tls.mode is not off");
        }
        if tls.listen.iter().any(|address| address.port() != 0 && self.server.listen.contains(address)) {
            layers.refuse("tls.listen", "must differ from the addresses of server.listen");
        }
        if self.server.public_url.scheme() != "https" {
            layers.refuse("server.public_url", "must begin with https://, as tls.mode is not off");
        }
        if tls.mode == TlsMode::Files {
            if tls.cert_files.is_empty() {
                layers.refuse("tls.cert_files", "must name at least one file, as tls.mode is files");
            }
            if tls.cert_files.len() != tls.key_files.len() {
                layers.refuse("tls.key_files", "must name as many files as tls.cert_files, in the same order");
            }
            return;
        }
        let binding = (acme.eab_key_id.as_str(), acme.eab_hmac_key.reveal());
        match binding {
            ("", "") => {}
            ("", _) => layers.refuse("acme.eab_key_id", "must be set, as acme.eab_hmac_key is"),
            (_, "") => layers.refuse("acme.eab_hmac_key", "must be set, as acme.eab_key_id is"),
            (_, key) if decoded(key).is_none() => layers.refuse(
                "acme.eab_hmac_key",
                "must be base64url, as the authority gave it (what was written is not shown: it may be a key)",
            ),
            _ => {}
        }
    }

    /// What of TLS is allowed and yet likely a mistake.
    pub(super) fn tls_warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.tls.mode == TlsMode::Acme && !self.tls_on(HTTPS) && !self.clear_on(HTTP) {
            warnings.push(
                "tls.mode is acme, and neither is port 443 in tls.listen nor port 80 in server.listen: the authority \
                 connects to one of these, so see to it that it is passed on",
            );
        }
        if self.proxy.proxy_protocol && self.proxy.trusted.is_empty() {
            warnings.push(
                "proxy.proxy_protocol is on and proxy.trusted is empty, so nobody's header is read: set proxy.trusted to the \
                 address of the proxy in front",
            );
        }
        warnings
    }

    /// Whether TLS is spoken on this port of some address.
    pub fn tls_on(&self, port: u16) -> bool {
        self.tls.listen.iter().any(|address| address.port() == port)
    }

    /// Whether HTTP is spoken in the clear on this port of some address.
    pub fn clear_on(&self, port: u16) -> bool {
        self.server.listen.iter().any(|address| address.port() == port)
    }

    /// Whether an authority is better shown a file in the clear than a handshake: it looks on port 80 and on port 443.
    pub fn prefers_file(&self) -> bool {
        self.clear_on(HTTP) && !self.tls_on(HTTPS)
    }
}

/// Bytes that were written in base64url, with or without the padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
