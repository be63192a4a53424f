//! The shape in which subscriptions are told: that which each was made with, whatever others asked for.

use std::sync::Arc;

use mask_core::{
    event::EventKind,
    id::EventId,
    time::Time,
    webhook::{Content, PayloadVersion},
};
use mask_store::{
    By, Claimed, Deed, Delivery, Event, Expected, Happening, NewWebhook, Once, ShownChange, Store, Tell, TestEvent,
    Wanted,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, at, batch, fact, make, new_link},
    webhooks::{content, deliveries, subscribe, told, webhook_id},
};

on_every_backend!(each_is_told_in_its_own, what_waits_stays_as_it_was_told, a_version_is_kept,);

/// Says the version, and what it is about.
#[derive(Debug)]
struct Versions;

impl Tell for Versions {
    fn now(&self) -> Time {
        at(500)
    }

    fn body(&self, event: &Event<'_>) -> String {
        let about = match &event.happening {
            Happening::Link(link) => link.slug.to_string(),
            _ => "a visit".to_owned(),
        };
        format!("{} in {}", about, event.version)
    }

    fn change(&self, _: &Deed<'_>, _: Time) -> ShownChange {
        ShownChange::default()
    }
}

fn telling(backend: &Backend) -> Store {
    backend.store.clone().telling(Arc::new(Versions))
}

/// A version that this program does not offer yet.
const NEXT: PayloadVersion = PayloadVersion::stored(2);

fn wanting(version: PayloadVersion) -> Content {
    Content { payload_version: version, ..content(&[EventKind::LinkCreated, EventKind::LinkClicked]) }
}

async fn claim_all(store: &Store) -> Vec<Claimed> {
    let endpoints = store.endpoints().await.expect("the store works");
    let wanted = endpoints
        .iter()
        .map(|endpoint| Wanted { webhook: endpoint.number, version: endpoint.webhook.version, most: 100 })
        .collect();
    store.claim_deliveries(wanted, at(1000), at(2000)).await.expect("the store works")
}

async fn each_is_told_in_its_own(backend: &Backend) {
    let store = telling(backend);
    for (n, version) in [(1, PayloadVersion::FIRST), (2, NEXT), (3, PayloadVersion::FIRST)] {
        subscribe(&store, LIVE, n, wanting(version)).await;
    }
    let link = make(&store, LIVE, new_link(1, "spring")).await;
    let visits = batch("node", None, 100, vec![fact(LIVE, link.id, true), fact(LIVE, link.id, true)]);
    store.count_clicks(visits, None).await.expect("the store works");
    for (n, version) in [(1, 1), (2, 2), (3, 1)] {
        let expected = ["spring", "a visit", "a visit"].map(|about| format!("{about} in {version}"));
        assert_eq!(told(&store, LIVE, webhook_id(n)).await, expected);
    }
    let events = async |n| {
        let told = deliveries(&store, LIVE, webhook_id(n)).await;
        told.iter().map(|delivery: &Delivery| delivery.event).collect::<Vec<EventId>>()
    };
    let first = events(1).await;
    assert_eq!((&events(2).await, &events(3).await), (&first, &first), "they are the same events");
    let versions: Vec<_> = deliveries(&store, LIVE, webhook_id(2)).await.iter().map(|told| told.version).collect();
    assert_eq!(versions, [NEXT; 3]);
    for claimed in claim_all(&store).await {
        assert!(claimed.body.ends_with(&format!(" in {}", claimed.version)), "{claimed:?}");
    }
}

async fn what_waits_stays_as_it_was_told(backend: &Backend) {
    let store = telling(backend);
    let webhook = subscribe(&store, LIVE, 1, wanting(PayloadVersion::FIRST)).await;
    make(&store, LIVE, new_link(1, "spring")).await;
    let ask = |content: &mut Content| content.payload_version = NEXT;
    let changed = store.update_webhook(LIVE, webhook.id, Expected::AnyVersion, ask, at(5), None).await;
    assert!(matches!(changed, Ok(Once::Done(Ok(webhook))) if webhook.content.payload_version == NEXT));
    make(&store, LIVE, new_link(2, "summer")).await;
    let claimed: Vec<_> = claim_all(&store).await.into_iter().map(|told| (told.body, told.version)).collect();
    let expected = [("spring in 1".to_owned(), PayloadVersion::FIRST), ("summer in 2".to_owned(), NEXT)];
    assert_eq!(claimed, expected);
    let first = deliveries(&store, LIVE, webhook.id).await[0].id;
    store.replay_delivery(LIVE, first, at(10), None).await.expect("the store works");
    let again = claim_all(&store).await;
    assert_eq!((again[0].body.as_str(), again[0].version), ("spring in 1", PayloadVersion::FIRST), "replayed too");
}

async fn a_version_is_kept(backend: &Backend) {
    let store = telling(backend);
    let new = NewWebhook { id: webhook_id(1), content: wanting(NEXT), now: at(1) };
    store.create_webhook(LIVE, new, None).await.expect("the store works");
    let read = store.webhook_by_id(LIVE, webhook_id(1)).await.expect("the store works").expect("it is there");
    assert_eq!(read.content.payload_version, NEXT);
    let (id, kind, body) = (EventId::from_bits(5), EventKind::LinkClicked, "a test".to_owned());
    let event = TestEvent { id, kind, version: NEXT, body };
    store.tell_one(By::from(LIVE), webhook_id(1), event, at(9), None).await.expect("the store works");
    assert_eq!(deliveries(&store, LIVE, webhook_id(1)).await[0].version, NEXT);
}
