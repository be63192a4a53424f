//! A QR code of a short link or a bio page, and the rules for how it may look.

use crate::{
    Refused,
    colour::Colour,
    id::{LinkId, PageId, QrId},
    picture::Picture,
    time::Time,
    token::Token,
    visit::Target,
};

/// A QR code.
#[derive(Clone, Debug, PartialEq)]
pub struct QrCode {
    /// Its id.
    pub id: QrId,
    /// What it leads to.
    pub aim: Aim,
    /// What tells its scans from other visits.
    pub token: Token,
    /// How it looks.
    pub look: Look,
    /// How often people scanned it.
    pub scans: i64,
    /// Counts its changes (scans are none), from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When its owner last changed it.
    pub updated_at: Time,
}

/// What a code leads to, for good: it may be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// A short link.
    Link(LinkId),
    /// A bio page.
    Page(PageId),
}

impl Aim {
    /// The link, where it is one.
    pub const fn link(self) -> Option<LinkId> {
        match self {
            Self::Link(link) => Some(link),
            Self::Page(_) => None,
        }
    }

    /// The page, where it is one.
    pub const fn page(self) -> Option<PageId> {
        match self {
            Self::Link(_) => None,
            Self::Page(page) => Some(page),
        }
    }

    /// What is visited by a scan.
    pub const fn target(self) -> Target {
        match self {
            Self::Link(link) => Target::Link(link),
            Self::Page(page) => Target::Page(page),
        }
    }
}

/// How a code looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The colour of the modules.
    pub foreground: Colour,
    /// The colour behind them.
    pub background: Colour,
    /// The colour of the three eyes; that of the modules unless it is named.
    pub eye: Option<Colour>,
    /// Whether nothing is painted behind the modules. The background's colour is then what it is expected to lie on.
    pub is_transparent: bool,
    /// Width and height of a picture of it, where none is asked for, in pixels: [`SIZES`].
    pub size: u16,
    /// How much of it may be damaged; `None` leaves the choice to us.
    pub error_correction: Option<ErrorCorrection>,
    /// How the modules are drawn.
    pub shape: Shape,
    /// The width of the free border, in modules: [`MARGINS`].
    pub margin: u8,
    /// A line of text below it.
    pub caption: Option<String>,
    /// The picture in its middle.
    pub logo: Option<Picture>,
}

/// Widths of pictures, in pixels.
pub const SIZES: std::ops::RangeInclusive<i64> = 128..=2048;
/// Widths of the free border, in modules. The standard asks for 4 (ISO/IEC 18004, "quiet zone").
pub const MARGINS: std::ops::RangeInclusive<i64> = 0..=16;
/// Most characters of a caption.
pub const CAPTION_CHARACTERS: usize = 60;

impl Default for Look {
    fn default() -> Self {
        Self {
            foreground: Colour::BLACK,
            background: Colour::WHITE,
            eye: None,
            is_transparent: false,
            size: 512,
            error_correction: None,
            shape: Shape::Square,
            margin: 4,
            caption: None,
            logo: None,
        }
    }
}

impl Look {
    /// The level that it is drawn with: as chosen, or M, or Q where a logo hides a part. H would repair more of what is hidden,
    /// but it makes a code so dense that it cannot be read when it is small.
    pub fn level(&self) -> ErrorCorrection {
        let ours = if self.logo.is_some() { ErrorCorrection::Quartile } else { ErrorCorrection::Medium };
        self.error_correction.unwrap_or(ours)
    }
}

/// How much of a code may be damaged and still be read (ISO/IEC 18004, "error correction level").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCorrection {
    /// About 7 %.
    Low,
    /// About 15 %.
    Medium,
    /// About 25 %.
    Quartile,
    /// About 30 %.
    High,
}

impl ErrorCorrection {
    /// All of them, the weakest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::Quartile, Self::High];

    /// As written in requests and answers: `L`, `M`, `Q`, `H`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "L",
            Self::Medium => "M",
            Self::Quartile => "Q",
            Self::High => "H",
        }
    }

    /// Reads a level.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.into_iter().find(|level| level.as_str() == text).ok_or(Refused::because("Must be L, M, Q or H"))
    }
}

/// How modules are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Squares that touch: the plain code.
    #[default]
    Square,
    /// What touches flows together, with round ends.
    Rounded,
    /// A dot each.
    Dots,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Square, Self::Rounded, Self::Dots];

    /// As written in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::Rounded => "rounded",
            Self::Dots => "dots",
        }
    }

    /// Reads a shape.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|shape| shape.as_str() == text);
        found.ok_or(Refused::because("Must be square, rounded or dots"))
    }
}

/// Checks a width: 128–2048 pixels.
pub fn parse_size(number: i64) -> Result<u16, Refused> {
    let size = u16::try_from(number).ok().filter(|_| SIZES.contains(&number));
    size.ok_or(Refused::because("Must be a whole number from 128 to 2048"))
}

/// Checks a border: 0–16 modules.
pub fn parse_margin(number: i64) -> Result<u8, Refused> {
    let margin = u8::try_from(number).ok().filter(|_| MARGINS.contains(&number));
    margin.ok_or(Refused::because("Must be a whole number from 0 to 16"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Format, PictureName};

    #[test]
    fn words_read_back() {
        for level in ErrorCorrection::ALL {
            assert_eq!(ErrorCorrection::parse(level.as_str()), Ok(level));
        }
        for shape in Shape::ALL {
            assert_eq!(Shape::parse(shape.as_str()), Ok(shape));
        }
        assert!(ErrorCorrection::parse("m").is_err() && Shape::parse("round").is_err());
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(parse_size(128).is_ok() && parse_size(2048).is_ok() && parse_size(127).is_err());
        assert!(parse_size(2049).is_err() && parse_size(-1).is_err() && parse_size(i64::MAX).is_err());
        assert!(parse_margin(0).is_ok() && parse_margin(17).is_err() && parse_margin(-1).is_err());
    }

    #[test]
    fn a_logo_raises_the_level_that_nobody_chose() {
        let name = PictureName::of(b"pixels", Format::Png);
        let logo = Some(Picture { url: String::new(), name, width: 8, height: 8 });
        assert_eq!(Look::default().level(), ErrorCorrection::Medium);
        assert_eq!(Look { logo: logo.clone(), ..Look::default() }.level(), ErrorCorrection::Quartile);
        let chosen = Look { logo, error_correction: Some(ErrorCorrection::Low), ..Look::default() };
        assert_eq!(chosen.level(), ErrorCorrection::Low);
    }
}
