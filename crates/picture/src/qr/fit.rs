//! What gives way so that a code scans.
//!
//! A look is accepted for the address that its code has that day, and the address may grow: another slug, another domain.
//! The code is denser then, and in a picture as wide as before its modules are smaller. What is printed of it has to scan all
//! the same, so what protects it gives way to what makes it readable at all.

use mask_core::qr::{ErrorCorrection, Look};

use super::{Undrawable, design::logo_area, matrix::Matrix};

/// The pixels that a module needs at the least. Of pictures with a pixel to the module, a quarter is read by no decoder.
pub(super) const LEAST_PIXELS: usize = 2;
/// The free border that the standard asks for, in modules.
const STANDARD_MARGIN: u8 = 4;
/// How much of what a level repairs a logo may use up; the rest is for dirt, folds and glare.
const LOGO_USES: f64 = 2.0 / 3.0;

/// The modules of a code, and how it is drawn in a picture of one size.
pub(super) struct Fitted {
    pub(super) matrix: Matrix,
    pub(super) level: ErrorCorrection,
    pub(super) margin: u8,
}

/// The rule by which every picture of a code is made, and every look is judged: **a module has two pixels or more**. Where the
/// code is too dense for that in a picture so wide, it is drawn with the highest level below the look's that is not, as long
/// as that repairs what the logo hides; then with less of a border wider than the standard's. The size is never another
/// than what was asked for, so what is too dense even then is refused with the least size.
pub(super) fn fit(content: &str, look: &Look, logo: Option<(u32, u32)>, size: u16) -> Result<Fitted, Undrawable> {
    let wanted = look.level();
    let size = usize::from(size);
    let has_room = |matrix: &Matrix, margin: u8| LEAST_PIXELS * width(matrix, margin) <= size;
    let mut lightest = None;
    for level in ErrorCorrection::ALL.into_iter().rev().filter(|level| *level <= wanted) {
        let Ok(matrix) = Matrix::of(content, level) else { continue };
        let hidden = || logo.map_or(0.0, |logo| matrix.share_touched(logo_area(logo, matrix.size())));
        if level < wanted && !spares(level, hidden()) {
            break;
        }
        if has_room(&matrix, look.margin) {
            return Ok(Fitted { matrix, level, margin: look.margin });
        }
        lightest = Some((matrix, level));
    }
    let (matrix, level) = lightest.ok_or(Undrawable::TooLong)?;
    let least = look.margin.min(STANDARD_MARGIN);
    let narrower = (least..look.margin).rev().find(|margin| has_room(&matrix, *margin));
    let too_small = || {
        let least = LEAST_PIXELS * width(&matrix, least);
        Undrawable::TooSmall { least: u32::try_from(least).unwrap_or(u32::MAX) }
    };
    let margin = narrower.ok_or_else(too_small)?;
    Ok(Fitted { matrix, level, margin })
}

/// Modules of a side, with the free border.
pub(super) fn width(matrix: &Matrix, margin: u8) -> usize {
    matrix.size() + 2 * usize::from(margin)
}

/// The share of codewords that a level repairs.
fn repaired(level: ErrorCorrection) -> f64 {
    match level {
        ErrorCorrection::Low => 0.07,
        ErrorCorrection::Medium => 0.15,
        ErrorCorrection::Quartile => 0.25,
        ErrorCorrection::High => 0.3,
    }
}

/// The share of codewords that a logo may hide at a level.
pub(super) fn spared(level: ErrorCorrection) -> f64 {
    repaired(level) * LOGO_USES
}

pub(super) fn spares(level: ErrorCorrection, hidden: f64) -> bool {
    hidden <= spared(level)
}
