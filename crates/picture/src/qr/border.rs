//! The borders of what is dark.
//!
//! A border is walked with the dark on the right hand, so the outer border of a region goes clockwise and that of a hole
//! the other way round, and filling by winding leaves holes out. Where two dark modules touch at a corner alone, the border
//! turns right and keeps them apart: what a scanner samples as two modules is drawn as two.

/// Where a border turns: a corner of modules, counted from the upper left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) x: usize,
    pub(super) y: usize,
    /// Whether the dark is inside the corner.
    pub(super) is_outer: bool,
}

/// Right, down, left, up.
const WAYS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// All borders of a square field.
pub(super) fn borders(size: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<Vec<Corner>> {
    let field = Field::of(size, is_dark);
    // Every border goes right somewhere, above a dark module that has none above it.
    let mut is_walked = vec![false; size * size];
    let mut borders = Vec::new();
    for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
        if !is_walked[y * size + x] && field.is_dark(x + 1, y + 1) && !field.is_dark(x + 1, y) {
            borders.push(field.walk(x, y, &mut is_walked));
        }
    }
    borders
}

/// The modules within a light frame, so that a walk need not ask where the field ends.
struct Field {
    size: usize,
    dark: Vec<bool>,
}

impl Field {
    fn of(size: usize, is_dark: impl Fn(usize, usize) -> bool) -> Self {
        let width = size + 2;
        let mut dark = vec![false; width * width];
        for (y, row) in dark.chunks_exact_mut(width).skip(1).take(size).enumerate() {
            for (x, module) in row[1..=size].iter_mut().enumerate() {
                *module = is_dark(x, y);
            }
        }
        Self { size, dark }
    }

    /// Counted with the frame.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * (self.size + 2) + x]
    }

    /// The border that goes right above this module.
    fn walk(&self, first_x: usize, first_y: usize, is_walked: &mut [bool]) -> Vec<Corner> {
        let (mut x, mut y, mut way) = (first_x, first_y, 0);
        let mut corners = Vec::new();
        loop {
            if way == 0 {
                is_walked[y * self.size + x] = true;
            }
            (x, y) = (x.wrapping_add_signed(WAYS[way].0 as isize), y.wrapping_add_signed(WAYS[way].1 as isize));
            let turn = if !self.ahead(x, y, way, Hand::Right) {
                1
            } else if self.ahead(x, y, way, Hand::Left) {
                3
            } else {
                0
            };
            if turn != 0 {
                corners.push(Corner { x, y, is_outer: turn == 1 });
                way = (way + turn) % 4;
            }
            if (x, y, way) == (first_x, first_y, 0) {
                return corners;
            }
        }
    }

    /// Whether the module ahead on this hand is dark, seen from a corner of modules.
    fn ahead(&self, x: usize, y: usize, way: usize, hand: Hand) -> bool {
        // The four modules about a corner, in the frame's count: upper left, upper right, lower right, lower left.
        let about = [(0, 0), (1, 0), (1, 1), (0, 1)];
        let right = (way + 2) % 4;
        let (right_x, right_y) = about[if matches!(hand, Hand::Right) { right } else { (right + 3) % 4 }];
        self.is_dark(x + right_x, y + right_y)
    }
}

#[derive(Clone, Copy)]
enum Hand {
    Left,
    Right,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rows: &[&str]) -> Vec<Vec<(usize, usize, bool)>> {
        let borders = borders(rows.len(), |x, y| rows[y].as_bytes()[x] == b'#');
        borders
            .into_iter()
            .map(|border| border.into_iter().map(|corner| (corner.x, corner.y, corner.is_outer)).collect())
            .collect()
    }

    #[test]
    fn a_module_has_four_corners() {
        assert_eq!(drawn(&["#"]), [[(1, 0, true), (1, 1, true), (0, 1, true), (0, 0, true)]]);
    }

    #[test]
    fn what_touches_has_one_border_and_turns_inwards_where_it_meets() {
        let border = drawn(&["#.", "##"]);
        assert_eq!(border, [[(1, 0, true), (1, 1, false), (2, 1, true), (2, 2, true), (0, 2, true), (0, 0, true)]]);
    }

    #[test]
    fn a_hole_is_walked_the_other_way_round() {
        let borders = drawn(&["###", "#.#", "###"]);
        assert_eq!(borders[0], [(3, 0, true), (3, 3, true), (0, 3, true), (0, 0, true)]);
        assert_eq!(borders[1], [(2, 2, false), (2, 1, false), (1, 1, false), (1, 2, false)]);
    }

    #[test]
    fn what_touches_at_a_corner_alone_stays_apart() {
        assert_eq!(drawn(&["#.", ".#"]).len(), 2);
        assert_eq!(drawn(&[".#", "#."]).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn borders_enclose_what_is_dark(dark in proptest::collection::vec(proptest::bool::ANY, 64)) {
            let borders = borders(8, |x, y| dark[y * 8 + x]);
            // A ray from the middle of a module to the left crosses upright lines; those that go up count one way.
            for (place, is_dark) in dark.iter().enumerate() {
                let mut winding = 0;
                for border in &borders {
                    for (from, to) in border.iter().zip(border.iter().cycle().skip(1)) {
                        let crosses = |top: usize, bottom: usize| from.x <= place % 8 && (top..bottom).contains(&(place / 8));
                        winding += i32::from(crosses(to.y, from.y)) - i32::from(crosses(from.y, to.y));
                    }
                }
                proptest::prop_assert_eq!(winding, i32::from(*is_dark));
            }
        }
    }
}
