//! Links behind a password: the form, the cookie, and how often one may try.

use reqwest::RequestBuilder;
use serde_json::json;

use crate::{
    harness::{Answer, App, BROWSER},
    wire::Wire,
};

const SECRET: &str = "https://example.com/secret";

fn try_password(app: &App, path: &str, password: &str) -> RequestBuilder {
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
    let request = app.client.post(format!("{}{path}", app.base)).header("user-agent", BROWSER);
    request.header("content-type", "application/x-www-form-urlencoded").body(form)
}

/// The cookie of an answer, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

async fn with_cookie(app: &App, path: &str, cookie: &str) -> Answer {
    Answer::of(app.visit(path).header("cookie", format!("other=1; {cookie}"))).await
}

#[tokio::test]
async fn the_way_through_a_password() {
    let mut app = App::start().await;
    let link = app.link(json!({"url": SECRET, "slug": "Locked-One", "password": "grüß Gott & +1", "redirect_status": 308, "utm_source": "mail"})).await;
    let api = format!("/links/{}", link["id"].as_str().expect("an id"));
    assert_eq!((link["has_password"].as_bool(), link.get("password")), (Some(true), None));

    let form = Answer::of(app.visit("/locked-one")).await;
    assert_eq!(
        (form.status, form.header("content-type"), form.header("cache-control")),
        (200, "text/html; charset=utf-8", "private, no-store")
    );
    assert!(
        form.text.contains("<form method=\"post\">")
            && form.text.contains("name=\"password\"")
            && !form.text.contains("example.com")
    );
    assert!(form.header("set-cookie").is_empty() && !form.header("content-security-policy").contains("form-action"));

    let wrong = Answer::of(try_password(&app, "/locked-one", "gruss Gott")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie"), wrong.header("location")), (403, "", ""));
    assert!(wrong.text.contains("That password is not right") && !wrong.text.contains("example.com"));

    let right = Answer::of(try_password(&app, "/LOCKED-One?x=1", "grüß Gott & +1")).await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, "https://example.com/secret?utm_source=mail&x=1"),
        "never 308: it would send the password on"
    );
    assert_eq!((right.header("cache-control"), right.text.as_str()), ("private, no-store", ""));
    let attributes = right.header("set-cookie").split_once("; ").expect("attributes").1;
    assert_eq!(attributes, "Path=/LOCKED-One; Max-Age=3600; HttpOnly; SameSite=Lax");

    let key = cookie(&right);
    let open = with_cookie(&app, "/locked-one", &key).await;
    assert_eq!((open.status, open.header("location")), (308, "https://example.com/secret?utm_source=mail"));
    app.restart().await;
    assert_eq!(with_cookie(&app, "/locked-one", &key).await.status, 308, "a restart asks nobody again");
    app.link(json!({"url": SECRET, "slug": "other-one", "password": "grüß Gott & +1"})).await;
    for (path, cookie) in [
        ("/other-one", key.clone()),
        ("/other-one", key.replace("locked", "other")),
        ("/locked-one", format!("{key}x")),
        ("/locked-one", "mask_unlock_locked-one=".to_owned()),
    ] {
        assert_eq!(with_cookie(&app, path, &cookie).await.status, 200, "{path} {cookie}");
    }
    app.wait(3600);
    assert_eq!(with_cookie(&app, "/locked-one", &key).await.status, 200, "an hour is over");

    let key = cookie(&Answer::of(try_password(&app, "/locked-one", "grüß Gott & +1")).await);
    assert_eq!(with_cookie(&app, "/locked-one", &key).await.status, 308);
    app.patch(&api, json!({"title": "Another title"})).await.is(200);
    assert_eq!(with_cookie(&app, "/locked-one", &key).await.status, 308);
    app.patch(&api, json!({"password": "another"})).await.is(200);
    assert_eq!(with_cookie(&app, "/locked-one", &key).await.status, 200, "who knew the old one knows nothing");
    assert_eq!(Answer::of(try_password(&app, "/locked-one", "grüß Gott & +1")).await.status, 403);
    app.patch(&api, json!({"password": null})).await.is(200);
    assert_eq!(Answer::of(app.visit("/locked-one")).await.status, 308);
    assert_eq!(Answer::of(try_password(&app, "/locked-one", "another")).await.status, 405, "there is nothing to open");
    app.settle().await;
    assert_eq!(app.get(&api).await.is(200)["clicks"], 7, "each redirect of a person, and no form");
}

#[tokio::test]
async fn a_form_that_is_none() {
    let app = App::start().await;
    app.link(json!({"url": SECRET, "slug": "locked-two", "password": "sesame"})).await;
    let url = format!("{}/locked-two", app.base);
    let post = |kind: &str, body: Vec<u8>| {
        app.client.post(&url).header("user-agent", BROWSER).header("content-type", kind).body(body)
    };
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        ("application/json", br#"{"password":"sesame"}"#.to_vec()),
        (form, Vec::new()),
        (form, b"passwort=sesame".to_vec()),
        (form, vec![b'a'; 5000]),
        ("multipart/form-data; boundary=x", b"--x--".to_vec()),
        ("text/plain", b"password=sesame".to_vec()),
    ] {
        let answer = Answer::of(post(kind, body)).await;
        assert!(matches!(answer.status, 400 | 403), "{kind}: {}", answer.status);
        assert!(answer.header("set-cookie").is_empty() && !answer.text.contains("example.com"));
    }
    for body in [&b"password=%ff%fe"[..], b"password=\0", b"password=", b"password=%00"] {
        let answer = Answer::of(post(form, body.to_vec())).await;
        assert!(matches!(answer.status, 400 | 403), "{body:?}: {}", answer.status);
    }
    assert_eq!(Answer::of(post(&format!("{form}; charset=utf-8"), b"x=1&password=sesame".to_vec())).await.status, 303);
}

#[tokio::test]
async fn ten_tries_a_minute() {
    let app = App::with(&[("proxy.trusted", "127.0.0.1")]).await;
    for slug in ["try-me", "try-other"] {
        app.link(json!({"url": SECRET, "slug": slug, "password": "sesame"})).await;
    }
    let from = |address: &'static str, path: &str, password: &str| {
        Answer::of(try_password(&app, path, password).header("x-forwarded-for", address))
    };
    for _ in 0..9 {
        assert_eq!(from("203.0.113.1", "/try-me", "wrong").await.status, 403);
    }
    assert_eq!(from("203.0.113.1", "/TRY-ME/", "sesame").await.status, 303);
    for password in ["wrong", "sesame"] {
        let answer = from("203.0.113.1", "/try-me", password).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "46"));
        assert!(answer.text.contains("Try again in 46 seconds") && answer.header("set-cookie").is_empty());
    }
    assert_eq!(from("203.0.113.2", "/try-me", "sesame").await.status, 303, "another address");
    assert_eq!(from("203.0.113.1", "/try-other", "sesame").await.status, 303, "another link");
    assert_eq!(
        Answer::of(app.visit("/try-me").header("x-forwarded-for", "203.0.113.1")).await.status,
        200,
        "looking is no try"
    );
    app.wait(45);
    assert_eq!(from("203.0.113.1", "/try-me", "sesame").await.header("retry-after"), "1");
    app.wait(1);
    assert_eq!(from("203.0.113.1", "/try-me", "sesame").await.status, 303);
}

#[tokio::test]
async fn many_tries_at_once_are_ten() {
    let app = App::start().await;
    app.link(json!({"url": SECRET, "slug": "guess-me", "password": "sesame"})).await;
    let tries = (0..40).map(|number| Answer::of(try_password(&app, "/guess-me", &format!("guess {number}"))));
    let mut statuses: Vec<_> = futures_util::future::join_all(tries).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![403; 10], vec![429; 30]].concat());
}

#[tokio::test]
async fn who_forwards_is_believed_only_when_trusted() {
    let app = App::start().await;
    app.link(json!({"url": SECRET, "slug": "forwarded", "password": "sesame"})).await;
    for number in 0..10 {
        let request =
            try_password(&app, "/forwarded", "wrong").header("x-forwarded-for", format!("203.0.113.{number}"));
        assert_eq!(Answer::of(request).await.status, 403);
    }
    let request = try_password(&app, "/forwarded", "sesame").header("x-forwarded-for", "203.0.113.99");
    assert_eq!(Answer::of(request).await.status, 429, "an address that is only claimed gets no tries of its own");
}

#[tokio::test]
async fn off_the_loopback_the_cookie_is_secure() {
    let app = App::with(&[("server.public_url", "https://go.example"), ("proxy.trusted", "127.0.0.1")]).await;
    let made =
        app.api(reqwest::Method::POST, "/links").header("host", "go.example").header("x-forwarded-proto", "https");
    Answer::of(made.json(&json!({"url": SECRET, "slug": "secure-one", "password": "sesame"}))).await.is(201);
    let answer = Answer::of(try_password(&app, "/secure-one", "sesame").header("host", "go.example")).await;
    assert!(
        answer.status == 303 && answer.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_end_goes_before_the_password() {
    let app = App::start().await;
    let link = json!({"url": SECRET, "slug": "ends-soon", "password": "sesame", "expires_at": "2026-03-24T15:00:00Z"});
    app.link(link).await;
    app.link(json!({"url": SECRET, "slug": "ends-first", "password": "sesame", "click_limit": 1})).await;
    assert_eq!(Answer::of(try_password(&app, "/ends-first", "wrong")).await.status, 403, "a wrong one takes nothing");
    assert_eq!(Answer::of(try_password(&app, "/ends-first", "sesame")).await.status, 303);
    assert_eq!(Answer::of(try_password(&app, "/ends-first", "sesame")).await.status, 410);
    assert_eq!(Answer::of(app.visit("/ends-first")).await.status, 410);
    app.wait(3600);
    assert_eq!(Answer::of(app.visit("/ends-soon")).await.status, 410);
    assert_eq!(Answer::of(try_password(&app, "/ends-soon", "sesame")).await.status, 410);
}

#[tokio::test]
async fn a_form_that_does_not_come_to_its_end() {
    let app = App::with(&[("server.body_timeout_seconds", "1")]).await;
    app.link(json!({"url": SECRET, "slug": "locked-in", "password": "sesame"})).await;
    let page = json!({"title": "Ada", "slug": "ada-page", "published": true, "blocks": [{
        "type": "email",
        "data": {"mode": "signup", "title": "News", "button_text": "Join", "success_message": "Thanks"},
    }]});
    app.post("/bio-pages", page).await.is(201);
    for slug in ["locked-in", "ada-page"] {
        let head = format!("POST /{slug} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n");
        let late = format!("{head}Content-Type: application/x-www-form-urlencoded\r\n\r\npassword=sesam");
        let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
        wire.send(late.as_bytes()).expect("sent");
        let answer = Answer::from(wire.reply().expect("an answer"));
        assert_eq!((answer.status, answer.header("content-type")), (408, "text/html; charset=utf-8"), "{slug}");
        assert!(answer.text.contains("did not arrive in time"), "{}", answer.text);
        assert!(wire.is_closed(), "what comes now is no new request");
        // What is no form is that at once, however much of it is still to come.
        let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
        wire.send(format!("{head}Content-Type: text/plain\r\n\r\npassword=sesam").as_bytes()).expect("sent");
        assert_eq!(wire.reply().expect("an answer").status, 400, "{slug}");
    }
}
