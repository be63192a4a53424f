//! What was shown before a step, and is so no more: of a sign-in or a change under way and what happens meanwhile, the last word is
//! with whoever came last and knows what there is now.

use mask_core::{
    id::{SessionId, UserId},
    mail::Address,
    person::{Session, Word, WordHash},
};
use mask_store::{Account, Asker, NewSession, NewUser, NewWord, Outdated, Shown, Store, Whence, WordPurpose};

use crate::{
    backend::{Backend, on_every_backend},
    sample::at,
};

on_every_backend!(
    a_sign_in_under_way_ends_with_what_it_rests_on,
    a_sign_in_elsewhere_rests_on_no_password,
    a_change_under_way_undoes_no_other,
    a_change_ends_with_its_session,
    of_a_sign_in_and_a_reset_at_once_no_session_is_left,
    of_a_change_and_a_reset_at_once_the_reset_stands,
    of_a_sign_in_and_an_app_at_once_none_was_let_in_by_half,
);

/// How often two things are done at the same moment.
const ROUNDS: u8 = 12;

fn hash(n: u8) -> WordHash {
    Word::new([n; 32]).hash()
}

fn session(n: u8, user: UserId) -> NewSession {
    let session = Session {
        id: SessionId::from_bits(n.into()),
        user,
        device: "Firefox on Linux".to_owned(),
        country: None,
        created_at: at(1),
        seen_at: at(1),
        expires_at: at(1000),
    };
    NewSession { session, hash: hash(n), request: None }
}

async fn person(store: &Store, n: u8) -> UserId {
    let new = NewUser {
        id: UserId::from_bits(n.into()),
        email: Address::parse(&format!("person{n}@example.com")).expect("an address"),
        name: "Ada Lovelace".to_owned(),
        password_hash: Some("old".to_owned()),
        is_admin: false,
        now: at(1),
    };
    store.create_user(new).await.expect("the store works").expect("the address is free").id
}

async fn account(store: &Store, user: UserId) -> Account {
    store.account(user).await.expect("the store works").expect("they are there")
}

async fn password_of(store: &Store, user: UserId) -> String {
    account(store, user).await.password_hash.expect("a password")
}

/// What lets in whoever has shown all that their account asks for at this moment.
async fn all_of(store: &Store, user: UserId) -> Shown {
    let Account { password_hash, factor, .. } = account(store, user).await;
    let app = factor.filter(|factor| factor.is_confirmed).map(|factor| factor.sealed);
    Shown::Password { hash: password_hash, app }
}

async fn begin(store: &Store, n: u8, user: UserId, shown: Shown) -> bool {
    store.begin_session(session(n, user), shown, Vec::new()).await.expect("the store works")
}

async fn is_in(store: &Store, n: u8) -> bool {
    store.session_by_hash(hash(n), at(2)).await.expect("the store works").is_some()
}

/// Makes a link with which a password is chosen, and chooses it.
async fn reset(store: &Store, n: u8, user: UserId, password: &str) {
    let word = NewWord { hash: hash(n), now: at(1), until: at(500) };
    assert!(store.create_password_word(user, word, None).await.expect("the store works"));
    let done = store.reset_password(hash(n), password.to_owned(), Whence::default(), at(2)).await;
    assert_eq!(done.expect("the store works").map(|user| user.id), Some(user));
}

async fn confirm_app(store: &Store, user: UserId, sealed: u8) {
    let by = || Asker::Operator(user);
    assert_eq!(store.begin_totp(by(), vec![sealed], at(1)).await.expect("the store works"), Ok(true));
    assert_eq!(store.confirm_totp(by(), vec![sealed], 1, Vec::new(), at(1)).await.expect("the store works"), Ok(true));
}

async fn a_sign_in_under_way_ends_with_what_it_rests_on(backend: &Backend) {
    let store = &backend.store;
    let ada = person(store, 1).await;
    let before = all_of(store, ada).await;
    reset(store, 100, ada, "new").await;
    assert!(!begin(store, 1, ada, before).await, "another password was chosen");
    assert!(begin(store, 2, ada, all_of(store, ada).await).await);

    let before = all_of(store, ada).await;
    confirm_app(store, ada, 7).await;
    assert!(!begin(store, 3, ada, before).await, "a code is asked for now");
    let with_code = all_of(store, ada).await;
    assert!(begin(store, 4, ada, with_code.clone()).await);
    assert_eq!(store.end_totp(Asker::Operator(ada), at(2)).await.expect("the store works"), Ok(true));
    confirm_app(store, ada, 8).await;
    assert!(!begin(store, 5, ada, with_code).await, "of another app");

    let before = all_of(store, ada).await;
    store.set_user_disabled(ada, true, at(3)).await.expect("the store works");
    assert!(!begin(store, 6, ada, before.clone()).await, "they may not sign in");
    assert!(!begin(store, 7, ada, Shown::Elsewhere).await, "nor elsewhere");
    store.set_user_disabled(ada, false, at(4)).await.expect("the store works");
    assert!(begin(store, 8, ada, before).await);
    for n in [1, 3, 5, 6, 7] {
        assert!(!is_in(store, n).await, "{n}");
    }
    assert!(is_in(store, 8).await);
    // A name is nothing that anybody rests on.
    let before = all_of(store, ada).await;
    store.rename_user(ada, "A. L.".to_owned(), at(5)).await.expect("the store works").expect("Ada");
    assert!(begin(store, 9, ada, before).await);
}

async fn a_sign_in_elsewhere_rests_on_no_password(backend: &Backend) {
    let store = &backend.store;
    let ada = person(store, 1).await;
    reset(store, 100, ada, "new").await;
    confirm_app(store, ada, 7).await;
    assert!(begin(store, 1, ada, Shown::Elsewhere).await);
}

fn in_person(user: UserId, session: u8, password_hash: &str) -> Asker {
    let session = SessionId::from_bits(session.into());
    Asker::InPerson { who: user.into(), session, password_hash: Some(password_hash.to_owned()) }
}

/// Everything that somebody does who was asked for their password, each by this one.
async fn every_change(store: &Store, by: &Asker) -> [Result<(), Outdated>; 6] {
    let works = "the store works";
    let email = Address::parse("other@example.com").expect("an address");
    let word = NewWord { hash: hash(200), now: at(2), until: at(500) };
    [
        store.begin_totp(by.clone(), vec![1], at(2)).await.expect(works).map(drop),
        store.confirm_totp(by.clone(), vec![1], 1, vec![[1; 32]], at(2)).await.expect(works).map(drop),
        store.replace_recovery_codes(by.clone(), vec![[2; 32]], at(2)).await.expect(works).map(drop),
        store.create_email_word(by.clone(), email, word, None).await.expect(works).map(drop),
        store.end_totp(by.clone(), at(2)).await.expect(works).map(drop),
        store.set_password(by.clone(), "newest".to_owned(), at(2)).await.expect(works),
    ]
}

async fn nothing_is_changed_by(store: &Store, by: &Asker) {
    let Asker::InPerson { who, .. } = by else { panic!("in person") };
    let before = account(store, who.user).await;
    assert_eq!(every_change(store, by).await, [Err(Outdated); 6]);
    assert_eq!(account(store, who.user).await, before);
    let word = store.word(hash(200), WordPurpose::Email, at(3)).await.expect("the store works");
    assert_eq!(word, None);
}

async fn a_change_under_way_undoes_no_other(backend: &Backend) {
    let store = &backend.store;
    let ada = person(store, 1).await;
    assert!(begin(store, 1, ada, all_of(store, ada).await).await);
    let before = in_person(ada, 1, "old");
    reset(store, 100, ada, "new").await;
    nothing_is_changed_by(store, &before).await;
    // Also where the session is one that was begun since, and what was asked for is not.
    assert!(begin(store, 2, ada, all_of(store, ada).await).await);
    nothing_is_changed_by(store, &in_person(ada, 2, "old")).await;
    assert_eq!(every_change(store, &in_person(ada, 2, "new")).await, [Ok(()); 6]);
    assert_eq!(password_of(store, ada).await, "newest");
    assert!(is_in(store, 2).await, "the session in which it was asked for goes on");
}

async fn a_change_ends_with_its_session(backend: &Backend) {
    let store = &backend.store;
    let (ada, bob) = (person(store, 1).await, person(store, 2).await);
    for (n, user) in [(1, ada), (2, ada), (3, bob)] {
        assert!(begin(store, n, user, Shown::Elsewhere).await);
    }
    assert!(store.end_session(ada, SessionId::from_bits(1), at(2)).await.expect("the store works"));
    for session in [1, 3, 9] {
        nothing_is_changed_by(store, &in_person(ada, session, "old")).await;
    }
    // Whoever is disabled and enabled again has to sign in again.
    for is_disabled in [true, false] {
        store.set_user_disabled(ada, is_disabled, at(3)).await.expect("the store works");
        nothing_is_changed_by(store, &in_person(ada, 2, "old")).await;
    }
}

async fn of_a_sign_in_and_a_reset_at_once_no_session_is_left(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=ROUNDS {
        let user = person(store, n).await;
        let shown = all_of(store, user).await;
        tokio::join!(begin(store, n, user, shown), reset(store, 100 + n, user, "new"));
        assert!(!is_in(store, n).await, "whoever knows the old password alone is out");
    }
}

async fn of_a_change_and_a_reset_at_once_the_reset_stands(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=ROUNDS {
        let user = person(store, n).await;
        assert!(begin(store, n, user, all_of(store, user).await).await);
        let word = NewWord { hash: hash(100 + n), now: at(1), until: at(500) };
        assert!(store.create_password_word(user, word, None).await.expect("the store works"));
        let (changed, reset) = tokio::join!(
            store.set_password(in_person(user, n, "old"), "theirs".to_owned(), at(2)),
            store.reset_password(hash(100 + n), "new".to_owned(), Whence::default(), at(2)),
        );
        // One of them came first, and the other rests on what is so no more: a new password ends every link.
        let (changed, reset) = (changed.expect("the store works"), reset.expect("the store works"));
        assert_eq!(changed.is_ok(), reset.is_none());
        assert_eq!(password_of(store, user).await, if reset.is_some() { "new" } else { "theirs" });
    }
}

async fn of_a_sign_in_and_an_app_at_once_none_was_let_in_by_half(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=ROUNDS {
        let user = person(store, n).await;
        let by = Asker::Operator(user);
        assert_eq!(store.begin_totp(by.clone(), vec![n], at(1)).await.expect("the store works"), Ok(true));
        let shown = all_of(store, user).await;
        let (is_begun, confirmed) =
            tokio::join!(begin(store, n, user, shown.clone()), store.confirm_totp(by, vec![n], 1, Vec::new(), at(2)),);
        assert_eq!(confirmed.expect("the store works"), Ok(true));
        assert_eq!(is_in(store, n).await, is_begun);
        assert!(!begin(store, 100 + n, user, shown).await, "by now a code is asked for");
    }
}
