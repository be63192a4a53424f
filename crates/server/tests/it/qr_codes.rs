//! QR codes as the API shows and takes them, and their pictures.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App};

/// Fewer limits, so that a test may ask often.
const PATIENT: [(&str, &str); 1] = [("limits.requests_per_minute", "0")];

fn path(code: &Value) -> String {
    format!("/qr-codes/{}", code["id"].as_str().expect("an id"))
}

/// A link at this slug, by its id.
async fn link(app: &App, slug: &str) -> String {
    let link = app.link(json!({"url": "https://example.com/spring", "slug": slug})).await;
    link["id"].as_str().expect("an id").to_owned()
}

pub(crate) async fn code(app: &App, link: &str, more: Value) -> Value {
    ask(app, link, more).await.is(201)
}

async fn ask(app: &App, link: &str, more: Value) -> Answer {
    let mut wanted = json!({"link_id": link});
    wanted.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.post("/qr-codes", wanted).await
}

/// A picture of a code: its status, its headers, its bytes.
pub(crate) async fn image(app: &App, code: &Value, query: &str) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let response = app.api(Method::GET, &format!("{}/image{query}", path(code))).send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("a body").to_vec())
}

/// The width and height of a PNG, and what the code on it says.
pub(crate) fn decoded(png: &[u8]) -> ((usize, usize), String) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let (width, height) = (info.width as usize, info.height as usize);
    let channels = pixels.len() / (width * height);
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[(y * width + x) * channels]);
    let grids = image.detect_grids();
    let (_, says) = grids.first().expect("a code").decode().expect("it can be read");
    ((width, height), says)
}

#[tokio::test]
async fn the_least_that_makes_a_code() {
    let app = App::start().await;
    let link = link(&app, "Spring").await;
    let answer = app.post("/qr-codes", json!({"link_id": link})).await;
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let made = answer.is(201);
    assert_eq!(location, format!("/api/v1{}", path(&made)));
    let expected = json!({
        "id": made["id"], "link_id": link, "short_url": "http://localhost:8080/Spring",
        "foreground_color": "#000000", "background_color": "#ffffff", "size": 512, "error_correction": "M",
        "logo_url": null, "scans": 0, "created_at": "2026-03-24T14:00:14Z", "updated_at": "2026-03-24T14:00:14Z",
        "eye_color": null, "shape": "square", "margin": 4, "transparent": false, "caption": null, "bio_page_id": null,
    });
    assert_eq!(made, expected);
    let read = app.get(&path(&made)).await;
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.is(200), made);
    let known = Answer::of(app.api(Method::GET, &path(&made)).header("if-none-match", &etag)).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    assert_eq!(app.get("/qr-codes").await.is(200)["data"], json!([made]));
}

#[tokio::test]
async fn everything_that_can_be_asked_for() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let look = json!({
        "foreground_color": "#1A2B3C", "background_color": "#fff", "size": 1024, "error_correction": "Q",
        "eye_color": "#7c2d12", "shape": "rounded", "margin": 6, "transparent": true, "caption": " Scan für das Menü ",
    });
    let made = code(&app, &link, look.clone()).await;
    for (name, asked) in look.as_object().expect("an object") {
        let shown = match name.as_str() {
            "foreground_color" => json!("#1a2b3c"),
            "background_color" => json!("#ffffff"),
            "caption" => json!("Scan für das Menü"),
            _ => asked.clone(),
        };
        assert_eq!(made[name], shown, "{name}");
    }
    // Null goes back to what a new code has.
    let nulls: serde_json::Map<_, _> =
        look.as_object().expect("an object").keys().map(|name| (name.clone(), Value::Null)).collect();
    app.wait(60);
    let plain = app.patch(&path(&made), Value::Object(nulls)).await.is(200);
    assert_eq!((&plain["updated_at"], &plain["created_at"]), (&json!("2026-03-24T14:01:14Z"), &made["created_at"]));
    let least = code(&app, &link, json!({})).await;
    for name in look.as_object().expect("an object").keys().chain([&"logo_url".to_owned()]) {
        assert_eq!(plain[name], least[name], "{name}");
    }
    assert_eq!(app.patch(&path(&made), json!({})).await.is(200), plain, "what is absent stays");
}

#[tokio::test]
async fn every_fault_is_named_at_once() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let wrong = json!({
        "foreground_color": "black", "background_color": 7, "size": 127, "error_correction": "m", "eye_color": "#12",
        "shape": "star", "margin": 17, "transparent": "yes", "caption": "a\nb", "logo_url": "http://10.0.0.1/x.png", "colour": "#000",
    });
    let names = [
        "foreground_color",
        "background_color",
        "size",
        "error_correction",
        "logo_url",
        "eye_color",
        "shape",
        "margin",
        "transparent",
        "caption",
        "colour",
    ];
    let refused = ask(&app, &link, wrong.clone()).await;
    assert_eq!(
        (refused.error(422), refused.fields()),
        ("validation_error".to_owned(), names.map(str::to_owned).to_vec())
    );
    let made = code(&app, &link, json!({})).await;
    assert_eq!(app.patch(&path(&made), wrong).await.fields(), names);
    let missing = app.post("/qr-codes", json!({"size": 1})).await;
    assert_eq!(
        (missing.error(400), missing.fields()),
        ("bad_request".to_owned(), vec!["link_id".to_owned(), "size".to_owned()])
    );
    assert_eq!(app.patch(&path(&made), json!({"link_id": link})).await.fields(), ["link_id"]);
    assert_eq!(app.patch(&path(&made), json!({"bio_page_id": null})).await.fields(), ["bio_page_id"]);
    let overlong = "x".repeat(61);
    let piled = format!("W{}", "\u{308}".repeat(59));
    for caption in ["", " ", &overlong, "\u{200b}", "menu\u{202e}unem", "a\u{2028}b", &piled] {
        assert_eq!(ask(&app, &link, json!({"caption": caption})).await.fields(), ["caption"]);
    }
}

#[tokio::test]
async fn a_code_leads_to_a_link_of_ones_own() {
    let app = App::start().await;
    let theirs = app.key_of_workspace(2, "all", false).await;
    let foreign = app.api_as(&theirs, Method::POST, "/links").json(&json!({"url": "https://example.com"}));
    let foreign = Answer::of(foreign).await.is(201)["id"].as_str().expect("an id").to_owned();
    let unknown = ask(&app, "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", json!({})).await;
    assert_eq!((unknown.error(422), unknown.fields()), ("validation_error".to_owned(), vec!["link_id".to_owned()]));
    let other = ask(&app, &foreign, json!({})).await;
    assert_eq!(other.json()["error"]["details"], unknown.json()["error"]["details"]);
    assert_eq!(ask(&app, "nonsense", json!({})).await.fields(), ["link_id"]);
}

#[tokio::test]
async fn what_would_not_scan_is_refused() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let colours = [("#000000", "#111111"), ("#ffff00", "#ffffff"), ("#808080", "#808080")];
    for (foreground, background) in colours {
        let look = json!({"foreground_color": foreground, "background_color": background});
        let refused = ask(&app, &link, look).await;
        assert_eq!(refused.error(422), "validation_error");
        assert_eq!(refused.fields().len(), 1, "{}", refused.text);
    }
    assert_eq!(app.get("/qr-codes").await.is(200)["data"], json!([]));
    let made = code(&app, &link, json!({})).await;
    let refused = app.patch(&path(&made), json!({"foreground_color": "#eeeeee"})).await;
    assert_eq!(
        (refused.error(422), refused.fields()),
        ("validation_error".to_owned(), vec!["foreground_color".to_owned()])
    );
    assert_eq!(app.get(&path(&made)).await.is(200), made, "it stays as it was");
}

#[tokio::test]
async fn its_pictures() {
    let app = App::with(&PATIENT).await;
    let link = link(&app, "spring").await;
    let made = code(&app, &link, json!({"size": 300})).await;
    let (status, headers, png) = image(&app, &made, "").await;
    let header = |headers: &reqwest::header::HeaderMap, name: &str| {
        headers.get(name).map_or(String::new(), |value| value.to_str().unwrap_or_default().to_owned())
    };
    assert_eq!((status, header(&headers, "content-type")), (200, "image/png".to_owned()));
    assert_eq!(header(&headers, "cache-control"), "private, no-cache");
    assert_eq!(header(&headers, "content-disposition"), "inline; filename=\"spring.png\"");
    let ((width, height), says) = decoded(&png);
    assert_eq!((width, height), (300, 300), "the code's own size");
    let token = says.strip_prefix("http://localhost:8080/spring?qr=").expect("the link's address and a token");
    assert!(mask_core::token::Token::parse(token).is_ok(), "{token}");

    for size in [128, 501, 2048] {
        let (status, _, png) = image(&app, &made, &format!("?size={size}")).await;
        assert_eq!((status, decoded(&png)), (200, ((size, size), says.clone())));
    }
    let (_, headers, svg) = image(&app, &made, "?format=svg&size=640&download=true").await;
    assert_eq!(header(&headers, "content-type"), "image/svg+xml");
    assert_eq!(header(&headers, "content-disposition"), "attachment; filename=\"spring.svg\"");
    assert!(header(&headers, "content-security-policy").contains("sandbox"));
    assert!(String::from_utf8(svg).expect("text").starts_with("<svg"));
    let (_, headers, pdf) = image(&app, &made, "?format=pdf").await;
    assert_eq!(header(&headers, "content-type"), "application/pdf");
    assert!(pdf.starts_with(b"%PDF-"));

    for (query, field) in [
        ("?format=gif", "format"),
        ("?size=127", "size"),
        ("?size=2049", "size"),
        ("?size=x", "size"),
        ("?download=1", "download"),
        ("?width=9", "width"),
    ] {
        assert_eq!(app.get(&format!("{}/image{query}", path(&made))).await.fields(), [field]);
    }
    let key = app.key_for("qr-codes:write", false).await;
    let refused = Answer::of(app.api_as(&key, Method::GET, &format!("{}/image", path(&made)))).await;
    assert_eq!(refused.error(403), "insufficient_scope");
}

#[tokio::test]
async fn a_pictures_tag_follows_from_what_is_seen() {
    let app = App::with(&PATIENT).await;
    let link = link(&app, "spring").await;
    let made = code(&app, &link, json!({})).await;
    let tag = async |query: &str| {
        let (status, headers, _) = image(&app, &made, query).await;
        assert_eq!(status, 200);
        headers.get("etag").and_then(|tag| tag.to_str().ok()).expect("a tag").to_owned()
    };
    let first = tag("").await;
    assert_eq!((tag("").await, tag("?size=512").await), (first.clone(), first.clone()));
    assert_ne!(tag("?size=513").await, first);
    assert_ne!(tag("?format=svg").await, first);
    let request = app.api(Method::GET, &format!("{}/image", path(&made))).header("if-none-match", &first);
    let known = Answer::of(request).await;
    assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", first.as_str()));
    app.patch(&path(&made), json!({"shape": "dots"})).await.is(200);
    assert_ne!(tag("").await, first);
    app.patch(&path(&made), json!({"shape": "square"})).await.is(200);
    assert_eq!(tag("").await, first);
}

#[tokio::test]
async fn a_code_follows_its_link() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let made = code(&app, &link, json!({})).await;
    let (_, before, png) = image(&app, &made, "").await;
    let says = decoded(&png).1;
    let etag = app.get(&path(&made)).await.header("etag").to_owned();
    app.patch(&format!("/links/{link}"), json!({"slug": "summer"})).await.is(200);
    let moved = Answer::of(app.api(Method::GET, &path(&made)).header("if-none-match", &etag)).await;
    assert_eq!(moved.is(200)["short_url"], "http://localhost:8080/summer");
    let (_, after, png) = image(&app, &made, "").await;
    assert_eq!(decoded(&png).1, says.replace("/spring?", "/summer?"), "and the token stays");
    assert_ne!(before.get("etag"), after.get("etag"));
    assert_eq!(
        after.get("content-disposition").map(reqwest::header::HeaderValue::as_bytes),
        Some(&b"inline; filename=\"summer.png\""[..])
    );
    // It was no change of the code's own.
    let request = app.api(Method::PATCH, &path(&made)).header("if-match", &etag).json(&json!({"margin": 5}));
    Answer::of(request).await.is(200);
}

#[tokio::test]
async fn a_code_scans_whatever_becomes_of_its_address() {
    let app = App::with(&PATIENT).await;
    let link = link(&app, "ab02").await;
    let look = json!({"error_correction": "H", "shape": "dots", "size": 128});
    let made = code(&app, &link, look).await;
    assert_eq!(made["error_correction"], "H");
    let slug = "x".repeat(64);
    app.patch(&format!("/links/{link}"), json!({"slug": slug})).await.is(200);
    let says = format!("http://localhost:8080/{slug}?qr=");
    let (status, _, png) = image(&app, &made, "").await;
    let (size, content) = decoded(&png);
    assert_eq!((status, size), (200, (128, 128)));
    assert!(content.starts_with(&says), "{content}");
    // It says with what it is drawn, and is as it was once there is room for that.
    assert_eq!(app.get(&path(&made)).await.is(200)["error_correction"], "Q");
    let larger = app.patch(&path(&made), json!({"size": 200})).await.is(200);
    assert_eq!(larger["error_correction"], "H");
    app.patch(&path(&made), json!({"size": 128, "foreground_color": "#102030"})).await.is(200);
    // Whoever asks for what there is no room for is told so.
    let refused = ask(&app, &link, json!({"error_correction": "H", "size": 128})).await;
    assert_eq!(
        (refused.error(422), refused.fields()),
        ("validation_error".to_owned(), vec!["error_correction".to_owned()])
    );
    app.patch(&format!("/links/{link}"), json!({"slug": "ab02"})).await.is(200);
    assert_eq!(app.get(&path(&made)).await.is(200)["error_correction"], "H");
}

#[tokio::test]
async fn a_picture_too_small_for_its_code_is_refused_with_the_least_size() {
    let host = format!("{0}.{0}.{0}.example", "a".repeat(60));
    let app = App::with(&[PATIENT[0], ("links.domains", &host)]).await;
    let wanted = json!({"url": "https://example.com", "slug": "x".repeat(64), "domain": host});
    let link = app.link(wanted).await["id"].as_str().expect("an id").to_owned();
    let made = code(&app, &link, json!({})).await;
    assert_eq!(image(&app, &made, "").await.0, 200);
    for format in ["png", "svg", "pdf"] {
        let small = app.get(&format!("{}/image?format={format}&size=128", path(&made))).await;
        assert_eq!((small.error(422), small.fields()), ("validation_error".to_owned(), vec!["size".to_owned()]));
        let message = small.json()["error"]["details"][0]["message"].as_str().expect("a sentence").to_owned();
        let least: u16 = message["Must be at least ".len()..][..3].parse().expect("the least size");
        assert_eq!(image(&app, &made, &format!("?format={format}&size={least}")).await.0, 200);
        assert_eq!(image(&app, &made, &format!("?format={format}&size={}", least - 1)).await.0, 422);
    }
    let refused = app.patch(&path(&made), json!({"size": 128})).await;
    assert_eq!(refused.fields(), ["size"]);
    app.patch(&path(&made), json!({"foreground_color": "#102030"})).await.is(200);
}

#[tokio::test]
async fn what_is_printed_outlives_the_code() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let made = code(&app, &link, json!({})).await;
    let (_, _, png) = image(&app, &made, "").await;
    let says = decoded(&png).1;
    app.delete(&path(&made)).await.is(204);
    assert_eq!(app.get(&path(&made)).await.error(404), "not_found");
    assert_eq!(app.get(&format!("{}/image", path(&made))).await.error(404), "not_found");
    assert_eq!(app.delete(&path(&made)).await.error(404), "not_found");
    let printed = says.strip_prefix("http://localhost:8080").expect("our address");
    let visited = Answer::of(app.visit(printed)).await;
    assert_eq!((visited.status, visited.header("location")), (302, "https://example.com/spring"));
}

#[tokio::test]
async fn a_code_goes_with_its_link() {
    let app = App::start().await;
    let (spring, summer) = (link(&app, "spring").await, link(&app, "summer").await);
    let (gone, stays) = (code(&app, &spring, json!({})).await, code(&app, &summer, json!({})).await);
    app.delete(&format!("/links/{spring}")).await.is(204);
    assert_eq!(app.get(&path(&gone)).await.error(404), "not_found");
    assert_eq!(app.get("/qr-codes").await.is(200)["data"], json!([stays]));
}

#[tokio::test]
async fn lists() {
    let app = App::start().await;
    let (spring, summer) = (link(&app, "spring").await, link(&app, "summer").await);
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(code(&app, if n % 2 == 0 { &spring } else { &summer }, json!({})).await["id"].clone());
    }
    let ids = |page: &Value| {
        page["data"].as_array().expect("a list").iter().map(|code| code["id"].clone()).collect::<Vec<_>>()
    };
    let first = app.get("/qr-codes?limit=3").await.is(200);
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let second = app.get(&format!("/qr-codes?limit=3&cursor={cursor}")).await.is(200);
    made.reverse();
    assert_eq!([ids(&first), ids(&second)].concat(), made, "newest first");
    assert_eq!(second["pagination"], json!({"has_more": false, "cursor": null}));
    let of_one = app.get(&format!("/qr-codes?link_id={summer}")).await.is(200);
    assert_eq!(ids(&of_one), [made[1].clone(), made[3].clone()]);
    for query in ["limit=0", "cursor=x", "link_id=x", "link=x"] {
        let refused = app.get(&format!("/qr-codes?{query}")).await;
        assert_eq!(refused.fields(), [query.split('=').next().expect("a name")]);
    }
}

#[tokio::test]
async fn a_version_guards() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let answer = app.post("/qr-codes", json!({"link_id": link})).await;
    let etag = answer.header("etag").to_owned();
    let made = answer.is(201);
    let change =
        |margin: u8| app.api(Method::PATCH, &path(&made)).header("if-match", &etag).json(&json!({"margin": margin}));
    let changed = Answer::of(change(5)).await;
    let newer = changed.header("etag").to_owned();
    assert_eq!(changed.is(200)["margin"], 5);
    assert_eq!(Answer::of(change(6)).await.error(412), "precondition_failed");
    let delete = |tag: &str| app.api(Method::DELETE, &path(&made)).header("if-match", tag);
    assert_eq!(Answer::of(delete(&etag)).await.error(412), "precondition_failed");
    Answer::of(delete(&newer)).await.is(204);
}

#[tokio::test]
async fn a_request_is_repeated_safely() {
    let app = App::start().await;
    let link = link(&app, "spring").await;
    let ask = |margin: u8| {
        let body = json!({"link_id": link, "margin": margin});
        app.api(Method::POST, "/qr-codes").header("idempotency-key", "k1").json(&body)
    };
    let first = Answer::of(ask(5)).await;
    let again = Answer::of(ask(5)).await;
    assert_eq!((first.status, again.status, again.header("idempotent-replayed")), (201, 201, "true"));
    assert_eq!(first.text, again.text);
    for name in ["etag", "location"] {
        assert_eq!(first.header(name), again.header(name));
    }
    assert_eq!(Answer::of(ask(6)).await.error(422), "idempotency_key_reused");
    assert_eq!(app.get("/qr-codes").await.is(200)["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn two_changes_at_once_both_take_place() {
    let app = App::with(&PATIENT).await;
    let link = link(&app, "spring").await;
    let made = code(&app, &link, json!({})).await;
    for margin in 5..9 {
        let path = path(&made);
        let colour = format!("#00000{margin}");
        let (one, two) = tokio::join!(
            app.patch(&path, json!({"margin": margin})),
            app.patch(&path, json!({"foreground_color": colour})),
        );
        assert_eq!((one.status, two.status), (200, 200), "{} {}", one.text, two.text);
        let after = app.get(&path).await.is(200);
        assert_eq!((&after["margin"], &after["foreground_color"]), (&json!(margin), &json!(colour)));
    }
}
