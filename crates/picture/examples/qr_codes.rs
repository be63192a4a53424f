//! Makes up QR codes and keeps those that [`check`] accepts, for other programs to read: `qr_codes FOLDER COUNT SEED`.
//!
//! Each code is a PNG in the folder, some are an SVG and a PDF as well, and `codes.tsv` has a line about each: file, size,
//! pixels of a module, ground, content, and how it looks. `refused.tsv` has a line for each that was refused, with the field and the
//! message. The same seed makes the same codes. One code in four gets another address once it is accepted, up to the longest slug there
//! is: it has to go on scanning.
//!
//! They are made to be hard: small more often than not, colours as near to one another as is accepted, every logo that could
//! be mistaken for modules.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use mask_core::{
    colour::Colour,
    picture::{Format, Picture, PictureName},
    qr::{ErrorCorrection, Look, Shape},
    token::Token,
};
use mask_picture::qr::{Drawing, Undrawable, check, is_legible, pdf, png, svg};

/// Every so many codes is written as SVG and PDF as well.
const VECTORS_EVERY: usize = 25;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count, seed] = arguments.as_slice() else { panic!("qr_codes FOLDER COUNT SEED") };
    let (folder, count) = (PathBuf::from(folder), count.parse::<usize>().expect("a count"));
    let seed: u64 = seed.parse().expect("a seed");
    fs::create_dir_all(&folder).expect("a folder");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let lists = std::thread::scope(|scope| {
        let work = |thread: usize| {
            let folder = &folder;
            move || (thread..count).step_by(threads).map(|number| make(folder, number, seed)).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker that ends")).collect::<Vec<_>>()
    });
    let (mut codes, mut refused): (Vec<_>, Vec<_>) = lists.into_iter().flatten().unzip();
    codes.sort();
    refused.sort();
    fs::write(folder.join("codes.tsv"), codes.concat()).expect("written");
    fs::write(folder.join("refused.tsv"), refused.concat()).expect("written");
}

/// The code of this number: the first that is accepted. Answers its line, and those of the ones that were not.
fn make(folder: &Path, number: usize, seed: u64) -> (String, String) {
    let mut rng = Rng::with_seed(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut refused = String::new();
    loop {
        let content = content(&mut rng);
        let (look, logo) = look(&mut rng);
        let drawing = Drawing { content: &content, look: &look, logo: logo.as_deref() };
        let about = about(&look);
        if let Err(fault) = check(&drawing) {
            let _ = writeln!(refused, "{}\t{}\t{about}", fault.field, fault.message);
            continue;
        }
        let has_grown = rng.u8(..4) == 0;
        let says = if has_grown { lengthened(&content, &mut rng) } else { content.clone() };
        let drawing = Drawing { content: &says, ..drawing };
        let picture = match png(&drawing, look.size) {
            // Whoever asks for this one is told the least size.
            Err(fault @ Undrawable::TooSmall { .. }) => {
                let _ = writeln!(refused, "drawn size\t{fault}\t{about}");
                continue;
            }
            drawn => drawn.expect("drawn"),
        };
        let name = format!("{number:05}");
        fs::write(folder.join(format!("{name}.png")), picture).expect("written");
        if number.is_multiple_of(VECTORS_EVERY) {
            fs::write(folder.join(format!("{name}.svg")), svg(&drawing, look.size).expect("drawn")).expect("written");
            fs::write(folder.join(format!("{name}.pdf")), pdf(&drawing, look.size).expect("drawn")).expect("written");
        }
        let line = format!(
            "{name}\t{}\t{}\t{}\t{says}\t{about} grown={has_grown}\n",
            look.size,
            module(&drawing),
            look.background
        );
        return (line, refused);
    }
}

/// Pixels of a module: the unit of the SVG is a module, and modules are whole pixels.
fn module(drawing: &Drawing<'_>) -> u16 {
    let svg = svg(drawing, drawing.look.size).expect("drawn");
    let modules = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split(' ').next());
    drawing.look.size / modules.and_then(|modules| modules.parse::<u16>().ok()).expect("a width in modules")
}

fn about(look: &Look) -> String {
    let logo = look.logo.as_ref().map_or(String::from("none"), |logo| format!("{}x{}", logo.width, logo.height));
    let eye = look.eye.map_or(String::from("none"), |eye| eye.to_string());
    format!(
        "shape={} level={} margin={} on={} fg={} eye={eye} logo={logo} transparent={} caption={}",
        look.shape.as_str(),
        look.level().as_str(),
        look.margin,
        look.background,
        look.foreground,
        look.is_transparent,
        look.caption.is_some()
    )
}

/// The same code once its link is at another slug, of 20 characters or more.
fn lengthened(content: &str, rng: &mut Rng) -> String {
    let (place, token) = content.rsplit_once("?qr=").expect("an address of a code");
    let (host, _) = place.rsplit_once('/').expect("an address");
    let slug: String = (0..rng.usize(20..=64)).map(|_| rng.alphanumeric()).collect();
    format!("{host}/{slug}?qr={token}")
}

/// An address such as those that codes lead to.
fn content(rng: &mut Rng) -> String {
    let mut word =
        |least: usize, most: usize| (0..rng.usize(least..=most)).map(|_| rng.alphanumeric()).collect::<String>();
    let (host, slug) = (word(2, 12).to_lowercase(), word(4, 9));
    let domain = ["go.example.com", "example.com", "links.example.org"][rng.usize(..3)];
    let slug = if rng.u8(..8) == 0 { (0..rng.usize(10..=64)).map(|_| rng.alphanumeric()).collect() } else { slug };
    let host = if rng.bool() { domain.to_owned() } else { format!("{host}.{domain}") };
    format!("https://{host}/{slug}?qr={}", Token::of(rng.u64(..)))
}

fn look(rng: &mut Rng) -> (Look, Option<Vec<u8>>) {
    let background = ground(rng);
    let foreground = if rng.u8(..4) == 0 { Colour::BLACK } else { just_legible(rng, background) };
    let logo = (rng.u8(..3) == 0).then(|| logo(rng));
    let level = [
        None,
        Some(ErrorCorrection::Low),
        Some(ErrorCorrection::Medium),
        Some(ErrorCorrection::Quartile),
        Some(ErrorCorrection::High),
    ];
    let look = Look {
        foreground,
        background,
        eye: (rng.u8(..3) == 0).then(|| just_legible(rng, background)),
        is_transparent: rng.u8(..8) == 0,
        size: if rng.u8(..5) < 3 { 128 } else { rng.u16(129..=640) },
        error_correction: level[rng.usize(..level.len())],
        shape: Shape::ALL[rng.usize(..3)],
        margin: if rng.bool() { 4 } else { rng.u8(0..=16) },
        caption: (rng.u8(..8) == 0).then(|| "Scan me · مرحبا · Привет".to_owned()),
        logo: logo.as_ref().map(|(picture, _)| picture.clone()),
    };
    (look, logo.map(|(_, bytes)| bytes))
}

/// White most often, or any colour that something can be read upon, the darkest ones among them.
fn ground(rng: &mut Rng) -> Colour {
    if rng.u8(..3) == 0 {
        return Colour::WHITE;
    }
    loop {
        let colour = any(rng);
        if !is_legible(Colour::BLACK, colour) {
            continue;
        }
        if rng.bool() {
            return colour;
        }
        return on_the_way(colour, Colour::BLACK, |darker| is_legible(Colour::BLACK, darker));
    }
}

/// A colour of any hue, as near to the ground as is legible.
fn just_legible(rng: &mut Rng, ground: Colour) -> Colour {
    loop {
        let target = any(rng);
        let colour = on_the_way(Colour::BLACK, target, |colour| is_legible(colour, ground));
        if is_legible(colour, ground) {
            return colour;
        }
    }
}

/// As far from one colour towards another as this holds.
fn on_the_way(from: Colour, to: Colour, holds: impl Fn(Colour) -> bool) -> Colour {
    let step = |share: u16| {
        let part = |place: usize| {
            let part = (u16::from(from.parts()[place]) * (255 - share) + u16::from(to.parts()[place]) * share) / 255;
            u8::try_from(part).expect("between two bytes")
        };
        Colour::of(part(0), part(1), part(2))
    };
    (0..=255).map(step).take_while(|colour| holds(*colour)).last().unwrap_or(from)
}

/// Any colour, the purest ones often: of these, brightness and what a camera makes of it differ most.
fn any(rng: &mut Rng) -> Colour {
    let mut part = || if rng.bool() { rng.u8(..) } else { [0, 255][rng.usize(..2)] };
    Colour::of(part(), part(), part())
}

fn logo(rng: &mut Rng) -> (Picture, Vec<u8>) {
    let (width, height) = [(512, 512), (64, 64), (512, 120), (90, 300), (512, 8)][rng.usize(..5)];
    let (one, two) = (any(rng), any(rng));
    let kind = rng.u8(..5);
    let cells = rng.u32(3..12);
    let noise: Vec<bool> = (0..cells * cells).map(|_| rng.bool()).collect();
    let of = |colour: Colour, alpha: u8| {
        let [red, green, blue] = colour.parts();
        Rgba([red, green, blue, alpha])
    };
    let picture = RgbaImage::from_fn(width, height, |x, y| {
        let (across, down) = (f64::from(x) / f64::from(width) - 0.5, f64::from(y) / f64::from(height) - 0.5);
        match kind {
            0 => of(Colour::BLACK, 255),
            1 => of(
                if (across * across + down * down).sqrt() < 0.5 { one } else { two },
                if across.hypot(down) < 0.5 { 255 } else { 0 },
            ),
            2 => of(if across + down > 0.0 { one } else { two }, 255),
            // Modules that are none.
            3 => of(
                if noise[(x * cells / width + y * cells / height * cells) as usize] {
                    Colour::BLACK
                } else {
                    Colour::WHITE
                },
                255,
            ),
            _ => of(one, if (x / 16 + y / 16) % 2 == 0 { 255 } else { 90 }),
        }
    });
    let (format, file) =
        if kind < 3 && rng.bool() { (Format::Jpeg, ImageFormat::Jpeg) } else { (Format::Png, ImageFormat::Png) };
    let picture = DynamicImage::from(picture);
    let picture = if format == Format::Jpeg { DynamicImage::from(picture.into_rgb8()) } else { picture };
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, file).expect("written");
    let bytes = bytes.into_inner();
    (
        Picture { url: "https://example.com/logo".to_owned(), name: PictureName::of(&bytes, format), width, height },
        bytes,
    )
}
