//! What a setting may be. A rule takes a value as it was written and gives the typed one, or the end of a sentence that
//! begins with the setting's name: "must be …".
//!
//! A file has types and a variable has none, so a rule asks a [`Value`] for the shape it needs and a bare word becomes that
//! shape. The texts quote what was written where it helps, and only by [`quoted`]; the rules of URLs never do, for a URL may
//! hold a password.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::HeaderName;
use ipnet::IpNet;
use url::{Host, Url};

use super::secret::{DatabaseUrl, SecretKey, SecretText, hide};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A whole number of a file.
    Number(i64),
    /// Text of a file.
    Text(String),
    /// A list of texts of a file.
    List(Vec<String>),
    /// What a variable or a flag says; its type is the setting's.
    Word(String),
    /// What no setting is, by its name: a boolean, a table.
    Other(&'static str),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Word(_) => "text",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, or of a text in which commas separate them.
    fn as_list(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(items) => Some(items.iter().map(String::as_str).collect()),
            Self::Text(text) | Self::Word(text) => {
                Some((text.split(',').map(str::trim)).filter(|item| !item.is_empty()).collect())
            }
            _ => None,
        }
    }
}

/// As plain text, the same whether a file or a variable said it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) | Self::Word(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

pub(super) type Checked<T> = Result<T, String>;

/// What was written, in quotes; a URL that strayed here keeps its password to itself.
pub(super) fn quoted(written: &str) -> String {
    format!("\"{}\"", hide(written))
}

/// A text, or what it is instead.
pub(super) fn text(value: &Value) -> Checked<&str> {
    (value.as_text()).ok_or_else(|| format!("must be text, not {}", value.kind()))
}

/// Every item of a list, each by the same rule.
pub(super) fn each<T>(value: &Value, item: impl Fn(&str) -> Checked<T>) -> Checked<Vec<T>> {
    let items = value.as_list().ok_or_else(|| format!("must be text or a list of texts, not {}", value.kind()))?;
    items.into_iter().map(item).collect()
}

/// A whole number within a range.
pub(super) fn number<T: TryFrom<i64>>(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Checked<T> {
    move |value| {
        let (written, got) = match value {
            Value::Number(number) => (Some(*number), number.to_string()),
            Value::Word(word) => (word.trim().parse().ok(), quoted(word)),
            other => (None, other.kind().to_owned()),
        };
        written.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("must be a whole number from {least} to {most}, not {got}")
        })
    }
}

/// A number of seconds.
pub(super) fn seconds(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Checked<Duration> {
    let count = number(range);
    move |value| count(value).map(Duration::from_secs)
}

/// A number of milliseconds.
pub(super) fn milliseconds(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Checked<Duration> {
    let count = number(range);
    move |value| count(value).map(Duration::from_millis)
}

/// One of a few names.
pub(super) fn choice<T: Copy, const N: usize>(options: [(&'static str, T); N]) -> impl Fn(&Value) -> Checked<T> {
    move |value| {
        let written = text(value)?;
        (options.iter().find(|(name, _)| *name == written)).map(|(_, option)| *option).ok_or_else(|| {
            let names = options.map(|(name, _)| format!("\"{name}\"")).join(", ");
            format!("must be one of {names}, not {}", quoted(written))
        })
    }
}

/// A path of the file system.
pub(super) fn path(value: &Value) -> Checked<PathBuf> {
    match text(value)? {
        "" => Err("must be a path, not empty".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

/// A path of the file system, or nothing.
pub(super) fn optional_path(value: &Value) -> Checked<Option<PathBuf>> {
    Ok(Some(text(value)?).filter(|path| !path.is_empty()).map(PathBuf::from))
}

/// The name of a header, or nothing.
pub(super) fn header_name(value: &Value) -> Checked<Option<HeaderName>> {
    match text(value)? {
        "" => Ok(None),
        name => (name.parse().map(Some))
            .map_err(|_| format!("must be the name of a header, such as CF-IPCountry, not {}", quoted(name))),
    }
}

fn socket_address(text: &str) -> Checked<SocketAddr> {
    (text.parse()).map_err(|_| {
        format!("must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080, not {}", quoted(text))
    })
}

/// Addresses to listen on: at least one, none twice.
pub(super) fn addresses(value: &Value) -> Checked<Vec<SocketAddr>> {
    let addresses = socket_addresses(value)?;
    if addresses.is_empty() {
        return Err("must name at least one address, such as 127.0.0.1:8080".to_owned());
    }
    Ok(addresses)
}

/// Addresses, none twice.
pub(super) fn socket_addresses(value: &Value) -> Checked<Vec<SocketAddr>> {
    let addresses = each(value, socket_address)?;
    let twice = |(index, address): &(usize, &SocketAddr)| address.port() != 0 && addresses[..*index].contains(address);
    match addresses.iter().enumerate().find(twice) {
        Some((_, address)) => Err(format!("must name each address once, not {address} twice")),
        None => Ok(addresses),
    }
}

/// An address to listen on, or nothing.
pub(super) fn address(value: &Value) -> Checked<Option<SocketAddr>> {
    match text(value)? {
        "" => Ok(None),
        written => socket_address(written).map(Some),
    }
}

/// An `http` or `https` URL that is scheme, host and port alone.
pub(super) fn origin(value: &Value) -> Checked<Url> {
    let url = Url::parse(text(value)?)
        .map_err(|reason| format!("must be a URL such as https://links.example.com ({reason})"))?;
    let wrong = if !matches!(url.scheme(), "http" | "https") {
        "must begin with http:// or https://"
    } else if !url.username().is_empty() || url.password().is_some() {
        "must have no user name or password"
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        "must have no path, query or fragment"
    } else {
        return Ok(url);
    };
    Err(format!("{wrong}; right is https://links.example.com"))
}

/// Where the database is.
pub(super) fn database_url(value: &Value) -> Checked<DatabaseUrl> {
    DatabaseUrl::parse(text(value)?).ok_or_else(|| {
        "must be empty, sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME (what was written is not shown: it may hold a \
         password)"
            .to_owned()
    })
}

/// A key, or nothing.
pub(super) fn secret_key(value: &Value) -> Checked<Option<SecretKey>> {
    let wrong = || {
        "must be empty or base64 of 32 bytes, as `openssl rand -base64 32` makes it (what was written is not shown: it may \
         be a key)"
            .to_owned()
    };
    match text(value)? {
        "" => Ok(None),
        written => SecretKey::parse(written).map(Some).ok_or_else(wrong),
    }
}

/// Host names, in lower case.
pub(super) fn hosts(value: &Value) -> Checked<Vec<String>> {
    each(value, |written| {
        host(written).ok_or_else(|| {
            format!("must be host names without scheme, port or path, such as go.example.com, not {}", quoted(written))
        })
    })
}

/// A host name as DNS allows it; international names become their ASCII form.
fn host(written: &str) -> Option<String> {
    let Host::Domain(name) = Host::parse(written).ok()? else {
        return None;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && (label.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
}

/// Networks, each as an address and a prefix; a bare address is a network of one.
pub(super) fn networks(value: &Value) -> Checked<Vec<IpNet>> {
    each(value, |written| {
        (written.parse::<IpNet>().map(|network| network.trunc()))
            .or_else(|_| written.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| {
                format!("must be networks such as 10.0.0.0/8 or addresses such as 10.0.0.1, not {}", quoted(written))
            })
    })
}

/// Where the pictures of users are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PicturePlace {
    /// In the folder `pictures` of the data folder.
    Data,
    /// In this folder.
    Folder(PathBuf),
    /// In a bucket of a service that speaks as Amazon S3 does.
    Bucket {
        /// Its name.
        name: String,
        /// What the names of all pictures in it begin with, without slashes at the ends.
        prefix: String,
    },
}

impl fmt::Display for PicturePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("the data folder"),
            Self::Folder(folder) => write!(f, "file://{}", folder.display()),
            Self::Bucket { name, prefix } if prefix.is_empty() => write!(f, "s3://{name}"),
            Self::Bucket { name, prefix } => write!(f, "s3://{name}/{prefix}"),
        }
    }
}

/// Where the pictures of users are kept.
pub(super) fn picture_place(value: &Value) -> Checked<PicturePlace> {
    let written = text(value)?;
    let wrong = || {
        let examples = "file:///srv/mask/pictures or s3://my-bucket/pictures";
        Err(format!("must be empty, or a folder or a bucket such as {examples}, not {}", quoted(written)))
    };
    if written.is_empty() {
        return Ok(PicturePlace::Data);
    }
    if let Some(path) = written.strip_prefix("file://") {
        return if path.starts_with('/') { Ok(PicturePlace::Folder(PathBuf::from(path))) } else { wrong() };
    }
    let Some(place) = written.strip_prefix("s3://") else { return wrong() };
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let is_of = |text: &str, others: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte))
    };
    let prefix = prefix.trim_matches('/');
    let is_prefix = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_right = (3..=63).contains(&name.len())
        && is_of(name, b"-.")
        && (prefix.is_empty()
            || prefix.split('/').all(|part| is_prefix(part) && !part.bytes().all(|byte| byte == b'.')));
    if is_right { Ok(PicturePlace::Bucket { name: name.to_owned(), prefix: prefix.to_owned() }) } else { wrong() }
}

/// An `http` or `https` URL that is scheme, host and port alone, or nothing.
pub(super) fn optional_origin(value: &Value) -> Checked<Option<Url>> {
    if text(value)?.is_empty() { Ok(None) } else { origin(value).map(Some) }
}

/// A name of letters, digits and hyphens.
pub(super) fn word(value: &Value) -> Checked<String> {
    let written = text(value)?;
    let is_word = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_word {
        Ok(written.to_owned())
    } else {
        Err(format!("must be a name such as us-east-1, not {}", quoted(written)))
    }
}

/// Any text.
pub(super) fn any_text(value: &Value) -> Checked<String> {
    text(value).map(str::to_owned)
}

/// Any text, which nobody is shown.
pub(super) fn secret_text(value: &Value) -> Checked<SecretText> {
    text(value).map(SecretText::of)
}
