//! What a host answers beside its links: its root, where nothing is, and the files that have their place on every host.
//!
//! A domain of a workspace says where its visitors are sent then, and what programs find there; all of it is in the table
//! of hosts, ready to be sent. The hosts of the settings have our own pages for it.

use std::sync::Arc;

use hyper::{Request, Response, StatusCode, header::HeaderValue};
use mask_core::{domain::Robots, request::RequestId, route::Ended};

use super::{
    Redirects,
    answer::{Asking, Kind, Reply, Step, Worker},
    hosts::{self, APPLICATION, Custom, Host, HostNumber},
    meters::Outcome,
    pages::{self, Notice},
    reply,
    seen::Seen,
};
use crate::{body::Body, clock};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const WELCOME: &str = "User-agent: *\nAllow: /\nDisallow: /*?to=\n";
const STAY_AWAY: &str = "User-agent: *\nDisallow: /\n";

impl Worker {
    /// The host with this number, while it is served.
    pub(super) fn host_of(&self, number: HostNumber) -> Option<Arc<Host>> {
        self.hosts.borrow_mut().load().numbered(number).cloned()
    }

    /// What is no slug: the application's host has a router for it, other hosts have a few pages and files.
    pub(super) fn beside_links(&self, number: HostNumber, path: &str, kind: Kind) -> Step {
        if number == APPLICATION {
            return Step::NotMine;
        }
        let host = self.host_of(number);
        let custom = host.as_ref().and_then(|host| host.custom.as_ref());
        // Pages, and letters to people, are made of what is below; only that answers there, and only that is below.
        if path.starts_with("/-/") || path == "/sitemap.xml" {
            return Step::NotMine;
        }
        let reply = match path {
            "/" => root(custom),
            "/robots.txt" => reply::file(TEXT, robots(host.as_deref()).into()).into(),
            _ => match custom.and_then(|custom| file(custom, path)) {
                Some(file) => file,
                None => return Step::Done(self.not_found(number)),
            },
        };
        if matches!(kind, Kind::Get | Kind::Head) { Step::Done(reply) } else { self.refused() }
    }

    /// The address of what is asked for, over TLS; `None` where no host of ours is asked.
    pub fn over_tls<B>(&self, request: &Request<B>) -> Option<HeaderValue> {
        let uri = request.uri();
        let asked = hosts::asked(uri, request.version(), &Seen::read(request.headers())).ok()?.into_owned();
        let host = self.hosts.borrow_mut().load().parsed(&asked).cloned()?;
        let rest = uri.path_and_query().map_or("/", |rest| rest.as_str());
        HeaderValue::try_from(host.address(rest.strip_prefix('/')?)).ok()
    }

    /// Where nothing is.
    pub(super) fn not_found(&self, number: HostNumber) -> Reply {
        let leads = |host: Arc<Host>| host.custom.as_ref().and_then(|custom| custom.not_found.clone());
        match self.host_of(number).and_then(leads) {
            Some(location) => {
                self.shared.meters.count(Outcome::NotFound);
                reply::redirect(StatusCode::FOUND, location, clock::request_id()).into()
            }
            None => self.page_notice(Notice::NotFound),
        }
    }

    /// A link that has ended and does not say where to go then.
    pub(super) fn ended(&self, ended: Ended, asking: &Asking<'_>) -> Reply {
        let leads = |host: Arc<Host>| host.custom.as_ref().and_then(|custom| custom.expired.clone());
        if let Some(location) = self.host_of(asking.host).and_then(leads) {
            self.shared.meters.count(Outcome::Gone);
            return reply::redirect(after(asking.kind), location, asking.request).into();
        }
        self.page_notice(match ended {
            Ended::Expired => Notice::Expired,
            Ended::UsedUp => Notice::LimitReached,
        })
    }
}

impl Redirects {
    /// Where nothing is on the application's host: what is no slug there may be a path of the router, so only the router
    /// knows that it is none.
    pub fn nothing_here(&self, request: RequestId) -> Response<Body> {
        self.meters.count(Outcome::NotFound);
        reply::notice_of(Notice::NotFound, request)
    }
}

/// The status of a redirect that is not a link's own: a form that was sent is not sent on.
const fn after(kind: Kind) -> StatusCode {
    match kind {
        Kind::Post => StatusCode::SEE_OTHER,
        Kind::Get | Kind::Head | Kind::Other => StatusCode::FOUND,
    }
}

fn root(custom: Option<&Custom>) -> Reply {
    match custom.and_then(|custom| custom.root.clone()) {
        Some(location) => reply::redirect(StatusCode::FOUND, location, clock::request_id()).into(),
        None => reply::page(StatusCode::OK, pages::root(false), clock::request_id()).into(),
    }
}

/// What crawlers may look at. Where a page's links lead is on the page; to follow them by way of it would only be counted.
fn robots(host: Option<&Host>) -> String {
    let robots = host.and_then(|host| host.custom.as_ref()).map_or(Robots::Allow, |custom| custom.robots);
    match (robots, host) {
        (Robots::Disallow, _) => STAY_AWAY.to_owned(),
        (Robots::Allow, Some(host)) => format!("{WELCOME}Sitemap: {}\n", host.address("sitemap.xml")),
        (Robots::Allow, None) => WELCOME.to_owned(),
    }
}

/// The files by which apps are tied to a domain.
fn file(custom: &Custom, path: &str) -> Option<Reply> {
    let json = match path {
        "/.well-known/apple-app-site-association" => custom.apple_app_site_association.clone(),
        "/.well-known/assetlinks.json" => custom.assetlinks.clone(),
        _ => None,
    }?;
    Some(reply::file(HeaderValue::from_static("application/json"), json).into())
}
