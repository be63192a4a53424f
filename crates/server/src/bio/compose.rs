//! From what a block is to what is written of it: addresses, players, prices, fields.

use std::fmt::Write as _;

use mask_core::{
    bio_page::{
        BioPage,
        block::{Block, Data, EmailMode, Kind},
        media::{Provider, Spotify, SpotifyKind, Video},
        price::Price,
    },
    mail,
    picture::Picture,
    subscriber,
};
use url::Url;

use super::{
    assets, blocks,
    blocks::{Field, Shown, written},
    form::{self, Filled},
    icons, markdown,
    page::{Audience, Showing},
};

/// Blocks of which a picture is likely to be seen at once.
const EARLY: usize = 6;

/// Writes the blocks of one page.
pub(super) struct Composer<'a> {
    pub(super) showing: &'a Showing<'a>,
    pub(super) slug: &'a str,
}

impl Composer<'_> {
    /// The markup of a block at this place.
    pub(super) fn block(&self, block: &Block, place: usize) -> String {
        let is_late = place >= EARLY;
        let href = |url: &str| self.href(block, 0, url);
        match &block.data {
            Data::Link { title, url, thumbnail } => written(&blocks::Link {
                href: href(url.as_str()),
                title,
                thumbnail: thumbnail.as_ref().map(shown),
                is_late,
            }),
            Data::Header { text } => written(&blocks::Heading { text }),
            Data::Text { content } => written(&blocks::Text { html: markdown::html(content) }),
            Data::Image { picture, alt, link, caption } => written(&blocks::Image {
                picture: shown(picture),
                alt,
                caption: caption.as_deref(),
                href: link.as_ref().map(|url| href(url.as_str())),
                host: link.as_ref().map(|url| url.host_and_path().0).unwrap_or_default(),
                is_late,
            }),
            Data::Video(video) => written(&self.video(block, video)),
            Data::Social { profiles } => {
                let profiles = profiles.iter().enumerate().map(|(place, profile)| blocks::Profile {
                    href: self.href(block, place, &profile.url),
                    name: profile.platform.title(),
                    icon: icons::path(profile.platform),
                });
                written(&blocks::Social { profiles: profiles.collect() })
            }
            Data::Email { mode, title, button_text, success_message, .. } => {
                let filled = self.showing.filled.filter(|filled| filled.block == block.id);
                written(&blocks::Email {
                    id: block.id.to_string(),
                    action: self.slug,
                    title,
                    button: button_text,
                    success: success_message,
                    fault: filled.and_then(|filled| filled.fault_of("")),
                    fields: fields(*mode, filled),
                })
            }
            Data::Spotify(spotify) => written(&self.spotify(block, spotify)),
            Data::Product { title, picture, price: costs, url, button_text } => written(&blocks::Product {
                href: href(url.as_str()),
                title,
                button: button_text,
                price: price(*costs),
                picture: shown(picture),
                is_late,
            }),
        }
    }

    /// Where a link of the page leads: to the page itself, which notes the click and sends the visitor on. A preview
    /// counts nothing, and a mailbox or a telephone cannot be reached by way of a web server.
    fn href(&self, block: &Block, place: usize, url: &str) -> String {
        let is_web = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        if !is_web && !["mailto:", "tel:"].iter().any(|scheme| url.starts_with(scheme)) {
            // Nothing of the kind is let in, and nothing of the kind is let out.
            return "#".to_owned();
        }
        if self.showing.audience == Audience::Preview || !is_web {
            return url.to_owned();
        }
        let mut href = format!("?to={}", block.id);
        if place > 0 {
            let _ = write!(href, "&n={place}");
        }
        href
    }

    fn video(&self, block: &Block, video: &Video) -> blocks::Video {
        let (site, player) = match video.provider {
            Provider::YouTube => {
                ("YouTube", format!("https://www.youtube-nocookie.com/embed/{}?autoplay=1&rel=0", video.id))
            }
            Provider::Vimeo => {
                let hash = video.hash.as_ref().map(|hash| format!("&h={hash}")).unwrap_or_default();
                ("Vimeo", format!("https://player.vimeo.com/video/{}?autoplay=1&dnt=1{hash}", video.id))
            }
        };
        let href = self.href(block, 0, video.url.as_str());
        blocks::Video { href, player, name: format!("{site} video"), site }
    }

    fn spotify(&self, block: &Block, spotify: &Spotify) -> blocks::Spotify {
        let kind = match spotify.kind {
            SpotifyKind::Track => "Song",
            SpotifyKind::Album => "Album",
            SpotifyKind::Playlist => "Playlist",
            SpotifyKind::Artist => "Artist",
            SpotifyKind::Show => "Podcast",
            SpotifyKind::Episode => "Podcast episode",
        };
        blocks::Spotify {
            href: self.href(block, 0, spotify.url.as_str()),
            player: format!("https://open.spotify.com/embed/{}/{}", spotify.kind.as_str(), spotify.id),
            name: format!("{kind} on Spotify"),
            kind,
            is_tall: !matches!(spotify.kind, SpotifyKind::Track | SpotifyKind::Episode),
            mark: icons::spotify(),
        }
    }
}

/// A picture by its address at our own.
pub(super) fn shown(picture: &Picture) -> Shown {
    Shown { source: assets::picture_address(&picture.name), width: picture.width, height: picture.height }
}

fn fields<'f>(mode: EmailMode, filled: Option<&'f Filled<'f>>) -> Vec<Field<'f>> {
    let first_fault = filled.and_then(|filled| filled.faults.first()).map_or("", |fault| fault.field);
    let field = |name: &'static str, label, kind, is_needed, most| Field {
        name,
        label,
        kind,
        is_long: name == form::MESSAGE,
        is_needed,
        most,
        typed: filled.map_or("", |filled| filled.typed(name)),
        fault: filled.and_then(|filled| filled.fault_of(name)),
        is_first_fault: name == first_fault,
    };
    let email = field(form::EMAIL, "Your email", "email", true, mail::LONGEST_ADDRESS);
    match mode {
        EmailMode::Signup => vec![email],
        EmailMode::Contact => vec![
            field(form::NAME, "Your name (optional)", "text", false, subscriber::LONGEST_NAME),
            email,
            field(form::MESSAGE, "Your message", "text", true, subscriber::LONGEST_MESSAGE),
        ],
    }
}

/// A price as people write it.
fn price(price: Price) -> String {
    const SIGNS: [(&str, &str); 13] = [
        ("USD", "$"),
        ("EUR", "€"),
        ("GBP", "£"),
        ("JPY", "¥"),
        ("INR", "₹"),
        ("KRW", "₩"),
        ("AUD", "A$"),
        ("CAD", "CA$"),
        ("NZD", "NZ$"),
        ("BRL", "R$"),
        ("MXN", "MX$"),
        ("HKD", "HK$"),
        ("SGD", "S$"),
    ];
    if price.smallest_units == 0 {
        return "Free".to_owned();
    }
    let amount = price.amount();
    let (whole, fraction) = amount.split_once('.').map_or((amount.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::with_capacity(amount.len() + 3);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped = format!("{grouped}.{fraction}");
    }
    let code = price.currency.as_str();
    match SIGNS.iter().find(|(of, _)| *of == code) {
        Some((_, sign)) => format!("{sign}{grouped}"),
        None => format!("{grouped} {code}"),
    }
}

/// The profiles on the web, by their addresses.
pub(super) fn web_profiles<'b>(shown: &[&'b Block]) -> impl Iterator<Item = &'b str> {
    let profiles = shown.iter().filter_map(|block| match &block.data {
        Data::Social { profiles } => Some(profiles.iter().map(|profile| profile.url.as_str())),
        _ => None,
    });
    let urls: Vec<_> =
        profiles.flatten().filter(|url| Url::parse(url).is_ok_and(|url| url.scheme() == "https")).collect();
    urls.into_iter()
}

/// All that is to be read on the page, for the choice of a font's parts.
pub(super) fn words(page: &BioPage, shown: &[&Block]) -> String {
    let mut words = page.content.title.clone();
    words += page.content.description.as_deref().unwrap_or_default();
    for block in shown {
        match &block.data {
            Data::Link { title, .. } => words += title,
            Data::Header { text } => words += text,
            Data::Text { content } => words += content,
            Data::Image { caption, .. } => words += caption.as_deref().unwrap_or_default(),
            Data::Email { title, button_text, success_message, .. } => {
                words += title;
                words += button_text;
                words += success_message;
            }
            Data::Product { title, price: costs, button_text, .. } => {
                words += title;
                words += button_text;
                words += &price(*costs);
            }
            Data::Video(_) | Data::Spotify(_) | Data::Social { .. } => {}
        }
        if matches!(block.data.kind(), Kind::Video | Kind::Spotify | Kind::Email) {
            words += "Play";
        }
    }
    words
}

/// Which way the page runs: as the first of its letters that has a direction does (Unicode Standard Annex 9, P2).
pub(super) fn direction(title: &str, description: Option<&str>) -> &'static str {
    let letters = title.chars().chain(description.unwrap_or_default().chars());
    let is_rtl = |letter: char| matches!(u32::from(letter), 0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefc | 0x10800..=0x10fff | 0x1e800..=0x1efff);
    let first = letters.filter(|letter| letter.is_alphabetic()).map(is_rtl).next();
    if first == Some(true) { "rtl" } else { "ltr" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mask_core::bio_page::price::Currency;

    #[test]
    fn prices_as_people_write_them() {
        for (amount, code, written) in [
            ("19.9", "USD", "$19.90"),
            ("1234567", "JPY", "¥1,234,567"),
            ("999", "EUR", "€999.00"),
            ("1000", "PKR", "1,000.00 PKR"),
            ("0", "EUR", "Free"),
            ("12.345", "KWD", "12.345 KWD"),
        ] {
            let currency = Currency::parse(code).expect("a currency");
            assert_eq!(price(Price::parse(amount, currency).expect("a price")), written);
        }
    }

    #[test]
    fn a_page_runs_as_its_first_letter_does() {
        for (title, description, runs) in [
            ("Ada", None, "ltr"),
            ("شيرين", None, "rtl"),
            ("2026 · שלום", None, "rtl"),
            ("123", Some("سلام"), "rtl"),
            ("Ada سلام", None, "ltr"),
            ("👋", None, "ltr"),
            ("日本", Some("سلام"), "ltr"),
        ] {
            assert_eq!(direction(title, description), runs, "{title}");
        }
    }
}
