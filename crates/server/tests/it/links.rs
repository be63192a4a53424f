//! Links over the API: made, read, changed, deleted, found; and who cannot see them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App};

const URL: &str = "https://example.com/spring";

fn path(link: &Value) -> String {
    format!("/links/{}", link["id"].as_str().expect("an id"))
}

async fn made_followed_and_counted(app: App) {
    let link = app.link(json!({"url": URL, "slug": "Spring-Sale", "title": "Spring"})).await;
    assert_eq!(link["short_url"], "http://localhost:8080/Spring-Sale");
    assert_eq!(link["clicks"], 0);
    let answer = Answer::of(app.visit("/spring-sale")).await;
    assert_eq!((answer.status, answer.header("location")), (302, URL));
    app.settle().await;
    assert_eq!(app.get(&path(&link)).await.is(200)["clicks"], 1);
    let changed = app.patch(&path(&link), json!({"url": "https://example.com/summer", "title": null})).await.is(200);
    assert_eq!((changed["title"].clone(), changed["clicks"].clone()), (Value::Null, json!(1)));
    assert_eq!(Answer::of(app.visit("/spring-sale")).await.header("location"), "https://example.com/summer");
    assert_eq!(app.delete(&path(&link)).await.status, 204);
    assert_eq!(app.get(&path(&link)).await.error(404), "not_found");
    assert_eq!(Answer::of(app.visit("/spring-sale")).await.status, 410);
}

#[tokio::test]
async fn a_link_is_made_followed_and_counted() {
    made_followed_and_counted(App::start().await).await;
}

#[tokio::test]
async fn a_link_is_made_followed_and_counted_on_postgres() {
    made_followed_and_counted(App::on_postgres(&[]).await).await;
}

/// Every member of a link that can be given, with a value as it is shown again.
fn everything() -> Value {
    json!({
        "url": URL, "slug": "All-of-It", "domain": "localhost", "title": "Frühling 🌷", "tags": ["b", "a"],
        "utm_source": "s", "utm_medium": "m", "utm_campaign": "c", "utm_term": "t", "utm_content": "n",
        "expires_at": "2026-04-01T00:00:00Z", "ios_target": "myapp://open", "android_target": "https://example.com/android",
        "redirect_status": 308, "click_limit": 7, "expired_url": "https://example.com/over", "external_id": "ext/1 ü",
        "archived": true,
        "rules": [{"when": {"country": ["PK"], "device": ["mobile"], "os": ["iOS"], "browser": ["Safari"], "language": ["pt-BR"],
            "schedule": {"timezone": "Asia/Karachi", "days": ["mon"], "from": "09:00", "to": "17:30",
                "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"}}, "url": "https://example.com/rule"}],
        "variants": [{"url": "https://example.com/a", "weight": 1}, {"url": "https://example.com/b", "weight": 0}],
        "preview": {"title": "P", "description": "D", "image_url": "https://example.com/p.png"},
    })
}

/// A new link of which only the destination is told.
fn defaults() -> Value {
    json!({
        "url": URL, "domain": "localhost", "title": null, "tags": [], "clicks": 0, "utm_source": null, "utm_medium": null,
        "utm_campaign": null, "utm_term": null, "utm_content": null, "expires_at": null, "ios_target": null,
        "android_target": null, "has_password": false, "redirect_status": 302, "click_limit": null, "expired_url": null,
        "external_id": null, "archived": false, "rules": [], "variants": [], "preview": null,
        "created_at": "2026-03-24T14:00:14Z", "updated_at": "2026-03-24T14:00:14Z",
    })
}

#[track_caller]
fn has_all_of(link: &Value, wanted: &Value) {
    for (member, value) in wanted.as_object().expect("an object") {
        assert_eq!(link[member], *value, "{member}");
    }
}

async fn what_is_given_is_shown(app: App) {
    let answer = app.post("/links", everything()).await;
    let location = answer.header("location").to_owned();
    let link = answer.is(201);
    has_all_of(&link, &everything());
    assert_eq!(location, format!("/api/v1{}", path(&link)));
    assert_eq!(app.get(&path(&link)).await.is(200), link);

    let plain = app.link(json!({"url": URL})).await;
    has_all_of(&plain, &defaults());
    let slug = plain["slug"].as_str().expect("a slug");
    assert!(slug.len() == 7 && !slug.contains(['0', 'o', '1', 'i', 'l', 'a', 'e', 'u']), "{slug}");
    assert_eq!(plain["short_url"], format!("http://localhost:8080/{slug}"));
    let mut nulls = everything();
    for (member, value) in nulls.as_object_mut().expect("an object") {
        *value = if member == "url" { json!(URL) } else { Value::Null };
    }
    has_all_of(&app.link(nulls).await, &defaults());
}

#[tokio::test]
async fn what_is_given_is_shown_and_the_rest_has_defaults() {
    what_is_given_is_shown(App::start().await).await;
}

#[tokio::test]
async fn what_is_given_is_shown_and_the_rest_has_defaults_on_postgres() {
    what_is_given_is_shown(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn absent_stays_and_null_clears() {
    let app = App::start().await;
    let link = app.link(everything()).await;
    let mut expected = link.clone();
    app.wait(60);
    for member in everything().as_object().expect("an object").keys() {
        let answer = app.patch(&path(&link), json!({member: null})).await;
        if ["url", "slug", "domain"].contains(&member.as_str()) {
            assert_eq!((answer.error(422).as_str(), answer.fields()), ("validation_error", vec![member.clone()]));
            continue;
        }
        expected[member] = defaults()[member].clone();
        expected["updated_at"] = json!("2026-03-24T14:01:14Z");
        assert_eq!(answer.is(200), expected, "{member}");
    }
    for (member, value) in everything().as_object().expect("an object") {
        expected[member] = value.clone();
        assert_eq!(app.patch(&path(&link), json!({member: value})).await.is(200), expected, "{member}");
    }
    // So it is within a preview.
    for (patch, member, value) in
        [(json!({"title": "Q"}), "title", json!("Q")), (json!({"description": null}), "description", Value::Null)]
    {
        expected["preview"][member] = value;
        assert_eq!(app.patch(&path(&link), json!({"preview": patch})).await.is(200), expected, "preview.{member}");
    }
    app.wait(60);
    assert_eq!(app.patch(&path(&link), json!({})).await.is(200)["id"], link["id"], "to change nothing is no fault");
}

#[tokio::test]
async fn each_field_has_its_rules() {
    let app = App::start().await;
    let long = |length: usize| "x".repeat(length);
    let https = "Must be a valid URL starting with https://";
    let app_url = "Must be a URL starting with https:// or an app scheme such as myapp://";
    let circle = "Must not be a short link of this service: that could lead in a circle";
    for (member, values, message) in [
        (
            "url",
            json!(["http://example.com", "", "example.com", "https://", "javascript:alert(1)", "//example.com"]),
            https,
        ),
        (
            "url",
            json!(["https://user@example.com", "https://u:p@example.com"]),
            "Must not contain a user name or password",
        ),
        ("url", json!([format!("https://example.com/{}", long(8192))]), "Must be at most 8192 bytes"),
        (
            "url",
            json!(["https://example.com/ x", "https://example.com/\r\nX: y"]),
            "Must not contain white space or control characters",
        ),
        (
            "url",
            json!(["https://localhost/spring", "https://LOCALHOST:8080/Spring?x=1", "https://localhost./spring"]),
            circle,
        ),
        ("expired_url", json!(["https://localhost/spring"]), circle),
        ("expired_url", json!(["ftp://example.com"]), https),
        ("slug", json!(["abc", "", long(65)]), "Slug must be between 4 and 64 characters"),
        (
            "slug",
            json!(["with space", "with/slash", "naïve", "a+bc", "....", "%41%42"]),
            "Slug may only contain letters, digits, hyphens and underscores",
        ),
        ("slug", json!(["docs", "Login", "HEALTHZ", "qr-codes"]), "is reserved on this domain"),
        ("domain", json!(["example.com", "", "mask.pk"]), "Must be a domain of this workspace: localhost"),
        ("title", json!([long(256)]), "Must be at most 255 characters"),
        ("title", json!(["a\nb", "a\u{0}b"]), "Must not contain control characters"),
        ("utm_source", json!([long(256)]), "Must be at most 255 characters"),
        (
            "expires_at",
            json!(["2026-03-24T14:00:14Z", "2026-03-24T19:00:14+05:00", "2020-01-01T00:00:00Z"]),
            "Must lie in the future",
        ),
        (
            "expires_at",
            json!(["2026-04-01", "tomorrow", "", "2026-13-01T00:00:00Z", "2026-04-01T00:00:00"]),
            "Must be an RFC 3339 timestamp such as 2026-03-24T14:00:00Z",
        ),
        (
            "ios_target",
            json!([
                "javascript:alert(1)",
                "JavaScript:alert(1)",
                "data:text/html,x",
                "file:///etc/passwd",
                "vbscript:x",
                "blob:https://x",
                "http://example.com",
                "myapp"
            ]),
            app_url,
        ),
        (
            "android_target",
            json!(["javascript:alert(1)", "data:,", "file:x", "vbscript:x", "blob:x", "http://example.com"]),
            app_url,
        ),
        ("ios_target", json!(["https://localhost/spring"]), circle),
        ("password", json!(["", long(129)]), "Password must be between 1 and 128 characters"),
        ("redirect_status", json!([303, 300, 200, 0, -302]), "Must be 301, 302, 307 or 308"),
        ("redirect_status", json!([302.5, "302", true]), "Must be a whole number"),
        ("click_limit", json!([0, -1]), "Must be a whole number of at least 1"),
        ("external_id", json!(["", long(256)]), ""),
        ("archived", json!(["true", 1]), "Must be true or false"),
        ("tags", json!([vec!["t"; 21]]), "Must have at most 20 items"),
    ] {
        for value in values.as_array().expect("values") {
            let mut body = json!({"url": URL});
            body[member] = value.clone();
            let answer = app.post("/links", body).await;
            assert_eq!(answer.error(422), "validation_error", "{member} {value}");
            assert_eq!(answer.json()["error"]["message"], "Request body failed validation.");
            assert_eq!(answer.fields(), [member], "{value}");
            let told = answer.json()["error"]["details"][0]["message"].clone();
            assert!(told.as_str().is_some_and(|told| told.contains(message)), "{member} {value}: {told}");
        }
    }
    let answer = app.post("/links", json!({"url": URL, "tags": ["ok", "", "x".repeat(51)]})).await;
    assert_eq!(answer.fields(), ["tags[1]", "tags[2]"]);
    assert_eq!(app.get("/links").await.is(200)["data"], json!([]));
}

#[tokio::test]
async fn what_is_just_within_the_rules_is_taken() {
    let app = App::start().await;
    let long = |length: usize| "ü".repeat(length);
    let url = format!("https://example.com/{}", "x".repeat(8192 - 20));
    let tags: Vec<String> = (0..20).map(|turn| format!("{turn}{}", long(48))).collect();
    let link = app
        .link(json!({
            "url": url, "slug": "x".repeat(64), "title": long(255), "tags": tags, "external_id": long(255), "password": long(128),
            "expires_at": "2026-03-24T19:00:15.999+05:00", "click_limit": 1,
        }))
        .await;
    has_all_of(&link, &json!({"url": url, "title": long(255), "tags": tags, "expires_at": "2026-03-24T14:00:15Z"}));
    for slug in ["a-_9", "docs-2", "ABCD"] {
        assert_eq!(app.link(json!({"url": "HTTPS://Example.com", "slug": slug})).await["slug"], slug);
    }
    let link = app.link(json!({"url": "https://localhost/docs/errors", "tags": [" a ", "a", "b"]})).await;
    has_all_of(&link, &json!({"url": "https://localhost/docs/errors", "tags": ["a", "b"]}));
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let app = App::start().await;
    let answer = app
        .post("/links", json!({"url": "example.com", "slug": "abc", "expiresAt": "2027-01-01T00:00:00Z", "title": 5}))
        .await;
    let expected = json!([
        {"field": "url", "message": "Must be a valid URL starting with https://"},
        {"field": "slug", "message": "Slug must be between 4 and 64 characters"},
        {"field": "title", "message": "Must be a string"},
        {"field": "expiresAt", "message": "Unknown field; did you mean expires_at?"},
    ]);
    let error = answer.is(422)["error"].clone();
    assert_eq!((error["message"].as_str(), &error["details"]), (Some("Request body failed validation."), &expected));
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let app = App::start().await;
    let answer = app.post("/links", json!({"url": URL, "slug": "locked", "password": "correct horse"})).await;
    assert!(!answer.text.contains("horse") && !answer.text.contains("argon2"), "{}", answer.text);
    let link = answer.is(201);
    assert_eq!((link["has_password"].clone(), link.get("password")), (json!(true), None));
    for answer in
        [app.get(&path(&link)).await, app.get("/links").await, app.patch(&path(&link), json!({"title": "x"})).await]
    {
        assert!(!answer.text.contains("argon2") && answer.text.contains("\"has_password\":true"), "{}", answer.text);
    }
    let kept: String = rusqlite::Connection::open(app.data().join("mask.db"))
        .and_then(|database| database.query_row("SELECT password_hash FROM links", [], |row| row.get(0)))
        .expect("a hash");
    assert!(kept.starts_with("$argon2id$"), "{kept}");
    assert_eq!(app.patch(&path(&link), json!({"password": null})).await.is(200)["has_password"], false);
    assert_eq!(Answer::of(app.visit("/locked")).await.status, 302);
}

#[tokio::test]
async fn versions_keep_writers_from_each_other_and_not_from_clicks() {
    let app = App::start().await;
    let made = app.post("/links", json!({"url": URL, "slug": "spring"})).await;
    let first = made.header("etag").to_owned();
    let link = made.is(201);
    let path = path(&link);
    let get = |tag: &str| Answer::of(app.api(Method::GET, &path).header("if-none-match", tag));
    let change =
        |tag: &str| Answer::of(app.api(Method::PATCH, &path).header("if-match", tag).json(&json!({"title": "x"})));
    assert_eq!(app.get(&path).await.header("etag"), first);
    let unchanged = get(&first).await;
    assert_eq!((unchanged.status, unchanged.text.as_str(), unchanged.header("etag")), (304, "", first.as_str()));
    Answer::of(app.visit("/spring")).await;
    app.settle().await;
    let clicked = get(&first).await;
    assert_eq!(clicked.status, 200, "who reads learns of clicks");
    let changed = change(&first).await;
    assert_eq!(changed.status, 200, "who writes need not mind them: {}", changed.text);
    let second = changed.header("etag").to_owned();
    for stale in [first.as_str(), clicked.header("etag"), "\"x\"", "\"0.0\""] {
        assert_eq!(change(stale).await.error(412), "precondition_failed", "{stale}");
        assert_eq!(
            Answer::of(app.api(Method::DELETE, &path).header("if-match", stale)).await.error(412),
            "precondition_failed"
        );
    }
    assert_eq!(change(&second).await.header("etag"), second, "who changes nothing is in nobody's way");
    assert_eq!(change(&format!("{first}, {second}")).await.status, 200, "one of several will do");
    assert_eq!(change(&format!("{first}, \"x\"")).await.error(412), "precondition_failed");
    assert_eq!(change("").await.error(422), "validation_error");
    assert_eq!(app.patch(&path, json!({"title": "y"})).await.status, 200);
    assert_eq!(change(&second).await.error(412), "precondition_failed");
    assert_eq!(change("*").await.status, 200);
    assert_eq!(
        Answer::of(app.api(Method::PATCH, "/links/lnk_x").header("if-match", "*").json(&json!({}))).await.error(404),
        "not_found"
    );
    let lookup = Answer::of(app.api(Method::GET, "/links/lookup?slug=spring").header("if-none-match", "*")).await;
    assert_eq!(lookup.status, 304);
    let last = app.get(&path).await.header("etag").to_owned();
    assert_eq!(Answer::of(app.api(Method::DELETE, &path).header("if-match", last)).await.status, 204);
}

async fn found_by_address(app: App) {
    let link = app.link(json!({"url": URL, "slug": "Spring"})).await;
    for query in ["slug=Spring", "slug=SPRING", "slug=spring&domain=localhost", "domain=LOCALHOST&slug=spring"] {
        assert_eq!(app.get(&format!("/links/lookup?{query}")).await.is(200), link, "{query}");
    }
    for query in ["slug=sprin", "slug=spring&domain=example.com", "slug="] {
        assert_eq!(app.get(&format!("/links/lookup?{query}")).await.error(404), "not_found", "{query}");
    }
    for (query, fields) in [
        ("", vec!["slug"]),
        ("domain=localhost", vec!["slug"]),
        ("slug=%00&domain=%00", vec!["domain", "slug"]),
        ("slug=%ff", vec!["slug"]),
        ("slug=a&slug=b&x=1", vec!["slug", "x"]),
    ] {
        let answer = app.get(&format!("/links/lookup?{query}")).await;
        assert_eq!(
            (answer.error(422).as_str(), answer.fields()),
            ("validation_error", fields.iter().map(ToString::to_string).collect())
        );
    }
}

#[tokio::test]
async fn a_link_is_found_by_its_address() {
    found_by_address(App::start().await).await;
}

#[tokio::test]
async fn a_link_is_found_by_its_address_on_postgres() {
    found_by_address(App::on_postgres(&[]).await).await;
}

async fn upsert(app: App) {
    let put =
        |id: &str, body: Value| Answer::of(app.api(Method::PUT, &format!("/links/by-external-id/{id}")).json(&body));
    let made = put("sku%2F42%20%C3%BC", json!({"url": URL, "title": "first", "password": "p"})).await.is(201);
    has_all_of(&made, &json!({"external_id": "sku/42 ü", "title": "first", "has_password": true}));
    let same =
        put("sku%2F42%20%C3%BC", json!({"url": "https://example.com/2", "external_id": "sku/42 ü"})).await.is(200);
    has_all_of(
        &same,
        &json!({"id": made["id"], "url": "https://example.com/2", "title": "first", "slug": made["slug"], "has_password": true}),
    );
    let found = app.get("/links/by-external-id/sku%2F42%20%C3%BC").await.is(200);
    assert_eq!(found, same);
    assert_eq!(app.get("/links/by-external-id/other").await.error(404), "not_found");
    assert_eq!(app.get("/links/by-external-id/%00").await.error(404), "not_found");
    app.link(json!({"url": URL, "slug": "taken"})).await;
    assert_eq!(put("new", json!({"url": URL, "slug": "taken"})).await.error(409), "conflict");
    assert_eq!(put("sku%2F42%20%C3%BC", json!({"url": URL, "slug": "taken"})).await.error(409), "conflict");
    assert_eq!(app.post("/links", json!({"url": URL, "external_id": "sku/42 ü"})).await.error(409), "conflict");
    for (id, body, fields) in [
        ("a", json!({"url": URL, "external_id": "b"}), ["external_id"]),
        ("a", json!({"url": URL, "external_id": null}), ["external_id"]),
        ("%00", json!({"url": URL}), ["external_id"]),
        ("a", json!({"url": "x"}), ["url"]),
    ] {
        let answer = put(id, body).await;
        assert_eq!(answer.fields(), fields, "{id}: {}", answer.text);
        assert_eq!(answer.error(422), "validation_error");
    }
    assert_eq!(put("a", json!({})).await.error(400), "bad_request");
    let bad = put("%ff", json!({"url": URL})).await;
    assert_eq!(bad.error(400), "bad_request");
    let theirs = app.key_of_workspace(2, "all", false).await;
    let request =
        app.api_as(&theirs, Method::PUT, "/links/by-external-id/sku%2F42%20%C3%BC").json(&json!({"url": URL}));
    assert_ne!(Answer::of(request).await.is(201)["id"], made["id"], "each workspace has its own names");
    assert_eq!(app.delete(&path(&made)).await.status, 204);
    assert_ne!(
        put("sku%2F42%20%C3%BC", json!({"url": URL})).await.is(201)["id"],
        made["id"],
        "a deleted one is made anew"
    );
}

#[tokio::test]
async fn a_link_is_made_or_changed_by_the_owners_id() {
    upsert(App::start().await).await;
}

#[tokio::test]
async fn a_link_is_made_or_changed_by_the_owners_id_on_postgres() {
    upsert(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn live_and_test_and_workspaces_do_not_meet() {
    let app = App::start().await;
    let keys = [
        app.key.clone(),
        app.key_for("all", true).await,
        app.key_of_workspace(2, "all", false).await,
        app.key_of_workspace(2, "all", true).await,
    ];
    let mut links = Vec::new();
    for (turn, key) in keys.iter().enumerate() {
        let body =
            json!({"url": URL, "slug": format!("slug-{turn}"), "tags": [format!("tag-{turn}")], "external_id": "same"});
        links.push(Answer::of(app.api_as(key, Method::POST, "/links").json(&body)).await.is(201));
    }
    for (turn, key) in keys.iter().enumerate() {
        let get = |path: &str| Answer::of(app.api_as(key, Method::GET, path));
        assert_eq!(get("/links").await.is(200)["data"], json!([links[turn]]));
        assert_eq!(get("/links?search=slug").await.is(200)["data"], json!([links[turn]]));
        assert_eq!(get("/links?external_id=same").await.is(200)["data"], json!([links[turn]]));
        assert_eq!(get("/links/by-external-id/same").await.is(200), links[turn]);
        let tags = get("/tags").await.is(200);
        assert_eq!(
            (tags["data"].as_array().map(Vec::len), &tags["data"][0]["name"]),
            (Some(1), &json!(format!("tag-{turn}")))
        );
        for (other, link) in links.iter().enumerate().filter(|(other, _)| *other != turn) {
            assert_eq!(get(&path(link)).await.error(404), "not_found");
            assert_eq!(get(&format!("/links/lookup?slug=slug-{other}")).await.error(404), "not_found");
            assert_eq!(get(&format!("/links?tag=tag-{other}")).await.is(200)["data"], json!([]));
            let taken = Answer::of(
                app.api_as(key, Method::POST, "/links").json(&json!({"url": URL, "slug": format!("slug-{other}")})),
            )
            .await;
            assert_eq!(taken.error(409), "conflict", "an address is one for all");
        }
        assert_eq!(
            Answer::of(app.visit(&format!("/slug-{turn}"))).await.status,
            302,
            "those of the test environment redirect too"
        );
    }
}
