//! Endpoints that never answer, by the thousand, delay nobody else: neither in their own workspace nor in others.

use reqwest::Method;
use serde_json::{Value, json};

use super::{HERE, SECRET, new_link, path, subscribe};
use crate::{
    harness::{Answer, App},
    hostile::raise_file_limit,
    receiver::{Manner, Receiver},
};

/// No attempt comes to its end while a test has patience, so what waited for one would never come.
const PATIENT: [(&str, &str); 3] = [HERE[0], HERE[1], ("outbound.timeout_ms", "60000")];

/// Somebody with a key.
struct Tenant<'a> {
    app: &'a App,
    key: String,
}

impl<'a> Tenant<'a> {
    async fn of(app: &'a App, workspace: i64) -> Self {
        Self { app, key: app.key_of_workspace(workspace, "all", false).await }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.app.api_as(&self.key, Method::POST, path).json(&body)).await
    }

    async fn subscribe(&self, url: &str) {
        let wanted = json!({"url": url, "events": ["link.created"], "secret": SECRET});
        self.post("/webhooks", wanted).await.is(201);
    }

    async fn subscribe_many(&self, receiver: &Receiver, count: usize) {
        for n in 0..count {
            self.subscribe(&format!("{}/{n}", receiver.url)).await;
        }
    }

    async fn bulk(&self, prefix: &str) {
        let links = (0..3).map(|n| json!({"url": "https://example.com/", "slug": format!("{prefix}-{n}")}));
        self.post("/links/bulk", json!({"links": links.collect::<Vec<_>>()})).await.is(200);
    }

    async fn link(&self, slug: &str) {
        self.post("/links", json!({"url": "https://example.com/", "slug": slug})).await.is(201);
    }
}

async fn next_slug(receiver: &mut Receiver) -> String {
    receiver.next().await.json()["data"]["slug"].as_str().expect("a slug").to_owned()
}

async fn takes(receiver: &mut Receiver, count: usize) {
    for _ in 0..count {
        receiver.next().await;
    }
}

#[tokio::test]
async fn a_thousand_that_never_answer_delay_nobody_of_their_workspace() {
    raise_file_limit();
    let app = App::with(&PATIENT).await;
    let (mut dead, mut well) = (Receiver::that(|_| Manner::Stalls).await, Receiver::start().await);
    let tenant = Tenant::of(&app, 1).await;
    tenant.subscribe_many(&dead, 999).await;
    tenant.subscribe(&well.url).await;
    tenant.bulk("bulk").await;
    takes(&mut well, 3).await;
    takes(&mut dead, 999).await;
    tenant.link("probe").await;
    assert_eq!(next_slug(&mut well).await, "probe");
    assert!(!dead.has_more(), "each holds one slot, which is its own");
}

#[tokio::test]
async fn thousands_that_never_answer_delay_no_other_workspace() {
    raise_file_limit();
    let app = App::with(&PATIENT).await;
    let (mut dead, mut well) = (Receiver::that(|_| Manner::Stalls).await, Receiver::start().await);
    let (first, second, third) = (Tenant::of(&app, 2).await, Tenant::of(&app, 3).await, Tenant::of(&app, 4).await);
    for (tenant, prefix) in [(&first, "first"), (&second, "second")] {
        tenant.subscribe_many(&dead, 1000).await;
        tenant.bulk(prefix).await;
        takes(&mut dead, 1000).await;
    }
    third.subscribe(&well.url).await;
    for slug in ["probe-0", "probe-1"] {
        third.link(slug).await;
        assert_eq!(next_slug(&mut well).await, slug);
    }
    assert!(!dead.has_more(), "all of it while the others were still to answer");
}

#[tokio::test]
async fn hundreds_that_never_answer_delay_nobody_else() {
    let app = App::with(&HERE).await;
    let stalled = Receiver::that(|_| Manner::Stalls).await;
    let mut first = Value::Null;
    for n in 0..600 {
        let webhook = subscribe(&app, &stalled, json!({"url": format!("{}/{n}", stalled.url)})).await;
        first = if n == 0 { webhook } else { first };
    }
    let (mut well, mut theirs) = (Receiver::start().await, Receiver::start().await);
    subscribe(&app, &well, json!({})).await;
    let other = Tenant::of(&app, 2).await;
    other.subscribe(&theirs.url).await;
    for slug in ["spring", "summer", "autumn"] {
        new_link(&app, slug).await;
        well.next().await;
        other.link(&format!("their-{slug}")).await;
        theirs.next().await;
    }
    let logged = app.get(&path(&first, "/deliveries")).await.is(200);
    let attempts: Vec<_> = logged["data"].as_array().expect("a list").iter().map(|one| &one["attempts"]).collect();
    assert_eq!(attempts, [0, 0, 0], "all of it while the others were still to answer");
}
