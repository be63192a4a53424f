//! QR codes: made, read, changed and deleted, and gone with their link.

use mask_core::{
    change::Change,
    colour::Colour,
    id::{self, QrId},
    picture::{Format, Picture, PictureName},
    qr::{Aim, ErrorCorrection, Look, Shape},
    token::Token,
    visit::Target,
    workspace::Owner,
};
use mask_store::{Error, Expected, Fact, Kept, NewQrCode, Once, PlacedCode, Store, Uncoded};

use crate::{
    backend::{Backend, on_every_backend},
    bio_pages::{make_page, new_page},
    sample::{DOMAIN, LIVE, OTHER, TEST, at, batch, fact, keep, link_id, make, new_link, slug},
};

on_every_backend!(
    everything_reads_back,
    only_a_link_of_ones_own_has_codes,
    a_taken_token_is_passed_over,
    its_address_is_that_of_its_link_now,
    only_its_owner_sees_it,
    a_version_guards,
    what_is_the_same_is_no_change,
    lists_are_read_page_by_page,
    it_goes_with_its_link,
    what_a_token_leads_to,
    a_page_has_codes_as_a_link_has,
    a_kept_reply_makes_no_second,
    a_row_that_nobody_wrote,
);

fn qr_id(n: u32) -> QrId {
    QrId::from_bits(id::at(at(i64::from(n)), u128::from(n) << 40))
}

fn new(n: u32, link: u32) -> NewQrCode {
    let tokens = vec![Token::of(u64::from(n))];
    let aim = Aim::Link(link_id(link));
    NewQrCode { id: qr_id(n), aim, tokens, look: Look::default(), now: at(i64::from(n)) }
}

fn full_look() -> Look {
    let name = PictureName::of(b"pixels", Format::Jpeg);
    Look {
        foreground: Colour::of(1, 2, 3),
        background: Colour::of(250, 251, 252),
        eye: Some(Colour::of(4, 5, 6)),
        is_transparent: true,
        size: 2048,
        error_correction: Some(ErrorCorrection::Quartile),
        shape: Shape::Dots,
        margin: 16,
        caption: Some("Für alle – 日本語 🎉 100% \"wahr\"".to_owned()),
        logo: Some(Picture { url: "https://example.com/ü?a=%20".to_owned(), name, width: 512, height: u32::MAX }),
    }
}

async fn place(store: &Store, owner: Owner, new: NewQrCode) -> Result<PlacedCode, Uncoded> {
    match store.create_qr_code(owner, new, None).await.expect("the store works") {
        Once::Done(made) => made,
        other => panic!("nothing was kept, and yet {other:?}"),
    }
}

async fn find(store: &Store, owner: Owner, n: u32) -> Option<PlacedCode> {
    store.qr_code_by_id(owner, qr_id(n)).await.expect("the store works")
}

async fn everything_reads_back(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "Spring")).await;
    for (n, look) in [(1, Look::default()), (2, full_look())] {
        let mut new = new(n, 1);
        new.look = look.clone();
        new.tokens = vec![Token::of(Token::COUNT - u64::from(n))];
        let made = place(store, LIVE, new).await.expect("a code");
        assert_eq!((made.domain.as_str(), made.slug.as_str()), (DOMAIN, "Spring"));
        let code = &made.code;
        let aim = Aim::Link(link_id(1));
        assert_eq!((code.id, code.aim, code.token), (qr_id(n), aim, Token::of(Token::COUNT - u64::from(n))));
        assert_eq!((code.scans, code.version, code.created_at), (0, 1, at(i64::from(n))));
        assert_eq!((&code.look, code.updated_at), (&look, at(i64::from(n))));
        assert_eq!(find(store, LIVE, n).await.as_ref(), Some(&made));
        let changed = store.update_qr_code(LIVE, qr_id(n), Expected::AnyVersion, full_look(), at(50)).await;
        let changed = changed.expect("the store works").expect("it is there");
        assert_eq!(changed.code.look, full_look());
        assert_eq!(find(store, LIVE, n).await, Some(changed));
    }
}

async fn only_a_link_of_ones_own_has_codes(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    for (owner, link) in [(TEST, 1), (OTHER, 1), (LIVE, 2)] {
        assert_eq!(place(store, owner, new(1, link)).await, Err(Uncoded::NothingThere(Aim::Link(link_id(link)))));
    }
    assert!(place(store, LIVE, new(1, 1)).await.is_ok());
}

async fn a_taken_token_is_passed_over(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    make(store, OTHER, new_link(2, "summer")).await;
    place(store, LIVE, new(1, 1)).await.expect("a code");
    let tokens = vec![Token::of(1), Token::of(7)];
    let made = place(store, OTHER, NewQrCode { tokens, ..new(2, 2) }).await.expect("a code");
    assert_eq!(made.code.token, Token::of(7), "a token is one code's, whoever owns it");
    let tokens = vec![Token::of(7), Token::of(1)];
    assert_eq!(place(store, OTHER, NewQrCode { tokens, ..new(3, 2) }).await, Err(Uncoded::TokensTaken));
    assert_eq!(find(store, OTHER, 3).await, None);
}

async fn its_address_is_that_of_its_link_now(backend: &Backend) {
    let store = &backend.store;
    let link = make(store, LIVE, new_link(1, "spring")).await;
    let made = place(store, LIVE, new(1, 1)).await.expect("a code");
    let change = Change { slug: Some(slug("Summer")), ..Change::default() };
    let moved = store.update_link(LIVE, link.id, Expected::AnyVersion, change, at(9)).await;
    moved.expect("the store works").expect("it is free");
    let found = find(store, LIVE, 1).await.expect("it is there");
    assert_eq!((found.slug.as_str(), found.code), ("Summer", made.code), "the code itself did not change");
}

async fn only_its_owner_sees_it(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    let made = place(store, LIVE, new(1, 1)).await.expect("a code");
    for owner in [TEST, OTHER] {
        assert_eq!(find(store, owner, 1).await, None);
        let listed = store.list_qr_codes(owner, Some(Aim::Link(link_id(1))), None, 10).await.expect("the store works");
        assert_eq!((listed.rows, listed.next), (vec![], None));
        let changed = store.update_qr_code(owner, qr_id(1), Expected::AnyVersion, full_look(), at(9)).await;
        assert_eq!(changed.expect("the store works"), Err(Uncoded::Absent));
        let deleted = store.delete_qr_code(owner, qr_id(1), Expected::AnyVersion, at(900)).await;
        assert_eq!(deleted.expect("the store works"), Err(Uncoded::Absent));
    }
    assert_eq!(find(store, LIVE, 1).await, Some(made));
}

async fn a_version_guards(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    place(store, LIVE, new(1, 1)).await.expect("a code");
    // Scans are no change.
    backend.place.sql("UPDATE qr_codes SET scans = 41");
    let first = || Expected::OneOf(vec![1]);
    let changed = store.update_qr_code(LIVE, qr_id(1), first(), full_look(), at(9)).await;
    let changed = changed.expect("the store works").expect("it is that version");
    assert_eq!((changed.code.version, changed.code.scans, changed.code.updated_at), (2, 41, at(9)));
    let again = store.update_qr_code(LIVE, qr_id(1), first(), Look::default(), at(10)).await;
    assert_eq!(again.expect("the store works"), Err(Uncoded::Changed));
    let deleted = store.delete_qr_code(LIVE, qr_id(1), first(), at(900)).await;
    assert_eq!(deleted.expect("the store works"), Err(Uncoded::Changed));
    assert_eq!(find(store, LIVE, 1).await, Some(changed));
    let deleted = store.delete_qr_code(LIVE, qr_id(1), Expected::OneOf(vec![1, 2]), at(900)).await;
    assert_eq!(deleted.expect("the store works"), Ok(()));
    assert_eq!(find(store, LIVE, 1).await, None);
}

async fn what_is_the_same_is_no_change(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    let made = place(store, LIVE, new(1, 1)).await.expect("a code");
    let same = store.update_qr_code(LIVE, qr_id(1), Expected::AnyVersion, Look::default(), at(9)).await;
    assert_eq!(same.expect("the store works"), Ok(made));
}

async fn lists_are_read_page_by_page(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    make(store, LIVE, new_link(2, "summer")).await;
    for n in 1..=7 {
        place(store, LIVE, new(n, 1 + n % 2)).await.expect("a code");
    }
    for (link, expected) in [(None, vec![7, 6, 5, 4, 3, 2, 1]), (Some(1), vec![6, 4, 2]), (Some(3), vec![])] {
        for limit in [1, 2, 3, 7] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let of = link.map(link_id).map(Aim::Link);
                let listed = store.list_qr_codes(LIVE, of, after, limit).await.expect("the store works");
                assert!(listed.rows.len() <= limit);
                seen.extend(listed.rows.iter().map(|placed| placed.code.id));
                after = listed.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected.iter().copied().map(qr_id).collect::<Vec<_>>(), "{link:?} {limit}");
        }
    }
}

async fn it_goes_with_its_link(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=3 {
        make(store, LIVE, new_link(n, &format!("slug-{n}"))).await;
        place(store, LIVE, new(n, n)).await.expect("a code");
    }
    let gone = store.delete_link(LIVE, link_id(1), Expected::AnyVersion, false, at(9)).await;
    gone.expect("the store works").expect("it is there");
    store.delete_links(LIVE, vec![link_id(2)], true, at(9)).await.expect("the store works");
    let listed = store.list_qr_codes(LIVE, None, None, 10).await.expect("the store works");
    assert_eq!(listed.rows.iter().map(|placed| placed.code.id).collect::<Vec<_>>(), [qr_id(3)]);
}

async fn what_a_token_leads_to(backend: &Backend) {
    let store = &backend.store;
    for n in 1..=3 {
        make(store, if n == 3 { OTHER } else { LIVE }, new_link(n, &format!("slug-{n}"))).await;
    }
    for (owner, n, link) in [(LIVE, 1, 1), (LIVE, 2, 1), (LIVE, 3, 2), (OTHER, 4, 3)] {
        place(store, owner, new(n, link)).await.expect("a code");
    }
    for n in [2, 3] {
        let deleted = store.delete_qr_code(LIVE, qr_id(n), Expected::AnyVersion, at(9)).await;
        deleted.expect("the store works").expect("it is there");
    }
    let leads = async |tokens: Vec<u64>| {
        let tokens = tokens.into_iter().map(Token::of).collect();
        let found = store.what_codes_lead_to(tokens).await.expect("the store works");
        let mut found: Vec<_> = found.into_iter().map(|(token, target)| (token.number(), target)).collect();
        found.sort_unstable();
        found
    };
    let to = |link| Target::Link(link_id(link));
    let all = [(1, to(1)), (2, to(1)), (3, to(2)), (4, to(3))];
    assert_eq!(leads((0..1000).collect()).await, all, "also of codes that are no more, whoever owns them");
    assert_eq!(leads(vec![]).await, []);
    let made = place(store, LIVE, NewQrCode { tokens: vec![Token::of(2), Token::of(7)], ..new(5, 1) }).await;
    assert_eq!(made.expect("a code").code.token, Token::of(7), "what was printed once is never another code's");
    let gone = store.delete_link(LIVE, link_id(2), Expected::AnyVersion, true, at(10)).await;
    gone.expect("the store works").expect("it is there");
    assert_eq!(leads(vec![3, 4]).await, all[3..], "it goes with its link");
}

async fn a_page_has_codes_as_a_link_has(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    let page = make_page(store, LIVE, new_page(2, "Ada-Page")).await;
    let of_page = |n| NewQrCode { aim: Aim::Page(page.id), ..new(n, 1) };
    for owner in [TEST, OTHER] {
        assert_eq!(place(store, owner, of_page(1)).await, Err(Uncoded::NothingThere(Aim::Page(page.id))));
    }
    place(store, LIVE, new(1, 1)).await.expect("a code");
    let made = place(store, LIVE, of_page(2)).await.expect("a code");
    assert_eq!((made.domain.as_str(), made.slug.as_str(), made.code.aim), (DOMAIN, "Ada-Page", Aim::Page(page.id)));
    assert_eq!(find(store, LIVE, 2).await.as_ref(), Some(&made));
    place(store, LIVE, of_page(3)).await.expect("a code");
    let deleted = store.delete_qr_code(LIVE, qr_id(3), Expected::AnyVersion, at(9)).await;
    deleted.expect("the store works").expect("it is there");
    for (of, expected) in
        [(None, vec![2, 1]), (Some(Aim::Page(page.id)), vec![2]), (Some(Aim::Link(link_id(1))), vec![1])]
    {
        let listed = store.list_qr_codes(LIVE, of, None, 10).await.expect("the store works");
        let ids: Vec<_> = listed.rows.iter().map(|placed| placed.code.id).collect();
        assert_eq!(ids, expected.into_iter().map(qr_id).collect::<Vec<_>>(), "{of:?}");
    }
    let (to_link, to_page) = (Target::Link(link_id(1)), Target::Page(page.id));
    let all =
        std::collections::HashMap::from([1, 2, 3].map(|n| (Token::of(n), if n == 1 { to_link } else { to_page })));
    let tokens = || (1..=4).map(Token::of).collect();
    assert_eq!(store.what_codes_lead_to(tokens()).await.expect("the store works"), all);
    let scan = |n, target| Fact { target, code: Some(Token::of(n)), source: "qr", ..fact(LIVE, link_id(1), true) };
    let facts = vec![scan(1, to_link), scan(2, to_page), scan(2, to_page)];
    assert!(store.count_clicks(batch("a", None, 10, facts), None).await.expect("the store works"));
    let scans = async |n| find(store, LIVE, n).await.expect("it is there").code.scans;
    assert_eq!((scans(1).await, scans(2).await), (1, 2));
    let gone = store.delete_bio_page(LIVE, page.id, Expected::AnyVersion, true, at(10)).await;
    gone.expect("the store works").expect("it is there");
    assert_eq!(find(store, LIVE, 2).await, None, "they go with the page");
    let left = store.what_codes_lead_to(tokens()).await.expect("the store works");
    assert_eq!(left, [(Token::of(1), to_link)].into());
}

async fn a_kept_reply_makes_no_second(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    let ask = async |n: u32| {
        let reply = |made: &Result<PlacedCode, Uncoded>| Kept {
            status: 201,
            body: made.as_ref().map_or_else(|why| format!("{why:?}"), |made| made.code.id.to_string()).into_bytes(),
        };
        store.create_qr_code(LIVE, new(n, 1), Some(keep("k1", 7, reply))).await.expect("the store works")
    };
    let Once::Done(Ok(made)) = ask(1).await else { panic!("it is the first") };
    let kept = Kept { status: 201, body: made.code.id.to_string().into_bytes() };
    assert_eq!(ask(2).await, Once::Replayed(kept));
    assert_eq!(find(store, LIVE, 2).await, None);
}

async fn a_row_that_nobody_wrote(backend: &Backend) {
    let store = &backend.store;
    make(store, LIVE, new_link(1, "spring")).await;
    for (n, column, value) in [
        (1, "foreground", "'red'"),
        (2, "size", "70000"),
        (3, "error_correction", "'X'"),
        (4, "shape", "'star'"),
        (5, "logo_name", "'../secret.key'"),
        (6, "logo_name", "NULL"),
        (7, "token", "-1"),
    ] {
        let mut new = new(n, 1);
        new.look = full_look();
        place(store, LIVE, new).await.expect("a code");
        backend.place.sql(&format!("UPDATE qr_codes SET {column} = {value} WHERE id = '{}'", qr_id(n)));
        match store.qr_code_by_id(LIVE, qr_id(n)).await {
            Err(Error::Corrupt(found)) => {
                assert_eq!((found.table, found.column, found.row), ("qr_codes", column, qr_id(n).to_string()));
            }
            other => panic!("{column} = {value} was read as {other:?}"),
        }
    }
}
