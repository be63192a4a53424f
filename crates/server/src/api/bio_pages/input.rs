//! What comes in for a page, read member by member.

use std::{collections::HashSet, ops::RangeInclusive, time::Duration};

use mask_core::{
    Refused,
    bio_page::{
        BioPage, Content, DESCRIPTION_CHARACTERS, MOST_BLOCKS, TITLE_CHARACTERS,
        block::{Block, Data},
        language::Language,
        words,
    },
    id::{BlockId, PageId},
    picture::Picture,
    slug::Slug,
    time::Time,
    workspace::Owner,
};
use mask_picture::photo::Purpose;
use mask_store::PageChange;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    album::Album,
    block::{self, NewBlock, Placed},
    theme::{self, ThemeChange},
};
use crate::{
    api::{
        Api,
        fields::{Fields, Problems, boolean, integer, text},
    },
    bio,
};

/// The two shapes of a page that comes in differ in whether it is new: then `title` must be there, and a null `slug` or
/// `domain` leaves the choice to us. A page that is there has both, and cannot lose them.
macro_rules! inputs {
    ($($(#[$doc:meta])+ $name:ident, $is_new:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Debug, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read by hand; this is what the document says")]
        pub(super) struct $name {
            /// Whose page it is, or what it is about: one line of at most 100 characters, some of which can be seen.
            #[schema(required = $is_new, min_length = 1, max_length = 100, example = "Ada Lovelace")]
            title: String,
            /// The path: 4–64 letters, digits, hyphens and underscores, in one namespace with links. Absent: a random one.
            #[schema(required = false, nullable = $is_new, min_length = 4, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", example = "ada-lovelace")]
            slug: String,
            /// The host. Absent: the workspace's default domain.
            #[schema(required = false, nullable = $is_new)]
            domain: String,
            /// A few sentences below the title, at most 500 characters.
            #[schema(max_length = 500)]
            description: Option<String>,
            /// The picture above the title: PNG, JPEG, WebP or SVG. It is fetched once, and our own copy is shown.
            #[schema(max_length = 8192)]
            avatar_url: Option<String>,
            /// The language that it is in (BCP 47), which also says which way it runs. Absent or null: as its letters let it be
            /// guessed, the first one before all.
            #[schema(max_length = 35, example = "pt-BR")]
            language: Option<String>,
            /// How the page looks.
            theme: Option<ThemeChange>,
            /// All its blocks, from top to bottom; at most 100. The page is at most 30 KB before pictures.
            #[schema(required = false, nullable = true, max_items = 100)]
            blocks: Vec<NewBlock>,
            /// Whether everybody may see it; a draft unless told otherwise.
            #[schema(required = false, nullable = true)]
            published: bool,
        }
    )+};
}

inputs! {
    /// A bio page to be made.
    NewBioPage, true;
    /// Changes to a bio page: what is absent stays, and null clears. `blocks` are replaced as a whole.
    BioPageChange, false;
}

/// How long somebody wants to look at a draft.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
pub(super) struct PreviewWish {
    /// Seconds for which the address shows the page: from a minute to a week, and a day unless told otherwise.
    #[schema(required = false, minimum = 60, maximum = 604_800, default = 86_400)]
    expires_in: u32,
}

/// How long a draft's address shows it, unless told otherwise.
const PREVIEW: Duration = Duration::from_hours(24);
const PREVIEW_SECONDS: RangeInclusive<u64> = 60..=604_800;

/// Reads for how long a draft is to be seen.
pub(super) fn read_preview(value: Value, problems: &mut Problems) -> Option<Duration> {
    let mut fields = Fields::of(value, "", problems)?;
    let expires_in = fields.optional("expires_in", integer(preview_time)).unwrap_or(PREVIEW);
    fields.end();
    Some(expires_in)
}

fn preview_time(seconds: i64) -> Result<Duration, Refused> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| PREVIEW_SECONDS.contains(seconds));
    let wanted = Refused::because("Must be a number of seconds from 60 to 604800, which is a week");
    seconds.map(Duration::from_secs).ok_or(wanted)
}

/// What the readers need to know of the world.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub api: &'a Api,
    /// Whose page it is.
    pub owner: Owner,
    pub now: Time,
}

impl World<'_> {
    fn domain(&self, name: &str) -> Result<String, Refused> {
        let hosts = self.api.redirects.hosts();
        hosts.usable(name, self.owner).ok_or_else(|| {
            let known = hosts.usable_names(self.owner);
            Refused::saying(format!("Must be a domain of this workspace: {}", known.join(", ")))
        })
    }

    /// The id of a new block.
    pub(super) fn block_id(&self) -> BlockId {
        BlockId::from_bits(self.api.ids.next(self.now))
    }
}

/// A page that is to be made, as far as its owner says.
pub(super) struct Asked {
    /// The host.
    pub domain: String,
    /// The path, if its owner chose one.
    pub slug: Option<Slug>,
    pub content: Content,
    pub is_published: bool,
}

/// Reads the body of a new page: `title` is required.
pub(super) fn read_new(value: Value, world: World<'_>, album: &mut Album, problems: &mut Problems) -> Option<Asked> {
    let mut fields = Fields::of(value, "", problems)?;
    let title = fields.required("title", text(|title| words::line(title, TITLE_CHARACTERS)));
    let slug = fields.nullable("slug", text(Slug::parse)).flatten();
    let domain = fields.nullable("domain", text(|name| world.domain(name))).flatten();
    let domain = domain.unwrap_or_else(|| world.api.default_domain_of(world.owner));
    check_reserved(&mut fields, world, &domain, slug.as_ref());
    let content = rest(&mut fields, world, album, title.unwrap_or_default(), None);
    let is_published = fields.nullable("published", boolean).flatten().unwrap_or(false);
    fields.end();
    let asked = Asked { domain, slug, content: content?, is_published };
    let shown_slug = asked.slug.clone().or_else(|| Slug::parse(&"x".repeat(world.api.slug_length)).ok())?;
    check_weight(world, &asked.content, &asked.domain, &shown_slug, "blocks", problems);
    Some(asked)
}

/// Reads what a page is to be from what it is and the body of a change.
pub(super) fn read_change(
    value: Value,
    old: &BioPage,
    world: World<'_>,
    album: &mut Album,
    problems: &mut Problems,
) -> Option<PageChange> {
    let mut fields = Fields::of(value, "", problems)?;
    let title = fields.optional("title", text(|title| words::line(title, TITLE_CHARACTERS)));
    let slug = fields.optional("slug", text(Slug::parse));
    let domain = fields.optional("domain", text(|name| world.domain(name)));
    let there = domain.as_ref().unwrap_or(&old.domain);
    if domain.is_some() || slug.is_some() {
        check_reserved(&mut fields, world, there, Some(slug.as_ref().unwrap_or(&old.slug)));
    }
    let title = title.unwrap_or_else(|| old.content.title.clone());
    let content = rest(&mut fields, world, album, title, Some(&old.content));
    let is_published = fields.nullable("published", boolean).map_or(old.is_published(), Option::unwrap_or_default);
    fields.end();
    let content = content?;
    // A page that was let in can be hidden or moved, whatever the way in which it is shown has come to weigh since.
    if content != old.content {
        check_weight(world, &content, there, slug.as_ref().unwrap_or(&old.slug), "blocks", problems);
    }
    Some(PageChange { domain, slug, content, is_published })
}

fn check_reserved(fields: &mut Fields<'_>, world: World<'_>, domain: &str, slug: Option<&Slug>) {
    if let Some(slug) = slug.filter(|slug| slug.is_reserved() && world.api.redirects.hosts().is_application(domain)) {
        fields.problems.refuse("slug", format!("{slug} is reserved on this domain"));
    }
}

/// What pages that are made and pages that are changed have in common.
fn rest(
    fields: &mut Fields<'_>,
    world: World<'_>,
    album: &mut Album,
    title: String,
    old: Option<&Content>,
) -> Option<Content> {
    let description = fields.nullable("description", text(read_description)).map(Option::flatten);
    let avatar = fields.nullable("avatar_url", |value| read_avatar(value, album));
    let language = fields.nullable("language", text(Language::parse));
    let theme = theme::read(fields, old.map(|old| old.theme).unwrap_or_default());
    let old_blocks = old.map(|old| &old.blocks[..]).unwrap_or_default();
    let faults = fields.problems.count();
    let blocks = read_blocks(fields, world, album, old_blocks);
    if blocks.is_none() && fields.problems.count() > faults {
        return None;
    }
    Some(Content {
        title,
        description: description.unwrap_or_else(|| old.and_then(|old| old.description.clone())),
        avatar: avatar.unwrap_or_else(|| old.and_then(|old| old.avatar.clone())),
        language: language.unwrap_or_else(|| old.and_then(|old| old.language.clone())),
        theme,
        blocks: blocks.unwrap_or_else(|| old_blocks.to_vec()),
    })
}

/// A description without a word is none.
fn read_description(description: &str) -> Result<Option<String>, Refused> {
    if description.is_empty() {
        return Ok(None);
    }
    words::lines(description, DESCRIPTION_CHARACTERS).map(Some)
}

fn read_avatar(value: Value, album: &mut Album) -> Result<Picture, Refused> {
    let url = text(|url| Ok(url.to_owned()))(value)?;
    album.picture(&url, Purpose::Avatar, "avatar_url")
}

fn read_blocks(fields: &mut Fields<'_>, world: World<'_>, album: &mut Album, old: &[Block]) -> Option<Vec<Block>> {
    fields.clear("blocks");
    let mut seen = HashSet::new();
    fields.list("blocks", MOST_BLOCKS, |item, path, problems| {
        let Placed { block, .. } = block::read_new(item, path, old, world.block_id(), album, problems)?;
        if !seen.insert(block.id) {
            problems.refuse(format!("{path}.id"), "Must not be that of another block in this list");
        }
        Some(block)
    })
}

/// Checks that a page is no longer than what is sent to a telephone in one go: [`bio::MOST_BYTES`] before pictures.
pub(super) fn check_weight(
    world: World<'_>,
    content: &Content,
    domain: &str,
    slug: &Slug,
    field: &str,
    problems: &mut Problems,
) {
    let bytes = weight(world, content, domain, slug);
    if bytes > bio::MOST_BYTES {
        let most = bio::MOST_BYTES;
        let why = format!(
            "The page would have {bytes} bytes before pictures and may have {most}: shorten its texts, or take blocks out"
        );
        problems.refuse(field, why);
    }
}

fn weight(world: World<'_>, content: &Content, domain: &str, slug: &Slug) -> usize {
    let text_bytes = |block: &Block| if let Data::Text { content } = &block.data { content.len() } else { 0 };
    let texts = content.blocks.iter().map(text_bytes).sum();
    // What is far too long is not made into a page to see by how much.
    if texts > 2 * bio::MOST_BYTES {
        return texts;
    }
    let page = BioPage {
        id: PageId::from_bits(0),
        domain: domain.to_owned(),
        slug: slug.clone(),
        content: content.clone(),
        published_at: Some(world.now),
        views: 0,
        version: 1,
        created_at: world.now,
        updated_at: world.now,
    };
    bio::weight(&page, &world.api.redirects.short_url(domain, slug.as_str()))
}
