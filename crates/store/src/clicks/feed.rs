//! The feed: recorded visits once more, in the order of the journal, for whoever follows them as they happen.
//!
//! A click's place in [`runs`](super::runs) changes whenever they are put in better order, so nobody could say "after this
//! one" there. The feed is a second, short-lived copy that only grows at its end: the transaction that records a batch adds
//! a row to it, and tidying takes old rows from its beginning. A follower keeps a [`FeedPlace`], which means the same after a
//! restart and, on PostgreSQL, on every node.
//!
//! **What must stay true.** Rows are numbered without a gap in the order of their commits, and only the first ones are ever
//! taken away, so what follows a place is everything that follows it; where it is not, because rows are gone or the
//! database is another one than the place is from, that is told as a [`FeedGap`]. The newest row always stays, so no
//! number comes twice.
//!
//! **What a row is.** The columns of the batch as it was recorded, sorted, and of each click the number that it had in the
//! batch. Sorted columns are what the batch is stored as anyhow, so the copy costs little more than its bytes, and a reader
//! finds an owner's clicks without unpacking the others'. What stands for a visitor is left out, and what is to be
//! forgotten is: what is given out at once, what is stored by [`tidy`].
//!
//! **What was rejected.** Following the journal itself, which is of one node and is gone once it is drained. Pointing to
//! the batches, which are deleted within minutes. A row for each click, which costs more than recording it.

use std::collections::HashMap;

use mask_core::{
    event::{EventKind, EventKinds},
    id::{EventId, LinkId, PageId},
    question::Bots,
    time::Time,
    visit::Target,
    workspace::Owner,
};

use super::{
    Batch, Visit,
    chunk::{Chunk, Texts},
    columns::{self, Click, Column, IS_OF_BLOCK},
    runs::{EVERYBODY, length},
    visits::{is_meant, visit},
};
use crate::{
    Error, PageSubject, Store, Subject,
    db::{Dialect, Tx, Value, values},
    webhooks::{event_id, page_subjects, subjects},
};

/// Rows that are older than the newest by this are taken away, as are those behind which there are so many bytes.
const KEPT_MS: i64 = 3_600_000;
const KEPT_BYTES: i64 = 64 << 20;
/// Most rows that are taken away at a time.
const TAKEN_AT_ONCE: usize = 64;
/// What the feed does not have: what could tell a visitor, and what nobody is told.
const LEFT_OUT: [Column; 3] = [Column::VISITOR, Column::REFERRER_URL, Column::REASON];
/// Most visits of a page, most rows that are read for it, and most bytes, give or take a row.
const MOST_VISITS: usize = 256;
const MOST_ROWS: usize = 256;
const MOST_BYTES: usize = 4 << 20;

/// A place in the feed. So many clicks of a row lie behind it, and all rows before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedPlace {
    /// The row's number; 0 is before all rows.
    pub row: i64,
    /// How many clicks of it lie behind.
    pub click: i64,
    /// When the row's clicks began, to the second: tells whether it is still the same row.
    pub at: Time,
}

/// Clicks between two places that the feed does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedGap {
    /// They were not made before this.
    pub since: Time,
    /// Those that follow were made about this time, and later.
    pub until: Time,
}

/// What follows a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// What is missing before the visits.
    pub gap: Option<FeedGap>,
    /// Where the visits begin.
    pub begin: FeedPlace,
    /// The visits.
    pub visits: Vec<FeedVisit>,
    /// Where the next page begins.
    pub next: FeedPlace,
    /// Whether there may be more already.
    pub has_more: bool,
}

/// A visit in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedVisit {
    /// The same whenever and wherever it is read; another one only once its visitor is forgotten.
    pub id: EventId,
    /// What it is told as.
    pub kind: EventKind,
    /// The visit; without the page that referred here, and the reason for its class.
    pub visit: Visit,
    /// Right behind it.
    pub after: FeedPlace,
}

/// Which visits are meant.
#[derive(Clone, Copy, Debug)]
pub struct FeedFilter {
    /// Whose.
    pub owner: Owner,
    /// Of which link or page; of all where it is `None`.
    pub of: Option<Target>,
    /// Which of them, by what they are told as.
    pub kinds: EventKinds,
    /// By whom.
    pub bots: Bots,
}

/// A part of a batch that is stored as one: its clicks, sorted.
pub(super) struct Piece {
    pub(super) clicks: Vec<Click>,
    /// Which one each was before.
    order: Vec<u16>,
    /// How many clicks of the batch come before it.
    begins: usize,
}

/// The pieces of a batch. They have as many clicks as two bytes can number.
pub(super) fn pieces(clicks: &[Click]) -> Vec<Piece> {
    const MOST: usize = 32_768;
    let piece = |(number, clicks): (usize, &[Click])| {
        let mut order: Vec<u16> = (0..=u16::MAX).take(clicks.len()).collect();
        let click = |place: &u16| &clicks[usize::from(*place)];
        order.sort_unstable_by(|one, other| click(one).cmp(click(other)).then(one.cmp(other)));
        Piece { clicks: order.iter().map(|place| *click(place)).collect(), order, begins: number * MOST }
    };
    clicks.chunks(MOST).enumerate().map(piece).collect()
}

/// What the ids of a batch's visits are made of, beside their places in it.
pub(crate) fn stem(batch: &Batch) -> i64 {
    let from = batch.from.map(|from| (from.segment, from.byte));
    // Half of an id, as that is what a database's integer holds.
    let bits = event_id(Time::from_unix_millis(0), (&batch.node, batch.shard, from)).bits();
    i64::from_le_bytes(std::array::from_fn(|byte| bits.to_le_bytes()[byte]))
}

/// The id of a visit in a batch: the same whoever tells of it.
pub(crate) fn visit_id(stem: i64, place: i64, at: Time) -> EventId {
    event_id(at, (stem, place))
}

/// Adds a piece of a batch, whose columns are these.
pub(super) fn write(tx: &mut Tx<'_>, batch: &Batch, piece: &Piece, columns: &[(Column, Vec<u8>)]) -> Result<(), Error> {
    let Some(first) = piece.clicks.iter().map(|click| click.at).min() else { return Ok(()) };
    // Whoever draws a number commits before the next one is drawn: a reader that saw the later of two rows first would
    // never look for the earlier one. SQLite has one writer anyhow.
    if tx.dialect() == Dialect::Postgres {
        tx.batch("SELECT pg_advisory_xact_lock(7307198002)")?;
    }
    let (row, total_bytes) =
        head(tx, "ORDER BY seq DESC LIMIT 1", &[])?.map_or((1, 0), |newest| (newest.row + 1, newest.total_bytes));
    let order: Vec<u8> = piece.order.iter().flat_map(|place| place.to_le_bytes()).collect();
    let kept = columns.iter().filter(|(column, _)| !LEFT_OUT.contains(column));
    let mut kept: Vec<(Column, &[u8])> = kept.map(|(column, data)| (*column, data.as_slice())).collect();
    kept.push((Column::ORDER, &order));
    let data = columns::pack(&kept);
    let total_bytes = total_bytes + number(data.len());
    let sql = "INSERT INTO click_feed (seq, at, clicks, stem, begins, total_bytes, data, to_forget) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, \
                       CASE WHEN EXISTS (SELECT 1 FROM forgotten_visitors WHERE before > $2) THEN 1 ELSE 0 END)";
    let (clicks, begins) = (number(piece.clicks.len()), number(piece.begins));
    let at = first.div_euclid(1000) * 1000;
    tx.execute(sql, &values![row, at, clicks, stem(batch), begins, total_bytes, data]).map(drop)
}

/// What is known of a row without its clicks.
struct Head {
    row: i64,
    at: i64,
    clicks: i64,
    total_bytes: i64,
}

impl Head {
    fn begin(&self) -> FeedPlace {
        FeedPlace { row: self.row, click: 0, at: Time::from_unix_millis(self.at) }
    }

    fn end(&self) -> FeedPlace {
        FeedPlace { click: self.clicks, ..self.begin() }
    }

    /// Whether it is the row that the place was in. A database that was restored has other rows under the same numbers.
    fn holds(&self, place: FeedPlace) -> bool {
        let at = place.at.unix_millis();
        (self.at == at || self.at == columns::quarter(at)) && (0..=self.clicks).contains(&place.click)
    }
}

fn heads(tx: &mut Tx<'_>, which: &str, bound: &[Value]) -> Result<Vec<Head>, Error> {
    let rows = tx.query(&format!("SELECT seq, at, clicks, total_bytes FROM click_feed {which}"), bound)?;
    let head = |row: crate::db::Row| {
        let mut row = row.columns("click_feed");
        Ok(Head {
            row: row.integer("seq")?,
            at: row.integer("at")?,
            clicks: row.integer("clicks")?,
            total_bytes: row.integer("total_bytes")?,
        })
    };
    rows.into_iter().map(head).collect()
}

fn head(tx: &mut Tx<'_>, which: &str, bound: &[Value]) -> Result<Option<Head>, Error> {
    Ok(heads(tx, which, bound)?.into_iter().next())
}

/// Where a reader goes on who was at a place, and what is missing there.
fn find(tx: &mut Tx<'_>, from: FeedPlace) -> Result<(FeedPlace, Option<FeedGap>), Error> {
    let Some(oldest) = head(tx, "ORDER BY seq LIMIT 1", &[])? else {
        // Nothing was recorded here yet.
        let gap = FeedGap { since: from.at, until: from.at };
        return Ok((FeedPlace { row: 0, click: 0, at: from.at }, (from.row != 0).then_some(gap)));
    };
    let is_held = match head(tx, "WHERE seq = $1", &values![from.row])? {
        Some(row) => row.holds(from),
        None => from.row == 0 && oldest.row == 1,
    };
    if is_held {
        return Ok((from, None));
    }
    let begin = if from.row < oldest.row {
        oldest.begin()
    } else {
        // A place of another database: what is recorded since may be new to its reader.
        let later = head(tx, "WHERE at >= $1 ORDER BY seq LIMIT 1", &values![from.at])?;
        match later {
            Some(row) => row.begin(),
            None => end(tx, from.at)?,
        }
    };
    Ok((begin, Some(FeedGap { since: from.at, until: begin.at.max(from.at) })))
}

/// Behind everything that is recorded.
fn end(tx: &mut Tx<'_>, now: Time) -> Result<FeedPlace, Error> {
    let newest = head(tx, "ORDER BY seq DESC LIMIT 1", &[])?;
    Ok(newest.map_or(FeedPlace { row: 0, click: 0, at: now }, |newest| newest.end()))
}

/// What follows a place. Wants a snapshot: nothing may be taken away between two of its looks.
fn page(tx: &mut Tx<'_>, from: FeedPlace, filter: &FeedFilter) -> Result<FeedPage, Error> {
    let (begin, gap) = find(tx, from)?;
    let mut page = FeedPage { gap, begin, visits: Vec::new(), next: begin, has_more: false };
    let bare_to = bare_to(tx, filter.owner)?;
    let (mut rows, mut bytes) = (0, 0);
    let sql = "SELECT seq, at, clicks, stem, begins, data FROM click_feed \
               WHERE seq >= $1 AND (seq > $1 OR clicks > $2) ORDER BY seq LIMIT 1";
    while let Some(row) = tx.first(sql, &values![page.next.row, page.next.click])? {
        let mut row = row.columns("click_feed");
        let seq = row.integer("seq")?;
        let at = row.time("at")?;
        let len = length(&mut row)?;
        let (stem, begins) = (row.integer("stem")?, row.integer("begins")?);
        let data = row.bytes("data")?;
        (rows, bytes) = (rows + 1, bytes + data.len());
        let place = if page.next.row == seq { page.next } else { FeedPlace { row: seq, click: 0, at } };
        let chunk = Chunk::read(len, std::iter::once((Column::ALL, data.as_slice())));
        let ids = |place: i64, at: Time| visit_id(stem, begins + place, at);
        let most = MOST_VISITS - page.visits.len();
        let read = chunk.and_then(|chunk| read(&chunk, place, filter, bare_to, most, ids));
        let visits = read.ok_or_else(|| row.corrupt("data"))?;
        let is_cut = visits.len() == most;
        page.next =
            visits.last().filter(|_| is_cut).map_or(FeedPlace { click: number(len), ..place }, |last| last.after);
        page.visits.extend(visits);
        if is_cut || rows >= MOST_ROWS || bytes >= MOST_BYTES {
            page.has_more = true;
            break;
        }
    }
    Ok(page)
}

/// The first visits of a row from a place on, in the order in which they were made.
fn read(
    chunk: &Chunk<'_>,
    from: FeedPlace,
    filter: &FeedFilter,
    bare_to: Option<i64>,
    most: usize,
    ids: impl Fn(i64, Time) -> EventId,
) -> Option<Vec<FeedVisit>> {
    let (flags, at, owners) = (chunk.flags()?, chunk.numbers(Column::AT)?, chunk.numbers(Column::OWNER)?);
    let order = chunk.column(Column::ORDER)?.as_chunks::<2>().0;
    if order.len() != chunk.len {
        return None;
    }
    let mut found = Vec::new();
    let sources = chunk.texts(Column::SOURCE)?;
    for (visited, places) in chunk.visited()? {
        // The clicks of a link or a page are one owner's.
        let is_foreign = owners.at(places.start) != filter.owner.number();
        if is_foreign || filter.of.is_some_and(|wanted| wanted.bits() != visited) {
            continue;
        }
        for place in places {
            let number = i64::from(u16::from_le_bytes(order[place]));
            // Of what a block leads to nobody is told.
            let may_be = number >= from.click && flags[place] & IS_OF_BLOCK == 0;
            if !may_be || !is_meant(flags[place], filter.bots) {
                continue;
            }
            let target = columns::target(visited, flags[place], None)?;
            let kind = EventKind::of_visit(target, sources.word(place).unwrap_or_default())?;
            if filter.kinds.has(kind) {
                found.push((number, place, visited, kind));
            }
        }
    }
    if found.is_empty() {
        return Some(Vec::new());
    }
    found.sort_unstable();
    found.truncate(most);
    let mut texts: Vec<Option<Texts<'_>>> = Vec::new();
    for column in Column::OF_TEXTS {
        texts.push(if LEFT_OUT.contains(&column) { None } else { Some(chunk.texts(column)?) });
    }
    let told = |(number, place, visited, kind)| {
        let at = at.at(place);
        let is_bare = bare_to.is_some_and(|bare_to| at < bare_to);
        let at = Time::from_unix_millis(if is_bare { columns::quarter(at) } else { at });
        let word = |column: Column| texts.get(column.place()?)?.as_ref()?.word(place);
        let after = FeedPlace { click: number + 1, ..from };
        let visit = visit(at, visited, flags[place], word)?;
        Some(FeedVisit { id: ids(number, at), kind, visit, after })
    };
    found.into_iter().map(told).collect()
}

/// Up to when clicks of an owner are to tell nothing of visitors.
fn bare_to(tx: &mut Tx<'_>, owner: Owner) -> Result<Option<i64>, Error> {
    let sql = "SELECT max(before) FROM forgotten_visitors WHERE owner IN ($1, $2)";
    tx.first(sql, &values![owner, EVERYBODY])?
        .map_or(Ok(None), |row| row.columns("forgotten_visitors").optional_integer("before"))
}

/// Notes that rows have clicks of which something is to be forgotten.
pub(super) fn forget(tx: &mut Tx<'_>, before: Time) -> Result<(), Error> {
    tx.execute("UPDATE click_feed SET to_forget = 1 WHERE at < $1 AND to_forget = 0", &values![before]).map(drop)
}

/// Takes a few rows away whose time is over, or forgets what is to be forgotten of one; `false` when there is nothing to
/// do. Locked against other nodes.
pub(super) fn tidy(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(trim(tx)? || forget_in_a_row(tx)?)
}

/// Only ever from the beginning, as a row that is gone between two others would be missed by nobody.
fn trim(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let Some(newest) = head(tx, "ORDER BY seq DESC LIMIT 1", &[])? else { return Ok(false) };
    let is_over = |head: &Head| {
        let is_beyond = head.total_bytes <= newest.total_bytes - KEPT_BYTES;
        head.row < newest.row && (is_beyond || head.at < newest.at.saturating_sub(KEPT_MS))
    };
    if !head(tx, "ORDER BY seq LIMIT 1", &[])?.is_some_and(|oldest| is_over(&oldest)) {
        return Ok(false);
    }
    let heads = heads(tx, "ORDER BY seq LIMIT $1", &values![number(TAKEN_AT_ONCE)])?;
    let last = heads.iter().take_while(|head| is_over(head)).last().map(|head| head.row);
    tx.execute("DELETE FROM click_feed WHERE seq <= $1", &values![last]).map(|rows| rows > 0)
}

/// Writes a row anew in which clicks tell the minute that are to be forgotten; `false` when there is none.
fn forget_in_a_row(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let sql = "SELECT seq, at, clicks, data FROM click_feed WHERE to_forget = 1 LIMIT 1";
    let Some(row) = tx.first(sql, &[])? else { return Ok(false) };
    let mut row = row.columns("click_feed");
    let (seq, at) = (row.integer("seq")?, row.integer("at")?);
    let len = length(&mut row)?;
    let data = row.bytes("data")?;
    let befores = befores(tx)?;
    let data = without_minutes(len, &data, &befores).ok_or_else(|| row.corrupt("data"))?;
    let sql = "UPDATE click_feed SET at = $2, data = $3, to_forget = 0 WHERE seq = $1";
    tx.execute(sql, &values![seq, columns::quarter(at), data]).map(|rows| rows > 0)
}

fn befores(tx: &mut Tx<'_>) -> Result<HashMap<i64, i64>, Error> {
    let mut befores = HashMap::new();
    for row in tx.query("SELECT owner, before FROM forgotten_visitors", &[])? {
        let mut row = row.columns("forgotten_visitors");
        befores.insert(row.integer("owner")?, row.integer("before")?);
    }
    Ok(befores)
}

fn without_minutes(len: usize, data: &[u8], befores: &HashMap<i64, i64>) -> Option<Vec<u8>> {
    let mut chunk = Chunk::read(len, std::iter::once((Column::ALL, data)))?;
    let (at, owners) = (chunk.numbers(Column::AT)?, chunk.numbers(Column::OWNER)?);
    let of_all = befores.get(&EVERYBODY).copied();
    let bare = |place| {
        let at = at.at(place);
        let before = befores.get(&owners.at(place)).copied().max(of_all);
        if before.is_some_and(|before| at < before) { columns::quarter(at) } else { at }
    };
    let column = columns::write_numbers((0..len).map(bare));
    for (number, data) in &mut chunk.columns {
        if *number == Column::AT {
            *data = &column;
        }
    }
    Some(columns::pack(&chunk.columns))
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// The end of the feed: what follows it is recorded later.
    pub async fn feed_end(&self, now: Time) -> Result<FeedPlace, Error> {
        self.clicks.read(move |tx| end(tx, now)).await
    }

    /// What follows a place of the feed.
    pub async fn follow_feed(&self, from: FeedPlace, filter: FeedFilter) -> Result<FeedPage, Error> {
        self.clicks.scan(move |tx| tx.snapshot(|tx| page(tx, from, &filter))).await
    }

    /// Changes whenever clicks were recorded in this process. On PostgreSQL other processes record too, so it is worth
    /// looking now and then all the same.
    pub fn recordings(&self) -> tokio::sync::watch::Receiver<()> {
        self.recorded.subscribe()
    }

    /// What these links are known by, also those that are no more; nothing of what never was a link of the owner's.
    pub async fn links_ever(&self, owner: Owner, links: Vec<LinkId>) -> Result<HashMap<LinkId, Subject>, Error> {
        self.main.read(move |tx| subjects(tx, owner, links)).await
    }

    /// What these pages are known by, while they are there; nothing of what is no page of the owner's.
    pub async fn pages_known(&self, owner: Owner, pages: Vec<PageId>) -> Result<HashMap<PageId, PageSubject>, Error> {
        self.main.read(move |tx| page_subjects(tx, owner, pages)).await
    }
}
