//! Lists of links: any filter, any sort, at any size.
//!
//! There are two ways to answer. One walks along the index of the sort and tests each link on the way: fast when many
//! links meet the filter, as the page is soon full. The other takes a filter that an index answers and sorts what it
//! finds: fast when few links meet it. Neither is fast for both, so SQLite is asked first how many links the filters'
//! indexes find, counting no further than [`FEW`]. Tags are kept by state and domain, as two filters that are each common
//! may meet nowhere, and then neither way would end soon. A long text takes a search of its own for each of its trigrams
//! even to count, so a common one is first looked for [nearby](NEARBY). PostgreSQL keeps statistics and chooses by itself.

use mask_core::{
    cursor::Cursor,
    id::{self, LinkId},
    link::Link,
    time::Time,
    workspace::Owner,
};

use super::{Filter, Listed, Order, Page, Sort, row};
use crate::{
    Error,
    db::{Dialect, Tx, Value},
};

/// Up to this many candidates, for each filter that there is, are looked at one by one and sorted. With more of them among
/// a million links, a walk along the sort's index meets a page's worth within some six thousand steps, which cost about as
/// much; with several filters the walk is longer.
const FEW: usize = 4000;

/// Texts of more characters than this are looked for along the first steps of the walk before anything is counted.
const LONG: usize = 12;

/// How many steps that are.
const NEARBY: usize = 3000;

/// No more characters of a text than this are looked up as trigrams; what is found is compared with the whole text.
const MOST_TRIGRAMS: usize = 32;

/// What shorter texts cannot be found by is trigrams.
const SHORTEST_TRIGRAM: usize = 3;

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "id",
            Self::Clicks => "clicks",
            Self::UpdatedAt => "updated_at",
        }
    }

    fn index(self) -> &'static str {
        match self {
            Self::CreatedAt => "links_by_creation",
            Self::Clicks => "links_by_clicks",
            Self::UpdatedAt => "links_by_update",
        }
    }

    fn value(self, link: &Link) -> Option<i64> {
        match self {
            Self::CreatedAt => None,
            Self::Clicks => Some(link.clicks),
            Self::UpdatedAt => Some(link.updated_at.unix_millis()),
        }
    }
}

/// A query for numbers of links, and what it binds.
type Candidates = (String, Vec<Value>);

/// How a list is answered.
enum Way {
    /// As the database thinks best.
    Any,
    /// Along the index of the sort.
    Walk,
    /// The same, no further than to this place.
    WalkTo(Cursor),
    /// At the links of these numbers, sorted.
    Look(Vec<i64>),
}

pub(super) fn links(tx: &mut Tx<'_>, owner: Owner, filter: &Filter, page: &Page) -> Result<Listed<Link>, Error> {
    // An external id has an index of its own, and finds at most one link.
    if tx.dialect() == Dialect::Postgres || filter.external_id.is_some() {
        return fetch(tx, owner, filter, page, Way::Any);
    }
    if filter.search.as_ref().is_some_and(|text| text.chars().count() > LONG)
        && let Some(end) = place_nearby(tx, owner, filter, page)?
    {
        let nearby = fetch(tx, owner, filter, page, Way::WalkTo(end))?;
        if nearby.next.is_some() {
            return Ok(nearby);
        }
    }
    let way = few_candidates(tx, owner, filter)?.map_or(Way::Walk, Way::Look);
    fetch(tx, owner, filter, page, way)
}

fn fetch(tx: &mut Tx<'_>, owner: Owner, filter: &Filter, page: &Page, way: Way) -> Result<Listed<Link>, Error> {
    let (sql, values) = statement(owner, filter, page, way);
    let rows = tx.query(&sql, &values)?;
    let mut links = rows.into_iter().map(row::link).collect::<Result<Vec<_>, _>>()?;
    let has_more = links.len() > page.limit;
    links.truncate(page.limit);
    let next = links.last().filter(|_| has_more).map(|last| Cursor {
        id: last.id.to_string(),
        sort: page.sort.value(last).map(|value| (page.sort.column().to_owned(), value)),
    });
    Ok(Listed { rows: links, next })
}

/// Where a walk of [`NEARBY`] steps ends, or nothing when there are no more links than that.
fn place_nearby(tx: &mut Tx<'_>, owner: Owner, filter: &Filter, page: &Page) -> Result<Option<Cursor>, Error> {
    let (sql, values) = nearby(owner, filter, page);
    let Some(row) = tx.first(&sql, &values)? else { return Ok(None) };
    let mut row = row.columns("links");
    let (id, value) = (row.text("id")?, row.integer("value")?);
    let sort = (page.sort != Sort::CreatedAt).then(|| (page.sort.column().to_owned(), value));
    Ok(Some(Cursor { id, sort }))
}

fn nearby(owner: Owner, filter: &Filter, page: &Page) -> (String, Vec<Value>) {
    let mut query = Query::default();
    query.belong(owner, filter);
    query.go_on(page);
    let value = if page.sort == Sort::CreatedAt { "0" } else { page.sort.column() };
    let sql = format!(
        "SELECT id, {value} FROM links INDEXED BY {} WHERE {} ORDER BY {} LIMIT 1 OFFSET {NEARBY}",
        page.sort.index(),
        query.conditions.join(" AND "),
        order(page),
    );
    (sql, query.values)
}

fn order(page: &Page) -> String {
    let (column, direction) = (page.sort.column(), if page.order == Order::Ascending { "ASC" } else { "DESC" });
    if column == "id" { format!("id {direction}") } else { format!("{column} {direction}, id {direction}") }
}

fn statement(owner: Owner, filter: &Filter, page: &Page, way: Way) -> (String, Vec<Value>) {
    let mut query = Query::default();
    query.meet(owner, filter);
    query.go_on(page);
    let from = match way {
        Way::Any => String::new(),
        Way::Walk => format!("INDEXED BY {}", page.sort.index()),
        Way::WalkTo(end) => {
            query.compare(page, if page.order == Order::Ascending { "<=" } else { ">=" }, &end);
            format!("INDEXED BY {}", page.sort.index())
        }
        Way::Look(found) => {
            // Sorted by number and sort alone; whole rows are fetched of a page's worth.
            query.add("seq IN (SELECT value FROM json_each(?))", vec![json(&found).into()]);
            let sql = format!(
                "seq IN (SELECT seq FROM links NOT INDEXED WHERE {} ORDER BY {} LIMIT {}) ORDER BY {}",
                query.conditions.join(" AND "),
                order(page),
                page.limit + 1,
                order(page),
            );
            return (row::select_from("NOT INDEXED", &sql), query.values);
        }
    };
    let condition = format!("{} ORDER BY {} LIMIT {}", query.conditions.join(" AND "), order(page), page.limit + 1);
    (row::select_from(&from, &condition), query.values)
}

/// Conditions and what they bind.
#[derive(Default)]
struct Query {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Query {
    /// Adds a condition; each `?` in it stands for the next value.
    fn add(&mut self, condition: &str, values: Vec<Value>) {
        let bound = self.bind_into((condition.to_owned(), values));
        self.conditions.push(bound);
    }

    fn bind_into(&mut self, (text, values): (String, Vec<Value>)) -> String {
        let mut bound = String::with_capacity(text.len() + 8);
        let mut values = values.into_iter();
        for part in text.split_inclusive('?') {
            bound.push_str(part.trim_end_matches('?'));
            if part.ends_with('?') {
                self.values.extend(values.next());
                bound.push('$');
                bound.push_str(&self.values.len().to_string());
            }
        }
        bound
    }

    fn belong(&mut self, owner: Owner, filter: &Filter) {
        self.add("owner = ?", vec![owner.into()]);
        self.add("is_archived = ?", vec![filter.is_archived.into()]);
    }

    fn meet(&mut self, owner: Owner, filter: &Filter) {
        self.belong(owner, filter);
        match filter.search.as_deref().map(row::fold) {
            Some(text) if text.chars().count() < SHORTEST_TRIGRAM => {
                let (from, to) = prefix_range(&text);
                self.add("slug_key >= ? AND slug_key < ?", vec![from.into(), to.into()]);
            }
            Some(text) => self.add("search_text LIKE ? ESCAPE '\\'", vec![like(&text).into()]),
            None => {}
        }
        if let Some(tag) = &filter.tag {
            let sql = "EXISTS (SELECT 1 FROM link_tags WHERE tag = (SELECT seq FROM tags WHERE owner = ? AND name = ?) \
                       AND is_archived = links.is_archived AND domain = links.domain AND link = links.seq)";
            self.add(sql, vec![owner.into(), tag.into()]);
        }
        if let Some(domain) = &filter.domain {
            self.add("domain = ?", vec![domain.into()]);
        }
        if let Some(time) = filter.created_after {
            self.add("id >= ?", vec![first_id(time).into()]);
        }
        if let Some(time) = filter.created_before {
            self.add("id < ?", vec![first_id(time).into()]);
        }
        if let Some(external_id) = &filter.external_id {
            self.add("external_id = ?", vec![external_id.into()]);
        }
    }

    /// Begins after the last row of the page before.
    fn go_on(&mut self, page: &Page) {
        let Some(cursor) = &page.after else { return };
        self.compare(page, if page.order == Order::Ascending { ">" } else { "<" }, cursor);
    }

    /// Compares with a place in the order of the page.
    fn compare(&mut self, page: &Page, than: &str, cursor: &Cursor) {
        match (&cursor.sort, page.sort.column()) {
            (Some((field, value)), column) if field == column => {
                self.add(&format!("({column}, id) {than} (?, ?)"), vec![(*value).into(), (&cursor.id).into()]);
            }
            _ => self.add(&format!("id {than} ?"), vec![(&cursor.id).into()]),
        }
    }
}

/// The numbers of the links that one of the filters finds, if there is one that finds few.
fn few_candidates(tx: &mut Tx<'_>, owner: Owner, filter: &Filter) -> Result<Option<Vec<i64>>, Error> {
    let candidates = candidates(owner, filter);
    let few = FEW * candidates.len();
    for candidates in candidates {
        let (sql, values) = at_most(few, candidates);
        let rows = tx.query(&sql, &values)?;
        if rows.len() < few {
            return rows.into_iter().map(|row| row.columns("links").integer("seq")).collect::<Result<_, _>>().map(Some);
        }
    }
    Ok(None)
}

fn at_most(few: usize, candidates: Candidates) -> (String, Vec<Value>) {
    let mut query = Query::default();
    let sql = query.bind_into(candidates);
    (format!("{sql} LIMIT {few}"), query.values)
}

fn json(numbers: &[i64]) -> String {
    let texts: Vec<_> = numbers.iter().map(i64::to_string).collect();
    format!("[{}]", texts.join(","))
}

fn candidates(owner: Owner, filter: &Filter) -> Vec<Candidates> {
    let mut all: Vec<Candidates> = Vec::new();
    if let Some(tag) = &filter.tag {
        let sql = "SELECT link FROM link_tags WHERE tag = (SELECT seq FROM tags WHERE owner = ? AND name = ?) AND is_archived = ?";
        let values = vec![owner.into(), tag.into(), filter.is_archived.into()];
        match &filter.domain {
            Some(domain) => all.push((format!("{sql} AND domain = ?"), [values, vec![domain.into()]].concat())),
            None => all.push((sql.to_owned(), values)),
        }
    } else if let Some(domain) = &filter.domain {
        let sql = "SELECT seq FROM links INDEXED BY links_by_domain WHERE owner = ? AND is_archived = ? AND domain = ?";
        all.push((sql.to_owned(), vec![owner.into(), filter.is_archived.into(), domain.into()]));
    }
    if filter.created_after.is_some() || filter.created_before.is_some() {
        let from = filter.created_after.map_or_else(|| LinkId::from_bits(0).to_string(), first_id);
        let to = filter.created_before.map_or_else(|| LinkId::from_bits(u128::MAX).to_string(), first_id);
        let sql = "SELECT seq FROM links INDEXED BY links_by_creation WHERE owner = ? AND is_archived = ? AND id >= ? AND id < ?";
        all.push((sql.to_owned(), vec![owner.into(), filter.is_archived.into(), from.into(), to.into()]));
    }
    // Last, as it takes longest to count.
    if let Some(text) = filter.search.as_deref().map(row::fold) {
        if text.chars().count() < SHORTEST_TRIGRAM {
            let (from, to) = prefix_range(&text);
            let sql =
                "SELECT seq FROM links INDEXED BY links_by_slug WHERE owner = ? AND slug_key >= ? AND slug_key < ?";
            all.push((sql.to_owned(), vec![owner.into(), from.into(), to.into()]));
        } else {
            let sql = "SELECT rowid FROM links_search WHERE links_search MATCH ?";
            let text: String = text.chars().take(MOST_TRIGRAMS).collect();
            all.push((sql.to_owned(), vec![phrase(&text).into()]));
        }
    }
    all
}

/// The smallest id of this moment: ids begin with their time.
fn first_id(time: Time) -> String {
    LinkId::from_bits(id::at(time, 0)).to_string()
}

/// From the first slug that begins so, up to but without the next.
fn prefix_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{prefix}\u{10ffff}"))
}

/// What `LIKE` compares with to find this text anywhere, with `\` before what it would take for a sign of its own.
pub(crate) fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A phrase of FTS5's query language (https://sqlite.org/fts5.html §3.1).
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod plans;
