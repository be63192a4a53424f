//! Recorded visits one by one: for exports, and for whoever wants to count by himself.

use mask_core::{
    id::LinkId,
    question::{Bots, Subject, Window},
    time::Time,
    workspace::Owner,
};

use super::{
    columns::{Chunk, Column, IS_BOT, IS_COUNTED, IS_FIRST_OF_OWNER, TEXTS, Texts},
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
    /// On which link.
    pub link: LinkId,
    /// Whether it was its visitor's first of the day (UTC) among the owner's links.
    pub is_unique: bool,
    /// Whether a program made it.
    pub is_bot: bool,
    /// What kind of client it was.
    pub class: String,
    /// Why it was taken for that.
    pub reason: String,
    /// Which destination was chosen: `url`, `ios`, `rule:0`, `variant:1`.
    pub choice: String,
    /// `link` or `qr`.
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
    let texts: Vec<_> = (0..TEXTS).zip(Column::CLASS.0..).map(|(_, number)| Column(number)).collect();
    let columns: Vec<_> = [Column::AT, Column::FLAGS, Column::LINKS].into_iter().chain(texts.iter().copied()).collect();
    let part = Part { owner: Some(owner), window, link: None, columns: &columns, patience };
    each_chunk(tx, &part, |chunk, is_mixed| {
        let texts = texts.iter().map(|column| chunk.texts(*column)).collect::<Option<Vec<_>>>()?;
        add(&mut all, chunk, &texts, is_mixed.then_some(owner), window, bots)
    })?;
    if subject == Subject::Scans {
        all.retain(|visit| visit.source == "qr");
    }
    all.sort_unstable();
    Ok(all)
}

fn add(
    all: &mut Vec<Visit>,
    chunk: &Chunk<'_>,
    texts: &[Texts<'_>],
    only_of: Option<Owner>,
    window: Window,
    bots: Bots,
) -> Option<()> {
    let (flags, at) = (chunk.flags()?, chunk.numbers(Column::AT)?);
    let owners = only_of.map(|owner| chunk.numbers(Column::OWNER).map(|owners| (owner.number(), owners)));
    let owners = match owners {
        Some(owners) => Some(owners?),
        None => None,
    };
    for (link, places) in chunk.links()? {
        for place in places {
            let now = Time::from_unix_millis(at.at(place));
            let is_owned = owners.as_ref().is_none_or(|(owner, owners)| owners.at(place) == *owner);
            if !is_owned || now < window.from || now >= window.to || !is_meant(flags[place], bots) {
                continue;
            }
            let text = |column: Column| {
                texts
                    .get(usize::from(column.0 - Column::CLASS.0))
                    .and_then(|texts| texts.word(place))
                    .map(ToOwned::to_owned)
            };
            all.push(visit(now, link, flags[place], text));
        }
    }
    Some(())
}

/// The visit with these flags and texts.
pub(super) fn visit(at: Time, link: LinkId, flags: u8, text: impl Fn(Column) -> Option<String>) -> Visit {
    let always = |column| text(column).unwrap_or_default();
    Visit {
        at,
        link,
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
    }
}

/// Whether a visit with these flags is among those that are asked for.
pub(super) fn is_meant(flags: u8, bots: Bots) -> bool {
    match bots {
        Bots::Without => flags & IS_COUNTED != 0,
        Bots::With => flags & (IS_COUNTED | IS_BOT) != 0,
        Bots::Only => flags & (IS_COUNTED | IS_BOT) == IS_BOT,
    }
}
