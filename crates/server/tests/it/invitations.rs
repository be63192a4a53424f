//! Invitations: by letter or by hand, over the API and on their page.

use mask_core::role::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, App, BROWSER, HTTPS},
    person::{ORIGIN, Person, workspace},
    postbox::Postbox,
    subscribers::{app_with, mailing},
};

const SLUG: &str = "default";

/// An invitation that is shown, as no mail is sent: its answer, and its word.
async fn invite(app: &App, email: &str, role: &str) -> (Value, String) {
    let made = app.post("/workspace/invitations", json!({"email": email, "role": role})).await.is(201);
    let word = word_of(made["url"].as_str().expect("an address"));
    (made, word)
}

fn word_of(url: &str) -> String {
    url.rsplit_once("/invitation/").expect("the page of an invitation").1.to_owned()
}

async fn accept(app: &App, who: &Person, token: &str) -> Answer {
    Answer::of(who.send(app, Method::POST, "/api/v1/invitations/accept").json(&json!({"token": token}))).await
}

/// The page behind a link, opened by whoever this is.
async fn open(app: &App, who: Option<&Person>, word: &str) -> Answer {
    let path = format!("/invitation/{word}");
    let request = match who {
        Some(person) => person.send(app, Method::GET, &path),
        None => app.client.get(format!("{}{path}", app.base)),
    };
    Answer::of(request).await
}

/// What the button of the page posts.
async fn press(app: &App, who: Option<&Person>, word: &str, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/invitation/{word}");
    let request = match who {
        Some(person) => person.send(app, Method::POST, &path),
        None => app.client.post(format!("{}{path}", app.base)).header("origin", ORIGIN),
    };
    Answer::of(form(request.header("user-agent", BROWSER), fields)).await
}

/// What browsers send of a form.
fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn links_as(app: &App, cookie: &str) -> Answer {
    let request = app.client.get(format!("{}/api/v1/links", app.base));
    Answer::of(request.header("cookie", cookie).header("x-mask-workspace", SLUG)).await
}

#[tokio::test]
async fn an_invitation_is_for_one_mailbox_and_used_once() {
    let app = App::start().await;
    let (made, word) = invite(&app, "Bob@example.com", "member").await;
    assert_eq!(made["expires_at"], "2026-03-31T14:00:14Z");
    assert_eq!(made["url"], format!("{ORIGIN}/invitation/{word}"));
    let listed = app.get("/workspace/invitations").await.is(200);
    assert_eq!((&listed["data"][0]["id"], listed["data"][0].get("url")), (&made["id"], None), "it is shown once");
    let (bob, eve) = (Person::with(&app, "bob@example.com").await, Person::with(&app, "eve@example.com").await);
    let foreign = accept(&app, &eve, &word).await;
    assert_eq!(foreign.error(403), "forbidden");
    assert!(!foreign.text.to_lowercase().contains("bob"), "{}", foreign.text);
    assert_eq!(accept(&app, &bob, &word.replace(&word[..4], "0000")).await.error(404), "not_found");
    assert_eq!(accept(&app, &bob, "no word").await.error(404), "not_found");
    let joined = accept(&app, &bob, &word).await.is(200);
    assert_eq!((&joined["slug"], &joined["role"]), (&json!(SLUG), &json!("member")));
    links_as(&app, &bob.cookie).await.is(200);
    for who in [&bob, &eve] {
        assert_eq!(accept(&app, who, &word).await.error(404), "not_found", "it is used up");
    }
    assert_eq!(app.get("/workspace/invitations").await.is(200)["data"], json!([]));
    let again = app.post("/workspace/invitations", json!({"email": "bob@example.com", "role": "viewer"})).await;
    assert_eq!(again.error(409), "conflict", "they are there");
}

#[tokio::test]
async fn what_was_taken_back_or_replaced_or_has_ended_opens_nothing() {
    let app = App::start().await;
    let bob = Person::with(&app, "bob@example.com").await;
    let (first, first_word) = invite(&app, "bob@example.com", "member").await;
    let (second, second_word) = invite(&app, "bob@example.com", "viewer").await;
    assert_eq!(accept(&app, &bob, &first_word).await.error(404), "not_found", "another took its place");
    assert_eq!(
        app.delete(&format!("/workspace/invitations/{}", first["id"].as_str().expect("an id"))).await.status,
        404
    );
    app.delete(&format!("/workspace/invitations/{}", second["id"].as_str().expect("an id"))).await.is(204);
    assert_eq!(accept(&app, &bob, &second_word).await.error(404), "not_found");
    assert_eq!(open(&app, Some(&bob), &second_word).await.status, 404);
    assert_eq!(press(&app, Some(&bob), &second_word, &[]).await.status, 404);
    let (_, third_word) = invite(&app, "bob@example.com", "viewer").await;
    app.wait(7 * 86_400);
    assert_eq!(accept(&app, &bob, &third_word).await.error(404), "not_found");
    assert_eq!(open(&app, None, &third_word).await.status, 404);
}

#[tokio::test]
async fn an_invitation_is_worth_no_more_than_who_made_it_is_by_now() {
    let app = App::start().await;
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (admin, place) = Person::who_is(&app, Role::Admin, SLUG).await;
    let bob = Person::with(&app, "bob@example.com").await;
    let by = async |request: RequestBuilder, email: &str| {
        let made = Answer::of(request.json(&json!({"email": email, "role": "admin"}))).await.is(201);
        word_of(made["url"].as_str().expect("an address"))
    };
    let word = by(admin.api(&app, SLUG, Method::POST, "/workspace/invitations"), "bob@example.com").await;
    assert_eq!(open(&app, Some(&bob), &word).await.status, 200);
    let demote = owner.api(&app, SLUG, Method::PATCH, &format!("/workspace/members/{place}"));
    Answer::of(demote.json(&json!({"role": "member"}))).await.is(200);
    assert_eq!(open(&app, Some(&bob), &word).await.status, 404);
    assert_eq!(accept(&app, &bob, &word).await.error(404), "not_found");

    let made = app.post("/api-keys", json!({"name": "Inviting", "scopes": ["workspace:write"]})).await.is(201);
    let key = made["key"].as_str().expect("a key");
    let word = by(app.api_as(key, Method::POST, "/workspace/invitations"), "bob@example.com").await;
    assert_eq!(open(&app, Some(&bob), &word).await.status, 200);
    let path = format!("/api-keys/{}", made["id"].as_str().expect("an id"));
    app.patch(&path, json!({"scopes": ["workspace:read", "links:write"]})).await.is(200);
    assert_eq!(open(&app, Some(&bob), &word).await.status, 404, "it could not invite by now");
    assert_eq!(accept(&app, &bob, &word).await.error(404), "not_found");
    let end = "2026-03-24T15:00:14Z";
    app.patch(&path, json!({"scopes": ["workspace:write"], "expires_at": end})).await.is(200);
    assert_eq!(open(&app, Some(&bob), &word).await.status, 200);
    app.wait(3600);
    assert_eq!(open(&app, Some(&bob), &word).await.status, 404, "the key has ended");
    assert_eq!(accept(&app, &bob, &word).await.error(404), "not_found");
    app.patch(&path, json!({"expires_at": null})).await.is(200);
    assert_eq!(open(&app, Some(&bob), &word).await.status, 200);
    app.delete(&path).await.is(204);
    assert_eq!(accept(&app, &bob, &word).await.error(404), "not_found");
}

#[tokio::test]
async fn a_test_key_does_not_govern_what_both_sides_share() {
    let app = App::start().await;
    let key = app.key_for("workspace:read,workspace:write", true).await;
    let invite = app.api_as(&key, Method::POST, "/workspace/invitations");
    let invited = Answer::of(invite.json(&json!({"email": "bob@example.com", "role": "admin"}))).await;
    assert_eq!(invited.error(403), "forbidden");
    let rename = app.api_as(&key, Method::PATCH, "/workspace").json(&json!({"name": "Mine"}));
    assert_eq!(Answer::of(rename).await.error(403), "forbidden");
    assert_eq!(Answer::of(app.api_as(&key, Method::GET, "/workspace")).await.is(200)["name"], "Default");
}

#[tokio::test]
async fn who_may_invite() {
    let app = App::start().await;
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    let (admin, _) = Person::who_is(&app, Role::Admin, SLUG).await;
    let (member, _) = Person::who_is(&app, Role::Member, SLUG).await;
    let invite = async |who: &Person, body: Value| {
        Answer::of(who.api(&app, SLUG, Method::POST, "/workspace/invitations").json(&body)).await
    };
    let body = |role: &str| json!({"email": format!("{role}@example.com"), "role": role});
    assert_eq!(invite(&member, body("viewer")).await.error(403), "insufficient_scope");
    assert_eq!(invite(&admin, body("owner")).await.error(403), "forbidden");
    assert_eq!(app.post("/workspace/invitations", body("owner")).await.error(403), "forbidden", "a key is an admin");
    let made = invite(&admin, body("admin")).await.is(201);
    assert_eq!(made["invited_by"], admin.id.to_string());
    invite(&owner, body("owner")).await.is(201);
    let faults = invite(&owner, json!({"email": "bob", "role": "king", "name": "Bob"})).await;
    assert_eq!(faults.fields(), ["email", "role", "name"]);
    assert_eq!(invite(&owner, json!({})).await.fields(), ["email", "role"]);
}

#[tokio::test]
async fn a_repeated_request_invites_once() {
    let app = App::start().await;
    let ask = async |email: &str| {
        let request = app.api(Method::POST, "/workspace/invitations").header("idempotency-key", "word");
        Answer::of(request.json(&json!({"email": email, "role": "viewer"}))).await
    };
    let first = ask("bob@example.com").await;
    let second = ask("bob@example.com").await;
    assert_eq!((second.status, &second.text), (201, &first.text));
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(ask("eve@example.com").await.error(422), "idempotency_key_reused");
    // What is kept holds the link, so it is sealed.
    let word = word_of(first.json()["url"].as_str().expect("an address"));
    let bytes = std::fs::read(app.data().join("mask.db")).expect("the database");
    let log = std::fs::read(app.data().join("mask.db-wal")).unwrap_or_default();
    for bytes in [bytes, log] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "the word lies in the database");
    }
}

#[tokio::test]
async fn an_invitation_comes_by_letter() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let made = app.post("/workspace/invitations", json!({"email": "bob@example.com", "role": "viewer"})).await.is(201);
    assert_eq!(made.get("url"), None, "only the mailbox has it");
    let letter = postbox.next().await;
    assert_eq!(
        (letter.to.as_str(), letter.header("Subject").as_str()),
        ("bob@example.com", "You are invited to Default")
    );
    let bob = Person::with(&app, "bob@example.com").await;
    let word = word_of(&letter.link("/invitation/"));
    let page = open(&app, Some(&bob), &word).await;
    assert_eq!(page.status, 200);
    let page = press(&app, Some(&bob), &word, &[]).await;
    assert!(page.status == 200 && page.text.contains("You are a viewer of Default now."), "{}", page.text);
    links_as(&app, &bob.cookie).await.is(200);
    // Who is there already is not written to.
    let again = app.post("/workspace/invitations", json!({"email": "bob@example.com", "role": "viewer"})).await;
    assert_eq!(again.error(409), "conflict");
    assert!(!postbox.has_more());
}

#[tokio::test]
async fn a_letter_names_who_invites() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let (owner, _) = Person::who_is(&app, Role::Owner, SLUG).await;
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    Answer::of(owner.api(&app, SLUG, Method::POST, "/workspace/invitations").json(&body)).await.is(201);
    let message = postbox.next().await.message.replace("=\r\n", "");
    let named = format!("The owner of {0} ({0}) invites you to the workspace \"Default\".", owner.email);
    assert!(message.contains(&named), "{message}");
    let place = message.find("<p>The owner of").expect("in both forms");
    assert!(message[place..].contains(&format!("({}) invites you", owner.email)), "{message}");
    app.post("/workspace/invitations", body).await.is(201);
    let message = postbox.next().await.message.replace("=\r\n", "");
    assert!(message.contains("you are invited to the workspace \"Default\""), "a key has nobody's name: {message}");
}

#[tokio::test]
async fn a_mailbox_is_not_written_to_without_end() {
    let mut postbox = Postbox::start().await;
    let app = app_with(&mailing(&postbox)).await;
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    for _ in 0..10 {
        app.post("/workspace/invitations", body.clone()).await.is(201);
        postbox.next().await;
    }
    let ask = async || {
        let request = app.api(Method::POST, "/workspace/invitations").header("idempotency-key", "word");
        Answer::of(request.json(&body)).await
    };
    app.wait(3600);
    let refused = ask().await;
    assert_eq!(refused.error(429), "rate_limit_exceeded");
    let wait_s: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((82_000..=82_800).contains(&wait_s), "{wait_s}");
    assert_eq!(refused.json()["error"]["retry_after"], wait_s);
    app.post("/workspace/invitations", json!({"email": "eve@example.com", "role": "viewer"})).await.is(201);
    assert_eq!(postbox.next().await.to, "eve@example.com");
    // The same request again, with its word: it was put off, and is done now.
    app.wait(wait_s);
    ask().await.is(201);
    assert_eq!(postbox.next().await.to, "bob@example.com");
    assert_eq!(ask().await.header("idempotent-replayed"), "true");
    assert!(!postbox.has_more());
}

#[tokio::test]
async fn the_page_of_who_is_signed_in() {
    let app = App::start().await;
    let (bob, eve) = (Person::with(&app, "bob@example.com").await, Person::with(&app, "eve@example.com").await);
    let (_, word) = invite(&app, "bob@example.com", "member").await;
    let page = open(&app, Some(&bob), &word).await;
    assert!(page.status == 200 && page.text.contains("Join</button>"), "{}", page.text);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
    for page in [open(&app, Some(&eve), &word).await, press(&app, Some(&eve), &word, &[]).await] {
        assert!(page.status == 403 && !page.text.contains("bob"), "{}", page.text);
    }
    // Opening it changes nothing, nor does what other sites send.
    let path = format!("{}/invitation/{word}", app.base);
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let mut request = app.client.post(&path).header("cookie", &bob.cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(Answer::of(request).await.status, 403);
    }
    assert_eq!(links_as(&app, &bob.cookie).await.status, 404);
    assert_eq!(press(&app, Some(&bob), &word, &[]).await.status, 200);
    links_as(&app, &bob.cookie).await.is(200);
    assert_eq!(press(&app, Some(&bob), &word, &[]).await.status, 404);
}

#[tokio::test]
async fn the_page_of_who_is_not_signed_in() {
    let app = App::start().await;
    Person::with(&app, "bob@example.com").await;
    let (_, word) = invite(&app, "bob@example.com", "member").await;
    for page in [
        open(&app, None, &word).await,
        press(&app, None, &word, &[("name", "Eve"), ("password", "correct horse")]).await,
    ] {
        assert!(page.status == 200 && page.text.contains("href=\"/sign-in\""), "{}", page.text);
        assert_eq!(page.header("set-cookie"), "");
    }
    let (_, word) = invite(&app, "zoe@example.com", "viewer").await;
    let page = open(&app, None, &word).await;
    assert!(page.status == 200 && page.text.contains("Make my account and join"), "{}", page.text);
    let faulty = press(&app, None, &word, &[("name", "<b>"), ("password", "short")]).await;
    assert_eq!(faulty.status, 422);
    assert!(
        faulty.text.contains("Must be 8 to 128 characters") && faulty.text.contains("value=\"&#60;b&#62;\""),
        "{}",
        faulty.text
    );
    assert!(!faulty.text.contains("short\""), "what was typed as a password is not shown again");
    let faulty = press(&app, None, &word, &[]).await;
    assert_eq!(faulty.text.matches("role=\"alert\"").count(), 2, "all faults at once: {}", faulty.text);
    let made = press(&app, None, &word, &[("name", " Zoë "), ("password", "correct horse battery")]).await;
    assert!(made.status == 200 && made.text.contains("You are a viewer of Default now."), "{}", made.text);
    let cookie = made.header("set-cookie").to_owned();
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax");
    links_as(&app, pair).await.is(200);
    let members = app.get("/workspace/members").await.is(200);
    assert_eq!((&members["data"][0]["name"], &members["data"][0]["role"]), (&json!("Zoë"), &json!("viewer")));
    for page in [
        open(&app, None, &word).await,
        press(&app, None, &word, &[("name", "Eve"), ("password", "correct horse")]).await,
    ] {
        assert_eq!(page.status, 404);
    }
}

#[tokio::test]
async fn nobody_makes_a_password_in_the_clear() {
    let app = App::with(&HTTPS).await;
    let https = |request: RequestBuilder| request.header("host", "mask.example").header("x-forwarded-proto", "https");
    let body = json!({"email": "bob@example.com", "role": "viewer"});
    let made = Answer::of(https(app.api(Method::POST, "/workspace/invitations")).json(&body)).await.is(201);
    let url = made["url"].as_str().expect("an address");
    assert!(url.starts_with("https://mask.example/invitation/"), "{url}");
    let path = format!("{}/invitation/{}", app.base, word_of(url));
    let post = || {
        let fields = [("name", "Bob"), ("password", "correct horse")];
        form(app.client.post(&path).header("host", "mask.example").header("origin", "https://mask.example"), &fields)
    };
    assert_eq!(Answer::of(post()).await.status, 403);
    let made = Answer::of(post().header("x-forwarded-proto", "https")).await;
    assert_eq!(made.status, 200);
    assert!(made.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Secure"), "{}", made.header("set-cookie"));
}

#[tokio::test]
async fn invitations_of_others_are_nobodys() {
    let app = App::start().await;
    let other = workspace(&app, "Other").await;
    let (owner, _) = Person::who_is(&app, Role::Owner, &other).await;
    let (made, _) = invite(&app, "bob@example.com", "viewer").await;
    let path = format!("/workspace/invitations/{}", made["id"].as_str().expect("an id"));
    assert_eq!(Answer::of(owner.api(&app, &other, Method::DELETE, &path)).await.error(404), "not_found");
    let listed = Answer::of(owner.api(&app, &other, Method::GET, "/workspace/invitations")).await.is(200);
    assert_eq!(listed["data"], json!([]));
}
