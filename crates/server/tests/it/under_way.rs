//! What is under way while something else happens: whoever signs in, or changes how they do, rests on what they have shown, and that
//! may be worth nothing any more once it was looked at.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mask_store::Asker;
use reqwest::Method;
use serde_json::json;

use crate::{
    harness::{Answer, App},
    people::{ADA, Browser, PASSWORD, ada, from_us, sign_in},
    postbox::Postbox,
    subscribers::mailing,
};

const OTHER: &str = "staple battery horse correct";
const THEIRS: &str = "battery staple correct horse";
/// Long enough for anything on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waiting = async { while !is_so().await {} };
    tokio::time::timeout(PATIENCE, waiting).await.expect("in time");
}

/// Has something done while a request waits for its password to be compared, and answers what it is answered then.
async fn meanwhile(app: &App, request: reqwest::RequestBuilder, done: impl AsyncFnOnce()) -> Answer {
    let passwords = &app.server().passwords;
    let before = passwords.worked();
    let held = passwords.hold().await.expect("all places");
    let doing = async {
        until(async || {
            tokio::task::yield_now().await;
            passwords.worked() > before
        })
        .await;
        done().await;
        drop(held);
    };
    tokio::join!(Answer::of(request), doing).0
}

#[tokio::test]
async fn a_sign_in_with_a_password_of_before_comes_too_late() {
    let app = App::start().await;
    let user = ada(&app).await;
    let other = app.server().passwords.hash(OTHER.to_owned()).await.expect("hashed");
    let store = &app.server().store;
    let wrong = Answer::of(sign_in(&app, ADA, OTHER)).await.json();
    let reset = async || {
        let set = store.set_password(Asker::Operator(user.id), other, app.clock.now()).await;
        assert_eq!(set.expect("a store"), Ok(()));
    };
    let late = meanwhile(&app, sign_in(&app, ADA, PASSWORD), reset).await;
    assert_eq!((late.error(401).as_str(), late.header("set-cookie")), ("unauthorized", ""));
    assert_eq!(late.json()["error"]["message"], wrong["error"]["message"], "as if it were wrong, which it is");
    assert_eq!(Answer::of(sign_in(&app, ADA, OTHER)).await.status, 200);

    let disable = async || {
        store.set_user_disabled(user.id, true, app.clock.now()).await.expect("a store").expect("Ada");
    };
    let late = meanwhile(&app, sign_in(&app, ADA, OTHER), disable).await;
    assert_eq!((late.error(401).as_str(), late.header("set-cookie")), ("unauthorized", ""));
    assert_eq!(late.json()["error"]["message"], wrong["error"]["message"]);
}

#[tokio::test]
async fn a_password_that_was_chosen_anew_stays() {
    let app = App::start().await;
    let user = ada(&app).await;
    let thief = Browser::of(&app, ADA).await;
    let other = app.server().passwords.hash(OTHER.to_owned()).await.expect("hashed");
    let store = &app.server().store;
    let reset = async || {
        let set = store.set_password(Asker::Operator(user.id), other, app.clock.now()).await;
        assert_eq!(set.expect("a store"), Ok(()));
    };
    let body = json!({"current_password": PASSWORD, "password": THEIRS});
    let change = thief.api(&app, Method::POST, "/account/password").json(&body);
    let late = meanwhile(&app, change, reset).await;
    assert_eq!(late.error(409), "conflict");
    assert_eq!(thief.get(&app, "/account").await.error(401), "unauthorized");
    assert_eq!(Answer::of(sign_in(&app, ADA, THEIRS)).await.status, 401);
    assert_eq!(Answer::of(sign_in(&app, ADA, OTHER)).await.status, 200);
}

#[tokio::test]
async fn whoever_ends_a_session_ends_what_it_asks_for() {
    let app = App::with(&[("limits.sign_in_attempts_per_minute", "100")]).await;
    ada(&app).await;
    let owner = Browser::of(&app, ADA).await;
    for (method, path, body) in [
        (Method::POST, "/account/totp", json!({"password": PASSWORD})),
        (Method::DELETE, "/account/totp", json!({"password": PASSWORD})),
        (Method::POST, "/account/recovery-codes", json!({"password": PASSWORD})),
        (Method::POST, "/account/email", json!({"email": "eve@example.com", "password": PASSWORD})),
        (Method::POST, "/account/password", json!({"current_password": PASSWORD, "password": THEIRS})),
    ] {
        let thief = Browser::of(&app, ADA).await;
        let before = owner.get(&app, "/account").await.is(200);
        let end = async || {
            let ended = Answer::of(owner.api(&app, Method::DELETE, "/account/sessions")).await;
            assert_eq!(ended.status, 204, "{}", ended.text);
        };
        let late = meanwhile(&app, thief.api(&app, method, path).json(&body), end).await;
        assert_eq!(late.error(409), "conflict", "{path}");
        assert!(late.text.contains("changed elsewhere"), "{path}: {}", late.text);
        assert_eq!(owner.get(&app, "/account").await.is(200), before, "{path}");
    }
    assert_eq!(Answer::of(sign_in(&app, ADA, PASSWORD)).await.status, 200);
}

/// Keeps everybody from reading who has an account, until it is dropped.
struct Locked(Child);

impl Locked {
    fn at(url: &str) -> Self {
        let mut psql = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let mut input = psql.stdin.take().expect("a pipe");
        writeln!(input, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT 'held';").expect("sent");
        psql.stdin = Some(input);
        let mut said = String::new();
        BufReader::new(psql.stdout.take().expect("a pipe")).read_line(&mut said).expect("read");
        assert_eq!(said.trim(), "held");
        Self(psql)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // What was begun is taken back when whoever began it goes.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_letter_about_a_password_is_written_after_the_answer_and_before_the_end() {
    let mut postbox = Postbox::start().await;
    let mut settings = mailing(&postbox);
    settings.push(("database.timeout_ms", "60000".to_owned()));
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut app = App::on_postgres(&settings).await;
    ada(&app).await;
    let url = app.database().url.clone();
    let locked = tokio::task::spawn_blocking(move || Locked::at(&url)).await.expect("locked");
    // Nobody can be told by the time of the answer from somebody: it comes before anything is looked up.
    for email in ["nobody@example.com", ADA] {
        let asked = from_us(&app, Method::POST, "/auth/password-reset").json(&json!({"email": email}));
        let answer = tokio::time::timeout(PATIENCE, Answer::of(asked)).await.expect("in time");
        assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    }
    assert!(!postbox.has_more());
    // Whoever is told to stop now finishes it first.
    let address = app.server().addresses[0];
    let unlock = async {
        until(async || tokio::net::TcpStream::connect(address).await.is_err()).await;
        drop(locked);
    };
    tokio::join!(app.restart(), unlock);
    let letter = postbox.next().await;
    assert_eq!((letter.to.as_str(), letter.header("Subject").as_str()), (ADA, "Choose a new password"));
    assert!(!postbox.has_more(), "nobody else was written to");
}
