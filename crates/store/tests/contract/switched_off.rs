//! Subscriptions that are switched off because nothing can be delivered to them.

use std::sync::Arc;

use mask_core::{
    event::EventKind,
    id::LetterId,
    role::Role,
    webhook::{Fate, Inactive, Verdict},
    workspace::Owner,
};
use mask_store::{NewLetter, Settled, SwitchedOff, WriteSwitchedOff};

use crate::{
    backend::{Backend, on_every_backend},
    deliveries::{attempt, claim, number, settle, settled, with_deliveries},
    members::{Team, user},
    sample::{LIVE, OTHER, at, make, new_link},
    webhooks::{content, deliveries, subscribe, telling, webhook_id},
};

on_every_backend!(
    an_endpoint_is_switched_off,
    five_days_of_failure_switch_off_what_gives_up,
    owners_are_mailed_when_theirs_is_switched_off,
);

async fn an_endpoint_is_switched_off(backend: &Backend) {
    let store = with_deliveries(backend, 2).await;
    let webhook = number(&store, webhook_id(1)).await;
    let claimed = claim(&store, webhook, 1, at(100)).await;
    let gone = Verdict { fate: Fate::Failed, switch_off: Some(Inactive::Gone) };
    let settled = Settled { verdict: gone, ..settled(&claimed[0], Fate::Failed, attempt(at(100), Some(410))) };
    settle(&store, vec![settled]).await;
    let off = store.webhook_by_id(LIVE, webhook_id(1)).await.expect("the store works").expect("it is there");
    assert_eq!((off.content.is_active, off.inactive_reason, off.version), (false, Some(Inactive::Gone), 2));
    assert_eq!(store.endpoints().await.expect("the store works"), [], "what waits stays where it is");
    make(&store, LIVE, new_link(9, "later")).await;
    assert_eq!(deliveries(&store, LIVE, webhook_id(1)).await.len(), 2, "and nothing more is written for it");
}

async fn five_days_of_failure_switch_off_what_gives_up(backend: &Backend) {
    const DAY: i64 = 86_400;
    let store = with_deliveries(backend, 1).await;
    let first = number(&store, webhook_id(1)).await;
    let try_all = async |webhook: i64, now: i64, fate: Fate| {
        let claimed = claim(&store, webhook, 100, at(now)).await;
        assert_eq!(claimed.len(), 1, "at {now}");
        let settled = settled(&claimed[0], fate, attempt(at(now), Some(500)));
        store.settle_deliveries(Arc::new(vec![settled]), None).await.expect("the store works")
    };
    let told_at = async |n: u32| {
        make(&store, LIVE, new_link(n, &format!("slug-{n}"))).await;
        i64::from(n)
    };
    assert_eq!(try_all(first, 10, Fate::Due(at(5 * DAY + 20))).await, []);
    assert_eq!(
        try_all(first, 5 * DAY + 20, Fate::Failed).await,
        [],
        "one alone, on two days, says nothing of those between"
    );
    let now = told_at(432_100).await;
    assert_eq!(try_all(first, now, Fate::Due(at(now + 1))).await, [], "a hiccup");
    assert_eq!(try_all(first, now + 1, Fate::Succeeded).await, []);
    let now = told_at(432_200).await;
    assert_eq!(try_all(first, now, Fate::Failed).await, [], "five days begin anew");
    let now = told_at(864_300).await;
    assert_eq!(try_all(first, now, Fate::Due(at(now + 1))).await, [], "it may arrive yet");
    assert_eq!(try_all(first, now + 1, Fate::Failed).await, [(webhook_id(1), Inactive::Failing)]);

    subscribe(&store, LIVE, 2, content(&[EventKind::LinkCreated])).await;
    let now = told_at(900_000).await;
    let second = number(&store, webhook_id(2)).await;
    assert_eq!(try_all(second, now, Fate::Due(at(now + 2 * DAY))).await, []);
    assert_eq!(try_all(second, now + 2 * DAY, Fate::Due(at(now + 5 * DAY))).await, []);
    let off = [(webhook_id(2), Inactive::Failing)];
    assert_eq!(try_all(second, now + 5 * DAY, Fate::Failed).await, off, "one alone, but on three days");
}

async fn owners_are_mailed_when_theirs_is_switched_off(backend: &Backend) {
    let store = telling(backend);
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin, Role::Owner, Role::Owner]).await;
    store.set_user_disabled(user(4), true, at(3)).await.expect("the store works").expect("an account");
    let test = Owner { is_test: true, ..team.owner() };
    let write: WriteSwitchedOff = Arc::new(|SwitchedOff { webhook, workspace }, to| NewLetter {
        id: LetterId::from_bits(webhook.id.bits() << 8 | u128::from(to.as_str().as_bytes()["person".len()])),
        to,
        sealed: format!("{} {:?} {}", webhook.id, webhook.inactive_reason, workspace.name).into_bytes(),
        now: at(20),
    });
    let switch_off = async |n: u32, owner: Owner, status: u16| {
        subscribe(&store, owner, n, content(&[EventKind::LinkCreated])).await;
        make(&store, owner, new_link(n, &format!("slug-{n}"))).await;
        let webhook = number(&store, webhook_id(n)).await;
        let claimed = claim(&store, webhook, 1, at(100)).await;
        let why = if status == 410 { Inactive::Gone } else { Inactive::Failing };
        let verdict = Verdict { fate: Fate::Failed, switch_off: Some(why) };
        let settled = Settled { verdict, ..settled(&claimed[0], Fate::Failed, attempt(at(100), Some(status))) };
        let all = Arc::new(vec![settled]);
        let once = store.settle_deliveries(Arc::clone(&all), Some(Arc::clone(&write))).await.expect("the store works");
        assert_eq!(once, [(webhook_id(n), why)]);
        let again = store.settle_deliveries(all, Some(Arc::clone(&write))).await.expect("the store works");
        assert_eq!(again, [], "it is off already");
    };
    let mut postings = store.postings();
    switch_off(1, team.owner(), 410).await;
    assert!(postings.has_changed().expect("the store is there"), "whoever sends letters is woken");
    postings.mark_unchanged();
    switch_off(2, test, 500).await;
    // Nobody owns this workspace; and where nobody writes letters there is none.
    switch_off(3, OTHER, 410).await;
    let letters = store.claim_letters(100, at(200), at(300)).await.expect("the store works");
    let mut shown: Vec<_> = letters
        .iter()
        .map(|letter| (letter.to.as_str(), String::from_utf8(letter.sealed.clone()).expect("text")))
        .collect();
    shown.sort_unstable();
    let (gone, failing) =
        (format!("{} Some(Gone) A team", webhook_id(1)), format!("{} Some(Failing) A team", webhook_id(2)));
    let expected = [
        ("person1@example.com", gone.clone()),
        ("person1@example.com", failing.clone()),
        ("person3@example.com", gone),
        ("person3@example.com", failing),
    ];
    assert_eq!(shown, expected, "each owner once, and nobody who may not sign in");
}
