//! The settings that can hold a secret, and how they are shown.
//!
//! A text whose password cannot be told apart for sure is hidden whole: to show too little costs a look into the file, to
//! show too much puts a password into a log.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::Url;
use zeroize::Zeroizing;

const HIDDEN: &str = "***";

/// Where the database is. `Debug` and `Display` hide the password; only [`DatabaseUrl::reveal`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Empty, or of a scheme we speak with something behind it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        let has_place = |scheme| (text.strip_prefix(scheme)).is_some_and(|place| !place.is_empty());
        (text.is_empty() || known.into_iter().any(has_place)).then(|| Self(text.to_owned()))
    }

    /// The whole URL with its password, for the connection alone. Empty means SQLite in the data folder.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it leads to PostgreSQL; otherwise to SQLite.
    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hide(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// A key of 32 bytes. `Debug` hides it; only [`SecretKey::reveal`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// Reads base64, with white space around it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let key = <&[u8; 32]>::try_from(bytes.as_slice()).ok()?;
        Some(Self(Zeroizing::new(*key)))
    }

    /// The key's bytes, for the cipher alone.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({HIDDEN})")
    }
}

/// A word that nobody is shown. `Debug` hides it; only [`SecretText::reveal`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// One of this text.
    pub(super) fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, for whoever is to be shown it alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({HIDDEN})")
    }
}

/// Settings that are secrets as a whole.
const SECRETS: &[&str] = &["secrets.key", "pictures.secret_access_key", "acme.eab_hmac_key"];

/// A setting's value as it is shown.
pub(super) fn shown(key: &str, value: &str) -> String {
    if SECRETS.contains(&key) && !value.is_empty() { HIDDEN.to_owned() } else { hide(value) }
}

/// The text with the password of a URL hidden, in its authority or its query. Paths and all that is no URL stay as they are.
pub(super) fn hide(text: &str) -> String {
    let scheme = match text.split_once("://") {
        Some((scheme, _)) if scheme != "sqlite" => scheme,
        _ => return text.to_owned(),
    };
    let Ok(mut url) = Url::parse(text) else {
        return format!("{scheme}://{HIDDEN}");
    };
    if url.password().is_none() && url.query().is_none() && url.fragment().is_none() {
        return text.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return format!("{scheme}://{HIDDEN}");
    }
    hide_in_query(&mut url);
    url.set_fragment(None);
    url.into()
}

fn hide_in_query(url: &mut Url) {
    let shown: Vec<(String, String)> = (url.query_pairs())
        .map(|(name, value)| {
            let secret = name.to_ascii_lowercase().contains("pass");
            let value = if secret { HIDDEN.into() } else { value };
            (name.into_owned(), value.into_owned())
        })
        .collect();
    url.set_query(None);
    if !shown.is_empty() {
        url.query_pairs_mut().extend_pairs(shown);
    }
}
