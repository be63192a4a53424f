//! Inter, served by ourselves: a page asks no third party for its letters.
//!
//! The font comes split by script. A page names only the parts that its own words need, so that a Latin page carries one
//! rule of style and a Greek one two; the part that most of it is written in is fetched ahead of the style.

use std::fmt::Write as _;

/// A part of the font.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) bytes: &'static [u8],
    /// As CSS writes it.
    range: &'static str,
    is_for: fn(char) -> bool,
}

macro_rules! part {
    ($name:literal, $range:literal, $pattern:pat) => {
        Part {
            name: $name,
            bytes: include_bytes!(concat!("../../assets/fonts/", $name, ".woff2")),
            range: $range,
            is_for: |letter| matches!(u32::from(letter), $pattern),
        }
    };
}

/// The parts, and the licence that they go with.
pub(super) static PARTS: [Part; 8] = [
    // What English is written in, and most addresses: half a page's weight, so it goes by itself.
    part!(
        "inter-basic",
        "U+0020-007E,U+00A0,U+00A3,U+00A9,U+00AE,U+00B7,U+2013-2014,U+2018-2019,U+201C-201D,U+2022,U+2026,U+20AC",
        0x21..=0x7e | 0xa3 | 0xa9 | 0xae | 0xb7 | 0x2013..=0x2014 | 0x2018..=0x2019 | 0x201c..=0x201d | 0x2022 | 0x2026 | 0x20ac
    ),
    part!(
        "inter-latin",
        "U+00A1-00A2,U+00A4-00A8,U+00AA-00AD,U+00AF-00B6,U+00B8-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-2012,U+2015-2017,U+201A-201B,U+201E-2021,U+2023-2025,U+2027-206F,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD",
        0xa1..=0xa2 | 0xa4..=0xa8 | 0xaa..=0xad | 0xaf..=0xb6 | 0xb8..=0xff | 0x131 | 0x152..=0x153 | 0x2bb..=0x2bc | 0x2010..=0x2012 | 0x2015..=0x2017 | 0x201a..=0x201b | 0x201e..=0x2021 | 0x2023..=0x2025 | 0x2027 | 0x2030..=0x205e | 0x2122 | 0x2191 | 0x2193 | 0x2212
    ),
    part!(
        "inter-latin-ext",
        "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,U+20A0-20AB,U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF",
        0x100..=0x130 | 0x132..=0x151 | 0x154..=0x2ba | 0x1d00..=0x1dbf | 0x1e00..=0x1e9f | 0x1ef2..=0x1eff | 0x20a0..=0x20ab | 0x20ad..=0x20c0 | 0x2113
    ),
    part!(
        "inter-vietnamese",
        "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,U+0303-0304,U+0308-0309,U+0323,U+0329,U+1EA0-1EF9",
        0x1a0..=0x1a1 | 0x1af..=0x1b0 | 0x1ea0..=0x1ef9
    ),
    part!("inter-cyrillic", "U+0301,U+0400-045F,U+0490-0491,U+04B0-04B1,U+2116", 0x400..=0x45f | 0x490..=0x491 | 0x4b0..=0x4b1 | 0x2116),
    part!(
        "inter-cyrillic-ext",
        "U+0460-052F,U+1C80-1C8A,U+20B4,U+2DE0-2DFF,U+A640-A69F,U+FE2E-FE2F",
        0x460..=0x48f | 0x492..=0x4af | 0x4b2..=0x52f | 0x1c80..=0x1c8a | 0x20b4 | 0xa640..=0xa69f
    ),
    part!("inter-greek", "U+0370-0377,U+037A-037F,U+0384-038A,U+038C,U+038E-03A1,U+03A3-03FF", 0x370..=0x3ff),
    part!("inter-greek-ext", "U+1F00-1FFF", 0x1f00..=0x1fff),
];

/// The licence of the font.
pub(super) const LICENCE: &[u8] = include_bytes!("../../assets/fonts/OFL.txt");

/// The rules of style that make Inter known, for the parts that these words need, and the part to fetch first.
pub(super) fn faces(words: &str, address: impl Fn(&Part) -> String) -> (String, Option<String>) {
    let used = |part: &Part| words.chars().filter(|letter| (part.is_for)(*letter)).count();
    let counts = PARTS.each_ref().map(used);
    let mut style = String::new();
    for (part, _) in PARTS.iter().zip(counts).filter(|(_, count)| *count > 0) {
        let _ = write!(
            style,
            "@font-face{{font-family:Inter;font-weight:100 900;font-display:swap;src:url({}) format(\"woff2\");unicode-range:{}}}",
            address(part),
            part.range
        );
    }
    if style.is_empty() {
        return (style, None);
    }
    // Arial with the proportions of Inter: nothing moves when the letters arrive.
    style += "@font-face{font-family:\"Inter Fallback\";src:local(\"Arial\"),local(\"Liberation Sans\");size-adjust:107.12%;ascent-override:90.44%;descent-override:22.52%;line-gap-override:0%}";
    let first = PARTS.iter().zip(counts).max_by_key(|(_, count)| *count).map(|(part, _)| address(part));
    (style, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_parts_that_it_is_written_in() {
        let named = |words: &str| {
            let (style, first) = faces(words, |part| part.name.to_owned());
            (style.matches("unicode-range").count(), first)
        };
        let first = |name: &str| Some(name.to_owned());
        assert_eq!(named("Ada Lovelace – 5 €"), (1, first("inter-basic")));
        assert_eq!(named("Käse & Brot"), (2, first("inter-basic")));
        assert_eq!(named("Łódź"), (3, first("inter-latin-ext")));
        assert_eq!(named("Привет, мир"), (2, first("inter-cyrillic")));
        assert_eq!(named("Καλημέρα"), (1, first("inter-greek")));
        assert_eq!(named("Tiếng Việt đẹp").0, 3);
        assert_eq!(named("日本語 سلام 👋"), (0, None));
    }

    #[test]
    fn the_files_are_fonts() {
        for part in &PARTS {
            assert!(part.bytes.starts_with(b"wOF2"), "{}", part.name);
        }
    }

    #[test]
    fn no_letter_is_in_two_parts_of_which_both_are_common() {
        let [basic, latin, ..] = &PARTS;
        assert!(('\u{20}'..='\u{2fff}').all(|letter| !((basic.is_for)(letter) && (latin.is_for)(letter))));
        assert!(basic.bytes.len() < 16 * 1024, "with a page it is to be at most 30 KB");
    }
}
