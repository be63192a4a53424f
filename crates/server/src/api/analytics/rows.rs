//! Exported visits as text: lines of JSON, or CSV (RFC 4180).
//!
//! Columns have the names and the words of the dimensions, so that whoever counts an export finds what the API answers.
//! Much of a row was written by strangers (a referrer, a language), and spreadsheets take a cell that begins with `=`,
//! `+`, `-` or `@` for a formula; in CSV such a value gets an apostrophe before it, which spreadsheets do not show.

use std::borrow::Cow;

use mask_core::question::Dimension;
use mask_store::Visit;
use serde::Serialize;
use utoipa::ToSchema;

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Format {
    /// Lines of comma-separated values, the first of which names them.
    #[default]
    Csv,
    /// Lines of JSON.
    Ndjson,
}

/// A recorded visit. It holds no address, and nothing that stands for the visitor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Visit)]
pub(super) struct VisitBody<'v> {
    /// When.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    at: String,
    /// The link's id.
    #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    link: String,
    /// Whether it was its visitor's first of that day (UTC) in the workspace: it counts in `visitors`.
    is_unique: bool,
    /// Whether a program made it.
    is_bot: bool,
    /// The class of client.
    #[schema(example = "person")]
    bot: &'v str,
    /// What gave the class away.
    reason: &'v str,
    /// Which of the link's destinations was chosen.
    #[schema(example = "url")]
    variant: &'v str,
    /// How the visitor came.
    #[schema(example = "link")]
    source: &'v str,
    /// The class of device.
    #[schema(example = "mobile")]
    device: &'v str,
    /// The family of the operating system.
    #[schema(example = "iOS")]
    os: &'v str,
    /// The family of the browser.
    #[schema(example = "Safari")]
    browser: &'v str,
    /// The visitor's first language.
    #[schema(example = "pt-BR")]
    language: &'v str,
    /// The site that referred here.
    #[schema(example = "direct")]
    referrer: &'v str,
    /// The page that referred here.
    #[schema(example = "direct")]
    referrer_url: &'v str,
    /// The country, ISO 3166-1 alpha-2.
    #[schema(example = "PK")]
    country: &'v str,
    /// The region.
    #[schema(example = "unknown")]
    region: &'v str,
    /// The city.
    #[schema(example = "unknown")]
    city: &'v str,
    /// To be sent as `cursor`, to go on after this row.
    cursor: String,
}

const COLUMNS: [&str; 18] = [
    "at",
    "link",
    "is_unique",
    "is_bot",
    "bot",
    "reason",
    "variant",
    "source",
    "device",
    "os",
    "browser",
    "language",
    "referrer",
    "referrer_url",
    "country",
    "region",
    "city",
    "cursor",
];

impl Format {
    /// The names in the API.
    pub(super) const NAMES: [&str; 2] = ["csv", "ndjson"];

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// What stands before the first row.
    pub(super) fn head(self) -> String {
        match self {
            Self::Csv => COLUMNS.join(",") + "\r\n",
            Self::Ndjson => String::new(),
        }
    }

    /// Adds a row.
    pub(super) fn write(self, text: &mut Vec<u8>, visit: &Visit, cursor: String) {
        let row = VisitBody::of(visit, cursor);
        match self {
            Self::Csv => {
                let cells: Vec<_> = row.cells().into_iter().map(cell).collect();
                text.extend_from_slice(cells.join(",").as_bytes());
                text.extend_from_slice(b"\r\n");
            }
            Self::Ndjson => {
                serde_json::to_writer(&mut *text, &row).expect("a row is texts and booleans, and memory takes them");
                text.push(b'\n');
            }
        }
    }
}

/// Visits as an export writes them in CSV, with this in the place of cursors.
pub(crate) fn visits_as_csv(visits: &[Visit], cursor: &str) -> Vec<u8> {
    let mut text = Format::Csv.head().into_bytes();
    for visit in visits {
        Format::Csv.write(&mut text, visit, cursor.to_owned());
    }
    text
}

impl<'v> VisitBody<'v> {
    fn of(visit: &'v Visit, cursor: String) -> Self {
        let value = |dimension| value(visit, dimension);
        Self {
            at: visit.at.to_string(),
            link: visit.link.to_string(),
            is_unique: visit.is_unique,
            is_bot: visit.is_bot,
            bot: &visit.class,
            reason: &visit.reason,
            variant: &visit.choice,
            source: &visit.source,
            device: value(Dimension::Device),
            os: value(Dimension::Os),
            browser: value(Dimension::Browser),
            language: value(Dimension::Language),
            referrer: value(Dimension::Referrer),
            referrer_url: value(Dimension::ReferrerUrl),
            country: value(Dimension::Country),
            region: value(Dimension::Region),
            city: value(Dimension::City),
            cursor,
        }
    }

    /// In the order of [`COLUMNS`].
    fn cells(&self) -> [&str; COLUMNS.len()] {
        let yes = |is: bool| if is { "true" } else { "false" };
        [
            &self.at,
            &self.link,
            yes(self.is_unique),
            yes(self.is_bot),
            self.bot,
            self.reason,
            self.variant,
            self.source,
            self.device,
            self.os,
            self.browser,
            self.language,
            self.referrer,
            self.referrer_url,
            self.country,
            self.region,
            self.city,
            &self.cursor,
        ]
    }
}

/// What a visit has in a dimension of visits, in the words of answers; nothing in one of links.
pub(crate) fn value(visit: &Visit, dimension: Dimension) -> &str {
    let value = match dimension {
        Dimension::Country => visit.country.as_deref(),
        Dimension::Region => visit.region.as_deref(),
        Dimension::City => visit.city.as_deref(),
        Dimension::Device => visit.device.as_deref(),
        Dimension::Browser => visit.browser.as_deref(),
        Dimension::Os => visit.os.as_deref(),
        Dimension::Language => visit.language.as_deref(),
        Dimension::Referrer => visit.referrer.as_deref(),
        Dimension::ReferrerUrl => visit.referrer_url.as_deref(),
        Dimension::Source => Some(visit.source.as_str()),
        Dimension::Variant => Some(visit.choice.as_str()),
        Dimension::Bot => Some(visit.class.as_str()),
        Dimension::Link
        | Dimension::Domain
        | Dimension::Tag
        | Dimension::Campaign
        | Dimension::UtmSource
        | Dimension::UtmMedium
        | Dimension::UtmCampaign
        | Dimension::UtmTerm
        | Dimension::UtmContent => None,
    };
    value.unwrap_or(dimension.absent())
}

/// A cell of CSV.
fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if !is_formula && !text.contains(['"', ',', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let apostrophe = if is_formula { "'" } else { "" };
    Cow::Owned(format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use mask_core::{id::LinkId, time::Time};

    use super::*;

    fn visit() -> Visit {
        Visit {
            at: Time::from_unix_millis(1_774_360_814_999),
            link: LinkId::from_bits(7),
            is_unique: true,
            is_bot: false,
            class: "person".into(),
            reason: "browser".into(),
            choice: "variant:1".into(),
            source: "link".into(),
            device: Some("mobile".into()),
            os: Some("iOS".into()),
            browser: Some("Safari".into()),
            language: Some("=1+1".into()),
            referrer: None,
            referrer_url: None,
            country: Some("PK".into()),
            region: None,
            city: Some("Kar\"achi, Sindh".into()),
        }
    }

    fn written(format: Format) -> String {
        let mut text = format.head().into_bytes();
        format.write(&mut text, &visit(), "here".to_owned());
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_line_of_csv() {
        assert_eq!(
            written(Format::Csv),
            "at,link,is_unique,is_bot,bot,reason,variant,source,device,os,browser,language,referrer,referrer_url,country,region,city,cursor\r\n\
             2026-03-24T14:00:14Z,lnk_00000000000000000000000007,true,false,person,browser,variant:1,link,mobile,iOS,Safari,\
             \"'=1+1\",direct,direct,PK,unknown,\"Kar\"\"achi, Sindh\",here\r\n"
        );
    }

    #[test]
    fn a_line_of_json_has_the_columns_of_csv() {
        let text = written(Format::Ndjson);
        let row: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(row.as_object().expect("an object").keys().collect::<Vec<_>>(), COLUMNS);
        assert_eq!(
            (&row["language"], &row["referrer"], &row["is_unique"]),
            (&"=1+1".into(), &"direct".into(), &true.into())
        );
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
    }

    #[test]
    fn cells() {
        for (text, written) in [
            ("", ""),
            ("plain", "plain"),
            ("two words", "two words"),
            ("a=b", "a=b"),
            ("a,b", "\"a,b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("\"", "\"\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM", "\"'@SUM\""),
            ("\t=1", "\"'\t=1\""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
