//! Codes whose address grows, and codes too dense for their size.

use mask_core::{
    picture::Format,
    qr::{ErrorCorrection, Look, Shape},
};
use mask_picture::qr::{Drawing, Undrawable, check, check_level, drawn_level, png, svg};

use crate::looks::{a_logo, pixels, scanned, with_logo};

/// An address with a path of so many characters.
fn address(characters: usize) -> String {
    format!("https://go.example.com/{}?qr=0123456789", "a".repeat(characters))
}

/// The width of a code with its border in modules, as its SVG has it.
fn modules(drawing: &Drawing<'_>, size: u16) -> u16 {
    let svg = svg(drawing, size).expect("drawn");
    let view = svg.split("viewBox=\"0 0 ").nth(1).expect("a view box");
    view.split(' ').next().expect("a width").parse().expect("a number")
}

#[test]
fn a_code_whose_address_grows_gives_way_until_it_scans() {
    let levels = [None].into_iter().chain(ErrorCorrection::ALL.map(Some));
    for (level, shape) in levels.flat_map(|level| Shape::ALL.map(|shape| (level, shape))) {
        let look = Look { error_correction: level, shape, size: 128, ..Look::default() };
        assert_eq!(check(&Drawing { content: &address(4), look: &look, logo: None }), Ok(()), "{level:?} {shape:?}");
        for characters in [30, 64, 100, 150, 192] {
            let content = address(characters);
            let drawing = Drawing { content: &content, look: &look, logo: None };
            // A change of anything else is taken, as the code as a whole can be drawn.
            assert_eq!(check(&drawing), Ok(()), "{level:?} {shape:?} {characters}");
            for size in [128, 150, 200] {
                assert!(2 * modules(&drawing, size) <= size, "{level:?} {characters} at {size}");
                let square = Look { shape: Shape::Square, ..look.clone() };
                let file = png(&Drawing { look: &square, ..drawing }, size).expect("drawn");
                let (width, height, pixels) = pixels(&file);
                assert_eq!(scanned(width as usize, height as usize, &pixels), Some(content.clone()));
            }
        }
    }
}

#[test]
fn a_level_gives_way_only_as_far_as_it_must() {
    let high = |size| Look { error_correction: Some(ErrorCorrection::High), size, ..Look::default() };
    let content = address(64);
    let of = |size| drawn_level(&content, &high(size));
    // 101 bytes: 57 modules at H and 49 at Q, and 8 for the border.
    assert_eq!(
        [of(128), of(129), of(130), of(512)],
        [ErrorCorrection::Quartile, ErrorCorrection::Quartile, ErrorCorrection::High, ErrorCorrection::High]
    );
    let check_high = |size| check_level(&Drawing { content: &content, look: &high(size), logo: None });
    assert_eq!(check_high(130), Ok(()));
    let fault = check_high(128).expect_err("dense");
    assert_eq!((fault.field, &fault.message[..18]), ("error_correction", "Must be Q or lower"));
    // What a logo hides has to be repaired: a level that does not do that is none to fall back upon.
    let disc = a_logo(Format::Png, 200, 200);
    let logo = with_logo(Look { size: 128, ..Look::default() }, &disc);
    let long = address(150);
    let fault = png(&Drawing { content: &long, look: &logo, logo: Some(&disc) }, 128).expect_err("dense");
    let Undrawable::TooSmall { least } = fault else { panic!("{fault:?}") };
    let least = u16::try_from(least).expect("a width");
    let with_disc = |size| png(&Drawing { content: &long, look: &logo, logo: Some(&disc) }, size);
    assert!(with_disc(least).is_ok() && with_disc(least - 1).is_err());
}

#[test]
fn what_is_too_dense_for_its_size_is_refused_with_the_least_that_would_do() {
    let long = "a".repeat(300);
    let of = |size, margin| {
        let look = Look { size, margin, error_correction: Some(ErrorCorrection::Low), ..Look::default() };
        check(&Drawing { content: &long, look: &look, logo: None })
    };
    let fault = of(128, 4).expect_err("dense");
    assert_eq!((fault.field, &fault.message[..20]), ("size", "Must be at least 138"));
    // A border wider than the standard's gives way, too, and one that is narrower by choice stays so.
    assert_eq!((of(138, 4), of(138, 16)), (Ok(()), Ok(())));
    assert_eq!(&of(128, 2).expect_err("dense").message[..20], "Must be at least 130");
    let look = Look { margin: 4, ..Look::default() };
    let fault = png(&Drawing { content: &long, look: &look, logo: None }, 137).expect_err("dense");
    assert_eq!(fault.to_string()[..20], *"Must be at least 138");
}
