//! A bucket of Amazon S3, or of a service that speaks as it does.
//!
//! `object_store` knows the protocol: signatures, retries, what an error means. It is built without the client that it
//! usually comes with, which brings a second TLS library written in C; the requests are sent from here instead, over the
//! same TLS and with the same authorities as all else that this server calls. It is not the outbound guard, for it is the
//! operator who names a bucket, and a bucket may well lie in a private network.
//!
//! Each request has a connection of its own. Pictures that are shown often come from memory, so there is little to win.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
};

use futures_util::future::{self, Either};
use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Uri,
    client::conn::http1,
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use object_store::{
    ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::config;

/// Most bytes of an answer: more than any picture of ours has.
const MOST_BYTES: usize = 32 << 20;
/// How often a request is tried again that failed by the bucket's fault.
const RETRIES: usize = 2;

/// The bucket of this name.
pub(super) fn open(
    settings: &config::Pictures,
    name: &str,
    tls: Arc<rustls::ClientConfig>,
) -> Result<AmazonS3, object_store::Error> {
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: settings.timeout, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.reveal())
        .with_allow_http(true)
        .with_retry(retry)
        .with_http_connector(Connector(TlsConnector::from(tls)));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
    }
    builder.build()
}

/// Makes connections to the bucket's service.
#[derive(Clone)]
struct Connector(TlsConnector);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Connector {
    // As the trait's macro writes it, which we need for this alone.
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}

impl Connector {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| wrong("a request without a host"))?;
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let failed = |error: io::Error| HttpError::new(HttpErrorKind::Connect, error);
        let stream = TcpStream::connect((bare, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let request = in_origin_form(request, &uri)?;
        if !is_tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| wrong("a host that no certificate can name"))?;
        let stream = self.0.connect(name, stream).await.map_err(failed)?;
        exchange(stream, request).await
    }
}

/// The request as it is written on a connection: its target without scheme and host, which stand in `Host`.
fn in_origin_form(mut request: HttpRequest, uri: &Uri) -> Result<Request<HttpRequestBody>, HttpError> {
    let target = uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
    *request.uri_mut() = target.parse().map_err(|_| wrong("a target that cannot be read"))?;
    let authority = uri.authority().map_or("", hyper::http::uri::Authority::as_str);
    let host = HeaderValue::from_str(authority).map_err(|_| wrong("a host that cannot be written"))?;
    request.headers_mut().insert(header::HOST, host);
    Ok(request)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<HttpRequestBody>,
) -> Result<HttpResponse, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let answering = async {
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await;
        let body = body.map_err(|source| HttpError::new_boxed(HttpErrorKind::Interrupted, source))?;
        Ok(HttpResponse::from_parts(head, HttpResponseBody::from(body.to_bytes())))
    };
    // Whoever waits for the answer drives the connection; when it ends first, what it brought is still read.
    match future::select(pin!(answering), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, answering)) => answering.await,
    }
}

fn wrong(what: &'static str) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, io::Error::other(what))
}

fn broken(error: &hyper::Error) -> HttpError {
    let kind = if error.is_parse() { HttpErrorKind::Decode } else { HttpErrorKind::Interrupted };
    HttpError::new(kind, io::Error::other(error.to_string()))
}
