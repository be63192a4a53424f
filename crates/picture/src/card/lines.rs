//! Words in lines of a width.
//!
//! Widths are those that the renderer itself comes to, with its shaping and its choice of typefaces: a table of widths
//! would be quicker and wrong for every script in which letters change their neighbours.

use super::words;
use crate::fonts::{
    Typefaces,
    line::{Face, Line},
};

/// Sets lines in a face.
pub(super) struct Lines {
    pub(super) face: Face,
    pub(super) faces: &'static Typefaces,
    pub(super) width: f32,
    /// Whether the text runs from right to left, and so each of its lines.
    pub(super) is_from_right: bool,
}

impl Lines {
    /// The text in at most so many lines, and whether all of it is there. What is missing at the end is an ellipsis.
    pub(super) fn set(&self, text: &str, most: usize) -> (Vec<String>, bool) {
        let mut lines: Vec<String> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if lines.len() == most {
                if let Some(last) = lines.last_mut() {
                    *last = self.shortened(last);
                }
                return (lines, false);
            }
            let end = self.line_end(rest);
            lines.push(rest[..end].trim_end().to_owned());
            rest = rest[end..].trim_start();
        }
        (lines, true)
    }

    /// Whether no word of the text is wider than a line.
    pub(super) fn breaks_no_word(&self, text: &str) -> bool {
        text.split(' ').all(|word| word.chars().any(words::stands_alone) || self.fits(word))
    }

    /// Where the first line of the text ends: after as much of it as fits, at a space if there is one.
    fn line_end(&self, text: &str) -> usize {
        let breaks: Vec<usize> = breaks(text).collect();
        let fitting = breaks.partition_point(|end| self.fits(text[..*end].trim_end()));
        match fitting.checked_sub(1) {
            Some(last) => breaks[last],
            None => self.cut(text, ""),
        }
    }

    /// Where a text has to be cut for it and what follows to fit; at least one letter stays.
    fn cut(&self, text: &str, following: &str) -> usize {
        let letters: Vec<usize> = text
            .char_indices()
            .skip(1)
            .filter(|(_, character)| !words::is_mark(*character))
            .map(|(start, _)| start)
            .chain([text.len()])
            .collect();
        let fitting = letters.partition_point(|end| self.fits(&format!("{}{following}", &text[..*end])));
        letters[fitting.saturating_sub(1)]
    }

    fn shortened(&self, line: &str) -> String {
        let whole = format!("{}…", line.trim_end_matches([' ', ',', '.', ';', ':', '…']));
        if self.fits(&whole) {
            return whole;
        }
        let cut = &line[..self.cut(line, "…")];
        // At a space, unless that would leave half a line empty.
        let cut = cut.rfind(' ').filter(|space| *space > cut.len() / 2).map_or(cut, |space| &cut[..space]);
        format!("{}…", cut.trim_end_matches([' ', ',', '.', ';', ':']))
    }

    fn fits(&self, text: &str) -> bool {
        self.line(text).width() <= self.width
    }

    /// A line of the text, as it is drawn.
    pub(super) fn line(&self, text: &str) -> Line {
        Line::of_text(text, self.is_from_right, self.face, self.faces)
    }
}

/// Where a line may end: before each space, around each character of a script without spaces, and at the end.
fn breaks(text: &str) -> impl Iterator<Item = usize> {
    let mut before = ' ';
    let inner = text.char_indices().filter_map(move |(start, character)| {
        let may = start > 0 && (character == ' ' || words::may_part(before, character));
        before = character;
        may.then_some(start)
    });
    inner.chain([text.len()])
}
