//! Workspaces that people make, hand over, delete and take back.

use mask_core::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, two_nodes},
    person::{Person, workspace},
};

async fn ask(app: &App, who: &Person, slug: &str, (method, path): (Method, &str), body: Value) -> Answer {
    Answer::of(who.api(app, slug, method, path).json(&body)).await
}

async fn mine(app: &App, who: &Person) -> Vec<Value> {
    let listed = Answer::of(who.send(app, Method::GET, "/api/v1/workspaces")).await.is(200);
    listed["data"].as_array().expect("a list").clone()
}

async fn make(app: &App, who: &Person, body: Value) -> Answer {
    Answer::of(who.send(app, Method::POST, "/api/v1/workspaces").json(&body)).await
}

async fn delete(app: &App, who: &Person, slug: &str, name: &str) -> Answer {
    ask(app, who, slug, (Method::DELETE, "/workspace"), json!({"name": name})).await
}

async fn restore(app: &App, who: &Person, slug: &str) -> Answer {
    Answer::of(who.api(app, slug, Method::POST, "/workspace/restore")).await
}

/// The lines of a workspace's log that a request left, oldest first: what was done, by whom, to what, before and after.
async fn lines_of(app: &App, who: &Person, slug: &str, request: &str) -> Vec<Value> {
    let log = Answer::of(who.api(app, slug, Method::GET, "/audit-log?limit=100")).await.is(200);
    let lines = log["data"].as_array().expect("a list").iter().rev();
    let of_it = lines.filter(|line| line["request_id"] == request);
    let told =
        |line: &Value| json!([line["action"], line["actor"], line["object"]["label"], line["before"], line["after"]]);
    of_it.map(told).collect()
}

fn request_of(answer: &Answer) -> String {
    answer.header("x-request-id").to_owned()
}

#[tokio::test]
async fn who_may_make_one() {
    let app = App::start().await;
    let (admin, ada) = (Person::who_runs(&app, "root@example.com").await, Person::with(&app, "ada@example.com").await);
    let body = json!({"name": " Büro ", "slug": "office"});
    assert_eq!(make(&app, &ada, body.clone()).await.error(403), "forbidden");
    let made = make(&app, &admin, body.clone()).await.is(201);
    assert_eq!((&made["name"], &made["slug"], &made["role"]), (&json!("Büro"), &json!("office"), &json!("owner")));
    assert_eq!(make(&app, &admin, body).await.error(409), "conflict");
    assert_eq!(make(&app, &admin, json!({"name": "", "slug": "A", "x": 1})).await.fields(), ["name", "slug", "x"]);
    assert_eq!(make(&app, &admin, json!({})).await.fields(), ["name", "slug"]);
    assert_eq!(mine(&app, &admin).await, [made]);
    assert_eq!(mine(&app, &ada).await, [] as [Value; 0]);
    // It is a wall: nothing of the default one is seen there.
    app.link(json!({"url": "https://example.com"})).await;
    let links = Answer::of(admin.api(&app, "office", Method::GET, "/links")).await.is(200);
    assert_eq!(links["data"], json!([]));

    let app = App::with(&[("workspaces.create", "everyone")]).await;
    let ada = Person::with(&app, "ada@example.com").await;
    for slug in ["one", "two"] {
        make(&app, &ada, json!({"name": slug, "slug": slug})).await.is(201);
    }
    let first = Answer::of(ada.send(&app, Method::GET, "/api/v1/workspaces?limit=1")).await.is(200);
    let cursor = first["pagination"]["cursor"].as_str().expect("a next page");
    let second = Answer::of(ada.send(&app, Method::GET, &format!("/api/v1/workspaces?limit=1&cursor={cursor}"))).await;
    assert_eq!((&first["data"][0]["slug"], &second.is(200)["data"][0]["slug"]), (&json!("one"), &json!("two")));
}

#[tokio::test]
async fn so_many_are_one_persons() {
    let app = App::with(&[("workspaces.create", "everyone"), ("workspaces.most_per_person", "2")]).await;
    let (root, ada) = (Person::who_runs(&app, "root@example.com").await, Person::with(&app, "ada@example.com").await);
    for slug in ["one", "two"] {
        make(&app, &ada, json!({"name": slug, "slug": slug})).await.is(201);
    }
    let refused = make(&app, &ada, json!({"name": "three", "slug": "three"})).await;
    assert_eq!(refused.error(409), "conflict");
    assert!(refused.text.contains("workspaces.most_per_person"), "{}", refused.text);
    delete(&app, &ada, "one", "one").await.is(204);
    assert_eq!(make(&app, &ada, json!({"name": "three", "slug": "three"})).await.status, 409, "it can come back");
    for slug in ["a1", "a2", "a3"] {
        make(&app, &root, json!({"name": slug, "slug": slug})).await.is(201);
    }
}

#[tokio::test]
async fn names_that_letters_speak_of_have_no_address() {
    let app = App::with(&[("workspaces.create", "everyone")]).await;
    let ada = Person::with(&app, "ada@example.com").await;
    for name in ["Prize http://evil.example", "HTTPS://evil.example", "See www.evil.example"] {
        assert_eq!(make(&app, &ada, json!({"name": name, "slug": "one"})).await.fields(), ["name"], "{name}");
        let renamed = Answer::of(app.api(Method::PATCH, "/workspace").json(&json!({"name": name}))).await;
        assert_eq!(renamed.fields(), ["name"], "{name}");
        let me = Answer::of(ada.send(&app, Method::PATCH, "/api/v1/account").json(&json!({"name": name}))).await;
        assert_eq!(me.fields(), ["name"], "{name}");
    }
    make(&app, &ada, json!({"name": "Www & co.", "slug": "one"})).await.is(201);
}

#[tokio::test]
async fn no_key_does_what_is_for_people() {
    let app = App::start().await;
    for (method, path) in [
        (Method::GET, "/workspaces"),
        (Method::POST, "/workspaces"),
        (Method::DELETE, "/workspace"),
        (Method::POST, "/workspace/restore"),
        (Method::POST, "/workspace/transfer"),
        (Method::POST, "/invitations/accept"),
    ] {
        let answer = Answer::of(app.api(method, path).json(&json!({}))).await;
        assert_eq!(answer.error(403), "forbidden", "{path}");
    }
}

#[tokio::test]
async fn handing_over() {
    let app = App::start().await;
    let slug = workspace(&app, "Team").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &slug).await;
    let (admin, _) = Person::who_is(&app, Role::Admin, &slug).await;
    let (viewer, viewers) = Person::who_is(&app, Role::Viewer, &slug).await;
    let (_, strangers) = Person::who_is(&app, Role::Viewer, "default").await;
    let transfer = async |who: &Person, to: &str| {
        ask(&app, who, &slug, (Method::POST, "/workspace/transfer"), json!({"member_id": to})).await
    };
    let refused = transfer(&admin, &viewers).await;
    assert_eq!(refused.error(403), "forbidden");
    assert_eq!(transfer(&owner, &strangers).await.fields(), ["member_id"]);
    assert_eq!(transfer(&owner, "x").await.fields(), ["member_id"]);
    let transferred = transfer(&owner, &viewers).await;
    let request = request_of(&transferred);
    let heir = transferred.is(200);
    assert_eq!((&heir["id"], &heir["role"]), (&json!(viewers), &json!("owner")));
    let by = json!({"type": "user", "id": owner.id.to_string()});
    let line = |whose: &Person, before: &str, after: &str| json!(["member.updated", by, whose.email, {"role": before}, {"role": after}]);
    assert_eq!(
        lines_of(&app, &admin, &slug, &request).await,
        [line(&viewer, "viewer", "owner"), line(&owner, "owner", "admin")],
        "both that were changed"
    );
    assert_eq!(lines_of(&app, &admin, &slug, &request_of(&refused)).await, [] as [Value; 0]);
    assert_eq!(mine(&app, &owner).await[0]["role"], "admin");
    assert_eq!(transfer(&owner, &viewers).await.error(403), "forbidden", "it is theirs no more");
}

#[tokio::test]
async fn a_version_that_is_over_is_not_deleted() {
    let app = App::start().await;
    let slug = workspace(&app, "Team").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &slug).await;
    let seen = Answer::of(owner.api(&app, &slug, Method::GET, "/workspace")).await.header("etag").to_owned();
    ask(&app, &owner, &slug, (Method::PATCH, "/workspace"), json!({"name": "Others"})).await.is(200);
    let delete = async |tag: &str| {
        let request = owner.api(&app, &slug, Method::DELETE, "/workspace").header("if-match", tag);
        Answer::of(request.json(&json!({"name": "Others"}))).await
    };
    assert_eq!(delete(&seen).await.error(412), "precondition_failed");
    delete("*").await.is(204);
}

async fn deleted_and_taken_back(app: App) {
    let slug = workspace(&app, "Söhne").await;
    let number = app.server().store.workspace_by_slug(slug.clone()).await.expect("a store").expect("there").number;
    let key = app.key_of_workspace(number, "all", false).await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &slug).await;
    let (admin, _) = Person::who_is(&app, Role::Admin, &slug).await;
    let link = |slug: &str| json!({"url": "https://example.com/there", "slug": slug});
    Answer::of(app.api_as(&key, Method::POST, "/links").json(&link("team-one"))).await.is(201);
    Answer::of(app.api_as(&key, Method::POST, "/links").json(&link("team-two"))).await.is(201);
    let page = json!({"title": "Ada", "slug": "team-page", "published": true});
    Answer::of(app.api_as(&key, Method::POST, "/bio-pages").json(&page)).await.is(201);
    app.link(link("ours")).await;
    let visit = async |path: &str| Answer::of(app.visit(path).header("host", "localhost")).await.status;
    // One is in memory, one is not.
    assert_eq!((visit("/team-one").await, visit("/team-page").await, visit("/ours").await), (302, 200, 302));

    assert_eq!(delete(&app, &admin, &slug, "Söhne").await.error(403), "forbidden");
    assert_eq!(delete(&app, &owner, &slug, "söhne").await.fields(), ["name"]);
    assert_eq!(delete(&app, &owner, &slug, "").await.fields(), ["name"]);
    assert_eq!((visit("/team-one").await, visit("/team-two").await), (302, 302));
    let deleted = delete(&app, &owner, &slug, "Söhne").await;
    let deleted_by = request_of(&deleted);
    deleted.is(204);
    for path in ["/team-one", "/team-two", "/team-page", "/team-one+"] {
        assert_eq!(visit(path).await, 410, "{path}");
    }
    assert_eq!(visit("/ours").await, 302);
    assert_eq!(Answer::of(app.api_as(&key, Method::GET, "/links")).await.error(401), "unauthorized");
    for who in [&owner, &admin] {
        assert_eq!(Answer::of(who.api(&app, &slug, Method::GET, "/links")).await.error(404), "not_found");
        let listed = mine(&app, who).await;
        assert_eq!(listed[0]["deleted_at"], "2026-03-24T14:00:14Z");
        assert_eq!(listed[0]["restorable_until"], "2026-04-07T14:00:14Z");
    }
    assert_eq!(delete(&app, &owner, &slug, "Söhne").await.error(404), "not_found");
    let taken = app.post("/links", link("team-two")).await;
    assert_eq!(taken.error(409), "conflict", "its addresses are nobody else's");

    assert_eq!(restore(&app, &admin, &slug).await.error(403), "forbidden");
    let back = restore(&app, &owner, &slug).await;
    let restored_by = request_of(&back);
    let back = back.is(200);
    assert_eq!((&back["slug"], &back["deleted_at"]), (&json!(slug), &Value::Null));
    assert_eq!((visit("/team-one").await, visit("/team-two").await, visit("/team-page").await), (302, 302, 200));
    Answer::of(app.api_as(&key, Method::GET, "/links")).await.is(200);
    Answer::of(admin.api(&app, &slug, Method::GET, "/links")).await.is(200);
    let again = restore(&app, &owner, &slug).await;
    let again_by = request_of(&again);
    again.is(200);
    let by = json!({"type": "user", "id": owner.id.to_string()});
    let lines = lines_of(&app, &owner, &slug, &deleted_by).await;
    let before = &lines[0][3];
    assert_eq!((&before["name"], &before["slug"]), (&json!("Söhne"), &json!(slug)));
    assert_eq!(lines, [json!(["workspace.deleted", by, "Söhne", before, null])]);
    let lines = lines_of(&app, &owner, &slug, &restored_by).await;
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0][0], &lines[0][1]), (&json!("workspace.restored"), &by));
    assert_eq!(lines_of(&app, &owner, &slug, &again_by).await, [] as [Value; 0], "there was nothing to do");
}

#[tokio::test]
async fn all_of_it_is_gone_and_comes_back() {
    deleted_and_taken_back(App::start().await).await;
}

#[tokio::test]
async fn all_of_it_is_gone_and_comes_back_on_postgres() {
    deleted_and_taken_back(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn every_node_learns_of_it() {
    let (app, other) = two_nodes().await;
    let slug = workspace(&app, "Team").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &slug).await;
    let made = json!({"url": "https://example.com/there", "slug": "team-one"});
    ask(&app, &owner, &slug, (Method::POST, "/links"), made).await.is(201);
    let visit = async |node: &App| Answer::of(node.visit("/team-one").header("host", "localhost")).await.status;
    let until = async |node: &App, status: u16| {
        let asking = async { while visit(node).await != status {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.expect("in time");
    };
    assert_eq!((visit(&app).await, visit(&other).await), (302, 302));
    delete(&app, &owner, &slug, "Team").await.is(204);
    assert_eq!(visit(&app).await, 410);
    until(&other, 410).await;
    restore(&other, &owner, &slug).await.is(200);
    assert_eq!(visit(&other).await, 302);
    until(&app, 302).await;
}

#[tokio::test]
async fn the_default_one_stays_and_none_comes_back_after_its_time() {
    let app = App::start().await;
    let (owner, _) = Person::who_is(&app, Role::Owner, "default").await;
    assert_eq!(delete(&app, &owner, "default", "Default").await.error(409), "conflict");
    let slug = workspace(&app, "Team").await;
    owner.join(&app, &slug, Role::Owner).await;
    delete(&app, &owner, &slug, "Team").await.is(204);
    assert_eq!(restore(&app, &owner, "never-was").await.error(404), "not_found");
    app.wait(14 * 86_400);
    assert_eq!(restore(&app, &owner, &slug).await.error(404), "not_found");
    assert_eq!(mine(&app, &owner).await.len(), 1);
    let listed = Answer::of(owner.send(&app, Method::POST, "/api/v1/workspace/restore")).await;
    assert_eq!(listed.error(400), "bad_request", "nobody can tell which one is meant");
}

#[tokio::test]
async fn the_same_word_in_two_workspaces_is_two_words() {
    let app = App::start().await;
    let ada = Person::with(&app, "ada@example.com").await;
    let slugs = [workspace(&app, "One").await, workspace(&app, "Two").await];
    let mut ids = Vec::new();
    for slug in &slugs {
        ada.join(&app, slug, Role::Member).await;
        let post = || ada.api(&app, slug, Method::POST, "/links").header("idempotency-key", "word");
        for side in ["live", "live", "test"] {
            let request = post().header("x-mask-environment", side).json(&json!({"url": "https://example.com"}));
            let answer = Answer::of(request).await;
            ids.push((answer.header("idempotent-replayed") == "true", answer.is(201)["id"].to_string()));
        }
    }
    assert_eq!(
        ids.iter().map(|(is_replayed, _)| *is_replayed).collect::<Vec<_>>(),
        [false, true, false, false, true, false]
    );
    let different: std::collections::BTreeSet<_> = ids.iter().map(|(_, id)| id).collect();
    assert_eq!(different.len(), 4);
}

#[tokio::test]
async fn what_it_had_is_removed_after_its_time() {
    let mut app = App::start().await;
    let slug = workspace(&app, "Team").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &slug).await;
    let link = json!({"url": "https://example.com/there", "slug": "team-one"});
    ask(&app, &owner, &slug, (Method::POST, "/links"), link).await.is(201);
    delete(&app, &owner, &slug, "Team").await.is(204);
    app.wait(14 * 86_400);
    app.restart().await;
    let store = &app.server().store;
    let is_there = async || store.list_workspaces().await.expect("a store").iter().any(|found| found.slug == slug);
    let removed = async { while is_there().await {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), removed).await.expect("in time");
    assert_eq!(store.count_links().await.expect("a store"), 0);
    assert_eq!(Answer::of(app.visit("/team-one").header("host", "localhost")).await.status, 410);
}
