//! Accounts: the first one, passwords, addresses, words in links, second factors, and sessions as people see them.

use std::time::Duration;

use mask_core::{
    id::{LetterId, MemberId, SessionId, UserId, WorkspaceId},
    mail::Address,
    person::{Session, User, Word, WordHash},
    role::Role,
    time::Time,
};
use mask_store::{
    Asker, FirstUser, NewLetter, NewMember, NewSession, NewUser, NewWord, NewWorkspace, Outdated, Readdressed, Shown,
    SignUp, Whence, WordPurpose,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::at,
};

on_every_backend!(
    the_first_account_is_made_once,
    an_account_is_found,
    a_password_ends_what_was_before,
    a_word_opens_once,
    letters_with_words_are_bounded,
    an_address_is_changed_by_its_reader,
    signing_up_tells_nothing,
    an_app_and_its_codes,
    sessions_end,
    what_ended_is_forgotten,
    who_is_disabled_is_out,
);

const HOUR: Duration = Duration::from_hours(1);

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn new_user(n: u128, email: &str) -> NewUser {
    NewUser {
        id: UserId::from_bits(n),
        email: address(email),
        name: "Ada Lovelace".to_owned(),
        password_hash: Some(format!("hash {n}")),
        is_admin: false,
        now: at(1),
    }
}

async fn make_user(backend: &Backend, n: u128, email: &str) -> User {
    backend.store.create_user(new_user(n, email)).await.expect("the store works").expect("the address is free")
}

fn hash(n: u8) -> WordHash {
    Word::new([n; 32]).hash()
}

fn session(n: u128, user: UserId) -> Session {
    Session {
        id: SessionId::from_bits(n),
        user,
        device: "Firefox on Linux".to_owned(),
        country: None,
        created_at: at(1),
        seen_at: at(1),
        expires_at: at(100),
    }
}

/// Begins session `n` with the word of `n`.
async fn begin(backend: &Backend, n: u8, user: UserId) -> SessionId {
    let session = session(u128::from(n), user);
    let id = session.id;
    assert!(
        backend
            .store
            .begin_session(NewSession { session, hash: hash(n), request: None }, Shown::Elsewhere, Vec::new())
            .await
            .expect("the store works")
    );
    id
}

async fn is_in(backend: &Backend, n: u8, now: Time) -> bool {
    backend.store.session_by_hash(hash(n), now).await.expect("the store works").is_some()
}

fn word(n: u8, now: Time) -> NewWord {
    NewWord { hash: hash(n), now, until: now.after(HOUR) }
}

fn letter(n: u128, to: &str) -> NewLetter {
    NewLetter { id: LetterId::from_bits(n), to: address(to), sealed: vec![1], now: at(1) }
}

/// To whom the letters go that wait, in the order of their writing.
async fn letters(backend: &Backend) -> Vec<String> {
    let claimed = backend.store.claim_letters(100, at(1_000_000), at(1_000_001)).await.expect("the store works");
    claimed.into_iter().map(|letter| letter.to.to_string()).collect()
}

async fn the_first_account_is_made_once(backend: &Backend) {
    let store = &backend.store;
    let new = NewWorkspace {
        id: WorkspaceId::from_bits(1),
        name: "Default".to_owned(),
        slug: "default".to_owned(),
        now: at(1),
    };
    let workspace = store.create_workspace(new).await.expect("the store works").expect("the slug is free").number;
    for n in [1, 2] {
        assert!(store.create_setup_word(hash(n), at(1)).await.expect("the store works"), "each start prints one");
        assert!(store.is_setup_word(hash(n)).await.expect("the store works"));
    }
    assert!(!store.is_setup_word(hash(3)).await.expect("the store works"));
    let first = |n: u8, word: u8| {
        let id = UserId::from_bits(u128::from(n));
        FirstUser {
            word: hash(word),
            user: NewUser { is_admin: true, ..new_user(u128::from(n), &format!("ada{n}@example.com")) },
            member: NewMember {
                id: MemberId::from_bits(u128::from(n)),
                workspace,
                user: id,
                role: Role::Owner,
                now: at(1),
            },
            session: NewSession { session: session(u128::from(n), id), hash: hash(n + 100), request: None },
        }
    };
    assert!(!store.create_first_user(first(9, 3)).await.expect("the store works"), "no such word");
    assert_eq!(store.list_users().await.expect("the store works").len(), 0, "nothing of it is left");
    // Two people with a link each, at the same moment.
    let (one, two) = tokio::join!(store.create_first_user(first(1, 1)), store.create_first_user(first(2, 2)));
    let (one, two) = (one.expect("the store works"), two.expect("the store works"));
    assert!(one != two, "one of them owns the installation: {one} {two}");
    let users = store.list_users().await.expect("the store works");
    assert_eq!((users.len(), users[0].is_admin), (1, true));
    let places = store.list_own_workspaces(users[0].id, at(3), None, 9).await.expect("the store works").rows;
    assert_eq!((places.len(), places[0].0.slug.as_str(), places[0].1), (1, "default", Role::Owner));
    assert!(is_in(backend, if one { 101 } else { 102 }, at(2)).await);
    for n in [1, 2] {
        assert!(!store.is_setup_word(hash(n)).await.expect("the store works"));
        assert!(!store.create_first_user(first(5, n)).await.expect("the store works"));
    }
    assert!(!store.create_setup_word(hash(4), at(2)).await.expect("the store works"), "there is nothing to set up");
}

async fn an_account_is_found(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "Ada@example.com").await;
    let bob = make_user(backend, 2, "bob@example.com").await;
    let found = store.account_by_email(address("ada@EXAMPLE.com")).await.expect("the store works").expect("Ada");
    assert_eq!((&found.user, found.password_hash.as_deref(), &found.factor), (&ada, Some("hash 1"), &None));
    assert_eq!(store.account(ada.id).await.expect("the store works"), Some(found));
    assert_eq!(store.account(UserId::from_bits(9)).await.expect("the store works"), None);
    assert_eq!(store.account_by_email(address("eve@example.com")).await.expect("the store works"), None);
    assert_eq!(store.list_users().await.expect("the store works"), [ada.clone(), bob]);
    let renamed = store.rename_user(ada.id, "A. L.".to_owned(), at(5)).await.expect("the store works");
    let expected = User { name: "A. L.".to_owned(), version: 2, updated_at: at(5), ..ada };
    assert_eq!(renamed, Some(expected));
    assert_eq!(store.rename_user(UserId::from_bits(9), "x".to_owned(), at(5)).await.expect("the store works"), None);
}

async fn a_password_ends_what_was_before(backend: &Backend) {
    let store = &backend.store;
    let (ada, bob) = (make_user(backend, 1, "ada@example.com").await, make_user(backend, 2, "bob@example.com").await);
    let kept = begin(backend, 1, ada.id).await;
    begin(backend, 2, ada.id).await;
    begin(backend, 3, bob.id).await;
    assert!(store.create_password_word(ada.id, word(9, at(1)), None).await.expect("the store works"));
    let asker = Asker::InPerson { who: ada.id.into(), session: kept, password_hash: Some("hash 1".to_owned()) };
    let set = async |asker| store.set_password(asker, "new".to_owned(), at(5)).await.expect("the store works");
    assert_eq!(set(asker).await, Ok(()));
    assert_eq!(set(Asker::Operator(UserId::from_bits(9))).await, Err(Outdated));
    let found = store.account(ada.id).await.expect("the store works").expect("Ada");
    assert_eq!(found.password_hash.as_deref(), Some("new"));
    assert!(is_in(backend, 1, at(5)).await && !is_in(backend, 2, at(5)).await && is_in(backend, 3, at(5)).await);
    let gone = store.word(hash(9), WordPurpose::Password, at(5)).await.expect("the store works");
    assert_eq!(gone, None, "a link of before sets no password");
}

async fn a_word_opens_once(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await;
    begin(backend, 1, ada.id).await;
    for n in [7, 8] {
        assert!(store.create_password_word(ada.id, word(n, at(1)), None).await.expect("the store works"));
    }
    let look = async |n, purpose, now| {
        store.word(hash(n), purpose, now).await.expect("the store works").map(|(user, email)| (user.id, email))
    };
    let end = at(1).after(HOUR);
    assert_eq!(look(7, WordPurpose::Password, at(2)).await, Some((ada.id, None)));
    assert_eq!(look(7, WordPurpose::Email, at(2)).await, None, "it is for another thing");
    assert_eq!(look(7, WordPurpose::Password, end).await, None, "its hour is over");
    let reset = async |n: u8, now| {
        store.reset_password(hash(n), "new".to_owned(), Whence::default(), now).await.expect("the store works")
    };
    assert_eq!(reset(7, end).await, None);
    // Used twice at the same moment.
    let (one, two) = tokio::join!(reset(7, at(2)), reset(7, at(2)));
    assert_eq!([&one, &two].iter().filter(|user| user.is_some()).count(), 1);
    assert_eq!((reset(7, at(2)).await, reset(8, at(2)).await), (None, None), "nor does another link of before");
    assert!(!is_in(backend, 1, at(2)).await, "whoever was in is out");
    let nobody = store.create_password_word(UserId::from_bits(9), word(9, at(1)), None).await;
    assert!(!nobody.expect("the store works"));
}

async fn letters_with_words_are_bounded(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await;
    let mut posted = 0;
    for n in 0..20 {
        let letter = letter(u128::from(n) + 1, "ada@example.com");
        let done = store.create_password_word(ada.id, word(n, at(1)), Some(letter)).await.expect("the store works");
        posted += usize::from(done);
    }
    assert_eq!((posted, letters(backend).await.len()), (10, 10));
    assert!(store.create_password_word(ada.id, word(50, at(1)), None).await.expect("the store works"), "by hand");
    let tomorrow = at(1).after(HOUR * 25);
    let letter = letter(99, "ada@example.com");
    assert!(store.create_password_word(ada.id, word(51, tomorrow), Some(letter)).await.expect("the store works"));
}

async fn an_address_is_changed_by_its_reader(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await;
    make_user(backend, 2, "bob@example.com").await;
    let ask = async |n: u8, email: &str| {
        let letter = letter(u128::from(n), email);
        let asker = Asker::Operator(ada.id);
        let asked = store.create_email_word(asker, address(email), word(n, at(1)), Some(letter)).await;
        assert_eq!(asked.expect("the store works"), Ok(true));
    };
    let change = async |n: u8| {
        let notice = move |old: Address, new: &Address| {
            assert_ne!(&old, new);
            letter(u128::from(n) + 100, old.as_str())
        };
        store.change_email(hash(n), Whence::default(), at(2), Some(Box::new(notice))).await.expect("the store works")
    };
    ask(1, "bob@example.com").await;
    ask(2, "countess@example.com").await;
    assert_eq!(change(1).await, Readdressed::Taken);
    let expected = User { email: address("countess@example.com"), version: 2, updated_at: at(2), ..ada.clone() };
    assert_eq!(change(2).await, Readdressed::Done(expected));
    assert_eq!(change(2).await, Readdressed::Unknown, "once");
    assert_eq!(letters(backend).await, ["bob@example.com", "countess@example.com", "ada@example.com"]);
    assert_eq!(store.account_by_email(ada.email).await.expect("the store works"), None);
    let nobody = Asker::Operator(UserId::from_bits(9));
    let unknown = store.create_email_word(nobody, address("x@example.com"), word(9, at(1)), None).await;
    assert_eq!(unknown.expect("the store works"), Err(Outdated));
}

async fn signing_up_tells_nothing(backend: &Backend) {
    let store = &backend.store;
    for n in [1, 2] {
        let sign_up = SignUp {
            user: NewUser { password_hash: None, ..new_user(u128::from(n), "ada@example.com") },
            word: word(n, at(1)),
            welcome: letter(u128::from(n), "welcome@example.com"),
            known: letter(u128::from(n), "known@example.com"),
        };
        store.sign_up(sign_up).await.expect("the store works");
    }
    assert_eq!(letters(backend).await, ["welcome@example.com", "known@example.com"]);
    let users = store.list_users().await.expect("the store works");
    assert_eq!((users.len(), users[0].id), (1, UserId::from_bits(1)));
    for n in [1, 2] {
        let whose = store.word(hash(n), WordPurpose::Password, at(2)).await.expect("the store works");
        assert_eq!(whose.map(|(user, _)| user.id), Some(UserId::from_bits(1)));
    }
}

async fn an_app_and_its_codes(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await.id;
    let codes = |n: u8| (0..10).map(|code| [n + code; 32]).collect::<Vec<_>>();
    let by = || Asker::Operator(ada);
    let none = store.replace_recovery_codes(by(), codes(0), at(2)).await.expect("the store works");
    assert_eq!(none, Ok(false), "there is no app");
    for sealed in [1, 2] {
        assert_eq!(store.begin_totp(by(), vec![sealed], at(1)).await.expect("the store works"), Ok(true));
    }
    let confirm = async |sealed, step| {
        store.confirm_totp(by(), vec![sealed], step, codes(0), at(2)).await.expect("the store works") == Ok(true)
    };
    let take = async |step| store.use_totp(ada, step).await.expect("the store works");
    assert!(!take(5).await, "it is not in use");
    assert!(!confirm(1, 5).await, "another took its place");
    assert!(confirm(2, 5).await);
    assert!(!confirm(2, 6).await, "it is in use already");
    let third = store.begin_totp(by(), vec![3], at(2)).await.expect("the store works");
    assert_eq!(third, Ok(false), "none takes its place now");
    assert!(!take(5).await, "each code once");
    let (one, two) = tokio::join!(take(6), take(6));
    assert!(one != two);
    assert!(!take(4).await && take(8).await && !take(7).await, "nor an earlier one");
    let recover = async |n: u8| store.use_recovery_code(ada, [n; 32], at(2)).await.expect("the store works");
    assert!(recover(3).await && !recover(3).await && !recover(200).await);
    let account = store.account(ada).await.expect("the store works").expect("Ada");
    let factor = account.factor.expect("an app");
    assert_eq!((factor.sealed, factor.is_confirmed, factor.last_step, account.recovery_codes), (vec![2], true, 8, 9));
    let replaced = store.replace_recovery_codes(by(), codes(100), at(2)).await.expect("the store works");
    assert_eq!(replaced, Ok(true));
    assert!(!recover(4).await && recover(104).await);
    for is_there in [true, false] {
        assert_eq!(store.end_totp(by(), at(2)).await.expect("the store works"), Ok(is_there));
        assert!(!take(9).await && !recover(105).await);
    }
    let account = store.account(ada).await.expect("the store works").expect("Ada");
    assert_eq!((account.factor, account.recovery_codes), (None, 0));
}

async fn sessions_end(backend: &Backend) {
    let store = &backend.store;
    let (ada, bob) =
        (make_user(backend, 1, "ada@example.com").await.id, make_user(backend, 2, "bob@example.com").await.id);
    let first = begin(backend, 1, ada).await;
    let new = NewSession { session: session(2, ada), hash: hash(2), request: None };
    assert!(store.begin_session(new, Shown::Elsewhere, vec![hash(1)]).await.expect("the store works"));
    assert!(!is_in(backend, 1, at(2)).await && is_in(backend, 2, at(2)).await, "one in place of the other");
    let nobody = NewSession { session: session(8, UserId::from_bits(9)), hash: hash(8), request: None };
    assert!(!store.begin_session(nobody, Shown::Elsewhere, vec![hash(2)]).await.expect("the store works"));
    assert!(is_in(backend, 2, at(2)).await, "whoever is not let in ends nothing");
    let second = SessionId::from_bits(2);
    let third = begin(backend, 3, ada).await;
    begin(backend, 4, bob).await;
    let listed = async |now| {
        let all = store.list_sessions(ada, now).await.expect("the store works");
        all.into_iter().map(|session| (session.id, session.seen_at, session.expires_at)).collect::<Vec<_>>()
    };
    store.touch_session(second, at(70), at(170)).await.expect("the store works");
    store.touch_session(second, at(69), at(169)).await.expect("the store works");
    assert_eq!(listed(at(99)).await, [(third, at(1), at(100)), (second, at(70), at(170))]);
    assert_eq!(listed(at(100)).await, [(second, at(70), at(170))]);
    assert!(is_in(backend, 2, at(169)).await && !is_in(backend, 2, at(170)).await);
    assert!(!store.end_session(bob, second, at(2)).await.expect("the store works"), "it is not his");
    assert!(!store.end_session(ada, first, at(2)).await.expect("the store works"), "it is over");
    assert!(store.end_session(ada, second, at(2)).await.expect("the store works"));
    begin(backend, 5, ada).await;
    assert_eq!(store.end_sessions(ada, Some(third), at(2)).await.expect("the store works"), 1);
    assert!(is_in(backend, 3, at(2)).await && !is_in(backend, 5, at(2)).await && is_in(backend, 4, at(2)).await);
    assert_eq!(store.end_sessions(ada, None, at(2)).await.expect("the store works"), 1);
    assert_eq!(store.end_sessions(UserId::from_bits(9), None, at(2)).await.expect("the store works"), 0);
}

async fn what_ended_is_forgotten(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await.id;
    for n in 1..=3 {
        begin(backend, n, ada).await;
        assert!(store.create_password_word(ada, word(n, at(1)), None).await.expect("the store works"));
    }
    let end = at(1).after(HOUR);
    assert_eq!(store.forget_words(at(3600), 10).await.expect("the store works"), 0);
    assert_eq!(store.forget_words(end, 2).await.expect("the store works"), 2);
    assert_eq!(store.forget_words(end, 2).await.expect("the store works"), 1);
    assert_eq!(store.forget_sessions(at(99), 10).await.expect("the store works"), 0);
    assert_eq!(store.forget_sessions(at(100), 2).await.expect("the store works"), 2);
    assert_eq!(store.forget_sessions(at(100), 2).await.expect("the store works"), 1);
}

async fn who_is_disabled_is_out(backend: &Backend) {
    let store = &backend.store;
    let ada = make_user(backend, 1, "ada@example.com").await;
    begin(backend, 1, ada.id).await;
    assert!(store.create_password_word(ada.id, word(1, at(1)), None).await.expect("the store works"));
    let turn = async |is_disabled, now| {
        store.set_user_disabled(ada.id, is_disabled, now).await.expect("the store works").expect("Ada").disabled_at
    };
    assert_eq!(turn(false, at(2)).await, None);
    assert!(is_in(backend, 1, at(2)).await, "nothing has changed");
    assert_eq!(turn(true, at(3)).await, Some(at(3)));
    assert_eq!(turn(true, at(4)).await, Some(at(3)), "since then");
    assert!(!is_in(backend, 1, at(4)).await);
    let word_now = store.word(hash(1), WordPurpose::Password, at(4)).await.expect("the store works");
    assert_eq!(word_now, None);
    assert!(!store.create_password_word(ada.id, word(2, at(4)), None).await.expect("the store works"));
    assert_eq!(turn(false, at(5)).await, None);
    assert!(!is_in(backend, 1, at(5)).await, "what was ended stays so");
    assert_eq!(store.set_user_disabled(UserId::from_bits(9), true, at(5)).await.expect("the store works"), None);
}
