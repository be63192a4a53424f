//! Killed between handing over a letter and noting it: the letter is sent again, and it is the same letter.

use serde_json::json;

use super::QUICK;
use crate::{
    binary::Server,
    harness::{Database, psql},
    postbox::{Manner, Postbox, Setup},
    wire::{PATIENCE, Wire, api_request},
};

/// Claims of the dead are over.
const TIME_PASSES: &str = "UPDATE letters SET due_at = 0 WHERE state = 0";

async fn killed_amid_letters(
    times: usize,
    start: impl FnOnce(&[(&str, &str)]) -> Server,
    time_passes: impl Fn(&Server),
) {
    // The first letters are kept, and the server is never told.
    let manner = move |before| if before < times { Manner::KeepsAndStalls } else { Manner::Takes };
    let mut postbox = Postbox::that(Setup::default(), manner).await;
    let url = format!("smtp://127.0.0.1:{}", postbox.port);
    let mail = [("mail.smtp_url", url.as_str()), ("mail.starttls", "never"), ("mail.from", "links@go.example")];
    let mut server = start(&[&QUICK[..], &mail].concat());
    let key = server.first_key().expect("a key");
    let block = json!({"type": "email", "data": {"mode": "signup", "title": "News", "button_text": "Send", "success_message": "Thanks"}});
    let page = json!({"title": "Ada", "slug": "ada-page", "published": true, "blocks": [block]});
    let request = api_request("POST", "/bio-pages", &key, "", &page.to_string());
    let made = Wire::open(server.address()).expect("a connection").ask(&request).expect("an answer");
    assert_eq!(made.status, 201, "{made:?}");
    let block = made.json()["blocks"][0]["id"].as_str().expect("an id").to_owned();
    sign_up(&server, &block, "ada");
    let first = postbox.next().await;
    for _ in 0..times {
        server.kill();
        time_passes(&server);
        server = server.again();
        let again = postbox.next().await;
        assert_eq!(again.message, first.message, "the same letter, byte for byte");
    }
    // The last one was taken and noted. Were it not, it would come before another.
    server.terminate();
    time_passes(&server);
    let server = server.again();
    sign_up(&server, &block, "bob");
    assert_eq!(postbox.next().await.to, "bob@example.com");
}

fn sign_up(server: &Server, block: &str, name: &str) {
    let body = format!("block={block}&email={name}%40example.com");
    let (host, length) = (server.address(), body.len());
    let form = format!(
        "POST /ada-page HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{body}",
        host.port()
    );
    let sent = Wire::open(host).expect("a connection").ask(form.as_bytes()).expect("an answer");
    assert_eq!(sent.status, 303, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_survive_three_deaths() {
    let time_passes = |server: &Server| {
        let connection = rusqlite::Connection::open(server.data().join("mask.db")).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a setting");
        connection.execute(TIME_PASSES, []).expect("time passes");
    };
    killed_amid_letters(3, Server::start, time_passes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_survive_a_death_on_postgres() {
    let database = tokio::task::spawn_blocking(Database::create).await.expect("a database");
    let url = database.url.clone();
    let start = |flags: &[(&str, &str)]| Server::start(&[flags, &[("database.url", url.as_str())]].concat());
    killed_amid_letters(1, start, |_| psql(&database.url, TIME_PASSES)).await;
}
