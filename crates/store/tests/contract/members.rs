//! Members: who is in a workspace, and what may be done with their places.

use mask_core::{
    actor::Actor,
    id::{KeyId, MemberId, UserId, WorkspaceId},
    mail::Address,
    member::{Member, Unallowed},
    person::Membership,
    role::Role,
    workspace::Owner,
};
use mask_store::{By, Expected, Keep, Kept, NewMember, NewUser, NewWorkspace, Once, Unmembered};

use crate::{
    backend::{Backend, on_every_backend},
    sample::at,
};

on_every_backend!(
    a_list_in_pages,
    roles_change_and_members_go,
    what_is_not_theirs_to_do,
    there_is_always_an_owner,
    two_owners_demote_each_other_at_once,
    two_owners_leave_at_once,
    an_owner_who_may_not_sign_in_is_none,
    the_installation_gives_places,
    a_workspace_is_handed_over,
    nothing_is_done_in_a_workspace_that_was_deleted,
);

/// A workspace, and people in it.
pub(crate) struct Team<'b> {
    pub(crate) backend: &'b Backend,
    pub(crate) workspace: i64,
    pub(crate) slug: String,
}

pub(crate) fn user(n: u128) -> UserId {
    UserId::from_bits(n)
}

pub(crate) fn place(n: u128) -> MemberId {
    MemberId::from_bits(n)
}

pub(crate) async fn account(backend: &Backend, n: u128) {
    let new = NewUser {
        id: user(n),
        email: Address::parse(&format!("person{n}@example.com")).expect("an address"),
        name: format!("Person {n}"),
        password_hash: None,
        is_admin: false,
        now: at(1),
    };
    backend.store.create_user(new).await.expect("the store works").expect("the address is free");
}

impl<'b> Team<'b> {
    /// A workspace in which the first has the first of these roles, and so on.
    pub(crate) async fn of(backend: &'b Backend, slug: &str, roles: &[Role]) -> Self {
        // Of each slug another.
        let chance = slug.bytes().fold(7, |sum: u128, byte| sum * 131 + u128::from(byte));
        let id = WorkspaceId::from_bits(mask_core::id::at(at(1), chance));
        let new = NewWorkspace { id, name: "A team".to_owned(), slug: slug.to_owned(), now: at(1) };
        let made = backend.store.create_workspace(new).await.expect("the store works").expect("the slug is free");
        let team = Self { backend, workspace: made.number, slug: slug.to_owned() };
        for (n, role) in (1..).zip(roles) {
            account(backend, n).await;
            team.add(n, n, *role).await;
        }
        team
    }

    pub(crate) async fn add(&self, id: u128, person: u128, role: Role) {
        let new = NewMember { id: place(id), workspace: self.workspace, user: user(person), role, now: at(2) };
        assert!(self.backend.store.add_member(new).await.expect("the store works"));
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { workspace: self.workspace, is_test: false }
    }

    pub(crate) fn by(&self, n: u128) -> By {
        By { owner: self.owner(), actor: Actor::Person(user(n)), request: None, country: None }
    }

    pub(crate) fn by_key(&self) -> By {
        By { owner: self.owner(), actor: Actor::Key(KeyId::from_bits(1)), request: None, country: None }
    }

    pub(crate) async fn roles(&self) -> Vec<Role> {
        let listed = self.backend.store.list_members(self.workspace, None, 100).await.expect("the store works");
        listed.rows.iter().map(|member| member.role).collect()
    }

    async fn change(&self, by: By, n: u128, role: Role) -> Result<Member, Unmembered> {
        let done = self.backend.store.change_member(by, place(n), Expected::AnyVersion, role, at(50)).await;
        done.expect("the store works")
    }

    async fn remove(&self, by: By, n: u128) -> Result<Member, Unmembered> {
        let done = self.backend.store.remove_member(by, place(n), Expected::AnyVersion, at(9)).await;
        done.expect("the store works")
    }

    async fn membership(&self, n: u128) -> Option<Membership> {
        self.backend.store.membership(user(n), self.slug.clone(), false).await.expect("the store works")
    }
}

async fn a_list_in_pages(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer, Role::Admin]).await;
    Team::of(backend, "other", &[]).await.add(9, 1, Role::Owner).await;
    let page =
        async |after, limit| backend.store.list_members(team.workspace, after, limit).await.expect("the store works");
    let first = page(None, 2).await;
    let expected = Member {
        id: place(1),
        user: user(1),
        name: "Person 1".to_owned(),
        email: Address::parse("person1@example.com").expect("an address"),
        role: Role::Owner,
        version: 1,
        created_at: at(2),
        updated_at: at(2),
    };
    assert_eq!((first.rows.len(), &first.rows[0]), (2, &expected));
    let second = page(first.next, 2).await;
    assert_eq!((second.rows.len(), second.rows[0].id, second.next), (1, place(3), None));
}

async fn roles_change_and_members_go(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer, Role::Admin]).await;
    let changed = team.change(team.by(3), 2, Role::Member).await.expect("admins may");
    assert_eq!(
        (changed.role, changed.version, changed.updated_at, changed.created_at),
        (Role::Member, 2, at(50), at(2))
    );
    assert_eq!(team.membership(2).await.map(|member| member.role), Some(Role::Member), "from the next request on");
    let same = team.change(team.by_key(), 2, Role::Member).await.expect("a key may");
    assert_eq!(same, changed, "nothing to do is no change");
    let store = &backend.store;
    let stale = Expected::OneOf(vec![1]);
    let change = store.change_member(team.by(1), place(2), stale.clone(), Role::Viewer, at(60)).await;
    assert_eq!(change.expect("the store works"), Err(Unmembered::Changed));
    let remove = store.remove_member(team.by(1), place(2), stale, at(9)).await.expect("the store works");
    assert_eq!(remove, Err(Unmembered::Changed));
    assert_eq!(team.remove(team.by(2), 2).await, Ok(changed), "everybody may go");
    assert_eq!(team.membership(2).await, None);
    assert_eq!(team.remove(team.by(1), 2).await, Err(Unmembered::Absent));
    assert_eq!(team.change(team.by(1), 2, Role::Viewer).await, Err(Unmembered::Absent));
    team.add(7, 2, Role::Viewer).await;
}

async fn what_is_not_theirs_to_do(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer, Role::Admin]).await;
    let other = Team::of(backend, "other", &[]).await;
    account(backend, 9).await;
    other.add(9, 9, Role::Owner).await;
    let refused = |why| Err(Unmembered::Unallowed(why));
    assert_eq!(team.change(team.by(2), 2, Role::Owner).await, refused(Unallowed::NoAdmin));
    assert_eq!(team.remove(team.by(2), 3).await, refused(Unallowed::NoAdmin));
    assert_eq!(team.change(team.by(3), 1, Role::Viewer).await, refused(Unallowed::Mightier));
    assert_eq!(team.change(team.by(3), 2, Role::Owner).await, refused(Unallowed::AboveOwn));
    assert_eq!(team.change(team.by_key(), 2, Role::Owner).await, refused(Unallowed::AboveOwn));
    assert_eq!(team.remove(team.by_key(), 1).await, refused(Unallowed::Mightier));
    assert_eq!(
        team.remove(team.by(9), 2).await,
        Err(Unmembered::NoWorkspace),
        "an owner of another workspace is nobody here"
    );
    assert_eq!(other.remove(other.by(9), 2).await, Err(Unmembered::Absent), "nor is a member of another one there");
    assert_eq!(team.roles().await, [Role::Owner, Role::Viewer, Role::Admin]);
}

async fn there_is_always_an_owner(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin]).await;
    for done in [team.change(team.by(1), 1, Role::Admin).await, team.remove(team.by(1), 1).await] {
        assert_eq!(done, Err(Unmembered::Unallowed(Unallowed::LastOwner)));
    }
    team.change(team.by(1), 2, Role::Owner).await.expect("owners make owners");
    team.remove(team.by(1), 1).await.expect("there is another one");
    assert_eq!(team.roles().await, [Role::Owner]);
}

async fn two_owners_demote_each_other_at_once(backend: &Backend) {
    for round in 0..8 {
        let slug = format!("team-{round}");
        let team = Team::of(backend, &slug, &[]).await;
        let (one, two) = (100 + 2 * round, 101 + 2 * round);
        for n in [one, two] {
            account(backend, n).await;
            team.add(n, n, Role::Owner).await;
        }
        let (first, second) =
            tokio::join!(team.change(team.by(one), two, Role::Viewer), team.change(team.by(two), one, Role::Viewer));
        let mut roles = team.roles().await;
        roles.sort();
        assert_eq!(roles, [Role::Viewer, Role::Owner], "{first:?} {second:?}");
        assert!(first.is_ok() ^ second.is_ok());
    }
}

async fn two_owners_leave_at_once(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Owner]).await;
    let (first, second) = tokio::join!(team.remove(team.by(1), 1), team.remove(team.by(2), 2));
    assert_eq!(team.roles().await, [Role::Owner]);
    let refused = [first, second].into_iter().find_map(Result::err);
    assert_eq!(refused, Some(Unmembered::Unallowed(Unallowed::LastOwner)));
}

async fn an_owner_who_may_not_sign_in_is_none(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner, Role::Owner, Role::Viewer]).await;
    let only = async |n| {
        let found = store.workspaces_only_of(user(n)).await.expect("the store works");
        found.into_iter().map(|workspace| workspace.slug).collect::<Vec<_>>()
    };
    assert_eq!((only(1).await, only(3).await), (Vec::new(), Vec::new()));
    store.set_user_disabled(user(2), true, at(5)).await.expect("the store works");
    assert_eq!(
        (only(1).await, only(2).await),
        (vec!["team".to_owned()], Vec::new()),
        "the other one is as good as gone"
    );
    for done in [team.change(team.by(1), 1, Role::Admin).await, team.remove(team.by(1), 1).await] {
        assert_eq!(done, Err(Unmembered::Unallowed(Unallowed::LastOwner)));
    }
    let handed_over = store.transfer_workspace(team.by(1), place(2), at(6), None).await.expect("the store works");
    assert_eq!(handed_over, Once::Done(Err(Unmembered::Absent)), "nor is it handed over to them");
    assert_eq!(team.roles().await, [Role::Owner, Role::Owner, Role::Viewer]);
    store.set_user_disabled(user(2), false, at(6)).await.expect("the store works");
    team.change(team.by(1), 1, Role::Admin).await.expect("there is another one again");
}

async fn the_installation_gives_places(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    account(backend, 2).await;
    let assign = async |n: u128, role| {
        let new = NewMember { id: place(70 + n), workspace: team.workspace, user: user(n), role, now: at(5) };
        store.assign_member(new).await.expect("the store works")
    };
    assert_eq!(assign(1, Role::Viewer).await, Err(Unmembered::Unallowed(Unallowed::LastOwner)));
    assert_eq!(assign(2, Role::Member).await, Ok(()), "a place");
    assert_eq!(team.roles().await, [Role::Owner, Role::Member]);
    assert_eq!(assign(2, Role::Owner).await, Ok(()), "another role");
    assert_eq!(assign(1, Role::Viewer).await, Ok(()));
    assert_eq!(team.roles().await, [Role::Viewer, Role::Owner]);
    assert_eq!(assign(9, Role::Viewer).await, Err(Unmembered::Absent), "nobody");
    store
        .delete_workspace(team.by(2), Expected::AnyVersion, "A team".to_owned(), at(6))
        .await
        .expect("the store works")
        .expect("deleted");
    assert_eq!(assign(1, Role::Owner).await, Err(Unmembered::NoWorkspace), "nowhere");
}

async fn a_workspace_is_handed_over(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer, Role::Admin]).await;
    let transfer = async |by, to| store.transfer_workspace(by, to, at(9), None).await.expect("the store works");
    assert_eq!(
        transfer(team.by(3), place(2)).await,
        Once::Done(Err(Unmembered::Unallowed(Unallowed::AboveOwn))),
        "not by an admin"
    );
    assert_eq!(transfer(team.by(1), place(8)).await, Once::Done(Err(Unmembered::Absent)));
    let Once::Done(Ok(heir)) = transfer(team.by(1), place(2)).await else { panic!("an owner may") };
    assert_eq!((heir.id, heir.role), (place(2), Role::Owner));
    assert_eq!(team.roles().await, [Role::Admin, Role::Owner, Role::Admin]);
    let keep = || {
        Some(Keep {
            actor: Actor::Person(user(2)),
            path: "/workspace/transfer".to_owned(),
            idempotency_key: "word".to_owned(),
            request_hash: [1; 32],
            now: at(9),
            reply: Box::new(|_: &Result<Member, Unmembered>| Kept { status: 200, body: b"done".to_vec() }),
        })
    };
    let once = store.transfer_workspace(team.by(2), place(1), at(10), keep()).await.expect("the store works");
    assert!(matches!(once, Once::Done(Ok(_))));
    let twice = store.transfer_workspace(team.by(2), place(1), at(10), keep()).await.expect("the store works");
    assert!(matches!(twice, Once::Replayed(_)));
    assert_eq!(team.roles().await, [Role::Owner, Role::Admin, Role::Admin]);
    // To oneself is nothing.
    transfer(team.by(1), place(1)).await;
    assert_eq!(team.roles().await, [Role::Owner, Role::Admin, Role::Admin]);
}

async fn nothing_is_done_in_a_workspace_that_was_deleted(backend: &Backend) {
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer]).await;
    let deleted = backend.store.delete_workspace(team.by(1), Expected::AnyVersion, "A team".to_owned(), at(9)).await;
    deleted.expect("the store works").expect("deleted");
    assert_eq!(team.membership(1).await, None);
    assert_eq!(team.change(team.by(1), 2, Role::Admin).await, Err(Unmembered::NoWorkspace));
    assert_eq!(team.remove(team.by(2), 2).await, Err(Unmembered::NoWorkspace));
    let transferred = backend.store.transfer_workspace(team.by(1), place(2), at(9), None).await;
    assert_eq!(transferred.expect("the store works"), Once::Done(Err(Unmembered::NoWorkspace)));
}
