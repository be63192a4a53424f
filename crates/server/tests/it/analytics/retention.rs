//! `clicks.retention_days`: after so many days visitors are forgotten without anybody's request, and the counts stay.

use serde_json::{Value, json};

use super::{HERE, PATIENT, clicks, export::lines, visit};
use crate::harness::{App, BROWSER};

const ALL: &str = "start=2026-03-20&end=2026-03-30";
const HOUR: u64 = 3600;

async fn pages(app: &App) -> Vec<Value> {
    lines(app, ALL).await.into_iter().map(|row| row["referrer_url"].clone()).collect()
}

#[tokio::test]
async fn visitors_are_forgotten_after_so_many_days() {
    let mut app = App::with(&[PATIENT[0], ("clicks.retention_days", "3")]).await;
    app.link(json!({"url": HERE, "slug": "one-link"})).await;
    let from = async |app: &App, page: &str| {
        visit(app, "/one-link", &[("user-agent", BROWSER), ("referer", page)]).await;
        app.settle().await;
    };
    from(&app, "https://example.org/a").await;
    // At two in the morning of the 25th.
    app.wait(12 * HOUR);
    from(&app, "https://example.org/b").await;
    let counted = clicks(&app, &format!("{ALL}&metrics=clicks,visitors")).await;
    let told = [json!("https://example.org/a"), json!("https://example.org/b")];
    // Late on the 27th both are of the last three days. It is looked at when a server starts, and now and then.
    app.wait((2 * 24 + 21) * HOUR);
    app.restart().await;
    app.settle().await;
    assert_eq!(pages(&app).await, told);
    // Early on the 28th the 24th is not.
    app.wait(2 * HOUR);
    app.restart().await;
    let left = loop {
        app.settle().await;
        let left = pages(&app).await;
        if left != told {
            break left;
        }
    };
    assert_eq!(left, [json!("direct"), told[1].clone()]);
    assert_eq!(lines(&app, ALL).await[0]["at"], "2026-03-24T14:00:00Z", "the quarter of an hour stays");
    assert_eq!(clicks(&app, &format!("{ALL}&metrics=clicks,visitors")).await, counted);
    // Without the setting nothing more goes.
    app.wait(24 * HOUR);
    app.restart_with(&[("clicks.retention_days", "0")]).await;
    from(&app, "https://example.org/c").await;
    assert_eq!(pages(&app).await, [json!("direct"), told[1].clone(), json!("https://example.org/c")]);
}
