//! `/links`: make, read, change and delete short links.

mod bulk;
mod input;
mod list;
mod shape;

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::StatusCode;
use mask_core::{
    id::{LinkId, PageId},
    link::{self, Link},
    slug::Slug,
    workspace::Owner,
};
use mask_store::{Address, Kept, NewLink, Slugs, Unplaced};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, recreated, tagged},
    caller::{Caller, LinksRead, LinksWrite},
    error::{ApiError, Code},
    fields::Problems,
    gate::Seen,
    once::{self, Attempt},
    query::{self, Parameters},
    request::{IdempotencyKey, Json, LinkPath, TextPath, json_body, json_bytes},
    version,
};
use input::{Asked, World};
pub(crate) use list::{OrderName, SortName};
pub(super) use list::{parse_order, parse_search};
pub(super) use shape::LinkBody;
use shape::LinkList;
pub use shape::{ErrorBody, ErrorMembers, Pagination};

/// Random slugs to try before giving up; each of them is taken with a chance of links ÷ 28^length.
const RANDOM_SLUGS: usize = 8;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create))
        .routes(routes!(bulk::create_bulk, bulk::update_bulk, bulk::delete_bulk))
        .routes(routes!(lookup))
        .routes(routes!(get_by_external_id, upsert))
        .routes(routes!(get, update, delete))
}

/// Create a short link
///
/// Without a `slug` it gets a random one. Send an `Idempotency-Key` and the request can be repeated safely.
#[utoipa::path(
    post, path = "/links", operation_id = "create_link", tag = "Links",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewLink, example = json!({"url": "https://example.com/spring", "slug": "spring-sale", "tags": ["spring"]})),
    responses((status = 201, description = "The new link", body = LinkBody)),
    security(("key" = ["links:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/links", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    api.learn_domains(&body.value, caller.owner).await;
    let mut problems = Problems::default();
    let asked = input::read_new(body.value, api.world(caller.owner), &mut problems);
    if let Err(error) = problems.check() {
        return attempt.kept_or(&api, error).await.map(|kept| recreated(kept, "links"));
    }
    let (new, by) = (new_link(&api, caller.owner, asked).await?, caller.by(&seen));
    let redirects = Arc::clone(&api.redirects);
    let keep = attempt.keep(&api, move |placed: &Result<Link, Unplaced>| match placed {
        Ok(link) => Kept { status: 201, body: json_bytes(&LinkBody::of(link, redirects.hosts())) },
        Err(why) => {
            let error = unplaced(why.clone());
            Kept {
                status: error.code.status(),
                body: json_bytes(&serde_json::json!({ "error": error.json(seen.request_id.as_str()) })),
            }
        }
    });
    match once::done(api.store.create_link(by, new, keep).await?)? {
        Ok(Ok(link)) => {
            api.redirects.forget(&link.domain, &link.slug.key());
            Ok(created(&api, &link))
        }
        Ok(Err(why)) => Err(unplaced(why)),
        Err(kept) => Ok(recreated(kept, "links")),
    }
}

/// Read a link
///
/// Its `ETag` changes with the link and with its clicks. Send it as `If-None-Match` to be answered 304 while it holds.
#[utoipa::path(
    get, path = "/links/{id}", operation_id = "get_link", tag = "Links",
    params(("id" = String, Path, description = "The link's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The link", body = LinkBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["links:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksRead>,
    LinkPath(id): LinkPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let link = api.store.link_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&api, &link, &headers))
}

/// Find a link by its address
///
/// `slug` is found without regard to case; without `domain`, the workspace's default domain is meant.
#[utoipa::path(
    get, path = "/links/lookup", operation_id = "lookup_link", tag = "Links",
    params(
        ("domain" = Option<String>, Query, description = "The link's host"),
        ("slug" = String, Query, description = "The link's path"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have"),
    ),
    responses(
        (status = 200, description = "The link", body = LinkBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["links:read"]))
)]
async fn lookup(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksRead>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let domain = parameters.optional("domain", query::plain);
    let slug = parameters.required("slug", query::plain);
    parameters.end()?;
    let domain = domain.map_or_else(|| api.default_domain_of(caller.owner), |name| name.to_ascii_lowercase());
    let slug = slug.unwrap_or_default().to_ascii_lowercase();
    let link = api.store.link_by_address(caller.owner, domain, slug).await?.ok_or_else(absent)?;
    Ok(shown(&api, &link, &headers))
}

/// Change a link
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null clears. With another `slug` or `domain` the address that people have,
/// printed codes too, answers 410 and stays yours. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/links/{id}", operation_id = "update_link", tag = "Links",
    params(("id" = String, Path, description = "The link's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::LinkChange, example = json!({"title": "Spring sale", "expires_at": null})),
    responses((status = 200, description = "The changed link", body = LinkBody)),
    security(("key" = ["links:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    LinkPath(id): LinkPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    api.learn_domains(&body.value, caller.owner).await;
    let mut problems = Problems::default();
    let asked = input::read_change(body.value, api.world(caller.owner), &mut problems);
    problems.check()?;
    let change = with_password(&api, asked).await?;
    let by = caller.by(&seen);
    let (link, was) = api.store.update_link(by, id, expected, change, api.clock.now()).await?.map_err(unplaced)?;
    forget(&api, &link, &was);
    Ok(shown(&api, &link, &HeaderMap::new()))
}

/// Delete a link
///
/// Its slug stays reserved, and answers 410, so that nobody can take over a printed code. `release_slug=true` frees it,
/// at once or later, when the link is long gone.
#[utoipa::path(
    delete, path = "/links/{id}", operation_id = "delete_link", tag = "Links",
    params(
        ("id" = String, Path, description = "The link's id"),
        ("release_slug" = Option<bool>, Query, description = "Let anybody use the slug again"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete"),
    ),
    responses((status = 204, description = "The link is gone")),
    security(("key" = ["links:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    LinkPath(id): LinkPath,
    axum::Extension(seen): axum::Extension<Seen>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let release_slug = parameters.optional("release_slug", query::boolean).unwrap_or(false);
    parameters.end()?;
    let expected = version::expected(&headers)?;
    let by = caller.by(&seen);
    let removed = api.store.delete_link(by, id, expected, release_slug, api.clock.now()).await?.map_err(unplaced)?;
    for (domain, slug) in &removed.addresses {
        api.redirects.forget(domain, slug);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Find a link by your own id
///
/// The link that was made with this `external_id`.
#[utoipa::path(
    get, path = "/links/by-external-id/{external_id}", operation_id = "get_link_by_external_id", tag = "Links",
    params(
        ("external_id" = String, Path, description = "Your own id"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have"),
    ),
    responses(
        (status = 200, description = "The link", body = LinkBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["links:read"]))
)]
async fn get_by_external_id(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksRead>,
    TextPath(external_id): TextPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if link::parse_external_id(&external_id).is_err() {
        return Err(absent());
    }
    let link = api.store.link_by_external_id(caller.owner, external_id).await?.ok_or_else(absent)?;
    Ok(shown(&api, &link, &headers))
}

/// Create or change a link by your own id
///
/// Makes the link with this `external_id`, or, where it is there, changes what the body has. Safe to repeat. Send `If-Match` to
/// change only the version you know, or `If-Match: *` to make none; `If-None-Match: *` makes a
/// link and changes none.
#[utoipa::path(
    put, path = "/links/by-external-id/{external_id}", operation_id = "upsert_link", tag = "Links",
    params(
        ("external_id" = String, Path, description = "Your own id, 1–255 characters"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only where there is no such link yet"),
    ),
    request_body(content = input::NewLink, example = json!({"url": "https://example.com/product/42"})),
    responses(
        (status = 200, description = "The changed link", body = LinkBody),
        (status = 201, description = "The new link", body = LinkBody)
    ),
    security(("key" = ["links:write"]))
)]
async fn upsert(
    State(api): State<Arc<Api>>,
    caller: Caller<LinksWrite>,
    TextPath(external_id): TextPath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    api.learn_domains(&body.value, caller.owner).await;
    let mut problems = Problems::default();
    let external_id =
        link::parse_external_id(&external_id).map_err(|why| problems.refuse("external_id", why.to_string())).ok();
    let mut asked = input::read_new(body.value, api.world(caller.owner), &mut problems);
    if asked.change.external_id.as_ref().is_some_and(|own| *own != external_id) {
        problems.refuse("external_id", "Must be the one in the path, or be left out");
    }
    problems.check()?;
    asked.change.external_id = Some(external_id);
    let password = asked.password.take();
    let change = with_password(&api, Asked { change: asked.change.clone(), password }).await?;
    let new = new_link(&api, caller.owner, Asked { change: change.clone(), password: None }).await?;
    match api.store.upsert_link(caller.by(&seen), expected, new, change).await?.map_err(unplaced)? {
        mask_store::Upserted::Created(link) => {
            api.redirects.forget(&link.domain, &link.slug.key());
            Ok(created(&api, &link))
        }
        mask_store::Upserted::Updated(link, was) => {
            forget(&api, &link, &was);
            Ok(shown(&api, &link, &HeaderMap::new()))
        }
    }
}

impl Api {
    fn world(&self, owner: Owner) -> World<'_> {
        World { hosts: self.redirects.hosts(), owner, default_domain: &self.default_domain, now: self.clock.now() }
    }
}

/// The change with its password hashed.
async fn with_password(api: &Api, asked: Asked) -> Result<mask_core::change::Change, ApiError> {
    let Asked { mut change, password } = asked;
    change.password_hash = match password {
        None => change.password_hash,
        Some(None) => Some(None),
        Some(Some(password)) => Some(Some(api.passwords.hash(password).await?)),
    };
    Ok(change)
}

/// A link to be made, with its id and a place to live.
async fn new_link(api: &Api, owner: Owner, asked: Asked) -> Result<NewLink, ApiError> {
    let change = with_password(api, asked).await?;
    let now = api.clock.now();
    let domain = change.domain.clone().unwrap_or_else(|| api.default_domain_of(owner));
    let slugs = match &change.slug {
        Some(slug) => Slugs::Wanted(slug.clone()),
        // Should they all be taken, the last ones are longer.
        None => Slugs::AnyOf(
            (0..RANDOM_SLUGS).map(|turn| Slug::random(api.slug_length + turn / 2, crate::clock::below)).collect(),
        ),
    };
    let content = change.content().ok_or_else(ApiError::internal)?;
    Ok(NewLink { id: LinkId::from_bits(api.ids.next(now)), domain, slugs, content, now })
}

fn forget(api: &Api, link: &Link, was: &Address) {
    api.redirects.forget(&was.0, &was.1);
    api.redirects.forget(&link.domain, &link.slug.key());
}

fn absent() -> ApiError {
    ApiError::not_found("Link")
}

/// A slug is kept for what lived there, which was the caller's.
pub(super) fn reserved(id: &str) -> ApiError {
    let (what, path) = if id.starts_with(PageId::PREFIX) { ("bio page", "bio-pages") } else { ("link", "links") };
    let message = format!(
        "This slug belonged to the {what} {id} and stays reserved; DELETE /api/v1/{path}/{id}?release_slug=true frees it."
    );
    ApiError::new(Code::Conflict, message)
}

fn unplaced(why: Unplaced) -> ApiError {
    match why {
        Unplaced::SlugTaken => {
            ApiError::new(Code::Conflict, "A link or a bio page with this slug already exists on this domain.")
        }
        Unplaced::SlugReserved(id) => reserved(&id),
        Unplaced::ExternalIdTaken => ApiError::new(Code::Conflict, "Another of your links has this external_id."),
        Unplaced::Absent => absent(),
        Unplaced::Changed => version::changed(),
    }
}

fn created(api: &Api, link: &Link) -> Response {
    let response = (StatusCode::CREATED, json_body(&LinkBody::of(link, api.redirects.hosts()))).into_response();
    tagged(located(response, &format!("links/{}", link.id)), &version::tag(link))
}

fn shown(api: &Api, link: &Link, headers: &HeaderMap) -> Response {
    answer::shown(headers, &version::tag(link), || LinkBody::of(link, api.redirects.hosts()))
}
