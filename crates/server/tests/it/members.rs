//! Who is in a workspace, over the API.

use mask_core::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, two_nodes},
    person::{Person, workspace},
};

const SLUG: &str = "default";

async fn ask(app: &App, who: &Person, method: Method, path: &str, body: Value) -> Answer {
    Answer::of(who.api(app, SLUG, method, path).json(&body)).await
}

async fn patch(app: &App, who: &Person, place: &str, role: &str) -> Answer {
    ask(app, who, Method::PATCH, &format!("/workspace/members/{place}"), json!({"role": role})).await
}

async fn remove(app: &App, who: &Person, place: &str) -> Answer {
    Answer::of(who.api(app, SLUG, Method::DELETE, &format!("/workspace/members/{place}"))).await
}

/// The roles in the default workspace, by the id of each place.
async fn role_of(app: &App, place: &str) -> Value {
    let members = app.get("/workspace/members?limit=100").await.is(200);
    let found = members["data"].as_array().expect("a list").iter().find(|member| member["id"] == place).cloned();
    found.map_or(Value::Null, |member| member["role"].clone())
}

#[tokio::test]
async fn members_are_listed() {
    let app = App::start().await;
    assert_eq!(app.get("/workspace/members").await.is(200)["data"], json!([]), "a new installation has nobody");
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    // Those who joined at the same moment stand in no order.
    app.wait(1);
    Person::who_is(&app, Role::Viewer, SLUG).await;
    let other = workspace(&app, "Other").await;
    Person::who_is(&app, Role::Owner, &other).await;
    let reads = app.key_for("workspace:read", true).await;
    let first = Answer::of(app.api_as(&reads, Method::GET, "/workspace/members?limit=1")).await.is(200);
    let member = &first["data"][0];
    assert_eq!(
        (&member["user_id"], &member["email"], &member["role"]),
        (&json!(owner.id.to_string()), &json!(owner.email), &json!("owner"))
    );
    assert_eq!(member["created_at"], "2026-03-24T14:00:14Z");
    let cursor = first["pagination"]["cursor"].as_str().expect("a next page");
    let second = app.get(&format!("/workspace/members?limit=1&cursor={cursor}")).await.is(200);
    assert_eq!((&second["data"][0]["role"], &second["pagination"]["has_more"]), (&json!("viewer"), &json!(false)));
    assert_eq!(app.get("/workspace/members?cursor=x&limit=0&who=me").await.fields(), ["cursor", "limit", "who"]);
}

#[tokio::test]
async fn who_may_change_whom() {
    let app = App::start().await;
    let (owner, owners) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (admin, admins) = Person::who_is(&app, Role::Admin, SLUG).await;
    let (member, _) = Person::who_is(&app, Role::Member, SLUG).await;
    let (viewer, viewers) = Person::who_is(&app, Role::Viewer, SLUG).await;
    // Nobody gives more than they have, and admins leave owners alone.
    assert_eq!(patch(&app, &admin, &viewers, "owner").await.error(403), "forbidden");
    assert_eq!(patch(&app, &admin, &owners, "viewer").await.error(403), "forbidden");
    assert_eq!(remove(&app, &admin, &owners).await.error(403), "forbidden");
    assert_eq!(
        app.patch(&format!("/workspace/members/{viewers}"), json!({"role": "owner"})).await.error(403),
        "forbidden"
    );
    for (who, place) in [(&member, &viewers), (&viewer, &viewers), (&viewer, &admins)] {
        assert_eq!(patch(&app, who, place, "viewer").await.error(403), "insufficient_scope");
    }
    for who in [&member, &viewer] {
        let refused = remove(&app, who, &admins).await;
        assert_eq!(refused.error(403), "insufficient_scope");
        assert_eq!(refused.json()["error"]["required_scope"], "workspace:write");
        assert!(refused.json()["error"]["message"].as_str().is_some_and(|text| text.contains("at least admin")));
    }
    assert_eq!((role_of(&app, &owners).await, role_of(&app, &viewers).await), (json!("owner"), json!("viewer")));
    // What they may.
    let changed = patch(&app, &admin, &viewers, "member").await;
    assert_eq!(changed.header("etag"), "\"2.0\"");
    assert_eq!(changed.is(200)["role"], "member");
    patch(&app, &owner, &admins, "owner").await.is(200);
    assert_eq!(role_of(&app, &admins).await, "owner");
    // A viewer made a member may write links with the next request, and no more when it is taken back.
    let link = json!({"url": "https://example.com"});
    ask(&app, &viewer, Method::POST, "/links", link.clone()).await.is(201);
    patch(&app, &owner, &viewers, "viewer").await.is(200);
    assert_eq!(ask(&app, &viewer, Method::POST, "/links", link).await.error(403), "insufficient_scope");
    let stale = owner.api(&app, SLUG, Method::DELETE, &format!("/workspace/members/{viewers}"));
    let stale = Answer::of(stale.header("if-match", "\"1.0\"")).await;
    assert_eq!(stale.error(412), "precondition_failed");
    let path = format!("/workspace/members/{viewers}");
    let faults = ask(&app, &owner, Method::PATCH, &path, json!({"role": "king", "x": 1})).await;
    assert_eq!(faults.fields(), ["role", "x"]);
    for path in ["mem_x", "mem_01kcd3vyk5f8r9v3k2m4n6p8qa"] {
        assert_eq!(patch(&app, &owner, path, "viewer").await.error(404), "not_found");
    }
}

#[tokio::test]
async fn there_is_always_an_owner_and_everybody_else_may_go() {
    let app = App::start().await;
    let (owner, owners) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (viewer, viewers) = Person::who_is(&app, Role::Viewer, SLUG).await;
    let links = async |who: &Person| Answer::of(who.api(&app, SLUG, Method::GET, "/links")).await;
    assert_eq!(remove(&app, &owner, &owners).await.error(409), "conflict");
    assert_eq!(patch(&app, &owner, &owners, "admin").await.error(409), "conflict");
    links(&viewer).await.is(200);
    remove(&app, &viewer, &viewers).await.is(204);
    assert_eq!(links(&viewer).await.error(404), "not_found");
    links(&owner).await.is(200);
}

async fn demoted_at_once(app: App) {
    for _ in 0..4 {
        let slug = workspace(&app, "A team").await;
        let (one, ones) = Person::who_is(&app, Role::Owner, &slug).await;
        let (two, twos) = Person::who_is(&app, Role::Owner, &slug).await;
        let demote = async |who: &Person, place: &str| {
            let request = who.api(&app, &slug, Method::PATCH, &format!("/workspace/members/{place}"));
            Answer::of(request.json(&json!({"role": "viewer"}))).await
        };
        let (first, second) = tokio::join!(demote(&one, &twos), demote(&two, &ones));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403], "{} {}", first.text, second.text);
        let winner = if first.status == 200 { &one } else { &two };
        let members = Answer::of(winner.api(&app, &slug, Method::GET, "/workspace/members")).await.is(200);
        let owners = members["data"].as_array().expect("a list").iter().filter(|member| member["role"] == "owner");
        assert_eq!(owners.count(), 1);
    }
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_one_stays() {
    demoted_at_once(App::start().await).await;
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_one_stays_on_postgres() {
    demoted_at_once(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn who_is_out_is_out_on_every_node() {
    let (app, other) = two_nodes().await;
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (member, members) = Person::who_is(&app, Role::Member, SLUG).await;
    for node in [&app, &other] {
        Answer::of(member.api(node, SLUG, Method::GET, "/links")).await.is(200);
    }
    remove(&app, &owner, &members).await.is(204);
    for node in [&other, &app] {
        assert_eq!(Answer::of(member.api(node, SLUG, Method::GET, "/links")).await.error(404), "not_found");
    }
}

#[tokio::test]
async fn a_cookie_alone_is_not_enough_to_change_anything() {
    let app = App::start().await;
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (_, viewers) = Person::who_is(&app, Role::Viewer, SLUG).await;
    for origin in [None, Some("https://evil.example"), Some("null"), Some("http://localhost:8081")] {
        let path = format!("{}/api/v1/workspace/members/{viewers}", app.base);
        let mut request = app.client.delete(path).header("cookie", &owner.cookie).header("x-mask-workspace", SLUG);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(Answer::of(request).await.status, 403, "{origin:?}");
    }
    assert_eq!(role_of(&app, &viewers).await, "viewer");
}
