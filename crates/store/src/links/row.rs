//! A link as a row, and back. What is a list or an object in the link is JSON text in the row, in shapes of the store's
//! own: the API's may change without touching what is stored.

use mask_core::{
    agent::Device,
    destination::{AppTarget, Utm, WebUrl},
    id::LinkId,
    link::{Content, Link, Preview, RedirectStatus, Tag, Variant},
    rule::{self, Condition, Rule, Schedule},
    slug::Slug,
    time::Time,
    workspace::Owner,
};
use serde::{Deserialize, Serialize};

use super::Found;
use crate::{
    Error, bio_pages,
    db::{Dialect, Row, Tx, Value, values},
    workspaces,
};

/// The columns of a link, in the order in which [`link`] reads and [`content`] writes them.
const COLUMNS: &str = "id, domain, slug, clicks, version, created_at, updated_at, \
    url, title, tags, utm_source, utm_medium, utm_campaign, utm_term, utm_content, expires_at, ios_target, android_target, \
    password_hash, redirect_status, click_limit, expired_url, external_id, is_archived, rules, variants, preview";

/// The names of what [`content`] answers.
pub(super) const CONTENT: [&str; 21] = [
    "url",
    "title",
    "tags",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "expires_at",
    "ios_target",
    "android_target",
    "password_hash",
    "redirect_status",
    "click_limit",
    "expired_url",
    "external_id",
    "is_archived",
    "rules",
    "variants",
    "preview",
    "search_text",
];

/// A query for links.
pub(super) fn select(condition: &str) -> String {
    format!("SELECT {COLUMNS} FROM links WHERE {condition}")
}

/// A query for links that may use just these ways into the table.
pub(super) fn select_from(from: &str, condition: &str) -> String {
    format!("SELECT {COLUMNS} FROM links {from} WHERE {condition}")
}

pub(super) fn by_id(tx: &mut Tx<'_>, owner: Owner, id: LinkId) -> Result<Option<Link>, Error> {
    tx.first(&select("id = $1 AND owner = $2"), &values![id, owner])?.map(link).transpose()
}

/// A link that this transaction is about to change: nobody else changes it until it ends. On SQLite nobody can anyhow.
pub(super) fn to_change(tx: &mut Tx<'_>, condition: &str, bound: &[Value]) -> Result<Option<Link>, Error> {
    let lock = if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" };
    tx.first(&format!("{}{lock}", select(condition)), bound)?.map(link).transpose()
}

pub(super) fn find(tx: &mut Tx<'_>, domain: &str, slug_key: &str) -> Result<Found, Error> {
    let is_there = workspaces::is_there("owner");
    let sql = format!("SELECT {COLUMNS}, owner, {is_there} FROM links WHERE domain = $1 AND slug_key = $2");
    if let Some(row) = tx.first(&sql, &values![domain, slug_key])? {
        let (link, mut rest) = read(row)?;
        let owner = Owner::from_number(rest.integer("owner")?);
        return Ok(if rest.boolean("owner")? { Found::Link(Box::new(link), owner) } else { Found::Gone });
    }
    if let Some((page, owner, is_there)) = bio_pages::at_address(tx, domain, slug_key)? {
        return Ok(if is_there { Found::Page(Box::new(page), owner) } else { Found::Gone });
    }
    let reserved =
        tx.first("SELECT 1 FROM reserved_slugs WHERE domain = $1 AND slug_key = $2", &values![domain, slug_key])?;
    Ok(if reserved.is_some() { Found::Gone } else { Found::Nothing })
}

/// The link in a row of [`select`].
pub(super) fn link(row: Row) -> Result<Link, Error> {
    read(row).map(|(link, _)| link)
}

fn read(row: Row) -> Result<(Link, crate::db::Columns), Error> {
    let mut row = row.columns("links");
    let link = Link {
        id: row.parsed("id", LinkId::parse)?,
        domain: row.text("domain")?,
        slug: row.parsed("slug", Slug::parse)?,
        clicks: row.integer("clicks")?,
        version: row.integer("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        content: Content {
            url: row.parsed("url", WebUrl::parse)?,
            title: row.optional_text("title")?,
            tags: row.parsed("tags", read_tags)?,
            utm: Utm {
                source: row.optional_text("utm_source")?,
                medium: row.optional_text("utm_medium")?,
                campaign: row.optional_text("utm_campaign")?,
                term: row.optional_text("utm_term")?,
                content: row.optional_text("utm_content")?,
            },
            expires_at: row.optional_time("expires_at")?,
            ios_target: row.optional_parsed("ios_target", AppTarget::parse)?,
            android_target: row.optional_parsed("android_target", AppTarget::parse)?,
            password_hash: row.optional_text("password_hash")?,
            redirect_status: {
                let number = row.integer("redirect_status")?;
                RedirectStatus::parse(number).map_err(|_| row.corrupt("redirect_status"))?
            },
            click_limit: row.optional_integer("click_limit")?,
            expired_url: row.optional_parsed("expired_url", WebUrl::parse)?,
            external_id: row.optional_text("external_id")?,
            is_archived: row.boolean("is_archived")?,
            rules: row.optional_parsed("rules", read_rules)?.unwrap_or_default(),
            variants: row.optional_parsed("variants", read_variants)?.unwrap_or_default(),
            preview: row.optional_parsed("preview", read_preview)?,
        },
    };
    Ok((link, row))
}

/// The values of [`CONTENT`].
pub(super) fn content(slug: &Slug, content: &Content) -> [Value; 21] {
    let utm = &content.utm;
    values![
        content.url.as_str(),
        content.title.as_ref(),
        write_tags(&content.tags),
        utm.source.as_ref(),
        utm.medium.as_ref(),
        utm.campaign.as_ref(),
        utm.term.as_ref(),
        utm.content.as_ref(),
        content.expires_at,
        content.ios_target.as_ref().map(AppTarget::as_str),
        content.android_target.as_ref().map(AppTarget::as_str),
        content.password_hash.as_ref(),
        content.redirect_status.number(),
        content.click_limit,
        content.expired_url.as_ref().map(WebUrl::as_str),
        content.external_id.as_ref(),
        content.is_archived,
        (!content.rules.is_empty()).then(|| write_rules(&content.rules)),
        (!content.variants.is_empty()).then(|| write_variants(&content.variants)),
        content.preview.as_ref().map(write_preview),
        search_text(slug, content),
    ]
}

/// What a search looks through, in lower case; the parts are lines, so that no match spans two of them.
fn search_text(slug: &Slug, content: &Content) -> String {
    let parts = [slug.as_str(), content.url.as_str()]
        .into_iter()
        .chain(content.title.as_deref())
        .chain(content.external_id.as_deref())
        .chain(content.tags.iter().map(Tag::as_str));
    fold(&parts.collect::<Vec<_>>().join("\n"))
}

/// Lower case, letter by letter: a part of a text then folds to a part of what the text folds to. For the same reason
/// sigma has one form here, as the one at the end of a word is in the middle of another.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers always have JSON")
}

fn write_tags(tags: &[Tag]) -> String {
    json(&tags.iter().map(Tag::as_str).collect::<Vec<_>>())
}

/// The tags in the column of that name.
pub(crate) fn read_tags(text: &str) -> Result<Vec<Tag>, ()> {
    let tags: Vec<String> = serde_json::from_str(text).map_err(drop)?;
    tags.iter().map(|tag| Tag::parse(tag).map_err(drop)).collect()
}

#[derive(Serialize, Deserialize)]
struct StoredVariant {
    url: String,
    weight: u32,
}

fn write_variants(variants: &[Variant]) -> String {
    json(
        &variants
            .iter()
            .map(|variant| StoredVariant { url: variant.url.as_str().to_owned(), weight: variant.weight })
            .collect::<Vec<_>>(),
    )
}

fn read_variants(text: &str) -> Result<Vec<Variant>, ()> {
    let variants: Vec<StoredVariant> = serde_json::from_str(text).map_err(drop)?;
    variants
        .into_iter()
        .map(|variant| Ok(Variant { url: WebUrl::parse(&variant.url).map_err(drop)?, weight: variant.weight }))
        .collect()
}

#[derive(Serialize, Deserialize)]
struct StoredPreview {
    title: Option<String>,
    description: Option<String>,
    image_url: Option<String>,
}

fn write_preview(preview: &Preview) -> String {
    json(&StoredPreview {
        title: preview.title.clone(),
        description: preview.description.clone(),
        image_url: preview.image_url.as_ref().map(|url| url.as_str().to_owned()),
    })
}

fn read_preview(text: &str) -> Result<Preview, ()> {
    let stored: StoredPreview = serde_json::from_str(text).map_err(drop)?;
    let image_url = stored.image_url.map(|url| WebUrl::parse(&url)).transpose().map_err(drop)?;
    Ok(Preview { title: stored.title, description: stored.description, image_url })
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct StoredRule {
    url: String,
    country: Vec<String>,
    device: Vec<String>,
    os: Vec<String>,
    browser: Vec<String>,
    language: Vec<String>,
    schedule: Option<StoredSchedule>,
}

#[derive(Serialize, Deserialize)]
struct StoredSchedule {
    timezone: String,
    days: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
}

fn write_rules(rules: &[Rule]) -> String {
    json(&rules.iter().map(stored_rule).collect::<Vec<_>>())
}

fn stored_rule(rule: &Rule) -> StoredRule {
    let when = &rule.when;
    StoredRule {
        url: rule.url.as_str().to_owned(),
        country: when.country.clone(),
        device: when.device.iter().map(|device| device.as_str().to_owned()).collect(),
        os: when.os.clone(),
        browser: when.browser.clone(),
        language: when.language.clone(),
        schedule: when.schedule.as_ref().map(|schedule| StoredSchedule {
            timezone: schedule.timezone.clone(),
            days: schedule.days.iter().map(|day| rule::day_name(*day).to_owned()).collect(),
            from: schedule.from.map(rule::clock_text),
            to: schedule.to.map(rule::clock_text),
            starts_at: schedule.starts_at.map(Time::unix_millis),
            ends_at: schedule.ends_at.map(Time::unix_millis),
        }),
    }
}

fn read_rules(text: &str) -> Result<Vec<Rule>, ()> {
    let rules: Vec<StoredRule> = serde_json::from_str(text).map_err(drop)?;
    rules.into_iter().map(read_rule).collect()
}

fn read_rule(stored: StoredRule) -> Result<Rule, ()> {
    let schedule = stored.schedule.map(|schedule| {
        let clock = |text: Option<String>| text.map(|text| rule::parse_clock(&text)).transpose();
        Ok(Schedule {
            timezone: schedule.timezone,
            days: schedule.days.iter().map(|day| rule::parse_day(day)).collect::<Result<_, _>>()?,
            from: clock(schedule.from)?,
            to: clock(schedule.to)?,
            starts_at: schedule.starts_at.map(Time::from_unix_millis),
            ends_at: schedule.ends_at.map(Time::from_unix_millis),
        })
    });
    let device = stored.device.iter().map(|device| Device::parse(device).ok_or(())).collect::<Result<_, _>>()?;
    Ok(Rule {
        url: WebUrl::parse(&stored.url).map_err(drop)?,
        when: Condition {
            country: stored.country,
            device,
            os: stored.os,
            browser: stored.browser,
            language: stored.language,
            schedule: schedule.transpose().map_err(|_: mask_core::Refused| ())?,
        },
    })
}
