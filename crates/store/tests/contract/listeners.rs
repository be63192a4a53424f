//! Listeners: subscriptions that somebody pulls from.

use mask_core::{event::EventKind, id::WebhookId, time::Time, workspace::Owner};
use mask_store::{Attempt, Claimed, Store, Unsubscribed};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, at, make, new_link},
    webhooks::{content, subscribe, telling, webhook_id},
};

on_every_backend!(
    what_is_pulled_is_the_pullers_until_it_is_reported,
    a_listener_is_no_webhook,
    what_nobody_pulls_from_is_forgotten,
);

/// A store that tells, and a listener that hears of new links.
async fn listening(backend: &Backend) -> Store {
    let store = telling(backend);
    let without_address = mask_core::webhook::Content { url: String::new(), ..content(&[EventKind::LinkCreated]) };
    subscribe(&store, LIVE, 1, without_address).await;
    store
}

/// Pulls for a minute from now.
async fn pull(store: &Store, owner: Owner, id: WebhookId, now: Time) -> Result<Vec<Claimed>, Unsubscribed> {
    let until = now.after(std::time::Duration::from_mins(1));
    let pulled = store.pull_deliveries(owner, id, 10, now, until).await.expect("the store works");
    pulled.map(|(_, claimed)| claimed)
}

async fn report(store: &Store, owner: Owner, claimed: &Claimed, status: u16) -> Result<bool, Unsubscribed> {
    let attempt = Attempt { at: at(20), duration_ms: 0, status: Some(status), failure: None, head: None, body: None };
    let done = store.report_delivery(owner, webhook_id(1), claimed.id, status < 300, attempt).await;
    done.expect("the store works")
}

async fn what_is_pulled_is_the_pullers_until_it_is_reported(backend: &Backend) {
    let store = listening(backend).await;
    make(&store, LIVE, new_link(1, "spring")).await;
    make(&store, LIVE, new_link(2, "summer")).await;
    assert_eq!(pull(&store, OTHER, webhook_id(1), at(10)).await, Err(Unsubscribed::Absent));
    assert_eq!(pull(&store, LIVE, webhook_id(2), at(10)).await, Err(Unsubscribed::Absent));
    let mut pulled = pull(&store, LIVE, webhook_id(1), at(10)).await.expect("a listener");
    pulled.sort_by_key(|claimed| claimed.number);
    let told: Vec<_> = pulled.iter().map(|claimed| claimed.body.as_str()).collect();
    assert_eq!(told, ["link.created spring 1", "link.created summer 1"]);
    assert_eq!(pull(&store, LIVE, webhook_id(1), at(11)).await, Ok(Vec::new()));
    for (owner, now, is_due) in [(LIVE, at(11), false), (LIVE, at(71), true), (OTHER, at(71), false)] {
        assert_eq!(store.is_listener_due(owner, webhook_id(1), now).await.expect("the store works"), is_due);
    }
    assert_eq!(report(&store, OTHER, &pulled[0], 200).await, Err(Unsubscribed::Absent));
    assert_eq!(report(&store, LIVE, &pulled[0], 200).await, Ok(true));
    assert_eq!(report(&store, LIVE, &pulled[0], 200).await, Ok(false), "it is over");
    // The other one was not reported in time; an answer that is no success ends it as well.
    let again = pull(&store, LIVE, webhook_id(1), at(71)).await.expect("a listener");
    assert_eq!(again.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), [pulled[1].id]);
    assert_eq!(report(&store, LIVE, &again[0], 500).await, Ok(true));
    assert_eq!(pull(&store, LIVE, webhook_id(1), at(200)).await, Ok(Vec::new()));
}

async fn a_listener_is_no_webhook(backend: &Backend) {
    let store = listening(backend).await;
    make(&store, LIVE, new_link(1, "spring")).await;
    assert_eq!(store.endpoints().await.expect("the store works"), [], "nobody delivers to it");
    assert_eq!(store.webhook_by_id(LIVE, webhook_id(1)).await.expect("the store works"), None);
    assert_eq!(store.list_webhooks(LIVE, None, 10).await.expect("the store works").rows, []);
    assert!(!store.delete_listener(OTHER, webhook_id(1), at(900)).await.expect("the store works"));
    assert!(store.delete_listener(LIVE, webhook_id(1), at(900)).await.expect("the store works"));
    assert!(!store.delete_listener(LIVE, webhook_id(1), at(900)).await.expect("the store works"));
    subscribe(&store, LIVE, 2, content(&[EventKind::LinkCreated])).await;
    assert!(
        !store.delete_listener(LIVE, webhook_id(2), at(900)).await.expect("the store works"),
        "a webhook is no listener"
    );
}

async fn what_nobody_pulls_from_is_forgotten(backend: &Backend) {
    let store = listening(backend).await;
    subscribe(&store, LIVE, 2, content(&[EventKind::LinkCreated])).await;
    pull(&store, LIVE, webhook_id(1), at(700)).await.expect("a listener");
    assert_eq!(store.forget_listeners(at(700), at(900)).await.expect("the store works"), 0);
    assert_eq!(store.forget_listeners(at(701), at(900)).await.expect("the store works"), 1);
    assert_eq!(pull(&store, LIVE, webhook_id(1), at(702)).await, Err(Unsubscribed::Absent));
    assert!(store.webhook_by_id(LIVE, webhook_id(2)).await.expect("the store works").is_some());
}
