//! A picture of a user's, of which we keep a copy of our own.
//!
//! What users name is fetched once, made anew from its pixels, and kept under the name of its content. From then on only
//! the copy is shown: the original may change, vanish, or try to watch who looks at it.

use crate::Refused;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The address that its owner gave.
    pub url: String,
    /// Our copy.
    pub name: PictureName,
    /// The copy's width in pixels.
    pub width: u32,
    /// The copy's height in pixels.
    pub height: u32,
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For photographs.
    Jpeg,
    /// For drawings, and what lets the ground shine through.
    Png,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jpeg, Self::Png];

    /// How names of such pictures end, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The media type (RFC 9110 §8.3.1).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The name of a copy: the first 16 bytes of its SHA-256 in lower-case hexadecimal, a dot, and what it is written as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PictureName(String);

const DIGITS: usize = 32;

impl PictureName {
    /// The name of these bytes, which are written so.
    pub fn of(bytes: &[u8], format: Format) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(bytes);
        let number = digest.iter().take(DIGITS / 2).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        Self(format!("{number:0DIGITS$x}.{}", format.extension()))
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let is_name = text.split_once('.').is_some_and(|(digits, extension)| {
            digits.len() == DIGITS
                && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                && Format::ALL.iter().any(|format| format.extension() == extension)
        });
        if is_name { Ok(Self(text.to_owned())) } else { Err(Refused::because("Must be the name of a picture")) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the picture is written as.
    pub fn format(&self) -> Format {
        if self.0.ends_with(Format::Jpeg.extension()) { Format::Jpeg } else { Format::Png }
    }
}

impl std::fmt::Display for PictureName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            let name = PictureName::of(b"pixels", format);
            assert_eq!(PictureName::parse(name.as_str()), Ok(name.clone()));
            assert_eq!(name.format(), format);
        }
        let name = PictureName::of(b"pixels", Format::Png).to_string();
        for text in [
            "",
            ".png",
            "../secret.key",
            &name.to_uppercase(),
            &name[1..],
            &name.replace(".png", ".svg"),
            &format!("{name}.png"),
        ] {
            assert!(PictureName::parse(text).is_err(), "{text}");
        }
    }
}
