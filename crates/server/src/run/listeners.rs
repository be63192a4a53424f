//! The listeners of a server, and the threads that answer at them.

use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::LocalSet};
use tokio_util::sync::CancellationToken;

use super::RunError;
use crate::{
    config::Config,
    listen::{self, Door, Rules},
    redirect::{Redirects, Worker},
};

/// All listeners, bound.
pub(super) struct Bound {
    /// Where it is spoken in the clear.
    pub(super) addresses: Vec<SocketAddr>,
    /// Where TLS is spoken.
    pub(super) tls_addresses: Vec<SocketAddr>,
    /// Those of each thread.
    pub(super) doors: Vec<Vec<Door>>,
}

/// Whether somebody else is at one of the addresses.
pub(super) fn check(config: &Config) -> Result<(), RunError> {
    let mut addresses = config.server.listen.iter().chain(&config.tls.listen);
    match addresses.find(|address| listen::is_taken(**address)) {
        Some(address) => Err(RunError::Listen(*address, io::ErrorKind::AddrInUse.into())),
        None => Ok(()),
    }
}

/// Opens the address of the metrics, if there is one. A server whose numbers nobody can see is not the one that was wanted.
pub(super) async fn metrics(config: &Config) -> Result<Option<TcpListener>, RunError> {
    let Some(address) = config.metrics.listen else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|error| RunError::Metrics(address, error))
}

/// Opens every address for every thread.
pub(super) fn bind(config: &Config, threads: usize) -> Result<Bound, RunError> {
    let mut bound =
        Bound { addresses: Vec::new(), tls_addresses: Vec::new(), doors: (0..threads).map(|_| Vec::new()).collect() };
    let clear = config.server.listen.iter().map(|address| (address, false));
    for (address, is_tls) in clear.chain(config.tls.listen.iter().map(|address| (address, true))) {
        let listeners = listen::bind(*address, threads).map_err(|error| RunError::Listen(*address, error))?;
        let kind = if is_tls { &mut bound.tls_addresses } else { &mut bound.addresses };
        kind.push(listeners[0].local_addr()?);
        for (thread, listener) in bound.doors.iter_mut().zip(listeners) {
            thread.push(Door { listener, is_tls });
        }
    }
    Ok(bound)
}

/// Answers at these listeners until told to stop: the work of one thread.
pub(super) fn answer(
    redirects: &Arc<Redirects>,
    writer: mask_journal::Writer,
    doors: Vec<Door>,
    router: axum::Router,
    rules: Rules,
    stop: CancellationToken,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system gives an event queue");
    let local = LocalSet::new();
    let worker = Rc::new(Worker::new(Arc::clone(redirects), writer));
    if let Err(error) = local.block_on(&runtime, listen::serve(doors, worker, router, rules, stop)) {
        tracing::error!(%error, "a thread could not go on listening");
    }
    // What is still being answered has had its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
}
