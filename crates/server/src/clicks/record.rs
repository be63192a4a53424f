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
//!
//! Nearly every record is a plain click of a link, and has nothing but head and texts. What was visited otherwise (a page, a
//! block of one), which code was scanned, and that the visitor came from a page, stand in a tail behind the texts: a byte of
//! what is in it, then that. A flag of the head tells that there is one. An older program finds bytes that it does not
//! expect and counts the record as unreadable, so it never takes a view for a click.

use mask_core::{
    agent::{FetchMetadata, Signals},
    country::Country,
    id::{BlockId, LinkId, PageId},
    route::Choice,
    time::Time,
    token::Token,
    visit::Target,
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
const HAS_TAIL: u8 = 1 << 7;

// What a tail has, in this order: the number of the code, the block. What is visited is a page where either of the last
// two is set.
const TAIL_FROM_PAGE: u8 = 1;
const TAIL_CODE: u8 = 1 << 1;
const TAIL_VIEW: u8 = 1 << 2;
const TAIL_BLOCK: u8 = 1 << 3;
const TAIL_KNOWN: u8 = TAIL_FROM_PAGE | TAIL_CODE | TAIL_VIEW | TAIL_BLOCK;

/// Where the visitor had the address from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The address itself.
    Link,
    /// A printed code of it.
    Qr,
    /// A bio page.
    Bio,
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
    pub(crate) target: Target,
    pub(crate) owner: Owner,
    /// Stands for the address: [`super::visitor::Salt::network`].
    pub(crate) network: u64,
    pub(crate) choice: Choice,
    pub(crate) source: Source,
    /// The code that was scanned.
    pub(crate) code: Option<Token>,
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
        HEAD_BYTES + self.texts().iter().map(|text| text.len()).sum::<usize>() + Tail::of(self).bytes()
    }

    /// Writes the record into exactly [`encoded_bytes`](Self::encoded_bytes).
    pub(crate) fn encode(&self, to: &mut [u8]) {
        let texts = self.texts();
        let Some((head, mut rest)) = to.split_first_chunk_mut::<HEAD_BYTES>() else { return };
        let (kind, place) = choice_bytes(self.choice);
        let (id, tail) = (self.target.bits(), Tail::of(self));
        let flags = self.flags() | if tail.kinds == 0 { 0 } else { HAS_TAIL };
        head[..4].copy_from_slice(&[VERSION, flags, kind, place]);
        head[4..12].copy_from_slice(&self.at.unix_millis().to_le_bytes());
        head[12..28].copy_from_slice(&id.to_le_bytes());
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
        tail.encode(rest);
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
        let tail = Tail::decode(rest, flags & HAS_TAIL != 0)?;
        Some(Self {
            at: Time::from_unix_millis(i64::from_le_bytes(head[4..12].try_into().ok()?)),
            target: tail.target(u128::from_le_bytes(head[12..28].try_into().ok()?)),
            owner: Owner::from_number(i64::from_le_bytes(head[28..36].try_into().ok()?)),
            network: u64::from_le_bytes(head[36..44].try_into().ok()?),
            choice: choice(head[2], head[3])?,
            source: match (flags & IS_SCAN != 0, tail.kinds & TAIL_FROM_PAGE != 0) {
                (true, _) => Source::Qr,
                (false, true) => Source::Bio,
                (false, false) => Source::Link,
            },
            code: tail.code.map(Token::of),
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
        })
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

/// What stands behind the texts of a record that is no plain click of a link.
#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    kinds: u8,
    code: Option<u64>,
    block: Option<u128>,
}

impl Tail {
    fn of(record: &Record<'_>) -> Self {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let (visited, block) = match record.target {
            Target::Link(_) => (0, None),
            Target::Page(_) => (TAIL_VIEW, None),
            Target::Block(_, block) => (TAIL_BLOCK, Some(block.bits())),
        };
        let kinds =
            flag(record.source == Source::Bio, TAIL_FROM_PAGE) | flag(record.code.is_some(), TAIL_CODE) | visited;
        Self { kinds, code: record.code.map(Token::number), block }
    }

    fn bytes(&self) -> usize {
        let each = [(self.kinds != 0, 1), (self.code.is_some(), 8), (self.block.is_some(), 16)];
        each.into_iter().map(|(is_there, bytes)| if is_there { bytes } else { 0 }).sum()
    }

    /// Writes the tail into exactly [`bytes`](Self::bytes).
    fn encode(&self, to: &mut [u8]) {
        let Some((kinds, rest)) = to.split_first_mut() else { return };
        *kinds = self.kinds;
        let (code, block) = rest.split_at_mut(if self.code.is_some() { 8 } else { 0 });
        if let (Some(number), Some(here)) = (self.code, code.first_chunk_mut()) {
            *here = number.to_le_bytes();
        }
        if let (Some(bits), Some(here)) = (self.block, block.first_chunk_mut()) {
            *here = bits.to_le_bytes();
        }
    }

    /// Reads a tail, or that there is none.
    fn decode(bytes: &[u8], is_there: bool) -> Option<Self> {
        if !is_there {
            return bytes.is_empty().then(Self::default);
        }
        let (kinds, mut rest) = bytes.split_first()?;
        let mut tail = Self { kinds: *kinds, ..Self::default() };
        if kinds & TAIL_CODE != 0 {
            let (code, after) = rest.split_first_chunk()?;
            (tail.code, rest) = (Some(u64::from_le_bytes(*code)), after);
        }
        if kinds & TAIL_BLOCK != 0 {
            let (block, after) = rest.split_first_chunk()?;
            (tail.block, rest) = (Some(u128::from_le_bytes(*block)), after);
        }
        (rest.is_empty() && kinds & !TAIL_KNOWN == 0 && *kinds != 0).then_some(tail)
    }

    fn target(&self, id: u128) -> Target {
        match self.block {
            Some(block) => Target::Block(PageId::from_bits(id), BlockId::from_bits(block)),
            None if self.kinds & TAIL_VIEW != 0 => Target::Page(PageId::from_bits(id)),
            None => Target::Link(LinkId::from_bits(id)),
        }
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
            target: Target::Link(LinkId::from_bits(77)),
            owner: Owner { workspace: 3, is_test: true },
            network: 9,
            choice: Choice::Url,
            source: Source::Link,
            code: None,
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

    /// The bytes of a scan of the link `lnk_…77`, as the program wrote them that knew of links alone.
    const EARLIER: [u8; 60] = *b"\x01\x54\x04\x02\x7b\x2b\x25\x20\x9d\x01\x00\x00\
        \x4d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\
        \x01\0\x02\0\x01\0\0\x02AT\
        a\
        bb\
        c\
        dd";

    #[test]
    fn what_an_earlier_program_wrote_is_read_and_written_the_same() {
        let record = Record {
            choice: Choice::Variant(2),
            source: Source::Qr,
            limit: Limit::Left,
            opens_many_links: true,
            country: Country::parse(b"AT"),
            user_agent: b"a",
            referrer: b"bb",
            accept_language: b"c",
            city: b"dd",
            ..plain()
        };
        assert_eq!(Record::decode(&EARLIER), Ok(record));
        assert_eq!(encoded(&record), EARLIER);
    }

    #[test]
    fn only_what_is_no_plain_click_costs_more() {
        let [link, page, block] = targets(77, 5);
        let code = Some(Token::of(9));
        for (target, source, code, bytes) in [
            (link, Source::Link, None, 0),
            (link, Source::Qr, None, 0),
            (link, Source::Qr, code, 9),
            (link, Source::Bio, None, 1),
            (page, Source::Link, None, 1),
            (page, Source::Bio, None, 1),
            (page, Source::Qr, code, 9),
            (block, Source::Link, None, 17),
            (block, Source::Qr, code, 25),
        ] {
            let record = Record { target, source, code, ..plain() };
            let encoded = encoded(&record);
            assert_eq!(encoded.len(), HEAD_BYTES + bytes, "{record:?}");
            assert_eq!(Record::decode(&encoded), Ok(record));
            let cut = &encoded[..encoded.len() - 1];
            assert_eq!(Record::decode(cut), Err(Unreadable::Misshapen), "a byte less is no record: {record:?}");
        }
        let mut view = encoded(&Record { target: page, ..plain() });
        view[HEAD_BYTES] |= 1 << 7;
        assert_eq!(Record::decode(&view), Err(Unreadable::Misshapen), "what is not known is not guessed");
        view[HEAD_BYTES] = 0;
        assert_eq!(Record::decode(&view), Err(Unreadable::Misshapen));
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

    fn targets(id: u128, block: u128) -> [Target; 3] {
        let page = PageId::from_bits(id);
        [Target::Link(LinkId::from_bits(id)), Target::Page(page), Target::Block(page, BlockId::from_bits(block))]
    }

    proptest::proptest! {
        #[test]
        fn every_record_reads_back(
            numbers: (i64, u128, i64, u64), flags: (bool, bool), visited in 0_usize..3, source in 0_usize..3, block: u128,
            token in proptest::option::of(0_u64..), fetch in 0_usize..3, kind in 0_u8..6, place: u8, limit in 0_usize..3,
            user_agent: Vec<u8>, referrer: Vec<u8>, code in "[A-Z]{2}",
            accept_language in proptest::collection::vec(0_u8.., 0..64), purpose in proptest::collection::vec(0_u8.., 0..32),
            region in proptest::collection::vec(0_u8.., 0..63), city in proptest::collection::vec(0_u8.., 0..63),
        ) {
            let record = Record {
                at: Time::from_unix_millis(numbers.0), target: targets(numbers.1, block)[visited], network: numbers.3,
                owner: Owner::from_number(numbers.2),
                choice: choice(kind, if kind == 1 || kind == 4 { place } else { 0 }).expect("a choice"),
                source: [Source::Link, Source::Qr, Source::Bio][source],
                code: token.map(Token::of),
                limit: [Limit::None, Limit::Left, Limit::Taken][limit],
                is_head: flags.0, opens_many_links: flags.1,
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
