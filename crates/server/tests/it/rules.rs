//! What comes in for rules, variants and previews: read into one spelling, and every fault under its own path. Where they
//! lead is the redirect's matter.

use serde_json::{Value, json};

use crate::harness::App;

const URL: &str = "https://example.com";

fn rule(when: &Value) -> Value {
    json!({"url": URL, "rules": [{"when": when, "url": "https://example.com/rule"}]})
}

async fn one_spelling(app: App) {
    for (given, shown) in [
        (json!({"country": ["pk", "US"]}), json!({"country": ["PK", "US"]})),
        (json!({"device": ["mobile", "tv"], "country": []}), json!({"device": ["mobile", "tv"]})),
        (
            json!({"os": ["iOS"], "browser": ["chrome"], "language": ["pt-BR", "ur"]}),
            json!({"os": ["iOS"], "browser": ["chrome"], "language": ["pt-BR", "ur"]}),
        ),
        (
            json!({"schedule": {}}),
            json!({"schedule": {"timezone": "UTC", "days": [], "from": null, "to": null, "starts_at": null, "ends_at": null}}),
        ),
        (
            json!({"schedule": {"timezone": "Asia/Karachi", "days": ["Monday", "FRI"], "from": "22:00", "to": "06:00", "starts_at": "2026-01-01T05:00:00+05:00"}}),
            json!({"schedule": {"timezone": "Asia/Karachi", "days": ["mon", "fri"], "from": "22:00", "to": "06:00", "starts_at": "2026-01-01T00:00:00Z", "ends_at": null}}),
        ),
    ] {
        let link = app.link(rule(&given)).await;
        assert_eq!(link["rules"], json!([{"when": shown, "url": "https://example.com/rule"}]), "{given}");
        let path = format!("/links/{}", link["id"].as_str().expect("an id"));
        let again = app
            .patch(&path, json!({"rules": link["rules"], "variants": link["variants"], "preview": link["preview"]}))
            .await
            .is(200);
        assert_eq!(again, link, "what is shown can be sent back");
        assert_eq!(app.get(&path).await.is(200), link);
    }
}

#[tokio::test]
async fn conditions_have_one_spelling() {
    one_spelling(App::start().await).await;
}

#[tokio::test]
async fn conditions_have_one_spelling_on_postgres() {
    one_spelling(App::on_postgres(&[]).await).await;
}

async fn faults(app: App) {
    let long = "x".repeat(51);
    for (when, field, message) in [
        (json!({}), "", "Must name at least one condition"),
        (json!({"device": []}), "", "Must name at least one condition"),
        (json!([]), "", "Must be an object"),
        (json!({"country": ["PAK"]}), ".country[0]", "Must be a two-letter country code (ISO 3166-1 alpha-2)"),
        (json!({"country": ["PK", "P1"]}), ".country[1]", "Must be a two-letter country code (ISO 3166-1 alpha-2)"),
        (json!({"country": ["EU"]}), ".country[0]", "Must be a two-letter country code (ISO 3166-1 alpha-2)"),
        (json!({"device": ["phone"]}), ".device[0]", "Must be one of desktop, mobile, tablet, tv, console, other"),
        (json!({"os": [""]}), ".os[0]", "Must be 1 to 50 characters"),
        (json!({"browser": [long]}), ".browser[0]", "Must be 1 to 50 characters"),
        (json!({"language": ["pt_BR"]}), ".language[0]", "Must be a language such as pt or pt-BR (RFC 4647)"),
        (json!({"Country": ["PK"], "device": ["tv"]}), ".Country", "Unknown field; did you mean country?"),
        (
            json!({"schedule": {"timezone": "Mars/Base"}}),
            ".schedule.timezone",
            "Must be the IANA name of a time zone, such as Asia/Karachi",
        ),
        (
            json!({"schedule": {"days": ["someday"]}}),
            ".schedule.days[0]",
            "Must be one of mon, tue, wed, thu, fri, sat, sun",
        ),
        (json!({"schedule": {"from": "24:00"}}), ".schedule.from", "Must be a time of day such as 09:30"),
        (json!({"schedule": {"to": "9:00"}}), ".schedule.to", "Must be a time of day such as 09:30"),
        (
            json!({"schedule": {"starts_at": "monday"}}),
            ".schedule.starts_at",
            "Must be an RFC 3339 timestamp such as 2026-03-24T14:00:00Z",
        ),
        (json!({"schedule": {"timeZone": "UTC"}}), ".schedule.timeZone", "Unknown field; did you mean timezone?"),
    ] {
        let error = app.post("/links", rule(&when)).await.is(422)["error"].clone();
        assert_eq!(error["details"], json!([{"field": format!("rules[0].when{field}"), "message": message}]), "{when}");
    }
    // NUL is what PostgreSQL cannot keep: refused or kept, and never a defect.
    for body in [
        rule(&json!({"os": ["a\u{0}b"]})),
        rule(&json!({"browser": ["\u{0}"]})),
        json!({"url": URL, "password": "\u{0}"}),
    ] {
        let answer = app.post("/links", body).await;
        assert!([201, 422].contains(&answer.status), "{}", answer.text);
    }
}

#[tokio::test]
async fn each_fault_of_a_rule_has_its_path() {
    faults(App::start().await).await;
}

#[tokio::test]
async fn each_fault_of_a_rule_has_its_path_on_postgres() {
    faults(App::on_postgres(&[]).await).await;
}

#[tokio::test]
async fn faults_of_several_are_told_at_once() {
    let app = App::start().await;
    let circle = "Must not be a short link of this service: that could lead in a circle";
    let body = json!({
        "url": URL,
        "rules": [{"when": {"device": ["tv"]}, "url": "https://localhost/spring"}, {"when": {"device": ["x"]}, "url": "x"}, {}, 3],
        "variants": [{"url": "https://localhost/spring", "weight": 1}, {"url": "http://example.com", "weight": 10001}, {"weight": -1, "url": URL, "name": "b"}],
        "preview": {"title": "x".repeat(256), "description": "a\u{7}", "image_url": "http://example.com", "image": "x"},
    });
    let answer = app.post("/links", body).await;
    assert_eq!(
        answer.fields(),
        [
            "rules[2].url",
            "rules[2].when",
            "rules[0].url",
            "rules[1].url",
            "rules[1].when.device[0]",
            "rules[3]",
            "variants[0].url",
            "variants[1].url",
            "variants[1].weight",
            "variants[2].weight",
            "variants[2].name",
            "preview.title",
            "preview.description",
            "preview.image_url",
            "preview.image",
        ],
        "what is missing comes first"
    );
    let error = answer.is(400)["error"].clone();
    assert_eq!(
        (error["details"][2]["message"].as_str(), error["details"][6]["message"].as_str()),
        (Some(circle), Some(circle))
    );
}
