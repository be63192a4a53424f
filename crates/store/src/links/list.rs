//! Lists of links: any filter, any sort, at any size.
//!
//! PostgreSQL keeps statistics and chooses a way by itself. SQLite is led: [`race`] tells how.

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

/// No more characters of a text than this are looked up as trigrams; what is found is compared with the whole text.
const MOST_LETTERS: usize = 32;

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

/// How a list is answered.
enum Way {
    /// As the database thinks best.
    Any,
    /// Along the index of the sort, to where the page is full.
    Walk,
    /// At the links of these numbers: those that meet the filter, sorted.
    Look(Vec<i64>),
    /// The links of these numbers, which have met it.
    Take(Vec<i64>),
}

pub(super) fn links(tx: &mut Tx<'_>, owner: Owner, filter: &Filter, page: &Page) -> Result<Listed<Link>, Error> {
    // An external id has an index of its own, and finds at most one link.
    if tx.dialect() == Dialect::Postgres || filter.external_id.is_some() {
        return fetch(tx, owner, filter, page, Way::Any);
    }
    tx.snapshot(|tx| {
        let way = race::way(tx, owner, filter, page)?;
        fetch(tx, owner, filter, page, way)
    })
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

fn order(page: &Page) -> String {
    let (column, direction) = (page.sort.column(), if page.order == Order::Ascending { "ASC" } else { "DESC" });
    if column == "id" { format!("id {direction}") } else { format!("{column} {direction}, id {direction}") }
}

fn statement(owner: Owner, filter: &Filter, page: &Page, way: Way) -> (String, Vec<Value>) {
    let mut query = Query::default();
    let (from, condition) = match way {
        Way::Any => (String::new(), query.page(owner, filter, page)),
        Way::Walk => (format!("INDEXED BY {}", page.sort.index()), query.page(owner, filter, page)),
        Way::Look(numbers) => {
            query.among(&numbers);
            // Sorted by number and sort alone; whole rows are fetched of a page's worth.
            let met = query.page(owner, filter, page);
            let sql = format!("seq IN (SELECT seq FROM links NOT INDEXED WHERE {met}) ORDER BY {}", order(page));
            ("NOT INDEXED".to_owned(), sql)
        }
        Way::Take(numbers) => {
            query.among(&numbers);
            ("NOT INDEXED".to_owned(), format!("{} ORDER BY {}", query.conditions.join(" AND "), order(page)))
        }
    };
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

    /// The rows of a page, with whatever was added before.
    fn page(&mut self, owner: Owner, filter: &Filter, page: &Page) -> String {
        self.belong(owner, filter);
        for (test, values) in tests(owner, filter) {
            self.add(&test, values);
        }
        self.go_on(page);
        format!("{} ORDER BY {} LIMIT {}", self.conditions.join(" AND "), order(page), page.limit + 1)
    }

    fn belong(&mut self, owner: Owner, filter: &Filter) {
        self.add("owner = ?", vec![owner.into()]);
        self.add("is_archived = ?", vec![filter.is_archived.into()]);
    }

    fn among(&mut self, numbers: &[i64]) {
        self.add("seq IN (SELECT value FROM json_each(?))", vec![json(numbers).into()]);
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

/// What a link of the owner's, in the state that is asked for, has to meet: what is cheap to find out comes first.
fn tests(owner: Owner, filter: &Filter) -> Vec<(String, Vec<Value>)> {
    let mut all = times(filter);
    if let Some(tag) = &filter.tag {
        let tied = "EXISTS (SELECT 1 FROM link_tags WHERE tag = (SELECT seq FROM tags WHERE owner = ? AND name = ?) \
                    AND is_archived = ? AND link = links.seq AND domain =";
        let values = vec![owner.into(), tag.into(), filter.is_archived.into()];
        all.push(match &filter.domain {
            Some(domain) => (format!("{tied} ?)"), [values, vec![domain.into()]].concat()),
            None => (format!("{tied} links.domain)"), values),
        });
    }
    if let Some(domain) = &filter.domain {
        all.push(("domain = ?".to_owned(), vec![domain.into()]));
    }
    if let Some(external_id) = &filter.external_id {
        all.push(("external_id = ?".to_owned(), vec![external_id.into()]));
    }
    if let Some(text) = filter.search.as_deref().map(row::fold) {
        all.push(if text.chars().count() < SHORTEST_TRIGRAM {
            let (from, to) = prefix_range(&text);
            ("slug_key >= ? AND slug_key < ?".to_owned(), vec![from.into(), to.into()])
        } else {
            ("search_text LIKE ? ESCAPE '\\'".to_owned(), vec![like(&text).into()])
        });
    }
    all
}

/// What the times of a filter mean for an id.
fn times(filter: &Filter) -> Vec<(String, Vec<Value>)> {
    let after = filter.created_after.map(|time| ("id >= ?".to_owned(), vec![first_id(time).into()]));
    let before = filter.created_before.map(|time| ("id < ?".to_owned(), vec![first_id(time).into()]));
    after.into_iter().chain(before).collect()
}

fn json(numbers: &[i64]) -> String {
    let texts: Vec<_> = numbers.iter().map(i64::to_string).collect();
    format!("[{}]", texts.join(","))
}

/// A query for the numbers of all links that meet a part of the filter, and of some more: an index knows them.
struct Listing {
    sql: String,
    values: Vec<Value>,
    part: Part,
}

/// Which part of the filter a listing is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// What a link has, or says.
    Property,
    /// When it was made, which the index of each sort knows too.
    Time,
}

/// What indexes know of the filter. `trigrams` says what to ask for in place of a text.
fn candidates(
    owner: Owner,
    filter: &Filter,
    trigrams: &mut impl FnMut(&str) -> Result<String, Error>,
) -> Result<Vec<Listing>, Error> {
    let mut all = Vec::new();
    let mut add = |part, sql: String, values| all.push(Listing { sql, values, part });
    if let Some(tag) = &filter.tag {
        let sql = "SELECT link FROM link_tags WHERE tag = (SELECT seq FROM tags WHERE owner = ? AND name = ?) AND is_archived = ?";
        let values = vec![owner.into(), tag.into(), filter.is_archived.into()];
        match &filter.domain {
            Some(domain) => {
                add(Part::Property, format!("{sql} AND domain = ?"), [values, vec![domain.into()]].concat());
            }
            None => add(Part::Property, sql.to_owned(), values),
        }
    } else if let Some(domain) = &filter.domain {
        let sql = "SELECT seq FROM links INDEXED BY links_by_domain WHERE owner = ? AND is_archived = ? AND domain = ?";
        add(Part::Property, sql.to_owned(), vec![owner.into(), filter.is_archived.into(), domain.into()]);
    }
    if filter.created_after.is_some() || filter.created_before.is_some() {
        let (range, values) = made_within(owner, filter);
        add(Part::Time, format!("SELECT seq {range}"), values);
    }
    if let Some(text) = filter.search.as_deref().map(row::fold) {
        if text.chars().count() < SHORTEST_TRIGRAM {
            let (hosts, mut values) = hosts(owner, filter);
            let (from, to) = prefix_range(&text);
            values.extend([from.into(), to.into()]);
            let sql = format!(
                "SELECT seq FROM links INDEXED BY sqlite_autoindex_links_2 WHERE domain IN ({hosts}) AND slug_key >= ? AND slug_key < ?"
            );
            add(Part::Property, sql, values);
        } else {
            let sql = "SELECT rowid FROM links_search WHERE links_search MATCH ?";
            add(Part::Property, sql.to_owned(), vec![trigrams(&text)?.into()]);
        }
    }
    Ok(all)
}

/// The hosts of an owner's links, each found by one look beyond the one before.
fn hosts(owner: Owner, filter: &Filter) -> (String, Vec<Value>) {
    if let Some(domain) = &filter.domain {
        return ("?".to_owned(), vec![domain.into()]);
    }
    let next = "SELECT min(domain) FROM links INDEXED BY links_by_domain WHERE owner = ? AND is_archived = ?";
    let sql = format!(
        "WITH RECURSIVE hosts (host) AS ({next} UNION ALL SELECT ({next} AND domain > host) FROM hosts WHERE host IS NOT NULL) \
         SELECT host FROM hosts"
    );
    (sql, [0, 1].into_iter().flat_map(|_| [owner.into(), filter.is_archived.into()]).collect())
}

/// The links that were made within the times of a filter, along the index that knows.
fn made_within(owner: Owner, filter: &Filter) -> (String, Vec<Value>) {
    let from = filter.created_after.map_or_else(|| LinkId::from_bits(0).to_string(), first_id);
    let to = filter.created_before.map_or_else(|| LinkId::from_bits(u128::MAX).to_string(), first_id);
    let sql = "FROM links INDEXED BY links_by_creation WHERE owner = ? AND is_archived = ? AND id >= ? AND id < ?";
    (sql.to_owned(), vec![owner.into(), filter.is_archived.into(), from.into(), to.into()])
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

/// Trigrams of a text of which few links have all; the rarest, as far as letters tell, of each of so many parts of it.
fn trigrams(text: &str, most: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().take(MOST_LETTERS).collect();
    let all: Vec<&[char]> = letters.windows(SHORTEST_TRIGRAM).collect();
    let parts = letters.len().div_ceil(SHORTEST_TRIGRAM).clamp(1, most);
    let mut rarest: Vec<&[char]> = (0..parts)
        .map(|part| &all[all.len() * part / parts..all.len() * (part + 1) / parts])
        .filter_map(|part| part.iter().rev().min_by_key(|trigram| commonness(trigram)).copied())
        .collect();
    rarest.dedup();
    rarest.into_iter().map(String::from_iter).collect()
}

/// A question to the index of trigrams, in FTS5's language (https://sqlite.org/fts5.html §3): what has this text has all of
/// these, and little else has.
fn question(trigrams: &[String]) -> String {
    let quoted: Vec<_> = trigrams.iter().map(|trigram| format!("\"{}\"", trigram.replace('"', "\"\""))).collect();
    quoted.join(" AND ")
}

/// How common these letters are together, roughly, in titles and addresses of the languages that are written in Latin.
fn commonness(letters: &[char]) -> u32 {
    let one = |letter: &char| match letter {
        'a' | 'e' | 'i' | 'n' | 'o' | 'r' | 's' | 't' => 8,
        ' ' | 'c' | 'd' | 'h' | 'l' | 'm' | 'p' | 'u' => 4,
        'b' | 'f' | 'g' | 'v' | 'w' | 'y' => 2,
        'j' | 'k' | 'q' | 'x' | 'z' => 1,
        letter if letter.is_ascii() => 3,
        _ => 1,
    };
    letters.iter().map(one).product()
}

#[cfg(test)]
mod plans;
mod race;
