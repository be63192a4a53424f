//! Pictures that users give, made into pictures that are safe to hand out.
//!
//! Nothing of what a user gave is ever handed out, only a picture painted anew from its pixels: what else a file may
//! carry (a place in its EXIF data, a script behind its end, a bug for somebody's decoder) stays behind. What a file is,
//! is told by its first bytes; its name and the header it came with are somebody's word.
//!
//! A file of a kilobyte can ask for gigabytes, so what it claims is read first and refused before anything is reserved:
//! sides, pixels, and bytes of the decoded picture. A drawing (SVG) has bounds of its own; see [`crate::drawing`].
//!
//! The same bytes always make the same picture: it is kept under a name made from its content.

mod paint;
mod read;
mod scale;

use image::{DynamicImage, RgbaImage};
use mask_core::picture::Format;

use crate::drawing::{self, Unsafe};
use read::{Kind, Opened};
use scale::Area;

pub(crate) use paint::png_file;

/// What a picture is for, which says how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// In the middle of a QR code: fits 512 × 512.
    Logo,
    /// The face of a bio page: the middle square, at most 384 × 384.
    Avatar,
    /// Beside a link: the middle square, at most 192 × 192.
    Thumbnail,
    /// Across a bio page: fits 1280 × 2560.
    Wide,
    /// Uploaded before anybody knows what for: fits 2048 × 2048.
    Upload,
}

/// A picture that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is written as.
    pub format: Format,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Why no picture can be made of it. Its text is a sentence for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is something else.
    #[error("Must be a PNG, JPEG, WebP or SVG picture")]
    NotAPicture,
    /// It claims more pixels than we would read.
    #[error("Must have at most 40 million pixels and be at most 12,000 pixels wide and high")]
    TooLarge,
    /// It begins as a picture and then is none.
    #[error("Must be a whole picture; this one is damaged or cut off")]
    Damaged,
    /// A drawing that does more than to draw.
    #[error(transparent)]
    Drawing(#[from] Unsafe),
}

/// Most pixels of a side. Beyond it a picture is a strip, or a trap.
pub(crate) const MOST_SIDE: u32 = 12_000;
/// Most pixels of a picture.
pub(crate) const MOST_PIXELS: u64 = 40_000_000;

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Logo, Self::Avatar, Self::Thumbnail, Self::Wide, Self::Upload];

    /// The box that it fits into: width and height.
    pub const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Logo => (512, 512),
            Self::Avatar => (384, 384),
            Self::Thumbnail => (192, 192),
            Self::Wide => (1280, 2560),
            Self::Upload => (2048, 2048),
        }
    }

    /// Whether only the middle square is wanted.
    pub const fn is_square(self) -> bool {
        matches!(self, Self::Avatar | Self::Thumbnail)
    }
}

/// Makes a picture for the purpose from what a user gave. It never enlarges pixels; a drawing has none and fills its box.
///
/// What it costs has bounds: the worst that is let in (a progressive JPEG of 40 million pixels, a drawing of hundreds of
/// large shapes) takes about a second of one core and a quarter of a gigabyte. Run it where few run at once.
pub fn remake(bytes: &[u8], purpose: Purpose) -> Result<Photo, Unfit> {
    // Decoders of foreign bytes are other people's code. A panic in one is a bug, and a damaged picture to its owner.
    let made = std::panic::catch_unwind(|| remade(bytes, purpose));
    made.unwrap_or(Err(Unfit::Damaged))
}

fn remade(bytes: &[u8], purpose: Purpose) -> Result<Photo, Unfit> {
    let pixels = match Kind::of(bytes).ok_or(Unfit::NotAPicture)? {
        Kind::Svg => {
            let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotAPicture)?;
            drawing::rasterised(text, purpose)?
        }
        kind => fitted(read::open(bytes, kind, MOST_PIXELS)?, purpose.bounds(), purpose.is_square()),
    };
    Ok(paint::photo(&pixels))
}

/// The pixels of a picture that stands within another, upright and within the bounds, and how many it had in the file,
/// which must not be more than `most`.
pub(crate) fn pixels(bytes: &[u8], bounds: (u32, u32), most: u64) -> Result<(RgbaImage, u64), Unfit> {
    let opened = opened(bytes, most)?;
    let count = u64::from(opened.pixels.width) * u64::from(opened.pixels.height);
    Ok((fitted(opened, bounds, false), count))
}

/// The pixels of the middle of a picture, a square of at most this side.
pub(crate) fn middle(bytes: &[u8], side: u32) -> Result<RgbaImage, Unfit> {
    Ok(fitted(opened(bytes, MOST_PIXELS)?, (side, side), true))
}

fn opened(bytes: &[u8], most: u64) -> Result<Opened, Unfit> {
    let kind = Kind::of(bytes).filter(|kind| *kind != Kind::Svg).ok_or(Unfit::NotAPicture)?;
    read::open(bytes, kind, most)
}

/// The picture, made to fit, upright and in the colours of the web.
fn fitted(opened: Opened, bounds: (u32, u32), is_square: bool) -> RgbaImage {
    let Opened { pixels, orientation, profile } = opened;
    let part = if is_square { Area::middle_square } else { Area::whole };
    let (width, height) = bounds;
    let bounds = if read::is_turned(orientation) { (height, width) } else { (width, height) };
    let mut fitted = scale::fit(&pixels, part(pixels.width, pixels.height), bounds);
    drop(pixels);
    if let Some(profile) = profile {
        read::into_srgb(&mut fitted, &profile);
    }
    let mut upright = DynamicImage::ImageRgba8(fitted);
    upright.apply_orientation(orientation);
    upright.into_rgba8()
}
