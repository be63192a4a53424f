//! `/domains`: hosts of your own for links and pages.
//!
//! A domain is asked for, shown to be yours by records in DNS, and then serves what lives there. What DNS says is judged
//! in the store; here it is only asked, and the hosts of this node are brought up to date before an answer goes out.

mod input;
mod shape;

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    certificate::{Standing, Status},
    domain::{Content, Domain},
    id::DomainId,
    workspace::Owner,
};
use mask_store::{Begun, Kept, NewDomain, Unheld};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, recreated, tagged},
    caller::{Caller, DomainsRead, DomainsWrite},
    error::{ApiError, Code},
    fields::Problems,
    gate::Seen,
    links::Pagination,
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, DomainPath, IdempotencyKey, Json, NoBody, json_body, json_bytes},
    version,
};
use crate::domains;
pub(super) use shape::DomainBody;
use shape::DomainList;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete)).routes(routes!(verify))
}

/// Add a domain
///
/// It is `pending` until its `dns_records` are found, which is looked for at once and then ever less often for a week. A
/// domain that another workspace has is a 409, unless `take_over` says that it is yours now.
#[utoipa::path(
    post, path = "/domains", operation_id = "create_domain", tag = "Domains",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewDomain, example = json!({"domain": "go.example.com", "not_found_url": "https://www.example.com/"})),
    responses((status = 201, description = "The new domain", body = DomainBody)),
    security(("key" = ["domains:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/domains", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let mut asked = input::read_new(body.value, api.redirects.hosts(), &mut problems);
    if let Err(error) = problems.check() {
        return attempt.kept_or(&api, error).await.map(|kept| recreated(kept, "domains"));
    }
    let (now, mut content) = (api.clock.now(), Content::default());
    let (name, takes_over) = (asked.name.take().ok_or_else(ApiError::internal)?, asked.takes_over);
    asked.apply(&mut content);
    let id = DomainId::from_bits(api.ids.next(now));
    let certificate = api.certificates.standing(name.as_str(), now);
    let known = certificate.clone();
    let new = NewDomain { id, name, token: domains::new_token(), content, takes_over, now };
    let records = api.domains.records().clone();
    let keep = attempt.keep(&api, move |made: &Result<Domain, Unheld>| match made {
        Ok(domain) => {
            Kept { status: 201, body: json_bytes(&DomainBody::of(domain, &records, known.clone().of_domain(domain))) }
        }
        Err(why) => once::kept_error(&refused(*why), seen.request_id),
    });
    match once::done(api.store.create_domain(caller.by(&seen), new, keep).await?)? {
        Err(kept) => Ok(recreated(kept, "domains")),
        Ok(Err(why)) => Err(refused(why)),
        Ok(Ok(domain)) => {
            let certificate = certificate.of_domain(&domain);
            let tag = tag(&domain, &certificate);
            let body = json_body(&DomainBody::of(&domain, api.domains.records(), certificate));
            let response = located((StatusCode::CREATED, body).into_response(), &format!("domains/{}", domain.id));
            Ok(tagged(response, &tag))
        }
    }
}

/// List domains
///
/// Oldest first.
#[utoipa::path(
    get, path = "/domains", operation_id = "list_domains", tag = "Domains",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Domains per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of domains", body = DomainList)),
    security(("key" = ["domains:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsRead>,
    mut parameters: Parameters,
) -> Result<Answer<DomainList>, ApiError> {
    let after = parameters.cursor(|cursor| DomainId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    parameters.end()?;
    let listed = api.store.list_domains(caller.owner, after, limit).await?;
    let now = api.clock.now();
    let body = |domain| DomainBody::of(domain, api.domains.records(), api.certificates.standing_of(domain, now));
    Ok(Answer(DomainList {
        data: listed.rows.iter().map(body).collect(),
        pagination: Pagination::of(listed.next.as_ref()),
    }))
}

/// Read a domain
///
/// `dns_records` says what is to be put into DNS, and whether it was there when that could last be told.
#[utoipa::path(
    get, path = "/domains/{id}", operation_id = "get_domain", tag = "Domains",
    params(("id" = String, Path, description = "The domain's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The domain", body = DomainBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["domains:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsRead>,
    DomainPath(id): DomainPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let domain = api.store.domain_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&api, &domain, &headers))
}

/// Change a domain
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null clears. The domain that becomes the default takes the place of
/// the one before. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/domains/{id}", operation_id = "update_domain", tag = "Domains",
    params(("id" = String, Path, description = "The domain's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::DomainChange, example = json!({"root_url": "https://www.example.com/", "robots": "disallow"})),
    responses((status = 200, description = "The changed domain", body = DomainBody)),
    security(("key" = ["domains:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsWrite>,
    DomainPath(id): DomainPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let name = api.store.domain_by_id(caller.owner, id).await?.ok_or_else(absent)?.name;
    let mut problems = Problems::default();
    let asked = input::read_change(body.value, api.redirects.hosts(), &name, &mut problems);
    problems.check()?;
    let change = move |content: &mut Content| asked.apply(content);
    let changed = api.store.update_domain(caller.by(&seen), id, expected, change, api.clock.now()).await?;
    let domain = changed.map_err(refused)?;
    api.domains.refresh_soon().await;
    Ok(shown(&api, &domain, &HeaderMap::new()))
}

/// Give a domain up
///
/// A verified domain on which links or bio pages live is a 409 that says how many. Slugs that were reserved there for
/// deleted links are free for whoever has the domain next.
#[utoipa::path(
    delete, path = "/domains/{id}", operation_id = "delete_domain", tag = "Domains",
    params(("id" = String, Path, description = "The domain's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete")),
    responses((status = 204, description = "The domain is gone")),
    security(("key" = ["domains:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsWrite>,
    DomainPath(id): DomainPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    api.store.delete_domain(caller.by(&seen), id, expected, api.clock.now()).await?.map_err(refused)?;
    api.domains.refresh_soon().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Look whether a domain is yours
///
/// DNS is asked now, which takes some seconds at most; `last_check` says what came of it. Within five seconds of the last
/// look nothing is asked, and the answer is what is known. A domain that has failed is looked for again from here on.
#[utoipa::path(
    post, path = "/domains/{id}/verify", operation_id = "verify_domain", tag = "Domains",
    params(
        ("id" = String, Path, description = "The domain's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    responses((status = 200, description = "The domain, as it is after the look", body = DomainBody)),
    security(("key" = ["domains:write"]))
)]
async fn verify(
    State(api): State<Arc<Api>>,
    caller: Caller<DomainsWrite>,
    DomainPath(id): DomainPath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    _: NoBody,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let attempt = Attempt { actor: caller.actor, path: "/domains/{id}/verify", idempotency_key, hash: [0; 32] };
    let _place = attempt.begin(&api)?;
    if let Err(kept) = once::done(attempt.before(&api).await?)? {
        return Ok(once::replay(kept));
    }
    let now = api.clock.now();
    let begun =
        api.store.begin_look(caller.by(&seen), id, now, domains::rest_since(now), now.after(domains::CLAIM)).await?;
    let domain = match begun.ok_or_else(absent)? {
        Begun::Resting(domain) => return Ok(shown(&api, &domain, &HeaderMap::new())),
        Begun::Look(domain) => domain,
    };
    let look = api.domains.look(&domain).await;
    let records = api.domains.records().clone();
    let certificate = api.certificates.standing(domain.name.as_str(), now);
    let known = certificate.clone();
    let keep = attempt.keep(&api, move |domain: &Option<Domain>| match domain {
        Some(domain) => {
            Kept { status: 200, body: json_bytes(&DomainBody::of(domain, &records, known.clone().of_domain(domain))) }
        }
        None => once::kept_error(&absent(), seen.request_id),
    });
    let settled = api.store.settle_domain(caller.by(&seen), id, look, api.clock.now(), keep).await?;
    api.domains.refresh_soon().await;
    match once::done::<Option<Domain>>(settled)? {
        Err(kept) => Ok(once::replay(kept)),
        Ok(domain) => Ok(shown_with(&api, &domain.ok_or_else(absent)?, certificate, &HeaderMap::new())),
    }
}

impl Api {
    /// Learns of the domains that a body of links or pages names, where another node has verified one a moment ago.
    pub(super) async fn learn_domains(&self, body: &Value, owner: Owner) {
        let items = ["links"].into_iter().filter_map(|list| body[list].as_array()).flatten();
        let named = std::iter::once(body).chain(items).chain(std::iter::once(&body["set"]));
        let names: HashSet<&str> = named.filter_map(|item| item["domain"].as_str()).collect();
        if let Some(unknown) = names.into_iter().find(|name| self.redirects.hosts().usable(name, owner).is_none()) {
            self.domains.learn(unknown, owner).await;
        }
    }
}

fn absent() -> ApiError {
    ApiError::not_found("Domain")
}

fn refused(why: Unheld) -> ApiError {
    let conflict = |message: String| ApiError::new(Code::Conflict, message);
    match why {
        Unheld::Taken => conflict(
            "Another workspace has this domain. If it is yours now, send \"take_over\": true and show it by the TXT record."
                .to_owned(),
        ),
        Unheld::Known(id) => conflict(format!("You have asked for this domain already: it is {id}.")),
        Unheld::Lookalike => {
            ApiError::invalid("domain", "Must not look like a domain that another workspace has")
        }
        Unheld::TooMany => conflict(format!(
            "A workspace can have at most {} domains. Delete one that is not needed.",
            mask_core::domain::MOST_DOMAINS
        )),
        Unheld::Absent => absent(),
        Unheld::Changed => version::changed(),
        Unheld::Unverified => ApiError::invalid("is_default", "Must be false until the domain is verified"),
        Unheld::InUse { links, pages } => conflict(format!(
            "This domain is in use: {} and {} live there. Move or delete them first.",
            counted(links, "link"),
            counted(pages, "bio page")
        )),
    }
}

fn counted(number: i64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Changes before the dot, looks and what became of the certificate behind it: what is shown changes with all, and only changes
/// are in anybody's way.
fn tag(domain: &Domain, certificate: &Standing) -> String {
    // A certificate that ends changes without anybody's doing.
    let has_ended = certificate.not_after.is_some() && certificate.status != Status::Active;
    format!("\"{}.{}\"", domain.version, domain.looks + 2 * certificate.version + i64::from(has_ended))
}

fn shown(api: &Api, domain: &Domain, headers: &HeaderMap) -> Response {
    shown_with(api, domain, api.certificates.standing(domain.name.as_str(), api.clock.now()), headers)
}

fn shown_with(api: &Api, domain: &Domain, certificate: Standing, headers: &HeaderMap) -> Response {
    let certificate = certificate.of_domain(domain);
    let tag = tag(domain, &certificate);
    answer::shown(headers, &tag, || DomainBody::of(domain, api.domains.records(), certificate))
}
