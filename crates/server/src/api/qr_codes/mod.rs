//! `/qr-codes`: codes of short links and bio pages that are known to scan.
//!
//! A code says the address of its link or page and a token: `https://go.example/spring?qr=4c92…`. Before a look is kept the server draws
//! it and reads its own drawing back, so a code that was accepted scans. A link may move later, to another slug or domain;
//! the code is then drawn for the new address, and an address is never refused for its codes. Where the new address is too long
//! for the look, the look gives way (`mask_picture`'s `qr/fit.rs`), so that what was accepted goes on scanning. What is printed
//! goes on leading to the old address, which the link's owner keeps.
//!
//! A code's owner is told of all that is wrong with a request at once, but for what a drawing shows: that is only looked at
//! when there is something to draw.

mod image;
mod input;
mod shape;

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::StatusCode;
use mask_core::{
    Refused,
    id::{LinkId, PageId, QrId},
    picture::Picture,
    qr::{Aim, Look},
    token::Token,
    workspace::Owner,
};
use mask_picture::photo::Purpose;
use mask_store::{Expected, Kept, NewQrCode, PlacedCode, Uncoded};
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    answer::{self, located, tagged},
    caller::{Caller, QrCodesRead, QrCodesWrite},
    error::ApiError,
    fields::Problems,
    gate::Seen,
    links::Pagination,
    once::{self, Attempt},
    query::Parameters,
    request::{Answer, IdempotencyKey, Json, QrCodePath, json_body, json_bytes},
    version,
};
use crate::{
    clock,
    pictures::{drawings::Wanted, fault},
    redirect::Hosts,
};
use input::Asked;
pub(super) use shape::QrCodeBody;
use shape::{QrCodeList, Shown};

/// How often a change is tried again that others came before.
const CHANGES: usize = 8;
/// Tokens to try; each is taken with a chance of codes ÷ 62⁷.
const TOKENS: usize = 3;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(image::image))
}

/// Create a QR code
///
/// The code leads to the short link, or to the bio page that is named in its place, and its scans are counted apart: a scan is also
/// a click of the link, or a view of the page, of the source `qr`. A code that would not scan is refused, with what to
/// change: the server reads its own drawing before it answers.
#[utoipa::path(
    post, path = "/qr-codes", operation_id = "create_qr_code", tag = "QR codes",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 hours")),
    request_body(content = input::NewQrCode, example = json!({"link_id": "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", "foreground_color": "#1a2b3c", "shape": "rounded"})),
    responses((status = 201, description = "The new code", body = QrCodeBody)),
    security(("key" = ["qr-codes:write"]))
)]
async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesWrite>,
    axum::Extension(seen): axum::Extension<Seen>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Json,
) -> Result<Response, ApiError> {
    let attempt = Attempt { actor: caller.actor, path: "/qr-codes", idempotency_key, hash: body.hash };
    let _place = attempt.begin(&api)?;
    if let Err(kept) = once::done(attempt.before(&api).await?)? {
        return Ok(recreated(kept));
    }
    let mut problems = Problems::default();
    let (aim, asked) = input::read_new(body.value, &api.pictures, &mut problems);
    let address = match aim {
        Some(aim) => address(&api, caller.owner, aim, &mut problems).await?,
        None => None,
    };
    let logo = obtained(&api, asked.new_logo(&Look::default()), &mut problems).await?;
    problems.check()?;
    let ((aim, address), tokens) = (address.ok_or_else(ApiError::internal)?, tokens());
    let mut look = Look::default();
    asked.change(&mut look, logo.as_ref());
    // The tokens are of one length, so a code with another of them is as dense and scans as well.
    check(&api, with_token(&address, tokens[0]), &look, asked.asks_for_level()).await?;
    let now = api.clock.now();
    let new = NewQrCode { id: QrId::from_bits(api.ids.next(now)), aim, tokens: tokens.to_vec(), look, now };
    let redirects = Arc::clone(&api.redirects);
    let keep = attempt.keep(&api, move |made: &Result<PlacedCode, Uncoded>| match made {
        Ok(placed) => Kept { status: 201, body: json_bytes(&QrCodeBody::of(placed, redirects.hosts())) },
        Err(why) => once::kept_error(&refused(*why), seen.request_id),
    });
    match once::done(api.store.create_qr_code(caller.by(&seen), new, keep).await?)? {
        Err(kept) => Ok(recreated(kept)),
        Ok(made) => {
            let placed = made.map_err(refused)?;
            let body = json_body(&QrCodeBody::of(&placed, api.redirects.hosts()));
            let response = (StatusCode::CREATED, body).into_response();
            Ok(tagged(located(response, &format!("qr-codes/{}", placed.code.id)), &tag(&placed, api.redirects.hosts())))
        }
    }
}

/// List QR codes
///
/// Newest first.
#[utoipa::path(
    get, path = "/qr-codes", operation_id = "list_qr_codes", tag = "QR codes",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Codes per page; 25 unless told otherwise"),
        ("cursor" = Option<String>, Query, description = "`pagination.cursor` of the page before"),
        ("link_id" = Option<String>, Query, description = "Only the codes of this link"),
        ("bio_page_id" = Option<String>, Query, description = "Only the codes of this bio page"),
    ),
    responses((status = 200, description = "A page of codes", body = QrCodeList)),
    security(("key" = ["qr-codes:read"]))
)]
async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesRead>,
    mut parameters: Parameters,
) -> Result<Answer<QrCodeList>, ApiError> {
    let after = parameters.cursor(|cursor| QrId::parse(&cursor.id).is_ok() && cursor.sort.is_none());
    let limit = parameters.limit();
    let link = parameters.optional("link_id", LinkId::parse).map(Aim::Link);
    let page = parameters.optional("bio_page_id", |text| match link {
        None => PageId::parse(text),
        Some(_) => Err(Refused::because("Must not be there beside link_id: a code leads to one of them")),
    });
    parameters.end()?;
    let listed = api.store.list_qr_codes(caller.owner, link.or(page.map(Aim::Page)), after, limit).await?;
    let data = listed.rows.iter().map(|placed| QrCodeBody::of(placed, api.redirects.hosts())).collect();
    Ok(Answer(QrCodeList { data, pagination: Pagination::of(listed.next.as_ref()) }))
}

/// Read a QR code
///
/// Its `ETag` changes with the code, its scans and the link's address. Send it as `If-None-Match` to be answered 304 while
/// it holds.
#[utoipa::path(
    get, path = "/qr-codes/{id}", operation_id = "get_qr_code", tag = "QR codes",
    params(("id" = String, Path, description = "The code's id"), ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that you have")),
    responses(
        (status = 200, description = "The code", body = QrCodeBody),
        (status = 304, description = "You have this version already")
    ),
    security(("key" = ["qr-codes:read"]))
)]
async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesRead>,
    QrCodePath(id): QrCodePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let placed = api.store.qr_code_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    Ok(shown(&api, &placed, &headers))
}

/// Change a QR code
///
/// JSON Merge Patch (RFC 7396): what is absent stays, null goes back to what a new code has. A look that would not scan is
/// refused, and the code stays as it is. Send `If-Match` to change only the version you know.
#[utoipa::path(
    patch, path = "/qr-codes/{id}", operation_id = "update_qr_code", tag = "QR codes",
    params(("id" = String, Path, description = "The code's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to change")),
    request_body(content = input::QrCodeChange, example = json!({"foreground_color": "#7c2d12", "caption": "Scan for the menu"})),
    responses((status = 200, description = "The changed code", body = QrCodeBody)),
    security(("key" = ["qr-codes:write"]))
)]
async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesWrite>,
    QrCodePath(id): QrCodePath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
    body: Json,
) -> Result<Response, ApiError> {
    let expected = version::expected(&headers)?;
    let mut problems = Problems::default();
    let asked = input::read_change(body.value, &api.pictures, &mut problems);
    let mut old = known(&api, caller.owner, id, &expected).await?;
    let mut logo = obtained(&api, asked.new_logo(&old.code.look), &mut problems).await?;
    problems.check()?;
    // A look is drawn before it is kept, and no transaction waits for that: whoever comes between has the change begin anew.
    for _ in 0..CHANGES {
        let look = changed(&api, &old, &asked, logo.as_ref()).await?;
        let (read, now) = (Expected::OneOf(vec![old.code.version]), api.clock.now());
        match api.store.update_qr_code(caller.by(&seen), id, read, look, now).await? {
            Ok(placed) => return Ok(shown(&api, &placed, &HeaderMap::new())),
            Err(Uncoded::Changed) => {
                old = known(&api, caller.owner, id, &expected).await?;
                // The logo that is asked for may have been the code's, and be so no more.
                if logo.is_none() {
                    let mut problems = Problems::default();
                    logo = obtained(&api, asked.new_logo(&old.code.look), &mut problems).await?;
                    problems.check()?;
                }
            }
            Err(why) => return Err(refused(why)),
        }
    }
    Err(version::changed())
}

/// Delete a QR code
///
/// What is printed of it goes on leading to the link or the page, and its scans go on being scans, of a code that is not there any
/// more. A code also goes when what it leads to is deleted.
#[utoipa::path(
    delete, path = "/qr-codes/{id}", operation_id = "delete_qr_code", tag = "QR codes",
    params(("id" = String, Path, description = "The code's id"), ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that you mean to delete")),
    responses((status = 204, description = "The code is gone")),
    security(("key" = ["qr-codes:write"]))
)]
async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesWrite>,
    QrCodePath(id): QrCodePath,
    axum::Extension(seen): axum::Extension<Seen>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = version::expected(&headers)?;
    api.store.delete_qr_code(caller.by(&seen), id, expected, api.clock.now()).await?.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is asked for, and its address.
async fn address(
    api: &Api,
    owner: Owner,
    aim: Aim,
    problems: &mut Problems,
) -> Result<Option<(Aim, String)>, ApiError> {
    let found = match aim {
        Aim::Link(link) => api.store.link_by_id(owner, link).await?.map(|link| (link.domain, link.slug)),
        Aim::Page(page) => api.store.bio_page_by_id(owner, page).await?.map(|page| (page.domain, page.slug)),
    };
    if found.is_none() {
        let (field, why) = nothing_there(aim);
        problems.refuse(field, why);
    }
    Ok(found.map(|(domain, slug)| (aim, api.redirects.hosts().short_url(&domain, slug.as_str()))))
}

/// What is wrong with naming this, where it is not.
const fn nothing_there(aim: Aim) -> (&'static str, &'static str) {
    match aim {
        Aim::Link(_) => ("link_id", "Must be a link of this workspace and environment; there is none with this id"),
        Aim::Page(_) => {
            ("bio_page_id", "Must be a bio page of this workspace and environment; there is none with this id")
        }
    }
}

/// Our copy of a logo that is asked for.
async fn obtained(api: &Api, url: Option<&str>, problems: &mut Problems) -> Result<Option<Picture>, ApiError> {
    let Some(url) = url else { return Ok(None) };
    match api.pictures.obtain(url, Purpose::Logo).await {
        Ok(picture) => Ok(Some(picture)),
        Err(fault) => fault.at("logo_url", problems).map(|()| None),
    }
}

/// The code, if it is at a version that the caller means.
async fn known(api: &Api, owner: Owner, id: QrId, expected: &Expected) -> Result<PlacedCode, ApiError> {
    let placed = api.store.qr_code_by_id(owner, id).await?.ok_or_else(absent)?;
    if expected.takes(placed.code.version) { Ok(placed) } else { Err(version::changed()) }
}

/// The look after the change, which scans.
async fn changed(api: &Api, old: &PlacedCode, asked: &Asked, logo: Option<&Picture>) -> Result<Look, ApiError> {
    let mut look = old.code.look.clone();
    asked.change(&mut look, logo);
    if look != old.code.look {
        check(api, content(old, api.redirects.hosts()), &look, asked.asks_for_level()).await?;
    }
    Ok(look)
}

/// Draws the code and reads it back.
async fn check(api: &Api, content: String, look: &Look, is_level_asked: bool) -> Result<(), ApiError> {
    let logo = logo_bytes(api, look).await?;
    let checked = api.drawings.check(Wanted { content, look: look.clone(), logo }, is_level_asked).await;
    let scans = checked.map_err(|_| fault::swamped())?;
    scans.map_err(|fault| ApiError::invalid(fault.field, fault.message))
}

/// The bytes of the look's logo.
async fn logo_bytes(api: &Api, look: &Look) -> Result<Option<Bytes>, ApiError> {
    let Some(logo) = &look.logo else { return Ok(None) };
    match api.pictures.read(&logo.name).await {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Ok(None) => {
            tracing::error!(picture = %logo.name, "the picture of a logo is lost");
            Err(fault::away())
        }
        Err(_) => Err(fault::away()),
    }
}

/// What the code says.
fn content(placed: &PlacedCode, hosts: &Hosts) -> String {
    with_token(&hosts.short_url(&placed.domain, &placed.slug), placed.code.token)
}

fn with_token(short_url: &str, token: Token) -> String {
    format!("{short_url}?qr={token}")
}

fn tokens() -> [Token; TOKENS] {
    std::array::from_fn(|_| Token::of(clock::number()))
}

fn absent() -> ApiError {
    ApiError::not_found("QR code")
}

fn refused(why: Uncoded) -> ApiError {
    match why {
        Uncoded::NothingThere(aim) => {
            let (field, why) = nothing_there(aim);
            ApiError::invalid(field, why)
        }
        Uncoded::TokensTaken => ApiError::unavailable(),
        Uncoded::Absent => absent(),
        Uncoded::Changed => version::changed(),
    }
}

/// A code's tag. Its owner's changes stand before the dot; what it also shows and they do not count stands behind it.
fn tag(placed: &PlacedCode, hosts: &Hosts) -> String {
    tag_of(placed.code.version, placed.code.scans, &hosts.short_url(&placed.domain, &placed.slug))
}

fn tag_of(version: i64, scans: i64, short_url: &str) -> String {
    let digest = Sha256::digest(format!("{scans} {short_url}"));
    let rest = digest.iter().take(6).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    format!("\"{version}.{rest}\"")
}

fn shown(api: &Api, placed: &PlacedCode, headers: &HeaderMap) -> Response {
    let hosts = api.redirects.hosts();
    answer::shown(headers, &tag(placed, hosts), || QrCodeBody::of(placed, hosts))
}

/// The answer to a request that made a code before, with the headers that it had.
fn recreated(kept: Kept) -> Response {
    let shown = if kept.status == 201 { serde_json::from_slice(&kept.body).ok() } else { None };
    let response = once::replay(kept);
    match shown {
        Some(Shown { id, short_url, scans }) => {
            tagged(located(response, &format!("qr-codes/{id}")), &tag_of(1, scans, &short_url))
        }
        None => response,
    }
}
