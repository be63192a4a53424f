//! Uploads, and how everybody is shown what was uploaded.

use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    gallery::{drawing, picture},
    harness::{Answer, App},
};

/// Uploads these bytes under this type.
async fn upload(app: &App, kind: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    Answer::of(app.api(Method::POST, "/uploads").header("content-type", kind).body(bytes.into())).await
}

/// Asks for a picture by its address, on this server.
async fn look(
    app: &App,
    method: Method,
    upload: &Value,
    headers: &[(&'static str, &str)],
) -> (u16, HeaderMap, Vec<u8>) {
    let url = upload["url"].as_str().expect("an address");
    let path = url.strip_prefix("http://localhost:8080").expect("the server's own address");
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect();
    let response = app.client.request(method, format!("{}{path}", app.base)).headers(headers).send().await;
    let response = response.expect("an answer");
    (response.status().as_u16(), response.headers().clone(), response.bytes().await.expect("a body").to_vec())
}

#[tokio::test]
async fn a_picture_is_kept_and_shown() {
    let app = App::start().await;
    let answer = upload(&app, "image/png", picture("#c2410c")).await;
    let location = answer.header("location").to_owned();
    let made = answer.is(201);
    let url = made["url"].as_str().expect("an address");
    assert_eq!(Some(location.as_str()), url.strip_prefix("http://localhost:8080"));
    assert_eq!((&made["width"], &made["height"]), (&json!(512), &json!(512)));
    let (status, headers, bytes) = look(&app, Method::GET, &made, &[]).await;
    assert_eq!((status, json!(bytes.len())), (200, made["bytes"].clone()));
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
    assert_eq!(header("content-type"), made["content_type"]);
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    let tag = header("etag").to_owned();
    let (status, with_head, none) = look(&app, Method::HEAD, &made, &[]).await;
    assert_eq!((status, none.len()), (200, 0));
    assert_eq!(with_head.get("content-length"), Some(&HeaderValue::from(bytes.len())));
    let (status, unchanged, none) = look(&app, Method::GET, &made, &[("if-none-match", &tag)]).await;
    assert_eq!((status, none.len(), unchanged.get("etag")), (304, 0, headers.get("etag")));
    // It outlives the process.
    let mut app = app;
    app.restart().await;
    assert_eq!(look(&app, Method::GET, &made, &[]).await.2, bytes);
}

#[tokio::test]
async fn the_same_picture_has_one_address() {
    let app = App::start().await;
    let first = upload(&app, "image/png", picture("#111111")).await.is(201);
    let again = upload(&app, "application/octet-stream", picture("#111111")).await.is(201);
    let other = upload(&app, "image/png", picture("#222222")).await.is(201);
    assert_eq!(first, again);
    assert_ne!(first["url"], other["url"]);
}

#[tokio::test]
async fn what_it_is_is_told_from_its_bytes() {
    let app = App::start().await;
    for kind in ["image/jpeg", "image/svg+xml; charset=utf-8", "IMAGE/X-ICON", "application/octet-stream"] {
        assert_eq!(upload(&app, kind, picture("#111111")).await.is(201)["content_type"], "image/png", "{kind}");
        upload(&app, kind, drawing("#111111")).await.is(201);
    }
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("a page", b"<html><body>Hello</body></html>".to_vec()),
        ("half a picture", picture("#111111")[..40].to_vec()),
        ("a script", drawing("#111111").replace("<rect", "<script>alert(1)</script><rect").into_bytes()),
        ("a handler", drawing("#111111").replace("<rect", "<rect onload=\"alert(1)\"").into_bytes()),
        (
            "a reference",
            drawing("#111111").replace("<rect", "<image href=\"https://example.com/x.png\"/><rect").into_bytes(),
        ),
        ("an entity", format!("<!DOCTYPE svg [<!ENTITY a \"b\">]>{}", drawing("&a;")).into_bytes()),
    ] {
        let answer = upload(&app, "image/png", bytes).await;
        assert_eq!(answer.error(422), "validation_error", "{what}");
        assert_eq!(answer.fields(), ["file"], "{what}");
    }
}

#[tokio::test]
async fn a_form_as_browsers_send_it() {
    let app = App::start().await;
    let form = |name: &str, bytes: &[u8]| {
        let mut body = format!(
            "------WebKitFormBoundary7\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"me; \u{e4}.png\"\r\n\
             Content-Type: image/png\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n------WebKitFormBoundary7--\r\n");
        body
    };
    let kind = "multipart/form-data; boundary=----WebKitFormBoundary7";
    let made = upload(&app, kind, form("file", &picture("#111111"))).await.is(201);
    assert_eq!(made, upload(&app, "image/png", picture("#111111")).await.is(201));
    let wrong = upload(&app, kind, form("picture", &picture("#111111"))).await;
    assert_eq!((wrong.error(400), wrong.fields()), ("bad_request".to_owned(), vec!["file".to_owned()]));
    assert_eq!(upload(&app, "multipart/form-data", form("file", b"x")).await.error(400), "bad_request");
    assert_eq!(upload(&app, kind, form("file", &vec![0; 1 << 20])).await.error(422), "validation_error");
    assert_eq!(upload(&app, kind, form("file", &vec![0; (1 << 20) + 1])).await.error(413), "payload_too_large");
}

#[tokio::test]
async fn what_is_no_upload() {
    let app = App::start().await;
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "video/mp4"] {
        assert_eq!(upload(&app, kind, picture("#111111")).await.error(415), "unsupported_media_type", "{kind}");
    }
    let bare = Answer::of(app.api(Method::POST, "/uploads").body(picture("#111111"))).await;
    assert_eq!(bare.error(415), "unsupported_media_type");
    assert_eq!(upload(&app, "image/png", vec![0; 1 << 20]).await.error(422), "validation_error", "1 MiB is taken");
    assert_eq!(upload(&app, "image/png", vec![0; (1 << 20) + 1]).await.error(413), "payload_too_large");
}

#[tokio::test]
async fn either_scope_will_do() {
    let app = App::start().await;
    for (scopes, status) in [("qr-codes:write", 201), ("bio-pages:write", 201), ("qr-codes:read,bio-pages:read", 403)] {
        let key = app.key_for(scopes, false).await;
        let request = app.api_as(&key, Method::POST, "/uploads").header("content-type", "image/png");
        assert_eq!(Answer::of(request.body(picture("#111111"))).await.status, status, "{scopes}");
    }
}

#[tokio::test]
async fn what_is_no_picture_is_not_there() {
    let app = App::start().await;
    let made = upload(&app, "image/png", picture("#111111")).await.is(201);
    let name = made["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a name").to_owned();
    let other = name.replace(|digit: char| digit.is_ascii_digit(), "f");
    for name in [&other, "", "x", "..%2f..%2fsecret.key", &name.to_uppercase(), &name.replace(".png", ".jpg"), "trial"]
    {
        let response = app.client.get(format!("{}/-/img/{name}", app.base)).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 404, "{name}");
        assert_ne!(
            response.headers().get("cache-control").map(HeaderValue::as_bytes),
            Some(&b"public, max-age=31536000, immutable"[..])
        );
    }
    let posted = app.client.post(format!("{}/-/img/{name}", app.base)).send().await.expect("an answer");
    assert_eq!(posted.status().as_u16(), 405);
}
