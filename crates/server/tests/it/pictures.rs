//! The place of pictures on bad days.

use std::fs;

use reqwest::Method;
use serde_json::Value;

use crate::{
    gallery::picture,
    harness::{Answer, App},
};

async fn upload(app: &App, colour: &str) -> Answer {
    let request = app.api(Method::POST, "/uploads").header("content-type", "image/png").body(picture(colour));
    Answer::of(request).await
}

async fn look(app: &App, upload: &Value) -> reqwest::Response {
    let path = upload["url"].as_str().and_then(|url| url.strip_prefix("http://localhost:8080")).expect("our address");
    app.client.get(format!("{}{path}", app.base)).send().await.expect("an answer")
}

#[tokio::test]
async fn while_the_folder_is_away_what_was_shown_lately_still_is() {
    let mut app = App::start().await;
    let old = upload(&app, "#111111").await.is(201);
    app.restart().await;
    let new = upload(&app, "#222222").await.is(201);

    // Something else stands where the folder was.
    let (folder, aside) = (app.data().join("pictures"), app.data().join("aside"));
    fs::rename(&folder, &aside).expect("moved");
    fs::write(&folder, "").expect("a file");
    let refused = upload(&app, "#333333").await;
    assert_eq!(refused.error(503), "unavailable");
    assert_eq!(refused.header("retry-after"), "5");
    assert!(!refused.text.contains("pictures/"), "{}", refused.text);
    assert_eq!(look(&app, &new).await.status().as_u16(), 200, "it is in memory");
    let unknown = look(&app, &old).await;
    assert_eq!(unknown.status().as_u16(), 503, "nobody knows that it is not there");
    assert_eq!(unknown.headers().get("retry-after").map(reqwest::header::HeaderValue::as_bytes), Some(&b"5"[..]));
    assert_eq!(
        unknown.headers().get("cache-control").map(reqwest::header::HeaderValue::as_bytes),
        Some(&b"no-store"[..])
    );
    assert_eq!(app.get("/links").await.status, 200, "and nothing else minds");

    fs::remove_file(&folder).expect("removed");
    fs::rename(&aside, &folder).expect("moved");
    assert_eq!(look(&app, &old).await.status().as_u16(), 200);
    upload(&app, "#333333").await.is(201);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_made_again() {
    let app = App::start().await;
    let first = upload(&app, "#111111").await.is(201);
    fs::remove_dir_all(app.data().join("pictures")).expect("removed");
    assert_eq!(upload(&app, "#111111").await.is(201), first);
    upload(&app, "#222222").await.is(201);
    assert_eq!(fs::read_dir(app.data().join("pictures")).expect("a folder").count(), 2);
}

#[tokio::test]
async fn half_a_picture_is_not_shown() {
    let mut app = App::start().await;
    let made = upload(&app, "#111111").await.is(201);
    let name = made["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a name").to_owned();
    app.restart().await;
    let file = app.data().join("pictures").join(name);
    let whole = fs::read(&file).expect("a picture");
    fs::write(&file, &whole[..whole.len() / 2]).expect("half of it");
    assert_eq!(look(&app, &made).await.status().as_u16(), 503);
    fs::write(&file, &whole).expect("all of it");
    assert_eq!(look(&app, &made).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_folder_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = format!("file://{}/deeper/pictures", folder.path().display());
    let app = App::with(&[("pictures.url", &place)]).await;
    let made = upload(&app, "#111111").await.is(201);
    assert_eq!(fs::read_dir(folder.path().join("deeper/pictures")).expect("a folder").count(), 1);
    assert_eq!(look(&app, &made).await.status().as_u16(), 200);
    assert!(!app.data().join("pictures").exists());
}

#[tokio::test]
async fn a_bucket_that_nobody_answers_for_is_away_and_the_server_starts() {
    // Nobody listens on this port.
    let settings = [
        ("pictures.url", "s3://mask-test/pictures"),
        ("pictures.endpoint", "http://127.0.0.1:9"),
        ("pictures.access_key_id", "test"),
        ("pictures.secret_access_key", "test"),
        ("pictures.timeout_ms", "500"),
    ];
    let app = App::with(&settings).await;
    assert_eq!(upload(&app, "#111111").await.error(503), "unavailable");
    assert_eq!(app.get("/links").await.status, 200);
}
