//! Colours, and whether one can be read upon another.

use crate::Refused;

/// An opaque colour of the sRGB space, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);

    /// The colour of these parts: red, green, blue.
    pub const fn of(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// Reads `#rrggbb` or `#rgb`, in any case.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let digits = text.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let part = |digits: &str| u8::from_str_radix(digits, 16).ok();
        let parts = digits.and_then(|digits| match digits.len() {
            6 => Some([part(&digits[..2])?, part(&digits[2..4])?, part(&digits[4..])?]),
            3 => Some([17 * part(&digits[..1])?, 17 * part(&digits[1..2])?, 17 * part(&digits[2..])?]),
            _ => None,
        });
        parts.map(Self).ok_or(Refused::because("Must be a colour such as #1a2b3c"))
    }

    /// Red, green, blue.
    pub const fn parts(self) -> [u8; 3] {
        self.0
    }

    /// How bright it looks, from 0 (black) to 1 (white): WCAG 2.2, "relative luminance".
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast to another, from 1 (none) to 21: WCAG 2.2, "contrast ratio".
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_read_back() {
        for (text, written) in [("#1A2b3C", "#1a2b3c"), ("#fff", "#ffffff"), ("#000000", "#000000")] {
            assert_eq!(Colour::parse(text).map(|colour| colour.to_string()), Ok(written.to_owned()));
        }
        for text in ["", "#", "fff", "#ffff", "#ggg", "#fffffff", "red", "#é23", "# 12", "#+12345"] {
            assert!(Colour::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!((Colour::WHITE.contrast(Colour::WHITE) - 1.0).abs() < 1e-9);
        // The greys on either side of what WCAG asks of text upon white.
        assert!(Colour::parse("#767676").expect("a colour").contrast(Colour::WHITE) >= 4.5);
        assert!(Colour::parse("#777777").expect("a colour").contrast(Colour::WHITE) < 4.5);
    }

    proptest::proptest! {
        #[test]
        fn every_colour_reads_back(red: u8, green: u8, blue: u8) {
            let colour = Colour::of(red, green, blue);
            proptest::prop_assert_eq!(Colour::parse(&colour.to_string()), Ok(colour));
        }
    }
}
