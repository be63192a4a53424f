//! Invitations: one for each mailbox and workspace, for that mailbox alone, and used once.

use std::time::Duration;

use mask_core::{
    actor::Actor,
    id::{InvitationId, LetterId, SessionId},
    invitation::{Invitation, LASTS, MAILBOX_LETTERS_A_DAY, MOST_INVITATIONS, WORKSPACE_LETTERS_A_DAY},
    key::{Content, Secret},
    mail::Address,
    member::Unallowed,
    person::{Session, Word, WordHash},
    role::Role,
    scope::{Scope, Scopes},
    time::Time,
};
use mask_store::{By, Expected, NewInvitation, NewKey, NewLetter, NewSession, NewUser, Once, Opened, Uninvited};

use crate::{
    backend::{Backend, on_every_backend},
    members::{Team, account, place, user},
    sample::{at, keep},
};

on_every_backend!(
    is_made_listed_and_taken_back,
    is_for_one_mailbox_and_used_once,
    of_two_who_use_it_at_once_one_does,
    makes_an_account,
    ends_by_itself,
    is_not_for_everybody_to_make,
    only_so_many_wait,
    a_mailbox_gets_only_so_many_letters,
    a_workspace_sends_only_so_many_letters,
    goes_and_comes_with_its_workspace,
    is_worth_no_more_than_the_key_that_made_it,
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
        request: None,
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

const DAY: Duration = Duration::from_hours(24);

/// One that is mailed, at a moment.
pub(crate) fn mailed(n: u8, by: &By, email: Address, now: Time) -> NewInvitation {
    let id = LetterId::from_bits(mask_core::id::at(now, n.into()));
    let letter = NewLetter { id, to: email.clone(), sealed: vec![n], now };
    let mut new = new(n, by, email, Role::Viewer);
    (new.invitation.created_at, new.invitation.expires_at) = (now, now.after(LASTS));
    NewInvitation { letter: Some(letter), ..new }
}

async fn letters(backend: &Backend) -> usize {
    let claimed = backend.store.claim_letters(999, at(10).after(DAY * 9), at(11).after(DAY * 9)).await;
    claimed.expect("the store works").len()
}

async fn a_mailbox_gets_only_so_many_letters(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let other = Team::of(backend, "other", &[]).await;
    let (by, by_other) = (team.by(1), other.by_key());
    let most = u8::try_from(MAILBOX_LETTERS_A_DAY).expect("few");
    for n in 0..most {
        // Taken back or not, from whichever workspace, however it is written: each was a letter.
        let (by, email) = if n % 2 == 0 { (&by, "Ada@example.com") } else { (&by_other, "ada@EXAMPLE.com") };
        let email = Address::parse(email).expect("an address");
        let made = invite(backend, by.clone(), mailed(n, by, email, at(10 + i64::from(n)))).await.expect("made");
        if n < 2 {
            backend.store.revoke_invitation(by.clone(), made.id, at(11)).await.expect("the store works");
        }
    }
    let ada = || Address::parse("ada@example.com").expect("an address");
    let free_at = at(10).after(DAY);
    let full = Err(Uninvited::MailboxFull(free_at));
    for by in [&by, &by_other] {
        assert_eq!(invite(backend, by.clone(), mailed(50, by, ada(), at(100))).await, full);
    }
    assert_eq!(letters(backend).await, usize::from(most));
    assert!(opened(backend, most - 2, at(101)).await.is_some(), "the link of before is good");
    invite(backend, by.clone(), mailed(51, &by, address(9), at(100))).await.expect("others are written to");
    invite(backend, by.clone(), new(52, &by, ada(), Role::Viewer)).await.expect("what is not mailed is not counted");
    let a_moment_before = Time::from_unix_millis(free_at.unix_millis() - 1);
    assert_eq!(invite(backend, by.clone(), mailed(53, &by, ada(), a_moment_before)).await, full);
    invite(backend, by.clone(), mailed(54, &by, ada(), free_at)).await.expect("a day is over");
    let next = Err(Uninvited::MailboxFull(at(11).after(DAY)));
    assert_eq!(invite(backend, by.clone(), mailed(55, &by, ada(), free_at)).await, next);
    // What counts no more is forgotten, and nothing else.
    assert_eq!(backend.store.forget_invitations(free_at, 99).await.expect("the store works"), 1);
    assert_eq!(invite(backend, by.clone(), mailed(56, &by, ada(), free_at)).await, next);
}

async fn a_workspace_sends_only_so_many_letters(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let other = Team::of(backend, "other", &[]).await;
    let by = team.by(1);
    let most = u8::try_from(WORKSPACE_LETTERS_A_DAY).expect("few");
    for n in 0..most {
        let made = invite(backend, by.clone(), mailed(n, &by, address(1000 + u128::from(n)), at(10))).await;
        let id = made.expect("made").id;
        backend.store.revoke_invitation(by.clone(), id, at(11)).await.expect("the store works");
    }
    let (one_more, by_other) = (mailed(most, &by, address(9), at(20)), other.by_key());
    let full = Err(Uninvited::WorkspaceFull(at(10).after(DAY)));
    assert_eq!(invite(backend, by.clone(), one_more.clone()).await, full);
    assert_eq!(letters(backend).await, usize::from(most));
    invite(backend, by_other.clone(), mailed(most + 1, &by_other, address(9), at(20))).await.expect("another may");
    // A refusal is not what a repeated request is answered with.
    let later = mailed(most + 2, &by, address(8), at(10).after(DAY));
    let asked = async |new: NewInvitation| {
        let keep = keep("word", 1, |done: &Result<Invitation, Uninvited>| mask_store::Kept {
            status: if done.is_ok() { 201 } else { 429 },
            body: Vec::new(),
        });
        backend.store.create_invitation(by.clone(), new, Some(keep)).await.expect("the store works")
    };
    assert_eq!(asked(one_more).await, Once::Done(full));
    assert!(matches!(asked(later.clone()).await, Once::Done(Ok(_))));
    assert!(matches!(asked(later).await, Once::Replayed(kept) if kept.status == 201));
}

async fn goes_and_comes_with_its_workspace(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 9).await;
    invite(backend, team.by(1), new(1, &team.by(1), address(9), Role::Member)).await.expect("made");
    store
        .delete_workspace(team.by(1), Expected::AnyVersion, "A team".to_owned(), at(11))
        .await
        .expect("the store works")
        .expect("deleted");
    assert_eq!(opened(backend, 1, at(12)).await, None);
    assert_eq!(accept(backend, 1, 9, 9).await, Err(Uninvited::Absent));
    let more = invite(backend, team.by(1), new(2, &team.by(1), address(8), Role::Member)).await;
    assert_eq!(more, Err(Uninvited::Absent));
    store.restore_workspace(user(1), "team".to_owned(), at(13), None).await.expect("the store works");
    assert_eq!(accept(backend, 1, 9, 9).await, Ok(Role::Member));
}

async fn is_worth_no_more_than_the_key_that_made_it(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[]).await;
    let Actor::Key(id) = team.by_key().actor else { panic!("a key") };
    let content = Content { expires_at: Some(at(50)), ..Content::of("inviting".to_owned(), Scopes::all()) };
    let (hint, secret) = ("mk_live_…abcd".to_owned(), Secret::new(false, |bound| 7 % bound).hash());
    let key = NewKey { id, owner: team.owner(), content, hint, hash: secret, now: at(1) };
    store.create_key(key).await.expect("the store works");
    invite(backend, team.by_key(), new(1, &team.by_key(), address(9), Role::Member)).await.expect("a key may");
    assert!(opened(backend, 1, at(49)).await.is_some());
    assert_eq!(opened(backend, 1, at(50)).await, None, "the key has ended");
    let change = async |scopes: Scopes, expires_at| {
        let change = move |content: &mut Content| (content.scopes, content.expires_at) = (scopes, expires_at);
        let rights = (team.owner(), Scopes::all());
        let done = store.update_key(rights, id, Expected::AnyVersion, change, at(11)).await;
        done.expect("the store works").expect("it is there");
    };
    change(Scopes::all(), None).await;
    assert!(opened(backend, 1, at(50)).await.is_some());
    change(Scopes::of(&[Scope::WorkspaceRead, Scope::LinksWrite]), None).await;
    assert_eq!(opened(backend, 1, at(50)).await, None, "it may invite nobody any more");
    account(backend, 9).await;
    assert_eq!(accept(backend, 1, 9, 9).await, Err(Uninvited::Absent));
    change(Scopes::of(&[Scope::WorkspaceWrite]), None).await;
    assert_eq!(accept(backend, 1, 9, 9).await, Ok(Role::Member));
}
