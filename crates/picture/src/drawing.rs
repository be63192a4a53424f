//! Drawings (SVG) that users give, made into pixels.
//!
//! An SVG is a program: it can run scripts, fetch what it likes, and ask in a few hundred bytes for more work than there
//! is time. We never keep one and never hand one out; what we keep is a picture of it. So of what a browser would do with
//! it only one danger is left here, the work. It is bounded in three steps, each of which makes the next one safe:
//!
//! 1. `rules`: what does more than to draw is refused, with a sentence that says what. Nothing would come of it here
//!    (the renderer has no scripts and is given no way to a file or the net), but its owner would get another picture
//!    than the one they see, and should hear why.
//! 2. `expansion`: what refers to parts of itself is multiplied out on paper. Ten lines that each use the one before ten
//!    times are a billion elements; the renderer would make them all.
//! 3. `effort`: what was read is now a plain tree with measures, and what painting it costs in time and memory is added
//!    up before the first pixel: huge filters, nested layers, strokes of a million dashes.
//!
//! Rejected: a limit on time, because nothing can stop a thread; another process, because this is a single program.

mod effort;
mod expansion;
mod rules;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use image::RgbaImage;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{ImageHrefResolver, ImageKind, Options, Tree, roxmltree},
};

use crate::{
    fonts,
    photo::{self, Purpose},
};

/// Why a drawing is refused. Its text is a sentence for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// It is no drawing, or no well-formed one, or one without a size.
    #[error("Must be a PNG, JPEG, WebP or SVG picture; this is no SVG that can be read")]
    Unreadable,
    /// It declares a document type, and maybe entities.
    #[error("Must be an SVG without <!DOCTYPE> and entities")]
    Declarations,
    /// It has something that runs.
    #[error("Must be an SVG without scripts; this one has {0}")]
    Script(String),
    /// It has something that is no drawing.
    #[error("Must be an SVG that only draws; this one has <{0}>")]
    Foreign(String),
    /// It needs something that is not in it.
    #[error("Must be an SVG without outside references; this one has {0}")]
    Outside(String),
    /// A picture in it is not one that we read.
    #[error("Must be an SVG with no pictures in it but PNG, JPEG and WebP of at most 8 million pixels together")]
    Inner,
    /// Something in it stands within itself.
    #[error("Must be an SVG in which nothing refers to itself")]
    Endless,
    /// It has parts that lie where nobody can see them, too far for the renderer to reckon with.
    #[error("Must be an SVG that lies within its picture; this one has parts more than a million pixels away")]
    Vast,
    /// It would take too long or too much memory.
    #[error("Must be a simpler SVG; this one has too many parts, or parts that take too long to draw")]
    Elaborate,
}

/// Most bytes of a drawing.
const MOST_BYTES: usize = 1 << 20;
/// Most elements, texts and comments.
const MOST_NODES: u32 = 50_000;
/// Most signs of equality from one `<` to the next, and so most attributes of an element: the parser compares each with
/// each. Where a tag ends is not asked, because a `>` may stand in an attribute.
const MOST_ATTRIBUTES: usize = 400;
/// Most pixels of all pictures within one drawing, each counted as often as it is shown.
const MOST_INNER_PIXELS: u64 = 8_000_000;
/// The side of a box that pictures within a drawing are made to fit.
const INNER_SIDE: u32 = 1024;
/// The longer side of what is kept of a drawing that nobody knows the use of.
const UPLOAD_SIDE: u32 = 1024;

/// The drawing in the size of its purpose. It has no pixels of its own, so it fills its box.
pub(crate) fn rasterised(text: &str, purpose: Purpose) -> Result<RgbaImage, Unsafe> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_crowded = |tag: &str| tag.bytes().filter(|byte| *byte == b'=').count() > MOST_ATTRIBUTES;
    if text.len() > MOST_BYTES || text.split('<').any(is_crowded) {
        return Err(Unsafe::Elaborate);
    }
    let options = roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected | roxmltree::Error::UnknownEntityReference(..) => Unsafe::Declarations,
        roxmltree::Error::NodesLimitReached => Unsafe::Elaborate,
        _ => Unsafe::Unreadable,
    })?;
    rules::check(&document)?;
    expansion::check(&document)?;
    let tree = read(&document)?;
    painted(&tree, purpose)
}

fn read(document: &roxmltree::Document<'_>) -> Result<Tree, Unsafe> {
    let texts = document.descendants().filter_map(|node| node.text()).collect::<String>();
    let (allowance, is_unfit) = (AtomicU64::new(MOST_INNER_PIXELS), AtomicBool::new(false));
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, bytes, _| {
                let inner = inner(&bytes, &allowance);
                is_unfit.fetch_or(inner.is_none(), Ordering::Relaxed);
                inner
            }),
            resolve_string: Box::new(|_, _| None),
        },
        ..fonts::writing(&texts).options()
    };
    let tree = Tree::from_xmltree(document, &options).map_err(|_| Unsafe::Unreadable)?;
    if is_unfit.load(Ordering::Relaxed) { Err(Unsafe::Inner) } else { Ok(tree) }
}

/// A picture within a drawing, made anew: the renderer's own decoders know no bounds, so they are given only what we
/// wrote.
fn inner(bytes: &[u8], allowance: &AtomicU64) -> Option<ImageKind> {
    let left = allowance.load(Ordering::Relaxed);
    let (pixels, spent) = photo::pixels(bytes, (INNER_SIDE, INNER_SIDE), left).ok()?;
    allowance.store(left.saturating_sub(spent), Ordering::Relaxed);
    Some(ImageKind::PNG(Arc::new(photo::png_file(&pixels))))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sides are between 1 and 2560"
)]
fn painted(tree: &Tree, purpose: Purpose) -> Result<RgbaImage, Unsafe> {
    let (wide, high) = (tree.size().width(), tree.size().height());
    let (box_width, box_height) = match purpose {
        Purpose::Upload => (UPLOAD_SIDE, UPLOAD_SIDE),
        other => other.bounds(),
    };
    let (across, down) = (box_width as f32 / wide, box_height as f32 / high);
    let scale = if purpose.is_square() { across.max(down) } else { across.min(down) };
    let side = |length: f32, most: u32| ((length * scale).round() as u32).clamp(1, most);
    let (width, height) = (side(wide, box_width), side(high, box_height));
    let left = (width as f32 - wide * scale) / 2.0;
    let top = (height as f32 - high * scale) / 2.0;
    let transform = Transform::from_row(scale, 0.0, 0.0, scale, left, top);
    effort::check(tree, transform, (width, height))?;
    let mut pixmap = Pixmap::new(width, height).ok_or(Unsafe::Elaborate)?;
    resvg::render(tree, transform, &mut pixmap.as_mut());
    RgbaImage::from_raw(width, height, pixmap.take_demultiplied()).ok_or(Unsafe::Elaborate)
}
