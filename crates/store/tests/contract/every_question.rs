//! Every grouping with every filter, and every interval in several zones, held against plain SQL over a table with a row for each
//! visit. [`answers`](crate::answers) asks at random and counts by hand; here nothing is left to chance but the visits.

use std::fmt::Write as _;

use mask_core::{
    calendar::{Interval, Zone},
    link::Content,
    question::{Answer, Bots, Count, Dimension, Group, Question, Rows, Subject, Window},
    time::Time,
    visit::Target,
};
use mask_store::{Fact, Store};
use rusqlite::{Connection, params_from_iter};

use crate::{
    answers::{DAY, ask, condition, own_visitor, random_fact, record, value},
    backend::{Backend, Place, on_every_backend},
    sample::{Chance, DOMAIN, LIVE, at, link_id, make, new_link, new_link_with, tags},
    visits::code,
};

on_every_backend!(every_grouping_with_every_filter);

const VISITS: usize = 10_000;
const IN_A_BATCH: usize = 250;
/// Values of each dimension that are filtered by; which ones is chance, the same in every run.
const SAMPLES: usize = 1;
const SUBJECTS: [Subject; 4] = [Subject::Clicks, Subject::Scans, Subject::Views, Subject::BlockClicks];

/// Tags and a source that some links have.
fn tags_of(n: u32) -> &'static [&'static str] {
    match n % 5 {
        0 => &["spring", "sale"],
        1 => &["sale"],
        _ => &[],
    }
}

fn source_of(n: u32) -> Option<&'static str> {
    [Some("mail"), None, Some("paper")][n as usize % 3]
}

/// Makes some of the links that are visited, and codes of one of them.
async fn make_links(store: &Store) {
    let first = make(store, LIVE, new_link(1000, "first")).await.id;
    for n in 1..4 {
        code(store, LIVE, first, n).await;
    }
    for n in made() {
        let change = |content: &mut Content| {
            content.tags = tags(tags_of(n));
            content.utm.source = source_of(n).map(ToOwned::to_owned);
            content.utm.campaign = source_of(n + 1).map(ToOwned::to_owned);
        };
        make(store, LIVE, new_link_with(n, &format!("link-{n}"), change)).await;
    }
}

fn made() -> impl Iterator<Item = u32> {
    0..20
}

/// What a visit is in a dimension but tags, in the words of answers.
fn word(fact: &Fact, dimension: Dimension) -> String {
    let is_of_pages = dimension == Dimension::Code || dimension.is_of(Subject::Views);
    if matches!(fact.target, Target::Page(_)) && !is_of_pages {
        return dimension.absent().to_owned();
    }
    let made = made().find(|n| fact.target == Target::Link(link_id(*n)));
    let text = |text: Option<&str>| text.map(ToOwned::to_owned);
    let word = match dimension {
        Dimension::Domain => text(made.map(|_| DOMAIN)),
        Dimension::UtmSource => text(made.and_then(source_of)),
        Dimension::Campaign | Dimension::UtmCampaign => text(made.and_then(|n| source_of(n + 1))),
        _ => value(fact, dimension),
    };
    word.unwrap_or_else(|| dimension.absent().to_owned())
}

/// A table with a row for each of the owner's visits, and one with the tags of links.
struct Table(Connection);

fn columns() -> impl Iterator<Item = Dimension> {
    Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Tag)
}

impl Table {
    fn of(facts: &[Fact]) -> Self {
        let database = Connection::open_in_memory().expect("a database");
        let names: Vec<_> = columns().map(|dimension| format!("\"{}\" TEXT NOT NULL", dimension.as_str())).collect();
        let tables = format!(
            "CREATE TABLE raw (batch, at, kind, visited, is_counted, is_bot, is_scan, visitor, {});
             CREATE TABLE tags (link, tag); BEGIN",
            names.join(", ")
        );
        database.execute_batch(&tables).expect("tables");
        let places = vec!["?"; 8 + names.len()].join(", ");
        let mut insert = database.prepare(&format!("INSERT INTO raw VALUES ({places})")).expect("a statement");
        for (number, fact) in facts.iter().enumerate().filter(|(_, fact)| fact.owner == LIVE) {
            let kind = match fact.target {
                Target::Link(_) => "link",
                Target::Page(_) => "page",
                Target::Block(..) => "block",
            };
            let is_bot = !fact.is_counted && fact.class != "person";
            let mut row = vec![
                (number / IN_A_BATCH).to_string(),
                fact.at.unix_millis().to_string(),
                kind.to_owned(),
                fact.target.bits().to_string(),
                u8::from(fact.is_counted).to_string(),
                u8::from(is_bot).to_string(),
                u8::from(kind != "block" && fact.source == "qr").to_string(),
                fact.visitor.to_string(),
            ];
            row.extend(columns().map(|dimension| word(fact, dimension)));
            insert.execute(params_from_iter(row)).expect("a row");
        }
        drop(insert);
        // A page has no link, and no tags.
        let mut links = format!("INSERT INTO tags VALUES ('{}', 'none');", Dimension::Link.absent());
        for n in 0..300 {
            let of_made = if made().any(|made| made == n) { tags_of(n) } else { &[] };
            for tag in if of_made.is_empty() { &["none"] } else { of_made } {
                write!(links, "INSERT INTO tags VALUES ('{}', '{tag}');", link_id(n)).expect("memory takes it");
            }
        }
        // A visitor's first of the day, as batches came, and within a batch as the clock went.
        let first = |of: &str| {
            let day = "CAST(at AS INTEGER) / 86400000";
            let order = "CAST(batch AS INTEGER), CAST(at AS INTEGER), rowid";
            format!("row_number() OVER (PARTITION BY {day}, kind, is_counted, visitor{of} ORDER BY {order}) = 1")
        };
        let marked = format!(
            "{links} COMMIT;
             CREATE TABLE visits AS SELECT *, CAST(at AS INTEGER) AS moment, {} AS first_of_all, {} AS first_of_one FROM raw",
            first(""),
            first(", visited")
        );
        database.execute_batch(&marked).expect("visits");
        Self(database)
    }

    /// Puts the visits that a question is about into a table of their own.
    fn select(&self, question: &Question) {
        let mut sql = "DROP TABLE IF EXISTS meant; CREATE TEMP TABLE meant AS SELECT * FROM visits WHERE ".to_owned();
        sql += match question.subject {
            Subject::Clicks => "kind = 'link'",
            Subject::Scans => "is_scan = '1'",
            Subject::Views => "kind = 'page'",
            Subject::BlockClicks => "kind = 'block'",
        };
        sql += match question.bots {
            Bots::Without => " AND is_counted = '1'",
            Bots::With => " AND (is_counted = '1' OR is_bot = '1')",
            Bots::Only => " AND is_bot = '1'",
        };
        let Window { from, to } = question.window;
        write!(sql, " AND moment >= {} AND moment < {}", from.unix_millis(), to.unix_millis()).expect("memory");
        for condition in &question.conditions {
            let (name, value) = (condition.dimension.as_str(), condition.value.replace('\'', "''"));
            let added = match condition.dimension {
                Dimension::Tag => write!(sql, " AND link IN (SELECT link FROM tags WHERE tag = '{value}')"),
                _ => write!(sql, " AND \"{name}\" = '{value}'"),
            };
            added.expect("memory");
        }
        self.0.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn counts(&self, sql: &str) -> Vec<(String, Count)> {
        let mut statement = self.0.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let number = |row: &rusqlite::Row<'_>, place: usize| row.get::<_, i64>(place).map(i64::cast_unsigned);
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, Count { clicks: number(row, 1)?, visitors: number(row, 2)? })));
        let rows: Result<Vec<_>, _> = rows.expect("rows").collect();
        rows.expect("rows")
    }

    /// What a question is answered about the visits that were selected.
    fn answer(&self, question: &Question) -> Answer {
        let is_about_one = question.conditions.iter().any(|condition| {
            matches!(condition.dimension, Dimension::Link | Dimension::Page) && condition.value != "unknown"
        });
        let first = if is_about_one { "first_of_one" } else { "first_of_all" };
        let sums = format!("count(*), coalesce(sum({first}), 0)");
        let total = self.counts(&format!("SELECT '', {sums} FROM meant"))[0].1;
        let in_spans = |spans: &[(Time, Time, usize)], rows: usize| {
            let mut counts = vec![Count::default(); rows];
            for (from, to, place) in spans {
                let within = format!("moment >= {} AND moment < {}", from.unix_millis(), to.unix_millis());
                counts[*place] += self.counts(&format!("SELECT '', {sums} FROM meant WHERE {within}"))[0].1;
            }
            Rows::Counts(counts)
        };
        let rows = match &question.group {
            Group::Values(Dimension::Tag, _) => {
                let joined = "meant JOIN tags ON tags.link = meant.link";
                Rows::Values(self.counts(&format!("SELECT tag, {sums} FROM {joined} GROUP BY 1 ORDER BY 2 DESC, 1")))
            }
            Group::Values(dimension, _) => {
                let name = dimension.as_str();
                let sql = format!("SELECT \"{name}\", {sums} FROM meant GROUP BY 1 ORDER BY 2 DESC, 1");
                Rows::Values(self.counts(&sql))
            }
            Group::Buckets(begins) => {
                let ends = begins.iter().skip(1).copied().chain([question.window.to]);
                let spans = begins.iter().copied().zip(ends).enumerate().map(|(place, (from, to))| (from, to, place));
                in_spans(&spans.collect::<Vec<_>>(), begins.len())
            }
            Group::HourOfDay(offsets) => {
                let mut counts = vec![Count::default(); 24];
                for (place, (from, seconds)) in offsets.iter().enumerate() {
                    let to = offsets.get(place + 1).map_or(question.window.to, |(next, _)| *next);
                    let hour = format!("(moment + {seconds} * 1000) / 3600000 % 24");
                    let within = format!("moment >= {} AND moment < {}", from.unix_millis(), to.unix_millis());
                    let sql = format!("SELECT CAST({hour} AS TEXT), {sums} FROM meant WHERE {within} GROUP BY 1");
                    for (hour, count) in self.counts(&sql) {
                        counts[hour.parse::<usize>().expect("an hour")] += count;
                    }
                }
                Rows::Counts(counts)
            }
        };
        Answer { rows, total }
    }
}

/// All that visits of a kind can be divided by: values, and time in a zone that is off by a quarter of an hour and in one that sets its
/// clocks forward meanwhile.
fn groups(subject: Subject, window: Window) -> Vec<Group> {
    let mut groups: Vec<_> = subject.dimensions().map(|dimension| Group::Values(dimension, 10_000)).collect();
    for name in ["Asia/Kathmandu", "Europe/Berlin"] {
        let zone = Zone::parse(name).expect("a zone");
        groups.push(Group::HourOfDay(zone.offsets(window)));
        for interval in ["1h", "1d", "7d", "30d", "90d"] {
            let interval = Interval::parse(interval).expect("an interval");
            let most = if interval == Interval::Hour { 30 } else { 100 };
            groups.push(Group::Buckets(
                zone.buckets(window, interval, most).iter().map(|bucket| bucket.begins).collect(),
            ));
        }
    }
    groups
}

/// No filter, and each by some values that occur.
fn filters(subject: Subject, facts: &[Fact], chance: &mut Chance) -> Vec<Option<(Dimension, String)>> {
    let mut filters = vec![None];
    for dimension in subject.dimensions() {
        let mut values: Vec<String> = Vec::new();
        while values.len() < SAMPLES {
            values.push(match dimension {
                Dimension::Tag => (*chance.of(&["spring", "sale", "none"])).to_owned(),
                // By a code that is not there nothing can be asked.
                Dimension::Code => match word(chance.of(facts), dimension) {
                    unknown if unknown == dimension.absent() => continue,
                    id => id,
                },
                _ => word(chance.of(facts), dimension),
            });
        }
        values.sort_unstable();
        values.dedup();
        filters.extend(values.into_iter().map(|value| Some((dimension, value))));
    }
    filters
}

async fn every_grouping_with_every_filter(backend: &Backend) {
    let mut chance = Chance(17);
    let links: Vec<_> = (0..300).map(link_id).collect();
    make_links(&backend.store).await;
    let facts: Vec<_> = (0..VISITS).map(|_| random_fact(&mut chance, &links)).map(own_visitor).collect();
    record(&backend.store, &facts, IN_A_BATCH, 30).await;
    let table = Table::of(&facts);
    // Counting is the same code on both; what differs is how it is stored, and that takes fewer questions.
    let step = if matches!(backend.place, Place::Sqlite(_)) { 1 } else { 17 };
    // From some hours into a day to some hours into another, with the night in which Berlin's clocks are set forward.
    let window = Window { from: at(DAY + 1234), to: at(DAY * 17 + 20_700) };
    let (mut asked, mut counted) = (0_u32, 0_u32);
    for subject in SUBJECTS {
        let groups = groups(subject, window);
        for (number, filter) in filters(subject, &facts, &mut chance).into_iter().enumerate() {
            let bots = [Bots::Without, Bots::With, Bots::Only][number % 3];
            let conditions: Vec<_> = filter.iter().map(|(dimension, value)| condition(*dimension, value)).collect();
            let question = Question { subject, window, of: None, conditions, bots, group: Group::Buckets(Vec::new()) };
            table.select(&question);
            for group in groups.iter().skip(number % step).step_by(step) {
                let question = Question { group: group.clone(), ..question.clone() };
                let found = ask(&backend.store, LIVE, &question).await;
                assert_eq!(found, table.answer(&question), "{question:?}");
                asked += 1;
                counted += u32::from(found.total.clicks > 0);
            }
        }
    }
    assert!(asked > 100 && counted > asked / 2, "{counted} of {asked} had something to count");
}
