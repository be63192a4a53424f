//! What goes on beside the threads that answer: clicks are drained, domains looked at, what is old is forgotten.

use std::{sync::Arc, time::Duration};

use mask_journal::Journal;
use mask_store::Store;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::forgetting;
use crate::{
    api::{limit::Limits, usage::Counter},
    clicks::{self, Drain, Salts},
    clock::Clock,
    domains::Domains,
    places::Places,
    redirect::Redirects,
    telemetry,
    tls::{self, Certificates},
};

/// What goes on beside the answering threads.
pub(super) struct Background {
    pub(super) drain_interval: Duration,
    pub(super) retention_days: u32,
    pub(super) kept: forgetting::KeptFor,
    pub(super) metrics: Option<TcpListener>,
    pub(super) redirects: Arc<Redirects>,
    pub(super) requests: Arc<Counter>,
    pub(super) limits: Arc<Limits>,
    /// What all nodes of an installation have, and nobody else.
    pub(super) secret: [u8; 32],
    pub(super) domains: Arc<Domains>,
    pub(super) certificates: Arc<Certificates>,
    /// Files of certificates, where there are such.
    pub(super) files: Option<tls::Files>,
    pub(super) places: Arc<Places>,
    pub(super) salts: Arc<Salts>,
    pub(super) journal: Arc<Journal>,
    pub(super) drain: Drain,
    pub(super) syncer: clicks::SyncHandle,
    pub(super) tasks: TaskTracker,
    pub(super) store: Store,
    pub(super) clock: Clock,
}

impl Background {
    /// Does it until told to stop, and then what is left of it.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self {
            drain_interval,
            retention_days,
            kept,
            metrics,
            redirects,
            requests,
            limits,
            secret,
            domains,
            certificates,
            files,
            places,
            salts,
            journal,
            drain,
            syncer,
            tasks,
            store,
            clock,
        } = self;
        tasks.spawn(places.watch(stop.clone()));
        if let Some(files) = files {
            tasks.spawn(files.watch(Arc::clone(&certificates), stop.clone()));
        }
        tasks.spawn(Arc::clone(&domains).follow(stop.clone()));
        tasks.spawn(Arc::clone(&redirects).follow(store.clone(), stop.clone()));
        tasks.spawn(domains.watch(stop.clone()));
        tasks.spawn(salts.keep_current(store.clone(), clock.clone(), stop.clone()));
        let (counted, ended) = (store.clone(), stop.clone());
        tasks.spawn(async move { requests.keep_bringing(&counted, ended).await });
        let (told, now, ended) = (store.clone(), clock.clone(), stop.clone());
        tasks.spawn(async move { limits.keep_telling(&told, &now, secret, ended).await });
        tasks.spawn(forgetting::visitors(store.clone(), clock.clone(), retention_days, stop.clone()));
        tasks.spawn(forgetting::what_is_old(store, clock, kept, stop.clone()));
        if let Some(listener) = metrics {
            tasks.spawn(telemetry::serve_metrics(
                listener,
                move || report(&redirects, &journal, &certificates),
                stop.clone(),
            ));
        }
        drain.run(drain_interval, stop).await;
        syncer.stop();
        tasks.close();
        tasks.wait().await;
    }
}

/// Sets the metrics that are only looked at when somebody asks.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no memory here is that large")]
fn report(redirects: &Redirects, journal: &Journal, certificates: &Certificates) {
    let (entries, bytes) = redirects.memory();
    metrics::gauge!("mask_links_in_memory").set(entries as f64);
    metrics::gauge!("mask_links_in_memory_bytes").set(bytes as f64);
    metrics::gauge!("mask_journal_pending_bytes").set(journal.pending_bytes() as f64);
    let (count, nearest_end) = certificates.nearest_end();
    metrics::gauge!("mask_certificates").set(count as f64);
    if let Some(end) = nearest_end {
        metrics::gauge!("mask_certificate_nearest_end_timestamp_seconds").set(end.unix_seconds() as f64);
    }
}
