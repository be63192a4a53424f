//! The log of changes.

use std::sync::Arc;

use mask_core::{
    action::Action,
    actor::Actor,
    bio_page,
    change::Change,
    id::{BlockId, ChangeId, QrId, SubscriberId, WorkspaceId},
    key::{Content, Secret},
    mail::Address,
    qr::{Aim, Look},
    scope::Scopes,
    subscriber::Kind,
    token::Token,
    workspace::Owner,
};
use mask_store::{
    By, ChangeFilter, Deed, Event, Expected, Kept, LoggedChange, NewBioPage, NewKey, NewQrCode, NewSecret,
    NewSubscriber, NewWebhook, NewWorkspace, Object, Once, PageChange, ShownChange, Store, Tell,
};

use crate::{
    backend::{Backend, on_every_backend},
    bio_pages::new_page,
    sample::{LIVE, OTHER, TEST, at, keep, key_id, link_id, make, new_link, place},
    webhooks::{content, webhook_id},
};

on_every_backend!(
    a_line_says_all_there_is_to_say,
    every_change_of_a_link_is_a_line,
    everything_that_changes_is_noted,
    keys_and_workspaces,
    what_happens_by_itself_is_the_systems,
    many_at_once_are_a_line_each,
    a_repeated_request_is_one_line,
    there_is_no_change_without_its_line,
    a_store_that_cannot_tell_notes_all_the_same,
    every_filter_finds_what_it_means,
    the_oldest_are_forgotten,
    what_nobody_could_have_written,
);

/// Shows objects by their names and versions.
#[derive(Debug)]
struct Words;

fn word(object: Object<'_>) -> String {
    match object {
        Object::Link(link) => format!("link {}", link.version),
        Object::Page(page) => format!("page {}", page.version),
        Object::Code(placed) => format!("code {}", placed.code.version),
        Object::Webhook(webhook) => format!("webhook {} {}", webhook.version, webhook.content.is_active),
        Object::Domain(domain) => format!("domain {:?} {}", domain.status, domain.content.is_default),
        Object::Key(key) => format!("key {} {:?}", key.version, key.revoked_at),
        Object::Workspace(workspace) => workspace.name.clone(),
        Object::Member(member) => format!("{} {}", member.email, member.role),
        Object::Invitation(invitation) => format!("{} {}", invitation.email, invitation.role),
        Object::Subscriber(subscriber) => subscriber.email.to_string(),
        Object::Visitors(workspace, before) => format!("{} {before}", workspace.name),
        Object::Gone(id) => id.to_owned(),
    }
}

impl Tell for Words {
    fn now(&self) -> mask_core::time::Time {
        at(500)
    }

    fn body(&self, _: &Event<'_>) -> String {
        String::new()
    }

    fn change(&self, deed: &Deed<'_>, _: mask_core::time::Time) -> ShownChange {
        ShownChange { label: "a label".to_owned(), before: deed.before.map(word), after: deed.after.map(word) }
    }
}

fn telling(backend: &Backend) -> Store {
    backend.store.clone().telling(Arc::new(Words))
}

/// A key's request from Germany.
fn by(owner: Owner) -> By {
    By {
        owner,
        actor: Actor::Key(key_id(1)),
        request: Some("req_000000000001".to_owned()),
        country: Some("DE".to_owned()),
    }
}

/// The whole log, oldest first.
pub(crate) async fn log(store: &Store, owner: Owner) -> Vec<LoggedChange> {
    let mut lines = store.list_changes(owner, ChangeFilter::default(), None, 1000).await.expect("the store works").rows;
    lines.reverse();
    lines
}

/// What was done, and to what, oldest first.
async fn deeds(store: &Store, owner: Owner) -> Vec<(String, Option<String>, Option<String>)> {
    log(store, owner).await.into_iter().map(|line| (line.action, line.before, line.after)).collect()
}

fn deed(action: Action, before: &str, after: &str) -> (String, Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (action.as_str().to_owned(), some(before), some(after))
}

fn renamed(title: &str) -> Change {
    Change { title: Some(Some(title.to_owned())), ..Change::default() }
}

async fn a_line_says_all_there_is_to_say(backend: &Backend) {
    let store = &telling(backend);
    let made = store.create_link(by(LIVE), new_link(7, "autumn"), None).await.expect("the store works");
    assert!(matches!(made, Once::Done(Ok(_))));
    let lines = log(store, LIVE).await;
    let line = LoggedChange {
        id: lines[0].id,
        at: at(7),
        actor: Actor::Key(key_id(1)),
        country: Some("DE".to_owned()),
        request: Some("req_000000000001".to_owned()),
        action: "link.created".to_owned(),
        object: link_id(7).to_string(),
        label: "a label".to_owned(),
        before: None,
        after: Some("link 1".to_owned()),
    };
    assert_eq!(lines, [line]);
    for owner in [TEST, OTHER] {
        assert_eq!(log(store, owner).await, [], "it is nobody else's");
    }
}

async fn every_change_of_a_link_is_a_line(backend: &Backend) {
    let store = &telling(backend);
    let any = || Expected::AnyVersion;
    let link = make(store, LIVE, new_link(1, "autumn")).await;
    place(store, LIVE, new_link(2, "autumn")).await.expect_err("it is taken");
    let update = |expected, title| store.update_link(LIVE, link.id, expected, renamed(title), at(10));
    update(any(), "one").await.expect("the store works").expect("changed");
    update(any(), "one").await.expect("the store works").expect("nothing to change");
    update(Expected::OneOf(vec![1]), "two").await.expect("the store works").expect_err("it was changed");
    let delete = |expected, releases| store.delete_link(LIVE, link.id, expected, releases, at(20));
    delete(Expected::OneOf(vec![1]), false).await.expect("the store works").expect_err("it was changed");
    delete(any(), false).await.expect("the store works").expect("deleted");
    delete(any(), false).await.expect("the store works").expect_err("it is gone");
    delete(any(), true).await.expect("the store works").expect("its slug is free");
    delete(any(), true).await.expect("the store works").expect_err("it is gone");
    let upserted = || {
        let mut new = new_link(3, "winter");
        new.content.external_id = Some("e".to_owned());
        store.upsert_link(LIVE, Expected::AnyVersion, new, renamed("three"))
    };
    upserted().await.expect("the store works").expect("made");
    upserted().await.expect("the store works").expect("changed");
    let gone = link.id.to_string();
    assert_eq!(
        deeds(store, LIVE).await,
        [
            deed(Action::LinkCreated, "", "link 1"),
            deed(Action::LinkCreated, "", "link 1"),
            deed(Action::LinkUpdated, "link 1", "link 2"),
            deed(Action::LinkUpdated, "link 1", "link 2"),
            deed(Action::LinkDeleted, "link 2", ""),
            deed(Action::LinkReleased, &gone, ""),
        ],
        "by the time of each: the second link was made at three"
    );
}

fn page(n: u32) -> NewBioPage {
    new_page(n, &format!("page{n}"))
}

async fn everything_that_changes_is_noted(backend: &Backend) {
    let store = &telling(backend);
    let any = || Expected::AnyVersion;
    // A page.
    let made = store.create_bio_page(LIVE, page(1), None).await.expect("the store works");
    assert!(matches!(made, Once::Done(Ok(_))));
    let id = page(1).id;
    let edit = |title: &'static str| {
        move |page: &bio_page::BioPage| {
            let content = bio_page::Content { title: title.to_owned(), ..page.content.clone() };
            Ok::<_, ()>(PageChange { domain: None, slug: None, content, is_published: page.is_published() })
        }
    };
    store.update_bio_page(LIVE, id, any(), at(2), None, edit("Page 1")).await.expect("the store works");
    store.update_bio_page(LIVE, id, any(), at(3), None, edit("Grace")).await.expect("the store works");
    // Somebody who left an address there.
    let subscriber = NewSubscriber {
        id: SubscriberId::from_bits(1),
        page: id,
        block: BlockId::from_bits(1),
        kind: Kind::Signup,
        email: Address::parse("ada@example.com").expect("an address"),
        name: None,
        message: None,
        is_confirmed: true,
        now: at(4),
    };
    assert!(store.subscribe(LIVE, subscriber, None).await.expect("the store works"));
    assert!(store.delete_subscriber(LIVE, id, SubscriberId::from_bits(1), at(5)).await.expect("the store works"));
    store.delete_bio_page(LIVE, id, any(), false, at(6)).await.expect("the store works").expect("deleted");
    store.delete_bio_page(LIVE, id, any(), true, at(7)).await.expect("the store works").expect("free");
    // A code.
    let link = make(store, OTHER, new_link(1, "autumn")).await;
    let code = NewQrCode {
        id: QrId::from_bits(1),
        aim: Aim::Link(link.id),
        tokens: vec![Token::of(1)],
        look: Look::default(),
        now: at(2),
    };
    store.create_qr_code(OTHER, code, None).await.expect("the store works");
    let look = || Look { caption: Some("Menu".to_owned()), ..Look::default() };
    for second in [3, 4] {
        let done = store.update_qr_code(OTHER, QrId::from_bits(1), any(), look(), at(second)).await;
        done.expect("the store works").expect("it is there");
    }
    store.delete_qr_code(OTHER, QrId::from_bits(1), any(), at(5)).await.expect("the store works").expect("deleted");
    // A webhook, and a listener.
    let new = |n, url: &str| {
        let mut content = content(&[]);
        url.clone_into(&mut content.url);
        NewWebhook { id: webhook_id(n), content, now: at(6) }
    };
    store.create_webhook(OTHER, new(1, "https://example.com/"), None).await.expect("the store works");
    let pause = |content: &mut mask_core::webhook::Content| content.is_active = false;
    store.update_webhook(OTHER, webhook_id(1), any(), pause, at(7), None).await.expect("the store works");
    store.delete_webhook(OTHER, webhook_id(1), any(), at(8)).await.expect("the store works").expect("deleted");
    store.create_webhook(OTHER, NewWebhook { now: at(9), ..new(2, "") }, None).await.expect("the store works");
    assert!(store.delete_listener(OTHER, webhook_id(2), at(10)).await.expect("the store works"));
    assert_eq!(
        deeds(store, LIVE).await,
        [
            deed(Action::PageCreated, "", "page 1"),
            deed(Action::PageUpdated, "page 1", "page 2"),
            deed(Action::SubscriberDeleted, "ada@example.com", ""),
            deed(Action::PageDeleted, "page 2", ""),
            deed(Action::PageReleased, &id.to_string(), ""),
        ]
    );
    assert_eq!(
        deeds(store, OTHER).await,
        [
            deed(Action::LinkCreated, "", "link 1"),
            deed(Action::CodeCreated, "", "code 1"),
            deed(Action::CodeUpdated, "code 1", "code 2"),
            deed(Action::CodeDeleted, "code 2", ""),
            deed(Action::WebhookCreated, "", "webhook 1 true"),
            deed(Action::WebhookUpdated, "webhook 1 true", "webhook 2 false"),
            deed(Action::WebhookDeleted, "webhook 2 false", ""),
            deed(Action::ListenerCreated, "", "webhook 1 true"),
            deed(Action::ListenerDeleted, "webhook 1 true", ""),
        ]
    );
}

async fn keys_and_workspaces(backend: &Backend) {
    let store = &telling(backend);
    let id = WorkspaceId::from_bits(1);
    let new = NewWorkspace { id, name: "Old".to_owned(), slug: "default".to_owned(), now: at(1) };
    let workspace = store.create_workspace(new.clone()).await.expect("the store works").expect("its slug is free");
    assert_eq!(store.create_workspace(new).await.expect("the store works"), None, "its slug is taken");
    let test = Owner { workspace: workspace.number, is_test: true };
    let live = Owner { is_test: false, ..test };
    for name in ["New", "New"] {
        let done = store.rename_workspace(by(test), Expected::AnyVersion, name.to_owned(), at(2)).await;
        done.expect("the store works").expect("it is there");
    }
    store.forget_own_visitors(by(live), at(-5), at(3)).await.expect("the store works");
    let secret = |n: usize| Secret::new(false, |bound| n % bound).hash();
    let key = |n: u32| NewKey {
        id: key_id(n),
        owner: test,
        content: Content::of("a key".to_owned(), Scopes::all()),
        hint: "mk_test_…".to_owned(),
        hash: secret(usize::try_from(n).expect("small")),
        now: at(i64::from(n)),
    };
    store.create_own_key(by(test), key(1), None).await.expect("the store works");
    store.create_key(key(2)).await.expect("the store works");
    let rename = |content: &mut Content| "another".clone_into(&mut content.name);
    for _ in 0..2 {
        let done = store.update_key((test, Scopes::all()), key_id(1), Expected::AnyVersion, rename, at(3)).await;
        done.expect("the store works").expect("it is there");
    }
    let new = NewSecret { hint: "mk".to_owned(), hash: secret(9), previous_until: at(9) };
    store.rotate_key((test, Scopes::all()), key_id(1), new, at(4), None).await.expect("the store works");
    let revoke = || store.revoke_own_key((test, Scopes::all()), key_id(1), Expected::AnyVersion, at(5));
    revoke().await.expect("the store works").expect("revoked");
    revoke().await.expect("the store works").expect_err("it is gone");
    assert!(store.revoke_key(key_id(2), at(6)).await.expect("the store works"));
    assert!(!store.revoke_key(key_id(2), at(7)).await.expect("the store works"));
    assert_eq!(
        deeds(store, live).await,
        [
            deed(Action::WorkspaceCreated, "", "Old"),
            deed(Action::WorkspaceRenamed, "Old", "New"),
            deed(Action::VisitorDataDeleted, &format!("New {}", at(-5)), ""),
        ],
        "a workspace has one name on both sides"
    );
    assert_eq!(
        deeds(store, test).await,
        [
            deed(Action::KeyCreated, "", "key 1 None"),
            deed(Action::KeyCreated, "", "key 1 None"),
            deed(Action::KeyUpdated, "key 1 None", "key 2 None"),
            deed(Action::KeyRotated, "key 2 None", "key 3 None"),
            deed(Action::KeyRevoked, "key 3 None", ""),
            deed(Action::KeyRevoked, "key 1 None", ""),
        ]
    );
    let actors: Vec<_> = log(store, test).await.into_iter().map(|line| line.actor).collect();
    let (key, system) = (Actor::Key(key_id(1)), Actor::System);
    assert_eq!(actors, [key, system, system, system, system, system]);
}

async fn what_happens_by_itself_is_the_systems(backend: &Backend) {
    let store = &telling(backend);
    let mut content = content(&[]);
    content.url = String::new();
    store.create_webhook(by(LIVE), NewWebhook { id: webhook_id(1), content, now: at(1) }, None).await.expect("made");
    assert_eq!(store.forget_listeners(at(5), at(6)).await.expect("the store works"), 1);
    assert_eq!(store.forget_listeners(at(5), at(7)).await.expect("the store works"), 0);
    let lines = log(store, LIVE).await;
    let last = lines.last().expect("a line");
    assert_eq!((lines.len(), last.action.as_str(), last.actor), (2, "webhook_listener.deleted", Actor::System));
    assert_eq!((last.at, &last.request, &last.country), (at(6), &None, &None));
}

async fn many_at_once_are_a_line_each(backend: &Backend) {
    let store = &telling(backend);
    let mut new: Vec<_> = (1..=70).map(|n| new_link(n, &format!("slug{n}"))).collect();
    new[3] = new_link(4, "slug1");
    for new in &mut new {
        new.now = at(100);
    }
    store.create_links(by(LIVE), new, None).await.expect("the store works");
    let objects: Vec<_> = log(store, LIVE).await.into_iter().map(|line| line.object).collect();
    let made: Vec<_> = (1..=70).filter(|n| *n != 4).map(|n| link_id(n).to_string()).collect();
    assert_eq!(objects, made, "in the order of the request, and none for the one that was refused");
    let ids = || [1, 4, 2].map(link_id).to_vec();
    store.update_links(by(LIVE), ids(), renamed("t"), at(200)).await.expect("the store works");
    store.delete_links(by(LIVE), ids(), false, at(300)).await.expect("the store works");
    let lines = log(store, LIVE).await.split_off(69);
    let told: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.object.clone())).collect();
    let (first, second) = (link_id(1).to_string(), link_id(2).to_string());
    assert_eq!(
        told,
        [
            ("link.updated", first.clone()),
            ("link.updated", second.clone()),
            ("link.deleted", first),
            ("link.deleted", second)
        ]
    );
}

async fn a_repeated_request_is_one_line(backend: &Backend) {
    let store = &telling(backend);
    let kept = |_: &_| Kept { status: 201, body: Vec::new() };
    for _ in 0..2 {
        store.create_link(by(LIVE), new_link(1, "autumn"), Some(keep("k", 1, kept))).await.expect("the store works");
    }
    let refused = |_: &_| Kept { status: 409, body: Vec::new() };
    store.create_link(by(LIVE), new_link(2, "autumn"), Some(keep("l", 1, refused))).await.expect("the store works");
    assert_eq!(deeds(store, LIVE).await, [deed(Action::LinkCreated, "", "link 1")]);
}

async fn there_is_no_change_without_its_line(backend: &Backend) {
    let store = &telling(backend);
    backend.place.sql("ALTER TABLE audit_log RENAME TO elsewhere");
    store.create_link(LIVE, new_link(1, "autumn"), None).await.expect_err("there is nowhere to write the line");
    assert_eq!(store.link_by_id(LIVE, link_id(1)).await.expect("the store works"), None);
    backend.place.sql("ALTER TABLE elsewhere RENAME TO audit_log");
    make(store, LIVE, new_link(1, "autumn")).await;
    assert_eq!(log(store, LIVE).await.len(), 1, "of what was taken back there is nothing");
}

async fn a_store_that_cannot_tell_notes_all_the_same(backend: &Backend) {
    let link = make(&backend.store, LIVE, new_link(1, "autumn")).await;
    let line = log(&backend.store, LIVE).await.pop().expect("a line");
    assert_eq!((line.label, line.before, line.after), (link.id.to_string(), None, None));
}

/// A log of three who do three things to three links, many in the same moment.
async fn varied(store: &Store) -> Vec<LoggedChange> {
    for n in 0..60_u32 {
        let actor = [Actor::System, Actor::Key(key_id(1)), Actor::Key(key_id(2))][(n % 3) as usize];
        let by = By { actor, ..by(LIVE) };
        let number = n / 6;
        let moment = at(i64::from(n / 4));
        match n % 2 {
            0 if number % 2 == 0 => {
                let new = mask_store::NewLink { now: moment, ..new_link(n, &format!("slug{n}")) };
                store.create_link(by, new, None).await.expect("the store works");
            }
            0 => {
                let id = link_id(n / 12 * 12);
                let title = format!("t{n}");
                let done = store.update_link(by, id, Expected::AnyVersion, renamed(&title), moment).await;
                done.expect("the store works").expect("it is there");
            }
            _ => {
                let new = NewBioPage { now: moment, ..page(n) };
                store.create_bio_page(by, new, None).await.expect("the store works");
            }
        }
    }
    let mut lines = log(store, LIVE).await;
    assert_eq!(lines.len(), 60);
    lines.reverse();
    lines
}

async fn every_filter_finds_what_it_means(backend: &Backend) {
    let store = &telling(backend);
    make(store, TEST, new_link(900, "elsewhere")).await;
    let lines = varied(store).await;
    let actors = [None, Some(Actor::System), Some(Actor::Key(key_id(2))), Some(Actor::Key(key_id(3)))];
    let actions = [None, Some("link."), Some("link.updated"), Some("bio_page.created"), Some("domain.")]
        .map(|text| text.map(|text| Action::meant_by(text).expect("actions")));
    let objects = [None, Some(link_id(0).to_string()), Some("lnk_x".to_owned())];
    let moments = [None, Some((at(3), at(7))), Some((at(7), at(3)))];
    for (actor, actions) in actors.iter().flat_map(|actor| actions.iter().map(move |actions| (actor, actions))) {
        for (object, moments) in objects.iter().flat_map(|object| moments.iter().map(move |span| (object, span))) {
            let filter = ChangeFilter {
                actor: *actor,
                actions: actions.clone(),
                object: object.clone(),
                from: moments.map(|(from, _)| from),
                to: moments.map(|(_, to)| to),
            };
            let wanted: Vec<_> = lines.iter().filter(|line| fits(line, &filter)).cloned().collect();
            assert_eq!(in_pages(store, &filter, 7).await, wanted, "{filter:?}");
        }
    }
}

fn fits(line: &LoggedChange, filter: &ChangeFilter) -> bool {
    filter.actor.is_none_or(|actor| actor == line.actor)
        && filter.actions.as_ref().is_none_or(|all| all.iter().any(|action| action.as_str() == line.action))
        && filter.object.as_ref().is_none_or(|object| *object == line.object)
        && filter.from.is_none_or(|from| line.at >= from)
        && filter.to.is_none_or(|to| line.at < to)
}

/// All that a filter finds, a page after the other.
async fn in_pages(store: &Store, filter: &ChangeFilter, limit: usize) -> Vec<LoggedChange> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let listed = store.list_changes(LIVE, filter.clone(), after, limit).await.expect("the store works");
        assert!(listed.rows.len() <= limit && (listed.next.is_none() || listed.rows.len() == limit));
        all.extend(listed.rows);
        let Some(next) = listed.next else { return all };
        after = Some(ChangeId::parse(&next.id).expect("an id"));
    }
}

async fn the_oldest_are_forgotten(backend: &Backend) {
    let store = &telling(backend);
    for n in 1..=5 {
        make(store, if n == 2 { OTHER } else { LIVE }, new_link(n, &format!("slug{n}"))).await;
    }
    assert_eq!(store.forget_changes(at(4), 2).await.expect("the store works"), 2);
    assert_eq!(store.forget_changes(at(4), 2).await.expect("the store works"), 1);
    assert_eq!(store.forget_changes(at(4), 2).await.expect("the store works"), 0);
    let left: Vec<_> = log(store, LIVE).await.into_iter().map(|line| line.object).collect();
    assert_eq!(left, [link_id(4).to_string(), link_id(5).to_string()]);
    assert_eq!(log(store, OTHER).await, []);
}

async fn what_nobody_could_have_written(backend: &Backend) {
    let store = &telling(backend);
    make(store, LIVE, new_link(1, "autumn")).await;
    // A newer node knows more actions than this one.
    backend.place.sql("UPDATE audit_log SET action = 'moon.landed'");
    assert_eq!(log(store, LIVE).await[0].action, "moon.landed");
    backend.place.sql("UPDATE audit_log SET actor = 'somebody'");
    let error = store.list_changes(LIVE, ChangeFilter::default(), None, 9).await.expect_err("a bad row");
    assert!(error.to_string().contains("audit_log.actor"), "{error}");
}
