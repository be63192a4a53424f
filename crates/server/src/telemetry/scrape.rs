//! The listener that Prometheus asks: `GET /metrics` and nothing else.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use super::{metrics_exporter, process};

/// Connections at one time; a scraper needs one. More wait to be accepted.
const CONNECTIONS: usize = 32;
/// The time for the head of a request, between requests too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// Histograms keep every sample until somebody looks; where nobody does, this bounds the memory they take.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// A wait after a failed accept, which most likely lacked a file descriptor: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the metrics to whoever connects until `stop` is cancelled. Before each answer `report` sets what is only known when it
/// is asked for.
pub async fn serve_metrics(listener: TcpListener, report: impl Fn() + Send + Sync + 'static, stop: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "metrics at /metrics");
    }
    let page = Arc::new(Page { handle: metrics_exporter(), report });
    // Whoever is in the middle of a page when the server stops can do without: dropping the set closes the connections.
    let mut open = JoinSet::new();
    let mut upkeep = time::interval(UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = upkeep.tick() => page.handle.run_upkeep(),
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if open.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(open.spawn(answer_all(TokioIo::new(stream), Arc::clone(&page)))),
                Err(error) => {
                    tracing::warn!(%error, "a connection to the metrics could not be accepted");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// What makes the page.
struct Page<F> {
    handle: PrometheusHandle,
    report: F,
}

impl<F: Fn()> Page<F> {
    fn render(&self) -> String {
        (self.report)();
        process::refresh();
        self.handle.render()
    }
}

/// Answers a connection until it closes. How it ends concerns its client alone.
async fn answer_all<F: Fn()>(stream: TokioIo<tokio::net::TcpStream>, page: Arc<Page<F>>) {
    let service = service_fn(move |request| {
        let answer = answer(&request, &page);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = server.serve_connection(stream, service).await {
        tracing::debug!(%error, "a connection to the metrics broke");
    }
}

fn answer<F: Fn()>(request: &Request<Incoming>, page: &Page<F>) -> Response<Full<Bytes>> {
    let (status, body) = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => (StatusCode::OK, page.render()),
        ("/metrics", _) => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "The metrics are at /metrics\n".to_owned()),
    };
    let builder = Response::builder().status(status);
    let builder = match status {
        StatusCode::OK => builder.header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        StatusCode::METHOD_NOT_ALLOWED => builder.header(ALLOW, "GET, HEAD"),
        _ => builder,
    };
    builder.body(Full::from(body)).expect("these headers are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_is_served_until_it_is_stopped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let report = || metrics::gauge!("scrape_test_asked").set(7);
        metrics_exporter();
        metrics::histogram!("scrape_test_seconds").record(0.003);
        tasks.spawn(serve_metrics(listener, report, stop.clone()));

        let page = reqwest::get(format!("http://{address}/metrics")).await.expect("an answer");
        assert_eq!(page.status(), 200);
        let page = page.text().await.expect("a text");
        for line in [
            "process_resident_memory_bytes ",
            "process_open_fds ",
            "scrape_test_asked 7",
            "scrape_test_seconds_bucket{le=\"0.005\"} 1",
        ] {
            assert!(page.lines().any(|found| found.starts_with(line)), "{line} is not in:\n{page}");
        }
        let elsewhere = reqwest::get(format!("http://{address}/")).await.expect("an answer");
        assert_eq!(elsewhere.status(), 404);
        let posted = reqwest::Client::new().post(format!("http://{address}/metrics")).send().await.expect("an answer");
        assert_eq!((posted.status().as_u16(), posted.headers()["allow"].to_str().ok()), (405, Some("GET, HEAD")));

        stop.cancel();
        assert!(tasks.join_next().await.expect("one task").is_ok());
        assert!(reqwest::get(format!("http://{address}/metrics")).await.is_err());
    }
}
