//! The picture that stands for a bio page where its address is shared: 1200 × 630 pixels, as Open Graph has it.
//!
//! Words at one side, a face at the other, the address below; right to left where the title is. Sizes follow from the
//! words: they are measured as they will be drawn (`lines`), set as large as they fit, and shortened only when the
//! smallest size does not do. So no text leaves its column, whoever wrote it and in whatever script.

mod lines;
mod words;

use image::RgbaImage;
use mask_core::colour::Colour;
use resvg::{
    tiny_skia::{
        Color, FillRule, FilterQuality, GradientStop, LinearGradient, Paint, PathBuilder, Pattern, Pixmap, Point,
        PremultipliedColorU8, Rect, Shader, SpreadMode, Stroke, Transform,
    },
    usvg::Tree,
};

use crate::{
    fonts::{
        self,
        line::{Anchor, Face, Line, is_right_to_left},
    },
    photo,
};
use lines::Lines;

/// Width of a card in pixels.
pub const WIDTH: u32 = 1200;
/// Height of a card in pixels.
pub const HEIGHT: u32 = 630;

/// What a card shows. All texts are taken as they are, whoever wrote them: what is markup elsewhere is text here.
#[derive(Clone, Copy, Debug)]
pub struct Card<'a> {
    /// The page's title.
    pub title: &'a str,
    /// A sentence or two about it; may be empty.
    pub description: &'a str,
    /// Where the page is, as people write it: `mask.pk/ada`.
    pub address: &'a str,
    /// A picture of the page's owner (PNG, JPEG or WebP). Without one, or if it cannot be read, the title's first letter
    /// stands there.
    pub avatar: Option<&'a [u8]>,
    /// What lies behind.
    pub background: Background,
    /// The colour of the text.
    pub foreground: Colour,
    /// The colour of what is neither: that of the page's buttons.
    pub accent: Colour,
}

/// What lies behind a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// One colour.
    Plain(Colour),
    /// From the first, at the upper left, to the second.
    Gradient(Colour, Colour),
}

/// Why there is no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the card cannot be drawn")]
pub struct Undrawn;

/// The same as lengths.
const WIDE: f32 = 1200.0;
const HIGH: f32 = 630.0;
/// The free space at each side.
const MARGIN: f32 = 84.0;
/// Letters may reach so far into the margins, as slanted ones do.
const OVERHANG: f32 = 8.0;
/// The face is a circle of this width.
const FACE: f32 = 272.0;
/// Its picture has twice as many pixels, so that there are enough of them wherever it lies.
const FACE_PIXELS: u32 = 544;
/// Between words and face.
const GAP: f32 = 64.0;
/// The widest that words may be.
const COLUMN: f32 = WIDE - 2.0 * MARGIN - FACE - GAP;
/// Where the words are: from the top margin to above the address.
const WORDS: (f32, f32) = (64.0, 506.0);
/// The line that the address stands on.
const ADDRESS_BASELINE: f32 = 562.0;
/// The face's middle is a little above that of the card, because the address pulls the eye down.
const FACE_MIDDLE: f32 = 285.0;
/// Sizes of titles, and how many lines of each may be: the first that does is taken.
const TITLE_SIZES: [(f32, usize); 6] = [(92.0, 1), (76.0, 2), (66.0, 2), (58.0, 3), (52.0, 3), (46.0, 3)];
const DESCRIPTION_SIZE: f32 = 33.0;
const ADDRESS_SIZE: f32 = 29.0;
/// Heights of lines, as parts of the size of their letters.
const TITLE_LEADING: f32 = 1.12;
const DESCRIPTION_LEADING: f32 = 1.42;
/// Letters reach so far above the line that they stand on.
const CAP_HEIGHT: f32 = 0.73;
const BETWEEN: f32 = 26.0;
/// Most characters of each text that are looked at. More are never seen.
const TITLE_CHARACTERS: usize = 160;
const DESCRIPTION_CHARACTERS: usize = 320;
const ADDRESS_CHARACTERS: usize = 120;

/// Draws the card: a PNG of 1200 × 630 pixels. The same card is always the same file, on machines with the same fonts.
pub fn card(card: &Card<'_>) -> Result<Vec<u8>, Undrawn> {
    let mut pixmap = Pixmap::new(WIDTH, HEIGHT).ok_or(Undrawn)?;
    let texts = Texts::of(card);
    let side = Side::of(&texts.title);
    backdrop(&mut pixmap, card, side);
    let avatar = card.avatar.and_then(|bytes| photo::middle(bytes, FACE_PIXELS).ok());
    match &avatar {
        Some(avatar) => portrait(&mut pixmap, card, side, avatar).ok_or(Undrawn)?,
        None => disc(&mut pixmap, card.accent, side).ok_or(Undrawn)?,
    }
    let svg = texts.drawing(card, side, avatar.is_none());
    let tree = Tree::from_str(&svg, &texts.faces.options()).map_err(|_| Undrawn)?;
    resvg::render(&tree, Transform::identity(), &mut pixmap.as_mut());
    let pixels = RgbaImage::from_raw(WIDTH, HEIGHT, pixmap.take_demultiplied()).ok_or(Undrawn)?;
    Ok(photo::png_file(&pixels))
}

/// Where the words are. The face is across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn of(title: &str) -> Self {
        if is_right_to_left(title) { Self::Right } else { Self::Left }
    }

    /// The face's middle.
    fn face(self) -> (f32, f32) {
        let inset = MARGIN + FACE / 2.0;
        (if self == Self::Left { WIDE - inset } else { inset }, FACE_MIDDLE)
    }

    /// The place that is so far from the edge where lines begin.
    fn edge(self, inset: f32) -> f32 {
        if self == Self::Left { MARGIN + inset } else { WIDE - MARGIN - inset }
    }

    fn anchor(self) -> Anchor {
        if self == Self::Left { Anchor::Left } else { Anchor::Right }
    }
}

/// The texts as they are drawn.
struct Texts {
    title: String,
    description: String,
    address: String,
    faces: &'static fonts::Typefaces,
}

impl Texts {
    fn of(card: &Card<'_>) -> Self {
        let seen = |text: &str, most: usize| text.chars().take(4 * most).collect::<String>();
        let all = [
            seen(card.title, TITLE_CHARACTERS),
            seen(card.description, DESCRIPTION_CHARACTERS),
            seen(card.address, ADDRESS_CHARACTERS),
        ];
        let faces = fonts::writing(&all.concat());
        let title = words::drawable(&all[0], TITLE_CHARACTERS, faces);
        let description = words::drawable(&all[1], DESCRIPTION_CHARACTERS, faces);
        let address = words::drawable(&all[2], ADDRESS_CHARACTERS, faces);
        Self { title: if title.is_empty() { address.clone() } else { title }, description, address, faces }
    }

    fn drawing(&self, card: &Card<'_>, side: Side, has_initial: bool) -> String {
        // Marks without a letter hang out over the beginning of their line, in some scripts by half a line.
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\"><clipPath id=\"margins\">\
             <rect x=\"{}\" width=\"{}\" height=\"{HEIGHT}\"/></clipPath><g clip-path=\"url(#margins)\">",
            MARGIN - OVERHANG,
            WIDE - 2.0 * (MARGIN - OVERHANG),
        );
        let (title, title_lines) = self.title();
        let description = self.lines(&self.description, DESCRIPTION, COLUMN);
        let title_height: f32 = title_lines.iter().map(|_| title.face.size * TITLE_LEADING).sum();
        let free = WORDS.1 - WORDS.0 - title_height - BETWEEN;
        let heights = [1.0, 2.0, 3.0].map(|lines: f32| lines * DESCRIPTION.size * DESCRIPTION_LEADING);
        let room = heights.iter().filter(|height| **height <= free).count();
        let (description_lines, _) = description.set(&self.description, room);
        let below = description_lines.len().checked_sub(1).map_or(0.0, |last| BETWEEN + heights[last]);
        let mut top = (WORDS.0 + WORDS.1 - title_height - below) / 2.0;
        let fill = format!("fill=\"{}\"", card.foreground);
        for (text, lines, leading, opacity) in
            [(title, title_lines, TITLE_LEADING, "1"), (description, description_lines, DESCRIPTION_LEADING, "0.82")]
        {
            for line in lines {
                let baseline = top + text.face.size * (leading + CAP_HEIGHT) / 2.0;
                let extra = format!("{fill} fill-opacity=\"{opacity}\"");
                svg += &text.line(&line).elements((side.edge(0.0), baseline), side.anchor(), &extra);
                top += text.face.size * leading;
            }
            top += BETWEEN;
        }
        svg += &self.address(card, side, &fill);
        if has_initial {
            svg += &self.initial(card, side);
        }
        svg + "</g></svg>"
    }

    /// The largest letters in which the title fits, and its lines in them.
    fn title(&self) -> (Lines, Vec<String>) {
        let set = |(size, most): (f32, usize)| {
            let lines = self.lines(&self.title, Face { size, ..TITLE }, COLUMN);
            let (set, is_whole) = lines.set(&self.title, most);
            let fits = is_whole && lines.breaks_no_word(&self.title);
            (lines, set, fits)
        };
        let fitting = TITLE_SIZES.into_iter().map(set).find(|(_, _, fits)| *fits);
        let (lines, set, _) = fitting.unwrap_or_else(|| set(TITLE_SIZES[TITLE_SIZES.len() - 1]));
        (lines, set)
    }

    fn address(&self, card: &Card<'_>, side: Side, fill: &str) -> String {
        let lines = self.lines(&self.address, ADDRESS, WIDE - 2.0 * MARGIN - ADDRESS_INSET);
        let (line, _) = lines.set(&self.address, 1);
        let Some(line) = line.first() else { return String::new() };
        let dot = format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"8\" fill=\"{}\"/>",
            side.edge(8.0),
            ADDRESS_BASELINE - ADDRESS.size * CAP_HEIGHT / 2.0,
            visible(card.accent, card),
        );
        dot + &lines.line(line).elements((side.edge(ADDRESS_INSET), ADDRESS_BASELINE), side.anchor(), fill)
    }

    /// The title's first letter, in the middle of the disc.
    fn initial(&self, card: &Card<'_>, side: Side) -> String {
        let first = self.title.chars().find(|character| character.is_alphanumeric());
        let letter: String = first.into_iter().flat_map(char::to_uppercase).take(1).collect();
        let (x, middle) = side.face();
        let ink = if card.accent.contrast(Colour::WHITE) >= 3.0 { Colour::WHITE } else { Colour::of(17, 17, 17) };
        let place = (x, middle + INITIAL.size * CAP_HEIGHT / 2.0);
        Line::of(&letter, INITIAL, self.faces).elements(place, Anchor::Middle, &format!("fill=\"{ink}\""))
    }

    /// Lines of one of the texts.
    fn lines(&self, text: &str, face: Face, width: f32) -> Lines {
        Lines { face, faces: self.faces, width, is_from_right: is_right_to_left(text) }
    }
}

const TITLE: Face = Face { family: fonts::DISPLAY, weight: 700, size: 0.0, spacing: -0.022 };
const DESCRIPTION: Face = Face { family: fonts::TEXT, weight: 400, size: DESCRIPTION_SIZE, spacing: -0.008 };
const ADDRESS: Face = Face { family: fonts::TEXT, weight: 600, size: ADDRESS_SIZE, spacing: -0.005 };
const INITIAL: Face = Face { family: fonts::DISPLAY, weight: 700, size: 138.0, spacing: 0.0 };
/// The address stands so far from its edge, behind a dot.
const ADDRESS_INSET: f32 = 32.0;

/// The colour, or that of the text where it could not be seen.
fn visible(colour: Colour, card: &Card<'_>) -> Colour {
    let (one, other) = card.background.colours();
    if colour.contrast(one).min(colour.contrast(other)) < 1.4 { card.foreground } else { colour }
}

impl Background {
    fn colours(self) -> (Colour, Colour) {
        match self {
            Self::Plain(colour) => (colour, colour),
            Self::Gradient(from, to) => (from, to),
        }
    }
}

fn backdrop(pixmap: &mut Pixmap, card: &Card<'_>, side: Side) {
    let (from, to) = card.background.colours();
    let stops = vec![GradientStop::new(0.0, ink(from, 1.0)), GradientStop::new(1.0, ink(to, 1.0))];
    let corners = (Point::from_xy(0.0, 0.0), Point::from_xy(WIDE, HIGH));
    let gradient = LinearGradient::new(corners.0, corners.1, stops, SpreadMode::Pad, Transform::identity());
    let paint = Paint { shader: gradient.unwrap_or(Shader::SolidColor(ink(from, 1.0))), ..Paint::default() };
    if let Some(whole) = Rect::from_xywh(0.0, 0.0, WIDE, HIGH) {
        pixmap.fill_rect(whole, &paint, Transform::identity(), None);
    }
    // Two wide rings behind the face hold it, and keep the empty side from being empty.
    let (x, y) = side.face();
    for (radius, opacity) in [(FACE / 2.0 + 150.0, 0.05), (FACE / 2.0 + 66.0, 0.07)] {
        let colour = visible(card.accent, card);
        circle(pixmap, (x, y), radius, Shader::SolidColor(ink(colour, opacity)));
    }
}

fn disc(pixmap: &mut Pixmap, accent: Colour, side: Side) -> Option<()> {
    circle(pixmap, side.face(), FACE / 2.0, Shader::SolidColor(ink(accent, 1.0)))
}

fn portrait(pixmap: &mut Pixmap, card: &Card<'_>, side: Side, avatar: &RgbaImage) -> Option<()> {
    let mut picture = Pixmap::new(avatar.width(), avatar.height())?;
    for (into, pixel) in picture.pixels_mut().iter_mut().zip(avatar.pixels()) {
        let [red, green, blue, alpha] = pixel.0;
        let by_alpha = |part: u8| u8::try_from((u16::from(part) * u16::from(alpha) + 127) / 255).unwrap_or(alpha);
        *into = PremultipliedColorU8::from_rgba(by_alpha(red), by_alpha(green), by_alpha(blue), alpha)?;
    }
    let (x, y) = side.face();
    // What lets the ground shine through stands on the accent, as it does on a page that has one.
    circle(pixmap, (x, y), FACE / 2.0, Shader::SolidColor(ink(visible(card.accent, card), 0.16)))?;
    let scale = FACE / f32::from(u16::try_from(avatar.width()).ok()?);
    let place = Transform::from_row(scale, 0.0, 0.0, scale, x - FACE / 2.0, y - FACE / 2.0);
    let shader = Pattern::new(picture.as_ref(), SpreadMode::Pad, FilterQuality::Bicubic, 1.0, place);
    circle(pixmap, (x, y), FACE / 2.0, shader)?;
    let ring = PathBuilder::from_circle(x, y, FACE / 2.0 - 1.0)?;
    let paint = Paint { shader: Shader::SolidColor(ink(card.foreground, 0.12)), ..Paint::default() };
    pixmap.stroke_path(&ring, &paint, &Stroke { width: 2.0, ..Stroke::default() }, Transform::identity(), None);
    Some(())
}

fn circle(pixmap: &mut Pixmap, (x, y): (f32, f32), radius: f32, shader: Shader<'_>) -> Option<()> {
    let path = PathBuilder::from_circle(x, y, radius)?;
    let paint = Paint { shader, anti_alias: true, ..Paint::default() };
    pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    Some(())
}

fn ink(colour: Colour, opacity: f32) -> Color {
    let [red, green, blue] = colour.parts();
    let mut ink = Color::from_rgba8(red, green, blue, 255);
    ink.set_alpha(opacity);
    ink
}
