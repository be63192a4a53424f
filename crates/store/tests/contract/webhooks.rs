//! Subscriptions, and what is written for them when something happens.

use std::sync::{Arc, Mutex};

use mask_core::{
    actor::Actor,
    change::Change,
    event::{EventKind, EventKinds},
    id::{self, DeliveryId, EventId, WebhookId},
    link::Link,
    time::Time,
    webhook::{Content, Filter, Inactive, MOST_WEBHOOKS, PayloadVersion, Webhook},
    workspace::Owner,
};
use mask_store::{
    By, Deed, Delivery, DeliveryFilter, Event, Expected, Happening, Keep, Kept, NewWebhook, Once, ShownChange, Store,
    Tell, TestEvent, Unsubscribed,
};

use crate::{
    backend::{Backend, on_every_backend},
    deliveries::{claim, number},
    sample::{DOMAIN, LIVE, OTHER, TEST, at, batch, fact, keep, link_id, make, new_link, new_link_with, place, tags},
};

on_every_backend!(
    one_is_made_and_reads_back,
    each_owner_has_its_own,
    pages,
    there_is_an_end_to_them,
    changes,
    one_that_is_switched_on_again_begins_anew,
    deletions,
    what_was_for_one_is_never_anothers,
    every_change_of_a_link_is_told_in_its_transaction,
    what_fails_is_not_told,
    many_at_once_are_told_one_by_one,
    upserts_are_told_as_what_they_are,
    only_those_who_want_to_know_are_told,
    visits_are_told_with_their_batch,
    history_is_told_of_now,
    one_alone_is_told_for_a_test,
    whoever_waits_is_woken,
);

/// Tells as briefly as can be, and remembers what it was asked to tell.
#[derive(Debug, Default)]
pub(crate) struct Brief {
    told: Mutex<Vec<String>>,
}

impl Tell for Brief {
    fn now(&self) -> Time {
        at(500)
    }

    fn body(&self, event: &Event<'_>) -> String {
        let about = match &event.happening {
            Happening::Link(link) => format!("{} {}", link.slug, link.version),
            Happening::Page(page) => page.id.to_string(),
            Happening::Domain(domain) => domain.name.to_string(),
            Happening::Visit { fact, link, code, is_unique } => {
                let id = fact.target.link().expect("a link");
                let code = code.map(|code| format!(" {code}")).unwrap_or_default();
                format!("{id} {:?} {is_unique:?}{code}", link.map(|link| link.slug.as_str()))
            }
            Happening::View { fact, page, is_unique } => {
                let id = fact.target.page().expect("a page");
                format!("{id} {:?} {is_unique:?}", page.map(|page| (page.slug.as_str(), page.title.as_str())))
            }
        };
        let body = format!("{} {about}", event.kind);
        self.told.lock().expect("nobody panics").push(body.clone());
        body
    }

    fn change(&self, _: &Deed<'_>, _: Time) -> ShownChange {
        ShownChange::default()
    }
}

/// The store, telling.
pub(crate) fn telling(backend: &Backend) -> Store {
    backend.store.clone().telling(Arc::new(Brief::default()))
}

pub(crate) fn webhook_id(n: u32) -> WebhookId {
    WebhookId::from_bits(id::at(at(i64::from(n)), u128::from(n)))
}

pub(crate) fn content(events: &[EventKind]) -> Content {
    Content {
        url: "https://example.com/hook".to_owned(),
        events: EventKinds::of(events),
        filter: Filter::default(),
        includes_bots: false,
        max_per_second: None,
        payload_version: PayloadVersion::FIRST,
        is_active: true,
        description: None,
        sealed: vec![1, 0, 255],
    }
}

fn new(n: u32, content: Content) -> NewWebhook {
    NewWebhook { id: webhook_id(n), content, now: at(i64::from(n)) }
}

/// The n-th subscription.
pub(crate) async fn subscribe(store: &Store, owner: Owner, n: u32, content: Content) -> Webhook {
    match store.create_webhook(owner, new(n, content), None).await.expect("the store works") {
        Once::Done(made) => made.expect("there are few"),
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

async fn change(
    store: &Store,
    id: WebhookId,
    expected: Expected,
    change: impl FnOnce(&mut Content) + Send + 'static,
) -> Result<Webhook, Unsubscribed> {
    match store.update_webhook(LIVE, id, expected, change, at(500), None).await.expect("the store works") {
        Once::Done(changed) => changed,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

/// All that was written for a subscription, oldest first.
pub(crate) async fn deliveries(store: &Store, owner: Owner, webhook: WebhookId) -> Vec<Delivery> {
    let listed = store.list_deliveries(owner, webhook, DeliveryFilter::default(), None, 1000).await;
    let mut rows = listed.expect("the store works").expect("a subscription").rows;
    rows.reverse();
    rows
}

/// What a subscription is told, oldest first.
pub(crate) async fn told(store: &Store, owner: Owner, webhook: WebhookId) -> Vec<String> {
    let mut bodies = Vec::new();
    for delivery in deliveries(store, owner, webhook).await {
        let found = store.delivery_by_id(owner, delivery.id).await.expect("the store works");
        bodies.push(found.expect("it was listed").1);
    }
    bodies
}

async fn one_is_made_and_reads_back(backend: &Backend) {
    let store = &backend.store;
    let full = Content {
        filter: Filter {
            links: vec![link_id(1), link_id(2)],
            tags: tags(&["a \"b\"", "ü"]),
            domains: vec![DOMAIN.to_owned()],
        },
        includes_bots: true,
        max_per_second: Some(1000),
        is_active: false,
        description: Some("a note".to_owned()),
        sealed: (0..=255).collect(),
        ..content(EventKind::ALL)
    };
    let made = subscribe(store, LIVE, 1, full.clone()).await;
    assert_eq!((made.id, made.owner, &made.content, made.version), (webhook_id(1), LIVE, &full, 1));
    assert_eq!(
        (made.created_at, made.updated_at, made.inactive_reason, made.failing_since),
        (at(1), at(1), None, None)
    );
    assert_eq!(store.webhook_by_id(LIVE, made.id).await.expect("the store works"), Some(made));
    let plain = subscribe(store, LIVE, 2, content(&[EventKind::QrScanned])).await;
    assert_eq!(store.webhook_by_id(LIVE, plain.id).await.expect("the store works"), Some(plain));

    let reply = |done: &Result<Webhook, Unsubscribed>| Kept { status: 201, body: vec![u8::from(done.is_ok())] };
    let asked = || -> Option<Keep<_>> { Some(keep("k", 1, reply)) };
    let once = store.create_webhook(LIVE, new(3, content(&[EventKind::LinkCreated])), asked()).await;
    assert!(matches!(once, Ok(Once::Done(Ok(_)))), "{once:?}");
    let again = store.create_webhook(LIVE, new(4, content(&[EventKind::LinkCreated])), asked()).await;
    assert_eq!(again.expect("the store works"), Once::Replayed(Kept { status: 201, body: vec![1] }));
    assert_eq!(store.webhook_by_id(LIVE, webhook_id(4)).await.expect("the store works"), None);
}

async fn each_owner_has_its_own(backend: &Backend) {
    let store = telling(backend);
    let made = subscribe(&store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    for owner in [TEST, OTHER] {
        assert_eq!(store.webhook_by_id(owner, made.id).await.expect("the store works"), None);
        assert_eq!(store.list_webhooks(owner, None, 10).await.expect("the store works").rows, []);
        let deleted = store.delete_webhook(owner, made.id, Expected::AnyVersion, at(900)).await;
        assert_eq!(deleted.expect("the store works"), Err(Unsubscribed::Absent));
        let changed = store.update_webhook(owner, made.id, Expected::AnyVersion, |_| {}, at(2), None).await;
        assert_eq!(changed.expect("the store works"), Once::Done(Err(Unsubscribed::Absent)));
        let filter = DeliveryFilter::default();
        assert!(store.list_deliveries(owner, made.id, filter, None, 1).await.expect("the store works").is_none());
        make(&store, owner, new_link(u32::try_from(owner.number()).expect("small"), &format!("of-{}", owner.number())))
            .await;
    }
    assert_eq!(told(&store, LIVE, made.id).await, Vec::<String>::new(), "what others do is nobody else's business");
    make(&store, LIVE, new_link(9, "mine")).await;
    assert_eq!(told(&store, LIVE, made.id).await, ["link.created mine 1"]);
}

async fn pages(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=5 {
        subscribe(store, LIVE, n, content(&[EventKind::LinkClicked])).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.list_webhooks(LIVE, after, 2).await.expect("the store works");
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows.iter().map(|webhook| webhook.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=5).map(webhook_id).collect::<Vec<_>>());
}

async fn there_is_an_end_to_them(backend: &Backend) {
    let (store, most) = (&backend.store, i64::try_from(MOST_WEBHOOKS).expect("few"));
    subscribe(store, LIVE, 1, content(&[EventKind::LinkClicked])).await;
    backend.place.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         INSERT INTO webhooks (id, owner, url, events, filter, includes_bots, payload_version, is_active, sealed, version, \
         created_at, updated_at) SELECT 'wh_' || i, owner, url, events, filter, includes_bots, payload_version, is_active, \
         sealed, version, created_at, updated_at FROM webhooks, n",
        most - 1
    ));
    let one_more = store.create_webhook(LIVE, new(2, content(&[EventKind::LinkClicked])), None).await;
    assert_eq!(one_more.expect("the store works"), Once::Done(Err(Unsubscribed::TooMany)));
    subscribe(store, TEST, 3, content(&[EventKind::LinkClicked])).await;
}

async fn changes(backend: &Backend) {
    let store = &backend.store;
    let made = subscribe(store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    let renamed =
        change(store, made.id, Expected::AnyVersion, |content| content.description = Some("x".to_owned())).await;
    let renamed = renamed.expect("it is there");
    assert_eq!((renamed.version, renamed.updated_at, renamed.created_at), (2, at(500), at(1)));
    assert_eq!(store.webhook_by_id(LIVE, made.id).await.expect("the store works").as_ref(), Some(&renamed));
    let same =
        change(store, made.id, Expected::OneOf(vec![2]), |content| content.description = Some("x".to_owned())).await;
    assert_eq!(same, Ok(renamed), "what changes nothing counts as no change");
    let stale = change(store, made.id, Expected::OneOf(vec![1]), |content| content.description = None).await;
    assert_eq!(stale, Err(Unsubscribed::Changed));
    assert_eq!(change(store, webhook_id(7), Expected::AnyVersion, |_| {}).await, Err(Unsubscribed::Absent));

    let reply = |done: &Result<Webhook, Unsubscribed>| Kept { status: 200, body: vec![u8::from(done.is_ok())] };
    for (turn, expected) in [(1_u8, 3), (2, 3)] {
        let seal = move |content: &mut Content| content.sealed = vec![turn];
        let keep = Some(keep("rotate", 1, reply));
        store.update_webhook(LIVE, made.id, Expected::AnyVersion, seal, at(600), keep).await.expect("the store works");
        let now = store.webhook_by_id(LIVE, made.id).await.expect("the store works").expect("it is there");
        assert_eq!((now.version, now.content.sealed), (expected, vec![1]), "once is once");
    }
}

async fn one_that_is_switched_on_again_begins_anew(backend: &Backend) {
    let store = &backend.store;
    let made = subscribe(store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    backend.place.sql("UPDATE webhooks SET is_active = FALSE, inactive_reason = 'failing', failing_since = 7000");
    let off = store.webhook_by_id(LIVE, made.id).await.expect("the store works").expect("it is there");
    assert_eq!((off.inactive_reason, off.failing_since), (Some(Inactive::Failing), Some(Time::from_unix_millis(7000))));
    let noted =
        change(store, made.id, Expected::AnyVersion, |content| content.description = Some("x".to_owned())).await;
    assert_eq!(noted.expect("it is there").inactive_reason, Some(Inactive::Failing), "this switches nothing on");
    let on =
        change(store, made.id, Expected::AnyVersion, |content| content.is_active = true).await.expect("it is there");
    assert_eq!((on.inactive_reason, on.failing_since), (None, None));
}

async fn deletions(backend: &Backend) {
    let store = telling(backend);
    let made = subscribe(&store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    make(&store, LIVE, new_link(1, "spring")).await;
    let delivery = deliveries(&store, LIVE, made.id).await[0].id;
    let delete = |expected| store.delete_webhook(LIVE, made.id, expected, at(900));
    assert_eq!(delete(Expected::OneOf(vec![2])).await.expect("the store works"), Err(Unsubscribed::Changed));
    assert_eq!(delete(Expected::OneOf(vec![1])).await.expect("the store works"), Ok(()));
    assert_eq!(delete(Expected::AnyVersion).await.expect("the store works"), Err(Unsubscribed::Absent));
    assert_eq!(store.webhook_by_id(LIVE, made.id).await.expect("the store works"), None);
    assert!(store.delivery_by_id(LIVE, delivery).await.expect("the store works").is_none(), "its log is gone with it");
    assert_eq!(store.endpoints().await.expect("the store works"), []);
    make(&store, LIVE, new_link(2, "summer")).await;
}

async fn what_was_for_one_is_never_anothers(backend: &Backend) {
    let store = telling(backend);
    let first = subscribe(&store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    make(&store, LIVE, new_link(1, "spring")).await;
    store
        .delete_webhook(LIVE, first.id, Expected::AnyVersion, at(900))
        .await
        .expect("the store works")
        .expect("it is there");
    let second = subscribe(&store, OTHER, 2, content(&[EventKind::LinkCreated])).await;
    assert_eq!(told(&store, OTHER, second.id).await, Vec::<String>::new(), "its number is no other's again");
    assert_eq!(store.endpoints().await.expect("the store works"), []);
    make(&store, OTHER, new_link(2, "summer")).await;
    store.forget_deliveries(at(0), 10).await.expect("the store works");
    assert_eq!(told(&store, OTHER, second.id).await, ["link.created summer 1"]);

    // Nor is an event, when all that are older were forgotten.
    backend.place.sql("DELETE FROM events");
    let third = subscribe(&store, LIVE, 3, content(&[EventKind::LinkCreated])).await;
    make(&store, LIVE, new_link(3, "autumn")).await;
    assert_eq!(told(&store, OTHER, second.id).await, Vec::<String>::new());
    assert_eq!(told(&store, LIVE, third.id).await, ["link.created autumn 1"]);
}

async fn rename(store: &Store, link: &Link, title: &str) {
    let change = Change { title: Some(Some(title.to_owned())), ..Change::default() };
    let changed = store.update_link(LIVE, link.id, Expected::AnyVersion, change, at(50)).await;
    changed.expect("the store works").expect("it is there");
}

async fn every_change_of_a_link_is_told_in_its_transaction(backend: &Backend) {
    let store = telling(backend);
    let all = subscribe(&store, LIVE, 1, content(EventKind::ALL)).await;
    let by = By { owner: LIVE, actor: Actor::System, request: Some("req_000000000001".to_owned()), country: None };
    let Once::Done(Ok(link)) = store.create_link(by, new_link(1, "spring"), None).await.expect("the store works")
    else {
        panic!("nothing stands in its way")
    };
    rename(&store, &link, "Spring").await;
    rename(&store, &link, "Spring").await;
    store
        .delete_link(LIVE, link.id, Expected::AnyVersion, false, at(60))
        .await
        .expect("the store works")
        .expect("it is there");
    let expected = ["link.created spring 1", "link.updated spring 2", "link.deleted spring 2"];
    assert_eq!(told(&store, LIVE, all.id).await, expected, "what changes nothing is nothing to tell");
    let written = deliveries(&store, LIVE, all.id).await;
    assert_eq!(written[0].request.as_deref(), Some("req_000000000001"));
    assert_eq!((written[0].attempts, written[0].next_attempt_at, written[0].created_at), (0, Some(at(1)), at(1)));
    assert_eq!(written[1].request, None);
    let events: std::collections::BTreeSet<EventId> = written.iter().map(|delivery| delivery.event).collect();
    assert_eq!(events.len(), 3);

    // Nobody is told by a store that only looks.
    make(&backend.store, LIVE, new_link(2, "summer")).await;
    assert_eq!(deliveries(&store, LIVE, all.id).await.len(), 3);
}

async fn what_fails_is_not_told(backend: &Backend) {
    let store = telling(backend);
    let all = subscribe(&store, LIVE, 1, content(EventKind::ALL)).await;
    let link = make(&store, LIVE, new_link(1, "spring")).await;
    place(&store, LIVE, new_link(2, "spring")).await.expect_err("it is taken");
    let stale = store.update_link(LIVE, link.id, Expected::OneOf(vec![9]), Change::default(), at(9)).await;
    stale.expect("the store works").expect_err("it is at another version");
    let absent = store.delete_link(LIVE, link_id(7), Expected::AnyVersion, false, at(9)).await;
    absent.expect("the store works").expect_err("there is none");
    assert_eq!(told(&store, LIVE, all.id).await, ["link.created spring 1"]);

    // An event that cannot be written takes the change back with it.
    backend.place.sql("ALTER TABLE events RENAME TO events_away");
    store.create_link(LIVE, new_link(3, "summer"), None).await.expect_err("it could not be told");
    backend.place.sql("ALTER TABLE events_away RENAME TO events");
    assert_eq!(store.link_by_id(LIVE, link_id(3)).await.expect("the store works"), None);
}

async fn many_at_once_are_told_one_by_one(backend: &Backend) {
    let store = telling(backend);
    let all = subscribe(&store, LIVE, 1, content(EventKind::ALL)).await;
    make(&store, LIVE, new_link(9, "taken")).await;
    let new = vec![new_link(1, "one1"), new_link(2, "taken"), new_link(3, "three")];
    store.create_links(LIVE, new, None).await.expect("the store works");
    let ids = vec![link_id(1), link_id(2), link_id(3)];
    let change = Change { title: Some(Some("x".to_owned())), ..Change::default() };
    store.update_links(LIVE, ids.clone(), change, at(20)).await.expect("the store works");
    store.delete_links(LIVE, ids, false, at(30)).await.expect("the store works");
    let expected = [
        "link.created taken 1",
        "link.created one1 1",
        "link.created three 1",
        "link.updated one1 2",
        "link.updated three 2",
        "link.deleted one1 2",
        "link.deleted three 2",
    ];
    assert_eq!(told(&store, LIVE, all.id).await, expected);
}

async fn upserts_are_told_as_what_they_are(backend: &Backend) {
    let store = telling(backend);
    let all = subscribe(&store, LIVE, 1, content(EventKind::ALL)).await;
    for n in 1..=3 {
        let new = new_link_with(n, &format!("slug-{n}"), |content| content.external_id = Some("mine".to_owned()));
        let title = if n == 1 { "first" } else { "second" };
        let change = Change { title: Some(Some(title.to_owned())), ..Change::default() };
        store.upsert_link(LIVE, Expected::AnyVersion, new, change).await.expect("the store works").expect("it is free");
    }
    assert_eq!(told(&store, LIVE, all.id).await, ["link.created slug-1 1", "link.updated slug-1 2"]);
}

async fn only_those_who_want_to_know_are_told(backend: &Backend) {
    let store = telling(backend);
    let created = &[EventKind::LinkCreated][..];
    let filtered = |filter| Content { filter, ..content(created) };
    let wishes = [
        ("all", content(created), 3),
        ("other events", content(&[EventKind::LinkDeleted, EventKind::LinkClicked]), 0),
        ("switched off", Content { is_active: false, ..content(created) }, 0),
        ("a link", filtered(Filter { links: vec![link_id(2)], ..Filter::default() }), 1),
        ("a tag", filtered(Filter { tags: tags(&["b", "c"]), ..Filter::default() }), 2),
        ("a domain", filtered(Filter { domains: vec![DOMAIN.to_owned()], ..Filter::default() }), 3),
        ("another domain", filtered(Filter { domains: vec!["x.example".to_owned()], ..Filter::default() }), 0),
        ("a tag of a link", filtered(Filter { links: vec![link_id(1)], tags: tags(&["c"]), ..Filter::default() }), 0),
    ];
    for (n, (_, content, _)) in (1..).zip(&wishes) {
        subscribe(&store, LIVE, n, content.clone()).await;
    }
    for (n, tag) in [(1, "a"), (2, "b"), (3, "c")] {
        make(&store, LIVE, new_link_with(n, &format!("slug-{n}"), |content| content.tags = tags(&[tag]))).await;
    }
    for (n, (what, _, expected)) in (1..).zip(&wishes) {
        assert_eq!(deliveries(&store, LIVE, webhook_id(n)).await.len(), *expected, "{what}");
    }
}

async fn visits_are_told_with_their_batch(backend: &Backend) {
    let store = telling(backend);
    let people = subscribe(&store, LIVE, 1, content(&[EventKind::LinkClicked])).await;
    let bots = Content { includes_bots: true, ..content(&[EventKind::LinkClicked, EventKind::QrScanned]) };
    let bots = subscribe(&store, LIVE, 2, bots).await;
    let tagged = Filter { tags: tags(&["spring"]), ..Filter::default() };
    let tagged = subscribe(&store, LIVE, 3, Content { filter: tagged, ..content(&[EventKind::LinkClicked]) }).await;
    let link = make(&store, LIVE, new_link_with(1, "spring", |content| content.tags = tags(&["spring"]))).await;
    let scan = mask_store::Fact { source: "qr", ..fact(LIVE, link.id, true) };
    let facts = vec![
        fact(LIVE, link.id, true),
        fact(LIVE, link.id, false),
        scan,
        fact(LIVE, link_id(8), true),
        fact(TEST, link.id, true),
    ];
    let visits = batch("node", None, 100, facts);
    for is_new in [true, false] {
        assert_eq!(store.count_clicks(Arc::clone(&visits), None).await.expect("the store works"), is_new);
    }
    let (spring, gone) = (format!("{} Some(\"spring\") None", link.id), format!("{} None None", link_id(8)));
    let clicked = |what: &str| format!("link.clicked {what}");
    assert_eq!(told(&store, LIVE, people.id).await, [clicked(&spring), clicked(&gone)]);
    let scanned = format!("qr.scanned {spring}");
    assert_eq!(told(&store, LIVE, bots.id).await, [clicked(&spring), clicked(&spring), scanned, clicked(&gone)]);
    assert_eq!(told(&store, LIVE, tagged.id).await, [clicked(&spring)]);
    let shared = deliveries(&store, LIVE, people.id).await[0].event;
    assert_eq!(deliveries(&store, LIVE, bots.id).await[0].event, shared, "one event, told to two");
}

async fn history_is_told_of_now(backend: &Backend) {
    let store = telling(backend);
    let told = subscribe(&store, LIVE, 1, content(&[EventKind::LinkClicked])).await;
    let link = make(&store, LIVE, new_link(1, "spring")).await;
    let year = std::time::Duration::from_hours(365 * 24);
    let clicks = [at(0).before(year), at(600)].map(|at| mask_store::Fact { at, ..fact(LIVE, link.id, true) });
    let mut history = (*batch("file", None, 100, clicks.into())).clone();
    history.is_history = true;
    assert!(store.count_clicks(Arc::new(history), None).await.expect("the store works"));
    assert_eq!(store.forget_deliveries(at(499), 10).await.expect("the store works"), 0, "what was written now is kept");
    let written: Vec<_> = deliveries(&store, LIVE, told.id).await.iter().map(|delivery| delivery.created_at).collect();
    assert_eq!(written, [at(500), at(500)]);
    assert_eq!(claim(&store, number(&store, told.id).await, 10, at(500)).await.len(), 2, "and is due");
}

/// Keeps the delivery's id as the reply to this word.
fn kept_as(word: &str) -> Keep<Option<DeliveryId>> {
    let id = |delivery: &Option<DeliveryId>| delivery.map_or(Vec::new(), |id| id.to_string().into_bytes());
    keep(word, 7, move |delivery| Kept { status: 202, body: id(delivery) })
}

async fn one_alone_is_told_for_a_test(backend: &Backend) {
    let store = &backend.store;
    let (one, other) = (webhook_id(1), webhook_id(2));
    for n in [1, 2] {
        subscribe(store, LIVE, n, content(&[EventKind::LinkCreated])).await;
    }
    let event = EventId::from_bits(5);
    let tell = |owner, keep: fn() -> Keep<Option<DeliveryId>>| {
        let by = By { owner, actor: Actor::System, request: Some("req_000000000001".to_owned()), country: None };
        let (kind, version, body) = (EventKind::LinkClicked, PayloadVersion::FIRST, "a test".to_owned());
        store.tell_one(by, one, TestEvent { id: event, kind, version, body }, at(9), Some(keep()))
    };
    assert_eq!(tell(TEST, || kept_as("no")).await.expect("the store works"), Once::Done(None));
    let told_now = tell(LIVE, || kept_as("yes")).await.expect("the store works");
    let Once::Done(Some(delivery)) = told_now else { panic!("{told_now:?}") };
    let again = tell(LIVE, || kept_as("yes")).await.expect("the store works");
    assert_eq!(again, Once::Replayed(Kept { status: 202, body: delivery.to_string().into_bytes() }));
    assert_eq!(told(store, LIVE, one).await, ["a test"]);
    assert_eq!(told(store, LIVE, other).await, Vec::<String>::new());
    let (found, body, attempts) =
        store.delivery_by_id(LIVE, delivery).await.expect("the store works").expect("it was written");
    assert_eq!((found.event, found.kind, body.as_str(), attempts.len()), (event, EventKind::LinkClicked, "a test", 0));
    assert_eq!(found.request.as_deref(), Some("req_000000000001"));
}

async fn whoever_waits_is_woken(backend: &Backend) {
    let store = telling(backend);
    let mut tellings = store.tellings();
    make(&store, LIVE, new_link(1, "nobody")).await;
    assert!(!tellings.has_changed().expect("the store is there"), "nobody is told of it");
    subscribe(&store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    make(&store, LIVE, new_link(2, "somebody")).await;
    // It would wait for ever.
    tellings.changed().await.expect("the store is there");
}
