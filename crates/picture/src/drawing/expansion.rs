//! How large a drawing becomes when each reference is replaced by what it refers to.
//!
//! The renderer does that for `<use>`, and in effect for patterns, masks, clips, filters and markers, each time they are
//! applied. Here every `#name` that is the id of an element counts as a reference to it, wherever it stands. That is more
//! than the renderer follows, never less, so what passes here is not larger than it was said to be.

use std::collections::HashMap;

use resvg::usvg::roxmltree::{Document, Node, NodeId};

use super::Unsafe;

/// Most elements when all references are replaced.
const MOST_ELEMENTS: u64 = 30_000;
/// Most corners of their outlines, about: letters have some, and a number of a path is half of one.
const MOST_CORNERS: u64 = 1_500_000;
/// How deep elements may stand in one another. The renderer goes down one call an element.
const MOST_DEPTH: u32 = 64;
/// Most selectors of style sheets, times the elements that each is tried on.
const MOST_TRIED_SELECTORS: usize = 4_000_000;
/// Corners that a letter of a text counts.
const LETTER_CORNERS: u64 = 40;
/// Most elements within one text: the renderer looks at each letter once for each of them.
const MOST_PIECES: usize = 200;
/// Attributes that every element within inherits, so that what they refer to is applied to each.
const INHERITED: [&str; 8] = ["fill", "stroke", "marker", "marker-start", "marker-mid", "marker-end", "style", "class"];

/// What an element becomes.
#[derive(Clone, Copy, Default)]
struct Size {
    elements: u64,
    corners: u64,
    depth: u32,
}

impl Size {
    fn add(&mut self, other: Self, times: u64) {
        self.elements = self.elements.saturating_add(other.elements.saturating_mul(times));
        self.corners = self.corners.saturating_add(other.corners.saturating_mul(times));
        self.depth = self.depth.max(other.depth);
    }
}

pub(super) fn check(document: &Document<'_>) -> Result<(), Unsafe> {
    let mut drawing = Drawing::of(document)?;
    let whole = drawing.size(document.root_element(), 0)?;
    let fits = whole.elements <= MOST_ELEMENTS && whole.corners <= MOST_CORNERS;
    if fits { Ok(()) } else { Err(Unsafe::Elaborate) }
}

/// All the text of an element. A parser may hand it out in pieces.
pub(super) fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

struct Drawing<'a, 'input> {
    by_id: HashMap<&'a str, Vec<Node<'a, 'input>>>,
    /// Rules of style sheets that refer to something.
    rules: Vec<Rule>,
    /// What is known already; `None` while it is being found out, which only what stands within itself meets.
    sizes: HashMap<NodeId, Option<Size>>,
}

struct Rule {
    /// The names of elements, classes and ids in its selectors; none if it may apply to anything.
    names: Option<Vec<String>>,
    body: String,
}

impl<'a, 'input> Drawing<'a, 'input> {
    fn of(document: &'a Document<'input>) -> Result<Self, Unsafe> {
        let mut by_id: HashMap<&str, Vec<Node<'_, '_>>> = HashMap::new();
        let (mut elements, mut sheets) = (0usize, String::new());
        for node in document.descendants().filter(Node::is_element) {
            elements += 1;
            if let Some(id) = node.attribute("id") {
                by_id.entry(id).or_default().push(node);
            }
            if node.tag_name().name() == "style" {
                sheets.push_str(&text(node));
                sheets.push('\n');
            }
        }
        let selectors = sheets.bytes().filter(|byte| matches!(byte, b'{' | b',')).count();
        if selectors.saturating_mul(elements) > MOST_TRIED_SELECTORS {
            return Err(Unsafe::Elaborate);
        }
        Ok(Self { by_id, rules: Rule::all(&sheets), sizes: HashMap::new() })
    }

    /// What the element becomes with all that is in it; `above` says how deep it stands.
    fn size(&mut self, node: Node<'a, 'input>, above: u32) -> Result<Size, Unsafe> {
        if above > MOST_DEPTH {
            return Err(Unsafe::Elaborate);
        }
        match self.sizes.get(&node.id()) {
            Some(None) => return Err(Unsafe::Endless),
            Some(Some(size)) if above + size.depth > MOST_DEPTH => return Err(Unsafe::Elaborate),
            Some(Some(size)) => return Ok(*size),
            None => {}
        }
        if node.tag_name().name() == "text" && node.descendants().filter(Node::is_element).count() > MOST_PIECES {
            return Err(Unsafe::Elaborate);
        }
        self.sizes.insert(node.id(), None);
        let mut size = Size { elements: 1, corners: own_corners(node), depth: 0 };
        for child in node.children().filter(Node::is_element) {
            size.add(self.size(child, above + 1)?, 1);
        }
        let mut seen = Vec::new();
        for (target, is_inherited) in self.references(node) {
            if seen.contains(&target.id()) {
                continue;
            }
            seen.push(target.id());
            let part = self.size(target, above + 1)?;
            let is_marker = target.tag_name().name() == "marker";
            let times = match (is_inherited, is_marker) {
                (true, true) => size.corners.max(1),
                (true, false) => size.elements,
                (false, _) => 1,
            };
            size.add(part, times);
        }
        size.depth += 1;
        self.sizes.insert(node.id(), Some(size));
        Ok(size)
    }

    /// The elements that it refers to, and whether all elements within it do so with it.
    fn references(&self, node: Node<'a, 'input>) -> Vec<(Node<'a, 'input>, bool)> {
        let mut found = Vec::new();
        for attribute in node.attributes().filter(|attribute| attribute.value().contains('#')) {
            let is_inherited = INHERITED.contains(&attribute.name());
            self.named_in(attribute.value(), |target| found.push((target, is_inherited)));
        }
        for rule in self.rules.iter().filter(|rule| rule.may_apply(node)) {
            self.named_in(&rule.body, |target| found.push((target, true)));
        }
        found.sort_by_key(|(_, is_inherited)| !is_inherited);
        found
    }

    /// Every element whose id follows a `#`, however the id ends.
    fn named_in(&self, text: &str, mut found: impl FnMut(Node<'a, 'input>)) {
        for rest in text.split('#').skip(1) {
            let ends = [rest.len()]
                .into_iter()
                .chain(rest.match_indices([')', '"', '\'', ' ', ';', ',', '}']).map(|(end, _)| end).take(8));
            for end in ends {
                for target in self.by_id.get(rest[..end].trim()).into_iter().flatten() {
                    found(*target);
                }
            }
        }
    }
}

impl Rule {
    fn all(sheets: &str) -> Vec<Self> {
        let mut plain = String::new();
        for (number, part) in sheets.split("/*").enumerate() {
            plain.push_str(if number == 0 { part } else { part.split_once("*/").map_or("", |(_, after)| after) });
        }
        let rules = plain.split('}').filter_map(|rule| rule.rsplit_once('{'));
        rules
            .filter(|(_, body)| body.contains('#'))
            .map(|(selectors, body)| Self { names: names(selectors), body: body.to_owned() })
            .collect()
    }

    fn may_apply(&self, node: Node<'_, '_>) -> bool {
        let Some(names) = &self.names else { return true };
        let mut its = node
            .attribute("class")
            .unwrap_or_default()
            .split_whitespace()
            .chain([node.tag_name().name()])
            .chain(node.attribute("id"));
        its.any(|its| names.iter().any(|name| name == its))
    }
}

fn names(selectors: &str) -> Option<Vec<String>> {
    let is_simple = !selectors.contains(['*', '[', ':', '@', '{']);
    let names = selectors.split([',', '.', '#', '>', '+', '~', ' ', '\n', '\r', '\t']).filter(|name| !name.is_empty());
    is_simple.then(|| names.map(str::to_owned).collect())
}

/// Corners of what the element itself draws.
fn own_corners(node: Node<'_, '_>) -> u64 {
    let numbers = |name: &str| {
        let value = node.attribute(name).unwrap_or_default();
        // A number begins where a digit follows something else.
        let begins =
            value.as_bytes().windows(2).filter(|pair| pair[1].is_ascii_digit() && !pair[0].is_ascii_digit()).count();
        (begins / 2).max(value.len() / 16) as u64
    };
    let letters: usize =
        node.children().filter(Node::is_text).filter_map(|text| text.text()).map(|text| text.trim().len()).sum();
    let letters =
        if matches!(node.tag_name().name(), "style" | "title" | "desc" | "metadata") { 0 } else { letters as u64 };
    4 + numbers("d") + numbers("points") + letters.saturating_mul(LETTER_CORNERS)
}
