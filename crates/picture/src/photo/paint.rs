//! From pixels to the file that is handed out.
//!
//! JPEG is for photographs; PNG is for what lets the ground shine through, and for drawings, which JPEG blurs. What a
//! picture is, its colours tell: few make a drawing, and then the smaller of both files is taken.

use std::collections::{BTreeMap, HashSet};

use image::{ExtendedColorType, ImageEncoder, RgbaImage, codecs::jpeg::JpegEncoder};
use mask_core::picture::Format;
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::Photo;

/// Beyond it files grow faster than anybody sees.
const JPEG_QUALITY: u8 = 82;
/// More colours than a drawing has with its softened edges, fewer than any photograph.
const COLOURS_OF_A_DRAWING: usize = 4096;
/// More pixels than this are packed less hard: it would take seconds.
const PIXELS_PACKED_HARD: usize = 600 * 600;

/// Writes the pixels as the file that suits them.
pub(super) fn photo(pixels: &RgbaImage) -> Photo {
    let (bytes, format) = if pixels.pixels().any(|pixel| pixel.0[3] < 255) {
        (png_file(pixels), Format::Png)
    } else if is_drawing(pixels) {
        let (png, jpeg) = (png_file(pixels), jpeg_file(pixels));
        if png.len() <= jpeg.len() { (png, Format::Png) } else { (jpeg, Format::Jpeg) }
    } else {
        (jpeg_file(pixels), Format::Jpeg)
    };
    Photo { bytes, format, width: pixels.width(), height: pixels.height() }
}

fn is_drawing(pixels: &RgbaImage) -> bool {
    let mut seen = HashSet::new();
    pixels.pixels().all(|pixel| {
        seen.insert(pixel.0);
        seen.len() <= COLOURS_OF_A_DRAWING
    })
}

/// The alpha of the pixels is left out.
fn jpeg_file(pixels: &RgbaImage) -> Vec<u8> {
    let colours: Vec<u8> = pixels.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
        .write_image(&colours, pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
        .expect("the sides are below 65,536 and a vector takes all bytes");
    file
}

/// Writes the pixels as a PNG: by a list of colours where 256 suffice, else each with its own.
pub(crate) fn png_file(pixels: &RgbaImage) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, pixels.width(), pixels.height());
    let is_small = pixels.as_raw().len() / 4 <= PIXELS_PACKED_HARD;
    encoder.set_compression(if is_small { Compression::High } else { Compression::Balanced });
    let rows = match palette(pixels) {
        Some(colours) => indexed(pixels, &colours, &mut encoder),
        None => whole(pixels, &mut encoder),
    };
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(&rows)?;
            writer.finish()
        })
        .expect("header and rows belong together and a vector takes all bytes");
    file
}

/// Every colour and its number, those that shine through first; `None` when there are more than 256.
fn palette(pixels: &RgbaImage) -> Option<BTreeMap<(u8, [u8; 3]), u8>> {
    let mut colours = BTreeMap::new();
    for pixel in pixels.pixels() {
        colours.insert(key(pixel.0), 0);
        if colours.len() > 256 {
            return None;
        }
    }
    for (number, entry) in (0u8..=255).zip(colours.values_mut()) {
        *entry = number;
    }
    Some(colours)
}

/// Alpha first, so that the list of alphas can end where all that follow are opaque.
fn key([red, green, blue, alpha]: [u8; 4]) -> (u8, [u8; 3]) {
    (alpha, [red, green, blue])
}

fn indexed(pixels: &RgbaImage, colours: &BTreeMap<(u8, [u8; 3]), u8>, encoder: &mut Encoder<&mut Vec<u8>>) -> Vec<u8> {
    let (depth, bits) = match colours.len() {
        0..=2 => (BitDepth::One, 1),
        3..=4 => (BitDepth::Two, 2),
        5..=16 => (BitDepth::Four, 4),
        _ => (BitDepth::Eight, 8),
    };
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_palette(colours.keys().flat_map(|(_, colour)| *colour).collect::<Vec<u8>>());
    let alphas: Vec<u8> = colours.keys().map(|(alpha, _)| *alpha).take_while(|alpha| *alpha < 255).collect();
    if !alphas.is_empty() {
        encoder.set_trns(alphas);
    }
    let number = |pixel: &[u8]| colours.get(&(pixel[3], [pixel[0], pixel[1], pixel[2]])).copied().unwrap_or_default();
    let rows = pixels.as_raw().chunks_exact(pixels.width() as usize * 4);
    rows.flat_map(|row| {
        row.chunks(4 * 8 / bits).map(move |together| {
            let places = (0..8).step_by(bits).rev();
            together.chunks_exact(4).zip(places).fold(0, |byte, (pixel, place)| byte | number(pixel) << place)
        })
    })
    .collect()
}

fn whole(pixels: &RgbaImage, encoder: &mut Encoder<&mut Vec<u8>>) -> Vec<u8> {
    encoder.set_depth(BitDepth::Eight);
    encoder.set_filter(Filter::Adaptive);
    if pixels.pixels().any(|pixel| pixel.0[3] < 255) {
        encoder.set_color(ColorType::Rgba);
        return pixels.as_raw().clone();
    }
    encoder.set_color(ColorType::Rgb);
    pixels.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect()
}
