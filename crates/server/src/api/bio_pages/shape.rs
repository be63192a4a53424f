//! A page's JSON: what goes out, and what the document says of it.

use mask_core::bio_page::{
    BioPage,
    block::{Block, Data},
    media::{Spotify, Video},
    theme::{Gradient, Theme},
};
use mask_store::PageSummary;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::links::Pagination, redirect::Hosts};

/// A bio page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BioPage)]
pub(in crate::api) struct PageBody {
    /// The page's id.
    #[schema(example = "bp_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Whose page it is, or what it is about.
    #[schema(example = "Ada Lovelace")]
    title: String,
    /// The path, in the case that it was given in; found without regard to case.
    #[schema(example = "ada-lovelace")]
    slug: String,
    /// A few sentences below the title.
    description: Option<String>,
    /// The picture above the title, as it was given. Visitors see our own copy of it.
    avatar_url: Option<String>,
    /// The language that it is in, if its owner said it (BCP 47); null where its letters decide.
    #[schema(example = "pt-BR")]
    language: Option<String>,
    /// How the page looks.
    theme: ThemeBody,
    /// What it is made of, from top to bottom.
    blocks: Vec<BlockBody>,
    /// The host.
    #[schema(example = "mask.pk")]
    domain: String,
    /// How often people saw it; whoever is signed in and has a part in the workspace is not counted.
    views: i64,
    /// Whether everybody may see it.
    published: bool,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When its owner last changed it.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// The address to share.
    #[schema(example = "https://mask.pk/ada-lovelace")]
    url: String,
    /// When it was last published; null for a draft.
    #[schema(format = DateTime)]
    published_at: Option<String>,
}

/// A bio page as lists show it: without `avatar_url`, `theme` and `blocks`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BioPageSummary)]
pub(super) struct SummaryBody {
    /// The page's id.
    #[schema(example = "bp_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Whose page it is, or what it is about.
    title: String,
    /// The path.
    slug: String,
    /// A few sentences below the title.
    description: Option<String>,
    /// The host.
    domain: String,
    /// How often people saw it; whoever is signed in and has a part in the workspace is not counted.
    views: i64,
    /// Whether everybody may see it.
    published: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When its owner last changed it.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The address to share.
    url: String,
    /// When it was last published; null for a draft.
    #[schema(format = DateTime)]
    published_at: Option<String>,
}

/// A list of bio pages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BioPageList)]
pub(super) struct PageList {
    /// The pages.
    pub data: Vec<SummaryBody>,
    /// Where the next part begins.
    pub pagination: Pagination,
}

/// How a page looks: with nothing left open, whether it was chosen or follows from the preset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BioPageTheme)]
pub(super) struct ThemeBody {
    /// The colour of the ground.
    #[schema(example = "#faf7f2")]
    bg_color: String,
    /// The colour of letters on the ground.
    #[schema(example = "#221f1b")]
    text_color: String,
    /// The shape of buttons: `rounded`, `square`, `pill`, `outline` or `shadow`.
    #[schema(example = "rounded")]
    button_style: &'static str,
    /// The typeface: `inter`, `system`, `serif` or `mono`.
    #[schema(example = "inter")]
    font: &'static str,
    /// The ready-made look that the rest follows from: `paper`, `ink`, `meadow`, `dusk`, `ocean` or `blossom`.
    #[schema(example = "paper")]
    preset: &'static str,
    /// The colour of buttons; with `outline`, of their border and their letters.
    #[schema(example = "#221f1b")]
    button_color: String,
    /// The colour of letters on buttons.
    #[schema(example = "#faf7f2")]
    button_text_color: String,
    /// What is painted on the ground.
    background_gradient: Option<GradientBody>,
}

/// A ground that goes from one colour to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gradient)]
pub(super) struct GradientBody {
    /// Where it begins.
    #[schema(example = "#1f1a3d")]
    from: String,
    /// Where it ends.
    #[schema(example = "#6b2a55")]
    to: String,
    /// Which way it goes, in degrees as CSS counts them: 0 is upwards, 90 to the right, 180 downwards.
    #[schema(minimum = 0, maximum = 359, example = 180)]
    angle: u16,
}

/// A block of a bio page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Block)]
pub(super) struct BlockBody {
    /// The block's id.
    #[schema(example = "blk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    pub id: String,
    /// What kind of block it is: `link`, `header`, `text`, `image`, `video`, `social`, `email`, `spotify` or `product`.
    #[serde(rename = "type")]
    #[schema(example = "link")]
    kind: &'static str,
    /// Its place on the page, from 0.
    #[schema(minimum = 0, example = 0)]
    position: usize,
    /// What it shows, by `type`.
    pub data: DataBody,
    /// Whether it is shown at all.
    visible: bool,
    /// From when on it is shown.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// From when on it is shown no more.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// The blocks of a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BlockList)]
pub(super) struct BlockList {
    /// All of them, from top to bottom.
    pub data: Vec<BlockBody>,
}

/// What a block shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BlockData)]
pub(super) enum DataBody {
    /// Of a `link`.
    Link(LinkData),
    /// Of a `header`.
    Header(HeaderData),
    /// Of a `text`.
    Text(TextData),
    /// Of an `image`.
    Image(ImageData),
    /// Of a `video` and of `spotify`.
    Media(MediaData),
    /// Of `social`.
    Social(SocialData),
    /// Of `email`.
    Email(EmailData),
    /// Of a `product`.
    Product(ProductData),
}

/// A button that leads somewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LinkBlockData)]
pub(super) struct LinkData {
    /// What stands on it, at most 120 characters.
    #[schema(max_length = 120)]
    title: String,
    /// Where it leads: `https://`, or one address behind `mailto:`, or one number behind `tel:`. The latter two are opened from
    /// the page itself, so their clicks are not counted.
    #[schema(max_length = 8192)]
    url: String,
    /// A small square picture on it: PNG, JPEG, WebP or SVG.
    #[schema(max_length = 8192)]
    thumbnail_url: Option<String>,
}

/// A headline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeaderBlockData)]
pub(super) struct HeaderData {
    /// Its text, at most 120 characters.
    #[schema(max_length = 120)]
    text: String,
}

/// Paragraphs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TextBlockData)]
pub(super) struct TextData {
    /// Text of at most 5,000 characters, in a part of Markdown: paragraphs, emphasis, lists, quotations, code and links.
    #[schema(max_length = 5000)]
    content: String,
}

/// A picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageBlockData)]
pub(super) struct ImageData {
    /// The picture: PNG, JPEG, WebP or SVG.
    #[schema(max_length = 8192)]
    url: String,
    /// What is said in its place to who cannot see it, at most 300 characters; may be empty for a mere ornament that leads
    /// nowhere.
    #[schema(max_length = 300)]
    alt: String,
    /// Where it leads: `https://`.
    #[schema(max_length = 8192)]
    link: Option<String>,
    /// What stands below it, at most 300 characters.
    #[schema(max_length = 300)]
    caption: Option<String>,
}

/// A video on YouTube or Vimeo, or something on Spotify: a track, album, playlist, artist, show or episode.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MediaBlockData)]
pub(super) struct MediaData {
    /// Its address there.
    #[schema(max_length = 8192)]
    url: String,
    /// What it is called, at most 120 characters. It stands where the player will be, and names the player.
    #[schema(max_length = 120)]
    title: Option<String>,
}

/// A row of profiles elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SocialBlockData)]
pub(super) struct SocialData {
    /// The profiles, 1 to 30 of them.
    #[schema(min_items = 1, max_items = 30)]
    profiles: Vec<ProfileBody>,
}

/// A profile at a platform.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SocialProfile)]
pub(super) struct ProfileBody {
    /// The platform: `apple_music`, `bandcamp`, `behance`, `bluesky`, `discord`, `dribbble`, `email`, `facebook`, `github`,
    /// `gitlab`, `instagram`, `linkedin`, `mastodon`, `medium`, `patreon`, `phone`, `pinterest`, `reddit`, `snapchat`,
    /// `soundcloud`, `spotify`, `substack`, `telegram`, `threads`, `tiktok`, `twitch`, `twitter`, `website`, `whatsapp`, `x`
    /// or `youtube`.
    platform: &'static str,
    /// Its address there; `mailto:` for `email`, `tel:` for `phone`.
    #[schema(max_length = 8192)]
    url: String,
}

/// A form for visitors.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailBlockData)]
pub(super) struct EmailData {
    /// What it is for: `signup` (to leave an address) or `contact` (to write a message).
    mode: &'static str,
    /// What stands above it, at most 120 characters.
    #[schema(max_length = 120)]
    title: String,
    /// What stands on its button, at most 40 characters.
    #[schema(max_length = 40)]
    button_text: String,
    /// What is said when it was sent, at most 300 characters.
    #[schema(max_length = 300)]
    success_message: String,
    /// To whom messages are mailed, where the installation sends mail. The address is asked once, by a letter with a link,
    /// and gets none before it has agreed. Visitors are not told, and who answers the mail answers them. They are listed at `/bio-pages/{id}/subscribers` in any case.
    #[schema(required = false, format = Email, max_length = 254, example = "ada@example.com")]
    notify_email: Option<String>,
}

/// Something to buy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductBlockData)]
pub(super) struct ProductData {
    /// What it is, at most 120 characters.
    #[schema(max_length = 120)]
    title: String,
    /// A picture of it: PNG, JPEG, WebP or SVG.
    #[schema(max_length = 8192)]
    image_url: String,
    /// What it costs, with no more decimals than the currency has. May be sent as a string.
    #[schema(minimum = 0, maximum = 999_999_999, example = 19.99)]
    price: f64,
    /// The currency, ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// Where it is bought: `https://`.
    #[schema(max_length = 8192)]
    url: String,
    /// What stands on its button, at most 40 characters.
    #[schema(max_length = 40)]
    button_text: String,
}

/// Where a draft can be seen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BioPagePreview)]
pub(super) struct PreviewBody {
    /// The page as it is now, published or not. Whoever has this address sees it; views are not counted.
    pub url: String,
    /// Until when.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

impl PageBody {
    /// The page as the API shows it.
    pub(in crate::api) fn of(page: &BioPage, hosts: &Hosts) -> Self {
        let content = &page.content;
        Self {
            id: page.id.to_string(),
            title: content.title.clone(),
            slug: page.slug.to_string(),
            description: content.description.clone(),
            avatar_url: content.avatar.as_ref().map(|avatar| avatar.url.clone()),
            language: content.language.as_ref().map(|language| language.as_str().to_owned()),
            theme: ThemeBody::of(&content.theme),
            blocks: blocks(page),
            domain: page.domain.clone(),
            views: page.views,
            published: page.is_published(),
            created_at: page.created_at.to_string(),
            updated_at: page.updated_at.to_string(),
            url: hosts.short_url(&page.domain, page.slug.as_str()),
            published_at: page.published_at.map(|time| time.to_string()),
        }
    }
}

impl SummaryBody {
    /// The page as lists show it.
    pub(super) fn of(page: &PageSummary, hosts: &Hosts) -> Self {
        Self {
            id: page.id.to_string(),
            title: page.title.clone(),
            slug: page.slug.to_string(),
            description: page.description.clone(),
            domain: page.domain.clone(),
            views: page.views,
            published: page.published_at.is_some(),
            created_at: page.created_at.to_string(),
            updated_at: page.updated_at.to_string(),
            url: hosts.short_url(&page.domain, page.slug.as_str()),
            published_at: page.published_at.map(|time| time.to_string()),
        }
    }
}

impl ThemeBody {
    pub(super) fn of(theme: &Theme) -> Self {
        let look = theme.look();
        Self {
            bg_color: look.background.to_string(),
            text_color: look.text.to_string(),
            button_style: look.button_style.as_str(),
            font: look.font.as_str(),
            preset: theme.preset.as_str(),
            button_color: look.button.to_string(),
            button_text_color: look.button_text.to_string(),
            background_gradient: look.gradient.map(GradientBody::of),
        }
    }
}

impl GradientBody {
    fn of(gradient: Gradient) -> Self {
        Self { from: gradient.from.to_string(), to: gradient.to.to_string(), angle: gradient.angle }
    }
}

/// All blocks of a page, as the API shows them.
pub(super) fn blocks(page: &BioPage) -> Vec<BlockBody> {
    (0..).zip(&page.content.blocks).map(|(position, block)| BlockBody::of(block, position)).collect()
}

impl BlockBody {
    /// The block at this position, as the API shows it.
    pub(super) fn of(block: &Block, position: usize) -> Self {
        Self {
            id: block.id.to_string(),
            kind: block.data.kind().as_str(),
            position,
            data: DataBody::of(&block.data),
            visible: block.is_visible,
            starts_at: block.starts_at.map(|time| time.to_string()),
            ends_at: block.ends_at.map(|time| time.to_string()),
        }
    }
}

impl DataBody {
    pub(super) fn of(data: &Data) -> Self {
        match data {
            Data::Link { title, url, thumbnail } => Self::Link(LinkData {
                title: title.clone(),
                url: url.as_str().to_owned(),
                thumbnail_url: thumbnail.as_ref().map(|thumbnail| thumbnail.url.clone()),
            }),
            Data::Header { text } => Self::Header(HeaderData { text: text.clone() }),
            Data::Text { content } => Self::Text(TextData { content: content.clone() }),
            Data::Image { picture, alt, link, caption } => Self::Image(ImageData {
                url: picture.url.clone(),
                alt: alt.clone(),
                link: link.as_ref().map(|link| link.as_str().to_owned()),
                caption: caption.clone(),
            }),
            Data::Video(Video { url, title, .. }) | Data::Spotify(Spotify { url, title, .. }) => {
                Self::Media(MediaData { url: url.as_str().to_owned(), title: title.clone() })
            }
            Data::Social { profiles } => Self::Social(SocialData {
                profiles: (profiles.iter())
                    .map(|profile| ProfileBody { platform: profile.platform.as_str(), url: profile.url.clone() })
                    .collect(),
            }),
            Data::Email { mode, title, button_text, success_message, notify_email } => Self::Email(EmailData {
                mode: mode.as_str(),
                title: title.clone(),
                button_text: button_text.clone(),
                success_message: success_message.clone(),
                notify_email: notify_email.as_ref().map(ToString::to_string),
            }),
            Data::Product { title, picture, price, url, button_text } => Self::Product(ProductData {
                title: title.clone(),
                image_url: picture.url.clone(),
                // At most twelve digits: the nearest double is written as they are.
                price: price.amount().parse().unwrap_or_default(),
                currency: price.currency.as_str().to_owned(),
                url: url.as_str().to_owned(),
                button_text: button_text.clone(),
            }),
        }
    }
}
