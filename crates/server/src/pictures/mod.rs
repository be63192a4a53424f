//! Pictures of users: fetched once, made anew, kept under the name of their content, and shown from here.
//!
//! What users name is somebody else's server: it may change, vanish, hang, hold a bug for somebody's decoder, or watch who
//! looks. So it is asked once, when the address is given ([`fetch`]), by the guard that reaches no network of ours; what
//! comes is painted anew from its pixels ([`mask_picture::photo`]) on a few threads of its own ([`workshop`]), and only
//! that copy is ever handed out ([`show`]). From then on the original does not matter.
//!
//! The copies lie in a folder or in a bucket ([`shelf`]), and those that were shown lately in memory too: pages go on
//! showing their pictures while the bucket is away, and only what is new must wait.
//!
//! A name says nothing of whose a picture is, and whoever knows it may see it: pictures are for the public, and a name
//! that is not published cannot be guessed. Pictures are never deleted, as nobody knows who else shows the same one; they
//! are small, and a workspace cannot make more of them than its rate of requests allows.
//!
//! What must stay true: nothing of a user's bytes is kept or shown but what [`mask_picture::photo::remake`] made; and
//! whoever gave an address learns why it will not do, in words that tell nothing of where it led.

mod arrivals;
mod bucket;
pub mod drawings;
pub mod fault;
pub mod fetch;
pub mod shelf;
mod show;
pub mod workshop;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mask_core::{
    Refused,
    picture::{Picture, PictureName},
};
use mask_picture::photo::{self, Photo, Purpose};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    config::{Config, PicturePlace},
    outbound::{self, AuthoritiesError, Outbound},
    redirect::Hosts,
    setup,
};
use arrivals::Arrivals;
pub use fault::PictureFault;
use shelf::{Away, Shelf};
pub use show::routes;
use workshop::Workshop;

/// Where a picture is shown, on each of our hosts.
pub const PATH: &str = "/-/img/";

/// Pictures of others that are made anew at once: each takes up to a quarter of a gigabyte.
const MADE_AT_ONCE: usize = 2;
/// Those that wait for it.
const WAITING: usize = 32;
/// Those that are fetched at once, 1 MiB each.
const FETCHED_AT_ONCE: usize = 32;
/// What a picture takes in memory beside its bytes.
const SLOT_BYTES: u64 = 128;
/// What one usually takes.
const USUAL_BYTES: u64 = 32 << 10;

/// Why the place of pictures cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] setup::Error),
    /// Something else about it.
    #[error("pictures.url: {0}")]
    Store(#[from] object_store::Error),
    /// It was tried out, and is away.
    #[error(transparent)]
    Away(#[from] Away),
    /// The system would not let it be tried out.
    #[error("the system refused something: {0}")]
    System(#[from] io::Error),
    /// The authorities that are believed.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
}

/// See the module.
pub struct Pictures {
    /// Scheme, host and port at which whoever uploads a picture is told to find it.
    origin: String,
    shelf: Shelf,
    recent: Cache<PictureName, Bytes, Weight>,
    outbound: Arc<Outbound>,
    hosts: Hosts,
    photos: Workshop,
    arrivals: Arrivals,
    fetching: Semaphore,
}

#[derive(Clone)]
struct Weight;

impl Weighter<PictureName, Bytes> for Weight {
    fn weight(&self, _: &PictureName, bytes: &Bytes) -> u64 {
        SLOT_BYTES + bytes.len() as u64
    }
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pictures").field("shelf", &self.shelf).finish_non_exhaustive()
    }
}

/// The folder of pictures; `None` where they lie in a bucket.
pub fn folder(config: &Config) -> Option<PathBuf> {
    match &config.pictures.url {
        PicturePlace::Data => Some(data_folder(config)),
        PicturePlace::Folder(folder) => Some(folder.clone()),
        PicturePlace::Bucket { .. } => None,
    }
}

/// The place that the settings name; a folder is made where it is missing.
fn open_shelf(config: &Config) -> Result<Shelf, PlaceError> {
    let settings = &config.pictures;
    match &settings.url {
        PicturePlace::Bucket { name, prefix } => {
            let tls = outbound::authorities(config.outbound.ca_file.as_deref())?;
            Ok(Shelf::bucket(bucket::open(settings, name, Arc::new(tls))?, prefix, settings.timeout))
        }
        PicturePlace::Data => in_folder(&data_folder(config), settings.timeout),
        PicturePlace::Folder(folder) => in_folder(folder, settings.timeout),
    }
}

fn in_folder(folder: &Path, patience: Duration) -> Result<Shelf, PlaceError> {
    setup::make_folder(folder)?;
    Ok(Shelf::folder(folder, patience)?)
}

fn data_folder(config: &Config) -> PathBuf {
    config.storage.data_dir.join("pictures")
}

/// Writes something where the settings say that pictures are kept, and reads it back. Blocks.
pub fn try_out(config: &Config) -> Result<(), PlaceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shelf = open_shelf(config)?;
    Ok(runtime.block_on(shelf.try_out())?)
}

impl Pictures {
    /// Those of the place that the settings name.
    pub fn open(config: &Config, outbound: Arc<Outbound>, hosts: Hosts) -> Result<Self, PlaceError> {
        let memory_bytes = u64::try_from(config.pictures.memory_mb).unwrap_or(u64::MAX) << 20;
        let usual = usize::try_from(memory_bytes / USUAL_BYTES).unwrap_or(usize::MAX).max(1);
        Ok(Self {
            origin: config.server.public_url.origin().ascii_serialization(),
            shelf: open_shelf(config)?,
            recent: Cache::with_weighter(usual, memory_bytes, Weight),
            outbound,
            hosts,
            photos: Workshop::with(MADE_AT_ONCE, WAITING),
            arrivals: Arrivals::default(),
            fetching: Semaphore::new(FETCHED_AT_ONCE),
        })
    }

    /// The address of a picture, as people outside know us.
    pub fn address(&self, name: &PictureName) -> String {
        format!("{}{PATH}{name}", self.origin)
    }

    /// Says what is wrong with an address as far as that can be told from its text.
    pub fn judge(&self, url: &str) -> Result<(), Refused> {
        if self.own(url).is_ok_and(|name| name.is_some()) { Ok(()) } else { self.outbound.target(url).map(drop) }
    }

    /// A copy of our own of the picture at this address, made for the purpose.
    ///
    /// An address of a picture that we show is read from where pictures are kept; any other is fetched. The same address
    /// is fetched once for all who ask for it at the same moment.
    pub async fn obtain(&self, url: &str, purpose: Purpose) -> Result<Picture, PictureFault> {
        self.arrivals.one(url, purpose, self.obtained(url, purpose)).await
    }

    async fn obtained(&self, url: &str, purpose: Purpose) -> Result<Picture, PictureFault> {
        let bytes = if let Some(name) = self.own(url)? {
            self.read(&name).await.map_err(|_| PictureFault::Away)?.ok_or_else(unknown)?
        } else {
            let _place = self.fetching.acquire().await.map_err(|_| PictureFault::Swamped)?;
            fetch::fetch(&self.outbound, url).await?
        };
        let photo = self.remake(bytes, purpose).await?;
        let (width, height) = (photo.width, photo.height);
        let name = self.keep(photo).await.map_err(|_| PictureFault::Away)?;
        Ok(Picture { url: url.to_owned(), name, width, height })
    }

    /// A picture for the purpose, made anew from what somebody gave.
    pub async fn remake(&self, bytes: Bytes, purpose: Purpose) -> Result<Photo, PictureFault> {
        Ok(self.photos.work(move || photo::remake(&bytes, purpose)).await??)
    }

    /// Keeps a picture that we made, for good.
    pub async fn keep(&self, photo: Photo) -> Result<PictureName, Away> {
        let name = PictureName::of(&photo.bytes, photo.format);
        let bytes = Bytes::from(photo.bytes);
        self.shelf.put(&name, bytes.clone()).await.inspect_err(|error| {
            tracing::warn!(%error, picture = %name, "a picture could not be kept");
        })?;
        self.recent.insert(name.clone(), bytes);
        Ok(name)
    }

    /// The picture's bytes, if there is such a picture.
    pub async fn read(&self, name: &PictureName) -> Result<Option<Bytes>, Away> {
        if let Some(bytes) = self.recent.get(name) {
            return Ok(Some(bytes));
        }
        let found = self.shelf.get(name).await.inspect_err(|error| {
            tracing::warn!(%error, picture = %name, "a picture could not be read");
        })?;
        if let Some(bytes) = &found {
            self.recent.insert(name.clone(), bytes.clone());
        }
        Ok(found)
    }

    /// The name of the picture that this address shows, if it is an address of ours.
    fn own(&self, url: &str) -> Result<Option<PictureName>, PictureFault> {
        let Ok(parsed) = Url::parse(url) else { return Ok(None) };
        let is_ours = parsed.host_str().is_some_and(|host| self.hosts.is_served(host));
        match parsed.path().strip_prefix(PATH) {
            Some(name) if is_ours => PictureName::parse(name).map(Some).map_err(|_| unknown()),
            _ => Ok(None),
        }
    }
}

fn unknown() -> PictureFault {
    PictureFault::refused("Must be a picture that was uploaded; there is none of this name")
}
