//! Passwords: Argon2id, away from the threads that answer requests, and only a few at a time.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHash,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use tokio::sync::Semaphore;

/// Hashes and checks passwords. Each takes some 20 ms and 19 MiB, so more at once than there are cores only costs memory.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
}

/// A password could not be hashed or checked: the system has no randomness or no threads left.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be worked on: {0}")]
pub struct Failed(String);

impl Passwords {
    /// At most this many at once.
    pub fn at_once(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.max(1))) }
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

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failed> {
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
}
