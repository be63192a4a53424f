use super::*;
use crate::id;

fn refusal(text: &str) -> String {
    DomainName::parse(text).map_or_else(|why| why.to_string(), |name| format!("took {name}"))
}

#[test]
fn names_as_people_write_them() {
    for (text, name) in [
        ("go.example.com", "go.example.com"),
        ("Go.Example.COM.", "go.example.com"),
        ("example.com", "example.com"),
        ("a.b.c.example.co.uk", "a.b.c.example.co.uk"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("BÜCHER.example.com", "xn--bcher-kva.example.com"),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("go例え.jp", "xn--go-s73as50l.jp"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("go.test", "go.test"),
        ("me.github.io", "me.github.io"),
        ("1.example.com", "1.example.com"),
    ] {
        assert_eq!(DomainName::parse(text).map(|name| name.to_string()), Ok(name.to_owned()), "{text}");
        assert_eq!(DomainName::from_stored(name).map(|name| name.to_string()), Ok(name.to_owned()));
    }
}

#[test]
fn what_is_no_domain_of_ones_own() {
    let long = |label: usize| format!("{}.example.com", vec!["a".repeat(label); 4].join("."));
    for (text, why) in [
        ("", "without scheme"),
        ("https://go.example.com", "without scheme"),
        ("go.example.com:443", "without scheme"),
        ("go.example.com/x", "without scheme"),
        ("user@go.example.com", "without scheme"),
        ("go example.com", "without scheme"),
        ("*.example.com", "without scheme"),
        ("go..example.com", "without scheme"),
        (".example.com", "without scheme"),
        ("-go.example.com", "without scheme"),
        ("go-.example.com", "without scheme"),
        ("_mask.example.com", "without scheme"),
        (&format!("{}.example.com", "a".repeat(64)), "without scheme"),
        ("xn--a.example.com", "without scheme"),
        (&long(60), "at most 247"),
        (&"a.".repeat(2000), "at most 247"),
        ("192.0.2.1", "not an IP address"),
        ("192.0.2", "not an IP address"),
        ("0x7f.1", "not an IP address"),
        ("[::1]", "not an IP address"),
        ("::1", "not an IP address"),
        ("localhost", "DNS knows"),
        ("go.localhost", "DNS knows"),
        ("printer.local", "DNS knows"),
        ("x.onion", "DNS knows"),
        ("4.3.2.1.in-addr.arpa", "DNS knows"),
        ("com", "public suffix"),
        ("co.uk", "public suffix"),
        ("github.io", "public suffix"),
        ("example", "public suffix"),
        ("рф", "public suffix"),
        ("pаypal.com", "mix scripts"),
        ("gооgle.example.com", "mix scripts"),
        ("例пр.jp", "mix scripts"),
    ] {
        assert!(refusal(text).contains(why), "{text}: {}", refusal(text));
    }
    assert!(DomainName::parse(&long(58)).is_ok());
}

#[test]
fn names_that_look_alike_have_one_skeleton() {
    let name = |text: &str| DomainName::parse(text).expect("a name");
    // All Cyrillic, and so not mixed.
    assert_eq!(name("аррӏе.com").skeleton(), name("apple.com").skeleton());
    assert_ne!(name("apple.com").skeleton(), name("apples.com").skeleton());
    assert!(name("аррӏе.com").is_international() && !name("apple.com").is_international());
    assert_eq!(name("xn--bcher-kva.example").unicode(), "bücher.example");
}

#[test]
fn an_apex_is_what_is_registered() {
    for (text, is_apex) in
        [("example.com", true), ("go.example.com", false), ("example.co.uk", true), ("a.github.io", true)]
    {
        assert_eq!(DomainName::parse(text).expect("a name").is_apex(), is_apex, "{text}");
    }
}

fn domain() -> Domain {
    let now = Time::from_unix_millis(1_774_360_800_000);
    Domain {
        id: DomainId::from_bits(id::at(now, 1)),
        owner: Owner { workspace: 1, is_test: false },
        name: DomainName::parse("go.example.com").expect("a name"),
        token: "mask-token".to_owned(),
        content: Content::default(),
        status: Status::Pending,
        has_proof: false,
        points_here: false,
        look: None,
        sought_since: now,
        verified_at: None,
        version: 1,
        looks: 0,
        created_at: now,
        updated_at: now,
    }
}

#[test]
fn three_things_that_a_look_can_say() {
    let tokens = |texts: &[&str]| Ok(texts.iter().map(|&text| text.to_owned()).collect());
    let away = || Unanswered("Nobody answers.".to_owned());
    let (here, elsewhere) = (|| Ok(Pointing::Here), || Ok(Pointing::Elsewhere("It leads elsewhere.".to_owned())));
    for (proofs, pointing, must_point, outcome, message) in [
        (tokens(&["mask-token"]), here(), true, Outcome::Found, "All records"),
        (tokens(&["other", "mask-token"]), here(), true, Outcome::Found, "All records"),
        (tokens(&[]), here(), true, Outcome::NotFound, "There is no TXT record at _mask.go.example.com"),
        (tokens(&["mask-toke"]), here(), true, Outcome::NotFound, "says something else"),
        (tokens(&[]), Err(away()), true, Outcome::NotFound, "There is no TXT"),
        (tokens(&["mask-token"]), elsewhere(), true, Outcome::NotFound, "It leads elsewhere."),
        (Err(away()), elsewhere(), true, Outcome::NotFound, "It leads elsewhere."),
        (tokens(&["mask-token"]), Err(away()), true, Outcome::Unavailable, "Nobody answers."),
        (Err(away()), here(), true, Outcome::Unavailable, "Nobody answers."),
        (tokens(&["mask-token"]), elsewhere(), false, Outcome::Found, "It leads elsewhere."),
        (tokens(&["mask-token"]), Err(away()), false, Outcome::Found, "Nobody answers."),
        (Err(away()), here(), false, Outcome::Unavailable, "Nobody answers."),
    ] {
        let look = Look { at: Time::from_unix_millis(0), proofs, pointing, must_point };
        let verdict = look.judge(&domain());
        assert_eq!(verdict.outcome, outcome, "{look:?}");
        assert!(verdict.message.contains(message), "{look:?}: {}", verdict.message);
        assert_eq!(verdict.has_proof.is_none(), look.proofs.is_err());
        assert_eq!(verdict.points_here.is_none(), look.pointing.is_err());
    }
}

#[test]
fn looks_become_rarer_and_end() {
    let domain = domain();
    let next = |status, outcome, seconds: i64| {
        let now = Time::from_unix_millis(domain.sought_since.unix_millis() + seconds * 1000);
        next_look(&domain, status, outcome, now).map(|wait| wait.as_secs())
    };
    let week = 7 * 86_400;
    for (status, outcome, after, wait) in [
        (Status::Pending, Outcome::NotFound, 0, Some(60)),
        (Status::Pending, Outcome::NotFound, 1200, Some(300)),
        (Status::Pending, Outcome::Taken, 86_400, Some(3600)),
        (Status::Pending, Outcome::NotFound, week - 1, Some(3600)),
        (Status::Pending, Outcome::NotFound, week, None),
        (Status::Pending, Outcome::Unavailable, 10 * week, Some(3600)),
        (Status::Failed, Outcome::NotFound, 0, None),
        (Status::Verified, Outcome::Found, 0, Some(86_400)),
        (Status::Verified, Outcome::NotFound, 10 * week, Some(86_400)),
        (Status::Verified, Outcome::Unavailable, 10 * week, Some(3600)),
        (Status::Pending, Outcome::NotFound, -100, Some(60)),
    ] {
        assert_eq!(next(status, outcome, after), wait, "{status:?} {outcome:?} {after}");
    }
}

#[test]
fn words_read_back() {
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::parse(outcome.as_str()), Ok(outcome));
    }
    for robots in [Robots::Allow, Robots::Disallow] {
        assert_eq!(Robots::parse(robots.as_str()), Ok(robots));
    }
    assert!(Robots::parse("noindex").is_err() && Outcome::parse("").is_err());
}
