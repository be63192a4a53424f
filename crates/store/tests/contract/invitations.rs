//! Invitations: one for each mailbox and workspace, for that mailbox alone, and used once.

use std::time::Duration;

use mask_core::{
    actor::Actor,
    id::{InvitationId, LetterId, SessionId},
    invitation::{Invitation, LASTS, MOST_INVITATIONS},
    mail::Address,
    member::Unallowed,
    person::{Session, Word, WordHash},
    role::Role,
    time::Time,
};
use mask_store::{By, NewInvitation, NewLetter, NewSession, NewUser, Once, Opened, Uninvited};

use crate::{
    backend::{Backend, on_every_backend},
    members::{Team, account, place, user},
    sample::at,
};

on_every_backend!(
    is_made_listed_and_taken_back,
    is_for_one_mailbox_and_used_once,
    of_two_who_use_it_at_once_one_does,
    makes_an_account,
    ends_by_itself,
    is_not_for_everybody_to_make,
    only_so_many_wait,
    goes_and_comes_with_its_workspace,
);

fn hash(n: u8) -> WordHash {
    Word::new([n; 32]).hash()
}

fn address(n: u128) -> Address {
    Address::parse(&format!("person{n}@example.com")).expect("an address")
}

fn new(n: u8, by: &By, email: Address, role: Role) -> NewInvitation {
    let invitation = Invitation {
        id: InvitationId::from_bits(mask_core::id::at(at(i64::from(n)), n.into())),
        email,
        role,
        invited_by: by.actor,
        created_at: at(10),
        expires_at: at(10).after(LASTS),
    };
    NewInvitation { invitation, hash: hash(n), letter: None }
}

async fn invite(backend: &Backend, by: By, new: NewInvitation) -> Result<Invitation, Uninvited> {
    match backend.store.create_invitation(by, new, None).await.expect("the store works") {
        Once::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

async fn opened(backend: &Backend, n: u8, now: Time) -> Option<Opened> {
    backend.store.open_invitation(hash(n), now).await.expect("the store works")
}

async fn accept(backend: &Backend, n: u8, person: u128, member: u128) -> Result<Role, Uninvited> {
    let done = backend.store.accept_invitation(hash(n), user(person), place(member), at(20), None).await;
    match done.expect("the store works") {
        Once::Done(done) => done.map(|(_, role)| role),
        other => panic!("{other:?}"),
    }
}

async fn is_made_listed_and_taken_back(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin]).await;
    let mut first = new(1, &team.by(2), address(9), Role::Member);
    let letter = NewLetter { id: LetterId::from_bits(1), to: address(9), sealed: vec![1], now: at(10) };
    first.letter = Some(letter);
    let mut postings = store.postings();
    postings.mark_unchanged();
    assert_eq!(invite(backend, team.by(2), first.clone()).await, Ok(first.invitation.clone()));
    assert!(postings.has_changed().expect("the store is there"), "whoever sends letters is woken");
    let letters = store.claim_letters(5, at(11), at(12)).await.expect("the store works");
    assert_eq!((letters.len(), &letters[0].to), (1, &address(9)));
    let second = new(2, &team.by_key(), address(8), Role::Viewer);
    invite(backend, team.by_key(), second.clone()).await.expect("a key may");
    let list = async |after, limit| {
        store.list_invitations(team.workspace, at(11), after, limit).await.expect("the store works")
    };
    let page = list(None, 1).await;
    assert_eq!(page.rows, [first.invitation.clone()]);
    let page = list(page.next, 1).await;
    assert_eq!((page.rows, page.next), (vec![second.invitation.clone()], None));
    // Again for the same mailbox, however it is written: the link before ends.
    let shouted = Address::parse("Person9@EXAMPLE.com").expect("an address");
    let third = new(3, &team.by(2), shouted, Role::Admin);
    invite(backend, team.by(2), third.clone()).await.expect("made anew");
    assert_eq!(opened(backend, 1, at(11)).await, None);
    let found = opened(backend, 3, at(11)).await.expect("it is good");
    assert_eq!((found.invitation, found.has_account), (third.invitation.clone(), false));
    assert_eq!(found.workspace.number, team.workspace);
    assert_eq!(list(None, 9).await.rows.len(), 2);
    let other = Team::of(backend, "other", &[]).await;
    let revoke = async |by: By, id| store.revoke_invitation(by, id, at(11)).await.expect("the store works");
    assert_eq!(revoke(other.by_key(), third.invitation.id).await, None, "not by another workspace");
    assert_eq!(revoke(team.by(1), third.invitation.id).await, Some(third.invitation.clone()));
    assert_eq!(revoke(team.by(1), third.invitation.id).await, None);
    assert_eq!(opened(backend, 3, at(11)).await, None);
    account(backend, 9).await;
    assert_eq!(accept(backend, 3, 9, 9).await, Err(Uninvited::Absent), "it was taken back");
}

async fn is_for_one_mailbox_and_used_once(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 8).await;
    account(backend, 9).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Member)).await.expect("made");
    assert!(opened(backend, 1, at(11)).await.expect("it is good").has_account);
    assert_eq!(accept(backend, 2, 9, 9).await, Err(Uninvited::Absent));
    assert_eq!(accept(backend, 1, 8, 9).await, Err(Uninvited::Foreign));
    assert_eq!(team.roles().await, [Role::Owner]);
    assert_eq!(accept(backend, 1, 9, 9).await, Ok(Role::Member));
    assert_eq!(team.roles().await, [Role::Owner, Role::Member]);
    assert_eq!(accept(backend, 1, 9, 10).await, Err(Uninvited::Absent), "it is used up");
    let again = invite(backend, team.by(1), new(2, &team.by(1), address(9), Role::Member)).await;
    assert_eq!(again, Err(Uninvited::Known), "they are there");
    backend.place.sql("UPDATE users SET disabled_at = 1 WHERE email_key = 'person8@example.com'");
    invite(backend, team.by(1), new(3, &team.by(1), address(8), Role::Member)).await.expect("made");
    assert_eq!(accept(backend, 3, 8, 11).await, Err(Uninvited::Foreign), "who may not sign in joins nothing");
}

async fn of_two_who_use_it_at_once_one_does(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 9).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Member)).await.expect("made");
    let (first, second) = tokio::join!(accept(backend, 1, 9, 20), accept(backend, 1, 9, 21));
    let mut both = [first, second];
    both.sort_by_key(Result::is_err);
    assert_eq!(both, [Ok(Role::Member), Err(Uninvited::Absent)]);
    assert_eq!(team.roles().await.len(), 2);
}

async fn makes_an_account(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Viewer)).await.expect("made");
    let new_user = |n: u128| NewUser {
        id: user(n),
        email: address(n),
        name: "Bob".to_owned(),
        password_hash: Some("$argon2id$".to_owned()),
        is_admin: false,
        now: at(20),
    };
    let session = |n: u128, word: u8| NewSession {
        session: Session {
            id: SessionId::from_bits(n),
            user: user(n),
            device: "Firefox on Linux".to_owned(),
            country: None,
            created_at: at(20),
            seen_at: at(20),
            expires_at: at(200),
        },
        hash: hash(word),
    };
    let join = async |n: u8, person: u128, word: u8| {
        let done = store.accept_as_new(hash(n), new_user(person), session(person, word), place(person)).await;
        done.expect("the store works").map(|(_, role)| role)
    };
    assert_eq!(join(1, 8, 100).await, Err(Uninvited::Foreign));
    assert_eq!(join(2, 9, 100).await, Err(Uninvited::Absent));
    assert_eq!(join(1, 9, 100).await, Ok(Role::Viewer));
    let (who, _) = store.session_by_hash(hash(100), at(30)).await.expect("the store works").expect("a session");
    assert_eq!((who.id, who.name.as_str(), who.is_admin), (user(9), "Bob", false));
    assert_eq!(team.roles().await, [Role::Owner, Role::Viewer]);
    assert_eq!(join(1, 9, 101).await, Err(Uninvited::Absent), "it is used up");
    account(backend, 7).await;
    invite(backend, team.by(1), new(3, &team.by(1), address(7), Role::Viewer)).await.expect("made");
    let taken = NewUser { id: user(6), ..new_user(7) };
    let done = store.accept_as_new(hash(3), taken, session(6, 102), place(6)).await.expect("the store works");
    assert_eq!(done.map(drop), Err(Uninvited::HasAccount));
    assert_eq!(store.session_by_hash(hash(102), at(30)).await.expect("the store works"), None);
    assert!(opened(backend, 3, at(30)).await.is_some(), "whoever has the account can still use it");
}

async fn ends_by_itself(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Member)).await.expect("made");
    let end = at(10).after(LASTS);
    let before = Time::from_unix_millis(end.unix_millis() - 1);
    assert!(opened(backend, 1, before).await.is_some());
    assert!(opened(backend, 1, end).await.is_none());
    let listed = backend.store.list_invitations(team.workspace, end, None, 9).await.expect("the store works");
    assert_eq!(listed.rows, []);
    let revoked =
        backend.store.revoke_invitation(team.by(1), new(1, &team.by(1), address(9), Role::Member).invitation.id, end);
    assert_eq!(revoked.await.expect("the store works"), None);
    assert_eq!(backend.store.forget_invitations(end, 9).await.expect("the store works"), 0, "not yet");
    let later = end.after(Duration::from_millis(1));
    assert_eq!(backend.store.forget_invitations(later, 9).await.expect("the store works"), 1);
}

async fn is_not_for_everybody_to_make(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin, Role::Member]).await;
    let other = Team::of(backend, "other", &[]).await;
    let by_stranger = By { owner: other.owner(), actor: Actor::Person(user(1)), request: None, country: None };
    for (by, role, why) in [
        (team.by(3), Role::Viewer, Uninvited::Unallowed(Unallowed::NoAdmin)),
        (team.by(2), Role::Owner, Uninvited::Unallowed(Unallowed::AboveOwn)),
        (team.by_key(), Role::Owner, Uninvited::Unallowed(Unallowed::AboveOwn)),
        (by_stranger, Role::Viewer, Uninvited::Absent),
    ] {
        assert_eq!(invite(backend, by.clone(), new(1, &by, address(9), role)).await, Err(why));
    }
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Owner)).await.expect("owners may");
}

async fn only_so_many_wait(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let by = team.by(1);
    let most = u8::try_from(MOST_INVITATIONS).expect("few");
    for n in 0..most {
        invite(backend, by.clone(), new(n, &by, address(1000 + u128::from(n)), Role::Viewer)).await.expect("made");
    }
    let one_more = new(most, &by, address(9), Role::Viewer);
    assert_eq!(invite(backend, by.clone(), one_more.clone()).await, Err(Uninvited::TooMany));
    let again = new(most + 1, &by, address(1000), Role::Viewer);
    invite(backend, by.clone(), again).await.expect("one takes the place of the one before");
    let mut later = one_more;
    (later.invitation.created_at, later.invitation.expires_at) = (at(10).after(LASTS), at(11).after(LASTS * 2));
    invite(backend, by, later).await.expect("what has ended counts no more");
}

async fn goes_and_comes_with_its_workspace(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 9).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Member)).await.expect("made");
    store.delete_workspace(team.by(1), "A team".to_owned(), at(11)).await.expect("the store works").expect("deleted");
    assert_eq!(opened(backend, 1, at(12)).await, None);
    assert_eq!(accept(backend, 1, 9, 9).await, Err(Uninvited::Absent));
    let more = invite(backend, team.by(1), new(2, &team.by(1), address(8), Role::Member)).await;
    assert_eq!(more, Err(Uninvited::Absent));
    store.restore_workspace(user(1), "team".to_owned(), at(13), None).await.expect("the store works");
    assert_eq!(accept(backend, 1, 9, 9).await, Ok(Role::Member));
}
