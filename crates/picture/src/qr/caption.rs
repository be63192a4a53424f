//! The line of text below a code.
//!
//! It is as large as looks well, and smaller where it would not fit: in its length, and in the height of what people pile upon
//! letters, as nothing of it may reach the code or the free border above it. Every format shows its outlines. Written as text, it
//! would be set by each viewer in a typeface of its own, and by some in another order.

use resvg::usvg::{Group, Node, Transform, Tree, tiny_skia_path::PathSegment};

use super::outline::{Outline, Point, Step};
use crate::fonts::{
    self, Typefaces,
    line::{self, Anchor},
};

const WEIGHT: u16 = 600;
/// The largest text, as a share of the picture's width.
const LARGEST: f32 = 1.0 / 15.0;
/// The longest line, as a share of the picture's width.
const LONGEST: f32 = 0.92;
/// How far below the code's part of the picture the middle of the capitals lies, as a share of the caption's part. The
/// free border is above it, so it stands nearer to the top.
const MIDDLE: f32 = 0.4;
/// How near the code's part and the lower edge of the picture something may be, as shares of the caption's part.
const HIGHEST: f32 = 0.02;
const LOWEST: f32 = 0.95;
/// The size at which a line is measured.
const MEASURED: f32 = 100.0;
/// The height of capitals, in ems.
const CAPITALS: f32 = 0.727;

/// A caption where it stands, in whatever the width was given in.
#[derive(Debug)]
pub(super) struct Line {
    /// Its letters.
    pub(super) outline: Outline,
    /// Their size.
    pub(super) em: f32,
}

impl Line {
    /// The line in a picture of this width and height.
    pub(super) fn of(text: &str, width: f32, height: f32) -> Self {
        let (line, faces) = set(text);
        let outline = trace_line(&line, faces);
        let strip = height - width;
        let mut em = width * LARGEST;
        if let Some(((left, top), (right, bottom))) = outline.bounds() {
            // All that is measured, in ems, as it stands about the middle of its line and of its capitals.
            let [left, top, right, bottom] = [left, top, right, bottom].map(|length| length / MEASURED);
            let longest = (line.width() / MEASURED).max(2.0 * right).max(-2.0 * left);
            let above = (-top - CAPITALS / 2.0).max(f32::EPSILON);
            let below = (bottom + CAPITALS / 2.0).max(f32::EPSILON);
            em = em.min(width * LONGEST / longest);
            em = em.min(strip * (MIDDLE - HIGHEST) / above).min(strip * (LOWEST - MIDDLE) / below);
        }
        let baseline = width + strip * MIDDLE + em * CAPITALS / 2.0;
        let outline = outline.moved(|(x, y)| (width / 2.0 + x * em / MEASURED, baseline + y * em / MEASURED));
        Self { outline, em }
    }
}

/// The outlines of a line, its middle at the origin.
fn trace_line(line: &line::Line, faces: &'static Typefaces) -> Outline {
    let letters = line.elements((0.0, 0.0), Anchor::Middle, "");
    let svg = format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{letters}</svg>"#);
    let mut outline = Outline::default();
    if let Ok(tree) = Tree::from_str(&svg, &faces.options()) {
        trace_all(tree.root(), &mut outline);
    }
    outline
}

/// The text, set in our typefaces at the size at which it is measured.
fn set(text: &str) -> (line::Line, &'static Typefaces) {
    // What has no shape and says nothing, and what the renderer could not even be told of.
    let text: String = text.chars().map(|character| if is_unheard_of(character) { ' ' } else { character }).collect();
    let faces = fonts::writing(&text);
    let face = line::Face { family: fonts::TEXT, weight: WEIGHT, size: MEASURED, spacing: 0.0 };
    (line::Line::of(&text, face, faces), faces)
}

fn is_unheard_of(character: char) -> bool {
    character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// The characters that we have no shape for.
pub(super) fn unwritable(text: &str) -> Vec<char> {
    let faces = fonts::writing(text);
    let is_written = |character: char| faces.has(character) || fonts::is_invisible(character);
    let mut unwritable: Vec<char> = text.chars().filter(|character| !is_written(*character)).collect();
    unwritable.dedup();
    unwritable
}

fn trace_all(group: &Group, outline: &mut Outline) {
    for node in group.children() {
        match node {
            Node::Group(group) => trace_all(group, outline),
            Node::Text(text) => trace_all(text.flattened(), outline),
            Node::Path(path) => trace(path.data().segments(), path.abs_transform(), outline),
            Node::Image(_) => {}
        }
    }
}

fn trace(segments: impl Iterator<Item = PathSegment>, place: Transform, outline: &mut Outline) {
    let placed = |mut point: resvg::tiny_skia::Point| {
        place.map_point(&mut point);
        (point.x, point.y)
    };
    let mut at: Point = (0.0, 0.0);
    for segment in segments {
        let step = match segment {
            PathSegment::MoveTo(to) => Step::Move(placed(to)),
            PathSegment::LineTo(to) => Step::Line(placed(to)),
            PathSegment::QuadTo(handle, to) => {
                // The same curve with two handles: each two thirds of the way to the one.
                let (handle, to) = (placed(handle), placed(to));
                let towards =
                    |from: Point| (from.0 + (handle.0 - from.0) * 2.0 / 3.0, from.1 + (handle.1 - from.1) * 2.0 / 3.0);
                Step::Curve(towards(at), towards(to), to)
            }
            PathSegment::CubicTo(one, two, to) => Step::Curve(placed(one), placed(two), placed(to)),
            PathSegment::Close => Step::Close,
        };
        if let Step::Move(to) | Step::Line(to) | Step::Curve(_, _, to) = step {
            at = to;
        }
        outline.0.push(step);
    }
}
