//! What is drawn.

use mask_core::{
    picture::Format,
    qr::{Look, Shape},
};
use mask_picture::qr::{Drawing, Undrawable, pdf, png, svg};
use resvg::usvg;

use crate::looks::{HOSTILE, MODULES, a_logo, colour, drawing, drawn, field, pixels, with_logo};

#[test]
fn modules_lie_on_whole_pixels_within_a_border_of_the_ground() {
    for (size, margin) in [(128, 4), (129, 4), (200, 0), (512, 4), (513, 1), (640, 16), (2048, 4)] {
        let look = Look { size, margin, ..Look::default() };
        let (width, height, pixels) = pixels(&png(&drawing(&look, None), size).expect("drawn"));
        assert_eq!((width, height), (u32::from(size), u32::from(size)));
        let module = width / (MODULES + 2 * u32::from(margin));
        let begin = (width - module * MODULES) / 2;
        assert!(begin >= module * u32::from(margin) && width - begin - module * MODULES >= module * u32::from(margin));
        let is_dark = |x: u32, y: u32| pixels[(y * width + x) as usize] == [0, 0, 0, 255];
        let inside = begin..begin + module * MODULES;
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            if inside.contains(&x) && inside.contains(&y) {
                // Every pixel of a module is what its first one is.
                let first = |at: u32| at - (at - begin) % module;
                assert_eq!(is_dark(x, y), is_dark(first(x), first(y)), "{size}: {x}, {y}");
            } else {
                assert_eq!(pixels[(y * width + x) as usize], [255; 4], "{size}: {x}, {y}");
            }
        }
        // All four sides of the code are reached: the three eyes stand in its corners.
        let end = begin + module * MODULES - 1;
        assert!(is_dark(begin, begin) && is_dark(end, begin) && is_dark(begin, end));
    }
}

#[test]
fn plain_codes_take_a_bit_for_each_pixel_and_two_where_eyes_have_their_own_colour() {
    let depth = |look: &Look| {
        let file = png(&drawing(look, None), 512).expect("drawn");
        let decoder = png::Decoder::new(std::io::Cursor::new(&file));
        let reader = decoder.read_info().expect("a PNG");
        let info = reader.info();
        (info.bit_depth, info.color_type, info.trns.as_ref().map(|alpha| alpha.to_vec()), file.len())
    };
    let (bits, kind, alpha, bytes) = depth(&Look::default());
    assert_eq!((bits, kind, alpha), (png::BitDepth::One, png::ColorType::Indexed, None));
    assert!(bytes < 4096, "{bytes} bytes");
    let (bits, _, alpha, _) = depth(&Look { is_transparent: true, ..Look::default() });
    assert_eq!((bits, alpha), (png::BitDepth::One, Some(vec![0, 255])));
    let (bits, ..) = depth(&Look { eye: Some(colour("#a00")), ..Look::default() });
    assert_eq!(bits, png::BitDepth::Two);
}

#[test]
fn each_colour_is_where_it_belongs() {
    let look = Look {
        foreground: colour("#123456"),
        background: colour("#ffeedd"),
        eye: Some(colour("#801020")),
        ..Look::default()
    };
    for look in [look.clone(), Look { is_transparent: true, ..look.clone() }, Look { shape: Shape::Dots, ..look }] {
        let (width, _, pixels) = pixels(&png(&drawing(&look, None), 512).expect("drawn"));
        let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
        let opacity = if look.is_transparent { 0 } else { 255 };
        assert_eq!(at(0, 0), [0xff, 0xee, 0xdd, opacity]);
        // 12 pixels a module; the code begins at 58. The middle of the first eye is its fourth module.
        assert_eq!(at(58 + 42, 58 + 42), [0x80, 0x10, 0x20, 255]);
        assert!(pixels.contains(&[0x12, 0x34, 0x56, 255]));
    }
}

#[test]
fn a_caption_makes_the_picture_an_eighth_higher_and_leaves_the_code_as_it_is() {
    let plain = pixels(&png(&drawing(&Look::default(), None), 512).expect("drawn"));
    let look = Look { caption: Some("Scan me".into()), ..Look::default() };
    let captioned = pixels(&png(&drawing(&look, None), 512).expect("drawn"));
    assert_eq!((captioned.0, captioned.1), (512, 576));
    assert_eq!(captioned.2[..512 * 512], plain.2[..]);
    assert!(captioned.2[512 * 512..].iter().any(|pixel| pixel[0] < 64), "the caption is not there");
    // The longest one still has ground on both of its sides.
    let look = Look { caption: Some("W".repeat(60)), ..Look::default() };
    let (_, _, pixels) = pixels(&png(&drawing(&look, None), 512).expect("drawn"));
    assert!(
        pixels[512 * 512..]
            .chunks(512)
            .all(|line| line[..8].iter().chain(&line[504..]).all(|pixel| *pixel == [255; 4]))
    );
}

#[test]
fn an_svg_is_the_same_picture_as_the_png() {
    let captions = [None, Some("Scan for the menu"), Some("مرحبا بكم (Café) · שלום 12"), Some("Привет, 3 שלום!")];
    for (shape, caption) in Shape::ALL.into_iter().flat_map(|shape| captions.map(|caption| (shape, caption))) {
        // A width that the modules divide, so that neither has a border that the other has not.
        let size = u16::try_from((MODULES + 8) * 12).expect("a size");
        let caption = caption.map(str::to_owned);
        let look = Look { shape, eye: Some(colour("#802000")), size, caption, ..Look::default() };
        let vector = drawn(&svg(&drawing(&look, None), size).expect("drawn"));
        let (_, height, pixels) = pixels(&png(&drawing(&look, None), size).expect("drawn"));
        // A width that eight does not divide makes it higher by a part of a pixel, which has to be a whole one in a PNG.
        assert!(vector.height().abs_diff(height) <= 1);
        let differing = vector.pixels().iter().zip(&pixels).filter(|(one, other)| {
            [one.red(), one.green(), one.blue()].iter().zip(&other[..3]).any(|(one, other)| one.abs_diff(*other) > 64)
        });
        // Two ways of writing an arc differ by less than a pixel here and there.
        assert!(differing.count() * 1000 < pixels.len(), "{shape:?} {:?}", look.caption);
    }
}

#[test]
fn an_svg_is_small_and_holds_nothing_that_runs_or_is_fetched() {
    let photo = a_logo(Format::Jpeg, 64, 64);
    let look = Look { caption: Some(HOSTILE.into()), shape: Shape::Rounded, ..with_logo(Look::default(), &photo) };
    let text = svg(&drawing(&look, Some(&photo)), 512).expect("drawn");
    let document = usvg::roxmltree::Document::parse(&text).expect("well-formed");
    let names: Vec<_> =
        document.descendants().filter(usvg::roxmltree::Node::is_element).map(|node| node.tag_name().name()).collect();
    assert_eq!(names, ["svg", "path", "path", "clipPath", "rect", "image", "path"]);
    let read_aloud = document.root_element().attribute("aria-label");
    let caption = HOSTILE.replace(['\u{0}', '\u{b}', '\u{ffff}'], "\u{fffd}");
    assert_eq!(read_aloud, Some(format!("QR code: {caption}").as_str()));
    for node in document.descendants() {
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "style", "{attribute:?}");
            let leads_out = attribute.name() == "href" && !attribute.value().starts_with("data:image/jpeg;base64,");
            assert!(!leads_out && !attribute.value().contains("url(http"), "{attribute:?}");
        }
    }
    let plain = svg(&drawing(&Look::default(), None), 512).expect("drawn");
    assert!(plain.contains(r#"width="512" height="512" viewBox="0 0 41 41""#), "{}", &plain[..200]);
    assert!(plain.len() < 6000, "{} bytes", plain.len());
    let clear = svg(&drawing(&Look { is_transparent: true, ..Look::default() }, None), 512).expect("drawn");
    assert!(!clear.contains("#ffffff"));
}

#[test]
fn a_pdf_is_of_the_size_that_it_says() {
    let disc = a_logo(Format::Png, 90, 60);
    let look = Look { caption: Some("مرحبا · Привет".into()), ..with_logo(Look::default(), &disc) };
    for (size, box_) in [(512, "[0 0 384 432]"), (128, "[0 0 96 108]")] {
        let file = pdf(&drawing(&look, Some(&disc)), size).expect("drawn");
        assert!(file.starts_with(b"%PDF-1.") && file.ends_with(b"%%EOF"));
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains(&format!("/MediaBox {box_}")), "{text}");
        assert!(text.contains("/SMask") && !text.contains("/Font"));
    }
    let photo = a_logo(Format::Jpeg, 64, 64);
    let file = pdf(&drawing(&with_logo(Look::default(), &photo), Some(&photo)), 512).expect("drawn");
    assert!(file.windows(photo.len()).any(|part| part == photo), "a JPEG is kept as it is");
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let look = Look::default();
    let long = "a".repeat(3000);
    assert_eq!(svg(&Drawing { content: &long, look: &look, logo: None }, 512).err(), Some(Undrawable::TooLong));
    let wide = Look { margin: 16, ..Look::default() };
    let content = "a".repeat(800);
    let fault = png(&Drawing { content: &content, look: &wide, logo: None }, 128).err();
    // At level L it has 97 modules, and 8 for the border.
    assert_eq!(fault, Some(Undrawable::TooSmall { least: 210 }));
    for logo in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"", b"\x89PNG\r\n\x1a\n"] {
        assert_eq!(png(&drawing(&look, Some(logo)), 512).err(), Some(Undrawable::Logo));
        assert_eq!(svg(&drawing(&look, Some(logo)), 512).err(), Some(Undrawable::Logo));
        assert_eq!(field(&look, Some(logo)), Some("logo_url"));
    }
}

#[test]
fn no_caption_reaches_the_code() {
    let plain = pixels(&png(&drawing(&Look::default(), None), 512).expect("drawn"));
    let piled =
        [format!("W{}", "\u{308}".repeat(59)), "\u{e31}".repeat(60), "Å\u{316}\u{316}\u{316}\u{316}".repeat(12)];
    for caption in piled {
        let look = Look { caption: Some(caption), ..Look::default() };
        let captioned = pixels(&png(&drawing(&look, None), 512).expect("drawn"));
        assert_eq!(captioned.2[..512 * 512], plain.2[..]);
    }
}

#[test]
fn every_dot_is_the_same_on_whole_pixels() {
    let look = Look { shape: Shape::Dots, foreground: colour("#123456"), ..Look::default() };
    for (look, size) in [(look.clone(), 512), (Look { is_transparent: true, ..look.clone() }, 512), (look, 200)] {
        let (width, _, seen) = pixels(&png(&drawing(&look, None), size).expect("drawn"));
        let square = Look { shape: Shape::Square, ..look.clone() };
        let (_, _, plain) = pixels(&png(&drawing(&square, None), size).expect("drawn"));
        let module = width / (MODULES + 8);
        let begin = (width - module * MODULES) / 2;
        let block = |seen: &[[u8; 4]], x: u32, y: u32| -> Vec<[u8; 4]> {
            let (left, top) = (begin + x * module, begin + y * module);
            (0..module * module).map(|at| seen[((top + at / module) * width + left + at % module) as usize]).collect()
        };
        let is_far = |at: u32| at >= MODULES - 7;
        let is_eye = |x: u32, y: u32| (x < 7 && (y < 7 || is_far(y))) || (is_far(x) && y < 7);
        let places = (0..MODULES * MODULES).map(|at| (at % MODULES, at / MODULES)).filter(|(x, y)| !is_eye(*x, *y));
        let (dark, light): (Vec<_>, Vec<_>) = places.partition(|(x, y)| block(&plain, *x, *y)[0][0] == 0x12);
        let dot = block(&seen, dark[0].0, dark[0].1);
        let (corner, middle) = (dot[0], dot[(module / 2 * module + module / 2) as usize]);
        assert_eq!(middle, [0x12, 0x34, 0x56, 255]);
        assert_ne!(corner, middle, "it is round");
        assert!(dark.iter().all(|(x, y)| block(&seen, *x, *y) == dot));
        assert!(light.iter().all(|(x, y)| block(&seen, *x, *y).iter().all(|pixel| *pixel == seen[0])));
    }
}
