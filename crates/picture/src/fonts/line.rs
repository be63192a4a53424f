//! A line of text, set.
//!
//! The renderer orders directions and chooses typefaces by itself, but takes every line for one that runs to the right,
//! and where two typefaces make another number of shapes of the same letters, which Arabic does, it loses some. So the
//! line is cut here into pieces of one direction and one typeface, and each is given to the renderer alone.

use resvg::usvg::{Node, Tree};
use unicode_bidi::{BidiInfo, Direction, Level, get_base_direction};

use super::Typefaces;

/// How letters look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) family: &'static str,
    pub(crate) weight: u16,
    /// In pixels.
    pub(crate) size: f32,
    /// Space between letters, as a part of their size. Scripts whose letters join have none.
    pub(crate) spacing: f32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Line {
    face: Face,
    /// From left to right.
    pieces: Vec<Piece>,
    width: f32,
}

#[derive(Debug)]
struct Piece {
    number: usize,
    /// Of one direction, in the order in which it is read; none if it is only space.
    text: String,
    family: &'static str,
    weight: u16,
    is_turned: bool,
    width: f32,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// It begins at the place and goes right.
    Left,
    /// Its middle is there.
    Middle,
    /// It ends there.
    Right,
}

impl Line {
    /// Sets the text, which has no line breaks, in these typefaces.
    pub(crate) fn of(text: &str, face: Face, faces: &'static Typefaces) -> Self {
        Self::of_text(text, is_right_to_left(text), face, faces)
    }

    /// Sets a line of a longer text that runs from right to left or does not. What the line itself begins with says nothing of that.
    pub(crate) fn of_text(text: &str, is_from_right: bool, face: Face, faces: &'static Typefaces) -> Self {
        let mut pieces = pieces(text, is_from_right, face, faces);
        let elements: String = pieces.iter().map(|piece| piece.element(face, (0.0, 0.0), "")).collect();
        let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">{elements}</svg>");
        let tree = Tree::from_str(&svg, &faces.options()).ok();
        let set = tree.as_ref().map(|tree| tree.root().children()).unwrap_or_default();
        for node in set {
            let piece = node.id().parse().ok().and_then(|number: usize| pieces.get_mut(number));
            if let (Some(piece), Node::Text(text)) = (piece, node) {
                piece.width = text.bounding_box().width();
            }
        }
        Self { width: pieces.iter().map(|piece| piece.width).sum(), face, pieces }
    }

    /// How wide it is, in pixels.
    pub(crate) fn width(&self) -> f32 {
        self.width
    }

    /// The elements that draw it upon this place; `extra` are further attributes of each.
    pub(crate) fn elements(&self, (x, baseline): (f32, f32), anchor: Anchor, extra: &str) -> String {
        let mut left = match anchor {
            Anchor::Left => x,
            Anchor::Middle => x - self.width / 2.0,
            Anchor::Right => x - self.width,
        };
        let mut elements = String::new();
        for piece in &self.pieces {
            elements += &piece.element(self.face, (left, baseline), extra);
            left += piece.width;
        }
        elements
    }
}

impl Piece {
    fn element(&self, face: Face, (x, baseline): (f32, f32), extra: &str) -> String {
        let Self { number, text, family, weight, is_turned, .. } = self;
        if text.is_empty() {
            return String::new();
        }
        let (before, after) = if *is_turned { ("\u{202b}", "\u{202c}") } else { ("", "") };
        let spacing = if *is_turned { 0.0 } else { face.spacing * face.size };
        format!(
            "<text id=\"{number}\" xml:space=\"preserve\" x=\"{x}\" y=\"{baseline}\" font-family=\"'{}'\" \
             font-weight=\"{weight}\" font-size=\"{}\" letter-spacing=\"{spacing}\" {extra}>{before}{}{after}</text>",
            escaped(&family.replace('\'', "")),
            face.size,
            escaped(text)
        )
    }
}

/// Whether a text runs from right to left: its first letter that has a direction says so.
pub(crate) fn is_right_to_left(text: &str) -> bool {
    get_base_direction(text) == Direction::Rtl
}

/// The width of a space as a part of the letters' size, as Inter has it.
const SPACE: f32 = 0.28;

fn pieces(text: &str, is_from_right: bool, face: Face, faces: &'static Typefaces) -> Vec<Piece> {
    let base = if is_from_right { Level::rtl() } else { Level::ltr() };
    let order = BidiInfo::new(text, Some(base));
    let mut pieces = Vec::new();
    for paragraph in &order.paragraphs {
        let (levels, runs) = order.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_turned = levels[run.start].is_rtl();
            let mut written = faces.runs(&text[run], face.family, face.weight);
            if is_turned {
                written.reverse();
            }
            for run in written {
                let piece = |text: &str, width| (text.to_owned(), width, run.family, run.weight);
                // The renderer would put the space around what it turns at the wrong end.
                let core = if is_turned { run.text.trim() } else { run.text };
                let (before, after) = run.text.split_once(core).unwrap_or_default();
                let space = |text: &str| text.chars().map(|_| SPACE * face.size).sum();
                let in_order = [piece("", space(after)), piece(core, 0.0), piece("", space(before))];
                for (text, width, family, weight) in in_order {
                    pieces.push(Piece { number: pieces.len(), text, family, weight, is_turned, width });
                }
            }
        }
    }
    pieces
}

/// The text where markup is expected.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fonts;

    const FACE: Face = Face { family: fonts::TEXT, weight: 400, size: 40.0, spacing: 0.0 };

    fn set(text: &str) -> Line {
        Line::of(text, FACE, fonts::writing(text))
    }

    fn read(line: &Line) -> Vec<&str> {
        line.pieces.iter().map(|piece| piece.text.as_str()).filter(|text| !text.is_empty()).collect()
    }

    #[test]
    fn pieces_lie_in_the_order_in_which_they_are_seen() {
        assert_eq!(read(&set("Ada Lovelace")), ["Ada Lovelace"]);
        assert_eq!(read(&set("على Instagram منذ")), ["منذ", "Instagram", "على"]);
        assert_eq!(read(&set("Ada سارة Bo")), ["Ada ", "سارة", " Bo"]);
        // The brackets belong to the line's direction, and are mirrored by the renderer.
        assert_eq!(read(&set("ג (Tel Aviv)")), [")", "Tel Aviv", "(", "ג"]);
    }

    #[test]
    fn a_line_runs_as_the_text_that_it_is_of() {
        let of = |text: &str, is_from_right| Line::of_text(text, is_from_right, FACE, fonts::writing(text));
        assert_eq!(read(&of("Instagram منذ", true)), ["منذ", "Instagram"]);
        assert_eq!(read(&of("Instagram منذ", false)), ["Instagram ", "منذ"]);
        assert_eq!(read(&of("(Tel Aviv).", true)), [").", "Tel Aviv", "("]);
    }

    #[test]
    fn all_that_is_seen_has_a_width() {
        let width = |text: &str| set(text).width();
        assert!((width("")).abs() < 0.01);
        for (one, other) in [("a", "a b"), ("א", "א ב"), ("سارة", "سارة a"), ("a ", "a b"), ("V", "VV")] {
            assert!(width(one) + 5.0 < width(other), "{one} {other}");
        }
        // Letters join: together they are narrower than alone.
        assert!(width("سسس") < 3.0 * width("س"));
        // A space between two directions is as wide as any other.
        let space = width("א a") - width("א") - width("a");
        assert!((space - SPACE * FACE.size).abs() < 1.0, "{space}");
    }

    #[test]
    fn elements_stand_where_they_are_put() {
        let line = set("<a & \"b\">");
        let svg = line.elements((100.0, 50.0), Anchor::Right, "fill=\"red\"");
        assert!(svg.contains("&lt;a &amp; &quot;b&quot;&gt;") && svg.contains("fill=\"red\""));
        assert!(svg.contains(&format!("x=\"{}\"", 100.0 - line.width())));
    }
}
