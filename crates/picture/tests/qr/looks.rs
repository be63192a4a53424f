//! Looks and logos, and what is seen of them.

use mask_core::{
    colour::Colour,
    picture::{Format, Picture, PictureName},
    qr::Look,
};
use mask_picture::qr::{Drawing, check};
use resvg::{tiny_skia, usvg};

pub(crate) const CONTENT: &str = "https://go.example.com/AbC123?qr=0123456789";
/// Modules of that content's code at level M, without its border.
pub(crate) const MODULES: u32 = 33;
/// Markup, an entity, quotes, and what XML cannot hold.
pub(crate) const HOSTILE: &str = "</text><script>alert(1)</script>&lol;\"'\u{0}\u{b}\u{ffff}<![CDATA[";

pub(crate) fn colour(text: &str) -> Colour {
    Colour::parse(text).expect("a colour")
}

pub(crate) fn drawing<'a>(look: &'a Look, logo: Option<&'a [u8]>) -> Drawing<'a> {
    Drawing { content: CONTENT, look, logo }
}

/// Width, height, and red, green, blue and opacity of every pixel.
pub(crate) fn pixels(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let picture = image::load_from_memory(file).expect("a picture").into_rgba8();
    (picture.width(), picture.height(), picture.pixels().map(|pixel| pixel.0).collect())
}

/// A logo: a disc upon nothing, or a photograph of sorts.
pub(crate) fn a_logo(format: Format, width: u32, height: u32) -> Vec<u8> {
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

pub(crate) fn with_logo(look: Look, logo: &[u8]) -> Look {
    let name = PictureName::of(logo, Format::Png);
    Look { logo: Some(Picture { url: "https://example.com/logo.png".into(), name, width: 1, height: 1 }), ..look }
}

pub(crate) fn field(look: &Look, logo: Option<&[u8]>) -> Option<&'static str> {
    check(&drawing(look, logo)).err().map(|fault| fault.field)
}

/// What `rqrr` reads in a picture, all its search included.
pub(crate) fn scanned(width: usize, height: usize, pixels: &[[u8; 4]]) -> Option<String> {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let [red, green, blue, _] = pixels[y * width + x].map(u32::from);
        u8::try_from((299 * red + 587 * green + 114 * blue) / 1000).expect("a mean of bytes")
    });
    image.detect_grids().iter().find_map(|grid| grid.decode().ok()).map(|(_, content)| content)
}

pub(crate) fn drawn(svg: &str) -> tiny_skia::Pixmap {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).expect("an SVG");
    let size = tree.size().to_int_size();
    let mut pixmap = tiny_skia::Pixmap::new(size.width(), size.height()).expect("a size");
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixmap.as_mut());
    pixmap
}
