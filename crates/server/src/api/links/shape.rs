//! A link's JSON: what goes out, and what the document says of what comes in.

use mask_core::{
    country::Country,
    destination::{AppTarget, WebUrl},
    link::{Link, Preview, Tag, Variant},
    rule::{self, Rule, Schedule},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{api::error::Detail, redirect::Hosts};

/// A short link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Link)]
pub(in crate::api) struct LinkBody {
    /// The link's id.
    #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// Where it leads.
    #[schema(example = "https://example.com/spring?ref=mask")]
    url: String,
    /// The address to share.
    #[schema(example = "https://mask.pk/spring")]
    short_url: String,
    /// The path, in the case that it was given in; found without regard to case.
    #[schema(example = "spring")]
    slug: String,
    /// The host.
    #[schema(example = "mask.pk")]
    domain: String,
    /// A name for people.
    title: Option<String>,
    /// Tags.
    tags: Vec<String>,
    /// How often people followed it.
    clicks: i64,
    /// Set on the destination as `utm_source`.
    utm_source: Option<String>,
    /// Set on the destination as `utm_medium`.
    utm_medium: Option<String>,
    /// Set on the destination as `utm_campaign`.
    utm_campaign: Option<String>,
    /// When it stops leading to its destination.
    #[schema(format = DateTime, example = "2027-03-24T14:00:00Z")]
    expires_at: Option<String>,
    /// Where iOS devices are sent.
    ios_target: Option<String>,
    /// Where Android devices are sent.
    android_target: Option<String>,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When its owner last changed it.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// Set on the destination as `utm_term`.
    utm_term: Option<String>,
    /// Set on the destination as `utm_content`.
    utm_content: Option<String>,
    /// Whether a password is asked for.
    has_password: bool,
    /// The status of the redirect.
    #[schema(example = 302)]
    redirect_status: u16,
    /// After how many clicks it stops.
    click_limit: Option<i64>,
    /// Where it leads once it has stopped.
    expired_url: Option<String>,
    /// The owner's own id for it.
    external_id: Option<String>,
    /// Whether it is left out of lists.
    archived: bool,
    /// Conditions under which it leads elsewhere; the first that matches wins.
    rules: Vec<RuleBody>,
    /// Destinations among which visitors are divided.
    variants: Vec<VariantBody>,
    /// What link-preview crawlers are shown.
    preview: Option<PreviewBody>,
}

/// A condition and where it leads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rule)]
pub(super) struct RuleBody {
    /// What must hold.
    when: ConditionBody,
    /// Where it leads.
    #[schema(pattern = "^[hH][tT][tT][pP][sS]://", max_length = 8192, example = "https://example.com/de")]
    url: String,
}

/// What must hold: every part that is given, and of each list one member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Condition)]
pub(super) struct ConditionBody {
    /// Countries, ISO 3166-1 alpha-2. Does not match while the visitor's country is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50, inline, value_type = Vec<CountryCode>)]
    country: Vec<String>,
    /// Device classes: `desktop`, `mobile`, `tablet`, `tv`, `console`, `other`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    device: Vec<String>,
    /// Families of operating systems, such as `iOS` or `Windows`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    os: Vec<String>,
    /// Families of browsers, such as `Chrome` or `Safari`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    browser: Vec<String>,
    /// Languages, such as `pt` or `pt-BR`, compared with the visitor's first choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    language: Vec<String>,
    /// Days and hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schedule: Option<ScheduleBody>,
}

/// A country, as the document shows it.
enum CountryCode {}

impl PartialSchema for CountryCode {
    fn schema() -> RefOr<Schema> {
        let codes: Vec<_> = Country::all().map(|country| country.as_str().to_owned()).collect();
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
    }
}

impl ToSchema for CountryCode {}

/// Days and hours in a time zone, within an optional span of time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Schedule)]
pub(super) struct ScheduleBody {
    /// IANA name of the zone; UTC unless told otherwise.
    #[schema(required = false, example = "Asia/Karachi")]
    timezone: String,
    /// Days of the week: `mon` to `sun`; none means each.
    #[schema(required = false, max_items = 7)]
    days: Vec<String>,
    /// From this time of day, inclusive.
    #[schema(example = "09:00")]
    from: Option<String>,
    /// Until this time of day, exclusive; earlier than `from` means over midnight.
    #[schema(example = "17:30")]
    to: Option<String>,
    /// Not before this moment.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Not from this moment on.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// One of several destinations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Variant)]
pub(super) struct VariantBody {
    /// Where it leads.
    #[schema(pattern = "^[hH][tT][tT][pP][sS]://", max_length = 8192, example = "https://example.com/b")]
    url: String,
    /// Its share against the sum of all: 0 to 10,000.
    #[schema(minimum = 0, maximum = 10000, example = 50)]
    weight: u32,
}

/// What link-preview crawlers are shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Preview)]
pub(super) struct PreviewBody {
    /// The headline.
    #[schema(max_length = 255)]
    title: Option<String>,
    /// The text below it.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// The picture.
    image_url: Option<String>,
}

impl LinkBody {
    /// The link as the API shows it.
    pub(in crate::api) fn of(link: &Link, hosts: &Hosts) -> Self {
        let content = &link.content;
        let url = |url: &WebUrl| url.as_str().to_owned();
        let target = |target: &AppTarget| target.as_str().to_owned();
        Self {
            id: link.id.to_string(),
            url: url(&content.url),
            short_url: hosts.short_url(&link.domain, link.slug.as_str()),
            slug: link.slug.to_string(),
            domain: link.domain.clone(),
            title: content.title.clone(),
            tags: content.tags.iter().map(|tag: &Tag| tag.as_str().to_owned()).collect(),
            clicks: link.clicks,
            utm_source: content.utm.source.clone(),
            utm_medium: content.utm.medium.clone(),
            utm_campaign: content.utm.campaign.clone(),
            expires_at: content.expires_at.map(|time| time.to_string()),
            ios_target: content.ios_target.as_ref().map(target),
            android_target: content.android_target.as_ref().map(target),
            created_at: link.created_at.to_string(),
            updated_at: link.updated_at.to_string(),
            utm_term: content.utm.term.clone(),
            utm_content: content.utm.content.clone(),
            has_password: content.password_hash.is_some(),
            redirect_status: content.redirect_status.number(),
            click_limit: content.click_limit,
            expired_url: content.expired_url.as_ref().map(url),
            external_id: content.external_id.clone(),
            archived: content.is_archived,
            rules: content.rules.iter().map(RuleBody::of).collect(),
            variants: content.variants.iter().map(VariantBody::of).collect(),
            preview: content.preview.as_ref().map(PreviewBody::of),
        }
    }
}

impl RuleBody {
    fn of(rule: &Rule) -> Self {
        let when = &rule.when;
        Self {
            url: rule.url.as_str().to_owned(),
            when: ConditionBody {
                country: when.country.clone(),
                device: when.device.iter().map(|device| device.as_str().to_owned()).collect(),
                os: when.os.clone(),
                browser: when.browser.clone(),
                language: when.language.clone(),
                schedule: when.schedule.as_ref().map(ScheduleBody::of),
            },
        }
    }
}

impl ScheduleBody {
    fn of(schedule: &Schedule) -> Self {
        Self {
            timezone: schedule.timezone.clone(),
            days: schedule.days.iter().map(|day| rule::day_name(*day).to_owned()).collect(),
            from: schedule.from.map(rule::clock_text),
            to: schedule.to.map(rule::clock_text),
            starts_at: schedule.starts_at.map(|time| time.to_string()),
            ends_at: schedule.ends_at.map(|time| time.to_string()),
        }
    }
}

impl VariantBody {
    fn of(variant: &Variant) -> Self {
        Self { url: variant.url.as_str().to_owned(), weight: variant.weight }
    }
}

impl PreviewBody {
    fn of(preview: &Preview) -> Self {
        Self {
            title: preview.title.clone(),
            description: preview.description.clone(),
            image_url: preview.image_url.as_ref().map(|url| url.as_str().to_owned()),
        }
    }
}

/// A page of links.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LinkList {
    /// The links.
    pub data: Vec<LinkBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

/// Where the next page of a list begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    /// Whether there is a next page.
    pub has_more: bool,
    /// To be sent as `cursor` for the next page; null on the last.
    pub cursor: Option<String>,
}

impl Pagination {
    /// Of a list whose next page begins there.
    pub fn of(next: Option<&mask_core::cursor::Cursor>) -> Self {
        Self { has_more: next.is_some(), cursor: next.map(mask_core::cursor::Cursor::encode) }
    }
}

/// What became of one item of a bulk request: a `link`, or an `error`, or neither where there is nothing to show.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkItem {
    /// The status that a request for this item alone would have got.
    #[schema(example = 201)]
    pub status: u16,
    /// The id that was sent, where ids were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// The link.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub link: Option<LinkBody>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<ErrorMembers>)]
    pub error: Option<Value>,
}

/// The answers to a bulk request, in the order of its items.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkAnswer {
    /// One for each item.
    pub data: Vec<BulkItem>,
}

/// What every error has.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorMembers {
    /// One of the documented codes.
    #[schema(example = "validation_error")]
    code: String,
    /// A sentence for people.
    #[schema(example = "Request body failed validation.")]
    message: String,
    /// The fields at fault.
    #[schema(required = false)]
    details: Vec<Detail>,
    /// The scope that the key lacks.
    #[schema(required = false, nullable = false)]
    required_scope: Option<String>,
    /// Seconds after which it is worth trying again.
    #[schema(required = false, nullable = false)]
    retry_after: Option<u64>,
    /// Names the request in the server's log.
    #[schema(example = "req_5f0c2a9b1e34")]
    request_id: String,
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// What went wrong.
    error: ErrorMembers,
}
