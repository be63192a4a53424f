//! People, their sessions, and their places in workspaces.

use mask_core::{
    id::{MemberId, SessionId, UserId, WorkspaceId},
    mail::Address,
    person::{Membership, Session, User, Word, WordHash},
    role::Role,
    workspace::Owner,
};
use mask_store::{NewMember, NewSession, NewUser, NewWorkspace, Shown};

use crate::{
    backend::{Backend, on_every_backend},
    sample::at,
};

on_every_backend!(
    an_address_has_one_account,
    a_session_lasts_until_its_end,
    a_place_in_a_workspace,
    the_workspaces_behind_sessions,
);

fn new_user(n: u128, email: &str) -> NewUser {
    NewUser {
        id: UserId::from_bits(n),
        email: Address::parse(email).expect("an address"),
        name: "Ada Lovelace".to_owned(),
        password_hash: Some("$argon2id$".to_owned()),
        is_admin: n == 1,
        now: at(1),
    }
}

async fn make_user(backend: &Backend, n: u128, email: &str) -> User {
    backend.store.create_user(new_user(n, email)).await.expect("the store works").expect("the address is free")
}

fn hash(n: u8) -> WordHash {
    Word::new([n; 32]).hash()
}

async fn an_address_has_one_account(backend: &Backend) {
    let made = make_user(backend, 1, "Ada@example.com").await;
    let wanted = new_user(1, "Ada@example.com");
    let all = User {
        id: wanted.id,
        email: wanted.email,
        name: wanted.name,
        is_admin: true,
        disabled_at: None,
        version: 1,
        created_at: at(1),
        updated_at: at(1),
    };
    assert_eq!(made, all);
    let again = backend.store.create_user(new_user(2, "ada@EXAMPLE.com")).await.expect("the store works");
    assert_eq!(again, None);
}

async fn a_session_lasts_until_its_end(backend: &Backend) {
    let user = make_user(backend, 1, "ada@example.com").await;
    let session = Session {
        id: SessionId::from_bits(5),
        user: user.id,
        device: "Firefox on Linux".to_owned(),
        country: Some("DE".to_owned()),
        created_at: at(1),
        seen_at: at(1),
        expires_at: at(100),
    };
    let begin = async |session: Session, n: u8| {
        backend
            .store
            .begin_session(NewSession { session, hash: hash(n), request: None }, Shown::Elsewhere, Vec::new())
            .await
            .expect("the store works")
    };
    assert!(begin(session.clone(), 1).await);
    let nobody = Session { id: SessionId::from_bits(6), user: UserId::from_bits(9), ..session.clone() };
    assert!(!begin(nobody, 2).await, "there is no such person");
    let found = async |n, seconds| backend.store.session_by_hash(hash(n), at(seconds)).await.expect("the store works");
    assert_eq!(found(1, 99).await, Some((user, session)));
    assert_eq!((found(1, 100).await, found(2, 99).await), (None, None));
}

async fn a_place_in_a_workspace(backend: &Backend) {
    let store = &backend.store;
    let (ada, bob) = (make_user(backend, 1, "ada@example.com").await, make_user(backend, 2, "bob@example.com").await);
    let new = NewWorkspace {
        id: WorkspaceId::from_bits(1),
        name: "Marketing".to_owned(),
        slug: "marketing".to_owned(),
        now: at(1),
    };
    let workspace = store.create_workspace(new).await.expect("the store works").expect("the slug is free").number;
    let place = |n, user| NewMember { id: MemberId::from_bits(n), workspace, user, role: Role::Admin, now: at(2) };
    assert!(store.add_member(place(1, ada.id)).await.expect("the store works"));
    assert!(!store.add_member(place(2, ada.id)).await.expect("the store works"), "one place for each");
    assert!(!store.add_member(place(3, UserId::from_bits(9))).await.expect("the store works"), "nobody");
    for is_test in [false, true] {
        let found = store.membership(ada.id, "marketing".to_owned(), is_test).await.expect("the store works");
        assert_eq!(found, Some(Membership { owner: Owner { workspace, is_test }, role: Role::Admin }));
    }
    for (user, slug) in [(bob.id, "marketing"), (ada.id, "sales")] {
        assert_eq!(store.membership(user, slug.to_owned(), false).await.expect("the store works"), None);
    }
}

async fn the_workspaces_behind_sessions(backend: &Backend) {
    let store = &backend.store;
    let [ada, bob] = [make_user(backend, 1, "ada@example.com").await, make_user(backend, 2, "bob@example.com").await];
    let mut numbers = Vec::new();
    for n in 1..=2_u128 {
        let (id, slug) = (WorkspaceId::from_bits(n), format!("team-{n}"));
        let new = NewWorkspace { id, name: "Team".to_owned(), slug, now: at(1) };
        let workspace = store.create_workspace(new).await.expect("the store works").expect("the slug is free").number;
        let place = NewMember { id: MemberId::from_bits(n), workspace, user: ada.id, role: Role::Viewer, now: at(2) };
        assert!(store.add_member(place).await.expect("the store works"));
        numbers.push(workspace);
    }
    for (n, user) in [(1, ada.id), (2, ada.id), (3, bob.id)] {
        let session = Session {
            id: SessionId::from_bits(u128::from(n)),
            user,
            device: String::new(),
            country: None,
            created_at: at(1),
            seen_at: at(1),
            expires_at: at(100 * i64::from(n)),
        };
        let new = NewSession { session, hash: hash(n), request: None };
        assert!(store.begin_session(new, Shown::Elsewhere, Vec::new()).await.expect("the store works"));
    }
    let behind = async |sessions: Vec<u8>, seconds| {
        let hashes = sessions.into_iter().map(hash).collect();
        let found = store.workspaces_by_session(hashes, at(seconds)).await.expect("the store works");
        let mut found: Vec<_> = found.into_iter().map(|(hash, mut of)| (of.sort_unstable(), (hash.0, of)).1).collect();
        found.sort_unstable();
        found
    };
    let both = |n: u8| (hash(n).0, numbers.clone());
    let mut all = vec![both(1), both(2)];
    all.sort_unstable();
    assert_eq!(behind((0..=250).collect(), 99).await, all, "whoever has no place is behind none");
    assert_eq!(behind(vec![1, 2], 100).await, [both(2)], "what has ended is nobody's");
    assert_eq!(behind(vec![], 1).await, []);
    backend.place.sql("UPDATE users SET disabled_at = 1");
    assert_eq!(behind(vec![1, 2], 99).await, [], "nor is what opens nothing");
}
