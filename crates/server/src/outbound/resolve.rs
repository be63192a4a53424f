//! What addresses a name has.
//!
//! A resolver only answers; what may be dialled is decided by the guard, which looks at every address that is returned. So a
//! resolver of one's own needs no care of its own.
//!
//! The system's resolver blocks its thread, for many seconds where a name's server does not answer, and cannot be called off.
//! So look-ups have threads of their own: neither other work that blocks nor the end of a runtime waits for them. Whoever
//! asked has given up long before; the place among [`LOOKUPS_AT_ONCE`] stays taken until the system has.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    thread,
};

use tokio::sync::{Semaphore, oneshot};

/// The answer to come: every address of the name, in the order in which they should be tried.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Tells the addresses of names.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Every address of a name that is in lower case, in ASCII and without a dot at its end.
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a>;
}

/// Look-ups at one time: enough that names which nobody serves leave places for the others.
const LOOKUPS_AT_ONCE: usize = 512;
/// More than any module of a name service is known to need.
const STACK_BYTES: usize = 512 * 1024;

/// The system's resolver, with its hosts file and its order of IPv6 and IPv4.
#[derive(Debug)]
pub struct System {
    places: Arc<Semaphore>,
}

impl Default for System {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)) }
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
            let (tell, told) = oneshot::channel();
            let name = name.to_owned();
            let look_up = move || {
                let addresses = look_up(&name);
                drop(place);
                // Whoever asked may have given up.
                tell.send(addresses).unwrap_or_default();
            };
            thread::Builder::new().name("mask-lookup".to_owned()).stack_size(STACK_BYTES).spawn(look_up)?;
            told.await.map_err(io::Error::other)?
        })
    }
}

fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_knows_its_own_name_and_no_nonsense() {
        let system = System::default();
        let addresses = system.resolve("localhost").await.expect("every machine knows itself");
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
        assert!(system.resolve("no_such_name.invalid").await.is_err());
        assert_eq!(system.places.available_permits(), LOOKUPS_AT_ONCE);
    }
}
