//! QR codes as pictures, and whether they will scan.
//!
//! A code is designed once, in modules ([`design`]), and written three ways: as SVG, as PNG, as PDF. Each has the width that
//! was asked for, to the pixel, and is as high as wide; a caption makes it an eighth higher, as a code that shrank for the
//! sake of its caption would be harder to scan than its size promises. Modules lie on whole pixels, and the free border is at
//! least as wide as it was asked for.
//!
//! What can be drawn need not scan. Whoever keeps a look [checks](check) it first: a code that is printed a thousand times
//! and cannot be read is worse than a refusal.

mod border;
mod caption;
mod check;
mod colours;
mod design;
mod eyes;
mod fit;
mod logo;
mod matrix;
mod outline;
mod pdf_file;
mod pixels;
mod plain;
mod png_file;
mod read;
mod svg;

use mask_core::qr::{ErrorCorrection, Look};

pub use colours::is_legible;
use design::Design;

/// What is to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    /// What the code says.
    pub content: &'a str,
    /// How it looks.
    pub look: &'a Look,
    /// Our own copy of the logo: PNG or JPEG.
    pub logo: Option<&'a [u8]>,
}

/// Why a code cannot be drawn at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undrawable {
    /// No code holds that much.
    #[error("The address is too long for a QR code")]
    TooLong,
    /// A module would have too few pixels to be read. Within the sizes of [`mask_core::qr::SIZES`] that takes an address of some two
    /// hundred characters.
    #[error("Must be at least {least}: in a smaller picture the modules of this code would be too small to scan")]
    TooSmall {
        /// The least width in pixels.
        least: u32,
    },
    /// The logo is no picture.
    #[error("Must be a picture that can be drawn: PNG, JPEG, WebP or SVG")]
    Logo,
}

/// Why a code will not scan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Unscannable {
    /// The member of the request that would have to be another.
    pub field: &'static str,
    /// What it would have to be, for the caller.
    pub message: String,
}

/// The code as SVG: exact at any size, with everything in the file itself.
pub fn svg(drawing: &Drawing<'_>, size: u16) -> Result<String, Undrawable> {
    Ok(svg::svg(&Design::of(drawing, size)?))
}

/// The code as PNG, as many pixels wide as asked for.
pub fn png(drawing: &Drawing<'_>, size: u16) -> Result<Vec<u8>, Undrawable> {
    png_file::png(&Design::of(drawing, size)?)
}

/// The code as PDF: a page as large as a picture of this many pixels is at 96 to the inch, so 0.75 points each.
pub fn pdf(drawing: &Drawing<'_>, size: u16) -> Result<Vec<u8>, Undrawable> {
    pdf_file::pdf(&Design::of(drawing, size)?)
}

/// The level that a code is drawn with where no size is asked for: the look's, or a lower one for an address that has become too
/// long for it.
pub fn drawn_level(content: &str, look: &Look) -> ErrorCorrection {
    // No code has so many modules that it would not fit in there.
    const ROOM_FOR_ALL: u16 = 2 * (177 + 2 * 16);
    if look.size >= ROOM_FOR_ALL {
        return look.level();
    }
    let logo = look.logo.as_ref().map(|logo| (logo.width, logo.height));
    fit::fit(content, look, logo, look.size).map_or(look.level(), |fitted| fitted.level)
}

/// Whether a code that looks so will scan, at every size that is drawn. Takes a few milliseconds, and some hundred at the
/// largest sizes.
pub fn check(drawing: &Drawing<'_>) -> Result<(), Unscannable> {
    check::check(drawing)
}

/// Whether the level that was chosen is the one that the code is drawn with, where no size is asked for. Whoever chooses one is
/// told; a code that has it is [drawn with less](drawn_level) once its address is longer.
pub fn check_level(drawing: &Drawing<'_>) -> Result<(), Unscannable> {
    check::check_level(drawing)
}
