//! What subscriptions keep secret, sealed: the secrets that sign, and the headers of their own, which carry passwords.
//!
//! The database has them as bytes that only this key opens, so that a copy of it (a backup, a replica, somebody's laptop)
//! signs nothing. XChaCha20-Poly1305: its nonce is long enough to be drawn at random without counting, and whatever was
//! changed does not open. The subscription's id is sealed in with them, so that one subscription's secrets cannot be put in
//! the place of another's. A byte in front says how it was done, for the day on which it is done otherwise.
//!
//! The key is `secrets.key` of the settings, or else a file in the data folder that the first start makes. A lost or
//! mistaken key would only come to light when something has to be signed, so the database keeps a sealed word that every
//! start opens ([`Vault::of`]): with another key the server does not start. A key file that was made for nothing is taken
//! away again then, as it would look like the right one.
//!
//! Rejected: a key in the database, which protects from nobody who has it; the installation's own secret, which is there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use mask_core::{
    id::{LetterId, WebhookId},
    time::Time,
    webhook::{MOST_EARLIER_SECRETS, OLD_SECRET_SIGNS},
};
use mask_store::Store;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    clock,
    config::{Config, SecretKey},
};

/// How what is sealed now is sealed.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;

/// The name of the sealed word in the database.
const CHECK: &str = "secrets_check";
const CHECK_WORD: &[u8] = b"mask";
/// What answers are sealed about.
const ANSWER: &str = "answer";

/// What a subscription keeps secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The secret that signs.
    pub current: String,
    /// Those before it, the newest first, and until when each signs too.
    pub earlier: Vec<(String, Time)>,
    /// Headers of the subscription's own: names and values.
    pub headers: Vec<(String, String)>,
}

impl Secrets {
    /// One that signs, and headers.
    pub const fn new(current: String, headers: Vec<(String, String)>) -> Self {
        Self { current, earlier: Vec::new(), headers }
    }

    /// Those before that still sign, the newest first, and until when.
    pub fn earlier_at(&self, now: Time) -> impl Iterator<Item = (&str, Time)> {
        let signing = self.earlier.iter().filter(move |(_, until)| now < *until);
        signing.map(|(secret, until)| (secret.as_str(), *until))
    }

    /// The same with a new secret at their head; the one that was there signs on for a while, as do those before it. There is
    /// none where the new one is at their head already: it would be its own successor, and the others would go on too long.
    pub fn rotated(&self, new: String, now: Time) -> Option<Self> {
        if new == self.current {
            return None;
        }
        let before = std::iter::once((self.current.as_str(), now.after(OLD_SECRET_SIGNS)));
        let earlier =
            before.chain(self.earlier_at(now)).filter(|(secret, _)| *secret != new).take(MOST_EARLIER_SECRETS);
        let earlier = earlier.map(|(secret, until)| (secret.to_owned(), until)).collect();
        Some(Self { current: new, earlier, headers: self.headers.clone() })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.current.zeroize();
        self.earlier.iter_mut().for_each(|(secret, _)| secret.zeroize());
        self.headers.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

/// [`Secrets`] as they lie within the seal. `previous` is the newest of the earlier ones, and the only one that older programs
/// wrote and know of; the others are beside it.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    current: std::borrow::Cow<'a, str>,
    previous: Option<(std::borrow::Cow<'a, str>, i64)>,
    #[serde(default)]
    earlier: Vec<(std::borrow::Cow<'a, str>, i64)>,
    headers: std::borrow::Cow<'a, [(String, String)]>,
}

/// Why there is no vault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of the key.
    #[error("the key file {}: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Somebody else could have read it.
    #[error("the key file {} can be read by others than its owner (mode {mode:03o}): chmod 600 it", file.display())]
    Open {
        /// Which.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is something else in it.
    #[error("the key file {} does not hold a key (base64 of 32 bytes): put the right one back", file.display())]
    NoKey {
        /// Which.
        file: PathBuf,
    },
    /// The database's secrets are not this key's.
    #[error(
        "the secrets in the database were sealed with another key than {origin}: put that key back. Where it is lost, see \
         docs/operate.md"
    )]
    OtherKey {
        /// Where this key is from.
        origin: Origin,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] mask_store::Error),
}

/// The sealed bytes are not what this key sealed for this subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed does not open with the key of this server")]
pub struct Unopened;

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The settings.
    Setting,
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Setting => f.write_str("the one of secrets.key"),
            Self::File(file) => write!(f, "the one in {}", file.display()),
        }
    }
}

impl Origin {
    /// Where the settings say that it comes from.
    pub fn of(config: &Config) -> Self {
        match config.secrets.key {
            Some(_) => Self::Setting,
            None => Self::File(file_of(config)),
        }
    }

    /// Whether there is a key, and it is one; makes none.
    pub fn look(&self) -> Result<bool, Error> {
        match self {
            Self::Setting => Ok(true),
            Self::File(file) => Ok(read(file)?.is_some()),
        }
    }
}

/// Seals and opens: it has the key.
#[derive(Clone)]
pub struct Vault(XChaCha20Poly1305);

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(***)")
    }
}

impl Vault {
    /// The vault of this installation. Makes its key file on the first start; fails when the key is not the database's.
    pub async fn of(config: &Config, store: &Store) -> Result<Self, Error> {
        let origin = Origin::of(config);
        let (key, is_new) = match &config.secrets.key {
            Some(key) => (key.clone(), false),
            None => read_or_make(&file_of(config))?,
        };
        let vault = Self::with(key.reveal());
        let kept = store.installation_secret(CHECK, vault.close_bytes(CHECK, CHECK_WORD)).await?;
        if vault.open_bytes(CHECK, &kept).is_ok_and(|word| *word == CHECK_WORD) {
            return Ok(vault);
        }
        if let (Origin::File(file), true) = (&origin, is_new) {
            fs::remove_file(file).map_err(|source| Error::File { file: file.clone(), source })?;
        }
        Err(Error::OtherKey { origin })
    }

    /// The vault with this key.
    pub fn with(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals the secrets of a subscription.
    pub fn seal(&self, webhook: WebhookId, secrets: &Secrets) -> Vec<u8> {
        let mut earlier = secrets.earlier.iter().map(|(secret, until)| (secret.as_str().into(), until.unix_millis()));
        let stored = Stored {
            current: secrets.current.as_str().into(),
            previous: earlier.next(),
            earlier: earlier.collect(),
            headers: secrets.headers.as_slice().into(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&stored).expect("strings and numbers always have JSON"));
        self.close_bytes(&webhook.to_string(), &plain)
    }

    /// Opens the secrets of a subscription.
    pub fn open(&self, webhook: WebhookId, sealed: &[u8]) -> Result<Secrets, Unopened> {
        let plain = self.open_bytes(&webhook.to_string(), sealed)?;
        let stored: Stored<'_> = serde_json::from_slice(&plain).map_err(|_| Unopened)?;
        let earlier = stored.previous.into_iter().chain(stored.earlier);
        Ok(Secrets {
            current: stored.current.into_owned(),
            earlier: earlier.map(|(secret, until)| (secret.into_owned(), Time::from_unix_millis(until))).collect(),
            headers: stored.headers.into_owned(),
        })
    }

    /// Seals an answer that holds a secret, while it is kept for a repeated request.
    pub fn seal_answer(&self, body: &[u8]) -> Vec<u8> {
        self.close_bytes(ANSWER, body)
    }

    /// Opens such an answer.
    pub fn open_answer(&self, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        self.open_bytes(ANSWER, sealed).map(|body| body.to_vec())
    }

    /// Seals what a letter says while it waits: there are links in it that open something.
    pub fn seal_letter(&self, letter: LetterId, content: &[u8]) -> Vec<u8> {
        self.close_bytes(&letter.to_string(), content)
    }

    /// Opens what a letter says.
    pub fn open_letter(&self, letter: LetterId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        self.open_bytes(&letter.to_string(), sealed)
    }

    /// Seals whatever else is kept, about what is named: it opens for nothing else.
    pub fn seal_about(&self, about: &str, plain: &[u8]) -> Vec<u8> {
        self.close_bytes(about, plain)
    }

    /// Opens what was sealed about this.
    pub fn open_about(&self, about: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        self.open_bytes(about, sealed)
    }

    fn close_bytes(&self, about: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&clock::secret()[..NONCE_BYTES]);
        let payload = Payload { msg: plain, aad: about.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("what is sealed here is far below 256 GiB");
        [&[FORM][..], &nonce, &sealed].concat()
    }

    fn open_bytes(&self, about: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let [FORM, rest @ ..] = sealed else { return Err(Unopened) };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
        let payload = Payload { msg: sealed, aad: about.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| Unopened)
    }
}

/// Where the key lies that is not in the settings.
fn file_of(config: &Config) -> PathBuf {
    config.storage.data_dir.join("secret.key")
}

/// The key, and whether it was made just now.
fn read_or_make(file: &Path) -> Result<(SecretKey, bool), Error> {
    if let Some(key) = read(file)? {
        return Ok((key, false));
    }
    let key = Zeroizing::new(clock::secret());
    let is_new = make(file, &key).map_err(|source| Error::File { file: file.to_owned(), source })?;
    // Another process was faster, or else it is ours: either way it is what the file says.
    let key = read(file)?.ok_or_else(|| Error::NoKey { file: file.to_owned() })?;
    Ok((key, is_new))
}

fn read(file: &Path) -> Result<Option<SecretKey>, Error> {
    let failed = |source| Error::File { file: file.to_owned(), source };
    let about = match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about.map_err(failed)?,
    };
    let mode = about.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Open { file: file.to_owned(), mode });
    }
    let text = Zeroizing::new(fs::read(file).map_err(failed)?);
    let key = std::str::from_utf8(&text).ok().and_then(SecretKey::parse);
    key.map(Some).ok_or_else(|| Error::NoKey { file: file.to_owned() })
}

/// Writes a key where none is. It is written under another name first: what has the right name is always whole, also when
/// the power goes in between, and of two processes one is refused.
fn make(file: &Path, key: &[u8; 32]) -> io::Result<bool> {
    let draft = file.with_extension(format!("{:016x}", fastrand::u64(..)));
    let text = Zeroizing::new(STANDARD.encode(key) + "\n");
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let made =
        written.write_all(text.as_bytes()).and_then(|()| written.sync_all()).and_then(|()| {
            match fs::hard_link(&draft, file) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                linked => linked.map(|()| true),
            }
        });
    fs::remove_file(&draft)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    made
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, time::Duration};

    use super::*;

    const NOW: Time = Time::from_unix_millis(1_700_000_000_000);
    const EARLIER: Time = Time::from_unix_millis(1_699_999_999_999);

    fn secrets() -> Secrets {
        Secrets {
            current: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            earlier: vec![("0123456789abcdef".to_owned(), NOW), ("fedcba9876543210".to_owned(), EARLIER)],
            headers: vec![("Authorization".to_owned(), "Bearer \"x\"".to_owned())],
        }
    }

    fn id(bits: u128) -> WebhookId {
        WebhookId::from_bits(bits)
    }

    #[test]
    fn what_was_sealed_opens_for_its_subscription_alone() {
        let vault = Vault::with(&[7; 32]);
        let sealed = vault.seal(id(1), &secrets());
        assert_eq!(vault.open(id(1), &sealed), Ok(secrets()));
        assert_eq!(vault.open(id(2), &sealed), Err(Unopened));
        assert_eq!(Vault::with(&[8; 32]).open(id(1), &sealed), Err(Unopened));
        assert_ne!(vault.seal(id(1), &secrets()), sealed, "each time with another nonce");
        let shown = String::from_utf8_lossy(&sealed);
        assert!(!shown.contains("whsec") && !shown.contains("Bearer"));
        assert_eq!(format!("{:?} {vault:?}", secrets()), "Secrets(***) Vault(***)");
    }

    #[test]
    fn what_earlier_programs_sealed_opens() {
        let vault = Vault::with(&[7; 32]);
        let open = |plain: &str| vault.open(id(1), &vault.seal_about(&id(1).to_string(), plain.as_bytes()));
        let one = open(r#"{"current":"0123456789abcdef","previous":["fedcba9876543210",1700000000000],"headers":[]}"#);
        let mut expected = Secrets::new("0123456789abcdef".to_owned(), Vec::new());
        expected.earlier.push(("fedcba9876543210".to_owned(), NOW));
        assert_eq!(one, Ok(expected));
        let none = open(r#"{"current":"0123456789abcdef","previous":null,"headers":[["x-a","1"]]}"#);
        let headers = vec![("x-a".to_owned(), "1".to_owned())];
        assert_eq!(none, Ok(Secrets::new("0123456789abcdef".to_owned(), headers)));
    }

    #[test]
    fn secrets_take_turns() {
        let later = |hours: u64| NOW.after(Duration::from_hours(hours));
        let signing = |secrets: &Secrets, now| {
            secrets.earlier_at(now).map(|(secret, until)| (secret.to_owned(), until)).collect::<Vec<_>>()
        };
        let secret = |n: u64| format!("secret-number-{n:02}");
        let first = Secrets::new(secret(0), vec![("x-a".to_owned(), "1".to_owned())]);
        assert_eq!(first.rotated(secret(0), NOW), None, "nothing is changed");
        let second = first.rotated(secret(1), NOW).expect("another");
        let third = second.rotated(secret(2), later(1)).expect("another");
        assert_eq!((third.current.as_str(), &third.headers), (secret(2).as_str(), &first.headers));
        assert_eq!(signing(&third, later(1)), [(secret(1), later(25)), (secret(0), later(24))]);
        assert_eq!(signing(&third, later(24)), [(secret(1), later(25))], "each has an end of its own");
        let back = third.rotated(secret(0), later(2)).expect("another");
        assert_eq!(signing(&back, later(2)), [(secret(2), later(26)), (secret(1), later(25))], "none is there twice");
        let many = (3..20).fold(third, |secrets, n| secrets.rotated(secret(n), later(3)).expect("another"));
        let kept: Vec<_> = signing(&many, later(3)).into_iter().map(|(secret, _)| secret).collect();
        assert_eq!(kept, [18, 17, 16, 15, 14].map(secret), "there is an end to them");
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let vault = Vault::with(&[7; 32]);
        let sealed = vault.seal(id(1), &secrets());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(vault.open(id(1), &changed), Err(Unopened), "{place}");
            assert_eq!(vault.open(id(1), &sealed[..place]), Err(Unopened), "{place}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        assert!(!Origin::File(file.clone()).look().expect("a look"), "looking makes nothing");
        let (key, is_new) = read_or_make(&file).expect("a key");
        assert!(is_new);
        assert_eq!(read_or_make(&file).expect("a key"), (key.clone(), false));
        assert!(!make(&file, &[9; 32]).expect("somebody was faster"));
        assert_eq!(read(&file).expect("a key"), Some(key));
        assert_eq!(fs::metadata(&file).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_file_that_is_none_or_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        for text in ["", "short", "AAAA", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            fs::write(&file, text).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
            assert!(matches!(read_or_make(&file), Err(Error::NoKey { .. })), "{text:?}");
        }
        fs::write(&file, STANDARD.encode([1; 32])).expect("written");
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
            let error = read_or_make(&file).expect_err("others can read it").to_string();
            assert!(error.contains(&format!("{mode:03o}")) && error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).expect("set");
        assert_eq!(read_or_make(&file).expect("a key").0.reveal(), &[1; 32]);
    }

    async fn vault_in(folder: &Path, flags: &[(&str, String)]) -> Result<Vault, Error> {
        let mut all = vec![("storage.data_dir", folder.display().to_string())];
        all.extend_from_slice(flags);
        let config = Config::load(None, [], &all).expect("settings");
        let store = crate::setup::open_store(&config).expect("a store");
        Vault::of(&config, &store).await
    }

    #[tokio::test]
    async fn another_key_than_the_databases_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        let sealed = vault_in(folder.path(), &[]).await.expect("a new key").seal(id(1), &secrets());
        let again = vault_in(folder.path(), &[]).await.expect("the same key");
        assert_eq!(again.open(id(1), &sealed), Ok(secrets()));

        let kept = fs::read_to_string(&file).expect("a key");
        let set = |key: &str| vec![("secrets.key", key.to_owned())];
        let same = vault_in(folder.path(), &set(kept.trim())).await.expect("the same key");
        assert_eq!(same.open(id(1), &sealed), Ok(secrets()));
        let other =
            vault_in(folder.path(), &set(&STANDARD.encode([1; 32]))).await.expect_err("another key").to_string();
        assert!(other.contains("secrets.key") && !other.contains(&STANDARD.encode([1; 32])), "{other}");

        fs::remove_file(&file).expect("lost");
        let lost = vault_in(folder.path(), &[]).await.expect_err("another key").to_string();
        assert!(lost.contains("secret.key"), "{lost}");
        assert!(!file.exists(), "no key lies where the right one belongs");
    }
}
