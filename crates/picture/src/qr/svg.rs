//! Codes as SVG: exact at every size, and small.
//!
//! The unit is a module, so most numbers are whole. Nothing in it runs or is fetched: no script, no style sheet, no address;
//! a logo is part of the file. Text of a user's can only stand where text stands: it is escaped, and what XML cannot hold
//! at all is replaced.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use mask_core::qr::Shape;

use super::{
    caption::Line,
    design::{Design, Logo},
    outline::{Outline, Point, Step, number},
};

/// Fractions are written in thousandths of a module: a fifteenth of a pixel where modules are largest.
const UNITS: f32 = 1000.0;

pub(super) fn svg(design: &Design<'_>) -> String {
    let (look, size, height, modules) = (design.look, design.size, design.height(), number(design.width()));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels at most")]
    let modules_down = modules * height as f32 / f32::from(size);
    let [across, down] = [modules, modules_down].map(Number);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{height}" viewBox="0 0 {across} {down}" role="img" aria-label="QR code"#
    );
    if let Some(text) = &look.caption {
        push(&mut svg, format_args!(": {}", Escaped(text)));
    }
    svg.push_str("\">");
    if !look.is_transparent {
        push(&mut svg, format_args!(r#"<path fill="{}" d="M0 0h{across}v{down}H0z"/>"#, look.background));
    }
    let is_crisp = look.shape == Shape::Square;
    for (colour, outline) in design.inks(look.shape, usize::from(design.margin)) {
        let crisp = if is_crisp { r#" shape-rendering="crispEdges""# } else { "" };
        push(&mut svg, format_args!(r#"<path fill="{colour}"{crisp} d=""#));
        path(&mut svg, &outline);
        svg.push_str("\"/>");
    }
    if let Some(logo) = &design.logo {
        image(&mut svg, logo, f32::from(design.margin));
    }
    if let Some(text) = &look.caption {
        push(&mut svg, format_args!(r#"<path fill="{}" d=""#, look.foreground));
        path(&mut svg, &Line::of(text, modules, modules_down).outline.moved(hundredths));
        svg.push_str("\"/>");
    }
    svg.push_str("</svg>");
    svg
}

/// Writing to a string cannot fail.
fn push(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(text);
}

fn image(svg: &mut String, logo: &Logo<'_>, margin: f32) {
    let [x, y] = [logo.at.0 + margin, logo.at.1 + margin].map(Number);
    let [width, height, corner] = [logo.size.0, logo.size.1, logo.corner()].map(Number);
    let media = logo.format.media_type();
    push(
        svg,
        format_args!(
            r#"<clipPath id="qr-logo"><rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{corner}"/></clipPath><image x="{x}" y="{y}" width="{width}" height="{height}" clip-path="url(#qr-logo)" preserveAspectRatio="none" href="data:{media};base64,"#
        ),
    );
    STANDARD.encode_string(logo.bytes, svg);
    svg.push_str("\"/>");
}

/// Where a letter's outline goes, in two digits: they are large enough for that, and it saves a quarter of their characters.
fn hundredths((x, y): Point) -> Point {
    ((x * 100.0).round() / 100.0, (y * 100.0).round() / 100.0)
}

/// The commands of a path, each relative to where the pen is: those are the shortest.
fn path(svg: &mut String, outline: &Outline) {
    let mut pen = Pen { svg, at: (0, 0), begin: (0, 0) };
    pen.svg.reserve(outline.0.len() * 6);
    for step in &outline.0 {
        pen.step(*step);
    }
}

struct Pen<'s> {
    svg: &'s mut String,
    at: (i32, i32),
    begin: (i32, i32),
}

impl Pen<'_> {
    fn step(&mut self, step: Step) {
        match step {
            Step::Move(to) => {
                let to = units(to);
                self.svg.push('M');
                self.numbers(&[to.0, to.1]);
                (self.at, self.begin) = (to, to);
            }
            Step::Line(to) => {
                let to = units(to);
                let (x, y) = (to.0 - self.at.0, to.1 - self.at.1);
                match (x, y) {
                    (0, 0) => {}
                    (_, 0) => self.command('h', &[x]),
                    (0, _) => self.command('v', &[y]),
                    _ => self.command('l', &[x, y]),
                }
                self.at = to;
            }
            Step::Round(corner, to) => {
                let (corner, to) = (units(corner), units(to));
                let (x, y) = (to.0 - self.at.0, to.1 - self.at.1);
                let (in_x, in_y) = (corner.0 - self.at.0, corner.1 - self.at.1);
                let radius = in_x.abs().max(in_y.abs());
                let is_clockwise = i64::from(in_x) * i64::from(y) - i64::from(in_y) * i64::from(x) > 0;
                self.command('a', &[radius, radius]);
                self.svg.push_str(if is_clockwise { " 0 0 1" } else { " 0 0 0" });
                self.spaced(&[x, y]);
                self.at = to;
            }
            Step::Curve(one, two, to) => {
                let [one, two, to] = [one, two, to].map(units);
                let from = self.at;
                self.command('c', &[one, two, to].map(|point| [point.0 - from.0, point.1 - from.1]).concat());
                self.at = to;
            }
            Step::Dot((x, y)) => {
                // Two halves of a circle, from its leftmost point to its rightmost and back.
                let left = units((x - 0.5, y));
                self.command('m', &[left.0 - self.at.0, left.1 - self.at.1]);
                self.svg.push_str("a.5.5 0 0 1 1 0 .5.5 0 0 1-1 0z");
                (self.at, self.begin) = (left, left);
            }
            Step::Close => {
                self.svg.push('z');
                self.at = self.begin;
            }
        }
    }

    fn command(&mut self, letter: char, numbers: &[i32]) {
        self.svg.push(letter);
        self.numbers(numbers);
    }

    fn numbers(&mut self, numbers: &[i32]) {
        let (first, others) = numbers.split_first().expect("every command has a number");
        thousandths(self.svg, *first);
        self.spaced(others);
    }

    /// A minus keeps numbers apart by itself.
    fn spaced(&mut self, numbers: &[i32]) {
        for number in numbers {
            if *number >= 0 {
                self.svg.push(' ');
            }
            thousandths(self.svg, *number);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a few hundred modules at most")]
fn units(point: Point) -> (i32, i32) {
    ((point.0 * UNITS).round() as i32, (point.1 * UNITS).round() as i32)
}

/// A number of thousandths in the fewest characters.
fn thousandths(text: &mut String, number: i32) {
    if number < 0 {
        text.push('-');
    }
    let (whole, part) = (number.unsigned_abs() / 1000, number.unsigned_abs() % 1000);
    if whole > 0 || part == 0 {
        push_digits(text, whole);
    }
    if part > 0 {
        text.push('.');
        let digits = [part / 100, part / 10 % 10, part % 10];
        let last = digits.iter().rposition(|digit| *digit > 0).unwrap_or(0);
        digits[..=last].iter().for_each(|digit| push_digits(text, *digit));
    }
}

fn push_digits(text: &mut String, number: u32) {
    if number >= 10 {
        push_digits(text, number / 10);
    }
    text.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}

/// A length, as it stands in an attribute.
#[derive(Clone, Copy)]
struct Number(f32);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        thousandths(&mut text, units((self.0, 0.0)).0);
        f.write_str(&text)
    }
}

/// Text of a user's, where XML wants text.
pub(super) struct Escaped<'t>(pub(super) &'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\t' | '\n' | '\r' => f.write_char(' '),
            // XML 1.0 §2.2: no reference can name these either.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}'),
            other => f.write_char(other),
        })
    }
}
