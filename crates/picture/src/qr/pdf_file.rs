//! Codes as PDF, for print: outlines, at an exact size.
//!
//! A picture of `size` pixels is as large as a browser would print it, 96 to the inch: 512 pixels are 384 points, 13.5 cm.
//! A caption is drawn as outlines too. None of the fonts that every reader of PDF has knows more than western letters, and
//! a file that carries no font cannot be shown with the wrong one.

use image::{DynamicImage, ExtendedColorType, ImageDecoder, codecs::jpeg::JpegDecoder};
use mask_core::{colour::Colour, picture::Format};
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};

use super::{
    Undrawable,
    caption::Line,
    design::{Design, Logo},
    outline::{Outline, Point, Step, handles, number},
};

const POINTS_A_PIXEL: f32 = 0.75;
/// Where the time that compressing takes is still worth it.
const COMPRESSION: u8 = 6;
const LOGO: Name<'static> = Name(b"Logo");

pub(super) fn pdf(design: &Design<'_>) -> Result<Vec<u8>, Undrawable> {
    let [catalog, pages, page, content, image, opacity] = [1, 2, 3, 4, 5, 6].map(Ref::new);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels at most")]
    let [across, down] = [u32::from(design.size), design.height()].map(|pixels| pixels as f32 * POINTS_A_PIXEL);
    let mut file = Pdf::new();
    file.catalog(catalog).pages(pages);
    file.pages(pages).kids([page]).count(1);
    let mut only = file.page(page);
    only.media_box(Rect::new(0.0, 0.0, across, down)).parent(pages).contents(content);
    if design.logo.is_some() {
        only.resources().x_objects().pair(LOGO, image);
    }
    only.finish();
    let drawn = compress_to_vec_zlib(&draw(design, across, down), COMPRESSION);
    file.stream(content, &drawn).filter(Filter::FlateDecode);
    if let Some(logo) = &design.logo {
        embed(&mut file, logo, image, opacity)?;
    }
    Ok(file.finish())
}

fn draw(design: &Design<'_>, across: f32, down: f32) -> Vec<u8> {
    let look = design.look;
    let mut content = Content::new();
    if !look.is_transparent {
        fill_with(&mut content, look.background);
        content.rect(0.0, 0.0, across, down).fill_nonzero();
    }
    content.save_state();
    // From here on the unit is a module, counted from the upper left as everywhere else.
    let scale = across / number(design.width());
    content.transform([scale, 0.0, 0.0, -scale, 0.0, down]);
    for (colour, outline) in design.inks(look.shape, usize::from(design.margin)) {
        fill_with(&mut content, colour);
        trace(&mut content, &outline);
        content.fill_nonzero();
    }
    if let Some(logo) = &design.logo {
        place(&mut content, logo, f32::from(design.margin));
    }
    if let Some(text) = &look.caption {
        fill_with(&mut content, look.foreground);
        trace(&mut content, &Line::of(text, across / scale, down / scale).outline);
        content.fill_nonzero();
    }
    content.restore_state();
    content.finish().into_vec()
}

fn fill_with(content: &mut Content, colour: Colour) {
    let [red, green, blue] = colour.parts().map(|part| f32::from(part) / 255.0);
    content.set_fill_rgb(red, green, blue);
}

fn trace(content: &mut Content, outline: &Outline) {
    let mut at: Point = (0.0, 0.0);
    for step in &outline.0 {
        match *step {
            Step::Move(to) => {
                content.move_to(to.0, to.1);
                at = to;
            }
            Step::Line(to) => {
                content.line_to(to.0, to.1);
                at = to;
            }
            Step::Round(corner, to) => {
                let (one, two) = handles(at, corner, to);
                content.cubic_to(one.0, one.1, two.0, two.1, to.0, to.1);
                at = to;
            }
            Step::Curve(one, two, to) => {
                content.cubic_to(one.0, one.1, two.0, two.1, to.0, to.1);
                at = to;
            }
            Step::Dot(middle) => {
                let mut circle = Outline::default();
                circle.circle(middle);
                trace(content, &circle);
            }
            Step::Close => {
                content.close_path();
            }
        }
    }
}

/// Within its rounded corners. A picture is a unit high and wide, and stands on its foot.
fn place(content: &mut Content, logo: &Logo<'_>, margin: f32) {
    let (x, y) = (logo.at.0 + margin, logo.at.1 + margin);
    let mut corners = Outline::default();
    corners.rectangle((x, y), logo.size, logo.corner(), true);
    content.save_state();
    trace(content, &corners);
    content.clip_nonzero().end_path();
    content.transform([logo.size.0, 0.0, 0.0, -logo.size.1, x, y + logo.size.1]);
    content.x_object(LOGO);
    content.restore_state();
}

/// A JPEG is what PDF calls a picture already; of others, colours and opacity become one each.
fn embed(file: &mut Pdf, logo: &Logo<'_>, image: Ref, opacity: Ref) -> Result<(), Undrawable> {
    if logo.format == Format::Jpeg {
        let decoder = JpegDecoder::new(std::io::Cursor::new(logo.bytes)).map_err(|_| Undrawable::Logo)?;
        let samples = match decoder.original_color_type() {
            ExtendedColorType::L8 => Some(Samples::Grey),
            ExtendedColorType::Rgb8 => Some(Samples::Colour),
            _ => None,
        };
        if let Some(samples) = samples {
            write(file, image, logo.bytes, Filter::DctDecode, decoder.dimensions(), samples, None);
            return Ok(());
        }
    }
    let picture = image::load_from_memory(logo.bytes).map_err(|_| Undrawable::Logo)?;
    let size = (picture.width(), picture.height());
    let is_opaque = !picture.color().has_alpha();
    let pixels = picture.to_rgba8();
    let colours = compress_to_vec_zlib(&DynamicImage::from(pixels.clone()).into_rgb8(), COMPRESSION);
    let mask = (!is_opaque).then_some(opacity);
    write(file, image, &colours, Filter::FlateDecode, size, Samples::Colour, mask);
    if !is_opaque {
        let opaque: Vec<u8> = pixels.pixels().map(|pixel| pixel.0[3]).collect();
        let opaque = compress_to_vec_zlib(&opaque, COMPRESSION);
        write(file, opacity, &opaque, Filter::FlateDecode, size, Samples::Grey, None);
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Samples {
    Grey,
    Colour,
}

fn write(file: &mut Pdf, id: Ref, bytes: &[u8], filter: Filter, size: (u32, u32), samples: Samples, mask: Option<Ref>) {
    let mut image = file.image_xobject(id, bytes);
    image.filter(filter);
    image.width(i32::try_from(size.0).unwrap_or(i32::MAX)).height(i32::try_from(size.1).unwrap_or(i32::MAX));
    match samples {
        Samples::Grey => image.color_space().device_gray(),
        Samples::Colour => image.color_space().device_rgb(),
    }
    image.bits_per_component(8);
    if let Some(mask) = mask {
        image.s_mask(mask);
    }
}
