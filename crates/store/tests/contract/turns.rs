//! What there may be so many of, asked for at the same moment by many: no more than that is made.

use mask_core::{
    domain::{Content as DomainContent, DomainName, Look, MOST_DOMAINS, Outcome, Pointing, Status},
    id::{self, DomainId, LetterId, UserId, WorkspaceId},
    invitation::MAILBOX_LETTERS_A_DAY,
    key::{Content, MOST_KEYS, Secret},
    mail::Address,
    person::WordHash,
    role::Role,
    scope::Scopes,
    workspace::Owner,
};
use mask_store::{
    NewDomain, NewKey, NewLetter, NewUser, NewWord, NewWorkspace, Once, Unfounded, Unheld, Uninvited, Unkeyed,
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, Place, on_every_backend},
    invitations::mailed,
    members::{Team, account, place, user},
    postgres::{WAITING, apart},
    sample::{LIVE, OTHER, at, key_id},
};

on_every_backend!(
    keys_are_counted,
    domains_are_counted,
    letters_are_counted,
    letters_of_invitations_are_counted,
    workspaces_are_counted,
    of_two_that_look_alike_one_is_verified,
);

/// The n-th key.
fn key(n: usize) -> NewKey {
    let mut digits = n;
    let secret = Secret::new(false, |bound| {
        let digit = digits % bound;
        digits /= bound;
        digit
    });
    NewKey {
        id: key_id(u32::try_from(n).expect("small")),
        owner: LIVE,
        content: Content::of(format!("key {n}"), Scopes::all()),
        hint: String::new(),
        hash: secret.hash(),
        now: at(1),
    }
}

async fn keys_are_counted(backend: &Backend) {
    let store = &backend.store;
    for n in 0..MOST_KEYS - 1 {
        store.create_key(key(n)).await.expect("the store works");
    }
    let ask = |n| {
        let store = store.clone();
        async move { store.create_own_key(LIVE, key(MOST_KEYS + n), None).await.expect("the store works") }
    };
    let made = both(backend, "api_keys", [ask(0), ask(1)]).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Ok(_)))).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Err(Unkeyed::TooMany)))).count(), 1, "{made:?}");
}

/// Lets two steps go on at the same time. On PostgreSQL neither may write to the table before both have looked at it, or wait for
/// their turn to: the lock of a connection of our own sees to that. Whichever ends first comes first.
async fn both<T: Send + 'static>(
    backend: &Backend,
    table: &str,
    steps: [impl Future<Output = T> + Send + 'static; 2],
) -> [T; 2] {
    let blocker = match &backend.place {
        Place::Sqlite(_) => None,
        Place::Postgres(database) => {
            let mut blocker = database.connect();
            let lock = format!("BEGIN; LOCK TABLE {table} IN SHARE MODE");
            apart(|| blocker.batch_execute(&lock)).expect("nobody else has it");
            Some(blocker)
        }
    };
    let mut going: JoinSet<T> = steps.into_iter().collect();
    if let Some(mut blocker) = blocker {
        while apart(|| blocker.query_one(WAITING, &[])).expect("it is asked").get::<_, i64>(0) < 2 {
            tokio::task::yield_now().await;
        }
        apart(|| blocker.batch_execute("COMMIT")).expect("given back");
        apart(|| drop(blocker));
    }
    let mut ended = async || going.join_next().await.expect("there are two").expect("it ends");
    [ended().await, ended().await]
}

fn domain(n: usize, name: &str) -> NewDomain {
    NewDomain {
        id: DomainId::from_bits(id::at(at(1), u128::try_from(n).expect("small") << 40)),
        name: DomainName::parse(name).expect("a name"),
        token: format!("token-{n}"),
        content: DomainContent::default(),
        takes_over: false,
        now: at(1),
    }
}

async fn domains_are_counted(backend: &Backend) {
    let store = &backend.store;
    let ask = |n: usize| {
        let (store, new) = (store.clone(), domain(n, &format!("d{n}.example.com")));
        async move { store.create_domain(LIVE, new, None).await.expect("the store works") }
    };
    for n in 0..MOST_DOMAINS - 1 {
        ask(n).await;
    }
    let made = both(backend, "domains", [ask(MOST_DOMAINS), ask(MOST_DOMAINS + 1)]).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Ok(_)))).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Err(Unheld::TooMany)))).count(), 1, "{made:?}");
}

async fn letters_are_counted(backend: &Backend) {
    const A_DAY: usize = 10;
    let store = &backend.store;
    let user = UserId::from_bits(1);
    let email = || Address::parse("ada@example.com").expect("an address");
    let new =
        NewUser { id: user, email: email(), name: "Ada".to_owned(), password_hash: None, is_admin: false, now: at(1) };
    store.create_user(new).await.expect("the store works").expect("the address is free");
    let ask = |n: u8| {
        let store = store.clone();
        let word = NewWord { hash: WordHash([n; 32]), now: at(2), until: at(9) };
        let letter = NewLetter { id: LetterId::from_bits(u128::from(n)), to: email(), sealed: vec![n], now: at(2) };
        async move { store.create_password_word(user, word, Some(letter)).await.expect("the store works") }
    };
    for n in 0..A_DAY - 1 {
        assert!(ask(u8::try_from(n).expect("small")).await);
    }
    let mut posted = both(backend, "words", [ask(20), ask(21)]).await;
    posted.sort_unstable();
    assert_eq!(posted, [false, true]);
    assert_eq!(store.claim_letters(99, at(3), at(4)).await.expect("the store works").len(), A_DAY);
}

async fn letters_of_invitations_are_counted(backend: &Backend) {
    let teams = [Team::of(backend, "team", &[Role::Owner]).await.by(1), Team::of(backend, "other", &[]).await.by_key()];
    let ask = |n: u8| {
        let by = teams[usize::from(n % 2)].clone();
        let email = Address::parse("invited@example.com").expect("an address");
        let (store, new) = (backend.store.clone(), mailed(n, &by, email, at(10)));
        async move { store.create_invitation(by, new, None).await.expect("the store works") }
    };
    let most = u8::try_from(MAILBOX_LETTERS_A_DAY).expect("few");
    for n in 0..most - 1 {
        assert!(matches!(ask(n).await, Once::Done(Ok(_))));
    }
    let made = both(backend, "invitation_letters", [ask(20), ask(21)]).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Ok(_)))).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Err(Uninvited::MailboxFull(_))))).count(), 1);
}

async fn workspaces_are_counted(backend: &Backend) {
    account(backend, 1).await;
    let ask = |n: u128| {
        let id = WorkspaceId::from_bits(id::at(at(1), n));
        let new = NewWorkspace { id, name: "One".to_owned(), slug: format!("slug-{n}"), now: at(1) };
        let store = backend.store.clone();
        async move { store.create_own_workspace(new, (user(1), place(n)), Some(1), None).await.expect("the store works") }
    };
    let made = both(backend, "workspaces", [ask(1), ask(2)]).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Ok(_)))).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|made| matches!(made, Once::Done(Err(Unfounded::TooMany)))).count(), 1, "{made:?}");
}

async fn of_two_that_look_alike_one_is_verified(backend: &Backend) {
    let store = &backend.store;
    // In Cyrillic, and in Greek.
    for (round, (one, two)) in
        [("оро.com", "ορο.com"), ("рор.com", "ρορ.com"), ("оо.com", "οο.com")].into_iter().enumerate()
    {
        let ask = async |owner: Owner, n: usize, name| {
            let asked = store.create_domain(owner, domain(n, name), None).await.expect("the store works");
            let Once::Done(Ok(domain)) = asked else { panic!("nothing stands in its way: {asked:?}") };
            domain
        };
        let (one, two) = (ask(LIVE, 2 * round, one).await, ask(OTHER, 2 * round + 1, two).await);
        assert_eq!(one.name.skeleton(), two.name.skeleton());
        let settle = |domain: &mask_core::domain::Domain| {
            let proofs = Ok(vec![domain.token.clone()]);
            let look = Look { at: at(100), proofs, pointing: Ok(Pointing::Here), must_point: true };
            store.settle_domain(domain.owner, domain.id, look, at(100), None)
        };
        let (one, two) = tokio::join!(settle(&one), settle(&two));
        let settled = [one, two].map(|settled| match settled.expect("the store works") {
            Once::Done(Some(domain)) => (domain.status, domain.look.map(|look| look.outcome)),
            other => panic!("{other:?}"),
        });
        let (verified, refused) = ((Status::Verified, Some(Outcome::Found)), (Status::Pending, Some(Outcome::Taken)));
        assert!(settled == [verified, refused] || settled == [refused, verified], "{settled:?}");
    }
}
