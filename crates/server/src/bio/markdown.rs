//! The part of Markdown that a text may use, as markup that cannot do any harm.
//!
//! Paragraphs, emphasis, lists, quotations, code, rules, links and two ranks of headlines; no pictures (they would be
//! fetched from strangers) and no markup of the writer's own, which is shown as the text that it is. Twice over: what the
//! reader of Markdown gives is rebuilt from events, of which only these are let through, and the result is sanitised as if
//! nobody had.
//!
//! A headline is of rank two, and of rank three only below one, so that the outline of the page has no gaps. A line that
//! ends is a line that ends, as whoever fills in a field expects.
//!
//! Links to the web go by way of the page, as those of all blocks do: what the sanitiser let through is handed to the caller,
//! who says where it leads from here ([`html`]), and in the same way they are listed ([`links`]).

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::leads;

const TAGS: [&str; 15] =
    ["a", "blockquote", "br", "code", "del", "em", "h2", "h3", "hr", "li", "ol", "p", "pre", "strong", "ul"];

const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];

/// What lets through only what a text may have. Addresses that name no scheme are let through here and dropped by the filter
/// of attributes, whose own are such: an address is looked at again after it.
fn sanitiser() -> Builder<'static> {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .generic_attributes(HashSet::new())
        .tag_attributes([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))].into())
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener nofollow ugc"));
    builder
}

/// The markup of a text. `lead` says where a link to the web, to this address, leads from the page.
pub(super) fn html(text: &str, lead: impl Fn(String) -> String + Send + Sync + 'static) -> String {
    let mut ranks = Ranks::default();
    let events = Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).filter_map(|event| ranks.passed(event));
    let mut markup = String::with_capacity(text.len() + text.len() / 4);
    html::push_html(&mut markup, events);
    let mut sanitiser = sanitiser();
    sanitiser.attribute_filter(move |_, attribute, value| match attribute {
        "href" => href(value, &lead),
        _ => Some(Cow::Borrowed(value)),
    });
    sanitiser.clean(&markup).to_string()
}

/// Where a link leads from the page; nowhere if that is not for a text to say.
fn href<'v>(url: &'v str, lead: &impl Fn(String) -> String) -> Option<Cow<'v, str>> {
    match leads::of_text(url) {
        Some(url) => Some(Cow::Owned(lead(url))),
        None => ["mailto:", "tel:"].iter().any(|scheme| url.starts_with(scheme)).then_some(Cow::Borrowed(url)),
    }
}

/// The addresses of a text's links to the web, each once.
pub(super) fn links(text: &str) -> Vec<String> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&found);
    html(text, move |url| {
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.contains(&url) {
            list.push(url.clone());
        }
        url
    });
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *found)
}

/// What is known of the headlines so far, and whether what is read is a picture's.
#[derive(Default)]
struct Ranks {
    has_second: bool,
    current: Option<HeadingLevel>,
}

impl Ranks {
    fn passed<'t>(&mut self, event: Event<'t>) -> Option<Event<'t>> {
        Some(match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let is_third = self.has_second && level > HeadingLevel::H2;
                let level = if is_third { HeadingLevel::H3 } else { HeadingLevel::H2 };
                self.has_second = true;
                self.current = Some(level);
                Event::Start(Tag::Heading { level, id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(self.current.unwrap_or(HeadingLevel::H2))),
            // Of a picture stays what is said in its place.
            Event::Start(Tag::Image { .. } | Tag::HtmlBlock) | Event::End(TagEnd::Image | TagEnd::HtmlBlock) => {
                return None;
            }
            Event::Html(markup) | Event::InlineHtml(markup) => Event::Text(trimmed(markup)),
            Event::SoftBreak => Event::HardBreak,
            event => event,
        })
    }
}

fn trimmed(markup: CowStr<'_>) -> CowStr<'_> {
    let trimmed = markup.trim_end_matches('\n');
    if trimmed.len() == markup.len() { markup } else { trimmed.to_owned().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        super::html(text, |url| url)
    }

    #[test]
    fn what_a_text_may_use() {
        for (text, markup) in [
            (
                "Hello *you*, **you** and ~~you~~",
                "<p>Hello <em>you</em>, <strong>you</strong> and <del>you</del></p>\n",
            ),
            ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
            ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
            ("3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>\n"),
            ("> q", "<blockquote>\n<p>q</p>\n</blockquote>\n"),
            ("`x < y`", "<p><code>x &lt; y</code></p>\n"),
            ("### a\n# b\n### c", "<h2>a</h2>\n<h2>b</h2>\n<h3>c</h3>\n"),
            (
                "[site](https://e.com/?a=1&b)",
                "<p><a href=\"https://e.com/?a=1&amp;b\" rel=\"noopener nofollow ugc\">site</a></p>\n",
            ),
            ("<https://e.com>", "<p><a href=\"https://e.com/\" rel=\"noopener nofollow ugc\">https://e.com</a></p>\n"),
            ("![a cat](https://e.com/cat.png)", "<p>a cat</p>\n"),
            ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n"),
            ("<div>\nx\n</div>", "&lt;div&gt;x&lt;/div&gt;"),
        ] {
            assert_eq!(html(text), markup, "{text}");
        }
    }

    #[test]
    fn a_link_leads_to_the_web_a_mailbox_or_a_telephone() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc",
            "//e.com",
            "/x",
            "#x",
            "x",
        ] {
            let markup = html(&format!("[x](<{address}>)"));
            assert!(!markup.contains("href"), "{markup}");
        }
        for address in ["mailto:a@e.com", "tel:+4420", "http://e.com/"] {
            assert!(html(&format!("[x]({address})")).contains(&format!("href=\"{address}\"")), "{address}");
        }
    }

    #[test]
    fn who_renders_says_where_the_web_is_reached() {
        let markup =
            super::html("[a](https://e.com/x?y&z) [m](mailto:a@e.com) [r](?to=x) [u](https://u:p@e.com)", |url| {
                format!("?to=\"{url}")
            });
        assert_eq!(
            markup,
            "<p><a href=\"?to=&quot;https://e.com/x?y&amp;z\" rel=\"noopener nofollow ugc\">a</a> \
             <a href=\"mailto:a@e.com\" rel=\"noopener nofollow ugc\">m</a> \
             <a rel=\"noopener nofollow ugc\">r</a> <a rel=\"noopener nofollow ugc\">u</a></p>\n"
        );
        assert_eq!(links("[a](https://e.com) <https://e.com/> [m](mailto:a@e.com)"), ["https://e.com/"]);
    }

    proptest::proptest! {
        #[test]
        fn only_what_may_be_there_is_there(text in r#"[ -~\n]{0,60}|([<>"'/!\[\]()`#*]|script|img|svg|onload=|javascript:|a){0,30}"#) {
            let markup = html(&text);
            for tag in markup.split('<').skip(1) {
                let name = tag.trim_start_matches('/');
                let name = &name[..name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len())];
                proptest::prop_assert!(TAGS.contains(&name), "{} {}", name, markup);
            }
        }
    }
}
