//! What comes in for a link: read member by member into a [`Change`].

use mask_core::{
    Refused, address,
    agent::Device,
    change::{Change, PreviewChange, Set},
    destination::{AppTarget, WebUrl},
    link::{self, MOST_TAGS, MOST_VARIANTS, RedirectStatus, Tag, Variant},
    rule::{self, Condition, Rule, Schedule},
    slug::Slug,
    time::Time,
    workspace::Owner,
};
use serde_json::Value;
use utoipa::ToSchema;

use super::shape::{PreviewBody, RuleBody, VariantBody};
use crate::{
    api::fields::{Fields, Problems, boolean, integer, text},
    redirect::Hosts,
};

/// Most members of one list of a condition.
const MOST_PER_CONDITION: usize = 50;

/// The two shapes of a link that comes in differ in one word, whether it is new: then `url` must be there, and a null
/// `slug` or `domain` leaves the choice to us. A link that is there has both, and cannot lose them.
macro_rules! inputs {
    ($($(#[$doc:meta])+ $name:ident, $is_new:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Debug, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read by hand; this is what the document says")]
        pub(super) struct $name {
            /// Where it leads: `https://`, at most 8,192 bytes, no credentials, not a short link of this service.
            #[schema(required = $is_new, pattern = "^[hH][tT][tT][pP][sS]://", max_length = 8192, example = "https://example.com/spring?ref=mask")]
            url: String,
            /// The path: 4–64 letters, digits, hyphens and underscores. Absent: a random one.
            #[schema(required = false, nullable = $is_new, min_length = 4, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", example = "spring-sale")]
            slug: String,
            /// The host. Absent: the workspace's default domain.
            #[schema(required = false, nullable = $is_new)]
            domain: String,
            /// A name for people, at most 255 characters.
            #[schema(max_length = 255)]
            title: Option<String>,
            /// Tags, each of 1–50 characters.
            #[schema(required = false, nullable = true, max_items = 20)]
            tags: Vec<String>,
            /// Set on the destination as `utm_source`.
            #[schema(max_length = 255)]
            utm_source: Option<String>,
            /// Set on the destination as `utm_medium`.
            #[schema(max_length = 255)]
            utm_medium: Option<String>,
            /// Set on the destination as `utm_campaign`.
            #[schema(max_length = 255)]
            utm_campaign: Option<String>,
            /// Set on the destination as `utm_term`.
            #[schema(max_length = 255)]
            utm_term: Option<String>,
            /// Set on the destination as `utm_content`.
            #[schema(max_length = 255)]
            utm_content: Option<String>,
            /// When it stops leading to its destination; in the future.
            #[schema(format = DateTime)]
            expires_at: Option<String>,
            /// Where iOS devices are sent: `https://` or an app's own scheme.
            ios_target: Option<String>,
            /// Where Android devices are sent: `https://` or an app's own scheme.
            android_target: Option<String>,
            /// The password that opens it, 1–128 characters. Never shown again.
            #[schema(min_length = 1, max_length = 128)]
            password: Option<String>,
            /// The status of the redirect: 301, 302, 307 or 308. Absent: 302.
            #[schema(required = false, nullable = true, example = 302)]
            redirect_status: u16,
            /// After how many clicks by people it stops.
            #[schema(minimum = 1)]
            click_limit: Option<i64>,
            /// Where it leads once it has stopped.
            expired_url: Option<String>,
            /// Your own id for it, 1–255 characters, unique among your links.
            #[schema(min_length = 1, max_length = 255)]
            external_id: Option<String>,
            /// Leaves it out of lists; it still redirects.
            #[schema(required = false, nullable = true)]
            archived: bool,
            /// Conditions under which it leads elsewhere; the first that matches wins.
            #[schema(required = false, nullable = true, max_items = 50)]
            rules: Vec<RuleBody>,
            /// Destinations among which visitors are divided by weight, each visitor always to the same.
            #[schema(required = false, nullable = true, max_items = 20)]
            variants: Vec<VariantBody>,
            /// What link-preview crawlers are shown.
            preview: Option<PreviewBody>,
        }
    )+};
}

inputs! {
    /// A link to be made.
    NewLink, true;
    /// Changes to a link: what is absent stays, and null clears.
    LinkChange, false;
}

/// What a body asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The change, but for the password.
    pub change: Change,
    /// The password in clear, on its way to being hashed.
    pub password: Set<String>,
}

/// What the reader needs to know of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    /// Which hosts are ours.
    pub hosts: &'a Hosts,
    /// Who asks.
    pub owner: Owner,
    /// Where links live unless told otherwise.
    pub default_domain: &'a str,
    /// The time.
    pub now: Time,
}

impl World<'_> {
    fn url(&self, address: &str) -> Result<WebUrl, Refused> {
        let url = WebUrl::parse(address)?;
        let (host, path) = url.host_and_path();
        if self.hosts.is_served(&host) && address::may_be_short_link(&path) {
            return Err(Refused::because("Must not be a short link of this service: that could lead in a circle"));
        }
        Ok(url)
    }

    fn target(&self, address: &str) -> Result<AppTarget, Refused> {
        let target = AppTarget::parse(address)?;
        if WebUrl::parse(address).is_ok() {
            self.url(address)?;
        }
        Ok(target)
    }
}

/// Reads the body of a new link: `url` is required.
pub(super) fn read_new(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    read(value, world, problems, true)
}

/// Reads the body of a change.
pub(super) fn read_change(value: Value, world: World<'_>, problems: &mut Problems) -> Asked {
    read(value, world, problems, false)
}

fn read(value: Value, world: World<'_>, problems: &mut Problems, is_new: bool) -> Asked {
    let Some(mut fields) = Fields::of(value, "", problems) else { return Asked::default() };
    let asked = members(&mut fields, world, is_new);
    fields.end();
    asked
}

fn members(fields: &mut Fields<'_>, world: World<'_>, is_new: bool) -> Asked {
    for name in ["tags", "rules", "variants"] {
        fields.clear(name);
    }
    let line = || text(link::parse_title);
    let url = text(|address| world.url(address));
    let known_host = |name: &str| {
        world.hosts.usable(name, world.owner).ok_or_else(|| {
            let known = world.hosts.usable_names(world.owner);
            Refused::saying(format!("Must be a domain of this workspace: {}", known.join(", ")))
        })
    };
    let change = Change {
        url: if is_new { fields.required("url", &url) } else { fields.optional("url", &url) },
        slug: if is_new {
            fields.nullable("slug", text(Slug::parse)).flatten()
        } else {
            fields.optional("slug", text(Slug::parse))
        },
        domain: if is_new {
            fields.nullable("domain", text(known_host)).flatten()
        } else {
            fields.optional("domain", text(known_host))
        },
        title: fields.nullable("title", line()),
        tags: fields.texts("tags", MOST_TAGS, Tag::parse).map(without_repeats),
        utm_source: fields.nullable("utm_source", line()),
        utm_medium: fields.nullable("utm_medium", line()),
        utm_campaign: fields.nullable("utm_campaign", line()),
        utm_term: fields.nullable("utm_term", line()),
        utm_content: fields.nullable("utm_content", line()),
        expires_at: fields.nullable("expires_at", text(|time| link::parse_expiry(time, world.now))),
        ios_target: fields.nullable("ios_target", text(|address| world.target(address))),
        android_target: fields.nullable("android_target", text(|address| world.target(address))),
        password_hash: None,
        redirect_status: fields
            .nullable("redirect_status", integer(RedirectStatus::parse))
            .map(Option::unwrap_or_default),
        click_limit: fields.nullable("click_limit", integer(link::parse_click_limit)),
        expired_url: fields.nullable("expired_url", &url),
        external_id: fields.nullable("external_id", text(link::parse_external_id)),
        is_archived: fields.nullable("archived", boolean).map(Option::unwrap_or_default),
        rules: fields.list("rules", rule::MOST, |item, path, problems| read_rule(item, path, problems, world)),
        variants: fields
            .list("variants", MOST_VARIANTS, |item, path, problems| read_variant(item, path, problems, world)),
        preview: read_preview(fields),
    };
    if let Some(slug) = change.slug.as_ref().filter(|slug| slug.is_reserved()) {
        let domain = change.domain.clone().unwrap_or_else(|| world.hosts.default_of(world.owner, world.default_domain));
        if world.hosts.is_application(&domain) {
            fields.problems.refuse("slug", format!("{slug} is reserved on this domain"));
        }
    }
    let password =
        fields.nullable("password", text(|password| link::parse_password(password).map(|()| password.to_owned())));
    Asked { change, password }
}

fn without_repeats(tags: Vec<Tag>) -> Vec<Tag> {
    let mut seen = std::collections::HashSet::new();
    tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect()
}

fn read_rule(item: Value, path: &str, problems: &mut Problems, world: World<'_>) -> Option<Rule> {
    let mut fields = Fields::of(item, path, problems)?;
    let url = fields.required("url", text(|address| world.url(address)));
    let when = match fields.take("when") {
        None | Some(Value::Null) => {
            let path = fields.path("when");
            fields.problems.miss(&path);
            None
        }
        Some(when) => {
            let path = fields.path("when");
            read_condition(when, &path, fields.problems)
        }
    };
    fields.end();
    Some(Rule { url: url?, when: when? })
}

fn read_condition(value: Value, path: &str, problems: &mut Problems) -> Option<Condition> {
    let device = |name: &str| {
        Device::parse(name).ok_or_else(|| {
            let known: Vec<_> = Device::ALL.iter().map(|device| device.as_str()).collect();
            Refused::saying(format!("Must be one of {}", known.join(", ")))
        })
    };
    let faults = problems.count();
    let mut fields = Fields::of(value, path, problems)?;
    let condition = Condition {
        country: fields.texts("country", MOST_PER_CONDITION, rule::parse_country).unwrap_or_default(),
        device: fields.texts("device", MOST_PER_CONDITION, device).unwrap_or_default(),
        os: fields.texts("os", MOST_PER_CONDITION, rule::parse_family).unwrap_or_default(),
        browser: fields.texts("browser", MOST_PER_CONDITION, rule::parse_family).unwrap_or_default(),
        language: fields.texts("language", MOST_PER_CONDITION, rule::parse_language).unwrap_or_default(),
        schedule: read_schedule(&mut fields),
    };
    fields.end();
    if condition.is_empty() && problems.count() == faults {
        problems.refuse(path, "Must name at least one condition");
    }
    Some(condition)
}

fn read_schedule(fields: &mut Fields<'_>) -> Option<Schedule> {
    let path = fields.path("schedule");
    let value = fields.take("schedule")?;
    let mut fields = Fields::of(value, &path, fields.problems)?;
    let moment = || text(Time::parse);
    let schedule = Schedule {
        timezone: fields.optional("timezone", text(rule::parse_timezone)).unwrap_or_else(|| "UTC".to_owned()),
        days: fields.texts("days", 7, rule::parse_day).unwrap_or_default(),
        from: fields.nullable("from", text(rule::parse_clock)).flatten(),
        to: fields.nullable("to", text(rule::parse_clock)).flatten(),
        starts_at: fields.nullable("starts_at", moment()).flatten(),
        ends_at: fields.nullable("ends_at", moment()).flatten(),
    };
    fields.end();
    Some(schedule)
}

fn read_variant(item: Value, path: &str, problems: &mut Problems, world: World<'_>) -> Option<Variant> {
    let mut fields = Fields::of(item, path, problems)?;
    let url = fields.required("url", text(|address| world.url(address)));
    let weight = fields.required("weight", integer(link::parse_weight));
    fields.end();
    Some(Variant { url: url?, weight: weight? })
}

fn read_preview(fields: &mut Fields<'_>) -> Set<PreviewChange> {
    let path = fields.path("preview");
    let value = match fields.take("preview")? {
        Value::Null => return Some(None),
        value => value,
    };
    let mut fields = Fields::of(value, &path, fields.problems)?;
    let preview = PreviewChange {
        title: fields.nullable("title", text(|title| link::parse_text(title, 255))),
        description: fields.nullable("description", text(|description| link::parse_text(description, 500))),
        image_url: fields.nullable("image_url", text(WebUrl::parse)),
    };
    fields.end();
    Some(Some(preview))
}
