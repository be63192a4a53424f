//! API keys over the API: who may make them, what they may do, and how they end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, two_nodes};

const DAY: u64 = 86_400;

fn path(key: &Value) -> String {
    format!("/api-keys/{}", key["id"].as_str().expect("an id"))
}

fn secret(key: &Value) -> String {
    key["key"].as_str().expect("it was made just now").to_owned()
}

async fn make(app: &App, body: Value) -> Value {
    app.post("/api-keys", body).await.is(201)
}

/// What a key is answered that asks for the list of links.
async fn asking(app: &App, key: &str) -> Answer {
    Answer::of(app.api_as(key, Method::GET, "/links")).await
}

async fn life(app: App) {
    let answer = app.post("/api-keys", json!({"name": " Zapier ", "scopes": ["links:read", "links:read"]})).await;
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let mut made = answer.is(201);
    assert_eq!((location, etag.as_str()), (format!("/api/v1{}", path(&made)), "\"1.0\""));
    let key = secret(&made);
    made.as_object_mut().expect("an object").shift_remove("key");
    let expected = json!({
        "id": made["id"], "name": "Zapier", "scopes": ["links:read"], "mode": "live",
        "hint": format!("mk_live_…{}", &key[36..]), "status": "active", "allowed_ips": [], "expires_at": null,
        "last_used_at": null, "previous_secret_expires_at": null, "created_at": "2026-03-24T14:00:14Z",
        "updated_at": "2026-03-24T14:00:14Z",
    });
    assert_eq!(made, expected);
    let read = app.get(&path(&made)).await;
    assert_eq!((read.header("etag"), read.text.contains(&key)), (etag.as_str(), false));
    assert_eq!(read.is(200), made);
    asking(&app, &key).await.is(200);
    let forbidden = Answer::of(app.api_as(&key, Method::GET, "/api-keys")).await;
    assert_eq!(forbidden.error(403), "insufficient_scope");

    let listed = app.get("/api-keys").await.is(200);
    let ids: Vec<_> = listed["data"].as_array().expect("a list").iter().map(|key| &key["name"]).collect();
    assert!(ids.contains(&&json!("Zapier")) && !listed.to_string().contains(&key), "{listed}");

    let changed = app.patch(&path(&made), json!({"name": "Make", "scopes": ["webhooks:read"]})).await.is(200);
    assert_eq!((&changed["name"], &changed["scopes"]), (&json!("Make"), &json!(["webhooks:read"])));
    assert_eq!(asking(&app, &key).await.error(403), "insufficient_scope", "a change holds at once");
    let stale = app.api(Method::PATCH, &path(&made)).header("if-match", etag).json(&json!({"name": "x"}));
    assert_eq!(Answer::of(stale).await.error(412), "precondition_failed");

    assert_eq!(app.delete(&path(&made)).await.status, 204);
    assert_eq!(asking(&app, &key).await.error(401), "unauthorized");
    for answer in [app.get(&path(&made)).await, app.delete(&path(&made)).await] {
        assert_eq!(answer.error(404), "not_found");
    }
}

#[tokio::test]
async fn the_life_of_a_key() {
    life(App::start().await).await;
}

#[tokio::test]
async fn the_life_of_a_key_on_postgres() {
    life(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn what_is_revoked_or_changed_on_one_node_is_so_on_the_other() {
    let (one, two) = two_nodes().await;
    let made = make(&one, json!({"name": "one", "scopes": ["links:read"]})).await;
    let key = secret(&made);
    // Both have used it before.
    asking(&one, &key).await.is(200);
    asking(&two, &key).await.is(200);
    let rotated = one.post(&format!("{}/rotate", path(&made)), json!({"grace_seconds": 0})).await.is(200);
    assert_eq!(asking(&two, &key).await.error(401), "unauthorized", "the secret before is over");
    let key = secret(&rotated);
    asking(&two, &key).await.is(200);
    two.patch(&path(&made), json!({"scopes": ["webhooks:read"]})).await.is(200);
    assert_eq!(asking(&one, &key).await.error(403), "insufficient_scope");
    two.patch(&path(&made), json!({"scopes": ["links:read"]})).await.is(200);
    assert_eq!(two.delete(&path(&made)).await.status, 204);
    assert_eq!(asking(&one, &key).await.error(401), "unauthorized");
    drop(two);
}

#[tokio::test]
async fn nobody_comes_to_rights_that_he_does_not_have() {
    let app = App::start().await;
    let mighty = make(&app, json!({"name": "mighty", "scopes": ["links:write", "api-keys:write"]})).await;
    let little = secret(&make(&app, json!({"name": "little", "scopes": ["api-keys:write", "links:read"]})).await);
    let ask = async |method, path: &str, body: Value| Answer::of(app.api_as(&little, method, path).json(&body)).await;
    let wanted = json!({"name": "more", "scopes": ["links:read", "links:write"]});
    let refused = ask(Method::POST, "/api-keys", wanted).await;
    assert_eq!((refused.error(422).as_str(), refused.fields()), ("validation_error", vec!["scopes[1]".to_owned()]));
    let refused = ask(Method::PATCH, &path(&mighty), json!({"scopes": ["links:write"]})).await;
    assert_eq!(refused.fields(), ["scopes[0]"]);
    let refused = ask(Method::PATCH, &path(&mighty), json!({"allowed_ips": null, "expires_at": null})).await;
    assert_eq!(refused.error(403), "forbidden");
    let refused = ask(Method::POST, &format!("{}/rotate", path(&mighty)), json!({})).await;
    assert_eq!(refused.error(403), "forbidden");
    asking(&app, &secret(&mighty)).await.error(403);
    assert_eq!(app.get(&path(&mighty)).await.is(200)["previous_secret_expires_at"], Value::Null);
    let refused = ask(Method::DELETE, &path(&mighty), json!(null)).await;
    assert_eq!(refused.error(403), "forbidden", "nor does anybody switch off what they could not make");
    app.get(&path(&mighty)).await.is(200);
    let equal = ask(Method::POST, "/api-keys", json!({"name": "equal", "scopes": ["links:read"]})).await.is(201);
    asking(&app, &secret(&equal)).await.is(200);
    ask(Method::DELETE, &path(&equal), json!(null)).await.is(204);
    asking(&app, &secret(&equal)).await.error(401);
}

#[tokio::test]
async fn each_key_may_revoke_itself() {
    let app = App::start().await;
    let made = make(&app, json!({"name": "own", "scopes": ["api-keys:write"]})).await;
    Answer::of(app.api_as(&secret(&made), Method::DELETE, &path(&made))).await.is(204);
    asking(&app, &secret(&made)).await.error(401);
}

#[tokio::test]
async fn its_last_use_is_written_once_a_minute() {
    let mut app = App::start().await;
    let made = make(&app, json!({"name": "often", "scopes": ["links:read"]})).await;
    let key = secret(&made);
    // Seconds later, and what is told of its last use then; that is written beside the answer, and a stop waits for it.
    for (seconds, told) in [
        (0, "2026-03-24T14:00:14Z"),
        (30, "2026-03-24T14:00:14Z"),
        (15, "2026-03-24T14:00:14Z"),
        (1, "2026-03-24T14:01:00Z"),
        (59, "2026-03-24T14:01:00Z"),
        (61, "2026-03-24T14:03:00Z"),
    ] {
        app.wait(seconds);
        asking(&app, &key).await.is(200);
        app.restart().await;
        assert_eq!(app.get(&path(&made)).await.is(200)["last_used_at"], told, "{seconds} s later");
    }
    // Also where the first of them may not be written yet when the next one comes.
    for seconds in [60, 0, 20, 20] {
        app.wait(seconds);
        asking(&app, &key).await.is(200);
    }
    app.restart().await;
    assert_eq!(app.get(&path(&made)).await.is(200)["last_used_at"], "2026-03-24T14:04:00Z");
}

#[tokio::test]
async fn a_limited_key_hands_on_its_limits() {
    let app = App::start().await;
    let end = "2026-04-01T00:00:00Z";
    let body = json!({
        "name": "limited", "scopes": ["api-keys:write", "links:read"], "expires_at": end, "allowed_ips": ["127.0.0.0/8", "::1"],
    });
    let limited = make(&app, body).await;
    let key = secret(&limited);
    let ask = async |method, path: &str, body: Value| Answer::of(app.api_as(&key, method, path).json(&body)).await;
    let child = ask(Method::POST, "/api-keys", json!({"name": "child", "scopes": ["links:read"]})).await.is(201);
    assert_eq!((&child["expires_at"], &child["allowed_ips"]), (&limited["expires_at"], &limited["allowed_ips"]));
    for (body, field) in [
        (json!({"expires_at": null}), "expires_at"),
        (json!({"expires_at": "2026-04-01T00:00:01Z"}), "expires_at"),
        (json!({"allowed_ips": []}), "allowed_ips"),
        (json!({"allowed_ips": ["127.0.0.1", "0.0.0.0/0"]}), "allowed_ips[1]"),
    ] {
        assert_eq!(ask(Method::PATCH, &path(&limited), body.clone()).await.fields(), [field], "of itself");
        let mut new = json!({"name": "free", "scopes": ["links:read"]});
        new.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        assert_eq!(ask(Method::POST, "/api-keys", new).await.fields(), [field], "of another");
    }
    let less = json!({"expires_at": "2026-03-30T00:00:00Z", "allowed_ips": ["127.0.0.1"]});
    let narrowed = ask(Method::PATCH, &path(&child), less).await.is(200);
    assert_eq!(narrowed["allowed_ips"], json!(["127.0.0.1"]));
}

#[tokio::test]
async fn keys_stay_in_their_environment() {
    let app = App::start().await;
    let test = app.key_for("all", true).await;
    let request = app.api_as(&test, Method::POST, "/api-keys").json(&json!({"name": "t", "scopes": ["links:read"]}));
    let made = Answer::of(request).await.is(201);
    assert_eq!((&made["mode"], secret(&made).starts_with("mk_test_")), (&json!("test"), true));
    for answer in [app.get(&path(&made)).await, app.patch(&path(&made), json!({"name": "mine"})).await] {
        assert_eq!(answer.error(404), "not_found");
    }
    let rotated = app.post(&format!("{}/rotate", path(&made)), json!({})).await;
    assert_eq!((rotated.error(404).as_str(), app.delete(&path(&made)).await.status), ("not_found", 404));
    assert!(!app.get("/api-keys").await.text.contains(made["id"].as_str().expect("an id")));
}

#[tokio::test]
async fn the_secret_before_ends_with_its_grace() {
    let app = App::start().await;
    let made = make(&app, json!({"name": "ci", "scopes": ["links:read"]})).await;
    let rotate = format!("{}/rotate", path(&made));
    let request =
        || app.api(Method::POST, &rotate).header("idempotency-key", "once").json(&json!({"grace_seconds": 600}));
    let rotated = Answer::of(request()).await;
    let again = Answer::of(request()).await;
    assert_eq!((again.header("idempotent-replayed"), &again.text), ("true", &rotated.text));
    let rotated = rotated.is(200);
    assert_eq!(rotated["previous_secret_expires_at"], "2026-03-24T14:10:14Z");
    let (old, new) = (secret(&made), secret(&rotated));
    assert_ne!(old, new);
    for key in [&old, &new] {
        asking(&app, key).await.is(200);
    }
    app.wait(600);
    assert_eq!(asking(&app, &old).await.error(401), "unauthorized");
    asking(&app, &new).await.is(200);
    assert_eq!(app.get(&path(&made)).await.is(200)["previous_secret_expires_at"], Value::Null);

    let at_once = app.post(&rotate, json!({"grace_seconds": 0})).await.is(200);
    assert_eq!(asking(&app, &new).await.error(401), "unauthorized");
    asking(&app, &secret(&at_once)).await.is(200);
    let bare = Answer::of(app.api(Method::POST, &rotate)).await.is(200);
    assert_eq!(bare["previous_secret_expires_at"], "2026-03-25T14:10:14Z", "a day unless it is said");
    app.delete(&path(&made)).await;
    for key in [secret(&at_once), secret(&bare)] {
        assert_eq!(asking(&app, &key).await.error(401), "unauthorized", "revoked is revoked");
    }
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let app = App::start().await;
    let body = json!({"name": "short", "scopes": ["links:read"], "expires_at": "2026-03-25T14:00:14Z"});
    let made = make(&app, body).await;
    asking(&app, &secret(&made)).await.is(200);
    app.wait(DAY);
    let refused = asking(&app, &secret(&made)).await;
    assert!(refused.error(401) == "unauthorized" && refused.text.contains("expired"), "{}", refused.text);
    assert_eq!(app.get(&path(&made)).await.is(200)["status"], "expired");
    app.patch(&path(&made), json!({"expires_at": null})).await.is(200);
    asking(&app, &secret(&made)).await.is(200);
    app.wait(91 * DAY);
    assert_eq!(app.get(&path(&made)).await.is(200)["status"], "inactive");
    asking(&app, &secret(&made)).await.is(200);
}

#[tokio::test]
async fn a_key_may_be_tied_to_addresses() {
    let app = App::with(&crate::harness::HTTPS).await;
    let from = async |key: &str, address: &str| {
        let request = app.client.get(format!("{}/api/v1/links", app.base)).bearer_auth(key);
        let request = request.header("host", "mask.example").header("x-forwarded-proto", "https");
        Answer::of(request.header("x-forwarded-for", address)).await
    };
    let body = json!({"name": "office", "scopes": ["links:read"], "allowed_ips": ["192.0.2.77/24", "2001:db8::5"]});
    let request = app.client.post(format!("{}/api/v1/api-keys", app.base)).bearer_auth(&app.key);
    let request = request.header("host", "mask.example").header("x-forwarded-proto", "https");
    let made = Answer::of(request.json(&body)).await.is(201);
    assert_eq!(made["allowed_ips"], json!(["192.0.2.0/24", "2001:db8::5"]));
    let key = secret(&made);
    for address in ["192.0.2.1", "2001:db8::5", "203.0.113.9, 192.0.2.1"] {
        from(&key, address).await.is(200);
    }
    for address in ["192.0.3.1", "2001:db8::6", "192.0.2.1, 203.0.113.9"] {
        let refused = from(&key, address).await;
        assert!(refused.error(403) == "forbidden" && !refused.text.contains("192.0.2"), "{address} {}", refused.text);
    }
}

#[tokio::test]
async fn faults_are_told_by_field_and_all_at_once() {
    let app = App::start().await;
    let nothing = app.post("/api-keys", json!({})).await;
    assert_eq!((nothing.error(400).as_str(), nothing.fields()), ("bad_request", vec!["name".into(), "scopes".into()]));
    let body = json!({
        "name": "\n", "scopes": ["links:read", "links:fly", 7], "expires_at": "2026-03-24T14:00:14Z",
        "allowed_ips": ["192.0.2.1", "example.com"], "mode": "live",
    });
    let refused = app.post("/api-keys", body).await;
    let fields = ["name", "scopes[1]", "scopes[2]", "expires_at", "allowed_ips[1]", "mode"];
    assert_eq!(
        (refused.error(422).as_str(), refused.fields()),
        ("validation_error", fields.map(str::to_owned).to_vec())
    );
    assert_eq!(app.post("/api-keys", json!({"name": "x", "scopes": []})).await.fields(), ["scopes"]);
    let made = make(&app, json!({"name": "x", "scopes": ["links:read"]})).await;
    for grace in [json!(-1), json!(2_592_001), json!("1"), json!(1.5), json!(null)] {
        let refused = app.post(&format!("{}/rotate", path(&made)), json!({"grace_seconds": grace})).await;
        assert_eq!(refused.fields(), ["grace_seconds"], "{grace}");
    }
    asking(&app, &secret(&made)).await.is(200);
}

#[tokio::test]
async fn a_key_that_is_made_again_is_made_once() {
    let app = App::start().await;
    let body = json!({"name": "once", "scopes": ["links:read"]});
    let request = || app.api(Method::POST, "/api-keys").header("idempotency-key", "word").json(&body);
    let made = Answer::of(request()).await;
    let again = Answer::of(request()).await;
    assert_eq!((again.status, &again.text), (201, &made.text));
    assert_eq!((again.header("location"), again.header("etag")), (made.header("location"), made.header("etag")));
    let key = secret(&made.is(201));
    for entry in std::fs::read_dir(app.data()).expect("a folder") {
        let file = entry.expect("an entry").path();
        if file.is_file() {
            let bytes = std::fs::read(&file).expect("bytes");
            assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{}", file.display());
        }
    }
}
