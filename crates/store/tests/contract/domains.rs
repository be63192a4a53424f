//! Domains: many may ask for a name, one has it, and what DNS does not say takes it from nobody.

use std::time::Duration;

use mask_core::{
    change::Change,
    domain::{Content, Domain, DomainName, Look, Outcome, Pointing, Robots, Status, Unanswered},
    event::{EventKind, EventKinds},
    id::{self, DomainId, WebhookId},
    time::Time,
    webhook,
    workspace::Owner,
};
use mask_store::{
    Begun, Deed, Event, Expected, Found, Happening, Kept, NewDomain, NewWebhook, Once, ShownChange, Store, Tell,
    Unheld, Wanted,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{LIVE, OTHER, TEST, at, keep, make, new_link, slug, url},
};

on_every_backend!(
    asking_reading_and_listing,
    what_an_owner_sets,
    one_default,
    a_name_is_ones,
    of_two_at_once_one_has_it,
    taking_over,
    what_dns_does_not_say_changes_nothing,
    a_look_that_took_long,
    homographs,
    looks_are_claimed,
    looks_rest,
    a_week_without_a_proof,
    giving_up,
    what_is_served,
    an_event_in_the_same_transaction,
    a_repeated_request,
);

const NAME: &str = "go.example.com";

fn domain_id(n: u32) -> DomainId {
    DomainId::from_bits(id::at(at(i64::from(n)), u128::from(n) << 40))
}

fn name(text: &str) -> DomainName {
    DomainName::parse(text).expect("a name")
}

pub(crate) fn new(n: u32, text: &str) -> NewDomain {
    NewDomain {
        id: domain_id(n),
        name: name(text),
        token: format!("token-{n}"),
        content: Content::default(),
        takes_over: false,
        now: at(i64::from(n)),
    }
}

fn done<T: std::fmt::Debug>(once: Once<T>) -> T {
    match once {
        Once::Done(value) => value,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

async fn try_asking(store: &Store, owner: Owner, new: NewDomain) -> Result<Domain, Unheld> {
    done(store.create_domain(owner, new, None).await.expect("the store works"))
}

async fn ask(store: &Store, owner: Owner, new: NewDomain) -> Domain {
    try_asking(store, owner, new).await.expect("nothing stands in its way")
}

fn look(tokens: &[&str]) -> Look {
    Look {
        at: at(0),
        proofs: Ok(tokens.iter().map(|&token| token.to_owned()).collect()),
        pointing: Ok(Pointing::Here),
        must_point: true,
    }
}

fn away() -> Look {
    let why = || Unanswered("Nobody answers.".to_owned());
    Look { at: at(0), proofs: Err(why()), pointing: Err(why()), must_point: true }
}

/// Settles a look that took no time.
async fn settle(store: &Store, domain: &Domain, look: Look, now: Time) -> Domain {
    let look = Look { at: now, ..look };
    let settled = store.settle_domain(domain.owner, domain.id, look, now, None).await.expect("the store works");
    done(settled).expect("the domain is there")
}

/// A domain that is its owner's.
pub(crate) async fn verified(store: &Store, owner: Owner, n: u32, text: &str) -> Domain {
    let domain = ask(store, owner, new(n, text)).await;
    let domain = settle(store, &domain, look(&[&format!("token-{n}")]), at(100)).await;
    assert_eq!(domain.status, Status::Verified);
    domain
}

async fn read(store: &Store, domain: &Domain) -> Domain {
    store.domain_by_id(domain.owner, domain.id).await.expect("the store works").expect("the domain is there")
}

async fn change(
    store: &Store,
    domain: &Domain,
    expected: Expected,
    change: impl FnOnce(&mut Content) + Send + 'static,
) -> Result<Domain, Unheld> {
    store.update_domain(domain.owner, domain.id, expected, change, at(500)).await.expect("the store works")
}

async fn served(store: &Store) -> Vec<String> {
    let served = store.served_domains(None).await.expect("the store works").expect("a first look is never the same");
    served.domains.iter().map(|domain| domain.name.to_string()).collect()
}

async fn asking_reading_and_listing(backend: &Backend) {
    let store = &backend.store;
    let content = Content {
        root_url: Some(url("https://example.com/root")),
        not_found_url: Some(url("https://example.com/Ü")),
        expired_url: Some(url("https://example.com/over")),
        apple_app_site_association: Some("{\"applinks\":{\"details\":[]}}".to_owned()),
        assetlinks: Some("[{\"é\":\"日本\"}]".to_owned()),
        robots: Robots::Disallow,
        is_default: false,
    };
    let asked = ask(store, LIVE, NewDomain { content: content.clone(), ..new(1, "bücher.example.com") }).await;
    assert_eq!((&asked.content, asked.status, asked.version), (&content, Status::Pending, 1));
    assert_eq!((asked.name.as_str(), asked.look.clone()), ("xn--bcher-kva.example.com", None));
    assert_eq!(read(store, &asked).await, asked);
    for owner in [TEST, OTHER] {
        assert_eq!(store.domain_by_id(owner, asked.id).await.expect("the store works"), None);
    }
    assert_eq!(try_asking(store, LIVE, new(2, "bücher.example.com")).await, Err(Unheld::Known(asked.id)));
    let more = [ask(store, LIVE, new(3, "b.example.com")).await, ask(store, LIVE, new(4, "a.example.com")).await];
    ask(store, TEST, new(5, "test.example.com")).await;
    let first = store.list_domains(LIVE, None, 2).await.expect("the store works");
    assert_eq!(first.rows, [asked, more[0].clone()]);
    let rest = store.list_domains(LIVE, first.next, 2).await.expect("the store works");
    assert_eq!((rest.rows.as_slice(), rest.next), (&more[1..], None));
}

async fn what_an_owner_sets(backend: &Backend) {
    let store = &backend.store;
    let domain = ask(store, LIVE, new(1, NAME)).await;
    let set = |content: &mut Content| content.root_url = Some(url("https://example.com/1"));
    let changed = change(store, &domain, Expected::OneOf(vec![1]), set).await.expect("changed");
    assert_eq!((changed.version, changed.updated_at), (2, at(500)));
    assert_eq!(read(store, &domain).await, changed);
    assert_eq!(change(store, &domain, Expected::OneOf(vec![1]), |_| ()).await, Err(Unheld::Changed));
    let same = change(store, &domain, Expected::AnyVersion, |_| ()).await.expect("nothing to do");
    assert_eq!(same.version, 2, "what changes nothing is no change");
    let foreign = store.update_domain(OTHER, domain.id, Expected::AnyVersion, set, at(1)).await;
    assert_eq!(foreign.expect("the store works"), Err(Unheld::Absent));
}

async fn one_default(backend: &Backend) {
    let store = &backend.store;
    let pending = ask(store, LIVE, new(1, "a.example.com")).await;
    let default = |content: &mut Content| content.is_default = true;
    assert_eq!(change(store, &pending, Expected::AnyVersion, default).await, Err(Unheld::Unverified));
    let (first, second) =
        (verified(store, LIVE, 2, "b.example.com").await, verified(store, LIVE, 3, "c.example.com").await);
    let others = verified(store, OTHER, 4, "d.example.com").await;
    for domain in [&first, &others, &second] {
        let domain = change(store, domain, Expected::AnyVersion, default).await.expect("changed");
        assert!(domain.content.is_default);
    }
    let replaced = read(store, &first).await;
    assert_eq!((replaced.content.is_default, replaced.version), (false, first.version + 2));
    assert!(read(store, &others).await.content.is_default && read(store, &second).await.content.is_default);
    // Two at once: one of them is last.
    let (one, two) = tokio::join!(
        change(store, &first, Expected::AnyVersion, default),
        change(store, &second, Expected::AnyVersion, default)
    );
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    let defaults = [read(store, &first).await, read(store, &second).await];
    assert_eq!(defaults.iter().filter(|domain| domain.content.is_default).count(), 1);
}

async fn a_name_is_ones(backend: &Backend) {
    let store = &backend.store;
    let waiting = ask(store, OTHER, new(1, NAME)).await;
    let holder = verified(store, LIVE, 2, NAME).await;
    assert_eq!((holder.verified_at, holder.version), (Some(at(100)), 2));
    assert!(holder.has_proof && holder.points_here);
    assert_eq!(try_asking(store, TEST, new(3, NAME)).await, Err(Unheld::Taken), "live and test are one space");
    let late = ask(store, TEST, NewDomain { takes_over: true, ..new(3, NAME) }).await;
    // Their tokens are there, and so is the holder's.
    for domain in [&waiting, &late] {
        let looked = settle(store, domain, look(&["token-1", "token-2", "token-3"]), at(200)).await;
        assert_eq!((looked.status, looked.has_proof), (Status::Pending, true));
        let last = looked.look.expect("a look");
        assert_eq!((last.at, last.outcome), (at(200), Outcome::Taken));
        assert!(last.message.contains("_mask.go.example.com"), "{}", last.message);
    }
    assert_eq!(read(store, &holder).await, holder);
    assert_eq!(served(store).await, [NAME]);
}

async fn of_two_at_once_one_has_it(backend: &Backend) {
    let store = &backend.store;
    for round in 0..5_u32 {
        let text = format!("r{round}.example.com");
        let n = 10 * round + 1;
        let (one, two) = (ask(store, LIVE, new(n, &text)).await, ask(store, OTHER, new(n + 1, &text)).await);
        let tokens = [format!("token-{n}"), format!("token-{}", n + 1)];
        let all = look(&[&tokens[0], &tokens[1]]);
        let (first, second) =
            tokio::join!(settle(store, &one, all.clone(), at(200)), settle(store, &two, all.clone(), at(200)));
        let is_verified = |domain: &Domain| domain.status == Status::Verified;
        assert!(is_verified(&first) != is_verified(&second), "{first:?} {second:?}");
        let loser = if is_verified(&first) { second } else { first };
        assert_eq!(loser.look.map(|look| look.outcome), Some(Outcome::Taken));
    }
}

async fn taking_over(backend: &Backend) {
    let store = &backend.store;
    let former = verified(store, LIVE, 1, NAME).await;
    let is_default = change(store, &former, Expected::AnyVersion, |content| content.is_default = true).await;
    assert!(is_default.is_ok());
    let mut left = new_link(1, "printed");
    NAME.clone_into(&mut left.domain);
    let left = make(store, LIVE, left).await;
    let mut gone = new_link(2, "flyer");
    NAME.clone_into(&mut gone.domain);
    let gone = make(store, LIVE, gone).await;
    let deleted = store.delete_link(LIVE, gone.id, Expected::AnyVersion, false, at(90)).await;
    assert!(deleted.expect("the store works").is_ok());

    let next = ask(store, OTHER, NewDomain { takes_over: true, ..new(2, NAME) }).await;
    let before = store.served_domains(None).await.expect("the store works").expect("a first look").changes;
    let next = settle(store, &next, look(&["token-2"]), at(300)).await;
    assert_eq!((next.status, next.verified_at), (Status::Verified, Some(at(300))));
    let after = store.served_domains(Some(before)).await.expect("the store works").expect("something has changed");
    assert_eq!(after.domains, std::slice::from_ref(&next));
    let lost = read(store, &former).await;
    assert_eq!((lost.status, lost.verified_at, lost.content.is_default), (Status::Failed, None, false));
    assert!(lost.look.expect("a reason").message.contains("Another workspace"));

    // What was left there is its owner's still, who has to move it before the domain is let go, and a name that nobody has is free.
    let let_go = store.delete_domain(LIVE, former.id, Expected::AnyVersion, at(310)).await.expect("the store works");
    assert_eq!(let_go, Err(Unheld::InUse { links: 1, pages: 0 }));
    let found = store.find_link(NAME.to_owned(), "printed".to_owned()).await.expect("the store works");
    assert_eq!(found.owner(), Some(LIVE));
    assert_eq!(found, Found::Link(Box::new(left.clone()), LIVE));
    let mut free = new_link(3, "flyer");
    NAME.clone_into(&mut free.domain);
    make(store, OTHER, free).await;
    // When it goes, its slug is kept for nobody: the name is another's.
    let deleted = store.delete_link(LIVE, left.id, Expected::AnyVersion, false, at(350)).await;
    assert!(deleted.expect("the store works").is_ok());
    let mut free = new_link(4, "printed");
    NAME.clone_into(&mut free.domain);
    make(store, OTHER, free).await;

    // And back, by the same rule.
    let back = settle(store, &former, look(&["token-1"]), at(400)).await;
    assert_eq!((back.status, read(store, &next).await.status), (Status::Verified, Status::Failed));
}

async fn what_dns_does_not_say_changes_nothing(backend: &Backend) {
    let store = &backend.store;
    let domain = verified(store, LIVE, 1, NAME).await;
    let nothing = Look { pointing: Ok(Pointing::Elsewhere("It leads elsewhere.".to_owned())), ..look(&[]) };
    for (n, (seen, has_proof, outcome)) in (1..).zip([
        (away(), true, Outcome::Unavailable),
        (nothing, false, Outcome::NotFound),
        (away(), false, Outcome::Unavailable),
        (look(&["token-1"]), true, Outcome::Found),
    ]) {
        // Years later, too.
        let now = at(100 + n * 400 * 86_400);
        let looked = settle(store, &domain, seen, now).await;
        assert_eq!((looked.status, looked.verified_at, looked.version), (Status::Verified, Some(at(100)), 2));
        assert_eq!((looked.has_proof, looked.looks), (has_proof, n + 1));
        assert_eq!(looked.look.map(|look| (look.at, look.outcome)), Some((now, outcome)));
        assert_eq!(served(store).await, [NAME]);
    }
    assert_eq!(
        store.settle_domain(LIVE, domain_id(9), away(), at(1), None).await.expect("the store works"),
        Once::Done(None)
    );
}

async fn a_look_that_took_long(backend: &Backend) {
    let store = &backend.store;
    let domain = ask(store, LIVE, new(1, NAME)).await;
    let begun = async |seconds| {
        let begun = store.begin_look(LIVE, domain.id, at(seconds), at(seconds - 5), at(seconds + 60)).await;
        begun.expect("the store works").expect("the domain is there")
    };
    let slow = Look { at: at(100), ..look(&[]) };
    // It was begun before the record was set, and ends after whoever has set it asks again.
    let settled = store.settle_domain(LIVE, domain.id, slow.clone(), at(106), None).await.expect("the store works");
    assert_eq!(done(settled).and_then(|domain| domain.look).map(|look| look.at), Some(at(100)));
    assert!(matches!(begun(106).await, Begun::Look(_)), "it rests since it was begun");
    let verified = settle(store, &domain, look(&["token-1"]), at(106)).await;
    assert_eq!(verified.status, Status::Verified);
    let settled = store.settle_domain(LIVE, domain.id, slow, at(107), None).await.expect("the store works");
    assert_eq!(done(settled), Some(verified.clone()), "what was begun before says nothing any more");

    // Another asks while the record of whoever has the domain is away; it is back before that look ends.
    let other = ask(store, OTHER, NewDomain { takes_over: true, ..new(2, NAME) }).await;
    settle(store, &verified, look(&["token-1"]), at(202)).await;
    let slow = Look { at: at(200), ..look(&["token-2"]) };
    let settled = store.settle_domain(OTHER, other.id, slow, at(207), None).await.expect("the store works");
    let outcome = done(settled).and_then(|domain| domain.look).map(|look| look.outcome);
    assert_eq!(outcome, Some(Outcome::Taken), "it was seen to be there later");
    assert_eq!(read(store, &verified).await.status, Status::Verified);

    // A look at which nobody answered says nothing, also not that an earlier one is old.
    let mut third = ask(store, LIVE, new(3, "links.example.com")).await;
    third = settle(store, &third, away(), at(306)).await;
    let slow = Look { at: at(300), ..look(&["token-3"]) };
    let settled = store.settle_domain(LIVE, third.id, slow, at(307), None).await.expect("the store works");
    assert_eq!(done(settled).map(|domain| domain.status), Some(Status::Verified));
}

async fn homographs(backend: &Backend) {
    let store = &backend.store;
    verified(store, LIVE, 1, "apple.com").await;
    // All of it Cyrillic.
    let alike = "аррӏе.com";
    assert_eq!(try_asking(store, OTHER, new(2, alike)).await, Err(Unheld::Lookalike));
    let own = verified(store, LIVE, 3, alike).await;
    assert_eq!(own.name.unicode(), alike, "whoever is imitated may");
    // Both asked before either was there.
    let (real, false_) = (ask(store, LIVE, new(4, "pepe.com")).await, ask(store, OTHER, new(5, "рере.com")).await);
    settle(store, &real, look(&["token-4"]), at(100)).await;
    let looked = settle(store, &false_, look(&["token-5"]), at(200)).await;
    assert_eq!((looked.status, looked.look.map(|look| look.outcome)), (Status::Pending, Some(Outcome::Taken)));
    // A name in ASCII is what it is.
    verified(store, OTHER, 6, "app1e.com").await;
}

async fn looks_are_claimed(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=5 {
        ask(store, LIVE, new(n, &format!("d{n}.example.com"))).await;
    }
    let claim = |now: i64, most| store.claim_domains(at(now), at(now + 60), most);
    assert_eq!(claim(0, 10).await.expect("the store works"), [], "none is due yet");
    let (one, two) = tokio::join!(claim(10, 3), claim(10, 3));
    let (one, two) = (one.expect("the store works"), two.expect("the store works"));
    let mut all: Vec<_> = one.iter().chain(&two).map(|domain| domain.id).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), one.len() + two.len(), "none twice");
    assert_eq!(claim(11, 10).await.expect("the store works").len(), 5 - all.len());
    // What was not settled falls due again, and what was does when that is wanted.
    settle(store, &one[0], look(&[]), at(20)).await;
    let due = claim(75, 10).await.expect("the store works");
    assert!(due.len() == 4 && due.iter().all(|domain| domain.id != one[0].id), "{due:?}");
    settle(store, &due[0], look(&[&due[0].token]), at(80)).await;
    let due = claim(500, 10).await.expect("the store works");
    assert_eq!(due.len(), 4, "one is verified, and rests for a day");
    assert_eq!(claim(80 + 86_400, 10).await.expect("the store works").len(), 5);
}

async fn looks_rest(backend: &Backend) {
    let store = &backend.store;
    let domain = ask(store, LIVE, new(1, NAME)).await;
    let begin = |seconds: i64| store.begin_look(LIVE, domain.id, at(seconds), at(seconds - 5), at(seconds + 60));
    let is_on = |begun: Result<Option<Begun>, _>| matches!(begun.expect("the store works"), Some(Begun::Look(_)));
    let (one, two) = tokio::join!(begin(10), begin(10));
    assert!(is_on(one) != is_on(two), "one of them looks");
    assert!(!is_on(begin(14).await) && is_on(begin(15).await));
    settle(store, &domain, look(&[]), at(17)).await;
    assert!(!is_on(begin(21).await), "a look that ended a moment ago is as good");
    assert!(is_on(begin(22).await));
    assert_eq!(store.claim_domains(at(70), at(100), 10).await.expect("the store works"), [], "somebody looks");
    let absent = store.begin_look(OTHER, domain.id, at(100), at(95), at(160)).await;
    assert_eq!(absent.expect("the store works"), None);
}

async fn a_week_without_a_proof(backend: &Backend) {
    let store = &backend.store;
    let week = i64::try_from(mask_core::domain::GIVEN_UP_AFTER.as_secs()).expect("a week");
    let domain = ask(store, LIVE, new(1, NAME)).await;
    let waiting = settle(store, &domain, away(), at(2 * week)).await;
    assert_eq!(waiting.status, Status::Pending, "that nobody answers is no evidence");
    let failed = settle(store, &domain, look(&[]), at(2 * week + 1)).await;
    assert_eq!((failed.status, failed.version), (Status::Failed, 2));
    assert_eq!(store.claim_domains(at(9 * week), at(9 * week + 60), 9).await.expect("the store works"), []);
    let now = at(10 * week);
    let rest_since = Time::from_unix_millis(now.unix_millis() - 5000);
    let begun = store.begin_look(LIVE, domain.id, now, rest_since, now.after(Duration::from_mins(1))).await;
    let Some(Begun::Look(again)) = begun.expect("the store works") else { panic!("it is looked at when asked") };
    assert_eq!((again.status, again.sought_since, again.version), (Status::Pending, now, 3));
    assert_eq!(settle(store, &again, look(&[]), now).await.status, Status::Pending, "a week begins anew");
    assert_eq!(settle(store, &again, look(&["token-1"]), now).await.status, Status::Verified);
}

async fn giving_up(backend: &Backend) {
    let store = &backend.store;
    let domain = verified(store, LIVE, 1, NAME).await;
    let mut links = Vec::new();
    for (n, text, is_archived) in [(1, "spring", false), (2, "summer", true)] {
        let mut link = new_link(n, text);
        NAME.clone_into(&mut link.domain);
        link.content.is_archived = is_archived;
        links.push(make(store, LIVE, link).await);
    }
    // Another owner's, from another time, is not in the way.
    let mut foreign = new_link(3, "theirs");
    NAME.clone_into(&mut foreign.domain);
    make(store, OTHER, foreign).await;
    let delete = |owner, expected| store.delete_domain(owner, domain.id, expected, at(900));
    let any = || Expected::AnyVersion;
    assert_eq!(delete(LIVE, any()).await.expect("the store works"), Err(Unheld::InUse { links: 2, pages: 0 }));
    assert_eq!(delete(OTHER, any()).await.expect("the store works"), Err(Unheld::Absent));
    assert_eq!(delete(LIVE, Expected::OneOf(vec![7])).await.expect("the store works"), Err(Unheld::Changed));
    let away = Change { slug: Some(slug("autumn")), domain: Some("other.example".to_owned()), ..Change::default() };
    let moved = store.update_link(LIVE, links[0].id, any(), away, at(600)).await;
    assert!(moved.expect("the store works").is_ok());
    let gone = store.delete_link(LIVE, links[1].id, any(), false, at(600)).await;
    assert!(gone.expect("the store works").is_ok());
    assert_eq!(delete(LIVE, any()).await.expect("the store works"), Ok(()));
    assert_eq!(delete(LIVE, any()).await.expect("the store works"), Err(Unheld::Absent));
    assert_eq!(served(store).await, Vec::<String>::new());
    let found = store.find_link(NAME.to_owned(), "summer".to_owned()).await.expect("the store works");
    assert_eq!(found, Found::Nothing, "a slug is not kept on a domain that was given up");
    ask(store, OTHER, new(2, NAME)).await;
}

async fn what_is_served(backend: &Backend) {
    let store = &backend.store;
    let changes = async || store.served_domains(None).await.expect("the store works").expect("a first look").changes;
    let begun = changes().await;
    assert_eq!(store.served_domains(Some(begun)).await.expect("the store works"), None);
    let domain = ask(store, LIVE, new(1, NAME)).await;
    let set = |content: &mut Content| content.robots = Robots::Disallow;
    change(store, &domain, Expected::AnyVersion, set).await.expect("changed");
    assert_eq!(changes().await, begun, "what is pending is not served");
    settle(store, &domain, look(&["token-1"]), at(100)).await;
    let gained = changes().await;
    settle(store, &domain, look(&["token-1"]), at(200)).await;
    assert!(gained > begun && changes().await == gained, "a look that finds what was there changes nothing");
    let unset = |content: &mut Content| content.robots = Robots::Allow;
    change(store, &domain, Expected::AnyVersion, unset).await.expect("changed");
    let set = changes().await;
    store
        .delete_domain(LIVE, domain.id, Expected::AnyVersion, at(900))
        .await
        .expect("the store works")
        .expect("deleted");
    assert!(set > gained && changes().await > set);
}

#[derive(Debug)]
struct Names;

impl Tell for Names {
    fn now(&self) -> Time {
        at(500)
    }

    fn body(&self, event: &Event<'_>) -> String {
        match event.happening {
            Happening::Domain(domain) => format!("{} {:?}", domain.name, domain.status),
            _ => "something else".to_owned(),
        }
    }

    fn change(&self, _: &Deed<'_>, _: Time) -> ShownChange {
        ShownChange::default()
    }
}

async fn an_event_in_the_same_transaction(backend: &Backend) {
    let store = &backend.store.clone().telling(std::sync::Arc::new(Names));
    let webhook = NewWebhook {
        id: WebhookId::from_bits(id::at(at(1), 1)),
        content: webhook::Content {
            url: "https://example.com/hook".to_owned(),
            events: EventKinds::of(&[EventKind::DomainVerified]),
            filter: webhook::Filter::default(),
            includes_bots: false,
            max_per_second: None,
            payload_version: webhook::PayloadVersion::FIRST,
            is_active: true,
            description: None,
            sealed: vec![1],
        },
        now: at(1),
    };
    done(store.create_webhook(LIVE, webhook, None).await.expect("the store works")).expect("subscribed");
    let domain = ask(store, LIVE, new(1, NAME)).await;
    settle(store, &domain, look(&[]), at(50)).await;
    settle(store, &domain, look(&["token-1"]), at(60)).await;
    settle(store, &domain, look(&["token-1"]), at(70)).await;
    let endpoint = store.endpoints().await.expect("the store works").pop().expect("something to tell");
    let wanted = vec![Wanted { webhook: endpoint.number, version: 1, most: 9 }];
    let claimed = store.claim_deliveries(wanted, at(80), at(90)).await.expect("the store works");
    let told: Vec<_> = claimed.iter().map(|told| (told.kind, told.body.as_str())).collect();
    assert_eq!(told, [(EventKind::DomainVerified, "go.example.com Verified")], "once");
}

async fn a_repeated_request(backend: &Backend) {
    let store = &backend.store;
    let kept = |made: &Result<Domain, Unheld>| Kept { status: if made.is_ok() { 201 } else { 409 }, body: vec![7] };
    let once = store.create_domain(LIVE, new(1, NAME), Some(keep("a", 1, kept))).await.expect("the store works");
    let domain = done(once).expect("asked");
    let again = store.create_domain(LIVE, new(2, NAME), Some(keep("a", 1, kept))).await.expect("the store works");
    assert_eq!(again, Once::Replayed(Kept { status: 201, body: vec![7] }));
    let kept = |domain: &Option<Domain>| Kept { status: 200, body: vec![u8::from(domain.is_some())] };
    let settle = || store.settle_domain(LIVE, domain.id, look(&["token-1"]), at(100), Some(keep("b", 1, kept)));
    assert!(done(settle().await.expect("the store works")).is_some());
    assert_eq!(settle().await.expect("the store works"), Once::Replayed(Kept { status: 200, body: vec![1] }));
    assert_eq!(read(store, &domain).await.looks, 1);
    // A row that nobody could have written is not taken for something else.
    backend.place.sql("UPDATE domains SET robots = 'perhaps'");
    let error = store.domain_by_id(LIVE, domain.id).await.expect_err("a bad row");
    assert!(error.to_string().contains("domains.robots"), "{error}");
}
