//! The blocks that a page is made of.

use super::{
    lead::Lead,
    media::{Spotify, Video},
    price::Price,
    social::Profile,
};
use crate::{destination::WebUrl, id::BlockId, mail::Address, picture::Picture, time::Time};

/// Most characters of a link's, a video's, a product's or a form's title, and of a headline.
pub const TITLE_CHARACTERS: usize = 120;
/// Most characters of a text.
pub const TEXT_CHARACTERS: usize = 5000;
/// Most characters of what is said in place of a picture, and below it.
pub const CAPTION_CHARACTERS: usize = 300;
/// Most characters on a button.
pub const BUTTON_CHARACTERS: usize = 40;
/// Most characters of the sentence after a form.
pub const MESSAGE_CHARACTERS: usize = 300;
/// Most profiles of one block.
pub const MOST_PROFILES: usize = 30;

/// A block. Its position is its place among the page's blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its id.
    pub id: BlockId,
    /// What it shows.
    pub data: Data,
    /// Whether it is shown at all.
    pub is_visible: bool,
    /// From when on it is shown.
    pub starts_at: Option<Time>,
    /// From when on it is shown no more.
    pub ends_at: Option<Time>,
}

impl Block {
    /// Whether visitors see it at this moment.
    pub fn is_shown(&self, now: Time) -> bool {
        self.is_visible && self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
    }
}

/// What a block shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A button that leads somewhere.
    Link {
        /// What stands on it.
        title: String,
        /// Where it leads.
        url: Lead,
        /// A small picture on it.
        thumbnail: Option<Picture>,
    },
    /// A headline.
    Header {
        /// Its text.
        text: String,
    },
    /// Paragraphs, in a part of Markdown.
    Text {
        /// The text as it was written.
        content: String,
    },
    /// A picture.
    Image {
        /// The picture.
        picture: Picture,
        /// What is said in its place to who cannot see it; empty for a mere ornament.
        alt: String,
        /// Where it leads.
        link: Option<WebUrl>,
        /// What stands below it.
        caption: Option<String>,
    },
    /// A video.
    Video(Video),
    /// A row of profiles elsewhere.
    Social {
        /// The profiles.
        profiles: Vec<Profile>,
    },
    /// A form for visitors.
    Email {
        /// What it is for.
        mode: EmailMode,
        /// What stands above it.
        title: String,
        /// What stands on its button.
        button_text: String,
        /// What is said when it was sent.
        success_message: String,
        /// To whom messages are mailed; nobody who visits the page is told.
        notify_email: Option<Address>,
    },
    /// Something on Spotify.
    Spotify(Spotify),
    /// Something to buy.
    Product {
        /// What it is.
        title: String,
        /// A picture of it.
        picture: Picture,
        /// What it costs.
        price: Price,
        /// Where it is bought.
        url: WebUrl,
        /// What stands on its button.
        button_text: String,
    },
}

/// What kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// See [`Data::Link`].
    Link,
    /// See [`Data::Header`].
    Header,
    /// See [`Data::Text`].
    Text,
    /// See [`Data::Image`].
    Image,
    /// See [`Data::Video`].
    Video,
    /// See [`Data::Social`].
    Social,
    /// See [`Data::Email`].
    Email,
    /// See [`Data::Spotify`].
    Spotify,
    /// See [`Data::Product`].
    Product,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Link,
        Self::Header,
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Social,
        Self::Email,
        Self::Spotify,
        Self::Product,
    ];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Header => "header",
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Social => "social",
            Self::Email => "email",
            Self::Spotify => "spotify",
            Self::Product => "product",
        }
    }

    /// Reads a kind.
    pub fn parse(text: &str) -> Result<Self, crate::Refused> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(crate::Refused::because(
            "Must be one of link, header, text, image, video, social, email, spotify, product",
        ))
    }
}

impl Data {
    /// What kind of block this is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Link { .. } => Kind::Link,
            Self::Header { .. } => Kind::Header,
            Self::Text { .. } => Kind::Text,
            Self::Image { .. } => Kind::Image,
            Self::Video(_) => Kind::Video,
            Self::Social { .. } => Kind::Social,
            Self::Email { .. } => Kind::Email,
            Self::Spotify(_) => Kind::Spotify,
            Self::Product { .. } => Kind::Product,
        }
    }

    /// The picture in it.
    pub const fn picture(&self) -> Option<&Picture> {
        match self {
            Self::Link { thumbnail, .. } => thumbnail.as_ref(),
            Self::Image { picture, .. } | Self::Product { picture, .. } => Some(picture),
            Self::Header { .. }
            | Self::Text { .. }
            | Self::Video(_)
            | Self::Social { .. }
            | Self::Email { .. }
            | Self::Spotify(_) => None,
        }
    }

    /// Where it leads; of profiles, where the one at this place does. Where the links of a text lead is in its Markdown.
    pub fn destination(&self, place: usize) -> Option<&str> {
        match self {
            Self::Link { url, .. } => Some(url.as_str()),
            Self::Product { url, .. } => Some(url.as_str()),
            Self::Image { link, .. } => link.as_ref().map(WebUrl::as_str),
            Self::Video(video) => Some(video.url.as_str()),
            Self::Social { profiles } => profiles.get(place).map(|profile| profile.url.as_str()),
            Self::Spotify(spotify) => Some(spotify.url.as_str()),
            Self::Header { .. } | Self::Text { .. } | Self::Email { .. } => None,
        }
    }
}

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailMode {
    /// To leave an address.
    Signup,
    /// To write a message.
    Contact,
}

impl EmailMode {
    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Contact => "contact",
        }
    }

    /// Reads a mode.
    pub fn parse(text: &str) -> Result<Self, crate::Refused> {
        match text {
            "signup" => Ok(Self::Signup),
            "contact" => Ok(Self::Contact),
            _ => Err(crate::Refused::because("Must be signup or contact")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        }
        for mode in [EmailMode::Signup, EmailMode::Contact] {
            assert_eq!(EmailMode::parse(mode.as_str()), Ok(mode));
        }
        assert!(Kind::parse("Link").is_err() && EmailMode::parse("").is_err());
    }

    #[test]
    fn a_block_has_its_time() {
        let at = |millis| Some(Time::from_unix_millis(millis));
        let data = Data::Header { text: "Shop".to_owned() };
        let block = Block { id: BlockId::from_bits(1), data, is_visible: true, starts_at: at(10), ends_at: at(20) };
        let shown: Vec<_> = [9, 10, 19, 20].map(|now| block.is_shown(Time::from_unix_millis(now))).into();
        assert_eq!(shown, [false, true, true, false]);
        assert!(!Block { is_visible: false, ..block }.is_shown(Time::from_unix_millis(15)));
    }
}
