//! Codes as others see them: pixels decoded from the files, vectors parsed and drawn by a library that is not ours.

use mask_core::{
    colour::Colour,
    picture::{Format, Picture, PictureName},
    qr::{ErrorCorrection, Look, Shape},
};
use mask_picture::qr::{Drawing, Undrawable, Unscannable, check, pdf, png, svg};
use proptest::prelude::*;
use resvg::{tiny_skia, usvg};

const CONTENT: &str = "https://go.example.com/AbC123?qr=0123456789";
/// Modules of that content's code at level M, without its border.
const MODULES: u32 = 33;
/// Markup, an entity, quotes, and what XML cannot hold.
const HOSTILE: &str = "</text><script>alert(1)</script>&lol;\"'\u{0}\u{b}\u{ffff}<![CDATA[";

fn colour(text: &str) -> Colour {
    Colour::parse(text).expect("a colour")
}

fn drawing<'a>(look: &'a Look, logo: Option<&'a [u8]>) -> Drawing<'a> {
    Drawing { content: CONTENT, look, logo }
}

/// Width, height, and red, green, blue and opacity of every pixel.
fn pixels(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let picture = image::load_from_memory(file).expect("a picture").into_rgba8();
    (picture.width(), picture.height(), picture.pixels().map(|pixel| pixel.0).collect())
}

/// A logo: a disc upon nothing, or a photograph of sorts.
fn a_logo(format: Format, width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbaImage::from_fn(width, height, |x, y| {
        let from_middle = (f64::from(x) / f64::from(width) - 0.5).hypot(f64::from(y) / f64::from(height) - 0.5);
        let [across, down] = [x, y].map(|at| u8::try_from(at % 256).expect("a byte"));
        image::Rgba([200, across, down, if from_middle < 0.5 { 255 } else { 0 }])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::from(picture);
    match format {
        Format::Png => picture.write_to(&mut file, image::ImageFormat::Png),
        Format::Jpeg => picture.into_rgb8().write_to(&mut file, image::ImageFormat::Jpeg),
    }
    .expect("written");
    file.into_inner()
}

fn with_logo(look: Look, logo: &[u8]) -> Look {
    let name = PictureName::of(logo, Format::Png);
    Look { logo: Some(Picture { url: "https://example.com/logo.png".into(), name, width: 1, height: 1 }), ..look }
}

fn field(look: &Look, logo: Option<&[u8]>) -> Option<&'static str> {
    check(&drawing(look, logo)).err().map(|fault| fault.field)
}

/// What `rqrr` reads in a picture, all its search included.
fn scanned(width: usize, height: usize, pixels: &[[u8; 4]]) -> Option<String> {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let [red, green, blue, _] = pixels[y * width + x].map(u32::from);
        u8::try_from((299 * red + 587 * green + 114 * blue) / 1000).expect("a mean of bytes")
    });
    image.detect_grids().iter().find_map(|grid| grid.decode().ok()).map(|(_, content)| content)
}

fn drawn(svg: &str) -> tiny_skia::Pixmap {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).expect("an SVG");
    let size = tree.size().to_int_size();
    let mut pixmap = tiny_skia::Pixmap::new(size.width(), size.height()).expect("a size");
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixmap.as_mut());
    pixmap
}

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
    for shape in Shape::ALL {
        // A width that the modules divide, so that neither has a border that the other has not.
        let size = u16::try_from((MODULES + 8) * 12).expect("a size");
        let look = Look { shape, eye: Some(colour("#802000")), size, ..Look::default() };
        let vector = drawn(&svg(&drawing(&look, None), size).expect("drawn"));
        let (_, _, pixels) = pixels(&png(&drawing(&look, None), size).expect("drawn"));
        let differing = vector.pixels().iter().zip(&pixels).filter(|(one, other)| {
            [one.red(), one.green(), one.blue()].iter().zip(&other[..3]).any(|(one, other)| one.abs_diff(*other) > 64)
        });
        // Two ways of writing an arc differ by less than a pixel here and there.
        assert!(differing.count() * 1000 < pixels.len(), "{shape:?}");
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
    assert_eq!(names, ["svg", "path", "path", "clipPath", "rect", "image", "text"]);
    let shown = document.descendants().find(|node| node.has_tag_name("text")).and_then(|node| node.text());
    assert_eq!(shown, Some(HOSTILE.replace(['\u{0}', '\u{b}', '\u{ffff}'], "\u{fffd}").as_str()));
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
    assert_eq!(fault, Some(Undrawable::TooSmall { least: 141 }));
    for logo in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"", b"\x89PNG\r\n\x1a\n"] {
        assert_eq!(png(&drawing(&look, Some(logo)), 512).err(), Some(Undrawable::Logo));
        assert_eq!(svg(&drawing(&look, Some(logo)), 512).err(), Some(Undrawable::Logo));
        assert_eq!(field(&look, Some(logo)), Some("logo_url"));
    }
}

#[test]
fn colours_that_cannot_be_told_apart_are_refused_by_name() {
    let of = |foreground: &str, background: &str, eye: Option<&str>| {
        let look = Look {
            foreground: colour(foreground),
            background: colour(background),
            eye: eye.map(colour),
            ..Look::default()
        };
        check(&drawing(&look, None)).map_err(|Unscannable { field, message }| (field, message))
    };
    for (foreground, background) in
        [("#000", "#fff"), ("#767676", "#fff"), ("#c00", "#fff"), ("#1a2b3c", "#ffe08a"), ("#000", "#888")]
    {
        assert_eq!(of(foreground, background, None), Ok(()), "{foreground} on {background}");
    }
    for (foreground, background, field) in [
        ("#fff", "#fff", "foreground_color"),
        ("#ccc", "#fff", "foreground_color"),
        ("#ff0", "#fff", "foreground_color"),
        // Light on dark, however strong.
        ("#fff", "#000", "foreground_color"),
        ("#fff", "#444", "foreground_color"),
        ("#000", "#444", "background_color"),
        ("#fff", "#888", "foreground_color"),
        // Enough by WCAG, and yet next to the same grey.
        ("#000", "#f00", "background_color"),
    ] {
        assert_eq!(
            of(foreground, background, None).map_err(|fault| fault.0),
            Err(field),
            "{foreground} on {background}"
        );
    }
    assert_eq!(of("#000", "#fff", Some("#ccc")).map_err(|fault| fault.0), Err("eye_color"));
    assert_eq!(of("#000", "#fff", Some("#949494")).map_err(|fault| fault.0), Err("eye_color"));
    assert_eq!(of("#888", "#fff", Some("#000")).map_err(|fault| fault.0), Err("eye_color"));
    assert_eq!(of("#000", "#fff", Some("#555")), Ok(()));
}

#[test]
fn the_colour_that_is_said_to_do_does() {
    for (foreground, background, eye) in [
        ("#ccc", "#fff", None),
        ("#ff0", "#fff", None),
        ("#fff", "#888", None),
        ("#000", "#fff", Some("#ccc")),
        ("#888", "#fff", Some("#000")),
    ] {
        let mut look = Look {
            foreground: colour(foreground),
            background: colour(background),
            eye: eye.map(colour),
            ..Look::default()
        };
        // Each advice may uncover a fault that the first one hid.
        for _ in 0..3 {
            let Err(fault) = check(&drawing(&look, None)) else { break };
            let before = &fault.message[..fault.message.find(" would do").expect("an advice")];
            let advised = colour(&before[before.len() - 7..]);
            if fault.field == "eye_color" { look.eye = Some(advised) } else { look.foreground = advised }
        }
        assert_eq!(check(&drawing(&look, None)), Ok(()), "{foreground} on {background}");
    }
}

#[test]
fn a_logo_is_held_against_the_level() {
    let disc = a_logo(Format::Png, 200, 200);
    let of = |level| Look { error_correction: level, ..with_logo(Look::default(), &disc) };
    assert_eq!(check(&drawing(&of(None), Some(&disc))), Ok(()));
    assert_eq!(check(&drawing(&of(Some(ErrorCorrection::High)), Some(&disc))), Ok(()));
    let fault = check(&drawing(&of(Some(ErrorCorrection::Low)), Some(&disc))).expect_err("too weak");
    assert_eq!(fault.field, "error_correction");
    assert!(
        fault.message.starts_with("Must be ") && fault.message.contains("level L can spare 4.7 %"),
        "{}",
        fault.message
    );
}

#[test]
fn codes_too_dense_for_the_smallest_picture_are_refused_with_what_would_do() {
    let fault = check(&drawing(&Look { margin: 16, ..Look::default() }, None)).expect_err("a pixel a module");
    assert_eq!((fault.field, &fault.message[..18]), ("margin", "Must be at most 15"));
    assert_eq!(check(&drawing(&Look { margin: 15, ..Look::default() }, None)), Ok(()));
    let content = format!("https://go.example.com/{}?qr=0123456789", "a".repeat(64));
    let look = |level| Look { error_correction: Some(level), ..Look::default() };
    let of = |level| check(&Drawing { content: &content, look: &look(level), logo: None });
    let fault = of(ErrorCorrection::High).expect_err("dense");
    assert_eq!((fault.field, &fault.message[..17]), ("error_correction", "Must be Q or lowe"));
    assert_eq!(of(ErrorCorrection::Quartile), Ok(()));
    let long = "a".repeat(300);
    let fault = check(&Drawing { content: &long, look: &look(ErrorCorrection::Low), logo: None }).expect_err("long");
    assert_eq!(fault.field, "link_id");
}

#[test]
fn captions_that_cannot_be_written_are_refused() {
    // Of no script: no typeface may have it.
    let look = Look { caption: Some("Scan \u{e123}".into()), ..Look::default() };
    assert_eq!(field(&look, None), Some("caption"));
    let look = Look {
        caption: Some("Größe · Καλημέρα · Привет · مرحبا · שלום".into()), ..Look::default()
    };
    assert_eq!(check(&drawing(&look, None)), Ok(()));
}

prop_compose! {
    fn looks()(
        shape in 0_usize..3, level in 0_usize..5, margin in 0_u8..17, size in 128_u16..400,
        foreground: [u8; 3], background in prop_oneof![Just([255; 3]), any::<[u8; 3]>()], eye: Option<[u8; 3]>,
        is_transparent: bool, caption in proptest::option::of("[ -~а-я]{1,60}"),
    ) -> Look {
        let of = |parts: [u8; 3]| Colour::of(parts[0], parts[1], parts[2]);
        // Dark on light more often than chance would have it.
        let dark = |parts: [u8; 3]| of(parts.map(|part| part / 2));
        Look {
            foreground: dark(foreground), background: of(background), eye: eye.map(dark), is_transparent, size,
            error_correction: ErrorCorrection::ALL.get(level).copied(), shape: Shape::ALL[shape], margin, caption, logo: None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is accepted is read from the file itself, by its own search, once eyes have corners to be found by.
    #[test]
    fn what_is_accepted_is_read_from_the_file(look in looks(), slug in "[a-zA-Z0-9_-]{4,40}", logo_kind in 0_usize..4) {
        let logo = [None, Some((Format::Png, 120, 120)), Some((Format::Jpeg, 200, 80)), Some((Format::Png, 30, 90))][logo_kind];
        let logo = logo.map(|(format, width, height)| a_logo(format, width, height));
        let look = logo.iter().fold(look, |look, logo| with_logo(look, logo));
        let content = format!("https://go.example.com/{slug}?qr=0123456789");
        let drawing = Drawing { content: &content, look: &look, logo: logo.as_deref() };
        if check(&drawing).is_ok() {
            for size in [128, look.size] {
                let square = Look { shape: Shape::Square, is_transparent: false, ..look.clone() };
                let file = png(&Drawing { look: &square, ..drawing }, size).expect("drawn");
                let (width, height, pixels) = pixels(&file);
                prop_assert_eq!(width, u32::from(size));
                prop_assert_eq!(scanned(width as usize, height as usize, &pixels), Some(content.clone()));
            }
        }
        // Accepted or not, everything that can be drawn is drawn well-formed.
        let text = svg(&drawing, look.size).expect("drawn");
        prop_assert!(usvg::Tree::from_str(&text, &usvg::Options::default()).is_ok());
        prop_assert!(pdf(&drawing, look.size).is_ok());
    }

    #[test]
    fn any_caption_leaves_the_svg_well_formed(caption in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
        let look = Look { caption: Some(caption), ..Look::default() };
        let text = svg(&drawing(&look, None), 512).expect("drawn");
        let document = usvg::roxmltree::Document::parse(&text).expect("well-formed");
        prop_assert_eq!(document.descendants().filter(usvg::roxmltree::Node::is_element).count(), 4);
    }
}
