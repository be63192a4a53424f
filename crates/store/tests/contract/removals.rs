//! What a workspace had that was deleted and cannot be taken back any more: all of it goes, some at a time, and nothing else.

use mask_core::{
    event::EventKind,
    id::WorkspaceId,
    key::{Content, Secret},
    question::{Bots, Dimension, Group, Question, Subject, Window},
    role::Role,
    scope::Scopes,
    workspace::Owner,
};
use mask_store::{Expected, Filter, Found, NewKey, NewWorkspace, Once, Order, Page, Sort, Store};

use crate::{
    backend::{Backend, on_every_backend},
    bio_pages::{make_page, new_page},
    domains::{self, verified},
    members::Team,
    sample::{DOMAIN, OTHER, at, batch, fact, key_id, make, new_link, new_link_with, tags},
    webhooks::{content, deliveries, subscribe, telling, webhook_id},
};

on_every_backend!(all_of_it_goes, some_at_a_time, nothing_of_others_goes);

const DELETED: i64 = 10_000;

async fn delete(store: &Store, team: &Team<'_>) {
    let deleted = store.delete_workspace(team.by(1), Expected::AnyVersion, "A team".to_owned(), at(DELETED)).await;
    deleted.expect("the store works").expect("deleted");
}

/// Removes until there is nothing more to remove; says in how many steps.
async fn remove(store: &Store, limit: u32) -> usize {
    let mut steps = 0;
    while store.remove_deleted(at(DELETED), at(20_000), limit).await.expect("the store works") {
        steps += 1;
        assert!(steps < 1000, "it never ends");
    }
    steps
}

async fn links(store: &Store, owner: Owner) -> usize {
    let page = Page { sort: Sort::default(), order: Order::default(), after: None, limit: 100 };
    store.list_links(owner, Filter::default(), page).await.expect("the store works").rows.len()
}

async fn clicks(store: &Store, owner: Owner) -> u64 {
    let question = Question {
        subject: Subject::Clicks,
        window: Window { from: at(0), to: at(100_000) },
        of: None,
        conditions: Vec::new(),
        bots: Bots::Without,
        group: Group::Values(Dimension::Country, 10),
    };
    store.answer(owner, question).await.expect("the store works").total.clicks
}

async fn all_of_it_goes(backend: &Backend) {
    let store = telling(backend);
    let team = Team::of(backend, "team", &[Role::Owner, Role::Viewer]).await;
    let (live, test) = (team.owner(), Owner { is_test: true, ..team.owner() });
    let domain = verified(&store, live, 1, "go.example.com").await;
    subscribe(&store, live, 1, content(&[EventKind::LinkCreated])).await;
    let link = make(&store, live, new_link_with(1, "spring", |content| content.tags = tags(&["a", "b"]))).await;
    make(&store, test, new_link(2, "summer")).await;
    let mut there = new_link(3, "printed");
    domain.name.as_str().clone_into(&mut there.domain);
    make(&store, live, there).await;
    make_page(&store, live, new_page(1, "ada-page")).await;
    let hash = Secret::new(false, |bound| 3 % bound).hash();
    let key = NewKey {
        id: key_id(1),
        owner: live,
        content: Content::of("key".to_owned(), Scopes::all()),
        hint: String::new(),
        hash,
        now: at(1),
    };
    store.create_key(key).await.expect("the store works");
    store.record_clicks(batch("node", None, 10, vec![fact(live, link.id, true)])).await.expect("the store works");
    assert_eq!(deliveries(&store, live, webhook_id(1)).await.len(), 2);

    assert_eq!(remove(&store, 100).await, 0, "nothing was deleted");
    delete(&store, &team).await;
    let later = store.remove_deleted(at(DELETED - 1), at(20_000), 100).await.expect("the store works");
    assert!(!later, "it can still be taken back");
    assert!(remove(&store, 100).await > 0);
    assert_eq!((links(&store, live).await, links(&store, test).await, clicks(&store, live).await), (0, 0, 0));
    assert_eq!(store.list_keys().await.expect("the store works"), []);
    assert_eq!(store.list_workspaces().await.expect("the store works"), []);
    assert_eq!(team.roles().await, []);
    assert_eq!(store.served_domains(None).await.expect("the store works").expect("a first look").domains, []);
    assert_eq!(store.list_tags(live, None, 9).await.expect("the store works").rows, []);
    // Addresses that were everybody's lead to nobody else; its own domain is free, with all that was there.
    let find = async |domain: &str, slug: &str| store.find_link(domain.to_owned(), slug.to_owned()).await;
    for slug in ["spring", "summer", "ada-page"] {
        assert_eq!(find(DOMAIN, slug).await.expect("the store works"), Found::Gone, "{slug}");
    }
    assert_eq!(find("go.example.com", "printed").await.expect("the store works"), Found::Nothing);
    let asked = store.create_domain(OTHER, domains::new(2, "go.example.com"), None).await.expect("the store works");
    assert!(matches!(asked, Once::Done(Ok(_))), "nobody has it");
    let again =
        NewWorkspace { id: WorkspaceId::from_bits(9), name: "A".to_owned(), slug: "team".to_owned(), now: at(1) };
    assert_eq!(store.create_workspace(again).await.expect("the store works"), None, "its slug is nobody else's");
    assert_eq!(remove(&store, 100).await, 0, "once is enough");
}

async fn some_at_a_time(backend: &Backend) {
    let store = &backend.store;
    let team = Team::of(backend, "team", &[Role::Owner]).await;
    for n in 1..=7 {
        make(store, team.owner(), new_link(n, &format!("slug-{n}"))).await;
    }
    delete(store, &team).await;
    let step = async || store.remove_deleted(at(DELETED), at(20_000), 3).await.expect("the store works");
    for left in [4, 1, 0] {
        assert!(step().await);
        assert_eq!(links(store, team.owner()).await, left);
    }
    assert_eq!(team.roles().await, [Role::Owner], "its people go last");
    remove(store, 3).await;
    assert_eq!(team.roles().await, []);
}

async fn nothing_of_others_goes(backend: &Backend) {
    let store = &backend.store;
    let (team, other) = (Team::of(backend, "team", &[Role::Owner]).await, Team::of(backend, "other", &[]).await);
    other.add(9, 1, Role::Owner).await;
    let link = make(store, other.owner(), new_link(1, "spring")).await;
    let lost = make(store, team.owner(), new_link(2, "summer")).await;
    let facts = vec![fact(other.owner(), link.id, true), fact(team.owner(), lost.id, true)];
    store.record_clicks(batch("node", None, 10, facts)).await.expect("the store works");
    verified(store, other.owner(), 1, "go.example.com").await;
    let before = (links(store, other.owner()).await, clicks(store, other.owner()).await);
    assert_eq!((before, clicks(store, team.owner()).await), ((1, 1), 1));
    delete(store, &team).await;
    remove(store, 100).await;
    assert_eq!((links(store, other.owner()).await, clicks(store, other.owner()).await), before);
    assert_eq!(clicks(store, team.owner()).await, 0);
    assert_eq!(other.roles().await, [Role::Owner]);
    assert_eq!(store.served_domains(None).await.expect("the store works").expect("a first look").domains.len(), 1);
}
