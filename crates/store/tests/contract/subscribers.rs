//! People who left an address at a bio page.

use mask_core::{
    bio_page::{Content, theme::Theme},
    cursor::Cursor,
    id::{self, BlockId, LetterId, PageId, RecipientId, SubscriberId},
    mail::Address,
    recipient::Standing,
    subscriber::{Kind, Status, Subscriber},
    time::Time,
    workspace::Owner,
};
use mask_store::{
    Expected, LINK_REST, LINKS_A_DAY, MESSAGES_AN_HOUR, NewBioPage, NewLetter, NewRecipient, NewSubscriber, Once, Post,
    Slugs, Store, SubscriberFilter, WriteLetter, WriteToRecipient,
};

use crate::{
    backend::{Backend, on_every_backend},
    sample::{DOMAIN, LIVE, OTHER, TEST, at, slug},
};

on_every_backend!(
    who_signs_up_is_one_row_for_a_page,
    what_is_said_once_is_one_message,
    a_link_confirms_once,
    without_mail_everybody_is_confirmed,
    nobody_is_flooded_with_links,
    messages_go_where_they_are_welcome,
    owners_are_not_flooded_with_messages,
    lists_are_filtered_and_paged,
    each_owner_sees_their_own,
    who_leaves_takes_their_letters_along,
    a_page_takes_its_subscribers_along,
    who_never_confirms_is_forgotten,
);

pub(crate) fn page_id(n: u32) -> PageId {
    PageId::from_bits(id::at(at(0), u128::from(n)))
}

pub(crate) fn subscriber_id(n: u32) -> SubscriberId {
    SubscriberId::from_bits(id::at(at(i64::from(n)), u128::from(n)))
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// Makes the n-th page.
pub(crate) async fn page(store: &Store, owner: Owner, n: u32) -> PageId {
    let new = NewBioPage {
        id: page_id(n),
        domain: DOMAIN.to_owned(),
        slugs: Slugs::Wanted(slug(&format!("page-{n}"))),
        content: Content {
            title: format!("Page {n}"),
            description: None,
            avatar: None,
            language: None,
            theme: Theme::default(),
            blocks: Vec::new(),
        },
        is_published: true,
        now: at(0),
    };
    match store.create_bio_page(owner, new, None).await.expect("the store works") {
        Once::Done(Ok(page)) => page.id,
        other => panic!("no page: {other:?}"),
    }
}

/// The n-th person, who signs up at the first page n seconds after the world began.
pub(crate) fn signup(n: u32, email: &str) -> NewSubscriber {
    NewSubscriber {
        id: subscriber_id(n),
        page: page_id(1),
        block: BlockId::from_bits(1),
        kind: Kind::Signup,
        email: address(email),
        name: None,
        message: None,
        is_confirmed: false,
        now: at(i64::from(n)),
    }
}

fn message(n: u32, email: &str, text: &str) -> NewSubscriber {
    NewSubscriber { kind: Kind::Contact, message: Some(text.to_owned()), is_confirmed: true, ..signup(n, email) }
}

/// Writes a letter that says whom it is about.
pub(crate) fn letter(to: &str, now: Time) -> WriteLetter {
    let to = address(to);
    Box::new(move |id| NewLetter {
        id: LetterId::from_bits(id.bits() ^ u128::from(now.unix_millis().unsigned_abs())),
        to,
        sealed: id.to_string().into_bytes(),
        now,
    })
}

/// The id of the address that messages are mailed to.
const RECIPIENT: RecipientId = RecipientId::from_bits(77);

/// A letter to whoever gets a page's messages, which says what it is.
fn to_recipient(what: &'static str, now: Time) -> WriteToRecipient {
    Box::new(move |id| NewLetter {
        id: LetterId::from_bits(id.bits() << 64 ^ u128::from(now.unix_millis().unsigned_abs())),
        to: address("owner@example.com"),
        sealed: format!("{what} {id}").into_bytes(),
        now,
    })
}

/// The address that messages are mailed to.
fn recipient(now: Time) -> NewRecipient {
    NewRecipient { id: RECIPIENT, email: address("owner@example.com"), ask: to_recipient("ask", now), now }
}

/// Sends a form with which a letter goes: a link to the same address, or the message to the owner's.
async fn subscribe(store: &Store, new: NewSubscriber) -> bool {
    let post = match new.kind {
        Kind::Signup => Post::Link(letter(new.email.as_str(), new.now)),
        Kind::Contact => Post::Message(recipient(new.now), to_recipient("message", new.now)),
    };
    store.subscribe(LIVE, new, Some(post)).await.expect("the store works")
}

/// Takes the letters that wait out of the outbox.
async fn letters(store: &Store) -> Vec<String> {
    let far = at(1_000_000_000);
    let claimed = store.claim_letters(1000, far, far).await.expect("the store works");
    let fates = claimed.iter().map(|letter| (letter.number, letter.until, mask_store::LetterFate::Sent)).collect();
    store.settle_letters(fates).await.expect("the store works");
    claimed.into_iter().map(|letter| String::from_utf8(letter.sealed).expect("text")).collect()
}

async fn all(store: &Store, owner: Owner, page: PageId) -> Vec<Subscriber> {
    let listed = store.list_subscribers(owner, page, SubscriberFilter::default(), None, 100).await;
    listed.expect("the store works").expect("a page").rows
}

async fn who_signs_up_is_one_row_for_a_page(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    page(store, LIVE, 2).await;
    assert!(subscribe(store, NewSubscriber { name: Some("Ada".to_owned()), ..signup(1, "Ada@example.com") }).await);
    assert!(subscribe(store, NewSubscriber { block: BlockId::from_bits(2), ..signup(2, "ada@EXAMPLE.com") }).await);
    assert!(subscribe(store, NewSubscriber { page: page_id(2), ..signup(3, "ada@example.com") }).await);
    let rows = all(store, LIVE, page_id(1)).await;
    let expected = Subscriber {
        id: subscriber_id(1),
        page: page_id(1),
        block: BlockId::from_bits(1),
        kind: Kind::Signup,
        email: address("Ada@example.com"),
        name: Some("Ada".to_owned()),
        message: None,
        status: Status::Pending,
        created_at: at(1),
        confirmed_at: None,
    };
    assert_eq!(rows, [expected]);
    assert_eq!(all(store, LIVE, page_id(2)).await.len(), 1);
    assert!(
        !subscribe(store, NewSubscriber { page: page_id(9), ..signup(4, "ada@example.com") }).await,
        "no such page"
    );
    let foreign = store.subscribe(OTHER, signup(5, "b@example.com"), None).await.expect("the store works");
    assert!(!foreign, "somebody else's page");
}

async fn what_is_said_once_is_one_message(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    welcome(store).await;
    for new in [
        message(1, "ada@example.com", "hello"),
        message(2, "ada@example.com", "hello"),
        message(3, "ada@example.com", "hello again"),
        message(4, "bob@example.com", "hello"),
        NewSubscriber { now: at(86_400), ..message(86_400, "ada@example.com", "hello") },
    ] {
        assert!(subscribe(store, new).await);
    }
    let rows = all(store, LIVE, page_id(1)).await;
    let said: Vec<_> =
        rows.iter().map(|row| (row.email.as_str(), row.message.as_deref().unwrap_or_default())).collect();
    let expected = [
        ("ada@example.com", "hello"),
        ("bob@example.com", "hello"),
        ("ada@example.com", "hello again"),
        ("ada@example.com", "hello"),
    ];
    assert_eq!(said, expected);
    assert!(rows.iter().all(|row| row.status == Status::Confirmed && row.confirmed_at == Some(row.created_at)));
    assert_eq!(letters(store).await.len(), 4, "each is told of once");
}

async fn a_link_confirms_once(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    subscribe(store, signup(1, "ada@example.com")).await;
    let id = subscriber_id(1);
    assert_eq!(letters(store).await, [id.to_string()]);
    let before = store.subscription(id).await.expect("the store works").expect("they are there");
    assert_eq!((before.title.as_str(), before.domain.as_str(), before.slug.as_str()), ("Page 1", DOMAIN, "page-1"));
    assert_eq!(before.subscriber.status, Status::Pending);
    for now in [at(100), at(200)] {
        let found = store.confirm_subscriber(id, now).await.expect("the store works").expect("they are there");
        assert_eq!((found.subscriber.status, found.subscriber.confirmed_at), (Status::Confirmed, Some(at(100))));
    }
    subscribe(store, NewSubscriber { now: at(100_000), ..signup(2, "ada@example.com") }).await;
    assert_eq!(letters(store).await, Vec::<String>::new(), "who is confirmed gets no more links");
    assert_eq!(all(store, LIVE, page_id(1)).await[0].status, Status::Confirmed);
    assert!(store.unsubscribe(id).await.expect("the store works"));
    assert!(!store.unsubscribe(id).await.expect("the store works"));
    assert_eq!(store.confirm_subscriber(id, at(300)).await.expect("the store works"), None);
    assert_eq!(store.subscription(id).await.expect("the store works"), None);
}

async fn without_mail_everybody_is_confirmed(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    subscribe(store, signup(1, "ada@example.com")).await;
    let without = |n, email| NewSubscriber { is_confirmed: true, ..signup(n, email) };
    for new in [without(2, "ada@example.com"), without(3, "bob@example.com")] {
        assert!(store.subscribe(LIVE, new, None).await.expect("the store works"));
    }
    let confirmed: Vec<_> = all(store, LIVE, page_id(1)).await.into_iter().map(|row| row.confirmed_at).collect();
    assert_eq!(confirmed, [Some(at(3)), Some(at(2))], "who waited for a link that cannot come waits no more");
}

async fn nobody_is_flooded_with_links(backend: &Backend) {
    let store = &backend.store;
    let again = |seconds: i64| NewSubscriber { now: at(seconds), ..signup(1, "ada@example.com") };
    let rest = i64::try_from(LINK_REST.as_secs()).expect("a small number");
    page(store, LIVE, 1).await;
    subscribe(store, again(0)).await;
    subscribe(store, again(rest - 1)).await;
    assert_eq!(letters(store).await.len(), 1, "one an hour for a page");
    subscribe(store, again(rest)).await;
    assert_eq!(letters(store).await, [subscriber_id(1).to_string()], "the link is about the row that is there");
    for n in 2..10 {
        page(store, LIVE, n).await;
        subscribe(store, NewSubscriber { page: page_id(n), now: at(rest), ..signup(n, "ADA@example.com") }).await;
    }
    let most = usize::try_from(LINKS_A_DAY).expect("a small number");
    assert_eq!(letters(store).await.len(), most - 1, "so many a day for a mailbox");
    assert_eq!(all(store, LIVE, page_id(9)).await.len(), 1, "they are written down all the same");
    subscribe(store, NewSubscriber { page: page_id(9), now: at(rest + 86_400), ..signup(11, "ada@example.com") }).await;
    assert_eq!(letters(store).await.len(), 1, "and may ask again");
}

/// Makes messages welcome at the owner's address.
async fn welcome(store: &Store) {
    store.ask_recipient(LIVE, recipient(at(0))).await.expect("the store works");
    let settled = store.settle_recipient(RECIPIENT, Standing::Welcoming).await.expect("the store works");
    assert_eq!(settled.expect("they were asked").standing, Standing::Welcoming);
    letters(store).await;
}

async fn messages_go_where_they_are_welcome(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    let asked = format!("ask {RECIPIENT}");
    let write = async |seconds: u32| {
        assert!(subscribe(store, message(seconds, "ada@example.com", &seconds.to_string())).await);
        letters(store).await
    };
    assert_eq!(write(1).await, [asked.as_str()], "nobody has agreed");
    assert_eq!(write(2).await, [""; 0], "they were asked just now");
    let day = 86_400;
    assert_eq!((write(day + 1).await, write(2 * day + 2).await), (vec![asked.clone()], vec![asked.clone()]));
    assert_eq!(write(9 * day).await, [""; 0], "who was asked three times is left in peace");
    let settle = async |standing| store.settle_recipient(RECIPIENT, standing).await.expect("the store works");
    assert_eq!(settle(Standing::Welcoming).await, store.recipient(RECIPIENT).await.expect("the store works"));
    assert_eq!(write(10 * day).await, [format!("message {RECIPIENT}")]);
    settle(Standing::Refusing).await;
    assert_eq!(write(11 * day).await, [""; 0]);
    let listed = all(store, LIVE, page_id(1)).await;
    assert_eq!(listed.len(), 7, "every message is on the list");

    // Another workspace asks for itself; the two sides of one workspace are one.
    let met = async |owner, id| {
        let new = NewRecipient { id: RecipientId::from_bits(id), ..recipient(at(1)) };
        store.ask_recipient(owner, new).await.expect("the store works")
    };
    assert_eq!(met(TEST, 78).await.standing, Standing::Refusing);
    assert_eq!((met(OTHER, 79).await.standing, letters(store).await.len()), (Standing::Asked, 1));
    assert_eq!(store.recipient(RecipientId::from_bits(1)).await.expect("the store works"), None);
}

async fn owners_are_not_flooded_with_messages(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    welcome(store).await;
    let most = u32::try_from(MESSAGES_AN_HOUR).expect("a small number");
    for n in 1..most + 10 {
        subscribe(store, message(n, "ada@example.com", &n.to_string())).await;
    }
    assert_eq!(letters(store).await.len(), usize::try_from(most).expect("a small number"));
    assert_eq!(all(store, LIVE, page_id(1)).await.len(), usize::try_from(most + 9).expect("a small number"));
    subscribe(store, message(5000, "ada@example.com", "later")).await;
    assert_eq!(letters(store).await.len(), 1);
}

async fn lists_are_filtered_and_paged(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    for n in 1..=5 {
        subscribe(store, signup(n, &format!("person{n}@example.com"))).await;
    }
    subscribe(store, message(6, "a_b%c@example.org", "hello")).await;
    store.confirm_subscriber(subscriber_id(2), at(50)).await.expect("the store works");
    let list = async |filter: SubscriberFilter, after: Option<Cursor>, limit| {
        let listed = store.list_subscribers(LIVE, page_id(1), filter, after, limit).await;
        let listed = listed.expect("the store works").expect("a page");
        (listed.rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), listed.next)
    };
    let ids = |numbers: &[u32]| numbers.iter().map(|n| subscriber_id(*n)).collect::<Vec<_>>();
    let none = SubscriberFilter::default;
    let search = |text: &str| SubscriberFilter { search: Some(text.to_owned()), ..none() };
    for (filter, expected) in [
        (none(), &[6, 5, 4, 3, 2, 1][..]),
        (SubscriberFilter { kind: Some(Kind::Contact), ..none() }, &[6]),
        (SubscriberFilter { status: Some(Status::Confirmed), ..none() }, &[6, 2]),
        (SubscriberFilter { status: Some(Status::Pending), kind: Some(Kind::Signup), ..none() }, &[5, 4, 3, 1]),
        (search("PERSON4"), &[4]),
        (search("example"), &[6, 5, 4, 3, 2, 1]),
        (search("_b%c"), &[6]),
        (search("person_"), &[]),
        (search("%"), &[6]),
        (search("\\"), &[]),
    ] {
        assert_eq!(list(filter.clone(), None, 100).await, (ids(expected), None), "{filter:?}");
    }
    let (first, next) = list(none(), None, 4).await;
    assert_eq!(
        (first, next.as_ref().map(|cursor| cursor.id.clone())),
        (ids(&[6, 5, 4, 3]), Some(subscriber_id(3).to_string()))
    );
    subscribe(store, signup(7, "late@example.com")).await;
    assert_eq!(list(none(), next, 4).await, (ids(&[2, 1]), None));
}

async fn each_owner_sees_their_own(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    subscribe(store, signup(1, "ada@example.com")).await;
    for owner in [TEST, OTHER] {
        let listed = store.list_subscribers(owner, page_id(1), SubscriberFilter::default(), None, 10).await;
        assert_eq!(listed.expect("the store works"), None);
        assert!(!store.delete_subscriber(owner, page_id(1), subscriber_id(1), at(900)).await.expect("the store works"));
    }
    page(store, LIVE, 2).await;
    assert!(
        !store.delete_subscriber(LIVE, page_id(2), subscriber_id(1), at(900)).await.expect("the store works"),
        "of another page"
    );
    assert!(store.delete_subscriber(LIVE, page_id(1), subscriber_id(1), at(900)).await.expect("the store works"));
    assert!(!store.delete_subscriber(LIVE, page_id(1), subscriber_id(1), at(900)).await.expect("the store works"));
    assert_eq!(all(store, LIVE, page_id(1)).await, []);
}

async fn who_leaves_takes_their_letters_along(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    for n in 1..=3 {
        subscribe(store, signup(n, &format!("person{n}@example.com"))).await;
    }
    assert!(store.delete_subscriber(LIVE, page_id(1), subscriber_id(1), at(900)).await.expect("the store works"));
    assert!(store.unsubscribe(subscriber_id(2)).await.expect("the store works"));
    assert_eq!(letters(store).await, [subscriber_id(3).to_string()]);
}

async fn a_page_takes_its_subscribers_along(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    page(store, LIVE, 2).await;
    subscribe(store, signup(1, "ada@example.com")).await;
    subscribe(store, NewSubscriber { page: page_id(2), ..signup(2, "ada@example.com") }).await;
    let deleted = store.delete_bio_page(LIVE, page_id(1), Expected::AnyVersion, false, at(10)).await;
    deleted.expect("the store works").expect("a page");
    assert_eq!(store.subscription(subscriber_id(1)).await.expect("the store works"), None);
    assert!(store.subscription(subscriber_id(2)).await.expect("the store works").is_some());
    assert_eq!(letters(store).await, [subscriber_id(2).to_string()]);
}

async fn who_never_confirms_is_forgotten(backend: &Backend) {
    let store = &backend.store;
    page(store, LIVE, 1).await;
    for n in [10, 20, 30, 40] {
        subscribe(store, signup(n, &format!("person{n}@example.com"))).await;
    }
    store.confirm_subscriber(subscriber_id(10), at(50)).await.expect("the store works");
    // Who asked for another link is there again.
    subscribe(store, NewSubscriber { now: at(10_000), ..signup(50, "person20@example.com") }).await;
    assert_eq!(store.forget_unconfirmed(at(40), 10).await.expect("the store works"), 1);
    let left: Vec<_> = all(store, LIVE, page_id(1)).await.into_iter().map(|row| row.id).collect();
    assert_eq!(left, [40, 20, 10].map(subscriber_id));
    assert_eq!(store.forget_unconfirmed(at(20_000), 1).await.expect("the store works"), 1, "so many at once");
}
