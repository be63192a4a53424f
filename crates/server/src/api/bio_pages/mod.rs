//! `/bio-pages`: make, read, change and delete bio pages and their blocks.

mod album;
mod block;
mod blocks;
mod edit;
mod input;
mod list;
mod shape;
mod subscribers;
mod theme;

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use mask_core::{bio_page::BioPage, id::PageId, slug::Slug};
use mask_store::{ChangedPage, Kept, NewBioPage, PageChange, PlacedPage, Slugs, Unpaged};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, recreated, tagged},
    caller::{BioPagesRead, BioPagesWrite, Caller},
    error::{ApiError, Code},
    fields::Problems,
    gate::Seen,
    links,
    once::{self, Attempt},
    query::{self, Parameters},
    request::{IdempotencyKey, Json, OptionalJson, PagePath, json_body, json_bytes},
    version,
};
use album::Album;
use edit::{Edit, Unmade};
use input::World;
pub(super) use shape::PageBody;
use shape::PreviewBody;

/// Random slugs to try before giving up.
const RANDOM_SLUGS: usize = 8;

pub(super) use list::SortName;
pub(super) use subscribers::FormatName;

/// What may come without a body.
pub(super) const MAY_BE_BARE: [&str; 1] = ["preview_bio_page"];

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(preview))
        .merge(blocks::routes())
        .merge(subscribers::routes())
}

/// Create a bio page
///
/// It is a draft until `published` is true. Its path is in one namespace with those of links; without a `slug` it gets a random
/// one. Send an `Idempotency-Key` and the request can be repeated safely.
#[utoipa::path(
    post, path = "/bio-pages", operation_id = "create_bio_page", tag = "Bio pages",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewBioPage, example = json!({
        "title": "Ada Lovelace", "slug": "ada-lovelace", "description": "Analyst. Poetical scientist.",
        "theme": {"preset": "dusk", "font": "serif"}, "published": true,
        "blocks": [
            {"type": "link", "data": {"title": "Notes on the engine", "url": "https://example.com/notes"}},
            {"type": "social", "data": {"profiles": [{"platform": "github", "url": "https://github.com/ada"}]}}
        ]
    })),
    responses((status = 201, description = "The new page", body = PageBody)),
    security(("key" = ["bio-pages:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/bio-pages", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    // Nothing is fetched a second time for what was answered before.
    if let Err(kept) = once::done(attempt.before(&api).await?)? {
        return Ok(recreated(kept, "bio-pages"));
    }
    let (new, by) = (new_page(&api, &caller, body).await?, caller.by(&seen));
    let redirects = Arc::clone(&api.redirects);
    let keep = attempt.keep(&api, move |placed: &PlacedPage| match placed {
        Ok(page) => Kept { status: 201, body: json_bytes(&PageBody::of(page, redirects.hosts())) },
        Err(why) => once::kept_error(&unpaged_as(why, |never| match *never {}), seen.request_id),
    });
    match once::done(api.store.create_bio_page(by, new, keep).await?)? {
        Ok(Ok(page)) => {
            api.redirects.forget(&page.domain, &page.slug.key());
            edit::ask_recipients(&api, caller.owner, &page).await;
            Ok(created(&api, &page))
        }
        Ok(Err(why)) => Err(unpaged_as(&why, |never| match *never {})),
        Err(kept) => Ok(recreated(kept, "bio-pages")),
    }
}

/// A page to be made, with its pictures, its id and a place to live.
async fn new_page(api: &Api, caller: &Caller<BioPagesWrite>, body: Json) -> Result<NewBioPage, ApiError> {
    api.learn_domains(&body.value, caller.owner).await;
    let world = World { api, owner: caller.owner, now: api.clock.now() };
    let (mut album, mut problems) = (Album::default(), Problems::default());
    let _ = input::read_new(body.value.clone(), world, &mut album, &mut problems);
    album.fetch(&api.pictures, &mut problems).await?;
    problems.check()?;
    let mut problems = Problems::default();
    let asked = input::read_new(body.value, world, &mut album, &mut problems);
    problems.check()?;
    let input::Asked { domain, slug, content, is_published } = asked.ok_or_else(ApiError::internal)?;
    let random = |turn| Slug::random(api.slug_length + turn / 2, crate::clock::below);
    let slugs = slug.map_or_else(|| Slugs::AnyOf((0..RANDOM_SLUGS).map(random).collect()), Slugs::Wanted);
    let now = api.clock.now();
    Ok(NewBioPage { id: PageId::from_bits(api.ids.next(now)), domain, slugs, content, is_published, now })
}

/// Read a bio page
///
/// Its `ETag` changes with the page and with its views. Send it as `If-None-Match` to be answered 304 while it holds.
#[utoipa::path(
    get, path = "/bio-pages/{id}", operation_id = "get_bio_page", tag = "Bio pages",
    params(("id" = String, Path, description = "The page's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The page", body = PageBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["bio-pages:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesRead>,
    PagePath(id): PagePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = api.store.bio_page_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&page, &PageBody::of(&page, api.redirects.hosts()), &headers))
}

/// Change a bio page
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null clears. `theme` is patched member by member, and another `preset`
/// than before drops what was chosen of the theme before. `blocks` are replaced as a whole: those with a known `id` stay who
/// they are. A picture whose address is the same as before is not fetched again. Send `If-Match` to change only the version
/// you know.
#[utoipa::path(
    patch, path = "/bio-pages/{id}", operation_id = "update_bio_page", tag = "Bio pages",
    params(("id" = String, Path, description = "The page's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::BioPageChange, example = json!({"title": "Ada", "theme": {"button_style": "pill"}, "published": true})),
    responses((status = 200, description = "The changed page", body = PageBody)),
    security(("key" = ["bio-pages:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    PagePath(id): PagePath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    api.learn_domains(&body.value, caller.owner).await;
    let edit = Edit { api: Arc::clone(&api), by: caller.by(&seen), id, expected };
    let value = body.value;
    let change = move |page: &BioPage, world: World<'_>, album: &mut Album, problems: &mut Problems| {
        Ok(input::read_change(value.clone(), page, world, album, problems))
    };
    let page = edit.make(change).await?;
    Ok(shown(&page, &PageBody::of(&page, api.redirects.hosts()), &HeaderMap::new()))
}

/// Delete a bio page
///
/// Its blocks and subscribers go with it. Its slug stays reserved, and answers 410, so that nobody can take over a printed
/// address. `release_slug=true` frees it, at once or later, when the page is long gone.
#[utoipa::path(
    delete, path = "/bio-pages/{id}", operation_id = "delete_bio_page", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("release_slug" = Option<bool>, Query, description = "Let anybody use the slug again"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete"),
    ),
    responses((status = 204, description = "The page is gone")),
    security(("key" = ["bio-pages:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    PagePath(id): PagePath,
    axum::Extension(seen): axum::Extension<Seen>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let release_slug = parameters.optional("release_slug", query::boolean).unwrap_or(false);
    parameters.end()?;
    let expected = version::expected(&headers)?;
    let by = caller.by(&seen);
    let removed = api.store.delete_bio_page(by, id, expected, release_slug, api.clock.now()).await?;
    let removed = removed.map_err(|why| unpaged_as(&why, |never| match *never {}))?;
    for (domain, slug) in &removed.addresses {
        api.redirects.forget(domain, slug);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Look at a draft
///
/// An address at which the page can be seen, published or not: for 24 hours, or for `expires_in` seconds. Whoever has it can look;
/// nothing is counted.
#[utoipa::path(
    post, path = "/bio-pages/{id}/preview", operation_id = "preview_bio_page", tag = "Bio pages",
    params(
        ("id" = String, Path, description = "The page's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours"),
    ),
    request_body(content = input::PreviewWish, example = json!({"expires_in": 3600})),
    responses((status = 200, description = "Where it can be seen", body = PreviewBody)),
    security(("key" = ["bio-pages:write"]))
)]
async fn preview(
    State(api): State<Arc<Api>>,
    caller: Caller<BioPagesWrite>,
    PagePath(id): PagePath,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OptionalJson(body): OptionalJson,
) -> Result<Response, ApiError> {
    let idempotency_key = idempotency_key.map(|key| format!("{id} {key}"));
    let attempt = Attempt { actor: caller.actor, path: "/bio-pages/{id}/preview", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    let mut problems = Problems::default();
    let expires_in = input::read_preview(body.value, &mut problems);
    problems.check()?;
    let until = api.clock.now().after(expires_in.ok_or_else(ApiError::internal)?);
    let redirects = Arc::clone(&api.redirects);
    let answer = move |page: &BioPage| {
        json_bytes(&PreviewBody { url: redirects.preview_url(page, until), expires_at: until.to_string() })
    };
    let kept = answer.clone();
    let keep = attempt.keep(&api, move |found: &ChangedPage<Unmade>| match found {
        Ok((page, _)) => Kept { status: 200, body: kept(page) },
        Err(_) => once::kept_error(&absent(), seen.request_id),
    });
    let expected = mask_store::Expected::AnyVersion;
    let edit = Edit { api, by: caller.by(&seen), id, expected };
    let as_it_is = |page: &BioPage, _: World<'_>, _: &mut Album, _: &mut Problems| Ok(Some(unchanged(page)));
    match edit.make_once(keep, as_it_is).await? {
        Ok((page, _)) => Ok(json(answer(&page))),
        Err(kept) => Ok(once::replay(kept)),
    }
}

/// A change that changes nothing.
fn unchanged(page: &BioPage) -> PageChange {
    PageChange { domain: None, slug: None, content: page.content.clone(), is_published: page.is_published() }
}

fn absent() -> ApiError {
    ApiError::not_found("Bio page")
}

fn unpaged(why: &Unpaged<Unmade>) -> ApiError {
    unpaged_as(why, |why| match why {
        Unmade::Refused(error) => error.clone(),
        Unmade::Stale => ApiError::unavailable(),
    })
}

fn unpaged_as<E>(why: &Unpaged<E>, refused: impl Fn(&E) -> ApiError) -> ApiError {
    match why {
        Unpaged::SlugTaken => {
            ApiError::new(Code::Conflict, "A link or a bio page with this slug already exists on this domain.")
        }
        Unpaged::SlugReserved(id) => links::reserved(id),
        Unpaged::Absent => absent(),
        Unpaged::Changed => version::changed(),
        Unpaged::Refused(why) => refused(why),
    }
}

fn created(api: &Api, page: &BioPage) -> Response {
    let body = json_body(&PageBody::of(page, api.redirects.hosts()));
    tagged(located((StatusCode::CREATED, body).into_response(), &format!("bio-pages/{}", page.id)), &tag(page))
}

/// The page's tag.
fn tag(page: &BioPage) -> String {
    format!("\"{}.{}\"", page.version, page.views)
}

/// What is shown of a page, unless the caller has this version of it.
fn shown(page: &BioPage, body: &impl serde::Serialize, headers: &HeaderMap) -> Response {
    answer::shown(headers, &tag(page), || body)
}

fn json(body: Vec<u8>) -> Response {
    tagged_as_json(axum::body::Body::from(body).into_response())
}

fn tagged_as_json(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
