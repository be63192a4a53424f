//! Pictures that are being fetched: whoever asks for one that is on its way waits for it, and for what comes of it.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use mask_core::picture::Picture;
use mask_picture::photo::Purpose;
use tokio::sync::OnceCell;

use super::fault::PictureFault;

type Wanted = (String, Purpose);
type Arrival = Arc<OnceCell<Result<Picture, PictureFault>>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    under_way: Mutex<HashMap<Wanted, Arrival>>,
}

impl Arrivals {
    /// What comes of fetching this picture: of a fetch that is under way, or else of this one.
    pub(super) async fn one(
        &self,
        url: &str,
        purpose: Purpose,
        fetch: impl Future<Output = Result<Picture, PictureFault>>,
    ) -> Result<Picture, PictureFault> {
        let wanted = (url.to_owned(), purpose);
        let arrival = Arc::clone(self.lock().entry(wanted.clone()).or_default());
        let waiting = Waiting { arrivals: self, wanted, arrival };
        // If whoever fetches goes away, another of those that wait takes over.
        waiting.arrival.get_or_init(|| fetch).await.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Wanted, Arrival>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a picture. The last of them to leave clears the table.
struct Waiting<'a> {
    arrivals: &'a Arrivals,
    wanted: Wanted,
    arrival: Arrival,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut under_way = self.arrivals.lock();
        // One is the table's and one is ours. Nobody can come between, as the table is locked.
        if Arc::strong_count(&self.arrival) == 2 {
            under_way.remove(&self.wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        task::{Context, Waker},
    };

    use super::*;

    #[tokio::test]
    async fn whoever_asks_meanwhile_shares_what_comes() {
        let (arrivals, fetched) = (Arrivals::default(), Cell::new(0));
        let fetch = || async {
            fetched.set(fetched.get() + 1);
            tokio::task::yield_now().await;
            Err(PictureFault::Away)
        };
        let one = |url, purpose| arrivals.one(url, purpose, fetch());
        let (first, same, other) =
            tokio::join!(one("a", Purpose::Logo), one("a", Purpose::Logo), one("a", Purpose::Wide));
        assert_eq!((first, same, other), (Err(PictureFault::Away), Err(PictureFault::Away), Err(PictureFault::Away)));
        assert_eq!(fetched.get(), 2);
        assert!(arrivals.lock().is_empty());
        assert_eq!(one("a", Purpose::Logo).await, Err(PictureFault::Away));
        assert_eq!(fetched.get(), 3, "what came is not kept");
    }

    #[tokio::test]
    async fn somebody_takes_over_from_who_goes_away() {
        let arrivals = Arrivals::default();
        let mut never = Box::pin(arrivals.one("a", Purpose::Logo, std::future::pending()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(never.as_mut().poll(&mut context).is_pending());
        let mut waiting = Box::pin(arrivals.one("a", Purpose::Logo, async { Err(PictureFault::Swamped) }));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(never);
        assert_eq!(waiting.await, Err(PictureFault::Swamped));
        assert!(arrivals.lock().is_empty());
    }
}
