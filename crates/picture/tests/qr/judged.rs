//! What is accepted, and what is refused by which name.

use mask_core::{
    colour::Colour,
    picture::Format,
    qr::{ErrorCorrection, Look, Shape},
};
use mask_picture::qr::{Drawing, Undrawable, Unscannable, check, pdf, png, svg};
use proptest::prelude::*;
use resvg::usvg;

use crate::looks::{a_logo, colour, drawing, field, pixels, scanned, with_logo};

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
fn a_picture_with_a_code_in_it_is_no_logo() {
    let looks = Shape::ALL.into_iter().flat_map(|shape| {
        let look = Look { shape, margin: 1, ..Look::default() };
        let turned = Look { foreground: Colour::WHITE, background: Colour::BLACK, ..look.clone() };
        let coloured = Look { foreground: colour("#203060"), background: colour("#ffe08a"), ..look.clone() };
        let clear = Look { is_transparent: true, margin: 0, ..look.clone() };
        [look, turned, coloured, clear]
    });
    for theirs in looks {
        for (content, size) in [("HTTPS://A.EX", 128), ("https://other.example/somewhere-else", 512)] {
            let logo = png(&Drawing { content, look: &theirs, logo: None }, size).expect("drawn");
            for shape in Shape::ALL {
                let ours = with_logo(Look { shape, ..Look::default() }, &logo);
                let fault = check(&drawing(&ours, Some(&logo))).expect_err("a code in the code");
                assert_eq!(fault.field, "logo_url");
                assert!(fault.message.contains("without a QR code"), "{shape:?} in {theirs:?}: {}", fault.message);
            }
        }
    }
}

#[test]
fn a_logo_that_nobody_sees_is_refused() {
    let of = |pixel: [u8; 4]| {
        let mut file = std::io::Cursor::new(Vec::new());
        let picture = image::RgbaImage::from_pixel(64, 64, image::Rgba(pixel));
        picture.write_to(&mut file, image::ImageFormat::Png).expect("written");
        let logo = file.into_inner();
        check(&drawing(&with_logo(Look::default(), &logo), Some(&logo))).map_err(|fault| (fault.field, fault.message))
    };
    for unseen in [[0, 0, 0, 0], [200, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 3]] {
        let (field, message) = of(unseen).expect_err("nothing to see");
        assert!(field == "logo_url" && message.contains("a hole in the code"), "{message}");
    }
    assert_eq!(of([200, 30, 30, 255]), Ok(()));
}

#[test]
fn a_caption_too_small_to_read_is_refused() {
    let of = |caption: &str, size: u16| {
        let look = Look { caption: Some(caption.to_owned()), size, ..Look::default() };
        check(&drawing(&look, None)).map_err(|fault| fault.field)
    };
    let (wide, piled) = ("W".repeat(60), format!("W{}", "\u{308}".repeat(59)));
    assert_eq!([of(&wide, 256), of(&piled, 256), of(&piled, 512)], [Err("caption"); 3]);
    assert_eq!(of(&wide, 1024), Ok(()));
    assert_eq!(of("Scan for the menu", 128), Ok(()));
    // Scripts that pile marks upon letters as a rule.
    assert_eq!(of("Tiếng Việt rất đẹp · ẪỄỘ", 256), Ok(()));
    assert_eq!(of("مُحَمَّدٌ يُرَحِّبُ بِكُم", 256), Ok(()));
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
        // Its link gets another slug, the longest that there is.
        let longer = format!("https://go.example.com/{slug:x<64}?qr=0123456789");
        let drawing = Drawing { content: &content, look: &look, logo: logo.as_deref() };
        if check(&drawing).is_ok() {
            for (content, size) in [(&content, 128), (&content, look.size), (&longer, 128), (&longer, look.size)] {
                let square = Look { shape: Shape::Square, is_transparent: false, ..look.clone() };
                let file = match png(&Drawing { content, look: &square, ..drawing }, size) {
                    Err(Undrawable::TooSmall { .. }) => continue,
                    drawn => drawn.expect("drawn"),
                };
                let (width, height, pixels) = pixels(&file);
                prop_assert_eq!(width, u32::from(size));
                prop_assert_eq!(scanned(width as usize, height as usize, &pixels), Some(content.clone()));
            }
        }
        // Accepted or not, everything that can be drawn is drawn well-formed.
        match svg(&drawing, look.size) {
            Err(fault) => prop_assert_eq!(pdf(&drawing, look.size), Err(fault)),
            Ok(text) => {
                prop_assert!(usvg::Tree::from_str(&text, &usvg::Options::default()).is_ok());
                prop_assert!(pdf(&drawing, look.size).is_ok());
            }
        }
    }

    #[test]
    fn any_caption_leaves_the_svg_well_formed(caption in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
        let look = Look { caption: Some(caption), ..Look::default() };
        let text = svg(&drawing(&look, None), 512).expect("drawn");
        let document = usvg::roxmltree::Document::parse(&text).expect("well-formed");
        prop_assert_eq!(document.descendants().filter(usvg::roxmltree::Node::is_element).count(), 4);
    }
}
