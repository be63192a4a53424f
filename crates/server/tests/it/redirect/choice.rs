//! One link, several destinations: rules, devices, variants, and the page for link previews.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{HERE, id, location};
use crate::harness::{Answer, App, BROWSER};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

async fn sent_to(app: &App, path: &str, user_agent: &str, language: &str) -> String {
    let request = app.client.get(format!("{}{path}", app.base)).header("user-agent", user_agent);
    let answer = Answer::of(request.header("accept-language", language)).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer.header("location").to_owned()
}

fn rule(when: &Value, name: &str) -> Value {
    json!({"when": when, "url": format!("https://example.com/{name}")})
}

#[tokio::test]
async fn rules_in_their_order() {
    let app = App::start().await;
    let rules = [
        rule(&json!({"country": ["PK", "US"]}), "country"),
        rule(&json!({"language": ["de"], "device": ["mobile"]}), "german-mobile"),
        rule(&json!({"language": ["de", "fr-CA"]}), "language"),
        rule(&json!({"os": ["iOS"]}), "ios"),
        rule(&json!({"browser": ["firefox"]}), "firefox"),
        rule(&json!({"device": ["mobile", "tablet"]}), "mobile"),
    ];
    app.link(
        json!({"url": HERE, "slug": "by-rules", "rules": rules, "ios_target": "app://never", "utm_source": "mail"}),
    )
    .await;
    for (user_agent, language, name) in [
        (BROWSER, "en", "here"),
        (BROWSER, "", "here"),
        (BROWSER, "de-AT,en;q=0.5", "language"),
        (BROWSER, "en,de;q=0.9", "here"),
        (BROWSER, "fr", "here"),
        (BROWSER, "fr-CA", "language"),
        (BROWSER, "de;q=0.1,fr-CA;q=0.8", "language"),
        (ANDROID, "de", "german-mobile"),
        (IPHONE, "en", "ios"),
        (FIREFOX, "en", "firefox"),
        (ANDROID, "en", "mobile"),
    ] {
        let wanted = format!("https://example.com/{name}?utm_source=mail&x=1");
        assert_eq!(sent_to(&app, "/by-rules?x=1", user_agent, language).await, wanted, "{user_agent} {language}");
    }
}

#[tokio::test]
async fn a_rule_for_some_hours() {
    let app = App::start().await;
    let schedule = json!({"timezone": "Asia/Karachi", "days": ["tue"], "from": "19:01", "to": "20:00"});
    app.link(json!({"url": HERE, "slug": "by-hours", "rules": [rule(&json!({"schedule": schedule}), "open")]})).await;
    // It is 19:00:14 in Karachi, on a Tuesday.
    for (wait, name) in [
        (0, "here"),
        (45, "here"),
        (1, "open"),
        (3539, "open"),
        (1, "here"),
        (6 * 86_400, "here"),
        (86_400 - 3540, "open"),
    ] {
        app.wait(wait);
        assert_eq!(
            location(&app, "/by-hours").await,
            format!("https://example.com/{name}"),
            "after {wait} more seconds"
        );
    }
}

#[tokio::test]
async fn targets_of_devices() {
    let app = App::start().await;
    let link = json!({"url": HERE, "slug": "by-device", "ios_target": "https://apps.apple.com/app/id1?mt=8", "android_target": "market://details?id=x y&z=é", "utm_source": "mail"});
    let made = app.post("/links", link.clone()).await;
    let link = if made.status == 201 {
        made.json()
    } else {
        let mut link = link;
        link["android_target"] = "market://details?id=x&z=1".into();
        app.link(link).await
    };
    assert_eq!(
        sent_to(&app, "/by-device?a=1", IPHONE, "en").await,
        "https://apps.apple.com/app/id1?mt=8&utm_source=mail&a=1"
    );
    assert_eq!(
        sent_to(&app, "/by-device?a=1", ANDROID, "en").await,
        link["android_target"].as_str().expect("a target"),
        "an app's address is left alone"
    );
    assert_eq!(sent_to(&app, "/by-device", BROWSER, "en").await, "https://example.com/here?utm_source=mail");
    app.patch(&format!("/links/{}", id(&link)), json!({"ios_target": null})).await.is(200);
    assert_eq!(sent_to(&app, "/by-device", IPHONE, "en").await, "https://example.com/here?utm_source=mail");
}

#[tokio::test]
async fn variants_stick_and_keep_to_their_weights() {
    let mut app = App::with(&[("proxy.trusted", "127.0.0.1")]).await;
    let variants = [1, 0, 3].map(|weight| json!({"url": format!("https://example.com/w{weight}"), "weight": weight}));
    app.link(json!({"url": HERE, "slug": "split-test", "variants": variants})).await;
    let visitors: Vec<_> = (0..400).map(|number| format!("203.0.{}.{}", number / 200, number % 200 + 1)).collect();
    let mut before = HashMap::new();
    for round in 0..2 {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for visitor in &visitors {
            let answer = Answer::of(app.visit("/split-test").header("x-forwarded-for", visitor)).await;
            let place = answer.header("location").to_owned();
            *counts.entry(place.clone()).or_default() += 1;
            assert_eq!(before.entry(visitor.clone()).or_insert_with(|| place.clone()), &place, "round {round}");
        }
        // Of 400 by chance of 1 in 4: six standard deviations are 52.
        assert_eq!(counts.len(), 2);
        assert!(counts["https://example.com/w1"].abs_diff(100) < 52, "{counts:?}");
        app.restart().await;
    }
}

#[tokio::test]
async fn a_crawler_is_shown_a_preview() {
    let app = App::start().await;
    let preview = json!({"title": "Spring <sale>", "description": "All \"half\" price", "image_url": "https://example.com/a.png"});
    let link = app.link(json!({"url": HERE, "slug": "with-preview", "preview": preview})).await;
    app.link(json!({"url": HERE, "slug": "no-preview"})).await;
    app.link(
        json!({"url": "https://example.com/secret", "slug": "locked-one", "preview": preview, "password": "sesame"}),
    )
    .await;
    for agent in [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "facebookexternalhit/1.1",
        "Twitterbot/1.0",
        "WhatsApp/2.23.20.0",
    ] {
        let visit = |path: &str| app.client.get(format!("{}{path}", app.base)).header("user-agent", agent);
        let page = Answer::of(visit("/with-preview")).await;
        assert_eq!(
            (page.status, page.header("content-type"), page.header("location")),
            (200, "text/html; charset=utf-8", ""),
            "{agent}"
        );
        for part in [
            "property=\"og:title\" content=\"Spring &#60;sale&#62;\"",
            "https://example.com/a.png",
            "All &#34;half&#34; price",
            HERE,
        ] {
            assert!(page.text.contains(part), "{part} is not in {}", page.text);
        }
        assert_eq!(Answer::of(visit("/no-preview")).await.status, 302);
        let locked = Answer::of(visit("/locked-one")).await;
        assert!(locked.text.contains("og:title") && !locked.text.contains("example.com/secret"), "{}", locked.text);
    }
    let head = app.client.head(format!("{}/with-preview", app.base)).header("user-agent", "Slackbot 1.0");
    assert!(Answer::of(head).await.text.is_empty());
    assert_eq!(location(&app, "/with-preview").await, HERE, "people are sent on");
    app.settle().await;
    assert_eq!(app.get(&format!("/links/{}", id(&link))).await.is(200)["clicks"], 1);
}
