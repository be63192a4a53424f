//! A QR code's JSON.

use mask_core::{
    colour::Colour,
    qr::{QrCode, Shape},
};
use mask_store::PlacedCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{api::links::Pagination, redirect::Hosts};

/// How much of a code may be damaged and still be read.
#[derive(Debug, ToSchema)]
#[schema(as = ErrorCorrection)]
#[expect(dead_code, reason = "the names as the document shows them")]
pub(crate) enum LevelName {
    /// About 7 %.
    L,
    /// About 15 %.
    M,
    /// About 25 %.
    Q,
    /// About 30 %.
    H,
}

/// How the modules are drawn.
#[derive(Debug, ToSchema)]
#[schema(as = QrShape)]
#[expect(dead_code, non_camel_case_types, reason = "the names as the document shows them")]
pub(crate) enum ShapeName {
    square,
    rounded,
    dots,
}

/// A QR code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QrCode)]
pub(in crate::api) struct QrCodeBody {
    /// The code's id.
    #[schema(example = "qr_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    id: String,
    /// The link that it leads to; null for a code of a bio page.
    #[schema(example = "lnk_01kcd3vyk5f8r9v3k2m4n6p8qa")]
    link_id: Option<String>,
    /// The address of its link or page as it is now. The code says this and `?qr=` with a token of its own, by which its scans
    /// are known.
    #[schema(example = "https://go.example.com/spring-sale")]
    short_url: String,
    /// The colour of the modules.
    #[schema(example = "#000000")]
    foreground_color: String,
    /// The colour behind them.
    #[schema(example = "#ffffff")]
    background_color: String,
    /// The width of its pictures in pixels, where none is asked for.
    #[schema(minimum = 128, maximum = 2048, example = 512)]
    size: u16,
    /// How much of it may be damaged and still be read: the level that it is drawn with in a picture of its `size`. That is the one
    /// that was asked for, or a lower one while its address is too long for that.
    #[schema(value_type = LevelName, example = "M")]
    error_correction: &'static str,
    /// The address that its logo was fetched from.
    #[schema(example = "https://example.com/logo.png")]
    logo_url: Option<String>,
    /// How often people scanned it.
    scans: i64,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime, example = "2026-03-24T14:00:00Z")]
    updated_at: String,
    /// The colour of the three eyes in the corners; null: that of the modules.
    #[schema(example = "#c2410c")]
    eye_color: Option<String>,
    /// How the modules are drawn.
    #[schema(value_type = ShapeName, example = "square")]
    shape: &'static str,
    /// The width of the free border in modules.
    #[schema(minimum = 0, maximum = 16, example = 4)]
    margin: u8,
    /// Whether nothing is painted behind the modules.
    transparent: bool,
    /// A line of text below it.
    #[schema(example = "Scan for the menu")]
    caption: Option<String>,
    /// The bio page that it leads to; null for a code of a link.
    bio_page_id: Option<String>,
}

impl QrCodeBody {
    pub(in crate::api) fn of(placed: &PlacedCode, hosts: &Hosts) -> Self {
        let QrCode { id, aim, token: _, look, scans, version: _, created_at, updated_at } = &placed.code;
        Self {
            id: id.to_string(),
            link_id: aim.link().map(|link| link.to_string()),
            bio_page_id: aim.page().map(|page| page.to_string()),
            short_url: hosts.short_url(&placed.domain, &placed.slug),
            foreground_color: look.foreground.to_string(),
            background_color: look.background.to_string(),
            size: look.size,
            error_correction: mask_picture::qr::drawn_level(&super::content(placed, hosts), look).as_str(),
            logo_url: look.logo.as_ref().map(|logo| logo.url.clone()),
            scans: *scans,
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
            eye_color: look.eye.as_ref().map(Colour::to_string),
            shape: Shape::as_str(look.shape),
            margin: look.margin,
            transparent: look.is_transparent,
            caption: look.caption.clone(),
        }
    }
}

/// A page of codes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QrCodeList {
    /// The codes.
    pub data: Vec<QrCodeBody>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

/// What a kept answer says of the code that it shows: enough for its headers.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub id: String,
    pub short_url: String,
    pub scans: i64,
}
