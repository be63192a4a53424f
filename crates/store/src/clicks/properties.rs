//! What the links and pages are that a question asks about by their properties: domain, tags, UTM parameters.
//!
//! These are the link's as it is now, so that whoever tags a campaign afterwards sees it whole; of a link that is no more,
//! as it was in the end. Of a page there is the domain, while there is the page. They stand in the other database, so they
//! are looked up first, for what was visited in the window and nothing else (an owner's pages are few, and are all looked
//! up); while the clicks are counted they are a [`Catalog`] in memory.

use std::sync::Arc;

use mask_core::{
    id::PageId,
    question::{Dimension, Group, Question, Subject},
    workspace::Owner,
};

use super::{
    catalog::Catalog,
    codes,
    count::{Known, Shape},
    tally::Tally,
};
use crate::{
    Error, Store,
    db::{Columns, Patience, Tx, values},
    links::read_tags,
};

/// What a question needs to know of links, pages and codes before anything is counted.
pub(super) async fn known(
    store: &Store,
    owner: Owner,
    question: &Question,
    patience: Patience,
) -> Result<Known, Error> {
    let codes = codes::named(store, owner, question).await?;
    if !question.conditions.iter().any(|condition| condition.dimension.is_of_link()) {
        return Ok(Known { allowed: None, codes });
    }
    let visited = visited(store, owner, question, patience).await?;
    let catalog = look_up(store, owner, question.subject, visited.clone(), patience).await?;
    let meets = |number: &u128| catalog.get(*number).is_some_and(|properties| properties.meet(question));
    Ok(Known { allowed: Some(visited.into_iter().filter(meets).collect()), codes })
}

/// What has visits in the window, and perhaps some more.
async fn visited(store: &Store, owner: Owner, question: &Question, patience: Patience) -> Result<Vec<u128>, Error> {
    if let Some(target) = question.of {
        return Ok(vec![target.bits()]);
    }
    let tally = store.count(owner, Shape::of_all(question.subject), None, question.window, patience).await?;
    Ok(tally.visited().collect())
}

/// What the links and pages that were counted are, where a question divides by one of their properties.
pub(super) async fn of_counted(
    store: &Store,
    owner: Owner,
    question: &Question,
    tally: &Tally,
    patience: Patience,
) -> Result<Arc<Catalog>, Error> {
    match question.group {
        Group::Values(dimension, _) if dimension.is_of_link() => {
            look_up(store, owner, question.subject, tally.visited().collect(), patience).await
        }
        _ => Ok(Arc::default()),
    }
}

/// A catalog with these links or pages.
async fn look_up(
    store: &Store,
    owner: Owner,
    subject: Subject,
    visited: Vec<u128>,
    patience: Patience,
) -> Result<Arc<Catalog>, Error> {
    let catalogs = store.catalogs.clone();
    let look_up = move |tx: &mut Tx<'_>| {
        if subject.is_of_links() {
            catalogs.of_links(tx, owner, &visited, patience)
        } else {
            of_pages(tx, owner, &visited)
        }
    };
    store.main.ask(patience, look_up).await
}

fn of_pages(tx: &mut Tx<'_>, owner: Owner, visited: &[u128]) -> Result<Arc<Catalog>, Error> {
    let mut catalog = Catalog::default();
    for number in visited {
        catalog.insert(*number, Properties::default());
    }
    for row in tx.query("SELECT id, domain FROM bio_pages WHERE owner = $1", &values![owner])? {
        let mut row = row.columns("bio_pages");
        let number = row.parsed("id", PageId::parse)?.bits();
        let domain = Some(catalog.word(&row.text("domain")?));
        catalog.insert(number, Properties { domain, ..Properties::default() });
    }
    Ok(Arc::new(catalog))
}

/// What can be asked of a link, or of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    domain: Option<Arc<str>>,
    tags: Box<[Arc<str>]>,
    utm: [Option<Arc<str>>; 5],
}

impl Properties {
    /// What [`read`](Self::read) reads.
    pub(super) const COLUMNS: &str = "domain, tags, utm_source, utm_medium, utm_campaign, utm_term, utm_content";

    pub(super) fn read(row: &mut Columns, catalog: &mut Catalog) -> Result<Self, Error> {
        let domain = Some(catalog.word(&row.text("domain")?));
        let tags = row.parsed("tags", read_tags)?.iter().map(|tag| catalog.word(tag.as_str())).collect();
        let mut utm: [Option<Arc<str>>; 5] = Default::default();
        for (place, column) in
            ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"].into_iter().enumerate()
        {
            utm[place] = row.optional_text(column)?.map(|text| catalog.word(&text));
        }
        Ok(Self { domain, tags, utm })
    }

    /// Its values in a dimension; none where it has none.
    pub(super) fn values(&self, dimension: Dimension) -> &[Arc<str>] {
        let utm = |place: usize| self.utm[place].as_slice();
        match dimension {
            Dimension::Domain => self.domain.as_slice(),
            Dimension::Tag => &self.tags,
            Dimension::UtmSource => utm(0),
            Dimension::UtmMedium => utm(1),
            Dimension::Campaign | Dimension::UtmCampaign => utm(2),
            Dimension::UtmTerm => utm(3),
            Dimension::UtmContent => utm(4),
            _ => &[],
        }
    }

    fn meet(&self, question: &Question) -> bool {
        question.conditions.iter().filter(|condition| condition.dimension.is_of_link()).all(|condition| {
            match self.values(condition.dimension) {
                [] => condition.value == condition.dimension.absent(),
                values => values.iter().any(|value| **value == condition.value),
            }
        })
    }
}
