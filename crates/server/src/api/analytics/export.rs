//! `/analytics/export`: recorded visits, one by one, however many there are.
//!
//! The window is cut into slices of about [`SLICE`] visits, and one of them is in memory at a time. Where to cut is asked
//! like any other question: counts of parts of the window, and of parts of these where they hold too many. No transaction
//! is open while the client reads, so a slow one is in nobody's way. Each row carries a cursor, the moment of its visit and
//! its number among those of that moment; so what broke off can be taken up after the last row that arrived, in a request
//! that is the same but for the cursor. Rejected: one query that is read as the client reads, which would keep a snapshot
//! open for as long as the slowest client likes.
//!
//! When the store fails half-way the connection is cut: what looks whole is whole.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::header::{self, HeaderValue};
use mask_core::{
    Refused,
    cursor::Cursor,
    id::QrId,
    question::{Answer as Counts, Dimension, Group, Rows, Subject, Window},
    time::Time,
    token::Token,
    workspace::Owner,
};
use mask_store::{Store, Visit};
use sha2::{Digest, Sha256};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use super::{
    ask::{self, Frame},
    params,
    rows::{Format, VisitBody},
};
use crate::api::{
    Api,
    caller::{AnalyticsRead, Caller},
    error::ApiError,
    query::Parameters,
    turns::Turn,
};

/// Visits that a slice should hold at most.
const SLICE: u64 = 20_000;
/// Into how many parts a window is cut that holds too many.
const PARTS: i64 = 64;
/// What is sent at once, about.
const PIECE_BYTES: usize = 64 << 10;
const SECOND_MS: i64 = 1000;
const HOUR_MS: i64 = 3600 * SECOND_MS;

/// The parameters of an export.
#[derive(Debug)]
pub(super) struct Wanted {
    frame: Frame,
    subject: Subject,
    format: Format,
    after: Option<Place>,
}

/// A visit's place in an export.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    at: Time,
    /// Which one it is of those at that moment, from 1 on.
    number: i64,
}

impl Place {
    fn cursor(self, mark: &str) -> String {
        let sort = Some(("at".to_owned(), self.at.unix_millis()));
        Cursor { id: format!("{mark}{}", self.number), sort }.encode()
    }
}

/// Export visits
///
/// One row a visit, in order of time, in the words of the counts: clicks (scans among them), scans of links, views of bio pages, or clicks
/// on their blocks. A row of a page has `page_id` and `block_id` in the place of `link`. Broken off, it can be taken up: send the same request with
/// the `cursor` of the last row that you have; the rows that follow come without the line of names, so that they can be
/// added to those before. Filters by what links are now (`domain`, `tag`, UTM) go by what they are when a row is read, so leave that as
/// it is until the export is done. Visits are recorded within two seconds, so let `end` lie in the past to get all. A workspace may have
/// five exports at once; one more is answered 429.
#[utoipa::path(
    get, path = "/analytics/export", operation_id = "export_visits", tag = "Analytics",
    params(Wanted),
    responses((
        status = 200, description = "The visits",
        content((String = "text/csv"), (VisitBody = "application/x-ndjson"))
    )),
    security(("key" = ["analytics:read"]))
)]
pub(super) async fn export(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&mut parameters, api.clock.now());
    parameters.end()?;
    let (format, subject) = (wanted.format, wanted.subject);
    let turn = api.exports.begin(caller.owner)?;
    let mut export = Export::new(api.store.clone(), caller.owner, wanted, turn);
    // The first rows are found before anything is sent, so that a store that is away is told as such.
    let first = export.next().await?;
    let rest = stream::unfold(export, |mut export| async move {
        let piece = export.next().await.transpose()?;
        if let Err(error) = &piece {
            tracing::warn!(%error, "an export was broken off");
        }
        Some((piece, export))
    });
    let body = Body::from_stream(stream::iter(first.map(Ok)).chain(rest));
    let name = format!("attachment; filename=\"{}.{}\"", named(subject), format.as_str());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.extend(HeaderValue::from_str(&name).map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(response)
}

/// What can be exported.
const TYPES: [(&str, Subject); 4] = [
    ("clicks", Subject::Clicks),
    ("scans", Subject::Scans),
    ("views", Subject::Views),
    ("block_clicks", Subject::BlockClicks),
];

fn named(subject: Subject) -> &'static str {
    TYPES.into_iter().find(|(_, known)| *known == subject).map_or("visits", |(name, _)| name)
}

impl Wanted {
    fn read(parameters: &mut Parameters, now: Time) -> Self {
        let subject = parameters.optional("type", |text| {
            let known = TYPES.into_iter().find(|(name, _)| *name == text);
            known.map(|(_, subject)| subject).ok_or_else(|| ask::one_of(TYPES.map(|(name, _)| name)))
        });
        let subject = subject.unwrap_or(Subject::Clicks);
        let format = parameters.optional("format", |text| match text {
            "csv" => Ok(Format::Csv),
            "ndjson" => Ok(Format::Ndjson),
            _ => Err(ask::one_of(Format::NAMES)),
        });
        let frame = Frame::read(parameters, subject, now);
        let mut wanted = Self { frame, subject, format: format.unwrap_or_default(), after: None };
        wanted.after = parameters.optional("cursor", |text| wanted.place(text));
        wanted
    }

    /// Reads a cursor of this export; one of another would go on somewhere, with something else.
    fn place(&self, text: &str) -> Result<Place, Refused> {
        let foreign = Refused::because("Must be a cursor from this export, with the same filters, inside the window");
        let cursor = Cursor::decode(text)?;
        let number = cursor.id.strip_prefix(&self.mark()).and_then(|number| number.parse().ok());
        let at = cursor.sort.filter(|(name, _)| name == "at").map(|(_, at)| Time::from_unix_millis(at));
        let window = self.frame.period.window();
        match (at, number) {
            (Some(at), Some(number)) if at >= window.from && at < window.to => Ok(Place { at, number }),
            _ => Err(foreign),
        }
    }

    /// What the cursors of this export begin with: the same for the same filters, whatever the window and the format.
    fn mark(&self) -> String {
        let filters = (self.subject, self.frame.of, self.frame.bots, &self.frame.conditions);
        let hash = Sha256::digest(format!("{filters:?}"));
        format!("{:08x}_", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
    }

    fn has_filters(&self) -> bool {
        self.frame.of.is_some() || !self.frame.conditions.is_empty()
    }
}

/// An export under way.
struct Export {
    store: Store,
    owner: Owner,
    wanted: Wanted,
    mark: String,
    /// Parts of the window that are still to come, the next one last, with what they were said to hold.
    parts: Vec<(Window, u64)>,
    slice: std::vec::IntoIter<Visit>,
    /// The codes of the slice.
    codes: HashMap<Token, QrId>,
    /// Of the last visit that was passed over or written.
    place: Option<Place>,
    /// What is to be sent before the next row.
    head: String,
    _turn: Turn,
}

impl Export {
    fn new(store: Store, owner: Owner, wanted: Wanted, turn: Turn) -> Self {
        let mut window = wanted.frame.period.window();
        let mut head = wanted.format.head(wanted.subject);
        if let Some(place) = wanted.after {
            window.from = place.at;
            head.clear();
        }
        // Nobody has counted it yet, so it is cut first.
        let parts = vec![(window, u64::MAX)];
        let mark = wanted.mark();
        let (slice, codes) = (Vec::new().into_iter(), HashMap::new());
        Self { store, owner, wanted, mark, parts, slice, codes, place: None, head, _turn: turn }
    }

    /// The next piece of text; nothing when all is said.
    async fn next(&mut self) -> Result<Option<Bytes>, mask_store::Error> {
        let mut text = std::mem::take(&mut self.head).into_bytes();
        loop {
            while text.len() < PIECE_BYTES {
                let Some(visit) = self.slice.next() else { break };
                self.write(&mut text, &visit);
            }
            if text.len() >= PIECE_BYTES {
                return Ok(Some(text.into()));
            }
            let Some(window) = self.next_part().await? else {
                return Ok((!text.is_empty()).then(|| text.into()));
            };
            let slice = self.load(window).await?;
            let codes: Vec<Token> = slice.iter().filter_map(|visit| visit.code).collect();
            self.codes.clear();
            if !codes.is_empty() {
                self.codes = self.store.codes_by_token(self.owner, codes).await?;
            }
            self.slice = slice.into_iter();
        }
    }

    /// Writes a visit, if it was not sent before.
    fn write(&mut self, text: &mut Vec<u8>, visit: &Visit) {
        let code = visit.code.and_then(|code| self.codes.get(&code)).copied();
        let number = self.place.filter(|place| place.at == visit.at).map_or(1, |place| place.number + 1);
        let place = Place { at: visit.at, number };
        self.place = Some(place);
        if self.wanted.after.is_none_or(|after| visit.at > after.at || number > after.number) {
            self.wanted.format.write(text, self.wanted.subject, visit, code, place.cursor(&self.mark));
        }
    }

    /// What is wanted of a window. Most windows hold nothing of what is filtered, and counting tells that sooner than reading.
    async fn load(&self, window: Window) -> Result<Vec<Visit>, mask_store::Error> {
        let mut question = self.wanted.frame.question(self.wanted.subject, Group::Buckets(vec![window.from]));
        question.window = window;
        if self.wanted.has_filters() && self.store.answer(self.owner, question.clone()).await?.total.clicks == 0 {
            return Ok(Vec::new());
        }
        self.store.visits(self.owner, question).await
    }

    /// The next part of the window that is small enough.
    async fn next_part(&mut self) -> Result<Option<Window>, mask_store::Error> {
        while let Some((window, count)) = self.parts.pop() {
            if count <= SLICE || length(window) <= SECOND_MS {
                return Ok(Some(window));
            }
            let begins = cuts(window);
            let mut question = self.wanted.frame.question(self.wanted.subject, Group::Buckets(begins.clone()));
            // A slice holds what there is, whatever is left of it afterwards.
            (question.window, question.of, question.conditions) = (window, None, Vec::new());
            let counts = self.store.answer(self.owner, question).await?;
            self.parts.extend(parts(window, &begins, &counts).into_iter().rev());
        }
        Ok(None)
    }
}

fn length(window: Window) -> i64 {
    window.to.unix_millis() - window.from.unix_millis()
}

/// Where to cut a window of more than a second: at whole hours where it is long, as stores like to count these; else at
/// whole seconds.
fn cuts(window: Window) -> Vec<Time> {
    let wanted = length(window) / PARTS + 1;
    let unit = if wanted >= HOUR_MS { HOUR_MS } else { SECOND_MS };
    let step = (wanted + unit - 1) / unit * unit;
    let first = window.from.unix_millis();
    let next = (first.div_euclid(step) + 1) * step;
    let later = (0..).map(|number| next + number * step).take_while(|at| *at < window.to.unix_millis());
    std::iter::once(first).chain(later).map(Time::from_unix_millis).collect()
}

/// The parts of a window between these cuts, in order of time: neighbours together as long as they make one slice, and
/// none where there is nothing.
fn parts(window: Window, begins: &[Time], counts: &Counts) -> Vec<(Window, u64)> {
    let Rows::Counts(counts) = &counts.rows else { return Vec::new() };
    let ends = begins.iter().skip(1).copied().chain([window.to]);
    let mut parts: Vec<(Window, u64)> = Vec::new();
    for ((from, to), count) in begins.iter().copied().zip(ends).zip(counts.iter().map(|count| count.clicks)) {
        match parts.last_mut() {
            _ if count == 0 => {}
            Some((last, sum)) if *sum + count <= SLICE => (last.to, *sum) = (to, *sum + count),
            _ => parts.push((Window { from, to }, count)),
        }
    }
    parts
}

impl IntoParams for Wanted {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = vec![
            params::described(
                "type",
                "What is exported. `linkId`, `link`, `variant`, `tag` and UTM go with clicks and scans, `qrCodeId` and `code` with scans, `bioPageId` and `page` with views and clicks on blocks, `block` with the latter",
                params::text().enum_values(Some(TYPES.map(|(name, _)| name))).default(Some("clicks".into())),
            ),
            params::described(
                "format",
                "How: comma-separated values (RFC 4180), or a line of JSON for each",
                params::text().enum_values(Some(Format::NAMES)).default(Some("csv".into())),
            ),
            params::described(
                "cursor",
                "The `cursor` of the last row that you have, to go on after it",
                params::text(),
            ),
        ];
        all.extend(params::frame(&TYPES.map(|(_, subject)| subject), Dimension::ALL));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mask_core::{calendar::Period, id::LinkId, question::Count, visit::Target};
    use mask_store::{Batch, Fact, Location, Options, Position};

    use super::*;
    use crate::api::turns::Turns;

    fn window(from: i64, to: i64) -> Window {
        Window { from: Time::from_unix_millis(from), to: Time::from_unix_millis(to) }
    }

    #[test]
    fn windows_are_cut_into_smaller_ones() {
        for (from, to) in [
            (0, 1001),
            (1, 1002),
            (-1500, 1500),
            (0, HOUR_MS),
            (123_456, HOUR_MS * 64 + 123_457),
            (1_774_360_814_000, 1_774_360_814_000 + 30 * 24 * HOUR_MS),
            (-62_167_219_200_000, 253_402_207_200_000),
        ] {
            let cuts = cuts(window(from, to));
            assert!(cuts.len() > 1 && cuts.len() <= 70, "{} of {from} to {to}", cuts.len());
            assert_eq!(cuts[0].unix_millis(), from);
            assert!(cuts.is_sorted_by(|one, next| one < next) && cuts[cuts.len() - 1].unix_millis() < to);
        }
    }

    fn fact(at: Time) -> Fact {
        Fact {
            at,
            request: None,
            owner: OWNER,
            target: Target::Link(LinkId::from_bits(7)),
            code: None,
            is_counted: true,
            class: "person",
            reason: "browser",
            choice: "url".to_owned(),
            device: "desktop",
            os: "Windows",
            browser: "Chrome",
            language: None,
            referrer: None,
            referrer_url: None,
            source: "link",
            country: None,
            region: None,
            city: None,
            visitor: at.unix_millis(),
        }
    }

    const OWNER: Owner = Owner { workspace: 1, is_test: false };

    /// However long an export is, what it holds is a slice, a piece of text, and a list of parts that is cut from the window.
    #[tokio::test]
    async fn what_an_export_holds_is_bounded() {
        const VISITS: i64 = 90_000;
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::Sqlite(folder.path());
        let store = Store::open(&Options { location, pool_size: 1, timeout: Duration::from_mins(1) }).expect("a store");
        // Most of them come in one hour of the month.
        let moment = |number: i64| if number % 10 == 0 { number * 28_000 } else { number * 40 };
        let facts = (0..VISITS).map(|number| fact(Time::from_unix_millis(moment(number)))).collect();
        let to = Position { segment: 1, byte: 1 };
        let batch = Batch { node: "a".to_owned(), shard: 0, from: None, to, facts, is_history: true };
        assert!(store.record_clicks(Arc::new(batch)).await.expect("it works").is_some());
        let period = Period { start: Time::from_unix_millis(0), end: Time::from_unix_millis(30 * 24 * HOUR_MS) };
        let (of, conditions, bots) = (None, Vec::new(), mask_core::question::Bots::With);
        let frame = Frame { zone: mask_core::calendar::Zone::default(), period, of, conditions, bots };
        let wanted = Wanted { frame, subject: Subject::Clicks, format: Format::Ndjson, after: None };
        let turn = Turns::of_exports().begin(OWNER).expect("the first one");
        let mut export = Export::new(store, OWNER, wanted, turn);
        let (mut rows, mut pieces) = (0, 0);
        while let Some(piece) = export.next().await.expect("the store works") {
            rows += String::from_utf8_lossy(&piece).lines().count();
            pieces += 1;
            assert!(piece.len() < PIECE_BYTES + 1000, "a piece of {} bytes", piece.len());
            assert!(export.slice.len() as u64 <= SLICE, "a slice of {} visits", export.slice.len());
            assert!(export.parts.len() < 300, "{} parts", export.parts.len());
        }
        assert_eq!(i64::try_from(rows), Ok(VISITS));
        assert!(pieces > 100, "{pieces}");
    }

    #[test]
    fn neighbours_make_a_slice() {
        let begins: Vec<_> = [0, 10, 20, 30, 40, 50].map(Time::from_unix_millis).to_vec();
        let counts = [0, 15_000, 5_000, 1, 0, 30_000].map(|clicks| Count { clicks, visitors: 0 });
        let counts = Counts { rows: Rows::Counts(counts.to_vec()), total: Count::default() };
        assert_eq!(
            parts(window(0, 60), &begins, &counts),
            [(window(10, 30), 20_000), (window(30, 40), 1), (window(50, 60), 30_000)]
        );
    }
}
