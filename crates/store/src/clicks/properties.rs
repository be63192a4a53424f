//! What the links are that a question asks about by their properties: domain, tags, UTM parameters.
//!
//! These are the link's as it is now, so that whoever tags a campaign afterwards sees it whole; of a link that is no more,
//! as it was in the end. They stand in the other database, so they are looked up first, for the links that were visited in
//! the window and no others; while the clicks are counted they are a table in memory.

use std::collections::{HashMap, HashSet};

use mask_core::{
    id::LinkId,
    question::{Dimension, Group, Question},
    workspace::Owner,
};

use super::{
    columns::Column,
    count::Known,
    runs::{Part, each_chunk},
};
use crate::{
    Error, Store,
    db::{Columns, Patience, Tx},
    links::{each_ever_within, read_tags},
};

/// What a question needs to know of links.
pub(super) async fn of_links(store: &Store, owner: Owner, question: &Question) -> Result<Known, Error> {
    let group = match question.group {
        Group::Values(dimension, _) if dimension.is_of_link() => Some(dimension),
        _ => None,
    };
    let has_conditions = question.conditions.iter().any(|condition| condition.dimension.is_of_link());
    if group.is_none() && !has_conditions {
        return Ok(Known::default());
    }
    let visited = visited(store, owner, question).await?;
    let (question, patience) = (question.clone(), store.main.patience());
    store.main.scan(move |tx| look_up(tx, owner, visited, &question, group, patience)).await
}

/// The owner's links that have visits in the window, and perhaps some more.
async fn visited(store: &Store, owner: Owner, question: &Question) -> Result<HashSet<LinkId>, Error> {
    if let Some(link) = question.link {
        return Ok(HashSet::from([link]));
    }
    let (window, patience) = (question.window, store.clicks.patience());
    let read = move |tx: &mut Tx<'_>| {
        let mut links = HashSet::new();
        let part = Part { owner: Some(owner), window, link: None, columns: &[Column::LINKS], patience };
        tx.snapshot(|tx| {
            each_chunk(tx, &part, |chunk, is_mixed| {
                let owners = if is_mixed { Some(chunk.numbers(Column::OWNER)?) } else { None };
                let is_owned = |first| owners.is_none_or(|owners| owners.at(first) == owner.number());
                let of_chunk = chunk.links()?.into_iter();
                links.extend(of_chunk.filter(|(_, places)| is_owned(places.start)).map(|(link, _)| link));
                Some(())
            })
        })?;
        Ok(links)
    };
    store.clicks.scan(read).await
}

fn look_up(
    tx: &mut Tx<'_>,
    owner: Owner,
    visited: HashSet<LinkId>,
    question: &Question,
    group: Option<Dimension>,
    patience: Patience,
) -> Result<Known, Error> {
    let has_conditions = question.conditions.iter().any(|condition| condition.dimension.is_of_link());
    let mut known = Known { allowed: has_conditions.then(HashSet::new), values: HashMap::new() };
    let unknown = each_ever_within(tx, owner, visited, Properties::COLUMNS, Some(patience), |link, row| {
        let properties = Properties::read(row)?;
        if let Some(allowed) = &mut known.allowed
            && properties.meet(question)
        {
            allowed.insert(link);
        }
        if let Some(dimension) = group {
            known.values.insert(link, properties.values(dimension));
        }
        Ok(())
    })?;
    // Links of which nothing is known meet conditions that ask for nothing.
    if let Some(allowed) = &mut known.allowed
        && Properties::default().meet(question)
    {
        allowed.extend(unknown);
    }
    Ok(known)
}

/// What can be asked of a link.
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
