//! QR codes as pictures: drawn on threads of their own, and kept in memory by what they show.
//!
//! A drawing follows from what the code says, how it looks, its size and its format, and from nothing else. So its name is
//! made from these alone: it is the tag that browsers compare, and it is known before anything is drawn. No drawing is ever
//! written to a disk; to draw one anew takes a millisecond or two.

use bytes::Bytes;
use mask_core::qr::Look;
use mask_picture::qr::{self, Drawing, Undrawable, Unscannable};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};

use super::workshop::{Swamped, Workshop};

/// The most memory for drawings.
const MEMORY_BYTES: u64 = 16 << 20;
/// What one usually takes.
const USUAL_BYTES: usize = 8 << 10;
/// What one takes beside its bytes.
const SLOT_BYTES: u64 = 96;
/// Those that may wait for a thread.
const WAITING: usize = 128;

/// How a drawing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawingFormat {
    /// Pixels.
    Png,
    /// Shapes, for screens.
    Svg,
    /// Shapes, for printers.
    Pdf,
}

impl DrawingFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Png, Self::Svg, Self::Pdf];

    /// As written in requests, and at the end of names of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
            Self::Pdf => "application/pdf",
        }
    }
}

/// What is to be drawn.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the code says.
    pub content: String,
    /// How it looks.
    pub look: Look,
    /// The bytes of its logo.
    pub logo: Option<Bytes>,
}

/// Why there is no drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undrawn {
    /// It cannot be drawn.
    Undrawable(Undrawable),
    /// There is more to do than can be done.
    Swamped,
}

impl From<Swamped> for Undrawn {
    fn from(_: Swamped) -> Self {
        Self::Swamped
    }
}

/// What a drawing is known by: 16 bytes that follow from all that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DrawingName([u8; 16]);

impl DrawingName {
    /// The name of the drawing of this content and look, so large and in this format.
    pub fn of(content: &str, look: &Look, size: u16, format: DrawingFormat) -> Self {
        let Look {
            foreground,
            background,
            eye,
            is_transparent,
            size: _,
            error_correction: _,
            shape,
            margin,
            caption,
            logo,
        } = look;
        // What is drawn may change with the program, so its version is part of the name. Each part is followed by what no
        // part can hold, so that no two looks are written alike.
        let parts = [
            env!("CARGO_PKG_VERSION").to_owned(),
            content.to_owned(),
            foreground.to_string(),
            background.to_string(),
            eye.map_or_else(String::new, |eye| eye.to_string()),
            is_transparent.to_string(),
            look.level().as_str().to_owned(),
            shape.as_str().to_owned(),
            margin.to_string(),
            caption.clone().unwrap_or_default(),
            logo.as_ref().map_or_else(String::new, |logo| logo.name.to_string()),
            size.to_string(),
            format.as_str().to_owned(),
        ];
        let digest = Sha256::digest(parts.join("\0"));
        let mut name = [0; 16];
        name.copy_from_slice(&digest[..16]);
        Self(name)
    }

    /// The entity tag of the drawing.
    pub fn tag(&self) -> String {
        format!("\"{:032x}\"", u128::from_be_bytes(self.0))
    }
}

/// See the module.
pub struct Drawings {
    drawn: Cache<DrawingName, Bytes, Weight>,
    workshop: Workshop,
}

#[derive(Clone)]
struct Weight;

impl Weighter<DrawingName, Bytes> for Weight {
    fn weight(&self, _: &DrawingName, bytes: &Bytes) -> u64 {
        SLOT_BYTES + bytes.len() as u64
    }
}

impl std::fmt::Debug for Drawings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drawings").field("workshop", &self.workshop).finish_non_exhaustive()
    }
}

impl Drawings {
    /// At most so many at once.
    pub fn at_once(places: usize) -> Self {
        let usual = usize::try_from(MEMORY_BYTES).unwrap_or(usize::MAX) / USUAL_BYTES;
        Self { drawn: Cache::with_weighter(usual, MEMORY_BYTES, Weight), workshop: Workshop::with(places, WAITING) }
    }

    /// The drawing of this name, if it was drawn lately.
    pub fn known(&self, name: &DrawingName) -> Option<Bytes> {
        self.drawn.get(name)
    }

    /// Draws what is wanted, which has this name.
    pub async fn draw(
        &self,
        name: DrawingName,
        wanted: Wanted,
        size: u16,
        format: DrawingFormat,
    ) -> Result<Bytes, Undrawn> {
        let drawn = self.workshop.work(move || wanted.draw(size, format)).await?.map_err(Undrawn::Undrawable)?;
        self.drawn.insert(name, drawn.clone());
        Ok(drawn)
    }

    /// Whether a code that looks so will scan; where its level was asked for just now, with that.
    pub async fn check(&self, wanted: Wanted, is_level_asked: bool) -> Result<Result<(), Unscannable>, Swamped> {
        let check = move || {
            let drawing = wanted.drawing();
            if is_level_asked {
                qr::check_level(&drawing)?;
            }
            qr::check(&drawing)
        };
        self.workshop.work(check).await
    }
}

impl Wanted {
    fn drawing(&self) -> Drawing<'_> {
        Drawing { content: &self.content, look: &self.look, logo: self.logo.as_deref() }
    }

    fn draw(&self, size: u16, format: DrawingFormat) -> Result<Bytes, Undrawable> {
        let drawing = self.drawing();
        match format {
            DrawingFormat::Png => qr::png(&drawing, size).map(Bytes::from),
            DrawingFormat::Svg => qr::svg(&drawing, size).map(Bytes::from),
            DrawingFormat::Pdf => qr::pdf(&drawing, size).map(Bytes::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use mask_core::{
        colour::Colour,
        picture::{Format, Picture, PictureName},
        qr::{ErrorCorrection, Shape},
    };

    use super::*;

    #[test]
    fn whatever_is_seen_is_in_the_name() {
        let plain = Look::default();
        let name_of = |look: &Look| DrawingName::of("https://go.example/a?qr=1", look, 512, DrawingFormat::Png);
        let logo = |bytes: &[u8]| {
            let name = PictureName::of(bytes, Format::Png);
            Some(Picture { url: "https://example.com/logo.png".to_owned(), name, width: 9, height: 9 })
        };
        let looks = [
            plain.clone(),
            Look { foreground: Colour::of(1, 2, 3), ..plain.clone() },
            Look { background: Colour::of(1, 2, 3), ..plain.clone() },
            Look { eye: Some(Colour::of(1, 2, 3)), ..plain.clone() },
            Look { is_transparent: true, ..plain.clone() },
            Look { error_correction: Some(ErrorCorrection::High), ..plain.clone() },
            Look { shape: Shape::Dots, ..plain.clone() },
            Look { margin: 5, ..plain.clone() },
            Look { caption: Some("5".to_owned()), ..plain.clone() },
            Look { logo: logo(b"one"), ..plain.clone() },
            Look { logo: logo(b"two"), ..plain.clone() },
        ];
        let mut names: Vec<_> = looks.iter().map(name_of).collect();
        names.push(DrawingName::of("https://go.example/b?qr=1", &plain, 512, DrawingFormat::Png));
        names.push(DrawingName::of("https://go.example/a?qr=1", &plain, 513, DrawingFormat::Png));
        names.push(DrawingName::of("https://go.example/a?qr=1", &plain, 512, DrawingFormat::Svg));
        let different: std::collections::HashSet<_> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len());
        let chosen = Look { error_correction: Some(ErrorCorrection::Medium), size: 128, ..plain.clone() };
        assert_eq!(name_of(&chosen), name_of(&plain), "what looks alike has one name");
    }

    #[tokio::test]
    async fn what_was_drawn_is_known() {
        let drawings = Drawings::at_once(1);
        let (content, look) = ("https://go.example/spring?qr=0000000000", Look::default());
        for format in DrawingFormat::ALL {
            let name = DrawingName::of(content, &look, 256, format);
            assert_eq!(drawings.known(&name), None);
            let wanted = Wanted { content: content.to_owned(), look: look.clone(), logo: None };
            let drawn = drawings.draw(name, wanted, 256, format).await.expect("a drawing");
            assert_eq!(drawings.known(&name), Some(drawn));
        }
    }
}
