//! Fetching what a user named, once, through the outbound guard.
//!
//! The guard follows nothing, so this does: each `Location` is a URL like any that a user gives, and is judged anew. That
//! is where a public address would send us inward, if it could.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderValue},
};
use url::Url;

use super::fault::PictureFault;
use crate::outbound::{Answered, Body, Outbound, Outgoing};

/// Most bytes of a picture that users give.
pub const MOST_BYTES: usize = 1 << 20;
/// How often an answer may send us on.
const MOST_REDIRECTS: usize = 4;

pub(super) const TOO_SLOW: &str = "Must be answered in time; nothing came, or it stopped coming";

/// What a server is told of us.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::new();
    let agent = concat!("Mask-Pictures/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    let kinds = "image/png,image/jpeg,image/webp,image/svg+xml;q=0.9,*/*;q=0.1";
    headers.insert(header::ACCEPT, HeaderValue::from_static(kinds));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
});

/// The bytes at this address, within the time that one request has.
pub(super) async fn fetch(outbound: &Outbound, url: &str) -> Result<Bytes, PictureFault> {
    let slow = || PictureFault::refused(TOO_SLOW);
    tokio::time::timeout(outbound.timeout(), follow(outbound, url)).await.unwrap_or_else(|_| Err(slow()))
}

async fn follow(outbound: &Outbound, url: &str) -> Result<Bytes, PictureFault> {
    let mut url = url.to_owned();
    for _ in 0..=MOST_REDIRECTS {
        let target = outbound.target(&url).map_err(|why| PictureFault::refused(why.to_string()))?;
        let request = Outgoing {
            method: &Method::GET,
            target: &target,
            headers: &HEADERS,
            body: &Bytes::new(),
            keep_bytes: MOST_BYTES,
        };
        let answer = outbound.send(request).await?;
        match next(&url, &answer) {
            Some(next) => url = next,
            None => return whole(answer),
        }
    }
    Err(PictureFault::refused("Must lead to a picture; this one leads from one address to the next"))
}

/// Where an answer sends us on to.
fn next(url: &str, answer: &Answered) -> Option<String> {
    let sends_on = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !sends_on.contains(&answer.status) {
        return None;
    }
    let location = answer.headers.get(header::LOCATION)?.to_str().ok()?;
    let mut next = Url::parse(url).ok()?.join(location).ok()?;
    // It is never sent.
    next.set_fragment(None);
    Some(next.into())
}

fn whole(answer: Answered) -> Result<Bytes, PictureFault> {
    if answer.status != StatusCode::OK {
        let status = answer.status.as_u16();
        return Err(PictureFault::refused(format!("Must lead to a picture; what is there answers {status}")));
    }
    match answer.body_is {
        Body::Whole => Ok(answer.body),
        Body::Cut => Err(PictureFault::refused("Must be at most 1 MiB")),
        Body::Broken => Err(PictureFault::refused(TOO_SLOW)),
    }
}
