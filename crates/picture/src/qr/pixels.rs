//! Pixels of any code: the outlines filled, the logo laid over them.
//!
//! Modules lie on whole pixels here too ([`Grid`]); only what is round, and text, has pixels in between.

use image::{RgbaImage, imageops::FilterType};
use mask_core::colour::Colour;
use resvg::tiny_skia::{
    Color, FillRule, FilterQuality, IntSize, Paint, Path, PathBuilder, Pattern, Pixmap, Shader, SpreadMode, Transform,
};

use super::{
    Undrawable, caption,
    design::{Design, Logo},
    outline::{Outline, Step, handles},
    plain::Grid,
};

/// The picture, upon a ground or upon nothing.
pub(super) fn paint(design: &Design<'_>, ground: Option<Colour>) -> Result<Pixmap, Undrawable> {
    let grid = Grid::of(design);
    let mut pixmap = Pixmap::new(grid.size, design.height()).ok_or(Undrawable::TooSmall { least: 1 })?;
    if let Some(ground) = ground {
        pixmap.fill(opaque(ground));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels at most")]
    let (offset, module) = (grid.offset as f32, grid.module as f32);
    let place = Transform::from_scale(module, module).post_translate(offset, offset);
    for (colour, outline) in design.inks(design.shape_at(grid.module), 0) {
        stamp_dots(&mut pixmap, &outline, grid, (colour, ground));
        fill(&mut pixmap, &outline, &solid(colour), place);
    }
    if let Some(logo) = &design.logo {
        draw_logo(&mut pixmap, logo, module, offset)?;
    }
    if let Some(text) = &design.look.caption {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels at most")]
        let line = caption::Line::of(text, pixmap.width() as f32, pixmap.height() as f32);
        fill(&mut pixmap, &line.outline, &solid(design.look.foreground), Transform::identity());
    }
    Ok(pixmap)
}

fn opaque(colour: Colour) -> Color {
    let [red, green, blue] = colour.parts();
    Color::from_rgba8(red, green, blue, 255)
}

fn solid(colour: Colour) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(opaque(colour)), ..Paint::default() }
}

fn fill(pixmap: &mut Pixmap, outline: &Outline, paint: &Paint<'_>, place: Transform) {
    // An outline of nothing, such as that of a caption of spaces, is no path.
    if let Some(path) = path(outline) {
        pixmap.fill_path(&path, paint, FillRule::Winding, place, None);
    }
}

/// Draws the dots of an outline: one of them, and that is copied to where each is, as every module lies on whole pixels and has
/// its dot to itself.
fn stamp_dots(pixmap: &mut Pixmap, outline: &Outline, grid: Grid, (colour, ground): (Colour, Option<Colour>)) {
    let middles =
        || outline.0.iter().filter_map(|step| if let Step::Dot(middle) = step { Some(*middle) } else { None });
    let Some(mut dot) = Pixmap::new(grid.module, grid.module).filter(|_| middles().next().is_some()) else { return };
    if let Some(ground) = ground {
        dot.fill(opaque(ground));
    }
    let mut circle = Outline::default();
    circle.circle((0.5, 0.5));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred pixels at most")]
    let scale = grid.module as f32;
    fill(&mut dot, &circle, &solid(colour), Transform::from_scale(scale, scale));
    let (width, module, offset) = (pixmap.width() as usize, grid.module as usize, grid.offset as usize);
    for (x, y) in middles() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place of a few hundred")]
        let [left, top] = [x, y].map(|middle| offset + middle as usize * module);
        for (row, line) in dot.pixels().chunks_exact(module).enumerate() {
            let begin = (top + row) * width + left;
            pixmap.pixels_mut()[begin..begin + module].copy_from_slice(line);
        }
    }
}

fn path(outline: &Outline) -> Option<Path> {
    let mut path = PathBuilder::with_capacity(outline.0.len(), outline.0.len() * 2);
    for step in &outline.0 {
        match *step {
            Step::Move(to) => path.move_to(to.0, to.1),
            Step::Line(to) => path.line_to(to.0, to.1),
            Step::Round(corner, to) => {
                let from = path.last_point().unwrap_or_default();
                let (one, two) = handles((from.x, from.y), corner, to);
                path.cubic_to(one.0, one.1, two.0, two.1, to.0, to.1);
            }
            Step::Curve(one, two, to) => path.cubic_to(one.0, one.1, two.0, two.1, to.0, to.1),
            Step::Dot(_) => {}
            Step::Close => path.close(),
        }
    }
    path.finish()
}

/// The logo is brought to its size by a filter that looks at every pixel of it, and only then laid down, pixel on pixel.
fn draw_logo(pixmap: &mut Pixmap, logo: &Logo<'_>, module: f32, offset: f32) -> Result<(), Undrawable> {
    let picture = image::load_from_memory(logo.bytes).map_err(|_| Undrawable::Logo)?.into_rgba8();
    let [left, top] = [logo.at.0, logo.at.1].map(|place| (place * module + offset).round());
    let [width, height] = [logo.size.0, logo.size.1].map(|length| (length * module).round().max(1.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the picture's own width")]
    let small = scaled(picture, width as u32, height as u32)?;
    let mut corners = Outline::default();
    corners.rectangle((left, top), (width, height), logo.corner() * module, true);
    let place = Transform::from_translate(left, top);
    let shader = Pattern::new(small.as_ref(), SpreadMode::Pad, FilterQuality::Nearest, 1.0, place);
    fill(pixmap, &corners, &Paint { shader, ..Paint::default() }, Transform::identity());
    Ok(())
}

/// Colours are weighed by how opaque they are before they are mixed: or else what nobody sees would shine through.
fn scaled(mut picture: RgbaImage, width: u32, height: u32) -> Result<Pixmap, Undrawable> {
    for pixel in picture.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        pixel.0[..3].iter_mut().for_each(|part| *part = weighed(u16::from(*part), alpha));
    }
    let mut small = image::imageops::resize(&picture, width, height, FilterType::Lanczos3);
    // The filter overshoots at edges, and no part of a weighed pixel may be above its opacity.
    for pixel in small.pixels_mut() {
        let alpha = pixel.0[3];
        pixel.0[..3].iter_mut().for_each(|part| *part = (*part).min(alpha));
    }
    let size = IntSize::from_wh(width, height).ok_or(Undrawable::Logo)?;
    Pixmap::from_vec(small.into_raw(), size).ok_or(Undrawable::Logo)
}

#[expect(clippy::cast_possible_truncation, reason = "a part of 255 weighed by one of 255")]
fn weighed(part: u16, alpha: u16) -> u8 {
    ((part * alpha + 127) / 255) as u8
}
