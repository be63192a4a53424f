//! Every operation of the document, asked by everybody who must not be answered; and every code of error, met once.
//!
//! Nothing here names an operation without need: one that is added later is covered when it is added.

use mask::api::error::Code;
use mask_core::{
    id::{BlockId, PageId, SubscriberId},
    key::Secret,
    mail::Address,
    role::Role,
    subscriber::Kind,
};
use mask_store::{Asker, NewSubscriber};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    document::{OF_KEYS, OPERATIONS, Operation, schema},
    gallery::picture,
    harness::{Answer, App, HTTPS, lock},
    people,
    person::{ORIGIN, Person},
    wire::{Wire, api_request},
};

/// Many requests within one minute, and still the headers of the limit; webhooks lead to this machine.
pub(crate) const PATIENT: [(&str, &str); 2] =
    [("limits.requests_per_minute", "100000"), ("outbound.allow_networks", "127.0.0.0/8")];
/// An endpoint to which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/hook";

/// What a request is about.
pub(crate) struct Target {
    /// The link's id.
    id: String,
    slug: String,
    external_id: String,
    webhook: String,
    delivery: String,
    listener: String,
    /// A delivery that was pulled from the listener.
    pulled: String,
    api_key: String,
    domain: String,
    bio_page: String,
    /// A block of the page.
    block: String,
    /// Somebody who signed up at the page.
    subscriber: String,
    qr_code: String,
    /// Somebody's place in the workspace.
    member: String,
    invitation: String,
}

impl Target {
    /// A link, a webhook and a listener of whoever has this key.
    pub(crate) async fn of(app: &App, key: &str) -> Self {
        let (webhook, delivery) = webhook(app, key).await;
        let listening = app.api_as(key, Method::POST, "/webhooks/listeners").json(&json!({"events": ["link.created"]}));
        let listener = Answer::of(listening).await.is(201)["id"].as_str().expect("an id").to_owned();
        let external_id = format!("ext-{}", fastrand::u32(..));
        let body = json!({"url": "https://example.com", "external_id": external_id});
        let link = Answer::of(app.api_as(key, Method::POST, "/links").json(&body)).await.is(201);
        let block = json!({"type": "link", "data": {"title": "Shop", "url": "https://example.com"}});
        let page = app.api_as(key, Method::POST, "/bio-pages").json(&json!({"title": "Ada", "blocks": [block]}));
        let page = Answer::of(page).await.is(201);
        let bio_page = page["id"].as_str().expect("an id").to_owned();
        let block = page["blocks"][0]["id"].as_str().expect("an id").to_owned();
        let text = |name: &str| link[name].as_str().expect("a text").to_owned();
        let pull = app.api_as(key, Method::POST, &format!("/webhooks/listeners/{listener}/pull")).json(&json!({}));
        let pulled = Answer::of(pull).await.is(200)["data"][0]["delivery_id"].as_str().expect("an id").to_owned();
        let body = json!({"name": "of tests", "scopes": ["api-keys:write"]});
        let api_key = Answer::of(app.api_as(key, Method::POST, "/api-keys").json(&body)).await.is(201);
        let api_key = api_key["id"].as_str().expect("an id").to_owned();
        let name = json!({"domain": format!("d{}.example.com", fastrand::u64(..))});
        let domain = Answer::of(app.api_as(key, Method::POST, "/domains").json(&name)).await.is(201);
        let domain = domain["id"].as_str().expect("an id").to_owned();
        let body = json!({"link_id": link["id"]});
        let code = Answer::of(app.api_as(key, Method::POST, "/qr-codes").json(&body)).await.is(201);
        let qr_code = code["id"].as_str().expect("an id").to_owned();
        let subscriber = subscriber(app, key, &bio_page, &block).await;
        let workspace = Answer::of(app.api_as(key, Method::GET, "/workspace")).await.is(200);
        let member = Person::who_is(app, Role::Viewer, workspace["slug"].as_str().expect("a slug")).await.1;
        let body = json!({"email": format!("i{:x}@example.com", fastrand::u64(..)), "role": "viewer"});
        // Both sides have one team, and a test key does not govern it.
        let key = if key.starts_with("mk_test_") { &app.key } else { key };
        let invitation = app.api_as(key, Method::POST, "/workspace/invitations").json(&body);
        let invitation = Answer::of(invitation).await.is(201)["id"].as_str().expect("an id").to_owned();
        Self {
            member,
            invitation,
            id: text("id"),
            slug: text("slug"),
            external_id,
            webhook,
            delivery,
            listener,
            pulled,
            api_key,
            domain,
            bio_page,
            block,
            subscriber,
            qr_code,
        }
    }

    /// What nobody ever had.
    pub(crate) fn unknown() -> Self {
        let id = |prefix: &str| format!("{prefix}_01kcd3vyk5f8r9v3k2m4n6p8qa");
        Self {
            id: id("lnk"),
            slug: "never-was".to_owned(),
            external_id: "ext-never-was".to_owned(),
            webhook: id("wh"),
            delivery: id("dlv"),
            listener: id("wh"),
            pulled: id("dlv"),
            api_key: id("key"),
            domain: id("dom"),
            bio_page: id("bp"),
            block: id("blk"),
            subscriber: id("sub"),
            qr_code: id("qr"),
            member: id("mem"),
            invitation: id("inv"),
        }
    }

    /// What is no id at all.
    fn nonsense() -> Self {
        let no_id = || "lnk_x".to_owned();
        Self {
            id: no_id(),
            webhook: no_id(),
            delivery: no_id(),
            listener: no_id(),
            api_key: no_id(),
            domain: no_id(),
            bio_page: no_id(),
            block: no_id(),
            subscriber: no_id(),
            qr_code: no_id(),
            member: no_id(),
            invitation: no_id(),
            ..Self::unknown()
        }
    }

    /// The id of what the operation is about.
    fn id_for(&self, operation: &Operation) -> &str {
        match operation.path.split('/').nth(1) {
            Some("webhooks") if operation.path.contains("/listeners/") => &self.listener,
            Some("webhooks") => &self.webhook,
            Some("deliveries") => &self.delivery,
            Some("api-keys") => &self.api_key,
            Some("qr-codes") => &self.qr_code,
            Some("domains") => &self.domain,
            Some("bio-pages") => &self.bio_page,
            Some("workspace") if operation.path.contains("/members/") => &self.member,
            Some("workspace") => &self.invitation,
            _ => &self.id,
        }
    }

    /// The operation's request about it, with the documented example as its body.
    pub(crate) fn ask(&self, app: &App, operation: &Operation, key: &str) -> RequestBuilder {
        self.ask_without_key(app, operation).bearer_auth(key)
    }

    pub(crate) fn ask_without_key(&self, app: &App, operation: &Operation) -> RequestBuilder {
        let path = operation.path.replace("{id}", self.id_for(operation)).replace("{external_id}", &self.external_id);
        let path = path.replace("{block_id}", &self.block).replace("{subscriber_id}", &self.subscriber);
        let mut request = app.client.request(operation.method.clone(), format!("{}/api/v1{path}", app.base));
        for parameter in operation.described["parameters"].as_array().into_iter().flatten() {
            let is_needed = parameter["required"] == true && parameter["in"] == "query";
            let (name, example) = (parameter["name"].as_str().unwrap_or_default(), &parameter["example"]);
            let value = if name == "slug" { &self.slug } else { example.as_str().unwrap_or_default() };
            if is_needed {
                request = request.query(&[(name, value)]);
            }
        }
        if operation.takes_pictures() {
            return request.header("content-type", "application/octet-stream").body(picture("#c2410c"));
        }
        let Some(mut body) = operation.example() else { return request };
        if body.get("link_id").is_some() {
            body["link_id"] = json!(self.id);
        }
        if body.get("ids").is_some() {
            let is_order = operation.path.ends_with("/blocks/order");
            body["ids"] = json!([if is_order { &self.block } else { &self.id }]);
        }
        if body.get("delivery_id").is_some() {
            body["delivery_id"] = json!(self.pulled);
        }
        request.json(&body)
    }
}

/// Somebody who signed up at this page of whoever has this key.
async fn subscriber(app: &App, key: &str, page: &str, block: &str) -> String {
    let store = &app.server().store;
    let hash = Secret::parse(key).expect("a secret").hash();
    let key = store.key_by_hash(hash, app.clock.now()).await.expect("a store").expect("a key");
    let now = app.clock.now();
    let new = NewSubscriber {
        id: SubscriberId::from_bits(mask_core::id::at(now, fastrand::u128(..))),
        page: PageId::parse(page).expect("an id"),
        block: BlockId::parse(block).expect("an id"),
        kind: Kind::Signup,
        email: Address::parse("ada@example.com").expect("an address"),
        name: None,
        message: None,
        is_confirmed: true,
        now,
    };
    let id = new.id.to_string();
    assert!(store.subscribe(key.owner, new, None).await.expect("a store"), "the page is there");
    id
}

/// A webhook of whoever has this key, and a delivery to it.
async fn webhook(app: &App, key: &str) -> (String, String) {
    let body = json!({"url": NOBODY, "events": ["link.clicked"], "secret": "a-secret-of-tests"});
    let made = Answer::of(app.api_as(key, Method::POST, "/webhooks").json(&body)).await.is(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    let sent = Answer::of(app.api_as(key, Method::POST, &format!("/webhooks/{id}/test"))).await.is(202);
    (id, sent["delivery_id"].as_str().expect("an id").to_owned())
}

async fn patient() -> App {
    App::with(&PATIENT).await
}

#[test]
fn every_operation_is_described() {
    assert!(OPERATIONS.len() >= 12);
    for operation in OPERATIONS.iter() {
        let Operation { id, described, .. } = operation;
        for name in ["summary", "description", "operationId"] {
            assert!(described[name].as_str().is_some_and(|text| !text.is_empty()), "{id} has no {name}");
        }
        assert_eq!(described["tags"].as_array().map(Vec::len), Some(1), "{id} has one tag");
        let needs = &described["security"][0];
        let is_known = if operation.takes_keys() {
            needs["key"].as_array().map(Vec::len) == Some(1)
        } else {
            needs["session"].is_array() || *needs == json!({})
        };
        assert!(is_known, "{id} needs one scope, or somebody in person, or nobody");
        for status in [401, 403, 422, 429, 500, 503] {
            assert!(operation.documents(status), "{id} does not document {status}");
        }
        let has_body = described.get("requestBody").is_some();
        let needs_example = has_body && !operation.takes_pictures();
        assert_eq!(needs_example, operation.example().is_some(), "{id} has an example of its body");
        for status in [400, 408, 413, 415] {
            assert!(!has_body || operation.documents(status), "{id} does not document {status}");
        }
        for (status, response) in described["responses"].as_object().expect("responses") {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{id} {status}");
            let is_error = status.parse::<u16>().expect("a status") >= 400;
            let content = &response["content"]["application/json"]["schema"]["$ref"];
            assert!(!is_error || content == "#/components/schemas/Error", "{id} {status}");
        }
    }
}

#[test]
fn every_post_can_be_repeated() {
    // What is pulled is somebody's for a minute and comes again by itself, and what was reported is over; a picture has
    // the same address however often it is sent.
    let others = ["pull_deliveries", "report_delivery", "upload_picture"];
    for Operation { id, method, described, .. } in OF_KEYS.iter() {
        let parameters = described["parameters"].as_array().into_iter().flatten();
        let is_repeatable = parameters.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(is_repeatable, method == "POST" && !others.contains(&id.as_str()), "{id}");
    }
}

#[tokio::test]
async fn a_body_is_never_overlooked() {
    let app = patient().await;
    let workspace = app.get("/workspace").await.is(200)["slug"].as_str().expect("a slug").to_owned();
    let (person, _) = Person::who_is(&app, Role::Owner, &workspace).await;
    let target = Target::of(&app, &app.key).await;
    let wants_none = |operation: &&Operation| operation.described.get("requestBody").is_none();
    let may_be_bare = |operation: &&Operation| operation.described["requestBody"]["required"] == false;
    let posts = OPERATIONS.iter().filter(|operation| operation.method == "POST");
    let bare: Vec<_> = posts.filter(|operation| wants_none(operation) || may_be_bare(operation)).collect();
    assert!(bare.len() >= 8, "{bare:?}");
    for operation in bare {
        let ask = |kind: &'static str, body: &'static str| {
            let request = target.ask_without_key(&app, operation);
            let request = if operation.takes_keys() {
                request.bearer_auth(&app.key)
            } else {
                request.header("cookie", &person.cookie).header("origin", ORIGIN).header("x-mask-workspace", &workspace)
            };
            // What the example says gives way.
            let (client, request) = request.build_split();
            let mut request = request.expect("a request");
            request.headers_mut().insert("content-type", kind.parse().expect("a value"));
            *request.body_mut() = Some(body.into());
            reqwest::RequestBuilder::from_parts(client, request)
        };
        let strange = Answer::of(ask("application/json", r#"{"bogus":1}"#)).await;
        assert_eq!((strange.status, strange.fields()), (422, vec!["bogus".to_owned()]), "{}", operation.id);
        let plain = Answer::of(ask("text/plain", "x")).await;
        assert_eq!(plain.error(415), "unsupported_media_type", "{}", operation.id);
    }
}

#[tokio::test]
async fn without_a_valid_key_nobody_gets_in() {
    let app = patient().await;
    let target = Target::of(&app, &app.key).await;
    let revoked = app.key_for("all", false).await;
    let hash = Secret::parse(&revoked).expect("a secret").hash();
    let key = app.server().store.key_by_hash(hash, app.clock.now()).await.expect("a store").expect("a key");
    assert!(app.server().store.revoke_key(key.id, app.clock.now()).await.expect("a store"));
    let unknown = Secret::new(false, |bound| fastrand::usize(..bound)).reveal().to_owned();
    let mut mistyped = app.key.clone();
    mistyped.replace_range(39.., if app.key.ends_with('a') { "b" } else { "a" });
    let lookalike = app.key.replace("mk_live_", "mk_test_");
    let bearer = |key: &str| Some(format!("Bearer {key}"));
    let headers = [
        None,
        Some(String::new()),
        bearer(""),
        bearer("mk_live_"),
        bearer(&mistyped),
        bearer(&lookalike),
        bearer(&unknown),
        bearer(&revoked),
        bearer(&format!("{} {}", app.key, app.key)),
        Some(app.key.clone()),
        Some(format!("Basic {}", app.key)),
    ];
    for operation in OF_KEYS.iter() {
        for header in &headers {
            let mut request = target.ask_without_key(&app, operation);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.error(401), "unauthorized", "{} {header:?}", operation.id);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("x-ratelimit-limit"), "100000");
            for name in ["x-ratelimit-remaining", "x-ratelimit-reset"] {
                assert!(answer.header(name).parse::<u64>().is_ok(), "{} {name}", operation.id);
            }
            assert_eq!(answer.header("retry-after"), "");
        }
    }
    assert_eq!(app.get(&format!("/links/{}", target.id)).await.status, 200, "nobody changed anything");
}

#[tokio::test]
async fn every_operation_needs_its_scope_and_no_other() {
    let app = patient().await;
    let target = Target::of(&app, &app.key).await;
    for operation in OF_KEYS.iter() {
        let needed = operation.scope();
        let all = mask_core::scope::Scope::ALL.iter().map(|scope| scope.as_str());
        let enough = operation.scopes();
        let others: Vec<_> = all.filter(|scope| !enough.contains(scope)).collect();
        assert_eq!(others.len() + enough.len(), mask_core::scope::Scope::ALL.len(), "{needed} is a scope");
        let key = app.key_for(&others.join(","), false).await;
        let answer = Answer::of(target.ask(&app, operation, &key)).await;
        assert_eq!(answer.error(403), "insufficient_scope", "{}", operation.id);
        assert_eq!(answer.json()["error"]["required_scope"], needed);
    }
    for operation in OF_KEYS.iter() {
        let key = app.key_for(operation.scope(), false).await;
        let own = Target::of(&app, &app.key).await;
        let answer = Answer::of(own.ask(&app, operation, &key)).await;
        assert!(answer.status < 300, "{}: {}", operation.id, answer.text);
    }
}

/// It makes what is not there, so what others have under the name is nothing to it.
const MAKES_ITS_OWN: &str = "upsert_link";

#[tokio::test]
async fn what_others_own_cannot_be_told_from_what_never_was() {
    let app = patient().await;
    let (theirs, test) = (app.key_of_workspace(2, "all", false).await, app.key_for("all", true).await);
    let unknown = Target::unknown();
    for operation in OF_KEYS.iter() {
        let names_one = operation.path.contains('{') || operation.id == "lookup_link";
        let names_some = operation.example().is_some_and(|body| body.get("ids").is_some());
        if operation.id == MAKES_ITS_OWN || !(names_one || names_some) {
            continue;
        }
        let nothing = Answer::of(unknown.ask(&app, operation, &app.key)).await;
        if names_one {
            assert_eq!(nothing.error(404), "not_found", "{}", operation.id);
        } else {
            assert_eq!(nothing.json()["data"][0]["status"], 404, "{}", operation.id);
        }
        // Who is in a workspace is the same on both sides of it.
        let others = if operation.path.starts_with("/workspace/") { &[&theirs][..] } else { &[&theirs, &test] };
        for key in others {
            let foreign = Target::of(&app, key).await;
            let answer = Answer::of(foreign.ask(&app, operation, &app.key)).await;
            let plain = |answer: &Answer, target: &Target| {
                let text = answer.text.replace(answer.header("x-request-id"), "REQUEST");
                text.replace(target.id_for(operation), "ID").replace(&target.id, "ID")
            };
            assert_eq!(answer.status, nothing.status);
            assert_eq!(plain(&answer, &foreign), plain(&nothing, &unknown), "{}", operation.id);
            assert_eq!(answer.headers.len(), nothing.headers.len());
            let path = format!("/links/{}", foreign.id);
            let before = Answer::of(app.api_as(key, Method::GET, &path)).await.is(200);
            assert_eq!(before["archived"], false, "{} changed it", operation.id);
            let path = format!("/qr-codes/{}", foreign.qr_code);
            let before = Answer::of(app.api_as(key, Method::GET, &path)).await;
            assert_eq!(before.header("etag").split('.').next(), Some("\"1"), "{} changed it", operation.id);
            let path = format!("/bio-pages/{}", foreign.bio_page);
            let before = Answer::of(app.api_as(key, Method::GET, &path)).await;
            assert_eq!(before.header("etag"), "\"1.0\"", "{} changed it", operation.id);
            let path = format!("/webhooks/{}", foreign.webhook);
            let before = Answer::of(app.api_as(key, Method::GET, &path)).await;
            assert_eq!(before.header("etag").split('.').next(), Some("\"1"), "{} changed it", operation.id);
        }
        // What is no id at all is not there either.
        assert_eq!(Answer::of(Target::nonsense().ask(&app, operation, &app.key)).await.status, nothing.status);
    }
}

#[tokio::test]
async fn the_documented_examples_work() {
    let app = patient().await;
    for operation in OF_KEYS.iter().filter(|operation| operation.example().is_some()) {
        let target = Target::of(&app, &app.key).await;
        let answer = Answer::of(target.ask(&app, operation, &app.key)).await;
        assert!(answer.status < 300, "{}: {}", operation.id, answer.text);
        if answer.status == 204 {
            continue;
        }
        for item in answer.json()["data"].as_array().into_iter().flatten() {
            let status = &item["status"];
            let is_well = status.is_null() || status.as_u64().is_some_and(|status| status < 300);
            assert!(is_well, "{}: {}", operation.id, answer.text);
        }
    }
}

/// An object has the members of its schema, neither more nor fewer, but for those that the schema does not require.
#[track_caller]
pub(crate) fn has_shape(value: &Value, name: &str) {
    let parts = parts(schema(name));
    let members = value.as_object().expect("an object");
    for member in members.keys() {
        let is_known = parts.iter().any(|part| part["properties"].get(member).is_some());
        assert!(is_known, "{name} has an undocumented {member}");
    }
    for required in parts.iter().flat_map(|part| part["required"].as_array().into_iter().flatten()) {
        assert!(members.contains_key(required.as_str().expect("a name")), "{name} lacks {required}");
    }
}

/// A schema, or those that it is put together from.
fn parts(whole: &'static Value) -> Vec<&'static Value> {
    let all = whole["allOf"].as_array().map_or_else(|| vec![whole], |all| all.iter().collect());
    let named = |part: &'static Value| part["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(schema);
    all.into_iter().map(|part| named(part).unwrap_or(part)).collect()
}

/// A delivery once it was tried.
async fn tried(app: &App, delivery: &str) -> Value {
    let asking = async {
        loop {
            let delivery = app.get(&format!("/deliveries/{delivery}")).await.is(200);
            if delivery["tries"][0].is_object() {
                return delivery;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.expect("an attempt in time")
}

/// A bio page with every kind of block that needs no picture.
async fn made_page(app: &App) -> String {
    let body = json!({"title": "Ada", "theme": {"preset": "dusk"}, "blocks": [
        {"type": "link", "data": {"title": "Shop", "url": "https://example.com"}},
        {"type": "header", "data": {"text": "Shop"}},
        {"type": "text", "data": {"content": "**Hello**"}},
        {"type": "video", "data": {"url": "https://youtu.be/dQw4w9WgXcQ"}},
        {"type": "social", "data": {"profiles": [{"platform": "github", "url": "https://github.com/ada"}]}},
        {"type": "email", "data": {"mode": "signup", "title": "News", "button_text": "Join", "success_message": "Thanks"}},
    ]});
    app.post("/bio-pages", body).await.is(201)["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn answers_have_the_documented_shape() {
    let app = patient().await;
    let link = app
        .link(json!({
            "url": "https://example.com", "tags": ["a"], "preview": {"title": "T"},
            "rules": [{"when": {"schedule": {"days": ["mon"]}}, "url": "https://example.com/r"}],
            "variants": [{"url": "https://example.com/v", "weight": 1}],
        }))
        .await;
    has_shape(&link, "Link");
    assert_eq!(
        link.as_object().map(serde_json::Map::len),
        schema("Link")["properties"].as_object().map(serde_json::Map::len)
    );
    has_shape(&link["preview"], "Preview");
    has_shape(&link["rules"][0], "Rule");
    has_shape(&link["rules"][0]["when"], "Condition");
    has_shape(&link["rules"][0]["when"]["schedule"], "Schedule");
    has_shape(&link["variants"][0], "Variant");
    let list = app.get("/links").await.is(200);
    has_shape(&list, "LinkList");
    has_shape(&list["pagination"], "Pagination");
    let tags = app.get("/tags").await.is(200);
    has_shape(&tags, "TagList");
    has_shape(&tags["data"][0], "Tag");
    let slug = link["slug"].as_str().expect("a slug");
    Answer::of(app.visit(&format!("/{slug}"))).await;
    app.settle().await;
    let clicks = app.get("/analytics/clicks?metrics=clicks,visitors").await.is(200);
    has_shape(&clicks, "ClickStatistics");
    has_shape(&clicks["data"][0], "ClickRow");
    let scans = app.get("/analytics/scans?metrics=scans,visitors").await.is(200);
    has_shape(&scans, "ScanStatistics");
    has_shape(&scans["data"][0], "ScanRow");
    let summary = app.get("/analytics/summary").await.is(200);
    has_shape(&summary, "Summary");
    has_shape(&summary["clicks"], "Comparison");
    has_shape(&app.get("/analytics/export?format=ndjson").await.is(200), "Visit");
    let (webhook, delivery) = webhook(&app, &app.key).await;
    has_shape(&app.get(&format!("/webhooks/{webhook}")).await.is(200), "Webhook");
    has_shape(&app.post(&format!("/webhooks/{webhook}/rotate-secret"), json!({})).await.is(200), "Webhook");
    has_shape(&app.get("/webhooks").await.is(200), "WebhookList");
    has_shape(&app.post(&format!("/webhooks/{webhook}/test"), json!({})).await.is(202), "TestAnswer");
    let deliveries = app.get(&format!("/webhooks/{webhook}/deliveries")).await.is(200);
    has_shape(&deliveries, "DeliveryList");
    has_shape(&deliveries["data"][0], "Delivery");
    let replayed = app.post(&format!("/deliveries/{delivery}/replay"), json!({})).await.is(202);
    has_shape(&replayed, "Delivery");
    let tried = tried(&app, &delivery).await;
    has_shape(&tried, "DeliveryDetail");
    has_shape(&tried["tries"][0], "DeliveryAttempt");
    has_shape(&tried["tries"][0]["failure"], "DeliveryFailure");
    let since = json!({"since": "2026-03-24T14:00:00Z"});
    has_shape(&app.post(&format!("/webhooks/{webhook}/replay"), since).await.is(202), "ReplayAnswer");
    has_shape(&app.get("/workspace").await.is(200), "Workspace");
    let (_, member) = Person::who_is(&app, Role::Viewer, "default").await;
    let members = app.get("/workspace/members").await.is(200);
    has_shape(&members, "MemberList");
    has_shape(&members["data"][0], "Member");
    has_shape(&app.patch(&format!("/workspace/members/{member}"), json!({"role": "admin"})).await.is(200), "Member");
    let invited = json!({"email": "bob@example.com", "role": "viewer"});
    has_shape(&app.post("/workspace/invitations", invited).await.is(201), "Invitation");
    let invitations = app.get("/workspace/invitations").await.is(200);
    has_shape(&invitations, "InvitationList");
    has_shape(&invitations["data"][0], "Invitation");
    let page = app.get(&format!("/bio-pages/{}", made_page(&app).await)).await.is(200);
    has_shape(&page, "BioPage");
    has_shape(&page["theme"], "BioPageTheme");
    has_shape(&page["theme"]["background_gradient"], "Gradient");
    for (place, data) in [(0, "LinkBlockData"), (1, "HeaderBlockData"), (2, "TextBlockData"), (3, "MediaBlockData")] {
        has_shape(&page["blocks"][place], "Block");
        has_shape(&page["blocks"][place]["data"], data);
    }
    has_shape(&page["blocks"][4]["data"], "SocialBlockData");
    has_shape(&page["blocks"][4]["data"]["profiles"][0], "SocialProfile");
    has_shape(&page["blocks"][5]["data"], "EmailBlockData");
    let pages = app.get("/bio-pages").await.is(200);
    has_shape(&pages, "BioPageList");
    has_shape(&pages["data"][0], "BioPageSummary");
    let path = format!("/bio-pages/{}", page["id"].as_str().expect("an id"));
    has_shape(&app.get(&format!("{path}/blocks")).await.is(200), "BlockList");
    subscriber(&app, &app.key, page["id"].as_str().expect("an id"), page["blocks"][0]["id"].as_str().expect("an id"))
        .await;
    let subscribers = app.get(&format!("{path}/subscribers")).await.is(200);
    has_shape(&subscribers, "SubscriberList");
    has_shape(&subscribers["data"][0], "Subscriber");
    has_shape(&app.post(&format!("{path}/preview"), json!({})).await.is(200), "BioPagePreview");
    let domain = app.post("/domains", json!({"domain": "shape.example.com"})).await.is(201);
    app.wait(6);
    let domain =
        app.post(&format!("/domains/{}/verify", domain["id"].as_str().expect("an id")), json!({})).await.is(200);
    for (shape, value) in [("Domain", &domain), ("DnsRecord", &domain["dns_records"][0]), ("DomainTls", &domain["tls"])]
    {
        has_shape(value, shape);
    }
    has_shape(&domain["well_known"], "WellKnown");
    has_shape(&domain["last_check"], "DnsCheck");
    has_shape(&app.get("/domains").await.is(200), "DomainList");
    let keys = app.get("/api-keys").await.is(200);
    has_shape(&keys, "ApiKeyList");
    has_shape(&keys["data"][0], "ApiKey");
    let code = app.post("/qr-codes", json!({"link_id": link["id"]})).await.is(201);
    has_shape(&code, "QrCode");
    has_shape(&app.get("/qr-codes").await.is(200), "QrCodeList");
    let upload = app.api(Method::POST, "/uploads").header("content-type", "image/png").body(picture("#c2410c"));
    has_shape(&Answer::of(upload).await.is(201), "Upload");
    let log = app.get("/audit-log").await.is(200);
    has_shape(&log, "AuditLog");
    has_shape(&log["data"][0], "AuditEntry");
    has_shape(&log["data"][0]["actor"], "AuditActor");
    has_shape(&log["data"][0]["object"], "AuditObject");
    let usage = app.get("/usage?groupBy=key").await.is(200);
    has_shape(&usage, "Usage");
    has_shape(&usage["total"], "UsageCounts");
    let error = app.post("/links", json!({"url": "x"})).await.is(422);
    has_shape(&error, "Error");
    has_shape(&error["error"], "ErrorMembers");
    has_shape(&error["error"]["details"][0], "Detail");
    let bulk = app.post("/links/bulk", json!({"links": [{"url": "https://example.com"}, {}]})).await.is(200);
    has_shape(&bulk, "BulkAnswer");
    bulk["data"].as_array().expect("items").iter().for_each(|item| has_shape(item, "BulkItem"));
}

/// A request that is answered with this code.
async fn meet(code: Code, app: &App) -> Answer {
    let body = json!({"url": "https://example.com", "slug": "code"});
    let post = || app.api(Method::POST, "/links");
    match code {
        Code::BadRequest => app.post("/links", json!({})).await,
        Code::Unauthorized => Answer::of(app.client.get(format!("{}/api/v1/links", app.base))).await,
        Code::HttpsRequired => {
            let app = App::with(&HTTPS).await;
            Answer::of(app.api(Method::GET, "/links").header("host", "mask.example")).await
        }
        Code::SecondFactorRequired => {
            let person = people::ada(app).await;
            let store = &app.server().store;
            let (by, now) = (|| Asker::Operator(person.id), app.clock.now());
            assert_eq!(store.begin_totp(by(), vec![1], now).await.expect("a store"), Ok(true));
            assert_eq!(store.confirm_totp(by(), vec![1], 1, Vec::new(), now).await.expect("a store"), Ok(true));
            Answer::of(people::sign_in(app, people::ADA, people::PASSWORD)).await
        }
        Code::InsufficientScope => {
            let key = app.key_for("links:read", false).await;
            Answer::of(app.api_as(&key, Method::POST, "/links").json(&body)).await
        }
        Code::Forbidden => {
            let mighty = json!({"name": "mighty", "scopes": ["links:write"]});
            let mighty = app.post("/api-keys", mighty).await.is(201)["id"].as_str().expect("an id").to_owned();
            let key = app.key_for("api-keys:write", false).await;
            Answer::of(app.api_as(&key, Method::POST, &format!("/api-keys/{mighty}/rotate"))).await
        }
        Code::NotFound => app.get("/links/lnk_x").await,
        Code::MethodNotAllowed => app.delete("/links").await,
        Code::RequestTimeout => {
            let app = App::with(&[("server.body_timeout_seconds", "1")]).await;
            let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
            let whole = api_request("POST", "/links", &app.key, "", "{}");
            wire.send(&whole[..whole.len() - 1]).expect("sent");
            Answer::from(wire.reply().expect("an answer"))
        }
        Code::Conflict => {
            app.link(body.clone()).await;
            app.post("/links", body).await
        }
        Code::PreconditionFailed => {
            let link = app.link(json!({"url": "https://example.com"})).await;
            let path = format!("/links/{}", link["id"].as_str().expect("an id"));
            Answer::of(app.api(Method::DELETE, &path).header("if-match", "\"99.0\"")).await
        }
        Code::PayloadTooLarge => {
            Answer::of(post().header("content-type", "application/json").body(vec![b' '; 1 << 21])).await
        }
        Code::UriTooLong => {
            let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
            let long = format!("/links?search={}", "a".repeat(100_000));
            Answer::from(wire.ask(&api_request("GET", &long, &app.key, "", "")).expect("an answer"))
        }
        Code::HeadersTooLarge => {
            let mut wire = Wire::open(app.server().addresses[0]).expect("a connection");
            let long = format!("X: {}\r\n", "a".repeat(100_000));
            Answer::from(wire.ask(&api_request("GET", "/links", &app.key, &long, "")).expect("an answer"))
        }
        Code::UnsupportedMediaType => Answer::of(post().header("content-type", "text/plain").body("{}")).await,
        Code::ValidationError => app.post("/links", json!({"url": 1})).await,
        Code::IdempotencyKeyReused => {
            Answer::of(post().header("idempotency-key", "k").json(&json!({"url": "https://example.com/1"})))
                .await
                .is(201);
            Answer::of(post().header("idempotency-key", "k").json(&json!({"url": "https://example.com/2"}))).await
        }
        Code::RateLimitExceeded => {
            let app = App::with(&[("limits.requests_per_minute", "1")]).await;
            app.get("/links").await.is(200);
            app.get("/links").await
        }
        Code::InternalError => {
            let link = app.link(json!({"url": "https://example.com"})).await;
            let id = link["id"].as_str().expect("an id");
            let database = rusqlite::Connection::open(app.data().join("mask.db")).expect("the database");
            database.execute("UPDATE links SET url = 'nonsense' WHERE id = ?1", [id]).expect("damaged");
            app.get(&format!("/links/{id}")).await
        }
        Code::Unavailable => {
            let app = App::with(&[("database.timeout_ms", "50")]).await;
            let locked = lock(&app);
            let answer = app.post("/links", body).await;
            drop(locked);
            answer
        }
    }
}

#[tokio::test]
async fn every_code_is_met() {
    let app = App::start().await;
    for code in Code::ALL.iter().copied() {
        let answer = meet(code, &app).await;
        assert_eq!(answer.error(code.status()), code.as_str());
        let message = answer.json()["error"]["message"].as_str().expect("a message").to_owned();
        assert!(message.ends_with('.'), "{message}");
        for secret in ["SELECT", "sqlite", "UPDATE", ".rs", "/tmp", "nonsense", "mask.db"] {
            assert!(!answer.text.contains(secret), "{} leaks {secret}: {}", code.as_str(), answer.text);
        }
    }
}

#[test]
fn generated_files_are_fresh() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = [
        ("openapi.json", mask::api::document()),
        ("docs/errors.md", mask::api::errors_page()),
        ("docs/roles.md", mask::api::roles_page()),
    ];
    for (name, fresh) in files {
        let kept = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(kept == fresh, "{name} is not what the program says any more: run `make gen`");
    }
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let app = App::start().await;
    let answer = Answer::of(app.client.get(format!("{}/api/v1/openapi.json", app.base))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.text, mask::api::document());
    assert!(answer.header("x-request-id").starts_with("req_"));
}
