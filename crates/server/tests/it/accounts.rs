//! Accounts: the first one, signing in, what is bounded, what tells nobody anything, and what a link opens.

use mask_core::role::Role;
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    document::OPERATIONS,
    harness::{Answer, App},
    people::{ADA, Browser, ORIGIN, PASSWORD, ada, from_us, path_of, person, sign_in, word_of},
    postbox::Postbox,
    subscribers::{app_with, mailing},
};

const OTHER: &str = "staple battery horse correct";

#[tokio::test]
async fn the_set_up_link_makes_the_first_account_once() {
    let mut app = App::start().await;
    let old = app.server().setup_link.clone().expect("there is no account");
    app.restart().await;
    let link = app.server().setup_link.clone().expect("there is no account yet");
    assert_ne!(old, link, "each start prints another");
    let path = path_of(&link);
    let mut browser = Browser::default();
    let page = browser.open(&app, &path).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, "strict-origin"), "{}", page.text);
    assert_eq!(browser.open(&app, &format!("/setup?word={}", "0".repeat(64))).await.status, 404);
    assert_eq!(browser.open(&app, "/setup").await.status, 404);

    let wrong = browser.send(&app, &path, &[("email", "ada"), ("name", "Ada"), ("password", "password1")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert_eq!(wrong.text.matches("class=\"error\"").count(), 2, "both faults at once: {}", wrong.text);
    assert!(wrong.text.contains("value=\"Ada\"") && !wrong.text.contains("password1"), "{}", wrong.text);

    let done = browser.send(&app, &path, &[("email", ADA), ("name", "Ada"), ("password", PASSWORD)]).await;
    assert_eq!((done.status, done.header("location")), (303, "/account?done=welcome"), "{}", done.text);
    let cookie = done.header("set-cookie");
    assert!(cookie.contains("; Path=/; ") && cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("Secure"), "this is a machine of somebody's own");
    let account = browser.get(&app, "/account").await.is(200);
    assert_eq!((&account["is_admin"], &account["has_password"]), (&json!(true), &json!(true)));
    assert_eq!(account["workspaces"][0]["slug"], "default");
    assert_eq!(account["workspaces"][0]["role"], "owner");
    assert!(browser.open(&app, "/account").await.text.contains("Yours to run"));

    for link in [&old, &link] {
        assert_eq!(browser.send(&app, &path_of(link), &[("email", "eve@example.com")]).await.status, 404);
    }
    app.restart().await;
    assert_eq!(app.server().setup_link, None, "there is nothing to set up any more");
}

#[tokio::test]
async fn away_from_home_the_cookie_is_for_https_alone() {
    let app = App::with(&crate::harness::HTTPS).await;
    ada(&app).await;
    let secure = |request: reqwest::RequestBuilder| {
        request
            .header("host", "mask.example")
            .header("x-forwarded-proto", "https")
            .header("origin", "https://mask.example")
    };
    let body = json!({"email": ADA, "password": PASSWORD});
    let request = app.client.post(format!("{}/api/v1/auth/sign-in", app.base)).json(&body);
    let answer = Answer::of(secure(request)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("set-cookie").ends_with("; Secure"), "{}", answer.header("set-cookie"));
    // In clear nobody is shown a form.
    let request = app.client.get(format!("{}/sign-in", app.base)).header("host", "mask.example");
    assert_eq!(Answer::of(request).await.status, 403);
    let request = app.client.get(format!("{}/sign-in", app.base));
    let request = request.header("host", "mask.example").header("x-forwarded-proto", "https");
    assert_eq!(Answer::of(request).await.status, 200);
}

#[tokio::test]
async fn signing_in_tells_nothing_of_who_has_an_account() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "100")]).await;
    ada(&app).await;
    let gone = person(&app, "gone@example.com", "Gone", Role::Member).await;
    app.server().store.set_user_disabled(gone.id, true, app.clock.now()).await.expect("a store");
    let passwords = &app.server().passwords;
    let mut seen: Vec<(u16, Value, u64, Vec<String>)> = Vec::new();
    for (email, password) in [
        (ADA, OTHER),
        ("nobody@example.com", OTHER),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ] {
        let before = passwords.worked();
        let answer = Answer::of(sign_in(&app, email, password)).await;
        let mut error = answer.json();
        error["error"].as_object_mut().expect("an error").remove("request_id");
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        seen.push((answer.status, error, passwords.worked() - before, names));
    }
    assert_eq!((seen[0].0, seen[0].2), (401, 1));
    assert!(seen.iter().all(|answer| *answer == seen[0]), "the same answer, after as much work: {seen:#?}");
    assert_eq!(Answer::of(sign_in(&app, " ADA@example.com", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn tries_are_bounded_before_anything_is_hashed() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "3")]).await;
    ada(&app).await;
    let passwords = &app.server().passwords;
    for email in [ADA, "nobody@example.com"] {
        for _ in 0..3 {
            assert_eq!(Answer::of(sign_in(&app, email, OTHER)).await.status, 401);
        }
        let before = passwords.worked();
        let answer = Answer::of(sign_in(&app, email, PASSWORD)).await;
        assert_eq!(answer.error(429), "rate_limit_exceeded", "the right one too");
        assert_eq!(answer.header("retry-after"), "46", "the rest of the minute");
        assert_eq!(passwords.worked(), before, "nothing was hashed");
    }
    // One address has nine, and those that were refused were tries too.
    assert_eq!(Answer::of(sign_in(&app, "ninth@example.com", OTHER)).await.status, 401);
    assert_eq!(Answer::of(sign_in(&app, "more@example.com", OTHER)).await.status, 429);
    let mut browser = Browser::default();
    let page = browser.send(&app, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "46"));
    app.wait(46);
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn nothing_is_taken_that_another_site_sent() {
    let app = App::start().await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    let body = json!({"email": ADA, "password": PASSWORD});
    let url = |path: &str| format!("{}{path}", app.base);
    for origin in [None, Some("https://evil.example"), Some("null"), Some("http://localhost:8081"), Some("")] {
        let with = |request: reqwest::RequestBuilder| match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        let sign_in = with(app.client.post(url("/api/v1/auth/sign-in"))).json(&body);
        assert_eq!(Answer::of(sign_in).await.error(403), "forbidden", "{origin:?}");
        let change = with(app.client.patch(url("/api/v1/account"))).header("cookie", &browser.cookies);
        assert_eq!(Answer::of(change.json(&json!({"name": "Eve"}))).await.error(403), "forbidden", "{origin:?}");
        let end = with(app.client.delete(url("/api/v1/account/sessions"))).header("cookie", &browser.cookies);
        assert_eq!(Answer::of(end).await.error(403), "forbidden", "{origin:?}");
        for path in ["/sign-in", "/account/name", "/account/sign-out", "/setup"] {
            let form = with(app.client.post(url(path))).header("cookie", &browser.cookies);
            let form = form.header("content-type", "application/x-www-form-urlencoded").body("name=Eve");
            assert_eq!(Answer::of(form).await.status, 403, "{path} {origin:?}");
        }
    }
    // What a form can send as text is nothing that is read, wherever it comes from.
    let text = r#"{"email": "ada@example.com", "password": "correct horse battery staple"}"#;
    for kind in ["text/plain", "multipart/form-data; boundary=x", ""] {
        let post = |path: &str| {
            let request = app.client.post(url(path)).header("origin", ORIGIN).header("cookie", &browser.cookies);
            request.header("content-type", kind).body(text)
        };
        assert_eq!(Answer::of(post("/api/v1/auth/sign-in")).await.error(415), "unsupported_media_type");
        assert_eq!(Answer::of(post("/sign-in")).await.status, 415);
        assert_eq!(Answer::of(post("/account/name")).await.status, 415);
    }
    let account = browser.get(&app, "/account").await.is(200);
    assert_eq!(account["name"], "Ada Lovelace", "and nothing was changed");
}

#[tokio::test]
async fn a_lost_password_is_chosen_anew_by_a_link() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    ada(&app).await;
    let mut browser = Browser::of(&app, ADA).await;
    let page = browser.open(&app, "/forgot-password").await;
    assert!(page.status == 200 && page.text.contains("name=\"email\""), "{}", page.text);
    let (known, unknown) = (
        browser.send(&app, "/forgot-password", &[("email", ADA)]).await,
        browser.send(&app, "/forgot-password", &[("email", "nobody@example.com")]).await,
    );
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let letter = postbox.next().await;
    assert_eq!((letter.to.as_str(), letter.header("Subject").as_str()), (ADA, "Choose a new password"));
    let link = letter.link("/new-password?word=");
    assert!(!letter.message.contains("Lovelace"), "nothing of whoever asked");
    for email in [ADA, "nobody@example.com"] {
        let asked = from_us(&app, Method::POST, "/auth/password-reset").json(&json!({"email": email}));
        let answer = Answer::of(asked).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    }
    let second = postbox.next().await.link("/new-password?word=");
    let mut other = Browser::default();
    for _ in 0..2 {
        assert_eq!(other.open(&app, &link).await.status, 200, "opening it changes nothing");
    }
    for bad in ["short", "password123", ADA] {
        assert_eq!(other.send(&app, &link, &[("password", bad)]).await.status, 422, "{bad}");
    }
    let done = other.send(&app, &link, &[("password", OTHER)]).await;
    assert!(done.status == 200 && done.text.contains("Your password is changed"), "{}", done.text);
    for spent in [&link, &second] {
        assert_eq!(other.open(&app, spent).await.status, 404, "used, or ended with it");
        assert_eq!(other.send(&app, spent, &[("password", PASSWORD)]).await.status, 404);
        let body = json!({"token": word_of(spent), "password": PASSWORD});
        let again = from_us(&app, Method::POST, "/auth/password-reset/confirm").json(&body);
        assert_eq!(Answer::of(again).await.error(404), "not_found");
    }
    assert_eq!(browser.get(&app, "/account").await.error(401), "unauthorized", "all sessions have ended");
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 401);
    assert_eq!(Answer::of(sign_in(&app, ADA, OTHER)).await.status, 200);
    assert!(!postbox.has_more(), "nobody else was written to");
}

#[tokio::test]
async fn a_link_lasts_an_hour() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    ada(&app).await;
    let asked = from_us(&app, Method::POST, "/auth/password-reset").json(&json!({"email": ADA}));
    assert_eq!(Answer::of(asked).await.status, 202);
    let token = word_of(&postbox.next().await.link("/new-password?word="));
    app.wait(3600);
    let late = json!({"token": token, "password": OTHER});
    let late = from_us(&app, Method::POST, "/auth/password-reset/confirm").json(&late);
    assert_eq!(Answer::of(late).await.error(404), "not_found");
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn without_mail_the_operator_is_asked() {
    let app = App::start().await;
    ada(&app).await;
    let page = Browser::default().open(&app, "/forgot-password").await;
    assert!(page.status == 200 && page.text.contains("mask users reset-password"), "{}", page.text);
    for email in [ADA, "nobody@example.com"] {
        let asked = from_us(&app, Method::POST, "/auth/password-reset").json(&json!({"email": email}));
        assert_eq!(Answer::of(asked).await.error(403), "forbidden");
    }
    // Nobody can confirm an address, so it is for whoever runs the installation to say whose it is.
    person(&app, "eve@example.com", "Eve", Role::Admin).await;
    let mut eve = Browser::of(&app, "eve@example.com").await;
    let wish = json!({"email": "c@example.com", "password": PASSWORD});
    assert_eq!(eve.post(&app, "/account/email", wish.clone()).await.error(403), "forbidden");
    assert!(!eve.open(&app, "/account").await.text.contains("/account/email"));
    let browser = Browser::of(&app, ADA).await;
    let wrong = json!({"email": "c@example.com", "password": OTHER});
    assert_eq!(browser.post(&app, "/account/email", wrong).await.fields(), ["password"]);
    assert_eq!(browser.post(&app, "/account/email", wish).await.is(200)["email"], "c@example.com");
}

#[tokio::test]
async fn an_address_is_changed_by_whoever_reads_it() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    ada(&app).await;
    person(&app, "bob@example.com", "Bob", Role::Member).await;
    let browser = Browser::of(&app, ADA).await;
    let ask = async |email: &str, password: &str| {
        browser.post(&app, "/account/email", json!({"email": email, "password": password})).await
    };
    assert_eq!(ask("countess@example.com", OTHER).await.fields(), ["password"]);
    for taken_or_not in ["bob@example.com", "countess@example.com"] {
        let answer = ask(taken_or_not, PASSWORD).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    }
    let bobs = postbox.next().await;
    let new = postbox.next().await;
    assert_eq!((bobs.to.as_str(), new.to.as_str()), ("bob@example.com", "countess@example.com"));
    let confirm = async |token: &str| {
        Answer::of(from_us(&app, Method::POST, "/account/email/confirm").json(&json!({"token": token}))).await
    };
    assert_eq!(confirm(&word_of(&bobs.link("/confirm-email?word="))).await.error(409), "conflict");
    assert_eq!(browser.get(&app, "/account").await.is(200)["email"], ADA, "nothing has changed yet");
    let link = new.link("/confirm-email?word=");
    let mut elsewhere = Browser::default();
    assert!(elsewhere.open(&app, &link).await.text.contains("countess@example.com"));
    assert_eq!(elsewhere.send(&app, &link, &[]).await.status, 200);
    assert_eq!(confirm(&word_of(&link)).await.error(404), "not_found", "once");
    let notice = postbox.next().await;
    assert_eq!(
        (notice.to.as_str(), notice.header("Subject").as_str()),
        (ADA, "The address of your account was changed")
    );
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 401);
    assert_eq!(Answer::of(sign_in(&app, "countess@example.com", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn signing_up_is_closed_until_it_is_opened() {
    let body = json!({"email": "grace@example.com", "name": "Grace", "password": PASSWORD});
    let ask = async |app: &App, body: &Value| Answer::of(from_us(app, Method::POST, "/auth/sign-up").json(body)).await;
    for setting in ["closed", "invite"] {
        let app = App::with(&[("auth.signup", setting)]).await;
        assert_eq!(ask(&app, &body).await.error(403), "forbidden");
        assert_eq!(Browser::default().open(&app, "/sign-up").await.status, 403);
    }
    let app = App::with(&[("auth.signup", "open")]).await;
    let answer = ask(&app, &body).await;
    assert!(answer.header("set-cookie").starts_with("mask_session="));
    let made = answer.is(201);
    assert_eq!((&made["is_admin"], &made["workspaces"]), (&json!(false), &json!([])));
    assert_eq!(ask(&app, &body).await.error(409), "conflict");
    let faults = ask(&app, &json!({"email": "x", "name": " ", "password": "x", "more": 1})).await;
    assert_eq!(faults.fields(), ["email", "name", "password", "more"]);
}

#[tokio::test]
async fn signing_up_by_mail_tells_nothing() {
    let mut postbox = Postbox::start().await;
    let mut settings = mailing(&postbox);
    settings.push(("auth.signup", "open".to_owned()));
    let app = app_with(&settings).await;
    ada(&app).await;
    let mut browser = Browser::default();
    let (known, new) = (
        browser.send(&app, "/sign-up", &[("email", ADA), ("name", "Eve")]).await,
        browser.send(&app, "/sign-up", &[("email", "grace@example.com"), ("name", "Grace")]).await,
    );
    assert_eq!((known.status, &known.text), (200, &new.text));
    let with_password = json!({"email": "eve@example.com", "name": "Eve", "password": PASSWORD});
    let refused = from_us(&app, Method::POST, "/auth/sign-up").json(&with_password);
    assert_eq!(Answer::of(refused).await.fields(), ["password"]);
    let (to_ada, to_grace) = (postbox.next().await, postbox.next().await);
    assert_eq!((to_ada.to.as_str(), to_ada.header("Subject").as_str()), (ADA, "You have an account already"));
    assert_eq!(to_grace.header("Subject"), "Finish signing up");
    let link = to_grace.link("/new-password?word=");
    assert_eq!(browser.send(&app, &link, &[("password", PASSWORD)]).await.status, 200);
    assert_eq!(Answer::of(sign_in(&app, "grace@example.com", PASSWORD)).await.is(200)["name"], "Grace");
}

/// The code of an app with this secret, at the app's time.
pub(crate) fn code(app: &App, secret: &str, later_s: i64) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let fives = secret.chars().map(|letter| format!("{:05b}", LETTERS.find(letter).expect("base32")));
    let bits = fives.collect::<Vec<_>>().concat();
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).expect("digits"), 2).expect("a byte");
    let bytes: Vec<u8> = bits.as_bytes().chunks_exact(8).map(byte).collect();
    let step = (app.clock.now().unix_seconds() + later_s).div_euclid(30).to_be_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let mut mac = [0; 20];
    mac.copy_from_slice(hmac::sign(&key, &step).as_ref());
    format!("{:06}", mask_core::totp::code(&mac))
}

#[tokio::test]
async fn an_app_is_asked_for_its_code() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "100")]).await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    let with_password = json!({"password": PASSWORD});
    assert_eq!(browser.post(&app, "/account/totp", json!({"password": OTHER})).await.fields(), ["password"]);
    assert_eq!(browser.post(&app, "/account/totp", json!({})).await.error(400), "bad_request");
    let first = browser.post(&app, "/account/totp", with_password.clone()).await.is(200);
    let begun = browser.post(&app, "/account/totp", with_password.clone()).await.is(200);
    assert_ne!(first["secret"], begun["secret"], "another takes its place");
    let secret = begun["secret"].as_str().expect("a secret");
    let uri = begun["uri"].as_str().expect("an address");
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(secret), "{uri}");
    assert!(begun["qr_svg"].as_str().is_some_and(|svg| svg.starts_with("<svg")), "{begun}");
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 200, "it is not in use yet");
    let confirm = async |code: String| browser.post(&app, "/account/totp/confirm", json!({"code": code})).await;
    let old = code(&app, first["secret"].as_str().expect("a secret"), 0);
    assert_eq!(confirm(old).await.fields(), ["code"]);
    let confirmed = confirm(code(&app, secret, 0)).await.is(200);
    let recovery = confirmed["recovery_codes"].as_array().expect("codes").clone();
    assert_eq!(recovery.len(), 10);
    assert_eq!(browser.post(&app, "/account/totp", with_password.clone()).await.error(409), "conflict");

    let sign_in_with = async |code: &str| {
        let body = json!({"email": ADA, "password": PASSWORD, "code": code});
        Answer::of(from_us(&app, Method::POST, "/auth/sign-in").json(&body)).await
    };
    let none = Answer::of(sign_in(&app, ADA, PASSWORD)).await;
    assert_eq!(none.error(401), "second_factor_required");
    assert_eq!(none.header("set-cookie"), "", "nobody is in by half");
    assert_eq!(Answer::of(sign_in(&app, ADA, OTHER)).await.error(401), "unauthorized");
    assert_eq!(sign_in_with("").await.error(401), "unauthorized");
    assert_eq!(sign_in_with(&code(&app, secret, 0)).await.error(401), "unauthorized", "it was used to confirm");
    assert_eq!(sign_in_with(&code(&app, secret, 30)).await.status, 200, "clocks differ");
    assert_eq!(sign_in_with(&code(&app, secret, 30)).await.error(401), "unauthorized", "once");
    assert_eq!(sign_in_with(&code(&app, secret, 90)).await.error(401), "unauthorized", "not so much");
    app.wait(60);
    let fresh = code(&app, secret, 0);
    let spaced = format!("{} {}", &fresh[..3], &fresh[3..]);
    assert_eq!(sign_in_with(&spaced).await.status, 200);
    let used = recovery[3].as_str().expect("a code");
    assert_eq!(sign_in_with(&used.to_uppercase()).await.status, 200);
    assert_eq!(sign_in_with(used).await.error(401), "unauthorized", "once");
    assert_eq!(browser.get(&app, "/account").await.is(200)["recovery_codes"], 9);

    let others = browser.post(&app, "/account/recovery-codes", with_password.clone()).await.is(200);
    assert_eq!(sign_in_with(recovery[4].as_str().expect("a code")).await.error(401), "unauthorized");
    assert_eq!(sign_in_with(others["recovery_codes"][0].as_str().expect("a code")).await.status, 200);
    let end = browser.api(&app, Method::DELETE, "/account/totp").json(&json!({"password": PASSWORD}));
    assert_eq!(Answer::of(end).await.status, 204);
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 200);
    let kept = std::fs::read(app.data().join("mask.db")).expect("the database");
    let is_kept = |text: &str| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(!is_kept(secret) && !is_kept(used) && !is_kept(PASSWORD), "nothing that opens is kept as it is");
}

#[tokio::test]
async fn codes_are_tried_as_seldom_as_passwords() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "3")]).await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    browser.post(&app, "/account/totp", json!({"password": PASSWORD})).await.is(200);
    for _ in 0..3 {
        let wrong = browser.post(&app, "/account/totp/confirm", json!({"code": "000000"})).await;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
    }
    let more = browser.post(&app, "/account/totp/confirm", json!({"code": "000000"})).await;
    assert_eq!(more.error(429), "rate_limit_exceeded");
}

#[tokio::test]
async fn operations_of_people_are_for_people() {
    let app = App::with(&[("limits.requests_per_minute", "100000")]).await;
    ada(&app).await;
    let browser = Browser::of(&app, ADA).await;
    let of_people: Vec<_> =
        OPERATIONS.iter().filter(|operation| operation.takes_people() && !operation.takes_keys()).collect();
    assert!(of_people.len() >= 11);
    for operation in of_people {
        let path = operation.path.replace("{id}", "ses_01kcd3vyk5f8r9v3k2m4n6p8qa");
        let request = || {
            let request = app.client.request(operation.method.clone(), format!("{}/api/v1{path}", app.base));
            match operation.example() {
                Some(body) => request.json(&body),
                None => request,
            }
        };
        let nobody = Answer::of(request().header("origin", ORIGIN)).await;
        assert_eq!(nobody.error(401), "unauthorized", "{}", operation.id);
        let stale = request().header("origin", ORIGIN).header("cookie", format!("mask_session={}", "0".repeat(64)));
        assert_eq!(Answer::of(stale).await.error(401), "unauthorized", "{}", operation.id);
        let key = request().header("origin", ORIGIN).bearer_auth(&app.key);
        assert_eq!(Answer::of(key).await.error(403), "forbidden", "{}", operation.id);
        if operation.method != Method::GET {
            let elsewhere = request().header("origin", "https://evil.example").header("cookie", &browser.cookies);
            assert_eq!(Answer::of(elsewhere).await.error(403), "forbidden", "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn documented_examples_of_people_work() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "100"), ("auth.signup", "open")]).await;
    ada(&app).await;
    let example = |id: &str| {
        let operation = OPERATIONS.iter().find(|operation| operation.id == id).expect("an operation");
        (operation.method.clone(), operation.path.clone(), operation.example().expect("an example"))
    };
    let mut browser = Browser::default();
    for (id, status) in [
        ("sign_up", 201),
        ("sign_in", 200),
        ("update_account", 200),
        ("begin_totp", 200),
        ("reset_password", 404),
        ("confirm_email_change", 404),
        ("ask_password_reset", 403),
        ("end_totp", 204),
        ("ask_email_change", 200),
        ("change_password", 204),
    ] {
        let (method, path, body) = example(id);
        let answer = Answer::of(browser.api(&app, method, &path).json(&body)).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text);
        browser.keep(&answer);
    }
    let account = browser.get(&app, "/account").await.is(200);
    assert_eq!((&account["name"], &account["email"]), (&json!("Ada King"), &json!("countess@example.com")));
}
