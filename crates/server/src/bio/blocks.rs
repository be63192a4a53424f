//! The blocks of a page, ready to be written: what each shows, with every address chosen and every fault worded.
//!
//! Nothing here decides anything. Text is escaped by the templates; the only markup that is not is the text block's, which
//! [`markdown`](super::markdown) has made safe.

use askama::Template;

use super::words::Ours;

/// What links of a page tell a browser and a search engine: whoever is behind it was put there by a user.
const REL: &str = "noopener nofollow ugc";

/// A picture of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) source: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

#[derive(Template)]
#[template(path = "bio/link.html")]
pub(super) struct Link<'a> {
    pub(super) href: String,
    pub(super) title: &'a str,
    pub(super) thumbnail: Option<Shown>,
    pub(super) is_late: bool,
}

#[derive(Template)]
#[template(path = "bio/heading.html")]
pub(super) struct Heading<'a> {
    pub(super) text: &'a str,
}

#[derive(Template)]
#[template(path = "bio/text.html")]
pub(super) struct Text {
    pub(super) html: String,
}

#[derive(Template)]
#[template(path = "bio/image.html")]
pub(super) struct Image<'a> {
    pub(super) picture: Shown,
    pub(super) alt: &'a str,
    pub(super) caption: Option<&'a str>,
    pub(super) href: Option<String>,
    /// Where it leads, for those who do not see it when nothing else says so.
    pub(super) host: String,
    pub(super) is_late: bool,
}

#[derive(Template)]
#[template(path = "bio/video.html")]
pub(super) struct Video<'a> {
    pub(super) href: String,
    /// The address of the player that takes the still's place.
    pub(super) player: String,
    pub(super) title: Option<&'a str>,
    /// What it is called where it has no title.
    pub(super) name: String,
    /// What its still is for.
    pub(super) play: String,
    pub(super) ours: Ours,
}

#[derive(Template)]
#[template(path = "bio/spotify.html")]
pub(super) struct Spotify<'a> {
    pub(super) href: String,
    pub(super) player: String,
    pub(super) title: Option<&'a str>,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) ours: Ours,
    /// Whether its player shows a list.
    pub(super) is_tall: bool,
    pub(super) mark: &'static str,
}

#[derive(Template)]
#[template(path = "bio/social.html")]
pub(super) struct Social {
    pub(super) profiles: Vec<Profile>,
    pub(super) ours: Ours,
}

pub(super) struct Profile {
    pub(super) href: String,
    pub(super) name: &'static str,
    pub(super) icon: &'static str,
}

#[derive(Template)]
#[template(path = "bio/product.html")]
pub(super) struct Product<'a> {
    pub(super) href: String,
    pub(super) title: &'a str,
    pub(super) button: &'a str,
    pub(super) price: String,
    pub(super) picture: Shown,
    pub(super) is_late: bool,
    /// Which way the price runs.
    pub(super) price_runs: &'static str,
    pub(super) is_free: bool,
    pub(super) ours: Ours,
}

#[derive(Template)]
#[template(path = "bio/email.html")]
pub(super) struct Email<'a> {
    pub(super) id: String,
    pub(super) action: &'a str,
    pub(super) title: &'a str,
    pub(super) button: &'a str,
    pub(super) success: &'a str,
    pub(super) fault: Option<String>,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) ours: Ours,
}

/// A field of a form.
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) is_long: bool,
    pub(super) is_needed: bool,
    pub(super) most: usize,
    pub(super) typed: &'a str,
    pub(super) fault: Option<String>,
    pub(super) is_first_fault: bool,
}

/// The text of a template. Writing to a string does not fail, and should it one day, a line of text is better than a panic.
pub(super) fn written(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| error.to_string())
}
