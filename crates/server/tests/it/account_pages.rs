//! The pages of accounts, as somebody without JavaScript goes through them.

use serde_json::json;

use crate::{
    harness::{Answer, App},
    people::{ADA, Browser, PASSWORD, ada},
};

const OTHER: &str = "staple battery horse correct";

/// The forms that a page has, by where they go.
fn actions(page: &str) -> Vec<&str> {
    page.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn in_and_out_again() {
    let app = App::start().await;
    ada(&app).await;
    let mut browser = Browser::default();
    let sent_away = browser.open(&app, "/account").await;
    assert_eq!((sent_away.status, sent_away.header("location")), (303, "/sign-in"));
    let page = browser.open(&app, "/sign-in").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers.get_all("content-type").iter().collect::<Vec<_>>(), ["text/html; charset=utf-8"]);
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("form-action 'self'"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("x-robots-tag")), ("no-store", "noindex"));
    assert!(!page.text.contains("<script") && !page.text.contains("/sign-up"), "{}", page.text);
    let wrong = browser.send(&app, "/sign-in", &[("email", ADA), ("password", OTHER)]).await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.text.contains("<title>Error: ") && wrong.text.contains(&format!("value=\"{ADA}\"")),
        "{}",
        wrong.text
    );
    assert!(!wrong.text.contains(OTHER), "what is secret is not shown again");
    let into = browser.send(&app, "/sign-in", &[("email", ADA), ("password", PASSWORD), ("extension", "x")]).await;
    assert_eq!((into.status, into.header("location")), (303, "/account"));
    let page = browser.open(&app, "/account").await;
    for part in
        ["Ada Lovelace", ADA, "Default (owner)", "(this one)", "What was done lately", "Signed in, An unknown program"]
    {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(browser.open(&app, "/sign-in").await.header("location"), "/account");
    let out = browser.send(&app, "/account/sign-out", &[]).await;
    assert_eq!((out.status, out.header("location"), browser.session()), (303, "/sign-in", ""));
}

#[tokio::test]
async fn what_is_changed_is_shown() {
    let app = App::start().await;
    ada(&app).await;
    let mut browser = Browser::of(&app, ADA).await;
    let other = Browser::of(&app, ADA).await;
    let page = browser.open(&app, "/account").await.text;
    let all = ["sign-out", "name", "email", "password", "begin-totp", "end"];
    assert_eq!(actions(&page), all.map(|action| format!("/account/{action}")), "{page}");
    let id = page.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    let ended = browser.send(&app, "/account/end", &[("id", id)]).await;
    assert_eq!(ended.header("location"), "/account?done=ended");
    assert_eq!(other.get(&app, "/account").await.status, 401);

    let faulty = browser.send(&app, "/account/name", &[("name", &"x".repeat(101))]).await;
    assert_eq!(faulty.status, 422);
    assert!(faulty.text.contains("id=\"name-name-error\""), "{}", faulty.text);
    let named = browser.send(&app, "/account/name", &[("name", "A. <King>")]).await;
    let page = browser.open(&app, named.header("location")).await.text;
    assert!(page.contains("Your name is changed.") && page.contains("A. &#60;King&#62;"), "{page}");
    let wrong = browser.send(&app, "/account/password", &[("current_password", "x"), ("password", OTHER)]).await;
    assert!(wrong.status == 422 && wrong.text.contains("id=\"password-current_password-error\""), "{}", wrong.text);
    let fields = [("current_password", PASSWORD), ("password", OTHER)];
    assert_eq!(browser.send(&app, "/account/password", &fields).await.header("location"), "/account?done=password");
    let fields = [("email", "countess@example.com"), ("password", OTHER)];
    assert_eq!(browser.send(&app, "/account/email", &fields).await.header("location"), "/account?done=email");
    let account = browser.get(&app, "/account").await.is(200);
    assert_eq!((&account["name"], &account["email"]), (&json!("A. <King>"), &json!("countess@example.com")));
    assert_eq!(browser.send(&app, "/account/nonsense", &[]).await.status, 404);
}

#[tokio::test]
async fn an_app_is_set_up_and_asked_for() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "100")]).await;
    ada(&app).await;
    let mut browser = Browser::of(&app, ADA).await;
    let begun = browser.send(&app, "/account/begin-totp", &[("password", PASSWORD)]).await;
    let page = begun.text;
    assert!(page.contains("src=\"data:image/svg+xml;base64,"), "{page}");
    // It is shown to whoever typed the password, this once.
    let later = browser.open(&app, "/account").await.text;
    assert!(!later.contains("src=\"data:image/svg+xml;base64,") && !later.contains("address code"), "{later}");
    assert!(later.contains("id=\"confirm-totp-code\"") && later.contains("id=\"begin-totp-password\""), "{later}");
    let wrong = browser.send(&app, "/account/confirm-totp", &[("code", "12")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("id=\"confirm-totp-code-error\""), "{}", wrong.text);
    // The secret as it stands there is what an app takes.
    let secret: String = page.split("address code\">").nth(1).expect("a secret").chars().take(32).collect();
    let confirmed =
        browser.send(&app, "/account/confirm-totp", &[("code", &crate::accounts::code(&app, &secret, 0))]).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let codes = confirmed.text.split("address code\">").nth(1).and_then(|rest| rest.split("</p>").next());
    let codes: Vec<_> = codes.expect("codes").split("<br>").filter(|code| !code.is_empty()).collect();
    assert_eq!(codes.len(), 10, "{codes:?}");

    let mut other = Browser::default();
    assert_eq!(other.open(&app, "/sign-in/code").await.header("location"), "/sign-in", "first the password");
    let half = other.send(&app, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!((half.header("location"), other.session()), ("/sign-in/code", ""), "nobody is in by half");
    assert!(half.header("set-cookie").contains("; HttpOnly; SameSite=Strict"));
    assert_eq!(other.get(&app, "/account").await.status, 401);
    assert_eq!(other.open(&app, "/sign-in/code").await.status, 200);
    assert_eq!(other.send(&app, "/sign-in/code", &[("code", "000000")]).await.status, 401);
    let mut late = other.clone();
    let into = other.send(&app, "/sign-in/code", &[("code", codes[0])]).await;
    assert_eq!((into.status, into.header("location")), (303, "/account"), "{}", into.text);
    assert!(!other.cookies.contains("mask_half"), "{}", other.cookies);
    app.wait(5 * 60);
    assert_eq!(late.send(&app, "/sign-in/code", &[("code", codes[1])]).await.header("location"), "/sign-in");
    let mut forged = Browser { cookies: "mask_half=AAAA".to_owned() };
    assert_eq!(forged.send(&app, "/sign-in/code", &[("code", codes[1])]).await.header("location"), "/sign-in");
    let mut waiting = Browser::default();
    let half = waiting.send(&app, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!(half.header("location"), "/sign-in/code");
    assert_eq!(other.send(&app, "/account/end-totp", &[("password", PASSWORD)]).await.status, 303);
    // Half of the way leads nowhere when there is no other half any more.
    let over = waiting.send(&app, "/sign-in/code", &[("code", "x")]).await;
    assert_eq!((over.header("location"), waiting.session()), ("/sign-in", ""));
}

#[tokio::test]
async fn a_slash_too_many_and_a_method_that_is_none() {
    let app = App::start().await;
    for path in ["/sign-in", "/sign-up", "/account", "/new-password", "/setup"] {
        let slashed = Answer::of(app.visit(&format!("{path}/?word=1"))).await;
        assert_eq!((slashed.status, slashed.header("location")), (303, format!("{path}?word=1").as_str()), "{path}");
    }
    for path in ["/sign-in", "/account", "/docs", "/healthz"] {
        let answer = Answer::of(app.client.put(format!("{}{path}", app.base))).await;
        assert_eq!(answer.error(405), "method_not_allowed", "{path}");
        assert!(answer.header("allow").contains("GET"), "{path}: {}", answer.header("allow"));
    }
}

#[tokio::test]
async fn the_pages_are_on_the_applications_host_alone() {
    let app = App::with(&[("links.domains", "go.example")]).await;
    for path in ["/sign-in", "/account", "/setup", "/sign-up", "/forgot-password", "/new-password", "/confirm-email"] {
        let there = Answer::of(app.visit(path)).await;
        assert_ne!(there.header("referrer-policy"), "", "{path} is a page of ours");
        let elsewhere = Answer::of(app.visit(path).header("host", "go.example")).await;
        assert_eq!(elsewhere.status, 404, "{path} is a slug there");
        let slug = path.trim_start_matches('/');
        let ours = json!({"url": "https://example.com", "slug": slug, "domain": "localhost"});
        let taken = app.post("/links", ours).await;
        assert_eq!(taken.fields(), ["slug"], "{path} is no link of the application's host");
        let free = json!({"url": "https://example.com", "slug": slug, "domain": "go.example"});
        app.post("/links", free).await.is(201);
    }
}
