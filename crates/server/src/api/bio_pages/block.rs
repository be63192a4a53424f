//! What comes in for a block: read member by member into what it shows, each kind by rules of its own.

use mask_core::{
    Refused,
    bio_page::{
        block::{
            BUTTON_CHARACTERS, Block, CAPTION_CHARACTERS, Data, EmailMode, Kind, MESSAGE_CHARACTERS, MOST_PROFILES,
            TEXT_CHARACTERS, TITLE_CHARACTERS,
        },
        lead::Lead,
        media::{Spotify, Video},
        price::{Currency, Price, check_amount},
        social::{Platform, Profile, check_url},
        words,
    },
    destination::WebUrl,
    id::BlockId,
    mail::Address,
    picture::Picture,
    time::Time,
};
use mask_picture::photo::Purpose;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    album::Album,
    shape::{BlockBody, DataBody},
};
use crate::api::fields::{Fields, Problems, boolean, integer, text};

/// A block to be made, or one within a list of all blocks of a page.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBlock)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct NewBlock {
    /// Within a list of all blocks of a page, the id of one that the page has; that one stays who it is, and keeps its `type`.
    /// Whatever else is named here, and whatever comes alone, is a new block with an id of its own.
    #[schema(required = false)]
    id: String,
    /// What kind of block it is: `link`, `header`, `text`, `image`, `video`, `social`, `email`, `spotify` or `product`.
    #[serde(rename = "type")]
    #[schema(example = "link")]
    kind: String,
    /// What it shows, by `type`. Optional members of it may be left out.
    data: DataBody,
    /// Where a block that comes alone goes; what stands there and below moves down. Absent: at the end. In a list the place is
    /// the position, whatever is said here, so that what was answered can be sent back.
    #[schema(required = false, minimum = 0)]
    position: usize,
    /// Whether it is shown at all; it is unless told otherwise.
    #[schema(required = false)]
    visible: bool,
    /// From when on it is shown.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// From when on it is shown no more; after `starts_at`.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// Changes to a block: what is absent stays, and null clears.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BlockChange)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct BlockChange {
    /// The kind that it has: it cannot have another.
    #[serde(rename = "type")]
    #[schema(required = false)]
    kind: String,
    /// Members of its data, each as in a new block; what is absent stays, and null clears.
    #[schema(required = false, value_type = Object)]
    data: Value,
    /// Where it goes.
    #[schema(required = false, minimum = 0)]
    position: usize,
    /// Whether it is shown at all.
    #[schema(required = false)]
    visible: bool,
    /// From when on it is shown.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// From when on it is shown no more; after `starts_at`.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// A block, and where it is to go.
pub(super) struct Placed {
    pub block: Block,
    pub position: Option<usize>,
}

/// Reads a block that comes alone, or in a list that is to be all of a page's, which has these now. `new_id` is its id if it is
/// new.
pub(super) fn read_new(
    value: Value,
    path: &str,
    old: &[Block],
    new_id: BlockId,
    album: &mut Album,
    problems: &mut Problems,
) -> Option<Placed> {
    let mut fields = Fields::of(value, path, problems)?;
    let id = fields.optional("id", text(BlockId::parse));
    let position = fields.optional("position", integer(position));
    let known = old.iter().find(|block| Some(block.id) == id);
    let block = members(&mut fields, known.map_or(new_id, |block| block.id), known.map(kind), album);
    fields.end();
    Some(Placed { block: block?, position })
}

fn kind(block: &Block) -> Kind {
    block.data.kind()
}

fn position(number: i64) -> Result<usize, Refused> {
    usize::try_from(number).map_err(|_| Refused::because("Must be a whole number of at least 0"))
}

/// The members that new blocks have, of one whose kind may be settled.
fn members(fields: &mut Fields<'_>, id: BlockId, settled: Option<Kind>, album: &mut Album) -> Option<Block> {
    let kind = fields.required("type", text(Kind::parse)).filter(|kind| is_kind(fields, *kind, settled));
    let path = fields.path("data");
    let data = match fields.take("data") {
        None | Some(Value::Null) => {
            fields.problems.miss(&path);
            None
        }
        Some(data) => kind.and_then(|kind| read_data(kind, data, &path, album, fields.problems)),
    };
    let is_visible = fields.optional("visible", boolean).unwrap_or(true);
    let starts_at = fields.nullable("starts_at", text(Time::parse)).flatten();
    let ends_at = fields.nullable("ends_at", text(Time::parse)).flatten();
    check_span(fields, starts_at, ends_at);
    Some(Block { id, data: data?, is_visible, starts_at, ends_at })
}

fn is_kind(fields: &mut Fields<'_>, kind: Kind, settled: Option<Kind>) -> bool {
    let Some(settled) = settled.filter(|settled| *settled != kind) else { return true };
    let why = format!("Must be {}: a block keeps its type. Make a new block for another", settled.as_str());
    fields.problems.refuse(fields.path("type"), why);
    false
}

fn check_span(fields: &mut Fields<'_>, starts_at: Option<Time>, ends_at: Option<Time>) {
    if starts_at.zip(ends_at).is_some_and(|(start, end)| end <= start) {
        fields.problems.refuse(fields.path("ends_at"), "Must be after starts_at");
    }
}

/// Reads what a block is to be from what it is and a patch of it (RFC 7396), and where it is to go.
pub(super) fn read_change(value: Value, old: &Block, album: &mut Album, problems: &mut Problems) -> Option<Placed> {
    let mut fields = Fields::of(value, "", problems)?;
    let kind = fields.optional("type", text(Kind::parse));
    if let Some(kind) = kind {
        is_kind(&mut fields, kind, Some(old.data.kind()));
    }
    let position = fields.optional("position", integer(position));
    let data = match fields.take("data") {
        None => Some(old.data.clone()),
        Some(patch) => patched(&old.data, patch, album, fields.problems),
    };
    let is_visible = fields.optional("visible", boolean).unwrap_or(old.is_visible);
    let starts_at = fields.nullable("starts_at", text(Time::parse)).unwrap_or(old.starts_at);
    let ends_at = fields.nullable("ends_at", text(Time::parse)).unwrap_or(old.ends_at);
    check_span(&mut fields, starts_at, ends_at);
    fields.end();
    Some(Placed { block: Block { id: old.id, data: data?, is_visible, starts_at, ends_at }, position })
}

/// What is shown, with a patch upon it. It is read anew as a whole, so that nothing comes in by a patch that could not have come
/// in at once.
fn patched(old: &Data, patch: Value, album: &mut Album, problems: &mut Problems) -> Option<Data> {
    let Value::Object(patch) = patch else {
        problems.refuse("data", "Must be an object");
        return None;
    };
    let mut whole = serde_json::to_value(DataBody::of(old)).ok()?;
    // What is shown has all members, so a null says here what it says in a whole.
    for (name, value) in patch {
        whole[name] = value;
    }
    read_data(old.kind(), whole, "data", album, problems)
}

fn read_data(kind: Kind, value: Value, path: &str, album: &mut Album, problems: &mut Problems) -> Option<Data> {
    let mut fields = Fields::of(value, path, problems)?;
    let fields_ = &mut fields;
    let data = match kind {
        Kind::Link => link(fields_, album),
        Kind::Header => line(fields_, "text", TITLE_CHARACTERS).map(|text| Data::Header { text }),
        Kind::Text => {
            let content = fields_.required("content", text(|content| words::lines(content, TEXT_CHARACTERS)));
            content.map(|content| Data::Text { content })
        }
        Kind::Image => image(fields_, album),
        Kind::Video => {
            let (video, title) = (fields_.required("url", text(Video::parse)), optional_line(fields_, "title"));
            video.map(|video| Data::Video(Video { title, ..video }))
        }
        Kind::Social => social(fields_),
        Kind::Email => email(fields_),
        Kind::Spotify => {
            let (music, title) = (fields_.required("url", text(Spotify::parse)), optional_line(fields_, "title"));
            music.map(|music| Data::Spotify(Spotify { title, ..music }))
        }
        Kind::Product => product(fields_, album),
    };
    fields.end();
    data
}

fn line(fields: &mut Fields<'_>, name: &'static str, most: usize) -> Option<String> {
    fields.required(name, text(|line| words::line(line, most)))
}

fn optional_line(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    fields.nullable(name, text(|line| words::line(line, TITLE_CHARACTERS))).flatten()
}

fn address(fields: &mut Fields<'_>, name: &'static str) -> Option<WebUrl> {
    fields.required(name, text(WebUrl::parse))
}

/// A picture that must be there.
fn picture(fields: &mut Fields<'_>, name: &'static str, album: &mut Album) -> Option<Picture> {
    let path = fields.path(name);
    fields.required(name, |value| read_picture(value, Purpose::Wide, &path, album))
}

fn read_picture(value: Value, purpose: Purpose, path: &str, album: &mut Album) -> Result<Picture, Refused> {
    let url = text(|url| Ok(url.to_owned()))(value)?;
    album.picture(&url, purpose, path)
}

fn link(fields: &mut Fields<'_>, album: &mut Album) -> Option<Data> {
    let (title, url) = (line(fields, "title", TITLE_CHARACTERS), fields.required("url", text(Lead::parse)));
    let path = fields.path("thumbnail_url");
    let thumbnail = fields.nullable("thumbnail_url", |value| read_picture(value, Purpose::Thumbnail, &path, album));
    Some(Data::Link { title: title?, url: url?, thumbnail: thumbnail.flatten() })
}

fn image(fields: &mut Fields<'_>, album: &mut Album) -> Option<Data> {
    let picture = picture(fields, "url", album);
    let alt = fields.required("alt", text(|alt| words::optional_line(alt, CAPTION_CHARACTERS)));
    let link = fields.nullable("link", text(WebUrl::parse)).flatten();
    let caption = fields.nullable("caption", text(|caption| words::line(caption, CAPTION_CHARACTERS))).flatten();
    if link.is_some() && alt.as_ref().is_some_and(|alt| words::line(alt, CAPTION_CHARACTERS).is_err()) {
        fields.problems.refuse(fields.path("alt"), "Must say where the picture leads, as it has a link");
    }
    Some(Data::Image { picture: picture?, alt: alt?, link, caption })
}

fn social(fields: &mut Fields<'_>) -> Option<Data> {
    if !fields.has("profiles") {
        let _ = fields.take("profiles");
        let path = fields.path("profiles");
        fields.problems.miss(&path);
        return None;
    }
    let profiles = fields.list("profiles", MOST_PROFILES, |item, path, problems| {
        let mut fields = Fields::of(item, path, problems)?;
        let platform = fields.required("platform", text(Platform::parse));
        // Of a platform that nobody knows it cannot be said where its profiles live; that they live somewhere can.
        let url = fields.required(
            "url",
            text(|url| match platform {
                Some(known) => known.parse_url(url).map(Some),
                None => check_url(url).map(|()| None),
            }),
        );
        fields.end();
        Some(Profile { platform: platform?, url: url?? })
    })?;
    if profiles.is_empty() {
        fields.problems.refuse(fields.path("profiles"), "Must have at least one profile");
        return None;
    }
    Some(Data::Social { profiles })
}

fn email(fields: &mut Fields<'_>) -> Option<Data> {
    let mode = fields.required("mode", text(EmailMode::parse));
    let title = line(fields, "title", TITLE_CHARACTERS);
    let button_text = line(fields, "button_text", BUTTON_CHARACTERS);
    let success_message = line(fields, "success_message", MESSAGE_CHARACTERS);
    let notify_email = fields.nullable("notify_email", text(Address::parse)).flatten();
    Some(Data::Email {
        mode: mode?,
        title: title?,
        button_text: button_text?,
        success_message: success_message?,
        notify_email,
    })
}

fn product(fields: &mut Fields<'_>, album: &mut Album) -> Option<Data> {
    let title = line(fields, "title", TITLE_CHARACTERS);
    let picture = picture(fields, "image_url", album);
    let currency = fields.required("currency", text(Currency::parse));
    let price = fields.required("price", |value| read_price(&value, currency));
    let (url, button_text) = (address(fields, "url"), line(fields, "button_text", BUTTON_CHARACTERS));
    Some(Data::Product { title: title?, picture: picture?, price: price??, url: url?, button_text: button_text? })
}

/// A price is a number or the text of one; how many decimals it may have depends on its currency, and nothing else does.
fn read_price(value: &Value, currency: Option<Currency>) -> Result<Option<Price>, Refused> {
    let digits = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Refused::because("Must be a number, such as 19.99")),
    };
    match currency {
        Some(currency) => Price::parse(&digits, currency).map(Some),
        None => check_amount(&digits).map(|()| None),
    }
}

/// The block at a position among these, as the API shows it.
pub(super) fn shown(blocks: &[Block], id: BlockId) -> Option<BlockBody> {
    let position = blocks.iter().position(|block| block.id == id)?;
    Some(BlockBody::of(&blocks[position], position))
}
