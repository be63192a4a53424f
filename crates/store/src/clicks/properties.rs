//! What the links and pages are that a question asks about by their properties: domain, tags, UTM parameters.
//!
//! These are the link's as it is now, so that whoever tags a campaign afterwards sees it whole; of a link that is no more,
//! as it was in the end. Of a page there is the domain, while there is the page. They stand in the other database, so they
//! are looked up first, for what was visited in the window and nothing else (an owner's pages are few, and are all looked
//! up); while the clicks are counted they are a table in memory.

use std::collections::{HashMap, HashSet};

use mask_core::{
    id::{LinkId, PageId},
    question::{Dimension, Group, Question},
    workspace::Owner,
};

use super::{
    codes,
    columns::Column,
    count::Known,
    runs::{Part, each_chunk},
};
use crate::{
    Error, Store,
    db::{Columns, Patience, Tx, values},
    links::{each_ever_within, read_tags},
};

/// What a question needs to know of links, pages and codes.
pub(super) async fn known(store: &Store, owner: Owner, question: &Question) -> Result<Known, Error> {
    let mut known = of_visited(store, owner, question).await?;
    known.codes = codes::named(store, owner, question).await?;
    Ok(known)
}

async fn of_visited(store: &Store, owner: Owner, question: &Question) -> Result<Known, Error> {
    let wanted = Wanted::of(question);
    if wanted.group.is_none() && !wanted.has_conditions {
        return Ok(Known::default());
    }
    let visited = visited(store, owner, question).await?;
    let (question, patience) = (question.clone(), store.main.patience());
    let look_up = move |tx: &mut Tx<'_>| {
        if question.subject.is_of_links() {
            look_up_links(tx, owner, &visited, &question, patience)
        } else {
            look_up_pages(tx, owner, &visited, &question)
        }
    };
    store.main.scan(look_up).await
}

/// What has visits in the window, and perhaps some more.
async fn visited(store: &Store, owner: Owner, question: &Question) -> Result<HashSet<u128>, Error> {
    if let Some(target) = question.of {
        return Ok(HashSet::from([target.bits()]));
    }
    let (window, patience) = (question.window, store.clicks.patience());
    let read = move |tx: &mut Tx<'_>| {
        let mut visited = HashSet::new();
        let part = Part { owner: Some(owner), window, visited: None, columns: &[Column::VISITED], patience };
        tx.snapshot(|tx| {
            each_chunk(tx, &part, |chunk, is_mixed| {
                let owners = if is_mixed { Some(chunk.numbers(Column::OWNER)?) } else { None };
                let is_owned = |first| owners.is_none_or(|owners| owners.at(first) == owner.number());
                let of_chunk = chunk.visited()?.into_iter();
                visited.extend(of_chunk.filter(|(_, places)| is_owned(places.start)).map(|(visited, _)| visited));
                Some(())
            })
        })?;
        Ok(visited)
    };
    store.clicks.scan(read).await
}

fn look_up_links(
    tx: &mut Tx<'_>,
    owner: Owner,
    visited: &HashSet<u128>,
    question: &Question,
    patience: Patience,
) -> Result<Known, Error> {
    let mut known = Wanted::of(question).nothing_yet();
    let links = visited.iter().map(|visited| LinkId::from_bits(*visited));
    let unknown = each_ever_within(tx, owner, links, Properties::COLUMNS, Some(patience), |link, row| {
        add(&mut known, question, link.bits(), &Properties::read(row)?);
        Ok(())
    })?;
    for link in unknown {
        add(&mut known, question, link.bits(), &Properties::default());
    }
    Ok(known)
}

fn look_up_pages(tx: &mut Tx<'_>, owner: Owner, visited: &HashSet<u128>, question: &Question) -> Result<Known, Error> {
    let mut domains = HashMap::new();
    for row in tx.query("SELECT id, domain FROM bio_pages WHERE owner = $1", &values![owner])? {
        let mut row = row.columns("bio_pages");
        domains.insert(row.parsed("id", PageId::parse)?.bits(), row.text("domain")?);
    }
    let mut known = Wanted::of(question).nothing_yet();
    for visited in visited {
        let domain = domains.get(visited).cloned().unwrap_or_default();
        add(&mut known, question, *visited, &Properties { domain, ..Properties::default() });
    }
    Ok(known)
}

/// Notes what a link or a page is. One of which nothing is known meets conditions that ask for nothing.
fn add(known: &mut Known, question: &Question, visited: u128, properties: &Properties) {
    if let Some(allowed) = &mut known.allowed
        && properties.meet(question)
    {
        allowed.insert(visited);
    }
    if let Some(dimension) = Wanted::of(question).group {
        known.values.insert(visited, properties.values(dimension));
    }
}

/// Which properties a question asks about.
struct Wanted {
    /// That by which the counts are divided.
    group: Option<Dimension>,
    has_conditions: bool,
}

impl Wanted {
    fn of(question: &Question) -> Self {
        let group = match question.group {
            Group::Values(dimension, _) if dimension.is_of_link() => Some(dimension),
            _ => None,
        };
        Self { group, has_conditions: question.conditions.iter().any(|condition| condition.dimension.is_of_link()) }
    }

    fn nothing_yet(&self) -> Known {
        Known { allowed: self.has_conditions.then(HashSet::new), ..Known::default() }
    }
}

/// What can be asked of a link, or of a page.
#[derive(Debug, Default)]
struct Properties {
    domain: String,
    tags: Vec<String>,
    utm: [Option<String>; 5],
}

impl Properties {
    /// What [`read`](Self::read) reads.
    const COLUMNS: &str = "domain, tags, utm_source, utm_medium, utm_campaign, utm_term, utm_content";

    fn read(row: &mut Columns) -> Result<Self, Error> {
        Ok(Self {
            domain: row.text("domain")?,
            tags: row.parsed("tags", read_tags)?.iter().map(|tag| tag.as_str().to_owned()).collect(),
            utm: [
                row.optional_text("utm_source")?,
                row.optional_text("utm_medium")?,
                row.optional_text("utm_campaign")?,
                row.optional_text("utm_term")?,
                row.optional_text("utm_content")?,
            ],
        })
    }

    fn values(&self, dimension: Dimension) -> Vec<String> {
        let utm = |place: usize| self.utm[place].iter().cloned().collect();
        match dimension {
            Dimension::Domain if !self.domain.is_empty() => vec![self.domain.clone()],
            Dimension::Tag => self.tags.clone(),
            Dimension::UtmSource => utm(0),
            Dimension::UtmMedium => utm(1),
            Dimension::Campaign | Dimension::UtmCampaign => utm(2),
            Dimension::UtmTerm => utm(3),
            Dimension::UtmContent => utm(4),
            _ => Vec::new(),
        }
    }

    fn meet(&self, question: &Question) -> bool {
        question.conditions.iter().filter(|condition| condition.dimension.is_of_link()).all(|condition| {
            let values = self.values(condition.dimension);
            values.contains(&condition.value) || (values.is_empty() && condition.value == condition.dimension.absent())
        })
    }
}
