//! Bio pages among short links: seen, followed, previewed, changed and deleted, over a real store and journal.

use std::sync::Mutex;

use mask_core::{
    bio_page::{
        BioPage, Content as PageContent,
        block::{Block, Data, EmailMode},
        lead::Lead,
        social::{Platform, Profile},
        theme::Theme,
    },
    id::{BlockId, PageId},
    visit::Target,
};
use mask_store::{NewBioPage, PageChange};

use super::*;
use crate::{
    bio::form::{Fault, Forms, Sent, Taken, Why},
    clicks::record::{Record, Source},
    redirect::Glance,
};

const PAGE: PageId = PageId::from_bits(1 << 90);

fn block(id: u128, data: Data) -> Block {
    Block { id: BlockId::from_bits(id), data, is_visible: true, starts_at: None, ends_at: None }
}

fn leading(id: u128, url: &str) -> Block {
    let url = Lead::parse(url).expect("a lead");
    block(id, Data::Link { title: "A link".into(), url, thumbnail: None })
}

fn form_block(id: u128) -> Block {
    form_of(id, EmailMode::Signup)
}

fn form_of(id: u128, mode: EmailMode) -> Block {
    block(
        id,
        Data::Email {
            mode,
            title: "News".into(),
            button_text: "Join".into(),
            success_message: "Welcome".into(),
            notify_email: None,
        },
    )
}

fn content(blocks: Vec<Block>) -> PageContent {
    PageContent {
        title: "Ada".into(),
        description: None,
        avatar: None,
        language: None,
        theme: Theme::default(),
        blocks,
    }
}

impl Bench {
    async fn bio_page(&self, is_published: bool, blocks: Vec<Block>) -> BioPage {
        let new = NewBioPage {
            id: PAGE,
            domain: "s.example".into(),
            slugs: Slugs::Wanted(Slug::parse("Ada-Page").expect("a slug")),
            content: content(blocks),
            is_published,
            now: self.clock.now(),
        };
        let once = self.store.create_bio_page(OWNER, new, None).await.expect("an answer");
        let mask_store::Once::Done(placed) = once else { panic!("it was done") };
        placed.expect("a page")
    }

    async fn edit_page(&self, is_published: bool, blocks: Vec<Block>) {
        let edit = move |_: &BioPage| {
            Ok::<_, ()>(PageChange { domain: None, slug: None, content: content(blocks), is_published })
        };
        let now = self.clock.now();
        let once = self.store.update_bio_page(OWNER, PAGE, Expected::AnyVersion, now, None, edit).await;
        assert!(matches!(once.expect("an answer"), mask_store::Once::Done(Ok(_))));
        self.redirects.forget("s.example", "ada-page");
    }

    /// What the journal has of visits: whose, and how they came.
    fn noted(&self) -> Vec<(Target, Source)> {
        let mut noted = Vec::new();
        let note = |bytes: &[u8]| {
            let record = Record::decode(bytes).expect("a record");
            noted.push((record.target, record.source));
        };
        self.journal.read(0, None, 1 << 20, note).expect("it can be read");
        noted
    }

    fn lane(&self, head: &str) -> (Glance, String) {
        let mut out = Vec::new();
        let glance = self.workers[0].glance(head.as_bytes(), PEER, &mut out);
        (glance, String::from_utf8(out).expect("text"))
    }
}

/// What an answer of the fast lane calls its request.
fn named(answer: &str) -> String {
    let (_, rest) = answer.split_once("x-request-id: ").expect("an id");
    rest[..16].to_owned()
}

#[tokio::test]
async fn a_record_names_the_request_as_its_answer_does() {
    let bench = Bench::new(Durability::Process).await;
    bench.bio_page(true, vec![leading(1, "https://example.com/a")]).await;
    bench.link("plain", |_| ()).await;
    bench.link("limited", |content| content.click_limit = Some(1)).await;
    bench
        .link("shown", |content| content.preview = Some(Preview { title: Some("A".into()), ..Preview::default() }))
        .await;
    locked(&bench, "guarded", |_| ()).await;
    let mut answered = Vec::new();
    let tag = header(&bench.get("/ada-page").await, "etag").to_owned();
    for request in [
        request("GET", "/plain"),
        request("HEAD", "/plain"),
        with(request("GET", "/plain"), "sec-purpose", "prefetch"),
        request("GET", "/limited"),
        with(request("GET", "/shown"), "user-agent", "Twitterbot/1.0"),
        request("GET", "/ada-page"),
        with(request("GET", "/ada-page"), "if-none-match", &tag),
        request("GET", &format!("/ada-page?to={}", BlockId::from_bits(1))),
        form("/guarded", "password=open+sesame"),
    ] {
        answered.push(header(&bench.ask(request).await, "x-request-id").to_owned());
    }
    for head in [asked("/plain", ""), asked("/ada-page", ""), asked("/ada-page", &format!("If-None-Match: {tag}\r\n"))]
    {
        let (glance, answer) = bench.lane(&head);
        assert_eq!(glance, Glance::Answered(head.len()));
        answered.push(named(&answer));
    }
    let mut recorded = Vec::new();
    let note = |bytes: &[u8]| {
        let record = Record::decode(bytes).expect("a record");
        recorded.push(record.request.expect("an id").to_string());
    };
    bench.journal.read(0, None, 1 << 20, note).expect("it can be read");
    // The first is the visit by which the page's tag became known.
    assert_eq!(recorded[1..], answered);
}

fn asked(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: s.example\r\nUser-Agent: {CHROME}\r\n{more}\r\n")
}

#[tokio::test]
async fn a_page_is_seen_and_asked_for_again() {
    let bench = Bench::new(Durability::Process).await;
    bench.bio_page(true, vec![leading(1, "https://example.com/a")]).await;
    let seen = bench.get("/ada-page").await;
    assert_eq!(seen.status(), 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ] {
        assert_eq!(header(&seen, name), value);
    }
    assert!(header(&seen, "content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    let tag = header(&seen, "etag").to_owned();
    let id = header(&seen, "x-request-id").to_owned();
    assert!(id.starts_with("req_") && text(seen).await.contains("<h1 dir=\"auto\">Ada</h1>"));
    for (known, status) in [(tag.as_str(), 304), (&format!("\"x\", W/{tag}"), 304), ("*", 304), ("\"x\"", 200)] {
        let again = bench.ask(with(request("GET", "/Ada-Page/"), "if-none-match", known)).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (status, tag.as_str()), "{known}");
        assert_eq!(text(again).await.is_empty(), status == 304);
    }
    assert_eq!(bench.ask(request("HEAD", "/ada-page")).await.status(), 200);
    let put = bench.ask(request("PUT", "/ada-page")).await;
    assert_eq!((put.status().as_u16(), header(&put, "allow")), (405, "GET, HEAD"));
    assert!(!text(put).await.contains("with a link"), "it is none");
    assert_eq!(bench.get("/ada-page+").await.status(), 404, "where it leads is on it");
    assert_eq!(bench.noted(), vec![(Target::Page(PAGE), Source::Link); 6]);
    let (pages, bytes) = bench.redirects.memory();
    assert!(pages == 1 && bytes > 6_000, "{bytes}: its bytes count");
}

#[tokio::test]
async fn the_fast_lane_answers_the_same() {
    let bench = Bench::new(Durability::Process).await;
    bench.bio_page(true, vec![leading(1, "https://example.com/a")]).await;
    assert_eq!(bench.lane(&asked("/ada-page", "")).0, Glance::Leave, "it is not in memory yet");
    let slow = bench.get("/ada-page?utm_source=x").await;
    let head = asked("/ada-page?utm_source=x", "");
    let (glance, answer) = bench.lane(&head);
    assert_eq!(glance, Glance::Answered(head.len()));
    let (lines, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = lines.split("\r\n");
    assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"));
    let mut names = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        names.push(name.to_owned());
        match name {
            "x-request-id" | "date" => {}
            "content-length" => assert_eq!(value, body.len().to_string()),
            name => assert_eq!(value, header(&slow, name), "{name}"),
        }
    }
    let missing: Vec<_> = slow.headers().keys().filter(|name| !names.contains(&name.as_str().to_owned())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let tag = header(&slow, "etag").to_owned();
    assert_eq!(text(slow).await, body);
    let (glance, answer) = bench.lane(&asked("/ada-page", &format!("If-None-Match: {tag}\r\n")));
    assert!(matches!(glance, Glance::Answered(_)) && answer.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("content-length"), "{answer}");
    for path in ["/ada-page?to=x", "/ada-page?a&done=x", "/ada-page?preview=x", "/ada-page+"] {
        assert_eq!(bench.lane(&asked(path, "")).0, Glance::Leave, "{path}");
    }
    assert_eq!(bench.noted().len(), 3);
    let mut out = vec![0; 64 * 1024];
    let glance = bench.workers[0].glance(head.as_bytes(), PEER, &mut out);
    assert_eq!(glance, Glance::Leave, "nobody's many requests fill the memory with pages");
}

#[tokio::test]
async fn blocks_are_followed_by_way_of_the_page() {
    let bench = Bench::new(Durability::Process).await;
    bench.link("short", |_| ()).await;
    let profile = |url: &str| Profile { platform: Platform::Website, url: url.into() };
    let social = Data::Social { profiles: vec![profile("https://one.example/"), profile("https://two.example/")] };
    let blocks = vec![
        leading(1, "https://example.com/a?x=1#f"),
        leading(2, "https://s.example/short?y"),
        block(3, social),
        block(4, Data::Header { text: "No link".into() }),
        block(5, Data::Text { content: "[a](https://text.example/ü?x&y) and [b](http://other.example)".into() }),
        leading(6, "mailto:ada@example.com"),
        block(7, Data::Social { profiles: vec![profile("mailto:ada@example.com"), profile("https://one.example/")] }),
    ];
    let page = bench.bio_page(true, blocks).await;
    let ids: Vec<_> = page.content.blocks.iter().map(|block| block.id).collect();
    for (query, location) in [
        (format!("to={}", ids[0]), "https://example.com/a?x=1#f"),
        (format!("utm_source=x&to={}&n=0", ids[0]), "https://example.com/a?x=1#f"),
        (format!("to={}", ids[2]), "https://one.example/"),
        (format!("to={}&n=1", ids[2]), "https://two.example/"),
    ] {
        let followed = bench.get(&format!("/ada-page?{query}")).await;
        assert_eq!((followed.status().as_u16(), header(&followed, "location")), (302, location), "{query}");
    }
    let own = bench.get(&format!("/ada-page?to={}", ids[1])).await;
    let location = header(&own, "location");
    assert!(location.starts_with("https://s.example/short?y&bio="), "{location}");
    let onwards = bench.get(location.strip_prefix("https://s.example").expect("our own")).await;
    assert_eq!(header(&onwards, "location"), "https://example.com/where?y", "the token stays with us");
    let onto = |place: usize| (Target::Block(PAGE, ids[place]), Source::Link);
    let noted = bench.noted();
    assert_eq!(noted[..5], [onto(0), onto(0), onto(2), onto(2), onto(1)]);
    assert_eq!(noted[5].1, Source::Bio);
    let html = text(bench.get("/ada-page?done=x").await).await.replace("&amp;", "&");
    let hrefs = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let of_text: Vec<_> = hrefs.filter(|href| href.contains(&format!("to={}", ids[4]))).collect();
    let mut reached = Vec::new();
    for href in &of_text {
        let followed = bench.get(&format!("/ada-page{href}")).await;
        reached.push((followed.status().as_u16(), header(&followed, "location").to_owned()));
    }
    let expected = ["https://text.example/%C3%BC?x&y", "http://other.example/"];
    assert_eq!(reached, expected.map(|location| (302, location.to_owned())));
    assert_eq!(bench.noted()[6..], [onto(4), onto(4)], "links within a text are clicks on its block");
    assert!(html.contains("href=\"mailto:ada@example.com\""), "a mailbox is reached from the page itself");
    for query in [
        "to=".to_owned(),
        "to=blk_x".to_owned(),
        format!("to={}", BlockId::from_bits(99)),
        format!("to={}&n=1", ids[0]),
        format!("to={}&n=-1", ids[2]),
        format!("to={}&n=99999999999999999999", ids[2]),
        format!("to={}", ids[3]),
        format!("to={}", ids[4]),
        format!("to={}&n=1", ids[4]),
        format!("to={}", ids[5]),
        format!("to={}&n=0", ids[6]),
    ] {
        let back = bench.get(&format!("/Ada-Page?{query}")).await;
        assert_eq!((back.status().as_u16(), header(&back, "location")), (303, "/Ada-Page"), "{query}");
    }
    assert_eq!(bench.get(&format!("/ada-page?to={}&n=1", ids[6])).await.status(), 302, "the other keeps its place");
    assert_eq!(bench.noted().len(), 9, "nothing else was followed");
}

#[tokio::test]
async fn a_draft_is_for_its_previews_alone() {
    let bench = Bench::new(Durability::Process).await;
    let page = bench.bio_page(false, vec![leading(1, "https://example.com/a")]).await;
    let url = bench.redirects.preview_url(&page, bench.clock.now().after(Duration::from_mins(5)));
    let path = url.strip_prefix("http://s.example:8080").expect("its host").to_owned();
    for wrong in ["/ada-page", "/ada-page+", "/ada-page?preview=1.x", &format!("{path}x"), "/ada-page?to=x"] {
        assert_eq!(bench.get(wrong).await.status(), 404, "{wrong}");
    }
    let shown = bench.get(&path).await;
    assert_eq!(shown.status(), 200);
    assert_eq!(header(&shown, "cache-control"), "private, no-store");
    assert_eq!(header(&shown, "x-robots-tag"), "noindex, nofollow");
    assert_eq!(header(&shown, "referrer-policy"), "no-referrer");
    assert_eq!(header(&shown, "etag"), "");
    let html = text(shown).await;
    assert!(html.contains("preview") && html.contains("href=\"https://example.com/a\""), "{html}");
    bench.edit_page(true, vec![leading(1, "https://example.com/b")]).await;
    assert!(text(bench.get(&path).await).await.contains("https://example.com/b"), "of a published page too");
    assert!(bench.noted().is_empty(), "nothing of it is counted");
    bench.clock.advance(Duration::from_mins(5));
    let page = bench.get(&path).await;
    assert_eq!(header(&page, "cache-control"), "private, no-cache", "its time is over, and the page is public by now");
    assert_eq!(bench.noted().len(), 1);
}

#[tokio::test]
async fn a_change_is_seen_at_once_and_a_block_has_its_time() {
    let bench = Bench::new(Durability::Process).await;
    let soon = bench.clock.now().after(Duration::from_mins(1));
    let timed = Block { ends_at: Some(soon), ..leading(1, "https://example.com/a") };
    let page = bench.bio_page(true, vec![timed.clone(), leading(2, "https://example.com/b")]).await;
    let to = |place: usize| format!("/ada-page?to={}", page.content.blocks[place].id);
    assert_eq!(text(bench.get("/ada-page").await).await.matches("?to=").count(), 2);
    assert_eq!(bench.get(&to(0)).await.status(), 302);
    let head = asked("/ada-page", "");
    assert!(matches!(bench.lane(&head).0, Glance::Answered(_)));
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(bench.lane(&head).0, Glance::Leave, "what memory has is over");
    assert_eq!(text(bench.get("/ada-page").await).await.matches("?to=").count(), 1);
    assert_eq!(bench.get(&to(0)).await.status(), 303, "who saw it before comes back to the page");
    assert_eq!(bench.get(&to(1)).await.status(), 302);
    bench.edit_page(true, vec![leading(3, "https://example.com/c")]).await;
    assert_eq!(bench.get(&to(1)).await.status(), 303);
    bench.edit_page(false, Vec::new()).await;
    assert_eq!(bench.get("/ada-page").await.status(), 404, "a draft again");
    let removed = bench.store.delete_bio_page(OWNER, PAGE, Expected::AnyVersion, false, bench.clock.now()).await;
    removed.expect("an answer").expect("a page");
    bench.redirects.forget("s.example", "ada-page");
    assert_eq!(bench.get("/ada-page").await.status(), 410);
    assert_eq!(bench.get(&to(1)).await.status(), 410);
}

/// Takes forms as it is told to, and remembers them.
struct Desk {
    says: Mutex<Taken>,
    sent: Mutex<Vec<Sent>>,
}

impl Forms for Desk {
    fn take(&self, sent: Sent) -> std::pin::Pin<Box<dyn Future<Output = Taken> + Send + '_>> {
        Box::pin(async move {
            self.sent.lock().expect("unbroken").push(sent);
            self.says.lock().expect("unbroken").clone()
        })
    }
}

#[tokio::test]
async fn forms_are_sent_and_shown_again() {
    let bench = Bench::new(Durability::Process).await;
    let page = bench.bio_page(true, vec![form_block(1), leading(2, "https://example.com/b")]).await;
    let with_form = page.content.blocks[0].id;
    let body = |block: BlockId, more: &str| format!("block={block}&email=ada%40e.com{more}");
    let unheard = bench.ask(form("/ada-page", &body(with_form, ""))).await;
    assert_eq!(unheard.status(), 503, "nobody takes it yet");

    let desk = Arc::new(Desk { says: Mutex::new(Taken::Done), sent: Mutex::default() });
    bench.redirects.hand_forms_to(Arc::clone(&desk) as Arc<dyn Forms>);
    let says = |taken: Taken| *desk.says.lock().expect("unbroken") = taken;
    let sent = bench.ask(form("/ada-page", &body(with_form, ""))).await;
    assert_eq!(sent.status(), 303);
    let location = header(&sent, "location").to_owned();
    assert_eq!(location, format!("/Ada-Page?done={with_form}#{with_form}-done"));
    says(Taken::Confirm);
    let sent = bench.ask(form("/ada-page", &body(with_form, ""))).await;
    assert!(header(&sent, "location").ends_with(&format!("#{with_form}-confirm")));
    let taken = desk.sent.lock().expect("unbroken").clone();
    assert_eq!((taken.len(), taken[0].block, taken[0].posted.email.as_str()), (2, with_form, "ada@e.com"));
    assert_eq!((taken[0].owner, taken[0].page.id, taken[0].client), (OWNER, PAGE, PEER));

    let back = bench.get(location.split('#').next().expect("a path")).await;
    let html = text(back).await;
    assert!(html.contains(&format!("id=\"{with_form}-done\"")) && html.contains("Welcome"), "{html}");
    assert!(bench.noted().is_empty(), "who comes back from a form was counted before");

    says(Taken::Faulty(vec![Fault {
        field: "email",
        why: Why::Refused(mask_core::Refused::because("Must be one <b>")),
    }]));
    let faulty = bench.ask(form("/ada-page", &body(with_form, "%3Ci%3E"))).await;
    assert_eq!((faulty.status().as_u16(), header(&faulty, "cache-control")), (422, "private, no-store"));
    let html = text(faulty).await;
    assert!(html.contains("value=\"ada@e.com&#60;i&#62;\"") && html.contains("Must be one &#60;b&#62;"), "{html}");
    assert!(html.contains("autofocus"), "{html}");
    says(Taken::TooMany { retry_after_s: 40 });
    let limited = bench.ask(form("/ada-page", &body(with_form, ""))).await;
    assert_eq!((limited.status().as_u16(), header(&limited, "retry-after")), (429, "40"));
    assert!(text(limited).await.contains("role=\"alert\""));
    says(Taken::Unavailable);
    assert_eq!(bench.ask(form("/ada-page", &body(with_form, ""))).await.status(), 503);

    let before = desk.sent.lock().expect("unbroken").len();
    let trapped = bench.ask(form("/ada-page", &body(with_form, "&website=spam"))).await;
    assert_eq!((trapped.status().as_u16(), header(&trapped, "location")), (303, location.as_str()));
    let long = format!("block={with_form}&message={}", "x".repeat(70_000));
    assert_eq!(bench.ask(form("/ada-page", &long)).await.status(), 400);
    let mut json = form("/ada-page", "{}");
    json.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
    assert_eq!(bench.ask(json).await.status(), 400);
    assert_eq!(desk.sent.lock().expect("unbroken").len(), before, "none of these went further");
    assert_eq!(bench.ask(request("PUT", "/ada-page")).await.status(), 405);
}

#[tokio::test]
async fn what_was_written_is_taken_or_comes_back() {
    use EmailMode::{Contact, Signup};
    let bench = Bench::new(Durability::Process).await;
    let desk = Arc::new(Desk { says: Mutex::new(Taken::Done), sent: Mutex::default() });
    bench.redirects.hand_forms_to(Arc::clone(&desk) as Arc<dyn Forms>);
    let id = BlockId::from_bits;
    bench.bio_page(true, vec![form_of(1, Contact)]).await;
    let hidden = |id: u128, mode| Block { is_visible: false, ..form_of(id, mode) };
    let letter = |block: &str| format!("block={block}&email=ada%40e.com&name=&message=Dear+%3CBo%3E%0D%0AYes");
    let signup = |block: &str| format!("block={block}&email=ada%40e.com");
    let of_block = |of: u128| id(of).to_string();
    // The blocks that are there by now, what is sent, and the block that takes it.
    for (what, blocks, body, taker) in [
        ("its own", vec![form_of(1, Contact), form_of(2, Contact)], letter(&of_block(1)), Some(1)),
        ("another in its place", vec![form_of(2, Contact), form_of(3, Signup)], letter(&of_block(1)), Some(2)),
        ("a sign-up too", vec![form_of(2, Contact), form_of(3, Signup)], signup(&of_block(1)), Some(3)),
        (
            "one that is hidden, and one in its place",
            vec![hidden(1, Contact), form_of(2, Contact)],
            letter(&of_block(1)),
            Some(2),
        ),
        ("one that became another kind", vec![form_of(1, Signup), form_of(2, Contact)], letter(&of_block(1)), Some(2)),
        ("its own says what is missing", vec![form_of(1, Contact), form_of(3, Signup)], signup(&of_block(1)), Some(1)),
        ("either of two", vec![form_of(2, Contact), form_of(3, Contact)], letter(&of_block(1)), None),
        ("none of its kind", vec![form_of(1, Signup), leading(2, "https://example.com")], letter(&of_block(1)), None),
        ("all are hidden", vec![hidden(1, Contact), hidden(2, Contact)], letter(&of_block(1)), None),
        ("a link", vec![leading(1, "https://example.com"), form_of(2, Signup)], letter(&of_block(1)), None),
        ("none at all", Vec::new(), letter(&of_block(1)), None),
        ("what names no form", vec![form_of(1, Contact)], letter("x"), None),
    ] {
        bench.edit_page(true, blocks).await;
        desk.sent.lock().expect("unbroken").clear();
        let answer = bench.ask(form("/ada-page", &body)).await;
        let sent: Vec<_> = desk.sent.lock().expect("unbroken").iter().map(|sent| sent.block).collect();
        assert_eq!(sent, taker.map(id).into_iter().collect::<Vec<_>>(), "{what}");
        let status = answer.status().as_u16();
        if let Some(taker) = taker {
            let location = format!("/Ada-Page?done={0}#{0}-done", id(taker));
            assert_eq!((status, header(&answer, "location")), (303, location.as_str()), "{what}");
            continue;
        }
        assert_eq!((status, header(&answer, "cache-control")), (422, "private, no-store"), "{what}");
        let policy = header(&answer, "content-security-policy").to_owned();
        let html = text(answer).await;
        assert!(html.contains("role=\"alert\">This form is no longer on the page"), "{what}: {html}");
        assert!(html.contains(">\nDear &#60;Bo&#62;\r\nYes</textarea>"), "{what}: {html}");
        assert!(html.contains("<h1 dir=\"auto\">Ada</h1>") && !html.contains("link has"), "{what}: {html}");
        assert!(html.contains(".fault{") && policy.contains("style-src"), "{what}: it is seen as what it is");
    }
    bench.edit_page(false, Vec::new()).await;
    assert_eq!(bench.ask(form("/ada-page", &letter(&of_block(1)))).await.status(), 404, "a draft is no page");
}
