//! Outlines: what is filled with one colour, as every writer understands it.
//!
//! There is one geometry, measured in modules, and SVG, PDF and pixels are three ways to write it down. So a code looks the
//! same in each, and what is true of one picture (that it scans) is true of the others.
//!
//! Modules that touch are drawn as one region, by its border. Drawn one by one, or in runs, they would show hairlines
//! between them wherever a viewer smooths edges; a border also takes less than half the bytes.

use mask_core::qr::Shape;

use super::{
    border::{Corner, borders},
    matrix::EYE,
};

/// A place, in modules.
pub(super) type Point = (f32, f32);

/// A step of a pen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// To where a new region begins.
    Move(Point),
    /// Straight on.
    Line(Point),
    /// Round a corner in a quarter of a circle: the corner, and where the straight goes on.
    Round(Point, Point),
    /// Along a Bézier curve: two handles, and where it ends.
    Curve(Point, Point, Point),
    /// A region of its own: a dot, a module wide, about this middle.
    Dot(Point),
    /// Back to where the region began.
    Close,
}

/// Regions. What lies within borders of both directions is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outline(pub(super) Vec<Step>);

/// How far the handles of a curve that passes for a quarter of a circle lie towards the corner.
const ROUND: f32 = 0.552_285;
/// The radius of a dot, a module wide. Larger ones touch, and cannot be told from rounded modules; smaller ones go grey when
/// blurred.
const DOT: f32 = 0.5;
/// The radius in which rounded modules flow into one another where they meet at a corner.
const FILLET: f32 = 0.25;

/// The handles of a curve from one point round a corner to another.
pub(super) fn handles(from: Point, corner: Point, to: Point) -> (Point, Point) {
    (between(from, corner, ROUND), between(to, corner, ROUND))
}

fn between(from: Point, to: Point, share: f32) -> Point {
    (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
}

impl Outline {
    /// The modules of a field that `is_dark` names, drawn in a shape; the field's corner is at `origin`.
    pub(super) fn of_modules(shape: Shape, size: usize, origin: usize, is_dark: impl Fn(usize, usize) -> bool) -> Self {
        let mut outline = Self::default();
        if shape == Shape::Dots {
            for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))).filter(|(y, x)| is_dark(*x, *y)) {
                let (x, y) = (number(x + origin), number(y + origin));
                outline.0.push(Step::Dot((x + 0.5, y + 0.5)));
            }
        } else {
            for border in borders(size, is_dark) {
                outline.border(&border, origin, shape == Shape::Rounded);
            }
        }
        outline
    }

    /// Adds an eye whose upper left corner is here: a ring, and what is in its middle.
    pub(super) fn eye(&mut self, shape: Shape, at: (usize, usize)) {
        let (x, y, side) = (number(at.0), number(at.1), number(EYE));
        let (ring, hole, pupil) = match shape {
            Shape::Square => (0.0, 0.0, 0.0),
            Shape::Rounded => (2.2, 1.2, 0.9),
            Shape::Dots => (2.2, 1.2, 1.5),
        };
        self.rectangle((x, y), (side, side), ring, true);
        self.rectangle((x + 1.0, y + 1.0), (side - 2.0, side - 2.0), hole, false);
        self.rectangle((x + 2.0, y + 2.0), (side - 4.0, side - 4.0), pupil, true);
    }

    /// Adds a rectangle with corners of this radius; one that is not `filled` is left out of what it lies in.
    pub(super) fn rectangle(&mut self, at: Point, size: Point, radius: f32, filled: bool) {
        let ((left, top), (right, bottom)) = (at, (at.0 + size.0, at.1 + size.1));
        let mut corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        if !filled {
            corners.reverse();
        }
        self.polygon(&corners.map(|corner| (corner, radius)));
    }

    /// Adds what [`Step::Dot`] stands for, as other steps.
    pub(super) fn circle(&mut self, middle: Point) {
        self.rectangle((middle.0 - DOT, middle.1 - DOT), (2.0 * DOT, 2.0 * DOT), DOT, true);
    }

    /// The same outline with each point put elsewhere.
    pub(super) fn moved(&self, place: impl Fn(Point) -> Point) -> Self {
        let moved = |step: &Step| match *step {
            Step::Move(to) => Step::Move(place(to)),
            Step::Line(to) => Step::Line(place(to)),
            Step::Round(corner, to) => Step::Round(place(corner), place(to)),
            Step::Curve(one, two, to) => Step::Curve(place(one), place(two), place(to)),
            Step::Dot(middle) => Step::Dot(place(middle)),
            Step::Close => Step::Close,
        };
        Self(self.0.iter().map(moved).collect())
    }

    /// The least and the greatest of all points, those included that curves are only drawn towards.
    pub(super) fn bounds(&self) -> Option<(Point, Point)> {
        let points = |step: &Step| match *step {
            Step::Move(to) | Step::Line(to) => Some([to; 3]),
            Step::Round(corner, to) => Some([corner, corner, to]),
            Step::Curve(one, two, to) => Some([one, two, to]),
            Step::Dot((x, y)) => Some([(x - DOT, y - DOT), (x + DOT, y + DOT), (x, y)]),
            Step::Close => None,
        };
        let points = self.0.iter().filter_map(points).flatten();
        points.map(|point| (point, point)).reduce(|(least, most), (point, _)| {
            ((least.0.min(point.0), least.1.min(point.1)), (most.0.max(point.0), most.1.max(point.1)))
        })
    }

    fn border(&mut self, corners: &[Corner], origin: usize, is_round: bool) {
        let rounded = |corner: &Corner| {
            let radius = match (is_round, corner.is_outer) {
                (false, _) => 0.0,
                (true, true) => 0.5,
                (true, false) => FILLET,
            };
            ((number(corner.x + origin), number(corner.y + origin)), radius)
        };
        self.polygon(&corners.iter().map(rounded).collect::<Vec<_>>());
    }

    /// A closed border through these corners, each rounded by its radius.
    fn polygon(&mut self, corners: &[(Point, f32)]) {
        for (place, (corner, radius)) in corners.iter().enumerate() {
            let step = if place == 0 { Step::Move } else { Step::Line };
            if *radius == 0.0 {
                self.0.push(step(*corner));
                continue;
            }
            let before = corners[(place + corners.len() - 1) % corners.len()].0;
            let after = corners[(place + 1) % corners.len()].0;
            let from = towards(*corner, before, *radius);
            // Two rounded corners may meet: then there is no straight between them.
            if place == 0 || !self.ends_at(from) {
                self.0.push(step(from));
            }
            self.0.push(Step::Round(*corner, towards(*corner, after, *radius)));
        }
        self.0.push(Step::Close);
    }

    fn ends_at(&self, point: Point) -> bool {
        let near = |to: Point| (to.0 - point.0).abs() + (to.1 - point.1).abs() < 1e-4;
        matches!(self.0.last(), Some(Step::Round(_, to) | Step::Line(to) | Step::Move(to)) if near(*to))
    }
}

fn towards(from: Point, to: Point, distance: f32) -> Point {
    let length = (to.0 - from.0).abs() + (to.1 - from.1).abs();
    between(from, to, distance / length)
}

/// Modules are at most a few hundred, which a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn number(modules: usize) -> f32 {
    modules as f32
}
