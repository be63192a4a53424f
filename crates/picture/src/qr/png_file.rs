//! Codes as PNG, with as few bits to a pixel as they have colours.

use mask_core::colour::Colour;
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::{
    Undrawable,
    design::Design,
    pixels,
    plain::{Grid, lines},
};

pub(super) fn png(design: &Design<'_>) -> Result<Vec<u8>, Undrawable> {
    let grid = Grid::of(design);
    if design.is_plain_at(grid.module) { Ok(plain(design, grid)) } else { painted(design) }
}

/// Two colours are a bit; a third one makes it two.
fn plain(design: &Design<'_>, grid: Grid) -> Vec<u8> {
    let look = design.look;
    let mut colours =
        vec![with_alpha(look.background, if look.is_transparent { 0 } else { 255 }), with_alpha(look.foreground, 255)];
    if design.has_own_eyes() {
        colours.push(with_alpha(design.eye(), 255));
    }
    let depth = if colours.len() > 2 { BitDepth::Two } else { BitDepth::One };
    let mut bytes = Vec::new();
    for (line, times) in lines(design, grid) {
        let packed = packed(&line, depth);
        (0..times).for_each(|_| bytes.extend_from_slice(&packed));
    }
    indexed(grid.size, grid.size, &colours, depth, &bytes)
}

/// What has few colours gets a palette: smoothed edges between two colours are some dozens of them.
fn painted(design: &Design<'_>) -> Result<Vec<u8>, Undrawable> {
    let ground = (!design.look.is_transparent).then_some(design.look.background);
    let pixmap = pixels::paint(design, ground)?;
    let (width, height) = (pixmap.width(), pixmap.height());
    let pixels = pixmap.take_demultiplied();
    if let Some((colours, places)) = palette(&pixels) {
        if colours.len() > 16 {
            return Ok(indexed(width, height, &colours, BitDepth::Eight, &places));
        }
        let lines: Vec<_> = places.chunks_exact(width as usize).map(|line| packed(line, BitDepth::Four)).collect();
        let bytes = lines.concat();
        return Ok(indexed(width, height, &colours, BitDepth::Four, &bytes));
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    if ground.is_some() {
        encoder.set_color(ColorType::Rgb);
        let opaque: Vec<u8> = pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        write(encoder, &opaque);
    } else {
        encoder.set_color(ColorType::Rgba);
        write(encoder, &pixels);
    }
    Ok(file)
}

fn with_alpha(colour: Colour, alpha: u8) -> [u8; 4] {
    let [red, green, blue] = colour.parts();
    [red, green, blue, alpha]
}

/// Each pixel's place among all colours, if these are no more than a palette holds.
fn palette(pixels: &[u8]) -> Option<(Vec<[u8; 4]>, Vec<u8>)> {
    // A table with four times as many slots as a palette has places: a colour is in the first slot from its own on that is not
    // another's. The pixels of dots are seldom like the one before them, and a hash that withstands strangers costs more than all the
    // rest of a picture; here there are 256 colours at most, whatever they are.
    const BITS: u32 = 10;
    let (mut colours, mut places) = (Vec::new(), Vec::with_capacity(pixels.len() / 4));
    let mut slots: [Option<([u8; 4], u8)>; 1 << BITS] = [None; 1 << BITS];
    for pixel in pixels.chunks_exact(4) {
        let colour: [u8; 4] = pixel.try_into().ok()?;
        let mut slot = (u32::from_le_bytes(colour).wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize;
        let place = loop {
            match slots[slot] {
                Some((same, place)) if same == colour => break place,
                Some(_) => slot = (slot + 1) % slots.len(),
                None => {
                    let place = u8::try_from(colours.len()).ok()?;
                    colours.push(colour);
                    slots[slot] = Some((colour, place));
                    break place;
                }
            }
        };
        places.push(place);
    }
    Some((colours, places))
}

/// A line of places in a palette in this many bits each, the first pixel in the highest ones.
fn packed(line: &[u8], depth: BitDepth) -> Vec<u8> {
    let bits = depth as usize;
    let pack = |pixels: &[u8]| {
        let byte = pixels.iter().fold(0_u8, |byte, pixel| byte << (bits % 8) | pixel);
        byte << ((8 / bits - pixels.len()) * bits)
    };
    line.chunks(8 / bits).map(pack).collect()
}

fn indexed(width: u32, height: u32, colours: &[[u8; 4]], depth: BitDepth, bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(colours.iter().flat_map(|colour| [colour[0], colour[1], colour[2]]).collect::<Vec<u8>>());
    if colours.iter().any(|colour| colour[3] < 255) {
        encoder.set_trns(colours.iter().map(|colour| colour[3]).collect::<Vec<u8>>());
    }
    encoder.set_compression(Compression::Fast);
    // Most lines are the line above once more.
    encoder.set_filter(Filter::Up);
    write(encoder, bytes);
    file
}

/// Into memory, of which there is enough, with as many bytes as the header says.
fn write(encoder: Encoder<'_, &mut Vec<u8>>, bytes: &[u8]) {
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(bytes));
    written.expect("a vector takes all, and the bytes are those of the size");
}
