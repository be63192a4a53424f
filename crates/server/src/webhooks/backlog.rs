//! How many deliveries wait, for the metrics.

use std::time::Duration;

use mask_store::Store;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often they are counted. It takes a hundredth of the time at most, however many wait; more than some are not counted.
const COUNT: Duration = Duration::from_secs(10);
const REST: u32 = 100;

/// Counts what waits until stopped. Every node sees the same number: the outbox is one for all.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no outbox is that large")]
pub async fn keep_counting(store: Store, stop: CancellationToken) {
    loop {
        let began = Instant::now();
        match store.waiting_deliveries().await {
            Ok(waiting) => metrics::gauge!("mask_webhook_pending").set(waiting as f64),
            Err(error) => tracing::debug!(%error, "the deliveries that wait could not be counted"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(COUNT.max(began.elapsed() * REST)) => {}
        }
    }
}
