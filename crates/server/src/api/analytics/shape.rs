//! The JSON of answers about statistics.

use std::borrow::Cow;

use mask_core::question::Subject;
use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type},
    },
};

use super::ask::divisions;

/// The member of a row that holds the count.
pub(super) const fn counted(subject: Subject) -> &'static str {
    match subject {
        Subject::Clicks | Subject::BlockClicks => "clicks",
        Subject::Scans => "scans",
        Subject::Views => "views",
    }
}

/// An answer with rows.
#[derive(Debug, Serialize)]
pub(super) struct Statistics {
    pub(super) data: Vec<Row>,
    pub(super) total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_visitors: Option<u64>,
    pub(super) start: String,
    pub(super) end: String,
}

/// A row: `{"country":"US","clicks":4521}`.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) counted: &'static str,
    pub(super) count: u64,
    pub(super) visitors: Option<u64>,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry(self.name, &self.value)?;
        members.serialize_entry(self.counted, &self.count)?;
        if let Some(visitors) = self.visitors {
            members.serialize_entry("visitors", &visitors)?;
        }
        members.end()
    }
}

/// [`Statistics`] of clicks, as the document shows them.
pub(super) enum ClickStatistics {}
/// [`Statistics`] of scans, as the document shows them.
pub(super) enum ScanStatistics {}
/// [`Statistics`] of views, as the document shows them.
pub(super) enum ViewStatistics {}

impl PartialSchema for ClickStatistics {
    fn schema() -> RefOr<Schema> {
        statistics_schema("ClickRow")
    }
}

impl ToSchema for ClickStatistics {
    fn name() -> Cow<'static, str> {
        "ClickStatistics".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("ClickRow".to_owned(), row_schema(Subject::Clicks)));
    }
}

impl PartialSchema for ScanStatistics {
    fn schema() -> RefOr<Schema> {
        statistics_schema("ScanRow")
    }
}

impl ToSchema for ScanStatistics {
    fn name() -> Cow<'static, str> {
        "ScanStatistics".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("ScanRow".to_owned(), row_schema(Subject::Scans)));
    }
}

impl PartialSchema for ViewStatistics {
    fn schema() -> RefOr<Schema> {
        statistics_schema("ViewRow")
    }
}

impl ToSchema for ViewStatistics {
    fn name() -> Cow<'static, str> {
        "ViewStatistics".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("ViewRow".to_owned(), row_schema(Subject::Views)));
    }
}

fn statistics_schema(row: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .description(Some("Counts of a window"))
        .property("data", ArrayBuilder::new().items(Ref::from_schema_name(row)).description(Some("The rows")))
        .property("total", number("Of the whole window, whatever the rows show"))
        .property("total_visitors", number(
                "How many of `total` were their visitor's first of the day (UTC), where `metrics` asks for it: in the workspace, or on the one link or page that is asked about",
            ),
        )
        .property("start", moment("The first second of the window"))
        .property("end", moment("The last second of the window"))
        .required("data")
        .required("total")
        .required("start")
        .required("end")
        .into()
}

/// A row has one of the members that say what it counts; which one is said by `groupBy`.
fn row_schema(subject: Subject) -> RefOr<Schema> {
    let mut row = ObjectBuilder::new()
        .description(Some("A count, and what was counted: `date`, `hour` or the member that `groupBy` names"))
        .property(
            "date",
            text("By time: the day on which the bucket begins, or with `interval=1h` the moment")
                .examples(["2026-03-01"]),
        )
        .property("hour", text("The hour of the day").examples(["09"]));
    for dimension in divisions(subject) {
        let description =
            format!("By `{dimension}`; `{}` where there is none", dimension.absent(), dimension = dimension.as_str());
        row = row.property(dimension.as_str(), text(&description));
    }
    row = row.property(counted(subject), number("How many")).property("visitors", number(&visitors(subject)));
    // By blocks a row counts clicks, so neither is always there.
    if subject == Subject::Views {
        row.property("clicks", number("How many clicks, by `block`")).into()
    } else {
        row.required(counted(subject)).into()
    }
}

/// What a row says of visitors.
fn visitors(subject: Subject) -> String {
    let (one, way) = if subject == Subject::Views { ("page", "bioPageId") } else { ("link", "linkId") };
    format!(
        "How many of them were their visitor's first of the day (UTC), where `metrics` asks for it: in the workspace, or on the one {one} \
         that is asked about. So by `{one}`, whoever came to several is counted at the first; the visitors of each {one} by itself are the \
         `total_visitors` of a question with `{way}`"
    )
}

pub(super) fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn number(description: &str) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(0)).description(Some(description))
}

fn moment(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}
