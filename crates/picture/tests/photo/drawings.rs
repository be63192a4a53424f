use mask_core::picture::Format;
use mask_picture::drawing::Unsafe;
use mask_picture::photo::{Photo, Purpose, Unfit, remake};
use proptest::prelude::*;

fn svg(inner: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100">{inner}</svg>"#
    )
}

fn drawn(inner: &str) -> Result<Photo, Unfit> {
    remake(svg(inner).as_bytes(), Purpose::Logo)
}

fn refusal(inner: &str) -> Unsafe {
    match drawn(inner) {
        Err(Unfit::Drawing(reason)) => reason,
        other => panic!("{inner}: {other:?}"),
    }
}

/// The colour of the middle.
fn middle(photo: &Photo) -> [u8; 4] {
    let seen = image::load_from_memory(&photo.bytes).expect("our own picture").into_rgba8();
    seen.get_pixel(photo.width / 2, photo.height / 2).0
}

#[test]
fn drawings_fill_their_box() {
    let wide = r#"<svg xmlns="http://www.w3.org/2000/svg" width="30" height="10"><rect width="30" height="10" fill="red"/></svg>"#;
    for (purpose, size) in [
        (Purpose::Logo, (512, 171)),
        (Purpose::Avatar, (384, 384)),
        (Purpose::Thumbnail, (192, 192)),
        (Purpose::Wide, (1280, 427)),
        (Purpose::Upload, (1024, 341)),
    ] {
        let photo = remake(wide.as_bytes(), purpose).expect("a picture");
        assert_eq!((photo.width, photo.height), size, "{purpose:?}");
        assert_eq!(middle(&photo), [255, 0, 0, 255]);
        assert_eq!(photo.format, Format::Png);
    }
}

#[test]
fn what_drawing_programs_write_is_drawn() {
    let green = [0, 128, 0, 255];
    for inner in [
        r#"<rect width="100" height="100" fill="green"/>"#,
        r#"<style>.a{fill:green}</style><rect class="a" width="100" height="100"/>"#,
        r#"<style>.a{fill:url(#g)}</style><linearGradient id="g"><stop stop-color="green"/></linearGradient><rect class="a" width="100" height="100"/>"#,
        r##"<defs><g id="part"><rect width="100" height="100" fill="green"/></g></defs><use xlink:href="#part"/>"##,
        r#"<clipPath id="c"><circle cx="50" cy="50" r="30"/></clipPath><rect width="100" height="100" fill="green" clip-path="url(#c)"/>"#,
        r#"<mask id="m"><rect width="100" height="100" fill="white"/></mask><g mask="url('#m')"><rect width="100" height="100" fill="green"/></g>"#,
        r#"<pattern id="p" width="10" height="10" patternUnits="userSpaceOnUse"><rect width="10" height="10" fill="green"/></pattern><rect width="100" height="100" fill="url(#p)"/>"#,
        r#"<filter id="f"><feGaussianBlur stdDeviation="1"/></filter><rect x="-50" y="-50" width="200" height="200" fill="green" filter="url(#f)"/>"#,
        r#"<metadata xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:li rdf:resource="https://example.com/"/></metadata><rect width="100" height="100" fill="green"/>"#,
        r#"<rect width="100" height="100" fill="green"><animate attributeName="x" from="0" to="9" dur="1s"/></rect>"#,
        r##"<a href="#top"><rect width="100" height="100" fill="green"/></a>"##,
    ] {
        let photo = drawn(inner).unwrap_or_else(|reason| panic!("{inner}: {reason}"));
        assert_eq!(middle(&photo), green, "{inner}");
    }
    assert!(drawn("<text x='5' y='60' font-size='30'>Mask سلام</text>").is_ok());
}

#[test]
fn what_is_not_only_a_drawing_is_refused_and_named() {
    for (inner, names) in [
        ("<script>alert(1)</script>", "<script>"),
        ("<SCRIPT>alert(1)</SCRIPT>", "<script>"),
        (r#"<h:script xmlns:h="http://www.w3.org/1999/xhtml"/>"#, "<script>"),
        (r#"<rect onload="alert(1)"/>"#, "onload"),
        (r#"<rect OnClick="alert(1)"/>"#, "OnClick"),
        (r#"<a href="java&#10;script:alert(1)"/>"#, "a script in href"),
        ("<foreignObject><p/></foreignObject>", "<foreignObject>"),
        (r#"<b xmlns="http://www.w3.org/1999/xhtml"/>"#, "<b>"),
        ("<iframe/>", "<iframe>"),
        (r#"<image href="https://example.com/a.png"/>"#, "href"),
        (r#"<image xlink:href="//example.com/a.png"/>"#, "href"),
        (r#"<image xlink:href="/etc/passwd"/>"#, "href"),
        (r#"<image href="file:///etc/passwd"/>"#, "href"),
        (r#"<use href="other.svg#part"/>"#, "href"),
        (r#"<image href="data:image/svg+xml;base64,PHN2Zy8+"/>"#, "href"),
        (r#"<image href="data:text/html,x"/>"#, "href"),
        (r#"<rect fill="url(https://example.com/#a)"/>"#, "fill"),
        (r#"<rect style="fill: URL( 'https://example.com/' )"/>"#, "style"),
        (r#"<rect style="fill:u\72l(https://example.com/)"/>"#, "style"),
        ("<style>@import 'https://example.com/a.css';</style>", "@import"),
        ("<style>@font-face{src:url(https://example.com/a.woff)}</style>", "url()"),
        ("<style>a{}<![CDATA[@im]]>port 'x';</style>", "@import"),
        (r#"<set attributeName="href" to="https://example.com/"/>"#, "to"),
        (r#"<g xml:base="https://example.com/"/>"#, "base"),
        ("<?xml-stylesheet href='a.css'?>", "xml-stylesheet"),
    ] {
        let sentence = refusal(inner).to_string();
        assert!(sentence.starts_with("Must be ") && sentence.contains(names), "{inner}: {sentence}");
    }
}

#[test]
fn declarations_and_entities_are_refused() {
    let laughs =
        r#"<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>"#;
    for text in
        [laughs, "<!DOCTYPE svg><svg/>", "<?xml version='1.0'?>\n<!DOCTYPE svg SYSTEM 'a.dtd'><svg/>", "<svg>&b;</svg>"]
    {
        assert_eq!(remake(text.as_bytes(), Purpose::Logo), Err(Unfit::Drawing(Unsafe::Declarations)), "{text}");
    }
}

#[test]
fn what_is_no_drawing_is_refused() {
    for text in
        ["<svg", "<svg><g></svg>", "<html><svg/></html>", "<svg width='0' height='0'/>", "<svg width='-5' height='5'/>"]
    {
        let refused = remake(text.as_bytes(), Purpose::Logo);
        assert!(matches!(refused, Err(Unfit::Drawing(Unsafe::Unreadable | Unsafe::Foreign(_)))), "{text}: {refused:?}");
    }
}

fn many_attributes() -> String {
    (0..50_000).fold(String::new(), |all, number| all + "a" + &number.to_string() + "='' ")
}

/// Ten things that each show the one before ten times.
fn laughs(first: &str, each: impl Fn(usize) -> String) -> String {
    (1..10).fold(first.to_owned(), |all, number| all + &each(number))
}

#[test]
fn what_multiplies_is_refused_at_once() {
    let of = |number: usize, what: &str| {
        what.replace("THIS", &format!("n{number}")).replace("LAST", &format!("n{}", number - 1))
    };
    let nested = |depth: usize| "<g>".repeat(depth) + &"</g>".repeat(depth);
    let shapes = |one: &str, count: usize| one.repeat(count);
    for (what, inner) in [
        ("uses", laughs(r#"<rect id="n0" width="9" height="9"/>"#, |n| of(n, &format!("<g id='THIS'>{}</g>", "<use href='#LAST'/>".repeat(10))))),
        ("uses by style", laughs(r#"<rect id="n0" width="9" height="9"/>"#, |n| of(n, &format!("<g id='THIS'>{}</g>", "<use xlink:href='#LAST'/>".repeat(10))))),
        ("patterns", laughs("<pattern id='n0' width='9' height='9'><rect width='9' height='9'/></pattern>", |n| {
            of(n, &format!("<pattern id='THIS' width='9' height='9'>{}</pattern>", "<rect width='9' height='9' fill='url(#LAST)'/>".repeat(10)))
        }) + "<rect width='100' height='100' fill='url(#n9)'/>"),
        ("inherited patterns", "<pattern id='p' width='1' height='1'>".to_owned() + &"<rect width='9' height='9'/>".repeat(300) + "</pattern><g fill='url(#p)'>" + &"<rect width='9' height='9'/>".repeat(300) + "</g>"),
        ("masks by style sheet", "<style>.a{mask:url(#n9)}</style>".to_owned() + &laughs("<mask id='n0'><rect width='9' height='9'/></mask>", |n| {
            of(n, &format!("<mask id='THIS'>{}</mask>", "<rect width='9' height='9' mask='url(#LAST)'/>".repeat(10)))
        }) + "<rect class='a' width='9' height='9'/>"),
        ("markers", "<marker id='m'>".to_owned() + &"<rect width='9' height='9'/>".repeat(200) + "</marker><path marker-mid='url(#m)' d='M0 0" + &"L9 9".repeat(5000) + "'/>"),
        ("depth", nested(500)),
        ("depth of a stack", nested(50_000)),
        ("elements", shapes("<g/>", 60_000)),
        ("corners", format!("<path id='p' d='M0 0{}'/>", "h1v1".repeat(100_000)) + &"<use href='#p'/>".repeat(20)),
        ("letters", format!("<text>{}</text>", "x".repeat(200_000))),
        ("attributes", format!("<g {}/>", many_attributes())),
        (
            "attributes behind a sign that ends tags",
            format!("<g a='>' {}/>", many_attributes()),
        ),
        ("selectors", format!("<style>{}</style>{}", "a b,".repeat(20_000) + "c{fill:red}", "<g/>".repeat(20_000))),
        ("paint", "<rect width='100' height='100' fill-opacity='.5'/>".repeat(15_000)),
        ("layers", "<g opacity='.5'><rect x='-900' y='-900' width='2000' height='2000'/>".repeat(40) + &"</g>".repeat(40)),
        ("blur", "<filter id='f' x='-10' y='-10' width='30' height='30'>".to_owned() + &"<feGaussianBlur stdDeviation='900'/>".repeat(50) + "</filter><rect width='100' height='100' filter='url(#f)'/>"),
        ("noise", "<filter id='f'><feTurbulence baseFrequency='.1' numOctaves='2000000'/></filter><rect width='100' height='100' filter='url(#f)'/>".to_owned()),
        ("morphology", "<filter id='f'><feMorphology operator='dilate' radius='90'/></filter><rect width='100' height='100' filter='url(#f)'/>".to_owned()),
        ("dashes", "<path d='M0 0H1e6' stroke='red' stroke-dasharray='.001'/>".repeat(50)),
        ("a tile", "<pattern id='p' width='1e6' height='1e6' patternUnits='userSpaceOnUse'><rect width='9' height='9'/></pattern><rect width='100' height='100' fill='url(#p)'/>".to_owned()),
    ] {
        let refused = drawn(&inner);
        assert!(matches!(refused, Err(Unfit::Drawing(Unsafe::Elaborate | Unsafe::Vast))), "{what}");
    }
}

#[test]
fn what_stands_within_itself_is_refused() {
    for inner in [
        "<g id='a'><use href='#a'/></g>",
        "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>",
        "<pattern id='p' width='9' height='9'><rect width='9' height='9' fill='url(#p)'/></pattern>",
        "<style>.m{mask:url(#m)}</style><mask id='m'><rect class='m'/></mask>",
    ] {
        assert_eq!(refusal(inner), Unsafe::Endless, "{inner}");
    }
}

#[test]
fn pictures_within_are_made_anew_or_refused() {
    let data = |file: &[u8], kind: &str| {
        format!("<image width='100' height='100' href='data:image/{kind};base64,{}'/>", base64(file))
    };
    let red = crate::files::webp(64, 64, |_, _| [255, 0, 0]);
    // What it is said to be does not matter, nor does what it is not.
    assert_eq!(middle(&drawn(&data(&red, "png")).expect("a picture")), [255, 0, 0, 255]);
    let bomb = crate::files::png_with(60_000, 60_000, *b"tEXt", b"k\0v");
    for file in [&b"none"[..], &bomb, b"<svg xmlns='http://www.w3.org/2000/svg'/>"] {
        assert_eq!(refusal(&data(file, "png")), Unsafe::Inner);
    }
    // Each is small; together they are not.
    let large = crate::files::png(2000, 2000, png::ColorType::Grayscale, png::BitDepth::Eight, &vec![0; 4_000_000]);
    assert!(drawn(&data(&large, "png")).is_ok());
    assert_eq!(refusal(&data(&large, "png").repeat(3)), Unsafe::Inner);
}

#[test]
fn the_deepest_that_is_let_in_fits_a_small_stack() {
    let inner = "<g opacity='.9'><g transform='rotate(1)'>".repeat(6)
        + &"<g>".repeat(48)
        + "<rect width='99' height='99'/>"
        + &"</g>".repeat(60);
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || drawn(&inner).is_ok());
    assert!(thread.expect("a thread").join().expect("no overflow"));
}

fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(letters[(number >> (18 - 6 * place) & 63) as usize]));
        }
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_drawing_is_drawn_or_refused(parts in prop::collection::vec((0usize..12, -1e6f32..1e6, 0f32..1e4), 0..12)) {
        let inner: String = parts.into_iter().map(|(part, one, other)| match part {
            0 => format!("<g transform='scale({one}) rotate({other})' opacity='.5'>"),
            1 => "</g>".to_owned(),
            2 => format!("<rect x='{one}' width='{other}' height='{other}' fill='red'/>"),
            3 => format!("<path d='M{one} {other}C1 2 3 4 {other} {one}z' stroke='blue' stroke-width='{other}'/>"),
            4 => format!("<filter id='f'><feGaussianBlur stdDeviation='{other}'/></filter>"),
            5 => format!("<circle r='{other}' filter='url(#f)'/>"),
            6 => format!("<text x='{one}' font-size='{other}'>אב ab</text>"),
            7 => format!("<pattern id='p' width='{other}' height='{other}'><rect width='{other}' height='1'/></pattern>"),
            8 => "<rect width='50' height='50' fill='url(#p)'/>".to_owned(),
            9 => format!("<clipPath id='c'><circle r='{other}'/></clipPath>"),
            10 => "<g clip-path='url(#c)'><rect width='9' height='9'/></g>".to_owned(),
            _ => format!("<svg x='{one}' viewBox='{one} 0 {other} {other}'><rect width='5' height='5'/></svg>"),
        }).collect();
        let _ = drawn(&inner);
    }
}

#[test]
fn what_is_out_of_all_reach_is_refused_before_it_is_drawn() {
    for inner in [
        r#"<circle r="1e38"/>"#,
        r#"<rect width="1e38" height="1e38"/>"#,
        r#"<rect width="1" height="1" transform="translate(1e9)"/>"#,
        r#"<path d="M0 0L1e30 1" stroke="red"/>"#,
        r#"<rect width="1" height="1" stroke="red" stroke-width="1e20"/>"#,
    ] {
        assert_eq!(refusal(inner), Unsafe::Vast, "{inner}");
    }
    assert!(drawn(r#"<rect x="-9000" width="20000" height="20000" fill="green"/>"#).is_ok(), "a generous ground");
}

#[test]
fn a_text_in_too_many_pieces_is_refused() {
    let pieces = |count: usize| format!("<text>{}</text>", "<tspan>a</tspan>".repeat(count));
    assert!(drawn(&pieces(199)).is_ok());
    assert_eq!(refusal(&pieces(200)), Unsafe::Elaborate);
    assert_eq!(refusal(&format!("<g>{}</g>", pieces(8000))), Unsafe::Elaborate);
}
