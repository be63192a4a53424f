//! Where pictures are worked on: away from the threads that answer, a few at a time, and only so many waiting.
//!
//! A picture takes up to a second of a core and a quarter of a gigabyte. Without a bound on those that are worked on, a
//! dozen uploads would take all memory; without one on those that wait, a flood of them would answer nobody for minutes.
//! Whoever finds the bench full is told so at once, and whoever has waited too long goes away.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

/// How long somebody waits for a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// Those that are worked on.
    places: Arc<Semaphore>,
    /// Those that are worked on or wait.
    admitted: Arc<Semaphore>,
}

/// There is more to do than can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more pictures are being worked on than this server can")]
pub struct Swamped;

impl Workshop {
    /// With places for so many, and a bench on which so many wait.
    pub fn with(places: usize, waiting: usize) -> Self {
        let places = places.max(1);
        Self { places: Arc::new(Semaphore::new(places)), admitted: Arc::new(Semaphore::new(places + waiting)) }
    }

    /// Does the work as soon as there is a place for it.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Swamped> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Swamped)?;
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Swamped)?.map_err(|_| Swamped)?;
        // The work holds the place, so a caller that goes away does not let another in early.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((place, admitted));
            done
        });
        // A panic is a defect of ours; its message is in the log already.
        done.await.map_err(|_| Swamped)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_too_much_is_refused_at_once() {
        let workshop = Workshop::with(1, 1);
        let (open, opened) = mpsc::channel::<()>();
        let busy = workshop.clone();
        let first = async move { busy.work(move || opened.recv().is_ok()).await };
        let second = workshop.work(|| true);
        let third = async {
            // The two before it are admitted by now: they are polled first.
            assert_eq!(workshop.work(|| true).await, Err(Swamped));
            open.send(()).expect("somebody waits");
        };
        let (first, second, ()) = tokio::join!(biased; first, second, third);
        assert_eq!((first, second), (Ok(true), Ok(true)));
        assert_eq!(workshop.work(|| true).await, Ok(true), "the places are given back");
    }
}
