//! How the API is used: requests, errors and limit hits of each hour, by whoever asked and what for.
//!
//! Nodes count in memory and bring what they have now and then; bringing adds, so it does not matter how many nodes there
//! are, or how often one comes.

use mask_core::{actor::Actor, time::Time, workspace::Owner};

use crate::{
    Error, Store,
    db::{Row, Tx, Value, values},
    webhooks::{parts, places},
};

const HOUR_MS: i64 = 3_600_000;

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The hour: how many have passed since 1970.
    pub hour: i64,
    /// Whose objects were asked for, by the owner's number: keys have an order.
    pub owner: i64,
    /// Who asked: see [`Actor`].
    pub actor: String,
    /// What was asked for: a method and a path with its parameters' names.
    pub endpoint: String,
}

/// The hour of a moment.
pub const fn hour_of(at: Time) -> i64 {
    at.unix_millis().div_euclid(HOUR_MS)
}

/// When an hour begins.
pub const fn hour_begins(hour: i64) -> Time {
    Time::from_unix_millis(hour.saturating_mul(HOUR_MS))
}

/// How many requests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageCount {
    /// All of them.
    pub requests: i64,
    /// Those that were answered with 4xx, but for limit hits.
    pub client_errors: i64,
    /// Those that were answered with 5xx.
    pub server_errors: i64,
    /// Those that were refused as too many.
    pub limit_hits: i64,
}

impl std::ops::AddAssign for UsageCount {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.limit_hits += other.limit_hits;
    }
}

/// Which counts are wanted: those that meet every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// From this hour on.
    pub from_hour: i64,
    /// Before this hour.
    pub to_hour: i64,
    /// Of who asked.
    pub actor: Option<Actor>,
    /// Of what was asked for.
    pub endpoint: Option<String>,
}

/// What counts are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageGroup {
    /// The hour.
    Hour,
    /// Who asked.
    Actor,
    /// What was asked for.
    Endpoint,
}

/// A group: its hour as a number, or its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// See [`UsageGroup::Hour`].
    Hour(i64),
    /// See [`UsageGroup::Actor`].
    Actor(Actor),
    /// See [`UsageGroup::Endpoint`].
    Endpoint(String),
}

fn add(tx: &mut Tx<'_>, counts: &[(UsageKey, UsageCount)]) -> Result<(), Error> {
    for part in parts(counts) {
        let all: Vec<Value> = part.iter().flat_map(values_of).collect();
        let rows = places(part.len(), 8, 0, |place| format!("({})", place.join(", ")));
        let sql = format!(
            "INSERT INTO api_usage (owner, hour, actor, endpoint, requests, client_errors, server_errors, limit_hits) \
             VALUES {rows} ON CONFLICT (owner, hour, actor, endpoint) DO UPDATE SET \
             requests = api_usage.requests + excluded.requests, \
             client_errors = api_usage.client_errors + excluded.client_errors, \
             server_errors = api_usage.server_errors + excluded.server_errors, \
             limit_hits = api_usage.limit_hits + excluded.limit_hits"
        );
        tx.execute(&sql, &all)?;
    }
    Ok(())
}

fn values_of((key, count): &(UsageKey, UsageCount)) -> [Value; 8] {
    values![
        key.owner,
        key.hour,
        &key.actor,
        &key.endpoint,
        count.requests,
        count.client_errors,
        count.server_errors,
        count.limit_hits
    ]
}

fn read(row: Row, group: UsageGroup) -> Result<(UsageOf, UsageCount), Error> {
    let mut row = row.columns("api_usage");
    let of = match group {
        UsageGroup::Hour => UsageOf::Hour(row.integer("hour")?),
        UsageGroup::Actor => UsageOf::Actor(row.parsed("actor", Actor::parse)?),
        UsageGroup::Endpoint => UsageOf::Endpoint(row.text("endpoint")?),
    };
    let count = UsageCount {
        requests: row.integer("requests")?,
        client_errors: row.integer("client_errors")?,
        server_errors: row.integer("server_errors")?,
        limit_hits: row.integer("limit_hits")?,
    };
    Ok((of, count))
}

impl Store {
    /// Adds what was counted; all of it, or nothing. In the order of the keys, so that two nodes never wait for each other.
    pub async fn add_usage(&self, mut counts: Vec<(UsageKey, UsageCount)>) -> Result<(), Error> {
        counts.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.main.write(move |tx| add(tx, &counts)).await
    }

    /// What was counted of an owner, by groups in their order: hours from the earliest on, or texts.
    pub async fn usage(
        &self,
        owner: Owner,
        filter: UsageFilter,
        group: UsageGroup,
    ) -> Result<Vec<(UsageOf, UsageCount)>, Error> {
        self.main
            .scan(move |tx| {
                let column = match group {
                    UsageGroup::Hour => "hour",
                    UsageGroup::Actor => "actor",
                    UsageGroup::Endpoint => "endpoint",
                };
                let mut all: Vec<Value> = values![owner, filter.from_hour, filter.to_hour].into();
                let mut wanted = String::from("owner = $1 AND hour >= $2 AND hour < $3");
                let actor = filter.actor.map(|actor| ("actor", Value::from(actor)));
                let endpoint = filter.endpoint.map(|endpoint| ("endpoint", Value::from(endpoint)));
                for (name, value) in actor.into_iter().chain(endpoint) {
                    all.push(value);
                    wanted.push_str(&format!(" AND {name} = ${}", all.len()));
                }
                let sums = ["requests", "client_errors", "server_errors", "limit_hits"]
                    .map(|name| format!("CAST(sum({name}) AS BIGINT)"))
                    .join(", ");
                let sql = format!(
                    "SELECT {column}, {sums} FROM api_usage WHERE {wanted} GROUP BY {column} ORDER BY {column}"
                );
                tx.query(&sql, &all)?.into_iter().map(|row| read(row, group)).collect()
            })
            .await
    }

    /// Forgets the counts of hours before this one, at most `limit` of them; says how many.
    pub async fn forget_usage(&self, before_hour: i64, limit: u32) -> Result<u64, Error> {
        self.main
            .write(move |tx| {
                let sql = "DELETE FROM api_usage WHERE (owner, hour, actor, endpoint) IN \
                           (SELECT owner, hour, actor, endpoint FROM api_usage WHERE hour < $1 ORDER BY hour LIMIT $2)";
                tx.execute(sql, &values![before_hour, i64::from(limit)])
            })
            .await
    }
}
