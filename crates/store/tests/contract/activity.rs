//! What people did with their own accounts.

use std::time::Duration;

use mask_core::{
    actor::Actor,
    id::{ActivityId, MemberId, SessionId, UserId, WorkspaceId},
    mail::Address,
    person::{Session, Word, WordHash},
    role::Role,
};
use mask_store::{
    Asker, Expected, FirstUser, LoggedActivity, NewIdentity, NewInvitation, NewMember, NewSession, NewUser, NewWord,
    NewWorkspace, Once, Oneself, Shown, Store, Whence,
};

use crate::{
    audit::log,
    backend::{Backend, on_every_backend},
    members::{Team, account, place, user},
    sample::at,
};

on_every_backend!(
    every_sign_in_and_change_is_a_line,
    what_came_to_nothing_is_none,
    it_is_nobody_elses_and_has_pages,
    the_oldest_are_forgotten,
    whoever_joins_comes_from_somewhere,
);

fn hash(n: u8) -> WordHash {
    Word::new([n; 32]).hash()
}

fn whence(n: u8) -> Whence {
    Whence {
        request: Some(format!("req_{n:012}")),
        country: Some("DE".to_owned()),
        device: Some("Firefox on Linux".to_owned()),
    }
}

/// Ada, in the n-th request.
fn ada(n: u8) -> Oneself {
    Oneself { user: user(1), whence: whence(n) }
}

/// Ada, in the n-th request and in session 2.
fn asker(n: u8, password_hash: Option<&str>) -> Asker {
    let password_hash = password_hash.map(str::to_owned);
    Asker::InPerson { who: ada(n), session: SessionId::from_bits(2), password_hash }
}

async fn begin(store: &Store, session: NewSession) {
    assert!(store.begin_session(session, Shown::Elsewhere, Vec::new()).await.expect("the store works"));
}

fn session(n: u8, user: UserId) -> NewSession {
    let Whence { request, country, device } = whence(n);
    let session = Session {
        id: SessionId::from_bits(n.into()),
        user,
        device: device.expect("a browser"),
        country,
        created_at: at(n.into()),
        seen_at: at(n.into()),
        expires_at: at(1000),
    };
    NewSession { session, hash: hash(n), request }
}

async fn activity(store: &Store, user: UserId) -> Vec<LoggedActivity> {
    store.list_activity(user, None, 100).await.expect("the store works").rows
}

/// What was done, oldest first, with the session that it was about.
async fn deeds(store: &Store, user: UserId) -> Vec<(String, Option<String>)> {
    let lines = activity(store, user).await;
    lines.into_iter().rev().map(|line| (line.action, line.object)).collect()
}

fn deed(action: &str, session: u8) -> (String, Option<String>) {
    (action.to_owned(), (session > 0).then(|| SessionId::from_bits(session.into()).to_string()))
}

async fn every_sign_in_and_change_is_a_line(backend: &Backend) {
    let store = &backend.store;
    account(backend, 1).await;
    let works = "the store works";
    begin(store, session(1, user(1))).await;
    begin(store, session(2, user(1))).await;
    let new = || Some("new");
    store.set_password(asker(3, None), "new".to_owned(), at(3)).await.expect(works).expect("Ada");
    assert_eq!(store.begin_totp(asker(4, new()), vec![1], at(4)).await.expect(works), Ok(true));
    let codes = vec![[1; 32], [2; 32]];
    assert_eq!(store.confirm_totp(asker(4, new()), vec![1], 7, codes, at(4)).await.expect(works), Ok(true));
    assert!(store.use_recovery_code(ada(5), [1; 32], at(5)).await.expect(works));
    assert_eq!(store.replace_recovery_codes(asker(6, new()), vec![[3; 32]], at(6)).await.expect(works), Ok(true));
    assert_eq!(store.end_totp(asker(7, new()), at(7)).await.expect(works), Ok(true));
    begin(store, session(8, user(1))).await;
    assert_eq!(store.end_sessions(ada(9), Some(SessionId::from_bits(8)), at(9)).await.expect(works), 1);
    assert!(store.end_session(ada(10), SessionId::from_bits(8), at(10)).await.expect(works));
    let word = |n: u8| NewWord { hash: hash(n), now: at(11), until: at(500) };
    let email = Address::parse("countess@example.com").expect("an address");
    store.create_email_word(Asker::Operator(user(1)), email, word(11), None).await.expect(works).expect("Ada");
    store.change_email(hash(11), whence(11), at(11), None).await.expect(works);
    store.create_password_word(user(1), word(12), None).await.expect(works);
    store.reset_password(hash(12), "newer".to_owned(), whence(12), at(12)).await.expect(works).expect("Ada");
    for (is_disabled, now) in [(true, at(13)), (true, at(14)), (false, at(15))] {
        store.set_user_disabled(user(1), is_disabled, now).await.expect(works).expect("Ada");
    }
    let identity = NewIdentity {
        issuer: "https://login.example".to_owned(),
        subject: "ada".to_owned(),
        email: Address::parse("countess@example.com").expect("an address"),
        name: "Ada".to_owned(),
        roles: Vec::new(),
        new_user: None,
        whence: whence(16),
        now: at(16),
    };
    for _ in 0..2 {
        store.identify(identity.clone()).await.expect(works).expect("Ada");
    }
    let expected = [
        deed("session.created", 1),
        deed("session.created", 2),
        deed("password.changed", 0),
        deed("totp.enabled", 0),
        deed("recovery_code.used", 0),
        deed("recovery_codes.replaced", 0),
        deed("totp.disabled", 0),
        deed("session.created", 8),
        deed("session.others_ended", 0),
        deed("session.ended", 8),
        deed("email.changed", 0),
        deed("password.reset", 0),
        deed("account.disabled", 0),
        deed("account.enabled", 0),
        deed("identity.linked", 0),
    ];
    assert_eq!(deeds(store, user(1)).await, expected);
    let lines = activity(store, user(1)).await;
    let known: std::collections::BTreeSet<_> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(known.len(), mask_core::activity::Activity::ALL.len(), "each there is was seen");
    let first = lines.last().expect("a line");
    assert_eq!((first.at, &first.whence), (at(1), &whence(1)));
    let disabled = lines.iter().find(|line| line.action == "account.disabled").expect("a line");
    assert_eq!((disabled.at, &disabled.whence), (at(13), &Whence::default()), "the operator's");
}

async fn what_came_to_nothing_is_none(backend: &Backend) {
    let store = &backend.store;
    account(backend, 1).await;
    account(backend, 2).await;
    let works = "the store works";
    let theirs = SessionId::from_bits(9);
    begin(store, session(9, user(2))).await;
    assert!(!store.end_session(ada(1), theirs, at(1)).await.expect(works));
    assert_eq!(store.end_sessions(ada(1), None, at(1)).await.expect(works), 0);
    let by = || Asker::Operator(user(1));
    assert_eq!(store.confirm_totp(by(), vec![1], 1, Vec::new(), at(1)).await.expect(works), Ok(false));
    assert!(!store.use_recovery_code(ada(1), [1; 32], at(1)).await.expect(works));
    assert_eq!(store.replace_recovery_codes(by(), Vec::new(), at(1)).await.expect(works), Ok(false));
    assert_eq!(store.begin_totp(by(), vec![1], at(1)).await.expect(works), Ok(true));
    assert_eq!(store.end_totp(by(), at(1)).await.expect(works), Ok(true), "it was never put to use");
    assert_eq!(store.end_totp(by(), at(1)).await.expect(works), Ok(false));
    store.set_password(asker(1, None), "x".to_owned(), at(1)).await.expect(works).expect_err("nobody is in");
    assert_eq!(store.reset_password(hash(1), "x".to_owned(), whence(1), at(1)).await.expect(works), None);
    store.set_user_disabled(user(1), false, at(1)).await.expect(works);
    assert_eq!(deeds(store, user(1)).await, []);
}

async fn it_is_nobody_elses_and_has_pages(backend: &Backend) {
    let store = &backend.store;
    account(backend, 1).await;
    account(backend, 2).await;
    for n in 1..=7 {
        begin(store, session(n, user(u128::from(n % 2) + 1))).await;
    }
    let all = activity(store, user(1)).await;
    assert_eq!(all.iter().map(|line| line.at).collect::<Vec<_>>(), [at(6), at(4), at(2)], "the newest first");
    assert_eq!(activity(store, user(2)).await.len(), 4);
    assert_eq!(activity(store, user(3)).await, []);
    let first = store.list_activity(user(1), None, 2).await.expect("the store works");
    let cursor = first.next.expect("there is more");
    let after = ActivityId::parse(&cursor.id).expect("a line's id");
    let rest = store.list_activity(user(1), Some(after), 2).await.expect("the store works");
    assert_eq!((first.rows, rest.rows, rest.next), (all[..2].to_vec(), all[2..].to_vec(), None));
    let ends: std::collections::BTreeSet<u128> = all.iter().map(|line| line.id.bits() & 0xffff_ffff).collect();
    assert!(ends.len() == 3 && ends.iter().all(|end| *end > 0xffff), "they do not end in a number: {all:?}");
}

async fn the_oldest_are_forgotten(backend: &Backend) {
    let store = &backend.store;
    account(backend, 1).await;
    for n in 1..=5 {
        begin(store, session(n, user(1))).await;
    }
    let forget = async |before, limit| store.forget_activity(before, limit).await.expect("the store works");
    assert_eq!((forget(at(4), 2).await, forget(at(4), 2).await, forget(at(4), 2).await), (2, 1, 0));
    assert_eq!(deeds(store, user(1)).await, [deed("session.created", 4), deed("session.created", 5)]);
}

/// In the log of a workspace too: by which request, and from where, somebody joined it, made it, or took it back.
async fn whoever_joins_comes_from_somewhere(backend: &Backend) {
    let store = &backend.store;
    let works = "the store works";
    let last = async |workspace: i64| {
        let owner = mask_core::workspace::Owner { workspace, is_test: false };
        let line = log(store, owner).await.pop().expect("a line");
        (line.action, line.actor, line.request, line.country)
    };
    let line = |action: &str, person: u128, n: u8| {
        let Whence { request, country, .. } = whence(n);
        (action.to_owned(), Actor::Person(user(person)), request, country)
    };
    let new = NewWorkspace {
        id: WorkspaceId::from_bits(1),
        name: "Default".to_owned(),
        slug: "default".to_owned(),
        now: at(1),
    };
    let default = store.create_workspace(new).await.expect(works).expect("the slug is free").number;
    assert!(store.create_setup_word(hash(1), at(1)).await.expect(works));
    let first = FirstUser {
        word: hash(1),
        user: NewUser {
            id: user(7),
            email: Address::parse("first@example.com").expect("an address"),
            name: "First".to_owned(),
            password_hash: None,
            is_admin: true,
            now: at(2),
        },
        member: NewMember { id: place(7), workspace: default, user: user(7), role: Role::Owner, now: at(2) },
        session: session(2, user(7)),
    };
    assert!(store.create_first_user(first).await.expect(works));
    assert_eq!(last(default).await, line("member.created", 7, 2));

    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 2).await;
    let invite = async |n: u8, email: &str| {
        let invitation = mask_core::invitation::Invitation {
            id: mask_core::id::InvitationId::from_bits(n.into()),
            email: Address::parse(email).expect("an address"),
            role: Role::Member,
            invited_by: Actor::Person(user(1)),
            created_at: at(5),
            expires_at: at(5).after(Duration::from_hours(24)),
        };
        let new = NewInvitation { invitation, hash: hash(n), letter: None };
        store.create_invitation(team.by(1), new, None).await.expect(works);
    };
    invite(20, "person2@example.com").await;
    let who = Oneself { user: user(2), whence: whence(3) };
    store.accept_invitation(hash(20), who, place(20), at(6), None).await.expect(works);
    assert_eq!(last(team.workspace).await, line("member.created", 2, 3));
    invite(21, "new@example.com").await;
    let person = NewUser {
        id: user(3),
        email: Address::parse("new@example.com").expect("an address"),
        name: "New".to_owned(),
        password_hash: None,
        is_admin: false,
        now: at(7),
    };
    store.accept_as_new(hash(21), person, session(4, user(3)), place(21)).await.expect(works).expect("joined");
    assert_eq!(last(team.workspace).await, line("member.created", 3, 4));

    store
        .delete_workspace(team.by(1), Expected::AnyVersion, "A team".to_owned(), at(8))
        .await
        .expect(works)
        .expect("deleted");
    store.restore_workspace(ada(5), "team".to_owned(), at(9), None).await.expect(works);
    assert_eq!(last(team.workspace).await, line("workspace.restored", 1, 5));
    let new =
        NewWorkspace { id: WorkspaceId::from_bits(9), name: "Own".to_owned(), slug: "own".to_owned(), now: at(10) };
    let made = store.create_own_workspace(new, (ada(6), MemberId::from_bits(90)), None, None).await.expect(works);
    let Once::Done(Ok(made)) = made else { panic!("{made:?}") };
    assert_eq!(last(made.number).await, line("workspace.created", 1, 6));
}
