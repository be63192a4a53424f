//! Deliveries on their way, and the log of them.

use std::{collections::BTreeSet, sync::Arc};

use mask_core::{
    event::EventKind,
    id::{DeliveryId, WebhookId},
    time::Time,
    webhook::{Content, Fate, Verdict},
};
use mask_store::{
    Attempt, Claimed, Delivery, DeliveryFilter, Expected, Kept, LoggedAttempt, Once, Settled, State, Store, Wanted,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, TEST, at, keep, make, new_link},
    webhooks::{content, deliveries, subscribe, telling, webhook_id},
};

on_every_backend!(
    endpoints_say_what_is_due,
    a_claim_excludes_others,
    who_was_changed_is_claimed_from_anew,
    an_overdue_claim_falls_due_again,
    what_is_returned_is_due_at_once,
    a_success_is_noted,
    failures_are_tried_again_and_given_up,
    a_late_word_changes_no_fate,
    nothing_is_noted_of_what_is_gone,
    what_cannot_be_read_stands_in_nobodys_way,
    what_waits_is_counted,
    an_id_that_was_guessed_is_nobodys,
    one_is_replayed,
    what_failed_is_replayed,
    the_log_is_filtered,
    the_log_has_pages,
    what_is_old_is_forgotten,
    what_was_for_nobody_is_forgotten,
);

/// A store that tells, with a subscription to which this many links are told.
pub(crate) async fn with_deliveries(backend: &Backend, links: u32) -> Store {
    let store = telling(backend);
    subscribe(&store, LIVE, 1, content(&[EventKind::LinkCreated])).await;
    for n in 1..=links {
        make(&store, LIVE, new_link(n, &format!("slug-{n}"))).await;
    }
    store
}

pub(crate) async fn number(store: &Store, webhook: WebhookId) -> i64 {
    let endpoints = store.endpoints().await.expect("the store works");
    endpoints.into_iter().find(|endpoint| endpoint.webhook.id == webhook).expect("something is to be told").number
}

/// Claims for a minute from now, of a subscription that is as it was made.
pub(crate) async fn claim(store: &Store, webhook: i64, most: usize, now: Time) -> Vec<Claimed> {
    claim_of(store, webhook, 1, most, now).await
}

async fn claim_of(store: &Store, webhook: i64, version: i64, most: usize, now: Time) -> Vec<Claimed> {
    let until = now.after(std::time::Duration::from_mins(1));
    store.claim_deliveries(vec![Wanted { webhook, version, most }], now, until).await.expect("the store works")
}

pub(crate) fn attempt(at: Time, status: Option<u16>) -> Attempt {
    Attempt {
        at,
        duration_ms: 12,
        status,
        failure: status.is_none().then_some("timed_out"),
        head: status.map(|_| "HTTP/1.1 …\r\nx: y".to_owned()),
        body: status.map(|_| vec![0, 255, b'a']),
    }
}

pub(crate) fn settled(claimed: &Claimed, fate: Fate, attempt: Attempt) -> Settled {
    Settled {
        number: claimed.number,
        webhook: claimed.webhook,
        until: claimed.until,
        verdict: Verdict { fate, switch_off: None },
        attempt,
    }
}

pub(crate) async fn settle(store: &Store, all: Vec<Settled>) {
    store.settle_deliveries(Arc::new(all), None).await.expect("the store works");
}

/// Claims and settles all that is due.
async fn settle_all(store: &Store, webhook: i64, now: Time, fate: Fate, status: Option<u16>) {
    let claimed = claim(store, webhook, 1000, now).await;
    settle(store, claimed.iter().map(|claimed| settled(claimed, fate, attempt(now, status))).collect()).await;
}

async fn endpoints_say_what_is_due(backend: &Backend) {
    let store = with_deliveries(backend, 2).await;
    subscribe(&store, LIVE, 2, content(&[EventKind::LinkDeleted])).await;
    let endpoints = store.endpoints().await.expect("the store works");
    let shown: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.webhook.id, endpoint.due_at)).collect();
    assert_eq!(shown, [(webhook_id(1), at(1))], "who is told nothing is left out");
    settle_all(&store, endpoints[0].number, at(10), Fate::Succeeded, Some(204)).await;
    assert_eq!(store.endpoints().await.expect("the store works"), []);
}

async fn a_claim_excludes_others(backend: &Backend) {
    let store = with_deliveries(backend, 20).await;
    let webhook = number(&store, webhook_id(1)).await;
    assert_eq!(claim(&store, webhook, 10, at(0)).await, [], "none is due yet");
    subscribe(&store, LIVE, 2, content(&[EventKind::LinkCreated])).await;
    assert_eq!(claim(&store, webhook + 1, 10, at(100)).await, [], "none is another's");
    let many = (0..6).map(|_| claim(&store, webhook, 4, at(100)));
    let mut all = Vec::new();
    for claimed in futures(many).await {
        assert!(claimed.len() <= 4);
        all.extend(claimed);
    }
    let numbers: BTreeSet<_> = all.iter().map(|claimed| claimed.number).collect();
    assert_eq!(numbers.len(), all.len(), "none is claimed twice");
    all.extend(claim(&store, webhook, 100, at(100)).await);
    assert_eq!(all.len(), 20, "each is claimed");
    assert_eq!(claim(&store, webhook, 100, at(100)).await, []);
    let first = all.iter().find(|claimed| claimed.body == "link.created slug-1 1").expect("the first link");
    assert_eq!((first.kind, first.tries, first.until), (EventKind::LinkCreated, 0, at(160)));
    let logged = deliveries(&store, LIVE, webhook_id(1)).await;
    assert_eq!((logged[0].id, logged[0].event), (first.id, first.event));
}

/// All of these at once.
async fn futures<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

async fn who_was_changed_is_claimed_from_anew(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let (id, any) = (webhook_id(1), || Expected::AnyVersion);
    let webhook = number(&store, id).await;
    let change = async |change: fn(&mut Content)| {
        let changed = store.update_webhook(LIVE, id, any(), change, at(5), None).await.expect("the store works");
        assert!(matches!(changed, Once::Done(Ok(_))));
    };
    change(|content| content.url.push_str("/elsewhere")).await;
    assert_eq!(claim_of(&store, webhook, 1, 10, at(100)).await, [], "it would go where it was");
    change(|content| content.is_active = false).await;
    for version in 1..=3 {
        assert_eq!(claim_of(&store, webhook, version, 10, at(100)).await, [], "it is paused");
    }
    change(|content| content.is_active = true).await;
    assert_eq!(claim_of(&store, webhook, 4, 10, at(100)).await.len(), 1);
    store.delete_webhook(LIVE, id, any(), at(6)).await.expect("the store works").expect("it is there");
    assert_eq!(claim_of(&store, webhook, 4, 10, at(1000)).await, [], "what waits for nobody is told to nobody");
}

async fn an_overdue_claim_falls_due_again(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    let first = claim(&store, webhook, 1, at(100)).await;
    assert_eq!(claim(&store, webhook, 1, at(159)).await, []);
    let second = claim(&store, webhook, 1, at(160)).await;
    assert_eq!((second[0].number, second[0].until), (first[0].number, at(220)));
    assert_eq!(second[0].tries, 0, "what was not written down is not counted");
}

async fn what_is_returned_is_due_at_once(backend: &Backend) {
    let store = with_deliveries(backend, 2).await;
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 2, at(100)).await;
    let claims = claimed.iter().map(|claimed| (claimed.number, claimed.until)).collect();
    store.return_deliveries(claims, at(101)).await.expect("the store works");
    let again = claim(&store, webhook, 2, at(101)).await;
    assert_eq!(again.len(), 2);
    // Whoever was overdue returns nothing that is another's by now.
    store.return_deliveries(vec![(claimed[0].number, at(160))], at(102)).await.expect("the store works");
    assert_eq!(claim(&store, webhook, 2, at(102)).await, []);
}

async fn a_success_is_noted(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    settle_all(&store, webhook, at(10), Fate::Succeeded, Some(204)).await;
    let logged = deliveries(&store, LIVE, webhook_id(1)).await.remove(0);
    assert_eq!((logged.state, logged.attempts, logged.next_attempt_at), (State::Succeeded, 1, None));
    assert_eq!((logged.tried_at, logged.status, logged.failure.as_deref()), (Some(at(10)), Some(204), None));
    let found = store.delivery_by_id(LIVE, logged.id).await.expect("the store works").expect("it is there");
    let expected = LoggedAttempt {
        at: at(10),
        duration_ms: 12,
        status: Some(204),
        failure: None,
        head: Some("HTTP/1.1 …\r\nx: y".to_owned()),
        body: Some(vec![0, 255, b'a']),
    };
    assert_eq!(found, (logged, "link.created slug-1 1".to_owned(), vec![expected]));
    assert_eq!(claim(&store, webhook, 1, at(10_000)).await, []);
}

async fn failures_are_tried_again_and_given_up(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    settle_all(&store, webhook, at(10), Fate::Due(at(15)), Some(500)).await;
    let failing_since = async || {
        store.webhook_by_id(LIVE, webhook_id(1)).await.expect("the store works").expect("it is there").failing_since
    };
    assert_eq!(failing_since().await, Some(at(10)));
    let logged = deliveries(&store, LIVE, webhook_id(1)).await.remove(0);
    assert_eq!((logged.state, logged.next_attempt_at, logged.status), (State::Pending, Some(at(15)), Some(500)));
    assert_eq!(claim(&store, webhook, 1, at(14)).await, []);
    let claimed = claim(&store, webhook, 1, at(15)).await;
    assert_eq!(claimed[0].tries, 1);
    settle(&store, vec![settled(&claimed[0], Fate::Failed, attempt(at(16), None))]).await;
    let logged = deliveries(&store, LIVE, webhook_id(1)).await.remove(0);
    assert_eq!((logged.state, logged.attempts, logged.failure.as_deref()), (State::Failed, 2, Some("timed_out")));
    assert_eq!((logged.status, logged.next_attempt_at), (None, None));
    assert_eq!(failing_since().await, Some(at(10)), "it fails since the first failure");
    store.replay_delivery(LIVE, logged.id, at(20), None).await.expect("the store works");
    settle_all(&store, webhook, at(20), Fate::Succeeded, Some(200)).await;
    assert_eq!(failing_since().await, None, "a success ends that");
}

async fn a_late_word_changes_no_fate(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    let late = claim(&store, webhook, 1, at(100)).await;
    let current = claim(&store, webhook, 1, at(160)).await;
    settle(&store, vec![settled(&late[0], Fate::Failed, attempt(at(101), None))]).await;
    let logged = deliveries(&store, LIVE, webhook_id(1)).await.remove(0);
    assert_eq!((logged.state, logged.attempts), (State::Pending, 1), "it was tried, and somebody else decides");
    settle(&store, vec![settled(&current[0], Fate::Succeeded, attempt(at(161), Some(200)))]).await;
    let logged = deliveries(&store, LIVE, webhook_id(1)).await.remove(0);
    assert_eq!((logged.state, logged.status), (State::Succeeded, Some(200)));
    // The same words twice, as after replies that were lost.
    settle(&store, vec![settled(&late[0], Fate::Due(at(170)), attempt(at(101), None))]).await;
    settle(&store, vec![settled(&current[0], Fate::Succeeded, attempt(at(161), Some(200)))]).await;
    let found = store.delivery_by_id(LIVE, logged.id).await.expect("the store works").expect("it is there");
    let (logged, _, attempts) = found;
    assert_eq!((logged.state, logged.attempts), (State::Succeeded, 2));
    assert_eq!(attempts.iter().map(|attempt| attempt.at).collect::<Vec<_>>(), [at(101), at(161)]);
}

async fn nothing_is_noted_of_what_is_gone(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 1, at(100)).await;
    let any = mask_store::Expected::AnyVersion;
    store.delete_webhook(LIVE, webhook_id(1), any, at(900)).await.expect("the store works").expect("it is there");
    while store.forget_deliveries(at(0), 10).await.expect("the store works") > 0 {}
    settle(&store, vec![settled(&claimed[0], Fate::Succeeded, attempt(at(101), Some(200)))]).await;
    // Whatever number the next delivery gets, nobody else's attempt is in its log.
    subscribe(&store, OTHER, 2, content(&[EventKind::LinkCreated])).await;
    make(&store, OTHER, new_link(2, "theirs")).await;
    let theirs = deliveries(&store, OTHER, webhook_id(2)).await.remove(0);
    let (_, _, attempts) = store.delivery_by_id(OTHER, theirs.id).await.expect("the store works").expect("it is there");
    assert_eq!(attempts, []);
}

async fn what_cannot_be_read_stands_in_nobodys_way(backend: &Backend) {
    let store = with_deliveries(backend, 2).await;
    let webhook = number(&store, webhook_id(1)).await;
    backend.place.sql("UPDATE events SET id = 'evt_nonsense' WHERE body LIKE '%slug-1%'");
    let claimed = claim(&store, webhook, 10, at(100)).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.body.as_str()).collect::<Vec<_>>(), ["link.created slug-2 1"]);
    settle(&store, vec![settled(&claimed[0], Fate::Succeeded, attempt(at(100), Some(200)))]).await;
    assert_eq!(store.endpoints().await.expect("the store works"), [], "it does not fall due again");
}

async fn what_waits_is_counted(backend: &Backend) {
    let store = with_deliveries(backend, 3).await;
    let count = async || store.waiting_deliveries().await.expect("the store works");
    assert_eq!(count().await, 3);
    let off = Content { is_active: false, ..content(&[EventKind::LinkCreated]) };
    let listener = Content { url: String::new(), ..content(&[EventKind::LinkCreated]) };
    for (n, content) in [(2, content(&[EventKind::LinkCreated])), (3, listener), (4, off)] {
        subscribe(&store, LIVE, n, content).await;
    }
    make(&store, LIVE, new_link(9, "slug-9")).await;
    assert_eq!(count().await, 5, "one more for each of two; a listener comes for its own");
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 3, at(100)).await;
    let [one, two, three] = &claimed[..] else { panic!("{claimed:?}") };
    let due = Fate::Due(at(500));
    let fates = [(one, Fate::Succeeded), (two, Fate::Failed), (three, due)];
    settle(&store, fates.map(|(claimed, fate)| settled(claimed, fate, attempt(at(100), Some(500)))).into()).await;
    assert_eq!(count().await, 3, "what is tried again later waits");
    store.delete_webhook(LIVE, webhook_id(2), Expected::AnyVersion, at(101)).await.expect("works").expect("deleted");
    assert_eq!(count().await, 2);
}

async fn an_id_that_was_guessed_is_nobodys(backend: &Backend) {
    let store = with_deliveries(backend, 2).await;
    let listener = Content { url: String::new(), ..content(&[EventKind::LinkDeleted]) };
    let listener = subscribe(&store, LIVE, 2, listener).await;
    let ids: Vec<_> = deliveries(&store, LIVE, webhook_id(1)).await.iter().map(|delivery| delivery.id).collect();
    assert!(ids[0] < ids[1], "they sort by the time of their making");
    let low = |id: DeliveryId| id.bits() & ((1 << 40) - 1);
    assert!(low(ids[0]) != low(ids[1]) && low(ids[0]) > 0xffff, "they do not end in a number: {ids:?}");
    let guess = DeliveryId::from_bits(ids[0].bits() ^ 1);
    assert_eq!(store.delivery_by_id(LIVE, guess).await.expect("the store works"), None);
    assert_eq!(store.replay_delivery(LIVE, guess, at(9), None).await.expect("the store works"), Once::Done(None));
    for id in [guess, ids[0]] {
        let reported = store.report_delivery(LIVE, listener.id, id, true, attempt(at(9), Some(200))).await;
        assert_eq!(reported.expect("the store works"), Ok(false), "nor is it this listener's");
    }
}

async fn one_is_replayed(backend: &Backend) {
    let store = with_deliveries(backend, 1).await;
    let webhook = number(&store, webhook_id(1)).await;
    let id = deliveries(&store, LIVE, webhook_id(1)).await[0].id;
    settle_all(&store, webhook, at(10), Fate::Succeeded, Some(200)).await;
    for owner in [TEST, OTHER] {
        assert_eq!(store.replay_delivery(owner, id, at(20), None).await.expect("the store works"), Once::Done(None));
    }
    let reply = |_: &Option<Delivery>| Kept { status: 202, body: b"on its way".to_vec() };
    let kept = || Some(keep("k", 7, reply));
    let done = store.replay_delivery(LIVE, id, at(20), kept()).await.expect("the store works");
    let Once::Done(Some(replayed)) = done else { panic!("{done:?}") };
    assert_eq!((replayed.state, replayed.next_attempt_at, replayed.attempts), (State::Pending, Some(at(20)), 1));
    let claimed = claim(&store, webhook, 1, at(20)).await;
    assert_eq!((claimed[0].id, claimed[0].tries), (id, 0), "all its tries lie before it");
    settle(&store, vec![settled(&claimed[0], Fate::Succeeded, attempt(at(20), Some(200)))]).await;
    let (_, _, attempts) = store.delivery_by_id(LIVE, id).await.expect("the store works").expect("it is there");
    assert_eq!(attempts.iter().map(|attempt| attempt.at).collect::<Vec<_>>(), [at(10), at(20)]);
    let again = store.replay_delivery(LIVE, id, at(30), kept()).await.expect("the store works");
    assert_eq!(again, Once::Replayed(reply(&None)));
    assert_eq!(deliveries(&store, LIVE, webhook_id(1)).await[0].state, State::Succeeded, "nothing is done again");
}

async fn what_failed_is_replayed(backend: &Backend) {
    let store = with_deliveries(backend, 6).await;
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 6, at(100)).await;
    let fates = claimed.iter().map(|claimed| {
        let is_first = claimed.body.contains("slug-1");
        settled(claimed, if is_first { Fate::Succeeded } else { Fate::Failed }, attempt(at(100), Some(500)))
    });
    settle(&store, fates.collect()).await;
    let reply = |count: &Option<u64>| Kept { status: 202, body: format!("{count:?}").into_bytes() };
    let replay = async |owner, since, limit, kept| {
        store.replay_failed(owner, webhook_id(1), since, limit, at(200), kept).await.expect("the store works")
    };
    assert_eq!(replay(TEST, at(0), 10, None).await, Once::Done(None));
    assert_eq!(replay(LIVE, at(3), 3, None).await, Once::Done(Some(3)));
    assert_eq!(replay(LIVE, at(3), 3, Some(keep("k", 7, reply))).await, Once::Done(Some(1)), "3 to 6 failed since");
    assert_eq!(replay(LIVE, at(3), 3, None).await, Once::Done(Some(0)));
    assert_eq!(replay(LIVE, at(3), 3, Some(keep("k", 7, reply))).await, Once::Replayed(reply(&Some(1))));
    let states: Vec<_> = deliveries(&store, LIVE, webhook_id(1)).await.iter().map(|delivery| delivery.state).collect();
    let [pending, succeeded, failed] = [State::Pending, State::Succeeded, State::Failed];
    assert_eq!(states, [succeeded, failed, pending, pending, pending, pending]);
    assert_eq!(claim(&store, webhook, 10, at(200)).await.len(), 4);
}

async fn the_log_is_filtered(backend: &Backend) {
    let store = telling(backend);
    let kinds = [EventKind::LinkCreated, EventKind::LinkDeleted];
    subscribe(&store, LIVE, 1, content(&kinds)).await;
    for n in 1..=3 {
        make(&store, LIVE, new_link(n, &format!("slug-{n}"))).await;
    }
    let any = mask_store::Expected::AnyVersion;
    store
        .delete_link(LIVE, crate::sample::link_id(1), any, false, at(50))
        .await
        .expect("the store works")
        .expect("there");
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 2, at(100)).await;
    let fates = [Fate::Succeeded, Fate::Failed];
    settle(
        &store,
        claimed.iter().zip(fates).map(|(one, fate)| settled(one, fate, attempt(at(100), Some(1)))).collect(),
    )
    .await;
    let none = DeliveryFilter::default();
    let cases = [
        (none, 4),
        (DeliveryFilter { kind: Some(EventKind::LinkDeleted), ..none }, 1),
        (DeliveryFilter { kind: Some(EventKind::LinkUpdated), ..none }, 0),
        (DeliveryFilter { state: Some(State::Succeeded), ..none }, 1),
        (DeliveryFilter { state: Some(State::Failed), ..none }, 1),
        (DeliveryFilter { state: Some(State::Pending), ..none }, 2),
        (DeliveryFilter { since: Some(at(2)), ..none }, 3),
        (DeliveryFilter { until: Some(at(2)), ..none }, 1),
        (DeliveryFilter { since: Some(at(2)), until: Some(at(50)), ..none }, 2),
        (
            DeliveryFilter {
                state: Some(State::Pending),
                kind: Some(EventKind::LinkDeleted),
                since: Some(at(50)),
                ..none
            },
            1,
        ),
    ];
    for (filter, expected) in cases {
        let listed = store.list_deliveries(LIVE, webhook_id(1), filter, None, 10).await.expect("the store works");
        assert_eq!(listed.expect("a subscription").rows.len(), expected, "{filter:?}");
    }
}

async fn the_log_has_pages(backend: &Backend) {
    let store = with_deliveries(backend, 5).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.list_deliveries(LIVE, webhook_id(1), DeliveryFilter::default(), after, 2).await;
        let page = page.expect("the store works").expect("a subscription");
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows.iter().map(|delivery| delivery.id));
        after = page.next;
        if after.is_none() {
            break;
        }
        make(&store, LIVE, new_link(100 + u32::try_from(seen.len()).expect("few"), &format!("new-{}", seen.len())))
            .await;
    }
    let mut all: Vec<_> = deliveries(&store, LIVE, webhook_id(1)).await.iter().map(|delivery| delivery.id).collect();
    all.truncate(5);
    all.reverse();
    assert_eq!(seen, all, "newest first, and what comes meanwhile disturbs nobody");
}

async fn what_is_old_is_forgotten(backend: &Backend) {
    let store = with_deliveries(backend, 5).await;
    let webhook = number(&store, webhook_id(1)).await;
    settle_all(&store, webhook, at(10), Fate::Succeeded, Some(200)).await;
    assert_eq!(store.forget_deliveries(at(0), 10).await.expect("the store works"), 0);
    assert_eq!(store.forget_deliveries(at(4), 2).await.expect("the store works"), 2);
    assert_eq!(store.forget_deliveries(at(4), 2).await.expect("the store works"), 1);
    let left: Vec<_> =
        deliveries(&store, LIVE, webhook_id(1)).await.iter().map(|delivery| delivery.created_at).collect();
    assert_eq!(left, [at(4), at(5)]);
    // Also what was never delivered: a subscription that was switched off keeps nothing for ever.
    make(&store, LIVE, new_link(6, "slug-6")).await;
    assert_eq!(store.forget_deliveries(at(100), 10).await.expect("the store works"), 3);
    assert_eq!(claim(&store, webhook, 10, at(200)).await, []);
}

async fn what_was_for_nobody_is_forgotten(backend: &Backend) {
    let store = with_deliveries(backend, 3).await;
    subscribe(&store, LIVE, 2, content(&[EventKind::LinkCreated])).await;
    make(&store, LIVE, new_link(4, "both")).await;
    let any = mask_store::Expected::AnyVersion;
    store.delete_webhook(LIVE, webhook_id(1), any, at(900)).await.expect("the store works").expect("it is there");
    assert_eq!(store.forget_deliveries(at(0), 3).await.expect("the store works"), 3);
    assert_eq!(store.forget_deliveries(at(0), 3).await.expect("the store works"), 1);
    assert_eq!(store.forget_deliveries(at(0), 3).await.expect("the store works"), 0);
    assert_eq!(deliveries(&store, LIVE, webhook_id(2)).await.len(), 1, "the other's is still there");
}
