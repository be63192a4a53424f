//! From what a request said to what it means: named steps, each a function of the record alone.
//!
//! The steps run in the drain, in any order and as often as a batch is tried, so each must give the same answer for the
//! same record. Whatever is odd (noise for a user agent, a referrer that is no address) becomes "unknown", never a lost
//! click. More steps belong here and nowhere else: but the place of a visitor needs the address, so it is looked up at the
//! redirect and comes with the record; and what has to be looked up is asked after all of them ([`super::settle`]).

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use mask_core::{
    agent::{self, FetchMetadata, Verdict},
    country::Country,
    route::Choice,
};
use mask_store::Fact;

use super::{
    record::{self, Limit, Record, Source},
    referrer::Referrer,
    visitor,
};
use crate::redirect::Hosts;

/// Makes facts of the records of one batch. What a user agent and a referrer mean is worked out once a batch for each
/// that comes up: there are few different ones, and working it out takes longer than the redirect did.
pub(super) struct Enricher {
    /// Our own hosts, which refer to nobody.
    own: Arc<Hosts>,
    agents: HashMap<Vec<u8>, Agent>,
    referrers: HashMap<Vec<u8>, Referrer>,
    key: Vec<u8>,
}

/// What a client is.
#[derive(Clone, Copy)]
struct Agent {
    verdict: Verdict,
    device: &'static str,
    os: &'static str,
    browser: &'static str,
}

impl Enricher {
    pub(super) fn new(own: Arc<Hosts>) -> Self {
        Self { own, agents: HashMap::new(), referrers: HashMap::new(), key: Vec::new() }
    }

    /// What is stored of a click.
    pub(super) fn fact(&mut self, record: &Record<'_>) -> Fact {
        let agent = self.agent(record);
        let referrer = self.referrer(record);
        Fact {
            at: record.at,
            request: record.request,
            owner: record.owner,
            target: record.target,
            code: record.code.filter(|_| record.target.block().is_none()),
            is_counted: is_counted(record, agent.verdict),
            class: agent.verdict.class.as_str(),
            reason: agent.verdict.reason,
            choice: choice(record.choice).into_owned(),
            device: agent.device,
            os: agent.os,
            browser: agent.browser,
            language: language(record),
            referrer: referrer.host,
            referrer_url: referrer.url,
            source: source(record.source),
            country: record.country.as_ref().map(Country::as_str).map(ToOwned::to_owned),
            region: name(record.region),
            city: name(record.city),
            visitor: visitor::visitor(record.network, record.owner, record.user_agent),
        }
    }

    fn agent(&mut self, record: &Record<'_>) -> Agent {
        // All that the class depends on; the lengths are bounded, so one byte of flags between them keeps them apart.
        self.key.clear();
        self.key.extend(record.user_agent);
        let fetch_metadata = match record.fetch_metadata {
            FetchMetadata::Absent => 0,
            FetchMetadata::Sent => 1,
            FetchMetadata::Missing => 2,
        };
        self.key.push(u8::from(record.is_head) << 3 | u8::from(record.opens_many_links) << 2 | fetch_metadata);
        self.key.extend(record.purpose);
        if let Some(agent) = self.agents.get(&self.key) {
            return *agent;
        }
        let user_agent = text(record.user_agent);
        let agent = Agent {
            verdict: class(record, &user_agent),
            device: agent::device(&user_agent).as_str(),
            os: agent::os(&user_agent),
            browser: agent::browser(&user_agent),
        };
        self.agents.insert(self.key.clone(), agent);
        agent
    }

    fn referrer(&mut self, record: &Record<'_>) -> Referrer {
        if record.referrer.is_empty() {
            return Referrer::default();
        }
        if let Some(referrer) = self.referrers.get(record.referrer) {
            return referrer.clone();
        }
        let referrer = Referrer::read(&text(record.referrer), &self.own);
        self.referrers.insert(record.referrer.to_vec(), referrer.clone());
        referrer
    }
}

/// Who asked, and what gave it away.
fn class(record: &Record<'_>, user_agent: &str) -> Verdict {
    let purpose = text(record.purpose);
    let Record { is_head, opens_many_links, fetch_metadata, .. } = *record;
    agent::classify(&record::signals(is_head, opens_many_links, fetch_metadata, user_agent, &purpose))
}

/// Whether it is a click: a person's, on a link that has not ended. Where a limit was involved, the redirect has
/// settled it, and the counter must agree with what was handed out.
fn is_counted(record: &Record<'_>, verdict: Verdict) -> bool {
    match record.limit {
        _ if record.choice == Choice::Ended => false,
        Limit::None => verdict.class.is_person(),
        Limit::Left => false,
        Limit::Taken => true,
    }
}

fn choice(choice: Choice) -> Cow<'static, str> {
    match choice {
        Choice::Url => "url".into(),
        Choice::Ios => "ios".into(),
        Choice::Android => "android".into(),
        Choice::Ended => "ended".into(),
        Choice::Rule(place) => format!("rule:{place}").into(),
        Choice::Variant(place) => format!("variant:{place}").into(),
    }
}

/// The language that the visitor would like best.
fn language(record: &Record<'_>) -> Option<String> {
    let accepted = text(record.accept_language);
    agent::languages(&accepted).next().and_then(agent::language_named)
}

const fn source(source: Source) -> &'static str {
    match source {
        Source::Link => "link",
        Source::Qr => "qr",
        Source::Bio => "bio",
    }
}

/// The name of a region or a city, if there is one.
fn name(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| text(bytes).into_owned())
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use mask_core::{
        id::{BlockId, PageId},
        token::Token,
        visit::Target,
    };

    use super::{super::record::tests::plain, *};

    fn fact(record: &Record<'_>) -> Fact {
        let own = Hosts::new(&"http://localhost:8080".parse().expect("a url"), &["s.example".to_owned()]);
        let mut enricher = Enricher::new(Arc::new(own));
        let fact = enricher.fact(record);
        assert_eq!(enricher.fact(record), fact, "what is remembered is what was worked out");
        fact
    }

    const CHROME: &[u8] = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

    #[test]
    fn a_persons_click() {
        let fact = fact(&Record {
            user_agent: CHROME,
            referrer: b"https://News.Example.com./story?secret=1",
            accept_language: b"de-AT,de;q=0.9",
            choice: Choice::Rule(2),
            source: Source::Qr,
            code: Some(Token::of(5)),
            country: Country::parse(b"AT"),
            region: b"Tirol",
            city: "Völs".as_bytes(),
            ..plain()
        });
        assert!(fact.is_counted);
        assert_eq!((fact.class, fact.device, fact.browser), ("person", "desktop", "Chrome"));
        assert_eq!((fact.choice.as_str(), fact.language.as_deref()), ("rule:2", Some("de-AT")));
        assert_eq!(fact.referrer.as_deref(), Some("example.com"));
        assert_eq!(fact.referrer_url.as_deref(), Some("https://news.example.com/story"));
        assert_eq!((fact.source, fact.code), ("qr", Some(Token::of(5))));
        let place = [fact.country.as_deref(), fact.region.as_deref(), fact.city.as_deref()];
        assert_eq!(place, [Some("AT"), Some("Tirol"), Some("Völs")]);
    }

    #[test]
    fn what_happens_on_a_page() {
        let page = PageId::from_bits(7);
        let view = Record { target: Target::Page(page), source: Source::Bio, user_agent: CHROME, ..plain() };
        let seen = fact(&view);
        assert_eq!((seen.target, seen.source, seen.is_counted), (Target::Page(page), "bio", true));
        assert!(!fact(&Record { user_agent: b"curl/8.5.0", ..view }).is_counted, "a program views nothing");
        let target = Target::Block(page, BlockId::from_bits(8));
        let clicked = fact(&Record { target, code: Some(Token::of(5)), ..view });
        assert_eq!((clicked.target, clicked.code, clicked.is_counted), (target, None, true), "nobody scans a block");
    }

    #[test]
    fn what_is_counted() {
        let person = Record { user_agent: CHROME, ..plain() };
        for (record, is_counted) in [
            (person, true),
            (Record { is_head: true, ..person }, false),
            (Record { purpose: b"prefetch", ..person }, false),
            (Record { user_agent: b"curl/8.5.0", ..person }, false),
            (Record { opens_many_links: true, ..person }, false),
            (Record { fetch_metadata: FetchMetadata::Missing, ..person }, false),
            (Record { fetch_metadata: FetchMetadata::Sent, ..person }, true),
            (Record { choice: Choice::Ended, ..person }, false),
            (Record { limit: Limit::Left, ..person }, false),
            (Record { limit: Limit::Taken, ..person }, true),
            (Record { choice: Choice::Ended, limit: Limit::Taken, ..person }, false),
        ] {
            assert_eq!(fact(&record).is_counted, is_counted, "{record:?}");
        }
    }

    #[test]
    fn noise_is_unknown_and_not_lost() {
        for noise in [&b"\xff\xfe\x00"[..], b"\0", b"javascript:alert(1)", b"https://", b"////", &[b'%'; 512]] {
            let record = Record {
                user_agent: noise,
                referrer: noise,
                accept_language: noise,
                purpose: noise,
                region: noise,
                city: noise,
                ..plain()
            };
            let fact = fact(&record);
            assert!(!fact.is_counted && fact.referrer.is_none() && fact.language.is_none(), "{noise:?} {fact:?}");
            assert!(fact.referrer_url.is_none() && fact.country.is_none(), "{noise:?} {fact:?}");
        }
        let ours = fact(&Record { referrer: b"https://s.example/abcd", ..plain() });
        assert_eq!((ours.referrer, ours.referrer_url), (None, None));
    }
}
