//! An API key's JSON.

use mask_core::{
    key::{Key, Status},
    scope::Scope,
    time::Time,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::links::Pagination;

macro_rules! names {
    ($($name:ident = $text:tt,)+) => {
        /// What a key may do.
        #[derive(Debug, ToSchema)]
        #[schema(as = Scope)]
        #[expect(dead_code, reason = "the names as the document shows them")]
        pub(crate) enum ScopeName { $(#[serde(rename = $text)] $name,)+ }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($text,)+];
    };
}

names! {
    LinksRead = "links:read",
    LinksWrite = "links:write",
    BioPagesRead = "bio-pages:read",
    BioPagesWrite = "bio-pages:write",
    AnalyticsRead = "analytics:read",
    QrCodesRead = "qr-codes:read",
    QrCodesWrite = "qr-codes:write",
    WebhooksRead = "webhooks:read",
    WebhooksWrite = "webhooks:write",
    DomainsRead = "domains:read",
    DomainsWrite = "domains:write",
    WorkspaceRead = "workspace:read",
    WorkspaceWrite = "workspace:write",
    ApiKeysRead = "api-keys:read",
    ApiKeysWrite = "api-keys:write",
}

/// How it is with a key.
#[derive(Debug, ToSchema)]
#[schema(as = ApiKeyStatus)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum StatusName {
    active,
    inactive,
    expired,
}

/// What a key reaches.
#[derive(Debug, ToSchema)]
#[schema(as = Mode)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum ModeName {
    live,
    test,
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(in crate::api) struct ApiKeyBody {
    /// The key's id. It is no secret.
    #[schema(example = "key_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// What its owner calls it.
    #[schema(example = "Zapier")]
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: Vec<&'static str>,
    /// Whether it reaches what is live or what is for tests.
    #[schema(value_type = ModeName)]
    mode: &'static str,
    /// The two ends of the secret.
    #[schema(example = "mk_live_…x7Qa")]
    hint: String,
    /// `inactive`: it works, but was not used for 90 days. `expired`: it is refused.
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// Addresses and networks from which alone it may be used; empty: from anywhere.
    allowed_ips: Vec<String>,
    /// From when on it is refused.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// Until when the secret before is valid too.
    #[schema(format = DateTime)]
    previous_secret_expires_at: Option<String>,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// The key itself, where it was made just now. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "mk_live_4f9Kd2mPq7Rs1TvXw3Yz5BcDeF8gHj")]
    key: Option<String>,
}

impl ApiKeyBody {
    pub(in crate::api) fn of(key: &Key, now: Time) -> Self {
        let content = &key.content;
        Self {
            id: key.id.to_string(),
            name: content.name.clone(),
            scopes: content.scopes.iter().map(Scope::as_str).collect(),
            mode: if key.owner.is_test { "test" } else { "live" },
            hint: key.hint.clone(),
            status: key.status(now).as_str(),
            allowed_ips: content.allowed_ips.iter().map(network).collect(),
            expires_at: content.expires_at.map(|at| at.to_string()),
            last_used_at: key.last_used_at.map(|at| at.to_string()),
            previous_secret_expires_at: key.previous_until.filter(|until| *until > now).map(|at| at.to_string()),
            created_at: key.created_at.to_string(),
            updated_at: key.updated_at.to_string(),
            key: None,
        }
    }

    /// The same, with the secret.
    pub(super) fn revealing(self, secret: String) -> Self {
        Self { key: Some(secret), ..self }
    }
}

/// A network of one is written as the address that it is.
fn network(network: &ipnet::IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
}

/// A key's tag. Its owner's changes stand before the dot; what it also shows and they do not count stands behind it.
pub(super) fn tag(key: &Key, now: Time) -> String {
    let used = key.last_used_at.map_or(0, Time::unix_seconds);
    let has_previous = i64::from(key.previous_until.is_some_and(|until| until > now));
    let is_expired = i64::from(key.status(now) == Status::Expired);
    let is_inactive = i64::from(key.status(now) == Status::Inactive);
    format!("\"{}.{}\"", key.version, used * 8 + has_previous * 4 + is_expired * 2 + is_inactive)
}

/// A page of API keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKeyList {
    /// The keys.
    pub data: Vec<ApiKeyBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_scope() {
        assert!(Scope::ALL.iter().map(|scope| scope.as_str()).eq(NAMES.iter().copied()));
    }
}
