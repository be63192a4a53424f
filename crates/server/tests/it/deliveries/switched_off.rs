//! Webhooks that are switched off, and those who are told of it; and how many deliveries wait, which is where it begins to show.

use mask_core::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{DAY, HERE, new_link, path, subscribe, tried, until};
use crate::{
    harness::{Answer, App},
    people::{ADA, ada, person},
    postbox::Postbox,
    receiver::{Manner, Receiver},
    subscribers::{app_with, mailing},
};

/// An app that mails to this server.
async fn mailing_app(postbox: &Postbox) -> App {
    let here = HERE.iter().map(|(name, value)| (*name, (*value).to_owned()));
    app_with(&mailing(postbox).into_iter().chain(here).collect::<Vec<_>>()).await
}

async fn is_off(app: &App, webhook: &Value) -> Value {
    let read = async || app.get(&path(webhook, "")).await.is(200);
    until("the webhook is off", async || read().await["active"] == false).await;
    read().await
}

/// The last line of the log of changes about a webhook.
async fn last_line(app: &App, webhook: &Value) -> Value {
    let id = webhook["id"].as_str().expect("an id");
    app.get(&format!("/audit-log?object={id}&limit=1")).await.is(200)["data"][0].clone()
}

#[tokio::test]
async fn five_days_of_nothing_but_failure_switch_off_and_owners_are_told() {
    let mut postbox = Postbox::start().await;
    let app = mailing_app(&postbox).await;
    ada(&app).await;
    person(&app, "eve@example.com", "Eve", Role::Admin).await;
    person(&app, "grace@example.com", "Grace Hopper", Role::Owner).await;
    let mut receiver = Receiver::that(|_| Manner::Status(500)).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "first").await;
    receiver.next().await;
    tried(&app, &webhook, 1).await;
    let failing = app.get(&path(&webhook, "")).await.is(200);
    assert_eq!((&failing["active"], &failing["failing_since"]), (&json!(true), &json!("2026-03-24T14:00:14Z")));
    app.wait(5 * DAY);
    receiver.next().await;
    tried(&app, &webhook, 2).await;
    new_link(&app, "later").await;
    for attempts in 1..=5 {
        tried(&app, &webhook, attempts).await;
        assert_eq!(app.get(&path(&webhook, "")).await.is(200)["active"], true, "it is tried again after {attempts}");
        assert!(!postbox.has_more());
        app.wait(700);
    }
    for _ in 0..10 {
        receiver.next().await;
    }
    let off = is_off(&app, &webhook).await;
    assert_eq!(off["inactive_reason"], "failing");

    let line = last_line(&app, &webhook).await;
    assert_eq!((&line["action"], &line["actor"]["type"]), (&json!("webhook.switched_off"), &json!("system")));
    assert_eq!((&line["before"]["active"], &line["after"]["active"]), (&json!(true), &json!(false)));
    assert_eq!(line["after"]["inactive_reason"], "failing");
    let mut letters = [postbox.next().await, postbox.next().await];
    letters.sort_by(|one, other| one.to.cmp(&other.to));
    assert_eq!(letters.each_ref().map(|letter| letter.to.as_str()), [ADA, "grace@example.com"], "owners, and no admin");
    for letter in letters {
        let text = letter.message.replace("=\r\n", "");
        assert_eq!(letter.header("Subject"), "A webhook of Default is switched off");
        assert!(text.contains("for 5 days") && text.contains("127.0.0.1"), "{text}");
        assert!(text.contains(webhook["id"].as_str().expect("an id")) && !text.contains("/hook"), "{text}");
    }
    new_link(&app, "second").await;
    app.wait(DAY);
    app.settle().await;
    assert!(!postbox.has_more() && !receiver.has_more(), "it is said once, and what is off is left alone");
}

#[tokio::test]
async fn gone_switches_off_at_once_and_owners_are_told() {
    let mut postbox = Postbox::start().await;
    let app = mailing_app(&postbox).await;
    ada(&app).await;
    let test_key = app.key_for("all", true).await;
    let mut receiver = Receiver::that(|_| Manner::Status(410)).await;
    let as_test = |path: &str, body: Value| Answer::of(app.api_as(&test_key, Method::POST, path).json(&body));
    as_test("/webhooks", json!({"url": receiver.url, "events": ["link.created"]})).await.is(201);
    as_test("/links", json!({"url": "https://example.com/"})).await.is(201);
    receiver.next().await;
    let letter = postbox.next().await;
    assert_eq!(letter.to, ADA);
    let text = letter.message.replace("=\r\n", "");
    assert!(text.contains("410 Gone") && text.contains("test environment"), "{text}");
}

#[tokio::test]
async fn without_mail_the_log_says_it() {
    let app = App::with(&HERE).await;
    ada(&app).await;
    let mut receiver = Receiver::that(|_| Manner::Status(410)).await;
    let webhook = subscribe(&app, &receiver, json!({})).await;
    new_link(&app, "first").await;
    receiver.next().await;
    is_off(&app, &webhook).await;
    assert_eq!(last_line(&app, &webhook).await["after"]["inactive_reason"], "gone");
    let outgoing = app.server().store.outgoing_letters().await.expect("a store");
    assert_eq!(outgoing.waiting, 0, "nobody would ever take it");
}
