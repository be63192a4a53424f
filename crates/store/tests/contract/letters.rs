//! The outbox of letters.

use std::time::Duration;

use mask_core::{id::SubscriberId, time::Time};
use mask_store::{ClaimedLetter, LetterFate, Outgoing, Post, Store};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, at},
    subscribers::{letter, page, signup, subscriber_id},
};

on_every_backend!(
    a_letter_is_claimed_sent_and_gone,
    a_claim_that_nobody_settles_ends,
    what_was_not_taken_is_due_again,
    what_is_given_up_says_why_and_no_more,
    a_claim_that_ended_is_not_ones_own,
    many_claim_at_once_and_each_letter_goes_to_one,
    a_letter_that_cannot_be_read_stops_no_other,
    who_waits_for_letters_is_woken,
);

/// The n-th letter, written n seconds after the world began.
async fn post(store: &Store, n: u32) -> SubscriberId {
    let email = format!("person{n}@example.com");
    let letter = letter(&email, at(i64::from(n)));
    assert!(store.subscribe(LIVE, signup(n, &email), Some(Post::Link(letter))).await.expect("the store works"));
    subscriber_id(n)
}

async fn claim(store: &Store, most: u32, now: Time, until: Time) -> Vec<ClaimedLetter> {
    store.claim_letters(most, now, until).await.expect("the store works")
}

fn said(letters: &[ClaimedLetter]) -> Vec<String> {
    letters.iter().map(|letter| String::from_utf8(letter.sealed.clone()).expect("text")).collect()
}

async fn settle(store: &Store, letter: &ClaimedLetter, fate: LetterFate) {
    store.settle_letters(vec![(letter.number, letter.until, fate)]).await.expect("the store works");
}

async fn outgoing(store: &Store) -> Outgoing {
    store.outgoing_letters().await.expect("the store works")
}

async fn a_letter_is_claimed_sent_and_gone(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    assert_eq!(store.next_letter().await.expect("the store works"), None);
    let ids = [post(store, 1).await, post(store, 2).await, post(store, 3).await].map(|id| id.to_string());
    assert_eq!(store.next_letter().await.expect("the store works"), Some(at(1)));
    let claimed = claim(store, 2, at(2), at(60)).await;
    assert_eq!(said(&claimed), ids[..2], "the third is of a later time");
    let first = &claimed[0];
    assert_eq!(
        (first.to.as_str(), first.tries, first.created_at, first.until),
        ("person1@example.com", 0, at(1), at(60))
    );
    assert_eq!(store.next_letter().await.expect("the store works"), Some(at(3)));
    assert_eq!(claim(store, 9, at(2), at(60)).await, [], "they are somebody's");
    for letter in &claimed {
        settle(store, letter, LetterFate::Sent).await;
    }
    assert_eq!(outgoing(store).await, Outgoing { waiting: 1, oldest: Some(at(3)), ..Outgoing::default() });
    assert_eq!(said(&claim(store, 9, at(100), at(160)).await), ids[2..]);
}

async fn a_claim_that_nobody_settles_ends(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    post(store, 1).await;
    let first = claim(store, 9, at(10), at(70)).await;
    assert_eq!(claim(store, 9, at(69), at(130)).await, []);
    let again = claim(store, 9, at(70), at(130)).await;
    assert_eq!((again[0].id, &again[0].sealed, again[0].tries), (first[0].id, &first[0].sealed, 0), "the same letter");
}

async fn what_was_not_taken_is_due_again(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    post(store, 1).await;
    let letter = &claim(store, 9, at(10), at(70)).await[0];
    let due = |seconds, was_tried, failure: Option<&str>| LetterFate::Due {
        at: at(seconds),
        was_tried,
        failure: failure.map(str::to_owned),
    };
    settle(store, letter, due(100, true, Some("450 busy"))).await;
    assert_eq!(claim(store, 9, at(99), at(160)).await, []);
    let letter = &claim(store, 9, at(100), at(160)).await[0];
    assert_eq!(letter.tries, 1);
    settle(store, letter, due(120, false, None)).await;
    let letter = &claim(store, 9, at(120), at(180)).await[0];
    assert_eq!(letter.tries, 1, "it was given back untried");
    assert_eq!(outgoing(store).await.failure.as_deref(), Some("450 busy"), "and what went wrong is known still");
}

async fn what_is_given_up_says_why_and_no_more(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    post(store, 1).await;
    post(store, 2).await;
    for letter in claim(store, 9, at(10), at(70)).await {
        settle(store, &letter, LetterFate::GivenUp { failure: format!("550 {}", letter.to) }).await;
    }
    assert_eq!(claim(store, 9, at(1_000_000), at(1_000_001)).await, []);
    let expected = Outgoing { given_up: 2, reason: Some("550 person2@example.com".to_owned()), ..Outgoing::default() };
    assert_eq!(outgoing(store).await, expected);
    // Nothing of what they said is left: whatever this deletes would be missed below.
    backend.place.sql("DELETE FROM letters WHERE length(sealed) > 0");
    assert_eq!(store.forget_letters(at(1), 10).await.expect("the store works"), 0);
    assert_eq!(store.forget_letters(at(2), 10).await.expect("the store works"), 1);
    assert_eq!(store.forget_letters(at(9), 10).await.expect("the store works"), 1);
    assert_eq!(outgoing(store).await, Outgoing::default());
}

async fn a_claim_that_ended_is_not_ones_own(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    post(store, 1).await;
    let late = claim(store, 9, at(10), at(70)).await.remove(0);
    let other = claim(store, 9, at(70), at(130)).await.remove(0);
    settle(store, &late, LetterFate::GivenUp { failure: "late".to_owned() }).await;
    settle(store, &late, LetterFate::Due { at: at(71), was_tried: true, failure: None }).await;
    assert_eq!(claim(store, 9, at(100), at(160)).await, [], "the other one's claim holds");
    settle(store, &other, LetterFate::Due { at: at(140), was_tried: true, failure: None }).await;
    settle(store, &late, LetterFate::Sent).await;
    assert_eq!(claim(store, 9, at(200), at(260)).await, [], "but what was sent was sent");
}

async fn many_claim_at_once_and_each_letter_goes_to_one(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    for n in 1..=40 {
        post(store, n).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = claim(&store, 3, at(100), at(160)).await;
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|letter| letter.number));
            }
        });
    }
    let mut all: Vec<i64> = tasks.join_all().await.into_iter().flatten().collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!((count, all.len()), (40, 40));
}

async fn a_letter_that_cannot_be_read_stops_no_other(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    post(store, 1).await;
    let second = post(store, 2).await.to_string();
    backend.place.sql("UPDATE letters SET recipient = 'nobody' WHERE recipient = 'person1@example.com'");
    assert_eq!(said(&claim(store, 9, at(10), at(70)).await), [second]);
}

async fn who_waits_for_letters_is_woken(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    let mut postings = store.postings();
    postings.mark_unchanged();
    post(store, 1).await;
    tokio::time::timeout(Duration::from_secs(20), postings.changed())
        .await
        .expect("in time")
        .expect("the store is there");
}
