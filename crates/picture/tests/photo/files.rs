//! Files to be remade, most of them with something wrong.

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::webp::WebPEncoder};

/// A PNG of the pixels, which have so many bytes each.
pub(crate) fn png(width: u32, height: u32, colour: png::ColorType, depth: png::BitDepth, rows: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![255, 0, 0, 0, 0, 255]);
        encoder.set_trns(vec![255, 64]);
    }
    encoder.write_header().expect("a header").write_image_data(rows).expect("rows");
    file
}

/// A PNG with a chunk of this kind before its pixels, and a claim about its size.
pub(crate) fn png_with(width: u32, height: u32, kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = png::Encoder::new(&mut file, width, height).write_header().expect("a header");
    writer.write_chunk(png::chunk::ChunkType(kind), data).expect("a chunk");
    writer.write_chunk(png::chunk::IDAT, &packed_zeros(64)).expect("a chunk");
    drop(writer);
    file
}

/// Zeros as zlib packs them: what the rows of a black square are.
pub(crate) fn packed_zeros(side: u32) -> Vec<u8> {
    let rows = vec![0; side as usize * side as usize];
    let file = png(side, side, png::ColorType::Grayscale, png::BitDepth::Eight, &rows);
    let start = file.windows(4).position(|kind| kind == b"IDAT").expect("pixels");
    let length = u32::from_be_bytes(file[start - 4..start].try_into().expect("four bytes"));
    file[start + 4..][..length as usize].to_vec()
}

pub(crate) fn jpeg(
    width: u32,
    height: u32,
    colour: impl Fn(u32, u32) -> [u8; 3],
    exif: Option<u8>,
    profile: Option<Vec<u8>>,
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    if let Some(orientation) = exif {
        let mut block = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        block[18] = orientation;
        encoder.set_exif_metadata(block).expect("a block");
    }
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).expect("a profile");
    }
    encoder.write_image(&rgb(width, height, colour), width, height, ExtendedColorType::Rgb8).expect("a picture");
    file
}

pub(crate) fn webp(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file)
        .write_image(&rgb(width, height, colour), width, height, ExtendedColorType::Rgb8)
        .expect("a picture");
    file
}

pub(crate) fn rgb(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect()
}

/// Something like a photograph: no two neighbours are the same.
pub(crate) fn busy(x: u32, y: u32) -> [u8; 3] {
    let noise = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519) ^ (x * y);
    [x / 3 + noise % 31, y / 4 + (noise >> 8) % 29, (x + y) / 5 + (noise >> 16) % 37].map(|part| part.to_le_bytes()[0])
}
