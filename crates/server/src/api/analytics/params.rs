//! Describing what can be asked of statistics, for the document.

use mask_core::{
    agent::{BotClass, Device},
    calendar::Interval,
    question::{Dimension, Subject},
};
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::{
    ask::{BOTS, DEFAULT_LIMIT, Frame, MOST_ROWS, SOURCES, groups},
    shape,
};

/// What can be asked about clicks.
pub(super) enum OfClicks {}
/// What can be asked about scans.
pub(super) enum OfScans {}
/// What can be asked about views.
pub(super) enum OfViews {}

impl IntoParams for OfClicks {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        asked(Subject::Clicks)
    }
}

impl IntoParams for OfScans {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        asked(Subject::Scans)
    }
}

impl IntoParams for OfViews {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        asked(Subject::Views)
    }
}

impl IntoParams for Frame {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        frame(&[Subject::Clicks], Subject::Clicks.dimensions())
    }
}

fn asked(subject: Subject) -> Vec<Parameter> {
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST_ROWS));
    let mut rows =
        "What the rows are: buckets of time (`day`, the default, in the length of `interval`), hours of the day \
        (`hour`, 00 to 23), or the values of something"
            .to_owned();
    let (one, all) = if subject.is_of_links() { ("link", "links") } else { ("page", "bio pages") };
    let of_one = if subject.is_of_links() { "`linkId` or `link`" } else { "`bioPageId` or `page`" };
    let mut metrics = format!(
        "`{},visitors` adds `visitors` to each row, and `total_visitors`. A visitor is counted at the first visit of a day (UTC) to any of \
        the workspace's {all}, or with {of_one} at the first to that {one}. So visitors add up over rows and over days; with any other \
        filter, those are counted whose first visit meets it",
        shape::counted(subject)
    );
    if subject == Subject::Views {
        rows += ". By `block` they are clicks on the blocks of pages, and so is `total`";
        metrics += ". By `block`, `clicks,visitors` does";
    }
    let mut all = vec![
        described("groupBy", &rows, text().enum_values(Some(groups(subject)))),
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
        described("metrics", &metrics, text()),
    ];
    all.extend(frame(&[subject], subject.dimensions()));
    all
}

/// The parameters that make a [`Frame`] about one of these, with these filters.
pub(super) fn frame(subjects: &[Subject], filters: impl IntoIterator<Item = Dimension>) -> Vec<Parameter> {
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
    ];
    if subjects.iter().any(|subject| subject.is_of_links()) {
        all.push(described("linkId", "Visits to this link alone, also when it is no more", text()));
    }
    if subjects.contains(&Subject::Scans) {
        all.push(described("qrCodeId", "Scans of this QR code alone", text()));
    }
    if subjects.iter().any(|subject| !subject.is_of_links()) {
        all.push(described("bioPageId", "Visits to this bio page alone, also when it is no more", text()));
    }
    all.push(described(
        "bots",
        "Whether visits by programs are meant: no (`exclude`), too (`include`), or they alone (`only`). `exclude` unless told otherwise; `include` where `groupBy` or a filter is `bot`",
        text().enum_values(Some(BOTS)),
    ));
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
        Dimension::Domain => "Only to links or pages that are on this host now",
        Dimension::Tag => "Only to links that have this tag now, or `none`",
        Dimension::Campaign | Dimension::UtmCampaign => {
            "Only to links that have this `utm_campaign` now, or `none`. One that a visitor's own address carries is not looked at"
        }
        Dimension::UtmSource => {
            "Only to links that have this `utm_source` now, or `none`. One that a visitor's own address carries is not looked at"
        }
        Dimension::UtmMedium => {
            "Only to links that have this `utm_medium` now, or `none`. One that a visitor's own address carries is not looked at"
        }
        Dimension::UtmTerm => {
            "Only to links that have this `utm_term` now, or `none`. One that a visitor's own address carries is not looked at"
        }
        Dimension::UtmContent => {
            "Only to links that have this `utm_content` now, or `none`. One that a visitor's own address carries is not looked at"
        }
        Dimension::Code => "Only scans of this QR code, by its id",
        Dimension::Page => "Only to this bio page, by its id",
        Dimension::Block => "Only to what this block leads to, by its id",
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
