//! The REST API: the only way in for clients, and for the dashboard as well.
//!
//! [`gate`] stands before the router, [`caller`] says who may do what, [`fields`] and [`query`] read what comes in,
//! [`error`] is the one table of what can go wrong. One file a noun holds the rest. The document
//! that describes it all is made from the handlers themselves ([`document`]).

mod accept;
pub mod account;
pub mod afterwards;
pub mod analytics;
mod answer;
pub mod api_keys;
pub mod audit_log;
pub mod auth;
pub mod bio_pages;
pub mod caller;
pub mod docs;
pub mod domains;
pub mod error;
pub mod events;
pub mod fields;
pub mod gate;
pub mod health;
pub mod invitations;
pub mod limit;
pub mod links;
pub mod members;
pub mod once;
pub mod payload;
pub mod qr_codes;
pub mod query;
pub mod request;
pub mod session;
pub mod tags;
pub mod turns;
pub mod uploads;
pub mod usage;
pub mod version;
pub mod webhooks;
pub mod workspace;
pub mod workspaces;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, middleware, response::IntoResponse};
use mask_core::{role::Role, scope::Scope};
use mask_store::Store;
use tokio_util::sync::CancellationToken;
use utoipa::{
    OpenApi,
    openapi::{
        self, ContentBuilder, HeaderBuilder, RefOr, ResponseBuilder,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    accounts::{self, Accounts},
    bio,
    clock::{Clock, Ids},
    config::Creators,
    domains::Domains,
    invitations as invitation_pages,
    mail::{self, Letters},
    outbound::Outbound,
    password::Passwords,
    pictures::{self, Pictures, drawings::Drawings},
    redirect::Redirects,
    tls::Certificates,
    webhooks::seal::Vault,
};
use afterwards::Afterwards;
pub use error::page as errors_page;
use error::{ApiError, Code};
pub use members::page as roles_page;

/// All that handlers work with.
pub struct Api {
    /// The databases.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The source of ids.
    pub ids: Arc<Ids>,
    /// What must forget a link that has changed, and knows where links live.
    pub redirects: Arc<Redirects>,
    /// What is asked of DNS, and which domains are served.
    pub domains: Arc<Domains>,
    /// What is known of their certificates.
    pub certificates: Arc<Certificates>,
    /// Says which addresses of users may be called, and calls them.
    pub outbound: Arc<Outbound>,
    /// Seals what webhooks keep secret.
    pub vault: Arc<Vault>,
    /// What is written to people, and the links in it.
    pub letters: Arc<Letters>,
    /// Pictures of users.
    pub pictures: Arc<Pictures>,
    /// QR codes as pictures.
    pub drawings: Drawings,
    /// Draws the cards of bio pages.
    pub cards: bio::Cards,
    /// Lists the pages of hosts.
    pub sitemaps: bio::Sitemaps,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// What accounts need beside the rest.
    pub accounts: Accounts,
    /// Counts requests.
    pub limits: Arc<limit::Limits>,
    /// Notes when keys are used.
    pub usage: caller::Usage,
    /// Counts requests for those who make them.
    pub requests: Arc<usage::Counter>,
    /// Requests that are to be worked on once.
    pub in_flight: once::InFlight,
    /// Exports under way.
    pub exports: Arc<turns::Turns>,
    /// Open streams of events.
    pub streaming: Arc<turns::Turns>,
    /// What streams of events have in common.
    pub streams: events::Streams,
    /// Work that goes on after an answer; shutdown waits for it.
    pub tasks: Afterwards,
    /// Cancelled when the server is to stop: whoever waits for something answers then.
    pub stop: CancellationToken,
    /// Whether this is somebody's own machine, where plain HTTP is fine.
    pub is_local: bool,
    /// Who may make workspaces.
    pub workspace_creators: Creators,
    /// Most workspaces that are one person's, unless they run the installation.
    pub most_workspaces: u32,
    /// Where our own pages come from, as browsers name it (RFC 6454 §6.2).
    pub origin: String,
    /// The host of links that name none.
    pub default_domain: String,
    /// Characters of a random slug.
    pub slug_length: usize,
    /// Largest body.
    pub max_body_bytes: usize,
    /// Within which a body must arrive.
    pub body_timeout: Duration,
    /// Within which a request must be answered.
    pub request_timeout: Duration,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// The host of this owner's links that name none.
    pub fn default_domain_of(&self, owner: mask_core::workspace::Owner) -> String {
        self.redirects.hosts().default_of(owner, &self.default_domain)
    }
}

/// Where the API lives.
pub const ROOT: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mask API",
        description = "Short links on your own domain, and honest counts of who followed them.\n\nSend `Authorization: Bearer mk_live_…` with every request. People who are signed in may do the same with their session, as far as their role goes: each operation names the least one that may. Every answer carries `X-Request-Id`, and, where requests are limited, `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`; only a request that cannot be read at all (400, 408, 414 or 431 before anybody knows who asks) is answered without those three, and counts for nobody. Errors are described at [/docs/errors](/docs/errors).\n\n## Repeating a request\n\nSend an `Idempotency-Key` of 1 to 255 characters with a POST, and it is safe to repeat for 24 hours: the same request, by the same caller with the same key and body, is answered as the first time, byte for byte, with `Idempotent-Replayed: true`. Another body is a 422, one that is still being worked on a 409; an answer that came before anything was decided (what says that the request itself is wrong, 429, 5xx) is not kept, so that the request can be mended and sent again with its key.\n\nThese POSTs take no such key, and ignore one:\n\n- `/auth/…` and `/account/…`: their answers have cookies, secrets of authenticator apps or recovery codes, which are kept nowhere, and some of their callers are nobody yet. How often they are tried is bounded, and a link or a code is used once.\n- `/uploads`: the same picture has the same address, however often it is sent.\n- `/webhooks/listeners/{id}/pull` and `/webhooks/listeners/{id}/report`: what was pulled and never reported comes again, and what was reported once stays so.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    components(schemas(links::ErrorBody, links::ErrorMembers, links::OrderName, links::SortName, bio_pages::FormatName, bio_pages::SortName, audit_log::FormatName, usage::GroupName, error::Detail)),
    tags(
        (name = "Links", description = "Short links"),
        (name = "Tags", description = "Tags of links"),
        (name = "Bio pages", description = "Pages for all that somebody wants to be found with"),
        (name = "Analytics", description = "Counts of visits, and the visits themselves"),
        (name = "Domains", description = "Hosts of your own"),
        (name = "QR codes", description = "Codes of short links, each known to scan"),
        (name = "Uploads", description = "Pictures for codes and pages"),
        (name = "Webhooks", description = "Who is told of what happens, and what came of it"),
        (name = "API keys", description = "Who may use this API, and for what"),
        (name = "Accounts", description = "People, and how they come in"),
        (name = "Workspace", description = "The wall around a team's objects")
    )
)]
struct Document;

fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(Document::openapi()).nest(
        ROOT,
        OpenApiRouter::new()
            .merge(links::routes())
            .merge(tags::routes())
            .merge(bio_pages::routes())
            .merge(analytics::routes())
            .merge(events::routes())
            .merge(domains::routes())
            .merge(qr_codes::routes())
            .merge(uploads::routes())
            .merge(webhooks::routes())
            .merge(api_keys::routes())
            .merge(auth::routes())
            .merge(account::routes())
            .merge(workspace::routes())
            .merge(workspaces::routes())
            .merge(members::routes())
            .merge(invitations::routes())
            .merge(audit_log::routes())
            .merge(usage::routes()),
    )
}

/// The router of everything that is no short link.
pub fn router(api: &Arc<Api>) -> Router {
    let (described, _) = described().split_for_parts();
    let gated = described
        .route(&format!("{ROOT}/openapi.json"), axum::routing::get(docs::openapi))
        .fallback(no_path)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(Arc::clone(api), gate::gate));
    Router::new()
        .merge(docs::routes())
        .merge(health::routes())
        .merge(pictures::routes())
        .merge(bio::routes())
        .merge(mail::routes())
        .merge(accounts::routes(api))
        .merge(invitation_pages::routes())
        .method_not_allowed_fallback(no_such_form)
        .fallback_service(gated.with_state(Arc::clone(api)))
        .with_state(Arc::clone(api))
}

async fn no_path() -> ApiError {
    ApiError::new(Code::NotFound, "There is nothing at this path. The API is described at /docs.")
}

async fn no_method() -> axum::response::Response {
    ApiError::new(Code::MethodNotAllowed, "This path does not take this method.").into_response()
}

/// The same for what is no operation of the API: no browser does such a thing, so it is a program that reads the answer.
async fn no_such_form(Extension(seen): Extension<gate::Seen>) -> axum::response::Response {
    ApiError::new(Code::MethodNotAllowed, "This path does not take this method.")
        .response(seen.request_id.as_str(), false)
}

/// The OpenAPI document, as JSON text.
pub fn document() -> String {
    let mut document = described().split_for_parts().1;
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let cookie = ApiKeyValue::with_description(
        session::COOKIE,
        "Of whoever is signed in. `X-Mask-Workspace` names the workspace that is meant.",
    );
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for path in document.paths.paths.values_mut() {
        let reads = path.get.iter_mut().map(|operation| (operation, true));
        let others = [&mut path.put, &mut path.patch, &mut path.delete];
        let others = others.into_iter().flatten().map(|operation| (operation, false));
        for (operation, is_read) in reads.chain(others) {
            let has_body = operation.request_body.is_some();
            complete(operation, is_read, has_body);
        }
        // One that wants no body reads it all the same, to refuse what it says.
        if let Some(operation) = &mut path.post {
            complete(operation, false, true);
        }
    }
    document.to_pretty_json().expect("the document is plain data") + "\n"
}

/// Every method and path that requests are counted for.
fn operations() -> Vec<(&'static str, String)> {
    let paths = described().split_for_parts().1.paths.paths;
    let described = paths.into_iter().flat_map(|(path, item)| {
        let methods = [
            ("GET", item.get.is_some()),
            ("POST", item.post.is_some()),
            ("PUT", item.put.is_some()),
            ("PATCH", item.patch.is_some()),
            ("DELETE", item.delete.is_some()),
        ];
        methods.into_iter().filter(|(_, is_there)| *is_there).map(move |(method, _)| (method, path.clone()))
    });
    described.chain([("GET", format!("{ROOT}/openapi.json"))]).collect()
}

/// Operations that may find nothing, though their path names nothing.
const MAY_FIND_NOTHING: [&str; 3] = ["lookup_link", "reset_password", "confirm_email_change"];

/// Operations whose body may be left out.
const MAY_BE_BARE: [&[&str]; 3] = [&webhooks::MAY_BE_BARE, &api_keys::MAY_BE_BARE, &bio_pages::MAY_BE_BARE];

/// Adds to an operation what is the same for all: errors and headers.
fn complete(operation: &mut openapi::path::Operation, is_read: bool, reads_body: bool) {
    let may_be_bare = operation.operation_id.as_deref().is_some_and(|id| MAY_BE_BARE.concat().contains(&id));
    if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| may_be_bare) {
        body.required = Some(openapi::Required::False);
    }
    let is_for_keys = open_to_people(operation);
    let ways = serde_json::to_value(&operation.security).unwrap_or_default();
    let is_for_people = ways.as_array().is_some_and(|ways| ways.iter().any(|way| way.get(SESSION).is_some()));
    let parameters = || {
        let described = operation.parameters.iter().flatten();
        described.filter_map(|parameter| if let RefOr::T(parameter) = parameter { Some(parameter) } else { None })
    };
    let takes = |name: &str| parameters().any(|parameter| parameter.name == name);
    let applies = |code: Code| match code {
        Code::RequestTimeout | Code::PayloadTooLarge | Code::UnsupportedMediaType => reads_body,
        // Whoever is signed in may name a workspace in which they are nobody, or none.
        Code::NotFound => {
            is_for_people || operation.operation_id.as_deref().is_some_and(|id| MAY_FIND_NOTHING.contains(&id))
        }
        Code::Conflict => !is_read,
        Code::PreconditionFailed => takes("If-Match"),
        Code::IdempotencyKeyReused => takes("Idempotency-Key"),
        Code::SecondFactorRequired => operation.operation_id.as_deref() == Some("sign_in"),
        Code::InsufficientScope => is_for_keys,
        Code::Forbidden => !is_for_keys,
        // What is answered before anybody knows which operation is meant.
        Code::MethodNotAllowed | Code::UriTooLong | Code::HeadersTooLarge => false,
        _ => true,
    };
    let codes: Vec<Code> = Code::ALL.iter().copied().filter(|code| applies(*code)).collect();
    for code in codes {
        let status = code.status().to_string();
        let response = operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(error_response()));
        if let RefOr::T(response) = response {
            let separator = if response.description.is_empty() { "" } else { "\n\n" };
            response.description += &format!("{separator}`{}`: {}", code.as_str(), code.sentence());
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert(
                "X-Request-Id".to_owned(),
                HeaderBuilder::new().description(Some("Names the request")).build().into(),
            );
        }
    }
}

/// The name of the way in for people, in the document.
const SESSION: &str = "session";

/// Says which role a person needs for what a key needs a scope for, as [`Role::least_with`] has it; says whether a key may do
/// this at all. An operation that says itself what people need is left as it is.
fn open_to_people(operation: &mut openapi::path::Operation) -> bool {
    let ways = serde_json::to_value(&operation.security).unwrap_or_default();
    let ways: Vec<_> = ways.as_array().into_iter().flatten().collect();
    let scopes = ways.iter().filter_map(|way| Scope::parse(way["key"][0].as_str()?).ok());
    let least = scopes.map(Role::least_with).min();
    if let Some(least) = least.filter(|_| !ways.iter().any(|way| way.get(SESSION).is_some())) {
        let ways = operation.security.get_or_insert_default();
        ways.push(SecurityRequirement::new(SESSION, [least.as_str()]));
    }
    least.is_some()
}

/// The response of whatever goes wrong; its description names the codes.
fn error_response() -> openapi::Response {
    let schema = RefOr::<openapi::Schema>::Ref(openapi::Ref::from_schema_name("Error"));
    ResponseBuilder::new().content("application/json", ContentBuilder::new().schema(Some(schema)).build()).build()
}
