//! What other nodes change: it is forgotten here too, a moment after it was committed there.
//!
//! While the store is away nothing is forgotten, and redirects go on from memory; whoever comes back reads what was changed
//! meanwhile, and after half an hour forgets everything, as what was changed is told of for an hour.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mask_store::Store;
use tokio_util::sync::CancellationToken;

use super::Redirects;

/// How often it is seen what others have changed. With the half second after which clicks are counted, a limit of clicks is
/// overshot by what happens within one second.
const FOLLOW: Duration = Duration::from_millis(250);
/// For how long what is known of the store's state is good.
const GOOD: Duration = Duration::from_mins(30);

impl Redirects {
    /// Forgets what other nodes change, until told to stop. Ends at once where there are none.
    pub async fn follow(self: Arc<Self>, store: Store, stop: CancellationToken) {
        let (mut since, mut looked_at, mut was_away) = (None, Instant::now(), false);
        loop {
            let began = Instant::now();
            let known = since.filter(|_| began.duration_since(looked_at) < GOOD);
            match store.changed_addresses(known).await {
                Ok(None) => return,
                Ok(Some(changed)) => {
                    match changed.addresses {
                        Some(addresses) => addresses.iter().for_each(|(domain, slug)| self.forget(domain, slug)),
                        None => self.forget_all(),
                    }
                    (since, looked_at, was_away) = (Some(changed.next), began, false);
                }
                Err(error) => {
                    if !was_away {
                        tracing::warn!(%error, "what other nodes have changed could not be read; it is tried again");
                    }
                    was_away = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FOLLOW) => {}
            }
        }
    }
}
