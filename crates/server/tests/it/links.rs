//! Links over the API.

use serde_json::json;

use crate::harness::{Answer, App};

async fn made_followed_and_counted(app: App) {
    let link = app.link(json!({"url": "https://example.com/spring", "slug": "Spring-Sale", "title": "Spring"})).await;
    assert_eq!(link["short_url"], "http://localhost:8080/Spring-Sale");
    assert_eq!(link["clicks"], 0);
    let answer = Answer::of(app.visit("/spring-sale")).await;
    assert_eq!((answer.status, answer.header("location")), (302, "https://example.com/spring"));
    app.settle().await;
    let path = format!("/links/{}", link["id"].as_str().expect("an id"));
    assert_eq!(app.get(&path).await.is(200)["clicks"], 1);
}

#[tokio::test]
async fn a_link_is_made_followed_and_counted() {
    made_followed_and_counted(App::start().await).await;
}

#[tokio::test]
async fn a_link_is_made_followed_and_counted_on_postgres() {
    made_followed_and_counted(App::on_postgres(&[]).await).await;
}
