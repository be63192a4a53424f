//! Whether a code will scan.
//!
//! Rules first, as they can say what would do: colours, what the logo hides, how many pixels a module gets. Then the proof:
//! the picture is drawn at the smallest size that can be asked for, and at its own, and read back by a decoder that shares
//! no line with the encoder. `scripts/scan.sh` holds what is accepted here against two other decoders, also blurred, turned
//! and compressed; the bounds are where that holds.

use mask_core::qr::{ErrorCorrection, Look, SIZES, Shape};

use super::{Drawing, Undrawable, Unscannable, caption, colours, design::Design, plain::Grid, read};

/// The smallest picture, in pixels.
const SMALLEST: u16 = 128;
const _: () = assert!(SMALLEST as i64 == *SIZES.start());
/// How much of what a level repairs a logo may use up; the rest is for dirt, folds and glare.
const LOGO_USES: f64 = 2.0 / 3.0;

/// See the module.
pub(super) fn check(drawing: &Drawing<'_>) -> Result<(), Unscannable> {
    let look = drawing.look;
    colours::check(look)?;
    check_caption(look)?;
    let design = Design::of(drawing).map_err(|fault| undrawable(&fault))?;
    check_logo(&design)?;
    check_modules(drawing, &design)?;
    for size in [SMALLEST, look.size] {
        let read = read::read(&design, size).map_err(|fault| undrawable(&fault))?;
        if read.as_deref() != Some(drawing.content) {
            return Err(unread(&design, size));
        }
    }
    Ok(())
}

fn undrawable(fault: &Undrawable) -> Unscannable {
    let field = match fault {
        Undrawable::Logo => "logo_url",
        Undrawable::TooSmall { .. } => "margin",
        Undrawable::TooLong => "error_correction",
    };
    Unscannable { field, message: fault.to_string() }
}

fn check_caption(look: &Look) -> Result<(), Unscannable> {
    let unwritable = look.caption.as_deref().map(caption::unwritable).unwrap_or_default();
    if unwritable.is_empty() {
        return Ok(());
    }
    let characters: Vec<String> = unwritable.iter().map(char::to_string).collect();
    let message = format!("Must do without characters that no typeface here has: {}", characters.join(" "));
    Err(Unscannable { field: "caption", message })
}

/// The share of codewords that a level repairs.
fn repaired(level: ErrorCorrection) -> f64 {
    match level {
        ErrorCorrection::Low => 0.07,
        ErrorCorrection::Medium => 0.15,
        ErrorCorrection::Quartile => 0.25,
        ErrorCorrection::High => 0.3,
    }
}

fn check_logo(design: &Design<'_>) -> Result<(), Unscannable> {
    let Some(logo) = &design.logo else { return Ok(()) };
    let level = design.look.level();
    let hidden = design.matrix.share_touched(logo.area);
    let suffices = |level| hidden <= repaired(level) * LOGO_USES;
    if suffices(level) {
        return Ok(());
    }
    let hides = format!(
        "the logo hides {:.1} % of the code, and level {} can spare {:.1} %",
        hidden * 100.0,
        level.as_str(),
        repaired(level) * LOGO_USES * 100.0
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

/// The pixels that a module needs at the least.
fn least_pixels(_shape: Shape) -> u32 {
    2
}

fn check_modules(drawing: &Drawing<'_>, design: &Design<'_>) -> Result<(), Unscannable> {
    let least = least_pixels(design.look.shape);
    let is_enough = |design: &Design<'_>| Grid::of(design, SMALLEST).is_ok_and(|grid| grid.module >= least);
    if is_enough(design) {
        return Ok(());
    }
    let change = |change: &dyn Fn(&mut Look)| {
        let mut look = drawing.look.clone();
        change(&mut look);
        Design::of(&Drawing { look: &look, ..*drawing }).is_ok_and(|design| is_enough(&design))
    };
    let (field, would_do) = if let Some(margin) =
        (0..design.look.margin).rev().find(|margin| *margin >= 4 && change(&|look| look.margin = *margin))
    {
        ("margin", format!("Must be at most {margin}"))
    } else if let Some(level) = ErrorCorrection::ALL
        .into_iter()
        .rev()
        .find(|level| *level < design.look.level() && change(&|look| look.error_correction = Some(*level)))
    {
        ("error_correction", format!("Must be {} or lower", level.as_str()))
    } else {
        ("link_id", "Must be a link with a shorter address".to_owned())
    };
    let message = format!(
        "{would_do}: in a picture of {SMALLEST} pixels the modules of this code would be smaller than {least} pixels, too small to scan"
    );
    Err(Unscannable { field, message })
}

/// It passed all rules and yet cannot be read: the most daring of its choices is to blame.
fn unread(design: &Design<'_>, size: u16) -> Unscannable {
    let look = design.look;
    let (field, would_do) = if design.logo.is_some() {
        ("logo_url", "Must be another picture, or left out")
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
