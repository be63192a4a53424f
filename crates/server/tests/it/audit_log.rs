//! The audit log: that every operation leaves the lines that it should, and what is in them.

use mask_core::id::{KeyId, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    binary::mask,
    coverage::{PATIENT, Target},
    document::{OPERATIONS, Operation},
    harness::{Answer, App},
};

/// The lines that a request left, oldest first.
async fn lines_of(app: &App, request: &str) -> Vec<Value> {
    let log = app.get("/audit-log?limit=100").await.is(200);
    let lines = log["data"].as_array().expect("a list").iter().rev();
    lines.filter(|line| line["request_id"] == request).cloned().collect()
}

/// What the documented example of an operation does, to the target that it is about.
fn lines_left_by(operation: &Operation) -> Vec<&'static str> {
    let linked =
        |name| vec![name; operation.example().and_then(|body| Some(body["links"].as_array()?.len())).unwrap_or(1)];
    match operation.id.as_str() {
        "create_link" => vec!["link.created"],
        "create_links" => linked("link.created"),
        "update_link" | "update_links" | "upsert_link" => vec!["link.updated"],
        "delete_link" | "delete_links" => vec!["link.deleted"],
        "create_bio_page" => vec!["bio_page.created"],
        "update_bio_page" | "create_block" | "update_block" | "delete_block" => vec!["bio_page.updated"],
        "delete_bio_page" => vec!["bio_page.deleted"],
        "delete_subscriber" => vec!["subscriber.deleted"],
        "create_qr_code" => vec!["qr_code.created"],
        "update_qr_code" => vec!["qr_code.updated"],
        "delete_qr_code" => vec!["qr_code.deleted"],
        "create_webhook" => vec!["webhook.created"],
        "update_webhook" | "rotate_webhook_secret" => vec!["webhook.updated"],
        "delete_webhook" => vec!["webhook.deleted"],
        "create_listener" => vec!["webhook_listener.created"],
        "delete_listener" => vec!["webhook_listener.deleted"],
        "create_domain" => vec!["domain.created"],
        "update_domain" => vec!["domain.updated"],
        "delete_domain" => vec!["domain.deleted"],
        "create_api_key" => vec!["api_key.created"],
        "update_api_key" => vec!["api_key.updated"],
        "rotate_api_key" => vec!["api_key.rotated"],
        "delete_api_key" => vec!["api_key.revoked"],
        "update_workspace" => vec!["workspace.renamed"],
        "create_invitation" => vec!["invitation.created"],
        "delete_invitation" => vec!["invitation.revoked"],
        "update_member" => vec!["member.updated"],
        "remove_member" => vec!["member.deleted"],
        "forget_visitors" => vec!["analytics.visitor_data_deleted"],
        // The only block of the page is in its place already, and DNS has nothing that would change a domain. What is sent, and
        // pictures that nothing shows yet, are no change of what anybody has.
        "order_blocks"
        | "verify_domain"
        | "test_webhook"
        | "replay_delivery"
        | "replay_failed_deliveries"
        | "pull_deliveries"
        | "report_delivery"
        | "preview_bio_page"
        | "upload_picture" => vec![],
        id => panic!("say which lines {id} leaves"),
    }
}

/// Everything that the table has, as one text.
fn whole_table(app: &App) -> String {
    let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
    let mut rows = database.prepare("SELECT * FROM audit_log").expect("a table");
    let columns = rows.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|column| row.get_ref(column).map(|cell| format!("{cell:?}")));
        let cells: Result<Vec<_>, _> = cells.collect();
        // Text is shown as bytes; as text it is searched in.
        let texts = (0..columns).map(|column| row.get::<_, Option<String>>(column).ok().flatten().unwrap_or_default());
        Ok(texts.chain(cells?).collect::<Vec<_>>().join("\n"))
    };
    let all: Result<Vec<String>, _> = rows.query_map([], read).expect("rows").collect();
    all.expect("rows").join("\n")
}

/// What was answered once and must be nowhere else.
fn secrets_in(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    ["secret", "key"].iter().filter_map(|name| body[name].as_str()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_operation_leaves_its_lines() {
    let app = App::with(&PATIENT).await;
    let mut secrets = vec![app.key.clone(), "a-secret-of-tests".to_owned()];
    for operation in OPERATIONS.iter().filter(|operation| operation.method != "GET") {
        // What only a person may do is not done with a key.
        if operation.described["security"][0].get("key").is_none() {
            continue;
        }
        let id = &operation.id;
        let names_some = operation.example().is_some_and(|body| body.get("ids").is_some());
        // Whatever names nothing is not refused, and neither is what is made where it is not there.
        if (operation.path.contains('{') || names_some) && id != "upsert_link" {
            let refused = Answer::of(Target::unknown().ask(&app, operation, &app.key)).await;
            let lines = lines_of(&app, refused.header("x-request-id")).await;
            assert!(lines.is_empty(), "{id} was refused, and yet left {lines:?}");
        }
        let target = Target::of(&app, &app.key).await;
        let ask = || target.ask(&app, operation, &app.key).header("idempotency-key", format!("once for {id}"));
        let answer = Answer::of(ask()).await;
        assert!(answer.status < 300, "{id}: {}", answer.text);
        secrets.extend(secrets_in(&answer));
        let lines = lines_of(&app, answer.header("x-request-id")).await;
        let actions: Vec<_> = lines.iter().map(|line| line["action"].as_str().expect("an action")).collect();
        assert_eq!(actions, lines_left_by(operation), "{id}");
        for line in &lines {
            let action = line["action"].as_str().expect("an action");
            let (has_before, has_after) = (line["before"].is_object(), line["after"].is_object());
            let is_made = action.ends_with(".created");
            let is_gone = action.ends_with("deleted") || action.ends_with("revoked");
            assert_eq!((has_before, has_after), (!is_made, !is_gone), "{line}");
            assert_eq!(line["actor"]["type"], "api_key");
            KeyId::parse(line["actor"]["id"].as_str().expect("an id")).expect("a key's id");
            let (object, label) = (&line["object"], line["object"]["label"].as_str().expect("a label"));
            let shown = if has_after && is_made { &line["after"] } else { &line["before"] };
            assert!(!label.is_empty() && (shown["id"].is_null() || shown["id"] == object["id"]), "{line}");
            assert!(has_after != has_before || line["before"]["updated_at"].is_null(), "{line}");
        }
        let repeats = operation.described["parameters"].as_array().into_iter().flatten();
        if repeats.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key") {
            let again = Answer::of(ask()).await;
            assert_eq!(again.header("idempotent-replayed"), "true", "{id}: {}", again.text);
            let lines = lines_of(&app, again.header("x-request-id")).await;
            assert!(lines.is_empty(), "{id} was answered as before, and yet left {lines:?}");
        }
    }
    assert!(secrets.len() > 4, "keys and secrets were made");
    let table = whole_table(&app);
    assert!(table.contains("link.created"), "{table}");
    for secret in secrets {
        assert!(!table.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn a_change_is_told_by_what_is_different() {
    let trusted = [("proxy.trusted", "127.0.0.0/8"), ("proxy.country_header", "cf-ipcountry")];
    let app = App::with(&trusted).await;
    let from = |request: reqwest::RequestBuilder| {
        request.header("x-forwarded-for", "203.0.113.77").header("cf-ipcountry", "DE")
    };
    let body = json!({"url": "https://example.com/a", "slug": "diff", "title": "A", "password": "open sesame"});
    let made = Answer::of(from(app.api(Method::POST, "/links")).json(&body)).await;
    let request = made.header("x-request-id").to_owned();
    let link = made.is(201);
    let line = lines_of(&app, &request).await.pop().expect("a line");
    let id = line["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("aud_"));
    let key = line["actor"]["id"].clone();
    assert_eq!(
        line,
        json!({
            "id": id, "at": "2026-03-24T14:00:14Z", "actor": {"type": "api_key", "id": key},
            "action": "link.created",
            "object": {"type": "link", "id": link["id"], "label": link["short_url"]},
            "before": null, "after": link, "country": "DE", "request_id": request,
        })
    );
    let path = format!("/links/{}", link["id"].as_str().expect("an id"));
    app.wait(60);
    for (change, before, after) in [
        (json!({"title": "B", "url": "https://example.com/a"}), json!({"title": "A"}), json!({"title": "B"})),
        (json!({"password": "abracadabra"}), json!({"has_password": true}), json!({"has_password": true})),
        (json!({"password": null}), json!({"has_password": true}), json!({"has_password": false})),
    ] {
        let answer = app.patch(&path, change).await;
        let request = answer.header("x-request-id").to_owned();
        answer.is(200);
        let line = lines_of(&app, &request).await.pop().expect("a line");
        assert_eq!((&line["before"], &line["after"], &line["country"]), (&before, &after, &Value::Null));
    }
    let read = app.get(&path).await.is(200);
    let deleted = app.delete(&path).await;
    let line = lines_of(&app, deleted.header("x-request-id")).await.pop().expect("a line");
    assert_eq!((&line["before"], &line["after"]), (&read, &Value::Null));
    let hook = json!({"url": "https://example.com/hook", "events": ["link.clicked"], "secret": "whsec_hidden-word",
        "headers": {"authorization": "Bearer hidden-header"}});
    let hook = app.post("/webhooks", hook).await.is(201);
    let path = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    app.patch(&path, json!({"headers": {"authorization": "Bearer hidden-too"}})).await.is(200);
    let newest = app.get("/audit-log?limit=2").await.is(200);
    let (changed, created) = (&newest["data"][0], &newest["data"][1]);
    assert_eq!((&changed["before"], &changed["after"]), (&json!({}), &json!({})), "what is secret is not to be seen");
    assert_eq!(created["after"]["headers"], json!({"authorization": "***"}));
    let table = whole_table(&app);
    for hidden in ["open sesame", "abracadabra", "argon2", "203.0.113.77", "hidden-word", "hidden-header", "hidden-too"]
    {
        assert!(!table.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn filters_pages_and_faults() {
    let app = App::with(&PATIENT).await;
    for n in 0..5 {
        app.wait(60);
        app.link(json!({"url": "https://example.com", "slug": format!("page{n}")})).await;
    }
    let second = app.key_for("links:write", false).await;
    let body = json!({"url": "https://example.com"});
    let link = Answer::of(app.api_as(&second, Method::POST, "/links").json(&body)).await.is(201);
    let count = async |query: &str| {
        let log = app.get(&format!("/audit-log?{query}")).await.is(200);
        log["data"].as_array().expect("a list").len()
    };
    let log = app.get("/audit-log").await.is(200);
    let actor = log["data"][0]["actor"]["id"].as_str().expect("an id").to_owned();
    let id = link["id"].as_str().expect("an id");
    // The workspace, two keys, six links.
    assert_eq!(count("").await, 9);
    for (query, expected) in [
        (format!("actor={actor}"), 1),
        ("actor=system".to_owned(), 3),
        (format!("actor={}", UserId::from_bits(1)), 0),
        ("action=link.".to_owned(), 6),
        ("action=api_key.created".to_owned(), 2),
        (format!("object={id}"), 1),
        ("object=lnk_nobody".to_owned(), 0),
        ("from=2026-03-24T14:02:14Z&to=2026-03-24T14:04:14Z".to_owned(), 2),
        ("action=link.&from=2026-03-24&to=2026-03-24".to_owned(), 6),
        ("from=2026-03-25".to_owned(), 0),
        ("to=2026-03-23".to_owned(), 0),
        (format!("actor={actor}&action=link.created&object={id}"), 1),
    ] {
        assert_eq!(count(&query).await, expected, "{query}");
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/audit-log?limit=4{cursor}")).await.is(200);
        seen.extend(page["data"].as_array().expect("a list").iter().map(|line| line["id"].clone()));
        let Some(next) = page["pagination"]["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let whole: Vec<_> = log["data"].as_array().expect("a list").iter().map(|line| line["id"].clone()).collect();
    assert_eq!(seen, whole);
    let faulty =
        "actor=somebody&action=link.burnt&object=%00&from=yesterday&to=2026&format=xml&limit=0&cursor=x&who=me";
    let fields = app.get(&format!("/audit-log?{faulty}")).await.fields();
    assert_eq!(fields, ["format", "actor", "action", "object", "from", "to", "cursor", "limit", "who"]);
    let foreign = app.get("/links?limit=1").await.is(200)["pagination"]["cursor"].as_str().expect("more").to_owned();
    assert_eq!(app.get(&format!("/audit-log?cursor={foreign}")).await.fields(), ["cursor"]);
    let test = app.key_for("all", true).await;
    let others = Answer::of(app.api_as(&test, Method::GET, "/audit-log")).await.is(200);
    let actions: Vec<_> = others["data"].as_array().expect("a list").iter().map(|line| &line["action"]).collect();
    assert_eq!(actions, ["api_key.created"], "the test side has a log of its own");
}

#[tokio::test]
async fn as_csv_it_is_all_there() {
    let app = App::with(&PATIENT).await;
    let links: Vec<_> = (0..100).map(|_| json!({"url": "https://example.com/?a=1,2", "title": "\"x\""})).collect();
    for _ in 0..11 {
        app.post("/links/bulk", json!({"links": links})).await.is(200);
    }
    app.post("/api-keys", json!({"name": "=HYPERLINK(\"x\")", "scopes": ["links:read"]})).await.is(201);
    let csv = app.get("/audit-log?format=csv&action=link.").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"audit-log.csv\"");
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(
        lines[0],
        "id,at,actor_type,actor_id,action,object_type,object_id,object_label,before,after,country,request_id"
    );
    let ids: std::collections::HashSet<_> = lines[1..].iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!((lines.len(), ids.len()), (1101, 1100), "each once, in several pieces");
    let keys = app.get("/audit-log?format=csv&action=api_key.").await.text;
    assert!(keys.contains(",\"'=HYPERLINK(\"\"x\"\")\",") && keys.lines().count() == 3, "{keys}");
    let fields = app.get("/audit-log?format=csv&limit=5&cursor=x").await.fields();
    assert_eq!(fields, ["limit", "cursor"]);
}

#[tokio::test]
async fn what_is_typed_is_the_systems() {
    let app = App::with(&PATIENT).await;
    let run = |arguments: &[&str]| {
        let done = mask(arguments).arg("--data-dir").arg(app.data()).output().expect("the program runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    let secret = run(&["keys", "create", "--name", "laptop", "--scopes", "links:read"]);
    let log = app.get("/audit-log?action=api_key.&limit=1").await.is(200);
    let made = &log["data"][0];
    assert_eq!((&made["actor"], &made["object"]["label"]), (&json!({"type": "system", "id": null}), &json!("laptop")));
    assert_eq!(made["after"]["scopes"], json!(["links:read"]));
    run(&["keys", "revoke", made["object"]["id"].as_str().expect("an id")]);
    let log = app.get("/audit-log?action=api_key.&limit=1").await.is(200);
    let gone = &log["data"][0];
    assert_eq!((&gone["action"], &gone["before"]["name"]), (&json!("api_key.revoked"), &json!("laptop")));
    assert!(!whole_table(&app).contains(secret.trim()));
}
