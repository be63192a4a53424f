//! A click as it lies in the journal: what the request said, and nothing worked out from it yet.
//!
//! Working out (which browser, which class) belongs to the drain, off the hot path, where a better rule can be brought in
//! without changing what lies on disk. Written straight into the journal's map: fixed head, then six texts, each cut to
//! its bound. All numbers are little-endian. There is no address in it, only what [`super::visitor`] made of one and the
//! place that it was looked up for: that needs the address, so it is the one thing that is worked out before.
//!
//! Reading is total: any bytes give a record or a reason. A record of a version that this program does not know is the
//! work of a newer one (a downgrade), and is counted as unreadable; the version is the first byte for that reason. What is
//! a flag more changes no version: in older records it is not set, and means there what it meant: nothing was noticed.

use mask_core::{
    agent::{FetchMetadata, Signals},
    country::Country,
    id::LinkId,
    route::Choice,
    time::Time,
    workspace::Owner,
};

use crate::places::Name;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 54;

/// Most bytes of a user agent; the classes are told from no more.
pub(crate) const USER_AGENT_BYTES: usize = 512;
const REFERRER_BYTES: usize = 512;
const ACCEPT_LANGUAGE_BYTES: usize = 64;
/// Most bytes of what a browser says of its purpose.
pub(crate) const PURPOSE_BYTES: usize = 32;

const IS_HEAD: u8 = 1;
const HAS_FETCH_METADATA: u8 = 1 << 1;
const IS_LIMITED: u8 = 1 << 2;
const HAS_TAKEN: u8 = 1 << 3;
const IS_SCAN: u8 = 1 << 4;
const LACKS_FETCH_METADATA: u8 = 1 << 5;
const OPENS_MANY_LINKS: u8 = 1 << 6;

/// Where the visitor had the link from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The link itself.
    Link,
    /// A printed code of it.
    Qr,
}

/// What a click did to the link's click limit. It was settled when the redirect was sent; a rule that changes before the
/// drain must not settle it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The link has none.
    None,
    /// It was not one of the clicks that are limited.
    Left,
    /// It took one of them.
    Taken,
}

/// See the module. The texts are as they came, possibly not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) at: Time,
    pub(crate) link: LinkId,
    pub(crate) owner: Owner,
    /// Stands for the address: [`super::visitor::Salt::network`].
    pub(crate) network: u64,
    pub(crate) choice: Choice,
    pub(crate) source: Source,
    pub(crate) limit: Limit,
    pub(crate) is_head: bool,
    pub(crate) opens_many_links: bool,
    pub(crate) fetch_metadata: FetchMetadata,
    pub(crate) country: Option<Country>,
    pub(crate) user_agent: &'a [u8],
    pub(crate) referrer: &'a [u8],
    pub(crate) accept_language: &'a [u8],
    pub(crate) purpose: &'a [u8],
    pub(crate) region: &'a [u8],
    pub(crate) city: &'a [u8],
}

/// What stands for a country that is not known.
const NO_COUNTRY: [u8; 2] = [0; 2];

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Another version wrote it.
    #[error("a record of version {0}, which this program does not know")]
    Version(u8),
    /// Its parts do not fit together.
    #[error("a record whose parts do not fit together")]
    Misshapen,
}

impl<'a> Record<'a> {
    /// The length of the record in the journal.
    pub(crate) fn encoded_bytes(&self) -> usize {
        HEAD_BYTES + self.texts().iter().map(|text| text.len()).sum::<usize>()
    }

    /// Writes the record into exactly [`encoded_bytes`](Self::encoded_bytes).
    pub(crate) fn encode(&self, to: &mut [u8]) {
        let texts = self.texts();
        let Some((head, mut rest)) = to.split_first_chunk_mut::<HEAD_BYTES>() else { return };
        let (kind, place) = choice_bytes(self.choice);
        head[..4].copy_from_slice(&[VERSION, self.flags(), kind, place]);
        head[4..12].copy_from_slice(&self.at.unix_millis().to_le_bytes());
        head[12..28].copy_from_slice(&self.link.bits().to_le_bytes());
        head[28..36].copy_from_slice(&self.owner.number().to_le_bytes());
        head[36..44].copy_from_slice(&self.network.to_le_bytes());
        let [user_agent, referrer, accept_language, purpose, region, city] = texts.map(|text| text.len().to_le_bytes());
        head[44..46].copy_from_slice(&user_agent[..2]);
        head[46..48].copy_from_slice(&referrer[..2]);
        head[48..52].copy_from_slice(&[accept_language[0], purpose[0], region[0], city[0]]);
        head[52..54].copy_from_slice(&self.country.map_or(NO_COUNTRY, Country::to_bytes));
        for text in texts {
            let Some((here, after)) = rest.split_at_mut_checked(text.len()) else { return };
            here.copy_from_slice(text);
            rest = after;
        }
    }

    /// Reads a record.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        match bytes.first() {
            Some(&VERSION) => Self::decode_first(bytes).ok_or(Unreadable::Misshapen),
            Some(&version) => Err(Unreadable::Version(version)),
            None => Err(Unreadable::Misshapen),
        }
    }

    fn decode_first(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let short = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let (user_agent, rest) = rest.split_at_checked(short(44))?;
        let (referrer, rest) = rest.split_at_checked(short(46))?;
        let (accept_language, rest) = rest.split_at_checked(usize::from(head[48]))?;
        let (purpose, rest) = rest.split_at_checked(usize::from(head[49]))?;
        let (region, rest) = rest.split_at_checked(usize::from(head[50]))?;
        let (city, rest) = rest.split_at_checked(usize::from(head[51]))?;
        let flags = head[1];
        let record = Self {
            at: Time::from_unix_millis(i64::from_le_bytes(head[4..12].try_into().ok()?)),
            link: LinkId::from_bits(u128::from_le_bytes(head[12..28].try_into().ok()?)),
            owner: Owner::from_number(i64::from_le_bytes(head[28..36].try_into().ok()?)),
            network: u64::from_le_bytes(head[36..44].try_into().ok()?),
            choice: choice(head[2], head[3])?,
            source: if flags & IS_SCAN == 0 { Source::Link } else { Source::Qr },
            limit: match (flags & IS_LIMITED != 0, flags & HAS_TAKEN != 0) {
                (false, _) => Limit::None,
                (true, false) => Limit::Left,
                (true, true) => Limit::Taken,
            },
            is_head: flags & IS_HEAD != 0,
            opens_many_links: flags & OPENS_MANY_LINKS != 0,
            fetch_metadata: match (flags & HAS_FETCH_METADATA != 0, flags & LACKS_FETCH_METADATA != 0) {
                (true, _) => FetchMetadata::Sent,
                (false, true) => FetchMetadata::Missing,
                (false, false) => FetchMetadata::Absent,
            },
            country: Country::parse(&head[52..54]),
            user_agent,
            referrer,
            accept_language,
            purpose,
            region,
            city,
        };
        rest.is_empty().then_some(record)
    }

    fn texts(&self) -> [&'a [u8]; 6] {
        [
            cut(self.user_agent, USER_AGENT_BYTES),
            cut(self.referrer, REFERRER_BYTES),
            cut(self.accept_language, ACCEPT_LANGUAGE_BYTES),
            cut(self.purpose, PURPOSE_BYTES),
            cut(self.region, Name::BYTES),
            cut(self.city, Name::BYTES),
        ]
    }

    fn flags(&self) -> u8 {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        flag(self.is_head, IS_HEAD)
            | flag(self.fetch_metadata == FetchMetadata::Sent, HAS_FETCH_METADATA)
            | flag(self.fetch_metadata == FetchMetadata::Missing, LACKS_FETCH_METADATA)
            | flag(self.opens_many_links, OPENS_MANY_LINKS)
            | flag(self.limit != Limit::None, IS_LIMITED)
            | flag(self.limit == Limit::Taken, HAS_TAKEN)
            | flag(self.source == Source::Qr, IS_SCAN)
    }
}

/// What bears on who asks, from the texts that a record keeps: the redirect and the drain must come to the same verdict.
pub(crate) fn signals<'t>(
    is_head: bool,
    opens_many_links: bool,
    fetch_metadata: FetchMetadata,
    user_agent: &'t str,
    purpose: &'t str,
) -> Signals<'t> {
    let some = |text: &'t str| (!text.is_empty()).then_some(text);
    Signals { is_head, opens_many_links, user_agent: some(user_agent), purpose: some(purpose), fetch_metadata }
}

/// At most so many bytes of a text.
pub(crate) fn cut(text: &[u8], most: usize) -> &[u8] {
    text.get(..most).unwrap_or(text)
}

fn choice_bytes(choice: Choice) -> (u8, u8) {
    match choice {
        Choice::Url => (0, 0),
        Choice::Rule(place) => (1, place),
        Choice::Ios => (2, 0),
        Choice::Android => (3, 0),
        Choice::Variant(place) => (4, place),
        Choice::Ended => (5, 0),
    }
}

fn choice(kind: u8, place: u8) -> Option<Choice> {
    Some(match kind {
        0 => Choice::Url,
        1 => Choice::Rule(place),
        2 => Choice::Ios,
        3 => Choice::Android,
        4 => Choice::Variant(place),
        5 => Choice::Ended,
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn plain() -> Record<'static> {
        Record {
            at: Time::from_unix_millis(1_774_360_800_123),
            link: LinkId::from_bits(77),
            owner: Owner { workspace: 3, is_test: true },
            network: 9,
            choice: Choice::Url,
            source: Source::Link,
            limit: Limit::None,
            is_head: false,
            opens_many_links: false,
            fetch_metadata: FetchMetadata::Absent,
            country: None,
            user_agent: b"",
            referrer: b"",
            accept_language: b"",
            purpose: b"",
            region: b"",
            city: b"",
        }
    }

    pub(crate) fn encoded(record: &Record<'_>) -> Vec<u8> {
        let mut bytes = vec![0; record.encoded_bytes()];
        record.encode(&mut bytes);
        bytes
    }

    #[test]
    fn what_is_unknown_is_told_and_not_guessed() {
        let mut bytes = encoded(&plain());
        bytes[0] = 9;
        assert_eq!(Record::decode(&bytes), Err(Unreadable::Version(9)));
        bytes[0] = VERSION;
        bytes[2] = 6;
        assert_eq!(Record::decode(&bytes), Err(Unreadable::Misshapen));
        assert_eq!(Record::decode(&[]), Err(Unreadable::Misshapen));
        assert_eq!(Record::decode(&encoded(&plain())[..HEAD_BYTES - 1]), Err(Unreadable::Misshapen));
        let mut bytes = encoded(&plain());
        bytes[52..54].copy_from_slice(b"XX");
        assert_eq!(Record::decode(&bytes), Ok(plain()), "a country that is none is an unknown one");
    }

    #[test]
    fn long_texts_are_cut() {
        let long = [b'x'; 5000];
        let record = Record {
            user_agent: &long,
            referrer: &long,
            accept_language: &long,
            purpose: &long,
            region: &long,
            city: &long,
            ..plain()
        };
        let bytes = encoded(&record);
        let read = Record::decode(&bytes).expect("a record");
        assert_eq!(read.texts().map(<[u8]>::len), [512, 512, 64, 32, 63, 63]);
    }

    proptest::proptest! {
        #[test]
        fn every_record_reads_back(
            numbers: (i64, u128, i64, u64), flags: (bool, bool, bool), fetch in 0_usize..3, kind in 0_u8..6, place: u8, limit in 0_usize..3,
            user_agent: Vec<u8>, referrer: Vec<u8>, code in "[A-Z]{2}",
            accept_language in proptest::collection::vec(0_u8.., 0..64), purpose in proptest::collection::vec(0_u8.., 0..32),
            region in proptest::collection::vec(0_u8.., 0..63), city in proptest::collection::vec(0_u8.., 0..63),
        ) {
            let record = Record {
                at: Time::from_unix_millis(numbers.0), link: LinkId::from_bits(numbers.1), network: numbers.3,
                owner: Owner::from_number(numbers.2),
                choice: choice(kind, if kind == 1 || kind == 4 { place } else { 0 }).expect("a choice"),
                source: if flags.0 { Source::Qr } else { Source::Link },
                limit: [Limit::None, Limit::Left, Limit::Taken][limit],
                is_head: flags.1, opens_many_links: flags.2,
                fetch_metadata: [FetchMetadata::Absent, FetchMetadata::Sent, FetchMetadata::Missing][fetch], country: Country::parse(code.as_bytes()),
                user_agent: &user_agent, referrer: &referrer, accept_language: &accept_language, purpose: &purpose,
                region: &region, city: &city,
            };
            let bytes = encoded(&record);
            proptest::prop_assert_eq!(Record::decode(&bytes), Ok(record));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes: Vec<u8>) {
            let _ = Record::decode(&bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = Record::decode(&bytes);
        }
    }
}
