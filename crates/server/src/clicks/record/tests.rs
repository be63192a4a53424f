use mask_core::id::{BlockId, LinkId, PageId};

use super::*;

pub(crate) fn plain() -> Record<'static> {
    Record {
        at: Time::from_unix_millis(1_774_360_800_123),
        request: Some(RequestId::of(0x5f0c_2a9b_1e34)),
        target: Target::Link(LinkId::from_bits(77)),
        owner: Owner { workspace: 3, is_test: true },
        network: 9,
        choice: Choice::Url,
        source: Source::Link,
        code: None,
        session: None,
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

/// The same since requests have an id.
const OF_TODAY: [u8; 66] = *b"\x02\x54\x04\x02\x7b\x2b\x25\x20\x9d\x01\x00\x00\
    \x4d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\
    \x01\0\x02\0\x01\0\0\x02AT\x34\x1e\x9b\x2a\x0c\x5f\
    a\
    bb\
    c\
    dd";

/// What stood behind the texts of a view that came from a page, and of a click on a block after a scan, before sessions did.
const EARLIER_TAILS: [(&[u8], Source); 2] =
    [(b"\x05", Source::Bio), (b"\x0a\x09\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Source::Qr)];

#[test]
fn the_tail_is_what_it_was_before_sessions_were_noted() {
    let [_, page, block] = targets(77, 5);
    for ((tail, source), target) in EARLIER_TAILS.into_iter().zip([page, block]) {
        let code = (source == Source::Qr).then(|| Token::of(9));
        let record = Record { target, source, code, ..plain() };
        let encoded = encoded(&record);
        assert_eq!(&encoded[HEAD_BYTES..], tail);
        assert_eq!(Record::decode(&encoded), Ok(record));
        assert_eq!(Record::decode(&first(&record)), Ok(Record { request: None, ..record }));
    }
}

#[test]
fn what_an_earlier_program_wrote_is_read() {
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
    assert_eq!(encoded(&record), OF_TODAY);
    assert_eq!(Record::decode(&OF_TODAY), Ok(record));
    let earlier = Record { request: None, ..record };
    assert_eq!(Record::decode(&EARLIER), Ok(earlier), "no request had an id then");
    assert_eq!(first(&record), EARLIER);
    assert_eq!(Record::decode(&encoded(&earlier)), Ok(earlier));
}

/// The record as the first version had it.
fn first(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = encoded(record);
    bytes.drain(FIRST_HEAD_BYTES..HEAD_BYTES);
    bytes[0] = FIRST_VERSION;
    bytes
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
    let session = Some(WordHash([7; 32]));
    for (target, bytes) in [(page, 33), (block, 49)] {
        let record = Record { target, session, ..plain() };
        let encoded = encoded(&record);
        assert_eq!((encoded.len(), Record::decode(&encoded)), (HEAD_BYTES + bytes, Ok(record)));
        assert_eq!(Record::decode(&encoded[..encoded.len() - 1]), Err(Unreadable::Misshapen), "{record:?}");
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
        token in proptest::option::of(0_u64..), session: Option<[u8; 32]>, request in proptest::option::of(1_u64..1 << 48), fetch in 0_usize..3, kind in 0_u8..6, place: u8, limit in 0_usize..3,
        user_agent: Vec<u8>, referrer: Vec<u8>, code in "[A-Z]{2}",
        accept_language in proptest::collection::vec(0_u8.., 0..64), purpose in proptest::collection::vec(0_u8.., 0..32),
        region in proptest::collection::vec(0_u8.., 0..63), city in proptest::collection::vec(0_u8.., 0..63),
    ) {
        let record = Record {
            at: Time::from_unix_millis(numbers.0), request: request.map(RequestId::of), target: targets(numbers.1, block)[visited], network: numbers.3,
            owner: Owner::from_number(numbers.2),
            choice: choice(kind, if kind == 1 || kind == 4 { place } else { 0 }).expect("a choice"),
            source: [Source::Link, Source::Qr, Source::Bio][source],
            code: token.map(Token::of),
            session: session.map(WordHash),
            limit: [Limit::None, Limit::Left, Limit::Taken][limit],
            is_head: flags.0, opens_many_links: flags.1,
            fetch_metadata: [FetchMetadata::Absent, FetchMetadata::Sent, FetchMetadata::Missing][fetch], country: Country::parse(code.as_bytes()),
            user_agent: &user_agent, referrer: &referrer, accept_language: &accept_language, purpose: &purpose,
            region: &region, city: &city,
        };
        let bytes = encoded(&record);
        proptest::prop_assert_eq!(Record::decode(&bytes), Ok(record));
        let earlier = first(&record);
        proptest::prop_assert_eq!(Record::decode(&earlier), Ok(Record { request: None, ..record }));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes: Vec<u8>) {
        let _ = Record::decode(&bytes);
        for version in [FIRST_VERSION, VERSION] {
            if let Some(first) = bytes.first_mut() {
                *first = version;
            }
            let _ = Record::decode(&bytes);
        }
    }
}
