use image::{GenericImageView, Rgba};
use mask_core::picture::Format;
use mask_picture::photo::{Photo, Purpose, Unfit, remake};
use png::{BitDepth, ColorType};
use proptest::prelude::*;

use crate::files::{busy, jpeg, packed_zeros, png, png_with, webp};

const CMYK: &[u8] = include_bytes!("cmyk.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("progressive.jpg");
const MOVING: &[u8] = include_bytes!("moving.webp");
const LOSSY: &[u8] = include_bytes!("lossy.webp");

fn made(bytes: &[u8], purpose: Purpose) -> (Photo, image::DynamicImage) {
    let photo = remake(bytes, purpose).expect("a picture");
    let seen = image::load_from_memory(&photo.bytes).expect("our own picture");
    assert_eq!((seen.width(), seen.height()), (photo.width, photo.height));
    let start: &[u8] = if photo.format == Format::Png { b"\x89PNG" } else { b"\xff\xd8\xff" };
    assert!(photo.bytes.starts_with(start));
    (photo, seen)
}

fn is_about(seen: Rgba<u8>, wanted: [u8; 4]) -> bool {
    seen.0.iter().zip(wanted).all(|(one, other)| one.abs_diff(other) <= 6)
}

#[test]
fn pictures_fit_their_purpose_and_never_grow() {
    let (wide, high, small) =
        (jpeg(900, 600, busy, None, None), jpeg(300, 1200, busy, None, None), jpeg(50, 40, busy, None, None));
    for (file, purpose, size) in [
        (&wide, Purpose::Logo, (512, 341)),
        (&wide, Purpose::Avatar, (384, 384)),
        (&wide, Purpose::Thumbnail, (192, 192)),
        (&wide, Purpose::Wide, (900, 600)),
        (&wide, Purpose::Upload, (900, 600)),
        (&high, Purpose::Logo, (128, 512)),
        (&high, Purpose::Avatar, (300, 300)),
        (&small, Purpose::Logo, (50, 40)),
        (&small, Purpose::Avatar, (40, 40)),
    ] {
        let (photo, _) = made(file, purpose);
        assert_eq!((photo.width, photo.height), size, "{purpose:?}");
    }
    // A strip keeps at least a pixel of its height.
    let strip = png(4000, 1, ColorType::Grayscale, BitDepth::Eight, &[9; 4000]);
    assert_eq!((made(&strip, Purpose::Logo).0.width, made(&strip, Purpose::Logo).0.height), (512, 1));
}

#[test]
fn the_middle_is_what_is_kept_of_a_square() {
    let thirds = |x: u32, _| [[255, 0, 0], [0, 255, 0], [0, 0, 255]][(x / 200).min(2) as usize];
    let (_, seen) = made(&webp(600, 200, thirds), Purpose::Avatar);
    assert_eq!(seen.dimensions(), (200, 200));
    assert!(seen.pixels().all(|(_, _, pixel)| pixel.0 == [0, 255, 0, 255]));
}

#[test]
fn every_kind_of_pixel_is_read() {
    use BitDepth::{Eight, One, Sixteen};
    let red = [255, 0, 0, 255];
    for (file, wanted) in [
        (png(2, 2, ColorType::Rgb, Eight, &[255, 0, 0].repeat(4)), red),
        (png(2, 2, ColorType::Rgb, Sixteen, &[255, 255, 0, 9, 0, 9].repeat(4)), red),
        (png(2, 2, ColorType::Rgba, Sixteen, &[255, 9, 0, 9, 0, 9, 128, 9].repeat(4)), [255, 0, 0, 128]),
        (png(2, 2, ColorType::Rgba, Eight, &[1, 2, 3, 77].repeat(4)), [1, 2, 3, 77]),
        (png(2, 2, ColorType::Grayscale, Eight, &[99; 4]), [99, 99, 99, 255]),
        (png(2, 2, ColorType::Grayscale, Sixteen, &[99, 200].repeat(4)), [99, 99, 99, 255]),
        (png(2, 2, ColorType::GrayscaleAlpha, Eight, &[99, 50].repeat(4)), [99, 99, 99, 50]),
        (png(2, 2, ColorType::GrayscaleAlpha, Sixteen, &[99, 1, 50, 1].repeat(4)), [99, 99, 99, 50]),
        (png(2, 2, ColorType::Grayscale, One, &[0xff; 2]), [255; 4]),
        (png(2, 2, ColorType::Indexed, One, &[0; 2]), red),
        (png(2, 2, ColorType::Indexed, One, &[0xff; 2]), [0, 0, 255, 64]),
        (webp(2, 2, |_, _| [255, 0, 0]), red),
        (CMYK.to_vec(), [255, 0, 0, 255]),
        (PROGRESSIVE.to_vec(), [30, 160, 90, 255]),
        (MOVING.to_vec(), [200, 0, 0, 255]),
        (LOSSY.to_vec(), [10, 200, 30, 128]),
    ] {
        let (photo, seen) = made(&file, Purpose::Upload);
        let pixel = seen.get_pixel(0, 0);
        assert!(is_about(pixel, wanted), "{pixel:?} {wanted:?}");
        assert!(wanted[3] == 255 || photo.format == Format::Png, "JPEG knows no transparency");
    }
}

#[test]
fn pictures_stand_upright_and_tell_nothing_else() {
    // Red at the left, blue at the right, as it lies in the file.
    let halves = |x: u32, _| if x < 20 { [255, 0, 0] } else { [0, 0, 255] };
    for (orientation, red) in [
        (1, (5, 10)),
        (2, (35, 10)),
        (3, (35, 10)),
        (4, (5, 10)),
        (5, (10, 5)),
        (6, (10, 5)),
        (7, (10, 35)),
        (8, (10, 35)),
    ] {
        let file = jpeg(40, 20, halves, Some(orientation), None);
        assert!(file.windows(4).any(|part| part == b"Exif"));
        let (photo, seen) = made(&file, Purpose::Upload);
        let size = if orientation > 4 { (20, 40) } else { (40, 20) };
        assert_eq!(seen.dimensions(), size, "{orientation}");
        let pixel = seen.get_pixel(red.0, red.1);
        assert!(pixel.0[0] > 200 && pixel.0[2] < 60, "{orientation}: {pixel:?}");
        assert!(!photo.bytes.windows(4).any(|part| part == b"Exif"));
    }
    // What fits lying down may not fit standing up.
    let (photo, _) = made(&jpeg(3000, 100, busy, Some(6), None), Purpose::Wide);
    assert_eq!((photo.width, photo.height), (85, 2560));
}

#[test]
fn colours_become_those_of_the_web() {
    let flat = |_, _| [200, 100, 50];
    let p3 = moxcms::ColorProfile::new_display_p3().encode().expect("a profile");
    let (_, seen) = made(&jpeg(64, 64, flat, None, Some(p3)), Purpose::Upload);
    assert!(is_about(seen.get_pixel(9, 9), [215, 96, 35, 255]), "{:?}", seen.get_pixel(9, 9));
    for harmless in [moxcms::ColorProfile::new_srgb().encode().expect("a profile"), b"no profile at all".to_vec()] {
        let (_, seen) = made(&jpeg(64, 64, flat, None, Some(harmless)), Purpose::Upload);
        assert!(is_about(seen.get_pixel(9, 9), [200, 100, 50, 255]));
    }
}

#[test]
fn drawings_stay_sharp_and_photographs_small() {
    let lines = |x: u32, y: u32| if (x / 7 + y / 5).is_multiple_of(2) { [17, 34, 51] } else { [250, 250, 250] };
    let (photo, seen) = made(&webp(400, 300, lines), Purpose::Upload);
    assert_eq!(photo.format, Format::Png);
    assert!(seen.pixels().all(|(x, y, pixel)| pixel.0[..3] == lines(x, y)));
    assert!(photo.bytes.len() < 4000, "a list of two colours: {}", photo.bytes.len());
    let (photo, _) = made(&webp(400, 300, busy), Purpose::Upload);
    assert_eq!(photo.format, Format::Jpeg);
}

#[test]
fn what_shines_through_leaves_no_rim() {
    // White upon transparent black, as drawing programs write it: nothing between them may become grey.
    let pixel = |x: u32, y: u32| if (x / 40 + y / 40).is_multiple_of(2) { [255, 255, 255, 255] } else { [0, 0, 0, 0] };
    let rows: Vec<u8> = (0..800).flat_map(|y| (0..800).flat_map(move |x| pixel(x, y))).collect();
    let (photo, seen) = made(&png(800, 800, ColorType::Rgba, BitDepth::Eight, &rows), Purpose::Thumbnail);
    assert_eq!(photo.format, Format::Png);
    assert!(seen.pixels().all(|(_, _, pixel)| pixel.0[3] < 8 || pixel.0[0] > 245));
    assert!(seen.pixels().any(|(_, _, pixel)| (1..255).contains(&pixel.0[3])), "edges are soft");
}

#[test]
fn the_same_bytes_make_the_same_picture() {
    let file = jpeg(700, 500, busy, None, None);
    for purpose in Purpose::ALL {
        assert_eq!(remake(&file, purpose), remake(&file, purpose));
    }
}

#[test]
fn claims_are_refused_before_they_cost_anything() {
    let mut jpeg = jpeg(16, 16, busy, None, None);
    let sof = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    jpeg[sof + 5..sof + 9].copy_from_slice(&[0xff, 0x00, 0xff, 0x00]);
    let mut webp = webp(16, 16, busy);
    let size = webp.windows(4).position(|part| part == b"VP8L").expect("pixels") + 9;
    webp[size..size + 4].copy_from_slice(&[0xfe, 0xff, 0x03, 0x00]);
    let mut extended = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff".to_vec();
    extended.extend_from_slice(b"VP8L\0\0\0\0");
    for (what, file) in [
        ("a PNG of 60,000 squared", png_with(60_000, 60_000, *b"tEXt", b"k\0v")),
        ("a PNG of 12,001 by 1", png_with(12_001, 1, *b"tEXt", b"k\0v")),
        ("a PNG of 41 million pixels", png_with(8_200, 5_000, *b"tEXt", b"k\0v")),
        ("a JPEG of 65,280 squared", jpeg),
        ("a WebP of 16,383 by 16", webp),
    ] {
        assert_eq!(remake(&file, Purpose::Logo), Err(Unfit::TooLarge), "{what}");
    }
    assert!(remake(&extended, Purpose::Logo).is_err());
    assert!(Unfit::TooLarge.to_string().contains("40 million"));
}

#[test]
fn what_stands_beside_the_pixels_is_not_unfolded() {
    // Sixty-four million zeros, packed a thousand times smaller.
    let zeros = packed_zeros(8000);
    assert!(zeros.len() < 100_000);
    for (kind, start) in [(*b"zTXt", &b"key\0\0"[..]), (*b"iTXt", b"key\0\x01\0\0\0"), (*b"iCCP", b"name\0\0")] {
        let file = png_with(64, 64, kind, &[start, &zeros].concat());
        // Whether it is refused or left aside is one; it must not cost what it asks for.
        if let Ok(photo) = remake(&file, Purpose::Logo) {
            assert_eq!((photo.width, photo.height), (64, 64));
        }
    }
}

#[test]
fn what_is_cut_off_or_something_else_is_refused() {
    let whole = [
        jpeg(120, 90, busy, Some(3), None),
        png(64, 64, ColorType::Rgb, BitDepth::Eight, &crate::files::rgb(64, 64, busy)),
        webp(80, 60, busy),
    ];
    for file in &whole {
        for part in 1..20 {
            let cut = &file[..file.len() * part / 20];
            let refused = remake(cut, Purpose::Logo).expect_err("half a picture");
            assert!(matches!(refused, Unfit::Damaged | Unfit::NotAPicture), "{refused:?}");
        }
    }
    let others: [&[u8]; 8] = [
        b"",
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"%PDF-1.7",
        b"\x1f\x8b\x08\0\0\0",
        b"BM\0\0",
        b"<!doctype html><title>no</title>",
        b"{\"a\":1}",
        b"\xff\xfe<\0s\0v\0g\0",
    ];
    for other in others {
        assert_eq!(remake(other, Purpose::Logo), Err(Unfit::NotAPicture));
    }
    assert_eq!(Unfit::NotAPicture.to_string(), "Must be a PNG, JPEG, WebP or SVG picture");
}

#[test]
fn the_largest_that_is_let_in_is_made_small() {
    // Forty million pixels in some forty thousand bytes.
    let rows = vec![0; 8000 * 5000];
    let file = png(8000, 5000, ColorType::Grayscale, BitDepth::Eight, &rows);
    assert!(file.len() < 100_000);
    let (photo, _) = made(&file, Purpose::Upload);
    assert_eq!((photo.width, photo.height), (2048, 1280));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_a_picture_or_refused(start in 0usize..5, rest: Vec<u8>) {
        let starts: [&[u8]; 5] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"<svg "];
        let _ = remake(&[starts[start], &rest].concat(), Purpose::Thumbnail);
    }

    #[test]
    fn damage_is_survived(which in 0usize..6, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let files = [CMYK.to_vec(), PROGRESSIVE.to_vec(), MOVING.to_vec(), LOSSY.to_vec(), jpeg(20, 20, busy, Some(6), None),
            png(8, 8, ColorType::Rgb, BitDepth::Eight, &crate::files::rgb(8, 8, busy))];
        let mut file = files[which].clone();
        let place = at.index(file.len());
        file[place] = byte;
        let _ = remake(&file, Purpose::Avatar);
        file.truncate(cut.index(file.len()));
        let _ = remake(&file, Purpose::Avatar);
    }

    #[test]
    fn sizes_keep_their_shape(width in 1u32..300, height in 1u32..300) {
        let file = png(width, height, ColorType::Grayscale, BitDepth::Eight, &vec![7; (width * height) as usize]);
        let (photo, seen) = made(&file, Purpose::Thumbnail);
        prop_assert_eq!(photo.width, width.min(height).min(192));
        prop_assert!(seen.pixels().all(|(_, _, pixel)| pixel.0 == [7, 7, 7, 255]), "a flat picture stays flat");
    }
}
