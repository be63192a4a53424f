//! Whether the colours of a code can be told apart.
//!
//! Two things decide whether a scanner sees a module: the ratio of its brightness to that of the ground, as cameras set
//! their exposure by what they see, and the difference of the greys that decoders make of both colours, as every picture
//! has noise. The ratio is WCAG's. It alone would let black pass on pure red or dark grey, which after a JPEG of poor
//! quality one code in thirty is not read from; the difference alone would let pass what is bright and pale. Both bounds were
//! tried out at their edge on thousands of codes (`scripts/scan.sh`).
//!
//! Light modules on dark ground are refused however strong the contrast. The standard allows for them, and some scanners
//! turn the picture round when they find nothing (zxing-cpp does); zbar, which is in many an app and at many a till, does
//! not, and reads none of them: of 300 such codes zxing-cpp read all, and zbar none.

use mask_core::{colour::Colour, qr::Look};

use super::Unscannable;

/// The least ratio of brightness.
const RATIO: f64 = 3.0;
/// The least difference of greys, of 255.
const DIFFERENCE: u8 = 115;
/// How much the difference of the one may be of that of the other, where eyes have a colour of their own: a decoder that
/// sets its bound between black and white by the darker of the two must find the lighter one below it.
const LIKENESS: f64 = 0.6;

/// Whether modules of this colour can be told from a ground of that one.
pub fn is_legible(colour: Colour, ground: Colour) -> bool {
    ground.luminance() > colour.luminance()
        && ground.contrast(colour) >= RATIO
        && grey(ground).saturating_sub(grey(colour)) >= DIFFERENCE
}

/// What cameras and decoders make of a colour (ITU-R BT.601, "luma").
pub(super) fn grey(colour: Colour) -> u8 {
    let [red, green, blue] = colour.parts().map(u32::from);
    u8::try_from((299 * red + 587 * green + 114 * blue) / 1000).unwrap_or(u8::MAX)
}

/// Looks at the colours of modules and eyes upon the ground.
pub(super) fn check(look: &Look) -> Result<(), Unscannable> {
    let ground = look.background;
    let named = [("foreground_color", Some(look.foreground)), ("eye_color", look.eye)];
    for (field, colour) in named.into_iter().filter_map(|(field, colour)| Some((field, colour?))) {
        if !is_legible(colour, ground) {
            return Err(advice(field, colour, ground));
        }
    }
    look.eye.map_or(Ok(()), |eye| check_likeness(eye, look.foreground, ground))
}

/// Whether eyes and modules are dark to a similar degree.
fn check_likeness(eye: Colour, foreground: Colour, ground: Colour) -> Result<(), Unscannable> {
    let are_alike = |eye: Colour| {
        let differences = [eye, foreground].map(|colour| f64::from(grey(ground)) - f64::from(grey(colour)));
        differences[0].min(differences[1]) >= LIKENESS * differences[0].max(differences[1])
    };
    if are_alike(eye) {
        return Ok(());
    }
    let (how, end) = if grey(eye) > grey(foreground) { ("darker", Colour::BLACK) } else { ("lighter", ground) };
    let would_do = nearest(eye, end, are_alike);
    let message = format!(
        "Must be {how}: scanners that see the modules in {foreground} miss eyes so different; {would_do} would do"
    );
    Err(Unscannable { field: "eye_color", message })
}

fn advice(field: &'static str, colour: Colour, ground: Colour) -> Unscannable {
    let ratio = (ground.contrast(colour) * 10.0).floor() / 10.0;
    let is_ground_light_enough = is_legible(Colour::BLACK, ground);
    if colour.luminance() > ground.luminance() {
        let darker = nearest(colour, Colour::BLACK, |darker| is_legible(darker, ground));
        let or = if is_ground_light_enough { format!(", or {darker} would do") } else { String::new() };
        let message = format!(
            "Must be darker than the background {ground}: many scanners cannot read light on dark; swap the two colours{or}"
        );
        return Unscannable { field, message };
    }
    if !is_ground_light_enough {
        let lighter = nearest(ground, Colour::WHITE, |lighter| is_legible(Colour::BLACK, lighter));
        let message = format!(
            "Must be lighter: upon {ground} no dark colour can be told by a scanner; at least {lighter} would do, with black on it"
        );
        return Unscannable { field: "background_color", message };
    }
    let darker = nearest(colour, Colour::BLACK, |darker| is_legible(darker, ground));
    let message = format!(
        "Must be darker: its contrast to the background {ground} is {ratio:.1}:1, and scanners need {RATIO:.0}:1; {darker} would do"
    );
    Unscannable { field, message }
}

/// The first colour on the way to another that will do.
fn nearest(from: Colour, to: Colour, will_do: impl Fn(Colour) -> bool) -> Colour {
    const STEPS: u16 = 64;
    let step = |number: u16| {
        let [a, b] = [from.parts(), to.parts()];
        #[expect(clippy::cast_possible_truncation, reason = "between two parts, which are at most 255")]
        let part =
            |place: usize| ((u16::from(a[place]) * (STEPS - number) + u16::from(b[place]) * number) / STEPS) as u8;
        Colour::of(part(0), part(1), part(2))
    };
    (0..=STEPS).map(step).find(|colour| will_do(*colour)).unwrap_or(to)
}
