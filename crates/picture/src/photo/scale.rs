//! Pictures made smaller: Lanczos with three lobes, on colours weighted by how opaque they are.
//!
//! The source is read once, row by row, and a row of the result is kept only from the first source row that touches it to
//! the last: what is held beside the source is a few rows. Resizing the whole at once, as the library does, asks for
//! several times the source's memory, and it lets the colour that hides behind full transparency bleed into edges.

use std::collections::VecDeque;

use image::RgbaImage;

use super::read::Pixels;

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Area {
    /// All of a picture of this width and height.
    pub(super) const fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// The largest square in the middle of such a picture.
    pub(super) fn middle_square(width: u32, height: u32) -> Self {
        let side = width.min(height);
        Self { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side }
    }
}

/// Width and height of what fits into the bounds in the shape of a picture of this width and height, and is not larger.
pub(crate) fn fitting((width, height): (u32, u32), (most_width, most_height): (u32, u32)) -> (u32, u32) {
    if width <= most_width && height <= most_height {
        return (width, height);
    }
    let (wide, high) = (u64::from(width), u64::from(height));
    let rounded = |part: u64, whole: u64| u32::try_from((part + whole / 2) / whole).unwrap_or(u32::MAX).max(1);
    if wide * u64::from(most_height) >= high * u64::from(most_width) {
        (most_width, rounded(high * u64::from(most_width), wide).min(most_height))
    } else {
        (rounded(wide * u64::from(most_height), high).min(most_width), most_height)
    }
}

/// The area of the picture, made to fit into the bounds.
pub(super) fn fit(source: &Pixels, area: Area, bounds: (u32, u32)) -> RgbaImage {
    let (width, height) = fitting((area.width, area.height), bounds);
    if (width, height) == (area.width, area.height) {
        return copied(source, area);
    }
    let across = Weights::of(area.width, width);
    let down = Weights::of(area.height, height);
    let mut fitted = RgbaImage::new(width, height);
    let mut row = vec![[0u8; 4]; source.width as usize];
    let mut weighted = vec![[0f32; 4]; area.width as usize];
    let mut narrow = vec![[0f32; 4]; width as usize];
    // Rows of the result that are begun and not finished, the first of them being number `finished`.
    let mut begun: VecDeque<Vec<[f32; 4]>> = VecDeque::new();
    let mut finished = 0;
    for y in 0..area.height as usize {
        source.row(area.y + u32::try_from(y).unwrap_or(u32::MAX), &mut row);
        for (pixel, into) in row[area.x as usize..].iter().zip(&mut weighted) {
            *into = by_alpha(*pixel);
        }
        across.apply(&weighted, &mut narrow);
        for (number, line) in down.lines.iter().enumerate().skip(finished).take_while(|(_, line)| line.first <= y) {
            if begun.len() <= number - finished {
                begun.push_back(vec![[0.0; 4]; width as usize]);
            }
            let Some(&weight) = y.checked_sub(line.first).and_then(|tap| line.weights.get(tap)) else { continue };
            for (sum, part) in begun[number - finished].iter_mut().zip(&narrow) {
                add(sum, part, weight);
            }
        }
        while down.lines.get(finished).is_some_and(|line| line.first + line.weights.len() <= y + 1) {
            let Some(sums) = begun.pop_front() else { break };
            let bytes = &mut fitted.as_mut()[finished * width as usize * 4..][..width as usize * 4];
            for (sum, into) in sums.iter().zip(bytes.chunks_exact_mut(4)) {
                into.copy_from_slice(&plain(*sum));
            }
            finished += 1;
        }
    }
    fitted
}

fn copied(source: &Pixels, area: Area) -> RgbaImage {
    let mut copy = RgbaImage::new(area.width, area.height);
    let mut row = vec![[0u8; 4]; source.width as usize];
    for (y, into) in copy.as_mut().chunks_exact_mut(area.width as usize * 4).enumerate() {
        source.row(area.y + u32::try_from(y).unwrap_or(u32::MAX), &mut row);
        into.copy_from_slice(&row.as_flattened()[area.x as usize * 4..][..area.width as usize * 4]);
    }
    copy
}

fn by_alpha([red, green, blue, alpha]: [u8; 4]) -> [f32; 4] {
    let share = f32::from(alpha) / 255.0;
    [f32::from(red) * share, f32::from(green) * share, f32::from(blue) * share, f32::from(alpha)]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to a byte")]
fn plain([red, green, blue, alpha]: [f32; 4]) -> [u8; 4] {
    if alpha < 0.5 {
        return [0; 4];
    }
    let byte = |part: f32| part.round().clamp(0.0, 255.0) as u8;
    let alpha = alpha.min(255.0);
    let share = 255.0 / alpha;
    [byte(red * share), byte(green * share), byte(blue * share), byte(alpha)]
}

fn add(sum: &mut [f32; 4], part: &[f32; 4], weight: f32) {
    for channel in 0..4 {
        sum[channel] += part[channel] * weight;
    }
}

/// For each line of the result, how much each line of the source counts in it.
struct Weights {
    lines: Vec<Line>,
}

struct Line {
    /// The first source line that counts.
    first: usize,
    /// What it and those after it count; together 1.
    weights: Vec<f32>,
}

const LOBES: f64 = 3.0;

impl Weights {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are clamped to lines of the source"
    )]
    fn of(source: u32, result: u32) -> Self {
        let ratio = f64::from(source) / f64::from(result);
        let reach = LOBES * ratio.max(1.0);
        let line = |number: u32| {
            let middle = (f64::from(number) + 0.5) * ratio;
            let first = (middle - reach).floor().max(0.0) as u32;
            let end = ((middle + reach).ceil() as u32).min(source);
            let weights: Vec<f64> =
                (first..end).map(|tap| lanczos((f64::from(tap) + 0.5 - middle) / ratio.max(1.0))).collect();
            let sum: f64 = weights.iter().sum();
            Line { first: first as usize, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
        };
        Self { lines: (0..result).map(line).collect() }
    }

    fn apply(&self, source: &[[f32; 4]], result: &mut [[f32; 4]]) {
        for (line, into) in self.lines.iter().zip(result) {
            let mut sum = [0.0; 4];
            for (part, &weight) in source[line.first..].iter().zip(&line.weights) {
                add(&mut sum, part, weight);
            }
            *into = sum;
        }
    }
}

fn lanczos(x: f64) -> f64 {
    let sinc =
        |x: f64| if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    if x.abs() < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}
