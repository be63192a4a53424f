//! Where pictures lie: a folder, or a bucket of a service that speaks as Amazon S3 does.
//!
//! A picture's name is made from its content, so it is written once and never changed, two nodes that write the same one do
//! no harm, and a picture that was read is right for good. Nothing is ever deleted here: a name may stand in several codes
//! and pages, of several workspaces, and in what browsers and crawlers keep.
//!
//! Every step has a time after which the place counts as away, and only so many are under way at once: a bucket that
//! hangs must not gather everybody who waits for it.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use mask_core::picture::PictureName;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path, prefix::PrefixStore};
use tokio::{sync::Semaphore, time::timeout};

/// How many steps are under way at once; more are refused.
const MOST_AT_ONCE: usize = 128;
/// What is written and read to see whether the place works: a picture's name, and nobody's.
const TRIAL: &str = "trial";

/// See the module.
#[derive(Clone, Debug)]
pub struct Shelf {
    store: Arc<dyn ObjectStore>,
    under_way: Arc<Semaphore>,
    patience: Duration,
}

/// The place cannot be reached, or refuses.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    /// What it said.
    #[error("{0}")]
    Refused(#[from] object_store::Error),
    /// It said nothing.
    #[error("nothing happened in {} ms", .0.as_millis())]
    Slow(Duration),
    /// What lies there under the name is something else.
    #[error("what is there under this name is not what was put there")]
    Damaged,
    /// Too many ask for it.
    #[error("too many wait for it already")]
    Crowded,
}

impl Shelf {
    /// A folder, which must be there.
    pub(super) fn folder(folder: &Path, patience: Duration) -> Result<Self, object_store::Error> {
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self::of(Arc::new(store), patience))
    }

    /// A part of a bucket.
    pub(super) fn bucket(bucket: impl ObjectStore, prefix: &str, patience: Duration) -> Self {
        Self::of(Arc::new(PrefixStore::new(bucket, path::Path::from(prefix))), patience)
    }

    fn of(store: Arc<dyn ObjectStore>, patience: Duration) -> Self {
        Self { store, under_way: Arc::new(Semaphore::new(MOST_AT_ONCE)), patience }
    }

    /// Puts a picture there; when this returns it is safe from a loss of power.
    pub(super) async fn put(&self, name: &PictureName, bytes: Bytes) -> Result<(), Away> {
        self.step(async { self.store.put(&place(name), bytes.into()).await.map(drop) }).await
    }

    /// The picture, if it is there.
    pub(super) async fn get(&self, name: &PictureName) -> Result<Option<Bytes>, Away> {
        let place = place(name);
        let reading = async {
            match self.store.get(&place).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let found = self.step(reading).await?;
        // Half a picture must not be shown for good: whoever gets it keeps it for a year.
        match &found {
            Some(bytes) if PictureName::of(bytes, name.format()) != *name => Err(Away::Damaged),
            _ => Ok(found),
        }
    }

    /// Writes something there and reads it back.
    pub async fn try_out(&self) -> Result<(), Away> {
        let place = path::Path::from(TRIAL);
        let trying = async {
            self.store.put(&place, Bytes::from_static(b"Mask").into()).await?;
            self.store.get(&place).await?.bytes().await.map(drop)
        };
        self.step(trying).await
    }

    async fn step<T>(&self, step: impl Future<Output = Result<T, object_store::Error>>) -> Result<T, Away> {
        let _place = self.under_way.try_acquire().map_err(|_| Away::Crowded)?;
        Ok(timeout(self.patience, step).await.map_err(|_| Away::Slow(self.patience))??)
    }
}

fn place(name: &PictureName) -> path::Path {
    path::Path::from(name.as_str())
}
