//! Recorded visits one by one: for exports, and for whoever wants to count by himself.

use mask_core::{question::Bots, time::Time, token::Token, visit::Target};

use super::{
    answers::Asked,
    chunk::{Chunk, Texts},
    columns::{self, Column, IS_BOT, IS_COUNTED, IS_FIRST_OF_OWNER},
    count::{Counter, Marks},
    reading::{Part, each_chunk},
};
use crate::{Error, db::Tx};

/// A recorded visit. There is no address in it, and nothing that stands for the visitor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the dimension of its name")]
pub struct Visit {
    /// When.
    pub at: Time,
    /// To what.
    pub target: Target,
    /// The code that was scanned.
    pub code: Option<Token>,
    /// Whether it was its visitor's first of the day (UTC) of its kind (clicks of links, views of pages, clicks on their
    /// blocks): among the owner's, or on the one link or page that was asked about.
    pub is_unique: bool,
    /// Whether a program made it.
    pub is_bot: bool,
    /// What kind of client it was.
    pub class: String,
    /// Why it was taken for that.
    pub reason: String,
    /// Which destination was chosen: `url`, `ios`, `rule:0`, `variant:1`.
    pub choice: String,
    /// `link`, `qr` or `bio`.
    pub source: String,
    pub device: Option<String>,
    pub os: Option<String>,
    pub browser: Option<String>,
    pub language: Option<String>,
    pub referrer: Option<String>,
    pub referrer_url: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
}

impl Asked<'_> {
    /// The visits that are counted, in order of time; ties in a fixed order. Wants a snapshot.
    pub(super) fn visits(&self, tx: &mut Tx<'_>) -> Result<Vec<Visit>, Error> {
        let counter = Counter::new(self.owner, self.shape, self.allowed, Some(self.window));
        let columns: Vec<_> =
            [Column::AT, Column::FLAGS, Column::VISITED].into_iter().chain(Column::OF_TEXTS).collect();
        let (owner, visited) = (Some(self.owner), counter.only);
        let part = Part { owner, window: self.window, visited, columns: &columns, patience: self.patience };
        let mut all = Vec::new();
        each_chunk(tx, &part, |chunk, is_mixed| add(&mut all, chunk, &counter.mark(chunk, is_mixed)?))?;
        all.sort_unstable();
        Ok(all)
    }
}

/// Adds the marked visits of a chunk.
fn add(all: &mut Vec<Visit>, chunk: &Chunk<'_>, marks: &Marks) -> Option<()> {
    let mut marked = marks.each().peekable();
    if marked.peek().is_none() {
        return Some(());
    }
    let texts: Vec<Texts<'_>> = Column::OF_TEXTS.iter().map(|column| chunk.texts(*column)).collect::<Option<_>>()?;
    let (flags, at, visited) = (chunk.flags()?, chunk.numbers(Column::AT)?, chunk.visited()?);
    for (place, count) in marked {
        let (number, _) = visited.get(visited.partition_point(|(_, places)| places.end <= place))?;
        let text = |column: Column| texts.get(column.place()?)?.word(place);
        let visit = visit(Time::from_unix_millis(at.at(place)), *number, flags[place], text)?;
        all.push(Visit { is_unique: count.visitors > 0, ..visit });
    }
    Some(())
}

/// The visit with these flags and texts, to the link or the page of this number; `None` when they do not fit.
pub(super) fn visit<'t>(at: Time, visited: u128, flags: u8, word: impl Fn(Column) -> Option<&'t str>) -> Option<Visit> {
    let part = word(Column::PART);
    let text = |column| word(column).map(ToOwned::to_owned);
    let always = |column| text(column).unwrap_or_default();
    Some(Visit {
        at,
        target: columns::target(visited, flags, part)?,
        code: columns::code(flags, part),
        is_unique: flags & IS_FIRST_OF_OWNER != 0,
        is_bot: flags & (IS_COUNTED | IS_BOT) == IS_BOT,
        class: always(Column::CLASS),
        reason: always(Column::REASON),
        choice: always(Column::CHOICE),
        source: always(Column::SOURCE),
        device: text(Column::DEVICE),
        os: text(Column::OS),
        browser: text(Column::BROWSER),
        language: text(Column::LANGUAGE),
        referrer: text(Column::REFERRER),
        referrer_url: text(Column::REFERRER_URL),
        country: text(Column::COUNTRY),
        region: text(Column::REGION),
        city: text(Column::CITY),
    })
}

/// Whether a visit with these flags is among those that are asked for.
pub(super) fn is_meant(flags: u8, bots: Bots) -> bool {
    match bots {
        Bots::Without => flags & IS_COUNTED != 0,
        Bots::With => flags & (IS_COUNTED | IS_BOT) != 0,
        Bots::Only => flags & (IS_COUNTED | IS_BOT) == IS_BOT,
    }
}
