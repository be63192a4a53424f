//! The typefaces that our pictures are written in.
//!
//! Those of Latin, Greek, Cyrillic, Arabic and Hebrew are part of the program, so that a picture looks the same wherever
//! it is made. What none of them can write (Chinese, Hindi, Thai …) is written in whatever the machine has, if it has
//! something: its fonts are looked for when a text first needs them, which is the only time this crate looks at files.
//! `fonts/README.md` says how ours were made.
//!
//! Which typeface has which character is read once. The library would open every font again for each character that is
//! missing in the first, which on a machine with many fonts makes a text of rare characters a way to keep it busy.

pub(crate) mod line;

use std::sync::{Arc, LazyLock};

use resvg::usvg::{
    FontResolver, ImageHrefResolver, Options,
    fontdb::{Database, FaceInfo, ID, Source},
};
use skrifa::MetadataProvider;

/// For lines of text: weights 400 and 600.
pub const TEXT: &str = "Inter";
/// For a few large words: weight 700.
pub const DISPLAY: &str = "Inter Display";

/// Typefaces, and what each can write.
#[derive(Debug)]
pub struct Typefaces {
    fonts: Arc<Database>,
    faces: Vec<Face>,
}

#[derive(Debug)]
struct Face {
    id: ID,
    family: String,
    weight: u16,
    is_upright: bool,
    /// The characters that it has, as runs of neighbours, the first and the last of each.
    characters: Vec<(u32, u32)>,
}

/// A part of a text, and the typeface to write it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run<'t> {
    pub(crate) family: &'static str,
    pub(crate) weight: u16,
    pub(crate) text: &'t str,
}

static OURS: LazyLock<Typefaces> = LazyLock::new(|| {
    let mut fonts = Database::new();
    let files: [&'static [u8]; 7] = [
        include_bytes!("../fonts/Inter-Regular.ttf"),
        include_bytes!("../fonts/Inter-SemiBold.ttf"),
        include_bytes!("../fonts/InterDisplay-Bold.ttf"),
        include_bytes!("../fonts/NotoSansArabic-Regular.ttf"),
        include_bytes!("../fonts/NotoSansArabic-Bold.ttf"),
        include_bytes!("../fonts/NotoSansHebrew-Regular.ttf"),
        include_bytes!("../fonts/NotoSansHebrew-Bold.ttf"),
    ];
    for file in files {
        fonts.load_font_source(Source::Binary(Arc::new(file)));
    }
    fonts.set_serif_family(TEXT);
    fonts.set_sans_serif_family(TEXT);
    fonts.set_monospace_family(TEXT);
    fonts.set_cursive_family(TEXT);
    fonts.set_fantasy_family(TEXT);
    Typefaces::of(fonts)
});

/// Ours and, behind them, the machine's.
static ALL: LazyLock<Typefaces> = LazyLock::new(|| {
    let mut fonts = Database::clone(&OURS.fonts);
    fonts.load_system_fonts();
    Typefaces::of(fonts)
});

/// The typefaces that are part of the program.
pub fn ours() -> &'static Typefaces {
    &OURS
}

/// The typefaces to write this text with: ours if they can, else the machine's as well.
pub fn writing(text: &str) -> &'static Typefaces {
    if text.chars().all(|character| OURS.has(character) || is_invisible(character)) { &OURS } else { &ALL }
}

impl Typefaces {
    fn of(fonts: Database) -> Self {
        let faces = fonts.faces().filter_map(|face| Face::of(&fonts, face)).collect();
        Self { fonts: Arc::new(fonts), faces }
    }

    /// The fonts themselves.
    pub fn fonts(&self) -> &Arc<Database> {
        &self.fonts
    }

    /// Whether one of them has a shape for the character.
    pub fn has(&self, character: char) -> bool {
        self.faces.iter().any(|face| face.has(character))
    }

    /// How drawings are read: written in these typefaces, and from nothing but themselves. No picture within a drawing is
    /// looked for, be it in files, in the net or in the drawing.
    pub fn options(&'static self) -> Options<'static> {
        Options {
            font_family: TEXT.to_owned(),
            fontdb: Arc::clone(&self.fonts),
            font_resolver: FontResolver {
                select_font: FontResolver::default_font_selector(),
                select_fallback: Box::new(|character, tried, _| self.instead(character, tried)),
            },
            image_href_resolver: ImageHrefResolver {
                resolve_data: Box::new(|_, _, _| None),
                resolve_string: Box::new(|_, _| None),
            },
            ..Options::default()
        }
    }

    /// Splits a text into runs that one typeface each can write: the wanted one where it can, else the nearest.
    pub(crate) fn runs<'t>(&'static self, text: &'t str, family: &'static str, weight: u16) -> Vec<Run<'t>> {
        let wanted = self.nearest(weight, |face| face.family == family);
        let mut runs: Vec<(Option<&Face>, usize, usize)> = Vec::new();
        for (start, character) in text.char_indices() {
            let end = start + character.len_utf8();
            let has = |face: &&Face| face.has(character) || is_invisible(character);
            let last = runs.last().and_then(|(face, ..)| *face).filter(|_| !character.is_alphanumeric()).filter(has);
            let face = last.or(wanted.filter(has)).or_else(|| self.nearest(weight, |face| face.has(character)));
            match runs.last_mut() {
                Some((before, _, until)) if before.map(|face| face.id) == face.map(|face| face.id) => *until = end,
                _ => runs.push((face, start, end)),
            }
        }
        let run = |(face, start, end): (Option<&'static Face>, usize, usize)| Run {
            family: face.map_or(family, |face| &face.family),
            weight: face.map_or(weight, |face| face.weight),
            text: &text[start..end],
        };
        runs.into_iter().map(run).collect()
    }

    fn nearest(&self, weight: u16, can: impl Fn(&Face) -> bool) -> Option<&Face> {
        let able = self.faces.iter().filter(|face| can(face));
        able.min_by_key(|face| (!face.is_upright, face.weight.abs_diff(weight)))
    }

    /// The typeface nearest to the first of those that were tried in vain.
    fn instead(&self, character: char, tried: &[ID]) -> Option<ID> {
        let wanted = tried.first().and_then(|id| self.faces.iter().find(|face| face.id == *id));
        let (weight, is_upright) = wanted.map_or((400, true), |face| (face.weight, face.is_upright));
        let others = self.faces.iter().filter(|face| !tried.contains(&face.id) && face.has(character));
        others.min_by_key(|face| (face.is_upright != is_upright, face.weight.abs_diff(weight))).map(|face| face.id)
    }
}

impl Face {
    fn of(fonts: &Database, face: &FaceInfo) -> Option<Self> {
        let mut codes: Vec<u32> = fonts.with_face_data(face.id, |file, index| {
            let font = skrifa::FontRef::from_index(file, index).ok()?;
            Some(font.charmap().mappings().map(|(code, _)| code).collect())
        })??;
        codes.sort_unstable();
        let mut characters: Vec<(u32, u32)> = Vec::new();
        for code in codes {
            match characters.last_mut() {
                Some((_, last)) if code <= *last + 1 => *last = code,
                _ => characters.push((code, code)),
            }
        }
        let family = face.families.first().map(|(name, _)| name.clone())?;
        let is_upright = face.style == resvg::usvg::fontdb::Style::Normal;
        Some(Self { id: face.id, family, weight: face.weight.0, is_upright, characters })
    }

    fn has(&self, character: char) -> bool {
        let code = u32::from(character);
        let after = self.characters.partition_point(|(first, _)| *first <= code);
        after.checked_sub(1).is_some_and(|run| code <= self.characters[run].1)
    }
}

/// Characters that need no shape: they only say how others are set.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_write_the_scripts_that_they_are_for() {
        for text in [
            "Ada “Žluťoučký” ŒþĐ €№…—",
            "Tiếng Việt rất đẹp",
            "Ольга Ґїўә",
            "Χαίρετε ᾧ",
            "سارة العلی پچگ ٣،",
            "נוֹעה ב־״",
        ] {
            for character in text.chars() {
                assert!(ours().has(character), "{character} U+{:04X}", u32::from(character));
            }
            assert!(std::ptr::eq(writing(text), ours()));
        }
        assert!(!ours().has('漢') && !ours().has('\u{10ffff}'));
        assert!(!std::ptr::eq(writing("漢"), ours()));
    }

    #[test]
    fn a_run_is_written_in_one_typeface() {
        let runs: Vec<_> = ours().runs("Ada, سارة (Bo)", TEXT, 400).iter().map(|run| (run.family, run.text)).collect();
        assert_eq!(runs, [(TEXT, "Ada, "), ("Noto Sans Arabic", "سارة "), (TEXT, "(Bo)")]);
        let bold = ours().runs("سارة", DISPLAY, 700);
        assert_eq!((bold[0].family, bold[0].weight), ("Noto Sans Arabic", 700));
        // What nobody can write stays with the wanted one, which shows that it is missing.
        assert_eq!(ours().runs("漢", TEXT, 400)[0].family, TEXT);
        assert!(ours().runs("", TEXT, 400).is_empty());
    }
}
