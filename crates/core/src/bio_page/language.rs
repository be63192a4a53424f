//! The language of a page: as its owner says, or else as its letters let it be guessed.
//!
//! It decides which voice reads the page aloud, which way it runs, and how a browser breaks and quotes its lines. So it is never
//! left open: where nobody has said it, the first letter tells the script, and the script a language that is written in it;
//! where several are, letters that only one of them has.

use crate::{Refused, agent::language_named};

/// A language, as BCP 47 (RFC 5646) writes it: `en`, `pt-BR`, `zh-Hant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(String);

/// Which way lines run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    LeftToRight,
    /// From right to left.
    RightToLeft,
}

impl Direction {
    /// As HTML writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }
}

/// The languages that have a name of two letters (ISO 639-1).
const OF_TWO_LETTERS: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv \
    dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv \
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no \
    nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti \
    tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";
/// Languages that are written from right to left where nothing else is said.
const RIGHT_TO_LEFT: &str = "ar arc ary arz azb ckb dv fa glk he ks lrc mzn nqo pnb prs ps sd sdh syr ug ur yi";
/// Scripts that run from right to left (ISO 15924).
const SCRIPTS_FROM_THE_RIGHT: [&str; 9] = ["Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"];

/// Letters and the language that is taken for theirs, in the order of their numbers.
const SCRIPTS: &[(u32, u32, &str)] = &[
    (0x370, 0x3ff, "el"),
    (0x400, 0x52f, "ru"),
    (0x530, 0x58f, "hy"),
    (0x590, 0x5ff, "he"),
    (0x600, 0x6ff, "ar"),
    (0x700, 0x74f, "syr"),
    (0x750, 0x77f, "ar"),
    (0x780, 0x7bf, "dv"),
    (0x7c0, 0x7ff, "nqo"),
    (0x8a0, 0x8ff, "ar"),
    (0x900, 0x97f, "hi"),
    (0x980, 0x9ff, "bn"),
    (0xa00, 0xa7f, "pa"),
    (0xa80, 0xaff, "gu"),
    (0xb00, 0xb7f, "or"),
    (0xb80, 0xbff, "ta"),
    (0xc00, 0xc7f, "te"),
    (0xc80, 0xcff, "kn"),
    (0xd00, 0xd7f, "ml"),
    (0xd80, 0xdff, "si"),
    (0xe00, 0xe7f, "th"),
    (0xe80, 0xeff, "lo"),
    (0xf00, 0xfff, "bo"),
    (0x1000, 0x109f, "my"),
    (0x10a0, 0x10ff, "ka"),
    (0x1100, 0x11ff, "ko"),
    (0x1200, 0x139f, "am"),
    (0x1780, 0x17ff, "km"),
    (0x1c90, 0x1cbf, "ka"),
    (0x1f00, 0x1fff, "el"),
    (0x3040, 0x30ff, "ja"),
    (0x3130, 0x318f, "ko"),
    (0x31f0, 0x31ff, "ja"),
    (0x3400, 0x9fff, "zh"),
    (0xac00, 0xd7af, "ko"),
    (0xf900, 0xfaff, "zh"),
    (0xfb1d, 0xfb4f, "he"),
    (0xfb50, 0xfdff, "ar"),
    (0xfe70, 0xfefc, "ar"),
    (0x10d00, 0x10d3f, "rhg-Rohg"),
    (0x1e900, 0x1e95f, "ff-Adlm"),
    (0x20000, 0x323af, "zh"),
];

/// What a guess becomes where one of these letters is among the words. The first that fits is taken.
const TELLING: [(&str, &str, &str); 7] = [
    ("ar", "ٹڈڑںےہ", "ur"),
    ("ar", "پچژگک", "fa"),
    ("ru", "ў", "be"),
    ("ru", "їєґі", "uk"),
    ("ru", "ђјљњћџ", "sr"),
    (
        "zh",
        "のはをにがでとへもアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモラリルレロワヲンー",
        "ja",
    ),
    ("hi", "ळ", "mr"),
];

impl Language {
    /// Reads a language: its name of two or three letters, and if need be its script, its country and its variants.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        const WANTED: Refused = Refused::because("Must be a language tag such as en, pt-BR or zh-Hant (BCP 47)");
        let mut parts = text.split('-').peekable();
        let is = |part: &str, lengths: std::ops::RangeInclusive<usize>, fits: fn(&u8) -> bool| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| fits(&byte))
        };
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_known = name.len() != 2 || OF_TWO_LETTERS.split(' ').any(|known| known == name);
        if !is_known || !is(&name, 2..=3, u8::is_ascii_alphabetic) {
            return Err(WANTED);
        }
        parts.next_if(|part| is(part, 4..=4, u8::is_ascii_alphabetic));
        parts.next_if(|part| is(part, 2..=2, u8::is_ascii_alphabetic) || is(part, 3..=3, u8::is_ascii_digit));
        let is_variant = |part: &str| {
            is(part, 5..=8, u8::is_ascii_alphanumeric)
                || is(part, 4..=4, u8::is_ascii_alphanumeric) && part.starts_with(|first: char| first.is_ascii_digit())
        };
        if parts.all(is_variant) { language_named(text).map(Self).ok_or(WANTED) } else { Err(WANTED) }
    }

    /// The language that words are taken to be in, by their letters; English where they have none.
    pub fn of_words(words: &str) -> Self {
        let first = words.chars().find(|letter| letter.is_alphabetic()).map_or(0, u32::from);
        let script = SCRIPTS.iter().find(|(from, to, _)| (*from..=*to).contains(&first));
        let guess = script.map_or("en", |(_, _, language)| *language);
        let has = |letters: &str| words.chars().flat_map(char::to_lowercase).any(|letter| letters.contains(letter));
        let told = TELLING.iter().find(|(of, letters, _)| *of == guess && has(letters));
        Self(told.map_or(guess, |(_, _, language)| *language).to_owned())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is English of some kind.
    pub fn is_english(&self) -> bool {
        self.name() == "en"
    }

    /// Which way it runs.
    pub fn direction(&self) -> Direction {
        let is_from_right = match self.script() {
            Some(script) => SCRIPTS_FROM_THE_RIGHT.contains(&script),
            None => RIGHT_TO_LEFT.split(' ').any(|name| name == self.name()),
        };
        if is_from_right { Direction::RightToLeft } else { Direction::LeftToRight }
    }

    /// Its name, without all that is said of where and how it is written.
    pub fn name(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The script that it is said to be in.
    pub fn script(&self) -> Option<&str> {
        let mut parts = self.0.split('-').skip(1);
        parts.find(|part| part.len() == 4 && !part.starts_with(|first: char| first.is_ascii_digit()))
    }

    /// The country or the part of the world that it is said to be from.
    pub fn region(&self) -> Option<&str> {
        let mut parts = self.0.split('-').skip(1);
        parts.find(|part| part.len() == 2 || part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (text, read) in [
            ("en", Some("en")),
            ("PT-br", Some("pt-BR")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("de-1996", Some("de-1996")),
            ("sl-rozaj", Some("sl-rozaj")),
            ("ckb", Some("ckb")),
            ("", None),
            ("e", None),
            ("english", None),
            ("xx", None),
            ("en_US", None),
            ("en-", None),
            ("en--US", None),
            ("en-US-Latn", None),
            ("en-x-mine", None),
            (" en", None),
            ("en\" onload=\"x", None),
            ("ен", None),
        ] {
            assert_eq!(Language::parse(text).ok().as_ref().map(Language::as_str), read, "{text:?}");
        }
    }

    #[test]
    fn words_let_it_be_guessed() {
        for (words, guess, runs) in [
            ("Ada", "en", "ltr"),
            ("", "en", "ltr"),
            ("👋 2026", "en", "ltr"),
            ("شيرين نشأت", "ar", "rtl"),
            ("پریسا", "fa", "rtl"),
            ("ٹیپو سلطان", "ur", "rtl"),
            ("2026 · שלום", "he", "rtl"),
            ("Ada سلام", "en", "ltr"),
            ("日本", "zh", "ltr"),
            ("日本の写真", "ja", "ltr"),
            ("ひらがな", "ja", "ltr"),
            ("안녕", "ko", "ltr"),
            ("Привет", "ru", "ltr"),
            ("Їжак", "uk", "ltr"),
            ("Ελένη", "el", "ltr"),
            ("สวัสดี", "th", "ltr"),
            ("नमस्ते", "hi", "ltr"),
            ("ދިވެހި", "dv", "rtl"),
            ("𞤀𞤁", "ff-Adlm", "rtl"),
        ] {
            let language = Language::of_words(words);
            assert_eq!((language.as_str(), language.direction().as_str()), (guess, runs), "{words}");
            assert!(Language::parse(guess).is_ok(), "{guess}");
        }
        assert!(SCRIPTS.is_sorted_by_key(|(from, ..)| *from));
        assert!(SCRIPTS.iter().all(|(from, to, language)| from < to && Language::parse(language).is_ok()));
        assert!(TELLING.iter().all(|(.., language)| Language::parse(language).is_ok()));
    }

    #[test]
    fn a_script_says_more_than_a_language() {
        for (tag, runs) in
            [("ar", "rtl"), ("ar-Latn", "ltr"), ("en-Arab", "rtl"), ("pa-Arab-PK", "rtl"), ("de-1996", "ltr")]
        {
            assert_eq!(Language::parse(tag).expect("a tag").direction().as_str(), runs, "{tag}");
        }
        assert!(Language::parse("en-GB").expect("a tag").is_english() && !Language::of_words("שלום").is_english());
    }
}
