//! Exported visits as text: lines of JSON, or CSV (RFC 4180).
//!
//! Columns have the names and the words of the dimensions, so that whoever counts an export finds what the API answers.
//! Much of a row was written by strangers (a referrer, a language), and spreadsheets take a cell that begins with `=`,
//! `+`, `-` or `@` for a formula; in CSV such a value gets an apostrophe before it, which spreadsheets do not show.

use std::borrow::Cow;

use mask_core::{
    id::QrId,
    question::{Dimension, Subject},
};
use mask_store::Visit;
use serde::Serialize;
use serde_json::Value;
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

/// A recorded visit. It holds no address, and nothing that stands for the visitor. Of a click on a link there is `link`, of a
/// view of a bio page `page_id`, and of a click on one of its blocks `block_id` too. Of a scan there is either `link` or `page_id`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Visit)]
pub(super) struct VisitBody<'v> {
    /// When.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    at: String,
    /// The link's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa", nullable = false)]
    link: Option<String>,
    /// The page's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "bp_01kcd3vyk5f8r9v3k2m4n6p8qa", nullable = false)]
    page_id: Option<String>,
    /// The id of the block that was clicked; null for a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "blk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    block_id: Option<Value>,
    /// Whether it counts in `visitors`: it was its visitor's first of that day (UTC) in the workspace, or where one link or page alone
    /// is exported, its first there.
    is_unique: bool,
    /// Whether a program made it.
    is_bot: bool,
    /// The class of client.
    #[schema(example = "person")]
    bot: &'v str,
    /// What gave the class away.
    reason: &'v str,
    /// Which of the link's destinations was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "url", nullable = false)]
    variant: Option<&'v str>,
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
    /// The id of the code that was scanned; null where none was, or none that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "qr_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    qr_code_id: Option<Value>,
}

/// Which columns rows have, and in which order.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// Clicks.
    Links,
    /// Scans, of links and of pages.
    Scans,
    /// Views and clicks on blocks.
    Pages,
    /// Visits of all kinds that were set aside, with all that is needed to bring them back.
    Aside,
}

/// What a visit was, in all layouts.
const CLASS: [&str; 4] = ["is_unique", "is_bot", "bot", "reason"];
/// By what visits are told apart, in all layouts.
const TOLD: [&str; 11] = [
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

impl Layout {
    const fn of(subject: Subject) -> Self {
        match subject {
            Subject::Clicks => Self::Links,
            Subject::Scans => Self::Scans,
            Subject::Views | Subject::BlockClicks => Self::Pages,
        }
    }

    /// The names of the columns.
    fn names(self) -> Vec<&'static str> {
        let (first, then, last): (&[_], &[_], &[_]) = match self {
            Self::Links => (&["at", "link"], &["variant"], &["qr_code_id"]),
            Self::Scans => (&["at", "link"], &["variant"], &["qr_code_id", "page_id"]),
            Self::Pages => (&["at", "page_id", "block_id"], &[], &[]),
            Self::Aside => (&["at", "link"], &["variant"], &["page_id", "block_id", "qr_token"]),
        };
        [first, &CLASS, then, &TOLD, last].concat()
    }

    fn head(self) -> String {
        self.names().join(",") + "\r\n"
    }
}

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
    pub(super) fn head(self, subject: Subject) -> String {
        match self {
            Self::Csv => Layout::of(subject).head(),
            Self::Ndjson => String::new(),
        }
    }

    /// Adds a row of an export of these: a visit, the code that was scanned, and the cursor.
    pub(super) fn write(self, text: &mut Vec<u8>, subject: Subject, visit: &Visit, code: Option<QrId>, cursor: String) {
        let layout = Layout::of(subject);
        let row = VisitBody::of(visit, layout, code, cursor);
        match self {
            Self::Csv => write_line(text, &row.cells(layout, None)),
            Self::Ndjson => {
                serde_json::to_writer(&mut *text, &row).expect("a row is texts and booleans, and memory takes them");
                text.push(b'\n');
            }
        }
    }
}

/// Visits of all kinds in CSV, to be imported again, with this in the place of cursors.
pub(crate) fn visits_set_aside(visits: &[Visit], cursor: &str) -> Vec<u8> {
    let mut text = Layout::Aside.head().into_bytes();
    for visit in visits {
        let token = visit.code.map(|code| code.to_string());
        let row = VisitBody::of(visit, Layout::Aside, None, cursor.to_owned());
        write_line(&mut text, &row.cells(Layout::Aside, token.as_deref()));
    }
    text
}

fn write_line(text: &mut Vec<u8>, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
    text.extend_from_slice(cells.join(",").as_bytes());
    text.extend_from_slice(b"\r\n");
}

impl<'v> VisitBody<'v> {
    fn of(visit: &'v Visit, layout: Layout, code: Option<QrId>, cursor: String) -> Self {
        let value = |dimension| value(visit, dimension);
        let is_of_link = visit.target.link().is_some();
        Self {
            at: visit.at.to_string(),
            link: visit.target.link().map(|link| link.to_string()),
            page_id: visit.target.page().map(|page| page.to_string()),
            block_id: (visit.target.page().is_some() && layout != Layout::Scans)
                .then(|| visit.target.block().map(|block| block.to_string()).into()),
            is_unique: visit.is_unique,
            is_bot: visit.is_bot,
            bot: &visit.class,
            reason: &visit.reason,
            variant: is_of_link.then_some(visit.choice.as_str()),
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
            qr_code_id: (layout != Layout::Pages).then(|| code.map(|code| code.to_string()).into()),
        }
    }

    /// In the order of [`Layout::names`].
    fn cells<'c>(&'c self, layout: Layout, token: Option<&'c str>) -> Vec<&'c str> {
        let yes = |is: bool| if is { "true" } else { "false" };
        let text = |text: &'c Option<String>| text.as_deref().unwrap_or_default();
        let maybe = |id: &'c Option<Value>| id.as_ref().and_then(Value::as_str).unwrap_or_default();
        let (link, page, block) = (text(&self.link), text(&self.page_id), maybe(&self.block_id));
        let class = [yes(self.is_unique), yes(self.is_bot), self.bot, self.reason];
        let told = [
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
        ];
        let variant = [self.variant.unwrap_or_default()];
        match layout {
            Layout::Links => [&[&self.at, link], &class[..], &variant, &told, &[maybe(&self.qr_code_id)]].concat(),
            Layout::Scans => {
                [&[&self.at, link], &class[..], &variant, &told, &[maybe(&self.qr_code_id), page]].concat()
            }
            Layout::Pages => [&[&self.at, page, block], &class[..], &told].concat(),
            Layout::Aside => {
                let last = [page, block, token.unwrap_or_default()];
                [&[&self.at, link], &class[..], &variant, &told, &last].concat()
            }
        }
    }
}

/// What a visit has in a dimension of visits, in the words of answers; nothing in one of links, pages and codes.
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
        | Dimension::UtmContent
        | Dimension::Code
        | Dimension::Page
        | Dimension::Block => None,
    };
    value.unwrap_or(dimension.absent())
}

/// A cell of CSV. What a spreadsheet would take for a formula has an apostrophe before it.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if !is_formula && !text.contains(['"', ',', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let apostrophe = if is_formula { "'" } else { "" };
    Cow::Owned(format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use mask_core::{
        id::{BlockId, LinkId, PageId},
        time::Time,
        token::Token,
        visit::Target,
    };

    use super::*;

    fn visit() -> Visit {
        Visit {
            at: Time::from_unix_millis(1_774_360_814_999),
            target: Target::Link(LinkId::from_bits(7)),
            code: None,
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

    fn on_page(block: Option<u128>) -> Visit {
        let page = PageId::from_bits(8);
        let target = block.map_or(Target::Page(page), |block| Target::Block(page, BlockId::from_bits(block)));
        Visit { target, choice: "url".into(), ..visit() }
    }

    fn written(format: Format, subject: Subject, visit: &Visit, code: Option<QrId>) -> String {
        let mut text = format.head(subject).into_bytes();
        format.write(&mut text, subject, visit, code, "here".to_owned());
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_line_of_csv() {
        assert_eq!(
            written(Format::Csv, Subject::Clicks, &visit(), None),
            "at,link,is_unique,is_bot,bot,reason,variant,source,device,os,browser,language,referrer,referrer_url,country,region,city,cursor,qr_code_id\r\n\
             2026-03-24T14:00:14Z,lnk_00000000000000000000000007,true,false,person,browser,variant:1,link,mobile,iOS,Safari,\
             \"'=1+1\",direct,direct,PK,unknown,\"Kar\"\"achi, Sindh\",here,\r\n"
        );
        let scan = written(Format::Csv, Subject::Scans, &visit(), Some(QrId::from_bits(5)));
        assert!(scan.ends_with(",here,qr_00000000000000000000000005,\r\n"), "{scan}");
        let of_page = written(Format::Csv, Subject::Scans, &on_page(None), Some(QrId::from_bits(5)));
        assert!(of_page.contains("Z,,true,"), "{of_page}");
        assert!(
            of_page.ends_with(",here,qr_00000000000000000000000005,bp_00000000000000000000000008\r\n"),
            "{of_page}"
        );
    }

    #[test]
    fn a_line_of_csv_of_a_page() {
        let names = "at,page_id,block_id,is_unique,is_bot,bot,reason,source,device,os,browser,language,referrer,\
                     referrer_url,country,region,city,cursor\r\n";
        let rest = "true,false,person,browser,link,mobile,iOS,Safari,\"'=1+1\",direct,direct,PK,unknown,\
                    \"Kar\"\"achi, Sindh\",here\r\n";
        for (subject, block, id) in
            [(Subject::Views, None, ""), (Subject::BlockClicks, Some(9), "blk_00000000000000000000000009")]
        {
            let at = format!("2026-03-24T14:00:14Z,bp_00000000000000000000000008,{id},");
            assert_eq!(written(Format::Csv, subject, &on_page(block), None), format!("{names}{at}{rest}"));
        }
    }

    #[test]
    fn a_line_of_json_has_the_columns_of_csv() {
        let code = Some(QrId::from_bits(5));
        for (subject, visit) in
            [(Subject::Clicks, visit()), (Subject::Views, on_page(None)), (Subject::BlockClicks, on_page(Some(9)))]
        {
            let text = written(Format::Ndjson, subject, &visit, code);
            let row: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let names = row.as_object().expect("an object").keys().collect::<Vec<_>>();
            assert_eq!(names, Layout::of(subject).names());
            assert_eq!(
                (&row["language"], &row["referrer"], &row["is_unique"]),
                (&"=1+1".into(), &"direct".into(), &true.into())
            );
            assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
        }
        let view = written(Format::Ndjson, Subject::Views, &on_page(None), None);
        assert!(view.contains("\"block_id\":null"), "{view}");
        let click = written(Format::Ndjson, Subject::Clicks, &visit(), None);
        assert!(click.ends_with("\"qr_code_id\":null}\n"), "{click}");
    }

    #[test]
    fn what_is_set_aside_has_all_that_brings_it_back() {
        let scan = Visit { code: Some(Token::of(5)), source: "qr".into(), ..visit() };
        let text = visits_set_aside(&[scan, on_page(Some(9))], "piece");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("at,link,is_unique") && lines[0].ends_with("cursor,page_id,block_id,qr_token"));
        assert!(lines[1].contains(",lnk_00000000000000000000000007,") && lines[1].contains(",variant:1,qr,"));
        assert!(lines[1].ends_with(&format!(",piece,,,{}", Token::of(5))), "{text}");
        assert!(lines[2].starts_with("2026-03-24T14:00:14Z,,true,"), "{text}");
        assert!(lines[2].ends_with(",piece,bp_00000000000000000000000008,blk_00000000000000000000000009,"), "{text}");
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
