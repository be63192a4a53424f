//! `GET /qr-codes/{id}/image`: the code as a picture.

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use mask_core::{Refused, qr};
use mask_picture::qr::Undrawable;
use mask_store::PlacedCode;

use super::{absent, content, logo_bytes};
use crate::{
    api::{
        Api,
        caller::{Caller, QrCodesRead},
        error::ApiError,
        query::{self, Parameters},
        request::QrCodePath,
        version,
    },
    pictures::{
        drawings::{DrawingFormat, DrawingName, Undrawn, Wanted},
        fault,
    },
};

/// Read a QR code's picture
///
/// Drawn for the link's address as it is now. Each module has two pixels or more, so that it scans: a code that is too dense for
/// that in a picture so wide is drawn with a lower level of error correction, and where none is low enough the answer is 422 and
/// names the least `size`. The `ETag` follows from what is seen: send it as `If-None-Match` to be answered 304 while the picture is
/// the same. An SVG or PDF holds its logo; nothing is loaded from elsewhere.
#[utoipa::path(
    get, path = "/qr-codes/{id}/image", operation_id = "get_qr_code_image", tag = "QR codes",
    params(
        ("id" = String, Path, description = "The code's id"),
        ("format" = Option<String>, Query, description = "`png`, `svg` or `pdf`; `png` unless told otherwise", example = "svg"),
        ("size" = Option<i64>, Query, minimum = 128, maximum = 2048, description = "Its width in pixels; the code's `size` unless told otherwise. A PDF has 0.75 points for each"),
        ("download" = Option<bool>, Query, description = "Whether a browser saves it as a file instead of showing it"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the picture that you have"),
    ),
    responses(
        (status = 200, description = "The picture", content((Vec<u8> = "image/png"), (String = "image/svg+xml"), (Vec<u8> = "application/pdf"))),
        (status = 304, description = "You have this picture already")
    ),
    security(("key" = ["qr-codes:read"]))
)]
pub(super) async fn image(
    State(api): State<Arc<Api>>,
    caller: Caller<QrCodesRead>,
    QrCodePath(id): QrCodePath,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let format = parameters.optional("format", parse_format).unwrap_or(DrawingFormat::Png);
    let size = parameters.optional("size", parse_size);
    let is_download = parameters.optional("download", query::boolean).unwrap_or_default();
    parameters.end()?;
    let placed = api.store.qr_code_by_id(caller.owner, id).await?.ok_or_else(absent)?;
    let size = size.unwrap_or(placed.code.look.size);
    let says = content(&placed, api.redirects.hosts());
    let name = DrawingName::of(&says, &placed.code.look, size, format);
    let tag = name.tag();
    let response = if version::is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        drawn(&api, &placed, says, (name, size, format)).await?.into_response()
    };
    Ok(described(response, &tag, format, &file_name(&placed, format), is_download))
}

async fn drawn(
    api: &Api,
    placed: &PlacedCode,
    content: String,
    (name, size, format): (DrawingName, u16, DrawingFormat),
) -> Result<Bytes, ApiError> {
    if let Some(drawn) = api.drawings.known(&name) {
        return Ok(drawn);
    }
    let look = placed.code.look.clone();
    let logo = logo_bytes(api, &look).await?;
    api.drawings.draw(name, Wanted { content, look, logo }, size, format).await.map_err(|why| match why {
        Undrawn::Swamped => fault::swamped(),
        Undrawn::Undrawable(why @ (Undrawable::TooSmall { .. } | Undrawable::TooLong)) => {
            ApiError::parameters(vec![crate::api::error::Detail { field: "size".to_owned(), message: why.to_string() }])
        }
        Undrawn::Undrawable(why @ Undrawable::Logo) => {
            tracing::error!(%why, code = %placed.code.id, "the logo of a code cannot be drawn");
            ApiError::internal()
        }
    })
}

fn described(mut response: Response, tag: &str, format: DrawingFormat, file: &str, is_download: bool) -> Response {
    const POLICY: HeaderValue =
        HeaderValue::from_static("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox");
    let disposition = if is_download { "attachment" } else { "inline" };
    let texts: [(HeaderName, String); 2] =
        [(header::ETAG, tag.to_owned()), (header::CONTENT_DISPOSITION, format!("{disposition}; filename=\"{file}\""))];
    let headers = response.headers_mut();
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// The slug is letters, digits, hyphens and underscores, so it needs no quoting.
fn file_name(placed: &PlacedCode, format: DrawingFormat) -> String {
    format!("{}.{}", placed.slug, format.as_str())
}

fn parse_format(text: &str) -> Result<DrawingFormat, Refused> {
    let found = DrawingFormat::ALL.into_iter().find(|format| format.as_str() == text);
    found.ok_or(Refused::because("Must be png, svg or pdf"))
}

fn parse_size(text: &str) -> Result<u16, Refused> {
    qr::parse_size(text.parse().unwrap_or(-1))
}
