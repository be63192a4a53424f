//! What is answered on a domain whose workspace was deleted.

use mask_core::role::Role;

use super::*;
use crate::person::{Person, workspace};

#[tokio::test]
async fn a_domain_leads_nowhere_while_its_workspace_is_deleted() {
    let bench = Bench::start().await;
    let app = &bench.app;
    let slug = workspace(app, "Team").await;
    let number = app.server().store.workspace_by_slug(slug.clone()).await.expect("a store").expect("there").number;
    let key = app.key_of_workspace(number, "all", false).await;
    let (owner, _) = Person::who_is(app, Role::Owner, &slug).await;
    let domain = bench.verified_as(&key, NAME).await;
    let leads = json!({"root_url": "https://www.example.com/", "not_found_url": "https://www.example.com/404"});
    bench.ask_as(&key, Method::PATCH, &path(&domain, ""), leads).await.is(200);
    let link = json!({"url": "https://example.com/one", "slug": "spring", "domain": NAME});
    bench.ask_as(&key, Method::POST, "/links", link).await.is(201);
    let before = ["302 https://www.example.com/", "302 https://example.com/one", "302 https://www.example.com/404"];
    let all =
        async || [bench.leads(NAME, "/").await, bench.leads(NAME, "/spring").await, bench.leads(NAME, "/no").await];
    assert_eq!(all().await, before);
    let deleted = owner.api(app, &slug, Method::DELETE, "/workspace").json(&json!({"name": "Team"}));
    Answer::of(deleted).await.is(204);
    assert_eq!(all().await, ["200", "410", "404"]);
    Answer::of(owner.api(app, &slug, Method::POST, "/workspace/restore")).await.is(200);
    assert_eq!(all().await, before);
}
