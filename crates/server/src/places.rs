//! Where an address is: the country, and where the database tells them the region and the city.
//!
//! The database is a file in the MaxMind DB format, of whoever makes one: MaxMind, DB-IP, IPinfo, or this program out of
//! lists that are free to have ([`build`]). It is read into memory, where it costs what it has bytes; the file may be
//! replaced at any moment, and a task that looks at it every minute puts the new one in the place of the old. A new file
//! that cannot be read is logged, and the old one stays.
//!
//! **What must stay true.** Where nothing is known the place is unknown: no database, an address that is not in it, an
//! address of a private network. There is no guess. The address is used here and kept nowhere. A look-up allocates nothing
//! and waits for nobody, as it is a part of each redirect: 0.12 µs in the world's countries.
//!
//! Rejected: mapping the file into memory. Whoever overwrites it in place would kill the process, and it saves what a
//! country database needs: a few megabytes.

pub mod build;
pub mod mmdb;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use mask_core::{country::Country, time::Time};
use maxminddb::{LookupResult, PathElement, Reader};
use tokio_util::sync::CancellationToken;

/// How often the file is looked at.
const LOOKING: Duration = Duration::from_mins(1);

/// How many records of a database are looked at to learn where it keeps what.
const SAMPLE: usize = 2000;

/// Where a visitor is, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The country.
    pub country: Option<Country>,
    /// The largest part of the country, by its English name.
    pub region: Name,
    /// The city, by its English name.
    pub city: Name,
}

impl Place {
    /// The place that a proxy's word on the country leaves of this one: a city in another country is none.
    #[must_use]
    pub fn in_country(self, country: Country) -> Self {
        if self.country == Some(country) { self } else { Self { country: Some(country), ..Self::default() } }
    }
}

/// A name of at most [`Name::BYTES`] bytes, empty where there is none. Held in place: a redirect must not allocate for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; Self::BYTES],
    length: u8,
}

impl Name {
    /// The longest name.
    pub const BYTES: usize = 63;

    /// The name, cut to what fits.
    pub fn new(text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(Self::BYTES)];
        let mut bytes = [0; Self::BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { bytes, length: u8::try_from(text.len()).unwrap_or(0) }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Default for Name {
    fn default() -> Self {
        Self { bytes: [0; Self::BYTES], length: 0 }
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Why a file is no database of places.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unread(#[from] io::Error),
    /// It has another format.
    #[error("it is no database in the MaxMind DB format: {0}")]
    Format(#[from] maxminddb::MaxMindDbError),
    /// It is about something else.
    #[error("it tells no countries; it calls itself {0}")]
    NoCountries(String),
}

type Steps = &'static [PathElement<'static>];

const COUNTRIES: [Steps; 2] =
    [&[PathElement::Key("country"), PathElement::Key("iso_code")], &[PathElement::Key("country_code")]];
const REGIONS: [Steps; 3] = [
    &[PathElement::Key("subdivisions"), PathElement::Index(0), PathElement::Key("names"), PathElement::Key("en")],
    &[PathElement::Key("region")],
    &[PathElement::Key("state1")],
];
const CITIES: [Steps; 2] =
    [&[PathElement::Key("city"), PathElement::Key("names"), PathElement::Key("en")], &[PathElement::Key("city")]];

/// A database of places.
pub struct Database {
    reader: Reader<Vec<u8>>,
    bytes: usize,
    /// Of databases that tell more than countries: to read three texts takes longer than to find the record.
    lately: Option<Lately>,
    // Databases keep the same things in different places of their records.
    country: Steps,
    region: Option<Steps>,
    city: Option<Steps>,
}

/// What there is to say of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What it calls itself.
    pub kind: String,
    /// The day on which it was made, in UTC: `2026-06-25`.
    pub day: String,
    /// What it takes of the memory.
    pub bytes: usize,
    /// The most it tells: `countries`, `regions` or `cities`.
    pub tells: &'static str,
}

impl Database {
    /// Reads a file. Blocks.
    pub fn open(file: &Path) -> Result<Self, Unusable> {
        Self::of(fs::read(file)?)
    }

    /// Reads a file's bytes.
    pub fn of(bytes: Vec<u8>) -> Result<Self, Unusable> {
        let length = bytes.len();
        let reader = Reader::from_source(bytes)?;
        let (mut country, mut region, mut city) = (None, None, None);
        for found in reader.networks(maxminddb::WithinOptions::default())?.take(SAMPLE) {
            let found = found?;
            let says = |steps: &Steps| matches!(found.decode_path::<&str>(steps), Ok(Some(_)));
            country = country.or_else(|| COUNTRIES.into_iter().find(says));
            region = region.or_else(|| REGIONS.into_iter().find(says));
            city = city.or_else(|| CITIES.into_iter().find(says));
            if country.is_some() && region.is_some() && city.is_some() {
                break;
            }
        }
        let Some(country) = country else { return Err(Unusable::NoCountries(reader.metadata().database_type.clone())) };
        let lately = (region.is_some() || city.is_some()).then(Lately::new);
        Ok(Self { reader, bytes: length, lately, country, region, city })
    }

    /// Where an address is.
    pub fn place(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        if !is_in_the_world(address) {
            return Place::default();
        }
        // A file that is damaged somewhere within, or one of IPv4 alone that is asked for IPv6: unknown.
        let Ok(found) = self.reader.lookup(address) else { return Place::default() };
        match (&self.lately, found.offset()) {
            (_, None) => Place::default(),
            (None, Some(_)) => self.read(&found),
            (Some(lately), Some(record)) => lately.get(record, || self.read(&found)),
        }
    }

    fn read(&self, found: &LookupResult<'_, Vec<u8>>) -> Place {
        let text = |steps: Steps| found.decode_path::<&str>(steps).ok().flatten();
        let name = |steps: Option<Steps>| steps.and_then(text).map_or_else(Name::default, Name::new);
        Place {
            country: text(self.country).and_then(|code| Country::parse(code.as_bytes())),
            region: name(self.region),
            city: name(self.city),
        }
    }

    /// What there is to say of it.
    pub fn about(&self) -> About {
        let about = self.reader.metadata();
        let millis = i64::try_from(about.build_epoch).unwrap_or(0).saturating_mul(1000);
        let day = Time::from_unix_millis(millis).to_string().chars().take(10).collect();
        let tells = match (self.region, self.city) {
            (_, Some(_)) => "cities",
            (Some(_), None) => "regions",
            (None, None) => "countries",
        };
        About { kind: about.database_type.clone(), day, bytes: self.bytes, tells }
    }
}

/// The places of records that were asked for lately. Most visitors come from few cities. Nobody waits for a slot: whoever
/// finds it taken reads the record.
struct Lately(Box<[Slot]>);

/// A record and its place.
type Slot = Mutex<Option<(usize, Place)>>;

impl Lately {
    const SLOTS: usize = 1024;

    fn new() -> Self {
        Self((0..Self::SLOTS).map(|_| Mutex::new(None)).collect())
    }

    fn get(&self, record: usize, read: impl FnOnce() -> Place) -> Place {
        // Records lie a few dozen bytes apart; a multiplication spreads them over the slots.
        let spread = record.wrapping_mul(0x9e37_79b9).rotate_right(16);
        let slot = self.0.get(spread % Self::SLOTS).and_then(|slot| slot.try_lock().ok());
        let Some(mut slot) = slot else { return read() };
        match *slot {
            Some((known, place)) if known == record => place,
            _ => slot.insert((record, read())).1,
        }
    }
}

/// Whether an address could be anywhere: not one of a network that everybody may have at home.
pub(crate) fn is_in_the_world(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let is_shared = |address: Ipv4Addr| matches!(address.octets(), [100, 64..128, ..]);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || is_shared(address))
        }
        IpAddr::V6(address) => {
            let is_local = |address: Ipv6Addr| address.is_unique_local() || address.is_unicast_link_local();
            !(is_local(address) || address.is_loopback() || address.is_unspecified() || address.is_multicast())
        }
    }
}

/// The database of a running server, and the file that it comes from.
pub struct Places {
    file: PathBuf,
    current: ArcSwapOption<Database>,
    /// The file as it was last looked at; `None` before the first look.
    seen: Mutex<Option<Seen>>,
}

/// What tells one file from the next under the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Missing,
    File { inode: u64, bytes: u64, seconds: i64, nanoseconds: i64 },
}

impl Seen {
    fn look(file: &Path) -> Self {
        fs::metadata(file).map_or(Self::Missing, |about| Self::File {
            inode: about.ino(),
            bytes: about.len(),
            seconds: about.mtime(),
            nanoseconds: about.mtime_nsec(),
        })
    }
}

impl Places {
    /// Places by this file, which is not read before the first [`refresh`](Self::refresh).
    pub fn by(file: PathBuf) -> Arc<Self> {
        Arc::new(Self { file, current: ArcSwapOption::empty(), seen: Mutex::new(None) })
    }

    /// Where an address is.
    pub fn at(&self, address: IpAddr) -> Place {
        self.current.load().as_ref().map_or_else(Place::default, |database| database.place(address))
    }

    /// Reads the file if it is another than at the last look. Blocks.
    pub fn refresh(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Seen::look(&self.file);
        if seen.as_ref() == Some(&now) {
            return;
        }
        let is_missing = now == Seen::Missing;
        *seen = Some(now);
        let file = self.file.display();
        if is_missing {
            let stays = self.current.load().is_some();
            tracing::warn!(
                %file,
                "{}",
                if stays { "the database of places is gone; what was read of it stays in use" } else { MISSING }
            );
            return;
        }
        match Database::open(&self.file) {
            Ok(database) => {
                let About { kind, day, bytes, tells } = database.about();
                tracing::info!(%file, kind, of = day, bytes, "{tells} are known by this database of places");
                self.current.store(Some(Arc::new(database)));
            }
            Err(error) => {
                let stays = if self.current.load().is_some() { "; the one before it stays in use" } else { "" };
                tracing::error!(%file, "the database of places cannot be used{stays}: {error}");
            }
        }
    }

    /// Looks at the file every minute, until stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOKING) => {}
            }
            let places = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || places.refresh()).await.is_err() {
                tracing::error!("looking at the database of places ended in a panic");
            }
        }
    }
}

/// What to do where there is no database.
pub const MISSING: &str =
    "countries are unknown, as there is no database of places: `mask help places build` tells how to make one";

#[cfg(test)]
#[path = "places/tests.rs"]
mod tests;
