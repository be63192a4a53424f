//! Certificates, what is shown to authorities, and our account with them.

use mask_core::time::Time;
use mask_store::{CertificateChanges, CertificateFate, Challenge, ClaimedCertificate, Store};

use crate::{
    backend::{Backend, on_every_backend},
    domains::verified,
    sample::{LIVE, at},
};

on_every_backend!(
    verified_names_and_our_own_have_a_row,
    a_certificate_is_claimed_issued_and_followed,
    a_claim_that_ended_is_not_ones_own,
    what_failed_says_why_and_is_due_later,
    who_was_asked_for_comes_first,
    orders_are_counted_for_everybody,
    challenges_are_shown_and_hidden,
    an_account_is_kept_once,
    how_certificates_are,
);

async fn ensure(store: &Store, own: &[&str], now: Time) {
    let own = own.iter().map(|&name| name.to_owned()).collect();
    store.ensure_certificates(own, now).await.expect("the store works");
}

async fn claim(store: &Store, now: Time, until: Time) -> Vec<ClaimedCertificate> {
    let mut claimed = store.claim_certificates(99, now, until).await.expect("the store works");
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

async fn who_was_asked_for_comes_first(backend: &Backend) {
    let store = &backend.store;
    ensure(store, &["a.example", "b.example", "c.example"], at(1)).await;
    store.want_certificates(vec!["b.example".to_owned(), "stranger.example".to_owned()], at(2)).await.expect("noted");
    let first = store.claim_certificates(1, at(3), at(60)).await.expect("the store works");
    assert_eq!(first[0].name, "b.example");
    assert_eq!(claimed_names(store, at(3), at(60)).await, ["a.example", "c.example"]);
}

async fn orders_are_counted_for_everybody(backend: &Backend) {
    let store = &backend.store;
    let begin = async |now, since| store.begin_order("a.example".to_owned(), now, since, 2).await.expect("counted");
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
                crate::backend::runtime().block_on(store.begin_order(format!("{n}.example"), now, since, 2))
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
