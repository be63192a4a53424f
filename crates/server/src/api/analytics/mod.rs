//! `/analytics`: counts of visits, by time and by what is known of them.
//!
//! [`ask`] reads a question, [`shape`] writes its answer, and [`mask_core::calendar`] says where days and hours begin.
//! Statistics outlive links and pages, so a `linkId` and a `bioPageId` are looked up nowhere: of a link that is no more the
//! numbers are still there, and of one that never was, or that is somebody else's, there are none, which cannot be told
//! apart. A `qrCodeId` must be looked up, as scans are recorded by the code's token; what is not found has none either.

pub(super) mod ask;
mod export;
pub(super) mod params;
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
use params::{OfClicks, OfScans, OfViews};
pub(crate) use rows::{cell, value, visits_set_aside};
use shape::{ClickStatistics, Row, ScanStatistics, Statistics, ViewStatistics};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(clicks))
        .routes(routes!(scans))
        .routes(routes!(views))
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
    params(OfClicks),
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
/// Visits by way of a printed code: to a link, which are clicks too, or to a bio page, which are views too. Asked and answered like
/// clicks; divided by what only links have, those of pages stand where nothing is known (`link=unknown`, `tag=none`). Of a code that
/// is deleted nobody can tell any more which scans were its own: by `code` they are `unknown`.
#[utoipa::path(
    get, path = "/analytics/scans", operation_id = "count_scans", tag = "Analytics",
    params(OfScans),
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

/// Count views
///
/// Visits to bio pages, asked and answered like clicks, by what can be told of pages: they have no tags and no UTM
/// parameters. A page that is deleted keeps its numbers. By `block` it is the clicks on the blocks of pages that are counted:
/// rows such as `{"block":"blk_01kcd3vyk5f8r9v3k2m4n6p8qa","clicks":12}`, and `total` is their sum. Where a block leads to a short link of
/// this service the visit there is a click of that link too, with the source `bio`.
#[utoipa::path(
    get, path = "/analytics/views", operation_id = "count_views", tag = "Analytics",
    params(OfViews),
    responses((status = 200, description = "The counts", body = ViewStatistics)),
    security(("key" = ["analytics:read"]))
)]
async fn views(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    parameters: Parameters,
) -> Result<Answer<Statistics>, ApiError> {
    count(&api, &caller, parameters, Subject::Views).await
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
    let question = asked.frame.question(asked.subject, group);
    let found = api.store.answer(caller.owner, question).await?;
    Ok(Answer(statistics(&asked, labels, found)))
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

fn statistics(asked: &Asked, labels: Vec<String>, found: Counts) -> Statistics {
    let counts: Vec<_> = match found.rows {
        Rows::Counts(counts) if asked.by == By::HourOfDay => busiest(labels.into_iter().zip(counts), asked.limit),
        Rows::Counts(counts) => labels.into_iter().zip(counts).collect(),
        Rows::Values(values) => values,
    };
    let visitors = |visitors: u64| asked.with_visitors.then_some(visitors);
    let data = counts.into_iter().map(|(value, count)| Row {
        name: asked.by.member(),
        value,
        counted: shape::counted(asked.subject),
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
