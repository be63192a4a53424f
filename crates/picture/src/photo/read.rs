//! From bytes to pixels, with bounds.

use std::io::Cursor;

use image::{
    ColorType, ImageDecoder, ImageError, Limits, RgbaImage,
    codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder},
    metadata::Orientation,
};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::{MOST_PIXELS, MOST_SIDE, Unfit};

/// Most bytes of a decoded picture: 40 million pixels of four bytes, or half as many of eight.
const MOST_DECODED_BYTES: u64 = 4 * MOST_PIXELS;
/// Most bytes that what stands beside the pixels may unfold to: profiles of colours, which are some kilobytes.
const MOST_ASIDE_BYTES: u64 = 4 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    Webp,
    Svg,
}

impl Kind {
    /// What its first bytes say. A drawing has none of its own: it is text in which an `<svg` occurs, and what that
    /// really is becomes clear when it is read.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => {
                let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
                let is_drawing = text.starts_with(b"<") && text.windows(3).any(|part| part == b"svg");
                is_drawing.then_some(Self::Svg)
            }
        }
    }
}

/// A decoded picture, as it lay in the file.
pub(super) struct Opened {
    pub(super) pixels: Pixels,
    /// How it has to be turned to stand upright.
    pub(super) orientation: Orientation,
    /// What its colours mean (ICC), unless they are those of the web.
    pub(super) profile: Option<Vec<u8>>,
}

/// Pixels in the layout of their decoder. They are turned into one layout row by row, because a second copy of the whole
/// would be the larger half of what remaking costs.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    bytes: Vec<u8>,
    layout: ColorType,
}

impl Pixels {
    /// Writes a row as red, green, blue, alpha (0 to 255 each) to `into`.
    pub(super) fn row(&self, y: u32, into: &mut [[u8; 4]]) {
        let pixel_bytes = usize::from(self.layout.bytes_per_pixel());
        let row_bytes = self.width as usize * pixel_bytes;
        let row = &self.bytes[y as usize * row_bytes..][..row_bytes];
        // Of sixteen bits the upper eight; they are in this machine's order.
        let upper = usize::from(cfg!(target_endian = "little"));
        for (pixel, into) in row.chunks_exact(pixel_bytes).zip(into) {
            *into = match (self.layout, pixel) {
                (ColorType::L8, &[grey]) => [grey, grey, grey, 255],
                (ColorType::La8, &[grey, alpha]) => [grey, grey, grey, alpha],
                (ColorType::Rgb8, &[red, green, blue]) => [red, green, blue, 255],
                (ColorType::Rgba8, &[red, green, blue, alpha]) => [red, green, blue, alpha],
                (ColorType::L16, wide) => [wide[upper], wide[upper], wide[upper], 255],
                (ColorType::La16, wide) => [wide[upper], wide[upper], wide[upper], wide[2 + upper]],
                (ColorType::Rgb16, wide) => [wide[upper], wide[2 + upper], wide[4 + upper], 255],
                (ColorType::Rgba16, wide) => [wide[upper], wide[2 + upper], wide[4 + upper], wide[6 + upper]],
                _ => [0; 4],
            };
        }
    }
}

/// Decodes a picture that is no drawing and has at most so many pixels. Of a moving one that is its first frame.
pub(super) fn open(bytes: &[u8], kind: Kind, most_pixels: u64) -> Result<Opened, Unfit> {
    let file = Cursor::new(bytes);
    match kind {
        Kind::Png => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MOST_ASIDE_BYTES);
            decoded(PngDecoder::with_limits(file, limits).map_err(unfit)?, most_pixels)
        }
        // The decoder fills in grey for what is missing; half a face is none.
        Kind::Jpeg if !ends(bytes) => Err(Unfit::Damaged),
        Kind::Jpeg => decoded(JpegDecoder::new(file).map_err(unfit)?, most_pixels),
        Kind::Webp => decoded(WebPDecoder::new(file).map_err(unfit)?, most_pixels),
        Kind::Svg => Err(Unfit::NotAPicture),
    }
}

/// Whether a JPEG has its end behind the beginning of its last scan (ITU-T T.81, B.1.1.3: EOI and SOS).
fn ends(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) > last(0xda)
}

fn decoded(mut decoder: impl ImageDecoder, most_pixels: u64) -> Result<Opened, Unfit> {
    let (width, height) = decoder.dimensions();
    let layout = decoder.color_type();
    let is_too_large = width.max(height) > MOST_SIDE
        || u64::from(width) * u64::from(height) > most_pixels
        || decoder.total_bytes() > MOST_DECODED_BYTES;
    if is_too_large {
        return Err(Unfit::TooLarge);
    }
    let byte_count = usize::try_from(decoder.total_bytes()).map_err(|_| Unfit::TooLarge)?;
    if byte_count == 0 {
        return Err(Unfit::Damaged);
    }
    // What stands beside the pixels may be damaged; the picture is none the worse.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.len() as u64 <= MOST_ASIDE_BYTES);
    let mut bytes = vec![0; byte_count];
    decoder.read_image(&mut bytes).map_err(unfit)?;
    Ok(Opened { pixels: Pixels { width, height, bytes, layout }, orientation, profile })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unfit(error: ImageError) -> Unfit {
    match error {
        ImageError::Limits(_) => Unfit::TooLarge,
        _ => Unfit::Damaged,
    }
}

/// Whether what is wide becomes high when it is turned so.
pub(super) fn is_turned(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Colours of another space, as most telephones photograph them, made into those of the web (sRGB), which is what
/// browsers take a file without a profile for. A profile that makes no sense is ignored.
pub(super) fn into_srgb(pixels: &mut RgbaImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    let Ok(transform) = profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, options) else { return };
    // The web's own profile comes in many spellings. It must not move the colour of a logo by rounding.
    let probes: Vec<u8> = (0..216u8).flat_map(|n| [n / 36, n / 6 % 6, n % 6, 5].map(|step| step * 51)).collect();
    let mut changed = probes.clone();
    let is_same = transform.transform(&probes, &mut changed).is_err()
        || probes.iter().zip(&changed).all(|(before, after)| before.abs_diff(*after) <= 2);
    if is_same {
        return;
    }
    let before = pixels.as_raw().clone();
    let mut after = vec![0; before.len()];
    if transform.transform(&before, &mut after).is_ok() {
        pixels.copy_from_slice(&after);
    }
}
