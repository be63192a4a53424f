//! The style of a page: only the rules for what it shows, on the page itself.
//!
//! A file of its own would be fetched once for all pages and before anything of the first one is seen; nearly every visitor
//! of a bio page sees one page, once. On the page it is a few kilobytes, allowed by its hash, and the first paint waits for
//! nothing.

use mask_core::bio_page::block::Kind;

/// A part of the style, and the blocks that need it.
struct Part {
    text: &'static str,
    kinds: &'static [Kind],
}

macro_rules! parts {
    ($($file:literal for $($kind:ident)*;)+) => {
        &[$(Part {
            text: include_str!(concat!("../../templates/bio/style/", $file, ".css")),
            kinds: &[$(Kind::$kind),*],
        }),+]
    };
}

const BASE: &str = include_str!("../../templates/bio/style/base.css");
const PARTS: &[Part] = parts! {
    "link" for Link;
    "heading" for Header;
    "text" for Text;
    "image" for Image;
    "player" for Video Spotify;
    "video" for Video;
    "spotify" for Spotify;
    "social" for Social;
    "product" for Product;
    "email" for Email;
};

/// The rules for a page with these kinds of blocks.
pub(super) fn rules(has: impl Fn(Kind) -> bool) -> String {
    let needed = PARTS.iter().filter(|part| part.kinds.iter().any(|kind| has(*kind)));
    std::iter::once(BASE).chain(needed.map(|part| part.text)).map(pressed).collect()
}

/// Without comments, line ends and the blanks that only people need. A comment is one line and stands alone on it.
fn pressed(css: &str) -> String {
    let lines = css.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("/*"));
    let mut pressed: String = lines.collect();
    for (long, short) in [(" {", "{"), ("{ ", "{"), (" }", "}"), (": ", ":"), ("; ", ";"), (";}", "}"), (", ", ",")] {
        pressed = pressed.replace(long, short);
    }
    pressed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_rules_for_what_it_shows() {
        let none = rules(|_| false);
        assert!(none.contains("h1{") && !none.contains(".email") && !none.contains("/*"));
        let all = rules(|_| true);
        assert!(all.len() < 9 * 1024, "{}", all.len());
        for kind in Kind::ALL {
            let own = rules(|shown| shown == kind);
            assert!(own.len() > none.len() && own.len() < all.len(), "{kind:?}");
        }
        assert_eq!(all.matches('{').count(), all.matches('}').count());
        assert!(!all.contains("</"));
    }

    #[test]
    fn rules_are_pressed_without_a_change_of_meaning() {
        let css = "/* A comment. */\n.a, .b {\n  margin: 0 auto;\n  color: red;\n}\n@media (min-width: 30rem) {\n  .a:has(img) b { top: 0; }\n}\n";
        assert_eq!(pressed(css), ".a,.b{margin:0 auto;color:red}@media (min-width:30rem){.a:has(img) b{top:0}}");
    }
}
