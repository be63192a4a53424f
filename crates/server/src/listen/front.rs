//! What answers the requests of a connection: the redirect first, and the router for all that is no short link.
//!
//! **Beside TLS**, what comes in the clear is answered in as few words as possible. Whoever reads a link or a page is sent to
//! the same address over TLS (308, which a browser keeps), but nobody who sends something: it has travelled in the clear
//! already, and must not look as if that had worked: a page tells whoever sent a form. The API says so itself. Balancers that ask whether the process lives, and
//! an authority that looks for the answer to its challenge, are answered as they ask.

use std::{
    cell::RefCell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use axum::Router;
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS,
    },
    service::Service,
};
use ipnet::IpNet;
use tower::Service as _;

use crate::{
    api::gate::{Seen, is_path_of_api},
    body::Body,
    clock,
    connection::Scratch,
    proxy::{self, Peer},
    redirect::{
        Answer, Worker,
        pages::{self, Ask},
    },
    tls::Tls,
};

/// Where authorities look for the answer to a challenge (RFC 8555 §8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";
/// What answers in the clear as well.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// See the module.
pub(super) struct Front {
    pub(super) worker: Rc<Worker>,
    pub(super) scratch: Rc<RefCell<Scratch>>,
    pub(super) router: Router,
    pub(super) peer: Peer,
    pub(super) trusted: Arc<[IpNet]>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        if let Some(response) = self.tls.as_ref().and_then(|tls| self.beside_tls(tls, &request)) {
            return Answering::Ready(Some(response));
        }
        let promise = self.tls.as_ref().filter(|_| self.peer.is_tls).and_then(|tls| tls.promise.clone());
        match self.worker.answer(request, self.peer) {
            Answer::Ready(response) => Answering::Ready(Some(promised(response, promise))),
            Answer::Later(response) if promise.is_none() => Answering::Later(response),
            Answer::Later(response) => Answering::Later(Box::pin(async { promised(response.await, promise) })),
            Answer::NotMine(request) => {
                let answer = self.route(request);
                Answering::Later(Box::pin(async { promised(answer.await, promise) }))
            }
        }
    }
}

impl Front {
    /// Whether links are followed from here.
    pub(super) fn sends_on(&self) -> bool {
        self.peer.is_tls || self.tls.is_none()
    }

    /// What is answered because of TLS alone.
    fn beside_tls(&self, tls: &Tls, request: &Request<Incoming>) -> Option<Response<Body>> {
        let path = request.uri().path();
        if let Some(token) = path.strip_prefix(CHALLENGES)
            && let Some(answer) = tls.certificates.file(token)
        {
            return Some(file(answer));
        }
        if self.peer.is_tls || PROBES.contains(&path) || is_path_of_api(path) {
            return None;
        }
        if proxy::client(self.peer, request.headers(), &self.trusted).is_https {
            return None;
        }
        let location = self.worker.over_tls(request)?;
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            Some(sent_to(location, is_secret(request.uri())))
        } else {
            Some(too_late())
        }
    }

    fn route(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + use<> {
        let request_id = clock::request_id();
        let client = proxy::client(self.peer, request.headers(), &self.trusted);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Seen { request_id, client, peer: self.peer, country: None });
        let answer = self.router.clone().call(request);
        let span = tracing::info_span!("request", request_id = request_id.as_str());
        tracing::Instrument::instrument(
            async move {
                let Ok(mut response) = answer.await;
                if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
                    response.headers_mut().insert("x-request-id", id);
                }
                response.map(Body::Routed)
            },
            span,
        )
    }
}

/// An answer over TLS, with what browsers are to keep of it.
fn promised(mut response: Response<Body>, promise: Option<HeaderValue>) -> Response<Body> {
    if let Some(promise) = promise {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, promise);
    }
    response
}

/// The answer to a challenge.
fn file(answer: String) -> Response<Body> {
    let mut response = named(Response::new(Body::whole(answer)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// Whether an address may have the word of a letter's link in it: such are asked for with a query, or below these paths.
fn is_secret(uri: &Uri) -> bool {
    uri.query().is_some() || ["/invitation/", "/-/"].iter().any(|place| uri.path().starts_with(place))
}

fn sent_to(location: HeaderValue, is_secret: bool) -> Response<Body> {
    let mut response = named(Response::new(Body::Empty));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    if is_secret {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What was sent has been read by whoever listens in between.
fn too_late() -> Response<Body> {
    let sentence = "What you sent came without encryption, and others may have read it. It was not taken. Open this page again, with \
                    https at the beginning of its address, and choose another password if there was one in it.";
    let page = pages::ask(&Ask { heading: "Not without encryption", sentence: sentence.into(), ..Ask::default() });
    let mut response = named(Response::new(Body::whole(page.html)));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let said = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, page.content_security_policy),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in said {
        response.headers_mut().extend(HeaderValue::from_str(value).map(|value| (name, value)));
    }
    response
}

/// An answer with an id.
fn named(mut response: Response<Body>) -> Response<Body> {
    if let Ok(id) = HeaderValue::from_str(clock::request_id().as_str()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// An answer that is there, or is being made. A redirect is there at once, and needs no allocation for the wait.
pub(super) enum Answering {
    /// There.
    Ready(Option<Response<Body>>),
    /// Being made.
    Later(Pin<Box<dyn Future<Output = Response<Body>>>>),
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(response) => Poll::Ready(Ok(response.take().expect("a finished future is not polled again"))),
            Self::Later(answer) => answer.as_mut().poll(context).map(Ok),
        }
    }
}
