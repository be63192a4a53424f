//! A click as it lies in the journal: what the request said, and nothing worked out from it yet.
//!
//! Working out (which browser, which class) belongs to the drain, off the hot path, where a better rule can be brought in
//! without changing what lies on disk. Written straight into the journal's map: fixed head, then six texts, each cut to
//! its bound. All numbers are little-endian. There is no address in it, only what [`super::visitor`] made of one and the
//! place that it was looked up for: that needs the address, so it is the one thing that is worked out before.
//!
//! Reading is total: any bytes give a record or a reason. A record of a version that this program does not know is the
//! work of a newer one (a downgrade), and is counted as unreadable; the version is the first byte for that reason. What is
//! a flag more changes no version: in older records it is not set, and means there what it meant: nothing was noticed. The
//! first version, whose head ended before the request's id, is read as well: a journal may have waited for an update.
//!
//! Nearly every record is a plain click of a link, and has nothing but head and texts. What was visited otherwise (a page, a
//! block of one), which code was scanned, that the visitor came from a page, and in which session a page was seen, stand in
//! a tail behind the texts ([`super::tail`]). A flag of the head tells that there is one. An older program
//! finds bytes that it does not expect and counts the record as unreadable, so it never takes a view for a click.

use mask_core::{
    agent::{FetchMetadata, Signals},
    country::Country,
    person::WordHash,
    request::RequestId,
    route::Choice,
    time::Time,
    token::Token,
    visit::Target,
    workspace::Owner,
};

use super::tail::Tail;
use crate::places::Name;

const VERSION: u8 = 2;
const HEAD_BYTES: usize = FIRST_HEAD_BYTES + RequestId::BYTES;
/// The version whose requests had no id.
const FIRST_VERSION: u8 = 1;
const FIRST_HEAD_BYTES: usize = 54;

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
    /// The request that this was. Of the first version none is known.
    pub(crate) request: Option<RequestId>,
    pub(crate) target: Target,
    pub(crate) owner: Owner,
    /// Stands for the address: [`super::visitor::Salt::network`].
    pub(crate) network: u64,
    pub(crate) choice: Choice,
    pub(crate) source: Source,
    /// The code that was scanned.
    pub(crate) code: Option<Token>,
    /// What the store knows the session by in which a page was seen, where the browser brought one. The word itself never gets
    /// here.
    pub(crate) session: Option<WordHash>,
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
/// What stands for a request whose id is not known. One in 2⁴⁸ draws it, and is told without its id.
const NO_REQUEST: [u8; RequestId::BYTES] = [0; RequestId::BYTES];

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
        let flags = self.flags() | if tail.is_empty() { 0 } else { HAS_TAIL };
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
        head[FIRST_HEAD_BYTES..].copy_from_slice(&self.request.map_or(NO_REQUEST, RequestId::to_bytes));
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
            Some(&VERSION) => Self::decode_known(bytes).ok_or(Unreadable::Misshapen),
            Some(&FIRST_VERSION) => Self::decode_first(bytes).ok_or(Unreadable::Misshapen),
            Some(&version) => Err(Unreadable::Version(version)),
            None => Err(Unreadable::Misshapen),
        }
    }

    fn decode_known(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (head, request) = head.split_first_chunk()?;
        let request = Some(<[u8; RequestId::BYTES]>::try_from(request).ok()?).filter(|request| *request != NO_REQUEST);
        Self::decode_parts(head, rest, request.map(RequestId::from_bytes))
    }

    fn decode_first(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk()?;
        Self::decode_parts(head, rest, None)
    }

    fn decode_parts(head: &[u8; FIRST_HEAD_BYTES], rest: &'a [u8], request: Option<RequestId>) -> Option<Self> {
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
            request,
            target: tail.target(u128::from_le_bytes(head[12..28].try_into().ok()?)),
            owner: Owner::from_number(i64::from_le_bytes(head[28..36].try_into().ok()?)),
            network: u64::from_le_bytes(head[36..44].try_into().ok()?),
            choice: choice(head[2], head[3])?,
            source: match (flags & IS_SCAN != 0, tail.is_from_page()) {
                (true, _) => Source::Qr,
                (false, true) => Source::Bio,
                (false, false) => Source::Link,
            },
            code: tail.code.map(Token::of),
            session: tail.session.map(WordHash),
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
pub(super) mod tests;
