//! The store goes away: what is in memory goes on, what is not is a 503 and never a 404, and nothing is lost.

use serde_json::json;

use super::{HERE, id, location};
use crate::harness::{Answer, App};

#[tokio::test]
async fn redirects_go_on_without_the_store() {
    let app = App::on_postgres(&[("database.timeout_ms", "1000")]).await;
    let link = app.link(json!({"url": HERE, "slug": "in-memory"})).await;
    app.link(json!({"url": HERE, "slug": "not-read-yet"})).await;
    let limited = app.link(json!({"url": HERE, "slug": "limited-one", "click_limit": 5})).await;
    assert_eq!(location(&app, "/in-memory").await, HERE);
    assert_eq!(location(&app, "/limited-one").await, HERE);
    assert_eq!(Answer::of(app.visit("/known-absent")).await.status, 404);
    app.settle().await;

    app.database().cut();
    for _ in 0..3 {
        assert_eq!(location(&app, "/in-memory").await, HERE);
        assert_eq!(location(&app, "/limited-one").await, HERE);
    }
    assert_eq!(Answer::of(app.visit("/known-absent")).await.status, 404);
    for path in ["/not-read-yet", "/never-made", "/in-memory+"] {
        let answer = Answer::of(app.visit(path)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path}: {}", answer.text);
        assert!(answer.text.contains("Back in a moment") && answer.header("x-request-id").starts_with("req_"));
    }
    let many = futures_util::future::join_all((0..32).map(|_| Answer::of(app.visit("/not-read-yet")))).await;
    assert!(many.iter().all(|answer| answer.status == 503));
    let refused = app.post("/links", json!({"url": HERE})).await;
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.error(503), "unavailable");

    app.database().mend();
    let mut status = 503;
    for _ in 0..100 {
        status = Answer::of(app.visit("/not-read-yet")).await.status;
        if status != 503 {
            break;
        }
    }
    assert_eq!(status, 302);
    assert_eq!(Answer::of(app.visit("/never-made")).await.status, 404);
    // The drain may have begun a pause: it goes on when somebody asks.
    while app.server().drain.flush().await.is_err() {}
    assert_eq!(app.get(&format!("/links/{}", id(&link))).await.is(200)["clicks"], 4);
    assert_eq!(app.get(&format!("/links/{}", id(&limited))).await.is(200)["clicks"], 4);
    assert_eq!(location(&app, "/limited-one").await, HERE);
    assert_eq!(
        Answer::of(app.visit("/limited-one")).await.status,
        410,
        "those of the time without the store count too"
    );
}
