//! A picture of ours, read back.
//!
//! `rqrr` is the reader: its way from grey to black and white, its search for the code, its repair of what is lost. Its search
//! goes by the corners of the eyes, though, and round eyes have none; scanners go by the runs of dark and light through an
//! eye's middle, which are 1:1:3:1:1 however round it is. So where eyes are round, these runs are looked for here, and each
//! module is looked at where it is known to be; the reader does all the rest.

use mask_core::{colour::Colour, qr::Shape};
use rqrr::{Grid as Code, PreparedImage, SimpleGrid};

use super::{Undrawable, colours::grey, design::Design, matrix::EYE, pixels, plain::Grid};

/// How far a run may be from what it should be, in modules, to be known. zxing allows half a module.
const TOLERANCE: f32 = 0.4;

/// What a reader finds in a picture.
#[derive(Debug)]
pub(super) struct Seen {
    /// What the code says.
    pub(super) own: Option<String>,
    /// What was found where anything was looked for, as scanners do: of square modules the code itself, and whatever else there is.
    pub(super) others: Vec<String>,
}

/// Looks at a picture, drawn as it will be shown, upon the ground that it is meant for.
pub(super) fn read(design: &Design<'_>) -> Result<Seen, Undrawable> {
    let grid = Grid::of(design);
    let pixmap = pixels::paint(design, Some(design.look.background))?;
    let mut image = PreparedImage::prepare_from_greyscale(pixmap.width() as usize, pixmap.height() as usize, |x, y| {
        let pixel = pixmap.pixels()[y * pixmap.width() as usize + x];
        grey(Colour::of(pixel.red(), pixel.green(), pixel.blue()))
    });
    // To look for codes changes the image, so what is looked at in its place comes first.
    let is_square = design.shape_at(grid.module) == Shape::Square;
    let own =
        if is_square { None } else { read_in_place(design, grid, |x, y| u8::from(image.get_pixel_at(x, y)) != 0) };
    let mut others = Vec::new();
    if is_square || design.logo.is_some() {
        others.extend(image.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, content)| content));
    }
    let own = if is_square { others.first().cloned() } else { own };
    Ok(Seen { own, others })
}

/// What the modules say where they are known to be.
fn read_in_place(design: &Design<'_>, grid: Grid, is_dark: impl Fn(usize, usize) -> bool) -> Option<String> {
    if !design.matrix.eyes().iter().all(|eye| is_eye(grid, *eye, &is_dark)) {
        return None;
    }
    let modules = SimpleGrid::from_func(design.matrix.size(), |x, y| is_dark(middle(grid, x), middle(grid, y)));
    Code::new(modules).decode().ok().map(|(_, content)| content)
}

/// The pixel in the middle of a module, or before the middle.
fn middle(grid: Grid, module: usize) -> usize {
    grid.offset as usize + module * grid.module as usize + (grid.module as usize - 1) / 2
}

/// Whether the runs through the middle of an eye, across and down, are those of an eye.
fn is_eye(grid: Grid, eye: (usize, usize), is_dark: impl Fn(usize, usize) -> bool) -> bool {
    let (across, down) = (middle(grid, eye.0 + EYE / 2), middle(grid, eye.1 + EYE / 2));
    let line = |eye: usize| {
        let begin = grid.offset as usize + eye * grid.module as usize;
        begin..begin + EYE * grid.module as usize
    };
    let are_runs = |line: Vec<bool>| {
        let runs: Vec<_> = line.chunk_by(|one, next| one == next).map(<[bool]>::len).collect();
        let is_near = |(run, modules): (&usize, f32)| {
            (super::outline::number(*run) / super::outline::number(grid.module as usize) - modules).abs() <= TOLERANCE
        };
        line[0] && runs.len() == 5 && runs.iter().zip([1.0, 1.0, 3.0, 1.0, 1.0]).all(is_near)
    };
    are_runs(line(eye.0).map(|x| is_dark(x, down)).collect())
        && are_runs(line(eye.1).map(|y| is_dark(across, y)).collect())
}
