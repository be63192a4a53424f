//! Whether a code will scan.
//!
//! Rules first, as they can say what would do: colours, the caption, how many pixels a module gets, what the logo hides and
//! shows. Then the proof: the picture is drawn at the smallest size that is drawn at all, and at its own, and read back by a
//! decoder that shares no line with the encoder. `scripts/scan.sh` holds what is accepted here against two other decoders, also
//! blurred, turned and compressed; the bounds are where that holds.

use mask_core::qr::{ErrorCorrection, Look, SIZES, Shape};

use super::{
    Drawing, Undrawable, Unscannable, caption, colours,
    design::Design,
    fit::{LEAST_PIXELS, spared, spares},
    logo, read,
};

/// The smallest picture, in pixels.
const SMALLEST: u16 = 128;
const _: () = assert!(SMALLEST as i64 == *SIZES.start());
/// The least size of a caption's letters in the code's own picture, in pixels. Their capitals are five pixels high then.
const LEAST_LETTERS: f32 = 7.0;

/// See the module.
pub(super) fn check(drawing: &Drawing<'_>) -> Result<(), Unscannable> {
    let look = drawing.look;
    colours::check(look)?;
    let design = Design::of(drawing, look.size).map_err(|fault| undrawable(&fault))?;
    check_caption(&design)?;
    check_logo(&design)?;
    for size in [smallest(drawing)?, look.size] {
        let design = Design::of(drawing, size).map_err(|fault| undrawable(&fault))?;
        let seen = read::read(&design).map_err(|fault| undrawable(&fault))?;
        if seen.others.iter().any(|other| other != drawing.content) {
            return Err(logo::has_code());
        }
        if seen.own.as_deref() != Some(drawing.content) {
            return Err(unread(drawing, size));
        }
    }
    Ok(())
}

/// The smallest size in which the code is drawn.
fn smallest(drawing: &Drawing<'_>) -> Result<u16, Unscannable> {
    match Design::of(drawing, SMALLEST) {
        Ok(_) => Ok(SMALLEST),
        Err(Undrawable::TooSmall { least }) => Ok(u16::try_from(least).unwrap_or(u16::MAX)),
        Err(fault) => Err(undrawable(&fault)),
    }
}

/// Whether the level that was asked for is the one that is drawn.
pub(super) fn check_level(drawing: &Drawing<'_>) -> Result<(), Unscannable> {
    let Some(asked) = drawing.look.error_correction else { return Ok(()) };
    let design = Design::of(drawing, drawing.look.size).map_err(|fault| undrawable(&fault))?;
    if design.level == asked {
        return Ok(());
    }
    let message = format!(
        "Must be {} or lower: in a picture of {} pixels the modules of a code of level {} would be smaller than {LEAST_PIXELS} pixels, too small to scan",
        design.level.as_str(),
        design.size,
        asked.as_str()
    );
    Err(Unscannable { field: "error_correction", message })
}

fn undrawable(fault: &Undrawable) -> Unscannable {
    let field = match fault {
        Undrawable::Logo => "logo_url",
        Undrawable::TooSmall { .. } => "size",
        Undrawable::TooLong => "link_id",
    };
    Unscannable { field, message: fault.to_string() }
}

fn check_caption(design: &Design<'_>) -> Result<(), Unscannable> {
    let Some(text) = design.look.caption.as_deref() else { return Ok(()) };
    let refused = |message| Err(Unscannable { field: "caption", message });
    let unwritable = caption::unwritable(text);
    if !unwritable.is_empty() {
        let characters: Vec<String> = unwritable.iter().map(char::to_string).collect();
        return refused(format!("Must do without characters that no typeface here has: {}", characters.join(" ")));
    }
    let size = f32::from(design.size);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels at most")]
    let letters = caption::Line::of(text, size, design.height() as f32).em;
    if letters >= LEAST_LETTERS {
        return Ok(());
    }
    let least = (size * LEAST_LETTERS / letters).ceil();
    refused(format!(
        "Must be shorter, or with fewer marks upon its letters, or the size {least:.0} or more: in a picture of {size:.0} pixels its letters would be {letters:.1} pixels, too small to read"
    ))
}

fn check_logo(design: &Design<'_>) -> Result<(), Unscannable> {
    let Some(logo) = &design.logo else { return Ok(()) };
    logo::check(logo.bytes, design.look.background)?;
    let (level, hidden) = (design.level, design.matrix.share_touched(logo.area));
    let suffices = |level| spares(level, hidden);
    if suffices(level) {
        return Ok(());
    }
    let hides = format!(
        "the logo hides {:.1} % of the code, and level {} can spare {:.1} %",
        hidden * 100.0,
        level.as_str(),
        spared(level) * 100.0
    );
    let enough = ErrorCorrection::ALL.into_iter().find(|other| suffices(*other));
    let (field, would_do) = match enough {
        Some(enough) => {
            let ours = Look { error_correction: None, ..design.look.clone() }.level();
            let or = if suffices(ours) { " or left out" } else { "" };
            ("error_correction", format!("Must be {}{or}", enough.as_str()))
        }
        None => ("logo_url", "Must be left out".to_owned()),
    };
    Err(Unscannable { field, message: format!("{would_do}: {hides}") })
}

/// It passed all rules and yet cannot be read: the most daring of its choices is to blame.
fn unread(drawing: &Drawing<'_>, size: u16) -> Unscannable {
    let look = drawing.look;
    let (field, would_do) = if drawing.logo.is_some() {
        ("logo_url", "Must be another picture, or left out")
    } else if look.caption.is_some() && is_read(drawing, &Look { caption: None, ..look.clone() }, size) {
        ("caption", "Must be shorter, or left out")
    } else if look.margin < 4 {
        ("margin", "Must be at least 4")
    } else if look.shape != Shape::Square {
        ("shape", "Must be square")
    } else if look.eye.is_some() {
        ("eye_color", "Must be left out")
    } else {
        ("foreground_color", "Must be darker")
    };
    Unscannable { field, message: format!("{would_do}: drawn like this at {size} pixels, the code cannot be read") }
}

/// Whether the code is read when it looks like this.
fn is_read(drawing: &Drawing<'_>, look: &Look, size: u16) -> bool {
    let seen = Design::of(&Drawing { look, ..*drawing }, size).and_then(|design| read::read(&design));
    seen.is_ok_and(|seen| seen.own.as_deref() == Some(drawing.content))
}
