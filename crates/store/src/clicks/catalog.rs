//! What links are, remembered between questions: ten thousand rows looked up one by one take longer than counting their
//! clicks.
//!
//! Before it is used, a catalog is brought up to date by the index of changes: links that were changed since are read anew. A
//! link that is deleted here makes the catalog begin anew. What this cannot see, as a link that another node changes and deletes
//! between two questions, or a clock that is far behind, is mended when the catalog is begun anew ([`LASTS`]).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mask_core::{id::LinkId, workspace::Owner};

use super::properties::Properties;
use crate::{
    Error,
    db::{Patience, State, Tx, values},
    links::each_ever_within,
};

/// Most links that are remembered, of all owners together: some ten megabytes.
const MOST: usize = 1 << 16;
/// After so long a catalog is begun anew.
const LASTS: Duration = Duration::from_mins(5);
/// A change may be seen so long after the time that it bears: it waits for its turn, and clocks differ.
const LATE_MS: i64 = 15_000;
const LATE: Duration = Duration::from_secs(15);

/// Links of one owner, or pages, by their numbers. Those of which nothing is known have empty properties.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    properties: HashMap<u128, Properties, foldhash::fast::RandomState>,
    /// Words that many have in common, each once.
    words: HashSet<Arc<str>>,
}

impl Catalog {
    /// What a link or a page is.
    pub(super) fn get(&self, number: u128) -> Option<&Properties> {
        self.properties.get(&number)
    }

    pub(super) fn insert(&mut self, number: u128, properties: Properties) {
        self.properties.insert(number, properties);
    }

    /// The one copy of a word.
    pub(super) fn word(&mut self, word: &str) -> Arc<str> {
        if let Some(there) = self.words.get(word) {
            return Arc::clone(there);
        }
        let word: Arc<str> = word.into();
        self.words.insert(Arc::clone(&word));
        word
    }
}

/// A catalog that goes on being used.
#[derive(Clone)]
struct Remembered {
    catalog: Arc<Catalog>,
    changes: Changes,
    begun: Instant,
}

/// The catalogs of all owners' links. Cheap to clone; all clones share what is remembered.
#[derive(Clone, Default)]
pub(crate) struct Catalogs(Arc<Mutex<HashMap<i64, Remembered>>>);

impl Catalogs {
    /// A catalog with these links, and perhaps others.
    pub(super) fn of_links(
        &self,
        tx: &mut Tx<'_>,
        owner: Owner,
        wanted: &[u128],
        patience: Patience,
    ) -> Result<Arc<Catalog>, Error> {
        let (mut catalog, changes, begun) = match self.get(owner) {
            Some(Remembered { catalog, changes, begun }) => {
                let (changes, changed) = changes.since(tx, owner)?;
                let (mut catalog, begun) =
                    if begun.elapsed() < LASTS { (catalog, begun) } else { (Arc::default(), Instant::now()) };
                for number in changed {
                    if catalog.properties.contains_key(&number) {
                        Arc::make_mut(&mut catalog).properties.remove(&number);
                    }
                }
                (catalog, changes, begun)
            }
            None => (Arc::default(), Changes::until_now(tx, owner)?, Instant::now()),
        };
        let missing = wanted.iter().filter(|number| !catalog.properties.contains_key(number));
        let missing: Vec<_> = missing.map(|number| LinkId::from_bits(*number)).collect();
        if !missing.is_empty() {
            read(tx, owner, missing, Arc::make_mut(&mut catalog), patience)?;
        }
        self.keep(owner, Remembered { catalog: Arc::clone(&catalog), changes, begun });
        Ok(catalog)
    }

    /// Begins anew: of a link that is deleted the index of changes says nothing.
    pub(crate) fn forget(&self, owner: Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner.number());
    }

    fn get(&self, owner: Owner) -> Option<Remembered> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&owner.number()).cloned()
    }

    fn keep(&self, owner: Owner, remembered: Remembered) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&owner.number());
        let links = |remembered: &Remembered| remembered.catalog.properties.len();
        if all.values().map(links).sum::<usize>() + links(&remembered) > MOST {
            all.clear();
        }
        if links(&remembered) <= MOST {
            all.insert(owner.number(), remembered);
        }
    }
}

/// Which changes of an owner's links were seen.
#[derive(Clone)]
struct Changes {
    /// The time of the newest.
    newest: i64,
    /// When that was seen first.
    since: Instant,
    /// The state of the database that was looked at, where it has such a thing.
    state: Option<State>,
    /// Whether this was looked at when all that may bear an earlier time had come.
    is_settled: bool,
    /// The last ones of links, by their times: what is changed later may bear the time of one of these, or be a little older.
    last: Arc<HashMap<u128, i64>>,
}

impl Changes {
    fn until_now(tx: &mut Tx<'_>, owner: Owner) -> Result<Self, Error> {
        let mut newest = 0;
        for is_archived in [false, true] {
            let sql = "SELECT updated_at FROM links WHERE owner = $1 AND is_archived = $2 \
                       ORDER BY updated_at DESC LIMIT 1";
            if let Some(row) = tx.first(sql, &values![owner, is_archived])? {
                newest = newest.max(row.columns("links").integer("updated_at")?);
            }
        }
        let known = Self { newest, since: Instant::now(), state: None, is_settled: false, last: Arc::default() };
        Ok(known.since(tx, owner)?.0)
    }

    /// What is known with the changes since, and the links that were changed.
    fn since(&self, tx: &mut Tx<'_>, owner: Owner) -> Result<(Self, Vec<u128>), Error> {
        let (begun, state) = (Instant::now(), tx.state()?);
        if state.is_some() && state == self.state {
            return Ok((self.clone(), Vec::new()));
        }
        // Of ten thousand links that were made at once, all would be among the last ones until the next is changed.
        let from = if self.is_settled { self.newest + 1 } else { self.newest - LATE_MS };
        let (mut newest, mut last) = (self.newest, HashMap::new());
        for is_archived in [false, true] {
            let sql = "SELECT id, updated_at FROM links WHERE owner = $1 AND is_archived = $2 AND updated_at >= $3";
            for row in tx.query(sql, &values![owner, is_archived, from])? {
                let mut row = row.columns("links");
                let (link, at) = (row.parsed("id", LinkId::parse)?, row.integer("updated_at")?);
                newest = newest.max(at);
                last.insert(link.bits(), at);
            }
        }
        let is_new = |(number, at): &(&u128, &i64)| self.last.get(number) != Some(at);
        let changed = last.iter().filter(is_new).map(|(number, _)| *number).collect();
        let last = Arc::new(last);
        let now = if newest > self.newest {
            Self { newest, since: begun, state, is_settled: false, last }
        } else {
            let is_settled = self.is_settled || begun.duration_since(self.since) > LATE;
            let last = if is_settled { Arc::default() } else { last };
            Self { newest, since: self.since, state, is_settled, last }
        };
        Ok((now, changed))
    }
}

fn read(
    tx: &mut Tx<'_>,
    owner: Owner,
    links: Vec<LinkId>,
    catalog: &mut Catalog,
    patience: Patience,
) -> Result<(), Error> {
    let unknown = each_ever_within(tx, owner, links, Properties::COLUMNS, Some(patience), |link, row| {
        let properties = Properties::read(row, catalog)?;
        catalog.insert(link.bits(), properties);
        Ok(())
    })?;
    for link in unknown {
        catalog.insert(link.bits(), Properties::default());
    }
    Ok(())
}
