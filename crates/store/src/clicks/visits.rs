//! Recorded visits one by one: for exports, and for whoever wants to count by himself.

use mask_core::{
    question::{Bots, Subject, Window},
    time::Time,
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::{
    chunk::{Chunk, Texts},
    columns::{self, Column, IS_BOT, IS_COUNTED, IS_FIRST_OF_OWNER, KIND, kind_of},
    runs::{Part, each_chunk},
};
use crate::{
    Error,
    db::{Patience, Tx},
};

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
    /// Whether it was its visitor's first of the day (UTC) among the owner's of its kind: clicks of links, views of pages,
    /// clicks on their blocks.
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

/// All visits in a window, in order of time; ties in a fixed order.
pub(super) fn visits(
    tx: &mut Tx<'_>,
    owner: Owner,
    subject: Subject,
    window: Window,
    bots: Bots,
    patience: Patience,
) -> Result<Vec<Visit>, Error> {
    let mut all = Vec::new();
    let columns: Vec<_> = [Column::AT, Column::FLAGS, Column::VISITED].into_iter().chain(Column::OF_TEXTS).collect();
    let part = Part { owner: Some(owner), window, visited: None, columns: &columns, patience };
    let kind = kind_of(subject);
    let is_wanted = |flags: u8| flags & KIND == kind && is_meant(flags, bots);
    each_chunk(tx, &part, |chunk, is_mixed| add(&mut all, chunk, is_mixed.then_some(owner), window, &is_wanted))?;
    if subject == Subject::Scans {
        all.retain(|visit| visit.source == "qr");
    }
    all.sort_unstable();
    Ok(all)
}

fn add(
    all: &mut Vec<Visit>,
    chunk: &Chunk<'_>,
    only_of: Option<Owner>,
    window: Window,
    is_wanted: &impl Fn(u8) -> bool,
) -> Option<()> {
    let texts: Vec<Texts<'_>> = Column::OF_TEXTS.iter().map(|column| chunk.texts(*column)).collect::<Option<_>>()?;
    let (flags, at) = (chunk.flags()?, chunk.numbers(Column::AT)?);
    let owners = only_of.map(|owner| chunk.numbers(Column::OWNER).map(|owners| (owner.number(), owners)));
    let owners = match owners {
        Some(owners) => Some(owners?),
        None => None,
    };
    for (visited, places) in chunk.visited()? {
        for place in places {
            let now = Time::from_unix_millis(at.at(place));
            let is_owned = owners.as_ref().is_none_or(|(owner, owners)| owners.at(place) == *owner);
            if !is_owned || now < window.from || now >= window.to || !is_wanted(flags[place]) {
                continue;
            }
            let text = |column: Column| texts.get(column.place()?)?.word(place);
            all.push(visit(now, visited, flags[place], text)?);
        }
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
