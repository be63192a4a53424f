//! The table of who may do what (`mask_core::role`), held against every operation of the document, cell by cell: what each
//! role is answered, who has no part in the workspace, a key that lacks the scope, and nobody.

use std::collections::BTreeSet;

use mask_core::{
    role::{Right, Role},
    scope::Scope,
};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::{
    coverage::{PATIENT, Target, has_shape},
    document::{OPERATIONS, Operation},
    harness::{Answer, App},
    person::{Person, workspace},
};

const SLUG: &str = "default";

/// Which right an operation takes that no key may do; nothing where whoever is signed in may do it.
fn right(operation: &Operation) -> Option<Right> {
    match operation.id.as_str() {
        "delete_workspace" | "restore_workspace" => Some(Right::Delete),
        "transfer_workspace" => Some(Right::Transfer),
        _ => None,
    }
}

/// Whether it is about workspaces. What people do about themselves has nothing to do with what they are anywhere.
fn is_of_workspaces(operation: &Operation) -> bool {
    ["/workspace", "/invitations"].iter().any(|begin| operation.path.starts_with(begin))
}

/// The least role that may do what a key with one of these scopes may.
fn least(operation: &Operation) -> Role {
    let scopes = operation.scopes().into_iter().map(|scope| Scope::parse(scope).expect("a scope"));
    scopes.map(Role::least_with).min().expect("an operation of keys has a scope")
}

async fn patient() -> App {
    let mut flags = PATIENT.to_vec();
    flags.push(("workspaces.create", "everyone"));
    App::with(&flags).await
}

#[test]
fn the_document_names_the_least_role() {
    for operation in OPERATIONS.iter().filter(|operation| operation.takes_keys() || is_of_workspaces(operation)) {
        let said = operation.described["security"].as_array().expect("a list");
        let people: Vec<_> = said.iter().filter_map(|way| way.get("session")).collect();
        let expected = match (operation.takes_keys(), right(operation)) {
            // To take a member out is an admin's, and to go is everybody's.
            (true, _) if operation.id == "remove_member" => json!([Right::Leave.least().as_str()]),
            (true, _) => json!([least(operation).as_str()]),
            (false, Some(right)) => json!([right.least().as_str()]),
            (false, None) => json!([]),
        };
        assert_eq!(people, [&expected], "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_of_keys_is_answered_by_the_table() {
    let app = patient().await;
    let target = Target::of(&app, &app.key).await;
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push((role, Person::who_is(&app, role, SLUG).await.0));
    }
    let stranger = Person::with(&app, "stranger@example.com").await;
    let mut cells = BTreeSet::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.takes_keys()) {
        let enough = operation.scopes();
        let others = Scope::ALL.iter().map(|scope| scope.as_str()).filter(|scope| !enough.contains(scope));
        let key = app.key_for(&others.collect::<Vec<_>>().join(","), false).await;
        assert_eq!(
            Answer::of(target.ask(&app, operation, &key)).await.error(403),
            "insufficient_scope",
            "{}",
            operation.id
        );
        let ask = |who: &Person| with_session(target.ask_without_key(&app, operation), who);
        assert_eq!(Answer::of(ask(&stranger)).await.error(404), "not_found", "{}", operation.id);
        let least = least(operation);
        for (role, person) in &people {
            let answer = Answer::of(ask(person)).await;
            let is_refused = matches!(answer.status, 401 | 403);
            assert_eq!(is_refused, *role < least, "{} by a {role}: {} {}", operation.id, answer.status, answer.text);
            assert!(answer.status < 500, "{} by a {role}: {}", operation.id, answer.text);
            if is_refused {
                assert_eq!(answer.error(403), "insufficient_scope", "{}", operation.id);
                assert_eq!(answer.json()["error"]["required_scope"], operation.scope(), "{}", operation.id);
            }
            cells.insert((*role, least));
        }
    }
    assert!(cells.len() >= 12, "every role met operations of every kind: {cells:?}");
}

fn with_session(request: RequestBuilder, who: &Person) -> RequestBuilder {
    let request = request.header("cookie", &who.cookie).header("origin", crate::person::ORIGIN);
    request.header("x-mask-workspace", SLUG)
}

/// The request of somebody who is this in a workspace of its own, in which all that it needs is.
async fn in_person(app: &App, operation: &Operation, role: Option<Role>) -> RequestBuilder {
    let slug = workspace(app, "Team").await;
    let (_, heir) = Person::who_is(app, Role::Viewer, &slug).await;
    let (founder, _) = Person::who_is(app, Role::Owner, &slug).await;
    let person = match role {
        Some(role) => Person::who_is(app, role, &slug).await.0,
        None => Person::with(app, &format!("s{:x}@example.com", fastrand::u64(..))).await,
    };
    let mut body = operation.example();
    if let Some(body) = &mut body {
        match operation.id.as_str() {
            "create_workspace" => body["slug"] = json!(format!("n{:x}", fastrand::u64(..))),
            "delete_workspace" => body["name"] = json!("Team"),
            "transfer_workspace" => body["member_id"] = json!(heir),
            "accept_invitation" => {
                let invited = json!({"email": person.email, "role": "viewer"});
                // To where they are not yet.
                let elsewhere = workspace(app, "Elsewhere").await;
                founder.join(app, &elsewhere, Role::Owner).await;
                let made = founder.api(app, &elsewhere, reqwest::Method::POST, "/workspace/invitations").json(&invited);
                let made = Answer::of(made).await.is(201);
                let url = made["url"].as_str().expect("an address");
                body["token"] = json!(url.rsplit('/').next().expect("a word"));
            }
            _ => {}
        }
    }
    let request = person.api(app, &slug, operation.method.clone(), &operation.path);
    match body {
        Some(body) => request.json(&body),
        None => request,
    }
}

#[tokio::test]
async fn every_operation_of_people_is_answered_by_the_table() {
    let app = patient().await;
    for operation in OPERATIONS.iter().filter(|operation| is_of_workspaces(operation) && !operation.takes_keys()) {
        let least = right(operation).map(Right::least);
        for role in Role::ALL {
            let answer = Answer::of(in_person(&app, operation, Some(role)).await).await;
            let may = least.is_none_or(|least| role >= least);
            if may {
                assert!(answer.status < 300, "{} by a {role}: {} {}", operation.id, answer.status, answer.text);
            } else {
                assert_eq!(answer.error(403), "forbidden", "{} by a {role}", operation.id);
            }
        }
        let stranger = Answer::of(in_person(&app, operation, None).await).await;
        if least.is_none() {
            assert!(stranger.status < 300, "{}: {}", operation.id, stranger.text);
        } else {
            assert_eq!(stranger.error(404), "not_found", "{} by a stranger", operation.id);
        }
        let request =
            app.api(operation.method.clone(), &operation.path).json(&operation.example().unwrap_or(json!({})));
        assert_eq!(Answer::of(request).await.error(403), "forbidden", "{} by a key", operation.id);
    }
}

#[tokio::test]
async fn what_people_are_shown_has_the_documented_shape() {
    let app = patient().await;
    for operation in OPERATIONS.iter().filter(|operation| is_of_workspaces(operation) && !operation.takes_keys()) {
        let answer = Answer::of(in_person(&app, operation, Some(Role::Owner)).await).await;
        let schema =
            &operation.described["responses"][answer.status.to_string()]["content"]["application/json"]["schema"];
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        assert_eq!(name.is_some(), answer.status != 204, "{}", operation.id);
        if let Some(name) = name {
            has_shape(&answer.json(), name);
            answer.json()["data"].as_array().into_iter().flatten().for_each(|item| has_shape(item, "OwnWorkspace"));
        }
    }
}
