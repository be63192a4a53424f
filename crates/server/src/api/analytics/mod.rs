//! `/analytics`: counts of visits, by time and by what is known of them.
//!
//! [`ask`] reads a question, [`shape`] writes its answer, and [`mask_core::calendar`] says where days and hours begin.
//! Statistics outlive links, so a `linkId` is looked up nowhere: of a link that is no more the numbers are still there, and
//! of one that never was, or that is somebody else's, there are none, which cannot be told apart.

pub(super) mod ask;
mod export;
mod rows;
mod shape;
mod summary;
mod visitor_data;

use std::{cmp::Reverse, sync::Arc};

use axum::extract::State;
use mask_core::question::{Answer as Counts, Count, Group, Rows, Subject};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    caller::{AnalyticsRead, Caller},
    error::ApiError,
    query::Parameters,
    request::Answer,
};
use ask::{Asked, By};
pub(crate) use rows::{value, visits_as_csv};
use shape::{ClickStatistics, Row, ScanStatistics, Statistics};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(clicks))
        .routes(routes!(scans))
        .routes(routes!(summary::summary))
        .routes(routes!(export::export))
        .routes(routes!(visitor_data::forget))
}

/// Count clicks
///
/// By time unless `groupBy` names something else: each bucket of the window's newest `limit` ones, those without clicks too.
/// By anything else: the `limit` values with most clicks, hours in the order of the day. `total` always covers the whole window.
#[utoipa::path(
    get, path = "/analytics/clicks", operation_id = "count_clicks", tag = "Analytics",
    params(Asked),
    responses((status = 200, description = "The counts", body = ClickStatistics)),
    security(("key" = ["analytics:read"]))
)]
async fn clicks(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    parameters: Parameters,
) -> Result<Answer<Statistics>, ApiError> {
    count(&api, &caller, parameters, Subject::Clicks).await
}

/// Count scans
///
/// Visits by way of a printed code, which are clicks too. Asked and answered like clicks.
#[utoipa::path(
    get, path = "/analytics/scans", operation_id = "count_scans", tag = "Analytics",
    params(Asked),
    responses((status = 200, description = "The counts", body = ScanStatistics)),
    security(("key" = ["analytics:read"]))
)]
async fn scans(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    parameters: Parameters,
) -> Result<Answer<Statistics>, ApiError> {
    count(&api, &caller, parameters, Subject::Scans).await
}

async fn count(
    api: &Api,
    caller: &Caller<AnalyticsRead>,
    mut parameters: Parameters,
    subject: Subject,
) -> Result<Answer<Statistics>, ApiError> {
    let asked = Asked::read(&mut parameters, subject, api.clock.now());
    parameters.end()?;
    let (group, labels) = divided(&asked);
    let question = asked.frame.question(subject, group);
    let found = api.store.answer(caller.owner, question).await?;
    Ok(Answer(statistics(&asked, subject, labels, found)))
}

/// How the counts are divided, and what the parts are called where the store does not say so.
fn divided(asked: &Asked) -> (Group, Vec<String>) {
    let (window, zone) = (asked.frame.period.window(), &asked.frame.zone);
    match asked.by {
        By::Time => {
            let buckets = zone.buckets(window, asked.interval, asked.limit);
            let (begins, labels) = buckets.into_iter().map(|bucket| (bucket.begins, bucket.label)).unzip();
            (Group::Buckets(begins), labels)
        }
        By::HourOfDay => (Group::HourOfDay(zone.offsets(window)), (0..24).map(|hour| format!("{hour:02}")).collect()),
        By::Value(dimension) => (Group::Values(dimension, asked.limit), Vec::new()),
    }
}

/// The hours of the day with most clicks, in the order of the day; of those with as many, the earlier ones.
fn busiest(hours: impl Iterator<Item = (String, Count)>, limit: usize) -> Vec<(String, Count)> {
    let mut hours: Vec<_> = hours.collect();
    hours.sort_by_key(|(_, count)| Reverse(count.clicks));
    hours.truncate(limit);
    hours.sort_by(|(one, _), (other, _)| one.cmp(other));
    hours
}

fn statistics(asked: &Asked, subject: Subject, labels: Vec<String>, found: Counts) -> Statistics {
    let counts: Vec<_> = match found.rows {
        Rows::Counts(counts) if asked.by == By::HourOfDay => busiest(labels.into_iter().zip(counts), asked.limit),
        Rows::Counts(counts) => labels.into_iter().zip(counts).collect(),
        Rows::Values(values) => values,
    };
    let visitors = |visitors: u64| asked.with_visitors.then_some(visitors);
    let data = counts.into_iter().map(|(value, count)| Row {
        name: asked.by.member(),
        value,
        counted: shape::counted(subject),
        count: count.clicks,
        visitors: visitors(count.visitors),
    });
    Statistics {
        data: data.collect(),
        total: found.total.clicks,
        total_visitors: visitors(found.total.visitors),
        start: asked.frame.period.start.to_string(),
        end: asked.frame.period.end.to_string(),
    }
}
