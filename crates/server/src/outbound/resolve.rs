//! What addresses a name has.
//!
//! A resolver only answers; what may be dialled is decided by the guard, which looks at every address that is returned. So a
//! resolver of one's own needs no care of its own.
//!
//! The system's resolver blocks its thread, for many seconds where a name's server does not answer, and cannot be called off.
//! So look-ups have threads of their own: neither other work that blocks nor the end of a runtime waits for them. Whoever
//! asked has given up long before; the place among [`LOOKUPS_AT_ONCE`] stays taken until the system has.
//!
//! Nobody may take all places from the others. Whoever asks for a name that is being looked up shares that look-up and its
//! answer, so that a name whose server is silent holds one place, however often it is tried; and there are more places than
//! one workspace can fill with different names. An answer is not kept: the next connection asks anew, as the operator of the
//! name's server wants it, and the guard judges each time what comes. Rejected: places by workspace, of which a resolver
//! would have to know; and a resolver of our own, which would not know the machine's hosts file and search list.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    io,
    net::{IpAddr, ToSocketAddrs},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The answer to come: every address of the name, in the order in which they should be tried.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Tells the addresses of names.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Every address of a name that is in lower case, in ASCII and without a dot at its end.
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a>;
}

/// Look-ups at one time. A workspace has 256 attempts at once, which give up after five seconds; the system does so after
/// thirty (three servers, two tries of five seconds). It can fill six times 256 places, and this is more.
const LOOKUPS_AT_ONCE: usize = 2048;
/// More than any module of a name service is known to need.
const STACK_BYTES: usize = 512 * 1024;

/// What a look-up found; nothing while it runs. Many share it, and errors cannot be copied, so of one its text is kept.
type Found = Option<Result<Vec<IpAddr>, (io::ErrorKind, String)>>;

/// The system's resolver, with its hosts file and its order of IPv6 and IPv4.
#[derive(Debug)]
pub struct System {
    places: Arc<Semaphore>,
    running: Arc<Mutex<HashMap<String, watch::Receiver<Found>>>>,
    look_up: fn(&str) -> io::Result<Vec<IpAddr>>,
}

impl Default for System {
    fn default() -> Self {
        Self::with(look_up)
    }
}

impl System {
    fn with(look_up: fn(&str) -> io::Result<Vec<IpAddr>>) -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)), running: Arc::default(), look_up }
    }

    /// The look-up of this name: the one that runs, or a new one.
    async fn shared(&self, name: &str) -> io::Result<watch::Receiver<Found>> {
        if let Some(found) = locked(&self.running).get(name) {
            return Ok(found.clone());
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let mut running = locked(&self.running);
        // Somebody else may have had a place before.
        if let Some(found) = running.get(name) {
            return Ok(found.clone());
        }
        let found = self.start(name, place)?;
        running.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn start(&self, name: &str, place: OwnedSemaphorePermit) -> io::Result<watch::Receiver<Found>> {
        let (tell, found) = watch::channel(None);
        let (name, look_up, running) = (name.to_owned(), self.look_up, Arc::clone(&self.running));
        let work = move || {
            let addresses = look_up(&name).map_err(|error| (error.kind(), error.to_string()));
            // Whoever comes from here on asks anew.
            locked(&running).remove(&name);
            drop(place);
            tell.send_replace(Some(addresses));
        };
        thread::Builder::new().name("mask-lookup".to_owned()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(found)
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let mut found = self.shared(name).await?;
            let found = found.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
            found.unwrap_or_else(|| Ok(Vec::new())).map_err(|(kind, why)| io::Error::new(kind, why))
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{
            Condvar,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn the_system_knows_its_own_name_and_no_nonsense() {
        let system = System::default();
        let addresses = system.resolve("localhost").await.expect("every machine knows itself");
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
        assert!(system.resolve("no_such_name.invalid").await.is_err());
        assert_eq!(system.places.available_permits(), LOOKUPS_AT_ONCE);
        assert!(locked(&system.running).is_empty());
    }

    /// Whether the server of `silent.example` has spoken.
    static HAS_SPOKEN: Mutex<bool> = Mutex::new(false);
    static SPEAKS: Condvar = Condvar::new();
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn slow(name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "silent.example" {
            ASKED.fetch_add(1, Ordering::SeqCst);
            drop(SPEAKS.wait_while(locked(&HAS_SPOKEN), |has_spoken| !*has_spoken));
        }
        if name == "nobody.example" {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such name"));
        }
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }

    #[tokio::test]
    async fn a_silent_name_holds_one_place_however_often_it_is_tried() {
        let system = System::with(slow);
        let mut many = Box::pin(join_all((0..=LOOKUPS_AT_ONCE).map(|_| system.resolve("silent.example"))));
        assert!(futures_util::poll!(&mut many).is_pending());
        assert_eq!(system.places.available_permits(), LOOKUPS_AT_ONCE - 1);
        // Others are answered meanwhile, and so is who gave up and comes again.
        assert_eq!(system.resolve("other.example").await.expect("an answer"), [Ipv4Addr::LOCALHOST]);
        let failed = system.resolve("nobody.example").await.expect_err("no such name");
        assert_eq!((failed.kind(), failed.to_string().as_str()), (io::ErrorKind::NotFound, "no such name"));
        drop(many);
        let again = system.resolve("silent.example");
        *locked(&HAS_SPOKEN) = true;
        SPEAKS.notify_all();
        assert_eq!(again.await.expect("an answer"), [Ipv4Addr::LOCALHOST]);
        // What is over is asked anew.
        let before = ASKED.load(Ordering::SeqCst);
        assert_eq!(system.resolve("silent.example").await.expect("an answer").len(), 1);
        assert_eq!(ASKED.load(Ordering::SeqCst), before + 1);
        assert!(locked(&system.running).is_empty());
    }
}
