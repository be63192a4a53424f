//! `/analytics/summary`: the totals of a window beside those of the one before.

use std::sync::Arc;

use axum::extract::State;
use mask_core::{
    calendar::Period,
    question::{Condition, Count, Group, Subject},
    workspace::Owner,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::Frame;
use crate::api::{
    Api,
    caller::{AnalyticsRead, Caller},
    error::ApiError,
    query::Parameters,
    request::Answer,
};

/// The totals of a window.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Summary {
    /// Visits to links.
    clicks: Comparison,
    /// By how many visitors: a visitor is counted at the first visit of a day (UTC) to any link of the workspace, or with `linkId` or
    /// `link` at the first to that link.
    visitors: Comparison,
    /// Visits by way of a printed code, which are clicks too.
    scans: Comparison,
    /// Visits to bio pages. They have no link, no tags and no UTM parameters: with such a filter there are none.
    views: Comparison,
    /// The first second of the window.
    #[schema(format = DateTime, example = "2026-03-08T00:00:00Z")]
    start: String,
    /// The last second of the window.
    #[schema(format = DateTime, example = "2026-03-14T23:59:59Z")]
    end: String,
    /// The first second of the window before, which is as long.
    #[schema(format = DateTime, example = "2026-03-01T00:00:00Z")]
    previous_start: String,
    /// The last second of the window before.
    #[schema(format = DateTime, example = "2026-03-07T23:59:59Z")]
    previous_end: String,
}

/// A total, and how it has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Comparison {
    /// In the window.
    #[schema(example = 150)]
    total: u64,
    /// In the window before.
    #[schema(example = 120)]
    previous: u64,
    /// By which share of `previous` the total is above it, or below where it is negative; null where `previous` is 0.
    #[schema(example = 0.25)]
    change: Option<f64>,
}

impl Comparison {
    #[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 clicks may be off in its last digit")]
    fn of(total: u64, previous: u64) -> Self {
        let change = (previous > 0).then(|| (total as f64 - previous as f64) / previous as f64);
        Self { total, previous, change }
    }
}

/// Sum up a window
///
/// Its totals, and their change against the window of the same length that ends where it begins.
#[utoipa::path(
    get, path = "/analytics/summary", operation_id = "sum_up", tag = "Analytics",
    params(Frame),
    responses((status = 200, description = "The totals", body = Summary)),
    security(("key" = ["analytics:read"]))
)]
pub(super) async fn summary(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    mut parameters: Parameters,
) -> Result<Answer<Summary>, ApiError> {
    let frame = Frame::read(&mut parameters, Subject::Clicks, api.clock.now());
    parameters.end()?;
    let (now, before) = (frame.period, frame.period.before());
    let clicks = total(&api, caller.owner, &frame, Subject::Clicks, now).await?;
    let clicks_before = total(&api, caller.owner, &frame, Subject::Clicks, before).await?;
    let scans = total(&api, caller.owner, &frame, Subject::Scans, now).await?;
    let scans_before = total(&api, caller.owner, &frame, Subject::Scans, before).await?;
    let (mut views, mut views_before) = (Count::default(), Count::default());
    if may_have_views(&frame) {
        views = total(&api, caller.owner, &frame, Subject::Views, now).await?;
        views_before = total(&api, caller.owner, &frame, Subject::Views, before).await?;
    }
    Ok(Answer(Summary {
        clicks: Comparison::of(clicks.clicks, clicks_before.clicks),
        visitors: Comparison::of(clicks.visitors, clicks_before.visitors),
        scans: Comparison::of(scans.clicks, scans_before.clicks),
        views: Comparison::of(views.clicks, views_before.clicks),
        start: now.start.to_string(),
        end: now.end.to_string(),
        previous_start: before.start.to_string(),
        previous_end: before.end.to_string(),
    }))
}

/// Whether a page can meet what is asked.
fn may_have_views(frame: &Frame) -> bool {
    let is_of_views = |condition: &Condition| condition.dimension.is_of(Subject::Views);
    frame.of.is_none() && frame.conditions.iter().all(is_of_views)
}

async fn total(api: &Api, owner: Owner, frame: &Frame, subject: Subject, period: Period) -> Result<Count, ApiError> {
    let window = period.window();
    if window.from >= window.to {
        return Ok(Count::default());
    }
    let mut question = frame.question(subject, Group::Buckets(vec![window.from]));
    question.window = window;
    Ok(api.store.answer(owner, question).await?.total)
}

#[cfg(test)]
mod tests {
    use super::Comparison;

    #[test]
    fn a_change_is_a_share_of_what_was() {
        for (total, previous, change) in
            [(150, 120, Some(0.25)), (0, 4, Some(-1.0)), (5, 5, Some(0.0)), (5, 0, None), (0, 0, None)]
        {
            assert_eq!(Comparison::of(total, previous).change, change, "{total} after {previous}");
        }
    }
}
