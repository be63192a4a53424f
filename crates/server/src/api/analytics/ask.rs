//! Reading a question about statistics.
//!
//! The names and the values that are allowed are said once: the reader and the document ([`super::params`]) are made of the
//! same lists.

use super::shape;
use crate::api::query::{Parameters, plain};
use mask_core::{
    Refused,
    agent::{self, BotClass, Device},
    calendar::{self, Interval, Period, Zone},
    country::Country,
    id::{BlockId, LinkId, PageId, QrId},
    question::{Bots, Condition, Dimension, Group, Question, Subject},
    time::Time,
    visit::Target,
};

/// Rows of an answer when nobody says how many.
pub(super) const DEFAULT_LIMIT: usize = 100;
/// Most rows of an answer.
pub(super) const MOST_ROWS: usize = 1000;
/// How far back a question goes when nobody says from when.
const DEFAULT_DAYS: i64 = 30;
/// How visitors come: by the link itself, a printed code, a bio page.
pub(super) const SOURCES: [&str; 3] = ["link", "qr", "bio"];
/// Destinations of which a link has one at most, and `ended` for none.
const VARIANTS: [&str; 4] = ["url", "ios", "android", "ended"];
pub(in crate::api) const BOTS: [&str; 3] = ["include", "only", "exclude"];

/// What every question has: which visits it is about.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) zone: Zone,
    pub(super) period: Period,
    /// Of what alone.
    pub(super) of: Option<Target>,
    pub(super) conditions: Vec<Condition>,
    pub(super) bots: Bots,
}

/// A question whose answer has rows.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) frame: Frame,
    /// What is counted: of pages by their blocks, clicks on these.
    pub(super) subject: Subject,
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

    fn parse(text: &str, subject: Subject) -> Result<Self, Refused> {
        match text {
            "day" => Ok(Self::Time),
            "hour" => Ok(Self::HourOfDay),
            _ => {
                let dimension = divisions(subject).find(|dimension| dimension.as_str() == text);
                dimension.map(Self::Value).ok_or_else(|| one_of(groups(subject)))
            }
        }
    }
}

impl Frame {
    /// Reads which visits are meant.
    pub(super) fn read(parameters: &mut Parameters, subject: Subject, now: Time) -> Self {
        Self::read_with(parameters, subject, now, subject.dimensions(), false)
    }

    /// With `shows_bots`, programs are among them unless told otherwise.
    fn read_with(
        parameters: &mut Parameters,
        subject: Subject,
        now: Time,
        filters: impl IntoIterator<Item = Dimension>,
        shows_bots: bool,
    ) -> Self {
        let (zone, period) = read_period(parameters, now);
        let of = if subject.is_of_links() {
            parameters.optional("linkId", LinkId::parse).map(Target::Link)
        } else {
            parameters.optional("bioPageId", PageId::parse).map(Target::Page)
        };
        let mut conditions: Vec<_> =
            filters.into_iter().filter_map(|dimension| read_condition(parameters, dimension)).collect();
        if subject == Subject::Scans {
            let code = parameters.optional("qrCodeId", QrId::parse);
            conditions.extend(code.map(|id| Condition { dimension: Dimension::Code, value: id.to_string() }));
        }
        let shows_bots = shows_bots || conditions.iter().any(|condition| condition.dimension == Dimension::Bot);
        let unless_told = if shows_bots { Bots::With } else { Bots::Without };
        let bots = read_bots(parameters).unwrap_or(unless_told);
        Self { zone, period, of, conditions, bots }
    }

    /// The question about these visits.
    pub(super) fn question(&self, subject: Subject, group: Group) -> Question {
        Question {
            subject,
            window: self.period.window(),
            of: self.of,
            conditions: self.conditions.clone(),
            bots: self.bots,
            group,
        }
    }
}

impl Asked {
    pub(super) fn read(parameters: &mut Parameters, subject: Subject, now: Time) -> Self {
        let by = parameters.optional("groupBy", |text| By::parse(text, subject)).unwrap_or_default();
        let shows_bots = by == By::Value(Dimension::Bot);
        let frame = Frame::read_with(parameters, subject, now, subject.dimensions(), shows_bots);
        let subject = if by == By::Value(Dimension::Block) { Subject::BlockClicks } else { subject };
        Self {
            frame,
            by,
            interval: parameters.optional("interval", Interval::parse).unwrap_or_default(),
            limit: parameters.optional("limit", read_limit).unwrap_or(DEFAULT_LIMIT),
            with_visitors: parameters.optional("metrics", |text| read_metrics(text, subject)).unwrap_or(false),
            subject,
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
        Dimension::Code => QrId::parse(text).map(|code| code.to_string()),
        Dimension::Page => PageId::parse(text).map(|page| page.to_string()),
        Dimension::Block => BlockId::parse(text).map(|block| block.to_string()),
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

/// By what the counts of a subject can be divided. Views can by blocks, which are clicked and not viewed.
pub(super) fn divisions(subject: Subject) -> impl Iterator<Item = Dimension> {
    let blocks = (subject == Subject::Views).then_some(Dimension::Block);
    subject.dimensions().chain(blocks)
}

pub(super) fn groups(subject: Subject) -> impl Iterator<Item = &'static str> {
    ["day", "hour"].into_iter().chain(divisions(subject).map(Dimension::as_str))
}
