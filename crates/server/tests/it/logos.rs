//! Logos of QR codes: fetched once from wherever their owner says, and never again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    gallery::{Gallery, Shown, drawing, picture},
    harness::{Answer, App},
};

/// Pictures lie on this machine, and who dawdles is not waited for.
const HERE: [(&str, &str); 3] =
    [("outbound.allow_networks", "127.0.0.0/8"), ("outbound.timeout_ms", "1000"), ("limits.requests_per_minute", "0")];

async fn link(app: &App) -> String {
    app.link(json!({"url": "https://example.com"})).await["id"].as_str().expect("an id").to_owned()
}

async fn ask(app: &App, link: &str, logo: &str) -> Answer {
    app.post("/qr-codes", json!({"link_id": link, "logo_url": logo})).await
}

/// What is wrong with the logo.
#[track_caller]
fn fault(answer: &Answer) -> String {
    assert_eq!(answer.error(422), "validation_error");
    assert_eq!(answer.fields(), ["logo_url"], "{}", answer.text);
    answer.json()["error"]["details"][0]["message"].as_str().expect("a sentence").to_owned()
}

async fn image(app: &App, code: &Value) -> (u16, Vec<u8>) {
    let path = format!("/qr-codes/{}/image?format=svg", code["id"].as_str().expect("an id"));
    let response = app.api(Method::GET, &path).send().await.expect("an answer");
    (response.status().as_u16(), response.bytes().await.expect("a body").to_vec())
}

#[tokio::test]
async fn a_logo_is_fetched_once_and_then_ours() {
    let mut app = App::with(&HERE).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let url = gallery.show("/logo.png", Shown::Bytes(picture("#c2410c")));
    let made = ask(&app, &link, &url).await.is(201);
    assert_eq!((&made["logo_url"], &made["error_correction"]), (&json!(url), &json!("Q")), "the level was raised");
    assert_eq!(gallery.visits(), 1);
    let path = format!("/qr-codes/{}", made["id"].as_str().expect("an id"));
    // Naming it again is no wish to see it again: what is sent may be what was read before.
    let same = json!({"logo_url": url, "margin": 5});
    assert_eq!(app.patch(&path, same.clone()).await.is(200)["margin"], 5);
    assert_eq!(gallery.visits(), 1);
    drop(gallery);
    app.restart().await;
    let (status, svg) = image(&app, &made).await;
    assert_eq!(status, 200);
    assert!(String::from_utf8(svg).expect("text").contains("data:image/png;base64,"), "the logo is in the file");
    assert_eq!(app.patch(&path, same).await.status, 200, "the copy keeps working");
    let bare = app.patch(&path, json!({"logo_url": null})).await.is(200);
    assert_eq!((&bare["logo_url"], &bare["error_correction"]), (&Value::Null, &json!("M")));
    let refused = app.patch(&path, json!({"logo_url": url})).await;
    assert_eq!(fault(&refused), "Must lead to a server that answers; this one took no connection");
}

#[tokio::test]
async fn an_upload_is_a_logo() {
    let app = App::start().await;
    let link = link(&app).await;
    let request = app.api(Method::POST, "/uploads").header("content-type", "image/svg+xml").body(drawing("#c2410c"));
    let uploaded = Answer::of(request).await.is(201)["url"].as_str().expect("an address").to_owned();
    let made = ask(&app, &link, &uploaded).await.is(201);
    assert_eq!(made["logo_url"], uploaded.as_str());
    assert_eq!(image(&app, &made).await.0, 200);
    let unknown = uploaded.replace(|digit: char| digit.is_ascii_digit() && digit != '8' && digit != '0', "f");
    for wrong in [unknown.as_str(), "http://localhost:8080/-/img/x"] {
        let refused = ask(&app, &link, wrong).await;
        assert_eq!(refused.fields(), ["logo_url"], "{}", refused.text);
    }
}

#[tokio::test]
async fn a_code_is_no_logo() {
    let app = App::with(&HERE).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let made = app.post("/qr-codes", json!({"link_id": link})).await.is(201);
    let path = format!("/qr-codes/{}/image?size=400", made["id"].as_str().expect("an id"));
    let response = app.api(Method::GET, &path).send().await.expect("an answer");
    let url = gallery.show("/code.png", Shown::Bytes(response.bytes().await.expect("a body").to_vec()));
    assert!(fault(&ask(&app, &link, &url).await).starts_with("Must be a picture without a QR code in it"));
}

#[tokio::test]
async fn what_will_not_do_is_told_in_words() {
    let app = App::with(&HERE).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let drawn = |from: &str, to: &str| Shown::Bytes(drawing("#c2410c").replace(from, to).into_bytes());
    let wrong = [
        ("/none.png", Shown::Says(404, String::new()), "Must lead to a picture; what is there answers 404"),
        ("/empty.png", Shown::Bytes(Vec::new()), "Must be a PNG, JPEG, WebP or SVG picture"),
        ("/page.png", Shown::Bytes(b"<html></html>".to_vec()), "Must be a PNG, JPEG, WebP or SVG picture"),
        ("/huge.png", Shown::Bytes(vec![0; (1 << 20) + 1]), "Must be at most 1 MiB"),
        ("/slow.png", Shown::Stalls, "Must be answered in time; nothing came, or it stopped coming"),
        ("/not-modified.png", Shown::Says(304, String::new()), "Must lead to a picture; what is there answers 304"),
        ("/lost.png", Shown::Says(302, String::new()), "Must lead to a picture; what is there answers 302"),
        (
            "/round.png",
            Shown::Says(302, "Location: /round.png\r\n".to_owned()),
            "Must lead to a picture; this one leads from one address to the next",
        ),
        ("/inward.png", Shown::Says(301, "Location: http://169.254.169.254/latest\r\n".to_owned()), "Must not lead to"),
        ("/script.svg", drawn("<rect", "<script>alert(1)</script><rect"), ""),
        ("/outside.svg", drawn("<rect", "<image href=\"https://example.com/x.png\"/><rect"), ""),
        ("/entity.svg", drawn("<svg", "<!DOCTYPE svg [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><svg"), ""),
    ];
    for (path, shown, sentence) in wrong {
        let url = gallery.show(path, shown);
        let refused = ask(&app, &link, &url).await;
        let said = fault(&refused);
        assert!(said.starts_with("Must"), "{path}: {said}");
        assert!(sentence.is_empty() || sentence == "Must not lead to" || said == sentence, "{path}: {said}");
    }
    assert_eq!(app.get("/qr-codes").await.is(200)["data"], json!([]));
    for name in ["/round.png", "/one.png", "/two.png"] {
        gallery.show(name, Shown::Bytes(picture("#c2410c")));
    }
    let there = gallery.show("/there.png", Shown::Says(307, "Location: one.png\r\n".to_owned()));
    ask(&app, &link, &there).await.is(201);
}

#[tokio::test]
async fn the_network_of_the_server_is_not_asked() {
    let app = App::with(&[("outbound.timeout_ms", "1000")]).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let here = gallery.show("/logo.png", Shown::Bytes(picture("#c2410c")));
    let port = here.rsplit(':').next().expect("a port").to_owned();
    for url in [
        here.clone(),
        format!("https://127.0.0.1:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        format!("https://2130706433:{port}"),
        "https://localhost/-/x.png".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/logo.png".to_owned(),
        "https://metadata.google.internal/logo.png".to_owned(),
        "ftp://example.com/logo.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:image/png;base64,AAAA".to_owned(),
        "https://user:secret@example.com/logo.png".to_owned(),
        String::new(),
    ] {
        let refused = ask(&app, &link, &url).await;
        let said = fault(&refused);
        assert!(said.starts_with("Must"), "{url}: {said}");
    }
    assert_eq!(gallery.visits(), 0);
}

#[tokio::test]
async fn many_who_name_the_same_are_one_visit() {
    let app = App::with(&HERE).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let url = gallery.show("/logo.png", Shown::Bytes(picture("#c2410c")));
    let asking = || ask(&app, &link, &url);
    let (one, two, three, four) = tokio::join!(asking(), asking(), asking(), asking());
    for answer in [one, two, three, four] {
        answer.is(201);
    }
    assert!(gallery.visits() < 4, "{} visits", gallery.visits());
}

#[tokio::test]
async fn a_repeated_request_fetches_nothing() {
    let app = App::with(&HERE).await;
    let (link, gallery) = (link(&app).await, Gallery::open().await);
    let url = gallery.show("/logo.png", Shown::Bytes(picture("#c2410c")));
    let body = json!({"link_id": link, "logo_url": url});
    let request = || app.api(Method::POST, "/qr-codes").header("idempotency-key", "k1").json(&body);
    let first = Answer::of(request()).await;
    drop(gallery);
    let again = Answer::of(request()).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.text, again.text);
}
