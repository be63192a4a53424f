//! A domain's JSON.

use mask_core::{
    certificate::Standing,
    domain::{Domain, Looked},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::links::Pagination,
    domains::{Record, Records},
};

/// A domain.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Domain)]
pub(in crate::api) struct DomainBody {
    /// The domain's id.
    #[schema(example = "dom_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// The name, in its ASCII form.
    #[schema(example = "go.example.com")]
    domain: String,
    /// `pending` until DNS shows that it is yours, then `verified`; `failed` when that did not happen within a week, or when
    /// another workspace has shown it since.
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// Whether links live here that name no domain.
    is_default: bool,
    /// Where paths lead at which there is nothing.
    not_found_url: Option<String>,
    /// Where `/` leads.
    root_url: Option<String>,
    /// What is to be put into DNS.
    dns_records: Vec<RecordBody>,
    /// Its certificate.
    tls: TlsBody,
    /// When it was shown to be yours.
    #[schema(format = DateTime)]
    verified_at: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// Where links lead that have expired or reached their limit, and have no `expired_url` of their own.
    expired_url: Option<String>,
    /// The files that tie apps to the domain.
    well_known: WellKnownBody,
    /// What `/robots.txt` asks of crawlers.
    #[schema(value_type = RobotsName)]
    robots: &'static str,
    /// What the last look at DNS came to.
    last_check: Option<CheckBody>,
}

/// Whether a domain is yours.
#[derive(Debug, ToSchema)]
#[schema(as = DomainStatus)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum StatusName {
    pending,
    verified,
    failed,
}

/// What crawlers are asked.
#[derive(Debug, ToSchema)]
#[schema(as = RobotsPolicy)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum RobotsName {
    allow,
    disallow,
}

/// What a look at DNS can come to.
#[derive(Debug, ToSchema)]
#[schema(as = DnsOutcome)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum OutcomeName {
    found,
    not_found,
    unavailable,
    taken,
}

/// A record that is to be put into DNS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DnsRecord)]
struct RecordBody {
    /// `TXT`, `CNAME`, `A` or `AAAA`.
    #[serde(rename = "type")]
    #[schema(example = "TXT")]
    kind: &'static str,
    /// Its name.
    #[schema(example = "_mask.go.example.com")]
    name: String,
    /// What it must say.
    #[schema(example = "mask-domain=4f0k2v8x1m6q9z3c7b5n0d2g8j4h1s6a")]
    value: String,
    /// Whether it was there, or something that does the same, when that could last be told.
    found: bool,
}

impl RecordBody {
    fn of(record: Record) -> Self {
        Self { kind: record.kind, name: record.name, value: record.value, found: record.is_found }
    }
}

/// A domain's certificate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DomainTls)]
struct TlsBody {
    /// `off`: this server speaks no TLS, and something in front of it answers for the domain. `pending`: there is none yet.
    /// `active`: there is one, and it is renewed in time. `failed`: there is none, and the last try to get one failed; it is
    /// tried again.
    #[schema(value_type = TlsStatusName)]
    status: &'static str,
    /// When the certificate ends.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What went wrong with the last try to get one, for people. While the certificate before it lasts, `status` is `active`.
    error: Option<String>,
}

/// How the certificate of a domain is.
#[derive(Debug, ToSchema)]
#[schema(as = TlsStatus)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum TlsStatusName {
    off,
    pending,
    active,
    failed,
}

/// The files that tie apps to a domain.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WellKnown)]
struct WellKnownBody {
    /// The object at `/.well-known/apple-app-site-association`.
    #[schema(value_type = Option<Object>)]
    apple_app_site_association: Option<Value>,
    /// The list at `/.well-known/assetlinks.json`.
    #[schema(value_type = Option<Vec<Object>>)]
    assetlinks: Option<Value>,
}

/// A look at DNS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DnsCheck)]
struct CheckBody {
    /// When.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    at: String,
    /// `found`: all is there. `not_found`: something is missing. `unavailable`: DNS did not answer, which changes nothing.
    /// `taken`: all is there, and the workspace that has the domain shows that it is its own as well.
    #[schema(value_type = OutcomeName)]
    outcome: &'static str,
    /// What was found or is missing, for people.
    #[schema(example = "There is no TXT record at _mask.go.example.com.")]
    message: String,
}

impl CheckBody {
    fn of(look: &Looked) -> Self {
        Self { at: look.at.to_string(), outcome: look.outcome.as_str(), message: look.message.clone() }
    }
}

impl DomainBody {
    /// The domain as the API shows it.
    pub(in crate::api) fn of(domain: &Domain, records: &Records, certificate: Standing) -> Self {
        let content = &domain.content;
        let url = |url: &Option<mask_core::destination::WebUrl>| url.as_ref().map(|url| url.as_str().to_owned());
        // What is stored was read from JSON.
        let json = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            id: domain.id.to_string(),
            domain: domain.name.to_string(),
            status: domain.status.as_str(),
            is_default: content.is_default,
            not_found_url: url(&content.not_found_url),
            root_url: url(&content.root_url),
            dns_records: records.for_domain(domain).into_iter().map(RecordBody::of).collect(),
            tls: TlsBody {
                status: certificate.status.as_str(),
                expires_at: certificate.not_after.map(|at| at.to_string()),
                error: certificate.error,
            },
            verified_at: domain.verified_at.map(|at| at.to_string()),
            created_at: domain.created_at.to_string(),
            updated_at: domain.updated_at.to_string(),
            expired_url: url(&content.expired_url),
            well_known: WellKnownBody {
                apple_app_site_association: json(&content.apple_app_site_association),
                assetlinks: json(&content.assetlinks),
            },
            robots: content.robots.as_str(),
            last_check: domain.look.as_ref().map(CheckBody::of),
        }
    }
}

/// A page of domains.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DomainList {
    /// The domains.
    pub data: Vec<DomainBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}
