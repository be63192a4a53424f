//! Webhooks: who is told of what, and what an answer to a delivery means.
//!
//! A delivery is tried six times: at once, and after each of [`PAUSES`]. What an attempt means for its delivery and for its
//! subscription is decided here by [`judge`], from numbers alone, so that the whole schedule is tested without waiting.

use std::time::Duration;

use base64::{
    Engine as _,
    alphabet::STANDARD as STANDARD_ALPHABET,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
};

use crate::{
    Refused,
    event::EventKinds,
    id::{LinkId, WebhookId},
    link::Tag,
    time::Time,
    workspace::Owner,
};

/// The pauses between one attempt and the next.
pub const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
];

/// How long an endpoint may fail without a break before it is switched off.
pub const FAILING_AT_MOST: Duration = Duration::from_hours(5 * 24);

/// On so many days a single delivery must have failed to speak for all of that time.
pub const FAILING_DAYS: i64 = 3;

/// The longest that a `Retry-After` can put an attempt off.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How long the secret before still signs after it was changed.
pub const OLD_SECRET_SIGNS: Duration = Duration::from_hours(24);

/// Most secrets before that sign beside the one that is current; the oldest of more ends early.
pub const MOST_EARLIER_SECRETS: usize = 5;

/// Characters in a secret.
pub const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// Fewest bytes of a key that a secret has in base64.
const SHORTEST_KEY: usize = 16;

/// Most subscriptions of one owner.
pub const MOST_WEBHOOKS: usize = 1000;

/// The shape of what a subscription is told.
///
/// A subscription is told in the version that it was made with, until its owner asks for another. Within a version members are
/// added and nothing else, so that what reads one goes on reading it; whatever would break a reader is a new version. A row may
/// name one that only a newer program knows, so the newest is learned by every node before anybody can ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadVersion(u16);

impl PayloadVersion {
    /// The first.
    pub const FIRST: Self = Self(1);
    /// Those that can be asked for, the newest last.
    pub const ALL: &'static [Self] = &[Self::FIRST];
    /// What whoever asks for none is told in.
    pub const NEWEST: Self = Self::FIRST;

    /// Reads one that somebody asks for.
    pub fn parse(number: i64) -> Result<Self, Refused> {
        Self::ALL.iter().copied().find(|version| i64::from(version.0) == number).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(ToString::to_string).collect();
            Refused::saying(format!("Unknown version {number}; the versions are {}", known.join(", ")))
        })
    }

    /// The one that a row names.
    pub const fn stored(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for PayloadVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub owner: Owner,
    /// What its owner sets.
    pub content: Content,
    /// Why it was switched off, where that was not its owner's doing.
    pub inactive_reason: Option<Inactive>,
    /// Since when nothing could be delivered.
    pub failing_since: Option<Time>,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What the owner of a subscription sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Where deliveries go.
    pub url: String,
    /// What is told.
    pub events: EventKinds,
    /// Of which links.
    pub filter: Filter,
    /// Whether clicks that are no person's are told too.
    pub includes_bots: bool,
    /// Most deliveries a second.
    pub max_per_second: Option<u32>,
    /// The shape of what is told.
    pub payload_version: PayloadVersion,
    /// Whether anything is delivered.
    pub is_active: bool,
    /// A note of its owner's.
    pub description: Option<String>,
    /// The secrets and the headers of its own, sealed: nothing here can read them.
    pub sealed: Vec<u8>,
}

/// Why a subscription was switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// Its endpoint answered 410 Gone (RFC 9110 §15.5.11).
    Gone,
    /// Nothing could be delivered for [`FAILING_AT_MOST`].
    Failing,
}

impl Inactive {
    /// As written in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "gone" => Ok(Self::Gone),
            "failing" => Ok(Self::Failing),
            _ => Err(Refused::because("Must be gone or failing")),
        }
    }
}

/// Of which links a subscription is told; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These links.
    pub links: Vec<LinkId>,
    /// Links with one of these tags.
    pub tags: Vec<Tag>,
    /// Links on one of these hosts.
    pub domains: Vec<String>,
}

impl Filter {
    /// Whether a link meets every part.
    pub fn admits(&self, link: LinkId, tags: &[Tag], domain: &str) -> bool {
        (self.links.is_empty() || self.links.contains(&link))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
            && (self.domains.is_empty() || self.domains.iter().any(|name| name == domain))
    }

    /// Whether a bio page on this host meets every part: it is no link, and has no tags.
    pub fn admits_page(&self, domain: &str) -> bool {
        self.links.is_empty()
            && self.tags.is_empty()
            && (self.domains.is_empty() || self.domains.iter().any(|name| name == domain))
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status, and perhaps how long it wants to be left alone.
    Answered {
        /// The status.
        status: u16,
        /// `Retry-After` (RFC 9110 §10.2.3), from now.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Unanswered,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Succeeded,
    /// It is tried again then.
    Due(Time),
    /// It is given up.
    Failed,
}

/// What an attempt means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// For the delivery.
    pub fate: Fate,
    /// For the subscription, when it is to be switched off.
    pub switch_off: Option<Inactive>,
}

/// Judges an attempt. `attempts` counts it too, so it is 1 for the first; `chance` is any number, and spreads what is tried
/// again by a tenth to both sides, so that an endpoint that comes back is not met by everything at once.
pub fn judge(attempts: u32, outcome: Outcome, now: Time, chance: u64) -> Verdict {
    let retry_after = match outcome {
        Outcome::Answered { status: 200..=299, .. } => return Verdict { fate: Fate::Succeeded, switch_off: None },
        Outcome::Answered { status: 410, .. } => {
            return Verdict { fate: Fate::Failed, switch_off: Some(Inactive::Gone) };
        }
        Outcome::Answered { retry_after, .. } => retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER),
        Outcome::Unanswered => Duration::ZERO,
    };
    let pause = attempts.checked_sub(1).and_then(|place| PAUSES.get(place as usize));
    let fate = pause.map_or(Fate::Failed, |pause| {
        let wait = millis(spread(*pause, chance).max(retry_after));
        Fate::Due(Time::from_unix_millis(now.unix_millis().saturating_add(wait)))
    });
    Verdict { fate, switch_off: None }
}

/// Whether an endpoint has failed for long, which did nothing but fail between these moments.
///
/// It is switched off then, by the first delivery that is **given up**: one hiccup in a quiet week is tried again and arrives.
/// And it must be another delivery than the one that failed first, or one that failed on [`FAILING_DAYS`] days: that a server
/// was away in between says nothing of the endpoint.
pub fn has_failed_long(failing_since: Time, now: Time) -> bool {
    now.unix_millis().saturating_sub(failing_since.unix_millis()) >= millis(FAILING_AT_MOST)
}

/// The pause, a tenth more or less.
fn spread(pause: Duration, chance: u64) -> Duration {
    pause * 9 / 10 + pause / 5 * u32::try_from(chance % 1001).unwrap_or_default() / 1000
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Checks a secret: [`SECRET_LENGTH`] visible ASCII characters. What stands behind `whsec_` is the key itself where it is base64,
/// so that must be long enough too, and written as everybody reads it.
pub fn parse_secret(text: &str) -> Result<String, Refused> {
    let fits = SECRET_LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(Refused::because("Must be 16 to 256 letters, digits or signs of ASCII, without spaces"));
    }
    text.strip_prefix("whsec_").map_or(Ok(()), check_key)?;
    Ok(text.to_owned())
}

/// Reads what some decoders read and others refuse: letters at the end that say more than there is room for.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD_ALPHABET, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

fn check_key(part: &str) -> Result<(), Refused> {
    match (STANDARD.decode(part), LENIENT.decode(part)) {
        (Ok(key), _) if key.len() < SHORTEST_KEY => {
            Err(Refused::because("Must have at least 16 bytes behind whsec_: they are read as base64, and are the key"))
        }
        (Err(_), Ok(_)) => Err(Refused::because(
            "Must have behind whsec_ base64 as it is usually written: its last letter is one that receivers read differently",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_millis(1_700_000_000_000);
    const BROKEN: Outcome = Outcome::Answered { status: 500, retry_after: None };

    fn wait(attempts: u32, outcome: Outcome, chance: u64) -> Option<i64> {
        match judge(attempts, outcome, NOW, chance).fate {
            Fate::Due(at) => Some(at.unix_millis() - NOW.unix_millis()),
            Fate::Succeeded | Fate::Failed => None,
        }
    }

    #[test]
    fn the_schedule() {
        let waits: Vec<_> = (1..=6).map(|attempts| wait(attempts, BROKEN, 500)).collect();
        assert_eq!(waits, [Some(1000), Some(5000), Some(30_000), Some(120_000), Some(600_000), None]);
        assert_eq!(judge(6, BROKEN, NOW, 0).fate, Fate::Failed);
        assert_eq!(wait(1, Outcome::Unanswered, 500), Some(1000));
    }

    #[test]
    fn pauses_spread_by_a_tenth() {
        assert_eq!(
            (wait(2, BROKEN, 0), wait(2, BROKEN, 1000), wait(2, BROKEN, 1001)),
            (Some(4500), Some(5500), Some(4500))
        );
    }

    #[test]
    fn retry_after_is_a_lower_bound() {
        let asks = |seconds| Outcome::Answered { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(wait(1, asks(60), 500), Some(60_000));
        assert_eq!(wait(4, asks(60), 500), Some(120_000));
        assert_eq!(wait(1, asks(u64::MAX), 500), Some(86_400_000));
        assert_eq!(wait(6, asks(60), 500), None, "it does not add attempts");
    }

    #[test]
    fn what_answers_mean() {
        for status in [200, 201, 204, 299] {
            let verdict = judge(1, Outcome::Answered { status, retry_after: None }, NOW, 0);
            assert_eq!(verdict, Verdict { fate: Fate::Succeeded, switch_off: None });
        }
        for status in [100, 199, 301, 302, 304, 400, 404, 429, 500, 503, 599] {
            assert!(wait(1, Outcome::Answered { status, retry_after: None }, 0).is_some(), "{status}");
        }
        let gone = judge(1, Outcome::Answered { status: 410, retry_after: None }, NOW, 0);
        assert_eq!(gone, Verdict { fate: Fate::Failed, switch_off: Some(Inactive::Gone) });
    }

    #[test]
    fn five_days_of_nothing_but_failure() {
        let ago = |duration: Duration| Time::from_unix_millis(NOW.unix_millis() - millis(duration));
        let almost = FAILING_AT_MOST.checked_sub(Duration::from_millis(1)).expect("five days are longer");
        assert!(!has_failed_long(ago(almost), NOW));
        assert!(has_failed_long(ago(FAILING_AT_MOST), NOW));
        assert!(!has_failed_long(Time::from_unix_millis(i64::MAX), NOW), "a clock that jumped back");
    }

    #[test]
    fn filters_admit_what_meets_every_part() {
        let (first, second) = (LinkId::from_bits(1), LinkId::from_bits(2));
        let tag = |text| Tag::parse(text).expect("a tag");
        let all = Filter::default();
        assert!(all.admits(first, &[], "go.example"));
        let some = Filter {
            links: vec![first],
            tags: vec![tag("spring"), tag("summer")],
            domains: vec!["go.example".to_owned()],
        };
        assert!(some.admits(first, &[tag("summer")], "go.example"));
        assert!(!some.admits(second, &[tag("summer")], "go.example"));
        assert!(!some.admits(first, &[tag("autumn")], "go.example"));
        assert!(!some.admits(first, &[tag("summer")], "other.example"));
        let here = Filter { domains: vec!["go.example".to_owned()], ..Filter::default() };
        assert!(all.admits_page("go.example") && here.admits_page("go.example") && !here.admits_page("other.example"));
        assert!(!some.admits_page("go.example"), "a page is no link");
    }

    #[test]
    fn versions() {
        for version in PayloadVersion::ALL.iter().copied() {
            assert_eq!(PayloadVersion::parse(i64::from(version.number())), Ok(version));
            assert!(version <= PayloadVersion::NEWEST);
        }
        for number in [i64::MIN, -1, 0, 2, 65_537, i64::MAX] {
            let why = PayloadVersion::parse(number).expect_err("there is none").to_string();
            assert_eq!(why, format!("Unknown version {number}; the versions are 1"));
        }
    }

    #[test]
    fn secrets() {
        for (text, fits) in [
            ("0123456789abcdef", true),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
            ("0123456789abcde", false),
            ("0123456789 abcdef", false),
            ("0123456789abcdeé", false),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAA==", true),
            ("whsec_AAAAAAAAAAAA", false),
            ("whsec_AAAAAAAAAAAAAAAAAAAA", false),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAB==", false),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAB=", false),
            ("whsec_a-word-of-our-own", true),
            ("whsec_0123456789abcde", true),
        ] {
            assert_eq!(parse_secret(text).is_ok(), fits, "{text}");
        }
    }
}
