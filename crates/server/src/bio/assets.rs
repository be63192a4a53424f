//! What pages are made of beside their words: fonts, the script, cards; and the list of a host's pages.
//!
//! All of it lives below `/-/`, which no slug can be, on every host that is served: pages are on many hosts, and ask nobody
//! but their own for anything. A file's address has the hash of its bytes in it, so it can be kept for ever: another file has
//! another address. Whatever else is asked for below `/-/` is nothing, so that no other part of the program answers there.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode, Uri,
    header::{self, HeaderName, HeaderValue},
};
use mask_core::{id::PageId, picture::PictureName};
use sha2::{Digest as _, Sha256};

use super::fonts::{self, Part};
use crate::api::{Api, version};

const SCRIPT: &str = include_str!("../../templates/bio/page.js");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// How long a list of pages, or an answer that there is nothing, may be kept.
const A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=600");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

static SCRIPT_ADDRESS: LazyLock<String> = LazyLock::new(|| format!("/-/page-{}.js", digest(SCRIPT.as_bytes())));

/// Where the script of pages is.
pub(super) fn script_address() -> &'static str {
    &SCRIPT_ADDRESS
}

/// Where a part of the font is.
pub(super) fn font_address(part: &Part) -> String {
    format!("/-/fonts/{}-{}.woff2", part.name, digest(part.bytes))
}

/// Where a picture of a user's is.
pub fn picture_address(name: &PictureName) -> String {
    format!("/-/img/{name}")
}

/// Where the card of a page is that is shown where its address is passed on. A change of the page is another card.
pub fn card_address(page: PageId, version: i64) -> String {
    format!("/-/card/{page}-{version}.png")
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let bits = digest.iter().take(6).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    format!("{bits:012x}")
}

/// The routes.
pub fn routes() -> Router<Arc<Api>> {
    let router = Router::new()
        .route(script_address(), get(script))
        .route("/-/fonts/{name}", get(font))
        .route("/-/card/{name}", get(card))
        .route("/-/{*rest}", axum::routing::any(nothing))
        .route("/-/", axum::routing::any(nothing));
    router.route("/sitemap.xml", get(list_of_pages))
}

async fn script(headers: HeaderMap) -> Response {
    kept(&headers, script_address(), "text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes()))
}

async fn font(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let asked = format!("/-/fonts/{name}");
    if name == "OFL.txt" {
        return kept(&headers, "OFL-1.1", "text/plain; charset=utf-8", Bytes::from_static(fonts::LICENCE));
    }
    match fonts::PARTS.iter().find(|part| font_address(part) == asked) {
        Some(part) => kept(&headers, &name, "font/woff2", Bytes::from_static(part.bytes)),
        None => absent(),
    }
}

/// A card. Of a page that is none for the public there is none, and of an older state of a page there is the newest one.
async fn card(State(api): State<Arc<Api>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((id, version)) = read_card(&name) else { return absent() };
    let page = match api.store.published_page(id).await {
        Ok(Some((page, _))) => page,
        Ok(None) => return absent(),
        Err(error) => return away(&error),
    };
    if page.version != version {
        let newest = HeaderValue::try_from(card_address(id, page.version)).unwrap_or(HeaderValue::from_static("/"));
        return (StatusCode::FOUND, [(header::LOCATION, newest), (header::CACHE_CONTROL, NOT_KEPT)]).into_response();
    }
    if version::is_known(&headers, &tag(&name)) {
        return kept(&headers, &name, "image/png", Bytes::new());
    }
    let address = api.redirects.short_url(&page.domain, page.slug.as_str());
    let avatar = page.content.avatar.as_ref().map(|avatar| avatar.name.clone());
    let avatar = async {
        let read = api.pictures.read(&avatar?).await;
        read.inspect_err(|_| tracing::warn!(page = %id, "a card is drawn without its picture")).ok()?
    };
    match api.cards.of(page, address, avatar).await {
        Ok(card) => kept(&headers, &name, "image/png", card),
        Err(error) => away(&error),
    }
}

fn read_card(name: &str) -> Option<(PageId, i64)> {
    let (id, version) = name.strip_suffix(".png")?.split_once('-')?;
    Some((PageId::parse(id).ok()?, version.parse().ok()?))
}

/// The list of the pages of the host that was asked.
async fn list_of_pages(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Response {
    let host = uri.host().or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok())).unwrap_or_default();
    let host = mask_core::address::host(host).unwrap_or_default();
    let hosts = api.redirects.hosts();
    let Some(domain) = hosts.canonical(&host) else { return absent() };
    match api.sitemaps.of(&api.store, hosts, &domain, api.clock.now()).await {
        Ok(xml) => with_headers("application/xml", A_WHILE, xml),
        Err(error) => away(&error),
    }
}

async fn nothing() -> Response {
    absent()
}

fn tag(name: &str) -> String {
    format!("\"{name}\"")
}

/// A file that never changes, or that the caller has it.
fn kept(headers: &HeaderMap, name: &str, kind: &'static str, bytes: Bytes) -> Response {
    let tag = tag(name);
    let mut response = if version::is_known(headers, &tag) {
        (StatusCode::NOT_MODIFIED, [(header::CACHE_CONTROL, FOR_EVER)]).into_response()
    } else {
        with_headers(kind, FOR_EVER, bytes)
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn with_headers(kind: &'static str, cache: HeaderValue, bytes: Bytes) -> Response {
    const CROSS_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (CROSS_ORIGIN, HeaderValue::from_static("cross-origin")),
    ];
    (headers, bytes).into_response()
}

fn absent() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, NOT_KEPT)], "There is nothing here.\n").into_response()
}

fn away(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::warn!(error, "something of a page could not be read or drawn");
    let headers = [(header::CACHE_CONTROL, NOT_KEPT), (header::RETRY_AFTER, HeaderValue::from_static("5"))];
    (StatusCode::SERVICE_UNAVAILABLE, headers, "This cannot be shown at the moment.\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small() {
        assert!(SCRIPT.len() <= 2048, "{}", SCRIPT.len());
        assert!(!SCRIPT.contains("eval") && !SCRIPT.contains("innerHTML"));
    }

    #[test]
    fn names_of_cards_read_back() {
        let page = PageId::from_bits(77);
        let address = card_address(page, 12);
        assert_eq!(read_card(address.strip_prefix("/-/card/").expect("a card")), Some((page, 12)));
        for name in ["", ".png", "bp_1-1.png", &format!("{page}-1"), &format!("{page}.png"), &format!("{page}-x.png")] {
            assert_eq!(read_card(name), None, "{name}");
        }
    }
}
