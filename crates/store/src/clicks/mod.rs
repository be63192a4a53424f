//! Clicks of links, views of bio pages and clicks on their blocks: from a journal into the store, exactly once.
//!
//! A batch and the journal position that it reaches are committed in one transaction, so after any crash the next batch
//! begins where the last one that counted ended. The counters (in the main database) and the records (in that of
//! clicks) each have such a position, as no transaction spans both; either may be ahead of the other, and neither loses
//! nor doubles anything.
//!
//! From outside, recorded clicks are a [`Question`] and its [`Answer`], [`Visit`]s one by one for exports, and a feed to be
//! followed ([`FeedPage`]); between the two sinks go [`Marks`], which say whose first of the day each click is. How they lie
//! ([`runs`], [`columns`]) and how they are counted ([`count`]) is nobody else's business.

mod answers;
mod catalog;
mod chunk;
pub(crate) mod codes;
mod columns;
mod count;
mod feed;
mod first;
mod held;
mod lexicon;
mod marks;
mod properties;
mod reading;
mod runs;
mod scans;
mod tally;
mod tell;
mod visits;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mask_core::{
    id::{LinkId, PageId},
    question::{Answer, Question, Subject, Window},
    request::RequestId,
    time::Time,
    token::Token,
    visit::Target,
    workspace::Owner,
};

use answers::Asked;
pub(crate) use catalog::Catalogs;
use columns::{Column, Words};
use count::{Numbers, Shape};
pub use feed::{FeedFilter, FeedGap, FeedPage, FeedPlace, FeedVisit};
pub(crate) use first::Seen;
pub(crate) use held::Held;
pub use marks::Marks;
use reading::{Part, each_chunk};
use tally::Tally;
pub use visits::Visit;

use crate::{
    Error, Store, addresses,
    db::{Db, Patience, Tx, values},
};

/// How far a journal has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// The byte within it where reading goes on.
    pub byte: u64,
}

/// A recorded visit: a click of a link, a view of a page, a click on a block. All that statistics will ever know of it; there
/// is no address in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// The request that it was, where one is known; whoever is told of the visit is told of it too, and statistics do not keep it.
    pub request: Option<RequestId>,
    /// Whose link or page.
    pub owner: Owner,
    /// Which one.
    pub target: Target,
    /// The code that was scanned. Of a click on a block none is kept.
    pub code: Option<Token>,
    /// Whether it counts: a person's GET.
    pub is_counted: bool,
    /// What kind of client it was.
    pub class: &'static str,
    /// Why it was taken for that.
    pub reason: &'static str,
    /// Which of the link's destinations was chosen: `url`, `ios`, `android`, `rule:0`, `variant:0`.
    pub choice: String,
    /// The class of device.
    pub device: &'static str,
    /// The family of the operating system.
    pub os: &'static str,
    /// The family of the browser.
    pub browser: &'static str,
    /// The first language that was asked for.
    pub language: Option<String>,
    /// The registrable host that referred here.
    pub referrer: Option<String>,
    /// The address that referred here, without query.
    pub referrer_url: Option<String>,
    /// How the visitor came: `link`, `qr` or `bio`.
    pub source: &'static str,
    /// Where from: ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Where from, below the country.
    pub region: Option<String>,
    /// Where from, below the region.
    pub city: Option<String>,
    /// Stands for the visitor for a day, and for nobody afterwards.
    pub visitor: i64,
}

impl Fact {
    /// What of the target it was, or by way of what, as a word.
    fn part(&self) -> Option<String> {
        let block = self.target.block().map(|block| block.to_string());
        block.or_else(|| self.code.map(|code| code.to_string()))
    }
}

/// Facts from one part of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The journal's node.
    pub node: String,
    /// The journal's shard.
    pub shard: u32,
    /// Where the batch begins; `None` at the beginning of the journal.
    pub from: Option<Position>,
    /// Where it ends.
    pub to: Position,
    /// What is in it.
    pub facts: Vec<Fact>,
    /// Whether it happened long ago: it is recorded and counted, and is no news on the stream. Whether webhooks are told of it is
    /// for whoever opens the store to say, as of any batch: one that [tells](Store::telling) does.
    pub is_history: bool,
}

/// One of the two places that clicks go to.
#[derive(Clone, Copy)]
struct Sink {
    positions: &'static str,
}

const COUNTERS: Sink = Sink { positions: "counted_positions" };
const RECORDS: Sink = Sink { positions: "recorded_positions" };

impl Sink {
    async fn positions(self, db: &Db, node: String) -> Result<HashMap<u32, Position>, Error> {
        db.read(move |tx| {
            let rows = tx.query(
                &format!("SELECT node, shard, segment, byte FROM {} WHERE node = $1", self.positions),
                &values![node],
            )?;
            let mut positions = HashMap::new();
            for row in rows {
                let mut row = row.columns(self.positions);
                let _ = row.text("node")?;
                let mut number = |column| {
                    let number = row.integer(column)?;
                    u64::try_from(number).map_err(|_| row.corrupt(column))
                };
                let (shard, segment, byte) = (number("shard")?, number("segment")?, number("byte")?);
                let shard = u32::try_from(shard).map_err(|_| row.corrupt("shard"))?;
                positions.insert(shard, Position { segment, byte });
            }
            Ok(positions)
        })
        .await
    }

    /// Moves the position over the batch; `false` when it does not stand where the batch begins.
    fn advance(self, tx: &mut Tx<'_>, batch: &Batch) -> Result<bool, Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (segment, byte) = (number(batch.to.segment), number(batch.to.byte));
        let moved = match batch.from {
            None => {
                let sql = format!(
                    "INSERT INTO {} (node, shard, segment, byte) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    self.positions
                );
                tx.execute(&sql, &values![&batch.node, batch.shard, segment, byte])?
            }
            Some(from) => {
                let sql = format!(
                    "UPDATE {} SET segment = $3, byte = $4 WHERE node = $1 AND shard = $2 AND segment = $5 AND byte = $6",
                    self.positions
                );
                tx.execute(
                    &sql,
                    &values![&batch.node, batch.shard, segment, byte, number(from.segment), number(from.byte)],
                )?
            }
        };
        Ok(moved == 1)
    }
}

impl Store {
    /// How far each shard of a node's journal has been counted.
    pub async fn counted_positions(&self, node: String) -> Result<HashMap<u32, Position>, Error> {
        COUNTERS.positions(&self.main, node).await
    }

    /// How far each shard of a node's journal has been recorded.
    pub async fn recorded_positions(&self, node: String) -> Result<HashMap<u32, Position>, Error> {
        RECORDS.positions(&self.clicks, node).await
    }

    /// Adds a batch to the counters of links, pages and codes. `false`, and nothing done, when it was counted before.
    ///
    /// The marks are what recording the batch said, or else [`marks`](Self::marks); none where the records are away, for
    /// which the counters do not wait. They change no counter: they are for whoever is told of each click, in the same
    /// transaction.
    pub async fn count_clicks(&self, batch: Arc<Batch>, marks: Option<Marks>) -> Result<bool, Error> {
        if marks.as_ref().is_some_and(|marks| !marks.are_of(&batch)) {
            return Err(Error::Defect("a batch came with the marks of another".to_owned()));
        }
        self.change(move |tx, telling| {
            if !COUNTERS.advance(tx, &batch)? {
                return Ok(false);
            }
            Counts::of(&batch).add(tx)?;
            if telling.is_possible() {
                tell::visits(tx, telling, &batch, marks.as_ref())?;
            }
            Ok(true)
        })
        .await
    }

    /// Records a batch, and says which of its clicks are their visitors' first of the day. `None`, and nothing done, when
    /// it was recorded before.
    pub async fn record_clicks(&self, batch: Arc<Batch>) -> Result<Option<Marks>, Error> {
        // Held until the batch is stored: what is new in it is not known to be until then.
        let mut seen = self.seen.lock().await;
        let mut words = Words::new();
        let mut clicks: Vec<_> = batch.facts.iter().map(|fact| words.click(fact)).collect();
        for span in seen.unknown_days(&clicks) {
            let (from, to) = (Time::from_unix_millis(span.start), Time::from_unix_millis(span.end));
            let (window, patience) = (Window { from, to }, self.clicks.patience());
            let stored = self.clicks.scan(move |tx| tx.snapshot(|tx| all_clicks(tx, window, patience))).await?;
            seen.learn(&span, &stored);
        }
        let fresh = seen.mark(&mut clicks);
        let marks = Marks::of(&clicks);
        let pieces = feed::pieces(&clicks);
        let write = move |tx: &mut Tx<'_>| {
            if !RECORDS.advance(tx, &batch)? {
                return Ok(false);
            }
            let mut writer = columns::Writer::new(&words);
            for piece in &pieces {
                let columns = writer.write(&piece.clicks);
                runs::write_piece(tx, &piece.clicks, &columns)?;
                if !batch.is_history {
                    feed::write(tx, &batch, piece, &columns)?;
                }
            }
            Ok(true)
        };
        let result = self.clicks.write(write).await;
        match &result {
            Ok(true) => {
                seen.keep(fresh);
                self.recorded.send_replace(());
            }
            Ok(false) => {}
            Err(_) => seen.forget(),
        }
        Ok(result?.then_some(marks))
    }

    /// What recording a batch said, found again in what is recorded: for a batch that the counters have yet to take. A
    /// click of it that is not on record, or whose visitor was forgotten since, is nobody's first.
    pub async fn marks(&self, batch: Arc<Batch>) -> Result<Marks, Error> {
        let at = || batch.facts.iter().map(|fact| fact.at.unix_millis());
        let (Some(first), Some(last)) = (at().min(), at().max()) else { return Ok(Marks::default()) };
        let (from, to) = (Time::from_unix_millis(first), Time::from_unix_millis(last.saturating_add(1)));
        let (window, patience) = (Window { from, to }, self.clicks.patience());
        self.clicks.scan(move |tx| tx.snapshot(|tx| marks::find(tx, &batch, window, patience))).await
    }

    /// Puts recorded clicks in better order, a step at a time; `false` when there is nothing to do. Answers are the same
    /// before and after.
    pub async fn tidy_clicks(&self) -> Result<bool, Error> {
        let Some(gone) = self.clicks.write(runs::tidy).await? else { return Ok(false) };
        self.held.let_go(&gone);
        Ok(true)
    }

    /// Forgets who made the clicks before a moment, of one owner or of all: their visitors' numbers, the pages that they
    /// came from, and the minute; all that was counted stays. It is noted at once and for good, and done by
    /// [`tidy_clicks`](Self::tidy_clicks).
    pub async fn forget_visitors(&self, owner: Option<Owner>, before: Time) -> Result<(), Error> {
        self.held.clear();
        self.clicks.write(move |tx| runs::forget(tx, owner, before)).await
    }

    /// Removes some of what is recorded of these owners, whose workspace was deleted at this moment; `false` when nothing is left.
    pub(crate) async fn remove_clicks(&self, owners: [Owner; 2], deleted_at: Time) -> Result<bool, Error> {
        // Nodes learn of it within a second; more than enough for their last clicks.
        let before = deleted_at.after(std::time::Duration::from_hours(1));
        self.clicks.write(move |tx| runs::remove(tx, owners, before)).await
    }

    /// Answers a question about what is recorded of an owner's links and pages.
    pub async fn answer(&self, owner: Owner, question: Question) -> Result<Answer, Error> {
        if question.subject != Subject::Scans {
            return self.answer_of_one_kind(owner, question).await;
        }
        let Some(of_pages) = scans::of_pages(&question) else {
            return self.answer_of_one_kind(owner, question).await;
        };
        let links = self.answer_of_one_kind(owner, scans::of_links(&question)).await?;
        let pages = self.answer_of_one_kind(owner, of_pages).await?;
        Ok(scans::together(&question, links, pages))
    }

    async fn answer_of_one_kind(&self, owner: Owner, question: Question) -> Result<Answer, Error> {
        let (question, patience) = (question.about_one(), self.patience());
        let mut known = properties::known(self, owner, &question, patience).await?;
        let shape = Shape::of(&question, &mut known);
        let tally = self.count(owner, shape, known.allowed, question.window, patience).await?;
        let catalog = properties::of_counted(self, owner, &question, &tally, patience).await?;
        let found = tally.answer(&question, &catalog);
        codes::by_id(self, owner, &question, found).await
    }

    /// Counts what is recorded of an owner in a window, of those links and pages that are allowed, or of all.
    async fn count(
        &self,
        owner: Owner,
        shape: Shape,
        allowed: Option<Numbers>,
        window: Window,
        patience: Patience,
    ) -> Result<Tally, Error> {
        let held = self.held.clone();
        let count = move |tx: &mut Tx<'_>| {
            let (shape, allowed) = (&Arc::new(shape), allowed.as_ref());
            tx.snapshot(|tx| Asked { owner, shape, allowed, window, patience }.count(tx, &held))
        };
        self.clicks.ask(patience, count).await
    }

    /// The visits that a question counts, however it divides them, in order of time; ties in a fixed order. Those are unique
    /// that it counts as visitors. They are all held in memory, so the window should be one that [`answer`](Self::answer) says
    /// is small.
    pub async fn visits(&self, owner: Owner, question: Question) -> Result<Vec<Visit>, Error> {
        let _turn = self.exporting.lock().await;
        let of_pages = (question.subject == Subject::Scans).then(|| scans::of_pages(&question)).flatten();
        let mut visits = self.visits_of_one_kind(owner, question).await?;
        if let Some(of_pages) = of_pages {
            visits.extend(self.visits_of_one_kind(owner, of_pages).await?);
            visits.sort_unstable();
        }
        Ok(visits)
    }

    async fn visits_of_one_kind(&self, owner: Owner, question: Question) -> Result<Vec<Visit>, Error> {
        let (question, patience) = (question.about_one(), self.patience());
        let mut known = properties::known(self, owner, &question, patience).await?;
        let (shape, window) = (Arc::new(Shape::of(&question, &mut known)), question.window);
        let visits = move |tx: &mut Tx<'_>| {
            let (shape, allowed) = (&shape, known.allowed.as_ref());
            tx.snapshot(|tx| Asked { owner, shape, allowed, window, patience }.visits(tx))
        };
        self.clicks.ask(patience, visits).await
    }

    /// How long a question that is put now may take.
    fn patience(&self) -> Patience {
        Patience::of(self.question_timeout)
    }

    /// How many clicks of each class a link has on record. Reads everything: for diagnosis and tests.
    pub async fn recorded_classes(&self, owner: Owner, link: LinkId) -> Result<HashMap<String, i64>, Error> {
        let patience = self.clicks.patience();
        self.clicks
            .scan(move |tx| {
                let mut classes: HashMap<String, i64> = HashMap::new();
                let (mut words, all) = (Words::new(), all_columns());
                let part =
                    Part { owner: Some(owner), window: ALWAYS, visited: Some(link.bits()), columns: &all, patience };
                tx.snapshot(|tx| {
                    each_chunk(tx, &part, |chunk, _| {
                        let clicks = chunk.clicks(&mut words)?;
                        let is_meant = |click: &&columns::Click| (click.owner(), click.visited) == (owner, link.bits());
                        for click in clicks.iter().filter(is_meant) {
                            *classes.entry(words.word(click.texts[0])?.to_owned()).or_default() += 1;
                        }
                        Some(())
                    })
                })?;
                Ok(classes)
            })
            .await
    }
}

/// What a batch adds to the counters.
#[derive(Default)]
struct Counts {
    links: BTreeMap<LinkId, i64>,
    pages: BTreeMap<PageId, i64>,
    /// With the owner: anybody can put the token of another's code behind an address of his own.
    codes: BTreeMap<(Token, i64), i64>,
}

impl Counts {
    fn of(batch: &Batch) -> Self {
        let mut counts = Self::default();
        for fact in batch.facts.iter().filter(|fact| fact.is_counted) {
            match fact.target {
                Target::Link(link) => *counts.links.entry(link).or_default() += 1,
                Target::Page(page) => *counts.pages.entry(page).or_default() += 1,
                // A block has no counter of its own.
                Target::Block(..) => {}
            }
            if let (Target::Link(_) | Target::Page(_), Some(code)) = (fact.target, fact.code) {
                *counts.codes.entry((code, fact.owner.number())).or_default() += 1;
            }
        }
        counts
    }

    /// In the order of tables and keys, so that two nodes can never wait for each other's rows.
    fn add(self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for (link, count) in self.links {
            addresses::add_clicks(tx, link, count)?;
        }
        for (page, count) in self.pages {
            tx.execute("UPDATE bio_pages SET views = views + $2 WHERE id = $1", &values![page, count])?;
        }
        for ((code, owner), count) in self.codes {
            let sql = "UPDATE qr_codes SET scans = scans + $3 WHERE token = $1 AND owner = $2";
            tx.execute(sql, &values![codes::number(code), owner, count])?;
        }
        Ok(())
    }
}

/// Everything from the first moment to the last.
const ALWAYS: Window = Window { from: Time::from_unix_millis(i64::MIN), to: Time::from_unix_millis(i64::MAX) };

fn all_columns() -> Vec<Column> {
    (0..Column::ALL.0).map(Column).collect()
}

/// Everybody's clicks in a window, and some around it.
fn all_clicks(tx: &mut Tx<'_>, window: Window, patience: Patience) -> Result<Vec<columns::Click>, Error> {
    let (mut words, mut clicks, all) = (Words::new(), Vec::new(), all_columns());
    let part = Part { owner: None, window, visited: None, columns: &all, patience };
    each_chunk(tx, &part, |chunk, _| {
        clicks.extend(chunk.clicks(&mut words)?);
        Some(())
    })?;
    Ok(clicks)
}
