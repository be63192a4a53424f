//! Forgetting visitors: what told of them goes, what was counted stays.

use reqwest::Method;
use serde_json::{Value, json};

use super::{DAYS, PATIENT, clicks, sample};
use crate::harness::{Answer, App};

async fn exported(app: &App) -> Vec<Value> {
    let answer = app.get(&format!("/analytics/export?{DAYS}&format=ndjson&bots=include")).await;
    answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn visitors_are_forgotten_and_counts_stay() {
    let app = App::with(&PATIENT).await;
    sample(&app).await;
    let by_day = clicks(&app, &format!("{DAYS}&metrics=clicks,visitors")).await;
    let told = exported(&app).await;
    assert!(told.iter().any(|row| row["referrer_url"] == "https://www.example.org/story"));
    let answer = app.delete("/analytics/visitor-data?before=2026-03-25").await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    // It is done after a round of the drain; until then the old rows are answered.
    let forgotten = loop {
        app.settle().await;
        let rows = exported(&app).await;
        if rows != told {
            break rows;
        }
    };
    assert_eq!(forgotten.len(), told.len());
    assert!(!forgotten.iter().any(|row| row["referrer_url"] == "https://www.example.org/story"));
    assert!(forgotten.iter().any(|row| row["referrer"] == "example.org"), "the host is counted on");
    let at = |rows: &[Value]| rows.iter().map(|row| row["at"].as_str().expect("a time").to_owned()).collect::<Vec<_>>();
    assert_eq!(at(&forgotten)[0], "2026-03-24T14:00:00Z");
    assert_eq!(at(&forgotten).last(), at(&told).last(), "what is later stays as it was");
    assert_eq!(clicks(&app, &format!("{DAYS}&metrics=clicks,visitors")).await, by_day);
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_told() {
    let app = App::with(&PATIENT).await;
    for query in ["", "?before=", "?before=2999-01-01", "?before=yesterday", "?before=2026-03-01&before=2026-03-02"] {
        let answer = app.delete(&format!("/analytics/visitor-data{query}")).await;
        assert_eq!(
            (answer.error(422), answer.fields()),
            ("validation_error".to_owned(), vec!["before".to_owned()]),
            "{query}"
        );
    }
    let reader = app.key_for("analytics:read", false).await;
    let request = app.api_as(&reader, Method::DELETE, "/analytics/visitor-data?before=2026-03-01");
    assert_eq!(Answer::of(request).await.status, 403);
    assert_eq!(clicks(&app, DAYS).await["data"][0], json!({"date": "2026-03-24", "clicks": 0}));
}
