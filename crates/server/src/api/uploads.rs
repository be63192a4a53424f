//! `/uploads`: pictures for codes and pages, from whoever has no address for them.
//!
//! What comes is looked at, whatever it is called; see [`crate::pictures`] for what becomes of it. The answer's address is
//! made from the picture itself, so the same picture uploaded again has the same one: repeating the request does no harm
//! and needs no `Idempotency-Key`.

mod form;

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use mask_core::picture::PictureName;
use mask_picture::photo::{Photo, Purpose};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api,
    caller::{Caller, Uploads},
    error::{ApiError, Code},
    fields::Problems,
    request::{json_body, read},
};
use crate::pictures::{fault, fetch::MOST_BYTES};

/// The name of the form's part that is the picture, and of the field that is at fault when the picture is.
const FILE: &str = "file";
/// What a form has beside its file.
const FORM_BYTES: usize = 16 << 10;

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// A picture that is kept.
#[derive(Debug, Serialize, ToSchema)]
struct Upload {
    /// Where everybody may see it; what a code's `logo_url` or a picture of a bio page may name.
    #[schema(example = "https://go.example.com/-/img/7f83b1657ff1fc53b92dc18148a1d65d.png")]
    url: String,
    /// Its width in pixels, after it was made to fit 2,048 × 2,048.
    width: u32,
    /// Its height in pixels.
    height: u32,
    /// `image/png` or `image/jpeg`.
    #[schema(example = "image/png")]
    content_type: &'static str,
    /// How long it is.
    bytes: usize,
}

/// What a form with a picture has.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by hand; this is what the document says")]
struct UploadForm {
    /// The picture.
    #[schema(content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Upload a picture
///
/// PNG, JPEG, WebP or SVG, at most 1 MiB: as the body itself, with its type or `application/octet-stream` as
/// `Content-Type`, or as the part `file` of a `multipart/form-data`. What it is, is told from its bytes. It is made anew
/// from its pixels, at most 2,048 × 2,048 of them, so nothing else that the file held is shown to anybody. The same picture
/// always has the same address; sending it again does no harm. A key with `bio-pages:write` will do as well.
#[utoipa::path(
    post, path = "/uploads", operation_id = "upload_picture", tag = "Uploads",
    request_body(content((Vec<u8> = "application/octet-stream"), (Vec<u8> = "image/*"), (UploadForm = "multipart/form-data"))),
    responses((status = 201, description = "The picture is kept", body = Upload)),
    security(("key" = ["qr-codes:write"]), ("key" = ["bio-pages:write"]))
)]
async fn upload(State(api): State<Arc<Api>>, _: Caller<Uploads>, given: Given) -> Result<Response, ApiError> {
    let photo = match api.pictures.remake(given.0, Purpose::Upload).await {
        Ok(photo) => photo,
        Err(fault) => {
            let mut problems = Problems::default();
            fault.at(FILE, &mut problems)?;
            return problems.check().and_then(|()| Err(ApiError::internal()));
        }
    };
    let Photo { width, height, format, .. } = photo;
    let bytes = photo.bytes.len();
    let name = api.pictures.keep(photo).await.map_err(|_| fault::away())?;
    let upload = Upload { url: api.pictures.address(&name), width, height, content_type: format.media_type(), bytes };
    Ok(created(&upload, &name))
}

fn created(upload: &Upload, name: &PictureName) -> Response {
    let mut response = (StatusCode::CREATED, json_body(upload)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(location) = HeaderValue::from_str(&format!("{}{name}", crate::pictures::PATH)) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The bytes that somebody sends as a picture.
struct Given(Bytes);

impl FromRequest<Arc<Api>> for Given {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        let kind = kind(request.headers());
        let is_form = kind == "multipart/form-data";
        if !is_form && !kind.starts_with("image/") && kind != "application/octet-stream" {
            let message = "The body must be a picture: send Content-Type: image/png, image/jpeg, image/webp, \
                           image/svg+xml or application/octet-stream, or multipart/form-data with a part named file.";
            return Err(ApiError::new(Code::UnsupportedMediaType, message));
        }
        let boundary = is_form.then(|| form::boundary(request.headers())).transpose()?;
        let most = if is_form { MOST_BYTES + FORM_BYTES } else { MOST_BYTES };
        let body = Bytes::from(read(api, request.into_body(), most).await?);
        let picture = match boundary {
            Some(boundary) => form::part(&body, &boundary, FILE)?,
            None => body,
        };
        match picture.len() {
            0 => Err(ApiError::invalid(FILE, "Must not be empty")),
            bytes if bytes > MOST_BYTES => {
                Err(ApiError::new(Code::PayloadTooLarge, format!("The picture must be at most {MOST_BYTES} bytes.")))
            }
            _ => Ok(Self(picture)),
        }
    }
}

/// The body's media type, without its parameters.
fn kind(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
