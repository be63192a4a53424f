//! The REST API: the only way in for clients, and for the dashboard as well.
//!
//! [`gate`] stands before the router, [`caller`] says who may do what, [`fields`] and [`query`] read what comes in,
//! [`error`] is the one table of what can go wrong. One file a noun holds the rest. The document
//! that describes it all is made from the handlers themselves ([`document`]).

pub mod caller;
pub mod docs;
pub mod error;
pub mod fields;
pub mod gate;
pub mod health;
pub mod limit;
pub mod links;
pub mod once;
pub mod query;
pub mod request;
pub mod tags;
pub mod version;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware, response::IntoResponse};
use mask_store::Store;
use tokio_util::task::TaskTracker;
use utoipa::{
    OpenApi,
    openapi::{
        self, ContentBuilder, HeaderBuilder, RefOr, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    clock::{Clock, Ids},
    password::Passwords,
    redirect::Redirects,
};
pub use error::page as errors_page;
use error::{ApiError, Code};

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
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts requests.
    pub limits: limit::Limits,
    /// Notes when keys are used.
    pub usage: caller::Usage,
    /// Requests that are to be worked on once.
    pub in_flight: once::InFlight,
    /// Work that goes on after an answer; shutdown waits for it.
    pub tasks: TaskTracker,
    /// Whether this is somebody's own machine, where plain HTTP is fine.
    pub is_local: bool,
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

/// Where the API lives.
pub const ROOT: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mask API",
        description = "Short links, bio pages, QR codes, analytics and webhooks.\n\nSend `Authorization: Bearer mk_live_…` with every request. Every answer carries `X-Request-Id`.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    components(schemas(links::ErrorBody, links::ErrorMembers, links::OrderName, links::SortName, error::Detail)),
    tags((name = "Links", description = "Short links"), (name = "Tags", description = "Tags of links"))
)]
struct Document;

fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .nest(ROOT, OpenApiRouter::new().merge(links::routes()).merge(tags::routes()))
}

/// The router of everything that is no short link.
pub fn router(api: &Arc<Api>) -> Router {
    let (described, _) = described().split_for_parts();
    let gated = described
        .route(&format!("{ROOT}/openapi.json"), axum::routing::get(docs::openapi))
        .fallback(no_path)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(Arc::clone(api), gate::gate));
    Router::new().merge(docs::routes()).merge(health::routes()).fallback_service(gated.with_state(Arc::clone(api))).with_state(Arc::clone(api))
}

async fn no_path() -> ApiError {
    ApiError::new(Code::NotFound, "There is nothing at this path. The API is described at /docs.")
}

async fn no_method() -> axum::response::Response {
    ApiError::new(Code::MethodNotAllowed, "This path does not take this method.").into_response()
}

/// The OpenAPI document, as JSON text.
pub fn document() -> String {
    let mut document = described().split_for_parts().1;
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            complete(operation);
        }
    }
    document.to_pretty_json().expect("the document is plain data") + "\n"
}

/// Adds to an operation what is the same for all: errors and headers.
fn complete(operation: &mut openapi::path::Operation) {
    let has_body = operation.request_body.is_some();
    let has_path = operation.parameters.iter().flatten().any(
        |parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == openapi::path::ParameterIn::Path),
    );
    let writes = operation.operation_id.as_deref().is_some_and(|id| !id.starts_with("get") && !id.starts_with("list") && !id.starts_with("lookup"));
    for code in Code::ALL {
        let applies = match code {
            Code::BadRequest => has_body || has_path,
            Code::RequestTimeout | Code::PayloadTooLarge | Code::UnsupportedMediaType => has_body,
            Code::NotFound => has_path || operation.operation_id.as_deref() == Some("lookup_link"),
            Code::Conflict | Code::PreconditionFailed => writes,
            Code::Forbidden | Code::MethodNotAllowed | Code::InsufficientScope | Code::IdempotencyKeyReused => false,
            _ => true,
        };
        if applies {
            let response = ResponseBuilder::new()
                .description(code.sentence())
                .content("application/json", ContentBuilder::new().schema(Some(RefOr::<openapi::Schema>::Ref(openapi::Ref::from_schema_name("Error")))).build())
                .build();
            operation.responses.responses.entry(code.status().to_string()).or_insert(RefOr::T(response));
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert("X-Request-Id".to_owned(), HeaderBuilder::new().description(Some("Names the request")).build().into());
        }
    }
}
