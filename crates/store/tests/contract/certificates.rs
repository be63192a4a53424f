//! Certificates, what is shown to authorities, and our account with them.

use mask_core::time::Time;
use mask_store::{Budget, CertificateChanges, CertificateFate, Challenge, ClaimedCertificate, Expected, Store};

use crate::{
    backend::{Backend, on_every_backend},
    domains::verified,
    sample::{LIVE, OTHER, TEST, at},
};

on_every_backend!(
    verified_names_and_our_own_have_a_row,
    a_certificate_is_claimed_issued_and_followed,
    a_claim_that_ended_is_not_ones_own,
    what_failed_says_why_and_is_due_later,
    who_comes_first,
    turns_go_round,
    what_waits_for_an_order_stays_due,
    orders_are_counted_for_everybody,
    challenges_are_shown_and_hidden,
    an_account_is_kept_once,
    how_certificates_are,
);

/// More orders than anybody asks for.
const PLENTY: Budget = Budget { since: Time::from_unix_millis(0), most: 1000 };

async fn ensure(store: &Store, own: &[&str], now: Time) {
    let own = own.iter().map(|&name| name.to_owned()).collect();
    store.ensure_certificates(own, now).await.expect("the store works");
}

async fn claim(store: &Store, now: Time, until: Time) -> Vec<ClaimedCertificate> {
    let mut claimed = store.claim_certificates(99, now, until, PLENTY).await.expect("the store works");
    claimed.sort_by(|one, other| one.name.cmp(&other.name));
    claimed
}

async fn claimed_names(store: &Store, now: Time, until: Time) -> Vec<String> {
    claim(store, now, until).await.into_iter().map(|claimed| claimed.name).collect()
}

async fn settle(store: &Store, name: &str, until: Time, fate: CertificateFate) {
    store.settle_certificate(name.to_owned(), until, fate).await.expect("the store works");
}

async fn news(store: &Store, known: Option<i64>, now: Time) -> Option<CertificateChanges> {
    store.certificate_changes(known, now).await.expect("the store works")
}

fn issued(content: &[u8], due_at: Time) -> CertificateFate {
    CertificateFate::Issued { sealed: content.to_vec(), not_before: at(0), not_after: at(1000), due_at }
}

async fn verified_names_and_our_own_have_a_row(backend: &Backend) {
    let store = &backend.store;
    verified(store, LIVE, 1, "go.example.com").await;
    ensure(store, &["mask.example"], at(2)).await;
    assert_eq!(claimed_names(store, at(1), at(60)).await, Vec::<String>::new(), "none is due before it is there");
    assert_eq!(claimed_names(store, at(2), at(60)).await, ["go.example.com", "mask.example"]);
    assert_eq!(claimed_names(store, at(59), at(90)).await, Vec::<String>::new(), "they are somebody's");
    // Whose name is not ours any more has no turn, and is forgotten when its certificate has ended.
    settle(store, "mask.example", at(60), issued(b"one", at(70))).await;
    ensure(store, &[], at(100)).await;
    assert_eq!(claimed_names(store, at(100), at(130)).await, ["go.example.com"]);
    ensure(store, &["mask.example"], at(101)).await;
    let back = claim(store, at(200), at(230)).await;
    assert_eq!(back[1].sealed.as_deref(), Some(&b"one"[..]), "what it had is still there");
    ensure(store, &[], at(1001)).await;
    ensure(store, &["mask.example"], at(1002)).await;
    let anew = claim(store, at(1002), at(1060)).await;
    assert_eq!((anew[1].name.as_str(), &anew[1].sealed), ("mask.example", &None));
}

async fn a_certificate_is_claimed_issued_and_followed(backend: &Backend) {
    let store = &backend.store;
    let nothing = news(store, None, at(0)).await.expect("all there is");
    assert_eq!((nothing.certificates.len(), nothing.challenges.len()), (0, 0));
    ensure(store, &["mask.example"], at(1)).await;
    let new = news(store, Some(nothing.changes), at(1)).await.expect("a new row");
    assert_eq!((new.certificates[0].name.as_str(), &new.certificates[0].sealed), ("mask.example", &None));
    assert_eq!(news(store, Some(new.changes), at(1)).await, None);
    ensure(store, &["mask.example"], at(1)).await;
    assert_eq!(news(store, Some(new.changes), at(1)).await, None, "nothing has changed");
    let claimed = claim(store, at(1), at(60)).await;
    let expected = ClaimedCertificate { name: "mask.example".to_owned(), sealed: None, failures: 0, until: at(60) };
    assert_eq!(claimed, [expected]);
    settle(store, "mask.example", at(60), issued(b"one", at(600))).await;
    let newer = news(store, Some(new.changes), at(2)).await.expect("it was issued");
    let one = &newer.certificates[0];
    assert_eq!((one.sealed.as_deref(), one.not_after, &one.error), (Some(&b"one"[..]), Some(at(1000)), &None));
    assert!(one.version > new.certificates[0].version);
    assert_eq!(claimed_names(store, at(599), at(700)).await, Vec::<String>::new());
    assert_eq!(claim(store, at(600), at(700)).await[0].sealed.as_deref(), Some(&b"one"[..]));
    settle(store, "mask.example", at(700), CertificateFate::Due { at: at(650) }).await;
    assert_eq!(news(store, Some(newer.changes), at(2)).await, None, "nothing to tell of that");
    assert_eq!(claimed_names(store, at(650), at(700)).await, ["mask.example"]);
}

async fn a_claim_that_ended_is_not_ones_own(backend: &Backend) {
    let store = &backend.store;
    ensure(store, &["mask.example"], at(1)).await;
    claim(store, at(1), at(60)).await;
    claim(store, at(60), at(120)).await;
    let late = CertificateFate::Failed { error: "late".to_owned(), due_at: at(61) };
    settle(store, "mask.example", at(60), late).await;
    settle(store, "mask.example", at(60), CertificateFate::Due { at: at(61) }).await;
    assert_eq!(claimed_names(store, at(119), at(200)).await, Vec::<String>::new(), "it is another's");
    // What was issued was issued.
    settle(store, "mask.example", at(60), issued(b"one", at(600))).await;
    assert_eq!(claimed_names(store, at(120), at(200)).await, Vec::<String>::new());
    assert_eq!(claim(store, at(600), at(700)).await[0].sealed.as_deref(), Some(&b"one"[..]));
}

async fn what_failed_says_why_and_is_due_later(backend: &Backend) {
    let store = &backend.store;
    ensure(store, &["mask.example"], at(1)).await;
    claim(store, at(1), at(60)).await;
    settle(store, "mask.example", at(60), issued(b"one", at(100))).await;
    claim(store, at(100), at(160)).await;
    let failed = |due_at| CertificateFate::Failed { error: "CAA forbids it.".to_owned(), due_at };
    settle(store, "mask.example", at(160), failed(at(400))).await;
    let told = news(store, None, at(101)).await.expect("all").certificates.remove(0);
    assert_eq!((told.sealed.as_deref(), told.error.as_deref()), (Some(&b"one"[..]), Some("CAA forbids it.")));
    assert_eq!(claim(store, at(399), at(460)).await, []);
    assert_eq!(claim(store, at(400), at(460)).await[0].failures, 1);
    settle(store, "mask.example", at(460), failed(at(500))).await;
    assert_eq!(claim(store, at(500), at(560)).await[0].failures, 2);
    settle(store, "mask.example", at(560), issued(b"two", at(600))).await;
    assert_eq!(claim(store, at(600), at(660)).await[0].failures, 0);
    assert_eq!(news(store, None, at(601)).await.expect("all").certificates[0].error, None);
}

/// The one name that is claimed next.
async fn next(store: &Store, budget: Budget) -> Option<String> {
    let mut claimed = store.claim_certificates(1, at(50), at(90), budget).await.expect("the store works");
    assert!(claimed.len() < 2, "{claimed:?}");
    claimed.pop().map(|claimed| claimed.name)
}

/// The name that is claimed next, for which an order begins.
async fn ordered_next(store: &Store, budget: Budget) -> Option<String> {
    let name = next(store, budget).await?;
    assert!(store.begin_order(name.clone(), at(50), budget).await.expect("counted"), "{name}");
    Some(name)
}

async fn who_comes_first(backend: &Backend) {
    let store = &backend.store;
    // One workspace has many names, all of them asked for; others have one that nobody asked for, and it came later.
    let greedy: Vec<_> = (1..=6).map(|n| format!("d{n}.greedy.example.com")).collect();
    for (n, name) in (1..).zip(&greedy) {
        verified(store, LIVE, n, name).await;
    }
    verified(store, OTHER, 21, "y.modest.example.com").await;
    verified(store, OTHER, 22, "z.modest.example.com").await;
    ensure(store, &[], at(1)).await;
    assert_eq!(claimed_names(store, at(1), at(2)).await.len(), 8);
    let ends = |not_after| CertificateFate::Issued { sealed: vec![1], not_before: at(0), not_after, due_at: at(4) };
    settle(store, "d1.greedy.example.com", at(2), ends(at(900))).await;
    settle(store, "d2.greedy.example.com", at(2), ends(at(800))).await;
    store.want_certificates(greedy, at(3)).await.expect("noted");
    store.want_certificates(vec!["z.modest.example.com".to_owned()], at(3)).await.expect("noted");
    ensure(store, &["mask.example"], at(40)).await;
    let mut order = Vec::new();
    while let Some(name) = ordered_next(store, Budget { since: at(0), most: 100 }).await {
        order.push(name);
    }
    let expected = [
        // Our own, then what ends first.
        "mask.example",
        "d2.greedy.example.com",
        "d1.greedy.example.com",
        // Two orders of the one began by now; so it is twice the other's turn.
        "z.modest.example.com",
        "y.modest.example.com",
        "d3.greedy.example.com",
        "d4.greedy.example.com",
        "d5.greedy.example.com",
        "d6.greedy.example.com",
    ];
    assert_eq!(order, expected);
}

async fn turns_go_round(backend: &Backend) {
    let store = &backend.store;
    let first = verified(store, LIVE, 1, "a1.example.com").await;
    verified(store, LIVE, 2, "a2.example.com").await;
    verified(store, LIVE, 3, "a3.example.com").await;
    // The two sides of a workspace are one.
    verified(store, TEST, 4, "a4.example.com").await;
    verified(store, OTHER, 5, "b1.example.com").await;
    ensure(store, &[], at(1)).await;
    let all = store.claim_certificates(99, at(1), at(2), PLENTY).await.expect("the store works");
    assert_eq!(all.len(), 5);
    // In one claim too, each workspace's first comes before anybody's second.
    let two = Budget { since: at(0), most: 2 };
    let both = store.claim_certificates(99, at(2), at(3), two).await.expect("the store works");
    let mut names: Vec<_> = both.into_iter().map(|claimed| claimed.name).collect();
    names.sort();
    assert_eq!(names, ["a1.example.com", "b1.example.com"]);
    // Whoever gives a name up has had the order all the same.
    assert!(store.begin_order("a1.example.com".to_owned(), at(3), PLENTY).await.expect("counted"));
    let deleted = store.delete_domain(LIVE, first.id, Expected::AnyVersion, at(3)).await.expect("the store works");
    assert_eq!(deleted, Ok(()));
    assert_eq!(next(store, PLENTY).await.as_deref(), Some("b1.example.com"));
}

async fn what_waits_for_an_order_stays_due(backend: &Backend) {
    let store = &backend.store;
    for (n, name) in [(1, "a1"), (2, "a2"), (3, "a3"), (4, "a4"), (5, "a5")] {
        verified(store, LIVE, n, &format!("{name}.example.com")).await;
    }
    ensure(store, &[], at(1)).await;
    claim(store, at(1), at(2)).await;
    settle(store, "a5.example.com", at(2), issued(b"one", at(4))).await;
    let four = Budget { since: at(0), most: 4 };
    for name in ["a5.example.com", "a1.example.com", "a2.example.com"] {
        assert_eq!(ordered_next(store, four).await.as_deref(), Some(name));
    }
    // The last of the four is for renewals, so nobody takes a3 up; and it is not put off.
    assert_eq!(next(store, four).await, None);
    ensure(store, &["mask.example"], at(5)).await;
    settle(store, "a5.example.com", at(90), issued(b"two", at(5))).await;
    for name in ["mask.example", "a5.example.com"] {
        let begins = name == "mask.example";
        assert_eq!(next(store, four).await.as_deref(), Some(name));
        assert_eq!(store.begin_order(name.to_owned(), at(50), four).await.expect("counted"), begins);
    }
    assert!(store.begin_order("mask.example".to_owned(), at(50), four).await.expect("counted"), "our own always may");
    verified(store, OTHER, 6, "b1.example.com").await;
    ensure(store, &["mask.example"], at(6)).await;
    assert_eq!(next(store, four).await, None);
    let an_hour_later = Budget { since: at(50), ..four };
    assert_eq!(next(store, an_hour_later).await.as_deref(), Some("a3.example.com"), "nobody has had any in this hour");
}

async fn orders_are_counted_for_everybody(backend: &Backend) {
    let store = &backend.store;
    let begin = async |now, since| {
        store.begin_order("a.example".to_owned(), now, Budget { since, most: 2 }).await.expect("counted")
    };
    assert!(begin(at(10), at(0)).await && begin(at(11), at(0)).await);
    assert!(!begin(at(12), at(0)).await);
    assert!(begin(at(13), at(10)).await, "the first is long ago");
    assert!(!begin(at(14), at(10)).await);
    let both = begun_at_once(store, at(100), at(50)).await;
    assert_eq!(both, 2, "of ten at once two begin");
}

async fn begun_at_once(store: &Store, now: Time, since: Time) -> usize {
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let store = store.clone();
            tokio::task::spawn_blocking(move || {
                let budget = Budget { since, most: 2 };
                crate::backend::runtime().block_on(store.begin_order(format!("{n}.example"), now, budget))
            })
        })
        .collect();
    let mut begun = 0;
    for task in tasks {
        begun += usize::from(task.await.expect("no panic").expect("counted"));
    }
    begun
}

async fn challenges_are_shown_and_hidden(backend: &Backend) {
    let store = &backend.store;
    let challenge = |token: &str| Challenge {
        token: token.to_owned(),
        name: "a.example".to_owned(),
        answer: format!("{token}.print"),
    };
    store.show_challenge(challenge("one"), at(1), at(60)).await.expect("shown");
    store.show_challenge(challenge("two"), at(2), at(90)).await.expect("shown");
    let shown = news(store, None, at(3)).await.expect("all");
    assert_eq!(shown.challenges, [challenge("one"), challenge("two")]);
    assert_eq!(news(store, None, at(60)).await.expect("all").challenges, [challenge("two")], "the first has ended");
    store.hide_challenge("two".to_owned()).await.expect("hidden");
    let hidden = news(store, Some(shown.changes), at(3)).await.expect("news");
    assert_eq!(hidden.challenges, [challenge("one")]);
    store.hide_challenge("two".to_owned()).await.expect("hidden");
    assert_eq!(news(store, Some(hidden.changes), at(3)).await, None, "there was nothing to hide");
}

async fn an_account_is_kept_once(backend: &Backend) {
    let store = &backend.store;
    let directory = || "https://ca.example/dir".to_owned();
    assert_eq!(store.acme_account(directory()).await.expect("read"), None);
    let keep = async |sealed: &[u8]| store.keep_acme_account(directory(), sealed.to_vec(), at(1)).await.expect("kept");
    assert_eq!(keep(b"first").await, b"first");
    assert_eq!(keep(b"second").await, b"first", "somebody was faster");
    assert_eq!(store.acme_account(directory()).await.expect("read").as_deref(), Some(&b"first"[..]));
    assert_eq!(store.acme_account("https://other.example/".to_owned()).await.expect("read"), None);
    store.forget_acme_account(directory(), b"second".to_vec()).await.expect("another's");
    assert_eq!(keep(b"third").await, b"first");
    store.forget_acme_account(directory(), b"first".to_vec()).await.expect("forgotten");
    assert_eq!(keep(b"third").await, b"third");
}

async fn how_certificates_are(backend: &Backend) {
    let store = &backend.store;
    ensure(store, &["a.example", "b.example", "c.example"], at(1)).await;
    claim(store, at(1), at(60)).await;
    settle(store, "a.example", at(60), issued(b"one", at(600))).await;
    let refused = CertificateFate::Failed { error: "no".to_owned(), due_at: at(100) };
    settle(store, "b.example", at(60), refused).await;
    let standings = store.certificate_standings().await.expect("the store works");
    assert_eq!(standings.ends, [("a.example".to_owned(), at(0), at(1000))]);
    assert_eq!((standings.failed, standings.waiting), (vec![("b.example".to_owned(), "no".to_owned())], 2));
}
