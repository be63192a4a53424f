//! Reading a question about statistics, and describing what can be asked.
//!
//! The names and the values that are allowed are said once: the reader and the document are made of the same lists.

use mask_core::{
    Refused,
    agent::{self, BotClass, Device},
    calendar::{self, Interval, Period, Zone},
    country::Country,
    id::LinkId,
    question::{Bots, Condition, Dimension, Group, Question, Subject},
    time::Time,
};
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::shape;
use crate::api::query::{Parameters, plain};

/// Rows of an answer when nobody says how many.
const DEFAULT_LIMIT: usize = 100;
/// Most rows of an answer.
const MOST_ROWS: usize = 1000;
/// How far back a question goes when nobody says from when.
const DEFAULT_DAYS: i64 = 30;
/// How visitors come: by the link itself, a printed code, a bio page.
const SOURCES: [&str; 3] = ["link", "qr", "bio"];
/// Destinations of which a link has one at most, and `ended` for none.
const VARIANTS: [&str; 4] = ["url", "ios", "android", "ended"];
pub(in crate::api) const BOTS: [&str; 3] = ["include", "only", "exclude"];

/// What every question has: which visits it is about.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) zone: Zone,
    pub(super) period: Period,
    pub(super) link: Option<LinkId>,
    pub(super) conditions: Vec<Condition>,
    pub(super) bots: Bots,
}

/// A question whose answer has rows.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) frame: Frame,
    pub(super) by: By,
    pub(super) interval: Interval,
    pub(super) limit: usize,
    pub(super) with_visitors: bool,
}

/// What the rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum By {
    #[default]
    Time,
    HourOfDay,
    Value(Dimension),
}

impl By {
    /// The member of a row that says what it counts.
    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::Time => "date",
            Self::HourOfDay => "hour",
            Self::Value(dimension) => dimension.as_str(),
        }
    }

    fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "day" => Ok(Self::Time),
            "hour" => Ok(Self::HourOfDay),
            _ => Dimension::parse(text).map(Self::Value).map_err(|_| one_of(groups())),
        }
    }
}

impl Frame {
    /// Reads which visits are meant.
    pub(super) fn read(parameters: &mut Parameters, now: Time) -> Self {
        Self::read_with(parameters, now, Dimension::ALL, false)
    }

    /// Reads which visits are meant, by what can be told of a visit without its link.
    pub(super) fn read_of_visits(parameters: &mut Parameters, now: Time) -> Self {
        Self::read_with(parameters, now, of_visits(), false)
    }

    /// With `shows_bots`, programs are among them unless told otherwise.
    fn read_with(
        parameters: &mut Parameters,
        now: Time,
        filters: impl IntoIterator<Item = Dimension>,
        shows_bots: bool,
    ) -> Self {
        let (zone, period) = read_period(parameters, now);
        let link = parameters.optional("linkId", LinkId::parse);
        let conditions: Vec<_> =
            filters.into_iter().filter_map(|dimension| read_condition(parameters, dimension)).collect();
        let shows_bots = shows_bots || conditions.iter().any(|condition| condition.dimension == Dimension::Bot);
        let unless_told = if shows_bots { Bots::With } else { Bots::Without };
        let bots = read_bots(parameters).unwrap_or(unless_told);
        Self { zone, period, link, conditions, bots }
    }

    /// The question about these visits.
    pub(super) fn question(&self, subject: Subject, group: Group) -> Question {
        Question {
            subject,
            window: self.period.window(),
            link: self.link,
            conditions: self.conditions.clone(),
            bots: self.bots,
            group,
        }
    }
}

impl Asked {
    pub(super) fn read(parameters: &mut Parameters, subject: Subject, now: Time) -> Self {
        let by = parameters.optional("groupBy", By::parse).unwrap_or_default();
        Self {
            frame: Frame::read_with(parameters, now, Dimension::ALL, by == By::Value(Dimension::Bot)),
            by,
            interval: parameters.optional("interval", Interval::parse).unwrap_or_default(),
            limit: parameters.optional("limit", read_limit).unwrap_or(DEFAULT_LIMIT),
            with_visitors: parameters.optional("metrics", |text| read_metrics(text, subject)).unwrap_or(false),
        }
    }
}

/// The longest window: a hundred years.
const MOST_DAYS: i64 = 36_525;

/// The window, and the zone whose days it is named in.
fn read_period(parameters: &mut Parameters, now: Time) -> (Zone, Period) {
    let now = Time::from_unix_millis(now.unix_seconds() * 1000);
    let zone = parameters.optional("timezone", Zone::parse).unwrap_or_default();
    let mut is_end_readable = true;
    let end = parameters.optional("end", |text| zone.end(text).inspect_err(|_| is_end_readable = false)).unwrap_or(now);
    let start = parameters.optional("start", |text| {
        let start = zone.start(text)?;
        if start > end && is_end_readable {
            return Err(Refused::because("Must not be after `end`, which is now unless told otherwise"));
        }
        if is_end_readable && calendar::days_before(end, MOST_DAYS) > start {
            return Err(Refused::because("Must lie within 100 years before `end`"));
        }
        Ok(start)
    });
    // A window that ends long ago goes back as far from there.
    let usual = calendar::days_before(now, DEFAULT_DAYS);
    let start = start.unwrap_or(if usual <= end { usual } else { calendar::days_before(end, DEFAULT_DAYS) });
    (zone, Period { start, end })
}

pub(in crate::api) fn read_bots(parameters: &mut Parameters) -> Option<Bots> {
    parameters.optional("bots", |text| match text {
        "include" => Ok(Bots::With),
        "only" => Ok(Bots::Only),
        "exclude" => Ok(Bots::Without),
        _ => Err(one_of(BOTS)),
    })
}

fn read_condition(parameters: &mut Parameters, dimension: Dimension) -> Option<Condition> {
    let value = parameters.optional(dimension.as_str(), |text| read_value(dimension, text))?;
    Some(Condition { dimension, value })
}

/// A value, written as answers write it: what has one spelling is found in any. Where there are few, or they have a shape,
/// any other would find nothing and look like an answer. Families of browsers and systems may come from another tool, so
/// one of an unknown name is looked for as it is written.
fn read_value(dimension: Dimension, text: &str) -> Result<String, Refused> {
    if text.is_empty() {
        return Err(Refused::because("Must not be empty"));
    }
    let known = |names: Vec<&'static str>| {
        let name = names.iter().find(|name| name.eq_ignore_ascii_case(text)).map(|name| (*name).to_owned());
        name.ok_or_else(|| one_of(names))
    };
    let family = |name: Option<&'static str>| name.map_or_else(|| plain(text), |name| Ok(name.to_owned()));
    match dimension {
        Dimension::Device => known(Device::ALL.iter().map(|device| device.as_str()).collect()),
        Dimension::Bot => known(BotClass::ALL.iter().map(|class| class.as_str()).collect()),
        Dimension::Source => known(SOURCES.to_vec()),
        Dimension::Variant => read_variant(text),
        _ if is_absent(dimension, text) => Ok(dimension.absent().to_owned()),
        Dimension::Country => Country::parse(text.as_bytes())
            .map(|country| country.as_str().to_owned())
            .ok_or(Refused::because("Must be a two-letter country code (ISO 3166-1 alpha-2), or unknown")),
        Dimension::Link => LinkId::parse(text).map(|link| link.to_string()),
        Dimension::Browser => family(agent::browser_named(text)),
        Dimension::Os => family(agent::os_named(text)),
        Dimension::Language => agent::language_named(text)
            .ok_or(Refused::because("Must be a language such as pt or pt-BR (BCP 47), or unknown")),
        Dimension::Domain | Dimension::Referrer => plain(text).map(|host| host.to_ascii_lowercase()),
        _ => plain(text),
    }
}

/// Whether a value means that there is none. A tag may be called `None`, which is another.
fn is_absent(dimension: Dimension, text: &str) -> bool {
    let absent = dimension.absent();
    text == absent || !dimension.is_of_link() && text.eq_ignore_ascii_case(absent)
}

/// Reads the name of one of a link's destinations.
fn read_variant(text: &str) -> Result<String, Refused> {
    let name = text.to_ascii_lowercase();
    let place = name.strip_prefix("rule:").or_else(|| name.strip_prefix("variant:"));
    let is_place = |text: &str| text.parse::<u8>().is_ok_and(|place| place.to_string() == text);
    if VARIANTS.contains(&name.as_str()) || place.is_some_and(is_place) {
        return Ok(name);
    }
    Err(Refused::saying(format!("Must be one of {}, rule:0 and so on, variant:0 and so on", VARIANTS.join(", "))))
}

fn read_limit(text: &str) -> Result<usize, Refused> {
    let number = text.parse().ok().filter(|number| (1..=MOST_ROWS).contains(number));
    number.ok_or(Refused::because("Must be between 1 and 1000"))
}

/// Whether visitors are among the metrics; what is counted always is.
fn read_metrics(text: &str, subject: Subject) -> Result<bool, Refused> {
    let known = [shape::counted(subject), "visitors"];
    if text.split(',').all(|name| known.contains(&name)) {
        Ok(text.split(',').any(|name| name == "visitors"))
    } else {
        Err(Refused::saying(format!("Must be {0}, visitors, or both: {0},visitors", known[0])))
    }
}

pub(super) fn one_of(names: impl IntoIterator<Item = &'static str>) -> Refused {
    let names: Vec<_> = names.into_iter().collect();
    Refused::saying(format!("Must be one of {}", names.join(", ")))
}

fn groups() -> impl Iterator<Item = &'static str> {
    ["day", "hour"].into_iter().chain(Dimension::ALL.iter().map(|dimension| dimension.as_str()))
}

impl IntoParams for Asked {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST_ROWS));
        let mut all = vec![
            described(
                "groupBy",
                "What the rows are: buckets of time (`day`, the default, in the length of `interval`), hours of the day (`hour`, 00 to 23), or the values of something",
                text().enum_values(Some(groups())),
            ),
            described(
                "interval",
                "How long a bucket of time is. Days are those of `timezone`; several begin with the window's first",
                text().enum_values(Some(Interval::NAMES)).default(Some("1d".into())),
            ),
            described(
                "limit",
                "Most rows: the newest buckets, or the hours of the day or the values with most",
                limit.default(Some(DEFAULT_LIMIT.into())),
            ),
            described(
                "metrics",
                "`clicks,visitors` (for scans `scans,visitors`) adds `visitors` to each row, and `total_visitors`. A visitor counts once a day (UTC)",
                text(),
            ),
        ];
        all.extend(frame_params(Dimension::ALL));
        all
    }
}

impl IntoParams for Frame {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        frame_params(Dimension::ALL)
    }
}

/// The parameters that make a [`Frame`], with these filters.
pub(super) fn frame_params(filters: impl IntoIterator<Item = Dimension>) -> Vec<Parameter> {
    let mut all = vec![
        described(
            "start",
            "The first second: a timestamp, or a date, which means its beginning in `timezone`. 30 days ago unless told otherwise",
            text(),
        ),
        described(
            "end",
            "The last second: a timestamp, or a date, which means its end in `timezone`. Now unless told otherwise",
            text(),
        ),
        described(
            "timezone",
            "The IANA name of the time zone whose days and hours are meant, such as `Asia/Karachi`",
            text().default(Some("UTC".into())),
        ),
        described("linkId", "Visits to this link alone, also when it is no more", text()),
        described(
            "bots",
            "Whether visits by programs are meant: no (`exclude`), too (`include`), or they alone (`only`). `exclude` unless told otherwise; `include` where `groupBy` or a filter is `bot`",
            text().enum_values(Some(BOTS)),
        ),
    ];
    all.extend(filters.into_iter().map(|dimension| {
        let schema = match dimension {
            Dimension::Device => text().enum_values(Some(Device::ALL.map(Device::as_str))),
            Dimension::Bot => text().enum_values(Some(BotClass::ALL.map(BotClass::as_str))),
            Dimension::Source => text().enum_values(Some(SOURCES)),
            _ => text(),
        };
        described(dimension.as_str(), filter_text(dimension), schema)
    }));
    all
}

/// What can be told of a visit without its link.
pub(super) fn of_visits() -> impl Iterator<Item = Dimension> {
    Dimension::ALL.into_iter().filter(|dimension| !dimension.is_of_link())
}

fn filter_text(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Country => "Only from this country, ISO 3166-1 alpha-2, or `unknown`",
        Dimension::Region => "Only from this region",
        Dimension::City => "Only from this city",
        Dimension::Device => "Only with this class of device",
        Dimension::Browser => "Only with this family of browser, such as `Chrome`, in any case",
        Dimension::Os => "Only with this family of operating system, such as `iOS`, in any case",
        Dimension::Language => "Only by visitors whose first language is this, such as `pt-BR`",
        Dimension::Referrer => "Only from this site, or `direct`",
        Dimension::ReferrerUrl => "Only from this page, or `direct`",
        Dimension::Source => "Only by this way: the link itself, a printed code, a bio page",
        Dimension::Variant => {
            "Only to this of a link's destinations: `url`, `ios`, `android`, `rule:0`, `variant:0`; or where it had `ended`"
        }
        Dimension::Bot => "Only by this class of client",
        Dimension::Link => "Only to this link, by its id",
        Dimension::Domain => "Only to links that are on this host now",
        Dimension::Tag => "Only to links that have this tag now, or `none`",
        Dimension::Campaign | Dimension::UtmCampaign => "Only to links that have this `utm_campaign` now, or `none`",
        Dimension::UtmSource => "Only to links that have this `utm_source` now, or `none`",
        Dimension::UtmMedium => "Only to links that have this `utm_medium` now, or `none`",
        Dimension::UtmTerm => "Only to links that have this `utm_term` now, or `none`",
        Dimension::UtmContent => "Only to links that have this `utm_content` now, or `none`",
    }
}

pub(in crate::api) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(in crate::api) fn described(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
