//! A page as a row, and back. What is a list or an object in the page is JSON text in the row, in shapes of the store's own.
//!
//! What was let in once is read again, whatever is let in by then: a rule for what strangers may read or where profiles live
//! may become stricter under the pages that there are.

use mask_core::{
    bio_page::{
        BioPage, Content,
        block::{Block, Data, EmailMode},
        language::Language,
        lead::Lead,
        media::{Spotify, Video},
        price::{Currency, Price},
        social::{Platform, Profile},
        theme::{ButtonStyle, Font, Gradient, Preset, Theme},
    },
    colour::Colour,
    destination::WebUrl,
    id::{BlockId, PageId},
    mail::Address,
    picture::{Picture, PictureName},
    slug::Slug,
    time::Time,
    workspace::Owner,
};
use serde::{Deserialize, Serialize};

use super::PageSummary;
use crate::{
    Error,
    db::{Columns, Dialect, Row, Tx, Value, values},
    links::fold,
    workspaces,
};

const COLUMNS: &str = "id, domain, slug, title, description, published_at, views, version, created_at, updated_at, \
    avatar, language, theme, blocks";

/// The columns of a list, which has no blocks.
const SUMMARY: &str = "id, domain, slug, title, description, published_at, views, version, created_at, updated_at";

/// The names of what [`content`] answers.
pub(super) const CONTENT: [&str; 7] = ["title", "description", "avatar", "language", "theme", "blocks", "search_text"];

pub(super) fn by_id(tx: &mut Tx<'_>, owner: Owner, id: PageId) -> Result<Option<BioPage>, Error> {
    tx.first(&select("id = $1 AND owner = $2"), &values![id, owner])?.map(page).transpose()
}

/// A page that this transaction is about to change: nobody else changes it until it ends. On SQLite nobody can anyhow.
pub(super) fn to_change(tx: &mut Tx<'_>, owner: Owner, id: PageId) -> Result<Option<BioPage>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("{}{lock}", select("id = $1 AND owner = $2"));
    tx.first(&sql, &values![id, owner])?.map(page).transpose()
}

/// What lives at an address, whose it is, and whether that workspace is there.
pub(crate) fn at_address(
    tx: &mut Tx<'_>,
    domain: &str,
    slug_key: &str,
) -> Result<Option<(BioPage, Owner, bool)>, Error> {
    let is_there = workspaces::is_there("owner");
    let sql = format!("SELECT {COLUMNS}, owner, {is_there} FROM bio_pages WHERE domain = $1 AND slug_key = $2");
    let Some(row) = tx.first(&sql, &values![domain, slug_key])? else { return Ok(None) };
    let (page, mut rest) = read(row)?;
    Ok(Some((page, Owner::from_number(rest.integer("owner")?), rest.boolean("owner")?)))
}

/// A published page, and whose it is.
pub(super) fn published(tx: &mut Tx<'_>, id: PageId) -> Result<Option<(BioPage, Owner)>, Error> {
    let is_there = workspaces::is_there("owner");
    let sql =
        format!("SELECT {COLUMNS}, owner FROM bio_pages WHERE id = $1 AND published_at IS NOT NULL AND {is_there}");
    let Some(row) = tx.first(&sql, &values![id])? else { return Ok(None) };
    let (page, mut rest) = read(row)?;
    Ok(Some((page, Owner::from_number(rest.integer("owner")?))))
}

fn select(condition: &str) -> String {
    format!("SELECT {COLUMNS} FROM bio_pages WHERE {condition}")
}

/// A query for what lists show.
pub(super) fn select_summaries(condition: &str) -> String {
    format!("SELECT {SUMMARY} FROM bio_pages WHERE {condition}")
}

fn page(row: Row) -> Result<BioPage, Error> {
    read(row).map(|(page, _)| page)
}

fn read(row: Row) -> Result<(BioPage, Columns), Error> {
    let (summary, mut row) = head(row)?;
    let content = Content {
        title: summary.title,
        description: summary.description,
        avatar: row.optional_parsed("avatar", read_picture)?,
        language: row.optional_parsed("language", Language::parse)?,
        theme: row.parsed("theme", read_theme)?,
        blocks: row.parsed("blocks", read_blocks)?,
    };
    let page = BioPage {
        id: summary.id,
        domain: summary.domain,
        slug: summary.slug,
        content,
        published_at: summary.published_at,
        views: summary.views,
        version: summary.version,
        created_at: summary.created_at,
        updated_at: summary.updated_at,
    };
    Ok((page, row))
}

/// The page in a row of [`select_summaries`].
pub(super) fn summary(row: Row) -> Result<PageSummary, Error> {
    head(row).map(|(summary, _)| summary)
}

fn head(row: Row) -> Result<(PageSummary, Columns), Error> {
    let mut row = row.columns("bio_pages");
    let summary = PageSummary {
        id: row.parsed("id", PageId::parse)?,
        domain: row.text("domain")?,
        slug: row.parsed("slug", Slug::parse)?,
        title: row.text("title")?,
        description: row.optional_text("description")?,
        published_at: row.optional_time("published_at")?,
        views: row.integer("views")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok((summary, row))
}

/// The values of [`CONTENT`].
pub(super) fn content(slug: &Slug, content: &Content) -> [Value; 7] {
    let searched = [slug.as_str(), &content.title].into_iter().chain(content.description.as_deref());
    values![
        &content.title,
        content.description.as_ref(),
        content.avatar.as_ref().map(|avatar| json(&StoredPicture::of(avatar))),
        content.language.as_ref().map(Language::as_str),
        json(&StoredTheme::of(&content.theme)),
        json(&content.blocks.iter().map(StoredBlock::of).collect::<Vec<_>>()),
        fold(&searched.collect::<Vec<_>>().join("\n")),
    ]
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always have JSON")
}

fn read_picture(text: &str) -> Result<Picture, ()> {
    serde_json::from_str::<StoredPicture>(text).map_err(drop)?.read()
}

fn read_theme(text: &str) -> Result<Theme, ()> {
    serde_json::from_str::<StoredTheme>(text).map_err(drop)?.read()
}

fn read_blocks(text: &str) -> Result<Vec<Block>, ()> {
    let blocks: Vec<StoredBlock> = serde_json::from_str(text).map_err(drop)?;
    blocks.into_iter().map(StoredBlock::read).collect()
}

#[derive(Serialize, Deserialize)]
struct StoredPicture {
    url: String,
    name: String,
    width: u32,
    height: u32,
}

impl StoredPicture {
    fn of(picture: &Picture) -> Self {
        let Picture { url, name, width, height } = picture;
        Self { url: url.clone(), name: name.to_string(), width: *width, height: *height }
    }

    fn read(self) -> Result<Picture, ()> {
        let name = PictureName::parse(&self.name).map_err(drop)?;
        Ok(Picture { url: self.url, name, width: self.width, height: self.height })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTheme {
    preset: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    background: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gradient: Option<(String, String, u16)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    button: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    button_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    button_style: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    font: Option<String>,
}

impl StoredTheme {
    fn of(theme: &Theme) -> Self {
        let colour = |colour: Option<Colour>| colour.map(|colour| colour.to_string());
        let ends = |gradient: Gradient| (gradient.from.to_string(), gradient.to.to_string(), gradient.angle);
        Self {
            preset: theme.preset.as_str().to_owned(),
            background: colour(theme.background),
            gradient: theme.gradient.map(ends),
            text: colour(theme.text),
            button: colour(theme.button),
            button_text: colour(theme.button_text),
            button_style: theme.button_style.map(|style| style.as_str().to_owned()),
            font: theme.font.map(|font| font.as_str().to_owned()),
        }
    }

    fn read(self) -> Result<Theme, ()> {
        let colour = |text: Option<String>| text.map(|text| Colour::parse(&text)).transpose().map_err(drop);
        let gradient = self
            .gradient
            .map(|(from, to, angle)| Ok(Gradient { from: Colour::parse(&from)?, to: Colour::parse(&to)?, angle }));
        Ok(Theme {
            preset: Preset::parse(&self.preset).map_err(drop)?,
            background: colour(self.background)?,
            gradient: gradient.transpose().map_err(|_: mask_core::Refused| ())?,
            text: colour(self.text)?,
            button: colour(self.button)?,
            button_text: colour(self.button_text)?,
            button_style: self.button_style.map(|style| ButtonStyle::parse(&style)).transpose().map_err(drop)?,
            font: self.font.map(|font| Font::parse(&font)).transpose().map_err(drop)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredBlock {
    id: String,
    #[serde(flatten)]
    data: StoredData,
    is_visible: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredData {
    Link {
        title: String,
        url: String,
        thumbnail: Option<StoredPicture>,
    },
    Header {
        text: String,
    },
    Text {
        content: String,
    },
    Image {
        picture: StoredPicture,
        alt: String,
        link: Option<String>,
        caption: Option<String>,
    },
    Video {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    Social {
        profiles: Vec<(String, String)>,
    },
    Email {
        mode: String,
        title: String,
        button_text: String,
        success_message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notify_email: Option<String>,
    },
    Spotify {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    Product {
        title: String,
        picture: StoredPicture,
        smallest_units: i64,
        currency: String,
        url: String,
        button_text: String,
    },
}

impl StoredBlock {
    fn of(block: &Block) -> Self {
        Self {
            id: block.id.to_string(),
            data: StoredData::of(&block.data),
            is_visible: block.is_visible,
            starts_at: block.starts_at.map(Time::unix_millis),
            ends_at: block.ends_at.map(Time::unix_millis),
        }
    }

    fn read(self) -> Result<Block, ()> {
        Ok(Block {
            id: BlockId::parse(&self.id).map_err(drop)?,
            data: self.data.read()?,
            is_visible: self.is_visible,
            starts_at: self.starts_at.map(Time::from_unix_millis),
            ends_at: self.ends_at.map(Time::from_unix_millis),
        })
    }
}

impl StoredData {
    fn of(data: &Data) -> Self {
        let url = |url: &WebUrl| url.as_str().to_owned();
        match data.clone() {
            Data::Link { title, url: to, thumbnail } => {
                let thumbnail = thumbnail.as_ref().map(StoredPicture::of);
                Self::Link { title, url: to.as_str().to_owned(), thumbnail }
            }
            Data::Header { text } => Self::Header { text },
            Data::Text { content } => Self::Text { content },
            Data::Image { picture, alt, link, caption } => {
                Self::Image { picture: StoredPicture::of(&picture), alt, link: link.as_ref().map(url), caption }
            }
            Data::Video(video) => Self::Video { url: url(&video.url), title: video.title },
            Data::Social { profiles } => {
                let pair = |profile: Profile| (profile.platform.as_str().to_owned(), profile.url);
                Self::Social { profiles: profiles.into_iter().map(pair).collect() }
            }
            Data::Email { mode, title, button_text, success_message, notify_email } => {
                let notify_email = notify_email.map(|address| address.to_string());
                Self::Email { mode: mode.as_str().to_owned(), title, button_text, success_message, notify_email }
            }
            Data::Spotify(spotify) => Self::Spotify { url: url(&spotify.url), title: spotify.title },
            Data::Product { title, picture, price, url: to, button_text } => Self::Product {
                title,
                picture: StoredPicture::of(&picture),
                smallest_units: price.smallest_units,
                currency: price.currency.as_str().to_owned(),
                url: url(&to),
                button_text,
            },
        }
    }

    fn read(self) -> Result<Data, ()> {
        let url = |text: &str| WebUrl::parse(text).map_err(drop);
        Ok(match self {
            Self::Link { title, url: to, thumbnail } => {
                let thumbnail = thumbnail.map(StoredPicture::read).transpose()?;
                Data::Link { title, url: Lead::parse(&to).map_err(drop)?, thumbnail }
            }
            Self::Header { text } => Data::Header { text },
            Self::Text { content } => Data::Text { content },
            Self::Image { picture, alt, link, caption } => {
                let link = link.as_deref().map(url).transpose()?;
                Data::Image { picture: picture.read()?, alt, link, caption }
            }
            Self::Video { url, title } => Data::Video(Video { title, ..Video::parse(&url).map_err(drop)? }),
            Self::Social { profiles } => {
                let profile = |(platform, url): (String, String)| {
                    Ok(Profile { platform: Platform::parse(&platform).map_err(drop)?, url })
                };
                Data::Social { profiles: profiles.into_iter().map(profile).collect::<Result<_, ()>>()? }
            }
            Self::Email { mode, title, button_text, success_message, notify_email } => {
                let mode = EmailMode::parse(&mode).map_err(drop)?;
                let notify_email = notify_email.as_deref().map(Address::parse).transpose().map_err(drop)?;
                Data::Email { mode, title, button_text, success_message, notify_email }
            }
            Self::Spotify { url, title } => Data::Spotify(Spotify { title, ..Spotify::parse(&url).map_err(drop)? }),
            Self::Product { title, picture, smallest_units, currency, url: to, button_text } => {
                let currency = Currency::parse(&currency).map_err(drop)?;
                Data::Product {
                    title,
                    picture: picture.read()?,
                    price: Price::of(smallest_units, currency).map_err(drop)?,
                    url: url(&to)?,
                    button_text,
                }
            }
        })
    }
}
