//! Sessions: new at each sign-in, sliding, listed, and over everywhere as soon as they are ended.

use mask_core::role::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{Answer, App, BROWSER},
    people::{ADA, Browser, ORIGIN, PASSWORD, ada, person, sign_in},
};

const DAY_S: u64 = 86_400;
const OTHER: &str = "staple battery horse correct";

#[tokio::test]
async fn nobody_is_given_a_session_that_somebody_else_knows() {
    let app = App::start().await;
    ada(&app).await;
    person(&app, "eve@example.com", "Eve", Role::Viewer).await;
    // A word that somebody else has put into the browser: made up, and one of their own.
    let eve = Browser::of(&app, "eve@example.com").await;
    let made_up = format!("mask_session={}", "0".repeat(64));
    for planted in [made_up.as_str(), eve.session()] {
        let answer = Answer::of(sign_in(&app, ADA, PASSWORD).header("cookie", planted)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.header("set-cookie").starts_with(planted), "a new word");
        let old = Browser { cookies: planted.to_owned() };
        assert_eq!(old.get(&app, "/account").await.error(401), "unauthorized", "and the one before is over");
    }
    let (first, second) = (Browser::of(&app, ADA).await, Browser::of(&app, ADA).await);
    assert_ne!(first.session(), second.session());
    assert_eq!(first.get(&app, "/account").await.status, 200, "another browser's goes on");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = App::start().await;
    ada(&app).await;
    let eve = person(&app, "eve@example.com", "Eve", Role::Viewer).await;
    let one = Browser::of(&app, ADA).await;
    let answer = Answer::of(sign_in(&app, ADA, PASSWORD).header("user-agent", BROWSER)).await;
    let mut two = Browser::default();
    two.keep(&answer);
    let other = Browser::of(&app, "eve@example.com").await;
    let listed = two.get(&app, "/account/sessions").await.is(200);
    let sessions = listed["data"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2, "{listed}");
    assert_eq!((&sessions[0]["device"], &sessions[0]["is_current"]), (&json!("Chrome on Windows"), &json!(true)));
    assert_eq!(sessions[1]["is_current"], false);
    assert!(!listed.to_string().contains("127.0.0.1"), "the address is kept nowhere");
    let path = |place: usize| format!("/account/sessions/{}", sessions[place]["id"].as_str().expect("an id"));
    let end = async |browser: &Browser, path: &str| Answer::of(browser.api(&app, Method::DELETE, path)).await;
    assert_eq!(end(&other, &path(1)).await.error(404), "not_found", "it is not hers");
    assert_eq!(end(&two, &path(1)).await.status, 204);
    assert_eq!(one.get(&app, "/account").await.error(401), "unauthorized");
    assert_eq!(end(&two, &path(1)).await.error(404), "not_found");
    let three = Browser::of(&app, ADA).await;
    assert_eq!(end(&three, "/account/sessions").await.status, 204);
    assert_eq!((two.get(&app, "/account").await.status, three.get(&app, "/account").await.status), (401, 200));
    let out = three.post(&app, "/auth/sign-out", json!({})).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").starts_with("mask_session=; ") && out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(three.get(&app, "/account").await.status, 401);
    assert_eq!(other.get(&app, "/account").await.is(200)["id"], eve.id.to_string());
}

#[tokio::test]
async fn a_session_lasts_thirty_days_from_its_last_use() {
    let app = App::start().await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    let expires = async || {
        let sessions = browser.get(&app, "/account/sessions").await.is(200);
        sessions["data"][0]["expires_at"].as_str().expect("a time").to_owned()
    };
    assert_eq!(expires().await, "2026-04-23T14:00:14Z");
    app.wait(29 * DAY_S);
    assert_eq!(browser.get(&app, "/account").await.status, 200);
    // Its end is written beside the answer.
    let moved = async {
        while expires().await != "2026-05-22T14:00:14Z" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), moved).await.expect("it slides");
    app.wait(29 * DAY_S);
    assert_eq!(browser.get(&app, "/account").await.status, 200);
    app.wait(31 * DAY_S);
    assert_eq!(browser.get(&app, "/account").await.error(401), "unauthorized");
}

async fn on_two_nodes(one: App, two: App) {
    let user = ada(&one).await;
    let browser = Browser::of(&one, ADA).await;
    assert_eq!(browser.get(&two, "/account").await.status, 200, "a session is everywhere");
    let sessions = browser.get(&two, "/account/sessions").await.is(200);
    let path = format!("/account/sessions/{}", sessions["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(Answer::of(browser.api(&one, Method::DELETE, &path)).await.status, 204);
    assert_eq!(browser.get(&two, "/account").await.error(401), "unauthorized", "and over everywhere");
    let browser = Browser::of(&two, ADA).await;
    one.server().store.set_user_disabled(user.id, true, one.clock.now()).await.expect("a store");
    assert_eq!(browser.get(&two, "/account").await.error(401), "unauthorized");
    assert_eq!(Answer::of(sign_in(&two, ADA, PASSWORD)).await.error(401), "unauthorized");
    one.server().store.set_user_disabled(user.id, false, one.clock.now()).await.expect("a store");
    assert_eq!(browser.get(&two, "/account").await.error(401), "unauthorized", "what was ended stays so");
    assert_eq!(Answer::of(sign_in(&two, ADA, PASSWORD)).await.status, 200);
    // Used twice, on two nodes at the same moment.
    let link = mask::accounts::password_link(&one.server().store, &one.clock, ORIGIN, user.id).await;
    let link = link.expect("a store").expect("a link");
    let token = crate::people::word_of(&link);
    let choose = async |app: &App, password: &str| {
        let body = json!({"token": token, "password": password});
        let request = crate::people::from_us(app, Method::POST, "/auth/password-reset/confirm").json(&body);
        Answer::of(request).await.status
    };
    let (first, second) = tokio::join!(choose(&one, "the first of two words"), choose(&two, "the second of two words"));
    assert_eq!([first, second].iter().filter(|status| **status == 204).count(), 1, "{first} {second}");
    drop(two);
}

#[tokio::test]
async fn what_is_revoked_on_one_node_is_over_on_the_other() {
    let key = ("secrets.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let one = App::on_postgres(&[key]).await;
    let two = one.beside(&[]).await;
    on_two_nodes(one, two).await;
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let app = App::start().await;
    ada(&app).await;
    let (one, two) = (Browser::of(&app, ADA).await, Browser::of(&app, ADA).await);
    let change = async |body| one.post(&app, "/account/password", body).await;
    let new = "staple battery horse correct";
    assert_eq!(change(json!({"password": new})).await.error(400), "bad_request");
    let wrong = change(json!({"current_password": "x", "password": new})).await;
    assert_eq!(wrong.fields(), ["current_password"]);
    let weak = change(json!({"current_password": PASSWORD, "password": "Ada Lovelace"})).await;
    assert_eq!(weak.fields(), ["password"]);
    assert_eq!(two.get(&app, "/account").await.status, 200);
    assert_eq!(change(json!({"current_password": PASSWORD, "password": new})).await.status, 204);
    assert_eq!((one.get(&app, "/account").await.status, two.get(&app, "/account").await.status), (200, 401));
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 401);
    assert_eq!(Answer::of(sign_in(&app, ADA, new)).await.status, 200);
}

#[tokio::test]
async fn somebody_who_is_signed_in_does_what_their_role_may() {
    let app = App::start().await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    let ask = async |slug: &str| {
        let request = browser.api(&app, Method::GET, "/links").header("x-mask-workspace", slug);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!((ask("default").await, ask("sales").await), (200, 404));
}

#[tokio::test]
async fn a_cookie_that_somebody_else_has_set_decides_nothing() {
    let app = App::start().await;
    ada(&app).await;
    person(&app, "eve@example.com", "Eve", Role::Viewer).await;
    let (ada, eve) = (Browser::of(&app, ADA).await, Browser::of(&app, "eve@example.com").await);
    let also = Browser::of(&app, ADA).await;
    let made_up = format!("mask_session={}", "0".repeat(64));
    let shown = async |cookies: &[&str]| {
        let browser = Browser { cookies: cookies.join("; ") };
        let answer = browser.get(&app, "/account").await;
        if answer.status == 200 {
            answer.json()["email"].as_str().expect("an address").to_owned()
        } else {
            answer.error(401)
        }
    };
    // What is nobody's word signs nobody out, wherever it stands.
    for others in [&["mask_session=x"][..], &[&made_up], &["mask_session=", &made_up, "mask_session=x"]] {
        assert_eq!(shown(&[others, &[ada.session()]].concat()).await, ADA);
        assert_eq!(shown(&[&[ada.session()], others].concat()).await, ADA);
    }
    assert_eq!(shown(&[ada.session(), also.session()]).await, ADA);
    // Of two people it is neither: nobody acts in somebody else's account without seeing it.
    for pair in [[ada.session(), eve.session()], [eve.session(), ada.session()]] {
        assert_eq!(shown(&pair).await, "unauthorized");
    }
    let mut both = Browser { cookies: [eve.session(), ada.session()].join("; ") };
    assert_eq!(both.open(&app, "/account").await.header("location"), "/sign-in");
    // Signing in ends both, and then there is one.
    let answer = Answer::of(sign_in(&app, ADA, PASSWORD).header("cookie", &both.cookies)).await;
    let mut new = Browser::default();
    new.keep(&answer);
    assert_eq!(shown(&[eve.session(), ada.session(), new.session()]).await, ADA);
    let out = Browser { cookies: [also.session(), new.session()].join("; ") };
    assert_eq!(out.post(&app, "/auth/sign-out", json!({})).await.status, 204);
    assert_eq!(shown(&[also.session()]).await, "unauthorized");
    assert_eq!(shown(&[new.session()]).await, "unauthorized");
}

#[tokio::test]
async fn strangers_keep_nobody_out_of_a_browser_in_which_they_were_before() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "3")]).await;
    ada(&app).await;
    person(&app, "eve@example.com", "Eve", Role::Viewer).await;
    let (mut known, eve) = (Browser::of(&app, ADA).await, Browser::of(&app, "eve@example.com").await);
    assert!(known.cookies.contains("mask_browser="), "{}", known.cookies);
    assert_eq!(known.post(&app, "/auth/sign-out", json!({})).await.status, 204);
    known.cookies = known.cookies.split("; ").filter(|pair| pair.starts_with("mask_browser=")).collect();
    app.wait(60);
    let eves: String = eve.cookies.split("; ").filter(|pair| pair.starts_with("mask_browser=")).collect();
    for cookies in ["", "mask_browser=rubbish", &eves] {
        let wrong = sign_in(&app, ADA, OTHER).header("cookie", cookies);
        assert_eq!(Answer::of(wrong).await.status, 401, "{cookies}");
    }
    for cookies in ["", "mask_browser=rubbish", &eves] {
        let right = sign_in(&app, ADA, PASSWORD).header("cookie", cookies);
        assert_eq!(Answer::of(right).await.error(429), "rate_limit_exceeded", "{cookies}");
    }
    let page = known.send(&app, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!((page.status, page.header("location")), (303, "/account"), "{}", page.text);
    // It opens nothing by itself.
    let alone =
        Browser { cookies: known.cookies.split("; ").filter(|pair| pair.starts_with("mask_browser=")).collect() };
    assert_eq!(alone.get(&app, "/account").await.error(401), "unauthorized");
}
