//! Passwords: Argon2id, away from the threads that answer requests, and only a few at a time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Argon2, PasswordHash,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes and checks passwords. Each takes some 20 ms and 19 MiB, so more at once than there are cores only costs memory.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    most: u32,
    worked: Arc<AtomicU64>,
}

/// The hash of a password that nobody knows, made as ours are: what is typed for an account that is not there is compared
/// with it, so that it takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBub2JvZHkgIQ$V2hvZXZlciByZWFkcyB0aGlzIGtub3dzIG5vdGhpbmc";

/// A password could not be hashed or checked: the system has no randomness or no threads left.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be worked on: {0}")]
pub struct Failed(String);

impl Passwords {
    /// At most this many at once.
    pub fn at_once(places: usize) -> Self {
        let most = u32::try_from(places.max(1)).unwrap_or(u32::MAX);
        Self { places: Arc::new(Semaphore::new(places.max(1))), most, worked: Arc::default() }
    }

    /// The password's hash, as a PHC string with a salt of its own.
    pub async fn hash(&self, password: String) -> Result<String, Failed> {
        self.work(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash: PasswordHash| hash.to_string())
                .map_err(|error| Failed(error.to_string()))
        })
        .await?
    }

    /// Whether this is the password with that hash. The comparison takes the same time wherever they differ.
    pub async fn verify(&self, password: String, hash: String) -> Result<bool, Failed> {
        self.work(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Failed(error.to_string()))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await?
    }

    /// Whether this is the password with that hash. Where there is none it is none, after as much work.
    pub async fn verify_if_any(&self, password: String, hash: Option<String>) -> Result<bool, Failed> {
        let is_any = hash.is_some();
        let is_right = self.verify(password, hash.unwrap_or_else(|| NOBODYS.to_owned())).await?;
        Ok(is_any && is_right)
    }

    /// How many were hashed or checked since the start.
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    /// Takes all places: whatever is asked for waits until what is returned is dropped.
    pub async fn hold(&self) -> Result<OwnedSemaphorePermit, Failed> {
        Arc::clone(&self.places).acquire_many_owned(self.most).await.map_err(|error| Failed(error.to_string()))
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failed> {
        self.worked.fetch_add(1, Ordering::Relaxed);
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| Failed(error.to_string()))?;
        // The work holds the place, so a caller that goes away does not let another in early.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| Failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_opens() {
        let passwords = Passwords::at_once(1);
        let hash = passwords.hash("correct horse".into()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse".into(), hash.clone()).await.expect("checked"));
        assert!(!passwords.verify("correct horsf".into(), hash.clone()).await.expect("checked"));
        assert_ne!(passwords.hash("correct horse".into()).await.expect("hashed"), hash);
    }

    #[tokio::test]
    async fn for_nobody_it_is_as_much_work() {
        let passwords = Passwords::at_once(1);
        let own = passwords.hash("correct horse".into()).await.expect("hashed");
        let (own, nobodys) = (PasswordHash::new(&own).expect("a hash"), PasswordHash::new(NOBODYS).expect("a hash"));
        assert_eq!((own.algorithm, own.version, &own.params), (nobodys.algorithm, nobodys.version, &nobodys.params));
        let lengths = |hash: &PasswordHash| hash.hash.as_ref().map(|output| output.as_bytes().len());
        assert_eq!(lengths(&own), lengths(&nobodys));
        assert!(!passwords.verify_if_any("correct horse".into(), None).await.expect("checked"));
        assert_eq!(passwords.worked(), 2);
    }
}
