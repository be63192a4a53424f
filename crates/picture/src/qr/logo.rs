//! Which pictures may stand in the middle of a code.
//!
//! What hides a part of a code has to be seen itself, and must be no code: a scanner reads whatever it finds, often the small
//! one in the middle first, and brings people to an address that nobody here knows. Codes are looked for by their eyes, not by
//! whether we can read them, as the next scanner may be better at it.

use image::{RgbaImage, imageops::FilterType};
use mask_core::colour::Colour;
use rqrr::PreparedImage;

use super::{Unscannable, colours::grey, eyes};

/// How much a part of a colour must differ from the ground's for anybody to see it.
const SEEN: u8 = 8;
/// How often a picture is halved, as what is too fine or too rough to be found at one size is found at another.
const HALVINGS: u32 = 3;
/// Pictures narrower than this hold no code: of the smallest one a module would be less than a pixel.
const NARROWEST: u32 = 21;

/// Looks at a picture as it will lie upon the ground.
pub(super) fn check(bytes: &[u8], ground: Colour) -> Result<(), Unscannable> {
    let Ok(picture) = image::load_from_memory(bytes) else {
        return Err(refused("Must be a picture that can be drawn: PNG, JPEG, WebP or SVG"));
    };
    let picture = laid_on(&picture.into_rgba8(), ground);
    if !picture.pixels().any(|pixel| differs(pixel.0, ground)) {
        return Err(refused("Must show something upon the background: this picture would be a hole in the code"));
    }
    let mut greys = greys(&picture);
    for _ in 0..=HALVINGS {
        let (width, height) = greys.dimensions();
        if width.min(height) < NARROWEST {
            break;
        }
        if has_eyes(&greys) {
            return Err(has_code());
        }
        greys = image::imageops::resize(&greys, width / 2, height / 2, FilterType::Triangle);
    }
    Ok(())
}

/// Why a picture with a code in it is none for here.
pub(super) fn has_code() -> Unscannable {
    refused("Must be a picture without a QR code in it: scanners would read that one, and lead people to its address")
}

fn refused(message: &str) -> Unscannable {
    Unscannable { field: "logo_url", message: message.to_owned() }
}

fn laid_on(picture: &RgbaImage, ground: Colour) -> RgbaImage {
    let ground = ground.parts();
    let mut laid = picture.clone();
    for pixel in laid.pixels_mut() {
        let [.., alpha] = pixel.0.map(u32::from);
        for (part, below) in pixel.0.iter_mut().zip(ground) {
            let mixed = (u32::from(*part) * alpha + u32::from(below) * (255 - alpha)) / 255;
            *part = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }
    laid
}

fn differs([red, green, blue, _]: [u8; 4], ground: Colour) -> bool {
    [red, green, blue].into_iter().zip(ground.parts()).any(|(part, below)| part.abs_diff(below) >= SEEN)
}

fn greys(picture: &RgbaImage) -> image::GrayImage {
    image::GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, _] = picture.get_pixel(x, y).0;
        image::Luma([grey(Colour::of(red, green, blue))])
    })
}

/// Whether there are the three eyes of a code, dark upon light or light upon dark.
fn has_eyes(greys: &image::GrayImage) -> bool {
    let (width, height) = (greys.width() as usize, greys.height() as usize);
    [0, 255].into_iter().any(|turned| {
        let seen = |x: usize, y: usize| greys.as_raw()[y * width + x] ^ turned;
        let mut image = PreparedImage::prepare_from_greyscale(width, height, seen);
        let dark: Vec<bool> =
            (0..width * height).map(|place| u8::from(image.get_pixel_at(place % width, place / width)) != 0).collect();
        eyes::are_of_a_code(&eyes::find(&dark, width)) || !image.detect_grids().is_empty()
    })
}
