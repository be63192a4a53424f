use mask_core::{
    bio_page::{
        Content,
        block::EmailMode,
        language::Language,
        media::{Spotify, Video},
        price::{Currency, Price},
        social::{Platform, Profile},
        theme::{Preset, Theme},
    },
    destination::WebUrl,
    id::{BlockId, PageId},
    picture::{Format, Picture, PictureName},
    slug::Slug,
};

use super::{
    super::form::{Fault, Posted, Why},
    *,
};

const ADDRESS: &str = "https://go.example/ada-page";
const PAYLOADS: &str = include_str!("../../tests/payloads/markup.txt");

fn picture(width: u32, height: u32) -> Picture {
    Picture { url: "https://example.com/a.png".into(), name: PictureName::of(b"pixels", Format::Png), width, height }
}

fn url(text: &str) -> WebUrl {
    WebUrl::parse(text).expect("a url")
}

/// A page with a block of each kind, and the same words wherever words can be.
fn page(words: &str) -> BioPage {
    let own = || words.to_owned();
    let price = Price::parse("19.99", Currency::parse("USD").expect("a currency")).expect("a price");
    let profile = |platform, url: &str| Profile { platform, url: url.into() };
    let blocks = vec![
        Data::Link { title: own(), url: url("https://example.com/a").into(), thumbnail: Some(picture(192, 192)) },
        Data::Header { text: own() },
        Data::Image {
            picture: picture(1280, 800),
            alt: own(),
            link: Some(url("https://example.com/b")),
            caption: Some(own()),
        },
        Data::Video(Video {
            title: Some(own()),
            ..Video::parse("https://vimeo.com/76979871/abcdef0123").expect("a video")
        }),
        Data::Social {
            profiles: vec![
                profile(Platform::Mastodon, "https://social.example/@ada"),
                profile(Platform::Email, "mailto:ada@example.com"),
                profile(Platform::GitHub, "https://github.com/ada"),
            ],
        },
        Data::Email {
            mode: EmailMode::Contact,
            title: own(),
            button_text: own(),
            success_message: own(),
            notify_email: None,
        },
        Data::Spotify(Spotify {
            title: Some(own()),
            ..Spotify::parse("https://open.spotify.com/album/4uLU6hMCjMI75M1A2tKUQC").expect("music")
        }),
        Data::Product {
            title: own(),
            picture: picture(600, 400),
            price,
            url: url("https://example.com/c"),
            button_text: own(),
        },
        Data::Text { content: "Some *words*".into() },
    ];
    let now = Time::from_unix_millis(1_774_360_800_000);
    let block =
        |(id, data)| Block { id: BlockId::from_bits(id), data, is_visible: true, starts_at: None, ends_at: None };
    BioPage {
        id: PageId::from_bits(1),
        domain: "go.example".into(),
        slug: Slug::parse("ada-page").expect("a slug"),
        content: Content {
            title: own(),
            description: Some(own()),
            avatar: Some(picture(384, 384)),
            language: Some(Language::parse("en").expect("a language")),
            theme: Theme::default(),
            blocks: (1..).zip(blocks).map(block).collect(),
        },
        published_at: Some(now),
        views: 0,
        version: 3,
        created_at: now,
        updated_at: now,
    }
}

fn shown_as(page: &BioPage, audience: Audience) -> Rendered {
    render(page, &Showing { address: ADDRESS, audience, filled: None }, page.updated_at)
}

fn text(rendered: &Rendered) -> String {
    String::from_utf8(rendered.html.to_vec()).expect("text")
}

/// The tags of a document with the names of their attributes, and with the values of those that lead somewhere.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let (mut tag, mut value, mut quoted) = (String::new(), String::new(), false);
        let mut end = 0;
        for letter in rest.chars() {
            end += letter.len_utf8();
            match letter {
                '"' => {
                    quoted = !quoted;
                    if !quoted && ["href=", "src=", "action="].iter().any(|name| tag.ends_with(name)) {
                        tag += &value;
                    }
                    value.clear();
                }
                '>' if !quoted => break,
                letter if quoted => value.push(letter),
                letter => tag.push(letter),
            }
        }
        rest = &rest[end..];
        // What stands in the style and in the data is not markup, and has no tag in it: see the tests of both.
        if tag.starts_with("style") || tag.starts_with("script") {
            rest = rest.split_once("</").map_or("", |(_, after)| after);
        }
        tags.push(tag);
    }
    tags
}

#[test]
fn what_is_typed_is_text_wherever_it_stands() {
    let plain = skeleton(&text(&shown_as(&page("Ada"), Audience::Public)));
    let payloads: Vec<&str> = PAYLOADS.lines().collect();
    assert!(payloads.len() >= 200 && plain.len() > 60, "{} {}", payloads.len(), plain.len());
    for payload in payloads {
        let html = text(&shown_as(&page(payload), Audience::Public));
        assert_eq!(skeleton(&html), plain, "{payload}");
    }
}

#[test]
fn what_was_typed_into_a_form_is_text_too() {
    let filled = |typed: &str| {
        let typed = || typed.to_owned();
        let posted = Posted { email: typed(), name: typed(), message: typed(), is_letter: true, ..Posted::default() };
        let fault = |field| Fault { field, why: Why::Refused(mask_core::Refused::saying(typed())) };
        let faults = vec![fault(""), fault("name"), fault("email"), fault("message")];
        let filled = Filled { block: Some(BlockId::from_bits(6)), posted: &posted, faults };
        let page = page("Ada");
        let showing = Showing { address: ADDRESS, audience: Audience::Public, filled: Some(&filled) };
        text(&render(&page, &showing, page.updated_at))
    };
    let lost = |typed: &str| {
        let posted = Posted { message: typed.to_owned(), ..Posted::default() };
        let filled = Filled { block: None, posted: &posted, faults: Vec::new() };
        let page = page("Ada");
        let showing = Showing { address: ADDRESS, audience: Audience::Public, filled: Some(&filled) };
        text(&render(&page, &showing, page.updated_at))
    };
    let plain_lost = lost("Ada");
    assert!(plain_lost.contains(">\nAda</textarea>") && !plain_lost.contains("aria-invalid="), "{plain_lost}");
    let plain = filled("Ada");
    assert!(plain.contains("value=\"Ada\"") && plain.contains(">\nAda</textarea>"), "what was typed is still there");
    assert_eq!(plain.matches(" autofocus").count(), 0, "the first fault is the whole form's");
    assert_eq!(plain.matches("aria-invalid=").count(), 3);
    for payload in PAYLOADS.lines() {
        assert_eq!(skeleton(&filled(payload)), skeleton(&plain), "{payload}");
        assert_eq!(skeleton(&lost(payload)), skeleton(&plain_lost), "{payload}");
    }
}

#[test]
fn a_text_has_the_markup_of_its_writer_and_nothing_else() {
    for payload in PAYLOADS.lines() {
        let mut page = page("Ada");
        page.content.blocks =
            vec![Block { data: Data::Text { content: payload.into() }, ..page.content.blocks[0].clone() }];
        let html = text(&shown_as(&page, Audience::Public));
        let start = html.find("<div class=\"text\"").expect("the text");
        for tag in skeleton(&html[start..html.find("</main>").expect("an end")]) {
            let (name, attributes) = tag.split_once([' ', '/']).unwrap_or((&tag, ""));
            assert!(
                !name.starts_with("script") && !["img", "svg", "iframe", "style", "form", "base"].contains(&name),
                "{payload}: {tag}"
            );
            let is_known = |attribute: &&str| {
                ["class=", "dir=", "rel=", "start="].contains(attribute)
                    || attribute
                        .strip_prefix("href=")
                        .is_some_and(|href| ["?to=blk_", "mailto:", "tel:"].iter().any(|begin| href.starts_with(begin)))
            };
            let unknown: Vec<&str> = attributes
                .split_whitespace()
                .filter(|attribute| attribute.contains('=') && !is_known(attribute))
                .collect();
            assert!(unknown.is_empty(), "{payload}: {tag}");
        }
    }
}

#[test]
fn the_data_of_a_profile_cannot_end_its_element() {
    let html = text(&shown_as(&page("</script><script>alert(1)</script>\u{2028}"), Audience::Public));
    let data = html.split_once("<script type=\"application/ld+json\">").expect("data").1;
    let data = data.split_once("</script>").expect("an end").0;
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["@type"], "ProfilePage");
    assert_eq!(data["mainEntity"]["name"], "</script><script>alert(1)</script>\u{2028}");
    assert_eq!(
        data["mainEntity"]["sameAs"],
        serde_json::json!(["https://social.example/@ada", "https://github.com/ada"])
    );
    assert_eq!(html.matches("<script").count(), 2);
}

#[test]
fn the_policy_is_as_narrow_as_the_page() {
    let full = shown_as(&page("Ada"), Audience::Public);
    let policy = full.policy.to_str().expect("text");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-src https://player.vimeo.com https://open.spotify.com;",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "font-src 'self'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("youtube") && !policy.contains("unsafe"), "{policy}");
    let html = text(&full);
    let style = html.split_once("<style>").expect("a style").1.split_once("</style>").expect("an end").0;
    assert!(policy.contains(&format!("style-src 'sha256-{}'", STANDARD.encode(Sha256::digest(style)))));
    assert!(!html.contains(" style=\""), "no policy would let it through");

    let mut bare = page("Ada");
    bare.content.blocks.truncate(2);
    bare.content.theme.font = Some(Font::System);
    let bare = shown_as(&bare, Audience::Public);
    let policy = bare.policy.to_str().expect("text");
    assert!(policy.contains("form-action 'none'"), "{policy}");
    assert!(
        !policy.contains("script-src") && !policy.contains("frame-src") && !policy.contains("font-src"),
        "{policy}"
    );
    assert!(!text(&bare).contains("<script src") && !text(&bare).contains("preload"));
}

#[test]
fn messengers_are_told_title_picture_and_words() {
    let mut page = page("Ada <&\" Lovelace");
    let html = text(&shown_as(&page, Audience::Public));
    let card = format!("https://go.example/-/card/{}-3.png", page.id);
    let named = "Ada &#60;&#38;&#34; Lovelace";
    for (kind, name, content) in [
        ("property", "og:title", named),
        ("property", "og:description", named),
        ("property", "og:url", ADDRESS),
        ("property", "og:image", &card),
        ("property", "og:image:width", "1200"),
        ("property", "og:image:height", "630"),
        ("name", "twitter:card", "summary_large_image"),
        ("name", "twitter:title", named),
        ("name", "twitter:description", named),
        ("name", "twitter:image", &card),
        ("name", "twitter:image:alt", named),
    ] {
        assert_eq!(html.matches(&format!("<meta {kind}=\"{name}\" content=\"{content}\">")).count(), 1, "{name}");
    }
    page.content.description = None;
    let preview = text(&shown_as(&page, Audience::Preview));
    assert!(preview.contains("\"twitter:card\" content=\"summary\"") && preview.contains("\"twitter:title\""));
    assert!(!preview.contains("twitter:image") && !preview.contains("twitter:description"));
}

/// A page in a language.
fn page_in(words: &str, language: Option<&str>) -> BioPage {
    let mut page = page(words);
    page.content.language = language.map(|language| Language::parse(language).expect("a language"));
    page
}

/// The same, and its players have no titles.
fn untitled(words: &str, language: Option<&str>) -> BioPage {
    let mut page = page_in(words, language);
    for block in &mut page.content.blocks {
        match &mut block.data {
            Data::Video(Video { title, .. }) | Data::Spotify(Spotify { title, .. }) => *title = None,
            _ => {}
        }
    }
    page
}

#[test]
fn a_page_says_its_language_and_speaks_it() {
    for (words, language, expected, ours) in [
        (
            "Ada",
            None,
            "lang=\"en\" dir=\"ltr\"",
            ["This is a preview.", "Your email", "Play the video on Vimeo", "Album"],
        ),
        (
            "Ada",
            Some("en-GB"),
            "lang=\"en-GB\" dir=\"ltr\"",
            ["This is a preview.", "Your message", "Vimeo video", "$19.99"],
        ),
        (
            "شيرين",
            None,
            "lang=\"ar\" dir=\"rtl\"",
            ["هذه معاينة", "الاسم (اختياري)", "تشغيل الفيديو على Vimeo", "ألبوم"],
        ),
        ("שלום", None, "lang=\"he\" dir=\"rtl\"", ["זוהי תצוגה מקדימה", "הודעה", "סרטון ב־Vimeo", "אלבום"]),
        (
            "Ada",
            Some("pt-BR"),
            "lang=\"pt-BR\" dir=\"ltr\"",
            ["uma prévia", "A sua mensagem", "Vídeo no Vimeo", "$\u{a0}19,99"],
        ),
        (
            "Ada",
            Some("de"),
            "lang=\"de\" dir=\"ltr\"",
            ["eine Vorschau", "Nachricht", "Auf Spotify abspielen", "19,99\u{a0}$"],
        ),
    ] {
        let html = text(&shown_as(&untitled(words, language), Audience::Preview));
        assert!(html.starts_with(&format!("<!doctype html>\n<html {expected}>")), "{words} {language:?}");
        for ours in ours {
            assert!(html.contains(ours), "{words} {language:?}: {ours}");
        }
        assert!(
            !html.contains("<bdi lang") && !html.contains("data-lang"),
            "{words} {language:?}: it is all one language"
        );
        assert!(language.is_none_or(|tag| tag.starts_with("en")) || !html.contains("Your"), "{words} {language:?}");
    }
    assert!(text(&shown_as(&untitled("שלום", None), Audience::Public)).contains("\"inLanguage\":\"he\""));
}

#[test]
fn english_on_a_page_in_a_language_that_we_do_not_speak_is_marked() {
    for (words, language) in [("Ada", Some("sv")), ("Ελένη", None), ("Shirin", Some("ar-Latn"))] {
        let html = text(&shown_as(&untitled(words, language), Audience::Preview));
        for ours in ["This is a preview.", "Your email", "Your message", "Play the video on Vimeo", "Play on Spotify"] {
            assert!(html.contains(&format!("<bdi lang=\"en\">{ours}")), "{words}: {ours}");
        }
        assert!(html.contains("rel=\"me noopener nofollow ugc\" lang=\"en\" aria-label"), "{words}");
        assert_eq!(html.matches("data-lang=\"en\"").count(), 2, "{words}");
        assert!(html.contains("data-title=\"Vimeo video\"") && html.contains("data-title=\"Album on Spotify\""));
        let titled = text(&shown_as(&page_in(words, language), Audience::Public));
        assert!(!titled.contains("data-lang"), "{words}: the players have titles of their own");
    }
}

#[test]
fn a_player_has_the_title_that_its_owner_gave() {
    let html = text(&shown_as(&page("A talk"), Audience::Public));
    assert_eq!(html.matches("data-title=\"A talk\"").count(), 2);
    assert!(html.contains("<span><b dir=\"auto\">A talk</b>Play the video on Vimeo</span>"), "{html}");
    assert!(html.contains("<span><b dir=\"auto\">A talk</b><small>Album on Spotify</small></span>"), "{html}");
}

#[test]
fn links_lead_by_way_of_the_page() {
    let page = page("Ada");
    let html = text(&shown_as(&page, Audience::Public));
    let blocks = &page.content.blocks;
    for href in [
        format!("\"?to={}\"", blocks[0].id),
        format!("\"?to={}&#38;n=2\"", blocks[4].id),
        format!("\"?to={}\"", blocks[3].id),
        "\"mailto:ada@example.com\"".to_owned(),
    ] {
        assert!(html.contains(&format!("href={href}")), "{href}");
    }
    assert!(
        html.contains("data-player=\"https://player.vimeo.com/video/76979871?autoplay=1&#38;dnt=1&#38;h=abcdef0123\"")
    );
    assert!(html.contains("<link rel=\"canonical\" href=\"https://go.example/ada-page\">"));
    assert!(html.contains(&format!("content=\"https://go.example/-/card/{}-3.png\"", page.id)));
    let preview = text(&shown_as(&page, Audience::Preview));
    assert!(!preview.contains("?to=") && preview.contains("href=\"https://example.com/a\""));
    assert!(preview.contains("noindex") && !preview.contains("og:image\""));
    assert!(!html.contains("noindex"));
}

#[test]
fn pictures_have_their_place_before_they_are_there() {
    let html = text(&shown_as(&page("Ada"), Audience::Public));
    let pictures: Vec<&str> =
        html.match_indices("<img").map(|(at, _)| html[at..].split('>').next().expect("a tag")).collect();
    assert_eq!(pictures.len(), 4);
    for picture in &pictures {
        assert!(
            picture.contains(" width=\"") && picture.contains(" height=\"") && picture.contains(" alt=\""),
            "{picture}"
        );
        assert!(picture.contains("src=\"/-/img/"), "{picture}");
    }
    assert_eq!(
        pictures.iter().filter(|picture| picture.contains("loading=\"lazy\"")).count(),
        1,
        "what is further down"
    );
}

#[test]
fn a_page_is_small_and_says_until_when_it_holds() {
    let mut page = page("Ada Lovelace");
    let rendered = shown_as(&page, Audience::Public);
    assert!(rendered.html.len() < 24 * 1024, "{}", rendered.html.len());
    assert_eq!((weight(&page, ADDRESS), rendered.until), (rendered.html.len(), None));
    let soon = Time::from_unix_millis(page.updated_at.unix_millis() + 60_000);
    page.content.blocks[0].starts_at = Some(soon);
    let before = shown_as(&page, Audience::Public);
    assert_eq!(before.until, Some(soon));
    assert!(before.html.len() < rendered.html.len() && before.etag != rendered.etag);
    assert_eq!(weight(&page, ADDRESS), rendered.html.len(), "what is going to be shown counts");
    page.content.blocks[0].is_visible = false;
    assert!(weight(&page, ADDRESS) < rendered.html.len());
    let showing = Showing { address: ADDRESS, audience: Audience::Public, filled: None };
    assert_eq!(render(&page, &showing, soon).until, None);
}

#[test]
fn every_preset_stays_light() {
    for preset in Preset::ALL {
        let mut page = page("Ada Lovelace");
        page.content.theme = Theme { preset, ..Theme::default() };
        let rendered = shown_as(&page, Audience::Public);
        assert!(rendered.html.len() < 24 * 1024, "{preset:?} {}", rendered.html.len());
    }
}
