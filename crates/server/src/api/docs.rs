//! The document, and a page for people to read it on. Nothing comes from a third party's host. Beside it stands what
//! browsers and crawlers look for at every host.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::Body,
    extract::State,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use super::{Api, ROOT};

const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// The page's routes.
pub fn routes() -> Router<Arc<Api>> {
    let config = utoipa_swagger_ui::Config::from(format!("{ROOT}/openapi.json"))
        .persist_authorization(true)
        // Without its top bar, and without the badge that asks somebody else's host whether the document is valid.
        .use_base_layout()
        .validator_url("none");
    let page = utoipa_swagger_ui::SwaggerUi::new("/docs").config(config);
    let page =
        Router::new().merge(page).layer(middleware::map_response(named)).layer(middleware::map_response(guarded));
    Router::new()
        .route("/docs/errors", get(errors))
        .merge(page)
        .route("/", get(root))
        .route("/robots.txt", get(robots))
        .route("/favicon.ico", get(icon))
}

/// The page under our own name: the one that it comes with would stand in people's tabs and histories.
async fn named(response: Response) -> Response {
    const THEIRS: &str = "<title>Swagger UI</title>";
    const OURS: &str = "<title>Mask API</title>";
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("text/html")) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(page) = body.collect().await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let page = String::from_utf8_lossy(&page.to_bytes()).replace(THEIRS, OURS);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(page))
}

/// People paste keys into this page: nothing from elsewhere may run in it, frame it, or be asked by it.
async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The document, as a client generator reads it.
pub async fn openapi() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(super::document);
    let json = HeaderValue::from_static("application/json");
    (
        [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))],
        DOCUMENT.as_str(),
    )
        .into_response()
}

/// The page of errors, as text; `type` of a problem points here.
async fn errors() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"))], super::error::page())
        .into_response()
}

/// What crawlers may look at: short links and pages, and nothing that needs a key.
async fn robots(State(api): State<Arc<Api>>) -> Response {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let hosts = api.redirects.hosts();
    let sitemap = hosts.common_names().first().map(|name| hosts.short_url(name, "sitemap.xml")).unwrap_or_default();
    let robots = format!("User-agent: *\nDisallow: /api/\nDisallow: /*?to=\nSitemap: {sitemap}\n");
    ([(header::CONTENT_TYPE, text), (header::CACHE_CONTROL, A_DAY)], robots).into_response()
}

/// Browsers ask for it beside every page; there is none, and they need not ask again today.
async fn icon() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, A_DAY)]).into_response()
}

/// What a visitor of the application's host finds at its root.
async fn root() -> Response {
    let page = crate::redirect::pages::root(true);
    let policy = HeaderValue::from_static(page.content_security_policy);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html), (header::CONTENT_SECURITY_POLICY, policy)], page.html).into_response()
}
