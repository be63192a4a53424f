//! `/usage`: how much this API is used, by whom, and for what.

mod counter;
mod endpoint;

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use mask_core::{Refused, actor::Actor, scope::Scope, time::Time};
use mask_store::{UsageCount, UsageFilter, UsageGroup, UsageOf, hour_begins, hour_of};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    audit_log::ActorBody,
    caller::{Caller, WorkspaceRead},
    error::ApiError,
    query::{self, Parameters},
    request::Answer,
};
pub use counter::{Answered, Counter};

/// How long counts are kept, in hours.
pub const KEPT_HOURS: i64 = 90 * 24;
/// How much is shown unless somebody says.
const SHOWN_HOURS: i64 = 7 * 24;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(usage))
}

/// What the rows are.
#[derive(Debug, ToSchema)]
#[schema(as = UsageGroup)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(super) enum GroupName {
    hour,
    day,
    key,
    endpoint,
}

/// What the rows are put together by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Group {
    Hour,
    #[default]
    Day,
    Key,
    Endpoint,
}

impl Group {
    fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            "key" => Ok(Self::Key),
            "endpoint" => Ok(Self::Endpoint),
            _ => Err(Refused::because("Must be hour, day, key or endpoint")),
        }
    }
}

/// Requests that were counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageCounts)]
struct CountBody {
    /// All of them.
    #[schema(example = 1204)]
    requests: i64,
    /// Those that were answered with 4xx, but for limit hits.
    #[schema(example = 12)]
    client_errors: i64,
    /// Those that were answered with 5xx.
    #[schema(example = 0)]
    server_errors: i64,
    /// Those that were refused with 429, as too many in one minute.
    #[schema(example = 0)]
    limit_hits: i64,
}

impl From<UsageCount> for CountBody {
    fn from(count: UsageCount) -> Self {
        let UsageCount { requests, client_errors, server_errors, limit_hits } = count;
        Self { requests, client_errors, server_errors, limit_hits }
    }
}

/// A row has one of the members that say what it counts; which one is said by `groupBy`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = UsageOf)]
struct OfBody {
    /// When the hour began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime, example = "2026-03-24T14:00:00Z")]
    hour: Option<String>,
    /// The day, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-03-24")]
    day: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor: Option<ActorBody>,
    /// The method, and the path with the names of its parameters; `unknown` stands for all that there is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "GET /links/{id}")]
    endpoint: Option<String>,
}

/// A row of usage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageRow)]
struct RowBody {
    #[serde(flatten)]
    of: OfBody,
    #[serde(flatten)]
    count: CountBody,
}

/// How the API was used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
struct UsageBody {
    /// Where the counts begin: at a full hour.
    #[schema(format = DateTime, example = "2026-03-17T15:00:00Z")]
    from: String,
    /// Where they end: at a full hour.
    #[schema(format = DateTime, example = "2026-03-24T15:00:00Z")]
    to: String,
    /// The rows: hours and days in their order, those without requests left out; keys and endpoints with the most requests first.
    data: Vec<RowBody>,
    /// All rows together.
    total: CountBody,
}

/// Read how the API is used
///
/// Requests, errors and limit hits of this workspace and environment by hour, day, key (or person) and endpoint. They are
/// counted by the hour and kept for 90 days. By key, and of an `actor` other than the caller, they take `api-keys:read` as well,
/// which among people the owner and the admins have. Each server brings its counts every minute, so the last minute may be
/// missing; one that is killed loses it.
#[utoipa::path(
    get, path = "/usage", operation_id = "get_usage", tag = "Workspace",
    params(
        ("from" = Option<String>, Query, description = "From the hour of this moment on: an RFC 3339 timestamp, or a date, which means the beginning of that day in UTC. Seven days before `to` unless told otherwise", example = "2026-03-17T15:00:00Z"),
        ("to" = Option<String>, Query, description = "Up to the hour before this moment: an RFC 3339 timestamp, or a date, which means the end of that day in UTC. The end of this hour unless told otherwise", example = "2026-03-24T15:00:00Z"),
        ("groupBy" = Option<GroupName>, Query, description = "What the rows are; `day` unless told otherwise"),
        ("actor" = Option<String>, Query, description = "Only those of this key or person, by its id"),
        ("endpoint" = Option<String>, Query, max_length = 200, description = "Only those to this endpoint, as rows name it: `GET /links/{id}`, also with the whole path (`GET /api/v1/links/{id}`). One that there is not is a 422, which says what there is"),
    ),
    responses((status = 200, description = "How the API was used", body = UsageBody)),
    security(("key" = ["workspace:read"]))
)]
async fn usage(
    State(api): State<Arc<Api>>,
    caller: Caller<WorkspaceRead>,
    mut parameters: Parameters,
) -> Result<Answer<UsageBody>, ApiError> {
    let to = parameters.optional("to", query::to).map(first_hour_from);
    let to_hour = to.unwrap_or_else(|| hour_of(api.clock.now()) + 1);
    let from = parameters.optional("from", |text| {
        let hour = hour_of(query::from(text)?);
        if hour < to_hour { Ok(hour) } else { Err(Refused::because("Must be before `to`")) }
    });
    let group = parameters.optional("groupBy", Group::parse).unwrap_or_default();
    let actor = parameters.optional("actor", |text| {
        Actor::parse(text).map_err(|_| Refused::because("Must be the id of a key or of a person"))
    });
    let endpoint = parameters.optional("endpoint", endpoint::parse);
    parameters.end()?;
    if group == Group::Key || actor.is_some_and(|actor| actor != caller.actor) {
        // What each key and each person does is for those who see the keys.
        caller.has_also(Scope::ApiKeysRead)?;
    }
    let from_hour = from.unwrap_or(to_hour - SHOWN_HOURS);
    let filter = UsageFilter { from_hour, to_hour, actor, endpoint };
    let by = match group {
        Group::Hour | Group::Day => UsageGroup::Hour,
        Group::Key => UsageGroup::Actor,
        Group::Endpoint => UsageGroup::Endpoint,
    };
    let found = api.store.usage(caller.owner, filter, by).await?;
    let mut total = UsageCount::default();
    for (_, count) in &found {
        total += *count;
    }
    Ok(Answer(UsageBody {
        from: hour_begins(from_hour).to_string(),
        to: hour_begins(to_hour).to_string(),
        data: rows(found, group),
        total: total.into(),
    }))
}

/// The first hour that does not begin before a moment.
fn first_hour_from(at: Time) -> i64 {
    let hour = hour_of(at);
    if hour_begins(hour) == at { hour } else { hour + 1 }
}

fn rows(mut found: Vec<(UsageOf, UsageCount)>, group: Group) -> Vec<RowBody> {
    if group == Group::Day {
        let mut days: BTreeMap<i64, UsageCount> = BTreeMap::new();
        for (of, count) in found {
            let UsageOf::Hour(hour) = of else { continue };
            *days.entry(hour.div_euclid(24)).or_default() += count;
        }
        let day = |day: i64| hour_begins(day * 24).to_string().chars().take_while(|letter| *letter != 'T').collect();
        let row = |(number, count): (i64, UsageCount)| RowBody {
            of: OfBody { day: Some(day(number)), ..OfBody::default() },
            count: count.into(),
        };
        return days.into_iter().map(row).collect();
    }
    if group != Group::Hour {
        // A stable sort: those with as many stay in the order of their names.
        found.sort_by_key(|(_, count)| std::cmp::Reverse(count.requests));
    }
    let of = |of| match of {
        UsageOf::Hour(hour) => OfBody { hour: Some(hour_begins(hour).to_string()), ..OfBody::default() },
        UsageOf::Actor(actor) => OfBody { actor: Some(ActorBody::of(actor)), ..OfBody::default() },
        UsageOf::Endpoint(endpoint) => OfBody { endpoint: Some(endpoint), ..OfBody::default() },
    };
    found.into_iter().map(|(group, count)| RowBody { of: of(group), count: count.into() }).collect()
}
