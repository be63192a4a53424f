//! What a hostile link may bring, and what every page must hold.

use super::*;

const SHORT: &str = "https://go.example/spring-sale";
const REQUEST: &str = "req_0123456789ab";
const NOTICES: [Notice; 9] = [
    Notice::NotFound,
    Notice::Expired,
    Notice::Removed,
    Notice::LimitReached,
    Notice::TooManyAttempts { retry_after_s: 42 },
    Notice::Unavailable,
    Notice::BadRequest,
    Notice::TimedOut,
    Notice::MethodNotAllowed,
];

/// Every page, with `text` in each field that comes from outside.
fn pages_with(text: &str) -> Vec<(String, Page)> {
    let inspect_page = Inspect {
        short_url: text,
        destination: Some(text),
        title: Some(text),
        created_at_ms: 1_795_000_000_000,
        may_vary: true,
    };
    let preview = SocialPreview {
        short_url: text,
        destination: Some(text),
        title: text,
        description: Some(text),
        image_url: Some(text),
    };
    let mut pages = vec![
        ("password".to_owned(), password_form(&PasswordForm { short_url: text, rejected: false })),
        ("password-wrong".to_owned(), password_form(&PasswordForm { short_url: text, rejected: true })),
        ("inspect".to_owned(), inspect(&inspect_page)),
        (
            "inspect-protected".to_owned(),
            inspect(&Inspect { destination: None, title: None, may_vary: false, ..inspect_page }),
        ),
        ("preview".to_owned(), social_preview(&preview)),
        ("preview-protected".to_owned(), social_preview(&SocialPreview { destination: None, ..preview })),
        ("root".to_owned(), root(false)),
        ("root-app".to_owned(), root(true)),
    ];
    pages.extend(NOTICES.map(|kind| (format!("notice-{}", kind.code().replace(' ', "-")), notice(kind, text))));
    pages
}

fn inspect_url(url: &str) -> String {
    inspect(&Inspect { short_url: SHORT, destination: Some(url), title: None, created_at_ms: 0, may_vary: false }).html
}

#[test]
fn people_sign_in_on_the_host_of_the_application() {
    assert!(root(true).html.contains("href=\"/sign-in\"") && root(true).html.contains("href=\"/docs\""));
    assert!(!root(false).html.contains("href=\"/"), "{}", root(false).html);
}

#[test]
fn hostile_text_comes_out_as_text() {
    let payloads = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</style><script>alert(1)</script>",
        "--><svg/onload=alert(1)>",
        "]]><iframe srcdoc=x>",
        "&lt;script&gt;",
        "https://a.example/\"onmouseover=\"alert(1)",
        "https://a.example/'><script>alert(1)</script>",
    ];
    let shape = |text| {
        let pages = pages_with(text).into_iter();
        pages.map(|(_, page)| tags(&page.html)).collect::<Vec<_>>()
    };
    let (text_shape, address_shape) = (shape("harmless"), shape("https://harmless.example/"));
    for payload in payloads {
        let is_address = payload.starts_with("https://");
        let expected = if is_address { &address_shape } else { &text_shape };
        for ((name, page), expected) in pages_with(payload).into_iter().zip(expected) {
            assert!(!page.html.contains("<script"), "{name}: {payload}");
            assert!(!page.html.contains(payload), "{name}: {payload}");
            assert_eq!(&tags(&page.html), expected, "{name}: {payload}");
        }
    }
}

/// The names of all tags and attributes, in order: the structure, without the texts.
fn tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .map(|piece| {
            let tag = piece.split('>').next().unwrap_or_default();
            tag.split('"').step_by(2).collect::<Vec<_>>().join("\"")
        })
        .collect()
}

#[test]
fn only_web_and_app_addresses_can_be_followed() {
    for url in [
        "https://example.com/a?b=c#d",
        "https://example.com",
        "https://пример.рф/путь",
        "myapp://open/1",
        "market://details?id=a",
        "mailto:a@example.com",
        "com.example.app:/x",
    ] {
        assert!(inspect_url(url).contains("rel=\"noopener noreferrer nofollow\""), "{url}");
    }
    for url in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "https://a.example/\nb",
        "data:text/html,x",
        "DATA:,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a.example/1",
        "view-source:https://a.example",
        "http://example.com/",
        "https:example.com",
        "https://",
        "//example.com/",
        "/local",
        "example.com",
        "",
        ":",
        "1a:b",
        "a b:c",
    ] {
        let html = inspect_url(url);
        assert!(!html.contains("<a "), "{url:?} can be followed");
        assert!(!html.contains("class=\"host\""), "{url:?} has a host");
    }
}

#[test]
fn the_host_is_the_one_a_browser_connects_to() {
    for (url, host) in [
        ("https://example.com/a", "example.com"),
        ("https://good.example\\@evil.example/", "good.example"),
        ("https://good.example@evil.example/", "evil.example"),
        ("https://EXAMPLE.com:8443", "example.com"),
        ("https://аpple.example/", "xn--pple-43d.example"),
        ("myapp://bank.example/", "App: myapp"),
    ] {
        assert!(inspect_url(url).contains(&format!("<strong class=\"host\">{host}</strong>")), "{url}");
    }
}

#[test]
fn an_address_cannot_hide_or_turn_its_letters() {
    let html = inspect_url("https://a.example/\u{202e}gpj.exe\u{200b}");
    assert!(html.contains("https://a.example/%E2%80%AEgpj.exe%E2%80%8B</span>"));
}

#[test]
fn a_protected_link_does_not_say_where_it_leads() {
    for (name, page) in
        pages_with("https://secret.example/").into_iter().filter(|(name, _)| name.ends_with("-protected"))
    {
        assert!(!page.html.contains("class=\"address\""), "{name}");
        assert!(page.html.contains("protected by a password"), "{name}");
    }
}

#[test]
fn the_policy_names_the_style_that_the_page_holds() {
    for (name, page) in pages_with("x") {
        let (_, rest) = page.html.split_once("<style>").expect("a style");
        let (style, rest) = rest.split_once("</style>").expect("the end of the style");
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = page.content_security_policy;
        assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{name}");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{name}");
        assert_eq!(policy.contains("form-action 'none'"), !page.html.contains("<form"), "{name}");
        assert!(!rest.contains("<style") && !page.html.contains(" style="), "{name}");
        assert!(!style.contains("/*") && !style.contains("url(") && !style.contains("@import"), "{name}");
    }
}

#[test]
fn every_page_is_small_and_complete() {
    for (name, page) in pages_with("https://example.com/some/where?with=a&query=too") {
        let html = &page.html;
        assert!(html.len() <= 6 * 1024, "{name}: {} bytes", html.len());
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{name}");
        for part in ["<title>", "name=\"viewport\"", "name=\"robots\" content=\"noindex\"", "<h1", "</html>"] {
            assert!(html.contains(part), "{name}: {part}");
        }
        for absent in ["<script", "<img", "<iframe", "@import", "url("] {
            assert!(!html.contains(absent), "{name}: {absent}");
        }
    }
}

#[test]
fn the_form_says_when_a_password_was_wrong() {
    let first = password_form(&PasswordForm { short_url: SHORT, rejected: false }).html;
    assert!(!first.contains("role=\"alert\"") && !first.contains("aria-invalid"));
    let again = password_form(&PasswordForm { short_url: SHORT, rejected: true }).html;
    assert!(again.contains("id=\"error\" role=\"alert\">That password is not right.</p>"));
    assert!(again.contains("aria-describedby=\"error\""));
    for html in [first, again] {
        assert!(html.contains("<form method=\"post\">"));
        assert!(html.contains("name=\"password\" type=\"password\" maxlength=\"128\" autocomplete=\"off\""));
    }
}

#[test]
fn a_notice_says_its_status_and_its_request() {
    for kind in NOTICES {
        let html = notice(kind, REQUEST).html;
        assert!(html.contains(&format!("{} · ", kind.status())) && html.contains(REQUEST), "{kind:?}");
        assert_eq!(html.contains("Try again</a>"), kind.can_be_retried(), "{kind:?}");
    }
    assert!(wait_sentence(1).ends_with("in 1 second."));
    assert!(wait_sentence(42).ends_with("in 42 seconds."));
}

#[test]
fn the_card_holds_the_tags_that_crawlers_read() {
    let page = SocialPreview {
        short_url: SHORT,
        destination: Some("https://example.com/"),
        title: "Spring & \"sale\"",
        description: None,
        image_url: Some("http://example.com/not-encrypted.png"),
    };
    let html = social_preview(&page).html;
    assert!(html.contains("<link rel=\"canonical\" href=\"https://go.example/spring-sale\">"));
    assert!(html.contains("property=\"og:title\" content=\"Spring &#38; &#34;sale&#34;\""));
    assert!(html.contains("content=\"summary\"") && !html.contains("og:image") && !html.contains("og:description"));
    let html = social_preview(&SocialPreview { image_url: Some("https://example.com/a.png"), ..page }).html;
    assert!(html.contains("property=\"og:image\" content=\"https://example.com/a.png\""));
    assert!(html.contains("content=\"summary_large_image\""));
}

#[test]
fn dates_are_in_utc_and_impossible_ones_are_left_out() {
    assert!(inspect_url("x").contains("<time datetime=\"1970-01-01\">1 January 1970</time>"));
    assert_eq!(utc_date(i64::MAX), None);
}
