//! `mask-pictures WHAT SECONDS`: draws QR codes of 512 pixels, each of another address, for so long, and prints what one
//! takes: `{"pictures":…,"cpu_ns":…,"bytes":…,"cpu_s":…}`, the middle of all of them. WHAT is `png`, `svg`, `pdf`, a shape
//! in front of them (`dots-png`), `check`, or `qrcode-png` and `qrcode-svg`, the same by the crate `qrcode`.

use std::time::Duration;

use mask_core::qr::{Look, Shape};
use mask_core::token::Token;
use mask_picture::qr::{Drawing, check, pdf, png, svg};
use qrcode::{EcLevel, QrCode, render};

const SIZE: u16 = 512;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, seconds] = arguments.as_slice() else { panic!("mask-pictures WHAT SECONDS") };
    let seconds = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let draw = drawer(what);
    let began = cpu();
    let (mut each, mut bytes) = (Vec::new(), 0);
    for number in 0_u64.. {
        let content =
            format!("https://go.example.com/AbC123?qr={}", Token::of(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let before = cpu();
        bytes += std::hint::black_box(draw(std::hint::black_box(&content)));
        each.push((cpu() - before).as_nanos());
        if cpu() - began > seconds {
            break;
        }
    }
    each.sort_unstable();
    let (count, middle) = (each.len(), each[each.len() / 2]);
    println!(
        "{{\"pictures\":{count},\"cpu_ns\":{middle},\"bytes\":{},\"cpu_s\":{}}}",
        bytes / count,
        (cpu() - began).as_secs_f64()
    );
}

/// What draws one, and answers its bytes.
fn drawer(what: &str) -> Box<dyn Fn(&str) -> usize> {
    if let Some(what) = what.strip_prefix("qrcode-") {
        return peer(what);
    }
    let (shape, what) = what.split_once('-').unwrap_or(("square", what));
    let look = Look { shape: Shape::parse(shape).expect("a shape"), size: SIZE, ..Look::default() };
    let with =
        move |draw: &dyn Fn(&Drawing<'_>) -> usize, content: &str| draw(&Drawing { content, look: &look, logo: None });
    match what {
        "png" => Box::new(move |content| with(&|drawing| png(drawing, SIZE).expect("drawn").len(), content)),
        "svg" => Box::new(move |content| with(&|drawing| svg(drawing, SIZE).expect("drawn").len(), content)),
        "pdf" => Box::new(move |content| with(&|drawing| pdf(drawing, SIZE).expect("drawn").len(), content)),
        "check" => Box::new(move |content| with(&|drawing| check(drawing).map_or(0, |()| 1), content)),
        _ => panic!("what is {what}?"),
    }
}

fn peer(what: &str) -> Box<dyn Fn(&str) -> usize> {
    let code = |content: &str| QrCode::with_error_correction_level(content, EcLevel::M).expect("a code");
    match what {
        "png" => Box::new(move |content| {
            // It makes whole pixels of modules too, and so the largest picture up to the size.
            let picture = code(content).render::<image::Luma<u8>>().max_dimensions(SIZE.into(), SIZE.into()).build();
            let mut file = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut file, image::ImageFormat::Png).expect("written");
            file.into_inner().len()
        }),
        "svg" => Box::new(move |content| {
            code(content).render::<render::svg::Color<'_>>().min_dimensions(SIZE.into(), SIZE.into()).build().len()
        }),
        _ => panic!("what is {what}?"),
    }
}

/// The processor time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("time goes forward")
}
