//! Who people are with a provider of identities elsewhere.

use mask_core::{
    id::{MemberId, SessionId, UserId, WorkspaceId},
    mail::Address,
    person::{Session, User, Word},
    role::Role,
};
use mask_store::{
    Asker, NewIdentity, NewMember, NewSession, NewUser, NewWorkspace, Shown, Store, Unidentified, Whence,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::at,
};

on_every_backend!(
    who_comes_again_is_known,
    who_is_kept_out_loses_nothing,
    groups_decide_about_places,
    many_come_at_once_and_are_one,
);

fn identity(subject: &str, email: &str) -> NewIdentity {
    NewIdentity {
        issuer: "https://login.example".to_owned(),
        subject: subject.to_owned(),
        email: Address::parse(email).expect("an address"),
        name: "Ada Lovelace".to_owned(),
        roles: Vec::new(),
        new_user: Some(UserId::from_bits(50)),
        whence: Whence::default(),
        now: at(10),
    }
}

async fn identify(store: &Store, new: NewIdentity) -> Result<User, Unidentified> {
    store.identify(new).await.expect("the store works")
}

fn session_of(user: UserId) -> Session {
    Session {
        id: SessionId::from_bits(9),
        user,
        device: "Firefox on Linux".to_owned(),
        country: None,
        created_at: at(2),
        seen_at: at(2),
        expires_at: at(1000),
    }
}

async fn set_up(store: &Store) -> User {
    let new = NewUser {
        id: UserId::from_bits(1),
        email: Address::parse("owner@example.com").expect("an address"),
        name: "Owner".to_owned(),
        password_hash: None,
        is_admin: true,
        now: at(1),
    };
    store.create_user(new).await.expect("the store works").expect("the first")
}

async fn who_comes_again_is_known(backend: &Backend) {
    let store = &backend.store;
    assert_eq!(identify(store, identity("a", "ada@example.com")).await, Err(Unidentified::NotSetUp));
    let owner = set_up(store).await;
    let closed = NewIdentity { new_user: None, ..identity("a", "ada@example.com") };
    assert_eq!(identify(store, closed.clone()).await, Err(Unidentified::Stranger));

    let made = identify(store, identity("a", "Ada@example.com")).await.expect("a new account");
    assert_eq!((made.id, made.is_admin, made.email.as_str()), (UserId::from_bits(50), false, "Ada@example.com"));
    // Somebody else may have made an account with an address that is not theirs, and wait in it.
    let squatter = NewUser {
        id: UserId::from_bits(60),
        email: Address::parse("bob@example.com").expect("an address"),
        name: "Bob".to_owned(),
        password_hash: Some("$argon2id$".to_owned()),
        is_admin: false,
        now: at(2),
    };
    let squatter = store.create_user(squatter).await.expect("the store works").expect("the address is free");
    let (hash, session) = (Word::new([9; 32]).hash(), session_of(squatter.id));
    let session = NewSession { session, hash, request: None };
    assert!(store.begin_session(session, Shown::Elsewhere, Vec::new()).await.expect("the store works"));
    assert_eq!(identify(store, identity("b", "bob@example.com")).await.map(|user| user.id), Ok(squatter.id));
    assert_eq!(store.session_by_hash(hash, at(3)).await.expect("the store works"), None);
    let account = store.account(squatter.id).await.expect("the store works").expect("it is there");
    assert_eq!(account.password_hash, None);

    // By now the name counts and the address does not.
    let moved = NewIdentity { email: Address::parse("owner@example.com").expect("an address"), ..closed };
    assert_eq!(identify(store, moved).await, Ok(made.clone()));
    // Another provider's name is another, and so is another name.
    let other = NewIdentity { issuer: "https://other.example".to_owned(), ..identity("a", "OWNER@example.com") };
    assert_eq!(identify(store, other).await, Ok(owner), "an account that is there is theirs by its address");
    let third = NewIdentity { new_user: Some(UserId::from_bits(51)), ..identity("A", "third@example.com") };
    assert_eq!(identify(store, third).await.map(|user| user.id), Ok(UserId::from_bits(51)));
    store.set_user_disabled(made.id, true, at(20)).await.expect("the store works");
    assert_eq!(identify(store, identity("a", "ada@example.com")).await, Err(Unidentified::Disabled));
}

/// A disabled account that the provider's person would take over is left as it is: it may be given back.
async fn who_is_kept_out_loses_nothing(backend: &Backend) {
    let store = &backend.store;
    set_up(store).await;
    let new = NewUser {
        id: UserId::from_bits(60),
        email: Address::parse("bob@example.com").expect("an address"),
        name: "Bob".to_owned(),
        password_hash: Some("$argon2id$".to_owned()),
        is_admin: false,
        now: at(2),
    };
    let bob = store.create_user(new).await.expect("the store works").expect("the address is free").id;
    let operator = Asker::Operator(bob);
    assert_eq!(store.begin_totp(operator.clone(), vec![1], at(2)).await.expect("the store works"), Ok(true));
    let codes = vec![[1; 32], [2; 32]];
    let confirmed = store.confirm_totp(operator, vec![1], 7, codes, at(2)).await.expect("the store works");
    assert_eq!(confirmed, Ok(true));
    store.set_user_disabled(bob, true, at(3)).await.expect("the store works");
    let before = store.account(bob).await.expect("the store works");
    let lines = store.list_activity(bob, None, 9).await.expect("the store works").rows;
    assert_eq!(identify(store, identity("b", "bob@example.com")).await, Err(Unidentified::Disabled));
    assert_eq!(store.account(bob).await.expect("the store works"), before);
    assert_eq!(store.list_activity(bob, None, 9).await.expect("the store works").rows, lines);
    // Nor is it theirs once it is enabled: that is for the next time they come.
    store.set_user_disabled(bob, false, at(4)).await.expect("the store works");
    let elsewhere = NewIdentity { new_user: None, ..identity("b", "bobs-other@example.com") };
    assert_eq!(identify(store, elsewhere).await, Err(Unidentified::Stranger));
    assert_eq!(identify(store, identity("b", "bob@example.com")).await.map(|user| user.id), Ok(bob));
}

async fn groups_decide_about_places(backend: &Backend) {
    let store = &backend.store;
    let owner = set_up(store).await;
    let new =
        NewWorkspace { id: WorkspaceId::from_bits(1), name: "Team".to_owned(), slug: "team".to_owned(), now: at(1) };
    let workspace = store.create_workspace(new).await.expect("the store works").expect("the slug is free").number;
    let first = NewMember { id: MemberId::from_bits(1), workspace, user: owner.id, role: Role::Owner, now: at(1) };
    assert!(store.add_member(first).await.expect("the store works"));
    let come = async |subject: &str, email: &str, role: Option<Role>| {
        let roles = ["team", "nowhere"].map(|slug| (MemberId::from_bits(9), slug.to_owned(), role));
        let user =
            identify(store, NewIdentity { roles: roles.into(), ..identity(subject, email) }).await.expect("let in");
        let member = store.membership(user.id, "team".to_owned(), false).await.expect("the store works");
        member.map(|member| member.role)
    };
    for role in [Some(Role::Viewer), Some(Role::Admin), Some(Role::Admin), None, Some(Role::Member)] {
        assert_eq!(come("a", "ada@example.com", role).await, role);
    }
    for role in [Some(Role::Viewer), None] {
        assert_eq!(come("o", "owner@example.com", role).await, Some(Role::Owner), "an owner stays one");
    }
}

async fn many_come_at_once_and_are_one(backend: &Backend) {
    set_up(&backend.store).await;
    let mut coming = tokio::task::JoinSet::new();
    for n in 0..8_u32 {
        let (store, new_user) = (backend.store.clone(), Some(UserId::from_bits(100 + u128::from(n))));
        coming
            .spawn(async move { identify(&store, NewIdentity { new_user, ..identity("a", "ada@example.com") }).await });
    }
    let came = coming.join_all().await;
    let first = came[0].clone().expect("let in");
    assert!(came.iter().all(|user| user.as_ref().map(|user| user.id) == Ok(first.id)), "{came:?}");
}
