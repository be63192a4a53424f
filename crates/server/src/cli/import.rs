//! `mask import`: history from another tool.
//!
//! Clicks go the way of live ones from where the drain hands them over: a batch and the position that it reaches are one
//! transaction in each of the two sinks. Here the journal is a file: its node is the file's hash and whose links they are,
//! and a position says how many rows are done, and how many clicks of the next one. So a file that was imported before
//! changes nothing, one that was broken off goes on where it stopped, and each sink is exact by itself.
//!
//! The file is read three times: for its hash, for its faults, for its clicks. Whoever types this wants to hear all that is
//! wrong before anything is written, and a file of any size should take the memory of one batch. What is appended to the
//! file meanwhile is not seen. Rejected: noting each row's hash, which would let rows be moved between files, and would
//! take two visits of the same second for one.

mod columns;
mod file;
mod links;
mod names;
mod row;

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use mask::{clicks::Sink, clock::Clock, redirect::Hosts, setup};
use mask_core::{
    address,
    event::EventKinds,
    webhook::{MOST_WEBHOOKS, Webhook},
    workspace::Owner,
};
use mask_store::{Batch, Fact, Position, Store};

use super::{Failure, SETTINGS_HELP, keys, open, print, say, settings::Common, workspaces};
use file::{File, Line, Lines};
use links::Links;
use row::{Reader, Visits};

/// Clicks that are written at once; fewer where many webhooks are told of them.
const BATCH: usize = 10_000;
const FEWEST: usize = 250;
/// Faults that are told one by one.
const TOLD: u64 = 20;
/// So many clicks after each other and something is said, so that nobody thinks that it hangs.
const SIGN_OF_LIFE: u64 = 250_000;
/// Most steps of tidying after a batch.
const TIDYING: usize = 4;
/// The shard of a file, which has but one.
const SHARD: u32 = 0;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Clicks(Clicks),
}

/// Bring clicks along that another tool has counted
///
/// The file is CSV whose first line names the columns, in any order. An export of Mask itself will do.
///
///   when     at (or timestamp, date, created_at): 2026-03-24T14:00:00Z, 2026-03-24, or Unix seconds
///   which    link (an id, or an external id), short_url, or slug, with domain where it is not --domain
///   who      user_agent, or device, browser, os and bot (or class); language, visitor, is_unique
///   where    country (two letters), region, city; referrer, referrer_url; source (link, qr or bio); qr_code_id
///   how many count, when a row stands for several clicks
///   on pages page_id in the place of the link, and block_id, as files have them that Mask set aside or exported
///
/// All but the first two are optional. The file is checked first, and nothing is written when something is wrong. Links
/// and pages must be there before. The same file again changes nothing, and after an interruption it goes on where it stopped; so the
/// file must stay as it is until it is done. It works while a server runs. Addresses are never stored: a column of them is
/// refused.
///
/// Examples:
///
///   mask import clicks --from history.csv --dry-run
///   mask import clicks --from bitly.csv --domain go.example.com --ignore-unknown
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = SETTINGS_HELP)]
pub(super) struct Clicks {
    /// The file.
    ///
    /// Example: --from history.csv
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The workspace whose links they are, by its slug or its id.
    ///
    /// Example: --workspace marketing
    #[arg(long, value_name = "WORKSPACE", default_value = setup::DEFAULT_WORKSPACE, value_parser = workspaces::parse)]
    workspace: String,
    /// Import into the test environment.
    ///
    /// Default: the live one. Example: --test
    #[arg(long)]
    test: bool,
    /// Where slugs without a domain are, and those of short URLs whose host is not served here.
    ///
    /// Default: where new links are made. Example: --domain go.example.com
    #[arg(long, value_name = "DOMAIN", value_parser = parse_domain)]
    domain: Option<String>,
    /// Add to the statistics alone, or to the links' counts alone.
    ///
    /// For clicks that were set aside: `mask doctor` says which. Default: both. Example: --only statistics
    #[arg(long, value_name = "statistics|counts", value_parser = parse_sink)]
    only: Option<Sink>,
    /// Tell no webhooks.
    ///
    /// Default: those that subscribe are told of each click (`link.clicked`, `qr.scanned`, `page.viewed`), with the time at
    /// which it happened, as it is counted. `--dry-run` says how many subscribe.
    #[arg(long)]
    no_webhooks: bool,
    /// Check the file and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave out faulty rows, and say how many there were. They stay out when the file is imported again.
    #[arg(long)]
    skip_faulty: bool,
    /// Leave out columns that are not known.
    #[arg(long)]
    ignore_unknown: bool,
    #[command(flatten)]
    common: Common,
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "{} of {rows} rows cannot be imported, so nothing was written; mend them, or leave them out with --skip-faulty",
        .faulty
    )]
    Faulty { faulty: u64, rows: u64 },
    #[error(
        "line {line} cannot be imported any more: {why}; what stood before it was, and the rest goes on from there"
    )]
    Changed { line: u64, why: String },
    #[error("somebody else is importing this file")]
    Moved,
    #[error("broken off; import the file again, and it goes on where it stopped")]
    Store(#[from] mask_store::Error),
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Clicks(clicks) => clicks.run(),
        }
    }
}

impl Clicks {
    fn run(self) -> Result<(), Failure> {
        let config = self.common.read(&[])?;
        let file = File::open(&self.from)?;
        // A faulty first line is told before a database is made.
        file.lines(self.ignore_unknown)?;
        let hosts = Arc::new(Hosts::new(&config.server.public_url, &config.links.domains));
        let store = if self.tells() {
            open::telling_store(&config, (*hosts).clone(), &Clock::system())?
        } else {
            setup::open_store(&config)?
        };
        let said = self.domain.clone();
        let domain = said.as_deref().unwrap_or(config.default_domain());
        let opened = store.clone();
        let done = keys::block_on(async {
            let workspace = workspaces::find(&store, &self.workspace).await?;
            let owner = Owner { workspace: workspace.number, is_test: self.test };
            // Links may live on domains of workspaces as well.
            let served = store.served_domains(None).await?;
            hosts.serve(served.as_ref().map_or(&[], |served| &served.domains));
            let links = Links::new(store.clone(), owner, Arc::clone(&hosts), domain, said.is_some());
            let node = format!("import:{}:{}", file.hash(), owner.number());
            let progress = Progress::of(&store, node, self.only).await?;
            let told = if self.tells() { subscribers(&store, owner).await? } else { 0 };
            let import = Import { store, file, links, hosts, owner, progress, told, wishes: self };
            import.run().await
        });
        opened.close();
        done?
    }

    /// Whether webhooks are told: in the transaction that counts on links, so nowhere else.
    fn tells(&self) -> bool {
        !self.no_webhooks && self.only != Some(Sink::Records)
    }
}

/// How far the file is in each sink; `None` before its first batch. A position's segment is the row that is next, from 1
/// on, its byte how many clicks of that row are done.
struct Progress {
    node: String,
    counted: Option<Position>,
    recorded: Option<Position>,
    /// The sink that is meant, where it is not both.
    only: Option<Sink>,
}

impl Progress {
    async fn of(store: &Store, node: String, only: Option<Sink>) -> Result<Self, mask_store::Error> {
        let counted = store.counted_positions(node.clone()).await?.get(&SHARD).copied();
        let recorded = store.recorded_positions(node.clone()).await?.get(&SHARD).copied();
        Ok(Self { node, counted, recorded, only })
    }

    /// Where the sink stands that is behind.
    fn low(&self) -> Option<Position> {
        match self.only {
            None => self.counted.min(self.recorded),
            Some(Sink::Counters) => self.counted,
            Some(Sink::Records) => self.recorded,
        }
    }

    fn is_meant(&self, sink: Sink) -> bool {
        self.only.is_none_or(|only| only == sink)
    }

    /// Where the other one stands, if it is elsewhere: a batch must end there, so that both can go on together.
    fn until(&self) -> Option<Position> {
        self.counted.max(self.recorded).filter(|high| self.only.is_none() && Some(*high) != self.low())
    }

    /// Writes a batch to the sinks that stand where it begins. Both must, or the one that is behind.
    async fn write(&mut self, store: &Store, is_told: bool, to: Position, facts: Vec<Fact>) -> Result<(), Error> {
        let from = self.low();
        let mut marks = None;
        let batch = Arc::new(Batch { node: self.node.clone(), shard: SHARD, from, to, facts, is_history: true });
        if self.recorded == from && self.is_meant(Sink::Records) {
            marks = store.record_clicks(Arc::clone(&batch)).await?;
            if marks.is_none() {
                return Err(Error::Moved);
            }
            self.recorded = Some(to);
        }
        if self.counted == from && self.is_meant(Sink::Counters) {
            if is_told && marks.is_none() && self.recorded >= Some(to) {
                // Recorded before, by an import that was broken off. Where that cannot be read, whose first visit of the day each
                // was is not told.
                let found = store.marks(Arc::clone(&batch)).await;
                marks = found.inspect_err(|error| say(&format!("first visits are not told as such: {error}"))).ok();
            }
            if !store.count_clicks(batch, marks).await? {
                return Err(Error::Moved);
            }
            self.counted = Some(to);
        }
        Ok(())
    }
}

/// What the file holds beyond what is done.
#[derive(Default)]
struct Tally {
    rows: u64,
    faulty: u64,
    clicks: u64,
}

struct Import {
    store: Store,
    file: File,
    links: Links,
    hosts: Arc<Hosts>,
    owner: Owner,
    progress: Progress,
    /// How many webhooks subscribe to visits, where they are told.
    told: usize,
    wishes: Clicks,
}

impl Import {
    async fn run(mut self) -> Result<(), Failure> {
        let tally = self.check().await?;
        let name = self.wishes.from.display().to_string();
        if tally.faulty > 0 && !self.wishes.skip_faulty {
            return Err(Error::Faulty { faulty: tally.faulty, rows: tally.rows }.into());
        }
        let left_out =
            if tally.faulty > 0 { format!("; {} faulty rows left out", tally.faulty) } else { String::new() };
        let (clicks, rows) = (tally.clicks, tally.rows - tally.faulty);
        if tally.rows == 0 && self.progress.low().is_some() {
            return print(&format!("{name}: imported before, nothing to do\n"));
        }
        let told = self.told();
        if self.wishes.dry_run {
            return print(&format!("{name}: {clicks} clicks of {rows} rows would be imported{told}{left_out}\n"));
        }
        let goes_on = if self.progress.low().is_some() { ", going on where it was broken off" } else { "" };
        self.write(tally.clicks).await?;
        print(&format!("{name}: {clicks} clicks of {rows} rows imported{goes_on}{told}{left_out}\n"))
    }

    /// Who may be told, in words.
    fn told(&self) -> String {
        match self.told {
            0 => String::new(),
            1 => "; 1 webhook subscribes to visits".to_owned(),
            many => format!("; {many} webhooks subscribe to visits"),
        }
    }

    fn start(&self) -> Position {
        self.progress.low().unwrap_or(Position { segment: 1, byte: 0 })
    }

    /// Reads what is to be imported, and tells what is wrong with it.
    async fn check(&mut self) -> Result<Tally, Failure> {
        let start = self.start();
        let mut lines = self.file.lines(self.wishes.ignore_unknown)?;
        let mut reader = Reader::new(Arc::clone(&self.hosts), self.owner, self.file.secret());
        let mut tally = Tally::default();
        while let Some(line) = lines.next()? {
            if line.row < start.segment {
                reader.pass(&line);
                continue;
            }
            tally.rows += 1;
            match read(&mut self.links, &mut reader, &line).await? {
                Ok(visits) => {
                    let done = if line.row == start.segment { start.byte } else { 0 };
                    tally.clicks += visits.count.saturating_sub(done);
                }
                Err(why) => {
                    tally.faulty += 1;
                    if tally.faulty <= TOLD {
                        say(&format!("line {}: {why}", line.number));
                    }
                }
            }
        }
        if tally.faulty > TOLD {
            say(&format!("and {} more faulty rows", tally.faulty - TOLD));
        }
        Ok(tally)
    }

    async fn write(&mut self, clicks: u64) -> Result<(), Failure> {
        let lines = self.file.lines(self.wishes.ignore_unknown)?;
        let reader = Reader::new(Arc::clone(&self.hosts), self.owner, self.file.secret());
        let skips = self.wishes.skip_faulty;
        let mut source = Source { lines, reader, skips, at: self.start(), row: None };
        // What is told is written in the same transaction, for each webhook; a server waits for it.
        let most = (BATCH / (1 + self.told)).max(FEWEST);
        let (mut done, mut said) = (0_u64, 0);
        loop {
            let begin = source.at;
            let mut facts = Vec::new();
            let broken = source.fill(&mut facts, most, self.progress.until(), &mut self.links).await;
            if source.at == begin {
                broken?;
                return Ok(());
            }
            done += facts.len() as u64;
            self.progress.write(&self.store, self.wishes.tells(), source.at, facts).await?;
            broken?;
            self.tidy().await?;
            if done - said >= SIGN_OF_LIFE {
                said = done;
                say(&format!("{done} of {clicks} clicks"));
            }
        }
    }

    /// As the drain does: no server may be running that would.
    async fn tidy(&self) -> Result<(), Error> {
        for _ in 0..TIDYING {
            if !self.store.tidy_clicks().await? {
                break;
            }
        }
        Ok(())
    }
}

/// How many webhooks subscribe to visits. Which of these, their own filters say.
async fn subscribers(store: &Store, owner: Owner) -> Result<usize, Error> {
    let webhooks = store.list_webhooks(owner, None, MOST_WEBHOOKS).await?.rows;
    let subscribes =
        |webhook: &&Webhook| webhook.content.is_active && webhook.content.events.meets(EventKinds::of_visits());
    Ok(webhooks.iter().filter(subscribes).count())
}

/// What a row stands for; or why not, in words for a person.
async fn read(links: &mut Links, reader: &mut Reader, line: &Line<'_>) -> Result<Result<Visits, String>, Failure> {
    let mut visits = match reader.visits(line) {
        Ok(visits) => visits,
        Err(why) => return Ok(Err(why)),
    };
    Ok(links.of(line).await?.map(|meant| {
        (visits.fact.target, visits.fact.code) = (meant.target, meant.code);
        visits
    }))
}

/// A row that was read.
enum Row {
    Good(Box<Visits>),
    LeftOut,
}

/// The clicks of the file, from a position on.
struct Source {
    lines: Lines,
    reader: Reader,
    skips: bool,
    at: Position,
    /// The row at the position, once it is read.
    row: Option<Row>,
}

impl Source {
    /// Takes clicks until there are enough for a batch, or the position is reached where it must end, or the file ends.
    async fn fill(
        &mut self,
        facts: &mut Vec<Fact>,
        most: usize,
        until: Option<Position>,
        links: &mut Links,
    ) -> Result<(), Failure> {
        while facts.len() < most && Some(self.at) != until {
            if self.row.is_none() && !self.next_row(links).await? {
                break;
            }
            let Some(row) = &self.row else { break };
            let next_row = Position { segment: self.at.segment + 1, byte: 0 };
            let next = match row {
                Row::Good(visits) if self.at.byte < visits.count => {
                    facts.push(visits.fact(self.at.byte));
                    let byte = self.at.byte + 1;
                    if byte == visits.count { next_row } else { Position { byte, ..self.at } }
                }
                _ => next_row,
            };
            // A row that is left out now may have been half done before.
            self.at = until.map_or(next, |until| next.min(until));
            if self.at == next_row {
                self.row = None;
            }
        }
        Ok(())
    }

    /// Reads the row at the position; `false` at the end of the file.
    async fn next_row(&mut self, links: &mut Links) -> Result<bool, Failure> {
        while let Some(line) = self.lines.next()? {
            if line.row < self.at.segment {
                self.reader.pass(&line);
                continue;
            }
            self.row = Some(match read(links, &mut self.reader, &line).await? {
                Ok(visits) => Row::Good(Box::new(visits)),
                Err(_) if self.skips => Row::LeftOut,
                Err(why) => return Err(Error::Changed { line: line.number, why }.into()),
            });
            return Ok(true);
        }
        Ok(false)
    }
}

fn parse_sink(text: &str) -> Result<Sink, String> {
    Sink::parse(text).ok_or_else(|| "must be statistics or counts".to_owned())
}

fn parse_domain(text: &str) -> Result<String, String> {
    match address::host(text) {
        Some(host) => Ok(host.into_owned()),
        None => Err("must be a host such as go.example.com".to_owned()),
    }
}
