//! What people did with their accounts, as they are shown it; and where somebody came from who joined a workspace.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, BROWSER},
    people::{ADA, Browser, PASSWORD, ada, from_us, person, sign_in, word_of},
};

const DAY: u64 = 86_400;

async fn lines(app: &App, browser: &Browser) -> Vec<Value> {
    let listed = browser.get(app, "/account/activity?limit=100").await.is(200);
    listed["data"].as_array().expect("a list").clone()
}

fn actions(lines: &[Value]) -> Vec<&str> {
    lines.iter().rev().map(|line| line["action"].as_str().expect("an action")).collect()
}

#[tokio::test]
async fn people_see_what_was_done_with_their_account() {
    let app = App::with(&[("proxy.trusted", "127.0.0.0/8"), COUNTRY]).await;
    let user = ada(&app).await;
    person(&app, "eve@example.com", "Eve", mask_core::role::Role::Owner).await;
    let eve = Browser::of(&app, "eve@example.com").await;
    let answer =
        Answer::of(sign_in(&app, ADA, PASSWORD).header("user-agent", BROWSER).header("cf-ipcountry", "DE")).await;
    let request = answer.header("x-request-id").to_owned();
    let mut browser = Browser::default();
    browser.keep(&answer);
    assert_eq!(Answer::of(sign_in(&app, ADA, "a wrong password")).await.status, 401);
    let sessions = browser.get(&app, "/account/sessions").await.is(200);
    let line = lines(&app, &browser).await.pop().expect("a line");
    let expected = json!({
        "id": line["id"], "at": "2026-03-24T14:00:14Z", "action": "session.created", "session_id": sessions["data"][0]["id"],
        "device": "Chrome on Windows", "country": "DE", "request_id": request,
    });
    assert_eq!(line, expected);
    assert!(line["id"].as_str().is_some_and(|id| id.starts_with("act_")));

    let new = "staple battery horse correct";
    let body = json!({"current_password": PASSWORD, "password": new});
    assert_eq!(browser.post(&app, "/account/password", body).await.status, 204);
    let mut other = Browser::default();
    other.keep(&Answer::of(sign_in(&app, ADA, new)).await);
    assert_eq!(Answer::of(browser.api(&app, Method::DELETE, "/account/sessions")).await.status, 204);
    let link = mask::accounts::password_link(&app.server().store, &app.clock, crate::people::ORIGIN, user.id).await;
    let token = word_of(&link.expect("a store").expect("a link"));
    let body = json!({"token": token, "password": PASSWORD});
    Answer::of(from_us(&app, Method::POST, "/auth/password-reset/confirm").json(&body)).await.is(204);
    let mut browser = Browser::of(&app, ADA).await;
    assert_eq!(
        browser
            .post(&app, "/account/email", json!({"email": "countess@example.com", "password": PASSWORD}))
            .await
            .status,
        200
    );
    browser.send(&app, "/account/sign-out", &[]).await;
    let browser = Browser::of(&app, "countess@example.com").await;
    let all = lines(&app, &browser).await;
    let expected = [
        "session.created",
        "password.changed",
        "session.created",
        "session.others_ended",
        "password.reset",
        "session.created",
        "email.changed",
        "session.ended",
        "session.created",
    ];
    assert_eq!(actions(&all), expected);
    assert!(all.iter().all(|line| line["request_id"].as_str().is_some_and(|id| id.starts_with("req_"))), "{all:?}");
    let text = all.iter().map(Value::to_string).collect::<String>();
    for secret in [PASSWORD, new, token.as_str(), "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret}");
    }

    assert_eq!(actions(&lines(&app, &eve).await), ["session.created"], "nobody sees another's");
    let first = browser.get(&app, "/account/activity?limit=4").await.is(200);
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let rest = browser.get(&app, &format!("/account/activity?limit=100&cursor={cursor}")).await.is(200);
    let both = [&first["data"], &rest["data"]].map(|page| page.as_array().expect("a page").clone()).concat();
    assert_eq!((both, &rest["pagination"]["has_more"]), (all, &json!(false)));
    assert_eq!(browser.get(&app, "/account/activity?cursor=eyJpZCI6ImxuayJ9").await.fields(), ["cursor"]);
    assert_eq!(app.get("/account/activity").await.error(403), "forbidden", "a key is nobody");
    assert_eq!(Browser::default().get(&app, "/account/activity").await.error(401), "unauthorized");
}

const COUNTRY: (&str, &str) = ("proxy.country_header", "CF-IPCountry");

#[tokio::test]
async fn it_is_kept_as_long_as_the_audit_log() {
    let mut app = App::with(&[("audit.retention_days", "3")]).await;
    ada(&app).await;
    Browser::of(&app, ADA).await;
    app.wait(2 * DAY);
    let browser = Browser::of(&app, ADA).await;
    assert_eq!(lines(&app, &browser).await.len(), 2);
    app.wait(2 * DAY);
    // What is old is looked for when a server starts, and each minute after that.
    app.restart().await;
    let forgotten = async { while lines(&app, &browser).await.len() > 1 {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), forgotten).await.expect("the older one goes");
    assert_eq!(lines(&app, &browser).await[0]["at"], "2026-03-26T14:00:14Z");
}

/// The newest line of a workspace's log with this action.
async fn logged(app: &App, browser: &Browser, slug: &str, action: &str) -> Value {
    let path = format!("/audit-log?action={action}&limit=1");
    let answer = Answer::of(browser.api(app, Method::GET, &path).header("x-mask-workspace", slug)).await.is(200);
    answer["data"][0].clone()
}

#[tokio::test]
async fn whoever_joins_makes_or_takes_back_a_workspace_does_so_in_a_request() {
    let app = App::with(&[("workspaces.create", "everyone"), ("proxy.trusted", "127.0.0.0/8"), COUNTRY]).await;
    ada(&app).await;
    person(&app, "eve@example.com", "Eve", mask_core::role::Role::Viewer).await;
    let (browser, eve) = (Browser::of(&app, ADA).await, Browser::of(&app, "eve@example.com").await);
    let ask = async |who: &Browser, method: Method, path: &str, slug: &str, body: Value| {
        let request = who.api(&app, method, path).header("cf-ipcountry", "PK").header("x-mask-workspace", slug);
        let answer = Answer::of(request.json(&body)).await;
        assert!(answer.status < 300, "{path}: {}", answer.text);
        answer
    };
    let check = async |answer: &Answer, action: &str| {
        let line = logged(&app, &browser, "sales", action).await;
        let request = answer.header("x-request-id");
        assert_eq!((&line["request_id"], &line["country"]), (&json!(request), &json!("PK")), "{action}: {line}");
    };
    let new = json!({"name": "Sales", "slug": "sales"});
    check(&ask(&browser, Method::POST, "/workspaces", "default", new).await, "workspace.created").await;
    let wish = json!({"email": "eve@example.com", "role": "member"});
    let invited = ask(&browser, Method::POST, "/workspace/invitations", "sales", wish).await.is(201);
    let url = invited["url"].as_str().expect("an address");
    let token = url.rsplit_once("/invitation/").expect("the page of an invitation").1;
    let joined = ask(&eve, Method::POST, "/invitations/accept", "default", json!({"token": token})).await;
    check(&joined, "member.created").await;
    ask(&browser, Method::DELETE, "/workspace", "sales", json!({"name": "Sales"})).await;
    let restored = browser.api(&app, Method::POST, "/workspace/restore").header("x-mask-workspace", "sales");
    let restored = Answer::of(restored.header("cf-ipcountry", "PK")).await;
    assert_eq!(restored.status, 200, "{}", restored.text);
    check(&restored, "workspace.restored").await;
}
