//! Eyes, wherever they are in a picture and however round.
//!
//! Scanners find a code by the runs of dark and light through the middle of its eyes, which are 1:1:3:1:1 across, down and
//! turned. So does this.

use super::outline::number;

/// How far a run may be from what it should be, as a share of a module.
const TOLERANCE: f32 = 0.5;
/// How much larger the modules of one eye may be than those of another of the same code.
const LIKENESS: f32 = 1.6;
/// How far from a right angle, and how different in length, the two sides between the eyes may be. Codes may be turned, not bent.
const BENT: f32 = 0.3;

/// An eye: its middle, and how wide a module of it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eye {
    x: f32,
    y: f32,
    module: f32,
}

/// The eyes in a picture of so many pixels a line.
pub(super) fn find(dark: &[bool], width: usize) -> Vec<Eye> {
    let height = dark.len() / width;
    let mut found: Vec<Eye> = Vec::new();
    for y in 0..height {
        for (middle, across) in matches(&dark[y * width..(y + 1) * width]) {
            let column: Vec<bool> = (0..height).map(|y| dark[y * width + whole(middle)]).collect();
            let here = |(down, _): &(f32, f32)| (down - number(y)).abs() <= 1.5 * across;
            let Some((down, high)) = matches(&column).into_iter().find(here) else { continue };
            if across.max(high) > LIKENESS * across.min(high) {
                continue;
            }
            let eye = Eye { x: middle, y: down, module: f32::midpoint(across, high) };
            let is_known = |known: &Eye| (known.x - eye.x).hypot(known.y - eye.y) <= 2.0 * known.module;
            if !found.iter().any(is_known) {
                found.push(eye);
            }
        }
    }
    found
}

/// The middle of each five runs of a line that could be an eye's, and the width of a module there.
fn matches(line: &[bool]) -> Vec<(f32, f32)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for run in line.chunk_by(|one, next| one == next) {
        let begin = runs.last().map_or(0, |(_, end)| *end);
        runs.push((begin, begin + run.len()));
    }
    let is_match = |runs: &&[(usize, usize)]| {
        let module = number(runs[4].1 - runs[0].0) / 7.0;
        let is_near = |(run, modules): (&(usize, usize), f32)| {
            (number(run.1 - run.0) - modules * module).abs() <= TOLERANCE * module * modules.sqrt()
        };
        line[runs[0].0] && module >= 1.0 && runs.iter().zip([1.0, 1.0, 3.0, 1.0, 1.0]).all(is_near)
    };
    let middle =
        |runs: &[(usize, usize)]| (number(runs[2].0 + runs[2].1 - 1) / 2.0, number(runs[4].1 - runs[0].0) / 7.0);
    runs.windows(5).filter(is_match).map(middle).collect()
}

/// Whether three of them stand like those of a code: alike, in a right angle with two sides of one length.
pub(super) fn are_of_a_code(eyes: &[Eye]) -> bool {
    // A picture with more of them than this is a pattern, and as good as a code for whoever has to find one in it.
    const MANY: usize = 40;
    eyes.len() > MANY
        || eyes.iter().any(|corner| {
            let others = || eyes.iter().filter(|eye| is_like(corner, eye));
            others().any(|one| others().any(|other| is_right_angle(corner, one, other)))
        })
}

fn is_like(one: &Eye, other: &Eye) -> bool {
    one.module.max(other.module) <= LIKENESS * one.module.min(other.module)
}

fn is_right_angle(corner: &Eye, one: &Eye, other: &Eye) -> bool {
    let (a, b) = ((one.x - corner.x, one.y - corner.y), (other.x - corner.x, other.y - corner.y));
    let (long, short) = (a.0.hypot(a.1).max(b.0.hypot(b.1)), a.0.hypot(a.1).min(b.0.hypot(b.1)));
    // The eyes of the smallest code are 14 modules apart.
    short >= 10.0 * corner.module && long - short <= BENT * long && (a.0 * b.0 + a.1 * b.1).abs() <= BENT * long * short
}

/// The pixel of a place.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within a picture")]
fn whole(place: f32) -> usize {
    place.round() as usize
}
