//! Where the links of a page lead that go by way of it, and the numbers that tell those of one block apart.
//!
//! Profiles have their places in the list. A link of a text has a number that follows from its address: a text is edited while
//! people look at it, and a place in it would then be another link's. What was taken out leads nowhere, and so back to the page.
//!
//! A mailbox or a telephone is reached from the page itself: a browser follows a redirect to one here and not there, and inside
//! other apps hardly ever. So their clicks are not counted, and no way leads there by way of the page.

use mask_core::bio_page::block::{Block, Data};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::markdown;

/// All that a block leads to on the web, each with its number.
pub fn leads(block: &Block) -> Vec<(u32, String)> {
    match &block.data {
        Data::Text { content } => markdown::links(content).into_iter().map(|url| (number(&url), url)).collect(),
        Data::Social { profiles } => {
            let urls = profiles.iter().map(|profile| profile.url.clone());
            (0..).zip(urls).filter(|(_, url)| is_web(url)).collect()
        }
        data => data.destination(0).filter(|url| is_web(url)).map(|url| (0, url.to_owned())).into_iter().collect(),
    }
}

/// Whether a link of a block goes by way of the page. Of a text, links to the web that is not encrypted do so too.
pub(super) fn is_web(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// The address to send for a link of a text, where it is one to the web: in letters that a header can hold.
pub(super) fn of_text(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| ["https", "http"].contains(&url.scheme()))?;
    let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
    is_plain.then(|| url.into())
}

/// The number of a link of a text.
pub(super) fn number(url: &str) -> u32 {
    let digest = Sha256::digest(url);
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use mask_core::{
        bio_page::{
            lead::Lead,
            social::{Platform, Profile},
        },
        id::BlockId,
    };

    use super::*;

    fn of(data: Data) -> Vec<(u32, String)> {
        leads(&Block { id: BlockId::from_bits(1), data, is_visible: true, starts_at: None, ends_at: None })
    }

    #[test]
    fn only_the_web_is_reached_by_way_of_the_page() {
        let link =
            |url: &str| of(Data::Link { title: "A".into(), url: Lead::parse(url).expect("a lead"), thumbnail: None });
        assert_eq!(link("https://example.com/a"), [(0, "https://example.com/a".to_owned())]);
        assert_eq!((link("mailto:ada@example.com"), link("tel:+442079460000")), (vec![], vec![]));
        let profile = |url: &str| Profile { platform: Platform::Website, url: url.into() };
        let profiles = vec![profile("mailto:a@example.com"), profile("https://one.example"), profile("javascript:x")];
        assert_eq!(of(Data::Social { profiles }), [(1, "https://one.example".to_owned())], "places stay");
        assert_eq!(of(Data::Header { text: "A".into() }), []);
    }

    #[test]
    fn links_of_a_text_keep_their_numbers() {
        let text = |content: &str| of(Data::Text { content: content.into() });
        let both =
            text("[a](https://one.example/?x=1&y) and [b](http://two.example) and [c](https://one.example/?x=1&y)");
        let mut urls: Vec<_> = both.iter().map(|(_, url)| url.as_str()).collect();
        urls.sort_unstable();
        assert_eq!(urls, ["http://two.example/", "https://one.example/?x=1&y"], "each once");
        let alone = text("[d](http://two.example)");
        assert!(both.contains(&alone[0]), "whatever stands before it");
        let none =
            "<mailto:a@example.com> [t](tel:+44) [j](javascript:x) [r](/x) [u](https://a:b@e.com) ![i](https://e.com)";
        assert_eq!(text(none), []);
        assert_eq!(text("[x](https://bücher.example/ü)")[0].1, "https://xn--bcher-kva.example/%C3%BC");
    }
}
