//! What other nodes change: it is forgotten here too, a moment after it was committed there.
//!
//! While the store is away nothing is forgotten, and redirects go on from memory; whoever comes back reads what was changed
//! meanwhile, or forgets everything where that cannot be told any more. What others have counted of a link with a limit is
//! told to its counter, so the link stays in memory. A node reads what itself has written too: that changes nothing, but for a
//! commit whose answer was lost.

use std::{sync::Arc, time::Duration};

use mask_store::{ChangedOne, Store};
use tokio_util::sync::CancellationToken;

use super::Redirects;

/// How often it is seen what others have changed. With the half second after which clicks are counted, a limit of clicks is
/// overshot by what happens within one second.
const FOLLOW: Duration = Duration::from_millis(250);

impl Redirects {
    /// Forgets what other nodes change, until told to stop. Ends at once where there are none.
    pub async fn follow(self: Arc<Self>, store: Store, stop: CancellationToken) {
        let (mut seen, mut was_away) = (None, false);
        loop {
            let changed = tokio::select! {
                () = stop.cancelled() => return,
                changed = store.changed_addresses(seen.clone()) => changed,
            };
            match changed {
                Ok(None) => return,
                Ok(Some(changed)) => {
                    match changed.what {
                        Some(what) => what.into_iter().for_each(|one| self.learn(one)),
                        None => self.forget_all(),
                    }
                    (seen, was_away) = (Some(changed.seen), false);
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

    fn learn(&self, changed: ChangedOne) {
        match changed {
            ChangedOne::Address(domain, slug) => self.forget(&domain, &slug),
            ChangedOne::Clicks(link, clicks) => self.resolver.learn_clicks(link, clicks),
        }
    }
}
