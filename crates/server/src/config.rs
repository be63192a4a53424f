//! The settings: one struct, built once at the start and passed down.
//!
//! Four layers, each over the one before: the reference file, which is compiled in and so *is* the defaults (the document
//! and the behaviour cannot differ); the user's file; `MASK_SECTION__KEY` variables; flags. Every layer is checked, even
//! where a later one hides it, and every fault of all of them is told at once with where it came from: a person repairs
//! the settings in one go, not by starting the server nine times.
//!
//! The table `settings!` below is the one place that knows a setting. The typed structs, the known names, the checks and
//! what `mask doctor` shows all come from it; the reference file beside it is held to the same names by a test.
//!
//! Rejected: deriving `Deserialize`, which stops at the first fault and names Rust types to people; and the crates that
//! merge layers, which forget where a value came from.
//!
//! What must stay true: nothing here reads the environment or the disk (the caller hands both in), so tests need neither;
//! and no password is in any text made here. The rule of a setting that can hold one never quotes it, and what is shown
//! goes through [`secret::hide`].

mod choices;
mod domains;
mod fault;
mod layers;
mod mail;
mod oidc;
mod rules;
mod secret;
#[cfg(test)]
mod tests;
mod tls;
mod warnings;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::HeaderName;
use ipnet::IpNet;
use mask_core::{federation::Grant, mail::Mailbox};
use url::{Host, Url};

pub use self::choices::{Creators, Durability, LogFormat, LogLevel, SignUps};
pub use self::domains::{Pointing, Target};
pub use self::fault::{Fault, Faults, Source};
pub use self::mail::{SmtpUrl, StartTls};
pub use self::rules::PicturePlace;
pub use self::secret::{DatabaseUrl, SecretKey, SecretText};
pub use self::tls::TlsMode;

use self::domains::{machines, name_servers, target};
use self::layers::Layers;
use self::mail::{mailbox, smtp_url};
use self::oidc::{grants, issuer, mail_domains};
use self::rules::{
    address, addresses, any_text, choice, database_url, header_name, hosts, milliseconds, networks, number,
    optional_origin, optional_path, origin, path, picture_place, seconds, secret_key, secret_text, socket_addresses,
    word,
};
use self::tls::{directory, paths};

/// The reference file: every setting with its meaning and default.
pub const REFERENCE: &str = include_str!("../../../mask.reference.toml");

/// Makes the structs, the list of known keys and the reading of each from rows `field: Type = "key", rule;`.
macro_rules! settings {
    ($(
        $(#[$about:meta])*
        $section:ident: $Section:ident {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $key:literal, $rule:expr; )*
        }
    )*) => {
        /// Every setting in force. See the reference file for what each means.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[$about])* pub $section: $Section, )*
            described: Vec<Setting>,
        }

        $(
            $(#[$about])*
            #[derive(Clone, Debug)]
            pub struct $Section { $( $(#[$doc])* pub $field: $type, )* }

            impl $Section {
                /// Reads all before it misses any, so that every fault is told.
                fn read(layers: &mut Layers) -> Option<Self> {
                    $( let $field = layers.read(concat!(stringify!($section), ".", $key), $rule); )*
                    Some(Self { $( $field: $field?, )* })
                }
            }
        )*

        /// Every key, in the order of the reference file.
        const KEYS: &[&str] = &[$( $( concat!(stringify!($section), ".", $key), )* )*];

        impl Config {
            fn read(layers: &mut Layers) -> Option<Self> {
                $( let $section = $Section::read(layers); )*
                Some(Self { $( $section: $section?, )* described: layers.describe() })
            }
        }
    };
}

settings! {
    /// The listeners and their bounds.
    server: Server {
        /// Addresses to listen on; at least one, none twice.
        listen: Vec<SocketAddr> = "listen", addresses;
        /// How the world reaches this server: scheme, host and port alone.
        public_url: Url = "public_url", origin;
        /// Threads that answer requests; 0 is one for each core.
        threads: usize = "threads", number(0..=1024);
        /// The time a client has for the head of a request.
        header_timeout: Duration = "header_timeout_seconds", seconds(1..=3600);
        /// The time a client has for the body of a request.
        body_timeout: Duration = "body_timeout_seconds", seconds(1..=3600);
        /// The time an API request has from its head to its answer.
        request_timeout: Duration = "request_timeout_seconds", seconds(1..=3600);
        /// The longest request body.
        max_body_bytes: usize = "max_body_bytes", number(1024..=64 * 1024 * 1024);
        /// The time open requests have to finish at the end.
        shutdown: Duration = "shutdown_seconds", seconds(0..=3600);
        /// How often an event stream says that it is alive.
        heartbeat: Duration = "heartbeat_seconds", seconds(1..=3600);
        /// How long an event stream lasts.
        stream: Duration = "stream_seconds", seconds(0..=86_400);
        /// Open connections at one time.
        max_connections: usize = "max_connections", number(1..=1_000_000);
    }
    /// TLS.
    tls: Tls {
        /// Whether it is spoken, and with which certificates.
        mode: TlsMode = "mode", choice([("off", TlsMode::Off), ("files", TlsMode::Files), ("acme", TlsMode::Acme)]);
        /// Addresses that speak it; none twice.
        listen: Vec<SocketAddr> = "listen", socket_addresses;
        /// Files of certificates.
        cert_files: Vec<PathBuf> = "cert_files", paths;
        /// The key of each.
        key_files: Vec<PathBuf> = "key_files", paths;
        /// How long browsers are to come over TLS alone.
        hsts_seconds: u32 = "hsts_seconds", number(0..=63_072_000);
    }
    /// The authority that certificates are ordered from.
    acme: Acme {
        /// Its directory.
        directory: Url = "directory", directory;
        /// Where it can write to.
        email: Option<Mailbox> = "email", mailbox;
        /// Certificates of authorities that it may identify itself by.
        ca_file: Option<PathBuf> = "ca_file", optional_path;
        /// The id of the key that binds our account to one with the authority; empty for none.
        eab_key_id: String = "eab_key_id", any_text;
        /// That key, in base64url.
        eab_hmac_key: SecretText = "eab_hmac_key", secret_text;
        /// Most orders within an hour.
        orders_per_hour: u32 = "orders_per_hour", number(1..=100_000);
    }
    /// The disk of this node.
    storage: Storage {
        /// The folder of the journal and the SQLite files.
        data_dir: PathBuf = "data_dir", path;
    }
    /// The database of links and accounts.
    database: Database {
        /// Where it is; empty for SQLite in the data folder.
        url: DatabaseUrl = "url", database_url;
        /// Connections as set; 0 is by kind: see [`Config::pool_size`].
        pool_size: usize = "pool_size", number(0..=1000);
        /// The wait after which the database counts as away.
        timeout: Duration = "timeout_ms", milliseconds(10..=600_000);
    }
    /// What the database keeps sealed.
    secrets: Secrets {
        /// The key that opens it; see [`crate::webhooks::seal`] for what happens without one.
        key: Option<SecretKey> = "key", secret_key;
    }
    /// Short links.
    links: Links {
        /// Host names that serve short links beside the public one, in lower case.
        domains: Vec<String> = "domains", hosts;
        /// Characters of a slug that the server chooses.
        slug_length: usize = "slug_length", number(4..=64);
        /// The most memory for links held ready, in MiB.
        memory_mb: usize = "memory_mb", number(1..=1_048_576);
    }
    /// Workspaces.
    workspaces: Workspaces {
        /// Who may make some.
        create: Creators = "create", choice([("admins", Creators::Admins), ("everyone", Creators::Everyone)]);
        /// Most that are one person's, unless they run the installation.
        most_per_person: u32 = "most_per_person", number(1..=100_000);
    }
    /// Domains that workspaces bring along.
    domains: Domains {
        /// What they lead to; `None` is the host of the public URL.
        target: Option<Target> = "target", target;
        /// Addresses that are as good as leading there.
        addresses: Vec<IpAddr> = "addresses", machines;
        /// The name servers that are asked; none are those of the system.
        resolver: Vec<SocketAddr> = "resolver", name_servers;
        /// Whether they must lead here to be their owners'.
        pointing: Pointing = "pointing", choice(
            [("required", Pointing::Required), ("advised", Pointing::Advised)]);
    }
    /// The click journal.
    clicks: Clicks {
        /// What a click survives once its redirect was sent.
        durability: Durability = "durability", choice(
            [("process", Durability::Process), ("power", Durability::Power)]);
        /// Between two writes of the journal through to the disk.
        sync_interval: Duration = "sync_interval_ms", milliseconds(1..=60_000);
        /// Between two moves of clicks into the database.
        drain_interval: Duration = "drain_interval_ms", milliseconds(1..=60_000);
        /// The most disk for clicks that wait for the database, in MiB.
        journal_max_mb: u64 = "journal_max_mb", number(16..=1_048_576);
        /// Days after which visitors are forgotten; 0 is never.
        retention_days: u32 = "retention_days", number(0..=36_500);
    }
    /// Statistics.
    analytics: Analytics {
        /// After so long a question is given up.
        question_timeout: Duration = "question_timeout_ms", milliseconds(10..=600_000);
        /// The most memory for what questions have read of clicks, in MiB.
        memory_mb: u64 = "memory_mb", number(4..=1_048_576);
    }
    /// Limits of rate.
    limits: Limits {
        /// API requests a minute for each key, or address without one; 0 is no limit.
        requests_per_minute: u32 = "requests_per_minute", number(0..=1_000_000);
        /// Tries a minute of a link's password, for each address and link.
        password_attempts_per_minute: u32 = "password_attempts_per_minute", number(1..=10_000);
        /// Forms a minute for each address and bio page.
        bio_forms_per_minute: u32 = "bio_forms_per_minute", number(1..=10_000);
        /// Tries a minute to sign in, for each account.
        sign_in_attempts_per_minute: u32 = "sign_in_attempts_per_minute", number(1..=10_000);
    }
    /// Accounts of people.
    auth: Auth {
        /// Who may make one.
        signup: SignUps = "signup", choice([
            ("closed", SignUps::Closed), ("invite", SignUps::Invite), ("open", SignUps::Open)]);
    }
    /// The proxies in front.
    proxy: Proxy {
        /// Networks whose `X-Forwarded-*` headers are believed.
        trusted: Vec<IpNet> = "trusted", networks;
        /// The header in which they say the client's country, if they do.
        country_header: Option<HeaderName> = "country_header", header_name;
        /// Whether their connections begin by saying whose they are.
        proxy_protocol: bool = "proxy_protocol", choice([("off", false), ("on", true)]);
    }
    /// Webhooks.
    webhooks: Webhooks {
        /// Days that deliveries stay in the log, and that what cannot be delivered is kept for.
        retention_days: u32 = "retention_days", number(1..=365);
    }
    /// The log of changes.
    audit: Audit {
        /// Days that its lines are kept; 0 is for ever.
        retention_days: u32 = "retention_days", number(0..=36_500);
    }
    /// Requests to addresses that users chose.
    outbound: Outbound {
        /// Networks that may be called though they are not public, and without TLS.
        allow_networks: Vec<IpNet> = "allow_networks", networks;
        /// The time for a whole request.
        timeout: Duration = "timeout_ms", milliseconds(100..=60_000);
        /// The part of it for the look-up, the connection and its encryption.
        connect_timeout: Duration = "connect_timeout_ms", milliseconds(100..=60_000);
        /// Certificates of authorities that are believed beside the usual ones.
        ca_file: Option<PathBuf> = "ca_file", optional_path;
    }
    /// Pictures that users give.
    pictures: Pictures {
        /// Where they are kept.
        url: PicturePlace = "url", picture_place;
        /// The endpoint of the bucket; `None` is that of Amazon in the region.
        endpoint: Option<Url> = "endpoint", optional_origin;
        /// The region of the bucket.
        region: String = "region", word;
        /// Who asks the bucket.
        access_key_id: String = "access_key_id", any_text;
        /// How the bucket knows it.
        secret_access_key: SecretText = "secret_access_key", secret_text;
        /// The wait after which they count as away.
        timeout: Duration = "timeout_ms", milliseconds(100..=60_000);
        /// The most memory for pictures held ready, in MiB.
        memory_mb: usize = "memory_mb", number(1..=65_536);
    }
    /// Letters.
    mail: Mail {
        /// The server that takes them; without one none are written.
        smtp_url: Option<SmtpUrl> = "smtp_url", smtp_url;
        /// Whether a connection that begins in the clear is encrypted.
        starttls: StartTls = "starttls", choice([
            ("required", StartTls::Required), ("offered", StartTls::Offered), ("never", StartTls::Never)]);
        /// Who they are from.
        from: Option<Mailbox> = "from", mailbox;
        /// Who is answered; `None` is who they are from.
        reply_to: Option<Mailbox> = "reply_to", mailbox;
    }
    /// Signing in by way of a provider of identities.
    oidc: Oidc {
        /// The provider; nobody signs in that way without one.
        issuer: Option<Url> = "issuer", issuer;
        /// What it knows this server by.
        client_id: String = "client_id", any_text;
        /// How it knows that it is this server; empty for a public client.
        client_secret: SecretText = "client_secret", secret_text;
        /// What stands on the button.
        button: String = "button", any_text;
        /// What it is asked for, `openid` among it.
        scopes: String = "scopes", any_text;
        /// The claim in which it names groups.
        groups_claim: String = "groups_claim", word;
        /// What groups stand for here.
        roles: Vec<Grant> = "roles", grants;
        /// Domains of addresses of mail that are let in; none is all.
        mail_domains: Vec<String> = "mail_domains", mail_domains;
        /// Whether somebody who was never here gets an account.
        creates_accounts: bool = "creates_accounts", choice([("yes", true), ("no", false)]);
    }
    /// Where visitors are.
    places: Places {
        /// The database of places as set; see [`Config::places_file`].
        database: Option<PathBuf> = "database", optional_path;
    }
    /// The Prometheus page.
    metrics: Metrics {
        /// Its listener, if it is on.
        listen: Option<SocketAddr> = "listen", address;
    }
    /// The log.
    log: Log {
        /// How much is logged.
        level: LogLevel = "level", choice(LogLevel::ALL.map(|level| (level.as_str(), level)));
        /// How it is written.
        format: LogFormat = "format", choice([("text", LogFormat::Text), ("json", LogFormat::Json)]);
    }
}

/// One setting in force, as `mask doctor` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name, such as `server.listen`.
    pub key: &'static str,
    /// The value as plain text with any password hidden; lists are separated by commas.
    pub value_shown: String,
    /// Where the value came from.
    pub source: Source,
}

impl Config {
    /// Builds the settings from the user's file (its name as shown, and its text), the environment and the flags.
    ///
    /// The caller decides what becomes of variables that are not Unicode. Those that do not begin with `MASK_` are ignored, as are those of tests (`MASK_TEST_…`). A flag is a key such as
    /// `server.public_url` and its text; it is shown to people as `--public-url`.
    pub fn load(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self, Faults> {
        let mut layers = Layers::default();
        layers.add_file(REFERENCE, |_| Source::Default);
        if let Some((name, text)) = file {
            let name = name.display().to_string();
            layers.add_file(text, |line| Source::File { name: name.clone(), line });
        }
        layers.add_environment(environment);
        layers.add_flags(flags);

        let config = Self::read(&mut layers);
        if let Some(config) = &config {
            config.check_listeners(&mut layers);
            config.check_tls(&mut layers);
            config.check_mail(&mut layers);
            config.check_oidc(&mut layers);
            config.check_bucket(&mut layers);
        }
        let faults = layers.into_faults();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }

    /// Listeners share ports on purpose, so the system would not refuse this: it would hand each half of the connections.
    fn check_listeners(&self, layers: &mut Layers) {
        let Some(listen) = self.metrics.listen.filter(|address| address.port() != 0) else {
            return;
        };
        if self.server.listen.contains(&listen) {
            layers.refuse("metrics.listen", "must differ from the addresses of server.listen");
        } else if self.tls.listen.contains(&listen) {
            layers.refuse("metrics.listen", "must differ from the addresses of tls.listen");
        }
    }

    /// A bucket lets nobody in without a key, so without one every upload would fail.
    fn check_bucket(&self, layers: &mut Layers) {
        let pictures = &self.pictures;
        if !matches!(pictures.url, PicturePlace::Bucket { .. }) {
            return;
        }
        if pictures.access_key_id.is_empty() {
            layers.refuse("pictures.access_key_id", "must be set, as pictures.url names a bucket");
        }
        if pictures.secret_access_key.reveal().is_empty() {
            layers.refuse("pictures.secret_access_key", "must be set, as pictures.url names a bucket");
        }
    }

    /// The host of `server.public_url` without its port, as a `Host` header spells it (IPv6 in brackets).
    pub fn public_host(&self) -> &str {
        self.server.public_url.host_str().unwrap_or_default()
    }

    /// The domain of a link that names none: the first of `links.domains`, or else the public host.
    pub fn default_domain(&self) -> &str {
        (self.links.domains.first()).map_or_else(|| self.public_host(), String::as_str)
    }

    /// Whether the server is for this machine alone, which exempts its API from the need of HTTPS: every listener is a
    /// loopback address, and `server.public_url` is plain HTTP on a loopback name.
    pub fn is_local(&self) -> bool {
        let public_is_local = match self.server.public_url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        public_is_local && self.public_is_http() && self.listens_on_loopback()
    }

    /// The file of the database of places, which need not be there.
    pub fn places_file(&self) -> PathBuf {
        self.places.database.clone().unwrap_or_else(|| self.storage.data_dir.join("places.mmdb"))
    }

    fn public_is_http(&self) -> bool {
        self.server.public_url.scheme() == "http"
    }

    fn listens_on_loopback(&self) -> bool {
        (self.server.listen.iter()).all(|address| address.ip().is_loopback())
    }

    /// Connections to the database, with 0 replaced by what suits its kind.
    pub fn pool_size(&self) -> usize {
        match self.database.pool_size {
            0 if self.database.url.is_postgres() => 8,
            0 => 2,
            set => set,
        }
    }

    /// Every setting in force, in the order of the reference file, with passwords hidden, and where each came from.
    pub fn describe(&self) -> &[Setting] {
        &self.described
    }
}
