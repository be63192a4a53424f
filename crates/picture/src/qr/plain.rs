//! Pixels of a plain code: nothing but squares in two colours, or three.
//!
//! A module is a whole number of pixels, always the same; what is left over of the width goes into the free border, half to
//! each side. Scanners sample the middles of modules, so a module that is a pixel wider than its neighbour costs exactly
//! the tolerance that a small print needs.

use super::design::Design;

/// Modules on pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The picture's width.
    pub(super) size: u32,
    /// The width of a module.
    pub(super) module: u32,
    /// Where the code begins, from the left and from above.
    pub(super) offset: u32,
}

impl Grid {
    /// The grid of a picture, which is wide enough for all modules of the code and of its free border.
    pub(super) fn of(design: &Design<'_>) -> Self {
        let [code, whole] =
            [design.matrix.size(), design.width()].map(|modules| u32::try_from(modules).unwrap_or(u32::MAX));
        let size = u32::from(design.size);
        let module = size / whole;
        Self { size, module, offset: (size - module * code) / 2 }
    }

    /// The module on each pixel of a line; those of the border are on none.
    fn modules(self) -> impl Iterator<Item = Option<usize>> {
        (0..self.size).map(move |pixel| pixel.checked_sub(self.offset).map(|pixel| (pixel / self.module) as usize))
    }
}

/// What a pixel shows: places in a palette.
pub(super) const BACKGROUND: u8 = 0;
pub(super) const FOREGROUND: u8 = 1;
pub(super) const EYE: u8 = 2;

/// Each line's pixels, and how many lines in a row are the same.
pub(super) fn lines(design: &Design<'_>, grid: Grid) -> Vec<(Vec<u8>, u32)> {
    let code = design.matrix.size();
    let has_own_eyes = design.has_own_eyes();
    let line = |y: usize| {
        let pixel = |module: Option<usize>| match module.filter(|x| *x < code) {
            Some(x) if design.is_dark(x, y) => {
                if has_own_eyes && design.matrix.is_eye(x, y) {
                    EYE
                } else {
                    FOREGROUND
                }
            }
            _ => BACKGROUND,
        };
        grid.modules().map(pixel).collect::<Vec<u8>>()
    };
    let border = vec![BACKGROUND; grid.size as usize];
    let mut lines = Vec::with_capacity(code + 2);
    lines.push((border.clone(), grid.offset));
    lines.extend((0..code).map(|y| (line(y), grid.module)));
    let above: u32 = lines.iter().map(|(_, times)| times).sum();
    lines.push((border, grid.size - above));
    lines
}
