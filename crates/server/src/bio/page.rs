//! A page as it is sent: the document, and the policy that it may be sent under.
//!
//! It is made once for each change of the page, and once for each moment at which a block of it comes or goes; after that
//! it is bytes. Everything that a user typed is escaped by a template, or is in the one place where markup of theirs is
//! rebuilt ([`markdown`]). The policy is written from what the page has: no script but ours and only where there
//! is something to click, the style by its hash, frames of a player only where that player is, a form only where there is one.

use std::fmt::Write as _;

use askama::Template;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use hyper::header::HeaderValue;
use mask_core::{
    bio_page::{
        BioPage,
        block::{Block, Data, Kind},
        language::Language,
        media::Provider,
        theme::Font,
    },
    colour::Colour,
    time::Time,
};
use sha2::{Digest as _, Sha256};

use super::{
    assets, blocks,
    compose::{self, Composer},
    fonts,
    form::{Filled, Posted},
    head, style, theme,
    words::Ours,
};
use crate::redirect::pages::ICON;

/// A page, ready to be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The document.
    pub html: Bytes,
    /// Its content security policy.
    pub policy: HeaderValue,
    /// Its entity tag, in quotation marks.
    pub etag: HeaderValue,
    /// Until when it looks as it does, if it is going to look otherwise by itself.
    pub until: Option<Time>,
}

/// For whom a page is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Public,
    /// Its owner, who looks at it before it is public: nothing there is counted, and search engines are sent away.
    Preview,
}

/// What a page is made for.
#[derive(Clone, Copy, Debug)]
pub struct Showing<'a> {
    /// The page's address, as people follow it.
    pub address: &'a str,
    /// For whom.
    pub audience: Audience,
    /// What has just been sent with one of its forms, where something about it is wrong.
    pub filled: Option<&'a Filled<'a>>,
}

/// Makes the page as visitors see it at this moment.
pub fn render(page: &BioPage, showing: &Showing<'_>, now: Time) -> Rendered {
    let blocks: Vec<&Block> = page.shown(now).collect();
    render_with(page, showing, &blocks, page.changes_at(now))
}

/// How many bytes the page has before pictures, with every block that visitors may ever see.
pub fn weight(page: &BioPage, address: &str) -> usize {
    let blocks: Vec<&Block> = page.content.blocks.iter().filter(|block| block.is_visible).collect();
    let showing = Showing { address, audience: Audience::Public, filled: None };
    render_with(page, &showing, &blocks, None).html.len()
}

/// Most bytes of a page before pictures.
pub const MOST_BYTES: usize = 30 * 1024;

#[derive(Template)]
#[template(path = "bio/page.html")]
struct PageTemplate<'a> {
    page: View<'a>,
}

struct View<'a> {
    language: &'a str,
    direction: &'static str,
    ours: Ours,
    title: &'a str,
    description: Option<&'a str>,
    address: &'a str,
    is_preview: bool,
    /// What was typed into a form that is there no more.
    lost: Option<&'a Posted>,
    avatar: Option<blocks::Shown>,
    card: Option<String>,
    profiles: Vec<&'a str>,
    preload: Option<String>,
    colour_scheme: &'static str,
    theme_colours: Vec<(Colour, &'static str)>,
    shape: &'static str,
    style: &'a str,
    json_ld: String,
    script: Option<&'static str>,
    blocks: Vec<String>,
}

fn render_with(page: &BioPage, showing: &Showing<'_>, shown: &[&Block], until: Option<Time>) -> Rendered {
    let content = &page.content;
    let has = |kind: Kind| shown.iter().any(|block| block.data.kind() == kind);
    let is_preview = showing.audience == Audience::Preview;
    let has_players = has(Kind::Video) || has(Kind::Spotify);

    let mut words = compose::words(page, shown);
    let language = content.language.clone().unwrap_or_else(|| Language::of_words(&words));
    let composer = Composer { showing, slug: page.slug.as_str(), ours: Ours::on(&language) };
    words.extend(shown.iter().map(|block| composer.words_of(block)));
    let lost = showing.filled.filter(|filled| filled.block.is_none()).map(|filled| filled.posted);
    let paint = theme::paint(&content.theme);
    let (faces, preload) = if content.theme.look().font == Font::Inter {
        fonts::faces(&words, assets::font_address)
    } else {
        (String::new(), None)
    };
    let style = faces + &paint.style + &style::rules(|kind| has(kind) || kind == Kind::Email && lost.is_some());
    let origin = showing.address.strip_suffix(page.slug.as_str()).unwrap_or_default().trim_end_matches('/');
    let view = View {
        language: language.as_str(),
        direction: language.direction().as_str(),
        ours: composer.ours,
        title: &content.title,
        description: content.description.as_deref(),
        address: showing.address,
        is_preview,
        lost,
        avatar: content.avatar.as_ref().map(compose::shown),
        card: (!is_preview).then(|| format!("{origin}{}", assets::card_address(page.id, page.version))),
        profiles: compose::web_profiles(shown).collect(),
        preload,
        colour_scheme: paint.colour_scheme,
        theme_colours: paint.around,
        shape: paint.shape,
        style: &style,
        json_ld: head::json_ld(page, &language, (showing.address, origin), compose::web_profiles(shown)),
        script: has_players.then(assets::script_address),
        blocks: shown.iter().enumerate().map(|(place, block)| composer.block(block, place)).collect(),
    };
    let html = Bytes::from(blocks::written(&PageTemplate { page: view }));
    let policy = policy(&style, shown, content.theme.look().font == Font::Inter);
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&html)[..15]));
    Rendered {
        html,
        policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
        until,
    }
}

/// What the page may load and do. Nothing of it connects to anything; but who judges pages (Lighthouse) asks for `robots.txt` by
/// way of the page, and no script is let in that could make use of it.
fn policy(style: &str, shown: &[&Block], has_font: bool) -> String {
    type Wanted = fn(&Data) -> bool;
    let has = |wanted: Wanted| shown.iter().any(|block| wanted(&block.data));
    let hash = STANDARD.encode(Sha256::digest(style));
    let mut policy = format!("default-src 'none'; style-src 'sha256-{hash}'; img-src 'self' data:; connect-src 'self'");
    if has_font {
        policy += "; font-src 'self'";
    }
    let players: [(&str, Wanted); 3] = [
        (
            "https://www.youtube-nocookie.com",
            |data| matches!(data, Data::Video(video) if video.provider == Provider::YouTube),
        ),
        ("https://player.vimeo.com", |data| matches!(data, Data::Video(video) if video.provider == Provider::Vimeo)),
        ("https://open.spotify.com", |data| matches!(data, Data::Spotify(_))),
    ];
    let hosts: Vec<&str> = players.iter().filter(|(_, wanted)| has(*wanted)).map(|(host, _)| *host).collect();
    if !hosts.is_empty() {
        let _ = write!(policy, "; script-src 'self'; frame-src {}", hosts.join(" "));
    }
    let form = if has(|data| matches!(data, Data::Email { .. })) { "'self'" } else { "'none'" };
    let _ = write!(policy, "; form-action {form}; base-uri 'none'; frame-ancestors 'none'");
    policy
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
