//! The modules of a code, and which of them carry what.
//!
//! The encoder is `fast_qr`'s; what is ours is knowing which codeword lies where, as only that tells how much of a code a
//! logo really hides: a codeword is lost as soon as one of its eight modules is.

use std::collections::HashSet;

use fast_qr::{ECL, ModuleType, QRBuilder};
use mask_core::qr::ErrorCorrection;

use super::Undrawable;

/// The width of an eye, in modules.
pub(super) const EYE: usize = 7;

/// A part of a code: whole modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    pub(super) fn holds(self, x: usize, y: usize) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// The modules.
pub(super) struct Matrix {
    size: usize,
    dark: Vec<bool>,
    data: Vec<bool>,
}

impl Matrix {
    /// The smallest code that holds the content at this level.
    pub(super) fn of(content: &str, level: ErrorCorrection) -> Result<Self, Undrawable> {
        let level = match level {
            ErrorCorrection::Low => ECL::L,
            ErrorCorrection::Medium => ECL::M,
            ErrorCorrection::Quartile => ECL::Q,
            ErrorCorrection::High => ECL::H,
        };
        let code = QRBuilder::new(content).ecl(level).build().map_err(|_| Undrawable::TooLong)?;
        let modules = &code.data[..code.size * code.size];
        let dark = modules.iter().map(|module| module.value()).collect();
        let data = modules.iter().map(|module| module.module_type() == ModuleType::Data).collect();
        Ok(Self { size: code.size, dark, data })
    }

    /// Modules of a side.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.size + x]
    }

    /// The upper left corners of the three eyes.
    pub(super) fn eyes(&self) -> [(usize, usize); 3] {
        let far = self.size - EYE;
        [(0, 0), (far, 0), (0, far)]
    }

    pub(super) fn is_eye(&self, x: usize, y: usize) -> bool {
        let (near, far) = (..EYE, self.size - EYE..);
        (near.contains(&x) && (near.contains(&y) || far.contains(&y))) || (far.contains(&x) && near.contains(&y))
    }

    /// The share of all codewords of which at least one module lies in the area.
    pub(super) fn share_touched(&self, area: Area) -> f64 {
        let (mut modules, mut touched) = (0_u32, HashSet::new());
        for (x, y) in self.places_in_order().filter(|(x, y)| self.data[y * self.size + x]) {
            if area.holds(x, y) {
                touched.insert(modules / 8);
            }
            modules += 1;
        }
        let touched = u32::try_from(touched.len()).unwrap_or(u32::MAX);
        f64::from(touched) / f64::from(modules / 8)
    }

    /// All modules in the order in which codewords are laid down: pairs of columns from the right, up and down in turn,
    /// leaving out the column of the timing pattern (ISO/IEC 18004, "symbol character placement").
    fn places_in_order(&self) -> impl Iterator<Item = (usize, usize)> {
        const TIMING: usize = 6;
        let size = self.size;
        let rights = (1..size).rev().filter(|right| if *right > TIMING { right % 2 == 0 } else { right % 2 == 1 });
        rights.enumerate().flat_map(move |(pair, right)| {
            (0..size).flat_map(move |step| {
                let y = if pair % 2 == 0 { size - 1 - step } else { step };
                [(right, y), (right - 1, y)]
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "https://go.example.com/AbC123?qr=0123456789";

    #[test]
    fn the_code_is_the_smallest_that_holds_the_content() {
        // The standard's table of capacities in bytes: 53 at 3-L, 42 at 3-M, 46 at 4-Q, 44 at 5-H.
        for (level, size) in ErrorCorrection::ALL.into_iter().zip([29, 33, 33, 37]) {
            assert_eq!(Matrix::of(CONTENT, level).expect("drawn").size(), size, "{level:?}");
        }
        assert_eq!(Matrix::of(&"a".repeat(1273), ErrorCorrection::High).expect("drawn").size(), 177);
        assert_eq!(Matrix::of(&"a".repeat(1274), ErrorCorrection::High).err(), Some(Undrawable::TooLong));
    }

    #[test]
    fn the_eyes_are_where_they_are() {
        let matrix = Matrix::of(CONTENT, ErrorCorrection::Medium).expect("drawn");
        let seen = (0..33 * 33).filter(|place| matrix.is_eye(place % 33, place / 33)).count();
        assert_eq!(seen, 3 * EYE * EYE);
        for (x, y) in matrix.eyes() {
            for at in 0..EYE {
                assert!(matrix.is_eye(x + at, y) && matrix.is_dark(x + at, y) && matrix.is_dark(x, y + at));
            }
            assert!(!matrix.is_dark(x + 1, y + 1) && matrix.is_dark(x + 3, y + 3));
        }
    }

    #[test]
    fn codewords_are_found_where_the_standard_puts_them() {
        let matrix = Matrix::of("a", ErrorCorrection::Low).expect("drawn");
        assert_eq!(matrix.size(), 21);
        let places: Vec<_> = matrix.places_in_order().collect();
        assert_eq!(places.len(), 21 * 20);
        assert_eq!(places[..4], [(20, 20), (19, 20), (20, 19), (19, 19)]);
        assert_eq!(places.iter().collect::<HashSet<_>>().len(), places.len());
        assert!(places.iter().all(|(x, _)| *x != 6));
        // A code of version 1 has 26 codewords; the first is two modules wide and four high, in the lower right corner.
        let share = |x, y, width, height| matrix.share_touched(Area { x, y, width, height }) * 26.0;
        assert!((share(19, 17, 2, 4) - 1.0).abs() < 1e-9);
        assert!((share(19, 16, 2, 5) - 2.0).abs() < 1e-9);
        assert!((share(20, 20, 1, 1) - 1.0).abs() < 1e-9);
        assert!((share(0, 0, 21, 21) - 26.0).abs() < 1e-9);
        assert!(share(0, 0, 7, 7).abs() < 1e-9, "eyes are no data");
    }
}
