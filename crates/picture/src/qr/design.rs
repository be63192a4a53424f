//! What of a code goes where, before anybody draws it.

use std::io::Cursor;

use mask_core::{
    colour::Colour,
    picture::Format,
    qr::{Look, Shape},
};

use super::{
    Drawing, Undrawable,
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

/// A code, ready to be drawn. All measures are modules, and places are counted from the corner of the code, not of the
/// free border.
pub(super) struct Design<'a> {
    pub(super) matrix: Matrix,
    pub(super) look: &'a Look,
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

impl Logo<'_> {
    /// The radius of its corners.
    pub(super) fn corner(&self) -> f32 {
        self.size.0.min(self.size.1) * LOGO_CORNER
    }
}

impl<'a> Design<'a> {
    pub(super) fn of(drawing: &Drawing<'a>) -> Result<Self, Undrawable> {
        let matrix = Matrix::of(drawing.content, drawing.look.level())?;
        let logo = drawing.logo.map(|bytes| place_logo(bytes, matrix.size())).transpose()?;
        Ok(Self { matrix, look: drawing.look, logo })
    }

    /// Modules of a side, with the free border.
    pub(super) fn width(&self) -> usize {
        self.matrix.size() + 2 * usize::from(self.look.margin)
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

/// The height of a picture of this width, in pixels: as high as wide, and an eighth more for a caption.
pub(super) fn height(look: &Look, width: u16) -> u32 {
    let width = u32::from(width);
    if look.caption.is_some() { width + width.div_ceil(CAPTION_PART) } else { width }
}

/// As large as it may be, in the middle, with an odd number of modules for it on each side: codes have an odd number, too.
fn place_logo(bytes: &[u8], size: usize) -> Result<Logo<'_>, Undrawable> {
    let format = match image::guess_format(bytes) {
        Ok(image::ImageFormat::Png) => Format::Png,
        Ok(image::ImageFormat::Jpeg) => Format::Jpeg,
        _ => return Err(Undrawable::Logo),
    };
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| Undrawable::Logo)?;
    let (width, height) = reader.into_dimensions().map_err(|_| Undrawable::Logo)?;
    #[expect(clippy::cast_precision_loss, reason = "a ratio; our copies are 512 pixels at most")]
    let ratio = width as f32 / height as f32;
    let widest = odd_at_most(number(size) * LOGO_SHARE);
    let room = number(widest) - 2.0 * LOGO_PADDING;
    let (width, height) = (room * ratio.min(1.0), room / ratio.max(1.0));
    let (across, down) =
        (odd_at_least(width + 2.0 * LOGO_PADDING, widest), odd_at_least(height + 2.0 * LOGO_PADDING, widest));
    let area = Area { x: (size - across) / 2, y: (size - down) / 2, width: across, height: down };
    let middle = number(size) / 2.0;
    Ok(Logo { bytes, format, area, at: (middle - width / 2.0, middle - height / 2.0), size: (width, height) })
}

fn odd_at_most(most: f32) -> usize {
    (1..).step_by(2).take_while(|odd| number(*odd) <= most).last().unwrap_or(1)
}

fn odd_at_least(least: f32, most: usize) -> usize {
    (1..most).step_by(2).find(|odd| number(*odd) >= least).unwrap_or(most)
}
