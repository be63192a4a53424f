//! The settings of signing in by way of a provider of identities.

use mask_core::federation::Grant;
use url::Url;

use super::{
    Config,
    layers::Layers,
    rules::{Checked, Value, each, quoted, text},
};

/// Who says who people are; or nobody.
pub(super) fn issuer(value: &Value) -> Checked<Option<Url>> {
    let written = text(value)?;
    if written.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(written).ok().filter(|url| {
        let is_own_machine = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own_machine);
        is_safe && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    });
    url.map(Some).ok_or_else(|| {
        format!(
            "must be empty or an https:// address such as https://login.example.com/realms/team, not {}",
            quoted(written)
        )
    })
}

/// What groups stand for.
pub(super) fn grants(value: &Value) -> Checked<Vec<Grant>> {
    each(value, |written| {
        Grant::parse(written)
            .map_err(|why| format!("must be such as \"designers=default:member\", not {}: {why}", quoted(written)))
    })
}

/// Domains of addresses.
pub(super) fn mail_domains(value: &Value) -> Checked<Vec<String>> {
    each(value, |written| {
        let is_domain = written.contains('.') && !written.contains(['@', '/', ' ']);
        let fault = || format!("must be domains such as example.com, not {}", quoted(written));
        is_domain.then(|| written.to_ascii_lowercase()).ok_or_else(fault)
    })
}

impl Config {
    pub(super) fn check_oidc(&self, layers: &mut Layers) {
        if self.oidc.issuer.is_some() && self.oidc.client_id.is_empty() {
            layers.refuse("oidc.client_id", "must be set, as oidc.issuer is");
        }
        if !self.oidc.scopes.split(' ').any(|scope| scope == "openid") {
            layers.refuse("oidc.scopes", "must have openid among them");
        }
    }
}
