//! Links that are shown instead of followed: to people who want to know first, and to link-preview crawlers.
//!
//! Neither is a click. The page behind `/{slug}+` is not even recorded, and is read from the store each time: it is rare,
//! and what it shows need not be kept in memory for every link. A destination behind a password is shown to nobody.

use hyper::{Response, StatusCode};
use mask_core::{
    destination::{WebUrl, compose},
    link::Link,
    request::RequestId,
    route::{Ended, Route, decide},
    visit::Visit,
};
use mask_store::Found;

use super::{
    Worker,
    entry::Entry,
    meters::Outcome,
    pages::{self, Inspect, Notice, SocialPreview},
    reply,
    resolver::Key,
};
use crate::{body::Body, clock};

impl Worker {
    /// The page behind `/{slug}+`.
    pub(super) async fn inspect(&self, key: &Key) -> Response<Body> {
        let Some(host) = self.host_of(key.host) else {
            return self.page_notice(Notice::NotFound).into_response();
        };
        let found = self.shared.resolver.read_link(&host, key).await;
        let notice = match found {
            Ok(Found::Link(link, _)) => return self.shown(&link),
            Ok(Found::Gone) => Notice::Removed,
            Ok(Found::Page(..) | Found::Nothing) => return self.not_found(key.host).into_response(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a link could not be read");
                Notice::Unavailable
            }
        };
        self.page_notice(notice).into_response()
    }

    fn shown(&self, link: &Link) -> Response<Body> {
        let content = &link.content;
        let is_used_up = content.click_limit.is_some_and(|limit| link.clicks >= limit);
        let visit = Visit {
            now: self.shared.clock.now(),
            user_agent: "",
            accept_language: "",
            country: None,
            visitor: 0,
            is_unlocked: false,
            is_used_up,
        };
        let destination = match decide(link, &visit) {
            Route::Gone(Ended::Expired) => return self.page_notice(Notice::Expired).into_response(),
            Route::Gone(Ended::UsedUp) => return self.page_notice(Notice::LimitReached).into_response(),
            Route::AskPassword => None,
            Route::Redirect(mask_core::route::Choice::Ended, url) => Some(compose(url, &content.utm, "")),
            Route::Redirect(..) => Some(compose(content.url.as_str(), &content.utm, "")),
        };
        self.shared.meters.count(Outcome::Inspection);
        let is_open = destination.is_some();
        let page = pages::inspect(&Inspect {
            short_url: &self.short_url_of(link),
            destination: destination.as_deref(),
            title: content.title.as_deref().filter(|_| is_open),
            created_at_ms: link.created_at.unix_millis(),
            may_vary: is_open && may_vary(link),
        });
        reply::page(StatusCode::OK, page, clock::request_id())
    }

    pub(super) fn short_url_of(&self, link: &Link) -> String {
        self.shared.short_url(&link.domain, link.slug.as_str())
    }
}

/// The page that link-preview crawlers read. Of a link with a password it tells what its owner has set to be shown, and no
/// title that is for those who have opened it.
pub(super) fn preview(link: &Link, short_url: &str, entry: &Entry, request: RequestId) -> Response<Body> {
    let content = &link.content;
    let preview = content.preview.clone().unwrap_or_default();
    let is_open = content.password_hash.is_none();
    let page = pages::social_preview(&SocialPreview {
        short_url,
        destination: Some(&*entry.location).filter(|_| is_open),
        title: preview.title.as_deref().or(content.title.as_deref().filter(|_| is_open)).unwrap_or(short_url),
        description: preview.description.as_deref(),
        image_url: preview.image_url.as_ref().map(WebUrl::as_str),
    });
    reply::page(StatusCode::OK, page, request)
}

fn may_vary(link: &Link) -> bool {
    let content = &link.content;
    let has_targets = content.ios_target.is_some() || content.android_target.is_some();
    has_targets || !content.rules.is_empty() || !content.variants.is_empty()
}
