//! `/events`: visits as they are recorded, for as long as somebody listens (server-sent events, WHATWG HTML §9.2).
//!
//! What a stream says comes from the store's feed and from nowhere else, so a stream that was broken off, by the network or
//! by a restart of the server, goes on behind the last event that arrived: on any node, each event once. Where that cannot
//! be, because the feed does not reach back so far, the stream says so with an event of type `gap` before it goes on.
//! Nothing waits for a listener: each [`stream`] reads for itself, when its connection takes more.
//!
//! Rejected: handing events from the drain to the streams in memory. What a listener missed would be gone, a slow one
//! would need a queue, and a second node would know nothing of the first one's clicks.

mod place;
mod stream;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};
use mask_core::{
    Refused,
    event::{EventKind, EventKinds},
    id::{LinkId, PageId},
    question::Bots,
    visit::Target,
};
use mask_store::FeedPlace;
use tokio_util::sync::CancellationToken;
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    analytics::{ask, params},
    caller::{AnalyticsRead, Caller},
    error::ApiError,
    query::{Parameters, plain},
};
use place::Shuffle;
use stream::Stream;

const LAST_EVENT_ID: &str = "last-event-id";

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What all streams have in common.
#[derive(Debug)]
pub struct Streams {
    /// How often a stream says that it is alive.
    heartbeat: Duration,
    /// How long one goes on.
    life: Duration,
    /// Set when the server is asked to stop.
    stop: CancellationToken,
    /// Makes the ids of events.
    shuffle: Shuffle,
}

impl Streams {
    /// Streams that are silent for no longer than this, and end with the server; of an installation with this secret.
    pub fn new(heartbeat: Duration, life: Duration, stop: CancellationToken, secret: &[u8]) -> Self {
        Self { heartbeat, life, stop, shuffle: Shuffle::of(secret) }
    }
}

/// What somebody listens for.
#[derive(Debug)]
struct Wanted {
    /// Of what alone.
    of: Option<Target>,
    kinds: EventKinds,
    tag: Option<String>,
    domain: Option<String>,
    bots: Bots,
    after: Option<FeedPlace>,
}

/// What a stream tells of.
const TOLD: [EventKind; 3] = [EventKind::LinkClicked, EventKind::QrScanned, EventKind::PageViewed];

const EXAMPLE: &str = "retry: 2000\nid: 2mU4hVbZ0u7oB9T6qk1x3g\n\n\
    event: link.clicked\nid: kX0c5YyJr1Zt8nWq3vLd7A\ndata: {\"id\":\"evt_01kcd3vyk5f8r9v3k2m4n6p8qa\",\"type\":\"link.clicked\",\
    \"timestamp\":\"2026-03-24T14:00:15Z\",\"data\":{\"link_id\":\"lnk_01kcd3vyk5f8r9v3k2m4n6p8qa\",\"slug\":\"spring\",\
    \"url\":\"https://example.com/spring\",\"short_url\":\"https://mask.pk/spring\",\"external_id\":null,\"referrer\":\"direct\",\
    \"country\":\"PK\",\"region\":\"unknown\",\"city\":\"unknown\",\"device\":\"mobile\",\"os\":\"iOS\",\"browser\":\"Safari\",\
    \"language\":\"en\",\"source\":\"link\",\"is_bot\":false,\"bot\":\"person\",\"is_unique\":true}}\n\n\
    : heartbeat\n\n";

/// Follow events
///
/// A stream of server-sent events that goes on until either side ends it: `link.clicked`, `qr.scanned` for a visit by way of a
/// printed code, and `page.viewed`, each within two seconds of the visit. `data` is what a webhook would be sent. A comment
/// comes every 15 seconds; a server that stops ends the stream.
///
/// Connect again with the last `id` as `Last-Event-ID` (browsers and client libraries do it by themselves) to go on behind it:
/// no event is missed, and none comes twice. An `id` without an event moves that place on. Events are held for an hour of
/// traffic or 64 MB, whichever is less. When a place is no longer held the stream begins with `gap`:
/// `{"type":"gap","data":{"since","until","export","export_views"}}` says when what is missing was recorded, to the second, and
/// where to export it. Without a place the stream begins now.
///
/// A workspace may have 50 streams open at once; one more is answered 429. Each counts as one request.
#[utoipa::path(
    get, path = "/events", operation_id = "stream_events", tag = "Analytics",
    params(Wanted),
    responses((status = 200, description = "The events", content((String = "text/event-stream", example = json!(EXAMPLE))))),
    security(("key" = ["analytics:read"]))
)]
async fn events(
    State(api): State<Arc<Api>>,
    caller: Caller<AnalyticsRead>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let shuffle = &api.streams.shuffle;
    let mut wanted = Wanted::read(&mut parameters, shuffle);
    parameters.end()?;
    wanted.after = last_event(&headers, shuffle)?.or(wanted.after);
    let turn = api.streaming.begin(caller.owner)?;
    // The first look is taken before anything is sent, so that a store that is away is told as such.
    let stream = Stream::begin(api, &caller, wanted, turn).await?;
    let pieces = futures_util::stream::unfold(stream, |mut stream| async move {
        let piece = stream.next().await?;
        Some((Ok::<_, Infallible>(piece), stream))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would wait until it has some thousand bytes.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The place that the header names. A client library keeps it up to date, so it goes over the parameter, which is part of the
/// address that it began with.
fn last_event(headers: &HeaderMap, shuffle: &Shuffle) -> Result<Option<FeedPlace>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let place = value.to_str().map_err(|_| place::WANTED).and_then(|text| shuffle.read(text));
    place.map(Some).map_err(|why| ApiError::header("Last-Event-ID", why.to_string()))
}

impl Wanted {
    fn read(parameters: &mut Parameters, shuffle: &Shuffle) -> Self {
        let link = parameters.optional("linkId", LinkId::parse).map(Target::Link);
        let page = parameters.optional("bioPageId", |text| match link {
            Some(_) => Err(Refused::because("Must not be given together with linkId: no visit is to both")),
            None => PageId::parse(text).map(Target::Page),
        });
        Self {
            of: link.or(page),
            kinds: parameters.optional("types", read_kinds).unwrap_or(EventKinds::of(&TOLD)),
            tag: parameters.optional("tag", plain),
            domain: parameters.optional("domain", |text| plain(text).map(|host| host.to_ascii_lowercase())),
            bots: ask::read_bots(parameters).unwrap_or(Bots::Without),
            after: parameters.optional("last_event_id", |text| shuffle.read(text)),
        }
    }
}

fn read_kinds(text: &str) -> Result<EventKinds, Refused> {
    let read = |name: &str| {
        let kind = TOLD.into_iter().find(|kind| kind.as_str() == name);
        kind.ok_or_else(|| {
            Refused::saying(format!("Must be some of {}, with commas between", TOLD.map(EventKind::as_str).join(", ")))
        })
    };
    Ok(EventKinds::of(&text.split(',').map(read).collect::<Result<Vec<_>, _>>()?))
}

impl IntoParams for Wanted {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let place = "The last `id` that you have, to go on behind it";
        let mut header = params::described("Last-Event-ID", place, params::text());
        header.parameter_in = ParameterIn::Header;
        vec![
            header,
            params::described(
                "last_event_id",
                "The same, for clients that cannot send headers; the header goes over it",
                params::text(),
            ),
            params::described(
                "types",
                "What is told, with commas between: `link.clicked`, `qr.scanned`, `page.viewed`. All of them unless told otherwise",
                params::text(),
            ),
            params::described("linkId", "Visits to this link alone", params::text()),
            params::described("bioPageId", "Views of this bio page alone", params::text()),
            params::described(
                "tag",
                "Only to links that have this tag now, or `none`; no page has tags",
                params::text(),
            ),
            params::described("domain", "Only to links or pages that are on this host now", params::text()),
            params::described(
                "bots",
                "Whether visits by programs are meant: no (`exclude`), too (`include`), or they alone (`only`)",
                params::text().enum_values(Some(ask::BOTS)).default(Some("exclude".into())),
            ),
        ]
    }
}
