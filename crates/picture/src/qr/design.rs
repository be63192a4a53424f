//! What of a code goes where, before anybody draws it.

use std::io::Cursor;

use mask_core::{
    colour::Colour,
    picture::Format,
    qr::{ErrorCorrection, Look, Shape},
};

use super::{
    Drawing, Undrawable,
    fit::{self, Fitted, fit},
    matrix::{Area, Matrix},
    outline::{Outline, Point, number},
};

/// Widest a logo's area may be, as a share of the code's width: about a twentieth of its modules.
const LOGO_SHARE: f32 = 0.25;
/// What stays free around a logo on each side, in modules.
const LOGO_PADDING: f32 = 0.5;
/// The radius of a logo's corners, as a share of its shorter side.
const LOGO_CORNER: f32 = 0.14;
/// The height of what a caption adds below, as a part of the width.
const CAPTION_PART: u32 = 8;

/// A code, ready to be drawn in a picture of one size. All other measures are modules, and places are counted from the corner of
/// the code, not of the free border.
pub(super) struct Design<'a> {
    pub(super) matrix: Matrix,
    pub(super) look: &'a Look,
    /// The width of the picture, in pixels.
    pub(super) size: u16,
    /// The level that it is drawn with, at most the look's.
    pub(super) level: ErrorCorrection,
    /// The width of the free border, in modules, at most the look's.
    pub(super) margin: u8,
    pub(super) logo: Option<Logo<'a>>,
}

/// A picture in the middle.
pub(super) struct Logo<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) format: Format,
    /// The modules that make room for it.
    pub(super) area: Area,
    pub(super) at: Point,
    pub(super) size: Point,
}

impl<'a> Logo<'a> {
    /// The picture of this width and height, in the middle of a code of so many modules.
    fn of(bytes: &'a [u8], format: Format, picture: (u32, u32), modules: usize) -> Self {
        let size = within(picture, widest(modules));
        let middle = number(modules) / 2.0;
        let at = (middle - size.0 / 2.0, middle - size.1 / 2.0);
        Self { bytes, format, area: logo_area(picture, modules), at, size }
    }

    /// The radius of its corners.
    pub(super) fn corner(&self) -> f32 {
        self.size.0.min(self.size.1) * LOGO_CORNER
    }
}

impl<'a> Design<'a> {
    pub(super) fn of(drawing: &Drawing<'a>, size: u16) -> Result<Self, Undrawable> {
        let logo =
            drawing.logo.map(|bytes| look_at(bytes).map(|(format, picture)| (bytes, format, picture))).transpose()?;
        let Fitted { matrix, level, margin } =
            fit(drawing.content, drawing.look, logo.map(|(_, _, picture)| picture), size)?;
        let logo = logo.map(|(bytes, format, picture)| Logo::of(bytes, format, picture, matrix.size()));
        Ok(Self { matrix, look: drawing.look, size, level, margin, logo })
    }

    /// Modules of a side, with the free border.
    pub(super) fn width(&self) -> usize {
        fit::width(&self.matrix, self.margin)
    }

    /// The height of the picture, in pixels: as high as wide, and an eighth more for a caption.
    pub(super) fn height(&self) -> u32 {
        let width = u32::from(self.size);
        if self.look.caption.is_some() { width + width.div_ceil(CAPTION_PART) } else { width }
    }

    /// Whether a module is to be dark: a logo's area is free.
    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.matrix.is_dark(x, y) && !self.logo.as_ref().is_some_and(|logo| logo.area.holds(x, y))
    }

    /// The colour of the eyes.
    pub(super) fn eye(&self) -> Colour {
        self.look.eye.unwrap_or(self.look.foreground)
    }

    /// Whether the eyes have a colour of their own.
    pub(super) fn has_own_eyes(&self) -> bool {
        self.eye() != self.look.foreground
    }

    /// The shape in which modules of so many pixels are drawn. Nobody can make anything round of two pixels, or dots of
    /// three; what comes of trying is grey, and was read far less often.
    pub(super) fn shape_at(&self, module: u32) -> Shape {
        match self.look.shape {
            Shape::Rounded if module >= 3 => Shape::Rounded,
            Shape::Dots if module >= 4 => Shape::Dots,
            _ => Shape::Square,
        }
    }

    /// Whether it is nothing but squares, of so many pixels.
    pub(super) fn is_plain_at(&self, module: u32) -> bool {
        self.shape_at(module) == Shape::Square && self.logo.is_none() && self.look.caption.is_none()
    }

    /// What is filled with which colour, with the code's corner `origin` modules from both edges.
    pub(super) fn inks(&self, shape: Shape, origin: usize) -> Vec<(Colour, Outline)> {
        let size = self.matrix.size();
        if shape == Shape::Square && !self.has_own_eyes() {
            return vec![(self.look.foreground, Outline::of_modules(shape, size, origin, |x, y| self.is_dark(x, y)))];
        }
        let is_body = |x, y| self.is_dark(x, y) && !self.matrix.is_eye(x, y);
        let mut body = Outline::of_modules(shape, size, origin, is_body);
        let mut eyes = Outline::default();
        for (x, y) in self.matrix.eyes() {
            eyes.eye(shape, (x + origin, y + origin));
        }
        if self.has_own_eyes() {
            return vec![(self.look.foreground, body), (self.eye(), eyes)];
        }
        body.0.append(&mut eyes.0);
        vec![(self.look.foreground, body)]
    }
}

/// What a picture is, and its width and height.
fn look_at(bytes: &[u8]) -> Result<(Format, (u32, u32)), Undrawable> {
    let format = match image::guess_format(bytes) {
        Ok(image::ImageFormat::Png) => Format::Png,
        Ok(image::ImageFormat::Jpeg) => Format::Jpeg,
        _ => return Err(Undrawable::Logo),
    };
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| Undrawable::Logo)?;
    Ok((format, reader.into_dimensions().map_err(|_| Undrawable::Logo)?))
}

/// The modules that make room for a picture of this width and height: as many as there may be, in the middle, an odd number
/// of them on each side, as codes have an odd number, too.
pub(super) fn logo_area(picture: (u32, u32), modules: usize) -> Area {
    let most = widest(modules);
    let (width, height) = within(picture, most);
    let (width, height) =
        (odd_at_least(width + 2.0 * LOGO_PADDING, most), odd_at_least(height + 2.0 * LOGO_PADDING, most));
    Area { x: (modules - width) / 2, y: (modules - height) / 2, width, height }
}

/// How wide a logo's area may be.
fn widest(modules: usize) -> usize {
    odd_at_most(number(modules) * LOGO_SHARE)
}

/// A picture's size in modules, where its area may be so wide.
fn within((width, height): (u32, u32), widest: usize) -> Point {
    #[expect(clippy::cast_precision_loss, reason = "a ratio; our copies are 512 pixels at most")]
    let ratio = width as f32 / height as f32;
    let room = number(widest) - 2.0 * LOGO_PADDING;
    (room * ratio.min(1.0), room / ratio.max(1.0))
}

fn odd_at_most(most: f32) -> usize {
    (1..).step_by(2).take_while(|odd| number(*odd) <= most).last().unwrap_or(1)
}

fn odd_at_least(least: f32, most: usize) -> usize {
    (1..most).step_by(2).find(|odd| number(*odd) >= least).unwrap_or(most)
}
