//! What is allowed and yet likely a mistake.

use std::net::{IpAddr, Ipv4Addr};

use super::{Config, TlsMode};

/// Where the large clouds tell a machine its credentials.
const CLOUD_METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

impl Config {
    /// What is allowed and yet likely a mistake, each a sentence for the log at the start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.public_is_http() && !self.is_local() {
            warnings.push(
                "server.public_url is plain http and the server is not for this machine alone, so the API refuses every \
                 request that does not come through TLS: set server.public_url to the https address of the proxy in \
                 front, and proxy.trusted to that proxy's address",
            );
        }
        if !self.public_is_http() && self.proxy.trusted.is_empty() && self.tls.mode == TlsMode::Off {
            warnings.push(
                "server.public_url is https and proxy.trusted is empty, so the server cannot learn that a request came \
                 through TLS and the API refuses it: set proxy.trusted to the address of the proxy in front",
            );
        }
        if (self.proxy.trusted.iter()).any(|network| network.prefix_len() == 0) {
            warnings.push(
                "proxy.trusted holds a network of all addresses, so any client can claim any address and escape the \
                 limits: name the addresses of the proxy alone",
            );
        }
        if (self.outbound.allow_networks.iter()).any(|network| network.contains(&CLOUD_METADATA)) {
            warnings.push(
                "outbound.allow_networks holds the address at which clouds tell their machines the credentials \
                 (169.254.169.254), so any webhook can ask for them: name the networks of the receivers alone",
            );
        }
        if self.proxy.country_header.is_some() && self.proxy.trusted.is_empty() {
            warnings.push(
                "proxy.country_header is set and proxy.trusted is empty, so the header is never believed: set \
                 proxy.trusted to the address of the proxy in front",
            );
        }
        warnings.extend(self.tls_warnings());
        warnings.into_iter().map(str::to_owned).collect()
    }
}
