//! Things to fill a store with, and chance that is the same in every run.

use std::sync::Arc;

use mask_core::{
    actor::Actor,
    agent::Device,
    destination::{AppTarget, Utm, WebUrl},
    id::{self, KeyId, LinkId},
    link::{Content, Link, Preview, RedirectStatus, Tag, Variant},
    question::{Bots, Group, Question, Subject, Window},
    rule::{self, Condition, Rule, Schedule},
    slug::Slug,
    time::Time,
    visit::Target,
    workspace::Owner,
};
use mask_store::{Batch, Fact, Keep, Kept, NewLink, Once, Placed, Position, Slugs, Store, Visit};

/// Three owners: one workspace in both of its worlds, and another workspace.
pub(crate) const LIVE: Owner = Owner { workspace: 1, is_test: false };
pub(crate) const TEST: Owner = Owner { workspace: 1, is_test: true };
pub(crate) const OTHER: Owner = Owner { workspace: 2, is_test: false };

pub(crate) const DOMAIN: &str = "go.example";

/// So many seconds after the tests' world began.
pub(crate) const fn at(seconds: i64) -> Time {
    Time::from_unix_millis(1_774_360_800_000 + seconds * 1000)
}

/// The id of the n-th link, made n seconds after the world began.
pub(crate) fn link_id(n: u32) -> LinkId {
    LinkId::from_bits(id::at(at(i64::from(n)), u128::from(n) << 40))
}

pub(crate) fn key_id(n: u32) -> KeyId {
    KeyId::from_bits(id::at(at(0), u128::from(n)))
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

pub(crate) fn url(text: &str) -> WebUrl {
    WebUrl::parse(text).expect("an address")
}

pub(crate) fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| Tag::parse(text).expect("a tag")).collect()
}

pub(crate) fn target(text: &str) -> AppTarget {
    AppTarget::parse(text).expect("a target")
}

/// A plain link: the n-th, at this slug.
pub(crate) fn new_link(n: u32, text: &str) -> NewLink {
    let content = Content::to(url(&format!("https://example.com/{text}")));
    NewLink {
        id: link_id(n),
        domain: DOMAIN.to_owned(),
        slugs: Slugs::Wanted(slug(text)),
        content,
        now: at(i64::from(n)),
    }
}

/// The same with other content.
pub(crate) fn new_link_with(n: u32, text: &str, change: impl FnOnce(&mut Content)) -> NewLink {
    let mut new = new_link(n, text);
    change(&mut new.content);
    new
}

/// Makes a link that nothing stands in the way of.
pub(crate) async fn make(store: &Store, owner: Owner, new: NewLink) -> Link {
    place(store, owner, new).await.expect("nothing stands in its way")
}

/// Makes a link, or learns why not.
pub(crate) async fn place(store: &Store, owner: Owner, new: NewLink) -> Placed {
    match store.create_link(owner, new, None).await.expect("the store works") {
        Once::Done(placed) => placed,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

/// A link with everything that a link can have.
pub(crate) fn full_content() -> Content {
    Content {
        url: url("https://example.com/Ünïcode?a=1&b=%20#part"),
        title: Some("100% \"wahr\", it's C:\\temp – 日本語 🎉".to_owned()),
        tags: tags(&["zeta", "Alpha", "ü 50%", "zeta2"]),
        utm: Utm {
            source: Some("news letter".to_owned()),
            medium: Some("e-mail".to_owned()),
            campaign: Some("spring & sale".to_owned()),
            term: Some("schuhe".to_owned()),
            content: Some(String::new()),
        },
        expires_at: Some(at(90_000)),
        ios_target: Some(target("myapp://open?x=1")),
        android_target: Some(target("https://play.example/app")),
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        redirect_status: RedirectStatus::Permanent,
        click_limit: Some(1_000_000_000_000_000),
        expired_url: Some(url("https://example.com/over")),
        external_id: Some("crm:42/é".to_owned()),
        is_archived: true,
        rules: vec![
            full_rule(),
            Rule {
                when: Condition { country: vec!["PK".to_owned()], ..Condition::default() },
                url: url("https://example.com/pk"),
            },
        ],
        variants: vec![
            Variant { url: url("https://example.com/a"), weight: 0 },
            Variant { url: url("https://example.com/b"), weight: 10_000 },
        ],
        preview: Some(Preview {
            title: Some("\u{202e}title".to_owned()),
            description: None,
            image_url: Some(url("https://example.com/i.png")),
        }),
    }
}

/// A rule with every condition there is.
pub(crate) fn full_rule() -> Rule {
    let clock = |text| Some(rule::parse_clock(text).expect("a time of day"));
    Rule {
        when: Condition {
            country: vec!["DE".to_owned(), "AT".to_owned()],
            device: vec![Device::parse("mobile").expect("a device")],
            os: vec!["iOS".to_owned()],
            browser: vec!["Mobile Safari".to_owned(), "Chrome".to_owned()],
            language: vec!["pt-BR".to_owned()],
            schedule: Some(Schedule {
                timezone: "Asia/Karachi".to_owned(),
                days: vec![rule::parse_day("mon").expect("a day"), rule::parse_day("sun").expect("a day")],
                from: clock("22:30"),
                to: clock("06:00"),
                starts_at: Some(at(1)),
                ends_at: Some(at(80_000)),
            }),
        },
        url: url("https://example.com/rule"),
    }
}

/// A fact of a click on a link.
pub(crate) fn fact(owner: Owner, link: LinkId, is_counted: bool) -> Fact {
    Fact {
        at: at(500),
        request: None,
        owner,
        target: Target::Link(link),
        code: None,
        is_counted,
        class: if is_counted { "person" } else { "bot" },
        reason: "",
        choice: "url".to_owned(),
        device: "mobile",
        os: "iOS",
        browser: "Safari",
        language: Some("pt-BR".to_owned()),
        referrer: None,
        referrer_url: None,
        source: "link",
        country: None,
        region: None,
        city: None,
        visitor: i64::MIN,
    }
}

/// A batch of a journal's shard from one byte (none at its beginning) up to another.
pub(crate) fn batch(node: &str, from: Option<u64>, to: u64, facts: Vec<Fact>) -> Arc<Batch> {
    let position = |byte| Position { segment: 3, byte };
    Arc::new(Batch {
        node: node.to_owned(),
        shard: 0,
        from: from.map(position),
        to: position(to),
        facts,
        is_history: false,
    })
}

/// All visits of a kind in a window, one by one.
pub(crate) async fn all_visits(
    store: &Store,
    owner: Owner,
    subject: Subject,
    window: Window,
    bots: Bots,
) -> Vec<Visit> {
    let group = Group::Buckets(Vec::new());
    let question = Question { subject, window, of: None, conditions: Vec::new(), bots, group };
    store.visits(owner, question).await.expect("the store works")
}

/// Wants a reply kept under this `Idempotency-Key`.
pub(crate) fn keep<T>(idempotency_key: &str, request: u8, reply: impl FnOnce(&T) -> Kept + Send + 'static) -> Keep<T> {
    Keep {
        actor: Actor::Key(key_id(1)),
        path: "/api/v1/links".to_owned(),
        idempotency_key: idempotency_key.to_owned(),
        request_hash: [request; 32],
        now: at(1000),
        reply: Box::new(reply),
    }
}

/// Numbers that look like chance and are the same in every run (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.number() % bound).expect("a smaller number")
    }

    /// Whether something that happens once in so many times happens now.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
