//! Workspaces that people make, that are deleted with all that they have, and that come back with it.

use std::time::Duration;

use mask_core::{
    domain::Content as DomainContent,
    event::EventKind,
    id::{MemberId, WorkspaceId},
    key::{Content, Secret},
    role::Role,
    scope::Scopes,
    workspace::{Owner, UNDO, Workspace},
};
use mask_store::{
    By, Expected, Found, NewKey, NewMember, NewSecret, NewWorkspace, Once, Post, Store, Undeleted, Unfounded,
};

use crate::{
    backend::{Backend, on_every_backend},
    bio_pages::{make_page, new_page},
    deliveries::{claim, number},
    domains,
    members::{Team, account, place, user},
    sample::{DOMAIN, OTHER, at, keep, key_id, make, new_link, url},
    subscribers,
    webhooks::{content, subscribe, telling, webhook_id},
};

on_every_backend!(
    people_make_their_own,
    only_so_many_are_ones_own,
    who_may_delete_and_take_back,
    what_lives_there_is_gone_and_comes_back,
    keys_open_nothing_meanwhile,
    workers_have_nothing_to_do_meanwhile,
    nobody_signs_up_or_is_written_to_meanwhile,
    domains_lead_nowhere_meanwhile,
    it_cannot_be_taken_back_for_ever,
);

const NAME: &str = "A team";

fn new(slug: &str, n: i64) -> NewWorkspace {
    let id = WorkspaceId::from_bits(mask_core::id::at(at(n), 7));
    NewWorkspace { id, name: "Büro".to_owned(), slug: slug.to_owned(), now: at(n) }
}

async fn delete(store: &Store, by: By, name: &str) -> Result<Workspace, Undeleted> {
    store.delete_workspace(by, Expected::AnyVersion, name.to_owned(), at(1000)).await.expect("the store works")
}

async fn restore(store: &Store, person: u128, slug: &str) -> Result<Workspace, Undeleted> {
    match store.restore_workspace(user(person), slug.to_owned(), at(2000), None).await.expect("the store works") {
        Once::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

async fn people_make_their_own(backend: &Backend) {
    let store = &backend.store;
    account(backend, 1).await;
    account(backend, 2).await;
    let make = async |slug: &str, person, n: u128| {
        let founder = (user(person), place(n));
        store.create_own_workspace(new(slug, i64::try_from(n).expect("small")), founder, None, None).await
    };
    let Once::Done(Ok(made)) = make("one", 1, 1).await.expect("the store works") else { panic!("the slug is free") };
    assert_eq!((made.name.as_str(), made.slug.as_str(), made.deleted_at), ("Büro", "one", None));
    assert_eq!(make("one", 2, 2).await.expect("the store works"), Once::Done(Err(Unfounded::Taken)));
    make("two", 1, 3).await.expect("the store works");
    make("three", 2, 4).await.expect("the store works");
    assert!(make("four", 9, 5).await.is_err(), "there is no such person");
    assert_eq!(
        store.workspace_by_slug("four".to_owned()).await.expect("the store works"),
        None,
        "nothing is left of it"
    );
    let list = async |person, after, limit| {
        let listed = store.list_own_workspaces(user(person), at(10), after, limit).await.expect("the store works");
        let rows: Vec<_> = listed.rows.into_iter().map(|(workspace, role)| (workspace.slug, role)).collect();
        (rows, listed.next)
    };
    let (first, next) = list(1, None, 1).await;
    assert_eq!(first, [("one".to_owned(), Role::Owner)]);
    assert_eq!(list(1, next, 1).await, (vec![("two".to_owned(), Role::Owner)], None));
    assert_eq!(list(2, None, 9).await.0, [("three".to_owned(), Role::Owner)]);
    let kept =
        |made: &Result<Workspace, Unfounded>| mask_store::Kept { status: 201, body: vec![u8::from(made.is_ok())] };
    for n in 6..8 {
        let founder = (user(1), MemberId::from_bits(n));
        let once = store.create_own_workspace(new("kept", 6), founder, None, Some(keep("k", 1, kept))).await;
        let is_first = matches!(once.expect("the store works"), Once::Done(Ok(_)));
        assert_eq!(is_first, n == 6);
    }
}

async fn only_so_many_are_ones_own(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin]).await;
    let make = async |slug: &str, person, n: i64| {
        let founder = (user(person), place(u128::try_from(n).expect("small")));
        match store.create_own_workspace(new(slug, n), founder, Some(2), None).await.expect("the store works") {
            Once::Done(done) => done,
            other => panic!("{other:?}"),
        }
    };
    let full = Err(Unfounded::TooMany);
    let own = make("one", 1, 11).await.expect("the team and this are two");
    assert_eq!(make("two", 1, 12).await, full);
    // One that was handed over is still one that they have made, and one that was deleted can come back.
    let by = By { owner: Owner { workspace: own.number, is_test: false }, ..team.by(1) };
    let heir = NewMember { id: place(13), workspace: own.number, user: user(2), role: Role::Admin, now: at(13) };
    assert!(store.add_member(heir).await.expect("the store works"));
    store.transfer_workspace(by, place(13), at(14), None).await.expect("the store works");
    assert_eq!(make("two", 1, 15).await, full);
    make("theirs", 2, 16).await.expect("the heir owns one, and is an admin of the team");
    assert_eq!(make("more", 2, 17).await, full);
    delete(store, team.by(1), NAME).await.expect("deleted");
    assert_eq!(make("two", 1, 18).await, full);
    while store.remove_deleted(at(1000), at(1001), 99).await.expect("the store works") {}
    make("two", 1, 19).await.expect("nothing is left of the team");
}

async fn who_may_delete_and_take_back(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner, Role::Admin]).await;
    let other = Team::of(backend, "other", &[]).await;
    assert_eq!(delete(store, team.by(2), NAME).await, Err(Undeleted::NoOwner));
    assert_eq!(delete(store, team.by_key(), NAME).await, Err(Undeleted::NoOwner), "no key may");
    assert_eq!(delete(store, other.by(1), NAME).await, Err(Undeleted::Absent), "no stranger");
    for name in ["a team", "A team ", ""] {
        assert_eq!(delete(store, team.by(1), name).await, Err(Undeleted::OtherName), "{name}");
    }
    for (expected, why) in [(Expected::OneOf(vec![2]), Undeleted::Changed), (Expected::Present, Undeleted::OtherName)] {
        let deleted = store.delete_workspace(team.by(1), expected, "a team".to_owned(), at(1000)).await;
        assert_eq!(deleted.expect("the store works"), Err(why));
    }
    let default = Team::of(backend, "default", &[]).await;
    default.add(50, 1, Role::Owner).await;
    assert_eq!(delete(store, default.by(1), NAME).await, Err(Undeleted::Default));
    let deleted = delete(store, team.by(1), NAME).await.expect("its owner may");
    assert_eq!((deleted.deleted_at, deleted.version), (Some(at(1000)), 2));
    assert_eq!(delete(store, team.by(1), NAME).await, Err(Undeleted::Absent), "it is gone");
    let renamed = store.rename_workspace(team.owner(), Expected::AnyVersion, "New".to_owned(), at(1001)).await;
    assert_eq!(renamed.expect("the store works"), None);
    for person in [1, 2] {
        let listed = store.list_own_workspaces(user(person), at(1001), None, 9).await.expect("the store works");
        let found = listed.rows.iter().find(|(workspace, _)| workspace.slug == "team");
        assert_eq!(found.and_then(|(workspace, _)| workspace.deleted_at), Some(at(1000)), "its members see that");
    }
    assert_eq!(restore(store, 2, "team").await, Err(Undeleted::NoOwner));
    assert_eq!(restore(store, 9, "team").await, Err(Undeleted::Absent));
    assert_eq!(restore(store, 1, "never-was").await, Err(Undeleted::Absent));
    let back = restore(store, 1, "team").await.expect("its owner may");
    assert_eq!((back.deleted_at, back.version, back.name.as_str()), (None, 3, NAME));
    assert_eq!(restore(store, 1, "team").await, Ok(back), "who asks twice has what they want");
    assert_eq!(team.roles().await, [Role::Owner, Role::Admin]);
}

async fn what_lives_there_is_gone_and_comes_back(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let link = make(store, team.owner(), new_link(1, "spring")).await;
    let test = Owner { is_test: true, ..team.owner() };
    make(store, test, new_link(2, "summer")).await;
    make(store, OTHER, new_link(3, "autumn")).await;
    let mut page = new_page(1, "ada-page");
    page.is_published = true;
    let page = make_page(store, team.owner(), page).await;
    let find = async |slug: &str| store.find_link(DOMAIN.to_owned(), slug.to_owned()).await.expect("the store works");
    let before = (find("spring").await, find("ada-page").await);
    assert_eq!(before.0, Found::Link(Box::new(link), team.owner()));
    delete(store, team.by(1), NAME).await.expect("deleted");
    for slug in ["spring", "summer", "ada-page"] {
        assert_eq!(find(slug).await, Found::Gone, "{slug}");
    }
    assert_eq!(find("autumn").await.owner(), Some(OTHER));
    assert_eq!(store.published_page(page.id).await.expect("the store works"), None);
    let pages = async || store.published_pages(DOMAIN.to_owned(), None, 9).await.expect("the store works").len();
    assert_eq!(pages().await, 0);
    restore(store, 1, "team").await.expect("taken back");
    assert_eq!((find("spring").await, find("ada-page").await), before);
    assert_eq!(pages().await, 1);
    assert!(store.published_page(page.id).await.expect("the store works").is_some());
}

async fn keys_open_nothing_meanwhile(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let hash = |n: usize| Secret::new(false, |bound| n % bound).hash();
    let key = NewKey {
        id: key_id(1),
        owner: team.owner(),
        content: Content::of("key".to_owned(), Scopes::all()),
        hint: String::new(),
        hash: hash(1),
        now: at(1),
    };
    let key = store.create_key(key).await.expect("the store works");
    let secret = NewSecret { hint: String::new(), hash: hash(2), previous_until: at(9_000) };
    let rotated = store.rotate_key((team.owner(), Scopes::all()), key.id, secret, at(2), None).await;
    assert!(matches!(rotated.expect("the store works"), Once::Done(Ok(_))));
    let opens = async || {
        let mut found = vec![store.key_by_id(key.id).await.expect("the store works").is_some()];
        for n in [1, 2] {
            found.push(store.key_by_hash(hash(n), at(3000)).await.expect("the store works").is_some());
        }
        found
    };
    assert_eq!(opens().await, [true; 3]);
    delete(store, team.by(1), NAME).await.expect("deleted");
    assert_eq!(opens().await, [false; 3]);
    restore(store, 1, "team").await.expect("taken back");
    assert_eq!(opens().await, [true; 3]);
}

async fn workers_have_nothing_to_do_meanwhile(backend: &Backend) {
    let store = telling(backend);
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    subscribe(&store, team.owner(), 1, content(&[EventKind::LinkCreated])).await;
    make(&store, team.owner(), new_link(1, "spring")).await;
    let due = async || {
        let endpoints = store.endpoints().await.expect("the store works").len();
        let domains = store.claim_domains(at(100_000), at(1), 9).await.expect("the store works").len();
        (endpoints, domains)
    };
    domains::verified(&store, team.owner(), 1, "go.example.com").await;
    assert_eq!(due().await, (1, 1));
    let endpoint = number(&store, webhook_id(1)).await;
    delete(&store, team.by(1), NAME).await.expect("deleted");
    assert_eq!(due().await, (0, 0));
    assert_eq!(claim(&store, endpoint, 9, at(100)).await, [], "nor is anything claimed that was seen before");
    restore(&store, 1, "team").await.expect("taken back");
    assert_eq!(due().await, (1, 1));
    assert_eq!(claim(&store, endpoint, 9, at(100)).await.len(), 1);
}

async fn nobody_signs_up_or_is_written_to_meanwhile(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    subscribers::page(store, team.owner(), 1).await;
    let sign_up = async |n: u32, email: &str| {
        let letter = subscribers::letter(email, at(i64::from(n)));
        let done = store.subscribe(team.owner(), subscribers::signup(n, email), Some(Post::Link(letter))).await;
        done.expect("the store works")
    };
    let due = async |now| store.claim_letters(9, now, now).await.expect("the store works").len();
    assert!(sign_up(1, "ada@example.com").await);
    delete(store, team.by(1), NAME).await.expect("deleted");
    assert!(!sign_up(2, "bob@example.com").await, "there is no such page");
    assert_eq!(due(at(1500)).await, 0, "what was to be sent waits");
    let first = subscribers::subscriber_id(1);
    assert_eq!(store.confirm_subscriber(first, at(1500)).await.expect("the store works"), None);
    restore(store, 1, "team").await.expect("taken back");
    assert!(sign_up(3, "cleo@example.com").await);
    assert_eq!(due(at(1501)).await, 1, "that of now");
    assert_eq!(due(at(1501).after(Duration::from_hours(1))).await, 2, "and that of before, in an hour at most");
    let confirmed = store.confirm_subscriber(first, at(9000)).await.expect("the store works");
    assert!(confirmed.is_some_and(|found| found.subscriber.confirmed_at == Some(at(9000))));
}

async fn domains_lead_nowhere_meanwhile(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    let domain = domains::verified(store, team.owner(), 1, "go.example.com").await;
    let set = |content: &mut DomainContent| {
        (content.root_url, content.is_default) = (Some(url("https://example.com/root")), true);
    };
    let changed = store.update_domain(team.owner(), domain.id, Expected::AnyVersion, set, at(200)).await;
    let changed = changed.expect("the store works").expect("changed");
    let served = async || store.served_domains(None).await.expect("the store works").expect("a first look");
    let before = served().await;
    assert_eq!(before.domains, std::slice::from_ref(&changed));
    delete(store, team.by(1), NAME).await.expect("deleted");
    let meanwhile = store.served_domains(Some(before.changes)).await.expect("the store works").expect("a change");
    assert_eq!(meanwhile.workspaces, before.workspaces + 1);
    assert_eq!((meanwhile.domains.len(), &meanwhile.domains[0].content), (1, &DomainContent::default()));
    assert!(meanwhile.domains[0].version > changed.version, "whoever serves it sees that it is another");
    restore(store, 1, "team").await.expect("taken back");
    let after = store.served_domains(Some(meanwhile.changes)).await.expect("the store works").expect("a change");
    assert_eq!((after.workspaces, &after.domains[0].content), (before.workspaces + 2, &changed.content));
    assert!(after.domains[0].version > meanwhile.domains[0].version);
}

async fn it_cannot_be_taken_back_for_ever(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    delete(store, team.by(1), NAME).await.expect("deleted");
    let end = at(1000).after(UNDO);
    let before = at(999).after(UNDO + Duration::from_millis(999));
    let listed =
        async |now| store.list_own_workspaces(user(1), now, None, 9).await.expect("the store works").rows.len();
    assert_eq!((listed(before).await, listed(end).await), (1, 0));
    let take_back =
        async |now| store.restore_workspace(user(1), "team".to_owned(), now, None).await.expect("the store works");
    assert_eq!(take_back(end).await, Once::Done(Err(Undeleted::Absent)));
    assert!(matches!(take_back(before).await, Once::Done(Ok(_))));
}
