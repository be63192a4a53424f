//! Putting it together: from settings to a running server, and back down in order.
//!
//! Up: the databases, the journal, what drains it, then the threads that answer. Down: the threads stop accepting and
//! let requests end, and attempts to deliver end beside them; the clicks that they left in the journal are drained, then
//! the rest goes. What the last drain has to tell waits in the outbox for the next start. Any of this may be cut off at any
//! moment; starting again is the recovery.

mod background;
mod forgetting;
mod listeners;

use std::{io, net::SocketAddr, sync::Arc, thread};

use mask_journal::Journal;
use mask_store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use background::Background;
use listeners::Bound;

use crate::{
    accounts::{self, Accounts},
    api::{
        self, Api, afterwards::Afterwards, caller::Usage, events::Streams, limit::Limits, once::InFlight,
        payload::Teller, turns::Turns,
    },
    bio,
    clicks::{self, Drain, DrainHandle, Salts},
    clock::{Clock, Ids},
    config::{Config, TlsMode},
    domains::{Domains, Records},
    listen::Rules,
    mail::{self, Letters},
    outbound::{self, Outbound},
    password::Passwords,
    pictures::{self, Pictures, drawings::Drawings},
    places::Places,
    redirect::{self, Hosts, Redirects},
    setup, telemetry,
    tls::{self, Certificates, Orderer, Tls},
    webhooks::{
        self, Dispatcher, Means,
        seal::{self, Vault},
    },
};

/// Why the server could not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data folder or a database.
    #[error(transparent)]
    Setup(#[from] setup::Error),
    /// A database.
    #[error(transparent)]
    Store(#[from] mask_store::Error),
    /// The click journal.
    #[error("cannot open the click journal: {0}")]
    Journal(#[from] mask_journal::Error),
    /// The store, as the drain sees it.
    #[error(transparent)]
    Drain(#[from] clicks::Error),
    /// An address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The address of the metrics.
    #[error("cannot listen on {0} for the metrics (metrics.listen): {1}")]
    Metrics(SocketAddr, io::Error),
    /// The key that secrets are sealed with.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// The client for addresses that users chose.
    #[error(transparent)]
    Outbound(#[from] outbound::AuthoritiesError),
    /// The place of pictures.
    #[error(transparent)]
    Pictures(#[from] pictures::PlaceError),
    /// Certificates from files.
    #[error("tls.cert_files and tls.key_files: {0}")]
    Certificates(#[from] tls::FilesError),
    /// Anything else that the system would not give.
    #[error("the system refused something: {0}")]
    System(#[from] io::Error),
}

/// A running server.
pub struct Running {
    /// Where it listens in the clear.
    pub addresses: Vec<SocketAddr>,
    /// Where it speaks TLS.
    pub tls_addresses: Vec<SocketAddr>,
    /// Its API key, on the first start of an installation only.
    pub first_key: Option<mask_core::key::Secret>,
    /// The link that makes the first account, while there is none.
    pub setup_link: Option<String>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Its databases.
    pub store: Store,
    /// Its redirects.
    pub redirects: Arc<Redirects>,
    /// Where it takes addresses to be.
    pub places: Arc<Places>,
    /// Asks for the clicks up to now to be counted.
    pub drain: DrainHandle,
    stop: CancellationToken,
    stop_background: CancellationToken,
    threads: Vec<thread::JoinHandle<()>>,
    background: Vec<thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({:?})", self.addresses)
    }
}

/// Starts a server. Blocks until it listens.
pub fn start(config: &Config, clock: &Clock) -> Result<Running, RunError> {
    raise_file_limit();
    keep_to_small_pages();
    // Before anything counts: what is counted without a recorder is lost.
    telemetry::metrics_exporter();
    listeners::check(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let metrics = runtime.block_on(listeners::metrics(config))?;
    let hosts = Hosts::new(&config.server.public_url, &config.links.domains);
    let certificates = Arc::new(Certificates::new(config, hosts.clone()));
    if config.tls.mode == TlsMode::Files {
        certificates.show_files(tls::Files::of(config).read()?);
    }
    let store = setup::open_store(config)?;
    let ids = Arc::new(Ids::default());
    let salts = Salts::new(clock.now());
    let vault = Arc::new(runtime.block_on(Vault::of(config, &store))?);
    let teller = Teller::new(
        hosts.clone(),
        Records::of(config),
        Arc::clone(&certificates),
        clock.clone(),
        Some(Arc::clone(&vault)),
    );
    let store = store.telling(Arc::new(teller));
    let outbound = Arc::new(Outbound::new(&config.outbound, Arc::new(outbound::System::default()))?);
    let pictures = Arc::new(Pictures::open(config, Arc::clone(&outbound), hosts.clone())?);
    let (secret, first_key, setup_link) = runtime.block_on(async {
        salts.agree(&store, clock.now()).await?;
        let secret = store.installation_secret("signing", crate::clock::secret().to_vec()).await?;
        let first_key = setup::first_key(&store, clock, &ids).await?;
        let setup_link = accounts::setup_link(&store, clock, config.server.public_url.as_str()).await?;
        Ok::<_, mask_store::Error>((secret, first_key, setup_link))
    })?;
    let threads = match config.server.threads {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let mail_server = mail::Server::of(config)?;
    let letters = Letters::new(&secret, Arc::clone(&vault), Arc::clone(&ids), mail_server.is_some());
    let letters = Arc::new(letters);
    let journal = Journal::open(&setup::journal_folder(config), journal_options(config, threads))?;
    let shards = u32::try_from(threads).unwrap_or(u32::MAX);
    let writers = runtime.block_on(clicks::writers(&journal, &store, shards))?;
    let syncer = clicks::start_syncer(Arc::clone(&journal), config.clicks.sync_interval)?;
    let domains = Arc::new(Domains::new(config, store.clone(), clock.clone(), hosts.clone()));
    runtime.block_on(domains.refresh())?;
    let own_hosts = Arc::new(hosts.clone());
    let tls = Tls::of(config, &certificates).map_err(io::Error::other)?;
    let orderer = if config.tls.mode == TlsMode::Acme {
        let means = tls::Means {
            store: store.clone(),
            clock: clock.clone(),
            vault: Arc::clone(&vault),
            certificates: Arc::clone(&certificates),
            hosts: hosts.clone(),
        };
        let orderer = Orderer::new(config, means)?;
        runtime.block_on(orderer.refresh())?;
        Some(Arc::new(orderer))
    } else {
        None
    };
    let (drain, handle) = Drain::new(Arc::clone(&journal), store.clone(), own_hosts, setup::aside_folder(config));
    let places = Places::by(config.places_file());
    places.refresh();
    let passwords = Passwords::at_once(threads);
    let redirects = Redirects::new(redirect::Setup {
        store: store.clone(),
        clock: clock.clone(),
        hosts,
        secret: key_from(&secret),
        memory_bytes: u64::try_from(config.links.memory_mb).unwrap_or(u64::MAX) << 20,
        trusted: config.proxy.trusted.clone(),
        country_header: config.proxy.country_header.clone(),
        places: Arc::clone(&places),
        salts: Arc::clone(&salts),
        is_cookie_secure: !config.is_local(),
        body_timeout: config.server.body_timeout,
        password_attempts_per_minute: config.limits.password_attempts_per_minute,
        drain: handle.clone(),
        sync: syncer.clone(),
        durability: config.clicks.durability,
        hsts_seconds: config.tls.hsts_seconds,
    });
    let forms_per_minute = config.limits.bio_forms_per_minute;
    let (own_ids, own_letters) = (Arc::clone(&ids), Arc::clone(&letters));
    let reception =
        bio::reception::Reception::new(store.clone(), clock.clone(), own_ids, own_letters, forms_per_minute);
    redirects.hand_forms_to(Arc::new(reception));
    domains.hand_memory_of(Arc::clone(&redirects));
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let streams = Streams::new(config.server.heartbeat, config.server.stream, stop.clone(), &secret);
    let means = Means { store: store.clone(), clock: clock.clone(), outbound, vault, letters };
    let api = api_of(
        config,
        &means,
        ids,
        &redirects,
        &domains,
        &certificates,
        pictures,
        passwords.clone(),
        Accounts::new(config, Arc::clone(&places), clock.clone())?,
        Afterwards::on(runtime.handle().clone(), tasks.clone()),
        streams,
        stop.clone(),
    );
    let api = Arc::new(api);
    let router = api::router(&api);
    let rules = Rules {
        header_timeout: config.server.header_timeout,
        most_connections: (config.server.max_connections / threads).max(1),
        shutdown: config.server.shutdown,
        trusted: config.proxy.trusted.clone().into(),
        takes_proxy_headers: config.proxy.proxy_protocol,
        tls,
    };
    let Bound { addresses, tls_addresses, doors } = listeners::bind(config, threads)?;
    let mut answering = Vec::new();
    for ((place, writer), doors) in (0..).zip(writers).zip(doors) {
        let place: usize = place;
        let (redirects, router, rules, stop) = (Arc::clone(&redirects), router.clone(), rules.clone(), stop.clone());
        let work = move || listeners::answer(&redirects, writer, doors, router, rules, stop);
        answering.push(thread::Builder::new().name(format!("mask-{place}")).spawn(work)?);
    }
    let background = Background {
        drain_interval: config.clicks.drain_interval,
        retention_days: config.clicks.retention_days,
        kept: forgetting::KeptFor::of(config),
        metrics,
        redirects: Arc::clone(&redirects),
        requests: Arc::clone(&api.requests),
        limits: Arc::clone(&api.limits),
        secret: key_from(&secret),
        domains,
        certificates: Arc::clone(&certificates),
        files: (config.tls.mode == TlsMode::Files).then(|| tls::Files::of(config)),
        places: Arc::clone(&places),
        salts,
        journal,
        drain,
        syncer,
        tasks,
        store: store.clone(),
        clock: clock.clone(),
    };
    let stop_background = CancellationToken::new();
    let ended = stop_background.clone();
    let background = thread::Builder::new()
        .name("mask-background".to_owned())
        .spawn(move || runtime.block_on(background.run(ended)))?;
    let mut background = vec![background];
    if let (Some(server), Some(from)) = (mail_server, config.mail.from.clone()) {
        let (store, clock, vault) = (store.clone(), clock.clone(), Arc::clone(&means.vault));
        let (reply_to, host) = (config.mail.reply_to.clone(), config.public_host().to_owned());
        background.push(send_mail(mail::Means { store, clock, vault, server, from, reply_to, host }, stop.clone())?);
    }
    if let Some(orderer) = orderer {
        background.push(order(orderer, stop.clone())?);
    }
    // It waits for nobody: what is told after it has stopped is in the outbox at the next start.
    background.push(deliver(means, config.metrics.listen.is_some(), stop.clone())?);
    Ok(Running {
        addresses,
        tls_addresses,
        first_key,
        setup_link,
        passwords,
        store,
        redirects,
        places,
        drain: handle,
        stop,
        stop_background,
        threads: answering,
        background,
    })
}

/// Starts the thread that delivers to webhooks: signing and encryption would hold up what drains the clicks. What waits is
/// counted where somebody may ask.
fn deliver(means: Means, is_counted: bool, stop: CancellationToken) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        let (outbound, store) = (Arc::clone(&means.outbound), means.store.clone());
        let counting = async {
            if is_counted {
                webhooks::keep_counting(store, stop.clone()).await;
            }
        };
        tokio::join!(Dispatcher::new(means).run(stop.clone()), outbound.tidy(stop.clone()), counting);
    };
    thread::Builder::new().name("mask-webhooks".to_owned()).spawn(move || runtime.block_on(work))
}

/// Starts the thread that sends letters: a server of mail that dawdles is waited for there, and encryption is done there.
fn send_mail(means: mail::Means, stop: CancellationToken) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = mail::Sender::new(means).run(stop);
    thread::Builder::new().name("mask-mail".to_owned()).spawn(move || runtime.block_on(work))
}

/// Starts the thread that orders certificates: keys are made there, and authorities are waited for.
fn order(orderer: Arc<Orderer>, stop: CancellationToken) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = orderer.run(stop);
    thread::Builder::new().name("mask-tls".to_owned()).spawn(move || runtime.block_on(work))
}

impl Running {
    /// Stops in order: requests end, clicks are drained, everything is closed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // What drains the clicks outlasts what makes them.
        self.stop.cancel();
        self.threads.drain(..).for_each(join);
        self.stop_background.cancel();
        self.background.drain(..).for_each(join);
        self.store.close();
    }
}

fn join(thread: thread::JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the server panicked");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Each thread has its own part of the journal: the segment it writes, a spare, and some that wait to be drained. All have
/// to fit below the bound, or the clicks of the last threads to begin would be lost from the first one on.
fn journal_options(config: &Config, threads: usize) -> mask_journal::Options {
    const SEGMENTS_EACH: u64 = 4;
    const PAGE_BYTES: u32 = mask_journal::Options::SEGMENT_BYTES_LEAST;
    let usual = mask_journal::Options::default();
    let max_bytes = config.clicks.journal_max_mb << 20;
    let share = max_bytes / (SEGMENTS_EACH * u64::try_from(threads).unwrap_or(u64::MAX)).max(1);
    let segment_bytes = u32::try_from(share).unwrap_or(u32::MAX).min(usual.segment_bytes).max(PAGE_BYTES);
    mask_journal::Options { segment_bytes: segment_bytes / PAGE_BYTES * PAGE_BYTES, max_bytes }
}

#[expect(clippy::too_many_arguments, reason = "each is made before, as others have it too")]
fn api_of(
    config: &Config,
    means: &Means,
    ids: Arc<Ids>,
    redirects: &Arc<Redirects>,
    domains: &Arc<Domains>,
    certificates: &Arc<Certificates>,
    pictures: Arc<Pictures>,
    passwords: Passwords,
    accounts: Accounts,
    tasks: Afterwards,
    streams: Streams,
    stop: CancellationToken,
) -> Api {
    Api {
        store: means.store.clone(),
        clock: means.clock.clone(),
        ids,
        redirects: Arc::clone(redirects),
        domains: Arc::clone(domains),
        certificates: Arc::clone(certificates),
        outbound: Arc::clone(&means.outbound),
        vault: Arc::clone(&means.vault),
        letters: Arc::clone(&means.letters),
        pictures,
        cards: bio::Cards::default(),
        sitemaps: bio::Sitemaps::default(),
        drawings: Drawings::at_once(thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        passwords,
        accounts,
        limits: Arc::new(Limits::per_minute(config.limits.requests_per_minute)),
        usage: Usage::default(),
        requests: Arc::default(),
        in_flight: InFlight::default(),
        exports: Turns::of_exports(),
        streaming: Turns::of_streams(),
        streams,
        tasks,
        stop,
        is_local: config.is_local(),
        workspace_creators: config.workspaces.create,
        most_workspaces: config.workspaces.most_per_person,
        origin: config.server.public_url.origin().ascii_serialization(),
        default_domain: config.default_domain().to_owned(),
        slug_length: config.links.slug_length,
        max_body_bytes: config.server.max_body_bytes,
        body_timeout: config.server.body_timeout,
        request_timeout: config.server.request_timeout,
    }
}

fn key_from(secret: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(secret).into()
}

/// Ten thousand idle connections need as many files; what the system allows is asked for.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// The allocator asks for huge pages, of which each of our threads then has one and uses a little: at rest they are nearly half of
/// the memory that the process takes. Whoever cannot do without them is told nothing: it goes on with more memory.
fn keep_to_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages could not be switched off");
    }
}

/// Serves until the process is told to stop (SIGTERM or SIGINT). Prints the greeting on the first start, and the link that makes
/// the first account for as long as there is none.
pub fn serve(config: &Config) -> Result<(), RunError> {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let running = start(config, &Clock::system())?;
    for address in &running.addresses {
        tracing::info!(%address, public_url = %config.server.public_url, "listening");
    }
    for address in &running.tls_addresses {
        tracing::info!(%address, "listening, with TLS");
    }
    if let Some(secret) = &running.first_key {
        print!("{}", setup::greeting(&config.server.public_url, secret));
    }
    if let Some(link) = &running.setup_link {
        print!("{}", setup::invitation(link));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            interrupt = tokio::signal::ctrl_c() => interrupt?,
        }
        Ok::<_, io::Error>(())
    })?;
    tracing::info!("stopping");
    running.stop();
    Ok(())
}
