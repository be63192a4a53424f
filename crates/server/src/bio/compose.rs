//! From what a block is to what is written of it: addresses, players, prices, fields.

use std::fmt::Write as _;

use mask_core::{
    bio_page::{
        BioPage,
        block::{Block, Data, EmailMode},
        media::{Provider, Spotify, SpotifyKind, Video},
    },
    id::BlockId,
    mail,
    picture::Picture,
    subscriber,
};
use url::Url;

use super::{
    assets, blocks,
    blocks::{Field, Shown, written},
    form::{self, Filled},
    icons, leads, markdown,
    page::{Audience, Showing},
    words::Ours,
};

/// Blocks of which a picture is likely to be seen at once.
const EARLY: usize = 6;

/// Writes the blocks of one page.
pub(super) struct Composer<'a> {
    pub(super) showing: &'a Showing<'a>,
    pub(super) slug: &'a str,
    /// Words of ours on this page.
    pub(super) ours: Ours,
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
            Data::Text { content } => written(&blocks::Text { html: self.text(block, content) }),
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
                let profiles = (0..).zip(profiles).map(|(place, profile)| blocks::Profile {
                    href: self.href(block, place, &profile.url),
                    name: self.ours.platform(profile.platform),
                    icon: icons::path(profile.platform),
                });
                written(&blocks::Social { profiles: profiles.collect(), ours: self.ours })
            }
            Data::Email { mode, title, button_text, success_message, .. } => {
                let filled = self.showing.filled.filter(|filled| filled.block == Some(block.id));
                written(&blocks::Email {
                    id: block.id.to_string(),
                    action: self.slug,
                    title,
                    button: button_text,
                    success: success_message,
                    fault: filled.and_then(|filled| filled.fault_of("")).map(|why| self.ours.why(why)),
                    fields: self.fields(*mode, filled),
                    ours: self.ours,
                })
            }
            Data::Spotify(spotify) => written(&self.spotify(block, spotify)),
            Data::Product { title, picture, price: costs, url, button_text } => {
                let (price, price_runs) = self.ours.price(*costs);
                written(&blocks::Product {
                    href: href(url.as_str()),
                    title,
                    button: button_text,
                    price,
                    price_runs,
                    picture: shown(picture),
                    is_late,
                    is_free: costs.smallest_units == 0,
                    ours: self.ours,
                })
            }
        }
    }

    /// Where a link of the page leads: to the page itself, which notes the click and sends the visitor on. A preview
    /// counts nothing, and a mailbox or a telephone cannot be reached by way of a web server.
    fn href(&self, block: &Block, place: u32, url: &str) -> String {
        let is_web = leads::is_web(url);
        if !is_web && !["mailto:", "tel:"].iter().any(|scheme| url.starts_with(scheme)) {
            // Nothing of the kind is let in, and nothing of the kind is let out.
            return "#".to_owned();
        }
        if self.showing.audience == Audience::Preview || !is_web { url.to_owned() } else { onwards(block.id, place) }
    }

    /// The markup of a text, whose links are like those of all blocks.
    fn text(&self, block: &Block, content: &str) -> String {
        let (id, is_preview) = (block.id, self.showing.audience == Audience::Preview);
        markdown::html(content, move |url| if is_preview { url } else { onwards(id, leads::number(&url)) })
    }

    fn video<'v>(&self, block: &Block, video: &'v Video) -> blocks::Video<'v> {
        let (site, player) = match video.provider {
            Provider::YouTube => {
                ("YouTube", format!("https://www.youtube-nocookie.com/embed/{}?autoplay=1&rel=0", video.id))
            }
            Provider::Vimeo => {
                let hash = video.hash.as_ref().map(|hash| format!("&h={hash}")).unwrap_or_default();
                ("Vimeo", format!("https://player.vimeo.com/video/{}?autoplay=1&dnt=1{hash}", video.id))
            }
        };
        blocks::Video {
            href: self.href(block, 0, video.url.as_str()),
            player,
            title: video.title.as_deref(),
            name: self.ours.video(site),
            play: self.ours.play_video(site),
            ours: self.ours,
        }
    }

    fn spotify<'s>(&self, block: &Block, spotify: &'s Spotify) -> blocks::Spotify<'s> {
        let kind = match spotify.kind {
            SpotifyKind::Track => self.ours.words.song,
            SpotifyKind::Album => self.ours.words.album,
            SpotifyKind::Playlist => self.ours.words.playlist,
            SpotifyKind::Artist => self.ours.words.artist,
            SpotifyKind::Show => self.ours.words.podcast,
            SpotifyKind::Episode => self.ours.words.episode,
        };
        blocks::Spotify {
            href: self.href(block, 0, spotify.url.as_str()),
            player: format!("https://open.spotify.com/embed/{}/{}", spotify.kind.as_str(), spotify.id),
            title: spotify.title.as_deref(),
            name: self.ours.on_spotify(kind),
            kind,
            ours: self.ours,
            is_tall: !matches!(spotify.kind, SpotifyKind::Track | SpotifyKind::Episode),
            mark: icons::spotify(),
        }
    }

    fn fields<'f>(&self, mode: EmailMode, filled: Option<&'f Filled<'f>>) -> Vec<Field<'f>> {
        let words = self.ours.words;
        let first_fault = filled.and_then(|filled| filled.faults.first()).map_or("", |fault| fault.field);
        let field = |name: &'static str, label, kind, is_needed, most| Field {
            name,
            label,
            kind,
            is_long: name == form::MESSAGE,
            is_needed,
            most,
            typed: filled.map_or("", |filled| filled.typed(name)),
            fault: filled.and_then(|filled| filled.fault_of(name)).map(|why| self.ours.why(why)),
            is_first_fault: name == first_fault,
        };
        let email = field(form::EMAIL, words.email, "email", true, mail::LONGEST_ADDRESS);
        match mode {
            EmailMode::Signup => vec![email],
            EmailMode::Contact => vec![
                field(form::NAME, words.name, "text", false, subscriber::LONGEST_NAME),
                email,
                field(form::MESSAGE, words.message, "text", true, subscriber::LONGEST_MESSAGE),
            ],
        }
    }

    /// What we say in such a block, for the choice of a font's parts.
    pub(super) fn words_of(&self, block: &Block) -> String {
        let words = self.ours.words;
        match &block.data {
            Data::Email { .. } => [words.name, words.email, words.message, words.confirm].concat(),
            Data::Video(_) => words.play_video.to_owned(),
            Data::Spotify(_) => [words.play_spotify, words.song, words.playlist, words.episode].concat(),
            Data::Product { price, .. } => self.ours.price(*price).0,
            Data::Link { .. } | Data::Header { .. } | Data::Text { .. } | Data::Image { .. } | Data::Social { .. } => {
                String::new()
            }
        }
    }
}

/// The address at which the page sends on to one of a block's leads.
fn onwards(block: BlockId, place: u32) -> String {
    let mut href = format!("?to={block}");
    if place > 0 {
        let _ = write!(href, "&n={place}");
    }
    href
}

/// A picture by its address at our own.
pub(super) fn shown(picture: &Picture) -> Shown {
    Shown { source: assets::picture_address(&picture.name), width: picture.width, height: picture.height }
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

/// All that its owner wrote on the page, for the choice of a language and of a font's parts.
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
            Data::Product { title, button_text, .. } => {
                words += title;
                words += button_text;
            }
            Data::Video(Video { title, .. }) | Data::Spotify(Spotify { title, .. }) => {
                words += title.as_deref().unwrap_or_default();
            }
            Data::Social { .. } => {}
        }
    }
    words
}
